//! Settings of the machine that keep a root or an issuer from coming, each in
//! a rule of its own.

use super::failure::FailureKind;
use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::joined;
use crate::case::questions::{host_of, names_root};
use crate::case::stores::is_on;
use crate::case::{Case, CaseChain};
use crate::chain::RootTrust;
use crate::host::hive::SettingValue;
use crate::provenance::Cite;
use crate::retrieval::ObjectKind;

#[doc = include_str!("../../docs/rules/root-update-disabled.md")]
pub const ROOT_UPDATE_DISABLED: Rule = Rule {
    id: "root-update-disabled",
    doc: include_str!("../../docs/rules/root-update-disabled.md"),
    apply: root_update_disabled,
};

#[doc = include_str!("../../docs/rules/root-update-redirect-bad.md")]
pub const ROOT_UPDATE_REDIRECT_BAD: Rule = Rule {
    id: "root-update-redirect-bad",
    doc: include_str!("../../docs/rules/root-update-redirect-bad.md"),
    apply: root_update_redirect_bad,
};

#[doc = include_str!("../../docs/rules/aia-disabled-by-policy.md")]
pub const AIA_DISABLED_BY_POLICY: Rule = Rule {
    id: "aia-disabled-by-policy",
    doc: include_str!("../../docs/rules/aia-disabled-by-policy.md"),
    apply: aia_disabled_by_policy,
};

/// Rejections with their chains.
fn rejected<'a>(inquiry: &'a Inquiry<'_>) -> impl Iterator<Item = (usize, &'a CaseChain)> {
    let rejected = inquiry.failures.iter().enumerate();
    rejected.filter_map(|(index, failure)| {
        let chain = inquiry.case.chains.get(failure.chain?)?;
        (failure.kind == FailureKind::Rejected && !chain.has_fault()).then_some((index, chain))
    })
}

fn machine_of(inquiry: &Inquiry<'_>, failure: usize) -> Option<usize> {
    inquiry.failures.get(failure)?.machine
}

fn cites_of(inquiry: &Inquiry<'_>, failure: usize, place: Cite) -> Vec<Cite> {
    let handshake = inquiry.handshake_of(failure);
    let mut cites = handshake.map(|it| it.cites.clone()).unwrap_or_default();
    cites.push(place);
    cites
}

/// True when the key of a setting was written after the failure: what it was
/// then is not known.
fn is_later(inquiry: &Inquiry<'_>, failure: usize, name: &str) -> bool {
    let at = inquiry.failures.get(failure).map(|failure| failure.at);
    let written = inquiry
        .case
        .setting(machine_of(inquiry, failure), name)
        .and_then(|(setting, _)| setting.written_at);
    matches!((written, at), (Some(written), Some(at)) if written > at)
}

/// True when any list of the evidence has the root that ends a chain.
fn is_in_a_list(case: &Case, chain: &CaseChain) -> bool {
    let Some(last) = chain.chains.first().and_then(|best| best.elements.last()) else {
        return false;
    };
    case.authroot_lists().any(|(_, list)| {
        let root = &last.certificate;
        list.entry_for(&root.sha1).is_some() || names_root(list, root)
    })
}

fn root_update_disabled(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    const NAME: &str = "DisableRootAutoUpdate";
    let mut proposals = Vec::new();
    for (failure, chain) in rejected(inquiry) {
        let machine = machine_of(inquiry, failure);
        let Some((setting, place)) = inquiry.case.setting(machine, NAME) else {
            continue;
        };
        let fetches = inquiry
            .case
            .retrievals
            .iter()
            .zip(&inquiry.case.retrieval_machines)
            .any(|(it, owner)| {
                *owner == machine && matches!(it.object, ObjectKind::Ctl | ObjectKind::RootCrt)
            });
        let trusted = chain
            .chains
            .first()
            .is_none_or(|best| best.root == RootTrust::Given);
        if !is_on(setting) || fetches || trusted || !is_in_a_list(inquiry.case, chain) {
            continue;
        }
        let basis = Basis {
            fault_seen: true,
            inferred: u8::from(is_later(inquiry, failure, NAME))
                + u8::from(!chain.is_untrusted_here()),
            ..Basis::default()
        };
        let site = chain.host.as_deref().unwrap_or("the server");
        proposals.push(Proposal {
            rule: ROOT_UPDATE_DISABLED.id,
            stance: Stance::Cause,
            confidence: Some(confidence(basis)),
            summary: format!(
                "The root of {site} is in Microsoft's list, and this machine does not add such roots by itself: its policy switches the automatic root update off ({NAME} = 1), and it fetched no list."
            ),
            remedy: "Distribute the root by group policy (Local Computer > Trusted Root Certification Authorities), or set DisableRootAutoUpdate to 0; keep EnableDisallowedCertAutoUpdate = 1. Event 4097 in the Application log, or the root in certutil -store AuthRoot, shows that it worked.".to_owned(),
            cites: cites_of(inquiry, failure, place),
            explains: vec![(failure, Precedence::RouteGap)],
            subject: NAME.to_owned(),
        });
    }
    joined(proposals)
}

