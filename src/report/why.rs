//! The findings in a text report: causes by incident, then what was noticed,
//! ruled out, and what the evidence does not decide.

use std::collections::{BTreeMap, BTreeSet};

use super::cite::{Line, Names};
use super::look::Ink;
use super::page::Page;
use crate::diagnosis::{Confidence, Finding, Incident, Role};
use crate::phrase;
use crate::pipeline::Explained;
use crate::words;

/// Root cause, then contributing facts, of each incident; the leading one first.
pub(super) fn causes(page: &mut Page<'_>, explained: &Explained, names: &Names<'_>) {
    let diagnosis = &explained.diagnosis;
    let plan = plan(explained);
    let shown = plan
        .iter()
        .filter(|part| !part.findings.is_empty() || part.incident.is_some());
    let shown: Vec<&Part<'_>> = shown.take(MAX_INCIDENTS).collect();
    if shown.is_empty() {
        return;
    }
    page.heading("Why");
    let numbers: BTreeMap<usize, usize> = (shown.iter().flat_map(|part| &part.findings).copied())
        .enumerate()
        .map(|(number, finding)| (finding, number + 1))
        .collect();
    let several = diagnosis.incidents.len() > 1;
    for part in &shown {
        // What the finding above explains is not said again below it.
        let mut said = Vec::new();
        match part.incident {
            Some((index, incident)) if several => {
                page.blank();
                let label = format!("Incident {} of {}: ", index + 1, diagnosis.incidents.len());
                page.labeled(0, &label, words::columns(&label), &incident.sentence);
            }
            _ => {}
        }
        for index in &part.findings {
            if let Some(finding) = diagnosis.findings.get(*index) {
                page.blank();
                cause(page, explained, names, &numbers, &mut said, *index, finding);
            }
        }
        if part.findings.is_empty() {
            page.blank();
            page.paragraph(2, "No cause was found for it in this evidence.");
        }
    }
    if plan.len() > shown.len() {
        let rest = (plan.len() - shown.len()) as u64;
        let rest = words::count(rest, "more incident", "more incidents");
        page.blank();
        page.paragraph(0, &format!("{rest}: see the JSON report."));
    }
}

/// The findings of one incident; `None` collects causes outside of incidents.
pub(super) struct Part<'a> {
    pub(super) incident: Option<(usize, &'a Incident)>,
    pub(super) findings: Vec<usize>,
}

/// Each cause under the first incident it explains; none twice.
pub(super) fn plan(explained: &Explained) -> Vec<Part<'_>> {
    let diagnosis = &explained.diagnosis;
    let is_cause = |finding: &Finding| matches!(finding.role, Role::RootCause | Role::Contributing);
    let mut used = BTreeSet::new();
    let mut parts = Vec::new();
    for (number, incident) in diagnosis.incidents.iter().enumerate() {
        let failures = incident
            .failures
            .iter()
            .filter_map(|at| diagnosis.failures.get(*at));
        let speaking: BTreeSet<usize> = failures
            .flat_map(|failure| failure.findings.iter().copied())
            .collect();
        let causes = speaking.into_iter().filter(|index| {
            diagnosis.findings.get(*index).is_some_and(is_cause)
                && Some(*index) != incident.root_cause
        });
        let mut findings: Vec<usize> = incident.root_cause.into_iter().chain(causes).collect();
        findings.retain(|index| used.insert(*index));
        parts.push(Part {
            incident: Some((number, incident)),
            findings,
        });
    }
    let indices = 0..diagnosis.findings.len();
    let rest = indices.filter(|index| {
        diagnosis.findings.get(*index).is_some_and(is_cause) && !used.contains(index)
    });
    let rest: Vec<usize> = rest.collect();
    if !rest.is_empty() {
        parts.push(Part {
            incident: None,
            findings: rest,
        });
    }
    parts
}

