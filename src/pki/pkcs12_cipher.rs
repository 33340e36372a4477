//! Keys from passwords, and the ciphers of PFX files.

use aes::cipher::{Array, BlockCipherDecrypt, KeyInit};
use des::{TdesEde2, TdesEde3};
use hmac::{Hmac, Mac};
use rc2::Rc2;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::digest::Hash;
use super::tlv::{Tlv, small_number, tag};
use crate::bytes::{ErrorKind, ParseError};

/// A password in the forms that key derivation takes.
pub(super) struct Secret {
    /// UTF-8, for PBKDF2.
    utf8: Vec<u8>,
    /// UTF-16BE with its terminator, for the derivation of PKCS #12. An empty
    /// password has two forms: the terminator alone, or nothing.
    wide: Vec<u8>,
}

/// Rounds of one derivation: OpenSSL and Windows take 2,000, careful users a
/// million; more is a way to stop us.
const MAX_ROUNDS: u32 = 1_000_000;
/// A salt has 8 to 32 bytes.
const MAX_SALT: usize = 1_024;

impl Secret {
    pub fn of(password: &str) -> Self {
        let units = password.encode_utf16().chain([0]);
        Secret {
            utf8: password.as_bytes().to_vec(),
            wide: units.flat_map(u16::to_be_bytes).collect(),
        }
    }
}

/// Whether the MAC agrees with the password. Of the two forms of an empty one,
/// the one that agrees is kept for what is encrypted.
///
/// ```text
/// MacData ::= SEQUENCE { DigestInfo { algorithm, digest }, macSalt, iterations DEFAULT 1 }
/// ```
///
/// # Errors
///
/// `Unsupported` for an unknown algorithm, `OverLimit` for absurd iterations.
pub(super) fn mac_agrees(
    mac: &Tlv<'_>,
    content: &[u8],
    secret: &mut Secret,
) -> Result<bool, ParseError> {
    const WHAT: &str = "macData";
    let mut fields = mac.children();
    let info = fields.expect(WHAT, tag::SEQUENCE)?;
    let mut parts = info.children();
    let algorithm = parts.expect(WHAT, tag::SEQUENCE)?;
    let digest = parts.expect(WHAT, tag::OCTET_STRING)?;
    let salt = fields.expect("macSalt", tag::OCTET_STRING)?;
    let rounds = match fields.is_empty() {
        true => 1,
        false => fields.small_integer("MAC iterations")?,
    };
    let oid = algorithm.children().oid(WHAT)?;
    if oid == PBMAC1 {
        let (key, hash) = pbmac1(&algorithm, secret)?;
        return Ok(hmac(hash, &key, content).as_deref() == Some(digest.contents));
    }
    let hash = Hash::from_oid(&oid).ok_or_else(|| unsupported(&algorithm, "MAC", &oid))?;
    check(&salt, rounds)?;
    let agrees = |wide: &[u8]| {
        let size = hash.of(&[]).len();
        let key = derive(hash, 3, wide, salt.contents, rounds, size);
        hmac(hash, &key, content).as_deref() == Some(digest.contents)
    };
    if agrees(&secret.wide) {
        return Ok(true);
    }
    let empty = secret.utf8.is_empty() && agrees(&[]);
    if empty {
        secret.wide.clear();
    }
    Ok(empty)
}

/// RFC 9579.
const PBMAC1: &str = "1.2.840.113549.1.5.14";

/// `PBMAC1-params ::= SEQUENCE { keyDerivationFunc, messageAuthScheme }`
fn pbmac1(algorithm: &Tlv<'_>, secret: &Secret) -> Result<(Vec<u8>, Hash), ParseError> {
    const WHAT: &str = "PBMAC1";
    let mut fields = algorithm.children();
    fields.oid(WHAT)?;
    let params = fields.expect(WHAT, tag::SEQUENCE)?;
    let mut fields = params.children();
    let derivation = fields.expect(WHAT, tag::SEQUENCE)?;
    let scheme = fields.expect(WHAT, tag::SEQUENCE)?;
    let oid = scheme.children().oid(WHAT)?;
    let hash = hmac_hash(&oid).ok_or_else(|| unsupported(&scheme, WHAT, &oid))?;
    let key = pbkdf2_key(&derivation, secret, None)?;
    Ok((key, hash))
}

