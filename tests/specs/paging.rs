//! The cost of a list depends on what it shows, not on its length: a page of the console, and a part of its export, read the same
//! for twenty times as many rows, at the first page, in the middle and at the end.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    console::Visitor,
    world::{START_MS, World, options},
};

const FEW: u32 = 1_000;
const MANY: u32 = 20_000;

/// Puts copies of a paid bill into the table, each a second older than the one before: nine in ten paid, one refunded.
async fn fill(world: &World, count: u32) {
    world.paid("model").await;
    let tables = world.stack.export().await.unwrap();
    let mut items = tables["TransactionsTable"].as_array().unwrap().iter();
    let model = items.find(|item| item["sk"]["S"].as_str().unwrap().starts_with("TX#")).unwrap();
    let (pk, by_time) = (model["pk"]["S"].as_str().unwrap(), model["by_time_pk"]["S"].as_str().unwrap());
    let copy = |number: u32| {
        let status = if number.is_multiple_of(10) { "refund" } else { "success" };
        let (ms, id) = place(number);
        let mut item = model.clone();
        let texts = [
            ("pk", pk.replace("model", &format!("bulk-{number}"))),
            ("id", id.clone()),
            ("status", status.to_owned()),
            ("by_time_pk", by_time.replace("success", status)),
            ("by_time_sk", format!("{ms:015}#{id}")),
        ];
        for (name, text) in texts {
            item[name] = json!({ "S": text });
        }
        item["created_ms"] = json!({ "N": ms.to_string() });
        item
    };
    // In parts: a hundred thousand items need a lot of memory as JSON.
    for start in (0..count).step_by(5_000) {
        let copies: Vec<Value> = (start..count.min(start + 5_000)).map(copy).collect();
        world.stack.import(&json!({ "TransactionsTable": copies })).await.unwrap();
    }
}

fn place(number: u32) -> (i64, String) {
    let ms = START_MS - i64::from(number + 1) * 1000;
    (ms, format!("{ms:012x}{number:012x}"))
}

/// The half read units of the transactions table that a page costs.
async fn cost(world: &World, visitor: &Visitor, page: &str, first: Option<u32>) -> u64 {
    let cursor = first.map(|number| {
        let (ms, id) = place(number);
        format!("&cursor={}", URL_SAFE_NO_PAD.encode(format!("{ms}#{id}")))
    });
    let _ = world.stack.metered();
    let address = format!("/apps/{}{page}?mode=test{}", world.app.app_id, cursor.unwrap_or_default());
    let answer = visitor.get(world, &address).await;
    assert_eq!(answer.status, 200, "{address}");
    let own = world.stack.metered().into_iter().filter(|one| one.place.starts_with("TransactionsTable"));
    own.map(|one| one.half_reads).sum()
}

/// The costs of pages, and the text of the overview.
async fn costs(count: u32) -> ([u64; 6], String) {
    let world = World::start().await;
    fill(&world, count).await;
    let owner = Visitor::owner(&world).await;
    let mut costs = [0; 6];
    let places = [None, Some(count / 2), Some(count - 300)];
    let pages = [("/transactions", places), ("/export/part", places)];
    let all = pages.into_iter().flat_map(|(page, places)| places.map(|place| (page, place)));
    for (cost_of, (page, place)) in costs.iter_mut().zip(all) {
        *cost_of = cost(&world, &owner, page, place).await;
    }
    let overview = owner.get(&world, &format!("/apps/{}/overview?mode=test", world.app.app_id)).await.text();
    world.end().await;
    (costs, overview)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the figures are for people, with `--nocapture`")]
async fn a_page_costs_as_much_of_many_as_of_few() {
    // DynamoDB Local counts units differently.
    if options().dynamo_endpoint.is_some() {
        return;
    }
    let ((few, whole), (many, cut)) = (costs(FEW).await, costs(MANY).await);
    println!(
        "half read units of a list's first, middle and last page, and of an export's\n{FEW:>7} rows {few:?}\n{MANY:>7} rows {many:?}"
    );
    for (few, many) in few.iter().zip(&many).take(3) {
        assert!(many * 10 <= few * 12, "a page of {MANY} rows costs {many}, and of {FEW} {few}");
    }
    // The reading of today is limited, and an incomplete figure is marked as such: 12,000 of a channel and status.
    assert!(!whole.contains('≥') && whole.contains("1,001 of 1,001 charged"), "{whole}");
    assert!(cut.contains("figures with ≥ count from 2026-11-23 18:47") && cut.contains(">≥ 13,33"), "{cut}");
    // From its middle on, the short list has fewer rows than a part. So only the last parts of both lists are compared.
    assert!(many[5] * 10 <= few[5] * 12, "the last part of {MANY} rows costs {}, and of {FEW} {}", many[5], few[5]);
    assert!(many[4] * 10 <= many[3] * 12, "a part in the middle costs {}, and the first {}", many[4], many[3]);
}
