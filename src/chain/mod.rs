//! Chains as of one time: building, checks, trust, status bits.
