//! Which notifies of the open platform are accepted, and what they say. The vectors test the signatures themselves.

use domain::{Channel, Claim, Notification, Outcome};
use proptest::prelude::*;
use serde_json::json;

use super::{
    APP_ID, SELLER_ID, account, alipay_sign, certificate_mode, fen, form, id, key_mode, notify, now, open, with,
};
use crate::{Account, NotifyError, alipay::sign::joined};

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The fields of a payment's notify, without its signature.
fn paid() -> Vec<(&'static str, &'static str)> {
    vec![
        ("app_id", APP_ID),
        ("seller_id", SELLER_ID),
        ("charset", "utf-8"),
        ("notify_type", "trade_status_sync"),
        ("out_trade_no", "568b33a0f7e4beba9244a8e0"),
        ("trade_no", "2026020122001455046383076422"),
        ("trade_status", "TRADE_SUCCESS"),
        ("total_amount", "88.88"),
        ("gmt_payment", "2026-02-01 10:00:05"),
        ("subject", "茶 +%25&="),
        ("body", ""),
    ]
}

/// A notify with some fields changed, correctly signed by Alipay. An empty change removes a field.
fn signed(changes: &[(&'static str, &'static str)]) -> String {
    let mut fields: Vec<_> =
        paid().into_iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name)).collect();
    fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    let sign = alipay_sign(joined(fields.iter().copied()));
    form(&fields) + "&" + &form(&[("sign_type", "RSA2"), ("sign", &sign)])
}

fn read(account: &Account, body: impl Into<bytes::Bytes>) -> Result<Notification, NotifyError> {
    account.read_notify(Channel::AliApp, &notify(FORM, body), now())
}

#[track_caller]
fn malformed(result: Result<Notification, NotifyError>, words: &str) {
    match result {
        Err(NotifyError::Malformed { reason }) => {
            assert!(reason.to_string().contains(words), "expected {words}, found {reason}")
        }
        other => panic!("expected malformed, {words}; found {other:?}"),
    }
}

#[test]
fn a_payment_is_read() {
    let report = read(&account(), signed(&[])).unwrap();
    assert_eq!(report.order, id().as_str());
    assert_eq!((report.fee, report.outcome), (Some(fen(8888)), Outcome::Paid));
    assert_eq!(report.trade_no.unwrap().as_str(), "2026020122001455046383076422");
    let claim = |field, value: &str| Claim { field, said: value.to_owned(), configured: value.to_owned() };
    assert_eq!(report.claims, [claim("app_id", APP_ID)]);
    for settings in [with(key_mode(), json!({ "sellerId": SELLER_ID })), certificate_mode()] {
        let report = read(&open(&settings).unwrap(), signed(&[])).unwrap();
        assert_eq!(report.claims, [claim("app_id", APP_ID), claim("seller_id", SELLER_ID)]);
    }
}

#[test]
fn a_foreign_or_absent_app_and_seller_are_claimed() {
    let account = open(&certificate_mode()).unwrap();
    let report = read(&account, signed(&[("app_id", "1"), ("seller_id", "")])).unwrap();
    let said: Vec<_> = report.claims.iter().map(|claim| (claim.field, claim.said.as_str())).collect();
    assert_eq!(said, [("app_id", "1"), ("seller_id", "")]);
    let report = read(&account, signed(&[("app_id", "")])).unwrap();
    assert_eq!(report.claims[0].said, "");
}

#[test]
#[rustfmt::skip]
fn words_and_amounts_become_outcomes() {
    use Outcome::{Closed, Paid, Pending, Refunded};
    type Row<'a> = (&'a [(&'static str, &'static str)], Option<i64>, Outcome);
    let cases: &[Row<'_>] = &[
        (&[("trade_status", "TRADE_FINISHED")],                                                  Some(8888), Paid),
        (&[("refund_fee", "0.00")],                                                              Some(8888), Paid),
        (&[("refund_fee", "1.00"), ("out_biz_no", "R1")],                                        Some(8888), Refunded(fen(100))),
        (&[("trade_status", "TRADE_FINISHED"), ("refund_fee", "1.00")],                          Some(8888), Refunded(fen(100))),
        (&[("trade_status", "TRADE_CLOSED")],                                                    Some(8888), Refunded(fen(8888))),
        (&[("trade_status", "TRADE_CLOSED"), ("refund_fee", "88.88")],                           Some(8888), Refunded(fen(8888))),
        (&[("trade_status", "TRADE_CLOSED"), ("refund_fee", "88.88"), ("gmt_payment", "")],      Some(8888), Refunded(fen(8888))),
        (&[("trade_status", "TRADE_CLOSED"), ("gmt_payment", "")],                               Some(8888), Closed),
        (&[("trade_status", "WAIT_BUYER_PAY")],                                                  Some(8888), Pending),
        (&[("trade_status", "SOMETHING_NEW")],                                                   Some(8888), Pending),
        (&[("total_amount", "1,0")],                                                             None,       Paid),
        (&[("total_amount", "")],                                                                None,       Paid),
        (&[("total_amount", "0.00")],                                                            None,       Paid),
        (&[("total_amount", "20")],                                                              Some(2000), Paid),
    ];
    for (changes, fee, outcome) in cases {
        let report = read(&account(), signed(changes)).unwrap();
        assert_eq!((report.fee.map(domain::Fen::get), report.outcome), (*fee, *outcome), "{changes:?}");
    }
    malformed(read(&account(), signed(&[("refund_fee", "-1.00")])), "refund_fee");
    malformed(read(&account(), signed(&[("trade_status", "TRADE_CLOSED"), ("total_amount", "x")])), "total_amount");
    malformed(read(&account(), signed(&[("out_trade_no", "")])), "out_trade_no is missing");
}

