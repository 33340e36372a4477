//! One case of `verify`: what is asked, from files or from a line of a batch.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use whychain::chain::{
    AnchorChecks, Axis, Candidate, Examination, Holdings, Host, Origin, Policy, Profile, Purpose,
    Question, TrustLists, examine_sharing,
};
use whychain::pki::{Certificate, Crl, DamagedCertificate, OcspResponse};
use whychain::time::Timestamp;

use super::verify_shelf::Shelf;

/// Everything one case needs, decoded.
pub(super) struct Case {
    pub leaf: Leaf,
    pub candidates: Vec<Candidate>,
    pub crls: Vec<Arc<Crl>>,
    pub ocsp: Vec<Arc<OcspResponse>>,
    pub at: Timestamp,
    pub policy: Policy,
    /// Objects that could not be read and were left out.
    pub left_out: Vec<String>,
    shelf: Shelf,
}

/// The certificate to judge.
pub(super) enum Leaf {
    Whole(Arc<Certificate>),
    /// It cannot be read as a certificate, but in part.
    Damaged(Box<DamagedCertificate>),
}

/// One line of a batch. Unknown fields are passed over.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    leaf: String,
    #[serde(default)]
    intermediates: Option<Vec<String>>,
    #[serde(default)]
    roots: Option<Vec<String>>,
    #[serde(default)]
    distrusted: Option<Vec<String>>,
    #[serde(default)]
    crls: Option<Vec<String>>,
    #[serde(default)]
    ocsp: Option<Vec<String>>,
    time: String,
    #[serde(default)]
    purpose: Option<String>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    host_kind: Option<String>,
    #[serde(default)]
    max_depth: Option<usize>,
    #[serde(default)]
    check_revocation: Option<bool>,
    #[serde(default)]
    anchor: Option<String>,
    #[serde(default)]
    policy: Option<LinePolicy>,
    #[serde(default)]
    profile: Option<String>,
}

/// The policy inputs of a line.
#[derive(Debug, Default, Deserialize)]
#[allow(clippy::struct_excessive_bools)]
struct LinePolicy {
    #[serde(default)]
    initial: Option<Vec<String>>,
    #[serde(default)]
    explicit: bool,
    #[serde(default)]
    inhibit_mapping: bool,
    #[serde(default)]
    inhibit_any: bool,
}

/// A certificate or CRL file larger than this is not read. The largest public
/// CRLs have some 30 MB.
const MAX_FILE: u64 = 128 << 20;
/// Files read from one folder.
const MAX_FILES: usize = 50_000;

impl Case {
    /// Runs the engine on a leaf.
    pub(super) fn examine(&self, leaf: &Arc<Certificate>) -> Examination {
        let question = Question {
            leaf,
            at: self.at,
            candidates: &self.candidates,
            crls: &self.crls,
            ocsp: &self.ocsp,
            trust_lists: TrustLists::default(),
            policy: self.policy.clone(),
        };
        examine_sharing(&question, &self.shelf.known)
    }

    /// The verdict over time, with everything always at hand.
    pub(super) fn axis(&self, leaf: &Arc<Certificate>, span: (Timestamp, Timestamp)) -> Axis {
        let question = Question {
            leaf,
            at: self.at,
            candidates: &self.candidates,
            crls: &self.crls,
            ocsp: &self.ocsp,
            trust_lists: TrustLists::default(),
            policy: self.policy.clone(),
        };
        let holdings = Holdings::of(&question);
        whychain::chain::axis(leaf, &holdings, &self.policy, span, &self.shelf.known)
    }

    /// A case with nothing but its leaf.
    pub(super) fn new(leaf: Leaf, at: Timestamp, policy: Policy) -> Self {
        Case {
            leaf,
            candidates: Vec::new(),
            crls: Vec::new(),
            ocsp: Vec::new(),
            at,
            policy,
            left_out: Vec::new(),
            shelf: Shelf::default(),
        }
    }

