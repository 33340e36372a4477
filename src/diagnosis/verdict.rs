//! The answer in one line, for the leading incident.

use super::failure::Failure;
use super::finding::{Finding, Role};
use super::inquiry::{Inquiry, lacks_bytes};
use super::{Incident, Verdict, VerdictState};
use crate::case::{Handshake, HandshakeOutcome};
use crate::retrieval::Outcome;

/// Sums the case up.
#[must_use]
pub fn verdict(
    inquiry: &Inquiry<'_>,
    incidents: &[Incident],
    failures: &[Failure],
    findings: &[Finding],
    site: Option<&str>,
) -> Verdict {
    let about_site = site.map(|site| site_sentence(inquiry, failures, site));
    let Some(leading) = incidents.first() else {
        let mut verdict = without_failure(inquiry, findings);
        if let Some(about_site) = about_site.flatten() {
            verdict.sentence = format!("{about_site} {}", verdict.sentence);
        }
        return verdict;
    };
    let root = leading.root_cause.and_then(|root| findings.get(root));
    let mut sentence = String::new();
    if let Some(about_site) = about_site.flatten() {
        sentence.push_str(&about_site);
        sentence.push(' ');
    }
    sentence.push_str(&leading.sentence);
    if incidents.len() > 1 {
        let others = incidents.len() - 1;
        let noun = if others == 1 {
            "other incident is"
        } else {
            "other incidents are"
        };
        sentence.push_str(&format!(" {others} {noun} listed below."));
    }
    Verdict {
        state: if root.is_some() {
            VerdictState::Explained
        } else {
            VerdictState::Undetermined
        },
        root_cause: root.map(|finding| finding.rule),
        sentence,
    }
}

/// What can be said of a site that has no failure; `None` when it has one.
fn site_sentence(inquiry: &Inquiry<'_>, failures: &[Failure], site: &str) -> Option<String> {
    let is_site = |name: Option<&str>| name.is_some_and(|name| name.eq_ignore_ascii_case(site));
    if failures
        .iter()
        .any(|failure| is_site(failure.site.as_deref()))
    {
        return None;
    }
    let handshakes: Vec<&Handshake> = inquiry
        .case
        .handshakes
        .iter()
        .filter(|handshake| is_site(handshake.site.as_deref()))
        .collect();
    let looked_up = inquiry
        .case
        .lookups
        .iter()
        .find(|lookup| lookup.name.eq_ignore_ascii_case(site));
    let completed = handshakes
        .iter()
        .filter(|handshake| handshake.outcome == HandshakeOutcome::Completed)
        .count();
    Some(match (handshakes.len(), completed, looked_up) {
        (0, _, None) => {
            format!("Nothing can be said of {site}: no connection to it is in the evidence.")
        }
        (0, _, Some(_)) => format!(
            "Nothing can be said of {site}: its name was looked up, but no TLS handshake with it is in the evidence."
        ),
        (all, completed, _) if all == completed => {
            format!("No failure of {site} was observed: its handshakes were completed.")
        }
        _ => format!(
            "No rejection of {site} was observed; not all of its handshakes are shown to the end."
        ),
    })
}

/// The verdict of a case in which nothing failed.
fn without_failure(inquiry: &Inquiry<'_>, findings: &[Finding]) -> Verdict {
    let case = inquiry.case;
    let accepted = case
        .handshakes
        .iter()
        .filter(|handshake| handshake.outcome == HandshakeOutcome::Completed)
        .count();
    let poor = poor_places(inquiry);
    let noted = findings
        .iter()
        .find(|finding| finding.role == Role::Observation);
    let noted = noted
        .map(|finding| format!(" Of note: {}", finding.summary))
        .unwrap_or_default();
    let (state, sentence) = if poor > 0 {
        let sentence = format!(
            "No failure was observed, but the capture lacks the end of {}, so that none can be excluded.",
            if poor == 1 {
                "one handshake or download".to_owned()
            } else {
                format!("{poor} handshakes or downloads")
            }
        );
        (VerdictState::Undetermined, sentence)
    } else if has_damaged_capture(inquiry) {
        let sentence = "No failure was observed, but a part of the captures could not be read (see the issues), so that none can be excluded.";
        (VerdictState::Undetermined, sentence.to_owned())
    } else if accepted > 0 {
        let noun = if accepted == 1 {
            "handshake was"
        } else {
            "handshakes were"
        };
        let downloads = case
            .retrievals
            .iter()
            .filter(|retrieval| retrieval.outcome.is_success())
            .count();
        let fetched = match downloads {
            0 => String::new(),
            1 => " and 1 download of a trust object succeeded".to_owned(),
            many => format!(" and {many} downloads of trust objects succeeded"),
        };
        let sentence =
            format!("No failure was observed: {accepted} TLS {noun} completed{fetched}.");
        (VerdictState::Clean, sentence)
    } else {
        let sentence = if case.retrievals.is_empty() && case.cache_entries.is_empty() {
            "No certificate validation is visible in this evidence.".to_owned()
        } else {
            "No certificate validation is visible in this evidence, and no download of a trust object in it failed."
                .to_owned()
        };
        (VerdictState::NoValidationSeen, sentence)
    };
    Verdict {
        state,
        root_cause: None,
        sentence: sentence + &noted,
    }
}

