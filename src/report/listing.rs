//! Lists of their own, such as cache entries or the subjects of a trust list:
//! sorted and filtered by any field, written as text, CSV or JSON.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::csv;
use super::json::line;
use super::look::{Detail, Look};
use super::page::Page;
use super::table::{Column, table};
use crate::time::Timestamp;
use crate::words;

/// A list: fields, and rows with a cell for each.
#[derive(Debug, Clone)]
pub struct Listing {
    pub(super) fields: Vec<Field>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// What stands above the text form, one line each.
    pub(super) preface: Vec<String>,
    /// One row and several, in words.
    pub(super) nouns: (&'static str, &'static str),
}

/// A field of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub name: &'static str,
    /// Its column in the text form; `None` shows it with all details only.
    pub column: Option<Column>,
}

/// What a row says in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Nothing,
    Text(String),
    Number(u64),
    Time(Timestamp),
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Cell::Text(text.into())
    }

    pub(super) fn optional(text: Option<impl ToString>) -> Self {
        text.map_or(Cell::Nothing, |text| Cell::Text(text.to_string()))
    }

    pub(super) fn time(at: Option<Timestamp>) -> Self {
        at.map_or(Cell::Nothing, Cell::Time)
    }

    pub(super) fn number(number: Option<impl Into<u64>>) -> Self {
        number.map_or(Cell::Nothing, |number| Cell::Number(number.into()))
    }

    fn plain(&self) -> String {
        match self {
            Cell::Nothing => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::Time(at) => at.to_rfc3339(),
        }
    }

    fn shown(&self, look: &Look) -> String {
        match self {
            Cell::Nothing => String::new(),
            Cell::Text(text) => look.shown(text, MAX_TEXT),
            Cell::Number(number) => words::thousands(*number),
            Cell::Time(at) => look.second(*at),
        }
    }

    fn value(&self) -> Value {
        match self {
            Cell::Nothing => Value::Null,
            Cell::Number(number) => Value::from(*number),
            Cell::Text(_) | Cell::Time(_) => Value::from(self.plain()),
        }
    }

    /// Numbers and times by size, then text; nothing last.
    fn compare(&self, other: &Cell) -> Ordering {
        match (self, other) {
            (Cell::Number(one), Cell::Number(other)) => one.cmp(other),
            (Cell::Time(one), Cell::Time(other)) => one.cmp(other),
            (Cell::Nothing, Cell::Nothing) => Ordering::Equal,
            (Cell::Nothing, _) => Ordering::Greater,
            (_, Cell::Nothing) => Ordering::Less,
            (one, other) => one
                .plain()
                .to_lowercase()
                .cmp(&other.plain().to_lowercase()),
        }
    }
}

impl Listing {
    /// The names of the fields.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        self.fields.iter().map(|field| field.name).collect()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Orders the rows by a field; rows alike keep their order. False when
    /// there is no such field.
    pub fn sort(&mut self, field: &str, reverse: bool) -> bool {
        let Some(index) = self.position(field) else {
            return false;
        };
        let nothing = Cell::Nothing;
        self.rows.sort_by(|one, other| {
            let (one, other) = (
                one.get(index).unwrap_or(&nothing),
                other.get(index).unwrap_or(&nothing),
            );
            match (one == &nothing, other == &nothing, reverse) {
                (false, false, true) => other.compare(one),
                _ => one.compare(other),
            }
        });
        true
    }

    /// Keeps the rows whose field contains the text, in any case. An empty text
    /// keeps those that say nothing. False when there is no such field.
    pub fn keep(&mut self, field: &str, text: &str) -> bool {
        let Some(index) = self.position(field) else {
            return false;
        };
        let wanted = text.to_lowercase();
        self.rows.retain(|row| {
            let has = row.get(index).map(Cell::plain).unwrap_or_default();
            match wanted.is_empty() {
                true => has.is_empty(),
                false => has.to_lowercase().contains(&wanted),
            }
        });
        true
    }

    fn position(&self, field: &str) -> Option<usize> {
        self.fields
            .iter()
            .position(|it| it.name.eq_ignore_ascii_case(field))
    }

