//! The project's vectors against the simulator's own signing and verifying.

use std::sync::atomic::Ordering;

use http::Method;
use serde_json::Value;

use super::super::crypto::{GcmKey, SignType, certificate_facts, v2_sign};
use super::super::merchants::{Access, Merchants};
use super::super::v2::{message, sign};
use super::{Bench, Call, flipped};
use crate::kit::crypto::{Sha256Signer, Sha256Verifier};
use crate::kit::form::Params;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

fn cases(provider: &str, head: &str) -> Vec<Value> {
    let cases: Vec<Value> = vectors()["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|v| v["provider"] == provider && v["case"].as_str().unwrap().starts_with(head))
        .cloned()
        .collect();
    assert!(!cases.is_empty(), "{provider} {head}");
    cases
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}"))
}

fn key(name: &str) -> String {
    vectors()["keys"][name].as_str().unwrap().to_owned()
}

/// A simulator whose first merchant is the vectors' merchant.
fn bench() -> Bench {
    let mut merchants = Merchants::built_in().unwrap();
    let merchant = &mut merchants.list[0];
    merchant.mch_id = key("mchid");
    let Access::V3(access) = &mut merchant.access else {
        panic!("the first merchant has v3");
    };
    access.serial = key("mch_cert_serial_no");
    access.key = Sha256Verifier::from_certificate(&key("mch_cert")).unwrap();
    Bench::with(merchants, None)
}

/// True if the simulator accepts the request's signature, whatever it answers about the content.
async fn accepted(bench: &Bench, case: &Value, change: impl Fn(&mut Call)) -> bool {
    let inputs = &case["inputs"];
    let method = if text(inputs, "method") == "GET" { Method::GET } else { Method::POST };
    // These vectors do not have the router's prefix: so `v3::answer` is called directly.
    let mut call = Call::new(method, text(inputs, "url"), text(inputs, "body"));
    call.set("Accept", "application/json");
    call.set("User-Agent", "vectors");
    call.set("Content-Type", "application/json");
    call.set("Authorization", text(&case["expected"], "authorization"));
    change(&mut call);
    let incoming = crate::kit::server::Incoming {
        method: call.method,
        target: call.target,
        headers: call.headers,
        body: call.body.into(),
    };
    let path: Vec<&str> = incoming.path().trim_start_matches("/v3/").split('/').collect();
    let answer = super::super::v3::answer(&bench.simulator, &incoming, &path).unwrap();
    answer.reply.status != 401
}

#[tokio::test]
async fn authorizations_are_accepted_and_changed_ones_refused() {
    for (index, case) in cases("wechat", "v3-authorization/").into_iter().enumerate() {
        // Every byte of the first vector, and a sample of the others: each try costs an RSA signature of the answer.
        let step = if index == 0 { 1 } else { 17 };
        let bench = bench();
        let seconds: i64 = text(&case["inputs"], "timestamp").parse().unwrap();
        bench.clock.store(seconds * 1_000, Ordering::SeqCst);
        assert!(accepted(&bench, &case, |_| {}).await, "{}", case["case"]);
        let target = text(&case["inputs"], "url").to_owned();
        for at in (4..target.len()).step_by(step) {
            let changed = String::from_utf8(flipped(target.as_bytes(), at)).unwrap();
            assert!(!accepted(&bench, &case, |call| call.target.clone_from(&changed)).await, "{changed}");
        }
        let body = text(&case["inputs"], "body").as_bytes().to_vec();
        for at in (0..body.len()).step_by(step) {
            let changed = flipped(&body, at);
            if std::str::from_utf8(&changed).is_ok() {
                assert!(!accepted(&bench, &case, |call| call.body.clone_from(&changed)).await, "byte {at}");
            }
        }
        let value = text(&case["expected"], "authorization").to_owned();
        for at in (0..value.len()).step_by(step) {
            let changed = String::from_utf8(flipped(value.as_bytes(), at)).unwrap();
            assert!(!accepted(&bench, &case, |call| call.set("Authorization", &changed)).await, "{changed}");
        }
        bench.pass(301_000);
        assert!(!accepted(&bench, &case, |_| {}).await);
    }
}

#[test]
fn merchants_sign_as_the_vectors_do() {
    let signer = Sha256Signer::from_pem(&key("mch_private_pkcs8")).unwrap();
    for case in cases("wechat", "v3-authorization/") {
        let signature = signer.sign(text(&case["expected"], "string_to_sign")).unwrap();
        assert_eq!(signature, text(&case["expected"], "signature"));
    }
}

#[test]
fn certificate_serials() {
    for case in cases("wechat", "cert-serial/") {
        let pem = key(text(&case["inputs"], "cert"));
        assert_eq!(certificate_facts(&pem).unwrap().serial, text(&case["expected"], "serial_no"));
    }
    for case in ["published/notify-signature", "published/verify-with-certificate"] {
        let case = &cases("wechat", case)[0];
        let facts = certificate_facts(text(&case["inputs"], "certificate_pem")).unwrap();
        assert_eq!(facts.serial, text(&case["expected"], "serial_no"));
    }
}

