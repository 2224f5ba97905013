//! The walks through the events, the answers that are awaited meanwhile, and the acknowledgements.
//!
//! An event whose answer does not come takes one of a few places. The others, and those that come later, pass it.

use std::{collections::HashSet, future::pending, time::Duration};

use domain::Event;
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use http::header;
use serde_json::{Value, json};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::{
    Age, Found,
    forward::{Forwarded, Forwarder},
    memory::Memory,
};
use crate::{
    client::{Caller, Gateway},
    failure::Failure,
    outage,
    output::Output,
    system::now,
    table::{list, text},
    words::{Language, Words, words},
};

/// The gateway says when to ask again; not more often than this, and not more seldom.
const WAIT_MIN_SECONDS: u64 = 1;
const WAIT_MAX_SECONDS: u64 = 60;

/// How many events are forwarded at once. A server on a laptop is seldom faster with more.
const FORWARDED_AT_ONCE: usize = 8;

/// After how many accepted events they are acknowledged while others are still forwarded.
const ACKNOWLEDGED_EVERY: usize = 8;

/// The most pages of a walk: 50,000 events.
const PAGES_MAX: usize = 1000;

/// How often a gateway is asked that does not know a new webhook: for 18 seconds.
const UNKNOWN_MAX: u32 = 4;

/// An answer that is awaited beside everything else.
type Awaited = FuturesUnordered<JoinHandle<Forwarded>>;

/// What is listened to, and what is known of its events.
pub(super) struct Listener<'a> {
    gateway: &'a Gateway,
    output: Output,
    found: Found,
    events: &'a [Event],
    forwarder: Forwarder,
    memory: Memory,
    awaited: Awaited,
}

impl<'a> Listener<'a> {
    /// A listener that knows nothing yet. Without `events`, all are wanted.
    pub(super) fn new(
        gateway: &'a Gateway,
        output: Output,
        found: Found,
        events: &'a [Event],
        forwarder: Forwarder,
    ) -> Self {
        Self { gateway, output, found, events, forwarder, memory: Memory::default(), awaited: Awaited::new() }
    }

