//! The certificate stores of a hive.

use super::hive::{HiveFacts, Scope, Stored};
use super::regf::{Hive, Key};
use super::store;
use crate::bytes::ParseError;

/// Elements of one hive that are kept; the largest seen have some thousand.
const MAX_STORED: usize = 50_000;

/// Reads the stores below a key.
///
/// ```text
/// SystemCertificates\<store>\{Certificates,CRLs,CTLs}\<thumbprint>: Blob
/// ```
///
/// Source: observed in hives of Windows 7 to 11; wincrypt.h.
pub(super) fn stores(
    hive: &Hive<'_>,
    scope: Scope,
    path: &str,
    facts: &mut HiveFacts,
    problems: &mut Vec<ParseError>,
) {
    let Some(key) = hive.key(path) else { return };
    for store in hive.subkeys(&key) {
        let parts = hive.subkeys(&store);
        let is_part = |key: &&Key| {
            ["Certificates", "CRLs", "CTLs"]
                .iter()
                .any(|name| key.name.eq_ignore_ascii_case(name))
        };
        if parts.iter().any(|part| is_part(&part)) {
            facts.stores.push((scope, store.name.clone()));
        }
        for part in parts.iter().filter(is_part) {
            for element in hive.subkeys(part) {
                if facts.stored.len() >= MAX_STORED {
                    return;
                }
                match stored(hive, scope, &store.name, &element) {
                    Ok(found) => facts.stored.extend(found),
                    Err(error) => problems.push(error),
                }
            }
        }
    }
}

fn stored(
    hive: &Hive<'_>,
    scope: Scope,
    store: &str,
    key: &Key,
) -> Result<Option<Stored>, ParseError> {
    let Some(blob) = hive.value(key, "Blob") else {
        return Ok(None);
    };
    let element = store::element(&blob.data).map_err(|error| error.shifted(blob.at))?;
    Ok(Some(Stored {
        scope,
        store: store.to_owned(),
        thumbprint: key.name.to_ascii_lowercase(),
        written_at: key.last_written_at,
        element,
        place: (blob.at, blob.data.len() as u64),
    }))
}
