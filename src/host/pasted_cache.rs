//! `certutil -urlcache`, with and without `-v`.

use super::pasted::{Pasted, ToldEntry, url_in};

/// Entries kept of one text; caches have some hundred.
const MAX_ENTRIES: usize = 20_000;
/// Text kept of a path or a time.
const MAX_TEXT: usize = 400;

/// Reads the entries of a cache.
///
/// ```text
/// WinHttp Cache entry: 52 Bytes
/// Source Url Name: "http://…/authrootstl.cab"
/// Local File Name: "C:\Users\…\CryptnetUrlCache\Content\94308059…"
/// Meta File Name: "C:\Users\…\CryptnetUrlCache\MetaData\94308059…"
/// File Size: 30436
/// Last Sync Time: 3/3/2011 9:00 PM
/// ```
///
/// Without `-v` a line is a URL. Several rows in one line, as mails and forums
/// make of it, are taken apart. The labels do not matter.
///
/// Source: output of Windows 7, as published in 2011.
pub(super) fn read(rows: &[(u64, &str)], pasted: &mut Pasted) {
    let is_mark = |row: &str| row.contains("CryptnetUrlCache") || names_command(row);
    let has_mark = |row: &str| is_mark(row) || row.contains("WinHttp Cache entr");
    if !rows.iter().any(|(_, row)| has_mark(row)) {
        return;
    }
    let mut closed = false;
    let mut counted: Option<(u64, u64)> = None;
    for (line, row) in rows {
        if names_command(row) && row.contains("CertUtil:") {
            closed = true;
            if row.trim_start().starts_with("CertUtil:") {
                continue;
            }
        }
        // `WinHttp Cache entries: 20`: how many there should be.
        if let Some(count) = row.trim().strip_prefix("WinHttp Cache entries:") {
            counted = count.trim().parse().ok().map(|count| (*line, count));
            continue;
        }
        for piece in pieces(row) {
            one(*line, piece, pasted);
        }
    }
    let found = pasted.cache.len();
    if let Some((line, count)) = counted.filter(|(_, count)| *count != found as u64) {
        let what = format!("certutil counts {count} cache entries, {found} were understood");
        pasted.problems.push((line, what));
    } else if !closed && counted.is_none() {
        let last = rows.last().map_or(1, |(line, _)| *line);
        let what = "the list of cache entries has no closing line: some may be missing";
        pasted.problems.push((last, what.to_owned()));
    }
}

/// The closing line, and the command line: the command's name is not translated.
fn names_command(row: &str) -> bool {
    row.to_ascii_lowercase().contains("-urlcache")
}

/// The rows of a line: one, or several that lost their line breaks.
fn pieces(row: &str) -> Vec<&str> {
    if !row.contains("\" ") || !row.contains("CryptnetUrlCache") {
        return vec![row];
    }
    row.split_inclusive("\" ").collect()
}

fn one(line: u64, piece: &str, pasted: &mut Pasted) {
    let trimmed = piece.trim();
    // `CertContext`, `[0.0] http://…` and the like belong to -verify.
    if !pasted.verified.is_empty() && !trimmed.contains("Source Url") && !trimmed.contains('\\') {
        return;
    }
    if let Some((url, _)) = url_in(trimmed) {
        if pasted.cache.len() < MAX_ENTRIES {
            pasted.cache.push(ToldEntry {
                line,
                url: crate::words::cut(&crate::words::clean(url), 4096, ""),
                ..ToldEntry::default()
            });
        }
        return;
    }
    let Some(entry) = pasted.cache.last_mut() else {
        return;
    };
    if trimmed.contains("CryptnetUrlCache") {
        let from = trimmed.find(":\\").and_then(|at| at.checked_sub(1));
        let path = trimmed.get(from.unwrap_or(0)..).unwrap_or_default();
        let path = path.trim_end_matches(['"', ' ']);
        if entry.path.is_none() || path.contains("\\Content\\") {
            entry.path = Some(crate::words::cut(&crate::words::clean(path), MAX_TEXT, ""));
        }
        return;
    }
    // The head of the next entry: its size is that of the record.
    if trimmed.starts_with("WinHttp") || trimmed.starts_with("WinINet") {
        return;
    }
    let Some((_, value)) = trimmed.split_once(':') else {
        return;
    };
    let value = value.trim();
    let number = value.split_whitespace().next().unwrap_or_default();
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let is_number = number
        .chars()
        .all(|c| c.is_ascii_digit() || ".,\u{a0}'".contains(c));
    if entry.size.is_none() && entry.path.is_some() && is_number && !digits.is_empty() {
        entry.size = digits.parse().ok();
        // `File Size: 30436 Last Sync Time: 3/3/2011 9:00 PM` in one line.
        let rest = value
            .get(number.len()..)
            .and_then(|rest| rest.split_once(':'));
        if let Some((_, time)) = rest.filter(|(_, time)| is_time(time)) {
            entry.last_sync = Some(kept(time));
        }
    } else if entry.last_sync.is_none() && entry.size.is_some() && is_time(value) {
        entry.last_sync = Some(kept(value));
    }
}

