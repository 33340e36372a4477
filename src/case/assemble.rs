//! Joins what the stages found into a case.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    ArtifactRecord, ArtifactSighting, ArtifactSource, CaptureNote, Case, Handshake, Vantage,
    capture_notes,
};
use super::{
    accessed, chains, discovery, handshakes, logged, machine_names, machines, programs, tunnels,
};
use crate::capture::FrameIndex;
use crate::cryptnet::CacheEntry;
use crate::evidence::EvidenceRecord;
use crate::flow::Unanswered;
use crate::host::HostSource;
use crate::issue::Issue;
use crate::pki::{self, Artifact, Certificate};
use crate::protocol::dhcp::DhcpMessage;
use crate::protocol::dns::Lookup;
use crate::protocol::local_names::{LocalQuestion, NameClaim};
use crate::protocol::tls::ServerCertificates;
use crate::provenance::{Cite, EvidenceId};
use crate::retrieval::{self, BodyIndex, KnownUrls, Observed};
use crate::time::Timestamp;

/// What the stages before `case` found.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The ledger.
    pub evidence: Vec<EvidenceRecord>,
    /// Trouble so far.
    pub issues: Vec<Issue>,
    /// Conversations with what was said in them.
    pub observed: Vec<Observed>,
    /// Connects that came to nothing.
    pub unanswered: Vec<Unanswered>,
    /// Name lookups.
    pub lookups: Vec<Lookup>,
    /// Names for addresses in the captures' own blocks.
    pub capture_names: Vec<CaptureName>,
    /// What people wrote into the captures.
    pub capture_notes: Vec<CaptureNote>,
    /// Process numbers in comments of frames.
    pub processes: BTreeMap<(EvidenceId, u64), u32>,
    /// Questions to time servers.
    pub ntp: Vec<crate::protocol::ntp::NtpExchange>,
    /// Names asked of everybody in the local network.
    pub local_questions: Vec<LocalQuestion>,
    /// Hosts that said their own names there.
    pub name_claims: Vec<NameClaim>,
    /// DHCP messages.
    pub dhcp: Vec<DhcpMessage>,
    /// Cache entries.
    pub cache_entries: Vec<CacheEntry>,
    /// The objects in each cache entry's content, by SHA-256.
    pub cache_objects: Vec<Vec<[u8; 32]>>,
    /// Objects handed over by themselves.
    pub files: Vec<(Cite, Vec<[u8; 32]>)>,
    /// Every object read so far, by SHA-256.
    pub artifacts: BTreeMap<[u8; 32], Artifact>,
    /// Bytes of the answers that objects were read from.
    pub read_len: usize,
    /// Answers that were not read any more.
    pub unread: usize,
    /// What each distinct body holds.
    pub bodies: BodyIndex,
    /// Whether the bytes of bodies are kept.
    pub keep_bodies: bool,
    /// The bytes kept, by SHA-256.
    pub kept: BTreeMap<[u8; 32], Arc<[u8]>>,
    /// Capture quality per vantage point.
    pub vantages: Vec<Vantage>,
    /// Files in which a machine speaks of itself.
    pub hosts: Vec<HostSource>,
    /// The objects in them.
    pub host_objects: Vec<HostObject>,
    /// Roots that the analyst gave.
    pub roots: Vec<Arc<Certificate>>,
    /// Where the frames of the captures lie.
    pub places: BTreeMap<EvidenceId, FrameIndex>,
    /// Counts for the method section.
    pub counts: Vec<(&'static str, u64)>,
}

/// A name for an address in a name-resolution block of a capture: what the
/// capturing machine, or whoever saved the file, took it for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureName {
    /// The vantage point of the capture.
    pub vantage: u32,
    /// The address.
    pub address: std::net::IpAddr,
    /// The name.
    pub name: String,
    /// The capture.
    pub cite: Cite,
}

/// An object in a file of the machine.
#[derive(Debug, Clone, PartialEq)]
pub struct HostObject {
    /// Index of the file among the hosts.
    pub source: usize,
    /// Index among the elements of its stores; `None` for a list that the
    /// automatic update keeps.
    pub stored: Option<usize>,
    /// The object.
    pub sha256: [u8; 32],
    /// Since when it lay there, at the latest.
    pub at: Option<Timestamp>,
    /// The place.
    pub cite: Cite,
}

