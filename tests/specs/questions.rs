//! Questions to providers go through a queue: no account waits for another, and if a message is lost or late, its bill is still
//! queried.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use domain::Lane;
use local::{DemoApp, WorkQueue};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::world::{MINUTE_MS, START_MS, World, charge_of, master, with};

/// A charged, open try, as a template for copies.
struct Original {
    app: String,
    id: String,
    row: String,
}

const BILL: &str = "original";

impl Original {
    /// For an Alipay link that no payer has opened.
    async fn charge(world: &World) -> Self {
        let charged = world.charge(&charge_of("ali_web", BILL)).await.ok();
        let row = row(world, BILL).await.to_string();
        Self { app: world.app.app_id.clone(), id: charged["id"].as_str().unwrap().to_owned(), row }
    }

    /// A copy for another app: charged `ago_ms` before the start of the world, and due at the start.
    fn copy(&self, app: &str, bill: &str, number: u32, ago_ms: i64) -> Value {
        let id = format!("{}{number:012x}", &self.id[..12]);
        let copied = self.row.replace(&self.app, app).replace(BILL, bill).replace(&self.id, &id);
        let due = json!({
            "due_pk": { "S": format!("DUE#{}", number % 24) },
            "due_ms": { "N": START_MS.to_string() },
            "created_ms": { "N": (START_MS - ago_ms).to_string() },
        });
        with(serde_json::from_str(&copied).unwrap(), &due)
    }
}

async fn transactions(world: &World) -> Vec<Value> {
    let tables = world.stack.export().await.unwrap();
    let rows = tables["TransactionsTable"].as_array().unwrap().iter();
    rows.filter(|row| row["sk"]["S"].as_str().unwrap().starts_with("TX#")).cloned().collect()
}

async fn row(world: &World, bill: &str) -> Value {
    let rows = transactions(world).await;
    let is_mine = |row: &&Value| row["pk"]["S"].as_str().unwrap().ends_with(&format!("#{bill}"));
    rows.iter().find(is_mine).unwrap().clone()
}

async fn put(world: &World, rows: Vec<Value>) {
    world.stack.import(&json!({ "TransactionsTable": rows })).await.unwrap();
}

/// The due bills whose numbers begin with `prefix`.
async fn still_due(world: &World, prefix: &str, now_ms: i64) -> Vec<String> {
    let rows = transactions(world).await.into_iter();
    let is_due = |row: &Value| row["due_ms"]["N"].as_str().is_some_and(|ms| ms.parse::<i64>().unwrap() <= now_ms);
    let bill = |row: Value| row["pk"]["S"].as_str().unwrap().rsplit('#').next().unwrap().to_owned();
    rows.filter(is_due).map(bill).filter(|bill| bill.starts_with(prefix)).collect()
}

/// A charge by QR code that was paid, without a notify.
async fn paid_in_silence(world: &World, bill: &str) -> String {
    let id = world.charged(bill).await;
    world.play(&id, "pay", json!({ "notify": false })).await;
    id
}

/// The status. This query causes no call to a provider, because it is for many bills.
async fn status(world: &World, bill: &str) -> Value {
    let all = world.records(&json!({ "limit": 100, "channel": "ali_qrcode" })).await.ok();
    let mine = all["results"].as_array().unwrap().iter().find(|record| record["billNum"] == bill);
    mine.unwrap()["status"].clone()
}

/// Makes an open try due now.
async fn fall_due(world: &World, bill: &str) {
    let due = json!({ "due_ms": { "N": START_MS.to_string() } });
    put(world, vec![with(row(world, bill).await, &due)]).await;
}

async fn sweep(world: &World) -> Value {
    serde_json::from_str(&world.stack.invoke_event("sweep", "{}").await.unwrap()).unwrap()
}

/// The messages that can be received now, in the form in which Lambda gets them.
async fn questions(world: &World) -> Vec<Value> {
    let asked = json!({ "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"] });
    let received = world.sqs_at(world.stack.work_url(WorkQueue::Questions), "ReceiveMessage", asked).await;
    received["Messages"].as_array().cloned().unwrap_or_default()
}

