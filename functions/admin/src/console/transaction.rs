//! The details of one transaction as a time line, and the actions that are possible.

use askama::Template;
use domain::{
    App, BillNum, Delivery, Fen, Mode, Record, RefundStatus, Sentence, Status, Timestamp, Transaction, TransactionId,
    Webhook, WebhookTarget, refundable, sent_back_elsewhere, webhook_body,
};
use http::{Method, StatusCode};
use providers::MASK;
use runtime::query_parameter;
use serde_json::{Map, Value, json};
use store::StoredApp;

use super::{
    Answer, Trouble,
    deliveries::attempt_words,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    money,
    preferences::Language,
    problems, query, redirect,
    refunds::{ProposedRow, proposed_row},
    targets,
    texts::{self, Texts},
    transactions::{Row, row},
    webhooks,
};
use crate::api::{
    destination,
    page::channels_ever,
    problem::Problem,
    transactions::{TransactionDetails, load_details},
    wrong::WrongKind,
};

struct Step {
    kind: &'static str,
    at: Timestamp,
    when: String,
    what: String,
    more: String,
    /// The body that a delivery sends, without the signature headers.
    request: Option<String>,
    /// The answer, unchanged.
    detail: String,
    /// The delivery that this page can send again, and the words of its button, which name the target.
    resend: Option<(String, String)>,
    /// The number of the refund that this page can give up.
    give_up: Option<String>,
}

#[derive(Template)]
#[template(path = "transaction.html")]
struct Detail {
    f: Frame,
    t: &'static Texts,
    bill: String,
    amount: String,
    status: &'static str,
    status_label: &'static str,
    facts: Vec<(&'static str, String)>,
    extras: Option<String>,
    steps: Vec<Step>,
    /// Refunds of this payment that wait for approval.
    proposed: Vec<ProposedRow>,
    others: Vec<Row>,
    /// The address of the actions, and its query.
    action: String,
    asked: String,
    back: String,
    can_close: bool,
    /// The amount that can still be refunded, as a text.
    refundable: Option<String>,
    refund_num: String,
    fee: String,
    reason: String,
    fee_problem: Option<String>,
    reason_problem: Option<String>,
    bad: Option<String>,
}

pub(crate) async fn show(desk: &Desk<'_>, id: &str) -> Answer {
    let details = load(desk, id).await?;
    desk.page(200, &detail(desk, &details).await?)
}

async fn load(desk: &Desk<'_>, id: &str) -> Result<TransactionDetails, Trouble> {
    let id = TransactionId::parse(id).map_err(|_| Trouble::NotFound)?;
    let found = desk.app()?;
    let store = &desk.deps.services.store;
    let bill = match query_parameter(desk.request, "bill").and_then(|bill| BillNum::parse(&bill).ok()) {
        Some(bill) => bill,
        None => {
            let channels = channels_ever(found, desk.mode);
            let record = store.find_record(&found.app.id, desk.mode, &found.app.shards, &channels, &id).await?;
            record.ok_or(Trouble::NotFound)?.bill
        }
    };
    load_details(store, &found.app.id, desk.mode, &bill, &id).await?.ok_or(Trouble::NotFound)
}

async fn detail(desk: &Desk<'_>, details: &TransactionDetails) -> Result<Detail, Trouble> {
    let t = desk.t();
    let one = &details.transaction;
    let proposed = desk.deps.services.store.proposed_refunds(&one.key.app, one.key.mode, desk.now).await?;
    let proposed = proposed.into_iter().filter(|proposed| proposed.transaction == one.id);
    let bill = one.key.bill.to_string();
    let f = Frame { section: Section::Transactions, ..desk.frame(&bill) };
    let asked = query(&[("mode", desk.mode.name()), ("bill", &bill)]);
    let action = format!("{}/{}", f.at("/transactions"), one.id);
    let left = refundable(one);
    Ok(Detail {
        amount: money::shown(one.fee),
        status: one.status.name(),
        status_label: t.name_of(one.status),
        facts: facts(&f, t, one),
        extras: one.extras.as_ref().map(|extras| pretty(extras.as_json())),
        steps: steps(&f, t, details, desk.app()?),
        proposed: proposed.map(|one| proposed_row(&f, t, &one)).collect(),
        others: details.others.iter().map(|other| row(&f, t, &Record::from(other.clone()))).collect(),
        back: address(&f, one),
        can_close: one.status == Status::Created,
        refundable: left.map(|left| texts::fill(t.refund_text, &[&money::shown(left)])),
        // If the button is pressed twice, it is still one refund.
        refund_num: format!(
            "op-{}",
            desk.deps.services.random.bytes::<8>().map_err(Problem::from)?.map(|b| format!("{b:02x}")).concat()
        ),
        fee: left.map(Fen::to_yuan).unwrap_or_default(),
        reason: String::new(),
        fee_problem: None,
        reason_problem: None,
        bad: None,
        bill,
        action,
        asked,
        f,
        t,
    })
}

fn pretty(json: &str) -> String {
    let value = serde_json::from_str::<Value>(json);
    value.ok().and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| json.to_owned())
}

