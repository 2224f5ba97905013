//! One bad target delays nobody else, and a failure of ours costs seconds: the two queues of deliveries.

use domain::Lane;
use local::{LastAnswer, Options, StorageFaults};
use serde_json::{Value, json};

use crate::{
    console::Visitor,
    deliveries::time,
    world::{MINUTE_MS, START_MS, World, options, texts},
};

/// A little longer than an answer in time may take, by the machine's clock.
const LATE_MS: u64 = 3_200;

/// How many messages wait in the fast lane and in the slow one.
async fn queued(world: &World) -> (usize, usize) {
    let of = async |lane| world.queued_at(world.stack.queue_url(lane)).await;
    (of(Lane::Fast).await, of(Lane::Slow).await)
}

/// The health of the demo app's only webhook.
async fn health(world: &World) -> Value {
    let hooks = format!("/apps/{}/webhooks", world.app.app_id);
    world.admin("GET", &hooks, Value::Null).await.done(200)["items"][0]["health"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_target_takes_the_slow_lane_until_it_answers_in_time() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "delayMs": LATE_MS })).await;
    world.paid("b-1").await;
    assert_eq!(queued(&world).await, (1, 0));
    world.advance(0).await;
    // The target received it, and nothing failed.
    assert_eq!(world.arrivals("shop").await.len(), 1);
    let slow =
        json!({ "failuresInARow": 0, "failingSince": null, "slow": true, "pausedSince": null, "nextProbe": null });
    assert_eq!(health(&world).await, slow);

    world.receiver("shop", json!({})).await;
    for bill in ["b-2", "b-3"] {
        world.paid(bill).await;
        assert_eq!(queued(&world).await, (0, 1), "{bill}");
        world.advance(0).await;
    }
    assert_eq!(health(&world).await, Value::Null);
    world.paid("b-4").await;
    assert_eq!(queued(&world).await, (1, 0));
    world.advance(0).await;
    assert_eq!(world.arrivals("shop").await.len(), 4);
    world.end().await;
}

/// A target that was only late did not fail. Otherwise its first failure would count as one of hours, and be told at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_target_fails_since_its_first_failure() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "delayMs": LATE_MS })).await;
    world.paid("late").await;
    world.advance(2 * 60 * MINUTE_MS).await;
    world.receiver("shop", json!({ "status": 500 })).await;
    world.paid("failed").await;
    world.advance(0).await;
    let failing = health(&world).await;
    assert_eq!((&failing["failuresInARow"], &failing["failingSince"]), (&json!(1), &json!(world.now_ms().await)));
    world.ignores("shop");
    world.end().await;
}

/// A retry, a replay by hand and a message from the sweep use the slow lane, too.
#[tokio::test(flavor = "multi_thread")]
async fn every_bell_for_a_late_target_takes_the_slow_lane() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "status": 500, "delayMs": LATE_MS })).await;
    world.paid("b-1").await;
    world.advance(0).await;
    let attributes = json!({ "AttributeNames": ["ApproximateNumberOfMessagesDelayed"] });
    let retry = world.sqs(Lane::Slow, "GetQueueAttributes", attributes).await;
    assert_eq!(retry["Attributes"]["ApproximateNumberOfMessagesDelayed"], "1");

    let [waiting] = <[Value; 1]>::try_from(world.deliveries("waiting").await).unwrap();
    let path = format!("/apps/{}/deliveries/{}/resend", world.app.app_id, waiting["id"].as_str().unwrap());
    world.admin("POST", &path, Value::Null).await.done(200);
    assert_eq!(queued(&world).await, (0, 1));

    world.purge_queue().await;
    world.receiver("shop", json!({})).await;
    world.advance(3 * 60_000).await;
    assert_eq!(world.arrivals("shop").await.len(), 2);
    assert_eq!(world.deliveries("delivered").await.len(), 1);
    world.end().await;
}

