//! `listen`: pulls events, hands each to a server on this machine with its headers and its exact body, and acknowledges what that server
//! answers with 200. The rest stays at the gateway and is handed over again later.

mod forward;
mod listener;
mod memory;

use std::time::Duration;

use domain::{Event, Mode};
use forward::{Forwarder, forward_url};
use http::Method;
use listener::Listener;
use serde_json::{Value, json};

use crate::{
    arguments::Listen,
    client::Gateway,
    failure::Failure,
    output::Output,
    profiles::OPERATOR_TOKEN,
    signals::Signals,
    system::now,
    table::text,
    webhooks::{all, events_of, is_pull, make},
    words::{mode_in_chinese, words},
};

/// How long the last acknowledgement may take once somebody ends the program.
const LAST_WORD: Duration = Duration::from_secs(5);

pub(crate) async fn listen(gateway: &Gateway, output: Output, of: &Listen) -> Result<(), Failure> {
    let target = forward_url(&of.forward_to)?;
    let mode = gateway.mode().await?;
    let chinese = mode_in_chinese(mode);
    let found = find_webhook(gateway, output, of, mode).await?;
    let forwarder = Forwarder::new(target.clone())?;
    let mut signals = Signals::catch().map_err(|error| Failure::of_catching(&error))?;
    output.note(&words!(
        "正在监听（{chinese}模式），转发到 {target}，按 Ctrl-C 结束",
        "listening ({mode}), forwarding to {target}; Ctrl-C ends it"
    ));
    let mut listener = Listener::new(gateway, output, found, &of.events, forwarder);
    tokio::select! {
        ended = listener.run() => return ended.map_err(with_remedy),
        _ = signals.next() => {}
    }
    // What the server has taken must not come again. Whoever presses Ctrl-C twice does not want to wait for that.
    let acknowledged = tokio::select! {
        acknowledged = tokio::time::timeout(LAST_WORD, listener.end()) => acknowledged,
        _ = signals.next() => Ok(Ok(())),
    };
    let left = listener.unacknowledged();
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
        Ok(Err(failure)) => Failure { message: failure.message.clone().and_below(&message), ..failure },
        Ok(Ok(())) | Err(_) => Failure::own("unacknowledged", message),
    })
}

/// The webhook to listen to. `None` leaves the choice to the gateway.
struct Found {
    webhook: Option<String>,
    age: Age,
}

/// Functions may not know a new webhook for 15 seconds; and this clock may differ from the gateway's.
const NEW_FOR: Duration = Duration::from_secs(60);

/// Whether a webhook was made just now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    New,
    Old,
}

/// Finds the pull webhook of the mode, or makes it if there is an operator token.
async fn find_webhook(gateway: &Gateway, output: Output, of: &Listen, mode: Mode) -> Result<Found, Failure> {
    if gateway.setting(OPERATOR_TOKEN).is_none() {
        return Ok(Found { webhook: of.webhook.clone(), age: Age::Old });
    }
    if let Some(id) = &of.webhook {
        let chosen = all(gateway).await?.into_iter().find(|hook| text(hook, "id") == id);
        // An id that is not among them is left to the gateway, which says what is wrong with it.
        let Some(chosen) = chosen else { return Ok(Found { webhook: Some(id.clone()), age: Age::Old }) };
        return found(&chosen, &of.events);
    }
    let chinese = mode_in_chinese(mode);
    match pulled(gateway, mode).await?.as_slice() {
        [] => {
            let events = if of.events.is_empty() { Event::ALL.to_vec() } else { of.events.clone() };
            let made = make(gateway, &json!({ "pull": true }), mode, &events).await?;
            let id = text(&made, "id");
            // Two of these may begin at once. Both keep the older webhook.
            let first = pulled(gateway, mode).await?.into_iter().next().unwrap_or_default();
            if !text(&first, "id").is_empty() && text(&first, "id") != id {
                gateway.operate_app(Method::DELETE, &format!("/webhooks/{id}"), None).await?;
                return found(&first, &of.events);
            }
            output.note(&words!(
                "这个应用在{chinese}模式下还没有 pull 类型的 webhook，已新建 {id}。签名密钥用 maxpay webhooks secret {id} 取",
                "the app had no pull webhook in {mode} mode: made {id}. maxpay webhooks secret {id} gives its secret"
            ));
            Ok(Found { webhook: Some(id.to_owned()), age: Age::New })
        }
        [one] => found(one, &of.events),
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

/// The pull webhooks of the mode, the oldest first.
async fn pulled(gateway: &Gateway, mode: Mode) -> Result<Vec<Value>, Failure> {
    let is_mine = |hook: &Value| is_pull(hook) && text(hook, "mode") == mode.name();
    let mut mine: Vec<Value> = all(gateway).await?.into_iter().filter(is_mine).collect();
    mine.sort_by_key(|hook| (created_ms(hook), text(hook, "id").to_owned()));
    Ok(mine)
}

fn created_ms(webhook: &Value) -> i64 {
    webhook.get("createdTime").and_then(Value::as_i64).unwrap_or_default()
}

fn found(webhook: &Value, events: &[Event]) -> Result<Found, Failure> {
    check_events(webhook, events)?;
    let age = now().ms().saturating_sub(created_ms(webhook));
    let age = if u128::try_from(age).is_ok_and(|age| age < NEW_FOR.as_millis()) { Age::New } else { Age::Old };
    Ok(Found { webhook: Some(text(webhook, "id").to_owned()), age })
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
    fn an_event_that_the_webhook_does_not_get_is_told() {
        let webhook = json!({ "id": "1", "events": ["payment.success"] });
        assert!(check_events(&webhook, &[]).is_ok());
        assert!(check_events(&webhook, &[Event::PaymentSuccess]).is_ok());
        let failure = check_events(&webhook, &[Event::PaymentSuccess, Event::RefundSuccess]).unwrap_err();
        assert_eq!(failure.field.as_deref(), Some("events"));
    }
}
