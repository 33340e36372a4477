//! Who validated: Windows' CryptoAPI, a verifier that the program brings
//! along, an inspecting proxy, or nobody knows.
//!
//! Only what the evidence says decides: the `User-Agent` of the CONNECT or of
//! the request that was redirected to TLS, a process named by a log, a fetch by
//! CryptoAPI of what this very chain names, a client that is a proxy itself.
//! The shape of a ClientHello and the number of an alert never decide.

use super::failure::{Verifier, VerifierKind};
use super::links::{NEARBY, NEARBY_SECONDS};
use crate::case::programs::{Program, ProgramBasis};
use crate::case::{Case, Handshake};
use crate::pki::certificate::{CA_ISSUERS, OCSP};
use crate::retrieval::Retrieval;
use crate::time::Span;

/// Who validated the server of a handshake.
#[must_use]
pub fn of_handshake(case: &Case, handshake: &Handshake) -> Verifier {
    if is_proxy(case, handshake) {
        return Verifier {
            kind: VerifierKind::Proxy,
            name: None,
            basis: format!(
                "{} is a proxy of other clients in this evidence, and opened this connection itself",
                handshake.client.ip()
            ),
        };
    }
    if let Some(logged) = logged(case, handshake) {
        return logged;
    }
    let fetched = fetched_for(case, handshake);
    if let Some(program) = &handshake.program
        && let Some(named) = of_agent(&program.agent)
    {
        return of_program(case, handshake, program, named, fetched);
    }
    match fetched {
        Some(retrieval) => Verifier {
            kind: VerifierKind::Capi,
            name: retrieval
                .process
                .clone()
                .or_else(|| retrieval.user_agent.clone()),
            basis: format!(
                "CryptoAPI fetched {}, which this chain names",
                retrieval.url.as_deref().unwrap_or("an object")
            ),
        },
        None => Verifier {
            kind: VerifierKind::Unknown,
            name: handshake
                .program
                .as_ref()
                .map(|program| program.agent.clone()),
            basis: "nothing in the evidence names the program that validated".to_owned(),
        },
    }
}

/// A chain that the CAPI2 log tells of for this handshake's leaf, while the
/// handshake ran: its process validated.
fn logged(case: &Case, handshake: &Handshake) -> Option<Verifier> {
    let (_, leaf) = case.leaf_of(handshake)?;
    let leaf = crate::bytes::to_hex(&leaf.sha1);
    let end = handshake
        .reaction
        .map_or(handshake.ended_at, |reaction| reaction.at);
    let span = handshake.at.plus(MARGIN_BEFORE)..=end.plus(MARGIN_AFTER);
    let all = case.hosts.iter().zip(&case.host_machines);
    let own = all.filter(|(_, machine)| machine.is_some() && **machine == handshake.machine);
    let mut found = own.flat_map(|(source, _)| source.events()).filter(|event| {
        span.contains(&event.at)
            && crate::host::capi::chain(event).is_some_and(|chain| chain.leaf == leaf)
    });
    let event = found.next()?;
    // Two validations of one leaf at one time: either may be this one.
    if found.any(|other| other.process_id != event.process_id) {
        return None;
    }
    Some(Verifier {
        kind: VerifierKind::Capi,
        name: event.process.clone(),
        basis: format!(
            "the CAPI2 log has the chain of this certificate (record {}) while the handshake ran",
            event.record
        ),
    })
}

/// A record is written when the chain is built, before the reaction is sent; the
/// log's clock and the capture's may differ by this much on one machine.
const MARGIN_BEFORE: Span = Span::seconds(-1);
const MARGIN_AFTER: Span = Span::seconds(1);

fn of_program(
    case: &Case,
    handshake: &Handshake,
    program: &Program,
    (brings, name): (Brings, String),
    fetched: Option<&Retrieval>,
) -> Verifier {
    let request = match program.basis {
        ProgramBasis::Connect => "the CONNECT request of this connection",
        ProgramBasis::Redirected => {
            "the request in clear that this client was redirected to TLS from"
        }
    };
    let names = format!("{request} names {name}");
    let (kind, basis) = match (brings, fetched) {
        (Brings::Own, _) => (
            VerifierKind::Own,
            format!("{names}, which brings its own verifier and roots"),
        ),
        (Brings::Capi, _) => (VerifierKind::Capi, format!("{names}, which asks CryptoAPI")),
        (Brings::Either, Some(retrieval)) => (
            VerifierKind::Capi,
            format!(
                "{names}, and CryptoAPI fetched {}, which this chain names",
                retrieval.url.as_deref().unwrap_or("an object")
            ),
        ),
        (Brings::Either, None) if is_windows(case, handshake) => (
            VerifierKind::Unknown,
            format!("{names}, which on Windows is built with CryptoAPI or without it"),
        ),
        (Brings::Either, None) => (
            VerifierKind::Own,
            format!("{names}, and nothing of Windows is seen of this machine"),
        ),
    };
    Verifier {
        kind,
        name: Some(name),
        basis,
    }
}

