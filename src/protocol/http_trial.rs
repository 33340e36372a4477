//! Trials of whole HTTP conversations.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::flow::{CloseKind, Direction};
use crate::protocol::http::{Completeness, Ending, Exchange};
use crate::protocol::trial::{Event, c, everything, play, play_cut, s, seen};
use crate::protocol::{End, Recognition};

const GET: &str = "GET /msdownload/update/v3/static/trustedr/en/authrootstl.cab HTTP/1.1\r\n\
    Connection: Keep-Alive\r\nAccept: */*\r\nUser-Agent: Microsoft-CryptoAPI/10.0\r\n\
    Host: ctldl.windowsupdate.com\r\n\r\n";
const SQUID_407: &str = "HTTP/1.1 407 Proxy Authentication Required\r\nServer: squid/5.7\r\n\
    Mime-Version: 1.0\r\nDate: Tue, 21 Nov 2026 10:00:00 GMT\r\nContent-Type: text/html\r\n\
    Content-Length: 9\r\nX-Squid-Error: ERR_CACHE_ACCESS_DENIED 0\r\n\
    Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\nVia: 1.1 proxy (squid/5.7)\r\n\
    Connection: keep-alive\r\n\r\n<!DOCTYPE";
const SQUID_403: &str = "HTTP/1.1 403 Forbidden\r\nServer: squid/5.7\r\n\
    Content-Type: text/html;charset=utf-8\r\nContent-Length: 5\r\n\
    X-Squid-Error: ERR_ACCESS_DENIED 0\r\nConnection: close\r\n\r\n<html";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
const CONNECT: &str = "CONNECT www.example.com:443 HTTP/1.0\r\nUser-Agent: x\r\n\r\n";
const HELLO: [u8; 9] = [22, 3, 1, 0, 4, 1, 0, 0, 0];

fn fin(by: Direction) -> Event {
    Event::Close(by, CloseKind::Fin)
}

fn status(exchange: &Exchange) -> Option<u16> {
    exchange.response.as_ref().map(|response| response.status)
}

fn body(exchange: &Exchange) -> Option<Vec<u8>> {
    let body = exchange.response.as_ref()?.body.as_ref()?;
    body.bytes.as_ref().map(|bytes| bytes.to_vec())
}

#[test]
fn a_login_round_and_a_refusal_on_one_connection_are_two_exchanges() {
    let transcript = play(&[
        c(GET),
        s(SQUID_407),
        c(GET),
        s(SQUID_403),
        fin(Direction::ToClient),
    ]);
    assert_eq!(transcript.recognition, Recognition::Http);
    let [login, refusal] = transcript.exchanges.as_slice() else {
        panic!()
    };
    assert_eq!(
        (login.index, status(login), login.ending),
        (0, Some(407), Ending::Complete)
    );
    assert_eq!((refusal.index, status(refusal)), (1, Some(403)));
    let request = login.request.as_ref().unwrap();
    assert_eq!((request.first, request.last), (seen(1), seen(1)));
    let response = login.response.as_ref().unwrap();
    let schemes = response
        .headers
        .all("proxy-authenticate")
        .collect::<Vec<_>>();
    assert_eq!(schemes, ["Negotiate", "NTLM"]);
    assert_eq!(body(login).as_deref(), Some(&b"<!DOCTYPE"[..]));
}

#[test]
fn pipelined_requests_get_their_answers_in_order() {
    let two = "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n";
    let answers = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n\
        HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n";
    let transcript = play(&[c(two), s(answers)]);
    let [head, get] = transcript.exchanges.as_slice() else {
        panic!()
    };
    assert_eq!(
        (head.request.as_ref().unwrap().method.as_str(), status(head)),
        ("HEAD", Some(200))
    );
    assert_eq!(
        (get.request.as_ref().unwrap().target.as_str(), status(get)),
        ("/b", Some(304))
    );
    assert!(head.response.as_ref().unwrap().body.is_none());
    assert_eq!(get.ending, Ending::Complete);
}

#[test]
fn a_body_without_a_length_is_complete_when_the_server_closes_and_cut_when_it_resets() {
    let answer = "HTTP/1.0 200 OK\r\n\r\npartial";
    let closed = play(&[c(GET), s(answer), fin(Direction::ToClient)]);
    let exchange = &closed.exchanges[0];
    let whole = exchange.response.as_ref().unwrap().body.as_ref().unwrap();
    assert_eq!(
        (whole.completeness, exchange.ending),
        (Completeness::Complete, Ending::Complete)
    );
    assert!(whole.sha256.is_some());
    let reset = [
        c(GET),
        s(answer),
        Event::Close(Direction::ToClient, CloseKind::Reset),
    ];
    let reset = play(&reset);
    let exchange = &reset.exchanges[0];
    let cut = exchange.response.as_ref().unwrap().body.as_ref().unwrap();
    assert_eq!(
        (cut.completeness, cut.size, cut.sha256),
        (Completeness::CutByPeer, 7, None)
    );
    let ending = Ending::Closed {
        by: Direction::ToClient,
        reset: true,
        sighting: seen(3),
    };
    assert_eq!(exchange.ending, ending);
}

