//! Each operation, and each error as the type the SDK makes of it.

use aws_sdk_sqs::{
    error::ProvideErrorMetadata,
    primitives::Blob,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageAttributeValue,
        MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
    },
};

use super::{super::Depth, MINUTE_MS, START_MS, World, code, redrive, system};

const GONE: &str = "AWS.SimpleQueueService.NonExistentQueue";
const UNSUPPORTED: &str = "AWS.SimpleQueueService.UnsupportedOperation";

fn text(data_type: &str, value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder().data_type(data_type).string_value(value).build().unwrap()
}

#[tokio::test]
async fn a_queue_is_made_once_and_found_by_name() {
    let world = World::new().await;
    let create = |seconds: &str| {
        let create = world.client.create_queue().queue_name("bells");
        create.attributes(QueueAttributeName::VisibilityTimeout, seconds).send()
    };
    let url = create("60").await.unwrap().queue_url.unwrap();
    assert_eq!(url, format!("{}/000000000000/bells", world.base));
    assert_eq!(create("60").await.unwrap().queue_url.unwrap(), url);
    assert!(create("61").await.unwrap_err().into_service_error().is_queue_name_exists());
    let found = world.client.get_queue_url().queue_name("bells").send().await.unwrap();
    assert_eq!(found.queue_url.unwrap(), url);
    let missing = world.client.get_queue_url().queue_name("whistles").send().await.unwrap_err();
    assert!(missing.into_service_error().is_queue_does_not_exist());
    let other = world.client.get_queue_url().queue_name("bells").queue_owner_aws_account_id("1");
    assert_eq!(code(other.send().await), GONE);
}

#[tokio::test]
async fn a_deployment_changes_the_attributes_of_a_queue() {
    let world = World::new().await;
    world.queue("bells", [("VisibilityTimeout", "60")]);
    let url = world.queue("bells", [("DelaySeconds", "5")]);
    let attributes = world.attributes(&url).await;
    assert_eq!(attributes[&QueueAttributeName::VisibilityTimeout], "30");
    assert_eq!(attributes[&QueueAttributeName::DelaySeconds], "5");
}

