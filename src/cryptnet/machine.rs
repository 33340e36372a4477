//! The machine that a collection was made on, as the collector names it.

/// The machine named by a path: a collector's own folder or zip name, else the
/// folder above a drive letter's when it can only be a machine's name.
///
/// | name | collector |
/// |---|---|
/// | `Collection-<HOST>-2023-01-05T10_11_12Z.zip` | Velociraptor, offline |
/// | `<HOST>-C.0123456789abcdef-F.C….zip` | Velociraptor, server export |
/// | `2021-09-06T162332_<HOST>` (folder, `.zip`, `.vhdx`) | KAPE |
/// | `<HOST>/C/Users/…`, the host in capitals with a digit or hyphen | KAPE `--tdest …\%m` |
///
/// The innermost name counts. The last row is a guess, so that a folder such as
/// `evidence/C/Users` names no machine.
#[must_use]
pub fn machine_from_path(path: &str) -> Option<String> {
    let parts: Vec<&str> = path
        .split(['/', '\\'])
        .filter(|part| !part.is_empty())
        .collect();
    let by_collector = |part: &&str| velociraptor(part).or_else(|| kape(part));
    let named = parts.iter().rev().find_map(by_collector);
    named.or_else(|| {
        let above_drive = parts.windows(3).rev().find_map(|parts| match parts {
            [host, drive, top] if is_drive(drive) && is_top_folder(top) => Some(*host),
            _ => None,
        });
        above_drive
            .filter(|host| is_plain_host(host))
            .map(str::to_owned)
    })
}

fn velociraptor(part: &str) -> Option<String> {
    let stem = part.strip_suffix(".zip").unwrap_or(part);
    if let Some(rest) = stem.strip_prefix("Collection-") {
        let at = rest.match_indices('-').map(|(at, _)| at).find(|at| {
            rest.get(at + 1..)
                .is_some_and(|time| time_len(time).is_some())
        })?;
        return host(rest.get(..at)?);
    }
    let (name, ids) = stem.split_once("-C.")?;
    let is_client = ids.get(..16)?.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_client { host(name) } else { None }
}

fn kape(part: &str) -> Option<String> {
    let len = time_len(part)?;
    let rest = part.get(len..)?.strip_prefix('_')?;
    let stem = [".zip", ".vhdx", ".vhd"]
        .iter()
        .find_map(|end| rest.strip_suffix(end));
    let stem = stem.unwrap_or(rest);
    // KAPE's own files in the same form: logs of copying and of skipping.
    let own = ["ConsoleLog", "CopyLog", "SkipLog"]
        .iter()
        .any(|log| stem.contains(log));
    if own { None } else { host(stem) }
}

/// Length of a leading time: `2021-09-06T162332` or `2021-09-06T16_23_32Z`.
fn time_len(text: &str) -> Option<usize> {
    let shape = |pattern: &str| {
        let bytes = text.as_bytes().get(..pattern.len())?;
        let fits = bytes
            .iter()
            .zip(pattern.bytes())
            .all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                _ => *byte == wanted,
            });
        fits.then_some(pattern.len())
    };
    [
        "0000-00-00T00_00_00",
        "0000-00-00T00-00-00",
        "0000-00-00T00:00:00",
        "0000-00-00T000000",
    ]
    .into_iter()
    .find_map(shape)
}

/// A name that a host can have: letters, digits, `-`, `.` and `_`.
fn host(name: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let fits = (1..=253).contains(&name.len()) && name.bytes().all(fits);
    fits.then(|| name.to_owned())
}

fn is_drive(part: &str) -> bool {
    let letter = part.strip_suffix(':').unwrap_or(part);
    matches!(letter.as_bytes(), [letter] if letter.is_ascii_alphabetic())
}

fn is_top_folder(part: &str) -> bool {
    let tops = [
        "Users",
        "Windows",
        "Documents and Settings",
        "ProgramData",
        "Program Files",
        "Program Files (x86)",
        "SMS_CCM",
    ];
    tops.iter().any(|top| part.eq_ignore_ascii_case(top))
}

