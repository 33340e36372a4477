//! The clocks of proxies and servers, by attempts that both their logs and a
//! capture show.

use std::collections::BTreeMap;

use super::Clock;
use crate::case::Case;
use crate::provenance::Cite;
use crate::time::Timestamp;

/// Logs of whole seconds, and the way from the proxy to the capture.
const MARGIN_S: f64 = 1.0;

/// One clock for each access log of which lines were found in a capture.
#[must_use]
pub fn by_access_logs(case: &Case) -> Vec<Clock> {
    let mut clocks = Vec::new();
    for source in &case.hosts {
        let Some(log) = source.access() else { continue };
        let times: BTreeMap<u64, Timestamp> = log
            .lines
            .iter()
            .filter_map(|line| Some((line.line, line.time?.utc()?)))
            .collect();
        let seen = case.retrievals.iter().filter(|it| it.vantage.is_some());
        let apart = seen.filter_map(|seen| {
            let lines = seen.cites.iter().filter_map(|cite| match cite {
                Cite::Line { evidence, line } if *evidence == source.evidence => times.get(line),
                _ => None,
            });
            // Of a login, the last round ends with the attempt.
            Some(lines.max()?.since(seen.ended_at).as_seconds())
        });
        let apart: Vec<f64> = apart.collect();
        let Some(least) = apart.iter().copied().reduce(f64::min) else {
            continue;
        };
        let greatest = apart.iter().copied().fold(least, f64::max);
        let noun = if apart.len() == 1 {
            "attempt"
        } else {
            "attempts"
        };
        clocks.push(Clock {
            source: format!("{} ({})", source.label, log.form.phrase()),
            offset_min_s: least - MARGIN_S,
            offset_max_s: greatest + MARGIN_S,
            basis: format!("{} {noun} that the log and a capture show", apart.len()),
        });
    }
    clocks
}
