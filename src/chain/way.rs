//! What the way from each certificate to an end costs at best, by names and
//! key identifiers alone: the estimate that leads the search.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};

use super::build::fault;
use super::evaluate::Context;
use super::examination::{Check, Outcome};
use super::name_constraints::{self, Comparisons};
use super::names::CanonicalName;
use super::pool::{Node, Pool};
use super::{element, usage};

/// Faults and issuers from a certificate to an end, the certificate's own
/// faults left out. Fewer faults are better, then fewer issuers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Way {
    pub faults: u32,
    pub steps: usize,
}

/// The best way of every node; `None` where names lead to no end. `faults`
/// are those of each node as an issuer.
///
/// The signatures may turn out otherwise; a way is never better than told.
pub(super) fn ways(pool: &Pool, faults: &[u32]) -> Vec<Option<Way>> {
    let children = children_of(pool);
    let mut ways: Vec<Option<Way>> = vec![None; pool.nodes.len()];
    let mut queue = BinaryHeap::new();
    let fault_of = |at: usize| faults.get(at).copied().unwrap_or(0);
    for (at, node) in pool.nodes.iter().enumerate() {
        if node.steps_to_anchor == Some(0) {
            queue.push(Reverse((
                Way {
                    faults: fault_of(at),
                    steps: 1,
                },
                at,
            )));
            if let Some(way) = ways.get_mut(at) {
                *way = Some(Way::default());
            }
        }
    }
    // The first of a name, or of a name and key identifier, that leaves the
    // queue is the best: the children of each are looked at once.
    let mut done: HashSet<(&CanonicalName, Option<&[u8]>)> = HashSet::new();
    while let Some(Reverse((through, at))) = queue.pop() {
        let Some(node) = pool.nodes.get(at) else {
            continue;
        };
        let Some(below) = children.get(&node.subject) else {
            continue;
        };
        let mut reach = |child: usize, through: Way| {
            let Some(known) = ways.get_mut(child) else {
                return;
            };
            if known.is_none_or(|known| through < known) {
                *known = Some(through);
                let own = Way {
                    faults: through.faults + fault_of(child),
                    steps: through.steps + 1,
                };
                queue.push(Reverse((own, child)));
            }
        };
        if let Some(key) = node.certificate.subject_key_identifier.value()
            && done.insert((&node.subject, Some(key)))
        {
            for child in below.of_key.get(key.as_slice()).into_iter().flatten() {
                reach(*child, through);
            }
        }
        if done.insert((&node.subject, None)) {
            let other = Way {
                faults: through.faults + fault::NAME_ONLY,
                ..through
            };
            let with_key = below.of_key.values().flatten().map(|child| (*child, other));
            for (child, through) in with_key.chain(below.plain.iter().map(|at| (*at, through))) {
                reach(child, through);
            }
        }
    }
    ways
}

/// The children of one name: by the key identifier they give for their issuer,
/// and those that give none.
#[derive(Default)]
struct Children<'a> {
    of_key: HashMap<&'a [u8], Vec<usize>>,
    plain: Vec<usize>,
}

fn children_of(pool: &Pool) -> HashMap<&CanonicalName, Children<'_>> {
    let mut children: HashMap<&CanonicalName, Children<'_>> = HashMap::new();
    for (at, node) in pool.nodes.iter().enumerate() {
        let list = children.entry(&node.issuer).or_default();
        let identifier = node.certificate.authority_key_identifier.value();
        match identifier.and_then(|identifier| identifier.key_identifier.as_deref()) {
            Some(key) => list.of_key.entry(key).or_default().push(at),
            None => list.plain.push(at),
        }
    }
    children
}

/// How many certificates that are not self-issued lie at least between the
/// leaf, which is node 0, and each node; by names.
pub(super) fn depths(pool: &Pool) -> Vec<usize> {
    let mut depths = vec![0; pool.nodes.len()];
    let Some(leaf) = pool.nodes.first() else {
        return depths;
    };
    let mut seen: HashSet<&CanonicalName> = HashSet::from([&leaf.issuer]);
    let mut queue: VecDeque<(&Node, usize)> = VecDeque::from([(leaf, 0)]);
    while let Some((child, depth)) = queue.pop_front() {
        for at in pool.with_name_of_issuer(child) {
            let (Some(node), Some(known)) = (pool.nodes.get(*at), depths.get_mut(*at)) else {
                continue;
            };
            *known = depth;
            if seen.insert(&node.issuer) {
                queue.push_back((node, depth + 1));
            }
        }
    }
    depths
}

/// Faults of each node as an issuer that can be seen without a path. Only
/// their order matters.
pub(super) fn faults(context: &Context<'_>) -> Vec<u32> {
    let (pool, rules, policy) = (&context.pool, &context.rules, &context.question.policy);
    let depths = depths(pool);
    let comparisons = Comparisons::default();
    let is_fault = |check: &Check| matches!(check.outcome, Outcome::Fail(_));
    let own = |(node, depth): (&Node, usize)| {
        let certificate = &*node.certificate;
        let mut faults = if node.distrusted {
            fault::DISTRUSTED
        } else {
            0
        };
        let mut when = |is_so: bool, fault: u32| faults += if is_so { fault } else { 0 };
        let in_time =
            (certificate.not_before..=certificate.not_after).contains(&context.question.at);
        when(
            !in_time && (!node.anchor || rules.anchor_dates),
            fault::OTHER,
        );
        if node.anchor && !rules.anchor_constraints {
            return faults;
        }
        let basic = certificate.basic_constraints.value();
        when(
            basic.is_none_or(|basic| !basic.ca) && !node.anchor,
            fault::NO_CA,
        );
        let most = basic.and_then(|basic| basic.path_length);
        when(
            most.is_some_and(|most| depth as u64 > u64::from(most)),
            fault::OTHER,
        );
        let signs = |bits: &u16| bits & usage::KEY_CERT_SIGN != 0;
        when(
            certificate
                .key_usage
                .value()
                .is_some_and(|bits| !signs(bits)),
            fault::OTHER,
        );
        when(!usage::allows(certificate, &policy.purpose), fault::OTHER);
        when(
            is_fault(&element::check_critical_extensions(
                certificate,
                policy.profile,
            )),
            fault::OTHER,
        );
        if certificate.name_constraints.value().is_some() {
            let issuer = name_constraints::Issuer {
                certificate,
                label: "",
            };
            let leaf = context.question.leaf;
            let check = name_constraints::check_names(leaf, &[issuer], rules, &comparisons);
            when(check.as_ref().is_some_and(is_fault), fault::OTHER);
        }
        faults
    };
    pool.nodes.iter().zip(depths).map(own).collect()
}
