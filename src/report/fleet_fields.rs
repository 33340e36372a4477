//! What single fields of a report say to a merge.

use super::fleet_in::{Clock, Machine, Report, Retrieval};
use crate::fleet::Moment;
use crate::time::Timestamp;

/// The proxy of a retrieval: its address where it was asked, else the name by
/// which an answer tells of it.
pub(super) fn proxy_of(retrieval: &Retrieval) -> Option<&str> {
    let route = &retrieval.route;
    let asked = route.proxy.as_deref();
    asked.or_else(|| match route.kind.as_str() {
        "transparent-proxy" => {
            let hop = route.hops.last()?;
            Some(hop.address.as_deref().unwrap_or(&hop.name))
        }
        _ => None,
    })
}

/// The offsets of the machine's own clock in milliseconds, rounded outwards.
pub(super) fn clocks(report: &Report, machine: &Machine) -> Vec<(i64, i64)> {
    // As the report names the machine in `clocks[].source`.
    let phrase = match (machine.names.first(), machine.addresses.first()) {
        (Some(name), Some(address)) => format!("{name} ({address})"),
        (Some(name), None) => name.clone(),
        (None, Some(address)) => address.clone(),
        (None, None) => "the machine of the caches".to_owned(),
    };
    let source = format!("caches of {phrase}");
    let of_machine = |it: &&Clock| {
        let rest = it.source.strip_prefix(&source);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" at an earlier time"))
    };
    let clocks = report.clocks.iter().filter(of_machine);
    // Beyond the range of `i64` the nearest is taken.
    clocks
        .map(|it| {
            let (least, most) = (it.offset_min_s * 1000.0, it.offset_max_s * 1000.0);
            (least.floor() as i64, most.ceil() as i64)
        })
        .collect()
}

/// The files handed over by name; of many the folder that they lie in, with as
/// much of its path as tells one case from another.
pub(super) fn handed_over(report: &Report) -> Vec<String> {
    let files = report.evidence.iter().filter(|it| it.member.is_none());
    let paths: Vec<Vec<&str>> = files
        .map(|it| {
            it.path
                .split(['/', '\\'])
                .filter(|part| !part.is_empty())
                .collect()
        })
        .collect();
    if paths.len() <= MAX_HAND_OVERS {
        let names = paths.iter().filter_map(|parts| parts.last());
        return names.map(|name| (*name).to_owned()).collect();
    }
    let mut common: Vec<&str> = paths.first().cloned().unwrap_or_default();
    for parts in &paths {
        let same = common
            .iter()
            .zip(parts)
            .take_while(|(one, other)| one == other);
        common.truncate(same.count());
    }
    let shown = common.len().saturating_sub(MAX_FOLDERS);
    vec![common.get(shown..).unwrap_or_default().join("/")]
}

/// Files of a hand-over that are named each.
const MAX_HAND_OVERS: usize = 4;
/// Folders of a path that are shown.
const MAX_FOLDERS: usize = 3;
/// Whether a text has a pseudonym of `--share` in it.
pub(super) fn has_pseudonym(text: &str) -> bool {
    const STEMS: [&str; 7] = [
        "host-", "machine-", "user-", "name-", "text-", "path-", "file-",
    ];
    let numbered = |stem: &str| {
        text.match_indices(stem).any(|(at, _)| {
            let rest = text.get(at + stem.len()..).unwrap_or_default();
            rest.starts_with(|it: char| it.is_ascii_digit())
        })
    };
    STEMS.into_iter().any(numbered)
        || text.starts_with("240.")
        || text.starts_with("100::")
        || text.starts_with("[100::")
}

/// A time as the report writes it.
pub(super) fn moment(text: &str) -> Option<Moment> {
    Timestamp::from_rfc3339(text).map(Moment::of)
}

pub(super) fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(url, _)| url)
}