/// What an algorithm makes of encrypted octets; `None` where the padding shows
/// that the key is wrong.
///
/// # Errors
///
/// `Unsupported` for an unknown algorithm; those of its parameters.
pub(super) fn decrypt(
    algorithm: &Tlv<'_>,
    sealed: &[u8],
    secret: &Secret,
) -> Result<Option<Vec<u8>>, ParseError> {
    const WHAT: &str = "contentEncryptionAlgorithm";
    let mut fields = algorithm.children();
    let oid = fields.oid(WHAT)?;
    let params = fields.expect(WHAT, tag::SEQUENCE)?;
    if oid == PBES2 {
        return pbes2(&params, sealed, secret);
    }
    let mut parts = params.children();
    let salt = parts.expect("salt", tag::OCTET_STRING)?;
    let rounds = parts.small_integer("iterations")?;
    check(&salt, rounds)?;
    let key = |id, size| derive(Hash::Sha1, id, &secret.wide, salt.contents, rounds, size);
    let iv = key(2, 8);
    Ok(match oid.as_str() {
        "1.2.840.113549.1.12.1.3" => cbc(&TdesEde3::new_from_slice(&key(1, 24)).ok(), &iv, sealed),
        "1.2.840.113549.1.12.1.4" => cbc(&TdesEde2::new_from_slice(&key(1, 16)).ok(), &iv, sealed),
        "1.2.840.113549.1.12.1.5" => cbc(
            &Some(Rc2::new_with_eff_key_len(&key(1, 16), 128)),
            &iv,
            sealed,
        ),
        "1.2.840.113549.1.12.1.6" => cbc(
            &Some(Rc2::new_with_eff_key_len(&key(1, 5), 40)),
            &iv,
            sealed,
        ),
        _ => return Err(unsupported(algorithm, WHAT, &oid)),
    })
}

/// RFC 8018.
const PBES2: &str = "1.2.840.113549.1.5.13";

/// `PBES2-params ::= SEQUENCE { keyDerivationFunc, encryptionScheme }`
fn pbes2(params: &Tlv<'_>, sealed: &[u8], secret: &Secret) -> Result<Option<Vec<u8>>, ParseError> {
    const WHAT: &str = "PBES2";
    let mut fields = params.children();
    let derivation = fields.expect(WHAT, tag::SEQUENCE)?;
    let scheme = fields.expect(WHAT, tag::SEQUENCE)?;
    let mut parts = scheme.children();
    let oid = parts.oid(WHAT)?;
    let size = match oid.as_str() {
        "2.16.840.1.101.3.4.1.2" => 16,
        "2.16.840.1.101.3.4.1.22" | "1.2.840.113549.3.7" => 24,
        "2.16.840.1.101.3.4.1.42" => 32,
        _ => return Err(unsupported(&scheme, WHAT, &oid)),
    };
    let iv = parts.expect(WHAT, tag::OCTET_STRING)?;
    let key = pbkdf2_key(&derivation, secret, Some(size))?;
    let iv = iv.contents;
    Ok(match (size, oid.as_str()) {
        (_, "1.2.840.113549.3.7") => cbc(&TdesEde3::new_from_slice(&key).ok(), iv, sealed),
        (16, _) => cbc(&aes::Aes128::new_from_slice(&key).ok(), iv, sealed),
        (24, _) => cbc(&aes::Aes192::new_from_slice(&key).ok(), iv, sealed),
        _ => cbc(&aes::Aes256::new_from_slice(&key).ok(), iv, sealed),
    })
}

/// `PBKDF2-params ::= SEQUENCE { salt OCTET STRING, iterations, keyLength OPTIONAL, prf OPTIONAL }`
fn pbkdf2_key(
    derivation: &Tlv<'_>,
    secret: &Secret,
    size: Option<usize>,
) -> Result<Vec<u8>, ParseError> {
    const WHAT: &str = "PBKDF2";
    let mut fields = derivation.children();
    let oid = fields.oid(WHAT)?;
    if oid != "1.2.840.113549.1.5.12" {
        return Err(unsupported(derivation, "key derivation", &oid));
    }
    let params = fields.expect(WHAT, tag::SEQUENCE)?;
    let mut fields = params.children();
    let salt = fields.expect("salt", tag::OCTET_STRING)?;
    let rounds = fields.small_integer("iterations")?;
    check(&salt, rounds)?;
    let told = fields.optional("keyLength", tag::INTEGER)?;
    let told = told.and_then(|told| small_number(told.contents));
    let told = told.and_then(|told| usize::try_from(told).ok());
    let size = size.or(told).filter(|size| (1..=MAX_KEY).contains(size));
    let size = size.ok_or_else(|| params.malformed(WHAT, "has no length of the key"))?;
    let prf = match fields.optional("prf", tag::SEQUENCE)? {
        Some(prf) => prf.children().oid("prf")?,
        None => HMAC_SHA1.to_owned(),
    };
    let hash = hmac_hash(&prf).ok_or_else(|| unsupported(&params, WHAT, &prf))?;
    let mut key = vec![0; size];
    let (secret, salt) = (&secret.utf8, salt.contents);
    match hash {
        Hash::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(secret, salt, rounds, &mut key),
        Hash::Sha224 => pbkdf2::pbkdf2_hmac::<Sha224>(secret, salt, rounds, &mut key),
        Hash::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(secret, salt, rounds, &mut key),
        Hash::Sha384 => pbkdf2::pbkdf2_hmac::<Sha384>(secret, salt, rounds, &mut key),
        Hash::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(secret, salt, rounds, &mut key),
        _ => return Err(unsupported(&params, WHAT, &prf)),
    }
    Ok(key)
}

