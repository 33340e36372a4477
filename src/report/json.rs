//! The JSON report, `whychain.report/1`. Every field is described in
//! `docs/REPORT.md`; every listed field is always there, `null` where its value
//! is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter};

use super::capture_notes::JsonCaptureNote;
use super::given::JsonGiven;
use super::json_artifact::JsonArtifact;
use super::json_cache::JsonCacheEntry;
use super::json_case::{
    JsonCount, JsonEvidence, JsonHandshake, JsonIssue, JsonMachine, JsonRetrieval, JsonVantage,
};
use super::json_chain::JsonChain;
use super::json_cited::JsonCitedPackets;
use super::json_diagnosis::{
    JsonClaim, JsonClock, JsonEvent, JsonFailure, JsonFinding, JsonIncident, JsonVerdict,
};
use super::json_each::Each;
use super::json_holding::JsonHolding;
use super::json_ids::time;
use super::json_network::{JsonDiscovery, JsonLogin};
use super::json_settings::JsonSettings;
use crate::pipeline::Explained;
use crate::provenance::EvidenceId;
use crate::words::is_hostile;

/// Name and version of the form; a change that breaks readers raises the number.
pub const SCHEMA: &str = "whychain.report/1";

/// Writes the report: indented, in a fixed order, with a newline at the end.
/// Characters that could harm a terminal are written as `\u….`, which every
/// JSON reader turns back. The long lists are made item by item on the way out:
/// the whole is never in memory.
///
/// # Errors
///
/// Those of the output.
pub fn write_to(explained: &Explained, output: &mut dyn Write) -> io::Result<()> {
    pretty_to(&Report::from_explained(explained), output)
}

/// The report as text, the same that [`write_to`] writes.
#[must_use]
pub fn write(explained: &Explained) -> String {
    pretty(&Report::from_explained(explained))
}

/// A value, indented, hostile characters escaped, with a newline at the end.
fn pretty_to(value: &impl Serialize, output: &mut dyn Write) -> io::Result<()> {
    // JSON comes in pieces of a few bytes.
    let mut buffered = BufWriter::with_capacity(BUFFER_LEN, output);
    let mut serializer = serde_json::Serializer::with_formatter(&mut buffered, Safe::new());
    value.serialize(&mut serializer)?;
    buffered.write_all(b"\n")?;
    buffered.flush()
}

/// Bytes handed on at a time.
const BUFFER_LEN: usize = 1 << 16;

/// As [`pretty_to`], into memory.
pub(super) fn pretty(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    // Strings, numbers and lists into memory: neither can fail.
    if pretty_to(value, &mut bytes).is_err() {
        bytes.clear();
    }
    // Made of whole strings, so it is UTF-8 and becomes text without a copy.
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The report as a value, the same that [`write_to`] writes.
#[must_use]
pub fn value(explained: &Explained) -> serde_json::Value {
    // Strings, numbers and lists into memory: cannot fail.
    serde_json::to_value(Report::from_explained(explained)).unwrap_or_default()
}

/// The frames that a report cites, by capture.
#[must_use]
pub fn cited_frames(explained: &Explained) -> BTreeMap<EvidenceId, BTreeSet<u64>> {
    super::json_cited::collected(&Report::from_explained(explained))
}

/// The whole report, in the order of the contract.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct Report<'a> {
    schema: &'static str,
    tool: Tool,
    as_of: Option<String>,
    shared: Option<&'static str>,
    settings: JsonSettings,
    given: Option<JsonGiven>,
    verdict: JsonVerdict,
    incidents: Vec<JsonIncident>,
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "Vec<JsonFailure>"))]
    failures: Each<'a, JsonFailure>,
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "Vec<JsonFinding>"))]
    findings: Each<'a, JsonFinding>,
    claims: Vec<JsonClaim>,
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "Vec<JsonMachine>"))]
    machines: Each<'a, JsonMachine>,
    evidence: Vec<JsonEvidence>,
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "Vec<JsonRetrieval>"))]
    retrievals: Each<'a, JsonRetrieval>,
    discoveries: Vec<JsonDiscovery>,
    logins: Vec<JsonLogin>,
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "Vec<JsonHandshake>"))]
    handshakes: Each<'a, JsonHandshake>,
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "Vec<JsonChain>"))]
    chains: Each<'a, JsonChain>,
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "Vec<JsonArtifact>"))]
    artifacts: Each<'a, JsonArtifact>,
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "Vec<JsonCacheEntry>"))]
    cache_entries: Each<'a, JsonCacheEntry>,
    holdings: Vec<JsonHolding>,
    clocks: Vec<JsonClock>,
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "Vec<JsonEvent>"))]
    timeline: Each<'a, JsonEvent>,
    #[cfg_attr(
        any(test, feature = "schema"),
        schemars(with = "Vec<JsonCitedPackets<'static>>")
    )]
    cited_packets: Each<'a, JsonCitedPackets<'a>>,
    capture_notes: Vec<JsonCaptureNote>,
    vantages: Vec<JsonVantage>,
    counts: Vec<JsonCount>,
    issues: Vec<JsonIssue>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct Tool {
    name: &'static str,
    version: &'static str,
}

