//! What the command `cache` lists: every field of every entry.

use super::cite::Names;
use super::json_ids::{Kind, id};
use super::listing::{Cell, Listing};
use super::lists::field;
use super::table::Column;
use super::tables::machine_heading;
use crate::bytes::to_hex;
use crate::case::{ArtifactSource, Case};
use crate::cryptnet::{CacheEntry, ExtendedRecord, NameCheck};
use crate::pki::{Artifact, looks_like};
use crate::words;

/// The cache entries with everything that their records hold: also what
/// `certutil -urlcache` leaves out, such as flags, limits and the name check.
#[must_use]
pub fn cache_entries(case: &Case) -> Listing {
    let fields = vec![
        field("id", None),
        field("machine", Some(Column::new("Machine", 8).from(110))),
        field("account", Some(Column::new("Account", 10))),
        field("last_sync_at", Some(Column::new("Synchronized", 16))),
        field("size", Some(Column::new("Size", 8).right())),
        field("url", Some(Column::new("URL", 26))),
        field("etag", Some(Column::new("ETag", 12).from(160))),
        field("name", Some(Column::new("File", 33).from(130))),
        field("url_basis", None),
        field("name_check", None),
        field("last_sync_filetime", None),
        field("content_sizes", None),
        field("content_sha256", None),
        field("content_looks_like", None),
        field("content_object", None),
        field("content_modified_at", None),
        field("content_size_check", None),
        field("last_modified", None),
        field("object_type", None),
        field("prefetch_error", None),
        field("this_update", None),
        field("next_update", None),
        field("publish_at", None),
        field("flush_exempt_seconds", None),
        field("expire_at", None),
        field("response_type", None),
        field("response_flags", None),
        field("max_age_seconds", None),
        field("proxy_id", None),
        field("header_length", None),
        field("meta_data_file", None),
        field("content_file", None),
    ];
    let names = Names::of(case);
    let rows = case.cache_entries.iter().enumerate();
    let rows = rows.map(|(index, entry)| cache_row(case, &names, index, entry));
    Listing {
        fields,
        rows: rows.collect(),
        preface: Vec::new(),
        nouns: ("entry", "entries"),
    }
}

fn cache_row(case: &Case, names: &Names<'_>, index: usize, entry: &CacheEntry) -> Vec<Cell> {
    let machine = case.cache_machines.get(index).copied().flatten();
    let machine = match (machine, &entry.machine) {
        (Some(_), _) => Cell::text(machine_heading(case, machine)),
        (None, name) => Cell::optional(name.as_ref()),
    };
    let record = entry.record.as_ref();
    let content = entry.content.as_ref();
    let basis = match (record, &entry.recovered_url) {
        (Some(_), _) => Some("record"),
        (None, Some(_)) => Some("file name"),
        (None, None) => None,
    };
    let sizes = record.map(|record| {
        let sizes = record.content_sizes.iter().map(ToString::to_string);
        sizes.collect::<Vec<_>>().join(", ")
    });
    let size_check = record.zip(content).map(|(record, content)| {
        match record.content_len() == content.bytes.len() as u64 {
            true => "as recorded".to_owned(),
            false => format!("recorded {}", record.content_len()),
        }
    });
    let mut row = vec![
        Cell::text(id(Kind::CacheEntry, index)),
        machine,
        Cell::text(entry.owner.to_string()),
        Cell::time(record.and_then(|record| record.last_sync_at)),
        match content {
            Some(content) => Cell::Number(content.bytes.len() as u64),
            None => Cell::text("no content"),
        },
        Cell::text(entry.url().unwrap_or("unknown")),
        Cell::optional(record.and_then(|record| record.etag.as_ref())),
        Cell::text(entry.name.clone()),
        Cell::optional(basis),
        Cell::text(name_check(&entry.name_check)),
        Cell::optional(record.map(|record| record.last_sync_ticks)),
        Cell::optional(sizes),
        Cell::optional(content.map(|content| to_hex(&content.sha256))),
        Cell::optional(content.map(|content| looks_like(&content.bytes).word())),
        Cell::optional(object_in(case, index)),
        Cell::time(content.and_then(|content| content.modified_at)),
        Cell::optional(size_check),
    ];
    row.extend(extended_cells(
        record.and_then(|record| record.extended.as_ref()),
    ));
    row.push(Cell::number(record.map(|record| record.header_len)));
    let meta_data = entry.meta_data.map(|(evidence, _)| evidence);
    row.push(Cell::optional(meta_data.map(|it| names.name(it))));
    row.push(Cell::optional(content.map(|it| names.name(it.evidence))));
    row
}

