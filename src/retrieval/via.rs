//! What answers say of the caches and proxies they came through: `Via`,
//! `X-Cache`, `Cache-Status`.

use std::net::SocketAddr;

use crate::protocol::http::Headers;

use super::Hop;
use super::url::host_and_port;

/// An intermediary with the field that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// `received-by` of `Via`, or the name in `X-Cache`; port kept.
    pub name: String,
    /// Product comment of `Via`.
    comment: String,
    /// True when `Via` names it.
    pub from_via: bool,
    /// Its address, where it is the proxy that was spoken to or its name is one.
    pub address: Option<SocketAddr>,
    /// `HIT`, `MISS`, ….
    cache: Option<String>,
    /// `Age`, where the answer is its copy.
    age: Option<u64>,
}

impl Seen {
    /// The name without its port.
    pub fn host(&self) -> String {
        host_and_port(&self.name).0
    }

    /// True for the marks of content networks and of the caches that web
    /// servers keep before themselves.
    pub fn is_of_content_network(&self) -> bool {
        let text = format!("{} {}", self.name, self.comment).to_ascii_lowercase();
        CONTENT_NETWORKS.iter().any(|mark| text.contains(mark))
            || GENERIC.contains(&self.host().as_str())
    }

    pub fn into_hop(self) -> Hop {
        Hop {
            name: self.name,
            address: self.address,
            cache: self.cache,
            age: self.age,
        }
    }
}

/// Parts of the names and comments that content networks write: CloudFront,
/// Akamai, Fastly (`cache-fra123`), Google, Azure, Edgecast (`ECS`, `ECAcc`),
/// Cloudflare, Limelight, StackPath, CDN77, Alibaba, Tencent, Heroku, Imperva.
const CONTENT_NETWORKS: [&str; 21] = [
    "cloudfront",
    "akamai",
    "fastly",
    "cache-",
    "azure",
    "edgecast",
    "ecacc",
    "ecs (",
    "cloudflare",
    "llnw",
    "limelight",
    "stackpath",
    "hwcdn",
    "cdn",
    "alicdn",
    "tencent",
    "vegur",
    "imperva",
    "incapsula",
    "msedge",
    "trafficmanager",
];

/// Product names that stand for the name of a machine: they tell nothing of
/// where it is, and servers' own caches write them.
const GENERIC: [&str; 8] = [
    "varnish",
    "google",
    "nginx",
    "haproxy",
    "envoy",
    "caddy",
    "kong",
    "localhost",
];

/// The intermediaries of an answer in the order named, the one nearest to the
/// origin first, each with its cache verdict.
///
/// ```text
/// Via: 1.0 fred, 1.1 p.example.net:3128 (squid/5.7)
/// X-Cache: HIT from p.example.net
/// Cache-Status: p.example.net;hit
/// ```
///
/// Spec: RFC 9110 §7.6.3 (each proxy appends itself), RFC 9211; `X-Cache` as
/// squid and CloudFront write it.
pub(super) fn hops(headers: &Headers) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    for value in headers.all("Via").flat_map(members) {
        let (received, comment) = value.split_once('(').unwrap_or((value, ""));
        let mut words = received.split_whitespace();
        let (Some(_protocol), Some(name)) = (words.next(), words.next()) else {
            continue;
        };
        let comment = comment.trim_end_matches(')').trim().to_string();
        let address = name.parse().ok();
        seen.push(Seen {
            name: name.into(),
            comment,
            from_via: true,
            address,
            cache: None,
            age: None,
        });
    }
    for value in headers.all("X-Cache").flat_map(members) {
        let (verdict, name) = value.split_once(" from ").unwrap_or((value, ""));
        note(
            &mut seen,
            name.split_whitespace().next(),
            verdict_word(verdict),
        );
    }
    for value in headers.all("Cache-Status").flat_map(members) {
        let mut pieces = value.split(';').map(str::trim);
        let name = pieces
            .next()
            .map(|name| name.trim_matches('"'))
            .filter(|name| !name.is_empty());
        let pieces: Vec<String> = pieces.map(str::to_ascii_lowercase).collect();
        let has = |wanted: &str| pieces.iter().any(|piece| piece == wanted);
        let word = match (has("hit"), has("fwd=stale") && has("fwd-status=304")) {
            (true, _) => "HIT",
            (false, true) => "REVALIDATED",
            (false, false) => "MISS",
        };
        note(&mut seen, name, word.to_string());
    }
    note_age(&mut seen, headers);
    seen.truncate(MAX_HOPS);
    seen
}

/// The verdict in one word for all products: squid writes `TCP_MEM_HIT` and
/// `TCP_REFRESH_UNMODIFIED`, CloudFront `RefreshHit`; other words stay.
fn verdict_word(verdict: &str) -> String {
    let upper = verdict.trim().to_ascii_uppercase();
    let revalidated = ["REFRESH_UNMODIFIED", "REFRESHHIT", "REVALIDATED"];
    if revalidated.iter().any(|word| upper.contains(word)) {
        return "REVALIDATED".to_string();
    }
    match ["HIT", "MISS"].iter().find(|word| upper.contains(**word)) {
        Some(word) => (*word).to_string(),
        None => upper,
    }
}

