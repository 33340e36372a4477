#![doc = include_str!("../../docs/rules/wsus-content-forced-to-https.md")]

use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::joined;
use super::wsus;

/// The rule.
pub const RULE: Rule = Rule {
    id: "wsus-content-forced-to-https",
    doc: include_str!("../../docs/rules/wsus-content-forced-to-https.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = inquiry.failures.iter().enumerate().filter_map(|(failure, _)| {
        let index = *inquiry.failed_for(failure, Need::Itself).first()?;
        let retrieval = inquiry.retrieval(index)?;
        if wsus::part_of(retrieval) != Some(wsus::Part::Files) || !wsus::demands_tls(retrieval) {
            return None;
        }
        let host = retrieval.host.as_deref().unwrap_or("the update server");
        let tls = wsus::answers_tls(inquiry.case, host);
        let also = if tls { ", which also answers TLS" } else { "" };
        let path = wsus::path_of(retrieval);
        Some(Proposal {
            rule: RULE.id,
            stance: Stance::Cause,
            confidence: Some(confidence(Basis {
                fault_seen: true,
                reaction_seen: true,
                // 403 has other reasons too; a service that is open in the clear beside it speaks for this one.
                inferred: u8::from(!tls && inquiry.case.retrievals.iter().all(|other| wsus::part_of(other).is_none() || other.status == Some(403))),
                poor_capture: inquiry.is_poor(retrieval),
                ..Basis::default()
            })),
            summary: format!("The update server {host}{also} refused {path} in the clear with status 403: update files were put behind encryption, though they are meant to be served without it."),
            remedy: "Take Require SSL off the site and set it on the five services only (ApiRemoting30, ClientWebService, DSSAuthWebService, ServerSyncWebService, SimpleAuthWebService). A file answered with 200 over http shows that it worked.".to_owned(),
            cites: retrieval.cites.clone(),
            explains: vec![(failure, Precedence::RouteGap)],
            subject: host.to_owned(),
        })
    });
    joined(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::Story;
    use crate::retrieval::{ObjectKind, Outcome};

    fn asks(url: &str, outcome: Outcome) -> Story {
        Story::new().fetch(ObjectKind::Wsus, url, outcome, (10, 11))
    }

    const RULE: &str = "wsus-content-forced-to-https";
    const FILE: &str = "http://wsus.corp.example:8530/Content/6A/x.cab";

    #[test]
    fn files_that_are_refused_in_the_clear_beside_a_service_that_is_not_are_high() {
        let diagnosis = asks(
            "http://wsus.corp.example:8530/ClientWebService/client.asmx",
            Outcome::Ok,
        )
        .fetch(ObjectKind::Wsus, FILE, Outcome::Forbidden, (20, 21))
        .diagnosis();
        assert_eq!(diagnosis.causes()[0], (RULE, Role::RootCause, "high"));
    }

    #[test]
    fn it_is_quiet_for_files_in_the_clear() {
        assert!(asks(FILE, Outcome::Ok).diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_proxy_that_refuses() {
        let proxy = asks(FILE, Outcome::Forbidden).headers(&[("Via", "1.1 proxy (squid)")]);
        assert!(proxy.diagnosis().of(RULE).is_empty());
    }
}
