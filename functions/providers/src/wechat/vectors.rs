//! Runs every vector of WeChat Pay, through the public verbs where possible.

use std::collections::BTreeMap;

use base64::Engine as _;
use bytes::Bytes;
use domain::{Channel, Outcome, Secret, Tab, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use serde_json::{Value, json};

use super::{
    Protocol,
    fields::{Fields, SignType, content, signed_xml},
    seal,
    sign::{self, Merchant, Message},
    tests::{
        APP_ID, MCH_ID, Signer, bare, both_modes, id, moment, now, open, open_tab, placed, response, signature, v2,
        with,
    },
};
use crate::{
    Account, Closing, Moment, Nonce, NotifyError, ProviderError, cert,
    json::Members,
    keys::{BASE64, SigningKey},
    vectors::{Unasserted, Vector, Vectors},
};

const WECHAT: &str = include_str!("../../vectors/wechat.json");

/// Expected values that no code can be checked against.
const UNASSERTED: &[Unasserted] = &[
    Unasserted { leaf: "/note", why: "it tells a reader what the case is about" },
    Unasserted {
        leaf: "/compare",
        why: "it tells a reader that another order would be right, too; ours is that of the vector",
    },
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

    fn verified(&self) -> bool {
        self.vector.expected["verified"].as_bool().unwrap()
    }

    fn headers(&self) -> HeaderMap {
        let pairs = self.vector.inputs["headers"].as_object().unwrap().iter();
        pairs
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                (name, HeaderValue::from_str(value.as_str().unwrap()).unwrap())
            })
            .collect()
    }

    fn now(&self) -> Timestamp {
        at(self.vector.inputs["now"].as_i64().unwrap())
    }

    /// The account that trusts the vector's keys. The two of `trusted` are those of the test's own settings.
    fn account(&self, app_id: &str) -> Account {
        for (serial, name) in self.vector.inputs["trusted"].as_object().unwrap() {
            let settings = both_modes();
            let held = match name.as_str().unwrap() {
                "platform_cert" => serial == &self.keys["platform_cert_serial_no"],
                "wechatpay_public_key" => settings["publicKeyId"] == *serial,
                other => panic!("nothing trusts {other}"),
            };
            assert!(held, "{}", self.case());
        }
        open(&with(both_modes(), json!({ "appId": app_id }))).unwrap()
    }

    fn notify(&self) -> Request<Bytes> {
        let mut notify = Request::new(Bytes::from(self.input("body").to_owned()));
        *notify.headers_mut() = self.headers();
        notify.headers_mut().insert("content-type", HeaderValue::from_static("application/json; charset=utf-8"));
        notify
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_ms(seconds * 1000).unwrap()
}

/// 56 in wechat.json, and WeChat Pay's 8 in published.json, counted by hand.
const COUNT: usize = 64;

fn run(vectors: &Vectors, vector: &Vector) {
    let run = Run { keys: &vectors.keys, vector };
    match (vector.provider.as_str(), vector.kind()) {
        ("wechat", "cert-serial") => cert_serial(&run, run.key("cert")),
        ("wechat", "v3-authorization") => authorization(&run),
        ("wechat", "v3-verify") => verify(&run),
        ("wechat", "v3-notify") => notify(&run),
        ("wechat", "v3-decrypt") => decrypt(&run),
        ("wechat", "v3-app-sign") => payer(&run, Channel::WxApp),
        ("wechat", "v3-jsapi-paysign") => {
            [Channel::WxJsapi, Channel::WxLite].into_iter().for_each(|channel| payer(&run, channel))
        }
        ("wechat", "v3-certificates") => certificates(&run),
        ("wechat", "published") => published(&run),
        ("wechat-v2", "sign" | "published") => v2_sign(&run),
        ("wechat-v2", "notify") => v2_notify(&run),
        other => panic!("nothing runs {other:?}"),
    }
}

#[test]
fn every_vector_of_wechat_is_run() {
    let vectors = Vectors::load(WECHAT, "wechat");
    vectors.run_all(COUNT, |vector| run(&vectors, vector));
}

#[test]
fn every_expectation_of_wechats_vectors_counts() {
    let vectors = Vectors::load(WECHAT, "wechat");
    vectors.every_leaf_counts(UNASSERTED, |vector| run(&vectors, vector));
}

fn cert_serial(run: &Run<'_>, pem: &str) {
    let certificate = cert::read_all(pem).unwrap().remove(0);
    // One of the published certificates has a short number; WeChat Pay's own have 40 digits.
    assert_eq!(certificate.serial, format!("{:0>40}", run.expected("serial_no")), "{}", run.case());
}

