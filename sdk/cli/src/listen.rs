//! `listen`: pulls events, hands each to a server on this machine with its headers and its exact body, and acknowledges what that server
//! answers with 200. The rest stays at the gateway and is handed over again later.

pub(crate) mod memory;

use std::{
    collections::HashSet,
    pin::pin,
    time::{Duration, Instant},
};

use bytes::Bytes;
use domain::{Event, Mode};
use futures_util::stream::{self, StreamExt};
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use memory::{FAILURES_MAX, Memory, outage_wait};
use outbound::{Bounds, Outbound, OutboundError};
use serde_json::{Value, json};

use crate::{
    arguments::Listen,
    client::{Caller, Gateway, chain},
    failure::Failure,
    output::Output,
    profiles::OPERATOR_TOKEN,
    signals::Signals,
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

/// How many events are forwarded at once. A server on a laptop is seldom faster with more.
const FORWARDED_AT_ONCE: usize = 8;

/// After how many accepted events they are acknowledged while others are still forwarded.
const ACKNOWLEDGED_EVERY: usize = 8;

/// How long the last acknowledgement may take once somebody ends the program.
const LAST_WORD: Duration = Duration::from_secs(5);

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
    let mut signals = Signals::catch()?;
    output.note(&words!(
        "正在监听（{chinese}模式），转发到 {target}，按 Ctrl-C 结束",
        "listening ({mode}), forwarding to {target}; Ctrl-C ends it"
    ));
    let mut listener =
        Listener { gateway, output, outbound, target, webhook, age, events: &of.events, memory: Memory::default() };
    tokio::select! {
        ended = listener.run() => return ended,
        _ = signals.next() => {}
    }
    // What the server has taken must not come again. Whoever presses Ctrl-C twice does not want to wait for that.
    let acknowledged = tokio::select! {
        acknowledged = tokio::time::timeout(LAST_WORD, listener.acknowledge()) => acknowledged,
        _ = signals.next() => Ok(Ok(())),
    };
    let left = listener.memory.unacknowledged();
    if left == 0 {
        output.note(&words!(
            "已停止；没有确认的事件留在网关，下次再转发",
            "stopped; what is not acknowledged stays at the gateway"
        ));
        return Ok(());
    }
    let message = words!(
        "已停止；有 {left} 个已收下的事件没能确认，下次会再转发",
        "stopped; {left} of the accepted events could not be acknowledged, and come again"
    );
    Err(match acknowledged {
        Ok(Err(failure)) => Failure { message: failure.to_words().and_below(&message), ..failure },
        Ok(Ok(())) | Err(_) => Failure::own("unacknowledged", message),
    })
}

/// The server's address, with path and query as they are given. A port alone is one of this machine, and an address without a scheme is of
/// http.
fn forward_url(given: &str) -> Result<String, Failure> {
    let has_scheme =
        given.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let url = match given.parse::<u16>() {
        Ok(port) => format!("http://localhost:{port}/"),
        Err(_) if has_scheme => given.to_owned(),
        Err(_) => format!("http://{given}"),
    };
    let is_web = url.parse::<Uri>().is_ok_and(|uri| {
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        is_http && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    });
    if is_web && !url.contains('#') {
        return Ok(url);
    }
    let message = words!(
        "应为网址、主机加端口，或单独一个端口，如 localhost:3000/hooks 或 3000",
        "must be an address, a host with a port, or a port alone, as localhost:3000/hooks or 3000"
    );
    Err(Failure::of_field("forward-to", message))
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
    if gateway.setting(OPERATOR_TOKEN).is_none() {
        return Ok(old(of.webhook.clone()));
    }
    if let Some(id) = &of.webhook {
        // An id that is not among them is left to the gateway, which says what is wrong with it.
        if let Some(chosen) = all(gateway).await?.iter().find(|hook| text(hook, "id") == id) {
            check_events(chosen, &of.events)?;
        }
        return Ok(old(Some(id.clone())));
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
struct Forwarded<'a> {
    event: &'a Value,
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
                    let wait = outage_wait(failures);
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
        if failure.may_pass() {
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
            let events = list(page.body(), "events");
            seen.extend(events.iter().map(|event| text(event, "id").to_owned()));
            self.hand_over(events).await?;
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

    /// Forwards the events that are wanted and due, several at once: one whose answer does not come holds up no other.
    async fn hand_over(&mut self, events: &[Value]) -> Result<(), Failure> {
        let due: Vec<&Value> = events.iter().filter(|event| self.is_due(event)).collect();
        let (outbound, target) = (self.outbound.clone(), self.target.clone());
        let forwards = due.into_iter().map(|event| forward(&outbound, &target, event));
        let mut forwards = pin!(stream::iter(forwards).buffer_unordered(FORWARDED_AT_ONCE));
        let what = words!("等待应答", "waiting for answers");
        let mut acknowledged = Ok(());
        while let Some(forwarded) = self.output.wait(&what, forwards.next()).await {
            self.note(&forwarded);
            if acknowledged.is_ok() && self.memory.unacknowledged() >= ACKNOWLEDGED_EVERY {
                acknowledged = self.acknowledge().await;
            }
        }
        acknowledged
    }

    fn is_due(&self, event: &Value) -> bool {
        let (id, name) = (text(event, "id"), text(event, "event"));
        let is_wanted = self.events.is_empty() || self.events.iter().any(|event| event.name() == name);
        is_wanted && self.memory.is_due(id, now())
    }

    /// Remembers how an event was answered, and shows it.
    fn note(&mut self, forwarded: &Forwarded<'_>) {
        let event = forwarded.event;
        let id = text(event, "id");
        let message = event.pointer("/headers/webhook-id").and_then(Value::as_str).unwrap_or(id);
        let attempt = match forwarded.answer {
            Ok(200) => self.memory.accept(id, message),
            Ok(_) | Err(_) => self.memory.refuse(id, now()),
        };
        let is_again = attempt > 1 || self.memory.was_accepted_before(id, message);
        self.show(forwarded, attempt, if is_again { Times::Again } else { Times::First });
    }

    fn show(&self, forwarded: &Forwarded<'_>, attempt: u32, times: Times) {
        let event = forwarded.event;
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

/// Sends an event as the gateway would send it to a webhook.
async fn forward<'a>(outbound: &Outbound, target: &str, event: &'a Value) -> Forwarded<'a> {
    let started = Instant::now();
    let answer = match request(target, event) {
        None => Err(words!("事件的请求头无法发送", "the event's headers cannot be sent")),
        Some(request) => {
            let answer = outbound.send_and_cut(request, FORWARD_BOUNDS).await;
            answer.map(|answer| answer.status().as_u16()).map_err(|error| unanswered(&error))
        }
    };
    Forwarded { event, answer, took_ms: started.elapsed().as_millis() }
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
    fn an_address_is_taken_as_it_is_and_may_lack_its_scheme_or_its_host() {
        for (given, expect) in [
            ("localhost:3000/hooks",         Some("http://localhost:3000/hooks")),
            ("localhost:3000/hooks/",        Some("http://localhost:3000/hooks/")),
            ("https://127.0.0.1:3000/hooks", Some("https://127.0.0.1:3000/hooks")),
            ("a.test/h?b=1&c=http://d",      Some("http://a.test/h?b=1&c=http://d")),
            ("3000",                         Some("http://localhost:3000/")),
            ("ftp://localhost",              None),
            ("http://me@localhost",          None),
            ("localhost/#a",                 None),
            ("http://",                      None),
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
