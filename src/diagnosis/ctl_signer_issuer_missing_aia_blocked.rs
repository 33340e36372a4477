#![doc = include_str!("../../docs/rules/ctl-signer-issuer-missing-aia-blocked.md")]

use super::failure::Failure;
use super::finding::Confidence;
use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::links::leads_out_alike;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use crate::account::Account;
use crate::case::CaseChain;
use crate::case::questions::{ListGap, encloses_issuer};
use crate::retrieval::Retrieval;

/// The rule.
pub const RULE: Rule = Rule {
    id: "ctl-signer-issuer-missing-aia-blocked",
    doc: include_str!("../../docs/rules/ctl-signer-issuer-missing-aia-blocked.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = inquiry
        .list_gaps
        .iter()
        .map(|gap| judge(inquiry, gap))
        .collect();
    proposals.extend(ruled_out(inquiry));
    proposals
}

/// The attempts of one machine to get the issuer that its list lacks.
struct Attempts {
    got: Vec<usize>,
    failed: Vec<usize>,
}

fn attempts(inquiry: &Inquiry<'_>, gap: &ListGap) -> Attempts {
    let all = inquiry.case.attempts_for(gap.machine, &gap.urls);
    let of = |keep: fn(&Retrieval) -> bool| {
        let kept = all
            .iter()
            .copied()
            .filter(|index| inquiry.retrieval(*index).is_some_and(keep));
        kept.collect::<Vec<usize>>()
    };
    Attempts {
        got: of(|retrieval| retrieval.outcome.is_success()),
        failed: of(|retrieval| retrieval.outcome.is_failure()),
    }
}

fn judge(inquiry: &Inquiry<'_>, gap: &ListGap) -> Proposal {
    let attempts = attempts(inquiry, gap);
    let services_lack: Vec<_> = gap
        .accounts_without_issuer
        .iter()
        .filter(|account| account.kind.is_service())
        .cloned()
        .collect();
    let tried = !attempts.failed.is_empty();
    let cached_elsewhere = !gap.accounts_with_issuer.is_empty();
    let shown_by_caches = cached_elsewhere && !services_lack.is_empty();
    let shut = (tried && !is_open(inquiry, &attempts)) || (!tried && shown_by_caches);
    let explains = if shut {
        explained(inquiry, gap, &attempts)
    } else {
        Vec::new()
    };
    let mut cites = gap.cites.clone();
    cites.extend(inquiry.cites_of(&attempts.failed));
    cites.extend(inquiry.cites_of(&attempts.got));
    let (issuer, signer) = (gap.issuer.short(), gap.signer.subject.short());
    let lack = format!(
        "does not enclose the certificate \"{issuer}\", which issued its signer \"{signer}\"."
    );
    let subject = format!(
        "{} {}",
        gap.issuer.text,
        gap.urls.first().map_or("", String::as_str)
    );
    if explains.is_empty() {
        let copy = cached_elsewhere || !attempts.got.is_empty();
        let known = if copy {
            "The evidence holds a copy of it that was fetched separately."
        } else {
            "Whether the machine had it or could fetch it is not in this evidence."
        };
        let (place, twin) = (place_of(inquiry, gap), resigned_twin(inquiry, gap));
        return Proposal {
            rule: RULE.id,
            stance: Stance::Observation,
            confidence: Some(Confidence::High),
            summary: format!("The trust list{place} {lack} {known}{twin}"),
            remedy: format!(
                "Make sure that the machine's own accounts can reach {}. Their caches show whether they hold \"{issuer}\".",
                urls_of(gap)
            ),
            cites,
            explains: Vec::new(),
            subject,
        };
    }
    let failures: Vec<usize> = explains.iter().map(|(failure, _)| *failure).collect();
    let poor = attempts
        .failed
        .iter()
        .filter_map(|index| inquiry.retrieval(*index))
        .any(|retrieval| inquiry.is_poor(retrieval));
    let basis = Basis {
        checked: tried && !attempts.got.is_empty() && shown_by_caches,
        fault_seen: tried,
        reaction_seen: inquiry.has_reaction(&failures),
        // Who lacks the file is told by the caches of services alone, and that
        // the way was shut by a failed attempt alone.
        inferred: u8::from(services_lack.is_empty()) + u8::from(!tried),
        poor_capture: poor,
    };
    let story = [
        format!("The trust list {lack}"),
        attempts_sentence(inquiry, &attempts),
        outcome_sentence(gap, &attempts, &services_lack),
    ];
    let story: Vec<String> = story.into_iter().filter(|part| !part.is_empty()).collect();
    Proposal {
        rule: RULE.id,
        stance: Stance::Cause,
        confidence: Some(confidence(basis)),
        summary: story.join(" "),
        remedy: remedy(gap),
        cites,
        explains,
        subject,
    }
}

/// True when the way on which an attempt failed is seen to be open.
fn is_open(inquiry: &Inquiry<'_>, attempts: &Attempts) -> bool {
    let of = |list: &[usize]| -> Vec<&Retrieval> {
        list.iter()
            .filter_map(|index| inquiry.retrieval(*index))
            .collect()
    };
    let failed = of(&attempts.failed);
    of(&attempts.got)
        .iter()
        .any(|got| failed.iter().any(|failed| leads_out_alike(failed, got)))
}

/// `The attempt to fetch it from pki.example was never answered (3 SYNs), while
/// user alice got it through the proxy 10.0.0.8:3128.`
fn attempts_sentence(inquiry: &Inquiry<'_>, attempts: &Attempts) -> String {
    let first = |list: &[usize]| list.first().and_then(|index| inquiry.retrieval(*index));
    let Some(failed) = first(&attempts.failed) else {
        return String::new();
    };
    let host = failed.host.as_deref().unwrap_or("its host");
    let how = super::network::outcome_phrase(failed);
    let got = first(&attempts.got).map_or_else(String::new, |retrieval| {
        let who = match &retrieval.account {
            Some(account) => format!("{account} got it"),
            None => "it was fetched".to_owned(),
        };
        let way = match (
            retrieval.route.kind.is_explicit_proxy(),
            retrieval.route.proxy,
        ) {
            (true, Some(proxy)) => format!("through the proxy {proxy}"),
            _ => "on another route".to_owned(),
        };
        format!(", while {who} {way}")
    });
    format!("The attempt to fetch it from {host} {how}{got}.")
}

fn outcome_sentence(gap: &ListGap, attempts: &Attempts, services_lack: &[Account]) -> String {
    let outcome = "the list could not be believed and no root could be added from it";
    let lacking = Inquiry::accounts_phrase(services_lack);
    match (services_lack.is_empty(), attempts.failed.is_empty()) {
        (true, _) => format!("So {outcome}."),
        (false, false) => format!("The cache of {lacking} does not hold it, so {outcome}."),
        (false, true) => format!(
            "The cache of {} holds it and the cache of {lacking} does not, so for {lacking} {outcome}.",
            Inquiry::accounts_phrase(&gap.accounts_with_issuer)
        ),
    }
}

/// The failures this gap explains: the attempts for the issuer, rejections of
/// chains that need a root from the list, and a list that no service can believe.
fn explained(
    inquiry: &Inquiry<'_>,
    gap: &ListGap,
    attempts: &Attempts,
) -> Vec<(usize, Precedence)> {
    let mut explained = Vec::new();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        let service_had_it = gap
            .services_have_issuer
            .iter()
            .any(|at| at.is_none_or(|at| at <= failure.at));
        if failure.machine != gap.machine || service_had_it {
            continue;
        }
        let links = inquiry
            .links
            .get(index)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let by_attempt = links.iter().any(|link| {
            attempts.failed.contains(&link.retrieval)
                && matches!(link.need, Need::Itself | Need::List)
        });
        let own_object =
            failure.handshake.is_none() && links.is_empty() && failure.cache_entry.is_none();
        let at_hand = gap.had_at.is_none_or(|had_at| had_at <= failure.at);
        let site = failure.handshake.is_some()
            && (at_hand || by_attempt)
            && needs_list(inquiry, failure)
            && !had_better_list(inquiry, gap, failure);
        if site || own_object || (by_attempt && failure.handshake.is_none()) {
            explained.push((index, Precedence::ListWithoutIssuer));
        }
    }
    explained
}

