//! Which notifies and returns are accepted, and what they say. The vectors test the signatures themselves.

use std::collections::BTreeMap;

use domain::{Channel, Claim, Notification, Outcome};
use proptest::prelude::*;

use super::{
    FORM, MER_ID, QUERY_ID, REFUND_ORDER_ID, answer, app, decoded, fen, form_of, id, moment, notify_of, now, signed,
};
use crate::{NotifyError, RefundOutcome, RefundReport};

const PAID: &[(&str, &str)] = &[
    ("txnType", "01"),
    ("txnSubType", "01"),
    ("orderId", "568b33a0f7e4beba9244a8e0"),
    ("txnTime", "20261123223000"),
    ("txnAmt", "8888"),
    ("currencyCode", "156"),
    ("queryId", QUERY_ID),
    ("respCode", "00"),
    ("respMsg", "成功[0000000]"),
    ("reqReserved", "a=b&c+d 100%25"),
];
const REFUNDED: &[(&str, &str)] = &[
    ("txnType", "04"),
    ("txnSubType", "00"),
    ("orderId", REFUND_ORDER_ID),
    ("txnAmt", "100"),
    ("currencyCode", "156"),
    ("queryId", "202611232231009999999"),
    ("origQryId", QUERY_ID),
    ("respCode", "00"),
    ("respMsg", "成功[0000000]"),
    ("reqReserved", "6YCALTE"),
];

fn read(fields: &BTreeMap<String, String>) -> Result<Notification, NotifyError> {
    read_body(form_of(fields))
}

fn read_body(body: impl Into<bytes::Bytes>) -> Result<Notification, NotifyError> {
    app().read_notify(Channel::UnipayApp, &notify_of(FORM, body), now())
}

fn read_refund(changes: &[(&str, &str)]) -> Result<RefundReport, NotifyError> {
    app().read_refund_notify(Channel::UnipayApp, &notify_of(FORM, form_of(&signed(REFUNDED, changes))), now())
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

fn claim(field: &'static str, said: &str, configured: &str) -> Claim {
    Claim { field, said: said.to_owned(), configured: configured.to_owned() }
}

#[test]
fn a_payment_is_read() {
    let report = read(&signed(PAID, &[])).unwrap();
    assert_eq!(report.order, id().as_str());
    assert_eq!((report.fee, report.outcome), (Some(fen(8888)), Outcome::Paid));
    assert_eq!(report.trade_no.unwrap().as_str(), QUERY_ID);
    assert_eq!(report.claims, [claim("merId", MER_ID, MER_ID), claim("currencyCode", "156", "156")]);
}

#[test]
fn a_foreign_or_absent_merchant_and_currency_are_claimed() {
    let report = read(&signed(PAID, &[("merId", "777290058110098"), ("currencyCode", "840")])).unwrap();
    assert_eq!(report.claims, [claim("merId", "777290058110098", MER_ID), claim("currencyCode", "840", "156")]);
    let report = read(&signed(PAID, &[("merId", ""), ("currencyCode", "")])).unwrap();
    assert_eq!(report.claims, [claim("merId", "", MER_ID), claim("currencyCode", "", "156")]);
}

#[test]
#[rustfmt::skip]
fn codes_and_amounts_become_outcomes() {
    use Outcome::{Paid, Pending};
    type Row<'a> = (&'a [(&'a str, &'a str)], Option<i64>, Outcome);
    let cases: &[Row<'_>] = &[
        (&[("respCode", "A6")],                           Some(8888), Paid),
        (&[("respCode", "68")],                           Some(8888), Pending),
        (&[("respCode", "05")],                           Some(8888), Pending),
        (&[("respCode", "a6")],                           Some(8888), Pending),
        (&[("respCode", "05"), ("queryId", "")],          Some(8888), Pending),
        (&[("txnAmt", "0")],                              None,       Paid), // The shared check refuses a payment without an amount.
        (&[("txnAmt", "")],                               None,       Paid),
        (&[("txnAmt", "8888.0")],                         None,       Paid),
        (&[("txnAmt", " 8888")],                          None,       Paid),
        (&[("txnType", "02")],                            None,       Pending),
        (&[("txnType", "79")],                            None,       Pending),
        (&[("txnType", "1")],                             None,       Pending),
    ];
    for (changes, fee, outcome) in cases {
        let report = read(&signed(PAID, changes)).unwrap();
        assert_eq!((report.fee.map(domain::Fen::get), report.outcome), (*fee, *outcome), "{changes:?}");
    }
    for field in ["orderId", "txnType", "respCode", "queryId"] {
        malformed(read(&signed(PAID, &[(field, "")])), &format!("{field} is missing"));
    }
}

