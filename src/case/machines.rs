//! Which machines the evidence speaks of, and which facts are whose.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::hand_overs::{self, Group};
use super::{Case, Machine, clock_shift, contacts};
use crate::account::Account;
use crate::cryptnet::{self, CacheEntry};
use crate::provenance::Cite;
use crate::retrieval::Retrieval;
use crate::time::Span;

/// Where a fact that needs a machine comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// A client address at a vantage point.
    Client(u32, IpAddr),
    /// A hand-over of caches with the machine's name in it.
    HandOver(String, Option<String>),
}

/// Finds the machines, joins a hand-over with a client where downloads show it,
/// and gives every retrieval, handshake and cache entry its machine.
pub fn assign(case: &mut Case, recorded: &[(usize, Retrieval)]) {
    let mut clients: BTreeSet<Source> = BTreeSet::new();
    for retrieval in &case.retrievals {
        clients.extend(client_of(case, retrieval));
    }
    for handshake in &case.handshakes {
        clients.insert(client_at(case, handshake.vantage, handshake.client.ip()));
    }
    let mut hand_overs: BTreeSet<Source> = case.cache_entries.iter().map(hand_over_of).collect();
    let hosts = 0..case.hosts.len();
    hand_overs.extend(hosts.filter_map(|host| hand_overs::hand_over_of(case, host)));
    let mut groups = hand_overs::groups(case, &hand_overs);
    hand_overs::loose(&mut groups, case);
    let joined = joins(case, &groups, &clients, recorded);

    let mut index_of: BTreeMap<Source, usize> = BTreeMap::new();
    for client in clients {
        index_of.insert(client, case.machines.len());
        case.machines.push(Machine::default());
    }
    for (group, (client, because)) in groups.into_iter().zip(joined) {
        let shift = client
            .as_ref()
            .and_then(|client| large_shift(case, &group, client));
        let index = client.and_then(|client| index_of.get(&client).copied());
        let index = index.unwrap_or_else(|| {
            case.machines.push(Machine::default());
            case.machines.len() - 1
        });
        if let Some(machine) = case.machines.get_mut(index) {
            machine.joined_because = because.or(group.because);
            machine.clock_shift = shift;
            machine.names.extend(group.names);
            machine.addresses.extend(group.addresses);
        }
        for member in group.members {
            index_of.insert(member, index);
        }
    }
    fill(case, &index_of);
}

fn client_of(case: &Case, retrieval: &crate::retrieval::Retrieval) -> Option<Source> {
    Some(client_at(case, retrieval.vantage?, retrieval.client?.ip()))
}

/// A client that two vantage points show is one, as its conversations tell.
fn client_at(case: &Case, vantage: u32, address: IpAddr) -> Source {
    let same = case.same_clients.get(&(vantage, address)).copied();
    Source::Client(same.unwrap_or(vantage), address)
}

pub(super) fn hand_over_of(entry: &crate::cryptnet::CacheEntry) -> Source {
    Source::HandOver(entry.hand_over.clone(), entry.machine.clone())
}

/// For each group of hand-overs, the one client whose downloads lie in it: same
/// URL, same bytes, last synchronized when the download ended; or recorded by
/// its log at the time; or the one client with its address.
fn joins(
    case: &Case,
    groups: &[Group],
    clients: &BTreeSet<Source>,
    recorded: &[(usize, Retrieval)],
) -> Vec<(Option<Source>, Option<String>)> {
    let found = groups.iter().map(|group| {
        let copies = of_copies(case, group);
        let records = of_records(case, group, recorded);
        let (client, because) = match only_best(&copies) {
            Some((client, count)) => (client, copied_phrase(count)),
            None => match only_best(&records) {
                Some((client, count)) => (client, recorded_phrase(count)),
                None => match hand_overs::by_address(group, clients)
                    .or_else(|| by_contacts(case, group))
                {
                    Some(found) => found,
                    None => return (None, None),
                },
            },
        };
        (Some(client), Some(because))
    });
    found.collect()
}

fn only_best(matches: &BTreeMap<Source, usize>) -> Option<(Source, usize)> {
    let most = matches.values().copied().max()?;
    let mut best = matches.iter().filter(|(_, count)| **count == most);
    match (best.next(), best.next()) {
        (Some((client, count)), None) => Some((client.clone(), *count)),
        _ => None,
    }
}

fn copied_phrase(count: usize) -> String {
    let (noun, verb) = match count {
        1 => ("download", "lies"),
        _ => ("downloads", "lie"),
    };
    format!(
        "{count} {noun} of this client {verb} in these caches byte for byte, synchronized at the time of the download"
    )
}

fn recorded_phrase(count: usize) -> String {
    let (noun, verb) = match count {
        1 => ("attempt", "stands"),
        _ => ("attempts", "stand"),
    };
    format!("{count} {noun} of this client {verb} in its CAPI2 log at the same time")
}

