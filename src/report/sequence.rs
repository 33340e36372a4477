//! What happened, in order: which attempts, handshakes and cache writes tell
//! the story of an incident, and between which stations each one went.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::cells;
use super::cite::Names;
use super::look::Look;
use crate::account::Account;
use crate::case::{Case, Handshake, HandshakeOutcome};
use crate::diagnosis::Incident;
use crate::flow::Direction;
use crate::phrase;
use crate::pipeline::Explained;
use crate::protocol::tls::ServerCertificates;
use crate::retrieval::{Outcome, Retrieval, RouteKind};
use crate::time::{Span, Timestamp};
use crate::words;

/// A station of the picture; the order of the kinds is that of the lanes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// An account's cache on a machine.
    Cache(Option<usize>, Account),
    /// An account of a machine, or its address where the account is not known.
    Client(Option<usize>, Option<IpAddr>, Option<Account>),
    /// A proxy, by address or name.
    Proxy(String),
    /// A host that serves objects, or a site.
    Origin(String),
}

/// How a step looks to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mood {
    /// It worked.
    Good,
    /// It failed.
    Bad,
    /// The evidence does not tell.
    Unsure,
}

/// How the way of a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// An answer came back.
    Answered,
    /// It never arrived.
    Lost,
    /// It arrived, and the answer did not come back whole.
    Broken,
    /// There is nothing to come back.
    OneWay,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// When.
    pub(super) at: Timestamp,
    /// The stations on its way, as indices of lanes.
    pub(super) way: Vec<usize>,
    /// How the way ended.
    pub(super) end: End,
    /// What was asked or said.
    pub(super) what: String,
    /// How it came out.
    pub(super) result: String,
    /// Good or bad.
    pub(super) mood: Mood,
    /// Frames, or the clock where there are none.
    pub(super) place: String,
}

/// The steps of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sequence {
    /// The stations: title and line below it.
    pub(super) lanes: Vec<(Lane, String, String)>,
    /// The steps, by time.
    pub(super) steps: Vec<Step>,
    /// Steps that had no room.
    pub(super) left_out: usize,
    /// The machine it is drawn for.
    pub(super) machine: Option<usize>,
}

/// The steps of an incident, or of the whole case where nothing failed; `None`
/// when there are none.
pub(super) fn sequence(
    explained: &Explained,
    incident: Option<&Incident>,
    names: &Names<'_>,
    look: &Look,
) -> Option<Sequence> {
    let case = &explained.case;
    let scope = Scope::of(explained, incident);
    let mut drafts = drafts(case, &scope, names, look);
    drafts.sort_by(|a, b| (a.rank, a.step.at, &a.way).cmp(&(b.rank, b.step.at, &b.way)));
    let mut stations: BTreeSet<Lane> = BTreeSet::new();
    let mut kept: Vec<Draft> = Vec::new();
    let mut left_out = 0;
    for draft in drafts {
        let new = draft.way.iter().filter(|lane| !stations.contains(*lane));
        if kept.len() >= MAX_STEPS || stations.len() + new.count() > MAX_LANES {
            left_out += 1;
            continue;
        }
        stations.extend(draft.way.iter().cloned());
        kept.push(draft);
    }
    kept.sort_by(|a, b| (a.step.at, a.part, &a.way).cmp(&(b.step.at, b.part, &b.way)));
    if kept.is_empty() {
        return None;
    }
    let lanes = lanes(case, look, &kept);
    let steps = kept.into_iter().map(|draft| {
        let places = draft.way.iter();
        let way = places.filter_map(|lane| lanes.iter().position(|(known, ..)| known == lane));
        Step {
            way: way.collect(),
            ..draft.step
        }
    });
    Some(Sequence {
        steps: steps.collect(),
        lanes,
        left_out,
        machine: scope.machine,
    })
}

/// What belongs to the story.
struct Scope {
    machine: Option<usize>,
    retrievals: BTreeSet<usize>,
    handshakes: BTreeSet<usize>,
    hosts: BTreeSet<String>,
    window: Option<(Timestamp, Timestamp)>,
}

