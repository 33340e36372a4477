#![doc = include_str!("../../docs/rules/client-certificate-required.md")]

use super::endpoints::{self, Ending, Told};
use super::inquiry::Inquiry;
use super::proposal::{Proposal, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "client-certificate-required",
    doc: include_str!("../../docs/rules/client-certificate-required.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    endpoints::proposals(inquiry, RULE.id, |ending, _, site| {
        (ending == Ending::ClientCertificate).then(|| Told {
            summary: format!(
                "{site} asked for a certificate of the client, the client sent none, and the server broke off."
            ),
            remedy: "Set client certificates to Ignore on the directories of the update service (ClientWebService, SimpleAuthWebService, ApiRemoting30, DSSAuthWebService, ServerSyncWebService), or give the client a certificate. A handshake that goes on shows that it worked.",
            checked: false,
            inferred: 0,
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::case::HandshakeOutcome;
    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{Story, client_hello};
    use crate::flow::Direction;
    use crate::protocol::tls::ServerCertificates;

    /// The server ends the connection before its certificates, with this alert.
    fn ended(alert: Option<u8>) -> Story {
        Story::new().rejects(&[], (9, 12)).handshake(|it| {
            it.client_hello = Some(client_hello(&[0x0301]));
            it.certificates = ServerCertificates::NotSeen;
            it.outcome = HandshakeOutcome::ServerClosed;
            let sent = it.alert.take();
            it.alert = alert.zip(sent).map(|(description, mut alert)| {
                alert.by = Direction::ToClient;
                alert.content = Some((2, description));
                alert
            });
        })
    }

    const RULE: &str = "client-certificate-required";

    fn asked(certificates: usize) -> Story {
        Story::new()
            .rejects(&["leaf", "issuing-ca"], (9, 12))
            .handshake(|it| {
                it.client_hello = Some(client_hello(&[0x0303]));
                it.outcome = HandshakeOutcome::ServerClosed;
                it.certificate_request = it.reaction;
                it.client_certificates = Some(certificates);
                let alert = it.alert.as_mut().unwrap();
                (alert.by, alert.content) = (Direction::ToClient, Some((2, 40)));
            })
    }

    #[test]
    fn a_server_that_insists_on_a_certificate_nobody_has_is_the_cause() {
        assert_eq!(
            asked(0).diagnosis().causes(),
            [(RULE, Role::RootCause, "high")]
        );
    }

    #[test]
    fn it_is_quiet_when_the_request_was_optional() {
        let optional = asked(0).handshake(|it| it.outcome = HandshakeOutcome::Completed);
        assert!(optional.diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_when_the_client_sent_one_and_for_a_server_without_a_request() {
        assert!(asked(1).diagnosis().of(RULE).is_empty());
        assert!(ended(Some(40)).diagnosis().of(RULE).is_empty());
        let _ = ServerCertificates::NotSeen;
    }
}
