//! Which hosts a failed lookup or connect must concern to be an attempt that
//! matters.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::pki::LooksLike;

use super::known::{KnownUrls, most_plausible};
use super::scene::Scene;
use super::{ObjectKind, Observed, Retrieval, body, shape, url};

/// What is known of hosts, from objects, settings and the attempts that got far
/// enough to name their object.
#[derive(Debug)]
pub(super) struct Interests<'a> {
    known: &'a KnownUrls,
    /// Kinds by host and port, from attempts and from where they were redirected.
    learned: BTreeMap<String, BTreeSet<(u16, ObjectKind)>>,
    /// Proxies that scripts name.
    scripted: BTreeSet<(String, u16)>,
    /// Addresses that were spoken to as proxies.
    spoken_to: &'a BTreeSet<SocketAddr>,
}

/// Why a host matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interest {
    /// Objects of this kind are fetched there.
    Object(ObjectKind),
    /// It is a proxy.
    Proxy,
}

impl<'a> Interests<'a> {
    pub fn of(scene: &'a Scene<'a>, retrievals: &[Retrieval]) -> Self {
        let mut learned: BTreeMap<String, BTreeSet<(u16, ObjectKind)>> = BTreeMap::new();
        for retrieval in retrievals
            .iter()
            .filter(|each| each.object != ObjectKind::Other)
        {
            let base = retrieval.url.as_deref();
            let target = retrieval.response_headers.get("Location");
            let target = base
                .zip(target)
                .and_then(|(base, target)| url::resolved(base, target));
            for location in base.into_iter().chain(target.as_deref()) {
                if let Some(parts) = url::parts(location) {
                    learned
                        .entry(parts.host)
                        .or_default()
                        .insert((parts.port, retrieval.object));
                }
            }
        }
        let observed = scene.inputs.observed;
        let scripted = observed
            .iter()
            .flat_map(scripts)
            .flat_map(proxies_in)
            .collect();
        let spoken_to = &scene.intermediaries.explicit;
        Interests {
            known: scene.inputs.known,
            learned,
            scripted,
            spoken_to,
        }
    }

    /// Why a name matters, at one port or, for a lookup, at any.
    pub fn in_name(&self, host: &str, port: Option<u16>) -> Option<Interest> {
        let scripted = self
            .scripted
            .iter()
            .any(|(name, number)| name == host && port.is_none_or(|port| port == *number));
        if scripted || self.known.is_proxy(host, port) {
            return Some(Interest::Proxy);
        }
        let learned = self.learned.get(host).into_iter().flatten();
        let learned = learned.filter(|(number, _)| port.is_none_or(|port| port == *number));
        let mut kinds: BTreeSet<ObjectKind> = learned.map(|(_, kind)| *kind).collect();
        kinds.extend(self.known.kinds_at_host(host, port));
        if let Some(kind) = most_plausible(&kinds, self.known.lacks_issuer_at(host)) {
            return Some(Interest::Object(kind));
        }
        let at_proxy_port = port.is_none_or(|port| PROXY_PORTS.contains(&port));
        (at_proxy_port && is_named_proxy(host)).then_some(Interest::Proxy)
    }

    /// Why an address matters whatever it is called.
    pub fn in_address(&self, server: SocketAddr) -> Option<Interest> {
        let literal = (server.ip().to_string(), server.port());
        let is_proxy = self.spoken_to.contains(&server) || self.scripted.contains(&literal);
        let named = self.known.is_proxy(&literal.0, Some(literal.1));
        (is_proxy || named).then_some(Interest::Proxy)
    }
}

/// The ports that proxies are commonly given.
const PROXY_PORTS: [u16; 6] = [3128, 8080, 8081, 8088, 8888, 9090];

/// A host whose first label says that it is a proxy: `proxy01.corp.example`,
/// `http-proxy`, `webproxy`. A convention, but people name proxies so that
/// people know them.
fn is_named_proxy(host: &str) -> bool {
    let label = host.split('.').next().unwrap_or_default();
    let mut words = label.split(['-', '_']);
    words.any(|word| {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        matches!(
            word,
            "proxy" | "webproxy" | "httpproxy" | "squid" | "webgateway"
        )
    })
}

/// The proxy scripts among the answers of a conversation.
fn scripts(seen: &Observed) -> impl Iterator<Item = &[u8]> {
    seen.exchanges.iter().filter_map(|exchange| {
        let raw = exchange.response.as_ref()?.body.as_ref()?;
        let shown = body::shown(raw);
        // Searching every CRL for a function's name would take longer than all else.
        shape::of_prefix(shown, raw.size).filter(|look| *look == LooksLike::Text)?;
        let near = shown.get(..shown.len().min(MAX_SCRIPT))?;
        let is_script = near
            .windows(FUNCTION.len())
            .any(|window| window == FUNCTION);
        is_script.then_some(near)
    })
}

/// The function that a proxy script must define.
const FUNCTION: &[u8] = b"FindProxyForURL";
/// Windows refuses larger scripts.
const MAX_SCRIPT: usize = 1 << 20;

/// The proxies that a script can return: `PROXY host:port` in its strings. The
/// script is not run, so that which of them it returns when stays open.
fn proxies_in(script: &[u8]) -> Vec<(String, u16)> {
    let text = String::from_utf8_lossy(script);
    let separators = |c: char| c.is_whitespace() || "\"';,()+{}".contains(c);
    let words: Vec<&str> = text
        .split(separators)
        .filter(|word| !word.is_empty())
        .collect();
    let pairs = words.windows(2).filter_map(|pair| match pair {
        [keyword, place] if ["PROXY", "HTTP", "HTTPS", "SOCKS", "SOCKS5"].contains(keyword) => {
            let (host, port) = url::host_and_port(place);
            Some((host, port?))
        }
        _ => None,
    });
    pairs.take(MAX_SCRIPTED).collect()
}

/// Proxies taken from one script.
const MAX_SCRIPTED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_its_proxies() {
        let script = br#"function FindProxyForURL(u, h) {
            if (isInNet(h, "10.0.0.0", "255.0.0.0")) return "DIRECT";
            return "PROXY px1.corp.example:3128; PROXY 10.0.0.2:8080;DIRECT"; }"#;
        let want = [
            ("px1.corp.example".to_string(), 3128),
            ("10.0.0.2".to_string(), 8080),
        ];
        assert_eq!(proxies_in(script), want);
    }

    #[test]
    fn proxies_are_known_by_the_convention_of_their_names() {
        assert!(is_named_proxy("proxy01.corp.example"));
        assert!(is_named_proxy("http-proxy"));
        assert!(!is_named_proxy("proxyshop.example"));
        assert!(!is_named_proxy("www.proxy.example"));
    }
}
