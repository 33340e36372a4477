//! What a capture file says of itself besides its frames.

use crate::time::Timestamp;

use super::FrameBounds;

/// Counts and times of one capture, complete when the file has ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaptureSummary {
    /// Frames counted as Wireshark counts them.
    pub frames: u64,
    /// The earliest frame time.
    pub first_at: Option<Timestamp>,
    /// The latest frame time.
    pub last_at: Option<Timestamp>,
    /// Frames that the snaplen cut.
    pub cut_frames: u64,
    /// Frames without a usable time.
    pub untimed_frames: u64,
    /// Interfaces of all sections, in order; one for a classic file.
    pub interfaces: Vec<InterfaceSummary>,
    /// pcapng sections.
    pub sections: u64,
    /// Name resolution blocks.
    pub name_resolution_blocks: u64,
    /// Names for addresses that these blocks give, as the capturing machine or
    /// whoever saved the file resolved them; the first
    /// [`MAX_NAMES`](super::MAX_NAMES).
    pub names: Vec<(std::net::IpAddr, String)>,
    /// What was written into the file beside its frames.
    pub comments: super::Comments,
    /// Decryption secrets blocks; those of TLS are taken as key logs.
    pub secrets_blocks: u64,
    /// Custom blocks, passed over but numbered as frames.
    pub custom_blocks: u64,
    /// Blocks of other kinds, passed over.
    pub other_blocks: u64,
    /// Bytes lost to damage.
    pub lost_bytes: u64,
    /// Of these, bytes of a last record that the file breaks off in. All before
    /// it is whole: such a capture is one that ended there.
    pub cut_tail_bytes: u64,
}

/// One interface of a capture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterfaceSummary {
    /// Its name, where the file gives one.
    pub name: Option<String>,
    /// LINKTYPE value.
    pub link_type: u32,
    /// Bytes kept of a frame; 0 for no limit.
    pub snaplen: u32,
    /// Packets received, by the last statistics block.
    pub received: Option<u64>,
    /// Packets dropped by the interface for lack of room.
    pub dropped: Option<u64>,
    /// Packets dropped by the operating system.
    pub dropped_by_system: Option<u64>,
}

impl CaptureSummary {
    /// Packets that the capturing machine says it lost, over all interfaces.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let drops = self.interfaces.iter().map(|interface| {
            let by_system = interface.dropped_by_system.unwrap_or(0);
            interface.dropped.unwrap_or(0).saturating_add(by_system)
        });
        drops.fold(0, u64::saturating_add)
    }

    /// Counts one frame.
    pub(super) fn count(&mut self, frame: &FrameBounds) {
        self.frames += 1;
        self.cut_frames += u64::from((frame.captured_len as u64) < u64::from(frame.original_len));
        match frame.at {
            Some(at) => {
                if self.first_at.is_none_or(|first| at < first) {
                    self.first_at = Some(at);
                }
                if self.last_at.is_none_or(|last| at > last) {
                    self.last_at = Some(at);
                }
            }
            None => self.untimed_frames += 1,
        }
    }
}
