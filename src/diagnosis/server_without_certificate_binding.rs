#![doc = include_str!("../../docs/rules/server-without-certificate-binding.md")]

use super::endpoints::{self, Ending, Told};
use super::inquiry::Inquiry;
use super::proposal::{Proposal, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "server-without-certificate-binding",
    doc: include_str!("../../docs/rules/server-without-certificate-binding.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    endpoints::proposals(inquiry, RULE.id, |ending, handshake, site| {
        (ending == Ending::NothingBound).then(|| Told {
            summary: format!(
                "The port {} of {site} is open, and closes as soon as it is spoken to in TLS, every time: most likely no certificate is bound to it.",
                super::wsus::port_of(handshake)
            ),
            remedy: "Bind a certificate to the port (netsh http show sslcert on the server lists the bindings; for WSUS 8531 in IIS). A ServerHello in answer shows that it worked.",
            checked: false,
            inferred: 1,
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

    const RULE: &str = "server-without-certificate-binding";

    fn on_8531(alert: Option<u8>) -> Story {
        ended(alert).handshake(|it| it.server = "10.0.0.20:8531".parse().unwrap())
    }

    #[test]
    fn a_port_that_closes_at_the_hello_has_nothing_bound_most_likely() {
        assert_eq!(
            on_8531(None).diagnosis().causes(),
            [(RULE, Role::RootCause, "medium")]
        );
    }

    #[test]
    fn it_is_quiet_for_one_reset_of_any_server() {
        assert!(ended(None).diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_when_the_server_says_why() {
        assert!(on_8531(Some(40)).diagnosis().of(RULE).is_empty());
    }
}
