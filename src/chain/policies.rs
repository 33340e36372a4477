//! Certificate policies: RFC 5280 §6.1 on the graph of RFC 9618, which does
//! not grow exponentially where the tree does.

use std::collections::{BTreeMap, BTreeSet};

use super::examination::{Check, CheckKind};
use super::question::Policy;
use super::status::TrustStatus;
use crate::pki::Certificate;
use crate::pki::certificate::Decoded;

const ANY: &str = "2.5.29.32.0";

/// More policies and mappings than this in one certificate are not followed.
/// Real ones have under 20.
const MAX_POLICIES: usize = 1_000;

/// A node: which policies of the next certificate it expects, and which nodes
/// of the certificate above it came from.
#[derive(Debug, Clone, Default)]
struct Node {
    expected: BTreeSet<String>,
    parents: BTreeSet<String>,
}

/// Nodes of one certificate, by their policy.
type Level = BTreeMap<String, Node>;

/// The state of RFC 5280 §6.1.2 that concerns policies.
struct State<'a> {
    policy: &'a Policy,
    /// Level 0 is the initial one. Empty when the graph is NULL.
    levels: Vec<Level>,
    explicit_policy: usize,
    inhibit_any_policy: usize,
    policy_mapping: usize,
}

/// Checks policies along a path: the certificates from below the anchor down
/// to the leaf, each with whether it is self-issued, and the anchor where its
/// constraints count. Returns one check for each certificate. That nothing is
/// left where a policy is required shows at the leaf, as Windows has it.
pub(super) fn check_policies(
    path: &[(&Certificate, bool)],
    anchor: Option<&Certificate>,
    policy: &Policy,
) -> Vec<Check> {
    let count = path.len();
    let mut state = State::new(policy, count);
    if let Some(anchor) = anchor {
        // RFC 5937: the constraints of an anchor become initial values.
        state.tighten(anchor);
    }
    let mut checks = Vec::new();
    for (at, (certificate, self_issued)) in path.iter().enumerate() {
        let is_last = at + 1 == count;
        let mut faults: Vec<(TrustStatus, String)> = Vec::new();
        state.process(certificate, *self_issued, is_last);
        if is_last {
            state.wrap_up(certificate, &mut faults);
        } else {
            state.prepare(certificate, *self_issued, &mut faults);
        }
        let kind = CheckKind::Policies;
        checks.push(if faults.is_empty() {
            Check::pass(kind, state.text())
        } else {
            let bits = faults
                .iter()
                .fold(TrustStatus::none(), |all, (bits, _)| all | *bits);
            let details: Vec<String> = faults.into_iter().map(|(_, detail)| detail).collect();
            Check::fail(kind, bits, details.join("; "))
        });
    }
    checks
}

impl<'a> State<'a> {
    fn new(policy: &'a Policy, count: usize) -> Self {
        let initially = |set: bool| if set { 0 } else { count + 1 };
        let node = Node {
            expected: BTreeSet::from([ANY.to_string()]),
            parents: BTreeSet::new(),
        };
        State {
            policy,
            levels: vec![Level::from([(ANY.to_string(), node)])],
            explicit_policy: initially(policy.require_explicit_policy),
            inhibit_any_policy: initially(policy.inhibit_any_policy),
            policy_mapping: initially(policy.inhibit_policy_mapping),
        }
    }

    fn is_null(&self) -> bool {
        self.levels.is_empty()
    }

    /// §6.1.3(d), (e): one certificate's policies.
    fn process(&mut self, certificate: &Certificate, self_issued: bool, is_last: bool) {
        let Decoded::Present(policies) = &certificate.certificate_policies else {
            self.levels.clear();
            return;
        };
        let Some(above) = self.levels.last() else {
            return;
        };
        let named: BTreeSet<&str> = policies
            .iter()
            .take(MAX_POLICIES)
            .map(String::as_str)
            .collect();
        let mut level = Level::new();
        let mut children: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (name, node) in above {
            for expected in &node.expected {
                children.entry(expected).or_default().insert(name.clone());
            }
        }
        let plain = |policy: &str, parents: BTreeSet<String>| Node {
            expected: BTreeSet::from([policy.to_string()]),
            parents,
        };
        for policy in named.iter().filter(|policy| **policy != ANY) {
            let parents = match children.get(policy) {
                Some(parents) => parents.clone(),
                None if above.contains_key(ANY) => BTreeSet::from([ANY.to_string()]),
                None => continue,
            };
            level.insert((*policy).to_string(), plain(policy, parents));
        }
        let any_counts = self.inhibit_any_policy > 0 || (self_issued && !is_last);
        if named.contains(ANY) && any_counts {
            for (policy, parents) in children {
                level
                    .entry(policy.to_string())
                    .or_insert_with(|| plain(policy, parents));
            }
        }
        self.levels.push(level);
        self.prune();
    }

