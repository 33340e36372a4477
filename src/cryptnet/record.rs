//! The `MetaData` file of a cache entry.

use super::{ExtendedRecord, MetaDataRecord};
use crate::bytes::{ErrorKind, ParseError, Reader};
use crate::time::Timestamp;

/// `cbHeader` of Windows Vista and later.
pub const LONG_HEADER_LEN: u32 = 112;
/// `cbHeader` of Windows XP and Server 2003.
pub const SHORT_HEADER_LEN: u32 = 24;
/// The second field, the same in 403 of 403 files; its name is unknown.
pub const CONSTANT: u32 = 0x2002_0101;
/// Bytes of a `MetaData` file that are read: the URLs of LDAP are the longest
/// seen, below 1 KiB.
pub const MAX_META_DATA_LEN: usize = 1 << 20;
/// Values of one retrieval; an LDAP attribute with two is the most ever seen.
pub const MAX_BLOBS: u32 = 1024;

impl MetaDataRecord {
    /// Reads a whole `MetaData` file.
    ///
    /// ```text
    /// 0          4            8       12      16             24
    /// | cbHeader | 0x20020101 | cBlob | cbUrl | LastSyncTime | long header … |
    /// cbHeader           + 4 × cBlob   + cbUrl     + cbETag
    /// | content sizes    | URL         | ETag      |  nothing follows
    /// ```
    ///
    /// Little-endian. `cbHeader` is 112, or 24 on Windows XP, where the long
    /// header's rest and the ETag are missing. URL and ETag are UTF-16LE; `cbUrl`
    /// and `cbETag` count bytes, the terminating NUL included. The long header
    /// from byte 24: `PreFetchInfo` (40 bytes), `FlushInfo` (16), `ResponseInfo`
    /// (32), each beginning with its own size, with `cbETag` at 100 and
    /// `dwProxyId` at 104. `dwReserved` (36) and the last four bytes are zero in
    /// all samples and not judged.
    ///
    /// Spec: none public. Observed in 403 files, Windows XP to 11; the three
    /// structures are those of `wincrypt.h` (`CRYPTNET_URL_CACHE_PRE_FETCH_INFO`
    /// and its neighbors).
    ///
    /// # Errors
    ///
    /// `Unsupported` for another `cbHeader`; `Malformed` for another constant, an
    /// inner size that is not the known one, a text of odd length, without NUL or
    /// with one inside; `OverLimit` above [`MAX_BLOBS`]; `Truncated` and
    /// `TrailingBytes` where the length is not exactly what the fields say.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParseError> {
        const WHAT: &str = "MetaData header";
        let mut reader = Reader::new(bytes);
        let header_len = reader.u32_le(WHAT)?;
        if ![LONG_HEADER_LEN, SHORT_HEADER_LEN].contains(&header_len) {
            let kind = ErrorKind::Unsupported(format!("cbHeader {header_len}"));
            return Err(ParseError {
                what: WHAT,
                at: 0,
                kind,
            });
        }
        expect(&mut reader, WHAT, CONSTANT)?;
        let blob_count = reader.u32_le(WHAT)?;
        if blob_count > MAX_BLOBS {
            let (value, limit) = (blob_count.into(), MAX_BLOBS.into());
            return Err(ParseError {
                what: "cBlob",
                at: 8,
                kind: ErrorKind::OverLimit { value, limit },
            });
        }
        let url_len = reader.u32_le(WHAT)?;
        let last_sync_ticks = reader.u64_le(WHAT)?;
        let (extended, etag_len) = match header_len {
            LONG_HEADER_LEN => {
                let (extended, etag_len) = long_header(&mut reader)?;
                (Some(extended), etag_len)
            }
            _ => (None, 0),
        };
        let mut content_sizes = Vec::new();
        for _ in 0..blob_count {
            content_sizes.push(reader.u32_le("content size")?);
        }
        let url = text(&mut reader, "URL", url_len)?;
        let etag = match etag_len {
            0 => None,
            len => Some(text(&mut reader, "ETag", len)?),
        };
        if !reader.is_empty() {
            let count = reader.remaining() as u64;
            return Err(reader.error("MetaData file", ErrorKind::TrailingBytes { count }));
        }
        Ok(MetaDataRecord {
            header_len,
            url,
            last_sync_ticks,
            last_sync_at: Timestamp::from_filetime(last_sync_ticks),
            content_sizes,
            extended,
            etag,
        })
    }

    /// The size that the `Content` file should have.
    #[must_use]
    pub fn content_len(&self) -> u64 {
        self.content_sizes.iter().map(|size| u64::from(*size)).sum()
    }
}

