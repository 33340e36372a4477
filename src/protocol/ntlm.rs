//! NTLM messages: who logs on where, never with what.

use crate::bytes::{ErrorKind, ParseError, Reader};

/// What one NTLM message names. Challenges, responses, session keys and
/// signatures are secrets, or attack material: they are passed over unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NtlmMessage {
    /// Type 1, the client's offer. Both names are optional and mostly absent.
    Negotiate {
        /// The client's domain.
        domain: Option<String>,
        /// The client's name.
        workstation: Option<String>,
    },
    /// Type 2, the server's challenge.
    Challenge {
        /// The realm it authenticates for: a domain or the server's own name.
        target: Option<String>,
        /// DNS name of the server, of its target information.
        server: Option<String>,
    },
    /// Type 3, the client's answer.
    Authenticate {
        /// The account's domain; empty where the user name holds it (`user@domain`).
        domain: Option<String>,
        /// The account; empty for the anonymous account.
        user: Option<String>,
        /// The client's name, as the client says.
        workstation: Option<String>,
    },
}

/// Reads one message.
///
/// ```text
/// "NTLMSSP" 0 (8) | type (4) | …
/// 1: flags (4) | domain field (8) | workstation field (8)
/// 2: target field (8) | flags (4) | challenge (8) | reserved (8) | target information field (8)
/// 3: LM field (8) | NT field (8) | domain (8) | user (8) | workstation (8) | key (8) | flags (4)
/// field: length (2) | maximum length (2) | offset from the message's start (4)
/// ```
///
/// Integers are little-endian. Text is UTF-16 where the flag `NEGOTIATE_UNICODE`
/// (bit 0) is set, else of the client's code page, read as Latin-1; the names
/// of type 1 are always of the code page. A field that points outside the
/// message is taken for absent, so that a cut message still names the rest.
///
/// Spec: MS-NLMP 2.2.1.1 to 2.2.1.3, 2.2.2.1.
///
/// # Errors
///
/// `Malformed` without the signature; `Truncated` when the fixed part is cut;
/// `Unsupported` for other types.
pub fn ntlm_message(bytes: &[u8]) -> Result<NtlmMessage, ParseError> {
    const WHAT: &str = "NTLM message";
    let mut reader = Reader::new(bytes);
    if reader.take(WHAT, 8)? != SIGNATURE {
        return Err(reader.error(WHAT, ErrorKind::Malformed("no NTLMSSP signature".into())));
    }
    match reader.u32_le(WHAT)? {
        1 => {
            let flags = reader.u32_le(WHAT)?;
            let mut names = [None, None];
            // The two fields are there only where the flags say that they hold a name.
            for (name, flag) in names
                .iter_mut()
                .zip([DOMAIN_SUPPLIED, WORKSTATION_SUPPLIED])
            {
                if let Ok(field) = field(&mut reader)
                    && flags & flag != 0
                {
                    *name = text(bytes, field, false);
                }
            }
            let [domain, workstation] = names;
            Ok(NtlmMessage::Negotiate {
                domain,
                workstation,
            })
        }
        2 => {
            let target = field(&mut reader)?;
            let flags = reader.u32_le(WHAT)?;
            let is_unicode = flags & UNICODE != 0;
            let information = reader
                .skip(WHAT, 16)
                .and_then(|()| field(&mut reader))
                .ok()
                .and_then(|field| slice(bytes, field));
            Ok(NtlmMessage::Challenge {
                target: text(bytes, target, is_unicode),
                server: information.and_then(dns_computer_name),
            })
        }
        3 => {
            reader.skip(WHAT, 16)?;
            let (domain, user) = (field(&mut reader)?, field(&mut reader)?);
            let workstation = field(&mut reader)?;
            // Clients before Windows 2000 end here, and speak their code page.
            let flags = reader.skip(WHAT, 8).and_then(|()| reader.u32_le(WHAT));
            let is_unicode = flags.unwrap_or(UNICODE) & UNICODE != 0;
            Ok(NtlmMessage::Authenticate {
                domain: text(bytes, domain, is_unicode),
                user: text(bytes, user, is_unicode),
                workstation: text(bytes, workstation, is_unicode),
            })
        }
        other => Err(reader.error(WHAT, ErrorKind::Unsupported(format!("type {other}")))),
    }
}

/// Where a message of NTLM begins in a larger token.
pub(super) fn find(token: &[u8]) -> Option<&[u8]> {
    let near = token.get(..token.len().min(MAX_SEARCH))?;
    let at = near
        .windows(SIGNATURE.len())
        .position(|window| window == SIGNATURE)?;
    token.get(at..)
}

/// SPNEGO puts some dozen bytes before it.
const MAX_SEARCH: usize = 512;
const SIGNATURE: &[u8] = b"NTLMSSP\0";
const UNICODE: u32 = 1;
const DOMAIN_SUPPLIED: u32 = 0x1000;
const WORKSTATION_SUPPLIED: u32 = 0x2000;

/// Length and offset.
type Field = (u16, u32);

