//! Building: from the leaf to every end that names and signatures allow, best
//! first, within limits.
//!
//! The search keeps a queue of unfinished paths, ordered by the faults they
//! have gathered and then by their length with the steps still missing to an
//! anchor. So good chains are found first however large and tangled the set
//! is, and a limit cuts off only the worse ones.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;

use super::examination::IssuerMatch;
use super::pool::{Match, Node, Pool, match_of};
use super::profile::Rules;
use super::question::Question;
use super::signatures::{OVER_BUDGET, Signatures};
use super::usage;
use crate::pki::Certificate;
use crate::pki::signature::SignatureOutcome;

/// One way from a leaf up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// Nodes of the pool, leaf first.
    pub nodes: Vec<usize>,
    /// How each node after the first was found.
    pub matches: Vec<IssuerMatch>,
    /// Why it ends.
    pub end: End,
}

/// Why a path ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// In an anchor.
    Anchor,
    /// Below a root that the list of the day names, bytes not at hand.
    Listed,
    /// In a self-signed certificate that is no anchor.
    SelfSigned,
    /// No issuer was found.
    NoIssuer,
    /// Every issuer found is in the path already.
    Cycle,
    /// The depth asked for is used up.
    Depth,
}

impl End {
    /// True when the last element ends the chain by itself.
    pub(super) fn is_root(self) -> bool {
        matches!(self, End::Anchor | End::Listed | End::SelfSigned)
    }
}

/// What one search found.
#[derive(Debug)]
pub(super) struct Paths {
    /// Best first, by the search's own measure.
    pub paths: Vec<Path>,
    /// A limit stopped the search.
    pub truncated: bool,
}

/// Complete paths kept. Cross-certified public roots give under ten; all of
/// them are checked in full.
const MAX_PATHS: usize = 128;
/// Of those, paths that lead to no root. They differ in little, and the first
/// are the best.
const MAX_BLIND: usize = 8;
/// Steps of the search; each looks at the issuers of one certificate.
const MAX_STEPS: usize = 1_024;
/// Certificates in a path. OpenSSL stops at 100 intermediates.
const MAX_ELEMENTS: usize = 102;
/// Issuers of one certificate that are followed.
const MAX_ISSUERS: usize = 32;

/// What is needed to search.
pub(super) struct Search<'a> {
    pub question: &'a Question<'a>,
    pub rules: &'a Rules,
    pub pool: &'a Pool,
    pub signatures: &'a Signatures,
    /// True when the list of the day names the issuer of this certificate.
    pub listed_above: &'a dyn Fn(&Certificate) -> bool,
    /// Issuers found so far, by the node of the child.
    pub known: RefCell<HashMap<usize, Rc<[Issuer]>>>,
}

/// An unfinished path. The order of the fields is the order of the queue.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Open {
    faults: u32,
    length: usize,
    number: usize,
    nodes: Vec<usize>,
    matches: Vec<IssuerMatch>,
}

/// Faults that order the search. Only their order matters.
mod fault {
    pub(super) const NO_WAY_TO_AN_ANCHOR: u32 = 1_000;
    pub(super) const SIGNATURE: u32 = 100;
    pub(super) const DISTRUSTED: u32 = 60;
    pub(super) const UNVERIFIED: u32 = 40;
    pub(super) const NO_CA: u32 = 30;
    pub(super) const OTHER: u32 = 10;
    pub(super) const NAME_ONLY: u32 = 1;
}

