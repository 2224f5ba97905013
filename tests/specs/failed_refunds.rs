//! The overview's failed refunds: by channel and reason, with shares that add up, and within a stated bound.

use serde_json::{Value, json};

use crate::{
    console::Visitor,
    refund_trouble::{balance, give_up, paid_at_wechat},
    refunds::{of, refund, use_wechat_merchant},
    wechat,
    world::{MINUTE_MS, START_MS, World, options},
};

const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const HEADING: &str = "Failed refunds, by reason";

async fn overview(world: &World, days: u32) -> String {
    let owner = Visitor::owner(world).await;
    owner.get(world, &format!("/apps/{}/overview?mode=test&days={days}", world.app.app_id)).await.text()
}

/// The part of the page that has the failed refunds.
fn card(page: &str) -> String {
    page.split_once(HEADING).unwrap().1.split_once("</section>").unwrap().0.to_owned()
}

/// The rows of the table: reason, channel, amount, count, share.
fn rows(page: &str) -> Vec<String> {
    let card = card(page);
    let body = card.split_once("<tbody>").unwrap().1.split_once("</table>").unwrap().0;
    let text = |row: &str| {
        let pieces = row.split('<').filter_map(|piece| piece.split_once('>').map(|(_, text)| text.trim()));
        pieces.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" | ")
    };
    body.split("<tr").skip(1).map(|row| text(&format!("<tr{row}"))).collect()
}

/// A WeChat refund that ends as `CLOSED`.
async fn closed_at_wechat(world: &World, id: &str, bill: &str, num: &str, fee: i64) {
    refund(world, &of(bill, num, fee)).await.ok();
    wechat::play(world, id, "refund", json!({ "outRefundNo": format!("{id}-{num}"), "status": "CLOSED" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_refunds_are_told_by_channel_and_reason() {
    let world = World::start().await;
    use_wechat_merchant(&world, wechat::KINDS[0]).await;
    let ali = world.paid("ali").await;
    let (id, merchant) = paid_at_wechat(&world, "wx").await;
    refund(&world, &of("ali", "fine", 100)).await.ok();
    assert!(!overview(&world, 7).await.contains(HEADING), "nothing failed");

    for (num, fee) in [("R1", 1000), ("R2", 200)] {
        closed_at_wechat(&world, &id, "wx", num, fee).await;
    }
    // Alipay does not refund finished trades.
    world.play(&ali, "finish", json!({})).await;
    refund(&world, &of("ali", "R3", 900)).await.refused(7, "ACQ.");
    // One that waits has not failed.
    balance(&world, "wechat", &merchant, true).await;
    refund(&world, &of("wx", "R4", 50)).await.ok();
    let page = overview(&world, 7).await;
    let [first, second, total] = <[String; 3]>::try_from(rows(&page)).unwrap();
    assert!(first.starts_with("CLOSED “") && first.ends_with("WeChat QR code | ¥\u{a0}12.00 | 2 | 66.7%"), "{first}");
    assert!(second.starts_with("ACQ.") && second.ends_with("Alipay QR code | ¥\u{a0}9.00 | 1 | 33.3%"), "{second}");
    assert_eq!(total, "Total | ¥\u{a0}21.00 | 3 | 100.0%");
    assert!(page.contains(&format!("/apps/{}/refunds?mode=test&#38;status=failed", world.app.app_id)), "{page}");
    assert!(!card(&page).contains("only the latest"), "{page}");

    give_up(&world, &id, "R4").await.done(200);
    assert_eq!(rows(&overview(&world, 1).await).len(), 4, "another code is another reason");
    let owner = Visitor::owner(&world).await;
    let zh = owner.get_in(&world, "zh", &format!("/apps/{}/overview?mode=test", world.app.app_id)).await.text();
    assert!(zh.contains("退款失败原因") && zh.contains("余额不足期间已人工放弃"), "{zh}");

    world.advance(7 * DAY_MS).await;
    assert!(!overview(&world, 7).await.contains(HEADING), "they are of the week before");
    assert!(overview(&world, 30).await.contains(HEADING));
    world.end().await;
}

/// Puts failed refunds into the table, the latest first, each with the code that `code` gives it.
async fn put(world: &World, count: i64, code: impl Fn(i64) -> String) {
    let tables = world.stack.export().await.unwrap();
    let items = tables["TransactionsTable"].as_array().unwrap();
    let model = items.iter().find(|item| item["sk"]["S"] == "REFUND#R1").unwrap();
    let copy = |number: i64| {
        let mut item = model.clone();
        item["sk"] = json!({ "S": format!("REFUND#copy{number}") });
        item["by_time_sk"] = json!({ "S": format!("{:015}#copy{number}", START_MS - number) });
        item["failure"] = json!({ "S": format!("{}: in words {number}", code(number)) });
        item
    };
    let copies: Vec<Value> = (1..=count).map(copy).collect();
    world.stack.import(&json!({ "TransactionsTable": copies })).await.unwrap();
}

/// The half read units of the transactions table that the overview costs.
async fn cost(world: &World) -> u64 {
    let _ = world.stack.metered();
    overview(world, 7).await;
    let own = world.stack.metered().into_iter().filter(|one| one.place.starts_with("TransactionsTable"));
    own.map(|one| one.half_reads).sum()
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the figures are for people, with `--nocapture`")]
async fn many_failed_refunds_are_read_up_to_a_bound_and_rare_reasons_share_a_row() {
    let world = World::start().await;
    let id = world.paid("1").await;
    world.play(&id, "finish", json!({})).await;
    let without = cost(&world).await;
    refund(&world, &of("1", "R1", 100)).await.refused(7, "ACQ.");
    // With the first one it is just as many as are read.
    put(&world, 499, |number| if number < 400 { "FREQUENT".to_owned() } else { format!("RARE{number}") }).await;
    let page = overview(&world, 7).await;
    let found = rows(&page);
    assert_eq!((found.len(), card(&page).contains("only the latest")), (11, false), "{found:?}");
    // The words are those of the latest refund.
    assert_eq!(found[0], "FREQUENT “in words 1” | Alipay QR code | ¥\u{a0}399.00 | 399 | 79.8%");
    assert_eq!(found[9], "Other reasons: 93 | ¥\u{a0}93.00 | 93 | 18.6%");
    assert_eq!(found[10], "Total | ¥\u{a0}500.00 | 500 | 100.0%");
    put(&world, 500, |_| "FREQUENT".to_owned()).await;
    let page = overview(&world, 7).await;
    assert!(card(&page).contains("only the latest 500 are counted"), "{page}");
    assert_eq!(rows(&page).last().unwrap(), "Total | ¥\u{a0}500.00 | 500 | 100.0%");
    let with = cost(&world).await;
    println!("half read units of the overview: {without}, and with 501 failed refunds {with}");
    // DynamoDB Local counts units differently.
    if options().dynamo_endpoint.is_none() {
        assert!(with <= without + 600, "the bound holds the cost: {without} without, {with} with failed refunds");
    }
    world.end().await;
}
