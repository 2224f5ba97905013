//! Each limit of AWS, at its bound and above it.

use aws_sdk_sqs::{
    primitives::Blob,
    types::{DeleteMessageBatchRequestEntry, MessageAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry},
};

use super::{
    super::{Receive, SqsError, message::NewMessage, state::IN_FLIGHT_MAX},
    MINUTE_MS, World, code, redrive, texts,
};

const INVALID: &str = "InvalidParameterValue";
const MIB: usize = 1_048_576;

#[tokio::test]
async fn queue_attributes_have_bounds() {
    #[rustfmt::skip]
    let cases = [
        ("DelaySeconds",                  ["0", "900"],        ["-1", "901"]),
        ("MaximumMessageSize",            ["1024", "1048576"], ["1023", "1048577"]),
        ("MessageRetentionPeriod",        ["60", "1209600"],   ["59", "1209601"]),
        ("ReceiveMessageWaitTimeSeconds", ["0", "20"],         ["-1", "21"]),
        ("VisibilityTimeout",             ["0", "43200"],      ["x", "43201"]),
    ];
    let world = World::new().await;
    let create = |name: &str, value: &str| {
        let create = world.client.create_queue().queue_name(format!("{name}{value}"));
        create.attributes(QueueAttributeName::from(name), value).send()
    };
    for (name, good, bad) in cases {
        for value in good {
            create(name, value).await.unwrap();
        }
        for value in bad {
            let error = create(name, value).await.unwrap_err().into_service_error();
            assert!(error.is_invalid_attribute_value(), "{name} {value}: {error:?}");
        }
    }
}

#[tokio::test]
async fn queue_names_have_bounds() {
    let world = World::new().await;
    let create = async |name: &str| code(world.client.create_queue().queue_name(name).send().await);
    assert_eq!(create(&"a".repeat(80)).await, "");
    assert_eq!(create(&"a".repeat(81)).await, INVALID);
    assert_eq!(create("a.b").await, INVALID);
    assert_eq!(create("").await, INVALID);
}

#[tokio::test]
async fn redrive_policies_are_checked() {
    let world = World::new().await;
    world.queue("dead", []);
    let create = |policy: &str| world.sqs.create_queue("bells", &texts([("RedrivePolicy", policy)]));
    let cases = [
        redrive("dead", 0),
        redrive("dead", 1_001),
        redrive("none", 1),
        redrive("bells", 1),
        redrive("dead", 1).replace("cn-north-1", "cn-north-2"),
        "{}".to_owned(),
    ];
    for policy in cases {
        assert!(matches!(create(&policy), Err(SqsError::InvalidParameterValue { .. })), "{policy}");
    }
    create(&redrive("dead", 1_000)).unwrap();
    create(&redrive("dead", 1)).unwrap();
    create("").unwrap();
}

#[tokio::test]
async fn receives_have_bounds() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    world.send(&url, "x").await;
    let receive = || world.client.receive_message().queue_url(&url);
    for (max, expect) in [(0, INVALID), (11, INVALID), (-1, INVALID)] {
        assert_eq!(code(receive().max_number_of_messages(max).send().await), expect, "{max}");
    }
    for seconds in [-1, 43_201] {
        assert_eq!(code(receive().visibility_timeout(seconds).send().await), INVALID, "{seconds}");
    }
    for seconds in [-1, 21] {
        assert_eq!(code(receive().wait_time_seconds(seconds).send().await), INVALID, "{seconds}");
    }
    let all = receive().max_number_of_messages(10).visibility_timeout(43_200).wait_time_seconds(20);
    assert_eq!(all.send().await.unwrap().messages().len(), 1);
    assert!(matches!(world.sqs.receive("bells", 11, 0), Err(SqsError::InvalidParameterValue { .. })));
    assert!(matches!(world.sqs.receive("bells", 10, -1), Err(SqsError::InvalidParameterValue { .. })));
}

