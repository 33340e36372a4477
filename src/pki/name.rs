//! Distinguished names and their text.

use x509_parser::asn1_rs::Any;
use x509_parser::prelude::{FromDer, X509Name};

use super::tlv::{dotted, hash_hex};

/// A distinguished name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The DER of the Name SEQUENCE as found.
    pub der: Vec<u8>,
    /// RFC 4514 text, most specific first, for people.
    pub text: String,
    /// The attributes in order of the RDNs: dotted OID, and the value as text
    /// where it is a string type, else `#` and the value in hex.
    pub attributes: Vec<(String, String)>,
}

impl Name {
    /// Reads a Name; never fails. One that cannot be read keeps its bytes, has
    /// `#` and hex for text, and no attributes.
    ///
    /// ```text
    /// Name ::= SEQUENCE OF SET OF SEQUENCE { type OBJECT IDENTIFIER, value ANY }
    /// ```
    ///
    /// The text follows RFC 4514: last RDN first, a multi-valued RDN joined by
    /// `+`, unknown types in dotted form with the value in hex. Characters that
    /// a terminal would act on (controls, marks of text direction) are written
    /// as escaped bytes, which §2.4 allows for any character.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Name {
        let Ok((_, parsed)) = X509Name::from_der(der) else {
            return Name {
                der: der.to_vec(),
                text: hash_hex(der),
                attributes: Vec::new(),
            };
        };
        let mut attributes = Vec::new();
        let mut relative_names = Vec::new();
        for relative in parsed.iter_rdn() {
            let mut parts = Vec::new();
            for attribute in relative.iter() {
                let oid = dotted(attribute.attr_type().as_bytes());
                let value = attribute.attr_value();
                let text = string_value(value);
                parts.push(match (keyword(&oid), &text) {
                    (Some(keyword), Some(text)) => format!("{keyword}={}", escaped(text)),
                    (Some(keyword), None) => format!("{keyword}={}", hash_hex(&encoded(value))),
                    (None, _) => format!("{oid}={}", hash_hex(&encoded(value))),
                });
                attributes.push((oid, text.unwrap_or_else(|| hash_hex(&encoded(value)))));
            }
            relative_names.push(parts.join("+"));
        }
        relative_names.reverse();
        Name {
            der: der.to_vec(),
            text: relative_names.join(","),
            attributes,
        }
    }

    /// True when the bytes could be decoded (an empty name can).
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.text.is_empty() || !self.attributes.is_empty()
    }

    /// The last commonName, else the last organizationalUnit or organization,
    /// else the whole text: a short name for people.
    #[must_use]
    pub fn short(&self) -> &str {
        let last = |oid: &str| {
            let mut reversed = self.attributes.iter().rev();
            reversed
                .find(|(key, _)| key == oid)
                .map(|(_, value)| value.as_str())
        };
        last("2.5.4.3")
            .or_else(|| last("2.5.4.11"))
            .or_else(|| last("2.5.4.10"))
            .unwrap_or(&self.text)
    }
}

/// The text of a string type; `None` for other types and broken text.
///
/// A PrintableString, IA5String or TeletexString with bytes above 127 is read
/// as UTF-8 if it is, else as Latin-1: old tools wrote both.
fn string_value(value: &Any<'_>) -> Option<String> {
    let bytes = value.data;
    match value.tag().0 {
        12 => String::from_utf8(bytes.to_vec()).ok(),
        18 | 19 | 20 | 22 | 26 => Some(match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        }),
        28 => {
            let characters = bytes.chunks(4).map(|chunk| {
                let array: [u8; 4] = chunk.try_into().ok()?;
                char::from_u32(u32::from_be_bytes(array))
            });
            characters.collect()
        }
        30 => {
            let units: Option<Vec<u16>> = bytes
                .chunks(2)
                .map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
                .collect();
            String::from_utf16(&units?).ok()
        }
        _ => None,
    }
}

/// The value's DER: identifier and length are rebuilt, the contents are as found.
fn encoded(value: &Any<'_>) -> Vec<u8> {
    let constructed = if value.header.is_constructed() {
        0x20
    } else {
        0
    };
    let number = u8::try_from(value.tag().0).unwrap_or(0x1F).min(0x1F);
    let identifier = (value.header.class() as u8) << 6 | constructed | number;
    let length = value.data.len();
    let mut der = vec![identifier];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => der.push(short),
        _ => {
            let octets = length.to_be_bytes();
            let digits = super::tlv::unsigned(&octets);
            der.push(0x80 | digits.len() as u8);
            der.extend_from_slice(digits);
        }
    }
    der.extend_from_slice(value.data);
    der
}

