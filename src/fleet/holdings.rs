//! What a machine holds, packed: a fleet has millions of these.

use std::num::NonZeroU32;

use super::machine::{Moment, earlier};
use super::pack::{Reader, Writer};

/// A version that an account of a machine had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holding {
    /// What and how, by number.
    pub slot: u32,
    /// Whose, by the number of the word, from 1; `None`: packets do not tell.
    pub account: Option<NonZeroU32>,
    /// When it is first shown; of a cache, when it had come by.
    pub first: Option<Moment>,
    /// When it is last shown.
    pub last: Option<Moment>,
}

/// Sorts holdings. Of several with one slot and account one stays, shown first
/// when the first was, last when the last was.
pub(super) fn settle(all: &mut Vec<Holding>) {
    all.sort_unstable();
    all.dedup_by(|one, kept| {
        let same = (one.slot, one.account) == (kept.slot, kept.account);
        if same {
            kept.first = earlier(kept.first, one.first);
            kept.last = kept.last.max(one.last);
        }
        same
    });
}

/// Packs settled holdings. Account by account, each is written as differences to
/// the one before: the slot with what follows, the account where it is another,
/// the moments that there are. Of a cache these are 8 to 9 bytes a holding.
pub(super) fn pack(to: &mut Writer, all: &[Holding]) {
    let mut sorted: Vec<&Holding> = all.iter().collect();
    sorted.sort_unstable_by_key(|it| (it.account, it.slot));
    let mut before = &BEFORE;
    to.list(&sorted, |to, holding| {
        write(to, before, holding);
        before = holding;
    });
}

/// Reads what [`pack`] wrote, settled.
pub(super) fn unpack(from: &mut Reader<'_>) -> Option<Vec<Holding>> {
    let mut before = BEFORE;
    let mut all = from.list(|from| {
        before = read(from, &before)?;
        Some(before)
    })?;
    all.sort_unstable();
    Some(all)
}

/// What the first is written as the difference to.
const BEFORE: Holding = Holding {
    slot: 0,
    account: None,
    first: None,
    last: None,
};

/// Which moments follow.
const FIRST: u64 = 1;
/// The last moment is that of [`FIRST`].
const SAME: u64 = 2;
/// The last moment follows.
const LAST: u64 = 4;
/// The account follows.
const ACCOUNT: u64 = 8;
/// Differences of moments are in units of FILETIME, as caches have them.
const TENTHS: u64 = 16;
/// Bits of the above.
const MARKS: u32 = 5;
/// Nanoseconds of a FILETIME.
const TENTH: i64 = 100;

fn write(to: &mut Writer, before: &Holding, holding: &Holding) {
    let mut head = u64::from(holding.slot.wrapping_sub(before.slot)) << MARKS;
    let same = holding.first.is_some() && holding.first == holding.last;
    let another = holding.account != before.account;
    head |= if holding.first.is_some() { FIRST } else { 0 };
    head |= match (same, holding.last) {
        (true, _) => SAME,
        (false, Some(_)) => LAST,
        (false, None) => 0,
    };
    head |= if another { ACCOUNT } else { 0 };
    let base = base(before);
    let next = holding.first.map_or(base, Moment::nanoseconds);
    let first = holding.first.map(|at| at.nanoseconds().wrapping_sub(base));
    let last = holding.last.filter(|_| !same);
    let last = last.map(|at| at.nanoseconds().wrapping_sub(next));
    let differences = first.into_iter().chain(last);
    let tenths = differences.clone().all(|it| it % TENTH == 0);
    head |= if tenths { TENTHS } else { 0 };
    to.number(head);
    if another {
        to.number(holding.account.map_or(0, |it| it.get().into()));
    }
    for difference in differences {
        to.signed(if tenths {
            difference / TENTH
        } else {
            difference
        });
    }
}

fn read(from: &mut Reader<'_>, before: &Holding) -> Option<Holding> {
    let head = from.number()?;
    let slot = before.slot.wrapping_add(u32::try_from(head >> MARKS).ok()?);
    let account = match head & ACCOUNT {
        0 => before.account,
        _ => NonZeroU32::new(u32::try_from(from.number()?).ok()?),
    };
    let unit = if head & TENTHS == 0 { 1 } else { TENTH };
    let mut moment = |base: i64| {
        let difference = from.signed()?.wrapping_mul(unit);
        Some(Moment::at(base.wrapping_add(difference)))
    };
    let base = base(before);
    let first = match head & FIRST {
        0 => None,
        _ => Some(moment(base)?),
    };
    let last = match head & (SAME | LAST) {
        0 => None,
        SAME => first,
        _ => Some(moment(first.map_or(base, Moment::nanoseconds))?),
    };
    Some(Holding {
        slot,
        account,
        first,
        last,
    })
}

/// From where the next moment is counted.
fn base(before: &Holding) -> i64 {
    before.first.or(before.last).map_or(0, Moment::nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(slot: u32, account: u32, first: Option<i64>, last: Option<i64>) -> Holding {
        Holding {
            slot,
            account: NonZeroU32::new(account),
            first: first.map(Moment::at),
            last: last.map(Moment::at),
        }
    }

    fn packed(all: &[Holding]) -> Box<[u8]> {
        let mut to = Writer::default();
        pack(&mut to, all);
        to.finish()
    }

    #[test]
    fn what_is_packed_comes_back_in_order() {
        let all = vec![
            holding(0, 0, None, None),
            holding(0, 7, Some(1_772_359_200_123_456_700), None),
            holding(
                0,
                8,
                Some(1_772_359_200_123_456_701),
                Some(1_772_359_200_123_456_800),
            ),
            holding(1, 7, None, Some(i64::MIN)),
            holding(2, 1, Some(i64::MAX), Some(i64::MAX)),
            holding(2, 2, Some(-5), Some(9)),
            holding(u32::MAX, u32::MAX, Some(i64::MIN), Some(i64::MAX)),
        ];
        let mut turned = all.clone();
        turned.reverse();
        settle(&mut turned);
        let bytes = packed(&turned);
        assert_eq!(unpack(&mut Reader::of(&bytes)), Some(all));
    }

    #[test]
    fn one_slot_and_account_is_held_once() {
        let mut both = vec![
            holding(1, 2, Some(5), Some(6)),
            holding(1, 2, Some(3), Some(4)),
            holding(1, 2, None, Some(9)),
            holding(1, 3, None, None),
        ];
        settle(&mut both);
        assert_eq!(
            both,
            [holding(1, 2, Some(3), Some(9)), holding(1, 3, None, None)]
        );
        let united = both.clone();
        both.extend(united.clone());
        settle(&mut both);
        assert_eq!(both, united);
    }

    #[test]
    fn entries_of_a_cache_take_few_bytes() {
        // A hundred objects of one account, synchronized over a month.
        let month = 30 * 86_400_000_000_000_i64;
        let entry = |number: u32| {
            let at = 1_772_359_200_000_000_000 + i64::from(number) * 7_919_000_000_100 % month;
            holding(number * 3, 5, Some(at), Some(at))
        };
        let all: Vec<Holding> = (0..100).map(entry).collect();
        let packed = packed(&all);
        assert!(packed.len() < 900, "{}", packed.len());
    }
}
