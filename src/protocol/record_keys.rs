//! Keys of TLS records: how they follow from a secret, and what they open.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Sha256, Sha384};

/// How a cipher suite protects records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suite {
    cipher: Cipher,
    hash: Hash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cipher {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
}

impl Suite {
    /// The AEAD suites with AES-GCM or ChaCha20-Poly1305; `None` for CBC, CCM,
    /// RC4 and others.
    ///
    /// Spec: IANA TLS Cipher Suites; RFC 5288, 5289, 5487, 7905, 8442, 8446.
    pub(super) fn of(number: u16) -> Option<Self> {
        let (cipher, hash) = match number {
            0x009C | 0x009E | 0x00A0 | 0x00A2 | 0x00A4 | 0x00A6 | 0x00A8 | 0x00AA | 0x00AC
            | 0x1301 | 0xC02B | 0xC02D | 0xC02F | 0xC031 | 0xD001 => {
                (Cipher::Aes128Gcm, Hash::Sha256)
            }
            0x009D | 0x009F | 0x00A1 | 0x00A3 | 0x00A5 | 0x00A7 | 0x00A9 | 0x00AB | 0x00AD
            | 0x1302 | 0xC02C | 0xC02E | 0xC030 | 0xC032 | 0xD002 => {
                (Cipher::Aes256Gcm, Hash::Sha384)
            }
            0x1303 | 0xCCA8..=0xCCAE => (Cipher::ChaCha20Poly1305, Hash::Sha256),
            _ => return None,
        };
        Some(Suite { cipher, hash })
    }

    fn key_len(self) -> usize {
        match self.cipher {
            Cipher::Aes128Gcm => 16,
            Cipher::Aes256Gcm | Cipher::ChaCha20Poly1305 => 32,
        }
    }

    /// Bytes of the nonce that come from the key block of TLS 1.2.
    fn fixed_iv_len(self) -> usize {
        match self.cipher {
            Cipher::ChaCha20Poly1305 => 12,
            Cipher::Aes128Gcm | Cipher::Aes256Gcm => 4,
        }
    }
}

/// The keys of one direction, and how many records they protected so far.
pub(super) struct RecordKeys {
    aead: Aeads,
    suite: Suite,
    iv: [u8; 12],
    /// The traffic secret of TLS 1.3; empty below.
    secret: Vec<u8>,
    /// The number of the next record.
    pub(super) next: u64,
}

enum Aeads {
    Aes128(Box<Aes128Gcm>),
    Aes256(Box<Aes256Gcm>),
    ChaCha(Box<ChaCha20Poly1305>),
}

impl RecordKeys {
    fn new(suite: Suite, key: &[u8], iv: [u8; 12], secret: Vec<u8>) -> Option<Self> {
        let aead = match suite.cipher {
            Cipher::Aes128Gcm => Aeads::Aes128(Box::new(Aes128Gcm::new_from_slice(key).ok()?)),
            Cipher::Aes256Gcm => Aeads::Aes256(Box::new(Aes256Gcm::new_from_slice(key).ok()?)),
            Cipher::ChaCha20Poly1305 => {
                Aeads::ChaCha(Box::new(ChaCha20Poly1305::new_from_slice(key).ok()?))
            }
        };
        Some(RecordKeys {
            aead,
            suite,
            iv,
            secret,
            next: 0,
        })
    }

    /// Keys of both senders of TLS 1.2 from the master secret and the randoms of
    /// client and server.
    ///
    /// ```text
    /// key_block = PRF(master, "key expansion", server random + client random)
    ///           = client key | server key | client IV | server IV
    /// ```
    ///
    /// AEAD suites have no MAC keys.
    ///
    /// Spec: RFC 5246 §5, §6.3; RFC 5288 §3; RFC 7905 §2.
    pub(super) fn of_tls12(
        suite: Suite,
        master: &[u8],
        [client_random, server_random]: [&[u8; 32]; 2],
    ) -> Option<[Self; 2]> {
        let (key_len, iv_len) = (suite.key_len(), suite.fixed_iv_len());
        let seed = [b"key expansion".as_slice(), server_random, client_random].concat();
        let block = prf(suite.hash, master, &seed, 2 * (key_len + iv_len))?;
        let (keys, ivs) = block.split_at_checked(2 * key_len)?;
        let (client_key, server_key) = keys.split_at_checked(key_len)?;
        let (client_iv, server_iv) = ivs.split_at_checked(iv_len)?;
        let iv = |own: &[u8]| {
            let mut iv = [0; 12];
            iv.iter_mut().zip(own).for_each(|(to, from)| *to = *from);
            iv
        };
        Some([
            Self::new(suite, client_key, iv(client_iv), Vec::new())?,
            Self::new(suite, server_key, iv(server_iv), Vec::new())?,
        ])
    }

