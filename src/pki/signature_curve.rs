//! ECDSA, DSA, Ed25519 and ML-DSA signatures.

use dsa::BoxedUint;
use ml_dsa::{MlDsa44, MlDsa65, MlDsa87, MlDsaParams};
use signature::Verifier;
use signature::hazmat::PrehashVerifier;

use super::digest::Hash;
use super::key::PublicKeyInfo;
use super::signature::{SignatureOutcome, two_integers};
use super::tlv::{DerReader, bit_length, dotted, tag, unsigned};

/// Verifies ECDSA (FIPS 186-5) on a named curve.
pub fn ecdsa(
    message: &[u8],
    hash: Hash,
    signature: &[u8],
    key: &PublicKeyInfo,
) -> SignatureOutcome {
    let parameters = key.algorithm.parameters.as_deref().unwrap_or_default();
    let curve = match DerReader::new(parameters).any("EcpkParameters") {
        Ok(element) if element.tag == tag::OID => dotted(element.contents),
        _ => return SignatureOutcome::unsupported("a curve given by explicit parameters"),
    };
    let Some((r, s)) = two_integers(signature) else {
        return SignatureOutcome::invalid("the signature is no pair of positive integers");
    };
    let hashed = hash.of(message);
    /// The same three calls for each curve: the crates share no usable trait.
    macro_rules! on_curve {
        ($curve:ident, $octets:expr) => {{
            let Ok(key) = $curve::ecdsa::VerifyingKey::from_sec1_bytes(&key.key) else {
                return SignatureOutcome::unsupported("the key is no point of its curve");
            };
            let pair = match (padded(r, $octets), padded(s, $octets)) {
                (Some(r), Some(s)) => [r, s].concat(),
                _ => return SignatureOutcome::invalid("r or s is longer than the field"),
            };
            let hashed = padded(&hashed, $octets).unwrap_or(hashed);
            match $curve::ecdsa::Signature::from_slice(&pair) {
                Ok(pair) => SignatureOutcome::of_match(key.verify_prehash(&hashed, &pair).is_ok()),
                Err(_) => SignatureOutcome::invalid("r or s is not in the range of the curve"),
            }
        }};
    }
    match curve.as_str() {
        "1.2.840.10045.3.1.7" => on_curve!(p256, 32),
        "1.3.132.0.34" => on_curve!(p384, 48),
        "1.3.132.0.35" => on_curve!(p521, 66),
        other => SignatureOutcome::Unsupported(format!("curve {other}")),
    }
}

/// The octets with zeros before them; `None` when they are too many.
fn padded(octets: &[u8], length: usize) -> Option<Vec<u8>> {
    let zeros = length.checked_sub(octets.len())?;
    Some([vec![0; zeros], octets.to_vec()].concat())
}

/// Verifies DSA (FIPS 186-4), with the key's own parameters or inherited ones.
pub fn dsa(
    message: &[u8],
    hash: Hash,
    signature: &[u8],
    key: &PublicKeyInfo,
    inherited: Option<&[u8]>,
) -> SignatureOutcome {
    // Inheriting issuers leave the parameters out or write NULL.
    let own = key.algorithm.parameters.as_deref();
    let own = own.filter(|bytes| bytes.first() == Some(&tag::SEQUENCE));
    let Some(parameters) = own.or(inherited) else {
        return SignatureOutcome::unsupported("a DSA key that inherits its parameters");
    };
    let Some(verifying_key) = dsa_key(&key.key, parameters) else {
        return SignatureOutcome::unsupported("a DSA key of an unusual form");
    };
    let Some((r, s)) = two_integers(signature) else {
        return SignatureOutcome::invalid("the signature is no pair of positive integers");
    };
    if r.len() > MAX_DSA_Q_BITS / 8 || s.len() > MAX_DSA_Q_BITS / 8 {
        return SignatureOutcome::invalid("r or s is longer than q");
    }
    let pair = dsa::Signature::from_components(
        BoxedUint::from_be_slice_vartime(r),
        BoxedUint::from_be_slice_vartime(s),
    );
    let Some(pair) = pair else {
        return SignatureOutcome::invalid("r or s is zero");
    };
    let hashed = hash.of(message);
    SignatureOutcome::of_match(verifying_key.verify_prehash(&hashed, &pair).is_ok())
}

