//! A chain as people see it: each element with where it came from and which
//! checks failed or are open, the missing issuer on top with what became of
//! the attempts to get it.

use super::cite::Names;
use super::look::Look;
use super::sequence::Mood;
use super::{cells, chain_facts, chains};
use crate::case::{ArtifactSource, Case, CaseChain, ChainSubject};
use crate::chain::{Chain, Element, IssuerMatch, Outcome, RootTrust, Verdict};
use crate::phrase;
use crate::words;

/// An element, or what is missing above the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Card {
    /// Its name.
    pub(super) name: String,
    /// Below the name: validity, and where it came from.
    pub(super) lines: Vec<String>,
    /// Failed and open checks, with the kind of check; last a line on what holds.
    pub(super) checks: Vec<(Mood, String)>,
    /// False for what is not in the evidence.
    pub(super) present: bool,
    /// How the next element below was found to be its child.
    pub(super) link: &'static str,
}

/// A chain: the top first, the leaf last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    /// Whose chain, when, and what came of it.
    pub(super) title: String,
    /// Good, bad, open.
    pub(super) mood: Mood,
    /// The verdict in a word.
    pub(super) verdict: &'static str,
    /// The cards, top first.
    pub(super) cards: Vec<Card>,
    /// Chains that were possible and no better.
    pub(super) others: usize,
    /// Revocation, the verdict over time, and the smallest repair.
    pub(super) told: Vec<(&'static str, String)>,
}

/// The view of examinations that came out alike.
pub(super) fn view(
    case: &Case,
    names: &Names<'_>,
    look: &Look,
    group: &[&CaseChain],
) -> Option<View> {
    let examined = group.first()?;
    let best = examined.chains.first()?;
    let first = group
        .iter()
        .map(|it| it.as_of)
        .min()
        .unwrap_or(examined.as_of);
    let last = group
        .iter()
        .map(|it| it.as_of)
        .max()
        .unwrap_or(examined.as_of);
    let zone = look.zone.name();
    let times = match group.len() {
        1 => format!("as of {} {zone}", look.second(first)),
        many => format!("{many} times, as of {} {zone}", look.range(first, last)),
    };
    let subject = look.shown(&chains::subject(case, examined), MAX_TEXT);
    let (mood, verdict) = match best.verdict {
        Verdict::Accept => (Mood::Good, "accepted"),
        Verdict::Reject => (Mood::Bad, "rejected"),
        Verdict::Unknown => (Mood::Unsure, "open"),
    };
    let status = best.error_status.names();
    let status = match status.is_empty() {
        true => String::new(),
        false => format!(" ({})", status.join(", ")),
    };
    let mut cards: Vec<Card> = top(case, look, examined, best).into_iter().collect();
    let elements = best.elements.iter().rev();
    cards.extend(elements.map(|it| card(case, names, look, it)));
    Some(View {
        title: format!("{subject}, {times}: {verdict}{status}"),
        mood,
        verdict,
        cards,
        others: examined.chains.len().saturating_sub(1),
        told: chain_facts::told(look, examined),
    })
}

fn card(case: &Case, names: &Names<'_>, look: &Look, element: &Element) -> Card {
    let certificate = &element.certificate;
    let mut checks = Vec::new();
    let mut passed = 0_u64;
    for check in &element.checks {
        let (mood, word) = match &check.outcome {
            Outcome::Pass => {
                passed += 1;
                continue;
            }
            Outcome::Fail(_) => (Mood::Bad, "fails"),
            Outcome::Unknown(_) => (Mood::Unsure, "open"),
        };
        let detail = look.shown(&check.detail, MAX_TEXT);
        checks.push((mood, format!("{} {word}: {detail}", check.kind.word())));
    }
    if passed > 0 {
        let held = words::count(passed, "check holds", "checks hold");
        checks.push((Mood::Good, held));
    }
    let until = look.minute(certificate.not_after);
    let valid = format!("valid {} to {until}", look.minute(certificate.not_before));
    Card {
        name: look.shown(certificate.subject.short(), MAX_TEXT),
        lines: vec![valid, source(case, names, look, element)],
        checks,
        present: true,
        link: match element.issuer_match {
            Some(IssuerMatch::Exact) => "by issuer and serial number",
            Some(IssuerMatch::Key) => "by key identifier",
            Some(IssuerMatch::Name) => "by name",
            None => "",
        },
    }
}

