//! What of an update server (WSUS, software update point) a request was for, and
//! which kind of caller asks for that.

use super::{ObjectKind, Retrieval};

/// A folder of the site "WSUS Administration".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UpdateFolder {
    /// Administration by SOAP.
    ApiRemoting30,
    /// Scans of clients.
    ClientWebService,
    /// Log-on of downstream servers.
    DssAuthWebService,
    /// Synchronization of downstream servers.
    ServerSyncWebService,
    /// Log-on of clients.
    SimpleAuthWebService,
    /// Files of updates.
    Content,
    /// Inventory.
    Inventory,
    /// Reports of clients and of downstream servers.
    ReportingWebService,
    /// The update client itself.
    SelfUpdate,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UpdateCaller {
    /// The update client of a computer.
    Client,
    /// A console, or the site server, which drives the server in the same way.
    Administration,
    /// Another update server that takes its updates from this one.
    Downstream,
    /// Several kinds of callers ask for this.
    Unknown,
}

/// A call to an update server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateCall {
    /// What was called.
    pub folder: UpdateFolder,
    /// Who calls that.
    pub caller: UpdateCaller,
    /// The method of a SOAP call: the end of `SOAPAction`.
    pub method: Option<String>,
}

const FOLDERS: [(&str, UpdateFolder); 9] = [
    ("ApiRemoting30", UpdateFolder::ApiRemoting30),
    ("ClientWebService", UpdateFolder::ClientWebService),
    ("DssAuthWebService", UpdateFolder::DssAuthWebService),
    ("ServerSyncWebService", UpdateFolder::ServerSyncWebService),
    ("SimpleAuthWebService", UpdateFolder::SimpleAuthWebService),
    ("Content", UpdateFolder::Content),
    ("Inventory", UpdateFolder::Inventory),
    ("ReportingWebService", UpdateFolder::ReportingWebService),
    ("SelfUpdate", UpdateFolder::SelfUpdate),
];

impl UpdateFolder {
    /// Its name in URLs.
    #[must_use]
    pub fn name(self) -> &'static str {
        let known = FOLDERS.iter().find(|(_, folder)| *folder == self);
        known.map_or("", |(name, _)| name)
    }

    /// True for the five services that "Require SSL" is meant for; the others
    /// stay in the clear.
    ///
    /// Source: Microsoft, "Secure WSUS with the Secure Sockets Layer protocol".
    #[must_use]
    pub fn demands_tls(self) -> bool {
        matches!(
            self,
            UpdateFolder::ApiRemoting30
                | UpdateFolder::ClientWebService
                | UpdateFolder::DssAuthWebService
                | UpdateFolder::ServerSyncWebService
                | UpdateFolder::SimpleAuthWebService
        )
    }
}

impl UpdateCaller {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            UpdateCaller::Client => "client",
            UpdateCaller::Administration => "console-or-site-server",
            UpdateCaller::Downstream => "downstream-server",
            UpdateCaller::Unknown => "unknown",
        }
    }

    /// For sentences; nothing for one that is not known.
    #[must_use]
    pub fn phrase(self) -> Option<&'static str> {
        match self {
            UpdateCaller::Client => Some("an update client"),
            UpdateCaller::Administration => Some("a console or site server"),
            UpdateCaller::Downstream => Some("a downstream server"),
            UpdateCaller::Unknown => None,
        }
    }
}

