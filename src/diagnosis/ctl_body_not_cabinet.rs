#![doc = include_str!("../../docs/rules/ctl-body-not-cabinet.md")]

use super::cached_pages::{self, Wanted};
use super::inquiry::{Basis, Inquiry, confidence};
use super::network::UNCERTAIN_LINK;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use crate::pki::LooksLike;
use crate::retrieval::{ObjectKind, Outcome, Retrieval, RetrievedBody};
use crate::words;

/// The rule.
pub const RULE: Rule = Rule {
    id: "ctl-body-not-cabinet",
    doc: include_str!("../../docs/rules/ctl-body-not-cabinet.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for index in inquiry.linked_retrievals() {
        let Some(retrieval) = inquiry.retrieval(index) else {
            continue;
        };
        if !is_list(retrieval.object) || retrieval.outcome != Outcome::UnexpectedContent {
            continue;
        }
        let Some(body) = &retrieval.body else {
            continue;
        };
        for certain in [true, false] {
            let explains: Vec<(usize, Precedence)> = inquiry
                .linked_to(index)
                .filter(|(_, link)| link.certain == certain)
                .map(|(failure, _)| (failure, Precedence::Object))
                .collect();
            if !explains.is_empty() {
                proposals.push(proposal(inquiry, retrieval, body, explains, certain));
            }
        }
    }
    proposals.extend(cached_pages::proposals(inquiry, RULE.id, Wanted::List));
    proposals
}

fn proposal(
    inquiry: &Inquiry<'_>,
    retrieval: &Retrieval,
    body: &RetrievedBody,
    explains: Vec<(usize, Precedence)>,
    certain: bool,
) -> Proposal {
    let basis = Basis {
        checked: true,
        fault_seen: true,
        reaction_seen: true,
        inferred: u8::from(!certain),
        poor_capture: inquiry.is_poor(retrieval),
    };
    let what = what_came(body.looks_like, body.title.as_deref());
    let hop = retrieval.route.proxy.map_or_else(
        || retrieval.host.clone().unwrap_or_default(),
        |proxy| proxy.to_string(),
    );
    let through = retrieval
        .route
        .proxy
        .map_or_else(String::new, |proxy| format!(" by way of the proxy {proxy}"));
    let host = retrieval.host.as_deref().unwrap_or("its host");
    Proposal {
        rule: RULE.id,
        stance: Stance::Cause,
        confidence: Some(confidence(basis)),
        summary: format!(
            "Instead of the {}, {host} sent {what}{through}: status {}, {} and no cabinet in it.{}",
            retrieval.object.phrase(),
            retrieval.status.unwrap_or_default(),
            words::count(body.size, "byte", "bytes"),
            if certain { "" } else { UNCERTAIN_LINK }
        ),
        remedy: format!(
            "Exempt {host} from log-on pages, portals and filters at {hop}. A body that starts with MSCF in answer to the same URL shows that it worked."
        ),
        cites: retrieval.cites.clone(),
        explains,
        subject: format!("{} {hop}", retrieval.object.word()),
    }
}

fn is_list(object: ObjectKind) -> bool {
    matches!(
        object,
        ObjectKind::Ctl | ObjectKind::Disallowed | ObjectKind::PinRules
    )
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CTL, DISALLOWED, Story};
    use crate::pki::LooksLike;
    use crate::retrieval::{ObjectKind, Outcome};

    fn story(object: ObjectKind, url: &str, outcome: Outcome) -> Story {
        Story::new()
            .fetch(object, url, outcome, (10, 11))
            .page(LooksLike::Html, "Blocked")
            .by_proxy()
            .rejects(&["leaf", "issuing-ca"], (9, 12))
    }

    #[test]
    fn a_page_in_the_place_of_the_list_explains_the_site_that_waited_for_it() {
        let diagnosis = story(ObjectKind::Ctl, CTL, Outcome::UnexpectedContent).diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [("ctl-body-not-cabinet", Role::RootCause, "proven")]
        );
        assert_eq!(diagnosis.findings[0].explains, [0, 1]);
        assert_eq!(
            diagnosis.findings[0].summary,
            "Instead of the trust list, ctldl.windowsupdate.com sent a web page (\"Blocked\") by way of the proxy 10.0.0.8:3128: status 200, 261 bytes and no cabinet in it."
        );
    }

    #[test]
    fn a_page_that_came_long_before_is_linked_by_time_alone() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::UnexpectedContent, (10, 11))
            .page(LooksLike::Html, "Blocked")
            .rejects(&["leaf", "issuing-ca"], (1_800, 1_801))
            .diagnosis();
        let rejected = diagnosis
            .failures
            .iter()
            .position(|it| it.handshake.is_some())
            .unwrap();
        let findings = diagnosis.of("ctl-body-not-cabinet");
        let linked = findings
            .iter()
            .find(|finding| finding.explains == [rejected])
            .unwrap();
        assert_eq!(linked.confidence.unwrap().word(), "medium");
        assert_eq!(diagnosis.incidents.len(), 1);
        assert_eq!(diagnosis.incidents[0].root_cause, Some(1));
    }

    #[test]
    fn a_page_for_the_background_list_does_not_explain_a_site() {
        let diagnosis = story(
            ObjectKind::Disallowed,
            DISALLOWED,
            Outcome::UnexpectedContent,
        )
        .diagnosis();
        let rejected = diagnosis
            .failures
            .iter()
            .position(|it| it.handshake.is_some())
            .unwrap();
        assert!(
            !diagnosis.of("ctl-body-not-cabinet")[0]
                .explains
                .contains(&rejected)
        );
        assert_eq!(diagnosis.verdict.root_cause, None);
    }

    #[test]
    fn it_is_quiet_when_the_list_came_or_is_current() {
        for outcome in [Outcome::Ok, Outcome::NotModified] {
            let diagnosis = story(ObjectKind::Ctl, CTL, outcome).diagnosis();
            assert!(diagnosis.causes().is_empty());
        }
    }

    #[test]
    fn it_is_quiet_when_the_request_was_refused_openly() {
        let diagnosis = story(ObjectKind::Ctl, CTL, Outcome::Forbidden).diagnosis();
        assert!(diagnosis.of("ctl-body-not-cabinet").is_empty());
    }
}
