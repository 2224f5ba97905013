//! A provider's bill of one day: how it is asked for, where it lies, and what each of its lines says.
//!
//! Alipay gives a ZIP with comma separated lines in GBK, WeChat Pay (v3) a compressed file of the same in UTF-8. Unpacking and
//! decoding are for the caller, who reads the lines one by one: a bill of 100,000 lines never lies in memory as text.
//!
//! # Source
//! Alipay: `alipay.data.dataservice.bill.downloadurl.query`, bill type `trade`. WeChat Pay: `/v3/bill/tradebill`, bill type `ALL`.
//! Both headings, and WeChat's lines of payments and refunds, were compared with bills of 2024 and later that merchants' own
//! programs in public repositories read (IJPay's example of a bill among them).

use bytes::Bytes;
use domain::Fen;
use http::Request;

use crate::ProviderError;

/// What there is of a day.
#[derive(Debug)]
pub enum BillAnswer {
    /// Nothing happened on that day.
    Nothing,
    /// The bill lies there.
    At(Box<BillDownload>),
}

/// Where a bill lies.
#[derive(Debug)]
pub struct BillDownload {
    /// The call that brings it.
    pub request: Request<Bytes>,
    /// What it is packed in.
    pub packing: BillPacking,
    /// The SHA-1 of the unpacked bill in lower-case hex, where the provider tells it.
    pub sha1: Option<String>,
}

/// What a bill is packed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BillPacking {
    /// A ZIP whose longest file is the bill, in GBK.
    ZipGbk,
    /// Gzip, in UTF-8.
    GzipUtf8,
}

/// What a line tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BillEvent {
    /// A payment.
    Paid,
    /// A refund.
    Refunded {
        /// Its number at the provider.
        num: String,
        /// Whether the money went back; it is on its way otherwise.
        is_done: bool,
    },
}

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillLine {
    /// The order number at the provider, which is our transaction's id if the order is ours.
    pub order: String,
    /// What happened.
    pub event: BillEvent,
    /// How much.
    pub fee: Fen,
}

/// The columns that are read, by their names in the heading line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    pub(crate) order: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) paid_fee: &'static str,
    pub(crate) refund_num: &'static str,
    pub(crate) refund_fee: &'static str,
    /// What has become of a refund, where a bill lists those that are not done.
    pub(crate) refund_state: Option<RefundStates>,
    /// Whose order it is, where one bill is of several apps.
    pub(crate) app: Option<&'static str>,
    /// The words of `kind` for a payment and for a refund.
    pub(crate) paid: &'static str,
    pub(crate) refunded: &'static str,
    /// The column that a merchant fills, in which the separator may stand.
    pub(crate) free: &'static str,
    pub(crate) separator: &'static str,
}

/// The column that tells what has become of a refund, and its words. Every other word says that it is on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefundStates {
    pub(crate) column: &'static str,
    pub(crate) done: &'static str,
    /// No money went back.
    pub(crate) failed: &'static [&'static str],
}

/// Reads a bill line by line.
#[derive(Debug)]
pub struct BillReader {
    columns: Columns,
    app: String,
    heading: Option<Heading>,
}

#[derive(Debug)]
struct Heading {
    order: Place,
    kind: Place,
    paid_fee: Place,
    refund_num: Place,
    refund_fee: Place,
    refund_state: Option<Place>,
    app: Option<Place>,
}

/// Where a column is: before the merchant's own one from the left, behind it from the right.
#[derive(Clone, Copy, Debug)]
enum Place {
    FromLeft(usize),
    FromRight(usize),
}

impl BillReader {
    pub(crate) fn new(columns: Columns, app: &str) -> Self {
        Self { columns, app: app.to_owned(), heading: None }
    }

    /// Reads the next line. `None` for headings, totals, other apps' orders and what is neither a payment nor a refund.
    ///
    /// # Errors
    /// [`ProviderError::Unclear`] if a line is not as documented: then nothing is to be concluded from the bill.
    pub fn read(&mut self, line: &str) -> Result<Option<BillLine>, ProviderError> {
        let line = line.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        let Some(heading) = &self.heading else {
            self.heading = Heading::find(&self.columns, line);
            return Ok(None);
        };
        let cells: Vec<&str> = line.split(self.columns.separator).map(clean).collect();
        let cell = |place: Place| match place {
            Place::FromLeft(n) => cells.get(n).copied().unwrap_or_default(),
            Place::FromRight(n) => {
                cells.len().checked_sub(n + 1).and_then(|n| cells.get(n)).copied().unwrap_or_default()
            }
        };
        if heading.app.is_some_and(|place| cell(place) != self.app) {
            return Ok(None);
        }
        let (event, place) = match cell(heading.kind) {
            kind if kind == self.columns.paid => (BillEvent::Paid, heading.paid_fee),
            kind if kind == self.columns.refunded => {
                let state = heading.refund_state.map(cell);
                let words = self.columns.refund_state.zip(state);
                if words.is_some_and(|(words, state)| words.failed.contains(&state)) {
                    return Ok(None);
                }
                let is_done = words.is_none_or(|(words, state)| state == words.done);
                let (num, order) = (cell(heading.refund_num), cell(heading.order));
                // At WeChat Pay the number of the payment stands before it.
                let num = num.strip_prefix(order).and_then(|rest| rest.strip_prefix('-')).unwrap_or(num);
                (BillEvent::Refunded { num: num.to_owned(), is_done }, heading.refund_fee)
            }
            _ => return Ok(None),
        };
        // Alipay writes refunds as negative amounts.
        let fee = cell(place).trim_start_matches('-');
        let fee =
            Fen::from_yuan(fee).map_err(|error| ProviderError::unclear(format!("a line of the bill: {error}")))?;
        Ok(Some(BillLine { order: cell(heading.order).to_owned(), event, fee }))
    }

