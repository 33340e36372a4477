//! What shows that the certificates of a rejected handshake were made on the way,
//! by a proxy that opens connections: other sites with the same authority or key,
//! the same site with another authority elsewhere, the name of the authority.
//!
//! Behind such a proxy thousands of handshakes have one authority and each may be
//! rejected, so that what the servers showed is sorted once for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::inquiry::Inquiry;
use super::rejections::{Rejection, is_public_name, owner_of, rejections};
use crate::case::Case;
use crate::case::questions::host_of;
use crate::chain::RootTrust;
use crate::pki::Certificate;
use crate::pki::certificate::{CA_ISSUERS, OCSP};
use crate::provenance::Cite;

/// What shows that certificates were made on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signs {
    /// Unrelated sites with the same issuer or key, the rejected one first; no
    /// more than [`MAX_SITES`] of them.
    pub sites: Vec<String>,
    /// How many more there are.
    pub more: usize,
    /// The sites share one key.
    pub one_key: bool,
    /// The issuer's name says so.
    pub named: bool,
    /// The same site showed a certificate of another issuer elsewhere.
    pub differs: bool,
    /// Where the others were seen.
    pub cites: Vec<Cite>,
}

impl Signs {
    /// Two unrelated sites can have one authority outside the program only
    /// where somebody signs for both.
    #[must_use]
    pub fn are_strong(&self) -> bool {
        self.sites.len() > 1
    }
}

/// Sites told and cited of one proxy. It signs for every site of every client, and
/// each of its rejected handshakes would name all others.
const MAX_SITES: usize = 32;

/// The rejections, by number of the failure, that show such signs.
#[must_use]
pub fn inspections(inquiry: &Inquiry<'_>) -> BTreeMap<usize, Signs> {
    let servers = Servers::of(inquiry.case);
    let found = rejections(inquiry).filter_map(|it| Some((it.index, servers.signs(&it)?)));
    found.collect()
}

/// What a handshake showed of its server.
struct Shown<'a> {
    site: &'a str,
    /// Number of its owner.
    owner: usize,
    leaf: &'a Arc<Certificate>,
    cites: &'a [Cite],
}

/// What all servers showed, in the order of the handshakes.
struct Servers<'a> {
    case: &'a Case,
    shown: Vec<Shown<'a>>,
    /// Numbers of the owners of names.
    owners: BTreeMap<String, usize>,
    /// Those of public names, by issuer and by key of the leaf. Of equal leaves
    /// for the same name the first.
    by_issuer: BTreeMap<&'a [u8], Vec<usize>>,
    by_key: BTreeMap<&'a [u8], Vec<usize>>,
    /// The issuers that each site showed.
    issuers: BTreeMap<String, BTreeSet<&'a [u8]>>,
    /// The sites for which each issuer made a certificate that looks public.
    looks_public: BTreeMap<&'a [u8], BTreeSet<String>>,
}

impl<'a> Servers<'a> {
    fn of(case: &'a Case) -> Self {
        let mut servers = Servers {
            case,
            shown: Vec::new(),
            owners: BTreeMap::new(),
            by_issuer: BTreeMap::new(),
            by_key: BTreeMap::new(),
            issuers: BTreeMap::new(),
            looks_public: BTreeMap::new(),
        };
        let mut known: BTreeSet<(usize, String)> = BTreeSet::new();
        for handshake in &case.handshakes {
            let (Some((artifact, leaf)), Some(site)) =
                (case.leaf_of(handshake), handshake.site.as_deref())
            else {
                continue;
            };
            let name = site.to_ascii_lowercase();
            if !known.insert((artifact, name.clone())) {
                continue;
            }
            let (issuer, key) = (leaf.issuer.der.as_slice(), leaf.public_key.der.as_slice());
            let issuers = servers.issuers.entry(name.clone()).or_default();
            issuers.insert(issuer);
            if looks_public(leaf) {
                let sites = servers.looks_public.entry(issuer).or_default();
                sites.insert(name.clone());
            }
            if is_public_name(site) {
                let (index, next) = (servers.shown.len(), servers.owners.len());
                servers.by_issuer.entry(issuer).or_default().push(index);
                servers.by_key.entry(key).or_default().push(index);
                servers.shown.push(Shown {
                    site,
                    owner: *servers.owners.entry(owner_of(site)).or_insert(next),
                    leaf,
                    cites: &handshake.cites,
                });
            }
        }
        servers
    }

