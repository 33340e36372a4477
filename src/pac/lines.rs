//! Where a place of the parser lies in the text.

use boa_engine::ast::Position;

/// Places as the parser counts them, in lines and characters, to byte offsets.
/// Minified scripts are one line: nothing may be counted from its beginning.
pub(super) struct Lines {
    /// The first character of each line.
    starts: Vec<usize>,
    /// Where each character begins; the end of the text comes last.
    offsets: Vec<usize>,
}

impl Lines {
    /// Counts a text once.
    pub(super) fn of(text: &str) -> Self {
        let mut starts = vec![0];
        let mut offsets = Vec::with_capacity(text.len() + 1);
        let mut before = ' ';
        for (at, c) in text.char_indices() {
            offsets.push(at);
            match c {
                '\n' if before == '\r' => {
                    if let Some(last) = starts.last_mut() {
                        *last = offsets.len();
                    }
                }
                '\n' | '\r' | '\u{2028}' | '\u{2029}' => starts.push(offsets.len()),
                _ => {}
            }
            before = c;
        }
        offsets.push(text.len());
        Lines { starts, offsets }
    }

    /// The byte offset of a place; `None` beyond the end.
    pub(super) fn offset(&self, position: Position) -> Option<usize> {
        let line = usize::try_from(position.line_number()).ok()?;
        let column = usize::try_from(position.column_number()).ok()?;
        let start = self.starts.get(line.checked_sub(1)?)?;
        let at = start.checked_add(column.checked_sub(1)?)?;
        self.offsets.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn characters_are_counted_and_bytes_given() {
        let lines = Lines::of("a\u{e9}b\r\nc\u{2028}d");
        let at = |line, column| lines.offset(Position::new(line, column));
        assert_eq!((at(1, 1), at(1, 3)), (Some(0), Some(3)));
        assert_eq!(
            (at(2, 1), at(3, 1), at(3, 2)),
            (Some(6), Some(10), Some(11))
        );
        assert_eq!((at(3, 3), at(4, 1)), (None, None));
    }
}
