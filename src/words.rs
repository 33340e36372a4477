//! Numbers, plural forms and hostile strings, written for people. A part of
//! the floor, because rules, timeline and reports all write sentences.

use std::fmt::Write as _;

use crate::time::Span;

/// An integer with thousands separators: `29,367`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun: `1 packet`, `2,000 packets`.
#[must_use]
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        thousands(number),
        if number == 1 { one } else { many }
    )
}

/// Items as a person lists them: `a, b and c`.
#[must_use]
pub fn series(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A span as a person says it: `0.25 s`, `21 s`, `3 min 5 s`, `2 h 10 min`, `4 days`.
#[must_use]
pub fn span(span: Span) -> String {
    let seconds = span.abs().as_seconds();
    if seconds < 10.0 {
        let text = format!("{seconds:.2}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        return format!("{text} s");
    }
    // Whole seconds from here on; the largest span is 10,000 years.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let seconds = seconds.round() as u64;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => pair(seconds, 60, "min", "s"),
        7200..172_800 => pair(seconds / 60, 60, "h", "min"),
        _ => count(seconds / 86_400, "day", "days"),
    }
}

fn pair(number: u64, base: u64, large: &str, small: &str) -> String {
    match number % base {
        0 => format!("{} {large}", number / base),
        rest => format!("{} {large} {rest} {small}", number / base),
    }
}

/// The text as a sentence begins: the first word with a capital, unless it
/// looks like a name (`www.example.com` stays).
#[must_use]
pub fn sentence(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if word.bytes().all(|byte| byte.is_ascii_lowercase()) => {
            first.to_ascii_uppercase().to_string() + characters.as_str()
        }
        _ => text.to_owned(),
    }
}

/// Text from evidence, made safe to print: control characters, terminal
/// escapes, line breaks, invisible characters and those that turn the
/// direction of text are written as `\u{1b}`.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hostile(character) {
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    safe
}

/// True for a character that prints as nothing, moves the cursor, starts an
/// escape sequence, or changes the order in which its neighbors are shown.
#[must_use]
pub fn is_hostile(character: char) -> bool {
    // Nearly every character of a report: asked first, and of millions.
    if matches!(character, ' '..='~') {
        return false;
    }
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The text, cut to `limit` characters with `mark` as the last of them.
#[must_use]
pub fn cut(text: &str, limit: usize, mark: &str) -> String {
    if text.chars().nth(limit).is_none() {
        return text.to_owned();
    }
    let kept = limit.saturating_sub(mark.chars().count());
    text.chars().take(kept).chain(mark.chars()).collect()
}

/// Columns that a text takes on a terminal: wide East Asian characters and
/// pictures take two, combining marks none.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

fn width_of(character: char) -> usize {
    match character {
        '\u{300}'..='\u{36f}' => 0,
        '\u{1100}'..='\u{115e}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// The text in lines of at most `width` columns, broken at spaces; a word that
/// is longer than a line is broken where the line ends.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(MIN_WRAP_WIDTH);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in together(text) {
        let length = columns(&word);
        if used > 0 && used + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        for character in word.chars() {
            let length = width_of(character);
            if used + length > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(character);
            used += length;
        }
    }
    if used > 0 || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// Words, a number with its unit together.
fn together(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let unit = matches!(
            word.trim_end_matches(['.', ',', ';', ':', ')']),
            "s" | "min" | "h"
        );
        match words.last_mut() {
            Some(number) if unit && number.ends_with(|last: char| last.is_ascii_digit()) => {
                number.push(' ');
                number.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// Narrower than this no line can be read, whatever the terminal says.
const MIN_WRAP_WIDTH: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators_and_nouns_agree() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(12_345_678), "12,345,678");
        assert_eq!(count(1, "packet", "packets"), "1 packet");
        assert_eq!(count(2_000, "packet", "packets"), "2,000 packets");
    }

    #[test]
    fn a_series_reads_like_a_sentence() {
        let items = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        assert_eq!(series(&items[..1]), "a");
        assert_eq!(series(&items[..2]), "a and b");
        assert_eq!(series(&items), "a, b and c");
    }

    #[test]
    fn a_sentence_begins_with_a_capital_and_a_host_name_does_not() {
        assert_eq!(sentence("the list came"), "The list came");
        assert_eq!(
            sentence("www.example.com expired"),
            "www.example.com expired"
        );
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn spans_use_the_unit_a_person_would() {
        assert_eq!(span(Span::seconds(0)), "0 s");
        assert_eq!(span(Span::seconds(9)), "9 s");
        assert_eq!(span(Span::seconds(-21)), "21 s");
        assert_eq!(span(Span::seconds(185)), "3 min 5 s");
        assert_eq!(span(Span::seconds(7_800)), "2 h 10 min");
        assert_eq!(span(Span::seconds(4 * 86_400)), "4 days");
    }

    #[test]
    fn escapes_and_direction_overrides_cannot_reach_a_terminal() {
        assert_eq!(clean("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(
            clean("a\nb\u{202e}c\u{9b}d\u{7f}"),
            "a\\u{a}b\\u{202e}c\\u{9b}d\\u{7f}"
        );
        assert_eq!(clean("Müller 日本"), "Müller 日本");
    }

    #[test]
    fn a_cut_text_has_its_mark_within_the_limit() {
        assert_eq!(cut("abcdef", 6, "…"), "abcdef");
        assert_eq!(cut("abcdefg", 6, "…"), "abcde…");
        assert_eq!(cut("abcdefg", 6, "..."), "abc...");
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_at_the_edge() {
        assert_eq!(wrap("one two three", 10), ["one two", "three"]);
        assert_eq!(wrap("abcdefghijklm no", 10), ["abcdefghij", "klm no"]);
        assert_eq!(wrap("日本日本日本", 10), ["日本日本日", "本"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(
            wrap("waits for 21 s, then", 12),
            ["waits for", "21 s, then"]
        );
    }
}
