//! The report as Markdown, for an issue or a wiki: the same order as the other
//! forms, with tables in place of pictures. Text from evidence is escaped, so
//! that it is neither markup nor HTML.

use std::collections::BTreeSet;

use super::cite::Names;
use super::given;
use super::impact;
use super::json_ids::{Kind, id};
use super::look::Look;
use super::markdown_facts as facts;
use super::markdown_text::{block, code, escaped};
use super::why;
use crate::diagnosis::{Confidence, Finding, Role};
use crate::phrase;
use crate::pipeline::Explained;
use crate::words;

/// Writes the report. Same input and look, same text; the look's zone matters,
/// its width and color do not.
#[must_use]
pub fn write(explained: &Explained, look: &Look) -> String {
    let look = look.of_file();
    let names = Names::of(&explained.case);
    let sheet = Sheet {
        explained,
        look: &look,
        names: &names,
    };
    let parts = [
        answer(&sheet),
        given_section(&sheet),
        remedies(&sheet),
        facts::happened(&sheet),
        facts::chains(&sheet),
        facts::axis(&sheet),
        facts::accounts(&sheet),
        causes(&sheet),
        of_role(&sheet, Role::Observation, "Also noticed"),
        of_role(&sheet, Role::RuledOut, "Ruled out"),
        of_role(&sheet, Role::CannotTell, "What this evidence cannot tell"),
        claims(&sheet),
        facts::failures(&sheet),
        facts::timeline(&sheet),
        facts::evidence(&sheet),
        facts::completeness(&sheet),
        footer(&sheet),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{}\n", parts.join("\n").trim_end())
}

/// What every section is written from.
pub(super) struct Sheet<'a> {
    pub(super) explained: &'a Explained,
    pub(super) look: &'a Look,
    pub(super) names: &'a Names<'a>,
}

impl Sheet<'_> {
    /// Text from evidence: clean, short enough, escaped.
    pub(super) fn text(&self, text: &str) -> String {
        escaped(&self.look.shown(text, MAX_TEXT))
    }
}

fn answer(sheet: &Sheet<'_>) -> Option<String> {
    let verdict = &sheet.explained.diagnosis.verdict;
    let mut text = format!(
        "# Certificate validation: {}\n\n",
        impact::state(verdict.state).to_lowercase()
    );
    if let Some((rule, confidence)) = impact::root_cause(sheet.explained) {
        let confidence = confidence
            .map(|word| format!("**{word}**, "))
            .unwrap_or_default();
        text.push_str(&format!("{confidence}{}\n\n", code(rule)));
    }
    text.push_str(&format!("{}\n\n", sheet.text(&verdict.sentence)));
    for (name, fact) in impact::facts(sheet.explained, sheet.look) {
        text.push_str(&format!("- **{name}:** {}\n", escaped(&fact)));
    }
    Some(text)
}

fn given_section(sheet: &Sheet<'_>) -> Option<String> {
    let items = given::items(sheet.explained, sheet.look);
    let lines = items.iter().map(|(label, text)| {
        let lines: Vec<String> = text.split('\n').map(|line| sheet.text(line)).collect();
        format!("- **{label}:** {}\n", lines.join("; "))
    });
    let lines: String = lines.collect();
    (!lines.is_empty()).then(|| format!("## {}\n\n{lines}\n{}\n", given::TITLE, given::NO_EVIDENCE))
}

