//! Bytes of both directions of a conversation, with holes: HTTP, TLS, SOCKS,
//! LDAP, DNS, proxies and their tunnels.
//!
//! ```text
//! | what, 1 byte | length, 1 byte | length bytes (times 16 for a long piece) | ...
//! ```
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::flow::{ConversationId, Direction, StreamConsumer as _};
use whychain::protocol::http::Options;
use whychain::protocol::key_log::KeyLog;
use whychain::protocol::{Dialogue, End};
use whychain::provenance::{EvidenceId, Sighting};
use whychain::time::Timestamp;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, mut rest)) = bytes.split_first() else {
        return;
    };
    let options = Options {
        want_body: |_, _, _| true,
        hash_every_body: first & 1 != 0,
    };
    let mut dialogue = Dialogue::new(ConversationId(1), options);
    if first & 2 != 0 {
        dialogue = dialogue.from_the_middle();
    }
    if first & 4 != 0 {
        dialogue = dialogue.with_keys(KeyLog::default());
    }
    let mut packet = 0;
    while let Some(([what, length], behind)) = rest.split_first_chunk() {
        packet += 1;
        let Some(at) = Timestamp::from_unix(1_795_000_000 + packet, 0) else {
            return;
        };
        let seen = Sighting {
            at,
            evidence: EvidenceId(0),
            packet: packet.unsigned_abs(),
        };
        let direction = match what & 1 {
            0 => Direction::ToServer,
            _ => Direction::ToClient,
        };
        if what & 0xF0 == 0xF0 {
            let length = (what & 2 == 0).then_some(u64::from(*length) << (what >> 2 & 3));
            dialogue.gap(direction, length, seen);
            rest = behind;
            continue;
        }
        let length = usize::from(*length) << (what & 4);
        let (piece, behind) = behind.split_at(length.min(behind.len()));
        let _ = dialogue.bytes(direction, piece, seen);
        rest = behind;
    }
    let end = if first & 8 != 0 {
        End::CaptureEnds
    } else {
        End::Closed
    };
    drop(dialogue.into_transcript(end));
});
