//! Which hand-overs are of one machine, as they themselves say.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Case;
use super::machines::Source;

/// Hand-overs of one machine.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    /// The hand-overs.
    pub members: BTreeSet<Source>,
    /// Names by which the machine calls itself, or the collection does.
    pub names: BTreeSet<String>,
    /// Its addresses, as its own hive says.
    pub addresses: BTreeSet<IpAddr>,
    /// Why they are taken for one.
    pub because: Option<String>,
}

/// The hand-over of a file of the machine; the log of a proxy or a server is
/// of another one.
pub(super) fn hand_over_of(case: &Case, host: usize) -> Option<Source> {
    let source = case.hosts.get(host)?;
    if source.access().is_some() {
        return None;
    }
    Some(Source::HandOver(
        source.hand_over.clone(),
        source.machine.clone(),
    ))
}

/// Puts hand-overs together that name one machine.
pub(super) fn groups(case: &Case, hand_overs: &BTreeSet<Source>) -> Vec<Group> {
    let mut groups: Vec<Group> = hand_overs.iter().map(|source| one(case, source)).collect();
    let mut at = 0;
    while at < groups.len() {
        let other = (at + 1..groups.len()).find(|other| {
            let (Some(one), Some(other)) = (groups.get(at), groups.get(*other)) else {
                return false;
            };
            is_same(one, other)
        });
        let Some(other) = other else {
            at += 1;
            continue;
        };
        let taken = groups.remove(other);
        if let Some(group) = groups.get_mut(at) {
            let name = group.names.iter().next().cloned().unwrap_or_default();
            group.because = Some(format!("these hand-overs name the same machine ({name})"));
            group.members.extend(taken.members);
            group.names.extend(taken.names);
            group.addresses.extend(taken.addresses);
        }
    }
    groups
}

fn one(case: &Case, source: &Source) -> Group {
    let mut group = Group::default();
    group.members.insert(source.clone());
    if let Source::HandOver(_, Some(name)) = source {
        group.names.insert(name.clone());
    }
    for (index, host) in case.hosts.iter().enumerate() {
        if hand_over_of(case, index).as_ref() != Some(source) {
            continue;
        }
        group.names.extend(host.own_names());
        let addresses = host.hive().map(|hive| hive.addresses.iter().copied());
        group.addresses.extend(addresses.into_iter().flatten());
    }
    group
}

/// Two with a name in common: `PC-17` and `pc-17.corp.example` are one, two
/// different full names are not.
fn is_same(one: &Group, other: &Group) -> bool {
    let same = |a: &str, b: &str| {
        let (short_a, rest_a) = a.split_once('.').unwrap_or((a, ""));
        let (short_b, rest_b) = b.split_once('.').unwrap_or((b, ""));
        short_a.eq_ignore_ascii_case(short_b)
            && (rest_a.is_empty() || rest_b.is_empty() || rest_a.eq_ignore_ascii_case(rest_b))
    };
    one.names
        .iter()
        .any(|name| other.names.iter().any(|known| same(name, known)))
}

/// The one client that has an address of the group, over all vantage points.
pub(super) fn by_address(group: &Group, clients: &BTreeSet<Source>) -> Option<(Source, String)> {
    let mut matching = clients.iter().filter_map(|client| match client {
        Source::Client(_, address) if group.addresses.contains(address) => {
            Some((client.clone(), *address))
        }
        _ => None,
    });
    let (client, address) = matching.next()?;
    matching.next().is_none().then(|| {
        let because = format!("its SYSTEM hive gives it the address {address} of this client");
        (client, because)
    })
}

/// Files handed over by themselves, without a name, in evidence of one machine:
/// they are taken for that machine's.
pub(super) fn loose(groups: &mut Vec<Group>, case: &Case) -> BTreeMap<Source, String> {
    let mut taken = BTreeMap::new();
    let is_loose = |group: &Group| {
        group.names.is_empty()
            && group.members.iter().all(|member| {
                let own = case
                    .hosts
                    .iter()
                    .enumerate()
                    .any(|(index, _)| hand_over_of(case, index).as_ref() == Some(member));
                let cached = case
                    .cache_entries
                    .iter()
                    .filter(|entry| entry.told.is_none())
                    .any(|entry| super::machines::hand_over_of(entry) == *member);
                own && !cached
            })
    };
    let (nameless, mut rest): (Vec<Group>, Vec<Group>) =
        std::mem::take(groups).into_iter().partition(is_loose);
    if rest.is_empty() {
        // Several loose files and nothing else: one hand-over of one machine.
        let mut all = Group::default();
        for group in nameless {
            all.members.extend(group.members);
            all.addresses.extend(group.addresses);
        }
        if all.members.len() > 1 {
            all.because = Some("files without a machine's name, handed over together".to_owned());
        }
        if !all.members.is_empty() {
            rest.push(all);
        }
    } else if let [only] = rest.as_mut_slice() {
        for group in nameless {
            for member in group.members {
                let because = "a file without a machine's name; the only machine".to_owned();
                taken.insert(member.clone(), because);
                only.members.insert(member);
            }
        }
    } else {
        rest.extend(nameless);
    }
    *groups = rest;
    taken
}
