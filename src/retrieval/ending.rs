//! Tells how an attempt ended, from its last exchange.

use crate::flow::{Conversation, Direction};
use crate::pki::LooksLike;
use crate::protocol::http::{Completeness, Ending, Exchange, Response};
use crate::provenance::Sighting;
use crate::time::{Span, Timestamp};

use super::{ObjectKind, Outcome, RetrievedBody, body, stall};

/// The outcome of an exchange and, for failures, what happened in words.
///
/// A status of 300 or more decides alone: the answer is known, whatever became
/// of its page. A FIN of the server before any byte of the answer counts as no
/// answer, its RST as a reset; a client that closes first gave up waiting.
/// `ends_at` is the end of the capture.
pub(super) fn of_exchange(
    exchange: &Exchange,
    conversation: &Conversation,
    object: ObjectKind,
    body: Option<&RetrievedBody>,
    ends_at: Timestamp,
) -> (Outcome, Option<String>) {
    if let Some(stalled) = stall::of_exchange(exchange, conversation, ends_at) {
        return stalled;
    }
    let Some(response) = &exchange.response else {
        return unanswered(exchange, conversation, ends_at);
    };
    let outcome = match response.status {
        304 => Outcome::NotModified,
        300..=399 => Outcome::Redirect,
        401 | 407 => Outcome::ProxyLogin,
        403 | 451 => Outcome::Forbidden,
        400.. => Outcome::HttpError,
        _ => return answered(exchange, response, object, body, ends_at),
    };
    (outcome, None)
}

/// CryptoAPI waits 15 s for one URL by default, and 20 s for all of a chain;
/// an answer that is not there by then no longer helps.
pub(super) const PATIENCE: i64 = 15;

fn unanswered(
    exchange: &Exchange,
    conversation: &Conversation,
    ends_at: Timestamp,
) -> (Outcome, Option<String>) {
    let [_, from_server] = conversation.quality.packets;
    let [_, missing] = conversation.quality.missing;
    // Acknowledged bytes that never showed are an answer that was not captured.
    if missing > 0 || from_server == 0 {
        return (
            Outcome::IncompleteCapture,
            Some("the answer was not captured".into()),
        );
    }
    let asked_at = exchange
        .request
        .as_ref()
        .map_or(conversation.first.at, |asked| asked.last.at);
    let waited = |until: Timestamp| seconds(until.since(asked_at));
    match exchange.ending {
        Ending::Closed {
            by: Direction::ToClient,
            reset: true,
            sighting,
        } => {
            let text = format!(
                "the server reset the connection after {}",
                waited(sighting.at)
            );
            (Outcome::Reset, Some(text))
        }
        Ending::Closed {
            by: Direction::ToClient,
            sighting,
            ..
        } => {
            let text = format!(
                "the server closed without an answer after {}",
                waited(sighting.at)
            );
            (Outcome::NoAnswer, Some(text))
        }
        Ending::Closed { sighting, .. } => {
            let text = format!("the client gave up after {}", waited(sighting.at));
            (Outcome::NoAnswer, Some(text))
        }
        Ending::CaptureEnds if ends_at.since(asked_at) >= Span::seconds(PATIENCE) => (
            Outcome::NoAnswer,
            Some(format!("nothing within {}", waited(ends_at))),
        ),
        Ending::CaptureEnds | Ending::CaptureGap | Ending::Complete => {
            (Outcome::IncompleteCapture, None)
        }
    }
}

