//! What servers say of the time, against the clock of the capture.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Clock;
use super::interval::{self, Interval};
use crate::case::{Case, Vantage};
use crate::pki::Artifact;
use crate::retrieval::Retrieval;
use crate::time::Timestamp;

/// A `Date` field counts whole seconds: the truth lies up to one later.
const DATE_RESOLUTION: f64 = 1.0;
/// What is dated by somebody else's clock may be ahead of the truth by so much:
/// responders and web servers keep time by NTP or worse.
const FOREIGN_CLOCK: f64 = 60.0;

/// Origin answers without `Age` carry the server's time: written after the
/// request went out and before the answer came in. Each server gives an
/// interval; what most servers allow stands for all, so that one wrong clock
/// does not decide. Objects cannot be older than what the answers say: an OCSP
/// answer was produced, and a file changed, before it was sent.
#[must_use]
pub fn servers(case: &Case, vantage: &Vantage) -> Option<Clock> {
    let mut per_host: BTreeMap<&str, Vec<Interval>> = BTreeMap::new();
    for retrieval in seen_at(case, vantage) {
        if let (Some(host), Some(offset)) = (&retrieval.host, by_date(retrieval)) {
            per_host.entry(host).or_default().push(offset);
        }
    }
    let intervals: Vec<Interval> = per_host.values().filter_map(|own| of_host(own)).collect();
    let (least, mut greatest) = interval::agreed(&intervals)?;
    let mut basis = format!(
        "Date fields of answers without Age, {}",
        match intervals.len() {
            1 => "1 server".to_owned(),
            count => format!("what most of {count} servers allow"),
        }
    );
    if let Some(produced) = latest_production(case, vantage)
        && produced - FOREIGN_CLOCK > greatest
    {
        greatest = produced;
        basis.push_str("; OCSP answers or files were made later than these servers' clocks say");
    }
    Some(Clock {
        source: format!("servers seen from capture point {}", vantage.number + 1),
        offset_min_s: least,
        offset_max_s: greatest,
        basis,
    })
}

/// The answers of one host narrow each other; contradicting ones (a clock set
/// in between) keep everything open.
fn of_host(own: &[Interval]) -> Option<Interval> {
    let least = own.iter().map(|it| it.0).max_by(f64::total_cmp)?;
    let greatest = own.iter().map(|it| it.1).min_by(f64::total_cmp)?;
    if least <= greatest {
        Some((least, greatest))
    } else {
        interval::hull(own)
    }
}

/// The offset by one answer: no `Age`, and not one that a cache marked.
#[must_use]
pub fn by_date(retrieval: &Retrieval) -> Option<Interval> {
    let headers = &retrieval.response_headers;
    let hit = headers
        .get("X-Cache")
        .is_some_and(|mark| mark.to_ascii_uppercase().contains("HIT"));
    if hit || headers.get("Age").is_some() {
        return None;
    }
    let date = Timestamp::from_http_date(headers.get("Date")?)?;
    Some((
        date.since(retrieval.ended_at).as_seconds(),
        date.since(retrieval.started_at).as_seconds() + DATE_RESOLUTION,
    ))
}

/// Retrievals that the capture point shows.
pub fn seen_at<'a>(case: &'a Case, vantage: &Vantage) -> impl Iterator<Item = &'a Retrieval> {
    let number = vantage.number;
    case.retrievals
        .iter()
        .filter(move |retrieval| retrieval.vantage == Some(number))
}

/// The latest making of an answer or file against its arrival: the servers'
/// time is no earlier.
fn latest_production(case: &Case, vantage: &Vantage) -> Option<f64> {
    let mut latest: Option<f64> = None;
    let mut made = |at: Timestamp, arrived: Timestamp| {
        let offset = at.since(arrived).as_seconds();
        latest = Some(latest.map_or(offset, |known| known.max(offset)));
    };
    for retrieval in seen_at(case, vantage) {
        let modified = retrieval.response_headers.get("Last-Modified");
        if let Some(modified) = modified.and_then(Timestamp::from_http_date) {
            made(modified, retrieval.ended_at);
        }
        let bodies = retrieval.body.iter().flat_map(|body| &body.artifacts);
        for sha256 in bodies {
            let record = case
                .artifacts
                .iter()
                .find(|record| record.artifact.sha256() == *sha256);
            if let Some(Artifact::Ocsp(answer)) = record.map(|record| &record.artifact)
                && let Some(basic) = &answer.basic
            {
                made(basic.produced_at, retrieval.ended_at);
            }
        }
    }
    latest
}

/// NTP servers: they received after the question was captured and sent before
/// the answer was.
pub fn time_servers(case: &Case, vantage: &Vantage) -> Option<Clock> {
    let mut per_server: BTreeMap<IpAddr, Vec<Interval>> = BTreeMap::new();
    for exchange in case.ntp.iter().filter(|it| it.vantage == vantage.number) {
        let least = exchange
            .transmitted_at
            .since(exchange.answer.at)
            .as_seconds();
        let greatest = exchange
            .received_at
            .since(exchange.question.at)
            .as_seconds();
        if least <= greatest {
            let own = per_server.entry(exchange.server.ip()).or_default();
            own.push((least, greatest));
        }
    }
    let intervals: Vec<Interval> = per_server.values().filter_map(|own| of_host(own)).collect();
    let (offset_min_s, offset_max_s) = interval::agreed(&intervals)?;
    let count = intervals.len();
    let noun = if count == 1 { "server" } else { "servers" };
    Some(Clock {
        source: format!(
            "time servers seen from capture point {}",
            vantage.number + 1
        ),
        offset_min_s,
        offset_max_s,
        basis: format!("NTP answers of {count} {noun}"),
    })
}

/// Clients that write their own clock into NTP questions. Many write a random
/// number: only those whose questions agree to a second are believed.
pub fn asking_clients(case: &Case, vantage: &Vantage) -> Vec<Clock> {
    const AGREE_WITHIN: f64 = 1.0;
    const LEAST_QUESTIONS: usize = 2;
    /// A packet is captured within this time after it was written.
    const ON_THE_WAY: f64 = 1.0;
    let mut per_client: BTreeMap<IpAddr, Vec<f64>> = BTreeMap::new();
    for exchange in case.ntp.iter().filter(|it| it.vantage == vantage.number) {
        if let Some(sent_at) = exchange.client_sent_at {
            let offset = sent_at.since(exchange.question.at).as_seconds();
            per_client
                .entry(exchange.client.ip())
                .or_default()
                .push(offset);
        }
    }
    let clocks = per_client.into_iter().filter_map(|(client, offsets)| {
        let least = offsets.iter().copied().min_by(f64::total_cmp)?;
        let greatest = offsets.iter().copied().max_by(f64::total_cmp)?;
        (offsets.len() >= LEAST_QUESTIONS && greatest - least <= AGREE_WITHIN).then(|| Clock {
            source: format!(
                "client {client} seen from capture point {}",
                vantage.number + 1
            ),
            offset_min_s: least,
            offset_max_s: greatest + ON_THE_WAY,
            basis: format!("transmit times of its {} NTP questions", offsets.len()),
        })
    });
    clocks.collect()
}
