//! DNS questions with their answers.
//!
//! Read from UDP datagrams. DNS over TCP is not read (a truncated UDP answer
//! still names the lookup), nor are mDNS, LLMNR and NetBIOS name service,
//! which share the format on ports 5353, 5355 and 137: a name that falls back
//! to them shows here as answered NXDOMAIN or not at all.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use crate::protocol::dns_message::{Message, message};
use crate::provenance::Sighting;

/// One name looked up by one client, with its retries and the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The vantage point of the capture.
    pub vantage: u32,
    /// Who asked.
    pub client: SocketAddr,
    /// Who was asked (first server).
    pub server: SocketAddr,
    /// The name, lower case, without the final dot.
    pub name: String,
    /// QTYPE.
    pub question_type: u16,
    /// The question and its repetitions, to other servers too; empty when only
    /// the answer was captured.
    pub questions: Vec<Sighting>,
    /// The answer; `None` when none came.
    pub answer: Option<Answer>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// RCODE: 0 no error, 2 SERVFAIL, 3 NXDOMAIN, …
    pub response_code: u16,
    /// TC, the rest did not fit into the datagram and is asked for by TCP; or
    /// the capture does not hold it.
    pub is_truncated: bool,
    /// Addresses given.
    pub addresses: Vec<IpAddr>,
    /// The names of a CNAME chain, in order.
    pub aliases: Vec<String>,
    /// The frame.
    pub sighting: Sighting,
}

impl Lookup {
    /// Frame and time of the first message.
    #[must_use]
    pub fn first(&self) -> Option<Sighting> {
        let answer = self.answer.as_ref().map(|answer| answer.sighting);
        self.questions.first().copied().or(answer)
    }
}

/// Pairs questions with answers, fed datagram by datagram.
#[derive(Debug, Default)]
pub struct Lookups {
    /// Lookups that may still get a repetition or an answer.
    open: BTreeMap<Key, Open>,
    /// Keys of `open` in the order of their lookups; some stale.
    order: VecDeque<(Key, Sighting)>,
    done: Vec<Lookup>,
    not_kept: u64,
}

/// Vantage, client, id, name and type: a client repeats its question to other
/// servers with the same id.
type Key = (u32, SocketAddr, u16, String, u16);

#[derive(Debug)]
struct Open {
    lookup: Lookup,
    servers: Vec<SocketAddr>,
}

/// Lookups waiting; a resolver's own capture has thousands under way.
const MAX_OPEN: usize = 16_384;
/// Lookups kept, some 60 MB; a workstation asks a few thousand a day.
const MAX_LOOKUPS: usize = 200_000;
/// Repetitions kept; Windows sends five.
const MAX_REPETITIONS: usize = 16;
/// Servers kept per lookup.
const MAX_SERVERS: usize = 8;
/// Clients give up after 12 seconds at most (Windows); the same question with
/// the same id after this is another lookup.
const GIVE_UP_SECONDS: i64 = 60;

/// The same question to the same server within this many seconds is the copy
/// that a mirror port made; resolvers repeat after a second.
const COPY_WITHIN: f64 = 0.1;

const PORT: u16 = 53;
const OTHER_NAME_SERVICES: [u16; 3] = [5353, 5355, 137];

impl Lookups {
    /// Starts with nothing seen.
    #[must_use]
    pub fn new() -> Self {
        Lookups::default()
    }

    /// Takes one UDP datagram; true when it is DNS. On other ports than 53
    /// it has to be read without an error and ask for a name of a usual type.
    pub fn datagram(
        &mut self,
        vantage: u32,
        source: SocketAddr,
        destination: SocketAddr,
        payload: &[u8],
        sighting: Sighting,
    ) -> bool {
        let ports = [source.port(), destination.port()];
        if ports.iter().any(|port| OTHER_NAME_SERVICES.contains(port)) {
            return false;
        }
        let Ok(message) = message(payload) else {
            return false;
        };
        if !ports.contains(&PORT) && !is_usual(&message) {
            return false;
        }
        let (client, server) = if message.is_response {
            (destination, source)
        } else {
            (source, destination)
        };
        let key = (
            vantage,
            client,
            message.id,
            message.name.clone(),
            message.question_type,
        );
        if message.is_response {
            self.answer(key, server, message, sighting);
        } else {
            self.question(key, server, sighting);
        }
        true
    }

    /// Lookups that were not kept because there were too many.
    #[must_use]
    pub fn not_kept(&self) -> u64 {
        self.not_kept
    }