/// Escapes a value (RFC 4514 §2.4).
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut result = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => {
                result.push('\\');
                result.push(character);
            }
            '#' | ' ' if index == 0 => {
                result.push('\\');
                result.push(character);
            }
            ' ' if index == last => result.push_str("\\ "),
            other if is_unprintable(other) => {
                let mut buffer = [0; 4];
                for byte in other.encode_utf8(&mut buffer).bytes() {
                    let _ = write!(result, "\\{byte:02X}");
                }
            }
            other => result.push(other),
        }
    }
    result
}

/// Controls, and the marks that turn the direction of text: a name must not
/// rearrange the line it is printed on.
pub(super) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(character, '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// Short names: RFC 4514 §3, and from OpenSSL's list for the rest.
fn keyword(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.13" => "description",
        "2.5.4.15" => "businessCategory",
        "2.5.4.17" => "postalCode",
        "2.5.4.18" => "postOfficeBox",
        "2.5.4.20" => "telephoneNumber",
        "2.5.4.41" => "name",
        "2.5.4.42" => "GN",
        "2.5.4.43" => "initials",
        "2.5.4.44" => "generationQualifier",
        "2.5.4.46" => "dnQualifier",
        "2.5.4.65" => "pseudonym",
        "2.5.4.97" => "organizationIdentifier",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        "1.2.840.113549.1.9.2" => "unstructuredName",
        "1.3.6.1.4.1.311.60.2.1.1" => "jurisdictionL",
        "1.3.6.1.4.1.311.60.2.1.2" => "jurisdictionST",
        "1.3.6.1.4.1.311.60.2.1.3" => "jurisdictionC",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Name of one-attribute RDNs: last arc of 2.5.4.N, string tag, value.
    fn name(attributes: &[(u8, u8, &[u8])]) -> Name {
        let wrap = |tag: u8, body: &[u8]| [&[tag, body.len() as u8], body].concat();
        let relative = attributes.iter().map(|(arc, tag, value)| {
            let inner = [wrap(6, &[0x55, 4, *arc]), wrap(*tag, value)].concat();
            wrap(0x31, &wrap(0x30, &inner))
        });
        Name::from_der(&wrap(0x30, &relative.collect::<Vec<_>>().concat()))
    }

    #[test]
    fn the_most_specific_part_comes_first() {
        let name = name(&[(6, 19, b"DE"), (10, 12, b"Acme"), (3, 12, b"Leaf")]);
        assert_eq!(name.text, "CN=Leaf,O=Acme,C=DE");
        assert_eq!(name.short(), "Leaf");
        assert_eq!(name.attributes[0], ("2.5.4.6".to_owned(), "DE".to_owned()));
    }

    #[test]
    fn special_characters_are_escaped_as_in_rfc_4514() {
        assert_eq!(
            name(&[(10, 12, b"A+B, \"C\" <D>;\\")]).text,
            r#"O=A\+B\, \"C\" \<D\>\;\\"#
        );
        assert_eq!(name(&[(10, 12, b" #a# ")]).text, r"O=\ #a#\ ");
        assert_eq!(name(&[(10, 12, b"#a")]).text, r"O=\#a");
        assert_eq!(name(&[(10, 12, b"a\0\n")]).text, r"O=a\00\0A");
        assert_eq!(
            name(&[(10, 12, "a\u{202E}b".as_bytes())]).text,
            r"O=a\E2\80\AEb"
        );
        assert_eq!(name(&[(10, 12, b" ")]).text, r"O=\ ");
    }

    #[test]
    fn unknown_types_and_values_are_hex() {
        assert_eq!(name(&[(99, 12, b"x")]).text, "2.5.4.99=#0c0178");
        assert_eq!(name(&[(10, 2, &[5])]).text, "O=#020105");
        assert_eq!(name(&[(10, 12, &[0xFF])]).text, "O=#0c01ff");
    }

    #[test]
    fn other_alphabets_are_decoded() {
        assert_eq!(name(&[(10, 30, &[0, 0xC4, 0x20, 0xAC])]).text, "O=Ä€");
        assert_eq!(name(&[(10, 20, &[0xE9])]).text, "O=é");
        assert_eq!(name(&[(10, 28, &[0, 1, 0xF6, 0])]).text, "O=\u{1F600}");
    }

    #[test]
    fn an_unreadable_name_keeps_its_bytes() {
        let name = Name::from_der(&[0x30, 5, 1]);
        assert_eq!((name.text.as_str(), name.is_readable()), ("#300501", false));
        let empty = Name::from_der(&[0x30, 0]);
        assert_eq!((empty.text.as_str(), empty.is_readable()), ("", true));
    }
}
