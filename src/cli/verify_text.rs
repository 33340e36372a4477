//! The answer of `verify` for people: the best chain as a tree, every check
//! with its values, and of each other chain its first obstacle.

use std::io::{self, Write};

use whychain::chain::{Chain, Check, Element, Examination, Outcome};
use whychain::words::{clean, columns, wrap};

use super::verify_case::Case;

/// Columns of a line. A terminal of the usual width shows it unbroken.
const WIDTH: usize = 80;
/// Columns kept for text however deep the tree is.
const MIN_TEXT: usize = 32;
/// Columns of the longest word for a check, and two blanks.
const CHECK: usize = 21;
/// Levels drawn one below the other; a longer chain goes on at this one.
const MAX_LEVEL: usize = 8;

/// Writes the verdict, the best chain with its checks, and of each alternative
/// the first obstacle.
///
/// # Errors
///
/// When the output cannot be written.
pub(super) fn write(
    output: &mut impl Write,
    case: &Case,
    examination: &Examination,
) -> io::Result<()> {
    if let Some((best, others)) = examination.chains.split_first() {
        write_verdict(output, case, best)?;
        write_tree(output, best)?;
        write_others(output, others)?;
    }
    if examination.truncated {
        writeln!(
            output,
            "\nThe search stopped at a limit; there may be other chains."
        )?;
    }
    for what in &case.left_out {
        lines(output, "left out  ", "          ", what)?;
    }
    Ok(())
}

fn write_verdict(output: &mut impl Write, case: &Case, chain: &Chain) -> io::Result<()> {
    let policy = &case.policy;
    let mut asked = format!("{} at {}", policy.profile.word(), case.at);
    if let Some(host) = &policy.host {
        asked.push_str(&format!(", for {host}"));
    }
    lines(output, "verdict   ", "          ", chain.verdict.word())?;
    lines(output, "judged by ", "          ", &asked)?;
    if !chain.error_status.is_empty() {
        let (bits, names) = (chain.error_status.bits(), chain.error_status.names());
        let status = format!("0x{bits:08x} {}", names.join(", "));
        lines(output, "status    ", "          ", &status)?;
    }
    if let Some(code) = chain.policy_error.filter(|code| *code != "0") {
        lines(output, "SSL       ", "          ", code)?;
    }
    writeln!(output)
}

/// The root on top, the leaf below, as Windows draws a certification path.
fn write_tree(output: &mut impl Write, chain: &Chain) -> io::Result<()> {
    let count = chain.elements.len();
    for (level, element) in chain.elements.iter().rev().enumerate() {
        let indent = "   ".repeat(level.saturating_sub(1).min(MAX_LEVEL));
        let branch = if level == 0 { "" } else { "└─ " };
        let below = if level == 0 { "" } else { "   " };
        let rest = format!("{indent}{below}");
        lines(output, &format!("{indent}{branch}"), &rest, &title(element))?;
        let trunk = if level + 1 < count { "│  " } else { "   " };
        let trunk = if level < MAX_LEVEL { trunk } else { "   " };
        for check in &element.checks {
            write_check(output, &format!("{rest}{trunk}"), check)?;
        }
    }
    Ok(())
}

fn write_check(output: &mut impl Write, lead: &str, check: &Check) -> io::Result<()> {
    let (mark, bits) = match &check.outcome {
        Outcome::Pass => ("✓", String::new()),
        Outcome::Unknown(_) => ("?", String::new()),
        Outcome::Fail(bits) if bits.is_empty() => ("✗", String::new()),
        Outcome::Fail(bits) => ("✗", format!(" [{}]", bits.names().join(", "))),
    };
    let first = format!("{lead}{mark} {:<CHECK$}", check.kind.word());
    let rest = format!("{lead}  {:<CHECK$}", "");
    lines(output, &first, &rest, &format!("{}{bits}", check.detail))
}

