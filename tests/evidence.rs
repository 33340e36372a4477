//! Finds and reads files, folders and zips, sound, odd and hostile ones.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use sha2::{Digest as _, Sha256};
use whychain::evidence::{
    Discovery, EvidenceKind, Finish, Limits, Located, OpenOptions, Packing, discover,
};
use zip::unstable::write::FileOptionsExt as _;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{AesMode, CompressionMethod};

const PCAP: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0";

/// A capture header, then bytes that do not compress and differ everywhere.
fn big_capture(len: usize) -> Vec<u8> {
    let mut bytes = PCAP.to_vec();
    let mut state = 1_u64;
    while bytes.len() < len {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        bytes.extend((state >> 16).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

fn pack(members: &[(&str, &[u8])], options: SimpleFileOptions) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn deflated() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)
}

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

fn find(paths: &[PathBuf]) -> Discovery {
    discover(paths, &OpenOptions::default())
}

/// Reads through a stream and ends the run.
fn read(mut found: Discovery, file: &Located) -> (Vec<u8>, Finish) {
    let mut bytes = Vec::new();
    if let Some(mut stream) = found.inputs.open(file) {
        while let Ok(Some(chunk)) = stream.next_chunk() {
            bytes.extend_from_slice(&chunk);
        }
        found.inputs.close(stream);
    }
    (bytes, found.inputs.finish())
}

fn sha256(bytes: &[u8]) -> Option<[u8; 32]> {
    Some(Sha256::digest(bytes).into())
}

fn whats(finish: &Finish) -> Vec<&str> {
    finish
        .issues
        .iter()
        .map(|issue| issue.what.as_str())
        .collect()
}

#[test]
fn a_large_capture_comes_in_chunks_and_is_hashed() {
    let folder = tempfile::tempdir().unwrap();
    let capture = big_capture(3_000_001);
    let path = write(folder.path(), "a.bin", &capture);
    let found = find(&[path]);
    let file = found.files[0].clone();
    assert_eq!((file.kind, file.size), (EvidenceKind::Pcap, 3_000_001));
    let (bytes, finish) = read(found, &file);
    assert!(bytes == capture);
    assert_eq!(finish.records[0].sha256, sha256(&capture));
    assert_eq!(finish.issues, []);
}

#[test]
fn a_stream_ended_early_is_hashed_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let capture = big_capture(1_000_000);
    let mut found = find(&[write(folder.path(), "a.pcap", &capture)]);
    let mut stream = found.inputs.open(&found.files[0]).unwrap();
    assert!(stream.next_chunk().unwrap().is_some());
    found.inputs.close(stream);
    let finish = found.inputs.finish();
    assert_eq!(finish.records[0].sha256, sha256(&capture));
}

#[test]
fn a_zstd_capture_gives_unpacked_bytes_and_the_hash_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let capture = big_capture(300_000);
    let packed = compress_to_vec(capture.as_slice(), CompressionLevel::Fastest);
    for (name, options) in [("a.pcap.zst", None), ("a.zip", Some(stored()))] {
        let file = options.map(|options| pack(&[("a.pcap.zst", &packed)], options));
        let path = write(folder.path(), name, file.as_ref().unwrap_or(&packed));
        let found = find(&[path]);
        let file = found.files.last().unwrap().clone();
        assert_eq!(
            (file.packing, file.kind),
            (Some(Packing::Zstd), EvidenceKind::Pcap)
        );
        let (bytes, finish) = read(found, &file);
        assert!(bytes == capture);
        assert_eq!(finish.records.last().unwrap().sha256, sha256(&packed));
        assert_eq!(finish.issues, []);
    }
}

#[test]
fn a_gzip_capture_gives_inflated_bytes_and_the_hash_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let capture = big_capture(700_000);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&capture).unwrap();
    let packed = packer.finish().unwrap();
    let found = find(&[write(folder.path(), "a.pcap.gz", &packed)]);
    let file = found.files[0].clone();
    assert_eq!(file.packing, Some(Packing::Gzip));
    let (bytes, finish) = read(found, &file);
    assert!(bytes == capture);
    assert_eq!(finish.records[0].sha256, sha256(&packed));
    assert_eq!(finish.records[0].size, packed.len() as u64);

    let cut = &packed[..packed.len() / 2];
    let found = find(&[write(folder.path(), "cut.pcap.gz", cut)]);
    let file = found.files[0].clone();
    let (bytes, finish) = read(found, &file);
    assert!(capture.starts_with(&bytes) && bytes.len() > 300_000);
    // The file itself could be read to its end.
    assert_eq!(finish.records[0].sha256, sha256(cut));
    assert_eq!(finish.issues.len(), 1);
}

