//! Conversations of hand-made segments, through the table as a whole: how they
//! open, close, are refused and handed out. `stream_tests` has their bytes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::IpAddr;

use crate::packet::{Packet, Segment, TcpFlags, Transport, Unreachable};
use crate::provenance::{EvidenceId, Sighting};
use crate::time::Timestamp;

use super::{
    Close, CloseKind, Conversation, ConversationId, Demand, Direction, FlowTable, RefusalKind,
    RoleBasis, StreamConsumer,
};

/// Writes down all it is told; `demand` answers each delivery.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub(super) log: Vec<String>,
    pub(super) demand: Option<fn(&[u8]) -> Demand>,
    pub(super) reversed: bool,
}

fn arrow(direction: Direction) -> char {
    if direction == Direction::ToServer {
        '>'
    } else {
        '<'
    }
}

impl StreamConsumer for Recorder {
    fn bytes(&mut self, direction: Direction, bytes: &[u8], sighting: Sighting) -> Demand {
        let text = String::from_utf8_lossy(bytes);
        self.log
            .push(format!("{} {text} @{}", arrow(direction), sighting.packet));
        self.demand.map_or(Demand::More, |demand| demand(bytes))
    }

    fn gap(&mut self, direction: Direction, length: Option<u64>, sighting: Sighting) {
        let length = length.map_or("?".to_string(), |length| length.to_string());
        self.log.push(format!(
            "{} gap {length} @{}",
            arrow(direction),
            sighting.packet
        ));
    }

    fn closed(&mut self, close: &Close) {
        self.log.push(format!(
            "{} {:?} @{}",
            arrow(close.by),
            close.how,
            close.sighting.packet
        ));
    }

    fn reversed(&self) -> bool {
        self.reversed
    }
}

const CLIENT: ([u8; 4], u16) = ([10, 0, 0, 9], 50_000);
const SERVER: ([u8; 4], u16) = ([10, 0, 0, 1], 80);
/// Initial sequence numbers of the two.
pub(super) const C: u32 = 1_000;
pub(super) const S: u32 = 5_000;

pub(super) const SYN: TcpFlags = TcpFlags {
    syn: true,
    ack: false,
    fin: false,
    rst: false,
};
pub(super) const SYN_ACK: TcpFlags = TcpFlags {
    syn: true,
    ack: true,
    fin: false,
    rst: false,
};
pub(super) const ACK: TcpFlags = TcpFlags {
    syn: false,
    ack: true,
    fin: false,
    rst: false,
};
pub(super) const FIN: TcpFlags = TcpFlags {
    syn: false,
    ack: true,
    fin: true,
    rst: false,
};
pub(super) const RST: TcpFlags = TcpFlags {
    syn: false,
    ack: true,
    fin: false,
    rst: true,
};

pub(super) struct Wire {
    pub(super) table: FlowTable<Recorder>,
    packet: u64,
    /// Milliseconds since 2020-09-13T12:26:40Z.
    pub(super) clock: i64,
    pub(super) missing: u32,
}

impl Wire {
    pub(super) fn new() -> Self {
        Wire::with(Recorder::default)
    }

    pub(super) fn with(make: fn() -> Recorder) -> Self {
        let table = FlowTable::new(0, 0, move |_| make());
        Wire {
            table,
            packet: 0,
            clock: 0,
            missing: 0,
        }
    }

    /// A wire on which the handshake has been seen, as packets 1 to 3.
    pub(super) fn connected() -> Self {
        let mut wire = Wire::new();
        wire.handshake();
        wire
    }

    pub(super) fn handshake(&mut self) {
        self.client(SYN, C, 0, "");
        self.server(SYN_ACK, S, C + 1, "");
        self.client(ACK, C + 1, S + 1, "");
    }

    pub(super) fn client(
        &mut self,
        flags: TcpFlags,
        sequence: u32,
        acknowledgment: u32,
        payload: &str,
    ) {
        self.send(CLIENT, SERVER, flags, sequence, acknowledgment, payload);
    }

    pub(super) fn server(
        &mut self,
        flags: TcpFlags,
        sequence: u32,
        acknowledgment: u32,
        payload: &str,
    ) {
        self.send(SERVER, CLIENT, flags, sequence, acknowledgment, payload);
    }