    /// All lookups in order of their first message.
    #[must_use]
    pub fn finish(mut self) -> Vec<Lookup> {
        for (_, open) in std::mem::take(&mut self.open) {
            self.keep(open.lookup);
        }
        let mut lookups = self.done;
        lookups.sort_by(|one, other| {
            let key = |lookup: &Lookup| (lookup.first(), lookup.vantage, lookup.client);
            key(one)
                .cmp(&key(other))
                .then_with(|| one.name.cmp(&other.name))
        });
        lookups
    }

    fn question(&mut self, key: Key, server: SocketAddr, sighting: Sighting) {
        if let Some(open) = self.open.get_mut(&key) {
            let last = open.lookup.questions.last();
            let repeats = open
                .lookup
                .answer
                .as_ref()
                .is_none_or(|answer| !is_final(answer))
                && last.is_none_or(|last| {
                    sighting.at.since(last.at) <= crate::time::Span::seconds(GIVE_UP_SECONDS)
                });
            if repeats {
                let is_copy = open.servers.contains(&server)
                    && last.is_some_and(|last| {
                        sighting.at.since(last.at).abs().as_seconds() < COPY_WITHIN
                    });
                if open.lookup.questions.len() < MAX_REPETITIONS && !is_copy {
                    open.lookup.questions.push(sighting);
                }
                if open.servers.len() < MAX_SERVERS && !open.servers.contains(&server) {
                    open.servers.push(server);
                }
                return;
            }
        }
        self.begin(key, server, vec![sighting], sighting);
    }

    fn answer(&mut self, key: Key, server: SocketAddr, message: Message, sighting: Sighting) {
        let Message {
            response_code,
            is_truncated,
            addresses,
            aliases,
            ..
        } = message;
        let answer = Answer {
            response_code,
            is_truncated,
            addresses,
            aliases,
            sighting,
        };
        let known = self
            .open
            .get(&key)
            .is_some_and(|open| open.servers.contains(&server));
        if !known {
            self.begin(key.clone(), server, Vec::new(), sighting);
        }
        let Some(open) = self.open.get_mut(&key) else {
            return;
        };
        // A server that cannot answer is not the end: the client tries the next.
        if open
            .lookup
            .answer
            .as_ref()
            .is_none_or(|before| !is_final(before) && is_final(&answer))
        {
            open.lookup.answer = Some(answer);
        }
    }

    fn begin(&mut self, key: Key, server: SocketAddr, questions: Vec<Sighting>, at: Sighting) {
        let (vantage, client, _, name, question_type) = key.clone();
        let lookup = Lookup {
            vantage,
            client,
            server,
            name,
            question_type,
            questions,
            answer: None,
        };
        self.order.push_back((key.clone(), at));
        let before = self.open.insert(
            key,
            Open {
                lookup,
                servers: vec![server],
            },
        );
        if let Some(before) = before {
            self.keep(before.lookup);
        }
        while self.open.len() > MAX_OPEN || self.order.len() > 2 * MAX_OPEN {
            let Some((key, at)) = self.order.pop_front() else {
                break;
            };
            // A key used anew since then belongs to a later lookup.
            let is_same = |open: &Open| open.lookup.first() == Some(at);
            if self.open.get(&key).is_some_and(is_same)
                && let Some(open) = self.open.remove(&key)
            {
                self.keep(open.lookup);
            }
        }
    }

    fn keep(&mut self, lookup: Lookup) {
        if self.done.len() < MAX_LOOKUPS {
            self.done.push(lookup);
        } else {
            self.not_kept += 1;
        }
    }
}

/// SERVFAIL and REFUSED speak of the server, not of the name.
fn is_final(answer: &Answer) -> bool {
    !matches!(answer.response_code, 2 | 5)
}

