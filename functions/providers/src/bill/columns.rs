//! Reads the bills whose lines are separated by commas: Alipay's and WeChat Pay's. The columns are found by their names in the heading.

use domain::{Fen, TransactionId};

use super::{
    BillEvent, BillLine, RawLine, Reading, UnreadableText,
    alignment::{Alignment, Kind},
    order_in,
};
use crate::{Charset, LineProblem, MessageProblem, ProviderError};

/// The names of the columns that are read, as in the heading line. Full-width brackets in a heading are read as plain ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    pub(crate) order: &'static str,
    pub(crate) kind: &'static str,
    /// The first of these names that the heading has: older bills have another.
    pub(crate) paid_fee: &'static [&'static str],
    pub(crate) refund_num: &'static str,
    pub(crate) refund_fee: &'static [&'static str],
    /// The state of a refund, if the bill also lists refunds that are not done.
    pub(crate) refund_state: Option<RefundStates>,
    /// The column of the app, if one bill lists several apps.
    pub(crate) app: Option<&'static str>,
    /// The values of `kind` for a payment and for a refund.
    pub(crate) paid: &'static str,
    pub(crate) refunded: &'static str,
}

/// The column with the state of a refund, and its words. Every other word means that it is on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefundStates {
    pub(crate) column: &'static str,
    pub(crate) done: &'static str,
    /// The words for: no money went back.
    pub(crate) failed: &'static [&'static str],
}

/// WeChat Pay puts this before every cell of a line, so a comma alone separates nothing there.
/// The name of an amount in a problem: the columns of payments and refunds have different names.
const AMOUNT: &str = "its amount";
const MARK: char = '`';
const MARKED_SEPARATOR: &str = ",`";
const SEPARATOR: &str = ",";

/// Ten times as many as any bill has. A line with more is not a heading.
const COLUMNS_MAX: usize = 256;

/// The beginning of the totals. They end the order lines, up to the next heading.
const TOTALS: &[&str] = &["总交易单数", "交易合计", "退款合计"];

/// Reads a bill line by line.
#[derive(Debug)]
pub(crate) struct ColumnsReader {
    columns: Columns,
    apps: Vec<String>,
    charset: Charset,
    part: Part,
    had_heading: bool,
    end: End,
    /// The columns that are missing in a line that looked like a heading.
    missing: Option<String>,
}

/// What shows that a bill is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Its packing or its hash.
    Anywhere,
    /// The totals after its lines.
    AtTotals,
}

/// The reader's place in its file.
#[derive(Debug)]
enum Part {
    BeforeHeading,
    Lines(Heading),
    Totals,
}

#[derive(Clone, Debug)]
struct Heading {
    kinds: Vec<Kind>,
    order: usize,
    kind: usize,
    paid_fee: usize,
    refund_num: usize,
    refund_fee: usize,
    refund_state: Option<usize>,
    app: Option<usize>,
}

impl ColumnsReader {
    /// `apps` are those whose orders are read, if one bill lists several.
    pub(crate) fn new(columns: Columns, apps: &[&str]) -> Self {
        let apps = apps.iter().map(|app| (*app).to_owned()).collect();
        Self {
            columns,
            apps,
            charset: Charset::Utf8,
            part: Part::BeforeHeading,
            had_heading: false,
            end: End::Anywhere,
            missing: None,
        }
    }

    /// The same reader, for a bill that is complete only if it has its totals. Nothing else shows whether such a bill was cut off.
    pub(crate) fn up_to_totals(self) -> Self {
        Self { end: End::AtTotals, ..self }
    }

    /// Finds the charset by the heading. It is Chinese, and its bytes are not valid in the other charset by chance. A damaged
    /// character among the first lines says nothing about the file if the heading can be read.
    pub(crate) fn begin(&mut self, head: &[u8]) {
        let name = self.columns.order.as_bytes();
        let is_utf8 = match std::str::from_utf8(head) {
            Ok(_) => true,
            // The last character of `head` may be cut off.
            Err(error) => error.error_len().is_none() || head.windows(name.len()).any(|part| part == name),
        };
        self.charset = if is_utf8 { Charset::Utf8 } else { Charset::Gb18030 };
        self.part = Part::BeforeHeading;
    }

    pub(crate) fn read(&mut self, line: RawLine<'_>) -> Reading {
        let (text, _) = self.charset.encoding().decode_without_bom_handling(line.bytes);
        let text = text.trim_matches(|sign: char| sign.is_control() || sign.is_whitespace() || sign == '\u{feff}');
        if text.contains(self.columns.order)
            && let Some(heading) = self.heading(text)
        {
            self.part = Part::Lines(heading);
            self.had_heading = true;
            return Reading::Nothing;
        }
        let is_total = TOTALS.iter().any(|total| text.starts_with(total));
        match &self.part {
            Part::BeforeHeading | Part::Totals => Reading::Nothing,
            Part::Lines(_) if text.is_empty() || text.starts_with('#') => Reading::Nothing,
            Part::Lines(_) if is_total => {
                self.part = Part::Totals;
                Reading::Nothing
            }
            Part::Lines(heading) => {
                let read = if line.is_cut { Err(LineProblem::TooLong) } else { self.read_order(heading, text) };
                match read {
                    Ok(Some(line)) => Reading::Line(line),
                    Ok(None) => Reading::Nothing,
                    Err(problem) => Reading::Unreadable(UnreadableText::new(text, order_in(text), problem)),
                }
            }
        }
    }

