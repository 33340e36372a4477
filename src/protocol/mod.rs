//! Chunks to messages, found by content and never by port.
//!
//! [`Dialogue`] is what `flow` feeds with the bytes of one TCP conversation;
//! it yields a [`Transcript`]: HTTP exchanges, TLS handshakes, the tunnels they
//! ran in, LDAP searches and DNS questions over TCP. [`dns::Lookups`],
//! [`local_names::LocalNames`] and [`dhcp::dhcp_message`] take datagrams one by
//! one.

pub mod dhcp;
pub mod dns;
pub mod http;
pub mod key_log;
pub mod ldap;
pub mod local_names;
pub mod negotiate;
pub mod ntlm;
pub mod ntp;
pub mod proxy_auth;
pub mod quic;
pub mod tls;

mod ber;
mod body;
mod body_sink;
mod chunked;
mod content_coding;
mod dialogue;
mod dns_message;
mod dns_stream;
mod exchanges;
mod head_buffer;
mod http_dialogue;
mod http_framing;
mod http_head;
mod http_messages;
mod http_tunnel;
mod netbios;
mod recognition;
mod record_keys;
pub mod room;
mod sniff;
mod socks;
mod starttls;
mod tls_certificates;
mod tls_dialogue;
mod tls_handshake;
mod tls_hidden;
mod tls_inside;
mod tls_messages;
mod tls_opened;
mod tls_records;
mod transcript;

pub use dialogue::Dialogue;
pub use transcript::{End, Recognition, Socks, Transcript, Tunnel};

#[cfg(test)]
mod cut_trial;
#[cfg(test)]
mod http_trial;
#[cfg(test)]
mod https_trial;
#[cfg(test)]
mod tls_keys_trial;
#[cfg(test)]
mod tls_trial;
#[cfg(test)]
mod trial;
