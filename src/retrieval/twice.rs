//! Conversations and lookups that more than one capture shows: the same file
//! given twice, or captures taken at both ends of one line. Each counts once.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::flow::{Close, Conversation, Quality, Unanswered};
use crate::protocol::dns::Lookup;
use crate::provenance::Sighting;
use crate::time::{Span, Timestamp};

use super::Observed;

/// The same conversation as another vantage point shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// The other vantage point.
    pub vantage: u32,
    /// Its first frame there.
    pub first: Sighting,
    /// How it ended there.
    pub closes: Vec<Close>,
}

/// Everything once.
#[derive(Debug, Default)]
pub struct Once {
    /// The conversations, in the order given.
    pub observed: Vec<Observed>,
    /// The unanswered connects, in the order given.
    pub unanswered: Vec<Unanswered>,
    /// The lookups, in the order given.
    pub lookups: Vec<Lookup>,
    /// Clients seen from several vantage points, and the one nearest to them:
    /// one machine each.
    pub clients: BTreeMap<(u32, IpAddr), u32>,
    /// How far the clocks of the vantage points lie apart.
    pub offsets: Offsets,
    /// Conversations and lookups left out.
    pub repeated: u64,
}

/// How far the clocks of vantage points lie apart, as the first frames of
/// conversations seen from both tell. The way between the two is in it, which
/// is milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offsets {
    /// What to add to a time of the first vantage point for one of the second.
    spans: BTreeMap<(u32, u32), Span>,
}

impl Offsets {
    /// The time on the clock of `to`; `None` where the clocks were never compared.
    #[must_use]
    pub fn convert(&self, at: Timestamp, from: u32, to: u32) -> Option<Timestamp> {
        if from == to {
            return Some(at);
        }
        self.spans.get(&(from, to)).map(|span| at.plus(*span))
    }

    /// The middle of all that was measured, per pair of vantage points.
    fn of(measured: BTreeMap<(u32, u32), Vec<Span>>) -> Self {
        let middle = |mut spans: Vec<Span>| {
            spans.sort_unstable();
            spans.get(spans.len() / 2).copied()
        };
        let spans = measured
            .into_iter()
            .filter_map(|(pair, spans)| Some((pair, middle(spans)?)));
        Offsets {
            spans: spans.collect(),
        }
    }
}

/// Keeps one of each conversation and of each lookup that several vantage
/// points show: the one nearest to the client, which shows what the client
/// went through, or one that is whole where that one has holes.
#[must_use]
pub fn once(
    mut observed: Vec<Observed>,
    mut unanswered: Vec<Unanswered>,
    lookups: Vec<Lookup>,
) -> Once {
    let all = All {
        observed: &observed,
        unanswered: &unanswered,
    };
    let groups = groups(&all);
    let clients = clients(&all, &groups);
    let mut measured: BTreeMap<(u32, u32), Vec<Span>> = BTreeMap::new();
    let mut twins: BTreeMap<usize, Vec<Twin>> = BTreeMap::new();
    let mut left_out: BTreeSet<usize> = BTreeSet::new();
    for group in &groups {
        let Some(kept) = kept(&all, group, &clients) else {
            continue;
        };
        let others = group.iter().filter(|index| **index != kept);
        for index in others {
            let (Some(one), Some(other)) = (all.get(kept), all.get(*index)) else {
                continue;
            };
            let apart = one.first.at.since(other.first.at);
            let back = other.first.at.since(one.first.at);
            measured
                .entry((other.vantage, one.vantage))
                .or_default()
                .push(apart);
            measured
                .entry((one.vantage, other.vantage))
                .or_default()
                .push(back);
            left_out.insert(*index);
            twins.entry(kept).or_default().push(Twin {
                vantage: other.vantage,
                first: other.first,
                closes: other.closes.clone(),
            });
        }
    }
    let offsets = Offsets::of(measured);
    let mut repeated = left_out.len() as u64;
    let count = observed.len();
    for (index, twins) in twins {
        if let Some(seen) = observed.get_mut(index) {
            seen.twins = twins;
        }
    }
    keep_others(&mut observed, 0, &left_out);
    keep_others(&mut unanswered, count, &left_out);
    let before = lookups.len();
    let lookups = lookups_once(lookups, &clients, &offsets);
    repeated += (before - lookups.len()) as u64;
    Once {
        observed,
        unanswered,
        lookups,
        clients,
        offsets,
        repeated,
    }
}

