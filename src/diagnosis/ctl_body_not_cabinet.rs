#![doc = include_str!("../../docs/rules/ctl-body-not-cabinet.md")]

use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use crate::cryptnet;
use crate::pki::LooksLike;
use crate::retrieval::{ObjectKind, Outcome};

/// The rule.
pub const RULE: Rule = Rule {
    id: "ctl-body-not-cabinet",
    doc: include_str!("../../docs/rules/ctl-body-not-cabinet.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for index in inquiry.linked_retrievals() {
        let Some(retrieval) = inquiry.retrieval(index) else { continue };
        if !is_list(retrieval.object) || retrieval.outcome != Outcome::UnexpectedContent {
            continue;
        }
        let Some(body) = &retrieval.body else { continue };
        let explains: Vec<(usize, Precedence)> =
            inquiry.linked_to(index).map(|(failure, _)| (failure, Precedence::Object)).collect();
        let named = inquiry.linked_to(index).any(|(_, need)| need != Need::Nearby);
        let basis = Basis {
            checked: true,
            fault_seen: true,
            reaction_seen: true,
            inferred: u8::from(!named),
            poor_capture: inquiry.is_poor(retrieval),
        };
        let what = what_came(body.looks_like, body.title.as_deref());
        let hop = retrieval
            .route
            .proxy
            .map_or_else(|| retrieval.host.clone().unwrap_or_default(), |proxy| proxy.to_string());
        let through = retrieval
            .route
            .proxy
            .map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"));
        proposals.push(Proposal {
            rule: RULE.id,
            stance: Stance::Cause,
            confidence: Some(confidence(basis)),
            summary: format!(
                "The request for the {} {}{through} was answered with status {} and {what} of {} bytes instead of a cabinet.",
                retrieval.object.phrase(),
                retrieval.url.as_deref().unwrap_or_default(),
                retrieval.status.unwrap_or_default(),
                body.size
            ),
            remedy: format!(
                "Exempt {} from log-on pages, portals and filters at {hop}. A body that starts with MSCF in answer to the same URL shows that it worked.",
                retrieval.host.as_deref().unwrap_or("the list's host")
            ),
            cites: retrieval.cites.clone(),
            explains,
            subject: format!("{} {hop}", retrieval.object.word()),
        });
    }
    proposals.extend(cached_pages(inquiry));
    proposals
}

fn is_list(object: ObjectKind) -> bool {
    matches!(object, ObjectKind::Ctl | ObjectKind::Disallowed | ObjectKind::PinRules)
}

fn what_came(looks_like: LooksLike, title: Option<&str>) -> String {
    let kind = match looks_like {
        LooksLike::Html => "a web page",
        LooksLike::Text => "text",
        LooksLike::Empty => "an empty body",
        _ => "another kind of content",
    };
    match title {
        Some(title) => format!("{kind} (\"{title}\")"),
        None => kind.to_owned(),
    }
}

/// Cache entries of the lists that hold a page. An empty one is normal: Windows
/// keeps a placeholder there when the list lies in the registry.
fn cached_pages(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for entry in &inquiry.case.cache_entries {
        let (Some(url), Some(content)) = (entry.url(), &entry.content) else { continue };
        let looks_like = crate::pki::looks_like(&content.bytes);
        if !cryptnet::is_trust_list_url(url)
            || !matches!(looks_like, LooksLike::Html | LooksLike::Text)
        {
            continue;
        }
        let title = crate::pki::html_title(&content.bytes);
        proposals.push(Proposal {
            rule: RULE.id,
            stance: Stance::Observation,
            confidence: Some(confidence(Basis { fault_seen: true, ..Basis::default() })),
            summary: format!(
                "The cache of {} holds {} of {} bytes under {url} (file {}).",
                entry.owner,
                what_came(looks_like, title.as_deref()),
                content.bytes.len(),
                entry.name
            ),
            remedy: "Delete the entry for this account (certutil -urlcache <url> delete) once the URL gives the list again.".to_owned(),
            cites: vec![crate::provenance::Cite::whole(content.evidence, content.bytes.len() as u64)],
            explains: Vec::new(),
            subject: url.to_owned(),
        });
    }
    proposals
}