fn facts(f: &Frame, t: &'static Texts, one: &Transaction) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        (t.bill, one.key.bill.to_string()),
        (t.transaction_id, one.id.to_string()),
        (t.subject, one.subject.as_str().to_owned()),
        (t.channel, t.name_of(one.key.channel).to_owned()),
        (t.amount, money::shown(one.fee)),
    ];
    if let Some(refunded) = one.refunded {
        facts.push((t.refunded, money::shown(refunded)));
    }
    if let Some(number) = &one.trade_no {
        facts.push((t.trade_no, number.as_str().to_owned()));
    }
    let mode = if one.key.mode == Mode::Live { t.live } else { t.test };
    facts.push((t.mode, mode.to_owned()));
    facts.push((t.expires, f.moment(one.expires_at)));
    facts
}

/// The body that the latest attempt sent, or that the first attempt will send. It is not stored; it is built again, as each attempt builds
/// it.
fn request(delivery: &Delivery, transaction: &Transaction, app: &App) -> String {
    let at = delivery.records.last().map_or(delivery.created_at, |record| Timestamp::clamped(record.time));
    let body = webhook_body(delivery, transaction, app, at);
    let mut members: Map<String, Value> = serde_json::from_str(&body).unwrap_or_default();
    members.insert("sign".to_owned(), MASK.into());
    serde_json::to_string_pretty(&members).unwrap_or_default()
}

