//! PKCS#7 and CMS SignedData: the frame of trust lists and of certificate bags.
//!
//! The frame is walked here, because the `cms` crate refuses the whole when
//! one enclosed certificate is odd, and re-encodes what must be verified as it
//! was sent. `cms` decodes the signers.

use std::sync::Arc;

use cms::signed_data::SignerInfo;
use der::{Decode, Encode};

use super::certificate::Certificate;
use super::digest::Hash;
use super::key::AlgorithmIdentifier;
use super::name::Name;
use super::signature::{SignatureOutcome, cms_algorithm, verify};
use super::tlv::{DerReader, Tlv, context, tag};
use crate::bytes::{ErrorKind, ParseError};

/// `id-signedData`.
pub const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";

/// A SignedData, its parts still encoded.
pub struct SignedData<'a> {
    /// The whole ContentInfo.
    pub element: Tlv<'a>,
    /// eContentType.
    pub content_type: String,
    /// The element inside eContent: an OCTET STRING in CMS, any type in PKCS#7.
    pub content: Option<Tlv<'a>>,
    /// Each enclosed certificate.
    pub certificates: Vec<Tlv<'a>>,
    /// Each enclosed CRL.
    pub crls: Vec<Tlv<'a>>,
    /// Each SignerInfo.
    pub signers: Vec<Tlv<'a>>,
}

/// Certificates, CRLs or signers in one SignedData. The largest public bags
/// hold a few hundred.
const MAX_PARTS: usize = 10_000;

impl<'a> SignedData<'a> {
    /// Reads a ContentInfo that holds SignedData.
    ///
    /// ```text
    /// ContentInfo ::= SEQUENCE { contentType OID, content [0] EXPLICIT SignedData }
    /// SignedData ::= SEQUENCE { version INTEGER, digestAlgorithms SET,
    ///     encapContentInfo SEQUENCE { eContentType OID, eContent [0] EXPLICIT ANY OPTIONAL },
    ///     certificates [0] IMPLICIT SET OPTIONAL, crls [1] IMPLICIT SET OPTIONAL, signerInfos SET }
    /// ```
    ///
    /// Spec: RFC 2315 §9 (PKCS#7), RFC 5652 §5 (CMS).
    ///
    /// # Errors
    ///
    /// `Truncated` or `Malformed`, as the reader says; `Unsupported` for
    /// another content type; `OverLimit` with more than 10,000 parts.
    pub fn read(bytes: &'a [u8]) -> Result<SignedData<'a>, ParseError> {
        const WHAT: &str = "SignedData";
        let element = DerReader::new(bytes).expect("ContentInfo", tag::SEQUENCE)?;
        let mut info = element.children();
        let kind = info.oid("contentType")?;
        if kind != SIGNED_DATA {
            let kind = ErrorKind::Unsupported(format!("PKCS#7 content type {kind}"));
            return Err(ParseError {
                what: "ContentInfo",
                at: element.at as u64,
                kind,
            });
        }
        let wrapper = info.expect("content", context(0))?;
        let mut fields = wrapper.children().expect(WHAT, tag::SEQUENCE)?.children();
        fields.expect("version", tag::INTEGER)?;
        fields.expect("digestAlgorithms", tag::SET)?;
        let mut inner = fields.expect("encapContentInfo", tag::SEQUENCE)?.children();
        let content_type = inner.oid("eContentType")?;
        let content = match inner.optional("eContent", context(0))? {
            Some(wrapper) if !wrapper.contents.is_empty() => {
                Some(wrapper.children().any("eContent")?)
            }
            _ => None,
        };
        let mut data = SignedData {
            element,
            content_type,
            content,
            certificates: Vec::new(),
            crls: Vec::new(),
            signers: Vec::new(),
        };
        while !fields.is_empty() {
            let part = fields.any(WHAT)?;
            match part.tag {
                0xA0 => data.certificates = parts(&part, "certificates")?,
                0xA1 => data.crls = parts(&part, "crls")?,
                tag::SET => data.signers = parts(&part, "signerInfos")?,
                other => return Err(part.malformed(WHAT, format!("unexpected tag {other:#04x}"))),
            }
        }
        Ok(data)
    }

    /// The enclosed certificates; one that cannot be read is told in `oddities`.
    pub fn read_certificates(&self, oddities: &mut Vec<String>) -> Vec<Arc<Certificate>> {
        let mut certificates = Vec::new();
        for element in &self.certificates {
            match Certificate::from_der(element.whole) {
                Ok(certificate) => certificates.push(Arc::new(certificate)),
                Err(error) => {
                    let error = error.shifted(element.at as u64);
                    oddities.push(format!("an enclosed certificate is left out: {error}"));
                }
            }
        }
        certificates
    }
}

fn parts<'a>(list: &Tlv<'a>, what: &'static str) -> Result<Vec<Tlv<'a>>, ParseError> {
    let mut reader = list.children();
    let mut elements = Vec::new();
    while !reader.is_empty() {
        let element = reader.any(what)?;
        if elements.len() == MAX_PARTS {
            let (value, limit) = (MAX_PARTS as u64 + 1, MAX_PARTS as u64);
            let kind = ErrorKind::OverLimit { value, limit };
            return Err(ParseError {
                what,
                at: element.at as u64,
                kind,
            });
        }
        elements.push(element);
    }
    Ok(elements)
}

/// A signer, told from the bytes of its SignerInfo.
pub struct Signer<'a> {
    element: Tlv<'a>,
    /// issuerAndSerialNumber; `None` when it is named by key identifier.
    pub issuer_and_serial: Option<(Name, Vec<u8>)>,
    key_identifier: Option<Vec<u8>>,
    /// signedAttrs as sent, under its context tag.
    signed_attributes: Option<&'a [u8]>,
}

