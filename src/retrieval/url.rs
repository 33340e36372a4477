//! URLs as certificates, requests and caches write them: taking them apart
//! and telling whether two name the same resource.

use std::net::SocketAddr;

use crate::protocol::http::{Exchange, Request};

/// An absolute URL taken apart (RFC 3986 §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// Scheme, lower case.
    pub scheme: String,
    /// Host, lower case, without user, brackets and final dot.
    pub host: String,
    /// Port, the scheme's own where none is written; 0 for unknown schemes.
    pub port: u16,
    /// Path, as written.
    pub path: &'a str,
    /// Query, without `?`.
    pub query: Option<&'a str>,
}

/// Takes an absolute URL apart; `None` for anything without `scheme://`.
pub(super) fn parts(url: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = split_scheme(url)?;
    let scheme = scheme.to_ascii_lowercase();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end)?;
    let tail = tail.split('#').next().unwrap_or_default();
    let (path, query) = match tail.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (tail, None),
    };
    let (host, port) = host_and_port(authority);
    let port = port.unwrap_or(match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        "ldap" => 389,
        _ => 0,
    });
    Some(Parts {
        scheme,
        host,
        port,
        path,
        query,
    })
}

/// Splits `user@host:port` into the host, lower case and without brackets, and
/// the port where one is written.
pub(super) fn host_and_port(authority: &str) -> (String, Option<u16>) {
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((inner, after)) => (inner, after.strip_prefix(':')),
        None => match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    (host, port.and_then(|digits| digits.parse().ok()))
}

fn split_scheme(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let starts = scheme
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic());
    (starts && scheme.bytes().all(letters)).then_some((scheme, rest))
}

/// True when a request target is in absolute form (RFC 9112 §3.2.2), which
/// clients send to proxies only.
pub(super) fn is_absolute(target: &str) -> bool {
    split_scheme(target).is_some()
}

/// The absolute URL that an exchange asked for.
pub(super) fn of_exchange(exchange: &Exchange, server: SocketAddr) -> Option<String> {
    let request = exchange.request.as_ref()?;
    requested(request, server, exchange.encrypted)
}

/// The absolute URL of a request as sent, user and password left out; `None`
/// for CONNECT, which names no resource. `encrypted` says that it was sent
/// inside TLS.
fn requested(request: &Request, server: SocketAddr, encrypted: bool) -> Option<String> {
    let (scheme, port) = if encrypted {
        ("https", 443)
    } else {
        ("http", 80)
    };
    if request.method.eq_ignore_ascii_case("CONNECT") {
        return None;
    }
    if let Some((scheme, rest)) = split_scheme(&request.target) {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at_checked(end)?;
        let authority = authority.rsplit('@').next().unwrap_or_default();
        return Some(format!("{scheme}://{authority}{tail}"));
    }
    let named = request.headers.get("Host").filter(|host| is_host(host));
    let host = match named {
        Some(host) => {
            let own = host.strip_suffix(&format!(":{port}"));
            own.unwrap_or(host).to_string()
        }
        None if server.port() == port && server.is_ipv6() => format!("[{}]", server.ip()),
        None if server.port() == port => server.ip().to_string(),
        None => server.to_string(),
    };
    Some(match request.target.as_str() {
        "*" => format!("{scheme}://{host}"),
        target if target.starts_with('/') => format!("{scheme}://{host}{target}"),
        target => format!("{scheme}://{host}/{target}"),
    })
}

/// A `Host` value that can stand in a URL; anything else would let a hostile
/// header forge the rest of it.
fn is_host(host: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]%".contains(&byte);
    !host.is_empty() && host.bytes().all(fits)
}

/// The URL that a `Location` (or a relative reference) means, seen from `base`.
pub(super) fn resolved(base: &str, reference: &str) -> Option<String> {
    if is_absolute(reference) {
        return Some(reference.to_string());
    }
    let (scheme, rest) = split_scheme(base)?;
    if let Some(network) = reference.strip_prefix("//") {
        return Some(format!("{scheme}://{network}"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if reference.starts_with('/') {
        return Some(format!("{scheme}://{authority}{reference}"));
    }
    let path = parts(base)?.path;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(format!("{scheme}://{authority}{folder}/{reference}"))
}

/// Undoes percent-encoding; a `%` without two hexadecimal digits stays.
pub(super) fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digit = |next: Option<u8>| next.and_then(|byte| char::from(byte).to_digit(16));
        let pair = digit(ahead.next()).zip(digit(ahead.next()));
        match (
            byte,
            pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()),
        ) {
            (b'%', Some(value)) => {
                decoded.push(value);
                bytes = ahead;
            }
            _ => decoded.push(byte),
        }
    }
    decoded
}

/// The last segment of a path, decoded, lower case.
pub(super) fn file_name(path: &str) -> String {
    let segment = path.rsplit('/').next().unwrap_or_default();
    String::from_utf8_lossy(&percent_decoded(segment)).to_ascii_lowercase()
}

