//! Webhooks: where an app's events go.

use domain::{
    AppId, Event, Key, Lane, Mode, RotatingKey, Secret, TargetHealth, Webhook, WebhookId, WebhookTarget,
    is_reserved_header,
};
use http::{HeaderName, HeaderValue, StatusCode};
use providers::MASK;
use runtime::{Random, RandomError, Reply, json};
use serde_json::{Map, Value, json};
use store::{StoreError, WEBHOOKS_MAX};
use tracing::info;

use super::{
    apps,
    call::Call,
    deliveries,
    destination::{self, Destination},
    problem::Problem,
    said,
    wrong::Wrong,
};

const URL_BYTES_MAX: usize = 2048;
const FUNCTION_BYTES_MAX: usize = 170;
const HEADERS_MAX: usize = 20;
const HEADER_BYTES_MAX: usize = 1024;

/// `POST /apps/{appId}/webhooks {"target":{"url","headers"?} | {"function"} | {"pull":true},"mode","events"?}`
pub(crate) async fn create(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let body = call.object()?;
    let mode = body.get("mode").and_then(Value::as_str).unwrap_or_default();
    let random = &call.deps.services.random;
    let mut webhook = Webhook {
        id: WebhookId::generate(call.now, random.bytes()?),
        mode: Mode::find(mode).ok_or_else(|| Problem::field("mode", Wrong::Mode))?,
        events: read_events(body.get("events"))?,
        target: read_target(body.get("target"))?,
        secret: RotatingKey::new(new_secret(random)?),
        created_at: call.now,
    };
    unmask(&mut webhook.target, None)?;
    call.load_app(&app).await?;
    match call.deps.services.store.create_webhook(&app, &webhook).await {
        Ok(()) => {}
        // The app exists, so the other condition failed.
        Err(StoreError::Stale { .. }) => {
            return Err(Problem::conflict(Wrong::TooManyWebhooks { webhooks_max: WEBHOOKS_MAX }));
        }
        Err(error) => return Err(error.into()),
    }
    info!(app.id = %app, webhook.id = %webhook.id, "made webhook {}", webhook.id);
    let mut shown = show(call, &webhook, None);
    if let Some(members) = shown.as_object_mut() {
        members.insert("secret".to_owned(), webhook.secret.current.expose().as_str().into());
    }
    Ok(json(StatusCode::CREATED, &shown))
}

/// `GET /apps/{appId}/webhooks`
pub(crate) async fn list(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let found = call.load_app(&app).await?;
    let items: Vec<Value> =
        found.webhooks.iter().map(|webhook| show(call, webhook, found.targets.get(&webhook.id))).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items })))
}

/// `PUT /apps/{appId}/webhooks/{id}`, with the body of the creation. A header or a query that still contains the mask keeps its value as
/// long as the destination stays the same. The secret stays. The change applies from the next attempt on, also for deliveries that already
/// wait. A paused target is tried again.
pub(crate) async fn change(call: &Call<'_>, app: AppId, webhook: WebhookId) -> Result<Reply, Problem> {
    let body = call.object()?;
    // If the webhook does not exist, the answer is 404, even if the body is wrong.
    load(call, &app, &webhook).await?;
    let mode = body.get("mode").and_then(Value::as_str).unwrap_or_default();
    let mode = Mode::find(mode).ok_or_else(|| Problem::field("mode", Wrong::Mode))?;
    let events = read_events(body.get("events"))?;
    let target = read_target(body.get("target"))?;
    save(call, &app, &webhook, |before| {
        let mut after = Webhook { mode, events: events.clone(), target: target.clone(), ..before.clone() };
        unmask(&mut after.target, Some(&before.target))?;
        // What waits to be fetched and what waits to be sent have different times.
        if before.is_pulled() != after.is_pulled() {
            return Err(Problem::field("target", Wrong::TargetKind));
        }
        Ok(after)
    })
    .await
}

/// `PUT /apps/{appId}/webhooks/{id}/mode {"mode"}`
pub(crate) async fn switch(call: &Call<'_>, app: AppId, webhook: WebhookId) -> Result<Reply, Problem> {
    let body = call.object()?;
    let mode = body.get("mode").and_then(Value::as_str).unwrap_or_default();
    let mode = Mode::find(mode).ok_or_else(|| Problem::field("mode", Wrong::Mode))?;
    load(call, &app, &webhook).await?;
    save(call, &app, &webhook, |before| Ok(Webhook { mode, ..before.clone() })).await
}

