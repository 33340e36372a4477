//! The tokens of HTTP's `Negotiate`: SPNEGO around Kerberos or NTLM.

use super::ber;
use super::ntlm::{self, NtlmMessage, ntlm_message};
use crate::bytes::Reader;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NegotiateToken {
    /// NTLM, with or without SPNEGO around it.
    Ntlm(NtlmMessage),
    /// A Kerberos AP-REQ. The client's name lies encrypted in its ticket.
    Kerberos {
        /// Realm of the ticket.
        realm: Option<String>,
        /// The service it is for: `HTTP/proxy.corp.example`.
        service: Option<String>,
    },
    /// A Kerberos KRB-ERROR.
    KerberosError {
        /// `error-code`: 37 clock skew, 7 service unknown, …
        code: Option<u32>,
        /// The server's realm.
        realm: Option<String>,
    },
    /// SPNEGO without a mechanism's token, or one that is not read.
    Other,
}

/// Reads a token.
///
/// ```text
/// InitialContextToken ::= [APPLICATION 0] { thisMech OID, innerContextToken }
/// NegTokenInit ::= [0] SEQUENCE { [0] mechTypes, [1] reqFlags, [2] mechToken OCTET STRING, … }
/// NegTokenResp ::= [1] SEQUENCE { [0] negState, [1] supportedMech, [2] responseToken OCTET STRING, … }
/// Kerberos: [APPLICATION 0] { OID 1.2.840.113554.1.2.2, token id (2), AP-REQ or KRB-ERROR }
/// AP-REQ ::= [APPLICATION 14] SEQUENCE { …, [3] Ticket, [4] authenticator }
/// Ticket ::= [APPLICATION 1] SEQUENCE { [0] 5, [1] realm, [2] sname, [3] encrypted }
/// ```
///
/// Whatever cannot be read is [`NegotiateToken::Other`]: a token is a detail of
/// a request that counts anyway.
///
/// Spec: RFC 4178 §4.2, RFC 2743 §3.1, RFC 4120 §5.5.1 and §5.9.1, RFC 4559.
#[must_use]
pub fn negotiate_token(bytes: &[u8]) -> NegotiateToken {
    if let Some(Ok(message)) = ntlm::find(bytes).map(ntlm_message) {
        return NegotiateToken::Ntlm(message);
    }
    kerberos(bytes, 0).unwrap_or(NegotiateToken::Other)
}

const SPNEGO_INIT: u8 = 0xA0;
const SPNEGO_RESPONSE: u8 = 0xA1;
const GSS_TOKEN: u8 = 0x60;
const OID: u8 = 0x06;
const KERBEROS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02];
/// The object identifier that Windows 2000 wrote by mistake and all still know.
const KERBEROS_MS: &[u8] = &[0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 0x01, 0x02, 0x02];
/// GSS token, SPNEGO choice, OCTET STRING, GSS token: four wraps.
const MAX_WRAPS: u8 = 8;

fn kerberos(bytes: &[u8], depth: u8) -> Option<NegotiateToken> {
    if depth > MAX_WRAPS {
        return None;
    }
    let (tag, contents) = ber::element(&mut Reader::new(bytes), "GSS-API token").ok()?;
    match tag {
        GSS_TOKEN => {
            let mut inner = Reader::new(contents);
            let (tag, mechanism) = ber::element(&mut inner, "thisMech").ok()?;
            match tag == OID && (mechanism == KERBEROS || mechanism == KERBEROS_MS) {
                true => kerberos(inner.rest().get(2..)?, depth + 1),
                false => kerberos(inner.rest(), depth + 1),
            }
        }
        SPNEGO_INIT | SPNEGO_RESPONSE => {
            let sequence = ber::first(contents, 0x30)?;
            let token = ber::first(sequence, 0xA2)?;
            kerberos(ber::first(token, 0x04)?, depth + 1)
        }
        AP_REQ => {
            let sequence = ber::first(contents, 0x30)?;
            let ticket = ber::first(sequence, 0xA3)?;
            let ticket = ber::first(ber::first(ticket, TICKET)?, 0x30)?;
            Some(NegotiateToken::Kerberos {
                realm: ber::first(ticket, 0xA1).and_then(general_string),
                service: ber::first(ticket, 0xA2).and_then(principal),
            })
        }
        KRB_ERROR => {
            let sequence = ber::first(contents, 0x30)?;
            let code = ber::first(sequence, 0xA6).and_then(|code| ber::first(code, 0x02));
            Some(NegotiateToken::KerberosError {
                code: code.and_then(ber::number),
                realm: ber::first(sequence, 0xA9).and_then(general_string),
            })
        }
        _ => None,
    }
}

