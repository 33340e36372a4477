//! Failures that share rule, object and hop are one incident.

use std::collections::BTreeMap;

use super::failure::{Failure, FailureKind};
use super::finding::Finding;
use super::inquiry::Inquiry;
use super::{Incident, ranking};
use crate::case::questions::host_of;

/// Groups the failures; `roots` has the root-cause finding of each failure,
/// `subjects` object and hop of each finding.
#[must_use]
pub fn incidents(
    inquiry: &Inquiry<'_>,
    failures: &[Failure],
    findings: &[Finding],
    roots: &[Option<usize>],
    subjects: &[&str],
    site: Option<&str>,
) -> Vec<Incident> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, failure) in failures.iter().enumerate() {
        let key = match roots.get(index).copied().flatten() {
            Some(root) => {
                let rule = findings.get(root).map_or("", |finding| finding.rule);
                format!(
                    "1 {rule} {}",
                    subjects.get(root).copied().unwrap_or_default()
                )
            }
            None => format!(
                "2 {} {}",
                failure.kind.word(),
                unexplained_subject(inquiry, failure)
            ),
        };
        groups.entry(key).or_default().push(index);
    }
    let mut incidents: Vec<Incident> = groups
        .into_values()
        .filter_map(|group| {
            let own: Vec<&Failure> = group
                .iter()
                .filter_map(|index| failures.get(*index))
                .collect();
            // The finding that explains the gravest failure speaks for all: what
            // is proven of a download may be a guess of the connection.
            let gravest = group.iter().filter_map(|index| {
                let root = roots.get(*index).copied().flatten()?;
                Some((ranking::gravity(failures.get(*index)?.kind), root))
            });
            let root_cause = gravest.min().map(|(_, root)| root);
            let mut machines: Vec<usize> =
                own.iter().filter_map(|failure| failure.machine).collect();
            machines.sort_unstable();
            machines.dedup();
            Some(Incident {
                root_cause,
                from: own.iter().map(|failure| failure.at).min()?,
                to: own.iter().map(|failure| failure.at).max()?,
                sentence: sentence(inquiry, &own, &machines, root_cause, findings),
                machines,
                failures: group,
            })
        })
        .collect();
    ranking::sort_incidents(&mut incidents, failures, site);
    incidents
}

fn unexplained_subject(inquiry: &Inquiry<'_>, failure: &Failure) -> String {
    if let Some(site) = &failure.site {
        return site.clone();
    }
    let first = failure
        .retrievals
        .first()
        .and_then(|index| inquiry.retrieval(*index));
    first.map_or_else(String::new, |retrieval| {
        let host = retrieval
            .url
            .as_deref()
            .and_then(host_of)
            .or(retrieval.host.as_deref());
        format!("{} {}", retrieval.object.word(), host.unwrap_or_default())
    })
}

/// What happened, then why: `2 rejected connections to a.example on 10.0.0.5.
/// Cause: the name …`.
fn sentence(
    inquiry: &Inquiry<'_>,
    failures: &[&Failure],
    machines: &[usize],
    root_cause: Option<usize>,
    findings: &[Finding],
) -> String {
    let rejected: Vec<&&Failure> = failures
        .iter()
        .filter(|failure| failure.kind == FailureKind::Rejected)
        .collect();
    let mut sites: Vec<String> = rejected
        .iter()
        .filter_map(|failure| failure.site.clone())
        .collect();
    sites.sort();
    sites.dedup();
    let who = match machines {
        [] => String::new(),
        [one] => format!(" on {}", inquiry.case.machine_phrase(Some(*one))),
        many => format!(" on {} machines", many.len()),
    };
    let what = if rejected.is_empty() {
        let objects = failures.iter().flat_map(|failure| &failure.retrievals);
        let mut kinds: Vec<&str> = objects
            .filter_map(|index| inquiry.retrieval(*index))
            .map(|retrieval| retrieval.object.phrase())
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        match kinds.as_slice() {
            [] if failures.iter().any(|failure| failure.cache_entry.is_some()) => {
                "a page cached in place of an object".to_owned()
            }
            [] => "a trust list that cannot be believed".to_owned(),
            [one] => format!("a failed download ({one})"),
            many => format!("failed downloads ({})", many.join(", ")),
        }
    } else {
        let count = rejected.len();
        let connections = if count == 1 {
            "a rejected connection"
        } else {
            "rejected connections"
        };
        let number = if count == 1 {
            String::new()
        } else {
            format!("{count} ")
        };
        match sites.as_slice() {
            [] => format!("{number}{connections}"),
            [one] => format!("{number}{connections} to {one}"),
            many => format!("{number}{connections} to {} sites", many.len()),
        }
    };
    match root_cause.and_then(|root| findings.get(root)) {
        Some(finding) => {
            format!(
                "{}{who}. Cause: {}",
                capitalized(&what),
                in_sentence(&finding.summary)
            )
        }
        None => format!(
            "{}{who}. This evidence does not show why.",
            capitalized(&what)
        ),
    }
}

/// A sentence as it goes on after a colon: an article loses its capital, a name
/// keeps it.
fn in_sentence(text: &str) -> String {
    const COMMON: [&str; 7] = [
        "The ",
        "A ",
        "For ",
        "Whether ",
        "Something ",
        "In ",
        "Instead ",
    ];
    if !COMMON.iter().any(|word| text.starts_with(word)) {
        return text.to_owned();
    }
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}