    fn send(
        &mut self,
        from: ([u8; 4], u16),
        to: ([u8; 4], u16),
        flags: TcpFlags,
        sequence: u32,
        acknowledgment: u32,
        payload: &str,
    ) {
        let segment = Segment {
            source_port: from.1,
            destination_port: to.1,
            sequence,
            acknowledgment,
            flags,
            payload: payload.as_bytes(),
            missing: self.missing,
            maximum_segment_size: None,
        };
        self.transport(from.0.into(), to.0.into(), Transport::Tcp(segment));
    }

    fn transport(&mut self, source: IpAddr, destination: IpAddr, transport: Transport<'_>) {
        self.packet += 1;
        self.clock += 1;
        let packet = Packet {
            source,
            destination,
            ttl: 64,
            transport,
        };
        let seconds = 1_600_000_000 + self.clock / 1_000;
        let at = Timestamp::from_unix(seconds, (self.clock % 1_000) as u32 * 1_000_000).unwrap();
        let sighting = Sighting {
            at,
            evidence: EvidenceId(0),
            packet: self.packet,
        };
        assert_eq!(self.table.push(&packet, sighting), None);
    }

    /// A packet between others, that is no TCP.
    pub(super) fn elsewhere(&mut self) {
        let host = IpAddr::from([10, 0, 0, 7]);
        self.transport(host, host, Transport::Other(0));
    }

    /// All conversations, unanswered connects among them.
    pub(super) fn finish(mut self) -> Vec<(Conversation, Recorder)> {
        let mut all = self.table.finish();
        let unanswered = self.table.take_unanswered();
        all.extend(unanswered.iter().map(|it| {
            let conversation = it.conversation();
            assert_eq!(conversation.client, it.client());
            assert_eq!(conversation.server, it.server());
            assert_eq!(
                (conversation.first, conversation.last),
                (it.first(), it.last())
            );
            assert_eq!(conversation.quality.packets[1] > 0, it.has_answer());
            (conversation, Recorder::default())
        }));
        all.sort_by_key(|(conversation, _)| (conversation.first, conversation.id));
        all
    }

    pub(super) fn only(self) -> (Conversation, Vec<String>) {
        let mut all = self.finish();
        assert_eq!(all.len(), 1);
        let (conversation, recorder) = all.pop().unwrap();
        (conversation, recorder.log)
    }
}

#[test]
fn a_stream_from_the_middle_begins_with_an_unknown_gap() {
    let mut wire = Wire::new();
    wire.server(ACK, S, C, "response");
    wire.client(ACK, C, S + 8, "request");
    let (conversation, log) = wire.only();
    assert_eq!(
        log,
        ["< gap ? @1", "> gap ? @1", "< response @1", "> request @2"]
    );
    assert_eq!(conversation.role_basis, RoleBasis::Port);
    assert_eq!(conversation.server.port(), 80);
    assert!(conversation.quality.mid_stream);
}

#[test]
fn content_can_change_the_sides_over() {
    let mut wire = Wire::with(|| Recorder {
        reversed: true,
        ..Recorder::default()
    });
    wire.server(FIN, S, C, "GET");
    let (conversation, _) = wire.only();
    assert_eq!(conversation.client.port(), 80);
    assert_eq!(conversation.role_basis, RoleBasis::Content);
    assert_eq!(conversation.quality.bytes, [3, 0]);
    assert_eq!(conversation.closes[0].by, Direction::ToServer);
}

