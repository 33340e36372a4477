//! Names that machines say of themselves on the network: in DHCP, in NTLM, in
//! NetBIOS and mDNS.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Case;
use super::assemble::CaptureName;
use crate::protocol::dhcp::{ACK, DhcpMessage};
use crate::protocol::local_names::NameClaim;
use crate::provenance::Cite;
use crate::retrieval::LoginCount;

/// The name of each client that tells one, with its frames.
pub type Told = BTreeMap<(u32, IpAddr), (String, Vec<Cite>)>;

/// Short name in lower case, to how it was written and where.
type Names = BTreeMap<String, (String, Vec<Cite>)>;

/// One host name per client address. An address that speaks with the names of
/// several machines is a proxy's or a translator's, and gets none.
#[must_use]
pub fn told(
    logins: &[LoginCount],
    dhcp: &[DhcpMessage],
    claims: &[NameClaim],
    noted: &[CaptureName],
) -> Told {
    let mut all: BTreeMap<(u32, IpAddr), Names> = BTreeMap::new();
    let mut add = |client: (u32, IpAddr), name: &str, cites: Vec<Cite>| {
        let short = name.split('.').next().unwrap_or(name);
        if !short.is_empty() && short != "wpad" {
            let known = all.entry(client).or_default();
            let entry = known
                .entry(short.to_ascii_lowercase())
                .or_insert_with(|| (short.to_owned(), Vec::new()));
            entry.1.extend(cites);
        }
    };
    for login in logins {
        let name = login.identity.as_ref().and_then(|it| it.machine_name());
        if let Some(name) = name {
            add((login.vantage, login.client), name, login.cites.clone());
        }
    }
    for message in dhcp.iter().filter(|it| matches!(it.message_type, 3 | 8)) {
        let answer = dhcp.iter().find(|it| {
            it.message_type == ACK
                && it.vantage == message.vantage
                && it.transaction == message.transaction
                && it.hardware == message.hardware
        });
        // Only what the server confirmed is the client's address.
        let client = answer.and_then(|it| it.client);
        if let (Some(client), Some(name)) = (client, &message.host_name) {
            add(
                (message.vantage, client),
                name,
                vec![message.sighting.cite()],
            );
        }
    }
    for claim in claims {
        let cites = vec![claim.sighting.cite()];
        add((claim.vantage, claim.address), &claim.name, cites);
    }
    let single = all.into_iter().filter_map(|(client, names)| {
        let mut names = names.into_values();
        match (names.next(), names.next()) {
            (Some(only), None) => Some((client, only)),
            _ => None,
        }
    });
    let mut told: Told = single.collect();
    note(&mut told, noted);
    told
}

/// Adds names of a capture's own blocks where nobody says another: they are
/// those of a name server or of an analyst's list.
fn note(told: &mut Told, noted: &[CaptureName]) {
    let mut all: BTreeMap<(u32, IpAddr), BTreeSet<(&str, &Cite)>> = BTreeMap::new();
    for it in noted {
        let names = all.entry((it.vantage, it.address)).or_default();
        names.insert((it.name.as_str(), &it.cite));
    }
    for (client, names) in all {
        let mut names = names.into_iter();
        if let (Some((name, cite)), None) = (names.next(), names.next()) {
            told.entry(client)
                .or_insert_with(|| (name.to_owned(), vec![cite.clone()]));
        }
    }
}

/// Gives the machines of a case the names that their addresses tell.
pub fn give(case: &mut Case, told: &Told) {
    let mut owners: BTreeMap<(u32, IpAddr), BTreeSet<usize>> = BTreeMap::new();
    for (retrieval, machine) in case.retrievals.iter().zip(&case.retrieval_machines) {
        if let (Some(vantage), Some(client), Some(machine)) =
            (retrieval.vantage, retrieval.client, machine)
        {
            let owner = owners.entry((vantage, client.ip())).or_default();
            owner.insert(*machine);
        }
    }
    for handshake in &case.handshakes {
        if let Some(machine) = handshake.machine {
            let client = (handshake.vantage, handshake.client.ip());
            owners.entry(client).or_default().insert(machine);
        }
    }
    for (client, (name, cites)) in told {
        for machine in owners.get(client).into_iter().flatten() {
            let Some(machine) = case.machines.get_mut(*machine) else {
                continue;
            };
            let known = machine.names.iter().any(|it| {
                let short = it.split('.').next().unwrap_or(it);
                short.eq_ignore_ascii_case(name)
            });
            if !known {
                machine.names.push(name.clone());
                machine.names.sort();
            }
            let all = machine.cites.iter().chain(cites).cloned();
            machine.cites = crate::provenance::merged(all.collect::<Vec<_>>());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::provenance::{EvidenceId, Sighting};
    use crate::time::Timestamp;

    fn claim(name: &str, packet: u64) -> NameClaim {
        NameClaim {
            vantage: 0,
            address: "10.0.0.5".parse().unwrap(),
            name: name.into(),
            sighting: Sighting {
                at: Timestamp::from_unix(0, 0).unwrap(),
                evidence: EvidenceId(0),
                packet,
            },
        }
    }

    #[test]
    fn one_name_in_two_spellings_is_the_machines() {
        let told = told(
            &[],
            &[],
            &[claim("pc-17", 1), claim("PC-17.corp.example", 2)],
            &[],
        );
        let [(name, cites)] = told.values().collect::<Vec<_>>()[..] else {
            panic!("{told:?}")
        };
        assert_eq!((name.as_str(), cites.len()), ("pc-17", 2));
    }

    #[test]
    fn a_name_in_the_capture_file_counts_where_the_machine_tells_none() {
        let noted = |name: &str| CaptureName {
            vantage: 0,
            address: "10.0.0.5".parse().unwrap(),
            name: name.into(),
            cite: Cite::whole(EvidenceId(0), 10),
        };
        let only = told(&[], &[], &[], &[noted("desk-4.corp.example")]);
        assert_eq!(only.values().next().unwrap().0, "desk-4.corp.example");
        let own = told(&[], &[], &[claim("pc-17", 1)], &[noted("desk-4")]);
        assert_eq!(own.values().next().unwrap().0, "pc-17");
        assert!(told(&[], &[], &[], &[noted("a"), noted("b")]).is_empty());
    }

    #[test]
    fn an_address_with_two_names_has_none() {
        assert!(told(&[], &[], &[claim("pc-17", 1), claim("pc-18", 2)], &[]).is_empty());
    }
}
