//! Failures that share rule, object and hop are one incident.

use std::collections::BTreeMap;

use super::cached_pages::wanted_instead_of_page;
use super::failure::{Failure, FailureKind};
use super::finding::Finding;
use super::inquiry::Inquiry;
use super::{Incident, ranking};
use crate::case::questions::host_of;

/// What the ranking chose.
pub struct Causes<'a> {
    /// The root-cause finding of each failure.
    pub roots: &'a [Option<usize>],
    /// The findings that explain a failure equally well, where none is chosen.
    pub tied: &'a [Vec<usize>],
    /// Object and hop of each finding.
    pub subjects: &'a [&'a str],
}

/// Groups the failures.
#[must_use]
pub fn incidents(
    inquiry: &Inquiry<'_>,
    failures: &[Failure],
    findings: &[Finding],
    causes: &Causes<'_>,
    site: Option<&str>,
) -> Vec<Incident> {
    let (roots, subjects) = (causes.roots, causes.subjects);
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
                "2 {} {} {:?}",
                failure.kind.word(),
                unexplained_subject(inquiry, failure),
                causes.tied.get(index)
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
            let tied = group.first().and_then(|first| causes.tied.get(*first));
            let equal_causes = match root_cause {
                Some(_) => Vec::new(),
                None => tied.cloned().unwrap_or_default(),
            };
            let why = Why {
                root_cause,
                equal_causes: &equal_causes,
                findings,
            };
            let mut machines: Vec<usize> =
                own.iter().filter_map(|failure| failure.machine).collect();
            machines.sort_unstable();
            machines.dedup();
            Some(Incident {
                root_cause,
                from: own.iter().map(|failure| failure.at).min()?,
                to: own.iter().map(|failure| failure.at).max()?,
                sentence: sentence(inquiry, &own, &machines, &why),
                equal_causes,
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

/// Why the failures of an incident came about.
struct Why<'a> {
    root_cause: Option<usize>,
    equal_causes: &'a [usize],
    findings: &'a [Finding],
}

impl Why<'_> {
    /// `Cause: the name …`, or what is left to say.
    fn sentence(&self) -> String {
        if let Some(finding) = self.root_cause.and_then(|root| self.findings.get(root)) {
            return format!("Cause: {}", in_sentence(&finding.summary));
        }
        let equal = self.equal_causes.iter();
        let equal: Vec<String> = equal
            .filter_map(|index| self.findings.get(*index))
            .map(|finding| {
                let summary = in_sentence(&finding.summary);
                summary.trim_end_matches('.').to_owned()
            })
            .collect();
        match equal.as_slice() {
            [] => "This evidence does not show why.".to_owned(),
            [first, rest @ ..] => format!(
                "{} causes explain it equally well, and repairing one alone does not help: {first}; {}.",
                capitalized(&number_word(equal.len())),
                rest.iter()
                    .map(|cause| format!("and {cause}"))
                    .collect::<Vec<_>>()
                    .join("; ")
            ),
        }
    }
}

fn number_word(number: usize) -> String {
    match number {
        2 => "two".to_owned(),
        3 => "three".to_owned(),
        more => more.to_string(),
    }
}

/// What happened, then why: `2 rejected connections to a.example on 10.0.0.5.
/// Cause: the name …`.
fn sentence(
    inquiry: &Inquiry<'_>,
    failures: &[&Failure],
    machines: &[usize],
    why: &Why<'_>,
) -> String {
    let who = match machines {
        [] => String::new(),
        [one] => format!(" on {}", inquiry.case.machine_phrase(Some(*one))),
        many => format!(" on {} machines", many.len()),
    };
    let of_kind = |kind: FailureKind| -> Vec<&Failure> {
        let all = failures.iter().copied();
        all.filter(|failure| failure.kind == kind).collect()
    };
    let (rejected, delayed) = (
        of_kind(FailureKind::Rejected),
        of_kind(FailureKind::Delayed),
    );
    let (what, waited) = if !rejected.is_empty() {
        (connections(&rejected, "rejected"), String::new())
    } else if !delayed.is_empty() {
        let longest = delayed.iter().map(|failure| failure.seconds_lost());
        let longest = longest.fold(0.0, f64::max);
        let up_to = if delayed.len() > 1 { "up to " } else { "" };
        (
            connections(&delayed, "delayed"),
            format!(", by {up_to}{longest:.0} s of look-ups in vain"),
        )
    } else {
        (objects(inquiry, failures), String::new())
    };
    format!("{}{who}{waited}. {}", capitalized(&what), why.sentence())
}

/// `2 rejected connections to a.example`.
fn connections(failures: &[&Failure], how: &str) -> String {
    let mut sites: Vec<&str> = failures
        .iter()
        .filter_map(|failure| failure.site.as_deref())
        .collect();
    sites.sort_unstable();
    sites.dedup();
    let connections = match failures.len() {
        1 => format!("a {how} connection"),
        count => format!("{count} {how} connections"),
    };
    match sites.as_slice() {
        [] => connections,
        [one] => format!("{connections} to {one}"),
        many => format!("{connections} to {} sites", many.len()),
    }
}

/// `a failed download (trust list)`.
fn objects(inquiry: &Inquiry<'_>, failures: &[&Failure]) -> String {
    let objects = failures.iter().flat_map(|failure| &failure.retrievals);
    let mut kinds: Vec<&str> = objects
        .filter_map(|index| inquiry.retrieval(*index))
        .map(|retrieval| retrieval.object.phrase())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    match kinds.as_slice() {
        [] if failures.iter().any(|failure| holds_page(inquiry, failure)) => {
            "a page cached in place of an object".to_owned()
        }
        [] => "a trust list that cannot be believed".to_owned(),
        [one] => format!("a failed download ({one})"),
        many => format!("failed downloads ({})", many.join(", ")),
    }
}

/// True when a failure is about a page in a cache, and not about a list there.
fn holds_page(inquiry: &Inquiry<'_>, failure: &Failure) -> bool {
    let entries = &inquiry.case.cache_entries;
    let entry = failure.cache_entry.and_then(|index| entries.get(index));
    entry.is_some_and(|entry| wanted_instead_of_page(entry).is_some())
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
