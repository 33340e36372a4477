//! IEEE 802.11 frames, bare or behind a header of the capturing driver.

use etherparse::EtherType;

use crate::bytes::{ErrorKind, ParseError, Reader};

use super::link::{llc_snap, tagged};

/// Bare 802.11.
pub(super) const LINKTYPE_IEEE802_11: u32 = 105;
/// 802.11 behind a Prism header of 144 bytes.
pub(super) const LINKTYPE_PRISM: u32 = 119;
/// 802.11 behind a radiotap header, which states its length.
pub(super) const LINKTYPE_RADIOTAP: u32 = 127;
/// 802.11 behind an AVS header, which states its length.
pub(super) const LINKTYPE_AVS: u32 = 163;

const PRISM_LEN: usize = 144;

/// The IP packet in an 802.11 frame of the given link type.
///
/// ```text
/// radiotap  | version 0 | pad | length u16 le | …
/// AVS       | version u32 be | length u32 be | …
/// ```
///
/// # Errors
///
/// `Truncated`; `Unsupported` for data that cannot be read: encrypted on the
/// air, or several packets aggregated in one frame.
pub(super) fn wireless(link_type: u32, frame: &[u8]) -> Result<Option<&[u8]>, ParseError> {
    const WHAT: &str = "802.11 capture header";
    let mut reader = Reader::new(frame);
    let header_len = match link_type {
        LINKTYPE_PRISM => PRISM_LEN,
        LINKTYPE_RADIOTAP => {
            let head = reader.array::<4>(WHAT)?;
            usize::from(u16::from_le_bytes([head[2], head[3]]))
        }
        LINKTYPE_AVS => {
            reader.skip(WHAT, 4)?;
            reader.u32_be(WHAT)? as usize
        }
        _ => 0,
    };
    let mut reader = Reader::new(frame);
    reader.skip(WHAT, header_len)?;
    let at = header_len as u64;
    data_frame(reader.rest()).map_err(|error| error.shifted(at))
}

/// A data frame: frame control, duration, three or four addresses with the
/// sequence control among them, QoS and HT control as the frame control says,
/// then LLC/SNAP. Management and control frames carry no packets.
///
/// Spec: IEEE 802.11-2020 §9.2.3, §9.3.2.
fn data_frame(frame: &[u8]) -> Result<Option<&[u8]>, ParseError> {
    const WHAT: &str = "802.11 header";
    const DATA: u8 = 2;
    let mut reader = Reader::new(frame);
    let [first, flags] = reader.array::<2>(WHAT)?;
    let (kind, subtype) = (first >> 2 & 3, first >> 4);
    let carries_nothing = subtype & 4 != 0;
    if kind != DATA || carries_nothing {
        return Ok(None);
    }
    let (to_ds, from_ds) = (flags & 1 != 0, flags & 2 != 0);
    reader.skip(WHAT, 22 + if to_ds && from_ds { 6 } else { 0 })?;
    let is_qos = subtype & 8 != 0;
    let mut is_aggregate = false;
    if is_qos {
        let [low, _] = reader.array::<2>(WHAT)?;
        is_aggregate = low & 0x80 != 0;
        if flags & 0x80 != 0 {
            reader.skip(WHAT, 4)?;
        }
    }
    let is_protected = flags & 0x40 != 0;
    if is_protected || is_aggregate {
        let what = if is_protected {
            "802.11 data encrypted on the air"
        } else {
            "several packets aggregated in one 802.11 frame (A-MSDU)"
        };
        let kind = ErrorKind::Unsupported(what.to_owned());
        return Err(ParseError {
            what: WHAT,
            at: 0,
            kind,
        });
    }
    match llc_snap(reader.rest()) {
        Some((kind, payload)) => tagged(EtherType(kind), payload),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00];

    /// A data frame with the given first bytes, `addresses` bytes behind the
    /// duration, and one byte of an IPv4 packet.
    fn frame(control: [u8; 2], between: usize) -> Vec<u8> {
        [&control[..], &vec![0; between], &SNAP, &[0x45]].concat()
    }

    #[test]
    fn data_frames_give_up_their_packet() {
        let ip = Ok(Some(&[0x45][..]));
        assert_eq!(wireless(105, &frame([0x08, 0x01], 22)), ip);
        // Four addresses; QoS; QoS with HT control.
        assert_eq!(wireless(105, &frame([0x08, 0x03], 28)), ip);
        assert_eq!(wireless(105, &frame([0x88, 0x02], 24)), ip);
        assert_eq!(wireless(105, &frame([0x88, 0x82], 28)), ip);
        let radiotap = [&[0, 0, 12, 0][..], &[0; 8], &frame([0x08, 0x01], 22)].concat();
        assert_eq!(wireless(127, &radiotap), ip);
        let avs = [
            &[0x80, 0x21, 0x10, 1, 0, 0, 0, 12][..],
            &[0; 4],
            &frame([0x08, 0x01], 22),
        ]
        .concat();
        assert_eq!(wireless(163, &avs), ip);
        let prism = [&[0; 144][..], &frame([0x08, 0x01], 22)].concat();
        assert_eq!(wireless(119, &prism), ip);
    }

    #[test]
    fn frames_without_data_carry_nothing() {
        assert_eq!(wireless(105, &frame([0x80, 0], 22)), Ok(None));
        assert_eq!(wireless(105, &[0xd4, 0, 0, 0]), Ok(None));
        assert_eq!(wireless(105, &[0x48, 1, 0, 0]), Ok(None));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let error = wireless(105, &frame([0x08, 0x41], 22)).unwrap_err();
        assert_eq!(
            error.kind,
            ErrorKind::Unsupported("802.11 data encrypted on the air".to_owned())
        );
        let mut aggregate = frame([0x88, 0x02], 24);
        aggregate[24] = 0x80;
        let error = wireless(105, &aggregate).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Unsupported(what) if what.contains("A-MSDU")));
        let error = wireless(127, &[0, 0, 60, 0, 0]).unwrap_err();
        assert_eq!(
            error.kind,
            ErrorKind::Truncated {
                needed: 60,
                left: 5
            }
        );
    }
}
