//! Writes entries of a CryptnetUrlCache folder.

use md5::{Digest as _, Md5};

use super::wire::Instant;

/// An entry: what was downloaded, and when the host says it last looked.
pub struct Entry<'a> {
    /// Where it came from.
    pub url: &'a str,
    /// The answer's body.
    pub body: &'a [u8],
    /// By the host's clock.
    pub last_sync_at: Instant,
    /// `Last-Modified` of the answer.
    pub modified_at: Instant,
    /// `ETag` of the answer.
    pub etag: &'a str,
    /// Not zero where it came through a proxy.
    pub proxy_id: u32,
    /// `CRYPTNET_URL_CACHE_PRE_FETCH_*`: 0, 2 (CRL), 5 (list of roots).
    pub object_type: u32,
}

impl Entry<'_> {
    /// MD5 of the URL in UTF-16LE, in capital hexadecimal.
    pub fn file_name(&self) -> String {
        let digest = Md5::digest(utf16(self.url, false));
        digest.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// The `MetaData` file, with the 112-byte header of Windows Vista and later
    /// (docs/FORMATS.md).
    pub fn metadata(&self) -> Vec<u8> {
        let url = utf16(self.url, true);
        let etag = utf16(self.etag, true);
        let mut out = Vec::new();
        let mut words = |words: &[u32], times: &[Instant]| {
            out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            out.extend(times.iter().flat_map(|at| filetime(*at).to_le_bytes()));
        };
        let synchronized = self.last_sync_at;
        words(&[112, 0x2002_0101, 1, url.len() as u32], &[synchronized]);
        words(&[40, self.object_type, 0, 0], &[0, 0, 0]);
        words(&[16, 0], &[0]);
        words(&[32, 0x8000_0001], &[self.modified_at]);
        words(&[0, etag.len() as u32, self.proxy_id, 0], &[]);
        words(&[self.body.len() as u32], &[]);
        out.extend(url);
        out.extend(etag);
        out
    }
}

/// 100 ns steps since 1601; a time that is not there is zero.
fn filetime(at: Instant) -> u64 {
    const FROM_1601_TO_1970: i64 = 11_644_473_600 * 10_000_000;
    match at {
        0 => 0,
        at => (at / 100 + FROM_1601_TO_1970) as u64,
    }
}

fn utf16(text: &str, terminated: bool) -> Vec<u8> {
    let end = terminated.then_some(0);
    let units = text.encode_utf16().chain(end);
    units.flat_map(u16::to_le_bytes).collect()
}
