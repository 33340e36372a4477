//! What the proxy scripts that clients got say for the URLs that they fetched.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Case;
use super::discovery::{Client, Discovery};
use crate::issue::Issue;
use crate::pac::{self, Question, Way};
use crate::provenance::Cite;
use crate::retrieval::{BodyIndex, ObjectKind, Retrieval, RouteKind};
use crate::time::Timestamp;

/// What a script says for one retrieval, against what the client did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The retrieval that brought the script.
    pub script: usize,
    /// The retrieval it is about.
    pub retrieval: usize,
    /// What the script says, or why it says nothing.
    pub said: Result<pac::Answer, String>,
    /// Whether the client went one of the ways named; `None` where that cannot
    /// be told.
    pub followed: Option<bool>,
}

/// Questions put to scripts in one run: each takes some milliseconds.
const MAX_QUESTIONS: usize = 300;
/// Bytes of scripts read for questions in one run. A script is read anew for
/// each, and one of a megabyte takes a second; usual ones have up to 50 KB.
const MAX_SCRIPTS_READ: usize = 16 << 20;

/// The questions that may still be put to scripts, and those that were not.
#[derive(Debug)]
pub(super) struct Questions {
    left: usize,
    bytes_left: usize,
    /// By script, a retrieval.
    unasked: BTreeMap<usize, u64>,
}

impl Default for Questions {
    fn default() -> Self {
        Questions {
            left: MAX_QUESTIONS,
            bytes_left: MAX_SCRIPTS_READ,
            unasked: BTreeMap::new(),
        }
    }
}

impl Questions {
    /// True when a question may be put to a script, of which so many bytes have
    /// to be read.
    fn take(&mut self, script: usize, bytes: usize) -> bool {
        let left = self.left.checked_sub(1);
        let bytes_left = self.bytes_left.checked_sub(bytes);
        match (left, bytes_left) {
            (Some(left), Some(bytes_left)) => {
                (self.left, self.bytes_left) = (left, bytes_left);
                true
            }
            _ => {
                *self.unasked.entry(script).or_insert(0) += 1;
                false
            }
        }
    }

    /// Says which scripts were not asked everything.
    pub(super) fn unasked(&self, case: &Case) -> impl Iterator<Item = Issue> {
        self.unasked.iter().filter_map(|(script, count)| {
            let what = format!("not asked about {count} more URLs: there were too many");
            issue(case, *script, &what)
        })
    }
}

/// For each script that came, the client's later attempts up to the next one.
pub(super) fn decisions(
    case: &Case,
    bodies: &BodyIndex,
    client: Client,
    scripts: &[usize],
    questions: &mut Questions,
) -> Vec<Decision> {
    let mut made: Vec<Decision> = Vec::new();
    let mut known: BTreeMap<(usize, String), Result<pac::Answer, String>> = BTreeMap::new();
    for (place, script) in scripts.iter().enumerate() {
        let Some(text) = text_of(case, bodies, *script) else {
            continue;
        };
        let Some(fetched) = case.retrievals.get(*script) else {
            continue;
        };
        let later = scripts.get(place + 1..).unwrap_or_default();
        let until = later
            .iter()
            .filter(|next| text_of(case, bodies, **next).is_some())
            .find_map(|next| case.retrievals.get(*next))
            .map(|next| next.started_at);
        for (index, retrieval) in case.retrievals.iter().enumerate() {
            let own = retrieval.vantage == Some(client.0)
                && retrieval.client.is_some_and(|it| it.ip() == client.1);
            let in_time = retrieval.started_at >= fetched.ended_at
                && until.is_none_or(|until| retrieval.started_at < until);
            let Some((url, host)) = asked_for(retrieval).filter(|_| own && in_time) else {
                continue;
            };
            let asked = (*script, url.clone());
            let to_read = if known.contains_key(&asked) {
                0
            } else {
                text.len()
            };
            if !questions.take(*script, to_read) {
                continue;
            }
            let said = known
                .entry(asked)
                .or_insert_with(|| {
                    let names = names_until(case, client, retrieval.ended_at);
                    pac::evaluate(
                        &text,
                        &Question {
                            url: &url,
                            host: &host,
                            client: client.1,
                            at: retrieval.started_at,
                            names: &names,
                        },
                    )
                })
                .clone();
            let followed = said
                .as_ref()
                .ok()
                .and_then(|said| follows(case, client, &said.ways, retrieval));
            made.push(Decision {
                script: *script,
                retrieval: index,
                said,
                followed,
            });
        }
    }
    made
}

