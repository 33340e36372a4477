//! The outcome of rejections whose certificates TLS 1.3 hides, with the leaf
//! that the rest of the evidence proposes.

use super::failure::FailureKind;
use super::inquiry::{Inquiry, join_words};
use super::leaf_validity::to_seconds;
use super::network::cannot_tell;
use super::outcomes::rule;
use super::proposal::{Proposal, Rule};
use crate::bytes::to_hex;
use crate::case::proposed::{Proposed, proposed};
use crate::case::{ChainSubject, Handshake};
use crate::chain::Verdict;
use crate::protocol::tls::{HiddenBy, ServerCertificates};

rule!(
    CERTIFICATES_NOT_VISIBLE,
    "certificates-not-visible",
    certificates_not_visible
);

fn certificates_not_visible(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut failures = Vec::new();
    let mut cites = Vec::new();
    let mut proposals: Vec<String> = Vec::new();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        let Some(handshake) = inquiry.handshake_of(index) else {
            continue;
        };
        if failure.kind == FailureKind::Rejected
            && handshake.certificates == ServerCertificates::Hidden(HiddenBy::Tls13)
        {
            failures.push(index);
            cites.extend(handshake.cites.iter().cloned());
            for proposed in proposed(inquiry.case, handshake) {
                cites.extend(proposed.cites.iter().cloned());
                proposals.push(sentence(inquiry, handshake, &proposed));
            }
        }
    }
    if failures.is_empty() {
        return Vec::new();
    }
    proposals.dedup();
    let more = proposals.len().saturating_sub(MAX_NAMED);
    proposals.truncate(MAX_NAMED);
    if more > 0 {
        proposals.push(format!("{more} more are in the JSON report."));
    }
    let connections = if failures.len() == 1 {
        "connection"
    } else {
        "connections"
    };
    let mut summary = format!(
        "TLS 1.3 hides the certificates and the alert of the abandoned {connections}: no chain can be judged from these packets."
    );
    if !proposals.is_empty() {
        summary.push_str(" Proposed, not shown: ");
        summary.push_str(&proposals.join(" "));
    }
    vec![cannot_tell(
        &CERTIFICATES_NOT_VISIBLE,
        summary,
        "Hand over the server's certificates (openssl s_client -showcerts) or a key log (SSLKEYLOGFILE), or look into the CAPI2/Operational log of the machine (event 11) for the chain it built.",
        cites,
        &failures,
    )]
}

/// Proposals told in a summary; more would hide the point.
const MAX_NAMED: usize = 2;

fn sentence(inquiry: &Inquiry<'_>, handshake: &Handshake, proposed: &Proposed) -> String {
    let because = join_words(&proposed.because);
    let certificate = proposed
        .artifact
        .and_then(|index| inquiry.case.certificate(index));
    let Some(certificate) = certificate else {
        let issuer = proposed
            .issuer
            .and_then(|index| inquiry.case.certificate(index));
        let by = issuer
            .map(|issuer| format!(" of \"{}\"", issuer.subject.short()))
            .unwrap_or_default();
        return format!(
            "the leaf may be serial {}{by}, because {because}.",
            to_hex(&proposed.serial)
        );
    };
    let at = inquiry.case.as_of.unwrap_or(handshake.at);
    let dates = if at > certificate.not_after {
        format!("had expired on {} UTC", to_seconds(certificate.not_after))
    } else if at < certificate.not_before {
        format!(
            "was not valid before {} UTC",
            to_seconds(certificate.not_before)
        )
    } else {
        "was within its period".to_owned()
    };
    format!(
        "the leaf may be \"{}\" of \"{}\", which {dates}, because {because}.{}",
        certificate.subject.short(),
        certificate.issuer.short(),
        run(inquiry, handshake, proposed)
    )
}

