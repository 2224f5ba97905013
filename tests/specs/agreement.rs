//! All views of the books agree: a random day of payments and refunds is compared with the ledgers of the providers, the records,
//! the refunds, the export, the overview and the reconciliation.

use serde_json::{Value, json};

use crate::{
    accounting::{column, sheets, totals},
    console::Visitor,
    refunds::{of, refund, refunds},
    wechat,
    world::{MINUTE_MS, World, charge_of, with},
};

const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const SEEDS: [u64; 2] = [1, 2];
const BILLS: usize = 24;

/// SplitMix64: a seed always gives the same day.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn fen(&mut self, most: i64) -> i64 {
        i64::try_from(self.roll(most.cast_unsigned())).unwrap() + 1
    }
}

/// The number of payments, their sum, and the sum refunded.
#[derive(Debug, Default, PartialEq, Eq)]
struct Books {
    paid: usize,
    amount: i64,
    back: i64,
}

impl Books {
    fn add(&mut self, amount: i64, back: i64) {
        self.paid += 1;
        self.amount += amount;
        self.back += back;
    }
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

fn fen(yuan: &str) -> i64 {
    let digits: String = yuan.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() { 0 } else { digits.parse().unwrap() }
}

/// One bill with a random course. Returns what its provider has at the end: the amount paid and the amount refunded.
async fn play_a_bill(world: &World, dice: &mut Dice, bill: &str) -> Option<(i64, i64)> {
    let is_alipay = dice.roll(2) == 0;
    let fee = dice.fen(20_000);
    let channel = if is_alipay { "ali_qrcode" } else { "wx_native" };
    let charged = world.charge(&with(charge_of(channel, bill), &json!({ "totalFee": fee }))).await.ok();
    let id = charged["id"].as_str().unwrap().to_owned();
    world.advance(1000).await;
    if dice.roll(5) == 0 {
        return None;
    }
    if is_alipay {
        world.play(&id, "pay", json!({})).await;
    } else {
        wechat::play(world, &id, "pay", json!({})).await;
    }
    for number in 0..dice.roll(4) {
        world.advance(1000).await;
        let back = dice.fen(fee);
        // A refund of more than the rest is refused, by us and by the provider.
        if is_alipay && dice.roll(3) == 0 {
            let amount = json!({ "amount": yuan(back) }).to_string();
            world.post_as(&[], &format!("/_local/simulator/alipay/trades/{id}/refund"), amount).await;
        } else {
            refund(world, &of(bill, &format!("{bill}-R{number}"), back)).await;
        }
    }
    world.advance(MINUTE_MS).await;
    Some((fee, back_at_provider(world, is_alipay, &id).await))
}

async fn back_at_provider(world: &World, is_alipay: bool, id: &str) -> i64 {
    let sum = |trade: Value, amount: fn(&Value) -> i64| trade["refunds"].as_array().unwrap().iter().map(amount).sum();
    if is_alipay {
        sum(world.trade(id).await, |refund| fen(refund["amount"].as_str().unwrap()))
    } else {
        sum(wechat::trade(world, id).await, |refund| refund["amount"].as_i64().unwrap())
    }
}

/// The books from the records, as a merchant reads them, compared with the refunds that we know of.
async fn by_records(world: &World) -> Books {
    let records = world.records(&json!({ "limit": 100 })).await.ok();
    let mut books = Books::default();
    for record in records["results"].as_array().unwrap() {
        if !["success", "refund"].contains(&record["status"].as_str().unwrap()) {
            continue;
        }
        let back = record["refundedFee"].as_i64().unwrap_or(0);
        let ours = refunds(world, &json!({ "billNum": record["billNum"] })).await.ok();
        let succeeded = ours["results"].as_array().unwrap().iter().filter(|refund| refund["status"] == "success");
        let ours: i64 = succeeded.map(|refund| refund["refundFee"].as_i64().unwrap()).sum();
        assert!(ours <= back, "{record}: {ours} by our refunds");
        assert_eq!(record["status"] == "refund", back == record["totalFee"], "{record}");
        books.add(record["totalFee"].as_i64().unwrap(), back);
    }
    books
}

/// The books from the file that an accountant downloads.
async fn by_export(world: &World, owner: &Visitor) -> Books {
    let csv = owner.get(world, &format!("/apps/{}/export/part?mode=test", world.app.app_id)).await.text();
    let mut books = Books::default();
    for line in csv.lines().skip(1) {
        let cells: Vec<&str> =
            line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap().split("\",\"").collect();
        let [_, _, _, _, _, _, status, amount, back, ..] = cells.as_slice() else { panic!("{line}") };
        if ["Paid", "Refunded"].contains(status) {
            books.add(fen(amount), fen(back));
        }
    }
    books
}

/// The books from the workbook that an accountant downloads: the lines of money in and out, which the sheet of totals must agree with.
async fn by_workbook(world: &World, owner: &Visitor) -> Books {
    let address = format!("/apps/{}/export/part?mode=test&by=created&format=xlsx", world.app.app_id);
    let [lines, total] = sheets(&owner.get(world, &address).await);
    let [amount, back] = [16, 17].map(|place| column(&lines, place));
    let (paid, sums) = totals(&total);
    assert_eq!(sums, [amount, back, amount - back]);
    Books { paid: paid.parse().unwrap(), amount, back }
}

/// The books from the tiles of the overview: amount, count, rate, refunded.
async fn by_overview(world: &World, owner: &Visitor) -> Books {
    let page = owner.get(world, &format!("/apps/{}/overview?mode=test&days=7", world.app.app_id)).await.text();
    let tiles: Vec<&str> = page.split("<dd>").skip(1).map(|rest| rest.split("</dd>").next().unwrap()).collect();
    let [amount, paid, _, back] = tiles.as_slice() else { panic!("{tiles:?}") };
    Books { paid: paid.parse().unwrap(), amount: fen(amount), back: fen(back) }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_readers_of_the_books_say_what_the_providers_say() {
    for seed in SEEDS {
        let world = World::start().await;
        let owner = Visitor::owner(&world).await;
        let mut dice = Dice(seed);
        let mut at_providers = Books::default();
        for number in 0..BILLS {
            if let Some((amount, back)) = play_a_bill(&world, &mut dice, &format!("{seed}-{number}")).await {
                at_providers.add(amount, back);
            }
        }
        assert!(at_providers.back > 0 && at_providers.back < at_providers.amount, "{seed}: {at_providers:?}");
        assert_eq!(by_records(&world).await, at_providers, "records, {seed}");
        assert_eq!(by_export(&world, &owner).await, at_providers, "export, {seed}");
        assert_eq!(by_workbook(&world, &owner).await, at_providers, "workbook, {seed}");
        assert_eq!(by_overview(&world, &owner).await, at_providers, "overview of today, {seed}");

        // The stored sums of a finished day, and the providers' bills of that day.
        world.advance(DAY_MS).await;
        world.post_as(&[], "/_local/sums", "").await.done(200);
        let owner = Visitor::owner(&world).await;
        assert_eq!(by_overview(&world, &owner).await, at_providers, "overview of a day that is over, {seed}");
        let compared = world.post_as(&[], "/_local/reconcile", "").await.done(200);
        assert_eq!((&compared["differences"], &compared["failed"]), (&json!(0), &json!(0)), "{seed}: {compared}");
        world.end().await;
    }
}
