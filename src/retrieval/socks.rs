//! Ways through a SOCKS proxy that it refused.

use crate::protocol::Socks;
use crate::provenance::merged;

use super::interests::{Interest, Interests};
use super::scene::Scene;
use super::{Login, ObjectKind, Observed, Outcome, Retrieval, RouteKind, url};

/// The attempts that ended with the proxy's refusal, in order of conversations.
///
/// Kept are those to hosts where validation looks for its objects, and those
/// that the proxy ended before it was told where to.
pub(super) fn refused(scene: &Scene<'_>, interests: &Interests<'_>) -> Vec<Retrieval> {
    let observed = scene.inputs.observed.iter();
    observed
        .filter_map(|seen| retrieval(scene, interests, seen))
        .collect()
}

fn retrieval(scene: &Scene<'_>, interests: &Interests<'_>, seen: &Observed) -> Option<Retrieval> {
    let socks = seen.socks.as_ref()?;
    let (outcome, why) = refusal(socks)?;
    let target = socks.target.as_deref().map(url::host_and_port);
    let object = match &target {
        Some((host, port)) => match interests.in_name(host, *port) {
            Some(Interest::Object(kind)) => kind,
            _ if scene.inputs.all_http => ObjectKind::Other,
            _ => return None,
        },
        None => ObjectKind::Other,
    };
    let conversation = &seen.conversation;
    let begun = conversation.syns.first().copied();
    let begun = begun.unwrap_or(socks.sighting);
    let mut built = Retrieval::new(begun.at, conversation.last.at);
    built.host = target.map(|(host, _)| host);
    built.object = object;
    built.outcome = outcome;
    built.detail = Some(format!("the SOCKS proxy says: {why}"));
    built.vantage = Some(conversation.vantage);
    built.client = Some(conversation.client);
    built.server = Some(conversation.server);
    built.route.kind = RouteKind::Socks;
    built.route.proxy = Some(conversation.server);
    built.route.login = match (outcome, socks.login_refused) {
        (_, true) => Login::Refused,
        (Outcome::ProxyLogin, false) => Login::Asked,
        _ if socks.user.is_some() => Login::Sent,
        _ => Login::None,
    };
    built.quality = Some(conversation.quality.clone());
    let frames = [begun, socks.sighting, conversation.last];
    built.cites = merged(frames.iter().map(|it| it.cite()));
    Some(built)
}

/// What the proxy's refusal means, and its own words for it.
///
/// Spec: RFC 1928 §3, §6; RFC 1929 §2; "SOCKS: A protocol for TCP proxy".
fn refusal(socks: &Socks) -> Option<(Outcome, &'static str)> {
    if socks.method == Some(NO_METHOD) {
        return Some((Outcome::ProxyLogin, "no acceptable login method"));
    }
    if socks.login_refused {
        return Some((Outcome::ProxyLogin, "the login is refused"));
    }
    Some(match (socks.version, socks.reply?) {
        (5, 0) | (4, 90) => return None,
        (5, 2) => (Outcome::Forbidden, "not allowed by its rules"),
        (5, 3) => (Outcome::Unreachable, "the network is unreachable"),
        (5, 4) => (Outcome::Unreachable, "the host is unreachable"),
        (5, 5) => (Outcome::Refused, "the host refuses the connection"),
        (5, 6) => (Outcome::Unreachable, "the time to live ran out"),
        (5, 7) => (Outcome::Forbidden, "the command is not supported"),
        (5, 8) => (Outcome::Forbidden, "the kind of address is not supported"),
        (4, 92 | 93) => (Outcome::ProxyLogin, "the user could not be confirmed"),
        (4, _) => (Outcome::Unreachable, "rejected or failed"),
        _ => (Outcome::Unreachable, "general failure"),
    })
}

/// The method of a proxy that accepts none.
const NO_METHOD: u8 = 255;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::{Talk, address, sighting};
    use super::super::test_support::Given;
    use super::*;

    const HOST: &str = "crl.example";

    /// A list fetched directly, so that its host matters, and a dialogue with
    /// a SOCKS proxy.
    fn found(socks: Socks) -> Vec<Retrieval> {
        let list = Talk::to("192.0.2.1:80").get("/a.crl", HOST);
        let list = list.answer(200, b"-----BEGIN X509 CRL-----").observed();
        let mut seen = Talk::to("10.0.0.9:1080")
            .port(50_001)
            .starting(5.0)
            .observed();
        seen.socks = Some(socks);
        let given = Given {
            observed: vec![list, seen],
            ends: 100.0,
            ..Given::default()
        };
        let all = given.retrievals().into_iter();
        all.filter(|it| it.route.kind == RouteKind::Socks).collect()
    }

    fn dialogue(target: Option<&str>, reply: Option<u8>) -> Socks {
        Socks {
            version: 5,
            target: target.map(str::to_owned),
            reply,
            method: Some(0),
            user: None,
            login_refused: false,
            sighting: sighting(5004, 5.4),
        }
    }

    #[test]
    fn a_rule_of_the_proxy_against_the_host_of_a_list_is_a_failed_attempt() {
        let got = found(dialogue(Some("crl.example:80"), Some(2)));
        let [only] = got.as_slice() else {
            panic!("{got:?}")
        };
        assert_eq!(
            (only.outcome, only.object),
            (Outcome::Forbidden, ObjectKind::Crl)
        );
        assert_eq!(only.host.as_deref(), Some(HOST));
        assert_eq!(only.route.proxy, Some(address("10.0.0.9:1080")));
        let text = only.detail.as_deref();
        assert_eq!(text, Some("the SOCKS proxy says: not allowed by its rules"));
    }

    #[test]
    fn what_the_proxy_granted_or_never_answered_is_none() {
        assert_eq!(found(dialogue(Some("crl.example:80"), Some(0))), []);
        assert_eq!(found(dialogue(Some("crl.example:80"), None)), []);
    }

    #[test]
    fn a_host_that_validation_has_nothing_to_do_with_is_left_out() {
        assert_eq!(found(dialogue(Some("games.example:80"), Some(2))), []);
    }

    #[test]
    fn a_login_that_the_proxy_refuses_is_told_without_a_target() {
        let mut socks = dialogue(None, None);
        socks.method = Some(255);
        let got = found(socks);
        assert_eq!(got[0].outcome, Outcome::ProxyLogin);
        assert_eq!(got[0].route.login, Login::Asked);
        let mut socks = dialogue(None, None);
        (socks.method, socks.login_refused) = (Some(2), true);
        assert_eq!(found(socks)[0].route.login, Login::Refused);
    }
}
