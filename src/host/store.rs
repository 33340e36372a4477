//! Certificate stores: the property blob of one element, and `.sst` files.

use crate::bytes::{ErrorKind, ParseError, Reader};
use crate::time::Timestamp;

/// One element of a store: an object and what Windows notes about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreElement {
    /// The certificate, CRL or CTL as stored; empty where the element has only
    /// properties.
    pub object: Vec<u8>,
    /// What the object is.
    pub kind: ObjectKind,
    /// Every property: id and bytes, in order.
    pub properties: Vec<(u32, Vec<u8>)>,
}

/// What a store element holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum ObjectKind {
    /// Properties without an object.
    #[default]
    None,
    /// `CERT_CERT_PROP_ID` 32.
    Certificate,
    /// `CERT_CRL_PROP_ID` 33.
    Crl,
    /// `CERT_CTL_PROP_ID` 34.
    Ctl,
}

/// `CERT_FRIENDLY_NAME_PROP_ID`.
const FRIENDLY_NAME: u32 = 11;
/// `CERT_ENHKEY_USAGE_PROP_ID`: the usages that Windows allows it.
pub const USAGES: u32 = 9;
/// `CERT_DISALLOWED_FILETIME_PROP_ID`.
const DISALLOWED_SINCE: u32 = 104;
/// More properties than any element has.
const MAX_PROPERTIES: usize = 256;
/// A certificate has a few KB, a CRL may have some MB.
const MAX_PROPERTY_LEN: u32 = 16 << 20;
/// Elements of one serialized store: all roots of the program are 555.
const MAX_ELEMENTS: usize = 20_000;

impl StoreElement {
    /// A property's bytes.
    #[must_use]
    pub fn property(&self, id: u32) -> Option<&[u8]> {
        let found = self.properties.iter().find(|(known, _)| *known == id);
        found.map(|(_, bytes)| bytes.as_slice())
    }

    /// The friendly name.
    #[must_use]
    pub fn friendly_name(&self) -> Option<String> {
        let name = super::regf::utf16(self.property(FRIENDLY_NAME)?);
        (!name.is_empty()).then_some(name)
    }

    /// From when on Windows distrusts what it issued.
    #[must_use]
    pub fn disallowed_since(&self) -> Option<Timestamp> {
        let bytes: [u8; 8] = self.property(DISALLOWED_SINCE)?.try_into().ok()?;
        Timestamp::from_filetime(u64::from_le_bytes(bytes))
    }
}

/// Reads the `Blob` value of a registry store: one element.
///
/// ```text
/// 0             4            8        12
/// | property id | encoding 1 | length | length bytes |  again and again
/// ```
///
/// Little-endian. Property 32, 33 or 34 is the object itself and stands last.
///
/// Source: wincrypt.h (ids); layout observed in hives of Windows 7 to 11.
///
/// # Errors
///
/// `Truncated` when a length reaches past the end, `OverLimit` for an absurd one.
pub fn element(blob: &[u8]) -> Result<StoreElement, ParseError> {
    let mut reader = Reader::new(blob);
    let mut element = StoreElement::default();
    while !reader.is_empty() {
        if !property(&mut reader, &mut element)? {
            break;
        }
    }
    Ok(element)
}

/// Reads one property; false at the end mark.
fn property(reader: &mut Reader<'_>, element: &mut StoreElement) -> Result<bool, ParseError> {
    const WHAT: &str = "store property";
    let id = reader.u32_le(WHAT)?;
    let encoding = reader.u32_le(WHAT)?;
    if id == 0 && encoding == 0 {
        // The end mark has no more than these, and in a file a length of 0.
        return Ok(false);
    }
    let length = reader.u32_le(WHAT)?;
    if length > MAX_PROPERTY_LEN || element.properties.len() >= MAX_PROPERTIES {
        let (value, limit) = (u64::from(length), u64::from(MAX_PROPERTY_LEN));
        return Err(reader.error(WHAT, ErrorKind::OverLimit { value, limit }));
    }
    let bytes = reader.take(WHAT, length as usize)?;
    element.kind = match id {
        32 => ObjectKind::Certificate,
        33 => ObjectKind::Crl,
        34 => ObjectKind::Ctl,
        _ => {
            element.properties.push((id, bytes.to_vec()));
            return Ok(true);
        }
    };
    element.object = bytes.to_vec();
    Ok(true)
}

