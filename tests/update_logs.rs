//! Update logs from files to findings: each rule fires, is quiet without its
//! line, and for one that looks like it. Lines as Microsoft publishes them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use whychain::diagnosis::{Finding, Role};
use whychain::pipeline::{Explained, Options, explain};

const CLIENT: &str = "PC-17/C/Windows/CCM/Logs/";
const SITE: &str = "CM01/C/Program Files/Microsoft Configuration Manager/Logs/";

/// A hand-over that is put together file by file.
struct HandOver {
    folder: tempfile::TempDir,
}

impl HandOver {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        HandOver { folder }
    }

    fn file(self, path: &str, bytes: &[u8]) -> Self {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self
    }

    /// A log of the client: (seconds after 12:00 UTC, text), at UTC+2.
    fn client(self, name: &str, lines: &[(u32, &str)]) -> Self {
        let component = name.trim_end_matches(".log");
        let lines = lines.iter().map(|(second, text)| {
            format!("<![LOG[{text}]LOG]!><time=\"14:00:{second:02}.000-120\" date=\"07-01-2026\" component=\"{component}\" context=\"\" type=\"1\" thread=\"7\" file=\"x.cpp:1\">\r\n")
        });
        let text: String = lines.collect();
        self.file(&format!("{CLIENT}{name}"), text.as_bytes())
    }

    /// A log of the site server, in UTF-16 as some editors save it.
    fn site(self, name: &str, lines: &[(u32, &str)]) -> Self {
        let lines = lines.iter().map(|(second, text)| {
            format!("{text}~  $$<SMS_WSUS_CONFIGURATION_MANAGER><07-01-2026 14:00:{second:02}.000-120><thread=6080 (0x17C0)>\r\n")
        });
        let text: String = lines.collect();
        let wide = text.encode_utf16().flat_map(u16::to_le_bytes);
        let bytes: Vec<u8> = [0xff, 0xfe].into_iter().chain(wide).collect();
        self.file(&format!("{SITE}{name}"), &bytes)
    }

    fn hive(self, fixture: &str, path: &str) -> Self {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/host");
        self.file(path, &std::fs::read(from.join(fixture)).unwrap())
    }

    fn explain_with(&self, more: &[PathBuf]) -> Explained {
        let mut paths = vec![self.folder.path().to_owned()];
        paths.extend(more.iter().cloned());
        explain(&paths, &Options::default(), &mut |_| {}).unwrap()
    }

    fn explain(&self) -> Explained {
        self.explain_with(&[])
    }
}

fn causes(explained: &Explained) -> Vec<(&str, &str)> {
    let findings = explained.diagnosis.findings.iter();
    findings
        .filter(|it| it.role == Role::RootCause)
        .map(|it| (it.rule, it.confidence.unwrap().word()))
        .collect()
}

fn of<'a>(explained: &'a Explained, rule: &str) -> Vec<&'a Finding> {
    let findings = explained.diagnosis.findings.iter();
    findings.filter(|it| it.rule == rule).collect()
}

const SET: &str = "Enabling WUA Managed server policy to use server: https://SUP.CORP.EXAMPLE:8531";

fn overwritten(url: &str) -> String {
    format!(
        "Group policy settings were overwritten by a higher authority (Domain Controller) to: Server {url} and Policy ENABLED"
    )
}

const CONFLICT: &str = "Failed to Add Update Source for WUAgent of type (2) and id ({C2D17964-BBDD-4339-B9F3-12D7205B39CC}). Error = 0x87d00692.";

#[test]
fn a_domain_policy_with_another_server_explains_the_scan_that_was_not_made() {
    let policy = overwritten("http://old.corp.example:8530");
    let lines = [(1, SET), (3, policy.as_str()), (4, CONFLICT)];
    let found = HandOver::new().client("WUAHandler.log", &lines).explain();
    assert_eq!(causes(&found), [("wsus-policy-overridden", "proven")]);
    let verdict = &found.diagnosis.verdict;
    assert!(
        verdict.sentence.contains("http://old.corp.example:8530"),
        "{}",
        verdict.sentence
    );
}

#[test]
fn a_policy_that_takes_the_server_away_explains_the_conflict_and_nothing_else() {
    let gone = "Group policy settings were overwritten by a higher authority (Domain Controller) to: Server  and Policy NOT CONFIGURED";
    let of_end = |end: &str| {
        let lines = [(1, SET), (3, gone), (4, end)];
        HandOver::new().client("WUAHandler.log", &lines).explain()
    };
    let found = of_end(CONFLICT);
    assert_eq!(causes(&found), [("wsus-policy-overridden", "proven")]);
    let sentence = &found.diagnosis.verdict.sentence;
    assert!(
        sentence.contains("takes away the update server"),
        "{sentence}"
    );
    let refused = of_end("Scan failed with error = 0x80072f8f.");
    assert!(of(&refused, "wsus-policy-overridden").is_empty());
}