fn remedies(sheet: &Sheet<'_>) -> Option<String> {
    let findings = &sheet.explained.diagnosis.findings;
    let mut said = BTreeSet::new();
    let plan = why::plan(sheet.explained);
    let order = plan.iter().flat_map(|part| part.findings.iter().copied());
    let order = order.filter_map(|index| findings.get(index).map(|finding| (index, finding)));
    let shown = order.filter(|(_, it)| !it.remedy.is_empty() && said.insert(&it.remedy));
    let items: Vec<String> = shown
        .take(MAX_REMEDIES)
        .enumerate()
        .map(|(number, (index, finding))| {
            let part = match finding.role {
                Role::RootCause => "Repairs the cause",
                _ => "Helps",
            };
            let lines = finding
                .remedy
                .trim_end()
                .split('\n')
                .map(|line| sheet.text(line));
            let proof = finding.remedy_proof.iter();
            let proof = proof.map(|proof| sheet.text(&proof.sentence()));
            let lines: Vec<String> = lines.chain(proof).collect();
            let own = id(Kind::Finding, index);
            format!(
                "{}. **{part}** ({own}, {}). {}\n",
                number + 1,
                code(finding.rule),
                lines.join("<br>")
            )
        })
        .collect();
    (!items.is_empty()).then(|| format!("## What to do\n\n{}", items.concat()))
}

fn causes(sheet: &Sheet<'_>) -> Option<String> {
    let diagnosis = &sheet.explained.diagnosis;
    let several = diagnosis.incidents.len() > 1;
    let mut text = String::new();
    for part in why::plan(sheet.explained).iter().take(MAX_INCIDENTS) {
        if let (Some((index, incident)), true) = (part.incident, several) {
            let sentence = sheet.text(&incident.sentence);
            text.push_str(&format!(
                "\n### Incident {}\n\n{sentence}\n",
                id(Kind::Incident, index)
            ));
        }
        for index in &part.findings {
            if let Some(finding) = diagnosis.findings.get(*index) {
                text.push_str(&one(sheet, *index, finding));
            }
        }
    }
    (!text.is_empty()).then(|| format!("## Findings and their evidence\n{text}"))
}

fn of_role(sheet: &Sheet<'_>, role: Role, title: &str) -> Option<String> {
    let findings = sheet.explained.diagnosis.findings.iter().enumerate();
    let of_role = findings.filter(|(_, finding)| finding.role == role);
    let items: Vec<String> = of_role
        .take(MAX_ITEMS)
        .map(|(index, finding)| one(sheet, index, finding))
        .collect();
    (!items.is_empty()).then(|| format!("## {title}\n{}", items.concat()))
}

fn claims(sheet: &Sheet<'_>) -> Option<String> {
    let claims = sheet.explained.diagnosis.claims.iter().map(|claim| {
        let because = sheet.text(&words::sentence(&claim.because));
        let word = claim.standing.word();
        format!("- {} **{word}**: {because}\n", escaped(claim.claim))
    });
    let claims: String = claims.collect();
    (!claims.is_empty()).then(|| format!("## What was said of this fault in 2011\n\n{claims}"))
}

fn one(sheet: &Sheet<'_>, index: usize, finding: &Finding) -> String {
    let role = match finding.role {
        Role::RootCause => "Root cause",
        Role::Contributing => "Contributing",
        Role::Observation => "Noticed",
        Role::RuledOut => "Ruled out",
        Role::CannotTell => "Cannot tell",
    };
    let confidence = finding
        .confidence
        .map(|it| format!(", {}", Confidence::word(it)));
    let own = id(Kind::Finding, index);
    let summary = sheet.text(&words::sentence(&finding.summary));
    let mut text = format!(
        "\n**{role}{}** ({own}, {}). {summary}\n",
        confidence.unwrap_or_default(),
        code(finding.rule)
    );
    let failures = finding.explains.iter().take(MAX_EXPLAINED);
    let failures = failures.filter_map(|index| sheet.explained.diagnosis.failures.get(*index));
    let named = failures.map(|failure| {
        let what = sheet.text(&phrase::failure_phrase(&sheet.explained.case, failure));
        format!("{what}, {}", sheet.look.second(failure.at))
    });
    let named: Vec<String> = named.collect();
    if !named.is_empty() {
        let verb = if finding.role == Role::CannotTell {
            "Concerns"
        } else {
            "Explains"
        };
        let rest = finding.explains.len().saturating_sub(MAX_EXPLAINED) as u64;
        let rest = match rest {
            0 => String::new(),
            rest => format!(
                "; and {}",
                words::count(rest, "more failure", "more failures")
            ),
        };
        text.push_str(&format!("\n- {verb}: {}{rest}\n", named.join("; ")));
    }
    text.push_str(&places(sheet, finding));
    let to_find_out = matches!(finding.role, Role::CannotTell | Role::Observation);
    if to_find_out && !finding.remedy.is_empty() {
        let label = if finding.role == Role::CannotTell {
            "To find out"
        } else {
            "To do"
        };
        text.push_str(&format!("\n- {label}: {}\n", sheet.text(&finding.remedy)));
    }
    text
}

