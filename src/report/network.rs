//! How the proxy was looked for and who logged on, for people.

use super::cells::Times;
use super::cite::Names;
use super::page::Page;
use super::table::{Column, table};
use super::tables::notes;
use crate::case::Case;
use crate::case::decisions::Decision;
use crate::case::discovery::{Means, Try, TryResult};
use crate::phrase;
use crate::pipeline::Explained;
use crate::retrieval::LoginCount;
use crate::words;

/// Rows of one table.
const MAX_ROWS: usize = 60;
/// Characters of text from evidence in a cell.
const MAX_TEXT: usize = 160;

/// What each client tried to find a proxy, what answered, and what the script
/// says against what the client did.
pub(super) fn discoveries(page: &mut Page<'_>, explained: &Explained, names: &Names<'_>) {
    const TRIES: &[Column] = &[
        Column::new("Time", 12),
        Column::new("Client", 10),
        Column::new("Asked", 18),
        Column::new("Answer", 24),
        Column::new("Packets", 7).from(120),
    ];
    let case = &explained.case;
    if case.discoveries.is_empty() {
        return;
    }
    page.heading("How a proxy was looked for");
    let look = page.look;
    let all: Vec<(String, &Try)> = case
        .discoveries
        .iter()
        .flat_map(|it| it.tries.iter().map(move |each| (client(case, it), each)))
        .collect();
    let times = Times::of(look, all.iter().take(MAX_ROWS).map(|(_, each)| each.at));
    let rows: Vec<Vec<String>> = all
        .iter()
        .take(MAX_ROWS)
        .map(|(client, each)| {
            vec![
                times.cell(look, each.at),
                look.shown(client, MAX_TEXT),
                look.shown(&asked(each), MAX_TEXT),
                look.shown(&answer(each), MAX_TEXT),
                names.packets(&each.cites),
            ]
        })
        .collect();
    if !rows.is_empty() {
        table(page, TRIES, &rows);
        notes(page, &times.note(look), all.len(), MAX_ROWS);
    }
    decisions(page, case);
}

fn decisions(page: &mut Page<'_>, case: &Case) {
    const COLUMNS: &[Column] = &[
        Column::new("For", 20),
        Column::new("The script says", 16),
        Column::new("The client went", 16),
        Column::new("", 8),
    ];
    let all: Vec<&Decision> = case
        .discoveries
        .iter()
        .flat_map(|it| &it.decisions)
        .collect();
    if all.is_empty() {
        return;
    }
    let look = page.look;
    let row = |it: &&Decision| -> Option<Vec<String>> {
        let retrieval = case.retrievals.get(it.retrieval)?;
        let said = match &it.said {
            Ok(said) => {
                let ways: Vec<String> = said.ways.iter().map(ToString::to_string).collect();
                ways.join("; ")
            }
            Err(_) => "not evaluated".to_owned(),
        };
        let verdict = match it.followed {
            Some(true) => "agrees",
            Some(false) => "differs",
            None => "unknown",
        };
        Some(vec![
            look.shown(&phrase::target(retrieval), MAX_TEXT),
            look.shown(&said, MAX_TEXT),
            look.shown(&phrase::way(retrieval), MAX_TEXT),
            verdict.to_owned(),
        ])
    };
    let rows: Vec<Vec<String>> = all.iter().take(MAX_ROWS).filter_map(row).collect();
    page.blank();
    table(page, COLUMNS, &rows);
    let mut legend =
        "The script is evaluated for this report, with the names that the capture answers."
            .to_owned();
    let answers = || all.iter().filter_map(|it| it.said.as_ref().ok());
    let mut missing: Vec<&str> = answers()
        .flat_map(|it| &it.unresolved)
        .map(String::as_str)
        .collect();
    missing.sort_unstable();
    missing.dedup();
    if !missing.is_empty() {
        missing.truncate(8);
        legend.push_str(&format!(
            " It asked for names the capture does not answer ({}), so that on the client it may have said something else.",
            look.shown(&missing.join(", "), MAX_TEXT)
        ));
    }
    if answers().any(|it| it.by_time) {
        legend.push_str(" It decides by the time of day or date; the client's time zone is not known and UTC was used.");
    }
    notes(page, &legend, all.len(), MAX_ROWS);
}

fn client(case: &Case, it: &crate::case::discovery::Discovery) -> String {
    phrase::machine_name(case, it.machine).unwrap_or_else(|| it.client.to_string())
}

fn asked(each: &Try) -> String {
    let name = each.name.as_deref().unwrap_or_default();
    match each.means {
        Means::Dhcp => "DHCP option 252".to_owned(),
        Means::Dns => format!("DNS {name}"),
        Means::Llmnr => format!("LLMNR {name}"),
        Means::Mdns => format!("mDNS {name}"),
        Means::NetBios => format!("NetBIOS {name}"),
    }
}

fn answer(each: &Try) -> String {
    let by: Vec<String> = each.answered_by.iter().map(ToString::to_string).collect();
    let by = match by.is_empty() {
        true => String::new(),
        false => format!(" from {}", by.join(", ")),
    };
    match (each.result, &each.url) {
        (TryResult::Found, Some(url)) => format!("{url}{by}"),
        (TryResult::Found, None) => {
            let addresses: Vec<String> = each.addresses.iter().map(ToString::to_string).collect();
            format!("{}{by}", addresses.join(", "))
        }
        (TryResult::None, _) => format!("there is none{by}"),
        (TryResult::Silent, _) => "no answer".to_owned(),
    }
}

/// Who logged on where, and how often in vain.
pub(super) fn logins(page: &mut Page<'_>, explained: &Explained) {
    const COLUMNS: &[Column] = &[
        Column::new("Who", 16),
        Column::new("From", 14),
        Column::new("At", 16),
        Column::new("Scheme", 8),
        Column::new("Tries", 5).right(),
        Column::new("Refused", 16),
    ];
    let logins = &explained.case.logins;
    if logins.is_empty() {
        return;
    }
    page.heading("Logins");
    let look = page.look;
    let row = |it: &LoginCount| {
        let who = match &it.identity {
            Some(identity) if identity.is_machine_account() => {
                format!("{identity} (machine account)")
            }
            Some(identity) => identity.to_string(),
            None => "not named".to_owned(),
        };
        let station = it.identity.as_ref().and_then(|it| it.workstation.clone());
        let from = match station {
            Some(station) => format!("{} ({station})", it.client),
            None => it.client.to_string(),
        };
        let refused = match (it.refused, it.shortest) {
            (0, _) => "none".to_owned(),
            (count, Some(span)) => format!("{count}, {} apart at least", words::span(span)),
            (count, None) => count.to_string(),
        };
        let at = if it.at_proxy { "proxy" } else { "server" };
        vec![
            look.shown(&who, MAX_TEXT),
            look.shown(&from, MAX_TEXT),
            format!("{at} {}", it.server),
            look.shown(&it.scheme, MAX_TEXT),
            words::thousands(it.attempts),
            refused,
        ]
    };
    let rows: Vec<Vec<String>> = logins.iter().take(MAX_ROWS).map(row).collect();
    table(page, COLUMNS, &rows);
    notes(
        page,
        "Refused logins of one account count towards its lock-out at the domain controller.",
        logins.len(),
        MAX_ROWS,
    );
}
