//! Cache entries that hold a page in place of an object: a portal, a login or
//! a filter answered, and Windows kept the answer.

use super::failure::{Failure, FailureKind, Verifier, VerifierKind};
use super::inquiry::{Basis, Inquiry, confidence};
use super::proposal::{Precedence, Proposal, Stance};
use crate::case::Case;
use crate::cryptnet::{CacheEntry, is_trust_list_url};
use crate::pki::{LooksLike, html_title, looks_like};
use crate::provenance::Cite;

/// What the URL of an entry should have given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// One of the trust lists.
    List,
    /// A certificate.
    Certificate,
    /// A CRL or an OCSP answer.
    Status,
}

/// `PreFetchInfo.dwObjectType` of a CRL and of an OCSP answer.
const STATUS_TYPES: [u32; 2] = [2, 3];
/// Endings of certificates and bags of certificates.
const CERTIFICATE_ENDINGS: [&str; 6] = [".crt", ".cer", ".der", ".p7c", ".p7b", ".spc"];

/// What an entry should hold, when it holds a page instead. `None` for entries
/// that are in order, for empty ones (a placeholder of a list that lies in the
/// registry is empty), and for the sequence number, which is text.
#[must_use]
pub fn wanted_instead_of_page(entry: &CacheEntry) -> Option<Wanted> {
    let content = entry.content.as_ref()?;
    let is_page = match looks_like(&content.bytes) {
        LooksLike::Html => true,
        LooksLike::Text => false,
        _ => return None,
    };
    let object_type = entry
        .record
        .as_ref()
        .and_then(|record| record.extended.as_ref());
    let is_status = object_type.is_some_and(|it| STATUS_TYPES.contains(&it.object_type));
    let url = entry.url().unwrap_or_default().to_ascii_lowercase();
    let path = url.split(['?', '#']).next().unwrap_or_default();
    if is_trust_list_url(&url) {
        Some(Wanted::List)
    } else if CERTIFICATE_ENDINGS
        .iter()
        .any(|ending| path.ends_with(ending))
    {
        Some(Wanted::Certificate)
    } else if path.ends_with(".txt") {
        None
    } else {
        // Everything else that CryptoAPI keeps here is a CRL or an OCSP answer;
        // text that is no page needs the record to say so.
        (is_page || is_status || path.ends_with(".crl")).then_some(Wanted::Status)
    }
}

/// The entries with a page that no captured download explains already.
fn pages(case: &Case) -> impl Iterator<Item = (usize, &CacheEntry, Wanted)> {
    let entries = case.cache_entries.iter().enumerate();
    entries.filter_map(|(index, entry)| {
        let wanted = wanted_instead_of_page(entry)?;
        let content = entry.content.as_ref()?.sha256;
        let captured = case
            .retrievals
            .iter()
            .any(|retrieval| retrieval.body.as_ref().and_then(|body| body.sha256) == Some(content));
        (!captured).then_some((index, entry, wanted))
    })
}

/// Each page is a trust object that its account does not have.
#[must_use]
pub fn failures(case: &Case) -> Vec<Failure> {
    let failures = pages(case).filter_map(|(index, entry, _)| {
        let synced = entry.record.as_ref().and_then(|record| record.last_sync_at);
        let copied = entry
            .content
            .as_ref()
            .and_then(|content| content.modified_at);
        let verifier = Verifier {
            kind: VerifierKind::Capi,
            name: None,
            basis: "the object lies in CryptoAPI's cache".to_owned(),
        };
        Some(Failure {
            machine: case.cache_machines.get(index).copied().flatten(),
            account: Some(entry.owner.clone()),
            cache_entry: Some(index),
            ..Failure::new(FailureKind::Object, synced.or(copied)?, verifier)
        })
    });
    failures.collect()
}

/// What `rule` says of the pages in place of `wanted`: a cause of their own
/// failures, an observation where no time is known.
#[must_use]
pub fn proposals(inquiry: &Inquiry<'_>, rule: &'static str, wanted: Wanted) -> Vec<Proposal> {
    let of_kind = pages(inquiry.case).filter(|(_, _, kind)| *kind == wanted);
    of_kind
        .filter_map(|(index, entry, _)| proposal(inquiry, rule, index, entry))
        .collect()
}

fn proposal(
    inquiry: &Inquiry<'_>,
    rule: &'static str,
    index: usize,
    entry: &CacheEntry,
) -> Option<Proposal> {
    let content = entry.content.as_ref()?;
    let failure = inquiry
        .failures
        .iter()
        .position(|failure| failure.cache_entry == Some(index));
    let title = html_title(&content.bytes);
    let title = title.map_or_else(String::new, |title| format!(" (\"{title}\")"));
    let url = entry.url().unwrap_or("an unknown URL");
    let kind = match looks_like(&content.bytes) {
        LooksLike::Html => "a web page",
        _ => "text",
    };
    let mut cites = vec![Cite::whole(content.evidence, content.bytes.len() as u64)];
    cites.extend(
        entry
            .meta_data
            .map(|(evidence, size)| Cite::whole(evidence, size)),
    );
    // The page is proven by its bytes; which device sent it is not in a cache.
    let basis = Basis {
        fault_seen: true,
        ..Basis::default()
    };
    Some(Proposal {
        rule,
        stance: if failure.is_some() {
            Stance::Cause
        } else {
            Stance::Observation
        },
        confidence: Some(confidence(basis)),
        summary: format!(
            "The cache of {} holds {kind} of {} bytes{title} in place of the object at {url} (file {}).",
            entry.owner,
            content.bytes.len(),
            entry.name
        ),
        remedy: format!(
            "Exempt this URL from log-on pages, portals and filters, then delete the entry for each account (certutil -urlcache {url} delete). The object itself under the same file name shows that it worked."
        ),
        cites,
        explains: failure
            .map(|failure| (failure, Precedence::Object))
            .into_iter()
            .collect(),
        subject: format!("page {title}"),
    })
}
