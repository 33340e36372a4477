#![doc = include_str!("../../docs/rules/client-clock-wrong.md")]

use super::inquiry::{Basis, Inquiry, join_words};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Rejection, Said, joined, rejections};
use crate::case::Case;
use crate::chain::{CheckKind, RootTrust};
use crate::flow::Direction;
use crate::time::{Span, Timestamp};
use std::collections::BTreeMap;

/// The rule.
pub const RULE: Rule = Rule {
    id: "client-clock-wrong",
    doc: include_str!("../../docs/rules/client-clock-wrong.md"),
    apply,
};

/// Kerberos keeps the clocks of a domain within 5 minutes; less is no wrong clock.
const TOLERANCE: f64 = 300.0;
/// Servers whose clocks agree within this are right, most likely.
const AGREE: f64 = 120.0;
/// So many servers that agree are not all wrong.
const ENOUGH: usize = 3;

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        if inquiry.case.as_of.is_some() {
            return None;
        }
        let (summary, inferred) = by_servers(inquiry, &rejection)
            .or_else(|| by_hellos(inquiry, &rejection))
            .or_else(|| by_alert(&rejection))?;
        let site = rejection.site;
        Some(rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!("The clock of the client is wrong: {summary} The certificates of {site} are valid today and looked otherwise to it."),
            remedy: "Set the clock (w32tm /resync, the time source of the domain, the firmware battery) and open the site again. An offset below five minutes in w32tm /stripchart shows that it worked.".to_owned(),
            basis: Basis {
                fault_seen: true,
                reaction_seen: true,
                inferred,
                ..Basis::default()
            },
            precedence: Precedence::Clock,
            subject: format!("clock {:?}", rejection.failure.machine),
            cites: Vec::new(),
        }))
    });
    joined(found)
}

