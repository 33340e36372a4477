//! From a path to a chain: every check on every element.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::build::Search;
use super::disallowed::Disallowed;
use super::examination::{
    Chain, Check, CheckKind, Element, IssuerMatch, Needed, Outcome, RootTrust, Verdict,
};
use super::name_constraints::{self, Comparisons};
use super::path::{End, Path, Paths};
use super::pool::{Node, Pool};
use super::profile::{self, Form, Rules, Strength};
use super::question::{Purpose, Question};
use super::revocation::Crls;
use super::signatures::{self, Signatures, Signed};
use super::status::{InfoStatus, TrustStatus, policy_error};
use super::status_source::StatusSource;
use super::trust::{self, Judged};
use super::{constraints, element, form, host, pins, policies, revocation, usage, way};
use crate::pki::Certificate;
use crate::pki::signature::SignatureOutcome;

/// The leaf's node in the pool.
pub(super) const LEAF: usize = 0;

/// What all paths of one question share.
pub(super) struct Context<'a> {
    pub question: &'a Question<'a>,
    pub rules: Rules,
    pub pool: Pool,
    pub signatures: Rc<Signatures>,
    comparisons: Comparisons,
    disallowed: Disallowed<'a>,
    pub crls: Crls<'a>,
    /// Which signers of CRLs are good below which root.
    pub signers: RefCell<HashMap<SignerAndRoot, bool>>,
    /// How many signers of CRLs this context is inside of.
    pub depth: usize,
}

/// SHA-256 of both.
type SignerAndRoot = ([u8; 32], [u8; 32]);

impl<'a> Context<'a> {
    /// A context that knows the signatures verified before.
    pub(super) fn with(question: &'a Question<'a>, signatures: &Rc<Signatures>) -> Self {
        Context {
            question,
            rules: profile::rules(&question.policy),
            pool: Pool::new(question.leaf, question.candidates),
            signatures: Rc::clone(signatures),
            comparisons: Comparisons::default(),
            disallowed: Disallowed::new(question.trust_lists.disallowed),
            crls: Crls::new(question.crls),
            signers: RefCell::default(),
            depth: 0,
        }
    }

    /// A context for the signer of a CRL, which knows what `outer` is judging.
    pub(super) fn inside(question: &'a Question<'a>, outer: &Context<'_>) -> Self {
        let mut context = Context::with(question, &outer.signatures);
        context.signers = RefCell::new(outer.signers.borrow().clone());
        context.depth = outer.depth + 1;
        context
    }

    pub(super) fn signatures_verified(&self) -> usize {
        self.signatures.verified()
    }

    /// All paths up from a node.
    pub(super) fn paths_from(&self, start: usize, good: &mut dyn FnMut(&Path) -> bool) -> Paths {
        let list = self
            .question
            .trust_lists
            .authroot
            .filter(|_| !self.question.policy.knows_roots);
        let listed_above = |certificate: &Certificate| {
            list.is_some_and(|list| trust::entry_for_issuer(list, certificate).is_some())
        };
        let faults = way::faults(self);
        let search = Search {
            question: self.question,
            pool: &self.pool,
            signatures: &self.signatures,
            listed_above: &listed_above,
            ways: way::ways(&self.pool, &faults),
            faults,
            known: RefCell::default(),
            signers: RefCell::default(),
        };
        search.paths_from(start, good)
    }

