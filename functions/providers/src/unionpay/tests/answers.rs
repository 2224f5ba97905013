//! What UnionPay's answers mean, and which are not trusted.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::{Channel, Claim, Notification, Outcome, TransactionId};
use http::Response;
use proptest::prelude::*;

use super::{
    MER_ID, QUERY_ID, REFUND_ORDER_ID, answer, app, fen, id, later, moment, now, response, signed, with_refund,
};
use crate::{
    Placed, ProviderError, RefundOrder, RefundOutcome,
    unionpay::answer::{Verdict, parse, verdict},
};

const PAID: &[(&str, &str)] = &[
    ("orderId", "568b33a0f7e4beba9244a8e0"),
    ("respCode", "00"),
    ("respMsg", "成功[0000000]"),
    ("origRespCode", "00"),
    ("origRespMsg", "成功[0000000]"),
    ("queryId", QUERY_ID),
    ("txnAmt", "8888"),
    ("currencyCode", "156"),
    ("txnType", "01"),
];
const ACCEPTED: &[(&str, &str)] = &[("orderId", REFUND_ORDER_ID), ("respCode", "00"), ("respMsg", "成功")];
const REFUNDED: &[(&str, &str)] = &[
    ("orderId", REFUND_ORDER_ID),
    ("respCode", "00"),
    ("origRespCode", "00"),
    ("origRespMsg", "成功"),
    ("txnAmt", "100"),
];

fn placed(id: &TransactionId) -> Placed<'_> {
    Placed { id, created_at: now(), fee: fen(8888), trade_no: None, channel: Channel::UnipayApp }
}

fn read_query(response: &Response<Bytes>) -> Result<Notification, ProviderError> {
    app().read_query(&placed(&id()), response, now())
}

#[track_caller]
fn unclear<T: std::fmt::Debug>(result: Result<T, ProviderError>, words: &str) {
    match result {
        Err(ProviderError::Unclear { reason }) => {
            assert!(reason.to_string().contains(words), "expected {words}, found {reason}")
        }
        other => panic!("expected unclear, {words}; found {other:?}"),
    }
}

fn without_signature(mut fields: BTreeMap<String, String>) -> BTreeMap<String, String> {
    fields.remove("signature");
    fields
}

#[test]
#[rustfmt::skip]
fn a_query_is_a_report() {
    use Outcome::{Paid, Pending};
    type Row<'a> = (&'a [(&'a str, &'a str)], Option<i64>, Outcome);
    let cases: &[Row<'_>] = &[
        (&[],                                    Some(8888), Paid),
        (&[("origRespCode", "A6")],              Some(8888), Paid),
        (&[("respCode", "A6")],                  Some(8888), Paid),
        (&[("origRespCode", "03")],              Some(8888), Pending),
        (&[("origRespCode", "04")],              Some(8888), Pending),
        (&[("origRespCode", "05")],              Some(8888), Pending),
        (&[("origRespCode", "34")],              Some(8888), Pending),
        (&[("origRespCode", "61")],              Some(8888), Pending), // The payer may try another card until payTimeout.
        (&[("origRespCode", "a6")],              Some(8888), Pending),
        (&[("origRespCode", "000")],             Some(8888), Pending),
        (&[("txnAmt", "1")],                     Some(1),    Paid),
        (&[("txnAmt", "")],                      None,       Paid), // The shared check refuses a payment without an amount.
        (&[("txnAmt", "0")],                     None,       Paid),
        (&[("txnAmt", "-1")],                    None,       Paid),
        (&[("txnAmt", "+1")],                    None,       Paid),
        (&[("txnAmt", "88.88")],                 None,       Paid),
        (&[("txnAmt", "99999999999999999999")],  None,       Paid),
    ];
    for (changes, fee, outcome) in cases {
        let report = read_query(&answer(&signed(PAID, changes))).unwrap();
        assert_eq!((report.fee.map(domain::Fen::get), report.outcome), (*fee, *outcome), "{changes:?}");
        assert_eq!((report.order.as_str(), report.trade_no.unwrap().as_str()), (id().as_str(), QUERY_ID), "{changes:?}");
    }
    for field in ["orderId", "origRespCode"] {
        unclear(read_query(&answer(&signed(PAID, &[(field, "")]))), &format!("{field} is missing"));
    }
    let other = read_query(&answer(&signed(PAID, &[("orderId", "N2")]))).unwrap();
    assert_eq!(other.order, "N2", "the shared check compares it");
}

