//! A provider's bill of one day: how it is asked for, where it lies, and what each of its lines says.
//!
//! Unpacking is for the caller, who hands in the lines one by one: a bill of 100,000 lines never lies in memory as text. One line spoils
//! one line: what cannot be read is said so of that line alone, and amounts are read on lines about orders of our form only. A file
//! whose columns are not found is no bill at all.
//!
//! # Source
//! Alipay: `alipay.data.dataservice.bill.downloadurl.query`, bill type `trade`. WeChat Pay: `/v3/bill/tradebill` and
//! `/pay/downloadbill`, bill type `ALL`. UnionPay: `unionpay/bill.rs`. Both headings, and WeChat's lines of payments and refunds, were compared with bills of 2024 and
//! later that merchants' own programs in public repositories read (IJPay's example of a bill among them).

pub(crate) mod alignment;
pub(crate) mod columns;

use bytes::Bytes;
use domain::{Fen, TransactionId};
use http::Request;

use self::columns::ColumnsReader;
use crate::{ProviderError, unionpay::FileReader};

/// How much of a line that cannot be read is told.
const EXCERPT_CHARS_MAX: usize = 120;

/// What there is of a day.
#[derive(Debug)]
pub enum BillAnswer {
    /// Nothing happened on that day.
    Nothing,
    /// The bill lies there.
    At(Box<BillDownload>),
    /// The answer brought it.
    Here {
        /// The file.
        file: Bytes,
        /// What it is packed in.
        packing: BillPacking,
    },
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
    /// A ZIP with the bill and its summary.
    Zip,
    /// The same, deflated once more.
    DeflatedZip,
    /// Gzip.
    Gzip,
    /// It is not packed.
    Plain,
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
    /// The order at the provider, which is of our form.
    pub order: TransactionId,
    /// What happened.
    pub event: BillEvent,
    /// How much.
    pub fee: Fen,
}

/// A line as it lies in the file, without its end.
#[derive(Clone, Copy, Debug)]
pub struct RawLine<'a> {
    /// What it holds.
    pub bytes: &'a [u8],
    /// Whether it is longer than that.
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
    /// The order of our form that stands in it.
    pub order: Option<TransactionId>,
    /// What is wrong.
    pub problem: String,
    /// How it begins, without control characters.
    pub excerpt: String,
}

impl UnreadableText {
    pub(crate) fn new(text: &str, order: Option<TransactionId>, problem: impl Into<String>) -> Self {
        let printable = |sign: char| if sign.is_control() { ' ' } else { sign };
        let excerpt = text.chars().map(printable).take(EXCERPT_CHARS_MAX).collect();
        Self { order, problem: problem.into(), excerpt }
    }
}

/// Reads a bill line by line.
#[derive(Debug)]
pub struct BillReader(Form);

#[derive(Debug)]
enum Form {
    Columns(Box<ColumnsReader>),
    Unionpay(FileReader),
}

impl BillReader {
    pub(crate) fn of_columns(reader: ColumnsReader) -> Self {
        Self(Form::Columns(Box::new(reader)))
    }

    pub(crate) fn of_unionpay(reader: FileReader) -> Self {
        Self(Form::Unionpay(reader))
    }

    /// Begins a file of the bill, whose first bytes are `head`.
    pub fn begin(&mut self, name: &str, head: &[u8]) {
        match &mut self.0 {
            Form::Columns(reader) => reader.begin(head),
            Form::Unionpay(reader) => reader.begin(name),
        }
    }

    /// Reads the next line.
    pub fn read(&mut self, line: RawLine<'_>) -> Reading {
        match &mut self.0 {
            Form::Columns(reader) => reader.read(line),
            Form::Unionpay(reader) => reader.read(line),
        }
    }

    /// Says that the last file was read to its end.
    ///
    /// # Errors
    /// [`ProviderError::Unclear`] if none of the files was a bill: then nothing is to be concluded from their lines.
    pub fn complete(&self) -> Result<(), ProviderError> {
        match &self.0 {
            Form::Columns(reader) => reader.complete(),
            Form::Unionpay(reader) => reader.complete(),
        }
    }
}

/// The first order of our form that stands in a text: 24 lower-case hex digits between other signs.
pub(crate) fn order_in(text: &str) -> Option<TransactionId> {
    let is_word = |sign: char| sign.is_ascii_alphanumeric();
    text.split(|sign| !is_word(sign)).find_map(|word| TransactionId::parse(word).ok())
}
