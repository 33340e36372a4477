//! The helper functions of proxy scripts that compare texts and addresses.

use std::net::{IpAddr, Ipv4Addr};

/// Shell expression: `*` any run, `?` one character; the whole text has to match.
/// Runs in time proportional to the product of the lengths.
pub(super) fn glob(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) =
        (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut next) = (0, 0);
    // Where the last star stands, and up to where it has eaten.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(next) {
            Some('*') => {
                star = Some((next, at));
                next += 1;
            }
            Some(c) if *c == '?' || Some(c) == text.get(at) => {
                at += 1;
                next += 1;
            }
            _ => match star {
                Some((place, eaten)) => {
                    star = Some((place, eaten + 1));
                    (at, next) = (eaten + 1, place + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(next).all(|c| *c == '*')
}

/// True for an IPv4 address in dotted form.
pub(super) fn is_v4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

/// True when an address lies in the net of `pattern` under `mask`.
pub(super) fn is_in_net(address: &str, pattern: &str, mask: &str) -> bool {
    let parsed = |text: &str| text.trim().parse::<Ipv4Addr>().ok().map(u32::from);
    match (parsed(address), parsed(pattern), parsed(mask)) {
        (Some(address), Some(pattern), Some(mask)) => address & mask == pattern & mask,
        _ => false,
    }
}

/// True when an address lies in `prefix/length`, of either family.
pub(super) fn is_in_prefix(address: &str, prefix: &str) -> bool {
    let Some((net, length)) = prefix.split_once('/') else {
        return false;
    };
    let (Ok(address), Ok(net)) = (address.parse::<IpAddr>(), net.trim().parse::<IpAddr>()) else {
        return false;
    };
    let Ok(length) = length.trim().parse::<u32>() else {
        return false;
    };
    let (address, net, bits) = match (address, net) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(u32::from(a)), u128::from(u32::from(b)), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a), u128::from(b), 128),
        _ => return false,
    };
    length <= bits && (length == 0 || (address ^ net) >> (bits - length) == 0)
}

/// The number of an IPv4 address; 0 for other texts.
pub(super) fn number(text: &str) -> f64 {
    text.parse::<Ipv4Addr>()
        .map_or(0.0, |address| f64::from(u32::from(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_expressions_match_the_whole_text() {
        assert!(glob("http://www.example.com/a", "*example.com/*"));
        assert!(glob("abc", "a?c") && glob("", "*") && glob("a", "**a**"));
        assert!(!glob("abc", "a?") && !glob("abc", "b*") && !glob("", "?"));
        // Hard for a matcher that tries every split.
        assert!(!glob(
            &"a".repeat(5_000),
            &"*a".repeat(40).replace("*a*a", "*ab")
        ));
    }

    #[test]
    fn addresses_lie_in_nets_of_their_own_family() {
        assert!(is_in_net("10.20.0.15", "10.0.0.0", "255.0.0.0"));
        assert!(!is_in_net("11.0.0.1", "10.0.0.0", "255.0.0.0"));
        assert!(!is_in_net("fe80::1", "10.0.0.0", "255.0.0.0"));
        assert!(is_in_prefix("fe80::1", "fe80::/10") && is_in_prefix("10.1.2.3", "10.1.0.0/16"));
        assert!(!is_in_prefix("10.1.2.3", "fe80::/10") && !is_in_prefix("10.1.2.3", "10.1.0.0/33"));
    }
}
