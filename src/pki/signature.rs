//! Signatures, verified over the original bytes.

use super::certificate::Certificate;
use super::crl::Crl;
use super::digest::Hash;
use super::key::{AlgorithmIdentifier, DSA, EC, ED25519, PublicKeyInfo, RSA, RSA_PSS};
use super::ocsp::BasicResponse;
use super::tlv::{DerReader, tag};
use super::{signature_curve, signature_rsa};

/// The three answers about a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureOutcome {
    /// It verifies.
    Valid,
    /// It does not: why, in one line.
    Invalid(String),
    /// We cannot tell: the algorithm or the key form is not supported. Never
    /// to be taken for invalid.
    Unsupported(String),
}

impl SignatureOutcome {
    pub(super) fn invalid(why: impl Into<String>) -> Self {
        SignatureOutcome::Invalid(why.into())
    }

    pub(super) fn unsupported(what: impl Into<String>) -> Self {
        SignatureOutcome::Unsupported(what.into())
    }

    pub(super) fn of_match(matches: bool) -> Self {
        if matches {
            SignatureOutcome::Valid
        } else {
            SignatureOutcome::invalid("the signature does not match the signed bytes and the key")
        }
    }
}

/// Verifies a signature over a message.
///
/// RSA PKCS#1 v1.5 with MD2, MD5, SHA-1 and SHA-2 (RFC 8017), RSA-PSS where
/// one hash serves both purposes, ECDSA on P-256, P-384 and P-521, DSA,
/// Ed25519 (RFC 8032), ML-DSA (FIPS 204, empty context). Any other algorithm,
/// curve or key form is `Unsupported`.
#[must_use]
pub fn verify(
    message: &[u8],
    algorithm: &AlgorithmIdentifier,
    signature: &[u8],
    key: &PublicKeyInfo,
) -> SignatureOutcome {
    verify_with_dsa_parameters(message, algorithm, signature, key, None)
}

/// As [`verify`]; `inherited` is the DER of the Dss-Parms of the issuer's own
/// issuer, for a DSA key that leaves them out (RFC 3279 §2.3.2).
#[must_use]
pub fn verify_with_dsa_parameters(
    message: &[u8],
    algorithm: &AlgorithmIdentifier,
    signature: &[u8],
    key: &PublicKeyInfo,
    inherited: Option<&[u8]>,
) -> SignatureOutcome {
    let scheme = match Scheme::from_algorithm(algorithm) {
        Ok(scheme) => scheme,
        Err(what) => return SignatureOutcome::Unsupported(what),
    };
    let kind = key.algorithm.oid.as_str();
    match (scheme, kind) {
        (Scheme::Rsa(hash), RSA) => signature_rsa::pkcs1(message, hash, signature, key),
        (Scheme::RsaPss, RSA | RSA_PSS) => {
            signature_rsa::pss(message, algorithm.parameters.as_deref(), signature, key)
        }
        (Scheme::Ecdsa(hash), EC) => signature_curve::ecdsa(message, hash, signature, key),
        (Scheme::Dsa(hash), DSA) => signature_curve::dsa(message, hash, signature, key, inherited),
        (Scheme::Ed25519, ED25519) => signature_curve::ed25519(message, signature, key),
        (Scheme::MlDsa(level), oid) if oid == algorithm.oid => {
            signature_curve::ml_dsa(message, level, signature, key)
        }
        (_, RSA | RSA_PSS | EC | DSA | ED25519 | X25519 | X448 | DH) => {
            SignatureOutcome::Invalid(format!(
                "algorithm {} cannot be made by a key of type {kind}",
                algorithm.oid
            ))
        }
        _ => SignatureOutcome::Unsupported(format!("key of type {kind}")),
    }
}

/// Keys that agree on secrets and cannot sign: `id-X25519`, `id-X448`,
/// `dhpublicnumber`.
const X25519: &str = "1.3.101.110";
const X448: &str = "1.3.101.111";
const DH: &str = "1.2.840.10046.2.1";

/// The ways of signing that are supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Rsa(Hash),
    RsaPss,
    Ecdsa(Hash),
    Dsa(Hash),
    Ed25519,
    /// 44, 65 or 87.
    MlDsa(u8),
}