/// A NetBIOS name as Windows makes them and no one names a folder.
fn is_plain_host(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=15).contains(&name.len())
        && name.bytes().all(fits)
        && name.bytes().any(|byte| byte.is_ascii_uppercase())
        && name
            .bytes()
            .any(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// The machine named by a file that the collector wrote about itself:
/// Velociraptor's `client_info.json`, `collection_context.json` and
/// `BasicInformation.json`, KAPE's `…_ConsoleLog.txt` (`Machine name: X`).
#[must_use]
pub fn machine_from_host_file(path: &str, bytes: &[u8]) -> Option<String> {
    if !is_host_file(path) {
        return None;
    }
    let text = text_of(bytes);
    if path.to_ascii_lowercase().ends_with(".txt") {
        let (_, rest) = text.split_once("Machine name:")?;
        let name = rest.lines().next()?.split(',').next()?.trim();
        return host(name);
    }
    ["Hostname", "hostname", "Fqdn", "fqdn"]
        .iter()
        .find_map(|key| json_text(&text, key))
}

/// True for the names that [`machine_from_host_file`] reads: whether opening the
/// file is worth it.
#[must_use]
pub fn is_host_file(path: &str) -> bool {
    let name = path
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or(path)
        .to_ascii_lowercase();
    name == "client_info.json"
        || name == "collection_context.json"
        || name.ends_with("basicinformation.json")
        || name.ends_with("consolelog.txt")
}

/// Bytes of a host file that are read; its first lines tell.
pub const MAX_HOST_FILE_LEN: usize = 4 << 20;

/// The value of the first `"key": "value"` that a host can have.
fn json_text(text: &str, key: &str) -> Option<String> {
    let quoted = format!("\"{key}\"");
    text.match_indices(&quoted).find_map(|(at, _)| {
        let rest = text
            .get(at + quoted.len()..)?
            .trim_start()
            .strip_prefix(':')?;
        let (value, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        host(value)
    })
}

fn text_of(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, rest @ ..] => {
            let (units, _) = rest.as_chunks::<2>();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
            String::from_utf16_lossy(&units)
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn collectors_name_the_machine() {
        for (path, expected) in [
            (
                "/c/Collection-PC7.corp.example-2023-01-05T10_11_12Z.zip/uploads",
                "PC7.corp.example",
            ),
            (
                "Collection-WIN-8JD3K-2022-05-10T07_26_32+01_00.zip",
                "WIN-8JD3K",
            ),
            ("x/PC7-C.0123456789abcdef-F.CABC.zip/uploads", "PC7"),
            ("out/2021-09-06T162332_SRV01/C/Users/a", "SRV01"),
            ("out/2021-09-06T162332_srv01.zip/C/Users/a", "srv01"),
            ("cases/DESKTOP-4F2K/C/Windows/System32", "DESKTOP-4F2K"),
        ] {
            assert_eq!(machine_from_path(path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_folder_that_may_be_named_anything_names_no_machine() {
        for path in [
            "evidence/C/Users/ann",
            "OUT/C/Users/ann",
            "C:/Users/ann",
            "DESKTOP-4F2K/files/ann",
            "2021-09-06T162332_ConsoleLog.txt",
            "Collection-of-notes.zip",
        ] {
            assert_eq!(machine_from_path(path), None, "{path}");
        }
    }

    #[test]
    fn files_of_the_collector_name_the_machine() {
        let info = br#"{"client_id":"C.1","Hostname" : "PC7","Fqdn":"pc7.corp"}"#;
        assert_eq!(
            machine_from_host_file("a/client_info.json", info).as_deref(),
            Some("PC7")
        );
        assert_eq!(machine_from_host_file("a/other.json", info), None);
        let log =
            b"\xef\xbb\xbfKAPE version 1\r\nSystem info: Machine name: SRV01, 64-bit: True\r\n";
        let name = "k/2021-09-06T162332_ConsoleLog.txt";
        assert_eq!(machine_from_host_file(name, log).as_deref(), Some("SRV01"));
        let wide: Vec<u8> = "Machine name: SRV02, User"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let wide = [vec![0xff, 0xfe], wide].concat();
        assert_eq!(
            machine_from_host_file(name, &wide).as_deref(),
            Some("SRV02")
        );
        assert_eq!(
            machine_from_host_file("client_info.json", b"{\"Hostname\":\"a b\"}"),
            None
        );
    }
}
