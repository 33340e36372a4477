//! RSA signatures (RFC 8017).

use md2::Md2;
use md5::Md5;
use rsa::traits::SignatureScheme;
use rsa::{BoxedUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::RSAPublicKey;

use super::digest::Hash;
use super::key::{AlgorithmIdentifier, PublicKeyInfo};
use super::signature::SignatureOutcome;
use super::tlv::{DerReader, context, tag};
use crate::bytes::ParseError;

/// Verifies RSASSA-PKCS1-v1_5.
pub fn pkcs1(
    message: &[u8],
    hash: Hash,
    signature: &[u8],
    key: &PublicKeyInfo,
) -> SignatureOutcome {
    let hashed = hash.of(message);
    let check = |scheme: Pkcs1v15Sign| check(key, scheme, &hashed, signature);
    match hash {
        Hash::Md2 => check(Pkcs1v15Sign::new::<Md2>()),
        Hash::Md5 => check(Pkcs1v15Sign::new::<Md5>()),
        Hash::Sha1 => check(Pkcs1v15Sign::new::<Sha1>()),
        Hash::Sha224 => check(Pkcs1v15Sign::new::<Sha224>()),
        Hash::Sha256 => check(Pkcs1v15Sign::new::<Sha256>()),
        Hash::Sha384 => check(Pkcs1v15Sign::new::<Sha384>()),
        Hash::Sha512 => check(Pkcs1v15Sign::new::<Sha512>()),
    }
}

/// Verifies RSASSA-PSS with the parameters of its AlgorithmIdentifier.
pub fn pss(
    message: &[u8],
    parameters: Option<&[u8]>,
    signature: &[u8],
    key: &PublicKeyInfo,
) -> SignatureOutcome {
    // RFC 4055 §3 demands them; what a signer that left them out meant is a guess.
    let Some(parameters) = parameters else {
        return SignatureOutcome::unsupported("RSA-PSS without parameters");
    };
    let parameters = match PssParameters::read(parameters) {
        Ok(parameters) => parameters,
        Err(error) => return SignatureOutcome::Unsupported(error.to_string()),
    };
    let (hash, mask_hash) = match (
        Hash::from_oid(&parameters.hash),
        Hash::from_oid(&parameters.mask_hash),
    ) {
        (Some(hash), Some(mask_hash)) => (hash, mask_hash),
        _ => return SignatureOutcome::unsupported("RSA-PSS with an unknown hash"),
    };
    if hash != mask_hash {
        let (hash, mask_hash) = (hash.name(), mask_hash.name());
        let what = format!("RSA-PSS with {hash}, masked with {mask_hash}");
        return SignatureOutcome::Unsupported(what);
    }
    if !parameters.mask_is_mgf1 || parameters.trailer != 1 {
        return SignatureOutcome::unsupported("RSA-PSS with another mask or trailer");
    }
    let Some(salt) = usize::try_from(parameters.salt)
        .ok()
        .filter(|salt| *salt <= MAX_BITS / 8)
    else {
        return SignatureOutcome::invalid("the salt is longer than any key");
    };
    let hashed = hash.of(message);
    match hash {
        Hash::Sha1 => check(key, Pss::<Sha1>::new_with_salt(salt), &hashed, signature),
        Hash::Sha224 => check(key, Pss::<Sha224>::new_with_salt(salt), &hashed, signature),
        Hash::Sha256 => check(key, Pss::<Sha256>::new_with_salt(salt), &hashed, signature),
        Hash::Sha384 => check(key, Pss::<Sha384>::new_with_salt(salt), &hashed, signature),
        Hash::Sha512 => check(key, Pss::<Sha512>::new_with_salt(salt), &hashed, signature),
        Hash::Md2 | Hash::Md5 => {
            SignatureOutcome::Unsupported(format!("RSA-PSS with {}", hash.name()))
        }
    }
}

fn check(
    key: &PublicKeyInfo,
    scheme: impl SignatureScheme,
    hashed: &[u8],
    signature: &[u8],
) -> SignatureOutcome {
    let Ok((_, parsed)) = RSAPublicKey::from_der(&key.key) else {
        return SignatureOutcome::unsupported("the key is no RSAPublicKey");
    };
    let exponent = super::tlv::unsigned(parsed.exponent);
    if exponent.len() > MAX_BITS / 8 || parsed.modulus.len() > MAX_BITS / 8 + 1 {
        return SignatureOutcome::unsupported("an RSA key above 16384 bits");
    }
    let modulus = BoxedUint::from_be_slice_vartime(super::tlv::unsigned(parsed.modulus));
    let exponent = BoxedUint::from_be_slice_vartime(exponent);
    match RsaPublicKey::new_with_size_limits(modulus, exponent, MIN_BITS..=MAX_BITS) {
        Ok(public) => SignatureOutcome::of_match(public.verify(scheme, hashed, signature).is_ok()),
        Err(error) => SignatureOutcome::Unsupported(format!("RSA key: {error}")),
    }
}

/// Smaller moduli cannot hold a PKCS#1 signature.
const MIN_BITS: usize = 256;
/// Above, one verification costs seconds: a bomb, not a key.
const MAX_BITS: usize = 16_384;

/// RSASSA-PSS-params with its defaults filled in.
struct PssParameters {
    hash: String,
    mask_is_mgf1: bool,
    mask_hash: String,
    salt: u32,
    trailer: u32,
}

impl PssParameters {
    /// ```text
    /// SEQUENCE { [0] hashAlgorithm DEFAULT sha1, [1] maskGenAlgorithm DEFAULT mgf1SHA1,
    ///     [2] saltLength DEFAULT 20, [3] trailerField DEFAULT 1 }
    /// ```
    ///
    /// Spec: RFC 4055 §3.1.
    fn read(parameters: &[u8]) -> Result<PssParameters, ParseError> {
        const WHAT: &str = "RSASSA-PSS-params";
        let sha1 = "1.3.14.3.2.26".to_owned();
        let mut read = PssParameters {
            hash: sha1.clone(),
            mask_is_mgf1: true,
            mask_hash: sha1,
            salt: 20,
            trailer: 1,
        };
        let mut inside = DerReader::new(parameters)
            .expect(WHAT, tag::SEQUENCE)?
            .children();
        if let Some(wrapper) = inside.optional(WHAT, context(0))? {
            read.hash = AlgorithmIdentifier::read(&mut wrapper.children(), WHAT)?.oid;
        }
        if let Some(wrapper) = inside.optional(WHAT, context(1))? {
            let mask = AlgorithmIdentifier::read(&mut wrapper.children(), WHAT)?;
            read.mask_is_mgf1 = mask.oid == "1.2.840.113549.1.1.8";
            if let Some(bytes) = &mask.parameters {
                read.mask_hash = AlgorithmIdentifier::read(&mut DerReader::new(bytes), WHAT)?.oid;
            }
        }
        if let Some(wrapper) = inside.optional(WHAT, context(2))? {
            read.salt = wrapper.children().small_integer(WHAT)?;
        }
        if let Some(wrapper) = inside.optional(WHAT, context(3))? {
            read.trailer = wrapper.children().small_integer(WHAT)?;
        }
        Ok(read)
    }
}
