//! What was said in 2011 about the trust list that could not be believed, and
//! what this evidence says of it.
//!
//! A list of 2011-01-25 came without the certificate that had issued its
//! signer, and for five weeks a public thread collected explanations
//! (Microsoft TechNet forum, "CAPI2 event 4110"). Where a case holds a list of
//! this kind, each explanation is judged by the case alone. Known public lists
//! are named by their hash only.

use super::finding::{Finding, Role};
use super::inquiry::Inquiry;
use super::leaf_validity::to_seconds;
use crate::bytes::to_hex;
use crate::case::Case;
use crate::case::questions::encloses_issuer;
use crate::pki::Ctl;
use crate::provenance::{Cite, merged};
use crate::retrieval::{Login, Outcome, Retrieval};

/// A claim with what the evidence says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// What was claimed, as a sentence.
    pub claim: &'static str,
    /// What the evidence says.
    pub standing: Standing,
    /// Why.
    pub because: String,
    /// Where.
    pub cites: Vec<Cite>,
}

/// What the evidence says of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It shows it.
    Supported,
    /// It refutes it.
    Rejected,
    /// It does not decide.
    Open,
}

impl Standing {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Standing::Supported => "supported",
            Standing::Rejected => "rejected",
            Standing::Open => "open",
        }
    }
}

const CAUSE: &str = "ctl-signer-issuer-missing-aia-blocked";

/// Judges the claims, on a case with a list that does not enclose the issuer of
/// its signer; none on any other.
#[must_use]
pub fn claims(inquiry: &Inquiry<'_>, findings: &[Finding]) -> Vec<Claim> {
    let case = inquiry.case;
    let Some(gap) = inquiry.list_gaps.first() else {
        return Vec::new();
    };
    let Some(list) = case.ctl(gap.ctl) else {
        return Vec::new();
    };
    let seen = gap.cites.clone();
    let caused = findings
        .iter()
        .find(|finding| finding.rule == CAUSE && finding.role <= Role::Contributing);
    let twin = whole_twin(case, list);
    let claims = [
        missing_issuer(list, &seen),
        proxy_is_the_cause(inquiry, caused),
        key_usage(list, twin.as_ref()),
        client_patch(list, twin.as_ref()),
        publisher_fixed_it(twin.as_ref()),
        told_by_size(list, twin.as_ref(), &seen),
        stale_at_the_proxy(findings),
        accounts_locked(case),
        ignores_user_proxy(findings),
        needs_reboot(),
    ];
    claims.into_iter().collect()
}

/// The same list, by content and signer, that encloses the issuer.
fn whole_twin<'a>(case: &'a Case, list: &Ctl) -> Option<(&'a Ctl, Vec<Cite>)> {
    let signer = list.signer.as_ref()?;
    case.authroot_lists().find_map(|(index, other)| {
        let same = other.sequence_number == list.sequence_number
            && other.this_update == list.this_update
            && other.entries.len() == list.entries.len()
            && other.signer.as_ref().map(|it| it.sha256) == Some(signer.sha256)
            && other.sha256 != list.sha256
            && encloses_issuer(other, signer);
        let seen = || {
            let record = case.artifacts.get(index);
            record
                .into_iter()
                .flat_map(|record| record.seen.iter().map(|sight| sight.cite.clone()))
                .collect()
        };
        same.then(|| (other.as_ref(), seen()))
    })
}

fn claim(claim: &'static str, standing: Standing, because: String, cites: Vec<Cite>) -> Claim {
    Claim {
        claim,
        standing,
        because,
        cites: merged(cites),
    }
}

fn missing_issuer(list: &Ctl, seen: &[Cite]) -> Claim {
    let issuer = list
        .signer
        .as_ref()
        .map_or("its issuer", |signer| signer.issuer.short());
    claim(
        "The intermediate certificate is missing.",
        Standing::Supported,
        format!(
            "the list of {} UTC encloses its signer and not \"{issuer}\"{}; that alone breaks nothing where the certificate can be fetched",
            to_seconds(list.this_update),
            known_list(list)
        ),
        seen.to_vec(),
    )
}

/// Facts about one public list, known by its bytes; an addition to the checks
/// above, never their replacement. Source: Microsoft's `authrootstl.cab` of
/// 29,367 bytes from January 2011, unpacked with cabextract and hashed.
fn known_list(list: &Ctl) -> String {
    const FIRST_SIGNING: &str = "3331ad3b69eb76a0c58754d8be0020e0b45bf5f44662e32c51ac658900d3295d";
    if to_hex(&list.sha256) == FIRST_SIGNING {
        " (by its hash Microsoft's list of 2011-01-25, in its first signing)".to_owned()
    } else {
        String::new()
    }
}