/// Which part of the evidence the case is about.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Judge every validation at this time.
    pub as_of: Option<Timestamp>,
    /// Keep every HTTP exchange as a retrieval.
    pub all_http: bool,
    /// Only the machine of this name or address.
    pub machine: Option<String>,
    /// Only what ended at this time or later.
    pub from: Option<Timestamp>,
    /// Only what began up to this time.
    pub to: Option<Timestamp>,
}

impl Selection {
    /// True when something from `began` to `ended` touches the time asked for.
    fn covers(&self, began: Timestamp, ended: Timestamp) -> bool {
        self.from.is_none_or(|from| ended >= from) && self.to.is_none_or(|to| began <= to)
    }
}

/// Builds the case.
#[must_use]
pub fn assemble(mut gathered: Gathered, selection: &Selection) -> Case {
    let once = retrieval::once(
        std::mem::take(&mut gathered.observed),
        std::mem::take(&mut gathered.unanswered),
        std::mem::take(&mut gathered.lookups),
    );
    gathered.observed = once.observed;
    gathered.lookups = once.lookups;
    if once.repeated > 0 {
        gathered.counts.push((
            "conversations and look-ups that two captures show",
            once.repeated,
        ));
    }
    super::bodies::put_together(&mut gathered);
    read_handshake_certificates(&mut gathered);
    let known = KnownUrls::from_artifacts(gathered.artifacts.values());
    let capture_ends = gathered
        .vantages
        .iter()
        .filter_map(|vantage| Some((vantage.number, vantage.last_at?)))
        .collect();
    let (retrievals, counts) = retrieval::retrievals(&retrieval::Inputs {
        observed: &gathered.observed,
        unanswered: &once.unanswered,
        lookups: &gathered.lookups,
        cache: &gathered.cache_entries,
        bodies: &gathered.bodies,
        known: &known,
        capture_ends: &capture_ends,
        offsets: &once.offsets,
        all_http: selection.all_http,
    });
    let mut case = Case {
        as_of: selection.as_of,
        evidence: gathered.evidence,
        issues: gathered.issues,
        retrievals,
        cache_entries: gathered.cache_entries,
        lookups: gathered.lookups,
        ntp: gathered.ntp,
        vantages: gathered.vantages,
        counts: gathered.counts,
        hosts: gathered.hosts,
        same_clients: once.clients,
        ..Case::default()
    };
    capture_notes::hint_processes(&mut case, &gathered.processes);
    case.counts.push(("HTTP exchanges", counts.exchanges));
    case.counts.push((
        "HTTP exchanges that have nothing to do with validation",
        counts.other_exchanges,
    ));
    case.issues.extend(counts.issue());
    case.handshakes = tunnels::once(all_handshakes(&gathered.observed));
    case.logins = retrieval::login_counts(&gathered.observed);
    // All that was said has become facts by now, and takes the most memory.
    drop(std::mem::take(&mut gathered.observed));
    keep_window(&mut case, selection);
    let mut recorded = logged::attempts(&case, &known);
    recorded.retain(|(_, retrieval)| selection.covers(retrieval.started_at, retrieval.ended_at));
    machines::assign(&mut case, &recorded);
    let told = machine_names::told(
        &case.logins,
        &gathered.dhcp,
        &gathered.name_claims,
        &gathered.capture_names,
    );
    machine_names::give(&mut case, &told);
    logged::join(&mut case, recorded);
    machines::name_accounts(&mut case);
    join_access_logs(&mut case, &known, selection);
    if let Some(machine) = &selection.machine {
        machines::keep_only(&mut case, machine);
    }
    case.capture_notes = capture_notes::all(
        &case,
        std::mem::take(&mut gathered.capture_notes),
        &gathered.capture_names,
    );
    let sources = discovery::Sources {
        local: &gathered.local_questions,
        dhcp: &gathered.dhcp,
        bodies: &gathered.bodies,
    };
    discovery::discover(&mut case, &sources);
    let sightings = Sightings {
        cache_objects: &gathered.cache_objects,
        files: &gathered.files,
        hosts: &gathered.host_objects,
    };
    fill_artifacts(&mut case, &gathered.artifacts, &sightings);
    case.chains = chains::chains(&case, &gathered.roots);
    case
}

/// What proxies and servers logged.
fn join_access_logs(case: &mut Case, known: &KnownUrls, selection: &Selection) {
    let (mut lines, left_out) = accessed::attempts(case, known, selection.all_http);
    lines.retain(|line| selection.covers(line.retrieval.started_at, line.retrieval.ended_at));
    if left_out > 0 {
        case.issues.push(Issue::of_run(
            "access logs",
            format!("{left_out} more attempts in access logs than are kept"),
            "they are not in the report; narrow the time",
        ));
    }
    accessed::join(case, lines);
}

