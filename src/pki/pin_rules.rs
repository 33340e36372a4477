//! Pin rules: which keys a site's chain must have one of, by the list that
//! Windows 10 and later fetch as `pinrulesstl.cab`.

use super::ctl::{Ctl, CtlEntry, CtlKind};
use super::extension_value::own_value;
use super::tlv::{DerReader, Tlv, small_number, tag};
use crate::bytes::ParseError;

/// szOID_PIN_RULES_EXT: the sets of pins.
const PIN_SETS: &str = "1.3.6.1.4.1.311.10.3.33";
/// szOID_PIN_RULES_DOMAIN_NAME: subjects are domain names.
const DOMAIN_NAMES: &str = "1.3.6.1.4.1.311.10.3.34";
/// Attribute of a subject: the number of its set.
const SET_NUMBER: &str = "1.3.6.1.4.1.311.10.4.2";
/// Pins in one list that are read; the known lists have under 100.
const MAX_PINS: usize = 100_000;

/// One pinned key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// MD5 of the key's bits (CryptoAPI property 25).
    pub key_md5: Vec<u8>,
    /// SHA-256 of the key's bits (CryptoAPI property 124).
    pub key_sha256: Vec<u8>,
}

impl Ctl {
    /// The sets of pins of a list of pin rules, by number.
    ///
    /// ```text
    /// SEQUENCE OF SEQUENCE { INTEGER, INTEGER, SEQUENCE OF
    ///     SEQUENCE { OCTET STRING (16), OCTET STRING (32), NULL } }
    /// ```
    ///
    /// No specification gives this; the layout is that of the list of 2017,
    /// whose hashes are those of the key bits of roots known from elsewhere.
    ///
    /// # Errors
    ///
    /// One line of text when the list has no sets that can be read.
    pub fn pin_sets(&self) -> Result<Vec<Vec<Pin>>, String> {
        let mut extensions = self.extensions.iter();
        let Some(sets) = extensions.find(|extension| extension.oid == PIN_SETS) else {
            return Err("the list has no sets of pins".to_owned());
        };
        let read = own_value(&sets.value, tag::SEQUENCE, |list| {
            let mut list = list.children();
            let (mut sets, mut count) = (Vec::new(), 0);
            while !list.is_empty() {
                let set = read_set(&list.expect("PinSet", tag::SEQUENCE)?)?;
                count += set.len() + 1;
                if count > MAX_PINS {
                    break;
                }
                sets.push(set);
            }
            Ok(sets)
        });
        read.map(|(sets, _)| sets)
    }

    /// The subject of a list of pin rules that a host falls under: its own
    /// name, else the longest that begins with a period and ends it.
    #[must_use]
    pub fn pin_rule(&self, host: &str) -> Option<&CtlEntry> {
        if self.kind != CtlKind::PinRules || self.subject_algorithm.oid != DOMAIN_NAMES {
            return None;
        }
        let host = host.to_ascii_lowercase();
        let covers = |entry: &&CtlEntry| {
            let domain = entry.subject_identifier.to_ascii_lowercase();
            let whole = domain == host.as_bytes();
            whole || (domain.first() == Some(&b'.') && host.as_bytes().ends_with(&domain))
        };
        let covering = self.entries.iter().filter(covers);
        covering.max_by_key(|entry| {
            let domain = &entry.subject_identifier;
            (domain.first() != Some(&b'.'), domain.len())
        })
    }
}

impl CtlEntry {
    /// The number of the set of pins of a domain; `None` for a domain without
    /// one, which is no rule.
    #[must_use]
    pub fn pin_set_number(&self) -> Option<usize> {
        let mut attributes = self.other.iter();
        let (_, values) = attributes.find(|(oid, _)| oid == SET_NUMBER)?;
        let value = DerReader::new(values).any("value").ok()?;
        let number = small_number(value.contents).filter(|_| value.tag == tag::INTEGER);
        usize::try_from(number?).ok()
    }
}

/// Reads one set.
fn read_set(element: &Tlv<'_>) -> Result<Vec<Pin>, ParseError> {
    let mut fields = element.children();
    fields.expect("PinSet", tag::INTEGER)?;
    fields.expect("PinSet", tag::INTEGER)?;
    let mut pins = fields.expect("pins", tag::SEQUENCE)?.children();
    let mut set = Vec::new();
    while !pins.is_empty() && set.len() < MAX_PINS {
        let mut pin = pins.expect("pin", tag::SEQUENCE)?.children();
        let key_md5 = pin.expect("pin", tag::OCTET_STRING)?.contents.to_vec();
        let key_sha256 = pin.expect("pin", tag::OCTET_STRING)?.contents.to_vec();
        set.push(Pin {
            key_md5,
            key_sha256,
        });
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::super::object::read_object;
    use super::super::{Artifact, Ctl};
    /// Microsoft's list of 2017-05-31.
    fn list() -> Option<std::sync::Arc<Ctl>> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/ctl");
        let Ok(bytes) = std::fs::read(path.join("pinrulesstl-2017.cab")) else {
            println!("skipped: the real list is not here");
            return None;
        };
        let object = read_object(&bytes);
        object
            .artifacts
            .into_iter()
            .find_map(|artifact| match artifact {
                Artifact::Ctl(list) => Some(list),
                _ => None,
            })
    }

    #[test]
    fn the_sets_of_2017_hold_hashes_of_the_keys_of_known_roots() {
        let Some(list) = list() else { return };
        let sets = list.pin_sets().unwrap();
        let sizes: Vec<usize> = sets.iter().map(Vec::len).collect();
        assert_eq!(sizes, [14, 3, 1, 1, 0, 14]);
        // Baltimore CyberTrust Root: MD5 and SHA-256 of its key bits, as Python
        // hashes them from the certificate that Debian ships.
        let baltimore = "a67fe2a9af967cb5bffdc9ebda8f1ab5eabca254f103965277fd4ba33e27a187";
        let first = sets.first().unwrap();
        let pin = first
            .iter()
            .find(|pin| crate::bytes::to_hex(&pin.key_sha256) == baltimore);
        let md5 = crate::bytes::to_hex(&pin.unwrap().key_md5);
        assert_eq!(md5, "68cb42b035ea773e52ef50ecf50ec529");
    }

    #[test]
    fn a_host_falls_under_its_own_name_first_and_then_the_longest_end() {
        let Some(list) = list() else { return };
        let rule = |host| {
            let entry = list.pin_rule(host)?;
            let domain = String::from_utf8(entry.subject_identifier.clone()).unwrap();
            Some((domain, entry.pin_set_number()))
        };
        assert_eq!(
            rule("a.FILES.1drv.com"),
            Some((".files.1drv.com".to_owned(), Some(0)))
        );
        assert_eq!(
            rule("download.cortana.cn.bing.com"),
            Some(("download.cortana.cn.bing.com".to_owned(), Some(5)))
        );
        assert_eq!(
            rule("x.cloudapp.net"),
            Some((".cloudapp.net".to_owned(), None))
        );
        assert_eq!(rule("files.1drv.com.example"), None);
        assert_eq!(rule("example.com"), None);
    }
}
