//! Files compressed as a whole: gzip and Zstandard, members and frames one
//! after another included.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::limits::{SNIFF_LEN, SNIFF_ZSTD_LEN};
use crate::bytes::Reader;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Packing {
    /// Tells it by the first bytes. A Zstandard file may begin with a frame to
    /// be skipped, which tells nothing of what follows and is not looked into.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"\x1f\x8b\x08") {
            return Some(Packing::Gzip);
        }
        head.starts_with(b"\x28\xb5\x2f\xfd")
            .then_some(Packing::Zstd)
    }
}

/// Reads as much of a file as tells what it is. Nothing of a Zstandard block
/// shows before all of it is there.
///
/// # Errors
///
/// Those of reading; `head` then holds what came before.
pub fn read_head(content: &mut dyn Read, head: &mut Vec<u8>) -> io::Result<()> {
    content.take(SNIFF_LEN as u64).read_to_end(head)?;
    if Packing::of(head) == Some(Packing::Zstd) {
        let more = SNIFF_ZSTD_LEN.saturating_sub(head.len());
        content.take(more as u64).read_to_end(head)?;
    }
    Ok(())
}

/// What the first bytes of a compressed file unpack to, at most [`SNIFF_LEN`]
/// bytes; less where the head does not hold them.
#[must_use]
pub fn unpacked_head(packing: Packing, head: &[u8]) -> Vec<u8> {
    let block = match packing {
        Packing::Gzip => None,
        Packing::Zstd => first_block(head),
    };
    let packed = block.as_deref().unwrap_or(head);
    let mut unpacker = Unpacker::new(packing, packed).take(SNIFF_LEN as u64);
    let mut unpacked = Vec::with_capacity(SNIFF_LEN);
    // The head is cut, so that reading ends in an error after what there is.
    let mut piece = [0; 512];
    while let Ok(count @ 1..) = unpacker.read(&mut piece) {
        unpacked.extend(piece.iter().take(count));
    }
    unpacked
}

/// The first block of a Zstandard frame as a frame of its own: a decoder gives
/// nothing out before a whole window, of megabytes, is filled or the frame ends.
///
/// ```text
/// frame: magic | descriptor | window 0/1 | dictionary id 0/1/2/4 | content size 0/1/2/4/8 | blocks
/// block: u24 le, last 1 bit, type 2 bits, size 21 bits | size bytes (1 of a run)
/// ```
///
/// Spec: RFC 8878 §3.1.1.
fn first_block(head: &[u8]) -> Option<Vec<u8>> {
    const WHAT: &str = "zstd frame";
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    const WINDOW_OF_128_KIB: u8 = 7 << 3;
    const RUN: u32 = 1;
    let mut reader = Reader::new(head);
    reader.skip(WHAT, MAGIC.len()).ok()?;
    let descriptor = reader.u8(WHAT).ok()?;
    let single_segment = descriptor & 0x20 != 0;
    let dictionary_len = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size_len = match descriptor >> 6 {
        0 => usize::from(single_segment),
        flag => 1 << flag,
    };
    let window_len = usize::from(!single_segment);
    reader
        .skip(WHAT, window_len + dictionary_len + size_len)
        .ok()?;
    let [low, middle, high] = reader.array::<3>(WHAT).ok()?;
    let header = u32::from_le_bytes([low, middle, high, 0]);
    let stated = (header >> 3) as usize;
    let block = reader
        .take(WHAT, if header >> 1 & 3 == RUN { 1 } else { stated })
        .ok()?;
    let mut frame = MAGIC.to_vec();
    frame.extend([0, WINDOW_OF_128_KIB, low | 1, middle, high]);
    frame.extend(block);
    Some(frame)
}

/// Unpacks what a reader gives.
pub enum Unpacker<R> {
    /// A gzip file.
    Gzip(Box<MultiGzDecoder<R>>),
    /// A Zstandard file.
    Zstd(Box<ZstdFrames<R>>),
}