/// Conversations, and behind them the unanswered connects, by one index.
struct All<'a> {
    observed: &'a [Observed],
    unanswered: &'a [Unanswered],
}

impl<'a> All<'a> {
    fn get(&self, index: usize) -> Option<Cow<'a, Conversation>> {
        let seen = self.observed.get(index);
        seen.map(|seen| Cow::Borrowed(&seen.conversation))
            .or_else(|| {
                let behind = index.checked_sub(self.observed.len())?;
                let unanswered = self.unanswered.get(behind)?;
                Some(Cow::Owned(unanswered.conversation()))
            })
    }

    /// Vantage point, endpoints and mark of each.
    fn marks(&self) -> impl Iterator<Item = (u32, SocketAddr, SocketAddr, Mark)> {
        let observed = self.observed.iter().map(|seen| {
            let it = &seen.conversation;
            (it.vantage, it.client, it.server, mark(it))
        });
        let unanswered = self.unanswered.iter().map(|it| {
            let mark = Mark::Opened(it.sequence());
            (it.vantage(), it.client(), it.server(), mark)
        });
        observed.chain(unanswered)
    }
}

/// Takes those out whose index, counted from `first`, is among `left_out`.
fn keep_others<T>(items: &mut Vec<T>, first: usize, left_out: &BTreeSet<usize>) {
    let mut indices = first..;
    items.retain(|_| {
        indices
            .next()
            .is_none_or(|index| !left_out.contains(&index))
    });
}

/// What makes a conversation the same at two places.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    /// The sequence number of its SYN.
    Opened(u32),
    /// That of its SYN-ACK, where the SYN was not captured.
    Answered(u32),
    /// Seen from the middle: first and last time to the nanosecond, and bytes,
    /// which only copies of the same frames share.
    Frames(Timestamp, Timestamp, [u64; 2]),
}

fn mark(conversation: &Conversation) -> Mark {
    match conversation.initial {
        [Some(sequence), _] => Mark::Opened(sequence),
        [None, Some(sequence)] => Mark::Answered(sequence),
        [None, None] => Mark::Frames(
            conversation.first.at,
            conversation.last.at,
            conversation.quality.bytes,
        ),
    }
}

/// Indices of the same conversation, one for each vantage point.
fn groups(all: &All<'_>) -> Vec<Vec<usize>> {
    let vantages: BTreeSet<u32> = all.marks().map(|(vantage, ..)| vantage).collect();
    if vantages.len() < 2 {
        return Vec::new();
    }
    let mut same: BTreeMap<(SocketAddr, SocketAddr, Mark), BTreeMap<u32, usize>> = BTreeMap::new();
    for (index, (vantage, client, server, mark)) in all.marks().enumerate() {
        let places = same.entry((client, server, mark)).or_default();
        places.entry(vantage).or_insert(index);
    }
    let groups = same.into_values().filter(|places| places.len() > 1);
    groups
        .map(|places| places.into_values().collect())
        .collect()
}

/// For each client in the groups the vantage point nearest to it: the answer to
/// its SYN takes longest there, as the whole way lies before it.
fn clients(all: &All<'_>, groups: &[Vec<usize>]) -> BTreeMap<(u32, IpAddr), u32> {
    let mut waits: BTreeMap<IpAddr, BTreeMap<u32, f64>> = BTreeMap::new();
    for group in groups {
        let members = group.iter().filter_map(|index| all.get(*index));
        let members: Vec<Cow<'_, Conversation>> = members.collect();
        let waited: Vec<Option<f64>> = members.iter().map(|it| wait(it)).collect();
        let comparable = waited.iter().all(Option::is_some);
        for (it, waited) in members.iter().zip(waited) {
            let sums = waits.entry(it.client.ip()).or_default();
            let sum = sums.entry(it.vantage).or_insert(0.0);
            *sum += waited.filter(|_| comparable).unwrap_or_default();
        }
    }
    let mut clients = BTreeMap::new();
    for (address, sums) in waits {
        // The first of equals: copies of one file are all alike.
        let nearest = sums
            .iter()
            .fold(None, |best: Option<(u32, f64)>, (at, sum)| {
                let beaten = best.is_some_and(|(_, most)| most >= *sum);
                if beaten { best } else { Some((*at, *sum)) }
            });
        let Some((nearest, _)) = nearest else {
            continue;
        };
        clients.extend(sums.keys().map(|vantage| ((*vantage, address), nearest)));
    }
    clients
}

