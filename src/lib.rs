//! whychain answers one question from recorded evidence: why did
//! certificate-chain validation fail on that machine, at that time?
//!
//! Bytes flow one way. `evidence` opens files; `capture`, `packet`, `flow` and
//! `protocol` turn captures into messages; `cryptnet` reads Windows' cache;
//! `pki` reads the objects found. `retrieval` says what was fetched and how,
//! `chain` says what was needed, `diagnosis` joins the two, `report` writes.
//! `docs/ARCHITECTURE.md` has the map and the invariants.

pub mod account;
pub mod bytes;
pub mod issue;
pub mod provenance;
pub mod time;
pub mod words;

pub mod capture;
pub mod case;
pub mod chain;
pub mod clock;
pub mod cryptnet;
pub mod diagnosis;
pub mod evidence;
pub mod fleet;
pub mod flow;
pub mod given;
pub mod host;
pub mod pac;
pub mod packet;
pub mod phrase;
pub mod pipeline;
pub mod pki;
pub mod protocol;
pub mod recall;
pub mod report;
pub mod retrieval;
pub mod timeline;
