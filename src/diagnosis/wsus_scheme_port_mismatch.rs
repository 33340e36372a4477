#![doc = include_str!("../../docs/rules/wsus-scheme-port-mismatch.md")]

use super::endpoints::{self, Ending};
use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::joined;
use super::wsus;

/// The rule.
pub const RULE: Rule = Rule {
    id: "wsus-scheme-port-mismatch",
    doc: include_str!("../../docs/rules/wsus-scheme-port-mismatch.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut found: Vec<Proposal> = Vec::new();
    for (failure, handshake, _) in endpoints::ended(inquiry, |ending| ending == Ending::WrongPort) {
        let site = handshake
            .site
            .clone()
            .unwrap_or_else(|| handshake.server.to_string());
        let summary = format!(
            "The client speaks TLS to port {} of {site}, which is the one without encryption: an https URL with the wrong port.",
            wsus::CLEAR_PORT
        );
        let poor = super::inquiry::lacks_bytes(&handshake.quality);
        found.push(proposal(
            failure,
            summary,
            site,
            handshake.cites.clone(),
            poor,
        ));
    }
    for (failure, _) in inquiry.failures.iter().enumerate() {
        let index = inquiry.failed_for(failure, Need::Itself).first().copied();
        let Some(retrieval) = index.and_then(|index| inquiry.retrieval(index)) else {
            continue;
        };
        if !wsus::is_clear_on_tls_port(retrieval) {
            continue;
        }
        let host = retrieval
            .host
            .clone()
            .unwrap_or_else(|| "the update server".to_owned());
        let answer = match retrieval.status {
            Some(status) => format!("answered with status {status}"),
            None => "closed by the server".to_owned(),
        };
        let summary = format!(
            "The client speaks to port {} of {host} without encryption ({}), which is the one for TLS: an http URL with the wrong port, {answer}.",
            wsus::TLS_PORT,
            wsus::path_of(retrieval)
        );
        found.push(proposal(
            failure,
            summary,
            host,
            retrieval.cites.clone(),
            inquiry.is_poor(retrieval),
        ));
    }
    joined(found)
}

fn proposal(
    failure: usize,
    summary: String,
    host: String,
    cites: Vec<crate::provenance::Cite>,
    poor: bool,
) -> Proposal {
    Proposal {
        rule: RULE.id,
        stance: Stance::Cause,
        confidence: Some(confidence(Basis {
            checked: true,
            fault_seen: true,
            reaction_seen: true,
            poor_capture: poor,
            ..Basis::default()
        })),
        summary,
        remedy: "Make scheme and port agree in policy, in the properties of the software update point and in IIS: http with 8530, https with 8531. A request that is answered shows that it worked.".to_owned(),
        cites,
        explains: vec![(failure, Precedence::RouteGap)],
        subject: host,
    }
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

    use crate::case::HandshakeOutcome;
    use crate::diagnosis::fixtures::client_hello;
    use crate::protocol::tls::ServerCertificates;

    const RULE: &str = "wsus-scheme-port-mismatch";

    fn tls_to(port: u16) -> Story {
        Story::new().rejects(&[], (9, 12)).handshake(|it| {
            it.client_hello = Some(client_hello(&[0x0303]));
            it.certificates = ServerCertificates::NotSeen;
            it.outcome = HandshakeOutcome::ServerClosed;
            it.alert = None;
            it.server = format!("10.0.0.20:{port}").parse().unwrap();
        })
    }

    #[test]
    fn tls_to_the_clear_port_is_proven() {
        assert_eq!(
            tls_to(8530).diagnosis().causes(),
            [(RULE, Role::RootCause, "proven")]
        );
    }

    #[test]
    fn clear_text_to_the_tls_port_is_proven() {
        let url = "http://wsus.corp.example:8531/ClientWebService/client.asmx";
        let bad_request = asks(url, Outcome::HttpError).with(|it| it.status = Some(400));
        assert_eq!(
            bad_request.diagnosis().causes()[0],
            (RULE, Role::RootCause, "proven")
        );
        assert_eq!(asks(url, Outcome::Reset).diagnosis().causes()[0].0, RULE);
    }

    #[test]
    fn it_is_quiet_where_scheme_and_port_agree() {
        assert!(tls_to(8531).diagnosis().of(RULE).is_empty());
        let clear = asks(
            "http://wsus.corp.example:8530/ClientWebService/client.asmx",
            Outcome::Ok,
        );
        assert!(clear.diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_where_tls_works_on_that_port_by_choice() {
        let chosen = tls_to(8530).handshake(|it| it.outcome = HandshakeOutcome::Completed);
        assert!(chosen.diagnosis().of(RULE).is_empty());
    }
}