fn answered(
    exchange: &Exchange,
    response: &Response,
    object: ObjectKind,
    body: Option<&RetrievedBody>,
    ends_at: Timestamp,
) -> (Outcome, Option<String>) {
    let (Some(raw), Some(body)) = (&response.body, body) else {
        match exchange.ending {
            Ending::Complete => {}
            // The head itself did not come whole.
            Ending::Closed { by, reset, .. } => {
                let text = format!("{} within the head of the answer", closer(by, reset));
                return (Outcome::Truncated, Some(text));
            }
            Ending::CaptureEnds | Ending::CaptureGap => return (Outcome::IncompleteCapture, None),
        }
        // HEAD, 204 and the like have no body; only a GET wanted one.
        let wanted = exchange
            .request
            .as_ref()
            .is_some_and(|request| request.method == "GET");
        return match wanted && expects_bytes(object) {
            true => (
                Outcome::UnexpectedContent,
                Some(format!("status {} without a body", response.status)),
            ),
            false => (Outcome::Ok, None),
        };
    };
    match raw.completeness {
        Completeness::Complete => {}
        Completeness::OverLimit if body.complete => {}
        Completeness::CaptureGap => return (Outcome::IncompleteCapture, None),
        Completeness::CaptureEnds | Completeness::CutByPeer | Completeness::OverLimit => {
            return broken_off(exchange, response, raw.wire_size, body, ends_at);
        }
    }
    let unseen = raw.size > 0 && body::shown(raw).is_empty() && body.looks_like == LooksLike::Other;
    // Part of an object, as asked for by Range: its bytes are no measure.
    if unseen || response.status == 206 || fits(object, body.looks_like, body.size) {
        return (Outcome::Ok, None);
    }
    let what = match body.looks_like {
        LooksLike::Empty => "nothing".to_string(),
        LooksLike::Html => "a web page".to_string(),
        LooksLike::Text => "text".to_string(),
        LooksLike::Other => "unknown bytes".to_string(),
        other => other.word().to_string(),
    };
    let title = body
        .title
        .as_ref()
        .map(|title| format!(" ({title})"))
        .unwrap_or_default();
    (
        Outcome::UnexpectedContent,
        Some(format!("{what} in place of a {}{title}", object.phrase())),
    )
}

/// A transfer that ended before its announced end: stalled when nothing came
/// for as long as a client waits, truncated when somebody closed before that.
fn broken_off(
    exchange: &Exchange,
    response: &Response,
    arrived: u64,
    body: &RetrievedBody,
    ends_at: Timestamp,
) -> (Outcome, Option<String>) {
    let total = body
        .declared
        .map(|total| format!(" of {}", grouped(total)))
        .unwrap_or_default();
    let progress = format!("{}{total} bytes", grouped(arrived));
    let patience = Span::seconds(PATIENCE);
    let silence = |until: Timestamp| until.since(response.last.at);
    match exchange.ending {
        Ending::Closed {
            by: Direction::ToServer,
            sighting,
            ..
        } if silence(sighting.at) >= patience => {
            let text = format!(
                "silent for {} after {progress}",
                seconds(silence(sighting.at))
            );
            (Outcome::Stalled, Some(text))
        }
        Ending::Closed { by, reset, .. } => (
            Outcome::Truncated,
            Some(format!("{} after {progress}", closer(by, reset))),
        ),
        Ending::CaptureEnds if silence(ends_at) >= patience => {
            let text = format!("silent for {} after {progress}", seconds(silence(ends_at)));
            (Outcome::Stalled, Some(text))
        }
        // The framing itself is broken (a chunk that is none).
        Ending::Complete => (Outcome::Truncated, Some(format!("broken after {progress}"))),
        Ending::CaptureEnds | Ending::CaptureGap => (Outcome::IncompleteCapture, None),
    }
}

/// `FIN of the server`.
fn closer(by: Direction, reset: bool) -> String {
    let how = if reset { "RST" } else { "FIN" };
    let who = if by == Direction::ToServer {
        "client"
    } else {
        "server"
    };
    format!("{how} of the {who}")
}

/// True when bytes of this look can be the object. Unknown bytes are not held
/// against kinds that have many forms.
pub(super) fn fits(object: ObjectKind, looks_like: LooksLike, size: u64) -> bool {
    use LooksLike as L;
    match object {
        // `disallowedcert.sst` is a serialized store, which has no look of its own.
        ObjectKind::Disallowed | ObjectKind::PinRules => {
            matches!(looks_like, L::Cab | L::Ctl | L::Other)
        }
        ObjectKind::Ctl => matches!(looks_like, L::Cab | L::Ctl),
        ObjectKind::Seq => looks_like == L::Text && size <= MAX_SEQUENCE_LEN,
        ObjectKind::RootCrt | ObjectKind::AiaCert => {
            matches!(looks_like, L::Certificate | L::Pkcs7 | L::Pem)
        }
        ObjectKind::Crl | ObjectKind::DeltaCrl => {
            matches!(looks_like, L::Crl | L::Pem | L::Pkcs7)
        }
        ObjectKind::Ocsp => looks_like == L::Ocsp,
        ObjectKind::Pac => matches!(looks_like, L::Text | L::Other),
        ObjectKind::Wsus | ObjectKind::Other => true,
    }
}

/// `authrootseq.txt` holds 18 digits; a page of text is none.
const MAX_SEQUENCE_LEN: u64 = 64;

