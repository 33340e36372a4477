//! HTTP messages, DER and scripts inside of captures that ask for too much.

use std::io::Write as _;

use whychain::retrieval::{Outcome, Retrieval};

use crate::capture_writer::Capture;
use crate::{assert_issue, before_good, http, scaled};

const GET: &str = "GET /bomb.crl HTTP/1.1\r\nHost: crl.example\r\n\r\n";

/// The bytes of the body that was downloaded, as far as kept, and its issue.
fn answered(answer: Vec<u8>) -> whychain::pipeline::Explained {
    let mut capture = Capture::new();
    capture.exchange(GET, answer);
    before_good(capture)
}

fn gzip(length: usize) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![b'0'; length]).unwrap();
    packer.finish().unwrap()
}

#[test]
fn a_body_that_inflates_a_thousandfold_is_not_decoded() {
    let explained = answered(http("Content-Encoding: gzip\r\n", &gzip(32 << 20)));
    assert_issue(&explained, "not decoded");
}

#[test]
fn a_body_coded_many_times_over_is_not_decoded() {
    let mut body = gzip(8 << 20);
    for _ in 0..9 {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&body).unwrap();
        body = packer.finish().unwrap();
    }
    let codings = ["gzip"; 10].join(", ");
    let explained = answered(http(&format!("Content-Encoding: {codings}\r\n"), &body));
    assert_issue(&explained, "coding");
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    [head.as_bytes(), body].concat()
}

#[test]
fn a_body_in_chunks_of_one_byte_is_put_together() {
    let list = crate::good_crl();
    let chunks: Vec<u8> = list
        .iter()
        .flat_map(|byte| [b'1', 13, 10, *byte, 13, 10])
        .collect();
    let end = b"0\r\n\r\n";
    let empty: Vec<u8> = b"1\r\n0\r\n".repeat(scaled(1_000_000, 100_000));
    answered(chunked(&[&chunks[..], end].concat()));
    answered(chunked(&[&empty[..], end].concat()));
}

#[test]
fn chunks_of_impossible_lengths_are_said() {
    let of = |size: &str| answered(chunked(format!("{size}\r\nabc\r\n0\r\n\r\n").as_bytes()));
    for size in ["FFFFFFFFFFFFFFFFF", "-1"] {
        assert!(!of(size).case.issues.is_empty(), "{size}");
    }
    // A length that could be true, of a body that ends before: cut short.
    let explained = of("7FFFFFFFFFFFFFFF");
    let of_bomb = |it: &&Retrieval| it.url.as_deref() == Some("http://crl.example/bomb.crl");
    let bomb = explained.case.retrievals.iter().find(of_bomb).unwrap();
    assert_eq!(bomb.outcome, Outcome::Truncated);
    let endless = [b"3;a=".to_vec(), vec![b'b'; 200_000]].concat();
    assert_issue(&answered(chunked(&endless)), "chunk size line is too long");
    let trailers = [b"0\r\n".to_vec(), b"A: b\r\n".repeat(50_000)].concat();
    assert_issue(&answered(chunked(&trailers)), "trailer");
}

#[test]
fn a_head_without_end_and_one_of_ten_thousand_fields_are_said() {
    let endless = format!("HTTP/1.1 200 OK\r\nA: {}", "b".repeat(300_000));
    let explained = answered(endless.into_bytes());
    assert_issue(&explained, "longer than 64 KiB");
    let fields = "A: b\r\n".repeat(10_000);
    let explained = answered(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").into_bytes());
    assert_issue(&explained, "more fields than are read");
}

#[test]
fn a_proxy_script_that_runs_without_end_is_stopped() {
    for script in [
        "function FindProxyForURL(u, h) { while (true) {} }",
        "function FindProxyForURL(u, h) { return FindProxyForURL(u, h); }",
        "function FindProxyForURL(u, h) { var s = 'a'; while (true) s += s; }",
        "function FindProxyForURL(u, h) { var a = []; while (true) a[a.length] = a; }",
        "function FindProxyForURL(u, h) { return /(a+)+$/.test('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'); }",
        "while (true) {} function FindProxyForURL(u, h) { return 'DIRECT'; }",
    ] {
        let mut capture = Capture::new();
        let head = "Content-Type: application/x-ns-proxy-autoconfig\r\n";
        let request = "GET /wpad.dat HTTP/1.1\r\nHost: wpad.corp.example\r\nUser-Agent: WinHttp-Autoproxy-Service/5.1\r\n\r\n";
        capture.exchange(request, http(head, script.as_bytes()));
        let explained = before_good(capture);
        assert_issue(&explained, "is not evaluated");
    }
}
