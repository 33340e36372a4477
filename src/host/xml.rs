//! A small reader for the XML of events: elements, attributes, text.

use crate::bytes::{ErrorKind, ParseError};

/// An element.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element {
    /// Its name, without a namespace prefix.
    pub name: String,
    /// Its attributes, in order.
    pub attributes: Vec<(String, String)>,
    /// Its child elements, in order.
    pub children: Vec<Element>,
    /// Its own text, trimmed.
    pub text: String,
}

/// Events nest about eight deep; recursion is none, this bounds memory.
const MAX_DEPTH: usize = 64;
/// Elements of one event: a chain of ten with all its extensions has some
/// thousand.
const MAX_ELEMENTS: usize = 50_000;

impl Element {
    /// The first child of a name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The children of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element of a name below this one, at any depth.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Element> {
        let mut waiting: Vec<&Element> = self.children.iter().rev().collect();
        while let Some(element) = waiting.pop() {
            if element.name == name {
                return Some(element);
            }
            waiting.extend(element.children.iter().rev());
        }
        None
    }

    /// An attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A number in hexadecimal in an attribute, with or without `0x`.
    #[must_use]
    pub fn hex(&self, name: &str) -> Option<u32> {
        let text = self.attribute(name)?.trim();
        let text = text.strip_prefix("0x").unwrap_or(text);
        u32::from_str_radix(text, 16).ok()
    }
}

/// Reads one document, or its first element.
///
/// Tolerates what follows the first element, comments, processing
/// instructions and a document type (which is passed over: no entity of it is
/// ever expanded). Spec: XML 1.0.
///
/// # Errors
///
/// `Truncated` when it ends inside an element, `Malformed` when tags do not
/// match, `OverLimit` beyond the limits above.
pub fn parse(text: &str) -> Result<Element, ParseError> {
    let mut open: Vec<Element> = Vec::new();
    let mut count = 0_usize;
    let mut at = 0_usize;
    let error = |at: usize, kind| ParseError {
        what: "event XML",
        at: at as u64,
        kind,
    };
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(start) = rest.find('<') else { break };
        if let Some(element) = open.last_mut() {
            element
                .text
                .push_str(&unescape(rest.get(..start).unwrap_or_default()));
        }
        let tag = rest.get(start..).unwrap_or_default();
        let from = at + start;
        if let Some(raw) = tag.strip_prefix("<![CDATA[") {
            let end = raw.find("]]>");
            if let (Some(element), Some(end)) = (open.last_mut(), end) {
                element.text.push_str(raw.get(..end).unwrap_or_default());
            }
            at = from + 9 + end.map_or(raw.len(), |end| end + 3);
            continue;
        }
        if tag.starts_with("<!--") || tag.starts_with("<?") || tag.starts_with("<!") {
            let mark = match tag {
                _ if tag.starts_with("<!--") => "-->",
                _ if tag.starts_with("<?") => "?>",
                _ => ">",
            };
            at = from + tag.find(mark).map_or(tag.len(), |end| end + mark.len());
            continue;
        }
        let Some(end) = end_of_tag(tag) else { break };
        let inner = tag.get(1..end).unwrap_or_default();
        at = from + end + 1;
        if let Some(name) = inner.strip_prefix('/') {
            let Some(mut element) = open.pop() else { break };
            if element.name != local(name.trim()) {
                let how = format!("<{}> ends as </{}>", element.name, name.trim());
                return Err(error(from, ErrorKind::Malformed(how)));
            }
            element.text = element.text.trim().to_owned();
            match open.last_mut() {
                Some(parent) => parent.children.push(element),
                None => return Ok(element),
            }
            continue;
        }
        count += 1;
        if count > MAX_ELEMENTS || open.len() >= MAX_DEPTH {
            let (value, limit) = (count as u64, MAX_ELEMENTS as u64);
            return Err(error(from, ErrorKind::OverLimit { value, limit }));
        }
        let (inner, is_empty) = match inner.strip_suffix('/') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let element = opening(inner);
        match (is_empty, open.last_mut()) {
            (true, Some(parent)) => parent.children.push(element),
            (true, None) => return Ok(element),
            (false, _) => open.push(element),
        }
    }
    let (needed, left) = (1, 0);
    Err(error(text.len(), ErrorKind::Truncated { needed, left }))
}

/// The `>` that ends a tag; those in quotes do not.
fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn opening(inner: &str) -> Element {
    let name = inner.split_whitespace().next().unwrap_or_default();
    let mut element = Element {
        name: local(name).to_owned(),
        ..Element::default()
    };
    let mut rest = inner.get(name.len()..).unwrap_or_default();
    while let Some((key, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|c| ['"', '\''].contains(c)) else {
            break;
        };
        let after = after.get(1..).unwrap_or_default();
        let Some((value, next)) = after.split_once(quote) else {
            break;
        };
        let key = local(key.trim()).to_owned();
        element.attributes.push((key, unescape(value)));
        rest = next;
    }
    element
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Bytes between `&` and `;`: a number has ten digits at most, and some are
/// written with zeros before them. Looked for further, the end of none would
/// cost as much as the text for each `&`.
const MAX_ENTITY: usize = 32;

/// The five entities of XML and numbers; others stay as they are.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let end = after.bytes().take(MAX_ENTITY).position(|byte| byte == b';');
        let entity = end.and_then(|end| after.get(..end)).unwrap_or_default();
        let number =
            entity
                .strip_prefix('#')
                .and_then(|number| match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => number.parse().ok(),
                });
        let character = match entity {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => number.and_then(char::from_u32),
        };
        match character {
            Some(character) => {
                plain.push(character);
                rest = after.get(entity.len() + 1..).unwrap_or_default();
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn elements_attributes_and_text_are_read() {
        let event = parse(
            "<?xml version=\"1.0\"?><x:Event a='1 > 0'><!-- no --><URL scheme=\"http\">http://a/?x=1&amp;y=%202&#33;</URL><E/></x:Event>",
        )
        .unwrap();
        assert_eq!(
            (event.name.as_str(), event.attribute("a")),
            ("Event", Some("1 > 0"))
        );
        let url = event.child("URL").unwrap();
        assert_eq!(url.text, "http://a/?x=1&y=%202!");
        assert_eq!(event.children.len(), 2);
    }

    #[test]
    fn ampersands_without_an_end_stay_and_cost_what_they_are_long() {
        let text = "&".repeat(1 << 20);
        let begun = std::time::Instant::now();
        let event = parse(&format!("<E a=\"{text}\">{text}&#0000065;&#x42;</E>")).unwrap();
        assert_eq!(event.attribute("a"), Some(text.as_str()));
        assert_eq!(event.text, format!("{text}AB"));
        // Minutes, when each of them was followed to the end of the text.
        assert!(begun.elapsed().as_secs() < 20);
    }

    #[test]
    fn a_cut_document_is_an_error_with_its_place() {
        let error = parse("<Event><URL>http://a").unwrap_err().to_string();
        assert_eq!(error, "event XML at byte 20: needs 1 bytes, 0 left");
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let error = parse(&"<a>".repeat(100_000)).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::OverLimit { .. }), "{error}");
    }

    #[test]
    fn tags_that_do_not_match_are_named() {
        let error = parse("<a><b></a>").unwrap_err().to_string();
        assert_eq!(error, "event XML at byte 6: malformed: <b> ends as </a>");
    }
}
