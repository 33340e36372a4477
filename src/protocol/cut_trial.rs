//! However a stream is cut into segments, what is read of it is the same; and
//! whatever is done to its bytes, reading ends.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;

use crate::flow::{CloseKind, Direction};
use crate::protocol::End;
use crate::protocol::http::Options;
use crate::protocol::tls_trial::{RECORDINGS, recording};
use crate::protocol::trial::{Event, Random, c, everything, play_cut, s};

/// Conversations with all that HTTP/1.1 can do.
fn conversations() -> Vec<(String, Vec<Event>)> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&b"revoked ".repeat(3000)).unwrap();
    let gzip = gzip.finish().unwrap();
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n").into_bytes();
    let get = |path: &str| c(format!("GET {path} HTTP/1.1\r\nHost: crl.example\r\n\r\n"));
    let zipped = [
        head(&format!(
            "Content-Encoding: gzip\r\nContent-Length: {}",
            gzip.len()
        )),
        gzip.clone(),
    ];
    let mut chunked = head("Content-Encoding: gzip\r\nTransfer-Encoding: chunked");
    for piece in gzip.chunks(9) {
        chunked.extend(format!("{:x};ext=1\r\n", piece.len()).bytes());
        chunked.extend_from_slice(piece);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\nTrailer: x\r\n\r\n");
    let large = [
        head("Content-Type: x/large\r\nContent-Length: 9000"),
        vec![b'z'; 9000],
    ]
    .concat();
    let until_close = [head("Connection: close"), vec![b'q'; 5000]].concat();
    let plain = vec![
        get("/zipped"),
        s(zipped.concat()),
        get("/chunked"),
        s("HTTP/1.1 100 Continue\r\n\r\n"),
        s(chunked),
        c(
            "GET /one HTTP/1.1\r\n\r\nHEAD /two HTTP/1.1\r\n\r\nPOST /three HTTP/1.1\r\n\
           Content-Type: application/ocsp-request\r\nContent-Length: 10\r\n\r\n0123456789",
        ),
        s([
            large.clone(),
            head("Content-Length: 70"),
            head("Content-Length: 0"),
        ]
        .concat()),
        get("/last"),
        s(until_close),
        Event::Close(Direction::ToClient, CloseKind::Fin),
    ];
    let connect = c("CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n");
    let refused = s("HTTP/1.1 407 Login\r\nContent-Length: 4\r\n\r\nno!!");
    let granted = s("HTTP/1.1 200 Connection established\r\n\r\n");
    let tunnel = [
        vec![connect.clone(), refused, connect, granted],
        recording("tls12-client-certificate"),
    ];
    let socks = [
        c([5, 1, 0]),
        s([5, 0]),
        c(b"\x05\x01\0\x01\x01\x02\x03\x04\0\x50"),
        s(b"\x05\0\0\x01\0\0\0\0\0\0"),
    ];
    let mut all = vec![
        ("plain".to_owned(), plain.clone()),
        ("tunnel".to_owned(), tunnel.concat()),
        ("socks".to_owned(), [socks.to_vec(), plain].concat()),
    ];
    all.extend(RECORDINGS.map(|name| (name.to_owned(), recording(name))));
    all
}

fn choosy() -> Options {
    let want_body = |_: Option<&_>, response: &crate::protocol::http::Response, first: &[u8]| {
        response.headers.get("content-type") != Some("x/large") && !first.starts_with(b"qq")
    };
    Options {
        want_body,
        hash_every_body: false,
    }
}

#[test]
fn the_transcript_does_not_depend_on_how_the_stream_is_cut() {
    let hashing = Options {
        hash_every_body: true,
        ..choosy()
    };
    for (name, events) in conversations() {
        for options in [everything(), choosy(), hashing] {
            let whole = play_cut(options, &events, End::Closed, || usize::MAX);
            assert!(whole.trouble.is_empty(), "{name}: {:?}", whole.trouble);
            for seed in 1..=40u64 {
                let mut random = Random(0x9E37_79B9_7F4A_7C15u64.wrapping_mul(seed));
                let longest = [1, 3, 20, 200, 1460][usize::try_from(seed % 5).unwrap()];
                let cut = || usize::try_from(1 + random.below(longest)).unwrap();
                let cut = play_cut(options, &events, End::Closed, cut);
                assert!(cut == whole, "{name}, seed {seed}");
            }
        }
    }
}

#[test]
fn damaged_streams_are_read_to_their_end() {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let conversations = conversations();
    for round in 0..ROUNDS {
        let (_, events) = &conversations[round % conversations.len()];
        let mut events = events.clone();
        for _ in 0..1 + random.below(4) {
            let at = usize::try_from(random.below(events.len() as u64)).unwrap();
            let kind = random.below(6);
            let length = random.below(3000);
            let direction = if random.below(2) == 0 {
                Direction::ToServer
            } else {
                Direction::ToClient
            };
            match (&mut events[at], kind) {
                (Event::C(bytes) | Event::S(bytes), 0 | 1) => {
                    for _ in 0..1 + random.below(8) {
                        let place = usize::try_from(random.below(bytes.len() as u64)).unwrap();
                        bytes[place] ^= 1 << random.below(8);
                    }
                }
                (Event::C(bytes) | Event::S(bytes), 2) => {
                    let length = 1 + usize::try_from(random.below(bytes.len() as u64)).unwrap();
                    bytes.truncate(length);
                }
                (_, 3) => {
                    events.remove(at);
                    if events.is_empty() {
                        break;
                    }
                }
                (_, 4) => events.insert(at, Event::Gap(direction, Some(length))),
                _ => events.insert(at, Event::Gap(direction, None)),
            }
        }
        let longest = 1 + random.below(1500);
        let cut = || usize::try_from(1 + random.below(longest)).unwrap();
        let transcript = play_cut(choosy(), &events, End::CaptureEnds, cut);
        assert!(transcript.exchanges.len() < 20 && transcript.handshakes.len() < 3);
    }
}

/// Raise for a long run.
const ROUNDS: usize = 4000;
