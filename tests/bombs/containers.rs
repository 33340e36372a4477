//! Zips, gzip, Zstandard and cabinets that expand without end.

use std::io::{Cursor, Write};

use flate2::{Compress, Compression, FlushCompress};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::{assert_issue, beside_good, good_certificate, good_crl, holds, project};

/// Above the floor below which no ratio is judged (64 MiB).
const LONG: usize = 68 << 20;

/// A capture of long frames of zeros.
pub fn zeros(length: usize) -> Vec<u8> {
    let mut capture = crate::capture_writer::Capture::new();
    for _ in 0..length / 60_000 {
        capture.packet(&[0; 60_000]);
    }
    capture.bytes().to_vec()
}

fn pack(members: &[(&str, &[u8])]) -> Vec<u8> {
    let method = CompressionMethod::Deflated;
    let options = SimpleFileOptions::default().compression_method(method);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_member_of_zeros_ends_at_the_ratio_and_its_neighbor_is_read() {
    let packed = pack(&[("a.pcap", &zeros(LONG)), ("b.crl", &good_crl())]);
    assert!(packed.len() < LONG / 500);
    let explained = beside_good(&[("bomb.zip", packed)]);
    assert_issue(&explained, "100 times");
    assert!(holds(&explained, &good_crl()));
}

#[test]
fn a_zip_in_zips_without_end_is_left_closed_and_its_neighbors_are_read() {
    let mut nested = pack(&[("deepest.der", b"0\0")]);
    for _ in 0..40 {
        nested = pack(&[("inner.zip", &nested), ("b.crl", &good_crl())]);
    }
    let explained = beside_good(&[("bomb.zip", nested)]);
    assert_issue(&explained, "4 zips deep");
    assert!(holds(&explained, &good_crl()));
}

#[test]
fn a_zip_of_zips_of_zeros_is_not_unfolded() {
    let inner = pack(&[("a.pcap", &zeros(LONG))]);
    let many: Vec<String> = (0..60).map(|number| format!("{number}.zip")).collect();
    let members: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &*inner)).collect();
    let whole = pack(&members);
    assert!(whole.len() < 1 << 20, "60 times 80 MiB in one");
    let explained = beside_good(&[("bomb.zip", whole)]);
    assert_issue(&explained, "100 times");
}

#[test]
fn a_gzip_of_zeros_ends_at_the_ratio() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(&zeros(LONG)).unwrap();
    let explained = beside_good(&[("a.pcap.gz", packer.finish().unwrap())]);
    assert_issue(&explained, "100 times");
}

/// A Zstandard frame of blocks that repeat one byte (RFC 8878 §3.1.1.2), the
/// first bytes plain.
fn zstd(first: &[u8], blocks: usize) -> Vec<u8> {
    const BLOCK: u32 = 128 << 10;
    // No checksum, no declared size, a window of 128 KiB.
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0, 0x38];
    let header = |last: bool, kind: u32, size: u32| {
        let [a, b, c, _] = (u32::from(last) | kind << 1 | size << 3).to_le_bytes();
        [a, b, c]
    };
    frame.extend(header(false, 0, u32::try_from(first.len()).unwrap()));
    frame.extend(first);
    for number in 1..=blocks {
        frame.extend(header(number == blocks, 1, BLOCK));
        frame.push(0);
    }
    frame
}

/// What a Zstandard bomb begins with: the first block of a pcapng, and an
/// unknown one that claims the most there is.
fn long_record() -> Vec<u8> {
    let section = [
        &[0x0A, 0x0D, 0x0D, 0x0A, 28, 0, 0, 0][..],
        &[0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0],
        &[0xFF; 8],
        &[28, 0, 0, 0],
    ];
    [
        &section.concat()[..],
        &[0x0B, 0, 0, 0, 0xF0, 0xFF, 0xFF, 0x7F],
    ]
    .concat()
}

#[test]
fn a_zstandard_of_zeros_ends_at_the_ratio() {
    let bomb = zstd(&long_record(), LONG / (128 << 10));
    assert!(bomb.len() < 4096);
    let explained = beside_good(&[("a.pcap.zst", bomb)]);
    assert_issue(&explained, "100 times");
}

/// A cabinet of one folder of MSZIP blocks, each 32 KiB of zeros, and a file
/// that claims all of it. [MS-CAB] 2.
fn cabinet(blocks: u16, claimed: u32) -> Vec<u8> {
    let mut packer = Compress::new(Compression::best(), false);
    let mut deflated = Vec::with_capacity(4096);
    packer
        .compress_vec(&[0; 32_768], &mut deflated, FlushCompress::Finish)
        .unwrap();
    let data = [b"CK".as_slice(), &deflated].concat();
    let word = |number: usize| u16::try_from(number).unwrap().to_le_bytes();
    let long = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    let name = b"authroot.stl\0";
    let (folder_at, file_at) = (36, 44);
    let data_at = file_at + 16 + name.len();
    let size = data_at + usize::from(blocks) * (8 + data.len());
    let mut bytes = [b"MSCF".as_slice(), &[0; 4], &long(size), &[0; 4]].concat();
    bytes.extend([long(file_at), [0; 4]].concat());
    bytes.extend([3, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes.len(), folder_at);
    bytes.extend([&long(data_at)[..], &blocks.to_le_bytes(), &[1, 0]].concat());
    bytes.extend([&claimed.to_le_bytes()[..], &[0; 12], name].concat());
    for _ in 0..blocks {
        // No checksum: it is not looked at.
        bytes.extend([0; 4]);
        bytes.extend([word(data.len()), word(32_768)].concat());
        bytes.extend(&data);
    }
    bytes
}

#[test]
fn a_cabinet_expands_as_far_as_its_limit() {
    // 65,535 blocks would be 2 GiB.
    let bomb = cabinet(u16::MAX, u32::MAX);
    assert!(bomb.len() < 5 << 20, "{}", bomb.len());
    let explained = beside_good(&[("authroot.cab", bomb)]);
    assert_issue(&explained, "67108864");
}

#[test]
fn a_good_cabinet_beside_a_bomb_is_read() {
    let good = std::fs::read(project("tests/data/pki/ctl-limits.cab")).unwrap();
    let explained = beside_good(&[("bomb.cab", cabinet(3000, 1)), ("good.cab", good)]);
    let is_list = |kind: &whychain::pki::Artifact| matches!(kind, whychain::pki::Artifact::Ctl(_));
    let artifacts = &explained.case.artifacts;
    assert!(artifacts.iter().any(|one| is_list(&one.artifact)));
    assert!(!good_certificate().is_empty());
}
