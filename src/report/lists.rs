//! What the commands `inventory` and `timeline` list; `cache` is in `lists_cache`.

use super::json_ids::evidence_id;
use super::listing::{Cell, Field, Listing};
use super::records::records;
use super::table::Column;
use crate::bytes::to_hex;
use crate::case::Case;
use crate::evidence::EvidenceRecord;
use crate::pipeline::Explained;
use crate::words;

pub(super) const fn field(name: &'static str, column: Option<Column>) -> Field {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::lists_cache::cache_entries;
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