    /// Whether the heading was there: without one nothing was read.
    pub fn had_heading(&self) -> bool {
        self.heading.is_some()
    }
}

impl Heading {
    fn find(columns: &Columns, line: &str) -> Option<Self> {
        let names: Vec<&str> = line.split(',').map(clean).collect();
        let at = |name: &str| names.iter().position(|found| *found == name);
        let free = at(columns.free)?;
        let place = |name: &str| {
            let n = at(name)?;
            Some(if n < free { Place::FromLeft(n) } else { Place::FromRight(names.len() - 1 - n) })
        };
        Some(Self {
            order: place(columns.order)?,
            kind: place(columns.kind)?,
            paid_fee: place(columns.paid_fee)?,
            refund_num: place(columns.refund_num)?,
            refund_fee: place(columns.refund_fee)?,
            refund_state: match columns.refund_state {
                Some(states) => Some(place(states.column)?),
                None => None,
            },
            app: match columns.app {
                Some(name) => Some(place(name)?),
                None => None,
            },
        })
    }
}

/// Cells are padded with tabs at Alipay and begin with a back-quote at WeChat, so that spreadsheets take them for text.
fn clean(cell: &str) -> &str {
    cell.trim().trim_start_matches('`').trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{alipay::bill::COLUMNS as ALIPAY, wechat::bill::COLUMNS as WECHAT};

    fn refunded(num: &str, is_done: bool) -> BillEvent {
        BillEvent::Refunded { num: num.to_owned(), is_done }
    }

    fn read(mut reader: BillReader, text: &str) -> Vec<(String, BillEvent, i64)> {
        let lines = text.lines().filter_map(|line| reader.read(line).unwrap());
        lines.map(|line| (line.order, line.event, line.fee.get())).collect()
    }

    #[test]
    fn alipays_lines_are_read_whatever_the_goods_are_called() {
        let text = "#支付宝业务明细查询\n#账号：[2088]\n\
            支付宝交易号,商户订单号,业务类型,商品名称,创建时间,订单金额（元）,退款批次号/请求号,备注\n\
            2026\t,01a208d05240070707070707\t,交易\t,tea, with milk,2026-11-23,99.00,\t,\t\n\
            2026\t,01a208d05240070707070707\t,退款\t,tea,2026-11-23,-1.00,R1\t,\t\n\
            2026\t,x\t,收费\t,fee,2026-11-23,-0.60,\t,\t\n\
            #交易合计：1笔\n";
        let order = "01a208d05240070707070707".to_owned();
        let expect = [(order.clone(), BillEvent::Paid, 9900), (order, refunded("R1", true), 100)];
        assert_eq!(read(BillReader::new(ALIPAY, ""), text), expect);
    }

    #[test]
    fn wechats_lines_are_read_and_those_of_other_apps_are_not() {
        let text = "\u{feff}交易时间,公众账号ID,商户订单号,交易状态,商户退款单号,退款状态,商品名称,订单金额,申请退款金额\n\
            `2026-11-23,`wx1,`01a208d05240070707070707,`SUCCESS,`0,`,`tea, hot,`99.00,`0.00\n\
            `2026-11-23,`wx1,`01a208d05240070707070707,`REFUND,`01a208d05240070707070707-R1,`SUCCESS,`tea,`0.00,`1.00\n\
            `2026-11-23,`wx1,`01a208d05240070707070707,`REFUND,`R2,`PROCESSING,`tea,`0.00,`2.00\n\
            `2026-11-23,`wx1,`01a208d05240070707070707,`REFUND,`R3,`FAIL,`tea,`0.00,`3.00\n\
            `2026-11-23,`wx2,`01a208d05240070707070708,`SUCCESS,`0,`,`tea,`99.00,`0.00\n\
            总交易单数,应结订单总金额\n`3,`99.00\n";
        let order = "01a208d05240070707070707".to_owned();
        let expect = [
            (order.clone(), BillEvent::Paid, 9900),
            (order.clone(), refunded("R1", true), 100),
            (order, refunded("R2", false), 200),
        ];
        assert_eq!(read(BillReader::new(WECHAT, "wx1"), text), expect);
    }

    #[test]
    fn an_amount_that_cannot_be_read_is_no_bill() {
        let mut reader = BillReader::new(ALIPAY, "");
        reader.read("商户订单号,业务类型,商品名称,订单金额（元）,退款批次号/请求号").unwrap();
        assert!(reader.had_heading());
        assert!(reader.read("1,交易,tea,x,").is_err());
    }
}
