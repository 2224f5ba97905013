//! APIv3: orders, queries, closing, certificates, and the strictness of headers, signatures and members.

use http::Method;
use serde_json::{Value, json};

use super::super::crypto::{GcmKey, certificate_facts};
use super::super::moment::rfc3339;
use super::{Bench, Call, ROOT, flipped, merchant_key};
use crate::kit::beijing::{DAY_MS, MINUTE_MS};

const KINDS: [&str; 3] = ["v3Certificate", "v3PublicKey", "v3Both"];

async fn query(bench: &Bench, kind: &str, number: &str) -> (u16, Value) {
    let mch_id = bench.settings(kind, "wx_app")["mchId"].as_str().unwrap().to_owned();
    let path = format!("/v3/pay/transactions/out-trade-no/{number}?mchid={mch_id}");
    bench.call(kind, Method::GET, &path, Value::Null).await
}

async fn close(bench: &Bench, kind: &str, number: &str) -> (u16, Value) {
    let mch_id = bench.settings(kind, "wx_app")["mchId"].clone();
    let path = format!("/v3/pay/transactions/out-trade-no/{number}/close");
    bench.call(kind, Method::POST, &path, json!({ "mchid": mch_id })).await
}

#[tokio::test]
async fn every_merchant_orders_every_product() {
    for kind in KINDS {
        let bench = Bench::new();
        for (product, member, head) in [
            ("app", "prepay_id", "wx20261124"),
            ("jsapi", "prepay_id", "wx20261124"),
            ("native", "code_url", "weixin://wxpay/bizpayurl?pr="),
            ("h5", "h5_url", "http://sim.test/simulator/wechat/h5?prepay_id=wx"),
        ] {
            let number = format!("{product}_000001");
            let answer = bench.order(kind, product, &number).await;
            assert!(answer[member].as_str().unwrap().starts_with(head), "{answer}");
            let (status, found) = query(&bench, kind, &number).await;
            assert_eq!((status, &found["trade_state"]), (200, &json!("NOTPAY")));
            assert!(found.get("attach").is_none() && found.get("transaction_id").is_none());
            assert_eq!(close(&bench, kind, &number).await, (204, Value::Null));
            assert_eq!(query(&bench, kind, &number).await.1["trade_state"], "CLOSED");
        }
    }
}

#[tokio::test]
async fn a_paid_order_is_found_by_both_numbers_and_stays_paid() {
    let bench = Bench::new();
    let trade = bench.paid("v3Certificate", "N00000001").await;
    let id = trade["transactionId"].as_str().unwrap();
    let (status, by_order) = query(&bench, "v3Certificate", "N00000001").await;
    assert_eq!(status, 200);
    assert_eq!(by_order["trade_state"], "SUCCESS");
    assert_eq!(by_order["transaction_id"], id);
    assert_eq!(by_order["attach"], "50% off & 更多");
    assert_eq!(by_order["amount"]["payer_total"], 8888);
    let path = format!("/v3/pay/transactions/id/{id}?mchid=1900000001");
    assert_eq!(bench.call("v3Certificate", Method::GET, &path, Value::Null).await, (200, by_order));
    let (status, refused) = close(&bench, "v3Certificate", "N00000001").await;
    assert_eq!((status, refused["code"].as_str()), (400, Some("ORDERPAID")));
    let body = bench.order_body("v3Certificate", "app", "N00000001");
    let (status, refused) = bench.call("v3Certificate", Method::POST, "/v3/pay/transactions/app", body).await;
    assert_eq!((status, refused["code"].as_str()), (400, Some("ORDERPAID")));
}