#[test]
fn a_policy_that_names_the_same_server_or_none_is_quiet() {
    let same = overwritten("https://sup.corp.example:8531");
    let failed = "Scan failed with error = 0x80072ee2.";
    for policy in [
        same.as_str(),
        "Its a WSUS Update Source type (2), adding it.",
    ] {
        let lines = [(1, SET), (3, policy), (4, failed)];
        let found = HandOver::new().client("WUAHandler.log", &lines).explain();
        assert!(of(&found, "wsus-policy-overridden").is_empty(), "{policy}");
    }
}

/// The fixture's WUServer is `https://wsus.corp.example:8531`.
#[test]
fn a_hive_that_holds_another_server_than_the_log_set_is_a_conflict() {
    let hive = "PC-17/C/Windows/System32/config/SOFTWARE";
    let of_log = |set: &str| {
        let hand_over = HandOver::new().client("WUAHandler.log", &[(1, set), (4, CONFLICT)]);
        hand_over.hive("software.hive", hive).explain()
    };
    let found = of_log(SET);
    assert_eq!(causes(&found), [("wsus-policy-overridden", "high")]);
    let summary = &of(&found, "wsus-policy-overridden")[0].summary;
    assert!(
        summary.contains("https://wsus.corp.example:8531"),
        "{summary}"
    );
    let alike = of_log(&SET.replace("SUP.CORP", "WSUS.CORP"));
    assert!(of(&alike, "wsus-policy-overridden").is_empty());
}

#[test]
fn a_stopped_pool_explains_the_site_server_and_a_login_does_not() {
    let exception = |status: &str| {
        format!("System.Net.WebException: The request failed with HTTP status {status}.")
    };
    let of_status = |status: &str| {
        let lines = [
            (
                1,
                "Attempting connection to WSUS server: SUP.CORP.EXAMPLE, port: 8531, useSSL: True"
                    .to_owned(),
            ),
            (2, exception(status)),
        ];
        let lines = lines.each_ref().map(|(at, text)| (*at, text.as_str()));
        HandOver::new().site("WCM.log", &lines).explain()
    };
    let found = of_status("503: Service Unavailable");
    assert_eq!(
        causes(&found),
        [("wsus-server-stopped-or-overloaded", "proven")]
    );
    for other in ["401: Unauthorized", "407: Proxy Authentication Required"] {
        let found = of_status(other);
        assert!(
            of(&found, "wsus-server-stopped-or-overloaded").is_empty(),
            "{other}"
        );
        assert_eq!(found.diagnosis.failures.len(), 1, "{other}");
    }
    let good = HandOver::new().site(
        "WCM.log",
        &[(
            1,
            "Setting new configuration state to 2 (WSUS_CONFIG_SUCCESS)",
        )],
    );
    assert!(of(&good.explain(), "wsus-server-stopped-or-overloaded").is_empty());
}

#[test]
fn a_client_that_gets_503_is_told_the_same() {
    let lines = [(1, SET), (9, "Scan failed with error = 0x80244022.")];
    let found = HandOver::new().client("WUAHandler.log", &lines).explain();
    assert_eq!(
        causes(&found),
        [("wsus-server-stopped-or-overloaded", "proven")]
    );
    let denied = [(1, SET), (9, "Scan failed with error = 0x80244018.")];
    let found = HandOver::new().client("WUAHandler.log", &denied).explain();
    assert!(of(&found, "wsus-server-stopped-or-overloaded").is_empty());
}

const DISTRUST: &str = "System.Net.WebException: The underlying connection was closed: Could not establish trust relationship for the SSL/TLS secure channel.";

#[test]
fn a_site_server_that_does_not_trust_its_update_server_is_told_until_it_succeeds() {
    let refused = [
        (2, DISTRUST),
        (
            3,
            "Setting new configuration state to 3 (WSUS_CONFIG_FAILED)",
        ),
    ];
    let found = HandOver::new().site("WCM.log", &refused).explain();
    assert_eq!(causes(&found), [("sup-sync-tls-failure", "high")]);
    let success = (
        9,
        "Setting new configuration state to 2 (WSUS_CONFIG_SUCCESS)",
    );
    let healed = HandOver::new()
        .site("WCM.log", &[refused[0], success])
        .explain();
    assert!(of(&healed, "sup-sync-tls-failure").is_empty());
    let done = [(9, "Done synchronizing WSUS Server SUP.CORP.EXAMPLE")];
    let elsewhere = HandOver::new()
        .site("WCM.log", &refused)
        .site("wsyncmgr.log", &done);
    assert!(of(&elsewhere.explain(), "sup-sync-tls-failure").is_empty());
    let before = [(1, "Done synchronizing WSUS Server SUP.CORP.EXAMPLE")];
    let earlier = HandOver::new()
        .site("WCM.log", &refused)
        .site("wsyncmgr.log", &before);
    assert_eq!(of(&earlier.explain(), "sup-sync-tls-failure").len(), 1);
}

