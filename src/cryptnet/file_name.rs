//! File names of the cache, and what they say of a URL that is not known.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use md5::{Digest as _, Md5};

use super::{CacheEntry, NameCheck};

/// The file name of a URL: MD5 of its UTF-16LE form without NUL, upper-case
/// hexadecimal. Verified on 301 of 301 plain names.
#[must_use]
pub fn file_name(url: &str) -> String {
    let wide: Vec<u8> = url.encode_utf16().flat_map(u16::to_le_bytes).collect();
    md5_hex(&wide)
}

/// The file name of an OCSP answer to a GET for a certificate with CRL
/// distribution points: MD5 of the extension's DER value, `_`, MD5 of the URL.
/// Without that extension the name is [`file_name`] of the URL.
#[must_use]
pub fn ocsp_file_name(distribution_points: &[u8], url: &str) -> String {
    format!("{}_{}", md5_hex(distribution_points), file_name(url))
}

fn md5_hex(bytes: &[u8]) -> String {
    let mut text = crate::bytes::to_hex(&Md5::digest(bytes));
    text.make_ascii_uppercase();
    text
}

/// The two halves of a name in the form of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameParts<'a> {
    /// `A` of `A_B`.
    pub prefix: Option<&'a str>,
    /// MD5 of the URL.
    pub url_digest: &'a str,
}

/// Splits a name in the form of the cache: 32 hexadecimal digits, or twice so
/// many with `_` between.
#[must_use]
pub fn name_parts(name: &str) -> Option<NameParts<'_>> {
    let is_digest =
        |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (prefix, url_digest) = match name.split_once('_') {
        Some((prefix, digest)) => (Some(prefix), digest),
        None => (None, name),
    };
    let fits = is_digest(url_digest) && prefix.is_none_or(is_digest);
    fits.then_some(NameParts { prefix, url_digest })
}

/// Compares a file name with the one that its URL demands.
#[must_use]
pub fn check_name(name: &str, url: &str) -> NameCheck {
    let expected = file_name(url);
    match name_parts(name) {
        Some(parts) if parts.url_digest.eq_ignore_ascii_case(&expected) => match parts.prefix {
            None => NameCheck::Matches,
            Some(prefix) => NameCheck::MatchesWithPrefix {
                prefix: prefix.to_ascii_uppercase(),
                distribution_points: Vec::new(),
            },
        },
        _ => NameCheck::Differs { expected },
    }
}

/// How several URLs are laid out in a CRL distribution points extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointLayout {
    /// One distribution point per URL (DigiCert).
    PointPerUrl,
    /// All URLs as names of one distribution point (Microsoft's own CA).
    OnePoint,
}

/// The DER value of a CRL distribution points extension that names `urls` and
/// nothing else.
///
/// ```text
/// CRLDistributionPoints ::= SEQUENCE OF SEQUENCE {
///   distributionPoint [0] { fullName [0] { uniformResourceIdentifier [6] IA5String … } } }
/// ```
///
/// Spec: RFC 5280 §4.2.1.13.
#[must_use]
pub fn distribution_points_der(urls: &[&str], layout: PointLayout) -> Vec<u8> {
    let uri = |url: &&str| der(0x86, url.as_bytes());
    let point = |names: &[u8]| der(0x30, &der(0xa0, &der(0xa0, names)));
    let points: Vec<u8> = match layout {
        PointLayout::PointPerUrl => urls.iter().flat_map(|url| point(&uri(url))).collect(),
        PointLayout::OnePoint => point(&urls.iter().flat_map(uri).collect::<Vec<u8>>()),
    };
    der(0x30, &points)
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match u8::try_from(content.len()) {
        Ok(len @ 0..=0x7f) => bytes.push(len),
        _ => {
            let digits = (content.len() as u64).to_be_bytes();
            let digits: Vec<u8> = digits.into_iter().skip_while(|digit| *digit == 0).collect();
            bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
            bytes.extend(digits);
        }
    }
    bytes.extend(content);
    bytes
}

/// Names the URL of entries without a readable record, where `known_urls` (what
/// the case's certificates and requests name) or the list of well-known URLs
/// has one with the entry's digest.
pub fn recover_urls<'a>(entries: &mut [CacheEntry], known_urls: impl IntoIterator<Item = &'a str>) {
    let wanted: BTreeSet<String> = entries
        .iter()
        .filter(|entry| entry.record.is_none())
        .filter_map(|entry| Some(name_parts(&entry.name)?.url_digest.to_ascii_uppercase()))
        .collect();
    if wanted.is_empty() {
        return;
    }
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut offer = |url: &str| {
        let digest = file_name(url);
        if wanted.contains(&digest) {
            found.entry(digest).or_insert_with(|| url.to_owned());
        }
    };
    for url in known_urls {
        offer(url);
        let stripped = super::strip_ctl_query(url);
        if stripped != url {
            offer(stripped);
        }
    }
    super::known_urls().iter().for_each(|url| offer(url));
    for entry in entries.iter_mut().filter(|entry| entry.record.is_none()) {
        let digest = name_parts(&entry.name).map(|parts| parts.url_digest.to_ascii_uppercase());
        if let Some(url) = digest.and_then(|digest| found.get(&digest)) {
            entry.name_check = check_name(&entry.name, url);
            entry.recovered_url = Some(url.clone());
        }
    }
}

