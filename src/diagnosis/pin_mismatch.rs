#![doc = include_str!("../../docs/rules/pin-mismatch.md")]

use super::application_policy_stricter::good_rejections;
use super::finding::Confidence;
use super::inquiry::{Basis, Inquiry};
use super::network::cannot_tell;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Rejection, Said, joined};
use super::wsus;
use crate::case::stores::is_on;
use crate::host::hive::HiveKind;
use crate::pki::Artifact;
use crate::pki::ctl::CtlKind;
use crate::provenance::Cite;

/// The rule.
pub const RULE: Rule = Rule {
    id: "pin-mismatch",
    doc: include_str!("../../docs/rules/pin-mismatch.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let good = good_rejections(inquiry);
    joined(good.filter_map(|rejection| {
        if wsus::is_update_handshake(inquiry.case, rejection.handshake) {
            return Some(of_update_server(inquiry, &rejection));
        }
        may_be_pinned(inquiry, &rejection).then(|| open(inquiry, &rejection))
    }))
}

/// Whether a pin excludes the certificate is not in the evidence.
fn open(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Proposal {
    let mut cites = rejection.handshake.cites.clone();
    cites.extend(pin_rules(inquiry, rejection));
    let told = cannot_tell(
        &RULE,
        format!(
            "Every check of the chain of {} passes, and the client rejected it: whether a pin of this machine excludes the certificate is not in this evidence.",
            rejection.site
        ),
        "Hand over the SOFTWARE hive: the store WindowsServerUpdateServices and the value PinRules say which certificates are accepted. Events 11 and 30 of the CAPI2/Operational log tell the code.",
        cites,
        &[rejection.index],
    );
    Proposal {
        subject: rejection.site.to_owned(),
        ..told
    }
}

/// What the machine's pins say of an update server's certificate.
enum UpdatePin {
    /// Its stores are not in the evidence.
    Unknown,
    /// Pins are not asked, for a reason in words.
    NotInForce(String, Cite),
    /// The certificate is among them.
    Met(Cite),
    /// It is not; the places of those that are, and whether the store was
    /// written after the failure.
    Missed(Vec<Cite>, bool),
}

/// The store of certificates that update servers are held to. It acts when it is
/// not empty and the server is called over TLS.
const STORE: &str = "WindowsServerUpdateServices";
/// The policy that leaves the pins aside.
const LEFT_ASIDE: &str = "DoNotEnforceEnterpriseTLSCertPinningForUpdateDetection";

fn update_pin(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> UpdatePin {
    let (case, machine) = (inquiry.case, rejection.failure.machine);
    let leaf = case.leaf_of(rejection.handshake);
    let (Some((_, leaf)), true) = (leaf, case.knows_stores(machine)) else {
        return UpdatePin::Unknown;
    };
    if let Some((_, cite)) = case
        .setting(machine, LEFT_ASIDE)
        .filter(|(setting, _)| is_on(setting))
    {
        return UpdatePin::NotInForce(
            format!("a policy leaves pins aside ({LEFT_ASIDE} = 1)"),
            cite,
        );
    }
    let thumbprint = crate::bytes::to_hex(&leaf.sha1);
    let mut places = Vec::new();
    let mut late = false;
    for (source, hive) in case.hives(machine) {
        for stored in hive.stored.iter().filter(|it| it.is_in(STORE)) {
            let cite = source.bytes(stored.place);
            let is_late = stored
                .written_at
                .is_some_and(|at| at > rejection.failure.at);
            if stored.thumbprint.eq_ignore_ascii_case(&thumbprint) && !is_late {
                return UpdatePin::Met(cite);
            }
            late |= is_late;
            places.push(cite);
        }
    }
    if !places.is_empty() {
        return UpdatePin::Missed(places, late);
    }
    let software = case
        .hives(machine)
        .find(|(_, hive)| hive.kind == HiveKind::Software);
    match software {
        Some((source, _)) => {
            let why = format!("its store {STORE} has no certificate");
            UpdatePin::NotInForce(why, source.bytes((0, 4096)))
        }
        None => UpdatePin::Unknown,
    }
}

fn of_update_server(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Proposal {
    let site = rejection.site;
    let ruled_out = |summary: String, cite: Cite| {
        let mut cites = rejection.handshake.cites.clone();
        cites.push(cite);
        Proposal {
            rule: RULE.id,
            stance: Stance::RuledOut,
            confidence: Some(Confidence::High),
            summary,
            remedy: String::new(),
            cites,
            explains: vec![(rejection.index, Precedence::Content)],
            subject: site.to_owned(),
        }
    };
    match update_pin(inquiry, rejection) {
        UpdatePin::Unknown => open(inquiry, rejection),
        UpdatePin::NotInForce(why, cite) => {
            ruled_out(format!("No pin excluded {site}: {why}."), cite)
        }
        UpdatePin::Met(cite) => ruled_out(
            format!("The certificate of {site} lies in the machine's store {STORE}."),
            cite,
        ),
        UpdatePin::Missed(places, late) => rejection.proposal(
            RULE.id,
            Stance::Cause,
            Said {
                summary: format!(
                    "The chain of the update server {site} is good, and this machine holds update servers to {} in its store {STORE}, of which the certificate presented is none.",
                    crate::words::count(places.len() as u64, "certificate", "certificates")
                ),
                remedy: format!(
                    "Add the server's certificate to {STORE} (Local Computer) of all clients, before the old one is replaced; or leave pins aside in the client settings. A scan that ends well shows that it worked."
                ),
                basis: Basis {
                    fault_seen: true,
                    reaction_seen: true,
                    inferred: u8::from(late),
                    ..Basis::default()
                },
                precedence: Precedence::Content,
                subject: site.to_owned(),
                cites: places,
            },
        ),
    }
}

/// True where the machine had pins that may have been asked: for update servers
/// unless its hive says otherwise, and where it had pin rules.
#[must_use]
pub fn may_be_pinned(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> bool {
    if wsus::is_update_handshake(inquiry.case, rejection.handshake) {
        let pin = update_pin(inquiry, rejection);
        return matches!(pin, UpdatePin::Unknown | UpdatePin::Missed(..));
    }
    rejection.may_be_windows() && pin_rules(inquiry, rejection).is_some()
}

/// The list of pin rules that the machine had.
fn pin_rules(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<Cite> {
    let machine = rejection.failure.machine;
    let lists = inquiry.case.artifacts.iter().filter(
        |record| matches!(&record.artifact, Artifact::Ctl(ctl) if ctl.kind == CtlKind::PinRules),
    );
    let mut seen = lists.flat_map(|record| &record.seen);
    let own = seen.find(|sighting| sighting.machine == machine && machine.is_some());
    own.map(|sighting| sighting.cite.clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::sync::Arc;

    use super::*;
    use crate::diagnosis::fixtures::{Story, system, whole_list};
    use crate::diagnosis::{Diagnosis, Role, diagnose};

    const FULL: [&str; 2] = ["leaf", "issuing-ca"];
    const PINS: &str =
        "http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en/pinrulesstl.cab";

    fn with_root(story: Story) -> Diagnosis {
        diagnose(&story.case_with(&["site-root"]), None)
    }

    fn pins() -> Artifact {
        let mut list = Arc::unwrap_or_clone(whole_list());
        list.kind = CtlKind::PinRules;
        Artifact::Ctl(Arc::new(list))
    }

    fn pinned() -> Story {
        Story::new().cached(system(), PINS, &pins(), 1)
    }

    #[test]
    fn a_good_chain_that_was_rejected_where_pins_are_kept_leaves_the_pin_open() {
        let diagnosis = with_root(pinned().rejects(&FULL, (9, 12)));
        let told = diagnosis.of(RULE.id);
        assert_eq!((told.len(), told[0].role), (1, Role::CannotTell));
        assert!(diagnosis.of("application-policy-stricter").is_empty());
    }

    #[test]
    fn it_is_quiet_without_pins_and_when_the_chain_was_accepted() {
        let plain = with_root(Story::new().rejects(&FULL, (9, 12)));
        assert!(plain.of(RULE.id).is_empty());
        let accepted = with_root(pinned().rejects(&FULL, (9, 12)).accepted());
        assert!(accepted.of(RULE.id).is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_chain_with_a_fault() {
        let year = 365 * 86_400;
        let expired = with_root(pinned().rejects(&FULL, (year, year + 3)));
        assert!(expired.of(RULE.id).is_empty());
    }
}
