//! The chains of a text report: what was checked, what failed, what is open.

use std::collections::BTreeMap;

use super::look::Ink;
use super::page::Page;
use crate::case::{Case, CaseChain, ChainSubject};
use crate::chain::{Chain, CheckKind, Outcome, Verdict};
use crate::phrase;
use crate::pipeline::Explained;
use crate::pki::Artifact;
use crate::words;

/// What was checked of each chain: what failed and what is open, in full.
pub(super) fn write(page: &mut Page<'_>, explained: &Explained) {
    let chains = &explained.case.chains;
    if chains.is_empty() {
        return;
    }
    page.heading("Chains checked");
    let groups = alike(chains);
    for group in groups.iter().take(MAX_CHAINS) {
        chain(page, &explained.case, group);
    }
    if let Some(rest) = groups
        .len()
        .checked_sub(MAX_CHAINS)
        .filter(|rest| *rest > 0)
    {
        let rest = words::count(rest as u64, "more chain", "more chains");
        page.paragraph(1, &format!("{rest} in the JSON report."));
    }
}

/// Examinations of one leaf for one host that came out alike, together; in
/// order of the first.
pub(super) fn alike(chains: &[CaseChain]) -> Vec<Vec<&CaseChain>> {
    let mut groups: Vec<Vec<&CaseChain>> = Vec::new();
    let mut places: BTreeMap<Outline<'_>, usize> = BTreeMap::new();
    for examined in chains.iter().filter(|it| is_told(it)) {
        let place = *places.entry(outline(examined)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(examined),
            None => groups.push(vec![examined]),
        }
    }
    groups
}

/// Who signed CRLs and answers is told where something is wrong with them.
fn is_told(examined: &CaseChain) -> bool {
    let is_signer = matches!(
        examined.subject,
        ChainSubject::CrlSigner { .. } | ChainSubject::OcspSigner { .. }
    );
    !is_signer || examined.has_fault()
}

/// What makes two examinations alike to a reader.
type Outline<'a> = (
    Option<usize>,
    usize,
    Option<&'a str>,
    Vec<(&'a [u8], u32)>,
    Vec<String>,
);

fn outline(examined: &CaseChain) -> Outline<'_> {
    let list = match examined.subject {
        ChainSubject::Handshake(_) => None,
        ChainSubject::Proposed(_) => Some(usize::MAX),
        signer => Some(signer.machine().map_or(0, |index| index + 1)),
    };
    let best = examined.chains.first();
    let elements = best
        .map(|best| best.elements.as_slice())
        .unwrap_or_default();
    let certificates = elements.iter().map(|element| {
        (
            element.certificate.sha256.as_slice(),
            element.error_status.bits(),
        )
    });
    let open = elements.iter().flat_map(|element| &element.checks);
    let open = open.filter(|check| matches!(check.outcome, Outcome::Unknown(_)));
    let open = open.map(|check| check.kind.word().to_owned());
    (
        list,
        examined.leaf,
        examined.host.as_deref(),
        certificates.collect(),
        open.collect(),
    )
}

fn chain(page: &mut Page<'_>, case: &Case, group: &[&CaseChain]) {
    let look = page.look;
    let Some(examined) = group.first() else {
        return;
    };
    let subject = look.shown(&subject(case, examined), MAX_TEXT);
    let times = || group.iter().map(|examined| examined.as_of);
    let first = times().min().unwrap_or(examined.as_of);
    let last = times().max().unwrap_or(examined.as_of);
    let as_of = match group.len() {
        1 => format!("as of {}", look.second(first)),
        many => format!("{many} times, as of {}", look.range(first, last)),
    };
    let best = examined.chains.first();
    let (ink, verdict) = match best.map(|best| best.verdict) {
        Some(Verdict::Accept) => (Ink::Good, "accepted"),
        Some(Verdict::Reject) => (Ink::Bad, "rejected"),
        Some(Verdict::Unknown) | None => (Ink::Unsure, "open"),
    };
    let status = best
        .map(|best| best.error_status.names())
        .unwrap_or_default();
    let status = match status.is_empty() {
        true => String::new(),
        false => format!(" ({})", status.join(", ")),
    };
    page.blank();
    let text = format!("{subject}, {as_of}: {verdict}{status}");
    page.inked(1, Some(ink), mark(ink), 3, &text);
    if let Some(best) = best {
        elements(page, best);
    }
    super::chain_facts::write(page, case, examined);
    if let Some(others) = examined
        .chains
        .len()
        .checked_sub(1)
        .filter(|others| *others > 0)
    {
        let others = words::count(others as u64, "other chain was", "other chains were");
        page.paragraph(5, &format!("{others} possible and no better."));
    }
}