/// Names the CRLs that the `A` halves of `A_B` names stand for.
///
/// `extensions` are CRL distribution points of certificates in the case: the
/// DER value of each and its URLs; `crl_urls` are URLs of CRLs known otherwise.
/// Of those, each alone is tried, and two of the same file name in both orders
/// and both layouts (one CRL is often offered by two hosts). An `A` half of an
/// entry without record is explained only after [`recover_urls`] named its URL.
pub fn explain_prefixes<'a>(
    entries: &mut [CacheEntry],
    extensions: impl IntoIterator<Item = (&'a [u8], &'a [String])>,
    crl_urls: impl IntoIterator<Item = &'a str>,
) {
    let asked =
        |entry: &CacheEntry| matches!(entry.name_check, NameCheck::MatchesWithPrefix { .. });
    if !entries.iter().any(asked) {
        return;
    }
    // Looked up by key only; the order of entries decides what is printed.
    let mut meanings: HashMap<String, Vec<String>> = HashMap::new();
    let mut pairs_left = MAX_PAIRS;
    let crl_urls: BTreeSet<&str> = crl_urls
        .into_iter()
        .chain(super::known_crl_urls().iter().copied())
        .collect();
    let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for url in &crl_urls {
        let name = url.rsplit('/').next().unwrap_or(url);
        by_file.entry(name).or_default().push(url);
    }
    let mut offer = |urls: &[&str], layout| {
        let digest = md5_hex(&distribution_points_der(urls, layout));
        let named = || urls.iter().map(|url| (*url).to_owned()).collect();
        meanings.entry(digest).or_insert_with(named);
    };
    for url in &crl_urls {
        offer(&[url], PointLayout::OnePoint);
    }
    for urls in by_file.values() {
        let urls = urls
            .get(..MAX_HOSTS_PER_CRL.min(urls.len()))
            .unwrap_or_default();
        for first in urls {
            for second in urls.iter().filter(|second| *second != first) {
                if pairs_left == 0 {
                    break;
                }
                pairs_left -= 1;
                offer(&[first, second], PointLayout::PointPerUrl);
                offer(&[first, second], PointLayout::OnePoint);
            }
        }
    }
    for (value, urls) in extensions {
        meanings.insert(md5_hex(value), urls.to_vec());
    }
    for entry in entries {
        if let NameCheck::MatchesWithPrefix {
            prefix,
            distribution_points,
        } = &mut entry.name_check
            && let Some(urls) = meanings.get(prefix)
        {
            distribution_points.clone_from(urls);
        }
    }
}

/// Hosts of one CRL that are tried in pairs; the largest authorities use four.
const MAX_HOSTS_PER_CRL: usize = 16;
/// Pairs tried in all, each by two hashes. The hosts of all public authorities
/// together make some hundred; a hostile capture could name millions.
const MAX_PAIRS: usize = 20_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const DIGICERT: [&str; 2] = [
        "http://crl3.digicert.com/DigiCertGlobalRootCA.crl",
        "http://crl4.digicert.com/DigiCertGlobalRootCA.crl",
    ];

    #[test]
    fn names_of_the_trust_lists_are_those_seen_on_real_machines() {
        let at = |host: &str, file: &str| {
            file_name(&format!(
                "http://{host}/msdownload/update/v3/static/trustedr/en/{file}"
            ))
        };
        let new = "ctldl.windowsupdate.com";
        assert_eq!(
            at(new, "authrootstl.cab"),
            "77EC63BDA74BD0D0E0426DC8F8008506"
        );
        assert_eq!(
            at(new, "disallowedcertstl.cab"),
            "57C8EDB95DF3F0AD4EE2DC2B8CFD4157"
        );
        assert_eq!(
            at(new, "pinrulesstl.cab"),
            "FB0D848F74F70BB2EAA93746D24D9749"
        );
        let old = "www.download.windowsupdate.com";
        assert_eq!(
            at(old, "authrootstl.cab"),
            "94308059B57B3142E455B38A6EB92015"
        );
        assert_eq!(
            at(old, "authrootseq.txt"),
            "2BF68F4714092295550497DD56F57004"
        );
    }

    #[test]
    fn prefixes_are_digests_of_the_distribution_points_of_real_certificates() {
        let one = distribution_points_der(&DIGICERT[..1], PointLayout::PointPerUrl);
        assert_eq!(md5_hex(&one), "B398B80134F72209547439DB21AB308D");
        let two = distribution_points_der(&DIGICERT, PointLayout::PointPerUrl);
        assert_eq!(md5_hex(&two), "7423F88C7F265F0DEFC08EA88C3BDE45");
        let sharded = ["http://e6.c.lencr.org/53.crl"];
        let sharded = distribution_points_der(&sharded, PointLayout::OnePoint);
        assert_eq!(md5_hex(&sharded), "E8FEBA6E298C2803A21245D692B0DDB4");
        let name = ocsp_file_name(&two, "http://o/x%3D");
        assert_eq!(
            check_name(&name, "http://o/x%3D"),
            NameCheck::MatchesWithPrefix {
                prefix: "7423F88C7F265F0DEFC08EA88C3BDE45".into(),
                distribution_points: vec![]
            }
        );
    }

    #[test]
    fn lengths_above_127_have_long_forms() {
        assert_eq!(der(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(der(4, &[0; 300])[..4], [4, 0x82, 1, 44]);
    }

    #[test]
    fn a_name_of_another_form_differs() {
        assert_eq!(name_parts("desktop.ini"), None);
        assert_eq!(name_parts("A_B"), None);
        let url = "http://a/";
        let expected = file_name(url);
        assert_eq!(
            check_name(&expected.to_lowercase(), url),
            NameCheck::Matches
        );
        assert_eq!(check_name("renamed", url), NameCheck::Differs { expected });
    }
}