impl Search<'_> {
    /// All paths up from a node of the pool.
    pub(super) fn paths_from(&self, start: usize) -> Paths {
        let mut queue = BinaryHeap::from([Reverse(Open {
            faults: 0,
            length: 0,
            number: 0,
            nodes: vec![start],
            matches: Vec::new(),
        })]);
        let mut paths = Vec::new();
        let (mut steps, mut number, mut blind, mut truncated) = (0, 0, 0, false);
        while let Some(Reverse(open)) = queue.pop() {
            let has_anchor = paths.iter().any(|path: &Path| path.end == End::Anchor);
            if has_anchor && open.faults >= fault::NO_WAY_TO_AN_ANCHOR {
                break;
            }
            if steps >= MAX_STEPS || paths.len() >= MAX_PATHS {
                truncated = true;
                if paths.is_empty() {
                    paths.push(open.finish(End::NoIssuer));
                }
                break;
            }
            steps += 1;
            let before = paths.len();
            let nexts = self.step(&open, &mut paths);
            if paths.len() > before && paths.last().is_some_and(|path| !path.end.is_root()) {
                blind += 1;
                if blind > MAX_BLIND {
                    paths.pop();
                }
            }
            for next in nexts {
                number += 1;
                queue.push(Reverse(Open { number, ..next }));
            }
        }
        Paths { paths, truncated }
    }

    /// Ends a path where it may end, and continues it where it may go on.
    fn step(&self, open: &Open, paths: &mut Vec<Path>) -> Vec<Open> {
        let Some(at) = open.nodes.last() else { return Vec::new() };
        let Some(node) = self.pool.nodes.get(*at) else { return Vec::new() };
        if node.anchor {
            paths.push(open.finish(End::Anchor));
            // An anchor that another CA issued may have a better way on.
            if node.is_self_issued() {
                return Vec::new();
            }
        } else if (self.listed_above)(&node.certificate) {
            paths.push(open.finish(End::Listed));
        }
        if !node.anchor && self.is_self_signed(node) {
            paths.push(open.finish(End::SelfSigned));
            return Vec::new();
        }
        let (issuers, looped) = self.issuers(*at, node, &open.nodes);
        if issuers.is_empty() {
            if !node.anchor {
                paths.push(open.finish(if looped { End::Cycle } else { End::NoIssuer }));
            }
            return Vec::new();
        }
        let within: Vec<Open> =
            issuers.into_iter().filter_map(|issuer| self.extended(open, &issuer)).collect();
        if within.is_empty() && !node.anchor {
            paths.push(open.finish(End::Depth));
        }
        within
    }

    /// The path with one issuer more, unless that is too deep.
    fn extended(&self, open: &Open, issuer: &Issuer) -> Option<Open> {
        let node = self.pool.nodes.get(issuer.at)?;
        // Between the leaf and this issuer; the issuer itself counts unless it
        // is an anchor.
        let between = open.nodes.len() - usize::from(node.anchor);
        let too_deep = self.question.policy.max_depth.is_some_and(|most| between > most);
        if too_deep || open.nodes.len() >= MAX_ELEMENTS {
            return None;
        }
        let mut nodes = open.nodes.clone();
        nodes.push(issuer.at);
        let mut matches = open.matches.clone();
        matches.push(issuer.found.by);
        let faults = open.faults + issuer.faults + self.faults_of(node);
        let length = nodes.len() + node.steps_to_anchor.unwrap_or(0);
        Some(Open { faults, length, number: 0, nodes, matches })
    }

    /// The issuers worth following that are not in the path already. The flag
    /// tells that some are.
    fn issuers(&self, child_at: usize, child: &Node, path: &[usize]) -> (Vec<Issuer>, bool) {
        let authority = |at: &usize| self.pool.nodes.get(*at).map(|node| node.authority);
        let known = self.known.borrow().get(&child_at).cloned();
        let all = known.unwrap_or_else(|| {
            let all: Rc<[Issuer]> = self.all_issuers(child).into();
            self.known.borrow_mut().insert(child_at, Rc::clone(&all));
            all
        });
        let in_path: Vec<Option<usize>> = path.iter().map(authority).collect();
        let is_new = |issuer: &&Issuer| !in_path.contains(&authority(&issuer.at));
        let new: Vec<Issuer> = all.iter().filter(is_new).copied().collect();
        let looped = new.len() < all.len();
        (new, looped)
    }

    /// The issuers of a certificate: those whose key verifies the signature;
    /// without any, those that the child's key identifier does not rule out.
    fn all_issuers(&self, child: &Node) -> Vec<Issuer> {
        let mut candidates: Vec<(Match, usize, usize)> = Vec::new();
        for at in self.pool.with_name_of_issuer(child) {
            let Some(node) = self.pool.nodes.get(*at) else { continue };
            if node.authority == child.authority && node.is_self_issued() {
                // Its own or a copy; a chain gains nothing by it.
                continue;
            }
            let steps = node.steps_to_anchor.unwrap_or(usize::MAX);
            candidates.push((match_of(child, node), steps, *at));
        }
        candidates.sort_unstable();
        let (mut verified, mut open, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut signing_key: Option<&Vec<u8>> = None;
        for (found, _, at) in candidates {
            let Some(node) = self.pool.nodes.get(at) else { continue };
            if verified.len() >= MAX_ISSUERS || (found.disagrees && !verified.is_empty()) {
                break;
            }
            // A signature verifies with one key only, so that the first that
            // does settles all others.
            let key = &node.certificate.public_key.der;
            if signing_key.is_some_and(|signing| signing != key) {
                continue;
            }
            let issuer = |faults| Issuer { at, found, faults };
            let name_only = if found.disagrees { fault::NAME_ONLY } else { 0 };
            match self.signatures.certificate(&child.certificate, &node.certificate.public_key) {
                SignatureOutcome::Valid => {
                    signing_key = Some(key);
                    verified.push(issuer(name_only));
                }
                SignatureOutcome::Unsupported(why) => {
                    // A stranger of the same name is not worth a path.
                    if !found.disagrees || why == OVER_BUDGET {
                        open.push(issuer(fault::UNVERIFIED + name_only));
                    }
                }
                SignatureOutcome::Invalid(_) => {
                    if !found.disagrees {
                        refused.push(issuer(fault::SIGNATURE));
                    }
                }
            }
        }
        let mut worthy =
            [verified, open, refused].into_iter().find(|list| !list.is_empty()).unwrap_or_default();
        worthy.truncate(MAX_ISSUERS);
        worthy
    }

    /// Faults of a certificate as an issuer that can be seen without a path.
    fn faults_of(&self, node: &Node) -> u32 {
        let certificate = &node.certificate;
        let mut faults = 0;
        if node.steps_to_anchor.is_none() {
            faults += fault::NO_WAY_TO_AN_ANCHOR;
        }
        if node.distrusted {
            faults += fault::DISTRUSTED;
        }
        let at = self.question.at;
        let in_time = (certificate.not_before..=certificate.not_after).contains(&at);
        if !in_time && (!node.anchor || self.rules.anchor_dates) {
            faults += fault::OTHER;
        }
        if node.anchor && !self.rules.anchor_constraints {
            return faults;
        }
        if certificate.basic_constraints.value().is_none_or(|basic| !basic.ca) && !node.anchor {
            faults += fault::NO_CA;
        }
        if certificate.key_usage.value().is_some_and(|bits| bits & usage::KEY_CERT_SIGN == 0) {
            faults += fault::OTHER;
        }
        if !usage::allows(certificate, &self.question.policy.purpose) {
            faults += fault::OTHER;
        }
        faults
    }

    /// True when a self-issued certificate is signed by its own key, as far as
    /// can be told.
    fn is_self_signed(&self, node: &Node) -> bool {
        if !node.is_self_issued() || match_of(node, node).disagrees {
            return false;
        }
        let own_key = &node.certificate.public_key;
        match self.signatures.certificate(&node.certificate, own_key) {
            SignatureOutcome::Valid => true,
            SignatureOutcome::Unsupported(why) => why != OVER_BUDGET,
            // Damaged roots end a chain too, unless something else issued them.
            SignatureOutcome::Invalid(_) => self.pool.with_name_of_issuer(node).len() <= 1,
        }
    }
}

/// An issuer with its faults.
#[derive(Debug, Clone, Copy)]
pub(super) struct Issuer {
    at: usize,
    found: Match,
    faults: u32,
}

impl Open {
    fn finish(&self, end: End) -> Path {
        Path { nodes: self.nodes.clone(), matches: self.matches.clone(), end }
    }
}
