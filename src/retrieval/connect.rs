//! How one try to open a connection ended.

use crate::flow::{CloseKind, Conversation, Direction, MAX_SYNS, RefusalKind};
use crate::provenance::Sighting;
use crate::time::Span;

use super::scene::Scene;
use super::{Outcome, ending};

/// True when the connection was not opened, or was reset by the server before
/// anything was said, and the capture would show it if it were otherwise.
pub(super) fn never_opened(conversation: &Conversation) -> bool {
    let quality = &conversation.quality;
    let silent =
        quality.bytes == [0, 0] && quality.missing == [0, 0] && !conversation.syns.is_empty();
    let [from_client, _] = quality.packets;
    // More than SYNs from a client that was not answered: the answer was not captured.
    let only_syns = from_client <= conversation.syns.len() as u64
        || conversation.syns.len() >= MAX_SYNS
        || conversation.refusal.is_some();
    let closed_at_once = reset_by_server(conversation).is_some();
    silent && (closed_at_once || (conversation.syn_ack.is_none() && only_syns))
}

/// The RST of a server that came before any close of the client.
pub(super) fn reset_by_server(conversation: &Conversation) -> Option<Sighting> {
    let first = conversation.closes.first()?;
    let is_reset = first.by == Direction::ToClient && first.how == CloseKind::Reset;
    is_reset.then_some(first.sighting)
}

pub(super) fn last_sign(conversation: &Conversation) -> Sighting {
    let refusal = conversation.refusal.map(|refusal| refusal.sighting);
    refusal
        .or(conversation.syns.last().copied())
        .unwrap_or(conversation.last)
}

/// How one try ended.
pub(super) fn judge(scene: &Scene<'_>, conversation: &Conversation) -> (Outcome, Option<String>) {
    if let Some(refusal) = conversation.refusal {
        return match refusal.how {
            RefusalKind::Reset => (Outcome::Refused, None),
            RefusalKind::Unreachable {
                icmp_type,
                code,
                v6,
            } => {
                let version = if v6 { "v6" } else { "" };
                let text = format!(
                    "ICMP{version} type {icmp_type} code {code} from {}",
                    refusal.from
                );
                (Outcome::Unreachable, Some(text))
            }
        };
    }
    let opened = conversation.syn_ack;
    match (opened, reset_by_server(conversation)) {
        (Some(opened), Some(reset)) => return ending::reset_at_once(reset, opened),
        (None, Some(_)) => return (Outcome::Refused, None),
        _ => {}
    }
    let ends_at = scene.ends_at(conversation.vantage, conversation.last.at);
    let waited = ends_at.since(conversation.first.at);
    let count = conversation.syns.len();
    let needed = match count {
        0 | 1 => WAIT_AFTER_ONE,
        2 => WAIT_AFTER_TWO,
        _ => 0,
    };
    if waited < Span::seconds(needed) || scene.hides_answers(conversation) {
        return (Outcome::IncompleteCapture, None);
    }
    let over = ending::seconds(last_sign(conversation).at.since(conversation.first.at));
    let text = match count {
        1 => "1 SYN unanswered".to_string(),
        _ => format!("{count} SYNs unanswered over {over}"),
    };
    (Outcome::ConnectTimeout, Some(text))
}

/// The capture must show that no answer came: a lone SYN for as long as
/// Windows needs for its second repetition, two for as long as one repetition
/// takes at most. Three are enough by themselves.
const WAIT_AFTER_ONE: i64 = 10;
const WAIT_AFTER_TWO: i64 = 3;