fn message<'a>(run: &'a Run<'_>) -> Message<'a> {
    Message {
        method: run.input("method"),
        path: run.input("url"),
        timestamp: run.input("timestamp"),
        nonce: run.input("nonce_str"),
        body: run.input("body"),
    }
}

fn authorization(run: &Run<'_>) {
    let message = message(run);
    assert_eq!(message.content(), run.expected("string_to_sign"), "{}", run.case());
    let key = SigningKey::read(run.key("private_key")).unwrap();
    assert_eq!(sign::signed(&key, &message.content()).unwrap(), run.expected("signature"), "{}", run.case());
    let merchant = Merchant { mch_id: run.input("mchid"), cert_serial: run.input("serial_no"), key: &key };
    assert_eq!(sign::authorization(&message, merchant).unwrap(), run.expected("authorization"), "{}", run.case());
    if message.path == "/v3/certificates" {
        let moment = Moment { now: at(message.timestamp.parse().unwrap()), nonce: Nonce::of(message.nonce) };
        let request = open(&bare()).unwrap().certificates_request(&moment).unwrap();
        assert_eq!(request.headers()["authorization"], run.expected("authorization"));
    }
}

fn verify(run: &Run<'_>) {
    let account = run.account(APP_ID);
    let (headers, body, now) = (run.headers(), run.input("body"), run.now());
    let Account::Wechat(super::Account { protocol: Protocol::V3(v3), .. }) = &account else { panic!("not v3") };
    let result = v3.keys.verify(&headers, body.as_bytes(), now);
    assert_eq!(result.is_ok(), run.verified(), "{}: {result:?}", run.case());

    let mut answer = Response::new(Bytes::from(body.to_owned()));
    *answer.headers_mut() = headers;
    let moment = Moment { now, nonce: Nonce::from_random([7; 16]) };
    let id = id();
    let result = if body.is_empty() {
        *answer.status_mut() = http::StatusCode::NO_CONTENT;
        account.read_close(&placed(&id), &answer, now).map(|closing| assert_eq!(closing, Closing::Closed))
    } else if body.contains("prepay_id") {
        account.read_charge(Channel::WxApp, &answer, &moment).map(|_| ())
    } else if body.contains("code_url") {
        let account = open_tab(Tab::WxMp, &both_modes()).unwrap();
        account.read_charge(Channel::WxNative, &answer, &moment).map(|_| ())
    } else {
        account.read_query(&placed(&id), &answer, now).map(|_| ())
    };
    match result {
        Ok(()) => assert!(run.verified(), "{}", run.case()),
        // None of these bodies is an order. So a verified one fails because its state is missing.
        Err(ProviderError::Unclear { reason }) => {
            assert_eq!(
                reason.to_string().contains("trade_state is missing"),
                run.verified(),
                "{}: {reason}",
                run.case()
            );
        }
        Err(ProviderError::UnknownKey { serial }) => {
            assert_eq!((run.case(), serial.len()), ("v3-verify/response/unknown-serial", 40));
        }
        Err(other) => panic!("{}: {other}", run.case()),
    }
    let probe = matches!(v3.keys.verify(answer.headers(), body.as_bytes(), now), Err(super::verify::Unverified::Probe));
    assert_eq!(probe, run.case().ends_with("signtest-probe"), "{}", run.case());
}

fn notify(run: &Run<'_>) {
    let plaintext = run.vector.expected.get("plaintext").map(|text| text.as_str().unwrap());
    let fields: Value = plaintext.map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    let account = run.account(fields["appid"].as_str().unwrap_or(APP_ID));
    let result = account.read_notify(Channel::WxApp, &run.notify(), run.now());
    assert_eq!(result.is_ok(), run.verified(), "{}: {result:?}", run.case());
    match result {
        Ok(report) => {
            assert_eq!(report.order, fields["out_trade_no"]);
            assert_eq!(report.outcome, Outcome::Paid);
            assert_eq!(report.fee.unwrap().get(), fields["amount"]["total"].as_i64().unwrap());
            assert_eq!(report.trade_no.unwrap().as_str(), fields["transaction_id"]);
            assert!(report.claims.len() == 3 && report.claims.iter().all(|claim| claim.said == claim.configured));
            let envelope = Members::parse(run.input("body")).unwrap();
            let key = Secret::new(run.input("apiv3_key").as_bytes().try_into().unwrap());
            assert_eq!(seal::open(&envelope.object("resource").unwrap(), &key).unwrap(), plaintext.unwrap());
        }
        Err(error) => assert_eq!(error, NotifyError::BadSignature { field: "publicKey" }, "{}", run.case()),
    }
}

