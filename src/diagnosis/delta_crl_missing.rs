#![doc = include_str!("../../docs/rules/delta-crl-missing.md")]

use super::inquiry::Inquiry;
use super::network;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Rejection, Said, joined};
use super::statuses;
use crate::case::status::{ElementStatus, Presence};
use crate::chain::{Element, SourceKind, SourceSays};
use crate::cryptnet;
use crate::pki::Crl;
use crate::pki::certificate::{DistributionPoint, GeneralName};
use crate::time::Timestamp;

/// The rule.
pub const RULE: Rule = Rule {
    id: "delta-crl-missing",
    doc: include_str!("../../docs/rules/delta-crl-missing.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let open = statuses::not_revoked(inquiry).filter(|(_, _, element)| !says_answer(element));
    joined(
        open.filter_map(|(rejection, status, element)| judge(inquiry, &rejection, element, status)),
    )
}

/// True when an OCSP answer serves: CRLs are then not asked for.
fn says_answer(element: &Element) -> bool {
    let mut sources = element.status_sources.iter();
    sources.any(|it| it.kind == SourceKind::Ocsp && it.says == SourceSays::Good)
}

fn judge(
    inquiry: &Inquiry<'_>,
    rejection: &Rejection<'_>,
    element: &Element,
    status: &ElementStatus,
) -> Option<Proposal> {
    let case = inquiry.case;
    let used_at = rejection.failure.at;
    let at_hand = status
        .copies
        .iter()
        .filter(|it| it.presence == Presence::Yes);
    let crls: Vec<&Crl> = at_hand
        .filter_map(|copy| case.crl(copy.artifact).map(|crl| &**crl))
        .collect();
    let base = crls
        .iter()
        .find(|crl| crl.delta_base.is_none() && is_in_force(crl, used_at))?;
    let of_base = base.freshest_crl.value().into_iter().flatten();
    let urls: Vec<&str> = of_base.flat_map(urls_of).collect();
    let deltas = || crls.iter().filter(|crl| crl.delta_base.is_some());
    if urls.is_empty() || deltas().any(|delta| is_in_force(delta, used_at)) {
        return None;
    }
    let attempts = attempts(inquiry, rejection, &urls, used_at);
    let failed: Vec<usize> = attempts
        .iter()
        .copied()
        .filter(|it| {
            inquiry
                .retrieval(*it)
                .is_some_and(|it| it.outcome.is_failure())
        })
        .collect();
    let expired = deltas().filter_map(|delta| delta.next_update).max();
    let why = match (
        failed.first().and_then(|it| inquiry.retrieval(*it)),
        expired,
    ) {
        (_, Some(since)) => format!("the one that came was out of date since {since}"),
        (Some(retrieval), None) => {
            format!(
                "the attempt to fetch it {}",
                network::outcome_phrase(retrieval)
            )
        }
        // That none is seen does not show that none was had.
        (None, None) => return None,
    };
    let mut cites = statuses::cites_of(inquiry, status);
    cites.extend(inquiry.cites_of(&failed));
    let said = Said {
        summary: format!(
            "The CRL about \"{}\" promises a delta CRL at {}, and {why}: what was revoked since {} is not known.",
            element.certificate.subject.short(),
            urls.first().copied().unwrap_or_default(),
            base.this_update
        ),
        remedy: "Publish the delta CRL at that address, or stop publishing deltas. On IIS, a name with + needs allowDoubleEscaping. A delta CRL in force that comes shows that it worked.".to_owned(),
        basis: statuses::basis(inquiry, rejection),
        precedence: Precedence::Revocation,
        subject: element.certificate.subject.text.clone(),
        cites,
    };
    Some(rejection.proposal(RULE.id, Stance::Cause, said))
}

fn is_in_force(crl: &Crl, at: Timestamp) -> bool {
    crl.this_update <= at && crl.next_update.is_none_or(|end| at <= end)
}

fn urls_of(point: &DistributionPoint) -> impl Iterator<Item = &str> {
    point.full_name.iter().filter_map(|name| match name {
        GeneralName::Uri(url) => Some(url.as_str()),
        _ => None,
    })
}

/// Attempts of the machine, begun before the reaction, to get any of these.
fn attempts(
    inquiry: &Inquiry<'_>,
    rejection: &Rejection<'_>,
    urls: &[&str],
    used_at: Timestamp,
) -> Vec<usize> {
    let case = inquiry.case;
    let all = case.retrievals.iter().zip(&case.retrieval_machines);
    let own = all.enumerate().filter(|(_, (retrieval, owner))| {
        let url = retrieval.url.as_deref();
        **owner == rejection.failure.machine
            && retrieval.started_at <= used_at
            && url.is_some_and(|url| urls.iter().any(|it| cryptnet::same_resource(it, url)))
    });
    own.map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CRL, OCSP, Story};
    use crate::diagnosis::statuses::samples::object;
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "delta-crl-missing";
    const DELTA: &str = "http://crl.example/issuing+.crl";
    const FULL: [&str; 2] = ["leaf", "issuing-ca"];

    fn base() -> Story {
        Story::new()
            .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (10, 11))
            .brings(&object("crl-promises-delta.crl"))
    }

    #[test]
    fn a_promised_delta_that_is_not_found_or_out_of_date_explains_the_refusal() {
        let not_found = base()
            .fetch(ObjectKind::DeltaCrl, DELTA, Outcome::HttpError, (11, 12))
            .rejects(&FULL, (9, 13))
            .diagnosis();
        assert_eq!(not_found.verdict.root_cause, Some(RULE));
        let summary = &not_found.of(RULE)[0].summary;
        assert!(summary.contains("status 404"), "{summary}");
        let expired = base()
            .fetch(ObjectKind::DeltaCrl, DELTA, Outcome::Ok, (11, 12))
            .brings(&object("delta-expired.crl"))
            .rejects(&FULL, (9, 13))
            .diagnosis();
        assert_eq!(expired.of(RULE)[0].role, Role::RootCause);
    }

    #[test]
    fn it_is_quiet_when_the_delta_came_or_an_answer_serves() {
        let came = base()
            .fetch(ObjectKind::DeltaCrl, DELTA, Outcome::Ok, (11, 12))
            .brings(&object("delta-in-force.crl"))
            .rejects(&FULL, (9, 13));
        assert!(came.diagnosis().of(RULE).is_empty());
        let answered = base()
            .fetch(ObjectKind::DeltaCrl, DELTA, Outcome::HttpError, (11, 12))
            .fetch(ObjectKind::Ocsp, OCSP, Outcome::Ok, (11, 12))
            .brings(&object("ocsp-good.der"))
            .rejects(&FULL, (9, 13));
        assert!(answered.diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_where_no_delta_is_promised_or_none_was_sought() {
        let unpromised = Story::new()
            .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (10, 11))
            .brings(&object("crl-in-force.crl"))
            .fetch(ObjectKind::DeltaCrl, DELTA, Outcome::HttpError, (11, 12))
            .rejects(&FULL, (9, 13));
        assert!(unpromised.diagnosis().of(RULE).is_empty());
        let unsought = base().rejects(&FULL, (9, 13));
        assert!(unsought.diagnosis().of(RULE).is_empty());
        let accepted = base()
            .fetch(ObjectKind::DeltaCrl, DELTA, Outcome::HttpError, (11, 12))
            .rejects(&FULL, (9, 13))
            .accepted();
        assert!(accepted.diagnosis().of(RULE).is_empty());
    }
}
