//! The validity of certificates, lists, CRLs and OCSP answers against the
//! incident: which of them held, which had ended, which had not begun.

use std::collections::BTreeSet;

use super::look::Look;
use super::sequence::Mood;
use crate::case::{ArtifactSource, CaseChain};
use crate::pipeline::Explained;
use crate::pki::{Artifact, Certificate};
use crate::time::{Span, Timestamp};
use crate::words;

/// One object with its validity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Band {
    /// What it is: `certificate`, `CRL`.
    pub(super) kind: &'static str,
    /// Its name.
    pub(super) name: String,
    /// From when on.
    pub(super) from: Timestamp,
    /// Until when; `None` where the object does not say.
    pub(super) until: Option<Timestamp>,
    /// How it stands at the incident.
    pub(super) mood: Mood,
    /// The same in words.
    pub(super) state: String,
}

/// The bands around an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axis {
    /// First and last moment of the incident.
    pub(super) incident: (Timestamp, Timestamp),
    /// The bands, certificates first.
    pub(super) bands: Vec<Band>,
    /// Bands that had no room.
    pub(super) left_out: usize,
    /// Sentences on when a verdict by dates alone changes.
    pub(super) changes: Vec<String>,
}

/// The bands of the objects that chains and attempts of the leading incident
/// used, or of the whole case where nothing failed.
pub(super) fn axis(explained: &Explained, look: &Look) -> Option<Axis> {
    let case = &explained.case;
    let chains = relevant(explained);
    let incident = explained
        .diagnosis
        .incidents
        .first()
        .map(|incident| (incident.from, incident.to));
    let as_of = chains.first().map(|chain| chain.as_of);
    let incident = case
        .as_of
        .map(|at| (at, at))
        .or(incident)
        .or(as_of.map(|at| (at, at)))?;
    let mut bands = Vec::new();
    let mut known: BTreeSet<[u8; 32]> = BTreeSet::new();
    for chain in &chains {
        let elements = chain.chains.first().map(|best| best.elements.as_slice());
        for element in elements.unwrap_or_default() {
            if known.insert(element.certificate.sha256) {
                bands.push(of_certificate(&element.certificate, incident.0, look));
            }
        }
    }
    for record in &case.artifacts {
        let handed_over = |source| !matches!(source, ArtifactSource::Handshake(_));
        let seen = record
            .seen
            .iter()
            .any(|sighting| handed_over(sighting.source));
        if seen && known.insert(record.artifact.sha256()) {
            bands.extend(of_list(&record.artifact, incident.0, look));
        }
    }
    let left_out = bands.len().saturating_sub(MAX_BANDS);
    bands.truncate(MAX_BANDS);
    let changes = chains.iter().filter_map(|chain| window(chain, look));
    let mut changes: Vec<String> = changes.collect();
    changes.dedup();
    changes.truncate(MAX_CHANGES);
    (!bands.is_empty()).then_some(Axis {
        incident,
        bands,
        left_out,
        changes,
    })
}

/// The chains of the leading incident's failures and of the lists' signers;
/// all where nothing failed.
fn relevant(explained: &Explained) -> Vec<&CaseChain> {
    let case = &explained.case;
    let Some(incident) = explained.diagnosis.incidents.first() else {
        return case.chains.iter().collect();
    };
    let failures = incident.failures.iter();
    let failures = failures.filter_map(|index| explained.diagnosis.failures.get(*index));
    let own: BTreeSet<usize> = failures.filter_map(|failure| failure.chain).collect();
    let own = own.iter().filter_map(|index| case.chains.get(*index));
    let lists = case.chains.iter();
    let lists =
        lists.filter(|chain| matches!(chain.subject, crate::case::ChainSubject::CtlSigner { .. }));
    own.chain(lists).collect()
}

fn of_certificate(certificate: &Certificate, at: Timestamp, look: &Look) -> Band {
    let name = certificate.subject.short();
    band(
        "certificate",
        name,
        certificate.not_before,
        Some(certificate.not_after),
        at,
        look,
    )
}