    pub(crate) fn complete(&self) -> Result<(), ProviderError> {
        match (&self.missing, self.had_heading) {
            (_, true) if self.end == End::AtTotals && !matches!(self.part, Part::Totals) => {
                Err(ProviderError::from(MessageProblem::BillCutOff))
            }
            (_, true) => Ok(()),
            (Some(missing), false) => Err(ProviderError::from(MessageProblem::BillColumn { column: missing.clone() })),
            (None, false) => Err(ProviderError::from(MessageProblem::BillHeading)),
        }
    }

    /// Reads a line about an order; the error says what is wrong with it. If the order is not of our form, nothing but its number
    /// is read.
    fn read_order(&self, heading: &Heading, text: &str) -> Result<Option<BillLine>, LineProblem> {
        let separator = if text.starts_with(MARK) { MARKED_SEPARATOR } else { SEPARATOR };
        let cells: Vec<&str> = text.split(separator).map(clean).collect();
        let (found, columns) = (cells.len(), heading.kinds.len());
        if found < columns {
            return Err(LineProblem::TooFewCells { found, columns });
        }
        let is_damaged =
            |cell: &str| cell.contains(|sign: char| sign == char::REPLACEMENT_CHARACTER || sign.is_control());
        if order_in(text).is_none() && !cells.get(heading.order).copied().is_none_or(is_damaged) {
            return Ok(None);
        }
        let aligned = Alignment::find(&heading.kinds, cells).ok_or(LineProblem::CellsUnfit { found, columns })?;
        let cell = |column: usize, name: &str| {
            let cell = aligned.cell(column).filter(|cell| !is_damaged(cell));
            cell.ok_or_else(|| match name {
                AMOUNT => LineProblem::AmountUnclear,
                name => LineProblem::CellUnclear { column: name.to_owned() },
            })
        };
        let Ok(order) = TransactionId::parse(cell(heading.order, self.columns.order)?) else { return Ok(None) };
        if let Some((column, name)) = heading.app.zip(self.columns.app) {
            let app = cell(column, name)?;
            if !self.apps.iter().any(|own| own == app) {
                return Ok(None);
            }
        }
        let kind = cell(heading.kind, self.columns.kind)?;
        let (event, fee) = if kind == self.columns.paid {
            (BillEvent::Paid, heading.paid_fee)
        } else if kind == self.columns.refunded {
            let num = cell(heading.refund_num, self.columns.refund_num)?;
            let mut is_done = true;
            if let Some((column, states)) = heading.refund_state.zip(self.columns.refund_state) {
                let state = cell(column, states.column)?;
                if states.failed.contains(&state) {
                    return Ok(None);
                }
                is_done = state == states.done;
            }
            // At WeChat Pay the number of the payment comes before it.
            let num = num.strip_prefix(order.as_str()).and_then(|rest| rest.strip_prefix('-')).unwrap_or(num);
            (BillEvent::Refunded { num: num.to_owned(), is_done }, heading.refund_fee)
        } else if kind.is_empty() {
            return Err(LineProblem::CellEmpty { column: self.columns.kind.to_owned() });
        } else {
            return Ok(None);
        };
        // Alipay writes refunds as negative amounts.
        let fee = cell(fee, AMOUNT)?.trim_start_matches('-');
        let fee = Fen::from_yuan(fee).map_err(|error| LineProblem::Amount { why: error.to_string() })?;
        Ok(Some(BillLine { order, event, fee }))
    }

    /// Reads a heading. It may come again, also with the columns in another order.
    fn heading(&mut self, text: &str) -> Option<Heading> {
        let names: Vec<String> = text.split(SEPARATOR).take(COLUMNS_MAX + 1).map(plain_name).collect();
        if names.len() > COLUMNS_MAX {
            return None;
        }
        let mut missing = None;
        let mut at = |wanted: &[&str]| {
            let found = wanted.iter().find_map(|wanted| names.iter().position(|name| name == wanted));
            missing = missing.take().or_else(|| if found.is_none() { Some(wanted.join(" or ")) } else { None });
            found
        };
        let columns = &self.columns;
        // Only a heading has both names.
        let (order, kind) = (at(&[columns.order])?, at(&[columns.kind]));
        let found = (kind, at(columns.paid_fee), at(&[columns.refund_num]), at(columns.refund_fee));
        let refund_state = columns.refund_state.map(|states| at(&[states.column]));
        let app = columns.app.map(|app| at(&[app]));
        let kinds = names.iter().map(|name| Kind::of(name)).collect();
        if missing.is_some() {
            self.missing = missing;
        }
        let (Some(kind), Some(paid_fee), Some(refund_num), Some(refund_fee)) = found else { return None };
        Some(Heading {
            kinds,
            order,
            kind,
            paid_fee,
            refund_num,
            refund_fee,
            refund_state: match refund_state {
                Some(found) => Some(found?),
                None => None,
            },
            app: match app {
                Some(found) => Some(found?),
                None => None,
            },
        })
    }
}

/// Alipay pads cells with tabs, and WeChat begins them with a back-quote, so that spreadsheets treat them as text. If a spreadsheet
/// saved the bill, it also has quotes.
fn clean(cell: &str) -> &str {
    let is_padding = |sign: char| sign.is_whitespace() || sign.is_control() || matches!(sign, '`' | '"' | '\u{feff}');
    cell.trim_matches(is_padding)
}

fn plain_name(name: &str) -> String {
    clean(name).replace('（', "(").replace('）', ")")
}

#[cfg(test)]
mod tests;