/// Drops what lies outside the time asked for.
fn keep_window(case: &mut Case, selection: &Selection) {
    let inside = |began, ended| selection.covers(began, ended);
    case.retrievals
        .retain(|retrieval| inside(retrieval.started_at, retrieval.ended_at));
    case.handshakes
        .retain(|handshake| inside(handshake.at, handshake.ended_at));
}

/// Certificates sent in handshakes become artifacts like all others.
fn read_handshake_certificates(gathered: &mut Gathered) {
    for observed in &gathered.observed {
        for handshake in &observed.handshakes {
            let ServerCertificates::Sent { list, sighting, .. } = &handshake.certificates else {
                continue;
            };
            for der in list {
                let sha256 = pki::digest::sha256(der);
                if gathered.artifacts.contains_key(&sha256) {
                    continue;
                }
                match Certificate::from_der(der) {
                    Ok(certificate) => {
                        let artifact = Artifact::Certificate(Arc::new(certificate));
                        gathered.artifacts.insert(sha256, artifact);
                    }
                    Err(error) => gathered.issues.push(Issue::new(
                        sighting.evidence,
                        format!("packet {}", sighting.packet),
                        format!("a certificate of the server's list: {error}"),
                        "this certificate is left out of the chain",
                    )),
                }
            }
            if let Some(stapled) = &handshake.stapled_ocsp {
                for artifact in pki::read_object(stapled).artifacts {
                    gathered
                        .artifacts
                        .entry(artifact.sha256())
                        .or_insert(artifact);
                }
            }
        }
    }
}

fn all_handshakes(observed: &[Observed]) -> Vec<Handshake> {
    let mut all: Vec<Handshake> = observed
        .iter()
        .flat_map(|observed| {
            let seen = observed.handshakes.iter();
            seen.map(|handshake| {
                let mut built = handshakes::handshake(&observed.conversation, handshake);
                let tunnel = handshake.tunnel.as_deref();
                built.program = tunnel
                    .and_then(|authority| programs::of_tunnel(&observed.exchanges, authority));
                built
            })
        })
        .collect();
    all.sort_by(|a, b| (a.at, &a.cites).cmp(&(b.at, &b.cites)));
    programs::name(&mut all, observed);
    all
}

/// The stapled answer and the certificates it encloses.
fn enclosed_in_staple(
    handshake: &Handshake,
    artifacts: &BTreeMap<[u8; 32], Artifact>,
) -> Vec<[u8; 32]> {
    let stapled = handshake.stapled.and_then(|sha256| artifacts.get(&sha256));
    let Some(Artifact::Ocsp(ocsp)) = stapled else {
        return Vec::new();
    };
    let enclosed = ocsp.basic.iter().flat_map(|basic| &basic.certificates);
    let enclosed = enclosed.map(|certificate| certificate.sha256);
    [ocsp.sha256].into_iter().chain(enclosed).collect()
}

/// A staple comes in the flight of the certificates.
fn staple_cite(handshake: &Handshake) -> Cite {
    match (&handshake.certificates, handshake.cites.first()) {
        (ServerCertificates::Sent { sighting, .. }, _) => sighting.cite(),
        (_, Some(cite)) => cite.clone(),
        (_, None) => Cite::whole(crate::provenance::EvidenceId(0), 0),
    }
}

/// Where objects were seen besides handshakes and retrievals.
struct Sightings<'a> {
    cache_objects: &'a [Vec<[u8; 32]>],
    files: &'a [(Cite, Vec<[u8; 32]>)],
    hosts: &'a [HostObject],
}

