//! The proxy settings that Windows keeps as bytes in the registry.

use crate::bytes::{ErrorKind, ParseError, Reader};
use crate::time::Timestamp;

/// The proxy of services: `WinHttpSettings` of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WinHttpSettings {
    /// `host:port`, or `http=…;https=…`; `None`: services go directly.
    pub proxy: Option<String>,
    /// Hosts that are reached directly all the same.
    pub bypass: Option<String>,
}

/// The proxy of one account: `DefaultConnectionSettings`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectionSettings {
    /// Times it was changed.
    pub changes: u32,
    /// The proxy, where flag 2 is set.
    pub proxy: Option<String>,
    /// Hosts reached directly.
    pub bypass: Option<String>,
    /// The script, where flag 4 is set.
    pub script_url: Option<String>,
    /// Flag 8: look for a script (WPAD).
    pub detects: bool,
    /// The script found last by looking.
    pub detected_url: Option<String>,
    /// When it was found.
    pub detected_at: Option<Timestamp>,
}

/// Longest text of a setting; bypass lists of large companies have some KB.
const MAX_TEXT_LEN: u32 = 64 << 10;

/// Reads `WinHttpSettings`.
///
/// ```text
/// 0      4         8       12     16
/// | 0x18 | counter | flags | n | proxy | m | bypass list |
/// ```
///
/// Little-endian, texts in ASCII. `flags` 1: direct, 3: proxy. Tags of 0x18 and
/// 0x28 are known; the first four fields are the same.
///
/// Source: Microsoft, "Use group policy to apply WinHTTP proxy settings" (the
/// value for *direct*); the layout of the texts as practitioners report it.
///
/// # Errors
///
/// `Truncated` when it is shorter than its lengths say, `OverLimit` for a long text.
pub fn win_http(bytes: &[u8]) -> Result<WinHttpSettings, ParseError> {
    const WHAT: &str = "WinHttpSettings";
    let mut reader = Reader::new(bytes);
    reader.skip(WHAT, 8)?;
    let flags = reader.u32_le(WHAT)?;
    let proxy = text(&mut reader, WHAT)?;
    // Some writers leave the second length out.
    let bypass = if reader.is_empty() {
        None
    } else {
        text(&mut reader, WHAT)?
    };
    let by_proxy = flags & 2 != 0;
    Ok(WinHttpSettings {
        proxy: proxy.filter(|_| by_proxy),
        bypass: bypass.filter(|_| by_proxy),
    })
}

/// Reads `DefaultConnectionSettings` or `SavedLegacySettings`.
///
/// ```text
/// 0             4         8       12
/// | 0x46 or 0x3C | changes | flags | n | proxy | n | bypass | n | script URL |
///   | detection flags | n | script found last | FILETIME of it | …
/// ```
///
/// Little-endian, texts in ASCII. Flags: 1 direct, 2 proxy, 4 script, 8 detect.
/// What follows the script URL may be missing.
///
/// Source: decoded on real hives of four machines.
///
/// # Errors
///
/// `Truncated` or `OverLimit`, as above.
pub fn connections(bytes: &[u8]) -> Result<ConnectionSettings, ParseError> {
    const WHAT: &str = "DefaultConnectionSettings";
    let mut reader = Reader::new(bytes);
    reader.skip(WHAT, 4)?;
    let (changes, flags) = (reader.u32_le(WHAT)?, reader.u32_le(WHAT)?);
    let proxy = text(&mut reader, WHAT)?;
    let bypass = text(&mut reader, WHAT)?;
    let script = text(&mut reader, WHAT)?;
    let mut settings = ConnectionSettings {
        changes,
        bypass: bypass.filter(|_| flags & 2 != 0),
        proxy: proxy.filter(|_| flags & 2 != 0),
        script_url: script.filter(|_| flags & 4 != 0),
        detects: flags & 8 != 0,
        ..ConnectionSettings::default()
    };
    if reader.remaining() >= 8 {
        reader.skip(WHAT, 4)?;
        settings.detected_url = text(&mut reader, WHAT)?;
        settings.detected_at = reader.u64_le(WHAT).ok().and_then(Timestamp::from_filetime);
    }
    Ok(settings)
}

fn text(reader: &mut Reader<'_>, what: &'static str) -> Result<Option<String>, ParseError> {
    let length = reader.u32_le(what)?;
    if length > MAX_TEXT_LEN {
        let (value, limit) = (u64::from(length), u64::from(MAX_TEXT_LEN));
        return Err(reader.error(what, ErrorKind::OverLimit { value, limit }));
    }
    let bytes = reader.take(what, length as usize)?;
    let text: String = bytes
        .iter()
        .take_while(|byte| **byte != 0)
        .map(|byte| char::from(*byte))
        .collect();
    Ok((!text.is_empty()).then_some(text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn field(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_le_bytes();
        [length.to_vec(), text.as_bytes().to_vec()].concat()
    }

    #[test]
    fn the_published_value_for_direct_has_no_proxy() {
        let direct = [&[0x18][..], &[0; 7], &[1], &[0; 11]].concat();
        assert_eq!(win_http(&direct).unwrap(), WinHttpSettings::default());
    }

    #[test]
    fn a_proxy_of_services_is_read_with_its_bypass_list() {
        let head = [0x18_u32, 0, 3].map(u32::to_le_bytes).concat();
        let bytes = [head, field("proxy:8080"), field("<local>")].concat();
        let settings = win_http(&bytes).unwrap();
        assert_eq!(settings.proxy.as_deref(), Some("proxy:8080"));
        assert_eq!(settings.bypass.as_deref(), Some("<local>"));
        let error = win_http(&bytes[..20]).unwrap_err().to_string();
        assert_eq!(error, "WinHttpSettings at byte 16: needs 10 bytes, 4 left");
    }

    #[test]
    fn a_proxy_whose_flag_is_not_set_is_not_in_force() {
        let head = [0x46_u32, 7, 9].map(u32::to_le_bytes).concat();
        let rest = [field("old:3128"), field(""), field("http://x/p.pac")].concat();
        let settings = connections(&[head, rest].concat()).unwrap();
        assert_eq!((settings.changes, settings.detects), (7, true));
        assert_eq!((settings.proxy, settings.script_url), (None, None));
    }

    #[test]
    fn a_script_found_by_looking_is_read_with_its_time() {
        let head = [0x46_u32, 2, 9].map(u32::to_le_bytes).concat();
        let rest = [
            field(""),
            field(""),
            field(""),
            4_u32.to_le_bytes().to_vec(),
            field("http://wpad.corp.example/wpad.dat"),
            0x01CB_BCD2_0538_9C94_u64.to_le_bytes().to_vec(),
        ];
        let settings = connections(&[head, rest.concat()].concat()).unwrap();
        let url = settings.detected_url.unwrap();
        assert_eq!(url, "http://wpad.corp.example/wpad.dat");
        assert!(settings.detected_at.is_some());
    }
}
