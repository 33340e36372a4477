//! DNS messages, read as far as they are sound.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bytes::{ErrorKind, ParseError, Reader};

/// The parts of a message that tell what was asked and answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: u16,
    pub(super) is_response: bool,
    pub(super) response_code: u16,
    /// TC, the rest did not fit into the datagram; or it cannot be read here,
    /// as when the snaplen cut it.
    pub(super) is_truncated: bool,
    /// Lower case, without the final dot.
    pub(super) name: String,
    pub(super) question_type: u16,
    pub(super) addresses: Vec<IpAddr>,
    /// Targets of CNAME records, in order.
    pub(super) aliases: Vec<String>,
}

/// Reads a message: header, its one question, and the answer records.
///
/// ```text
/// id (2) | QR(1) opcode(4) AA TC RD RA Z AD CD rcode(4) | counts of questions,
/// answers, authorities, additions (2 each)
/// question: name | type (2) | class (2)
/// record:   name | type (2) | class (2) | ttl (4) | length (2) | data
/// ```
///
/// Integers are big-endian. A record that cannot be read ends the reading;
/// those before it count, so that a datagram cut by a snaplen still answers.
/// Records of type A, AAAA and CNAME are kept; authorities and additions are
/// not read.
///
/// Spec: RFC 1035 §4.1, RFC 3596.
///
/// # Errors
///
/// `Truncated` or `Malformed` in header or question; `Unsupported` for other
/// opcodes than QUERY and other than one question.
pub(super) fn message(bytes: &[u8]) -> Result<Message, ParseError> {
    const WHAT: &str = "DNS header";
    let mut reader = Reader::new(bytes);
    let id = reader.u16_be(WHAT)?;
    let flags = reader.u16_be(WHAT)?;
    let questions = reader.u16_be(WHAT)?;
    let answers = reader.u16_be(WHAT)?;
    reader.skip(WHAT, 4)?;
    if flags >> 11 & 0xF != 0 || questions != 1 {
        let what = format!("opcode {}, {questions} questions", flags >> 11 & 0xF);
        return Err(reader.error(WHAT, ErrorKind::Unsupported(what)));
    }
    let name = name(&mut reader, bytes)?;
    let question_type = reader.u16_be("DNS question")?;
    reader.skip("DNS question", 2)?;
    let mut message = Message {
        id,
        is_response: flags & 0x8000 != 0,
        response_code: flags & 0xF,
        is_truncated: flags & 0x0200 != 0,
        name,
        question_type,
        addresses: Vec::new(),
        aliases: Vec::new(),
    };
    for _ in 0..answers.min(MAX_ANSWERS) {
        if record(&mut reader, bytes, &mut message).is_err() {
            message.is_truncated = true;
            break;
        }
    }
    Ok(message)
}

/// Answers have one to some dozen records.
const MAX_ANSWERS: u16 = 256;

/// The parts of a multicast message: any number of questions, or answers
/// without a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Multicast {
    pub(super) id: u16,
    pub(super) is_response: bool,
    /// Names asked for their addresses (A, AAAA or ANY).
    pub(super) questions: Vec<String>,
    /// Names with an address, in order.
    pub(super) answers: Vec<(String, IpAddr)>,
}

