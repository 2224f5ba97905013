//! The lines of a day's bill, including the false lines that a test plants. The providers write and pack them line by line: of a
//! long bill only the packed form is in memory.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::beijing::{DAY_MS, parse_seconds};
use super::reply::Reply;

/// The false content of the bills, until something else is planted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Plants {
    /// Orders whose lines are left out.
    omit: Vec<String>,
    /// Refunds whose lines are left out, by number.
    omit_refunds: Vec<String>,
    /// Orders whose payments have another amount, in fen.
    amounts: BTreeMap<String, i64>,
    /// Refunds in another state than `SUCCESS`, by number. Only at WeChat Pay.
    refund_states: BTreeMap<String, String>,
    /// Payments that never happened: order and amount in fen.
    extra: BTreeMap<String, i64>,
    /// Many made-up payments.
    rows: Option<Rows>,
    /// The names of the goods, by order.
    goods: BTreeMap<String, String>,
    /// The merchant's own remarks, by order.
    remarks: BTreeMap<String, String>,
    /// Raw lines before all others.
    lines: Vec<String>,
}

/// Made-up payments: as many lines as a month of a busy shop has.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Rows {
    count: u32,
    fen: i64,
    /// If given, the orders have numbers of our form, and the first was charged at this time. Otherwise they look like somebody
    /// else's.
    first_ms: Option<i64>,
    /// How much later each was charged than the one before.
    #[serde(default)]
    step_ms: i64,
}

impl Rows {
    fn order(self, n: u32) -> String {
        let n = i64::from(n);
        match self.first_ms {
            Some(first_ms) => format!("{:012x}{n:012x}", first_ms + n * self.step_ms),
            None => format!("S{n:023}"),
        }
    }
}

/// A line of a bill.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) order: String,
    pub(crate) app: String,
    pub(crate) subject: String,
    /// A text by the merchant: Alipay's 备注, WeChat Pay's 商户数据包.
    pub(crate) remark: String,
    /// The raw line, if it is planted.
    pub(crate) raw: Option<String>,
    pub(crate) refund: Option<RefundRow>,
    pub(crate) fen: i64,
}

/// The refund of a line, if it is about one.
#[derive(Clone, Debug)]
pub(crate) struct RefundRow {
    pub(crate) num: String,
    pub(crate) state: String,
}

impl RefundRow {
    pub(crate) fn done(num: &str) -> Self {
        Self { num: num.to_owned(), state: "SUCCESS".to_owned() }
    }
}

/// `POST /_local/simulator/<provider>/bill`: gives the planted content to `set`.
pub(crate) fn plant(body: &[u8], set: impl FnOnce(Plants)) -> Reply {
    match serde_json::from_slice(body) {
        Ok(plants) => {
            set(plants);
            Reply::json(200, &serde_json::json!({}))
        }
        Err(error) => Reply::json_error(400, error.to_string()),
    }
}

impl Row {
    pub(crate) fn new(app: &str, order: &str, subject: &str, refund: Option<RefundRow>, fen: i64) -> Self {
        let (app, order, subject) = (app.to_owned(), order.to_owned(), subject.to_owned());
        Self { order, app, subject, remark: String::new(), raw: None, refund, fen }
    }
}

impl Plants {
    /// The lines with the planted content.
    pub(crate) fn apply(self, app: String, rows: Vec<Row>) -> impl Iterator<Item = Row> {
        let is_left_out = |row: &Row| match &row.refund {
            Some(refund) => self.omit_refunds.contains(&refund.num),
            None => false,
        };
        let kept = rows.into_iter().filter(|row| !self.omit.contains(&row.order) && !is_left_out(row));
        let kept: Vec<Row> = kept
            .map(|mut row| {
                if let Some(goods) = self.goods.get(&row.order) {
                    row.subject.clone_from(goods);
                }
                row.remark = self.remarks.get(&row.order).cloned().unwrap_or_default();
                match &mut row.refund {
                    None => row.fen = *self.amounts.get(&row.order).unwrap_or(&row.fen),
                    Some(refund) => {
                        if let Some(state) = self.refund_states.get(&refund.num) {
                            state.clone_into(&mut refund.state);
                        }
                    }
                }
                row
            })
            .collect();
        let extra = self.extra.into_iter();
        let made_up = self.rows.into_iter().flat_map(|rows| (0..rows.count).map(move |n| (rows.order(n), rows.fen)));
        let raw = self.lines.into_iter().map(|line| Row { raw: Some(line), ..Row::new("", "", "", None, 0) });
        let planted =
            extra.chain(made_up).map(move |(order, fen)| Row::new(app.as_str(), order.as_str(), "planted", None, fen));
        raw.chain(kept).chain(planted)
    }
}

/// From the first to the last millisecond of a day.
#[derive(Clone, Copy)]
pub(crate) struct DayBounds {
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

/// The bounds of a day in Beijing. `None` if the text is not a day.
pub(crate) fn bounds(day: &str) -> Option<DayBounds> {
    let from_ms = parse_seconds(&format!("{day} 00:00:00"))?;
    Some(DayBounds { from_ms, to_ms: from_ms + DAY_MS - 1 })
}

/// An amount as bills write it.
pub(crate) fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}