/// `Age` says how old the copy is, not whose it is: it goes to the only hop, or
/// to the one nearest to the client that answered from its cache.
fn note_age(seen: &mut [Seen], headers: &Headers) {
    let Some(age) = headers.get("Age").and_then(|age| age.trim().parse().ok()) else {
        return;
    };
    if let [only] = seen {
        only.age = Some(age);
        return;
    }
    let from_cache = |hop: &&mut Seen| hop.cache.as_deref() == Some("HIT");
    if let Some(hop) = seen.iter_mut().rev().find(from_cache) {
        hop.age = Some(age);
    }
}

/// Longer chains are forged.
const MAX_HOPS: usize = 16;

/// Gives a verdict to the intermediary of that name, which may be new. A
/// verdict without a name belongs to the only one there is.
fn note(seen: &mut Vec<Seen>, name: Option<&str>, verdict: String) {
    let verdict: String = verdict.chars().take(MAX_VERDICT).collect();
    match name {
        Some(name) => {
            let host = host_and_port(name).0;
            let known = seen.iter_mut().find(|hop| hop.host() == host);
            match known {
                Some(hop) => hop.cache = hop.cache.take().or(Some(verdict)),
                None => seen.push(Seen {
                    name: name.into(),
                    comment: String::new(),
                    from_via: false,
                    address: None,
                    cache: Some(verdict),
                    age: None,
                }),
            }
        }
        None => {
            if let [only] = seen.as_mut_slice() {
                only.cache = only.cache.take().or(Some(verdict));
            }
        }
    }
}

/// `TCP_REFRESH_UNMODIFIED_ABORTED` is the longest of squid's.
const MAX_VERDICT: usize = 40;

/// The members of a comma-separated list; commas in comments do not separate.
fn members(value: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let pieces = value.split(move |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    pieces.map(str::trim).filter(|piece| !piece.is_empty())
}

/// What two names of one owner share, as far as can be told without a list of
/// public suffixes: the last two labels, three below a country's `co` or `ac`.
/// An address or a name of one label stands for itself.
pub(super) fn site(host: &str) -> &str {
    let is_address = host.contains(':') || host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let labels: Vec<&str> = host.split('.').collect();
    let count = match labels.as_slice() {
        [.., second, country] if second.len() <= SHORT_LABEL && country.len() == 2 => 3,
        _ => 2,
    };
    if is_address || labels.len() <= count {
        return host;
    }
    let tail: usize = labels
        .iter()
        .rev()
        .take(count)
        .map(|label| label.len() + 1)
        .sum();
    host.get(host.len() - tail + 1..).unwrap_or(host)
}

/// `co`, `com`, `gov`, `ac`: labels that registries put before the country.
const SHORT_LABEL: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        let pairs = fields
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        let seen = hops(&Headers(pairs.collect()));
        seen.into_iter().map(|hop| (hop.name, hop.cache)).collect()
    }

    #[test]
    fn via_names_hops_in_order_and_x_cache_adds_their_verdicts() {
        let got = of(&[
            (
                "Via",
                "1.0 inner (squid, old), 1.1 outer.example:3128 (squid/5.7)",
            ),
            ("X-Cache", "MISS from inner"),
            ("X-Cache", "HIT from outer.example"),
            ("X-Cache-Lookup", "HIT from outer.example:3128"),
        ]);
        let want = [("inner", "MISS"), ("outer.example:3128", "HIT")];
        let want = want.map(|(name, verdict)| (name.to_string(), Some(verdict.to_string())));
        assert_eq!(got, want);
    }

    #[test]
    fn a_verdict_without_a_name_belongs_to_the_only_hop() {
        assert_eq!(
            of(&[("Via", "1.1 p"), ("X-Cache", "HIT")]),
            [("p".into(), Some("HIT".into()))]
        );
        assert_eq!(of(&[("X-Cache", "HIT")]), []);
        let status = of(&[("Cache-Status", "\"p\"; fwd=stale")]);
        assert_eq!(status, [("p".into(), Some("MISS".into()))]);
    }

    #[test]
    fn content_networks_are_known_by_name_or_comment() {
        let is_network = |value: &str| {
            let seen = hops(&Headers(vec![("Via".into(), value.into())]));
            seen.iter().all(Seen::is_of_content_network)
        };
        assert!(is_network("1.1 0a1b.cloudfront.net (CloudFront)"));
        assert!(is_network("1.1 varnish, 1.1 varnish"));
        assert!(is_network("1.1 google"));
        assert!(is_network("HTTP/1.1 rio-edge (ecacc)"));
        assert!(!is_network("1.1 squid.corp.example (squid/5.7)"));
    }

    #[test]
    fn a_site_is_the_end_of_a_name() {
        assert_eq!(site("a.b.example.com"), "example.com");
        assert_eq!(site("www.shop.co.uk"), "shop.co.uk");
        assert_eq!(site("proxy"), "proxy");
        assert_eq!(site("192.0.2.7"), "192.0.2.7");
        assert_eq!(site("sq63.wikimedia.org"), "wikimedia.org");
        assert_eq!(site("x.msn.com"), "msn.com");
    }
}
