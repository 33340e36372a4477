//! Plays what happens to a machine, and packs what it hands over.

use std::io::{Cursor, Write as _};

use zip::write::{SimpleFileOptions, ZipWriter};

use super::cache::Entry;
use super::http::{self, Answer};
use super::objects::{self, Object};
use super::plan::{Host, Kind, SYSTEM_HOLDS};
use super::tls::{self, Server, Turn};
use super::wire::{Capture, Instant, SECOND};

/// A zip that is handed over.
pub struct HandOver {
    /// Its name.
    pub file: String,
    /// The zip.
    pub bytes: Vec<u8>,
    /// When its capture begins.
    pub begins_at: Instant,
    /// What its user's account holds, and when that came: by the capture's clock
    /// where it shows the download, else by the machine's.
    pub holds: Vec<(Object, Instant)>,
}

/// All that a machine hands over.
pub fn hand_overs(host: &Host) -> Vec<HandOver> {
    let mut all = Vec::new();
    if host.handed_over_before {
        let before = Host {
            kind: Kind::BlockPage,
            list: objects::OLDER,
            begins_at: host.begins_at - 24 * 3600 * SECOND,
            ..host.clone()
        };
        all.push(hand_over(&before, "-before"));
    }
    all.push(hand_over(host, ""));
    all
}

/// Fatal alerts, RFC 5246 §7.2.2.
const CERTIFICATE_EXPIRED: u8 = 45;
const CERTIFICATE_UNKNOWN: u8 = 46;
const UNKNOWN_CA: u8 = 48;

const SHOP: &str = "shop.lab.example";
const PORTAL: &str = "portal.lab.example";

/// 2026-11-15 06:00 UTC, when SYSTEM last looked after anything.
const LONG_AGO: Instant = 1_794_722_400 * SECOND;

fn hand_over(host: &Host, mark: &str) -> HandOver {
    let own = host.begins_at % SECOND;
    let mut holds = Vec::new();
    let mut members = Vec::new();
    if host.kind == Kind::CachesOnly {
        holds.push((host.list, host.begins_at));
    } else {
        let capture = play(host, &mut holds);
        members.push(("capture.pcap".to_owned(), capture));
    }
    let shown = |object: &Object, holds: &[(Object, Instant)]| {
        holds.iter().any(|(held, _)| held.url == object.url)
    };
    // What it had before the capture began, each an hour after the other.
    let before = [Some(host.list), host.intermediate, Some(objects::CRL_42)];
    for (number, object) in (1..).zip(before.into_iter().flatten()) {
        if host.kind != Kind::CaptureOnly && !shown(&object, &holds) {
            let came = match object.url == objects::CRL_42.url {
                true => host.begins_at - 3600 * SECOND,
                false => (object.modified + 3600 * number) * SECOND + own,
            };
            holds.push((object, came));
        }
    }
    if host.kind != Kind::CaptureOnly {
        let profile = format!("{}/C/Users/{}", host.name, host.user);
        for (object, came) in &holds {
            entry(
                &mut members,
                &profile,
                host,
                object,
                came + host.clock_ahead,
            );
        }
        let system = format!("{}/C/Windows/System32/config/systemprofile", host.name);
        entry(&mut members, &system, host, &SYSTEM_HOLDS, LONG_AGO + own);
    }
    let mut bytes = zipped(&members);
    if host.kind == Kind::Damaged {
        // The list of entries, at the end, and most members are gone.
        bytes.truncate(40);
        holds.clear();
    }
    HandOver {
        file: format!("{:04}-{}{mark}.zip", host.number, host.name),
        bytes,
        begins_at: host.begins_at,
        holds,
    }
}

