#![doc = include_str!("../../docs/rules/aia-object-unusable.md")]

use super::cached_pages::{self, Wanted};
use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use super::redirects;
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
    proposals
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, CRL, Story};
    use crate::pki::LooksLike;
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
}
