//! Pieces of Markdown: escaped text, code, tables.

/// Text that Markdown and the HTML inside it leave alone.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    // What would begin a list, a quotation or a heading in an item.
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 && [". ", ") "].iter().any(|it| text[digits..].starts_with(it)) {
        safe.push_str(&text[..digits]);
        safe.push('\\');
        rest = &text[digits..];
    } else if text.starts_with(['-', '+', '=']) {
        safe.push('\\');
    }
    for (at, character) in rest.char_indices() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' => {
                safe.push('\\');
                safe.push(character);
            }
            // A mention calls nobody, an address is no link.
            '@' => safe.push_str("&#64;"),
            ':' if rest[at..].starts_with("://") => safe.push_str("&#58;"),
            '.' if ends_with_www(&rest[..at]) => safe.push_str("&#46;"),
            '\n' => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

fn ends_with_www(text: &str) -> bool {
    let end = text.len().checked_sub(3).and_then(|at| text.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case("www"))
}

/// Text as code; the fence is longer than any run of backticks in it.
pub(super) fn code(text: &str) -> String {
    let text = text.replace('\n', " ");
    let longest = text.split(|it| it != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    match text.starts_with('`') || text.ends_with('`') {
        true => format!("{fence} {text} {fence}"),
        false => format!("{fence}{text}{fence}"),
    }
}

/// A block of commands, one a line.
pub(super) fn block(lines: &[String]) -> String {
    let longest = lines.iter().flat_map(|line| line.split(|it| it != '`'));
    let longest = longest.map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}sh\n{}\n{fence}\n", lines.join("\n"))
}

/// A table; cells are escaped already, line breaks in them are kept.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        let cells = row.iter().map(|cell| cell.replace('\n', "<br>"));
        text.push_str(&format!("| {} |\n", cells.collect::<Vec<_>>().join(" | ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_stays_text() {
        assert_eq!(
            escaped("<b>*x*</b> [a](b)"),
            "&lt;b&gt;\\*x\\*&lt;/b&gt; \\[a\\](b)"
        );
        assert_eq!(
            escaped("a|b `c` #1 ~~d~~ $e$"),
            "a\\|b \\`c\\` \\#1 \\~\\~d\\~\\~ \\$e\\$"
        );
        assert_eq!(
            escaped("@all http://a www.b"),
            "&#64;all http&#58;//a www&#46;b"
        );
        assert_eq!(escaped("1. x"), "1\\. x");
        assert_eq!(escaped("- x"), "\\- x");
        assert_eq!(escaped("2 rejected"), "2 rejected");
    }

    #[test]
    fn code_cannot_be_ended_from_inside() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(block(&["a ``` b".to_owned()]), "````sh\na ``` b\n````\n");
    }
}
