//! How much of hostile or broken input is read before `evidence` stops.

/// The limits of one run. `Default` gives the named constants of this file;
/// tests use smaller ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// See [`MAX_FILES`].
    pub files: usize,
    /// See [`MAX_ZIP_ENTRIES`].
    pub zip_entries: usize,
    /// See [`MAX_ZIP_DEPTH`].
    pub zip_depth: usize,
    /// See [`MAX_MEMBER_LEN`].
    pub member_len: u64,
    /// See [`MAX_NESTED_ZIP_LEN`].
    pub nested_zip_len: u64,
    /// See [`MAX_NESTED_TOTAL`].
    pub nested_total: u64,
    /// See [`MAX_INFLATED_TOTAL`].
    pub inflated_total: u64,
    /// See [`MAX_RATIO`].
    pub ratio: u64,
    /// See [`RATIO_FLOOR`].
    pub ratio_floor: u64,
}

/// Files listed in one run. A full disk of a workstation has about this many.
pub const MAX_FILES: usize = 1_000_000;

/// Folders within folders. Windows paths end at 32,767 characters; real
/// collections stay below 30 levels.
pub const MAX_FOLDER_DEPTH: usize = 64;

/// Entries of one zip. The largest triage collections hold about 300,000.
pub const MAX_ZIP_ENTRIES: usize = 500_000;

/// Zips within zips: a help desk's zip, of a fleet's zip, of a machine's zip.
pub const MAX_ZIP_DEPTH: usize = 3;

/// Inflated bytes of one member: a busy day's capture, never held in memory.
pub const MAX_MEMBER_LEN: u64 = 64 << 30;

/// Bytes of a compressed zip within a zip, which is held in memory because it
/// cannot be read out of order. A stored one is read in place, without limit.
pub const MAX_NESTED_ZIP_LEN: u64 = 512 << 20;

/// Bytes of all zips held in memory by one run.
pub const MAX_NESTED_TOTAL: u64 = 1 << 30;

/// Inflated bytes of one hand-over; four captures of [`MAX_MEMBER_LEN`].
/// Entries that share their bytes can otherwise inflate without end.
pub const MAX_INFLATED_TOTAL: u64 = 256 << 30;

/// Inflated bytes per compressed byte, of a member and of a whole hand-over.
/// Logs and captures reach 50; zeros reach 230 at deflate's fastest level and
/// 1,032 at its best.
pub const MAX_RATIO: u64 = 100;

/// Below this many inflated bytes no ratio is judged: a small file of zeros is
/// no bomb.
pub const RATIO_FLOOR: u64 = 64 << 20;

/// Bytes of a zip's list of entries: [`MAX_ZIP_ENTRIES`] with long names.
pub const MAX_DIRECTORY_LEN: u64 = 256 << 20;

/// Bytes of an entry's name: what Windows allows in UTF-8, and a little more.
pub const MAX_NAME_LEN: usize = 32 << 10;

/// Bytes at the start of a file by which its kind is told.
pub const SNIFF_LEN: usize = 4096;

/// The same for a Zstandard file: its header, and a first block of 128 KiB,
/// the longest there is (RFC 8878 §3.1.1.2).
pub const SNIFF_ZSTD_LEN: usize = (128 << 10) + 64;

impl Default for Limits {
    fn default() -> Self {
        Limits {
            files: MAX_FILES,
            zip_entries: MAX_ZIP_ENTRIES,
            zip_depth: MAX_ZIP_DEPTH,
            member_len: MAX_MEMBER_LEN,
            nested_zip_len: MAX_NESTED_ZIP_LEN,
            nested_total: MAX_NESTED_TOTAL,
            inflated_total: MAX_INFLATED_TOTAL,
            ratio: MAX_RATIO,
            ratio_floor: RATIO_FLOOR,
        }
    }
}