fn kept(time: &str) -> String {
    // What followed in another line once.
    let ends = [" WinHttp", " CertUtil"]
        .iter()
        .filter_map(|mark| time.find(mark));
    let end = ends.min().unwrap_or(time.len());
    let time = time.get(..end).unwrap_or(time);
    crate::words::cut(&crate::words::clean(time.trim()), MAX_TEXT, "")
}

/// A date and a time of day in whatever order: two separators of dates or more,
/// and a colon.
fn is_time(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let separators = text.bytes().filter(|byte| b"/.-".contains(byte)).count();
    digits >= 6 && separators >= 2 && text.contains(':')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::super::pasted::read;

    const PUBLISHED: &str = "WinHttp Cache entry: 52 Bytes\nSource Url Name: \"http://www.download.windowsupdate.com/msdownload/update/v3/static/trustedr/en/authrootstl.cab\"\nLocal File Name: \"C:\\Users\\LocalAdmin\\AppData\\LocalLow\\Microsoft\\CryptnetUrlCache\\Content\\94308059B57B3142E455B38A6EB92015\"\nMeta File Name: \"C:\\Users\\LocalAdmin\\AppData\\LocalLow\\Microsoft\\CryptnetUrlCache\\MetaData\\94308059B57B3142E455B38A6EB92015\"\nFile Size: 30436\nLast Sync Time: 3/3/2011 9:00 PM\n\nWinHttp Cache entries: 1\nCertUtil: -URLCache command completed successfully.\n";

    #[test]
    fn the_published_output_gives_its_entry() {
        for text in [PUBLISHED.to_owned(), PUBLISHED.replace('\n', " ")] {
            let pasted = read(&text);
            let [entry] = pasted.cache.as_slice() else {
                panic!("{pasted:?}")
            };
            assert!(entry.url.ends_with("/authrootstl.cab"));
            assert_eq!(entry.size, Some(30_436));
            assert!(
                entry
                    .last_sync
                    .as_deref()
                    .unwrap()
                    .starts_with("3/3/2011 9:00 PM")
            );
            assert!(
                entry
                    .path
                    .as_deref()
                    .unwrap()
                    .ends_with("94308059B57B3142E455B38A6EB92015")
            );
        }
        assert_eq!(read(PUBLISHED).problems, []);
    }

    #[test]
    fn german_output_is_read_by_its_values_and_says_so() {
        let german = PUBLISHED
            .replace("WinHttp Cache entry", "WinHttp-Cacheeintrag")
            .replace("Source Url Name", "Quell-URL-Name")
            .replace("File Size: 30436", "Dateigr\u{f6}\u{df}e: 30.436")
            .replace(
                "Last Sync Time: 3/3/2011 9:00 PM",
                "Letzte Synchronisierung: 03.03.2011 21:00",
            )
            .replace("WinHttp Cache entries: 1\n", "")
            .replace(
                " command completed successfully",
                "-Befehl wurde erfolgreich ausgef\u{fc}hrt",
            );
        let pasted = read(&german);
        assert_eq!(pasted.cache[0].size, Some(30_436));
        assert_eq!(
            pasted.cache[0].last_sync.as_deref(),
            Some("03.03.2011 21:00")
        );
        assert_eq!(pasted.problems.len(), 1);
        assert!(pasted.problems[0].1.ends_with("1 cache entry"));
    }

    #[test]
    fn a_list_cut_in_the_middle_keeps_what_came_before_and_says_so() {
        let cut = PUBLISHED.split("File Size").next().unwrap();
        let pasted = read(cut);
        assert_eq!((pasted.cache.len(), pasted.cache[0].size), (1, None));
        assert!(pasted.problems[0].1.contains("no closing line"));
    }

    #[test]
    fn fewer_entries_than_certutil_counts_are_told() {
        let text = "http://crl.example/a.crl\nWinHttp Cache entries: 2\nCertUtil: -URLCache command completed successfully.";
        let pasted = read(text);
        assert_eq!(pasted.cache[0].url, "http://crl.example/a.crl");
        let what = "certutil counts 2 cache entries, 1 were understood".to_owned();
        assert_eq!(pasted.problems, [(2, what)]);
    }
}
