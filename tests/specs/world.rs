//! A world for each spec: the whole stack, a stopped clock, and the ways to call it.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use bytes::Bytes;
use domain::{Lane, Timestamp};
use local::{DemoApp, Options, Stack, StackClock, StackKeys, WorkQueue};
use outbound::{Bounds, Outbound};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    contract::{self, Seen},
    logs, permissions,
};

/// The start of every world: 2026-11-23 22:30:00 in Beijing.
pub(crate) const START_MS: i64 = 1_795_444_200_000;
pub(crate) const MINUTE_MS: i64 = 60_000;

/// Longer than the stack may take for anything. Most calls take milliseconds.
const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(60), body_bytes_max: 32 * 1024 * 1024 };

/// A running stack, with its keys.
pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) url: String,
    /// The demo app. Its test mode uses the simulator.
    pub(crate) app: DemoApp,
    pub(crate) operator_token: String,
    /// The name and password of the console's owner.
    pub(crate) owner: (String, String),
    outbound: Outbound,
    secrets: Mutex<Vec<String>>,
    /// How many arrivals the spec has read at each receiver; `None` for a receiver whose deliveries it ignores.
    read: Mutex<BTreeMap<String, Option<usize>>>,
    must_end: MustEnd,
}

/// Fails a spec that does not end its world: the checks at the end would not be made.
struct MustEnd {
    has_ended: bool,
}

impl Drop for MustEnd {
    fn drop(&mut self) {
        assert!(self.has_ended || std::thread::panicking(), "a world must end by `end()`");
    }
}

/// Here two cores run many stacks at once, built for debugging.
const PATIENCE: u32 = 8;

/// How specs start a stack, apart from the options that a spec tests.
pub(crate) fn options() -> Options {
    Options {
        port: 0,
        data_dir: None,
        public_url: None,
        dynamo_endpoint: dynamodb(),
        clock: standing_clock(),
        allow_targets: String::new(),
        storage_faults: None,
        doubled_messages: false,
        items: None,
        patience: PATIENCE,
    }
}

pub(crate) fn standing_clock() -> StackClock {
    StackClock::standing(Timestamp::from_ms(START_MS).unwrap())
}

