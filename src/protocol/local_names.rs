//! Names asked of everybody in the local network: LLMNR, mDNS, NetBIOS.
//!
//! Windows turns to these when DNS has no answer. Anybody may answer, which
//! makes them the way by which a false proxy script is planted.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::dns_message::multicast;
use super::netbios::netbios_message;
use crate::provenance::Sighting;
use crate::time::Span;

/// Which service was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameService {
    /// Link-local multicast name resolution, port 5355.
    Llmnr,
    /// Multicast DNS, port 5353.
    Mdns,
    /// NetBIOS name service, port 137.
    NetBios,
}

/// A name one client asked everybody for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalQuestion {
    /// The vantage point of the capture.
    pub vantage: u32,
    /// The service.
    pub service: NameService,
    /// Who asked.
    pub client: IpAddr,
    /// The name, lower case, without the final dot and without `.local`.
    pub name: String,
    /// The question and its repetitions; empty when only an answer was captured.
    pub questions: Vec<Sighting>,
    /// Everybody who answered.
    pub answers: Vec<LocalAnswer>,
}

/// Somebody's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalAnswer {
    /// Who answered.
    pub from: IpAddr,
    /// The addresses given for the name.
    pub addresses: Vec<IpAddr>,
    /// The frame.
    pub sighting: Sighting,
}

/// A host that says its own name: a NetBIOS registration, an mDNS announcement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameClaim {
    /// The vantage point of the capture.
    pub vantage: u32,
    /// Whose name it is; it is the sender's own address.
    pub address: IpAddr,
    /// The name.
    pub name: String,
    /// The frame.
    pub sighting: Sighting,
}

/// Collects questions, answers and claims, fed datagram by datagram.
#[derive(Debug, Default)]
pub struct LocalNames {
    questions: Vec<LocalQuestion>,
    /// The latest question by vantage, service, client and name.
    latest: BTreeMap<(u32, NameService, IpAddr, String), usize>,
    claims: BTreeMap<(u32, IpAddr, String), NameClaim>,
    not_kept: u64,
}

/// Questions kept; a noisy network asks some ten thousand a day.
const MAX_QUESTIONS: usize = 50_000;
/// Names claimed; one per host of a network.
const MAX_CLAIMS: usize = 10_000;
/// Repetitions and answers kept of each question.
const MAX_REPETITIONS: usize = 16;
/// LLMNR repeats within a second, NetBIOS three times in 2.3 s, mDNS doubles its
/// waiting; an answer later than this belongs to another question.
const TOGETHER: Span = Span::seconds(5);
/// Copies that a mirror port makes.
const COPY_WITHIN: f64 = 0.02;

impl LocalNames {
    /// Takes one UDP datagram; true when it belongs to one of the services.
    /// Their messages look like those of DNS, so that the port has to tell.
    pub fn datagram(
        &mut self,
        vantage: u32,
        source: SocketAddr,
        destination: SocketAddr,
        payload: &[u8],
        sighting: Sighting,
    ) -> bool {
        let has = |port| source.port() == port || destination.port() == port;
        let ends = (vantage, source.ip(), destination.ip());
        if has(137) {
            self.netbios(ends, payload, sighting)
        } else if has(5355) {
            self.multicast(ends, NameService::Llmnr, payload, sighting)
        } else if has(5353) {
            self.multicast(ends, NameService::Mdns, payload, sighting)
        } else {
            false
        }
    }

    /// Questions that were not kept because there were too many.
    #[must_use]
    pub fn not_kept(&self) -> u64 {
        self.not_kept
    }

    /// All questions in order of their first message, and all claims.
    #[must_use]
    pub fn finish(mut self) -> (Vec<LocalQuestion>, Vec<NameClaim>) {
        self.questions.sort_by(|one, other| {
            let key = |it: &LocalQuestion| (it.first(), it.vantage, it.service, it.client);
            key(one)
                .cmp(&key(other))
                .then_with(|| one.name.cmp(&other.name))
        });
        (self.questions, self.claims.into_values().collect())
    }