/// `POST /apps/{appId}/webhooks/{id}/secret/rotate {"graceSeconds"?}`: the new secret is shown once. Until the grace time is over, each
/// message has two signatures, by the new and the old secret. After that the old secret is no longer used; nobody has to remove it.
pub(crate) async fn rotate_secret(call: &Call<'_>, app: AppId, webhook: WebhookId) -> Result<Reply, Problem> {
    let grace = apps::read_grace(&call.object()?)?;
    load(call, &app, &webhook).await?;
    let next = new_secret(&call.deps.services.random)?;
    let rotate = |before: &Webhook| {
        let secret = before.secret.clone().rotated(next.clone(), call.now, grace);
        Ok::<_, Problem>(Webhook { secret, ..before.clone() })
    };
    call.deps.services.store.change_webhook(&app, &webhook, rotate).await?;
    info!(app.id = %app, webhook.id = %webhook, "rotated the secret of webhook {webhook}");
    let body =
        json!({ "id": webhook.as_str(), "secret": next.expose(), "previousValidUntil": call.now.plus(grace).ms() });
    Ok(json(StatusCode::OK, &body))
}

/// The webhook with this id.
pub(crate) async fn load(call: &Call<'_>, app: &AppId, webhook: &WebhookId) -> Result<Webhook, Problem> {
    let found = call.load_app(app).await?;
    found.webhooks.into_iter().find(|one| one.id == *webhook).ok_or_else(|| Problem::not_found("webhook"))
}

async fn save(
    call: &Call<'_>,
    app: &AppId,
    webhook: &WebhookId,
    change: impl Fn(&Webhook) -> Result<Webhook, Problem>,
) -> Result<Reply, Problem> {
    let changed = call.deps.services.store.change_webhook(app, webhook, change).await?;
    call.deps.services.store.forget_target(app, webhook).await?;
    info!(app.id = %app, webhook.id = %webhook, "changed webhook {webhook}");
    Ok(json(StatusCode::OK, &show(call, &changed, None)))
}

/// Replaces each mask by the saved value. A value that was saved for one address is never sent to another: a person who may change the
/// address may not be allowed to see the value.
fn unmask(target: &mut WebhookTarget, before: Option<&WebhookTarget>) -> Result<(), Problem> {
    let WebhookTarget::Url { url, headers } = target else { return Ok(()) };
    let saved = match before {
        Some(WebhookTarget::Url { url, headers }) => Some((url, headers)),
        Some(WebhookTarget::Function(_) | WebhookTarget::Pull) | None => None,
    };
    let stays = saved.is_some_and(|(saved, _)| Destination::of(saved) == Destination::of(url));
    for (name, value) in headers.iter_mut().filter(|(_, value)| value.expose() == MASK) {
        let mut known = saved.into_iter().flat_map(|(_, headers)| headers);
        let Some((_, kept)) = known.find(|(kept, _)| kept.eq_ignore_ascii_case(name)) else {
            return Err(Problem::field("target.headers", Wrong::HeaderMasked { name: name.clone() }));
        };
        if !stays {
            return Err(Problem::field("target.headers", Wrong::HeaderMaskedForAddress { name: name.clone() }));
        }
        *value = kept.clone();
    }
    let Some(address) = destination::before_mask(url) else { return Ok(()) };
    let sent = saved.map(|(saved, _)| saved.split('#').next().unwrap_or_default());
    let query = sent.and_then(|saved| saved.split_once('?')).map(|(_, query)| query);
    let wrong = |problem| Problem::field("target.url", problem);
    let query = query.ok_or_else(|| wrong(Wrong::QueryMasked))?;
    if !stays {
        return Err(wrong(Wrong::QueryMaskedForAddress));
    }
    let whole = format!("{address}?{query}");
    if !is_web_url(&whole) {
        return Err(wrong(Wrong::TargetUrl));
    }
    *url = whole;
    Ok(())
}

fn new_secret(random: &Random) -> Result<Key, RandomError> {
    Ok(Secret::new(format!("whsec_{}", random.standard_base64::<32>()?)))
}

/// `DELETE /apps/{appId}/webhooks/{id}`: deliveries that wait for it are cancelled.
pub(crate) async fn delete(call: &Call<'_>, app: AppId, webhook: WebhookId) -> Result<Reply, Problem> {
    let found = call.load_app(&app).await?;
    call.deps.services.store.delete_webhook(&app, &webhook, call.now).await?;
    call.deps.services.store.forget_target(&app, &webhook).await?;
    deliveries::cancel_waiting(call, &found.app, &webhook).await?;
    info!(app.id = %app, webhook.id = %webhook, "deleted webhook {webhook}");
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    Ok(reply)
}

