//! What the error numbers of Windows mean, for people.

/// A code with its name and meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// As Windows prints it: an HRESULT, or a bare WinHTTP number.
    pub value: u32,
    /// Its name.
    pub name: &'static str,
    /// In words.
    pub meaning: &'static str,
}

/// The meaning of a code, in any of its forms: an HRESULT (`80072EE2`), the
/// bare number of an event (`2EE2`), or the decimal one (`12002`).
#[must_use]
pub fn explain(value: u32) -> Option<&'static Code> {
    let bare = |value: u32| match value {
        0x8007_0000..=0x8007_ffff => value & 0xffff,
        _ => value,
    };
    let same = |code: &&Code| code.value == value || bare(code.value) == bare(value);
    CODES.iter().find(same)
}

/// `80072EE2 (ERROR_WINHTTP_TIMEOUT: no answer in time)`, or the number alone.
#[must_use]
pub fn phrase(value: u32) -> String {
    match explain(value) {
        Some(code) => format!("{value:X} ({}: {})", code.name, code.meaning),
        None => format!("{value:X}"),
    }
}

/// The numbers of a text that look like codes: `0x80072f8f`, `80072F8F`,
/// `-2147012721`.
#[must_use]
pub fn codes_in(text: &str) -> Vec<u32> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let words = text.split(|c: char| !is_part(c));
    let mut found: Vec<u32> = words.filter_map(code_of).collect();
    found.dedup();
    found
}

fn code_of(word: &str) -> Option<u32> {
    let hex = |text: &str| u32::from_str_radix(text, 16).ok();
    if let Some(rest) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        return hex(rest).filter(|_| rest.len() == 8);
    }
    if word.len() == 8 && word.starts_with('8') {
        return hex(word);
    }
    let signed: i32 = word.strip_prefix('-').and(word.parse().ok())?;
    let value = u32::from_ne_bytes(signed.to_ne_bytes());
    (value >= 0x8000_0000).then_some(value)
}

const fn code(value: u32, name: &'static str, meaning: &'static str) -> Code {
    Code {
        value,
        name,
        meaning,
    }
}