#[tokio::test]
async fn dead_letters_go_back_to_where_they_came_from_as_new_messages() {
    let world = World::new().await;
    let dead = world.queue("dead", []);
    let url = world.queue("bells", [("RedrivePolicy", &redrive("dead", 1)), ("VisibilityTimeout", "1")]);
    let id = world.send(&url, "one").await;
    world.send(&dead, "sent here by itself").await;
    assert_eq!(world.receive(&url).await.len(), 1);
    world.advance(MINUTE_MS);
    assert!(world.receive(&url).await.is_empty(), "it was received as often as it may be");
    let arn = world.attributes(&dead).await[&QueueAttributeName::QueueArn].clone();
    let task = world.client.start_message_move_task().source_arn(&arn).send().await.unwrap();
    assert!(task.task_handle().is_some());
    let [back] = <[Message; 1]>::try_from(world.receive(&url).await).unwrap();
    assert_eq!(back.body(), Some("one"));
    assert_ne!(back.message_id(), Some(id.as_str()));
    assert_eq!(system(&back, "ApproximateReceiveCount"), "1");
    assert_eq!(world.receive(&dead).await.len(), 1);
    let not_dead = arn.replace(":dead", ":bells");
    assert_eq!(code(world.client.start_message_move_task().source_arn(not_dead).send().await), "InvalidParameterValue");
    let nowhere = arn.replace(":dead", ":whistles");
    let nowhere = world.client.start_message_move_task().source_arn(nowhere).send().await;
    assert!(nowhere.unwrap_err().into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn queue_attributes_are_published() {
    let world = World::new().await;
    let dead = world.queue("dead", []);
    let url = world.queue("bells", [("RedrivePolicy", &redrive("dead", 3))]);
    world.send(&url, "one").await;
    world.send(&url, "two").await;
    world.send_late(&url, 1).await;
    world.client.receive_message().queue_url(&url).send().await.unwrap();
    let attributes = world.attributes(&url).await;
    let expect = [
        ("ApproximateNumberOfMessages", "1"),
        ("ApproximateNumberOfMessagesDelayed", "1"),
        ("ApproximateNumberOfMessagesNotVisible", "1"),
        ("CreatedTimestamp", "1780000000"),
        ("DelaySeconds", "0"),
        ("LastModifiedTimestamp", "1780000000"),
        ("MaximumMessageSize", "1048576"),
        ("MessageRetentionPeriod", "345600"),
        ("QueueArn", "arn:aws:sqs:cn-north-1:000000000000:bells"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("RedrivePolicy", r#"{"deadLetterTargetArn":"arn:aws:sqs:cn-north-1:000000000000:dead","maxReceiveCount":3}"#),
        ("VisibilityTimeout", "30"),
    ];
    let mut found: Vec<_> = attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    found.sort_unstable();
    assert_eq!(found, expect);
    assert!(!world.attributes(&dead).await.contains_key(&QueueAttributeName::RedrivePolicy));
    let read = world.client.get_queue_attributes().queue_url(&url);
    assert!(read.clone().send().await.unwrap().attributes.is_none_or(|attributes| attributes.is_empty()));
    let one = read.clone().attribute_names(QueueAttributeName::QueueArn).send().await.unwrap();
    assert_eq!(one.attributes.unwrap().len(), 1);
    let unknown = read.attribute_names(QueueAttributeName::from("Colour")).send().await.unwrap_err();
    assert!(unknown.into_service_error().is_invalid_attribute_name());
}

#[tokio::test]
async fn a_message_comes_as_it_was_sent() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    let body = "This is a test message";
    let send = world.client.send_message().queue_url(&url).message_body(body);
    let binary = MessageAttributeValue::builder().data_type("Binary.png").binary_value(Blob::new([0, 255]));
    let sent = send
        .message_attributes("name", text("String", "万"))
        .message_attributes("fen", text("Number.fen", "-9900.50"))
        .message_attributes("bytes", binary.build().unwrap())
        .send()
        .await
        .unwrap();
    // The body's digest is from the SQS API reference; the attributes' is from another implementation, in Python.
    assert_eq!(sent.md5_of_message_body(), Some("fafb00f5732ab283681e124bf8747ed1"));
    assert_eq!(sent.md5_of_message_attributes(), Some("368152df1932ddc8adc12ff307d33c0b"));
    let id = sent.message_id().unwrap();
    assert!(id.len() == 36 && id.as_bytes()[14] == b'4', "{id}");

    world.advance(1_234);
    let message = world.receive_one(&url).await;
    assert_eq!(message.body(), Some(body));
    assert_eq!(message.message_id(), Some(id));
    assert_eq!(message.md5_of_body(), sent.md5_of_message_body());
    assert_eq!(message.md5_of_message_attributes(), sent.md5_of_message_attributes());
    let attributes = message.message_attributes().unwrap();
    assert_eq!(attributes["name"], text("String", "万"));
    assert_eq!(attributes["bytes"].binary_value().unwrap().as_ref(), [0, 255]);
    assert_eq!(system(&message, "SentTimestamp"), START_MS.to_string());
    assert_eq!(system(&message, "ApproximateFirstReceiveTimestamp"), (START_MS + 1_234).to_string());
    assert_eq!(system(&message, "ApproximateReceiveCount"), "1");
}

#[tokio::test]
async fn only_the_attributes_asked_for_come() {
    let world = World::new().await;
    let url = world.queue("bells", [("VisibilityTimeout", "0")]);
    let send = world.client.send_message().queue_url(&url).message_body("x");
    let send = send.message_attributes("bill.num", text("String", "a"));
    send.message_attributes("app", text("String", "b")).send().await.unwrap();
    let receive = world.client.receive_message().queue_url(&url);
    let bare = receive.clone().send().await.unwrap().messages.unwrap().remove(0);
    assert!(bare.attributes.is_none() && bare.message_attributes.is_none());
    assert_eq!(bare.md5_of_message_attributes, None);
    for (wanted, expect) in [("bill.*", 1), (".*", 2), ("app", 1), ("ap", 0)] {
        let found = receive.clone().message_attribute_names(wanted).send().await.unwrap();
        let attributes = found.messages()[0].message_attributes().map_or(0, |found| found.len());
        assert_eq!(attributes, expect, "{wanted}");
    }
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    let counted = receive.clone().message_system_attribute_names(count.clone()).send().await.unwrap();
    assert_eq!(counted.messages()[0].attributes().unwrap().len(), 1);
    assert_eq!(counted.messages()[0].attributes().unwrap()[&count], "6");
    #[expect(deprecated, reason = "consumers still send the old member")]
    let old = receive.clone().attribute_names(QueueAttributeName::from("SentTimestamp")).send().await.unwrap();
    assert_eq!(system(&old.messages()[0], "SentTimestamp"), START_MS.to_string());
    let unknown = receive.message_system_attribute_names(MessageSystemAttributeName::from("Colour"));
    assert_eq!(code(unknown.send().await), "InvalidAttributeName");
}

#[tokio::test]
async fn a_deleted_message_is_gone() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    world.send(&url, "x").await;
    let message = world.receive_one(&url).await;
    world.delete(&url, &message).await;
    world.delete(&url, &message).await;
    assert_eq!(world.sqs.depth("bells").unwrap(), Depth::default());
    world.advance(MINUTE_MS);
    assert!(world.receive(&url).await.is_empty());
    let change = world.change_visibility(&url, &message, 1).await;
    assert_eq!(change, "InvalidParameterValue");
}

#[tokio::test]
async fn receipt_handles_are_checked() {
    let world = World::new().await;
    let (url, other) = (world.queue("bells", []), world.queue("other", []));
    world.send(&url, "x").await;
    let foreign = world.receive_one(&url).await;
    let garbled = Message::builder().receipt_handle("garbled").build();
    for message in [&garbled, &foreign] {
        let handle = message.receipt_handle.clone();
        let delete = world.client.delete_message().queue_url(&other).set_receipt_handle(handle).send().await;
        assert!(delete.unwrap_err().into_service_error().is_receipt_handle_is_invalid());
        assert_eq!(world.change_visibility(&other, message, 1).await, "ReceiptHandleIsInvalid");
    }
}

#[tokio::test]
async fn a_batch_does_what_it_can() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    let entry = |id: &str, body: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(body);
    let sent = world
        .client
        .send_message_batch()
        .queue_url(&url)
        .entries(entry("good", "This is a test message").build().unwrap())
        .entries(entry("bad", "\u{1}").build().unwrap())
        .entries(entry("late", "x").delay_seconds(901).build().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(sent.successful()[0].id(), "good");
    assert_eq!(sent.successful()[0].md5_of_message_body(), "fafb00f5732ab283681e124bf8747ed1");
    let failed: Vec<_> = sent.failed().iter().map(|entry| (entry.id(), entry.code(), entry.sender_fault())).collect();
    assert_eq!(failed, [("bad", "InvalidMessageContents", true), ("late", "InvalidParameterValue", true)]);

    let handle = world.receive_one(&url).await.receipt_handle.unwrap();
    let change = |id: &str, handle: &str| {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(id).receipt_handle(handle);
        entry.visibility_timeout(0).build().unwrap()
    };
    let changed = world.client.change_message_visibility_batch().queue_url(&url);
    let changed = changed.entries(change("a", &handle)).entries(change("b", "garbled")).send().await.unwrap();
    assert_eq!(changed.successful()[0].id(), "a");
    assert_eq!((changed.failed()[0].id(), changed.failed()[0].code()), ("b", "ReceiptHandleIsInvalid"));

    let handle = world.receive_one(&url).await.receipt_handle.unwrap();
    let delete = |id: &str, handle: &str| {
        DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(handle).build().unwrap()
    };
    let deleted = world.client.delete_message_batch().queue_url(&url);
    let deleted = deleted.entries(delete("a", &handle)).entries(delete("b", "garbled")).send().await.unwrap();
    assert_eq!(deleted.successful()[0].id(), "a");
    assert_eq!((deleted.failed()[0].id(), deleted.failed()[0].code()), ("b", "ReceiptHandleIsInvalid"));
    assert_eq!(world.sqs.depth("bells").unwrap(), Depth::default());
}

#[tokio::test]
async fn a_purge_takes_every_message() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    world.send(&url, "held").await;
    let held = world.receive_one(&url).await;
    world.send(&url, "visible").await;
    world.send_late(&url, 1).await;
    world.client.purge_queue().queue_url(&url).send().await.unwrap();
    assert_eq!(world.sqs.depth("bells").unwrap(), Depth::default());
    world.delete(&url, &held).await;
    world.advance(59_999);
    let again = world.client.purge_queue().queue_url(&url).send().await.unwrap_err();
    assert!(again.into_service_error().is_purge_queue_in_progress());
    world.advance(1);
    world.client.purge_queue().queue_url(&url).send().await.unwrap();
}

#[tokio::test]
async fn a_missing_queue_is_a_typed_error_everywhere() {
    let world = World::new().await;
    let (client, url) = (&world.client, world.sqs.queue_url("none", &world.base));
    let send = client.send_message().queue_url(&url).message_body("x").send().await.unwrap_err();
    assert!(send.as_service_error().unwrap().is_queue_does_not_exist());
    assert_eq!(send.raw_response().unwrap().status().as_u16(), 400);
    assert_eq!(send.message(), Some("The specified queue does not exist."));
    let receive = client.receive_message().queue_url(&url).send().await.unwrap_err();
    assert!(receive.into_service_error().is_queue_does_not_exist());
    let delete = client.delete_message().queue_url(&url).receipt_handle("x").send().await.unwrap_err();
    assert!(delete.into_service_error().is_queue_does_not_exist());
    assert_eq!(code(client.purge_queue().queue_url(&url).send().await), GONE);
    assert_eq!(code(client.get_queue_attributes().queue_url(&url).send().await), GONE);
    let entry = SendMessageBatchRequestEntry::builder().id("a").message_body("x").build().unwrap();
    assert_eq!(code(client.send_message_batch().queue_url(&url).entries(entry).send().await), GONE);
    let astray = client.purge_queue().queue_url("bells").send().await.unwrap_err();
    assert!(astray.into_service_error().is_invalid_address());
    assert!(world.sqs.depth("none").is_err());
}

#[tokio::test]
async fn what_is_not_implemented_is_refused() {
    let world = World::new().await;
    let (client, url) = (&world.client, world.queue("bells", []));
    let create = |name: &str| client.create_queue().queue_name(name);
    let list = client.list_queues().send().await.unwrap_err();
    assert!(list.into_service_error().is_unsupported_operation());
    assert_eq!(code(client.delete_queue().queue_url(&url).send().await), UNSUPPORTED);
    assert_eq!(code(create("bells.fifo").send().await), UNSUPPORTED);
    assert_eq!(code(create("b").tags("a", "b").send().await), UNSUPPORTED);
    let policy = create("b").attributes(QueueAttributeName::Policy, "{}");
    assert_eq!(code(policy.send().await), UNSUPPORTED);
    let fifo = create("b").attributes(QueueAttributeName::FifoQueue, "true").send().await.unwrap_err();
    assert!(fifo.into_service_error().is_invalid_attribute_name());
    let once = client.send_message().queue_url(&url).message_body("x").message_deduplication_id("d");
    assert_eq!(code(once.send().await), UNSUPPORTED);
    assert_eq!(world.sqs.depth("bells").unwrap(), Depth::default());
}

/// If a group keeps many messages in flight, other groups come first. Without groups, the oldest message comes first.
#[tokio::test]
async fn a_quiet_group_overtakes_a_noisy_neighbour() {
    let world = World::new().await;
    let url = world.queue("q", []);
    let send = async |group: &str, body: &str| {
        world.client.send_message().queue_url(&url).message_body(body).message_group_id(group).send().await.unwrap();
    };
    for number in 0..60 {
        send("noisy", &number.to_string()).await;
    }
    send("quiet", "quiet").await;
    let bodies = |max| -> Vec<String> {
        let received = world.sqs.receive("q", max, 30).unwrap();
        received.into_iter().map(|message| message.body).collect()
    };
    for _ in 0..2 {
        assert!(!bodies(10).contains(&"quiet".to_owned()));
    }
    assert_eq!(bodies(9).len(), 9);
    // With thirty in flight it is noisy.
    assert_eq!(bodies(1), ["29"]);
    assert_eq!(bodies(2), ["quiet", "30"]);
    // With none in flight it is not.
    world.advance(31_000);
    assert_eq!(bodies(1).len(), 1);
}

#[tokio::test]
async fn a_group_is_a_word_of_visible_signs() {
    let world = World::new().await;
    let url = world.queue("q", []);
    for (group, is_taken) in [("g", true), ("a-B_9.!", true), ("", false), ("a b", false), ("字", false)] {
        let sent = world.client.send_message().queue_url(&url).message_body("x").message_group_id(group).send().await;
        assert_eq!(sent.is_ok(), is_taken, "{group}");
    }
    let long = world.client.send_message().queue_url(&url).message_body("x").message_group_id("g".repeat(129));
    assert!(long.send().await.is_err());
}