/// Largest p: the standard ends at 3072, and each check costs a full power.
const MAX_DSA_P_BITS: u32 = 4096;
/// Largest q of the standard.
const MAX_DSA_Q_BITS: usize = 256;

/// ```text
/// Dss-Parms ::= SEQUENCE { p INTEGER, q INTEGER, g INTEGER }      key ::= INTEGER
/// ```
///
/// The `dsa` crate wants numbers that fit each other; what does not is `None`.
fn dsa_key(key: &[u8], parameters: &[u8]) -> Option<dsa::VerifyingKey> {
    let mut inside = DerReader::new(parameters)
        .expect("Dss-Parms", tag::SEQUENCE)
        .ok()?
        .children();
    let mut number = || {
        inside
            .expect("Dss-Parms", tag::INTEGER)
            .ok()
            .map(|part| unsigned(part.contents))
    };
    let (p, q, g) = (number()?, number()?, number()?);
    let y = unsigned(
        DerReader::new(key)
            .expect("DSAPublicKey", tag::INTEGER)
            .ok()?
            .contents,
    );
    let p_bits = bit_length(p);
    let q_bits = bit_length(q);
    if !(512..=MAX_DSA_P_BITS).contains(&p_bits) || ![160, 224, 256].contains(&q_bits) {
        return None;
    }
    let is_below_p = |number: &[u8]| (number.len(), number) < (p.len(), p);
    if !is_below_p(g) || !is_below_p(y) {
        return None;
    }
    let wide = |number: &[u8]| BoxedUint::from_be_slice(number, p_bits).ok();
    let q = BoxedUint::from_be_slice(q, q_bits).ok()?;
    let components = dsa::Components::from_components_unchecked(wide(p)?, q, wide(g)?).ok()?;
    dsa::VerifyingKey::from_components(components, wide(y)?).ok()
}

/// Verifies Ed25519.
pub fn ed25519(message: &[u8], signature: &[u8], key: &PublicKeyInfo) -> SignatureOutcome {
    let octets: Result<[u8; 32], _> = key.key.as_slice().try_into();
    let Some(key) = octets
        .ok()
        .and_then(|octets| ed25519_dalek::VerifyingKey::from_bytes(&octets).ok())
    else {
        return SignatureOutcome::unsupported("the key is no point of Ed25519");
    };
    match ed25519_dalek::Signature::from_slice(signature) {
        Ok(signature) => SignatureOutcome::of_match(key.verify(message, &signature).is_ok()),
        Err(_) => SignatureOutcome::invalid("an Ed25519 signature has 64 octets"),
    }
}

/// Verifies ML-DSA-44, -65 or -87.
pub fn ml_dsa(
    message: &[u8],
    level: u8,
    signature: &[u8],
    key: &PublicKeyInfo,
) -> SignatureOutcome {
    match level {
        44 => ml_dsa_of::<MlDsa44>(message, signature, key),
        65 => ml_dsa_of::<MlDsa65>(message, signature, key),
        _ => ml_dsa_of::<MlDsa87>(message, signature, key),
    }
}

fn ml_dsa_of<P: MlDsaParams>(
    message: &[u8],
    signature: &[u8],
    key: &PublicKeyInfo,
) -> SignatureOutcome {
    let Ok(encoded) = ml_dsa::EncodedVerifyingKey::<P>::try_from(key.key.as_slice()) else {
        return SignatureOutcome::unsupported("an ML-DSA key of the wrong length");
    };
    match ml_dsa::Signature::<P>::try_from(signature) {
        Ok(signature) => {
            let key = ml_dsa::VerifyingKey::<P>::decode(&encoded);
            SignatureOutcome::of_match(key.verify(message, &signature).is_ok())
        }
        Err(_) => SignatureOutcome::invalid("the octets are no ML-DSA signature"),
    }
}
