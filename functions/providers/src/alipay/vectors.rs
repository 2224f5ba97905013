//! Runs every vector of Alipay, through the public verbs where possible.

use std::collections::BTreeMap;

use base64::Engine as _;
use bytes::Bytes;
use domain::{Channel, Secret, Tab, Timestamp, TransactionId};
use http::{Request, Response};
use serde_json::{Value, json};

use super::tests::{moment, placed};
use super::{mapi, notify::Form, sign};
use crate::{
    Account, GatewayPolicy, ProviderError, cert,
    json::Members,
    keys::{BASE64, LegacySigningKey, SigningKey},
    vectors::{Unasserted, Vector, Vectors},
};

const ALIPAY: &str = include_str!("../../vectors/alipay.json");

/// Expected values that no code can be checked against.
const UNASSERTED: &[Unasserted] = &[
    Unasserted { leaf: "/note", why: "it tells a reader what the case is about" },
    Unasserted {
        leaf: "/compare",
        why: "it tells a reader why order strings are compared as maps, which they are here",
    },
    Unasserted { leaf: "/md5_input_shape", why: "it tells a reader of what text the number is the digest" },
];

struct Run<'a> {
    keys: &'a BTreeMap<String, String>,
    vector: &'a Vector,
}

impl Run<'_> {
    fn input(&self, name: &str) -> &str {
        self.vector.inputs[name].as_str().unwrap()
    }

    fn expected(&self, name: &str) -> &str {
        self.vector.expected[name].as_str().unwrap()
    }

    fn key(&self, input: &str) -> &str {
        &self.keys[self.input(input)]
    }

    fn case(&self) -> &str {
        &self.vector.case
    }

    /// An account that verifies with the vector's key. Its private key belongs to another pair, because settings are refused if
    /// `alipayPublicKey` is the public half of `privateKey`.
    fn account(&self, app_id: &str, seller_id: Option<&str>, alipay_public_key: &str) -> Account {
        let settings = |private| {
            let private_key = &self.keys[private];
            json!({
                "protocol": "openapi", "appId": app_id, "sellerId": seller_id, "privateKey": private_key,
                "alipayPublicKey": alipay_public_key,
            })
        };
        let mut accounts = ["app_private_pkcs8", "alipay_private_pkcs8"].into_iter().map(settings).filter_map(open);
        accounts.next().unwrap()
    }
}

fn open(settings: Value) -> Option<Account> {
    Account::open(Tab::Ali, settings.as_object().unwrap(), GatewayPolicy::HttpsOnly).ok()
}

fn now() -> Timestamp {
    Timestamp::from_ms(1_795_444_200_000).unwrap()
}

fn decoded(form: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(form.as_bytes()).into_owned().collect()
}

/// 53 in alipay.json, and Alipay's 3 in published.json, counted by hand.
const COUNT: usize = 56;

fn run(vectors: &Vectors, vector: &Vector) {
    let run = Run { keys: &vectors.keys, vector };
    match (vector.provider.as_str(), vector.kind()) {
        ("alipay", "request-sign") => request_sign(&run),
        ("alipay", "notify-verify") => notify_verify(&run),
        ("alipay", "response-verify") => response_verify(&run),
        ("alipay", "cert-sn") => cert_sn(&run),
        ("alipay", "published") => published(&run),
        ("alipay-mapi", "md5-sign") => mapi_md5_sign(&run),
        ("alipay-mapi", "rsa-sign") => mapi_rsa_sign(&run),
        other => panic!("nothing runs {other:?}"),
    }
}

#[test]
fn every_vector_of_alipay_is_run() {
    let vectors = Vectors::load(ALIPAY, "alipay");
    vectors.run_all(COUNT, |vector| run(&vectors, vector));
}

#[test]
fn every_expectation_of_alipays_vectors_counts() {
    let vectors = Vectors::load(ALIPAY, "alipay");
    vectors.every_leaf_counts(UNASSERTED, |vector| run(&vectors, vector));
}

fn request_sign(run: &Run<'_>) {
    let key = SigningKey::read(run.key("private_key")).unwrap();
    let given = run.vector.inputs["params"].as_object().unwrap();
    let parameters: sign::Parameters<'_> =
        given.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap().to_owned())).collect();
    assert_eq!(sign::request_content(&parameters), run.expected("string_to_sign"), "{}", run.case());
    let signed = sign::signed(parameters, &key).unwrap();
    assert_eq!(signed["sign"], run.expected("sign"), "{}", run.case());
    let ours = sign::encoded(&signed);
    for form in ["order_string_percent20", "order_string_plus"] {
        if let Some(theirs) = run.vector.expected.get(form) {
            assert_eq!(decoded(&ours), decoded(theirs.as_str().unwrap()), "{} {form}", run.case());
        }
    }
    assert!(!ours.contains('+'), "{}", run.case());
    // The same key in its other form signs the same.
    let pkcs1 = SigningKey::read(&run.keys["app_private_pkcs1"]).unwrap();
    let again = pkcs1.sign_sha256(run.expected("string_to_sign").as_bytes()).unwrap();
    assert_eq!(BASE64.encode(again), run.expected("sign"), "{}", run.case());
}

fn post(content_type: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    Request::post("https://pay.example.com/notify/alipay")
        .header("content-type", content_type)
        .body(body.into())
        .unwrap()
}

