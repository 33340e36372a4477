//! Rejected chains whose root is not known to be trusted, and what kind of root
//! it is: that of a proxy which opens connections, that of an update server, an
//! organization's own, or any other. One rule speaks for each kind.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::inquiry::{Inquiry, join_words};
use super::rejections::{
    Rejection, is_known_intermediate, is_private, is_public_name, owner_of, rejections,
};
use super::wsus;
use crate::case::questions::{host_of, names_root};
use crate::chain::{Chain, RootTrust};
use crate::pki::Certificate;
use crate::pki::certificate::{CA_ISSUERS, OCSP};
use crate::protocol::tls::ServerCertificates;
use crate::provenance::Cite;

/// A rejected chain that ends at, or below, a root which no list of the day
/// names and nobody gave.
pub struct Unlisted<'a> {
    /// The rejection.
    pub rejection: Rejection<'a>,
    /// The self-signed root, where its bytes are at hand.
    pub root: Option<&'a Arc<Certificate>>,
    /// Short name of the root, or of the issuer that is not at hand.
    pub authority: String,
    /// `2026-05-31`: the date of the list that does not have it; `None` without a list.
    pub list: Option<String>,
    /// The client said unknown_ca.
    pub told_unknown_ca: bool,
    /// The stores of the machine and of a user of it are in the evidence, and do
    /// not hold it.
    pub in_no_store: bool,
    /// What kind of root it is.
    pub kind: RootKind,
}

/// What a root is, as far as the chain and the other connections show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootKind {
    /// That of a proxy which signs anew.
    Inspection(Signs),
    /// That of an update server.
    Update,
    /// An organization's own.
    Private,
    /// Nothing special is seen.
    Plain,
}

/// What shows that certificates were made on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signs {
    /// Unrelated sites with the same issuer or key, the rejected one first.
    pub sites: Vec<String>,
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

impl Unlisted<'_> {
    /// Links that are inferred: which roots the machine trusts, and what the
    /// missing certificate is.
    #[must_use]
    pub fn inferred(&self) -> u8 {
        u8::from(!self.in_no_store) + u8::from(self.root.is_none() && !self.told_unknown_ca)
    }

    /// True when another list of the evidence has the root: the list of the day
    /// is then an old one, or the machine had none.
    #[must_use]
    pub fn is_in_another_list(&self, inquiry: &Inquiry<'_>) -> bool {
        let child = self.rejection.child_of_missing();
        inquiry.case.authroot_lists().any(|(_, list)| {
            let by_thumbprint = self
                .root
                .is_some_and(|root| list.entry_for(&root.sha1).is_some());
            by_thumbprint || child.is_some_and(|child| names_root(list, child))
        })
    }

    /// What is known of the machine's stores.
    #[must_use]
    pub fn installed(&self) -> &'static str {
        match self.in_no_store {
            true => "none of the stores in the hives of this machine holds it",
            false => "nothing shows that this machine has it installed",
        }
    }

    /// `which is not in the trust list of 2026-05-31`, or what stands for it.
    #[must_use]
    pub fn listing(&self) -> String {
        match (&self.list, self.root) {
            (Some(date), Some(_)) => format!("which is not in the trust list of {date}"),
            (Some(date), None) => {
                format!("which the trust list of {date} names by neither key nor name")
            }
            (None, _) => "and no trust list of the day is in this evidence".to_owned(),
        }
    }
}

/// All of them.
#[must_use]
pub fn unlisted<'a>(inquiry: &'a Inquiry<'_>) -> Vec<Unlisted<'a>> {
    rejections(inquiry)
        .filter_map(|rejection| of(inquiry, rejection))
        .collect()
}

/// TLS alert unknown_ca (RFC 5246 §7.2.2).
const UNKNOWN_CA: u8 = 48;

fn of<'a>(inquiry: &'a Inquiry<'_>, rejection: Rejection<'a>) -> Option<Unlisted<'a>> {
    // What any verifier refuses does not show that the root was wanting.
    if rejection.examined.has_fault() {
        return None;
    }
    let root = rejection.root();
    let child = rejection.child_of_missing();
    let open = match rejection.best.root {
        RootTrust::Absent | RootTrust::Untrusted => root.is_some(),
        RootTrust::Partial => child.is_some(),
        RootTrust::StoreUnknown => root.is_some() || child.is_some(),
        _ => false,
    };
    let limited = limited_by_list(&rejection).is_some();
    // The chain then breaks half-way, whatever its root.
    let half_way = child.is_some_and(|child| is_known_intermediate(inquiry, child));
    if !open || half_way || limited {
        return None;
    }
    let authority = match (root, child) {
        (Some(root), _) => root.subject.short().to_owned(),
        (None, Some(child)) => child.issuer.short().to_owned(),
        (None, None) => return None,
    };
    let failure = rejection.failure;
    let list = inquiry.case.list_of_the_day(failure.machine, failure.at);
    let list = list.and_then(|list| inquiry.case.ctl(list));
    let date = list.map(|list| list.this_update.to_display());
    let alert = rejection.handshake.alert.and_then(|alert| alert.content);
    Some(Unlisted {
        root,
        authority,
        list: date.map(|date| date.get(..10).unwrap_or_default().to_owned()),
        in_no_store: rejection.examined.is_untrusted_here()
            && inquiry.case.knows_user_stores(failure.machine),
        told_unknown_ca: alert.is_some_and(|(_, description)| description == UNKNOWN_CA),
        kind: kind(inquiry, &rejection),
        rejection,
    })
}

