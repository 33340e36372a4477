//! What a body is, told by its first bytes: for bodies that were not kept, are
//! not whole, or are not yet. Whole bodies are read by `pki`.

use crate::pki::{self, LooksLike};

use super::ObjectKind;

/// Tells a body by its first bytes. `None` when none were kept of a body that
/// has some.
pub(super) fn of_prefix(prefix: &[u8], size: u64) -> Option<LooksLike> {
    match (size, prefix.is_empty()) {
        (0, _) => Some(LooksLike::Empty),
        (_, true) => None,
        _ => Some(pki::looks_like(
            prefix.get(..pki::LOOKS_LIKE_PREFIX).unwrap_or(prefix),
        )),
    }
}

/// True for the kinds that certificate validation fetches.
pub(super) fn is_ours(looks_like: LooksLike) -> bool {
    use LooksLike::{Cab, Certificate, Crl, Ctl, Ocsp, Pem, Pkcs7};
    matches!(
        looks_like,
        Cab | Certificate | Crl | Ctl | Ocsp | Pem | Pkcs7
    )
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// Which trust list the first bytes are of: the name of the file in a cabinet,
/// or the subjectUsage of a bare list.
pub(super) fn trust_list(prefix: &[u8]) -> Option<ObjectKind> {
    let near = prefix.get(..prefix.len().min(LIST_NAME_WITHIN))?;
    let names: [(&[u8], ObjectKind); 3] = [
        (b"authroot.stl\0", ObjectKind::Ctl),
        (b"disallowedcert.stl\0", ObjectKind::Disallowed),
        (b"pinrules.stl\0", ObjectKind::PinRules),
    ];
    // 1.3.6.1.4.1.311.10.3.N, tag and length included.
    let usages: [(&[u8], ObjectKind); 3] = [
        (
            &[6, 10, 0x2B, 6, 1, 4, 1, 0x82, 0x37, 0x0A, 3, 9],
            ObjectKind::Ctl,
        ),
        (
            &[6, 10, 0x2B, 6, 1, 4, 1, 0x82, 0x37, 0x0A, 3, 30],
            ObjectKind::Disallowed,
        ),
        (
            &[6, 10, 0x2B, 6, 1, 4, 1, 0x82, 0x37, 0x0A, 3, 32],
            ObjectKind::PinRules,
        ),
    ];
    let marks = match of_prefix(prefix, u64::MAX)? {
        LooksLike::Cab => names,
        LooksLike::Ctl => usages,
        _ => return None,
    };
    let lower = near.to_ascii_lowercase();
    let bytes = if prefix.starts_with(b"MSCF") {
        &lower
    } else {
        near
    };
    marks
        .iter()
        .find(|(mark, _)| contains(bytes, mark))
        .map(|(_, kind)| *kind)
}

/// A cabinet of one file names it before byte 80, a list gives its usage before
/// byte 80; the rest is room for reserved areas.
const LIST_NAME_WITHIN: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_in_a_cabinet_is_known_by_the_name_of_its_file() {
        let cabinet = [b"MSCF".as_slice(), &[0; 56], b"AuthRoot.stl\0"].concat();
        assert_eq!(of_prefix(&cabinet, 9), Some(LooksLike::Cab));
        assert_eq!(trust_list(&cabinet), Some(ObjectKind::Ctl));
        assert_eq!(trust_list(b"MSCF and a driver.sys\0"), None);
    }

    #[test]
    fn a_bare_list_is_known_by_its_usage() {
        let list = bare_list(30);
        assert_eq!(of_prefix(&list, 9), Some(LooksLike::Ctl));
        assert_eq!(trust_list(&list), Some(ObjectKind::Disallowed));
        assert_eq!(trust_list(&bare_list(9)), Some(ObjectKind::Ctl));
    }

    /// The first bytes of a list with the subjectUsage 1.3.6.1.4.1.311.10.3.`usage`.
    fn bare_list(usage: u8) -> Vec<u8> {
        let sequence = |tag: u8, parts: &[&[u8]]| {
            let contents = parts.concat();
            let length = u8::try_from(contents.len()).unwrap_or(u8::MAX);
            [&[tag, 0x81, length], contents.as_slice()].concat()
        };
        let signed_data = [6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2];
        let list = [6, 9, 0x2B, 6, 1, 4, 1, 0x82, 0x37, 0x0A, 1];
        let usage = [6, 10, 0x2B, 6, 1, 4, 1, 0x82, 0x37, 0x0A, 3, usage];
        let content = sequence(0xA0, &[&sequence(0x30, &[&sequence(0x30, &[&usage])])]);
        let inner = sequence(0x30, &[&list, &content]);
        let data = sequence(0x30, &[&[2, 1, 1], &[0x31, 0], &inner]);
        sequence(0x30, &[&signed_data, &sequence(0xA0, &[&data])])
    }

    #[test]
    fn nothing_and_not_looked_at_are_different() {
        assert_eq!(of_prefix(b"", 0), Some(LooksLike::Empty));
        assert_eq!(of_prefix(b"", 7), None);
    }
}
