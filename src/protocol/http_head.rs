//! Heads of HTTP/1.x messages.

use crate::bytes::{ErrorKind, ParseError};
use crate::protocol::http::Headers;

/// A request line with its header fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RequestHead {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Headers,
}

/// A status line with its header fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StatusHead {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) headers: Headers,
}

/// Longest head that is read. Servers accept 8 to 64 KiB; Kerberos tokens in
/// `Proxy-Authorization` reach 48 KiB.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// Most fields that are kept; the rest of a longer head is dropped, and said
/// to be. Servers refuse from 100 on.
const MAX_FIELDS: usize = 256;

/// Whether a head has more lines than its first, [`MAX_FIELDS`] and the empty
/// one. Folded lines count, so that a head at the limit may be suspected.
pub(super) fn has_too_many_fields(head: &[u8]) -> bool {
    let lines = head.iter().filter(|&&byte| byte == b'\n').count();
    lines > MAX_FIELDS + 2
}

/// Where a head ends: just after its empty line. `from` is how much of `bytes`
/// was searched before. LF alone ends a line too (RFC 9112 §2.2).
pub(super) fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let start = from.saturating_sub(3);
    let mut rest = bytes.get(start..)?;
    let mut position = start;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\n') {
        let after = rest.get(at + 1..).unwrap_or_default();
        position += at + 1;
        match after {
            [b'\n', ..] => return Some(position + 1),
            [b'\r', b'\n', ..] => return Some(position + 2),
            _ => rest = after,
        }
    }
    None
}

/// Reads a request's head, its empty line included.
///
/// ```text
/// method SP target SP "HTTP/1." digit CRLF *( name ":" value CRLF ) CRLF
/// ```
///
/// Tolerated: what `httparse` tolerates when told to, and in what it still
/// refuses, spaces within the target, folded lines and fields without a colon
/// (dropped).
///
/// Spec: RFC 9112 §2 to §5.
///
/// # Errors
///
/// `Malformed` when the first line is no request line.
pub(super) fn request_head(bytes: &[u8]) -> Result<RequestHead, ParseError> {
    let mut fields = [httparse::EMPTY_HEADER; 96];
    let mut request = httparse::Request::new(&mut fields);
    let mut config = httparse::ParserConfig::default();
    config.allow_multiple_spaces_in_request_line_delimiters(true);
    config.ignore_invalid_headers_in_requests(true);
    let outcome = config.parse_request(&mut request, bytes);
    if let (Ok(httparse::Status::Complete(_)), Some(method), Some(target)) =
        (outcome, request.method, request.path)
    {
        let (method, target) = (method.to_owned(), target.to_owned());
        return Ok(RequestHead {
            method,
            target,
            headers: headers(request.headers),
        });
    }
    let (line, rest) = first_line(bytes);
    let method_end = line
        .find(' ')
        .ok_or_else(|| malformed("request line", &line))?;
    let (method, after) = line.split_at(method_end);
    let (target, version) = after.rsplit_once(' ').unwrap_or((after, ""));
    if !version.starts_with("HTTP/1.") || target.trim().is_empty() {
        return Err(malformed("request line", &line));
    }
    let (method, target) = (method.to_owned(), target.trim().to_owned());
    Ok(RequestHead {
        method,
        target,
        headers: lenient_headers(rest),
    })
}

/// Reads an answer's head, its empty line included.
///
/// ```text
/// "HTTP/1." digit SP status SP [ reason ] CRLF *( name ":" value CRLF ) CRLF
/// ```
///
/// Tolerated as in [`request_head`]; the reason and its space may be missing.
///
/// Spec: RFC 9112 §4.
///
/// # Errors
///
/// `Malformed` when the first line is no status line.
pub(super) fn status_head(bytes: &[u8]) -> Result<StatusHead, ParseError> {
    let mut fields = [httparse::EMPTY_HEADER; 96];
    let mut response = httparse::Response::new(&mut fields);
    let mut config = httparse::ParserConfig::default();
    config.allow_multiple_spaces_in_response_status_delimiters(true);
    config.allow_obsolete_multiline_headers_in_responses(true);
    config.allow_spaces_after_header_name_in_responses(true);
    config.allow_space_before_first_header_name(true);
    config.ignore_invalid_headers_in_responses(true);
    let outcome = config.parse_response(&mut response, bytes);
    let (line, rest) = first_line(bytes);
    if let (Ok(httparse::Status::Complete(_)), Some(status)) = (outcome, response.code) {
        // httparse gives an empty reason for one with bytes above 0x7F.
        let reason = reason_of(&line);
        return Ok(StatusHead {
            status,
            reason,
            headers: headers(response.headers),
        });
    }
    let code = line
        .split_ascii_whitespace()
        .nth(1)
        .filter(|code| code.len() == 3);
    let status = code.and_then(|code| code.parse().ok());
    match status {
        Some(status) if line.starts_with("HTTP/1.") => Ok(StatusHead {
            status,
            reason: reason_of(&line),
            headers: lenient_headers(rest),
        }),
        _ => Err(malformed("status line", &line)),
    }
}