#[expect(clippy::disallowed_methods, reason = "the one switch of the specs: which DynamoDB they run on")]
fn dynamodb() -> Option<String> {
    std::env::var("MAXPAY_TEST_DYNAMODB").ok().filter(|endpoint| !endpoint.is_empty())
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(options()).await
    }

    pub(crate) async fn start_with(options: Options) -> Self {
        logs::capture();
        let stack = Box::pin(Stack::start(options, |_| {})).await.unwrap();
        let StackKeys { url, operator_token, console_user, console_password, apps, .. } = stack.keys().clone();
        let owner = (console_user, console_password);
        let [app] = <[DemoApp; 1]>::try_from(apps).unwrap();
        let (secrets, read) = (Mutex::default(), Mutex::default());
        let (outbound, must_end) = (Outbound::new().unwrap(), MustEnd { has_ended: false });
        let world = Self { stack, url, app, operator_token, owner, outbound, secrets, read, must_end };
        world.must_stay_secret(&world.operator_token);
        world.must_stay_secret(&world.owner.1);
        world.keys_must_stay_secret(&world.app);
        world
    }

    /// Stops the stack. By then the spec must have read all arrivals, and no secret of this world may be in the logs.
    pub(crate) async fn end(mut self) {
        self.must_end.has_ended = true;
        self.holds_nothing_unread().await;
        permissions::keep(self.stack.permissions_used());
        self.stack.stop().await;
        logs::hold_none_of(&self.secrets.into_inner().unwrap());
    }

    /// Due deliveries arrive first, so that none is missed by chance.
    async fn holds_nothing_unread(&self) {
        self.advance(0).await;
        let arrived = self.call("GET", "/_local/inbox", &[], "").await.done(200);
        let mut counts = BTreeMap::<&str, usize>::new();
        for one in arrived.as_array().unwrap() {
            *counts.entry(one["receiver"].as_str().unwrap()).or_default() += 1;
        }
        let read = self.read.lock().unwrap();
        for (receiver, count) in counts {
            let Some(seen) = read.get(receiver).copied().unwrap_or(Some(0)) else { continue };
            assert!(
                count <= seen,
                "{count} calls arrived at the receiver `{receiver}`, and the spec has read {seen} of them"
            );
        }
    }

    /// Ignores what arrives at a receiver: this spec is not about it.
    pub(crate) fn ignores(&self, receiver: &str) {
        self.read.lock().unwrap().insert(receiver.to_owned(), None);
    }

    /// Records a text that must never be logged.
    pub(crate) fn must_stay_secret(&self, text: &str) {
        self.secrets.lock().unwrap().push(text.to_owned());
    }

    fn keys_must_stay_secret(&self, app: &DemoApp) {
        for pair in [&app.live, &app.test] {
            self.must_stay_secret(&pair.client_key);
            self.must_stay_secret(&pair.master_key);
        }
    }

    /// Any call; `target` is a path, or a whole URL.
    pub(crate) async fn call(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let url = if target.starts_with("http") { target.to_owned() } else { format!("{}{target}", self.url) };
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // Two days of ten thousand deliveries take long. Everything else takes milliseconds.
        let deadline = if target == "/_local/clock" { Duration::from_secs(900) } else { BOUNDS.deadline };
        let bounds = Bounds { deadline, ..BOUNDS };
        let sent: Bytes = body.into();
        let reply = self.outbound.send(request.body(sent.clone()).unwrap(), bounds).await.unwrap();
        let (parts, body) = reply.into_parts();
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, body };
        if let Some(target) = target.strip_prefix(&self.url).or(Some(target)).filter(|target| target.starts_with('/')) {
            contract::hold(&Seen { method, target, sent: &sent, answer: &answer });
        }
        answer
    }

    /// A JSON body with these headers, besides the content type.
    pub(crate) async fn post_as(&self, headers: &[(&str, &str)], path: &str, body: impl Into<Bytes>) -> Answer {
        self.call("POST", path, &[&[("Content-Type", "application/json")], headers].concat(), body).await
    }

    /// A charge as the SDKs make it, with the demo app's public test key.
    pub(crate) async fn charge(&self, body: &Value) -> Answer {
        self.charge_text(&body.to_string()).await
    }

    /// The same with a body of exactly this text.
    pub(crate) async fn charge_text(&self, body: &str) -> Answer {
        self.post_as(&client(&self.app), "/2.0/maxpay/bill", body.to_owned()).await
    }

    /// A charge as the merchant's server makes it, with the demo app's secret test key.
    pub(crate) async fn charge_as_server(&self, body: &Value) -> Answer {
        self.post_as(&master(&self.app), "/2.0/maxpay/bill", body.to_string()).await
    }

    /// A query with the demo app's secret test key.
    pub(crate) async fn records(&self, body: &Value) -> Answer {
        self.post_as(&master(&self.app), "/2.0/maxpay/records", body.to_string()).await
    }

    /// The only record of a bill.
    pub(crate) async fn record(&self, bill: &str) -> Value {
        let results = self.records(&json!({ "billNum": bill })).await.ok()["results"].clone();
        let [record] = <[Value; 1]>::try_from(results.as_array().unwrap().clone()).unwrap();
        record
    }

    /// A session token of the demo app's test mode.
    pub(crate) async fn session(&self, ttl_seconds: i64) -> String {
        let body = json!({ "ttlSeconds": ttl_seconds }).to_string();
        let token = self.post_as(&master(&self.app), "/2.0/maxpay/sessions", body).await.ok()["token"].clone();
        let token = token.as_str().unwrap().to_owned();
        self.must_stay_secret(&token);
        token
    }

    /// A call of the operator API; `null` means no body.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {}", self.operator_token);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.call(method, &format!("/admin/v1{path}"), &headers, body).await
    }

    /// Another app, without settings.
    pub(crate) async fn new_app(&self, name: &str) -> DemoApp {
        let made = self.admin("POST", "/apps", json!({ "name": name })).await;
        made.done(201);
        let app: DemoApp = serde_json::from_slice(&made.body).unwrap();
        self.keys_must_stay_secret(&app);
        app
    }

    /// Saves settings of the tab `ali` in test mode.
    pub(crate) async fn configure(&self, app: &DemoApp, settings: &Value) {
        self.admin("PUT", &test_channel(app), settings.clone()).await.done(200);
    }

    /// Removes the demo app's settings for WeChat Pay.
    pub(crate) async fn without_wechat(&self) {
        for tab in ["wx_app", "wx_mp"] {
            let path = format!("/apps/{}/channels/{tab}?mode=test", self.app.app_id);
            assert_eq!(self.admin("DELETE", &path, Value::Null).await.status, 204, "{tab}");
        }
    }

    /// Removes the demo app's settings for all providers except Alipay.
    pub(crate) async fn with_alipay_alone(&self) {
        self.without_wechat().await;
        for tab in ["unipay_app", "unipay_web"] {
            let path = format!("/apps/{}/channels/{tab}?mode=test", self.app.app_id);
            assert_eq!(self.admin("DELETE", &path, Value::Null).await.status, 204, "{tab}");
        }
    }

    /// Moves the clock, and runs everything that becomes due.
    pub(crate) async fn advance(&self, ms: i64) {
        let moved = self.post_as(&[], "/_local/clock", json!({ "advanceMs": ms }).to_string()).await;
        moved.done(200);
    }

    /// The stack's time.
    pub(crate) async fn now_ms(&self) -> i64 {
        let moved = self.post_as(&[], "/_local/clock", json!({ "advanceMs": 0 }).to_string()).await.done(200);
        moved["nowMs"].as_i64().unwrap()
    }

    /// The settings of one of the simulator's merchants: `openapi`, `openapiCert` or `mapi`.
    pub(crate) async fn merchant(&self, kind: &str) -> Value {
        self.call("GET", "/_local/simulator/alipay/settings", &[], "").await.done(200)[kind].clone()
    }

    /// The faults of the next server calls to the simulator.
    pub(crate) async fn faults(&self, next: &[&str]) {
        self.post_as(&[], "/_local/simulator/alipay/faults", json!({ "next": next }).to_string()).await.done(200);
    }

    /// A trade in the simulator.
    pub(crate) async fn trade(&self, id: &str) -> Value {
        self.call("GET", &format!("/_local/simulator/alipay/trades/{id}"), &[], "").await.done(200)
    }

    /// Plays the buyer: `open`, `pay`, `close`, `refund` or `finish`. Returns the trade afterwards.
    pub(crate) async fn play(&self, id: &str, action: &str, options: Value) -> Value {
        let path = format!("/_local/simulator/alipay/trades/{id}/{action}");
        self.post_as(&[], &path, options.to_string()).await.done(200)
    }

    /// Posts a form, as browsers and providers do.
    pub(crate) async fn post_form(&self, target: &str, form: impl Into<Bytes>) -> Answer {
        let form_type = [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")];
        self.call("POST", target, &form_type, form).await
    }

    /// Charges by QR code, which reaches the simulator at once. Returns the transaction's id.
    pub(crate) async fn charged(&self, bill: &str) -> String {
        let charged = self.charge(&charge_of("ali_qrcode", bill)).await.ok();
        charged["id"].as_str().unwrap().to_owned()
    }

    /// Charges by QR code and pays. Returns the transaction's id.
    pub(crate) async fn paid(&self, bill: &str) -> String {
        let id = self.charged(bill).await;
        self.play(&id, "pay", json!({})).await;
        id
    }

    /// A webhook of the demo app's test mode to a built-in receiver; `change` changes its settings.
    pub(crate) async fn webhook_to(&self, receiver: &str, change: &Value) -> Value {
        let url = format!("{}/_local/receiver/{receiver}", self.url);
        let body = with(json!({ "target": { "url": url }, "mode": "test" }), change);
        let made = self.admin("POST", &format!("/apps/{}/webhooks", self.app.app_id), body).await.done(201);
        self.must_stay_secret(made["secret"].as_str().unwrap());
        made
    }

    /// Empties the queues, as an operator may do by mistake.
    pub(crate) async fn purge_queue(&self) {
        for queue in WorkQueue::ALL {
            self.sqs_at(self.stack.work_url(queue), "PurgeQueue", json!({})).await;
        }
    }

    /// Calls the queue of a lane.
    pub(crate) async fn sqs(&self, lane: Lane, operation: &str, request: Value) -> Value {
        self.sqs_at(self.stack.queue_url(lane), operation, request).await
    }

    /// The same of the queue at `url`.
    pub(crate) async fn sqs_at(&self, url: &str, operation: &str, request: Value) -> Value {
        let endpoint = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let target = format!("AmazonSQS.{operation}");
        let headers = [("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", target.as_str())];
        let request = with(json!({ "QueueUrl": url }), &request);
        self.call("POST", &endpoint, &headers, request.to_string()).await.done(200)
    }

    /// How many messages of a queue can be received now.
    pub(crate) async fn queued_at(&self, url: &str) -> usize {
        const VISIBLE: &str = "ApproximateNumberOfMessages";
        let asked = self.sqs_at(url, "GetQueueAttributes", json!({ "AttributeNames": [VISIBLE] })).await;
        asked["Attributes"][VISIBLE].as_str().unwrap().parse().unwrap()
    }

    /// The demo app's deliveries in one state, newest first.
    pub(crate) async fn deliveries(&self, state: &str) -> Vec<Value> {
        let path = format!("/apps/{}/deliveries?state={state}", self.app.app_id);
        self.admin("GET", &path, Value::Null).await.done(200)["items"].as_array().unwrap().clone()
    }

    /// Sets how a receiver answers from now on.
    pub(crate) async fn receiver(&self, name: &str, answer: Value) {
        let path = format!("/_local/receiver/{name}");
        self.call("PUT", &path, &[], answer.to_string()).await.done(200);
    }

    /// The requests that arrived at a receiver, oldest first.
    pub(crate) async fn arrivals(&self, receiver: &str) -> Vec<Value> {
        let path = format!("/_local/inbox?receiver={receiver}");
        let arrived = self.call("GET", &path, &[], "").await.done(200).as_array().unwrap().clone();
        let events = arrived.iter().filter(|one| !one["headers"]["webhook-id"].is_null());
        events.for_each(|one| contract::hold_event(one["body"].as_str().unwrap()));
        self.read.lock().unwrap().insert(receiver.to_owned(), Some(arrived.len()));
        arrived
    }

    /// The same, for an exact number of requests.
    pub(crate) async fn inbox<const N: usize>(&self, receiver: &str) -> [Value; N] {
        <[Value; N]>::try_from(self.arrivals(receiver).await).unwrap()
    }

    /// The same, for many at once.
    pub(crate) async fn paid_as(&self, bill: String) -> String {
        self.paid(&bill).await
    }

    /// The demo app's incidents in test mode, newest first.
    pub(crate) async fn incidents(&self) -> Vec<Value> {
        [self.incidents_of("").await, self.incidents_of("forged").await].concat()
    }

    /// The first page of one kind; with an empty kind, the first page of the genuine ones.
    pub(crate) async fn incidents_of(&self, kind: &str) -> Vec<Value> {
        let path = format!("/apps/{}/incidents?mode=test&kind={kind}", self.app.app_id);
        self.admin("GET", &path, Value::Null).await.done(200)["items"].as_array().unwrap().clone()
    }
}