#[tokio::test]
async fn an_order_sent_again_is_fresh_or_refused() {
    let bench = Bench::new();
    let first = bench.order("v3Both", "app", "N00000002").await;
    bench.pass(MINUTE_MS);
    let second = bench.order("v3Both", "app", "N00000002").await;
    assert_ne!(first, second);
    let mut body = bench.order_body("v3Both", "app", "N00000002");
    body["amount"]["total"] = json!(8889);
    let path = "/v3/pay/transactions/app";
    let (status, refused) = bench.call("v3Both", Method::POST, path, body.clone()).await;
    assert_eq!((status, refused["code"].as_str()), (400, Some("INVALID_REQUEST")));
    assert_eq!(close(&bench, "v3Both", "N00000002").await.0, 204);
    body["amount"]["total"] = json!(8888);
    let (status, refused) = bench.call("v3Both", Method::POST, path, body).await;
    assert_eq!((status, refused["code"].as_str()), (400, Some("ORDER_CLOSED")));
    assert_eq!(close(&bench, "v3Both", "N00000002").await.1["code"], "ORDER_CLOSED");
    assert_eq!(close(&bench, "v3Both", "N99999999").await.0, 404);
    assert_eq!(query(&bench, "v3Both", "N99999999").await.1["code"], "ORDER_NOT_EXIST");
    // Another merchant's order with this number is another order.
    assert_eq!(query(&bench, "v3PublicKey", "N00000002").await.0, 404);
}

#[tokio::test]
async fn an_order_whose_payment_failed_can_be_paid_or_closed() {
    let bench = Bench::new();
    for number in ["N00000007", "N00000008", "N00000009"] {
        let first = bench.order("v3Both", "app", number).await;
        bench.door(&format!("trades/{number}/fail"), json!({})).await;
        assert_eq!(query(&bench, "v3Both", number).await.1["trade_state"], "PAYERROR");
        bench.pass(MINUTE_MS);
        assert_ne!(bench.order("v3Both", "app", number).await, first);
    }
    assert_eq!(bench.door("trades/N00000007/pay", json!({})).await.1["state"], "SUCCESS");
    assert_eq!(close(&bench, "v3Both", "N00000008").await.0, 204);
    assert_eq!(bench.door("trades/N00000008/pay", json!({})).await.0, 409);
    bench.pass(8 * DAY_MS);
    assert_eq!(query(&bench, "v3Both", "N00000009").await.1["trade_state"], "CLOSED");
}

#[tokio::test]
async fn the_clock_closes_unpaid_orders() {
    let bench = Bench::new();
    bench.order("v3Both", "app", "N00000003").await;
    let mut body = bench.order_body("v3Both", "app", "N00000004");
    body["time_expire"] = json!(rfc3339(bench.now() + 2 * MINUTE_MS));
    assert_eq!(bench.call("v3Both", Method::POST, "/v3/pay/transactions/app", body).await.0, 200);
    assert_eq!(bench.simulator.next_due(), Some(bench.now() + 2 * MINUTE_MS));
    bench.pass(2 * MINUTE_MS);
    bench.simulator.run_due().await;
    assert_eq!(query(&bench, "v3Both", "N00000004").await.1["trade_state"], "CLOSED");
    assert_eq!(query(&bench, "v3Both", "N00000003").await.1["trade_state"], "NOTPAY");
    bench.pass(7 * DAY_MS);
    assert_eq!(query(&bench, "v3Both", "N00000003").await.1["trade_state"], "CLOSED");
    assert_eq!(bench.sends(), 0);
}

#[tokio::test]
async fn every_changed_byte_is_refused() {
    let bench = Bench::new();
    let body = bench.order_body("v3Certificate", "app", "N00000005").to_string();
    let good = bench.signed("v3Certificate", Method::POST, "/v3/pay/transactions/app", &body);
    for at in 0..good.body.len() {
        let mut call = good.clone();
        call.body = flipped(&good.body, at);
        let answer = bench.request(call).await;
        // A broken multi-byte character makes the text invalid.
        let expect = if std::str::from_utf8(&flipped(&good.body, at)).is_ok() { 401 } else { 400 };
        assert_eq!(answer.reply.status, expect, "byte {at}");
    }
    let value = good.authorization();
    for at in 0..value.len() {
        let changed = flipped(value.as_bytes(), at);
        let mut call = good.clone();
        call.set("Authorization", std::str::from_utf8(&changed).unwrap());
        let answer = bench.request(call).await;
        assert_eq!(answer.reply.status, 401, "{}", String::from_utf8_lossy(&changed));
    }
    for target in ["/v3/pay/transactions/app?", "/v3/pay/transactions/native", "/v3//pay/transactions/app"] {
        let mut call = good.clone();
        call.target = format!("{ROOT}{target}");
        assert_eq!(bench.request(call).await.reply.status, 401, "{target}");
    }
    let mut put = good.clone();
    put.method = Method::PUT;
    assert_eq!(bench.request(put).await.reply.status, 401);
    assert_eq!(bench.request(good).await.reply.status, 200);
}

