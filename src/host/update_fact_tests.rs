#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn said(text: &str) -> (UpdateFact, Writer, String) {
    let fact = fact(text).unwrap_or_else(|| panic!("{text}"));
    let (writer, phrase) = (fact.writer(), fact.phrase());
    (fact, writer, phrase)
}

/// Each line of Microsoft's tutorial "Configure a software update point to use
/// TLS/SSL with a PKI certificate", as it prints them.
#[test]
fn every_line_of_the_tutorial_is_an_event() {
    use UpdateFact as F;
    use Writer::{Client, SiteServer};
    let server = "https://SERVER.CONTOSO.COM:8531";
    let lines: [(&str, UpdateFact, Writer); 14] = [
        (
            "SCF change notification triggered.",
            F::ConfigChanged,
            SiteServer,
        ),
        (
            "Setting new configuration state to 1 (WSUS_CONFIG_PENDING)",
            F::State(1),
            SiteServer,
        ),
        (
            "Attempting connection to local WSUS server",
            F::Connecting(None),
            SiteServer,
        ),
        (
            "Successfully connected to local WSUS server",
            F::Connected(None),
            SiteServer,
        ),
        (
            "Setting new configuration state to 2 (WSUS_CONFIG_SUCCESS)",
            F::State(2),
            SiteServer,
        ),
        ("Starting Sync", F::SyncStarted, SiteServer),
        (
            "Full sync required due to changes in main WSUS server location.",
            F::FullSync,
            SiteServer,
        ),
        (
            "Found active SUP SERVER.CONTOSO.COM from SCF File.",
            F::ActiveServer("SERVER.CONTOSO.COM".into()),
            SiteServer,
        ),
        (server, F::SyncServer(server.into()), SiteServer),
        (
            "Done synchronizing WSUS Server SERVER.CONTOSO.COM",
            F::SyncDone,
            SiteServer,
        ),
        (
            "sync: Starting SMS database synchronization",
            F::DatabaseSync,
            SiteServer,
        ),
        (
            "Done synchronizing SMS with WSUS Server SERVER.CONTOSO.COM",
            F::SyncDone,
            SiteServer,
        ),
        (
            "Enabling WUA Managed server policy to use server: https://SERVER.CONTOSO.COM:8531",
            F::ServerSet(server.into()),
            Client,
        ),
        ("Successfully completed scan.", F::ScanDone, Client),
    ];
    for (text, wanted, writer) in lines {
        let (got, who, phrase) = said(text);
        assert_eq!((&got, who), (&wanted, writer), "{text}");
        assert!(phrase.len() > 10, "{text}: {phrase}");
    }
}

#[test]
fn the_message_that_asks_for_a_scan_says_whether_it_is_forced() {
    let text = "Message received: '<?xml version='1.0' ?>\n<UpdateSourceMessage MessageType='ScanByUpdateSource'>\n   <ForceScan>TRUE</ForceScan>\n</UpdateSourceMessage>'";
    assert_eq!(fact(text), Some(UpdateFact::ScanAsked(true)));
    let calm = text.replace("TRUE", "FALSE");
    assert_eq!(fact(&calm), Some(UpdateFact::ScanAsked(false)));
}

#[test]
fn a_location_reply_names_its_servers_and_the_path_is_the_one_taken() {
    let text = "WSUSLocationReply : <WSUSLocationReply SchemaVersion=\"1.00\"><LocationRecord WSUSURL=\"http://A:8530\"/><LocationRecord WSUSURL=\"https://B:8531\" ServerName=\"B\"/>";
    let urls = vec!["http://A:8530".to_owned(), "https://B:8531".to_owned()];
    assert_eq!(fact(text), Some(UpdateFact::Location(urls)));
    let path = "WSUS Path='https://B:8531', Server='B', Version='38'";
    assert_eq!(fact(path), Some(UpdateFact::Path("https://B:8531".into())));
    let scan = "CScanJob::OnLocationUpdate- Received Location=https://B:8531, Version=38";
    assert_eq!(fact(scan), Some(UpdateFact::Path("https://B:8531".into())));
    assert_eq!(
        fact("WSUSLocationReply : <WSUSLocationReply SchemaVersion=\"1.00\"/>"),
        None,
        "a reply without servers offers none"
    );
}

#[test]
fn pasted_output_of_the_tutorial_tells_the_last_good_server_from_the_current_one() {
    let last = "LastGoodSUP- http://OLD.CONTOSO.COM:8530";
    let current = "CurrentSUP- https://SERVER.CONTOSO.COM:8531";
    assert_eq!(
        fact(last),
        Some(UpdateFact::LastGood("http://OLD.CONTOSO.COM:8530".into()))
    );
    assert_eq!(
        fact(current),
        Some(UpdateFact::Path("https://SERVER.CONTOSO.COM:8531".into()))
    );
    let table = "LastSuccessScanPath : {http://OLD.CONTOSO.COM:8530}";
    assert_eq!(fact(table), fact(last));
    let trigger =
        "Invoke-WMIMethod -Name TriggerSchedule \"{00000000-0000-0000-0000-000000000113}\"";
    assert_eq!(fact(trigger), Some(UpdateFact::ScanTriggered));
}

