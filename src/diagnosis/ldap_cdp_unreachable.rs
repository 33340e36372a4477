#![doc = include_str!("../../docs/rules/ldap-cdp-unreachable.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use crate::retrieval::{Outcome, Retrieval};

/// The rule.
pub const RULE: Rule = Rule {
    id: "ldap-cdp-unreachable",
    doc: include_str!("../../docs/rules/ldap-cdp-unreachable.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
        if !network::is_directory(retrieval) {
            return None;
        }
        let (how, checked) = how(retrieval)?;
        let object = retrieval.object.phrase();
        Some(Fault {
            summary: format!(
                "The {object} is published in the company directory (ldap), and the machine could not get it from there: {how}."
            ),
            remedy: format!(
                "Publish the {object} at an http address that every machine reaches, and name it first in new certificates. Until then, let this machine reach a domain controller (DNS names below _ldap._tcp, port 389)."
            ),
            hop: "directory".to_owned(),
            checked,
            inferred: 0,
        })
    })
}

fn how(retrieval: &Retrieval) -> Option<(String, bool)> {
    let host = retrieval.host.as_deref().unwrap_or("the directory");
    let server = retrieval
        .server
        .map_or_else(|| host.to_owned(), |server| server.to_string());
    let detail = retrieval.detail.as_deref().unwrap_or("no such name");
    Some(match retrieval.outcome {
        Outcome::NoSuchName => (format!("the look-up of {host} was answered {detail}"), true),
        Outcome::NameTimeout => (format!("nobody answered the look-up of {host}"), false),
        Outcome::ConnectTimeout => (
            format!(
                "the connection to {server} {}",
                network::outcome_phrase(retrieval)
            ),
            false,
        ),
        Outcome::Refused | Outcome::Unreachable => (
            format!(
                "the connection to {server} {}",
                network::outcome_phrase(retrieval)
            ),
            true,
        ),
        Outcome::LdapError | Outcome::Forbidden | Outcome::UnexpectedContent => {
            (format!("{server} answered the search with {detail}"), true)
        }
        Outcome::NoAnswer => (format!("{server} did not answer the search"), false),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CRL, Story};
    use crate::retrieval::{ObjectKind, Outcome};

    const LDAP: &str = "ldap:///CN=CA,CN=CDP,DC=corp,DC=example?certificateRevocationList?base";

    fn story(outcome: Outcome) -> Story {
        Story::new()
            .fetch(ObjectKind::Crl, LDAP, outcome, (10, 31))
            .with(|it| it.server = Some("10.0.0.1:389".parse().unwrap()))
    }

    #[test]
    fn a_directory_that_cannot_be_reached_is_the_cause() {
        let diagnosis = story(Outcome::Refused).diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [("ldap-cdp-unreachable", Role::RootCause, "proven")]
        );
    }

    #[test]
    fn it_is_quiet_when_the_directory_gives_the_list() {
        let diagnosis = story(Outcome::Ok).diagnosis();
        assert!(diagnosis.of("ldap-cdp-unreachable").is_empty());
    }

    #[test]
    fn a_web_server_that_cannot_be_reached_is_another_cause() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::Crl, CRL, Outcome::Refused, (10, 31))
            .diagnosis();
        assert!(diagnosis.of("ldap-cdp-unreachable").is_empty());
        assert_eq!(diagnosis.causes()[0].0, "direct-blocked");
    }
}
