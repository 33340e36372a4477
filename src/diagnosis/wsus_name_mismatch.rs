#![doc = include_str!("../../docs/rules/wsus-name-mismatch.md")]

use super::chain_checks;
use super::inquiry::Inquiry;
use super::name_mismatch;
use super::proposal::{Proposal, Rule};
use super::update_names;

/// The rule.
pub const RULE: Rule = Rule {
    id: "wsus-name-mismatch",
    doc: include_str!("../../docs/rules/wsus-name-mismatch.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = seen(inquiry);
    for proposal in &mut proposals {
        let failures = proposal.explains.iter();
        let failures = failures.filter_map(|(index, _)| inquiry.failures.get(*index));
        let given = failures.filter_map(|failure| update_names::giver(inquiry, failure));
        if let Some(given) = given.into_iter().next() {
            proposal
                .summary
                .push_str(&format!(" The name comes from {}.", given.by));
            proposal.cites.push(given.cite);
        }
    }
    proposals.extend(update_names::hidden(inquiry, RULE.id));
    proposals
}

/// The certificates that can be read.
fn seen(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    chain_checks::proposals(inquiry, RULE.id, |rejection, position, element, check| {
        let site = rejection.site;
        let names = name_mismatch::other_names(position, element, check)?;
        if !name_mismatch::is_update_site(inquiry, site) {
            return None;
        }
        let address = site.parse::<std::net::IpAddr>().is_ok();
        let by = if address {
            "by its address"
        } else {
            "by a name that is not in its certificate"
        };
        Some(chain_checks::Told {
            inferred: 0,
            summary: format!(
                "The client calls the update server {by}: {site}, while the certificate is for {names}."
            ),
            remedy: format!(
                "Reissue the certificate with {site} in it, or let policy and site system name the server as the certificate does (the FQDN of the site system must equal it). A handshake whose certificate lists the name asked for shows that it worked."
            ),
            precedence: super::proposal::Precedence::Content,
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::Story;

    const RULE: &str = "wsus-name-mismatch";

    fn scan(site: &str, port: u16) -> Story {
        Story::new()
            .rejects(&["wsus-leaf", "corp-root"], (9, 12))
            .handshake(|it| {
                it.site = Some(site.to_owned());
                it.server = format!("10.0.0.20:{port}").parse().unwrap();
            })
    }

    #[test]
    fn an_update_server_called_by_a_short_name_is_the_cause() {
        assert_eq!(
            scan("wsus", 8531).diagnosis().causes(),
            [(RULE, Role::RootCause, "proven")]
        );
    }

    #[test]
    fn an_address_is_told_as_one() {
        let diagnosis = scan("10.0.0.20", 8531).diagnosis();
        assert!(
            diagnosis.of(RULE)[0]
                .summary
                .contains("by its address: 10.0.0.20")
        );
    }

    #[test]
    fn it_is_quiet_when_the_name_fits() {
        assert!(
            scan("wsus.corp.example", 8531)
                .diagnosis()
                .not_excluded(RULE)
                .is_empty()
        );
    }

    #[test]
    fn it_is_quiet_for_another_server() {
        let diagnosis = scan("wsus", 443).diagnosis();
        assert!(diagnosis.not_excluded(RULE).is_empty());
        assert_eq!(diagnosis.causes()[0].0, "name-mismatch");
    }
}
