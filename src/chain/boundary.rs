//! The dates on which a verdict can hang: those of the certificates that names
//! can bring into a path, of the CRLs, answers and lists about them, of the
//! rules, and of arrivals.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::element;
use super::holdings::{Held, Holdings};
use super::names::CanonicalName;
use super::question::{Candidate, Policy, Profile};
use super::trust;
use crate::pki::ctl::{Ctl, Limit};
use crate::pki::ocsp::CertStatus;
use crate::pki::{Certificate, Crl, OcspResponse};
use crate::time::Timestamp;

/// From this instant on something is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Boundary {
    pub at: Timestamp,
    pub what: String,
}

/// The instant before: time counts in nanoseconds.
pub(super) fn before(at: Timestamp) -> Timestamp {
    Timestamp::from_unix_nanoseconds(at.unix_nanoseconds() - 1).unwrap_or(at)
}

/// The instant after; ends of periods belong to them.
fn after(at: Timestamp) -> Timestamp {
    Timestamp::from_unix_nanoseconds(at.unix_nanoseconds() + 1).unwrap_or(at)
}

/// Certificates that names can bring into a path. Real sets have under ten.
const MAX_REACHABLE: usize = 256;

/// What of the holdings can matter to a leaf: the certificates that issuer
/// names lead to, those that have the name of a CRL's issuer, and the rest as
/// it is.
pub(super) fn reachable(leaf: &Arc<Certificate>, holdings: &Holdings) -> Holdings {
    let mut by_subject: HashMap<CanonicalName, Vec<&Held<Candidate>>> = HashMap::new();
    for held in &holdings.candidates {
        let subject = CanonicalName::of(&held.object.certificate.subject);
        by_subject.entry(subject).or_default().push(held);
    }
    let mut found: Vec<Held<Candidate>> = Vec::new();
    let mut done: HashSet<CanonicalName> = HashSet::new();
    let of_crls = holdings.crls.iter().map(|held| &held.object.issuer);
    let mut names: VecDeque<CanonicalName> = [&leaf.subject, &leaf.issuer]
        .into_iter()
        .chain(of_crls)
        .map(CanonicalName::of)
        .collect();
    while let Some(name) = names.pop_front() {
        if !done.insert(name.clone()) {
            continue;
        }
        for held in by_subject.get(&name).into_iter().flatten() {
            if found.len() >= MAX_REACHABLE {
                break;
            }
            names.push_back(CanonicalName::of(&held.object.certificate.issuer));
            found.push((*held).clone());
        }
    }
    Holdings {
        candidates: found,
        ..holdings.clone()
    }
}

/// Every date on which the verdict can hang, unsorted.
pub(super) fn boundaries(
    leaf: &Arc<Certificate>,
    holdings: &Holdings,
    policy: &Policy,
) -> Vec<Boundary> {
    let mut found = Found::default();
    found.certificate(leaf);
    for held in &holdings.candidates {
        let certificate = &held.object.certificate;
        found.certificate(certificate);
        found.arrival(held.since, || certificate.subject.short().to_string());
    }
    if policy.profile == Profile::Windows {
        for (seconds, what) in element::POLICY_DATES {
            if let Some(at) = Timestamp::from_unix(seconds, 0) {
                found.add(at, what);
            }
        }
    }
    let of_path = holdings
        .candidates
        .iter()
        .map(|held| &held.object.certificate);
    let certificates: Vec<&Arc<Certificate>> = of_path.chain([leaf]).collect();
    for (held, name) in named(&holdings.authroot, "the list of trusted roots") {
        found.list(&held.object, held.since, name);
        for certificate in &certificates {
            found.entry(&held.object, certificate);
        }
    }
    for (held, name) in named(&holdings.disallowed, "the list of distrusted certificates") {
        found.list(&held.object, held.since, name);
    }
    for (held, name) in named(&holdings.pin_rules, "the list of pin rules") {
        found.list(&held.object, held.since, name);
    }
    if policy.check_revocation {
        let serials: BTreeSet<&[u8]> = certificates
            .iter()
            .map(|certificate| certificate.serial.as_slice())
            .collect();
        for held in &holdings.crls {
            found.crl(&held.object, held.since, &serials);
        }
        for held in &holdings.ocsp {
            found.ocsp(&held.object, held.since, &serials);
        }
    }
    found.boundaries
}

