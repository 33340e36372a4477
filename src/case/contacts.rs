//! What update logs tell of contacts with the update server: who was called,
//! when, by whose word, and how it ended.

use std::collections::BTreeMap;

use super::{Case, Handshake, HandshakeOutcome};
use crate::host::HostSource;
use crate::host::update_log::{UpdateEvent, UpdateFact, Writer};
use crate::provenance::Cite;
use crate::time::{Span, Timestamp};

/// A contact with an update server that a log tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// When its end was written, by the machine's clock.
    pub at: Timestamp,
    /// The server, where the log names it before.
    pub server: Option<Named>,
    /// Client or site server.
    pub writer: Writer,
    /// How it ended.
    pub end: ContactEnd,
    /// The line that tells the end.
    pub cite: Cite,
    /// That line.
    pub text: String,
    /// Its number.
    pub line: u64,
}

/// An update server as a log names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name, in lower case.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Who gave it.
    pub by: Giver,
    /// The URL, as the log has it.
    pub url: String,
    /// Where the name was given.
    pub cite: Cite,
}

/// Who named a server to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Giver {
    /// The site of Configuration Manager, to its client.
    Site,
    /// A domain policy.
    Policy,
    /// The log only says that it was used.
    Unknown,
}

/// How a contact ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactEnd {
    /// Well.
    Good,
    /// With a code, where one is told.
    Failed(Option<u32>),
    /// The certificate was not accepted, as a text says.
    CertificateRefused,
    /// With this HTTP status.
    Status(u16),
}

impl ContactEnd {
    /// True when the server's certificate was refused.
    #[must_use]
    pub fn is_refusal(self) -> bool {
        match self {
            ContactEnd::Failed(Some(code)) => is_certificate(code),
            ContactEnd::CertificateRefused => true,
            _ => false,
        }
    }
}

/// Codes that say of a server certificate: WinHTTP's secure failures, and the
/// HRESULTs of trust.
#[must_use]
pub fn is_certificate(code: u32) -> bool {
    let winhttp = [12037, 12038, 12045, 12057, 12169, 12170, 12175, 12179];
    let number = code & 0xffff;
    (code & 0xffff_0000 == 0x8007_0000 && winhttp.contains(&number))
        || code & 0xffff_ff00 == 0x800B_0100
}

/// A contact's line follows the end of its connection by this much at most;
/// what the clocks of a domain differ by is less.
pub const LOGGED_WITHIN: Span = Span::seconds(5);
/// The handshake of another client this much further away makes it ambiguous.
const CLEARLY_FURTHER: f64 = 1.0;

impl Case {
    /// The contacts that the logs of a machine tell of, by time.
    #[must_use]
    pub fn contacts(&self, machine: Option<usize>) -> Vec<Contact> {
        let all = self.hosts.iter().zip(&self.host_machines);
        let own = all.filter(|(_, owner)| **owner == machine);
        contacts_in(own.map(|(source, _)| source))
    }
}

/// The contacts that some logs of one machine tell of, by time. Lines without a
/// zone are left out: their place among the others is not known.
pub(super) fn contacts_in<'a>(sources: impl Iterator<Item = &'a HostSource>) -> Vec<Contact> {
    let mut lines: Vec<(Timestamp, &HostSource, &UpdateEvent)> = Vec::new();
    for source in sources {
        let timed = source.updates().iter();
        lines.extend(timed.filter_map(|event| Some((event.time?.utc()?, source, event))));
    }
    lines.sort_by_key(|(at, source, event)| (*at, source.evidence, event.line));
    let mut found = Vec::new();
    let mut current: BTreeMap<Writer, Named> = BTreeMap::new();
    for (at, source, event) in lines {
        let cite = source.line(event.line);
        let writer = event.what.writer();
        if let Some(named) = named(&event.what, &cite) {
            current.insert(writer, named);
        }
        let Some(end) = end_of(&event.what) else {
            continue;
        };
        found.push(Contact {
            at,
            server: current.get(&writer).cloned(),
            writer,
            end,
            cite,
            text: event.text.clone(),
            line: event.line,
        });
    }
    found
}

