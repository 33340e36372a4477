//! What `leaf-expired` and `leaf-not-yet-valid` have in common.

use super::inquiry::{Basis, Inquiry, confidence, lacks_bytes};
use super::proposal::{Precedence, Proposal, Stance};
use crate::case::Handshake;
use crate::pki::Certificate;
use crate::time::{Span, Timestamp};

/// A leaf outside its validity period.
pub struct Outside {
    /// The sentence, without who and when.
    pub summary: String,
    /// What to do.
    pub remedy: String,
}

/// Client clocks of domain members are kept within 5 minutes by Kerberos; a
/// verdict that hangs on fewer seconds is not certain.
pub const CLOCK_UNCERTAINTY: i64 = 300;

/// Judges the leaf of every handshake; rejected ones give a cause, accepted
/// ones an observation.
pub fn proposals(
    inquiry: &Inquiry<'_>,
    rule: &'static str,
    outside: impl Fn(&Certificate, Timestamp) -> Option<Outside>,
) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for (index, handshake) in inquiry.case.handshakes.iter().enumerate() {
        let Some((_, leaf)) = inquiry.case.leaf_of(handshake) else {
            continue;
        };
        let at = inquiry.case.as_of.unwrap_or(handshake.at);
        let Some(judged) = outside(leaf, at) else {
            continue;
        };
        let failure = inquiry
            .failures
            .iter()
            .position(|failure| failure.handshake == Some(index));
        let doubt = doubt(inquiry, handshake, |at| outside(leaf, at).is_some());
        let basis = Basis {
            checked: true,
            fault_seen: true,
            reaction_seen: failure.is_some(),
            inferred: u8::from(doubt.is_some()),
            poor_capture: failure.is_some() && lacks_bytes(&handshake.quality),
        };
        let site = handshake.site.as_deref().unwrap_or("the site");
        let subject = format!("{site} {}", leaf.subject.text);
        let stance = if failure.is_some() {
            Stance::Cause
        } else {
            Stance::Observation
        };
        let explains = failure.map(|failure| (failure, Precedence::Content));
        let used = match inquiry.case.as_of {
            Some(at) => format!("it is judged as of {} UTC", to_seconds(at)),
            None => format!("it was used at {} UTC", to_seconds(at)),
        };
        let accepted = if failure.is_some() {
            ""
        } else {
            ", and no rejection of it is seen"
        };
        let doubt = doubt.unwrap_or_default();
        let summary = format!(
            "The certificate of {site} {}; {used}{accepted}.{doubt}",
            judged.summary
        );
        let same = proposals
            .iter_mut()
            .find(|known| known.subject == subject && known.stance == stance);
        if let Some(known) = same {
            known.cites.extend(handshake.cites.iter().cloned());
            known.explains.extend(explains);
            known.confidence = known.confidence.min(Some(confidence(basis)));
            continue;
        }
        proposals.push(Proposal {
            rule,
            stance,
            confidence: Some(confidence(basis)),
            summary,
            remedy: judged.remedy,
            cites: handshake.cites.clone(),
            explains: explains.into_iter().collect(),
            subject,
        });
    }
    proposals
}

/// Why the verdict may not be the client's: it hangs on the clocks, or on the
/// time that the analyst gave.
pub fn doubt(
    inquiry: &Inquiry<'_>,
    handshake: &Handshake,
    is_outside: impl Fn(Timestamp) -> bool,
) -> Option<String> {
    let case = inquiry.case;
    let at = case.as_of.unwrap_or(handshake.at);
    if !is_outside(handshake.at) {
        return Some(format!(
            " At the time of the connection, {} UTC, it was within its period.",
            to_seconds(handshake.at)
        ));
    }
    let around = [
        Span::seconds(-CLOCK_UNCERTAINTY),
        Span::seconds(CLOCK_UNCERTAINTY),
    ];
    if !around.iter().all(|span| is_outside(at.plus(*span))) {
        return Some(
            " That is within the uncertainty of the clocks: the client may have seen it otherwise."
                .to_owned(),
        );
    }
    let servers = inquiry.servers_at(handshake.vantage)?;
    // Offsets beyond some years saturate; the sentence needs no more.
    #[allow(clippy::cast_possible_truncation)]
    let readings = [servers.offset_min_s, servers.offset_max_s]
        .map(|offset| handshake.at.plus(Span::seconds(offset as i64)));
    let otherwise = readings.iter().find(|at| !is_outside(**at))?;
    Some(format!(
        " By the Date fields of the servers it was {} UTC then, within its period: one of the clocks is wrong.",
        to_seconds(*otherwise)
    ))
}

/// For people, without the fraction, which decides nothing here.
#[must_use]
pub fn to_seconds(at: Timestamp) -> String {
    at.to_display().get(..19).unwrap_or_default().to_owned()
}
