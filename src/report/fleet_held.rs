//! Which versions the machines of a report hold, and how they came.

use std::collections::BTreeMap;

use super::fleet_fields::{moment, proxy_of, without_query};
use super::fleet_in::{Account, Artifact, CacheEntry, Holding as ReportHolding, Report, Retrieval};
use super::fleet_machines::Taken;
use crate::fleet::{Gathering, Holding, Slot, Version, Word};

/// What a report says of what one machine holds.
pub(super) struct Held<'a> {
    artifacts: BTreeMap<&'a str, &'a Artifact>,
    holdings: Vec<&'a ReportHolding>,
    /// Downloads that brought an object, by its id.
    brought: BTreeMap<&'a str, Vec<&'a Retrieval>>,
    entries: Vec<&'a CacheEntry>,
}

impl<'a> Held<'a> {
    pub(super) fn of(report: &'a Report, machine: Option<&str>) -> Self {
        let own = |of: &Option<String>| machine.is_some() && of.as_deref() == machine;
        let mut brought: BTreeMap<&str, Vec<&Retrieval>> = BTreeMap::new();
        for retrieval in report.retrievals.iter().filter(|it| own(&it.machine)) {
            let artifact = retrieval
                .body
                .as_ref()
                .and_then(|it| it.artifact.as_deref());
            if let Some(artifact) = artifact
                && retrieval.outcome == "ok"
            {
                brought.entry(artifact).or_default().push(retrieval);
            }
        }
        Held {
            artifacts: report
                .artifacts
                .iter()
                .map(|it| (it.id.as_str(), it))
                .collect(),
            holdings: report
                .holdings
                .iter()
                .filter(|it| own(&it.machine))
                .collect(),
            brought,
            entries: report
                .cache_entries
                .iter()
                .filter(|it| own(&it.machine))
                .collect(),
        }
    }

    /// How a version came: `direct`, `proxy` or `unknown`, and the proxy.
    fn way(&self, holding: &ReportHolding) -> (&'static str, Option<&'a str>) {
        let same = |it: &&&Retrieval| match (&it.account, &holding.account) {
            (Some(one), Some(other)) => is_same(one, other),
            _ => true,
        };
        let of_place = |it: &&&Retrieval| {
            let url = it.url.as_deref().map(without_query);
            url.or(it.host.as_deref())
                .is_none_or(|url| url == holding.what)
        };
        let brought = self.brought.get(holding.artifact.as_str());
        let first = brought
            .into_iter()
            .flatten()
            .filter(same)
            .filter(of_place)
            .min_by_key(|it| (moment(&it.started_at), it.id.clone()));
        if let Some(retrieval) = first {
            return match (proxy_of(retrieval), retrieval.route.kind.as_str()) {
                (Some(proxy), _) => ("proxy", Some(proxy)),
                (None, "direct") => ("direct", None),
                (None, "transparent-proxy") => ("proxy", None),
                _ => ("unknown", None),
            };
        }
        let owner = holding.account.as_ref();
        let entry = self.entries.iter().find(|it| {
            let artifact = it.content.as_ref().and_then(|it| it.artifact.as_deref());
            let url = it.url.as_deref().map_or(it.name.as_str(), without_query);
            artifact == Some(holding.artifact.as_str())
                && url == holding.what
                && owner.is_some_and(|owner| is_same(owner, &it.owner))
        });
        // Windows keeps a mark where the answer named a proxy (Via). That none
        // is named does not exclude one.
        match entry.and_then(|it| it.proxy_id.as_deref()) {
            Some(mark) if mark.bytes().any(|digit| digit != b'0') => ("proxy", None),
            _ => ("unknown", None),
        }
    }
}

fn is_same(one: &Account, other: &Account) -> bool {
    (&one.kind, &one.name) == (&other.kind, &other.name)
}

/// The versions of lists, CRLs and certificates that a machine holds. Answers
/// of OCSP responders are left out: each is of one certificate.
pub(super) fn holdings(
    taken: &Taken<'_>,
    held: &Held<'_>,
    gathering: &mut Gathering,
) -> Vec<Holding> {
    let mut all = Vec::new();
    for holding in &held.holdings {
        let Some(artifact) = held.artifacts.get(holding.artifact.as_str()) else {
            continue;
        };
        let Some(object) = object_of(artifact, &holding.what) else {
            continue;
        };
        let sha256 = gathering.word(&artifact.sha256);
        version(artifact, Word::clone(&sha256), gathering);
        let (way, proxy) = held.way(holding);
        let slot = Slot {
            object: taken.word(&object, gathering),
            place: taken.word(&holding.what, gathering),
            sha256,
            way: gathering.word(way),
            proxy: proxy.map(|proxy| taken.word(proxy, gathering)),
            cached: holding.at_latest,
        };
        let account = holding.account.as_ref().map(Account::shown);
        let account = account.map(|account| taken.word(&account, gathering));
        let at = holding.first_seen_at.as_deref().and_then(moment);
        all.push(Holding {
            slot: gathering.slot(&slot),
            account: account.map(|account| gathering.account(&account)),
            first: at,
            last: at,
        });
    }
    all
}

/// What the versions are versions of.
fn object_of(artifact: &Artifact, place: &str) -> Option<String> {
    match artifact.kind.as_str() {
        "ctl" => Some(match artifact.list.as_deref() {
            Some(list @ ("authroot" | "disallowed" | "pinrules")) => format!("list {list}"),
            _ => format!("list at {place}"),
        }),
        "crl" => {
            let issuer = artifact.issuer.as_deref().unwrap_or_default();
            Some(match artifact.delta_base {
                Some(_) => format!("delta CRL of {issuer}"),
                None => format!("CRL of {issuer}"),
            })
        }
        "certificate" => {
            let subject = artifact.subject.as_deref().unwrap_or_default();
            Some(format!("certificate {subject}"))
        }
        _ => None,
    }
}

fn version(artifact: &Artifact, sha256: Word, gathering: &mut Gathering) {
    let sequence = match artifact.kind.as_str() {
        "ctl" => &artifact.sequence,
        "crl" => &artifact.number,
        _ => &artifact.serial,
    };
    let issued = artifact
        .this_update
        .as_deref()
        .or(artifact.not_before.as_deref());
    let until = artifact
        .next_update
        .as_deref()
        .or(artifact.not_after.as_deref());
    let version = Version {
        kind: Some(gathering.word(&artifact.kind)),
        sequence: sequence.as_deref().map(|it| gathering.word(it)),
        issued: issued.and_then(moment),
        until: until.and_then(moment),
    };
    gathering.version(sha256, version);
}