    /// Runs every check on a path, revocation on request.
    pub(super) fn chain(&self, path: &Path, with_revocation: bool) -> Chain {
        let nodes: Vec<&Node> = path
            .nodes
            .iter()
            .filter_map(|at| self.pool.nodes.get(*at))
            .collect();
        let walk = Walk {
            context: self,
            path,
            nodes,
        };
        let mut checks: Vec<Vec<Check>> = (0..walk.nodes.len())
            .map(|at| walk.element_checks(at))
            .collect();
        walk.add_policies(&mut checks);
        let mut sources: Vec<Vec<StatusSource>> = vec![Vec::new(); walk.nodes.len()];
        if with_revocation {
            for judged in revocation::check_path(self, &walk.nodes, path.end) {
                if let Some(list) = checks.get_mut(judged.at) {
                    list.push(judged.check);
                }
                if let Some(list) = sources.get_mut(judged.at) {
                    *list = judged.sources;
                }
            }
        }
        let judged = walk.judge_end();
        let root = judged
            .as_ref()
            .map_or(RootTrust::StoreUnknown, |judged| judged.root.clone());
        if matches!(root, RootTrust::Listed | RootTrust::ListedByName { .. }) {
            walk.add_program_strength(&mut checks, path.end);
        }
        // A root of the company's own, such as that of an inspecting proxy, is
        // not subject to the rules; one that is not at hand may be the pinned one.
        if let (RootTrust::Listed, Some(leaf)) = (&root, checks.get_mut(LEAF)) {
            let chain = walk.nodes.iter().map(|node| &*node.certificate);
            let chain: Vec<&Certificate> = chain.collect();
            leaf.extend(pins::check(self.question, &chain));
        }
        if let (Some(judged), Some(last)) = (judged, checks.last_mut()) {
            last.splice(0..0, judged.checks);
        }
        walk.assemble(checks, sources, root)
    }
}

/// One path while it is checked.
struct Walk<'a> {
    context: &'a Context<'a>,
    path: &'a Path,
    nodes: Vec<&'a Node>,
}

