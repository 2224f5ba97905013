//! A hot app spreads its transactions over several keys of the lists by time. Lists do not show this.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::{World, charge_of, master, texts};

impl World {
    async fn spread_over(&self, shards: u8) {
        let path = format!("/apps/{}", self.app.app_id);
        let spread = json!({ "shards": shards, "hotChannels": ["ali_qrcode"] });
        let changed = self.admin("PATCH", &path, spread).await.done(200);
        assert_eq!((&changed["shards"], &changed["hotChannels"]), (&json!(shards), &json!(["ali_qrcode"])));
        // A change takes effect when every warm function has read it.
        self.advance(15_000).await;
    }

    /// Charges some bills, and pays every third. Returns their numbers.
    async fn some(&self, kind: &str, count: usize) -> Vec<String> {
        let mut bills = Vec::new();
        for number in 0..count {
            let bill = format!("{kind}-{number}");
            if number % 3 == 0 {
                self.paid(&bill).await
            } else {
                self.charged(&bill).await
            };
            bills.push(bill);
            self.advance(1).await;
        }
        bills
    }

    /// The operator's list in pages, newest first. `change` happens after the first page.
    async fn listed(&self, change: Option<u8>) -> Vec<Value> {
        let path = format!("/apps/{}/transactions?mode=test&limit=7", self.app.app_id);
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.admin("GET", &format!("{path}&cursor={cursor}"), Value::Null).await.done(200);
            items.extend(page["items"].as_array().unwrap().clone());
            let Some(next) = page["cursor"].as_str() else { return items };
            if let Some(shards) = change.filter(|_| cursor.is_empty()) {
                self.spread_over(shards).await;
            }
            next.clone_into(&mut cursor);
        }
    }
}

