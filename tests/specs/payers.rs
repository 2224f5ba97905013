//! An order that a provider binds to its parameters: another payer gets another order, and the first one is closed.

use serde_json::{Value, json};

use crate::{
    wechat::{play, trade, use_merchant},
    world::{MINUTE_MS, World, charge_of, texts, with, without},
};

fn charge_for(openid: &str) -> Value {
    with(without(charge_of("wx_jsapi", "table-7"), "returnUrl"), &json!({ "openid": openid }))
}

async fn opened_by(world: &World, openid: &str) -> String {
    world.charge(&charge_for(openid)).await.ok()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_payer_opens_the_bill_and_the_first_order_is_closed() {
    for kind in ["v3PublicKey", "v2Md5"] {
        let world = World::start().await;
        use_merchant(&world, kind).await;
        world.webhook_to("shop", &json!({ "events": ["payment.success", "payment.closed"] })).await;
        let first = opened_by(&world, "oPayerA000000000000000000001").await;
        assert_eq!(opened_by(&world, "oPayerA000000000000000000001").await, first, "{kind}");
        let second = opened_by(&world, "oPayerB000000000000000000002").await;
        assert_ne!(second, first, "{kind}");
        // The old interface closes nothing within five minutes, so the second order does not wait for it.
        world.advance(10 * MINUTE_MS).await;
        assert_eq!(
            (&trade(&world, &first).await["state"], &trade(&world, &second).await["state"]),
            (&json!("CLOSED"), &json!("NOTPAY")),
            "{kind}"
        );
        play(&world, &second, "pay", json!({})).await;
        world.advance(1).await;
        // Closing the replaced order does not close the bill.
        let [told] = world.inbox("shop").await;
        assert!(told["body"].as_str().unwrap().contains(&second), "{kind}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_order_that_is_paid_all_the_same_is_a_second_payment() {
    let world = World::start().await;
    use_merchant(&world, "v2Md5").await;
    let first = opened_by(&world, "oPayerA000000000000000000001").await;
    let second = opened_by(&world, "oPayerB000000000000000000002").await;
    play(&world, &second, "pay", json!({})).await;
    world.advance(1).await;
    play(&world, &first, "pay", json!({})).await;
    assert_eq!(texts(&json!(world.incidents().await), "kind"), ["duplicate"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_replace_so_many_orders_of_a_bill_within_an_hour() {
    let world = World::start().await;
    for payer in 0..11 {
        opened_by(&world, &format!("oPayer{payer:022}")).await;
    }
    let next = charge_for("oPayerZ000000000000000000099");
    world.charge(&next).await.refused(5, "orders of `table-7` were replaced or cancelled");
    // An existing order stays, the server is not limited, and an hour later clients are not limited either.
    opened_by(&world, "oPayer0000000000000000000010").await;
    world.charge_as_server(&next).await.ok();
    world.advance(61 * MINUTE_MS).await;
    opened_by(&world, "oPayerY000000000000000000098").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_closed_in_wechats_own_pages_makes_way_for_another() {
    for kind in ["v3PublicKey", "v2Md5"] {
        let world = World::start().await;
        use_merchant(&world, kind).await;
        let first = opened_by(&world, "oPayerA000000000000000000001").await;
        play(&world, &first, "close", json!({})).await;
        assert_ne!(opened_by(&world, "oPayerA000000000000000000001").await, first, "{kind}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qr_code_whose_trade_was_closed_at_alipay_makes_way_for_another() {
    let world = World::start().await;
    let first = world.charged("1").await;
    world.play(&first, "open", json!({})).await;
    world.play(&first, "close", json!({})).await;
    assert_ne!(world.charged("1").await, first);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_payers_at_once_each_get_an_order_or_are_told_why_not() {
    let world = World::start().await;
    let charges: Vec<_> = (0..12).map(|payer| charge_for(&format!("oPayer{payer:022}"))).collect();
    let answers = futures_util::future::join_all(charges.iter().map(|charge| world.charge(charge))).await;
    for answer in answers {
        assert!(answer.status == 200 && [0, 5].contains(&answer.code()), "{}", answer.text());
    }
    world.end().await;
}