#[tokio::test]
async fn a_receive_gives_no_more_than_asked_for() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    for number in 0..12 {
        world.send(&url, &number.to_string()).await;
    }
    let one = world.client.receive_message().queue_url(&url).send().await.unwrap();
    assert_eq!(one.messages().len(), 1);
    assert_eq!(world.receive(&url).await.len(), 10);
    assert_eq!(world.receive(&url).await.len(), 1);
}

#[tokio::test]
async fn delays_have_bounds() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    for (seconds, expect) in [(-1, INVALID), (0, ""), (900, ""), (901, INVALID)] {
        let send = world.client.send_message().queue_url(&url).message_body("x").delay_seconds(seconds);
        assert_eq!(code(send.send().await), expect, "{seconds}");
    }
}

#[tokio::test]
async fn bodies_are_checked() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    let send = async |body: &str| code(world.client.send_message().queue_url(&url).message_body(body).send().await);
    for body in ["\t\n\r ~", "\u{d7ff}", "\u{e000}", "\u{fffd}", "\u{10000}", "\u{10ffff}", "\"\\/"] {
        assert_eq!(send(body).await, "", "{body:?}");
        assert_eq!(world.bodies(&url).await, [body]);
    }
    for body in ["\0", "\u{8}", "\u{b}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
        assert_eq!(send(body).await, "InvalidMessageContents", "{body:?}");
    }
    assert_eq!(send("").await, "MissingParameter");
    let typed = world.client.send_message().queue_url(&url).message_body("\0").send().await.unwrap_err();
    assert!(typed.into_service_error().is_invalid_message_contents());
}

#[tokio::test]
async fn a_message_has_at_most_a_mebibyte() {
    let world = World::new().await;
    let (url, small) = (world.queue("bells", []), world.queue("small", [("MaximumMessageSize", "1024")]));
    let send = |url: &str, bytes: usize| world.client.send_message().queue_url(url).message_body("x".repeat(bytes));
    // Name, type and value of the attribute make 9 bytes.
    let attribute = MessageAttributeValue::builder().data_type("String").string_value("ab").build().unwrap();
    assert_eq!(code(send(&url, MIB).send().await), "");
    assert_eq!(code(send(&url, MIB + 1).send().await), INVALID);
    assert_eq!(code(send(&url, MIB - 9).message_attributes("n", attribute.clone()).send().await), "");
    assert_eq!(code(send(&url, MIB - 8).message_attributes("n", attribute).send().await), INVALID);
    assert_eq!(code(send(&small, 1_024).send().await), "");
    assert_eq!(code(send(&small, 1_025).send().await), INVALID);
    let tabs = world.client.send_message().queue_url(&url).message_body("\t".repeat(MIB));
    assert_eq!(code(tabs.send().await), "");
}

#[tokio::test]
async fn message_attributes_are_checked() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    let text = |data_type: &str, value: &str| {
        MessageAttributeValue::builder().data_type(data_type).string_value(value).build().unwrap()
    };
    let binary = MessageAttributeValue::builder().data_type("String").binary_value(Blob::new("x"));
    let long = "n".repeat(257);
    let cases = [
        (&long[..256], text("String", "v"), ""),
        (&long, text("String", "v"), INVALID),
        ("a.b-c_D9", text("String.label", "v"), ""),
        (".a", text("String", "v"), INVALID),
        ("a..b", text("String", "v"), INVALID),
        ("a b", text("String", "v"), INVALID),
        ("AWS.a", text("String", "v"), INVALID),
        ("amazon.a", text("String", "v"), INVALID),
        ("n", text("Number", "1e3"), ""),
        ("n", text("Number", "one"), INVALID),
        ("n", text("Number", "inf"), INVALID),
        ("n", text("Colour", "v"), INVALID),
        ("n", text("Binary", "v"), INVALID),
        ("n", text("String", ""), INVALID),
        ("n", text("String", "\0"), "InvalidMessageContents"),
        ("n", binary.build().unwrap(), INVALID),
    ];
    for (name, value, expect) in cases {
        let send = world.client.send_message().queue_url(&url).message_body("x");
        assert_eq!(code(send.message_attributes(name, value).send().await), expect, "{name}");
    }
    let many = |count: usize| {
        let send = world.client.send_message().queue_url(&url).message_body("x");
        (0..count).fold(send, |send, n| send.message_attributes(n.to_string(), text("String", "v"))).send()
    };
    assert_eq!(code(many(10).await), "");
    assert_eq!(code(many(11).await), INVALID);
}

