//! The report as Markdown, for an issue or a wiki: the same order as the other
//! forms, with tables in place of pictures. Text from evidence is escaped, so
//! that it is neither markup nor HTML.

use super::cite::Names;
use super::impact;
use super::look::Look;
use crate::pipeline::Explained;

/// Writes the report. Same input and look, same text; the look's zone matters,
/// its width and color do not.
#[must_use]
pub fn write(explained: &Explained, look: &Look) -> String {
    let look = Look {
        color: false,
        unicode: true,
        ..look.clone()
    };
    let _names = Names::of(&explained.case);
    let verdict = &explained.diagnosis.verdict;
    let mut text = format!(
        "# {}\n\n{}\n",
        impact::state(verdict.state),
        escaped(&look.shown(&verdict.sentence, 1200))
    );
    for (name, fact) in impact::facts(explained, &look) {
        text.push_str(&format!("\n- **{name}:** {}", escaped(&fact)));
    }
    text.push('\n');
    text
}

/// Text that Markdown and the HTML inside it leave alone.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '|' | '~' | '!'
            | '$' => {
                safe.push('\\');
                safe.push(character);
            }
            // An address that is not a link, and a mention that calls nobody.
            '@' => safe.push_str("&#64;"),
            ':' => safe.push_str("&#58;"),
            '\n' => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}
