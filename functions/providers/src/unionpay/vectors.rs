//! Runs every vector of UnionPay, through the public verbs where possible.

use std::collections::BTreeMap;

use base64::Engine as _;
use bytes::Bytes;
use domain::{Channel, Fen, Outcome, Tab, Timestamp};
use http::Response;
use serde_json::{Map, Value, json};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{
    answer, notify, page, sign,
    tests::{moment, notify_of, page_fields, with_order},
};
use crate::{
    Account, Charge, GatewayPolicy, NotifyError, cert,
    form::Parameters,
    keys::{BASE64, SigningKey},
    vectors::{Unasserted, Vector, Vectors},
};

const UNIONPAY: &str = include_str!("../../vectors/unionpay.json");
const FORM: &str = "application/x-www-form-urlencoded;charset=UTF-8";
const MER_ID: &str = "777290058110097";

/// Expected values that no code can be checked against.
const UNASSERTED: &[Unasserted] = &[
    Unasserted { leaf: "/note", why: "it tells a reader what the case is about" },
    Unasserted {
        leaf: "/official_output_unsafe",
        why: "it is the page of UnionPay's sample code, which breaks; ours is another",
    },
    Unasserted { leaf: "/chain_valid_at", why: "a moment at which is asked; what holds then is asserted" },
    Unasserted { leaf: "/chain_expired_at", why: "a moment at which is asked; what holds then is asserted" },
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

    fn settings(&self, mer_id: &str, root: &str, middle: &str) -> Map<String, Value> {
        let settings = json!({
            "merId": mer_id, "pfx": self.keys["merchant_pfx_base64"], "pfxPassword": self.keys["merchant_pfx_password"],
            "rootCert": root, "middleCert": middle,
        });
        settings.as_object().unwrap().clone()
    }

    /// An account that trusts the vector's certificates.
    fn account(&self) -> Account {
        open(&self.settings(MER_ID, self.key("root_cert"), self.key("middle_cert")))
    }

    fn verify_at(&self) -> Timestamp {
        at(self.input("verify_at"))
    }

    fn is_verified(&self) -> bool {
        self.vector.expected["verified"].as_bool().unwrap()
    }
}

fn open(settings: &Map<String, Value>) -> Account {
    Account::open(Tab::UnipayApp, settings, GatewayPolicy::HttpsOnly).unwrap()
}

/// A UTC time of a vector.
fn at(text: &str) -> Timestamp {
    let utc = Timestamp::from_beijing(&text.replace('T', " ").replace('Z', "")).unwrap();
    utc.plus(std::time::Duration::from_secs(8 * 60 * 60))
}

fn unionpay(account: &Account) -> &super::Account {
    let Account::Unionpay(account) = account else { panic!("another provider's account") };
    account
}

/// 28 in unionpay.json, and UnionPay's 2 in published.json, counted by hand.
const COUNT: usize = 30;

fn run(vectors: &Vectors, vector: &Vector) {
    let run = Run { keys: &vectors.keys, vector };
    match (vector.provider.as_str(), vector.kind()) {
        ("unionpay", "pfx") => pfx(&run),
        ("unionpay", "sign") => request_sign(&run),
        ("unionpay", "notify-verify") => notify_verify(&run),
        ("unionpay", "response-parse") => response_parse(&run),
        ("unionpay", "auto-form") => auto_form(&run),
        ("unionpay", "published") => published(&run),
        other => panic!("nothing runs {other:?}"),
    }
}

#[test]
fn every_vector_of_unionpay_is_run() {
    let vectors = Vectors::load(UNIONPAY, "unionpay");
    vectors.run_all(COUNT, |vector| run(&vectors, vector));
}

#[test]
fn every_expectation_of_unionpays_vectors_counts() {
    let vectors = Vectors::load(UNIONPAY, "unionpay");
    vectors.every_leaf_counts(UNASSERTED, |vector| run(&vectors, vector));
}

