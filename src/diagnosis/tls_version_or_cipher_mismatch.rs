#![doc = include_str!("../../docs/rules/tls-version-or-cipher-mismatch.md")]

use super::endpoints::{self, Ending, Told};
use super::inquiry::Inquiry;
use super::proposal::{Proposal, Rule};
use crate::case::Handshake;
use crate::case::handshakes::version_name;
use crate::protocol::tls::alert_name;

/// The rule.
pub const RULE: Rule = Rule {
    id: "tls-version-or-cipher-mismatch",
    doc: include_str!("../../docs/rules/tls-version-or-cipher-mismatch.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    endpoints::proposals(inquiry, RULE.id, |ending, handshake, site| {
        let Ending::NoCommonProtocol(alert) = ending else {
            return None;
        };
        Some(Told {
            summary: summary(handshake, site, alert),
            remedy: "Enable TLS 1.2 or later on the older side and align the cipher suites (sws.update.microsoft.com takes TLS 1.2 only). A ServerHello in answer shows that it worked; certificates play no part here.",
            checked: true,
            inferred: 0,
        })
    })
}

fn summary(handshake: &Handshake, site: &str, alert: u8) -> String {
    let offered = handshake.client_hello.as_ref().map(|hello| {
        let mut versions: Vec<u16> = hello.supported_versions.clone();
        versions.push(hello.legacy_version);
        let newest = versions.iter().copied().max().unwrap_or_default();
        let count = hello.cipher_suites.len();
        format!(
            "{} at most, {count} cipher suite{}",
            version_name(newest),
            if count == 1 { "" } else { "s" }
        )
    });
    format!(
        "Client and server {site} found no common way to encrypt: the client offered {}, the server answered {} ({alert}). No certificate was looked at.",
        offered.unwrap_or_default(),
        alert_name(alert)
    )
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

    const RULE: &str = "tls-version-or-cipher-mismatch";

    #[test]
    fn a_server_that_answers_protocol_version_is_proven_and_no_matter_of_chains() {
        let diagnosis = ended(Some(70)).diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "proven")]);
        assert_eq!(
            diagnosis.findings[0].summary,
            "Client and server www.shop.example found no common way to encrypt: the client offered TLS 1.0 at most, 1 cipher suite, the server answered protocol_version (70). No certificate was looked at."
        );
    }

    #[test]
    fn it_is_quiet_when_the_client_tries_again_and_succeeds() {
        let again = ended(Some(40))
            .rejects(&["leaf", "issuing-ca"], (13, 14))
            .accepted();
        assert!(again.diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_an_alert_about_the_name_and_for_one_of_the_client() {
        assert!(ended(Some(112)).diagnosis().of(RULE).is_empty());
        let client =
            ended(Some(40)).handshake(|it| it.alert.as_mut().unwrap().by = Direction::ToServer);
        assert!(client.diagnosis().of(RULE).is_empty());
    }
}
