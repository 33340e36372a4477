//! The events of `Microsoft-Windows-CAPI2/Operational`, typed.
//!
//! Layout: observed in real logs of Windows 7; `docs/FORMATS.md`, "Events".
//! Numbers in `value` attributes are hexadecimal without a prefix.

use super::event::LogEvent;
use super::xml::Element;
use crate::time::Timestamp;

/// Event 53: one object fetched, or not, over the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireRetrieval {
    /// The URL.
    pub url: String,
    /// `CONTEXT_OID_CRL`, `CONTEXT_OID_CERTIFICATE`, `CONTEXT_OID_CTL`, ….
    pub object_type: Option<String>,
    /// 0, a WinHTTP number, or an HRESULT.
    pub result: u32,
    /// How the proxy was chosen, in order.
    pub proxy: ProxyChoice,
    /// The error of the last action that failed, such as sending the request.
    pub error: Option<u32>,
    /// Request lines.
    pub request: Vec<String>,
    /// Response lines.
    pub response: Vec<String>,
    /// SHA-1 of the objects it brought, in hex.
    pub objects: Vec<String>,
}

/// Which way a request was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ProxyChoice {
    /// The event does not say.
    #[default]
    Unsaid,
    /// `NoProxy`: straight.
    Direct,
    /// `ProxyListAndByPassList`: the proxy as it was configured.
    Proxy(String),
}

/// Event 11: a chain that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedChain {
    /// SHA-1 of the leaf, in hex.
    pub leaf: String,
    /// Its short name.
    pub subject: String,
    /// The time it was judged at, where the caller gave one.
    pub validation_time: Option<Timestamp>,
    /// Usages asked for.
    pub usages: Vec<String>,
    /// `user` or `machine`.
    pub context: Option<String>,
    /// Joins it with events 30 and 81.
    pub chain_ref: Option<String>,
    /// The bits of the chain.
    pub error_status: u32,
    /// The elements, leaf first.
    pub elements: Vec<LoggedElement>,
    /// What the function returned.
    pub result: u32,
}

/// An element of a logged chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedElement {
    /// SHA-1, in hex.
    pub sha1: String,
    /// Short name.
    pub subject: String,
    /// Its error bits.
    pub error_status: u32,
    /// Its information bits.
    pub info_status: u32,
}

/// Event 30: what a policy made of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyResult {
    /// `CERT_CHAIN_POLICY_SSL` and the like.
    pub policy: String,
    /// The server that was asked for, in the SSL policy.
    pub server: Option<String>,
    /// Joins it with event 11.
    pub chain_ref: Option<String>,
    /// SHA-1 of the leaf.
    pub leaf: Option<String>,
    /// The HRESULT.
    pub result: u32,
}

/// Events 41 and 42: a revocation check, or an answer that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationResult {
    /// Short name of the certificate.
    pub subject: String,
    /// Its SHA-1.
    pub leaf: Option<String>,
    /// Where the answer came from: `TvoCache`, `UrlCache`, `Wire`.
    pub location: Option<String>,
    /// Its URL.
    pub url: Option<String>,
    /// Why it was refused: `CheckTimeValidity` and the like.
    pub action: Option<String>,
    /// The HRESULT.
    pub result: u32,
}

/// Reads event 53 (and 51, which has the same form but for the actions).
#[must_use]
pub fn wire(event: &LogEvent) -> Option<WireRetrieval> {
    if event.id != WIRE {
        return None;
    }
    let data = &event.data;
    let url = data.child("URL")?;
    let actions: Vec<&Element> = data
        .child("AdditionalInfo")
        .map(|info| info.all("Action").collect())
        .unwrap_or_default();
    let lines = |name: &str| {
        let headers = data.find(name);
        let lines = headers.map(|headers| headers.all("Header").map(|line| line.text.clone()));
        lines.map(Iterator::collect).unwrap_or_default()
    };
    Some(WireRetrieval {
        url: url.text.clone(),
        object_type: data
            .child("Object")
            .and_then(|object| object.attribute("type"))
            .map(str::to_owned),
        result: result_of(data),
        proxy: proxy_of(&actions),
        error: actions
            .iter()
            .filter(|action| action.attribute("name") != Some("WriteToCache"))
            .filter(|action| action.attribute("name") != Some("Call_WinHttpGetProxyForUrl"))
            .filter_map(|action| action.child("Error")?.hex("value"))
            .next_back(),
        request: lines("HTTPRequestHeadersInfo"),
        response: lines("HTTPResponseHeadersInfo"),
        objects: objects_of(data),
    })
}

/// `CryptRetrieveObjectByUrlWire`, its end.
const WIRE: u32 = 53;