/// Which verifier a program uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brings {
    /// A verifier and roots of its own, on every system.
    Own,
    /// CryptoAPI.
    Capi,
    /// Builds of both kinds exist for Windows.
    Either,
}

/// The Chrome release that brought the Chrome Root Store and its verifier to
/// Windows (Chromium, "Chrome Root Program", 2022).
const CHROME_OWN_SINCE: u32 = 105;
/// Edge releases before this one asked CryptoAPI; those up to the next number
/// did by policy (Microsoft, "MicrosoftRootStoreEnabled").
const EDGE_CAPI_BEFORE: u32 = 109;
const EDGE_OWN_SINCE: u32 = 112;

/// What a `User-Agent` tells of the verifier behind it; `None` for those that
/// are not in this table. The name has the major version.
#[must_use]
pub fn of_agent(agent: &str) -> Option<(Brings, String)> {
    let version = |token: &str| version_after(agent, token);
    let named = |name: &str, token: &str| match version(token) {
        Some(number) => format!("{name} {number}"),
        None => name.to_owned(),
    };
    let windows = agent.contains("Windows");
    for token in ["Firefox/", "Thunderbird/"] {
        if agent.contains(token) {
            return Some((Brings::Own, named(token.trim_end_matches('/'), token)));
        }
    }
    if agent.contains("Trident/") || agent.contains("MSIE ") {
        return Some((Brings::Capi, "Internet Explorer".to_owned()));
    }
    if agent.contains("Edge/") {
        return Some((Brings::Capi, named("Edge", "Edge/")));
    }
    if agent.contains("Edg/") {
        let brings = match version("Edg/") {
            _ if !windows => Brings::Own,
            Some(number) if number < EDGE_CAPI_BEFORE => Brings::Capi,
            Some(number) if number >= EDGE_OWN_SINCE => Brings::Own,
            _ => Brings::Either,
        };
        return Some((brings, named("Edge", "Edg/")));
    }
    for token in ["Chrome/", "Chromium/"] {
        if agent.contains(token) {
            let old = version(token).is_some_and(|number| number < CHROME_OWN_SINCE);
            let brings = if old && windows {
                Brings::Capi
            } else {
                Brings::Own
            };
            return Some((brings, named("Chrome", token)));
        }
    }
    if agent.contains("Safari/") {
        return Some((Brings::Own, "Safari".to_owned()));
    }
    of_tool(agent, windows)
}

/// Programs whose `User-Agent` begins with their name.
fn of_tool(agent: &str, windows: bool) -> Option<(Brings, String)> {
    const CAPI: [&str; 9] = [
        "Microsoft-CryptoAPI/",
        "CertUtil",
        "Windows-Update-Agent",
        "Microsoft BITS/",
        "Microsoft-Delivery-Optimization/",
        "Microsoft-WNS/",
        "WinHTTP",
        "Microsoft-WebDAV",
        "SCCM",
    ];
    const OWN: [&str; 12] = [
        "Java/",
        "Java-http-client/",
        "Apache-HttpClient/",
        "okhttp/",
        "python-requests/",
        "Python-urllib/",
        "python-httpx/",
        "Python/",
        "node-fetch",
        "axios/",
        "Wget/",
        "OpenSSL",
    ];
    const EITHER: [&str; 6] = [
        "curl/",
        "libcurl/",
        "git/",
        "Go-http-client/",
        "pip/",
        "python-urllib3/",
    ];
    let begins = |names: &[&str]| {
        names.iter().any(|name| {
            agent
                .get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
        })
    };
    let name = agent.split_whitespace().next().unwrap_or_default();
    let name = name.replacen('/', " ", 1);
    if begins(&CAPI) || (windows && agent.contains("PowerShell/")) {
        return Some((Brings::Capi, name));
    }
    let library = |names: &[&str]| names.iter().any(|library| agent.contains(library));
    if library(&["Schannel", "schannel", "WinSSL"]) {
        return Some((Brings::Capi, name));
    }
    if begins(&OWN) || library(&["OpenSSL/", "GnuTLS/", "LibreSSL/", "BoringSSL", "NSS/"]) {
        return Some((Brings::Own, name));
    }
    begins(&EITHER).then_some((Brings::Either, name))
}

