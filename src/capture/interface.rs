//! The clock of a pcapng interface.

use crate::time::Timestamp;

/// How the ticks of an interface become time: `if_tsresol` and `if_tsoffset`.
///
/// Spec: draft-ietf-opsawg-pcapng §4.2: the resolution octet is a negative
/// power of 10, or of 2 when its highest bit is set (absent: 6, microseconds);
/// the offset is in seconds and is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TickClock {
    resolution: Resolution,
    offset_seconds: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolution {
    /// Ticks per second, and nanoseconds per tick: 10⁻⁰ to 10⁻⁹.
    Coarse { per_second: u64, nanoseconds: u64 },
    /// Ticks per nanosecond: 10⁻¹⁰ to 10⁻²⁸.
    Fine { per_nanosecond: u64 },
    /// 2⁻ⁿ.
    Binary { shift: u32 },
    /// Finer than 10⁻²⁸: a 64-bit count never reaches a nanosecond.
    Zero,
}

const NANOSECONDS: u64 = 1_000_000_000;

impl TickClock {
    /// Microseconds since 1970, what an interface without options means.
    #[cfg(test)]
    pub(super) const MICROSECONDS: u8 = 6;

    /// Takes the two options as the file gives them.
    pub(super) fn new(if_tsresol: u8, offset_seconds: i64) -> Self {
        let exponent = u32::from(if_tsresol & 0x7f);
        let resolution = match exponent {
            shift if if_tsresol & 0x80 != 0 => Resolution::Binary { shift },
            0..=9 => Resolution::Coarse {
                per_second: 10_u64.pow(exponent),
                nanoseconds: 10_u64.pow(9 - exponent),
            },
            10..=28 => Resolution::Fine {
                per_nanosecond: 10_u64.pow(exponent - 9),
            },
            _ => Resolution::Zero,
        };
        TickClock {
            resolution,
            offset_seconds,
        }
    }

    /// The instant of a tick count; `None` outside the years 0 to 9999.
    pub(super) fn at(&self, ticks: u64) -> Option<Timestamp> {
        let (seconds, fraction) = match self.resolution {
            Resolution::Coarse {
                per_second,
                nanoseconds,
            } => (ticks / per_second, ticks % per_second * nanoseconds),
            Resolution::Fine { per_nanosecond } => {
                let nanoseconds = ticks / per_nanosecond;
                (nanoseconds / NANOSECONDS, nanoseconds % NANOSECONDS)
            }
            Resolution::Binary { shift } => {
                // 64 bits times 30 bits fit; a shift is at most 127.
                let nanoseconds = (u128::from(ticks) * u128::from(NANOSECONDS)) >> shift;
                let seconds = u64::try_from(nanoseconds / u128::from(NANOSECONDS)).ok()?;
                (
                    seconds,
                    u64::try_from(nanoseconds % u128::from(NANOSECONDS)).ok()?,
                )
            }
            Resolution::Zero => (0, 0),
        };
        let seconds = i64::try_from(seconds)
            .ok()?
            .checked_add(self.offset_seconds)?;
        Timestamp::from_unix(seconds, u32::try_from(fraction).ok()?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn at(if_tsresol: u8, offset: i64, ticks: u64) -> String {
        TickClock::new(if_tsresol, offset)
            .at(ticks)
            .unwrap()
            .to_rfc3339()
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        // draft-ietf-opsawg-pcapng §4.6: 97 C3 04 00 AA 47 CA 64.
        let ticks = (0x0004_C397_u64 << 32) | 0x64CA_47AA;
        assert_eq!(
            at(TickClock::MICROSECONDS, 0, ticks),
            "2012-06-29T07:28:25.298858Z"
        );
    }

    #[test]
    fn powers_of_ten_and_two_count_from_1970() {
        assert_eq!(at(0, 0, 5), "1970-01-01T00:00:05Z");
        assert_eq!(at(9, 0, 1_000_000_001), "1970-01-01T00:00:01.000000001Z");
        assert_eq!(at(12, 0, 2_500_000_000_000), "1970-01-01T00:00:02.5Z");
        assert_eq!(at(0x80 | 10, 0, 1024 + 512), "1970-01-01T00:00:01.5Z");
        assert_eq!(at(0xff, 0, u64::MAX), "1970-01-01T00:00:00Z");
        assert_eq!(at(0x7f, 0, u64::MAX), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn the_offset_shifts_by_whole_seconds_and_may_be_negative() {
        assert_eq!(at(6, -3600, 3_601_000_000), "1970-01-01T00:00:01Z");
        assert_eq!(at(6, 1_600_000_000, 0), "2020-09-13T12:26:40Z");
    }

    #[test]
    fn a_time_past_year_9999_is_none() {
        assert_eq!(TickClock::new(6, 0).at(u64::MAX), None);
        assert_eq!(TickClock::new(6, i64::MAX).at(u64::MAX), None);
        assert_eq!(TickClock::new(0x80, 0).at(u64::MAX), None);
    }
}