/// The fields of the long header.
fn extended_cells(extended: Option<&ExtendedRecord>) -> [Cell; 12] {
    let Some(it) = extended else {
        return std::array::from_fn(|_| Cell::Nothing);
    };
    let validated = match it.response_flags & VALIDATED {
        0 => String::new(),
        _ => " (VALIDATED)".to_owned(),
    };
    let error = match it.prefetch_error {
        0 => "0".to_owned(),
        code => format!("{code} (0x{code:08x})"),
    };
    let via = match it.proxy_id {
        0 => "00000000 (no Via field)".to_owned(),
        proxy => format!("{proxy:08x} (the answer had a Via field)"),
    };
    [
        Cell::time(it.last_modified),
        Cell::text(it.object_type.to_string()),
        Cell::text(error),
        Cell::time(it.this_update),
        Cell::time(it.next_update),
        Cell::time(it.publish_at),
        Cell::Number(it.flush_exempt_seconds.into()),
        Cell::time(it.expire_at),
        Cell::Number(it.response_type.into()),
        Cell::text(format!("0x{:04x}{validated}", it.response_flags)),
        Cell::Number(it.max_age.into()),
        Cell::text(via),
    ]
}

/// `CRYPTNET_URL_CACHE_RESPONSE_VALIDATED` of wincrypt.h.
const VALIDATED: u16 = 0x8000;

fn name_check(check: &NameCheck) -> String {
    match check {
        NameCheck::Matches => "the URL's".to_owned(),
        NameCheck::MatchesWithPrefix {
            prefix,
            distribution_points,
        } if distribution_points.is_empty() => {
            format!("the URL's, behind {prefix} of an unknown distribution point")
        }
        NameCheck::MatchesWithPrefix {
            distribution_points,
            ..
        } => format!("the URL's, for {}", distribution_points.join(", ")),
        NameCheck::Differs { expected } => format!("not the URL's, which is {expected}"),
        NameCheck::NoUrl => "no URL to compare with".to_owned(),
    }
}

/// What the content is, in words: a list with its date, a certificate's subject.
fn object_in(case: &Case, entry: usize) -> Option<String> {
    let here = |record: &&crate::case::ArtifactRecord| {
        let mut sources = record.seen.iter().map(|sight| sight.source);
        sources.any(|source| source == ArtifactSource::Cache(entry))
    };
    let inside: Vec<&Artifact> = case
        .artifacts
        .iter()
        .filter(here)
        .map(|record| &record.artifact)
        .collect();
    // A list rather than the certificates it encloses.
    let is_certificate = |artifact: &&&Artifact| matches!(artifact, Artifact::Certificate(_));
    let outermost = inside
        .iter()
        .find(|it| !is_certificate(it))
        .or(inside.first())?;
    Some(match outermost {
        Artifact::Certificate(it) => format!("certificate of {}", it.subject.text),
        Artifact::Crl(it) => format!(
            "CRL of {}, {} to {}",
            it.issuer.text,
            it.this_update,
            it.next_update
                .map_or_else(|| "no end".to_owned(), |at| at.to_string())
        ),
        Artifact::Ocsp(_) => "OCSP answer".to_owned(),
        Artifact::Ctl(it) => format!(
            "{} list of {}, {}",
            it.kind.word(),
            it.this_update,
            words::count(it.entries.len() as u64, "subject", "subjects")
        ),
    })
}
