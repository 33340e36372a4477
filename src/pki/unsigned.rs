//! What a trust list carries beside its signature: nested signatures of other
//! algorithms, and time stamps.

use std::sync::Arc;

use super::Certificate;
use super::ctl::Ctl;
use super::signature::SignatureOutcome;
use super::signed_data::{SignedData, Signer};
use super::tlv::{DerReader, Tlv, context, dotted, tag};
use crate::bytes::ParseError;

/// szOID_NESTED_SIGNATURE.
const NESTED: &str = "1.3.6.1.4.1.311.2.4.1";
/// PKCS#9 counterSignature, and szOID_RFC3161_counterSign.
const TIME_STAMPS: [&str; 2] = ["1.2.840.113549.1.9.6", "1.3.6.1.4.1.311.3.3.1"];
/// Unsigned attributes that are read; known lists have one.
const MAX_ATTRIBUTES: usize = 64;

/// The unsigned attributes of a list's signer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Beside {
    /// Nested signatures, in order.
    pub nested: Vec<NestedSignature>,
    /// Counter signatures that tell a time. They are counted, not verified: no
    /// list of Microsoft's is known to have one, and lists are refused once their
    /// signer expired.
    pub time_stamps: usize,
}

/// Another signature over the same list, for machines that do not take the
/// algorithm of the first.
#[derive(Debug, Clone, PartialEq)]
pub struct NestedSignature {
    /// The signer, where its certificate is enclosed.
    pub signer: Option<Arc<Certificate>>,
    /// Verified over the list with that certificate's key; `None` without it.
    pub signature: Option<SignatureOutcome>,
}

impl Ctl {
    /// Reads what the list carries beside its signature.
    ///
    /// # Errors
    ///
    /// `Truncated` or `Malformed`, when the signer's fields or a nested
    /// signature cannot be read.
    pub fn beside(&self) -> Result<Beside, ParseError> {
        let data = SignedData::read(&self.der)?;
        let (Some(signer), Some(content)) = (data.signers.first(), data.content) else {
            return Ok(Beside::default());
        };
        let mut fields = signer.children();
        let mut beside = Beside::default();
        let mut count = 0;
        while !fields.is_empty() {
            let field = fields.any("SignerInfo")?;
            // signedAttrs are [0]; a signer named by key identifier is [0] too,
            // but primitive.
            if field.tag != context(1) {
                continue;
            }
            let mut attributes = field.children();
            while !attributes.is_empty() && count < MAX_ATTRIBUTES {
                beside.add(&attributes.any("unsignedAttrs")?, content.whole)?;
                count += 1;
            }
        }
        Ok(beside)
    }
}

impl Beside {
    fn add(&mut self, attribute: &Tlv<'_>, content: &[u8]) -> Result<(), ParseError> {
        let mut fields = attribute.children();
        let kind = dotted(fields.expect("attribute", tag::OID)?.contents);
        let mut values = fields.expect("attribute", tag::SET)?.children();
        while !values.is_empty() {
            let value = values.any("value")?;
            if kind == NESTED {
                self.nested.push(NestedSignature::read(&value, content)?);
            } else if TIME_STAMPS.contains(&kind.as_str()) {
                self.time_stamps += 1;
            }
        }
        Ok(())
    }
}

impl NestedSignature {
    /// Reads a SignedData without content, which signs that of the outer one:
    /// detached, so that tag and length count too, which the outer signature
    /// leaves out (seen in the pin rules of 2017).
    fn read(value: &Tlv<'_>, content: &[u8]) -> Result<Self, ParseError> {
        let data = SignedData::read(value.whole)?;
        let certificates = data.read_certificates(&mut Vec::new());
        let Some(first) = data.signers.first() else {
            let mut inside = DerReader::new(value.whole);
            return Err(inside.any("signerInfos")?.malformed("signerInfos", "none"));
        };
        let signer = Signer::read(first)?;
        let found = certificates
            .into_iter()
            .find(|certificate| signer.is(certificate));
        let signature = found
            .as_ref()
            .map(|certificate| signer.verify(content, certificate));
        Ok(NestedSignature {
            signer: found,
            signature,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::super::Artifact;
    use super::super::object::read_object;
    use super::*;

    fn list(name: &str) -> Option<Arc<Ctl>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/ctl");
        let Ok(bytes) = std::fs::read(folder.join(name)) else {
            println!("skipped: {name} is not here");
            return None;
        };
        let mut artifacts = read_object(&bytes).artifacts.into_iter();
        artifacts.find_map(|artifact| match artifact {
            Artifact::Ctl(list) => Some(list),
            _ => None,
        })
    }

    #[test]
    fn the_list_of_2017_is_signed_again_with_sha_256() {
        let Some(list) = list("pinrulesstl-2017.cab") else {
            return;
        };
        let beside = list.beside().unwrap();
        assert_eq!(beside.time_stamps, 0);
        assert_eq!(beside.nested.len(), 1);
        let nested = beside.nested.first().unwrap();
        assert_eq!(nested.signature, Some(SignatureOutcome::Valid));
        let signer = nested.signer.as_ref().unwrap();
        assert_eq!(
            signer.subject.short(),
            "Microsoft Certificate Trust List Publisher"
        );
        assert_ne!(
            Some(signer.sha256),
            list.signer.as_ref().map(|it| it.sha256)
        );
    }

    #[test]
    fn the_list_of_2025_has_nothing_beside_its_signature() {
        let Some(list) = list("authrootstl-2025-06-16.cab") else {
            return;
        };
        assert_eq!(list.beside().unwrap(), Beside::default());
    }
}