/// The capture shares the client's clock: by it the certificates are outside
/// their period, by the servers' they are inside, and the client refused.
fn by_servers(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<(String, u8)> {
    let (offset, agreeing) = servers(inquiry.case, rejection.handshake.vantage)?;
    let at = rejection.handshake.at;
    let other = at.plus(seconds(offset)?);
    let only_dates = rejection
        .failed_checks()
        .all(|(_, _, check)| check.kind == CheckKind::Validity);
    if offset.abs() <= TOLERANCE
        || !only_dates
        || are_valid(rejection, at)
        || !are_valid(rejection, other)
    {
        return None;
    }
    let names: Vec<String> = agreeing.iter().take(3).cloned().collect();
    let noun = if agreeing.len() == 1 {
        "the server"
    } else {
        "the servers"
    };
    Some((
        format!(
            "the capture says {} UTC, {noun} {} say {} UTC ({}).",
            to_seconds(at),
            join_words(&names),
            to_seconds(other),
            apart(offset)
        ),
        u8::from(agreeing.len() < ENOUGH),
    ))
}

/// The client tells its time in its hellos, always with the same offset.
fn by_hellos(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<(String, u8)> {
    let own = client_offset(rejection.handshake)?;
    let client = rejection.handshake.client.ip();
    let same = inquiry.case.handshakes.iter().filter(|other| {
        other.client.ip() == client
            && other.client != rejection.handshake.client
            && client_offset(other).is_some_and(|offset| (offset - own).abs() <= 5.0)
    });
    let at = rejection.handshake.at;
    let clean = rejection.failed_checks().next().is_none();
    // Clients of today send random bytes there: one time tells nothing.
    if own.abs() <= TOLERANCE
        || same.count() == 0
        || !clean
        || are_valid(rejection, at.plus(seconds(own)?))
    {
        return None;
    }
    let told = at.plus(seconds(own)?);
    Some((
        format!(
            "its hellos say {} UTC, the capture {} UTC ({}).",
            to_seconds(told),
            to_seconds(at),
            apart(own)
        ),
        0,
    ))
}

/// TLS alert certificate_expired (RFC 5246 §7.2.2).
const CERTIFICATE_EXPIRED: u8 = 45;

/// The client says expired, and nothing of the chain is.
fn by_alert(rejection: &Rejection<'_>) -> Option<(String, u8)> {
    let alert = rejection
        .handshake
        .alert
        .filter(|alert| alert.by == Direction::ToServer)?;
    let (_, description) = alert.content?;
    // A root that was not captured may be the expired one.
    let closed = rejection.root().is_some()
        || matches!(rejection.best.root, RootTrust::Given | RootTrust::Listed);
    let clean = rejection.failed_checks().next().is_none();
    if description != CERTIFICATE_EXPIRED
        || !closed
        || !clean
        || !are_valid(rejection, rejection.handshake.at)
    {
        return None;
    }
    Some(("it said certificate_expired, and every certificate up to the root is within its period by the clock of the capture.".to_owned(), 1))
}

fn are_valid(rejection: &Rejection<'_>, at: Timestamp) -> bool {
    rejection
        .best
        .elements
        .iter()
        .all(|element| element.certificate.not_before <= at && at <= element.certificate.not_after)
}

/// Seconds from the capture's clock to the one in a hello, where it is a time:
/// clients that speak TLS 1.3 send random bytes.
fn client_offset(handshake: &crate::case::Handshake) -> Option<f64> {
    let hello = handshake.client_hello.as_ref()?;
    if hello.gmt_unix_time == 0 || hello.supported_versions.contains(&0x0304) {
        return None;
    }
    let told = Timestamp::from_unix(i64::from(hello.gmt_unix_time), 0)?;
    Some(told.since(handshake.at).as_seconds())
}

/// The median offset of the servers from the capture's clock, by the `Date` of
/// answers that no cache gave, and the servers that agree with it.
fn servers(case: &Case, vantage: u32) -> Option<(f64, Vec<String>)> {
    let mut per_host: BTreeMap<&str, f64> = BTreeMap::new();
    for retrieval in case
        .retrievals
        .iter()
        .filter(|it| it.vantage == Some(vantage))
    {
        let headers = &retrieval.response_headers;
        let (Some(host), Some(date), None) =
            (&retrieval.host, headers.get("Date"), headers.get("Age"))
        else {
            continue;
        };
        if let Some(date) = Timestamp::from_http_date(date) {
            per_host.insert(host, date.since(retrieval.ended_at).as_seconds());
        }
    }
    let mut offsets: Vec<f64> = per_host.values().copied().collect();
    offsets.sort_by(f64::total_cmp);
    let median = *offsets.get(offsets.len() / 2)?;
    let agreeing = per_host
        .iter()
        .filter(|(_, offset)| (**offset - median).abs() <= AGREE);
    Some((
        median,
        agreeing.map(|(host, _)| (*host).to_owned()).collect(),
    ))
}

fn seconds(offset: f64) -> Option<Span> {
    // Offsets of centuries are none; the cast below is exact within them.
    const CENTURY: f64 = 3_155_760_000.0;
    #[allow(clippy::cast_possible_truncation)]
    (offset.abs() < CENTURY).then(|| Span::seconds(offset as i64))
}

/// `3.0 years apart`.
fn apart(offset: f64) -> String {
    let size = offset.abs();
    let (number, unit) = match size {
        _ if size >= 365.0 * 86_400.0 => (size / (365.0 * 86_400.0), "years"),
        _ if size >= 86_400.0 => (size / 86_400.0, "days"),
        _ if size >= 3_600.0 => (size / 3_600.0, "hours"),
        _ => (size / 60.0, "minutes"),
    };
    format!("{number:.1} {unit} apart")
}

fn to_seconds(at: Timestamp) -> String {
    at.to_display().get(..19).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::Story;
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "client-clock-wrong";
    const YEAR: i64 = 365 * 86_400;
    const FULL: [&str; 2] = ["leaf", "issuing-ca"];

    /// Answers of so many servers, whose clocks say 2026-06-01 10:00:10.
    fn asked(servers: usize, seconds: i64) -> Story {
        (0..servers).fold(Story::new(), |story, number| {
            let url = format!("http://crl{number}.example/x.crl");
            story
                .fetch(
                    ObjectKind::Crl,
                    &url,
                    Outcome::NotModified,
                    (seconds, seconds),
                )
                .headers(&[("Date", "Mon, 01 Jun 2026 10:00:10 GMT")])
        })
    }

    #[test]
    fn a_client_three_years_behind_refuses_what_is_valid() {
        let past = -3 * YEAR;
        let diagnosis = asked(5, past).rejects(&FULL, (past, past + 1)).diagnosis();
        assert_eq!(diagnosis.verdict.root_cause, Some(RULE));
        assert_eq!(diagnosis.causes()[0], (RULE, Role::RootCause, "high"));
        assert!(
            diagnosis
                .of("leaf-not-yet-valid")
                .iter()
                .all(|it| it.role == Role::Contributing)
        );
    }

    #[test]
    fn one_server_alone_makes_it_medium() {
        let diagnosis = asked(1, YEAR).rejects(&FULL, (YEAR, YEAR + 1)).diagnosis();
        assert_eq!(diagnosis.causes()[0], (RULE, Role::RootCause, "medium"));
    }

    #[test]
    fn it_is_quiet_when_the_certificate_is_expired_by_every_clock() {
        let diagnosis = Story::new().rejects(&FULL, (YEAR, YEAR + 1)).diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
        assert_eq!(diagnosis.causes()[0].0, "leaf-expired");
    }

    #[test]
    fn it_is_quiet_when_the_capture_clock_is_off_and_it_does_not_matter() {
        let diagnosis = asked(5, -86_400)
            .rejects(&FULL, (-86_400, -86_399))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }

    #[test]
    fn a_client_that_says_expired_of_a_valid_chain_is_medium_and_another_alert_says_nothing() {
        let told = |description| {
            Story::new()
                .rejects(&["leaf", "issuing-ca", "site-root"], (9, 12))
                .handshake(|it| {
                    it.alert.as_mut().unwrap().content = Some((2, description));
                })
        };
        assert_eq!(
            told(45).diagnosis().causes(),
            [(RULE, Role::RootCause, "medium")]
        );
        assert!(told(48).diagnosis().of(RULE).is_empty());
    }
}
