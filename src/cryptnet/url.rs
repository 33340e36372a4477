//! URLs as the cache stores them, and the ones that every Windows machine asks.

use crate::time::Timestamp;

/// The cabinets that Windows asks for with a random query of its own, against
/// caches on the way. Neither the file name nor the stored URL contains it.
const CTL_CABINETS: [&str; 3] = [
    "authrootstl.cab",
    "disallowedcertstl.cab",
    "pinrulesstl.cab",
];

/// The URL without its query, when it is one of the three cabinets of trust
/// lists; any other URL as it is. The host does not matter: a policy can name
/// another one.
#[must_use]
pub fn strip_ctl_query(url: &str) -> &str {
    let Some((before, _)) = url.split_once('?') else {
        return url;
    };
    if is_cabinet(before) { before } else { url }
}

/// True for the URL of one of the three trust-list cabinets, on any host.
#[must_use]
pub fn is_trust_list_url(url: &str) -> bool {
    is_cabinet(url.split(['?', '#']).next().unwrap_or(url))
}

/// True when a URL without its query ends in the name of one of the cabinets.
fn is_cabinet(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    CTL_CABINETS
        .iter()
        .any(|cabinet| file.eq_ignore_ascii_case(cabinet))
}

/// True when a request for the one URL fills the cache entry of the other:
/// equal, apart from the case of scheme and host, a stated default port, and
/// the query of the three cabinets.
#[must_use]
pub fn same_resource(request_url: &str, cached_url: &str) -> bool {
    let (one, other) = (strip_ctl_query(request_url), strip_ctl_query(cached_url));
    one == other || (split(one).is_some() && split(one) == split(other))
}

/// The same text for URLs of the [`same_resource`], and for no others.
#[must_use]
pub fn resource_key(url: &str) -> String {
    let url = strip_ctl_query(url);
    match split(url) {
        Some((scheme, authority, path)) => format!("{scheme}://{authority}{path}"),
        None => url.to_owned(),
    }
}

/// Scheme and authority in lower case, and the rest, at least `/`.
fn split(url: &str) -> Option<(String, String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let (scheme, mut authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    if let Some(host) = authority.strip_suffix(default_port) {
        authority = host.to_owned();
    }
    Some((scheme, authority, if path.is_empty() { "/" } else { path }))
}

const CTL_HOSTS: [&str; 3] = [
    "ctldl.windowsupdate.com",
    "www.download.windowsupdate.com",
    "download.windowsupdate.com",
];

const CTL_FILES: [&str; 5] = [
    "authrootstl.cab",
    "disallowedcertstl.cab",
    "pinrulesstl.cab",
    "authrootseq.txt",
    "disallowedcert.sst",
];

/// Objects of the lists' own signers, seen in many caches.
const WELL_KNOWN: [&str; 2] = [
    "http://www.microsoft.com/pki/certs/MicCerTruLisPCA_2009-04-02.crt",
    "http://crl.microsoft.com/pki/crl/products/microsoftrootcert.crl",
];

/// CRLs whose distribution points are known to give real `A` halves.
const WELL_KNOWN_CRLS: [&str; 13] = [
    "http://crl3.digicert.com/DigiCertGlobalRootCA.crl",
    "http://crl4.digicert.com/DigiCertGlobalRootCA.crl",
    "http://crl3.digicert.com/DigiCertGlobalRootG2.crl",
    "http://crl4.digicert.com/DigiCertGlobalRootG2.crl",
    "http://crl3.digicert.com/DigiCertGlobalRootG3.crl",
    "http://crl4.digicert.com/DigiCertGlobalRootG3.crl",
    "http://crl3.digicert.com/DigiCertHighAssuranceEVRootCA.crl",
    "http://crl4.digicert.com/DigiCertHighAssuranceEVRootCA.crl",
    "http://crl3.digicert.com/DigiCertAssuredIDRootCA.crl",
    "http://crl4.digicert.com/DigiCertAssuredIDRootCA.crl",
    "http://crl.usertrust.com/USERTrustRSACertificationAuthority.crl",
    "http://crl.comodoca.com/AAACertificateServices.crl",
    "http://crl.rootg2.amazontrust.com/rootg2.crl",
];

/// URLs tried for every entry without a record: the trust lists at each of
/// their hosts, Microsoft's own lists, and common root CRLs.
#[must_use]
pub fn known_urls() -> Vec<String> {
    let lists = CTL_HOSTS.iter().flat_map(|host| {
        CTL_FILES.iter().map(move |file| {
            format!("http://{host}/msdownload/update/v3/static/trustedr/en/{file}")
        })
    });
    let others = WELL_KNOWN
        .iter()
        .chain(&WELL_KNOWN_CRLS)
        .map(|url| (*url).to_owned());
    lists.chain(others).collect()
}

/// CRL URLs tried for every `A` half.
#[must_use]
pub fn known_crl_urls() -> &'static [&'static str] {
    &WELL_KNOWN_CRLS
}

/// What an ETag says beside its own time and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtagCheck {
    /// It encodes the `Last-Modified` time (and body length, where it has one).
    Agrees,
    /// Its form is a known one and the values are others.
    Differs,
    /// Its form is not one of the two, or there is nothing to compare with.
    UnknownForm,
}

