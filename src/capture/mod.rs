//! Capture bytes to frames (pcap and pcapng).

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
