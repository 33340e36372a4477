//! Who logged on where: the identity of an attempt, and how often each one
//! tried and was refused.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::protocol::http::{Exchange, Headers};
use crate::protocol::proxy_auth::{Credentials, Identity, Step, challenges, credentials};
use crate::provenance::{Cite, Sighting, merged};
use crate::time::{Span, Timestamp};

use super::Observed;

/// The login of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authentication {
    /// Schemes offered, in order.
    pub offered: Vec<String>,
    /// The realm, or the domain that an NTLM challenge names.
    pub realm: Option<String>,
    /// The scheme used; `NTLM in Negotiate` and `Kerberos` are both `Negotiate`.
    pub scheme: Option<String>,
    /// Requests that carried credentials, offers included.
    pub rounds: u32,
    /// Who, as far as the credentials say so in clear.
    pub identity: Option<Identity>,
    /// The identity is that of an earlier login of the same connection: NTLM
    /// and Negotiate authenticate connections, not requests.
    pub by_connection: bool,
}

/// What the rounds of an attempt show; `None` without any sign of a login.
/// `earlier` are the exchanges before it in the same connection.
pub(super) fn authentication(rounds: &[&Exchange], earlier: &[Exchange]) -> Option<Authentication> {
    let mut found = Authentication::default();
    for exchange in rounds {
        if let Some(response) = exchange.response.as_ref().filter(|it| is_demand(it.status)) {
            for challenge in challenges_of(&response.headers) {
                if !found.offered.contains(&challenge.scheme) {
                    found.offered.push(challenge.scheme);
                }
                found.realm = challenge.target.or(challenge.realm).or(found.realm.take());
            }
        }
        if let Some(sent) = sent(exchange) {
            found.rounds += 1;
            found.identity = sent.identity.or(found.identity.take());
            found.scheme = Some(sent.scheme);
        }
    }
    if found.rounds == 0
        && let Some(before) = earlier.iter().rev().find_map(proof)
    {
        found.scheme = Some(before.scheme);
        found.identity = before.identity;
        found.by_connection = true;
    }
    (found != Authentication::default()).then_some(found)
}

fn is_demand(status: u16) -> bool {
    matches!(status, 401 | 407)
}

fn challenges_of(headers: &Headers) -> Vec<crate::protocol::proxy_auth::Challenge> {
    let fields = headers
        .all("Proxy-Authenticate")
        .chain(headers.all("WWW-Authenticate"));
    challenges(fields)
}

fn sent(exchange: &Exchange) -> Option<Credentials> {
    let headers = &exchange.request.as_ref()?.headers;
    let mut values = headers
        .all("Proxy-Authorization")
        .chain(headers.all("Authorization"));
    values.find_map(credentials)
}

/// An accepted login that holds for the whole connection.
fn proof(exchange: &Exchange) -> Option<Credentials> {
    let accepted = exchange
        .response
        .as_ref()
        .is_some_and(|it| !is_demand(it.status));
    let sent = sent(exchange).filter(|_| accepted)?;
    let of_connection = sent.scheme.starts_with("NTLM") || sent.scheme == "Kerberos";
    (of_connection && sent.step == Step::Proof).then_some(sent)
}

/// How often one identity logged on at one server, for accounts that get locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginCount {
    /// The vantage point.
    pub vantage: u32,
    /// Where the logins came from.
    pub client: IpAddr,
    /// Who was asked: a proxy or a web server.
    pub server: SocketAddr,
    /// True for a proxy (407), false for a server (401 or unasked).
    pub at_proxy: bool,
    /// The scheme.
    pub scheme: String,
    /// Who; `None` where the credentials name nobody.
    pub identity: Option<Identity>,
    /// Proofs sent: what a domain controller counts.
    pub attempts: u64,
    /// Of these, refused.
    pub refused: u64,
    /// First proof.
    pub first_at: Timestamp,
    /// Last proof.
    pub last_at: Timestamp,
    /// The shortest time between two refused ones.
    pub shortest: Option<Span>,
    /// The frames.
    pub cites: Vec<Cite>,
}

type Key = (u32, IpAddr, SocketAddr, bool, String, Option<Identity>);

/// Counts all logins of a case, of exchanges that do not matter for validation
/// too: an account is locked by them all the same. In order of the first one.
#[must_use]
pub fn login_counts(observed: &[Observed]) -> Vec<LoginCount> {
    let mut proofs: BTreeMap<Key, Vec<(Sighting, bool)>> = BTreeMap::new();
    for seen in observed {
        for exchange in &seen.exchanges {
            let (Some(request), Some(sent)) = (&exchange.request, sent(exchange)) else {
                continue;
            };
            if sent.step != Step::Proof {
                continue;
            }
            let at_proxy = request.headers.get("Proxy-Authorization").is_some();
            let conversation = &seen.conversation;
            let key = (
                conversation.vantage,
                conversation.client.ip(),
                conversation.server,
                at_proxy,
                sent.scheme,
                sent.identity,
            );
            let refused = exchange
                .response
                .as_ref()
                .is_some_and(|it| is_demand(it.status) && !goes_on(&it.headers));
            if proofs.len() < MAX_IDENTITIES || proofs.contains_key(&key) {
                proofs
                    .entry(key)
                    .or_default()
                    .push((request.first, refused));
            }
        }
    }
    let mut counts: Vec<LoginCount> = proofs
        .into_iter()
        .filter_map(|(key, times)| count(key, times))
        .collect();
    counts.sort_by(|one, other| {
        (one.first_at, one.client, one.server, &one.cites).cmp(&(
            other.first_at,
            other.client,
            other.server,
            &other.cites,
        ))
    });
    counts
}

