//! Lines of access logs joined with what was seen on the wire.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Case, Machine};
use crate::cryptnet;
use crate::host::access_log::{AccessLine, AccessLog};
use crate::retrieval::{Accessed, KnownUrls, Retrieval, accessed};
use crate::time::{Span, Timestamp};

/// An attempt that a log tells of.
#[derive(Debug)]
pub struct Line {
    /// Index of the log among the hosts.
    pub host: usize,
    /// Who asked, as the log's server saw it.
    pub client: Option<IpAddr>,
    /// The attempt.
    pub retrieval: Retrieval,
}

/// Rounds of one login follow each other at once.
const LOGIN_WITHIN: Span = Span::seconds(10);
/// Successes kept of one log: what went well only shows that a way is open.
const MAX_SUCCESSES: usize = 5_000;
/// Failures kept of one log.
const MAX_FAILURES: usize = 20_000;
/// A line and packets tell of one attempt when they end this near, where the
/// difference between the clocks is not known.
const SAME_ATTEMPT: Span = Span::seconds(60);
/// The same, where several attempts show the difference.
const SAME_SHIFTED: Span = Span::seconds(3);

/// Every attempt of the access logs, and how many were left out.
#[must_use]
pub fn attempts(case: &Case, known: &KnownUrls, all_http: bool) -> (Vec<Line>, u64) {
    let mut found = Vec::new();
    let mut left_out = 0;
    for (host, source) in case.hosts.iter().enumerate() {
        let Some(log) = source.access() else { continue };
        let (mut good, mut bad) = (0, 0);
        for rounds in rounds(log) {
            let cites = rounds.iter().map(|line| source.line(line.line)).collect();
            let client = rounds.last().and_then(|line| line.client);
            let form = log.form;
            let told = Accessed {
                form,
                rounds,
                cites,
            };
            let Some(retrieval) = accessed(&told, known, all_http) else {
                continue;
            };
            let (count, limit) = match retrieval.outcome.is_success() {
                true => (&mut good, MAX_SUCCESSES),
                false => (&mut bad, MAX_FAILURES),
            };
            *count += 1;
            if *count > limit {
                left_out += 1;
                continue;
            }
            found.push(Line {
                host,
                client,
                retrieval,
            });
        }
    }
    (found, left_out)
}

/// Puts the rounds of one login together: the same client asks for the same URL
/// again right after it was asked to log on.
fn rounds(log: &AccessLog) -> Vec<Vec<&AccessLine>> {
    let mut found: Vec<Vec<&AccessLine>> = Vec::new();
    let mut open: BTreeMap<(Option<IpAddr>, &str), (usize, Timestamp)> = BTreeMap::new();
    for line in &log.lines {
        let Some(at) = line.time.and_then(|time| time.utc()) else {
            continue;
        };
        let key = (line.client, line.url.as_str());
        let asks = matches!(line.status, Some(401 | 407));
        let before = open.remove(&key);
        let before = before.filter(|(_, then)| at.since(*then).abs() <= LOGIN_WITHIN);
        let at_index = match before {
            Some((index, _)) => {
                if let Some(attempt) = found.get_mut(index) {
                    attempt.push(line);
                }
                index
            }
            None => {
                found.push(vec![line]);
                found.len() - 1
            }
        };
        if asks {
            open.insert(key, (at_index, at));
        }
    }
    found
}

/// True when a line and an attempt on the wire can be the same one, whatever
/// their clocks say.
fn is_alike(line: &Line, seen: &Retrieval) -> bool {
    let same_client = match (line.client, seen.client) {
        (Some(one), Some(other)) => one == other.ip(),
        _ => false,
    };
    let (one, other) = (&line.retrieval, seen);
    let same_url = match (&one.url, &other.url) {
        (Some(one), Some(other)) => cryptnet::same_resource(one, other),
        _ => one.host.is_some() && one.host == other.host,
    };
    let same_end = one.status == other.status || other.status.is_none();
    seen.vantage.is_some() && same_client && same_url && same_end
}

