//! Content codings: gzip, deflate (with and without zlib's header) and br.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};

use crate::protocol::http::Headers;

/// Undoes the codings of one body, fed in pieces.
pub(super) struct Decoder {
    /// In the order of decoding: the last coding applied comes first.
    stages: Vec<Stage>,
}

/// Where decoding stands after a piece of input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decoded {
    /// All of it went through.
    Fine,
    /// The consumer of the output wants no more.
    Stopped,
    /// The input is not what it claims to be; the text says why.
    Damaged(String),
}

impl Decoder {
    /// The decoder for a message's `Content-Encoding`, and for the codings that
    /// `Transfer-Encoding` lists before `chunked`; `None` for the identity.
    ///
    /// Spec: RFC 9110 §8.4, RFC 9112 §6.1 and §7.2.
    ///
    /// # Errors
    ///
    /// A line naming a coding that is not read.
    pub(super) fn for_headers(headers: &Headers) -> Result<Option<Self>, String> {
        let mut stages = Vec::new();
        let fields = headers
            .all("content-encoding")
            .chain(headers.all("transfer-encoding"));
        for name in fields.flat_map(|value| value.split(',')) {
            let name = name.trim();
            match name.to_ascii_lowercase().as_str() {
                "" | "identity" | "chunked" => {}
                "gzip" | "x-gzip" => stages.push(Stage::starting(Coding::Gzip)),
                "deflate" => stages.push(Stage::starting(Coding::Deflate)),
                "br" => stages.push(Stage::starting(Coding::Brotli)),
                _ => return Err(format!("content coding {name:.40} is not read")),
            }
        }
        if stages.len() > MAX_CODINGS {
            return Err(format!("{} content codings one over another", stages.len()));
        }
        stages.reverse();
        Ok((!stages.is_empty()).then_some(Decoder { stages }))
    }

    /// Decodes the next bytes into `out`, which answers whether it wants more.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8]) -> bool) -> Decoded {
        push_through(&mut self.stages, bytes, out)
    }

    /// Ends the input: what was held back to look at is passed on.
    pub(super) fn finish(&mut self, out: &mut dyn FnMut(&[u8]) -> bool) -> Decoded {
        let mut stages = self.stages.as_mut_slice();
        while let Some((first, rest)) = stages.split_first_mut() {
            let outcome = first.finish(&mut |bytes| push_through(rest, bytes, out));
            if outcome != Decoded::Fine {
                return outcome;
            }
            stages = rest;
        }
        Decoded::Fine
    }
}

/// Nobody sends more than two; each costs a window of memory.
const MAX_CODINGS: usize = 3;

fn push_through(stages: &mut [Stage], bytes: &[u8], out: &mut dyn FnMut(&[u8]) -> bool) -> Decoded {
    match stages.split_first_mut() {
        None if out(bytes) => Decoded::Fine,
        None => Decoded::Stopped,
        // Recursion is as deep as there are codings.
        Some((first, rest)) => first.push(bytes, &mut |bytes| push_through(rest, bytes, out)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

enum Stage {
    /// The first bytes decide whether the header tells the truth.
    Starting(Coding, Vec<u8>),
    Inflate(Box<Decompress>),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    /// Declared as encoded but sent plain: seen of servers that label a `.gz`
    /// file's content and of proxies that decode without saying so.
    Plain,
    /// The encoded stream is over; what follows is ignored, as browsers do.
    Over,
}

impl Stage {
    fn starting(coding: Coding) -> Self {
        Stage::Starting(coding, Vec::new())
    }

    fn push(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8]) -> Decoded) -> Decoded {
        if let Stage::Starting(coding, held) = self {
            held.extend_from_slice(bytes);
            if held.len() < 2 {
                return Decoded::Fine;
            }
            let (coding, held) = (*coding, std::mem::take(held));
            *self = Stage::chosen(coding, &held);
            return self.run(&held, out);
        }
        self.run(bytes, out)
    }

    fn chosen(coding: Coding, first: &[u8]) -> Self {
        let pair = [
            first.first().copied().unwrap_or(0),
            first.get(1).copied().unwrap_or(0),
        ];
        match coding {
            Coding::Gzip if pair == [0x1F, 0x8B] => {
                Stage::Inflate(Box::new(Decompress::new_gzip(15)))
            }
            Coding::Gzip => Stage::Plain,
            // RFC 9110 §8.4.1.2: "deflate" is zlib's format, but some servers
            // send bare deflate. CM is 8 and the pair a multiple of 31 in zlib's.
            Coding::Deflate => {
                let zlib = pair[0] & 0x0F == 8 && u16::from_be_bytes(pair) % 31 == 0;
                Stage::Inflate(Box::new(Decompress::new(zlib)))
            }
            Coding::Brotli => {
                let state = BrotliState::new(
                    StandardAlloc::default(),
                    StandardAlloc::default(),
                    StandardAlloc::default(),
                );
                Stage::Brotli(Box::new(state))
            }
        }
    }

    fn run(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8]) -> Decoded) -> Decoded {
        let (outcome, over) = match self {
            Stage::Starting(..) | Stage::Over => (Decoded::Fine, false),
            Stage::Plain => (out(bytes), false),
            Stage::Inflate(state) => inflate(state, bytes, out),
            Stage::Brotli(state) => brotli(state, bytes, out),
        };
        if over {
            *self = Stage::Over;
        }
        outcome
    }

    fn finish(&mut self, out: &mut dyn FnMut(&[u8]) -> Decoded) -> Decoded {
        match self {
            Stage::Starting(_, held) if held.is_empty() => Decoded::Fine,
            Stage::Starting(_, held) => out(held),
            Stage::Plain | Stage::Over => Decoded::Fine,
            Stage::Inflate(_) | Stage::Brotli(_) => {
                Decoded::Damaged("the encoded body ends before its own end mark".into())
            }
        }
    }
}

