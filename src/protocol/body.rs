//! One message body on its way: framing, content-decoding, keeping.

use crate::protocol::body_sink::{BodySink, MAX_BODY, Wants};
use crate::protocol::chunked::{Chunked, Step};
use crate::protocol::content_coding::{Decoded, Decoder};
use crate::protocol::http::{Body, Completeness, Headers};

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// `Content-Length`.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The server closes.
    UntilClose,
}

/// Reads one body.
pub(super) struct BodyReader {
    framing: Progress,
    declared: Option<u64>,
    decoder: Option<Decoder>,
    sink: BodySink,
    wire_size: u64,
    /// Bytes that the decoder gave out.
    decoded: u64,
    /// No more bytes go into the sink: a hole, a limit, or damaged encoding.
    sealed: bool,
    hole: bool,
    inflated: bool,
    damaged: bool,
    trouble: Option<String>,
}

enum Progress {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

/// What a piece of input led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read<'a> {
    /// All of it belonged to the body, and more is to come.
    More,
    /// The body is over; the rest belongs to the next message.
    Done(&'a [u8]),
    /// The framing is lost.
    Broken,
}

/// Where a hole in the stream leaves a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AfterHole {
    /// Still inside the body.
    Inside,
    /// The body ended exactly with the hole.
    Ends,
    /// It is not known where the next message begins.
    Lost,
}

/// Why a body has no more bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyEnd {
    /// Its framing says so.
    Framed,
    /// The sender's stream ended in order.
    Closed,
    /// The connection was reset, or its framing cannot be followed.
    Aborted,
    /// The capture does not show the rest.
    Gap,
    /// The capture ends.
    CaptureEnds,
}

impl BodyReader {
    pub(super) fn new(
        framing: Framing,
        headers: &Headers,
        trouble: Option<String>,
        hash_all: bool,
    ) -> Self {
        let (decoder, coding_trouble) = match Decoder::for_headers(headers) {
            Ok(decoder) => (decoder, None),
            Err(why) => (None, Some(why)),
        };
        let (framing, declared) = match framing {
            Framing::Length(length) => (Progress::Length(length), Some(length)),
            Framing::Chunked => (Progress::Chunked(Chunked::new()), None),
            Framing::UntilClose => (Progress::UntilClose, None),
        };
        BodyReader {
            framing,
            declared,
            decoder,
            sink: BodySink::new(hash_all),
            wire_size: 0,
            decoded: 0,
            sealed: false,
            hole: false,
            inflated: false,
            damaged: false,
            trouble: trouble.or(coding_trouble),
        }
    }

    /// Bytes of it that went by.
    pub(super) fn wire_size(&self) -> u64 {
        self.wire_size
    }