/// By how much the clock of a log is ahead of the captures', as most attempts
/// that are alike say; `None` where fewer than two agree.
fn shift(lines: &[&Line], case: &Case) -> Option<Span> {
    /// Pairs looked at: a client that polls has many.
    const MAX_PAIRS: usize = 20_000;
    let pairs = lines.iter().flat_map(|line| {
        let alike = case.retrievals.iter().filter(|seen| is_alike(line, seen));
        alike.map(|seen| line.retrieval.ended_at.since(seen.ended_at))
    });
    let mut apart: Vec<Span> = pairs.take(MAX_PAIRS).collect();
    apart.sort();
    let mut best: Option<(usize, Span)> = None;
    for (from, first) in apart.iter().enumerate() {
        let rest = apart.get(from..).unwrap_or_default();
        let limit = first.as_seconds() + SAME_SHIFTED.as_seconds();
        let count = rest.partition_point(|it| it.as_seconds() <= limit);
        let middle = rest.get(count / 2).copied().unwrap_or(*first);
        let better = best.is_none_or(|(most, known)| {
            count > most || (count == most && middle.abs() < known.abs())
        });
        if better {
            best = Some((count, middle));
        }
    }
    best.filter(|(count, _)| *count >= 2)
        .map(|(_, shift)| shift)
}

/// Joins lines with attempts on the wire; what only a log tells becomes an
/// attempt of its own. An identity in a line is the account of that attempt
/// alone, and of a joined one only where nothing else names it.
pub fn join(case: &mut Case, lines: Vec<Line>) {
    if lines.is_empty() {
        return;
    }
    let hosts: BTreeSet<usize> = lines.iter().map(|line| line.host).collect();
    let shifts: BTreeMap<usize, Option<Span>> = hosts
        .into_iter()
        .map(|host| {
            let own: Vec<&Line> = lines.iter().filter(|line| line.host == host).collect();
            (host, shift(&own, case))
        })
        .collect();
    let mut taken = vec![false; case.retrievals.len()];
    // Logs that show the same network as the captures: equal addresses are equal
    // machines there.
    let mut same_network: BTreeSet<usize> = BTreeSet::new();
    let mut alone = Vec::new();
    for line in lines {
        let known = shifts.get(&line.host).copied().flatten();
        let (ahead, within) = match known {
            Some(shift) => (shift, SAME_SHIFTED),
            None => (Span::seconds(0), SAME_ATTEMPT),
        };
        let distance = |seen: &Retrieval| {
            let end = line.retrieval.ended_at.earlier_by(ahead);
            end.since(seen.ended_at).abs()
        };
        let candidates = case.retrievals.iter().enumerate().filter(|(at, seen)| {
            let free = !taken.get(*at).copied().unwrap_or(true);
            free && is_alike(&line, seen) && distance(seen) <= within
        });
        let nearest = candidates.min_by_key(|(at, seen)| (distance(seen), *at));
        match nearest.map(|(at, _)| at) {
            Some(at) => {
                same_network.insert(line.host);
                if let Some(flag) = taken.get_mut(at) {
                    *flag = true;
                }
                if let Some(seen) = case.retrievals.get_mut(at) {
                    enrich(seen, line.retrieval);
                }
            }
            None => alone.push(line),
        }
    }
    let added: Vec<(Retrieval, Option<usize>)> = alone
        .into_iter()
        .map(|line| {
            let machine = machine_of(case, &line, same_network.contains(&line.host));
            (line.retrieval, machine)
        })
        .collect();
    let seen = std::mem::take(&mut case.retrievals);
    let owners = std::mem::take(&mut case.retrieval_machines);
    let mut all: Vec<(Retrieval, Option<usize>)> = seen.into_iter().zip(owners).collect();
    all.extend(added);
    all.sort_by(|(one, _), (other, _)| {
        (one.started_at, &one.cites, &one.url).cmp(&(other.started_at, &other.cites, &other.url))
    });
    (case.retrievals, case.retrieval_machines) = all.into_iter().unzip();
}

fn enrich(seen: &mut Retrieval, line: Retrieval) {
    seen.account = seen.account.take().or(line.account);
    seen.user_agent = seen.user_agent.take().or(line.user_agent);
    if seen.detail.is_none() && seen.outcome.is_failure() {
        seen.detail = line.detail;
    }
    seen.cites.extend(line.cites);
}