/// The way to a root that the list of the day names and takes trust from, where
/// no chain leads to one that it trusts. Below a root that is not at hand, the
/// engine ranks an unknown end before this one.
#[must_use]
pub fn limited_by_list<'a>(rejection: &Rejection<'a>) -> Option<&'a Chain> {
    let trusted = rejection.examined.chains.iter().any(|chain| {
        matches!(
            chain.root,
            RootTrust::Given | RootTrust::Listed | RootTrust::ListedByName { .. }
        )
    });
    let mut chains = rejection.examined.chains.iter();
    let limited = chains.find(|chain| {
        matches!(
            chain.root,
            RootTrust::Disabled { since: Some(_) }
                | RootTrust::NotBeforeLimited { limit: Some(_) }
                | RootTrust::UsageRemoved
        )
    });
    limited.filter(|_| !trusted)
}

fn kind(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> RootKind {
    let mut elements = rejection.best.elements.iter();
    if let Some(signs) = inspection(inquiry, rejection) {
        RootKind::Inspection(signs)
    } else if wsus::is_update_handshake(inquiry.case, rejection.handshake) {
        RootKind::Update
    } else if elements.any(|element| is_private(&element.certificate)) {
        RootKind::Private
    } else {
        RootKind::Plain
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

fn inspection(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<Signs> {
    let case = inquiry.case;
    let (_, leaf) = case.leaf_of(rejection.handshake)?;
    let site = rejection.handshake.site.as_deref()?;
    if !is_public_name(site) || leaf.is_self_issued() {
        return None;
    }
    let mut signs = Signs {
        named: says_inspection(&leaf.issuer.text)
            || rejection
                .root()
                .is_some_and(|root| says_inspection(&root.subject.text)),
        ..Signs::default()
    };
    let mut public = looks_public(leaf);
    let mut owners = BTreeSet::from([owner_of(site)]);
    let mut sites = vec![site.to_owned()];
    for other in &case.handshakes {
        let (Some((_, theirs)), Some(name)) = (case.leaf_of(other), other.site.as_deref()) else {
            continue;
        };
        let same_site = name.eq_ignore_ascii_case(site);
        if same_site {
            signs.differs |= theirs.issuer.der != leaf.issuer.der;
            continue;
        }
        let one_key = theirs.public_key.der == leaf.public_key.der;
        let one_issuer = theirs.issuer.der == leaf.issuer.der;
        public |= one_issuer && looks_public(theirs);
        if !is_public_name(name) || theirs.sha256 == leaf.sha256 || !(one_key || one_issuer) {
            continue;
        }
        if owners.insert(owner_of(name)) {
            signs.one_key |= one_key;
            sites.push(name.to_owned());
            signs.cites.extend(other.cites.iter().cloned());
        }
    }
    signs.sites = sites;
    let absent = rejection.best.root == RootTrust::Absent;
    let shared = signs.are_strong();
    // The same public authority for two sites is ordinary, unless it is shown
    // to be none.
    let made = !public || absent || signs.one_key;
    (made && (shared || signs.differs || signs.named)).then_some(signs)
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

/// `a.example, b.example and 2 more`.
#[must_use]
pub fn some_of(sites: &[String]) -> String {
    const MAX_NAMES: usize = 3;
    let mut names: Vec<String> = sites.iter().take(MAX_NAMES).cloned().collect();
    if sites.len() > MAX_NAMES {
        names.push(format!("{} more", sites.len() - MAX_NAMES));
    }
    join_words(&names)
}

/// True when the server sent this certificate and no other.
#[must_use]
pub fn was_sent_alone(rejection: &Rejection<'_>, child: &Certificate) -> bool {
    let ServerCertificates::Sent { list, .. } = &rejection.handshake.certificates else {
        return false;
    };
    list.len() == 1 && list.iter().any(|sent| sent.starts_with(&child.der))
}