/// The body of a good charge of 99 yuan.
pub(crate) fn charge_of(channel: &str, bill: &str) -> Value {
    json!({
        "channel": channel,
        "billNum": bill,
        "totalFee": 9900,
        "subject": "A cup of tea",
        "returnUrl": "https://shop.example/back",
    })
}

/// The same object with other members.
pub(crate) fn with(mut object: Value, changes: &Value) -> Value {
    object.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    object
}

/// The same object without a member.
pub(crate) fn without(mut object: Value, member: &str) -> Value {
    object.as_object_mut().unwrap().remove(member);
    object
}

pub(crate) fn client(app: &DemoApp) -> [(&str, &str); 2] {
    [("X-ML-AppId", &app.app_id), ("X-ML-APIKey", &app.test.client_key)]
}

pub(crate) fn master(app: &DemoApp) -> [(&str, &str); 2] {
    [("X-ML-AppId", &app.app_id), ("X-ML-MasterKey", &app.test.master_key)]
}

/// The path of the tab `ali` in test mode.
pub(crate) fn test_channel(app: &DemoApp) -> String {
    format!("/apps/{}/channels/ali?mode=test", app.app_id)
}

/// The members `name` of a list of objects, in order.
#[track_caller]
pub(crate) fn texts(items: &Value, name: &str) -> Vec<String> {
    let text = |item: &Value| item[name].as_str().unwrap_or_default().to_owned();
    items.as_array().unwrap_or_else(|| panic!("no list: {items}")).iter().map(text).collect()
}
