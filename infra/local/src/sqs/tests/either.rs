//! What holds for any SQS. These tests run on the embedded one, and in CI once more on ElasticMQ (`tests/elasticmq/run`): what only our own
//! SQS does, no test here can pass. The other tests here need the clock moved by hand, which no other SQS has.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use aws_sdk_sqs::{
    error::SdkError,
    types::{MessageAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry},
};
use domain::{AppId, AskedAbout, AskedProvider, BillNum, Channel, Lane, Mode, TransactionKey, TryNumber};
use queue::{Question, Queue, QueueUrls, Returned};

use super::{World, code, system};

/// A pause that is long enough for a busy machine, where time is real.
const SOON_MS: i64 = 700;
const SECOND_MS: i64 = 1_000;

/// A world on the SQS that the environment names, or on the embedded one.
struct Either {
    world: World,
    is_other: bool,
}

impl Either {
    async fn new() -> Self {
        let world = World::new().await;
        match other() {
            None => Self { world, is_other: false },
            Some(endpoint) => Self { world: world.at(&endpoint), is_other: true },
        }
    }

    /// Makes a queue that no other test has. Returns its URL.
    async fn queue<const N: usize>(&self, attributes: [(&str, &str); N]) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("queue-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let attributes = attributes.map(|(name, value)| (QueueAttributeName::from(name), value.to_owned()));
        let create = self.world.client.create_queue().queue_name(name);
        create.set_attributes(Some(attributes.into())).send().await.unwrap().queue_url.unwrap()
    }

    async fn with_dead_letters(&self, receive_count_max: u32, visibility: &str) -> Pair {
        let dead = self.queue([]).await;
        let arn = self.arn(&dead).await;
        let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{receive_count_max}}}"#);
        let url = self.queue([("RedrivePolicy", policy.as_str()), ("VisibilityTimeout", visibility)]).await;
        Pair { url, dead }
    }

    async fn arn(&self, url: &str) -> String {
        self.world.attributes(url).await[&QueueAttributeName::QueueArn].clone()
    }

    /// Lets time pass.
    async fn pass(&self, ms: i64) {
        if self.is_other {
            tokio::time::sleep(Duration::from_millis(u64::try_from(ms).unwrap())).await;
        } else {
            self.world.advance(ms);
        }
    }

    /// The functions' own queue, on these two.
    fn product(&self, url: &str, dead: &str) -> Queue {
        let client = self.world.client.clone();
        let urls = QueueUrls {
            fast: url.to_owned(),
            slow: url.to_owned(),
            questions: url.to_owned(),
            dead_letters: Some(dead.to_owned()),
        };
        Queue::new(move || client, urls)
    }
}

/// A queue and that of its dead letters.
struct Pair {
    url: String,
    dead: String,
}

/// Whether SQS called it the caller's fault. ElasticMQ has words of its own for some errors; `limits.rs` and `operations.rs` hold those of AWS.
fn is_refused<T, E>(result: &Result<T, SdkError<E>>) -> bool {
    matches!(result, Err(SdkError::ServiceError(error)) if (400..500).contains(&error.raw().status().as_u16()))
}

#[expect(clippy::disallowed_methods, reason = "the one switch of these tests: which SQS they run on")]
fn other() -> Option<String> {
    std::env::var("MAXPAY_TEST_SQS").ok().filter(|endpoint| !endpoint.is_empty())
}

#[tokio::test]
async fn a_message_comes_as_it_was_sent_until_it_is_deleted() {
    let either = Either::new().await;
    let url = either.queue([("VisibilityTimeout", "0")]).await;
    let attribute = MessageAttributeValue::builder().data_type("String").string_value("万").build().unwrap();
    let send = either.world.client.send_message().queue_url(&url).message_body("This is a test message");
    let sent = send.message_attributes("name", attribute.clone()).send().await.unwrap();
    assert_eq!(sent.md5_of_message_body(), Some("fafb00f5732ab283681e124bf8747ed1"));
    for count in ["1", "2"] {
        let message = either.world.receive_one(&url).await;
        assert_eq!((message.body(), message.message_id()), (Some("This is a test message"), sent.message_id()));
        assert_eq!(message.md5_of_body(), sent.md5_of_message_body());
        assert_eq!(message.md5_of_message_attributes(), sent.md5_of_message_attributes());
        assert_eq!(message.message_attributes().unwrap()["name"], attribute);
        assert_eq!(system(&message, "ApproximateReceiveCount"), count);
        if count == "2" {
            either.world.delete(&url, &message).await;
        }
    }
    assert!(either.world.receive(&url).await.is_empty());
}