/// Reads a message of mDNS or LLMNR: as [`message`], but mDNS puts several
/// questions into one message, repeats none in its answer, and announces
/// without being asked. The top bit of a class (cache flush, unicast wanted)
/// is not looked at.
///
/// Spec: RFC 6762 §18, RFC 4795 §2.1.
///
/// # Errors
///
/// `Truncated` in the header; `Unsupported` for other opcodes than QUERY.
pub(super) fn multicast(bytes: &[u8]) -> Result<Multicast, ParseError> {
    const WHAT: &str = "multicast DNS header";
    let mut reader = Reader::new(bytes);
    let id = reader.u16_be(WHAT)?;
    let flags = reader.u16_be(WHAT)?;
    let questions = reader.u16_be(WHAT)?;
    let answers = reader.u16_be(WHAT)?;
    reader.skip(WHAT, 4)?;
    if flags >> 11 & 0xF != 0 {
        let what = format!("opcode {}", flags >> 11 & 0xF);
        return Err(reader.error(WHAT, ErrorKind::Unsupported(what)));
    }
    let mut read = Multicast {
        id,
        is_response: flags & 0x8000 != 0,
        questions: Vec::new(),
        answers: Vec::new(),
    };
    for _ in 0..questions.min(MAX_ANSWERS) {
        let Ok(asked) = name(&mut reader, bytes) else {
            return Ok(read);
        };
        let (Ok(kind), Ok(_)) = (reader.u16_be(WHAT), reader.skip(WHAT, 2)) else {
            return Ok(read);
        };
        if matches!(kind, 1 | 28 | 255) {
            read.questions.push(asked);
        }
    }
    for _ in 0..answers.min(MAX_ANSWERS) {
        let Ok((owner, kind, data)) = plain_record(&mut reader, bytes) else {
            break;
        };
        let address = match (kind, data) {
            (1, &[a, b, c, d]) => Some(IpAddr::from(Ipv4Addr::new(a, b, c, d))),
            (28, data) => <[u8; 16]>::try_from(data).ok().map(IpAddr::from),
            _ => None,
        };
        read.answers.extend(address.map(|address| (owner, address)));
    }
    Ok(read)
}

/// Owner, type and data of one record.
pub(super) fn plain_record<'a>(
    reader: &mut Reader<'a>,
    whole: &'a [u8],
) -> Result<(String, u16, &'a [u8]), ParseError> {
    const WHAT: &str = "DNS record";
    let owner = name(reader, whole)?;
    let kind = reader.u16_be(WHAT)?;
    reader.skip(WHAT, 6)?;
    let length = usize::from(reader.u16_be(WHAT)?);
    Ok((owner, kind, reader.take(WHAT, length)?))
}

fn record<'a>(
    reader: &mut Reader<'a>,
    whole: &'a [u8],
    message: &mut Message,
) -> Result<(), ParseError> {
    const WHAT: &str = "DNS record";
    name(reader, whole)?;
    let kind = reader.u16_be(WHAT)?;
    reader.skip(WHAT, 6)?;
    let length = usize::from(reader.u16_be(WHAT)?);
    let start = reader.position();
    let data = reader.take(WHAT, length)?;
    match (kind, data) {
        (1, &[a, b, c, d]) => message.addresses.push(Ipv4Addr::new(a, b, c, d).into()),
        (28, data) => {
            let octets = <[u8; 16]>::try_from(data);
            message
                .addresses
                .extend(octets.map(|octets| IpAddr::from(Ipv6Addr::from(octets))));
        }
        (5, _) => {
            let mut inner = Reader::new(whole.get(..start + length).unwrap_or(whole));
            inner.skip(WHAT, start)?;
            message.aliases.push(name(&mut inner, whole)?);
        }
        _ => {}
    }
    Ok(())
}

/// Reads a name: labels of 1 to 63 bytes, then 0 or a pointer to an earlier place.
///
/// A pointer must go backwards from where the last one led, so no loop is
/// possible. Bytes outside printable ASCII, dots and backslashes within a
/// label are written `\ddd`, as in zone files.
///
/// Spec: RFC 1035 §3.1, §4.1.4, §5.1.
pub(super) fn name<'a>(reader: &mut Reader<'a>, whole: &'a [u8]) -> Result<String, ParseError> {
    const WHAT: &str = "DNS name";
    let mut text = String::new();
    let mut length = 0;
    let mut lowest = reader.position();
    let mut jumped: Option<Reader<'a>> = None;
    loop {
        let current = jumped.as_mut().unwrap_or(reader);
        match current.u8(WHAT)? {
            0 => return Ok(text),
            count @ 1..=63 => {
                length += usize::from(count) + 1;
                if length > MAX_NAME {
                    let (value, limit) = (length as u64, MAX_NAME as u64);
                    return Err(current.error(WHAT, ErrorKind::OverLimit { value, limit }));
                }
                let label = current.take(WHAT, usize::from(count))?;
                if !text.is_empty() {
                    text.push('.');
                }
                label.iter().for_each(|&byte| push_escaped(&mut text, byte));
            }
            high @ 0xC0.. => {
                let low = current.u8(WHAT)?;
                let target = usize::from(u16::from_be_bytes([high & 0x3F, low]));
                if target >= lowest {
                    let why = format!("pointer to byte {target} does not go back");
                    return Err(current.error(WHAT, ErrorKind::Malformed(why)));
                }
                lowest = target;
                let mut reader = Reader::new(whole);
                reader.skip(WHAT, target)?;
                jumped = Some(reader);
            }
            other => {
                let kind = ErrorKind::Unsupported(format!("label type {other:#04x}"));
                return Err(current.error(WHAT, kind));
            }
        }
    }
}

