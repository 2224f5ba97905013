//! The commands on webhooks and their deliveries, through the operator API.

use domain::{Event, Mode};
use http::Method;
use serde_json::{Value, json};

use crate::{
    arguments::{Deliveries, ListedDeliveries, NewWebhook, ResentDelivery, RotatedSecret, TestedWebhook, Webhooks},
    client::Gateway,
    failure::Failure,
    output::Output,
    table::{list, moment, table_or, text},
    words::{Words, mode_in_chinese, words},
};

pub(crate) async fn webhooks(gateway: &Gateway, output: Output, command: &Webhooks) -> Result<(), Failure> {
    match command {
        Webhooks::List => list_webhooks(gateway, output).await,
        Webhooks::Add(new) => add(gateway, output, new).await,
        Webhooks::Test(tested) => test(gateway, output, tested).await,
        Webhooks::Secret(rotated) => rotate(gateway, output, rotated).await,
    }
}

pub(crate) async fn deliveries(gateway: &Gateway, output: Output, command: &Deliveries) -> Result<(), Failure> {
    match command {
        Deliveries::List(listed) => list_deliveries(gateway, output, listed).await,
        Deliveries::Resend(resent) => resend(gateway, output, resent).await,
    }
}

/// The webhooks of the app.
pub(crate) async fn all(gateway: &Gateway) -> Result<Vec<Value>, Failure> {
    let answer = gateway.operate_app(Method::GET, "/webhooks", None).await?;
    Ok(list(&answer, "items").to_vec())
}

/// Makes a webhook. The answer has its secret.
pub(crate) async fn make(gateway: &Gateway, target: &Value, mode: Mode, events: &[Event]) -> Result<Value, Failure> {
    let events: Vec<&str> = events.iter().map(|event| event.name()).collect();
    let body = json!({ "target": target, "mode": mode.name(), "events": events });
    gateway.operate_app(Method::POST, "/webhooks", Some(&body)).await
}

/// Whether events wait at the gateway until they are pulled.
pub(crate) fn is_pull(webhook: &Value) -> bool {
    webhook.pointer("/target/pull").and_then(Value::as_bool) == Some(true)
}

/// The names of a webhook's events.
pub(crate) fn events_of(webhook: &Value) -> Vec<&str> {
    list(webhook, "events").iter().filter_map(Value::as_str).collect()
}

async fn list_webhooks(gateway: &Gateway, output: Output) -> Result<(), Failure> {
    let answer = gateway.operate_app(Method::GET, "/webhooks", None).await?;
    let row = |webhook: &Value| {
        let events = events_of(webhook).join(",");
        vec![text(webhook, "id").to_owned(), text(webhook, "mode").to_owned(), target_of(webhook), events]
    };
    let rows: Vec<_> = list(&answer, "items").iter().map(row).collect();
    let none = words!("还没有 webhook，用 maxpay webhooks add 新建", "no webhooks yet; maxpay webhooks add makes one");
    output.result(&answer, &table_or(&rows, none));
    Ok(())
}

fn target_of(webhook: &Value) -> String {
    let target = webhook.get("target").unwrap_or(&Value::Null);
    match (text(target, "url"), text(target, "function")) {
        ("", "") => "pull".to_owned(),
        ("", function) => format!("lambda:{function}"),
        (url, _) => url.to_owned(),
    }
}

async fn add(gateway: &Gateway, output: Output, new: &NewWebhook) -> Result<(), Failure> {
    let target = match (&new.target.url, &new.target.function) {
        (Some(url), _) => json!({ "url": url }),
        (None, Some(function)) => json!({ "function": function }),
        (None, None) => json!({ "pull": true }),
    };
    let mode = match new.mode {
        Some(mode) => mode,
        None => gateway.mode().await?,
    };
    let made = make(gateway, &target, mode, &new.events).await?;
    let chinese = mode_in_chinese(mode);
    let (id, secret) = (text(&made, "id"), text(&made, "secret"));
    let people = words!(
        "已新建 webhook {id}（{chinese}模式）\n签名密钥 {secret}\n密钥只显示这一次，请马上存好",
        "made webhook {id} ({mode})\nsecret {secret}\nIt is not shown again: keep it now"
    );
    let people = match text(&made, "warning") {
        "" => people,
        warning => people.and_below(&Words::alike(warning)),
    };
    output.result(&made, &people);
    Ok(())
}