/// The platform's half: the text that its headers sign, verified by the key that the vector trusts.
#[test]
fn platform_signatures_cover_what_we_sign() {
    let mut right = 0;
    for case in cases("wechat", "v3-verify/").into_iter().chain(cases("wechat", "v3-notify/")) {
        let (inputs, headers) = (&case["inputs"], &case["inputs"]["headers"]);
        let (Some(time), Some(signature)) =
            (headers["Wechatpay-Timestamp"].as_str(), headers["Wechatpay-Signature"].as_str())
        else {
            assert_eq!(case["expected"]["verified"], false);
            continue;
        };
        let fresh = (time.parse::<i64>().unwrap() - inputs["now"].as_i64().unwrap()).abs() <= 300;
        let trusted = inputs["trusted"][text(headers, "Wechatpay-Serial")].as_str().map(key);
        let verifier = trusted.map(|pem| {
            if pem.contains("CERTIFICATE") {
                Sha256Verifier::from_certificate(&pem)
            } else {
                Sha256Verifier::from_pem(&pem)
            }
            .unwrap()
        });
        let content = format!("{time}\n{}\n{}\n", text(headers, "Wechatpay-Nonce"), text(inputs, "body"));
        let verified = fresh && verifier.is_some_and(|key| key.verify(&content, signature));
        assert_eq!(verified, case["expected"]["verified"], "{}", case["case"]);
        right += usize::from(verified);
    }
    assert!(right >= 5);
    let case = &cases("wechat", "published/notify-signature")[0];
    let (inputs, headers) = (&case["inputs"], &case["inputs"]["headers"]);
    let key = Sha256Verifier::from_certificate(text(inputs, "certificate_pem")).unwrap();
    let content = format!(
        "{}\n{}\n{}\n",
        text(headers, "Wechatpay-Timestamp"),
        text(headers, "Wechatpay-Nonce"),
        text(inputs, "body")
    );
    assert!(key.verify(&content, text(headers, "Wechatpay-Signature")));
}

#[test]
fn resources_open_and_seal() {
    let gcm = |inputs: &Value| {
        let resource = &inputs["resource"];
        let key = GcmKey {
            key: text(inputs, "apiv3_key"),
            nonce: text(resource, "nonce"),
            associated_data: resource["associated_data"].as_str().unwrap_or_default(),
        };
        let plain = key.open(text(resource, "ciphertext")).ok();
        if let Some(plain) = &plain {
            assert_eq!(key.seal(plain).unwrap(), text(resource, "ciphertext"), "sealing is the other way round");
        }
        plain
    };
    for case in cases("wechat", "v3-decrypt/") {
        assert_eq!(gcm(&case["inputs"]).as_deref(), case["expected"]["plaintext"].as_str(), "{}", case["case"]);
    }
    for case in cases("wechat", "v3-notify/") {
        if case["expected"]["verified"] == true {
            let mut inputs = case["inputs"].clone();
            let body: Value = serde_json::from_str(text(&inputs, "body")).unwrap();
            inputs["resource"] = body["resource"].clone();
            assert_eq!(gcm(&inputs).as_deref(), case["expected"]["plaintext"].as_str());
        }
    }
    let case = &cases("wechat", "v3-certificates/")[0];
    for entry in case["inputs"]["response"]["data"].as_array().unwrap() {
        let mut inputs = case["inputs"].clone();
        inputs["resource"] = entry["encrypt_certificate"].clone();
        let pem = gcm(&inputs).unwrap();
        assert_eq!(case["expected"]["certificates"][text(entry, "serial_no")], pem.as_str());
    }
    let case = &cases("wechat", "published/aes-256-gcm")[0];
    let mut inputs = case["inputs"].clone();
    inputs["resource"] = case["inputs"].clone();
    assert_eq!(gcm(&inputs).as_deref(), case["expected"]["plaintext"].as_str());
}

#[test]
fn second_signatures() {
    let verifier = Sha256Verifier::from_certificate(&key("mch_cert")).unwrap();
    for (head, names, sign) in [
        ("v3-app-sign/", ["appid", "timestamp", "noncestr", "prepayid"], "sign"),
        ("v3-jsapi-paysign/", ["appId", "timeStamp", "nonceStr", "package"], "paySign"),
    ] {
        for case in cases("wechat", head) {
            let params = &case["expected"]["client_params"];
            let content: String = names.iter().map(|name| format!("{}\n", text(params, name))).collect();
            assert_eq!(content, text(&case["expected"], "string_to_sign"));
            assert!(verifier.verify(&content, text(params, sign)));
        }
    }
}

#[test]
fn v2_signatures() {
    for case in cases("wechat-v2", "sign/").into_iter().chain(cases("wechat-v2", "published/")) {
        let (inputs, expected) = (&case["inputs"], &case["expected"]);
        let sign_type = SignType::parse(text(inputs, "sign_type")).unwrap();
        let mut params: Params = inputs["params"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let secret = text(inputs, "key");
        assert_eq!(sign::content(&params, secret), text(expected, "string_to_sign"));
        assert_eq!(v2_sign(text(expected, "string_to_sign"), secret, sign_type), text(expected, "sign"));
        params.insert("sign".to_owned(), text(expected, "sign").to_owned());
        assert!(sign::verify(&params, secret, sign_type));
        if let Some(xml) = expected["xml_example"].as_str() {
            assert!(sign::verify(&message::read(xml), secret, sign_type), "{xml}");
        }
    }
}

#[test]
fn v2_notifies() {
    for case in cases("wechat-v2", "notify/") {
        let params = message::read(text(&case["inputs"], "xml"));
        let verified = sign::verify(&params, text(&case["inputs"], "key"), SignType::Md5);
        assert_eq!(verified, case["expected"]["verified"], "{}", case["case"]);
        if let Some(ack) = case["expected"]["ack"].as_str() {
            assert!(message::is_success(ack.as_bytes()));
        }
    }
}