fn named<'a>(
    lists: &'a [Held<Arc<Ctl>>],
    name: &'static str,
) -> impl Iterator<Item = (&'a Held<Arc<Ctl>>, &'static str)> {
    lists.iter().map(move |held| (held, name))
}

#[derive(Default)]
struct Found {
    boundaries: Vec<Boundary>,
}

impl Found {
    fn add(&mut self, at: Timestamp, what: impl Into<String>) {
        let what = what.into();
        self.boundaries.push(Boundary { at, what });
    }

    fn arrival(&mut self, since: Option<Timestamp>, name: impl Fn() -> String) {
        if let Some(since) = since {
            self.add(since, format!("{} arrives", name()));
        }
    }

    fn certificate(&mut self, certificate: &Certificate) {
        let name = certificate.subject.short();
        self.add(certificate.not_before, format!("{name} becomes valid"));
        self.add(after(certificate.not_after), format!("{name} expires"));
    }

    fn list(&mut self, list: &Ctl, since: Option<Timestamp>, name: &str) {
        let name = format!("{name} of {}", list.this_update);
        self.add(list.this_update, format!("{name} is made"));
        self.arrival(since, || name.clone());
    }

    /// Property 104 of the root, whether its bytes are at hand or not.
    fn entry(&mut self, list: &Ctl, certificate: &Certificate) {
        let own = list.entry_for(&certificate.sha1);
        let above = trust::entry_for_issuer(list, certificate);
        for entry in own.into_iter().chain(above) {
            if let Some(Limit::At(since)) = entry.disallowed_after {
                let name = entry.friendly_name.as_deref().unwrap_or("a root");
                self.add(since, format!("the list of trusted roots disables {name}"));
            }
        }
    }

    fn period(&mut self, name: &str, from: Timestamp, to: Option<Timestamp>) {
        self.add(from, format!("{name} comes into force"));
        if let Some(to) = to {
            self.add(after(to), format!("{name} is over"));
        }
    }

    fn crl(&mut self, crl: &Crl, since: Option<Timestamp>, serials: &BTreeSet<&[u8]>) {
        let kind = match crl.delta_base {
            Some(_) => "delta CRL",
            None => "CRL",
        };
        let name = format!(
            "the {kind} of {} of {}",
            crl.issuer.short(),
            crl.this_update
        );
        self.period(&name, crl.this_update, crl.next_update);
        self.arrival(since, || name.clone());
        let ours = |entry: &&crate::pki::crl::RevokedCertificate| {
            serials.contains(entry.serial.as_slice())
        };
        for entry in crl.revoked.iter().filter(ours) {
            self.add(entry.revoked_at, format!("{name} revokes from here on"));
        }
    }

    fn ocsp(&mut self, ocsp: &OcspResponse, since: Option<Timestamp>, serials: &BTreeSet<&[u8]>) {
        let Some(basic) = &ocsp.basic else { return };
        let ours = |single: &&crate::pki::ocsp::SingleResponse| {
            serials.contains(single.cert_id.serial.as_slice())
        };
        let mut is_ours = false;
        for single in basic.responses.iter().filter(ours) {
            is_ours = true;
            let name = format!("the OCSP answer of {}", single.this_update);
            self.period(&name, single.this_update, single.next_update);
            self.arrival(since, || name.clone());
            if let CertStatus::Revoked { revoked_at, .. } = single.status {
                self.add(revoked_at, format!("{name} revokes from here on"));
            }
        }
        for responder in basic.certificates.iter().filter(|_| is_ours) {
            self.certificate(responder);
        }
    }
}
