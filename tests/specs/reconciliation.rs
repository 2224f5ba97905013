//! Reconciliation compares the providers' bills of a day with our books. It finds each planted difference, and no other.

use local::{Options, StackClock};
use serde_json::{Value, json};

use crate::{
    refunds::{of, refund},
    wechat,
    world::{MINUTE_MS, START_MS, World, charge_of, client, options, test_channel},
};

pub(crate) const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

pub(crate) async fn plant(world: &World, provider: &str, plants: Value) {
    world.post_as(&[], &format!("/_local/simulator/{provider}/bill"), plants.to_string()).await.done(200);
}

pub(crate) async fn reconcile(world: &World) -> Value {
    world.post_as(&[], "/_local/reconcile", "").await.done(200)
}

pub(crate) async fn entries(world: &World, kind: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/apps/{}/reconciliations?mode=test{cursor}", world.app.app_id);
        let page = world.admin("GET", &path, Value::Null).await.done(200);
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().filter(|entry| entry["type"] == kind).cloned());
        let Some(next) = page["cursor"].as_str() else { return found };
        cursor = format!("&cursor={}", next.replace('#', "%23").replace('|', "%7C"));
    }
}

/// The differences: tab, kind, bill, our amount, the provider's amount.
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
    // Made in the merchant platform itself: WeChat Pay sends no notify for it.
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

    // A second run on the same day finds the day done.
    assert_eq!(reconcile(&world).await["accounts"], 0);
    assert_eq!(differences(&world).await.len(), 7);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commas_in_texts_that_merchants_write_make_no_difference() {
    let world = World::start().await;
    let ali = world.paid("ali").await;
    refund(&world, &of("ali", "R1", 100)).await.ok();
    let wx = wechat::charged(&world, "wx_native", "wx").await;
    wechat::play(&world, &wx, "pay", json!({})).await;
    refund(&world, &of("wx", "R2", 100)).await.ok();
    world.advance(MINUTE_MS).await;
    let strange = format!("2026,SHOP-1,交易,{}9.9.9,Room 3, bed 4, 2026", "x,".repeat(24));
    let planted = json!({
        "goods": { ali.as_str(): "tea, with milk" },
        "remarks": { ali.as_str(): "Room 3, bed 4, 2026-11-28" },
        "lines": [strange, "", "#汇总"],
    });
    plant(&world, "alipay", planted).await;
    let marked = "a,`b,`c";
    let planted = json!({ "goods": { wx.as_str(): marked }, "remarks": { wx.as_str(): marked } });
    plant(&world, "wechat", planted).await;
    world.advance(DAY_MS).await;
    let done = reconcile(&world).await;
    assert_eq!((&done["differences"], &done["failed"]), (&json!(0), &json!(0)), "{:?}", differences(&world).await);
    let lines: Vec<Value> = entries(&world, "day").await.iter().map(|day| day["lines"].clone()).collect();
    assert_eq!(lines.iter().filter(|lines| **lines == 2).count(), 2, "{lines:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_cannot_be_read_is_listed_and_the_rest_is_compared() {
    let world = World::start().await;
    let (good, spoiled, altered) = (world.paid("good").await, world.paid("spoiled").await, world.paid("altered").await);
    refund(&world, &of("good", "R1", 100)).await.ok();
    world.advance(MINUTE_MS).await;
    // The payment of one order and the refund of another cannot be read. It is unknown whose the last line is.
    let line = |order: &str, kind: &str, fee: &str| format!("1,{order},{kind},x,,,,,,,,{fee},,,,,,,,,,,,,\u{1}");
    let planted = json!({
        "omit": [spoiled],
        "omitRefunds": ["R1"],
        "amounts": { altered.as_str(): 1 },
        "lines": [line(&spoiled, "交易", "much"), line(&good, "退款", "-1.00.0"), "2026,"],
    });
    plant(&world, "alipay", planted).await;
    world.advance(DAY_MS).await;
    let done = reconcile(&world).await;
    assert_eq!((&done["differences"], &done["failed"]), (&json!(4), &json!(0)));
    let mut found: Vec<Value> = entries(&world, "difference").await;
    found.sort_by_key(|entry| entry["line"]["number"].as_i64());
    let shown = |entry: &Value| json!([entry["kind"], entry["billNum"], entry["line"]["number"]]);
    // Three lines and the heading come before them.
    let expect = [
        json!(["amount-differs", "altered", null]),
        json!(["unreadable-line", "spoiled", 5]),
        json!(["unreadable-line", "good", 6]),
        json!(["unreadable-line", null, 7]),
    ];
    assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), expect, "{found:?}");
    assert_eq!((&found[1]["id"], &found[3]["id"]), (&json!(spoiled), &json!(null)));
    let line = &found[1]["line"];
    assert!(line["problem"].as_str().unwrap().contains("much"), "{line}");
    assert!(line["excerpt"].as_str().unwrap().starts_with(&format!("1,{spoiled},交易,x")), "{line}");
    assert_eq!(found[3]["line"]["problem"], "it has 2 cells, but the heading has 25");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_the_provider_does_not_list_is_found() {
    let world = World::start().await;
    world.paid("ali").await;
    refund(&world, &of("ali", "R-listed", 100)).await.ok();
    refund(&world, &of("ali", "R-lost", 200)).await.ok();
    let wx = wechat::charged(&world, "wx_native", "wx").await;
    wechat::play(&world, &wx, "pay", json!({})).await;
    refund(&world, &of("wx", "R-on-its-way", 300)).await.ok();
    refund(&world, &of("wx", "R-failed-there", 400)).await.ok();
    world.advance(MINUTE_MS).await;
    plant(&world, "alipay", json!({ "omitRefunds": ["R-lost"] })).await;
    // A refund in progress is listed there. A failed one is not.
    let at_wechat = |num: &str| format!("{wx}-{num}");
    let states = json!({ at_wechat("R-on-its-way"): "PROCESSING", at_wechat("R-failed-there"): "FAIL" });
    plant(&world, "wechat", json!({ "refundStates": states })).await;
    world.advance(DAY_MS).await;
    reconcile(&world).await;
    let found: Vec<Value> = entries(&world, "difference").await;
    let shown = |found: &Value| (found["kind"].clone(), found["refundNum"].clone(), found["feeHere"].clone());
    let mut shown: Vec<_> = found.iter().map(shown).collect();
    shown.sort_by_key(|row| format!("{row:?}"));
    let missing = |num: &str, fee: i64| (json!("refund-missing-there"), json!(num), json!(fee));
    assert_eq!(shown, [missing("R-failed-there", 400), missing("R-lost", 200)]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_looked_for_in_the_bills_since_it_was_asked_for() {
    let world = World::start().await;
    world.paid("night").await;
    world.advance(89 * MINUTE_MS + 50_000).await;
    world.faults(&["garbage"]).await;
    let asked = refund(&world, &of("night", "R1", 100)).await.ok();
    assert_eq!(asked["status"], "pending");
    world.advance(10 * MINUTE_MS).await;
    // It was refunded there on the 23rd, and the notify came on the 24th.
    for day in ["2026-11-23", "2026-11-24"] {
        assert_eq!(reconcile(&world).await["failed"], 0);
        let days = entries(&world, "day").await;
        assert!(days.iter().any(|entry| entry["day"] == day && entry["tab"] == "ali"), "{days:?}");
        world.advance(DAY_MS).await;
    }
    assert_eq!(entries(&world, "difference").await, Vec::<Value>::new());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_that_share_an_account_find_only_what_nobody_knows() {
    let world = World::start().await;
    let other = world.new_app("another shop of the same seller").await;
    let settings = json!({ "protocol": "simulator" });
    world.admin("PUT", &test_channel(&other), settings).await.done(200);
    world.paid("mine").await;
    let charge = charge_of("ali_qrcode", "theirs").to_string();
    let charged = world.post_as(&client(&other), "/2.0/maxpay/bill", charge).await.ok();
    let theirs = charged["id"].as_str().unwrap().to_owned();
    world.play(&theirs, "pay", json!({})).await;
    world.play(&theirs, "refund", json!({ "amount": "1.00" })).await;
    let stranger = "01a208d0524f0f0f0f0f0f0f";
    plant(&world, "alipay", json!({ "extra": { stranger: 4200 } })).await;
    world.advance(DAY_MS).await;
    let done = reconcile(&world).await;
    assert_eq!(done["failed"], 0);
    for app in [&world.app, &other] {
        let path = format!("/apps/{}/reconciliations?mode=test", app.app_id);
        let items = world.admin("GET", &path, Value::Null).await.done(200)["items"].clone();
        let found = items.as_array().unwrap().iter().filter(|entry| entry["type"] == "difference");
        let ids: Vec<_> = found.map(|found| (found["id"].clone(), found["kind"].clone())).collect();
        assert_eq!(ids, [(json!(stranger), json!("missing-here"))], "{items}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_beyond_what_anybody_reads_is_counted() {
    let world = World::start().await;
    world.paid("1").await;
    // Charged before and after our only payment, one a second.
    let rows = json!({ "count": 1500, "fen": 1, "firstMs": START_MS - 1000 * 1000, "stepMs": 1000 });
    plant(&world, "alipay", json!({ "rows": rows })).await;
    world.advance(DAY_MS).await;
    assert_eq!(reconcile(&world).await["differences"], 1500);
    let days = entries(&world, "day").await;
    let ali = days.iter().find(|day| day["tab"] == "ali").unwrap();
    assert_eq!((&ali["lines"], &ali["differences"], &ali["truncated"]), (&json!(1501), &json!(1500), &json!(true)));
    let others = days.iter().filter(|day| day["tab"] != "ali");
    assert!(others.clone().count() > 0 && others.into_iter().all(|day| day["truncated"] == false), "{days:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_found_in_a_bill_of_a_hundred_thousand_lines() {
    let world = World::start().await;
    let (omitted, altered) = (world.paid("omitted").await, world.paid("altered").await);
    for n in 0..3 {
        world.paid(&n.to_string()).await;
    }
    let stranger = "01a208d0524f0f0f0f0f0f0f";
    let planted = json!({
        "omit": [omitted],
        "amounts": { altered.as_str(): 1 },
        "extra": { stranger: 4200 },
        "rows": { "count": 100_000, "fen": 9900 },
    });
    plant(&world, "alipay", planted).await;
    world.advance(DAY_MS).await;
    assert_eq!(reconcile(&world).await["differences"], 3);
    let kinds: Vec<_> = differences(&world).await.into_iter().map(|(_, kind, ..)| kind).collect();
    assert_eq!(kinds, ["amount-differs", "missing-here", "missing-there"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_is_signed_with_a_new_certificate_is_read() {
    let world = World::start().await;
    wechat::use_merchant(&world, "v3Certificate").await;
    let id = wechat::charged(&world, "wx_native", "1").await;
    wechat::play(&world, &id, "pay", json!({})).await;
    world.advance(DAY_MS).await;
    let rolled = json!({ "stage": "rolled" }).to_string();
    world.post_as(&[], "/_local/simulator/wechat/settings", rolled).await.done(200);
    assert_eq!(reconcile(&world).await["failed"], 0);
    let days = entries(&world, "day").await;
    let lines = days.iter().find(|day| day["tab"] == "wx_mp").map(|day| (&day["lines"], &day["differences"]));
    assert_eq!(lines, Some((&json!(1), &json!(0))), "{days:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bill_of_wechats_old_interface_is_compared() {
    let world = World::start().await;
    wechat::use_merchant(&world, "v2Md5").await;
    let mut ids = Vec::new();
    for bill in ["good", "omitted", "altered"] {
        let id = wechat::charged(&world, "wx_native", bill).await;
        wechat::play(&world, &id, "pay", json!({})).await;
        ids.push(id);
    }
    let planted = json!({
        "omit": [ids[1]],
        "amounts": { ids[2].as_str(): 1 },
        "goods": { ids[0].as_str(): "tea,`hot" },
        "lines": [format!("`1,`wx,`{}", ids[1])],
    });
    plant(&world, "wechat", planted).await;
    world.advance(DAY_MS).await;
    // An answer that is not a bill, and a bill that is cut off.
    for fault in ["garbage", "cut", "http500"] {
        world.post_as(&[], "/_local/simulator/wechat/faults", json!({ "next": [fault] }).to_string()).await.done(200);
        assert_eq!(reconcile(&world).await["failed"], 1, "{fault}");
    }
    assert_eq!(reconcile(&world).await["failed"], 0);
    let found = entries(&world, "difference").await;
    let mut kinds: Vec<Value> = found.iter().map(|entry| json!([entry["kind"], entry["billNum"]])).collect();
    kinds.sort_by_key(ToString::to_string);
    // The line belongs to the tab of the order, not to other tabs with the same merchant's bill.
    assert_eq!(kinds, [json!(["amount-differs", "altered"]), json!(["unreadable-line", "omitted"])], "{found:?}");
    let days = entries(&world, "day").await;
    let lines: Vec<&Value> = days.iter().filter(|day| day["tab"] == "wx_mp").map(|day| &day["lines"]).collect();
    assert_eq!(lines, [&json!(2)], "{days:?}");

    // A day without trades has no bill, and no differences.
    world.advance(DAY_MS).await;
    assert_eq!(reconcile(&world).await["failed"], 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_runs_compares_by_itself() {
    let world = World::start_with(Options { clock: StackClock::running(), ..options() }).await;
    world.paid("1").await;
    assert_eq!(entries(&world, "day").await, Vec::<Value>::new());
    world.advance(DAY_MS).await;
    let days = entries(&world, "day").await;
    let ali: Vec<_> = days.iter().filter(|day| day["tab"] == "ali").collect();
    assert_eq!(ali.len(), 1, "{days:?}");
    assert_eq!((&ali[0]["lines"], &ali[0]["differences"]), (&json!(1), &json!(0)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_compared_for_each_account_that_had_payments() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for bill in ["old good", "old omitted"] {
        ids.push(world.paid(bill).await);
    }
    world.configure(&world.app, &world.merchant("openapiCert").await).await;
    for bill in ["new good", "new omitted"] {
        ids.push(world.paid(bill).await);
    }
    plant(&world, "alipay", json!({ "omit": [ids[1], ids[3]] })).await;
    world.advance(DAY_MS).await;
    let done = reconcile(&world).await;
    assert_eq!((&done["failed"], &done["differences"]), (&json!(0), &json!(2)), "{:?}", differences(&world).await);
    let accounts = async |day: &str| {
        let days = entries(&world, "day").await;
        let of_day = days.iter().filter(|one| one["tab"] == "ali" && one["day"] == day);
        let mut rows: Vec<_> = of_day.map(|one| json!([one["account"], one["lines"], one["differences"]])).collect();
        rows.sort_by_key(ToString::to_string);
        rows
    };
    // Two payments of each account; its own bill lists one of them.
    assert_eq!(accounts("2026-11-23").await, [json!([1, 1, 1]), json!([2, 1, 1])]);
    let bills: Vec<Value> = differences(&world).await.into_iter().map(|(_, _, bill, ..)| bill).collect();
    assert_eq!(bills, ["new omitted", "old omitted"]);

    // A day without business of the old account is compared for the new account only. A day with a refund is compared for both.
    plant(&world, "alipay", json!({})).await;
    world.advance(DAY_MS).await;
    reconcile(&world).await;
    assert_eq!(accounts("2026-11-24").await, [json!([2, 0, 0])]);
    refund(&world, &of("old good", "R1", 100)).await.ok();
    world.advance(DAY_MS).await;
    let done = reconcile(&world).await;
    assert_eq!((&done["failed"], &done["differences"]), (&json!(0), &json!(0)), "{:?}", differences(&world).await);
    assert_eq!(accounts("2026-11-25").await, [json!([1, 1, 0]), json!([2, 0, 0])]);
    world.end().await;
}
