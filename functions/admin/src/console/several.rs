//! Refunds of several payments at once: chosen in the list, looked at, and then begun.

use askama::Template;
use domain::{BillNum, Fen, OperatorRole, Record, Transaction, TransactionId, refundable, refundable_in_all};
use http::Method;
use serde_json::{Value, json};

use super::{
    Answer, Trouble,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    money, problems, query,
    texts::{self, Texts},
    transaction::reason_of,
};
use crate::api::{
    problem::Problem,
    proposed_refunds::allowance_of,
    said,
    several_refunds::{REFUNDS_MAX, new_batch},
};

struct Chosen {
    bill: String,
    href: String,
    channel: &'static str,
    subject: String,
    paid: String,
    /// What goes back, and the field of the form that says so. `None` if nothing is left.
    back: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "several.html")]
struct Preview {
    f: Frame,
    t: &'static Texts,
    rows: Vec<Chosen>,
    batch: String,
    /// How many refunds and how much, in the words of the button; `None` if nothing can be refunded.
    really: Option<String>,
    notes: Vec<String>,
}

struct Outcome {
    bill: String,
    href: String,
    fee: String,
    class: &'static str,
    words: String,
}

#[derive(Template)]
#[template(path = "several_done.html")]
struct Done {
    f: Frame,
    t: &'static Texts,
    rows: Vec<Outcome>,
}

/// The box by which a payment in a list is chosen.
pub(crate) struct Pick {
    /// `<id>~<bill>`
    pub(crate) field: String,
    pub(crate) label: String,
}

impl Pick {
    pub(crate) fn of(t: &'static Texts, record: &Record) -> Self {
        let label = texts::fill(t.several_choose, &[record.bill.as_str()]);
        Self { field: format!("{}~{}", record.id, record.bill), label }
    }
}

struct Picked {
    id: TransactionId,
    bill: BillNum,
}

fn parse_pick(text: &str) -> Option<Picked> {
    let (id, bill) = text.split_once('~')?;
    Some(Picked { id: TransactionId::parse(id).ok()?, bill: BillNum::parse(bill).ok()? })
}

/// `/refunds/new?pick=<id>~<bill>&pick=...`: what would go back. Nothing is begun.
pub(crate) async fn preview(desk: &Desk<'_>) -> Answer {
    desk.need(OperatorRole::Operator)?;
    let t = desk.t();
    let f = Frame { section: Section::Refunds, ..desk.frame(t.refund_several) };
    let asked = desk.request.uri().query().unwrap_or_default();
    let picks = form_urlencoded::parse(asked.as_bytes()).filter(|(name, _)| name == "pick");
    let mut picks: Vec<String> = picks.map(|(_, pick)| pick.into_owned()).collect();
    picks.sort();
    picks.dedup();
    let too_many = picks.len() > REFUNDS_MAX;
    let mut payments = Vec::new();
    for picked in picks.iter().take(REFUNDS_MAX).filter_map(|pick| parse_pick(pick)) {
        payments.extend(find(desk, &picked).await?);
    }
    let sum = refundable_in_all(&payments);
    let count = payments.iter().filter(|payment| refundable(payment).is_some()).count();
    let said = money::in_sentence(sum, desk.preferences.language);
    let mut notes = Vec::new();
    if too_many {
        notes.push(texts::fill(t.several_at_most, &[&REFUNDS_MAX.to_string()]));
    }
    notes.extend(above_limit(desk, sum).await?);
    let preview = Preview {
        rows: payments.iter().map(|payment| chosen(&f, t, payment)).collect(),
        batch: new_batch(&desk.deps.services.random).map_err(Problem::from)?,
        really: (count > 0).then(|| texts::fill(t.several_really, &[&count.to_string(), &said])),
        notes,
        f,
        t,
    };
    desk.page(200, &preview)
}

async fn find(desk: &Desk<'_>, picked: &Picked) -> Result<Option<Transaction>, Trouble> {
    let bill = desk.deps.services.store.load_bill(&desk.app()?.app.id, desk.mode, &picked.bill).await?;
    Ok(bill.tries.into_iter().find(|one| one.id == picked.id))
}

