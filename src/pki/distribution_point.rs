//! Where revocation lists are found, and which part of them one list covers.

use super::extension::{DistributionPoint, IssuingDistributionPoint};
use super::extension_value::{Value, own_value, unexpected};
use super::general_name::general_names;
use super::tlv::{Tlv, tag};
use crate::bytes::ParseError;

/// cRLDistributionPoints and freshestCRL.
pub fn distribution_points(bytes: &[u8]) -> Value<Vec<DistributionPoint>> {
    own_value(bytes, tag::SEQUENCE, |list| {
        let mut reader = list.children();
        let mut points = Vec::new();
        while !reader.is_empty() {
            let element = reader.expect("DistributionPoint", tag::SEQUENCE)?;
            points.push(distribution_point(&element)?);
        }
        Ok(points)
    })
}

/// ```text
/// SEQUENCE { [0] distributionPoint, [1] reasons BIT STRING, [2] cRLIssuer } all OPTIONAL
/// ```
fn distribution_point(element: &Tlv<'_>) -> Result<DistributionPoint, ParseError> {
    let mut point = DistributionPoint::default();
    let mut inside = element.children();
    while !inside.is_empty() {
        let part = inside.any("DistributionPoint")?;
        match part.tag {
            0xA0 => point_name(&part, &mut point)?,
            0x81 => point.reasons = Some(named_bits(part.contents)),
            0xA2 => point.crl_issuer = general_names(&part)?,
            other => return Err(unexpected(&part, "DistributionPoint", other)),
        }
    }
    Ok(point)
}

/// ```text
/// DistributionPointName ::= CHOICE { [0] fullName GeneralNames, [1] nameRelativeToCRLIssuer }
/// ```
fn point_name(wrapper: &Tlv<'_>, point: &mut DistributionPoint) -> Result<(), ParseError> {
    let choice = wrapper.children().any("DistributionPointName")?;
    match choice.tag {
        0xA0 => point.full_name = general_names(&choice)?,
        0xA1 => {
            // IMPLICIT hides the SET's own tag; put back, it reads as an RDN.
            let mut relative = choice.whole.to_vec();
            if let Some(first) = relative.first_mut() {
                *first = tag::SET;
            }
            point.relative_name = Some(relative);
        }
        other => return Err(unexpected(&choice, "DistributionPointName", other)),
    }
    Ok(())
}

/// issuingDistributionPoint of a CRL.
pub fn issuing_distribution_point(bytes: &[u8]) -> Value<IssuingDistributionPoint> {
    own_value(bytes, tag::SEQUENCE, |sequence| {
        let mut value = IssuingDistributionPoint::default();
        let mut inside = sequence.children();
        while !inside.is_empty() {
            let part = inside.any("IssuingDistributionPoint")?;
            let flag = part.contents.iter().any(|byte| *byte != 0);
            match part.tag {
                0xA0 => {
                    let mut point = DistributionPoint::default();
                    point_name(&part, &mut point)?;
                    value.distribution_point = Some(point);
                }
                0x81 => value.only_user = flag,
                0x82 => value.only_ca = flag,
                0x83 => value.only_some_reasons = Some(named_bits(part.contents)),
                0x84 => value.indirect = flag,
                0x85 => value.only_attribute = flag,
                other => return Err(unexpected(&part, "IssuingDistributionPoint", other)),
            }
        }
        Ok(value)
    })
}

/// Contents of a BIT STRING of named bits, bit 0 as 0x8000.
fn named_bits(contents: &[u8]) -> u16 {
    let byte = |index: usize| contents.get(index).copied().unwrap_or(0);
    u16::from_be_bytes([byte(1), byte(2)])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::pki::certificate::{Certificate, GeneralName};
    use crate::pki::crl::Crl;

    #[test]
    fn points_keep_relative_names_reasons_and_issuers() {
        let der = include_bytes!("../../tests/data/pki/leaf-every-extension.der");
        let leaf = Certificate::from_der(der).unwrap();
        let points = leaf.crl_distribution_points.value().unwrap();
        assert_eq!((points[0].full_name.len(), points[0].reasons), (2, None));
        let relative = points[1].relative_name.as_deref().unwrap();
        assert_eq!(
            relative,
            b"\x31\x10\x30\x0e\x06\x03\x55\x04\x03\x0c\x07shard 7"
        );
        // keyCompromise is bit 1, aACompromise bit 8.
        assert_eq!(points[1].reasons, Some(0x4080));
        assert_eq!(
            points[1].crl_issuer,
            [GeneralName::Directory(leaf.issuer.clone())]
        );
    }

    #[test]
    fn the_scope_of_a_list_is_decoded() {
        let der = include_bytes!("../../tests/data/pki/crl-indirect-delta.der");
        let crl = Crl::from_der(der).unwrap();
        let point = crl.issuing_distribution_point.value().unwrap();
        let url = GeneralName::Uri("http://crl.example/a.crl".to_owned());
        assert_eq!(point.distribution_point.as_ref().unwrap().full_name, [url]);
        assert!(point.only_user && point.indirect);
        assert!(!point.only_ca && !point.only_attribute);
        assert_eq!(point.only_some_reasons, Some(0x4000));
    }
}
