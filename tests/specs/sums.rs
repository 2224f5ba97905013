//! Stored sums: a day is summed when it is over, again when it may have changed, and a stopped run is continued.

use local::{LastAnswer, StorageFaults};
use serde_json::{Value, json};

use crate::{
    console::Visitor,
    world::{MINUTE_MS, START_MS, World, charge_of, master, options, with},
};

const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// More writes than a day takes: one for ten pages, and the world has 44 channels and statuses of one page each.
const WRITES_MAX: u32 = 7;

async fn sum(world: &World) -> Value {
    world.post_as(&[], "/_local/sums", "").await.done(200)
}

/// The stored sums of the demo app's test mode: by day, without values that differ between runs.
async fn kept(world: &World) -> Vec<(String, Value)> {
    let tables = world.stack.export().await.unwrap();
    let items = tables["TransactionsTable"].as_array().unwrap().iter();
    let own = items.filter(|item| item["pk"]["S"] == format!("SUMS#{}#test", world.app.app_id));
    own.map(|item| {
        assert!(item["walk"].is_null(), "nothing is under way: {item}");
        (item["sk"]["S"].as_str().unwrap().to_owned(), item["sums"]["M"].clone())
    })
    .collect()
}

fn of(count: &str, amount: &str, refunded: &str) -> Value {
    json!({ "L": [{ "N": count }, { "N": amount }, { "N": refunded }] })
}

/// One bill of each course, all on one day.
async fn charge_some(world: &World) {
    world.paid("paid").await;
    world.paid("paid too").await;
    let refunded = world.paid("refunded").await;
    world.play(&refunded, "refund", json!({})).await;
    let partly = world.paid("partly").await;
    world.play(&partly, "refund", json!({ "amount": "1.00" })).await;
    world.charge(&with(charge_of("wx_native", "open"), &json!({ "billTimeout": 1_296_000 }))).await.ok();
}

