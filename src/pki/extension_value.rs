//! The contents of extensions. The names in them are read by x509-parser; the
//! frames around are ours where its model drops a field (order of usages,
//! minimum of a subtree, relative names).

use x509_parser::error::X509Error;
use x509_parser::extensions as x509;
use x509_parser::prelude::FromDer;

use super::extension::{
    AccessDescription, AuthorityKeyIdentifier, BasicConstraints, Decoded, Extension, GeneralName,
    GeneralSubtree, NameConstraints, PolicyConstraints,
};
use super::general_name::{directory_name, general_name, general_names, read_general_name};
use super::tlv::{DerReader, Tlv, context_primitive, dotted, hash_hex, small_number, tag};
use crate::bytes::ParseError;

/// Reads `Extensions`, the SEQUENCE inside its explicit tag. One that is no
/// Extension is left out and told in `oddities`.
///
/// ```text
/// SEQUENCE OF SEQUENCE { extnID OID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
/// ```
///
/// # Errors
///
/// `Truncated` or `Malformed` when the list itself cannot be walked.
pub fn read_extensions(
    wrapper: &Tlv<'_>,
    oddities: &mut Vec<String>,
) -> Result<Vec<Extension>, ParseError> {
    let mut list = wrapper
        .children()
        .expect("Extensions", tag::SEQUENCE)?
        .children();
    let mut extensions: Vec<Extension> = Vec::new();
    while !list.is_empty() {
        let element = list.any("Extension")?;
        match read_extension(&element) {
            Ok(extension) => {
                if extensions
                    .iter()
                    .any(|earlier| earlier.oid == extension.oid)
                {
                    oddities.push(format!("extension {} is there twice", extension.oid));
                }
                extensions.push(extension);
            }
            Err(error) => oddities.push(format!("an extension is left out: {error}")),
        }
        if extensions.len() > MAX_EXTENSIONS {
            return Err(element.malformed("Extensions", "more than 1024 extensions"));
        }
    }
    Ok(extensions)
}

/// Extensions in one object; real ones have up to 20.
const MAX_EXTENSIONS: usize = 1024;

/// Reads one Extension.
///
/// # Errors
///
/// `Truncated` or `Malformed`, as the reader says.
pub fn read_extension(element: &Tlv<'_>) -> Result<Extension, ParseError> {
    const WHAT: &str = "Extension";
    let mut inside = element.children();
    let oid = inside.oid(WHAT)?;
    let critical = inside.optional(WHAT, tag::BOOLEAN)?;
    let critical = critical.is_some_and(|flag| flag.contents.iter().any(|byte| *byte != 0));
    let value = inside.expect(WHAT, tag::OCTET_STRING)?.contents.to_vec();
    Ok(Extension {
        oid,
        critical,
        value,
    })
}

/// What a value's decoder gives: the value, and how many bytes follow it.
pub type Value<T> = Result<(T, usize), String>;

/// The extensions of one object, to be decoded one after the other.
pub struct Values<'a> {
    /// All of them.
    pub extensions: &'a [Extension],
    /// Where deviations go.
    pub oddities: &'a mut Vec<String>,
}

impl Values<'_> {
    /// Decodes the first extension with this OID.
    pub fn of<T>(&mut self, oid: &str, read: impl Fn(&[u8]) -> Value<T>) -> Decoded<T> {
        let mut extensions = self.extensions.iter();
        let Some(extension) = extensions.find(|extension| extension.oid == oid) else {
            return Decoded::Absent;
        };
        match read(&extension.value) {
            Ok((value, 0)) => Decoded::Present(value),
            Ok((value, count)) => {
                let oddity = format!("{count} bytes follow the value of extension {oid}");
                self.oddities.push(oddity);
                Decoded::Present(value)
            }
            Err(why) => Decoded::Malformed(why),
        }
    }
}

/// Runs one of x509-parser's decoders.
fn x509_value<'a, T: FromDer<'a, X509Error>>(bytes: &'a [u8]) -> Value<T> {
    T::from_der(bytes)
        .map(|(rest, value)| (value, rest.len()))
        .map_err(|error| error.to_string())
}

