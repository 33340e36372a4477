//! Signatures, verified over the original bytes.

/// The three answers about a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureOutcome {
    /// It verifies.
    Valid,
    /// It does not: why, in one line.
    Invalid(String),
    /// We cannot tell: the algorithm or the key form is not supported. Never
    /// to be taken for invalid.
    Unsupported(String),
}