    /// Walks through the events again and again. What a walk gives and is not due yet is left for a later one.
    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        let mut failures = 0;
        loop {
            match self.walk_and_rest().await {
                Ok(()) => failures = 0,
                Err(failure) if failures < self.failures_max(&failure) => {
                    failures += 1;
                    let wait = outage::wait(failures);
                    let seconds = wait.as_secs();
                    let again = words!("{seconds} 秒后重试", "trying again in {seconds} s");
                    self.output.note(&failure.to_words().and_below(&again));
                    let end = Instant::now() + wait;
                    while timeout_at(end, self.settle_next()).await.is_ok() {}
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Acknowledges what was answered until now. What is still in flight comes again.
    pub(super) async fn end(&mut self) -> Result<(), Failure> {
        self.settle_answered();
        self.acknowledge().await
    }

    /// How many accepted events are not acknowledged.
    pub(super) fn unacknowledged(&self) -> usize {
        self.memory.unacknowledged()
    }

    async fn walk_and_rest(&mut self) -> Result<(), Failure> {
        let wait = self.walk().await?;
        let end = Instant::now() + wait;
        while timeout_at(end, self.settle_next()).await.is_ok() {
            self.settle_answered();
            self.acknowledge().await?;
        }
        Ok(())
    }

    /// After how many failures in a row this one is an end.
    fn failures_max(&self, failure: &Failure) -> u32 {
        if failure.may_pass() {
            return outage::FAILURES_MAX;
        }
        // A function that remembers the app as it was does not know a new webhook for some seconds.
        let is_unknown = failure.field.as_deref() == Some("webhook");
        if self.found.age == Age::New && is_unknown { UNKNOWN_MAX } else { 0 }
    }

    /// One walk from the beginning to the end. Returns how long to wait for the next.
    async fn walk(&mut self) -> Result<Duration, Failure> {
        self.acknowledge().await?;
        let mut cursor = Value::Null;
        let (mut seen, mut pages) = (HashSet::new(), 0);
        loop {
            pages += 1;
            let before = cursor.clone();
            let mut body = json!({});
            if let Some(members) = body.as_object_mut() {
                members.extend(self.found.webhook.iter().map(|id| ("webhook".to_owned(), json!(id))));
                members.extend(Some(cursor.take()).filter(Value::is_string).map(|next| ("cursor".to_owned(), next)));
            }
            let page = self.gateway.pay_whole(Caller::Server, "events", &body).await?;
            let wait = page.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let events = list(page.body(), "events");
            seen.extend(events.iter().map(|event| text(event, "id").to_owned()));
            // What is accepted while the page is worked through was in flight when the page came. So this is asked first.
            let due: Vec<&Value> = events.iter().filter(|event| self.is_due(event)).collect();
            for event in due {
                self.begin(event).await?;
            }
            self.settle_answered();
            self.acknowledge().await?;
            cursor = page.body().get("cursor").cloned().unwrap_or_default();
            // A gateway whose pages never end is begun with anew, after the wait.
            if !cursor.is_string() || cursor == before || pages == PAGES_MAX {
                self.memory.keep_only(&seen);
                let seconds = wait.unwrap_or(WAIT_MIN_SECONDS).clamp(WAIT_MIN_SECONDS, WAIT_MAX_SECONDS);
                return Ok(Duration::from_secs(seconds));
            }
        }
    }

    /// Forwards an event beside the others. If there are many of them, it waits for the first answer.
    async fn begin(&mut self, event: &Value) -> Result<(), Failure> {
        if self.awaited.len() >= FORWARDED_AT_ONCE {
            self.settle_next().await;
        }
        if self.memory.unacknowledged() >= ACKNOWLEDGED_EVERY {
            self.acknowledge().await?;
        }
        self.memory.begin(text(event, "id"));
        // A task goes on while the gateway is called.
        self.awaited.push(tokio::spawn(self.forwarder.clone().forward(event.clone())));
        Ok(())
    }

    /// Waits for the next answer, for ever if none is awaited.
    async fn settle_next(&mut self) {
        match self.awaited.next().await {
            Some(Ok(forwarded)) => self.settle(&forwarded),
            // A task does not panic. If one did, its event would come at the next start.
            Some(Err(_)) => {}
            None => pending().await,
        }
    }

    /// Takes the answers that are there.
    fn settle_answered(&mut self) {
        while let Some(Some(forwarded)) = self.awaited.next().now_or_never() {
            forwarded.iter().for_each(|forwarded| self.settle(forwarded));
        }
    }

    fn is_due(&self, event: &Value) -> bool {
        let (id, name) = (text(event, "id"), text(event, "event"));
        let is_wanted = self.events.is_empty() || self.events.iter().any(|event| event.name() == name);
        is_wanted && self.memory.is_due(id, now())
    }

    /// Remembers how an event was answered, and shows it.
    fn settle(&mut self, forwarded: &Forwarded) {
        let event = &forwarded.event;
        let id = text(event, "id");
        let message = event.pointer("/headers/webhook-id").and_then(Value::as_str).unwrap_or(id);
        let attempt = match forwarded.answer {
            Ok(200) => self.memory.accept(id, message),
            Ok(_) | Err(_) => self.memory.refuse(id, now()),
        };
        let is_again = attempt > 1 || self.memory.was_accepted_before(id, message);
        self.show(forwarded, attempt, if is_again { Times::Again } else { Times::First });
    }

    fn show(&self, forwarded: &Forwarded, attempt: u32, times: Times) {
        let event = &forwarded.event;
        let body: Value = serde_json::from_str(text(event, "body")).unwrap_or_default();
        let (name, bill, took) = (text(event, "event"), text(&body, "billNum"), forwarded.took_ms);
        let document = json!({
            "time": now().ms(),
            "event": name,
            "billNum": bill,
            "webhookId": event.pointer("/headers/webhook-id"),
            "status": forwarded.answer.as_ref().ok(),
            "problem": forwarded.answer.as_ref().err().map(|problem| problem.to(self.output.language)),
            "durationMs": u64::try_from(took).unwrap_or(u64::MAX),
            "attempt": attempt,
            "again": times == Times::Again,
        });
        let moment = now().to_beijing();
        let answer = match &forwarded.answer {
            Ok(status) => Words::alike(format!("HTTP {status}")),
            Err(problem) => problem.clone(),
        };
        let (zh, en) = (answer.to(Language::Zh), answer.to(Language::En));
        let people = match times {
            Times::First => {
                words!("{moment}  {name}  {bill}  {zh}  {took} 毫秒", "{moment}  {name}  {bill}  {en}  {took} ms")
            }
            Times::Again if attempt == 1 => {
                words!(
                    "{moment}  {name}  {bill}  {zh}  {took} 毫秒  重发",
                    "{moment}  {name}  {bill}  {en}  {took} ms  sent again"
                )
            }
            Times::Again => words!(
                "{moment}  {name}  {bill}  {zh}  {took} 毫秒  重发（第 {attempt} 次）",
                "{moment}  {name}  {bill}  {en}  {took} ms  again (attempt {attempt})"
            ),
        };
        self.output.result(&document, &people);
    }

    /// Acknowledges what was accepted. What cannot be acknowledged now stays on the list.
    async fn acknowledge(&mut self) -> Result<(), Failure> {
        while let Some(ids) = self.memory.to_acknowledge() {
            self.gateway.pay(Caller::Server, "events/ack", &json!({ "ids": ids })).await?;
            self.memory.acknowledged(&ids);
        }
        Ok(())
    }
}

/// Whether an event was handed over before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    First,
    Again,
}
