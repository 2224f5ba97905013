//! UnionPay's files of a day compared with our books: its day ends at 23:00, its refunds have their own numbers, and it is queried
//! about differences.

use serde_json::{Value, json};

use crate::{
    reconciliation::{DAY_MS, entries, plant, reconcile},
    refunds::{of, refund},
    unionpay::{fault, opened, play, save, settings_of},
    world::{MINUTE_MS, World, with},
};

async fn paid(world: &World, bill: &str) -> String {
    let id = opened(world, "unipay_app", bill).await;
    play(world, &id, "pay", json!({})).await;
    id
}

/// The planted content is in every merchant's file.
async fn without_web(world: &World) {
    let web = format!("/apps/{}/channels/unipay_web?mode=test", world.app.app_id);
    world.admin("DELETE", &web, Value::Null).await;
}

/// Day, lines and differences of the app's tab, newest first.
async fn days(world: &World) -> Vec<Value> {
    let days = entries(world, "day").await;
    let of_tab = days.iter().filter(|day| day["tab"] == "unipay_app");
    of_tab.map(|day| json!([day["day"], day["lines"], day["differences"]])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_day_of_unionpay_ends_at_eleven_at_night() {
    let world = World::start().await;
    // It is 22:30.
    paid(&world, "early").await;
    refund(&world, &of("early", "R1", 100)).await.ok();
    world.advance(40 * MINUTE_MS).await;
    paid(&world, "late").await;
    let sum = json!([["2026-11-23", 2, 0]]);
    world.advance(DAY_MS).await;
    assert_eq!(reconcile(&world).await["failed"], 0);
    assert_eq!(json!(days(&world).await), sum, "{:?}", entries(&world, "difference").await);
    world.advance(DAY_MS).await;
    assert_eq!(reconcile(&world).await["failed"], 0);
    assert_eq!(days(&world).await[0], json!(["2026-11-24", 1, 0]));
    // There were no trades on the next day, so there is no file.
    world.advance(DAY_MS).await;
    assert_eq!(reconcile(&world).await["failed"], 0);
    assert_eq!(days(&world).await[0], json!(["2026-11-25", 0, 0]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unionpay_is_asked_about_what_its_file_says_otherwise() {
    let world = World::start().await;
    without_web(&world).await;
    let good = paid(&world, "good").await;
    let (omitted, altered) = (paid(&world, "omitted").await, paid(&world, "altered").await);
    refund(&world, &of("good", "R1", 100)).await.ok();
    world.advance(MINUTE_MS).await;
    // Made at UnionPay's own desk: we got no message that we understand.
    play(&world, &good, "refund", json!({ "txnAmt": "200" })).await;
    let stranger = "01a208d0524f0f0f0f0f0f0f";
    let planted = json!({
        "omit": [omitted],
        "amounts": { altered.as_str(): 1 },
        "extra": { stranger: 4200, "SHOP1": 1 },
        "lines": [format!("S22 00000001 {altered}")],
    });
    plant(&world, "unionpay", planted).await;
    world.advance(DAY_MS).await;
    assert_eq!(reconcile(&world).await["failed"], 0);
    let found = entries(&world, "difference").await;
    let shown = |entry: &Value| json!([entry["kind"], entry["billNum"], entry["feeThere"]]);
    let mut shown: Vec<Value> = found.iter().map(shown).collect();
    shown.sort_by_key(ToString::to_string);
    let expect = [
        json!(["missing-here", null, 4200]),
        json!(["refund-differs", "good", 200]),
        json!(["unreadable-line", "altered", null]),
    ];
    assert_eq!(shown, expect, "{found:?}");
    let desk = found.iter().find(|entry| entry["kind"] == "refund-differs").unwrap();
    assert!(desk["refundNum"].as_str().unwrap().starts_with('R'), "{desk}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_at_unionpays_desk_differs_though_our_own_sent_back_more() {
    let world = World::start().await;
    without_web(&world).await;
    let id = paid(&world, "good").await;
    world.advance(MINUTE_MS).await;
    refund(&world, &of("good", "R1", 5000)).await.ok();
    world.advance(MINUTE_MS).await;
    play(&world, &id, "refund", json!({ "txnAmt": "200" })).await;
    world.advance(DAY_MS).await;
    assert_eq!(reconcile(&world).await["failed"], 0);
    let found = entries(&world, "difference").await;
    let shown: Vec<_> = found.iter().map(|entry| json!([entry["kind"], entry["billNum"], entry["feeThere"]])).collect();
    assert_eq!(shown, [json!(["refund-differs", "good", 200])], "{found:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_unionpay_does_not_answer_about_stays_a_difference() {
    let world = World::start().await;
    without_web(&world).await;
    let id = paid(&world, "omitted").await;
    let other = paid(&world, "listed").await;
    plant(&world, "unionpay", json!({ "omit": [id], "extra": { other.as_str(): 9900 } })).await;
    world.advance(DAY_MS).await;
    // The file comes late, and so does that of the day before. The question is not answered.
    let next = json!({ "next": ["late", "late", "http500"] }).to_string();
    world.post_as(&[], "/_local/simulator/unionpay/faults", next).await.done(200);
    assert_eq!(reconcile(&world).await["failed"], 0);
    let found = entries(&world, "difference").await;
    let kinds: Vec<_> = found.iter().map(|entry| (&entry["kind"], &entry["billNum"])).collect();
    assert_eq!(kinds, [(&json!("missing-there"), &json!("omitted"))]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_yet_is_no_empty_one() {
    let world = World::start().await;
    without_web(&world).await;
    let id = paid(&world, "1").await;
    // Without a line there is no file, and UnionPay answers as before the file is made.
    plant(&world, "unionpay", json!({ "omit": [id] })).await;
    world.advance(DAY_MS).await;
    assert_eq!(reconcile(&world).await["failed"], 1);
    assert_eq!(days(&world).await, Vec::<Value>::new());
    let owed = entries(&world, "owed-day").await;
    assert!(owed[0]["problem"].as_str().unwrap().contains("money moved on this day"), "{owed:?}");
    // The file comes, and lists an unknown order.
    plant(&world, "unionpay", json!({ "extra": { "01a208d0524f0f0f0f0f0f0f": 4200 } })).await;
    assert_eq!(reconcile(&world).await["failed"], 0);
    assert_eq!(days(&world).await, [json!(["2026-11-23", 2, 1])]);

    // A day later the file is no longer expected, and UnionPay is queried about each payment.
    let id = paid(&world, "2").await;
    plant(&world, "unionpay", json!({ "omit": [id] })).await;
    world.advance(DAY_MS).await;
    assert_eq!(reconcile(&world).await["failed"], 1);
    world.advance(DAY_MS).await;
    assert_eq!(reconcile(&world).await["failed"], 0);
    assert_eq!(days(&world).await[1], json!(["2026-11-24", 0, 0]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_believed_is_none() {
    let world = World::start().await;
    paid(&world, "1").await;
    world.advance(DAY_MS).await;
    for trouble in ["badSignature", "unsigned", "selfMade", "garbage", "cut", "03", "http500"] {
        fault(&world, trouble).await;
        assert_eq!(reconcile(&world).await["failed"], 1, "{trouble}");
    }
    assert_eq!(days(&world).await, Vec::<Value>::new());
    assert_eq!(reconcile(&world).await["failed"], 0);
    assert_eq!(days(&world).await, [json!(["2026-11-23", 1, 0])]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_fetched_where_the_settings_say_and_an_account_stays_the_same() {
    let world = World::start().await;
    let settings = settings_of(&world, "unipay_app").await;
    save(&world, "unipay_app", &settings).await.done(200);
    paid(&world, "1").await;
    let elsewhere = with(settings.clone(), &json!({ "fileGateway": "http://127.0.0.1:9/" }));
    let shown = save(&world, "unipay_app", &elsewhere).await.done(200);
    assert_eq!((&shown["fileGateway"], shown.get("account")), (&json!("http://127.0.0.1:9/"), None), "{shown}");
    world.advance(DAY_MS).await;
    assert_eq!(reconcile(&world).await["failed"], 1);

    // A key that was saved for one address does not sign for another.
    let masked = with(settings.clone(), &json!({ "pfx": "***", "pfxPassword": "***" }));
    save(&world, "unipay_app", &masked).await.problem(400, "another gateway");
    for (address, problem) in [
        ("filedownload.95516.com", "full URL"),
        ("ftp://x.example/", "https"),
        ("", "empty"),
        ("http://10.0.0.1/", "is not a public address"),
    ] {
        let refused = save(&world, "unipay_app", &with(settings.clone(), &json!({ "fileGateway": address }))).await;
        refused.problem(400, problem);
        assert_eq!(refused.json()["field"], "fileGateway", "{address}");
    }
    save(&world, "unipay_app", &settings).await.done(200);
    assert_eq!(reconcile(&world).await["failed"], 0);
    assert_eq!(days(&world).await, [json!(["2026-11-23", 1, 0])]);
    world.end().await;
}
