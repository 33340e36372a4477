//! Rounds of a login: which exchanges are one attempt, what became of the
//! login, and which header values must not be kept.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use crate::protocol::http::{Exchange, Headers};
use crate::time::{Span, Timestamp};

use super::{Login, Observed};

/// The place of an exchange: index of the conversation, index in it.
pub(super) type Place = (usize, usize);

/// Sorts all exchanges into attempts, each the rounds of one login in order;
/// nearly all have one round. Attempts are in order of their first round.
///
/// A round continues an attempt when the same client asks the same server for
/// the same thing with credentials, after a 401 or 407, on the same connection
/// or within [`LOGIN_WITHIN`]. A repetition without credentials is a retry and
/// stands alone; so does an NTLM negotiation that begins anew after a refusal.
pub(super) fn attempts(observed: &[Observed]) -> Vec<Vec<Place>> {
    let mut places: Vec<(Timestamp, u64, Place)> = Vec::new();
    for (conversation, seen) in observed.iter().enumerate() {
        for (index, exchange) in seen.exchanges.iter().enumerate() {
            let first = first_sight(seen, exchange);
            places.push((first.0, first.1, (conversation, index)));
        }
    }
    places.sort_unstable();
    let mut attempts: Vec<Vec<Place>> = Vec::with_capacity(places.len());
    let mut open: HashMap<Question<'_>, OpenLogin> = HashMap::new();
    for (at, _, place) in places {
        let (Some(seen), Some(exchange)) = (observed.get(place.0), at_place(observed, place))
        else {
            continue;
        };
        let question = question(seen, exchange);
        let continued = question
            .as_ref()
            .and_then(|question| open.get(question))
            .copied();
        let continued = continued.filter(|login| login.goes_on(place, at, exchange));
        let number = match continued {
            Some(login) => login.attempt,
            None => attempts.len(),
        };
        match attempts.get_mut(number) {
            Some(rounds) => rounds.push(place),
            None => attempts.push(vec![place]),
        }
        if let Some(question) = question {
            match is_refused(exchange) {
                true => {
                    let last_at = last_sight(exchange).unwrap_or(at);
                    let is_final = !challenge_goes_on(exchange) && has_credentials(exchange);
                    let login = OpenLogin {
                        attempt: number,
                        connection: place.0,
                        last_at,
                        is_final,
                    };
                    open.insert(question, login);
                }
                false => {
                    open.remove(&question);
                }
            }
        }
    }
    attempts
}

/// Longer than any client needs to answer a challenge on a new connection,
/// shorter than a person at a login dialog or a scheduled retry.
pub const LOGIN_WITHIN: i64 = 10;

/// The exchange at a place.
pub(super) fn at_place(observed: &[Observed], place: Place) -> Option<&Exchange> {
    observed.get(place.0)?.exchanges.get(place.1)
}

#[derive(Debug, Clone, Copy)]
struct OpenLogin {
    attempt: usize,
    connection: usize,
    last_at: Timestamp,
    /// Credentials were sent and turned down, no step of a negotiation.
    is_final: bool,
}

impl OpenLogin {
    fn goes_on(&self, place: Place, at: Timestamp, exchange: &Exchange) -> bool {
        let near = at.since(self.last_at) <= Span::seconds(LOGIN_WITHIN);
        let in_time = near || place.0 == self.connection;
        let starts_anew = self.is_final && begins_ntlm(exchange);
        in_time && has_credentials(exchange) && !starts_anew
    }
}

/// What makes two requests the same: vantage, client, server, method, target, host.
type Question<'a> = (u32, IpAddr, SocketAddr, &'a str, &'a str, Option<&'a str>);

fn question<'a>(seen: &Observed, exchange: &'a Exchange) -> Option<Question<'a>> {
    let request = exchange.request.as_ref()?;
    let conversation = &seen.conversation;
    let client = conversation.client.ip();
    let host = request.headers.get("Host");
    let (method, target) = (request.method.as_str(), request.target.as_str());
    Some((
        conversation.vantage,
        client,
        conversation.server,
        method,
        target,
        host,
    ))
}

/// When, and in which frame, an exchange was first seen.
pub(super) fn first_sight(seen: &Observed, exchange: &Exchange) -> (Timestamp, u64) {
    let request = exchange.request.as_ref().map(|request| request.first);
    let response = exchange.response.as_ref().map(|response| response.first);
    let first = request.or(response).unwrap_or(seen.conversation.first);
    (first.at, first.packet)
}

fn last_sight(exchange: &Exchange) -> Option<Timestamp> {
    exchange.response.as_ref().map(|response| response.last.at)
}