fn proxy_is_the_cause(inquiry: &Inquiry<'_>, caused: Option<&Finding>) -> Claim {
    const CLAIM: &str = "The proxy configuration is the root cause.";
    match caused {
        Some(finding) => claim(
            CLAIM,
            Standing::Rejected,
            "the closed path is necessary and not sufficient: a list that encloses the issuer needs no such fetch, so both conditions must hold".to_owned(),
            finding.cites.clone(),
        ),
        None => claim(
            CLAIM,
            Standing::Open,
            "no attempt of the machine to fetch the issuer is seen to fail".to_owned(),
            inquiry.list_gaps.iter().flat_map(|gap| gap.cites.clone()).collect(),
        ),
    }
}

fn key_usage(list: &Ctl, twin: Option<&(&Ctl, Vec<Cite>)>) -> Claim {
    const CLAIM: &str = "The signer is not valid for the selected purpose (wrong key usage).";
    const LIST_SIGNER: &str = "1.3.6.1.4.1.311.10.3.9";
    let usage = list
        .signer
        .as_ref()
        .and_then(|signer| signer.extended_key_usage.value())
        .is_some_and(|usages| usages.iter().any(|usage| usage == LIST_SIGNER));
    match (usage, twin) {
        (true, Some((_, cites))) => claim(
            CLAIM,
            Standing::Rejected,
            "the signer has the usage of root lists, and the same signer stands under the list that encloses the issuer; the viewer's message is cosmetic".to_owned(),
            cites.clone(),
        ),
        (true, None) => claim(
            CLAIM,
            Standing::Rejected,
            "the signer has the usage of root lists (1.3.6.1.4.1.311.10.3.9), which is what Windows asks for; the viewer's message is cosmetic".to_owned(),
            Vec::new(),
        ),
        (false, _) => claim(
            CLAIM,
            Standing::Supported,
            "the signer lacks the usage of root lists".to_owned(),
            Vec::new(),
        ),
    }
}

fn client_patch(list: &Ctl, twin: Option<&(&Ctl, Vec<Cite>)>) -> Claim {
    const CLAIM: &str = "A Windows patch changed the behavior.";
    let from = list
        .signer
        .as_ref()
        .map(|signer| to_seconds(signer.not_before))
        .unwrap_or_default();
    let (standing, more) = match twin {
        Some(_) => (
            Standing::Rejected,
            ": the object changed at its publisher, no client did, and another signing of the same list needs no fetch",
        ),
        None => (
            Standing::Open,
            ": the object changed then, which needs no patch; whether one was installed is in the machine's log",
        ),
    };
    claim(
        CLAIM,
        standing,
        format!(
            "the list is of {} UTC and its signer valid from {from} UTC{more}",
            to_seconds(list.this_update)
        ),
        twin.map(|(_, cites)| cites.clone()).unwrap_or_default(),
    )
}

fn publisher_fixed_it(twin: Option<&(&Ctl, Vec<Cite>)>) -> Claim {
    const CLAIM: &str = "The publisher repaired it by a new file.";
    match twin {
        Some((_, cites)) => claim(
            CLAIM,
            Standing::Supported,
            "a second signing is in the evidence: same sequence number, same entries, same signer, and the issuer enclosed".to_owned(),
            cites.clone(),
        ),
        None => claim(
            CLAIM,
            Standing::Open,
            "no other signing of the same list is in the evidence".to_owned(),
            Vec::new(),
        ),
    }
}

fn told_by_size(list: &Ctl, twin: Option<&(&Ctl, Vec<Cite>)>, seen: &[Cite]) -> Claim {
    const CLAIM: &str = "The old and the new file can be told by their size.";
    let size = list.der.len();
    match twin {
        Some((whole, cites)) => claim(
            CLAIM,
            Standing::Supported,
            format!(
                "{size} bytes without the issuer, {} bytes with it; the hash decides, a size only hints",
                whole.der.len()
            ),
            [seen, cites.as_slice()].concat(),
        ),
        None => claim(
            CLAIM,
            Standing::Open,
            format!("only one file is here ({size} bytes unpacked); a size alone proves nothing"),
            seen.to_vec(),
        ),
    }
}

fn stale_at_the_proxy(findings: &[Finding]) -> Claim {
    const CLAIM: &str = "One computer was healed when another one was (the proxy's cache).";
    let stale = findings.iter().find(|finding| {
        finding.rule == "intermediary-serves-stale" && finding.role != Role::RuledOut
    });
    match stale {
        Some(finding) => claim(CLAIM, Standing::Supported, finding.summary.clone(), finding.cites.clone()),
        None => claim(
            CLAIM,
            Standing::Open,
            "no two answers for one URL through one proxy are in the evidence that would show a stale copy".to_owned(),
            Vec::new(),
        ),
    }
}

