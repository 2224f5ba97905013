//! Checks the project's vectors with the simulator's own verifier.

use serde_json::Value;

use super::super::merchants::{CertificateNumbers, Merchants};
use super::super::openapi::gateway::check;
use super::{Bench, Ordering};
use crate::kit::beijing::parse_seconds;
use crate::kit::crypto::{Sha1Verifier, Sha256Verifier, cert_sn, md5_sign, md5_verify, root_cert_sn};
use crate::kit::form::{self, Params, mapi_content, request_content};

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

fn cases(kind: &str) -> Vec<Value> {
    let all = vectors()["vectors"].as_array().unwrap().clone();
    let cases: Vec<Value> = all.into_iter().filter(|v| v["case"].as_str().unwrap().starts_with(kind)).collect();
    assert!(!cases.is_empty());
    cases
}

fn params_of(value: &Value) -> Params {
    value.as_object().unwrap().iter().map(|(name, v)| (name.clone(), v.as_str().unwrap().to_owned())).collect()
}

/// A simulator at the vector's time that has the vector's merchant.
fn bench_for(params: &Params) -> Bench {
    let mut merchants = Merchants::built_in().unwrap();
    let app = &mut merchants.apps[0];
    app.app_id = params["app_id"].clone();
    app.app_key = Sha256Verifier::from_pem(vectors()["keys"]["app_public"].as_str().unwrap()).unwrap();
    app.certificates = params.get("app_cert_sn").map(|number| CertificateNumbers {
        app: number.clone(),
        alipay: "unused".into(),
        root: params["alipay_root_cert_sn"].clone(),
    });
    let bench = Bench::with(merchants, None);
    bench.clock.store(parse_seconds(&params["timestamp"]).unwrap(), Ordering::SeqCst);
    bench
}

/// The same text with one bit of its byte `at` flipped, still ASCII.
fn flipped(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = match bytes[at] {
        b'A' => b'B',
        byte if byte.is_ascii_alphanumeric() => b'A',
        _ => b'x',
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn every_signed_request_is_accepted_and_each_flipped_byte_refused() {
    let cases = cases("request-sign/");
    assert_eq!(cases.len(), 18);
    for vector in cases {
        let name = vector["case"].as_str().unwrap();
        let mut params = params_of(&vector["inputs"]["params"]);
        params.insert("sign".into(), vector["expected"]["sign"].as_str().unwrap().into());
        let bench = bench_for(&params);
        assert_eq!(request_content(&params), vector["expected"]["string_to_sign"], "{name}");
        assert_eq!(check(&bench.simulator, &params), Ok(()), "{name}");
        for field in ["biz_content", "sign"] {
            for at in 0..params[field].len() {
                let mut forged = params.clone();
                forged.insert(field.into(), flipped(&params[field], at));
                let refusal = check(&bench.simulator, &forged).expect_err(name);
                assert_eq!(refusal.sub_code, "isv.invalid-signature", "{name} {field} {at}");
            }
        }
        for field in params.keys() {
            let mut forged = params.clone();
            let value = format!("{}x", params[field]);
            forged.insert(field.clone(), value);
            assert!(check(&bench.simulator, &forged).is_err(), "{name} {field}");
        }
        let mut added = params.clone();
        added.insert("quit_url".into(), "http://x".into());
        assert!(check(&bench.simulator, &added).is_err(), "{name}");
    }
}

#[tokio::test]
async fn order_strings_are_accepted_in_both_spellings() {
    for vector in cases("request-sign/alipay.trade.") {
        let name = vector["case"].as_str().unwrap();
        let mut params = params_of(&vector["inputs"]["params"]);
        params.insert("sign".into(), vector["expected"]["sign"].as_str().unwrap().into());
        for spelling in ["order_string_percent20", "order_string_plus"] {
            let text = vector["expected"][spelling].as_str().unwrap();
            assert_eq!(form::merge("", text, None).unwrap(), params, "{name}");
            if !name.contains(".app.pay/") {
                continue;
            }
            let reply = bench_for(&params).post("/simulator/alipay/app", &form::encode([("order_string", text)])).await;
            // Vector 08 has a subject with `&` and `=`. The signature rules allow that; the order rules do not.
            if name.ends_with("/08") {
                assert!(super::text(&reply).contains("ACQ.INVALID_PARAMETER"), "{name}");
            } else {
                assert_eq!(reply.status, 303, "{name}: {}", super::text(&reply));
            }
        }
    }
}

#[test]
fn certificate_numbers_agree_with_both_sdks() {
    for vector in cases("cert-sn/") {
        let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
        if let Some(pem) = inputs["cert_pem"].as_str() {
            assert_eq!(cert_sn(pem).unwrap(), expected["cert_sn"]);
        } else {
            let bundle = inputs["bundle_pem"].as_str().unwrap();
            assert_eq!(root_cert_sn(bundle).unwrap(), expected["alipay_root_cert_sn"]);
        }
    }
}

#[test]
fn legacy_signatures_are_those_of_the_vectors() {
    for vector in cases("md5-sign/") {
        let params = params_of(&vector["inputs"]["params"]);
        let key = vector["inputs"]["md5_key"].as_str().unwrap();
        let sign = vector["expected"]["sign"].as_str().unwrap();
        let content = mapi_content(&params);
        assert_eq!(content, vector["expected"]["string_to_sign"]);
        assert_eq!(md5_sign(&content, key), sign);
        for at in 0..sign.len() {
            assert!(!md5_verify(&content, key, &flipped(sign, at)));
        }
    }
    for vector in cases("rsa-sign/") {
        let key = Sha1Verifier::from_pem(vectors()["keys"]["app_public"].as_str().unwrap()).unwrap();
        let content = vector["expected"]["string_to_sign"].as_str().unwrap();
        let sign = vector["expected"]["sign"].as_str().unwrap();
        assert!(key.verify(content, sign));
        for at in 0..40 {
            assert!(!key.verify(content, &flipped(sign, at)));
            assert!(!key.verify(&flipped(content, at), sign));
        }
    }
}
