//! Delays, leases, retention and long polls, to the millisecond.

use aws_sdk_sqs::types::Message;
use tokio::task::JoinHandle;

use super::{super::Depth, HOUR_MS, MINUTE_MS, START_MS, World, redrive, system};

#[tokio::test]
async fn a_delay_ends_to_the_millisecond() {
    let world = World::new().await;
    let url = world.queue("bells", [("DelaySeconds", "5")]);
    world.send_late(&url, 900).await;
    world.send(&url, "default").await;
    world.send_late(&url, 0).await;
    assert_eq!(world.bodies(&url).await, ["late"]);
    assert_eq!(world.sqs.depth("bells").unwrap(), Depth { visible: 0, in_flight: 1, delayed: 2 });
    assert_eq!(world.sqs.next_event_ms(), Some(START_MS + 5_000));
    world.advance(4_999);
    assert!(world.receive(&url).await.is_empty());
    world.advance(1);
    assert_eq!(world.bodies(&url).await, ["default"]);
    world.client.purge_queue().queue_url(&url).send().await.unwrap();
    assert_eq!(world.sqs.next_event_ms(), None);
    world.send_late(&url, 900).await;
    world.advance(899_999);
    assert!(world.receive(&url).await.is_empty());
    assert_eq!(world.sqs.next_event_ms(), Some(world.now_ms() + 1));
    world.advance(1);
    assert_eq!(world.sqs.next_event_ms(), None);
    assert_eq!(world.bodies(&url).await, ["late"]);
}

#[tokio::test]
async fn a_lease_ends_to_the_millisecond() {
    let world = World::new().await;
    let url = world.queue("bells", [("VisibilityTimeout", "7")]);
    world.send(&url, "x").await;
    let first = world.receive_one(&url).await;
    world.advance(6_999);
    assert!(world.receive(&url).await.is_empty());
    world.advance(1);
    let second = world.receive_one(&url).await;
    assert_eq!(second.message_id, first.message_id);
    assert_eq!(system(&second, "ApproximateReceiveCount"), "2");
    assert_eq!(system(&second, "ApproximateFirstReceiveTimestamp"), START_MS.to_string());
}

#[tokio::test]
async fn a_handle_is_stale_after_a_later_receive() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    world.send(&url, "x").await;
    let first = world.receive_one(&url).await;
    world.advance(30_000);
    // The lease is over, but nobody else received the message: it may still be deleted, but not prolonged.
    let late = world.change_visibility(&url, &first, 1).await;
    assert_eq!(late, "AWS.SimpleQueueService.MessageNotInflight");
    let second = world.receive_one(&url).await;
    assert_ne!(first.receipt_handle, second.receipt_handle);
    assert_eq!(world.change_visibility(&url, &first, 0).await, "InvalidParameterValue");
    world.delete(&url, &first).await;
    assert_eq!(world.sqs.depth("bells").unwrap().in_flight, 1);
    world.advance(30_000);
    world.delete(&url, &second).await;
    assert_eq!(world.sqs.depth("bells").unwrap(), Depth::default());
}

#[tokio::test]
async fn a_lease_can_be_cut_and_prolonged() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    world.send(&url, "x").await;
    let message = world.receive_one(&url).await;
    world.advance(29_999);
    assert_eq!(world.change_visibility(&url, &message, 10).await, "");
    assert_eq!(world.sqs.next_event_ms(), Some(world.now_ms() + 10_000));
    world.advance(9_999);
    assert!(world.receive(&url).await.is_empty());
    assert_eq!(world.change_visibility(&url, &message, 0).await, "");
    let again = world.receive_one(&url).await;
    assert_eq!(world.change_visibility(&url, &again, -1).await, "InvalidParameterValue");
    assert_eq!(world.change_visibility(&url, &again, 43_201).await, "InvalidParameterValue");
}

#[tokio::test]
async fn a_lease_is_at_most_twelve_hours_from_the_receive() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    world.send(&url, "x").await;
    let message = world.receive_one(&url).await;
    assert_eq!(world.change_visibility(&url, &message, 43_200).await, "");
    world.advance(HOUR_MS);
    assert_eq!(world.change_visibility(&url, &message, 39_601).await, "InvalidParameterValue");
    assert_eq!(world.change_visibility(&url, &message, 39_600).await, "");
    world.advance(11 * HOUR_MS - 1);
    assert!(world.receive(&url).await.is_empty());
    assert_eq!(world.change_visibility(&url, &message, 1).await, "InvalidParameterValue");
    world.advance(1);
    // The next receive has its own twelve hours.
    let message = world.receive_one(&url).await;
    assert_eq!(world.change_visibility(&url, &message, 43_200).await, "");
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letters() {
    let world = World::new().await;
    let dead = world.queue("dead", []);
    let url = world.queue("bells", [("RedrivePolicy", &redrive("dead", 2)), ("VisibilityTimeout", "1")]);
    world.send(&url, "poison").await;
    for count in ["1", "2"] {
        assert_eq!(system(&world.receive_one(&url).await, "ApproximateReceiveCount"), count);
        world.advance(1_000);
    }
    assert_eq!(world.sqs.depth("bells").unwrap().visible, 1);
    assert!(world.receive(&dead).await.is_empty());
    world.send(&url, "good").await;
    // One receive moves the old message and also returns the new one.
    assert_eq!(world.bodies(&url).await, ["good"]);
    let letter = world.receive_one(&dead).await;
    assert_eq!(letter.body(), Some("poison"));
    assert_eq!(system(&letter, "SentTimestamp"), START_MS.to_string());
    assert_eq!(system(&letter, "DeadLetterQueueSourceArn"), world.sqs.queue_arn("bells"));
    world.delete(&dead, &letter).await;
    assert_eq!(world.sqs.depth("dead").unwrap(), Depth::default());
}

