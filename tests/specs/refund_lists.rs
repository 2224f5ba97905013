//! The list of refunds, by the operator API and in the console: each is in the list of its status and in no other, with what it waits for
//! and until when.

use serde_json::{Value, json};

use crate::{
    console::Visitor,
    console_pages::link,
    refund_trouble::{balance, give_up, paid_at_wechat},
    refunds::{of, refund, use_wechat_merchant},
    wechat,
    world::{MINUTE_MS, START_MS, World, texts},
};

const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

async fn list(world: &World, asked: &str) -> Value {
    let path = format!("/apps/{}/refunds?mode=test{asked}", world.app.app_id);
    world.admin("GET", &path, Value::Null).await.done(200)
}

async fn nums(world: &World, status: &str) -> Vec<String> {
    texts(&list(world, &format!("&status={status}")).await["items"], "refundNum")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refund_is_in_the_list_of_its_status_with_what_it_waits_for() {
    let world = World::start().await;
    use_wechat_merchant(&world, wechat::KINDS[0]).await;
    world.paid("whole").await;
    refund(&world, &of("whole", "R-whole", 9900)).await.ok();
    world.advance(1000).await;
    world.paid("part").await;
    refund(&world, &of("part", "R-part", 1)).await.ok();
    world.advance(1000).await;
    let (asked, _) = paid_at_wechat(&world, "asked").await;
    refund(&world, &of("asked", "R-asked", 100)).await.ok();
    world.advance(1000).await;
    let (stuck, merchant) = paid_at_wechat(&world, "stuck").await;
    refund(&world, &of("stuck", "R-stuck", 100)).await.ok();
    let abnormal = json!({ "outRefundNo": format!("{stuck}-R-stuck"), "status": "ABNORMAL" });
    wechat::play(&world, &stuck, "refund", abnormal).await;
    world.advance(1000).await;
    let (short, _) = paid_at_wechat(&world, "short").await;
    balance(&world, "wechat", &merchant, true).await;
    refund(&world, &of("short", "R-short", 100)).await.ok();

    assert_eq!(nums(&world, "success").await, ["R-part", "R-whole"]);
    assert_eq!(nums(&world, "partial").await, ["R-part"]);
    assert_eq!(nums(&world, "stuck").await, ["R-stuck"]);
    assert_eq!(nums(&world, "failed").await, [""; 0]);
    let pending = list(&world, "&status=pending").await["items"].clone();
    assert_eq!(texts(&pending, "refundNum"), ["R-short", "R-asked"]);
    assert_eq!(texts(&pending, "waitsFor"), ["balance", "provider"]);
    let since = START_MS + 4000;
    assert_eq!(pending[0]["untilTime"], since + 30 * DAY_MS);
    assert!(pending[0]["nextTime"].as_i64().unwrap() > since);
    assert_eq!((pending[1].get("untilTime"), &pending[1]["totalFee"]), (None, &json!(9900)));
    let all = list(&world, "").await;
    assert_eq!(texts(&all["items"], "refundNum"), ["R-short", "R-stuck", "R-asked", "R-part", "R-whole"]);
    assert_eq!(texts(&json!([all["items"][1]]), "waitsFor"), ["person"]);

    // A refund that ends leaves its list for another.
    give_up(&world, &short, "R-short").await.done(200);
    let done = json!({ "outRefundNo": format!("{asked}-R-asked"), "status": "SUCCESS" });
    wechat::play(&world, &asked, "refund", done).await;
    assert_eq!(nums(&world, "pending").await, [""; 0]);
    assert_eq!(nums(&world, "failed").await, ["R-short"]);
    assert_eq!(nums(&world, "success").await, ["R-asked", "R-part", "R-whole"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_goes_on_by_cursor_and_a_wrong_word_is_named() {
    const COUNT: usize = 53;
    let world = World::start().await;
    world.paid("1").await;
    for number in 0..COUNT {
        refund(&world, &of("1", &format!("R{number:02}"), 1)).await.ok();
        world.advance(1000).await;
    }
    let first = list(&world, "").await;
    let next = list(&world, &format!("&cursor={}", first["cursor"].as_str().unwrap())).await;
    let both = [texts(&first["items"], "refundNum"), texts(&next["items"], "refundNum")];
    assert_eq!((both[0].len(), both[1].len(), &next["cursor"]), (50, 3, &Value::Null));
    let expected: Vec<String> = (0..COUNT).rev().map(|number| format!("R{number:02}")).collect();
    assert_eq!(both.concat(), expected);
    // The console's list goes on and back.
    let owner = Visitor::owner(&world).await;
    let page = owner.get(&world, &format!("/apps/{}/refunds?mode=test", world.app.app_id)).await.text();
    assert!(page.contains("1–50") && link(&page, "prev").is_none(), "{page}");
    let page = owner.get(&world, &link(&page, "next").unwrap()).await.text();
    assert!(page.contains("51–53 of 53") && page.contains("R00") && link(&page, "next").is_none(), "{page}");
    let page = owner.get(&world, &link(&page, "prev").unwrap()).await.text();
    assert!(page.contains("R52") && !page.contains("R00"), "{page}");
    let path = |asked: &str| format!("/apps/{}/refunds?{asked}", world.app.app_id);
    world.admin("GET", &path("mode=test&status=odd"), Value::Null).await.problem(400, "status");
    world.admin("GET", &path("mode=test&cursor=odd"), Value::Null).await.problem(400, "cursor");
    world.admin("GET", &path(""), Value::Null).await.problem(400, "mode");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_a_refund_waits_for_and_leads_to_its_payment() {
    let world = World::start().await;
    let id = world.paid("1").await;
    let merchant = world.trade(&id).await["merchant"].as_str().unwrap().to_owned();
    balance(&world, "alipay", &merchant, true).await;
    refund(&world, &of("1", "tea-refund", 900)).await.ok();
    let owner = Visitor::owner(&world).await;
    let page = |asked: &str| format!("/apps/{}/refunds?mode=test{asked}", world.app.app_id);
    let zh = owner.get_in(&world, "zh", &page("&status=pending")).await.text();
    let expected = [
        "商户余额不足，等待充值",
        "下次重试 2026-11-23 23:30:00",
        "最迟到 2026-12-23 22:30:00",
        "¥\u{a0}9.00",
        "共支付 ¥\u{a0}99.00",
    ];
    for words in expected {
        assert!(zh.contains(words), "{words}: {zh}");
    }
    assert!(zh.contains(&format!("/transactions/{id}?mode=test&#38;bill=1")), "{zh}");
    let stuck = owner.get_in(&world, "zh", &page("&status=stuck")).await.text();
    assert!(stuck.contains("没有符合条件的退款") && !stuck.contains("tea-refund"), "{stuck}");
    world.end().await;
}
