//! How each client looked for a proxy, and what answered.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Case;
use super::decisions::{Decision, Questions, decisions, failed};
use crate::issue::Issue;
use crate::protocol::dhcp::{ACK, DhcpMessage};
use crate::protocol::dns::Lookup;
use crate::protocol::local_names::{LocalQuestion, NameService};
use crate::provenance::{Cite, merged};
use crate::retrieval::{BodyIndex, ObjectKind};
use crate::time::Timestamp;

/// The search of one client for a proxy, over the whole case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// The vantage point.
    pub vantage: u32,
    /// The client.
    pub client: IpAddr,
    /// The machine, an index.
    pub machine: Option<usize>,
    /// What was tried, by time.
    pub tries: Vec<Try>,
    /// Retrievals of scripts, by index, in order.
    pub scripts: Vec<usize>,
    /// What the scripts say for the URLs that the client fetched.
    pub decisions: Vec<Decision>,
}

/// One way to look for a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// The way.
    pub means: Means,
    /// First sign.
    pub at: Timestamp,
    /// The name asked for; `None` for DHCP.
    pub name: Option<String>,
    /// What came of it.
    pub result: TryResult,
    /// Who answered.
    pub answered_by: Vec<IpAddr>,
    /// Addresses given for the name.
    pub addresses: Vec<IpAddr>,
    /// The URL that DHCP gave.
    pub url: Option<String>,
    /// The frames.
    pub cites: Vec<Cite>,
}

/// The ways to look for a proxy script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// Option 252 of DHCP.
    Dhcp,
    /// `wpad.<domain>` of a name server.
    Dns,
    /// LLMNR.
    Llmnr,
    /// Multicast DNS.
    Mdns,
    /// NetBIOS broadcast or WINS.
    NetBios,
}

impl Means {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Means::Dhcp => "dhcp",
            Means::Dns => "dns",
            Means::Llmnr => "llmnr",
            Means::Mdns => "mdns",
            Means::NetBios => "netbios",
        }
    }

    /// True where anybody in the network may answer.
    #[must_use]
    pub fn is_open_to_all(self) -> bool {
        matches!(self, Means::Llmnr | Means::Mdns | Means::NetBios)
    }
}

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TryResult {
    /// A URL or an address.
    Found,
    /// An answer that there is none.
    None,
    /// No answer.
    Silent,
}

impl TryResult {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            TryResult::Found => "found",
            TryResult::None => "none",
            TryResult::Silent => "silent",
        }
    }
}

/// What the stages before found that is not in the case.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// Names asked of everybody.
    pub local: &'a [LocalQuestion],
    /// DHCP messages.
    pub dhcp: &'a [DhcpMessage],
    /// Bodies, with the texts of scripts.
    pub bodies: &'a BodyIndex,
}

/// The vantage point, and the address there.
pub(super) type Client = (u32, IpAddr);

/// Finds every client's search, in order of client. Scripts that cannot be
/// evaluated become issues of the case.
pub fn discover(case: &mut Case, sources: &Sources<'_>) {
    let mut tries: BTreeMap<Client, Vec<Try>> = BTreeMap::new();
    for (client, made) in by_dhcp(sources.dhcp) {
        tries.entry(client).or_default().push(made);
    }
    for lookup in case.lookups.iter().filter(|it| is_wpad(&it.name)) {
        let client = (lookup.vantage, lookup.client.ip());
        tries.entry(client).or_default().extend(by_dns(lookup));
    }
    for question in sources.local.iter().filter(|it| is_wpad(&it.name)) {
        let client = (question.vantage, question.client);
        tries.entry(client).or_default().extend(by_all(question));
    }
    let mut scripts: BTreeMap<Client, Vec<usize>> = BTreeMap::new();
    for (index, retrieval) in case.retrievals.iter().enumerate() {
        if let (ObjectKind::Pac, Some(vantage), Some(client)) =
            (retrieval.object, retrieval.vantage, retrieval.client)
        {
            scripts
                .entry((vantage, client.ip()))
                .or_default()
                .push(index);
        }
    }
    let mut questions = Questions::default();
    let clients: BTreeSet<Client> = tries.keys().chain(scripts.keys()).copied().collect();
    for client in clients {
        let mut tries = tries.remove(&client).unwrap_or_default();
        tries.sort_by(|a, b| (a.at, a.means, &a.name).cmp(&(b.at, b.means, &b.name)));
        tries.truncate(MAX_TRIES);
        let scripts = scripts.remove(&client).unwrap_or_default();
        let decisions = decisions(case, sources.bodies, client, &scripts, &mut questions);
        let machine = machine_of(case, client);
        case.discoveries.push(Discovery {
            vantage: client.0,
            client: client.1,
            machine,
            tries,
            scripts,
            decisions,
        });
    }
    let failed = case.discoveries.iter().flat_map(|it| failed(case, it));
    let issues: BTreeSet<Issue> = failed.chain(questions.unasked(case)).collect();
    case.issues.extend(issues);
}