    /// Reads on.
    pub(super) fn push<'a>(
        &mut self,
        mut bytes: &'a [u8],
        room: &mut u64,
        wants: &mut Wants<'_>,
    ) -> Read<'a> {
        loop {
            let (data, rest) = match &mut self.framing {
                Progress::Length(0) => return Read::Done(bytes),
                Progress::Length(left) => {
                    let count = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len());
                    *left -= count as u64;
                    bytes.split_at(count)
                }
                Progress::UntilClose => (bytes, &[][..]),
                Progress::Chunked(chunked) => match chunked.step(bytes) {
                    Step::Data(data, rest) => (data, rest),
                    Step::More => return Read::More,
                    Step::Done(rest) => return Read::Done(rest),
                    Step::Broken(why) => {
                        self.note(why);
                        return Read::Broken;
                    }
                },
            };
            self.take(data, room, wants);
            bytes = rest;
            let over = matches!(self.framing, Progress::Length(0));
            if bytes.is_empty() && !over {
                return Read::More;
            }
        }
    }

    /// How many of the next bytes need not be delivered. The last byte of a
    /// body of known length is asked for nevertheless: it shows the frame that
    /// completed it, and that it was completed.
    pub(super) fn may_skip(&self) -> Option<u64> {
        if !self.sealed && !self.sink.is_indifferent() {
            return None;
        }
        let count = match &self.framing {
            Progress::Length(left) => left.saturating_sub(1),
            Progress::Chunked(chunked) => chunked.left_in_chunk(),
            Progress::UntilClose => 0,
        };
        (count > 0).then_some(count)
    }

    /// Notes that `count` bytes went by unseen, as [`Self::may_skip`] allowed.
    pub(super) fn skipped(&mut self, count: u64) {
        match &mut self.framing {
            Progress::Length(left) => *left = left.saturating_sub(count),
            Progress::Chunked(chunked) => chunked.pass_over(count),
            Progress::UntilClose => {}
        }
        self.pass(count);
    }

    /// Notes a hole of `length` bytes.
    pub(super) fn gap(&mut self, length: Option<u64>) -> AfterHole {
        self.sealed = true;
        self.hole = true;
        let Some(length) = length else {
            return AfterHole::Lost;
        };
        let left = match &self.framing {
            Progress::Length(left) => *left,
            Progress::Chunked(chunked) => chunked.left_in_chunk(),
            Progress::UntilClose => u64::MAX,
        };
        if length > left {
            self.pass(left);
            return AfterHole::Lost;
        }
        self.skipped(length);
        match self.framing {
            Progress::Length(0) => AfterHole::Ends,
            _ => AfterHole::Inside,
        }
    }

    /// Ends the body.
    pub(super) fn finish(mut self, end: BodyEnd, room: &mut u64, wants: &mut Wants<'_>) -> Body {
        let framed_by_close = matches!(self.framing, Progress::UntilClose);
        let mut completeness = match end {
            _ if self.hole => Completeness::CaptureGap,
            BodyEnd::Framed => Completeness::Complete,
            BodyEnd::Closed if framed_by_close => Completeness::Complete,
            BodyEnd::Closed | BodyEnd::Aborted => Completeness::CutByPeer,
            BodyEnd::Gap => Completeness::CaptureGap,
            BodyEnd::CaptureEnds => Completeness::CaptureEnds,
        };
        let whole = completeness == Completeness::Complete;
        if whole && !self.sealed && !self.sink.is_indifferent() {
            self.decode_end(room, wants);
        }
        let proven = whole && !self.damaged && !self.inflated;
        let encoded = self.decoder.is_some();
        let indifferent = self.sink.is_indifferent();
        let collected = self.sink.finish(proven, room, wants);
        if whole && (collected.over_limit || self.inflated) {
            completeness = Completeness::OverLimit;
        } else if whole && self.damaged {
            // All that was announced came, but the coding in it broke off.
            completeness = Completeness::CutByPeer;
        }
        Body {
            size: if encoded && indifferent {
                self.wire_size
            } else {
                collected.size
            },
            wire_size: self.wire_size,
            declared: self.declared,
            bytes: collected.bytes,
            sha256: collected.sha256,
            prefix: collected.prefix,
            completeness,
            trouble: self.trouble,
        }
    }

    fn take(&mut self, data: &[u8], room: &mut u64, wants: &mut Wants<'_>) {
        if self.sealed || self.sink.is_indifferent() {
            self.pass(data.len() as u64);
            return;
        }
        self.wire_size += data.len() as u64;
        let Some(decoder) = &mut self.decoder else {
            self.sink.push(data, room, wants);
            return;
        };
        let (sink, decoded, wire_size) = (&mut self.sink, &mut self.decoded, self.wire_size);
        let outcome = decoder.push(data, &mut |bytes| {
            *decoded += bytes.len() as u64;
            sink.push(bytes, room, wants);
            !sink.is_indifferent() && !is_bomb(*decoded, wire_size)
        });
        self.after_decoding(outcome);
    }

    fn decode_end(&mut self, room: &mut u64, wants: &mut Wants<'_>) {
        let Some(decoder) = &mut self.decoder else {
            return;
        };
        let sink = &mut self.sink;
        let outcome = decoder.finish(&mut |bytes| {
            sink.push(bytes, room, wants);
            true
        });
        self.after_decoding(outcome);
    }

    fn after_decoding(&mut self, outcome: Decoded) {
        match outcome {
            Decoded::Fine => {}
            Decoded::Stopped => {
                self.inflated = is_bomb(self.decoded, self.wire_size);
                self.sealed = true;
                if self.inflated {
                    let (decoded, wire) = (self.decoded, self.wire_size);
                    self.note(format!(
                        "{wire} bytes inflate to more than {decoded}: not decoded"
                    ));
                }
            }
            Decoded::Damaged(why) => {
                self.sealed = true;
                self.damaged = true;
                self.note(why);
            }
        }
    }

    /// Counts bytes that are not looked at.
    fn pass(&mut self, count: u64) {
        self.wire_size += count;
        if self.decoder.is_none() {
            self.sink.count(count);
        }
    }

    fn note(&mut self, trouble: String) {
        self.trouble.get_or_insert(trouble);
    }
}

