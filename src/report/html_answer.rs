//! The top of the page: the answer, whom it concerns, what to do.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::html::{Sheet, breakable};
use super::impact;
use super::json_ids::{Kind, id};
use super::why;
use crate::diagnosis::{Finding, Role, VerdictState};
use crate::words;

/// The answer with its facts.
pub(super) fn answer(sheet: &Sheet<'_>) -> Markup {
    let verdict = &sheet.explained.diagnosis.verdict;
    let class = match verdict.state {
        VerdictState::Clean => "answer good",
        VerdictState::Explained => "answer bad",
        VerdictState::Undetermined | VerdictState::NoValidationSeen => "answer unsure",
    };
    let cause = impact::root_cause(sheet.explained);
    let (first, rest) = sentences(&sheet.shown(&verdict.sentence, MAX_SENTENCE));
    html! {
        section id="answer" class=(class) aria-labelledby="answer-h" {
            h2 id="answer-h" class="quiet" { "Answer" }
            p class="badges" {
                span class="badge state" { (impact::state(verdict.state)) }
                @if let Some((rule, confidence)) = cause {
                    @if let Some(confidence) = confidence {
                        span class="badge" title="How sure this is" { (confidence) }
                    }
                    code class="rule" { (rule) }
                }
            }
            p class="lead" { (breakable(sheet.look, &first)) }
            @if !rest.is_empty() { p class="lead-rest" { (breakable(sheet.look, &rest)) } }
            dl class="facts" {
                @for (name, text) in impact::facts(sheet.explained, sheet.look) {
                    div { dt { (name) } dd { (text) } }
                }
            }
            (incidents(sheet))
        }
    }
}

/// The first sentences stand out; the others explain them.
fn sentences(text: &str) -> (String, String) {
    let ends = text.match_indices(". ").map(|(at, _)| at + 1);
    let end = ends.take_while(|end| *end <= MAX_LEAD).last();
    match end
        .filter(|_| text.chars().count() > MAX_LEAD)
        .and_then(|end| text.split_at_checked(end))
    {
        Some((first, rest)) => (first.to_owned(), rest.trim_start().to_owned()),
        None => (text.to_owned(), String::new()),
    }
}

fn incidents(sheet: &Sheet<'_>) -> Markup {
    let incidents = &sheet.explained.diagnosis.incidents;
    if incidents.len() < 2 {
        return html! {};
    }
    html! {
        h3 { "All incidents" }
        div class="scroll" { table {
            thead { tr {
                th scope="col" { "Incident" } th scope="col" { "What" }
                th scope="col" { "When" } th scope="col" class="number" { "Machines" }
                th scope="col" class="number" { "Failures" }
            } }
            tbody {
                @for (index, incident) in incidents.iter().take(MAX_INCIDENTS).enumerate() {
                    tr {
                        th scope="row" { (id(Kind::Incident, index)) }
                        td { (sheet.shown(&incident.sentence, MAX_SENTENCE)) }
                        td class="time" { (sheet.look.range(incident.from, incident.to)) }
                        td class="number" { (incident.machines.len()) }
                        td class="number" { (incident.failures.len()) }
                    }
                }
            }
        } }
        @if incidents.len() > MAX_INCIDENTS {
            p class="note" { (words::thousands((incidents.len() - MAX_INCIDENTS) as u64)) " more in the JSON report." }
        }
    }
}

/// What to do, most effective first: the root causes, then what contributed.
pub(super) fn remedies(sheet: &Sheet<'_>) -> Option<Markup> {
    let findings = &sheet.explained.diagnosis.findings;
    let mut said: BTreeSet<&str> = BTreeSet::new();
    let order = why::plan(sheet.explained);
    let order = order.iter().flat_map(|part| part.findings.iter().copied());
    let mut shown: Vec<(usize, &Finding)> = order
        .filter_map(|index| findings.get(index).map(|finding| (index, finding)))
        .filter(|(_, finding)| !finding.remedy.is_empty() && said.insert(&finding.remedy))
        .collect();
    shown.truncate(MAX_REMEDIES);
    if shown.is_empty() {
        return None;
    }
    Some(html! {
        ol class="remedies" {
            @for (index, finding) in shown {
                li {
                    p class="remedy-head" {
                        @if finding.role == Role::RootCause { strong { "Repairs the cause. " } }
                        @else { strong { "Helps. " } }
                        a href={ "#" (id(Kind::Finding, index)) } { "Finding " (id(Kind::Finding, index)) }
                        ", " code { (finding.rule) }
                    }
                    @for line in finding.remedy.trim_end().split('\n').take(MAX_LINES) {
                        p { (breakable(sheet.look, &sheet.shown(line, MAX_SENTENCE))) }
                    }
                    @if let Some(proof) = &finding.remedy_proof {
                        p class="proof" { (sheet.shown(&proof.sentence(), MAX_SENTENCE)) }
                    }
                }
            }
        }
    })
}

/// What stands out is at most this long.
const MAX_LEAD: usize = 300;
/// Incidents listed below the answer.
const MAX_INCIDENTS: usize = 50;
/// Remedies listed.
const MAX_REMEDIES: usize = 12;
/// Lines of one remedy.
const MAX_LINES: usize = 20;
/// Characters of a sentence.
const MAX_SENTENCE: usize = 1200;
