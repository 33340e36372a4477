//! Offsets between the clocks of the evidence.

/// The offset of one clock from the reference (the first capture's clock),
/// as an interval that holds the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// Whose clock: `capture 1`, `host PC-17`, `server www.example.com`.
    pub source: String,
    /// Least offset in seconds (positive: this clock is ahead).
    pub offset_min_s: f64,
    /// Greatest offset.
    pub offset_max_s: f64,
    /// What it was computed from.
    pub basis: String,
}