impl<'a> Report<'a> {
    fn from_explained(explained: &'a Explained) -> Self {
        let (case, diagnosis) = (&explained.case, &explained.diagnosis);
        Report {
            schema: SCHEMA,
            tool: Tool {
                name: "whychain",
                version: env!("CARGO_PKG_VERSION"),
            },
            as_of: case.as_of.map(time),
            shared: None,
            settings: JsonSettings::from_settings(&explained.settings),
            given: explained.given.as_ref().map(JsonGiven::from_given),
            verdict: JsonVerdict::from_verdict(&diagnosis.verdict),
            incidents: JsonIncident::list(case, diagnosis),
            failures: Each::of(explained, |it| JsonFailure::list(&it.diagnosis)),
            findings: Each::of(explained, |it| JsonFinding::list(&it.diagnosis)),
            claims: diagnosis.claims.iter().map(JsonClaim::from_claim).collect(),
            machines: Each::of(explained, |it| JsonMachine::list(&it.case)),
            evidence: case
                .evidence
                .iter()
                .map(JsonEvidence::from_record)
                .collect(),
            retrievals: Each::of(explained, |it| JsonRetrieval::list(&it.case)),
            discoveries: JsonDiscovery::list(case),
            logins: JsonLogin::list(case),
            handshakes: Each::of(explained, |it| JsonHandshake::list(&it.case)),
            chains: Each::of(explained, |it| JsonChain::list(&it.case)),
            artifacts: Each::of(explained, |it| JsonArtifact::list(&it.case)),
            cache_entries: Each::of(explained, |it| JsonCacheEntry::list(&it.case)),
            holdings: JsonHolding::list(case),
            clocks: explained.clocks.iter().map(JsonClock::from_clock).collect(),
            timeline: Each::of(explained, |it| {
                Box::new(it.timeline.iter().map(JsonEvent::from_event))
            }),
            cited_packets: Each::of(explained, |it| JsonCitedPackets::list(it)),
            capture_notes: JsonCaptureNote::list(case),
            vantages: case
                .vantages
                .iter()
                .map(JsonVantage::from_vantage)
                .collect(),
            counts: case.counts.iter().map(JsonCount::from_count).collect(),
            issues: case.issues.iter().map(JsonIssue::from_issue).collect(),
        }
    }
}