fn steps(f: &Frame, t: &'static Texts, details: &TransactionDetails, found: &StoredApp) -> Vec<Step> {
    let one = &details.transaction;
    let step = |kind, at, what: &str, more: String| {
        let (what, detail) = (what.to_owned(), String::new());
        Step { kind, at, when: f.moment(at), what, more, request: None, detail, resend: None, give_up: None }
    };
    let mut steps = vec![step("plain", one.created_at, t.step_charged, t.name_of(one.key.channel).to_owned())];
    if let Some(at) = one.ended_at {
        match one.status {
            Status::Success | Status::Refund => {
                let number = one.trade_no.as_ref().map(|number| format!("{} {}", t.trade_no, number.as_str()));
                steps.push(step("good", at, t.step_paid, number.unwrap_or_default()));
            }
            Status::Closed | Status::Created => steps.push(step("plain", at, t.step_closed, String::new())),
        }
    }
    for refund in &details.refunds {
        let (kind, word) = match refund.status {
            RefundStatus::Pending if refund.pause.is_some() => ("bad", t.refund_paused),
            RefundStatus::Pending => ("plain", t.refund_pending),
            RefundStatus::Stuck => ("bad", t.refund_stuck),
            RefundStatus::Success => ("refund", t.refund_success),
            RefundStatus::Failed => ("bad", t.refund_failed),
        };
        let failure = refund.failure.as_ref().map(|failure| failure_words(f, failure));
        let words = [Some(refund.num.clone()).map(|num| num.as_str().to_owned()), refund.reason.clone(), failure];
        let what = format!("{} {} · {word}", t.step_refund, money::shown(refund.fee));
        let at = refund.ended_at.unwrap_or(refund.requested_at);
        let give_up = refund.pause.map(|_| refund.num.to_string());
        let more = words.into_iter().flatten().collect::<Vec<_>>().join(" · ");
        steps.push(Step { give_up, ..step(kind, at, &what, more) });
    }
    for delivery in &details.deliveries {
        let event = t.name_of(delivery.id.event);
        let state = t.name_of(delivery.state);
        let webhook = webhook(found, delivery);
        let next = if webhook.is_some_and(Webhook::is_pulled) { t.kept_until } else { t.next_attempt };
        let next =
            (delivery.state == domain::DeliveryState::Waiting).then(|| format!("{next} {}", f.moment(delivery.due_at)));
        let what = format!("{} {event} · {state}", t.step_event);
        let request = Some(request(delivery, one, &found.app));
        let target = webhook.map(|webhook| target(t, webhook));
        let words = |target: &String| texts::fill(t.resend_to, &[&targets::short(target)]);
        let resend = target.as_ref().map(|target| (delivery.id.to_token(), words(target)));
        let to = target.unwrap_or_else(|| t.deleted_webhook.to_owned());
        let more = [Some(to), next].into_iter().flatten().collect::<Vec<_>>().join(" · ");
        steps.push(Step { request, resend, ..step("plain", delivery.created_at, &what, more) });
        for record in &delivery.records {
            let kind = if record.verdict == "received" { "good" } else { "bad" };
            let words = serde_json::to_value(record).map(|record| attempt_words(f, t, &record)).unwrap_or_default();
            let to = if record.request.is_empty() { t.pulled } else { &record.request };
            let what = format!("{event} → {to}");
            let at = Timestamp::clamped(record.time);
            steps.push(Step { detail: record.answer.clone(), ..step(kind, at, &what, words) });
        }
    }
    for incident in &details.incidents {
        let problem = problems::say_sentence(f.language(), &incident.problem);
        steps.push(step("bad", incident.seen_at, t.incident_kind(&incident.kind), problem));
    }
    steps.sort_by_key(|step| step.at);
    if let Some(there) = sent_back_elsewhere(one, &details.refunds) {
        // Only its amount is known, not its time. It is shown after the payment.
        let what = format!("{} {}", t.step_refund_there, money::shown(there));
        let step = step("refund", one.created_at, &what, t.step_refund_there_text.to_owned());
        steps.push(Step { when: "–".to_owned(), ..step });
    }
    steps
}

/// The webhook of a delivery. `None` if it was deleted, or is in another mode now: then the delivery cannot be sent again.
fn webhook<'a>(found: &'a StoredApp, delivery: &Delivery) -> Option<&'a Webhook> {
    let is_its = |webhook: &&Webhook| webhook.id == delivery.id.webhook && webhook.mode == delivery.id.mode;
    found.webhooks.iter().find(is_its)
}

fn target(t: &Texts, webhook: &Webhook) -> String {
    match &webhook.target {
        WebhookTarget::Url { url, .. } => destination::shown(url),
        WebhookTarget::Function(name) => name.clone(),
        WebhookTarget::Pull => webhooks::pulled_name(t, webhook.id.as_str()),
    }
}

/// The provider's code, followed by its own text, or by ours.
pub(crate) fn failure_words(f: &Frame, failure: &Sentence) -> String {
    let Some((code, words)) = failure.text.split_once(": ") else {
        return problems::say_sentence(f.language(), failure);
    };
    let ours = failure.said.params.get("words").filter(|words| words.is_object());
    let ours = ours.and_then(|words| problems::in_chinese(&serde_json::from_value(words.clone()).ok()?));
    match (f.language(), ours) {
        (Language::Zh, Some(words)) => format!("{code} {words}"),
        (Language::Zh, None) if failure.said.params.is_empty() => problems::say_sentence(f.language(), failure),
        (Language::Zh | Language::En, _) => format!("{code} “{words}”"),
    }
}