/// Encrypted content comes in notifies: this one is signed here.
fn decrypt(run: &Run<'_>) {
    let body = json!({"event_type": "TRANSACTION.SUCCESS", "resource": run.vector.inputs["resource"]}).to_string();
    let notify = super::tests::notify(body.clone(), &signature(Signer::Certificate, body.as_bytes(), 0));
    let account = open(&with(both_modes(), json!({"apiV3Key": run.input("apiv3_key")}))).unwrap();
    let result = account.read_notify(Channel::WxApp, &notify, now());
    let Some(plaintext) = run.vector.expected.get("plaintext") else {
        assert_eq!(result, Err(NotifyError::Sealed { field: "apiV3Key" }), "{}", run.case());
        assert_eq!(run.vector.expected["error"], true, "{}", run.case());
        return;
    };
    let sealed = run.vector.inputs["resource"].to_string();
    let key = Secret::new(run.input("apiv3_key").as_bytes().try_into().unwrap());
    assert_eq!(
        seal::open(&Members::parse(&sealed).unwrap(), &key).unwrap(),
        plaintext.as_str().unwrap(),
        "{}",
        run.case()
    );
    let plaintext: Value = serde_json::from_str(plaintext.as_str().unwrap()).unwrap();
    let report = result.unwrap();
    assert_eq!(report.order, plaintext["out_trade_no"], "{}", run.case());
    assert_eq!(report.fee.unwrap().get(), plaintext["amount"]["total"].as_i64().unwrap(), "{}", run.case());
    let app = report.claims.iter().find(|claim| claim.field == "appid").unwrap();
    assert_eq!(app.said, plaintext["appid"].as_str().unwrap(), "{}", run.case());
}

fn payer(run: &Run<'_>, channel: Channel) {
    let (now, prepay_id) = (at(run.input("timestamp").parse().unwrap()), run.input("prepay_id"));
    let moment = Moment { now, nonce: Nonce::of(run.input("noncestr")) };
    let app = if channel == Channel::WxLite { "liteAppId" } else { "appId" };
    let settings = with(both_modes(), json!({app: run.input("appid"), "privateKey": run.key("private_key")}));
    let body = json!({ "prepay_id": prepay_id }).to_string();
    // The answer is signed at the vector's own time.
    let skew = now.seconds() - super::tests::now().seconds();
    let answer = response(200, body.clone(), &signature(Signer::Certificate, body.as_bytes(), skew));
    let account = open_tab(channel.tab(), &settings).unwrap();
    let parameters = serde_json::to_value(account.read_charge(channel, &answer, &moment).unwrap()).unwrap();
    assert_eq!(parameters, run.vector.expected["client_params"], "{}", run.case());
    let last_line = if channel == Channel::WxApp { prepay_id.to_owned() } else { format!("prepay_id={prepay_id}") };
    let content = sign::payer_content(run.input("appid"), &moment, &last_line);
    assert_eq!(content, run.expected("string_to_sign"), "{}", run.case());
}

fn certificates(run: &Run<'_>) {
    let body = run.vector.inputs["response"].to_string();
    let headers = signature(Signer::Certificate, body.as_bytes(), 0);
    let settings = with(bare(), json!({"apiV3Key": run.input("apiv3_key")}));
    let account = open(&settings).unwrap();
    let answer = response(200, body, &headers);
    assert!(matches!(account.read_query(&placed(&id()), &answer, now()), Err(ProviderError::UnknownKey { .. })));
    let account = account.with_certificates(&answer, now()).unwrap();
    assert!(matches!(account.read_query(&placed(&id()), &answer, now()), Err(ProviderError::Unclear { .. })));

    let expected = run.vector.expected["certificates"].as_object().unwrap();
    let key = Secret::new(run.input("apiv3_key").as_bytes().try_into().unwrap());
    for item in run.vector.inputs["response"]["data"].as_array().unwrap() {
        let item = item.to_string();
        let item = Members::parse(&item).unwrap();
        let pem = seal::open(&item.object("encrypt_certificate").unwrap(), &key).unwrap();
        assert_eq!(expected[&item.text("serial_no").unwrap()], pem);
    }
}

