//! Objects, caches and other small files of the evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::case::assemble::Gathered;
use crate::case::bodies::keep;
use crate::cryptnet::{self, CacheFile, CacheFolder, ListedFile};
use crate::evidence::{Discovery, EvidenceKind, Located};
use crate::issue::Issue;
use crate::pki::{self, Artifact};
use crate::provenance::{Cite, EvidenceId};

/// CryptoAPI itself refuses objects over 100 MiB (`MaxUrlRetrievalByteCount`).
const MAX_OBJECT_LEN: usize = 100 << 20;

/// Reads every cache folder of the discovery. Returns the files that lie in one.
pub fn caches(discovery: &mut Discovery, gathered: &mut Gathered) -> BTreeSet<usize> {
    let Discovery { files, inputs } = discovery;
    let listed = files.iter().map(|file| ListedFile {
        index: file.index,
        hand_over: &file.hand_over,
        path: &file.logical,
    });
    let folders = cryptnet::locate(listed);
    let named = names_in(files, inputs);
    let mut used = BTreeSet::new();
    for mut folder in folders {
        let pairs = folder.pairs.iter();
        used.extend(pairs.flat_map(|pair| pair.meta_data.into_iter().chain(pair.content)));
        if folder.machine.is_none() {
            let own = named
                .iter()
                .find(|(hand_over, _)| *hand_over == folder.hand_over);
            folder.machine = own.map(|(_, name)| name.clone());
        }
        let contents = read_folder(&folder, files, inputs);
        let (entries, issues) = cryptnet::entries(&folder, &contents);
        gathered.cache_entries.extend(entries);
        gathered.issues.extend(issues);
    }
    let key = |entry: &cryptnet::CacheEntry| {
        let evidence = entry.content.as_ref().map(|content| content.evidence);
        let place = entry.meta_data.map(|(evidence, _)| evidence).or(evidence);
        (
            entry.hand_over.clone(),
            entry.owner.clone(),
            entry.name.clone(),
            place,
        )
    };
    gathered.cache_entries.sort_by_key(key);
    for entry in &gathered.cache_entries {
        let mut objects = Vec::new();
        if let Some(content) = &entry.content {
            let read = pki::read_object(&content.bytes);
            objects = keep(&mut gathered.artifacts, read.artifacts);
            // A page or an empty placeholder is a fact of the entry, not damage.
            for problem in read.problems {
                gathered.issues.push(Issue::new(
                    content.evidence,
                    format!("byte {}", problem.at),
                    format!("cache entry {}: {problem}", entry.name),
                    "this object is not used in chains",
                ));
            }
        }
        gathered.cache_objects.push(objects);
    }
    used
}

fn read_folder(
    folder: &CacheFolder,
    files: &[Located],
    inputs: &mut crate::evidence::Inputs,
) -> BTreeMap<usize, CacheFile> {
    let mut contents = BTreeMap::new();
    let mut read = |number: Option<usize>, limit: usize| {
        let Some(file) = number.and_then(|number| files.get(number)) else {
            return;
        };
        let Some(read) = inputs.read_small(file, limit) else {
            return;
        };
        inputs.set_kind(read.evidence, EvidenceKind::CryptnetCache);
        contents.insert(
            file.index,
            CacheFile {
                evidence: read.evidence,
                bytes: read.bytes,
                sha256: read.sha256,
                modified_at: read.modified_at,
            },
        );
    };
    for pair in &folder.pairs {
        read(pair.meta_data, cryptnet::MAX_META_DATA_LEN);
        read(pair.content, cryptnet::MAX_CONTENT_LEN);
    }
    contents
}

/// Machine names from the files by which collection tools name their host:
/// (hand-over, name).
pub fn machine_names(discovery: &mut Discovery) -> Vec<(String, String)> {
    let Discovery { files, inputs } = discovery;
    names_in(files, inputs)
}

fn names_in(files: &[Located], inputs: &mut crate::evidence::Inputs) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for file in files {
        if !cryptnet::is_host_file(&file.logical) {
            continue;
        }
        let Some(read) = inputs.read_small(file, cryptnet::MAX_HOST_FILE_LEN) else {
            continue;
        };
        if let Some(name) = cryptnet::machine_from_host_file(&file.logical, &read.bytes) {
            names.push((file.hand_over.clone(), name));
        }
    }
    names
}