impl Scope {
    fn of(explained: &Explained, incident: Option<&Incident>) -> Self {
        let case = &explained.case;
        let Some(incident) = incident else {
            let first = case
                .handshakes
                .first()
                .and_then(|handshake| handshake.machine);
            return Scope {
                machine: first,
                retrievals: BTreeSet::new(),
                handshakes: BTreeSet::new(),
                hosts: BTreeSet::new(),
                window: None,
            };
        };
        let failures = incident
            .failures
            .iter()
            .filter_map(|index| explained.diagnosis.failures.get(*index));
        let machine = incident.machines.first().copied();
        // Of an incident of many machines, one is drawn.
        let failures: Vec<_> = failures
            .filter(|failure| machine.is_none() || failure.machine == machine)
            .collect();
        let retrievals: BTreeSet<usize> = failures
            .iter()
            .flat_map(|failure| failure.retrievals.iter().copied())
            .collect();
        let hosts = retrievals.iter().filter_map(|index| {
            let retrieval = case.retrievals.get(*index)?;
            retrieval.host.clone()
        });
        let first = failures.iter().map(|failure| failure.at).min();
        let last = failures.iter().map(|failure| failure.at).max();
        Scope {
            machine,
            hosts: hosts.collect(),
            handshakes: failures
                .iter()
                .filter_map(|failure| failure.handshake)
                .collect(),
            retrievals,
            window: first.zip(last).map(|(first, last)| {
                (
                    first.plus(Span::seconds(-BEFORE)),
                    last.plus(Span::seconds(AFTER)),
                )
            }),
        }
    }

    /// How near to the story something is; `None` for what is not part of it.
    fn rank(
        &self,
        chosen: bool,
        machine: Option<usize>,
        host: Option<&str>,
        at: Timestamp,
    ) -> Option<u8> {
        if chosen {
            return Some(0);
        }
        if self.machine.is_some() && machine != self.machine {
            return None;
        }
        let Some((first, last)) = self.window else {
            return Some(2);
        };
        let near = (first..=last).contains(&at);
        let same = host.is_some_and(|host| self.hosts.contains(host));
        near.then_some(if same { 1 } else { 2 })
    }
}

/// A step before its lanes have places.
struct Draft {
    rank: u8,
    part: u8,
    way: Vec<Lane>,
    step: Step,
}

fn drafts(case: &Case, scope: &Scope, names: &Names<'_>, look: &Look) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, retrieval) in case.retrievals.iter().enumerate() {
        let machine = case.retrieval_machines.get(index).copied().flatten();
        let chosen = scope.retrievals.contains(&index);
        let host = retrieval.host.as_deref();
        if let Some(rank) = scope.rank(chosen, machine, host, retrieval.started_at) {
            drafts.push(attempt(names, look, rank, machine, retrieval));
            drafts.extend(kept_in_cache(case, look, rank, machine, retrieval));
        }
    }
    for (index, handshake) in case.handshakes.iter().enumerate() {
        let chosen = scope.handshakes.contains(&index);
        let host = handshake.site.as_deref();
        if let Some(rank) = scope.rank(chosen, handshake.machine, host, handshake.at) {
            drafts.extend(handshake_steps(case, names, look, rank, handshake));
        }
    }
    drafts
}

fn attempt(
    names: &Names<'_>,
    look: &Look,
    rank: u8,
    machine: Option<usize>,
    retrieval: &Retrieval,
) -> Draft {
    let client = retrieval.client.map(|client| client.ip());
    let mut way = vec![client_lane(machine, client, retrieval.account.as_ref())];
    let route = &retrieval.route;
    if route.kind.is_explicit_proxy() {
        let proxy = route.proxy.or(retrieval.server);
        let name = proxy.map_or_else(
            || "of unknown address".to_owned(),
            |proxy| proxy.to_string(),
        );
        way.push(Lane::Proxy(name));
    } else if route.kind == RouteKind::TransparentProxy {
        let name = route
            .hops
            .last()
            .map_or("transparent", |hop| hop.name.as_str());
        way.push(Lane::Proxy(name.to_owned()));
    }
    if cells::reached_origin(retrieval) || way.len() == 1 {
        let host = retrieval.host.clone();
        let host = host.or_else(|| retrieval.server.map(|server| server.to_string()));
        way.extend(host.map(Lane::Origin));
    }
    let mood = match retrieval.outcome {
        Outcome::IncompleteCapture => Mood::Unsure,
        outcome if outcome.is_failure() => Mood::Bad,
        _ => Mood::Good,
    };
    let object = phrase::object_phrase(retrieval);
    let result = cells::result(look, retrieval);
    let (asked, result) = match (&retrieval.method, &retrieval.url) {
        (Some(method), Some(url)) => {
            let asked = format!("{method} {}", file_of(url));
            (asked, format!("{object}: {result}"))
        }
        _ => (words::sentence(object), result),
    };
    Draft {
        rank,
        part: 1,
        way,
        step: Step {
            at: retrieval.started_at,
            way: Vec::new(),
            end: end_of(retrieval.outcome),
            what: look.shown(&asked, MAX_TEXT),
            result,
            mood,
            place: place(names, look, &retrieval.cites),
        },
    }
}

