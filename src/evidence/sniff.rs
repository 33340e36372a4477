//! Tells what a file is by its first bytes, never by its name.

use super::EvidenceKind;
use super::packing::{Packing, unpacked_head};
use super::sniff_object;
use super::sniff_text;

/// What the first bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sniffed {
    /// The kind; of a compressed file, the kind of what it holds.
    pub kind: EvidenceKind,
    /// How it is compressed as a whole.
    pub packing: Option<Packing>,
    /// For a known form that we do not read: what it is, and what to do.
    pub unreadable: Option<Unreadable>,
}

/// A known form that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// What it is: completes "it is …".
    pub what: &'static str,
    /// What the user can do about it.
    pub hint: &'static str,
}

impl Sniffed {
    fn of(kind: EvidenceKind) -> Self {
        Sniffed {
            kind,
            packing: None,
            unreadable: None,
        }
    }

    fn unreadable(what: &'static str, hint: &'static str) -> Self {
        let unreadable = Some(Unreadable { what, hint });
        Sniffed {
            kind: EvidenceKind::Other,
            packing: None,
            unreadable,
        }
    }
}

/// Tells what a file of `size` bytes is by its first [`SNIFF_LEN`](super::SNIFF_LEN) bytes.
#[must_use]
pub fn sniff(head: &[u8], size: u64) -> Sniffed {
    if let Some(packing) = Packing::of(head) {
        return inside(packing, head);
    }
    if let Some(kind) = by_magic(head).or_else(|| sniff_object::object_kind(head, size)) {
        return Sniffed::of(kind);
    }
    for (magic, at, what, hint) in UNREADABLE {
        if head.get(*at..).is_some_and(|rest| rest.starts_with(magic)) {
            return Sniffed::unreadable(what, hint);
        }
    }
    if is_etl(head) {
        return Sniffed::unreadable("an ETW trace (.etl)", ETL_HINT);
    }
    if is_disk_image(head) {
        return Sniffed::unreadable("a disk image", IMAGE_HINT);
    }
    Sniffed::of(sniff_text::text_kind(head).unwrap_or(EvidenceKind::Other))
}

fn by_magic(head: &[u8]) -> Option<EvidenceKind> {
    let (magic, rest) = head.split_first_chunk::<4>()?;
    let kind = match magic {
        // Microseconds, nanoseconds, and Kuznetzov's longer record header, in
        // both byte orders (draft-ietf-opsawg-pcap §4; libpcap savefile.c).
        b"\xa1\xb2\xc3\xd4" | b"\xd4\xc3\xb2\xa1" | b"\xa1\xb2\x3c\x4d" | b"\x4d\x3c\xb2\xa1"
        | b"\xa1\xb2\xcd\x34" | b"\x34\xcd\xb2\xa1" => EvidenceKind::Pcap,
        // Section Header Block: the same in both orders; then the order's magic.
        b"\x0a\x0d\x0d\x0a" => {
            let order = rest.get(4..8)?;
            let known = order == b"\x1a\x2b\x3c\x4d" || order == b"\x4d\x3c\x2b\x1a";
            return known.then_some(EvidenceKind::Pcapng);
        }
        b"PK\x03\x04" | b"PK\x05\x06" => EvidenceKind::Zip,
        // A split archive's marker; ours are in one piece nevertheless.
        b"PK\x07\x08" | b"PK00" if rest.starts_with(b"PK\x03\x04") => EvidenceKind::Zip,
        b"ElfF" if rest.starts_with(b"ile\0") => EvidenceKind::Evtx,
        b"regf" => EvidenceKind::Hive,
        // A serialized store (.sst): version 0, then CERT.
        b"\0\0\0\0" if rest.starts_with(b"CERT") => EvidenceKind::Certificate,
        // cbHeader of 112 or 24, then the constant of every `MetaData` file.
        [0x70 | 0x18, 0, 0, 0] if rest.starts_with(b"\x01\x01\x02\x20") => {
            EvidenceKind::CryptnetCache
        }
        _ => return None,
    };
    Some(kind)
}

