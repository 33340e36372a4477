//! `whychain extract`: the objects of a case as files, with a manifest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use whychain::capture::write::CaptureWriter;
use whychain::pipeline::{Explained, Options};
use whychain::provenance::EvidenceId;
use whychain::recall;
use whychain::report;
use whychain::report::objects::FrameRow;
use whychain::words;

use super::Failure;
use super::explain::read;
use super::options::{Evidence, Show};
use super::output::{self, Target};

/// Write the objects found to a folder, with a manifest of where each was seen
///
/// Certificates, trust lists, CRLs and OCSP answers as DER, the bodies of
/// downloads and cache contents as they came. Files are named by kind and
/// SHA-256, never by a name from the evidence. manifest.json and manifest.csv
/// say where each was seen.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    evidence: Evidence,
    /// The folder, new or empty
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Also write cited.pcapng, a small capture with just the packets that the
    /// report cites; the manifest says which packet of which capture each is
    #[arg(long)]
    pcap: bool,
    /// Keep the bodies of every HTTP answer, not only of those that matter
    #[arg(long)]
    all_http: bool,
    /// Write into a folder that holds files, and over files of the same name
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    show: Show,
}

const EXAMPLES: &str = "\
Examples:
  whychain extract client.pcapng caches.zip -o objects
  whychain extract client.pcapng -o objects --pcap
  openssl x509 -inform der -in objects/certificate-….cer -text";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let paths = &arguments.evidence.evidence;
    let folder = folder(arguments)?;
    let options = Options {
        keep_bodies: true,
        all_http: arguments.all_http,
        ..arguments.evidence.options()
    };
    let explained = read(paths, &options, &arguments.show)?;
    fs::create_dir_all(&folder)
        .map_err(|error| Failure(format!("{}: {error}", folder.display())))?;
    let put = |name: &str, bytes: &[u8]| {
        Target::new(&folder.join(name), arguments.force, paths)?.write_bytes(bytes)
    };
    let objects = report::objects::objects(&explained, true);
    for object in &objects {
        put(&object.name, &object.bytes)?;
    }
    let mut frames = Vec::new();
    if arguments.pcap {
        let (capture, rows) = cited_capture(arguments, &explained);
        put("cited.pcapng", &capture)?;
        frames = rows;
    }
    let manifest = report::objects::manifest_json(&explained, &objects, &frames);
    put("manifest.json", manifest.as_bytes())?;
    put(
        "manifest.csv",
        report::objects::manifest_csv(&objects).as_bytes(),
    )?;
    if !arguments.show.quiet {
        let files = words::count(objects.len() as u64, "object", "objects");
        let packets = match arguments.pcap {
            true => format!(
                ", {}",
                words::count(frames.len() as u64, "packet", "packets")
            ),
            false => String::new(),
        };
        output::say(&format!("wrote {files}{packets} to {}", folder.display()));
    }
    Ok(0)
}

/// The folder, checked: new or empty, and not inside the evidence.
fn folder(arguments: &Arguments) -> Result<PathBuf, Failure> {
    let folder = &arguments.output;
    let shown = folder.display();
    if folder.symlink_metadata().is_ok() && !folder.is_dir() {
        return Err(Failure(format!("{shown}: is no folder; name a new one")));
    }
    let mut holds = fs::read_dir(folder).into_iter().flatten();
    if holds.next().is_some() && !arguments.force {
        return Err(Failure(format!(
            "{shown}: is not empty; name a new folder, or --force writes into it"
        )));
    }
    let absolute = absolute(folder);
    for evidence in arguments.evidence.evidence.iter().filter(|it| it.is_dir()) {
        if evidence
            .canonicalize()
            .is_ok_and(|it| absolute.starts_with(it))
        {
            return Err(Failure(format!(
                "{shown}: lies in the evidence, which is never written to; name another folder"
            )));
        }
    }
    Ok(folder.clone())
}

/// The folder's full path, also when its last parts do not exist yet.
fn absolute(folder: &Path) -> PathBuf {
    let mut missing = Vec::new();
    let mut known = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    loop {
        if let Ok(canonical) = known.canonicalize() {
            return missing
                .iter()
                .rev()
                .fold(canonical, |path, part| path.join(part));
        }
        match (known.file_name().map(ToOwned::to_owned), known.parent()) {
            (Some(name), Some(parent)) => {
                missing.push(name);
                known = parent.to_owned();
            }
            _ => return folder.to_owned(),
        }
    }
}

/// The cited packets as a capture, and which each is.
fn cited_capture(arguments: &Arguments, explained: &Explained) -> (Vec<u8>, Vec<FrameRow>) {
    let ledger = &explained.case.evidence;
    let names: BTreeMap<EvidenceId, String> = ledger
        .iter()
        .map(|record| {
            let place = record.member.as_ref().unwrap_or(&record.path);
            let name = place.rsplit(['/', '\\']).next().unwrap_or(place);
            (record.id, words::cut(&words::clean(name), MAX_NAME, "..."))
        })
        .collect();
    let wanted = report::json::cited_frames(explained);
    let mut writer = CaptureWriter::new("whychain");
    let mut rows = Vec::new();
    let paths = &arguments.evidence.evidence;
    let password = arguments.evidence.password.as_deref();
    let places = &explained.places;
    recall::frames(paths, password, ledger, places, &wanted, &mut |frame| {
        let name = names.get(&frame.evidence).map_or("", String::as_str);
        let comment = format!("packet {} of {name}", frame.packet);
        let interface = (frame.link_type, name);
        writer.frame(
            interface,
            frame.at,
            frame.original_len,
            frame.captured,
            &comment,
        );
        rows.push(FrameRow {
            frame: rows.len() as u64 + 1,
            evidence: format!("e{}", u64::from(frame.evidence.0) + 1),
            packet: frame.packet,
        });
    });
    (writer.into_bytes(), rows)
}

/// Characters of a capture's name in the small capture.
const MAX_NAME: usize = 200;
