//! Objects of PKI that are too deep, too long, or too many.

use crate::der_writer::{ALGORITHM, certificate, element, extension, name, sequence};
use crate::{assert_issue, beside_good, good_certificate, scaled};

/// A list with this many entries and a signature that no key made.
fn crl(entries: usize) -> Vec<u8> {
    let mut revoked = Vec::with_capacity(entries * 23);
    for number in 0..u32::try_from(entries).unwrap() {
        revoked.extend(b"\x30\x15\x02\x04");
        revoked.extend((number | 0x0100_0000).to_be_bytes());
        revoked.extend(b"\x17\x0D240101000000Z");
    }
    let dates = b"\x17\x0D240101000000Z\x17\x0D260101000000Z";
    let tbs = sequence(&[
        &[2, 1, 1],
        ALGORITHM,
        &name("CA"),
        dates,
        &element(0x30, &revoked),
    ]);
    sequence(&[&tbs, ALGORITHM, &element(3, &[0; 257])])
}

#[test]
fn a_list_of_a_million_entries_is_read() {
    let entries = scaled(1_000_000, 100_000);
    let explained = beside_good(&[("large.crl", crl(entries))]);
    let lists = explained
        .case
        .artifacts
        .iter()
        .filter_map(|it| match &it.artifact {
            whychain::pki::Artifact::Crl(crl) => Some(crl.revoked.len()),
            _ => None,
        });
    assert_eq!(lists.collect::<Vec<_>>(), [entries]);
}

#[test]
fn a_certificate_of_ten_thousand_names_is_read_whole() {
    let names: Vec<u8> = (0..10_000)
        .flat_map(|at| element(0x82, format!("host{at}.example").as_bytes()))
        .collect();
    let names = extension(17, &element(0x30, &names));
    let explained = beside_good(&[("names.cer", certificate(&names, &name("leaf")))]);
    assert_eq!(explained.case.artifacts.len(), 2);
    let many: Vec<u8> = (0..10_000)
        .flat_map(|at| name(&format!("part {at}"))[2..].to_vec())
        .collect();
    let subject = element(0x30, &many);
    let explained = beside_good(&[("subject.cer", certificate(&names, &subject))]);
    assert_eq!(explained.case.artifacts.len(), 2);
}

#[test]
fn a_certificate_of_ten_thousand_extensions_stops_at_the_limit() {
    let many: Vec<u8> = (0..10_000u16)
        .flat_map(|at| {
            let [high, low] = at.to_be_bytes();
            let oid = [6, 5, 0x2A, 3, 4 + (high >> 1), 0x81, low & 0x7F];
            sequence(&[&oid, &element(4, &[5, 0])])
        })
        .collect();
    let explained = beside_good(&[("many.cer", certificate(&many, &name("leaf")))]);
    assert_issue(&explained, "1024");
}

#[test]
fn elements_within_elements_are_not_followed_to_the_end_of_the_stack() {
    let depth = scaled(1_000_000, 200_000);
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for tag in [0x30, 0x31, 0xA0, 0x24, 0x2C] {
        // Indefinite lengths, and definite ones that are all too long.
        let indefinite = [tag, 0x80].repeat(depth);
        let definite = [tag, 0x83, 0x7F, 0xFF, 0xFF].repeat(depth / 4);
        for (kind, inner) in [("i", indefinite), ("d", definite)] {
            let in_extension = certificate(&extension(35, &inner), &name("leaf"));
            let in_subject = certificate(&extension(19, &[0x30, 0]), &inner);
            let in_data = [
                b"\x30\x80\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02\xA0\x80".to_vec(),
                inner.clone(),
            ];
            files.push((format!("{tag:x}{kind}-bare.der"), inner));
            files.push((format!("{tag:x}{kind}-extension.cer"), in_extension));
            files.push((format!("{tag:x}{kind}-subject.cer"), in_subject));
            files.push((format!("{tag:x}{kind}-data.p7b"), in_data.concat()));
        }
    }
    let files: Vec<(&str, Vec<u8>)> = files
        .iter()
        .map(|(name, it)| (&**name, it.clone()))
        .collect();
    let explained = beside_good(&files);
    assert!(!explained.case.issues.is_empty());
}

#[test]
fn lengths_that_no_file_has_are_no_objects() {
    let huge = [0x88, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    for length in [&[0x84, 0xFF, 0xFF, 0xFF, 0xFF][..], &huge] {
        let good = good_certificate();
        let lying = [&[0x30], length, &good[4..]].concat();
        let explained = beside_good(&[("lying.cer", lying)]);
        assert_eq!(explained.case.artifacts.len(), 1);
        // The same within: the outer length is right, the inner one is not.
        let inner = [&[0x30], length, &good[8..]].concat();
        let explained = beside_good(&[("inner.cer", element(0x30, &inner))]);
        assert_eq!(explained.case.artifacts.len(), 1);
    }
}

#[test]
fn a_file_of_many_blocks_is_read_to_the_limit_and_its_damage_is_summed_up() {
    use base64::Engine as _;
    let block = |bytes: &[u8]| {
        let body = base64::engine::general_purpose::STANDARD.encode(bytes);
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    };
    let empty = block(&[0x30, 0]).repeat(10_500);
    let many = block(&good_certificate()) + &empty;
    let explained = beside_good(&[("many.pem", many.into_bytes())]);
    assert_issue(&explained, "more places that are not listed");
    assert!(explained.case.issues.len() < 30);
}

/// Certificates of one name that all issued each other, sent in a file.
#[test]
fn a_mesh_of_certificates_and_its_leaf_end_in_an_answer() {
    let mesh: Vec<u8> = (0..scaled(60, 25))
        .flat_map(|number| {
            let more = extension(14, &element(4, &[u8::try_from(number).unwrap()]));
            let basic = extension(19, &[0x30, 3, 1, 1, 0xFF]);
            certificate(&[basic, more].concat(), &name("CA"))
        })
        .collect();
    let explained = beside_good(&[("mesh.p7b", signed_data(&mesh))]);
    assert!(explained.case.artifacts.len() > 20);
}

/// A SignedData without signers around certificates (RFC 5652 §5.1).
fn signed_data(certificates: &[u8]) -> Vec<u8> {
    let data = [6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 1];
    let signed = sequence(&[
        &[2, 1, 1, 0x31, 0],
        &sequence(&[&data]),
        &element(0xA0, certificates),
        &[0x31, 0],
    ]);
    let signed_data = [6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2];
    sequence(&[&signed_data, &element(0xA0, &signed)])
}
