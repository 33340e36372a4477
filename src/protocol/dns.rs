//! DNS questions with their answers.

use std::net::{IpAddr, SocketAddr};

use crate::provenance::Sighting;

/// One name looked up by one client, with its retries and the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The vantage point of the capture.
    pub vantage: u32,
    /// Who asked.
    pub client: SocketAddr,
    /// Who was asked (first server).
    pub server: SocketAddr,
    /// The name, lower case, without the final dot.
    pub name: String,
    /// QTYPE.
    pub question_type: u16,
    /// The question and its repetitions.
    pub questions: Vec<Sighting>,
    /// The answer.
    pub answer: Option<Answer>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// RCODE: 0 no error, 2 SERVFAIL, 3 NXDOMAIN, …
    pub response_code: u16,
    /// Addresses given.
    pub addresses: Vec<IpAddr>,
    /// The names of a CNAME chain, in order.
    pub aliases: Vec<String>,
    /// The frame.
    pub sighting: Sighting,
}
