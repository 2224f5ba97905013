//! What v2 sends, and what its answers and notifies mean.

use std::collections::BTreeMap;

use aes::{
    Aes256,
    cipher::{Array, BlockCipherEncrypt as _, KeyInit as _},
};
use base64::Engine as _;
use bytes::Bytes;
use domain::{Channel, Outcome, PayerAddress, Secret, Subject, Tab};
use http::{Request, Response};
use md5::{Digest as _, Md5};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    API_KEY, APP_ID, MCH_ID, NONCE, NOTIFY_URL, OPENID, fen, id, moment, now, open, open_tab, placed, refund, refused,
    same_claim, unclear, unsigned, v2, with, with_order,
};
use crate::{
    Account, Charge, ClientCertificate, Closing, NotifyError, Order, ProviderError, RefundOrder, RefundOutcome,
    cert::hex,
    keys::BASE64,
    wechat::fields::{Fields, SignType, content, signed_xml},
};

fn key() -> Secret<String> {
    Secret::new(API_KEY.to_owned())
}

fn hmac() -> serde_json::Map<String, Value> {
    with(v2(), json!({"signType": "HMAC-SHA256"}))
}

fn account() -> Account {
    open(&v2()).unwrap()
}

fn mp_account() -> Account {
    open_tab(Tab::WxMp, &v2()).unwrap()
}