/// The one client whose handshakes are those that the update logs of a group
/// tell of.
fn by_contacts(case: &Case, group: &Group) -> Option<(Source, String)> {
    let hosts = case.hosts.iter().enumerate();
    let own = hosts.filter(|(index, _)| {
        hand_overs::hand_over_of(case, *index).is_some_and(|it| group.members.contains(&it))
    });
    let told = contacts::contacts_in(own.map(|(_, source)| source));
    let clients = contacts::clients_of(case, &told);
    let mut clients = clients.into_iter();
    let ((vantage, address), count) = clients.next()?;
    if clients.next().is_some() {
        return None;
    }
    let (noun, verb) = match count {
        1 => ("contact", "is"),
        _ => ("contacts", "are"),
    };
    let because = format!(
        "{count} {noun} with the update server in these logs {verb} handshakes of this client, by name, port, end and time"
    );
    Some((client_at(case, vantage, address), because))
}

fn of_copies(case: &Case, group: &Group) -> BTreeMap<Source, usize> {
    let entries = entries_of(case, group);
    let mut matches: BTreeMap<Source, usize> = BTreeMap::new();
    for (client, retrievals) in by_client(case) {
        let Some(shift) = clock_shift::shift_of(&entries, &retrievals) else {
            continue;
        };
        let copies = entries.iter().map(|entry| {
            let own = retrievals.iter();
            own.filter(|it| clock_shift::is_copy(entry, it, shift))
                .count()
        });
        let count: usize = copies.sum();
        if count > 0 {
            matches.insert(client, count);
        }
    }
    matches
}

fn entries_of<'a>(case: &'a Case, group: &Group) -> Vec<&'a CacheEntry> {
    let entries = case.cache_entries.iter();
    entries
        .filter(|entry| group.members.contains(&hand_over_of(entry)))
        .collect()
}

fn by_client(case: &Case) -> BTreeMap<Source, Vec<&Retrieval>> {
    let mut clients: BTreeMap<Source, Vec<&Retrieval>> = BTreeMap::new();
    for retrieval in &case.retrievals {
        if let Some(client) = client_of(case, retrieval) {
            clients.entry(client).or_default().push(retrieval);
        }
    }
    clients
}

/// The difference between the clocks of a hand-over and of a client's capture,
/// where there is a large one.
fn large_shift(case: &Case, group: &Group, client: &Source) -> Option<Span> {
    let clients = by_client(case);
    let shift = clock_shift::shift_of(&entries_of(case, group), clients.get(client)?)?;
    (shift != clock_shift::NO_SHIFT).then_some(shift)
}

fn of_records(
    case: &Case,
    group: &Group,
    recorded: &[(usize, Retrieval)],
) -> BTreeMap<Source, usize> {
    let mut matches: BTreeMap<Source, usize> = BTreeMap::new();
    for (host, record) in recorded {
        let own = hand_overs::hand_over_of(case, *host);
        if !own.is_some_and(|own| group.members.contains(&own)) {
            continue;
        }
        let clients: BTreeSet<Source> = case
            .retrievals
            .iter()
            .filter(|seen| super::logged::is_same(record, seen))
            .filter_map(|seen| client_of(case, seen))
            .collect();
        for client in clients {
            *matches.entry(client).or_default() += 1;
        }
    }
    matches
}