/// Reads bytes 24 to 112 and returns `cbETag` beside them.
fn long_header(reader: &mut Reader<'_>) -> Result<(ExtendedRecord, u32), ParseError> {
    const PRE_FETCH: &str = "PreFetchInfo";
    const FLUSH: &str = "FlushInfo";
    const RESPONSE: &str = "ResponseInfo";
    expect(reader, PRE_FETCH, 40)?;
    let object_type = reader.u32_le(PRE_FETCH)?;
    let prefetch_error = reader.u32_le(PRE_FETCH)?;
    reader.skip(PRE_FETCH, 4)?;
    let this_update = filetime(reader, PRE_FETCH)?;
    let next_update = filetime(reader, PRE_FETCH)?;
    let publish_at = filetime(reader, PRE_FETCH)?;
    expect(reader, FLUSH, 16)?;
    let flush_exempt_seconds = reader.u32_le(FLUSH)?;
    let expire_at = filetime(reader, FLUSH)?;
    expect(reader, RESPONSE, 32)?;
    let response_type = reader.u16_le(RESPONSE)?;
    let response_flags = reader.u16_le(RESPONSE)?;
    let last_modified = filetime(reader, RESPONSE)?;
    let max_age = reader.u32_le(RESPONSE)?;
    let etag_len = reader.u32_le(RESPONSE)?;
    let proxy_id = reader.u32_le(RESPONSE)?;
    reader.skip(RESPONSE, 4)?;
    let extended = ExtendedRecord {
        object_type,
        prefetch_error,
        this_update,
        next_update,
        publish_at,
        flush_exempt_seconds,
        expire_at,
        response_type,
        response_flags,
        last_modified,
        max_age,
        proxy_id,
    };
    Ok((extended, etag_len))
}

fn expect(reader: &mut Reader<'_>, what: &'static str, expected: u32) -> Result<(), ParseError> {
    let at = reader.position() as u64;
    let value = reader.u32_le(what)?;
    if value == expected {
        return Ok(());
    }
    let kind = ErrorKind::Malformed(format!(
        "{value:#x} where {expected:#x} is in every known file"
    ));
    Err(ParseError { what, at, kind })
}

fn filetime(reader: &mut Reader<'_>, what: &'static str) -> Result<Option<Timestamp>, ParseError> {
    reader.u64_le(what).map(Timestamp::from_filetime)
}

