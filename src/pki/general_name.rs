//! General names (RFC 5280 §4.2.1.6), as x509-parser reads them.

use x509_parser::extensions as x509;
use x509_parser::prelude::FromDer;

use super::extension::GeneralName;
use super::name::Name;
use super::tlv::{DerReader, Tlv, context, dotted};
use crate::bytes::ParseError;

/// GeneralNames, whatever tag they lie under.
pub fn general_names(list: &Tlv<'_>) -> Result<Vec<GeneralName>, ParseError> {
    let mut reader = list.children();
    let mut names = Vec::new();
    while !reader.is_empty() {
        names.push(read_general_name(&reader.any("GeneralName")?));
    }
    Ok(names)
}

/// One GeneralName; one that x509-parser refuses is kept raw.
pub fn read_general_name(element: &Tlv<'_>) -> GeneralName {
    match x509::GeneralName::from_der(element.whole) {
        Ok((_, name)) => general_name(name),
        Err(_) => GeneralName::Raw(element.tag & 0x1F, element.contents.to_vec()),
    }
}

pub fn general_name(name: x509::GeneralName<'_>) -> GeneralName {
    let raw = |tag: u32, bytes: &[u8]| GeneralName::Raw(tag as u8 & 0x1F, bytes.to_vec());
    match name {
        x509::GeneralName::RFC822Name(text) => GeneralName::Email(text.to_owned()),
        x509::GeneralName::DNSName(text) => GeneralName::Dns(text.to_owned()),
        x509::GeneralName::URI(text) => GeneralName::Uri(text.to_owned()),
        x509::GeneralName::IPAddress(octets) => GeneralName::Ip(octets.to_vec()),
        x509::GeneralName::DirectoryName(name) => {
            GeneralName::Directory(Name::from_der(name.as_raw()))
        }
        x509::GeneralName::RegisteredID(oid) => GeneralName::RegisteredId(dotted(oid.as_bytes())),
        x509::GeneralName::OtherName(oid, rest) => {
            let value = DerReader::new(rest).expect("otherName", context(0));
            let bytes = value.map_or(rest, |wrapper| wrapper.contents);
            GeneralName::Other(dotted(oid.as_bytes()), bytes.to_vec())
        }
        x509::GeneralName::X400Address(any) => raw(3, any.data),
        x509::GeneralName::EDIPartyName(any) => raw(5, any.data),
        x509::GeneralName::Invalid(tag, bytes) => raw(tag.0, bytes),
    }
}

/// The first directoryName of some names.
pub fn directory_name(names: Vec<GeneralName>) -> Option<Name> {
    names.into_iter().find_map(|name| match name {
        GeneralName::Directory(name) => Some(name),
        _ => None,
    })
}
