#![doc = include_str!("../../docs/rules/proxy-auth-required.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use crate::retrieval::{Login, Outcome, Retrieval};

/// The rule.
pub const RULE: Rule = Rule {
    id: "proxy-auth-required",
    doc: include_str!("../../docs/rules/proxy-auth-required.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
        if retrieval.outcome != Outcome::ProxyLogin {
            return None;
        }
        let proxy = retrieval.route.proxy.or(retrieval.server);
        // The log of a proxy does not have its own address.
        let named = proxy.map_or_else(String::new, |proxy| format!(" {proxy}"));
        let proxy = proxy.map_or_else(|| "the proxy".to_owned(), |proxy| proxy.to_string());
        let (who, status) = match retrieval.status {
            Some(401) => ("The server", 401),
            _ => ("The proxy", 407),
        };
        let then = match retrieval.route.login {
            Login::Refused => refused(retrieval),
            _ => "and no credentials were sent".to_owned(),
        };
        let schemes = schemes(retrieval);
        Some(Fault {
            summary: format!(
                "{who}{named} asked for a login ({status}{schemes}) before giving out the {}{}, {then}.",
                retrieval.object.phrase(),
                retrieval
                    .host
                    .as_ref()
                    .map_or_else(String::new, |host| format!(" from {host}"))
            ),
            remedy: format!(
                "Let requests for {} pass {proxy} without a login: Windows services do not log on to a proxy. A request for the same URL answered with 200 shows that it worked.",
                retrieval.host.as_deref().unwrap_or("the certificate hosts")
            ),
            hop: proxy,
            checked: true,
            inferred: 0,
        })
    })
}

/// Whose credentials were refused, as far as they say.
fn refused(retrieval: &Retrieval) -> String {
    let login = retrieval.route.authentication.as_ref();
    let identity = login.and_then(|login| login.identity.as_ref());
    match identity {
        Some(identity) if identity.is_machine_account() => {
            format!("and refused {identity}, the account of the machine itself")
        }
        Some(identity) => format!("and refused {identity}"),
        None => "and refused the credentials that were sent".to_owned(),
    }
}

/// The schemes offered, names only: `: Negotiate, NTLM`.
fn schemes(retrieval: &Retrieval) -> String {
    let mut names: Vec<&str> = Vec::new();
    for field in ["Proxy-Authenticate", "WWW-Authenticate"] {
        for value in retrieval.response_headers.all(field) {
            let name = value
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .trim_end_matches(',');
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if names.is_empty() {
        String::new()
    } else {
        format!(": {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, Story};
    use crate::protocol::proxy_auth::Identity;
    use crate::retrieval::{Authentication, Login, ObjectKind, Outcome};

    fn story() -> Story {
        Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::ProxyLogin, (10, 11))
            .by_proxy()
            .headers(&[
                ("Proxy-Authenticate", "Negotiate"),
                ("Proxy-Authenticate", "NTLM"),
            ])
    }

    #[test]
    fn a_login_that_nobody_gives_is_the_cause() {
        let diagnosis = story().rejects(&["leaf"], (9, 12)).diagnosis();
        assert_eq!(
            diagnosis.causes()[0],
            ("proxy-auth-required", Role::RootCause, "proven")
        );
        assert_eq!(
            diagnosis.findings[0].summary,
            "The proxy 10.0.0.8:3128 asked for a login (407: Negotiate, NTLM) before giving out the issuer certificate from aia.example, and no credentials were sent."
        );
    }

    #[test]
    fn a_407_that_is_followed_by_the_object_is_no_failure() {
        let diagnosis = story()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (11, 12))
            .by_proxy()
            .rejects(&["leaf"], (9, 13))
            .diagnosis();
        assert!(diagnosis.of("proxy-auth-required").is_empty());
        assert!(diagnosis.causes().is_empty());
    }

    #[test]
    fn whose_credentials_were_refused_is_told() {
        let diagnosis = story()
            .with(|it| {
                it.route.login = Login::Refused;
                it.route.authentication = Some(Authentication {
                    identity: Some(Identity {
                        user: Some("PC-17$".into()),
                        domain: Some("CORP".into()),
                        ..Identity::default()
                    }),
                    ..Authentication::default()
                });
            })
            .diagnosis();
        let summary = &diagnosis.of("proxy-auth-required")[0].summary;
        assert!(
            summary.ends_with("and refused CORP\\PC-17$, the account of the machine itself."),
            "{summary}"
        );
    }

    #[test]
    fn a_refusal_without_a_login_is_another_cause() {
        let story = Story::new().fetch(ObjectKind::AiaCert, AIA, Outcome::Forbidden, (10, 11));
        assert!(
            story
                .by_proxy()
                .diagnosis()
                .of("proxy-auth-required")
                .is_empty()
        );
    }
}
