//! Requests as the Windows CryptoAPI makes them, answers as nginx and squid give
//! them.

use time::OffsetDateTime;

use super::objects::Object;
use super::plan::Site;
use super::wire::{Capture, End, Instant, SECOND};

/// What comes back.
pub enum Answer {
    /// The object.
    Found(Object),
    /// A page of the proxy that it calls a success.
    BlockPage,
    /// The proxy wants a login.
    Login,
    /// The proxy forbids it.
    Denied,
}

/// The web servers of the fleet are one machine.
const SERVER: [u8; 4] = [203, 0, 113, 10];

/// One request and its answer, in a conversation of its own; the time of the
/// last packet of the answer.
pub fn fetch(capture: &mut Capture, site: &Site, url: &str, answer: &Answer) -> Instant {
    let (host, path) = parts(url);
    let target = if site.proxy.is_some() { url } else { path };
    let connection = match site.proxy {
        Some(_) => "Proxy-Connection: Keep-Alive",
        None => "Connection: Keep-Alive",
    };
    let request = format!(
        "GET {target} HTTP/1.1\r\nCache-Control: max-age = 0\r\nAccept: */*\r\n\
         User-Agent: Microsoft-CryptoAPI/10.0\r\nHost: {host}\r\n{connection}\r\n\r\n"
    );
    let mut conversation = capture.connect(site.proxy.unwrap_or((SERVER, 80)));
    capture.say(&mut conversation, request.as_bytes());
    let bytes = bytes(site, answer, capture.now());
    let at = capture.answer(&mut conversation, &bytes);
    capture.close(conversation);
    at
}

/// The head of a tunnel through a proxy, if the site has one, and to whom the
/// conversation goes.
pub fn tunnel(site: &Site, host: &str) -> (End, Option<(String, &'static str)>) {
    match site.proxy {
        None => (([203, 0, 113, 50], 443), None),
        Some(proxy) => {
            let request = format!(
                "CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\
                 User-Agent: Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko\r\n\
                 Proxy-Connection: Keep-Alive\r\n\r\n"
            );
            let answer = "HTTP/1.1 200 Connection established\r\n\r\n";
            (proxy, Some((request, answer)))
        }
    }
}

/// `ETag` of an object, as nginx makes it.
pub fn etag(object: &Object) -> String {
    format!("\"{:x}-{:x}\"", object.modified, object.body.len())
}

fn bytes(site: &Site, answer: &Answer, now: Instant) -> Vec<u8> {
    let via = match (answer, site.proxy) {
        (Answer::Found(_), Some(_)) => format!(
            "X-Cache: MISS from {0}\r\nVia: 1.1 {0} (squid/5.7)\r\n",
            site.proxy_name
        ),
        _ => String::new(),
    };
    let page: Vec<u8>;
    let (status, head, body) = match answer {
        Answer::Found(object) => {
            let modified = date(object.modified * SECOND);
            let head = format!(
                "Server: nginx\r\nContent-Type: {}\r\nLast-Modified: {modified}\r\nETag: {}\r\n",
                object.content_type,
                etag(object)
            );
            ("200 OK", head, object.body)
        }
        Answer::BlockPage => {
            page = b"<!DOCTYPE html><html><head><title>Blocked</title></head><body><h1>Access \
                to this category is blocked</h1><p>Ask the service desk.</p></body></html>"
                .to_vec();
            let head = "Content-Type: text/html; charset=utf-8\r\n".to_owned();
            ("200 OK", head, &page[..])
        }
        Answer::Login => {
            page = b"<html><body>Log in to use this proxy.</body></html>".to_vec();
            let head = "Server: squid/5.7\r\nContent-Type: text/html\r\n\
                X-Squid-Error: ERR_CACHE_ACCESS_DENIED 0\r\nProxy-Authenticate: Negotiate\r\n\
                Proxy-Authenticate: NTLM\r\n";
            (
                "407 Proxy Authentication Required",
                head.to_owned(),
                &page[..],
            )
        }
        Answer::Denied => {
            page = b"<html><body>Access Denied.</body></html>".to_vec();
            let head = "Server: squid/5.7\r\nContent-Type: text/html\r\n\
                X-Squid-Error: ERR_ACCESS_DENIED 0\r\n";
            ("403 Forbidden", head.to_owned(), &page[..])
        }
    };
    let date = date(now);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nDate: {date}\r\n{head}{via}Content-Length: {length}\r\n\
         Connection: keep-alive\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn parts(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap();
    rest.split_at(rest.find('/').unwrap())
}

/// A date as HTTP has it.
fn date(at: Instant) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at / SECOND).unwrap();
    let (day, month) = (at.weekday().to_string(), at.month().to_string());
    let (hour, minute, second) = at.to_hms();
    format!(
        "{}, {:02} {} {} {hour:02}:{minute:02}:{second:02} GMT",
        &day[..3],
        at.day(),
        &month[..3],
        at.year()
    )
}