fn needs_list(inquiry: &Inquiry<'_>, failure: &Failure) -> bool {
    let chain = failure
        .chain
        .and_then(|chain| inquiry.case.chains.get(chain));
    chain.is_some_and(CaseChain::wants_listed_root)
}

/// True when the machine also had a list, as new or newer, that encloses the
/// issuer of its signer.
fn had_better_list(inquiry: &Inquiry<'_>, gap: &ListGap, failure: &Failure) -> bool {
    let case = inquiry.case;
    let Some(own) = case.ctl(gap.ctl) else {
        return false;
    };
    case.authroot_lists().any(|(index, other)| {
        let had = case.artifacts.get(index).is_some_and(|record| {
            record.seen.iter().any(|sighting| {
                sighting.machine == gap.machine && sighting.at.is_some_and(|at| at <= failure.at)
            })
        });
        let enclosed = other
            .signer
            .as_ref()
            .is_some_and(|signer| encloses_issuer(other, signer));
        index != gap.ctl && other.this_update >= own.this_update && had && enclosed
    })
}

/// The same list (by sequence number) signed again with the issuer enclosed.
fn resigned_twin(inquiry: &Inquiry<'_>, gap: &ListGap) -> String {
    let case = inquiry.case;
    let Some(own) = case.ctl(gap.ctl) else {
        return String::new();
    };
    let twin = case
        .artifacts
        .iter()
        .enumerate()
        .find_map(|(index, record)| {
            let other = case.ctl(index)?;
            let same =
                other.sequence_number.is_some() && other.sequence_number == own.sequence_number;
            let signer = other.signer.as_ref()?;
            let enclosed = encloses_issuer(other, signer);
            (same && index != gap.ctl && enclosed).then(|| record.seen.first())?
        });
    match twin.and_then(|sighting| file_of(inquiry, &sighting.cite)) {
        Some(name) => format!(" {name} is the same list signed with it enclosed."),
        None => String::new(),
    }
}

