//! Where bytes are BER but not DER.

use super::tlv::{DerReader, tag};

/// Lists where the bytes are BER but not DER, one line each: lengths, and the
/// contents of BOOLEAN and INTEGER.
///
/// Only the first [`MAX_DEVIATIONS`] are told, and nothing below
/// [`MAX_WALK_DEPTH`] is looked at.
#[must_use]
pub fn deviations(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    walk(DerReader::new(bytes), MAX_WALK_DEPTH, &mut found);
    found
}

/// Deviations told of one object: enough to see a pattern.
const MAX_DEVIATIONS: usize = 4;
/// Depth of [`deviations`]; names, the deepest part, end at 7.
const MAX_WALK_DEPTH: usize = 12;

fn walk(mut reader: DerReader<'_>, depth: usize, found: &mut Vec<String>) {
    while !reader.is_empty() && found.len() < MAX_DEVIATIONS {
        let Ok(element) = reader.any("element") else {
            return;
        };
        let lengths = element.whole.get(1..element.header).unwrap_or_default();
        let at = element.at;
        match lengths {
            [0x80] => found.push(format!("indefinite length at byte {at}")),
            [0x81, short] if *short < 0x80 => found.push(long_length(at)),
            [0x82..=0x88, 0, ..] => found.push(long_length(at)),
            _ => {}
        }
        match (element.tag, element.contents) {
            (tag::BOOLEAN, [0 | 0xFF]) => {}
            (tag::BOOLEAN, _) => found.push(format!("BOOLEAN at byte {at} is not 00 or ff")),
            (tag::INTEGER, [0, second, ..]) if second & 0x80 == 0 => {
                found.push(format!("INTEGER at byte {at} has a needless leading zero"));
            }
            (tag::INTEGER, []) => found.push(format!("INTEGER at byte {at} is empty")),
            _ => {}
        }
        if element.tag & 0x20 != 0 && depth > 0 {
            walk(element.children(), depth - 1, found);
        }
    }
}

fn long_length(at: usize) -> String {
    format!("length at byte {at} in more bytes than needed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_der_is_listed_with_its_place() {
        let bytes = [0x30, 0x81, 7, 0x01, 1, 1, 2, 2, 0, 5];
        let expected = [
            "length at byte 0 in more bytes than needed",
            "BOOLEAN at byte 3 is not 00 or ff",
            "INTEGER at byte 6 has a needless leading zero",
        ];
        assert_eq!(deviations(&bytes), expected);
        assert!(deviations(&[0x30, 3, 1, 1, 0xFF]).is_empty());
    }
}
