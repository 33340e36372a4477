//! NTP exchanges: what a time server said, and when it was asked.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use crate::bytes::{ParseError, Reader};
use crate::provenance::Sighting;
use crate::time::Timestamp;

/// A question to a time server with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NtpExchange {
    /// The vantage point of the capture.
    pub vantage: u32,
    /// Who asked.
    pub client: SocketAddr,
    /// Who answered.
    pub server: SocketAddr,
    /// The client's transmit timestamp: its clock, unless it sends a random
    /// number there, as many do today.
    pub client_sent_at: Option<Timestamp>,
    /// The server's clock when the question came in.
    pub received_at: Timestamp,
    /// The server's clock when the answer left.
    pub transmitted_at: Timestamp,
    /// The frame of the question.
    pub question: Sighting,
    /// The frame of the answer.
    pub answer: Sighting,
}

/// The fixed part of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NtpPacket {
    /// Leap indicator; 3 means that the clock is not synchronized.
    pub leap: u8,
    /// 3 client, 4 server; the others are not read.
    pub mode: u8,
    /// Distance from a reference clock; 0 is a refusal ("kiss of death").
    pub stratum: u8,
    /// Origin timestamp, raw: the transmit timestamp of the question.
    pub origin: u64,
    /// Receive timestamp, raw.
    pub receive: u64,
    /// Transmit timestamp, raw.
    pub transmit: u64,
}

/// Reads the fixed 48 bytes of an NTP packet; extensions and the message
/// authentication code after it are passed over.
///
/// ```text
/// 0                 1        2     3          16               24         32         40
/// | LI 2, VN 3, mode 3 | stratum | … | … | reference | origin | receive | transmit |
/// ```
///
/// Integers are big-endian; a timestamp is seconds since 1900 and a fraction,
/// 32 bits each. Spec: RFC 5905 §7.3.
///
/// # Errors
///
/// `Truncated` when fewer than 48 bytes are there.
pub fn ntp_packet(bytes: &[u8]) -> Result<NtpPacket, ParseError> {
    const WHAT: &str = "NTP packet";
    let mut reader = Reader::new(bytes);
    let first = reader.u8(WHAT)?;
    let stratum = reader.u8(WHAT)?;
    reader.take(WHAT, 22)?;
    let mut timestamp = || -> Result<u64, ParseError> {
        let seconds = u64::from(reader.u32_be(WHAT)?);
        Ok((seconds << 32) | u64::from(reader.u32_be(WHAT)?))
    };
    let (origin, receive, transmit) = (timestamp()?, timestamp()?, timestamp()?);
    Ok(NtpPacket {
        leap: first >> 6,
        mode: first & 7,
        stratum,
        origin,
        receive,
        transmit,
    })
}

/// Seconds from 1900 to 1970.
const TO_1970: i64 = 2_208_988_800;
/// Seconds of an era; values below half of it belong to the next one, which
/// begins in 2036 (RFC 4330 §3).
const ERA: i64 = 1 << 32;

/// The time of a raw timestamp; `None` for zero, which stands for "not known".
#[must_use]
pub fn timestamp(raw: u64) -> Option<Timestamp> {
    if raw == 0 {
        return None;
    }
    let seconds = i64::try_from(raw >> 32).ok()?;
    let next_era = seconds < ERA / 2;
    let seconds = seconds - TO_1970 + if next_era { ERA } else { 0 };
    let nanoseconds = ((raw & 0xffff_ffff) * 1_000_000_000) >> 32;
    Timestamp::from_unix(seconds, u32::try_from(nanoseconds).ok()?)
}

/// Pairs questions with answers, fed datagram by datagram.
#[derive(Debug, Default)]
pub struct NtpExchanges {
    open: BTreeMap<(SocketAddr, SocketAddr, u64), Sighting>,
    order: VecDeque<(SocketAddr, SocketAddr, u64)>,
    done: Vec<NtpExchange>,
}

/// Questions waiting for an answer; a client has one or two.
const MAX_OPEN: usize = 1024;
/// Exchanges kept; a client asks every 64 seconds at most often, and a few
/// hundred tell the offset as well as a million.
const MAX_EXCHANGES: usize = 4096;
const PORT: u16 = 123;
const CLIENT: u8 = 3;
const SERVER: u8 = 4;

