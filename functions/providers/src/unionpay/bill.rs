//! UnionPay's file of a day: the request (`txnType` 76), and the reader of its lines of fixed width.
//!
//! The answer contains a ZIP, deflated and in base64, with several files: `INN` `YYMMDD` `88ZM_` and the merchant's number lists
//! the trades; `...ZME_...` lists errors and disputes without order numbers and is not read. A day is UnionPay's settlement day:
//! from 23:00 of the day before to 23:00, in Beijing.
//!
//! # Source
//! The widths are those of UnionPay's own sample code (`parseZMFile` of the ACP SDK). It is published in several languages and
//! versions, which agree up to column 40. After it comes one reserve of 131 bytes; in newer versions the reserve begins with column
//! 41. The names of the columns are from merchants' own programs. Widths count bytes of GBK. No source says whether the file lists
//! only successful trades, or lists a void in addition to its payment: `docs/protocols.md` 10.

use base64::Engine as _;
use bytes::Bytes;
use domain::{Fen, Timestamp, TransactionId};
use http::{Request, Response};

use super::{
    Account,
    answer::{Answer, NO_FILE, read_up_to},
    messages::{self, payment_of},
};
use crate::{
    BillAnswer, BillPacking, Charset, LineProblem, MessageProblem, ProviderError, RawLine, Reading, UnreadableText,
    bill::{BillEvent, BillLine, order_in},
    form,
    keys::BASE64,
};

/// Some hundred thousand lines. The whole answer is signed, so it is in memory as text, more than once.
pub(crate) const FILE_ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// More than the sendings of any refund: hourly for a day, then daily for a month.
const SENDINGS_MAX: u32 = 100;

impl Account {
    pub(crate) fn bill(&self, day: &str, now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        let settle_date: String = day.chars().filter(char::is_ascii_digit).skip(4).collect();
        form::post(&self.file_gateway, form::encoded(&self.signed(messages::file(settle_date, now))?))
    }

    pub(crate) fn read_bill(&self, response: &Response<Bytes>, now: Timestamp) -> Result<BillAnswer, ProviderError> {
        match self.judged(read_up_to(FILE_ANSWER_BYTES_MAX, response, &self.trust, now)?)? {
            Answer::Refused { code, is_signed: true, .. } if code == NO_FILE => Ok(BillAnswer::Nothing),
            Answer::Done(fields) => {
                let content = fields.find("fileContent");
                let content = content.ok_or_else(|| ProviderError::from(MessageProblem::BillContent))?;
                let file = BASE64.decode(content.trim().as_bytes());
                let file = file
                    .map_err(|_| ProviderError::from(MessageProblem::NotBase64 { field: "fileContent".to_owned() }))?;
                Ok(BillAnswer::Here { file: file.into(), packing: BillPacking::DeflatedZip })
            }
            other @ (Answer::Undecided { .. } | Answer::Refused { .. }) => Err(other.into_error()),
        }
    }

    pub(crate) fn file_reader(&self) -> FileReader {
        FileReader { mer_id: self.mer_id.clone(), file: File::Other, had_lines_file: false }
    }
}

/// Whether a file lists our refund of this number under the number `listed`: each of its sendings has a number of its own.
pub(crate) fn lists_refund_as(listed: &str, payment: &TransactionId, refund_num: &str) -> bool {
    let is_it = |sending: u32| messages::order_id_of_refund(payment, refund_num, sending) == listed;
    listed.starts_with(payment.as_str()) && (0..SENDINGS_MAX).any(is_it)
}

/// The widths in bytes of the columns up to the last that is read, with a blank between two.
const WIDTHS: [usize; 41] = [
    3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13,
    13, 8, 32, 13, 13, 12, 2, 1, 32,
];

/// The columns that are read, counted from 0; UnionPay counts from 1.
const AMOUNT: usize = 6;
const QUERY_ID: usize = 9;
const ORDER_ID: usize = 11;
const TXN_TYPE: usize = 19;
const MER_ID: usize = 27;
/// The last column that is at the same place in every version of the file. Blanks at the end of a line may be missing.
const LAST_CERTAIN: usize = MER_ID;
const ORIGINAL_ORDER_ID: usize = 40;

/// Reads the files of a day line by line.
#[derive(Debug)]
pub(crate) struct FileReader {
    mer_id: String,
    file: File,
    had_lines_file: bool,
}

/// The kind of the present file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum File {
    /// The trades.
    Lines,
    /// Disputes, or newer kinds.
    Other,
}

