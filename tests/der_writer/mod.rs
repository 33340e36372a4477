//! Writes DER for tests: elements, names, certificates that nobody signed.

#![allow(dead_code)] // each test uses what it needs

/// One DER element.
pub fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len()).unwrap().to_be_bytes();
    let short = u8::try_from(contents.len()).ok().filter(|it| *it < 0x80);
    let head = match short {
        Some(length) => vec![tag, length],
        None => {
            let start = length.iter().position(|octet| *octet != 0).unwrap();
            let octets = u8::try_from(4 - start).unwrap();
            [&[tag, 0x80 | octets], &length[start..]].concat()
        }
    };
    [head, contents.to_vec()].concat()
}

/// A SEQUENCE of parts.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

/// sha256WithRSAEncryption.
pub const ALGORITHM: &[u8] = b"\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0B\x05\x00";
/// Valid from 2020 to 2030.
pub const DATES: &[u8] = b"\x30\x1E\x17\x0D200101000000Z\x17\x0D300101000000Z";

/// A Name of one commonName, UTF8String.
pub fn name(text: &str) -> Vec<u8> {
    let attribute = sequence(&[&[6, 3, 0x55, 4, 3], &element(12, text.as_bytes())]);
    sequence(&[&element(0x31, &attribute)])
}

/// A certificate with extensions, and a key and a signature that are noise.
pub fn certificate(extensions: &[u8], subject: &[u8]) -> Vec<u8> {
    let key = sequence(&[
        b"\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01\x05\x00",
        &element(3, &[0, 0x30, 6, 2, 1, 35, 2, 1, 3]),
    ]);
    let tbs = sequence(&[
        &[0xA0, 3, 2, 1, 2, 2, 1, 9],
        ALGORITHM,
        &name("CA"),
        DATES,
        subject,
        &key,
        &element(0xA3, &element(0x30, extensions)),
    ]);
    sequence(&[&tbs, ALGORITHM, &element(3, &[0; 257])])
}

/// An extension `2.5.29.x`.
pub fn extension(number: u8, value: &[u8]) -> Vec<u8> {
    sequence(&[&[6, 3, 0x55, 0x1D, number], &element(4, value)])
}
