//! Runs the stages in order; reads like the table of modules.

mod captures;
mod conversations;
mod files;
mod hives;
mod hosts;
mod key_logs;
mod texts;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::capture::FrameIndex;
use crate::case::Case;
use crate::case::assemble::{Gathered, Selection, assemble};
use crate::clock::{self, Clock};
use crate::cryptnet;
use crate::diagnosis::{self, Diagnosis};
use crate::evidence::{self, OpenOptions};
use crate::given::Given;
use crate::pki::Artifact;
use crate::pki::certificate::GeneralName;
use crate::protocol::http::Exchange;
use crate::provenance::EvidenceId;
use crate::time::Timestamp;
use crate::timeline::{self, Event};

/// Explains the evidence: every stage in order.
///
/// # Errors
///
/// `Input` when a path does not exist or cannot be opened; `NothingReadable`
/// when not one file could be looked at. Everything else becomes an issue of
/// the case.
pub fn explain(
    paths: &[PathBuf],
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Explained, Error> {
    let open = OpenOptions {
        password: options.password.clone(),
        hash: !options.unhashed,
        ..OpenOptions::default()
    };
    let mut discovery = evidence::discover(paths, &open);
    if let Some(issue) = discovery.inputs.issues().first()
        && discovery.is_empty()
    {
        return Err(Error::Input(issue.what.clone()));
    }
    let mut gathered = Gathered {
        keep_bodies: options.keep_bodies,
        ..Gathered::default()
    };
    let used = files::caches(&mut discovery, &mut gathered);
    // A cache folder is told by its place too, whatever its files have become.
    if discovery.recognized() == 0 && gathered.cache_entries.is_empty() {
        return Err(Error::NothingReadable(nothing_readable(paths, &discovery)));
    }
    let password = options.password.as_deref();
    files::objects(&mut discovery, &mut gathered, &used, password);
    let named = files::machine_names(&mut discovery);
    hosts::hosts(&mut discovery, &mut gathered, &named, &options.zones);
    let http = captures::http_options(options.all_http);
    let keys = key_logs::files(&mut discovery, &mut gathered);
    captures::captures(&mut discovery, http, &keys, &mut gathered, progress);
    if let Some(folder) = &options.roots {
        let mut given = evidence::discover(std::slice::from_ref(folder), &open);
        gathered.roots = files::roots(&mut given);
    }
    recover_urls(&mut gathered);
    let finish = discovery.inputs.finish();
    gathered.evidence = finish.records;
    gathered.issues.extend(finish.issues);
    gathered.issues.sort();
    gathered.issues.dedup();

    let bodies = std::mem::take(&mut gathered.kept);
    let places = std::mem::take(&mut gathered.places);
    let selection = Selection {
        as_of: options.at,
        all_http: options.all_http,
        machine: options.machine.clone(),
        from: options.from,
        to: options.to,
    };
    let case = assemble(gathered, &selection);
    let diagnosis = diagnosis::diagnose(&case, options.site.as_deref());
    let timeline = timeline::timeline(&case, &diagnosis);
    let clocks = clock::clocks(&case);
    Ok(Explained {
        case,
        diagnosis,
        timeline,
        clocks,
        given: None,
        settings: Settings::of(options),
        cited: BTreeMap::new(),
        places,
        bodies,
    })
}

/// Names `Content` files without a record from every URL in the case, and the
/// CRLs that composite names stand for.
fn recover_urls(gathered: &mut Gathered) {
    let mut urls: Vec<String> = Vec::new();
    for artifact in gathered.artifacts.values() {
        if let Artifact::Certificate(certificate) = artifact {
            let access = certificate
                .authority_info_access
                .value()
                .into_iter()
                .flatten();
            urls.extend(access.filter_map(|access| match &access.location {
                GeneralName::Uri(url) => Some(url.clone()),
                _ => None,
            }));
            urls.extend(certificate.crl_urls().into_iter().map(str::to_owned));
        }
    }
    for observed in &gathered.observed {
        urls.extend(observed.exchanges.iter().filter_map(request_url));
    }
    urls.sort();
    urls.dedup();
    cryptnet::recover_urls(&mut gathered.cache_entries, urls.iter().map(String::as_str));
    let points: Vec<(Vec<u8>, Vec<String>)> = gathered
        .artifacts
        .values()
        .filter_map(distribution_points)
        .collect();
    let cached = gathered
        .cache_entries
        .iter()
        .filter_map(|entry| entry.url().map(str::to_owned));
    urls.extend(cached.collect::<Vec<String>>());
    let crls = urls
        .iter()
        .map(String::as_str)
        .filter(|url| url.contains(".crl"));
    cryptnet::explain_prefixes(
        &mut gathered.cache_entries,
        points
            .iter()
            .map(|(der, urls)| (der.as_slice(), urls.as_slice())),
        crls,
    );
}

/// The CRL distribution points of a certificate: the DER value and its URLs.
fn distribution_points(artifact: &Artifact) -> Option<(Vec<u8>, Vec<String>)> {
    let Artifact::Certificate(certificate) = artifact else {
        return None;
    };
    let extension = certificate
        .extensions
        .iter()
        .find(|extension| extension.oid == CRL_DISTRIBUTION_POINTS)?;
    let urls = certificate
        .crl_urls()
        .into_iter()
        .map(str::to_owned)
        .collect();
    Some((extension.value.clone(), urls))
}

const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";

/// The absolute URL of a request, as far as its head tells.
fn request_url(exchange: &Exchange) -> Option<String> {
    let request = exchange.request.as_ref()?;
    if request.target.contains("://") {
        return Some(request.target.clone());
    }
    let host = request.headers.get("Host")?;
    let scheme = if exchange.encrypted { "https" } else { "http" };
    Some(format!("{scheme}://{host}{}", request.target))
}

/// One line that says what was looked at in vain.
fn nothing_readable(paths: &[PathBuf], discovery: &evidence::Discovery) -> String {
    let issues = discovery.inputs.issues();
    let why = issues
        .first()
        .map(|issue| format!(": {}", issue.what))
        .unwrap_or_default();
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string().replace('\\', "/"))
        .collect();
    format!(
        "{} holds no capture, cache or certificate object{why}",
        names.join(", ")
    )
}