fn text_of(case: &Case, bodies: &BodyIndex, script: usize) -> Option<std::sync::Arc<str>> {
    let body = case.retrievals.get(script)?.body.as_ref()?;
    bodies.bodies.get(&body.sha256?)?.script.clone()
}

/// The URL and host a script would be asked for; of a failed connect or look-up
/// only the host is known, and its root stands for the URL.
fn asked_for(retrieval: &Retrieval) -> Option<(String, String)> {
    if retrieval.object == ObjectKind::Pac {
        return None;
    }
    let host = retrieval.host.clone()?;
    let is_proxys_own = retrieval.url.is_none() && retrieval.route.kind == RouteKind::HttpProxy;
    match &retrieval.url {
        Some(url) if url.starts_with("http") => Some((url.clone(), host)),
        None if !is_proxys_own && !host.starts_with('_') => Some((format!("http://{host}/"), host)),
        _ => None,
    }
}

/// What name servers told this client by then.
fn names_until(case: &Case, client: Client, until: Timestamp) -> BTreeMap<String, Vec<IpAddr>> {
    let mut names: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for lookup in &case.lookups {
        let Some(answer) = &lookup.answer else {
            continue;
        };
        let own = lookup.vantage == client.0 && lookup.client.ip() == client.1;
        if own && answer.sighting.at <= until && matches!(answer.response_code, 0 | 3) {
            let known = names.entry(lookup.name.clone()).or_default();
            known.extend(&answer.addresses);
            known.dedup();
        }
    }
    names
}

/// Whether a retrieval went one of the ways.
fn follows(case: &Case, client: Client, ways: &[Way], retrieval: &Retrieval) -> Option<bool> {
    let route = &retrieval.route;
    match route.kind {
        RouteKind::Unknown => None,
        RouteKind::Direct | RouteKind::TransparentProxy => Some(ways.contains(&Way::Direct)),
        RouteKind::HttpProxy | RouteKind::Connect | RouteKind::Socks => {
            let proxy = route.proxy.or(retrieval.server)?;
            let names = names_until(case, client, retrieval.ended_at);
            let mut unsure = false;
            for way in ways {
                let (Way::Proxy(host, port) | Way::Https(host, port) | Way::Socks(host, port)) =
                    way
                else {
                    continue;
                };
                if *port != proxy.port() {
                    continue;
                }
                match (host.parse::<IpAddr>(), names.get(host)) {
                    (Ok(address), _) if address == proxy.ip() => return Some(true),
                    (Ok(_), _) => {}
                    (Err(_), Some(addresses)) if addresses.contains(&proxy.ip()) => {
                        return Some(true);
                    }
                    (Err(_), Some(addresses)) if !addresses.is_empty() => {}
                    // The name's address was known to the client from before.
                    (Err(_), _) => unsure = true,
                }
            }
            (!unsure).then_some(false)
        }
    }
}

/// Scripts that could not be evaluated.
pub(super) fn failed(case: &Case, discovery: &Discovery) -> impl Iterator<Item = Issue> {
    discovery.decisions.iter().filter_map(|decision| {
        let why = decision.said.as_ref().err()?;
        issue(case, decision.script, &format!("not evaluated: {why}"))
    })
}

/// An issue about a script, at the last packet of its retrieval.
fn issue(case: &Case, script: usize, what: &str) -> Option<Issue> {
    let script = case.retrievals.get(script)?;
    let cite = script.cites.first()?;
    let place = match cite {
        Cite::Packets { packets, .. } => packets
            .last()
            .map_or_else(String::new, |packet| format!("packet {packet}")),
        _ => String::new(),
    };
    let url = script.url.as_deref().unwrap_or("a proxy script");
    Some(Issue::new(
        cite.evidence(),
        place,
        format!("the proxy script {url} is {what}"),
        "what it would have said for the URLs of this client is not known",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_end_with_their_number_or_with_the_bytes_to_be_read() {
        let mut many = Questions::default();
        assert!((0..MAX_QUESTIONS).all(|_| many.take(4, 1_000)));
        assert!(!many.take(4, 0) && !many.take(5, 0) && !many.take(4, 0));
        assert_eq!(many.unasked, BTreeMap::from([(4, 2), (5, 1)]));
        let mut large = Questions::default();
        assert!((0..16).all(|_| large.take(4, 1 << 20)));
        // What was asked before costs nothing more.
        assert!(!large.take(4, 1) && large.take(4, 0));
    }
}