/// The kind of what a compressed file holds, told by its first unpacked bytes.
fn inside(packing: Packing, head: &[u8]) -> Sniffed {
    let inner = unpacked_head(packing, head);
    let kind = by_magic(&inner).or_else(|| sniff_text::text_kind(&inner));
    match kind {
        Some(kind) if kind != EvidenceKind::Zip => Sniffed {
            kind,
            packing: Some(packing),
            unreadable: None,
        },
        _ => Sniffed::unreadable(
            match packing {
                Packing::Gzip => "a gzip file that holds no capture or log",
                Packing::Zstd => "a zstd file that holds no capture or log",
            },
            UNPACK_HINT,
        ),
    }
}

const UNPACK_HINT: &str = "unpack it and hand over the folder";
const NETMON_HINT: &str = "convert it: editcap -F pcapng IN OUT (Wireshark)";
const IMAGE_HINT: &str = "mount it or export the files (arsenal image mounter, 7z, ewfmount), \
                          and hand over the folder";
const ETL_HINT: &str = "convert it: pktmon etl2pcap IN.etl --out OUT.pcapng, or etl2pcapng IN OUT";

/// Known forms that we do not read: magic, where it stands, name, advice.
/// Sources: the formats' own documents and Wireshark's wiretap.
const UNREADABLE: &[(&[u8], usize, &str, &str)] = &[
    (b"GMBU", 0, "a Network Monitor 2 capture", NETMON_HINT),
    (b"RTSS", 0, "a Network Monitor 1 capture", NETMON_HINT),
    (b"snoop\0\0\0", 0, "a snoop capture", NETMON_HINT),
    (b"XCP\0", 0, "a NetXray capture", NETMON_HINT),
    (b"TRSNIFF data", 0, "a Sniffer capture", NETMON_HINT),
    (b"7z\xbc\xaf\x27\x1c", 0, "a 7-Zip archive", UNPACK_HINT),
    (b"Rar!\x1a\x07", 0, "a RAR archive", UNPACK_HINT),
    (b"\xfd7zXZ\0", 0, "an xz file", UNPACK_HINT),
    (b"BZh", 0, "a bzip2 file", UNPACK_HINT),
    (b"\x04\x22\x4d\x18", 0, "an lz4 file", UNPACK_HINT),
    (b"ustar", 257, "a tar archive", UNPACK_HINT),
    (
        b"MSCF",
        0,
        "a cabinet without a trust list",
        "expand it: expand IN.cab -F:* FOLDER",
    ),
    (
        b"EVF\x09\x0d\x0a\xff\0",
        0,
        "an EnCase image (E01)",
        IMAGE_HINT,
    ),
    (
        b"EVF2\x0d\x0a\x81\0",
        0,
        "an EnCase image (Ex01)",
        IMAGE_HINT,
    ),
    (
        b"LVF\x09\x0d\x0a\xff\0",
        0,
        "an EnCase logical image (L01)",
        IMAGE_HINT,
    ),
    (
        b"ADSEGMENTEDFILE",
        0,
        "an AccessData image (AD1)",
        IMAGE_HINT,
    ),
    (b"KDMV", 0, "a virtual disk (VMDK)", IMAGE_HINT),
    (
        b"# Disk DescriptorFile",
        0,
        "a virtual disk (VMDK)",
        IMAGE_HINT,
    ),
    (b"conectix", 0, "a virtual disk (VHD)", IMAGE_HINT),
    (b"vhdxfile", 0, "a virtual disk (VHDX)", IMAGE_HINT),
    (b"QFI\xfb", 0, "a virtual disk (QCOW2)", IMAGE_HINT),
    (b"<<< Oracle VM", 0, "a virtual disk (VDI)", IMAGE_HINT),
    (
        b"MDMP",
        0,
        "a memory dump",
        "collect the CryptnetUrlCache folders or a capture instead",
    ),
    (
        b"PAGEDU",
        0,
        "a memory dump",
        "collect the CryptnetUrlCache folders or a capture instead",
    ),
];

/// A raw image: a boot sector of NTFS or FAT, or a partitioned disk, which has
/// a boot signature and a plausible first partition or a GPT header.
fn is_disk_image(head: &[u8]) -> bool {
    let at = |at: usize, magic: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(magic));
    let active = matches!(head.get(446), Some(0 | 0x80)) && head.get(450).is_some_and(|t| *t != 0);
    at(510, b"\x55\xaa") && (at(3, b"NTFS    ") || at(82, b"FAT32") || active)
        || at(512, b"EFI PART")
}

