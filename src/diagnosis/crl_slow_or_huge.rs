#![doc = include_str!("../../docs/rules/crl-slow-or-huge.md")]

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Rejection, Said, joined};
use super::statuses;
use crate::case::ArtifactSource;
use crate::case::status::{ElementStatus, Presence};
use crate::chain::{Element, SourceSays};
use crate::cryptnet;
use crate::retrieval::{ObjectKind, Outcome, Retrieval};

/// The rule.
pub const RULE: Rule = Rule {
    id: "crl-slow-or-huge",
    doc: include_str!("../../docs/rules/crl-slow-or-huge.md"),
    apply,
};

/// Seconds that CryptoAPI gives one URL (`dwUrlRetrievalTimeout` of
/// `CERT_CHAIN_PARA`, 15 s by default).
const URL_SECONDS: f64 = 15.0;
/// Bytes of one object that CryptoAPI takes (`MaxUrlRetrievalByteCount`, 100 MiB
/// by default).
const MAX_BYTES: u64 = 104_857_600;

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let open = statuses::not_revoked(inquiry);
    joined(
        open.filter_map(|(rejection, status, element)| judge(inquiry, &rejection, element, status)),
    )
}

fn judge(
    inquiry: &Inquiry<'_>,
    rejection: &Rejection<'_>,
    element: &Element,
    status: &ElementStatus,
) -> Option<Proposal> {
    let urls = element.certificate.crl_urls();
    let case = inquiry.case;
    // The connection waited for it: it was asked for during the handshake and was
    // not there before.
    let (from, to) = (rejection.handshake.at, rejection.failure.at);
    let during = case.attempts_between(rejection.failure.machine, from, to);
    let (index, retrieval, what) = during.into_iter().find_map(|index| {
        let retrieval = case.retrievals.get(index)?;
        let url = retrieval.url.as_deref()?;
        let is_own = matches!(retrieval.object, ObjectKind::Crl | ObjectKind::DeltaCrl)
            && urls.iter().any(|it| cryptnet::same_resource(it, url));
        let what = is_own.then(|| excess(retrieval, rejection))??;
        Some((index, retrieval, what))
    })?;
    if served_otherwise(inquiry, element, status, index) {
        return None;
    }
    let said = Said {
        summary: format!(
            "The CRL {} about \"{}\" {what}, so that the connection was given up without a status.",
            retrieval.url.as_deref().unwrap_or_default(),
            element.certificate.subject.short()
        ),
        remedy: "Divide the CRL (partitions, fewer entries), serve it from nearer, or offer OCSP; the time-outs can be raised by policy (Certificate Path Validation Settings, Network Retrieval). The whole CRL within 15 s shows that it worked.".to_owned(),
        basis: Basis {
            fault_seen: true,
            reaction_seen: true,
            poor_capture: inquiry.is_poor(retrieval),
            ..Basis::default()
        },
        // What broke off because it is too big would look like a broken transfer.
        precedence: Precedence::Object,
        subject: retrieval.url.clone().unwrap_or_default(),
        cites: inquiry.cites_of(&[index]),
    };
    Some(rejection.proposal(RULE.id, Stance::Cause, said))
}

/// What is too much about a transfer, as the end of a sentence; `None` where
/// nothing is.
fn excess(retrieval: &Retrieval, rejection: &Rejection<'_>) -> Option<String> {
    let body = retrieval.body.as_ref();
    let declared = body.and_then(|body| body.declared);
    let size = declared.max(body.map(|body| body.size))?;
    if size > MAX_BYTES {
        return Some(format!(
            "has {size} bytes, and Windows takes {MAX_BYTES} at most"
        ));
    }
    let reaction = rejection.failure.at;
    let until = retrieval.ended_at.min(reaction);
    let waited = until.since(retrieval.started_at).as_seconds();
    let came = retrieval.ended_at.since(retrieval.started_at).as_seconds();
    let is_slow = retrieval.outcome == Outcome::Ok && waited >= URL_SECONDS - 1.0;
    is_slow.then(|| format!("took {came:.0} s to come, and Windows waits {URL_SECONDS:.0} s"))
}

/// True when another copy or answer told the status at the time.
fn served_otherwise(
    inquiry: &Inquiry<'_>,
    element: &Element,
    status: &ElementStatus,
    slow: usize,
) -> bool {
    let tells = |sha256: [u8; 32]| {
        let mut sources = element.status_sources.iter();
        sources.any(|it| it.sha256 == sha256 && !matches!(it.says, SourceSays::Nothing(_)))
    };
    let mut at_hand = status.copies.iter().filter(|copy| {
        copy.presence == Presence::Yes && copy.source != ArtifactSource::Retrieval(slow)
    });
    at_hand.any(|copy| {
        let record = inquiry.case.artifacts.get(copy.artifact);
        record.is_some_and(|record| tells(record.artifact.sha256()))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CRL, OCSP, Story};
    use crate::diagnosis::statuses::samples::object;
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "crl-slow-or-huge";
    const FULL: [&str; 2] = ["leaf", "issuing-ca"];

    fn slow(end: i64) -> Story {
        Story::new()
            .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (10, end))
            .brings(&object("crl-in-force.crl"))
    }

    #[test]
    fn a_list_that_comes_after_the_time_out_explains_the_refusal() {
        let diagnosis = slow(40).rejects(&FULL, (9, 26)).diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "high")]);
        let summary = &diagnosis.of(RULE)[0].summary;
        assert!(summary.contains("took 30 s"), "{summary}");
    }

    #[test]
    fn a_list_of_more_than_a_hundred_mebibytes_is_not_taken() {
        let huge = Story::new()
            .fetch(ObjectKind::Crl, CRL, Outcome::Truncated, (10, 12))
            .page(crate::pki::LooksLike::Other, "")
            .with(|it| it.body.as_mut().unwrap().declared = Some(120_000_000))
            .rejects(&FULL, (9, 13))
            .diagnosis();
        assert_eq!(huge.verdict.root_cause, Some(RULE));
    }

    #[test]
    fn it_is_quiet_when_the_list_came_in_time_or_the_connection_went_on() {
        assert!(
            slow(12)
                .rejects(&FULL, (9, 26))
                .diagnosis()
                .of(RULE)
                .is_empty()
        );
        let accepted = slow(40).rejects(&FULL, (9, 26)).accepted();
        assert!(accepted.diagnosis().of(RULE).is_empty());
        // It closed at once: it did not wait for the list.
        assert!(
            slow(40)
                .rejects(&FULL, (9, 12))
                .diagnosis()
                .of(RULE)
                .is_empty()
        );
    }

    #[test]
    fn it_is_quiet_when_an_answer_serves_and_for_a_transfer_that_breaks_off() {
        let answered = slow(40)
            .fetch(ObjectKind::Ocsp, OCSP, Outcome::Ok, (11, 12))
            .brings(&object("ocsp-good.der"))
            .rejects(&FULL, (9, 26));
        assert!(answered.diagnosis().of(RULE).is_empty());
        let broken = Story::new()
            .fetch(ObjectKind::Crl, CRL, Outcome::Truncated, (10, 26))
            .page(crate::pki::LooksLike::Other, "")
            .rejects(&FULL, (9, 26));
        assert!(broken.diagnosis().of(RULE).is_empty());
    }
}
