//! Text in pictures: how wide it is, and how it is cut or broken so that it
//! never leaves its place.
//!
//! A picture is laid out without a browser, so the width of a text is not
//! known. It is taken from the widest of the usual sans-serif fonts; others
//! leave a little air.

/// Pixels that a text takes at most, at this font size.
pub(super) fn width(text: &str, size: i32) -> i32 {
    let milli: i64 = text.chars().map(em).sum();
    let pixels = milli * i64::from(size) / 1000 + 1;
    i32::try_from(pixels).unwrap_or(i32::MAX)
}

/// The size at which a bold text of this size is measured: it is up to a tenth
/// wider.
pub(super) fn bold(size: i32) -> i32 {
    size + size.div_euclid(10).max(1)
}

/// Thousandths of the font size that a character takes, as in DejaVu Sans,
/// the widest of the fonts that browsers fall back to.
fn em(character: char) -> i64 {
    match character {
        'i' | 'j' | 'l' | 'I' | '\'' | '|' | '.' | ',' | ':' | ';' | ' ' => 345,
        'f' | 't' | 'r' | '-' | '/' | '\\' | '(' | ')' | '[' | ']' | '!' | '·' => 420,
        'm' | 'M' | 'w' | 'W' | '@' | '%' | '…' | '→' => 1000,
        'G' | 'O' | 'Q' | 'D' | 'H' | 'N' | 'U' | '<' | '>' | '=' | '+' | '~' => 840,
        'A'..='Z' => 720,
        'a'..='z' | '0'..='9' | '_' | '"' | '?' => 640,
        '\u{80}'..='\u{24f}' => 760,
        '\u{300}'..='\u{36f}' => 0,
        // Letters of other scripts, wide ones and pictures.
        '\u{250}'..='\u{10ff}' => 900,
        character if character.is_ascii() => 700,
        _ => 1300,
    }
}

/// A text as it is shown, and in full where it had to be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fitted {
    /// What is drawn.
    pub(super) shown: String,
    /// All of it, where `shown` is not.
    pub(super) full: Option<String>,
}

/// The text cut at its end to fit `room` pixels.
pub(super) fn fit(text: &str, room: i32, size: i32) -> Fitted {
    if width(text, size) <= room {
        return Fitted {
            shown: text.to_owned(),
            full: None,
        };
    }
    let mut shown = head(text, room - width(MARK, size), size);
    shown.push_str(MARK);
    Fitted {
        shown,
        full: Some(text.to_owned()),
    }
}

/// The text cut in its middle: of a URL, host and file name tell the most.
pub(super) fn fit_middle(text: &str, room: i32, size: i32) -> Fitted {
    if width(text, size) <= room {
        return fit(text, room, size);
    }
    let room = room - width(MARK, size);
    let start = head(text, room / 2, size);
    let reversed: String = text.chars().rev().collect();
    let end = head(&reversed, room - width(&start, size), size);
    let end: String = end.chars().rev().collect();
    Fitted {
        shown: format!("{}{MARK}{}", start.trim_end(), end.trim_start()),
        full: Some(text.to_owned()),
    }
}

/// The text in at most `most` lines of `room` pixels, broken at spaces, the
/// last line cut; the second value is the whole text where something was.
pub(super) fn wrap(text: &str, room: i32, size: i32, most: usize) -> (Vec<String>, Option<String>) {
    let mut lines: Vec<String> = Vec::new();
    let mut words = text.split(' ').filter(|word| !word.is_empty()).peekable();
    while lines.len() + 1 < most {
        let mut line = String::new();
        while let Some(word) = words.peek() {
            let longer = match line.is_empty() {
                true => (*word).to_owned(),
                false => format!("{line} {word}"),
            };
            if width(&longer, size) > room {
                break;
            }
            line = longer;
            words.next();
        }
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let rest: Vec<&str> = words.collect();
    if rest.is_empty() {
        return (lines, None);
    }
    let last = fit(&rest.join(" "), room, size);
    lines.push(last.shown);
    (lines, last.full.map(|_| text.to_owned()))
}

/// A name in at most `most` lines, broken after its dots, dashes and spaces; a
/// part that is longer than a line is cut in its middle, and so is what is left
/// for the last line.
pub(super) fn wrap_name(
    name: &str,
    room: i32,
    size: i32,
    most: usize,
) -> (Vec<String>, Option<String>) {
    let mut parts = name
        .split_inclusive(['.', '-', ' ', '/', ':', '_', '@'])
        .peekable();
    let mut lines: Vec<String> = Vec::new();
    while lines.len() + 1 < most && parts.peek().is_some() {
        let mut line = String::new();
        while let Some(part) = parts.peek() {
            let longer = format!("{line}{part}");
            if !line.is_empty() && width(longer.trim_end(), size) > room {
                break;
            }
            line = longer;
            parts.next();
        }
        lines.push(line);
    }
    let rest: String = parts.collect();
    lines.extend((!rest.is_empty()).then_some(rest));
    let fitted = lines
        .iter()
        .map(|line| fit_middle(line.trim_end(), room, size));
    let fitted: Vec<Fitted> = fitted.collect();
    let cut = fitted.iter().any(|line| line.full.is_some());
    let lines = fitted.into_iter().map(|line| line.shown).collect();
    (lines, cut.then(|| name.to_owned()))
}

/// As many characters from the start as fit.
fn head(text: &str, room: i32, size: i32) -> String {
    let room = i64::from(room.max(0)) * 1000;
    let mut used = 0;
    let fitting = text.chars().take_while(|character| {
        used += em(*character) * i64::from(size);
        used <= room
    });
    fitting.collect()
}

/// The mark of a cut text.
const MARK: &str = "…";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_fits_and_keeps_what_was_cut() {
        let text = "http://www.download.windowsupdate.com/msdownload/trustedr/en/authrootstl.cab";
        for room in [60, 120, 300, 2000] {
            for fitted in [fit(text, room, 12), fit_middle(text, room, 12)] {
                assert!(width(&fitted.shown, 12) <= room, "{}", fitted.shown);
                assert_eq!(fitted.full.is_some(), fitted.shown != text);
            }
        }
        let middle = fit_middle(text, 300, 12).shown;
        assert!(middle.starts_with("http://www") && middle.ends_with("stl.cab"));
    }

    #[test]
    fn lines_break_at_spaces_and_the_last_one_is_cut() {
        let (lines, full) = wrap("one two three four five six", 70, 12, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| width(line, 12) <= 70), "{lines:?}");
        assert!(full.is_some());
        let whole = wrap("one two", 200, 12, 2);
        assert_eq!(whole, (vec!["one two".to_owned()], None));
    }

    #[test]
    fn a_name_breaks_after_its_dots() {
        let (lines, full) = wrap_name("www.download.windowsupdate.com", 110, 12, 3);
        assert_eq!(lines.concat(), "www.download.windowsupdate.com");
        assert!(lines.iter().all(|line| width(line, 12) <= 110), "{lines:?}");
        assert_eq!(full, None);
        let (lines, full) = wrap_name(&"x".repeat(200), 110, 12, 3);
        assert!(lines.iter().all(|line| width(line, 12) <= 110), "{lines:?}");
        assert!(full.is_some());
    }

    #[test]
    fn a_single_long_word_is_cut_and_wide_letters_count_more() {
        let (lines, full) = wrap(&"x".repeat(500), 100, 12, 3);
        assert_eq!(lines.len(), 1);
        assert!(full.is_some());
        assert!(width("日本", 12) > width("ab", 12));
    }
}
