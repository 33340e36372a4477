//! What the machines download and keep; made by `make.py`.

use super::wire::Instant;

/// An object, as a server gives it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    /// Its file in `objects/`.
    pub name: &'static str,
    /// Where it is given out.
    pub url: &'static str,
    /// The bytes of the answer.
    pub body: &'static [u8],
    /// `Last-Modified`, in seconds since 1970.
    pub modified: Instant,
    /// `CRYPTNET_URL_CACHE_PRE_FETCH_*`.
    pub object_type: u32,
    /// `Content-Type`.
    pub content_type: &'static str,
}

impl Object {
    /// By what a report knows it: of a cabinet, the SHA-256 of the list in it.
    pub fn sha256(&self) -> &'static str {
        let versions = include_str!("objects/versions.txt").lines();
        let mut words = versions.filter_map(|line| line.split_once("  "));
        let found = words.find(|(_, name)| *name == self.name);
        found.map(|(sha256, _)| sha256).unwrap()
    }
}

const LIST_URL: &str =
    "http://www.download.windowsupdate.com/msdownload/update/v3/static/trustedr/en/authrootstl.cab";
const CRL_URL: &str = "http://crl.lab.example/crl/LabSiteIssuingCA1.crl";
const ISSUING_URL: &str = "http://aia.lab.example/certs/LabSiteIssuingCA1.crt";

const fn list(name: &'static str, body: &'static [u8], modified: Instant) -> Object {
    Object {
        name,
        url: LIST_URL,
        body,
        modified,
        object_type: 5,
        content_type: "application/vnd.ms-cab-compressed",
    }
}

const fn crl(name: &'static str, body: &'static [u8], modified: Instant) -> Object {
    Object {
        name,
        url: CRL_URL,
        body,
        modified,
        object_type: 2,
        content_type: "application/pkix-crl",
    }
}

const fn issuing(name: &'static str, body: &'static [u8], modified: Instant) -> Object {
    Object {
        name,
        url: ISSUING_URL,
        body,
        modified,
        object_type: 0,
        content_type: "application/pkix-cert",
    }
}

/// The list of September, without the site's root.
pub const OLDER: Object = list(
    "authroot-older.cab",
    include_bytes!("objects/authroot-older.cab"),
    1_790_100_192,
);
/// The list of 10 November, which does not enclose its signer's issuer.
pub const FIRST: Object = list(
    "authroot-first.cab",
    include_bytes!("objects/authroot-first.cab"),
    1_794_346_244,
);
/// The same list with the issuer enclosed, given out on 20 November.
pub const RESIGNED: Object = list(
    "authroot-resigned.cab",
    include_bytes!("objects/authroot-resigned.cab"),
    1_795_201_351,
);
/// The CRL of 14 November.
pub const CRL_41: Object = crl(
    "issuing-41.crl",
    include_bytes!("objects/issuing-41.crl"),
    1_794_614_640,
);
/// The CRL of 19 November.
pub const CRL_42: Object = crl(
    "issuing-42.crl",
    include_bytes!("objects/issuing-42.crl"),
    1_795_046_640,
);
/// The intermediate of January.
pub const ISSUING: Object = issuing(
    "issuing.crt",
    include_bytes!("objects/issuing.crt"),
    1_767_518_400,
);
/// The intermediate, certified again on 18 November.
pub const ISSUING_AGAIN: Object = issuing(
    "issuing-again.crt",
    include_bytes!("objects/issuing-again.crt"),
    1_794_960_240,
);
/// The certificate of shop.lab.example.
pub const SHOP: &[u8] = include_bytes!("objects/shop.crt");
/// The certificate of portal.lab.example that ended on 14 November.
pub const PORTAL_EXPIRED: &[u8] = include_bytes!("objects/portal-expired.crt");
