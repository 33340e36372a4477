//! Classic capture files (pcap): a file header, then packet records.

use pcap_parser::{
    PcapHeader, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use crate::time::Timestamp;

use super::summary::{CaptureSummary, InterfaceSummary};
use super::{FrameBounds, MAX_BLOCK_LEN, Resume, Step};

/// The first four bytes of the files read here, as they lie in the file.
const MAGICS: [[u8; 4]; 5] = [
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x34, 0xcd, 0xb2, 0xa1],
];

/// True when a file that starts with these bytes is one of ours.
pub(super) fn is_classic(magic: [u8; 4]) -> bool {
    MAGICS.contains(&magic)
}

/// Length of the file header.
pub(super) const FILE_HEADER_LEN: usize = 24;

/// The largest frame any common tool writes (`MAXIMUM_SNAPLEN` of libpcap); a
/// file header with a larger snaplen raises it.
const MAX_FRAME_LEN: usize = 262_144;

/// A record found behind a damage must lie this close in time to the last.
const MAX_RESUME_DISTANCE: u64 = 86_400;

/// A file of this format, its header read.
#[derive(Debug, Clone)]
pub(super) struct Classic {
    layout: Layout,
    fraction_per_second: u32,
    nanoseconds_per_fraction: u32,
    link_type: u32,
    max_frame_len: usize,
    last_seconds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Little,
    Big,
    /// Little-endian, with 8 bytes more in each record header (interface
    /// index, protocol, packet type), as patched libpcaps wrote.
    Modified,
}

impl Layout {
    fn header_len(self) -> usize {
        if self == Layout::Modified { 24 } else { 16 }
    }
}

impl Classic {
    /// Reads the file header.
    ///
    /// ```text
    /// 0       4       6       8          12        16        20          24
    /// | magic | major | minor | reserved | reserved | snaplen | link type |
    /// ```
    ///
    /// The magic gives byte order, micro- or nanoseconds, and the modified
    /// form. Only the low 16 bits of the link type field are the link type;
    /// the rest may say how long the frame check sequence is.
    ///
    /// Spec: draft-ietf-opsawg-pcap §4. `None` when it is no such header.
    pub(super) fn file_header(bytes: &[u8], summary: &mut CaptureSummary) -> Option<Self> {
        let (_, header): (_, PcapHeader) = parse_pcap_header(bytes).ok()?;
        let layout = match header {
            _ if header.is_modified_format() => Layout::Modified,
            _ if header.is_bigendian() => Layout::Big,
            _ => Layout::Little,
        };
        let nanoseconds = header.is_nanosecond_precision();
        let link_type = header.network.0.cast_unsigned() & 0xffff;
        let snaplen = header.snaplen;
        summary.interfaces.push(InterfaceSummary {
            link_type,
            snaplen,
            ..Default::default()
        });
        Some(Classic {
            layout,
            fraction_per_second: if nanoseconds {
                1_000_000_000
            } else {
                1_000_000
            },
            nanoseconds_per_fraction: if nanoseconds { 1 } else { 1_000 },
            link_type,
            max_frame_len: MAX_FRAME_LEN.max(snaplen as usize).min(MAX_BLOCK_LEN),
            last_seconds: 0,
        })
    }

    /// Reads one packet record: seconds, fraction, captured and original
    /// length (32 bits each), then the captured bytes.
    ///
    /// A fraction above one second is carried over. Spec:
    /// draft-ietf-opsawg-pcap §5.
    pub(super) fn step(&mut self, view: &[u8]) -> Step {
        if let Some((length, frame)) = self.record(view) {
            return Step::Block(length, Some(frame));
        }
        let header_len = self.layout.header_len();
        let Some(captured_len) = self.u32_at(view, 8) else {
            return Step::Need(header_len);
        };
        let captured_len = captured_len as usize;
        if captured_len > self.max_frame_len {
            let limit = self.max_frame_len;
            return Step::Damaged(format!(
                "record of {captured_len} bytes; {limit} are possible"
            ));
        }
        Step::Need((header_len + captured_len).max(view.len() + 1))
    }

    /// Reads a record that is whole and of a possible length; gives its length
    /// too.
    // Done for every frame; through memory its result costs half as much again.
    #[inline(always)]
    pub(super) fn record(&mut self, view: &[u8]) -> Option<(usize, FrameBounds)> {
        let parsed = match self.layout {
            Layout::Little => parse_pcap_frame(view),
            Layout::Big => parse_pcap_frame_be(view),
            Layout::Modified => parse_pcap_frame_modified(view),
        };
        let (rest, record) = parsed.ok()?;
        let captured_len = record.caplen as usize;
        if captured_len > self.max_frame_len {
            return None;
        }
        self.last_seconds = record.ts_sec;
        let frame = FrameBounds {
            at: self.instant(record.ts_sec, record.ts_usec),
            link_type: self.link_type,
            start: self.layout.header_len(),
            captured_len,
            original_len: record.origlen.max(record.caplen),
        };
        Some((view.len() - rest.len(), frame))
    }

    fn instant(&self, seconds: u32, fraction: u32) -> Option<Timestamp> {
        let (mut seconds, mut fraction) = (i64::from(seconds), fraction);
        // Rarely so, and divisions take their time.
        if fraction >= self.fraction_per_second {
            seconds += i64::from(fraction / self.fraction_per_second);
            fraction %= self.fraction_per_second;
        }
        Timestamp::from_unix(seconds, fraction * self.nanoseconds_per_fraction)
    }

    fn u32_at(&self, view: &[u8], at: usize) -> Option<u32> {
        let bytes = *view.get(at..)?.first_chunk::<4>()?;
        let big = self.layout == Layout::Big;
        Some(if big {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }

    /// Finds the next believable record: two headers in a row with possible
    /// lengths, fractions below a second, and times within a day of the last
    /// good record. At the end of the file one header suffices.
    pub(super) fn resume(&self, view: &[u8], at_end: bool) -> Resume {
        let header_len = self.layout.header_len();
        for at in 0..view.len() {
            let Some(next) = self.plausible_record(view, at) else {
                if at_end || view.len() - at >= header_len {
                    continue;
                }
                return Resume::From(at);
            };
            if view.len() < next + header_len {
                if !at_end {
                    return Resume::From(at);
                }
                if next == view.len() {
                    return Resume::At(at);
                }
            } else if self.plausible_record(view, next).is_some() {
                return Resume::At(at);
            }
        }
        Resume::From(view.len())
    }

    /// Where the record at `at` ends, if it can be one.
    fn plausible_record(&self, view: &[u8], at: usize) -> Option<usize> {
        let seconds = self.u32_at(view, at)?;
        let fraction = self.u32_at(view, at + 4)?;
        let captured_len = self.u32_at(view, at + 8)? as usize;
        let original_len = self.u32_at(view, at + 12)? as usize;
        let distance = u64::from(seconds.abs_diff(self.last_seconds));
        let plausible = (1..=self.max_frame_len).contains(&captured_len)
            && (captured_len..=MAX_BLOCK_LEN).contains(&original_len)
            && fraction < self.fraction_per_second
            && (self.last_seconds == 0 || distance <= MAX_RESUME_DISTANCE);
        plausible.then_some(at + self.layout.header_len() + captured_len)
    }
}