/// Tries kept of one client: a day of a machine without a script has hundreds.
const MAX_TRIES: usize = 200;

fn machine_of(case: &Case, client: Client) -> Option<usize> {
    let mut own = case
        .retrievals
        .iter()
        .zip(&case.retrieval_machines)
        .filter(|(it, _)| it.vantage == Some(client.0))
        .filter(|(it, _)| it.client.is_some_and(|address| address.ip() == client.1));
    own.find_map(|(_, machine)| *machine).or_else(|| {
        let mut shaken = case.handshakes.iter();
        shaken
            .find(|it| it.vantage == client.0 && it.client.ip() == client.1)
            .and_then(|it| it.machine)
    })
}

/// `wpad` alone or as the first label.
fn is_wpad(name: &str) -> bool {
    name == "wpad" || name.starts_with("wpad.")
}

/// Requests for option 252, each with the answer of the same transaction. A
/// client's address is in its own message, or in the answer to it.
fn by_dhcp(messages: &[DhcpMessage]) -> Vec<(Client, Try)> {
    let mut found = Vec::new();
    for (index, asked) in messages.iter().enumerate() {
        // A DISCOVER is followed by a REQUEST that asks the same.
        if !asked.asks_script || !matches!(asked.message_type, 3 | 8) {
            continue;
        }
        let same = |it: &&DhcpMessage| {
            it.vantage == asked.vantage
                && it.transaction == asked.transaction
                && it.hardware == asked.hardware
        };
        let repeated = messages
            .iter()
            .take(index)
            .any(|it| same(&it) && it.message_type == asked.message_type);
        let answer = messages
            .iter()
            .skip(index)
            .find(|it| it.message_type == ACK && same(it));
        let client = asked.client.or(answer.and_then(|it| it.client));
        let Some(client) = client.filter(|_| !repeated) else {
            continue;
        };
        let url = answer
            .and_then(|it| it.script_url.clone())
            .filter(|url| !url.is_empty());
        let result = match (answer, &url) {
            (_, Some(_)) => TryResult::Found,
            (Some(_), None) => TryResult::None,
            (None, None) => TryResult::Silent,
        };
        let cites = [Some(asked), answer].into_iter().flatten();
        let made = Try {
            means: Means::Dhcp,
            at: asked.sighting.at,
            name: None,
            result,
            answered_by: answer
                .and_then(|it| it.server)
                .map(IpAddr::from)
                .into_iter()
                .collect(),
            addresses: Vec::new(),
            url,
            cites: merged(cites.map(|it| it.sighting.cite())),
        };
        found.push(((asked.vantage, client), made));
    }
    found
}

fn by_dns(lookup: &Lookup) -> Option<Try> {
    let first = lookup.first()?;
    let answer = lookup.answer.as_ref();
    let result = match answer {
        Some(answer) if !answer.addresses.is_empty() => TryResult::Found,
        Some(_) => TryResult::None,
        None => TryResult::Silent,
    };
    let frames = lookup
        .questions
        .iter()
        .copied()
        .chain(answer.map(|answer| answer.sighting));
    Some(Try {
        means: Means::Dns,
        at: first.at,
        name: Some(lookup.name.clone()),
        result,
        answered_by: answer.map(|_| lookup.server.ip()).into_iter().collect(),
        addresses: answer.map(|it| it.addresses.clone()).unwrap_or_default(),
        url: None,
        cites: merged(frames.map(|it| it.cite())),
    })
}

fn by_all(question: &LocalQuestion) -> Option<Try> {
    let first = question.first()?;
    let given = || question.answers.iter().flat_map(|it| it.addresses.clone());
    let answers = question.answers.iter();
    let frames = question
        .questions
        .iter()
        .copied()
        .chain(answers.clone().map(|it| it.sighting));
    Some(Try {
        means: match question.service {
            NameService::Llmnr => Means::Llmnr,
            NameService::Mdns => Means::Mdns,
            NameService::NetBios => Means::NetBios,
        },
        at: first.at,
        name: Some(question.name.clone()),
        result: match given().next() {
            Some(_) => TryResult::Found,
            None => TryResult::Silent,
        },
        answered_by: answers.map(|it| it.from).collect(),
        addresses: given().collect(),
        url: None,
        cites: merged(frames.map(|it| it.cite())),
    })
}
