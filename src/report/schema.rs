//! The JSON Schema of the report, from the types that write it. The file
//! `docs/report.schema.json` is this text; a test keeps it current.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::fleet_json::JsonFleet;
use super::json::Report;

/// Writes the schema, draft 2020-12, with a newline at the end.
#[must_use]
pub fn write() -> String {
    let about = "The report of `whychain explain --format json`. Every field is \
        described in docs/REPORT.md. More fields, and for open sets more words, may come.";
    schema_of::<Report>(super::json::SCHEMA, about)
}

/// Writes the schema of the fleet report, in the same way.
#[must_use]
pub fn write_fleet() -> String {
    let about = "The report of `whychain merge --format json`. Every field is \
        described in docs/FLEET.md. More fields, and for open sets more words, may come.";
    schema_of::<JsonFleet>(super::fleet_json::SCHEMA, about)
}

fn schema_of<T: schemars::JsonSchema>(title: &str, about: &str) -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize();
    let schema = generator.into_generator().into_root_schema_for::<T>();
    let mut schema = Value::from(schema);
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), json!(title));
        root.insert("description".to_owned(), json!(about));
    }
    refine(&mut schema);
    // A value into memory: cannot fail.
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    format!("{text}\n")
}

/// What the types alone do not say: the form of times, hashes and ids, the
/// words of closed sets.
fn refine(schema: &mut Value) {
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        for (name, definition) in definitions.iter_mut() {
            properties(name, definition);
        }
    }
    properties("Report", schema);
}

fn properties(of: &str, value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Object(fields)) = map.get_mut("properties") {
                for (field, schema) in fields.iter_mut() {
                    if let Some(schema) = schema.as_object_mut() {
                        property(of, field, schema);
                    }
                }
            }
            // The definitions have names of their own.
            for (_, inner) in map.iter_mut().filter(|(key, _)| *key != "$defs") {
                properties(of, inner);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| properties(of, inner)),
        _ => {}
    }
}

fn property(of: &str, field: &str, schema: &mut Map<String, Value>) {
    let nullable = schema.get("type").is_some_and(Value::is_array);
    // `logins[].at` is a place: proxy or server.
    if TIMES.contains(&field) && is_string(schema) && (of, field) != ("JsonLogin", "at") {
        schema.insert("format".to_owned(), json!("date-time"));
        schema.insert("pattern".to_owned(), json!("Z$"));
    }
    if let Some((_, length)) = HASHES.iter().find(|(name, _)| *name == field) {
        let pattern = format!("^[0-9a-f]{{{length}}}$");
        schema.insert("pattern".to_owned(), json!(pattern));
    }
    if field == "id" {
        schema.insert("pattern".to_owned(), json!("^[a-z][1-9][0-9]*$"));
    }
    if let Some((_, _, words)) = WORDS.iter().find(|it| (it.0, it.1) == (of, field)) {
        let mut words: Vec<Value> = words.iter().map(|word| json!(word)).collect();
        if nullable {
            words.push(Value::Null);
        }
        schema.insert("enum".to_owned(), Value::Array(words));
    }
}

fn is_string(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::String(word)) => word == "string",
        Some(Value::Array(words)) => words.contains(&json!("string")),
        _ => false,
    }
}

/// Fields that hold a time.
const TIMES: [&str; 20] = [
    "as_of",
    "at",
    "ended_at",
    "first_at",
    "first_seen_at",
    "from",
    "incident_from",
    "incident_to",
    "last_at",
    "last_modified",
    "last_sync_at",
    "next_update",
    "not_after",
    "not_before",
    "produced_at",
    "revoked_at",
    "started_at",
    "this_update",
    "to",
    "expire_at",
];

/// Fields that hold a hash, with its length in hexadecimal digits.
const HASHES: [(&str, usize); 2] = [("sha1", 40), ("sha256", 64)];

/// Closed sets of words: type, field, words.
const WORDS: [(&str, &str, &[&str]); 6] = [
    (
        "JsonVerdict",
        "state",
        &["clean", "explained", "undetermined", "no-validation-seen"],
    ),
    ("JsonFailure", "kind", &["rejected", "delayed", "object"]),
    (
        "JsonFinding",
        "role",
        &[
            "root-cause",
            "contributing",
            "observation",
            "ruled-out",
            "cannot-tell",
        ],
    ),
    (
        "JsonFinding",
        "confidence",
        &["proven", "high", "medium", "low"],
    ),
    ("JsonChain", "verdict", &["accept", "reject", "unknown"]),
    ("JsonCheck", "outcome", &["pass", "fail", "unknown"]),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::{json, sample};

    fn committed(name: &str) -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("docs")
            .join(name)
    }

    /// `WHYCHAIN_BLESS=1 cargo test --lib schema` writes the file anew.
    #[test]
    fn the_committed_schemas_are_those_of_the_types() {
        let both = [
            ("report.schema.json", write()),
            ("fleet.schema.json", write_fleet()),
        ];
        for (name, found) in both {
            if std::env::var_os("WHYCHAIN_BLESS").is_some() {
                std::fs::write(committed(name), &found).unwrap();
            }
            let stored = std::fs::read_to_string(committed(name)).unwrap();
            assert!(
                stored == found,
                "run: WHYCHAIN_BLESS=1 cargo test --lib schema"
            );
        }
    }

    #[test]
    fn a_report_is_valid_and_one_with_a_wrong_word_or_a_lost_field_is_not() {
        let schema: Value = serde_json::from_str(&write()).unwrap();
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        for explained in [sample::explained(), sample::hostile(), sample::empty()] {
            let report: Value = serde_json::from_str(&json::write(&explained)).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&report)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{}", errors.join("\n"));
        }
        let good: Value = serde_json::from_str(&json::write(&sample::explained())).unwrap();
        let wrong: [fn(&mut Value); 5] = [
            |report| report["verdict"]["state"] = json!("fine"),
            |report| report["failures"][0]["at"] = json!("yesterday"),
            |report| report["evidence"][0]["sha256"] = json!("00"),
            |report| {
                drop(
                    report["retrievals"][0]
                        .as_object_mut()
                        .unwrap()
                        .remove("url"),
                )
            },
            |report| report["findings"][0]["cites"] = json!([{"evidence": "e1"}]),
        ];
        for (number, change) in wrong.into_iter().enumerate() {
            let mut report = good.clone();
            change(&mut report);
            assert!(!validator.is_valid(&report), "change {number}");
        }
    }
}