fn proxy_of(actions: &[&Element]) -> ProxyChoice {
    let mut choice = ProxyChoice::Unsaid;
    for action in actions {
        match action.attribute("name") {
            Some("NoProxy") => choice = ProxyChoice::Direct,
            Some("ProxyListAndByPassList") => {
                if let Some(proxy) = action.attribute("parameter1") {
                    choice = ProxyChoice::Proxy(proxy.to_owned());
                }
            }
            _ => {}
        }
    }
    choice
}

/// Reads event 11.
#[must_use]
pub fn chain(event: &LogEvent) -> Option<LoggedChain> {
    if event.id != 11 {
        return None;
    }
    let data = &event.data;
    let leaf = data.child("Certificate")?;
    let built = data.child("CertificateChain");
    let status = |of: &Element, name: &str| {
        let status = of
            .child("TrustStatus")
            .and_then(|status| status.child(name));
        status.and_then(|status| status.hex("value")).unwrap_or(0)
    };
    let element = |element: &Element| {
        let certificate = element.child("Certificate")?;
        Some(LoggedElement {
            sha1: file_ref(certificate)?,
            subject: subject(certificate),
            error_status: status(element, "ErrorStatus"),
            info_status: status(element, "InfoStatus"),
        })
    };
    let elements = built
        .into_iter()
        .flat_map(|built| built.all("ChainElement"));
    let usages = data
        .child("ExtendedKeyUsage")
        .into_iter()
        .flat_map(|usages| usages.all("Usage"));
    Some(LoggedChain {
        leaf: file_ref(leaf)?,
        subject: subject(leaf),
        validation_time: data
            .child("ValidationTime")
            .and_then(|time| Timestamp::from_rfc3339(&time.text)),
        usages: usages
            .filter_map(|usage| usage.attribute("oid").map(str::to_owned))
            .collect(),
        context: data
            .child("ChainEngineInfo")
            .and_then(|info| info.attribute("context"))
            .map(str::to_owned),
        chain_ref: chain_ref(data),
        error_status: built.map_or(0, |built| status(built, "ErrorStatus")),
        elements: elements.filter_map(element).collect(),
        result: result_of(data),
    })
}

/// Reads event 30.
#[must_use]
pub fn policy(event: &LogEvent) -> Option<PolicyResult> {
    if event.id != 30 {
        return None;
    }
    let data = &event.data;
    let server = data
        .find("SSLAdditionalPolicyInfo")
        .and_then(|info| info.attribute("serverName"));
    Some(PolicyResult {
        policy: data.child("Policy")?.attribute("type")?.to_owned(),
        server: server.map(str::to_owned),
        chain_ref: chain_ref(data),
        leaf: data.child("Certificate").and_then(file_ref),
        result: result_of(data),
    })
}

/// Reads events 41 and 42.
#[must_use]
pub fn revocation(event: &LogEvent) -> Option<RevocationResult> {
    if event.id != 41 && event.id != 42 {
        return None;
    }
    let data = &event.data;
    let certificate = data
        .child("Certificate")
        .or_else(|| data.child("SubjectCertificate"))?;
    let answer = data
        .find("CertificateRevocationList")
        .or_else(|| data.find("OCSPResponse"));
    let attribute = |name: &str| {
        let value = answer.and_then(|answer| answer.attribute(name));
        value.map(str::to_owned)
    };
    Some(RevocationResult {
        subject: subject(certificate),
        leaf: file_ref(certificate),
        location: attribute("location"),
        url: attribute("url"),
        action: data
            .find("Action")
            .and_then(|action| action.attribute("name"))
            .map(str::to_owned),
        result: result_of(data),
    })
}

/// SHA-1 of every object that an event names, in hex, sorted: what the machine
/// held then.
#[must_use]
pub fn objects(event: &LogEvent) -> Vec<String> {
    match event.id {
        51 | 53 => objects_of(&event.data),
        11 | 90 => refs_below(&event.data),
        _ => Vec::new(),
    }
}

fn objects_of(data: &Element) -> Vec<String> {
    data.child("RetrievedObjects")
        .map(refs_below)
        .unwrap_or_default()
}

fn refs_below(element: &Element) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![element];
    while let Some(element) = waiting.pop() {
        found.extend(file_ref(element));
        waiting.extend(&element.children);
    }
    found.sort();
    found.dedup();
    found
}

/// `fileRef`: the SHA-1 of the object in hex, and an extension.
fn file_ref(element: &Element) -> Option<String> {
    let name = element.attribute("fileRef")?.split('.').next()?;
    let is_hash = name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| name.to_ascii_lowercase())
}

fn subject(element: &Element) -> String {
    element
        .attribute("subjectName")
        .unwrap_or_default()
        .to_owned()
}

fn chain_ref(data: &Element) -> Option<String> {
    let chain = data.child("CertificateChain")?;
    chain.attribute("chainRef").map(str::to_owned)
}

fn result_of(data: &Element) -> u32 {
    let result = data.child("Result");
    result.and_then(|result| result.hex("value")).unwrap_or(0)
}
