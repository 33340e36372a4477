//! In the JSON report: what the frames that it cites are, so that each claim
//! can be proved again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;

use super::json_each::Items;
use super::json_ids::evidence_id;
use crate::bytes::to_hex;
use crate::pipeline::Explained;
use crate::provenance::EvidenceId;

/// The frames cited of one capture: the SHA-256 of the captured bytes by number.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonCitedPackets<'a> {
    evidence: String,
    #[cfg_attr(
        any(test, feature = "schema"),
        schemars(with = "BTreeMap<u64, String>")
    )]
    sha256_of: Hashes<'a>,
}

/// Hashes by frame, each put into digits when it is written.
#[derive(Debug)]
struct Hashes<'a>(&'a BTreeMap<u64, [u8; 32]>);

impl Serialize for Hashes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(frame, hash)| (frame, to_hex(hash))))
    }
}

impl<'a> JsonCitedPackets<'a> {
    pub(super) fn list(explained: &'a Explained) -> Items<'a, Self> {
        let captures = explained.cited.iter();
        Box::new(captures.map(|(evidence, frames)| JsonCitedPackets {
            evidence: evidence_id(*evidence),
            sha256_of: Hashes(frames),
        }))
    }
}

/// The frames of every cite in what would be written, wherever it stands. A
/// report of thousands of attempts takes hundreds of megabytes as a tree of
/// values, so that it is written, to nowhere, and the cites are kept.
pub(super) fn collected(value: &impl Serialize) -> BTreeMap<EvidenceId, BTreeSet<u64>> {
    let mut cites = Cites::default();
    let mut serializer = serde_json::Serializer::with_formatter(io::sink(), &mut cites);
    // Strings, numbers and lists to nowhere: neither can fail.
    let _ = value.serialize(&mut serializer);
    cites.frames
}

/// Follows the writing of JSON; a cite is an object without objects in it that
/// has an id of evidence as `evidence` and numbers as `packets`.
#[derive(Default)]
struct Cites {
    frames: BTreeMap<EvidenceId, BTreeSet<u64>>,
    /// Where the writing is.
    place: Place,
    /// The key of the member that is being written.
    key: String,
    /// The string value of `evidence`.
    id: String,
    packets: Vec<u64>,
}

#[derive(Default, PartialEq, Eq)]
enum Place {
    Key,
    #[default]
    Value,
}

impl Cites {
    fn clear(&mut self) {
        self.key.clear();
        self.id.clear();
        self.packets.clear();
    }
}

impl Formatter for &mut Cites {
    fn begin_object<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.clear();
        Ok(())
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        self.place = Place::Key;
        self.key.clear();
        Ok(())
    }

    fn end_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.place = Place::Value;
        Ok(())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        _: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if self.place == Place::Key {
            self.key.push_str(fragment);
        } else if self.key == "evidence" {
            self.id.push_str(fragment);
        }
        Ok(())
    }

    fn write_u64<W: ?Sized + io::Write>(&mut self, _: &mut W, value: u64) -> io::Result<()> {
        if self.key == "packets" {
            self.packets.push(value);
        }
        Ok(())
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        if let (Some(evidence), false) = (number_of(&self.id), self.packets.is_empty()) {
            let own = self.frames.entry(evidence).or_default();
            own.extend(self.packets.iter().copied());
        }
        self.clear();
        Ok(())
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
    use serde_json::Value;

    /// The same, from a report as a tree of values.
    fn walk(value: &Value, frames: &mut BTreeMap<EvidenceId, BTreeSet<u64>>) {
        match value {
            Value::Array(list) => list.iter().for_each(|inner| walk(inner, frames)),
            Value::Object(map) => {
                if let (Some(Value::String(id)), Some(Value::Array(packets))) =
                    (map.get("evidence"), map.get("packets"))
                    && let Some(evidence) = number_of(id)
                {
                    let own = frames.entry(evidence).or_default();
                    own.extend(packets.iter().filter_map(Value::as_u64));
                }
                map.values().for_each(|inner| walk(inner, frames));
            }
            _ => {}
        }
    }

    #[test]
    fn every_cite_of_a_report_is_collected_and_its_digest_written() {
        let mut explained = sample::explained();
        let frames = json::cited_frames(&explained);
        let capture = frames.values().next().unwrap();
        assert!(capture.contains(&12), "{capture:?}");
        let evidence = *frames.keys().next().unwrap();
        explained.cited = BTreeMap::from([(evidence, BTreeMap::from([(12, [0xab; 32])]))]);
        let report = json::value(&explained);
        let mut wanted = BTreeMap::new();
        walk(&report, &mut wanted);
        assert_eq!(frames, wanted);
        assert_eq!(
            report["cited_packets"][0]["sha256_of"]["12"],
            "ab".repeat(32)
        );
    }
}
