//! TLS secrets of the evidence: key log files, and those at the front of captures.

use crate::capture::CaptureReader;
use crate::case::assemble::Gathered;
use crate::evidence::{Discovery, EvidenceKind};
use crate::issue::Issue;
use crate::protocol::key_log::{Found, KeyLog};
use crate::protocol::tls::KeyUse;
use crate::provenance::EvidenceId;

/// Longest key log that is read: a browser writes about a kilobyte for each
/// connection, so these are tens of thousands.
const MAX_KEY_LOG_LEN: usize = 64 << 20;

/// Reads every key log file, before any capture. One file serves all captures.
pub fn files(discovery: &mut Discovery, gathered: &mut Gathered) -> KeyLog {
    let keys = KeyLog::default();
    let Discovery { files, inputs } = discovery;
    for file in files.iter() {
        if file.kind != EvidenceKind::KeyLog {
            continue;
        }
        let Some(read) = inputs.read_small(file, MAX_KEY_LOG_LEN) else {
            continue;
        };
        let found = keys.read(&read.bytes);
        gathered.issues.extend(issue(found, read.evidence));
    }
    keys
}

/// What of a key log could not be used.
pub fn issue(found: Found, evidence: EvidenceId) -> Option<Issue> {
    let what = match (found.damaged, found.beyond_limit) {
        (0, 0) => return None,
        (0, beyond) => format!("the key logs hold too many secrets; {beyond} are left out"),
        (1, _) => "one line of the key log is damaged".to_owned(),
        (damaged, _) => format!("{damaged} lines of the key log are damaged"),
    };
    let effect = "connections that need these secrets stay encrypted";
    Some(Issue::new(evidence, "the key log", what, effect))
}

/// Takes the secrets that a capture has met on its way.
pub fn of_capture(texts: &[Vec<u8>], evidence: EvidenceId, keys: &KeyLog) -> Vec<Issue> {
    let found = texts.iter().map(|text| keys.read(text));
    found.filter_map(|found| issue(found, evidence)).collect()
}

/// Takes the secrets in the first bytes of a capture, so that captures read
/// before it can use them.
pub fn of_front(front: &[u8], keys: &KeyLog) {
    let mut reader = CaptureReader::new(EvidenceId(0));
    reader.feed(front);
    while reader.advance() {
        for text in reader.take_key_logs() {
            keys.read(&text);
        }
    }
}

/// Counts what the secrets did, for the ledger.
pub fn count(gathered: &mut Gathered) {
    let handshakes = gathered.observed.iter().flat_map(|it| &it.handshakes);
    let [mut opened, mut unsupported] = [0, 0];
    for handshake in handshakes {
        match handshake.key_use {
            KeyUse::Opened => opened += 1,
            KeyUse::Unsupported => unsupported += 1,
            KeyUse::None | KeyUse::Refused => {}
        }
    }
    if opened > 0 {
        let what = "TLS connections decrypted with a key log";
        gathered.counts.push((what, opened));
    }
    if unsupported > 0 {
        let what =
            "TLS connections with secrets but a cipher suite that is not read (CBC, CCM or RC4)";
        gathered.counts.push((what, unsupported));
    }
}