/// Reads `len` bytes of UTF-16LE that end in NUL, and leaves the NUL out.
fn text(reader: &mut Reader<'_>, what: &'static str, len: u32) -> Result<String, ParseError> {
    let at = reader.position() as u64;
    let malformed = |how: &str| ParseError {
        what,
        at,
        kind: ErrorKind::Malformed(how.into()),
    };
    // On a 32-bit system no file holds more either.
    let bytes = reader.take(what, usize::try_from(len).unwrap_or(usize::MAX))?;
    let (units, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(malformed(&format!("{len} bytes of UTF-16, an odd number")));
    }
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    let Some((0, units)) = units.split_last() else {
        return Err(malformed("no NUL at the end"));
    };
    if units.contains(&0) {
        return Err(malformed("a NUL inside the text"));
    }
    String::from_utf16(units).map_err(|_| malformed("unpaired surrogates"))
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// A `MetaData` file, field by field as the layout says.
    pub fn file(header_len: u32, sizes: &[u32], url: &str, etag: Option<&str>) -> Vec<u8> {
        let wide = |text: &str| -> Vec<u8> {
            text.encode_utf16()
                .chain([0])
                .flat_map(u16::to_le_bytes)
                .collect()
        };
        let etag = etag.map(wide).unwrap_or_default();
        let url = wide(url);
        let mut bytes = Vec::new();
        let mut put = |number: u32| bytes.extend(number.to_le_bytes());
        put(header_len);
        put(0x2002_0101);
        put(u32::try_from(sizes.len()).unwrap());
        put(u32::try_from(url.len()).unwrap());
        // 2017-08-04 08:49:05.428 UTC, of the worked example.
        put(0x8740_EB68);
        put(0x01D3_0CFE);
        if header_len == 112 {
            for number in [40, 2, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 32, 0x8000_0001] {
                put(number);
            }
            for number in [0x7D70_4E00, 0x01D2_B9EF, 86_400] {
                put(number);
            }
            put(u32::try_from(etag.len()).unwrap());
            put(0xCB78_A784);
            put(0);
        }
        for size in sizes {
            put(*size);
        }
        bytes.extend(url);
        bytes.extend(etag);
        bytes
    }

    const URL: &str = "http://crl.example/a.crl";

    #[test]
    fn a_long_header_gives_every_field() {
        let bytes = file(112, &[6564], URL, Some("\"04e707defb9d21:0\""));
        let record = MetaDataRecord::from_bytes(&bytes).unwrap();
        assert_eq!((record.url.as_str(), record.content_len()), (URL, 6564));
        assert_eq!(record.etag.as_deref(), Some("\"04e707defb9d21:0\""));
        assert!(
            record
                .last_sync_at
                .unwrap()
                .to_rfc3339()
                .starts_with("2017-08-04T08:49:05.428")
        );
        let extended = record.extended.unwrap();
        assert_eq!(
            extended.last_modified.unwrap().to_rfc3339(),
            "2017-04-20T16:02:20Z"
        );
        assert_eq!(
            (extended.response_type, extended.response_flags),
            (1, 0x8000)
        );
        assert_eq!((extended.max_age, extended.proxy_id), (86_400, 0xCB78_A784));
        assert_eq!((extended.object_type, extended.this_update), (2, None));
    }

    #[test]
    fn a_short_header_has_several_blobs_and_no_etag() {
        let bytes = file(
            24,
            &[705, 705],
            "ldap:///CN=x?certificateRevocationList",
            None,
        );
        let record = MetaDataRecord::from_bytes(&bytes).unwrap();
        assert_eq!(
            (record.content_len(), record.extended, record.etag),
            (1410, None, None)
        );
        assert_eq!(record.content_sizes, [705, 705]);
    }

    #[test]
    fn sizes_that_add_up_beyond_32_bits_are_summed() {
        let record = MetaDataRecord::from_bytes(&file(24, &[u32::MAX, 2], URL, None)).unwrap();
        assert_eq!(record.content_len(), u64::from(u32::MAX) + 2);
    }

    #[test]
    fn every_cut_is_truncated_and_a_byte_more_is_trailing() {
        for header_len in [24, 112] {
            let mut bytes = file(header_len, &[1], URL, None);
            for len in 0..bytes.len() {
                let error = MetaDataRecord::from_bytes(&bytes[..len]).unwrap_err();
                assert!(
                    matches!(error.kind, ErrorKind::Truncated { .. }),
                    "{len}: {error}"
                );
            }
            bytes.push(0);
            let error = MetaDataRecord::from_bytes(&bytes).unwrap_err();
            assert_eq!(error.kind, ErrorKind::TrailingBytes { count: 1 });
        }
    }

    fn error_with(at: usize, value: u32) -> String {
        let mut bytes = file(112, &[1], URL, Some("\"e\""));
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        MetaDataRecord::from_bytes(&bytes).unwrap_err().to_string()
    }

    #[test]
    fn hostile_numbers_are_refused_with_their_place() {
        assert_eq!(
            error_with(0, 113),
            "MetaData header at byte 0: not supported: cbHeader 113"
        );
        assert_eq!(
            error_with(8, u32::MAX),
            "cBlob at byte 8: 4294967295 is above the limit of 1024"
        );
        assert_eq!(
            error_with(12, 49),
            "URL at byte 116: malformed: 49 bytes of UTF-16, an odd number"
        );
        assert_eq!(
            error_with(12, u32::MAX),
            "URL at byte 116: needs 4294967295 bytes, 58 left"
        );
        assert_eq!(
            error_with(12, 48),
            "URL at byte 116: malformed: no NUL at the end"
        );
        assert_eq!(
            error_with(12, 0),
            "URL at byte 116: malformed: no NUL at the end"
        );
        assert_eq!(
            error_with(12, 58),
            "URL at byte 116: malformed: a NUL inside the text"
        );
        assert!(error_with(64, 17).starts_with("FlushInfo at byte 64: malformed: 0x11 where 0x10"));
    }

    #[test]
    fn every_flipped_bit_is_survived() {
        let bytes = file(112, &[1], URL, Some("\"e\""));
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = MetaDataRecord::from_bytes(&bytes);
        }
    }
}
