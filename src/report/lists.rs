//! What the commands `inventory`, `timeline` and `cache` list.

use super::cite::Names;
use super::json_ids::{Kind, evidence_id, id};
use super::listing::{Cell, Field, Listing};
use super::records::records;
use super::table::Column;
use super::tables::machine_heading;
use crate::bytes::to_hex;
use crate::case::{ArtifactSource, Case};
use crate::cryptnet::{CacheEntry, ExtendedRecord, NameCheck};
use crate::evidence::EvidenceRecord;
use crate::pipeline::Explained;
use crate::pki::{Artifact, looks_like};
use crate::words;

const fn field(name: &'static str, column: Option<Column>) -> Field {
    Field { name, column }
}

/// The evidence: what each file is, how large, with its hash.
#[must_use]
pub fn inventory(case: &Case) -> Listing {
    let fields = vec![
        field("id", None),
        field("kind", Some(Column::new("Kind", 14))),
        field("size", Some(Column::new("Size", 9).right())),
        field("file", Some(Column::new("File", 14))),
        field("first_at", Some(Column::new("From", 19).from(140))),
        field("last_at", Some(Column::new("To", 19).from(140))),
        field("vantage", None),
        field("sha256", Some(Column::new("SHA-256", 32))),
        field("issues", None),
    ];
    let row = |record: &EvidenceRecord| {
        let place = match &record.member {
            Some(member) => format!("{}/{member}", record.path),
            None => record.path.clone(),
        };
        let own = case.issues.iter();
        let own = own.filter(|issue| issue.evidence == Some(record.id));
        let issues: Vec<String> = own
            .map(|issue| format!("{}: {}", issue.place, issue.what))
            .collect();
        let hash = record.sha256.map(|hash| to_hex(&hash));
        vec![
            Cell::text(evidence_id(record.id)),
            Cell::text(record.kind.word()),
            Cell::Number(record.size),
            Cell::text(place),
            Cell::time(record.first_at),
            Cell::time(record.last_at),
            Cell::number(record.vantage),
            Cell::text(hash.unwrap_or_else(|| "not read to its end".to_owned())),
            Cell::optional((!issues.is_empty()).then(|| issues.join("; "))),
        ]
    };
    let sizes = case.evidence.iter().map(|record| record.size);
    let bytes = sizes.fold(0_u64, u64::saturating_add);
    let issues = words::count(case.issues.len() as u64, "issue", "issues");
    Listing {
        fields,
        rows: case.evidence.iter().map(row).collect(),
        preface: vec![format!(
            "{}, {issues}.",
            words::count(bytes, "byte", "bytes")
        )],
        nouns: ("file", "files"),
    }
}

/// The events and findings in order of time.
#[must_use]
pub fn timeline(explained: &Explained) -> Listing {
    let fields = vec![
        field("at", Some(Column::new("Time", 19))),
        field("clock", Some(Column::new("Clock", 11).from(120))),
        field("kind", Some(Column::new("Kind", 10).from(90))),
        field("text", Some(Column::new("Event", 40))),
        field("machine", None),
        field("account", None),
        field("site", None),
        field("url", None),
        field("object", None),
        field("outcome", None),
        field("status", None),
        field("client", None),
        field("server", None),
        field("route", None),
        field("proxy", None),
        field("rule", None),
        field("role", None),
        field("confidence", None),
        field("id", None),
        field("evidence", None),
        field("place", Some(Column::new("Packets", 8).from(120))),
        field("filter", None),
    ];
    let rows = records(explained).into_iter().map(|record| {
        let texts = [
            record.clock,
            record.kind,
            record.message,
            record.machine,
            record.account,
            record.site,
            record.url,
            record.object,
            record.outcome,
            record.status,
            record.client,
            record.server,
            record.route,
            record.proxy,
            record.rule,
            record.role,
            record.confidence,
            record.id,
            record.evidence,
            record.place,
            record.filter,
        ];
        let said = |text: String| match text.is_empty() {
            true => Cell::Nothing,
            false => Cell::Text(text),
        };
        std::iter::once(Cell::time(record.at))
            .chain(texts.into_iter().map(said))
            .collect()
    });
    Listing {
        fields,
        rows: rows.collect(),
        preface: Vec::new(),
        nouns: ("event", "events"),
    }
}

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::{Detail, Look, sample};

    #[test]
    fn lists_fit_the_page_and_say_how_many() {
        for width in [80, 120, 200] {
            let look = Look {
                width,
                ..Look::default()
            };
            let explained = sample::explained();
            let inventory = inventory(&explained.case).to_text(&look);
            assert!(
                inventory.contains("1,264,622 bytes, 1 issue."),
                "{inventory}"
            );
            assert!(inventory.contains("4 files. Times are UTC."), "{inventory}");
            let caches = cache_entries(&explained.case).to_text(&look);
            assert!(caches.contains("2 entries. Times are UTC."), "{caches}");
            assert!(caches.contains("no content"));
            let timeline = timeline(&explained).to_text(&look);
            for line in inventory
                .lines()
                .chain(caches.lines())
                .chain(timeline.lines())
            {
                assert!(words::columns(line) <= width, "{line}");
            }
        }
    }

    #[test]
    fn every_row_has_every_field_and_hostile_names_are_harmless() {
        let explained = sample::hostile();
        for listing in [
            inventory(&explained.case),
            cache_entries(&explained.case),
            timeline(&explained),
        ] {
            for row in &listing.rows {
                assert_eq!(row.len(), listing.fields.len());
            }
            for detail in [Detail::Standard, Detail::Full] {
                let look = Look {
                    detail,
                    ..Look::default()
                };
                let text = listing.to_text(&look) + &listing.to_csv() + &listing.to_json();
                assert!(!text.chars().any(|c| c != '\n' && words::is_hostile(c)));
            }
        }
    }

    #[test]
    fn full_detail_shows_what_the_table_hides() {
        let look = Look {
            detail: Detail::Full,
            ..Look::default()
        };
        let text = cache_entries(&sample::explained().case).to_text(&look);
        assert!(
            text.contains("00001a2b (the answer had a Via field)"),
            "{text}"
        );
        assert!(text.contains("response_flags"), "{text}");
    }
}
