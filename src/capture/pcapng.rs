//! Next-generation capture files (pcapng): sections of typed blocks.

use std::net::IpAddr;

use pcap_parser::pcapng::{
    BOM_MAGIC, Block, CB_MAGIC, DCB_MAGIC, DSB_MAGIC, EPB_MAGIC, IDB_MAGIC, ISB_MAGIC, NRB_MAGIC,
    NameRecord, NameRecordType, SHB_MAGIC, SJE_MAGIC, SPB_MAGIC, SecretsType,
};
use pcap_parser::{
    EnhancedPacketBlock, InterfaceDescriptionBlock, InterfaceStatisticsBlock, PcapNGOption,
    parse_block_be, parse_block_le,
};

use crate::bytes::{ParseError, Reader};

use super::interface::TickClock;
use super::issues::Notes;
use super::summary::InterfaceSummary;
use super::{FrameBounds, MAX_BLOCK_LEN, MAX_NAMES, Resume, Step};

/// The type of a section header block, the same in both byte orders.
pub(super) const SECTION_MAGIC: [u8; 4] = SHB_MAGIC.to_be_bytes();

/// The obsolete packet block, written by early Wireshark (until 2009).
const OPB_MAGIC: u32 = 2;

/// Sysdig event blocks, which Wireshark numbers as frames.
const SYSDIG_EVENTS: [u32; 6] = [0x204, 0x208, 0x216, 0x217, 0x221, 0x222];

/// Type, length and trailing length.
const MIN_BLOCK_LEN: usize = 12;

/// Interfaces remembered per file; a machine has tens.
const MAX_INTERFACES: usize = 4_096;

/// A block found behind a damage is believed only if no longer than this, so
/// that the search holds little memory.
const MAX_RESUME_LEN: usize = 512 << 10;

/// A file of this format.
#[derive(Debug, Clone, Default)]
pub(super) struct PcapNg {
    big_endian: bool,
    interfaces: Vec<Interface>,
    /// Index of the section's first interface in the notes.summary.
    first_interface: usize,
    bad_time_noted: bool,
    bad_interface_noted: bool,
}

#[derive(Debug, Clone)]
struct Interface {
    link_type: u32,
    snaplen: u32,
    clock: TickClock,
}

impl PcapNg {
    /// Reads one block.
    ///
    /// ```text
    /// 0      4        8              length − 4   length
    /// | type | length | body, padded | length     |
    /// ```
    ///
    /// The section header gives the byte order of its section. A block whose
    /// two lengths agree but whose body does not fit is passed over.
    ///
    /// Spec: draft-ietf-opsawg-pcapng §3.1.
    pub(super) fn step(&mut self, view: &[u8], notes: &mut Notes<'_>) -> Step {
        let Some((kind, length)) = self.block_start(view) else {
            return if view.len() < MIN_BLOCK_LEN {
                Step::Need(MIN_BLOCK_LEN)
            } else {
                Step::Damaged("section header of unknown byte order".into())
            };
        };
        if length < MIN_BLOCK_LEN || length % 4 != 0 {
            return Step::Damaged(format!("block of impossible length {length}"));
        }
        if length > MAX_BLOCK_LEN {
            if kind == DSB_MAGIC {
                let what =
                    format!("decryption secrets of {length} bytes; {MAX_BLOCK_LEN} are read");
                notes.issue(what, "connections that need them stay encrypted");
            }
            return oversized_block(kind, length);
        }
        let Some(block) = view.get(..length) else {
            return Step::Need(length);
        };
        if self.trailing_length(block, length) != Some(length) {
            return Step::Damaged(format!("block of {length} bytes ends with another length"));
        }
        let parsed = if self.big_endian {
            parse_block_be(block)
        } else {
            parse_block_le(block)
        };
        let frame = match parsed {
            Ok((_, parsed)) => self.block(&parsed, block, notes),
            Err(_) => {
                let what = format!("block of type {kind:#x} whose contents do not fit its length");
                let is_packet = matches!(kind, EPB_MAGIC | SPB_MAGIC | OPB_MAGIC);
                notes.summary.frames += u64::from(is_packet);
                let effect = if is_packet {
                    "its frame is lost"
                } else {
                    "it is passed over"
                };
                notes.issue(what, effect);
                None
            }
        };
        Step::Block(length, frame)
    }

