//! Building: from the leaf to every end that names and signatures allow, best
//! first, within limits.
//!
//! The search keeps a queue of unfinished paths, ordered by the faults they
//! have gathered and those the way to an anchor will add at least, then by
//! length. So good chains are found first however large and tangled the set
//! is, and a limit cuts off only the worse ones. A signature is verified when
//! its path comes first in the queue, no sooner.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;

use super::examination::IssuerMatch;
use super::path::{End, Path, Paths};
use super::pool::{Match, Node, Pool, match_of};
use super::question::Question;
use super::signatures::{OVER_BUDGET, Signatures};
use super::way::Way;
use crate::pki::Certificate;
use crate::pki::signature::SignatureOutcome;

/// Complete paths kept. Cross-certified public roots give under ten; all of
/// them are checked in full.
const MAX_PATHS: usize = 64;
/// Of those, paths that lead to no root. They differ in little, and the first
/// are the best.
const MAX_BLIND: usize = 8;
/// Steps of the search; each looks at one path with one issuer more.
const MAX_STEPS: usize = 4_096;
/// Unfinished paths opened in all. A thousand self-issued certificates of one
/// name are each the issuer of every other, so that each step opens a thousand.
const MAX_OPENED: usize = 1 << 16;
/// Steps after a path on which every check holds: for a few alternatives.
const MAX_STEPS_AFTER_GOOD: usize = 32;
/// Certificates in a path. OpenSSL stops at 100 intermediates.
const MAX_ELEMENTS: usize = 102;
/// Issuers of one certificate that are tried.
const MAX_ISSUERS: usize = 1_024;

/// What is needed to search.
pub(super) struct Search<'a> {
    pub question: &'a Question<'a>,
    pub pool: &'a Pool,
    pub signatures: &'a Signatures,
    /// True when the list of the day names the issuer of this certificate.
    pub listed_above: &'a dyn Fn(&Certificate) -> bool,
    /// Faults of each node as an issuer that can be seen without a path.
    pub faults: Vec<u32>,
    /// The best way from each node.
    pub ways: Vec<Option<Way>>,
    /// Issuers to try, by the node of the child.
    pub known: RefCell<HashMap<usize, Rc<[Issuer]>>>,
    /// The node whose key verified the signature of a child.
    pub signers: RefCell<HashMap<usize, usize>>,
}

/// Faults that order the search. Only their order matters.
pub(super) mod fault {
    pub(in crate::chain) const NO_WAY_TO_AN_ANCHOR: u32 = 1_000;
    pub(in crate::chain) const SIGNATURE: u32 = 100;
    pub(in crate::chain) const DISTRUSTED: u32 = 60;
    pub(in crate::chain) const UNVERIFIED: u32 = 40;
    pub(in crate::chain) const NO_CA: u32 = 30;
    pub(in crate::chain) const OTHER: u32 = 10;
    pub(in crate::chain) const NAME_ONLY: u32 = 1;
}

/// One certificate of an unfinished path, and the step below it.
struct Step {
    at: usize,
    by: IssuerMatch,
    disagrees: bool,
    below: Option<usize>,
    depth: usize,
    /// Issuers not decided on yet, whether one was followed, and whether one is
    /// in the path already.
    pending: usize,
    alive: bool,
    looped: bool,
}

/// An unfinished path, by its last step. The order of the fields is the order
/// of the queue: estimates first, then the one that is farther on.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Open {
    estimate: Way,
    depth: Reverse<usize>,
    number: usize,
    step: usize,
    gathered: u32,
    verified: bool,
}

/// What the signature says of a step from child to issuer.
enum Edge {
    Holds,
    Fault(u32),
    None,
}

/// A search under way.
struct Run<'s, 'a> {
    search: &'s Search<'a>,
    steps: Vec<Step>,
    queue: BinaryHeap<Reverse<Open>>,
    paths: Vec<Path>,
    blind: usize,
}

