#![doc = include_str!("../../docs/rules/root-crt-download-failed.md")]

use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::network;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::root_crt;
use crate::retrieval::{ObjectKind, Retrieval};

/// The rule.
pub const RULE: Rule = Rule {
    id: "root-crt-download-failed",
    doc: include_str!("../../docs/rules/root-crt-download-failed.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for index in inquiry.linked_retrievals() {
        let Some(retrieval) = inquiry
            .retrieval(index)
            .filter(|it| it.object == ObjectKind::RootCrt)
        else {
            continue;
        };
        let linked = inquiry.linked_to(index);
        let places: Vec<(usize, bool)> = linked
            .filter(|(_, link)| matches!(link.need, Need::Itself | Need::Root))
            .map(|(failure, link)| (failure, link.certain))
            .collect();
        if !places.is_empty() {
            proposals.push(proposal(inquiry, retrieval, &places));
        }
    }
    proposals
}

fn proposal(inquiry: &Inquiry<'_>, retrieval: &Retrieval, places: &[(usize, bool)]) -> Proposal {
    let wrong = root_crt::is_wrong_root(inquiry.case, retrieval);
    let listed = root_crt::thumbprint(retrieval).is_some_and(|thumbprint| {
        inquiry
            .case
            .authroot_lists()
            .any(|(_, list)| list.entry_for(&thumbprint).is_some())
    });
    let how = if wrong {
        "brought a certificate with another thumbprint".to_owned()
    } else {
        network::outcome_phrase(retrieval)
    };
    let known = if listed {
        "The trust list knows the root"
    } else {
        "Windows asks for a root by its thumbprint when a list knows it"
    };
    let (stance, precedence) = if wrong {
        (Stance::Cause, Precedence::Object)
    } else {
        (Stance::Consequence, Precedence::Shape)
    };
    Proposal {
        rule: RULE.id,
        stance,
        confidence: Some(confidence(Basis {
            checked: wrong,
            fault_seen: true,
            reaction_seen: wrong,
            inferred: u8::from(!places.iter().any(|(_, certain)| *certain)) + u8::from(!listed && !wrong),
            poor_capture: inquiry.is_poor(retrieval),
        })),
        summary: format!(
            "{known}, but the request for {} {how}.",
            retrieval.url.as_deref().or(retrieval.host.as_deref()).unwrap_or("it")
        ),
        remedy: "Allow *.crt under the same path as the list. The root in answer to the same URL, or event 4097, shows that it worked.".to_owned(),
        cites: retrieval.cites.clone(),
        explains: places.iter().map(|(failure, _)| (*failure, precedence)).collect(),
        subject: retrieval.url.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::bytes::to_hex;
    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CTL, Story, certificate, whole_list};
    use crate::pki::Artifact;
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "root-crt-download-failed";

    fn story(outcome: Outcome) -> Story {
        let folder = CTL.rsplit_once('/').unwrap().0;
        let url = format!("{folder}/{}.crt", to_hex(&certificate("site-root").sha1));
        Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .brings(&Artifact::Ctl(whole_list()))
            .fetch(ObjectKind::RootCrt, &url, outcome, (10, 11))
            .headers(&[("Server", "nginx")])
    }

    #[test]
    fn a_listed_root_that_could_not_be_fetched_follows_from_the_path() {
        let diagnosis = story(Outcome::HttpError)
            .rejects(&["leaf", "issuing-ca"], (9, 12))
            .diagnosis();
        assert_eq!(diagnosis.verdict.root_cause, Some("origin-http-error"));
        assert!(
            diagnosis
                .of(RULE)
                .iter()
                .all(|it| it.role == Role::Contributing)
        );
        assert!(
            diagnosis.of(RULE)[0]
                .summary
                .starts_with("The trust list knows the root, but")
        );
    }

    #[test]
    fn another_certificate_under_the_thumbprint_is_the_cause() {
        let diagnosis = story(Outcome::Ok)
            .brings(&Artifact::Certificate(certificate("list-root")))
            .diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "proven")]);
    }

    #[test]
    fn it_is_quiet_when_the_root_came() {
        let diagnosis = story(Outcome::Ok)
            .brings(&Artifact::Certificate(certificate("site-root")))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_an_issuer_that_could_not_be_fetched() {
        let diagnosis = Story::new()
            .fetch(
                ObjectKind::AiaCert,
                crate::diagnosis::fixtures::AIA,
                Outcome::HttpError,
                (10, 11),
            )
            .rejects(&["leaf"], (9, 12))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }
}
