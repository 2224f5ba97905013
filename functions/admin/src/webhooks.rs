//! Webhooks: where an app's events go.

use domain::{AppId, Event, Mode, Secret, TargetHealth, Webhook, WebhookId, WebhookTarget, is_reserved_header};
use http::{HeaderName, HeaderValue, StatusCode};
use providers::MASK;
use runtime::{Reply, json};
use serde_json::{Map, Value, json};
use store::{StoreError, WEBHOOKS_MAX};
use tracing::info;

use crate::{Call, deliveries, problem::Problem};

const URL_BYTES_MAX: usize = 2048;
const FUNCTION_BYTES_MAX: usize = 170;
const HEADERS_MAX: usize = 20;
const HEADER_BYTES_MAX: usize = 1024;

/// `POST /apps/{appId}/webhooks {"target":{"url","headers"?} | {"function"},"mode","events"?}`
pub(crate) async fn create(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let body = call.object()?;
    let mode = body.get("mode").and_then(Value::as_str).unwrap_or_default();
    let random = &call.deps.base.random;
    let webhook = Webhook {
        id: WebhookId::generate(call.now, random.bytes()?),
        mode: Mode::find(mode).ok_or_else(|| Problem::field("mode", "must be live or test"))?,
        events: read_events(body.get("events"))?,
        target: read_target(body.get("target"))?,
        secret: Secret::new(format!("whsec_{}", random.standard_base64::<32>()?)),
        created_at: call.now,
    };
    call.load_app(&app).await?;
    match call.deps.base.store.create_webhook(&app, &webhook).await {
        Ok(()) => {}
        // The app is there, so that this is the other condition.
        Err(StoreError::Stale { .. }) => {
            return Err(Problem::conflict(format!("an app has at most {WEBHOOKS_MAX} webhooks")));
        }
        Err(error) => return Err(error.into()),
    }
    info!(app.id = %app, webhook.id = %webhook.id, "made webhook {}", webhook.id);
    let mut shown = show(&webhook, None);
    if let Some(members) = shown.as_object_mut() {
        members.insert("secret".to_owned(), webhook.secret.expose().as_str().into());
    }
    Ok(json(StatusCode::CREATED, &shown))
}

/// `GET /apps/{appId}/webhooks`
pub(crate) async fn list(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let found = call.load_app(&app).await?;
    let items: Vec<Value> =
        found.webhooks.iter().map(|webhook| show(webhook, found.targets.get(&webhook.id))).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items })))
}

/// `PUT /apps/{appId}/webhooks/{id}`: as it is made. A header that still bears the mask keeps its value, and the secret stays. It
/// applies to the next attempt, also of what waits already; a paused target gets a new chance.
pub(crate) async fn change(call: &Call<'_>, app: AppId, webhook: WebhookId) -> Result<Reply, Problem> {
    let body = call.object()?;
    let before = load(call, &app, &webhook).await?;
    let mode = body.get("mode").and_then(Value::as_str).unwrap_or_default();
    let mut after = Webhook {
        mode: Mode::find(mode).ok_or_else(|| Problem::field("mode", "must be live or test"))?,
        events: read_events(body.get("events"))?,
        target: read_target(body.get("target"))?,
        ..before.clone()
    };
    unmask(&mut after.target, &before.target)?;
    save(call, &app, &after).await
}

/// `PUT /apps/{appId}/webhooks/{id}/mode {"mode"}`
pub(crate) async fn switch(call: &Call<'_>, app: AppId, webhook: WebhookId) -> Result<Reply, Problem> {
    let body = call.object()?;
    let mode = body.get("mode").and_then(Value::as_str).unwrap_or_default();
    let mode = Mode::find(mode).ok_or_else(|| Problem::field("mode", "must be live or test"))?;
    let before = load(call, &app, &webhook).await?;
    save(call, &app, &Webhook { mode, ..before }).await
}

/// The webhook with this id.
pub(crate) async fn load(call: &Call<'_>, app: &AppId, webhook: &WebhookId) -> Result<Webhook, Problem> {
    let found = call.load_app(app).await?;
    found.webhooks.into_iter().find(|one| one.id == *webhook).ok_or_else(|| Problem::not_found("webhook"))
}

async fn save(call: &Call<'_>, app: &AppId, webhook: &Webhook) -> Result<Reply, Problem> {
    call.deps.base.store.change_webhook(app, webhook).await?;
    call.deps.base.store.forget_failures(app, &webhook.id).await?;
    info!(app.id = %app, webhook.id = %webhook.id, "changed webhook {}", webhook.id);
    Ok(json(StatusCode::OK, &show(webhook, None)))
}

/// Puts what was saved before in place of each mask.
fn unmask(target: &mut WebhookTarget, before: &WebhookTarget) -> Result<(), Problem> {
    let WebhookTarget::Url { headers, .. } = target else { return Ok(()) };
    let saved = match before {
        WebhookTarget::Url { headers, .. } => headers.as_slice(),
        WebhookTarget::Function(_) => &[],
    };
    for (name, value) in headers.iter_mut().filter(|(_, value)| value.expose() == MASK) {
        let kept = saved.iter().find(|(kept, _)| kept.eq_ignore_ascii_case(name));
        let missing = || Problem::field("target.headers", format!("`{name}` is masked, and nothing was saved before"));
        *value = kept.ok_or_else(missing)?.1.clone();
    }
    Ok(())
}

