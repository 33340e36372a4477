//! Events of the CAPI2 log that tell of trouble, in words.

use super::capi;
use super::codes;
use super::event::LogEvent;

/// Event 81: what `WinVerifyTrust` made of a file's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustResult {
    /// The policy that was asked, a GUID.
    pub action: String,
    /// The file, where the caller named one.
    pub file: Option<String>,
    /// Joins it with events 11 and 30.
    pub chain_ref: Option<String>,
    /// The HRESULT.
    pub result: u32,
}

/// Reads event 81.
///
/// Layout: observed in real logs of Windows 7 (`WinVerifyTrust`: `ActionID`,
/// `FileInfo@filePath`, `CertificateChain@chainRef`, `Result@value`).
#[must_use]
pub fn trust(event: &LogEvent) -> Option<TrustResult> {
    if event.id != 81 {
        return None;
    }
    let data = &event.data;
    let action = data.child("ActionID")?;
    let file = data
        .child("FileInfo")
        .and_then(|file| file.attribute("filePath"));
    let chain = data.child("CertificateChain");
    let result = data.child("Result").and_then(|result| result.hex("value"));
    Some(TrustResult {
        action: action.text.clone(),
        file: file.map(str::to_owned),
        chain_ref: chain
            .and_then(|chain| chain.attribute("chainRef"))
            .map(str::to_owned),
        result: result.unwrap_or(0),
    })
}

/// What a revocation check (41), a refused answer (42) or a check of a file's
/// signature (81) says went wrong; `None` where all went well.
#[must_use]
pub fn trouble(event: &LogEvent) -> Option<String> {
    if let Some(check) = capi::revocation(event) {
        let from = [
            check.location.map(|location| format!(" ({location})")),
            check.url.map(|url| format!(" from {url}")),
        ];
        let from: String = from.into_iter().flatten().collect();
        if let Some(action) = check.action.filter(|_| event.id == 42) {
            return Some(format!(
                "does not use the revocation information of {}{from}: {action}",
                check.subject
            ));
        }
        return (check.result != 0).then(|| {
            format!(
                "checks the revocation of {}{from}: {}",
                check.subject,
                codes::phrase(check.result)
            )
        });
    }
    let check = trust(event).filter(|check| check.result != 0)?;
    let file = check.file.unwrap_or_else(|| "a file or object".to_owned());
    Some(format!(
        "checks the signature of {file}: {}",
        codes::phrase(check.result)
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::super::event::from_xml;
    use super::*;

    fn event(id: u32, data: &str) -> LogEvent {
        let text = format!(
            "<Event><System><Provider Name=\"Microsoft-Windows-CAPI2\"/><EventID>{id}</EventID><TimeCreated SystemTime=\"2026-11-21T10:00:00Z\"/><EventRecordID>7</EventRecordID></System><UserData>{data}</UserData></Event>"
        );
        from_xml(&text, 1).unwrap().unwrap()
    }

    /// The forms of a real log of Windows 7, results changed.
    #[test]
    fn a_refused_crl_and_failed_checks_are_told_and_good_ones_are_not() {
        let rejected = event(
            42,
            "<CertRejectedRevocationInfo><SubjectCertificate fileRef=\"3CAF9BA2DB5570CAF76942FF99101B993888E257.cer\" subjectName=\"Code Signing PCA\"/><CertificateRevocationList location=\"UrlCache\" url=\"http://crl.example/root.crl\"/><Action name=\"CheckTimeValidity\"/></CertRejectedRevocationInfo>",
        );
        assert_eq!(
            trouble(&rejected).unwrap(),
            "does not use the revocation information of Code Signing PCA (UrlCache) from http://crl.example/root.crl: CheckTimeValidity"
        );
        let check = |result: &str| {
            event(
                41,
                &format!(
                    "<CertVerifyRevocation><Certificate subjectName=\"leaf\"/><Result value=\"{result}\"/></CertVerifyRevocation>"
                ),
            )
        };
        assert_eq!(trouble(&check("0")), None);
        let told = trouble(&check("80092013")).unwrap();
        assert!(
            told.starts_with("checks the revocation of leaf: 80092013"),
            "{told}"
        );
        let trust = event(
            81,
            "<WinVerifyTrust><ActionID>{00AAC56B-CD44-11D0-8CC2-00C04FC295EE}</ActionID><FileInfo filePath=\"C:\\x.msu\"/><CertificateChain chainRef=\"{1}\"/><Result value=\"800B0109\"/></WinVerifyTrust>",
        );
        let told = trouble(&trust).unwrap();
        assert!(
            told.starts_with("checks the signature of C:\\x.msu: 800B0109"),
            "{told}"
        );
        assert_eq!(
            super::trust(&trust).unwrap().chain_ref.as_deref(),
            Some("{1}")
        );
    }
}