/// Output is handed on in pieces of this size.
const STEP: usize = 16 * 1024;

fn inflate(
    state: &mut Decompress,
    mut bytes: &[u8],
    out: &mut dyn FnMut(&[u8]) -> Decoded,
) -> (Decoded, bool) {
    let mut buffer = [0; STEP];
    loop {
        let (before_in, before_out) = (state.total_in(), state.total_out());
        let result = state.decompress(bytes, &mut buffer, FlushDecompress::None);
        let consumed = usize::try_from(state.total_in() - before_in).unwrap_or(usize::MAX);
        let produced = usize::try_from(state.total_out() - before_out).unwrap_or(usize::MAX);
        bytes = bytes.get(consumed..).unwrap_or_default();
        let produced = buffer.get(..produced).unwrap_or_default();
        let outcome = if produced.is_empty() {
            Decoded::Fine
        } else {
            out(produced)
        };
        if outcome != Decoded::Fine {
            return (outcome, false);
        }
        match result {
            Ok(Status::StreamEnd) => return (Decoded::Fine, true),
            Err(error) => return (Decoded::Damaged(format!("deflate: {error}")), false),
            // More may wait inside although all input is taken.
            Ok(_) if produced.len() == STEP => {}
            Ok(_) if bytes.is_empty() || (consumed == 0 && produced.is_empty()) => {
                return (Decoded::Fine, false);
            }
            Ok(_) => {}
        }
    }
}