/// Reads the objects that were handed over by themselves.
/// `password` opens PFX files.
pub fn objects(
    discovery: &mut Discovery,
    gathered: &mut Gathered,
    used: &BTreeSet<usize>,
    password: Option<&str>,
) {
    let Discovery { files, inputs } = discovery;
    for file in files.iter().filter(|file| !used.contains(&file.index)) {
        match file.kind {
            EvidenceKind::Certificate
            | EvidenceKind::Ctl
            | EvidenceKind::Crl
            | EvidenceKind::Ocsp => {
                let Some(read) = inputs.read_small(file, MAX_OBJECT_LEN) else {
                    continue;
                };
                let object = read_bag(&read.bytes, password);
                refine_kind(inputs, read.evidence, object.artifacts.first());
                let list = keep(&mut gathered.artifacts, object.artifacts);
                for problem in object.problems {
                    gathered.issues.push(Issue::new(
                        read.evidence,
                        format!("byte {}", problem.at),
                        problem.to_string(),
                        if list.is_empty() {
                            "nothing of this file is used"
                        } else {
                            "the rest of the file is used"
                        },
                    ));
                }
                gathered
                    .files
                    .push((Cite::whole(read.evidence, read.bytes.len() as u64), list));
            }
            // A report that lies beside its evidence is no evidence.
            EvidenceKind::Case
            | EvidenceKind::Pcap
            | EvidenceKind::Pcapng
            | EvidenceKind::CryptnetCache
            | EvidenceKind::Zip
            // These have a stage of their own.
            | EvidenceKind::KeyLog
            | EvidenceKind::Evtx
            | EvidenceKind::Hive
            | EvidenceKind::CmLog
            | EvidenceKind::AccessLog
            | EvidenceKind::NetshText
            | EvidenceKind::CertutilText
            | EvidenceKind::Other => {}
        }
    }
}

/// Reads an object, or all objects of a serialized store (`.sst`) or a PFX.
fn read_bag(bytes: &[u8], password: Option<&str>) -> pki::ReadObject {
    if pki::pkcs12::is_pfx(bytes) {
        return pki::pkcs12::read(bytes, password);
    }
    if !bytes.starts_with(b"\0\0\0\0CERT") {
        return pki::read_object(bytes);
    }
    let (elements, damage) = crate::host::store::serialized(bytes);
    let mut joined = pki::read_object(&[]);
    joined.problems = damage.into_iter().collect();
    for element in elements {
        let read = pki::read_object(&element.object);
        joined.artifacts.extend(read.artifacts);
        joined.problems.extend(read.problems);
    }
    joined.bound_problems();
    joined
}

fn refine_kind(
    inputs: &mut crate::evidence::Inputs,
    evidence: EvidenceId,
    first: Option<&Artifact>,
) {
    let kind = match first {
        Some(Artifact::Certificate(_)) => EvidenceKind::Certificate,
        Some(Artifact::Crl(_)) => EvidenceKind::Crl,
        Some(Artifact::Ocsp(_)) => EvidenceKind::Ocsp,
        Some(Artifact::Ctl(_)) => EvidenceKind::Ctl,
        None => return,
    };
    inputs.set_kind(evidence, kind);
}

/// Certificates of a folder that the analyst names as trusted.
pub fn roots(discovery: &mut Discovery) -> Vec<Arc<pki::Certificate>> {
    let Discovery { files, inputs } = discovery;
    let mut roots = Vec::new();
    for file in files.iter() {
        if file.kind != EvidenceKind::Certificate {
            continue;
        }
        let Some(read) = inputs.read_small(file, MAX_OBJECT_LEN) else {
            continue;
        };
        roots.extend(
            pki::read_object(&read.bytes)
                .artifacts
                .into_iter()
                .filter_map(|artifact| match artifact {
                    Artifact::Certificate(certificate) => Some(certificate),
                    _ => None,
                }),
        );
    }
    roots
}
