//! What is left of a leaf that cannot be read as a certificate: for the
//! answer in JSON, and for people.

use std::io::{self, Write};

use serde::Serialize;
use whychain::bytes::to_hex;
use whychain::chain::{Outcome, examine_damaged};
use whychain::pki::DamagedCertificate;
use whychain::pki::certificate::GeneralName;
use whychain::words::clean;

use super::verify_case::Case;

/// The fields that read; `null` for those that do not.
#[derive(Debug, Serialize)]
pub(super) struct Remains {
    /// Why it is no certificate.
    pub error: String,
    pub version: Option<u32>,
    /// In hex.
    pub serial: Option<String>,
    pub issuer: Option<String>,
    pub subject: Option<String>,
    pub not_before: Option<String>,
    pub not_after: Option<String>,
    /// Dotted OID of the key's algorithm.
    pub key_algorithm: Option<String>,
    pub key_bits: Option<u32>,
    /// DNS names of subjectAltName.
    pub dns_names: Option<Vec<String>>,
    /// Dotted OIDs of the extensions that read, in order.
    pub extensions: Vec<String>,
    /// Each field that does not read with the reason, and each that was found
    /// behind damage.
    pub unread: Vec<String>,
}

impl Remains {
    pub(super) fn of(left: &DamagedCertificate) -> Self {
        let names = left.subject_alternative_names.as_ref().map(|names| {
            let names = names.iter().filter_map(|name| match name {
                GeneralName::Dns(name) => Some(name.clone()),
                _ => None,
            });
            names.collect()
        });
        let key = left.public_key.as_ref();
        Remains {
            error: left.error.to_string(),
            version: left.version,
            serial: left.serial.as_deref().map(to_hex),
            issuer: left.issuer.as_ref().map(|name| name.text.clone()),
            subject: left.subject.as_ref().map(|name| name.text.clone()),
            not_before: left.not_before.map(|time| time.to_rfc3339()),
            not_after: left.not_after.map(|time| time.to_rfc3339()),
            key_algorithm: key.map(|key| key.algorithm.oid.clone()),
            key_bits: key.and_then(|key| key.bits),
            dns_names: names,
            extensions: left.extensions.iter().map(|it| it.oid.clone()).collect(),
            unread: left.unread.clone(),
        }
    }

    /// Each field with its word; what is lost says so.
    fn lines(&self) -> Vec<(&'static str, String)> {
        let or_lost = |field: &Option<String>| {
            let lost = || "(not readable)".to_owned();
            field.clone().unwrap_or_else(lost)
        };
        let key = self.key_algorithm.as_ref().map(|oid| match self.key_bits {
            Some(bits) => format!("{oid}, {bits} bits"),
            None => oid.clone(),
        });
        vec![
            ("subject", or_lost(&self.subject)),
            ("issuer", or_lost(&self.issuer)),
            ("serial", or_lost(&self.serial)),
            ("not before", or_lost(&self.not_before)),
            ("not after", or_lost(&self.not_after)),
            ("key", or_lost(&key)),
            (
                "DNS names",
                or_lost(&self.dns_names.as_ref().map(|names| names.join(", "))),
            ),
        ]
    }
}

/// Writes the verdict, the fields, and the checks that can be done.
///
/// # Errors
///
/// When the output cannot be written.
pub(super) fn write(
    output: &mut impl Write,
    case: &Case,
    left: &DamagedCertificate,
) -> io::Result<()> {
    let remains = Remains::of(left);
    writeln!(output, "verdict     reject")?;
    writeln!(output, "malformed   {}", clean(&remains.error))?;
    writeln!(output, "\nwhat can be read of it")?;
    for (word, text) in remains.lines() {
        writeln!(output, "  {word:<10}  {}", clean(&text))?;
    }
    for line in &remains.unread {
        writeln!(output, "  damage      {}", clean(line))?;
    }
    writeln!(output, "\nchecks that can still be done")?;
    for check in examine_damaged(left, case.at, &case.policy, &case.candidates) {
        let mark = match check.outcome {
            Outcome::Pass => "✓",
            Outcome::Unknown(_) => "?",
            Outcome::Fail(_) => "✗",
        };
        let (word, detail) = (check.kind.word(), clean(&check.detail));
        writeln!(output, "  {mark} {word:<19} {detail}")?;
    }
    for what in &case.left_out {
        writeln!(output, "left out    {}", clean(what))?;
    }
    Ok(())
}