async fn test(gateway: &Gateway, output: Output, tested: &TestedWebhook) -> Result<(), Failure> {
    let body = json!({ "event": tested.event.name() });
    let answer =
        gateway.operate_app(Method::POST, &format!("/webhooks/{}/test", segment(&tested.id)), Some(&body)).await?;
    let response = answer.get("response").unwrap_or(&Value::Null);
    let number = |name| response.get(name).and_then(Value::as_i64).map_or("-".to_owned(), |number| number.to_string());
    let (status, took) = (number("status"), number("durationMs"));
    if answer.get("received").and_then(Value::as_bool) == Some(true) {
        let people = words!("收到了：HTTP {status}，用时 {took} 毫秒", "received: HTTP {status} after {took} ms");
        output.result(&answer, &people);
        return Ok(());
    }
    let (verdict, problem) = (text(&answer, "verdict"), text(&answer, "problem"));
    let message = words!(
        "对方没有收下（{verdict}，HTTP {status}）：{problem}",
        "not received ({verdict}, HTTP {status}): {problem}"
    );
    Err(Failure::own("not-received", message).with_remedy(words!(
        "只有 HTTP 200 算收到；看看对方服务的日志",
        "only HTTP 200 means received; look into the log of that server"
    )))
}

async fn rotate(gateway: &Gateway, output: Output, rotated: &RotatedSecret) -> Result<(), Failure> {
    let body = json!({ "graceSeconds": rotated.grace_seconds });
    let path = format!("/webhooks/{}/secret/rotate", segment(&rotated.id));
    let answer = gateway.operate_app(Method::POST, &path, Some(&body)).await?;
    let (secret, until) = (text(&answer, "secret"), moment(&answer, "previousValidUntil"));
    let people = words!(
        "新的签名密钥 {secret}\n只显示这一次；旧密钥到 {until}（北京时间）为止仍会一起签名",
        "new secret {secret}\nIt is not shown again. The old one signs, too, until {until} (Beijing time)"
    );
    output.result(&answer, &people);
    Ok(())
}

async fn list_deliveries(gateway: &Gateway, output: Output, listed: &ListedDeliveries) -> Result<(), Failure> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("state", &listed.state), ("webhook", &listed.webhook), ("cursor", &listed.cursor)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let path = format!("/deliveries?{}", query.finish());
    let answer = gateway.operate_app(Method::GET, &path, None).await?;
    let rows: Vec<_> = list(&answer, "items").iter().map(delivery_row).collect();
    let none = words!(
        "没有通知记录（一次就收到的不在这里）",
        "no deliveries (those received at the first try are not listed)"
    );
    let shown = table_or(&rows, none);
    let shown = match text(&answer, "cursor") {
        "" => shown,
        cursor => shown.and_below(&words!("下一页：--cursor {cursor}", "next page: --cursor {cursor}")),
    };
    output.result(&answer, &shown);
    Ok(())
}

fn delivery_row(delivery: &Value) -> Vec<String> {
    let attempts = list(delivery, "attempts");
    let last = attempts.last().map(|attempt| text(attempt, "verdict")).unwrap_or_default();
    let mut row = vec![moment(delivery, "createdTime")];
    row.extend(["event", "billNum", "state"].map(|name| text(delivery, name).to_owned()));
    row.extend([format!("{}x {last}", attempts.len()), text(delivery, "id").to_owned()]);
    row
}

async fn resend(gateway: &Gateway, output: Output, resent: &ResentDelivery) -> Result<(), Failure> {
    let path = format!("/deliveries/{}/resend", segment(&resent.id));
    let answer = gateway.operate_app(Method::POST, &path, None).await?;
    let (event, bill, state) = (text(&answer, "event"), text(&answer, "billNum"), text(&answer, "state"));
    output.result(&answer, &words!("已重发 {event} {bill}：{state}", "sent again: {event} {bill}: {state}"));
    Ok(())
}

/// An id as one segment of a path, whatever was typed.
fn segment(id: &str) -> String {
    form_urlencoded::byte_serialize(id.as_bytes()).collect()
}