#[tokio::test]
async fn a_delay_holds_a_message_back() {
    let either = Either::new().await;
    let url = either.queue([]).await;
    either.world.send_late(&url, 2).await;
    either.world.send(&url, "at once").await;
    assert_eq!(either.world.bodies(&url).await, ["at once"]);
    either.pass(2 * SECOND_MS + SOON_MS).await;
    assert_eq!(either.world.bodies(&url).await, ["late"]);
    let too_long = either.world.client.send_message().queue_url(&url).message_body("x").delay_seconds(901);
    assert_eq!(code(too_long.send().await), "InvalidParameterValue");
}

#[tokio::test]
async fn a_lease_hides_a_message_and_can_be_cut_and_prolonged() {
    let either = Either::new().await;
    let url = either.queue([("VisibilityTimeout", "1")]).await;
    either.world.send(&url, "x").await;
    let first = either.world.receive_one(&url).await;
    assert!(either.world.receive(&url).await.is_empty());
    either.pass(SECOND_MS + SOON_MS).await;
    let second = either.world.receive_one(&url).await;
    assert_ne!(first.receipt_handle, second.receipt_handle);
    assert_eq!(either.world.change_visibility(&url, &second, 4).await, "");
    either.pass(SECOND_MS + SOON_MS).await;
    assert!(either.world.receive(&url).await.is_empty(), "it was prolonged");
    assert_eq!(either.world.change_visibility(&url, &second, 0).await, "");
    let third = either.world.receive_one(&url).await;
    assert_eq!(system(&third, "ApproximateReceiveCount"), "3");
}

#[tokio::test]
async fn a_message_received_too_often_becomes_a_dead_letter_and_goes_back() {
    let either = Either::new().await;
    let Pair { url, dead } = either.with_dead_letters(2, "0").await;
    either.world.send(&url, "poison").await;
    for _ in 0..2 {
        assert_eq!(either.world.bodies(&url).await, ["poison"]);
    }
    assert!(either.world.receive(&url).await.is_empty());
    let count = either.world.attributes(&dead).await[&QueueAttributeName::ApproximateNumberOfMessages].clone();
    assert_eq!(count, "1");
    either.world.client.start_message_move_task().source_arn(either.arn(&dead).await).send().await.unwrap();
    either.pass(SECOND_MS + SOON_MS).await;
    assert_eq!(either.world.bodies(&url).await, ["poison"]);
    assert!(either.world.receive(&dead).await.is_empty());
}

#[tokio::test]
async fn a_batch_does_what_it_can_and_has_ten_entries_at_most() {
    let either = Either::new().await;
    let url = either.queue([]).await;
    let entry = |id: &str| SendMessageBatchRequestEntry::builder().id(id).message_body("x");
    let batch = |entries: Vec<SendMessageBatchRequestEntry>| {
        either.world.client.send_message_batch().queue_url(&url).set_entries(Some(entries)).send()
    };
    let late = entry("late").delay_seconds(901).build().unwrap();
    let sent = batch(vec![entry("good").build().unwrap(), late]).await.unwrap();
    assert_eq!(sent.successful().iter().map(|one| one.id()).collect::<Vec<_>>(), ["good"]);
    assert_eq!(sent.failed().iter().map(|one| one.id()).collect::<Vec<_>>(), ["late"]);
    let many = (0..11).map(|number| entry(&number.to_string()).build().unwrap()).collect();
    assert!(is_refused(&batch(many).await));
    let twice = vec![entry("a").build().unwrap(), entry("a").build().unwrap()];
    assert!(is_refused(&batch(twice).await));
}