fn title(element: &Element) -> String {
    let certificate = &element.certificate;
    let name = if certificate.subject.text.is_empty() {
        "(no subject)"
    } else {
        certificate.subject.text.as_str()
    };
    let anchor = if element.anchor { "  (anchor)" } else { "" };
    format!("{name}{anchor}")
}

/// Each other chain: its certificates, and what first stands in its way.
fn write_others(output: &mut impl Write, others: &[Chain]) -> io::Result<()> {
    if others.is_empty() {
        return Ok(());
    }
    writeln!(output, "\nother chains, and what first stands in their way")?;
    for (number, chain) in others.iter().enumerate() {
        let names: Vec<&str> = chain
            .elements
            .iter()
            .map(|element| element.certificate.subject.short())
            .collect();
        let lead = format!("{:>3}  ", number + 2);
        lines(output, &lead, "     ", &names.join(" < "))?;
        let obstacle = chain.failures().chain(chain.undecided()).next();
        let obstacle = match obstacle {
            None => "✓ every check holds; another chain ranks before it".to_string(),
            Some((at, check)) => {
                let mark = match check.outcome {
                    Outcome::Unknown(_) => "?",
                    Outcome::Pass | Outcome::Fail(_) => "✗",
                };
                let element = chain.elements.get(at);
                let name = element.map_or("", |element| element.certificate.subject.short());
                format!("{mark} {name}: {}: {}", check.kind.word(), check.detail)
            }
        };
        lines(output, "     ", "       ", &obstacle)?;
    }
    Ok(())
}

/// Text from certificates made safe, in lines of [`WIDTH`] columns: the first
/// after `first`, the others after `rest`.
fn lines(output: &mut impl Write, first: &str, rest: &str, text: &str) -> io::Result<()> {
    let width = WIDTH
        .saturating_sub(columns(first).max(columns(rest)))
        .max(MIN_TEXT);
    let mut lead = first;
    for line in wrap(&clean(text), width) {
        writeln!(output, "{}", format!("{lead}{line}").trim_end())?;
        lead = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use whychain::chain::{Policy, Profile};
    use whychain::pki::Certificate;
    use whychain::time::Timestamp;

    use std::sync::Arc;

    use crate::cli::verify_case::{Leaf, Role};

    /// A self-signed certificate judged as its own leaf, with or without being
    /// an anchor.
    fn answer(anchored: bool) -> String {
        let bytes = include_bytes!("../../tests/data/pki/ca.der");
        let leaf = Arc::new(Certificate::from_der(bytes).unwrap());
        let at = Timestamp::from_rfc3339("2024-06-01T00:00:00Z").unwrap();
        let policy = Policy {
            profile: Profile::Windows,
            ..Policy::default()
        };
        let mut case = Case::new(Leaf::Whole(Arc::clone(&leaf)), at, policy);
        if anchored {
            case.add(Role::Root, "root", bytes);
        }
        let mut output = Vec::new();
        write(&mut output, &case, &case.examine(&leaf)).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn every_check_is_shown_and_no_line_is_longer_than_a_terminal() {
        let text = answer(false);
        assert!(text.contains("✗ trust"), "{text}");
        assert!(text.contains("✓ validity"), "{text}");
        assert!(text.contains("IS_UNTRUSTED_ROOT"), "{text}");
        assert!(text.lines().all(|line| columns(line) <= WIDTH), "{text}");
    }

    #[test]
    fn an_anchor_is_marked_and_nothing_is_crossed_out() {
        let text = answer(true);
        assert!(text.contains("(anchor)"), "{text}");
        assert!(!text.contains('✗'), "{text}");
    }

    #[test]
    fn hostile_text_does_not_reach_the_terminal() {
        let mut output = Vec::new();
        lines(&mut output, "", "", "a\u{1b}[2Jb").unwrap();
        assert_eq!(output, b"a\\u{1b}[2Jb\n");
    }
}
