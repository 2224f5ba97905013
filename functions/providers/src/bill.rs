//! A provider's bill of one day: how to ask for it, where to fetch it, and what each of its lines says.
//!
//! The caller unpacks the bill and passes the lines one by one: a bill of 100,000 lines is never in memory as text. One bad line
//! spoils only itself: it is reported as unreadable, and the others are read. Amounts are read only on lines about orders of our
//! form. A file whose columns are not found is not a bill.
//!
//! # Source
//! Alipay: `alipay.data.dataservice.bill.downloadurl.query`, bill type `trade`. WeChat Pay: `/v3/bill/tradebill` and
//! `/pay/downloadbill`, bill type `ALL`. UnionPay: `unionpay/bill.rs`. Both headings, and WeChat's lines of payments and refunds, were compared with bills of 2024 and
//! later that merchants' own programs in public repositories read (IJPay's example of a bill among them).

pub(crate) mod alignment;
pub(crate) mod columns;
pub(crate) mod reader;

use std::ops::RangeInclusive;

use bytes::Bytes;
use domain::{Fen, TransactionId};
use http::Request;

use crate::LineProblem;

/// How many characters of an unreadable line are reported.
const EXCERPT_CHARS_MAX: usize = 120;

/// How many digits a card's number has. Its middle is never shown: UnionPay's files may have it in full.
const CARD_DIGITS: RangeInclusive<usize> = 13..=19;
/// How many digits of it an excerpt shows, at its beginning and at its end.
const CARD_DIGITS_SHOWN: (usize, usize) = (6, 4);

/// The answer to the question for a day's bill.
#[derive(Debug)]
pub enum BillAnswer {
    /// Nothing happened on that day.
    Nothing,
    /// The bill can be fetched there.
    At(Box<BillDownload>),
    /// The answer contains the file.
    Here {
        /// The file.
        file: Bytes,
        /// How it is packed.
        packing: BillPacking,
    },
}

/// Where to fetch a bill.
#[derive(Debug)]
pub struct BillDownload {
    /// The call that fetches it.
    pub request: Request<Bytes>,
    /// How it is packed.
    pub packing: BillPacking,
    /// The SHA-1 of the unpacked bill in lower-case hex, if the provider gives it.
    pub sha1: Option<String>,
}

/// How a bill is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BillPacking {
    /// A ZIP with the bill and its summary.
    Zip,
    /// A ZIP that is deflated once more.
    DeflatedZip,
    /// Gzip.
    Gzip,
    /// It is not packed.
    Plain,
}

/// What a line reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BillEvent {
    /// A payment.
    Paid,
    /// A refund.
    Refunded {
        /// Its number at the provider.
        num: String,
        /// Whether the money went back. If not, it is still on its way.
        is_done: bool,
    },
}

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillLine {
    /// The order at the provider, which is of our form.
    pub order: TransactionId,
    /// What happened.
    pub event: BillEvent,
    /// How much.
    pub fee: Fen,
}

/// A line as it is in the file, without its line end.
#[derive(Clone, Copy, Debug)]
pub struct RawLine<'a> {
    /// Its content.
    pub bytes: &'a [u8],
    /// Whether the line was longer and was cut.
    pub is_cut: bool,
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A heading, a total, another app's order, or neither a payment nor a refund.
    Nothing,
    /// A payment or a refund.
    Line(BillLine),
    /// It cannot be read.
    Unreadable(UnreadableText),
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableText {
    /// The order of our form that it contains.
    pub order: Option<TransactionId>,
    /// What is wrong.
    pub problem: LineProblem,
    /// The beginning of the line, without control characters.
    pub excerpt: String,
}

impl UnreadableText {
    pub(crate) fn new(text: &str, order: Option<TransactionId>, problem: LineProblem) -> Self {
        let printable = |sign: char| if sign.is_control() { ' ' } else { sign };
        // Numbers are masked before the text is cut, so that a cut cannot make a card's number look shorter.
        let beginning: String = text.chars().map(printable).take(2 * EXCERPT_CHARS_MAX).collect();
        let excerpt = without_cards(&beginning).chars().take(EXCERPT_CHARS_MAX).collect();
        Self { order, problem, excerpt }
    }
}

/// A text in which each number as long as a card's keeps only its ends. An order number of ours is shown in full, although it may
/// have as many digits.
fn without_cards(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for word in text.split_inclusive(|sign| !is_word(sign)) {
        let order = word.trim_end_matches(|sign| !is_word(sign));
        if TransactionId::parse(order).is_ok() { told.push_str(word) } else { mask_cards(word, &mut told) }
    }
    told
}

fn mask_cards(word: &str, told: &mut String) {
    let mut rest = word;
    while let Some(start) = rest.find(|sign: char| sign.is_ascii_digit()) {
        let (before, digits) = rest.split_at(start);
        let (number, after) = digits.split_at(digits.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(digits.len()));
        told.push_str(before);
        let (first, last) = CARD_DIGITS_SHOWN;
        let middle = first..number.len().saturating_sub(last);
        let is_card = CARD_DIGITS.contains(&number.len());
        told.extend(
            number.chars().enumerate().map(|(n, sign)| if is_card && middle.contains(&n) { '*' } else { sign }),
        );
        rest = after;
    }
    told.push_str(rest);
}

fn is_word(sign: char) -> bool {
    sign.is_ascii_alphanumeric()
}

/// The first order of our form in a text: 24 lower-case hex digits between other characters.
pub(crate) fn order_in(text: &str) -> Option<TransactionId> {
    text.split(|sign| !is_word(sign)).find_map(|word| TransactionId::parse(word).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_holds_no_number_of_a_card() {
        let excerpt = |text: &str| UnreadableText::new(text, None, LineProblem::TooLong).excerpt;
        assert_eq!(excerpt("a\0\t 6222021234567890123 9900\r\n"), "a   622202*********0123 9900  ");
        assert_eq!(excerpt("202611231000000000001 1123100000"), "202611231000000000001 1123100000");
        // The last 17 characters of this order are digits. So are some of a card's number after letters.
        assert_eq!(
            excerpt("1,01a208d05240070707070707,`card6222021234567890`"),
            "1,01a208d05240070707070707,`card622202******7890`"
        );
        // Also a card number that the end of the excerpt cuts off.
        let long = format!("{}6222021234567890", "x".repeat(EXCERPT_CHARS_MAX - 12));
        assert_eq!(excerpt(&long), format!("{}622202******", "x".repeat(EXCERPT_CHARS_MAX - 12)));
        assert_eq!(excerpt(&"茶".repeat(1000)).chars().count(), EXCERPT_CHARS_MAX);
    }

    #[test]
    fn an_order_of_ours_is_found_between_other_signs() {
        let order = "01a208d05240070707070707";
        let found = |text: &str| order_in(text).map(|order| order.to_string());
        assert_eq!(found(&format!("`x,{order}-R1")).as_deref(), Some(order));
        assert_eq!(found(&format!("x{order}")), None);
        assert_eq!(found(""), None);
    }
}