fn cause(
    page: &mut Page<'_>,
    explained: &Explained,
    names: &Names<'_>,
    numbers: &BTreeMap<usize, usize>,
    said: &mut Vec<usize>,
    index: usize,
    finding: &Finding,
) {
    let number = numbers.get(&index).copied().unwrap_or_default();
    let (ink, role) = match finding.role {
        Role::RootCause => (Ink::Bad, "Root cause"),
        _ => (Ink::Heading, "Contributing"),
    };
    let confidence = finding.confidence.map_or("", Confidence::word);
    let title = format!("{number}. {role}, {confidence}");
    page.inked(
        0,
        Some(ink),
        &title,
        words::columns(&title) + 2,
        &format!("({})", finding.rule),
    );
    let summary = words::sentence(&page.look.shown(&finding.summary, MAX_SENTENCE));
    page.paragraph(TEXT, &summary);
    let before: BTreeSet<usize> = finding
        .because_of
        .iter()
        .filter_map(|cause| numbers.get(cause))
        .copied()
        .collect();
    if !before.is_empty() {
        let before: Vec<String> = before.iter().map(ToString::to_string).collect();
        page.labeled(TEXT, "Follows from", LABELED, &words::series(&before));
    }
    if *said != finding.explains {
        explains(page, explained, finding);
        said.clone_from(&finding.explains);
    }
    places(page, names, finding);
}

/// What to do, most effective first: the root causes, then what contributed.
/// The numbers are those of the findings under *Why*.
pub(super) fn remedies(page: &mut Page<'_>, explained: &Explained) {
    let findings = &explained.diagnosis.findings;
    let order = plan(explained);
    let order = order
        .iter()
        .take(MAX_INCIDENTS)
        .flat_map(|part| &part.findings);
    let mut said: BTreeSet<&str> = BTreeSet::new();
    let numbered = order.enumerate().filter_map(|(number, index)| {
        let finding = findings.get(*index)?;
        (!finding.remedy.is_empty()).then_some((number + 1, finding))
    });
    let shown = numbered.filter(|(_, finding)| said.insert(finding.remedy.as_str()));
    let shown: Vec<(usize, &Finding)> = shown.take(MAX_REMEDIES).collect();
    if shown.is_empty() {
        return;
    }
    page.heading("What to do");
    for (place, (number, finding)) in shown.iter().enumerate() {
        page.blank();
        let part = match finding.role {
            Role::RootCause => "Repairs the cause",
            _ => "Helps",
        };
        let title = format!("{}. {part}", place + 1);
        let column = words::columns(&title) + 2;
        let ink = (finding.role == Role::RootCause).then_some(Ink::Good);
        page.inked(0, ink, &title, column, &format!("(finding {number})"));
        page.paragraph(TEXT, &remedy_text(page, finding));
        if let Some(proof) = &finding.remedy_proof {
            let text = page.look.shown(&proof.sentence(), MAX_SENTENCE);
            page.paragraph(TEXT, &text);
        }
    }
}

fn explains(page: &mut Page<'_>, explained: &Explained, finding: &Finding) {
    let failures = finding.explains.iter();
    let failures = failures.filter_map(|index| explained.diagnosis.failures.get(*index));
    let mut failures: Vec<_> = failures.collect();
    failures.sort_by_key(|failure| (failure.kind, failure.at));
    let Some(first) = failures.first() else {
        return;
    };
    let what = phrase::failure_phrase(&explained.case, first);
    let what = page.look.shown(&what, MAX_SENTENCE);
    let text = match failures.len() {
        1 => format!("{what}, {}", page.look.second(first.at)),
        many => {
            let rest = words::count(many as u64 - 1, "more failure", "more failures");
            format!("{what}, {}, and {rest}", page.look.second(first.at))
        }
    };
    page.labeled(TEXT, "Explains", LABELED, &text);
}

fn places(page: &mut Page<'_>, names: &Names<'_>, finding: &Finding) {
    let mut label = "Shown by";
    for line in names.lines(&finding.cites, page.look) {
        match line {
            Line::Text(text) => page.labeled(TEXT, label, LABELED, &text),
            Line::Filter(filter) => {
                let line = format!("{}{}", " ".repeat(LABELED), filter);
                let line = page.look.ink(Ink::Faint, &line);
                page.push(&line);
            }
        }
        label = "";
    }
}