#[test]
fn answers_are_no_notifies() {
    // The query of an unpaid order is answered with respCode 00, under the same key.
    let queried = signed(PAID, &[("origRespCode", "05"), ("origRespMsg", "处理中")]);
    malformed(read(&queried), "it is the answer to a query");
    // So is the call for the control's number, which is made before any payment.
    let made = signed(PAID, &[("tn", "820038315009481331679"), ("queryId", ""), ("reqReserved", "")]);
    malformed(read(&made), "queryId is missing");
    assert!(app().read_charge(Channel::UnipayApp, &answer(&made), &moment()).is_ok());
}

#[test]
fn a_refund_tells_nothing_new_of_the_payment() {
    for txn_type in ["04", "31"] {
        for code in ["00", "A6", "05", "36"] {
            let report = read(&signed(REFUNDED, &[("txnType", txn_type), ("respCode", code)])).unwrap();
            assert_eq!(report.order, id().as_str(), "the payment's number, which is within the refund's");
            assert_eq!((report.fee, report.outcome, report.trade_no), (None, Outcome::Pending, None), "{code}");
        }
    }
    let other = read(&signed(REFUNDED, &[("orderId", "20261123001")])).unwrap();
    assert_eq!(other.order, "20261123001");
}

#[test]
fn a_refund_is_read() {
    let report = read_refund(&[]).unwrap();
    let expect = RefundReport {
        order: id().to_string(),
        claims: vec![claim("merId", MER_ID, MER_ID), claim("currencyCode", "156", "156")],
        refund_num: "退-1".to_owned(),
        refund_fee: Some(fen(100)),
        sending: Some(0),
        outcome: RefundOutcome::Done,
    };
    assert_eq!(report, expect);
    let failed = RefundOutcome::Failed { code: "36".to_owned(), words: domain::Sentence::as_it_is("x") };
    for (code, outcome) in [("A6", RefundOutcome::Done), ("05", RefundOutcome::Pending), ("36", failed)] {
        for txn_type in ["04", "31"] {
            let report = read_refund(&[("txnType", txn_type), ("respCode", code), ("respMsg", "x")]).unwrap();
            assert_eq!(report.outcome, outcome, "{code}");
        }
    }
    let report = read_refund(&[("currencyCode", ""), ("merId", "1"), ("txnAmt", "")]).unwrap();
    assert_eq!((report.claims, report.refund_fee), (vec![claim("merId", "1", MER_ID)], None));
}

#[test]
#[rustfmt::skip]
fn only_refunds_of_ours_are_read_as_refunds() {
    const CASES: &[(&str, &str, &str)] = &[
        ("txnType",      "01",                                "not about a refund"),
        ("txnType",      "",                                  "txnType is missing"),
        ("orderId",      "",                                  "orderId is missing"),
        ("orderId",      "568b33a0f7e4beba9244a8e0",          "not of a refund made here"),
        ("orderId",      "568b33a0f7e4beba9244a8e09dada233",  "not of a refund made here"),
        ("orderId",      "568b33a0f7e4beba9244a8e09DADA232",  "not of a refund made here"),
        ("orderId",      "茶茶茶茶茶茶茶茶茶茶茶",               "not of a refund made here"),
        ("reqReserved",  "",                                  "not of a refund made here"),
        ("reqReserved",  "6YCALTI",                           "not of a refund made here"),
        ("reqReserved",  "6YCALTE=",                          "not of a refund made here"),
        ("reqReserved",  "/w",                                "not of a refund made here"),
        ("respCode",     "",                                  "respCode is missing"),
    ];
    for (field, value, words) in CASES {
        malformed(read_refund(&[(field, value)]), words);
    }
}

#[test]
fn the_browsers_return_names_its_order_and_settles_nothing() {
    let returned =
        |changes: &[(&str, &str)]| app().read_front_return(&notify_of(FORM, form_of(&signed(PAID, changes))), now());
    assert_eq!(returned(&[]), Ok(id()));
    assert_eq!(returned(&[("respCode", "61"), ("txnAmt", ""), ("queryId", "")]), Ok(id()));
    malformed(returned(&[("merId", "777290058110098")]), "merId is of another merchant");
    malformed(returned(&[("merId", "")]), "merId is missing");
    malformed(returned(&[("orderId", "20261123001")]), "not an order made here");
    malformed(returned(&[("origRespCode", "00")]), "the answer to a query");
    let forged = form_of(&signed(PAID, &[])).replace("568b33a0f7e4beba9244a8e0", "568b33a0f7e4beba9244a8e1");
    let result = app().read_front_return(&notify_of(FORM, forged), now());
    assert_eq!(result, Err(NotifyError::BadSignature { field: "signPubKeyCert" }));
}