/// Reads a serialized store (`.sst`).
///
/// ```text
/// 0           4      8
/// | version 0 | CERT | element | element | … | 12 zero bytes |
/// ```
///
/// An element is a run of properties that ends with its object (property 32,
/// 33 or 34). What was read before damage is returned with the error.
///
/// Source: [MS-GPEF] 2.2 (CERTIFICATESTORE), wincrypt.h; witness: the store of
/// distrusted certificates that `certutil -syncWithWU` writes has this form.
#[must_use]
pub fn serialized(bytes: &[u8]) -> (Vec<StoreElement>, Option<ParseError>) {
    const WHAT: &str = "serialized store";
    let mut reader = Reader::new(bytes);
    let mut elements = Vec::new();
    let header = reader.take(WHAT, 8);
    match header {
        Ok(b"\0\0\0\0CERT") => {}
        Ok(_) => {
            let how = "does not start with version 0 and CERT".to_owned();
            let error = Reader::new(bytes).error(WHAT, ErrorKind::Malformed(how));
            return (elements, Some(error));
        }
        Err(error) => return (elements, Some(error)),
    }
    let mut element = StoreElement::default();
    while !reader.is_empty() {
        if elements.len() >= MAX_ELEMENTS {
            let (value, limit) = (elements.len() as u64 + 1, MAX_ELEMENTS as u64);
            let error = reader.error(WHAT, ErrorKind::OverLimit { value, limit });
            return (elements, Some(error));
        }
        match property(&mut reader, &mut element) {
            Ok(true) if element.kind != ObjectKind::None => {
                elements.push(std::mem::take(&mut element));
            }
            Ok(true) => {}
            Ok(false) => return (elements, None),
            Err(error) => return (elements, Some(error)),
        }
    }
    let error = reader.error(
        WHAT,
        ErrorKind::Truncated {
            needed: 12,
            left: 0,
        },
    );
    (elements, Some(error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn item(id: u32, bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap();
        let head = [id, 1, length].map(u32::to_le_bytes).concat();
        [head, bytes.to_vec()].concat()
    }

    #[test]
    fn an_element_is_its_properties_and_its_object() {
        let blob = [
            item(11, b"L\0a\0b\0\0\0"),
            item(104, &0x01CB_BCD2_0538_9C94_u64.to_le_bytes()),
            item(32, b"\x30\x03abc"),
        ]
        .concat();
        let element = element(&blob).unwrap();
        assert_eq!(element.kind, ObjectKind::Certificate);
        assert_eq!(element.object, b"\x30\x03abc");
        assert_eq!(element.friendly_name().unwrap(), "Lab");
        let since = element.disallowed_since().unwrap().to_rfc3339();
        assert_eq!(since, "2011-01-25T20:54:12.6941332Z");
    }

    #[test]
    fn a_length_past_the_end_says_how_much_is_missing() {
        let blob = item(32, b"abc");
        let error = element(&blob[..14]).unwrap_err().to_string();
        assert_eq!(error, "store property at byte 12: needs 3 bytes, 2 left");
    }

    #[test]
    fn a_cut_store_keeps_the_elements_before_the_cut() {
        let mut store = b"\0\0\0\0CERT".to_vec();
        store.extend(item(32, b"one"));
        store.extend(item(33, b"two"));
        store.extend([0; 12]);
        let (elements, error) = serialized(&store);
        assert_eq!((elements.len(), error), (2, None));
        let (elements, error) = serialized(&store[..30]);
        assert_eq!(elements[0].object, b"one");
        assert!(
            error
                .unwrap()
                .to_string()
                .starts_with("store property at byte")
        );
    }
}
