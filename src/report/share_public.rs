//! What may stay in a shared report: hosts, owners and files of public trust
//! infrastructure, which everybody asks.

/// Whether a host is public trust infrastructure, which everybody asks.
pub(super) fn is_public(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    PUBLIC.iter().any(|domain| {
        let below = host.strip_suffix(domain);
        below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// Domains of the trust programs, certification authorities and their delivery.
const PUBLIC: [&str; 49] = [
    "actalis.it",
    "amazontrust.com",
    "buypass.com",
    "buypass.no",
    "certum.pl",
    "comodo.com",
    "comodo.net",
    "comodoca.com",
    "d-trust.net",
    "digicert.cn",
    "digicert.com",
    "digitalcertvalidation.com",
    "entrust.com",
    "entrust.net",
    "geotrust.com",
    "globalsign.com",
    "globalsign.net",
    "godaddy.com",
    "harica.gr",
    "identrust.com",
    "izenpe.com",
    "lencr.org",
    "letsencrypt.org",
    "microsoft.com",
    "msocsp.com",
    "omniroot.com",
    "pki.goog",
    "quovadisglobal.com",
    "rapidssl.com",
    "sectigo.com",
    "sectigochina.com",
    "secomtrust.net",
    "ssl.com",
    "starfieldtech.com",
    "swisssign.com",
    "swisssign.net",
    "symantec.com",
    "symcb.com",
    "symcd.com",
    "telesec.de",
    "thawte.com",
    "trust-provider.com",
    "trustwave.com",
    "usertrust.com",
    "verisign.com",
    "verisign.net",
    // Name space of SVG, not a place anybody went to.
    "w3.org",
    "windows.com",
    "windowsupdate.com",
];

/// Names with a dot that are no hosts: of filters, of this program.
pub(super) const OWN: [&str; 9] = [
    "frame.number",
    "tcp.stream",
    "case.toml",
    "report.json",
    "whychain.report",
    "whychain.manifest",
    "wincrypt.h",
    "README.md",
    "REPORT.md",
];

/// Extensions of files; a name that ends so is a file and no host.
pub(super) const FILES: [&str; 32] = [
    "cab", "cap", "cer", "crl", "crt", "csv", "dat", "der", "dll", "evtx", "exe", "gz", "htm",
    "html", "json", "jsonl", "log", "md", "p7b", "p7c", "p7m", "pac", "pcap", "pcapng", "pem",
    "pfx", "sst", "stl", "toml", "txt", "xml", "zip",
];

/// Files that every Windows asks for.
pub(super) const PUBLIC_FILES: [&str; 8] = [
    "authroot.stl",
    "authrootseq.txt",
    "authrootstl.cab",
    "disallowedcert.stl",
    "disallowedcertstl.cab",
    "pinrules.stl",
    "pinrulesstl.cab",
    "wpad.dat",
];

/// How the names of public certification authorities begin.
pub(super) const AUTHORITIES: [&str; 37] = [
    "actalis",
    "addtrust",
    "amazon",
    "baltimore",
    "buypass",
    "certum",
    "comodo",
    "cybertrust",
    "d-trust",
    "dst root",
    "deutsche telekom",
    "digicert",
    "digital signature trust",
    "entrust",
    "equifax",
    "geotrust",
    "globalsign",
    "go daddy",
    "godaddy",
    "google trust services",
    "gts ",
    "hellenic academic",
    "identrust",
    "internet security research group",
    "isrg",
    "izenpe",
    "let's encrypt",
    "microsoft",
    "quovadis",
    "sectigo",
    "ssl corp",
    "starfield",
    "swisssign",
    "symantec",
    "t-systems",
    "thawte",
    "verisign",
];