fn fill(case: &mut Case, index_of: &BTreeMap<Source, usize>) {
    let machine_of =
        |source: Option<Source>| source.and_then(|source| index_of.get(&source).copied());
    case.retrieval_machines = case
        .retrievals
        .iter()
        .map(|retrieval| machine_of(client_of(case, retrieval)))
        .collect();
    case.cache_machines = case
        .cache_entries
        .iter()
        .map(|entry| machine_of(Some(hand_over_of(entry))))
        .collect();
    let hosts = 0..case.hosts.len();
    case.host_machines = hosts
        .map(|host| machine_of(hand_overs::hand_over_of(case, host)))
        .collect();
    let same_clients = std::mem::take(&mut case.same_clients);
    for handshake in &mut case.handshakes {
        let address = handshake.client.ip();
        let same = same_clients.get(&(handshake.vantage, address)).copied();
        let client = Source::Client(same.unwrap_or(handshake.vantage), address);
        handshake.machine = machine_of(Some(client));
    }
    case.same_clients = same_clients;
    for (source, index) in index_of {
        let Some(machine) = case.machines.get_mut(*index) else {
            continue;
        };
        match source {
            Source::Client(_, address) => machine.addresses.push(*address),
            Source::HandOver(_, name) => machine.names.extend(name.clone()),
        }
    }
    for (entry, machine) in case.cache_entries.iter().zip(&case.cache_machines) {
        let Some(machine) = machine.and_then(|index| case.machines.get_mut(index)) else {
            continue;
        };
        // A pasted list may be of a part of the cache only: what it lacks, nobody
        // knows to be absent.
        if entry.told.is_none() {
            machine.profiles.push(entry.owner.clone());
        }
        if let Some((evidence, size)) = entry.meta_data {
            machine.cites.push(Cite::whole(evidence, size));
        }
    }
    for (retrieval, machine) in case.retrievals.iter().zip(&case.retrieval_machines) {
        let Some(machine) = machine.and_then(|index| case.machines.get_mut(index)) else {
            continue;
        };
        machine.cites.extend(retrieval.cites.iter().cloned());
    }
    for (source, machine) in case.hosts.iter().zip(&case.host_machines) {
        let Some(machine) = machine.and_then(|index| case.machines.get_mut(index)) else {
            continue;
        };
        machine.cites.push(source.bytes((0, 1)));
    }
    for handshake in &case.handshakes {
        let machine = handshake
            .machine
            .and_then(|index| case.machines.get_mut(index));
        if let Some(machine) = machine {
            machine.cites.extend(handshake.cites.iter().cloned());
        }
    }
    for machine in &mut case.machines {
        machine.names.sort();
        machine.names.dedup();
        machine.addresses.sort();
        machine.addresses.dedup();
        machine.profiles.sort();
        machine.profiles.dedup();
        if !machine.profiles.is_empty() {
            machine.missing = cryptnet::missing_profiles(&machine.profiles);
        }
        machine.cites = crate::provenance::merged(std::mem::take(&mut machine.cites));
    }
}

/// Drops the facts of all machines but the one of this name or address. Cache
/// entries stay in place, so that their numbers hold.
pub fn keep_only(case: &mut Case, wanted: &str) {
    let is_wanted = |machine: Option<usize>| {
        let machine = machine.and_then(|index| case.machines.get(index));
        machine.is_some_and(|machine| {
            machine
                .names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(wanted))
                || machine
                    .addresses
                    .iter()
                    .any(|address| address.to_string() == wanted)
        })
    };
    let keep: Vec<bool> = case
        .retrieval_machines
        .iter()
        .map(|machine| is_wanted(*machine))
        .collect();
    let keep_handshake: Vec<bool> = case
        .handshakes
        .iter()
        .map(|handshake| is_wanted(handshake.machine))
        .collect();
    let mut flags = keep.iter();
    case.retrievals
        .retain(|_| flags.next().copied().unwrap_or(false));
    let mut flags = keep.iter();
    case.retrieval_machines
        .retain(|_| flags.next().copied().unwrap_or(false));
    let mut flags = keep_handshake.iter();
    case.handshakes
        .retain(|_| flags.next().copied().unwrap_or(false));
}

/// Names the account of each retrieval whose bytes lie in exactly one account's
/// cache of the same machine, synchronized at the time of the download.
pub fn name_accounts(case: &mut Case) {
    for index in 0..case.retrievals.len() {
        let Some(machine) = case.retrieval_machines.get(index).copied().flatten() else {
            continue;
        };
        let Some(retrieval) = case.retrievals.get(index) else {
            continue;
        };
        if retrieval.account.is_some() {
            continue;
        }
        let account = owner_of(case, machine, retrieval);
        if let (Some(account), Some(retrieval)) = (account, case.retrievals.get_mut(index)) {
            retrieval.account = Some(account);
        }
    }
}

fn owner_of(
    case: &Case,
    machine: usize,
    retrieval: &crate::retrieval::Retrieval,
) -> Option<Account> {
    let shift = case
        .machines
        .get(machine)
        .and_then(|machine| machine.clock_shift)
        .unwrap_or(clock_shift::NO_SHIFT);
    let copies = case
        .cache_entries
        .iter()
        .zip(&case.cache_machines)
        .filter(|(entry, owner)| {
            **owner == Some(machine) && clock_shift::is_copy(entry, retrieval, shift)
        });
    let by_distance = copies.filter_map(|(entry, _)| {
        let synced = entry.record.as_ref()?.last_sync_at?;
        Some((
            synced.since(retrieval.ended_at.plus(shift)).abs(),
            entry.owner.clone(),
        ))
    });
    let mut by_distance: Vec<(Span, Account)> = by_distance.collect();
    by_distance.sort();
    match by_distance.as_slice() {
        [(_, account)] => Some(account.clone()),
        // Two accounts fetched the same bytes: the time must tell them apart.
        [(near, account), (far, _), ..]
            if near.as_seconds() + CLEARLY_NEARER <= far.as_seconds() =>
        {
            Some(account.clone())
        }
        _ => None,
    }
}

/// Seconds by which one cache's time must be nearer than another's.
const CLEARLY_NEARER: f64 = 2.0;