/// Compares an ETag with `Last-Modified` and the body's length.
///
/// Two forms carry these: IIS writes the FILETIME byte by byte in memory order,
/// `%x` without padding, then `:0` (7 of 7 samples from Microsoft's hosts);
/// nginx and its relatives write Unix seconds and length, `"61e92911-1d7"` (19
/// of 19). HTTP dates have whole seconds, a FILETIME may have more.
#[must_use]
pub fn check_etag(
    etag: &str,
    last_modified: Option<Timestamp>,
    content_len: Option<u64>,
) -> EtagCheck {
    let Some(seconds) = last_modified.map(Timestamp::unix_seconds) else {
        return EtagCheck::UnknownForm;
    };
    let text = etag.trim_matches('"');
    let agrees = if let Some(digits) = text.strip_suffix(":0") {
        let digits: Option<Vec<u8>> = digits
            .chars()
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect();
        match digits {
            Some(digits) if (8..=16).contains(&digits.len()) => is_filetime(&digits, 0, 0, seconds),
            _ => return EtagCheck::UnknownForm,
        }
    } else if let Some((time, len)) = text.split_once('-') {
        match (i64::from_str_radix(time, 16), u64::from_str_radix(len, 16)) {
            (Ok(time), Ok(len)) if PLAUSIBLE_SECONDS.contains(&time) => {
                time == seconds && content_len.is_none_or(|have| have == len)
            }
            _ => return EtagCheck::UnknownForm,
        }
    } else {
        return EtagCheck::UnknownForm;
    };
    if agrees {
        EtagCheck::Agrees
    } else {
        EtagCheck::Differs
    }
}

/// 1990 to 2100: other servers write other numbers in the form of nginx.
const PLAUSIBLE_SECONDS: std::ops::Range<i64> = 631_152_000..4_102_444_800;

/// Without padding the digits can be cut into eight bytes in several ways; true
/// when one of them is the wanted time. At most 2^8 ways.
fn is_filetime(digits: &[u8], at: u32, ticks: u64, seconds: i64) -> bool {
    if at == 64 {
        let time = Timestamp::from_filetime(ticks).map(Timestamp::unix_seconds);
        return digits.is_empty() && time == Some(seconds);
    }
    let with = |byte: u8| ticks | u64::from(byte) << at;
    match digits {
        [high, low, rest @ ..] if *high > 0 => {
            is_filetime(rest, at + 8, with(high << 4 | low), seconds)
                || is_filetime(
                    digits.get(1..).unwrap_or_default(),
                    at + 8,
                    with(*high),
                    seconds,
                )
        }
        [only, rest @ ..] => is_filetime(rest, at + 8, with(*only), seconds),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn only_the_three_cabinets_lose_their_query() {
        let base = "http://h/en/authrootstl.cab";
        assert_eq!(
            strip_ctl_query("http://h/en/authrootstl.cab?b3d6249cb8dde683"),
            base
        );
        assert_eq!(strip_ctl_query("http://h/en/authrootstl.cab?"), base);
        let other = "ldap:///CN=x?certificateRevocationList";
        assert_eq!(strip_ctl_query(other), other);
        assert_eq!(
            strip_ctl_query("http://h/authrootseq.txt?1"),
            "http://h/authrootseq.txt?1"
        );
    }

    #[test]
    fn scheme_and_host_ignore_case_and_the_path_does_not() {
        let cached = "http://ctldl.windowsupdate.com/x/authrootstl.cab";
        assert!(same_resource(
            "HTTP://CTLDL.windowsupdate.com:80/x/authrootstl.cab?12",
            cached
        ));
        assert!(!same_resource(
            "http://ctldl.windowsupdate.com/X/authrootstl.cab",
            cached
        ));
        assert!(!same_resource(
            "https://ctldl.windowsupdate.com/x/authrootstl.cab",
            cached
        ));
        assert!(!same_resource(
            "http://o.example/MEkw?1",
            "http://o.example/MEkw?2"
        ));
        assert!(same_resource("http://o.example", "http://o.example/"));
    }

    #[test]
    fn etags_of_both_known_forms_are_compared() {
        let at = |text| Timestamp::from_rfc3339(text);
        let iis = at("2017-06-02T17:39:05Z");
        assert_eq!(
            check_etag("\"80424021c7dbd21:0\"", iis, None),
            EtagCheck::Agrees
        );
        let iis = at("2017-04-20T16:02:20Z");
        assert_eq!(
            check_etag("\"04e707defb9d21:0\"", iis, Some(6564)),
            EtagCheck::Agrees
        );
        let other = at("2017-04-20T16:02:21Z");
        assert_eq!(
            check_etag("\"04e707defb9d21:0\"", other, None),
            EtagCheck::Differs
        );
        let nginx = at("2022-01-20T09:19:13Z");
        assert_eq!(
            check_etag("\"61e92911-1d7\"", nginx, Some(471)),
            EtagCheck::Agrees
        );
        assert_eq!(
            check_etag("\"61e92911-1d7\"", nginx, Some(470)),
            EtagCheck::Differs
        );
        assert_eq!(
            check_etag("\"5f-aa\"", nginx, Some(170)),
            EtagCheck::UnknownForm
        );
        assert_eq!(
            check_etag("\"anything\"", nginx, None),
            EtagCheck::UnknownForm
        );
    }
}