impl Walk<'_> {
    fn last(&self) -> usize {
        self.nodes.len().saturating_sub(1)
    }

    /// True for an element that is the anchor the path ends in.
    fn is_anchor(&self, at: usize) -> bool {
        at == self.last() && self.path.end == End::Anchor
    }

    /// True when the extensions of this element count.
    fn counts(&self, at: usize) -> bool {
        !self.is_anchor(at) || at == LEAF || self.context.rules.anchor_constraints
    }

    fn element_checks(&self, at: usize) -> Vec<Check> {
        let Some(node) = self.nodes.get(at) else {
            return Vec::new();
        };
        let (context, certificate) = (self.context, &*node.certificate);
        let (rules, policy) = (&context.rules, &context.question.policy);
        let is_last = at == self.last();
        let ends_in_root = is_last && matches!(self.path.end, End::Anchor | End::SelfSigned);
        let mut checks = Vec::new();
        checks.extend(self.signature(at));
        checks.extend(self.distrust(node));
        if !self.is_anchor(at) || rules.anchor_dates {
            checks.push(element::check_validity(certificate, context.question.at));
        }
        if !self.counts(at) {
            return checks;
        }
        checks.extend(element::check_strength(
            certificate,
            ends_in_root,
            context.question.at,
            rules,
        ));
        checks.push(element::check_extensions(certificate, rules));
        checks.push(element::check_critical_extensions(
            certificate,
            policy.profile,
        ));
        if at != LEAF {
            checks.push(constraints::check_basic_constraints(
                certificate,
                ends_in_root,
                rules,
            ));
            checks.push(constraints::check_path_length(certificate, self.below(at)));
            checks.push(usage::check_key_usage(certificate));
        }
        checks.extend(usage::check_extended_key_usage(
            certificate,
            at == LEAF,
            &policy.purpose,
            policy.profile,
            rules,
        ));
        if at != LEAF {
            checks.extend(name_constraints::check_constraints(certificate, rules));
        }
        checks.extend(self.names(at));
        if let (LEAF, Some(wanted)) = (at, &policy.host) {
            checks.push(host::check_host(certificate, wanted, rules));
        }
        if rules.form != Form::Any {
            let (is_leaf, form) = (at == LEAF, rules.form);
            let role = form::Role {
                is_leaf,
                is_root: ends_in_root,
                form,
            };
            let above = self.nodes.get(at + 1);
            let below = at.checked_sub(1).and_then(|at| self.nodes.get(at));
            let neighbours = form::Neighbours {
                issuer_is_identified: above.is_none_or(|node| form::has_own(node)),
                child_identifies: below.is_none_or(|node| form::has_issuers(node)),
            };
            checks.push(form::check(certificate, role, neighbours));
        }
        checks
    }

    /// Certificates between an element and the leaf that are not self-issued.
    fn below(&self, at: usize) -> usize {
        let between = self.nodes.get(1..at).unwrap_or_default();
        between.iter().filter(|node| !node.is_self_issued()).count()
    }

    /// The signature of an element, by the next one's key. The signature of a
    /// given root is not looked at: trust in it does not come from there.
    fn signature(&self, at: usize) -> Option<Check> {
        let node = self.nodes.get(at)?;
        let kind = CheckKind::Signature;
        let is_own = at == self.last() && self.path.end == End::SelfSigned;
        let issuer = if is_own {
            node
        } else {
            self.nodes.get(at + 1)?
        };
        let key = &issuer.certificate.public_key;
        let signatures = &self.context.signatures;
        let above = self.nodes.get(at + 1..).unwrap_or_default().iter();
        let parameters =
            signatures::inherited(above.map(|node| &node.certificate.public_key.algorithm));
        let signed = Signed::of(&node.certificate);
        let outcome = signatures.object(signed, key, parameters.as_deref());
        let by = issuer.certificate.subject.short();
        Some(match outcome {
            SignatureOutcome::Valid => Check::pass(kind, format!("verifies with the key of {by}")),
            SignatureOutcome::Invalid(why) => {
                let bits = TrustStatus::IS_NOT_SIGNATURE_VALID;
                Check::fail(kind, bits, format!("with the key of {by}: {why}"))
            }
            SignatureOutcome::Unsupported(what) => {
                let detail = format!("with the key of {by}: {what}");
                let needed = if what == signatures::OVER_BUDGET {
                    Needed::Budget("signatures to verify")
                } else {
                    Needed::Algorithm(what)
                };
                Check::unknown(kind, needed, detail)
            }
        })
    }

    fn distrust(&self, node: &Node) -> Option<Check> {
        let (kind, bits) = (CheckKind::Distrust, TrustStatus::IS_EXPLICIT_DISTRUST);
        if node.distrusted {
            return Some(Check::fail(
                kind,
                bits,
                "in the store of distrusted certificates",
            ));
        }
        let named = self.context.disallowed.names(&node.certificate);
        named.map(|what| Check::fail(kind, bits, format!("the disallowed list has the {what}")))
    }

    /// The names of an element against the constraints above it. A self-issued
    /// certificate that is not the leaf is exempt: RFC 5280 §6.1.3(b).
    fn names(&self, at: usize) -> Option<Check> {
        let node = self.nodes.get(at)?;
        if at != LEAF && node.is_self_issued() {
            return None;
        }
        let above = self.nodes.iter().enumerate().skip(at + 1);
        let issuers: Vec<name_constraints::Issuer<'_>> = above
            .filter(|(at, _)| self.counts(*at))
            .map(|(_, node)| name_constraints::Issuer {
                certificate: &node.certificate,
                label: node.certificate.subject.short(),
            })
            .collect();
        let context = self.context;
        name_constraints::check_names(
            &node.certificate,
            &issuers,
            &context.rules,
            &context.comparisons,
        )
    }

    fn add_policies(&self, checks: &mut [Vec<Check>]) {
        let anchored = self.path.end == End::Anchor && self.nodes.len() > 1;
        let count = self.nodes.len() - usize::from(anchored);
        let below = self.nodes.get(..count).unwrap_or_default();
        let path: Vec<(&Certificate, bool)> = below
            .iter()
            .rev()
            .map(|node| (&*node.certificate, node.is_self_issued()))
            .collect();
        let anchor = self.nodes.get(count).filter(|_| self.counts(count));
        let anchor = anchor.map(|node| &*node.certificate);
        let policy = &self.context.question.policy;
        let found = policies::check_policies(&path, anchor, policy);
        for (list, check) in checks.iter_mut().zip(found.into_iter().rev()) {
            list.push(check);
        }
    }

    /// What some programs refuse below a root of the list of the day.
    fn add_program_strength(&self, checks: &mut [Vec<Check>], end: End) {
        let (question, rules) = (self.context.question, &self.context.rules);
        let for_servers = question.policy.purpose == Purpose::ServerAuth;
        if rules.strength != Strength::WindowsDates || !for_servers {
            return;
        }
        let below =
            self.nodes.len() - usize::from(end == End::SelfSigned && !self.nodes.is_empty());
        for (node, list) in self.nodes.iter().zip(checks).take(below) {
            if let Some(check) = element::check_program_strength(&node.certificate, question.at) {
                list.retain(|other| other.kind != check.kind || other.outcome != Outcome::Pass);
                list.push(check);
            }
        }
    }

    /// What the end of the path says of trust.
    fn judge_end(&self) -> Option<Judged> {
        let question = self.context.question;
        let last = &self.nodes.last()?.certificate;
        Some(match self.path.end {
            End::Anchor => trust::judge_anchor(question, last),
            End::SelfSigned => trust::judge_self_signed(question, last),
            End::Listed => trust::judge_missing(question, last, true),
            End::NoIssuer => trust::judge_missing(question, last, false),
            End::Cycle => trust::judge_cycle(last),
            End::Depth => trust::judge_depth(last, question.policy.max_depth),
        })
    }

    /// Adds up bits and the verdict.
    fn assemble(
        &self,
        checks: Vec<Vec<Check>>,
        sources: Vec<Vec<StatusSource>>,
        root: RootTrust,
    ) -> Chain {
        let mut error_status = TrustStatus::none();
        let mut verdict = Verdict::Accept;
        let mut elements = Vec::new();
        let is_soft = self.context.question.policy.soft_revocation;
        let judged = self.nodes.iter().zip(checks.into_iter().zip(sources));
        for (at, (node, (checks, status_sources))) in judged.enumerate() {
            let mut own = TrustStatus::none();
            for check in &checks {
                match &check.outcome {
                    Outcome::Pass => {}
                    Outcome::Unknown(_) if is_soft && check.kind == CheckKind::Revocation => {}
                    Outcome::Unknown(_) => verdict = verdict.max(Verdict::Unknown),
                    Outcome::Fail(bits) => {
                        own |= *bits;
                        verdict = Verdict::Reject;
                    }
                }
            }
            error_status |= own;
            let issuer_match = self.path.matches.get(at).copied();
            elements.push(Element {
                certificate: node.certificate.clone(),
                error_status: own.without(TrustStatus::CHAIN_ONLY),
                info_status: self.info(at, issuer_match, &checks),
                checks,
                status_sources,
                issuer_match,
                anchor: self.is_anchor(at),
            });
        }
        let info_status = InfoStatus::HAS_PREFERRED_ISSUER;
        let policy = &self.context.question.policy;
        let leaf_checks = elements
            .first()
            .map(|leaf| leaf.checks.as_slice())
            .unwrap_or_default();
        let name_matches = !leaf_checks.iter().any(|check| {
            check.kind == CheckKind::HostName && matches!(check.outcome, Outcome::Fail(_))
        });
        let policy_error = policy
            .host
            .as_ref()
            .map(|_| policy_error(error_status, name_matches));
        let is_missing = matches!(
            root,
            RootTrust::Partial | RootTrust::StoreUnknown | RootTrust::ListedByName { .. }
        ) && matches!(self.path.end, End::NoIssuer | End::Listed);
        let missing_issuer = self
            .nodes
            .last()
            .filter(|_| is_missing)
            .map(|node| trust::missing(&node.certificate));
        Chain {
            elements,
            error_status,
            info_status,
            verdict,
            root,
            missing_issuer,
            policy_error,
        }
    }

    fn info(&self, at: usize, found: Option<IssuerMatch>, checks: &[Check]) -> InfoStatus {
        let mut info = match found {
            Some(IssuerMatch::Exact) => InfoStatus::HAS_EXACT_MATCH_ISSUER,
            Some(IssuerMatch::Key) => InfoStatus::HAS_KEY_MATCH_ISSUER,
            Some(IssuerMatch::Name) => InfoStatus::HAS_NAME_MATCH_ISSUER,
            None => InfoStatus::none(),
        };
        let ends = at == self.last() && matches!(self.path.end, End::Anchor | End::SelfSigned);
        if ends && self.nodes.get(at).is_some_and(|node| node.is_self_issued()) {
            info |= InfoStatus::IS_SELF_SIGNED | InfoStatus::HAS_NAME_MATCH_ISSUER;
        }
        if ends || found.is_some() {
            info |= InfoStatus::HAS_PREFERRED_ISSUER;
        }
        let passed = |check: &Check| {
            check.kind == CheckKind::NameConstraints && check.outcome == Outcome::Pass
        };
        if checks.iter().any(passed) {
            info |= InfoStatus::HAS_VALID_NAME_CONSTRAINTS;
        }
        info
    }
}
