//! Offsets between the clocks of the evidence: the capturing machine's, the
//! servers', and that of the machine whose caches were handed over.
//!
//! The capture's clock is the reference. An offset is an interval that holds
//! the truth as far as the evidence goes, never a single number.

mod access;
mod host;
mod interval;
mod logs;
mod servers;
mod turned;

use crate::case::Case;

pub use access::by_access_logs;
pub use host::by_copies;
pub use servers::servers;

/// The offset of one clock from the reference, in seconds; positive when this
/// clock is ahead.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// Whose clock: `servers seen from capture 1`, `caches of PC-17`.
    pub source: String,
    /// Least offset.
    pub offset_min_s: f64,
    /// Greatest offset.
    pub offset_max_s: f64,
    /// What it was computed from.
    pub basis: String,
}

/// Compares every pair of clocks that the evidence lets meet.
#[must_use]
pub fn clocks(case: &Case) -> Vec<Clock> {
    let mut clocks: Vec<Clock> = Vec::new();
    for vantage in &case.vantages {
        clocks.extend(servers(case, vantage));
        clocks.extend(servers::time_servers(case, vantage));
        clocks.extend(servers::asking_clients(case, vantage));
        clocks.extend(turned::turned(case, vantage));
    }
    for machine in 0..case.machines.len() {
        clocks.extend(host::by_copies(case, machine));
        clocks.extend(host::behind_its_objects(case, machine));
        clocks.extend(logs::by_contacts(case, machine));
    }
    clocks.extend(by_access_logs(case));
    clocks
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::net::SocketAddr;

    use super::*;
    use crate::case::Vantage;
    use crate::protocol::http::Headers;
    use crate::protocol::ntp::NtpExchange;
    use crate::provenance::{Cite, EvidenceId, Sighting};
    use crate::retrieval::Retrieval;
    use crate::time::{Span, Timestamp};

    /// 2026-06-01 10:00:00 UTC by the true clock.
    fn truth(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_780_308_000 + seconds, 0).unwrap()
    }

    fn date(at: Timestamp) -> String {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let text = at.to_rfc3339();
        let day = usize::try_from(at.unix_seconds().div_euclid(86_400).rem_euclid(7)).unwrap();
        let month: usize = text[5..7].parse().unwrap();
        let (year, of_month, clock) = (&text[..4], &text[8..10], &text[11..19]);
        format!(
            "{}, {of_month} {} {year} {clock} GMT",
            DAYS[day],
            MONTHS[month - 1]
        )
    }

    /// An answer of an exact server, captured by a clock that is `shift` ahead.
    fn answer(host: &str, at: i64, shift: Span, extra: &[(&str, &str)]) -> Retrieval {
        let mut retrieval = Retrieval::new(truth(at).plus(shift), truth(at + 1).plus(shift));
        retrieval.vantage = Some(0);
        retrieval.host = Some(host.to_owned());
        let mut headers = vec![("Date".to_owned(), date(truth(at)))];
        headers.extend(
            extra
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        retrieval.response_headers = Headers(headers);
        retrieval.cites = vec![Cite::packets(EvidenceId(0), [u64::try_from(at).unwrap()])];
        retrieval
    }

    fn case(retrievals: Vec<Retrieval>) -> Case {
        Case {
            retrieval_machines: vec![None; retrievals.len()],
            retrievals,
            vantages: vec![Vantage::default()],
            ..Case::default()
        }
    }

    /// Seconds to years, both ways.
    const SHIFTS: [i64; 12] = [
        0,
        1,
        -1,
        59,
        -61,
        3_600,
        -7_200,
        86_400,
        -2_592_000,
        31_536_000,
        -94_608_000,
        315_360_000,
    ];

    fn holds(clock: &Clock, offset: i64) -> bool {
        let offset = offset as f64;
        clock.offset_min_s <= offset && offset <= clock.offset_max_s
    }

    #[test]
    fn the_interval_of_the_servers_holds_the_truth_for_every_shift_of_the_capture() {
        for seconds in SHIFTS {
            let shift = Span::seconds(seconds);
            let case = case(vec![
                answer("a.example", 10, shift, &[]),
                answer("b.example", 40, shift, &[]),
                answer("c.example", 70, shift, &[]),
                // A proxy's copy from last week, and one that hides its age.
                answer("d.example", 80, shift, &[("Age", "600000")]),
                {
                    let mut stale = answer("e.example", 90, shift, &[]);
                    stale.response_headers.0[0].1 = date(truth(-600_000));
                    stale
                },
            ]);
            let servers = servers(&case, &case.vantages[0]).unwrap();
            assert!(holds(&servers, -seconds), "{seconds}: {servers:?}");
            assert!(servers.offset_max_s - servers.offset_min_s < 5.0);
        }
    }

    #[test]
    fn two_servers_that_contradict_each_other_leave_both_readings() {
        let mut wrong = answer("b.example", 40, Span::seconds(0), &[]);
        wrong.response_headers.0[0].1 = date(truth(40 + 86_400));
        let case = case(vec![answer("a.example", 10, Span::seconds(0), &[]), wrong]);
        let servers = servers(&case, &case.vantages[0]).unwrap();
        assert!(holds(&servers, 0) && holds(&servers, 86_400));
    }

    #[test]
    fn the_interval_of_time_servers_holds_the_truth_for_every_shift() {
        let sighting = |at: Timestamp| Sighting {
            at,
            evidence: EvidenceId(0),
            packet: 1,
        };
        for seconds in SHIFTS {
            let shift = Span::seconds(seconds);
            let exchange = |at: i64, server: &str| NtpExchange {
                vantage: 0,
                client: "10.0.0.5:123".parse::<SocketAddr>().unwrap(),
                server: server.parse().unwrap(),
                client_sent_at: Some(truth(at).plus(shift)),
                received_at: truth(at),
                transmitted_at: truth(at),
                question: sighting(truth(at).plus(shift)),
                answer: sighting(truth(at + 1).plus(shift)),
            };
            let case = Case {
                ntp: vec![exchange(10, "10.0.0.1:123"), exchange(74, "10.0.0.2:123")],
                vantages: vec![Vantage::default()],
                ..Case::default()
            };
            let clocks = clocks(&case);
            assert_eq!(clocks.len(), 2, "servers and the client");
            assert!(holds(&clocks[0], -seconds), "{seconds}: {clocks:?}");
            assert!(holds(&clocks[1], 0), "{seconds}: {clocks:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_in_the_middle_is_found() {
        let back = Span::seconds(-3_600);
        let none = Span::seconds(0);
        let case = case(vec![
            answer("a.example", 10, none, &[]),
            answer("b.example", 20, none, &[]),
            answer("a.example", 4_000, back, &[]),
            answer("b.example", 4_010, back, &[]),
        ]);
        let clocks = clocks(&case);
        let turned = clocks
            .iter()
            .find(|clock| clock.basis.contains("set back"))
            .unwrap();
        assert!(holds(turned, -3_600), "{turned:?}");
        let steady = super::clocks(&super::tests::case(vec![
            answer("a.example", 10, none, &[]),
            answer("a.example", 20, none, &[]),
            answer("b.example", 4_000, none, &[]),
        ]));
        assert!(steady.iter().all(|clock| !clock.basis.contains("set")));
    }
}
