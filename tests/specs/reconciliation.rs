//! Reconciliation: the providers' bills of a day beside our books. Each planted difference is found, and nothing else.

use serde_json::{Value, json};

use crate::{
    refunds::{of, refund},
    wechat,
    world::{MINUTE_MS, World},
};

const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

async fn plant(world: &World, provider: &str, plants: Value) {
    world.post_as(&[], &format!("/_local/simulator/{provider}/bill"), plants.to_string()).await.done(200);
}

async fn reconcile(world: &World) -> Value {
    world.post_as(&[], "/_local/reconcile", "").await.done(200)
}

async fn entries(world: &World, kind: &str) -> Vec<Value> {
    let path = format!("/apps/{}/reconciliations?mode=test", world.app.app_id);
    let all = world.admin("GET", &path, Value::Null).await.done(200)["items"].clone();
    all.as_array().unwrap().iter().filter(|entry| entry["type"] == kind).cloned().collect()
}

/// What differs: tab, kind, bill, our amount, the provider's.
async fn differences(world: &World) -> Vec<(String, String, Value, Value, Value)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |entry: Value| {
        (
            text(&entry["tab"]),
            text(&entry["kind"]),
            entry["billNum"].clone(),
            entry["feeHere"].clone(),
            entry["feeThere"].clone(),
        )
    };
    let mut found: Vec<_> = entries(world, "difference").await.into_iter().map(row).collect();
    found.sort_by_key(|row| format!("{row:?}"));
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_agree_have_no_differences() {
    let world = World::start().await;
    for n in 0..5 {
        world.paid(&format!("ali {n}")).await;
        let id = wechat::charged(&world, "wx_native", &format!("wx {n}")).await;
        wechat::play(&world, &id, "pay", json!({})).await;
    }
    refund(&world, &of("ali 0", "R1", 100)).await.ok();
    refund(&world, &of("wx 0", "R2", 100)).await.ok();
    world.advance(MINUTE_MS).await;
    world.charged("unpaid").await;
    world.advance(DAY_MS).await;
    let done = reconcile(&world).await;
    assert_eq!((&done["differences"], &done["failed"]), (&json!(0), &json!(0)), "{:?}", differences(&world).await);
    let days = entries(&world, "day").await;
    let lines = |tab: &str| days.iter().find(|day| day["tab"] == tab).unwrap()["lines"].clone();
    assert_eq!((lines("ali"), lines("wx_mp")), (json!(6), json!(6)), "{days:?}");
    assert!(days.iter().all(|day| day["day"] == "2026-11-23"), "{days:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_planted_difference_is_found_and_nothing_else() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for bill in ["good", "omitted", "altered"] {
        ids.push(world.paid(bill).await);
    }
    let open = world.charged("open").await;
    let wx_good = wechat::charged(&world, "wx_native", "wx good").await;
    let wx_gone = wechat::charged(&world, "wx_native", "wx omitted").await;
    for id in [&wx_good, &wx_gone] {
        wechat::play(&world, id, "pay", json!({})).await;
    }
    let stranger = "01a208d0524f0f0f0f0f0f0f";
    // Made on the merchant platform's own page, of which WeChat Pay tells nobody.
    wechat::play(&world, &wx_good, "refund", json!({ "amount": 100 })).await;
    let planted = json!({
        "omit": [ids[1]],
        "amounts": { ids[2].as_str(): 1 },
        "extra": { stranger: 4200, open.as_str(): 9900, "somebody-elses-number": 1 },
    });
    plant(&world, "alipay", planted).await;
    plant(&world, "wechat", json!({ "omit": [wx_gone], "extra": { stranger: 7 } })).await;
    world.advance(DAY_MS).await;
    reconcile(&world).await;

    let row = |tab: &str, kind: &str, bill: Value, here: Value, there: Value| {
        (tab.to_owned(), kind.to_owned(), bill, here, there)
    };
    let mut expect = vec![
        row("ali", "amount-differs", json!("altered"), json!(9900), json!(1)),
        row("ali", "missing-here", json!(null), json!(null), json!(4200)),
        row("ali", "missing-there", json!("omitted"), json!(9900), json!(null)),
        row("ali", "status-differs", json!("open"), json!(9900), json!(9900)),
        row("wx_mp", "missing-here", json!(null), json!(null), json!(7)),
        row("wx_mp", "refund-differs", json!("wx good"), json!(null), json!(100)),
        row("wx_mp", "missing-there", json!("wx omitted"), json!(9900), json!(null)),
    ];
    expect.sort_by_key(|row| format!("{row:?}"));
    let found = differences(&world).await;
    for row in &found {
        eprintln!("{row:?}");
    }
    assert_eq!(found, expect);

    // A second run the same day finds the day done.
    assert_eq!(reconcile(&world).await["accounts"], 0);
    assert_eq!(differences(&world).await.len(), 7);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_cannot_be_had_is_fetched_the_next_time() {
    let world = World::start().await;
    world.paid("1").await;
    world.advance(DAY_MS).await;
    world.faults(&["http500"]).await;
    assert_eq!(reconcile(&world).await["failed"], 1);
    assert!(entries(&world, "day").await.iter().all(|day| day["tab"] != "ali"));
    let again = reconcile(&world).await;
    assert_eq!((&again["accounts"], &again["failed"], &again["differences"]), (&json!(1), &json!(0), &json!(0)));
    world.end().await;
}
