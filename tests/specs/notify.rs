//! Notifies: a payment is settled exactly once, and only by a genuine report that fits.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    keys::Signer,
    notify_message::Message,
    world::{MINUTE_MS, START_MS, World, charge_of, texts, with},
};

/// A charged, unpaid bill, and the address for its notifies.
pub(crate) async fn charged(world: &World, bill: &str) -> (Value, String) {
    let trade = world.trade(&world.charged(bill).await).await;
    let url = trade["notifyUrl"].as_str().unwrap().to_owned();
    (trade, url)
}

/// The exact bytes that tell Alipay not to send again.
#[track_caller]
pub(crate) fn check_acknowledged(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (200, "success"));
    assert!(answer.header("content-type").starts_with("text/plain"), "{answer:?}");
}

/// Alipay will send again, and strangers learn nothing.
#[track_caller]
pub(crate) fn check_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (400, "fail"));
    assert!(answer.header("content-type").starts_with("text/plain"), "{answer:?}");
}

#[track_caller]
pub(crate) fn check_status(record: &Value, status: &str, end_time: Option<i64>) {
    assert_eq!((record["status"].as_str(), record["endTime"].as_i64()), (Some(status), end_time), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_settled_at_the_moment_its_notify_comes() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    world.advance(MINUTE_MS).await;
    check_acknowledged(&world.post_form(&url, Message::paid(&trade).signed()).await);
    check_status(&world.record("1").await, "success", Some(START_MS + MINUTE_MS));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_notify_changes_nothing() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    let notify = Message::paid(&trade);
    check_acknowledged(&world.post_form(&url, notify.clone().signed()).await);
    let first = world.record("1").await;
    world.advance(MINUTE_MS).await;
    check_acknowledged(&world.post_form(&url, notify.clone().signed()).await);
    let later = notify.with("notify_id", "another").with("notify_time", "2026-11-23 22:31:00");
    check_acknowledged(&world.post_form(&url, later.clone().signed()).await);
    check_acknowledged(&world.post_form(&url, later.with("trade_status", "TRADE_FINISHED").signed()).await);
    assert_eq!(world.record("1").await, first);
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_notifies_at_once_settle_once() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    let notify = Message::paid(&trade).signed();
    for answer in join_all((0..100).map(|_| world.post_form(&url, notify.clone()))).await {
        check_acknowledged(&answer);
    }
    check_status(&world.record("1").await, "success", Some(START_MS));
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_notifies_at_once_settle_once_with_webhooks() {
    let world = World::start().await;
    for number in 0..20 {
        let webhook = json!({ "target": { "url": format!("https://shop.example/{number}") }, "mode": "test" });
        world.admin("POST", &format!("/apps/{}/webhooks", world.app.app_id), webhook).await.done(201);
    }
    let (trade, url) = charged(&world, "1").await;
    let notify = Message::paid(&trade).signed();
    for answer in join_all((0..100).map(|_| world.post_form(&url, notify.clone()))).await {
        check_acknowledged(&answer);
    }
    check_status(&world.record("1").await, "success", Some(START_MS));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_from_the_simulator_are_all_acknowledged() {
    let world = World::start().await;
    let (trade, _) = charged(&world, "1").await;
    let paid = world.play(trade["outTradeNo"].as_str().unwrap(), "pay", json!({ "times": 100 })).await;
    let attempts = paid["notifies"][0]["attempts"].as_array().unwrap().clone();
    assert_eq!(attempts.len(), 100);
    assert_eq!(texts(&json!(attempts), "answer"), ["success"; 100]);
    check_status(&world.record("1").await, "success", Some(START_MS));
    world.end().await;
}

/// Genuine reports that do not fit, and the text of the incident.
#[rustfmt::skip]
const MISFITS: &[(&str, &str, &str, &str)] = &[
    // Field of the notify, its value, kind of incident, words of its problem.
    ("total_amount", "98.99",                    "amount",  "9899"),
    ("total_amount", "99.01",                    "amount",  "9901"),
    ("total_amount", "0.00",                     "amount",  "9900"),
    ("total_amount", "",                         "amount",  "9900"),
    ("total_amount", "9900",                     "amount",  "990000"),
    ("seller_id",    "2088000000000002",         "account", "seller_id"),
    ("seller_id",    "",                         "account", "seller_id"),
    ("app_id",       "2021000000000002",         "account", "app_id"),
    ("out_trade_no", "0000000000000000000000ff", "order",   "0000000000000000000000ff"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_genuine_report_that_does_not_fit_settles_nothing_and_is_an_incident() {
    let world = World::start().await;
    for (number, (field, value, kind, problem)) in MISFITS.iter().enumerate() {
        let bill = number.to_string();
        let (trade, url) = charged(&world, &bill).await;
        check_refused(&world.post_form(&url, Message::paid(&trade).with(field, value).signed()).await);
        check_status(&world.record(&bill).await, "created", None);
        let newest = &world.incidents().await[0];
        let seen = (newest["billNum"].as_str(), newest["channel"].as_str(), newest["kind"].as_str());
        assert_eq!(seen, (Some(bill.as_str()), Some("ali_qrcode"), Some(*kind)), "{newest}");
        assert!(newest["problem"].as_str().unwrap().contains(problem), "{newest}");
        assert_eq!(newest["time"], START_MS + i64::try_from(number).unwrap() * MINUTE_MS);
        // The right one still settles.
        check_acknowledged(&world.post_form(&url, Message::paid(&trade).signed()).await);
        check_status(&world.record(&bill).await, "success", newest["time"].as_i64());
        world.advance(MINUTE_MS).await;
    }
    assert_eq!(world.incidents().await.len(), MISFITS.len());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lies_of_the_simulator_settle_nothing() {
    let world = World::start().await;
    let lies = [
        json!({ "totalAmount": "0.01" }),
        json!({ "sellerId": "2088000000000009" }),
        json!({ "appId": "2021000000000009" }),
        json!({ "signWith": "other" }),
        json!({ "pay": false, "totalAmount": "0.01" }),
        json!({ "pay": false, "signWith": "other" }),
    ];
    for (number, lie) in lies.iter().enumerate() {
        let bill = number.to_string();
        let id = world.charged(&bill).await;
        let trade = world.play(&id, "pay", lie.clone()).await;
        assert_eq!(trade["notifies"][0]["attempts"][0]["acknowledged"], false, "{lie}");
        check_status(&world.record(&bill).await, "created", None);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misfit_that_is_sent_again_is_one_incident() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    let misfit = Message::paid(&trade).with("total_amount", "0.01");
    for _ in 0..3 {
        check_refused(&world.post_form(&url, misfit.clone().signed()).await);
    }
    assert_eq!(world.incidents().await.len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misfit_that_the_provider_sends_again_on_its_schedule_is_one_incident() {
    let world = World::start().await;
    let (trade, _) = charged(&world, "1").await;
    let id = trade["outTradeNo"].as_str().unwrap();
    world.play(id, "pay", json!({ "totalAmount": "0.01" })).await;
    world.advance(26 * 60 * MINUTE_MS).await;
    let attempts = world.trade(id).await["notifies"][0]["attempts"].as_array().unwrap().len();
    assert_eq!((attempts, world.incidents().await.len()), (8, 1));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_not_genuine_settles_nothing_and_one_is_kept() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    let good = Message::paid(&trade);
    let signed = good.clone().signed();
    let forged = [
        good.clone().signed_by(Signer::Nobody),
        good.form(),
        good.clone().with("sign", "").with("sign_type", "RSA2").form(),
        good.clone().with("sign", "AAAA").with("sign_type", "RSA2").form(),
        good.clone().with("sign", "no base64!").with("sign_type", "RSA2").form(),
        signed.replace("RSA2", "RSA"),
        signed.replace("RSA2", "MD5"),
        signed.replace("&sign_type=RSA2", ""),
        signed.replace("99.00", "99.01"),
        signed.replace("TRADE_SUCCESS", "TRADE_FINISHED"),
        format!("{signed}&extra=1"),
        format!("{signed}&total_amount=99.00"),
        signed.replace("charset=utf-8", "charset=gbk"),
        String::new(),
        "=".to_owned(),
        "%".to_owned(),
        "a".repeat(10_000),
        "a=b&".repeat(300),
        signed.clone() + &"&".repeat(64 * 1024),
    ];
    for form in forged {
        check_refused(&world.post_form(&url, form).await);
    }
    let json_type = [("Content-Type", "application/json")];
    check_refused(&world.call("POST", &url, &json_type, signed.clone()).await);
    check_refused(&world.call("POST", &url, &[], signed.clone()).await);
    check_refused(&world.post_form(&url, Bytes::from_static(b"subject=\xff&sign=AAAA&sign_type=RSA2")).await);
    check_status(&world.record("1").await, "created", None);
    assert_eq!(texts(&json!(world.incidents().await), "kind"), ["forged"]);
    check_acknowledged(&world.post_form(&url, signed).await);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_return_of_the_browser_settles_nothing() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    // It has the same fields under the same kind of signature, except the status.
    let returned =
        Message::paid(&trade).without("trade_status").with("method", "alipay.trade.page.pay.return").signed();
    check_refused(&world.post_form(&url, returned).await);
    check_status(&world.record("1").await, "created", None);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_is_refused() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    let with_body = |bytes: usize| Message::paid(&trade).with("body", &"x".repeat(bytes)).signed();
    check_refused(&world.post_form(&url, with_body(64 * 1024)).await);
    check_refused(&world.post_form(&url, with_body(10 * 1024 * 1024 - 4096)).await);
    check_status(&world.record("1").await, "created", None);
    check_acknowledged(&world.post_form(&url, with_body(60 * 1024)).await);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_and_unknown_fields_take_part_in_the_signature() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    let notify = Message::paid(&trade).with("body", "").with("refund_fee", "").with("new_field", " a+b=c&d%20茶 ");
    check_acknowledged(&world.post_form(&url, notify.signed()).await);
    check_status(&world.record("1").await, "success", Some(START_MS));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_about_another_order_settles_neither() {
    let world = World::start().await;
    let (first, first_url) = charged(&world, "1").await;
    let (second, second_url) = charged(&world, "2").await;
    check_refused(&world.post_form(&first_url, Message::paid(&second).signed()).await);
    check_refused(&world.post_form(&second_url, Message::paid(&first).signed()).await);
    check_status(&world.record("1").await, "created", None);
    check_status(&world.record("2").await, "created", None);
    let kinds = texts(&json!(world.incidents().await), "kind");
    assert_eq!(kinds, ["order", "order"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_about_a_bill_that_nobody_charged_is_kept_and_not_acknowledged() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    let of_nobody = url.rsplit_once('/').unwrap().0.to_owned() + "/bm9ib2R5";
    let cases = [of_nobody, url.replace("/01/", "/02/"), url.replace("ali_qrcode", "ali_web")];
    for (number, address) in cases.iter().enumerate() {
        let notify = Message::paid(&trade).with("notify_id", &number.to_string()).signed();
        check_refused(&world.post_form(address, notify).await);
        assert_eq!(texts(&json!(world.incidents().await), "kind"), vec!["unknown"; number + 1], "{address}");
    }
    check_status(&world.record("1").await, "created", None);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_in_the_path_is_not_found() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    let notify = Message::paid(&trade).signed();
    let path = url.strip_prefix(&world.url).unwrap();
    let paths = [
        "/notify",
        "/notify/a/b/c/d/e",
        "/notify/a/b/c/d",
        &format!("{path}/x"),
        &format!("{path}/"),
        &path.replace("/test/", "/prod/"),
        &path.replace("ali_qrcode", "ali"),
        &path.replace("ali_qrcode", "paypal"),
        &path.replace("/01/", "/1/"),
        &path.replace("/01/", "/00/"),
        &path.replace("/01/", "/%30%31/"),
        &path.replace(&world.app.app_id, &world.app.app_id.to_uppercase()),
        &format!("{path}~"),
        &path.to_uppercase(),
    ];
    for path in paths {
        assert_eq!(world.post_form(path, notify.clone()).await.status, 404, "{path}");
    }
    for method in ["GET", "PUT", "DELETE", "HEAD"] {
        assert_eq!(world.call(method, &url, &[], "").await.status, 404, "{method}");
    }
    check_status(&world.record("1").await, "created", None);
    world.end().await;
}

/// Messages of strangers. The last one is XML.
const NONSENSE: [&str; 4] = ["", "a=b&sign=AAAA&sign_type=RSA2", "{\"id\":\"x\"}", "<xml><sign>x</sign></xml>"];

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_does_not_learn_which_apps_and_channels_there_are() {
    let world = World::start().await;
    let bare = world.new_app("bare").await;
    let heads = |answer: &crate::answer::Answer| {
        let mut heads: Vec<_> = answer.headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        heads.retain(|(name, _)| name != "date");
        heads.sort_by(|one, other| one.0.cmp(&other.0));
        heads
    };
    for channel in ["ali_qrcode", "wx_app", "wx_native", "unipay_app"] {
        world.charge(&charge_of(channel, channel)).await.ok();
        for door in ["notify", "return"] {
            for message in NONSENSE {
                let mut answers = Vec::new();
                for (app, mode) in [
                    (world.app.app_id.as_str(), "test"),
                    (world.app.app_id.as_str(), "live"),
                    (bare.app_id.as_str(), "test"),
                    ("568a12086e912100017722e5", "live"),
                ] {
                    // The bill of the first one exists.
                    let bill = URL_SAFE_NO_PAD.encode(channel);
                    let path = format!("/{door}/{app}/{mode}/{channel}/01/{bill}");
                    answers.push(world.post_form(&path, message.to_owned()).await);
                }
                let [first, others @ ..] = answers.as_slice() else { unreachable!() };
                assert_eq!(first.status, 400, "{door} {channel} {message}: {}", first.text());
                for other in others {
                    let said = |answer: &crate::answer::Answer| (answer.status, answer.text(), heads(answer));
                    assert_eq!(said(other), said(first), "{door} {channel} {message}");
                }
            }
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_trade_changes_nothing_and_is_acknowledged() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    let unpaid = Message::paid(&trade).without("gmt_payment").with("trade_status", "WAIT_BUYER_PAY");
    check_acknowledged(&world.post_form(&url, unpaid.clone().signed()).await);
    check_status(&world.record("1").await, "created", None);
    check_acknowledged(&world.post_form(&url, unpaid.clone().with("trade_status", "TRADE_PENDING").signed()).await);
    check_status(&world.record("1").await, "created", None);
    check_acknowledged(&world.post_form(&url, Message::paid(&trade).signed()).await);
    check_acknowledged(&world.post_form(&url, unpaid.signed()).await);
    check_status(&world.record("1").await, "success", Some(START_MS));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_trade_that_is_closed_closes_the_bill() {
    let world = World::start().await;
    let (trade, _) = charged(&world, "1").await;
    let id = trade["outTradeNo"].as_str().unwrap();
    world.play(id, "open", json!({})).await;
    world.advance(MINUTE_MS).await;
    let closed = world.play(id, "close", json!({})).await;
    assert_eq!(closed["notifies"][0]["attempts"][0]["acknowledged"], true);
    check_status(&world.record("1").await, "closed", Some(START_MS + MINUTE_MS));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trade_that_expires_at_the_provider_closes_the_bill_by_itself() {
    let world = World::start().await;
    let charged = world.charge(&with(charge_of("ali_qrcode", "1"), &json!({ "billTimeout": 360 }))).await.ok();
    world.play(charged["id"].as_str().unwrap(), "open", json!({})).await;
    world.advance(359_999).await;
    check_status(&world.record("1").await, "created", None);
    world.advance(1).await;
    check_status(&world.record("1").await, "closed", Some(START_MS + 360_000));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_payment_of_a_closed_bill_counts() {
    let world = World::start().await;
    let (trade, _) = charged(&world, "1").await;
    let id = trade["outTradeNo"].as_str().unwrap();
    world.play(id, "open", json!({})).await;
    world.play(id, "close", json!({})).await;
    check_status(&world.record("1").await, "closed", Some(START_MS));
    world.advance(MINUTE_MS).await;
    // The simulator accepts no payment for a closed trade. So the notify reports a payment that was made during the closing.
    let crossed = json!({ "pay": false, "tradeStatus": "TRADE_SUCCESS" });
    let told = world.play(id, "pay", crossed).await;
    assert_eq!(told["notifies"][1]["attempts"][0]["acknowledged"], true, "{told}");
    check_status(&world.record("1").await, "success", Some(START_MS + MINUTE_MS));
    world.charge(&charge_of("ali_web", "1")).await.refused(5, "billNum");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_an_expired_bill_counts() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    world.advance(3 * 60 * MINUTE_MS).await;
    check_acknowledged(&world.post_form(&url, Message::paid(&trade).signed()).await);
    check_status(&world.record("1").await, "success", Some(START_MS + 3 * 60 * MINUTE_MS));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_refund_keeps_success_and_a_full_one_makes_refund() {
    let world = World::start().await;
    let id = world.paid("1").await;
    world.advance(MINUTE_MS).await;
    for (amount, refunded, status) in [("1.00", 100, "success"), ("49.50", 5050, "success"), ("48.50", 9900, "refund")]
    {
        let trade = world.play(&id, "refund", json!({ "amount": amount })).await;
        let last = trade["notifies"].as_array().unwrap().last().unwrap();
        assert_eq!(last["attempts"][0]["acknowledged"], true, "{trade}");
        let record = world.record("1").await;
        check_status(&record, status, Some(START_MS));
        assert_eq!(record["refundedFee"], refunded);
    }
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_only_grow_whatever_order_their_notifies_come_in() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    let refunded =
        |fee: &str| Message::paid(&trade).with("refund_fee", fee).with("gmt_refund", "2026-11-23 22:30:00.000");
    for (fee, expect) in [("20.00", 2000), ("10.00", 2000), ("20.00", 2000), ("20.01", 2001)] {
        check_acknowledged(&world.post_form(&url, refunded(fee).signed()).await);
        let record = world.record("1").await;
        check_status(&record, "success", Some(START_MS));
        assert_eq!(record["refundedFee"], expect);
    }
    check_acknowledged(&world.post_form(&url, Message::paid(&trade).signed()).await);
    assert_eq!(world.record("1").await["refundedFee"], 2001);
    check_refused(&world.post_form(&url, refunded("99.01").signed()).await);
    assert_eq!(texts(&json!(world.incidents().await), "kind"), ["refunded-too-much"]);
    check_refused(&world.post_form(&url, refunded("-1.00").signed()).await);
    check_refused(&world.post_form(&url, refunded("x").signed()).await);
    assert_eq!(world.record("1").await["refundedFee"], 2001);
    world.end().await;
}