fn end_of(outcome: Outcome) -> End {
    match outcome {
        Outcome::NoSuchName
        | Outcome::NameTimeout
        | Outcome::ConnectTimeout
        | Outcome::Unreachable => End::Lost,
        Outcome::Reset
        | Outcome::Stalled
        | Outcome::NoAnswer
        | Outcome::Truncated
        | Outcome::IncompleteCapture => End::Broken,
        _ => End::Answered,
    }
}

/// The last part of a URL's path, else the host: what people call the object.
pub(super) fn file_of(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.trim_end_matches('/');
    rest.rsplit('/').next().unwrap_or(rest)
}

fn kept_in_cache(
    case: &Case,
    look: &Look,
    rank: u8,
    machine: Option<usize>,
    retrieval: &Retrieval,
) -> Option<Draft> {
    let entry = case.cache_entries.get(retrieval.cache_entry?)?;
    let record = entry.record.as_ref()?;
    let synced = record.last_sync_at?;
    // By the host's clock; drawn where the download ended, never before it.
    let client = retrieval.client.map(|client| client.ip());
    let from = client_lane(machine, client, retrieval.account.as_ref());
    Some(Draft {
        rank,
        part: 2,
        way: vec![from, Lane::Cache(machine, entry.owner.clone())],
        step: Step {
            at: retrieval.ended_at,
            way: Vec::new(),
            end: End::OneWay,
            what: format!("Kept: {}", look.shown(file_of(&record.url), MAX_TEXT)),
            result: format!(
                "by its own clock {}",
                near(look, synced, retrieval.ended_at)
            ),
            mood: Mood::Good,
            place: "cache file".to_owned(),
        },
    })
}

/// A time, without its day where that is the day of another one.
fn near(look: &Look, at: Timestamp, other: Timestamp) -> String {
    let (day, time) = look.day_and_time(at);
    match day == look.day_and_time(other).0 {
        true => time,
        false => look.time(at),
    }
}

fn client_lane(machine: Option<usize>, client: Option<IpAddr>, account: Option<&Account>) -> Lane {
    // One machine is one lane for each account, whatever its addresses are.
    let client = client.filter(|_| machine.is_none());
    Lane::Client(machine, client, account.cloned())
}

fn handshake_steps(
    case: &Case,
    names: &Names<'_>,
    look: &Look,
    rank: u8,
    handshake: &Handshake,
) -> Vec<Draft> {
    let mut way = vec![client_lane(
        handshake.machine,
        Some(handshake.client.ip()),
        None,
    )];
    if handshake.tunnel.is_some() {
        way.push(Lane::Proxy(handshake.server.to_string()));
    }
    way.push(Lane::Origin(phrase::site_of(handshake)));
    let version = handshake.version.unwrap_or("TLS");
    let sent = match &handshake.certificates {
        ServerCertificates::Sent { list, .. } => {
            let count = words::count(list.len() as u64, "certificate", "certificates");
            let named = phrase::certificate_names(case, handshake);
            match named.is_empty() {
                true => format!("server sends {count}"),
                false => format!("sends {}", look.shown(&named.join(" < "), MAX_TEXT)),
            }
        }
        ServerCertificates::Hidden(by) => format!("certificates {}", phrase::hidden_phrase(*by)),
        ServerCertificates::NotSeen => "no certificates seen".to_owned(),
    };
    let unanswered = handshake.outcome == HandshakeOutcome::Unanswered;
    let mut drafts = vec![Draft {
        rank,
        part: 0,
        way: way.clone(),
        step: Step {
            at: handshake.at,
            way: Vec::new(),
            end: if unanswered { End::Lost } else { End::Answered },
            what: format!("{version} handshake"),
            result: sent,
            mood: if unanswered { Mood::Bad } else { Mood::Good },
            place: place(names, look, &handshake.cites),
        },
    }];
    let mood = match handshake.outcome {
        HandshakeOutcome::Completed => Mood::Good,
        HandshakeOutcome::IncompleteCapture => Mood::Unsure,
        HandshakeOutcome::Unanswered => return drafts,
        _ => Mood::Bad,
    };
    let by_server = handshake
        .alert
        .as_ref()
        .is_some_and(|alert| alert.by == Direction::ToClient);
    if handshake.outcome == HandshakeOutcome::ServerClosed || (by_server && mood == Mood::Bad) {
        way.reverse();
    }
    let reaction = handshake.reaction.as_ref();
    let what = match mood {
        Mood::Good => "Handshake completed",
        Mood::Unsure => "End of the handshake",
        Mood::Bad => "Handshake broken off",
    };
    drafts.push(Draft {
        rank,
        part: 3,
        way,
        step: Step {
            at: reaction.map_or(handshake.ended_at, |reaction| reaction.at),
            way: Vec::new(),
            end: End::OneWay,
            what: what.to_owned(),
            result: cells::ending(handshake),
            mood,
            place: reaction.map_or_else(String::new, |it| place(names, look, &[it.cite()])),
        },
    });
    drafts
}

