//! Attempts that a proxy or a server recorded: lines of access logs.

use crate::account::{Account, AccountKind};
use crate::host::access_log::{AccessForm, AccessLine};
use crate::provenance::Cite;
use crate::time::{Span, Timestamp};

use super::{
    KnownUrls, Login, ObjectKind, Outcome, RecordedBy, Retrieval, Route, RouteKind, purpose, url,
};

/// Lines of one attempt: the rounds of one login, else a single line.
#[derive(Debug, Clone)]
pub struct Accessed<'a> {
    /// Which form the log has.
    pub form: AccessForm,
    /// The lines, in order.
    pub rounds: Vec<&'a AccessLine>,
    /// The places.
    pub cites: Vec<Cite>,
}

/// The attempt that lines tell of; `None` for what has nothing to do with
/// validation, unless `all_http` asks for it, and for lines without an instant.
///
/// Client and server stay unknown: a line has no ports, and the address of the
/// proxy is not in it.
#[must_use]
pub fn accessed(told: &Accessed<'_>, known: &KnownUrls, all_http: bool) -> Option<Retrieval> {
    let (first, last) = (told.rounds.first()?, told.rounds.last()?);
    let ended_at = last.time?.utc()?;
    let begun = first.time?.utc()?;
    let started_at = begin(told.form, begun, first.took).min(ended_at);
    let is_tunnel = last.method.eq_ignore_ascii_case("CONNECT");
    let object = match is_tunnel {
        true => refused_tunnel(last, known),
        false => object(last, known),
    };
    let object = object.or_else(|| (all_http && !is_tunnel).then_some(ObjectKind::Other))?;
    if is_content_served(told.form, object, last) && !all_http {
        return None;
    }
    let mut built = Retrieval::new(started_at, ended_at);
    built.recorded_by = match told.form.is_proxy() {
        true => RecordedBy::Proxy,
        false => RecordedBy::Server,
    };
    let absolute = url::is_absolute(&last.url);
    built.host = match is_tunnel {
        true => Some(url::host_and_port(&last.url).0),
        false => url::parts(&last.url).map(|parts| parts.host),
    };
    built.url = (!is_tunnel && absolute).then(|| last.url.clone());
    built.object = object;
    built.method = Some(last.method.clone());
    built.status = last.status;
    built.user_agent.clone_from(&last.user_agent);
    built.outcome = outcome(last, object);
    built.account = last.user.as_deref().map(account);
    built.route = route(told, built.outcome);
    built.detail = Some(super::body::one_line(&detail(told.form, last)));
    built.cites.clone_from(&told.cites);
    Some(built)
}

/// squid and IIS write a line when the request has ended, Apache when it began.
fn begin(form: AccessForm, at: Timestamp, took: Option<Span>) -> Timestamp {
    match (form, took) {
        (AccessForm::Common, _) | (_, None) => at,
        (_, Some(took)) => at.earlier_by(took),
    }
}

fn object(line: &AccessLine, known: &KnownUrls) -> Option<ObjectKind> {
    let named = known.kind_of(&line.url);
    let named = named.or_else(|| purpose::by_messages(Some(&line.url), None, None));
    let agent = line.user_agent.as_deref();
    let by_cryptoapi = agent.is_none_or(|agent| agent.contains("CryptoAPI"));
    // The endings of certificates have other uses too.
    let typed = line.content_type.as_deref().is_some_and(|kind| {
        ["pkix", "x509", "pkcs7", "octet-stream"]
            .iter()
            .any(|part| kind.contains(part))
    });
    let failed = line.status.is_none_or(|status| status >= 400);
    named.filter(|kind| *kind != ObjectKind::AiaCert || by_cryptoapi || typed || failed)
}

/// A tunnel that was refused is an attempt to reach what its host is known for.
fn refused_tunnel(line: &AccessLine, known: &KnownUrls) -> Option<ObjectKind> {
    let (host, port) = url::host_and_port(&line.url);
    let opened = line
        .status
        .is_some_and(|status| (200..300).contains(&status));
    known.kind_at_host(&host, port).filter(|_| !opened)
}