    /// Type and length of the block that starts here; a section header sets
    /// the byte order. `None` when too short, or a section header without a
    /// byte order mark.
    fn block_start(&mut self, view: &[u8]) -> Option<(u32, usize)> {
        let kind = *view.first_chunk::<4>()?;
        let mark = view.get(8..)?.first_chunk::<4>()?;
        if kind == SECTION_MAGIC {
            self.big_endian = match u32::from_le_bytes(*mark) {
                BOM_MAGIC => false,
                other if other.swap_bytes() == BOM_MAGIC => true,
                _ => return None,
            };
        }
        Some((self.u32_at(view, 0)?, self.u32_at(view, 4)? as usize))
    }

    fn trailing_length(&self, view: &[u8], end: usize) -> Option<usize> {
        Some(self.u32_at(view, end.checked_sub(4)?)? as usize)
    }

    fn u32_at(&self, view: &[u8], at: usize) -> Option<u32> {
        let bytes = *view.get(at..)?.first_chunk::<4>()?;
        Some(if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }

    /// Takes in one block; returns the frame it holds.
    fn block(
        &mut self,
        block: &Block<'_>,
        raw: &[u8],
        notes: &mut Notes<'_>,
    ) -> Option<FrameBounds> {
        match block {
            Block::EnhancedPacket(packet) => self.enhanced_packet(packet, notes),
            Block::SimplePacket(packet) => {
                let body_len = packet.data.len();
                self.simple_packet(packet.origlen, body_len, notes)
            }
            Block::Unknown(_) if self.u32_at(raw, 0) == Some(OPB_MAGIC) => {
                let parsed = self.obsolete_packet(raw, notes);
                parsed.unwrap_or_else(|error| {
                    notes.summary.frames += 1;
                    notes.issue(error.to_string(), "its frame is lost");
                    None
                })
            }
            other => {
                self.other_block(other, notes);
                None
            }
        }
    }

    fn other_block(&mut self, block: &Block<'_>, notes: &mut Notes<'_>) {
        match block {
            Block::SectionHeader(header) => {
                notes.summary.sections += 1;
                notes.summary.comments.take(&header.options, None, None);
                self.interfaces.clear();
                self.first_interface = notes.summary.interfaces.len();
            }
            Block::InterfaceDescription(interface) => {
                self.interface(interface, notes);
            }
            Block::InterfaceStatistics(statistics) => self.statistics(statistics, notes),
            Block::NameResolution(block) => names(&block.nr, notes),
            Block::DecryptionSecrets(secrets) => {
                notes.summary.secrets_blocks += 1;
                if secrets.secrets_type == SecretsType::TlsKeyLog {
                    let length = (secrets.secrets_len as usize).min(secrets.data.len());
                    let text = secrets.data.get(..length).unwrap_or_default();
                    notes.key_logs.push(text.to_vec());
                }
            }
            Block::Custom(_) => {
                notes.summary.custom_blocks += 1;
                notes.summary.frames += 1;
            }
            Block::SystemdJournalExport(_) => {
                notes.summary.other_blocks += 1;
                notes.summary.frames += 1;
            }
            Block::Unknown(unknown) => {
                let kind = unknown.block_type;
                let kind = if self.big_endian {
                    kind.swap_bytes()
                } else {
                    kind
                };
                notes.summary.other_blocks += 1;
                notes.summary.frames += u64::from(SYSDIG_EVENTS.contains(&kind));
            }
            _ => notes.summary.other_blocks += 1,
        }
    }

    fn interface(&mut self, block: &InterfaceDescriptionBlock<'_>, notes: &mut Notes<'_>) {
        if notes.summary.interfaces.len() >= MAX_INTERFACES {
            let what = format!("more than {MAX_INTERFACES} interfaces");
            notes.issue(what, "frames of the further ones are not read");
            return;
        }
        // The crate reads the offset as little-endian in every section.
        let seconds = block.if_tsoffset;
        let seconds = if self.big_endian {
            seconds.swap_bytes()
        } else {
            seconds
        };
        let link_type = block.linktype.0.cast_unsigned();
        let name = block.if_name().and_then(Result::ok).map(|name| {
            name.trim_end_matches('\0')
                .chars()
                .take(MAX_NAME_CHARS)
                .collect()
        });
        let snaplen = block.snaplen;
        let clock = TickClock::new(block.if_tsresol, seconds);
        self.interfaces.push(Interface {
            link_type,
            snaplen,
            clock,
        });
        let noted = InterfaceSummary {
            name,
            link_type,
            snaplen,
            ..Default::default()
        };
        notes.summary.interfaces.push(noted);
    }

    fn statistics(&self, block: &InterfaceStatisticsBlock<'_>, notes: &mut Notes<'_>) {
        let index = self.first_interface.saturating_add(block.if_id as usize);
        let Some(interface) = notes.summary.interfaces.get_mut(index) else {
            return;
        };
        for option in &block.options {
            let Some(count) = self.counter(option) else {
                continue;
            };
            match option.code.0 {
                ISB_IFRECV => interface.received = Some(count),
                ISB_IFDROP => interface.dropped = Some(count),
                ISB_OSDROP => interface.dropped_by_system = Some(count),
                _ => {}
            }
        }
    }

    fn counter(&self, option: &PcapNGOption<'_>) -> Option<u64> {
        let bytes = <[u8; 8]>::try_from(option.as_bytes().ok()?).ok()?;
        Some(if self.big_endian {
            u64::from_be_bytes(bytes)
        } else {
            u64::from_le_bytes(bytes)
        })
    }

    fn enhanced_packet(
        &mut self,
        packet: &EnhancedPacketBlock<'_>,
        notes: &mut Notes<'_>,
    ) -> Option<FrameBounds> {
        let ticks = (u64::from(packet.ts_high) << 32) | u64::from(packet.ts_low);
        let lengths = (packet.caplen, packet.origlen);
        let number = notes.summary.frames + 1;
        let frame = self.timed_frame(packet.if_id, ticks, 28, lengths, notes);
        if !packet.options.is_empty() {
            let at = frame.as_ref().and_then(|frame| frame.at);
            let comments = &mut notes.summary.comments;
            comments.take(&packet.options, Some(number), at);
        }
        frame
    }

    /// Reads an obsolete packet block: interface (16 bits), drops (16 bits),
    /// time high and low, captured and original length, then the bytes.
    ///
    /// Spec: draft-ietf-opsawg-pcapng, appendix A.
    fn obsolete_packet(
        &mut self,
        raw: &[u8],
        notes: &mut Notes<'_>,
    ) -> Result<Option<FrameBounds>, ParseError> {
        const WHAT: &str = "Packet Block";
        let mut reader = Reader::new(raw);
        reader.skip(WHAT, 8)?;
        let big = self.big_endian;
        let interface = reader.array::<2>(WHAT)?;
        let interface = if big {
            u16::from_be_bytes(interface)
        } else {
            u16::from_le_bytes(interface)
        };
        reader.skip(WHAT, 2)?;
        let mut next = || {
            if big {
                reader.u32_be(WHAT)
            } else {
                reader.u32_le(WHAT)
            }
        };
        let ticks = (u64::from(next()?) << 32) | u64::from(next()?);
        let lengths = (next()?, next()?);
        reader.skip(WHAT, lengths.0 as usize)?;
        reader.skip(WHAT, 4)?;
        let interface = u32::from(interface);
        Ok(self.timed_frame(interface, ticks, 28, lengths, notes))
    }

    fn timed_frame(
        &mut self,
        interface: u32,
        ticks: u64,
        start: usize,
        (captured_len, original_len): (u32, u32),
        notes: &mut Notes<'_>,
    ) -> Option<FrameBounds> {
        let Some(known) = self.interfaces.get(interface as usize) else {
            self.unknown_interface(interface, notes);
            return None;
        };
        let (link_type, at) = (known.link_type, known.clock.at(ticks));
        if at.is_none() && !self.bad_time_noted {
            self.bad_time_noted = true;
            let what = format!("frame time of {ticks} ticks lies outside the years 0 to 9999");
            notes.issue(what, "this frame, and others like it, have no time");
        }
        let original_len = original_len.max(captured_len);
        let captured_len = captured_len as usize;
        Some(FrameBounds {
            at,
            link_type,
            start,
            captured_len,
            original_len,
        })
    }

    /// A simple packet has no time and no captured length: that follows from
    /// the original length and the snaplen of the first interface.
    fn simple_packet(
        &mut self,
        original_len: u32,
        body_len: usize,
        notes: &mut Notes<'_>,
    ) -> Option<FrameBounds> {
        let Some(interface) = self.interfaces.first() else {
            self.unknown_interface(0, notes);
            return None;
        };
        let snaplen = if interface.snaplen == 0 {
            u32::MAX
        } else {
            interface.snaplen
        };
        let captured_len = (original_len.min(snaplen) as usize).min(body_len);
        let link_type = interface.link_type;
        Some(FrameBounds {
            at: None,
            link_type,
            start: 12,
            captured_len,
            original_len,
        })
    }

    fn unknown_interface(&mut self, interface: u32, notes: &mut Notes<'_>) {
        notes.summary.frames += 1;
        if !self.bad_interface_noted {
            self.bad_interface_noted = true;
            let what =
                format!("frame of interface {interface}, which the section does not describe");
            notes.issue(what, "this frame, and others like it, are not read");
        }
    }

    /// Finds the next believable block: of a known type, with a possible
    /// length that stands at both its ends; a section header needs its byte
    /// order mark too.
    pub(super) fn resume(&self, view: &[u8], at_end: bool) -> Resume {
        for at in 0..view.len() {
            let Some(rest) = view.get(at..) else { break };
            if rest.len() < MIN_BLOCK_LEN {
                return Resume::From(if at_end { view.len() } else { at });
            }
            let mut there = PcapNg {
                big_endian: self.big_endian,
                ..Default::default()
            };
            let Some((kind, length)) = there.block_start(rest) else {
                continue;
            };
            let known = matches!(
                kind,
                EPB_MAGIC | SPB_MAGIC | OPB_MAGIC | IDB_MAGIC | SHB_MAGIC
            ) || is_passed_over(kind);
            if !known || length % 4 != 0 || !(MIN_BLOCK_LEN..=MAX_RESUME_LEN).contains(&length) {
                continue;
            }
            match there.trailing_length(rest, length) {
                Some(trailing) if trailing == length => return Resume::At(at),
                None if !at_end => return Resume::From(at),
                _ => {}
            }
        }
        Resume::From(view.len())
    }
}

/// Reads the records of a Name Resolution Block: an address in network order,
/// then names, each ended by a zero byte. Of several names the first is kept.
///
/// Spec: draft-ietf-opsawg-pcapng §4.5.
fn names(records: &[NameRecord<'_>], notes: &mut Notes<'_>) {
    notes.summary.name_resolution_blocks += 1;
    for record in records {
        let value = record.record_value;
        let split = match record.record_type {
            NameRecordType::Ipv4 => value
                .split_first_chunk::<4>()
                .map(|(address, names)| (IpAddr::from(*address), names)),
            NameRecordType::Ipv6 => value
                .split_first_chunk::<16>()
                .map(|(address, names)| (IpAddr::from(*address), names)),
            _ => None,
        };
        let Some((address, names)) = split else {
            continue;
        };
        let first = names.split(|byte| *byte == 0).next().unwrap_or_default();
        let name: String = String::from_utf8_lossy(first)
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_HOST_CHARS)
            .collect();
        if !name.is_empty() && notes.summary.names.len() < MAX_NAMES {
            notes.summary.names.push((address, name));
        }
    }
}

/// A DNS name has at most 253 characters (RFC 1035 §2.3.4).
const MAX_HOST_CHARS: usize = 253;

/// Characters kept of an interface name; Windows' are about 50.
const MAX_NAME_CHARS: usize = 128;

const ISB_IFRECV: u16 = 4;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;

/// Known blocks without a packet.
fn is_passed_over(kind: u32) -> bool {
    matches!(
        kind,
        NRB_MAGIC | ISB_MAGIC | SJE_MAGIC | DSB_MAGIC | CB_MAGIC | DCB_MAGIC
    )
}

/// A block above the limit: secrets, names, journals and custom data may be
/// large and can be passed over by their length; a packet cannot be.
fn oversized_block(kind: u32, length: usize) -> Step {
    if is_passed_over(kind) {
        return Step::PassOver(length as u64);
    }
    Step::Damaged(format!(
        "block of {length} bytes; {MAX_BLOCK_LEN} are possible"
    ))
}