impl<R: BufRead> Unpacker<R> {
    /// Unpacks `packed`.
    #[must_use]
    pub fn new(packing: Packing, packed: R) -> Self {
        match packing {
            Packing::Gzip => Unpacker::Gzip(Box::new(MultiGzDecoder::new(packed))),
            Packing::Zstd => Unpacker::Zstd(Box::new(ZstdFrames {
                packed,
                decoder: FrameDecoder::new(),
                in_frame: false,
            })),
        }
    }

    /// The packed bytes.
    pub fn get_ref(&self) -> &R {
        match self {
            Unpacker::Gzip(decoder) => decoder.get_ref(),
            Unpacker::Zstd(frames) => &frames.packed,
        }
    }

    /// The packed bytes.
    pub fn get_mut(&mut self) -> &mut R {
        match self {
            Unpacker::Gzip(decoder) => decoder.get_mut(),
            Unpacker::Zstd(frames) => &mut frames.packed,
        }
    }
}

impl<R: BufRead> Read for Unpacker<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Unpacker::Gzip(decoder) => decoder.read(buffer),
            Unpacker::Zstd(frames) => frames.read(buffer),
        }
    }
}

/// Zstandard frames one after another. The decoder refuses windows above
/// 128 MiB, as the `zstd` program does unless told otherwise.
pub struct ZstdFrames<R> {
    packed: R,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame && !self.next_frame()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(io::Error::other)?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.in_frame = false;
            let stated = self.decoder.get_checksum_from_data();
            if stated.is_some() && stated != self.decoder.get_calculated_checksum() {
                return Err(io::Error::other(
                    "the checksum of a zstd frame does not fit",
                ));
            }
        }
    }
}

impl<R: BufRead> ZstdFrames<R> {
    /// Begins the next frame; false at the end. Frames to be skipped are.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => {
                    self.in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(&mut (&mut self.packed).take(length.into()), &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// What `printf 'one frame' | zstd` gives.
    const ONE: &[u8] = b"\x28\xb5\x2f\xfd\x04\x58\x49\x00\x00one frame\x43\x5f\xac\x56";

    fn unpacked(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Unpacker::new(Packing::Zstd, bytes).read_to_end(&mut out)?;
        Ok(out)
    }

    fn frame(content: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn frames_follow_one_another_and_some_are_skipped() {
        let skipped = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc";
        let packed = [&frame(b"one"), &skipped[..], &frame(b", two")].concat();
        assert_eq!(unpacked(&packed).unwrap(), b"one, two");
    }

    #[test]
    fn a_cut_frame_gives_an_error_and_never_hangs() {
        let packed = frame(&[7; 100_000]);
        for end in 1..packed.len() {
            assert!(unpacked(&packed[..end]).is_err());
        }
        assert!(unpacked(&[&packed[..], b"tail"].concat()).is_err());
    }

    #[test]
    fn the_head_of_a_large_frame_can_be_looked_into() {
        for content in [noise(500_000), vec![7; 500_000]] {
            let packed = frame(&content);
            let mut head = Vec::new();
            read_head(&mut packed.as_slice(), &mut head).unwrap();
            assert!(unpacked_head(Packing::Zstd, &head) == content[..SNIFF_LEN]);
        }
        assert_eq!(unpacked_head(Packing::Zstd, ONE), b"one frame");
        assert_eq!(unpacked_head(Packing::Zstd, &ONE[..12]), b"");
    }

    fn noise(len: u32) -> Vec<u8> {
        (0..len)
            .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect()
    }

    #[test]
    fn damage_under_a_checksum_is_met() {
        assert_eq!(unpacked(ONE).unwrap(), b"one frame");
        let mut damaged = ONE.to_vec();
        damaged[9] ^= 1;
        let error = unpacked(&damaged).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the checksum of a zstd frame does not fit"
        );
    }
}
