//! The answer of `verify --axis`: the phases of the verdict between two times.

use std::io::{self, Write};

use serde::Serialize;
use whychain::chain::{Axis, Phase};
use whychain::pki::Certificate;
use whychain::words::{clean, wrap};

use super::verify_case::Case;

/// Columns of a line.
const WIDTH: usize = 80;
/// Columns before the text of a phase.
const LEAD: usize = 11;

#[derive(Serialize)]
struct Answer<'a> {
    axis: AnswerAxis,
    left_out: &'a [String],
}

#[derive(Serialize)]
struct AnswerAxis {
    from: String,
    to: String,
    complete: bool,
    phases: Vec<AnswerPhase>,
}

#[derive(Serialize)]
struct AnswerPhase {
    from: String,
    to: String,
    verdict: &'static str,
    error_status: Vec<String>,
    policy_error: Option<&'static str>,
    because: Vec<String>,
    changed: Vec<String>,
}

/// Writes the axis as text or JSON. The fields are those of `chains[].axis` in
/// the report.
///
/// # Errors
///
/// When the output cannot be written.
pub(super) fn write(
    output: &mut impl Write,
    case: &Case,
    leaf: &Certificate,
    axis: &Axis,
    json: bool,
) -> io::Result<()> {
    if json {
        let answer = Answer {
            axis: of(axis),
            left_out: &case.left_out,
        };
        serde_json::to_writer_pretty(&mut *output, &answer)?;
        return writeln!(output);
    }
    let name = clean(leaf.subject.short());
    let rules = case.policy.profile.word();
    writeln!(output, "{name}, judged by {rules}")?;
    for phase in &axis.phases {
        write_phase(output, phase)?;
    }
    writeln!(output, "\nuntil      {}", axis.to)?;
    if !axis.is_complete {
        writeln!(output, "A limit left out dates: changes may be missing.")?;
    }
    for what in &case.left_out {
        lines(output, "left out", what)?;
    }
    Ok(())
}

fn write_phase(output: &mut impl Write, phase: &Phase) -> io::Result<()> {
    writeln!(output)?;
    lines(output, "from", &phase.from.to_string())?;
    lines(output, "verdict", phase.verdict.word())?;
    if !phase.error_status.is_empty() {
        let (bits, names) = (phase.error_status.bits(), phase.error_status.names());
        let status = format!("0x{bits:08x} {}", names.join(", "));
        lines(output, "status", &status)?;
    }
    if let Some(code) = phase.policy_error.filter(|code| *code != "0") {
        lines(output, "SSL", code)?;
    }
    for what in &phase.because {
        lines(output, "because", what)?;
    }
    for what in &phase.changed {
        lines(output, "changed", what)?;
    }
    Ok(())
}

fn of(axis: &Axis) -> AnswerAxis {
    let phase = |phase: &Phase| AnswerPhase {
        from: phase.from.to_rfc3339(),
        to: phase.to.to_rfc3339(),
        verdict: phase.verdict.word(),
        error_status: phase.error_status.names(),
        policy_error: phase.policy_error,
        because: phase.because.clone(),
        changed: phase.changed.clone(),
    };
    AnswerAxis {
        from: axis.from.to_rfc3339(),
        to: axis.to.to_rfc3339(),
        complete: axis.is_complete,
        phases: axis.phases.iter().map(phase).collect(),
    }
}

fn lines(output: &mut impl Write, label: &str, text: &str) -> io::Result<()> {
    let mut label = label;
    for line in wrap(&clean(text), WIDTH.saturating_sub(LEAD)) {
        writeln!(output, "{}", format!("{label:<LEAD$}{line}").trim_end())?;
        label = "";
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Arc;
    use whychain::chain::Policy;
    use whychain::time::Timestamp;

    use crate::cli::verify_case::{Leaf, Role};

    const LEAF: &[u8] = include_bytes!("../../tests/data/diagnosis/leaf.der");
    const CA: &[u8] = include_bytes!("../../tests/data/diagnosis/issuing-ca.der");
    const ROOT: &[u8] = include_bytes!("../../tests/data/diagnosis/site-root.der");

    /// The leaf is valid from 2026-01-01 to 2027-01-01 (`tests/data/diagnosis.md`).
    fn told(from: &str, to: &str, json: bool) -> String {
        let time = |text: &str| Timestamp::from_rfc3339(text).unwrap();
        let leaf = Arc::new(Certificate::from_der(LEAF).unwrap());
        let whole = Leaf::Whole(Arc::clone(&leaf));
        let mut case = Case::new(whole, time(from), Policy::default());
        case.add(Role::Intermediate, "ca", CA);
        case.add(Role::Root, "root", ROOT);
        let axis = case.axis(&leaf, (time(from), time(to)));
        let mut output = Vec::new();
        write(&mut output, &case, &leaf, &axis, json).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn each_phase_has_its_first_instant_its_verdict_and_its_reason() {
        let text = told("2025-06-01T00:00:00Z", "2028-01-01T00:00:00Z", false);
        let froms: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("from       "))
            .collect();
        assert_eq!(froms.len(), 3, "{text}");
        assert!(froms[1].starts_with("2026-01-01"), "{text}");
        assert!(
            text.contains("because    www.shop.example expires"),
            "{text}"
        );
        assert!(text.contains("IS_NOT_TIME_VALID"), "{text}");
    }

    #[test]
    fn the_json_has_the_phases_without_gaps() {
        let value: serde_json::Value =
            serde_json::from_str(&told("2025-06-01T00:00:00Z", "2026-06-01T00:00:00Z", true))
                .unwrap();
        let phases = value["axis"]["phases"].as_array().unwrap();
        let words: Vec<_> = phases
            .iter()
            .map(|it| it["verdict"].as_str().unwrap())
            .collect();
        assert_eq!(words, ["reject", "accept"]);
        assert_eq!(phases[1]["from"], "2026-01-01T00:00:00Z");
        assert_eq!(phases[1]["to"], "2026-06-01T00:00:00Z");
        assert_eq!(value["axis"]["complete"], true);
    }
}
