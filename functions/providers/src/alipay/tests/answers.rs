//! What the open platform's answers mean, and which are not trusted.

use domain::{Claim, Outcome};
use proptest::prelude::*;
use serde_json::json;

use super::{
    SELLER_ID, account, alipay_sign, certificate_mode, fen, id, key, key_mode, now, open, placed, refund, response,
    signed_answer, with,
};
use crate::{Closing, ProviderError, RefundOutcome, json::Members};

const QUERY: &str = "alipay.trade.query";
const PAID: &str =
    r#"{"code":"10000","out_trade_no":"N1","trade_no":"T1","total_amount":"88.88","trade_status":"TRADE_SUCCESS"}"#;

#[track_caller]
fn unclear<T: std::fmt::Debug>(result: Result<T, ProviderError>, words: &str) {
    match result {
        Err(ProviderError::Unclear { reason }) => {
            assert!(reason.to_string().contains(words), "expected {words}, found {reason}")
        }
        other => panic!("expected unclear, {words}; found {other:?}"),
    }
}

fn trade(members: &str) -> String {
    format!(r#"{{"code":"10000","msg":"Success","out_trade_no":"N1","trade_no":"T1",{members}}}"#)
}

#[test]
#[rustfmt::skip]
fn a_query_is_a_report() {
    use Outcome::{Closed, Paid, Pending, Refunded};
    let cases: &[(&str, Option<i64>, Outcome)] = &[
        (r#""total_amount":"88.88","trade_status":"TRADE_SUCCESS""#,                                       Some(8888), Paid),
        (r#""total_amount":"88.88","trade_status":"TRADE_FINISHED""#,                                      Some(8888), Paid),
        (r#""total_amount":88.8,"trade_status":"TRADE_SUCCESS""#,                                          Some(8880), Paid),
        (r#""total_amount":"x","trade_status":"TRADE_SUCCESS""#,                                           None,       Paid),
        (r#""total_amount":"88.88","trade_status":"TRADE_SUCCESS","refund_fee":"1.00""#,                   Some(8888), Refunded(fen(100))),
        (r#""total_amount":"88.88","trade_status":"TRADE_SUCCESS","refund_fee":"0.00""#,                   Some(8888), Paid),
        (r#""total_amount":"88.88","trade_status":"WAIT_BUYER_PAY""#,                                      Some(8888), Pending),
        (r#""total_amount":"88.88","trade_status":"SOMETHING_NEW""#,                                       Some(8888), Pending),
        (r#""total_amount":"88.88","trade_status":"TRADE_CLOSED""#,                                        Some(8888), Closed),
        (r#""total_amount":"88.88","trade_status":"TRADE_CLOSED","receipt_amount":"0.00""#,                Some(8888), Closed),
        (r#""total_amount":"88.88","trade_status":"TRADE_CLOSED","receipt_amount":"88.88""#,               Some(8888), Refunded(fen(8888))),
        (r#""total_amount":"88.88","trade_status":"TRADE_CLOSED","send_pay_date":"2026-11-23 22:30:00""#,  Some(8888), Refunded(fen(8888))),
    ];
    for (members, fee, outcome) in cases {
        let report = account().read_query(&placed(&id()), &signed_answer(QUERY, &trade(members)), now()).unwrap();
        assert_eq!((report.fee.map(domain::Fen::get), report.outcome), (*fee, *outcome), "{members}");
        assert_eq!((report.order.as_str(), report.trade_no.unwrap().as_str()), ("N1", "T1"), "{members}");
        assert!(report.claims.is_empty());
    }
    for members in [r#""trade_status":"TRADE_CLOSED","send_pay_date":"x""#, r#""total_amount":"1.00""#, r#""trade_status":"TRADE_SUCCESS","refund_fee":"x""#] {
        unclear(account().read_query(&placed(&id()), &signed_answer(QUERY, &trade(members)), now()), "is missing or cannot be read");
    }
    unclear(account().read_query(&placed(&id()), &signed_answer(QUERY, r#"{"code":"10000","trade_status":"TRADE_SUCCESS"}"#), now()), "out_trade_no");
}

#[test]
fn an_answer_claims_only_what_it_carries() {
    let account = open(&with(key_mode(), json!({ "sellerId": SELLER_ID }))).unwrap();
    let node = trade(r#""total_amount":"1.00","trade_status":"TRADE_SUCCESS","seller_id":"2088000000000000""#);
    let report = account.read_query(&placed(&id()), &signed_answer(QUERY, &node), now()).unwrap();
    let claim = Claim { field: "seller_id", said: "2088000000000000".to_owned(), configured: SELLER_ID.to_owned() };
    assert_eq!(report.claims, [claim]);
}

#[test]
fn an_order_that_alipay_does_not_know_is_pending() {
    let node = r#"{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_NOT_EXIST","sub_msg":"交易不存在"}"#;
    let report = account().read_query(&placed(&id()), &signed_answer(QUERY, node), now()).unwrap();
    assert_eq!((report.order.as_str(), report.outcome, report.fee), (id().as_str(), Outcome::Pending, None));
    assert_eq!(
        account().read_close(&placed(&id()), &signed_answer("alipay.trade.close", node), now()).unwrap(),
        Closing::NotThere
    );
    let unsigned = response(200, format!(r#"{{"alipay_trade_query_response":{node}}}"#));
    unclear(account().read_query(&placed(&id()), &unsigned, now()), "unsigned code 40004");
}

#[test]
#[rustfmt::skip]
fn what_is_not_believed() {
    let sign = alipay_sign(PAID);
    let other = r#"{"code":"10000","out_trade_no":"N1","total_amount":"0.01","trade_status":"TRADE_SUCCESS"}"#;
    let node = "alipay_trade_query_response";
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let cases: &[(u16, String, &str)] = &[
        (200, format!(r#"{{"{node}":{other},"{node}":{PAID},"sign":"{sign}"}}"#),                "a member appears twice"),
        (200, format!(r#"{{"{node}":{PAID},"\u0061lipay_trade_query_response":{other},"sign":"{sign}"}}"#), "a member appears twice"),
        (200, format!(r#"{{"{node}":{PAID},"sign":"{sign}","sign":"{sign}"}}"#),                 "a member appears twice"),
        (200, format!(r#"{{"{node}":{other},"sign":"{sign}"}}"#),                                "its signature does not match alipayPublicKey"),
        (200, format!(r#"{{"{node}": {PAID} ,"sign":"!{sign}"}}"#),                              "its signature does not match"),
        (200, format!(r#"{{"{node}":{PAID},"sign":""}}"#),                                       "the answer says success, but has no signature"),
        (200, format!(r#"{{"{node}":{PAID},"sign":null}}"#),                                     "the answer says success, but has no signature"),
        (200, format!(r#"{{"{node}":{PAID}}}"#),                                                 "the answer says success, but has no signature"),
        (200, format!(r#"{{"error_response":{PAID},"{node}":{PAID},"sign":"{sign}"}}"#),         "both"),
        (200, format!(r#"{{"alipay_trade_close_response":{PAID},"sign":"{sign}"}}"#),            "neither"),
        (200, format!(r#"{{"{node}":"{}","sign":"{}"}}"#, "x", alipay_sign("\"x\"")),            "not the documented JSON"),
        (200, format!(r#"{{"{node}":{deep},"sign":"{}"}}"#, alipay_sign(&deep)),                 "not the documented JSON"),
        (200, format!(r#"{{"{node}":{{}},"sign":"{}"}}"#, alipay_sign("{}")),                    "the answer has no code"),
        (200, format!(r#"{{"{node}":{PAID},"sign":"{sign}"}}x"#),                                "not the documented JSON"),
        (200, "<html>busy</html>".to_owned(),                                                    "not the documented JSON"),
        (200, String::new(),                                                                     "not the documented JSON"),
        (200, " ".repeat(256 * 1024 + 1),                                                        "longer than 262144 bytes"),
        (502, format!(r#"{{"{node}":{PAID},"sign":"{sign}"}}"#),                                 "HTTP status 502"),
        (302, String::new(),                                                                     "HTTP status 302"),
    ];
    for (status, body, words) in cases {
        unclear(account().read_query(&placed(&id()), &response(*status, body.clone()), now()), words);
    }
    unclear(account().read_query(&placed(&id()), &response(200, b"{\"a\":\"\xff\"}".as_slice()), now()), "neither UTF-8 nor GB18030");
    // Spacing around the node does not belong to it, and the node may be nested deeply.
    let inner = format!(r#"{{"code":"10000","out_trade_no":"N1","trade_status":"TRADE_SUCCESS","x":{deep}}}"#);
    let spaced = format!("{{ \"{node}\" :\n {inner} ,\t\"sign\":\"{}\"}} ", alipay_sign(&inner));
    assert_eq!(account().read_query(&placed(&id()), &response(200, spaced), now()).unwrap().outcome, Outcome::Paid);
}

#[test]
#[rustfmt::skip]
fn codes_are_refusals_or_nothing() {
    let cases: &[(&str, bool, Option<&str>)] = &[
        // code, sub_code                                                  signed  refused with
        (r#"{"code":"20000","sub_code":"isp.unknow-error"}"#,              true,   None),
        (r#"{"code":"20000"}"#,                                            false,  None),
        (r#"{"code":"10003"}"#,                                            true,   None),
        (r#"{"code":"40004","sub_code":"ACQ.SYSTEM_ERROR"}"#,              true,   None),
        (r#"{"code":"40004","sub_code":"aop.ACQ.SYSTEM_ERROR"}"#,          true,   None),
        (r#"{"code":"40005","sub_code":"isv.app-call-limited"}"#,          true,   None),
        (r#"{"code":"50000"}"#,                                            true,   None),
        (r#"{"code":"40004","sub_code":"ACQ.INVALID_PARAMETER"}"#,         false,  None),
        (r#"{"code":"40004","sub_code":"ACQ.INVALID_PARAMETER"}"#,         true,   Some("ACQ.INVALID_PARAMETER")),
        (r#"{"code":"40002","sub_code":"isv.invalid-signature"}"#,         false,  Some("isv.invalid-signature")),
        (r#"{"code":"40006","sub_code":"isv.insufficient-isv-permissions"}"#, true, Some("isv.insufficient-isv-permissions")),
        (r#"{"code":"40001","msg":"Missing"}"#,                            false,  Some("40001")),
        (r#"{"code":40001,"msg":"Missing"}"#,                              false,  Some("40001")),
    ];
    for (node, is_signed, refused) in cases {
        for name in ["alipay_trade_query_response", "error_response"] {
            let sign = if *is_signed { format!(r#","sign":"{}""#, alipay_sign(node)) } else { String::new() };
            let result = account().read_query(&placed(&id()), &response(200, format!(r#"{{"{name}":{node}{sign}}}"#)), now());
            match (result, refused) {
                (Err(ProviderError::Refused { code, .. }), Some(expect)) => assert_eq!(code, *expect),
                (Err(ProviderError::Unclear { .. }), None) => {}
                (other, _) => panic!("{name} {node}: {other:?}"),
            }
        }
    }
}

#[test]
fn another_certificate_of_alipays_is_named() {
    let account = open(&certificate_mode()).unwrap();
    let answer = |sn: &str| {
        let sign = alipay_sign(PAID);
        response(200, format!(r#"{{"alipay_trade_query_response":{PAID},"alipay_cert_sn":"{sn}","sign":"{sign}"}}"#))
    };
    assert_eq!(
        account.read_query(&placed(&id()), &answer(key("alipay_cert_sn")), now()).unwrap().outcome,
        Outcome::Paid
    );
    assert_eq!(account.read_query(&placed(&id()), &signed_answer(QUERY, PAID), now()).unwrap().outcome, Outcome::Paid);
    let other = "875104f1d2a947c542ddc0928f03591f";
    unclear(
        account.read_query(&placed(&id()), &answer(other), now()),
        "it is signed with Alipay's certificate 875104f1d2a947c542ddc0928f03591f",
    );
    unclear(
        account.read_query(
            &placed(&id()),
            &response(200, format!(r#"{{"alipay_trade_query_response":{PAID},"sign":"AAAA"}}"#)),
            now(),
        ),
        "alipayCert",
    );
}

#[test]
#[rustfmt::skip]
fn a_closing_is_closed_absent_or_refused() {
    let order = id();
    let cases: &[(String, Closing)] = &[
        (r#"{"code":"10000","trade_no":"T1"}"#.to_owned(),                                       Closing::Closed),
        (format!(r#"{{"code":"10000","out_trade_no":"{order}"}}"#),                              Closing::Closed),
        (r#"{"code":"40004","sub_code":"ACQ.TRADE_STATUS_ERROR","sub_msg":"x"}"#.to_owned(),
            Closing::Refused { code: "ACQ.TRADE_STATUS_ERROR".to_owned(), words: "x".to_owned() }),
    ];
    for (node, expect) in cases {
        assert_eq!(account().read_close(&placed(&order), &signed_answer("alipay.trade.close", node), now()).unwrap(), *expect, "{node}");
    }
    unclear(account().read_close(&placed(&order), &signed_answer("alipay.trade.close", r#"{"code":"10000","out_trade_no":"x"}"#), now()), "about order x");
    unclear(account().read_close(&placed(&order), &signed_answer("alipay.trade.close", r#"{"code":"20000"}"#), now()), "20000");
    unclear(account().read_close(&placed(&order), &response(200, r#"{"alipay_trade_close_response":{"code":"10000"}}"#), now()), "has no signature");
}

#[test]
#[rustfmt::skip]
fn a_refund_is_done_pending_short_or_failed() {
    use RefundOutcome::{Done, NotThere, Pending};
    let order = id();
    let failed = |code: &str| RefundOutcome::Failed { code: code.to_owned(), words: domain::Sentence::as_it_is("") };
    let cases: &[(&str, RefundOutcome)] = &[
        (r#"{"code":"10000","fund_change":"Y","refund_fee":"1.00"}"#,                    Done),
        (r#"{"code":"10000","fund_change":"N","refund_fee":"1.00"}"#,                    Pending),
        (r#"{"code":"10000"}"#,                                                          Pending),
        (r#"{"code":"20000","sub_code":"isp.unknow-error"}"#,                            Pending),
        (r#"{"code":"40004","sub_code":"ACQ.SYSTEM_ERROR"}"#,                            Pending),
        (r#"{"code":"40004","sub_code":"ACQ.SELLER_BALANCE_NOT_ENOUGH"}"#,               RefundOutcome::Short { code: "ACQ.SELLER_BALANCE_NOT_ENOUGH".to_owned(), words: domain::Sentence::as_it_is("") }),
        (r#"{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST"}"#,                         failed("ACQ.TRADE_NOT_EXIST")),
    ];
    for (node, expect) in cases {
        let outcome = account().read_refund(&refund(&order), &signed_answer("alipay.trade.refund", node), now()).unwrap();
        assert_eq!(outcome, *expect, "{node}");
    }
    unclear(account().read_refund(&refund(&order), &signed_answer("alipay.trade.refund", r#"{"code":"10000","fund_change":"Y","out_trade_no":"x"}"#), now()), "about order x");
    unclear(account().read_refund(&refund(&order), &response(504, ""), now()), "HTTP status 504");

    let cases: &[(&str, RefundOutcome)] = &[
        (r#"{"code":"10000","refund_status":"REFUND_SUCCESS","refund_amount":"1.00","out_request_no":"R1"}"#, Done),
        (r#"{"code":"10000","refund_status":"REFUND_SUCCESS"}"#,                         Done),
        (r#"{"code":"10000","refund_amount":"1.00","out_request_no":"R1"}"#,             Pending),
        (r#"{"code":"10000"}"#,                                                          NotThere),
        (r#"{"code":"20000"}"#,                                                          Pending),
        (r#"{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST"}"#,                         failed("ACQ.TRADE_NOT_EXIST")),
    ];
    let read = |node: &str| account().read_refund_query(&refund(&order), &signed_answer("alipay.trade.fastpay.refund.query", node), now());
    for (node, expect) in cases {
        assert_eq!(read(node).unwrap(), *expect, "{node}");
    }
    unclear(read(r#"{"code":"10000","refund_status":"REFUND_SUCCESS","refund_amount":"2.00"}"#), "refund_amount");
    unclear(read(r#"{"code":"10000","refund_status":"REFUND_SUCCESS","out_request_no":"R2"}"#), "another refund");
    assert!(matches!(read(r#"{"code":"40002","sub_code":"isv.invalid-signature"}"#), Err(ProviderError::Refused { .. })));
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200), status in 200_u16..600) {
        let result = account().read_query(&placed(&id()), &response(status, body), now());
        let is_unclear = matches!(result, Err(ProviderError::Unclear { .. }));
        prop_assert!(is_unclear);
    }

    #[test]
    fn no_json_like_answer_makes_it_panic(body in r#"\{("(alipay_trade_query_response|sign|error_response|\\u00..|code)":?|[\[\]{},:]|"1?0000"|\\|true){0,20}\}?"#) {
        let _ = account().read_query(&placed(&id()), &response(200, body), now());
    }

    #[test]
    fn a_node_is_cut_exactly_as_it_stands(text in ".*", space in "[ \t\n\r]{0,3}") {
        let node = format!("{{{space}\"a\":{}{space}}}", serde_json::Value::String(text));
        let body = format!("{{{space}\"n\"{space}:{space}{node}{space},\"sign\":\"}}\"}}");
        let members = Members::parse(&body).unwrap();
        prop_assert_eq!(members.raw("n"), Some(node.as_str()));
    }
}