/// The half read units of a page of 20 of one channel and status.
async fn page_of_20(world: &World) -> u64 {
    world.stack.metered();
    let asked = json!({ "channel": "ali_qrcode", "status": "created", "limit": 20 });
    assert_eq!(world.records(&asked).await.ok()["results"].as_array().unwrap().len(), 20);
    let metered = world.stack.metered().into_iter().filter(|metered| metered.place.ends_with("/by_time"));
    metered.map(|metered| metered.half_reads).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_the_same_over_1_4_and_24_shards() {
    let world = World::start().await;
    let mut bills = world.some("one", 30).await;
    let over_one = page_of_20(&world).await;
    world.spread_over(4).await;
    bills.extend(world.some("four", 9).await);
    world.spread_over(24).await;
    bills.extend(world.some("many", 15).await);
    // And fewer again: items written over 24 shards are still read.
    world.spread_over(2).await;
    bills.extend(world.some("two", 6).await);

    let mut found = Vec::new();
    for skip in (0..60).step_by(25) {
        let page = world.records(&json!({ "skip": skip, "limit": 25, "order": "createdTime" })).await.ok();
        found.extend(texts(&page["results"], "billNum"));
    }
    assert_eq!(found, bills);
    let paid = world.records(&json!({ "status": "success", "limit": 50 })).await.ok();
    let mut paid = texts(&paid["results"], "billNum");
    paid.reverse();
    assert_eq!(paid, bills.iter().step_by(3).cloned().collect::<Vec<_>>());

    // The operator's pages: an older cursor still works after a change.
    let listed = world.listed(Some(48)).await;
    let mut numbers = texts(&json!(listed), "billNum");
    numbers.reverse();
    assert_eq!(numbers, bills);

    // Each is also found by its id alone.
    for item in &listed {
        let path = format!("/apps/{}/transactions/{}?mode=test", world.app.app_id, item["id"].as_str().unwrap());
        let one = world.admin("GET", &path, Value::Null).await.done(200);
        assert_eq!((&one["billNum"], &one["status"]), (&item["billNum"], &item["status"]));
    }
    // They are really spread: a page of many shards costs more.
    if crate::world::options().dynamo_endpoint.is_none() {
        assert_eq!((over_one, page_of_20(&world).await >= 48), (2, true));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_charged_before_everybody_knows_is_listed_too() {
    let world = World::start().await;
    let path = format!("/apps/{}", world.app.app_id);
    let mut bills = BTreeSet::new();
    for (round, shards) in [64, 1, 24].into_iter().enumerate() {
        world.admin("PATCH", &path, json!({ "shards": shards })).await.done(200);
        for number in 0..4 {
            let bill = format!("{round}-{number}");
            world.charge(&charge_of("ali_web", &bill)).await.ok();
            bills.insert(bill);
            world.advance(5_000).await;
        }
        let listed = world.records(&json!({ "limit": 100 })).await.ok();
        assert_eq!(texts(&listed["results"], "billNum").into_iter().collect::<BTreeSet<_>>(), bills);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_are_from_1_to_64_and_for_owners_to_change() {
    let world = World::start().await;
    let path = format!("/apps/{}", world.app.app_id);
    for wrong in [json!(0), json!(65), json!(-1), json!(1.5), json!("4")] {
        world.admin("PATCH", &path, json!({ "shards": wrong })).await.problem(400, "shards");
    }
    // Null counts as absent: this changes nothing.
    world.admin("PATCH", &path, json!({ "shards": null })).await.problem(400, "name");
    // A change to the same count does not prevent the next change.
    world.spread_over(1).await;
    // A bill that is paid after a change stays in its shard.
    world.charged("b-1").await;
    world.spread_over(64).await;
    let id = world.charged("b-2").await;
    world.spread_over(1).await;
    world.play(&id, "pay", json!({})).await;
    let refund = json!({ "billNum": "b-2", "refundNum": "R-1", "refundFee": 9900 });
    world.post_as(&master(&world.app), "/2.0/maxpay/refund", refund.to_string()).await.ok();
    let all = world.records(&json!({ "limit": 10 })).await.ok();
    assert_eq!(
        (texts(&all["results"], "billNum"), texts(&all["results"], "status")),
        (vec!["b-2".to_owned(), "b-1".to_owned()], vec!["refund".to_owned(), "created".to_owned()])
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_webhook_is_spread_with_its_transactions_and_nobody_can_tell() {
    let world = World::start().await;
    let hook = world.webhook_to("shop", &json!({})).await;
    let hook = hook["id"].as_str().unwrap();
    world.receiver("shop", json!({ "status": 500 })).await;
    let mut bills = Vec::new();
    for (shards, count) in [(1, 3), (8, 57)] {
        world.spread_over(shards).await;
        for number in 0..count {
            let bill = format!("{shards}-{number}");
            world.paid(&bill).await;
            world.advance(1).await;
            bills.push(bill);
        }
    }
    let list = format!("/apps/{}/deliveries?state=waiting", world.app.app_id);
    let first = world.admin("GET", &list, Value::Null).await.done(200);
    let cursor = first["cursor"].as_str().unwrap();
    let second = world.admin("GET", &format!("{list}&cursor={cursor}"), Value::Null).await.done(200);
    assert_eq!(second["cursor"], Value::Null);
    let mut listed = texts(&first["items"], "billNum");
    assert_eq!(listed.len(), 50);
    listed.extend(texts(&second["items"], "billNum"));
    listed.reverse();
    assert_eq!(listed, bills);

    let tables = world.stack.export().await.unwrap();
    let items = tables["TransactionsTable"].as_array().unwrap();
    let lists: BTreeSet<&str> = items
        .iter()
        .filter(|item| item["sk"]["S"].as_str().unwrap().starts_with("DELIVERY#"))
        .map(|item| item["by_time_pk"]["S"].as_str().unwrap())
        .collect();
    assert_eq!(lists.len(), 8, "{lists:?}");
    let visitor = crate::console::Visitor::owner(&world).await;
    let overview = visitor.get(&world, &format!("/apps/{}/overview?mode=test", world.app.app_id)).await.text();
    assert!(overview.contains(">60<"), "{overview}");

    world.receiver("shop", json!({})).await;
    let replay = format!("/apps/{}/webhooks/{hook}/replay", world.app.app_id);
    let since = json!({ "since": 0, "states": ["waiting"] });
    assert_eq!(world.admin("POST", &replay, since).await.done(200), json!({ "replayed": 60, "cursor": null }));
    world.advance(0).await;
    assert_eq!((world.deliveries("waiting").await.len(), world.deliveries("delivered").await.len()), (0, 50));
    let taken = world.arrivals("shop").await.into_iter().filter(|arrived| arrived["status"] == 200);
    let taken: BTreeSet<String> = taken.map(|arrived| arrived["body"].to_string()).collect();
    assert_eq!(taken.len(), 60);
    // The rest tests only the lists.
    world.ignores("shop");

    world.receiver("shop", json!({ "status": 500 })).await;
    for number in 0..6 {
        world.paid(&format!("late-{number}")).await;
    }
    world.advance(0).await;
    world.admin("DELETE", &format!("/apps/{}/webhooks/{hook}", world.app.app_id), Value::Null).await.done(204);
    assert_eq!(world.deliveries("cancelled").await.len(), 6);
    world.end().await;
}

/// How many keys of the lists a page of everything asks.
async fn keys_asked(world: &World) -> u64 {
    world.stack.metered();
    let path = format!("/apps/{}/transactions?mode=test&limit=25", world.app.app_id);
    world.admin("GET", &path, Value::Null).await.done(200);
    let metered = world.stack.metered().into_iter().filter(|metered| metered.place.ends_with("/by_time"));
    metered.map(|metered| metered.calls).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_everything_asks_a_bounded_number_of_keys_whatever_the_shards() {
    // What the hot channels share, and one list for each other channel. An app keeps what it ever had, so each case has its own.
    for (hot, lists) in [(json!([]), 12 * 5), (json!(["ali_qrcode"]), 64 + 11)] {
        let world = World::start().await;
        world.some("bill", 3).await;
        let path = format!("/apps/{}", world.app.app_id);
        // 12 channels in 4 statuses.
        assert_eq!(keys_asked(&world).await, 12 * 4);
        let spread = json!({ "shards": 64, "hotChannels": hot });
        world.admin("PATCH", &path, spread).await.done(200);
        world.advance(15_000).await;
        // A list with as many rows as were asked for is asked once more.
        let asked = keys_asked(&world).await;
        assert!((4 * lists..=4 * lists + 3).contains(&asked), "{hot}: {asked}");
        world.end().await;
    }
    let world = World::start().await;
    let path = format!("/apps/{}", world.app.app_id);
    for wrong in [json!("ali_qrcode"), json!(["paypal"]), json!([1])] {
        world.admin("PATCH", &path, json!({ "hotChannels": wrong })).await.problem(400, "hotChannels");
    }
    // Either can be changed alone, and the other stays.
    let named = world.admin("PATCH", &path, json!({ "hotChannels": ["wx_native", "ali_web"] })).await.done(200);
    assert_eq!((&named["shards"], &named["hotChannels"]), (&json!(1), &json!(["ali_web", "wx_native"])));
    let more = world.admin("PATCH", &path, json!({ "shards": 2 })).await.done(200);
    assert_eq!((&more["shards"], &more["hotChannels"]), (&json!(2), &json!(["ali_web", "wx_native"])));
    world.end().await;
}
