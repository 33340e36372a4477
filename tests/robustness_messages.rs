//! Messages of the small protocols, cut at every length and with bits turned:
//! DHCP, names by LLMNR, mDNS and NetBIOS, LDAP, NTLM, proxy scripts.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use whychain::flow::{ConversationId, Direction, StreamConsumer};
use whychain::pac;
use whychain::protocol::dhcp::dhcp_message;
use whychain::protocol::dns::Lookups;
use whychain::protocol::http::Options;
use whychain::protocol::local_names::LocalNames;
use whychain::protocol::ntlm::{NtlmMessage, ntlm_message};
use whychain::protocol::{Dialogue, End};
use whychain::provenance::{EvidenceId, Sighting};
use whychain::time::Timestamp;

fn seen(packet: u64) -> Sighting {
    Sighting {
        at: Timestamp::from_unix(1_795_000_000, 0).unwrap(),
        evidence: EvidenceId(0),
        packet,
    }
}

/// A small generator with a fixed seed (xorshift64*): the same run every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound.max(1)
    }
}

/// How often bits are turned in one message.
const FLIPS: usize = 2000;

/// Every beginning of a message, then the message with one to eight bits turned
/// and, half of the time, also cut.
fn damaged(whole: &[u8], seed: u64, mut read: impl FnMut(&[u8])) {
    for length in 0..=whole.len() {
        read(&whole[..length]);
    }
    let mut random = Random(seed);
    for round in 0..FLIPS {
        let mut bytes = whole.to_vec();
        for _ in 0..=random.below(8) {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        if round % 2 == 1 {
            bytes.truncate(random.below(bytes.len()) + 1);
        }
        read(&bytes);
    }
}

/// A DHCPACK by the layout of RFC 2131, with the options that are read.
fn dhcp_ack() -> Vec<u8> {
    let mut bytes = vec![2, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0, 10, 20, 0, 15];
    bytes.extend([0; 12]);
    bytes.extend([2, 0, 10, 20, 0, 15]);
    bytes.extend([0; 10 + 192]);
    bytes.extend([0x63, 0x82, 0x53, 0x63]);
    let options: [(u8, &[u8]); 8] = [
        (53, &[5]),
        (54, &[10, 20, 0, 1]),
        (6, &[10, 20, 0, 1, 10, 20, 0, 2]),
        (12, b"PC-0415"),
        (15, b"corp.lab.example"),
        (61, &[1, 2, 0, 10, 20, 0, 15]),
        (81, b"\0\0\0PC-0415.corp.lab.example"),
        (252, b"http://wpad.corp.lab.example/wpad.dat\0"),
    ];
    for (code, value) in options {
        bytes.extend([code, u8::try_from(value.len()).unwrap()]);
        bytes.extend_from_slice(value);
    }
    bytes.push(255);
    bytes
}

#[test]
fn a_damaged_dhcp_message_is_an_error_or_a_message() {
    let whole = dhcp_ack();
    let message = dhcp_message(&whole, 0, seen(1)).unwrap();
    let url = "http://wpad.corp.lab.example/wpad.dat";
    assert_eq!(message.script_url.as_deref(), Some(url));
    let (mut read, mut refused) = (0, 0);
    damaged(&whole, 0xD4C9, |bytes| {
        match dhcp_message(bytes, 0, seen(1)) {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
    });
    assert!(read > 0 && refused > 240, "{read} read, {refused} refused");
}

/// A question for `wpad` and an answer with one address, of DNS layout; NetBIOS
/// spells its names with two letters for each byte.
fn name_messages(is_netbios: bool) -> [Vec<u8>; 2] {
    let name: Vec<u8> = if is_netbios {
        let padded = b"WPAD           \0";
        let letters = padded.iter().flat_map(|b| [65 + (b >> 4), 65 + (b & 15)]);
        [vec![32], letters.collect(), vec![0]].concat()
    } else {
        b"\x04wpad\0".to_vec()
    };
    let (kind, data): (u8, &[u8]) = if is_netbios {
        (0x20, &[0, 0, 10, 20, 0, 9])
    } else {
        (1, &[10, 20, 0, 9])
    };
    let length = u8::try_from(data.len()).unwrap();
    let head = |flags: u8, questions: u8, answers: u8| {
        vec![0x12, 0x34, flags, 0, 0, questions, 0, answers, 0, 0, 0, 0]
    };
    let question = [head(0, 1, 0), name.clone(), vec![0, kind, 0, 1]].concat();
    let record = [&[0, kind, 0, 1, 0, 0, 0, 30, 0, length], data].concat();
    let answer = [head(0x84, 0, 1), name, record].concat();
    [question, answer]
}

#[test]
fn damaged_names_of_the_neighborhood_are_read_or_left() {
    let client: SocketAddr = "10.20.0.15:51000".parse().unwrap();
    let other: SocketAddr = "10.20.0.9:51000".parse().unwrap();
    for (group, is_netbios) in [
        ("224.0.0.252:5355", false),
        ("224.0.0.251:5353", false),
        ("10.20.0.255:137", true),
    ] {
        let service: SocketAddr = group.parse().unwrap();
        let [question, answer] = name_messages(is_netbios);
        let from = if service.port() == 5355 {
            client
        } else {
            SocketAddr::new(client.ip(), service.port())
        };
        let mut whole = LocalNames::default();
        assert!(
            whole.datagram(0, from, service, &question, seen(1)),
            "{group}"
        );
        assert_eq!(whole.finish().0.len(), 1, "{group}");
        let answering = SocketAddr::new(other.ip(), service.port());
        for (message, source, destination) in
            [(&question, from, service), (&answer, answering, from)]
        {
            let (mut local, mut lookups) = (LocalNames::default(), Lookups::new());
            damaged(message, 0x11AC, |bytes| {
                local.datagram(0, source, destination, bytes, seen(2));
                lookups.datagram(0, source, destination, bytes, seen(2));
            });
            let _ = (local.finish(), lookups.finish());
        }
    }
}

fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len()).unwrap().to_be_bytes();
    [&[tag, 0x84], &length[..], contents].concat()
}

