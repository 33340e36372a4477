//! Tells text files by what stands in their first lines.

use super::EvidenceKind;

/// The kind of a text, in UTF-8, an ANSI code page or UTF-16 with a mark.
#[must_use]
pub fn text_kind(head: &[u8]) -> Option<EvidenceKind> {
    let text = ascii_of(head);
    let start = text.trim_start();
    if text.lines().take(MAX_ACCESS_LINES).any(is_access_line) {
        return Some(EvidenceKind::AccessLog);
    }
    // `<![LOG[text]LOG]!><time="…" …>` lines of Configuration Manager (CMTrace).
    if text.contains("<![LOG[") || UPDATE_MARKS.iter().any(|mark| text.contains(mark)) {
        return Some(EvidenceKind::CmLog);
    }
    if text.lines().take(MAX_LINES).any(is_key_log_line) {
        return Some(EvidenceKind::KeyLog);
    }
    if start.starts_with('{') && CASE_SCHEMAS.iter().any(|schema| text.contains(schema)) {
        return Some(EvidenceKind::Case);
    }
    if text.lines().any(is_netsh_heading) {
        return Some(EvidenceKind::NetshText);
    }
    let certutil =
        CERTUTIL_MARKS.iter().any(|mark| text.contains(mark)) || text.lines().any(is_element_rule);
    certutil.then_some(EvidenceKind::CertutilText)
}

/// Words of the logs of Configuration Manager, of its site servers, and of the
/// update client, where the form of the line has been lost or is another.
const UPDATE_MARKS: [&str; 11] = [
    "><thread=",
    "WSUSLocationReply",
    "WUAHandler",
    "COMAPI: Search",
    "Proxy List used",
    "ClientWebService/client.asmx",
    "WSUS_CONFIG_PENDING",
    "WUA Managed server policy",
    "LastGoodSUP- ",
    "CurrentSUP- ",
    "LastSuccessScanPath",
];

/// Lines looked at for an access log: the first may be cut, or a directive.
const MAX_ACCESS_LINES: usize = 8;

/// A line of an access log: squid's own form, the common form, or the directive
/// of a W3C log (and a line of IIS, where the directive was cut off).
fn is_access_line(line: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(fields) = line.strip_prefix("#Fields:") {
        return fields.contains("time") || fields.contains("c-ip");
    }
    let words: Vec<&str> = line.split_ascii_whitespace().take(16).collect();
    let of_squid = || {
        let (seconds, fraction) = words.first()?.split_once('.')?;
        let (result, status) = words.get(3)?.split_once('/')?;
        let named = result.starts_with("TCP_") || result.starts_with("NONE");
        Some(digits(seconds) && digits(fraction) && named && digits(status) && words.len() > 6)
    };
    let of_common = || {
        let (_, rest) = line.split_once(" [")?;
        let (time, rest) = rest.split_once("] \"")?;
        let (request, _) = rest.split_once('"')?;
        Some(time.matches([':', '/']).count() == 5 && request.contains(" HTTP/"))
    };
    let of_iis = || {
        let (date, time) = (words.first()?, words.get(1)?);
        let is_stamp = date.len() == 10 && date.matches('-').count() == 2;
        let is_path = words.get(4)?.starts_with('/');
        Some(is_stamp && is_path && time.len() == 8 && words.len() == 15)
    };
    of_squid() == Some(true) || of_common() == Some(true) || of_iis() == Some(true)
}

/// The heading of `netsh winhttp show proxy`: in any language it names WinHTTP
/// and ends with a colon.
fn is_netsh_heading(line: &str) -> bool {
    let line = line.trim();
    line.contains("WinHTTP") && line.ends_with(':') && line.len() < 80 && !line.contains('>')
}