/// Sources: winerror.h and winhttp.h; Microsoft, "Windows Update error
/// reference" and "WUA networking error codes".
const CODES: &[Code] = &[
    code(0x800B_0100, "TRUST_E_NOSIGNATURE", "not signed"),
    code(
        0x800B_0101,
        "CERT_E_EXPIRED",
        "a certificate is outside its validity period",
    ),
    code(
        0x800B_0102,
        "CERT_E_VALIDITYPERIODNESTING",
        "validity periods do not nest",
    ),
    code(
        0x800B_0104,
        "CERT_E_PATHLENCONST",
        "the path is longer than an issuer allows",
    ),
    code(
        0x800B_0105,
        "CERT_E_CRITICAL",
        "an unknown critical extension",
    ),
    code(0x800B_0106, "CERT_E_PURPOSE", "used for another purpose"),
    code(
        0x800B_0107,
        "CERT_E_ISSUERCHAINING",
        "the parent did not issue the child",
    ),
    code(
        0x800B_0108,
        "CERT_E_MALFORMED",
        "a field is empty or missing",
    ),
    code(
        0x800B_0109,
        "CERT_E_UNTRUSTEDROOT",
        "the root is not trusted",
    ),
    code(
        0x800B_010A,
        "CERT_E_CHAINING",
        "the chain could not be built to a root",
    ),
    code(0x800B_010C, "CERT_E_REVOKED", "revoked by its issuer"),
    code(
        0x800B_010D,
        "CERT_E_UNTRUSTEDTESTROOT",
        "ends in a test root",
    ),
    code(
        0x800B_010E,
        "CERT_E_REVOCATION_FAILURE",
        "the revocation check failed",
    ),
    code(
        0x800B_010F,
        "CERT_E_CN_NO_MATCH",
        "the certificate is for another name",
    ),
    code(
        0x800B_0110,
        "CERT_E_WRONG_USAGE",
        "not valid for this usage",
    ),
    code(
        0x800B_0111,
        "TRUST_E_EXPLICIT_DISTRUST",
        "explicitly distrusted",
    ),
    code(
        0x800B_0112,
        "CERT_E_UNTRUSTEDCA",
        "a CA that policy does not trust",
    ),
    code(
        0x800B_0113,
        "CERT_E_INVALID_POLICY",
        "certificate policies violated",
    ),
    code(
        0x800B_0114,
        "CERT_E_INVALID_NAME",
        "a name constraint violated",
    ),
    code(
        0x8009_2003,
        "CRYPT_E_FILE_ERROR",
        "the object cannot be read",
    ),
    code(0x8009_2004, "CRYPT_E_NOT_FOUND", "the object was not found"),
    code(0x8009_2010, "CRYPT_E_REVOKED", "revoked"),
    code(
        0x8009_2012,
        "CRYPT_E_NO_REVOCATION_CHECK",
        "no way to check revocation",
    ),
    code(
        0x8009_2013,
        "CRYPT_E_REVOCATION_OFFLINE",
        "the revocation server is offline, or its answer is stale",
    ),
    code(
        0x8009_2014,
        "CRYPT_E_NOT_IN_REVOCATION_DATABASE",
        "the responder does not know the certificate",
    ),
    code(
        0x8009_2026,
        "CRYPT_E_SECURITY_SETTINGS",
        "forbidden by a security setting",
    ),
    code(0x8009_202A, "CRYPT_E_NOT_IN_CTL", "not in the trust list"),
    code(
        0x8009_202B,
        "CRYPT_E_NO_TRUSTED_SIGNER",
        "no trusted signer of the trust list",
    ),
    code(
        0x8009_310B,
        "CRYPT_E_ASN1_BADTAG",
        "the bytes are no ASN.1, often a web page",
    ),
    code(
        0x8009_6004,
        "TRUST_E_CERT_SIGNATURE",
        "the signature does not verify",
    ),
    code(
        0x8009_6005,
        "TRUST_E_TIME_STAMP",
        "the time stamp cannot be verified",
    ),
    code(
        0x8009_6010,
        "TRUST_E_BAD_DIGEST",
        "the digest does not match",
    ),
    code(
        0x8009_6019,
        "TRUST_E_BASIC_CONSTRAINTS",
        "an issuer is no CA",
    ),
    code(
        0x8009_0302,
        "SEC_E_UNSUPPORTED_FUNCTION",
        "the two sides have no protocol in common",
    ),
    code(
        0x8009_0322,
        "SEC_E_WRONG_PRINCIPAL",
        "the certificate is for another name",
    ),
    code(
        0x8009_0325,
        "SEC_E_UNTRUSTED_ROOT",
        "the root is not trusted (TLS alert 48)",
    ),
    code(
        0x8009_0326,
        "SEC_E_ILLEGAL_MESSAGE",
        "an unexpected TLS message or alert",
    ),
    code(
        0x8009_0327,
        "SEC_E_CERT_UNKNOWN",
        "the certificate was not accepted (TLS alerts 42, 43, 46)",
    ),
    code(
        0x8009_0328,
        "SEC_E_CERT_EXPIRED",
        "the certificate has expired (TLS alert 45)",
    ),
    code(
        0x8009_0331,
        "SEC_E_ALGORITHM_MISMATCH",
        "no cipher in common (TLS alert 71)",
    ),
    code(
        0x8009_0349,
        "SEC_E_CERT_WRONG_USAGE",
        "the certificate is not for this usage",
    ),
    code(0x8007_0002, "ERROR_FILE_NOT_FOUND", "no such file"),
    code(0x8007_0005, "ERROR_ACCESS_DENIED", "access denied"),
    code(
        0x8007_000D,
        "ERROR_INVALID_DATA",
        "the data is invalid; for a list: no cabinet came, often a web page",
    ),
    code(0x8007_05B4, "ERROR_TIMEOUT", "no answer in time"),
    code(12002, "ERROR_WINHTTP_TIMEOUT", "no answer in time"),
    code(12004, "ERROR_WINHTTP_INTERNAL_ERROR", "internal error"),
    code(12005, "ERROR_WINHTTP_INVALID_URL", "the URL is invalid"),
    code(
        12006,
        "ERROR_WINHTTP_UNRECOGNIZED_SCHEME",
        "the URL's scheme is not supported",
    ),
    code(
        12007,
        "ERROR_WINHTTP_NAME_NOT_RESOLVED",
        "the name of the host or of the proxy was not resolved",
    ),
    code(
        12015,
        "ERROR_WINHTTP_LOGIN_FAILURE",
        "a login was asked for and not satisfied",
    ),
    code(
        12017,
        "ERROR_WINHTTP_OPERATION_CANCELLED",
        "given up by the caller",
    ),
    code(
        12029,
        "ERROR_WINHTTP_CANNOT_CONNECT",
        "the connection was refused",
    ),
    code(
        12030,
        "ERROR_WINHTTP_CONNECTION_ERROR",
        "the connection was reset, or closed in the handshake",
    ),
    code(
        12037,
        "ERROR_WINHTTP_SECURE_CERT_DATE_INVALID",
        "the server's certificate is outside its validity period",
    ),
    code(
        12038,
        "ERROR_WINHTTP_SECURE_CERT_CN_INVALID",
        "the server's certificate is for another name",
    ),
    code(
        12044,
        "ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED",
        "the server wants a certificate of the client",
    ),
    code(
        12045,
        "ERROR_WINHTTP_SECURE_INVALID_CA",
        "the server's CA is not trusted",
    ),
    code(
        12057,
        "ERROR_WINHTTP_SECURE_CERT_REV_FAILED",
        "revocation of the server's certificate could not be checked",
    ),
    code(
        12150,
        "ERROR_WINHTTP_HEADER_NOT_FOUND",
        "a header is missing",
    ),
    code(
        12152,
        "ERROR_WINHTTP_INVALID_SERVER_RESPONSE",
        "the answer is not HTTP",
    ),
    code(
        12156,
        "ERROR_WINHTTP_REDIRECT_FAILED",
        "a redirect that is not followed",
    ),
    code(
        12157,
        "ERROR_WINHTTP_SECURE_CHANNEL_ERROR",
        "no TLS protocol or cipher in common",
    ),
    code(
        12166,
        "ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT",
        "the proxy script is faulty",
    ),
    code(
        12167,
        "ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT",
        "the proxy script could not be fetched",
    ),
    code(
        12169,
        "ERROR_WINHTTP_SECURE_INVALID_CERT",
        "the server's certificate is invalid",
    ),
    code(
        12170,
        "ERROR_WINHTTP_SECURE_CERT_REVOKED",
        "the server's certificate is revoked",
    ),
    code(
        12175,
        "ERROR_WINHTTP_SECURE_FAILURE",
        "the server's certificate was not accepted (or the clock is wrong)",
    ),
    code(
        12178,
        "ERROR_WINHTTP_AUTO_PROXY_SERVICE_ERROR",
        "the service that finds proxies failed",
    ),
    code(
        12179,
        "ERROR_WINHTTP_SECURE_CERT_WRONG_USAGE",
        "the server's certificate is not for this usage",
    ),
    code(
        12180,
        "ERROR_WINHTTP_AUTODETECTION_FAILED",
        "no proxy script was found by looking; normal where there is none",
    ),
    code(
        12188,
        "ERROR_WINHTTP_SECURE_FAILURE_PROXY",
        "the proxy's own certificate was not accepted",
    ),
    code(
        0x87D0_0692,
        "CCM group policy conflict",
        "a domain policy names another update server than Configuration Manager",
    ),
    code(0x8024_000B, "WU_E_CALL_CANCELLED", "cancelled"),
    code(
        0x8024_0030,
        "WU_E_INVALID_PROXY_SERVER",
        "the proxy list has an invalid form",
    ),
    code(
        0x8024_0438,
        "WU_E_PT_ENDPOINT_UNREACHABLE",
        "no route to the update server",
    ),
    code(
        0x8024_4010,
        "WU_E_PT_EXCEEDED_MAX_SERVER_TRIPS",
        "too many round trips to the server",
    ),
    code(
        0x8024_4011,
        "WU_E_PT_WUSERVER_NOT_SET",
        "the policy names no update server",
    ),
    code(
        0x8024_4015,
        "WU_E_PT_REFRESH_CACHE_REQUIRED",
        "the server's state has changed",
    ),
    code(0x8024_4016, "WU_E_PT_HTTP_STATUS_BAD_REQUEST", "HTTP 400"),
    code(
        0x8024_4017,
        "WU_E_PT_HTTP_STATUS_DENIED",
        "HTTP 401: a login was asked for",
    ),
    code(
        0x8024_4018,
        "WU_E_PT_HTTP_STATUS_FORBIDDEN",
        "HTTP 403: refused",
    ),
    code(
        0x8024_4019,
        "WU_E_PT_HTTP_STATUS_NOT_FOUND",
        "HTTP 404: not there",
    ),
    code(0x8024_401A, "WU_E_PT_HTTP_STATUS_BAD_METHOD", "HTTP 405"),
    code(
        0x8024_401B,
        "WU_E_PT_HTTP_STATUS_PROXY_AUTH_REQ",
        "HTTP 407: the proxy asked for a login",
    ),
    code(
        0x8024_401C,
        "WU_E_PT_HTTP_STATUS_REQUEST_TIMEOUT",
        "HTTP 408",
    ),
    code(
        0x8024_401F,
        "WU_E_PT_HTTP_STATUS_SERVER_ERROR",
        "HTTP 500: the server failed",
    ),
    code(0x8024_4020, "WU_E_PT_HTTP_STATUS_NOT_SUPPORTED", "HTTP 501"),
    code(
        0x8024_4021,
        "WU_E_PT_HTTP_STATUS_BAD_GATEWAY",
        "HTTP 502: a gateway failed",
    ),
    code(
        0x8024_4022,
        "WU_E_PT_HTTP_STATUS_SERVICE_UNAVAIL",
        "HTTP 503: the server is stopped or overloaded",
    ),
    code(
        0x8024_4023,
        "WU_E_PT_HTTP_STATUS_GATEWAY_TIMEOUT",
        "HTTP 504: a gateway had no answer",
    ),
    code(
        0x8024_402B,
        "WU_E_PT_HTTP_STATUS_NOT_MAPPED",
        "another HTTP status",
    ),
    code(
        0x8024_402C,
        "WU_E_PT_WINHTTP_NAME_NOT_RESOLVED",
        "the name of the server or of the proxy was not resolved",
    ),
    code(
        0x8024_6002,
        "WU_E_DM_INCORRECTFILEHASH",
        "a file does not have the hash expected",
    ),
    code(
        0x8024_500D,
        "WU_E_REDIRECTOR_CONNECT_POLICY",
        "a policy keeps from the update service of Microsoft",
    ),
];