async fn ask(world: &World, messages: &[Value]) -> String {
    let record = |(n, message): (usize, &Value)| json!({ "messageId": format!("m-{n}"), "body": message["Body"] });
    let records: Vec<Value> = messages.iter().enumerate().map(record).collect();
    world.stack.invoke_event("ask", &json!({ "Records": records }).to_string()).await.unwrap()
}

/// An app whose provider accepts connections and never answers. Returns the app and the number of calls.
async fn silent_provider(world: &World) -> (DemoApp, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = format!("http://{}/gateway.do", listener.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut bytes = [0; 65_536];
                while connection.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    let app = world.new_app("silent").await;
    world.configure(&app, &with(world.merchant("openapi").await, &json!({ "gateway": gateway }))).await;
    (app, calls)
}

/// When they were queried one after the other, every thousand bills took a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_notify_among_two_thousand_silent_bills_of_fifty_accounts_heals_within_two_sweeps() {
    let world = World::start().await;
    let original = Original::charge(&world).await;
    let mut rows = Vec::new();
    for account in 0..50 {
        let app = world.new_app(&format!("shop {account}")).await;
        world.configure(&app, &json!({ "protocol": "simulator" })).await;
        for bill in 0..40 {
            let number = account * 40 + bill;
            rows.push(original.copy(&app.app_id, &format!("silent-{number}"), number, MINUTE_MS));
        }
    }
    put(&world, rows).await;
    paid_in_silence(&world, "lost").await;
    world.advance(2 * MINUTE_MS).await;
    assert_eq!(status(&world, "lost").await, "success");
    assert_eq!(still_due(&world, "silent-", START_MS + 2 * MINUTE_MS).await, [""; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_more_bills_than_its_rate_is_asked_about_the_newest_and_the_oldest_and_holds_up_nobody() {
    let world = World::start().await;
    let original = Original::charge(&world).await;
    let crowded = world.new_app("crowded").await;
    world.configure(&crowded, &json!({ "protocol": "simulator" })).await;
    // The older ones became due in the same way as the newer ones.
    let ago_ms = |number: u32| if number < 10 { 3 * MINUTE_MS } else { MINUTE_MS };
    let copy = |number| original.copy(&crowded.app_id, &format!("silent-{number:04}"), number, ago_ms(number));
    put(&world, (0..2_410).map(copy).collect()).await;
    paid_in_silence(&world, "lost").await;
    let before_the_second_sweep = 2 * MINUTE_MS - 1;
    world.advance(before_the_second_sweep).await;
    assert_eq!(status(&world, "lost").await, "success");
    // Ten too many: the newest were queried, and the reserved share of the oldest.
    let left = still_due(&world, "silent-", START_MS).await;
    let oldest: Vec<String> = (0..10).map(|number| format!("silent-{number:04}")).collect();
    assert_eq!(left.len(), 10);
    assert!(left.iter().all(|bill| !oldest.contains(bill)), "{left:?}");
    world.advance(1).await;
    assert_eq!(still_due(&world, "silent-", START_MS).await, [""; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_account_has_a_message_group_of_its_own() {
    let world = World::start().await;
    let original = Original::charge(&world).await;
    let other = world.new_app("other").await;
    put(&world, vec![original.copy(&other.app_id, "1", 1, MINUTE_MS)]).await;
    fall_due(&world, BILL).await;
    assert_eq!(sweep(&world).await, json!({ "rung": 0, "asked": 2, "left": false }));
    let messages = questions(&world).await;
    let mut groups: Vec<&str> =
        messages.iter().map(|message| message["Attributes"]["MessageGroupId"].as_str().unwrap()).collect();
    groups.sort_unstable();
    let mut expected = [&world.app, &other].map(|app| format!("{}.test.ali", app.app_id));
    expected.sort();
    assert_eq!(groups, expected);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_was_lost_is_asked_a_minute_later() {
    let world = World::start().await;
    paid_in_silence(&world, "1").await;
    fall_due(&world, "1").await;
    assert_eq!(sweep(&world).await["asked"], 1);
    world.purge_queue().await;
    assert_eq!(status(&world, "1").await, "created");
    world.advance(MINUTE_MS).await;
    assert_eq!(status(&world, "1").await, "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_comes_twice_or_late_is_asked_once() {
    let world = World::start().await;
    let (app, calls) = silent_provider(&world).await;
    put(&world, vec![Original::charge(&world).await.copy(&app.app_id, "silent", 1, MINUTE_MS)]).await;
    assert_eq!(sweep(&world).await["asked"], 1);
    assert_eq!(sweep(&world).await["asked"], 1, "it is due until it is asked");
    let messages = questions(&world).await;
    assert_eq!(messages.len(), 2);
    assert_eq!(ask(&world, &messages).await, r#"{"batchItemFailures":[]}"#);
    assert_eq!(ask(&world, &messages).await, r#"{"batchItemFailures":[]}"#);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(still_due(&world, "silent", START_MS).await, [""; 0]);
    world.end().await;
}

/// Four seconds of real time: the limit of a question.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_answer_is_left_alone_and_its_bills_are_asked_about_later() {
    let world = World::start().await;
    let (app, calls) = silent_provider(&world).await;
    let original = Original::charge(&world).await;
    for (round, asked) in [(0, 3), (1, 3)] {
        let copy = |number| original.copy(&app.app_id, &format!("silent-{number}"), number, MINUTE_MS);
        put(&world, (round * 3..round * 3 + 3).map(copy).collect()).await;
        sweep(&world).await;
        ask(&world, &questions(&world).await).await;
        assert_eq!(calls.load(Ordering::SeqCst), asked, "in round {round}");
        // They are queried at their next time, and do not accumulate.
        assert_eq!(still_due(&world, "silent-", START_MS).await, [""; 0]);
    }
    world.end().await;
}

/// A notify may come while the question waits in the queue.
#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_was_paid_meanwhile_is_not_asked_about() {
    let world = World::start().await;
    let id = world.charged("1").await;
    fall_due(&world, "1").await;
    sweep(&world).await;
    let messages = questions(&world).await;
    assert_eq!(messages.len(), 1);
    world.play(&id, "pay", json!({})).await;
    assert_eq!(status(&world, "1").await, "success");
    // Every call to the provider now gets an error.
    world.faults(&["http500"]).await;
    ask(&world, &messages).await;
    world.charge(&charge_of("ali_qrcode", "2")).await.refused(7, "500");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_found_by_asking_is_told_to_a_late_target_through_the_slow_lane() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "delayMs": 3_200 })).await;
    world.paid("late").await;
    world.advance(0).await;
    assert_eq!(world.arrivals("shop").await.len(), 1);
    world.receiver("shop", json!({})).await;
    let slow = world.stack.work_url(WorkQueue::Deliveries(Lane::Slow));

    paid_in_silence(&world, "asked by the sweep").await;
    fall_due(&world, "asked by the sweep").await;
    sweep(&world).await;
    ask(&world, &questions(&world).await).await;
    assert_eq!(world.queued_at(slow).await, 1);

    paid_in_silence(&world, "asked by the shop").await;
    let body = json!({ "billNum": "asked by the shop" }).to_string();
    world.post_as(&master(&world.app), "/2.0/maxpay/sync", body).await.ok();
    assert_eq!(world.queued_at(slow).await, 2);
    world.advance(0).await;
    assert_eq!(world.arrivals("shop").await.len(), 3);
    world.end().await;
}

/// SQS does not accept these two characters unescaped, and a merchant's number may contain them.
#[tokio::test(flavor = "multi_thread")]
async fn a_bill_of_any_signs_is_asked_about_and_told() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    let bill = "\u{fffe}\u{ffff}\u{1f375}茶\"";
    let id = world.charged(bill).await;
    world.play(&id, "pay", json!({ "notify": false })).await;
    world.advance(2 * MINUTE_MS).await;
    let [told] = world.inbox("shop").await;
    let body: Value = serde_json::from_str(told["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["billNum"], bill, "{body}");
    world.end().await;
}
