//! One text finds a payment: any of our numbers in both modes, the provider's own number, and the beginning of a number.

use domain::{Channel, Family};
use serde_json::{Value, json};

use crate::{
    channels::charge_on,
    console::Visitor,
    refunds::refund,
    wechat::use_merchant,
    world::{MINUTE_MS, START_MS, World, charge_of, texts},
};

async fn find(world: &World, query: &str) -> Value {
    let path = format!("/apps/{}/find?{query}", world.app.app_id);
    world.admin("GET", &path, Value::Null).await.done(200)
}

fn found_by(answer: &Value) -> Vec<(String, String, String)> {
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let items = answer["items"].as_array().unwrap().iter();
    items.map(|item| (text(item, "billNum"), text(item, "mode"), text(item, "foundBy"))).collect()
}

fn one(bill: &str, mode: &str, by: &str) -> Vec<(String, String, String)> {
    vec![(bill.to_owned(), mode.to_owned(), by.to_owned())]
}

/// Pays a bill on a channel, and returns its id and the provider's number.
async fn paid_on(world: &World, channel: Channel) -> (String, String) {
    let charged = world.charge(&charge_on(channel, channel.name())).await.ok();
    let id = charged["id"].as_str().unwrap().to_owned();
    let door = match channel.family() {
        Family::Ali => "alipay/trades",
        Family::Wx => "wechat/trades",
        Family::Unipay => "unionpay/orders",
    };
    world.post_as(&[], &format!("/_local/simulator/{door}/{id}/pay"), "{}").await.done(200);
    let path = format!("/apps/{}/transactions/{id}?mode=test", world.app.app_id);
    let shown = world.admin("GET", &path, Value::Null).await.done(200);
    (id, shown["tradeNo"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_an_id_and_a_refund_are_found_as_they_are_written() {
    let world = World::start().await;
    let id = world.paid("SO-1").await;
    world.paid("SO-10").await;
    refund(&world, &json!({ "billNum": "SO-1", "refundNum": "R-77", "refundFee": 100 })).await.ok();
    let upper = id.to_uppercase();
    for (text, by) in [
        ("SO-1", "billNum"),
        (id.as_str(), "id"),
        (upper.as_str(), "id"),
        // As WeChat Pay lists a refund of ours.
        (format!("{id}-R-77").as_str(), "id"),
        ("R-77", "refundNum"),
        ("%20SO-1%20", "billNum"),
    ] {
        let answer = find(&world, &format!("text={text}")).await;
        assert_eq!(found_by(&answer), one("SO-1", "test", by), "{text}");
        assert_eq!((&answer["asked"], &answer["cursor"]), (&json!([]), &Value::Null), "{text}");
        assert_eq!(answer["items"][0]["id"], id.as_str(), "{text}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_provider_says_which_order_has_its_number() {
    let world = World::start().await;
    for channel in Channel::ALL {
        let (id, number) = paid_on(&world, channel).await;
        let answer = find(&world, &format!("text={number}")).await;
        assert_eq!(found_by(&answer), one(channel.name(), "test", "tradeNo"), "{channel}: {answer}");
        assert_eq!(answer["items"][0]["id"], id.as_str());
        let asked = answer["asked"].as_array().unwrap().iter();
        let knew: Vec<&Value> = asked.filter(|asked| asked["answer"] == "found").collect();
        assert!(!knew.is_empty() && knew.iter().all(|asked| asked["order"] == id.as_str()), "{answer}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_protocols_say_it_too() {
    let world = World::start().await;
    world.configure(&world.app, &world.merchant("mapi").await).await;
    use_merchant(&world, "v2Md5").await;
    world.advance(MINUTE_MS).await;
    for channel in [Channel::AliWeb, Channel::WxNative, Channel::WxApp] {
        let (id, number) = paid_on(&world, channel).await;
        let answer = find(&world, &format!("text={number}")).await;
        assert_eq!(found_by(&answer), one(channel.name(), "test", "tradeNo"), "{channel}: {answer}");
        assert_eq!(answer["items"][0]["id"], id.as_str());
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_replaced_is_still_asked() {
    let world = World::start().await;
    let (_, number) = paid_on(&world, Channel::AliQrcode).await;
    world.configure(&world.app, &world.merchant("openapiCert").await).await;
    world.advance(MINUTE_MS).await;
    let answer = find(&world, &format!("text={number}")).await;
    assert_eq!(found_by(&answer), one("ali_qrcode", "test", "tradeNo"), "{answer}");
    let asked = answer["asked"].as_array().unwrap();
    let accounts: Vec<(i64, &str)> = asked
        .iter()
        .filter(|asked| asked["tab"] == "ali")
        .map(|asked| (asked["account"].as_i64().unwrap(), asked["answer"].as_str().unwrap()))
        .collect();
    assert_eq!(accounts, [(2, "unknown"), (1, "found")], "{answer}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_know_the_number_or_does_not_answer_is_named() {
    let world = World::start().await;
    world.with_alipay_alone().await;
    let number = "2026112322001999999999999999";
    let answer = find(&world, &format!("text={number}")).await;
    let asked =
        json!([{ "tab": "ali", "mode": "test", "account": 1, "answer": "unknown", "order": null, "problem": null }]);
    assert_eq!((&answer["items"], &answer["asked"]), (&json!([]), &asked));
    for fault in ["http500", "badSignature"] {
        world.faults(&[fault]).await;
        let answer = find(&world, &format!("text={number}")).await;
        let said = &answer["asked"][0];
        assert_eq!(said["answer"], "failed", "{fault}: {answer}");
        assert!(said["problem"].is_string() && said["code"].is_string(), "{answer}");
    }
    // Nobody is asked about what is no number of a provider's.
    assert_eq!(find(&world, "text=SO-2026112322001").await["asked"], json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_another_app_is_named_and_not_shown() {
    let world = World::start().await;
    let (id, number) = paid_on(&world, Channel::AliQrcode).await;
    let other = world.new_app("other").await;
    world.configure(&other, &json!({ "protocol": "simulator" })).await;
    world.advance(MINUTE_MS).await;
    let path = format!("/apps/{}/find?text={number}", other.app_id);
    let answer = world.admin("GET", &path, Value::Null).await.done(200);
    assert_eq!((&answer["items"], &answer["asked"][0]["order"]), (&json!([]), &json!(id)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beginnings_are_found_in_either_case_within_the_period() {
    let world = World::start().await;
    for bill in ["So-1a", "so-1b", "SO-2", "tea"] {
        world.charged(bill).await;
        world.advance(MINUTE_MS).await;
    }
    let minute = |number: i64| START_MS + number * MINUTE_MS;
    for (query, expect) in [
        ("text=sO-1".to_owned(), vec!["so-1b", "So-1a"]),
        ("text=so".to_owned(), vec!["SO-2", "so-1b", "So-1a"]),
        (format!("text=so&startTime={}", minute(1)), vec!["SO-2", "so-1b"]),
        (format!("text=so&startTime={}&endTime={}", minute(1), minute(1)), vec!["so-1b"]),
        ("text=o-1".to_owned(), vec![]),
        ("text=SO-2".to_owned(), vec!["SO-2"]),
    ] {
        let answer = find(&world, &query).await;
        assert_eq!(texts(&answer["items"], "billNum"), expect, "{query}");
        assert_eq!((&answer["cursor"], &answer["walkedTo"]), (&Value::Null, &Value::Null), "{query}");
    }
    // Something has it exactly, and the others are found when they are asked for.
    world.charged("SO").await;
    assert_eq!(found_by(&find(&world, "text=SO").await), one("SO", "test", "billNum"));
    assert_eq!(
        texts(&find(&world, "text=SO&beginnings=true").await["items"], "billNum"),
        ["SO", "SO-2", "so-1b", "So-1a"]
    );
    let id = world.record("tea").await["id"].as_str().unwrap().to_owned();
    let answer = find(&world, &format!("text={}", &id[..20].to_uppercase())).await;
    assert_eq!(texts(&answer["items"], "billNum"), ["tea"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_beginnings_come_page_by_page_and_each_once() {
    let world = World::start().await;
    for number in 0..60 {
        world.charge(&charge_of("ali_web", &format!("many-{number:02}"))).await.ok();
        world.advance(1).await;
    }
    let (mut seen, mut cursor, mut sizes) = (Vec::new(), String::new(), Vec::new());
    loop {
        let answer = find(&world, &format!("text=MANY&cursor={cursor}")).await;
        sizes.push(answer["items"].as_array().unwrap().len());
        seen.extend(texts(&answer["items"], "billNum"));
        let Some(next) = answer["cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    let expect: Vec<String> = (0..60).rev().map(|number| format!("many-{number:02}")).collect();
    assert_eq!((seen, sizes), (expect, vec![25, 25, 10]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_parameter_of_a_search_is_named() {
    let world = World::start().await;
    let path = format!("/apps/{}/find", world.app.app_id);
    let long = format!("?text={}", "x".repeat(65));
    for (query, field) in [
        ("", "text"),
        ("?text=", "text"),
        ("?text=%20", "text"),
        (long.as_str(), "text"),
        ("?text=x&beginnings=yes", "beginnings"),
        ("?text=x&startTime=yesterday", "startTime"),
        ("?text=x&startTime=2&endTime=1", "endTime"),
        ("?text=x&cursor=x", "cursor"),
    ] {
        world.admin("GET", &format!("{path}{query}"), Value::Null).await.problem(400, field);
    }
    world.admin("GET", "/apps/568a12086e912100017722e5/find?text=x", Value::Null).await.problem(404, "app");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_goes_to_the_payment_or_says_in_which_mode_it_is() {
    let world = World::start().await;
    let (id, number) = paid_on(&world, Channel::AliQrcode).await;
    let owner = Visitor::owner(&world).await;
    let app = format!("/apps/{}", world.app.app_id);
    let payment = format!("/console{app}/transactions/{id}?mode=test&bill=ali_qrcode");
    // From every page there is the one field.
    for page in ["/overview", "/deliveries", "/settings", "/channels/ali"] {
        let text = owner.get(&world, &format!("{app}{page}?mode=test")).await.text();
        assert!(text.contains(&format!(r#"role="search" method="get" action="/console{app}/find""#)), "{page}");
    }
    // In its own mode one step leads there, in the other one a link that names the mode.
    for text in ["ali_qrcode", id.as_str(), number.as_str()] {
        let found = owner.get(&world, &format!("{app}/find?mode=test&q={text}")).await;
        assert_eq!((found.status, found.header("location")), (303, payment.as_str()), "{text}");
        let listed = owner.get(&world, &format!("{app}/transactions?mode=test&q={text}")).await;
        assert!(listed.header("location").contains("/find?mode=test&q="), "{text}");
        let elsewhere = owner.get(&world, &format!("{app}/find?mode=live&q={text}")).await.text();
        let link = payment.replace('&', "&#38;");
        assert!(elsewhere.contains(&format!("href=\"{link}\"")), "{text}: {elsewhere}");
        assert!(elsewhere.contains(r#"<span class="tag test">Test</span>"#), "{text}: {elsewhere}");
    }
    let begun = owner.get(&world, &format!("{app}/find?mode=test&q=ALI")).await.text();
    assert!(begun.contains("ali_qrcode</b>") && begun.contains("Beginning"), "{begun}");
    let unknown = owner.get_in(&world, "zh", &format!("{app}/find?q=2026112322001999999999999999")).await.text();
    assert!(unknown.contains("没有找到") && unknown.contains("支付宝（测试环境）：没有这笔交易"), "{unknown}");
    let backwards = owner.get(&world, &format!("{app}/find?q=x&time=own&from=2026-11-24&to=2026-11-23")).await;
    assert_eq!(backwards.status, 422);
    assert!(backwards.text().contains("The range ends before it begins"));
    world.end().await;
}
