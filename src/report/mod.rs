//! Writes what was found: text for people, JSON for programs. The only module
//! that knows JSON, color and width.

pub mod batch;
pub mod csv;
pub mod html;
pub mod json;
pub mod l2tcsv;
pub mod listing;
pub mod lists;
pub mod lists_cache;
pub mod look;
pub mod markdown;
pub mod objects;
#[cfg(any(test, feature = "schema"))]
pub mod schema;
pub mod share;
pub mod text;
pub mod timesketch;
pub mod trust_list;

mod axis;
mod axis_picture;
mod cache_matrix;
mod cells;
mod chain_facts;
mod chain_picture;
mod chain_view;
mod chains;
mod cite;
mod command;
mod facts;
mod given;
mod grid;
mod html_answer;
mod html_facts;
mod html_findings;
mod html_ledger;
mod html_matrix;
mod html_pictures;
mod html_tables;
mod html_timeline;
mod impact;
mod json_artifact;
mod json_cache;
mod json_case;
mod json_chain;
mod json_cited;
mod json_diagnosis;
mod json_holding;
mod json_ids;
mod json_network;
mod json_settings;
mod json_status;
mod markdown_facts;
mod markdown_text;
mod network;
mod page;
mod records;
pub mod reproof;
mod reproof_lists;
mod reproof_match;
mod reproof_rest;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod sample_case;
mod scale;
mod sequence;
mod sequence_picture;
mod share_fields;
mod share_learn;
mod share_public;
mod share_scan;
mod share_words;
mod svg;
mod table;
mod tables;
mod text_story;
mod why;

pub use look::{Detail, Look, Zone};