#[tokio::test]
async fn batches_have_bounds() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    let send = |ids: Vec<String>, bytes: usize| {
        let entries = ids.into_iter().map(|id| {
            let entry = SendMessageBatchRequestEntry::builder().id(id).message_body("x".repeat(bytes));
            entry.build().unwrap()
        });
        world.client.send_message_batch().queue_url(&url).set_entries(Some(entries.collect())).send()
    };
    let numbered = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
    assert_eq!(send(numbered(10), 1).await.unwrap().successful().len(), 10);
    let many = send(numbered(11), 1).await.unwrap_err().into_service_error();
    assert!(many.is_too_many_entries_in_batch_request());
    let none = send(numbered(0), 1).await.unwrap_err().into_service_error();
    assert!(none.is_empty_batch_request());
    let twice = send(vec!["a".into(), "a".into()], 1).await.unwrap_err().into_service_error();
    assert!(twice.is_batch_entry_ids_not_distinct());
    assert_eq!(code(send(vec!["a".repeat(80)], 1).await), "");
    for id in ["a".repeat(81), "a.b".to_owned(), String::new()] {
        assert!(send(vec![id], 1).await.unwrap_err().into_service_error().is_invalid_batch_entry_id());
    }
    assert_eq!(send(numbered(2), MIB / 2).await.unwrap().successful().len(), 2);
    let long = send(numbered(2), MIB / 2 + 1).await.unwrap_err().into_service_error();
    assert!(long.is_batch_request_too_long());

    let delete = |id: &str| DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle("x").build().unwrap();
    let deletes = world.client.delete_message_batch().queue_url(&url);
    let twice = deletes.clone().entries(delete("a")).entries(delete("a")).send().await.unwrap_err();
    assert!(twice.into_service_error().is_batch_entry_ids_not_distinct());
    let many = deletes.set_entries(Some(numbered(11).iter().map(|id| delete(id)).collect())).send().await;
    assert!(many.unwrap_err().into_service_error().is_too_many_entries_in_batch_request());
}

#[tokio::test]
async fn at_most_120_000_messages_are_in_flight() {
    let world = World::new().await;
    let url = world.queue("bells", []);
    for _ in 0..=IN_FLIGHT_MAX {
        let new = NewMessage::parse(Some("x".to_owned()), None, None, None).unwrap();
        world.sqs.state().send("bells", new, world.now_ms()).unwrap();
    }
    let first = world.sqs.receive("bells", 5, 30).unwrap().remove(0);
    for _ in 1..IN_FLIGHT_MAX / 10 {
        assert_eq!(world.sqs.receive("bells", 10, 60).unwrap().len(), 10);
    }
    // The last receive of ten gets only as many as the limit still allows.
    assert_eq!(world.receive(&url).await.len(), 5);
    let short = world.client.receive_message().queue_url(&url).send().await.unwrap_err();
    assert_eq!(short.raw_response().unwrap().status().as_u16(), 403);
    assert!(short.into_service_error().is_over_limit());

    // A long poll waits for room instead.
    let long = Receive { max: 1, visibility_seconds: None, wait_seconds: Some(20) };
    let poll = tokio::spawn({
        let sqs = world.sqs.clone();
        async move { sqs.poll("bells", long).await }
    });
    while world.sqs.inner.wake.receiver_count() == 0 {
        tokio::task::yield_now().await;
    }
    world.sqs.delete("bells", &first.receipt_handle).unwrap();
    assert_eq!(poll.await.unwrap().unwrap().len(), 1);
    world.advance(MINUTE_MS);
    assert_eq!(world.sqs.depth("bells").unwrap().visible, IN_FLIGHT_MAX);
}