#[tokio::test]
async fn dead_letters_of_dead_letters_are_counted_anew() {
    let world = World::new().await;
    let last = world.queue("last", []);
    let dead = world.queue("dead", [("RedrivePolicy", &redrive("last", 2)), ("VisibilityTimeout", "0")]);
    let url = world.queue("bells", [("RedrivePolicy", &redrive("dead", 2)), ("VisibilityTimeout", "0")]);
    world.send(&url, "poison").await;
    for (queue, count) in [(&url, "1"), (&url, "2"), (&url, ""), (&dead, "3"), (&dead, "4"), (&dead, ""), (&last, "5")]
    {
        let found = world.receive(queue).await;
        assert_eq!(found.first().map(|message| system(message, "ApproximateReceiveCount")).unwrap_or_default(), count);
    }
}

#[tokio::test]
async fn a_message_is_kept_for_the_retention_period() {
    let world = World::new().await;
    let (short, long) = (world.queue("short", [("MessageRetentionPeriod", "60")]), world.queue("long", []));
    world.send(&short, "x").await;
    world.send(&long, "x").await;
    world.send_late(&short, 60).await;
    world.advance(MINUTE_MS - 1);
    assert_eq!(world.sqs.depth("short").unwrap(), Depth { visible: 1, in_flight: 0, delayed: 1 });
    // The delayed message will be dropped before it is visible.
    assert_eq!(world.sqs.next_event_ms(), None);
    world.advance(1);
    assert_eq!(world.sqs.depth("short").unwrap(), Depth::default());
    world.advance(4 * 24 * HOUR_MS - MINUTE_MS - 1);
    assert_eq!(world.sqs.depth("long").unwrap().visible, 1);
    world.advance(1);
    assert_eq!(world.sqs.depth("long").unwrap(), Depth::default());
}

/// Starts a long poll through the SDK, and returns when the server is waiting.
async fn start_poll(world: &World, url: &str, seconds: Option<i32>) -> JoinHandle<Vec<Message>> {
    let receive = world.client.receive_message().queue_url(url).set_wait_time_seconds(seconds);
    let poll = tokio::spawn(async move { receive.send().await.unwrap().messages.unwrap_or_default() });
    while world.sqs.inner.wake.receiver_count() == 0 {
        tokio::task::yield_now().await;
    }
    poll
}

#[tokio::test]
async fn a_long_poll_is_woken_by_a_send() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    let poll = start_poll(&world, &url, Some(20)).await;
    world.send(&url, "x").await;
    assert_eq!(poll.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_long_poll_is_woken_by_the_clock() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    world.send_late(&url, 15).await;
    let poll = start_poll(&world, &url, Some(20)).await;
    world.advance(14_999);
    world.advance(1);
    assert_eq!(poll.await.unwrap().len(), 1);
    assert_eq!(world.now_ms(), START_MS + 15_000);
}

#[tokio::test]
async fn a_long_poll_is_woken_by_a_message_given_back() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    world.send(&url, "x").await;
    let message = world.receive_one(&url).await;
    let poll = start_poll(&world, &url, Some(20)).await;
    assert_eq!(world.change_visibility(&url, &message, 0).await, "");
    assert_eq!(poll.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_long_poll_ends_empty_by_the_clock() {
    let world = World::new().await;
    let url = world.queue("bells", [("ReceiveMessageWaitTimeSeconds", "3")]);
    for seconds in [Some(20), None] {
        let poll = start_poll(&world, &url, seconds).await;
        world.advance(i64::from(seconds.unwrap_or(3)) * 1_000 - 1);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!poll.is_finished());
        world.advance(1);
        assert!(poll.await.unwrap().is_empty());
    }
    // Zero seconds in the request replace the queue's three.
    let short = world.client.receive_message().queue_url(&url).wait_time_seconds(0).send().await;
    assert!(short.unwrap().messages.is_none());
}