fn root_update_redirect_bad(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    const NAME: &str = "RootDirUrl";
    let mut proposals = Vec::new();
    for (failure, _) in inquiry.failures.iter().enumerate() {
        let machine = machine_of(inquiry, failure);
        let Some((setting, place)) = inquiry.case.setting(machine, NAME) else {
            continue;
        };
        let SettingValue::Text(url) = &setting.value else {
            continue;
        };
        let Some(host) = host_of(url) else { continue };
        let links = inquiry.links.get(failure).into_iter().flatten();
        let of_host: Vec<usize> = links
            .filter(|link| matches!(link.need, Need::List | Need::Root | Need::Itself))
            .filter(|link| {
                let retrieval = inquiry.retrieval(link.retrieval);
                retrieval.is_some_and(|it| it.host.as_deref() == Some(host))
            })
            .map(|link| link.retrieval)
            .collect();
        let Some(first) = of_host.first().and_then(|it| inquiry.retrieval(*it)) else {
            continue;
        };
        let basis = Basis {
            fault_seen: true,
            inferred: u8::from(is_later(inquiry, failure, NAME)),
            poor_capture: inquiry.is_poor(first),
            ..Basis::default()
        };
        let mut cites = cites_of(inquiry, failure, place);
        cites.extend(inquiry.cites_of(&of_host));
        proposals.push(Proposal {
            rule: ROOT_UPDATE_REDIRECT_BAD.id,
            stance: Stance::Cause,
            confidence: Some(confidence(basis)),
            summary: format!(
                "This machine is told to get trust lists from {url} (RootDirUrl), and the attempt there {}.",
                super::network::outcome_phrase(first)
            ),
            remedy: format!(
                "Repair the server {host} and fill its folder by a scheduled certutil -syncWithWU, or remove RootDirUrl: it stays when the policy that set it goes. A list fetched from there, or event 4111, shows that it worked."
            ),
            cites,
            explains: vec![(failure, Precedence::RouteGap)],
            subject: host.to_owned(),
        });
    }
    joined(proposals)
}

fn aia_disabled_by_policy(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    /// `CERT_CHAIN_OPTION_DISABLE_AIA_URL_RETRIEVAL`.
    const NO_AIA: u32 = 2;
    let mut proposals = Vec::new();
    for (failure, chain) in rejected(inquiry) {
        let machine = machine_of(inquiry, failure);
        let options = inquiry.case.setting(machine, "Options").filter(
            |(it, _)| matches!(it.value, SettingValue::Number(number) if number & NO_AIA != 0),
        );
        let switch = inquiry
            .case
            .setting(machine, "DisableAIAUrlRetrieval")
            .filter(|(it, _)| is_on(it));
        let (Some((setting, place)), Some(missing)) = (options.or(switch), chain.missing_issuer())
        else {
            continue;
        };
        let tried = inquiry.case.attempts_for(machine, &missing.urls);
        if missing.urls.is_empty() || !tried.is_empty() {
            continue;
        }
        let basis = Basis {
            fault_seen: true,
            inferred: u8::from(is_later(inquiry, failure, setting.name)),
            ..Basis::default()
        };
        proposals.push(Proposal {
            rule: AIA_DISABLED_BY_POLICY.id,
            stance: Stance::Cause,
            confidence: Some(confidence(basis)),
            summary: format!(
                "The chain lacks \"{}\", which Windows would fetch from {}; a setting of this machine forbids it ({}), and no request for it was made.",
                missing.issuer,
                missing.urls.first().map(String::as_str).unwrap_or_default(),
                setting.name
            ),
            remedy: format!(
                "Let the server send \"{}\", or install it in Local Computer > Intermediate Certification Authorities by group policy, or clear the setting {}.",
                missing.issuer, setting.name
            ),
            cites: cites_of(inquiry, failure, place),
            explains: vec![(failure, Precedence::RouteGap)],
            subject: missing.issuer.clone(),
        });
    }
    joined(proposals)
}
