//! `netsh winhttp show proxy`, and `proxycfg` of Windows XP.

use super::pasted::Pasted;
use super::proxy_settings::WinHttpSettings;

/// "Direct access" as Windows says it. In other languages a text without a proxy
/// is not taken for *direct*: what it says is then not known.
const DIRECT: [&str; 10] = [
    "Direct access",
    "Direktzugriff",
    "Acc\u{e8}s direct",
    "Acceso directo",
    "Accesso diretto",
    "Acesso direto",
    "Directe toegang",
    "Bezpo\u{15b}redni dost\u{119}p",
    "\u{76f4}\u{63a5}\u{30a2}\u{30af}\u{30bb}\u{30b9}",
    "\u{76f4}\u{63a5}\u{8bbf}\u{95ee}",
];
/// Lines of the answer after its heading.
const MAX_ROWS: usize = 16;

/// Reads the setting.
///
/// ```text
/// Current WinHTTP proxy settings:
///
///     Direct access (no proxy server).
/// or
///     Proxy Server(s) :  proxy.corp.example:8080
///     Bypass List     :  <local>
/// ```
///
/// `show advproxy` prints JSON after a heading of the same kind. The heading is
/// told by `WinHTTP` and its colon; the first value is the proxy, the second
/// the bypass list, in any language.
///
/// Source: output of Windows 7 to 11.
pub(super) fn read(rows: &[(u64, &str)], pasted: &mut Pasted) {
    let heading = rows.iter().position(|(_, row)| {
        let row = row.trim();
        row.contains("WinHTTP") && row.ends_with(':') && !row.contains('>')
    });
    let Some(heading) = heading else { return };
    let answer = rows.get(heading + 1..).unwrap_or_default();
    let mut values: Vec<(u64, String)> = Vec::new();
    for (line, row) in answer.iter().take(MAX_ROWS) {
        let row = row.trim();
        if DIRECT.iter().any(|direct| row.starts_with(direct)) {
            pasted.win_http = Some((WinHttpSettings::default(), *line));
            return;
        }
        if row.starts_with('{') || row.starts_with('"') {
            return advanced(answer, pasted);
        }
        // The next command of a transcript.
        if row.contains('>') && row.contains(":\\") {
            break;
        }
        if let Some((_, value)) = row.split_once(" :").or_else(|| row.split_once(": ")) {
            values.push((*line, crate::words::clean(value.trim())));
        }
    }
    let mut values = values.into_iter();
    let proxy = values.next().filter(|(_, value)| is_proxy(value));
    match proxy {
        Some((line, proxy)) => {
            let bypass = values.next().map(|(_, bypass)| bypass);
            let bypass = bypass.filter(|bypass| !bypass.is_empty() && !bypass.starts_with('('));
            let proxy = Some(proxy);
            pasted.win_http = Some((WinHttpSettings { proxy, bypass }, line));
        }
        None => {
            let line = rows.get(heading).map_or(1, |(line, _)| *line);
            let what = "the proxy setting of netsh was not understood";
            pasted.problems.push((line, what.to_owned()));
        }
    }
}

/// `host:port`, `host`, or `http=host:port;https=…`: no blanks, and a dot, a
/// colon or an equals sign in it.
fn is_proxy(value: &str) -> bool {
    let shaped =
        value.contains(['.', ':', '=']) || value.bytes().all(|b| b.is_ascii_alphanumeric());
    !value.is_empty() && shaped && value.is_ascii() && !value.contains(' ')
}

/// `{"Proxy":"…","ProxyBypass":"…","AutoConfigUrl":"…","AutoDetect":true}`: read
/// by the names alone, so that a cut one is read as far as it goes.
fn advanced(answer: &[(u64, &str)], pasted: &mut Pasted) {
    let value = |name: &str| {
        answer.iter().take(MAX_ROWS).find_map(|(line, row)| {
            let (_, rest) = row.split_once(&format!("\"{name}\""))?;
            let rest = rest.trim_start().strip_prefix(':')?.trim_start();
            let text = rest.strip_prefix('"')?.split('"').next()?;
            Some((*line, crate::words::clean(text)))
        })
    };
    let Some((line, proxy)) = value("Proxy") else {
        let line = answer.first().map_or(1, |(line, _)| *line);
        let what = "the proxy setting of netsh was not understood";
        return pasted.problems.push((line, what.to_owned()));
    };
    let bypass = value("ProxyBypass").map(|(_, bypass)| bypass);
    let settings = WinHttpSettings {
        proxy: Some(proxy).filter(|proxy| !proxy.is_empty()),
        bypass: bypass.filter(|bypass| !bypass.is_empty()),
    };
    pasted.win_http = Some((settings, line));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::super::pasted::read;

    fn proxy(text: &str) -> Option<Option<String>> {
        read(text).win_http.map(|(settings, _)| settings.proxy)
    }

    #[test]
    fn direct_and_a_proxy_are_told_apart() {
        let direct =
            "\r\nCurrent WinHTTP proxy settings:\r\n\r\n    Direct access (no proxy server).\r\n";
        assert_eq!(proxy(direct), Some(None));
        let named = "\nCurrent WinHTTP proxy settings:\n\n    Proxy Server(s) :  proxy.corp.example:8080\n    Bypass List     :  <local>;*.corp.example\n";
        assert_eq!(proxy(named), Some(Some("proxy.corp.example:8080".into())));
        let (settings, line) = read(named).win_http.unwrap();
        assert_eq!(settings.bypass.as_deref(), Some("<local>;*.corp.example"));
        assert_eq!(line, 4);
        assert_eq!(read(named).problems, []);
    }

    #[test]
    fn other_languages_are_read_by_their_form() {
        let german = "Aktuelle WinHTTP-Proxyeinstellungen:\n\n    Proxyserver:  http=px:3128;https=px:3128\n    Umgehungsliste     :  (Keine)\n";
        assert_eq!(
            proxy(german),
            Some(Some("http=px:3128;https=px:3128".into()))
        );
        let direct = "Param\u{e8}tres du proxy WinHTTP actuels :\n\n    Acc\u{e8}s direct (sans serveur proxy).\n";
        assert_eq!(proxy(direct), Some(None));
        let unknown =
            "Nykyiset WinHTTP-asetukset:\n\n    Suora yhteys (ei v\u{e4}lityspalvelinta).\n";
        let pasted = read(unknown);
        assert_eq!(pasted.win_http, None);
        assert_eq!(
            pasted.problems[0].1,
            "the proxy setting of netsh was not understood"
        );
    }

    #[test]
    fn the_advanced_form_is_read() {
        let text = "Current WinHTTP advanced proxy settings:\n{\n\"Proxy\":\"px.corp.example:8080\",\n\"ProxyBypass\":\"\",\n\"AutoDetect\":true\n}\n";
        assert_eq!(proxy(text), Some(Some("px.corp.example:8080".into())));
    }
}