fn reason_of(line: &str) -> String {
    let after_version = line
        .split_once(' ')
        .map_or("", |(_, after)| after.trim_start());
    after_version
        .split_once(' ')
        .map_or("", |(_, reason)| reason)
        .trim()
        .to_owned()
}

fn headers(fields: &[httparse::Header<'_>]) -> Headers {
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace(['\r', '\n'], " ");
        text.trim().to_owned()
    };
    let fields = fields.iter().take_while(|field| !field.name.is_empty());
    let mut headers: Vec<(String, String)> = fields
        .map(|field| (field.name.to_owned(), text(field.value)))
        .collect();
    // They are kept for as long as the run.
    headers.shrink_to_fit();
    Headers(headers)
}

fn lenient_headers(bytes: &[u8]) -> Headers {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        let folded = text.starts_with([' ', '\t']);
        if let (true, Some((_, value))) = (folded, headers.last_mut()) {
            value.push(' ');
            value.push_str(text.trim());
        } else if let Some((name, value)) = text.split_once(':')
            && headers.len() < MAX_FIELDS
        {
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    Headers(headers)
}

fn first_line(bytes: &[u8]) -> (String, &[u8]) {
    let bytes = crate::protocol::sniff::trim_line_ends(bytes);
    let end = bytes
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(end);
    (
        String::from_utf8_lossy(line).trim_end().to_owned(),
        rest.get(1..).unwrap_or_default(),
    )
}

fn malformed(what: &'static str, line: &str) -> ParseError {
    let shown: String = line.chars().take(40).collect();
    ParseError {
        what,
        at: 0,
        kind: ErrorKind::Malformed(format!("{shown:?}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_cryptoapi_request_through_a_proxy_is_read() {
        let head = request_head(
            b"GET http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en/\
              authrootstl.cab?0d4ad2e1 HTTP/1.1\r\n\
              Cache-Control: max-age = 3600\r\n\
              Proxy-Connection: Keep-Alive\r\n\
              Accept: */*\r\n\
              If-Modified-Since: Thu, 05 Aug 2021 18:03:40 GMT\r\n\
              If-None-Match: \"0cf27e4238ad71:0\"\r\n\
              User-Agent: Microsoft-CryptoAPI/10.0\r\n\
              Host: ctldl.windowsupdate.com\r\n\r\n",
        )
        .unwrap();
        assert_eq!(head.method, "GET");
        assert!(head.target.starts_with("http://ctldl.windowsupdate.com/"));
        assert_eq!(
            head.headers.get("user-agent"),
            Some("Microsoft-CryptoAPI/10.0")
        );
        assert_eq!(head.headers.0.len(), 7);
    }

    #[test]
    fn a_status_line_may_lack_its_reason_or_have_it_in_latin_1() {
        let head = status_head(b"HTTP/1.0 200\r\n\r\n").unwrap();
        assert_eq!((head.status, head.reason.as_str()), (200, ""));
        let head = status_head(b"HTTP/1.1 404 Non trouv\xe9\r\nA: b\r\n\r\n").unwrap();
        assert_eq!(
            (head.status, head.reason.as_str()),
            (404, "Non trouv\u{FFFD}")
        );
        assert_eq!(head.headers.get("a"), Some("b"));
    }

    #[test]
    fn heads_that_the_parser_refuses_are_read_line_by_line() {
        let head = request_head(b"GET /a b HTTP/1.1\r\nX : 1\r\n two\r\nnonsense\r\n\r\n").unwrap();
        assert_eq!(head.target, "/a b");
        assert_eq!(head.headers.0, [("X".to_owned(), "1 two".to_owned())]);
        let mut many = b"HTTP/1.1 200 OK\r\n".to_vec();
        for number in 0..300 {
            many.extend(format!("X{number}: y\r\n").bytes());
        }
        many.extend(b"\r\n");
        assert_eq!(status_head(&many).unwrap().headers.0.len(), MAX_FIELDS);
        assert!(has_too_many_fields(&many));
    }

    #[test]
    fn the_head_ends_after_its_empty_line_however_it_is_cut() {
        let bytes = b"GET / HTTP/1.0\r\nHost: a\r\n\r\nbody";
        let end = bytes.len() - 4;
        for from in 0..end {
            assert_eq!(head_end(bytes, from), Some(end), "from {from}");
        }
        assert_eq!(head_end(&bytes[..end - 1], 0), None);
        assert_eq!(head_end(b"A\n\nB", 0), Some(3));
    }

    #[test]
    fn other_protocols_are_refused_by_name() {
        let error = request_head(b"OPTIONS sip:a SIP/2.0\r\n\r\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "request line at byte 0: malformed: \"OPTIONS sip:a SIP/2.0\""
        );
        assert!(status_head(b"ICY 200 OK\r\n\r\n").is_err());
    }
}
