//! What was seen to work again after failures.

use std::collections::BTreeMap;

use super::{CAPTURE, Event};
use crate::case::Case;
use crate::diagnosis::{Diagnosis, Failure, Healed, HealedBy};
use crate::phrase;
use crate::words;

/// What works again, once for all the failures before it.
pub(super) fn repair_events(case: &Case, diagnosis: &Diagnosis, events: &mut Vec<Event>) {
    let mut healings: BTreeMap<HealedBy, (Healed, Vec<&Failure>)> = BTreeMap::new();
    for failure in &diagnosis.failures {
        if let Some(healed) = failure.healed {
            let entry = healings.entry(healed.by);
            let entry = entry.or_insert_with(|| (healed, Vec::new()));
            entry.1.push(failure);
        }
    }
    for (by, (healed, failures)) in healings {
        let cites = match by {
            HealedBy::Handshake(index) => case.handshakes.get(index).map(|it| it.cites.clone()),
            HealedBy::Retrieval(index) => case.retrievals.get(index).map(|it| it.cites.clone()),
        };
        let number = words::count(failures.len() as u64, "failure", "failures");
        events.push(Event {
            at: healed.at,
            clock: CAPTURE,
            kind: "repair",
            text: format!(
                "healed: {}, after {number}",
                phrase::healed_phrase(case, healed)
            ),
            cites: cites.unwrap_or_default(),
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::report::sample;

    #[test]
    fn what_heals_two_failures_is_one_event() {
        let mut explained = sample::explained();
        let at = sample::at(40_000);
        for failure in &mut explained.diagnosis.failures {
            let by = HealedBy::Handshake(0);
            failure.healed = Some(Healed { at, by });
        }
        let events = super::super::timeline(&explained.case, &explained.diagnosis);
        let repairs: Vec<&Event> = events.iter().filter(|it| it.kind == "repair").collect();
        assert_eq!(repairs.len(), 1);
        assert_eq!(
            repairs[0].text,
            "healed: www.bank.example was reached again, after 2 failures"
        );
        assert_eq!((repairs[0].at, repairs[0].cites.is_empty()), (at, false));
    }
}
