//! Who had which version of which object since when, in the JSON report.

use serde::Serialize;

use super::json_case::machine_id;
use super::json_ids::{JsonAccount, JsonCite, Kind, id, time};
use crate::bytes::to_hex;
use crate::case::Case;
use crate::case::first_seen::{FirstSeen, first_seen};

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonHolding {
    machine: Option<String>,
    account: Option<JsonAccount>,
    what: String,
    artifact: String,
    sha256: Option<String>,
    first_seen_at: Option<String>,
    at_latest: bool,
    clock: &'static str,
    cites: Vec<JsonCite>,
}

impl JsonHolding {
    pub(super) fn list(case: &Case) -> Vec<Self> {
        let all = first_seen(case);
        all.iter()
            .map(|it| JsonHolding::from_seen(case, it))
            .collect()
    }

    fn from_seen(case: &Case, it: &FirstSeen) -> Self {
        let record = case.artifacts.get(it.artifact);
        JsonHolding {
            machine: machine_id(&[it.machine], 0),
            account: it.account.as_ref().map(JsonAccount::from_account),
            what: it.object.clone(),
            artifact: id(Kind::Artifact, it.artifact),
            sha256: record.map(|record| to_hex(&record.artifact.sha256())),
            first_seen_at: it.at.map(time),
            at_latest: it.at_latest,
            clock: if it.at_latest { "host" } else { "capture" },
            cites: JsonCite::list(std::slice::from_ref(&it.cite)),
        }
    }
}