#[test]
fn a_server_that_closes_while_tls_begins_is_no_refusal_of_the_site_server() {
    let closed = "System.IO.IOException: Authentication failed because the remote party has closed the transport stream.";
    let found = HandOver::new().site("WCM.log", &[(2, closed)]).explain();
    assert!(of(&found, "sup-sync-tls-failure").is_empty());
}

/// WindowsUpdate.log at local time, whose zone the log beside it tells.
fn scan_without_a_proxy(list: &str) -> HandOver {
    scan_in("2026", list)
}

fn scan_in(year: &str, list: &str) -> HandOver {
    let line = format!(
        "{year}-07-01\t14:00:05:000\t 968\t9d0\tMisc\tWARNING: SendRequest failed with hr = 80072ee2. Proxy List used: <{list}> Bypass List used : <(null)> Auth Schemes used : <>\r\n"
    );
    let set = SET.replace("SUP.CORP", "WSUS.CORP");
    HandOver::new()
        .client(
            "WUAHandler.log",
            &[(1, &set), (9, "Scan failed with error = 0x80072ee2.")],
        )
        .file("PC-17/C/Windows/WindowsUpdate.log", line.as_bytes())
        .hive("software.hive", "PC-17/C/Windows/System32/config/SOFTWARE")
        .hive("system.hive", "PC-17/C/Windows/System32/config/SYSTEM")
}

#[test]
fn a_scan_without_the_proxy_that_the_user_has_is_explained() {
    let user = "PC-17/C/Users/alice/NTUSER.DAT";
    let found = scan_without_a_proxy("(null)")
        .hive("ntuser.hive", user)
        .explain();
    assert_eq!(causes(&found), [("wsus-user-proxy-not-used", "high")]);
    let without_user = scan_without_a_proxy("(null)").explain();
    assert!(of(&without_user, "wsus-user-proxy-not-used").is_empty());
    let before = scan_in("2019", "(null)")
        .hive("ntuser.hive", user)
        .explain();
    assert!(
        of(&before, "wsus-user-proxy-not-used").is_empty(),
        "it still borrowed the proxy"
    );
    let by_proxy = scan_without_a_proxy("px:8080")
        .hive("ntuser.hive", user)
        .explain();
    assert!(of(&by_proxy, "wsus-user-proxy-not-used").is_empty());
}

#[test]
fn local_lines_stand_in_the_timeline_by_the_zone_of_the_log_beside_them() {
    let found = scan_without_a_proxy("(null)").explain();
    let line = found
        .timeline
        .iter()
        .find(|it| it.text.contains("WindowsUpdate.log"))
        .unwrap();
    assert_eq!(line.at.to_rfc3339(), "2026-07-01T12:00:05Z");
    assert_eq!(line.clock, "host");
    assert!(
        line.text.contains("zone is that of other logs"),
        "{}",
        line.text
    );
}

/// A log of the client of a sample's capture, written around its first handshake.
fn beside(sample: &str, url: &str, end: &str) -> (Explained, Explained) {
    let capture = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(sample)
        .join("client.pcapng");
    let alone = explain(
        std::slice::from_ref(&capture),
        &Options::default(),
        &mut |_| {},
    )
    .unwrap();
    let at = alone.case.handshakes[0].ended_at.to_rfc3339();
    let (date, clock) = at.split_once('T').unwrap();
    let (year, rest) = date.split_once('-').unwrap();
    let line = |text: &str| {
        format!(
            "<![LOG[{text}]LOG]!><time=\"{}+000\" date=\"{rest}-{year}\" component=\"WUAHandler\">\r\n",
            &clock[..12]
        )
    };
    let set = format!("Enabling WUA Managed server policy to use server: {url}");
    let text = format!("{}{}", line(&set), line(end));
    let hand_over = HandOver::new().file(&format!("{CLIENT}WUAHandler.log"), text.as_bytes());
    (alone, hand_over.explain_with(&[capture]))
}

const REFUSED: &str = "Scan failed with error = 0x80072f8f.";

#[test]
fn a_name_that_the_certificate_lacks_is_told_with_who_gave_it() {
    let (alone, both) = beside("update-server-name", "https://WSUS01:8531", REFUSED);
    assert_eq!(causes(&alone), [("wsus-name-mismatch", "proven")]);
    assert_eq!(causes(&both), [("wsus-name-mismatch", "proven")]);
    let summary = |it: &Explained| of(it, "wsus-name-mismatch")[0].summary.clone();
    assert!(!summary(&alone).contains("The name comes from"));
    assert!(
        summary(&both).contains("The name comes from the site."),
        "{}",
        summary(&both)
    );
    let judged = both.diagnosis.failures[0].verifier.name.clone();
    assert_eq!(judged.as_deref(), Some("Windows Update Agent"));
    assert_eq!(both.diagnosis.failures.len(), 1, "one scan, told twice");
    assert_eq!(both.case.machines.len(), 1);
}

#[test]
fn a_log_that_names_another_server_is_not_of_this_client() {
    let (_, both) = beside("update-server-name", "https://OTHER:8531", REFUSED);
    assert_eq!(both.case.machines.len(), 2);
}
