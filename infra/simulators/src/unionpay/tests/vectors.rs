//! The project's vectors, made with UnionPay's own SDK.

use serde_json::Value;

use super::super::codes;
use super::super::gateway::raw;
use super::super::merchants::{Merchant, cert_id_of};
use super::super::page::auto_form;
use super::super::request::{Call, verify};
use super::super::signing::Seal;
use super::*;
use crate::kit::charset::Charset;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

fn key(name: &str) -> String {
    vectors()["keys"][name].as_str().unwrap().to_owned()
}

/// All cases whose name starts with `kind`. There must be `count`, so that none is lost unnoticed.
fn cases(kind: &str, count: usize) -> Vec<Value> {
    let all = vectors()["vectors"].as_array().unwrap().clone();
    let cases: Vec<Value> = all.into_iter().filter(|v| v["case"].as_str().unwrap().starts_with(kind)).collect();
    assert_eq!(cases.len(), count, "{kind}");
    cases
}

fn params_of(value: &Value) -> Params {
    value.as_object().unwrap().iter().map(|(name, v)| (name.clone(), v.as_str().unwrap().to_owned())).collect()
}

fn unix_seconds(rfc3339: &str) -> i64 {
    let digits: String = rfc3339.chars().filter(char::is_ascii_digit).collect();
    parse_compact(&digits).unwrap() / 1_000 + 8 * 3_600
}

/// The same text with its byte `at` changed, still valid text.
fn flipped(text: &str, at: usize) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).ok()
}

#[test]
fn every_signed_request_is_accepted_and_each_flipped_byte_refused() {
    for vector in cases("sign/", 10) {
        let name = vector["case"].as_str().unwrap();
        let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
        let mut params = params_of(&inputs["params"]);
        params.insert("certId".into(), inputs["certId"].as_str().unwrap().into());
        assert_eq!(filtered(params.clone()), params_of(&expected["params_after_filter"]), "{name}");
        let signed_text = content(&filtered(params.clone()));
        assert_eq!(signed_text, expected["string_to_sign"].as_str().unwrap(), "{name}");
        assert_eq!(digest_text(&signed_text), expected["sha256_hex"].as_str().unwrap(), "{name}");
        params.insert("signature".into(), expected["signature"].as_str().unwrap().into());

        let mut registry = Registry::built_in().unwrap();
        registry.merchants = vec![Merchant::new(&params["merId"], "vector", &key("merchant_cert")).unwrap()];
        let call = match (params["txnType"].as_str(), params.get("channelType").map(String::as_str)) {
            ("01", Some("07")) => Call::Web,
            ("01", Some("08")) => Call::App,
            ("00", None) => Call::Query,
            ("04", _) => Call::Refund,
            ("31", _) => Call::Void,
            other => panic!("{other:?}"),
        };
        match verify(&registry, call, params.clone()) {
            Ok(message) if call != Call::Query => {
                let now = parse_compact(&params["txnTime"]).unwrap();
                assert_eq!(message.order(now).unwrap().txn_time, params["txnTime"], "{name}");
            }
            Ok(_) => {}
            // Their signatures fit. Syntax characters in `reqReserved`, and an emoji in `orderDesc`, may be signed, but such an
            // order is refused.
            Err(refusal) => {
                assert_eq!(refusal.code, codes::FORMAT, "{name}");
                assert!(["sign/web/plus-amp-equals", "sign/app/emoji"].contains(&name), "{name}");
            }
        }
        for (field, value) in filtered(params.clone()) {
            for wrong in (0..value.len()).filter_map(|at| flipped(&value, at)) {
                let mut params = params.clone();
                params.insert(field.clone(), wrong.clone());
                let refusal = verify(&registry, call, params).err();
                let refusal = refusal.unwrap_or_else(|| panic!("{name}: {field}={wrong} is accepted"));
                let envelope = ["version", "encoding", "signMethod", "certId", "merId"].contains(&field.as_str());
                assert!(refusal.code == codes::SIGNATURE || envelope, "{name}: {field}={wrong}: {}", refusal.code);
            }
        }
    }
}