/// The certificate's number as it goes into a message.
fn pfx(run: &Run<'_>) {
    let mut settings = run.settings(MER_ID, &run.keys["root_cert"], &run.keys["middle_cert"]);
    settings.insert("pfx".to_owned(), json!(run.key("pfx_base64")));
    settings.insert("pfxPassword".to_owned(), json!(run.input("password")));
    let account = Account::open(Tab::UnipayWeb, &settings, GatewayPolicy::HttpsOnly).unwrap();
    let charge = with_order(|order| order.channel = Channel::UnipayWeb, |order| account.charge(order, &moment()));
    let Charge::Ready(parameters) = charge.unwrap() else { panic!("no call is needed") };
    assert_eq!(page_fields(parameters.find("html").unwrap()).1["certId"], run.expected("certId"), "{}", run.case());
}

fn request_sign(run: &Run<'_>) {
    let key = SigningKey::read(run.key("private_key")).unwrap();
    let given = run.vector.inputs["params"].as_object().unwrap();
    let parameters: Parameters<'_> =
        given.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap().to_owned())).collect();
    let mut signed = sign::signed(parameters, run.input("certId"), &key).unwrap();
    assert_eq!(signed.remove(sign::SIGNATURE).unwrap(), run.expected("signature"), "{}", run.case());
    let content = sign::request_content(&signed);
    assert_eq!(content, run.expected("string_to_sign"), "{}", run.case());
    assert_eq!(sign::digest_text(&content), run.expected("sha256_hex"), "{}", run.case());
    assert_eq!(json!(signed), run.vector.expected["params_after_filter"], "{}", run.case());
}

fn notify_verify(run: &Run<'_>) {
    let account = run.account();
    let notify = notify_of(run.input("content_type"), run.input("body").to_owned());
    let result = account.read_notify(Channel::UnipayApp, &notify, run.verify_at());
    assert_eq!(result.is_ok(), run.is_verified(), "{}: {result:?}", run.case());
    assert_eq!(run.is_verified(), run.case().contains("/valid/"), "{}", run.case());
    let Ok(notification) = result else { return };
    let fields = notify::verified(&notify, &unionpay(&account).trust, run.verify_at()).unwrap();
    let expected = run.vector.expected["fields"].as_object().unwrap();
    for (name, value) in expected {
        assert_eq!(fields.find(name), value.as_str(), "{} {name}", run.case());
    }
    assert_eq!(notification.order, expected["orderId"], "{}", run.case());
    assert!(notification.claims.iter().all(|claim| claim.said == claim.configured), "{}", run.case());
    let is_payment = fields.find("txnType") == Some("01");
    let is_paid = is_payment && ["00", "A6"].contains(&expected["respCode"].as_str().unwrap());
    assert_eq!(notification.outcome, if is_paid { Outcome::Paid } else { Outcome::Pending }, "{}", run.case());
    let fee = notification.fee.map(|fee| fee.get().to_string());
    assert_eq!(fee.as_deref(), expected["txnAmt"].as_str().filter(|_| is_payment), "{}", run.case());
    let trade_no = notification.trade_no.as_ref().map(|number| number.as_str());
    assert_eq!(trade_no, expected["queryId"].as_str().filter(|_| is_payment), "{}", run.case());
}

fn response_parse(run: &Run<'_>) {
    let (account, body) = (run.account(), run.input("body"));
    assert!(run.is_verified(), "{}", run.case());
    let fields = answer::parse(body.as_bytes(), None).unwrap();
    let expected = run.vector.expected["fields"].as_object().unwrap();
    let found: Map<String, Value> = fields
        .iter()
        .filter(|(name, _)| !["signature", "signPubKeyCert"].contains(name))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    assert_eq!(&found, expected, "{}", run.case());
    unionpay(&account).trust.verify(&fields, run.verify_at()).unwrap();
    let response = Response::builder().status(200).body(Bytes::from(body.to_owned())).unwrap();
    let at_verify = crate::Moment { now: run.verify_at(), ..moment() };
    let result = account.read_charge(Channel::UnipayApp, &response, &at_verify);
    match expected.get("tn") {
        Some(tn) => assert_eq!(result.unwrap().find("tn"), tn.as_str(), "{}", run.case()),
        None => {
            assert_eq!(result, Err(crate::MessageProblem::Unusable { field: "tn".to_owned() }.into()), "{}", run.case())
        }
    }
}

fn auto_form(run: &Run<'_>) {
    let given = run.vector.inputs["params"].as_object().unwrap();
    let parameters: Parameters<'_> =
        given.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap().to_owned())).collect();
    let (action, fields) = page_fields(&page::self_submitting(run.input("action"), &parameters));
    assert_eq!(action, run.input("action"));
    assert_eq!(json!(json!(fields) == run.vector.inputs["params"]), run.vector.expected["decoded_fields_equal_params"]);
    assert_eq!(run.expected("method"), "POST");
}