fn accounts_locked(case: &Case) -> Claim {
    const CLAIM: &str = "Accounts are locked out by these downloads.";
    let refused: Vec<&Retrieval> = case
        .retrievals
        .iter()
        .filter(|retrieval| {
            retrieval.outcome == Outcome::ProxyLogin && retrieval.route.login == Login::Refused
        })
        .collect();
    let cites: Vec<Cite> = refused.iter().flat_map(|it| it.cites.clone()).collect();
    let because = if refused.is_empty() {
        "no login with a name was refused by a proxy here; the domain controller's log would tell"
            .to_owned()
    } else {
        format!(
            "{} logins were refused by a proxy; whether that locks an account depends on the domain's threshold",
            refused.len()
        )
    };
    claim(CLAIM, Standing::Open, because, cites)
}

fn ignores_user_proxy(findings: &[Finding]) -> Claim {
    const CLAIM: &str = "WinHTTP ignores the proxy set in Internet Explorer.";
    let gap = findings
        .iter()
        .find(|finding| finding.rule == "identity-proxy-gap" && finding.role != Role::RuledOut);
    match gap {
        Some(finding) => claim(
            CLAIM,
            Standing::Open,
            format!(
                "this machine took two routes, and which one an account takes depends on the Windows version and on that account's own settings: {}",
                finding.summary
            ),
            finding.cites.clone(),
        ),
        None => claim(
            CLAIM,
            Standing::Open,
            "the routes of two accounts are not both in the evidence; netsh winhttp show proxy and the hives of the services would tell".to_owned(),
            Vec::new(),
        ),
    }
}

fn needs_reboot() -> Claim {
    claim(
        "It needs a reboot, and once a root is in, it stays fixed.",
        Standing::Open,
        "what Windows keeps in memory and in its stores is not in captures and caches; the stores (hives) and event 4097 would tell".to_owned(),
        Vec::new(),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::collections::BTreeSet;

    use super::*;
    use crate::diagnosis::Diagnosis;
    use crate::diagnosis::fixtures::{CTL, PCA, Story, broken_list, whole_list};
    use crate::pki::Artifact;
    use crate::retrieval::ObjectKind;

    fn with(list: &std::sync::Arc<Ctl>) -> Story {
        Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .brings(&Artifact::Ctl(list.clone()))
    }

    fn standing(diagnosis: &Diagnosis, start: &str) -> Standing {
        let mut claims = diagnosis.claims.iter();
        claims
            .find(|claim| claim.claim.starts_with(start))
            .unwrap()
            .standing
    }

    #[test]
    fn a_case_with_the_list_judges_each_claim_once() {
        let diagnosis = with(&broken_list())
            .fetch(ObjectKind::AiaCert, PCA, Outcome::Refused, (10, 11))
            .rejects(&["leaf", "issuing-ca"], (9, 12))
            .diagnosis();
        let texts: BTreeSet<&str> = diagnosis.claims.iter().map(|it| it.claim).collect();
        assert_eq!(texts.len(), diagnosis.claims.len());
        assert_eq!(diagnosis.claims.len(), 10);
        assert_eq!(
            standing(&diagnosis, "The intermediate"),
            Standing::Supported
        );
        assert_eq!(standing(&diagnosis, "The publisher"), Standing::Open);
        assert_eq!(standing(&diagnosis, "Accounts"), Standing::Open);
    }

    #[test]
    fn no_other_case_speaks_of_them() {
        assert!(with(&whole_list()).diagnosis().claims.is_empty());
        assert!(Story::new().diagnosis().claims.is_empty());
    }

    #[test]
    fn the_second_signing_rejects_the_patch_and_supports_the_repair() {
        let both = with(&broken_list())
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (20, 21))
            .brings(&Artifact::Ctl(whole_list()))
            .diagnosis();
        assert_eq!(standing(&both, "A Windows patch"), Standing::Rejected);
        assert_eq!(standing(&both, "The publisher"), Standing::Supported);
    }

    #[test]
    fn the_public_list_is_known_by_its_bytes_alone() {
        let mut list = std::sync::Arc::unwrap_or_clone(broken_list());
        assert_eq!(known_list(&list), "");
        // sha256sum of what cabextract takes out of the cabinet of January 2011.
        list.sha256 = [
            0x33, 0x31, 0xad, 0x3b, 0x69, 0xeb, 0x76, 0xa0, 0xc5, 0x87, 0x54, 0xd8, 0xbe, 0x00,
            0x20, 0xe0, 0xb4, 0x5b, 0xf5, 0xf4, 0x46, 0x62, 0xe3, 0x2c, 0x51, 0xac, 0x65, 0x89,
            0x00, 0xd3, 0x29, 0x5d,
        ];
        assert!(known_list(&list).ends_with("in its first signing)"));
    }
}
