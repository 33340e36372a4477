//! `certutil -store`.

use super::pasted::{Pasted, ToldStore, sha1_of};

/// Certificates kept of one text: all roots of the program are 555.
const MAX_CERTIFICATES: usize = 20_000;

/// Reads the stores of a text.
///
/// ```text
/// root "Trusted Root Certification Authorities"
/// ================ Certificate 0 ================
/// Serial Number: 79ad16a1…
/// …
/// Cert Hash(sha1): cd d4 ee ae …
/// ```
///
/// The name of the store and `(sha1)` are not translated; Windows 8 and later
/// print the hash without blanks. The bytes of the certificates are not there.
///
/// Source: output of Windows 7 and 10.
pub(super) fn read(rows: &[(u64, &str)], pasted: &mut Pasted) {
    let mut of_user = false;
    let mut expected = 0_usize;
    let mut found = 0_usize;
    let mut nameless: Option<u64> = None;
    for (line, row) in rows {
        let trimmed = row.trim();
        let lower = trimmed.to_ascii_lowercase();
        if lower.contains("certutil") && lower.contains("-store") && trimmed.contains('>') {
            of_user = lower.contains("-user");
            continue;
        }
        if let Some(name) = heading(trimmed) {
            pasted.stores.push(ToldStore {
                line: *line,
                name: name.to_owned(),
                of_user,
                certificates: Vec::new(),
            });
            continue;
        }
        if is_element(trimmed) {
            expected += 1;
            if pasted.stores.is_empty() {
                nameless.get_or_insert(*line);
            }
            continue;
        }
        let hash = trimmed
            .split_once("(sha1):")
            .and_then(|(_, hash)| sha1_of(hash));
        let (Some(hash), Some(store)) = (hash, pasted.stores.last_mut()) else {
            continue;
        };
        // Keys and names have hashes of their own: the first after the heading of
        // an element that has 40 digits alone counts.
        let is_of_certificate = !lower.contains("name hash") && !lower.contains("key id");
        if is_of_certificate && found < expected && store.certificates.len() < MAX_CERTIFICATES {
            store.certificates.push((hash, *line));
            found = expected;
        }
    }
    if let Some(line) = nameless {
        let what = "certificates of a store whose name is not in the text are left out";
        pasted.problems.push((line, what.to_owned()));
    }
    let kept: usize = pasted
        .stores
        .iter()
        .map(|store| store.certificates.len())
        .sum();
    if !pasted.stores.is_empty() && kept < expected && nameless.is_none() {
        let line = pasted.stores.first().map_or(1, |store| store.line);
        let what = format!("{expected} certificates are listed, the hash of {kept} was understood");
        pasted.problems.push((line, what));
    }
    pasted.stores.retain(|store| store.line > 0);
}

/// `root "Trusted Root Certification Authorities"`, or the name alone in quotes
/// after it in any language.
fn heading(row: &str) -> Option<&str> {
    let (name, rest) = row.split_once(" \"")?;
    let is_name = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_name && rest.ends_with('"') && !rest.contains("://")).then_some(name)
}

/// `================ Certificate 0 ================`; CRLs and CTLs have the
/// same rule and are no certificates.
fn is_element(row: &str) -> bool {
    let inner = row.trim_matches('=').trim();
    let ruled = row.starts_with("=====") && row.ends_with("=====") && !inner.is_empty();
    let numbered = inner.split_whitespace().last();
    let numbered = numbered.is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
    ruled && numbered && !inner.starts_with("CRL") && !inner.starts_with("CTL")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::super::pasted::read;

    const STORE: &str = "C:\\>certutil -store root\nroot \"Trusted Root Certification Authorities\"\n================ Certificate 0 ================\nSerial Number: 79ad16a14aa0a5ad4c7358f407132e65\nIssuer: CN=Microsoft Root Certificate Authority\n NotBefore: 5/9/2001 4:19 PM\nSubject: CN=Microsoft Root Certificate Authority\nSignature matches Public Key\nRoot Certificate: Subject matches Issuer\nCert Hash(sha1): cd d4 ee ae 60 00 ac 7f 40 c3 80 2c 17 1e 30 14 80 30 c0 72\nNo key provider information\n\n================ Certificate 1 ================\nSerial Number: 01\nCert Hash(sha1): 3b1efd3a66ea28b16697394703a72ca340a05bd5\nCertUtil: -store command completed successfully.\n";

    #[test]
    fn the_hashes_of_a_store_are_read_with_and_without_blanks() {
        let pasted = read(STORE);
        let [store] = pasted.stores.as_slice() else {
            panic!("{pasted:?}")
        };
        let hashes: Vec<&str> = store
            .certificates
            .iter()
            .map(|(it, _)| it.as_str())
            .collect();
        let first = "cdd4eeae6000ac7f40c3802c171e30148030c072";
        assert_eq!(hashes, [first, "3b1efd3a66ea28b16697394703a72ca340a05bd5"]);
        assert!(store.is_root() && !store.of_user);
        assert_eq!(pasted.problems, []);
    }

    #[test]
    fn a_store_in_another_language_is_read_by_its_name_and_hashes() {
        let german = STORE
            .replace(
                "Trusted Root Certification Authorities",
                "Vertrauensw\u{fc}rdige Stammzertifizierungsstellen",
            )
            .replace("Certificate 0", "Zertifikat 0")
            .replace("Certificate 1", "Zertifikat 1")
            .replace("Cert Hash", "Zertifikathash")
            .replace("Serial Number", "Seriennummer")
            .replace(
                " command completed successfully",
                "-Befehl wurde erfolgreich ausgef\u{fc}hrt",
            );
        let pasted = read(&german);
        assert_eq!(pasted.stores[0].certificates.len(), 2);
        assert!(pasted.problems[0].1.contains("not in English"));
    }

    #[test]
    fn an_element_that_is_cut_before_its_hash_is_told() {
        let cut = STORE.split("3b1efd").next().unwrap();
        let pasted = read(cut);
        assert_eq!(pasted.stores[0].certificates.len(), 1);
        let what = "2 certificates are listed, the hash of 1 was understood".to_owned();
        assert_eq!(pasted.problems, [(2, what)]);
    }
}
