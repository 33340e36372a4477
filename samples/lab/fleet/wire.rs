//! Writes a capture: conversations of one client, packet by packet.

/// Nanoseconds since 1970.
pub type Instant = i64;

/// A second.
pub const SECOND: Instant = 1_000_000_000;
/// Between two packets.
const STEP: Instant = 400_000;
/// Bytes of a segment, as on Ethernet.
const SEGMENT_LEN: usize = 1460;

/// IPv4 address and port.
pub type End = ([u8; 4], u16);

/// A classic capture of raw IPv4 packets (link type 101), times in nanoseconds.
pub struct Capture {
    bytes: Vec<u8>,
    client: [u8; 4],
    port: u16,
    now: Instant,
}

impl Capture {
    /// A capture without packets at a client, beginning at a time.
    pub fn new(client: [u8; 4], port: u16, now: Instant) -> Self {
        let mut bytes = Vec::new();
        bytes.extend(0xa1b2_3c4d_u32.to_le_bytes());
        bytes.extend([2, 0, 4, 0]);
        bytes.extend([0; 8]);
        bytes.extend(65_535_u32.to_le_bytes());
        bytes.extend(101_u32.to_le_bytes());
        Capture {
            bytes,
            client,
            port,
            now,
        }
    }

    /// The file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The time of the next packet.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Lets time pass.
    pub fn wait(&mut self, nanoseconds: Instant) {
        self.now += nanoseconds;
    }

    /// Opens a conversation.
    pub fn connect(&mut self, server: End) -> Conversation {
        self.port += 1;
        let mut conversation = Conversation {
            client: (self.client, self.port),
            server,
            sent: u32::from(self.port) * 7919,
            answered: u32::from(self.port) * 20_773,
        };
        self.packet(&conversation, true, SYN, &[]);
        conversation.sent += 1;
        self.packet(&conversation, false, SYN | ACK, &[]);
        conversation.answered += 1;
        self.packet(&conversation, true, ACK, &[]);
        conversation
    }

    /// The client says something.
    pub fn say(&mut self, conversation: &mut Conversation, bytes: &[u8]) {
        for part in bytes.chunks(SEGMENT_LEN) {
            self.packet(conversation, true, ACK | PSH, part);
            conversation.sent += length(part);
            self.packet(conversation, false, ACK, &[]);
        }
    }

    /// The server answers; the time of the last packet of the answer.
    pub fn answer(&mut self, conversation: &mut Conversation, bytes: &[u8]) -> Instant {
        let mut at = self.now;
        for part in bytes.chunks(SEGMENT_LEN) {
            self.packet(conversation, false, ACK | PSH, part);
            at = self.now;
            conversation.answered += length(part);
            self.packet(conversation, true, ACK, &[]);
        }
        at
    }

    /// The client ends it.
    pub fn close(&mut self, mut conversation: Conversation) {
        self.packet(&conversation, true, FIN | ACK, &[]);
        conversation.sent += 1;
        self.packet(&conversation, false, FIN | ACK, &[]);
        conversation.answered += 1;
        self.packet(&conversation, true, ACK, &[]);
    }

    fn packet(&mut self, of: &Conversation, to_server: bool, flags: u8, payload: &[u8]) {
        let (from, to, numbers) = match to_server {
            true => (of.client, of.server, [of.sent, of.answered]),
            false => (of.server, of.client, [of.answered, of.sent]),
        };
        let acknowledged = if flags == SYN { 0 } else { numbers[1] };
        let mut tcp = Vec::with_capacity(20 + payload.len());
        tcp.extend(from.1.to_be_bytes());
        tcp.extend(to.1.to_be_bytes());
        tcp.extend(numbers[0].to_be_bytes());
        tcp.extend(acknowledged.to_be_bytes());
        tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(payload);
        let mut pseudo = [from.0, to.0].concat();
        pseudo.extend([0, 6]);
        pseudo.extend((tcp.len() as u16).to_be_bytes());
        pseudo.extend(&tcp);
        tcp[16..18].copy_from_slice(&checksum(&pseudo).to_be_bytes());

        let mut packet = vec![0x45, 0];
        packet.extend((20 + tcp.len() as u16).to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 128, 6, 0, 0]);
        packet.extend(from.0);
        packet.extend(to.0);
        let sum = checksum(&packet).to_be_bytes();
        packet[10..12].copy_from_slice(&sum);
        packet.extend(tcp);

        self.now += STEP;
        let size = length(&packet);
        let (seconds, rest) = (self.now / SECOND, self.now % SECOND);
        for number in [seconds as u32, rest as u32, size, size] {
            self.bytes.extend(number.to_le_bytes());
        }
        self.bytes.extend(packet);
    }
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// A TCP conversation that is open.
pub struct Conversation {
    client: End,
    server: End,
    sent: u32,
    answered: u32,
}

fn length(bytes: &[u8]) -> u32 {
    bytes.len() as u32
}

/// Spec: RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2);
    let mut sum: u32 = words
        .map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