/// What the chain engine says of the leaf, were it the one.
fn run(inquiry: &Inquiry<'_>, handshake: &Handshake, proposed: &Proposed) -> String {
    let case = inquiry.case;
    let mut chains = case.chains.iter().filter(|chain| match chain.subject {
        ChainSubject::Proposed(index) => {
            Some(chain.leaf) == proposed.artifact
                && case
                    .handshakes
                    .get(index)
                    .is_some_and(|it| std::ptr::eq(it, handshake))
        }
        _ => false,
    });
    let best = chains.next().and_then(|examined| examined.chains.first());
    let Some(best) = best else {
        return String::new();
    };
    match best.verdict {
        Verdict::Reject => format!(
            " Were it the one, its chain would be refused ({}).",
            best.error_status.names().join(", ")
        ),
        Verdict::Unknown => {
            " Were it the one, no check of its chain would fail, and some are open.".to_owned()
        }
        Verdict::Accept => " Were it the one, its chain would be good.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::fixtures::{Story, system};
    use crate::diagnosis::{Finding, Role};
    use crate::pki::Artifact;

    fn of(story: Story) -> Option<Finding> {
        let diagnosis = story.diagnosis();
        let finding = diagnosis.of("certificates-not-visible").into_iter().next();
        finding.cloned()
    }

    fn hidden() -> Story {
        Story::new().rejects(&[], (9, 12)).hidden()
    }

    #[test]
    fn hidden_certificates_are_said_of_rejections_of_tls_1_3_only() {
        let said = of(hidden()).unwrap();
        assert_eq!((said.role, said.confidence), (Role::CannotTell, None));
        assert!(!said.summary.contains("Proposed"));
        assert!(of(hidden().accepted()).is_none());
        assert!(of(Story::new().rejects(&["leaf"], (9, 12))).is_none());
    }

    fn with_leaf(name: &str) -> Story {
        let leaf = crate::diagnosis::fixtures::certificate(name);
        hidden().cached(
            system(),
            "http://x.example/leaf.crt",
            &Artifact::Certificate(leaf),
            1,
        )
    }

    #[test]
    fn a_certificate_at_hand_whose_names_fit_is_proposed_and_explains_nothing() {
        let diagnosis = with_leaf("leaf").diagnosis();
        let said = diagnosis.of("certificates-not-visible")[0];
        assert!(
            said.summary
                .contains("Proposed, not shown: the leaf may be \"www.shop.example\""),
            "{}",
            said.summary
        );
        assert_eq!(diagnosis.verdict.root_cause, None);
        assert!(diagnosis.causes().is_empty());
    }

    #[test]
    fn a_proposed_leaf_is_run_through_the_engine_and_stays_a_proposal() {
        const YEAR: i64 = 365 * 86_400;
        let issuer = Artifact::Certificate(crate::diagnosis::fixtures::certificate("issuing-ca"));
        let at = |second| {
            with_leaf("leaf")
                .cached(system(), "http://x.example/ca.crt", &issuer, 2)
                .handshake(|it| {
                    it.at = crate::diagnosis::fixtures::at(second);
                    it.ended_at = crate::diagnosis::fixtures::at(second + 3);
                })
                .diagnosis()
        };
        let summary = |diagnosis: &crate::diagnosis::Diagnosis| {
            diagnosis.of("certificates-not-visible")[0].summary.clone()
        };
        let in_force = summary(&at(9));
        assert!(
            in_force.contains("no check of its chain would fail, and some are open"),
            "{in_force}"
        );
        let late = at(YEAR);
        assert!(
            summary(&late).contains("its chain would be refused (IS_NOT_TIME_VALID)"),
            "{}",
            summary(&late)
        );
        assert!(late.causes().is_empty() && late.verdict.root_cause.is_none());
    }

    #[test]
    fn a_certificate_for_another_name_is_not_proposed() {
        let said = of(with_leaf("issuing-ca")).unwrap();
        assert!(!said.summary.contains("Proposed"), "{}", said.summary);
    }
}
