#![doc = include_str!("../../docs/rules/captive-or-redirected.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use super::redirects::{self, DeadEnd};
use crate::case::questions::host_of;
use crate::retrieval::{Outcome, Retrieval};

/// The rule.
pub const RULE: Rule = Rule {
    id: "captive-or-redirected",
    doc: include_str!("../../docs/rules/captive-or-redirected.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |index, retrieval| {
        if let Some(end) = redirects::dead_end(inquiry.case, retrieval) {
            let how = match end {
                DeadEnd::Https => "https, from where Windows does not fetch it",
                DeadEnd::NotFollowed => "a place that the client did not follow to",
                DeadEnd::TooMany => "a row of more than five other places",
            };
            let target = redirects::target_of(retrieval)?;
            return Some(fault(retrieval, &target, how));
        }
        // A page that a redirect led to: the redirect is the earlier link.
        if retrieval.outcome != Outcome::UnexpectedContent {
            return None;
        }
        let earlier = inquiry.retrieval(redirects::sent_by(inquiry.case, index)?)?;
        let title = retrieval
            .body
            .as_ref()
            .and_then(|body| body.title.as_deref());
        let page = title.map_or_else(
            || "another kind of content".to_owned(),
            |title| format!("a page (\"{title}\")"),
        );
        Some(fault(earlier, retrieval.url.as_deref()?, &page))
    })
}

fn fault(retrieval: &Retrieval, target: &str, how: &str) -> Fault {
    let host = retrieval.host.as_deref().unwrap_or("the host");
    let there = host_of(target).unwrap_or(target);
    Fault {
        summary: format!(
            "The request for the {} {} was sent elsewhere with status {}, to {target}: {how}.",
            retrieval.object.phrase(),
            retrieval.url.as_deref().unwrap_or_default(),
            retrieval.status.unwrap_or_default()
        ),
        remedy: format!(
            "Exempt {host} from the log-on page or the switch to https, and serve files of the PKI over plain http. The object itself in answer to the first request shows that it worked."
        ),
        hop: there.to_owned(),
        checked: true,
        inferred: 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, CRL, Story, certificate};
    use crate::pki::{Artifact, LooksLike};
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "captive-or-redirected";

    fn redirected(object: ObjectKind, url: &str, target: &str) -> Story {
        Story::new()
            .fetch(object, url, Outcome::Redirect, (10, 11))
            .with(|it| it.status = Some(302))
            .headers(&[("Location", target)])
    }

    #[test]
    fn a_redirect_to_https_is_a_dead_end() {
        let diagnosis =
            redirected(ObjectKind::Crl, CRL, "https://crl.example/issuing.crl").diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "proven")]);
    }

    #[test]
    fn it_explains_the_site_that_waited_for_the_object() {
        let diagnosis = redirected(ObjectKind::AiaCert, AIA, "https://aia.example/issuing.crt")
            .rejects(&["leaf"], (9, 12))
            .diagnosis();
        assert_eq!(diagnosis.causes()[0], (RULE, Role::RootCause, "proven"));
        assert_eq!(diagnosis.findings[0].explains, [0, 1]);
    }

    #[test]
    fn a_log_on_page_behind_a_redirect_is_a_consequence_of_it() {
        let login = "http://portal.example/login?orig=x";
        let diagnosis = redirected(ObjectKind::AiaCert, AIA, login)
            .fetch(
                ObjectKind::AiaCert,
                login,
                Outcome::UnexpectedContent,
                (11, 12),
            )
            .page(LooksLike::Html, "Log on")
            .diagnosis();
        assert_eq!(diagnosis.verdict.root_cause, Some(RULE));
        assert!(
            diagnosis.findings[0]
                .summary
                .contains("a page (\"Log on\")")
        );
    }

    #[test]
    fn it_is_quiet_for_a_redirect_that_ends_at_the_object() {
        let moved = "http://aia2.example/issuing.crt";
        let diagnosis = redirected(ObjectKind::AiaCert, AIA, moved)
            .fetch(ObjectKind::AiaCert, moved, Outcome::Ok, (11, 12))
            .brings(&Artifact::Certificate(certificate("issuing-ca")))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty() && diagnosis.failures.is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_page_that_came_at_once() {
        let diagnosis = Story::new()
            .fetch(
                ObjectKind::AiaCert,
                AIA,
                Outcome::UnexpectedContent,
                (10, 11),
            )
            .page(LooksLike::Html, "Blocked")
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
        assert_eq!(diagnosis.verdict.root_cause, Some("aia-object-unusable"));
    }
}
