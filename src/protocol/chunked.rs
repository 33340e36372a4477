//! The framing of chunked bodies.

/// Splits a chunked body into data and framing, fed in pieces.
///
/// ```text
/// chunk = size (hex) [ ";" extensions ] CRLF data CRLF
/// last  = "0" CRLF *( trailer CRLF ) CRLF
/// ```
///
/// Tolerated: LF without CR, spaces around the size, and a missing CRLF after
/// the data only in so far as a size line may be preceded by empty lines.
/// Extensions and trailers are passed over.
///
/// Spec: RFC 9112 §7.1.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    line: Vec<u8>,
    trailers: usize,
}

/// One step of a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Data of the body, and what follows it.
    Data(&'a [u8], &'a [u8]),
    /// The input is used up.
    More,
    /// The body is over; the rest belongs to the next message.
    Done(&'a [u8]),
    /// The framing cannot be followed; the text says why.
    Broken(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    SizeLine,
    Data { left: u64 },
    Trailers,
}

/// A size line is a few bytes; signed chunks carry extensions of some hundred.
const MAX_LINE: usize = 4096;
/// As for a message head.
const MAX_TRAILERS: usize = 64 * 1024;

impl Chunked {
    pub(super) fn new() -> Self {
        Chunked {
            state: State::SizeLine,
            line: Vec::new(),
            trailers: 0,
        }
    }

    /// Bytes of the current chunk's data still to come.
    pub(super) fn left_in_chunk(&self) -> u64 {
        match self.state {
            State::Data { left } => left,
            State::SizeLine | State::Trailers => 0,
        }
    }

    /// Notes that `count` bytes of the current chunk's data went by unseen.
    pub(super) fn pass_over(&mut self, count: u64) {
        if let State::Data { left } = self.state {
            self.after_data(left.saturating_sub(count));
        }
    }

    /// Reads on; to be called again with the rest after `Data`.
    pub(super) fn step<'a>(&mut self, mut bytes: &'a [u8]) -> Step<'a> {
        loop {
            if let State::Data { left } = self.state {
                if bytes.is_empty() {
                    return Step::More;
                }
                let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let (data, rest) = bytes.split_at(count);
                self.after_data(left - count as u64);
                return Step::Data(data, rest);
            }
            let Some(rest) = self.take_line(bytes) else {
                if self.line.len() > MAX_LINE {
                    return Step::Broken("a chunk size line is too long".into());
                }
                return Step::More;
            };
            bytes = rest;
            let line = std::mem::take(&mut self.line);
            match self.line_done(&line) {
                Ok(true) => return Step::Done(bytes),
                Ok(false) => {}
                Err(why) => return Step::Broken(why),
            }
        }
    }

    fn after_data(&mut self, left: u64) {
        self.state = if left == 0 {
            State::SizeLine
        } else {
            State::Data { left }
        };
    }

    /// Appends to `line` up to the next LF; `None` when there is none yet.
    fn take_line<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        match bytes.iter().position(|&byte| byte == b'\n') {
            Some(end) => {
                let (line, rest) = bytes.split_at(end + 1);
                self.line.extend_from_slice(line);
                Some(rest)
            }
            None => {
                self.line.extend_from_slice(bytes);
                None
            }
        }
    }

    /// True when this line ends the body.
    fn line_done(&mut self, line: &[u8]) -> Result<bool, String> {
        let line = line.trim_ascii();
        match self.state {
            State::Trailers if line.is_empty() => Ok(true),
            State::Trailers => {
                self.trailers += line.len();
                let fits = self.trailers <= MAX_TRAILERS;
                if fits {
                    Ok(false)
                } else {
                    Err("trailer fields are too long".into())
                }
            }
            // The CRLF that ends a chunk's data.
            State::SizeLine if line.is_empty() => Ok(false),
            State::SizeLine | State::Data { .. } => {
                let size = line.split(|&byte| byte == b';').next().unwrap_or_default();
                let left = chunk_size(size.trim_ascii())?;
                self.state = if left == 0 {
                    State::Trailers
                } else {
                    State::Data { left }
                };
                Ok(false)
            }
        }
    }
}

fn chunk_size(digits: &[u8]) -> Result<u64, String> {
    let text = std::str::from_utf8(digits)
        .ok()
        .filter(|text| !text.starts_with('+'));
    let size = text.and_then(|text| u64::from_str_radix(text, 16).ok());
    size.ok_or_else(|| {
        let shown = String::from_utf8_lossy(digits.get(..16).unwrap_or(digits)).into_owned();
        format!("{shown:?} is no chunk size")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], piece: usize) -> (Vec<u8>, String) {
        let (mut chunked, mut data) = (Chunked::new(), Vec::new());
        for (index, piece_bytes) in bytes.chunks(piece).enumerate() {
            let mut rest = piece_bytes;
            loop {
                match chunked.step(rest) {
                    Step::Data(part, after) => {
                        data.extend_from_slice(part);
                        rest = after;
                    }
                    Step::More => break,
                    Step::Done(after) => {
                        let used = index * piece + piece_bytes.len() - after.len();
                        return (data, format!("done at {used}"));
                    }
                    Step::Broken(why) => return (data, why),
                }
            }
        }
        (data, "more".into())
    }

    #[test]
    fn chunks_with_extensions_and_trailers_join_to_the_body() {
        let body = b"4;name=\"v\"\r\nWiki\r\n5 \r\npedia\r\n0\r\nExpires: never\r\n\r\nHTTP/1.1";
        for piece in 1..body.len() {
            let (data, end) = read(body, piece);
            assert_eq!(data, b"Wikipedia");
            assert_eq!(end, "done at 50", "in pieces of {piece}");
        }
    }

    #[test]
    fn line_feeds_alone_are_enough() {
        assert_eq!(
            read(b"3\nabc\n0\n\n", 2),
            (b"abc".to_vec(), "done at 9".into())
        );
    }

    #[test]
    fn a_size_that_is_no_number_breaks_the_framing() {
        let (data, why) = read(b"3\r\nabc\r\nxyz\r\n", 100);
        assert_eq!(
            (data.as_slice(), why.as_str()),
            (&b"abc"[..], "\"xyz\" is no chunk size")
        );
        assert_eq!(
            read(b"10000000000000000\r\n", 100).1,
            "\"1000000000000000\" is no chunk size"
        );
        assert_eq!(read(&[b'0'; 5000], 100).1, "a chunk size line is too long");
    }
}
