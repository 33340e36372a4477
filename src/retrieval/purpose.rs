//! What an attempt was for, told by its URL, its header fields and its body.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::pki::LooksLike;
use crate::protocol::http::{Request, Response};

use super::known::KnownUrls;
use super::{ObjectKind, body, shape, url};

/// What an exchange was for; `None` when nothing shows that validation asked.
/// What the URL names decides; the bytes that came decide only where it names
/// nothing.
pub(super) fn of(
    url: Option<&str>,
    request: Option<&Request>,
    response: Option<&Response>,
    known: &KnownUrls,
) -> Option<ObjectKind> {
    let named = url.and_then(|url| known.kind_of(url));
    let named = named.or_else(|| by_messages(url, request, response));
    // An extension shared with other uses needs the answer to confirm it.
    let prefix = response
        .and_then(|response| response.body.as_ref())
        .map(body::shown);
    let by_cryptoapi = request.is_some_and(is_cryptoapi);
    let shaped = prefix.and_then(by_shape);
    let confirmed = |kind: &ObjectKind| {
        *kind != ObjectKind::AiaCert
            || by_cryptoapi
            || shaped.is_some()
            || url.is_some_and(|url| known.kind_of(url).is_some())
            || response.is_some_and(|response| by_content_type(response).is_some())
    };
    let at_host = || {
        let parts = url::parts(url?)?;
        known
            .kind_at_host(&parts.host, Some(parts.port))
            .filter(|_| by_cryptoapi)
    };
    named.filter(confirmed).or(shaped).or_else(at_host)
}

/// What the messages alone say, without the URLs that objects of the case name
/// and without the body. `url` may be a request target.
pub(super) fn by_messages(
    url: Option<&str>,
    request: Option<&Request>,
    response: Option<&Response>,
) -> Option<ObjectKind> {
    let by_url = url.and_then(|url| by_url(url, request));
    let header = |name| request.and_then(|request| request.headers.get(name));
    let asks_ocsp = header("Content-Type").is_some_and(|value| is_type(value, OCSP_REQUEST));
    let by_request = asks_ocsp.then_some(ObjectKind::Ocsp);
    by_request
        .or(by_url)
        .or_else(|| response.and_then(by_content_type))
}

const OCSP_REQUEST: &str = "application/ocsp-request";

fn by_url(url: &str, request: Option<&Request>) -> Option<ObjectKind> {
    let parts = url::parts(url);
    let path = match &parts {
        Some(parts) => parts.path,
        None => url.split(['?', '#']).next().unwrap_or_default(),
    };
    let from_header = || request.and_then(|request| request.headers.get("Host"));
    let port = match &parts {
        Some(parts) => Some(parts.port),
        None => from_header().and_then(|host| url::host_and_port(host).1),
    };
    by_file_name(&url::file_name(path))
        .or_else(|| by_update_path(path, port))
        .or_else(|| names_ocsp_request(path).then_some(ObjectKind::Ocsp))
        .or_else(|| by_extension(&url::file_name(path)))
}

/// The names of the trust lists, on Microsoft's hosts and on mirrors of any
/// address (`RootDirUrl` replaces the whole folder); and the names of proxy
/// scripts.
fn by_file_name(name: &str) -> Option<ObjectKind> {
    Some(match name {
        "authrootstl.cab" | "authroot.stl" => ObjectKind::Ctl,
        "disallowedcertstl.cab" | "disallowedcert.stl" | "disallowedcert.sst" => {
            ObjectKind::Disallowed
        }
        "pinrulesstl.cab" | "pinrules.stl" | "pinrules.sst" => ObjectKind::PinRules,
        "authrootseq.txt" => ObjectKind::Seq,
        // `wpad.da` is what some old clients ask for.
        "wpad.dat" | "wpad.da" => ObjectKind::Pac,
        name if name.ends_with(".pac") => ObjectKind::Pac,
        name if is_thumbprint_crt(name) => ObjectKind::RootCrt,
        _ => return None,
    })
}