/// `DELETE /apps/{appId}/webhooks/{id}`: what waits for it is cancelled.
pub(crate) async fn delete(call: &Call<'_>, app: AppId, webhook: WebhookId) -> Result<Reply, Problem> {
    let found = call.load_app(&app).await?;
    call.deps.base.store.delete_webhook(&app, &webhook, call.now).await?;
    call.deps.base.store.forget_failures(&app, &webhook).await?;
    deliveries::cancel_waiting(call, &found.app, &webhook).await?;
    info!(app.id = %app, webhook.id = %webhook, "deleted webhook {webhook}");
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    Ok(reply)
}

/// The secret is shown once, and the values of headers may be secrets, too.
fn show(webhook: &Webhook, health: Option<&TargetHealth>) -> Value {
    let target = match &webhook.target {
        WebhookTarget::Url { url, headers } => {
            let headers: Map<String, Value> = headers.iter().map(|(name, _)| (name.clone(), MASK.into())).collect();
            json!({ "url": url, "headers": headers })
        }
        WebhookTarget::Function(function) => json!({ "function": function }),
    };
    let mut shown = json!({
        "id": webhook.id.as_str(),
        "target": target,
        "mode": webhook.mode.name(),
        "events": webhook.events.iter().map(|event| event.name()).collect::<Vec<_>>(),
        "secret": MASK,
        "createdTime": webhook.created_at.ms(),
    });
    // One that is well has nothing to say.
    if let (Some(health), Some(members)) = (health, shown.as_object_mut()) {
        members.insert("health".to_owned(), show_health(health));
    }
    shown
}

fn show_health(health: &TargetHealth) -> Value {
    json!({
        "failuresInARow": health.failures,
        "failingSince": health.failing_since.ms(),
        "pausedSince": health.paused.map(|paused| paused.since.ms()),
        "nextProbe": health.paused.map(|paused| paused.probe_at.ms()),
    })
}

/// The contract's event, if none is named.
fn read_events(value: Option<&Value>) -> Result<Vec<Event>, Problem> {
    let Some(value) = value else { return Ok(vec![Event::PaymentSuccess]) };
    let names = Event::ALL.map(|(_, name)| name).join(", ");
    let wrong = || Problem::field("events", format!("must be a list of one or more of {names}, found `{value}`"));
    let mut events = Vec::new();
    for name in value.as_array().ok_or_else(wrong)? {
        let event = name.as_str().and_then(Event::find).ok_or_else(wrong)?;
        if !events.contains(&event) {
            events.push(event);
        }
    }
    if events.is_empty() { Err(wrong()) } else { Ok(events) }
}

fn read_target(value: Option<&Value>) -> Result<WebhookTarget, Problem> {
    let wrong = || Problem::field("target", "must be {\"url\",\"headers\"?} or {\"function\"}");
    let target = value.and_then(Value::as_object).ok_or_else(wrong)?;
    match (target.get("url"), target.get("function")) {
        (Some(url), None) => {
            let url = url.as_str().filter(|url| is_web_url(url));
            let url = url.ok_or_else(|| Problem::field("target.url", "must be an http or https URL"))?;
            Ok(WebhookTarget::Url { url: url.to_owned(), headers: read_headers(target.get("headers"))? })
        }
        (None, Some(function)) => {
            let name = function.as_str().filter(|name| is_function_name(name));
            let name =
                name.ok_or_else(|| Problem::field("target.function", "must be the name or the ARN of a Lambda"))?;
            Ok(WebhookTarget::Function(name.to_owned()))
        }
        (Some(_), Some(_)) | (None, None) => Err(wrong()),
    }
}

fn is_web_url(text: &str) -> bool {
    let parsed = text.parse::<http::Uri>();
    let is_web = parsed.is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    is_web && text.len() <= URL_BYTES_MAX
}

fn is_function_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_:$".contains(&b);
    (1..=FUNCTION_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

fn read_headers(value: Option<&Value>) -> Result<Vec<(String, Secret<String>)>, Problem> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let wrong = || Problem::field("target.headers", "must be an object of at most 20 header names and text values");
    let headers = value.as_object().filter(|headers| headers.len() <= HEADERS_MAX).ok_or_else(wrong)?;
    let mut read = Vec::new();
    for (name, value) in headers {
        let value = value.as_str().filter(|value| value.len() <= HEADER_BYTES_MAX).ok_or_else(wrong)?;
        let is_header = HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok();
        if is_reserved_header(name) {
            return Err(Problem::field("target.headers", format!("`{name}` is set by us")));
        }
        if !is_header {
            return Err(Problem::field("target.headers", format!("`{name}` or its value cannot be a header")));
        }
        read.push((name.clone(), Secret::new(value.to_owned())));
    }
    Ok(read)
}
