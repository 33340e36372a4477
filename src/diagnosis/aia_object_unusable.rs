#![doc = include_str!("../../docs/rules/aia-object-unusable.md")]

use std::sync::Arc;

use super::cached_pages::{self, Wanted};
use super::inquiry::{Basis, Inquiry};
use super::network::{self, Fault};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::redirects;
use super::rejections::{Rejection, SEEN, Said, joined, rejections};
use crate::pki::{Artifact, Certificate};
use crate::retrieval::{ObjectKind, Outcome};
use crate::words;

/// The rule.
pub const RULE: Rule = Rule {
    id: "aia-object-unusable",
    doc: include_str!("../../docs/rules/aia-object-unusable.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = network::proposals(inquiry, RULE.id, |index, retrieval| {
        // A redirect that led to the page is the earlier link.
        if redirects::sent_by(inquiry.case, index).is_some() {
            return None;
        }
        let wanted = matches!(retrieval.object, ObjectKind::AiaCert | ObjectKind::RootCrt);
        if !wanted || retrieval.outcome != Outcome::UnexpectedContent {
            return None;
        }
        let body = retrieval.body.as_ref()?;
        let title = body
            .title
            .as_ref()
            .map_or_else(String::new, |title| format!(", \"{title}\""));
        let hop = retrieval.route.proxy.map_or_else(
            || retrieval.host.clone().unwrap_or_default(),
            |proxy| proxy.to_string(),
        );
        Some(Fault {
            summary: format!(
                "The request for {} was answered with status {} and something that is no certificate ({}{title}, {}).",
                retrieval.url.as_deref().unwrap_or("the issuer certificate"),
                retrieval.status.unwrap_or_default(),
                body.looks_like.word(),
                words::count(body.size, "byte", "bytes")
            ),
            remedy: format!(
                "Publish the certificate (DER) at this URL, and exempt the host from pages made by {hop}. A body that is a certificate shows that it worked."
            ),
            hop,
            checked: true,
            inferred: 0,
        })
    });
    proposals.extend(cached_pages::proposals(
        inquiry,
        RULE.id,
        Wanted::Certificate,
    ));
    proposals.extend(joined(
        rejections(inquiry).filter_map(|rejection| other_certificate(inquiry, &rejection)),
    ));
    proposals
}

/// What came whole from the address of a missing issuer before the reaction, and
/// is a certificate of somebody else.
fn other_certificate(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<Proposal> {
    let case = inquiry.case;
    let child = rejection.child_of_missing()?;
    let missing = rejection.best.missing_issuer.as_ref()?;
    let attempts = case.attempts_for(rejection.failure.machine, &missing.urls);
    let (index, other) = attempts.into_iter().rev().find_map(|index| {
        let retrieval = case.retrievals.get(index)?;
        let body = retrieval.body.as_ref()?;
        let usable = retrieval.outcome == Outcome::Ok
            && body.complete
            && retrieval.started_at <= rejection.failure.at;
        let held = case
            .artifacts
            .iter()
            .filter_map(|record| match &record.artifact {
                Artifact::Certificate(it) if usable && body.artifacts.contains(&it.sha256) => {
                    Some(it)
                }
                _ => None,
            });
        let held: Vec<&Arc<Certificate>> = held.collect();
        // One of the right name with another key is a matter of its own.
        let of_issuer = held.iter().any(|it| it.subject.der == child.issuer.der);
        let first = held.first().filter(|_| !of_issuer)?;
        Some((index, Arc::clone(first)))
    })?;
    let retrieval = case.retrievals.get(index)?;
    let url = retrieval.url.as_deref().unwrap_or_default();
    let issuer = child.issuer.short();
    let said = Said {
        summary: format!(
            "The address of \"{issuer}\" in \"{}\", {url}, gave the certificate of \"{}\", which did not issue it: the issuer is still missing.",
            child.subject.short(),
            other.subject.short()
        ),
        remedy: format!(
            "Publish the certificate of \"{issuer}\" (DER) at this URL, or let the server send it. A body that is this certificate shows that it worked."
        ),
        basis: Basis {
            poor_capture: inquiry.is_poor(retrieval),
            ..SEEN
        },
        precedence: Precedence::Object,
        subject: url.to_owned(),
        cites: retrieval.cites.clone(),
    };
    Some(rejection.proposal(RULE.id, Stance::Cause, said))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, CRL, Story, certificate};
    use crate::pki::{Artifact, LooksLike};
    use crate::retrieval::{ObjectKind, Outcome};

    fn story(object: ObjectKind, url: &str, outcome: Outcome) -> Story {
        Story::new()
            .fetch(object, url, outcome, (10, 11))
            .page(LooksLike::Html, "Moved")
            .rejects(&["leaf"], (9, 12))
    }

    #[test]
    fn a_page_in_the_place_of_the_issuer_is_the_cause() {
        let diagnosis = story(ObjectKind::AiaCert, AIA, Outcome::UnexpectedContent).diagnosis();
        assert_eq!(
            diagnosis.causes()[0],
            ("aia-object-unusable", Role::RootCause, "proven")
        );
        assert_eq!(diagnosis.findings[1].because_of, [0]);
    }

    #[test]
    fn it_is_quiet_when_the_request_failed() {
        let diagnosis = story(ObjectKind::AiaCert, AIA, Outcome::HttpError).diagnosis();
        assert!(diagnosis.of("aia-object-unusable").is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_page_in_the_place_of_a_crl() {
        let diagnosis = story(ObjectKind::Crl, CRL, Outcome::UnexpectedContent).diagnosis();
        assert!(diagnosis.of("aia-object-unusable").is_empty());
    }

    /// The issuer's address gave this certificate.
    fn gave(name: &str) -> Story {
        Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (10, 11))
            .brings(&Artifact::Certificate(certificate(name)))
            .rejects(&["leaf"], (9, 12))
    }

    #[test]
    fn a_good_certificate_of_somebody_else_is_the_cause() {
        let diagnosis = gave("site-root").diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [("aia-object-unusable", Role::RootCause, "proven")]
        );
        let summary = &diagnosis.findings[0].summary;
        assert!(
            summary.contains("gave the certificate of \"Site Root\""),
            "{summary}"
        );
    }

    #[test]
    fn it_is_quiet_when_the_issuer_came_and_when_it_came_with_another_key() {
        for name in ["issuing-ca", "issuing-ca-old-key"] {
            assert!(gave(name).diagnosis().of("aia-object-unusable").is_empty());
        }
    }

    #[test]
    fn it_is_quiet_for_what_came_after_the_client_gave_up() {
        let late = Story::new()
            .rejects(&["leaf"], (9, 12))
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (40, 41))
            .brings(&Artifact::Certificate(certificate("site-root")));
        assert!(late.diagnosis().of("aia-object-unusable").is_empty());
    }
}
