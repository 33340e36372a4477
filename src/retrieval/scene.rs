//! What the builders of attempts look things up in.

use std::collections::{BTreeMap, BTreeSet};

use crate::flow::{Conversation, MAX_SYNS};
use crate::time::Timestamp;

use super::intermediaries::Intermediaries;
use super::leads::Leads;
use super::names::{self, Client, Names};
use super::{Inputs, Observed};

/// The inputs with their indexes.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub inputs: &'a Inputs<'a>,
    pub names: Names<'a>,
    pub leads: Leads,
    pub intermediaries: Intermediaries,
    ends: BTreeMap<u32, Timestamp>,
    /// Clients of whose conversations the capture shows one direction only.
    one_way: BTreeSet<Client>,
}

impl<'a> Scene<'a> {
    pub fn of(inputs: &'a Inputs<'a>) -> Self {
        let names = Names::of(inputs.lookups);
        Scene {
            inputs,
            leads: Leads::of(inputs.observed, inputs.unanswered, &names),
            names,
            intermediaries: Intermediaries::of(inputs.observed),
            ends: ends(inputs),
            one_way: one_way(inputs),
        }
    }

    /// When the captures of a vantage point end, not before `at`, which was seen.
    pub fn ends_at(&self, vantage: u32, at: Timestamp) -> Timestamp {
        self.ends.get(&vantage).copied().unwrap_or(at).max(at)
    }

    /// True when silence towards a client says nothing: no answer to it was
    /// captured at all.
    pub fn hears_nothing(&self, client: &Client) -> bool {
        self.one_way.contains(client)
    }

    /// True when silence towards the client of a conversation says nothing.
    pub fn hides_answers(&self, conversation: &Conversation) -> bool {
        self.hears_nothing(&(conversation.vantage, conversation.client.ip()))
    }
}

/// The clients that go on talking without any answer in the capture: where one
/// conversation is so and no packet at all came back, answers are not captured.
fn one_way(inputs: &Inputs<'_>) -> BTreeSet<Client> {
    let mut one_way = BTreeSet::new();
    let mut answered = BTreeSet::new();
    for seen in inputs.observed {
        let conversation = &seen.conversation;
        let client = (conversation.vantage, conversation.client.ip());
        let [sent, received] = conversation.quality.packets;
        if received > 0 {
            answered.insert(client);
        } else if sent > conversation.syns.len() as u64 && conversation.syns.len() < MAX_SYNS {
            one_way.insert(client);
        }
    }
    let refused = inputs.unanswered.iter().filter(|it| it.has_answer());
    answered.extend(refused.map(|it| (it.vantage(), it.client().ip())));
    let heard = inputs
        .lookups
        .iter()
        .filter(|lookup| lookup.answer.is_some());
    answered.extend(heard.map(names::of_client));
    one_way.retain(|client| !answered.contains(client));
    one_way
}

/// The last packet of each vantage point, as given, and where not given the
/// last one that anything read shows.
fn ends(inputs: &Inputs<'_>) -> BTreeMap<u32, Timestamp> {
    let last = |seen: &Observed| (seen.conversation.vantage, seen.conversation.last.at);
    let shown = inputs.observed.iter().map(last);
    let tried = inputs.unanswered.iter();
    let shown = shown.chain(tried.map(|it| (it.vantage(), it.last().at)));
    let asked = inputs.lookups.iter().flat_map(|lookup| {
        let answer = lookup.answer.iter().map(|answer| answer.sighting.at);
        let times = lookup
            .questions
            .iter()
            .map(|question| question.at)
            .chain(answer);
        times.map(|at| (lookup.vantage, at))
    });
    let given = inputs
        .capture_ends
        .iter()
        .map(|(vantage, at)| (*vantage, *at));
    let mut ends: BTreeMap<u32, Timestamp> = BTreeMap::new();
    for (vantage, at) in shown.chain(asked).chain(given) {
        let end = ends.entry(vantage).or_insert(at);
        *end = at.max(*end);
    }
    ends
}