/// Seconds from the last SYN to its answer.
fn wait(conversation: &Conversation) -> Option<f64> {
    let answer = conversation.syn_ack?;
    let asked = conversation
        .syns
        .iter()
        .rev()
        .find(|syn| syn.at <= answer.at)?;
    Some(answer.at.since(asked.at).as_seconds())
}

/// The member of a group that is kept.
fn kept(all: &All<'_>, group: &[usize], clients: &BTreeMap<(u32, IpAddr), u32>) -> Option<usize> {
    let at = |index: &usize| all.get(*index);
    let is_nearest = |index: &&usize| {
        at(index).is_some_and(|it| clients.get(&(it.vantage, it.client.ip())) == Some(&it.vantage))
    };
    let is_whole = |index: &&usize| at(index).is_some_and(|it| shows_all(&it.quality));
    let nearest = group.iter().find(is_nearest).or_else(|| group.first())?;
    if is_whole(&nearest) {
        return Some(*nearest);
    }
    Some(*group.iter().find(is_whole).unwrap_or(nearest))
}

fn shows_all(quality: &Quality) -> bool {
    quality.is_complete() && !quality.packets.contains(&0)
}

/// Two sights of one question lie no farther apart than this after the clocks
/// are compared: a question on its way for longer is repeated.
const SAME_QUESTION: Span = Span::seconds(1);

fn lookups_once(
    lookups: Vec<Lookup>,
    clients: &BTreeMap<(u32, IpAddr), u32>,
    offsets: &Offsets,
) -> Vec<Lookup> {
    let vantages: BTreeSet<u32> = lookups.iter().map(|lookup| lookup.vantage).collect();
    if vantages.len() < 2 {
        return lookups;
    }
    let mut same: BTreeMap<(SocketAddr, &str, u16), Vec<usize>> = BTreeMap::new();
    for (index, lookup) in lookups.iter().enumerate() {
        let key = (lookup.client, lookup.name.as_str(), lookup.question_type);
        same.entry(key).or_default().push(index);
    }
    let mut left_out: BTreeSet<usize> = BTreeSet::new();
    for group in same.into_values().filter(|group| group.len() > 1) {
        let Some(first) = group.first().and_then(|index| lookups.get(*index)) else {
            continue;
        };
        // The one nearest to the client stays; else that of the first place.
        let nearest = clients.get(&(first.vantage, first.client.ip())).copied();
        let place = |index: &usize| lookups.get(*index).map(|lookup| lookup.vantage);
        let nearest = nearest.or_else(|| group.iter().filter_map(place).min());
        let (own, others): (Vec<usize>, Vec<usize>) =
            group.iter().partition(|index| place(index) == nearest);
        for other in others {
            let is_same = own
                .iter()
                .any(|index| match (lookups.get(*index), lookups.get(other)) {
                    (Some(one), Some(other)) => is_same_question(one, other, offsets),
                    _ => false,
                });
            if is_same {
                left_out.insert(other);
            }
        }
    }
    let numbered = lookups.into_iter().enumerate();
    let kept = numbered.filter(|(index, _)| !left_out.contains(index));
    kept.map(|(_, lookup)| lookup).collect()
}

