//! What a second examiner needs: the ledger of evidence, the method, the words.

use maud::{Markup, html};

use super::html::{Sheet, breakable};
use super::html_findings::confidence_meaning;
use super::html_tables::folded;
use super::json_ids::evidence_id;
use crate::bytes::to_hex;
use crate::diagnosis::Confidence;
use crate::evidence::EvidenceRecord;
use crate::words;

/// One line on what was read.
pub(super) fn summary(sheet: &Sheet<'_>) -> String {
    let records = &sheet.explained.case.evidence;
    let bytes = records.iter().filter(|record| record.member.is_none());
    let bytes = bytes.fold(0_u64, |sum, record| sum.saturating_add(record.size));
    let mut text = format!(
        "From {}, {}. Times are {}.",
        words::count(
            records.len() as u64,
            "piece of evidence",
            "pieces of evidence"
        ),
        words::count(bytes, "byte", "bytes"),
        sheet.look.zone.name()
    );
    if let Some(as_of) = sheet.explained.case.as_of {
        let as_of = sheet.look.second(as_of);
        text.push_str(&format!(
            " Every validation is judged as of {as_of} {}, as asked.",
            sheet.look.zone.name()
        ));
    }
    text
}

/// Every file with its size and hash.
pub(super) fn evidence(sheet: &Sheet<'_>) -> Option<Markup> {
    let records = &sheet.explained.case.evidence;
    if records.is_empty() {
        return None;
    }
    let head = html! {
        th scope="col" { "" } th scope="col" { "File, SHA-256" } th scope="col" { "Kind" }
        th scope="col" class="number" { "Bytes" } th scope="col" { "From, to" }
    };
    Some(folded("files", &head, records, |record| row(sheet, record)))
}

fn row(sheet: &Sheet<'_>, record: &EvidenceRecord) -> Markup {
    let place = match &record.member {
        Some(member) => format!("{}/{member}", record.path),
        None => record.path.clone(),
    };
    html! {
        tr id=(evidence_id(record.id)) {
            td class="own-id" { (evidence_id(record.id)) }
            td class="break" {
                (breakable(sheet.look, &sheet.shown(&place, MAX_PATH))) br;
                @match record.sha256 {
                    Some(hash) => code class="hash" { (to_hex(&hash)) },
                    None => span class="soft" { "not read to its end, no hash" },
                }
            }
            td { (record.kind.word()) }
            td class="number" { (words::thousands(record.size)) }
            td class="time" {
                @if let (Some(first), Some(last)) = (record.first_at, record.last_at) {
                    (sheet.look.range(first, last))
                }
            }
        }
    }
}

/// How the answer was made.
pub(super) fn method(sheet: &Sheet<'_>) -> Markup {
    let zone = sheet.look.zone.name();
    html! {
        p {
            "This report was made by whychain " (env!("CARGO_PKG_VERSION")) " from the files above and nothing else: "
            "no network was used, and the evidence was only read. The same files give the same report."
        }
        ol class="method" {
            li { "Each file is told by its content, hashed with SHA-256 and read once." }
            li { "Packets become conversations, conversations become messages (HTTP, TLS, DNS), bodies become certificates, lists, CRLs and OCSP answers. Objects in caches are read beside them." }
            li { "Each validation is judged at its own time, with what had arrived by then: every chain, every check, with pass, fail or unknown. The words are those of " code { "CERT_TRUST_STATUS" } "." }
            li { "Each attempt to fetch an object is joined from name lookup, connection, proxy, answer and cache entry." }
            li { "Rules join the two. The root cause is the earliest link whose repair lets the rest succeed. What the evidence refutes is listed as ruled out; what it does not decide is listed as such, with what would decide it." }
        }
        p { "Times are shown in " (zone) ". Packet numbers count from 1, as Wireshark counts them. Ids such as n1, r2, h3 are those of the JSON report." }
        p { "To check a claim, copy the filter into Wireshark, or run the command beside it in the folder from which the evidence was given." }
    }
}

/// The words of the report.
pub(super) fn glossary() -> Markup {
    html! {
        dl class="glossary" {
            @for confidence in [Confidence::Proven, Confidence::High, Confidence::Medium, Confidence::Low] {
                div { dt { (confidence.word()) } dd { (confidence_meaning(confidence)) } }
            }
            @for (term, meaning) in WORDS {
                div { dt { (term) } dd { (meaning) } }
            }
        }
    }
}

/// The last line of the page.
pub(super) fn footer(sheet: &Sheet<'_>) -> Markup {
    html! {
        footer {
            p { "whychain " (env!("CARGO_PKG_VERSION")) " · times are " (sheet.look.zone.name()) " · verify the evidence by its SHA-256 before relying on this page" }
        }
    }
}

const WORDS: &[(&str, &str)] = &[
    (
        "AIA",
        "Authority Information Access: the field of a certificate that says where its issuer's certificate can be fetched.",
    ),
    (
        "chain",
        "The certificates from the server's own up to a root that the machine trusts.",
    ),
    (
        "CRL, OCSP",
        "The two ways to ask whether a certificate was revoked: a signed list, or a signed answer for one certificate.",
    ),
    (
        "CryptnetUrlCache",
        "The folders in which Windows keeps what it fetched while validating, one for each account.",
    ),
    (
        "CTL, trust list",
        "Certificate Trust List: the signed list of roots that Windows updates from Microsoft (authrootstl.cab).",
    ),
    ("incident", "Failures that share cause, object and place."),
    (
        "open",
        "A check that the evidence does not decide; what would decide it is named.",
    ),
    (
        "proxy",
        "A station that fetches on behalf of the client. Accounts of one machine can have different ones.",
    ),
    (
        "root cause",
        "The earliest link whose repair would have let the rest succeed.",
    ),
    (
        "SYSTEM, NETWORK SERVICE, LOCAL SERVICE",
        "Accounts that the services of Windows run as. They have caches and proxy settings of their own.",
    ),
    (
        "thumbprint",
        "SHA-1 of a certificate, by which Windows names it.",
    ),
];

/// Characters of a path.
const MAX_PATH: usize = 600;
