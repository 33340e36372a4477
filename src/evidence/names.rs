//! Names of files and members as text.

use std::path::Path;

use super::directory::Fields;
use crate::bytes::Reader;

/// A path for display and for telling folder layouts: `/` as the separator,
/// bytes that are no Unicode replaced.
#[must_use]
pub fn path_text(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = if cfg!(windows) {
        text.replace('\\', "/")
    } else {
        text.into_owned()
    };
    visible(&text)
}

/// A member's name with `/` as the separator: .NET's older packers and some
/// collectors write backslashes. For telling layouts, not for display.
#[must_use]
pub fn logical(name: &str) -> String {
    name.replace('\\', "/")
}

/// Reads the name of a zip entry: the Unicode path field when its checksum is
/// that of the name, else UTF-8 where the bytes are valid UTF-8 (most packers
/// forget the flag), else code page 437.
///
/// Spec: APPNOTE.TXT 4.4.17, 4.6.9, appendix D.
#[must_use]
pub fn zip_name(raw: &[u8], extra: &[u8]) -> String {
    const UNICODE_PATH: u16 = 0x7075;
    let unicode = Fields(Reader::new(extra)).find(|(id, _)| *id == UNICODE_PATH);
    if let Some((_, [1, a, b, c, d, text @ ..])) = unicode {
        let mut crc = flate2::Crc::new();
        crc.update(raw);
        if crc.sum() == u32::from_le_bytes([*a, *b, *c, *d])
            && let Ok(text) = std::str::from_utf8(text)
        {
            return visible(text);
        }
    }
    match std::str::from_utf8(raw) {
        Ok(text) => visible(text),
        Err(_) => visible(
            &raw.iter()
                .map(|byte| code_page_437(*byte))
                .collect::<String>(),
        ),
    }
}

/// Replaces control characters, with which a name could rewrite the terminal
/// or break a line of the report.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

fn code_page_437(byte: u8) -> char {
    const UPPER: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
                         └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
    match byte.checked_sub(0x80) {
        None => char::from(byte),
        Some(at) => UPPER
            .chars()
            .nth(at.into())
            .unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn names_are_utf8_where_valid_and_code_page_437_elsewhere() {
        assert_eq!(zip_name("Größe".as_bytes(), &[]), "Größe");
        // Python: 'Größe'.encode('cp437')
        assert_eq!(zip_name(b"Gr\x94\xe1e", &[]), "Größe");
        assert_eq!(zip_name(&[0xff], &[]), "\u{a0}");
    }

    #[test]
    fn the_unicode_path_counts_only_for_the_name_it_was_made_for() {
        // Python: zlib.crc32(b'a') == 0xe8b7be43
        let field = [0x75, 0x70, 6, 0, 1, 0x43, 0xbe, 0xb7, 0xe8, b'Z'];
        assert_eq!(zip_name(b"a", &field), "Z");
        assert_eq!(zip_name(b"b", &field), "b");
    }

    #[test]
    fn control_characters_never_reach_a_terminal() {
        assert_eq!(zip_name(b"a\x1b[2Jb\n", &[]), "a\u{fffd}[2Jb\u{fffd}");
    }
}
