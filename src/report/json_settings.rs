//! In the JSON report: the options that decide what is found, so that a second
//! examiner can repeat the run.

use serde::Serialize;

use super::json_ids::time;
use crate::pipeline::Settings;

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonSettings {
    site: Option<String>,
    machine: Option<String>,
    from: Option<String>,
    to: Option<String>,
    all_http: bool,
    roots_given: bool,
}

impl JsonSettings {
    pub(super) fn from_settings(settings: &Settings) -> Self {
        JsonSettings {
            site: settings.site.clone(),
            machine: settings.machine.clone(),
            from: settings.from.map(time),
            to: settings.to.map(time),
            all_http: settings.all_http,
            roots_given: settings.roots,
        }
    }
}