fn notify_verify(run: &Run<'_>) {
    let notify = post(run.input("content_type"), run.input("body").to_owned());
    let fields = decoded(run.input("body"));
    let account =
        run.account(&fields["app_id"], fields.get("seller_id").map(String::as_str), run.key("alipay_public_key"));
    let result = account.read_notify(Channel::AliApp, &notify, now());
    let verified = run.vector.expected["verified"].as_bool().unwrap();
    assert_eq!(result.is_ok(), verified, "{}: {result:?}", run.case());
    assert_eq!(verified, run.case().contains("/valid/"), "{}", run.case());
    let Ok(notification) = result else { return };
    assert_eq!(Form::parse(&notify).unwrap().content(), run.expected("string_to_verify").as_bytes(), "{}", run.case());
    let expected = run.vector.expected["fields"].as_object().unwrap();
    assert_eq!(notification.order, expected["out_trade_no"], "{}", run.case());
    assert_eq!(notification.fee.unwrap().to_yuan(), expected["total_amount"].as_str().unwrap(), "{}", run.case());
    assert_eq!(notification.trade_no.unwrap().as_str(), expected["trade_no"], "{}", run.case());
    assert!(notification.claims.iter().all(|claim| claim.said == claim.configured), "{}", run.case());
    let claimed: BTreeMap<&str, &str> =
        notification.claims.iter().map(|claim| (claim.field, claim.said.as_str())).collect();
    assert_eq!(
        json!(claimed),
        json!({"app_id": expected["app_id"], "seller_id": expected["seller_id"]}),
        "{}",
        run.case()
    );
    let is_open = expected["trade_status"] == "WAIT_BUYER_PAY";
    assert_eq!(notification.outcome == domain::Outcome::Pending, is_open, "{}", run.case());
    // A text that is verified and not interpreted must also be as it was written.
    let form = Form::parse(&notify).unwrap();
    for (name, value) in expected {
        assert_eq!(form.find(name), value.as_str(), "{} {name}", run.case());
    }
}

fn response_verify(run: &Run<'_>) {
    let body = run.input("body");
    let response = Response::builder().status(200).body(Bytes::from(body.to_owned())).unwrap();
    let account = run.account("2021586117351395", None, run.key("alipay_public_key"));
    let id = TransactionId::generate(now(), [7; 6]);
    let node = run.input("response_key");
    let result = match node {
        "alipay_trade_query_response" => account.read_query(&placed(&id), &response, now()).map(|_| ()),
        "alipay_trade_precreate_response" => account.read_charge(Channel::AliQrcode, &response, &moment()).map(|_| ()),
        other => panic!("nothing reads {other}"),
    };
    let verified = run.vector.expected["verified"].as_bool().unwrap();
    if verified {
        result.unwrap();
        assert_eq!(Members::parse(body).unwrap().raw(node).unwrap(), run.expected("signed_content"), "{}", run.case());
    } else {
        assert!(matches!(result, Err(ProviderError::Unclear { .. })), "{}: {result:?}", run.case());
    }
}

fn cert_sn(run: &Run<'_>) {
    match run.vector.expected.get("cert_sn") {
        Some(sn) => {
            let text = run.vector.inputs.get("cert_pem").map_or_else(|| run.key("cert"), |text| text.as_str().unwrap());
            assert_eq!(cert::read_all(text).unwrap()[0].sn, sn.as_str().unwrap(), "{}", run.case());
        }
        None => {
            let bundle = run.input("bundle_pem");
            let number = |roots: &[cert::Certificate]| cert::root_sn(roots).unwrap();
            assert_eq!(number(&cert::read_all(bundle).unwrap()), run.expected("alipay_root_cert_sn"), "{}", run.case());
            // The Python SDK splits the file at its blank lines and reads each part separately.
            let parts: Vec<_> = bundle.split("\n\n").map(|part| cert::read_all(part).unwrap()).collect();
            assert!(parts.len() > 1 && parts.iter().all(|part| part.len() == 1), "{}", run.case());
            assert_eq!(number(&parts.concat()), run.expected("alipay_root_cert_sn"), "{}", run.case());
        }
    }
}

fn published(run: &Run<'_>) {
    if run.case() != "published/trade-notify" {
        return cert_sn(run);
    }
    let fields = run.vector.inputs["params"].as_object().unwrap();
    let pairs = || fields.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs()).finish();
    let account = run.account(fields["app_id"].as_str().unwrap(), None, run.input("alipay_public_key_pem"));
    let notify = post("application/x-www-form-urlencoded; charset=utf-8", body);
    let result = account.read_notify(Channel::AliApp, &notify, now());
    assert_eq!(json!(result.is_ok()), run.vector.expected["verified"]);
    let notification = result.unwrap();
    assert_eq!(notification.order, fields["out_trade_no"]);
    assert_eq!(notification.outcome, domain::Outcome::Paid);
    assert_eq!(Form::of(pairs()).content(), run.expected("string_to_verify").as_bytes());
}

fn mapi_md5_sign(run: &Run<'_>) {
    let fields = run.vector.inputs["params"].as_object().unwrap();
    let content = mapi::legacy_content(fields.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())));
    assert_eq!(content, run.expected("string_to_sign"));
    assert_eq!(mapi::md5_sign(&content, &Secret::new(run.input("md5_key").to_owned())), run.expected("sign"));
}

fn mapi_rsa_sign(run: &Run<'_>) {
    let key = LegacySigningKey::read(run.key("private_key")).unwrap();
    let pairs: Vec<(String, String)> = serde_json::from_value(run.vector.inputs["ordered_params"].clone()).unwrap();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let content = mapi::quoted(&pairs);
    assert_eq!(content, run.expected("string_to_sign"));
    assert_eq!(mapi::rsa_sign(&content, &key).unwrap(), run.expected("sign"));
    assert_eq!(mapi::app_string(&key, &pairs).unwrap(), run.expected("order_string"));
}
