//! Chunks to messages, found by content and never by port.

pub mod dns;
pub mod http;
pub mod tls;