impl<'a> Signer<'a> {
    /// ```text
    /// SignerInfo ::= SEQUENCE { version INTEGER,
    ///     sid CHOICE { SEQUENCE { issuer Name, serialNumber INTEGER }, [0] key identifier },
    ///     digestAlgorithm, signedAttrs [0] IMPLICIT SET OPTIONAL, signatureAlgorithm,
    ///     signature OCTET STRING, unsignedAttrs [1] IMPLICIT SET OPTIONAL }
    /// ```
    pub fn read(element: &Tlv<'a>) -> Result<Signer<'a>, ParseError> {
        let mut fields = element.children();
        fields.expect("version", tag::INTEGER)?;
        let sid = fields.any("sid")?;
        let mut issuer_and_serial = None;
        if sid.tag == tag::SEQUENCE {
            let mut inside = sid.children();
            let issuer = Name::from_der(inside.expect("issuer", tag::SEQUENCE)?.whole);
            let serial = inside
                .expect("serialNumber", tag::INTEGER)?
                .contents
                .to_vec();
            issuer_and_serial = Some((issuer, serial));
        }
        let key_identifier = (sid.tag == 0x80).then(|| sid.contents.to_vec());
        fields.expect("digestAlgorithm", tag::SEQUENCE)?;
        let attributes = fields.optional("signedAttrs", context(0))?;
        let signed_attributes = attributes.map(|attributes| attributes.whole);
        Ok(Signer {
            element: *element,
            issuer_and_serial,
            key_identifier,
            signed_attributes,
        })
    }

    /// True for the certificate that this signer names.
    pub fn is(&self, certificate: &Certificate) -> bool {
        if let Some((issuer, serial)) = &self.issuer_and_serial {
            let is_issuer =
                issuer.der == certificate.issuer.der || issuer.text == certificate.issuer.text;
            return is_issuer && *serial == certificate.serial;
        }
        self.key_identifier.is_some()
            && certificate.subject_key_identifier.value() == self.key_identifier.as_ref()
    }

    /// Verifies messageDigest and signature with the signer's certificate.
    ///
    /// The digest is over `content`, the contents octets of eContent: PKCS#7
    /// leaves out identifier and length of whatever type it holds (RFC 2315
    /// §9.3). The signature is over signedAttrs under the tag of a SET, the
    /// bytes otherwise as sent (RFC 5652 §5.4).
    pub fn verify(&self, content: &[u8], certificate: &Certificate) -> SignatureOutcome {
        let info = match SignerInfo::from_der(self.element.whole) {
            Ok(info) => info,
            Err(error) => return SignatureOutcome::Unsupported(format!("SignerInfo: {error}")),
        };
        let digest_oid = info.digest_alg.oid.to_string();
        let Some(hash) = Hash::from_oid(&digest_oid) else {
            return SignatureOutcome::Unsupported(format!("digest algorithm {digest_oid}"));
        };
        let parameters = info.signature_algorithm.parameters.as_ref();
        let named = AlgorithmIdentifier {
            oid: info.signature_algorithm.oid.to_string(),
            parameters: parameters.and_then(|parameters| parameters.to_der().ok()),
        };
        let algorithm = cms_algorithm(&digest_oid, &named);
        let signature = info.signature.as_bytes();
        let Some(attributes) = self.signed_attributes else {
            return verify(content, &algorithm, signature, &certificate.public_key);
        };
        match message_digest(&info) {
            None => return SignatureOutcome::invalid("signedAttrs without a messageDigest"),
            Some(digest) if digest != hash.of(content) => {
                return SignatureOutcome::invalid("messageDigest is not the digest of the content");
            }
            Some(_) => {}
        }
        let mut signed = attributes.to_vec();
        if let Some(first) = signed.first_mut() {
            *first = tag::SET;
        }
        verify(&signed, &algorithm, signature, &certificate.public_key)
    }
}

/// The messageDigest attribute, 1.2.840.113549.1.9.4.
fn message_digest(info: &SignerInfo) -> Option<Vec<u8>> {
    let attributes = info.signed_attrs.as_ref()?;
    let digest = attributes
        .iter()
        .find(|attribute| attribute.oid == const_oid::db::rfc5911::ID_MESSAGE_DIGEST)?;
    digest
        .values
        .iter()
        .next()
        .map(|value| value.value().to_vec())
}