#[test]
fn members_of_a_zip_are_told_read_and_hashed_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let capture = big_capture(900_000);
    let packed = pack(
        &[
            ("b/trace", &capture),
            ("a.evtx", b"ElfFile\0rest"),
            ("c.txt", b"nothing"),
        ],
        deflated(),
    );
    let path = write(folder.path(), "case.zip", &packed);
    let found = find(std::slice::from_ref(&path));
    let listed: Vec<_> = found
        .files
        .iter()
        .map(|file| (file.member.as_deref(), file.kind))
        .collect();
    assert_eq!(
        listed,
        [
            (None, EvidenceKind::Zip),
            (Some("a.evtx"), EvidenceKind::Evtx),
            (Some("b/trace"), EvidenceKind::Pcap),
            (Some("c.txt"), EvidenceKind::Other),
        ]
    );
    let file = found.files[2].clone();
    assert_eq!(file.hand_over, path.to_string_lossy());
    let (bytes, finish) = read(found, &file);
    assert!(bytes == capture);
    // The zip itself and the one member that was used.
    let hashes: Vec<_> = finish.records.iter().map(|record| record.sha256).collect();
    assert_eq!(hashes, [sha256(&packed), sha256(&capture)]);
    assert_eq!(finish.issues, []);
}

#[test]
fn zips_in_zips_are_opened_to_the_named_depth() {
    let folder = tempfile::tempdir().unwrap();
    let innermost = pack(&[("too-deep.pcap", PCAP)], deflated());
    let third = pack(&[("x.pcap", PCAP), ("fourth.zip", &innermost)], deflated());
    let second = pack(&[("third.zip", &third)], stored());
    let first = pack(&[("second.zip", &second)], deflated());
    let found = find(&[write(folder.path(), "first.zip", &first)]);
    let members: Vec<_> = found
        .files
        .iter()
        .filter_map(|file| file.member.clone())
        .collect();
    assert_eq!(
        members,
        [
            "second.zip",
            "second.zip/third.zip",
            "second.zip/third.zip/fourth.zip",
            "second.zip/third.zip/x.pcap"
        ]
    );
    let file = found.files[4].clone();
    let (bytes, finish) = read(found, &file);
    assert_eq!(bytes, PCAP);
    assert_eq!(
        whats(&finish),
        [
            "1 of its members is a zip 4 zips deep, which is not looked into: \
          second.zip/third.zip/fourth.zip"
        ]
    );
    let hashes: Vec<_> = finish.records.iter().map(|record| record.sha256).collect();
    assert_eq!(
        hashes,
        [
            sha256(&first),
            sha256(&second),
            sha256(&third),
            sha256(PCAP)
        ]
    );
}

#[test]
fn encrypted_members_are_read_with_the_password_only() {
    let folder = tempfile::tempdir().unwrap();
    for (name, options) in [
        (
            "aes.zip",
            deflated().with_aes_encryption(AesMode::Aes256, "infected"),
        ),
        (
            "crypto.zip",
            deflated().with_deprecated_encryption(b"infected").unwrap(),
        ),
    ] {
        let packed = pack(&[("a.pcap", PCAP), ("b.pcap", PCAP)], options);
        let path = write(folder.path(), name, &packed);
        let found = find(std::slice::from_ref(&path));
        assert_eq!(found.recognized(), 0);
        let finish = found.inputs.finish();
        assert_eq!(
            whats(&finish),
            [
                "2 of its members cannot be opened (encrypted, and no password was given): \
              a.pcap, b.pcap"
            ]
        );
        assert!(finish.issues[0].effect.contains("--password"));
        let options = OpenOptions {
            password: Some("infected".into()),
            ..OpenOptions::default()
        };
        let found = discover(&[path], &options);
        let file = found.files[1].clone();
        let (bytes, finish) = read(found, &file);
        assert_eq!((bytes.as_slice(), finish.issues.len()), (PCAP, 0));
    }
}

