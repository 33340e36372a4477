//! Which program opened a TLS connection, as far as its own requests in clear
//! tell: the CONNECT that made the tunnel, or the plain request that the same
//! client was just sent on to TLS from.

use super::Handshake;
use crate::protocol::http::Exchange;
use crate::provenance::{Cite, Sighting};
use crate::retrieval::Observed;
use crate::time::Span;

/// The program behind a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its `User-Agent`, as sent.
    pub agent: String,
    /// The request that carried it.
    pub basis: ProgramBasis,
    /// That request.
    pub cite: Cite,
}

/// Which request names the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProgramBasis {
    /// The CONNECT request of the tunnel that the handshake ran in.
    Connect,
    /// A request in clear to the same host by the same client, which was
    /// answered with a redirect to TLS.
    Redirected,
}

/// A browser follows a redirect at once; a user who answers a dialog first
/// needs seconds.
const FOLLOWS_WITHIN: Span = Span::seconds(10);

/// Names the program of each handshake that has a request to tell it.
pub fn name(handshakes: &mut [Handshake], observed: &[Observed]) {
    let redirects: Vec<Redirected<'_>> = observed.iter().flat_map(redirected).collect();
    for handshake in handshakes
        .iter_mut()
        .filter(|handshake| handshake.program.is_none())
    {
        let Some(site) = handshake.site.as_deref() else {
            continue;
        };
        let sent_on = redirects.iter().filter(|redirect| {
            redirect.vantage == handshake.vantage
                && redirect.client == handshake.client.ip()
                && redirect.host.eq_ignore_ascii_case(site)
                && redirect.answered.at <= handshake.at
                && handshake.at.since(redirect.answered.at) <= FOLLOWS_WITHIN
        });
        handshake.program = sent_on
            .max_by_key(|redirect| redirect.answered.at)
            .map(|redirect| Program {
                agent: redirect.agent.to_owned(),
                basis: ProgramBasis::Redirected,
                cite: redirect.asked.cite(),
            });
    }
}

/// The program that asked for the tunnel of a conversation.
#[must_use]
pub fn of_tunnel(exchanges: &[Exchange], authority: &str) -> Option<Program> {
    let requests = exchanges
        .iter()
        .filter_map(|exchange| exchange.request.as_ref());
    let connect = requests
        .filter(|request| request.method.eq_ignore_ascii_case("CONNECT"))
        .filter(|request| request.target.eq_ignore_ascii_case(authority));
    let mut agents = connect.filter_map(|request| {
        Some(Program {
            agent: request.headers.get("User-Agent")?.to_owned(),
            basis: ProgramBasis::Connect,
            cite: request.first.cite(),
        })
    });
    agents.next_back()
}

/// A request in clear that was answered with a redirect to TLS on some host.
struct Redirected<'a> {
    vantage: u32,
    client: std::net::IpAddr,
    agent: &'a str,
    host: String,
    asked: Sighting,
    answered: Sighting,
}

fn redirected(observed: &Observed) -> impl Iterator<Item = Redirected<'_>> {
    let conversation = &observed.conversation;
    observed.exchanges.iter().filter_map(move |exchange| {
        let request = exchange.request.as_ref()?;
        let response = exchange.response.as_ref()?;
        if !(300..400).contains(&response.status) {
            return None;
        }
        let location = response.headers.get("Location")?;
        if !location
            .get(..8)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
        {
            return None;
        }
        Some(Redirected {
            vantage: conversation.vantage,
            client: conversation.client.ip(),
            agent: request.headers.get("User-Agent")?,
            host: super::questions::host_of(location)?.to_owned(),
            asked: request.first,
            answered: response.first,
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::flow::ConversationId;
    use crate::protocol::http::{Ending, Headers, Request};
    use crate::provenance::EvidenceId;
    use crate::time::Timestamp;

    fn connect(target: &str, agent: Option<&str>) -> Exchange {
        let sighting = Sighting {
            at: Timestamp::from_unix(1_600_000_000, 0).unwrap(),
            evidence: EvidenceId(0),
            packet: 4,
        };
        let headers = agent
            .map(|agent| ("User-Agent".to_owned(), agent.to_owned()))
            .into_iter();
        Exchange {
            conversation: ConversationId(0),
            index: 0,
            tunnel: None,
            encrypted: false,
            request: Some(Request {
                method: "CONNECT".to_owned(),
                target: target.to_owned(),
                headers: Headers(headers.collect()),
                first: sighting,
                last: sighting,
                body: None,
            }),
            response: None,
            ending: Ending::Complete,
        }
    }

    #[test]
    fn a_tunnel_is_named_by_the_connect_that_made_it() {
        let exchanges = [connect("a.example:443", Some("Firefox/115.0"))];
        let program = of_tunnel(&exchanges, "A.example:443").unwrap();
        assert_eq!(program.agent, "Firefox/115.0");
        assert_eq!(program.basis, ProgramBasis::Connect);
        assert_eq!(of_tunnel(&exchanges, "b.example:443"), None);
        assert_eq!(
            of_tunnel(&[connect("a.example:443", None)], "a.example:443"),
            None
        );
    }
}
