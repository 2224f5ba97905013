//! Queries: each filter alone and with every other one, in pages, and never with another app's records.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    world::{MINUTE_MS, START_MS, World, charge_of, client, master, texts, with, without},
};

/// One transaction of the fixed set: its letter (which is in `extras`), bill, channel, status, minute.
type Row = (&'static str, &'static str, &'static str, &'static str, i64);

#[rustfmt::skip]
const SET: [Row; 12] = [
    ("a", "one",   "ali_web",    "created", 0),
    ("b", "two",   "ali_web",    "success", 1),
    ("c", "three", "ali_qrcode", "refund",  2),
    ("d", "four",  "ali_qrcode", "closed",  3),
    ("e", "five",  "ali_app",    "created", 4),
    ("f", "six",   "ali_wap",    "success", 5),
    ("g", "seven", "ali_qrcode", "created", 6),
    ("h", "one",   "ali_app",    "created", 7),
    ("i", "one",   "ali_qrcode", "success", 8),
    ("j", "eight", "ali_wap",    "refund",  9),
    ("k", "nine",  "ali_app",    "closed",  10),
    ("l", "four",  "ali_qrcode", "success", 11),
];

/// The actions that bring a trade into a status.
fn deeds(status: &str) -> &'static [&'static str] {
    match status {
        "success" => &["pay"],
        "refund" => &["pay", "refund"],
        "closed" => &["open", "close"],
        _ => &[],
    }
}

async fn charge_the_set(world: &World) {
    for (letter, bill, channel, status, _) in SET {
        let charged = world.charge(&with(charge_of(channel, bill), &json!({ "extras": { "x": letter } }))).await.ok();
        reach_the_provider(world, channel, &charged).await;
        for deed in deeds(status) {
            world.play(charged["id"].as_str().unwrap(), deed, json!({})).await;
        }
        world.advance(MINUTE_MS).await;
    }
}

/// The buyer's side brings the order to the simulator, if the charge itself did not.
async fn reach_the_provider(world: &World, channel: &str, charged: &Value) {
    let order_string = charged["ali_app"].as_str().unwrap_or_default();
    let form = form_urlencoded::Serializer::new(String::new()).append_pair("order_string", order_string).finish();
    match channel {
        "ali_app" => drop(world.post_form("/simulator/alipay/app", form).await.location(303)),
        "ali_qrcode" => {}
        page => drop(world.call("GET", charged[page].as_str().unwrap(), &[], "").await.location(302)),
    }
}

/// The letters of the records in an answer, in its order.
#[track_caller]
fn letters(answer: &Answer) -> String {
    let results = answer.ok()["results"].clone();
    results.as_array().unwrap().iter().map(|record| record["extras"]["x"].as_str().unwrap().to_owned()).collect()
}

/// The expected letters of a question, by the contract's rules.
fn expected(asked: &Value) -> String {
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    let (channel, bill, status, order) = (text("channel"), text("billNum"), text("status"), text("order"));
    let start = asked["startTime"].as_i64().unwrap_or(i64::MIN);
    let end = asked["endTime"].as_i64().unwrap_or(i64::MAX);
    let fits = |(_, its_bill, its_channel, its_status, minute): &&Row| {
        let created = START_MS + minute * MINUTE_MS;
        (channel.is_empty() || channel == *its_channel || its_channel.starts_with(&format!("{channel}_")))
            && (bill.is_empty() || bill == *its_bill)
            && (status.is_empty() || status == *its_status)
            && (start..=end).contains(&created)
    };
    let oldest_first: Vec<&str> = SET.iter().filter(fits).map(|row| row.0).collect();
    let is_oldest_first = matches!(order.as_str(), "createdTime" | "createdAt");
    if is_oldest_first { oldest_first.concat() } else { oldest_first.into_iter().rev().collect() }
}