fn version_after(agent: &str, token: &str) -> Option<u32> {
    let rest = agent.split(token).nth(1)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The fetch by CryptoAPI, near the handshake, of something that the server's
/// certificates name.
fn fetched_for<'a>(case: &'a Case, handshake: &Handshake) -> Option<&'a Retrieval> {
    handshake.machine?;
    let certificates = handshake
        .artifacts
        .iter()
        .filter_map(|index| case.certificate(*index));
    let mut urls: Vec<&str> = Vec::new();
    let mut responders: Vec<&str> = Vec::new();
    for certificate in certificates {
        urls.extend(certificate.access_urls(CA_ISSUERS));
        urls.extend(certificate.crl_urls());
        responders.extend(certificate.access_urls(OCSP));
    }
    let is_named = |url: &str| {
        let names = |wanted: &&str| crate::cryptnet::same_resource(url, wanted);
        let asks = |responder: &&str| {
            let base = responder.trim_end_matches('/');
            url.strip_prefix(base)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        urls.iter().any(names) || responders.iter().any(asks)
    };
    let from = handshake.at.plus(Span::seconds(-NEARBY_SECONDS));
    let to = handshake.at.plus(NEARBY);
    let near = case.attempts_between(handshake.machine, from, to);
    near.into_iter()
        .filter_map(|index| case.retrievals.get(index))
        .find(|it| is_crypto_api(it) && it.url.as_deref().is_some_and(is_named))
}

/// True for requests that CryptoAPI or certutil makes.
#[must_use]
pub fn is_crypto_api(retrieval: &Retrieval) -> bool {
    retrieval.user_agent.as_deref().is_some_and(|agent| {
        agent.starts_with("Microsoft-CryptoAPI") || agent.starts_with("CertUtil URL Agent")
    })
}

/// True when anything of Windows is seen of the machine: CryptoAPI's requests,
/// or its caches.
fn is_windows(case: &Case, handshake: &Handshake) -> bool {
    let machine = handshake.machine;
    let asks = case
        .retrievals
        .iter()
        .zip(&case.retrieval_machines)
        .any(|(retrieval, owner)| *owner == machine && is_crypto_api(retrieval));
    let keeps = || {
        machine
            .and_then(|index| case.machines.get(index))
            .is_some_and(|machine| !machine.profiles.is_empty())
    };
    machine.is_some() && (asks || keeps())
}

