//! The facts that an incident lead asks for first: who, where, from when to
//! when, how it looks at the end of the evidence.

use std::collections::BTreeSet;

use super::look::Look;
use crate::case::Case;
use crate::diagnosis::{Failure, FailureKind, Role, VerdictState, VerifierKind};
use crate::phrase;
use crate::pipeline::Explained;
use crate::time::Timestamp;
use crate::words;

/// A fact with its name, for a list below the answer.
pub(super) type Fact = (&'static str, String);

/// The facts of the whole case, in the order in which people ask.
pub(super) fn facts(explained: &Explained, look: &Look) -> Vec<Fact> {
    let case = &explained.case;
    let failures = &explained.diagnosis.failures;
    let mut facts = Vec::new();
    if failures.is_empty() {
        facts.extend(seen(explained, look));
        return facts;
    }
    let machines: BTreeSet<usize> = failures.iter().filter_map(|it| it.machine).collect();
    let machines = machines
        .iter()
        .map(|index| case.machine_phrase(Some(*index)));
    facts.extend(several("Machines", machines.collect(), look));
    let sites: BTreeSet<&str> = failures
        .iter()
        .filter_map(|it| it.site.as_deref())
        .collect();
    let sites = sites.into_iter().map(str::to_owned);
    facts.extend(several("Sites", sites.collect(), look));
    if let (Some(first), Some(last)) = (times(failures).min(), times(failures).max()) {
        let mut text = format!("{} {}", look.range(first, last), look.zone.name());
        if look.second(first) != look.second(last) {
            text.push_str(&format!(" ({})", words::span(last.since(first))));
        }
        facts.push(("When", text));
    }
    facts.push(("Failures", counted(explained)));
    facts.extend(verifiers(failures, look));
    facts.extend(ending(case, failures, look).map(|text| ("At the end", text)));
    facts
}

fn times(failures: &[Failure]) -> impl Iterator<Item = Timestamp> + '_ {
    failures.iter().map(|failure| failure.at)
}

/// What was looked at where nothing failed.
fn seen(explained: &Explained, look: &Look) -> Vec<Fact> {
    let case = &explained.case;
    let mut facts = Vec::new();
    let machines = (0..case.machines.len()).map(|index| case.machine_phrase(Some(index)));
    facts.extend(several("Machines", machines.collect(), look));
    let sites: BTreeSet<String> = case.handshakes.iter().map(phrase::site_of).collect();
    facts.extend(several("Sites", sites.into_iter().collect(), look));
    let first = case
        .evidence
        .iter()
        .filter_map(|record| record.first_at)
        .min();
    let last = case
        .evidence
        .iter()
        .filter_map(|record| record.last_at)
        .max();
    if let (Some(first), Some(last)) = (first, last) {
        let range = look.range(first, last);
        facts.push(("Evidence of", format!("{range} {}", look.zone.name())));
    }
    facts
}

fn several(name: &'static str, items: Vec<String>, look: &Look) -> Option<Fact> {
    if items.is_empty() {
        return None;
    }
    let shown = items.iter().take(MAX_NAMED);
    let mut shown: Vec<String> = shown.map(|item| look.shown(item, MAX_NAME)).collect();
    let total = items.len();
    if total > MAX_NAMED {
        shown.push(format!(
            "{} more",
            words::thousands((total - MAX_NAMED) as u64)
        ));
    }
    let text = words::series(&shown);
    let text = match total > MAX_NAMED {
        true => format!("{}: {text}", words::thousands(total as u64)),
        false => text,
    };
    Some((name, text))
}

fn counted(explained: &Explained) -> String {
    let diagnosis = &explained.diagnosis;
    let number = |kind| {
        let of_kind = diagnosis.failures.iter().filter(|it| it.kind == kind);
        of_kind.count() as u64
    };
    let kinds = [
        (
            FailureKind::Rejected,
            "rejected connection",
            "rejected connections",
        ),
        (
            FailureKind::Delayed,
            "delayed validation",
            "delayed validations",
        ),
        (
            FailureKind::Object,
            "trust object not obtained or not believed",
            "trust objects not obtained or not believed",
        ),
    ];
    let parts = kinds.iter().filter_map(|(kind, one, many)| {
        let number = number(*kind);
        (number > 0).then(|| words::count(number, one, many))
    });
    let text = words::series(&parts.collect::<Vec<_>>());
    match diagnosis.incidents.len() {
        0 | 1 => text,
        many => format!("{text}, in {many} incidents"),
    }
}

