//! Challenges and credentials of HTTP logins: who logs on, never with what.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::negotiate::{NegotiateToken, negotiate_token};
use super::ntlm::NtlmMessage;

/// Who logs on, as far as the credentials say so in clear.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Identity {
    /// The account.
    pub user: Option<String>,
    /// Its domain or realm.
    pub domain: Option<String>,
    /// The machine the credentials come from, as the client says (NTLM).
    pub workstation: Option<String>,
    /// The service a Kerberos ticket is for.
    pub service: Option<String>,
}

impl Identity {
    /// True for the account of a machine, `HOST$`: what services that run as
    /// SYSTEM or NETWORK SERVICE log on with.
    #[must_use]
    pub fn is_machine_account(&self) -> bool {
        self.user
            .as_ref()
            .is_some_and(|user| user.len() > 1 && user.ends_with('$'))
    }

    /// `user`, `machine`, `anonymous` or `unknown` (Kerberos hides the name).
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match (&self.user, &self.service) {
            (Some(_), _) if self.is_machine_account() => "machine",
            (Some(_), _) => "user",
            (None, Some(_)) => "unknown",
            (None, None) => "anonymous",
        }
    }

    /// The machine's own name: of its account, else as the workstation says.
    #[must_use]
    pub fn machine_name(&self) -> Option<&str> {
        let account = self.user.as_deref().filter(|_| self.is_machine_account());
        account
            .map(|user| user.trim_end_matches('$'))
            .or(self.workstation.as_deref())
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.domain, &self.user) {
            (Some(domain), Some(user)) => write!(f, "{domain}\\{user}"),
            (None, Some(user)) => f.write_str(user),
            (Some(domain), None) if self.service.is_some() => {
                write!(f, "an account of {domain} (its name is encrypted)")
            }
            _ if self.service.is_some() => f.write_str("an account whose name is encrypted"),
            _ => f.write_str("the anonymous account"),
        }
    }
}

/// Where in a login a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The first message of several, which proves nothing yet.
    Offer,
    /// The proof.
    Proof,
}

/// The credentials of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `NTLM`, `Negotiate`, `Kerberos` (inside Negotiate), `Basic`, `Digest`, or as sent.
    pub scheme: String,
    /// Offer or proof.
    pub step: Step,
    /// Who; `None` where the message names nobody.
    pub identity: Option<Identity>,
}

/// Reads the value of `Authorization` or `Proxy-Authorization`. Passwords,
/// responses and tokens are never returned.
///
/// Spec: RFC 9110 §11.6.2, RFC 7617 (Basic), RFC 7616 §3.4 (Digest), RFC 4559
/// (Negotiate), MS-NTHT 2.2 (NTLM).
#[must_use]
pub fn credentials(value: &str) -> Option<Credentials> {
    let (scheme, token) = value.trim().split_once(' ')?;
    let made = |scheme: &str, step, identity| {
        Some(Credentials {
            scheme: scheme.to_owned(),
            step,
            identity,
        })
    };
    let named = |user: Option<String>, domain: Option<String>| Identity {
        user,
        domain,
        ..Identity::default()
    };
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => {
            let decoded = decoded(token);
            let colon = decoded.as_deref().and_then(|text| {
                let end = text.iter().position(|byte| *byte == b':')?;
                text.get(..end)
            });
            let user = colon.map(|user| String::from_utf8_lossy(user).into_owned());
            made("Basic", Step::Proof, user.map(in_domain))
        }
        "digest" => {
            let user = parameter(token, "username");
            let realm = parameter(token, "realm");
            made(
                "Digest",
                Step::Proof,
                user.map(|user| named(Some(user), realm)),
            )
        }
        "ntlm" | "negotiate" => {
            let outer = match scheme.eq_ignore_ascii_case("ntlm") {
                true => "NTLM",
                false => "Negotiate",
            };
            let bytes = decoded(token).unwrap_or_default();
            match negotiate_token(&bytes) {
                NegotiateToken::Ntlm(message) => of_ntlm(outer, message),
                NegotiateToken::Kerberos { realm, service } => {
                    let identity = Identity {
                        domain: realm,
                        service: Some(service.unwrap_or_else(|| "unknown".to_owned())),
                        ..Identity::default()
                    };
                    made("Kerberos", Step::Proof, Some(identity))
                }
                NegotiateToken::KerberosError { .. } | NegotiateToken::Other => {
                    made(outer, Step::Offer, None)
                }
            }
        }
        _ if scheme.len() <= MAX_SCHEME => made(scheme, Step::Proof, None),
        _ => None,
    }
}

fn of_ntlm(outer: &str, message: NtlmMessage) -> Option<Credentials> {
    let (step, identity) = match message {
        NtlmMessage::Authenticate {
            domain,
            user,
            workstation,
        } => {
            let identity = Identity {
                user,
                domain,
                workstation,
                service: None,
            };
            (Step::Proof, Some(identity))
        }
        _ => (Step::Offer, None),
    };
    Some(Credentials {
        scheme: match outer {
            "NTLM" => "NTLM".to_owned(),
            _ => "NTLM in Negotiate".to_owned(),
        },
        step,
        identity,
    })
}