impl Scheme {
    fn from_algorithm(algorithm: &AlgorithmIdentifier) -> Result<Scheme, String> {
        use Hash::{Md2, Md5, Sha1, Sha224, Sha256, Sha384, Sha512};
        Ok(match algorithm.oid.as_str() {
            "1.2.840.113549.1.1.2" | "1.3.14.3.2.24" | "1.3.14.7.2.3.1" => Scheme::Rsa(Md2),
            "1.2.840.113549.1.1.4" | "1.3.14.3.2.3" | "1.3.14.3.2.25" => Scheme::Rsa(Md5),
            // 1.3.14.3.2.15 says SHA, which Windows has always read as SHA-1.
            "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" | "1.3.14.3.2.15" => Scheme::Rsa(Sha1),
            "1.2.840.113549.1.1.14" => Scheme::Rsa(Sha224),
            "1.2.840.113549.1.1.11" => Scheme::Rsa(Sha256),
            "1.2.840.113549.1.1.12" => Scheme::Rsa(Sha384),
            "1.2.840.113549.1.1.13" => Scheme::Rsa(Sha512),
            RSA_PSS => Scheme::RsaPss,
            "1.2.840.10045.4.1" => Scheme::Ecdsa(Sha1),
            "1.2.840.10045.4.3.1" => Scheme::Ecdsa(Sha224),
            "1.2.840.10045.4.3.2" => Scheme::Ecdsa(Sha256),
            "1.2.840.10045.4.3.3" => Scheme::Ecdsa(Sha384),
            "1.2.840.10045.4.3.4" => Scheme::Ecdsa(Sha512),
            // ecdsa-with-Specified: AD CS with alternate signature formats.
            "1.2.840.10045.4.3" => Scheme::Ecdsa(specified_hash(algorithm)?),
            "1.2.840.10040.4.3" | "1.3.14.3.2.13" | "1.3.14.3.2.27" | "1.3.14.3.2.28" => {
                Scheme::Dsa(Sha1)
            }
            "2.16.840.1.101.3.4.3.1" => Scheme::Dsa(Sha224),
            "2.16.840.1.101.3.4.3.2" => Scheme::Dsa(Sha256),
            "2.16.840.1.101.3.4.3.3" => Scheme::Dsa(Sha384),
            "2.16.840.1.101.3.4.3.4" => Scheme::Dsa(Sha512),
            ED25519 => Scheme::Ed25519,
            "2.16.840.1.101.3.4.3.17" => Scheme::MlDsa(44),
            "2.16.840.1.101.3.4.3.18" => Scheme::MlDsa(65),
            "2.16.840.1.101.3.4.3.19" => Scheme::MlDsa(87),
            other => return Err(format!("signature algorithm {other}")),
        })
    }
}

/// The hash of ecdsa-with-Specified: an AlgorithmIdentifier as parameters.
fn specified_hash(algorithm: &AlgorithmIdentifier) -> Result<Hash, String> {
    let parameters = algorithm.parameters.as_deref().unwrap_or_default();
    let inner = AlgorithmIdentifier::read(&mut DerReader::new(parameters), "hashAlgorithm")
        .map_err(|error| error.to_string())?;
    Hash::from_oid(&inner.oid).ok_or_else(|| format!("ECDSA with hash {}", inner.oid))
}

/// The signature algorithm of a CMS signer, which may name only the key's
/// algorithm beside the digest's (RFC 5652 §5.3, RFC 3370 §3.2).
pub(super) fn cms_algorithm(digest: &str, signature: &AlgorithmIdentifier) -> AlgorithmIdentifier {
    let hash = Hash::from_oid(digest);
    let oid = match (signature.oid.as_str(), hash) {
        (RSA, Some(Hash::Md2)) => "1.2.840.113549.1.1.2",
        (RSA, Some(Hash::Md5)) => "1.2.840.113549.1.1.4",
        (RSA, Some(Hash::Sha1)) => "1.2.840.113549.1.1.5",
        (RSA, Some(Hash::Sha224)) => "1.2.840.113549.1.1.14",
        (RSA, Some(Hash::Sha256)) => "1.2.840.113549.1.1.11",
        (RSA, Some(Hash::Sha384)) => "1.2.840.113549.1.1.12",
        (RSA, Some(Hash::Sha512)) => "1.2.840.113549.1.1.13",
        (EC, Some(Hash::Sha1)) => "1.2.840.10045.4.1",
        (EC, Some(Hash::Sha256)) => "1.2.840.10045.4.3.2",
        (EC, Some(Hash::Sha384)) => "1.2.840.10045.4.3.3",
        (EC, Some(Hash::Sha512)) => "1.2.840.10045.4.3.4",
        (DSA, Some(Hash::Sha1)) => "1.2.840.10040.4.3",
        (DSA, Some(Hash::Sha256)) => "2.16.840.1.101.3.4.3.2",
        _ => return signature.clone(),
    };
    AlgorithmIdentifier {
        oid: oid.to_owned(),
        parameters: None,
    }
}

impl Certificate {
    /// Verifies this certificate's signature with its issuer's key.
    #[must_use]
    pub fn verify_signed_by(&self, issuer_key: &PublicKeyInfo) -> SignatureOutcome {
        verify(
            self.tbs_bytes(),
            &self.signature_algorithm,
            &self.signature,
            issuer_key,
        )
    }

    /// As [`Certificate::verify_signed_by`], with Dss-Parms to inherit.
    #[must_use]
    pub fn verify_signed_by_inheriting(
        &self,
        issuer_key: &PublicKeyInfo,
        inherited: Option<&[u8]>,
    ) -> SignatureOutcome {
        let (message, algorithm) = (self.tbs_bytes(), &self.signature_algorithm);
        verify_with_dsa_parameters(message, algorithm, &self.signature, issuer_key, inherited)
    }
}