/// `<SHA-1 thumbprint>.crt`: how the trust-list folder names a root.
fn is_thumbprint_crt(name: &str) -> bool {
    let digits = name.strip_suffix(".crt").unwrap_or_default();
    digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The folders of an update service; those that other servers have too count
/// on its default ports only.
fn by_update_path(path: &str, port: Option<u16>) -> Option<ObjectKind> {
    const SERVICES: [&str; 6] = [
        "clientwebservice",
        "simpleauthwebservice",
        "apiremoting30",
        "serversyncwebservice",
        "dssauthwebservice",
        "reportingwebservice",
    ];
    const FOLDERS: [&str; 3] = ["selfupdate", "content", "inventory"];
    let lower = path.to_ascii_lowercase();
    let is_service = lower.split('/').any(|segment| SERVICES.contains(&segment));
    let on_default_port = port.is_some_and(|port| WSUS_PORTS.contains(&port));
    let first = lower
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default();
    let is_folder = on_default_port && FOLDERS.contains(&first);
    (is_service || is_folder).then_some(ObjectKind::Wsus)
}

/// Default ports of an update server: clear and TLS.
pub(super) const WSUS_PORTS: [u16; 2] = [8530, 8531];

/// True when the end of a path is an OCSP request in base64, the form of GET.
///
/// ```text
/// OCSPRequest ::= SEQUENCE { tbsRequest SEQUENCE { … requestList SEQUENCE OF Request … } }
/// ```
///
/// Clients differ in which of `+`, `/` and `=` they encode, so the base64 may
/// span several segments. Spec: RFC 6960 appendix A.1.
fn names_ocsp_request(path: &str) -> bool {
    ocsp_request_in(path).is_some()
}

/// The OCSP request, DER, that the path of a URL carries.
#[must_use]
pub fn ocsp_request_of(url: &str) -> Option<Vec<u8>> {
    let rest = url.split_once("://")?.1;
    let path = rest.find('/').and_then(|at| rest.get(at..))?;
    ocsp_request_in(path)
}

fn ocsp_request_in(path: &str) -> Option<Vec<u8>> {
    let starts = path.match_indices('/').map(|(at, _)| at + 1);
    starts.take(MAX_SEGMENTS).find_map(|start| {
        let rest = path.get(start..).unwrap_or_default();
        // DER of 30 to 255 bytes starts `MC` to `MI`.
        let could_be = rest.len() <= MAX_REQUEST && rest.starts_with('M');
        let decoded = could_be.then(|| TOLERANT.decode(url::percent_decoded(rest)))?;
        decoded.ok().filter(|der| is_ocsp_request(der))
    })
}

/// Deeper paths than any responder's; bounds the trials.
const MAX_SEGMENTS: usize = 16;
/// RFC 5019 allows GET up to 255 bytes of URL; the rest is for many requests at once.
const MAX_REQUEST: usize = 4096;
const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Four nested SEQUENCEs or more (request, tbsRequest, requestList, Request,
/// CertID), optional version and requestor name passed over by not looking.
fn is_ocsp_request(der: &[u8]) -> bool {
    let mut at = 0;
    for _ in 0..2 {
        if der.get(at) != Some(&0x30) {
            return false;
        }
        at += match der.get(at + 1) {
            Some(0x81) => 3,
            Some(0x82) => 4,
            Some(length) if *length < 0x80 => 2,
            _ => return false,
        };
    }
    // requestList, or the tags of version and requestorName before it.
    der.len() >= MIN_REQUEST && matches!(der.get(at), Some(0x30 | 0xA0 | 0xA1))
}

/// Two hashes of 20 bytes and a serial number do not fit into less.
const MIN_REQUEST: usize = 50;

fn by_extension(name: &str) -> Option<ObjectKind> {
    let (stem, extension) = name.rsplit_once('.')?;
    Some(match extension {
        // Windows publishes the delta of `CA.crl` as `CA+.crl`.
        "crl" if stem.ends_with('+') => ObjectKind::DeltaCrl,
        "crl" => ObjectKind::Crl,
        "crt" | "cer" | "der" | "p7c" | "p7b" => ObjectKind::AiaCert,
        _ => return None,
    })
}

fn by_content_type(response: &Response) -> Option<ObjectKind> {
    let value = response.headers.get("Content-Type")?;
    let kinds: [(&str, ObjectKind); 9] = [
        ("application/ocsp-response", ObjectKind::Ocsp),
        ("application/pkix-crl", ObjectKind::Crl),
        ("application/x-pkcs7-crl", ObjectKind::Crl),
        ("application/pkix-cert", ObjectKind::AiaCert),
        ("application/x-x509-ca-cert", ObjectKind::AiaCert),
        ("application/pkcs7-mime", ObjectKind::AiaCert),
        ("application/x-pkcs7-certificates", ObjectKind::AiaCert),
        ("application/x-ns-proxy-autoconfig", ObjectKind::Pac),
        ("application/x-javascript-config", ObjectKind::Pac),
    ];
    kinds
        .iter()
        .find(|(name, _)| is_type(value, name))
        .map(|(_, kind)| *kind)
}

fn is_type(value: &str, name: &str) -> bool {
    value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case(name)
}

/// What the first bytes of a body say it is for. A cabinet counts when it holds
/// a trust list, PEM when it names an object of ours.
pub(super) fn by_shape(prefix: &[u8]) -> Option<ObjectKind> {
    let named = |mark: &str| String::from_utf8_lossy(prefix).contains(mark);
    match shape::of_prefix(prefix, u64::MAX)? {
        LooksLike::Crl => Some(ObjectKind::Crl),
        LooksLike::Ocsp => Some(ObjectKind::Ocsp),
        LooksLike::Certificate | LooksLike::Pkcs7 => Some(ObjectKind::AiaCert),
        LooksLike::Cab | LooksLike::Ctl => shape::trust_list(prefix),
        LooksLike::Pem if named("-----BEGIN X509 CRL") => Some(ObjectKind::Crl),
        LooksLike::Pem if named("-----BEGIN CERT") => Some(ObjectKind::AiaCert),
        LooksLike::Pem if named("-----BEGIN PKCS7") => Some(ObjectKind::AiaCert),
        _ => None,
    }
}

/// True for requests of CryptoAPI itself, which fetches nothing but objects of
/// validation, and of certutil.
pub(super) fn is_cryptoapi(request: &Request) -> bool {
    let agent = request.headers.get("User-Agent").unwrap_or_default();
    agent.starts_with("Microsoft-CryptoAPI/") || agent.starts_with("CertUtil URL Agent")
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{request, response};
    use super::*;

    fn of_url(url: &str) -> Option<ObjectKind> {
        of(Some(url), None, None, &KnownUrls::default())
    }

    fn by_capi(url: &str) -> Option<ObjectKind> {
        let mut asked = request("GET", "/", "h");
        asked
            .headers
            .0
            .push(("User-Agent".into(), "Microsoft-CryptoAPI/6.1".into()));
        of(Some(url), Some(&asked), None, &KnownUrls::default())
    }

    #[test]
    fn the_trust_lists_are_known_by_name_on_any_host() {
        let base = "http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en";
        let list = format!("{base}/authrootstl.cab?d7a8a57aa5acd39b");
        assert_eq!(of_url(&list), Some(ObjectKind::Ctl));
        assert_eq!(
            of_url("http://pki/m/DisallowedCertSTL.cab"),
            Some(ObjectKind::Disallowed)
        );
        assert_eq!(
            of_url("http://pki/m/pinrulesstl.cab"),
            Some(ObjectKind::PinRules)
        );
        assert_eq!(
            of_url(&format!("{base}/authrootseq.txt")),
            Some(ObjectKind::Seq)
        );
        let root = format!("{base}/02FAF3E291435468607857694DF5E45B68851868.crt");
        assert_eq!(of_url(&root), Some(ObjectKind::RootCrt));
    }

    #[test]
    fn a_plus_marks_a_delta_crl_in_either_spelling() {
        assert_eq!(of_url("http://pki/CA.crl"), Some(ObjectKind::Crl));
        assert_eq!(of_url("http://pki/CA+.crl"), Some(ObjectKind::DeltaCrl));
        assert_eq!(of_url("http://pki/CA%2B.crl"), Some(ObjectKind::DeltaCrl));
    }

    // Request of a public capture of 2021 (nDPI ocsp.pcapng, frame 4).
    const OCSP_PATH: &str = "/VA/AUTH-ROOT/MFEwTzBNMEswSTAJBgUrDgMCGgUABBSw4x5v4bTlizjNRmTdkYSy7q0R9gQUUtiIOsifeGbtifN7OHCUyQICNtACEEWXMtjzGMt1k6L0aA%2BQ6tk%3D";

    #[test]
    fn an_ocsp_request_is_seen_in_the_path() {
        assert_eq!(
            of_url(&format!("http://h{OCSP_PATH}")),
            Some(ObjectKind::Ocsp)
        );
        let unescaped = OCSP_PATH.replace("%2B", "+").replace("%3D", "");
        assert_eq!(
            of_url(&format!("http://h{unescaped}")),
            Some(ObjectKind::Ocsp)
        );
        let with_slash = OCSP_PATH.replace("RmTd", "R/Td");
        assert_eq!(
            of_url(&format!("http://h{with_slash}")),
            Some(ObjectKind::Ocsp)
        );
        assert_eq!(of_url("http://h/MainPage/Menu"), None);
    }

    #[test]
    fn an_ocsp_post_is_seen_by_its_content_type() {
        let mut asked = request("POST", "/", "ocsp.example");
        asked
            .headers
            .0
            .push(("Content-Type".into(), "application/ocsp-request".into()));
        assert_eq!(
            by_messages(Some("/"), Some(&asked), None),
            Some(ObjectKind::Ocsp)
        );
    }

    #[test]
    fn update_folders_count_on_the_ports_of_an_update_server_only() {
        assert_eq!(
            of_url("http://wsus:8530/Content/6A/x.cab"),
            Some(ObjectKind::Wsus)
        );
        assert_eq!(of_url("http://www/Content/6A/x.cab"), None);
        let service = "http://wsus/ClientWebService/client.asmx";
        assert_eq!(of_url(service), Some(ObjectKind::Wsus));
    }

    #[test]
    fn a_certificate_extension_needs_confirmation() {
        assert_eq!(of_url("http://h/readme.der"), None);
        assert_eq!(by_capi("http://h/ca.crt"), Some(ObjectKind::AiaCert));
        let asked = request("GET", "/ca.crt", "h");
        let certificate = response(200, b"-----BEGIN CERTIFICATE-----");
        let got = of(
            Some("http://h/ca.crt"),
            Some(&asked),
            Some(&certificate),
            &KnownUrls::default(),
        );
        assert_eq!(got, Some(ObjectKind::AiaCert));
        let page = response(404, b"<html>");
        let got = of(
            Some("http://h/ca.crt"),
            Some(&asked),
            Some(&page),
            &KnownUrls::default(),
        );
        assert_eq!(got, None);
    }

    #[test]
    fn a_body_speaks_where_the_url_does_not() {
        let asked = request("GET", "/get?id=3", "h");
        let answer = response(200, &[0x30, 3, 0x0A, 1, 6]);
        let got = of(
            Some("http://h/get?id=3"),
            Some(&asked),
            Some(&answer),
            &KnownUrls::default(),
        );
        assert_eq!(got, Some(ObjectKind::Ocsp));
        let crl = of(
            Some("http://h/x.crl"),
            Some(&asked),
            Some(&answer),
            &KnownUrls::default(),
        );
        assert_eq!(crl, Some(ObjectKind::Crl));
    }

    #[test]
    fn a_proxy_script_is_known_by_name_or_type() {
        assert_eq!(
            of_url("http://wpad.corp.example/wpad.dat"),
            Some(ObjectKind::Pac)
        );
        let mut script = response(200, b"function FindProxyForURL(url, host) {}");
        script.headers.0.push((
            "Content-Type".into(),
            "application/x-ns-proxy-autoconfig".into(),
        ));
        let asked = request("GET", "/p", "h");
        let got = of(
            Some("http://h/p"),
            Some(&asked),
            Some(&script),
            &KnownUrls::default(),
        );
        assert_eq!(got, Some(ObjectKind::Pac));
    }

    #[test]
    fn cryptoapi_at_a_host_named_for_its_service_asks_for_that() {
        assert_eq!(by_capi("http://ocsp.example.com/x"), Some(ObjectKind::Ocsp));
        assert_eq!(of_url("http://ocsp.example.com/x"), None);
    }
}
