//! Who gave the client the name of its update server, and whether the hidden
//! certificate of a refused one can have had it.

use std::collections::BTreeSet;

use super::failure::{Failure, FailureKind};
use super::inquiry::{Basis, Inquiry, confidence, lacks_bytes};
use super::proposal::{Precedence, Proposal, Stance};
use super::wsus;
use crate::case::contacts::{Contact, ContactEnd, Giver, Named};
use crate::case::{Handshake, proposed};
use crate::host::hive::SettingValue;
use crate::host::update_log::Writer;
use crate::pki::Certificate;
use crate::protocol::tls::{HiddenBy, ServerCertificates};
use crate::provenance::Cite;
use crate::time::Span;

/// A line and a handshake are of one scan when they are this near.
const SAME_SCAN: Span = Span::seconds(120);

/// By whose word a client used a name.
pub struct Given {
    /// `the site`, `a domain policy`.
    pub by: &'static str,
    /// Where that stands.
    pub cite: Cite,
}

/// Who gave the name that a refused update server was called by, as logs or
/// hives of the machine say.
#[must_use]
pub fn giver(inquiry: &Inquiry<'_>, failure: &Failure) -> Option<Given> {
    let site = failure.site.as_deref()?;
    if let Some(named) = contact_of(inquiry, failure).and_then(|it| it.server) {
        let by = match named.by {
            Giver::Site => Some("the site"),
            Giver::Policy => Some("a domain policy"),
            Giver::Unknown => None,
        };
        if let Some(by) = by {
            return Some(Given {
                by,
                cite: named.cite,
            });
        }
    }
    let (setting, cite) = inquiry.case.setting(failure.machine, "WUServer")?;
    let SettingValue::Text(url) = &setting.value else {
        return None;
    };
    let (_, host, _) = wsus::origin_of(url)?;
    host.eq_ignore_ascii_case(site).then_some(Given {
        by: "the policy WUServer",
        cite,
    })
}

/// The contact, told by a log of the machine, that a failure is.
fn contact_of(inquiry: &Inquiry<'_>, failure: &Failure) -> Option<Contact> {
    let site = failure.site.as_deref()?;
    let of_site = |named: &Named| named.host.eq_ignore_ascii_case(site);
    let contacts = inquiry.case.contacts(failure.machine);
    let own = contacts.into_iter().filter(|contact| {
        failure.machine.is_some()
            && contact.writer == Writer::Client
            && contact.server.as_ref().is_some_and(of_site)
            && contact.at.since(failure.at).abs() <= SAME_SCAN
    });
    own.min_by(|a, b| {
        let away = |it: &Contact| it.at.since(failure.at).abs().as_seconds();
        away(a).total_cmp(&away(b))
    })
}

/// Refusals with hidden certificates, where a log says that the certificate was
/// refused and the port shows others one that is not for the name.
#[must_use]
pub fn hidden(inquiry: &Inquiry<'_>, rule: &'static str) -> Vec<Proposal> {
    let failures = inquiry.failures.iter().enumerate();
    let found = failures.filter_map(|(index, failure)| {
        let handshake = inquiry.handshake_of(index)?;
        let is_hidden = handshake.certificates == ServerCertificates::Hidden(HiddenBy::Tls13);
        let is_update = wsus::is_update_handshake(inquiry.case, handshake);
        if failure.kind != FailureKind::Rejected || !is_hidden || !is_update {
            return None;
        }
        let contact = contact_of(inquiry, failure).filter(|it| it.end.is_refusal())?;
        let (leaf, shown) = shown_at(inquiry, handshake)?;
        let site = handshake.site.as_deref()?;
        (!proposed::names(leaf, site))
            .then(|| told(inquiry, rule, index, (handshake, &contact), (leaf, shown)))
    });
    super::rejections::joined(found)
}

/// The one certificate that the port of a handshake shows to others, with one of
/// the handshakes that show it. Two certificates at one port are chosen by name,
/// so that none speaks for a hidden one.
fn shown_at<'a>(
    inquiry: &'a Inquiry<'_>,
    hidden: &Handshake,
) -> Option<(&'a Certificate, &'a Handshake)> {
    let case = inquiry.case;
    let at_port = case
        .handshakes
        .iter()
        .filter(|it| it.server == hidden.server && it.target_port() == hidden.target_port());
    let shown: Vec<(&Certificate, &Handshake)> = at_port
        .filter_map(|it| Some((case.leaf_of(it)?.1.as_ref(), it)))
        .collect();
    let distinct: BTreeSet<[u8; 32]> = shown.iter().map(|(leaf, _)| leaf.sha256).collect();
    let first = shown.into_iter().next()?;
    (distinct.len() == 1).then_some(first)
}

fn told(
    inquiry: &Inquiry<'_>,
    rule: &'static str,
    index: usize,
    (handshake, contact): (&Handshake, &Contact),
    (leaf, shown): (&Certificate, &Handshake),
) -> Proposal {
    let site = handshake.site.as_deref().unwrap_or_default();
    let port = handshake.target_port();
    let names = super::name_mismatch::names_of(leaf);
    let given = inquiry
        .failures
        .get(index)
        .and_then(|failure| giver(inquiry, failure));
    let code = match contact.end {
        ContactEnd::Failed(Some(code)) => format!(" ({code:X})"),
        _ => String::new(),
    };
    let mut cites = handshake.cites.clone();
    cites.push(contact.cite.clone());
    cites.extend(shown.cites.iter().cloned());
    let who = match given {
        Some(given) => {
            cites.push(given.cite);
            format!(
                "{} sends the client to the update server as {site}",
                capital(given.by)
            )
        }
        None => format!("The client calls the update server {site}"),
    };
    let mut summary = format!(
        "{who}. The certificate that port {port} of {} shows others is for {names} only. TLS 1.3 hides what this client was shown; its log says that it refused the certificate{code}.",
        handshake.server.ip()
    );
    if let Some((server, cite)) = content_site_server(inquiry, leaf) {
        summary.push_str(&format!(
            " The site server calls it {server} and is connected."
        ));
        cites.push(cite);
    }
    Proposal {
        rule,
        stance: Stance::Cause,
        confidence: Some(confidence(Basis {
            checked: true,
            fault_seen: true,
            reaction_seen: true,
            // That this client was shown the same certificate.
            inferred: 1,
            poor_capture: lacks_bytes(&handshake.quality),
        })),
        summary,
        remedy: format!(
            "Reissue the certificate of the update server with {site} among its names too, or let the site name the server as the certificate does. \"Successfully completed scan\" in WUAHandler.log shows that it worked."
        ),
        cites,
        explains: vec![(index, Precedence::Content)],
        subject: format!("{site} {}", leaf.subject.text),
    }
}

/// The name by which a site server is connected to the server of a certificate.
fn content_site_server(inquiry: &Inquiry<'_>, leaf: &Certificate) -> Option<(String, Cite)> {
    let machines = 0..inquiry.case.machines.len();
    machines
        .flat_map(|it| inquiry.case.contacts(Some(it)))
        .find_map(|contact| {
            let server = contact.server.as_ref()?;
            let good = contact.writer == Writer::SiteServer && contact.end == ContactEnd::Good;
            (good && proposed::names(leaf, &server.host))
                .then(|| (server.host.clone(), contact.cite.clone()))
        })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