fn remedy(page: &mut Page<'_>, finding: &Finding, label: &str) {
    if !finding.remedy.is_empty() {
        page.labeled(TEXT, label, LABELED, &remedy_text(page, finding));
    }
}

/// The remedy; it may have several lines.
fn remedy_text(page: &Page<'_>, finding: &Finding) -> String {
    let lines = finding.remedy.trim_end().split('\n');
    let lines = lines
        .take(MAX_ITEMS)
        .map(|line| page.look.shown(line, MAX_SENTENCE));
    lines.collect::<Vec<_>>().join("\n")
}

/// What is worth knowing and explains no failure.
pub(super) fn observations(page: &mut Page<'_>, explained: &Explained, names: &Names<'_>) {
    items(
        page,
        explained,
        Role::Observation,
        "Also noticed",
        |page, finding| {
            let confidence = finding.confidence.map_or("", Confidence::word);
            let title = format!("{} ({}, {confidence})", finding.summary, finding.rule);
            bullet(page, &title);
            places(page, names, finding);
            remedy(page, finding, "To do");
        },
    );
}

/// What was considered, and why it is not so.
pub(super) fn ruled_out(page: &mut Page<'_>, explained: &Explained, names: &Names<'_>) {
    items(
        page,
        explained,
        Role::RuledOut,
        "Ruled out",
        |page, finding| {
            bullet(page, &format!("{} ({})", finding.summary, finding.rule));
            let lines = names.lines(&finding.cites, page.look);
            let places = lines.into_iter().filter_map(|line| match line {
                Line::Text(text) => Some(text),
                Line::Filter(_) => None,
            });
            let places: Vec<String> = places.collect();
            if !places.is_empty() {
                page.labeled(TEXT, "Shown by", LABELED, &places.join("; "));
            }
        },
    );
}

/// What the evidence does not decide, and how to find out.
pub(super) fn cannot_tell(page: &mut Page<'_>, explained: &Explained, names: &Names<'_>) {
    let title = "Cannot be known from this evidence";
    items(page, explained, Role::CannotTell, title, |page, finding| {
        bullet(page, &format!("{} ({})", finding.summary, finding.rule));
        places(page, names, finding);
        remedy(page, finding, "To find out");
    });
}

/// What was said of the fault of 2011, claim by claim.
pub(super) fn claims(page: &mut Page<'_>, explained: &Explained) {
    let claims = &explained.diagnosis.claims;
    if claims.is_empty() {
        return;
    }
    page.heading("What was said of this fault in 2011");
    for claim in claims {
        let text = format!(
            "{} {}: {}.",
            claim.claim,
            words::sentence(claim.standing.word()),
            claim.because.trim_end_matches('.')
        );
        bullet(page, &text);
    }
}

fn items(
    page: &mut Page<'_>,
    explained: &Explained,
    role: Role,
    title: &str,
    mut write: impl FnMut(&mut Page<'_>, &Finding),
) {
    let findings = explained.diagnosis.findings.iter();
    let findings: Vec<&Finding> = findings.filter(|finding| finding.role == role).collect();
    if findings.is_empty() {
        return;
    }
    page.heading(title);
    for finding in findings.iter().take(MAX_ITEMS) {
        write(page, finding);
    }
    if let Some(rest) = findings
        .len()
        .checked_sub(MAX_ITEMS)
        .filter(|rest| *rest > 0)
    {
        bullet(
            page,
            &format!("{} more in the JSON report", words::thousands(rest as u64)),
        );
    }
}

fn bullet(page: &mut Page<'_>, text: &str) {
    let text = words::sentence(&page.look.shown(text, MAX_SENTENCE));
    page.labeled(0, " -", TEXT, &text);
}

/// Where the text of an item begins.
const TEXT: usize = 3;
/// Where the text beside a label begins.
const LABELED: usize = 17;
/// Remedies that a person reads.
const MAX_REMEDIES: usize = 12;
/// Findings of one role that a person reads; the JSON report has all.
const MAX_ITEMS: usize = 40;
/// Incidents that a person reads; the JSON report has all.
const MAX_INCIDENTS: usize = 20;
/// Characters of a sentence; one with a megabyte of host name is cut.
const MAX_SENTENCE: usize = 1000;