fn verifiers(failures: &[Failure], look: &Look) -> Option<Fact> {
    let names = failures.iter().filter(|it| it.kind != FailureKind::Object);
    let names: BTreeSet<String> = names.map(|it| verifier(it, look)).collect();
    let known: Vec<String> = names.into_iter().collect();
    if known.is_empty() {
        return None;
    }
    Some(("Judged by", words::series(&known)))
}

/// Who validated, in words.
pub(super) fn verifier(failure: &Failure, look: &Look) -> String {
    match (failure.verifier.kind, &failure.verifier.name) {
        (_, Some(name)) => look.shown(name, MAX_NAME),
        (VerifierKind::Capi, None) => "Windows CryptoAPI".to_owned(),
        (VerifierKind::Own, None) => "a verifier of its own".to_owned(),
        (VerifierKind::Proxy, None) => "the proxy".to_owned(),
        (VerifierKind::Unknown, None) => "unknown".to_owned(),
    }
}

/// Whether what failed was seen to work afterwards.
fn ending(case: &Case, failures: &[Failure], look: &Look) -> Option<String> {
    let leading = failures.iter().map(|it| it.kind).min()?;
    let own: Vec<&Failure> = failures.iter().filter(|it| it.kind == leading).collect();
    let text = phrase::ending(case, &own, |at| look.second(at));
    Some(look.shown(&text, MAX_SENTENCE))
}

/// The state of the verdict in words.
pub(super) fn state(state: VerdictState) -> &'static str {
    match state {
        VerdictState::Clean => "Nothing failed",
        VerdictState::Explained => "Explained",
        VerdictState::Undetermined => "Not determined",
        VerdictState::NoValidationSeen => "No validation seen",
    }
}

/// How sure the leading answer is, and its rule.
pub(super) fn root_cause(explained: &Explained) -> Option<(&'static str, Option<&'static str>)> {
    let rule = explained.diagnosis.verdict.root_cause?;
    let findings = &explained.diagnosis.findings;
    let finding = findings
        .iter()
        .find(|finding| finding.rule == rule && finding.role == Role::RootCause);
    let confidence = finding.and_then(|finding| finding.confidence);
    Some((rule, confidence.map(crate::diagnosis::Confidence::word)))
}

/// Names listed of machines and sites; the tables have all.
const MAX_NAMED: usize = 4;
/// Characters of a name.
const MAX_NAME: usize = 80;
/// Characters of a sentence with a URL in it.
const MAX_SENTENCE: usize = 300;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::diagnosis::{Healed, HealedBy};
    use crate::report::sample;

    fn fact(explained: &Explained, name: &str) -> Option<String> {
        let facts = facts(explained, &Look::default());
        let found = facts.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, text)| text)
    }

    #[test]
    fn what_worked_afterwards_is_said_and_what_did_not_too() {
        let mut explained = sample::explained();
        let ending = fact(&explained, "At the end").unwrap();
        assert!(ending.starts_with("not seen to recover"), "{ending}");
        let at = sample::at(40_000);
        let by = HealedBy::Handshake(0);
        explained.diagnosis.failures[0].healed = Some(Healed { at, by });
        let ending = fact(&explained, "At the end").unwrap();
        assert!(
            ending.contains("reached again at 2011-02-21 08:59:40"),
            "{ending}"
        );
    }

    #[test]
    fn machines_sites_and_times_are_named() {
        let explained = sample::explained();
        assert_eq!(
            fact(&explained, "Sites").as_deref(),
            Some("www.bank.example")
        );
        assert!(fact(&explained, "Machines").unwrap().contains("PC-17"));
        assert_eq!(fact(&sample::empty(), "When"), None);
    }
}
