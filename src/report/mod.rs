//! Writes what was found: text for people, JSON for programs. The only module
//! that knows JSON, color and width.

pub mod json;
pub mod lists;
pub mod look;
pub mod text;

mod cache_matrix;
mod cells;
mod chains;
mod cite;
mod facts;
mod json_artifact;
mod json_cache;
mod json_case;
mod json_chain;
mod json_diagnosis;
mod json_ids;
mod page;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod sample_case;
mod table;
mod tables;
mod why;

pub use look::{Look, Zone};