/// An event trace: a buffer header of 72 bytes, whose first field is the size
/// of a buffer, then the trace's own event header, marked 0xC0.
///
/// ```text
/// 0             72        74     75
/// | BufferSize … | Version | Type | Flags …
/// ```
///
/// `Type` is 1 in traces of 32-bit systems and 2 of 64-bit ones. Source: the
/// `WMI_BUFFER_HEADER` and `SYSTEM_TRACE_HEADER` structures of ntwmi.h.
fn is_etl(head: &[u8]) -> bool {
    let size = head
        .first_chunk()
        .map_or(0, |size| u32::from_le_bytes(*size));
    let sized = size.is_multiple_of(1024) && (1..=(16 << 20)).contains(&size);
    sized && matches!(head.get(74..76), Some([1 | 2, 0xc0]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::io::Write as _;

    fn kind(head: &[u8]) -> EvidenceKind {
        sniff(head, head.len() as u64).kind
    }

    #[test]
    fn every_pcap_magic_is_known_in_both_orders() {
        for magic in [0xa1b2_c3d4_u32, 0xa1b2_3c4d, 0xa1b2_cd34] {
            assert_eq!(kind(&magic.to_be_bytes()), EvidenceKind::Pcap);
            assert_eq!(kind(&magic.to_le_bytes()), EvidenceKind::Pcap);
        }
        assert_eq!(
            kind(b"\x0a\x0d\x0d\x0a\0\0\0\x1c\x1a\x2b\x3c\x4d"),
            EvidenceKind::Pcapng
        );
        assert_eq!(
            kind(b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a"),
            EvidenceKind::Pcapng
        );
        assert_eq!(kind(b"\x0a\x0d\x0d\x0asome text"), EvidenceKind::Other);
    }

    #[test]
    fn a_gzip_file_is_what_it_holds() {
        let pack = |bytes: &[u8]| {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            writer.write_all(bytes).unwrap();
            writer.finish().unwrap()
        };
        let capture = pack(b"\xd4\xc3\xb2\xa1\x02\0\x04\0");
        let sniffed = sniff(&capture, 100);
        assert!(sniffed.packing == Some(Packing::Gzip) && sniffed.kind == EvidenceKind::Pcap);
        let sniffed = sniff(&pack(&[7; 9000]), 100);
        assert_eq!(sniffed.unreadable.unwrap().hint, UNPACK_HINT);
    }

    #[test]
    fn windows_files_are_told_by_magic() {
        assert_eq!(kind(b"ElfFile\0rest"), EvidenceKind::Evtx);
        assert_eq!(kind(b"regf\x01\0\0\0"), EvidenceKind::Hive);
        assert_eq!(
            kind(b"\x70\0\0\0\x01\x01\x02\x20"),
            EvidenceKind::CryptnetCache
        );
        assert_eq!(
            kind(b"\x18\0\0\0\x01\x01\x02\x20"),
            EvidenceKind::CryptnetCache
        );
    }

    #[test]
    fn known_forms_that_are_not_read_say_how_to_convert_them() {
        let what = |head: &[u8]| {
            sniff(head, head.len() as u64)
                .unreadable
                .map(|form| form.what)
        };
        assert_eq!(what(b"GMBU\0\x02"), Some("a Network Monitor 2 capture"));
        assert_eq!(
            what(b"EVF\x09\x0d\x0a\xff\0"),
            Some("an EnCase image (E01)")
        );
        let mut trace = vec![0; 128];
        trace[..4].copy_from_slice(&0x1_0000_u32.to_le_bytes());
        trace[72..76].copy_from_slice(&[2, 0, 2, 0xc0]);
        assert_eq!(what(&trace), Some("an ETW trace (.etl)"));
        let mut disk = vec![0; 1024];
        disk[450] = 7;
        disk[510..512].copy_from_slice(b"\x55\xaa");
        assert_eq!(what(&disk), Some("a disk image"));
        assert_eq!(what(&[0; 4096]), None);
    }
}