#[tokio::test]
async fn the_path_is_signed_with_the_prefix_as_it_is_sent() {
    let bench = Bench::new();
    let path = "/v3/certificates";
    let mut call = bench.signed("v3Certificate", Method::GET, path, "");
    call.target = path.to_owned();
    call.authorize(&bench.settings("v3Certificate", "wx_app"), bench.now());
    call.target = format!("{ROOT}{path}");
    let (status, refused) = bench.verified("v3Certificate", &bench.request(call).await);
    assert_eq!((status, refused["code"].as_str()), (401, Some("SIGN_ERROR")));
    assert_eq!(refused["detail"]["sign_information"]["url"], "/simulator/wechat/v3/certificates");
}

#[tokio::test]
async fn authorization_is_read_strictly() {
    let bench = Bench::new();
    let good = bench.signed("v3Certificate", Method::GET, "/v3/certificates", "");
    let value = good.authorization();
    let (scheme, items) = value.split_once(' ').unwrap();
    let items: Vec<&str> = items.split(',').collect();
    let mut reversed = items.clone();
    reversed.reverse();
    let mut call = good.clone();
    call.set("Authorization", &format!("{scheme} {}", reversed.join(",")));
    assert_eq!(bench.request(call).await.reply.status, 200, "the order is free");
    let joined = items.join(",");
    let mut odd = vec![
        joined.clone(),
        format!("{scheme}  {joined}"),
        format!("{} {joined}", scheme.to_lowercase()),
        format!("Bearer {joined}"),
        format!("{scheme} {joined},"),
        format!("{scheme} {joined},extra=\"1\""),
        format!("{scheme} {joined},{}", items[0]),
        format!("{scheme} {}", joined.replace('"', "'")),
        format!("{scheme} {}", joined.replace('"', "")),
        format!("{scheme} {}", joined.replace("7A10C0FFEE", "7a10c0ffee")),
    ];
    for left_out in 0..items.len() {
        let mut some = items.clone();
        some.remove(left_out);
        odd.push(format!("{scheme} {}", some.join(",")));
    }
    for value in odd {
        let mut call = good.clone();
        call.set("Authorization", &value);
        assert_eq!(bench.request(call).await.reply.status, 401, "{value}");
    }
    let mut twice = good.clone();
    let again = twice.headers["Authorization"].clone();
    twice.headers.append("Authorization", again);
    assert_eq!(bench.request(twice).await.reply.status, 401);
    let mut none = good;
    none.headers.remove("Authorization");
    let (status, refused) = bench.verified("v3Certificate", &bench.request(none).await);
    assert_eq!((status, refused["code"].as_str()), (401, Some("SIGN_ERROR")));
}

#[tokio::test]
async fn time_nonce_and_headers_are_checked() {
    let bench = Bench::new();
    let settings = bench.settings("v3Certificate", "wx_app");
    for (skew, expect) in [(-300, 200), (300, 200), (-301, 401), (301, 401)] {
        let mut call = bench.signed("v3Certificate", Method::GET, "/v3/certificates", "");
        call.authorize(&settings, bench.now() + skew * 1_000);
        assert_eq!(bench.request(call).await.reply.status, expect, "{skew} s");
    }
    let signed = |time: &str, nonce: &str| {
        let mut call = bench.signed("v3Certificate", Method::GET, "/v3/certificates", "");
        let content = format!("GET\n{}\n{time}\n{nonce}\n\n", call.target);
        let signature = merchant_key(&settings).sign(&content).unwrap();
        let value = format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"1900000001\",nonce_str=\"{nonce}\",timestamp=\"{time}\",serial_no=\"{}\",signature=\"{signature}\"",
            settings["certSerial"].as_str().unwrap()
        );
        call.set("Authorization", &value);
        call
    };
    let seconds = (bench.now() / 1_000).to_string();
    assert_eq!(bench.request(signed(&seconds, &"n".repeat(32))).await.reply.status, 200);
    assert_eq!(bench.request(signed(&seconds, &"n".repeat(33))).await.reply.status, 401);
    assert_eq!(bench.request(signed(&bench.now().to_string(), "n")).await.reply.status, 401, "milliseconds");
    assert_eq!(bench.request(signed(&format!("+{}", &seconds[1..]), "n")).await.reply.status, 401);
    let body = bench.order_body("v3Certificate", "app", "N00000006").to_string();
    let good = bench.signed("v3Certificate", Method::POST, "/v3/pay/transactions/app", &body);
    for name in ["Accept", "User-Agent", "Content-Type"] {
        let mut call = good.clone();
        call.headers.remove(name);
        let (status, refused) = bench.verified("v3Certificate", &bench.request(call).await);
        assert_eq!((status, refused["detail"]["field"].as_str()), (400, Some(name)));
    }
    let mut form = good;
    form.set("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(bench.request(form).await.reply.status, 400);
}