#[test]
fn an_answer_claims_its_merchant_and_currency() {
    let claim =
        |field, said: &str, configured: &str| Claim { field, said: said.to_owned(), configured: configured.to_owned() };
    let report = read_query(&answer(&signed(PAID, &[("currencyCode", "840")]))).unwrap();
    assert_eq!(report.claims, [claim("merId", MER_ID, MER_ID), claim("currencyCode", "840", "156")]);
    let report = read_query(&answer(&signed(PAID, &[("currencyCode", "")]))).unwrap();
    assert_eq!(report.claims, [claim("merId", MER_ID, MER_ID)]);
    for mer_id in ["", "777290058110098"] {
        unclear(read_query(&answer(&signed(PAID, &[("merId", mer_id)]))), "a merchant other than merId");
    }
}

#[test]
fn an_order_that_unionpay_does_not_know_is_pending() {
    let fields = signed(PAID, &[("respCode", "34"), ("origRespCode", "")]);
    let report = read_query(&answer(&fields)).unwrap();
    assert_eq!((report.order.as_str(), report.outcome, report.fee), (id().as_str(), Outcome::Pending, None));
    unclear(read_query(&answer(&without_signature(fields))), "unsigned code 34");
}

#[test]
#[rustfmt::skip]
fn codes_are_refusals_or_nothing() {
    let cases: &[(&str, bool, Option<&str>)] = &[
        // code  signed  refused with
        ("11",   true,   Some("11")),
        ("11",   false,  Some("11")),
        ("13",   false,  Some("13")),
        ("29",   false,  Some("29")),
        ("35",   true,   Some("35")),
        ("30",   false,  None),
        ("35",   false,  None),
        ("1",    false,  None),
        ("1a",   false,  None),
        ("99",   false,  None),
        ("03",   true,   None),
        ("04",   true,   None),
        ("05",   false,  None),
        ("06",   true,   None),
        ("37",   true,   None),
        ("68",   true,   None),
        ("00",   false,  None),
        ("A6",   false,  None),
    ];
    for (code, is_signed, refused) in cases {
        let fields = signed(PAID, &[("respCode", code), ("respMsg", "验证\u{7}签名失败[9100004]")]);
        let fields = if *is_signed { fields } else { without_signature(fields) };
        match (read_query(&answer(&fields)), refused) {
            (Err(ProviderError::Refused { code, words }), Some(expect)) => {
                assert_eq!((code.as_str(), words.as_str()), (*expect, "验证签名失败[9100004]"));
            }
            (Err(ProviderError::Unclear { .. }), None) => {}
            (other, _) => panic!("{code}, signed: {is_signed}: {other:?}"),
        }
    }
    assert_eq!((verdict("00"), verdict("34"), verdict("")), (Verdict::Done, Verdict::Refused, Verdict::Refused));
}