/// Where a certificate came from: every way it was seen, the wire first.
fn source(case: &Case, names: &Names<'_>, look: &Look, element: &Element) -> String {
    let sha256 = element.certificate.sha256;
    let mut found: Vec<String> = Vec::new();
    let record = case
        .artifacts
        .iter()
        .find(|it| it.artifact.sha256() == sha256);
    for sighting in record
        .map(|record| record.seen.as_slice())
        .unwrap_or_default()
    {
        let packets = names.packets(std::slice::from_ref(&sighting.cite));
        let packets = match packets.is_empty() {
            true => String::new(),
            false => format!(" (packets {packets})"),
        };
        let text = match sighting.source {
            ArtifactSource::Handshake(_) => format!("sent by the server{packets}"),
            ArtifactSource::Retrieval(index) => {
                let object = case.retrievals.get(index).map(phrase::object_phrase);
                format!("downloaded, {}{packets}", object.unwrap_or("object"))
            }
            ArtifactSource::Cache(index) => {
                let owner = case
                    .cache_entries
                    .get(index)
                    .map(|entry| entry.owner.to_string());
                format!(
                    "cache of {}",
                    look.shown(&owner.unwrap_or_default(), MAX_TEXT)
                )
            }
            source @ ArtifactSource::Host { .. } => match case.stored(source) {
                Some(stored) => format!(
                    "{} store {}",
                    stored.scope.phrase(),
                    look.shown(&stored.store, MAX_TEXT)
                ),
                None => "kept by the automatic root update".to_owned(),
            },
            ArtifactSource::Log(_) => "named by the CAPI2 log".to_owned(),
            ArtifactSource::File => "handed over as a file".to_owned(),
        };
        // The same way twice says nothing new.
        let way = |text: &str| text.split(" (").next().unwrap_or_default().to_owned();
        if !found.iter().any(|known| way(known) == way(&text)) {
            found.push(text);
        }
    }
    if element.anchor {
        found.push("given as trusted".to_owned());
    }
    match found.is_empty() {
        true => "enclosed in another object".to_owned(),
        false => look.shown(&found.join("; "), MAX_TEXT),
    }
}

/// What stands above the last element.
fn top(case: &Case, look: &Look, examined: &CaseChain, best: &Chain) -> Option<Card> {
    let blank = |name: String, line: String, checks: Vec<(Mood, String)>| Card {
        name: look.shown(&name, MAX_TEXT),
        lines: vec![line],
        checks,
        present: false,
        link: "",
    };
    if let RootTrust::ListedByName {
        friendly_name,
        sha1,
    } = &best.root
    {
        let line = "named by the trust list, its bytes are not in the evidence".to_owned();
        let check = format!("on the list of the day, thumbprint {sha1}");
        return Some(blank(
            friendly_name.clone(),
            line,
            vec![(Mood::Good, look.shown(&check, MAX_TEXT))],
        ));
    }
    let missing = best.missing_issuer.as_ref()?;
    let machine = match examined.subject {
        ChainSubject::Handshake(index) | ChainSubject::Proposed(index) => {
            case.handshakes.get(index).and_then(|it| it.machine)
        }
        signer => signer.machine(),
    };
    let mut checks = Vec::new();
    for index in case
        .attempts_for(machine, &missing.urls)
        .into_iter()
        .take(MAX_ATTEMPTS)
    {
        if let Some(retrieval) = case.retrievals.get(index) {
            let mood = match retrieval.outcome {
                outcome if outcome.is_failure() => Mood::Bad,
                outcome if outcome.is_success() => Mood::Good,
                _ => Mood::Unsure,
            };
            let account = retrieval
                .account
                .as_ref()
                .map(|account| format!("{account}, "));
            let text = format!(
                "{}{}: {}",
                account.unwrap_or_default(),
                phrase::way(retrieval),
                cells::result(look, retrieval)
            );
            checks.push((mood, look.shown(&text, MAX_TEXT)));
        }
    }
    checks.extend(missing.urls.iter().take(MAX_URLS).map(|url| {
        (
            Mood::Unsure,
            look.shown(&format!("its URL: {url}"), MAX_TEXT),
        )
    }));
    if missing.urls.is_empty() {
        checks.push((Mood::Unsure, "no URL is given for it".to_owned()));
    }
    let name = chains::short_name(&missing.issuer).to_owned();
    Some(blank(
        name,
        "not among what this validation had".to_owned(),
        checks,
    ))
}

/// Attempts told of one missing issuer.
const MAX_ATTEMPTS: usize = 4;
/// URLs told of one missing issuer.
const MAX_URLS: usize = 2;
/// Characters of a text.
const MAX_TEXT: usize = 300;
