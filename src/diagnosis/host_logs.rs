//! What the logs of the machine leave open: silence that says nothing, and
//! records that contradict what else is seen.

use super::failure::Reaction;
use super::inquiry::Inquiry;
use super::network::cannot_tell;
use super::proposal::{Proposal, Rule};
use super::rejections::{Rejection, rejections};
use crate::case::CaseChain;
use crate::chain::{Chain, TrustStatus};
use crate::host::capi::{self, LoggedChain};
use crate::host::event::LogEvent;
use crate::host::{HostFacts, HostSource};
use crate::provenance::Cite;
use crate::time::{Span, Timestamp};

#[doc = include_str!("../../docs/rules/log-absent-or-suspended.md")]
pub const LOG_ABSENT_OR_SUSPENDED: Rule = Rule {
    id: "log-absent-or-suspended",
    doc: include_str!("../../docs/rules/log-absent-or-suspended.md"),
    apply: log_absent_or_suspended,
};

/// A log that has records this near to a failure covers it.
const MARGIN: Span = Span::seconds(300);
/// A record and a handshake are of one validation when they are this near.
const SAME_VALIDATION: Span = Span::seconds(120);
/// Event 4102.
const SUSPENDED: u32 = 4102;

/// The logs of a machine.
fn logs<'a>(
    inquiry: &'a Inquiry<'_>,
    machine: Option<usize>,
) -> impl Iterator<Item = &'a HostSource> {
    let all = inquiry.case.hosts.iter().zip(&inquiry.case.host_machines);
    all.filter(move |(source, owner)| {
        machine.is_some() && **owner == machine && matches!(source.facts, HostFacts::Events(_))
    })
    .map(|(source, _)| source)
}

fn log_absent_or_suspended(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        for source in logs(inquiry, failure.machine) {
            let Some((what, cites)) = silence(source, failure.at) else {
                continue;
            };
            let summary = format!("{what}: that it is silent about the failure says nothing.");
            let known = proposals.iter_mut().find(|it| it.summary == summary);
            match known {
                Some(known) => known
                    .explains
                    .push((index, super::proposal::Precedence::Revocation)),
                None => proposals.push(cannot_tell(
                    &LOG_ABSENT_OR_SUSPENDED,
                    summary,
                    "Enable and enlarge the log (wevtutil sl Microsoft-Windows-CAPI2/Operational /e:true /ms:67108864), reproduce the failure, export it at once.",
                    cites,
                    &[index],
                )),
            }
        }
    }
    proposals
}

/// Why a log says nothing of a time.
fn silence(source: &HostSource, at: Timestamp) -> Option<(String, Vec<Cite>)> {
    let events = source.events();
    let name = &source.label;
    let suspended = events.iter().find(|event| {
        event.id == SUSPENDED && event.at <= at.plus(MARGIN) && at.since(event.at) <= HOUR
    });
    if let Some(event) = suspended {
        let what = format!(
            "{name} says that logging was suspended at {}",
            event.at.to_display()
        );
        return Some((what, vec![source.record(event.record)]));
    }
    let is_capi2 = |event: &LogEvent| event.channel.contains("CAPI2/Operational");
    let own: Vec<&LogEvent> = events.iter().filter(|event| is_capi2(event)).collect();
    let (Some(first), Some(last)) = (
        own.iter().min_by_key(|event| event.at),
        own.iter().max_by_key(|event| event.at),
    ) else {
        let named = name.to_ascii_lowercase().contains("capi2");
        let what = format!("{name} has no event of CryptoAPI; the log is off by default");
        return (named && events.is_empty()).then(|| (what, vec![source.bytes((0, 4096))]));
    };
    if first.at > at.plus(MARGIN) {
        let what = format!(
            "{name} begins at {}, after the failure",
            first.at.to_display()
        );
        return Some((what, vec![source.record(first.record)]));
    }
    (last.at.plus(MARGIN) < at).then(|| {
        let what = format!(
            "{name} ends at {}, before the failure",
            last.at.to_display()
        );
        (what, vec![source.record(last.record)])
    })
}

/// Event 4102 names its span in minutes; its default is an hour at most.
const HOUR: Span = Span::seconds(3600);

/// Bits that our checks decide without knowing the machine's memory or stores:
/// time, signature, usage, extensions, basic and name constraints.
const DECIDED: u32 = 0x1 | 0x8 | 0x10 | 0x100 | 0x400 | 0x4000 | 0x8000 | 0x0800_0000;

/// Records that say otherwise than the wire, or than our own check of the same
/// chain; `rule` is the one that tells of contradictions.
pub fn conflicts(inquiry: &Inquiry<'_>, rule: &Rule) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for rejection in rejections(inquiry) {
        for (source, event, logged) in records_of(inquiry, &rejection) {
            // A program that ends without a word against the certificate may have
            // rules of its own, beyond a chain that is good.
            let told = rejection.failure.reaction == Reaction::Told;
            if is_good(&logged) && !told {
                continue;
            }
            let differences = differences(rejection.examined, &logged);
            if differences.is_empty() {
                continue;
            }
            let process = event.process.as_deref().unwrap_or("a process");
            let mut cites = vec![source.record(event.record)];
            cites.extend(rejection.handshake.cites.iter().cloned());
            proposals.push(cannot_tell(
                rule,
                format!(
                    "The CAPI2 log (record {}, {process}) and what else is seen disagree about {}: {}.",
                    event.record,
                    rejection.site,
                    differences.join("; ")
                ),
                "Find the program of the connection and whether it asks CryptoAPI; compare the account, the process and the clock of the record.",
                cites,
                &[rejection.index],
            ));
        }
    }
    proposals
}