#[tokio::test]
async fn another_merchants_key_or_number_is_refused() {
    let bench = Bench::new();
    let body = bench.order_body("v3PublicKey", "app", "N00000007");
    let (status, refused) = bench.call("v3Certificate", Method::POST, "/v3/pay/transactions/app", body.clone()).await;
    assert_eq!((status, refused["detail"]["field"].as_str()), (400, Some("/mchid")));
    let mut call = bench.signed("v3Certificate", Method::POST, "/v3/pay/transactions/app", &body.to_string());
    let value = call.authorization().replace("1900000001", "1900000002");
    call.set("Authorization", &value);
    assert_eq!(bench.request(call.clone()).await.reply.status, 401);
    let value = call.authorization().replace("1900000002", "1900000004");
    call.set("Authorization", &value);
    assert_eq!(bench.request(call).await.reply.status, 401, "a v2 merchant has no v3");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one row for each case")]
async fn members_are_checked() {
    let bench = Bench::new();
    let now = bench.now();
    let mp = bench.settings("v3Both", "wx_mp")["appId"].clone();
    let long = |count: usize| json!("支".repeat(count));
    let bytes = |count: usize| json!("b".repeat(count));
    #[rustfmt::skip]
    let cases = [
        ("app",   "/description",   long(42),                            200),
        ("app",   "/description",   long(43),                            400),
        ("app",   "/description",   bytes(127),                          200),
        ("app",   "/description",   bytes(128),                          400),
        ("app",   "/description",   json!("😀".repeat(31)),              200),
        ("app",   "/description",   json!("😀".repeat(32)),              400),
        ("app",   "/description",   json!("a\nb"),                       400),
        ("app",   "/description",   json!("a\u{2028}b"),                 400),
        ("app",   "/description",   json!(""),                           400),
        ("app",   "/attach",        bytes(128),                          200),
        ("app",   "/attach",        long(43),                            400),
        ("app",   "/attach",        Value::Null,                         400),
        ("app",   "/out_trade_no",  json!("A1_-|*"),                     200),
        ("app",   "/out_trade_no",  json!("A1234"),                      400),
        ("app",   "/out_trade_no",  json!("A".repeat(32)),               200),
        ("app",   "/out_trade_no",  json!("A".repeat(33)),               400),
        ("app",   "/out_trade_no",  json!("A1 234"),                     400),
        ("app",   "/out_trade_no",  json!("A12345#"),                    400),
        ("app",   "/notify_url",    json!("https://m.test/n?a=1"),       400),
        ("app",   "/notify_url",    json!("http://m.test/n"),            400),
        ("app",   "/notify_url",    json!("http://127.0.0.1:9/n"),       200),
        ("app",   "/notify_url",    json!("http://localhost:9/n"),       200),
        ("app",   "/notify_url",    json!("http://[::1]:9/n"),           400),
        ("app",   "/notify_url",    json!("https://m.test/n[1]"),        400),
        ("app",   "/notify_url",    json!("http://localhost.evil/n"),    400),
        ("app",   "/notify_url",    json!("https://u@m.test/n"),         400),
        ("app",   "/notify_url",    json!("ftp://m.test/n"),             400),
        ("app",   "/notify_url",    json!("/n"),                         400),
        ("app",   "/notify_url",    json!(format!("https://m.test/{}", "n".repeat(300))), 400),
        ("app",   "/amount/total",  json!(1),                            200),
        ("app",   "/amount/total",  json!(9_999_999_999_i64),            200),
        ("app",   "/amount/total",  json!(10_000_000_000_i64),           400),
        ("app",   "/amount/total",  json!(0),                            400),
        ("app",   "/amount/total",  json!(-1),                           400),
        ("app",   "/amount/total",  json!(1.0),                          400),
        ("app",   "/amount/total",  json!("1"),                          400),
        ("app",   "/amount/currency", json!("USD"),                      400),
        ("app",   "/amount/payer_total", json!(1),                       400),
        ("app",   "/unknown",       json!(1),                            400),
        ("app",   "/goods_tag",     json!("g".repeat(33)),               400),
        ("app",   "/payer",         json!({ "openid": "o1" }),           400),
        ("app",   "/appid",         json!("wx0000000000000000"),         400),
        ("app",   "/appid",         mp,                                  403),
        ("app",   "/time_expire",   json!(rfc3339(now + MINUTE_MS)),     200),
        ("app",   "/time_expire",   json!(rfc3339(now + 59_000)),        400),
        ("app",   "/time_expire",   json!(rfc3339(now + 91 * DAY_MS)),   400),
        ("app",   "/time_expire",   json!("20261124130000"),             400),
        ("app",   "/time_expire",   json!("2026-11-24 13:00:00"),        400),
        ("app",   "/support_fapiao", json!(true),                        200),
        ("app",   "/support_fapiao", json!("true"),                      400),
        ("app",   "/scene_info",    json!({ "payer_client_ip": "1.2.3.4" }), 200),
        ("app",   "/scene_info",    json!({ "payer_client_ip": "x" }),   400),
        ("app",   "/settle_info",   json!({ "profit_sharing": false }),  200),
        ("app",   "/detail",        json!({ "goods_detail": [{ "merchant_goods_id": "1", "quantity": 1, "unit_price": 5 }] }), 200),
        ("app",   "/detail",        json!({ "goods_detail": [{ "merchant_goods_id": "1", "quantity": null, "unit_price": 5 }] }), 400),
        ("jsapi", "/payer/openid",  json!(""),                           400),
        ("jsapi", "/payer/openid",  json!("o".repeat(129)),              400),
        ("jsapi", "/payer",         json!({}),                           400),
        ("h5",    "/scene_info/payer_client_ip", json!("999.1.1.1"),     400),
        ("h5",    "/scene_info/payer_client_ip", json!("2001:db8::1"),   200),
        ("h5",    "/scene_info/payer_client_ip", json!("::ffff:203.0.113.8"), 400),
        ("h5",    "/scene_info/payer_client_ip", json!("::FFFF:CB00:7108"),   400),
        ("h5",    "/scene_info/payer_client_ip", json!("fe80::1%eth0"),  400),
        ("h5",    "/scene_info/h5_info/type",    json!("Web"),           400),
        ("h5",    "/scene_info/h5_info",         json!({}),              400),
    ];
    for (index, (product, pointer, value, expect)) in cases.into_iter().enumerate() {
        let mut body = bench.order_body("v3Both", product, &format!("CASE{index:04}"));
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value.clone();
        let path = format!("/v3/pay/transactions/{product}");
        let (status, answer) = bench.call("v3Both", Method::POST, &path, body).await;
        assert_eq!(status, expect, "{product} {pointer} {value}: {answer}");
    }
}

#[tokio::test]
async fn required_members_are_required() {
    let bench = Bench::new();
    for (product, name) in [
        ("app", "appid"),
        ("app", "mchid"),
        ("app", "description"),
        ("app", "out_trade_no"),
        ("app", "notify_url"),
        ("app", "amount"),
        ("jsapi", "payer"),
        ("h5", "scene_info"),
    ] {
        let mut body = bench.order_body("v3Both", product, "N00000008");
        body.as_object_mut().unwrap().remove(name);
        let path = format!("/v3/pay/transactions/{product}");
        let (status, answer) = bench.call("v3Both", Method::POST, &path, body).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some("PARAM_ERROR")), "{name}");
    }
}

