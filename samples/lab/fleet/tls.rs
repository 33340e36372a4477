//! What two ends of a TLS 1.2 handshake say, as records.

/// Who the client is talking to, and with what certificates.
pub struct Server<'a> {
    /// Name in the ClientHello.
    pub name: &'a str,
    /// As sent, leaf first.
    pub certificates: &'a [&'a [u8]],
}

/// How the handshake ends.
pub enum End {
    /// Both sides finish, and a little is said.
    Completed,
    /// The client breaks off with this fatal alert.
    Alert(u8),
}

/// One side's turn.
pub enum Turn {
    /// The client's records.
    Client(Vec<u8>),
    /// The server's records.
    Server(Vec<u8>),
}

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// The turns of a handshake; `seed` makes its random values its own.
pub fn turns(server: &Server, end: &End, seed: u32) -> Vec<Turn> {
    let hello = message(1, &client_hello(server.name, seed));
    let mut list = Vec::new();
    for certificate in server.certificates {
        list.extend(length24(certificate));
        list.extend(*certificate);
    }
    let certificates = [length24(&list).to_vec(), list].concat();
    let answer = [
        message(2, &server_hello(seed)),
        message(11, &certificates),
        message(14, &[]),
    ];
    let mut turns = vec![
        Turn::Client(record(HANDSHAKE, &hello)),
        Turn::Server(record(HANDSHAKE, &answer.concat())),
    ];
    match end {
        End::Alert(description) => {
            turns.push(Turn::Client(record(ALERT, &[2, *description])));
        }
        End::Completed => {
            let secret = [vec![1, 0], noise(seed ^ 0x51, 256)].concat();
            let finish = |seed| {
                [
                    record(CHANGE_CIPHER_SPEC, &[1]),
                    record(HANDSHAKE, &noise(seed, 40)),
                ]
                .concat()
            };
            let exchange = record(HANDSHAKE, &message(16, &secret));
            turns.push(Turn::Client([exchange, finish(seed ^ 0x52)].concat()));
            turns.push(Turn::Server(finish(seed ^ 0x53)));
            let said = record(APPLICATION_DATA, &noise(seed ^ 0x54, 180));
            turns.push(Turn::Client(said));
            let said = record(APPLICATION_DATA, &noise(seed ^ 0x55, 900));
            turns.push(Turn::Server(said));
            turns.push(Turn::Client(record(ALERT, &noise(seed ^ 0x56, 26))));
        }
    }
    turns
}

/// Spec: RFC 5246 §7.4.1.2; extensions server_name, supported_groups,
/// signature_algorithms.
fn client_hello(name: &str, seed: u32) -> Vec<u8> {
    let mut entry = vec![0];
    entry.extend((name.len() as u16).to_be_bytes());
    entry.extend(name.as_bytes());
    let names = [(entry.len() as u16).to_be_bytes().to_vec(), entry].concat();
    let mut extensions = Vec::new();
    for (number, value) in [
        (0_u16, names),
        (10, vec![0, 4, 0, 23, 0, 24]),
        (13, vec![0, 6, 4, 1, 5, 1, 2, 1]),
    ] {
        extensions.extend(number.to_be_bytes());
        extensions.extend((value.len() as u16).to_be_bytes());
        extensions.extend(value);
    }
    let mut hello = vec![3, 3];
    hello.extend(noise(seed, 32));
    hello.push(0);
    hello.extend([0, 4, 0, 0x9c, 0, 0x2f]);
    hello.extend([1, 0]);
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    hello
}

/// TLS_RSA_WITH_AES_128_GCM_SHA256, no session, no extensions.
fn server_hello(seed: u32) -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend(noise(seed ^ 0x50, 32));
    hello.extend([0, 0, 0x9c, 0]);
    hello
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &length24(body), body].concat()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16).to_be_bytes();
    [&[kind, 3, 3][..], &length, body].concat()
}

fn length24(bytes: &[u8]) -> [u8; 3] {
    let [_, high, middle, low] = (bytes.len() as u32).to_be_bytes();
    [high, middle, low]
}

/// Bytes that look like nothing (xorshift), the same for the same seed.
pub fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8
    };
    (0..length).map(|_| next()).collect()
}