/// Runs one of our decoders over the one element of the value.
pub fn own_value<T>(
    bytes: &[u8],
    tag: u8,
    read: impl Fn(&Tlv<'_>) -> Result<T, ParseError>,
) -> Value<T> {
    let mut reader = DerReader::new(bytes);
    let element = reader
        .expect("extnValue", tag)
        .map_err(|error| error.to_string())?;
    let value = read(&element).map_err(|error| error.to_string())?;
    Ok((value, reader.rest().len()))
}

/// basicConstraints.
pub fn basic_constraints(bytes: &[u8]) -> Value<BasicConstraints> {
    let (value, rest) = x509_value::<x509::BasicConstraints>(bytes)?;
    Ok((
        BasicConstraints {
            ca: value.ca,
            path_length: value.path_len_constraint,
        },
        rest,
    ))
}

/// keyUsage, bit 0 as 0x8000 (x509-parser counts from the other end).
pub fn key_usage(bytes: &[u8]) -> Value<u16> {
    let (value, rest) = x509_value::<x509::KeyUsage>(bytes)?;
    Ok((value.flags.reverse_bits(), rest))
}

/// subjectKeyIdentifier.
pub fn key_identifier(bytes: &[u8]) -> Value<Vec<u8>> {
    let (value, rest) = x509_value::<x509::KeyIdentifier<'_>>(bytes)?;
    Ok((value.0.to_vec(), rest))
}

/// subjectAltName.
pub fn alternative_names(bytes: &[u8]) -> Value<Vec<GeneralName>> {
    let (value, rest) = x509_value::<x509::SubjectAlternativeName<'_>>(bytes)?;
    Ok((
        value.general_names.into_iter().map(general_name).collect(),
        rest,
    ))
}

/// authorityInfoAccess.
pub fn access_descriptions(bytes: &[u8]) -> Value<Vec<AccessDescription>> {
    let (value, rest) = x509_value::<x509::AuthorityInfoAccess<'_>>(bytes)?;
    let list = value.iter().map(|access| AccessDescription {
        method: dotted(access.access_method.as_bytes()),
        location: general_name(access.access_location.clone()),
    });
    Ok((list.collect(), rest))
}

/// policyMappings.
pub fn policy_mappings(bytes: &[u8]) -> Value<Vec<(String, String)>> {
    let (value, rest) = x509_value::<x509::PolicyMappings<'_>>(bytes)?;
    let pairs = value.mappings.iter().map(|mapping| {
        let issuer = dotted(mapping.issuer_domain_policy.as_bytes());
        (issuer, dotted(mapping.subject_domain_policy.as_bytes()))
    });
    Ok((pairs.collect(), rest))
}

/// inhibitAnyPolicy.
pub fn inhibit_any_policy(bytes: &[u8]) -> Value<u32> {
    let (value, rest) = x509_value::<x509::InhibitAnyPolicy>(bytes)?;
    Ok((value.skip_certs, rest))
}

/// A SEQUENCE OF OBJECT IDENTIFIER, such as extendedKeyUsage.
pub fn oid_list(bytes: &[u8]) -> Value<Vec<String>> {
    own_value(bytes, tag::SEQUENCE, |list| {
        let mut inside = list.children();
        let mut oids = Vec::new();
        while !inside.is_empty() {
            oids.push(inside.oid("KeyPurposeId")?);
        }
        Ok(oids)
    })
}

/// An INTEGER's contents octets.
pub fn integer(bytes: &[u8]) -> Value<Vec<u8>> {
    own_value(bytes, tag::INTEGER, |integer| Ok(integer.contents.to_vec()))
}

/// certificatePolicies: the OIDs; qualifiers stay in the raw extension.
pub fn policies(bytes: &[u8]) -> Value<Vec<String>> {
    own_value(bytes, tag::SEQUENCE, |list| {
        let mut inside = list.children();
        let mut oids = Vec::new();
        while !inside.is_empty() {
            let policy = inside.expect("PolicyInformation", tag::SEQUENCE)?;
            oids.push(policy.children().oid("policyIdentifier")?);
        }
        Ok(oids)
    })
}

/// authorityKeyIdentifier.
///
/// ```text
/// SEQUENCE { [0] keyIdentifier, [1] authorityCertIssuer GeneralNames, [2] serial } all OPTIONAL
/// ```
pub fn authority_key_identifier(bytes: &[u8]) -> Value<AuthorityKeyIdentifier> {
    own_value(bytes, tag::SEQUENCE, |sequence| {
        let mut value = AuthorityKeyIdentifier::default();
        let mut inside = sequence.children();
        while !inside.is_empty() {
            let part = inside.any("AuthorityKeyIdentifier")?;
            match part.tag {
                0x80 => value.key_identifier = Some(part.contents.to_vec()),
                0xA1 => value.issuer = directory_name(general_names(&part)?),
                0x82 => value.serial = Some(part.contents.to_vec()),
                other => return Err(unexpected(&part, "AuthorityKeyIdentifier", other)),
            }
        }
        Ok(value)
    })
}

/// policyConstraints.
pub fn policy_constraints(bytes: &[u8]) -> Value<PolicyConstraints> {
    own_value(bytes, tag::SEQUENCE, |sequence| {
        let mut value = PolicyConstraints::default();
        let mut inside = sequence.children();
        while !inside.is_empty() {
            let part = inside.any("PolicyConstraints")?;
            let number = small_number(part.contents)
                .ok_or_else(|| part.malformed("SkipCerts", "not a number below 2^32"))?;
            match part.tag {
                0x80 => value.require_explicit_policy = Some(number),
                0x81 => value.inhibit_policy_mapping = Some(number),
                other => return Err(unexpected(&part, "PolicyConstraints", other)),
            }
        }
        Ok(value)
    })
}

/// nameConstraints.
///
/// ```text
/// SEQUENCE { [0] permitted GeneralSubtrees OPTIONAL, [1] excluded GeneralSubtrees OPTIONAL }
/// GeneralSubtree ::= SEQUENCE { base GeneralName, minimum [0] DEFAULT 0, maximum [1] OPTIONAL }
/// ```
pub fn name_constraints(bytes: &[u8]) -> Value<NameConstraints> {
    own_value(bytes, tag::SEQUENCE, |sequence| {
        let mut value = NameConstraints::default();
        let mut inside = sequence.children();
        while !inside.is_empty() {
            let part = inside.any("NameConstraints")?;
            match part.tag {
                0xA0 => value.permitted = subtrees(&part)?,
                0xA1 => value.excluded = subtrees(&part)?,
                other => return Err(unexpected(&part, "NameConstraints", other)),
            }
        }
        Ok(value)
    })
}

fn subtrees(list: &Tlv<'_>) -> Result<Vec<GeneralSubtree>, ParseError> {
    const WHAT: &str = "GeneralSubtree";
    let mut reader = list.children();
    let mut subtrees = Vec::new();
    while !reader.is_empty() {
        let mut inside = reader.expect(WHAT, tag::SEQUENCE)?.children();
        let base = read_general_name(&inside.any(WHAT)?);
        let number = |part: Option<Tlv<'_>>| part.and_then(|part| small_number(part.contents));
        let minimum = number(inside.optional(WHAT, context_primitive(0))?).unwrap_or(0);
        let maximum = number(inside.optional(WHAT, context_primitive(1))?);
        subtrees.push(GeneralSubtree {
            base,
            minimum,
            maximum,
        });
    }
    Ok(subtrees)
}

/// An element that has no place there.
pub fn unexpected(part: &Tlv<'_>, what: &'static str, tag: u8) -> ParseError {
    let start = part.contents.get(..8).unwrap_or(part.contents);
    part.malformed(
        what,
        format!("unexpected tag {tag:#04x}, {}", hash_hex(start)),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::pki::Certificate;

    fn leaf() -> Certificate {
        let der = include_bytes!("../../tests/data/pki/leaf-every-extension.der");
        Certificate::from_der(der).unwrap()
    }

    #[test]
    fn usages_and_constraints_are_decoded() {
        let leaf = leaf();
        let constraints = BasicConstraints {
            ca: false,
            path_length: None,
        };
        assert_eq!(leaf.basic_constraints, Decoded::Present(constraints));
        assert_eq!(leaf.key_usage, Decoded::Present(0xA000));
        let usages = leaf.extended_key_usage.value().unwrap();
        assert_eq!(usages, &["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
        assert_eq!(
            leaf.certificate_policies.value().unwrap(),
            &["1.2.3.4.5", "2.5.29.32.0"]
        );
        let mapping = ("1.2.3.4.5".to_owned(), "1.2.3.4.6".to_owned());
        assert_eq!(leaf.policy_mappings, Decoded::Present(vec![mapping]));
        let policy = PolicyConstraints {
            require_explicit_policy: Some(2),
            inhibit_policy_mapping: Some(0),
        };
        assert_eq!(leaf.policy_constraints, Decoded::Present(policy));
        assert_eq!(leaf.inhibit_any_policy, Decoded::Present(3));
        assert_eq!(leaf.freshest_crl, Decoded::Absent);
    }

    #[test]
    fn key_identifiers_are_decoded() {
        let leaf = leaf();
        assert_eq!(leaf.subject_key_identifier, Decoded::Present(vec![7; 20]));
        let authority = leaf.authority_key_identifier.value().unwrap();
        assert_eq!(authority.key_identifier, Some(vec![8; 20]));
        assert_eq!(authority.issuer.as_ref().unwrap().text, "CN=Test CA,C=DE");
        assert_eq!(authority.serial, Some(vec![1]));
    }

    #[test]
    fn each_kind_of_name_is_kept_as_its_kind() {
        let leaf = leaf();
        let names = leaf.subject_alternative_names.value().unwrap();
        assert_eq!(names[0], GeneralName::Dns("leaf.example".to_owned()));
        assert_eq!(names[1], GeneralName::Email("a@leaf.example".to_owned()));
        assert_eq!(
            names[2],
            GeneralName::Uri("https://leaf.example/".to_owned())
        );
        assert_eq!(names[3], GeneralName::Ip(vec![192, 0, 2, 1]));
        assert_eq!(names[4], GeneralName::Directory(leaf.issuer.clone()));
        assert_eq!(names[5], GeneralName::RegisteredId("1.2.3.4".to_owned()));
        let principal =
            GeneralName::Other("1.3.6.1.4.1.311.20.2.3".to_owned(), b"\x0c\x03a@b".to_vec());
        assert_eq!(names[6], principal);
    }

    #[test]
    fn subtrees_keep_their_bounds() {
        let leaf = leaf();
        let constraints = leaf.name_constraints.value().unwrap();
        let subtree = |base| GeneralSubtree {
            base,
            minimum: 0,
            maximum: None,
        };
        let network = GeneralName::Ip(vec![10, 0, 0, 0, 255, 0, 0, 0]);
        let example = GeneralName::Dns("example".to_owned());
        assert_eq!(constraints.permitted, [subtree(example), subtree(network)]);
        let bad = GeneralName::Dns("bad.example".to_owned());
        assert_eq!(constraints.excluded, [subtree(bad)]);
        // base dNSName "a", minimum 1, maximum 2
        let bounded = [
            0x30, 0x0D, 0xA0, 0x0B, 0x30, 9, 0x82, 1, b'a', 0x80, 1, 1, 0x81, 1, 2,
        ];
        let (value, rest) = name_constraints(&bounded).unwrap();
        assert_eq!(
            (value.permitted[0].minimum, value.permitted[0].maximum),
            (1, Some(2))
        );
        assert_eq!(rest, 0);
    }

    #[test]
    fn what_follows_a_value_is_told_and_what_is_wrong_is_malformed() {
        let extension = |value: &[u8]| {
            vec![Extension {
                oid: "1.2".to_owned(),
                critical: false,
                value: value.to_vec(),
            }]
        };
        let mut oddities = Vec::new();
        let longer = extension(&[0x30, 0, 0, 0]);
        let mut values = Values {
            extensions: &longer,
            oddities: &mut oddities,
        };
        assert_eq!(values.of("1.2", oid_list), Decoded::Present(Vec::new()));
        let broken = extension(&[0x30, 3, 0x80, 1, 0x80]);
        let mut values = Values {
            extensions: &broken,
            oddities: &mut oddities,
        };
        let why = "SkipCerts at byte 2: malformed: not a number below 2^32";
        assert_eq!(
            values.of("1.2", policy_constraints),
            Decoded::Malformed(why.to_owned())
        );
        assert_eq!(oddities, ["2 bytes follow the value of extension 1.2"]);
    }
}
