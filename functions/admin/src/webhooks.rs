//! Webhooks: where an app's events go.

use domain::{AppId, Event, Mode, Secret, Webhook, WebhookId, WebhookTarget};
use http::{HeaderName, HeaderValue, StatusCode};
use providers::MASK;
use runtime::{Reply, json};
use serde_json::{Map, Value, json};
use store::{StoreError, WEBHOOKS_MAX};
use tracing::info;

use crate::{Call, problem::Problem};

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
    let mut shown = show(&webhook);
    if let Some(members) = shown.as_object_mut() {
        members.insert("secret".to_owned(), webhook.secret.expose().as_str().into());
    }
    Ok(json(StatusCode::CREATED, &shown))
}

/// `GET /apps/{appId}/webhooks`
pub(crate) async fn list(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let found = call.load_app(&app).await?;
    let items: Vec<Value> = found.webhooks.iter().map(show).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items })))
}

/// `DELETE /apps/{appId}/webhooks/{id}`
pub(crate) async fn delete(call: &Call<'_>, app: AppId, webhook: WebhookId) -> Result<Reply, Problem> {
    call.deps.base.store.delete_webhook(&app, &webhook).await?;
    info!(app.id = %app, webhook.id = %webhook, "deleted webhook {webhook}");
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    Ok(reply)
}

/// The secret is shown once, and the values of headers may be secrets, too.
fn show(webhook: &Webhook) -> Value {
    let target = match &webhook.target {
        WebhookTarget::Url { url, headers } => {
            let headers: Map<String, Value> = headers.iter().map(|(name, _)| (name.clone(), MASK.into())).collect();
            json!({ "url": url, "headers": headers })
        }
        WebhookTarget::Function(function) => json!({ "function": function }),
    };
    json!({
        "id": webhook.id.as_str(),
        "target": target,
        "mode": webhook.mode.name(),
        "events": webhook.events.iter().map(|event| event.name()).collect::<Vec<_>>(),
        "secret": MASK,
        "createdTime": webhook.created_at.ms(),
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
        if !is_header {
            return Err(Problem::field("target.headers", format!("`{name}` or its value cannot be a header")));
        }
        read.push((name.clone(), Secret::new(value.to_owned())));
    }
    Ok(read)
}