pub(super) fn expects_bytes(object: ObjectKind) -> bool {
    !fits(object, LooksLike::Empty, 0)
}

/// The outcome of a connection that was opened and reset by the server before
/// anything was said.
pub(super) fn reset_at_once(sighting: Sighting, opened: Sighting) -> (Outcome, Option<String>) {
    let after = seconds(sighting.at.since(opened.at));
    (
        Outcome::Reset,
        Some(format!("opened, then reset by the server after {after}")),
    )
}

/// `15.0 s`.
pub(super) fn seconds(span: Span) -> String {
    format!("{:.1} s", span.as_seconds())
}

/// `12,345`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::{Talk, at, sighting};
    use super::super::{BodyIndex, Observed};
    use super::*;

    /// The outcome of the only exchange, for a capture that ends at 100 s.
    fn outcome(seen: &Observed, object: ObjectKind) -> Outcome {
        of(seen, object).0
    }

    fn of(seen: &Observed, object: ObjectKind) -> (Outcome, Option<String>) {
        let exchange = &seen.exchanges[0];
        let raw = exchange
            .response
            .as_ref()
            .and_then(|response| response.body.as_ref());
        let whole = exchange.ending == Ending::Complete;
        let body = raw.map(|raw| RetrievedBody::of(raw, whole, &BodyIndex::default()));
        of_exchange(
            exchange,
            &seen.conversation,
            object,
            body.as_ref(),
            at(100.0),
        )
    }

    fn asked() -> Talk {
        Talk::to("192.0.2.80:80").get("/a.crl", "pki.example")
    }

    fn ended(ending: Ending) -> Observed {
        let mut seen = asked().observed();
        seen.exchanges[0].ending = ending;
        seen
    }

    fn closed(by: Direction, reset: bool, seconds: f64) -> Ending {
        Ending::Closed {
            by,
            reset,
            sighting: sighting(50, seconds),
        }
    }

    #[test]
    fn statuses_decide_whatever_came_with_them() {
        let of = |status| {
            outcome(
                &asked().answer(status, b"<html>").observed(),
                ObjectKind::Crl,
            )
        };
        assert_eq!(of(304), Outcome::NotModified);
        assert_eq!(of(302), Outcome::Redirect);
        assert_eq!(of(407), Outcome::ProxyLogin);
        assert_eq!(of(401), Outcome::ProxyLogin);
        assert_eq!(of(403), Outcome::Forbidden);
        assert_eq!(of(451), Outcome::Forbidden);
        assert_eq!(of(404), Outcome::HttpError);
        assert_eq!(of(503), Outcome::HttpError);
    }

    #[test]
    fn a_page_text_or_nothing_in_place_of_a_crl_is_unexpected() {
        let of = |body: &[u8]| outcome(&asked().answer(200, body).observed(), ObjectKind::Crl);
        assert_eq!(of(b"<html>login</html>"), Outcome::UnexpectedContent);
        assert_eq!(of(b"not found"), Outcome::UnexpectedContent);
        assert_eq!(of(b""), Outcome::UnexpectedContent);
        assert_eq!(of(b"-----BEGIN X509 CRL-----"), Outcome::Ok);
        let got = super::tests::of(
            &asked().answer(200, b"<title>Login</title>").observed(),
            ObjectKind::Crl,
        );
        assert_eq!(
            got.1.as_deref(),
            Some("a web page in place of a CRL (Login)")
        );
    }

    #[test]
    fn text_is_what_scripts_and_sequence_numbers_are() {
        let script = asked()
            .answer(200, b"function FindProxyForURL(u, h) {}")
            .observed();
        assert_eq!(outcome(&script, ObjectKind::Pac), Outcome::Ok);
        let sequence = asked().answer(200, b"1401CBBCD205389C94").observed();
        assert_eq!(outcome(&sequence, ObjectKind::Seq), Outcome::Ok);
        let page = asked().answer(200, b"<html></html>").observed();
        assert_eq!(outcome(&page, ObjectKind::Pac), Outcome::UnexpectedContent);
        assert_eq!(outcome(&page, ObjectKind::Seq), Outcome::UnexpectedContent);
    }

    #[test]
    fn an_ocsp_error_was_transferred_well() {
        let later = asked().answer(200, &[0x30, 3, 0x0A, 1, 3]).observed();
        assert_eq!(outcome(&later, ObjectKind::Ocsp), Outcome::Ok);
    }

    #[test]
    fn silence_is_told_by_who_ends_it() {
        let of = |ending| outcome(&ended(ending), ObjectKind::Crl);
        assert_eq!(of(closed(Direction::ToClient, true, 5.0)), Outcome::Reset);
        assert_eq!(
            of(closed(Direction::ToClient, false, 5.0)),
            Outcome::NoAnswer
        );
        assert_eq!(
            of(closed(Direction::ToServer, true, 20.0)),
            Outcome::NoAnswer
        );
        assert_eq!(of(Ending::CaptureEnds), Outcome::NoAnswer);
        assert_eq!(of(Ending::CaptureGap), Outcome::IncompleteCapture);
    }

    #[test]
    fn a_capture_that_ends_soon_after_the_request_shows_no_failure() {
        let seen = ended(Ending::CaptureEnds);
        let exchange = &seen.exchanges[0];
        let got = of_exchange(exchange, &seen.conversation, ObjectKind::Crl, None, at(4.0));
        assert_eq!(got.0, Outcome::IncompleteCapture);
    }

    #[test]
    fn an_answer_that_was_acknowledged_but_not_captured_is_no_failure() {
        let mut seen = ended(closed(Direction::ToServer, false, 20.0));
        seen.conversation.quality.missing = [0, 700];
        assert_eq!(outcome(&seen, ObjectKind::Crl), Outcome::IncompleteCapture);
        let mut one_way = ended(Ending::CaptureEnds);
        one_way.conversation.quality.packets = [5, 0];
        assert_eq!(
            outcome(&one_way, ObjectKind::Crl),
            Outcome::IncompleteCapture
        );
    }

    fn cut(completeness: Completeness, ending: Ending) -> (Outcome, Option<String>) {
        let mut seen = asked().answer(200, &[0x30, 0x82]).observed();
        seen.exchanges[0].ending = ending;
        let response = seen.exchanges[0].response.as_mut().unwrap();
        let body = response.body.as_mut().unwrap();
        body.completeness = completeness;
        body.wire_size = 2048;
        body.declared = Some(5000);
        of(&seen, ObjectKind::Crl)
    }

    #[test]
    fn a_transfer_broken_off_is_truncated_and_says_where() {
        let (outcome, detail) = cut(
            Completeness::CutByPeer,
            closed(Direction::ToClient, true, 3.0),
        );
        assert_eq!(outcome, Outcome::Truncated);
        assert_eq!(
            detail.as_deref(),
            Some("RST of the server after 2,048 of 5,000 bytes")
        );
    }

    #[test]
    fn a_transfer_that_went_silent_is_stalled() {
        let stalled = cut(
            Completeness::CutByPeer,
            closed(Direction::ToServer, false, 40.0),
        );
        assert_eq!(stalled.0, Outcome::Stalled);
        assert_eq!(
            cut(Completeness::CaptureEnds, Ending::CaptureEnds).0,
            Outcome::Stalled
        );
    }

    #[test]
    fn holes_of_the_capture_are_nobodys_fault() {
        let gap = cut(
            Completeness::CaptureGap,
            closed(Direction::ToServer, false, 40.0),
        );
        assert_eq!(gap.0, Outcome::IncompleteCapture);
    }

    #[test]
    fn a_head_request_wants_no_body() {
        let mut seen = asked().answer(200, b"").observed();
        seen.exchanges[0].request.as_mut().unwrap().method = "HEAD".into();
        seen.exchanges[0].response.as_mut().unwrap().body = None;
        assert_eq!(outcome(&seen, ObjectKind::Crl), Outcome::Ok);
        seen.exchanges[0].request.as_mut().unwrap().method = "GET".into();
        assert_eq!(outcome(&seen, ObjectKind::Crl), Outcome::UnexpectedContent);
    }

    #[test]
    fn a_head_that_was_cut_is_no_answer_of_unexpected_content() {
        let mut seen = asked().answer(200, b"").observed();
        seen.exchanges[0].response.as_mut().unwrap().body = None;
        let mut ended = |ending| {
            seen.exchanges[0].ending = ending;
            outcome(&seen, ObjectKind::Crl)
        };
        assert_eq!(
            ended(closed(Direction::ToClient, false, 2.0)),
            Outcome::Truncated
        );
        assert_eq!(ended(Ending::CaptureGap), Outcome::IncompleteCapture);
        assert_eq!(ended(Ending::Complete), Outcome::UnexpectedContent);
    }
}