    fn netbios(
        &mut self,
        (vantage, source, destination): (u32, IpAddr, IpAddr),
        payload: &[u8],
        sighting: Sighting,
    ) -> bool {
        let Ok(message) = netbios_message(payload) else {
            return false;
        };
        let service = NameService::NetBios;
        match (message.opcode, message.is_response) {
            (0, false) => self.question(vantage, service, source, message.name, sighting),
            (0, true) if !message.addresses.is_empty() => {
                let answer = LocalAnswer {
                    from: source,
                    addresses: message.addresses,
                    sighting,
                };
                self.answer(vantage, service, Some(destination), message.name, answer);
            }
            // The host registers or refreshes its own name.
            (5 | 8 | 9, false)
                if matches!(message.suffix, 0 | 0x20) && message.addresses.contains(&source) =>
            {
                self.claim(vantage, source, message.name, sighting);
            }
            _ => {}
        }
        true
    }

    fn multicast(
        &mut self,
        (vantage, source, destination): (u32, IpAddr, IpAddr),
        service: NameService,
        payload: &[u8],
        sighting: Sighting,
    ) -> bool {
        let Ok(message) = multicast(payload) else {
            return false;
        };
        if !message.is_response {
            for name in message.questions {
                self.question(vantage, service, source, without_local(&name), sighting);
            }
            return true;
        }
        let mut by_name: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
        for (name, address) in message.answers {
            by_name
                .entry(without_local(&name))
                .or_default()
                .push(address);
        }
        for (name, addresses) in by_name {
            if service == NameService::Mdns && addresses.contains(&source) {
                self.claim(vantage, source, name.clone(), sighting);
            }
            // mDNS answers go to everybody; whoever asked last is meant.
            let client = (!destination.is_multicast()).then_some(destination);
            let answer = LocalAnswer {
                from: source,
                addresses,
                sighting,
            };
            self.answer(vantage, service, client, name, answer);
        }
        true
    }

    fn question(
        &mut self,
        vantage: u32,
        service: NameService,
        client: IpAddr,
        name: String,
        sighting: Sighting,
    ) {
        let key = (vantage, service, client, name);
        let open = self
            .latest
            .get(&key)
            .and_then(|index| self.questions.get_mut(*index))
            .filter(|open| {
                let last = open.questions.last();
                last.is_some_and(|last| sighting.at.since(last.at) <= TOGETHER)
            });
        match open {
            Some(open) => {
                let is_copy = open.questions.last().is_some_and(|last| {
                    sighting.at.since(last.at).abs().as_seconds() < COPY_WITHIN
                });
                // The A and AAAA questions leave together and count once.
                if !is_copy && open.questions.len() < MAX_REPETITIONS {
                    open.questions.push(sighting);
                }
            }
            None => self.begin(key, vec![sighting], Vec::new()),
        }
    }

    fn answer(
        &mut self,
        vantage: u32,
        service: NameService,
        client: Option<IpAddr>,
        name: String,
        answer: LocalAnswer,
    ) {
        let fits = |it: &LocalQuestion| {
            it.vantage == vantage
                && it.service == service
                && it.name == name
                && client.is_none_or(|client| it.client == client)
                && it.client != answer.from
                && it
                    .first()
                    .is_some_and(|first| answer.sighting.at.since(first.at) <= TOGETHER)
        };
        let newest = self.questions.iter_mut().rev().take(LOOK_BACK);
        if let Some(question) = newest.into_iter().find(|it| fits(it)) {
            let is_copy = question.answers.iter().any(|known| {
                known.from == answer.from
                    && answer.sighting.at.since(known.sighting.at).as_seconds() < COPY_WITHIN
            });
            if !is_copy && question.answers.len() < MAX_REPETITIONS {
                question.answers.push(answer);
            }
        } else if let Some(client) = client {
            self.begin((vantage, service, client, name), Vec::new(), vec![answer]);
        }
    }

    fn begin(
        &mut self,
        key: (u32, NameService, IpAddr, String),
        questions: Vec<Sighting>,
        answers: Vec<LocalAnswer>,
    ) {
        if self.questions.len() >= MAX_QUESTIONS {
            self.not_kept += 1;
            return;
        }
        let (vantage, service, client, name) = key.clone();
        self.latest.insert(key, self.questions.len());
        self.questions.push(LocalQuestion {
            vantage,
            service,
            client,
            name,
            questions,
            answers,
        });
    }