fn field(reader: &mut Reader<'_>) -> Result<Field, ParseError> {
    const WHAT: &str = "NTLM field";
    let length = reader.u16_le(WHAT)?;
    reader.skip(WHAT, 2)?;
    Ok((length, reader.u32_le(WHAT)?))
}

fn slice(bytes: &[u8], (length, offset): Field) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    bytes.get(start..start.checked_add(usize::from(length))?)
}

fn text(bytes: &[u8], field: Field, is_unicode: bool) -> Option<String> {
    let raw = slice(bytes, field).filter(|raw| !raw.is_empty() && raw.len() <= MAX_NAME)?;
    Some(match is_unicode {
        true => utf16(raw),
        false => raw.iter().map(|byte| char::from(*byte)).collect(),
    })
}

/// A user principal name has up to 1,024 characters (MS-ADTS 3.1.1.3).
const MAX_NAME: usize = 2048;

fn utf16(raw: &[u8]) -> String {
    let units = raw
        .chunks_exact(2)
        .filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
    let units: Vec<u16> = units.map(u16::from_le_bytes).collect();
    String::from_utf16_lossy(&units)
}

/// MsvAvDnsComputerName (3) of the target information: `id (2) | length (2) | value`.
fn dns_computer_name(information: &[u8]) -> Option<String> {
    const WHAT: &str = "AV_PAIR";
    let mut reader = Reader::new(information);
    for _ in 0..MAX_PAIRS {
        let id = reader.u16_le(WHAT).ok()?;
        let length = usize::from(reader.u16_le(WHAT).ok()?);
        let value = reader.take(WHAT, length).ok()?;
        match id {
            0 => return None,
            3 => return Some(utf16(value.get(..length.min(MAX_NAME))?)),
            _ => {}
        }
    }
    None
}

/// Eleven kinds are defined.
const MAX_PAIRS: usize = 32;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    /// A type 3 message by the layout of MS-NLMP 2.2.1.3.
    pub(crate) fn type_3(domain: &str, user: &str, workstation: &str) -> Vec<u8> {
        let parts = [
            vec![0xAA; 24],
            vec![0xBB; 24],
            wide(domain),
            wide(user),
            wide(workstation),
            Vec::new(),
        ];
        let mut message = [SIGNATURE, &[3, 0, 0, 0]].concat();
        let mut payload = Vec::new();
        for part in parts {
            let length = u16::try_from(part.len()).unwrap().to_le_bytes();
            let offset = u32::try_from(64 + payload.len()).unwrap().to_le_bytes();
            message.extend([length, length].concat());
            message.extend(offset);
            payload.extend(part);
        }
        message.extend(1u32.to_le_bytes());
        message.extend(payload);
        message
    }

    #[test]
    fn the_answer_names_the_account_and_nothing_secret() {
        let message = ntlm_message(&type_3("CORP", "PC-17$", "PC-17")).unwrap();
        let want = NtlmMessage::Authenticate {
            domain: Some("CORP".into()),
            user: Some("PC-17$".into()),
            workstation: Some("PC-17".into()),
        };
        assert_eq!(message, want);
    }

    #[test]
    fn a_field_outside_the_message_is_absent_and_the_others_stay() {
        let whole = type_3("CORP", "alice", "PC-17");
        let cut = whole.get(..whole.len() - 10).unwrap();
        let want = NtlmMessage::Authenticate {
            domain: Some("CORP".into()),
            user: Some("alice".into()),
            workstation: None,
        };
        assert_eq!(ntlm_message(cut).unwrap(), want);
        assert!(matches!(
            ntlm_message(&whole[..30]).unwrap_err().kind,
            ErrorKind::Truncated { .. }
        ));
    }

    #[test]
    fn the_challenge_of_ms_nlmp_names_its_server() {
        // MS-NLMP 4.2.4.3: CHALLENGE_MESSAGE of the NTLMv2 example.
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([2, 0, 0, 0, 12, 0, 12, 0, 0x38, 0, 0, 0]);
        bytes.extend([
            0x33, 0x82, 0x8a, 0xe2, 1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
        ]);
        bytes.extend([0; 8]);
        bytes.extend([
            0x24, 0, 0x24, 0, 0x44, 0, 0, 0, 6, 0, 0x70, 0x17, 0, 0, 0, 0x0f,
        ]);
        bytes.extend(wide("Server"));
        bytes.extend([2, 0, 12, 0]);
        bytes.extend(wide("Domain"));
        bytes.extend([1, 0, 12, 0]);
        bytes.extend(wide("Server"));
        bytes.extend([0; 4]);
        let want = NtlmMessage::Challenge {
            target: Some("Server".into()),
            server: None,
        };
        assert_eq!(ntlm_message(&bytes).unwrap(), want);
    }

    #[test]
    fn other_bytes_are_no_message() {
        assert!(matches!(
            ntlm_message(b"NTLMSSQ\0\x01\0\0\0").unwrap_err().kind,
            ErrorKind::Malformed(_)
        ));
        assert!(find(b"`\x48\x06\x06+\x06\x01NTLMSSP\0\x01").is_some());
    }
}