fn is_refused(exchange: &Exchange) -> bool {
    exchange
        .response
        .as_ref()
        .is_some_and(|response| matches!(response.status, 401 | 407))
}

/// The credentials of a request: (scheme, token).
fn credentials(exchange: &Exchange) -> impl Iterator<Item = (&str, &str)> {
    let headers = exchange.request.iter().map(|request| &request.headers);
    let values = headers.flat_map(|headers| {
        headers
            .all("Proxy-Authorization")
            .chain(headers.all("Authorization"))
    });
    values.map(|value| value.trim().split_once(' ').unwrap_or((value.trim(), "")))
}

fn has_credentials(exchange: &Exchange) -> bool {
    credentials(exchange).next().is_some()
}

/// True for the first message of NTLM, which names nobody yet.
fn begins_ntlm(exchange: &Exchange) -> bool {
    credentials(exchange).any(|(_, token)| token.trim().starts_with(NTLM_NEGOTIATE))
}

/// `NTLMSSP\0`, message type 1, in base64. Spec: MS-NLMP 2.2.1.1.
const NTLM_NEGOTIATE: &str = "TlRMTVNTUAAB";

/// True when the refusal carries the next message of a negotiation.
fn challenge_goes_on(exchange: &Exchange) -> bool {
    let Some(response) = &exchange.response else {
        return false;
    };
    let headers = &response.headers;
    let mut challenges = headers
        .all("Proxy-Authenticate")
        .chain(headers.all("WWW-Authenticate"));
    challenges.any(|value| {
        let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value, ""));
        let negotiates = ["NTLM", "Negotiate"]
            .iter()
            .any(|name| scheme.eq_ignore_ascii_case(name));
        negotiates && !rest.trim().is_empty()
    })
}

/// What became of the login over the rounds of an attempt.
pub(super) fn verdict<'a>(rounds: impl IntoIterator<Item = &'a Exchange>) -> Login {
    let mut verdict = Login::None;
    for exchange in rounds {
        let (refused, sent) = (is_refused(exchange), has_credentials(exchange));
        verdict = match (refused, sent) {
            // A step of a negotiation: the client has not proved itself yet.
            (true, true) if challenge_goes_on(exchange) || begins_ntlm(exchange) => Login::Asked,
            (true, true) => Login::Refused,
            (true, false) => Login::Asked,
            // No answer to credentials: they were sent, more is not known.
            (false, true) => Login::Sent,
            (false, false) => verdict,
        };
    }
    verdict
}

/// Header fields without secrets: of credentials and challenges the scheme
/// stays (and the parameters of a challenge, which name its realm), of cookies
/// nothing.
pub(super) fn without_secrets(headers: &Headers) -> Headers {
    let kept = headers.0.iter().map(|(name, value)| {
        let is = |names: &[&str]| names.iter().any(|each| name.eq_ignore_ascii_case(each));
        let value = match value.trim() {
            whole if is(&["Authorization", "Proxy-Authorization"]) => scheme(whole),
            whole if is(&["WWW-Authenticate", "Proxy-Authenticate"]) => match whole.contains('"') {
                true => whole,
                false => scheme(whole),
            },
            _ if is(&["Cookie", "Set-Cookie", "Cookie2", "Set-Cookie2"]) => "",
            whole => whole,
        };
        (name.clone(), value.to_string())
    });
    Headers(kept.collect())
}

fn scheme(value: &str) -> &str {
    let word = value.split_whitespace().next().unwrap_or_default();
    // A value without a scheme would be the secret itself.
    if word.len() <= MAX_SCHEME && value.len() > word.len() || is_bare_scheme(word) {
        word
    } else {
        ""
    }
}

/// `Negotiate`, `SCRAM-SHA-256`.
const MAX_SCHEME: usize = 20;

