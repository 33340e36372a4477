//! What a text report says of a chain besides its checks: the status of its
//! certificates and the copies that tell it, the verdict over time, and the
//! smallest change that makes it good.

use super::look::{Ink, Look};
use super::page::Page;
use crate::case::status::{ElementStatus, Presence, StatusCopy, StatusState};
use crate::case::{ArtifactSource, Case, CaseChain};
use crate::chain::{Axis, Phase, Repair, SourceKind, TrustStatus, Verdict};

/// Writes the facts below a chain's elements.
pub(super) fn write(page: &mut Page<'_>, case: &Case, examined: &CaseChain) {
    revocation(page, case, examined);
    if let Some(axis) = examined.axis.as_ref().filter(|axis| axis.phases.len() > 1) {
        let text = over_time(page.look, axis);
        page.labeled(5, "time", 14, &text);
    }
    let repairs = [(&examined.repair, ""), (&examined.status_repair, INSISTS)];
    for (repair, whom) in repairs {
        if let Some(repair) = repair {
            let text = repair_text(page.look, repair, whom);
            page.labeled(5, "repair", 14, &text);
        }
    }
}

/// The same for forms that lay text out themselves: what it is about, then the
/// text.
pub(super) fn told(look: &Look, examined: &CaseChain) -> Vec<(&'static str, String)> {
    let mut told = Vec::new();
    let best = examined.chains.first();
    let known =
        |status: &&ElementStatus| status.state != StatusState::Unknown || !status.copies.is_empty();
    for status in examined.status.iter().filter(known) {
        let name = best.and_then(|best| best.elements.get(status.element));
        let name = name.map_or("", |element| element.certificate.subject.short());
        let what = match status.state {
            StatusState::Good => "not revoked",
            StatusState::Revoked => "revoked",
            StatusState::Unknown => "revocation not known",
        };
        let text = format!("{name}: {what}; {}", status.detail);
        told.push(("Revocation", look.shown(&text, MAX_TEXT)));
    }
    if let Some(axis) = examined.axis.as_ref().filter(|axis| axis.phases.len() > 1) {
        told.push(("Verdict over time", over_time(look, axis)));
    }
    for (repair, whom) in [(&examined.repair, ""), (&examined.status_repair, INSISTS)] {
        let text = repair
            .as_ref()
            .map(|repair| repair_text(look, repair, whom));
        told.extend(text.map(|text| ("Smallest repair", text)));
    }
    told
}

const INSISTS: &str = "for a program that insists on a revocation status: ";

fn revocation(page: &mut Page<'_>, case: &Case, examined: &CaseChain) {
    let Some(best) = examined.chains.first() else {
        return;
    };
    let silent =
        |status: &ElementStatus| status.state == StatusState::Unknown && status.copies.is_empty();
    if examined.status.iter().all(silent) {
        // Nothing was asked and nothing is known: most chains of most captures.
        return;
    }
    for status in &examined.status {
        let name = best.elements.get(status.element);
        let name = name.map_or("", |element| element.certificate.subject.short());
        let (ink, what) = match status.state {
            StatusState::Good => (Ink::Good, "not revoked"),
            StatusState::Revoked => (Ink::Bad, "revoked"),
            StatusState::Unknown => (Ink::Unsure, "revocation not known"),
        };
        let text = format!("{name}: {what}; {}", status.detail);
        page.inked(
            5,
            Some(ink),
            "status",
            14,
            &page.look.shown(&text, MAX_TEXT),
        );
        for copy in status.copies.iter().take(MAX_COPIES) {
            let text = copy_text(page.look, case, copy, status.state);
            page.labeled(14, "-", 16, &page.look.shown(&text, MAX_TEXT));
        }
    }
    let none = TrustStatus::none();
    let hard = examined
        .status
        .iter()
        .fold(none, |all, it| all | it.if_required);
    if hard.intersects(TrustStatus::REVOCATION_STATUS_UNKNOWN) {
        let names = hard.names().join(", ");
        let text = format!(
            "a program that insists on a status gets 0x{:08x} ({names}); one that does not goes on",
            hard.bits()
        );
        page.labeled(14, "", 14, &text);
    }
}