fn published(run: &Run<'_>) {
    let (root, middle) = (run.input("root_cert_pem"), run.input("middle_cert_pem"));
    match run.case() {
        "published/test-ca-certificates" => published_certificates(run, root, middle),
        "published/real-5.1.0-test-environment-message" => published_message(run, root, middle),
        other => panic!("nothing runs {other}"),
    }
}

fn published_certificates(run: &Run<'_>, root: &str, middle: &str) {
    let (root, middle) = (&cert::read_all(root).unwrap()[0], &cert::read_all(middle).unwrap()[0]);
    assert_eq!(json!(middle.is_issued_by(root)), run.vector.expected["middle_issued_by_root"]);
    assert!(!root.is_issued_by(middle));
    assert_eq!(run.expected("signature_algorithm"), "sha1WithRSAEncryption");
    for pem in ["root_cert_pem", "middle_cert_pem"] {
        let der = &crate::keys::blocks(run.input(pem), 10_000).unwrap()[0];
        let (_, certificate) = X509Certificate::from_der(der).unwrap();
        // sha1WithRSAEncryption, in RFC 8017.
        assert_eq!(certificate.signature_algorithm.algorithm.to_id_string(), "1.2.840.113549.1.1.5");
    }
    assert_eq!(middle.serial_decimal, run.expected("middle_serial_decimal"));
    for (pem, expected) in [("root_cert_pem", "root_sha256"), ("middle_cert_pem", "middle_sha256")] {
        let der = &crate::keys::blocks(run.input(pem), 10_000).unwrap()[0];
        let fingerprint = ring::digest::digest(&ring::digest::SHA256, der);
        assert_eq!(cert::hex(fingerprint.as_ref()), run.expected(expected));
    }
}

/// The only real message we have: from the test environment, under the real chain, which is signed by SHA-1.
fn published_message(run: &Run<'_>, root: &str, middle: &str) {
    let body = run.input("body");
    let notify = notify_of(FORM, body.to_owned());
    let mut settings = run.settings("777290058146592", root, middle);
    let valid_at = at(run.expected("chain_valid_at"));
    let production = open(&settings).read_notify(Channel::UnipayApp, &notify, valid_at);
    assert!(matches!(production, Err(NotifyError::Untrusted { .. })), "{production:?}");
    settings.insert("cn".to_owned(), run.vector.inputs["accepted_cn_part"][0].clone());
    let account = open(&settings);
    let report = account.read_notify(Channel::UnipayApp, &notify, valid_at).unwrap();
    assert_eq!((report.order.as_str(), report.outcome, report.fee), ("20171030223623", Outcome::Pending, None::<Fen>));
    assert!(report.claims.iter().all(|claim| claim.said == claim.configured));
    let fields = notify::verified(&notify, &unionpay(&account).trust, valid_at).unwrap();
    assert_eq!(fields.content(), run.expected("string_to_sign").as_bytes());
    assert_eq!(sign::digest_text(fields.content()), run.expected("sha256_hex"));
    let expired = account.read_notify(Channel::UnipayApp, &notify, at(run.expected("chain_expired_at")));
    assert!(matches!(expired, Err(NotifyError::Untrusted { .. })), "{expired:?}");
    let forged = notify_of(FORM, body.replace("respCode=00", "respCode=01"));
    assert_eq!(
        account.read_notify(Channel::UnipayApp, &forged, valid_at),
        Err(NotifyError::BadSignature { field: "signPubKeyCert" })
    );
    // Only the signature, over the same digits.
    let signature = BASE64.decode(fields.find(sign::SIGNATURE).unwrap()).unwrap();
    let certificate = &cert::read_all(fields.find("signPubKeyCert").unwrap()).unwrap()[0];
    assert_eq!(certificate.common_names, [run.expected("cn")]);
    let key = certificate.key.as_ref().unwrap();
    assert_eq!(
        key.verify_sha256(run.expected("sha256_hex").as_bytes(), &signature).is_ok(),
        run.vector.expected["signature_valid"].as_bool().unwrap()
    );
}
