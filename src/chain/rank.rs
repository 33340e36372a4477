//! Which of several chains is the best.

use std::cmp::Reverse;

use super::examination::{Chain, RootTrust};
use super::status::TrustStatus;

/// Sorts chains as Windows prefers them: fewer and lesser faults, a known
/// end, sooner found, shorter, more lately issued; the rest by hash, so that the
/// order never depends on the order of the input.
pub(super) fn sort<T>(chains: &mut [T], chain_of: impl Fn(&T) -> &Chain) {
    chains.sort_by_cached_key(|item| {
        let chain = chain_of(item);
        let open = chain.undecided().count();
        let issued: Vec<_> = chain
            .elements
            .iter()
            .map(|element| Reverse(element.certificate.not_before))
            .collect();
        let hashes: Vec<[u8; 32]> = chain
            .elements
            .iter()
            .map(|element| element.certificate.sha256)
            .collect();
        let failed = chain.failures().count();
        (
            chain.verdict,
            severity(chain.error_status),
            end_rank(&chain.root),
            (failed, open),
            (chain.elements.len(), issued, hashes),
        )
    });
}

/// A chain ends well in this order.
fn end_rank(root: &RootTrust) -> u8 {
    match root {
        RootTrust::Given => 0,
        RootTrust::Listed => 1,
        RootTrust::ListedByName { .. } => 2,
        RootTrust::NotBeforeLimited { .. } | RootTrust::UsageRemoved => 3,
        RootTrust::Disabled { .. } => 4,
        RootTrust::StoreUnknown => 5,
        RootTrust::Absent => 6,
        RootTrust::Untrusted => 7,
        RootTrust::Partial => 8,
    }
}

/// The faults as one number, worst bit highest. Windows puts a valid
/// signature first, then a complete chain, then a trusted root.
fn severity(status: TrustStatus) -> u32 {
    use TrustStatus as T;
    let order = [
        T::IS_NOT_SIGNATURE_VALID | T::HAS_WEAK_SIGNATURE,
        T::IS_PARTIAL_CHAIN | T::IS_CYCLIC,
        T::IS_UNTRUSTED_ROOT,
        T::IS_EXPLICIT_DISTRUST,
        T::INVALID_BASIC_CONSTRAINTS,
        T::HAS_NOT_SUPPORTED_CRITICAL_EXT | T::INVALID_EXTENSION,
        T::INVALID_NAME_CONSTRAINTS | T::HAS_NOT_SUPPORTED_NAME_CONSTRAINT,
        T::HAS_NOT_PERMITTED_NAME_CONSTRAINT | T::HAS_EXCLUDED_NAME_CONSTRAINT,
        T::IS_REVOKED,
        T::IS_NOT_VALID_FOR_USAGE,
        T::INVALID_POLICY_CONSTRAINTS | T::NO_ISSUANCE_CHAIN_POLICY,
        T::IS_NOT_TIME_VALID,
        T::REVOCATION_STATUS_UNKNOWN | T::IS_OFFLINE_REVOCATION,
    ];
    order.iter().fold(0, |number, bits| {
        number << 1 | u32::from(status.intersects(*bits))
    })
}
