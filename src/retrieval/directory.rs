//! CRLs and certificates fetched from a directory by LDAP.

use std::collections::BTreeMap;

use crate::pki::{self, LooksLike};
use crate::protocol::dns::Lookup;
use crate::protocol::ldap::{LdapSearch, LdapSession, result_name};
use crate::provenance::{Sighting, merged};
use crate::time::{Span, Timestamp};

use super::names::{self, Client};
use super::scene::Scene;
use super::{ObjectKind, Observed, Outcome, Retrieval, RetrievedBody, RouteKind, attempt};

/// Ports of a directory: LDAP, its global catalog, and both over TLS.
pub const LDAP_PORTS: [u16; 4] = [389, 3268, 636, 3269];

/// The searches for lists and certificates, and the look-ups for a directory
/// that failed, in order.
pub(super) fn retrievals(scene: &Scene<'_>) -> Vec<Retrieval> {
    let mut found = Vec::new();
    for seen in scene.inputs.observed {
        let Some(session) = &seen.ldap else { continue };
        for search in &session.searches {
            found.extend(search_retrieval(scene, seen, session, search));
        }
    }
    if let Some(kind) = scene.inputs.known.directory_kind() {
        found.extend(failed_lookups(scene, kind));
    }
    found
}

fn kind_of(attribute: &str) -> ObjectKind {
    let name = attribute.split(';').next().unwrap_or_default();
    if name.eq_ignore_ascii_case("deltaRevocationList") {
        ObjectKind::DeltaCrl
    } else if name.to_ascii_lowercase().ends_with("revocationlist") {
        ObjectKind::Crl
    } else {
        ObjectKind::AiaCert
    }
}

fn search_retrieval(
    scene: &Scene<'_>,
    seen: &Observed,
    session: &LdapSession,
    search: &LdapSearch,
) -> Option<Retrieval> {
    let attribute = search.wanted()?;
    let conversation = &seen.conversation;
    let server = conversation.server;
    let client = attempt::client(seen);
    let mut built = Retrieval::new(search.first.at, search.last.at);
    let named = scene.names.meant_by(client, server.ip(), search.first.at);
    let host = named
        .first()
        .map_or_else(|| server.ip().to_string(), |name| (*name).to_owned());
    let published = scene.inputs.known.directory_url(&search.base, attribute);
    let port = match server.port() {
        389 => String::new(),
        port => format!(":{port}"),
    };
    let own = || {
        format!(
            "ldap://{host}{port}/{}?{attribute}?base",
            escaped(&search.base)
        )
    };
    built.url = Some(published.map_or_else(own, str::to_owned));
    built.host = Some(host);
    built.object = kind_of(attribute);
    built.method = Some("SEARCH".into());
    built.vantage = Some(conversation.vantage);
    built.client = Some(conversation.client);
    built.server = Some(server);
    built.route.kind = RouteKind::Direct;
    built.quality = Some(conversation.quality.clone());
    let value = search.values.first();
    built.body = value.map(|(_, bytes)| body(scene, bytes));
    let (outcome, detail) = outcome(scene, seen, session, search);
    (built.outcome, built.detail) = (outcome, detail);
    built.cites = merged([search.first.cite(), search.last.cite()]);
    Some(built)
}

fn body(scene: &Scene<'_>, bytes: &[u8]) -> RetrievedBody {
    let sha256 = pki::digest::sha256(bytes);
    let facts = scene.inputs.bodies.bodies.get(&sha256);
    RetrievedBody {
        size: bytes.len() as u64,
        declared: None,
        sha256: Some(sha256),
        complete: true,
        looks_like: facts.map_or(LooksLike::Other, |facts| facts.looks_like),
        artifacts: facts
            .map(|facts| facts.artifacts.clone())
            .unwrap_or_default(),
        title: None,
    }
}

/// CryptoAPI waits as long for a directory as for a web server.
const PATIENCE: i64 = 15;

fn outcome(
    scene: &Scene<'_>,
    seen: &Observed,
    session: &LdapSession,
    search: &LdapSearch,
) -> (Outcome, Option<String>) {
    let conversation = &seen.conversation;
    match search.result {
        Some(0) if search.values.is_empty() => {
            let text = match search.entries {
                0 => "the directory gave no entry",
                _ => "the entry has no such attribute",
            };
            (Outcome::UnexpectedContent, Some(text.into()))
        }
        Some(0) => (Outcome::Ok, None),
        Some(code @ (49 | 50)) => (Outcome::Forbidden, Some(code_text(code))),
        Some(code) => (Outcome::LdapError, Some(code_text(code))),
        None if session.sealed.is_some() => (
            Outcome::IncompleteCapture,
            Some("the answer is sealed (SASL)".into()),
        ),
        None => {
            let [_, missing] = conversation.quality.missing;
            let waited = scene
                .ends_at(conversation.vantage, conversation.last.at)
                .since(search.first.at);
            match missing == 0
                && conversation.quality.packets[1] > 0
                && waited >= Span::seconds(PATIENCE)
            {
                true => (
                    Outcome::NoAnswer,
                    Some("the directory did not answer the search".into()),
                ),
                false => (Outcome::IncompleteCapture, None),
            }
        }
    }
}

fn code_text(code: u32) -> String {
    format!("LDAP result {code}, {}", result_name(code))
}