impl FileReader {
    pub(crate) fn begin(&mut self, name: &str) {
        self.file = if name.contains("ZM_") { File::Lines } else { File::Other };
        self.had_lines_file |= self.file == File::Lines;
    }

    pub(crate) fn complete(&self) -> Result<(), ProviderError> {
        if self.had_lines_file { Ok(()) } else { Err(ProviderError::from(MessageProblem::BillFile)) }
    }

    pub(crate) fn read(&self, line: RawLine<'_>) -> Reading {
        let bytes = line.bytes.trim_ascii_end();
        if self.file == File::Other || bytes.is_empty() {
            return Reading::Nothing;
        }
        let read = if line.is_cut { Err(LineProblem::TooLongOfFile) } else { self.trade(bytes) };
        match read {
            Ok(Some(line)) => Reading::Line(line),
            Ok(None) => Reading::Nothing,
            Err(problem) => {
                let (text, _) = Charset::Gb18030.encoding().decode_without_bom_handling(bytes);
                Reading::Unreadable(UnreadableText::new(&text, order_of_any(&text), problem))
            }
        }
    }

    fn trade(&self, line: &[u8]) -> Result<Option<BillLine>, LineProblem> {
        let cell = |column| cell(line, column).ok_or(LineProblem::ColumnMisplaced { column: column + 1 });
        for column in 0..=LAST_CERTAIN {
            cell(column)?;
        }
        if cell(MER_ID)? != self.mer_id {
            return Ok(None);
        }
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (order_id, txn_type) = (cell(ORDER_ID)?, cell(TXN_TYPE)?);
        let Some((order, event)) = subject(line, order_id, txn_type) else {
            return if is_number(cell(QUERY_ID)?) { Ok(None) } else { Err(LineProblem::NoQueryId) };
        };
        let amount = cell(AMOUNT)?;
        let fee = Some(amount).filter(|amount| is_number(amount)).and_then(|amount| amount.parse().ok());
        let fee =
            fee.and_then(|fen| Fen::new(fen).ok()).ok_or_else(|| LineProblem::NoAmount { found: amount.to_owned() })?;
        Ok(Some(BillLine { order, event, fee }))
    }
}

/// Which of our payments a trade is about, and what happened. A refund made at UnionPay's own desk has a number of its own, and
/// names the original order.
fn subject(line: &[u8], order_id: &str, txn_type: &str) -> Option<(TransactionId, BillEvent)> {
    match txn_type {
        messages::PAYMENT => Some((TransactionId::parse(order_id).ok()?, BillEvent::Paid)),
        messages::REFUND | messages::UNDO => {
            let original = || TransactionId::parse(cell(line, ORIGINAL_ORDER_ID)?).ok();
            let order = payment_of(order_id).or_else(original)?;
            Some((order, BillEvent::Refunded { num: order_id.to_owned(), is_done: true }))
        }
        _ => None,
    }
}

/// A cell without its padding. `None` if it is missing, is not text, or has no blank before or after it.
fn cell(line: &[u8], column: usize) -> Option<&str> {
    let start: usize = WIDTHS.iter().take(column).map(|width| width + 1).sum();
    let end = start + WIDTHS.get(column)?;
    let is_blank = |place: usize| line.get(place).is_none_or(|byte| *byte == b' ');
    let is_apart = start.checked_sub(1).is_none_or(is_blank) && is_blank(end);
    let bytes = line.get(start..end.min(line.len())).filter(|_| is_apart)?;
    std::str::from_utf8(bytes).ok().map(str::trim)
}