    /// Reads a line of a batch, whose cases share a shelf.
    ///
    /// # Errors
    ///
    /// One line of text when the leaf, the time or an option cannot be read.
    /// Other objects that cannot be read are left out.
    pub(super) fn from_line(line: &Line, profile: Profile, shelf: &Shelf) -> Result<Self, String> {
        let bytes = STANDARD
            .decode(&line.leaf)
            .map_err(|error| format!("leaf: {error}"))?;
        let leaf = Leaf::from_bytes(&bytes).map_err(|error| format!("leaf: {error}"))?;
        let at = Timestamp::from_rfc3339(&line.time)
            .ok_or_else(|| format!("time {} is not RFC 3339", line.time))?;
        let mut case = Case::new(leaf, at, line.policy(profile)?);
        case.shelf = shelf.clone();
        for (role, list) in [
            (Role::Root, &line.roots),
            (Role::Intermediate, &line.intermediates),
            (Role::Distrusted, &line.distrusted),
            (Role::Crl, &line.crls),
            (Role::Ocsp, &line.ocsp),
        ] {
            for (number, text) in list.iter().flatten().enumerate() {
                let name = format!("{} {}", role.word(), number + 1);
                match STANDARD.decode(text) {
                    Ok(bytes) => case.add(role, &name, &bytes),
                    Err(error) => case.left_out.push(format!("{name}: {error}")),
                }
            }
        }
        Ok(case)
    }

    /// Adds one object; one that cannot be read is noted and left out.
    pub(super) fn add(&mut self, role: Role, name: &str, bytes: &[u8]) {
        let result = match role {
            Role::Crl => der(bytes).and_then(|bytes| {
                let crl = Crl::from_der(&bytes).map_err(|error| error.to_string())?;
                self.crls.push(Arc::new(crl));
                Ok(())
            }),
            Role::Ocsp => der(bytes).and_then(|bytes| {
                let answer = OcspResponse::from_der(&bytes).map_err(|error| error.to_string())?;
                self.ocsp.push(Arc::new(answer));
                Ok(())
            }),
            Role::Root | Role::Intermediate | Role::Distrusted => self
                .shelf
                .certificate(bytes, certificate)
                .map(|certificate| {
                    self.candidates.push(Candidate {
                        certificate,
                        anchor: role == Role::Root,
                        distrusted: role == Role::Distrusted,
                        origin: Origin::Given,
                    });
                }),
        };
        if let Err(why) = result {
            self.left_out.push(format!("{name}: {why}"));
        }
    }

    /// Adds every file of a folder.
    ///
    /// # Errors
    ///
    /// When the folder itself cannot be read.
    pub(super) fn add_folder(&mut self, role: Role, folder: &Path) -> Result<(), String> {
        let failed = |error| format!("{}: {error}", folder.display());
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)?.take(MAX_FILES) {
            files.push(entry.map_err(failed)?.path());
        }
        files.sort();
        for file in files.iter().filter(|file| file.is_file()) {
            let name = file.display().to_string();
            match read_file(file) {
                Ok(bytes) => self.add(role, &name, &bytes),
                Err(why) => self.left_out.push(why),
            }
        }
        Ok(())
    }
}

impl Leaf {
    /// Reads a leaf, as far as it can be read.
    ///
    /// # Errors
    ///
    /// One line of text when the bytes have nothing of a certificate.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let bytes = der(bytes)?;
        let error = match Certificate::from_der(&bytes) {
            Ok(certificate) => return Ok(Leaf::Whole(Arc::new(certificate))),
            Err(error) => error,
        };
        let why = error.to_string();
        let left = DamagedCertificate::from_der(&bytes, error);
        left.map(|left| Leaf::Damaged(Box::new(left))).ok_or(why)
    }
}