/// `CRL in force 06-01 10:00 to 06-08 10:00, cache of SYSTEM since 10:00 at the latest: not revoked`.
fn copy_text(look: &Look, case: &Case, copy: &StatusCopy, state: StatusState) -> String {
    let kind = match copy.kind {
        SourceKind::Crl => "CRL",
        SourceKind::DeltaCrl => "delta CRL",
        SourceKind::Ocsp => "OCSP answer",
    };
    let force = match copy.next_update {
        Some(end) => format!("in force {}", look.range(copy.this_update, end)),
        None => format!("in force from {}", look.second(copy.this_update)),
    };
    let place = match copy.source {
        ArtifactSource::Handshake(_) => "stapled by the server".to_owned(),
        ArtifactSource::File => "handed over as a file".to_owned(),
        ArtifactSource::Host { .. } => "in a store of the machine".to_owned(),
        ArtifactSource::Log(_) => "named by the machine's log".to_owned(),
        ArtifactSource::Retrieval(index) => {
            let fetched = case.retrievals.get(index).map(|it| it.ended_at);
            match fetched {
                Some(at) => format!("fetched at {}", look.second(at)),
                None => "fetched".to_owned(),
            }
        }
        ArtifactSource::Cache(_) => {
            let owner = copy.account.as_ref();
            let owner = owner.map_or_else(|| "an account".to_owned(), ToString::to_string);
            match copy.seen_at {
                Some(at) => format!("cache of {owner}, last synchronized {}", look.second(at)),
                None => format!("cache of {owner}, its record is lost"),
            }
        }
    };
    let says = match (&copy.says, copy.presence) {
        (Some(says), _) => says.to_string(),
        (None, Presence::Yes) if state == StatusState::Unknown => "could not be judged".to_owned(),
        (None, Presence::Yes) => "not needed".to_owned(),
        (None, Presence::Unknown) => "not known whether it was there at the time".to_owned(),
        (None, Presence::No) => "not there at the time".to_owned(),
    };
    format!("{kind} {force}, {place}: {says}")
}

fn over_time(look: &Look, axis: &Axis) -> String {
    let shown = axis.phases.iter().take(MAX_PHASES);
    let phases: Vec<String> = shown.map(|phase| phase_text(look, phase)).collect();
    let mut text = phases.join("; ");
    let more = axis.phases.len().saturating_sub(MAX_PHASES);
    if more > 0 {
        text.push_str(&format!("; {more} more in the JSON report"));
    }
    if !axis.is_complete {
        text.push_str("; dates beyond the limit are left out");
    }
    look.shown(&text, MAX_LONG_TEXT)
}

fn phase_text(look: &Look, phase: &Phase) -> String {
    let verdict = match phase.verdict {
        Verdict::Accept => "accepted",
        Verdict::Reject => "rejected",
        Verdict::Unknown => "open",
    };
    let status = phase.error_status.names();
    let status = match status.is_empty() {
        true => String::new(),
        false => format!(" ({})", status.join(", ")),
    };
    match phase.because.as_slice() {
        [] => format!("{verdict}{status} until {}", look.second(phase.to)),
        because => format!(
            "from {} {verdict}{status}: {}",
            look.second(phase.from),
            because.join(", ")
        ),
    }
}

fn repair_text(look: &Look, repair: &Repair, whom: &str) -> String {
    let changes: Vec<String> = repair.changes.iter().map(ToString::to_string).collect();
    let outcome = match (repair.is_proven(), repair.lacks.as_slice()) {
        (true, _) => "examined again with it, the chain is accepted".to_owned(),
        (false, []) => "examined again with it, nothing is wrong".to_owned(),
        (false, lacks) => format!(
            "examined again with it, nothing is wrong; still open: {}",
            lacks.join("; ")
        ),
    };
    look.shown(
        &format!("{whom}{}; {outcome}", changes.join(" and ")),
        MAX_LONG_TEXT,
    )
}

/// Copies of one certificate's status that a person reads.
const MAX_COPIES: usize = 6;
/// Phases that a person reads.
const MAX_PHASES: usize = 6;
/// Characters of a sentence.
const MAX_TEXT: usize = 400;
/// Characters of a story.
const MAX_LONG_TEXT: usize = 900;