#[tokio::test]
async fn doubled_members_and_other_queries_are_refused() {
    let bench = Bench::new();
    let twice = "{\"mchid\":\"1900000001\",\"mchid\":\"1900000001\"}";
    bench.order("v3Certificate", "app", "N00000009").await;
    let path = "/v3/pay/transactions/out-trade-no/N00000009";
    let call = bench.signed("v3Certificate", Method::POST, &format!("{path}/close"), twice);
    assert_eq!(bench.request(call).await.reply.status, 400);
    for query in ["", "?mchid=", "?mchid=1900000002", "?mchid=1900000001&x=1", "?mchid=1900000001&mchid=1900000001"] {
        let (status, _) = bench.call("v3Certificate", Method::GET, &format!("{path}{query}"), Value::Null).await;
        assert_eq!(status, 400, "{query}");
    }
    bench.order("v3Certificate", "app", "N|*000010").await;
    let escaped = "/v3/pay/transactions/out-trade-no/N%7C%2A000010?mchid=1900000001";
    let (status, found) = bench.call("v3Certificate", Method::GET, escaped, Value::Null).await;
    assert_eq!((status, found["out_trade_no"].as_str()), (200, Some("N|*000010")));
    for path in ["/v3/pay/transactions/micropay", "/v3/nothing"] {
        assert_eq!(bench.call("v3Certificate", Method::POST, path, json!({})).await.0, 404);
    }
}