/// In which role an object is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Root,
    Intermediate,
    Distrusted,
    Crl,
    Ocsp,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Role::Root => "root",
            Role::Intermediate => "intermediate",
            Role::Distrusted => "distrusted certificate",
            Role::Crl => "CRL",
            Role::Ocsp => "OCSP answer",
        }
    }
}

impl Line {
    fn policy(&self, default_profile: Profile) -> Result<Policy, String> {
        let profile = match self.profile.as_deref() {
            None => default_profile,
            Some(word) => profile_of(word).ok_or_else(|| format!("no profile {word}"))?,
        };
        let purpose = self.purpose.as_deref().unwrap_or("any");
        let purpose = Purpose::from_word(purpose).ok_or_else(|| format!("no purpose {purpose}"))?;
        let host = self
            .host
            .as_ref()
            .map(|host| host_of(host, self.host_kind.as_deref()));
        let anchor = self.anchor.as_deref().unwrap_or("plain");
        let none = LinePolicy::default();
        let policy = self.policy.as_ref().unwrap_or(&none);
        Ok(Policy {
            profile,
            purpose,
            host: host.transpose()?,
            max_depth: self.max_depth,
            check_revocation: self.check_revocation.unwrap_or(false),
            initial_policies: policy.initial.clone().unwrap_or_default(),
            require_explicit_policy: policy.explicit,
            inhibit_policy_mapping: policy.inhibit_mapping,
            inhibit_any_policy: policy.inhibit_any,
            anchor_checks: anchor_of(anchor).ok_or_else(|| format!("no anchor {anchor}"))?,
            knows_roots: true,
            ..Policy::default()
        })
    }
}

fn host_of(host: &str, kind: Option<&str>) -> Result<Host, String> {
    Ok(match kind {
        None => Host::from_text(host),
        Some("dns") => Host::Dns(host.to_string()),
        Some("email") => Host::Email(host.to_string()),
        Some("ip") => Host::Ip(host.parse().map_err(|_| format!("{host} is no address"))?),
        Some(kind) => return Err(format!("no host_kind {kind}")),
    })
}

/// The profile of a word.
pub(super) fn profile_of(word: &str) -> Option<Profile> {
    Some(match word {
        "windows" => Profile::Windows,
        "rfc5280" => Profile::Rfc5280,
        "webpki" => Profile::Webpki,
        _ => return None,
    })
}

/// What is checked of anchors, from its word.
pub(super) fn anchor_of(word: &str) -> Option<AnchorChecks> {
    let (expiry, constraints) = match word {
        "plain" => (false, false),
        "expiry" => (true, false),
        "constraints" => (false, true),
        "expiry+constraints" => (true, true),
        _ => return None,
    };
    Some(AnchorChecks {
        expiry,
        constraints,
    })
}

/// Reads a file of bounded size.
pub(super) fn read_file(file: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", file.display());
    let size = std::fs::metadata(file).map_err(failed)?.len();
    if size > MAX_FILE {
        return Err(format!(
            "{}: {size} bytes, at most {MAX_FILE}",
            file.display()
        ));
    }
    std::fs::read(file).map_err(failed)
}

/// A certificate from DER, or from PEM as people have it. Of one that cannot be
/// read, the error says whose it is where that is left.
fn certificate(bytes: &[u8]) -> Result<Certificate, String> {
    let bytes = der(bytes)?;
    Certificate::from_der(&bytes).map_err(|error| {
        let why = error.to_string();
        let left = DamagedCertificate::from_der(&bytes, error);
        match left.and_then(|left| left.subject) {
            Some(subject) => format!("{why} (its subject reads {})", subject.text),
            None => why,
        }
    })
}

/// DER as it is; PEM decoded.
fn der(bytes: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>, String> {
    if !bytes.starts_with(b"-----BEGIN ") {
        return Ok(bytes.into());
    }
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let lines = text
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with("-----"));
    let body: String = lines.flat_map(str::split_whitespace).collect();
    STANDARD
        .decode(body)
        .map(Into::into)
        .map_err(|error| format!("PEM: {error}"))
}