/// `================ Zertifikat 0 ================`: the rule above each
/// element of `-store`, in any language.
fn is_element_rule(line: &str) -> bool {
    let line = line.trim();
    let inner = line.trim_matches('=').trim();
    let number = inner.rsplit(' ').next().unwrap_or_default();
    line.starts_with("================ ")
        && line.ends_with(" ================")
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Lines looked at for a key log: comments may come first.
const MAX_LINES: usize = 64;

const CASE_SCHEMAS: [&str; 2] = ["\"whychain.report/", "\"whychain.case/"];

/// Texts that only certutil prints: its closing line, the rule above each
/// certificate of `-dump` and `-verify`, the rows of `-urlcache -v`.
const CERTUTIL_MARKS: [&str; 7] = [
    "CertUtil: -",
    "================ Certificate ",
    "WinHttp Cache entry",
    "ChainContext.dwErrorStatus",
    "CertContext[0][0]",
    // The name of the command stands in its closing line in any language.
    "CertUtil: -URLCache",
    "\\CryptnetUrlCache\\MetaData\\",
];

/// `LABEL <client random, 64 digits> <secret, digits>`; `RSA` has 16 digits of
/// the encrypted premaster secret in the place of the random.
///
/// Spec: draft-ietf-tls-keylogfile §2.
fn is_key_log_line(line: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut words = line.split_ascii_whitespace();
    let (Some(label), Some(random), Some(secret)) = (words.next(), words.next(), words.next())
    else {
        return false;
    };
    let random_len = if label == "RSA" { 16 } else { 64 };
    let known = label == "RSA"
        || label == "CLIENT_RANDOM"
        || label.ends_with("_SECRET")
        || label.contains("_TRAFFIC_SECRET_");
    known && random.len() == random_len && is_hex(random) && secret.len() >= 2 && is_hex(secret)
}

/// The characters that decide are ASCII; of UTF-16 the other half is dropped.
fn ascii_of(head: &[u8]) -> String {
    let bytes: Vec<u8> = match head {
        [0xff, 0xfe, rest @ ..] => rest.iter().copied().step_by(2).collect(),
        [0xfe, 0xff, rest @ ..] => rest.iter().copied().skip(1).step_by(2).collect(),
        [0xef, 0xbb, 0xbf, rest @ ..] => rest.to_vec(),
        // UTF-16 that has lost its mark: the high halves of ASCII are zero.
        [_, 0, _, 0, _, 0, ..] => head.iter().copied().step_by(2).collect(),
        [0, _, 0, _, 0, _, ..] => head.iter().copied().skip(1).step_by(2).collect(),
        _ => head.to_vec(),
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn logs_are_known_also_in_utf_16() {
        let text = "<![LOG[Raising event]LOG]!><time=\"10:00:00.000+000\"";
        assert_eq!(text_kind(text.as_bytes()), Some(EvidenceKind::CmLog));
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [vec![0xff, 0xfe], wide].concat();
        assert_eq!(text_kind(&marked), Some(EvidenceKind::CmLog));
    }

    #[test]
    fn access_logs_are_known_by_their_lines_also_when_cut() {
        let squid = "94800.1 12 10\n1795294800.123 120 10.9.0.20 TCP_MISS/200 812 GET http://crl.example/a.crl - HIER_DIRECT/192.0.2.1 -\n";
        assert_eq!(text_kind(squid.as_bytes()), Some(EvidenceKind::AccessLog));
        let common = "10.9.0.20 - - [21/Nov/2026:19:00:00 +0000] \"GET / HTTP/1.1\" 200 5\n";
        assert_eq!(text_kind(common.as_bytes()), Some(EvidenceKind::AccessLog));
        let iis = "2026-11-21 19:00:01 10.9.0.2 POST /ClientWebService/client.asmx - 8530 - 10.9.0.20 - - 403 4 5 78";
        let wide: Vec<u8> = iis.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(text_kind(&wide), Some(EvidenceKind::AccessLog));
        assert_eq!(text_kind(b"POST /ClientWebService HTTP/1.1"), None);
    }

    #[test]
    fn a_key_log_needs_a_label_and_a_random_of_32_bytes() {
        let line = format!(
            "# made\nCLIENT_RANDOM {} {}\n",
            "ab".repeat(32),
            "cd".repeat(48)
        );
        assert_eq!(text_kind(line.as_bytes()), Some(EvidenceKind::KeyLog));
        let line = format!(
            "SERVER_TRAFFIC_SECRET_0 {} {}",
            "ab".repeat(32),
            "cd".repeat(32)
        );
        assert_eq!(text_kind(line.as_bytes()), Some(EvidenceKind::KeyLog));
        assert_eq!(text_kind(b"CLIENT_RANDOM abc def"), None);
    }

    #[test]
    fn reports_and_certutil_output_are_known_and_other_text_is_not() {
        let report = b"{\n  \"schema\": \"whychain.report/1\"}";
        assert_eq!(text_kind(report), Some(EvidenceKind::Case));
        let printed = b"CertUtil: -URLCache command completed successfully.";
        assert_eq!(text_kind(printed), Some(EvidenceKind::CertutilText));
        let netsh = b"\r\nAktuelle WinHTTP-Proxyeinstellungen:\r\n\r\n    Direktzugriff (kein Proxyserver).\r\n";
        assert_eq!(text_kind(netsh), Some(EvidenceKind::NetshText));
        let store = b"root \"Wurzel\"\n================ Zertifikat 0 ================\n";
        assert_eq!(text_kind(store), Some(EvidenceKind::CertutilText));
        assert_eq!(text_kind(b"Dear all, see \"whychain.report/1\""), None);
    }
}
