//! The findings: what shows each, how to look at it, what it explains.

use maud::{Markup, html};

use super::html::{Sheet, breakable};
use super::json_ids::{Kind, id};
use super::why;
use crate::diagnosis::{Confidence, Finding, Role};
use crate::phrase;
use crate::provenance::Cite;
use crate::words;

/// Root cause, then contributing facts, of each incident; the leading one first.
pub(super) fn causes(sheet: &Sheet<'_>) -> Option<Markup> {
    let diagnosis = &sheet.explained.diagnosis;
    let plan = why::plan(sheet.explained);
    let parts = plan
        .iter()
        .filter(|part| !part.findings.is_empty() || part.incident.is_some());
    let parts: Vec<_> = parts.take(MAX_INCIDENTS).collect();
    if parts.is_empty() {
        return None;
    }
    let several = diagnosis.incidents.len() > 1;
    Some(html! {
        @for part in &parts {
            @if let (Some((index, incident)), true) = (part.incident, several) {
                h3 { "Incident " (id(Kind::Incident, index)) }
                p { (sheet.shown(&incident.sentence, MAX_SENTENCE)) }
            }
            @for index in &part.findings {
                @if let Some(finding) = diagnosis.findings.get(*index) {
                    (article(sheet, *index, finding))
                }
            }
            @if part.findings.is_empty() {
                p class="note" { "No cause was found for it in this evidence." }
            }
        }
        @if plan.len() > parts.len() {
            p class="note" { (words::thousands((plan.len() - parts.len()) as u64)) " more incidents in the JSON report." }
        }
    })
}

/// What is worth knowing and explains no failure.
pub(super) fn observations(sheet: &Sheet<'_>) -> Option<Markup> {
    of_role(sheet, Role::Observation)
}

/// What was considered and is not so.
pub(super) fn ruled_out(sheet: &Sheet<'_>) -> Option<Markup> {
    of_role(sheet, Role::RuledOut)
}

/// What the evidence does not decide.
pub(super) fn cannot_tell(sheet: &Sheet<'_>) -> Option<Markup> {
    of_role(sheet, Role::CannotTell)
}

fn of_role(sheet: &Sheet<'_>, role: Role) -> Option<Markup> {
    let findings = sheet.explained.diagnosis.findings.iter().enumerate();
    let findings: Vec<_> = findings
        .filter(|(_, finding)| finding.role == role)
        .collect();
    if findings.is_empty() {
        return None;
    }
    let rest = findings.len().saturating_sub(MAX_ITEMS);
    Some(html! {
        @for (index, finding) in findings.iter().take(MAX_ITEMS) { (article(sheet, *index, finding)) }
        @if rest > 0 { p class="note" { (words::thousands(rest as u64)) " more in the JSON report." } }
    })
}

fn article(sheet: &Sheet<'_>, index: usize, finding: &Finding) -> Markup {
    let (class, role) = match finding.role {
        Role::RootCause => ("finding bad", "Root cause"),
        Role::Contributing => ("finding part", "Contributing"),
        Role::Observation => ("finding", "Noticed"),
        Role::RuledOut => ("finding out", "Ruled out"),
        Role::CannotTell => ("finding unsure", "Cannot tell"),
    };
    let summary = words::sentence(&sheet.shown(&finding.summary, MAX_SENTENCE));
    let own = id(Kind::Finding, index);
    html! {
        article class=(class) id=(own) {
            p class="finding-head" {
                span class="role" { (role) }
                @if let Some(confidence) = finding.confidence {
                    span class="badge" { (confidence.word()) }
                }
                code { (finding.rule) }
                span class="own-id" { (own) }
            }
            p class="summary" { (breakable(sheet.look, &summary)) }
            (relations(sheet, finding))
            (places(sheet, &finding.cites))
            @if let (true, Some(label)) = (!finding.remedy.is_empty(), remedy_label(finding.role)) {
                div class="remedy" {
                    p class="label" { (label) }
                    @for line in finding.remedy.trim_end().split('\n').take(MAX_ITEMS) {
                        p { (breakable(sheet.look, &sheet.shown(line, MAX_SENTENCE))) }
                    }
                }
            }
        }
    }
}