/// The fields of a request, after its signature was verified.
#[track_caller]
fn sent(request: &Request<Bytes>, path: &str, sign_type: SignType) -> BTreeMap<String, String> {
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", path));
    assert_eq!(request.headers()["content-type"], "text/xml; charset=utf-8");
    let fields = Fields::parse(request.body()).unwrap();
    assert_eq!(fields.verify(sign_type, &key()), Ok(()));
    let names = ["appid", "mch_id", "nonce_str", "sign_type"];
    assert_eq!(names.map(|name| fields.filled(name).unwrap()), [APP_ID, MCH_ID, NONCE, sign_type.name()]);
    let elements = crate::xml::Elements::read(request.body(), None).unwrap().below("xml").unwrap();
    let others = elements.iter().filter(|(name, _)| !names.contains(name) && *name != "sign");
    others.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn map(fields: Value) -> BTreeMap<String, String> {
    serde_json::from_value(fields).unwrap()
}

fn call(account: &Account, edit: impl FnOnce(&mut Order<'_>)) -> Request<Bytes> {
    with_order(edit, |order| match account.charge(order, &moment()).unwrap() {
        Charge::Call(request) => request,
        Charge::Ready(parameters) => panic!("ready without a call: {parameters:?}"),
    })
}

#[test]
fn a_payment_is_ordered() {
    let expected = |trade_type: &str, more: Value| {
        let mut fields = map(json!({
            "body": "茶/壶 a=b&c \"q\"", "out_trade_no": id().as_str(), "total_fee": "9900", "spbill_create_ip": "203.0.113.5",
            "time_expire": "20261124003000", "notify_url": NOTIFY_URL, "trade_type": trade_type,
        }));
        fields.extend(map(more));
        fields
    };
    let path = "/pay/unifiedorder";
    assert_eq!(sent(&call(&account(), |_| {}), path, SignType::Md5), expected("APP", json!({})));
    let request = call(&mp_account(), |order| order.channel = Channel::WxJsapi);
    assert_eq!(sent(&request, path, SignType::Md5), expected("JSAPI", json!({ "openid": OPENID })));
    let request = call(&mp_account(), |order| order.channel = Channel::WxNative);
    assert_eq!(sent(&request, path, SignType::Md5), expected("NATIVE", json!({ "product_id": id().as_str() })));
    sent(&call(&open(&hmac()).unwrap(), |_| {}), path, SignType::HmacSha256);
    let proxied = open(&with(v2(), json!({"gateway": "https://proxy/wx/"}))).unwrap();
    assert_eq!(call(&proxied, |_| {}).uri(), "https://proxy/wx/pay/unifiedorder");

    for (ip, expect) in [
        (None, "127.0.0.1"),
        (Some("2001:db8::1"), "2001:db8::1"),
        (Some("::ffff:203.0.113.8"), "203.0.113.8"),
        (Some("::FFFF:CB00:7108"), "203.0.113.8"),
    ] {
        let request = call(&account(), |order| order.client_ip = ip.and_then(PayerAddress::parse));
        assert_eq!(sent(&request, path, SignType::Md5)["spbill_create_ip"], expect);
    }
    let subject = Subject::parse(&format!("]]>{}", "茶".repeat(100))).unwrap();
    let request = with_order(
        |_| {},
        |order| match account().charge(&Order { subject: &subject, ..*order }, &moment()).unwrap() {
            Charge::Call(request) => request,
            Charge::Ready(_) => panic!("ready without a call"),
        },
    );
    assert_eq!(sent(&request, path, SignType::Md5)["body"], format!("]]>{}", "茶".repeat(41)));
}

#[test]
fn what_wechat_would_refuse_is_not_sent() {
    let unsupported = |result: Result<Charge, ProviderError>| {
        assert!(matches!(result, Err(ProviderError::Unsupported { .. })), "{result:?}");
    };
    for channel in [Channel::AliApp, Channel::UnipayApp, Channel::WxNative] {
        unsupported(with_order(|order| order.channel = channel, |order| account().charge(order, &moment())));
    }
    let url = "https://pay.example.com/notify?a=b";
    unsupported(with_order(|_| {}, |order| account().charge(&Order { notify_url: url, ..*order }, &moment())));
    let without = |order: &mut Order<'_>| (order.channel, order.openid) = (Channel::WxJsapi, None);
    unsupported(with_order(without, |order| mp_account().charge(order, &moment())));
}

#[test]
fn the_other_verbs_ask_about_the_order() {
    let (id, moment) = (id(), moment());
    let account = open(&with(v2(), json!({"clientPfx": "AAEC"}))).unwrap();
    let about = |name: &str, value: &str| map(json!({ name: value }));
    let order = about("out_trade_no", id.as_str());
    let query = account.query(&placed(&id), &moment).unwrap();
    assert_eq!(sent(&query, "/pay/orderquery", SignType::Md5), order);
    let close = account.close(&placed(&id), &moment).unwrap();
    assert_eq!(sent(&close, "/pay/closeorder", SignType::Md5), order);
    let asked = account.refund_query(&refund(&id), &moment).unwrap();
    let number = format!("{id}-R1");
    assert_eq!(sent(&asked, "/pay/refundquery", SignType::Md5), about("out_refund_no", &number));
    assert!([query, close, asked].iter().all(|request| request.extensions().get::<ClientCertificate>().is_none()));

    let made = account.refund(&refund(&id), &moment).unwrap();
    let expected = json!({
        "out_trade_no": id.as_str(), "out_refund_no": number, "total_fee": "9900", "refund_fee": "100", "refund_desc": "太大",
        "notify_url": "https://pay.example.com/refunds",
    });
    assert_eq!(sent(&made, "/secapi/pay/refund", SignType::Md5), map(expected));
    let client = made.extensions().get::<ClientCertificate>().unwrap();
    assert_eq!((client.pfx.expose().as_slice(), client.password.expose().as_str()), ([0, 1, 2].as_slice(), MCH_ID));
    let bare = RefundOrder { reason: None, notify_url: None, ..refund(&id) };
    let fields = sent(&account.refund(&bare, &moment).unwrap(), "/secapi/pay/refund", SignType::Md5);
    assert!(!fields.contains_key("refund_desc") && !fields.contains_key("notify_url"));
    let named = open(&with(v2(), json!({"clientPfx": "AAEC", "clientPfxPassword": "p"}))).unwrap();
    let made = named.refund(&refund(&id), &moment).unwrap();
    assert_eq!(made.extensions().get::<ClientCertificate>().unwrap().password.expose(), "p");

    let without = super::super::tests::open(&v2()).unwrap().refund(&refund(&id), &moment);
    assert!(matches!(without, Err(ProviderError::Key { field: "clientPfx", .. })), "{without:?}");
}

/// A signed message of WeChat Pay.
fn signed_by(sign_type: SignType, fields: &[(&'static str, &str)]) -> String {
    let pairs: Vec<_> = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    signed_xml(&pairs, sign_type, &key())
}

fn signed(fields: &[(&'static str, &str)]) -> String {
    signed_by(SignType::Md5, fields)
}

const GOOD: [(&str, &str); 4] =
    [("return_code", "SUCCESS"), ("result_code", "SUCCESS"), ("appid", APP_ID), ("mch_id", MCH_ID)];

fn good(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [GOOD.as_slice(), more].concat()
}

fn answer(more: &[(&'static str, &'static str)]) -> Response<Bytes> {
    unsigned(200, &signed(&good(more)))
}

fn failure(code: &'static str) -> Response<Bytes> {
    let fields = [("return_code", "SUCCESS"), ("result_code", "FAIL"), ("err_code", code), ("err_code_des", "words")];
    unsigned(200, &signed(&fields))
}

#[test]
fn the_payers_side_gets_what_it_needs() {
    for (settings, sign_type) in [(v2(), SignType::Md5), (hmac(), SignType::HmacSha256)] {
        let body =
            signed_by(sign_type, &good(&[("prepay_id", "wx1"), ("code_url", "weixin://x"), ("trade_type", "APP")]));
        let answer = unsigned(200, &body);
        let checked = |parameters: &crate::PaymentParameters, sign: &str| {
            let pairs: Vec<_> = parameters.iter().filter(|(name, _)| *name != sign).collect();
            assert_eq!(parameters.find(sign).unwrap(), sign_type.sign(content(pairs), &key()));
        };
        let app = open(&settings).unwrap().read_charge(Channel::WxApp, &answer, &moment()).unwrap();
        checked(&app, "sign");
        let names: Vec<_> = app.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"]);
        let mp = open_tab(Tab::WxMp, &settings).unwrap();
        let jsapi = mp.read_charge(Channel::WxJsapi, &answer, &moment()).unwrap();
        checked(&jsapi, "paySign");
        assert_eq!(jsapi.find("signType"), Some(sign_type.name()));
        assert_eq!(jsapi.find("package"), Some("prepay_id=wx1"));
        let native = mp.read_charge(Channel::WxNative, &answer, &moment()).unwrap();
        assert_eq!(serde_json::to_value(native).unwrap(), json!({"prepayid": "wx1", "codeUrl": "weixin://x"}));
    }
    unclear(account().read_charge(Channel::WxApp, &answer(&[]), &moment()), "no usable prepay_id");
    refused(account().read_charge(Channel::WxApp, &failure("ORDERPAID"), &moment()), "ORDERPAID");
}

#[test]
#[rustfmt::skip]
fn a_query_is_a_report() {
    use Outcome::{Closed, Paid, Pending};
    for (state, expect) in [("SUCCESS", Paid), ("REFUND", Paid), ("NOTPAY", Pending), ("USERPAYING", Pending), ("CLOSED", Closed), ("REVOKED", Closed), ("NEW", Pending)] {
        let answer = answer(&[("out_trade_no", "568b33a0f7e4beba9244a8e0"), ("trade_state", state), ("total_fee", "9900"), ("cash_fee", "9800"), ("fee_type", "CNY"), ("transaction_id", "4200001")]);
        let report = account().read_query(&placed(&id()), &answer, now()).unwrap();
        assert_eq!((report.order.as_str(), report.outcome, report.fee), (id().as_str(), expect, Some(fen(9900))), "{state}");
        assert_eq!(report.claims, [same_claim("appid", APP_ID), same_claim("mch_id", MCH_ID), same_claim("fee_type", "CNY")]);
    }
    let report = account().read_query(&placed(&id()), &failure("ORDERNOTEXIST"), now()).unwrap();
    assert_eq!((report.order.as_str(), report.outcome, report.fee), (id().as_str(), Pending, None));
    unclear(account().read_query(&placed(&id()), &answer(&[("out_trade_no", "1")]), now()), "trade_state is missing");
    unclear(account().read_query(&placed(&id()), &answer(&[("trade_state", "SUCCESS")]), now()), "out_trade_no is missing");
}

#[test]
#[rustfmt::skip]
fn what_is_not_believed() {
    let read = |body: String| account().read_query(&placed(&id()), &unsigned(200, &body), now());
    let paid = good(&[("out_trade_no", "568b33a0f7e4beba9244a8e0"), ("trade_state", "SUCCESS"), ("total_fee", "9900")]);
    let body = signed(&paid);
    read(body.clone()).unwrap();
    unclear(read(body.replace("9900", "9901")), "does not match its content and apiKey");
    unclear(read(body.replace("</xml>", "<x>1</x></xml>")), "does not match");
    unclear(read(body.replace("</xml>", "<total_fee>1</total_fee></xml>")), "twice");
    unclear(read(body.replace("<sign>", "<a>").replace("</sign>", "</a>")), "the answer says success, but has no signature");
    unclear(read(signed_by(SignType::HmacSha256, &paid)), "does not match");
    let mut named = paid.clone();
    named.push(("sign_type", "HMAC-SHA256"));
    unclear(read(signed_by(SignType::HmacSha256, &named)), "is signed with HMAC-SHA256, but MD5 is configured");
    unclear(open(&hmac()).unwrap().read_query(&placed(&id()), &unsigned(200, &body), now()), "does not match");
    let mut other_case = body.clone();
    let start = other_case.find("<sign>").unwrap();
    other_case.get_mut(start..).unwrap().make_ascii_lowercase();
    assert!(read(other_case).is_err());
    unclear(read(String::new()), "not the documented XML");
    unclear(read("<xml></xml>".to_owned()), "do not say what happened");
    unclear(read(signed(&[("return_code", "SUCCESS")])), "do not say what happened");
    unclear(account().read_query(&placed(&id()), &unsigned(502, &body), now()), "HTTP status 502");
    refused(read("<xml><return_code>FAIL</return_code><return_msg>签名错误</return_msg></xml>".to_owned()), "FAIL");
    for code in ["SYSTEMERROR", "BIZERR_NEED_RETRY", "FREQUENCY_LIMITED", ""] {
        unclear(account().read_query(&placed(&id()), &failure(code), now()), "wechat answered");
    }
    refused(account().read_query(&placed(&id()), &failure("PARAM_ERROR"), now()), "PARAM_ERROR");
}

#[test]
fn closings_are_read() {
    let read = |answer| account().read_close(&placed(&id()), &answer, now());
    let refused = |code: &str, words: &str| Ok(Closing::Refused { code: code.to_owned(), words: words.to_owned() });
    assert_eq!(read(answer(&[])), Ok(Closing::Closed));
    assert_eq!(read(failure("ORDERNOTEXIST")), Ok(Closing::NotThere));
    assert_eq!(read(failure("ORDERPAID")), refused("ORDERPAID", "words"));
    let unsigned_failure = "<xml><return_code>SUCCESS</return_code><result_code>FAIL</result_code>\
                            <err_code>ORDERNOTEXIST</err_code></xml>";
    assert_eq!(read(unsigned(200, unsigned_failure)), refused("ORDERNOTEXIST", ""));
    let refusal = "<xml><return_code>FAIL</return_code><return_msg>x</return_msg></xml>";
    assert_eq!(read(unsigned(200, refusal)), refused("FAIL", "x"));
    unclear(read(failure("SYSTEMERROR")), "SYSTEMERROR");
}

#[test]
#[rustfmt::skip]
fn refunds_are_read() {
    let id = id();
    let refund = refund(&id);
    let made = |answer| account().read_refund(&refund, &answer, now());
    let asked = |answer| account().read_refund_query(&refund, &answer, now());
    let number = "568b33a0f7e4beba9244a8e0-R1";
    assert_eq!(made(answer(&[("out_refund_no", number), ("refund_fee", "100")])), Ok(RefundOutcome::Pending));
    unclear(made(answer(&[("out_refund_no", number), ("refund_fee", "101")])), "another refund");
    unclear(made(answer(&[("out_refund_no", "R1"), ("refund_fee", "100")])), "another refund");
    unclear(made(answer(&[])), "another refund");
    unclear(made(failure("SYSTEMERROR")), "SYSTEMERROR");
    assert_eq!(made(failure("NOTENOUGH")), Ok(RefundOutcome::Short { code: "NOTENOUGH".to_owned(), words: domain::Sentence::as_it_is("words") }));
    refused(made(unsigned(200, "<xml><return_code>FAIL</return_code></xml>")), "FAIL");

    for (status, done, failed) in [("SUCCESS", true, false), ("PROCESSING", false, false), ("REFUNDCLOSE", false, true), ("CHANGE", false, false)] {
        let found = asked(answer(&[("out_refund_no_0", "x"), ("out_refund_no_1", number), ("refund_fee_1", "100"), ("refund_status_1", status)])).unwrap();
        assert_eq!((found == RefundOutcome::Done, matches!(found, RefundOutcome::Failed { .. })), (done, failed), "{status}");
        assert_eq!(matches!(found, RefundOutcome::Stuck { .. }), status == "CHANGE", "{status}");
    }
    unclear(asked(answer(&[("out_refund_no_0", "x")])), "the answer does not contain the refund");
    unclear(asked(answer(&[("out_refund_no_0", number), ("refund_fee_0", "1"), ("refund_status_0", "SUCCESS")])), "refund_fee_0");
    unclear(asked(answer(&[("out_refund_no_0", number), ("refund_fee_0", "100")])), "refund_status_0 is missing");
    assert_eq!(asked(failure("REFUNDNOTEXIST")), Ok(RefundOutcome::NotThere));
    refused(asked(failure("PARAM_ERROR")), "PARAM_ERROR");
}

/// The fields of a payment's notify.
fn paid() -> Vec<(&'static str, &'static str)> {
    good(&[
        ("out_trade_no", "568b33a0f7e4beba9244a8e0"),
        ("transaction_id", "4200001"),
        ("time_end", "20261123223000"),
        ("total_fee", "9900"),
        ("cash_fee", "9800"),
        ("fee_type", "CNY"),
        ("attach", "a&b=c"),
        ("something_new", "x"),
    ])
}

fn changed(name: &'static str, value: &'static str) -> String {
    let mut fields: Vec<_> = paid().into_iter().filter(|(known, _)| *known != name).collect();
    fields.push((name, value));
    signed(&fields)
}

fn notify(body: impl Into<Bytes>) -> Request<Bytes> {
    Request::post(NOTIFY_URL).header("content-type", "text/xml").body(body.into()).unwrap()
}

fn read(body: impl Into<Bytes>) -> Result<domain::Notification, NotifyError> {
    account().read_notify(Channel::WxApp, &notify(body), now())
}

#[track_caller]
fn malformed<T: std::fmt::Debug>(result: Result<T, NotifyError>, words: &str) {
    match result {
        Err(NotifyError::Malformed { reason }) => {
            assert!(reason.to_string().contains(words), "expected {words}, found {reason}")
        }
        other => panic!("expected malformed, {words}; found {other:?}"),
    }
}

#[test]
#[rustfmt::skip]
fn only_what_says_that_it_is_paid_is() {
    use Outcome::{Paid, Pending};
    let report = read(signed(&paid())).unwrap();
    assert_eq!((report.order.as_str(), report.outcome, report.fee), (id().as_str(), Paid, Some(fen(9900))));
    assert_eq!(report.trade_no.unwrap().as_str(), "4200001");
    assert_eq!(report.claims, [same_claim("appid", APP_ID), same_claim("mch_id", MCH_ID), same_claim("fee_type", "CNY")]);
    for (name, value, fee, expect) in [
        ("result_code",    "FAIL",      Some(9900), Pending),
        ("result_code",    "",          Some(9900), Pending),
        ("transaction_id", "",          Some(9900), Pending),
        ("time_end",       "",          Some(9900), Pending), // An answer to another call, not a notify.
        ("trade_state",    "NOTPAY",    Some(9900), Pending),
        ("trade_state",    "SUCCESS",   Some(9900), Paid),
        ("total_fee",      "x",         None,       Paid),    // The shared check refuses a payment without an amount.
        ("total_fee",      "-9900",     None,       Paid),
        ("total_fee",      "99.00",     None,       Paid),
        ("total_fee",      "0",         None,       Paid),
        ("fee_type",       "",          Some(9900), Paid),
    ] {
        let report = read(changed(name, value)).unwrap();
        assert_eq!((report.fee.map(domain::Fen::get), report.outcome), (fee, expect), "{name} {value}");
    }
    for (name, value) in [("appid", "wx1"), ("mch_id", "1"), ("fee_type", "USD"), ("appid", ""), ("mch_id", "")] {
        let wrong: Vec<_> = read(changed(name, value)).unwrap().claims.into_iter().filter(|claim| claim.said != claim.configured).collect();
        assert_eq!(wrong.iter().map(|claim| (claim.field, claim.said.as_str())).collect::<Vec<_>>(), [(name, value)]);
    }
    malformed(read(changed("out_trade_no", "")), "out_trade_no is missing");
    malformed(read(changed("return_code", "FAIL")), "return_code is not SUCCESS");
}

#[test]
fn notifies_are_verified() {
    let body = signed(&paid());
    let bad = Err(NotifyError::BadSignature { field: "apiKey" });
    assert_eq!(read(body.replace("9900", "9901")), bad);
    assert_eq!(read(signed_by(SignType::HmacSha256, &paid())), bad);
    let mut named = paid();
    named.push(("sign_type", "HMAC-SHA256"));
    let algorithm = |found: &str, expected| Err(NotifyError::Algorithm { found: found.to_owned(), expected });
    assert_eq!(read(signed_by(SignType::HmacSha256, &named)), algorithm("HMAC-SHA256", "MD5"));
    let strong = open(&hmac()).unwrap();
    strong.read_notify(Channel::WxApp, &notify(signed_by(SignType::HmacSha256, &named)), now()).unwrap();
    strong.read_notify(Channel::WxApp, &notify(signed_by(SignType::HmacSha256, &paid())), now()).unwrap();
    assert_eq!(strong.read_notify(Channel::WxApp, &notify(body.clone()), now()), bad);
    let weak = changed("sign_type", "MD5");
    assert_eq!(strong.read_notify(Channel::WxApp, &notify(weak.clone()), now()), algorithm("MD5", "HMAC-SHA256"));
    read(weak).unwrap();
    assert_eq!(read("<xml><return_code>SUCCESS</return_code></xml>"), Err(NotifyError::Unsigned));
    malformed(read("x".repeat(65537)), "longer than 65536 bytes");
    malformed(read(format!("<!DOCTYPE xml>{body}")), "document type");
}

/// Content that WeChat Pay encrypts with the API key.
fn sealed(plaintext: &str) -> String {
    let cipher = Aes256::new_from_slice(hex(&Md5::digest(API_KEY)).as_bytes()).unwrap();
    let mut bytes = plaintext.as_bytes().to_vec();
    let count = 16 - bytes.len() % 16;
    bytes.extend(vec![u8::try_from(count).unwrap(); count]);
    for block in bytes.chunks_exact_mut(16) {
        let mut sealed = Array::try_from(&*block).unwrap();
        cipher.encrypt_block(&mut sealed);
        block.copy_from_slice(&sealed);
    }
    BASE64.encode(bytes)
}

fn refund_body(content: &str) -> String {
    let req_info = sealed(content);
    format!(
        "<xml><return_code>SUCCESS</return_code><appid>{APP_ID}</appid><mch_id>{MCH_ID}</mch_id><req_info>{req_info}</req_info></xml>"
    )
}

#[test]
fn a_refunds_notify_is_a_hint() {
    let content = "<root><out_refund_no>568b33a0f7e4beba9244a8e0-R1</out_refund_no><out_trade_no>568b33a0f7e4beba9244a8e0</out_trade_no>\
                   <refund_fee>100</refund_fee><refund_status>SUCCESS</refund_status><total_fee>9900</total_fee>\
                   <transaction_id>4200001</transaction_id></root>";
    let report = read(refund_body(content)).unwrap();
    assert_eq!((report.order.as_str(), report.outcome, report.fee), (id().as_str(), Outcome::Pending, Some(fen(9900))));
    let claims = [same_claim("appid", APP_ID), same_claim("mch_id", MCH_ID)];
    assert_eq!(report.claims, claims);

    let read_refund = |body: String| account().read_refund_notify(Channel::WxApp, &notify(body), now());
    let report = read_refund(refund_body(content)).unwrap();
    assert_eq!((report.order.as_str(), report.refund_num.as_str()), (id().as_str(), "R1"));
    assert_eq!((report.refund_fee, report.outcome), (Some(fen(100)), RefundOutcome::Pending));
    assert_eq!(report.claims, claims);

    let sealed_error = NotifyError::Sealed { field: "apiKey" };
    let other = open(&with(v2(), json!({"apiKey": "z".repeat(32)}))).unwrap();
    assert_eq!(
        other.read_refund_notify(Channel::WxApp, &notify(refund_body(content)), now()),
        Err(sealed_error.clone())
    );
    assert_eq!(read_refund(refund_body("<root>")), Err(sealed_error));
    malformed(read_refund(refund_body("<root><out_trade_no>1</out_trade_no></root>")), "out_refund_no is missing");
    malformed(read_refund(refund_body("<xml><out_trade_no>1</out_trade_no></xml>")), "out_trade_no is missing");
    malformed(read_refund(signed(&paid())), "req_info is missing");
    for (req_info, words) in [("!", "not base64"), ("AAAA", "whole number of blocks")] {
        malformed(read_refund(format!("<xml><req_info>{req_info}</req_info></xml>")), words);
    }
}

proptest! {
    #[test]
    fn no_notify_makes_it_panic_or_be_believed(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(body).is_err());
    }

    #[test]
    fn no_xml_makes_it_panic(body in "(</?(xml|sign|sign_type|req_info|return_code)>|MD5|SUCCESS|<|&[a-z]{0,3};|.){0,16}") {
        prop_assert!(read(body.clone()).is_err());
        let _ = account().read_query(&placed(&id()), &unsigned(200, &body), now());
        let _ = account().read_refund_notify(Channel::WxApp, &notify(body), now());
    }

    #[test]
    fn no_seal_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let body = format!("<xml><req_info>{}</req_info></xml>", BASE64.encode(bytes));
        prop_assert!(read(body).is_err());
    }

    #[test]
    fn one_changed_byte_is_one_too_many(place in 0_usize..2000, bit in 0_u8..7) {
        let original = signed(&paid());
        let mut body = original.clone().into_bytes();
        let place = place % body.len();
        body[place] ^= 1 << bit;
        prop_assert!(read(body.clone()).is_err(), "{}", String::from_utf8_lossy(&body));
        let answer = crate::wechat::tests::response(200, body, &[]);
        prop_assert!(account().read_query(&placed(&id()), &answer, now()).is_err());
    }
}
