//! Who is who, and who has which trouble.

use super::objects::{self, Object};
use super::wire::{End, Instant, SECOND};

/// A site of the company.
#[derive(Debug, PartialEq, Eq)]
pub struct Site {
    /// As in the names of its machines.
    pub name: &'static str,
    /// The second octet of its addresses.
    pub octet: u8,
    /// Its proxy; machines without one go directly.
    pub proxy: Option<End>,
    /// What the proxy calls itself.
    pub proxy_name: &'static str,
}

/// Two sites with proxies and one without.
pub const SITES: [Site; 3] = [
    Site {
        name: "HARBOR",
        octet: 31,
        proxy: Some(([10, 31, 0, 8], 3128)),
        proxy_name: "proxy.harbor.corp.example",
    },
    Site {
        name: "HILL",
        octet: 32,
        proxy: Some(([10, 32, 0, 8], 8080)),
        proxy_name: "proxy.hill.corp.example",
    },
    Site {
        name: "YARD",
        octet: 33,
        proxy: None,
        proxy_name: "",
    },
];

/// What happens to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It gets the repaired list, and its site works.
    Repaired,
    /// It still has the list of September, and its site works.
    Untouched,
    /// The proxy wants a login for the intermediate that the site leaves out.
    Login,
    /// The proxy forbids that intermediate.
    Denied,
    /// The site's certificate has expired.
    LeafExpired,
    /// The proxy answers with a page instead of the list.
    BlockPage,
    /// Only caches were handed over.
    CachesOnly,
    /// Only a capture was handed over.
    CaptureOnly,
    /// The program gave up, and nothing says why.
    Unexplained,
    /// The zip was cut short.
    Damaged,
}

impl Kind {
    /// What a report of its last hand-over has to say: state and rule. `None`:
    /// there is no report.
    pub fn answer(self) -> Option<(&'static str, Option<&'static str>)> {
        match self {
            Kind::Repaired | Kind::Untouched | Kind::CaptureOnly => Some(("clean", None)),
            Kind::Login => Some(("explained", Some("proxy-auth-required"))),
            Kind::Denied => Some(("explained", Some("proxy-denied-or-filtered"))),
            Kind::LeafExpired => Some(("explained", Some("leaf-expired"))),
            Kind::BlockPage => Some(("explained", Some("ctl-body-not-cabinet"))),
            Kind::CachesOnly => Some(("no-validation-seen", None)),
            Kind::Unexplained => Some(("undetermined", None)),
            Kind::Damaged => None,
        }
    }

    fn needs_proxy(self) -> bool {
        matches!(self, Kind::Login | Kind::Denied | Kind::BlockPage)
    }
}

/// A machine of the fleet.
#[derive(Debug, Clone)]
pub struct Host {
    /// From 0.
    pub number: usize,
    /// Its NetBIOS name; two machines have the same.
    pub name: String,
    /// Who works on it.
    pub user: String,
    /// Its address.
    pub address: [u8; 4],
    /// Where it stands.
    pub site: &'static Site,
    /// What happens to it.
    pub kind: Kind,
    /// When its capture begins; without one, when its list came.
    pub begins_at: Instant,
    /// The list in its cache at the end.
    pub list: Object,
    /// The intermediate in its cache; without one, it has to be fetched.
    pub intermediate: Option<Object>,
    /// How far its own clock is ahead.
    pub clock_ahead: Instant,
    /// It was handed over a day before, too, when the proxy still gave it a page
    /// instead of the list.
    pub handed_over_before: bool,
}

/// What each machine's own account holds, since long ago.
pub const SYSTEM_HOLDS: Object = objects::CRL_41;

impl Host {
    /// Whether there are caches in what it hands over.
    pub fn hands_over_caches(&self) -> bool {
        !matches!(self.kind, Kind::CaptureOnly | Kind::Damaged)
    }
}

/// The machines of a fleet. Each twenty have the same troubles; the order in
/// which the repair reaches them is a shuffle.
pub fn hosts(count: usize) -> Vec<Host> {
    (0..count).map(|number| host(number, count)).collect()
}

const KINDS: [Kind; 20] = {
    use Kind::{
        BlockPage, CachesOnly, CaptureOnly, Damaged, Denied, LeafExpired, Login, Repaired,
        Unexplained, Untouched,
    };
    [
        Repaired,
        Login,
        Repaired,
        Untouched,
        Repaired,
        BlockPage,
        Repaired,
        Repaired,
        Denied,
        CachesOnly,
        Repaired,
        LeafExpired,
        Repaired,
        Untouched,
        CaptureOnly,
        Login,
        Repaired,
        Unexplained,
        BlockPage,
        Damaged,
    ]
};

/// 2026-11-20 19:30 UTC, half an hour after the repaired list came out.
const REPAIR_BEGINS: Instant = 1_795_203_000 * SECOND;
/// Between two machines that the repair reaches.
const REPAIR_STEP: Instant = 97 * SECOND;
/// So far can a clock be off that its caches are still known to be those of the
/// client in the capture.
pub const CLOCK_AHEAD: Instant = 240 * SECOND;
/// A prime above any fleet: a step of a shuffle that visits every number.
const SHUFFLE: usize = 1_000_003;

fn host(number: usize, count: usize) -> Host {
    let kind = KINDS[number % KINDS.len()];
    let sites = if kind.needs_proxy() { 2 } else { SITES.len() };
    let site = &SITES[(number + number / KINDS.len()) % sites];
    let order = (number * SHUFFLE + 17) % count;
    // Digits of its own below a second, as chance gives them to real machines.
    let own = number as Instant * 1_000;
    let twin = matches!(number % 40, 6 | 7);
    let list = match kind {
        Kind::Repaired | Kind::CaptureOnly | Kind::Unexplained => objects::RESIGNED,
        Kind::Untouched | Kind::BlockPage => objects::OLDER,
        _ => objects::FIRST,
    };
    Host {
        number,
        name: match twin {
            true => format!("LAPTOP-{}", number / 40),
            false => format!("{}-{number:04}", site.name),
        },
        user: format!("user{number:04}"),
        address: [
            10,
            site.octet,
            (number / 200) as u8,
            (number % 200 + 20) as u8,
        ],
        site,
        kind,
        begins_at: REPAIR_BEGINS + order as Instant * REPAIR_STEP + own,
        list,
        intermediate: match (kind, number % 5) {
            (Kind::Login | Kind::Denied, _) => None,
            (_, 0) => Some(objects::ISSUING_AGAIN),
            _ => Some(objects::ISSUING),
        },
        clock_ahead: match (kind, number % 25) {
            (Kind::Repaired, 2) => CLOCK_AHEAD,
            _ => 0,
        },
        handed_over_before: number % 20 == 4 && site.proxy.is_some(),
    }
}