/// A webhook as the API shows it. Its secret is masked, because it is shown only once. Header values and the query are masked, too: they may be
/// secrets.
fn show(call: &Call<'_>, webhook: &Webhook, health: Option<&TargetHealth>) -> Value {
    let target = match &webhook.target {
        WebhookTarget::Url { url, headers } => {
            let headers: Map<String, Value> = headers.iter().map(|(name, _)| (name.clone(), MASK.into())).collect();
            json!({ "url": destination::shown(url), "headers": headers })
        }
        WebhookTarget::Function(function) => json!({ "function": function }),
        WebhookTarget::Pull => json!({ "pull": true }),
    };
    let mut shown = json!({
        "id": webhook.id.as_str(),
        "target": target,
        "mode": webhook.mode.name(),
        "events": webhook.events.iter().map(|event| event.name()).collect::<Vec<_>>(),
        "secret": MASK,
        "createdTime": webhook.created_at.ms(),
    });
    let Some(members) = shown.as_object_mut() else { return shown };
    // A healthy target has no `health`, and a secret that was not rotated lately has no such member either.
    members.extend(health.map(|health| ("health".to_owned(), show_health(health))));
    // An address that is written out is judged now; a name only when it is looked up, at each connection.
    if let WebhookTarget::Url { url, .. } = &webhook.target
        && let Err(forbidden) = call.deps.services.config.targets.judge_url(url)
    {
        members.extend(said::text("warning", Some(&Wrong::from(forbidden).into())));
    }
    let previous = webhook.secret.previous.as_ref().filter(|(_, until)| call.now < *until);
    members.extend(previous.map(|(_, until)| ("previousSecretValidUntil".to_owned(), until.ms().into())));
    shown
}

fn show_health(health: &TargetHealth) -> Value {
    json!({
        "failuresInARow": health.failures,
        "failingSince": (health.failures > 0).then(|| health.failing_since.ms()),
        "slow": health.lane() == Lane::Slow,
        "pausedSince": health.paused.map(|paused| paused.since.ms()),
        "nextProbe": health.paused.map(|paused| paused.probe_at.ms()),
    })
}

/// Without a value: only the event of the wire contract.
fn read_events(value: Option<&Value>) -> Result<Vec<Event>, Problem> {
    let Some(value) = value else { return Ok(vec![Event::PaymentSuccess]) };
    let names = Event::ALL.map(Event::name).join(", ");
    let wrong = || Problem::field("events", Wrong::Events { names: names.clone(), found: value.to_string() });
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
    let wrong = || Problem::field("target", Wrong::Target);
    let target = value.and_then(Value::as_object).ok_or_else(wrong)?;
    let find = |name| target.get(name).filter(|value| !value.is_null());
    let pull = match find("pull") {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(other) => return Err(Problem::field("target.pull", Wrong::Switch { found: other.to_string() })),
    };
    if find("url").is_none() && find("headers").is_some() {
        return Err(wrong());
    }
    match (find("url"), find("function"), pull) {
        (Some(url), None, false) => {
            let url = url.as_str().filter(|url| is_web_url(url));
            let wrong = |problem| Problem::field("target.url", problem);
            let url = url.ok_or_else(|| wrong(Wrong::TargetUrl))?;
            if destination::names_user(url) {
                return Err(wrong(Wrong::TargetUser));
            }
            if url.contains('#') {
                return Err(wrong(Wrong::TargetFragment));
            }
            Ok(WebhookTarget::Url { url: url.to_owned(), headers: read_headers(find("headers"))? })
        }
        (None, Some(function), false) => {
            let name = function.as_str().filter(|name| is_function_name(name));
            let name = name.ok_or_else(|| Problem::field("target.function", Wrong::TargetFunction))?;
            Ok(WebhookTarget::Function(name.to_owned()))
        }
        (None, None, true) => Ok(WebhookTarget::Pull),
        (Some(_), _, true) | (_, Some(_), true) | (Some(_), Some(_), _) | (None, None, false) => Err(wrong()),
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
    let wrong = || Problem::field("target.headers", Wrong::Headers { headers_max: HEADERS_MAX });
    let headers = value.as_object().filter(|headers| headers.len() <= HEADERS_MAX).ok_or_else(wrong)?;
    let mut read = Vec::new();
    for (name, value) in headers {
        let value = value.as_str().filter(|value| value.len() <= HEADER_BYTES_MAX).ok_or_else(wrong)?;
        let is_header = HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok();
        if is_reserved_header(name) {
            return Err(Problem::field("target.headers", Wrong::OurHeader { name: name.clone() }));
        }
        if !is_header {
            return Err(Problem::field("target.headers", Wrong::NoHeader { name: name.clone() }));
        }
        read.push((name.clone(), Secret::new(value.to_owned())));
    }
    Ok(read)
}