/// Asks the provider, closes or refunds, through the operator API.
pub(crate) async fn act(desk: &Desk<'_>, id: &str, action: &str, form: &Form) -> Answer {
    let details = load(desk, id).await?;
    let bill = details.transaction.key.bill.as_str();
    let asked = query(&[("mode", desk.mode.name()), ("billNum", bill)]);
    let path = format!("/apps/{}/transactions/{}/{action}?{asked}", desk.app()?.app.id, details.transaction.id);
    let (done, body) = match action {
        "sync" => ("asked", json!({})),
        "close" => ("closed", json!({})),
        "give-up" => ("given-up", json!({ "refundNum": form.text("num") })),
        "approve-refund" => {
            let seen = Fen::from_yuan(form.text("seen")).map_err(|_| Trouble::Form)?;
            ("approved", json!({ "refundNum": form.text("num"), "refundFee": seen }))
        }
        "decline-refund" => ("declined", json!({ "refundNum": form.text("num") })),
        "refund" => match Fen::from_yuan(form.text("fee")) {
            Ok(fee) => ("refunded", refund_body(form, fee)),
            Err(_) => {
                let page = detail(desk, &details).await?;
                let fee_problem = Some(desk.t().wrong_amount.to_owned());
                return refuse(desk, Detail { fee_problem, ..page }, form);
            }
        },
        _ => return Err(Trouble::NotFound),
    };
    match desk.act(Method::POST, &path, &body).await {
        Ok(status) => {
            let f = desk.frame("");
            let is_withdrawn = done == "declined" && !f.may_own();
            let done = match (status == StatusCode::ACCEPTED, is_withdrawn) {
                (true, _) => "proposed",
                (false, true) => "withdrawn",
                (false, false) => done,
            };
            redirect(&format!("{}&done={done}", address(&f, &details.transaction)), &[])
        }
        Err(problem) => {
            // The call may have found out something, and somebody else may have been first.
            let page = detail(desk, &load(desk, id).await?).await?;
            refuse(desk, with_problem(desk, page, action, form, problem)?, form)
        }
    }
}

/// The page with what went wrong, at the field if the form has it.
fn with_problem(desk: &Desk<'_>, page: Detail, action: &str, form: &Form, problem: Problem) -> Result<Detail, Trouble> {
    let is_of_proposal = matches!(action, "approve-refund" | "decline-refund");
    if problem.status == StatusCode::NOT_FOUND && is_of_proposal {
        return Ok(Detail { bad: Some(desk.t().proposal_ended.to_owned()), ..page });
    }
    if !matches!(problem.status, StatusCode::BAD_REQUEST | StatusCode::CONFLICT) {
        return Err(problem.into());
    }
    let said = problems::say(desk.preferences.language, &problem);
    let has_form = action == "refund" && page.refundable.is_some();
    Ok(match problem.field_name().filter(|_| has_form) {
        Some("refundFee") => Detail { fee_problem: Some(said), ..page },
        Some("reason") => Detail { reason_problem: Some(said), ..page },
        Some(_) | None => {
            let waits = action == "approve-refund" && page.proposed.iter().any(|one| one.num == form.text("num"));
            let is_stale = problem.said().said.code == WrongKind::ChangedByOther.code();
            let bad = if waits && !is_stale { texts::fill(desk.t().proposal_to_decline, &[&said]) } else { said };
            Detail { bad: Some(bad), ..page }
        }
    })
}

/// The address of a payment's page.
fn address(f: &Frame, one: &Transaction) -> String {
    let asked = query(&[("mode", f.mode.name()), ("bill", one.key.bill.as_str())]);
    format!("{}/{}?{asked}", f.at("/transactions"), one.id)
}

fn refund_body(form: &Form, fee: Fen) -> Value {
    let mut body = json!({ "refundNum": form.text("num"), "refundFee": fee });
    let reason = reason_of(form);
    if let Some(members) = body.as_object_mut().filter(|_| !reason.is_empty()) {
        members.insert("reason".to_owned(), reason.into());
    }
    body
}

/// What is pasted from a spreadsheet has tabs.
pub(crate) fn reason_of(form: &Form) -> String {
    form.text("reason").replace(char::is_control, " ")
}

/// The page again, with the typed values.
fn refuse(desk: &Desk<'_>, page: Detail, form: &Form) -> Answer {
    let typed = if form.has("fee") {
        let (fee, reason) = (form.text("fee").to_owned(), form.text("reason").to_owned());
        // The refund number stays the same: the first call may have taken effect, with only its answer lost.
        Detail { fee, reason, refund_num: form.text("num").to_owned(), ..page }
    } else {
        page
    };
    desk.page(422, &typed)
}