fn of_list(artifact: &Artifact, at: Timestamp, look: &Look) -> Option<Band> {
    Some(match artifact {
        Artifact::Certificate(_) => return None,
        Artifact::Crl(crl) => band(
            "CRL",
            crl.issuer.short(),
            crl.this_update,
            crl.next_update,
            at,
            look,
        ),
        Artifact::Ctl(ctl) => {
            let name = format!("{} list", ctl.kind.word());
            band(
                "trust list",
                &name,
                ctl.this_update,
                ctl.next_update,
                at,
                look,
            )
        }
        Artifact::Ocsp(response) => {
            let basic = response.basic.as_ref()?;
            let single = basic.responses.first()?;
            let serial = crate::bytes::to_hex(&single.cert_id.serial);
            let name = format!("OCSP for serial {serial}");
            band(
                "OCSP",
                &name,
                single.this_update,
                single.next_update,
                at,
                look,
            )
        }
    })
}

fn band(
    kind: &'static str,
    name: &str,
    from: Timestamp,
    until: Option<Timestamp>,
    at: Timestamp,
    look: &Look,
) -> Band {
    let (mood, state) = if at < from {
        let span = far(from.since(at));
        (Mood::Bad, format!("began {span} too late"))
    } else if let Some(until) = until.filter(|until| at > *until) {
        let span = far(at.since(until));
        (Mood::Bad, format!("had ended {span} before"))
    } else if let Some(until) = until {
        let span = far(until.since(at));
        (Mood::Good, format!("held, {span} left"))
    } else {
        (Mood::Good, "held, no end given".to_owned())
    };
    Band {
        kind,
        name: look.shown(name, MAX_NAME),
        from,
        until,
        mood,
        state,
    }
}

/// A span; a long one in years, which people compare more easily than days.
fn far(span: Span) -> String {
    const YEAR: i64 = 31_557_600;
    // Whole years of at most four digits.
    #[allow(clippy::cast_possible_truncation)]
    let years = (span.abs().as_seconds() as i64) / YEAR;
    match years {
        0 | 1 => words::span(span),
        years => format!("{years} years"),
    }
}

/// When all certificates of a chain are valid together.
fn window(chain: &CaseChain, look: &Look) -> Option<String> {
    let elements = &chain.chains.first()?.elements;
    let from = elements.iter().map(|it| it.certificate.not_before).max()?;
    let until = elements.iter().map(|it| it.certificate.not_after).min()?;
    let leaf = look.shown(elements.first()?.certificate.subject.short(), MAX_NAME);
    let zone = look.zone.name();
    Some(match from <= until {
        true => format!(
            "By their dates, the certificates of {leaf} that are known hold together from {} to {} {zone}.",
            look.minute(from),
            look.minute(until)
        ),
        false => format!("By their dates, the certificates of {leaf} never hold together."),
    })
}

/// Bands of one picture.
const MAX_BANDS: usize = 16;
/// Sentences below it.
const MAX_CHANGES: usize = 4;
/// Characters of a name.
const MAX_NAME: usize = 120;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_band_says_how_it_stands_at_the_incident() {
        let at = sample::at(0);
        let day = |days: i64| at.plus(Span::seconds(days * 86_400));
        let state = |from, until| {
            let band = band("CRL", "x", from, until, at, &Look::default());
            (band.mood, band.state)
        };
        let expired = state(day(-30), Some(day(-3)));
        assert_eq!(expired, (Mood::Bad, "had ended 3 days before".to_owned()));
        let early = state(day(4), None);
        assert_eq!(early, (Mood::Bad, "began 4 days too late".to_owned()));
        let held = state(day(-1), Some(day(5)));
        assert_eq!(held, (Mood::Good, "held, 5 days left".to_owned()));
    }

    #[test]
    fn the_chains_and_lists_of_the_incident_have_bands() {
        let axis = axis(&sample::explained(), &Look::default()).unwrap();
        let kinds: BTreeSet<&str> = axis.bands.iter().map(|band| band.kind).collect();
        assert!(
            kinds.contains("certificate") && kinds.contains("trust list"),
            "{kinds:?}"
        );
        assert!(!axis.changes.is_empty());
    }
}
