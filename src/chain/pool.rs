//! The certificates a chain may be built from, each once, found by name.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use sha1::{Digest, Sha1};

use super::examination::IssuerMatch;
use super::names::CanonicalName;
use super::question::{Candidate, Origin};
use crate::pki::Certificate;

/// The certificates a chain may be built from. The leaf is node 0.
#[derive(Debug)]
pub(super) struct Pool {
    pub nodes: Vec<Node>,
    by_subject: HashMap<CanonicalName, Vec<usize>>,
}

/// One certificate, however often it was given.
#[derive(Debug)]
pub(super) struct Node {
    pub certificate: Arc<Certificate>,
    pub anchor: bool,
    pub distrusted: bool,
    pub origin: Origin,
    pub subject: CanonicalName,
    pub issuer: CanonicalName,
    /// Issuers to go from here to an anchor, by names alone; `None` when names
    /// lead to none.
    pub steps_to_anchor: Option<usize>,
    /// The first node of the same name and key: one CA, however often
    /// certified. A chain that goes through one CA twice is a loop.
    pub authority: usize,
}

/// More candidates than this are not looked at. A Windows machine has some
/// hundred certificates in all its stores; a large case some ten thousand.
pub(super) const MAX_CANDIDATES: usize = 50_000;

impl Pool {
    /// Joins copies; `ends_in_self_signed` takes self-issued certificates for
    /// ends too, for when no anchors are known.
    pub(super) fn new(leaf: &Arc<Certificate>, candidates: &[Candidate]) -> Self {
        let mut nodes: Vec<Node> = vec![Node::new(leaf, Origin::Sent)];
        let mut by_hash: HashMap<[u8; 32], usize> = HashMap::from([(leaf.sha256, 0)]);
        let candidates = candidates.get(..MAX_CANDIDATES).unwrap_or(candidates);
        for candidate in candidates.iter().filter(|candidate| !candidate.distrusted) {
            let at = *by_hash
                .entry(candidate.certificate.sha256)
                .or_insert_with(|| {
                    nodes.push(Node::new(&candidate.certificate, candidate.origin));
                    nodes.len() - 1
                });
            if let Some(node) = nodes.get_mut(at) {
                node.anchor |= candidate.anchor;
                node.origin = node.origin.min(candidate.origin);
            }
        }
        for candidate in candidates.iter().filter(|candidate| candidate.distrusted) {
            let at = by_hash.get(&candidate.certificate.sha256);
            if let Some(node) = at.and_then(|at| nodes.get_mut(*at)) {
                node.distrusted = true;
            }
        }
        let mut by_subject: HashMap<CanonicalName, Vec<usize>> = HashMap::new();
        for (at, node) in nodes.iter().enumerate() {
            by_subject.entry(node.subject.clone()).or_default().push(at);
        }
        let mut pool = Pool { nodes, by_subject };
        pool.join_authorities();
        pool.measure_distances();
        pool
    }

    fn join_authorities(&mut self) {
        let mut firsts: HashMap<(&CanonicalName, &[u8]), usize> = HashMap::new();
        let mut authorities = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let key = (&node.subject, node.certificate.public_key.der.as_slice());
            authorities.push(*firsts.entry(key).or_insert(at));
        }
        for (node, authority) in self.nodes.iter_mut().zip(authorities) {
            node.authority = authority;
        }
    }

    /// The nodes that have the name of this node's issuer.
    pub(super) fn with_name_of_issuer(&self, node: &Node) -> &[usize] {
        self.named(&node.issuer)
    }

    /// The nodes of this name.
    pub(super) fn named(&self, subject: &CanonicalName) -> &[usize] {
        self.by_subject.get(subject).map_or(&[], Vec::as_slice)
    }

    /// Breadth first from the anchors downwards. Where names lead the leaf to
    /// no anchor, self-issued certificates count as ends as well.
    fn measure_distances(&mut self) {
        let anchors: Vec<usize> = self.indices(|node| node.anchor);
        self.spread(&anchors);
        if self
            .nodes
            .first()
            .is_some_and(|leaf| leaf.steps_to_anchor.is_none())
        {
            let ends = self.indices(|node| node.anchor || node.subject == node.issuer);
            self.spread(&ends);
        }
    }

    fn indices(&self, wanted: impl Fn(&Node) -> bool) -> Vec<usize> {
        let all = self.nodes.iter().enumerate();
        all.filter(|(_, node)| wanted(node))
            .map(|(at, _)| at)
            .collect()
    }

    fn spread(&mut self, ends: &[usize]) {
        let mut by_issuer: BTreeMap<&CanonicalName, Vec<usize>> = BTreeMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            by_issuer.entry(&node.issuer).or_default().push(at);
        }
        let mut steps: Vec<Option<usize>> = vec![None; self.nodes.len()];
        let mut queue: VecDeque<(usize, usize)> = ends.iter().map(|at| (*at, 0)).collect();
        // Every name's children are added once, so that this is linear.
        while let Some((at, distance)) = queue.pop_front() {
            let Some(known) = steps.get_mut(at) else {
                continue;
            };
            if known.is_some() {
                continue;
            }
            *known = Some(distance);
            let subject = self.nodes.get(at).map(|node| &node.subject);
            let children = subject.and_then(|subject| by_issuer.remove(subject));
            queue.extend(
                children
                    .into_iter()
                    .flatten()
                    .map(|child| (child, distance + 1)),
            );
        }
        for (node, steps) in self.nodes.iter_mut().zip(steps) {
            node.steps_to_anchor = steps;
        }
    }
}

impl Node {
    fn new(certificate: &Arc<Certificate>, origin: Origin) -> Self {
        Node {
            certificate: Arc::clone(certificate),
            anchor: false,
            distrusted: false,
            origin,
            subject: CanonicalName::of(&certificate.subject),
            issuer: CanonicalName::of(&certificate.issuer),
            steps_to_anchor: None,
            authority: 0,
        }
    }

    /// True when subject and issuer are the same name.
    pub(super) fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

/// How well an issuer matches what the child says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Match {
    /// The child's authorityKeyIdentifier names another key.
    pub disagrees: bool,
    /// By what it was found.
    pub by: IssuerMatch,
}

/// Compares authorityKeyIdentifier of the child with a candidate of the right
/// name.
///
/// Windows: issuer and serial number give an exact match, the key identifier
/// (or, without one, the SHA-1 of the key) a key match, else the name alone.
pub(super) fn match_of(child: &Node, issuer: &Node) -> Match {
    let Some(identifier) = child.certificate.authority_key_identifier.value() else {
        return Match {
            disagrees: false,
            by: IssuerMatch::Name,
        };
    };
    if let (Some(name), Some(serial)) = (&identifier.issuer, &identifier.serial)
        && *serial == issuer.certificate.serial
        && CanonicalName::of(name) == issuer.issuer
    {
        return Match {
            disagrees: false,
            by: IssuerMatch::Exact,
        };
    }
    let Some(wanted) = &identifier.key_identifier else {
        return Match {
            disagrees: identifier.serial.is_some(),
            by: IssuerMatch::Name,
        };
    };
    let same_key = match issuer.certificate.subject_key_identifier.value() {
        Some(key_identifier) => wanted == key_identifier,
        None => wanted.as_slice() == Sha1::digest(&issuer.certificate.public_key.key).as_slice(),
    };
    let by = if same_key {
        IssuerMatch::Key
    } else {
        IssuerMatch::Name
    };
    Match {
        disagrees: !same_key,
        by,
    }
}