/// What a run is asked to do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Judge every validation at this time instead of its own.
    pub at: Option<Timestamp>,
    /// Keep every HTTP exchange as a retrieval and hash its body.
    pub all_http: bool,
    /// The site whose failure comes first.
    pub site: Option<String>,
    /// Only this machine (a name or an address).
    pub machine: Option<String>,
    /// Only facts from this time on.
    pub from: Option<Timestamp>,
    /// Only facts up to this time.
    pub to: Option<Timestamp>,
    /// Keep the bytes of the bodies that are read.
    pub keep_bodies: bool,
    /// Password of encrypted zips.
    pub password: Option<String>,
    /// Hash nothing: of use only to measure the rest.
    pub unhashed: bool,
    /// A folder of certificates that the analyst knows the machine trusted.
    pub roots: Option<PathBuf>,
    /// Offsets from UTC of local times in logs, in seconds, as the analyst gives
    /// them: by name of a file or a machine, `default` for all others.
    pub zones: BTreeMap<String, i64>,
}

/// Everything a report is written from.
#[derive(Debug)]
pub struct Explained {
    /// The facts.
    pub case: Case,
    /// The answer.
    pub diagnosis: Diagnosis,
    /// The events in order.
    pub timeline: Vec<Event>,
    /// The clocks compared.
    pub clocks: Vec<Clock>,
    /// What the analyst says of the case; never evidence.
    pub given: Option<Given>,
    /// What was asked for, as far as it decides what is found.
    pub settings: Settings,
    /// SHA-256 of the frames that the report cites, where they were read once
    /// more (`recall::digests`).
    pub cited: BTreeMap<EvidenceId, BTreeMap<u64, [u8; 32]>>,
    /// Where the frames of each capture lie, to read some of them once more.
    pub places: BTreeMap<EvidenceId, FrameIndex>,
    /// The bodies of answers, by SHA-256, where they were to be kept.
    pub bodies: BTreeMap<[u8; 32], Arc<[u8]>>,
}

/// The options that decide what is found: who repeats a run needs them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The site asked for.
    pub site: Option<String>,
    /// The machine asked for.
    pub machine: Option<String>,
    /// Only facts from this time on.
    pub from: Option<Timestamp>,
    /// Only facts up to this time.
    pub to: Option<Timestamp>,
    /// Whether every HTTP exchange was kept.
    pub all_http: bool,
    /// Whether certificates were given as trusted.
    pub roots: bool,
}

impl Settings {
    fn of(options: &Options) -> Self {
        Settings {
            site: options.site.clone(),
            machine: options.machine.clone(),
            from: options.from,
            to: options.to,
            all_http: options.all_http,
            roots: options.roots.is_some(),
        }
    }
}

/// What makes a report impossible.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not one input could be read.
    #[error("nothing readable: {0}")]
    NothingReadable(String),
    /// A path that was named does not exist or cannot be opened.
    #[error("{0}")]
    Input(String),
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is being read.
    pub what: String,
    /// Bytes read so far, of all inputs.
    pub done: u64,
    /// Bytes of all inputs.
    pub total: u64,
}