/// True when bytes of a capture file are lost, and whatever they showed with them.
#[must_use]
pub fn has_damaged_capture(inquiry: &Inquiry<'_>) -> bool {
    inquiry
        .case
        .vantages
        .iter()
        .any(|vantage| vantage.damaged_files > 0)
}

/// Handshakes and downloads whose end the capture does not show because it
/// lacks bytes.
#[must_use]
pub fn poor_places(inquiry: &Inquiry<'_>) -> usize {
    let case = inquiry.case;
    let handshakes = case.handshakes.iter().filter(|handshake| {
        handshake.outcome == HandshakeOutcome::IncompleteCapture && lacks_bytes(&handshake.quality)
    });
    let retrievals = case.retrievals.iter().filter(|retrieval| {
        retrieval.outcome == Outcome::IncompleteCapture
            && crate::case::Case::is_trust_object(retrieval.object)
    });
    handshakes.count() + retrievals.count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::fixtures::{AIA, SITE, Story};
    use crate::diagnosis::{Verdict, VerdictState, diagnose};
    use crate::retrieval::{ObjectKind, Outcome};

    fn of(story: Story, site: Option<&str>) -> Verdict {
        diagnose(&story.case(), site).verdict
    }

    #[test]
    fn a_site_without_a_connection_cannot_be_spoken_of() {
        let verdict = of(Story::new(), Some(SITE));
        assert_eq!(verdict.state, VerdictState::NoValidationSeen);
        assert_eq!(
            verdict.sentence,
            "Nothing can be said of www.shop.example: no connection to it is in the evidence. No certificate validation is visible in this evidence."
        );
    }

    #[test]
    fn a_site_that_was_accepted_has_no_failure() {
        let verdict = of(
            Story::new().rejects(&["leaf"], (9, 12)).accepted(),
            Some(SITE),
        );
        assert_eq!(verdict.state, VerdictState::Clean);
        assert_eq!(
            verdict.sentence,
            "No failure of www.shop.example was observed: its handshakes were completed. No failure was observed: 1 TLS handshake was completed."
        );
    }

    #[test]
    fn the_failure_of_another_site_follows_what_is_said_of_this_one() {
        let verdict = of(
            Story::new().rejects(&["leaf", "issuing-ca"], (9, 12)),
            Some("b.example"),
        );
        assert_eq!(verdict.state, VerdictState::Undetermined);
        assert_eq!(
            verdict.sentence,
            "Nothing can be said of b.example: no connection to it is in the evidence. A rejected connection to www.shop.example on 10.0.0.9. This evidence does not show why."
        );
    }

    #[test]
    fn an_end_that_the_capture_lacks_leaves_the_verdict_open() {
        let story = Story::new()
            .fetch(
                ObjectKind::AiaCert,
                AIA,
                Outcome::IncompleteCapture,
                (10, 11),
            )
            .rejects(&["leaf"], (9, 12))
            .accepted();
        let verdict = of(story, None);
        assert_eq!(
            (verdict.state, verdict.root_cause),
            (VerdictState::Undetermined, None)
        );
    }

    #[test]
    fn downloads_without_a_handshake_are_no_validation() {
        let story = Story::new().fetch(ObjectKind::AiaCert, AIA, Outcome::NotModified, (10, 11));
        assert_eq!(of(story, None).state, VerdictState::NoValidationSeen);
    }
}