#[test]
#[rustfmt::skip]
fn what_is_not_believed() {
    let body = |fields: &BTreeMap<String, String>| String::from_utf8(answer(fields).into_body().to_vec()).unwrap();
    let paid = body(&signed(PAID, &[]));
    let many: String = (0..129).map(|number| format!("a{number}=1&")).collect();
    let cases: &[(u16, String, &str)] = &[
        (200, paid.replace("txnAmt=8888", "txnAmt=8889"),          "the signature of the answer does not match its content and signPubKeyCert"),
        (200, paid.replace("origRespCode=00", "origRespCode=05"),  "does not match"),
        (200, paid.replace("&txnAmt=8888", ""),                    "does not match"),
        (200, format!("{paid}&extra=1"),                           "does not match"),
        (200, paid.replace("signature=", "signature=!"),           "signature is not base64"),
        (200, format!("{paid}&txnAmt=8888"),                       "a field appears twice"),
        (200, format!("{paid}&respCode=00"),                       "a field appears twice"),
        (200, format!("{paid}&x"),                                 "a field has no value"),
        (200, format!("x&{paid}"),                                 "a field has no value, or no name"),
        (200, format!("=1&{paid}"),                                "a field has no value, or no name"),
        (200, paid.replace("signMethod=01", "signMethod=11"),      "is signed with 11, but 01 is configured"),
        (200, body(&without_signature(signed(PAID, &[]))),         "the answer says success, but has no signature"),
        (200, body(&signed(PAID, &[("respCode", "")])),            "respCode is missing"),
        (200, body(&signed(PAID, &[("signPubKeyCert", "")])),      "signPubKeyCert is missing"),
        (200, body(&signed(PAID, &[("signPubKeyCert", "MIIB")])),  "the certificate of the answer is not trusted"),
        (200, many,                                                "more fields than any answer has"),
        (200, "\n<html>busy</html>".to_owned(),                    "a web page, not an answer"),
        (200, "Invalid request.".to_owned(),                       "a field has no value"),
        (200, String::new(),                                       "respCode is missing"),
        (200, " ".repeat(64 * 1024 + 1),                           "longer than 65536 bytes"),
        (502, paid.clone(),                                        "HTTP status 502"),
        (302, String::new(),                                       "HTTP status 302"),
    ];
    for (status, body, words) in cases {
        unclear(read_query(&response(*status, body.clone())), words);
    }
    unclear(read_query(&response(200, b"respCode=\xff".as_slice())), "neither UTF-8 nor GB18030");
    // The order of the fields does not matter. Neither do empty fields, nor an `&` at the end.
    let reversed: Vec<&str> = paid.split('&').rev().collect();
    for same in [reversed.join("&"), format!("{paid}&reserved="), format!("{paid}&")] {
        assert_eq!(read_query(&response(200, same)).unwrap().outcome, Outcome::Paid);
    }
}

#[test]
#[rustfmt::skip]
fn fields_are_cut_as_unionpay_cuts_them() {
    type Row<'a> = (&'a str, Result<&'a [(&'a str, &'a str)], ()>);
    let cases: &[Row<'_>] = &[
        ("a=1&b=2",                Ok(&[("a", "1"), ("b", "2")])),
        ("b=&a=1",                 Ok(&[("a", "1")])),
        ("a=x==&b=2",              Ok(&[("a", "x=="), ("b", "2")])),
        ("a={t=1&u=2}&b=3",        Ok(&[("a", "{t=1&u=2}"), ("b", "3")])),
        ("a=[t=1&u=2]&b=3",        Ok(&[("a", "[t=1&u=2]"), ("b", "3")])),
        ("a=x{t=1&u=2}y&b=3",      Ok(&[("a", "x{t=1&u=2}y"), ("b", "3")])),
        ("a={t=[1&2}&b=3",         Ok(&[("a", "{t=[1&2}"), ("b", "3")])),
        ("a={t={1}&b=3",           Ok(&[("a", "{t={1}"), ("b", "3")])),
        ("a={t=1&b=3",             Ok(&[("a", "{t=1&b=3")])),
        ("a=]1}&b=3",              Ok(&[("a", "]1}"), ("b", "3")])),
        ("a=%26+%3D&b=茶",          Ok(&[("a", "%26+%3D"), ("b", "茶")])),
        ("a= 1 &b=\r\n",           Ok(&[("a", " 1 "), ("b", "\r\n")])),
        ("",                       Ok(&[])),
        ("a=1&",                   Ok(&[("a", "1")])),
        ("a=1&&b=2",               Err(())),
        ("&a=1",                   Err(())),
        ("a",                      Err(())),
        ("a=1&b",                  Err(())),
        ("=1",                     Err(())),
        ("a=1&a=1",                Err(())),
        ("a=&a=1",                 Err(())),
        ("{a=1&b=2}",              Ok(&[("b", "2}"), ("{a", "1")])),
    ];
    for (text, expect) in cases {
        let fields = parse(text.as_bytes(), None);
        let found = fields.as_ref().map(|fields| fields.iter().collect::<Vec<_>>()).map_err(|_| ());
        assert_eq!(found.as_deref(), expect.as_ref().map(|fields| *fields).map_err(|()| &()), "{text}");
    }
}

