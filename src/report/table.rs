//! Tables that fit the page: columns that a narrow page has no room for are
//! left out, the others wrap.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::look::{Ink, Look};
use super::page::Page;
use crate::words;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    title: &'static str,
    least: u16,
    from: usize,
    right: bool,
}

impl Column {
    /// A column that is there at every width and wraps down to `least`.
    pub(super) const fn new(title: &'static str, least: u16) -> Self {
        Column {
            title,
            least,
            from: 0,
            right: false,
        }
    }

    /// Only on pages of at least `width` columns.
    pub(super) const fn from(mut self, width: usize) -> Self {
        self.from = width;
        self
    }

    /// Aligned to the right, for numbers.
    pub(super) const fn right(mut self) -> Self {
        self.right = true;
        self
    }
}

/// Writes a table, indented by two. Rows have a cell for every column, also
/// for those left out; a line break in a cell is kept.
pub(super) fn table(page: &mut Page<'_>, columns: &[Column], rows: &[Vec<String>]) {
    let look = page.look;
    let shown: Vec<usize> = (0..columns.len())
        .filter(|index| {
            columns
                .get(*index)
                .is_some_and(|column| look.width >= column.from)
        })
        .collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    let width = look
        .width
        .saturating_sub(INDENT.len())
        .max(usize::from(MIN_WIDTH));
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    let titles = shown
        .iter()
        .filter_map(|index| columns.get(*index))
        .map(|column| column.title);
    let titles: Vec<&str> = titles.collect();
    table.set_header(titles.clone());
    for row in rows {
        let cells = shown
            .iter()
            .map(|index| row.get(*index).map_or("", String::as_str));
        table.add_row(cells.map(cell).collect::<Vec<_>>());
    }
    for (position, index) in shown.iter().enumerate() {
        let Some(column) = columns.get(*index) else {
            continue;
        };
        let Some(layout) = table.column_mut(position) else {
            continue;
        };
        layout.set_padding((0, GAP));
        layout.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(
            column.least + GAP,
        )));
        if column.right {
            layout.set_cell_alignment(CellAlignment::Right);
        }
    }
    write(page, &table);
}

/// The cell's text without what could break the table; line breaks stay.
fn cell(text: &str) -> String {
    text.split('\n')
        .map(words::clean)
        .collect::<Vec<_>>()
        .join("\n")
}

fn write(page: &mut Page<'_>, table: &Table) {
    for (index, line) in table.lines().enumerate() {
        let line = line.trim_end();
        if index == 0 {
            let line = format!("{INDENT}{}", page.look.ink(Ink::Heading, line));
            page.push(&line);
        } else {
            page.push(&format!("{INDENT}{}", mark_in_color(page.look, line)));
        }
    }
}

/// Colors the mark in the first column; the rest of a row stays plain.
fn mark_in_color(look: &Look, line: &str) -> String {
    let ink = match line.as_bytes() {
        [b'!', b' ', ..] => Ink::Bad,
        [b'?', b' ', ..] => Ink::Unsure,
        _ => return line.to_owned(),
    };
    let (mark, rest) = line.split_at(1);
    format!("{}{rest}", look.ink(ink, mark))
}

const INDENT: &str = "  ";
/// Columns between two cells.
const GAP: u16 = 2;
/// A table narrower than this has no room for its columns at all.
const MIN_WIDTH: u16 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::new("", 1),
        Column::new("Time", 12),
        Column::new("What", 12),
        Column::new("Packets", 8).from(120),
        Column::new("Size", 6).right(),
    ];

    fn shown(width: usize, rows: &[Vec<String>]) -> String {
        let look = Look {
            width,
            ..Look::default()
        };
        let mut page = Page::new(&look);
        table(&mut page, COLUMNS, rows);
        page.finish()
    }

    fn row(cells: [&str; 5]) -> Vec<String> {
        cells.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_narrow_page_leaves_columns_out_and_wraps_the_others() {
        let rows = [row([
            "!",
            "08:59:10.123",
            &"word ".repeat(30),
            "12, 15",
            "29,367",
        ])];
        for width in [60, 80, 120, 200] {
            let text = shown(width, &rows);
            assert!(
                text.lines().all(|line| words::columns(line) <= width),
                "{text}"
            );
            assert_eq!(text.contains("Packets"), width >= 120);
            assert!(text.contains("29,367"));
        }
    }

    #[test]
    fn a_cell_cannot_break_out() {
        let text = shown(80, &[row(["", "a\u{1b}[2J", "b\tc", "", "1"])]);
        assert!(text.contains("a\\u{1b}[2J"), "{text}");
        assert!(text.contains("b\\u{9}c"), "{text}");
    }
}