#[test]
fn an_unanswered_connect_lists_its_syns() {
    let mut wire = Wire::new();
    wire.client(SYN, C, 0, "");
    wire.clock += 3_000;
    wire.client(SYN, C, 0, "");
    let (conversation, log) = wire.only();
    assert_eq!(
        conversation
            .syns
            .iter()
            .map(|syn| syn.packet)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!((conversation.syn_ack, conversation.refusal), (None, None));
    assert_eq!(conversation.quality.packets, [2, 0]);
    assert_eq!(log, [""; 0]);
}

#[test]
fn a_reset_in_answer_to_a_syn_is_a_refusal() {
    let mut wire = Wire::new();
    wire.client(SYN, C, 0, "");
    wire.server(RST, 0, C + 1, "");
    wire.client(SYN, C, 0, "");
    wire.server(RST, 0, C + 1, "");
    let (conversation, _) = wire.only();
    let refusal = conversation.refusal.unwrap();
    assert_eq!(
        (refusal.how, refusal.sighting.packet),
        (RefusalKind::Reset, 2)
    );
    assert_eq!(refusal.from, IpAddr::from([10, 0, 0, 1]));
    assert_eq!(conversation.syns.len(), 2);
    assert_eq!(conversation.quality.packets, [2, 2]);
    assert_eq!(conversation.closes.len(), 1);
}

#[test]
fn a_connect_that_succeeds_after_a_refusal_was_not_refused() {
    let mut wire = Wire::new();
    wire.client(SYN, C, 0, "");
    wire.server(RST, 0, C + 1, "");
    wire.handshake();
    let (conversation, _) = wire.only();
    assert_eq!(conversation.refusal, None);
    assert_eq!(conversation.syn_ack.unwrap().packet, 4);
    assert_eq!(conversation.syns.len(), 2);
}

fn unreachable(icmp_type: u8, code: u8, mtu: Option<u32>) -> Transport<'static> {
    Transport::Unreachable(Unreachable {
        icmp_type,
        code,
        v6: false,
        source: CLIENT.0.into(),
        destination: SERVER.0.into(),
        protocol: 6,
        source_port: Some(CLIENT.1),
        destination_port: Some(SERVER.1),
        sequence: Some(C),
        mtu,
    })
}

#[test]
fn an_icmp_error_about_a_syn_is_a_refusal_by_its_sender() {
    let router = IpAddr::from([10, 0, 0, 254]);
    let mut wire = Wire::new();
    wire.client(SYN, C, 0, "");
    wire.transport(router, CLIENT.0.into(), unreachable(3, 13, None));
    let (conversation, _) = wire.only();
    let refusal = conversation.refusal.unwrap();
    assert_eq!(
        refusal.how,
        RefusalKind::Unreachable {
            icmp_type: 3,
            code: 13,
            v6: false
        }
    );
    assert_eq!((refusal.from, refusal.sighting.packet), (router, 2));
}

#[test]
fn a_packet_too_big_is_noted_and_refuses_nothing() {
    let router = IpAddr::from([10, 0, 0, 254]);
    let mut wire = Wire::connected();
    wire.transport(router, CLIENT.0.into(), unreachable(3, 4, Some(1_400)));
    let (conversation, _) = wire.only();
    assert_eq!(conversation.refusal, None);
    assert!(conversation.icmp_errors[0].is_too_big());
    assert_eq!(conversation.icmp_errors[0].mtu, Some(1_400));
    assert_eq!(conversation.icmp_errors[0].about, Direction::ToServer);
}

#[test]
fn a_reset_of_an_open_connection_is_a_close() {
    let mut wire = Wire::connected();
    wire.client(ACK, C + 1, S + 1, "hello");
    wire.server(RST, S + 1, C + 6, "");
    wire.server(RST, S + 1, C + 6, "");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["> hello @4", "< Reset @5"]);
    assert_eq!(conversation.refusal, None);
    assert_eq!(conversation.closes.len(), 1);
    assert_eq!(conversation.closes[0].how, CloseKind::Reset);
}

#[test]
fn ports_used_again_after_a_close_are_another_conversation() {
    let mut wire = Wire::connected();
    wire.client(FIN, C + 1, S + 1, "");
    wire.server(FIN, S + 1, C + 2, "");
    wire.client(SYN, C + 70_000, 0, "");
    wire.server(SYN_ACK, S + 70_000, C + 70_001, "");
    wire.client(ACK, C + 70_001, S + 70_001, "again");
    let all = wire.finish();
    assert_eq!(all.len(), 2);
    assert_eq!(
        (all[0].0.id, all[1].0.id),
        (ConversationId(0), ConversationId(1))
    );
    assert_eq!(all[1].1.log, ["> again @8"]);
    assert!(all[1].0.quality.is_complete());
}

#[test]
fn a_syn_into_a_live_connection_counts_only_when_answered() {
    let mut wire = Wire::connected();
    wire.client(SYN, C + 70_000, 0, "");
    wire.client(ACK, C + 1, S + 1, "abc");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["> abc @5"]);
    assert_eq!(conversation.quality.strays, 1);

    let mut wire = Wire::connected();
    wire.client(SYN, C + 70_000, 0, "");
    wire.server(SYN_ACK, S + 70_000, C + 70_001, "");
    wire.client(ACK, C + 70_001, S + 70_001, "new");
    let all = wire.finish();
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].0.syns[0].packet, 4);
    assert_eq!(all[1].1.log, ["> new @6"]);
}