#[test]
fn the_number_for_the_control_is_read_from_a_signed_answer() {
    let made = [("respCode", "00"), ("respMsg", "成功"), ("txnType", "01"), ("tn", "820038315009481331679")];
    let read = |fields: &BTreeMap<String, String>| app().read_charge(Channel::UnipayApp, &answer(fields), &moment());
    let parameters = read(&signed(&made, &[])).unwrap();
    assert_eq!(serde_json::to_string(&parameters).unwrap(), r#"{"tn":"820038315009481331679"}"#);
    let long = "8".repeat(65);
    for tn in ["", "82003831500948133167<", "8200 1", long.as_str()] {
        unclear(read(&signed(&made, &[("tn", tn)])), "no usable tn");
    }
    unclear(read(&without_signature(signed(&made, &[]))), "the answer says success, but has no signature");
    unclear(read(&signed(&made, &[("merId", "777290058110098")])), "a merchant other than merId");
    unclear(read(&signed(&made, &[("respCode", "05")])), "unionpay answered 05");
    let refused = read(&signed(&made, &[("respCode", "31"), ("respMsg", "商户状态不正确[5010002]")])).unwrap_err();
    assert_eq!(refused, ProviderError::Refused { code: "31".to_owned(), words: "商户状态不正确[5010002]".to_owned() });
    let again = [("respCode", "12"), ("respMsg", "重复交易[2040004]")];
    assert_eq!(read(&signed(&made, &again)).unwrap_err(), ProviderError::AlreadyOrdered);
    let unsigned = read(&without_signature(signed(&made, &again))).unwrap_err();
    assert!(unsigned != ProviderError::AlreadyOrdered, "a stranger's word makes no new order");
}

fn failed(code: &str, words: &str) -> RefundOutcome {
    RefundOutcome::Failed { code: code.to_owned(), words: domain::Sentence::as_it_is(words) }
}

#[test]
#[rustfmt::skip]
fn a_refund_is_pending_short_or_failed() {
    use RefundOutcome::Pending;
    let cases: &[(&str, u64, bool, RefundOutcome)] = &[
        // code  seconds  signed
        ("00",   60,      true,   Pending), // Accepted; the result comes later.
        ("A6",   60,      true,   Pending),
        ("03",   60,      true,   Pending),
        ("04",   60,      false,  Pending),
        ("05",   60,      true,   Pending),
        ("06",   60,      true,   Pending),
        ("12",   60,      true,   Pending), // A repeat.
        ("12",   60,      false,  Pending),
        ("36",   60,      true,   failed("36", "x")),
        ("11",   60,      false,  failed("11", "x")),
        ("36",   240,     true,   failed("36", "x")),
        ("64",   60,      true,   RefundOutcome::Short { code: "64".to_owned(), words: domain::Sentence::as_it_is("x") }),
        // A late repeat is refused because of its time, whatever the result of the first was.
        ("36",   241,     true,   Pending),
        ("11",   99_999,  false,  Pending),
    ];
    let read = |fields: &BTreeMap<String, String>, seconds: u64| {
        with_refund(|_| (), |refund| app().read_refund(refund, &answer(fields), later(seconds)))
    };
    for (code, seconds, is_signed, expect) in cases {
        let fields = signed(ACCEPTED, &[("respCode", code), ("respMsg", "x")]);
        let fields = if *is_signed { fields } else { without_signature(fields) };
        assert_eq!(read(&fields, *seconds).unwrap(), *expect, "{code} {seconds}");
    }
    unclear(read(&signed(ACCEPTED, &[("orderId", "")]), 60), "about order ``");
    unclear(read(&signed(ACCEPTED, &[("orderId", id().as_str())]), 60), ", not 568b33a0f7e4beba9244a8e09dada232");
    unclear(read(&without_signature(signed(ACCEPTED, &[])), 60), "the answer says success, but has no signature");
    unclear(read(&without_signature(signed(ACCEPTED, &[("respCode", "36")])), 60), "unsigned code 36");
    unclear(with_refund(|_| (), |refund| app().read_refund(refund, &response(504, ""), now())), "HTTP status 504");
}

#[test]
#[rustfmt::skip]
fn a_refunds_query_tells_what_became_of_it() {
    use RefundOutcome::{Done, NotThere, Pending};
    let lost = RefundOutcome::Lost { code: "34".to_owned(), words: "x".to_owned() };
    let short = |code: &str, words: &str| RefundOutcome::Short { code: code.to_owned(), words: domain::Sentence::as_it_is(words) };
    const DAY: u64 = 24 * 60 * 60;
    type Row<'a> = (&'a [(&'a str, &'a str)], u64, RefundOutcome);
    let cases: &[Row<'_>] = &[
        (&[],                                                60,       Done),
        (&[("origRespCode", "A6")],                          60,       Done),
        (&[("origRespCode", "03")],                          60,       Pending),
        (&[("origRespCode", "05")],                          9 * DAY,  Pending),
        (&[("origRespCode", "36"), ("origRespMsg", "x")],    60,       failed("36", "x")),
        (&[("origRespCode", "64"), ("origRespMsg", "x")],    60,       short("64", "x")),
        (&[("origRespCode", "33"), ("origRespMsg", "商户余额不足")], 60, short("33", "商户余额不足")),
        (&[("origRespCode", "34"), ("origRespMsg", "x")],    60,       NotThere),
        (&[("respCode", "34"), ("respMsg", "x")],            60,       NotThere),
        (&[("respCode", "34"), ("respMsg", "x")],            DAY,      NotThere),
        (&[("respCode", "34"), ("respMsg", "x")],            DAY + 60, lost.clone()), // It did not arrive, and never will.
        (&[("origRespCode", "34"), ("origRespMsg", "x")],    DAY + 60, lost.clone()),
    ];
    let read = |fields: &BTreeMap<String, String>, seconds: u64| {
        with_refund(|_| (), |refund: &RefundOrder<'_>| app().read_refund_query(refund, &answer(fields), later(seconds)))
    };
    for (changes, seconds, expect) in cases {
        assert_eq!(read(&signed(REFUNDED, changes), *seconds).unwrap(), *expect, "{changes:?} {seconds}");
    }
    for fee in ["", "101", "9900", "x"] {
        unclear(read(&signed(REFUNDED, &[("txnAmt", fee)]), 60), "txnAmt differs");
    }
    unclear(read(&signed(REFUNDED, &[("origRespCode", "")]), 60), "origRespCode is missing");
    unclear(read(&signed(REFUNDED, &[("orderId", id().as_str())]), 60), "it is about order");
    unclear(read(&signed(REFUNDED, &[("respCode", "04")]), 60), "unionpay answered 04");
    unclear(read(&without_signature(signed(REFUNDED, &[("respCode", "34")])), 9 * DAY), "unsigned code 34");
    assert!(matches!(read(&signed(REFUNDED, &[("respCode", "11")]), 60), Err(ProviderError::Refused { .. })));
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200), status in 200_u16..600) {
        let result = read_query(&response(status, body));
        let is_unclear = matches!(result, Err(ProviderError::Unclear { .. }));
        prop_assert!(is_unclear);
    }

    #[test]
    fn no_answer_like_text_makes_it_panic(body in "((respCode|signature|signMethod|signPubKeyCert|merId|[a-c])(=(00|01|MIIB|[{}\\[\\]&=]|.)?)?&?){0,12}") {
        let _ = read_query(&response(200, body));
    }

    #[test]
    fn what_is_joined_is_cut_again(fields in proptest::collection::btree_map("[a-zA-Z]{1,6}", "[^&\\[\\]{}]{1,8}", 0..8)) {
        let body = crate::form::joined(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let cut = parse(body.as_bytes(), None).unwrap();
        prop_assert_eq!(cut.iter().collect::<Vec<_>>(), fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>());
    }

    #[test]
    fn one_changed_byte_is_one_too_many(place in 0_usize..4000, bit in 0_u8..7) {
        let original = answer(&signed(PAID, &[])).into_body();
        let mut body = original.to_vec();
        let place = place % body.len();
        body[place] ^= 1 << bit;
        prop_assert!(read_query(&response(200, body)).is_err());
    }
}
