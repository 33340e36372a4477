#![doc = include_str!("../../docs/rules/name-mismatch.md")]

use super::chain_checks::{self, Told};
use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule};
use super::wsus;
use crate::chain::{Check, CheckKind, Element};
use crate::pki::certificate::GeneralName;

/// The rule.
pub const RULE: Rule = Rule {
    id: "name-mismatch",
    doc: include_str!("../../docs/rules/name-mismatch.md"),
    apply,
};

/// Names printed of a certificate that may have hundreds.
const MAX_NAMES: usize = 4;

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    chain_checks::proposals(inquiry, RULE.id, |rejection, position, element, check| {
        let site = rejection.site;
        let names = other_names(position, element, check)?;
        if is_update_site(inquiry, site) {
            // Update servers have a rule of their own.
            return None;
        }
        Some(Told {
            inferred: 0,
            summary: format!("The certificate that answered for {site} is for {names}."),
            remedy: format!(
                "Bind a certificate with the name {site}, or let clients use a name that it has. A handshake whose certificate lists {site} shows that it worked."
            ),
            precedence: Precedence::Content,
        })
    })
}

/// The names of a leaf that is not for the host asked.
#[must_use]
pub fn other_names(position: usize, element: &Element, check: &Check) -> Option<String> {
    if position != 0 || check.kind != CheckKind::HostName {
        return None;
    }
    Some(names_of(&element.certificate))
}

/// The names of a certificate, the first few, for sentences.
#[must_use]
pub fn names_of(certificate: &crate::pki::Certificate) -> String {
    let names = certificate.subject_alternative_names.value();
    let mut names: Vec<String> = names
        .into_iter()
        .flatten()
        .filter_map(|name| match name {
            GeneralName::Dns(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        names.push(certificate.subject.short().to_owned());
    }
    let more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    format!("{}{more}", names.join(", "))
}

/// True when the rejected connections to a site are with an update server.
#[must_use]
pub fn is_update_site(inquiry: &Inquiry<'_>, site: &str) -> bool {
    let case = inquiry.case;
    case.handshakes.iter().any(|handshake| {
        handshake.site.as_deref() == Some(site) && wsus::is_update_handshake(case, handshake)
    })
}