#[test]
fn a_client_that_gives_up_is_named_and_so_is_a_capture_that_ends() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc";
    let left = play(&[
        c(GET),
        s(short),
        fin(Direction::ToServer),
        fin(Direction::ToClient),
    ]);
    let ending = Ending::Closed {
        by: Direction::ToServer,
        reset: false,
        sighting: seen(3),
    };
    assert_eq!(left.exchanges[0].ending, ending);
    let events = [c(GET), s(short)];
    let ends = play_cut(everything(), &events, End::CaptureEnds, || usize::MAX);
    let response = ends.exchanges[0].response.as_ref().unwrap();
    assert_eq!(
        response.body.as_ref().unwrap().completeness,
        Completeness::CaptureEnds
    );
    assert_eq!(ends.exchanges[0].ending, Ending::CaptureEnds);
    let unanswered = play_cut(everything(), &[c(GET)], End::CaptureEnds, || usize::MAX);
    assert_eq!(unanswered.exchanges[0].ending, Ending::CaptureEnds);
    assert_eq!(unanswered.exchanges[0].response, None);
}

#[test]
fn a_hole_in_a_body_of_known_length_loses_no_later_exchange() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
    let hole = Event::Gap(Direction::ToClient, Some(7));
    let transcript = play(&[c(GET), s(head), hole, c(GET), s(OK)]);
    let [holed, whole] = transcript.exchanges.as_slice() else {
        panic!()
    };
    assert_eq!(
        (holed.ending, body(holed)),
        (Ending::CaptureGap, Some(b"abc".to_vec()))
    );
    assert_eq!(
        (whole.ending, body(whole)),
        (Ending::Complete, Some(b"abc".to_vec()))
    );
}

#[test]
fn after_a_hole_of_unknown_length_the_next_answer_belongs_to_the_newest_request() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab";
    let hole = Event::Gap(Direction::ToClient, None);
    let third = "GET /third HTTP/1.1\r\n\r\n";
    let rubbish = s("cd middle of a body");
    let transcript = play(&[c(GET), s(chunked), hole, c(GET), rubbish, c(third), s(OK)]);
    let [cut, lost, whole] = transcript.exchanges.as_slice() else {
        panic!()
    };
    assert_eq!(
        (cut.ending, body(cut)),
        (Ending::CaptureGap, Some(b"ab".to_vec()))
    );
    assert_eq!((status(lost), lost.ending), (None, Ending::CaptureGap));
    assert_eq!(whole.request.as_ref().unwrap().target, "/third");
    assert_eq!(status(whole), Some(200));
}

#[test]
fn one_sided_captures_keep_requests_without_answers_and_answers_without_requests() {
    let transcript = play(&[s(OK), s(SQUID_407)]);
    let statuses: Vec<_> = transcript.exchanges.iter().map(status).collect();
    assert_eq!(statuses, [Some(200), Some(407)]);
    assert!(
        transcript
            .exchanges
            .iter()
            .all(|exchange| exchange.request.is_none())
    );
    let hole = || Event::Gap(Direction::ToClient, None);
    let transcript = play(&[c(GET), hole(), c(GET), hole()]);
    assert_eq!(transcript.exchanges.len(), 2);
    assert!(
        transcript
            .exchanges
            .iter()
            .all(|exchange| exchange.ending == Ending::CaptureGap)
    );
}

#[test]
fn an_answer_captured_before_its_request_finds_it() {
    let transcript = play(&[s(OK), c(GET), c(GET), s(SQUID_407)]);
    let statuses: Vec<_> = transcript.exchanges.iter().map(status).collect();
    assert_eq!(statuses, [Some(200), Some(407)]);
    assert!(
        transcript
            .exchanges
            .iter()
            .all(|exchange| exchange.request.is_some())
    );
    let middle = [
        Event::Gap(Direction::ToServer, None),
        s(OK),
        c(GET),
        s(SQUID_407),
    ];
    let transcript = play(&middle);
    assert!(transcript.exchanges[0].request.is_none());
    assert_eq!(status(&transcript.exchanges[1]), Some(407));
}