    fn signs(&self, rejection: &Rejection<'_>) -> Option<Signs> {
        let (_, leaf) = self.case.leaf_of(rejection.handshake)?;
        let site = rejection.handshake.site.as_deref()?;
        if !is_public_name(site) || leaf.is_self_issued() {
            return None;
        }
        let name = site.to_ascii_lowercase();
        let issuer = leaf.issuer.der.as_slice();
        let issuers = self.issuers.get(&name).into_iter().flatten();
        let public = self.looks_public.get(issuer).into_iter().flatten();
        let root = rejection.root();
        let mut signs = Signs {
            sites: vec![site.to_owned()],
            named: says_inspection(&leaf.issuer.text)
                || root.is_some_and(|root| says_inspection(&root.subject.text)),
            differs: issuers.into_iter().any(|other| *other != issuer),
            ..Signs::default()
        };
        let public = looks_public(leaf) || public.into_iter().any(|other| *other != name);
        let own = self.owners.get(&owner_of(site)).copied();
        let mut is_told = vec![false; self.owners.len()];
        for other in self.related(leaf) {
            let unrelated = Some(other.owner) != own && other.leaf.sha256 != leaf.sha256;
            let Some(told) = is_told.get_mut(other.owner).filter(|_| unrelated) else {
                continue;
            };
            if std::mem::replace(told, true) {
                continue;
            }
            signs.one_key |= other.leaf.public_key.der == leaf.public_key.der;
            if signs.sites.len() < MAX_SITES {
                signs.sites.push(other.site.to_owned());
                signs.cites.extend(other.cites.iter().cloned());
            } else {
                signs.more += 1;
            }
        }
        let absent = rejection.best.root == RootTrust::Absent;
        let shared = signs.are_strong();
        // The same public authority for two sites is ordinary, unless it is shown
        // to be none.
        let made = !public || absent || signs.one_key;
        (made && (shared || signs.differs || signs.named)).then_some(signs)
    }

    /// What has the issuer or the key of a leaf, in order.
    fn related(&self, leaf: &Certificate) -> impl Iterator<Item = &Shown<'a>> {
        let with_issuer = self.by_issuer.get(leaf.issuer.der.as_slice());
        let with_key = self.by_key.get(leaf.public_key.der.as_slice());
        let mut with_issuer = with_issuer.into_iter().flatten().copied().peekable();
        let mut with_key = with_key.into_iter().flatten().copied().peekable();
        std::iter::from_fn(move || {
            let next = match (with_issuer.peek().copied(), with_key.peek().copied()) {
                (Some(one), Some(other)) => one.min(other),
                (one, other) => one.or(other)?,
            };
            with_issuer.next_if_eq(&next);
            with_key.next_if_eq(&next);
            self.shown.get(next)
        })
    }
}

/// Signed certificate timestamps, which every public server certificate since
/// 2018 has (RFC 6962 §3.3).
const TIMESTAMPS: &str = "1.3.6.1.4.1.11129.2.4.2";

/// True for a certificate that names public services, as the ones made on the
/// way do not.
fn looks_public(leaf: &Certificate) -> bool {
    let mut urls = leaf.access_urls(CA_ISSUERS);
    urls.extend(leaf.access_urls(OCSP));
    urls.extend(leaf.crl_urls());
    let public = |url: &&str| host_of(url).is_some_and(is_public_name);
    let stamped = leaf.extensions.iter().any(|it| it.oid == TIMESTAMPS);
    stamped || urls.iter().any(public)
}

/// Words that products which open connections put into the names of their
/// authorities; a hint that needs a public site without public addresses beside it.
const INSPECTION_WORDS: [&str; 30] = [
    "proxy",
    "inspect",
    "intercept",
    "decrypt",
    "bump",
    "mitm",
    "ssl filter",
    "web gateway",
    "squid",
    "fortinet",
    "fortigate",
    "zscaler",
    "netskope",
    "palo alto",
    "blue coat",
    "bluecoat",
    "forcepoint",
    "websense",
    "sophos",
    "barracuda",
    "watchguard",
    "sonicwall",
    "smoothwall",
    "umbrella",
    "kaspersky",
    "avast",
    "bitdefender",
    "fiddler",
    "portswigger",
    "charles",
];

fn says_inspection(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    INSPECTION_WORDS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::fixtures::Story;
    use crate::diagnosis::inquiry::Inquiry;

    #[test]
    fn of_a_thousand_sites_behind_one_proxy_a_few_are_named_and_all_are_counted() {
        let mut story = Story::new();
        for number in 0..1_000_i64 {
            let leaf = ["inspected-shop", "inspected-bank"][(number % 2) as usize];
            story = story
                .rejects(&[leaf, "inspection-ca"], (number, number))
                .handshake(|it| it.site = Some(format!("www.shop{number}.example")));
        }
        let case = story.case();
        let inquiry: Inquiry<'_> = crate::diagnosis::failures::inquire(&case);
        let signs = super::inspections(&inquiry);
        assert_eq!(signs.len(), 1_000);
        // Each is unrelated to those with the other leaf.
        for signs in signs.values() {
            assert_eq!(signs.sites.len(), super::MAX_SITES);
            assert_eq!(signs.sites.len() + signs.more, 501);
        }
    }
}
