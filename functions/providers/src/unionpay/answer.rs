//! Reads UnionPay's answers: raw `key=value` joined with `&`. Verifies them and interprets their code.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::Timestamp;
use http::{Response, StatusCode};

use super::{
    sign::{Fields, SIGNATURE},
    trust::Trust,
};
use crate::{Charset, MessageProblem, NotifyError, ProviderError, error::words};

/// An answer is some three kilobytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// An answer has some thirty fields.
const FIELDS_MAX: usize = 128;

/// UnionPay does not have the order: not paid, or queried too early.
pub(crate) const NOT_THERE: &str = "34";
/// There is no file of that day: there were no trades, or the file is not made yet.
pub(crate) const NO_FILE: &str = "98";
/// The order was already sent.
pub(crate) const DUPLICATE: &str = "12";

/// What a `respCode` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The operation succeeded.
    Done,
    /// The result is not known yet.
    Undecided,
    /// A definite no.
    Refused,
}

/// What a code means. `A6` is a success with a defect: the money moved.
///
/// # Source
/// `protocols.md` 3.5 for 00, A6, 03, 04 and 05. 06 (busy), 37 (queried too often) and 68 (timed out) are from UnionPay's names for them.
/// If a failure counts as undecided, that costs a query. The opposite mistake may cost money.
pub(crate) fn verdict(code: &str) -> Verdict {
    match code {
        "00" | "A6" => Verdict::Done,
        "03" | "04" | "05" | "06" | "37" | "68" => Verdict::Undecided,
        _ => Verdict::Refused,
    }
}

/// Whether a refund is refused because a balance does not suffice. Of the codes that UnionPay publishes only 64 is about a balance, "on the
/// card"; none is about the merchant's own. So the words count, too. If another refusal counts as this one, that costs a repeat each day
/// for a month. The opposite mistake ends a refund for good.
///
/// # Source
/// UnionPay's list of response codes, for 64. The code for the merchant's own balance is not certain.
pub(crate) fn is_short(code: &str, words: &str) -> bool {
    code == "64" || ["余额不足", "资金不足"].iter().any(|short| words.contains(short))
}

/// What an answer says.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A success, signed.
    Done(Fields),
    /// UnionPay itself does not know the result.
    Undecided { code: String, words: String },
    /// A definite no. Without a signature it can only be what the gateway finds wrong with the request itself.
    Refused { code: String, words: String, is_signed: bool },
}

impl Answer {
    /// The fields of a success; anything else is an error.
    pub(crate) fn done(self) -> Result<Fields, ProviderError> {
        match self {
            Self::Done(fields) => Ok(fields),
            other @ (Self::Undecided { .. } | Self::Refused { .. }) => Err(other.into_error()),
        }
    }

    /// The error for a caller that needs a success.
    pub(crate) fn into_error(self) -> ProviderError {
        match self {
            Self::Done(_) => ProviderError::from(MessageProblem::NotAskedFor),
            Self::Undecided { code, words } => ProviderError::from(MessageProblem::UnionpayBusy { code, words }),
            Self::Refused { code, words, .. } => ProviderError::Refused { code, words },
        }
    }
}

/// Reads an answer.
pub(crate) fn read(response: &Response<Bytes>, trust: &Trust, now: Timestamp) -> Result<Answer, ProviderError> {
    read_up_to(BODY_BYTES_MAX, response, trust, now)
}

/// Reads an answer that may be long.
pub(crate) fn read_up_to(
    bytes_max: usize,
    response: &Response<Bytes>,
    trust: &Trust,
    now: Timestamp,
) -> Result<Answer, ProviderError> {
    if response.status() != StatusCode::OK {
        return Err(ProviderError::from(MessageProblem::Http { status: response.status().as_u16() }));
    }
    let body = response.body();
    if body.len() > bytes_max {
        return Err(ProviderError::from(MessageProblem::TooLong { bytes_max }));
    }
    if body.trim_ascii_start().starts_with(b"<") {
        return Err(ProviderError::from(MessageProblem::Page));
    }
    let fields = parse(body, Charset::of_headers(response.headers())).map_err(ProviderError::from)?;
    let code = fields.find("respCode").ok_or_else(|| ProviderError::from(MessageProblem::NoRespCode))?;
    let (code, told) = (words(code), words(fields.find("respMsg").unwrap_or_default()));
    let is_signed = fields.find(SIGNATURE).is_some();
    if is_signed {
        trust.verify(&fields, now).map_err(|error| ProviderError::from(error.of_answer()))?;
    }
    match (verdict(&code), is_signed) {
        (Verdict::Done, true) => Ok(Answer::Done(fields)),
        (Verdict::Undecided, _) => Ok(Answer::Undecided { code, words: told }),
        (Verdict::Refused, true) => Ok(Answer::Refused { code, words: told, is_signed }),
        // The gateway may fail before it knows the merchant.
        (Verdict::Refused, false) if is_about_the_message(&code) => {
            Ok(Answer::Refused { code, words: told, is_signed })
        }
        (Verdict::Done, false) => Err(ProviderError::from(MessageProblem::UnsignedSuccess)),
        (Verdict::Refused, false) => Err(ProviderError::from(MessageProblem::UnsignedRefusal { code, words: told })),
    }
}

/// 10 to 29: malformed, wrongly signed, sent before, fields missing.
fn is_about_the_message(code: &str) -> bool {
    matches!(code.as_bytes(), [b'1' | b'2', b'0'..=b'9'])
}

/// Cuts an answer into its fields, which are not percent-encoded. A name ends at the first `=`, and a value at the next `&` outside
/// of `{...}` and `[...]`. Nested brackets do not count, as in UnionPay's own reader. Half of a character does not count as a
/// bracket, either.
pub(crate) fn parse(body: &[u8], named: Option<Charset>) -> Result<Fields, MessageProblem> {
    let neither = || MessageProblem::UnknownCharset;
    let charset = named.unwrap_or(Charset::Utf8).fitting(body).ok_or_else(neither)?;
    let text = charset.shield(body).ok_or_else(neither)?;
    let mut fields = BTreeMap::new();
    let mut rest = Some(text.as_ref());
    while let Some(row) = rest.filter(|row| !row.is_empty()) {
        if fields.len() == FIELDS_MAX {
            return Err(MessageProblem::TooManyFields);
        }
        let (name, row) = row.split_once('=').ok_or(MessageProblem::NoValue)?;
        if name.is_empty() || name.contains('&') {
            return Err(MessageProblem::NoName);
        }
        let (value, after) = value_and_rest(row);
        if fields.insert(charset.unshield(name).into_owned(), charset.unshield(value).into_owned()).is_some() {
            return Err(MessageProblem::FieldTwice);
        }
        rest = after;
    }
    Fields::read(fields).map_err(NotifyError::of_answer)
}

fn value_and_rest(row: &str) -> (&str, Option<&str>) {
    let mut closing = None;
    for (place, sign) in row.char_indices() {
        match (closing, sign) {
            (Some(awaited), found) if awaited == found => closing = None,
            (Some(_), _) => {}
            (None, '{') => closing = Some('}'),
            (None, '[') => closing = Some(']'),
            (None, '&') => {
                let (value, rest) = row.split_at(place);
                return (value, rest.strip_prefix('&'));
            }
            (None, _) => {}
        }
    }
    (row, None)
}