#[test]
fn our_messages_are_byte_for_byte_those_of_unionpay() {
    let seal = Seal::new(&key("unionpay_sign_private_pkcs8"), &key("unionpay_sign_cert")).unwrap();
    let again = |params: &Params| {
        let mut fields = params.clone();
        fields.remove("signature");
        fields.remove("signPubKeyCert");
        seal.sign(&mut fields, Charset::Utf8).unwrap();
        fields
    };
    for vector in cases("notify-verify/valid/", 5) {
        let params = form::merge("", vector["inputs"]["body"].as_str().unwrap(), None).unwrap();
        assert_eq!(again(&params), params, "{}", vector["case"]);
        assert_eq!(form::merge("", &encoded(&params), None).unwrap(), params);
    }
    for vector in cases("response-parse/", 3) {
        let body = vector["inputs"]["body"].as_str().unwrap();
        let params = split(body);
        for (name, value) in params_of(&vector["expected"]["fields"]) {
            assert_eq!(params[&name], value, "{}", vector["case"]);
        }
        assert_eq!(raw(&again(&params)), body, "{}", vector["case"]);
    }
}

#[test]
fn the_verifier_of_these_tests_judges_as_unionpay_does() {
    let judge = |params: &Params, inputs: &Value| {
        let [root, middle] = ["root_cert", "middle_cert"].map(|name| key(inputs[name].as_str().unwrap()));
        accepts(params, &root, &middle, unix_seconds(inputs["verify_at"].as_str().unwrap()), UNIONPAY)
    };
    for vector in cases("notify-verify/", 13) {
        let inputs = &vector["inputs"];
        let params = filtered(form::merge("", inputs["body"].as_str().unwrap(), None).unwrap());
        assert_eq!(judge(&params, inputs), vector["expected"]["verified"].as_bool().unwrap(), "{}", vector["case"]);
    }
    for vector in cases("response-parse/", 3) {
        let inputs = &vector["inputs"];
        assert!(judge(&split(inputs["body"].as_str().unwrap()), inputs), "{}", vector["case"]);
    }
    for vector in cases("published/real", 1) {
        let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
        let text_of = |value: &Value| value.as_str().unwrap().to_owned();
        let params = filtered(form::merge("", inputs["body"].as_str().unwrap(), None).unwrap());
        assert_eq!(content(&params), text_of(&expected["string_to_sign"]));
        assert_eq!(digest_text(content(&params)), text_of(&expected["sha256_hex"]));
        let [root, middle] = ["root_cert_pem", "middle_cert_pem"].map(|name| text_of(&inputs[name]));
        let judge = |at: &str, owners| accepts(&params, &root, &middle, unix_seconds(&text_of(&expected[at])), owners);
        assert!(judge("chain_valid_at", &["00040000:SIGN"]));
        assert!(!judge("chain_valid_at", UNIONPAY));
        assert!(!judge("chain_expired_at", &["00040000:SIGN"]));
    }
}

#[test]
fn a_certificate_number_may_exceed_64_bits() {
    for vector in cases("pfx/", 1) {
        assert_eq!(cert_id_of(&key("merchant_cert")).unwrap(), vector["expected"]["certId"].as_str().unwrap());
    }
    assert_eq!(cert_id_of(OLD_CERT).unwrap(), "201361195839331317309813");
    assert_eq!(cert_id_of(NEW_CERT).unwrap(), u64::from_str_radix("E1002640A7B3", 16).unwrap().to_string());
}

#[test]
fn the_form_that_goes_to_the_shop_is_escaped() {
    for vector in cases("auto-form/", 1) {
        let mut params = params_of(&vector["inputs"]["params"]);
        params.insert("lines".into(), "a\r\nb".into());
        let page = auto_form(vector["inputs"]["action"].as_str().unwrap(), &params);
        assert_eq!(hidden(&page), params);
    }
}

/// What a browser would post.
pub(super) fn hidden(page: &str) -> Params {
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!("{name}=\"")).unwrap();
        let (value, _) = rest.split_once('"').unwrap();
        value
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&#13;", "\r")
            .replace("&#10;", "\n")
            .replace("&amp;", "&")
    };
    page.split("<input ").skip(1).map(|tag| (attribute(tag, "name"), attribute(tag, "value"))).collect()
}
