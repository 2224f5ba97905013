//! The audit log, for owners.

use askama::Template;
use domain::{OperatorRole, Timestamp};
use http::Method;
use runtime::query_parameter;
use serde_json::Value;

use super::{
    Answer,
    desk::Desk,
    frame::{Frame, Section},
    query,
    texts::{self, Texts},
};

/// How many months the page offers.
const MONTHS: u32 = 24;

struct Row {
    when: String,
    who: String,
    action: &'static str,
    /// How often it happened, if more than once.
    times: Option<String>,
    target: String,
    outcome: &'static str,
    outcome_class: &'static str,
    before: String,
    after: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    f: Frame,
    t: &'static Texts,
    months: Vec<(String, String, bool)>,
    rows: Vec<Row>,
    next: Option<String>,
}

pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    desk.need(OperatorRole::Owner)?;
    let t = desk.t();
    let f = Frame { section: Section::Audit, ..desk.frame(t.audit) };
    let this_month: String = desk.now.to_string().chars().filter(char::is_ascii_digit).take(6).collect();
    let month = query_parameter(desk.request, "month").map_or_else(|| this_month.clone(), |month| month.into_owned());
    let cursor = query_parameter(desk.request, "cursor").unwrap_or_default();
    let asked = query(&[("month", &month), ("cursor", &cursor)]);
    let page = desk.api(Method::GET, &format!("/audit?{asked}"), &Value::Null).await?;
    let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let next = page
        .get("cursor")
        .and_then(Value::as_str)
        .map(|cursor| format!("/console/audit?{}", query(&[("month", &month), ("cursor", cursor)])));
    let rows = items.iter().map(|item| row(&f, t, item)).collect();
    let months = months(&this_month).into_iter().map(|one| {
        let label = format!("{}-{}", one.get(..4).unwrap_or_default(), one.get(4..).unwrap_or_default());
        let chosen = one == month;
        (one, label, chosen)
    });
    desk.page(200, &Audit { months: months.collect(), rows, next, f, t })
}

fn row(f: &Frame, t: &'static Texts, item: &Value) -> Row {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let pretty = |name: &str| match item.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(value) => serde_json::to_string_pretty(value).unwrap_or_default(),
    };
    let (outcome, outcome_class) = match text("outcome") {
        "done" => (t.outcome_done, "success"),
        "refused" => (t.outcome_refused, "closed"),
        "failed" => (t.outcome_failed, "bad"),
        _ => (t.outcome_begun, "created"),
    };
    let count = item.get("count").and_then(Value::as_i64).filter(|count| *count > 1);
    Row {
        when: f.moment(Timestamp::clamped(item.get("time").and_then(Value::as_i64).unwrap_or_default())),
        who: match text("who") {
            "operator token" => t.operator_token,
            "unknown name" => t.unknown_name,
            name => name,
        }
        .to_owned(),
        action: t.action(text("action")),
        times: count.map(|count| texts::fill(t.times, &[&count.to_string()])),
        target: match text("target") {
            "unknown address" => t.unknown_address,
            "many addresses" => t.many_addresses,
            target => target,
        }
        .to_owned(),
        outcome,
        outcome_class,
        before: pretty("before"),
        after: pretty("after"),
    }
}

/// The last month and those before it: `202611`, `202610`.
fn months(last: &str) -> Vec<String> {
    let number = |range: std::ops::Range<usize>| last.get(range).and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
    let count = number(0..4) * 12 + number(4..6) - 1;
    (0..MONTHS)
        .map(|back| count.saturating_sub(back))
        .map(|month| format!("{}{:02}", month / 12, month % 12 + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::months;

    #[test]
    fn months_go_back_over_the_year() {
        assert_eq!(months("202602")[..4], ["202602", "202601", "202512", "202511"]);
        assert_eq!(months("202602").len(), 24);
    }
}