    fn claim(&mut self, vantage: u32, address: IpAddr, name: String, sighting: Sighting) {
        if self.claims.len() < MAX_CLAIMS && !name.is_empty() {
            let claim = NameClaim {
                vantage,
                address,
                name: name.clone(),
                sighting,
            };
            self.claims.entry((vantage, address, name)).or_insert(claim);
        }
    }
}

/// Questions looked back at for one answer; answers come within a second.
const LOOK_BACK: usize = 256;

impl LocalQuestion {
    /// Frame and time of the first message.
    #[must_use]
    pub fn first(&self) -> Option<Sighting> {
        let answer = self.answers.first().map(|answer| answer.sighting);
        self.questions.first().copied().or(answer)
    }
}

fn without_local(name: &str) -> String {
    name.strip_suffix(".local").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::protocol::trial::seen;

    fn message(flags: u8, name: &str, address: Option<[u8; 4]>) -> Vec<u8> {
        let mut owner = Vec::new();
        for label in name.split('.') {
            owner.push(u8::try_from(label.len()).unwrap());
            owner.extend(label.bytes());
        }
        owner.push(0);
        let count = u8::from(address.is_some());
        let mut bytes = vec![0, 9, flags, 0, 0, 1 - count, 0, count, 0, 0, 0, 0];
        bytes.extend(&owner);
        bytes.extend([0, 1, 0, 1]);
        if let Some(address) = address {
            bytes.extend([0, 0, 0, 30, 0, 4]);
            bytes.extend(address);
        }
        bytes
    }

    fn feed(names: &mut LocalNames, from: &str, to: &str, payload: &[u8], packet: u64) -> bool {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        names.datagram(0, from, to, payload, seen(packet))
    }

    #[test]
    fn an_llmnr_question_keeps_its_repetition_and_who_answered() {
        let mut names = LocalNames::default();
        let (client, group) = ("10.0.0.5:50000", "224.0.0.252:5355");
        assert!(feed(
            &mut names,
            client,
            group,
            &message(0, "WPAD", None),
            1
        ));
        feed(&mut names, client, group, &message(0, "wpad", None), 2);
        let answer = message(0x80, "wpad", Some([10, 0, 0, 66]));
        feed(&mut names, "10.0.0.66:5355", client, &answer, 3);
        let (questions, claims) = names.finish();
        assert_eq!(questions.len(), 1);
        assert_eq!(questions[0].questions, [seen(1), seen(2)]);
        assert_eq!(
            questions[0].answers[0].from,
            "10.0.0.66".parse::<IpAddr>().unwrap()
        );
        assert!(claims.is_empty());
    }

    #[test]
    fn an_mdns_answer_to_everybody_belongs_to_the_question_and_names_its_sender() {
        let mut names = LocalNames::default();
        let group = "224.0.0.251:5353";
        feed(
            &mut names,
            "10.0.0.5:5353",
            group,
            &message(0, "wpad.local", None),
            1,
        );
        let answer = message(0x84, "wpad.local", Some([10, 0, 0, 66]));
        feed(&mut names, "10.0.0.66:5353", group, &answer, 2);
        let (questions, claims) = names.finish();
        assert_eq!(questions[0].name, "wpad");
        assert_eq!(questions[0].answers.len(), 1);
        assert_eq!(claims[0].name, "wpad");
    }

    #[test]
    fn a_late_answer_and_another_port_are_not_taken() {
        let mut names = LocalNames::default();
        let client = "10.0.0.5:50000";
        feed(
            &mut names,
            client,
            "224.0.0.252:5355",
            &message(0, "wpad", None),
            1,
        );
        let answer = message(0x80, "wpad", Some([10, 0, 0, 66]));
        assert!(!feed(&mut names, "10.0.0.1:53", client, &answer, 2));
        feed(&mut names, "10.0.0.66:5355", client, &answer, 99);
        let (questions, _) = names.finish();
        assert_eq!(questions.len(), 2);
        assert!(questions[0].answers.is_empty());
    }
}