#[test]
fn the_browsers_return_settles_nothing() {
    // It is signed with the same key by the same rule, and a payer may post it to any address.
    let fields = [("trade_status", ""), ("method", "alipay.trade.page.pay.return"), ("notify_type", "")];
    malformed(read(&account(), signed(&fields)), "trade_status is missing");
}

#[test]
fn the_form_must_be_as_documented() {
    let body = signed(&[]);
    for content_type in
        ["application/json", "text/plain", "", "multipart/form-data; boundary=x", "application/x-www-form-urlencodedx"]
    {
        malformed(account().read_notify(Channel::AliApp, &notify(content_type, body.clone()), now()), "content type");
    }
    for content_type in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded ;charset=UTF-8"] {
        account().read_notify(Channel::AliApp, &notify(content_type, body.clone()), now()).unwrap();
    }
    let without = http::Request::post("/").body(body.clone().into()).unwrap();
    malformed(account().read_notify(Channel::AliApp, &without, now()), "content type");

    for again in ["trade_status=TRADE_SUCCESS", "%74rade_status=x", "sign=x", "body=", "charset=gbk"] {
        malformed(read(&account(), format!("{body}&{again}")), "a field appears twice");
    }
    let must_be = |found: &str| format!("charset must be utf-8, gbk, gb2312 or gb18030, found {found}");
    malformed(read(&account(), signed(&[("charset", "big5")])), &must_be("big5"));
    malformed(read(&account(), format!("charset={}", "x".repeat(60_000))), &must_be(&"x".repeat(256)));
    malformed(read(&account(), b"charset=GB18030&subject=%ff".as_slice()), "neither UTF-8 nor GB18030");
    // The euro sign has two spellings in GBK, but as a name it is one.
    malformed(read(&account(), b"charset=GBK&%80=1&%a2%e3=2".as_slice()), "a field appears twice");
    read(&account(), signed(&[("charset", "UTF-8")])).unwrap();
    malformed(read(&account(), "a".repeat(64 * 1024 + 1)), "longer than 65536 bytes");
    let many: String = (0..129).map(|number| format!("a{number}=&")).collect();
    malformed(read(&account(), many), "more than 128 fields");
    assert_eq!(read(&account(), ""), Err(NotifyError::Unsigned));
}

#[test]
fn only_alipays_rsa2_is_believed() {
    let body = signed(&[]);
    let algorithm = |found: &str| Err(NotifyError::Algorithm { found: found.to_owned(), expected: "RSA2" });
    assert_eq!(read(&account(), body.replace("sign_type=RSA2", "sign_type=RSA")), algorithm("RSA"));
    assert_eq!(read(&account(), body.replace("sign_type=RSA2&", "")), algorithm(""));
    let sign = body.split_once("&sign=").unwrap().1;
    assert_eq!(read(&account(), body.replace(sign, "")), Err(NotifyError::Unsigned));
    malformed(read(&account(), body.replace(sign, "!!")), "sign is not base64");
    // The last character before the padding has four unused bits after the last byte: they would give the signature a second
    // spelling.
    let (kept, padding) = (&sign[..sign.len() - 7], "%3D%3D");
    let last = sign.as_bytes()[sign.len() - 7];
    assert!(sign.ends_with(padding) && b"AQgw".contains(&last), "{sign}");
    let respelled = format!("{kept}{}{padding}", char::from(last + 1));
    malformed(read(&account(), body.replace(sign, &respelled)), "sign is not base64");
    let bad = |field| Err(NotifyError::BadSignature { field });
    assert_eq!(read(&account(), body.replace(sign, "AAAA")), bad("alipayPublicKey"));
    assert_eq!(read(&account(), body.replace("88.88", "88.89")), bad("alipayPublicKey"));
    assert_eq!(read(&account(), body.replace("body=&", "")), bad("alipayPublicKey"));
    assert_eq!(read(&account(), format!("{body}&extra=")), bad("alipayPublicKey"));
    assert_eq!(read(&open(&certificate_mode()).unwrap(), format!("{body}&extra=")), bad("alipayCert"));
}

proptest! {
    #[test]
    fn no_notify_makes_it_panic_or_be_believed(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&account(), body).is_err());
    }

    #[test]
    fn no_form_makes_it_panic(body in "((sign|sign_type|charset|trade_status|%..|[a-c])(=(RSA2|utf-8|%[0-9a-f]{2}|.)?)?&?){0,12}") {
        prop_assert!(read(&account(), body).is_err());
    }

    #[test]
    fn one_changed_byte_is_one_too_many(place in 0_usize..2000, bit in 0_u8..7) {
        let original = signed(&[]);
        let mut body = original.clone().into_bytes();
        let place = place % body.len();
        body[place] ^= 1 << bit;
        // Only a change that decodes to the same text (`%2F` and `%2f`) may pass.
        if super::decoded(&original) != form_urlencoded::parse(&body).into_owned().collect() {
            prop_assert!(read(&account(), body).is_err());
        }
    }
}