    /// As text: a table of the main fields, or, in full detail, every field of
    /// every row that says something.
    #[must_use]
    pub fn to_text(&self, look: &Look) -> String {
        let mut page = Page::new(look);
        for text in &self.preface {
            page.paragraph(2, text);
        }
        page.blank();
        if look.detail == Detail::Full {
            self.blocks(&mut page);
        } else {
            let shown = self.fields.iter().filter_map(|field| field.column);
            let columns: Vec<Column> = shown.collect();
            let row = |row: &Vec<Cell>| -> Vec<String> {
                let cells = row.iter().zip(&self.fields);
                let cells = cells.filter(|(_, field)| field.column.is_some());
                cells.map(|(cell, _)| cell.shown(look)).collect()
            };
            let rows: Vec<Vec<String>> = self.rows.iter().map(row).collect();
            table(&mut page, &columns, &rows);
        }
        let (one, many) = self.nouns;
        let number = words::count(self.rows.len() as u64, one, many);
        page.paragraph(2, &format!("{number}. Times are {}.", look.zone.name()));
        page.finish()
    }

    fn blocks(&self, page: &mut Page<'_>) {
        let look = page.look;
        let width = self.fields.iter().map(|field| field.name.len()).max();
        let column = 4 + width.unwrap_or_default();
        for row in &self.rows {
            for (cell, field) in row.iter().zip(&self.fields) {
                if *cell != Cell::Nothing {
                    page.labeled(2, field.name, column, &cell.shown(look));
                }
            }
            page.blank();
        }
    }

    /// As CSV, cells made harmless; times in UTC.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let rows = self.rows.iter();
        let rows = rows.map(|row| row.iter().map(Cell::plain).collect());
        csv::table(&self.fields(), rows)
    }

    /// As a JSON list, an object a line; a field that says nothing is `null`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let objects = self.rows.iter().map(|row| {
            let cells = row.iter().zip(&self.fields);
            let object: Map<String, Value> = cells
                .map(|(cell, field)| (field.name.to_owned(), cell.value()))
                .collect();
            line(&object)
        });
        let objects: Vec<String> = objects.collect();
        match objects.is_empty() {
            true => "[]\n".to_owned(),
            false => format!("[\n{}\n]\n", objects.join(",\n")),
        }
    }
}

/// Characters of a cell in text.
const MAX_TEXT: usize = 400;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn sample() -> Listing {
        let row = |name: &str, size: Cell| vec![Cell::text(name), size];
        let field = |name, column| Field { name, column };
        Listing {
            fields: vec![
                field("name", Some(Column::new("Name", 4))),
                field("size", None),
            ],
            rows: vec![
                row("b", Cell::Number(9)),
                row("=a", Cell::Nothing),
                row("C\u{1b}", Cell::Number(100)),
            ],
            preface: Vec::new(),
            nouns: ("thing", "things"),
        }
    }

    fn names(listing: &Listing) -> Vec<String> {
        listing.rows.iter().map(|row| row[0].plain()).collect()
    }

    #[test]
    fn rows_are_ordered_by_number_and_nothing_comes_last_either_way() {
        let mut listing = sample();
        assert!(listing.sort("size", false));
        assert_eq!(names(&listing), ["b", "C\u{1b}", "=a"]);
        assert!(listing.sort("SIZE", true));
        assert_eq!(names(&listing), ["C\u{1b}", "b", "=a"]);
        assert!(!listing.sort("color", false));
    }

    #[test]
    fn rows_are_kept_by_what_they_contain() {
        let mut listing = sample();
        assert!(listing.keep("name", "c"));
        assert_eq!(listing.len(), 1);
        let mut listing = sample();
        assert!(listing.keep("size", ""));
        assert_eq!(names(&listing), ["=a"]);
    }

    #[test]
    fn every_form_is_harmless_and_complete() {
        let listing = sample();
        let json: Value = serde_json::from_str(&listing.to_json()).unwrap();
        assert_eq!(json[2]["name"], "C\u{1b}");
        assert_eq!(json[1]["size"], Value::Null);
        assert_eq!(listing.to_csv(), "name,size\nb,9\n'=a,\nC\\u{1b},100\n");
        let full = Look {
            detail: Detail::Full,
            ..Look::default()
        };
        assert!(listing.to_text(&full).contains("size  100"));
        let short = listing.to_text(&Look::default());
        assert!(
            !short.contains("100") && short.contains("3 things."),
            "{short}"
        );
        assert!(!listing.to_json().contains('\u{1b}') && !short.contains('\u{1b}'));
    }
}