/// Every value of every filter with every value of every other filter; `{}` means without the filter.
fn combinations(filters: &[&[Value]]) -> Vec<Value> {
    filters.iter().fold(vec![json!({})], |questions, values| {
        questions.iter().flat_map(|question| values.iter().map(|value| with(question.clone(), value))).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_holds_alone_and_with_every_other() {
    let world = World::start().await;
    charge_the_set(&world).await;
    let at = |minute: i64| START_MS + minute * MINUTE_MS;
    let questions = combinations(&[
        &[json!({}), json!({ "channel": "ali_qrcode" }), json!({ "channel": "ali" }), json!({ "channel": "wx" })],
        &[json!({}), json!({ "status": "created" }), json!({ "status": "success" }), json!({ "status": "closed" })],
        &[json!({}), json!({ "billNum": "one" }), json!({ "billNum": "four" })],
        &[json!({}), json!({ "startTime": at(3) })],
        &[json!({}), json!({ "endTime": at(8) })],
        &[json!({}), json!({ "order": "createdTime" })],
    ]);
    assert_eq!(questions.len(), 384);
    for some in questions.chunks(8) {
        let answers = join_all(some.iter().map(|question| world.records(question))).await;
        for (question, answer) in some.iter().zip(answers) {
            assert_eq!(letters(&answer), expected(question), "{question}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[rustfmt::skip]
async fn each_value_of_each_filter_is_known() {
    let world = World::start().await;
    charge_the_set(&world).await;
    let at = |minute: i64| START_MS + minute * MINUTE_MS;
    let cases = [
        (json!({}),                                              "lkjihgfedcba"),
        (json!({ "channel": null, "status": null, "x": 1 }),     "lkjihgfedcba"),
        (json!({ "channel": "ali_app" }),                        "khe"),
        (json!({ "channel": "ali_web" }),                        "ba"),
        (json!({ "channel": "ali_wap" }),                        "jf"),
        (json!({ "channel": "ali_qrcode" }),                     "ligdc"),
        (json!({ "channel": "ali" }),                            "lkjihgfedcba"),
        (json!({ "channel": "wx" }),                             ""),
        (json!({ "channel": "wx_native" }),                      ""),
        (json!({ "channel": "unipay" }),                         ""),
        (json!({ "status": "created" }),                         "hgea"),
        (json!({ "status": "success" }),                         "lifb"),
        (json!({ "status": "refund" }),                          "jc"),
        (json!({ "status": "closed" }),                          "kd"),
        (json!({ "billNum": "one" }),                            "iha"),
        (json!({ "billNum": "four" }),                           "ld"),
        (json!({ "billNum": "One" }),                            ""),
        (json!({ "billNum": "none" }),                           ""),
        (json!({ "billNum": "one", "channel": "ali_app" }),      "h"),
        (json!({ "billNum": "one", "channel": "wx" }),           ""),
        (json!({ "order": "createdTime" }),                      "abcdefghijkl"),
        (json!({ "order": "createdAt" }),                        "abcdefghijkl"),
        (json!({ "order": "-createdTime" }),                     "lkjihgfedcba"),
        (json!({ "order": "-createdAt" }),                       "lkjihgfedcba"),
        (json!({ "billNum": "one", "order": "createdTime" }),    "ahi"),
        // Both ends are included, to the millisecond.
        (json!({ "startTime": at(9) }),                          "lkj"),
        (json!({ "startTime": at(9) + 1 }),                      "lk"),
        (json!({ "startTime": at(9) - 1 }),                      "lkj"),
        (json!({ "endTime": at(2) }),                            "cba"),
        (json!({ "endTime": at(2) - 1 }),                        "ba"),
        (json!({ "endTime": at(2) + 1 }),                        "cba"),
        (json!({ "startTime": at(5), "endTime": at(5) }),        "f"),
        (json!({ "startTime": at(5) + 1, "endTime": at(6) - 1 }), ""),
        (json!({ "startTime": 0 }),                              "lkjihgfedcba"),
        (json!({ "endTime": 0 }),                                ""),
        (json!({ "billNum": "one", "startTime": at(7) }),        "ih"),
        (json!({ "billNum": "one", "endTime": at(7) - 1 }),      "a"),
        (json!({ "skip": 0, "limit": 3 }),                       "lkj"),
        (json!({ "skip": 3, "limit": 3 }),                       "ihg"),
        (json!({ "skip": 11 }),                                  "a"),
        (json!({ "skip": 12 }),                                  ""),
        (json!({ "skip": 10000, "limit": 100 }),                 ""),
        (json!({ "limit": 1, "order": "createdTime" }),          "a"),
        (json!({ "billNum": "one", "skip": 1, "limit": 1 }),     "h"),
        (json!({ "channel": "ali_qrcode", "skip": 1, "limit": 2 }), "ig"),
    ];
    for (question, expect) in cases {
        assert_eq!(letters(&world.records(&question).await), expect, "{question}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_has_the_members_of_the_contract_and_an_end_only_when_it_ended() {
    let world = World::start().await;
    let id =
        world.charge(&with(charge_of("ali_qrcode", "1"), &json!({ "extras": { "t": "2" } }))).await.ok()["id"].clone();
    let created = json!({
        "id": id,
        "billNum": "1",
        "channel": "ali_qrcode",
        "createdTime": START_MS,
        "currency": "CNY",
        "money": "¥ 99.00",
        "totalFee": 9900,
        "status": "created",
        "extras": { "t": "2" },
    });
    world.advance(1000).await;
    let seen = async || [world.records(&json!({})).await.ok(), world.records(&json!({ "billNum": "1" })).await.ok()];
    assert_eq!(seen().await.map(|answer| answer["results"].clone()), [json!([created]), json!([created])]);
    world.play(id.as_str().unwrap(), "pay", json!({})).await;
    let paid = with(created, &json!({ "status": "success", "endTime": START_MS + 1000 }));
    assert_eq!(seen().await.map(|answer| answer["results"].clone()), [json!([paid]), json!([paid])]);
    world.advance(1000).await;
    world.play(id.as_str().unwrap(), "refund", json!({ "amount": "0.99" })).await;
    let refunded = with(paid, &json!({ "refundedFee": 99 }));
    assert_eq!(seen().await.map(|answer| answer["results"].clone()), [json!([refunded]), json!([refunded])]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_seven_show_each_of_two_hundred_and_fifty_records_once_in_order() {
    let world = World::start().await;
    let channels = ["ali_app", "ali_web", "ali_wap", "ali_qrcode"];
    for ten in 0..25 {
        let charges: Vec<Value> =
            (0..10).map(|one| charge_of(channels[(ten + one) % 4], &format!("{}", ten * 10 + one))).collect();
        for answer in join_all(charges.iter().map(|charge| world.charge(charge))).await {
            answer.ok();
        }
        world.advance(1).await;
    }
    check_pages(&world, json!({ "order": "createdTime" }), 250).await;
    check_pages(&world, json!({ "order": "-createdTime" }), 250).await;
    check_pages(&world, json!({ "startTime": START_MS + 10 }), 150).await;
    world.end().await;
}

/// Reads all pages of seven, and checks that they are ordered, complete and without duplicates.
async fn check_pages(world: &World, question: Value, count: usize) {
    let mut seen = Vec::new();
    for page in 0..=count / 7 {
        let question = with(question.clone(), &json!({ "skip": page * 7, "limit": 7 }));
        seen.extend(world.records(&question).await.ok()["results"].as_array().unwrap().clone());
    }
    let place = |record: &Value| (record["createdTime"].as_i64().unwrap(), record["id"].as_str().unwrap().to_owned());
    let mut places: Vec<_> = seen.iter().map(place).collect();
    if question["order"] != "createdTime" {
        places.reverse();
    }
    assert!(places.is_sorted(), "{question}");
    places.dedup();
    assert_eq!(places.len(), count, "{question}");
    let large = world.records(&with(question, &json!({ "skip": 100, "limit": 100 }))).await.ok();
    let ids: Vec<String> =
        seen.iter().skip(100).take(100).map(|record| record["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts(&large["results"], "id"), ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_are_shown_unless_more_are_asked_for() {
    let world = World::start().await;
    for bill in 0..21 {
        world.charge(&charge_of("ali_web", &bill.to_string())).await.ok();
    }
    let count = async |question: Value| world.records(&question).await.ok()["results"].as_array().unwrap().len();
    assert_eq!(count(json!({})).await, 20);
    assert_eq!(count(json!({ "limit": 100 })).await, 21);
    assert_eq!(count(json!({ "limit": 1 })).await, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_php_sdk_asks_by_get_with_the_json_in_para() {
    let world = World::start().await;
    world.charge(&charge_of("ali_web", "订单 1+1&2=3")).await.ok();
    world.charge(&charge_of("ali_web", "other")).await.ok();
    let token = world.session(60).await;
    let by_token = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-Session-Token", &token)];
    let para = |question: &Value| {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("para", &question.to_string()).finish();
        format!("/2.0/maxpay/records?{query}")
    };
    let one = para(&json!({ "billNum": "订单 1+1&2=3" }));
    for headers in [&by_token[..], &master(&world.app)] {
        let answer = world.call("GET", &one, headers, "").await;
        assert_eq!(texts(&answer.ok()["results"], "billNum"), ["订单 1+1&2=3"]);
    }
    let spaces_as_percent = one.replace('+', "%20");
    assert_eq!(world.call("GET", &spaces_as_percent, &by_token, "").await.ok()["results"].as_array().unwrap().len(), 1);
    let with_more = format!("{one}&other=1");
    assert_eq!(world.call("GET", &with_more, &by_token, "").await.ok()["results"].as_array().unwrap().len(), 1);
    world.call("GET", &para(&json!({ "channel": "paypal" })), &master(&world.app), "").await.refused(3, "paypal");
    world.call("GET", "/2.0/maxpay/records?para=x", &master(&world.app), "").await.refused(5, "body");
    world.call("GET", "/2.0/maxpay/records?para=", &by_token, "").await.refused(4, "billNum");
    for everything in ["/2.0/maxpay/records", "/2.0/maxpay/records?para=", "/2.0/maxpay/records?para=%7B%7D"] {
        let answer = world.call("GET", everything, &master(&world.app), "").await;
        assert_eq!(answer.ok()["results"].as_array().unwrap().len(), 2, "{everything}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_body_asks_for_everything() {
    let world = World::start().await;
    world.charge(&charge_of("ali_web", "1")).await.ok();
    for body in ["", " \n", "{}"] {
        let answer = world.post_as(&master(&world.app), "/2.0/maxpay/records", body).await;
        assert_eq!(texts(&answer.ok()["results"], "billNum"), ["1"], "{body:?}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_the_records_of_another_app_or_mode() {
    let world = World::start().await;
    let other = world.new_app("other").await;
    world.configure(&other, &json!({ "protocol": "simulator" })).await;
    let live_channel = format!("/apps/{}/channels/ali?mode=live", world.app.app_id);
    world.admin("PUT", &live_channel, world.merchant("openapi").await).await.done(200);
    let live = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-MasterKey", &world.app.live.master_key)];
    let (test, foreign) = (master(&world.app), master(&other));
    let mark = |letter: &str| with(charge_of("ali_web", "1"), &json!({ "extras": { "x": letter } })).to_string();
    for (headers, letter) in [(&test, "t"), (&live, "l"), (&foreign, "f")] {
        world.post_as(headers, "/2.0/maxpay/bill", mark(letter)).await.ok();
    }
    for (headers, letter) in [(&test, "t"), (&live, "l"), (&foreign, "f")] {
        for question in ["{}", r#"{"billNum":"1"}"#, r#"{"channel":"ali"}"#, r#"{"status":"created"}"#] {
            let answer = world.post_as(headers, "/2.0/maxpay/records", question).await;
            assert_eq!(letters(&answer), letter, "{question}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_sees_what_it_names_with_every_other_filter() {
    let world = World::start().await;
    charge_the_set(&world).await;
    let ask =
        async |question: Value| world.post_as(&client(&world.app), "/2.0/maxpay/records", question.to_string()).await;
    assert_eq!(letters(&ask(json!({ "billNum": "one" })).await), "iha");
    assert_eq!(letters(&ask(json!({ "billNum": "one", "status": "success" })).await), "i");
    assert_eq!(letters(&ask(json!({ "billNum": "one", "channel": "ali_web" })).await), "a");
    ask(without(json!({ "billNum": "one", "status": "success" }), "billNum")).await.refused(4, "billNum");
    world.end().await;
}