/// A search for a list, and its entry with the end of the search.
fn ldap_search() -> [Vec<u8>; 2] {
    let attribute = tlv(0x04, b"certificateRevocationList;binary");
    let search = [
        tlv(0x04, b"CN=CA,CN=CDP"),
        tlv(0x0A, &[0]),
        tlv(0x0A, &[0]),
        tlv(0x02, &[0]),
        tlv(0x02, &[15]),
        tlv(0x01, &[0]),
        tlv(0x87, b"objectClass"),
        tlv(0x30, &attribute),
    ];
    let values = tlv(0x31, &tlv(0x04, &[0x30, 0x03, 0x02, 0x01, 0x01]));
    let entry = [
        tlv(0x04, b"CN=CA,CN=CDP"),
        tlv(0x30, &tlv(0x30, &[attribute, values].concat())),
    ];
    let done = [tlv(0x0A, &[0]), tlv(0x04, b""), tlv(0x04, b"")];
    let message =
        |tag, parts: &[Vec<u8>]| tlv(0x30, &[tlv(0x02, &[2]), tlv(tag, &parts.concat())].concat());
    [
        message(0x63, &search),
        [message(0x64, &entry), message(0x65, &done)].concat(),
    ]
}

#[test]
fn a_damaged_directory_search_is_read_or_left() {
    let [question, answer] = ldap_search();
    let talk = |question: &[u8], answer: &[u8]| {
        let options = Options {
            want_body: |_, _, _| true,
            hash_every_body: false,
        };
        let mut dialogue = Dialogue::new(ConversationId(1), options);
        dialogue.bytes(Direction::ToServer, question, seen(1));
        dialogue.bytes(Direction::ToClient, answer, seen(2));
        dialogue.into_transcript(End::CaptureEnds)
    };
    damaged(&question, 0x1DA9, |bytes| drop(talk(bytes, &answer)));
    damaged(&answer, 0x1DAA, |bytes| drop(talk(&question, bytes)));
}

/// A type 3 message by MS-NLMP 2.2.1.3, with made-up proofs.
fn ntlm_answer() -> Vec<u8> {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let parts: [Vec<u8>; 6] = [
        vec![0xAA; 24],
        vec![0xBB; 24],
        wide("LAB"),
        wide("PC-0415$"),
        wide("PC-0415"),
        Vec::new(),
    ];
    let mut bytes = [b"NTLMSSP\0".as_slice(), &[3, 0, 0, 0]].concat();
    let mut at = 72u32;
    for part in &parts {
        let length = u16::try_from(part.len()).unwrap().to_le_bytes();
        bytes.extend([length, length].concat());
        bytes.extend(at.to_le_bytes());
        at += u32::try_from(part.len()).unwrap();
    }
    bytes.extend(0xA208_8207u32.to_le_bytes());
    bytes.extend([6, 1, 0xB1, 0x1D, 0, 0, 0, 15]);
    bytes.extend(parts.concat());
    bytes
}

#[test]
fn a_damaged_login_is_an_error_or_names_what_is_left() {
    let whole = ntlm_answer();
    let want = NtlmMessage::Authenticate {
        domain: Some("LAB".into()),
        user: Some("PC-0415$".into()),
        workstation: Some("PC-0415".into()),
    };
    assert_eq!(ntlm_message(&whole).unwrap(), want);
    let mut refused = 0;
    damaged(&whole, 0x4714, |bytes| {
        refused += usize::from(ntlm_message(bytes).is_err());
    });
    assert!(refused >= 12, "{refused}");
}

#[test]
fn a_damaged_proxy_script_gives_an_answer_or_a_reason_in_time() {
    let script = "var direct = [\"crl.lab.example\"];\n\
        function FindProxyForURL(url, host) {\n\
        for (var i = 0; i < direct.length; i++)\n\
        if (shExpMatch(host, direct[i])) return \"DIRECT\";\n\
        if (isInNet(host, \"10.0.0.0\", \"255.0.0.0\")) return \"DIRECT\";\n\
        return \"PROXY proxy.corp.lab.example:3128; DIRECT\"; }\n";
    let names: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    let ask = |script: &str| {
        let question = pac::Question {
            url: "http://aia.lab.example/certs/CA.crt",
            host: "aia.lab.example",
            client: "10.20.0.15".parse().unwrap(),
            at: seen(1).at,
            names: &names,
        };
        pac::evaluate(script, &question)
    };
    if let Ok(answer) = ask(script) {
        assert_eq!(answer.text, "PROXY proxy.corp.lab.example:3128; DIRECT");
    }
    let before = Instant::now();
    let mut random = Random(0x9AC);
    let bytes = script.as_bytes();
    for length in (0..bytes.len()).step_by(7) {
        let _ = ask(&String::from_utf8_lossy(&bytes[..length]));
    }
    for _ in 0..60 {
        let mut bytes = bytes.to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        let _ = ask(&String::from_utf8_lossy(&bytes));
    }
    assert!(before.elapsed().as_secs() < 120, "{:?}", before.elapsed());
}
