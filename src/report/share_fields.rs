//! What a field of the JSON report holds: words of the program, text with
//! names in it, or a name. A field that is not listed is taken for a name.

/// What a text field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// The program's own words, ids, times, hashes and numbers: stays.
    Fixed,
    /// Text in which names are found by their look and by what is known.
    Prose,
    /// A name, or several: of a host, a machine, a user, a domain.
    Name,
}

impl Field {
    pub(super) fn of(key: &str) -> Self {
        if FIXED.contains(&key) {
            Field::Fixed
        } else if PROSE.contains(&key) || TIMES_AND_IDS.contains(&key) {
            Field::Prose
        } else {
            Field::Name
        }
    }
}

/// Fields whose words are the program's own, or are no names.
const FIXED: [&str; 59] = [
    "at_fault",
    "at_hand",
    "authority_key_identifier",
    "basis_kind",
    "certificates_by",
    "certificates_seen",
    "check",
    "clock",
    "confidence",
    "data_type",
    "datetime",
    "delta_base",
    "equal_causes",
    "error_status",
    "hard",
    "hard_error_status",
    "id",
    "info_status",
    "key_identifier",
    "key_log",
    "kind",
    "list",
    "login",
    "looks_like",
    "means",
    "name_check",
    "object",
    "offset",
    "outcome",
    "policy_error",
    "proxy_id",
    "reaction",
    "result",
    "resumption",
    "role",
    "root",
    "root_cause",
    "rule",
    "says",
    "schema",
    "sequence",
    "serial",
    "sha1",
    "sha256",
    "sha256_of",
    "shared",
    "signature",
    "signer_serial",
    "soft",
    "standing",
    "state",
    "status",
    "subject_key_identifier",
    "timestamp_desc",
    "update_caller",
    "update_folder",
    "upgraded_from",
    "verdict",
    "version",
];

/// Fields with text of the program around names, and with addresses.
const PROSE: [&str; 43] = [
    "address",
    "addresses",
    "answered_by",
    "basis",
    "because",
    "ca_issuers",
    "cache",
    "changed",
    "claim",
    "client",
    "crl_urls",
    "detail",
    "effect",
    "etag",
    "impact",
    "joined_because",
    "lacks",
    "member",
    "message",
    "method",
    "not_evaluated",
    "ocsp_urls",
    "oddities",
    "offered",
    "path",
    "process",
    "process_hint",
    "program",
    "proxy",
    "remedy",
    "scheme",
    "sentence",
    "server",
    "soap_method",
    "source",
    "summary",
    "text",
    "url_basis",
    "urls",
    "via_proxy",
    "what",
    "where",
    "with",
];

/// Fields with times and with ids of other members: nothing to be learned, but
/// looked through like prose.
const TIMES_AND_IDS: [&str; 48] = [
    "artifact",
    "artifacts",
    "as_of",
    "at",
    "because_of",
    "cache_entry",
    "certificates",
    "chain",
    "crl",
    "ctl",
    "ended_at",
    "evidence",
    "explains",
    "failures",
    "findings",
    "first_at",
    "first_seen_at",
    "from",
    "handshake",
    "incident_from",
    "incident_to",
    "last_at",
    "last_modified",
    "last_sync_at",
    "last_sync_local",
    "leaf",
    "machine",
    "machines",
    "next_update",
    "not_after",
    "not_before",
    "number",
    "ocsp",
    "produced_at",
    "proposed_for",
    "retrieval",
    "retrievals",
    "revoked_at",
    "script",
    "scripts",
    "seen_at",
    "stapled_ocsp",
    "started_at",
    "this_update",
    "to",
    "usable_from",
    "usable_to",
    "user_agent",
];

/// Fields with names, each read in its own way by `share_learn`.
#[cfg(test)]
const NAMES: [&str; 24] = [
    "by",
    "domain",
    "examiner",
    "host",
    "issuer",
    "name",
    "names",
    "note",
    "of",
    "realm",
    "said",
    "service",
    "signer",
    "signer_issuer",
    "site",
    "sni",
    "subject",
    "title",
    "tunnel",
    "unresolved",
    "url",
    "user",
    "ways",
    "workstation",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// Names of the properties that hold text, directly or in a list.
    fn text_fields(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(list) => list.iter().for_each(|it| text_fields(it, found)),
            Value::Object(map) => {
                let properties = map.get("properties").and_then(Value::as_object);
                for (name, schema) in properties.into_iter().flatten() {
                    let items = schema.get("items").unwrap_or(schema);
                    let kind = items.get("type").map(Value::to_string).unwrap_or_default();
                    if kind.contains("string") {
                        found.insert(name.clone());
                    }
                }
                map.values().for_each(|it| text_fields(it, found));
            }
            _ => {}
        }
    }

    #[test]
    fn every_text_field_of_the_schema_is_known_to_the_disguise() {
        let schema: Value = serde_json::from_str(&crate::report::schema::write()).unwrap();
        let mut fields = BTreeSet::new();
        text_fields(&schema, &mut fields);
        assert!(fields.len() > 120, "{}", fields.len());
        let unknown: Vec<&String> = fields
            .iter()
            .filter(|it| Field::of(it) == Field::Name && !NAMES.contains(&it.as_str()))
            .collect();
        assert!(unknown.is_empty(), "say what these hold: {unknown:?}");
    }
}