#[tokio::test]
async fn a_receive_gives_ten_at_most_and_waits_for_the_first() {
    let either = Either::new().await;
    let url = either.queue([]).await;
    let receive = || either.world.client.receive_message().queue_url(&url);
    assert!(is_refused(&receive().max_number_of_messages(11).send().await));
    assert!(is_refused(&receive().wait_time_seconds(21).send().await));
    let waiting = tokio::spawn(receive().wait_time_seconds(20).send());
    for number in 0..12 {
        either.world.send(&url, &number.to_string()).await;
    }
    assert_eq!(waiting.await.unwrap().unwrap().messages().len(), 1);
    let mut left = 11;
    while left > 0 {
        let found = either.world.receive(&url).await.len();
        assert!((1..=10).contains(&found), "{found} of {left}");
        left -= found;
    }
}

#[tokio::test]
async fn a_missing_queue_refuses_every_call() {
    let either = Either::new().await;
    let url = format!("{}-none", either.queue([]).await);
    let client = &either.world.client;
    assert!(is_refused(&client.send_message().queue_url(&url).message_body("x").send().await));
    assert!(is_refused(&client.receive_message().queue_url(&url).send().await));
}

/// A message as a function gives it back: with the seconds after which it comes again.
#[tokio::test]
async fn what_a_function_gives_back_comes_again_when_it_says_and_is_a_dead_letter_in_the_end() {
    let either = Either::new().await;
    let Pair { url, dead } = either.with_dead_letters(2, "180").await;
    let product = either.product(&url, &dead);
    either.world.send(&url, "not a bell").await;
    let message = either.world.receive_one(&url).await;
    let returned = Returned { receipt_handle: message.receipt_handle.unwrap(), after: Duration::from_secs(1) };
    product.give_back(Lane::Fast, &[returned]).await.unwrap();
    assert!(either.world.receive(&url).await.is_empty());
    either.pass(SECOND_MS + SOON_MS).await;
    let message = either.world.receive_one(&url).await;
    let returned = Returned { receipt_handle: message.receipt_handle.unwrap(), after: Duration::ZERO };
    product.give_back(Lane::Fast, &[returned]).await.unwrap();
    assert!(either.world.receive(&url).await.is_empty());

    let letters = product.dead_letters().await.unwrap();
    assert_eq!((letters.count, letters.some.len()), (1, 1));
    // What is shown is hidden for a second.
    either.pass(SECOND_MS + SOON_MS).await;
    assert_eq!(product.take_back().await.unwrap(), 1);
    either.pass(SECOND_MS + SOON_MS).await;
    assert_eq!(either.world.bodies(&url).await, ["not a bell"]);
}

/// Questions carry a message group and a delay. More than ten are more than one call.
#[tokio::test]
async fn every_question_that_the_sweep_hands_out_is_received_once() {
    let either = Either::new().await;
    let url = either.queue([]).await;
    let product = either.product(&url, &url);
    let (app, mode, channel) = (AppId::parse("568a12086e912100017722e5").unwrap(), Mode::Test, Channel::AliWeb);
    let provider = AskedProvider { app: app.clone(), mode, tab: channel.tab() };
    let about = |number: usize| {
        let bill = BillNum::parse(&format!("账单 {number}")).unwrap();
        AskedAbout::Transaction(TransactionKey { app: app.clone(), mode, bill, channel, try_number: TryNumber::FIRST })
    };
    let asked: Vec<_> = (0..25).map(about).collect();
    let delay = Duration::from_secs(1);
    let questions: Vec<_> = asked.iter().map(|about| Question { about, provider: &provider, delay }).collect();
    assert_eq!(product.ask(&questions).await, asked.len());
    assert!(either.world.receive(&url).await.is_empty(), "they are spread over the minute");
    either.pass(SECOND_MS + SOON_MS).await;
    let mut found = Vec::new();
    while found.len() < asked.len() {
        let bodies = either.world.bodies(&url).await;
        assert!(!bodies.is_empty(), "{} of {}", found.len(), asked.len());
        found.extend(bodies.iter().map(|body| Question::parse(body).unwrap()));
    }
    assert!(asked.iter().all(|about| found.contains(about)), "{found:?}");
}