#[test]
fn a_syn_with_another_number_from_the_same_port_is_another_connect() {
    let mut wire = Wire::new();
    wire.client(SYN, C, 0, "");
    wire.client(SYN, C + 9, 0, "");
    let all = wire.finish();
    assert_eq!(all.len(), 2);
    assert!(
        all.iter()
            .all(|(conversation, _)| conversation.syns.len() == 1)
    );
}

#[test]
fn data_in_a_syn_is_delivered_when_the_server_takes_it() {
    let mut wire = Wire::new();
    wire.client(SYN, C, 0, "hello");
    wire.server(SYN_ACK, S, C + 6, "");
    wire.client(ACK, C + 6, S + 1, "more");
    assert_eq!(wire.only().1, ["> hello @2", "> more @3"]);

    let mut wire = Wire::new();
    wire.client(SYN, C, 0, "hello");
    wire.server(SYN_ACK, S, C + 1, "");
    wire.client(ACK, C + 1, S + 1, "hello");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["> hello @3"]);
    assert_eq!(conversation.quality.retransmissions, 0);
}

#[test]
fn a_syn_captured_after_its_answer_still_counts() {
    let mut wire = Wire::new();
    wire.server(SYN_ACK, S, C + 1, "");
    wire.client(SYN, C, 0, "");
    wire.client(ACK, C + 1, S + 1, "abc");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["> abc @3"]);
    assert_eq!(conversation.syns[0].packet, 2);
    assert_eq!(conversation.client.port(), 50_000);
    assert!(conversation.quality.is_complete());
}

#[test]
fn a_closed_conversation_is_handed_out_after_a_while() {
    let mut wire = Wire::connected();
    wire.client(FIN, C + 1, S + 1, "");
    wire.server(FIN, S + 1, C + 2, "");
    assert!(wire.table.take_ended().is_empty());
    wire.clock += 60_000;
    wire.send(([10, 0, 0, 8], 40_000), SERVER, SYN, 1, 0, "");
    assert_eq!(wire.table.take_ended().len(), 1);
    for _ in 0..2 {
        wire.clock += 200_000;
        wire.client(SYN, C, 0, "");
    }
    let unanswered = wire.table.take_unanswered();
    assert_eq!(unanswered[0].client().to_string(), "10.0.0.8:40000");
    assert_eq!(wire.finish().len(), 1);
}

#[test]
fn a_flood_of_connects_is_handed_out_in_order_and_bounded() {
    let mut wire = Wire::new();
    let mut handed_out = 0;
    for number in 0..70_000_u32 {
        let [_, second, third, fourth] = number.to_be_bytes();
        wire.send(
            ([10, second, third, fourth], 1_234),
            SERVER,
            SYN,
            number,
            0,
            "",
        );
        for unanswered in wire.table.take_unanswered() {
            assert_eq!(unanswered.id(), ConversationId(handed_out));
            handed_out += 1;
        }
    }
    assert_eq!(handed_out, 28_672);
    let rest = wire.finish();
    assert_eq!(handed_out + rest.len() as u64, 70_000);
    assert!(rest.is_sorted_by_key(|(conversation, _)| conversation.first));
}

#[test]
fn a_handshake_captured_behind_the_first_data_is_the_same_connection() {
    let mut wire = Wire::new();
    wire.client(ACK, C + 1, S + 1, "");
    wire.client(ACK, C + 1, S + 1, "abc");
    wire.server(SYN_ACK, S, C + 1, "");
    wire.client(SYN, C, 0, "");
    wire.server(ACK, S + 1, C + 4, "def");
    let (conversation, _) = wire.only();
    assert_eq!(conversation.role_basis, RoleBasis::Handshake);
    assert_eq!(conversation.syns[0].packet, 4);
    assert_eq!(conversation.quality.bytes, [3, 3]);
    assert!(conversation.quality.is_complete());
}

#[test]
fn the_copy_of_a_syn_that_a_mirror_made_is_no_repetition() {
    let mut wire = Wire::new();
    for seconds in [0, 3] {
        wire.clock = seconds * 1_000;
        wire.client(SYN, C, 0, "");
        wire.client(SYN, C, 0, "");
    }
    let (conversation, _) = wire.only();
    assert_eq!(
        conversation
            .syns
            .iter()
            .map(|syn| syn.packet)
            .collect::<Vec<_>>(),
        [1, 3]
    );
    assert_eq!(conversation.quality.packets, [2, 0]);
}
