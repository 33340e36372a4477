//! Rejected chains whose root is not known to be trusted, and what kind of root
//! it is: that of a proxy which opens connections, that of an update server, an
//! organization's own, or any other. One rule speaks for each kind.

use std::sync::Arc;

use super::inquiry::{Inquiry, join_words};
use super::inspections::Signs;
use super::rejections::{Rejection, is_known_intermediate, is_private, rejections};
use super::wsus;
use crate::case::questions::names_root;
use crate::chain::{Chain, RootTrust};
use crate::pki::Certificate;
use crate::protocol::tls::ServerCertificates;

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
    if let Some(signs) = inquiry.inspection(rejection.index) {
        RootKind::Inspection(signs.clone())
    } else if wsus::is_update_handshake(inquiry.case, rejection.handshake) {
        RootKind::Update
    } else if elements.any(|element| is_private(&element.certificate)) {
        RootKind::Private
    } else {
        RootKind::Plain
    }
}

/// `a.example, b.example and 2 more`, where `more` are not in the list.
#[must_use]
pub fn some_of(sites: &[String], more: usize) -> String {
    const MAX_NAMES: usize = 3;
    let mut names: Vec<String> = sites.iter().take(MAX_NAMES).cloned().collect();
    let more = sites.len().saturating_sub(MAX_NAMES) + more;
    if more > 0 {
        names.push(format!("{more} more"));
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