/// Trust lists, CRLs and pages deflate to a tenth; a hundredth is a log file.
/// What goes far beyond, or beyond what is kept at all, is built to exhaust.
fn is_bomb(decoded: u64, wire_size: u64) -> bool {
    decoded > MAX_BODY || (decoded > RATIO_FROM && decoded / MAX_RATIO > wire_size)
}

const MAX_RATIO: u64 = 400;
/// Below this size a high ratio does no harm.
const RATIO_FROM: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::io::Write;

    use super::*;

    fn reader(framing: Framing, coding: &str) -> BodyReader {
        let headers = Headers(vec![("Content-Encoding".into(), coding.into())]);
        BodyReader::new(framing, &headers, None, false)
    }

    #[test]
    fn a_hole_inside_a_known_length_keeps_the_framing() {
        let (mut reader, mut room) = (reader(Framing::Length(10), ""), 1000);
        assert_eq!(reader.push(b"abc", &mut room, &mut |_| true), Read::More);
        assert_eq!(reader.gap(Some(5)), AfterHole::Inside);
        assert_eq!(
            reader.push(b"ijHTTP", &mut room, &mut |_| true),
            Read::Done(b"HTTP")
        );
        let body = reader.finish(BodyEnd::Framed, &mut room, &mut |_| true);
        assert_eq!(body.bytes.as_deref(), Some(&b"abc"[..]));
        assert_eq!(
            (body.size, body.wire_size, body.declared),
            (10, 10, Some(10))
        );
        assert_eq!(
            (body.completeness, body.sha256),
            (Completeness::CaptureGap, None)
        );
    }

    #[test]
    fn a_hole_beyond_the_end_loses_the_place() {
        let mut reader = reader(Framing::Length(10), "");
        assert_eq!(reader.gap(Some(11)), AfterHole::Lost);
        assert_eq!(reader.gap(None), AfterHole::Lost);
    }

    #[test]
    fn an_unwanted_body_is_skipped_up_to_its_last_byte() {
        let (mut reader, mut room) = (reader(Framing::Length(10_000), ""), 1000);
        assert_eq!(
            reader.push(&[1; 2000], &mut room, &mut |_| false),
            Read::More
        );
        assert_eq!(reader.may_skip(), None);
        assert_eq!(
            reader.push(&[1; 1000], &mut room, &mut |_| false),
            Read::More
        );
        assert_eq!(reader.may_skip(), Some(6999));
        reader.skipped(6999);
        assert_eq!(
            reader.push(b"1", &mut room, &mut |_| false),
            Read::Done(b"")
        );
        let body = reader.finish(BodyEnd::Framed, &mut room, &mut |_| false);
        assert_eq!(
            (body.size, body.completeness),
            (10_000, Completeness::Complete)
        );
        assert_eq!(
            (body.bytes, body.sha256, body.prefix.len()),
            (None, None, 2048)
        );
    }

    #[test]
    fn a_bomb_is_given_up() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; 20 << 20]).unwrap();
        let bomb = encoder.finish().unwrap();
        let (mut reader, mut room) = (reader(Framing::UntilClose, "gzip"), 1 << 30);
        assert_eq!(reader.push(&bomb, &mut room, &mut |_| true), Read::More);
        let body = reader.finish(BodyEnd::Closed, &mut room, &mut |_| true);
        assert_eq!(
            (body.completeness, body.sha256),
            (Completeness::OverLimit, None)
        );
        assert_eq!(body.wire_size, bomb.len() as u64);
        assert!(body.trouble.unwrap().ends_with("not decoded"));
    }

    #[test]
    fn a_body_cut_by_its_peer_keeps_what_came() {
        let (mut reader, mut room) = (reader(Framing::Length(10), ""), 1000);
        reader.push(b"abc", &mut room, &mut |_| true);
        let body = reader.finish(BodyEnd::Closed, &mut room, &mut |_| true);
        assert_eq!((body.size, body.completeness), (3, Completeness::CutByPeer));
        assert_eq!(
            (body.bytes.as_deref(), body.sha256),
            (Some(&b"abc"[..]), None)
        );
    }

    #[test]
    fn a_coding_that_breaks_off_makes_the_body_cut_though_its_length_is_met() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        encoder.write_all(b"certificate list").unwrap();
        let cut = &encoder.finish().unwrap()[..20];
        let (mut reader, mut room) = (reader(Framing::Length(20), "gzip"), 1000);
        assert_eq!(reader.push(cut, &mut room, &mut |_| true), Read::Done(b""));
        let body = reader.finish(BodyEnd::Framed, &mut room, &mut |_| true);
        assert_eq!(
            (body.completeness, body.sha256),
            (Completeness::CutByPeer, None)
        );
    }
}