fn brotli(
    state: &mut BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    bytes: &[u8],
    out: &mut dyn FnMut(&[u8]) -> Decoded,
) -> (Decoded, bool) {
    let mut buffer = [0; STEP];
    let (mut available_in, mut offset_in, mut total_out) = (bytes.len(), 0, 0);
    loop {
        let (mut available_out, mut offset_out) = (STEP, 0);
        let result = BrotliDecompressStream(
            &mut available_in,
            &mut offset_in,
            bytes,
            &mut available_out,
            &mut offset_out,
            &mut buffer,
            &mut total_out,
            state,
        );
        let produced = buffer.get(..offset_out).unwrap_or_default();
        let outcome = if produced.is_empty() {
            Decoded::Fine
        } else {
            out(produced)
        };
        if outcome != Decoded::Fine {
            return (outcome, false);
        }
        match result {
            BrotliResult::ResultSuccess => return (Decoded::Fine, true),
            BrotliResult::ResultFailure => {
                return (
                    Decoded::Damaged("br: the stream is not valid".into()),
                    false,
                );
            }
            BrotliResult::NeedsMoreInput => return (Decoded::Fine, false),
            BrotliResult::NeedsMoreOutput => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::io::Write;

    use flate2::Compression;

    use super::*;

    fn decoder(coding: &str) -> Decoder {
        let headers = Headers(vec![("Content-Encoding".into(), coding.into())]);
        Decoder::for_headers(&headers).unwrap().unwrap()
    }

    fn decode(coding: &str, bytes: &[u8], piece: usize) -> (Vec<u8>, Decoded) {
        let mut decoder = decoder(coding);
        let mut whole = Vec::new();
        let mut out = |bytes: &[u8]| {
            whole.extend_from_slice(bytes);
            true
        };
        for piece in bytes.chunks(piece) {
            let outcome = decoder.push(piece, &mut out);
            if outcome != Decoded::Fine {
                return (whole, outcome);
            }
        }
        let outcome = decoder.finish(&mut out);
        (whole, outcome)
    }

    fn text() -> Vec<u8> {
        (0..5000)
            .flat_map(|line| format!("line {line}\n").into_bytes())
            .collect()
    }

    #[test]
    fn gzip_zlib_and_bare_deflate_give_the_text_in_pieces_of_any_size() {
        let text = text();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&text).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&text).unwrap();
        let zlib = zlib.finish().unwrap();
        let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
        bare.write_all(&text).unwrap();
        let bare = bare.finish().unwrap();
        for piece in [1, 7, 100_000] {
            assert_eq!(decode("gzip", &gzip, piece), (text.clone(), Decoded::Fine));
            assert_eq!(
                decode("x-gzip", &gzip, piece),
                (text.clone(), Decoded::Fine)
            );
            assert_eq!(
                decode("deflate", &zlib, piece),
                (text.clone(), Decoded::Fine)
            );
            assert_eq!(
                decode("deflate", &bare, piece),
                (text.clone(), Decoded::Fine)
            );
        }
    }

    #[test]
    fn brotli_is_read() {
        // "hello" in an uncompressed meta-block, then an empty last one.
        let bytes = [0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03];
        assert_eq!(decode("br", &bytes, 1), (b"hello".to_vec(), Decoded::Fine));
        let outcome = decode("br", &[0xFF; 20], 20).1;
        assert_eq!(
            outcome,
            Decoded::Damaged("br: the stream is not valid".into())
        );
    }

    #[test]
    fn a_plain_body_labeled_gzip_is_passed_on() {
        assert_eq!(
            decode("gzip", b"<html>", 1),
            (b"<html>".to_vec(), Decoded::Fine)
        );
        assert_eq!(decode("gzip", b"<", 1), (b"<".to_vec(), Decoded::Fine));
    }

    #[test]
    fn a_cut_or_damaged_stream_says_so_and_keeps_what_came_before() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Compression::none());
        gzip.write_all(b"certificate").unwrap();
        let mut gzip = gzip.finish().unwrap();
        let (text, outcome) = decode("gzip", &gzip[..gzip.len() - 8], 1);
        assert_eq!(text, b"certificate");
        assert!(matches!(outcome, Decoded::Damaged(why) if why.contains("end mark")));
        let last = gzip.len() - 6;
        gzip[last] ^= 1;
        assert!(matches!(decode("gzip", &gzip, 100).1, Decoded::Damaged(_)));
    }

    #[test]
    fn two_codings_are_undone_in_reverse_order() {
        let mut inner = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
        inner.write_all(b"twice").unwrap();
        let mut outer = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
        outer.write_all(&inner.finish().unwrap()).unwrap();
        let bytes = outer.finish().unwrap();
        assert_eq!(
            decode("deflate, gzip", &bytes, 3),
            (b"twice".to_vec(), Decoded::Fine)
        );
    }

    #[test]
    fn an_unknown_coding_is_named() {
        let headers = Headers(vec![("content-encoding".into(), "zstd".into())]);
        let error = Decoder::for_headers(&headers).err();
        assert_eq!(error.as_deref(), Some("content coding zstd is not read"));
    }

    #[test]
    fn a_coding_of_the_transfer_is_undone_as_one_of_the_content() {
        let field = ("Transfer-Encoding".into(), "gzip, chunked".into());
        assert!(
            Decoder::for_headers(&Headers(vec![field]))
                .unwrap()
                .is_some()
        );
        let chunked = ("Transfer-Encoding".into(), "chunked".into());
        assert!(
            Decoder::for_headers(&Headers(vec![chunked]))
                .unwrap()
                .is_none()
        );
    }
}