/// `DOMAIN\user` in its parts.
fn in_domain(user: String) -> Identity {
    let (domain, user) = match user.split_once('\\') {
        Some((domain, user)) => (Some(domain.to_owned()), user.to_owned()),
        None => (None, user),
    };
    Identity {
        user: Some(user),
        domain,
        ..Identity::default()
    }
}

/// A scheme that a server offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Its name as sent.
    pub scheme: String,
    /// `realm`, where one is given.
    pub realm: Option<String>,
    /// What the server's NTLM message names: its domain or own name.
    pub target: Option<String>,
}

/// Reads the values of `Proxy-Authenticate` or `WWW-Authenticate`: several
/// fields, several challenges in one field, or both.
///
/// Spec: RFC 9110 §11.6.1.
#[must_use]
pub fn challenges<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    for value in values.into_iter().take(MAX_CHALLENGES) {
        for part in outside_quotes(value) {
            let part = part.trim();
            let (word, rest) = part.split_once(' ').unwrap_or((part, ""));
            // A part that begins with `name=` is a parameter of the one before.
            if word.is_empty() || word.contains('=') {
                if let Some(last) = found.last_mut() {
                    last.realm = last.realm.take().or_else(|| parameter(part, "realm"));
                }
                continue;
            }
            if word.len() > MAX_SCHEME || found.len() >= MAX_CHALLENGES {
                continue;
            }
            let token = decoded(rest).map(|bytes| negotiate_token(&bytes));
            let target = match token {
                Some(NegotiateToken::Ntlm(NtlmMessage::Challenge { target, server })) => {
                    target.or(server)
                }
                _ => None,
            };
            found.push(Challenge {
                scheme: word.to_owned(),
                realm: parameter(rest, "realm"),
                target,
            });
        }
    }
    found
}

/// `SCRAM-SHA-256`, `Negotiate`.
const MAX_SCHEME: usize = 20;
/// Proxies offer up to five.
const MAX_CHALLENGES: usize = 16;
/// A Kerberos token with many groups has 65,535 bytes at most.
const MAX_TOKEN: usize = 96 * 1024;

fn decoded(token: &str) -> Option<Vec<u8>> {
    let token = token.trim();
    (!token.is_empty() && token.len() <= MAX_TOKEN)
        .then(|| TOLERANT.decode(token).ok())
        .flatten()
}

const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The pieces between commas that no quotes enclose.
fn outside_quotes(value: &str) -> Vec<&str> {
    let mut quoted = false;
    let parts = value.split(move |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    parts.collect()
}

/// `name="value"` or `name=value`.
fn parameter(text: &str, name: &str) -> Option<String> {
    for part in outside_quotes(text) {
        let Some((key, value)) = part.split_once('=') else {
            continue;
        };
        if key
            .rsplit(' ')
            .next()
            .is_some_and(|key| key.eq_ignore_ascii_case(name))
        {
            return Some(value.trim().trim_matches('"').to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn basic_and_digest_name_the_user_and_never_the_password() {
        // base64 of `LAB\alice:secret`
        let basic = credentials("Basic TEFCXGFsaWNlOnNlY3JldA==").unwrap();
        assert_eq!(basic.identity.as_ref().unwrap().to_string(), "LAB\\alice");
        assert!(!format!("{basic:?}").contains("secret"));
        let digest = "Digest username=\"bob\", realm=\"px\", response=\"0123\", uri=\"/\"";
        let digest = credentials(digest).unwrap();
        assert_eq!(digest.identity.as_ref().unwrap().to_string(), "px\\bob");
        assert!(!format!("{digest:?}").contains("0123"));
    }

    #[test]
    fn the_offer_of_ntlm_names_nobody() {
        let offer = credentials("NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA=").unwrap();
        assert_eq!(
            (offer.scheme.as_str(), offer.step, offer.identity),
            ("NTLM", Step::Offer, None)
        );
    }

    #[test]
    fn a_machine_account_is_told_by_its_dollar() {
        let identity = |user: &str| in_domain(user.to_owned());
        assert_eq!(identity("LAB\\PC-17$").kind(), "machine");
        assert_eq!(identity("LAB\\PC-17$").machine_name(), Some("PC-17"));
        assert_eq!(identity("alice").kind(), "user");
        assert_eq!(identity("$").kind(), "user");
        assert_eq!(Identity::default().kind(), "anonymous");
    }

    #[test]
    fn challenges_in_one_field_and_in_several_are_the_same() {
        let names = |values: &[&str]| -> Vec<String> {
            let found = challenges(values.iter().copied());
            found.into_iter().map(|it| it.scheme).collect()
        };
        let want = ["Negotiate", "NTLM", "Basic", "Digest"];
        let one = r#"Negotiate, NTLM, Basic realm="a, b", Digest realm="x", nonce="y""#;
        assert_eq!(names(&[one]), want);
        assert_eq!(
            names(&[
                "Negotiate",
                "NTLM",
                "Basic realm=\"a, b\"",
                "Digest nonce=1, realm=x"
            ]),
            want
        );
        assert_eq!(challenges([one])[2].realm.as_deref(), Some("a, b"));
    }

    #[test]
    fn a_value_that_is_the_secret_itself_is_nothing() {
        assert_eq!(credentials("0123456789abcdef"), None);
        let long = format!("{} x", "a".repeat(40));
        assert_eq!(credentials(&long), None);
    }
}
