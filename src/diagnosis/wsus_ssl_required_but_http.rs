#![doc = include_str!("../../docs/rules/wsus-ssl-required-but-http.md")]

use super::inquiry::Inquiry;
use super::proposal::{Proposal, Rule};
use super::wsus::{self, Part, Told};

/// The rule.
pub const RULE: Rule = Rule {
    id: "wsus-ssl-required-but-http",
    doc: include_str!("../../docs/rules/wsus-ssl-required-but-http.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    wsus::refusals(inquiry, RULE.id, Part::Service, |refusal| Told {
        summary: format!(
            "The update server {}{} refused {} in the clear with status 403: it demands encryption, and the client still comes without it. No certificate is at fault.",
            refusal.host, refusal.also, refusal.path
        ),
        remedy: "Give clients the https URL: WUServer and WUStatusServer in policy, or the SSL setting of the software update point; wsusutil configuressl on the server. A request for the service over TLS shows that it worked.",
        // 403 has other reasons too; TLS on the same host speaks for this one.
        is_inferred: !refusal.answers_tls,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::Story;
    use crate::retrieval::{ObjectKind, Outcome};

    fn asks(url: &str, outcome: Outcome) -> Story {
        Story::new().fetch(ObjectKind::Wsus, url, outcome, (10, 11))
    }

    const RULE: &str = "wsus-ssl-required-but-http";
    const SERVICE: &str = "http://wsus.corp.example:8530/ClientWebService/client.asmx";

    #[test]
    fn a_service_that_refuses_clear_text_while_tls_answers_is_high() {
        let diagnosis = asks(SERVICE, Outcome::Forbidden)
            .rejects(&["wsus-leaf", "corp-root"], (20, 22))
            .accepted()
            .handshake(|it| {
                it.site = Some("wsus.corp.example".to_owned());
                it.server_hello = Some(crate::diagnosis::fixtures::server_hello());
            })
            .diagnosis();
        assert_eq!(diagnosis.causes()[0], (RULE, Role::RootCause, "high"));
    }

    #[test]
    fn the_refusal_alone_is_medium_and_no_failure_of_trust() {
        let diagnosis = asks(SERVICE, Outcome::Forbidden).diagnosis();
        assert_eq!(diagnosis.verdict.root_cause, Some(RULE));
        assert_eq!(diagnosis.causes()[0], (RULE, Role::RootCause, "medium"));
        assert!(diagnosis.of("store-unknown").is_empty());
    }

    #[test]
    fn it_is_quiet_when_the_service_answers_or_wants_a_login() {
        assert!(asks(SERVICE, Outcome::Ok).diagnosis().of(RULE).is_empty());
        let login = asks(SERVICE, Outcome::ProxyLogin).with(|it| it.status = Some(401));
        assert!(login.diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_another_reason_that_the_page_names() {
        let address = asks(SERVICE, Outcome::Forbidden).page(
            crate::pki::LooksLike::Html,
            "IIS 403.6 - Forbidden: IP address rejected",
        );
        assert!(address.diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_update_files() {
        let files = asks(
            "http://wsus.corp.example:8530/Content/6A/x.cab",
            Outcome::Forbidden,
        );
        assert!(files.diagnosis().of(RULE).is_empty());
    }
}
