//! Web pages where an object was asked for: telling them, and their title.

use super::name::is_unprintable;

/// True for text that is a web page, or a piece of one.
///
/// Byte order mark, white space, comments and processing instructions are
/// skipped. Then HTML is what starts with a tag that pages start with; after
/// an XML declaration only `html` itself counts, since services answer in XML.
#[must_use]
pub fn is_html(bytes: &[u8]) -> bool {
    let mut rest = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut is_xml = false;
    loop {
        rest = rest.trim_ascii_start();
        let end: &[u8] = if rest.starts_with(b"<!--") {
            b"-->"
        } else if rest.starts_with(b"<?") {
            is_xml |= starts_with(rest, b"<?xml");
            b"?>"
        } else {
            break;
        };
        match super::pem::find(rest, 2, end) {
            Some(at) => rest = rest.get(at + end.len()..).unwrap_or_default(),
            None => return !is_xml && rest.starts_with(b"<!--"),
        }
    }
    if starts_with(rest, b"<!doctype html") || starts_with(rest, b"<html") {
        return true;
    }
    let second = rest.get(1).copied().unwrap_or(0);
    !is_xml && rest.first() == Some(&b'<') && (second.is_ascii_alphabetic() || second == b'!')
}

fn starts_with(bytes: &[u8], lower: &[u8]) -> bool {
    bytes
        .get(..lower.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(lower))
}

/// Bytes of a page that are looked at for its title.
const MAX_SCANNED: usize = 64 << 10;
/// Characters of a title that are kept: one line of a report.
const MAX_TITLE: usize = 160;

/// The title of a web page, else its first visible line: what a person would
/// have seen. Bounded, on one line, without control characters.
#[must_use]
pub fn html_title(bytes: &[u8]) -> Option<String> {
    let decoded = super::looks_like::narrowed(bytes);
    let bytes = decoded.as_deref().unwrap_or(bytes);
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let bytes = bytes.get(..MAX_SCANNED).unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // Cut within a character, or an older alphabet.
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(bytes).into_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    // The title wins even when a line of text precedes it.
    let mut first_line = None;
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (visible, tag, after) = split_tag(rest);
        let line = clean(visible);
        if first_line.is_none() && !line.is_empty() {
            first_line = Some(line);
        }
        rest = after;
        match tag {
            "title" => {
                let (inside, after) = split_element(rest, "title");
                let title = clean(inside);
                if !title.is_empty() {
                    return Some(title);
                }
                rest = after;
            }
            "script" | "style" | "noscript" => rest = split_element(rest, tag).1,
            _ => {}
        }
    }
    first_line
}

/// Splits off the text before the next tag, and the tag's name if it is one
/// whose contents matter.
fn split_tag(text: &str) -> (&str, &'static str, &str) {
    let Some((visible, inside)) = text.split_once('<') else {
        return (text, "", "");
    };
    if let Some(comment) = inside.strip_prefix("!--") {
        return (
            visible,
            "",
            comment.split_once("-->").map_or("", |(_, after)| after),
        );
    }
    let (tag, after) = inside.split_once('>').unwrap_or((inside, ""));
    let name = tag
        .split(|c: char| c.is_whitespace() || c == '/')
        .next()
        .unwrap_or_default();
    let known = ["title", "script", "style", "noscript"];
    let known = known
        .into_iter()
        .find(|known| name.eq_ignore_ascii_case(known));
    (visible, known.unwrap_or_default(), after)
}

/// Splits at the end tag of an element: what is inside, what follows.
fn split_element<'a>(text: &'a str, name: &str) -> (&'a str, &'a str) {
    let mut from = 0;
    while let Some(offset) = text.get(from..).and_then(|rest| rest.find("</")) {
        let at = from + offset;
        let tag = text.get(at + 2..).unwrap_or_default();
        if tag
            .get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
        {
            let after = tag.split_once('>').map_or("", |(_, after)| after);
            return (text.get(..at).unwrap_or_default(), after);
        }
        from = at + 2;
    }
    (text, "")
}

/// Decodes the common entities, makes one line of it, and cuts it.
fn clean(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, character) in [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&#160;", " "),
        ("&copy;", "©"),
        ("&amp;", "&"),
    ] {
        if text.contains('&') {
            text = text.replace(entity, character);
        }
    }
    let visible: String = text
        .chars()
        .map(|c| if is_unprintable(c) { ' ' } else { c })
        .collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    words.join(" ").chars().take(MAX_TITLE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_by_how_they_start() {
        assert!(is_html(b"\xEF\xBB\xBF\r\n <!DOCTYPE HTML PUBLIC>"));
        assert!(is_html(b"<!-- proxy -->\n<HTML>"));
        assert!(is_html(b"<?xml version=\"1.0\"?><!DOCTYPE html>"));
        assert!(is_html(b"<h1>Forbidden</h1>"));
        assert!(is_html(b"<!-- a comment cut off"));
        assert!(!is_html(b"<?xml version=\"1.0\"?><soap:Envelope/>"));
        assert!(!is_html(b"1 < 2"));
        assert!(!is_html(b"< 2"));
    }

    #[test]
    fn the_title_is_one_clean_line() {
        let page = b"<html><head><TITLE lang=en>\n Out of\n bundle &amp; \x07more</title>";
        assert_eq!(html_title(page).as_deref(), Some("Out of bundle & more"));
    }

    #[test]
    fn without_a_title_the_first_visible_text_is_taken() {
        let page = b"<html><style>p{}</style><!-- x --><script>if(a<b){}</script><body>\
            <p>Request forbidden by <b>rules</b>.</p>";
        assert_eq!(html_title(page).as_deref(), Some("Request forbidden by"));
        assert_eq!(html_title(b"<html><body></body></html>"), None);
    }

    #[test]
    fn long_titles_are_cut() {
        let page = format!("<title>{}</title>", "é".repeat(500));
        assert_eq!(html_title(page.as_bytes()), Some("é".repeat(MAX_TITLE)));
    }

    #[test]
    fn a_title_in_another_alphabet_is_read() {
        assert_eq!(
            html_title(b"<title>Zug\xE4nge</title>").as_deref(),
            Some("Zugänge")
        );
        let wide: Vec<u8> = "\u{FEFF}<title>Wide</title>"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(html_title(&wide).as_deref(), Some("Wide"));
    }
}
