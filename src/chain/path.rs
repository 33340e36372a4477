//! Paths that building found.

use super::examination::IssuerMatch;

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
