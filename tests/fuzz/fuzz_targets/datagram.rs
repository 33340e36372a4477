//! Datagrams of the small protocols: DNS, LLMNR, mDNS, NetBIOS, DHCP, NTP, QUIC;
//! and the tokens of logins.
#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use whychain::protocol::dhcp::dhcp_message;
use whychain::protocol::dns::Lookups;
use whychain::protocol::key_log::KeyLog;
use whychain::protocol::local_names::LocalNames;
use whychain::protocol::negotiate::negotiate_token;
use whychain::protocol::ntlm::ntlm_message;
use whychain::protocol::ntp::ntp_packet;
use whychain::provenance::{EvidenceId, Sighting};
use whychain::time::Timestamp;

fuzz_target!(|bytes: &[u8]| {
    let Some((what, bytes)) = bytes.split_first() else {
        return;
    };
    let Some(at) = Timestamp::from_unix(1_795_000_000, 0) else {
        return;
    };
    let seen = Sighting {
        at,
        evidence: EvidenceId(0),
        packet: 1,
    };
    match what % 5 {
        0 => drop(dhcp_message(bytes, 0, seen)),
        1 => drop(ntlm_message(bytes)),
        2 => drop(negotiate_token(bytes)),
        3 => {
            let _ = ntp_packet(bytes);
            let _ = KeyLog::default().read(bytes);
        }
        _ => {
            let (mut lookups, mut local) = (Lookups::new(), LocalNames::default());
            // Messages one behind the other, each with its length: questions
            // and answers meet.
            let mut rest = bytes;
            while let Some(([side, length], behind)) = rest.split_first_chunk() {
                let (message, behind) = behind.split_at(usize::from(*length).min(behind.len()));
                rest = behind;
                let port = [53, 5353, 5355, 137][usize::from(side >> 1 & 3)];
                let client = SocketAddr::from(([10, 0, 0, 5], 50_000));
                let server = SocketAddr::from(([10, 0, 0, 1], port));
                let (from, to) = if side & 1 == 0 {
                    (client, server)
                } else {
                    (server, client)
                };
                lookups.datagram(0, from, to, message, seen);
                local.datagram(0, from, to, message, seen);
            }
            let _ = (lookups.finish(), local.finish());
        }
    }
});