/// The server that a line names.
fn named(fact: &UpdateFact, cite: &Cite) -> Option<Named> {
    let (url, by) = match fact {
        UpdateFact::ServerSet(url) | UpdateFact::Path(url) => (url.clone(), Giver::Site),
        UpdateFact::Overwritten(url) => (url.clone(), Giver::Policy),
        UpdateFact::ServerUsed(url) | UpdateFact::SyncServer(url) => (url.clone(), Giver::Unknown),
        UpdateFact::SendFailed(sent) => (sent.url.clone()?, Giver::Unknown),
        UpdateFact::Connecting(Some(it)) | UpdateFact::Connected(Some(it)) => {
            let scheme = if it.tls { "https" } else { "http" };
            (
                format!("{scheme}://{}:{}", it.host, it.port),
                Giver::Unknown,
            )
        }
        _ => return None,
    };
    let (_, host, port) = super::questions::origin_of(&url)?;
    Some(Named {
        host: host.to_ascii_lowercase(),
        port,
        by,
        cite: cite.clone(),
        url,
    })
}

fn end_of(fact: &UpdateFact) -> Option<ContactEnd> {
    Some(match fact {
        UpdateFact::ScanDone | UpdateFact::Connected(_) => ContactEnd::Good,
        UpdateFact::ScanFailed(code) => ContactEnd::Failed(*code),
        UpdateFact::TrustRefused => ContactEnd::CertificateRefused,
        UpdateFact::TransportClosed => ContactEnd::Failed(None),
        UpdateFact::HttpStatus(status) => ContactEnd::Status(*status),
        _ => return None,
    })
}

/// The handshakes that may be the one of a contact, nearest first: with its
/// server, at its time, and not ended otherwise.
fn handshakes_of<'a>(case: &'a Case, contact: &Contact) -> Vec<(f64, usize, &'a Handshake)> {
    let Some(server) = &contact.server else {
        return Vec::new();
    };
    let mut near: Vec<(f64, usize, &Handshake)> = Vec::new();
    for (index, handshake) in case.handshakes.iter().enumerate() {
        let same = handshake
            .site
            .as_deref()
            .is_some_and(|site| site.eq_ignore_ascii_case(&server.host));
        let completed = handshake.outcome == HandshakeOutcome::Completed;
        let fits = match contact.end {
            ContactEnd::Good | ContactEnd::Status(_) => completed,
            end if end.is_refusal() => !completed,
            _ => true,
        };
        let away = contact.at.since(handshake.ended_at).abs();
        if same && fits && handshake.target_port() == server.port && away <= LOGGED_WITHIN {
            near.push((away.as_seconds(), index, handshake));
        }
    }
    near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    near
}

/// The handshake of a contact: that of the machine, nearest in time.
#[must_use]
pub fn handshake_of(case: &Case, machine: Option<usize>, contact: &Contact) -> Option<usize> {
    let near = handshakes_of(case, contact);
    let own = near
        .iter()
        .find(|(_, _, it)| machine.is_some() && it.machine == machine);
    own.map(|(_, index, _)| *index)
}

/// How many contacts of these logs are told by the handshakes of one client
/// alone, by (vantage point, address). Nothing when a contact within the capture
/// has no handshake, or one that two clients may have had.
pub(super) fn clients_of(
    case: &Case,
    contacts: &[Contact],
) -> BTreeMap<(u32, std::net::IpAddr), usize> {
    let mut counts = BTreeMap::new();
    let begin = case.handshakes.iter().map(|it| it.at).min();
    let end = case.handshakes.iter().map(|it| it.ended_at).max();
    let (Some(begin), Some(end)) = (begin, end) else {
        return counts;
    };
    for contact in contacts.iter().filter(|it| it.server.is_some()) {
        let near = handshakes_of(case, contact);
        let client = |handshake: &Handshake| (handshake.vantage, handshake.client.ip());
        let Some((away, _, nearest)) = near.first() else {
            if (begin..=end).contains(&contact.at) {
                return BTreeMap::new();
            }
            continue;
        };
        let other = near.iter().find(|(_, _, it)| client(it) != client(nearest));
        if other.is_some_and(|(further, ..)| further - away < CLEARLY_FURTHER) {
            return BTreeMap::new();
        }
        *counts.entry(client(nearest)).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn codes_of_certificates_are_told_from_those_of_the_network() {
        assert!(is_certificate(0x8007_2F8F) && is_certificate(0x800B_0109));
        assert!(!is_certificate(0x8007_2EE2) && !is_certificate(0x8024_402C));
    }
}
