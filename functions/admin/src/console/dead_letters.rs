//! Dead letters, for owners: some of them, and a button that takes all of them back.

use askama::Template;
use domain::{OperatorRole, Timestamp};
use http::Method;
use serde_json::Value;

use super::{
    Answer,
    desk::Desk,
    frame::{Frame, Section},
    redirect,
    texts::{self, Texts},
};

struct Row {
    sent: String,
    /// The app's name if the console knows the app, else its id.
    app: String,
    bill: String,
    bill_href: Option<String>,
    event: String,
    attempt: String,
    /// The text of a message that is not a bell of a delivery.
    body: Option<String>,
}

#[derive(Template)]
#[template(path = "dead_letters.html")]
struct DeadLetters {
    f: Frame,
    t: &'static Texts,
    count: String,
    rows: Vec<Row>,
}

pub(crate) async fn list(desk: &Desk<'_>) -> Answer {
    desk.need(OperatorRole::Owner)?;
    let t = desk.t();
    let f = Frame { section: Section::DeadLetters, ..desk.frame(t.dead_letters) };
    let found = desk.api(Method::GET, "/dead-letters", &Value::Null).await?;
    let items = found.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let rows = items.iter().map(|item| row(&f, item)).collect();
    let count = found.get("count").and_then(Value::as_u64).unwrap_or_default();
    desk.page(200, &DeadLetters { count: texts::fill(t.dead_letters_count, &[&count.to_string()]), rows, f, t })
}

pub(crate) async fn take_back(desk: &Desk<'_>) -> Answer {
    desk.need(OperatorRole::Owner)?;
    desk.api(Method::POST, "/dead-letters/take-back", &Value::Null).await?;
    redirect("/console/dead-letters?done=taken-back", &[])
}

fn row(f: &Frame, item: &Value) -> Row {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| item.get(name).and_then(Value::as_i64).unwrap_or_default();
    let (app, bill, mode) = (text("appId"), text("billNum"), text("mode"));
    let known = f.apps.iter().find(|one| one.id.as_str() == app);
    let asked = super::query(&[("q", bill), ("mode", mode)]);
    Row {
        sent: f.moment(Timestamp::clamped(number("sentTime"))),
        app: known.map_or_else(|| app.to_owned(), |one| one.name.clone()),
        bill: bill.to_owned(),
        bill_href: (!bill.is_empty()).then(|| format!("/console/apps/{app}/transactions?{asked}")),
        event: text("event").to_owned(),
        attempt: number("attempt").to_string(),
        body: item.get("body").and_then(Value::as_str).map(str::to_owned),
    }
}