fn place(names: &Names<'_>, look: &Look, cites: &[crate::provenance::Cite]) -> String {
    let packets = look.shown(&names.packets(cites), MAX_TEXT);
    match packets.is_empty() {
        true => String::new(),
        false => format!("packets {packets}"),
    }
}

/// The lanes in order of kind, then of first use, with what is written above.
fn lanes(case: &Case, look: &Look, kept: &[Draft]) -> Vec<(Lane, String, String)> {
    let mut first_use: BTreeMap<&Lane, usize> = BTreeMap::new();
    for lane in kept.iter().flat_map(|draft| &draft.way) {
        let next = first_use.len();
        first_use.entry(lane).or_insert(next);
    }
    let mut lanes: Vec<(u8, usize, &Lane)> = first_use
        .iter()
        .map(|(lane, order)| (kind_of(lane), *order, *lane))
        .collect();
    lanes.sort_unstable();
    let head = |lane: &Lane| {
        let machine = |index: Option<usize>| phrase::machine_name(case, index);
        let (title, below) = match lane {
            Lane::Cache(index, account) => (
                format!("Cache of {account}"),
                machine(*index).unwrap_or_default(),
            ),
            Lane::Client(index, client, account) => {
                let client = client.map(|client| client.to_string());
                let name = machine(*index).or(client);
                let name = name.unwrap_or_else(|| "the machine".to_owned());
                match account {
                    Some(account) => (account.to_string(), name),
                    None => (name, "account not known".to_owned()),
                }
            }
            Lane::Proxy(name) => ("Proxy".to_owned(), name.clone()),
            Lane::Origin(host) => (host.clone(), String::new()),
        };
        (look.shown(&title, MAX_TEXT), look.shown(&below, MAX_TEXT))
    };
    let named = lanes.into_iter().map(|(_, _, lane)| {
        let (title, below) = head(lane);
        (lane.clone(), title, below)
    });
    named.collect()
}

fn kind_of(lane: &Lane) -> u8 {
    match lane {
        Lane::Cache(..) => 0,
        Lane::Client(..) => 1,
        Lane::Proxy(_) => 2,
        Lane::Origin(_) => 3,
    }
}

/// Steps of one picture: more do not fit on a page.
const MAX_STEPS: usize = 28;
/// Lanes of one picture: more cannot be told apart.
const MAX_LANES: usize = 9;
/// Seconds before the first failure in which something may belong to it.
const BEFORE: i64 = 600;
/// Seconds after the last failure: what Windows fetched just afterwards.
const AFTER: i64 = 60;
/// Characters of a text in the picture.
const MAX_TEXT: usize = 160;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::sample;

    fn of_sample() -> Sequence {
        let explained = sample::explained();
        let names = Names::of(&explained.case);
        let incident = explained.diagnosis.incidents.first();
        sequence(&explained, incident, &names, &Look::default()).unwrap()
    }

    #[test]
    fn lanes_run_from_caches_to_origins_and_steps_by_time() {
        let sequence = of_sample();
        let kinds: Vec<u8> = sequence
            .lanes
            .iter()
            .map(|(lane, ..)| kind_of(lane))
            .collect();
        assert!(kinds.is_sorted(), "{kinds:?}");
        assert!(sequence.steps.is_sorted_by_key(|step| step.at));
        assert_eq!(sequence.left_out, 0);
    }

    #[test]
    fn a_direct_attempt_without_an_answer_is_lost_on_its_way() {
        let sequence = of_sample();
        let lost = sequence.steps.iter().find(|step| step.end == End::Lost);
        let lost = lost.unwrap();
        assert_eq!(lost.mood, Mood::Bad);
        let far = &sequence.lanes[*lost.way.last().unwrap()];
        assert_eq!(far.1, "www.microsoft.com");
    }

    #[test]
    fn an_empty_case_has_no_picture() {
        let explained = sample::empty();
        let names = Names::of(&explained.case);
        assert_eq!(sequence(&explained, None, &names, &Look::default()), None);
    }

    #[test]
    fn the_file_of_a_url_is_its_last_part() {
        assert_eq!(file_of("http://a.example/x/list.cab?73b"), "list.cab");
        assert_eq!(file_of("http://a.example/"), "a.example");
        assert_eq!(file_of("nonsense"), "nonsense");
    }
}