/// Causes have theirs on top of the page, under *What to do*.
fn remedy_label(role: Role) -> Option<&'static str> {
    match role {
        Role::RootCause | Role::Contributing | Role::RuledOut => None,
        Role::Observation => Some("To do"),
        Role::CannotTell => Some("To find out"),
    }
}

fn relations(sheet: &Sheet<'_>, finding: &Finding) -> Markup {
    let failures = &sheet.explained.diagnosis.failures;
    let explained = finding.explains.iter();
    let mut explained: Vec<_> = explained
        .filter_map(|index| failures.get(*index).map(|failure| (*index, failure)))
        .collect();
    explained.sort_by_key(|(index, failure)| (failure.kind, failure.at, *index));
    let rest = explained.len().saturating_sub(MAX_EXPLAINED);
    html! {
        @if !finding.because_of.is_empty() {
            p class="relation" {
                span class="label" { "Follows from " }
                @for (number, cause) in finding.because_of.iter().enumerate() {
                    @if number > 0 { ", " }
                    a href={ "#" (id(Kind::Finding, *cause)) } { (id(Kind::Finding, *cause)) }
                }
            }
        }
        @if !explained.is_empty() {
            p class="relation" {
                span class="label" { (if finding.role == Role::CannotTell { "Concerns " } else { "Explains " }) }
                @for (number, (index, failure)) in explained.iter().take(MAX_EXPLAINED).enumerate() {
                    @if number > 0 { "; " }
                    a href={ "#" (id(Kind::Failure, *index)) } {
                        (sheet.shown(&phrase::failure_phrase(&sheet.explained.case, failure), MAX_PHRASE))
                    }
                    ", " (sheet.look.second(failure.at))
                }
                @if rest > 0 { " and " (words::count(rest as u64, "more failure", "more failures")) }
            }
        }
    }
}

/// What was said of the fault of 2011, claim by claim.
pub(super) fn claims(sheet: &Sheet<'_>) -> Option<Markup> {
    let claims = &sheet.explained.diagnosis.claims;
    (!claims.is_empty()).then(|| {
        html! {
            @for claim in claims {
                article class="finding" {
                    p class="finding-head" {
                        span class="badge" { (claim.standing.word()) }
                        strong { (claim.claim) }
                    }
                    p class="summary" { (breakable(sheet.look, &words::sentence(&sheet.shown(&claim.because, MAX_SENTENCE)))) }
                    (places(sheet, &claim.cites))
                }
            }
        }
    })
}

/// The places that show it, with filter and command to copy.
pub(super) fn places(sheet: &Sheet<'_>, cites: &[Cite]) -> Markup {
    let (places, rest) = sheet.names.places(cites, sheet.look);
    if places.is_empty() {
        return html! {};
    }
    html! {
        div class="places" {
            p class="label" { "Shown by" }
            ul {
                @for place in &places {
                    li {
                        span { (place.text) }
                        @if let Some(filter) = &place.filter {
                            span class="copy" { span class="kind" { "Wireshark" } code { (filter) } }
                        }
                        @if let Some(command) = &place.command {
                            span class="copy" { span class="kind" { "Shell" } code { (command) } }
                        }
                    }
                }
                @if rest > 0 { li { (words::count(rest as u64, "more place", "more places")) " in the JSON report" } }
            }
        }
    }
}

/// The word of a confidence with what it means, for the glossary.
pub(super) fn confidence_meaning(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Proven => {
            "The fault was checked here, and the client's reaction to it is seen."
        }
        Confidence::High => {
            "The fault, or the reaction with exactly one matching cause, was seen directly."
        }
        Confidence::Medium => "One needed link is inferred.",
        Confidence::Low => {
            "It fits the pattern; more than one link is inferred, or the capture lacks bytes of it."
        }
    }
}

/// Incidents with findings on the page.
const MAX_INCIDENTS: usize = 40;
/// Findings of one role on the page.
const MAX_ITEMS: usize = 200;
/// Failures named of those a finding explains.
const MAX_EXPLAINED: usize = 5;
/// Characters of a sentence.
const MAX_SENTENCE: usize = 1200;
/// Characters of a phrase.
const MAX_PHRASE: usize = 200;