impl Search<'_> {
    /// All paths up from a node of the pool. `good` is asked of each when it is
    /// found; when every check on one holds, the search soon ends.
    pub(super) fn paths_from(&self, start: usize, good: &mut dyn FnMut(&Path) -> bool) -> Paths {
        let mut run = Run {
            search: self,
            steps: Vec::new(),
            queue: BinaryHeap::new(),
            paths: Vec::new(),
            blind: 0,
        };
        run.push(
            start,
            Match {
                disagrees: false,
                by: IssuerMatch::Name,
            },
            None,
            0,
        );
        let (mut left, mut truncated, mut judged, mut is_good) = (MAX_STEPS, false, 0, false);
        while let Some(Reverse(open)) = run.queue.pop() {
            let hopeless = open.estimate.faults >= fault::NO_WAY_TO_AN_ANCHOR;
            let has_anchor = run.paths.iter().any(|path| path.end == End::Anchor);
            if hopeless && (has_anchor || run.blind > MAX_BLIND) {
                break;
            }
            let is_full = run.paths.len() >= MAX_PATHS || run.steps.len() >= MAX_OPENED;
            if left == 0 || is_full {
                truncated = !is_good;
                if run.paths.is_empty() {
                    run.finish(open.step, End::NoIssuer);
                }
                break;
            }
            left -= 1;
            run.follow(open);
            for path in run.paths.get(judged..).unwrap_or_default() {
                if !is_good && good(path) {
                    is_good = true;
                    left = left.min(MAX_STEPS_AFTER_GOOD);
                }
            }
            judged = run.paths.len();
        }
        Paths {
            paths: run.paths,
            truncated,
        }
    }

    fn node(&self, at: usize) -> Option<&Node> {
        self.pool.nodes.get(at)
    }

    /// The issuers of a certificate by name, the most promising first.
    fn issuers(&self, child_at: usize, child: &Node) -> Rc<[Issuer]> {
        if let Some(known) = self.known.borrow().get(&child_at) {
            return Rc::clone(known);
        }
        let mut issuers = Vec::new();
        for at in self.pool.with_name_of_issuer(child) {
            let Some(node) = self.node(*at) else { continue };
            if node.authority == child.authority && node.is_self_issued() {
                // Its own or a copy; a chain gains nothing by it.
                continue;
            }
            let own = self.faults.get(*at).copied().unwrap_or(0);
            let way = self.ways.get(*at).copied().flatten();
            let way = way.map_or((u32::MAX, 0), |way| (own + way.faults, way.steps));
            issuers.push(Issuer {
                found: match_of(child, node),
                way,
                of_its_key: 0,
                at: *at,
            });
        }
        issuers.sort_unstable();
        // Of equally promising ones, every key once before any twice.
        let mut of_key: HashMap<&[u8], usize> = HashMap::new();
        for issuer in &mut issuers {
            let key = self
                .node(issuer.at)
                .map(|node| node.certificate.public_key.der.as_slice());
            let count = of_key.entry(key.unwrap_or_default()).or_default();
            issuer.of_its_key = *count;
            *count += 1;
        }
        issuers.sort_unstable();
        issuers.truncate(MAX_ISSUERS);
        let issuers: Rc<[Issuer]> = issuers.into();
        self.known
            .borrow_mut()
            .insert(child_at, Rc::clone(&issuers));
        issuers
    }

    /// Whether the key of `issuer` signed `child`. A signature verifies with
    /// one key only, so that the first that does settles all others.
    fn edge(&self, child_at: usize, issuer_at: usize, disagrees: bool, verified: bool) -> Edge {
        let (Some(child), Some(issuer)) = (self.node(child_at), self.node(issuer_at)) else {
            return Edge::None;
        };
        let key = &issuer.certificate.public_key;
        let signer = self
            .signers
            .borrow()
            .get(&child_at)
            .and_then(|at| self.node(*at));
        if let Some(signer) = signer {
            let same = signer.certificate.public_key.der == key.der;
            return if same { Edge::Holds } else { Edge::None };
        }
        if verified {
            return Edge::Holds;
        }
        match self.signatures.certificate(&child.certificate, key) {
            SignatureOutcome::Valid => {
                self.signers.borrow_mut().insert(child_at, issuer_at);
                Edge::Holds
            }
            // A stranger of the same name is not worth a path.
            SignatureOutcome::Unsupported(why) if !disagrees || why == OVER_BUDGET => {
                Edge::Fault(fault::UNVERIFIED)
            }
            SignatureOutcome::Invalid(_) if !disagrees => Edge::Fault(fault::SIGNATURE),
            SignatureOutcome::Unsupported(_) | SignatureOutcome::Invalid(_) => Edge::None,
        }
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

impl Run<'_, '_> {
    /// Puts a path with one certificate more into the queue.
    fn push(&mut self, at: usize, found: Match, below: Option<usize>, gathered: u32) {
        let depth = below
            .and_then(|below| self.steps.get(below))
            .map_or(0, |step| step.depth + 1);
        let step = self.steps.len();
        self.steps.push(Step {
            at,
            by: found.by,
            disagrees: found.disagrees,
            below,
            depth,
            pending: 0,
            alive: false,
            looped: false,
        });
        self.enqueue(step, gathered, below.is_none());
    }

    fn enqueue(&mut self, step: usize, gathered: u32, verified: bool) {
        let Some(Step { at, depth, .. }) = self.steps.get(step) else {
            return;
        };
        let estimate = match self.search.ways.get(*at).copied().flatten() {
            Some(way) => Way {
                faults: gathered + way.faults,
                steps: depth + way.steps,
            },
            None => Way {
                faults: gathered + fault::NO_WAY_TO_AN_ANCHOR,
                steps: 0,
            },
        };
        let number = self.queue.len();
        let depth = Reverse(*depth);
        self.queue.push(Reverse(Open {
            estimate,
            depth,
            number,
            step,
            gathered,
            verified,
        }));
    }

    /// Looks at the first path of the queue: drops it when the signature says
    /// so, else ends or continues it.
    fn follow(&mut self, open: Open) {
        let Some(step) = self.steps.get(open.step) else {
            return;
        };
        let (at, below) = (step.at, step.below);
        if let Some(below) = below {
            let Some(child) = self.steps.get(below).map(|step| step.at) else {
                return;
            };
            match self.search.edge(child, at, step.disagrees, open.verified) {
                Edge::Holds => {}
                Edge::Fault(more) => return self.enqueue(open.step, open.gathered + more, true),
                Edge::None => return self.drop_issuer(below),
            }
            if let Some(below) = self.steps.get_mut(below) {
                below.pending = below.pending.saturating_sub(1);
                below.alive = true;
            }
        }
        let search = self.search;
        let Some(node) = search.node(at) else { return };
        if node.anchor {
            self.finish(open.step, End::Anchor);
            // An anchor that another CA issued may have a better way on.
            if node.is_self_issued() {
                return;
            }
        } else if (search.listed_above)(&node.certificate) {
            self.finish(open.step, End::Listed);
        }
        if !node.anchor && search.is_self_signed(node) {
            return self.finish(open.step, End::SelfSigned);
        }
        self.extend(&open, at, node);
    }

    /// Continues a path with every issuer that is not in it already.
    fn extend(&mut self, open: &Open, at: usize, node: &Node) {
        let search = self.search;
        let in_path: Vec<&Node> = self
            .indices(open.step)
            .into_iter()
            .filter_map(|at| search.node(at))
            .collect();
        let counted = in_path
            .iter()
            .skip(1)
            .filter(|node| !node.is_self_issued())
            .count();
        let (mut pushed, mut looped, mut too_deep) = (0, false, false);
        for issuer in search.issuers(at, node).iter() {
            let Some(above) = search.node(issuer.at) else {
                continue;
            };
            if in_path.iter().any(|node| node.authority == above.authority) {
                looped = true;
                continue;
            }
            // Between the leaf and this issuer; the issuer itself counts unless
            // it is an anchor. As for pathLenConstraint, self-issued do not.
            let between = counted + usize::from(!above.anchor && !above.is_self_issued());
            let most = search.question.policy.max_depth;
            if most.is_some_and(|most| between > most) || in_path.len() >= MAX_ELEMENTS {
                too_deep = true;
                continue;
            }
            let own = search.faults.get(issuer.at).copied().unwrap_or(0);
            let name_only = if issuer.found.disagrees {
                fault::NAME_ONLY
            } else {
                0
            };
            self.push(
                issuer.at,
                issuer.found,
                Some(open.step),
                open.gathered + own + name_only,
            );
            pushed += 1;
        }
        if let Some(step) = self.steps.get_mut(open.step) {
            (step.pending, step.looped) = (pushed, looped);
        }
        if pushed == 0 && !node.anchor {
            let end = if too_deep {
                End::Depth
            } else {
                Self::without_issuer(looped)
            };
            self.finish(open.step, end);
        }
    }

    fn without_issuer(looped: bool) -> End {
        if looped { End::Cycle } else { End::NoIssuer }
    }

    /// Notes that an issuer is none; a path that has no other ends there.
    fn drop_issuer(&mut self, child: usize) {
        let Some(step) = self.steps.get_mut(child) else {
            return;
        };
        step.pending = step.pending.saturating_sub(1);
        let (is_over, looped, at) = (step.pending == 0 && !step.alive, step.looped, step.at);
        if is_over && self.search.node(at).is_some_and(|node| !node.anchor) {
            self.finish(child, Self::without_issuer(looped));
        }
    }

    /// The nodes up to a step, leaf first.
    fn indices(&self, step: usize) -> Vec<usize> {
        let mut nodes: Vec<usize> = self.walk(step).map(|step| step.at).collect();
        nodes.reverse();
        nodes
    }

    fn walk(&self, step: usize) -> impl Iterator<Item = &Step> {
        let below = |step: &&Step| step.below.and_then(|below| self.steps.get(below));
        std::iter::successors(self.steps.get(step), below)
    }

    fn finish(&mut self, step: usize, end: End) {
        if !end.is_root() {
            self.blind += 1;
            if self.blind > MAX_BLIND {
                return;
            }
        }
        let above_leaf = self.walk(step).filter(|step| step.below.is_some());
        let mut matches: Vec<IssuerMatch> = above_leaf.map(|step| step.by).collect();
        matches.reverse();
        self.paths.push(Path {
            nodes: self.indices(step),
            matches,
            end,
        });
    }
}

/// An issuer to try. The order of the fields is the order of trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Issuer {
    found: Match,
    way: (u32, usize),
    of_its_key: usize,
    at: usize,
}
