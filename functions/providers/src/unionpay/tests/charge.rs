//! What the verbs send.

use std::collections::BTreeMap;

use base64::Engine as _;
use bytes::Bytes;
use domain::{Channel, Subject, WebUrl};
use http::{Method, Request};

use super::{
    MER_ID, NOTIFY_URL, QUERY_ID, REFUND_ORDER_ID, app, decoded, fen, id, key, later, moment, now, page_fields,
    response, web, with_order, with_refund,
};
use crate::{
    Account, Charge, Closing, Order, PaymentParameters, Placed, ProviderError, cert, form::joined, keys::BASE64,
    unionpay::sign::digest_text,
};

fn call(request: Result<Charge, ProviderError>) -> Request<Bytes> {
    match request.unwrap() {
        Charge::Ready(_) => panic!("a call is needed"),
        Charge::Call(request) => request,
    }
}

fn page(edit: impl FnOnce(&mut Order<'_>)) -> Result<PaymentParameters, ProviderError> {
    let edit = |order: &mut Order<'_>| {
        order.channel = Channel::UnipayWeb;
        edit(order);
    };
    with_order(edit, |order| web().charge(order, &moment())).map(|charge| match charge {
        Charge::Ready(parameters) => parameters,
        Charge::Call(_) => panic!("no call is needed"),
    })
}

