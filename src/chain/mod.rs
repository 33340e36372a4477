//! Chains as of one time: building, checks, trust, status bits.

/// Placeholder until the engine lands.
#[derive(Debug)]
pub struct Chain;