#[test]
fn a_wrong_password_is_said_to_be_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let options = deflated().with_aes_encryption(AesMode::Aes128, "infected");
    let path = write(
        folder.path(),
        "aes.zip",
        &pack(&[("a.pcap", PCAP)], options),
    );
    let options = OpenOptions {
        password: Some("other".into()),
        ..OpenOptions::default()
    };
    let finish = discover(&[path], &options).inputs.finish();
    assert_eq!(
        whats(&finish),
        ["1 of its members cannot be opened (encrypted, and the password is not right): a.pcap"]
    );
}

#[test]
fn members_of_one_name_are_two_members() {
    let folder = tempfile::tempdir().unwrap();
    let mut packed = pack(
        &[("same.bin", PCAP), ("sbme.bin", b"ElfFile\0")],
        deflated(),
    );
    // Rename the second in both headers.
    for at in 0..packed.len() - 4 {
        if packed[at..].starts_with(b"sbme") {
            packed[at + 1] = b'a';
        }
    }
    let found = find(&[write(folder.path(), "twice.zip", &packed)]);
    let listed: Vec<_> = found
        .files
        .iter()
        .skip(1)
        .map(|file| (file.member.clone().unwrap(), file.kind))
        .collect();
    assert_eq!(
        listed,
        [
            ("same.bin".to_owned(), EvidenceKind::Pcap),
            ("same.bin (copy 2)".to_owned(), EvidenceKind::Evtx)
        ]
    );
    assert_eq!(found.files[1].logical, found.files[2].logical);
}

#[test]
fn names_that_climb_out_are_only_names() {
    let folder = tempfile::tempdir().unwrap();
    let packed = pack(
        &[("../../x.pcap", PCAP), ("C:\\Windows\\y.pcap", PCAP)],
        stored(),
    );
    let found = find(&[write(folder.path(), "climb.zip", &packed)]);
    let logical: Vec<_> = found
        .files
        .iter()
        .skip(1)
        .map(|file| &file.logical)
        .collect();
    assert!(logical[0].ends_with("climb.zip/../../x.pcap"));
    assert!(logical[1].ends_with("climb.zip/C:/Windows/y.pcap"));
    assert_eq!(
        found.files[2].member.as_deref(),
        Some("C:\\Windows\\y.pcap")
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Changes a field of the first entry's header in the list of entries.
fn patch_list(packed: &mut [u8], offset: usize, value: &[u8]) {
    let at = packed
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .unwrap()
        + offset;
    packed[at..at + value.len()].copy_from_slice(value);
}

#[test]
fn a_member_that_lies_about_its_size_is_used_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    for (name, len) in [("small.zip", 1000_u32), ("large.zip", 9_000_000)] {
        let capture = big_capture(500_000);
        let mut packed = pack(&[("a.pcap", &capture)], deflated());
        patch_list(&mut packed, 24, &len.to_le_bytes());
        let found = find(&[write(folder.path(), name, &packed)]);
        let file = found.files[1].clone();
        let (bytes, finish) = read(found, &file);
        assert!(
            capture.starts_with(&bytes) && bytes.len() >= 1000,
            "{name}: {}",
            bytes.len()
        );
        assert_eq!(finish.issues.len(), 1, "{:?}", finish.issues);
        assert_eq!(finish.records[1].sha256, None);
    }
}

#[test]
fn a_member_with_a_bad_checksum_is_read_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut packed = pack(&[("a.pcap", PCAP)], stored());
    patch_list(&mut packed, 16, &[1, 2, 3, 4]);
    let found = find(&[write(folder.path(), "crc.zip", &packed)]);
    let file = found.files[1].clone();
    let (bytes, finish) = read(found, &file);
    assert_eq!(bytes, PCAP);
    assert_eq!(finish.records[1].sha256, None);
    assert!(
        finish.issues[0].what.contains("checksum"),
        "{:?}",
        finish.issues
    );
}

