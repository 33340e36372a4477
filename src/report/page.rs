//! Lines of a text report: headings, paragraphs, labeled items.

use super::look::{Ink, Look};
use crate::words;

/// A report being written. Everything added is cleaned once more, so that no
/// section can forget it.
pub(super) struct Page<'a> {
    pub(super) look: &'a Look,
    text: String,
    fresh: bool,
}

impl<'a> Page<'a> {
    pub(super) fn new(look: &'a Look) -> Self {
        Page {
            look,
            text: String::new(),
            fresh: true,
        }
    }

    /// The whole text, with one newline at the end.
    pub(super) fn finish(self) -> String {
        format!("{}\n", self.text.trim_end())
    }

    /// A heading with a rule below, and a blank line before.
    pub(super) fn heading(&mut self, text: &str) {
        self.blank();
        let rule: String = std::iter::repeat_n(self.look.dash(), words::columns(text)).collect();
        self.push(&self.look.ink(Ink::Heading, text));
        self.push(&self.look.ink(Ink::Faint, &rule));
        self.fresh = true;
    }

    /// A blank line, unless there is one, or a heading, or nothing yet.
    pub(super) fn blank(&mut self) {
        if !self.fresh && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A paragraph, wrapped; a line break in it starts a new line.
    pub(super) fn paragraph(&mut self, indent: usize, text: &str) {
        self.labeled(indent, "", indent, text);
    }

    /// A label, then text that is wrapped at `column`.
    pub(super) fn labeled(&mut self, indent: usize, label: &str, column: usize, text: &str) {
        self.inked(indent, None, label, column, text);
    }

    /// As [`Page::labeled`], the label in color.
    pub(super) fn inked(
        &mut self,
        indent: usize,
        ink: Option<Ink>,
        label: &str,
        column: usize,
        text: &str,
    ) {
        let room = self.look.width.min(MAX_PROSE).saturating_sub(column);
        let text = self.look.disguised(text);
        let lines = text.split('\n').map(words::clean);
        let lines = lines.flat_map(|line| words::wrap(&line, room));
        for (index, line) in lines.enumerate() {
            let label = if index == 0 {
                words::clean(label)
            } else {
                String::new()
            };
            let gap = column.saturating_sub(indent + words::columns(&label));
            let label = match ink {
                Some(ink) => self.look.ink(ink, &label),
                None => label,
            };
            self.push(&format!("{}{label}{}{line}", spaces(indent), spaces(gap)));
        }
    }

    /// One line as it is: a table's, or a filter that must not be broken.
    pub(super) fn push(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
        self.fresh = false;
    }
}

/// Longer lines of prose are hard to read, however wide the terminal is.
const MAX_PROSE: usize = 110;

fn spaces(number: usize) -> String {
    " ".repeat(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_hang_and_lines_fit() {
        let look = Look {
            width: 24,
            ..Look::default()
        };
        let mut page = Page::new(&look);
        page.heading("Why");
        page.labeled(2, "To do", 10, "open the firewall for it");
        assert_eq!(
            page.finish(),
            "Why\n---\n  To do   open the\n          firewall for\n          it\n"
        );
    }

    #[test]
    fn no_section_can_let_an_escape_through() {
        let look = Look::default();
        let mut page = Page::new(&look);
        page.paragraph(0, "a\u{1b}[31mb");
        assert_eq!(page.finish(), "a\\u{1b}[31mb\n");
    }
}
