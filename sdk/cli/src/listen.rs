//! `listen`: pulls events, hands each to a server on this machine with its headers and its exact body, and acknowledges what that server
//! answers with 200. The rest stays at the gateway and is handed over again later.

mod memory;

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use bytes::Bytes;
use domain::{Event, Mode};
use http::{HeaderName, HeaderValue, Method, Request, header};
use memory::{Memory, retry_wait};
use outbound::{Bounds, Outbound, OutboundError};
use serde_json::{Value, json};

use crate::{
    arguments::Listen,
    client::{Caller, Gateway, chain, checked_url},
    failure::{Code, Failure},
    output::Output,
    profiles::OPERATOR_TOKEN,
    system::now,
    table::{list, text},
    webhooks::{all, events_of, is_pull, make},
    words::{Language, Words, mode_in_chinese, words},
};

/// As long as the gateway gives a webhook, and as much of its answer.
const FORWARD_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(10), body_bytes_max: 16 << 10 };

/// The gateway says when to ask again; not more often than this, and not more seldom.
const WAIT_MIN_SECONDS: u64 = 1;
const WAIT_MAX_SECONDS: u64 = 60;

/// How often a gateway that does not answer is asked before that is an end.
const FAILURES_MAX: u32 = 100;

/// The most pages of a walk: 50,000 events.
const PAGES_MAX: usize = 1000;

/// How often a gateway is asked that does not know a new webhook: for 18 seconds.
const UNKNOWN_MAX: u32 = 4;

pub(crate) async fn listen(gateway: &Gateway, output: Output, of: &Listen) -> Result<(), Failure> {
    let target = forward_url(&of.forward_to)?;
    let mode = gateway.mode().await?;
    let chinese = mode_in_chinese(mode);
    let Found { webhook, age } = find_webhook(gateway, output, of, mode).await?;
    let outbound = Outbound::new().map_err(|error| Failure::own("client", Words::alike(chain(&error))))?;
    output.note(&words!(
        "正在监听（{chinese}模式），转发到 {target}，按 Ctrl-C 结束",
        "listening ({mode}), forwarding to {target}; Ctrl-C ends it"
    ));
    let mut listener =
        Listener { gateway, output, outbound, target, webhook, age, events: &of.events, memory: Memory::default() };
    let interrupted = tokio::select! {
        ended = listener.run() => return ended,
        interrupted = tokio::signal::ctrl_c() => interrupted,
    };
    interrupted.map_err(|error| Failure::own("signal", Words::alike(error.to_string())))?;
    // What the server has taken must not come again.
    listener.acknowledge().await?;
    output.note(&words!(
        "已停止；没有确认的事件留在网关，下次再转发",
        "stopped; what is not acknowledged stays at the gateway"
    ));
    Ok(())
}

/// The server's address: `localhost:3000/hooks` is one of http.
fn forward_url(given: &str) -> Result<String, Failure> {
    let url = if given.contains("://") { given.to_owned() } else { format!("http://{given}") };
    checked_url(&url).map_err(|failure| Failure { field: Some("forward-to".to_owned()), ..failure })
}

/// The webhook to listen to. `None` leaves the choice to the gateway.
struct Found {
    webhook: Option<String>,
    age: Age,
}

/// Whether a webhook was made just now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    New,
    Old,
}

/// Finds the pull webhook of the mode, or makes it if there is an operator token.
async fn find_webhook(gateway: &Gateway, output: Output, of: &Listen, mode: Mode) -> Result<Found, Failure> {
    let old = |webhook| Found { webhook, age: Age::Old };
    if of.webhook.is_some() || gateway.setting(OPERATOR_TOKEN).is_none() {
        return Ok(old(of.webhook.clone()));
    }
    let mine: Vec<Value> =
        all(gateway).await?.into_iter().filter(|hook| is_pull(hook) && text(hook, "mode") == mode.name()).collect();
    let chinese = mode_in_chinese(mode);
    match mine.as_slice() {
        [] => {
            let events = if of.events.is_empty() { Event::ALL.to_vec() } else { of.events.clone() };
            let made = make(gateway, &json!({ "pull": true }), mode, &events).await?;
            let id = text(&made, "id").to_owned();
            output.note(&words!(
                "这个应用在{chinese}模式下还没有 pull 类型的 webhook，已新建 {id}。验签密钥用 maxpay webhooks secret {id} 取",
                "the app had no pull webhook in {mode} mode: made {id}. maxpay webhooks secret {id} gives its secret"
            ));
            Ok(Found { webhook: Some(id), age: Age::New })
        }
        [one] => {
            check_events(one, &of.events)?;
            Ok(old(Some(text(one, "id").to_owned())))
        }
        several => {
            let ids = several.iter().map(|hook| text(hook, "id")).collect::<Vec<_>>().join(", ");
            let message = words!(
                "{chinese}模式下有好几个 pull 类型的 webhook：{ids}",
                "there are several pull webhooks in {mode} mode: {ids}"
            );
            Err(Failure::of_field("webhook", message)
                .with_remedy(words!("用 --webhook 指定一个", "choose one by --webhook")))
        }
    }
}