#[test]
fn entries_that_share_bytes_end_at_the_ratio_of_the_whole_zip() {
    let folder = tempfile::tempdir().unwrap();
    let mut zeros = PCAP.to_vec();
    zeros.resize(1 << 20, 0);
    // Each member stays below the floor, together they do not.
    let names: Vec<String> = (0..9).map(|number| format!("{number}.pcap")).collect();
    let members: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), zeros.as_slice()))
        .collect();
    let path = write(folder.path(), "shared.zip", &pack(&members, deflated()));
    let limits = Limits {
        ratio_floor: 2 << 20,
        ..Limits::default()
    };
    let mut found = discover(
        &[path],
        &OpenOptions {
            limits,
            ..OpenOptions::default()
        },
    );
    let mut read = 0;
    for file in found.files.clone().iter().skip(1) {
        let Some(mut stream) = found.inputs.open(file) else {
            continue;
        };
        while let Ok(Some(chunk)) = stream.next_chunk() {
            read += chunk.len();
        }
        found.inputs.close(stream);
    }
    assert!(read < 6 << 20, "{read}");
    let issues = found.inputs.finish().issues;
    let why = "the hand-over inflates more than 100 times";
    assert!(
        issues.iter().any(|issue| issue.what.contains(why)),
        "{issues:?}"
    );
}

#[test]
fn a_member_that_declares_far_too_many_bytes_is_read_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut packed = pack(&[("a.pcap", PCAP)], stored());
    patch_list(&mut packed, 24, &[0xf0, 0xff, 0xff, 0xff]);
    let mut found = find(&[write(folder.path(), "size.zip", &packed)]);
    let file = found.files[1].clone();
    let small = found.inputs.read_small(&file, 1 << 20).unwrap();
    assert_eq!((&*small.bytes, small.complete), (PCAP, false));
    let issues = found.inputs.finish().issues;
    assert!(
        issues[0].what.contains("declares 4294967280 bytes"),
        "{issues:?}"
    );
}

#[test]
fn entries_that_share_bytes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut packed = pack(&[("a.pcap", PCAP), ("b.pcap", PCAP)], stored());
    // Both entries of the list point at the first member's header.
    let second = packed
        .windows(4)
        .rposition(|four| four == b"PK\x01\x02")
        .unwrap();
    packed[second + 42..second + 46].copy_from_slice(&[0; 4]);
    let found = find(&[write(folder.path(), "overlap.zip", &packed)]);
    assert_eq!(found.recognized(), 2);
    let finish = found.inputs.finish();
    assert!(
        finish.issues[0]
            .what
            .contains("1 of its entries share bytes"),
        "{:?}",
        finish.issues
    );
}

#[test]
fn a_bomb_stops_at_the_ratio_and_at_the_total() {
    let folder = tempfile::tempdir().unwrap();
    let mut zeros = PCAP.to_vec();
    zeros.resize(4 << 20, 0);
    let path = write(
        folder.path(),
        "bomb.zip",
        &pack(&[("a.pcap", &zeros)], deflated()),
    );
    for (limits, why) in [
        (
            Limits {
                ratio_floor: 1 << 20,
                ..Limits::default()
            },
            "100 times",
        ),
        (
            Limits {
                inflated_total: 1 << 20,
                ..Limits::default()
            },
            "the hand-over inflates",
        ),
        (
            Limits {
                member_len: 1 << 20,
                ..Limits::default()
            },
            "limit of 1048576",
        ),
    ] {
        let options = OpenOptions {
            limits,
            ..OpenOptions::default()
        };
        let found = discover(std::slice::from_ref(&path), &options);
        let file = found.files[1].clone();
        let (bytes, finish) = read(found, &file);
        assert!(bytes.len() <= 2 << 20);
        assert!(finish.issues[0].what.contains(why), "{:?}", finish.issues);
    }
}

#[test]
fn a_zip_cut_short_gives_the_members_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let capture = big_capture(400_000);
    let packed = pack(
        &[("a.pcap", PCAP), ("b.pcap", &capture), ("c.pcap", PCAP)],
        deflated(),
    );
    let found = find(&[write(folder.path(), "cut.zip", &packed[..200_000])]);
    let members: Vec<_> = found
        .files
        .iter()
        .filter_map(|file| file.member.clone())
        .collect();
    assert_eq!(members, ["a.pcap", "b.pcap"]);
    let file = found.files[2].clone();
    let (bytes, finish) = read(found, &file);
    assert!(
        capture.starts_with(&bytes) && bytes.len() > 100_000,
        "{}",
        bytes.len()
    );
    assert_eq!(finish.issues.len(), 2, "{:?}", finish.issues);
}

