//! Text of logs in any of the encodings that Windows writes.

/// The text of a file: UTF-8, UTF-16 in either order (by mark, or by its zeros),
/// else the Western code page 1252. Characters that are none become U+FFFD.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => narrow(rest),
        _ if is_wide(bytes) => wide(bytes, u16::from_le_bytes),
        _ => narrow(bytes),
    }
}

fn wide(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes
        .chunks_exact(2)
        .filter_map(|pair| Some(unit(pair.try_into().ok()?)));
    String::from_utf16_lossy(&units.collect::<Vec<u16>>())
}

/// A log that was cut in the middle has lost its mark: every second byte of
/// its Latin letters is zero.
fn is_wide(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(256)).unwrap_or_default();
    let zeros = head.iter().skip(1).step_by(2).filter(|byte| **byte == 0);
    head.len() >= 16 && zeros.count() * 4 >= head.len()
}

fn narrow(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // Cut within a character: still UTF-8.
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(bytes).into_owned(),
        Err(_) => bytes.iter().map(|byte| windows_1252(*byte)).collect(),
    }
}

fn windows_1252(byte: u8) -> char {
    const HIGH: [u16; 32] = [
        0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
        0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
    ];
    let high = usize::from(byte).checked_sub(0x80);
    match high.and_then(|high| HIGH.get(high)) {
        Some(code) => char::from_u32(u32::from(*code)).unwrap_or('\u{fffd}'),
        None => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn one_line_is_the_same_in_every_encoding() {
        let line = "Suche beendet: für Größe 3";
        let le: Vec<u8> = line.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = line.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let ansi: Vec<u8> = line
            .chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect();
        assert_eq!(decode(line.as_bytes()), line);
        assert_eq!(decode(&[vec![0xff, 0xfe], le.clone()].concat()), line);
        assert_eq!(decode(&[vec![0xfe, 0xff], be].concat()), line);
        assert_eq!(decode(&le), line);
        assert_eq!(decode(&ansi), line);
    }

    #[test]
    fn a_text_cut_within_a_character_keeps_the_rest() {
        assert_eq!(decode(&"für".as_bytes()[..2]), "f\u{fffd}");
    }
}