/// An event that the webhook does not get would be waited for in vain.
fn check_events(webhook: &Value, wanted: &[Event]) -> Result<(), Failure> {
    let (id, given) = (text(webhook, "id"), events_of(webhook));
    let Some(missing) = wanted.iter().find(|event| !given.contains(&event.name())) else { return Ok(()) };
    let given = given.join(",");
    let message = words!(
        "webhook {id} 没有订阅 {missing}，只有 {given}",
        "the webhook {id} does not get {missing}, only {given}"
    );
    Err(Failure::of_field("events", message).with_remedy(words!(
        "在控制台修改这个 webhook 订阅的事件，或去掉 --events",
        "change its events in the console, or leave out --events"
    )))
}

struct Listener<'a> {
    gateway: &'a Gateway,
    output: Output,
    outbound: Outbound,
    target: String,
    webhook: Option<String>,
    age: Age,
    events: &'a [Event],
    memory: Memory,
}

/// How one event was answered.
struct Forwarded {
    /// The HTTP status, or why nobody answered.
    answer: Result<u16, Words>,
    took_ms: u128,
}

impl Listener<'_> {
    /// Walks through the events again and again. What a walk gives and is not due yet is left for a later one.
    async fn run(&mut self) -> Result<(), Failure> {
        let mut failures = 0;
        loop {
            match self.walk().await {
                Ok(wait) => {
                    failures = 0;
                    tokio::time::sleep(wait).await;
                }
                Err(failure) if failures < self.failures_max(&failure) => {
                    failures += 1;
                    let wait = retry_wait(failures);
                    let seconds = wait.as_secs();
                    let again = words!("{seconds} 秒后重试", "trying again in {seconds} s");
                    self.output.note(&failure.to_words().and_below(&again));
                    tokio::time::sleep(wait).await;
                }
                Err(failure) => return Err(with_remedy(failure)),
            }
        }
    }

    /// After how many failures in a row this one is an end.
    fn failures_max(&self, failure: &Failure) -> u32 {
        if may_pass(failure) {
            return FAILURES_MAX;
        }
        // A function that remembers the app as it was does not know a new webhook for some seconds.
        let is_unknown = failure.field.as_deref() == Some("webhook");
        if self.age == Age::New && is_unknown { UNKNOWN_MAX } else { 0 }
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
                members.extend(self.webhook.iter().map(|id| ("webhook".to_owned(), json!(id))));
                members.extend(Some(cursor.take()).filter(Value::is_string).map(|next| ("cursor".to_owned(), next)));
            }
            let page = self.gateway.pay_whole(Caller::Server, "events", &body).await?;
            let wait = page.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            for event in list(page.body(), "events") {
                seen.insert(text(event, "id").to_owned());
                self.hand_over(event).await;
            }
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

    /// Forwards one event, if it is wanted and due.
    async fn hand_over(&mut self, event: &Value) {
        let (id, name) = (text(event, "id"), text(event, "event"));
        let is_wanted = self.events.is_empty() || self.events.iter().any(|event| event.name() == name);
        if !is_wanted || !self.memory.is_due(id, now()) {
            return;
        }
        let what = words!("等待 {name} 的应答", "waiting for the answer to {name}");
        let forwarded = self.output.wait(&what, forward(&self.outbound, &self.target, event)).await;
        let message = event.pointer("/headers/webhook-id").and_then(Value::as_str).unwrap_or(id);
        let attempt = match forwarded.answer {
            Ok(200) => self.memory.accept(id, message),
            Ok(_) | Err(_) => self.memory.refuse(id, now()),
        };
        let is_again = attempt > 1 || self.memory.was_accepted_before(id, message);
        self.show(event, &forwarded, attempt, if is_again { Times::Again } else { Times::First });
    }

    fn show(&self, event: &Value, forwarded: &Forwarded, attempt: u32, times: Times) {
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

/// Sends an event as the gateway would send it to a webhook.
async fn forward(outbound: &Outbound, target: &str, event: &Value) -> Forwarded {
    let started = Instant::now();
    let answer = match request(target, event) {
        None => Err(words!("事件的请求头无法发送", "the event's headers cannot be sent")),
        Some(request) => {
            let answer = outbound.send_and_cut(request, FORWARD_BOUNDS).await;
            answer.map(|answer| answer.status().as_u16()).map_err(|error| unanswered(&error))
        }
    };
    Forwarded { answer, took_ms: started.elapsed().as_millis() }
}

/// Why there was no answer, short: it stands in a line for each event.
fn unanswered(error: &OutboundError) -> Words {
    if matches!(error, OutboundError::Connect { .. }) {
        return words!("连不上", "no connection");
    }
    let seconds = FORWARD_BOUNDS.deadline.as_secs();
    if matches!(error, OutboundError::Deadline { .. }) {
        return words!("{seconds} 秒内没有应答", "no answer within {seconds} s");
    }
    let why = chain(error);
    words!("没有应答：{why}", "no answer: {why}")
}

fn request(target: &str, event: &Value) -> Option<Request<Bytes>> {
    // A signature covers each byte of the body: it is sent as it came.
    let mut request = Request::new(Bytes::from(text(event, "body").to_owned()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.parse().ok()?;
    let headers = event.get("headers").and_then(Value::as_object)?.iter();
    // Others, such as `host`, are those of this connection.
    for (name, value) in headers.filter(|(name, _)| *name == "content-type" || name.starts_with("webhook-")) {
        let (name, value) = (HeaderName::try_from(name.as_str()).ok()?, HeaderValue::from_str(value.as_str()?).ok()?);
        request.headers_mut().insert(name, value);
    }
    Some(request)
}

/// Whether a failure may be over at the next try: nobody answered, or the gateway had an outage.
fn may_pass(failure: &Failure) -> bool {
    match &failure.code {
        Code::Own(code) => ["unreachable", "no-gateway"].contains(code),
        Code::Payment { number, .. } => *number == 14,
        Code::Operator { status, .. } => *status >= 500,
    }
}

/// Without an operator token the gateway looks for the webhook, and says if it finds none.
fn with_remedy(failure: Failure) -> Failure {
    if failure.field.as_deref() != Some("webhook") {
        return failure;
    }
    failure.with_remedy(words!(
        "在控制台建一个 pull 类型的 webhook，或用 maxpay login 填上运营令牌，由 listen 自动新建；有好几个时用 --webhook 指定",
        "make a pull webhook in the console, or give the operator token by maxpay login, and listen makes one; if there are several, choose by --webhook"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn an_address_without_a_scheme_is_of_http() {
        for (given, expect) in [
            ("localhost:3000/hooks",         Some("http://localhost:3000/hooks")),
            ("https://127.0.0.1:3000/hooks", Some("https://127.0.0.1:3000/hooks")),
            ("3000",                         Some("http://3000")),
            ("ftp://localhost",              None),
            ("",                             None),
        ] {
            assert_eq!(forward_url(given).ok().as_deref(), expect, "{given}");
        }
    }

    #[test]
    fn an_event_is_sent_with_its_headers_and_each_byte_of_its_body() {
        let body = "{\"a\" : 1,\n\"茶\":2}";
        let event = json!({ "headers": { "webhook-id": "msg_1", "content-type": "application/json", "host": "evil" }, "body": body });
        let request = request("http://localhost:3000/hooks", &event).unwrap();
        assert_eq!((request.method(), request.body().as_ref()), (&Method::POST, body.as_bytes()));
        assert_eq!(
            (&request.headers()["webhook-id"], request.headers().len()),
            (&HeaderValue::from_static("msg_1"), 2)
        );
    }

    #[test]
    fn an_event_that_the_webhook_does_not_get_is_told() {
        let webhook = json!({ "id": "1", "events": ["payment.success"] });
        assert!(check_events(&webhook, &[]).is_ok());
        assert!(check_events(&webhook, &[Event::PaymentSuccess]).is_ok());
        let failure = check_events(&webhook, &[Event::PaymentSuccess, Event::RefundSuccess]).unwrap_err();
        assert_eq!(failure.field.as_deref(), Some("events"));
    }
}