fn is_bare_scheme(word: &str) -> bool {
    ["NTLM", "Negotiate", "Basic", "Digest", "Kerberos"]
        .iter()
        .any(|s| s.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::Talk;
    use super::*;

    const URL: &str = "http://crl.example/a.crl";
    const TYPE_1: (&str, &str) = ("Proxy-Authorization", "NTLM TlRMTVNTUAABAAAAB4IIog==");
    const TYPE_3: (&str, &str) = ("Proxy-Authorization", "NTLM TlRMTVNTUAADAAAAGAAYAA==");
    const CHALLENGE: (&str, &str) = ("Proxy-Authenticate", "NTLM TlRMTVNTUAACAAAA");

    fn talk() -> Talk {
        Talk::to("10.0.0.1:3128")
    }

    fn round(talk: Talk, sent: &[(&str, &str)], status: u16, answer: &[(&str, &str)]) -> Talk {
        talk.ask("GET", URL, "crl.example", sent)
            .answer_with(status, b"x", answer)
    }

    fn shape(observed: &[Observed]) -> Vec<usize> {
        attempts(observed).iter().map(Vec::len).collect()
    }

    fn login(observed: &Observed) -> Login {
        verdict(&observed.exchanges)
    }

    #[test]
    fn the_rounds_of_an_ntlm_login_are_one_attempt() {
        let asked = [("Proxy-Authenticate", "NTLM")];
        let talk = round(talk(), &[], 407, &asked);
        let seen = round(
            round(talk, &[TYPE_1], 407, &[CHALLENGE]),
            &[TYPE_3],
            200,
            &[],
        )
        .observed();
        assert_eq!(shape(std::slice::from_ref(&seen)), [3]);
        assert_eq!(login(&seen), Login::Sent);
    }

    #[test]
    fn a_login_turned_down_is_refused() {
        let asked = [("Proxy-Authenticate", "NTLM")];
        let talk = round(
            round(talk(), &[], 407, &asked),
            &[TYPE_1],
            407,
            &[CHALLENGE],
        );
        assert_eq!(login(&talk.clone().observed()), Login::Asked);
        let seen = round(talk, &[TYPE_3], 407, &asked).observed();
        assert_eq!(login(&seen), Login::Refused);
        assert_eq!(shape(&[seen]), [3]);
    }

    #[test]
    fn a_negotiation_begun_anew_is_another_attempt() {
        let asked = [("Proxy-Authenticate", "NTLM")];
        let talk = round(
            round(talk(), &[TYPE_1], 407, &[CHALLENGE]),
            &[TYPE_3],
            407,
            &asked,
        );
        let seen = round(
            round(talk, &[TYPE_1], 407, &[CHALLENGE]),
            &[TYPE_3],
            407,
            &asked,
        );
        assert_eq!(shape(&[seen.observed()]), [2, 2]);
    }

    #[test]
    fn a_repetition_without_credentials_is_a_retry() {
        let asked = [("Proxy-Authenticate", "Basic realm=\"px\"")];
        let seen = round(round(talk(), &[], 407, &asked), &[], 407, &asked).observed();
        assert_eq!(shape(std::slice::from_ref(&seen)), [1, 1]);
        assert_eq!(login(&seen), Login::Asked);
    }

    #[test]
    fn credentials_on_another_connection_count_when_they_come_at_once() {
        let asked = [("Proxy-Authenticate", "Basic realm=\"px\"")];
        let sent = [("Proxy-Authorization", "Basic dTpw")];
        let first = round(talk().starting(10.0), &[], 407, &asked).observed();
        let soon = round(talk().port(50_001).starting(12.0), &sent, 200, &[]).observed();
        assert_eq!(shape(&[first.clone(), soon]), [2]);
        let late = round(talk().port(50_002).starting(300.0), &sent, 200, &[]).observed();
        assert_eq!(shape(&[first, late]), [1, 1]);
    }

    #[test]
    fn credentials_sent_unasked_are_sent() {
        let sent = [("Proxy-Authorization", "Basic dTpw")];
        let seen = round(talk(), &sent, 200, &[]).observed();
        assert_eq!(login(&seen), Login::Sent);
        assert_eq!(login(&round(talk(), &[], 200, &[]).observed()), Login::None);
    }

    #[test]
    fn secrets_are_not_kept() {
        let pairs = [
            ("Authorization", "Basic dXNlcjpwYXNz"),
            ("proxy-authorization", "NTLM TlRMTVNTUAADAAAA"),
            ("Proxy-Authenticate", "NTLM TlRMTVNTUAACAAAA"),
            ("Proxy-Authenticate", "Basic realm=\"px\""),
            ("Cookie", "session=1"),
            ("Authorization", "0123456789abcdef0123456789abcdef"),
            ("Via", "1.1 p"),
        ];
        let headers = Headers(
            pairs
                .map(|(name, value)| (name.into(), value.into()))
                .to_vec(),
        );
        let kept: Vec<String> = without_secrets(&headers)
            .0
            .into_iter()
            .map(|(_, v)| v)
            .collect();
        assert_eq!(
            kept,
            [
                "Basic",
                "NTLM",
                "NTLM",
                "Basic realm=\"px\"",
                "",
                "",
                "1.1 p"
            ]
        );
    }
}