fn first_day() -> Value {
    let alipay = json!({ "success": of("3", "29700", "100"), "refund": of("1", "9900", "9900") });
    json!({ "ali_qrcode": { "M": alipay }, "wx_native": { "M": { "created": of("1", "9900", "0") } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_summed_once_it_is_over_and_again_when_it_may_have_changed() {
    let world = World::start().await;
    charge_some(&world).await;
    assert_eq!(sum(&world).await, json!({ "days": 0, "failed": 0, "left": false }), "today is not over");
    world.advance(DAY_MS).await;
    assert_eq!(sum(&world).await["days"], 1);
    assert_eq!(kept(&world).await, [("2026-11-23".to_owned(), first_day())]);
    assert_eq!(sum(&world).await["days"], 0, "it is done");

    // The next night counts its late refund. The night after that finds nothing new.
    let id = world.record("paid").await["id"].as_str().unwrap().to_owned();
    world.play(&id, "refund", json!({})).await;
    assert_eq!(sum(&world).await["days"], 0);
    world.advance(DAY_MS).await;
    assert_eq!(sum(&world).await["days"], 2, "the day before, and the one before that again");
    let alipay = json!({ "success": of("2", "19800", "100"), "refund": of("2", "19800", "19800") });
    let first = with(first_day(), &json!({ "ali_qrcode": { "M": alipay } }));
    assert_eq!(kept(&world).await, [("2026-11-23".to_owned(), first.clone()), ("2026-11-24".to_owned(), json!({}))]);

    // When the longest bill has expired, the day is checked once more.
    world.advance(14 * DAY_MS).await;
    assert_eq!(sum(&world).await["days"], 16, "fourteen new ones, the one of yesterday's run, and that of 16 days ago");
    let days = kept(&world).await;
    let closed = json!({ "M": { "closed": of("1", "9900", "0") } });
    assert_eq!(days[0], ("2026-11-23".to_owned(), with(first, &json!({ "wx_native": closed }))));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_comes_to_the_same_over_many_shards() {
    let world = World::start().await;
    world.admin("PATCH", &format!("/apps/{}", world.app.app_id), json!({ "shards": 24 })).await.done(200);
    world.advance(15_000).await;
    charge_some(&world).await;
    world.advance(DAY_MS).await;
    sum(&world).await;
    assert_eq!(kept(&world).await, [("2026-11-23".to_owned(), first_day())]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_was_killed_goes_on_and_counts_nothing_twice() {
    let faults = StorageFaults::default();
    let world = World::start_with(local::Options { storage_faults: Some(faults.clone()), ..options() }).await;
    charge_some(&world).await;
    world.advance(DAY_MS).await;
    let mut stopped = 0;
    for last in [LastAnswer::Given, LastAnswer::Lost] {
        for writes in 0..WRITES_MAX {
            faults.arm(writes, last);
            sum(&world).await;
            stopped += u32::from(faults.disarm());
            if sum(&world).await["days"] == 0 {
                sum(&world).await;
            }
            assert_eq!(kept(&world).await, [("2026-11-23".to_owned(), first_day())], "{writes} {last:?}");
            forget(&world).await;
        }
    }
    assert!(stopped > 8, "{stopped} runs were stopped");
    world.end().await;
}

/// Deletes everything that is stored about the day.
async fn forget(world: &World) {
    let tables = world.stack.export().await.unwrap();
    let items = tables["TransactionsTable"].as_array().unwrap().iter();
    let mut own: Vec<Value> =
        items.filter(|item| item["pk"]["S"].as_str().unwrap().starts_with("SUMS#")).cloned().collect();
    for item in &mut own {
        let item = item.as_object_mut().unwrap();
        item.remove("sums");
        item.remove("summed_ms");
    }
    world.stack.import(&json!({ "TransactionsTable": own })).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_takes_days_that_are_over_from_their_sums() {
    let world = World::start().await;
    charge_some(&world).await;
    let owner = Visitor::owner(&world).await;
    let page = format!("/apps/{}/overview?mode=test&days=7", world.app.app_id);
    let today = owner.get(&world, &page).await.text();
    for text in ["¥\u{a0}396.00", "80.0%", "4 of 5 charged", "¥\u{a0}100.00", "2026-11-23"] {
        assert!(today.contains(text), "{text}: {today}");
    }
    world.advance(DAY_MS).await;
    sum(&world).await;
    let owner = Visitor::owner(&world).await;
    let summed = owner.get(&world, &page).await.text();
    assert!(summed.contains("¥\u{a0}396.00") && summed.contains("4 of 5 charged"), "{summed}");
    assert!(summed.contains("The oldest of these sums was made 2026-11-24 22:30:00"), "{summed}");

    // For a million charges of yesterday the page reads one item.
    let yesterday = json!({ "pk": { "S": format!("SUMS#{}#test", world.app.app_id) }, "sk": { "S": "2026-11-23" },
        "v": { "N": "1" }, "revision": { "N": "9" }, "summed_ms": { "N": (START_MS + DAY_MS).to_string() },
        "sums": { "M": { "ali_web": { "M": { "success": of("900000", "123456789", "0"), "created": of("100000", "1", "0") } } } } });
    world.stack.import(&json!({ "TransactionsTable": [yesterday] })).await.unwrap();
    let large = owner.get(&world, &page).await.text();
    for text in ["¥\u{a0}1,234,567.89", "90.0%", "900,000 of 1,000,000 charged"] {
        assert!(large.contains(text), "{text}: {large}");
    }
    world.end().await;
}

/// The overview of the last `days` days.
async fn overview(world: &World, days: u32) -> String {
    let owner = Visitor::owner(world).await;
    owner.get(world, &format!("/apps/{}/overview?mode=test&days={days}", world.app.app_id)).await.text()
}

#[track_caller]
fn check_texts(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "{text}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_compares_with_the_period_before_up_to_the_same_time_of_the_day() {
    let world = World::start().await;
    charge_some(&world).await;
    world.advance(7 * DAY_MS - 1).await;
    sum(&world).await;
    world.paid("a week later").await;
    // A week before, nothing was charged yet at this time of the day.
    let early = overview(&world, 7).await;
    check_texts(&early, &["Nothing before", "2026-11-17 00:00:00 to 2026-11-23 22:29:59"]);
    world.advance(1).await;
    let page = overview(&world, 7).await;
    check_texts(
        &page,
        &[
            "−75.0%, was ¥\u{a0}396.00",
            "−75.0%, was 4",
            "+20.0 points",
            "−100.0%, was ¥\u{a0}100.00",
            "2026-11-17 00:00:00 to 2026-11-23 22:30:00",
            "11-30: ¥\u{a0}99.00, 1 payments; Before, 11-23: ¥\u{a0}396.00, 4 payments",
            // The axis reaches the higher of the two.
            ">¥400<",
        ],
    );
    assert_eq!(page.matches(r#"class="slot""#).count(), 7, "{page}");
    assert!(!page.contains("<script>") && !page.contains("style="), "{page}");

    // One day is shown by its hours.
    let today = overview(&world, 1).await;
    check_texts(&today, &["22:00 – 22:59", "22:00: ¥\u{a0}99.00, 1 payments; Before, 11-29 22:00: ¥\u{a0}0.00"]);
    assert_eq!(today.matches(r#"class="slot""#).count(), 24, "{today}");
    world.end().await;
}

/// The rows of the table of what was not paid: each name with its count.
fn unpaid(page: &str) -> Vec<(String, String)> {
    let table = page.split_once("What was not paid, by reason").unwrap().1.split_once("</table>").unwrap().0;
    let body = table.split_once("<tbody>").unwrap().1.split_once("</tbody>").unwrap().0;
    let row = |row: &str| {
        let (name, rest) = row.split_once('<').unwrap();
        let count = rest.split_once(r#"data-label="Count">"#).unwrap().1.split_once('<').unwrap().0;
        (name.to_owned(), count.to_owned())
    };
    body.split("<tr><td>").skip(1).map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_paid_is_told_by_reason_live_and_from_stored_sums() {
    let world = World::start().await;
    world.charged("expired").await;
    world.charged("expired too").await;
    world.charged("closed").await;
    world.post_as(&master(&world.app), "/2.0/maxpay/close", json!({ "billNum": "closed" }).to_string()).await.ok();
    world.charge(&with(charge_of("wx_native", "open"), &json!({ "billTimeout": 1_296_000 }))).await.ok();
    // It was closed and is paid all the same.
    let late = world.charged("late").await;
    world.post_as(&master(&world.app), "/2.0/maxpay/close", json!({ "billNum": "late" }).to_string()).await.ok();
    let rows = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        rows.iter().map(|(name, count)| ((*name).to_owned(), (*count).to_owned())).collect()
    };
    assert_eq!(
        unpaid(&overview(&world, 7).await),
        rows(&[("Still open when it was summed", "3"), ("Closed before its end", "2")])
    );
    world.play(&late, "pay", json!({})).await;
    world.advance(DAY_MS).await;
    let expect =
        rows(&[("Still open when it was summed", "1"), ("Its time was over", "2"), ("Closed before its end", "1")]);
    assert_eq!(unpaid(&overview(&world, 7).await), expect);
    sum(&world).await;
    assert_eq!(unpaid(&overview(&world, 7).await), expect, "from the stored sums");

    // An older version wrote no reasons.
    let tables = world.stack.export().await.unwrap();
    let items = tables["TransactionsTable"].as_array().unwrap().iter();
    let mut item = items.clone().find(|item| item["pk"]["S"].as_str().unwrap().starts_with("SUMS#")).unwrap().clone();
    assert_eq!(
        item["closings"]["M"],
        json!({ "ali_qrcode": { "M": { "expired": { "N": "2" }, "early": { "N": "1" } } } })
    );
    item.as_object_mut().unwrap().remove("closings");
    world.stack.import(&json!({ "TransactionsTable": [item] })).await.unwrap();
    let unrecorded = rows(&[("Still open when it was summed", "1"), ("Reason not recorded", "3")]);
    assert_eq!(unpaid(&overview(&world, 7).await), unrecorded);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_says_what_waits_at_each_webhook() {
    let world = World::start().await;
    world.receiver("broken", json!({ "status": 500 })).await;
    world.webhook_to("broken", &json!({})).await;
    world.webhook_to("well", &json!({})).await;
    world.paid("told in vain").await;
    world.advance(MINUTE_MS).await;
    let owner = Visitor::owner(&world).await;
    let page = owner.get(&world, &format!("/apps/{}/overview?mode=test", world.app.app_id)).await.text();
    let health = page.split_once("Webhook state").unwrap().1;
    let row = |name: &str| health.split("<tr>").find(|row| row.contains(name)).unwrap().to_owned();
    let broken = row("receiver/broken");
    assert!(broken.contains(">1<") && broken.contains("2026-11-23 22:30:00") && broken.contains("Failing"), "{broken}");
    let well = row("receiver/well");
    assert!(well.contains(">0<") && well.contains("Well"), "{well}");
    world.ignores("broken");
    let [_] = world.inbox("well").await;
    world.end().await;
}
