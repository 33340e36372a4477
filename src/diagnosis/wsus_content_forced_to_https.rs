#![doc = include_str!("../../docs/rules/wsus-content-forced-to-https.md")]

use super::inquiry::Inquiry;
use super::proposal::{Proposal, Rule};
use super::wsus::{self, Part, Told};

/// The rule.
pub const RULE: Rule = Rule {
    id: "wsus-content-forced-to-https",
    doc: include_str!("../../docs/rules/wsus-content-forced-to-https.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    // A service that is open in the clear beside it shows that 403 is not for all.
    let mut all = inquiry.case.retrievals.iter();
    let all_refused = all.all(|it| wsus::part_of(it).is_none() || it.status == Some(403));
    wsus::refusals(inquiry, RULE.id, Part::Files, |refusal| Told {
        summary: format!(
            "The update server {}{} refused {} in the clear with status 403: update files were put behind encryption, though they are meant to be served without it.",
            refusal.host, refusal.also, refusal.path
        ),
        remedy: "Take Require SSL off the site and set it on the five services only (ApiRemoting30, ClientWebService, DSSAuthWebService, ServerSyncWebService, SimpleAuthWebService). A file answered with 200 over http shows that it worked.",
        is_inferred: !refusal.answers_tls && all_refused,
    })
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