/// Verifies like UnionPay, and returns the fields without the signature and the common fields.
#[track_caller]
fn verified(mut fields: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let signature = BASE64.decode(fields.remove("signature").unwrap()).unwrap();
    let content = joined(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let certificate = &cert::read_all(key("merchant_cert")).unwrap()[0];
    let key_of_merchant = certificate.key.as_ref().unwrap();
    key_of_merchant.verify_sha256(digest_text(&content).as_bytes(), &signature).unwrap();
    assert!(fields.values().all(|value| !value.is_empty()), "an empty field was sent");
    let common = [
        ("version", "5.1.0"),
        ("encoding", "UTF-8"),
        ("signMethod", "01"),
        ("accessType", "0"),
        ("bizType", "000201"),
        ("merId", MER_ID),
        ("certId", key("merchant_cert_id")),
    ];
    for (name, value) in common {
        assert_eq!(fields.remove(name).as_deref(), Some(value), "{name}");
    }
    fields
}

#[track_caller]
fn sent(request: &Request<Bytes>, path: &str) -> BTreeMap<String, String> {
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded;charset=utf-8");
    assert_eq!(request.uri().to_string(), format!("https://gateway.95516.com/gateway/api/{path}"));
    let body = std::str::from_utf8(request.body()).unwrap();
    assert!(!body.contains('+'), "a space must be %20");
    verified(decoded(body))
}

fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_mobile_control_is_a_call_from_server_to_server() {
    let request = with_order(|_| (), |order| call(app().charge(order, &moment())));
    let expect = fields(&[
        ("txnType", "01"),
        ("txnSubType", "01"),
        ("channelType", "08"),
        ("orderId", id().as_str()),
        ("txnTime", "20261123223000"),
        ("txnAmt", "9900"),
        ("currencyCode", "156"),
        ("backUrl", NOTIFY_URL),
        ("payTimeout", "20261124003000"),
        ("orderDesc", "茶壶 a b c q"),
    ]);
    assert_eq!(sent(&request, "appTransReq.do"), expect);
}

#[test]
fn the_gateway_page_posts_itself() {
    let parameters = page(|_| ()).unwrap();
    assert_eq!(parameters.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["html"]);
    let html = parameters.find("html").unwrap();
    assert!(html.contains("<meta charset=\"UTF-8\">") && html.contains("onload=\"document.forms[0].submit()\""));
    assert!(html.contains("<button type=\"submit\">") && !html.contains("name=\"submit\""));
    assert_eq!((html.matches("<form").count(), html.matches("<script").count()), (1, 0));
    let (action, posted) = page_fields(html);
    assert_eq!(action, "https://gateway.95516.com/gateway/api/frontTransReq.do");
    let posted = verified(posted);
    assert_eq!(posted["channelType"], "07");
    assert_eq!(posted["frontUrl"], "https://shop.example.com/back?a=1&b='2'");
    assert_eq!(posted["orderDesc"], "茶壶 a b c q");
    assert_eq!(posted["txnTime"], "20261123223000");
}

#[test]
#[rustfmt::skip]
fn a_subject_is_cut_to_32_bytes_at_a_whole_character() {
    const CASES: &[(&str, Option<&str>)] = &[
        ("Iphone6 16G",                           Some("Iphone6 16G")),
        ("一二三四五六七八九十十一",                  Some("一二三四五六七八九十")),
        ("12345678901234567890123456789012345",   Some("12345678901234567890123456789012")),
        ("1234567890123456789012345678901茶",      Some("1234567890123456789012345678901")),
        ("12345678901234567890123456789&x&",      Some("12345678901234567890123456789 x")),
        ("1234567890123456789012345678901&",      Some("1234567890123456789012345678901")),
        ("茶🍵壶",                                  Some("茶 壶")),
        ("腾讯充值，QQ会员（年）+[1] {a}='b'",        Some("腾讯充值 QQ会员（年） 1")),
        ("🍵",                                     None),
        ("شاي",                                    None),
        ("1234567890123456789012345678901  x",    Some("1234567890123456789012345678901")),
        ("  茶  ",                                 Some("茶")),
    ];
    for (text, expect) in CASES {
        let subject = Subject::parse(text).unwrap();
        let request = with_order(|_| (), |order| call(app().charge(&Order { subject: &subject, ..*order }, &moment())));
        let sent = sent(&request, "appTransReq.do");
        assert_eq!(sent.get("orderDesc").map(String::as_str), *expect, "{text}");
        assert!(sent.get("orderDesc").is_none_or(|desc| desc.len() <= 32));
    }
}

#[test]
fn the_time_of_an_order_is_that_of_its_first_charge() {
    let late = with_order(|order| order.created_at = later(86_400), |order| call(app().charge(order, &moment())));
    assert_eq!(sent(&late, "appTransReq.do")["txnTime"], "20261124223000");
}

#[test]
fn what_does_not_fit_is_refused() {
    let long = format!("https://pay.example.com/{}", "x".repeat(233));
    for (url, words) in [(long.as_str(), "billNum must be shorter"), ("https://pay.example.com/~shop", "without")] {
        let result = with_order(|_| (), |order| app().charge(&Order { notify_url: url, ..*order }, &moment()));
        assert!(result.unwrap_err().to_string().contains(words), "{url}");
    }
    let tilde = WebUrl::parse("https://shop.example.com/~").unwrap();
    for (return_url, words) in [(None, "sends the browser there"), (Some(&tilde), "returnUrl must be without ~")] {
        let result = with_order(
            |order| order.channel = Channel::UnipayWeb,
            |order| web().charge(&Order { return_url, ..*order }, &moment()),
        );
        assert!(result.unwrap_err().to_string().contains(words), "{return_url:?}");
    }
}

#[test]
fn each_tab_serves_its_own_channel() {
    let serves = |account: &Account, own: &[Channel]| {
        for channel in Channel::ALL {
            let result = with_order(|order| order.channel = channel, |order| account.charge(order, &moment()));
            assert_eq!(result.is_ok(), own.contains(&channel), "{channel}");
            let answer = account.read_charge(channel, &response(200, "<html>"), &moment());
            let is_read = matches!(answer, Err(ProviderError::Unclear { .. }));
            let calls = own.contains(&channel) && channel != Channel::UnipayWeb;
            assert_eq!(is_read, calls, "{channel}: {answer:?}");
        }
    };
    serves(app(), &[Channel::UnipayApp, Channel::ApplepayUpacp]);
    serves(web(), &[Channel::UnipayWeb]);
}

#[test]
fn a_query_asks_by_number_and_time() {
    let id = id();
    let placed = Placed { id: &id, created_at: later(1), fee: fen(1), trade_no: None, channel: Channel::UnipayApp };
    let request = app().query(&placed, &moment()).unwrap();
    let expect =
        fields(&[("txnType", "00"), ("txnSubType", "00"), ("orderId", id.as_str()), ("txnTime", "20261123223001")]);
    assert_eq!(sent(&request, "queryTrans.do"), expect);
}

#[test]
fn a_refund_has_a_number_and_a_time_of_its_own() {
    let expect = |txn_type: &str, channel_type: &str, fee: &str| {
        fields(&[
            ("txnType", txn_type),
            ("txnSubType", "00"),
            ("channelType", channel_type),
            ("orderId", REFUND_ORDER_ID),
            ("txnTime", "20261123223100"),
            ("txnAmt", fee),
            ("currencyCode", "156"),
            ("backUrl", NOTIFY_URL),
            ("origQryId", QUERY_ID),
            ("reqReserved", "6YCALTE"),
        ])
    };
    let refund = |account: &Account| with_refund(|_| (), |refund| account.refund(refund, &moment()).unwrap());
    assert_eq!(sent(&refund(app()), "backTransReq.do"), expect("04", "08", "100"));
    assert_eq!(sent(&refund(web()), "backTransReq.do"), expect("04", "07", "100"));
    let undo = with_refund(|refund| refund.refund_fee = fen(9900), |refund| app().undo(refund, &moment()).unwrap());
    assert_eq!(sent(&undo, "backTransReq.do"), expect("31", "08", "9900"));
    let query = with_refund(|_| (), |refund| app().refund_query(refund, &moment()).unwrap());
    let expect =
        fields(&[("txnType", "00"), ("txnSubType", "00"), ("orderId", REFUND_ORDER_ID), ("txnTime", "20261123223100")]);
    assert_eq!(sent(&query, "queryTrans.do"), expect);
}

#[test]
fn a_repeated_refund_is_the_same_to_the_letter() {
    let body = |now| {
        let moment = crate::Moment { now, ..moment() };
        with_refund(|_| (), |refund| app().refund(refund, &moment).unwrap()).into_body()
    };
    assert_eq!(body(now()), body(later(86_400)));
    let other = with_refund(|refund| refund.refund_num = "退-2", |refund| app().refund(refund, &moment()).unwrap());
    assert_ne!(sent(&other, "backTransReq.do")["orderId"], REFUND_ORDER_ID);
}

#[test]
fn what_a_refund_needs_is_said() {
    let refused = |edit: fn(&mut crate::RefundOrder<'_>), words: &str| {
        for result in [
            with_refund(edit, |refund| app().refund(refund, &moment())),
            with_refund(
                |refund| {
                    edit(refund);
                    refund.refund_fee = refund.placed.fee;
                },
                |refund| app().undo(refund, &moment()),
            ),
        ] {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(words), "expected {words}, found {error}");
        }
    };
    refused(|refund| refund.placed.trade_no = None, "queryId");
    refused(|refund| refund.notify_url = None, "needs a notify address");
    refused(|refund| refund.notify_url = Some("https://a.b/~"), "without");
    refused(|refund| refund.refund_num = "", "refundNum must be a string of 1 to 64 bytes");
    refused(
        |refund| refund.refund_num = "66666666666666666666666666666666666666666666666666666666666666665",
        "refundNum must be a string of 1 to 64 bytes",
    );
    let part = with_refund(|_| (), |refund| app().undo(refund, &moment()));
    assert!(matches!(part, Err(ProviderError::Unsupported { .. })), "{part:?}");
}

#[test]
fn there_is_no_closing() {
    let id = id();
    let placed = Placed { id: &id, created_at: now(), fee: fen(1), trade_no: None, channel: Channel::UnipayApp };
    let Err(ProviderError::Unsupported { what }) = app().close(&placed, &moment()) else { panic!("it was closed") };
    assert!(what.to_string().contains("payTimeout"), "{what}");
    let closing = app().read_close(&placed, &response(200, ""), now()).unwrap();
    assert_eq!(closing, Closing::Refused { code: "NO_CLOSING".to_owned(), words: what.to_string() });
}