fn is_same_question(one: &Lookup, other: &Lookup, offsets: &Offsets) -> bool {
    let (Some(first), Some(second)) = (one.first(), other.first()) else {
        return false;
    };
    match offsets.convert(second.at, other.vantage, one.vantage) {
        Some(at) => at.since(first.at).abs() <= SAME_QUESTION,
        // Clocks not compared: only a copy of the frame has its very time.
        None => second.at == first.at,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::{Talk, at, lookup, sighting};
    use super::*;

    /// A download as one place shows it, `seconds` into its capture, the answer
    /// to the SYN `wait` later.
    fn seen(vantage: u32, seconds: f64, wait: f64) -> Observed {
        let talk = Talk::to("192.0.2.80:80").starting(seconds);
        let mut seen = talk
            .get("/a.crl", "pki.example")
            .answer(200, b"x")
            .observed();
        let it = &mut seen.conversation;
        it.vantage = vantage;
        it.initial = [Some(7), Some(9)];
        let answered = it.syns[0].at.plus(at(wait).since(at(0.0)));
        it.syn_ack.as_mut().unwrap().at = answered;
        seen
    }

    #[test]
    fn a_conversation_at_two_places_is_kept_where_the_client_is() {
        let once = once(
            vec![seen(0, 0.0, 0.001), seen(1, 5.0, 0.03)],
            Vec::new(),
            Vec::new(),
        );
        assert_eq!(once.observed.len(), 1);
        assert_eq!(once.observed[0].conversation.vantage, 1);
        assert_eq!(once.observed[0].twins[0].vantage, 0);
        assert_eq!(once.repeated, 1);
        let client = "10.0.0.9".parse().unwrap();
        assert_eq!(once.clients.get(&(0, client)), Some(&1));
        assert_eq!(once.offsets.convert(at(1.0), 0, 1), Some(at(6.0)));
        assert_eq!(once.offsets.convert(at(6.0), 1, 0), Some(at(1.0)));
    }

    #[test]
    fn where_the_nearest_has_holes_a_whole_one_is_kept() {
        let mut near = seen(1, 5.0, 0.03);
        near.conversation.quality.missing = [0, 100];
        let once = once(vec![seen(0, 0.0, 0.001), near], Vec::new(), Vec::new());
        assert_eq!(once.observed[0].conversation.vantage, 0);
    }

    #[test]
    fn the_same_ports_with_another_sequence_number_are_another_conversation() {
        let mut onward = seen(1, 0.0, 0.03);
        onward.conversation.initial = [Some(8), Some(10)];
        let once = once(vec![seen(0, 0.0, 0.03), onward], Vec::new(), Vec::new());
        assert_eq!((once.observed.len(), once.repeated), (2, 0));
    }

    #[test]
    fn one_place_shows_nothing_twice() {
        let once = once(
            vec![seen(0, 0.0, 0.03), seen(0, 9.0, 0.03)],
            Vec::new(),
            Vec::new(),
        );
        assert_eq!(once.observed.len(), 2);
    }

    #[test]
    fn an_unanswered_connect_at_two_places_counts_once() {
        let connect = |vantage, seconds| {
            let sighting = sighting(1, seconds);
            let (client, server) = ("10.0.0.9:50000", "192.0.2.80:80");
            Unanswered::made(vantage, client, server, &[sighting])
        };
        let both = vec![connect(0, 1.0), connect(1, 6.0)];
        let once = once(Vec::new(), both, Vec::new());
        assert_eq!(once.unanswered, [connect(0, 1.0)]);
        assert_eq!(once.repeated, 1);
        assert_eq!(once.offsets.convert(at(1.0), 0, 1), Some(at(6.0)));
    }

    #[test]
    fn a_connect_unanswered_at_one_place_and_answered_at_another_is_the_same() {
        let mut whole = seen(1, 5.0, 0.03);
        whole.conversation.client = "10.0.0.9:50000".parse().unwrap();
        let client = whole.conversation.client.to_string();
        let alone = Unanswered::made(0, &client, "192.0.2.80:80", &[sighting(1, 0.0)]);
        let once = once(vec![whole], vec![alone], Vec::new());
        assert_eq!((once.observed.len(), once.unanswered.len()), (1, 0));
        assert_eq!(once.observed[0].twins[0].vantage, 0);
    }

    #[test]
    fn conversations_seen_from_the_middle_are_the_same_only_to_the_nanosecond() {
        let middle = |vantage, seconds| {
            let mut seen = seen(vantage, seconds, 0.03);
            seen.conversation.initial = [None, None];
            seen
        };
        let copied = once(vec![middle(0, 0.0), middle(1, 0.0)], Vec::new(), Vec::new());
        assert_eq!(copied.observed.len(), 1);
        let near = once(
            vec![middle(0, 0.0), middle(1, 0.001)],
            Vec::new(),
            Vec::new(),
        );
        assert_eq!(near.observed.len(), 2);
    }

    #[test]
    fn a_lookup_counts_once_when_the_clocks_agree_that_it_is_one() {
        let asked = |vantage, seconds| {
            let mut lookup = lookup("pki.example", seconds, 0, &["192.0.2.80"]);
            lookup.vantage = vantage;
            lookup
        };
        let both = vec![seen(0, 0.0, 0.03), seen(1, 5.0, 0.001)];
        let same = once(both.clone(), Vec::new(), vec![asked(0, 0.5), asked(1, 5.6)]);
        assert_eq!(same.lookups.len(), 1);
        assert_eq!(same.lookups[0].vantage, 0);
        let again = once(both, Vec::new(), vec![asked(0, 0.5), asked(1, 9.6)]);
        assert_eq!(again.lookups.len(), 2);
        let copies = once(Vec::new(), Vec::new(), vec![asked(0, 0.5), asked(1, 0.5)]);
        assert_eq!(copies.lookups.len(), 1);
    }
}