/// Update files that an update server handed out: thousands of ranges a day,
/// of which none says anything about trust.
fn is_content_served(form: AccessForm, object: ObjectKind, line: &AccessLine) -> bool {
    let is_content = url::parts(&line.url)
        .is_some_and(|parts| parts.path.to_ascii_lowercase().starts_with("/content/"));
    let served = line
        .status
        .is_some_and(|status| (200..400).contains(&status));
    object == ObjectKind::Wsus && !form.is_proxy() && is_content && served
}

fn outcome(line: &AccessLine, object: ObjectKind) -> Outcome {
    let result = line.result.as_deref().unwrap_or_default();
    let Some(status) = line.status else {
        // squid: the client went away before there was an answer.
        return Outcome::NoAnswer;
    };
    let is_page = line
        .content_type
        .as_deref()
        .is_some_and(|kind| kind.starts_with("text/html"));
    let wants_bytes = !matches!(
        object,
        ObjectKind::Other | ObjectKind::Wsus | ObjectKind::Pac | ObjectKind::Seq
    );
    match status {
        200..=299 if result.ends_with("_ABORTED") => Outcome::Truncated,
        200..=299 if is_page && wants_bytes => Outcome::UnexpectedContent,
        200..=299 => Outcome::Ok,
        304 => Outcome::NotModified,
        300..=399 => Outcome::Redirect,
        401 | 407 => Outcome::ProxyLogin,
        403 | 451 => Outcome::Forbidden,
        400.. => Outcome::HttpError,
        _ => Outcome::NoAnswer,
    }
}

/// The identity of a line. A name that ends in `$` is that of a computer: which
/// of its service accounts asked is not said.
fn account(user: &str) -> Account {
    let name = user.rsplit('\\').next().unwrap_or(user);
    let name = name.split('@').next().unwrap_or(name);
    let kind = match name.ends_with('$') {
        true => AccountKind::Unknown,
        false => AccountKind::User,
    };
    Account {
        kind,
        name: Some(user.to_owned()),
    }
}

fn route(told: &Accessed<'_>, outcome: Outcome) -> Route {
    let last = told.rounds.last();
    let named = last.is_some_and(|line| line.user.is_some());
    let asked = told
        .rounds
        .iter()
        .any(|line| matches!(line.status, Some(401 | 407)));
    let login = match (outcome, asked) {
        (Outcome::ProxyLogin, _) if named => Login::Refused,
        (Outcome::ProxyLogin, _) => Login::Asked,
        (_, true) => Login::Sent,
        (_, false) => Login::None,
    };
    let tunnel = last.is_some_and(|line| line.method.eq_ignore_ascii_case("CONNECT"));
    // squid's word for requests that were not sent to it on purpose.
    let caught = last
        .and_then(|line| line.hierarchy.as_deref())
        .is_some_and(|hierarchy| hierarchy.starts_with("ORIGINAL_DST"));
    let kind = match (told.form.is_proxy(), tunnel, caught) {
        (false, ..) => RouteKind::Unknown,
        (true, true, _) => RouteKind::Connect,
        (true, _, true) => RouteKind::TransparentProxy,
        (true, ..) => RouteKind::HttpProxy,
    };
    Route {
        kind,
        login,
        ..Route::unknown()
    }
}