fn published(run: &Run<'_>) {
    match run.case() {
        "published/sha256-rsa-sign" => {
            let key = SigningKey::read(run.input("private_key_pem")).unwrap();
            assert_eq!(sign::signed(&key, run.input("message")).unwrap(), run.expected("signature"));
        }
        "published/notify-signature" => {
            cert_serial(run, run.input("certificate_pem"));
            let settings = with(bare(), json!({"platformCerts": [run.input("certificate_pem")]}));
            // Its signature is right. It was encrypted with a key of another size, which the live service does not have.
            let result = open(&settings).unwrap().read_notify(Channel::WxApp, &run.notify(), run.now());
            assert_eq!(result, Err(NotifyError::Sealed { field: "apiV3Key" }));
            assert!(run.verified());
        }
        "published/aes-256-gcm" => {
            let mut sealed = run.vector.inputs.clone();
            sealed.insert("algorithm".to_owned(), json!("AEAD_AES_256_GCM"));
            let sealed = Value::Object(sealed).to_string();
            let key = Secret::new(run.input("apiv3_key").as_bytes().try_into().unwrap());
            assert_eq!(seal::open(&Members::parse(&sealed).unwrap(), &key).unwrap(), run.expected("plaintext"));
        }
        "published/verify-with-certificate" => {
            cert_serial(run, run.input("certificate_pem"));
            let key = cert::read_all(run.input("certificate_pem")).unwrap().remove(0).key.unwrap();
            let signature = BASE64.decode(run.input("signature")).unwrap();
            assert_eq!(key.verify_sha256(run.input("message").as_bytes(), &signature).is_ok(), run.verified());
        }
        "published/authorization-message" => assert_eq!(message(run).content(), run.expected("string_to_sign")),
        "published/jsapi-and-app-string-to-sign" => {
            let now = at(run.input("timestamp").parse().unwrap());
            let moment = Moment { now, nonce: Nonce::of(run.input("noncestr")) };
            let (app_id, prepay_id) = (run.input("appid"), run.input("prepay_id"));
            let jsapi = sign::payer_content(app_id, &moment, &format!("prepay_id={prepay_id}"));
            assert_eq!(jsapi, run.expected("jsapi_string"));
            assert_eq!(sign::payer_content(app_id, &moment, prepay_id), run.expected("app_string"));
        }
        other => panic!("nothing runs {other}"),
    }
}

fn v2_sign(run: &Run<'_>) {
    let sign_type = match run.input("sign_type") {
        "MD5" => SignType::Md5,
        "HMAC-SHA256" => SignType::HmacSha256,
        other => panic!("nothing signs {other}"),
    };
    let key = Secret::new(run.input("key").to_owned());
    let params = run.vector.inputs["params"].as_object().unwrap();
    let unsigned = content(params.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())));
    assert_eq!(format!("{unsigned}&key={}", key.expose()), run.expected("string_to_sign"), "{}", run.case());
    assert_eq!(sign_type.sign(&unsigned, &key), run.expected("sign"), "{}", run.case());
    let Some(example) = run.vector.expected.get("xml_example") else { return };
    let example = Fields::parse(example.as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(example.verify(sign_type, &key), Ok(()), "{}", run.case());
    // Our own writer signs the same fields the same way.
    let names = ["appid", "mch_id", "nonce_str", "body", "out_trade_no", "total_fee", "spbill_create_ip", "notify_url"];
    let names = names.into_iter().chain(["trade_type", "attach", "sign_type"]);
    let pairs: Vec<_> = names.filter_map(|name| Some((name, params.get(name)?.as_str().unwrap().to_owned()))).collect();
    assert_eq!(pairs.len(), params.len(), "{}", run.case());
    let ours = Fields::parse(signed_xml(&pairs, sign_type, &key).as_bytes()).unwrap();
    for name in params.keys().map(String::as_str).chain(["sign"]) {
        assert_eq!(ours.filled(name), example.filled(name), "{} {name}", run.case());
    }
}

fn v2_notify(run: &Run<'_>) {
    let settings = with(v2(), json!({"apiKey": run.input("key"), "appId": "wx2421b1c4370ec43b", "mchId": MCH_ID}));
    let account = open(&settings).unwrap();
    let notify = Request::new(Bytes::from(run.input("xml").to_owned()));
    let result = account.read_notify(Channel::WxApp, &notify, moment().now);
    assert_eq!(result.is_ok(), run.verified(), "{}: {result:?}", run.case());
    let Ok(report) = result else { return };
    let fields = run.vector.expected["fields"].as_object().unwrap();
    assert_eq!(report.order, fields["out_trade_no"]);
    assert_eq!((report.outcome, report.fee.unwrap().get()), (Outcome::Paid, 100));
    assert_eq!(report.trade_no.unwrap().as_str(), fields["transaction_id"]);
    assert!(report.claims.len() == 3 && report.claims.iter().all(|claim| claim.said == claim.configured));
    let parsed = Fields::parse(run.input("xml").as_bytes()).unwrap();
    for (name, value) in fields {
        assert_eq!(parsed.filled(name), value.as_str(), "{name}");
    }
    assert_eq!(account.acknowledgement().accepted, run.expected("ack").as_bytes());
}