const AP_REQ: u8 = 0x6E;
const TICKET: u8 = 0x61;
const KRB_ERROR: u8 = 0x7E;

fn general_string(contents: &[u8]) -> Option<String> {
    let raw = ber::first(contents, 0x1B).filter(|raw| raw.len() <= MAX_NAME)?;
    Some(String::from_utf8_lossy(raw).into_owned())
}

/// Realms and services are DNS names.
const MAX_NAME: usize = 512;

/// PrincipalName ::= SEQUENCE { [0] name-type, [1] SEQUENCE OF GeneralString }
fn principal(contents: &[u8]) -> Option<String> {
    let sequence = ber::first(contents, 0x30)?;
    let names = ber::first(ber::first(sequence, 0xA1)?, 0x30)?;
    let parts = ber::elements(names).into_iter();
    let parts: Vec<String> = parts
        .filter(|(tag, raw)| *tag == 0x1B && raw.len() <= MAX_NAME)
        .take(MAX_PARTS)
        .map(|(_, raw)| String::from_utf8_lossy(raw).into_owned())
        .collect();
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// `HTTP/host/realm` at most.
const MAX_PARTS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn wrap(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = contents.len();
        let mut bytes = vec![tag];
        match length {
            0..128 => bytes.push(u8::try_from(length).unwrap_or_default()),
            _ => bytes.extend([0x81, u8::try_from(length).unwrap_or_default()]),
        }
        bytes.extend_from_slice(contents);
        bytes
    }

    fn ap_req() -> Vec<u8> {
        let names = [wrap(0x1B, b"HTTP"), wrap(0x1B, b"proxy.corp.example")].concat();
        let name = [
            wrap(0xA0, &wrap(0x02, &[2])),
            wrap(0xA1, &wrap(0x30, &names)),
        ]
        .concat();
        let ticket = [
            wrap(0xA0, &wrap(0x02, &[5])),
            wrap(0xA1, &wrap(0x1B, b"CORP.EXAMPLE")),
            wrap(0xA2, &wrap(0x30, &name)),
        ]
        .concat();
        let ticket = wrap(TICKET, &wrap(0x30, &ticket));
        let request = [wrap(0xA0, &wrap(0x02, &[5])), wrap(0xA3, &ticket)].concat();
        wrap(AP_REQ, &wrap(0x30, &request))
    }

    #[test]
    fn a_ticket_names_realm_and_service_through_all_its_wraps() {
        let kerberos = [wrap(OID, KERBEROS), vec![1, 0], ap_req()].concat();
        let kerberos = wrap(GSS_TOKEN, &kerberos);
        let mechanisms = wrap(0xA0, &wrap(0x30, &wrap(OID, KERBEROS_MS)));
        let init = [mechanisms, wrap(0xA2, &wrap(0x04, &kerberos))].concat();
        let spnego = [
            wrap(OID, &[0x2B, 6, 1, 5, 5, 2]),
            wrap(SPNEGO_INIT, &wrap(0x30, &init)),
        ]
        .concat();
        let want = NegotiateToken::Kerberos {
            realm: Some("CORP.EXAMPLE".into()),
            service: Some("HTTP/proxy.corp.example".into()),
        };
        assert_eq!(negotiate_token(&kerberos), want);
        assert_eq!(negotiate_token(&wrap(GSS_TOKEN, &spnego)), want);
    }

    #[test]
    fn damage_and_depth_end_in_other() {
        let mut nested = ap_req();
        for _ in 0..20 {
            nested = wrap(GSS_TOKEN, &[wrap(OID, &[1]), nested].concat());
        }
        assert_eq!(negotiate_token(&nested), NegotiateToken::Other);
        assert_eq!(negotiate_token(&[0x60, 0x80]), NegotiateToken::Other);
        assert_eq!(negotiate_token(&[]), NegotiateToken::Other);
    }
}