/// A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, SVCB, HTTPS or ANY, of a name
/// that a host could have.
fn is_usual(message: &Message) -> bool {
    let host = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    matches!(
        message.question_type,
        1 | 2 | 5 | 6 | 12 | 15 | 16 | 28 | 33 | 64 | 65 | 255
    ) && !message.name.is_empty()
        && message.name.bytes().all(host)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::protocol::trial::seen;

    const CLIENT: &str = "10.0.0.5:51000";
    const SERVER: &str = "10.0.0.1:53";
    const SECOND: &str = "10.0.0.2:53";

    fn bytes(id: u8, flags: u16, name: &str) -> Vec<u8> {
        let [high, low] = flags.to_be_bytes();
        let mut bytes = vec![0, id, high, low, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(label.bytes());
        }
        bytes.extend([0, 0, 1, 0, 1]);
        bytes
    }

    fn feed(lookups: &mut Lookups, from: &str, to: &str, payload: &[u8], packet: u64) -> bool {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        lookups.datagram(0, from, to, payload, seen(packet))
    }

    #[test]
    fn repetitions_to_a_second_server_are_one_lookup() {
        let mut lookups = Lookups::new();
        let question = bytes(7, 0x0100, "Crl.Example");
        assert!(feed(&mut lookups, CLIENT, SERVER, &question, 1));
        assert!(feed(&mut lookups, CLIENT, SERVER, &question, 2));
        assert!(feed(&mut lookups, CLIENT, SECOND, &question, 4));
        assert!(feed(
            &mut lookups,
            SECOND,
            CLIENT,
            &bytes(7, 0x8183, "crl.example"),
            5
        ));
        let lookups = lookups.finish();
        assert_eq!(lookups.len(), 1);
        assert_eq!(lookups[0].server, SERVER.parse().unwrap());
        assert_eq!(lookups[0].questions, [seen(1), seen(2), seen(4)]);
        let answer = lookups[0].answer.as_ref().unwrap();
        assert_eq!((answer.response_code, answer.sighting), (3, seen(5)));
    }

    #[test]
    fn a_failing_server_does_not_have_the_last_word() {
        let mut lookups = Lookups::new();
        let question = bytes(7, 0x0100, "a.b");
        feed(&mut lookups, CLIENT, SERVER, &question, 1);
        feed(&mut lookups, SERVER, CLIENT, &bytes(7, 0x8182, "a.b"), 2);
        feed(&mut lookups, CLIENT, SECOND, &question, 3);
        feed(&mut lookups, SECOND, CLIENT, &bytes(7, 0x8180, "a.b"), 4);
        feed(&mut lookups, SERVER, CLIENT, &bytes(7, 0x8182, "a.b"), 5);
        let lookups = lookups.finish();
        assert_eq!(lookups.len(), 1);
        assert_eq!(
            lookups[0]
                .answer
                .as_ref()
                .map(|answer| answer.response_code),
            Some(0)
        );
    }

    #[test]
    fn an_answer_nobody_asked_this_server_for_stands_alone() {
        let mut lookups = Lookups::new();
        feed(&mut lookups, CLIENT, SERVER, &bytes(7, 0x0100, "a.b"), 1);
        feed(
            &mut lookups,
            "6.6.6.6:53",
            CLIENT,
            &bytes(7, 0x8180, "a.b"),
            2,
        );
        let lookups = lookups.finish();
        assert_eq!(lookups.len(), 2);
        assert_eq!(
            (lookups[0].questions.len(), lookups[0].answer.is_none()),
            (1, true)
        );
        assert_eq!(
            (lookups[1].questions.len(), lookups[1].answer.is_some()),
            (0, true)
        );
    }

    #[test]
    fn the_same_question_an_hour_later_is_another_lookup() {
        let mut lookups = Lookups::new();
        feed(&mut lookups, CLIENT, SERVER, &bytes(7, 0x0100, "a.b"), 1);
        feed(&mut lookups, CLIENT, SERVER, &bytes(7, 0x0100, "a.b"), 3600);
        assert_eq!(lookups.finish().len(), 2);
    }

    #[test]
    fn other_ports_need_a_usual_question_and_other_name_services_are_left_out() {
        let mut lookups = Lookups::new();
        let question = bytes(7, 0x0100, "a.b");
        assert!(feed(&mut lookups, CLIENT, "10.0.0.1:5300", &question, 1));
        assert!(!feed(
            &mut lookups,
            CLIENT,
            "224.0.0.251:5353",
            &question,
            2
        ));
        assert!(!feed(&mut lookups, CLIENT, "10.0.0.1:5300", &[0; 40], 3));
        assert!(!feed(&mut lookups, CLIENT, SERVER, b"no dns", 4));
    }

    #[test]
    fn a_flood_of_questions_stays_within_the_limit() {
        let mut lookups = Lookups::new();
        for number in 0..40_000u64 {
            let name = format!("host{number}.example");
            feed(
                &mut lookups,
                CLIENT,
                SERVER,
                &bytes(7, 0x0100, &name),
                number,
            );
        }
        assert!(lookups.open.len() <= MAX_OPEN && lookups.order.len() <= 2 * MAX_OPEN);
        assert_eq!(lookups.finish().len(), 40_000);
    }

    #[test]
    fn the_copy_that_a_mirror_made_is_no_repetition_but_another_server_is() {
        let mut lookups = Lookups::new();
        let question = bytes(7, 0x0100, "a.b");
        for server in [SERVER, SERVER, SECOND] {
            feed(&mut lookups, CLIENT, server, &question, 1);
        }
        assert_eq!(lookups.finish()[0].questions.len(), 2);
    }
}
