//! The truth about a fleet, as JSON.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::hand_over::HandOver;
use super::objects::Object;
use super::plan::{Host, SYSTEM_HOLDS};
use super::wire::Instant;

/// What is so, one object a machine.
pub fn truth(host: &Host, hand_overs: &[HandOver]) -> Value {
    let (state, cause) = host.kind.answer().unzip();
    let files: Vec<&str> = hand_overs.iter().map(|it| &*it.file).collect();
    let holds = hand_overs.iter().flat_map(|it| &it.holds);
    let holds = holds.map(|(object, came)| held(object, Some(*came)));
    let system = host.hands_over_caches().then(|| held(&SYSTEM_HOLDS, None));
    let last = hand_overs.last().into_iter().flat_map(|it| &it.holds);
    let last = last.map(|(object, _)| held(object, None));
    json!({
        "name": host.name,
        "address": host.address.map(|octet| octet.to_string()).join("."),
        "site": host.site.name,
        "proxy": host.site.proxy.map(|(address, port)| {
            format!("{}:{port}", address.map(|octet| octet.to_string()).join("."))
        }),
        "kind": format!("{:?}", host.kind),
        "state": state,
        "root_cause": cause.flatten(),
        "before": host.handed_over_before.then_some("ctl-body-not-cabinet"),
        "clock_ahead_s": host.clock_ahead / super::wire::SECOND,
        "hand_overs": files,
        "begins_at": hand_overs.iter().map(|it| rfc3339(it.begins_at)).collect::<Vec<_>>(),
        "held": holds.chain(system.clone()).collect::<Vec<_>>(),
        "holds": last.chain(system).collect::<Vec<_>>(),
    })
}

fn held(object: &Object, came: Option<Instant>) -> Value {
    json!({
        "object": object.name,
        "sha256": object.sha256(),
        "came_at": came.map(rfc3339),
    })
}

fn rfc3339(at: Instant) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(at.into()).unwrap();
    at.format(&Rfc3339).unwrap()
}