/// The flags that WinHTTP gives with `ERROR_WINHTTP_SECURE_FAILURE`.
pub const SECURE_FLAGS: [(&str, &str); 8] = [
    ("CERT_REV_FAILED", "revocation could not be checked"),
    ("INVALID_CERT", "the certificate is invalid"),
    ("CERT_REVOKED", "the certificate is revoked"),
    ("INVALID_CA", "the CA is not trusted"),
    ("CERT_CN_INVALID", "the certificate is for another name"),
    (
        "CERT_DATE_INVALID",
        "the certificate is outside its validity period",
    ),
    ("CERT_WRONG_USAGE", "the certificate is not for this usage"),
    ("SECURITY_CHANNEL_ERROR", "the TLS layer failed"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn a_code_is_known_in_each_of_its_forms() {
        for form in [0x8007_2EE7, 0x2EE7, 12007] {
            assert_eq!(
                explain(form).unwrap().name,
                "ERROR_WINHTTP_NAME_NOT_RESOLVED"
            );
        }
        assert_eq!(explain(0x800B_0109).unwrap().name, "CERT_E_UNTRUSTEDROOT");
        assert_eq!(explain(0x8024_0439), None, "not documented: not invented");
    }

    #[test]
    fn codes_are_found_in_the_text_of_logs() {
        let text = "OnSearchComplete - Failed to end search job. Error = 0x80072f8f.";
        assert_eq!(codes_in(text), [0x8007_2f8f]);
        assert_eq!(
            codes_in("Scan failed with error = -2147012721"),
            [0x8007_2F8F]
        );
        assert_eq!(codes_in("on 2014-01-20 12:18:11, thread 80, 8531"), [0; 0]);
    }

    #[test]
    fn every_code_stands_once() {
        let mut values: Vec<u32> = CODES.iter().map(|code| code.value).collect();
        values.sort_unstable();
        let count = values.len();
        values.dedup();
        assert_eq!(values.len(), count);
    }
}