/// A message may have been queued before the target was known to be late.
#[tokio::test(flavor = "multi_thread")]
async fn a_bell_for_a_late_target_changes_from_the_fast_lane_to_the_slow_one() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "delayMs": LATE_MS })).await;
    world.paid("b-1").await;
    world.advance(0).await;
    world.receiver("shop", json!({})).await;
    world.paid("b-2").await;
    let moved = world.sqs(Lane::Slow, "ReceiveMessage", json!({ "MessageSystemAttributeNames": ["All"] })).await;
    let message = &moved["Messages"][0];
    let hooks = format!("/apps/{}/webhooks", world.app.app_id);
    let hook = world.admin("GET", &hooks, Value::Null).await.done(200)["items"][0]["id"].clone();
    assert_eq!(message["Attributes"]["MessageGroupId"], hook);
    world.purge_queue().await;
    world.sqs(Lane::Fast, "SendMessage", json!({ "MessageBody": message["Body"] })).await;

    let event = json!({ "Records": [{
        "messageId": "m-1",
        "receiptHandle": "r-1",
        "body": message["Body"],
        "attributes": { "ApproximateReceiveCount": "1" },
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:DeliveriesQueue",
    }] });
    let answer = world.stack.invoke_event("deliver", &event.to_string()).await.unwrap();
    assert_eq!(answer, r#"{"batchItemFailures":[]}"#);
    assert_eq!(world.arrivals("shop").await.len(), 1, "it was tried in the fast lane");
    assert_eq!(queued(&world).await, (1, 1));
    world.advance(0).await;
    assert_eq!(world.arrivals("shop").await.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_our_storage_costs_a_delivery_five_seconds() {
    let faults = StorageFaults::default();
    let world = World::start_with(Options { storage_faults: Some(faults.clone()), ..options() }).await;
    world.webhook_to("shop", &json!({})).await;
    world.paid("b-1").await;
    faults.arm(0, LastAnswer::Given);
    world.advance(0).await;
    assert!(faults.disarm(), "the storage was not asked");
    assert_eq!(world.arrivals("shop").await.len(), 0);
    world.advance(5_000).await;
    let [arrived] = world.inbox("shop").await;
    assert_eq!(time(&arrived), START_MS + 5_000);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_no_bell_is_a_dead_letter_after_eighty_seconds() {
    let world = World::start().await;
    for lane in Lane::ALL {
        world.sqs(lane, "SendMessage", json!({ "MessageBody": "hello" })).await;
    }
    let dead = dead_letters(&world);
    world.advance(79_000).await;
    assert_eq!(world.queued_at(&dead).await, 0);
    world.advance(2_000).await;
    assert_eq!(world.queued_at(&dead).await, 2);
    let found = world.admin("GET", "/dead-letters", Value::Null).await.done(200);
    assert_eq!(found["items"][0]["body"], "hello");
    world.end().await;
}

/// The queue of messages that failed four times.
fn dead_letters(world: &World) -> String {
    world.stack.queue_url(Lane::Fast).replace("/DeliveriesQueue", "/DeadLetters")
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_shown_and_taken_back_at_a_click() {
    let faults = StorageFaults::default();
    let world = World::start_with(Options { storage_faults: Some(faults.clone()), ..options() }).await;
    let none = world.admin("GET", "/dead-letters", Value::Null).await.done(200);
    assert_eq!(none, json!({ "count": 0, "items": [] }));
    assert_eq!(world.admin("POST", "/dead-letters/take-back", json!({})).await.done(200), json!({ "takenBack": 0 }));

    world.webhook_to("shop", &json!({})).await;
    world.paid("b-1").await;
    faults.arm(0, LastAnswer::Given);
    world.advance(81_000).await;
    assert!(faults.disarm(), "the storage was not asked");
    let found = world.admin("GET", "/dead-letters", Value::Null).await.done(200);
    assert_eq!(found["count"], 1);
    let letter = &found["items"][0];
    assert_eq!(
        (&letter["billNum"], &letter["event"], &letter["attempt"]),
        (&json!("b-1"), &json!("payment.success"), &json!(1))
    );

    let owner = Visitor::owner(&world).await;
    world.advance(1_000).await;
    let page = owner.get(&world, "/dead-letters").await.text();
    assert!(page.contains("There are about 1") && page.contains("b-1"), "{page}");
    world.advance(1_000).await;
    assert_eq!(
        owner.post(&world, "/dead-letters", &[]).await.header("location"),
        "/console/dead-letters?done=taken-back"
    );
    assert_eq!(world.queued_at(&dead_letters(&world)).await, 0);
    world.advance(0).await;
    let [arrived] = world.inbox("shop").await;
    assert_eq!(time(&arrived), START_MS + 83_000, "the sweep rings after two minutes only");
    let audit = world.admin("GET", "/audit", Value::Null).await.done(200);
    assert!(texts(&audit["items"], "action").contains(&"take back dead letters".to_owned()), "{audit}");
    world.end().await;
}