#[test]
fn a_list_that_breaks_off_hides_no_member() {
    let folder = tempfile::tempdir().unwrap();
    let mut packed = pack(
        &[("a.pcap", PCAP), ("b.pcap", PCAP), ("c.pcap", PCAP)],
        deflated(),
    );
    let mut headers = (0..packed.len()).filter(|at| packed[*at..].starts_with(b"PK\x01\x02"));
    let second = headers.nth(1).unwrap();
    packed[second] = 0;
    let found = find(&[write(folder.path(), "broken.zip", &packed)]);
    let members: Vec<_> = found
        .files
        .iter()
        .filter_map(|file| file.member.clone())
        .collect();
    assert_eq!(members, ["a.pcap", "b.pcap", "c.pcap"]);
    let finish = found.inputs.finish();
    assert!(
        finish.issues[0].what.ends_with(
            "entry 2 of 3: no header where one should be; 2 members were found by their own headers"
        ),
        "{:?}",
        finish.issues
    );
}

#[test]
fn members_written_to_a_pipe_are_found_without_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let capture = big_capture(100_000);
    let mut writer = ZipWriter::new_stream(Vec::new());
    for name in ["a.pcap", "b.pcap"] {
        writer.start_file(name, deflated()).unwrap();
        writer.write_all(&capture).unwrap();
    }
    let packed = writer.finish().unwrap().into_inner();
    let cut = packed.len() - 100;
    let found = find(&[write(folder.path(), "pipe.zip", &packed[..cut])]);
    assert_eq!(found.files.len(), 3, "{:?}", found.inputs.issues());
    for number in 1..3 {
        let file = found.files[number].clone();
        let again = find(&[folder.path().join("pipe.zip")]);
        let (bytes, finish) = read(again, &file);
        assert!(bytes == capture);
        assert_eq!(finish.records[1].sha256, sha256(&capture));
        assert_eq!(finish.issues.len(), 1, "{:?}", finish.issues);
    }
}

#[test]
fn a_small_file_above_its_limit_is_named_and_still_hashed() {
    let folder = tempfile::tempdir().unwrap();
    let mut found = find(&[write(folder.path(), "a.log", b"<![LOG[0123456789")]);
    assert_eq!(found.files[0].kind, EvidenceKind::CmLog);
    let file = found.files[0].clone();
    assert!(found.inputs.read_small(&file, 8).is_none());
    let finish = found.inputs.finish();
    assert!(
        finish.issues[0]
            .what
            .ends_with("is longer than the 8 bytes read of such files")
    );
    assert_eq!(finish.records[0].sha256, sha256(b"<![LOG[0123456789"));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "a.pcap", PCAP);
    let found = find(std::slice::from_ref(&path));
    let longer = [PCAP, PCAP].concat();
    std::fs::write(path, &longer).unwrap();
    let file = found.files[0].clone();
    let (_, finish) = read(found, &file);
    assert_eq!(finish.records[0].sha256, sha256(&longer));
    assert!(
        finish.issues[0]
            .what
            .ends_with("had 24 bytes when it was found and 48 when it was read")
    );
}

#[test]
fn a_file_that_vanishes_is_an_issue_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.pcap", PCAP);
    write(folder.path(), "b.pcap", PCAP);
    let mut found = find(&[folder.path().to_path_buf()]);
    std::fs::remove_file(folder.path().join("a.pcap")).unwrap();
    let files = found.files.clone();
    assert!(found.inputs.open(&files[0]).is_none());
    assert!(found.inputs.read_small(&files[1], 100).is_some());
    let finish = found.inputs.finish();
    assert_eq!(finish.records[0].sha256, None);
    assert!(finish.issues[0].what.contains("a.pcap cannot be read: "));
    assert_eq!(
        (finish.issues.len(), finish.records[1].sha256),
        (1, sha256(PCAP))
    );
}

