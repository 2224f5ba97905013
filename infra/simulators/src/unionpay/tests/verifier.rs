//! Reads UnionPay's messages as a careful merchant does: sections 3.4 and 3.5 of the protocol description, by hand, because no TLS
//! library accepts a chain signed with SHA-1.

use ring::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::X509Certificate;

use super::super::signing::{content, digest_text};
use super::Params;
use crate::kit::crypto::Sha256Verifier;

/// Splits an answer at each `&` outside braces and brackets, and each pair at its first `=`.
pub(super) fn split(body: &str) -> Params {
    let (mut depth, mut start, mut params) = (0, 0, Params::new());
    let mut take = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        assert!(params.insert(name.to_owned(), value.to_owned()).is_none(), "{name} twice");
    };
    for (at, sign) in body.char_indices() {
        match sign {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            '&' if depth == 0 => {
                take(&body[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    take(&body[start..]);
    params
}

/// Checks certificate, dates, chain, owner and signature, in this order.
pub(super) fn accepts(params: &Params, root: &str, middle: &str, at_seconds: i64, owners: &[&str]) -> bool {
    let (Some(leaf), Some(signature)) = (params.get("signPubKeyCert"), params.get("signature")) else {
        return false;
    };
    let (_, leaf_pem) = parse_x509_pem(leaf.as_bytes()).unwrap();
    let (_, middle_pem) = parse_x509_pem(middle.as_bytes()).unwrap();
    let (_, root_pem) = parse_x509_pem(root.as_bytes()).unwrap();
    let [leaf_cert, middle, root] = [&leaf_pem, &middle_pem, &root_pem].map(|pem| pem.parse_x509().unwrap());
    let valid = [&leaf_cert, &middle, &root].iter().all(|cert| {
        let dates = cert.validity();
        (dates.not_before.timestamp()..=dates.not_after.timestamp()).contains(&at_seconds)
    });
    let chained = issued(&leaf_cert, &middle) && issued(&middle, &root) && issued(&root, &root);
    // By bytes: CFCA's older names are T61String, and the parser's text conversion refuses those.
    let owner = leaf_cert.subject().iter_common_name().next().map(|name| String::from_utf8_lossy(name.as_slice()));
    let owned = owner.is_some_and(|cn| cn.split('@').nth(2).is_some_and(|part| owners.contains(&part)));
    let key = Sha256Verifier::from_certificate(leaf).unwrap();
    valid && chained && owned && key.verify(&digest_text(content(params)), signature)
}

fn issued(certificate: &X509Certificate<'_>, by: &X509Certificate<'_>) -> bool {
    let authority = by.basic_constraints().unwrap().is_some_and(|constraints| constraints.value.ca);
    let oid = certificate.signature_algorithm.algorithm.to_id_string();
    let algorithm = match oid.as_str() {
        "1.2.840.113549.1.1.5" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        "1.2.840.113549.1.1.11" => &RSA_PKCS1_2048_8192_SHA256,
        _ => return false,
    };
    authority
        && certificate.issuer().as_raw() == by.subject().as_raw()
        && UnparsedPublicKey::new(algorithm, &by.public_key().subject_public_key.data)
            .verify(certificate.tbs_certificate.as_ref(), &certificate.signature_value.data)
            .is_ok()
}