#[test]
fn a_stream_taken_the_wrong_way_round_is_turned() {
    let transcript = play(&[s(GET), c(OK), fin(Direction::ToServer)]);
    assert!(transcript.reversed);
    assert_eq!(status(&transcript.exchanges[0]), Some(200));
    let unanswered = play(&[s(GET), fin(Direction::ToServer)]);
    let ending = Ending::Closed {
        by: Direction::ToClient,
        reset: false,
        sighting: seen(2),
    };
    assert_eq!(unanswered.exchanges[0].ending, ending);
}

#[test]
fn a_refused_tunnel_goes_on_as_http_and_a_granted_one_is_looked_into() {
    let established = "HTTP/1.1 200 Connection established\r\n\r\n";
    let events = [
        c(CONNECT),
        s(SQUID_407),
        c(CONNECT),
        s(established),
        c(HELLO),
    ];
    let transcript = play(&events);
    let [refused, granted] = transcript.exchanges.as_slice() else {
        panic!()
    };
    assert_eq!(
        (status(refused), refused.tunnel.as_ref()),
        (Some(407), None)
    );
    assert_eq!(
        (status(granted), granted.ending),
        (Some(200), Ending::Complete)
    );
    let [tunnel] = transcript.tunnels.as_slice() else {
        panic!()
    };
    assert_eq!(
        (tunnel.authority.as_str(), tunnel.established),
        ("www.example.com:443", seen(4))
    );
    assert_eq!(tunnel.inside, Recognition::Tls);
    assert_eq!(
        transcript.handshakes[0].tunnel.as_deref(),
        Some("www.example.com:443")
    );
}

#[test]
fn http_in_clear_inside_a_tunnel_knows_its_tunnel() {
    let transcript = play(&[c(CONNECT), s("HTTP/1.0 200 OK\r\n\r\n"), c(GET), s(OK)]);
    let [connect, inner] = transcript.exchanges.as_slice() else {
        panic!()
    };
    assert_eq!((connect.index, inner.index), (0, 1));
    assert_eq!(inner.tunnel.as_deref(), Some("www.example.com:443"));
    assert_eq!(transcript.tunnels[0].inside, Recognition::Http);
}

#[test]
fn a_tunnel_whose_grant_was_not_captured_is_known_by_the_hello_inside() {
    let hole = Event::Gap(Direction::ToClient, None);
    let transcript = play(&[c(CONNECT), hole, c(HELLO)]);
    assert_eq!(transcript.exchanges[0].ending, Ending::CaptureGap);
    assert_eq!(transcript.tunnels[0].inside, Recognition::Tls);
    assert_eq!(transcript.handshakes.len(), 1);
    let answers = play(&[
        s("HTTP/1.1 200 Connection established\r\n\r\n"),
        s([22, 3, 3, 0, 4, 2, 0, 0, 0]),
    ]);
    assert_eq!(
        (
            answers.tunnels[0].authority.as_str(),
            answers.handshakes.len()
        ),
        ("", 1)
    );
}

#[test]
fn a_tunnel_with_something_else_inside_says_so() {
    let granted = "HTTP/1.1 200 Connection established\r\n\r\n";
    let transcript = play(&[c(CONNECT), s(granted), c("\x01\x02\x03\x04\x05")]);
    assert_eq!(transcript.tunnels[0].inside, Recognition::Unknown);
    assert_eq!(transcript.first_bytes[0], [1, 2, 3, 4, 5]);
    let silent = play(&[c(CONNECT), s(granted)]);
    assert_eq!(silent.tunnels[0].inside, Recognition::Silent);
}

#[test]
fn a_post_that_expects_to_go_on_is_answered_or_asks_anew() {
    let post = "POST /ocsp HTTP/1.1\r\nContent-Type: application/ocsp-request\r\n\
        Content-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    let transcript = play(&[
        c(post),
        s("HTTP/1.1 100 Continue\r\n\r\n"),
        c("0123"),
        s(OK),
    ]);
    let request = transcript.exchanges[0].request.as_ref().unwrap();
    assert_eq!(
        request.body.as_ref().unwrap().bytes.as_deref(),
        Some(&b"0123"[..])
    );
    assert_eq!(status(&transcript.exchanges[0]), Some(200));
    let transcript = play(&[c(post), s(SQUID_407), c(post), c("0123"), s(OK)]);
    let statuses: Vec<_> = transcript.exchanges.iter().map(status).collect();
    assert_eq!(statuses, [Some(407), Some(200)]);
}

#[test]
fn an_upgrade_ends_the_reading() {
    let upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    let transcript = play(&[
        c(GET),
        s(upgrade),
        s("\u{81}\u{5}hello"),
        c("GET / HTTP/1.1\r\n\r\n"),
    ]);
    assert_eq!(transcript.exchanges.len(), 1);
    assert_eq!(transcript.exchanges[0].ending, Ending::Complete);
    assert!(transcript.trouble.is_empty());
}

