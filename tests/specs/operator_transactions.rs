//! Transactions in the operator API: pages by cursor, and all facts about one.

use serde_json::{Value, json};

use crate::world::{MINUTE_MS, START_MS, World, charge_of, texts};

async fn page(world: &World, query: &str) -> Value {
    let path = format!("/apps/{}/transactions?mode=test&{query}", world.app.app_id);
    world.admin("GET", &path, Value::Null).await.done(200)
}

/// Charges these bills, a minute apart, on channels in turn, and pays every third.
async fn charge(world: &World, bills: i64) {
    for number in 0..bills {
        let channel = ["ali_qrcode", "wx_native", "ali_qrcode"][usize::try_from(number % 3).unwrap()];
        let charged = world.charge(&charge_of(channel, &format!("b{number:02}"))).await.ok();
        if number % 3 == 0 {
            world.play(charged["id"].as_str().unwrap(), "pay", json!({})).await;
        }
        world.advance(MINUTE_MS).await;
    }
}

fn bills(range: std::ops::Range<i64>) -> Vec<String> {
    range.rev().map(|number| format!("b{number:02}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_by_cursor_show_everything_once_newest_first() {
    let world = World::start().await;
    charge(&world, 23).await;
    let (mut seen, mut cursor, mut sizes) = (Vec::new(), String::new(), Vec::new());
    loop {
        let answer = page(&world, &format!("limit=5&cursor={cursor}")).await;
        sizes.push(answer["items"].as_array().unwrap().len());
        seen.extend(texts(&answer["items"], "billNum"));
        let Some(next) = answer["cursor"].as_str() else { break };
        cursor = next.to_owned();
    }
    assert_eq!((seen, sizes), (bills(0..23), vec![5, 5, 5, 5, 3]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_stays_where_it_is_while_payments_arrive() {
    let world = World::start().await;
    charge(&world, 8).await;
    let first = page(&world, "limit=4").await;
    assert_eq!(texts(&first["items"], "billNum"), bills(4..8));
    // The record at which the next page begins is paid, and newer ones are added.
    world.play(page(&world, "billNum=b02").await["items"][0]["id"].as_str().unwrap(), "pay", json!({})).await;
    world.charged("new").await;
    let second = page(&world, &format!("limit=4&cursor={}", first["cursor"].as_str().unwrap())).await;
    assert_eq!((texts(&second["items"], "billNum"), &second["cursor"]), (bills(0..4), &Value::Null));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_a_page() {
    let world = World::start().await;
    charge(&world, 9).await;
    let minute = |number: i64| START_MS + number * MINUTE_MS;
    let cases = [
        ("status=success".to_owned(), vec!["b06", "b03", "b00"]),
        ("status=success&channel=wx".to_owned(), vec![]),
        ("channel=wx_native".to_owned(), vec!["b07", "b04", "b01"]),
        ("channel=ali&status=created".to_owned(), vec!["b08", "b05", "b02"]),
        (format!("startTime={}&endTime={}", minute(2), minute(4)), vec!["b04", "b03", "b02"]),
        (format!("startTime={}", minute(8)), vec!["b08"]),
        ("billNum=b04".to_owned(), vec!["b04"]),
        ("billNum=b04&status=success".to_owned(), vec![]),
    ];
    for (query, expect) in cases {
        assert_eq!(texts(&page(&world, &query).await["items"], "billNum"), expect, "{query}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_parameter_is_named() {
    let world = World::start().await;
    let path = format!("/apps/{}/transactions", world.app.app_id);
    let cases = [
        ("", "mode"),
        ("?mode=test&status=paid", "status"),
        ("?mode=test&channel=paypal", "channel"),
        ("?mode=test&startTime=yesterday", "startTime"),
        ("?mode=test&startTime=2&endTime=1", "endTime"),
        ("?mode=test&limit=101", "limit"),
        ("?mode=test&limit=0", "limit"),
        ("?mode=test&cursor=x", "cursor"),
    ];
    for (query, field) in cases {
        world.admin("GET", &format!("{path}{query}"), Value::Null).await.problem(400, field);
    }
    world.admin("GET", "/apps/568a12086e912100017722e5/transactions?mode=test", Value::Null).await.problem(404, "app");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_found_by_its_id_alone() {
    let world = World::start().await;
    let id = world.paid("one").await;
    let other = world.charge(&charge_of("ali_web", "two")).await.ok();
    let path = format!("/apps/{}/transactions/{id}", world.app.app_id);
    let by_id = world.admin("GET", &format!("{path}?mode=test"), Value::Null).await.done(200);
    let by_bill = world.admin("GET", &format!("{path}?mode=test&billNum=one"), Value::Null).await.done(200);
    assert_eq!(by_id, by_bill);
    assert_eq!(
        (&by_id["billNum"], &by_id["status"], &by_id["subject"]),
        (&json!("one"), &json!("success"), &json!("A cup of tea"))
    );
    assert!(by_id["tradeNo"].is_string() && by_id["incidents"] == json!([]));
    let refused = [
        format!("{path}?mode=live"),
        format!("{path}?mode=test&billNum=two"),
        format!("/apps/{}/transactions/{}?mode=test", world.app.app_id, "f".repeat(24)),
        format!("/apps/568a12086e912100017722e5/transactions/{}?mode=test", other["id"].as_str().unwrap()),
    ];
    for path in refused {
        assert_eq!(world.admin("GET", &path, Value::Null).await.status, 404, "{path}");
    }
    world.end().await;
}
