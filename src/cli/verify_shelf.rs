//! What the cases of one batch share: suites hand over the same roots and
//! issuers again and again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use whychain::chain::Memo;
use whychain::pki::Certificate;

/// Certificates kept for later cases. The largest suites have fewer.
const MAX_CERTIFICATES: usize = 16_384;
/// A larger one is made to be large, and comes once.
const MAX_LEN: usize = 8 << 10;

/// Certificates read and signatures verified before. Cheap to clone; the clones
/// share. No answer depends on what lies here, only how soon it is given.
#[derive(Clone, Default)]
pub(super) struct Shelf {
    /// Signatures verified before.
    pub known: Memo,
    certificates: Arc<Mutex<ByBytes>>,
}

/// Certificates by their bytes.
type ByBytes = HashMap<Box<[u8]>, Arc<Certificate>>;

impl Shelf {
    /// The certificate of these bytes, read by `read` the first time.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    pub(super) fn certificate(
        &self,
        bytes: &[u8],
        read: impl FnOnce(&[u8]) -> Result<Certificate, String>,
    ) -> Result<Arc<Certificate>, String> {
        let shelved = || {
            let shelved = self.certificates.lock();
            shelved.unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(known) = shelved().get(bytes) {
            return Ok(Arc::clone(known));
        }
        let certificate = Arc::new(read(bytes)?);
        let mut shelved = shelved();
        if bytes.len() <= MAX_LEN && shelved.len() < MAX_CERTIFICATES {
            shelved.insert(bytes.into(), Arc::clone(&certificate));
        }
        Ok(certificate)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const CA: &[u8] = include_bytes!("../../tests/data/pki/ca.der");

    #[test]
    fn a_certificate_of_the_same_bytes_is_read_once() {
        let shelf = Shelf::default();
        let read = |bytes: &[u8]| Certificate::from_der(bytes).map_err(|error| error.to_string());
        let first = shelf.certificate(CA, read).unwrap();
        let second = shelf
            .clone()
            .certificate(CA, |_| Err("read twice".to_owned()));
        assert!(Arc::ptr_eq(&first, &second.unwrap()));
        let bad = shelf.certificate(b"no certificate", read).unwrap_err();
        assert_eq!(shelf.certificate(b"no certificate", read).unwrap_err(), bad);
    }
}
