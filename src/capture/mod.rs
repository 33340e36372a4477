//! Capture bytes to frames (pcap and pcapng).
//!
//! [`CaptureReader`] is fed the chunks of a file in order and drained of its
//! frames. A frame is a slice of the chunk it lies in; only a block that
//! straddles two chunks is copied. `classic` and `pcapng` read one block each
//! from the bytes at hand and never see the file.

mod classic;
mod comments;
mod frame_index;
mod interface;
mod issues;
mod pcapng;
mod reader;
mod summary;
pub mod write;

pub use comments::{Comment, Comments};
pub use frame_index::{FrameIndex, Part};
pub use reader::CaptureReader;
pub use summary::{CaptureSummary, InterfaceSummary};

/// One frame as the file holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Counted from 1 as Wireshark counts (pcapng custom blocks included).
    pub number: u64,
    /// Capture time; `None` for pcapng simple packets, which have none.
    pub at: Option<crate::time::Timestamp>,
    /// LINKTYPE value of the interface.
    pub link_type: u32,
    /// The bytes that were kept.
    pub captured: &'a [u8],
    /// The length on the wire; more than `captured` when the snaplen cut it.
    pub original_len: u32,
}

/// What one block or record holds, found by a format in the bytes at hand.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// The block is not all there: this many bytes are needed, counted from
    /// its first; always more than were given.
    Need(usize),
    /// A whole block of this many bytes, with its frame if it holds one.
    Block(usize, Option<FrameBounds>),
    /// A block too large to hold, whose bytes are to be passed over.
    PassOver(u64),
    /// No block can start like this; the text says why.
    Damaged(String),
}

/// Where in a block its frame lies, and what its header says of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct FrameBounds {
    at: Option<crate::time::Timestamp>,
    link_type: u32,
    start: usize,
    captured_len: usize,
    original_len: u32,
}

/// What the search for the next block behind a damage found.
#[derive(Debug, PartialEq, Eq)]
enum Resume {
    /// A block that can be believed starts here.
    At(usize),
    /// Nothing in the bytes before this; from here on more must be seen.
    From(usize),
}

/// Names kept of a file: Wireshark writes one for every address it could name.
pub const MAX_NAMES: usize = 10_000;

/// The longest block held in memory. Frames end at 256 KiB in all tools; the
/// room is for blocks of options, secrets and names, which run to megabytes.
const MAX_BLOCK_LEN: usize = 16 << 20;