/// The longest key: that of an HMAC with SHA-512.
const MAX_KEY: usize = 64;
const HMAC_SHA1: &str = "1.2.840.113549.2.7";

fn hmac_hash(oid: &str) -> Option<Hash> {
    Some(match oid {
        HMAC_SHA1 => Hash::Sha1,
        "1.2.840.113549.2.8" => Hash::Sha224,
        "1.2.840.113549.2.9" => Hash::Sha256,
        "1.2.840.113549.2.10" => Hash::Sha384,
        "1.2.840.113549.2.11" => Hash::Sha512,
        _ => return None,
    })
}

fn hmac(hash: Hash, key: &[u8], content: &[u8]) -> Option<Vec<u8>> {
    macro_rules! of {
        ($hash:ty) => {{
            let mut mac = <Hmac<$hash> as KeyInit>::new_from_slice(key).ok()?;
            mac.update(content);
            Some(mac.finalize().into_bytes().to_vec())
        }};
    }
    match hash {
        Hash::Sha1 => of!(Sha1),
        Hash::Sha224 => of!(Sha224),
        Hash::Sha256 => of!(Sha256),
        Hash::Sha384 => of!(Sha384),
        Hash::Sha512 => of!(Sha512),
        Hash::Md5 => of!(::md5::Md5),
        Hash::Md2 => None,
    }
}

/// The key derivation of PKCS #12: `id` 1 for a key, 2 for an IV, 3 for a MAC.
///
/// Spec: RFC 7292 appendix B.2.
fn derive(hash: Hash, id: u8, wide: &[u8], salt: &[u8], rounds: u32, size: usize) -> Vec<u8> {
    let block = match hash {
        Hash::Sha384 | Hash::Sha512 => 128,
        _ => 64,
    };
    let stretched = |text: &[u8]| -> Vec<u8> {
        let length = text.len().div_ceil(block) * block;
        text.iter().copied().cycle().take(length).collect()
    };
    let mut input = [stretched(salt), stretched(wide)].concat();
    let mut key = Vec::new();
    while key.len() < size {
        let mut digest = hash.of(&[vec![id; block], input.clone()].concat());
        for _ in 1..rounds {
            digest = hash.of(&digest);
        }
        key.extend_from_slice(&digest);
        let add: Vec<u8> = digest.iter().copied().cycle().take(block).collect();
        for part in input.chunks_mut(block) {
            let mut carry = 1_u16;
            for (byte, more) in part.iter_mut().zip(&add).rev() {
                let sum = u16::from(*byte) + u16::from(*more) + carry;
                let [low, high] = sum.to_le_bytes();
                *byte = low;
                carry = u16::from(high);
            }
        }
    }
    key.truncate(size);
    key
}

/// CBC with the padding of PKCS #7; `None` where length or padding is wrong.
fn cbc<C: BlockCipherDecrypt>(cipher: &Option<C>, iv: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let cipher = cipher.as_ref()?;
    let size = C::block_size();
    if iv.len() != size || sealed.is_empty() || !sealed.len().is_multiple_of(size) {
        return None;
    }
    let mut before = iv;
    let mut opened = Vec::with_capacity(sealed.len());
    for block in sealed.chunks_exact(size) {
        let mut array = Array::<u8, C::BlockSize>::try_from(block).ok()?;
        cipher.decrypt_block(&mut array);
        opened.extend(array.iter().zip(before).map(|(byte, mask)| byte ^ mask));
        before = block;
    }
    let padding = usize::from(*opened.last()?);
    if padding == 0 || padding > size {
        return None;
    }
    let (text, pad) = opened.split_at_checked(opened.len() - padding)?;
    let good = pad.iter().all(|byte| usize::from(*byte) == padding);
    good.then(|| text.to_vec())
}

fn check(salt: &Tlv<'_>, rounds: u32) -> Result<(), ParseError> {
    let over = |value: u64, limit: u64| ParseError {
        what: "key derivation",
        at: salt.at as u64,
        kind: ErrorKind::OverLimit { value, limit },
    };
    if salt.contents.len() > MAX_SALT {
        return Err(over(salt.contents.len() as u64, MAX_SALT as u64));
    }
    match rounds > MAX_ROUNDS {
        true => Err(over(rounds.into(), MAX_ROUNDS.into())),
        false => Ok(()),
    }
}

fn unsupported(at: &Tlv<'_>, what: &'static str, oid: &str) -> ParseError {
    ParseError {
        what,
        at: at.at as u64,
        kind: ErrorKind::Unsupported(format!("algorithm {oid}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::to_hex;

    /// From the test vectors of OpenSSL's `test/recipes/30-test_evp_data`
    /// (PKCS12KDF, "smeg").
    #[test]
    fn the_derivation_gives_the_published_key() {
        let secret = Secret::of("smeg");
        let salt = b"\x0A\x58\xCF\x64\x53\x0D\x82\x3F";
        let key = derive(Hash::Sha1, 1, &secret.wide, salt, 1, 24);
        assert_eq!(
            to_hex(&key),
            "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3"
        );
    }
}