/// A distinguished name as a URL has it. Spec: RFC 4516 §2.1.
fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'=' | b',' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// Windows repeats a question for some 12 s before it gives up.
const TOGETHER_WITHIN: i64 = 15;
/// The questions for one service name that failed, and nothing else found a
/// directory at that time.
fn failed_lookups(scene: &Scene<'_>, kind: ObjectKind) -> Vec<Retrieval> {
    let mut groups: Vec<(Client, Vec<&Lookup>)> = Vec::new();
    let mut latest: BTreeMap<Client, usize> = BTreeMap::new();
    let services = scene.inputs.lookups.iter().filter(|it| is_directory(it));
    for lookup in services {
        let (client, at) = (names::of_client(lookup), first_at(lookup));
        let open = latest
            .get(&client)
            .and_then(|index| groups.get_mut(*index))
            .filter(|(_, group)| {
                let last = group.last().and_then(|last| first_at(last));
                last.zip(at)
                    .is_some_and(|(last, at)| at.since(last) <= Span::seconds(TOGETHER_WITHIN))
            });
        match open {
            Some((_, group)) => group.push(lookup),
            None => {
                latest.insert(client, groups.len());
                groups.push((client, vec![lookup]));
            }
        }
    }
    let failed = groups
        .into_iter()
        .filter_map(|(client, group)| failed_group(scene, client, &group, kind));
    failed.collect()
}

fn first_at(lookup: &Lookup) -> Option<Timestamp> {
    lookup.first().map(|first| first.at)
}

/// `_ldap._tcp.…`, of type SRV.
fn is_directory(lookup: &Lookup) -> bool {
    lookup.question_type == SRV
        && (lookup.name.starts_with("_ldap._tcp.") || lookup.name == "_ldap._tcp")
}

const SRV: u16 = 33;

fn failed_group(
    scene: &Scene<'_>,
    client: Client,
    group: &[&Lookup],
    kind: ObjectKind,
) -> Option<Retrieval> {
    let answers = || group.iter().filter_map(|lookup| lookup.answer.as_ref());
    if answers().any(|answer| answer.response_code == 0) {
        return None;
    }
    let first = group.iter().find_map(|lookup| lookup.first())?;
    let frames: Vec<Sighting> = group
        .iter()
        .flat_map(|lookup| {
            let answer = lookup.answer.iter().map(|answer| answer.sighting);
            lookup.questions.iter().copied().chain(answer)
        })
        .collect();
    let last_at = frames.iter().map(|frame| frame.at).max()?;
    let mut built = Retrieval::new(first.at, last_at);
    let refused = answers().next();
    let most = group.iter().map(|lookup| lookup.questions.len()).max()?;
    let waited = scene.ends_at(client.0, last_at).since(first.at);
    (built.outcome, built.detail) = match refused {
        Some(answer) => {
            let what = super::lookups::code_name(answer.response_code);
            let text = format!("{what}: no directory server is known by this name");
            (Outcome::NoSuchName, Some(text))
        }
        None if most >= 2 || waited >= Span::seconds(TOGETHER_WITHIN) => {
            (Outcome::NameTimeout, Some("no answer".into()))
        }
        None => return None,
    };
    built.host = group.first().map(|lookup| lookup.name.clone());
    built.object = kind;
    built.vantage = Some(client.0);
    built.client = group.first().map(|lookup| lookup.client);
    built.route.kind = RouteKind::Direct;
    built.cites = merged(frames.iter().map(Sighting::cite).collect::<Vec<_>>());
    Some(built)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::KnownUrls;
    use super::super::fixtures::{certificate, lookup};
    use super::super::test_support::Given;
    use super::*;
    use crate::pki::Artifact;

    const CDP: &str = "ldap:///CN=Corp%20CA,CN=ca1,CN=CDP,DC=corp,DC=example?certificateRevocationList?base?objectClass=cRLDistributionPoint";

    fn known() -> KnownUrls {
        let leaf = certificate("leaf", "CA", &[], &[CDP]);
        KnownUrls::from_artifacts(&[Artifact::Certificate(leaf.into())])
    }

    fn srv(name: &str, seconds: f64, code: u16) -> Lookup {
        let mut lookup = lookup(name, seconds, code, &[]);
        lookup.question_type = SRV;
        lookup
    }

    #[test]
    fn a_directory_that_cannot_be_found_is_a_failed_attempt_for_the_list() {
        let lookups = vec![
            srv("_ldap._tcp.site._sites.dc._msdcs.corp.example", 1.0, 3),
            srv("_ldap._tcp.dc._msdcs.corp.example", 1.2, 3),
        ];
        let given = Given {
            lookups: lookups.clone(),
            known: known(),
            ..Given::default()
        };
        let found = given.retrievals();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].object, found[0].outcome),
            (ObjectKind::Crl, Outcome::NoSuchName)
        );
        // Nothing of the case is published in a directory.
        let other = Given {
            lookups,
            ..Given::default()
        };
        assert_eq!(other.retrievals(), []);
    }

    #[test]
    fn a_second_name_that_is_known_is_no_failure() {
        let lookups = vec![
            srv("_ldap._tcp.site._sites.dc._msdcs.corp.example", 1.0, 3),
            srv("_ldap._tcp.dc._msdcs.corp.example", 1.2, 0),
        ];
        let given = Given {
            lookups,
            known: known(),
            ..Given::default()
        };
        assert_eq!(given.retrievals(), []);
    }

    #[test]
    fn the_published_address_is_found_by_name_and_attribute() {
        let known = known();
        let base = "cn=corp CA,CN=ca1, CN=CDP,DC=corp,DC=example";
        let attribute = "certificateRevocationList;binary";
        assert_eq!(known.directory_url(base, attribute), Some(CDP));
        assert_eq!(known.directory_url(base, "cACertificate;binary"), None);
    }
}
