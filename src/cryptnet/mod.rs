//! Windows' CryptnetUrlCache: `MetaData` records, `Content` files, file names,
//! and whose cache a folder is.
//!
//! [`locate`] finds the folders among the paths of the evidence, [`entries`]
//! makes entries of a folder's files, [`recover_urls`] and [`explain_prefixes`]
//! say what their names mean once the case knows URLs and certificates.

mod entry;
mod file_name;
mod folder;
mod machine;
mod owner;
mod record;
mod url;

use std::sync::Arc;

use crate::account::Account;
use crate::provenance::{Cite, EvidenceId};
use crate::time::Timestamp;

pub use entry::{CacheFile, MAX_CONTENT_LEN, entries};
pub use file_name::{
    NameParts, PointLayout, check_name, distribution_points_der, explain_prefixes, file_name,
    name_parts, ocsp_file_name, recover_urls,
};
pub use folder::{CacheFolder, CachePair, ListedFile, locate};
pub use machine::{MAX_HOST_FILE_LEN, is_host_file, machine_from_host_file, machine_from_path};
pub use owner::{missing_profiles, owner};
pub use record::{CONSTANT, LONG_HEADER_LEN, MAX_BLOBS, MAX_META_DATA_LEN, SHORT_HEADER_LEN};
pub use url::{
    EtagCheck, check_etag, is_trust_list_url, known_crl_urls, known_urls, resource_key,
    same_resource, strip_ctl_query,
};

/// One entry of a cache: a `MetaData` record, a `Content` file, or both.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheEntry {
    /// File name, as found.
    pub name: String,
    /// What the name says beside the URL: see [`NameCheck`].
    pub name_check: NameCheck,
    /// The hand-over it lies in: the input (zip or folder) as an evidence path,
    /// so that two hand-overs are two machines until shown to be one.
    pub hand_over: String,
    /// The machine's name, where the collection names it.
    pub machine: Option<String>,
    /// Whose cache.
    pub owner: Account,
    /// The record; `None` when only `Content` was handed over, or it is damaged.
    pub record: Option<MetaDataRecord>,
    /// Evidence of the `MetaData` file.
    pub meta_data: Option<(EvidenceId, u64)>,
    /// The content, when handed over.
    pub content: Option<CachedContent>,
    /// URL recovered by name for an entry without record (`UrlBasis::Dictionary`).
    pub recovered_url: Option<String>,
    /// What a pasted list says of it, where nothing else does.
    pub told: Option<ToldEntry>,
}

/// An entry that only pasted output of `certutil -urlcache` tells of.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldEntry {
    /// The line.
    pub cite: Cite,
    /// Size of the content.
    pub size: Option<u64>,
    /// Last synchronization as printed: local time without a zone, its day and
    /// month in an order that the text does not say.
    pub last_sync: Option<String>,
}

/// The `Content` file of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedContent {
    /// The file.
    pub evidence: EvidenceId,
    /// Bytes.
    pub bytes: Arc<[u8]>,
    /// SHA-256.
    pub sha256: [u8; 32],
    /// File time of the copy, where the archive keeps one. A copy tool may have
    /// reset it: a hint only.
    pub modified_at: Option<Timestamp>,
}

/// Whether a file name is what its URL demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameCheck {
    /// MD5 of the URL.
    Matches,
    /// `A_B`: B is the MD5 of the URL, A stands for a CRL distribution point.
    MatchesWithPrefix {
        /// The A half, upper-case hexadecimal.
        prefix: String,
        /// The CRL URLs whose extension hashes to A, when found in the case.
        distribution_points: Vec<String>,
    },
    /// The name is another one: renamed, tampered with, or a rule unknown to us.
    Differs {
        /// The name the URL demands.
        expected: String,
    },
    /// No URL to compare with.
    NoUrl,
}

/// A `MetaData` record. Windows Vista and later write a 112-byte header,
/// Windows XP a 24-byte one without the three structures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaDataRecord {
    /// `cbHeader`: 112 or 24.
    pub header_len: u32,
    /// The URL, without the random query of the trust lists.
    pub url: String,
    /// `LastSyncTime`, raw FILETIME.
    pub last_sync_ticks: u64,
    /// `LastSyncTime`: last synchronized, never "downloaded".
    pub last_sync_at: Option<Timestamp>,
    /// Content sizes; their sum is the size of the `Content` file.
    pub content_sizes: Vec<u32>,
    /// Prefetch, flush and response structures of the long header.
    pub extended: Option<ExtendedRecord>,
    /// The ETag, quotes included.
    pub etag: Option<String>,
}

/// The structures of the 112-byte header (names of `wincrypt.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedRecord {
    /// `PreFetchInfo.dwObjectType`.
    pub object_type: u32,
    /// `PreFetchInfo.dwError`.
    pub prefetch_error: u32,
    /// `PreFetchInfo.ThisUpdateTime`.
    pub this_update: Option<Timestamp>,
    /// `PreFetchInfo.NextUpdateTime`.
    pub next_update: Option<Timestamp>,
    /// `PreFetchInfo.PublishTime`.
    pub publish_at: Option<Timestamp>,
    /// `FlushInfo.dwExemptSeconds`.
    pub flush_exempt_seconds: u32,
    /// `FlushInfo.ExpireTime`.
    pub expire_at: Option<Timestamp>,
    /// `ResponseInfo.wResponseType`.
    pub response_type: u16,
    /// `ResponseInfo.wResponseFlags`; 0x8000 is VALIDATED.
    pub response_flags: u16,
    /// `ResponseInfo.LastModifiedTime`.
    pub last_modified: Option<Timestamp>,
    /// `ResponseInfo.dwMaxAge`, seconds.
    pub max_age: u32,
    /// `ResponseInfo.dwProxyId`: non-zero when a `Via` header was present.
    pub proxy_id: u32,
}

impl CacheEntry {
    /// The URL, from the record or recovered.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.record
            .as_ref()
            .map(|record| record.url.as_str())
            .or(self.recovered_url.as_deref())
    }
}