fn places(sheet: &Sheet<'_>, finding: &Finding) -> String {
    let (places, rest) = sheet.names.places(&finding.cites, sheet.look);
    if places.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    for place in &places {
        let filter = place
            .filter
            .as_ref()
            .map(|filter| format!(", {}", code(filter)));
        text.push_str(&format!(
            "\n- Shown by {}{}",
            sheet.text(&place.text),
            filter.unwrap_or_default()
        ));
    }
    if rest > 0 {
        text.push_str(&format!(
            "\n- {} in the JSON report",
            words::count(rest as u64, "more place", "more places")
        ));
    }
    text.push('\n');
    let commands: Vec<String> = places
        .into_iter()
        .filter_map(|place| place.command)
        .collect();
    if !commands.is_empty() {
        text.push_str(&format!("\n{}", block(&commands)));
    }
    text
}

fn footer(sheet: &Sheet<'_>) -> Option<String> {
    let mut text = format!("---\n\nwhychain {}. ", env!("CARGO_PKG_VERSION"));
    if let Some(as_of) = sheet.explained.case.as_of {
        let as_of = sheet.look.second(as_of);
        text.push_str(&format!(
            "Every validation is judged as of {as_of} {}, as asked. ",
            sheet.look.zone.name()
        ));
    }
    text.push_str(&format!(
        "Times are {}. Packets count from 1, as in Wireshark.\n",
        sheet.look.zone.name()
    ));
    Some(text)
}

/// Remedies listed.
const MAX_REMEDIES: usize = 12;
/// Incidents told.
const MAX_INCIDENTS: usize = 20;
/// Findings of one role.
const MAX_ITEMS: usize = 40;
/// Failures named of those a finding explains.
const MAX_EXPLAINED: usize = 5;
/// Characters of a text.
const MAX_TEXT: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_answer_comes_first_and_every_section_is_in_its_place() {
        let text = write(&sample::explained(), &Look::default());
        let titles = text.lines().filter(|line| line.starts_with("## "));
        let titles: Vec<&str> = titles.collect();
        assert!(text.starts_with("# Certificate validation: explained\n"));
        assert_eq!(
            titles,
            [
                "## What to do",
                "## What happened",
                "## The chain",
                "## Validity and time",
                "## Account by account",
                "## Findings and their evidence",
                "## Also noticed",
                "## Ruled out",
                "## What this evidence cannot tell",
                "## What failed",
                "## Timeline",
                "## Evidence",
                "## How complete the evidence is",
            ]
        );
    }

    #[test]
    fn hostile_text_is_neither_markup_nor_a_line_of_its_own() {
        let mut explained = sample::hostile();
        explained.diagnosis.verdict.sentence = "<script>x</script>\n# clean |".to_owned();
        let text = write(&explained, &Look::default());
        assert!(!text.contains("<script"));
        assert!(
            !text
                .lines()
                .any(|line| line.starts_with("# clean") || line.starts_with("Verdict:"))
        );
        let bad = text
            .chars()
            .find(|it| *it != '\n' && words::is_hostile(*it));
        assert_eq!(bad, None);
        // Every row of a table has as many cells as its head.
        let mut cells = None;
        for line in text.lines() {
            let number = line.replace("\\|", "").matches('|').count();
            match (line.starts_with("| "), cells) {
                (true, Some(head)) => assert_eq!(number, head, "{line}"),
                (true, None) => cells = Some(number),
                (false, _) if line.starts_with("|---") => {}
                (false, _) => cells = None,
            }
        }
    }
}