fn detail(form: AccessForm, line: &AccessLine) -> String {
    let status = match (line.status, line.sub_status) {
        (Some(status), Some(sub)) if sub > 0 => format!("{status}.{sub}"),
        (Some(status), _) => status.to_string(),
        (None, _) => "no answer".to_owned(),
    };
    let result = line.result.as_deref().map(|result| format!("{result}/"));
    let by = match form.is_proxy() {
        true => "the proxy's log says",
        false => "the server's log says",
    };
    let win32 = line.win32_status.filter(|code| *code != 0);
    let win32 = win32.map(|code| format!(", Windows error {code}"));
    format!(
        "{by} {}{status}{}",
        result.unwrap_or_default(),
        win32.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::host::access_log;

    fn of(text: &str) -> Option<Retrieval> {
        let log = access_log::read(text);
        let told = Accessed {
            form: log.form,
            rounds: log.lines.iter().collect(),
            cites: Vec::new(),
        };
        accessed(&told, &KnownUrls::default(), false)
    }

    #[test]
    fn a_refusal_of_the_proxy_is_a_failed_attempt_with_its_times() {
        let built = of("1795294800.500 250 10.9.0.20 TCP_DENIED/407 4010 GET http://crl.example/a.crl - HIER_NONE/- text/html").unwrap();
        assert_eq!(
            (built.outcome, built.status),
            (Outcome::ProxyLogin, Some(407))
        );
        assert_eq!(built.route.kind, RouteKind::HttpProxy);
        assert_eq!(built.route.login, Login::Asked);
        assert_eq!(built.object, ObjectKind::Crl);
        assert_eq!(built.started_at.to_rfc3339(), "2026-11-21T21:00:00.25Z");
        assert_eq!((built.client, built.account), (None, None));
        assert_eq!(built.recorded_by, RecordedBy::Proxy);
    }

    #[test]
    fn the_rounds_of_a_login_are_one_attempt_of_the_account_that_logged_on() {
        let built = of("1795294800.500 2 10.9.0.20 TCP_DENIED/407 4010 GET http://crl.example/a.crl - HIER_NONE/- text/html\n1795294800.600 90 10.9.0.20 TCP_MISS/200 812 GET http://crl.example/a.crl CORP%5calice HIER_DIRECT/192.0.2.1 application/pkix-crl").unwrap();
        assert_eq!(built.outcome, Outcome::Ok);
        assert_eq!(built.route.login, Login::Sent);
        assert_eq!(built.account.unwrap().to_string(), "user CORP\\alice");
    }

    #[test]
    fn a_page_in_the_place_of_a_list_is_told_by_its_type() {
        let page = "1795294800.500 2 10.9.0.20 TCP_MISS/200 4010 GET http://crl.example/a.crl - HIER_DIRECT/192.0.2.1 text/html";
        assert_eq!(of(page).unwrap().outcome, Outcome::UnexpectedContent);
        let aborted = page.replace("TCP_MISS/200", "TCP_MISS_ABORTED/000");
        assert_eq!(of(&aborted).unwrap().outcome, Outcome::NoAnswer);
        let other = page.replace("a.crl", "index.html");
        assert_eq!(of(&other), None);
    }

    #[test]
    fn a_service_that_wants_tls_is_forbidden_and_content_is_passed_over() {
        let head = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip sc-status sc-substatus sc-win32-status time-taken\n";
        let service = format!(
            "{head}2026-11-21 19:00:01 10.9.0.2 POST /ClientWebService/client.asmx - 8530 - 10.9.0.20 403 4 5 78"
        );
        let built = of(&service).unwrap();
        assert_eq!(
            (built.outcome, built.object),
            (Outcome::Forbidden, ObjectKind::Wsus)
        );
        assert_eq!(
            built.detail.as_deref(),
            Some("the server's log says 403.4, Windows error 5")
        );
        assert_eq!(built.recorded_by, RecordedBy::Server);
        let content = format!(
            "{head}2026-11-21 19:00:01 10.9.0.2 GET /Content/AB/1.cab - 8530 - 10.9.0.20 206 0 0 78"
        );
        assert_eq!(of(&content), None);
    }

    #[test]
    fn the_account_of_a_computer_is_not_taken_for_a_user() {
        let line = "1795294800.500 2 10.9.0.20 TCP_MISS/200 812 GET http://crl.example/a.crl PC-17$@CORP.EXAMPLE HIER_DIRECT/192.0.2.1 -";
        let account = of(line).unwrap().account.unwrap();
        assert_eq!(account.kind, AccountKind::Unknown);
    }
}