/// The records of chains (event 11) that can belong to a rejection, in the order
/// of the logs.
pub fn records_of<'a>(
    inquiry: &'a Inquiry<'_>,
    rejection: &Rejection<'_>,
) -> Vec<(&'a HostSource, &'a LogEvent, LoggedChain)> {
    let at = rejection.failure.at;
    let events = logs(inquiry, rejection.failure.machine)
        .flat_map(|source| source.events().iter().map(move |event| (source, event)));
    let near = events.filter(|(_, event)| event.at.since(at).abs() <= SAME_VALIDATION);
    let chains = near.filter_map(|(source, event)| Some((source, event, capi::chain(event)?)));
    chains
        .filter(|(source, event, logged)| !is_of_another(inquiry, source, event, logged, rejection))
        .collect()
}

/// True for a chain in which CryptoAPI found no fault.
#[must_use]
pub fn is_good(logged: &LoggedChain) -> bool {
    logged.error_status == 0 && logged.result == 0
}

/// True when a record has another validation to belong to: a handshake with
/// the same leaf nearer to it, or another record of this failure that is nearer.
fn is_of_another(
    inquiry: &Inquiry<'_>,
    source: &HostSource,
    event: &LogEvent,
    logged: &LoggedChain,
    rejection: &Rejection<'_>,
) -> bool {
    let at = rejection.failure.at;
    let distance = event.at.since(at).abs();
    let case = inquiry.case;
    let others = case.handshakes.iter().enumerate();
    let mut others = others.filter(|(index, _)| Some(*index) != rejection.failure.handshake);
    let nearer_handshake = others.any(|(_, other)| {
        let leaf = case.leaf_of(other);
        let same = leaf.is_some_and(|(_, leaf)| crate::bytes::to_hex(&leaf.sha1) == logged.leaf);
        let to_other = [other.at, other.ended_at]
            .map(|time| event.at.since(time).abs())
            .into_iter()
            .min();
        same && to_other.is_some_and(|to_other| to_other < distance)
    });
    let nearer_record = source.events().iter().any(|other| {
        other.record != event.record
            && other.at.since(at).abs() < distance
            && capi::chain(other).is_some_and(|chain| chain.leaf == logged.leaf)
    });
    nearer_handshake || nearer_record
}

/// What a record says otherwise than our own check of the same chain.
fn differences(ours: &CaseChain, logged: &LoggedChain) -> Vec<String> {
    let Some(best) = ours.chains.first() else {
        return Vec::new();
    };
    let sha1 = |chain: &Chain, at: usize| {
        let element = chain.elements.get(at)?;
        Some(crate::bytes::to_hex(&element.certificate.sha1))
    };
    if sha1(best, 0).as_deref() != Some(logged.leaf.as_str()) {
        return Vec::new();
    }
    if is_good(logged) {
        return vec!["the log says the chain is good, the client refused it".to_owned()];
    }
    let mut found = Vec::new();
    for (at, element) in logged.elements.iter().enumerate() {
        // Another way up has other elements; only the same ones compare.
        if sha1(best, at).as_deref() != Some(element.sha1.as_str()) {
            break;
        }
        let Some(own) = best.elements.get(at) else {
            break;
        };
        let bits = (element.error_status, own.error_status.bits());
        found.extend(bit_differences("the log", bits, &element.subject));
    }
    found
}

/// Bits of an element that one side has and the other has not: theirs, ours.
pub(super) fn bit_differences(who: &str, (theirs, mine): (u32, u32), subject: &str) -> Vec<String> {
    let (theirs, mine) = (theirs & DECIDED, mine & DECIDED);
    let names = |bits: u32| TrustStatus::from_bits(bits).names().join(", ");
    let mut found = Vec::new();
    if theirs & !mine != 0 {
        let bits = names(theirs & !mine);
        found.push(format!(
            "{who} has {bits} for {subject}, our check does not"
        ));
    }
    if mine & !theirs != 0 {
        let bits = names(mine & !theirs);
        found.push(format!(
            "our check has {bits} for {subject}, {who} does not"
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::LOG_ABSENT_OR_SUSPENDED as RULE;
    use crate::diagnosis::false_friends::{event, with_log};
    use crate::diagnosis::fixtures::Story;

    /// What is said of a log with one record, at five seconds, about a failure at
    /// another time.
    fn said(id: u32, failed: i64) -> Vec<String> {
        let story = Story::new().rejects(&["leaf", "issuing-ca"], (failed, failed + 1));
        let record = event("Microsoft-Windows-CAPI2", id, "<EventData/>");
        let diagnosis = with_log(story, record);
        let found = diagnosis.of(RULE.id);
        found.iter().map(|it| it.summary.clone()).collect()
    }

    #[test]
    fn a_log_that_begins_after_the_failure_or_ends_before_it_is_silent_about_it() {
        assert!(said(11, -4_000)[0].contains("after the failure"));
        assert!(said(11, 4_000)[0].contains("before the failure"));
    }

    #[test]
    fn a_log_that_was_suspended_says_nothing_by_its_silence() {
        assert!(said(4_102, 9)[0].contains("logging was suspended at"));
    }

    #[test]
    fn it_is_quiet_where_the_log_covers_the_failure() {
        assert!(said(11, 9).is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_log_long_suspended_before() {
        // Then it ended before; nothing is said of a suspension.
        assert!(!said(4_102, 9_000)[0].contains("suspended"));
    }
}