/// The call that a retrieval is, when it was for an update server.
#[must_use]
pub fn update_call(retrieval: &Retrieval) -> Option<UpdateCall> {
    if retrieval.object != ObjectKind::Wsus {
        return None;
    }
    let path = retrieval.url.as_deref()?.split_once("://")?.1;
    let path = path.split_once('/')?.1.split(['?', '#']).next()?;
    let folder = path.split('/').find_map(|part| {
        let known = FOLDERS.iter();
        let mut same = known.filter(|(name, _)| name.eq_ignore_ascii_case(part));
        same.next().map(|(_, folder)| *folder)
    })?;
    let method = retrieval
        .request_headers
        .get("SOAPAction")
        .map(|action| action.trim().trim_matches('"'))
        .and_then(|action| action.rsplit('/').next())
        .filter(|method| !method.is_empty())
        .map(str::to_owned);
    let agent = retrieval.user_agent.as_deref().unwrap_or_default();
    let caller = match folder {
        UpdateFolder::ApiRemoting30 => UpdateCaller::Administration,
        UpdateFolder::DssAuthWebService | UpdateFolder::ServerSyncWebService => {
            UpdateCaller::Downstream
        }
        UpdateFolder::ClientWebService
        | UpdateFolder::SimpleAuthWebService
        | UpdateFolder::SelfUpdate => UpdateCaller::Client,
        // Reports come from both; the roll-up is that of a downstream server.
        UpdateFolder::ReportingWebService
            if method.as_deref().is_some_and(|it| it.starts_with("Rollup")) =>
        {
            UpdateCaller::Downstream
        }
        // BITS fetches files for clients and for servers alike.
        _ if agent.starts_with("Windows-Update-Agent") => UpdateCaller::Client,
        _ => UpdateCaller::Unknown,
    };
    Some(UpdateCall {
        folder,
        caller,
        method,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::time::Timestamp;

    fn call(
        path: &str,
        agent: &str,
        action: Option<&str>,
    ) -> Option<(&'static str, &'static str, Option<String>)> {
        let at = Timestamp::from_rfc3339("2026-07-01T12:00:00Z").unwrap();
        let mut asked = Retrieval::new(at, at);
        asked.object = ObjectKind::Wsus;
        asked.url = Some(format!("http://wsus:8530{path}"));
        asked.user_agent = Some(agent.to_owned());
        if let Some(action) = action {
            asked
                .request_headers
                .0
                .push(("SOAPAction".into(), action.into()));
        }
        let call = update_call(&asked)?;
        Some((call.folder.name(), call.caller.word(), call.method))
    }

    const WUA: &str = "Windows-Update-Agent/10.0.10011.16384 Client-Protocol/2.50";
    const DOTNET: &str =
        "Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol 4.0.30319.42000)";
    const SERVER: &str = "http://www.microsoft.com/SoftwareDistribution/Server";

    #[test]
    fn callers_are_told_apart_by_what_they_call() {
        let action = format!("\"{SERVER}/ClientWebService/GetConfig\"");
        let client = call("/ClientWebService/client.asmx", WUA, Some(&action)).unwrap();
        assert_eq!(
            client,
            ("ClientWebService", "client", Some("GetConfig".into()))
        );
        let log_on = call("/simpleauthwebservice/SimpleAuth.asmx", WUA, None).unwrap();
        assert_eq!((log_on.0, log_on.1), ("SimpleAuthWebService", "client"));
        let console = call("/ApiRemoting30/WebService.asmx", DOTNET, None).unwrap();
        assert_eq!(console.1, "console-or-site-server");
        for path in [
            "/ServerSyncWebService/serversyncwebservice.asmx",
            "/DssAuthWebService/DssAuthWebService.asmx",
        ] {
            assert_eq!(call(path, DOTNET, None).unwrap().1, "downstream-server");
        }
        assert_eq!(
            call("/SelfUpdate/wuident.cab", WUA, None).unwrap().1,
            "client"
        );
    }

    #[test]
    fn files_and_reports_are_asked_for_by_several() {
        assert_eq!(
            call("/Content/6A/x.cab", "Microsoft BITS/7.8", None)
                .unwrap()
                .1,
            "unknown"
        );
        assert_eq!(call("/Content/6A/x.txt", WUA, None).unwrap().1, "client");
        let reports = "/ReportingWebService/ReportingWebService.asmx";
        assert_eq!(call(reports, WUA, None).unwrap().1, "client");
        let action = format!("\"{SERVER}/RollupComputers\"");
        assert_eq!(
            call(reports, DOTNET, Some(&action)).unwrap().1,
            "downstream-server"
        );
        assert_eq!(call("/other/x", WUA, None), None);
    }

    #[test]
    fn five_services_are_meant_to_demand_tls_and_four_folders_are_not() {
        let demanding: Vec<&str> = FOLDERS
            .iter()
            .filter(|(_, it)| it.demands_tls())
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(
            demanding,
            [
                "ApiRemoting30",
                "ClientWebService",
                "DssAuthWebService",
                "ServerSyncWebService",
                "SimpleAuthWebService"
            ]
        );
    }
}