/// An order of ours anywhere in a line, as itself or within the number of a refund.
fn order_of_any(text: &str) -> Option<TransactionId> {
    let refunds = || text.split(|sign: char| !sign.is_ascii_alphanumeric()).find_map(payment_of);
    order_in(text).or_else(refunds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MERCHANT: &str = "777290058110048";
    const ORDER: &str = "01a208d05240070707070707";

    /// A line of the file, from UnionPay's own column numbers.
    fn line(cells: &[(usize, &str)]) -> Vec<u8> {
        let usual = [(1, "S22"), (7, "000000009900"), (10, "202611231000000000001"), (20, "01"), (28, MERCHANT)];
        let text = |column: usize| {
            let given = cells.iter().chain(&usual).find(|(number, _)| *number == column);
            Charset::Gb18030.encoding().encode(given.map_or("", |(_, text)| text)).0.into_owned()
        };
        let mut line = Vec::new();
        for (place, width) in WIDTHS.iter().chain(&[98]).enumerate() {
            let mut cell = text(place + 1);
            cell.resize(*width, b' ');
            line.extend(cell);
            line.push(b' ');
        }
        line
    }

    fn read(bytes: &[u8]) -> Reading {
        let mut reader = FileReader { mer_id: MERCHANT.to_owned(), file: File::Other, had_lines_file: false };
        reader.begin("INN26112388ZM_777290058110048");
        assert_eq!(reader.complete(), Ok(()));
        reader.read(RawLine { bytes, is_cut: false })
    }

    fn listed(event: BillEvent, fen: i64) -> Reading {
        Reading::Line(BillLine { order: TransactionId::parse(ORDER).unwrap(), event, fee: Fen::new(fen).unwrap() })
    }

    fn refunded(num: &str) -> BillEvent {
        BillEvent::Refunded { num: num.to_owned(), is_done: true }
    }

    #[test]
    fn the_columns_are_where_unionpays_own_reader_finds_them() {
        let sdk = |number: usize| WIDTHS.iter().take(number - 1).map(|width| width + 1).sum::<usize>();
        // The sample code names `txnTime` 5, `orderId` 12 and `txnType` 20, and cuts at these bytes.
        assert_eq!([sdk(5), sdk(12), sdk(20)], [35, 112, 215]);
        // The merchant's own field, and the original order of a refund.
        assert_eq!([sdk(35), sdk(41)], [397, 476]);
    }

    #[test]
    fn payments_refunds_and_voids_are_read_by_their_bytes() {
        assert_eq!(read(&line(&[(12, ORDER), (31, "茶馆")])), listed(BillEvent::Paid, 9900));
        let payment = TransactionId::parse(ORDER).unwrap();
        let num = messages::order_id_of_refund(&payment, "R1", 2);
        for txn_type in ["04", "31"] {
            let cells = [(7, "000000000040"), (12, num.as_str()), (20, txn_type), (31, "茶馆"), (41, ORDER)];
            assert_eq!(read(&line(&cells)), listed(refunded(&num), 40), "{txn_type}");
        }
        assert!(lists_refund_as(&num, &payment, "R1"));
        assert!(!lists_refund_as(&num, &payment, "R2"));
        // A refund from the desk: its original order identifies it, after a name in GBK.
        let desk = [(7, "000000000040"), (12, "R000202611231000"), (20, "04"), (31, "茶馆"), (41, ORDER)];
        assert_eq!(read(&line(&desk)), listed(refunded("R000202611231000"), 40));
    }

    #[test]
    fn what_is_of_others_or_of_another_kind_is_nothing() {
        let cases: [&[(usize, &str)]; 4] = [
            &[(12, "SHOP1")],
            &[(12, ORDER), (28, "777290058110049")],
            &[(12, ORDER), (20, "02")],
            &[(12, "R1"), (20, "04")],
        ];
        for cells in cases {
            assert_eq!(read(&line(cells)), Reading::Nothing, "{cells:?}");
        }
        assert_eq!(read(b"\r"), Reading::Nothing);
        let mut reader = FileReader { mer_id: MERCHANT.to_owned(), file: File::Other, had_lines_file: false };
        reader.begin("INN26112388ZME_777290058110048");
        assert_eq!(reader.read(RawLine { bytes: b"E32 anything", is_cut: false }), Reading::Nothing);
        assert!(reader.complete().is_err());
    }

    #[test]
    #[rustfmt::skip]
    fn a_line_whose_columns_are_elsewhere_cannot_be_read() {
        let good = line(&[(12, ORDER)]);
        let shifted = [b"x".as_slice(), &good].concat();
        let cases: [(Vec<u8>, Option<&str>, &str); 5] = [
            (shifted,                                      Some(ORDER), "column 1 is not where it belongs"),
            (good[..150].to_vec(),                         Some(ORDER), "column 13 is not where it belongs"),
            (b"garbage".to_vec(),                          None,        "column 1 is not where it belongs"),
            (line(&[(12, ORDER), (7, "99.00")]),           Some(ORDER), "column 7 must be an amount, found `99.00`"),
            (line(&[(12, "x"), (10, "茶")]),               None,        "column 10 is not where it belongs"),
        ];
        for (bytes, order, problem) in cases {
            let Reading::Unreadable(text) = read(&bytes) else { panic!("{problem}") };
            assert_eq!((text.order.as_ref().map(TransactionId::as_str), text.problem.to_string().as_str()), (order, problem));
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..700), at in 0..600_usize) {
            let _ = read(&bytes);
            let mut spoiled = line(&[(12, ORDER)]);
            spoiled.truncate(at);
            spoiled.extend(bytes);
            let _ = read(&spoiled);
        }
    }
}
