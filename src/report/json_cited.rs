//! In the JSON report: what the frames that it cites are, so that each claim
//! can be proved again.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::json_ids::evidence_id;
use crate::bytes::to_hex;
use crate::pipeline::Explained;
use crate::provenance::EvidenceId;

/// The frames cited of one capture: the SHA-256 of the captured bytes by number.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonCitedPackets {
    evidence: String,
    sha256_of: BTreeMap<u64, String>,
}

impl JsonCitedPackets {
    pub(super) fn list(explained: &Explained) -> Vec<Self> {
        let captures = explained.cited.iter();
        let one = |(evidence, frames): (&EvidenceId, &BTreeMap<u64, [u8; 32]>)| JsonCitedPackets {
            evidence: evidence_id(*evidence),
            sha256_of: frames.iter().map(|(n, hash)| (*n, to_hex(hash))).collect(),
        };
        captures.map(one).collect()
    }
}

/// Collects the frames of every cite in a report, wherever it stands.
pub(super) fn collect(value: &Value, frames: &mut BTreeMap<EvidenceId, BTreeSet<u64>>) {
    match value {
        Value::Array(list) => list.iter().for_each(|inner| collect(inner, frames)),
        Value::Object(map) => {
            if let (Some(Value::String(id)), Some(Value::Array(packets))) =
                (map.get("evidence"), map.get("packets"))
                && let Some(evidence) = number_of(id)
            {
                let own = frames.entry(evidence).or_default();
                own.extend(packets.iter().filter_map(Value::as_u64));
            }
            map.values().for_each(|inner| collect(inner, frames));
        }
        _ => {}
    }
}

/// The number behind an id such as `e3`.
fn number_of(id: &str) -> Option<EvidenceId> {
    let number: u32 = id.strip_prefix('e')?.parse().ok()?;
    number.checked_sub(1).map(EvidenceId)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::{json, sample};

    #[test]
    fn every_cite_of_a_report_is_collected_and_its_digest_written() {
        let mut explained = sample::explained();
        let frames = json::cited_frames(&explained);
        let capture = frames.values().next().unwrap();
        assert!(capture.contains(&12), "{capture:?}");
        let evidence = *frames.keys().next().unwrap();
        explained.cited = BTreeMap::from([(evidence, BTreeMap::from([(12, [0xab; 32])]))]);
        let report = json::value(&explained);
        assert_eq!(
            report["cited_packets"][0]["sha256_of"]["12"],
            "ab".repeat(32)
        );
    }
}