/// Collects every sight of every object, orders the objects by first sight, and
/// points the handshakes at theirs.
fn fill_artifacts(
    case: &mut Case,
    artifacts: &BTreeMap<[u8; 32], Artifact>,
    sightings: &Sightings<'_>,
) {
    let mut seen: BTreeMap<[u8; 32], Vec<ArtifactSighting>> = BTreeMap::new();
    let mut add = |sha256: &[u8; 32], sighting: ArtifactSighting| {
        seen.entry(*sha256).or_default().push(sighting);
    };
    let mut lists: Vec<Vec<[u8; 32]>> = Vec::new();
    for (index, handshake) in case.handshakes.iter().enumerate() {
        let mut list = Vec::new();
        if let ServerCertificates::Sent {
            list: sent,
            sighting,
            ..
        } = &handshake.certificates
        {
            for der in sent {
                let sha256 = pki::digest::sha256(der);
                if !artifacts.contains_key(&sha256) {
                    continue;
                }
                list.push(sha256);
                add(
                    &sha256,
                    ArtifactSighting {
                        source: ArtifactSource::Handshake(index),
                        at: Some(sighting.at),
                        machine: handshake.machine,
                        account: None,
                        cite: sighting.cite(),
                    },
                );
            }
        }
        lists.push(list);
        for sha256 in enclosed_in_staple(handshake, artifacts) {
            add(
                &sha256,
                ArtifactSighting {
                    source: ArtifactSource::Handshake(index),
                    at: Some(handshake.at),
                    machine: handshake.machine,
                    account: None,
                    cite: staple_cite(handshake),
                },
            );
        }
    }
    for (index, retrieval) in case.retrievals.iter().enumerate() {
        let Some(body) = &retrieval.body else {
            continue;
        };
        let Some(cite) = retrieval.cites.first() else {
            continue;
        };
        for sha256 in &body.artifacts {
            add(
                sha256,
                ArtifactSighting {
                    source: ArtifactSource::Retrieval(index),
                    at: Some(retrieval.ended_at),
                    machine: case.retrieval_machines.get(index).copied().flatten(),
                    account: retrieval.account.clone(),
                    cite: cite.clone(),
                },
            );
        }
    }
    for (index, leg) in case.onward_legs() {
        let (Some(body), Some(cite)) = (&leg.body, leg.cites.first()) else {
            continue;
        };
        for sha256 in &body.artifacts {
            add(
                sha256,
                ArtifactSighting {
                    source: ArtifactSource::Retrieval(index),
                    at: Some(leg.ended_at),
                    // The client may have got something else.
                    machine: None,
                    account: None,
                    cite: cite.clone(),
                },
            );
        }
    }
    for (index, entry) in case.cache_entries.iter().enumerate() {
        let Some(content) = &entry.content else {
            continue;
        };
        for sha256 in sightings.cache_objects.get(index).into_iter().flatten() {
            add(
                sha256,
                ArtifactSighting {
                    source: ArtifactSource::Cache(index),
                    at: entry.record.as_ref().and_then(|record| record.last_sync_at),
                    machine: case.cache_machines.get(index).copied().flatten(),
                    account: Some(entry.owner.clone()),
                    cite: Cite::whole(content.evidence, content.bytes.len() as u64),
                },
            );
        }
    }
    for object in sightings.hosts {
        let hive = case.hosts.get(object.source).and_then(HostSource::hive);
        add(
            &object.sha256,
            ArtifactSighting {
                source: ArtifactSource::Host {
                    source: object.source,
                    stored: object.stored,
                },
                at: object.at,
                machine: case.host_machines.get(object.source).copied().flatten(),
                account: hive.and_then(|hive| hive.account.clone()),
                cite: object.cite.clone(),
            },
        );
    }
    for (sha256, sighting) in logged::objects(case, artifacts) {
        add(&sha256, sighting);
    }
    for (cite, objects) in sightings.files {
        for sha256 in objects {
            add(
                sha256,
                ArtifactSighting {
                    source: ArtifactSource::File,
                    at: None,
                    machine: None,
                    account: None,
                    cite: cite.clone(),
                },
            );
        }
    }
    let mut records: Vec<ArtifactRecord> = seen
        .into_iter()
        .filter_map(|(sha256, mut seen)| {
            seen.sort_by(|a, b| {
                (a.at.is_none(), a.at, a.source).cmp(&(b.at.is_none(), b.at, b.source))
            });
            seen.dedup();
            Some(ArtifactRecord {
                artifact: artifacts.get(&sha256)?.clone(),
                seen,
            })
        })
        .collect();
    let first = |record: &ArtifactRecord| record.seen.iter().find_map(|sighting| sighting.at);
    records.sort_by_key(|record| {
        (
            first(record).is_none(),
            first(record),
            record.artifact.sha256(),
        )
    });
    let position: BTreeMap<[u8; 32], usize> = records
        .iter()
        .enumerate()
        .map(|(index, record)| (record.artifact.sha256(), index))
        .collect();
    for (handshake, list) in case.handshakes.iter_mut().zip(lists) {
        handshake.artifacts = list
            .iter()
            .filter_map(|sha256| position.get(sha256).copied())
            .collect();
    }
    case.artifacts = records;
}
