//! The first delivery of a payment shares the `due` entry of its bill: nothing is lost or doubled by this.

use local::{LastAnswer, Options, StorageFaults};
use serde_json::{Value, json};

use crate::world::{MINUTE_MS, START_MS, World, master, options};

/// The times of arrival, counted from the start.
fn times(arrivals: &[Value]) -> Vec<i64> {
    arrivals.iter().map(|arrived| arrived["time"].as_i64().unwrap() - START_MS).collect()
}

/// Paid at these times after the charge, and the queue message lost. The bill is due at its next question, within the two minutes
/// or after them.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_bell_is_made_good_after_two_minutes_whenever_the_bill_is_due() {
    for paid_after in [0, 1_000, 59_999, 60_000, 61_000, 2 * MINUTE_MS, 4 * MINUTE_MS] {
        let world = World::start().await;
        world.webhook_to("shop", &json!({})).await;
        let id = world.charged("b-1").await;
        world.advance(paid_after).await;
        world.play(&id, "pay", json!({})).await;
        world.purge_queue().await;
        world.advance(2 * MINUTE_MS - 1).await;
        assert_eq!(times(&world.arrivals("shop").await), Vec::<i64>::new(), "{paid_after}");
        // The sweep runs at each full minute.
        world.advance(MINUTE_MS + 1).await;
        let found = times(&world.arrivals("shop").await);
        let expected = (paid_after + 2 * MINUTE_MS + MINUTE_MS - 1) / MINUTE_MS * MINUTE_MS;
        assert_eq!(found, [expected], "{paid_after}");
        world.advance(10 * MINUTE_MS).await;
        assert_eq!(world.arrivals("shop").await.len(), 1, "{paid_after}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_webhook_hears_once_though_every_bell_is_lost() {
    let world = World::start().await;
    for shop in ["one", "two", "three"] {
        world.webhook_to(shop, &json!({})).await;
    }
    world.paid("b-1").await;
    world.purge_queue().await;
    world.advance(10 * MINUTE_MS).await;
    for shop in ["one", "two", "three"] {
        assert_eq!(times(&world.arrivals(shop).await), [2 * MINUTE_MS], "{shop}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_goes_back_at_once_does_not_take_the_delivery_along() {
    for fee in [100, 9_900] {
        let world = World::start().await;
        world.webhook_to("shop", &json!({ "events": ["payment.success"] })).await;
        world.paid("b-1").await;
        world.purge_queue().await;
        let refund = json!({ "billNum": "b-1", "refundNum": "R-1", "refundFee": fee });
        let refunded = world.post_as(&master(&world.app), "/2.0/maxpay/refund", refund.to_string()).await.ok();
        assert_eq!(refunded["status"], "success");
        world.post_as(&master(&world.app), "/2.0/maxpay/sync", json!({ "billNum": "b-1" }).to_string()).await.ok();
        world.advance(10 * MINUTE_MS).await;
        let [arrived] = world.inbox("shop").await;
        let body: Value = serde_json::from_str(arrived["body"].as_str().unwrap()).unwrap();
        assert_eq!((times(&[arrived]), &body["status"]), (vec![2 * MINUTE_MS], &json!("success")), "{fee}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_falls_due_while_its_delivery_is_tried_disturbs_nothing() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "status": 500 })).await;
    let id = world.charged("b-1").await;
    world.advance(59_000).await;
    world.play(&id, "pay", json!({})).await;
    // The bill is due a second later.
    world.advance(MINUTE_MS + 500).await;
    assert_eq!(times(&world.arrivals("shop").await), [59_000, 59_000 + MINUTE_MS]);
    world.end().await;
}

/// The storage stops after each write of a delivery, and of the sweep that repairs a lost queue message.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_behind_any_write_leaves_nothing_untold() {
    for (bell_lost, answered) in [(false, 200), (false, 500), (true, 200)] {
        for last in [LastAnswer::Lost, LastAnswer::Given] {
            for writes in 1..=4 {
                let faults = StorageFaults::default();
                let world = World::start_with(Options { storage_faults: Some(faults.clone()), ..options() }).await;
                world.webhook_to("shop", &json!({})).await;
                world.receiver("shop", json!({ "status": answered })).await;
                world.paid("b-1").await;
                if bell_lost {
                    world.purge_queue().await;
                    world.advance(2 * MINUTE_MS - 1).await;
                }
                faults.arm(writes, last);
                world.advance(1).await;
                faults.disarm();
                world.receiver("shop", json!({ "status": 200 })).await;
                world.advance(20 * MINUTE_MS).await;
                let what = format!("lost: {bell_lost}, {answered}, stopped after {writes}, its answer {last:?}");
                // After a stop between the answer and its record, the message arrives twice, with the same id.
                let arrivals = world.arrivals("shop").await;
                let ids: Vec<&Value> = arrivals.iter().map(|arrived| &arrived["headers"]["webhook-id"]).collect();
                assert!(!ids.is_empty() && ids.iter().all(|id| *id == ids[0]), "{what}: {ids:?}");
                let delivered = world.deliveries("waiting").await;
                assert_eq!(delivered, Vec::<Value>::new(), "{what}");
                // No entry stays due for ever.
                world.stack.metered();
                world.advance(10 * MINUTE_MS).await;
                let written: u64 = world.stack.metered().iter().map(|metered| metered.half_writes).sum();
                assert_eq!(written, 0, "{what}");
                world.end().await;
            }
        }
    }
}