#[test]
fn a_conversation_seen_from_the_middle_is_taken_up_at_a_message() {
    let hole = Event::Gap(Direction::ToClient, None);
    let middle = vec![s(vec![0x55; 1400]); 100];
    let events = [vec![hole], middle, vec![c(GET), s(OK)]].concat();
    let transcript = play(&events);
    assert_eq!(transcript.exchanges.len(), 1);
    assert_eq!(status(&transcript.exchanges[0]), Some(200));
}

#[test]
fn an_unknown_protocol_is_left_alone_and_its_first_bytes_kept() {
    let transcript = play(&[
        s("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
        c("SSH-2.0-PuTTY\r\n"),
    ]);
    assert_eq!(transcript.recognition, Recognition::Unknown);
    assert_eq!(
        transcript.first_bytes[1],
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"[..32]
    );
    let sip = play(&[c("OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n")]);
    assert_eq!(
        (sip.recognition, sip.exchanges.len()),
        (Recognition::Unknown, 0)
    );
    assert_eq!(play(&[]).recognition, Recognition::Silent);
}

#[test]
fn socks_leads_to_what_follows_it() {
    let request = b"\x05\x01\0\x03\x0bexample.com\0\x50";
    let reply = b"\x05\0\0\x01\0\0\0\0\0\0";
    let transcript = play(&[c([5, 1, 0]), s([5, 0]), c(request), s(reply), c(GET), s(OK)]);
    assert_eq!(transcript.recognition, Recognition::Socks);
    let socks = transcript.socks.unwrap();
    assert_eq!(
        (socks.target.as_deref(), socks.reply),
        (Some("example.com:80"), Some(0))
    );
    assert_eq!(status(&transcript.exchanges[0]), Some(200));
}

#[test]
fn a_head_that_never_ends_is_given_up_but_its_first_line_kept_when_cut() {
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(70_000));
    let transcript = play(&[c(endless)]);
    assert_eq!(transcript.exchanges.len(), 0);
    assert!(transcript.trouble[0].0.contains("64 KiB"));
    let cut = play(&[
        c("GET /cut HTTP/1.1\r\nHost: a\r\nUser-A"),
        fin(Direction::ToServer),
    ]);
    let request = cut.exchanges[0].request.as_ref().unwrap();
    assert_eq!(
        (request.target.as_str(), request.headers.0.len()),
        ("/cut", 1)
    );
}

#[test]
fn exchanges_can_be_filtered_and_taken_out_on_the_way() {
    use crate::flow::{ConversationId, StreamConsumer};
    let dialogue = crate::protocol::Dialogue::new(ConversationId(1), everything());
    let mut dialogue = dialogue.keeping(|exchange| status(exchange) != Some(407));
    for message in [SQUID_407, SQUID_403] {
        dialogue.bytes(Direction::ToServer, GET.as_bytes(), seen(1));
        dialogue.bytes(Direction::ToClient, message.as_bytes(), seen(2));
    }
    let taken = dialogue.take_finished();
    assert_eq!(taken.iter().map(status).collect::<Vec<_>>(), [Some(403)]);
    let transcript = dialogue.into_transcript(End::Closed);
    assert_eq!(
        (transcript.exchanges.len(), transcript.exchanges_not_kept),
        (0, 1)
    );
}

#[test]
fn an_answer_after_holes_on_both_sides_is_given_to_no_request() {
    let events = [
        c(GET),
        Event::Gap(Direction::ToClient, Some(200)),
        Event::Gap(Direction::ToServer, Some(100)),
        s(OK),
        c(GET),
        s(SQUID_403),
    ];
    let transcript = play(&events);
    let seen: Vec<_> = transcript
        .exchanges
        .iter()
        .map(|each| (each.request.is_some(), status(each)))
        .collect();
    assert_eq!(seen, [(true, None), (false, Some(200)), (true, Some(403))]);
    assert_eq!(transcript.exchanges[0].ending, Ending::CaptureGap);
}

#[test]
fn the_answer_to_a_head_that_was_not_captured_does_not_swallow_the_next() {
    let to_head = "HTTP/1.1 200 OK\r\nContent-Length: 1096\r\n\r\n";
    let hole = Event::Gap(Direction::ToServer, None);
    let transcript = play(&[hole, s(to_head), c(GET), s(SQUID_403)]);
    let seen: Vec<_> = transcript
        .exchanges
        .iter()
        .map(|each| (each.request.is_some(), status(each)))
        .collect();
    assert_eq!(seen, [(false, Some(200)), (true, Some(403))]);
}