impl NtpExchanges {
    /// Takes one UDP datagram; true when it is NTP between a client and a server.
    pub fn datagram(
        &mut self,
        vantage: u32,
        source: SocketAddr,
        destination: SocketAddr,
        payload: &[u8],
        sighting: Sighting,
    ) -> bool {
        if source.port() != PORT && destination.port() != PORT {
            return false;
        }
        let Ok(packet) = ntp_packet(payload) else {
            return false;
        };
        match packet.mode {
            CLIENT if destination.port() == PORT => {
                let key = (source, destination, packet.transmit);
                if self.order.len() >= MAX_OPEN
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.open.remove(&oldest);
                }
                if self.open.insert(key, sighting).is_none() {
                    self.order.push_back(key);
                }
            }
            SERVER if source.port() == PORT => {
                let key = (destination, source, packet.origin);
                let question = self.open.remove(&key);
                self.order.retain(|open| *open != key);
                self.done.extend(
                    question
                        .and_then(|question| answered(vantage, key, packet, question, sighting)),
                );
                self.done.truncate(MAX_EXCHANGES);
            }
            _ => return false,
        }
        true
    }

    /// The exchanges, in order of their answers.
    #[must_use]
    pub fn finish(self) -> Vec<NtpExchange> {
        self.done
    }
}

/// An exchange whose server has a time to give.
fn answered(
    vantage: u32,
    (client, server, sent): (SocketAddr, SocketAddr, u64),
    packet: NtpPacket,
    question: Sighting,
    answer: Sighting,
) -> Option<NtpExchange> {
    const UNSYNCHRONIZED: u8 = 3;
    const LAST_STRATUM: u8 = 15;
    let tells = packet.leap != UNSYNCHRONIZED && (1..=LAST_STRATUM).contains(&packet.stratum);
    Some(NtpExchange {
        vantage,
        client,
        server,
        client_sent_at: timestamp(sent),
        received_at: timestamp(packet.receive)?,
        transmitted_at: timestamp(packet.transmit)?,
        question,
        answer,
    })
    .filter(|_| tells)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::provenance::EvidenceId;

    /// 2026-06-01 10:00:00.5 UTC: 1780308000 seconds after 1970 and a half.
    const RAW: u64 = ((1_780_308_000 + 2_208_988_800) << 32) | 0x8000_0000;

    fn packet(mode: u8, stratum: u8, origin: u64, receive: u64, transmit: u64) -> Vec<u8> {
        let mut bytes = vec![(4 << 3) | mode, stratum, 6, 0xec];
        bytes.resize(24, 0);
        for raw in [origin, receive, transmit] {
            bytes.extend(raw.to_be_bytes());
        }
        bytes
    }

    fn sighting(seconds: i64) -> Sighting {
        Sighting {
            at: Timestamp::from_unix(seconds, 0).unwrap(),
            evidence: EvidenceId(0),
            packet: 1,
        }
    }

    #[test]
    fn a_timestamp_counts_from_1900_and_turns_over_in_2036() {
        let at = timestamp(RAW).unwrap();
        assert_eq!(
            at,
            Timestamp::from_unix(1_780_308_000, 500_000_000).unwrap()
        );
        let turned = timestamp(1 << 32).unwrap();
        assert_eq!(turned.unix_seconds(), 2_085_978_497);
        assert_eq!(timestamp(0), None);
    }

    fn exchange(stratum: u8, echoed: u64) -> Vec<NtpExchange> {
        let (client, server) = (
            "10.0.0.5:51000".parse().unwrap(),
            "10.0.0.1:123".parse().unwrap(),
        );
        let mut seen = NtpExchanges::default();
        assert!(seen.datagram(0, client, server, &packet(3, 0, 0, 0, 77), sighting(10)));
        assert!(seen.datagram(
            0,
            server,
            client,
            &packet(4, stratum, echoed, RAW, RAW),
            sighting(11)
        ));
        seen.finish()
    }

    #[test]
    fn an_answer_belongs_to_the_question_whose_time_it_echoes() {
        assert_eq!(exchange(2, 77).len(), 1);
        assert!(exchange(2, 78).is_empty());
    }

    #[test]
    fn a_server_without_a_time_tells_none() {
        assert!(exchange(0, 77).is_empty(), "kiss of death");
        assert!(exchange(16, 77).is_empty(), "not synchronized");
    }

    #[test]
    fn a_packet_cut_short_is_none() {
        let error = ntp_packet(&packet(3, 0, 0, 0, 77)[..40]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "NTP packet at byte 40: needs 4 bytes, 0 left"
        );
    }
}
