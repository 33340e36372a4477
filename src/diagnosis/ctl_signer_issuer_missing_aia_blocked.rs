#![doc = include_str!("../../docs/rules/ctl-signer-issuer-missing-aia-blocked.md")]

use super::finding::Confidence;
use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use crate::case::questions::ListGap;
use crate::retrieval::Retrieval;

/// The rule.
pub const RULE: Rule = Rule {
    id: "ctl-signer-issuer-missing-aia-blocked",
    doc: include_str!("../../docs/rules/ctl-signer-issuer-missing-aia-blocked.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> =
        inquiry.list_gaps.iter().map(|gap| judge(inquiry, gap)).collect();
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
        let kept = all.iter().copied().filter(|index| inquiry.retrieval(*index).is_some_and(keep));
        kept.collect::<Vec<usize>>()
    };
    Attempts {
        got: of(|retrieval| retrieval.outcome.is_success()),
        failed: of(|retrieval| retrieval.outcome.is_failure()),
    }
}

fn judge(inquiry: &Inquiry<'_>, gap: &ListGap) -> Proposal {
    let attempts = attempts(inquiry, gap);
    let issuer = gap.issuer.short().to_owned();
    let signer = gap.signer.subject.short().to_owned();
    let services_lack: Vec<_> = gap
        .accounts_without_issuer
        .iter()
        .filter(|account| account.kind.is_service())
        .cloned()
        .collect();
    let explains = explained(inquiry, gap, &attempts);
    let tried = !attempts.failed.is_empty();
    let cached_elsewhere = !gap.accounts_with_issuer.is_empty();
    let is_cause =
        !explains.is_empty() && (tried || (cached_elsewhere && !services_lack.is_empty()));
    let mut cites = gap.cites.clone();
    cites.extend(inquiry.cites_of(&attempts.failed));
    cites.extend(inquiry.cites_of(&attempts.got));
    let list = format!(
        "the trust list was signed by \"{signer}\", and its signature does not enclose the certificate \"{issuer}\" that issued the signer"
    );
    let subject = format!("{} {}", gap.issuer.text, gap.urls.first().map_or("", String::as_str));
    if !is_cause {
        let known = if cached_elsewhere || !attempts.got.is_empty() {
            "; the evidence holds a copy of it that was fetched separately"
        } else {
            "; whether the machine had it or could fetch it is not in this evidence"
        };
        let twin = resigned_twin(inquiry, gap);
        return Proposal {
            rule: RULE.id,
            stance: Stance::Observation,
            confidence: Some(Confidence::High),
            summary: format!("{}{list}{known}{twin}.", place_of(inquiry, gap)),
            remedy: remedy(gap),
            cites,
            explains: Vec::new(),
            subject,
        };
    }
    let failures: Vec<usize> = explains.iter().map(|(failure, _)| *failure).collect();
    let both_seen = tried && !attempts.got.is_empty();
    let account_shown = !services_lack.is_empty() && cached_elsewhere;
    let poor = attempts
        .failed
        .iter()
        .filter_map(|index| inquiry.retrieval(*index))
        .any(|retrieval| inquiry.is_poor(retrieval));
    // Who tried and who lacks the file: shown by the caches, or when every
    // attempt failed and it does not matter; else inferred from the routes.
    let inferred = u8::from(!account_shown && !attempts.got.is_empty()) + u8::from(!tried);
    let basis = Basis {
        checked: both_seen && account_shown,
        fault_seen: tried,
        reaction_seen: inquiry.has_reaction(&failures),
        inferred,
        poor_capture: poor,
    };
    let got = got_phrase(inquiry, &attempts);
    let lacking = if services_lack.is_empty() {
        String::new()
    } else {
        format!("; the cache of {} does not hold it", Inquiry::accounts_phrase(&services_lack))
    };
    let failed = failed_phrase(inquiry, &attempts);
    Proposal {
        rule: RULE.id,
        stance: Stance::Cause,
        confidence: Some(confidence(basis)),
        summary: format!(
            "{list}{failed}{got}{lacking}, so the list could not be believed and no root could be added from it."
        ),
        remedy: remedy(gap),
        cites,
        explains,
        subject,
    }
}