#[test]
fn a_document_that_is_a_zip_is_no_container() {
    let folder = tempfile::tempdir().unwrap();
    let packed = pack(
        &[("[Content_Types].xml", b"<x/>"), ("word/a.pcap", PCAP)],
        deflated(),
    );
    let found = find(&[write(folder.path(), "a.docx", &packed)]);
    assert_eq!(
        (found.files.len(), found.files[0].kind),
        (1, EvidenceKind::Other)
    );
}

#[test]
fn every_cut_of_a_zip_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let packed = pack(&[("a.pcap", PCAP), ("b.evtx", b"ElfFile\0")], deflated());
    for len in 0..packed.len() {
        let path = write(folder.path(), &format!("{len}.zip"), &packed[..len]);
        let mut found = find(&[path]);
        for file in found.files.clone() {
            let _ = found.inputs.read_small(&file, 1 << 20);
        }
        let _ = found.inputs.finish();
    }
}

#[test]
fn bytes_before_and_after_a_zip_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let packed = pack(&[("a.pcap", PCAP)], stored());
    let framed = [
        b"PK\x03\x04 a stub that only begins like one".as_slice(),
        &packed,
        &[0; 700],
    ];
    let found = find(&[write(folder.path(), "framed.zip", &framed.concat())]);
    let file = found.files[1].clone();
    let (bytes, finish) = read(found, &file);
    assert_eq!((bytes.as_slice(), whats(&finish)), (PCAP, vec![]));
}

#[test]
fn a_zip_of_ten_thousand_members_takes_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..10_000)
        .map(|number| format!("Content/{number:05}"))
        .collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), PCAP)).collect();
    let mut found = find(&[write(
        folder.path(),
        "many.zip",
        &pack(&members, deflated()),
    )]);
    assert_eq!(found.files.len(), 10_001);
    for file in found.files.clone().iter().skip(1) {
        assert_eq!(&*found.inputs.read_small(file, 100).unwrap().bytes, PCAP);
    }
    assert_eq!(found.inputs.finish().issues, []);
}

#[test]
fn too_many_members_are_counted_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let packed = pack(&[("a", PCAP), ("b", PCAP), ("c", PCAP)], stored());
    let limits = Limits {
        zip_entries: 2,
        ..Limits::default()
    };
    let options = OpenOptions {
        limits,
        ..OpenOptions::default()
    };
    let found = discover(&[write(folder.path(), "a.zip", &packed)], &options);
    assert_eq!(found.files.len(), 3);
    let finish = found.inputs.finish();
    assert!(
        finish.issues[0]
            .what
            .contains("it has 3 entries; the first 2 are read")
    );
}

#[test]
fn a_folder_is_walked_in_order_and_trouble_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "b/two.pcap", PCAP);
    write(folder.path(), "a/one.pcap", PCAP);
    write(folder.path(), "a/trace.cap", b"GMBU\0\x02");
    let found = find(&[
        folder.path().to_path_buf(),
        folder.path().join("a"),
        "nowhere".into(),
    ]);
    let names: Vec<_> = found
        .files
        .iter()
        .map(|file| file.path.rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["one.pcap", "trace.cap", "two.pcap"]);
    let finish = found.inputs.finish();
    let whats = whats(&finish);
    assert_eq!(whats.len(), 4, "{whats:?}");
    assert!(
        whats
            .iter()
            .any(|what| what.contains("nowhere cannot be opened"))
    );
    assert!(whats.iter().any(|what| what.contains("editcap")));
    assert_eq!(
        whats
            .iter()
            .filter(|what| what.contains("was named twice"))
            .count(),
        2
    );
}

#[test]
fn nothing_readable_is_seen() {
    assert!(find(&["nowhere".into()]).is_empty());
    assert!(find(&[]).is_empty());
}

#[cfg(unix)]
#[test]
fn links_are_named_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "real/a.pcap", PCAP);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("real/loop")).unwrap();
    let found = find(&[folder.path().to_path_buf()]);
    assert_eq!(found.files.len(), 1);
    assert!(whats(&found.inputs.finish())[0].contains("is a link, which is not followed"));
}

#[test]
fn a_named_file_of_no_use_is_hashed_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "notes.txt", b"notes");
    let finish = find(&[path]).inputs.finish();
    assert_eq!(finish.records[0].sha256, sha256(b"notes"));
    assert_eq!(finish.records[0].kind, EvidenceKind::Other);
}