#[test]
fn a_policy_that_takes_the_server_away_is_told_from_one_that_names_another() {
    let to = "Group policy settings were overwritten by a higher authority (Domain Controller) to: Server";
    let named = format!("{to} http://old.corp.example:8530 and Policy ENABLED");
    assert_eq!(
        fact(&named),
        Some(UpdateFact::Overwritten(
            "http://old.corp.example:8530".into()
        ))
    );
    let none = format!("{to}  and Policy NOT CONFIGURED");
    assert_eq!(fact(&none), Some(UpdateFact::PolicyCleared));
}

#[test]
fn errors_are_explained_in_words() {
    let cases = [
        (
            "OnSearchComplete - Failed to end search job. Error = 0x80072f8f.",
            "80072F8F (ERROR_WINHTTP_SECURE_FAILURE",
        ),
        (
            "Scan failed with error = 0x80072ee2.",
            "80072EE2 (ERROR_WINHTTP_TIMEOUT: no answer in time)",
        ),
        (
            "- - - - - -Scan Failed for ToolUniqueID={A}, with Error=0x800b0109",
            "800B0109 (CERT_E_UNTRUSTEDROOT: the root is not trusted)",
        ),
        (
            "Scan failed with error = 0x80244018.",
            "80244018 (WU_E_PT_HTTP_STATUS_FORBIDDEN",
        ),
        (
            "Failed to Add Update Source for WUAgent of type (2) and id ({C2D17964}). Error = 0x87d00692.",
            "87D00692 (",
        ),
    ];
    for (text, wanted) in cases {
        let (fact, _, phrase) = said(text);
        assert!(matches!(fact, UpdateFact::ScanFailed(Some(_))), "{text}");
        assert!(phrase.contains(wanted), "{phrase}");
    }
}

#[test]
fn a_request_that_failed_keeps_its_url_its_code_and_its_proxy() {
    let text = "SendRequest failed with hr = 80072ee2. Proxy List used: <(null)> Bypass List used : <(null)> Auth Schemes used : <>";
    let UpdateFact::SendFailed(none) = fact(text).unwrap() else {
        panic!()
    };
    assert_eq!((none.code, none.proxy), (Some(0x8007_2EE2), Some(None)));
    let by = text.replace("Proxy List used: <(null)>", "Proxy List used: <px:8080>");
    assert!(
        said(&by)
            .2
            .starts_with("a request through proxy px:8080 fails with 80072EE2")
    );
    let url = "WinHttp: SendRequestUsingProxy failed for <https://B:8531/ClientWebService/client.asmx>. error 0x80072f8f";
    let UpdateFact::SendFailed(sent) = fact(url).unwrap() else {
        panic!()
    };
    assert_eq!(
        sent.url.as_deref(),
        Some("https://B:8531/ClientWebService/client.asmx")
    );
    assert_eq!((sent.code, sent.proxy), (Some(0x8007_2F8F), None));
}

#[test]
fn flags_of_winhttp_say_what_is_held_against_a_certificate() {
    let text = "[CCMHTTP] ERROR: URL=https://mp, Port=443, Options=448, Code=12175, Text: WINHTTP_CALLBACK_STATUS_FLAG_CERT_CN_INVALID | WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA";
    let (fact, _, phrase) = said(text);
    assert_eq!(
        fact,
        UpdateFact::CertificateFlags(vec!["INVALID_CA", "CERT_CN_INVALID"])
    );
    assert!(
        phrase.contains("the CA is not trusted and the certificate is for another name"),
        "{phrase}"
    );
    let whole = "WINHTTP_CALLBACK_STATUS_FLAG_CERT_REVOKED";
    assert_eq!(
        super::fact(whole),
        Some(UpdateFact::CertificateFlags(vec!["CERT_REVOKED"]))
    );
}

#[test]
fn the_site_server_names_the_server_it_connects_to() {
    let text =
        "Attempting connection to WSUS server: WSUS01.CORP.EXAMPLE, port: 8531, useSSL: True";
    let endpoint = Endpoint {
        host: "WSUS01.CORP.EXAMPLE".into(),
        port: 8531,
        tls: true,
    };
    assert_eq!(
        fact(text),
        Some(UpdateFact::Connecting(Some(endpoint.clone())))
    );
    let done = "Successfully connected to server: WSUS01.CORP.EXAMPLE, port: 8531, useSSL: True";
    assert_eq!(fact(done), Some(UpdateFact::Connected(Some(endpoint))));
}

#[test]
fn exceptions_of_the_site_server_are_told_apart() {
    let of = |text: &str| fact(text).unwrap();
    let status =
        "System.Net.WebException: The request failed with HTTP status 503: Service Unavailable.";
    assert_eq!(of(status), UpdateFact::HttpStatus(503));
    let trust = "System.Net.WebException: The underlying connection was closed: Could not establish trust relationship for the SSL/TLS secure channel.";
    assert_eq!(of(trust), UpdateFact::TrustRefused);
    let closed = "System.IO.IOException: Authentication failed because the remote party has closed the transport stream.";
    assert_eq!(of(closed), UpdateFact::TransportClosed);
    assert_eq!(
        of(
            "Sync failed: WSUS server not configured. Please refer to WCM.log for configuration error details."
        ),
        UpdateFact::SyncFailed
    );
    assert_eq!(
        of("Setting new configuration state to 3 (WSUS_CONFIG_FAILED)"),
        UpdateFact::State(3)
    );
}

#[test]
fn lines_without_meaning_are_none() {
    for text in [
        "",
        "Its a completely new WSUS Update Source.",
        "Suche beendet.",
        "see https://example.com for more",
        "HTTP status unknown",
    ] {
        assert_eq!(fact(text), None, "{text}");
    }
}