fn mark(ink: Ink) -> &'static str {
    match ink {
        Ink::Bad => "!",
        Ink::Unsure => "?",
        _ => "",
    }
}

/// Whose chain it is: a site, or the signer of a list.
pub(super) fn subject(case: &Case, examined: &CaseChain) -> String {
    match examined.subject {
        ChainSubject::Handshake(index) => {
            let site = case.handshakes.get(index).map(phrase::site_of);
            examined
                .host
                .clone()
                .or(site)
                .unwrap_or_else(|| "a server".to_owned())
        }
        ChainSubject::Proposed(index) => {
            let site = case.handshakes.get(index).map(phrase::site_of);
            let site = examined.host.clone().or(site);
            let site = site.unwrap_or_else(|| "a server".to_owned());
            format!("proposed, not shown, for {site}")
        }
        ChainSubject::CtlSigner { ctl, machine } => {
            let list = match case.artifacts.get(ctl).map(|record| &record.artifact) {
                Some(Artifact::Ctl(ctl)) => format!("signer of the {} list", ctl.kind.word()),
                _ => "signer of a trust list".to_owned(),
            };
            on_machine(case, list, machine)
        }
        ChainSubject::CrlSigner { crl, machine } => {
            let list = match case.artifacts.get(crl).map(|record| &record.artifact) {
                Some(Artifact::Crl(crl)) => format!("signer of the CRL of {}", crl.issuer.short()),
                _ => "signer of a CRL".to_owned(),
            };
            on_machine(case, list, machine)
        }
        ChainSubject::OcspSigner { machine, .. } => {
            on_machine(case, "OCSP responder".to_owned(), machine)
        }
    }
}

fn on_machine(case: &Case, what: String, machine: Option<usize>) -> String {
    match phrase::machine_name(case, machine) {
        Some(machine) => format!("{what} on {machine}"),
        None => what,
    }
}

fn elements(page: &mut Page<'_>, best: &Chain) {
    let look = page.look;
    for (index, element) in best.elements.iter().enumerate() {
        let name = look.shown(element.certificate.subject.short(), MAX_TEXT);
        let until = look.minute(element.certificate.not_after);
        let from = look.minute(element.certificate.not_before);
        let anchor = if element.anchor {
            ", trusted as given"
        } else {
            ""
        };
        let text = format!("{name}, valid {from} to {until}{anchor}");
        page.labeled(5, &format!("{}", index + 1), 8, &text);
        for check in &element.checks {
            let (ink, word) = match check.outcome {
                Outcome::Pass => continue,
                // Told below, with what it means.
                Outcome::Unknown(_) if check.kind == CheckKind::Revocation => continue,
                Outcome::Fail(_) => (Ink::Bad, "fails"),
                Outcome::Unknown(_) => (Ink::Unsure, "open"),
            };
            let text = format!(
                "{}: {}",
                check.kind.word(),
                look.shown(&check.detail, MAX_TEXT)
            );
            page.inked(8, Some(ink), word, 14, &text);
        }
    }
    if let Some(missing) = &best.missing_issuer {
        // A root that was not captured is not missing: servers rarely send it.
        let urls = match missing.urls.len() {
            0 => "no URL is given for it".to_owned(),
            1 => format!("its URL is {}", missing.urls.join("")),
            _ => format!("its URLs are {}", missing.urls.join(", ")),
        };
        let issuer = short_name(&missing.issuer);
        page.labeled(
            5,
            "-",
            8,
            &look.shown(&format!("{issuer}: {urls}"), MAX_TEXT),
        );
    }
}

/// The common name of a name in RFC 4514 text, else all of it.
pub(super) fn short_name(name: &str) -> &str {
    let common = name
        .strip_prefix("CN=")
        .and_then(|rest| rest.split(',').next());
    // An escaped comma belongs to the name.
    common
        .filter(|common| !common.contains('\\'))
        .unwrap_or(name)
}

/// Chains a person reads.
const MAX_CHAINS: usize = 30;
/// Characters of a sentence.
const MAX_TEXT: usize = 400;