/// The capture of a machine; what it shows to have come is added to `holds`.
fn play(host: &Host, holds: &mut Vec<(Object, Instant)>) -> Vec<u8> {
    let port = 49_152 + (host.number % 1000) as u16 * 10;
    let mut capture = Capture::new(host.address, port, host.begins_at);
    let mut get = |capture: &mut Capture, object: Object| {
        let at = http::fetch(capture, host.site, object.url, &Answer::Found(object));
        holds.push((object, at));
    };
    get(&mut capture, objects::CRL_42);
    let whole = [objects::SHOP, objects::ISSUING.body];
    let alone = [objects::SHOP];
    let expired = [objects::PORTAL_EXPIRED, objects::ISSUING.body];
    capture.wait(SECOND);
    match host.kind {
        Kind::Repaired | Kind::CaptureOnly => {
            get(&mut capture, host.list);
            capture.wait(SECOND);
            handshake(&mut capture, host, SHOP, &whole, &tls::End::Completed, None);
        }
        Kind::Untouched | Kind::Damaged | Kind::CachesOnly => {
            handshake(&mut capture, host, SHOP, &whole, &tls::End::Completed, None);
        }
        Kind::Login | Kind::Denied => {
            let answer = match host.kind {
                Kind::Login => Answer::Login,
                _ => Answer::Denied,
            };
            let fetched = (objects::ISSUING.url, answer);
            let end = tls::End::Alert(UNKNOWN_CA);
            handshake(&mut capture, host, SHOP, &alone, &end, Some(fetched));
        }
        Kind::LeafExpired => {
            let end = tls::End::Alert(CERTIFICATE_EXPIRED);
            handshake(&mut capture, host, PORTAL, &expired, &end, None);
        }
        Kind::BlockPage => {
            let fetched = (host.list.url, Answer::BlockPage);
            let end = tls::End::Alert(UNKNOWN_CA);
            handshake(&mut capture, host, SHOP, &whole, &end, Some(fetched));
        }
        Kind::Unexplained => {
            let end = tls::End::Alert(CERTIFICATE_UNKNOWN);
            handshake(&mut capture, host, SHOP, &whole, &end, None);
        }
    }
    capture.into_bytes()
}

/// A handshake; before its last turn of the client, something may be fetched.
fn handshake(
    capture: &mut Capture,
    host: &Host,
    name: &str,
    certificates: &[&[u8]],
    end: &tls::End,
    fetched: Option<(&str, Answer)>,
) {
    let (server, tunnel) = http::tunnel(host.site, name);
    let mut conversation = capture.connect(server);
    if let Some((request, answer)) = tunnel {
        capture.say(&mut conversation, request.as_bytes());
        capture.answer(&mut conversation, answer.as_bytes());
    }
    let seed = host.number as u32 * 2 + u32::from(host.begins_at % 2 == 0);
    let turns = tls::turns(&Server { name, certificates }, end, seed);
    for (number, turn) in turns.into_iter().enumerate() {
        if let (2, Some((url, answer))) = (number, &fetched) {
            capture.wait(SECOND / 10);
            http::fetch(capture, host.site, url, answer);
            capture.wait(SECOND / 10);
        }
        match turn {
            Turn::Client(bytes) => capture.say(&mut conversation, &bytes),
            Turn::Server(bytes) => {
                capture.answer(&mut conversation, &bytes);
            }
        }
    }
    capture.close(conversation);
}

/// Adds the two files of a cache entry.
fn entry(
    members: &mut Vec<(String, Vec<u8>)>,
    profile: &str,
    host: &Host,
    object: &Object,
    last_sync_at: Instant,
) {
    let etag = http::etag(object);
    let entry = Entry {
        url: object.url,
        body: object.body,
        last_sync_at,
        modified_at: object.modified * SECOND,
        etag: &etag,
        proxy_id: host
            .site
            .proxy
            .map_or(0, |(address, _)| u32::from_le_bytes(address)),
        object_type: object.object_type,
    };
    let folder = format!("{profile}/AppData/LocalLow/Microsoft/CryptnetUrlCache");
    let name = entry.file_name();
    members.push((format!("{folder}/MetaData/{name}"), entry.metadata()));
    members.push((format!("{folder}/Content/{name}"), object.body.to_vec()));
}

fn zipped(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let options = SimpleFileOptions::default();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