/// One JSON value on one line, hostile characters escaped as in [`write_to`].
pub(super) fn line(value: &impl Serialize) -> String {
    // Strings and numbers into memory: cannot fail.
    let compact = serde_json::to_string(value).unwrap_or_default();
    let mut safe = String::with_capacity(compact.len());
    // Outside of strings compact JSON has no such character.
    for character in compact.chars() {
        if is_hostile(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Indented JSON in which hostile characters are escaped.
struct Safe {
    pretty: PrettyFormatter<'static>,
}

impl Safe {
    fn new() -> Self {
        Safe {
            pretty: PrettyFormatter::new(),
        }
    }
}

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Most text is plain, which is told far faster than character by character.
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hostile) {
            let (before, after) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut characters = after.chars();
            if let Some(character) = characters.next() {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.pretty.write_char_escape(writer, escape)
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.pretty.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.pretty.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use serde_json::Value;

    use super::*;
    use crate::report::sample;

    /// Every field that the contract lists. `[]` stands for each member of a list.
    const CONTRACT: &str = "
        schema tool.name tool.version as_of
        verdict.state verdict.root_cause verdict.sentence
        incidents[].id .root_cause .from .to .machines .failures .sentence
        failures[].id .kind .at .machine .account .verifier.kind .verifier.name .verifier.basis
            .site .handshake .chain .retrievals .findings
        machines[].id .names .addresses .profiles .missing .cites
        machines[].profiles[].kind .name
        evidence[].id .path .member .kind .size .sha256 .first_at .last_at .vantage
        retrievals[].id .url .host .object .method .status .outcome .started_at .ended_at .client
            .server .machine .account .process .user_agent .route.kind .route.proxy .route.login
            .route.hops .body .cache_entry .cites
        handshakes[].id .at .machine .client .server .sni .version .certificates .alert .outcome
            .via_proxy .cites
        artifacts[].id .kind .sha256 .sha1 .size .seen .first_seen_at
        cache_entries[].id .name .url .url_basis .machine .owner.kind .owner.name .last_sync_at
            .last_modified .etag .proxy_id .object_type .prefetch_error .content .cites
        chains[].id .leaf .host .as_of .verdict .error_status .elements
        chains[].elements[].artifact .error_status .checks
        chains[].elements[].checks[].check .outcome .detail
        findings[].id .rule .role .confidence .summary .explains .because_of .remedy .remedy_proof .cites
        clocks[].source .offset_min_s .offset_max_s .basis
        timeline[].at .clock .kind .text .cites
        issues[].evidence .where .what .effect
    ";

    fn parsed(explained: &Explained) -> Value {
        serde_json::from_str(&write(explained)).unwrap()
    }

    /// The values at a path; `None` where a field is missing.
    fn values<'a>(root: &'a Value, path: &str) -> Vec<Option<&'a Value>> {
        let mut found = vec![Some(root)];
        for step in path.split('.') {
            let (field, each) = match step.strip_suffix("[]") {
                Some(field) => (field, true),
                None => (step, false),
            };
            found = found
                .into_iter()
                .map(|value| value.and_then(|v| v.get(field)))
                .collect();
            if each {
                let lists = found
                    .into_iter()
                    .map(|list| list.unwrap().as_array().unwrap());
                found = lists.flatten().map(Some).collect();
            }
        }
        found
    }

    fn is_at<'a>(root: &'a Value, path: &str) -> &'a Value {
        values(root, path)
            .first()
            .copied()
            .flatten()
            .unwrap_or(&Value::Null)
    }

    #[test]
    fn every_field_of_the_contract_is_there() {
        let report = parsed(&sample::explained());
        let mut list = String::new();
        for word in CONTRACT.split_whitespace() {
            let path = match word.strip_prefix('.') {
                Some(field) => format!("{list}.{field}"),
                None => {
                    list = word
                        .rsplit_once("[].")
                        .map_or(list, |(head, _)| format!("{head}[]"));
                    word.to_owned()
                }
            };
            let values = values(&report, &path);
            assert!(!values.is_empty(), "{path}: the sample has none");
            assert!(values.iter().all(Option::is_some), "{path} is missing");
        }
    }

    #[test]
    fn an_empty_case_still_has_every_list() {
        let report = parsed(&sample::empty());
        assert_eq!(is_at(&report, "verdict.state"), "no-validation-seen");
        assert_eq!(is_at(&report, "retrievals"), &Value::Array(Vec::new()));
        assert!(report.get("as_of").unwrap().is_null());
    }

    #[test]
    fn decoded_fields_and_references_are_right() {
        let report = parsed(&sample::explained());
        let list = report["artifacts"].as_array().unwrap().first().unwrap();
        assert_eq!(list["kind"], "ctl");
        assert_eq!(list["list"], "authroot");
        assert_eq!(list["sequence"], "1401cbbcd205389c94");
        assert_eq!(list["issuer_embedded"], false);
        assert_eq!(list["entries"], 0);
        let certificate = report["artifacts"].as_array().unwrap().get(1).unwrap();
        assert_eq!(certificate["serial"], "8001");
        assert_eq!(certificate["id"], "a2");
        let retrieval = report["retrievals"].as_array().unwrap().first().unwrap();
        assert_eq!(retrieval["body"]["artifact"], "a1");
        assert_eq!(retrieval["cache_entry"], "k1");
        assert_eq!(retrieval["started_at"], "2011-02-21T08:59:10.123Z");
        assert_eq!(retrieval["client"], "10.0.0.5:49160");
        assert_eq!(retrieval["cites"][0]["packets"][0], 12);
        let entry = report["cache_entries"].as_array().unwrap().first().unwrap();
        assert_eq!(entry["content"]["artifact"], "a1");
        assert_eq!(entry["content"]["looks_like"], "cab");
        assert_eq!(entry["proxy_id"], "00001a2b");
        assert_eq!(report["failures"][0]["chain"], "c1");
        assert_eq!(report["incidents"][0]["root_cause"], "n1");
        assert_eq!(report["handshakes"][0]["via_proxy"], "10.0.0.2:3128");
        assert_eq!(report["handshakes"][0]["alert"]["name"], "unknown_ca");
        assert_eq!(report["chains"][1]["error_status"][0], "IS_PARTIAL_CHAIN");
    }

    #[test]
    fn a_list_with_its_signers_issuer_says_so() {
        use crate::report::json_artifact::issuer_embedded;
        let mut list = sample::ctl();
        assert_eq!(issuer_embedded(&list), Some(false));
        let issuer = "Microsoft Certificate Trust List PCA";
        list.certificates
            .push(sample::certificate(5, issuer, "Microsoft Root"));
        assert_eq!(issuer_embedded(&list), Some(true));
        list.certificates.clear();
        list.signer = Some(sample::certificate(6, "Own", "Own"));
        assert_eq!(issuer_embedded(&list), Some(true));
        list.signer = None;
        assert_eq!(issuer_embedded(&list), Some(false));
        list.signer_id = None;
        assert_eq!(issuer_embedded(&list), None);
    }

    #[test]
    fn hostile_text_is_escaped_and_comes_back_unchanged() {
        let explained = sample::hostile();
        let text = write(&explained);
        assert!(
            text.chars()
                .all(|character| character == '\n' || !is_hostile(character))
        );
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            report["verdict"]["sentence"],
            explained.diagnosis.verdict.sentence.as_str()
        );
    }

    #[test]
    fn the_same_case_gives_the_same_bytes_and_one_newline() {
        let text = write(&sample::explained());
        assert_eq!(text, write(&sample::explained()));
        assert!(text.ends_with("}\n"));
    }
}