fn place_of(inquiry: &Inquiry<'_>, gap: &ListGap) -> String {
    let name = gap.cites.first().and_then(|cite| file_of(inquiry, cite));
    name.map_or_else(String::new, |name| format!(" in {name}"))
}

fn file_of(inquiry: &Inquiry<'_>, cite: &crate::provenance::Cite) -> Option<String> {
    let record = inquiry.case.evidence.get(cite.evidence().0 as usize)?;
    let path = record.member.as_deref().unwrap_or(&record.path);
    path.rsplit('/').next().map(str::to_owned)
}

fn remedy(gap: &ListGap) -> String {
    let issuer = gap.issuer.short();
    let urls = urls_of(gap);
    format!(
        "Give the machine's own accounts a way to {urls} (netsh winhttp set proxy, WPAD, or a firewall rule), or install \"{issuer}\" in Local Computer > Intermediate Certification Authorities. Then delete the cached list for each account (certutil -urlcache authrootstl.cab delete) and open the site again: event 4097 or a request for <thumbprint>.crt shows that the list is believed."
    )
}

fn urls_of(gap: &ListGap) -> String {
    if gap.urls.is_empty() {
        "its publisher".to_owned()
    } else {
        gap.urls.join(" or ")
    }
}

/// Rejections after a list that encloses its signer's issuer: the theory is refuted.
fn ruled_out(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        if failure.handshake.is_none() {
            continue;
        }
        let Some(list) = inquiry.case.list_of_the_day(failure.machine, failure.at) else {
            continue;
        };
        let gap = inquiry
            .list_gaps
            .iter()
            .any(|gap| gap.machine == failure.machine);
        let (false, Some(ctl)) = (gap, inquiry.case.ctl(list)) else {
            continue;
        };
        let Some(signer) = &ctl.signer else { continue };
        if !encloses_issuer(ctl, signer) {
            continue;
        }
        let seen = inquiry
            .case
            .artifacts
            .get(list)
            .map(|record| record.seen.as_slice());
        proposals.push(Proposal {
            rule: RULE.id,
            stance: Stance::RuledOut,
            confidence: Some(Confidence::High),
            summary: format!(
                "The trust list of {} encloses the issuer of its signer \"{}\": nothing had to be fetched to believe it.",
                ctl.this_update.to_display().get(..10).unwrap_or_default(),
                signer.subject.short()
            ),
            remedy: String::new(),
            cites: seen.unwrap_or_default().iter().map(|sighting| sighting.cite.clone()).collect(),
            explains: vec![(index, Precedence::ListWithoutIssuer)],
            subject: String::new(),
        });
    }
    proposals
}