/// RFC 1035 §2.3.4, the final zero included.
const MAX_NAME: usize = 254;

fn push_escaped(text: &mut String, byte: u8) {
    match byte {
        b'.' | b'\\' => text.extend(['\\', char::from(byte)]),
        0x21..=0x7E => text.push(char::from(byte.to_ascii_lowercase())),
        _ => text.push_str(&format!("\\{byte:03}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use simple_dns::rdata::{A, AAAA, CNAME, RData};
    use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, ResourceRecord};

    use super::*;

    /// An answer made by another implementation.
    pub(crate) fn answer() -> Vec<u8> {
        let mut packet = Packet::new_reply(0x1234);
        packet.set_flags(PacketFlag::RECURSION_AVAILABLE);
        let name = |text| Name::new(text).unwrap();
        let (kind, class) = (simple_dns::TYPE::A.into(), CLASS::IN.into());
        packet.questions.push(Question::new(
            name("CTLDL.windowsupdate.com"),
            kind,
            class,
            false,
        ));
        let record = |from, data| ResourceRecord::new(name(from), CLASS::IN, 60, data);
        let alias = RData::CNAME(CNAME(name("wu.cdn.net")));
        packet
            .answers
            .push(record("CTLDL.windowsupdate.com", alias));
        packet.answers.push(record(
            "wu.cdn.net",
            RData::A(A {
                address: 0x0102_0304,
            }),
        ));
        let address = u128::from(std::net::Ipv6Addr::LOCALHOST);
        packet
            .answers
            .push(record("wu.cdn.net", RData::AAAA(AAAA { address })));
        *packet.rcode_mut() = RCODE::NoError;
        packet.build_bytes_vec_compressed().unwrap()
    }

    #[test]
    fn an_answer_of_another_implementation_is_read() {
        let read = message(&answer()).unwrap();
        assert!(read.is_response);
        assert_eq!(
            (read.id, read.response_code, read.question_type),
            (0x1234, 0, 1)
        );
        assert_eq!(read.name, "ctldl.windowsupdate.com");
        assert_eq!(read.aliases, ["wu.cdn.net"]);
        let addresses = read
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>();
        assert_eq!(addresses, ["1.2.3.4", "::1"]);
    }

    #[test]
    fn an_answer_cut_short_keeps_the_records_before_the_cut() {
        let bytes = answer();
        let read = message(&bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(read.addresses.len(), 1);
        for length in 0..bytes.len() {
            let _ = message(&bytes[..length]);
        }
    }

    #[test]
    fn a_pointer_loop_is_an_error() {
        let mut bytes = vec![0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        bytes.extend([0xC0, 12, 0, 1, 0, 1]);
        let error = message(&bytes).unwrap_err();
        let text = "DNS name at byte 14: malformed: pointer to byte 12 does not go back";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn odd_bytes_in_a_label_are_escaped() {
        let mut bytes = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        bytes.extend(b"\x04a.\xffB\0\0\x01\0\x01");
        assert_eq!(message(&bytes).unwrap().name, "a\\.\\255b");
    }
}