    /// Keys of one sender of TLS 1.3 from its traffic secret.
    ///
    /// Spec: RFC 8446 §7.3.
    pub(super) fn of_tls13(suite: Suite, secret: Vec<u8>) -> Option<Self> {
        let key = expand_label(suite.hash, &secret, b"key", suite.key_len())?;
        let iv = expand_label(suite.hash, &secret, b"iv", 12)?;
        Self::new(suite, &key, iv.try_into().ok()?, secret)
    }

    /// The keys after a KeyUpdate.
    ///
    /// Spec: RFC 8446 §7.2.
    pub(super) fn updated(&self) -> Option<Self> {
        let secret = expand_label(
            self.suite.hash,
            &self.secret,
            b"traffic upd",
            self.secret.len(),
        )?;
        Self::of_tls13(self.suite, secret)
    }

    /// Opens a record of TLS 1.3: its inner type, and what was protected.
    ///
    /// ```text
    /// nonce: IV xor number; additional data: 23 | 3 3 | length
    /// inside: content | type (1) | zeros
    /// ```
    ///
    /// Spec: RFC 8446 §5.2 to §5.4.
    pub(super) fn open13(&self, number: u64, payload: &[u8]) -> Option<(u8, Vec<u8>)> {
        let [high, low] = u16::try_from(payload.len()).ok()?.to_be_bytes();
        let mut inside = self.open(self.mixed(number), &[23, 3, 3, high, low], payload)?;
        let end = inside.iter().rposition(|&byte| byte != 0)?;
        let kind = *inside.get(end)?;
        inside.truncate(end);
        Some((kind, inside))
    }

    /// Opens a record of TLS 1.2 of this type and version.
    ///
    /// ```text
    /// additional data: number (8) | type | version (2) | length without overhead (2)
    /// AES-GCM: nonce: IV (4) | the first 8 bytes of the record; ChaCha20-Poly1305: IV xor number
    /// ```
    ///
    /// Spec: RFC 5246 §6.2.3.3, RFC 5288 §3, RFC 7905 §2.
    pub(super) fn open12(&self, number: u64, kind: u8, payload: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = match self.suite.cipher {
            Cipher::ChaCha20Poly1305 => (self.mixed(number), payload),
            Cipher::Aes128Gcm | Cipher::Aes256Gcm => {
                let (explicit, sealed) = payload.split_first_chunk::<8>()?;
                let mut nonce = self.iv;
                nonce
                    .iter_mut()
                    .skip(4)
                    .zip(explicit)
                    .for_each(|(to, from)| *to = *from);
                (nonce, sealed)
            }
        };
        let length = u16::try_from(sealed.len().checked_sub(TAG_LEN)?).ok()?;
        let [high, low] = length.to_be_bytes();
        let additional = [&number.to_be_bytes()[..], &[kind, 3, 3, high, low]].concat();
        self.open(nonce, &additional, sealed)
    }

    /// The IV with the number of the record in its last 8 bytes.
    fn mixed(&self, number: u64) -> [u8; 12] {
        let mut nonce = self.iv;
        let places = nonce.iter_mut().skip(4);
        places
            .zip(number.to_be_bytes())
            .for_each(|(to, from)| *to ^= from);
        nonce
    }

