//! Downloads that a stalled direction of their connection ended.

use crate::flow::{Conversation, Direction, Stall};
use crate::protocol::http::Exchange;
use crate::time::{Span, Timestamp};
use crate::words;

use super::Outcome;
use super::ending::{PATIENCE, seconds};

/// The stall that an exchange ran into, with its outcome in words. What came
/// into the capture did not come to the receiver, so that a body whole in the
/// capture can be one that the client never had.
pub(super) fn of_exchange(
    exchange: &Exchange,
    conversation: &Conversation,
    ends_at: Timestamp,
) -> Option<(Outcome, Option<String>)> {
    let asked_at = exchange.request.as_ref()?.first.at;
    let answered_at = exchange.response.as_ref().map(|it| it.last.at);
    let own = |stall: &&Stall| {
        let within = answered_at.is_none_or(|until| stall.first.at <= until || stall.sent == 0);
        stall.first.at >= asked_at && within
    };
    let stall = conversation.quality.stalls.iter().find(own)?;
    let closed = conversation.closes.iter().map(|close| close.sighting.at);
    let gave_up_at = closed.min();
    let until = gave_up_at.unwrap_or(ends_at).max(stall.last.at);
    let waited = until.since(stall.first.at);
    if gave_up_at.is_none() && waited < Span::seconds(PATIENCE) {
        return None;
    }
    Some((Outcome::Stalled, Some(phrase(stall))))
}

/// `a segment of 1,460 bytes to the client sent 6 times within 15.2 s
/// was never acknowledged; smaller ones were`.
fn phrase(stall: &Stall) -> String {
    let whom = match stall.by {
        Direction::ToServer => "server",
        Direction::ToClient => "client",
    };
    let size = words::thousands(stall.size);
    let mut text = match stall.sent {
        0 => format!(
            "the {whom} went on asking for {size} bytes that never came, although later ones did"
        ),
        sent => format!(
            "a segment of {size} bytes to the {whom} sent {sent} times within {} was never acknowledged",
            seconds(stall.last.at.since(stall.first.at))
        ),
    };
    if stall.smaller_passed && stall.sent > 0 {
        text += "; smaller ones were";
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::Observed;
    use super::super::fixtures::{Talk, sighting};
    use super::super::test_support::Given;
    use super::*;

    fn stall(by: Direction, from: f64, until: f64) -> Stall {
        Stall {
            by,
            size: 1_460,
            sent: 6,
            first: sighting(6, from),
            last: sighting(20, until),
            smaller_passed: true,
            too_big: Some(("10.0.0.1".parse().unwrap(), Some(1_400))),
        }
    }

    fn whole() -> Talk {
        Talk::to("192.0.2.80:80")
            .get("/a.crl", "pki.example")
            .answer(200, b"-----BEGIN X509 CRL-----")
    }

    fn found(mut seen: Observed, stall: Stall, ends: f64) -> (Outcome, Option<String>) {
        seen.conversation.quality.stalls = vec![stall];
        let given = Given {
            observed: vec![seen],
            ends,
            ..Given::default()
        };
        let found = given.retrievals().remove(0);
        (found.outcome, found.detail)
    }

    #[test]
    fn an_answer_in_the_capture_that_the_client_never_got_is_stalled() {
        let (outcome, detail) = found(
            whole().observed(),
            stall(Direction::ToClient, 0.5, 15.7),
            100.0,
        );
        assert_eq!(outcome, Outcome::Stalled);
        assert_eq!(
            detail.as_deref(),
            Some(
                "a segment of 1,460 bytes to the client sent 6 times within 15.2 s was never acknowledged; smaller ones were"
            )
        );
    }

    #[test]
    fn a_request_that_does_not_get_through_is_stalled() {
        let asked = Talk::to("192.0.2.80:80").get("/a.crl", "pki.example");
        let (outcome, _) = found(
            asked.observed(),
            stall(Direction::ToServer, 0.4, 20.0),
            100.0,
        );
        assert_eq!(outcome, Outcome::Stalled);
    }

    #[test]
    fn a_capture_that_ends_soon_after_shows_no_stall() {
        let (outcome, _) = found(
            whole().observed(),
            stall(Direction::ToClient, 0.5, 2.0),
            4.0,
        );
        assert_eq!(outcome, Outcome::Ok);
    }

    #[test]
    fn what_stalled_before_was_another_exchange() {
        let (outcome, _) = found(
            whole().observed(),
            stall(Direction::ToClient, 0.1, 15.0),
            100.0,
        );
        assert_eq!(outcome, Outcome::Ok);
    }
}
