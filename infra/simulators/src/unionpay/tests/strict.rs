//! Which messages are refused, and with which code.

use super::*;

/// The code of a server call: a good message, changed by `more`.
async fn code(kind: &str, more: &[(&str, Option<&str>)]) -> String {
    let bench = Bench::new();
    let mut fields = vec![("orderId", Some("ORDER0001")), ("origQryId", Some("202611231200000000001"))];
    fields.extend(more);
    bench.call(kind, &fields).await["respCode"].clone()
}

#[tokio::test]
async fn each_mandatory_field_is_missed() {
    let always = ["version", "encoding", "signMethod", "certId", "merId", "signature"];
    let all = ["txnType", "txnSubType", "bizType", "accessType", "orderId", "txnTime"];
    let order = ["channelType", "txnAmt", "backUrl"];
    for kind in ["app", "query", "refund", "void"] {
        let mut names = [always, all].concat();
        if kind != "query" {
            names.extend(order);
        }
        match kind {
            "app" => names.push("currencyCode"),
            "refund" | "void" => names.push("origQryId"),
            _ => {}
        }
        for name in names {
            let bench = Bench::new();
            let orig = ("origQryId", Some("202611231200000000001"));
            let mut params = bench.signed(kind, &[("orderId", Some("ORDER0001")), orig, (name, None)]);
            if always.contains(&name) {
                params.remove(name);
            }
            let reply = bench.post(&target(kind), &encoded(&params)).await;
            assert_eq!(bench.answered(&reply)["respCode"], "13", "{kind} without {name}");
            // A blank value counts as missing.
            params.insert(name.to_owned(), "  ".to_owned());
            let reply = bench.post(&target(kind), &encoded(&params)).await;
            assert_eq!(bench.answered(&reply)["respCode"], "13", "{kind} with blank {name}");
        }
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one row for each case")]
async fn formats_are_checked() {
    let long_url = format!("http://m.test/{}", "x".repeat(243));
    let desc = format!("{}12", "字".repeat(10));
    let (desc_33, reserved_1025) = (format!("{desc}3"), "r".repeat(1025));
    let order_41 = "A".repeat(41);
    #[rustfmt::skip]
    let cases: &[(&str, &str, &str, &str)] = &[
        ("app",    "version",      "5.0.0",                    "10"),
        ("app",    "version",      "6.0.0",                    "10"),
        ("app",    "encoding",     "GBK",                      "10"),
        ("app",    "encoding",     "utf-8",                    "00"),
        ("app",    "signMethod",   "11",                       "10"),
        ("app",    "certId",       "0x2AA3",                   "10"),
        ("app",    "certId",       "201361195839331317309814", "11"),
        ("app",    "certId",       "0201361195839331317309813", "11"),
        ("app",    "merId",        "77729000000001",           "10"),
        ("app",    "merId",        "777290000000009",          "31"),
        ("app",    "txnType",      "04",                       "10"),
        ("app",    "txnSubType",   "03",                       "10"),
        ("app",    "bizType",      "000202",                   "10"),
        ("app",    "channelType",  "07",                       "10"),
        ("app",    "accessType",   "1",                        "10"),
        ("app",    "orderId",      "ORDER01",                  "10"),
        ("app",    "orderId",      "ORDER001",                 "00"),
        ("app",    "orderId",      "ORDER-0001",               "10"),
        ("app",    "orderId",      "ORDER_0001",               "10"),
        ("app",    "orderId",      &order_41,                  "10"),
        ("app",    "orderId",      &order_41[1..],             "00"),
        ("app",    "txnAmt",       "0",                        "10"),
        ("app",    "txnAmt",       "0100",                     "10"),
        ("app",    "txnAmt",       "88.88",                    "10"),
        ("app",    "txnAmt",       "-1",                       "10"),
        ("app",    "txnAmt",       "999999999999",             "00"),
        ("app",    "txnAmt",       "1000000000000",            "10"),
        ("app",    "currencyCode", "CNY",                      "10"),
        ("app",    "backUrl",      "m.test/notify",            "10"),
        ("app",    "backUrl",      "ftp://m.test/notify",      "10"),
        ("app",    "backUrl",      "http://m.test/~me",        "10"),
        ("app",    "backUrl",      "http://m.test/支付",        "10"),
        ("app",    "backUrl",      &long_url,                  "10"),
        ("app",    "backUrl",      &long_url[..256],           "00"),
        ("app",    "frontUrl",     "shop",                     "10"),
        ("app",    "payTimeout",   "20261123115959",           "10"),
        ("app",    "payTimeout",   "20261123120000",           "10"),
        ("app",    "payTimeout",   "20261123121500",           "00"),
        ("app",    "payTimeout",   "2026112312150",            "10"),
        ("app",    "orderDesc",    &desc_33,                   "10"),
        ("app",    "orderDesc",    &desc,                      "00"),
        ("app",    "orderDesc",    "茶-壶_1.5 (小)（大）",       "00"),
        ("app",    "orderDesc",    "茶，壶",                    "10"),
        ("app",    "orderDesc",    "茶＆壶",                    "10"),
        ("app",    "orderDesc",    "🍵",                        "10"),
        ("app",    "orderDesc",    "a&b",                      "10"),
        ("app",    "reqReserved",  &reserved_1025,             "10"),
        ("app",    "reqReserved",  &reserved_1025[1..],        "00"),
        ("app",    "reqReserved",  "a=b",                      "10"),
        ("app",    "reqReserved",  "{a}",                      "10"),
        ("app",    "reqReserved",  "eA==",                     "00"),
        ("app",    "customerIp",   "::ffff:203.0.113.8",       "10"),
        ("app",    "customerIp",   "203.0.113.8",              "00"),
        ("app",    "txnTime",      "2026-11-23 12:00:00",      "10"),
        ("app",    "txnTime",      "20261123115500",           "00"),
        ("app",    "txnTime",      "20261123115459",           "39"),
        ("app",    "txnTime",      "20261123120500",           "00"),
        ("app",    "txnTime",      "20261123120501",           "39"),
        ("app",    "txnTime",      "20261123040000",           "39"),
        ("query",  "bizType",      "000000",                   "34"),
        ("query",  "txnSubType",   "02",                       "13"),
        ("query",  "txnSubType",   "03",                       "10"),
        ("query",  "txnTime",      "20200101000000",           "34"),
        ("query",  "channelType",  "07",                       "34"),
        ("refund", "txnType",      "01",                       "10"),
        ("refund", "channelType",  "08",                       "35"),
        ("refund", "channelType",  "05",                       "10"),
        ("refund", "origQryId",    "2026112312000000000",      "10"),
        ("refund", "currencyCode", "840",                      "10"),
        ("refund", "txnSubType",   "01",                       "10"),
        ("void",   "txnType",      "99",                       "10"),
    ];
    for (kind, name, value, expected) in cases {
        assert_eq!(code(kind, &[(name, Some(value))]).await, *expected, "{kind} {name}={value}");
    }
    assert_eq!(code("refund", &[("currencyCode", None)]).await, "35");
}

#[tokio::test]
async fn the_way_a_message_comes_is_checked() {
    let bench = Bench::new();
    let body = encoded(&bench.signed("app", &[("orderId", Some("ORDER0001"))]));
    let to = target("app");
    for (content_type, query, expected) in [
        ("application/json", "", "10"),
        ("", "", "10"),
        ("application/x-www-form-urlencoded;charset=GBK", "", "10"),
        (FORM, "?a=1", "10"),
        ("application/x-www-form-urlencoded; charset=\"utf-8\"", "", "00"),
    ] {
        let reply = bench.request(Method::POST, &format!("{to}{query}"), content_type, &body).await;
        assert_eq!(bench.answered(&reply)["respCode"], expected, "{content_type} {query}");
    }
    for broken in [format!("{body}&merId={OLD}"), body.replace("%2F", "%2"), "merId".into()] {
        let reply = bench.post(&to, &broken).await;
        assert_eq!(bench.answered(&reply)["respCode"], "10");
    }
    assert_eq!(bench.get(&to).await.status, 404);
    assert_eq!(bench.post(&format!("{API}/cardTransReq.do"), &body).await.status, 404);
}

#[tokio::test]
async fn another_merchants_key_does_not_sign() {
    let bench = Bench::new();
    let mut params = bench.signed("app", &[("orderId", Some("ORDER0001"))]);
    params.insert("merId".into(), NEW.into());
    let reply = bench.post(&target("app"), &encoded(&params)).await;
    let answer = bench.answered(&reply);
    assert_eq!(answer["respCode"], "11");
    assert_eq!(answer["respMsg"], "Signature verification failed[9100004]");
    assert!(!answer.contains_key("tn"));
    assert_eq!(bench.call("app", &[("orderId", Some("ORDER0001")), ("merId", Some(NEW))]).await["respCode"], "00");
}

#[tokio::test]
async fn a_bad_browser_form_ends_on_a_page() {
    let bench = Bench::new();
    for (name, value, expected) in [
        ("frontUrl", None, "respCode 13"),
        ("channelType", Some("08"), "respCode 10"),
        ("txnTime", Some("20261123040000"), "respCode 39"),
        ("signature", Some("AAAA"), "respCode 11"),
    ] {
        let mut params = bench.signed("web", &[("orderId", Some("ORDER0001")), (name, value)]);
        if let ("signature", Some(value)) = (name, value) {
            params.insert(name.into(), value.into());
        }
        let reply = bench.post(&target("web"), &encoded(&params)).await;
        assert_eq!(reply.status, 400);
        assert!(text(&reply).contains(expected), "{name}: {}", text(&reply));
    }
}

#[tokio::test]
async fn an_order_number_serves_once_a_day() {
    let bench = Bench::new();
    let order = [("orderId", Some("ORDER0001"))];
    assert_eq!(bench.call("app", &order).await["respCode"], "00");
    assert_eq!(bench.call("app", &order).await["respCode"], "12");
    bench.pass(MINUTE);
    assert_eq!(bench.call("app", &order).await["respCode"], "12");
    assert_eq!(bench.call("app", &[order[0], ("merId", Some(NEW))]).await["respCode"], "00");
    let reply = bench.post(&target("web"), &encoded(&bench.signed("web", &order))).await;
    assert!(text(&reply).contains("respCode 12"));
    bench.pass(24 * 60 * MINUTE);
    assert_eq!(bench.call("app", &order).await["respCode"], "00");
    // Both are found, each by its own time.
    bench.door("orders/ORDER0001/pay?txnTime=20261123120000", json!({})).await;
    bench.door(&format!("orders/ORDER0001/pay?merId={OLD}&txnTime=20261124120100"), json!({})).await;
    assert_eq!(bench.order("ORDER0001").await["txnTime"], "20261124120100");
    assert_eq!(bench.query("ORDER0001", "20261123120000").await["respCode"], "34");
    assert_eq!(bench.query("ORDER0001", "20261124120100").await["origRespCode"], "00");
}