    fn open(&self, nonce: [u8; 12], additional: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload {
            msg: sealed,
            aad: additional,
        };
        match &self.aead {
            Aeads::Aes128(aead) => aead.decrypt(&nonce.into(), payload),
            Aeads::Aes256(aead) => aead.decrypt(&nonce.into(), payload),
            Aeads::ChaCha(aead) => aead.decrypt(&nonce.into(), payload),
        }
        .ok()
    }
}

/// Of AES-GCM and ChaCha20-Poly1305 alike.
const TAG_LEN: usize = 16;

/// `P_hash`, of which the PRF of TLS 1.2 is made.
///
/// Spec: RFC 5246 §5.
fn prf(hash: Hash, secret: &[u8], seed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(length + 48);
    let mut round = hmac(hash, secret, &[seed])?;
    while out.len() < length {
        out.extend(hmac(hash, secret, &[&round, seed])?);
        round = hmac(hash, secret, &[&round])?;
    }
    out.truncate(length);
    Some(out)
}

fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    fn run<M: Mac>(mut mac: M, parts: &[&[u8]]) -> Vec<u8> {
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    }
    Some(match hash {
        Hash::Sha256 => run(
            <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).ok()?,
            parts,
        ),
        Hash::Sha384 => run(
            <Hmac<Sha384> as hmac::KeyInit>::new_from_slice(key).ok()?,
            parts,
        ),
    })
}

/// `HKDF-Expand-Label` with an empty context.
///
/// ```text
/// length (2) | length (1), "tls13 " + label | 0
/// ```
///
/// Spec: RFC 8446 §7.1.
fn expand_label(hash: Hash, secret: &[u8], label: &[u8], length: usize) -> Option<Vec<u8>> {
    let name = [b"tls13 ", label].concat();
    let mut info = u16::try_from(length).ok()?.to_be_bytes().to_vec();
    info.push(u8::try_from(name.len()).ok()?);
    info.extend(name);
    info.push(0);
    let mut out = vec![0; length];
    match hash {
        Hash::Sha256 => Hkdf::<Sha256>::from_prk(secret)
            .ok()?
            .expand(&info, &mut out)
            .ok()?,
        Hash::Sha384 => Hkdf::<Sha384>::from_prk(secret)
            .ok()?
            .expand(&info, &mut out)
            .ok()?,
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        digits
            .chunks(2)
            .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap())
            .collect()
    }

    #[test]
    fn the_keys_of_rfc_8448_follow_from_its_traffic_secret() {
        // RFC 8448 §3, "derive write traffic keys for handshake data" (server).
        let secret = bytes("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        let key = expand_label(Hash::Sha256, &secret, b"key", 16).unwrap();
        assert_eq!(key, bytes("3fce516009c21727d0f2e4e86ee403bc"));
        let keys = RecordKeys::of_tls13(Suite::of(0x1301).unwrap(), secret).unwrap();
        assert_eq!(keys.iv.to_vec(), bytes("5d313eb2671276ee13000b30"));
    }

    #[test]
    fn the_prf_gives_the_published_test_vector() {
        // Published with the SHA-256 PRF of TLS 1.2 (IETF TLS list, 2009).
        let secret = bytes("9bbe436ba940f017b17652849a71db35");
        let seed = [
            b"test label".to_vec(),
            bytes("a0ba9f936cda311827a6f796ffd5198c"),
        ]
        .concat();
        let out = prf(Hash::Sha256, &secret, &seed, 16).unwrap();
        assert_eq!(out, bytes("e3f229ba727be17b8d122620557cd453"));
    }

    #[test]
    fn suites_of_other_kinds_are_not_opened() {
        for number in [0xC013, 0xC028, 0x1304, 0x0005, 0x003C, 0xC0AC] {
            assert_eq!(Suite::of(number), None, "{number:04x}");
        }
    }

    #[test]
    fn no_record_is_too_short_or_too_long_to_be_refused() {
        let keys = RecordKeys::of_tls13(Suite::of(0x1303).unwrap(), vec![1; 32]).unwrap();
        for length in [0, 1, 7, 8, 15, 16, 17, 30, 70_000] {
            let payload = vec![7; length];
            assert_eq!(keys.open13(0, &payload), None);
            assert_eq!(keys.open12(0, 22, &payload), None);
        }
    }
}