#[test]
fn the_form_must_be_as_documented() {
    let body = form_of(&signed(PAID, &[]));
    for content_type in ["application/json", "text/plain", "", "multipart/form-data; boundary=x"] {
        malformed(app().read_notify(Channel::UnipayApp, &notify_of(content_type, body.clone()), now()), "content type");
    }
    app()
        .read_notify(Channel::UnipayApp, &notify_of("Application/X-WWW-Form-Urlencoded", body.clone()), now())
        .unwrap();
    for again in ["respCode=00", "%72espCode=00", "txnAmt=", "signature=x"] {
        malformed(read_body(format!("{body}&{again}")), "a field appears twice");
    }
    malformed(read_body("encoding=BIG5&a=1"), "encoding must be utf-8, gbk, gb2312 or gb18030, found BIG5");
    malformed(read_body("encoding=GBK&a=%ff"), "neither UTF-8 nor GB18030");
    malformed(read_body("a".repeat(64 * 1024 + 1)), "longer than 65536 bytes");
    assert_eq!(read_body(""), Err(NotifyError::Unsigned));
    // Empty fields are dropped before the verification. The address and its query are ignored, too.
    assert_eq!(read_body(format!("{body}&reserved=&accNo")).unwrap().outcome, Outcome::Paid);
    let (mut parts, body) = notify_of(FORM, body).into_parts();
    parts.uri = "https://pay.example.com/notify?respCode=61&a=b".parse().unwrap();
    let with_query = http::Request::from_parts(parts, body);
    assert_eq!(app().read_notify(Channel::UnipayApp, &with_query, now()).unwrap().outcome, Outcome::Paid);
}

#[test]
fn only_unionpays_rsa_is_believed() {
    let fields = signed(PAID, &[]);
    let changed = |name: &str, value: &str| {
        let mut fields = fields.clone();
        fields.insert(name.to_owned(), value.to_owned());
        read(&fields)
    };
    let algorithm = |found: &str| Err(NotifyError::Algorithm { found: found.to_owned(), expected: "01" });
    assert_eq!(changed("signMethod", "11"), algorithm("11"));
    assert_eq!(changed("signMethod", ""), algorithm(""));
    assert_eq!(changed("signature", ""), Err(NotifyError::Unsigned));
    malformed(changed("signature", "!!"), "signature is not base64");
    malformed(changed("signPubKeyCert", ""), "signPubKeyCert is missing");
    let bad = Err(NotifyError::BadSignature { field: "signPubKeyCert" });
    assert_eq!(changed("signature", "AAAA"), bad);
    assert_eq!(changed("txnAmt", "1"), bad);
    assert_eq!(changed("reqReserved", ""), bad);
    assert_eq!(changed("reqReserved", "a=b&c+d 100%25 "), bad);
    assert_eq!(changed("extra", " "), bad);
    // The certificate is part of the signed content, including its last line end.
    let respelled = fields["signPubKeyCert"].replace("\r\n", "\n");
    assert_eq!(changed("signPubKeyCert", &respelled), bad);
}

proptest! {
    #[test]
    fn no_notify_makes_it_panic_or_be_believed(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read_body(body).is_err());
    }

    #[test]
    fn no_form_makes_it_panic(body in "((signature|signMethod|signPubKeyCert|encoding|respCode|%..|[a-c])(=(01|utf-8|MIIB|%[0-9a-f]{2}|.)?)?&?){0,12}") {
        prop_assert!(read_body(body).is_err());
    }

    #[test]
    fn no_refund_number_makes_it_panic(order_id in ".{0,40}", reserved in ".{0,40}") {
        let notify = notify_of(FORM, form_of(&signed(REFUNDED, &[("orderId", &order_id), ("reqReserved", &reserved)])));
        let _ = app().read_notify(Channel::UnipayApp, &notify, now());
        prop_assert!(app().read_refund_notify(Channel::UnipayApp, &notify, now()).is_err());
    }

    #[test]
    fn one_changed_byte_is_one_too_many(place in 0_usize..4000, bit in 0_u8..7) {
        let original = form_of(&signed(PAID, &[]));
        let mut body = original.clone().into_bytes();
        let place = place % body.len();
        body[place] ^= 1 << bit;
        // Only a change that decodes to the same text (`%2F` and `%2f`) may pass.
        if decoded(&original) != form_urlencoded::parse(&body).into_owned().collect() {
            prop_assert!(read_body(body).is_err());
        }
    }
}