    /// Removes nodes above the last level that have no child left. Where a
    /// level loses none, those above it were left in order before.
    fn prune(&mut self) {
        for at in (1..self.levels.len()).rev() {
            let (above, below) = self.levels.split_at_mut(at);
            let (Some(level), Some(children)) = (above.last_mut(), below.first()) else {
                break;
            };
            let parents = children.values().flat_map(|node| &node.parents);
            let wanted: BTreeSet<&str> = parents.map(String::as_str).collect();
            let count = level.len();
            level.retain(|policy, _| wanted.contains(policy.as_str()));
            if level.len() == count {
                break;
            }
        }
        if self.levels.first().is_none_or(BTreeMap::is_empty) {
            self.levels.clear();
        }
    }

    /// §6.1.4: mappings and counters, for the next certificate.
    fn prepare(
        &mut self,
        certificate: &Certificate,
        self_issued: bool,
        faults: &mut Vec<(TrustStatus, String)>,
    ) {
        if let Some(mappings) = certificate.policy_mappings.value() {
            if mappings
                .iter()
                .any(|(issuer, subject)| issuer == ANY || subject == ANY)
            {
                let detail = "anyPolicy is mapped".to_string();
                faults.push((TrustStatus::INVALID_POLICY_CONSTRAINTS, detail));
            }
            self.map(mappings);
        }
        if !self_issued {
            self.explicit_policy = self.explicit_policy.saturating_sub(1);
            self.policy_mapping = self.policy_mapping.saturating_sub(1);
            self.inhibit_any_policy = self.inhibit_any_policy.saturating_sub(1);
        }
        self.tighten(certificate);
    }

    /// policyConstraints and inhibitAnyPolicy of an issuer.
    fn tighten(&mut self, certificate: &Certificate) {
        let lower = |counter: &mut usize, value: Option<u32>| {
            let value = value.and_then(|value| usize::try_from(value).ok());
            *counter = value.map_or(*counter, |value| value.min(*counter));
        };
        if let Some(constraints) = certificate.policy_constraints.value() {
            lower(
                &mut self.explicit_policy,
                constraints.require_explicit_policy,
            );
            lower(&mut self.policy_mapping, constraints.inhibit_policy_mapping);
        }
        lower(
            &mut self.inhibit_any_policy,
            certificate.inhibit_any_policy.value().copied(),
        );
    }

    /// §6.1.4(b).
    fn map(&mut self, mappings: &[(String, String)]) {
        let mut by_issuer: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (issuer, subject) in mappings.iter().take(MAX_POLICIES) {
            by_issuer.entry(issuer).or_default().insert(subject.clone());
        }
        let allowed = self.policy_mapping > 0;
        let Some(level) = self.levels.last_mut() else {
            return;
        };
        let any_parents = level.get(ANY).map(|node| node.parents.clone());
        for (issuer, subjects) in by_issuer {
            if !allowed {
                level.remove(issuer);
            } else if let Some(node) = level.get_mut(issuer) {
                node.expected = subjects;
            } else if let Some(parents) = &any_parents {
                let node = Node {
                    expected: subjects,
                    parents: parents.clone(),
                };
                level.insert(issuer.to_string(), node);
            }
        }
        self.prune();
    }

    /// §6.1.5.
    fn wrap_up(&mut self, leaf: &Certificate, faults: &mut Vec<(TrustStatus, String)>) {
        self.explicit_policy = self.explicit_policy.saturating_sub(1);
        let constraints = leaf.policy_constraints.value();
        if constraints.and_then(|constraints| constraints.require_explicit_policy) == Some(0) {
            self.explicit_policy = 0;
        }
        if self.explicit_policy == 0 && self.resulting().is_empty() {
            let detail = if self.is_null() {
                "a policy is required, none is common to the chain".to_string()
            } else {
                let wanted = self.policy.initial_policies.join(" ");
                format!(
                    "a policy of {wanted} is required, the chain has {}",
                    self.text()
                )
            };
            faults.push((TrustStatus::NO_ISSUANCE_CHAIN_POLICY, detail));
        }
    }

    /// The policies of the chain in the anchor's own terms: those whose parent
    /// is anyPolicy, and anyPolicy of the leaf.
    fn authority_policies(&self) -> BTreeSet<&str> {
        let mut policies = BTreeSet::new();
        for level in self.levels.iter().skip(1) {
            let own = level.iter().filter(|(_, node)| node.parents.contains(ANY));
            policies.extend(
                own.map(|(name, _)| name.as_str())
                    .filter(|name| *name != ANY),
            );
        }
        if self
            .levels
            .last()
            .is_some_and(|level| level.contains_key(ANY))
        {
            policies.insert(ANY);
        }
        policies
    }

    /// The user-constrained-policy-set.
    fn resulting(&self) -> BTreeSet<String> {
        let authority = self.authority_policies();
        let wanted = &self.policy.initial_policies;
        if wanted.is_empty() || wanted.iter().any(|policy| policy == ANY) {
            return authority.into_iter().map(str::to_string).collect();
        }
        let any = authority.contains(ANY);
        let kept = wanted
            .iter()
            .filter(|policy| any || authority.contains(policy.as_str()));
        kept.cloned().collect()
    }

    fn text(&self) -> String {
        let policies = self.authority_policies();
        if policies.is_empty() {
            return "no policy, and none is required".to_string();
        }
        policies.into_iter().collect::<Vec<&str>>().join(" ")
    }
}