/// Says what is left of the day's limit, if that is less than `sum`.
async fn above_limit(desk: &Desk<'_>, sum: i64) -> Result<Option<String>, Trouble> {
    let app = &desk.app()?.app;
    let role = if desk.need(OperatorRole::Owner).is_ok() { OperatorRole::Owner } else { OperatorRole::Operator };
    let Some(allowance) = allowance_of(app, role, desk.now) else { return Ok(None) };
    let refunded = desk.deps.services.store.refunded_by_operators(&app.id, desk.mode, &allowance.day).await?;
    let Some(left) = allowance.left(refunded.unwrap_or_default()) else { return Ok(None) };
    let said = money::in_sentence(left, desk.preferences.language);
    Ok((sum > left).then(|| texts::fill(desk.t().several_above_limit, &[&said])))
}

fn chosen(f: &Frame, t: &'static Texts, payment: &Transaction) -> Chosen {
    let bill = payment.key.bill.as_str();
    let left = refundable(payment);
    Chosen {
        bill: bill.to_owned(),
        href: href(f, payment.id.as_str(), bill),
        channel: t.name_of(payment.key.channel),
        subject: payment.subject.as_str().to_owned(),
        paid: money::shown(payment.fee),
        back: left.map(|left| (money::shown(left), format!("{}~{}~{bill}", payment.id, left.to_yuan()))),
    }
}

fn href(f: &Frame, id: &str, bill: &str) -> String {
    format!("{}/{id}?{}", f.at("/transactions"), query(&[("mode", f.mode.name()), ("bill", bill)]))
}

/// Begins what the preview showed, and says what became of each.
pub(crate) async fn begin(desk: &Desk<'_>, form: &Form) -> Answer {
    desk.need(OperatorRole::Operator)?;
    let refunds: Vec<Value> = form.all("refund").filter_map(read).collect();
    let mut body = json!({ "batch": form.text("batch"), "refunds": refunds });
    let reason = reason_of(form);
    if let Some(members) = body.as_object_mut().filter(|_| !reason.is_empty()) {
        members.insert("reason".to_owned(), reason.into());
    }
    let path = format!("/apps/{}/refunds?{}", desk.app()?.app.id, query(&[("mode", desk.mode.name())]));
    let begun = desk.api(Method::POST, &path, &body).await?;
    let t = desk.t();
    let f = Frame { section: Section::Refunds, ..desk.frame(t.refund_several) };
    let items = begun.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let rows = items.iter().map(|item| outcome(&f, t, item)).collect();
    desk.page(200, &Done { f, t, rows })
}

/// `<id>~<yuan>~<bill>`. A field that is not of this form is left out.
fn read(field: &str) -> Option<Value> {
    let mut parts = field.splitn(3, '~');
    let (id, fee, bill) = (parts.next()?, Fen::from_yuan(parts.next()?).ok()?, parts.next()?);
    Some(json!({ "id": id, "refundFee": fee, "billNum": bill }))
}

fn outcome(f: &Frame, t: &'static Texts, item: &Value) -> Outcome {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let (class, words) = match (text("result"), text("status")) {
        // The same batch was sent before, and its refund ended.
        ("begun", "success") => ("success", t.refund_success.to_owned()),
        ("begun", "failed") => ("failed", problems::say_sentence(f.language(), &said::read("failure", item))),
        ("begun", _) => ("pending", t.several_begun.to_owned()),
        ("proposed", _) => ("pending", t.several_proposed.to_owned()),
        _ => ("failed", problems::say_sentence(f.language(), &said::read("why", item))),
    };
    let fee = item.get("refundFee").and_then(Value::as_i64).unwrap_or_default();
    Outcome {
        bill: text("billNum").to_owned(),
        href: href(f, text("id"), text("billNum")),
        fee: Fen::new(fee).map(money::shown).unwrap_or_default(),
        class,
        words,
    }
}
