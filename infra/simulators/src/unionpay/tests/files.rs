//! The files of a settlement day: the required call, and when there is a file.

use super::*;

async fn code(bench: &Bench, more: &[(&str, Option<&str>)]) -> String {
    let usual = [
        ("txnType", Some("76")),
        ("txnSubType", Some("01")),
        ("bizType", Some("000000")),
        ("fileType", Some("00")),
        ("settleDate", Some("1123")),
    ];
    let fields: Vec<_> = usual.iter().chain(more).copied().collect();
    let form = encoded(&bench.signed("query", &fields));
    let answer = bench.answered(&bench.post("/simulator/unionpay/file/", &form).await);
    assert_eq!(answer.contains_key("fileContent"), answer["respCode"] == "00", "{answer:?}");
    answer["respCode"].clone()
}

#[tokio::test]
async fn a_day_with_trades_has_a_file_once_it_is_over() {
    let bench = Bench::new();
    bench.paid("ORDER0001").await;
    assert_eq!(code(&bench, &[]).await, "98");
    bench.pass(11 * 60 * MINUTE);
    assert_eq!(code(&bench, &[]).await, "00");
    for (name, value) in [("settleDate", "1122"), ("merId", NEW)] {
        assert_eq!(code(&bench, &[(name, Some(value))]).await, "98", "{name}");
    }
}

#[tokio::test]
#[rustfmt::skip]
async fn a_call_for_files_that_is_not_in_order_is_refused() {
    let cases: [(&str, Option<&str>, &str); 10] = [
        ("fileType",   None,                           "13"),
        ("settleDate", None,                           "13"),
        ("fileType",   Some("01"),                     "10"),
        ("txnType",    Some("00"),                     "10"),
        ("txnSubType", Some("00"),                     "10"),
        ("bizType",    Some("000201"),                 "10"),
        ("settleDate", Some("1341"),                   "10"),
        ("settleDate", Some("20261123"),               "10"),
        ("certId",     Some("201361195839331317309814"), "11"),
        ("txnTime",    Some("20261123090000"),         "39"),
    ];
    for (name, value, expect) in cases {
        assert_eq!(code(&Bench::new(), &[(name, value)]).await, expect, "{name} {value:?}");
    }
}