/// The text that is equal for two URLs of one resource: scheme and host in
/// lower case, the scheme's own port left out, percent-encoding undone (Windows
/// stores `%2B` where some clients send `+`), the random query of the trust
/// lists left out.
///
/// Spec: cryptnet stores the trust lists without the query that goes on the
/// wire; observed in 14 of 14 cache entries.
pub(super) fn key(url: &str) -> String {
    let Some(parts) = parts(url) else {
        return url.to_string();
    };
    let path = if parts.path.is_empty() {
        "/"
    } else {
        parts.path
    };
    let mut key = format!("{}://{}", parts.scheme, parts.host);
    if !matches!(
        (parts.scheme.as_str(), parts.port),
        ("http", 80) | ("https", 443)
    ) {
        key.push_str(&format!(":{}", parts.port));
    }
    key.push_str(&String::from_utf8_lossy(&percent_decoded(path)));
    let is_list = TRUST_LIST_CABINETS.contains(&file_name(path).as_str());
    if let Some(query) = parts.query.filter(|_| !is_list) {
        key.push('?');
        key.push_str(query);
    }
    key
}

/// The cabinets that are asked for with a random query.
const TRUST_LIST_CABINETS: [&str; 3] = [
    "authrootstl.cab",
    "disallowedcertstl.cab",
    "pinrulesstl.cab",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::{address, request};
    use super::*;

    #[test]
    fn a_url_comes_apart_with_the_port_of_its_scheme() {
        let got = parts("HTTP://user:pw@CRL.Example.:8080/a/b.crl?x=1#f").unwrap();
        assert_eq!(
            (got.scheme.as_str(), got.host.as_str(), got.port),
            ("http", "crl.example", 8080)
        );
        assert_eq!((got.path, got.query), ("/a/b.crl", Some("x=1")));
        assert_eq!(parts("https://[2001:db8::1]").unwrap().host, "2001:db8::1");
        assert_eq!(parts("https://[2001:db8::1]").unwrap().port, 443);
        assert_eq!(parts("/a/b"), None);
    }

    #[test]
    fn an_origin_form_request_gets_its_host_from_the_header() {
        let server = address("192.0.2.1:80");
        let url = requested(&request("GET", "/a.crl", "pki.example:80"), server, false);
        assert_eq!(url.as_deref(), Some("http://pki.example/a.crl"));
        let url = requested(&request("GET", "/a.crl", "pki.example:8530"), server, false);
        assert_eq!(url.as_deref(), Some("http://pki.example:8530/a.crl"));
    }

    #[test]
    fn without_a_usable_host_the_address_stands_in() {
        let url = requested(
            &request("GET", "/", "a b/c"),
            address("[2001:db8::1]:80"),
            false,
        );
        assert_eq!(url.as_deref(), Some("http://[2001:db8::1]/"));
        let url = requested(&request("GET", "/", ""), address("192.0.2.1:81"), false);
        assert_eq!(url.as_deref(), Some("http://192.0.2.1:81/"));
    }

    #[test]
    fn what_ran_inside_tls_has_the_scheme_and_port_of_it() {
        let server = address("192.0.2.1:443");
        let url = |host| requested(&request("GET", "/a.crl", host), server, true);
        assert_eq!(url("h:443").as_deref(), Some("https://h/a.crl"));
        assert_eq!(url("h:80").as_deref(), Some("https://h:80/a.crl"));
        assert_eq!(url("").as_deref(), Some("https://192.0.2.1/a.crl"));
    }

    #[test]
    fn a_password_in_a_request_target_is_not_kept() {
        let url = requested(
            &request("GET", "http://u:p@h.example/x", ""),
            address("10.0.0.1:3128"),
            false,
        );
        assert_eq!(url.as_deref(), Some("http://h.example/x"));
    }

    #[test]
    fn a_connect_names_no_resource() {
        assert_eq!(
            requested(
                &request("CONNECT", "h:443", "h"),
                address("10.0.0.1:3128"),
                false
            ),
            None
        );
    }

    #[test]
    fn the_random_query_of_a_trust_list_does_not_make_another_resource() {
        let bare = "http://ctldl.windowsupdate.com/msdownload/authrootstl.cab";
        assert_eq!(key(&format!("{bare}?d7a8a57aa5acd39b")), key(bare));
        assert_ne!(key("http://h/a.crl?1"), key("http://h/a.crl"));
    }

    #[test]
    fn encodings_of_one_path_are_one_resource() {
        assert_eq!(key("http://H:80/a%2Bb%3D"), key("http://h/a+b="));
        assert_eq!(percent_decoded("a%2"), b"a%2");
        assert_eq!(percent_decoded("%%41%zz"), b"%A%zz");
    }

    #[test]
    fn a_redirect_is_resolved_against_the_request() {
        let base = "http://a.example/x/y?z";
        assert_eq!(resolved(base, "/l").as_deref(), Some("http://a.example/l"));
        assert_eq!(resolved(base, "l").as_deref(), Some("http://a.example/x/l"));
        assert_eq!(resolved(base, "//b/l").as_deref(), Some("http://b/l"));
        assert_eq!(resolved(base, "https://c/").as_deref(), Some("https://c/"));
    }
}
