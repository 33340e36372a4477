//! Writes frames into a small pcapng capture: what a report cites, to be handed
//! on. Byte for byte and to the nanosecond what was read.

use super::MAX_BLOCK_LEN;
use crate::time::Timestamp;

/// A pcapng file in memory.
///
/// ```text
/// Section Header Block, then an Interface Description Block when an interface
/// is first used, then an Enhanced Packet Block for each frame
/// ```
///
/// Little-endian. Every interface counts nanoseconds (`if_tsresol` 9). A frame
/// without a time, or from before 1970, gets time 0; its comment says so.
///
/// Spec: draft-ietf-opsawg-pcapng §4.1 to §4.3.
#[derive(Debug, Default)]
pub struct CaptureWriter {
    bytes: Vec<u8>,
    interfaces: Vec<(u32, String)>,
}

impl CaptureWriter {
    /// A capture with its section header, by `application`.
    #[must_use]
    pub fn new(application: &str) -> Self {
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend([1, 0, 0, 0]);
        body.extend([0xff; 8]);
        option(&mut body, SHB_USERAPPL, application.as_bytes());
        end_of_options(&mut body);
        let mut writer = CaptureWriter::default();
        writer.block(SECTION_HEADER, &body);
        writer
    }

    /// Adds a frame of an interface, which is told apart by link type and name.
    pub fn frame(
        &mut self,
        (link_type, interface): (u32, &str),
        at: Option<Timestamp>,
        original_len: u32,
        captured: &[u8],
        comment: &str,
    ) {
        // No reader holds a block of more; no capture file has one.
        let Ok(captured_len) = u32::try_from(captured.len().min(MAX_BLOCK_LEN)) else {
            return;
        };
        let number = self.interface(link_type, interface);
        let nanoseconds = at.and_then(|at| u64::try_from(at.unix_nanoseconds()).ok());
        let ticks = nanoseconds.unwrap_or_default();
        let mut body = Vec::new();
        body.extend(number.to_le_bytes());
        // Upper half first.
        body.extend(&ticks.to_le_bytes()[4..]);
        body.extend(&ticks.to_le_bytes()[..4]);
        body.extend(captured_len.to_le_bytes());
        body.extend(original_len.to_le_bytes());
        body.extend(captured.iter().take(captured_len as usize));
        pad(&mut body);
        let comment = match nanoseconds {
            Some(_) => comment.to_owned(),
            None => format!("{comment}; it has no time there"),
        };
        option(&mut body, OPT_COMMENT, comment.as_bytes());
        end_of_options(&mut body);
        self.block(ENHANCED_PACKET, &body);
    }

    /// The whole file.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn interface(&mut self, link_type: u32, name: &str) -> u32 {
        let known = self
            .interfaces
            .iter()
            .position(|(link, own)| *link == link_type && own == name);
        let position = known.unwrap_or_else(|| {
            self.interfaces.push((link_type, name.to_owned()));
            let mut body = Vec::new();
            // Link types above 16 bits have no place in pcapng.
            let link_type = u16::try_from(link_type).unwrap_or(u16::MAX);
            body.extend(link_type.to_le_bytes());
            body.extend([0; 2]);
            body.extend(0_u32.to_le_bytes());
            option(&mut body, IF_NAME, name.as_bytes());
            option(&mut body, IF_TSRESOL, &[9]);
            end_of_options(&mut body);
            self.block(INTERFACE_DESCRIPTION, &body);
            self.interfaces.len() - 1
        });
        u32::try_from(position).unwrap_or(u32::MAX)
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        // Type, length, body, length again; bodies are padded to 4 bytes.
        let total = u32::try_from(body.len() + 12).unwrap_or(u32::MAX);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(total.to_le_bytes());
        self.bytes.extend(body);
        self.bytes.extend(total.to_le_bytes());
    }
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
/// Bytes of an option's value, which has 16 bits for its length.
const MAX_OPTION_LEN: usize = 4096;

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..MAX_OPTION_LEN).unwrap_or(value);
    let len = u16::try_from(value.len()).unwrap_or_default();
    body.extend(code.to_le_bytes());
    body.extend(len.to_le_bytes());
    body.extend(value);
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

fn pad(body: &mut Vec<u8>) {
    while !body.len().is_multiple_of(4) {
        body.push(0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::capture::CaptureReader;
    use crate::provenance::EvidenceId;

    #[test]
    fn what_is_written_is_read_again_byte_for_byte() {
        let at = Timestamp::from_unix(1_298_278_754, 694_123_999);
        let mut writer = CaptureWriter::new("whychain");
        writer.frame((1, "a.pcap"), at, 60, b"abc", "packet 7 of a.pcap");
        writer.frame((101, "b.pcap"), None, 4, b"defg", "packet 1 of b.pcap");
        writer.frame((1, "a.pcap"), at, 3, b"hij", "packet 8 of a.pcap");
        let mut reader = CaptureReader::new(EvidenceId(0));
        reader.feed(writer.into_bytes());
        reader.end();
        let mut found = Vec::new();
        while let Some(frame) = reader.next_frame() {
            let bytes = frame.captured.to_vec();
            found.push((frame.link_type, frame.at, frame.original_len, bytes));
        }
        let zero = Timestamp::from_unix(0, 0);
        let expected = [
            (1, at, 60, b"abc".to_vec()),
            (101, zero, 4, b"defg".to_vec()),
            (1, at, 3, b"hij".to_vec()),
        ];
        assert_eq!(found, expected);
        assert!(reader.take_issues().is_empty());
    }
}
