//! The tester of the console: sends a made-up payment to a webhook's target, and shows the request, the answer and the verdict.

use std::time::Instant;

use courier::{AttemptProblem, Verdict, WebhookMessage};
use domain::{AppId, Event, Webhook, WebhookId, WebhookTarget, sample_body};
use http::StatusCode;
use runtime::{Reply, error_chain, json};
use serde_json::{Map, Value, json};
use tracing::warn;

use super::{call::Call, destination, problem::Problem, said, webhooks, wrong::Wrong};

/// `POST /apps/{appId}/webhooks/{id}/test {"event"}`. `createdTime` 0 marks it as a test. It is sent the same way as a real event, and
/// leaves no delivery.
pub(crate) async fn run(call: &Call<'_>, app: AppId, webhook: WebhookId) -> Result<Reply, Problem> {
    let body = call.object()?;
    let event = match body.get("event") {
        None => Event::PaymentSuccess,
        Some(name) => name.as_str().and_then(Event::find).ok_or_else(|| {
            let words = Event::ALL.map(Event::name).join(", ");
            Problem::field("event", Wrong::OneOf { words, found: name.to_string() })
        })?,
    };
    let webhook = webhooks::load(call, &app, &webhook).await?;
    if webhook.is_pulled() {
        return Err(Problem::conflict(Wrong::PulledWebhook));
    }
    let found = call.load_app(&app).await?;
    let id = format!("msg_test_{}", call.deps.services.random.text::<12>()?);
    let letter = WebhookMessage { id, body: sample_body(event, &found.app, webhook.mode, call.now), now: call.now };
    let started = Instant::now();
    let tried = courier::bring(&call.deps.courier, &webhook, &letter).await;
    let took = started.elapsed();
    if tried.verdict == Verdict::Received {
        note(call, &app, &webhook).await;
    }

    let headers = |headers: &[(String, String)]| -> Map<String, Value> {
        headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect()
    };
    let (target, name) = match &webhook.target {
        WebhookTarget::Url { url, .. } => ("url", destination::shown(url)),
        WebhookTarget::Function(name) => ("function", name.clone()),
        WebhookTarget::Pull => ("pull", String::new()),
    };
    let answer = &tried.answer;
    let shown = json!({
        "request": { target: name, "headers": headers(&tried.request.headers), "body": letter.body },
        "response": {
            "status": answer.status,
            "headers": headers(&answer.headers),
            "body": answer.body,
            "durationMs": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        },
        "received": tried.verdict == Verdict::Received,
        "verdict": tried.verdict.name(),
    });
    let problem = tried.problem.as_ref().map(AttemptProblem::sentence);
    Ok(json(StatusCode::OK, &said::with(shown, said::text("problem", problem.as_ref()))))
}

/// Notes for the first steps of the app that the target took a message. Without the note that step stays open; the test is over all the
/// same.
async fn note(call: &Call<'_>, app: &AppId, webhook: &Webhook) {
    if let Err(error) = call.deps.services.store.note_tested(app, webhook, call.now).await {
        let id = &webhook.id;
        warn!(app.id = %app, webhook.id = %id, "a test of webhook {id} could not be noted: {}", error_chain(&error));
    }
}