#[tokio::test]
async fn wechatpay_serial_chooses_the_signer() {
    let bench = Bench::new();
    let certificate = "4D00C0FFEE0000000000000000000000000000D4";
    let public_key = bench.settings("v3Both", "wx_app")["publicKeyId"].as_str().unwrap().to_owned();
    let serial_of =
        |answer: &super::Answer| answer.headers.iter().find(|(name, _)| *name == "Wechatpay-Serial").unwrap().1.clone();
    for (wish, expect, status) in [
        (None, certificate, 200),
        (Some(certificate), certificate, 200),
        (Some(public_key.as_str()), public_key.as_str(), 200),
        (Some("PUB_KEY_ID_0"), certificate, 400),
        (Some("0E11C0FFEE0000000000000000000000000000E5"), certificate, 400),
    ] {
        let mut call = bench.signed("v3Both", Method::GET, "/v3/certificates", "");
        if let Some(wish) = wish {
            call.set("Wechatpay-Serial", wish);
        }
        let answer = bench.request(call).await;
        assert_eq!(bench.verified("v3Both", &answer).0, status, "{wish:?}");
        assert_eq!(serial_of(&answer), expect);
    }
    let (status, refused) = bench.call("v3PublicKey", Method::GET, "/v3/certificates", Value::Null).await;
    assert_eq!((status, refused["code"].as_str()), (404, Some("RESOURCE_NOT_EXISTS")));
}

#[tokio::test]
async fn platform_certificates_roll_over() {
    let bench = Bench::new();
    let first = "4D00C0FFEE0000000000000000000000000000D4";
    let second = "0E11C0FFEE0000000000000000000000000000E5";
    for (stage, listed, signs) in [
        ("current", vec![first], first),
        ("announced", vec![first, second], first),
        ("rolled", vec![first, second], second),
        ("finished", vec![second], second),
    ] {
        let (status, told) = bench.door("settings", json!({ "stage": stage })).await;
        assert_eq!((status, told), (200, json!({ "listed": listed, "signs": signs })));
        let call: Call = bench.signed("v3Certificate", Method::GET, "/v3/certificates", "");
        let answer = bench.request(call).await;
        assert!(answer.headers.contains(&("Wechatpay-Serial", signs.to_owned())), "{stage}");
        let (_, body) = bench.verified("v3Certificate", &answer);
        let settings = bench.settings("v3Certificate", "wx_app");
        for (entry, serial) in body["data"].as_array().unwrap().iter().zip(&listed) {
            let encrypted = &entry["encrypt_certificate"];
            let key = GcmKey {
                key: settings["apiV3Key"].as_str().unwrap(),
                nonce: encrypted["nonce"].as_str().unwrap(),
                associated_data: "certificate",
            };
            let pem = key.open(encrypted["ciphertext"].as_str().unwrap()).unwrap();
            assert_eq!(
                (entry["serial_no"].as_str(), &certificate_facts(&pem).unwrap().serial),
                (Some(*serial), &(*serial).to_owned())
            );
        }
        assert_eq!(body["data"].as_array().unwrap().len(), listed.len());
    }
}