impl Crl {
    /// Verifies this list's signature with its issuer's key.
    #[must_use]
    pub fn verify_signed_by(&self, issuer_key: &PublicKeyInfo) -> SignatureOutcome {
        verify(
            self.tbs_bytes(),
            &self.signature_algorithm,
            &self.signature,
            issuer_key,
        )
    }
}

impl BasicResponse {
    /// Verifies this response's signature with its responder's key.
    #[must_use]
    pub fn verify_signed_by(&self, responder_key: &PublicKeyInfo) -> SignatureOutcome {
        verify(
            &self.tbs,
            &self.signature_algorithm,
            &self.signature,
            responder_key,
        )
    }
}

/// Reads `SEQUENCE { r INTEGER, s INTEGER }`, the signature of DSA and ECDSA,
/// as octets without leading zeros.
pub(super) fn two_integers(signature: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut inside = DerReader::new(signature)
        .expect("r and s", tag::SEQUENCE)
        .ok()?
        .children();
    let mut number = || {
        let integer = inside.expect("r and s", tag::INTEGER).ok()?.contents;
        (integer.first()? & 0x80 == 0).then(|| super::tlv::unsigned(integer))
    };
    Some((number()?, number()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TABLE: &str = include_str!("../../tests/data/pki/signatures.txt");
    const ML_DSA: &str = include_str!("../../tests/data/pki/signature-ml-dsa-44.txt");

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    /// A row of the table: algorithm, key, signature over `abc`.
    fn row(name: &str) -> (AlgorithmIdentifier, PublicKeyInfo, Vec<u8>) {
        let mut lines = TABLE.lines().chain(ML_DSA.lines());
        let line = lines
            .find(|line| line.split(' ').next() == Some(name))
            .unwrap();
        let parts: Vec<Vec<u8>> = line.split(' ').skip(1).map(bytes).collect();
        let algorithm = AlgorithmIdentifier::read(&mut DerReader::new(&parts[0]), "a").unwrap();
        let key = PublicKeyInfo::read(&DerReader::new(&parts[1]).any("k").unwrap()).unwrap();
        (algorithm, key, parts[2].clone())
    }

    fn outcome(name: &str, message: &[u8]) -> SignatureOutcome {
        let (algorithm, key, signature) = row(name);
        verify(message, &algorithm, &signature, &key)
    }

    #[test]
    fn signatures_of_every_supported_kind_verify_and_fail_on_other_bytes() {
        let names = "rsa-md2 rsa-md5 rsa-sha1 rsa-sha1-oiw rsa-sha224 rsa-sha256 rsa-sha384 \
            rsa-sha512 pss-sha256 ecdsa-secp256r1-sha1 ecdsa-secp256r1-sha256 \
            ecdsa-secp256r1-sha512 ecdsa-secp384r1-sha1 ecdsa-secp384r1-sha256 \
            ecdsa-secp384r1-sha512 ecdsa-secp521r1-sha1 ecdsa-secp521r1-sha256 \
            ecdsa-secp521r1-sha512 ecdsa-specified ed25519 dsa-sha1 ml-dsa-44";
        for name in names.split_whitespace() {
            assert_eq!(outcome(name, b"abc"), SignatureOutcome::Valid, "{name}");
            let other = outcome(name, b"abd");
            assert_eq!(other, SignatureOutcome::of_match(false), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_checked_is_never_called_invalid() {
        let unsupported = |what: &str| SignatureOutcome::Unsupported(what.to_owned());
        let mixed = unsupported("RSA-PSS with SHA-256, masked with SHA-1");
        assert_eq!(outcome("pss-mixed", b"abc"), mixed);
        assert_eq!(
            outcome("ecdsa-secp256k1-sha256", b"abc"),
            unsupported("curve 1.3.132.0.10")
        );
        let (mut algorithm, key, signature) = row("rsa-sha1");
        algorithm.oid = "1.2.3".to_owned();
        let unknown = verify(b"abc", &algorithm, &signature, &key);
        assert_eq!(unknown, unsupported("signature algorithm 1.2.3"));
    }

    #[test]
    fn dsa_parameters_can_be_inherited() {
        let (_, complete, _) = row("dsa-sha1");
        let (algorithm, key, signature) = row("dsa-inheriting");
        let inherited = complete.algorithm.parameters.as_deref();
        let with = verify_with_dsa_parameters(b"abc", &algorithm, &signature, &key, inherited);
        assert_eq!(with, SignatureOutcome::Valid);
        let why = "a DSA key that inherits its parameters".to_owned();
        assert_eq!(
            outcome("dsa-inheriting", b"abc"),
            SignatureOutcome::Unsupported(why)
        );
    }

    #[test]
    fn a_key_of_another_kind_makes_it_invalid() {
        let (algorithm, _, signature) = row("rsa-sha1");
        let (_, key, _) = row("ed25519");
        let why = "algorithm 1.2.840.113549.1.1.5 cannot be made by a key of type 1.3.101.112";
        let outcome = verify(b"abc", &algorithm, &signature, &key);
        assert_eq!(outcome, SignatureOutcome::Invalid(why.to_owned()));
    }
}