/// True when the client of a handshake is what other clients use as a proxy.
fn is_proxy(case: &Case, handshake: &Handshake) -> bool {
    let address = handshake.client.ip();
    let asked =
        |client: Option<std::net::SocketAddr>| client.is_none_or(|client| client.ip() != address);
    case.handshakes.iter().any(|other| {
        other.tunnel.is_some() && other.server.ip() == address && other.client.ip() != address
    }) || case.retrievals.iter().any(|retrieval| {
        retrieval.route.kind.is_explicit_proxy()
            && retrieval
                .route
                .proxy
                .is_some_and(|proxy| proxy.ip() == address)
            && asked(retrieval.client)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::diagnosis::fixtures::{OCSP, PROXY, SITE, Story};
    use crate::provenance::{Cite, EvidenceId};
    use crate::retrieval::{ObjectKind, Outcome};

    const FIREFOX: &str =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:115.0) Gecko/20100101 Firefox/115.0";
    const IE: &str = "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko";

    fn chrome(version: u32, system: &str) -> String {
        format!(
            "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
        )
    }

    fn brings(agent: &str) -> Option<Brings> {
        of_agent(agent).map(|(brings, _)| brings)
    }

    #[test]
    fn programs_are_told_by_name_and_version() {
        assert_eq!(
            of_agent(FIREFOX),
            Some((Brings::Own, "Firefox 115".to_owned()))
        );
        assert_eq!(brings(IE), Some(Brings::Capi));
        let windows = "Windows NT 10.0; Win64; x64";
        assert_eq!(brings(&chrome(104, windows)), Some(Brings::Capi));
        assert_eq!(brings(&chrome(105, windows)), Some(Brings::Own));
        assert_eq!(brings(&chrome(90, "X11; Linux x86_64")), Some(Brings::Own));
        assert_eq!(
            brings(&(chrome(108, windows) + " Edg/108.0.0.0")),
            Some(Brings::Capi)
        );
        assert_eq!(
            brings(&(chrome(120, windows) + " Edg/120.0.0.0")),
            Some(Brings::Own)
        );
        assert_eq!(brings("Java/1.8.0_301"), Some(Brings::Own));
        assert_eq!(brings("python-requests/2.31.0"), Some(Brings::Own));
        assert_eq!(brings("curl/8.4.0"), Some(Brings::Either));
        assert_eq!(
            brings("curl/7.29.0 (x86_64-pc-win32) libcurl/7.29.0 OpenSSL/0.9.8y"),
            Some(Brings::Own)
        );
        assert_eq!(
            brings("Mozilla/5.0 (Windows NT; Windows NT 10.0; de-DE) WindowsPowerShell/5.1.1"),
            Some(Brings::Capi)
        );
        assert_eq!(brings("CorpAgent/1.0"), None);
    }

    fn named(agent: &str) -> Story {
        let agent = agent.to_owned();
        Story::new()
            .rejects(&["leaf", "issuing-ca"], (9, 12))
            .handshake(|it| {
                it.program = Some(Program {
                    agent,
                    basis: ProgramBasis::Connect,
                    cite: Cite::packets(EvidenceId(0), [1]),
                });
            })
    }

    fn verifier(story: Story) -> Verifier {
        let case = story.case();
        of_handshake(&case, &case.handshakes[0])
    }

    #[test]
    fn the_connect_names_the_program_and_with_it_the_verifier() {
        let shown = verifier(named(FIREFOX));
        assert_eq!(shown.kind, VerifierKind::Own);
        assert_eq!(shown.name.as_deref(), Some("Firefox 115"));
        assert_eq!(verifier(named(IE)).kind, VerifierKind::Capi);
    }

    #[test]
    fn curl_is_unknown_on_a_machine_that_shows_windows_and_its_own_elsewhere() {
        assert_eq!(verifier(named("curl/8.4.0")).kind, VerifierKind::Own);
        let windows = named("curl/8.4.0")
            .fetch(
                ObjectKind::Other,
                "http://x.example/",
                Outcome::Ok,
                (100, 101),
            )
            .with(|it| it.user_agent = Some("Microsoft-CryptoAPI/10.0".to_owned()));
        assert_eq!(verifier(windows).kind, VerifierKind::Unknown);
    }

    fn asked(url: &str) -> Story {
        Story::new()
            .fetch(ObjectKind::Ocsp, url, Outcome::Ok, (10, 11))
            .with(|it| it.user_agent = Some("Microsoft-CryptoAPI/10.0".to_owned()))
            .rejects(&["leaf", "issuing-ca"], (9, 12))
    }

    #[test]
    fn cryptoapi_shows_itself_by_fetching_what_this_chain_names() {
        assert_eq!(verifier(asked(OCSP)).kind, VerifierKind::Capi);
        assert_eq!(
            verifier(asked("http://ocsp.other.example/MEQw")).kind,
            VerifierKind::Unknown
        );
        let later = Story::new()
            .fetch(ObjectKind::Ocsp, OCSP, Outcome::Ok, (100, 101))
            .with(|it| it.user_agent = Some("Microsoft-CryptoAPI/10.0".to_owned()))
            .rejects(&["leaf"], (9, 12));
        assert_eq!(verifier(later).kind, VerifierKind::Unknown);
    }

    #[test]
    fn a_fetch_without_the_name_of_cryptoapi_shows_nothing() {
        let other = asked(OCSP).with(|it| it.user_agent = Some(FIREFOX.to_owned()));
        assert_eq!(verifier(other).kind, VerifierKind::Unknown);
    }

    #[test]
    fn a_proxy_that_opens_connections_validates_for_itself() {
        let proxy = Story::new()
            .rejects(&["leaf"], (9, 12))
            .handshake(|it| it.client = PROXY.parse().unwrap())
            .rejects(&["leaf"], (9, 12))
            .handshake(|it| {
                it.server = PROXY.parse().unwrap();
                it.tunnel = Some(format!("{SITE}:443"));
            });
        assert_eq!(verifier(proxy).kind, VerifierKind::Proxy);
    }
}