fn failed_phrase(inquiry: &Inquiry<'_>, attempts: &Attempts) -> String {
    let Some(retrieval) = attempts.failed.first().and_then(|index| inquiry.retrieval(*index))
    else {
        return String::new();
    };
    let host = retrieval.host.as_deref().unwrap_or("its host");
    let how = super::network::outcome_phrase(retrieval);
    format!("; the attempt to fetch it from {host} {how}")
}

fn got_phrase(inquiry: &Inquiry<'_>, attempts: &Attempts) -> String {
    let got = attempts.got.first().and_then(|index| inquiry.retrieval(*index));
    let Some(retrieval) = got else { return String::new() };
    let who = match &retrieval.account {
        Some(account) => format!(" by {account}"),
        None => String::new(),
    };
    match (retrieval.route.kind.is_explicit_proxy(), retrieval.route.proxy) {
        (true, Some(proxy)) => {
            format!(", while the same file was fetched{who} through the proxy {proxy}")
        }
        _ => format!(", while the same file was fetched{who} on another route"),
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
        if failure.machine != gap.machine {
            continue;
        }
        let links = inquiry.links.get(index).map(Vec::as_slice).unwrap_or_default();
        let by_attempt = links.iter().any(|link| {
            attempts.failed.contains(&link.retrieval)
                && matches!(link.need, Need::Itself | Need::List | Need::Nearby)
        });
        let had_list = gap.had_at.is_none_or(|had_at| had_at <= failure.at);
        let needs_root = failure.handshake.is_some()
            && had_list
            && failure
                .chain
                .and_then(|chain| inquiry.case.chains.get(chain))
                .is_some_and(|chain| chain.ends_in_unknown_root());
        let own_object = failure.handshake.is_none() && links.is_empty();
        if by_attempt || needs_root || own_object {
            explained.push((index, Precedence::ListWithoutIssuer));
        }
    }
    explained
}

/// The same list (by sequence number) signed again with the issuer enclosed.
fn resigned_twin(inquiry: &Inquiry<'_>, gap: &ListGap) -> String {
    let case = inquiry.case;
    let Some(own) = case.ctl(gap.ctl) else { return String::new() };
    let twin = case.artifacts.iter().enumerate().find_map(|(index, record)| {
        let other = case.ctl(index)?;
        let same = other.sequence_number.is_some() && other.sequence_number == own.sequence_number;
        let signer = other.signer.as_ref()?;
        let enclosed = crate::case::questions::encloses_issuer(other, signer);
        (same && index != gap.ctl && enclosed).then(|| record.seen.first())?
    });
    match twin.and_then(|sighting| file_of(inquiry, &sighting.cite)) {
        Some(name) => format!("; {name} is the same list signed with it enclosed"),
        None => String::new(),
    }
}

fn place_of(inquiry: &Inquiry<'_>, gap: &ListGap) -> String {
    let name = gap.cites.first().and_then(|cite| file_of(inquiry, cite));
    name.map_or_else(String::new, |name| format!("In {name}, "))
}

fn file_of(inquiry: &Inquiry<'_>, cite: &crate::provenance::Cite) -> Option<String> {
    let record = inquiry.case.evidence.get(cite.evidence().0 as usize)?;
    let path = record.member.as_deref().unwrap_or(&record.path);
    path.rsplit('/').next().map(str::to_owned)
}

fn remedy(gap: &ListGap) -> String {
    let issuer = gap.issuer.short();
    let urls = gap.urls.join(" or ");
    let urls = if urls.is_empty() { "its publisher".to_owned() } else { urls };
    format!(
        "Give the machine's own accounts a way to {urls} (netsh winhttp set proxy, WPAD, or a firewall rule), or install \"{issuer}\" in Local Computer > Intermediate Certification Authorities. Then delete the cached list for each account (certutil -urlcache authrootstl.cab delete) and open the site again: event 4097 or a request for <thumbprint>.crt shows that the list is believed."
    )
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
        let gap = inquiry.list_gaps.iter().any(|gap| gap.machine == failure.machine);
        let (false, Some(ctl)) = (gap, inquiry.case.ctl(list)) else { continue };
        let Some(signer) = &ctl.signer else { continue };
        let seen = inquiry.case.artifacts.get(list).map(|record| record.seen.as_slice());
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