/// Identities counted; a day of a large office has some thousands.
const MAX_IDENTITIES: usize = 10_000;

/// True when the refusal carries the next message of Kerberos or SPNEGO.
fn goes_on(headers: &Headers) -> bool {
    let mut fields = headers
        .all("Proxy-Authenticate")
        .chain(headers.all("WWW-Authenticate"));
    fields.any(|value| {
        let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value, ""));
        let negotiates = ["NTLM", "Negotiate"]
            .iter()
            .any(|name| scheme.eq_ignore_ascii_case(name));
        negotiates && rest.trim().len() > MIN_TOKEN
    })
}

/// The shortest token of a negotiation that goes on.
const MIN_TOKEN: usize = 20;

fn count(key: Key, mut times: Vec<(Sighting, bool)>) -> Option<LoginCount> {
    times.sort_unstable();
    let refused: Vec<Timestamp> = times
        .iter()
        .filter(|(_, refused)| *refused)
        .map(|(sighting, _)| sighting.at)
        .collect();
    let between = refused.windows(2).filter_map(|pair| match pair {
        [one, other] => Some(other.since(*one)),
        _ => None,
    });
    let (vantage, client, server, at_proxy, scheme, identity) = key;
    Some(LoginCount {
        vantage,
        client,
        server,
        at_proxy,
        scheme,
        identity,
        attempts: times.len() as u64,
        refused: refused.len() as u64,
        first_at: times.first()?.0.at,
        last_at: times.last()?.0.at,
        shortest: between.min(),
        cites: merged(times.iter().map(|(sighting, _)| sighting.cite())),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::Talk;
    use super::*;

    const URL: &str = "http://crl.example/a.crl";
    const OFFER: &str = "NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA=";
    const CHALLENGE: &str =
        "NTLM TlRMTVNTUAACAAAABgAGADAAAAAFgomiAAAAAAAAAAAAAAAAAAAAAAAAAAA2AAAATABBAEIA";
    /// Domain LAB, user PC-17$, workstation PC-17, made by the layout of MS-NLMP
    /// 2.2.1.3 with responses of zeros.
    const ANSWER: &str = "NTLM TlRMTVNTUAADAAAAAAAAAEAAAAAAAAAAQAAAAAYABgBAAAAADAAMAEYAAAAKAAoAUgAAAAAAAABcAAAABQKIokwAQQBCAFAAQwAtADEANwAkAFAAQwAtADEANwA=";

    fn round(talk: Talk, sent: &[&str], status: u16, asked: &[&str]) -> Talk {
        let sent: Vec<_> = sent.iter().map(|it| ("Proxy-Authorization", *it)).collect();
        let asked: Vec<_> = asked.iter().map(|it| ("Proxy-Authenticate", *it)).collect();
        talk.ask("GET", URL, "crl.example", &sent)
            .answer_with(status, b"x", &asked)
    }

    fn login(status: u16) -> Observed {
        let talk = Talk::to("10.0.0.8:3128");
        let talk = round(talk, &[], 407, &["Negotiate", "NTLM"]);
        let talk = round(talk, &[OFFER], 407, &[CHALLENGE]);
        round(talk, &[ANSWER], status, &["Negotiate", "NTLM"]).observed()
    }

    #[test]
    fn an_attempt_tells_who_logged_on_with_what_after_which_offer() {
        let seen = login(200);
        let rounds: Vec<&Exchange> = seen.exchanges.iter().collect();
        let found = authentication(&rounds, &[]).unwrap();
        assert_eq!(found.offered, ["Negotiate", "NTLM"]);
        assert_eq!(found.scheme.as_deref(), Some("NTLM"));
        assert_eq!((found.rounds, found.realm.as_deref()), (2, Some("LAB")));
        let identity = found.identity.unwrap();
        assert_eq!(identity.to_string(), "LAB\\PC-17$");
        assert_eq!(identity.kind(), "machine");
        assert_eq!(identity.workstation.as_deref(), Some("PC-17"));
    }

    #[test]
    fn a_later_request_of_the_connection_has_its_identity() {
        let seen = login(200);
        let later = Talk::to("10.0.0.8:3128").get(URL, "crl.example");
        let later = later.answer(200, b"x").observed();
        let rounds: Vec<&Exchange> = later.exchanges.iter().collect();
        let found = authentication(&rounds, &seen.exchanges).unwrap();
        assert!(found.by_connection);
        assert_eq!(found.identity.unwrap().user.as_deref(), Some("PC-17$"));
        assert_eq!(authentication(&rounds, &login(407).exchanges), None);
    }

    #[test]
    fn refusals_are_counted_by_identity_with_the_time_between() {
        let again = |port: u16, start: f64| {
            let talk = Talk::to("10.0.0.8:3128").port(port).starting(start);
            let talk = round(talk, &[OFFER], 407, &[CHALLENGE]);
            round(talk, &[ANSWER], 407, &["Negotiate", "NTLM"]).observed()
        };
        let counts = login_counts(&[again(50_000, 0.0), again(50_001, 30.0), again(50_002, 40.0)]);
        let [only] = counts.as_slice() else {
            panic!("{counts:?}")
        };
        assert_eq!((only.attempts, only.refused), (3, 3));
        assert_eq!(only.shortest.map(Span::as_seconds), Some(10.0));
        assert!(only.at_proxy);
    }

    #[test]
    fn an_accepted_login_is_no_refusal() {
        let counts = login_counts(&[login(200)]);
        assert_eq!((counts[0].attempts, counts[0].refused), (1, 0));
        assert_eq!(counts[0].shortest, None);
    }
}
