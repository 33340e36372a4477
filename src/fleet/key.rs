//! By what a machine is known again in another report.

use sha2::{Digest as _, Sha256};

use crate::bytes::to_hex;

/// The first 96 bits of a SHA-256 over something that only one machine has.
///
/// With a hundred thousand machines of thirty keys each, two different things
/// have the same key with a probability of 10⁻¹⁶.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; Key::LEN]);

impl Key {
    /// Its bytes.
    pub(super) const LEN: usize = 12;

    /// The key of some parts; no two lists of parts run together.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        let mut key = [0; Key::LEN];
        for (to, from) in key.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        Key(key)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Key)
    }

    /// Lower-case hexadecimal, 24 digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        to_hex(&self.0)
    }

    /// Reads what [`Key::to_hex`] writes.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 2 * Key::LEN {
            return None;
        }
        let mut key = [0; Key::LEN];
        for (to, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *to = u8::from_str_radix(pair, 16).ok()?;
        }
        let key = Key(key);
        // One spelling only: a sign or a capital letter is not ours.
        (key.to_hex() == text).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_from_their_digits() {
        let key = Key::of(&["name", "pc-17"]);
        assert_eq!(Key::from_hex(&key.to_hex()), Some(key));
        for wrong in [
            "",
            "00",
            "+0112233445566778899aab",
            "zz112233445566778899aabb",
        ] {
            assert_eq!(Key::from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(Key::of(&["ab", "c"]), Key::of(&["a", "bc"]));
        assert_ne!(Key::of(&["ab"]), Key::of(&["ab", ""]));
    }
}
