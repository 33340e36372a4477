#![doc = include_str!("../../docs/rules/crl-not-applicable.md")]

use super::inquiry::Inquiry;
use super::proposal::{Proposal, Rule};
use super::statuses::{self, Told};
use crate::case::status::Presence;
use crate::chain::{SourceKind, StatusFault};

/// The rule.
pub const RULE: Rule = Rule {
    id: "crl-not-applicable",
    doc: include_str!("../../docs/rules/crl-not-applicable.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut found = statuses::proposals(inquiry, RULE.id, |element, source, fault| {
        let (StatusFault::Scope(why) | StatusFault::Signer(why) | StatusFault::Form(why)) = fault
        else {
            return None;
        };
        if source.kind == SourceKind::Ocsp {
            return None;
        }
        let name = element.certificate.subject.short();
        Some(Told {
            summary: format!(
                "The CRL of {} does not tell whether \"{name}\" is revoked: {why}.",
                source.this_update
            ),
            remedy: REMEDY,
        })
    });
    found.extend(of_other_issuers(inquiry));
    found
}

/// CRLs from a certificate's own address that somebody else issued: the engine,
/// which looks for the issuer's name, has no use for them at all.
fn of_other_issuers(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    statuses::of_unknown(inquiry, RULE.id, |_, status, element| {
        let certificate = &element.certificate;
        let points = certificate.crl_distribution_points.value();
        let mut points = points.into_iter().flatten();
        if points.any(|point| !point.crl_issuer.is_empty()) {
            return None;
        }
        let mut at_hand = status.copies.iter().filter(|copy| {
            copy.presence == Presence::Yes && copy.kind == SourceKind::Crl && copy.says.is_none()
        });
        let crl = at_hand.find_map(|copy| {
            let crl = inquiry.case.crl(copy.artifact)?;
            (crl.issuer.der != certificate.issuer.der).then_some(crl)
        })?;
        let told = Told {
            summary: format!(
                "The CRL of {} from the address in \"{}\" does not tell whether that is revoked: \"{}\" issued it, and the certificate is of \"{}\".",
                crl.this_update,
                certificate.subject.short(),
                crl.issuer.short(),
                certificate.issuer.short()
            ),
            remedy: REMEDY,
        };
        Some((told, statuses::cites_of(inquiry, status)))
    })
}

const REMEDY: &str = "Publish the right CRL at the address in the certificate, with the same URL in its issuingDistributionPoint. A CRL that fits shows that it worked.";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::statuses::samples;

    const RULE: &str = "crl-not-applicable";

    #[test]
    fn it_explains_a_refusal_after_which_nothing_else_is_wrong() {
        for name in [
            "crl-other-point.crl",
            "crl-other-key.crl",
            "crl-other-issuer.crl",
        ] {
            samples::explains(RULE, name);
        }
    }

    #[test]
    fn it_is_proven_when_the_root_is_known_to_be_trusted() {
        samples::is_proven_under_a_given_root(RULE, "crl-other-point.crl");
    }

    #[test]
    fn it_is_quiet_when_another_source_serves() {
        samples::is_quiet_beside_another_source(RULE, "crl-other-point.crl");
    }

    #[test]
    fn it_is_quiet_for_its_look_alikes_and_for_a_connection_that_went_on() {
        let others = [
            "crl-expired.crl",
            "crl-in-force.crl",
            "ocsp-not-entitled.der",
        ];
        samples::is_quiet_for(RULE, &others, "crl-other-point.crl");
    }
}