/// The machine of a client that only a log shows: the one with its address,
/// where log and captures show the same network; else one of its own.
fn machine_of(case: &mut Case, line: &Line, same_network: bool) -> Option<usize> {
    let client = line.client?;
    let label = case.hosts.get(line.host)?.label.clone();
    let because = format!("an address in {label}");
    let own = |machine: &Machine| machine.joined_because.as_deref() == Some(because.as_str());
    let has = |machine: &Machine| machine.addresses.contains(&client);
    let numbered = || case.machines.iter().enumerate();
    if same_network {
        let mut of_address = numbered().filter(|(_, machine)| has(machine));
        if let (Some((index, _)), None) = (of_address.next(), of_address.next()) {
            return Some(index);
        }
    }
    let known = numbered().find(|(_, machine)| has(machine) && own(machine));
    let known = known.map(|(index, _)| index);
    let index = known.unwrap_or_else(|| {
        case.machines.push(Machine {
            addresses: vec![client],
            joined_because: Some(because.clone()),
            ..Machine::default()
        });
        case.machines.len() - 1
    });
    if let Some(machine) = case.machines.get_mut(index) {
        // One place is enough to show it.
        if machine.cites.is_empty() {
            machine.cites.extend(line.retrieval.cites.first().cloned());
        }
    }
    Some(index)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::host::{HostFacts, HostSource, access_log};
    use crate::provenance::EvidenceId;

    const LOG: &str = "1795294800.500 2 10.9.0.20 TCP_DENIED/407 4010 GET http://crl.example/a.crl - HIER_NONE/- text/html
1795294800.600 90 10.9.0.20 TCP_MISS/200 812 GET http://crl.example/a.crl CORP%5calice HIER_DIRECT/192.0.2.1 application/pkix-crl
1795294830.000 9 10.9.0.20 TCP_MISS/200 812 GET http://crl.example/b.crl - HIER_DIRECT/192.0.2.1 application/pkix-crl
1795294860.000 9 10.9.0.21 TCP_DENIED/403 812 GET http://crl.example/b.crl - HIER_NONE/- text/html
";

    fn case(seen: &[(&str, u16, i64)]) -> Case {
        let source = HostSource {
            evidence: EvidenceId(0),
            hand_over: "access.log".into(),
            machine: None,
            label: "access.log".into(),
            facts: HostFacts::Access(Box::new(access_log::read(LOG))),
        };
        let mut case = Case {
            hosts: vec![source],
            host_machines: vec![None],
            machines: vec![Machine {
                addresses: vec!["10.9.0.20".parse().unwrap()],
                ..Machine::default()
            }],
            ..Case::default()
        };
        for (url, status, seconds) in seen {
            let at = Timestamp::from_unix(*seconds, 0).unwrap();
            let mut retrieval = Retrieval::new(at, at);
            retrieval.url = Some((*url).to_owned());
            retrieval.status = Some(*status);
            retrieval.client = Some("10.9.0.20:50000".parse().unwrap());
            retrieval.vantage = Some(0);
            case.retrievals.push(retrieval);
            case.retrieval_machines.push(Some(0));
        }
        case
    }

    fn joined(seen: &[(&str, u16, i64)]) -> Case {
        let mut case = case(seen);
        let (lines, left_out) = attempts(&case, &KnownUrls::default(), false);
        assert_eq!((lines.len(), left_out), (3, 0), "a login is one attempt");
        join(&mut case, lines);
        case
    }

    #[test]
    fn a_line_of_the_download_on_the_wire_adds_its_identity_and_no_attempt() {
        let case = joined(&[("http://crl.example/a.crl", 200, 1_795_294_801)]);
        assert_eq!(case.retrievals.len(), 3);
        let seen = &case.retrievals[0];
        assert_eq!(
            seen.account.as_ref().unwrap().to_string(),
            "user CORP\\alice"
        );
        assert_eq!(seen.cites.len(), 2);
        // The identity is of that attempt alone.
        assert_eq!(case.retrievals[1].account, None);
        // The log shows the network of the capture: equal addresses, one machine.
        assert_eq!(case.retrieval_machines, [Some(0), Some(0), Some(1)]);
    }

    #[test]
    fn clocks_that_differ_by_hours_are_aligned_when_two_downloads_agree() {
        let ahead = 7_200;
        let case = joined(&[
            ("http://crl.example/a.crl", 200, 1_795_294_800 - ahead),
            ("http://crl.example/b.crl", 200, 1_795_294_830 - ahead),
        ]);
        assert_eq!(case.retrievals.len(), 3);
        let alone = joined(&[("http://crl.example/a.crl", 200, 1_795_294_800 - ahead)]);
        assert_eq!(alone.retrievals.len(), 4, "one pair shows no difference");
    }

    #[test]
    fn a_log_that_shows_another_network_has_machines_of_its_own() {
        let case = joined(&[]);
        assert_eq!(case.machines.len(), 3);
        assert_eq!(case.retrieval_machines, [Some(1), Some(1), Some(2)]);
    }
}
