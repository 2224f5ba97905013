//! Reads the answers of v3: first by the HTTP class, and a success only if its signature is right.
//!
//! # Source
//! `docs/protocols.md` 2.3 and 2.7.

use std::borrow::Cow;

use bytes::Bytes;
use domain::Timestamp;
use http::{Response, StatusCode};

use super::verify::{Keys, Unverified};
use crate::{Charset, MessageProblem, ProviderError, error::words, json::Members};

/// A query with all its coupons is some ten kilobytes, a list of certificates likewise.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// What an answer says.
#[derive(Debug)]
pub(crate) enum Answer {
    /// 200 with an object, signed.
    Done(Members),
    /// 204, signed.
    Empty,
    /// A definite no.
    Refused(Refusal),
}

/// A definite no of WeChat Pay's.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) words: String,
    /// Whether its signature was verified. Without one it is an error, and decides nothing about money.
    pub(crate) is_signed: bool,
}

impl From<Refusal> for ProviderError {
    fn from(Refusal { code, words, .. }: Refusal) -> Self {
        Self::Refused { code, words }
    }
}

impl Answer {
    /// The members of a success; anything else is an error.
    pub(crate) fn done(self) -> Result<Members, ProviderError> {
        match self {
            Self::Done(members) => Ok(members),
            Self::Empty => Err(ProviderError::from(MessageProblem::NoContent)),
            Self::Refused(refusal) => Err(refusal.into()),
        }
    }
}

/// Reads an answer and verifies its raw bytes.
pub(crate) fn read(response: &Response<Bytes>, keys: &Keys, now: Timestamp) -> Result<Answer, ProviderError> {
    if let Some(refusal) = refusal(response, keys, now)? {
        return Ok(Answer::Refused(refusal));
    }
    keys.verify(response.headers(), response.body(), now)?;
    content(response)
}

/// The refusal in an answer, by its HTTP class. `None` for a success, which must still be verified.
pub(crate) fn refusal(
    response: &Response<Bytes>,
    keys: &Keys,
    now: Timestamp,
) -> Result<Option<Refusal>, ProviderError> {
    let status = response.status();
    let body = response.body();
    if body.len() > BODY_BYTES_MAX {
        return Err(ProviderError::from(MessageProblem::TooLong { bytes_max: BODY_BYTES_MAX }));
    }
    if status == StatusCode::OK || status == StatusCode::NO_CONTENT {
        return Ok(None);
    }
    let members = text(response).and_then(|text| Members::parse(&text).ok());
    let member = |name| members.as_ref().and_then(|members| members.filled(name)).map(|text| words(&text));
    let told = || member("message").unwrap_or_default();
    let Some(code) = member("code") else {
        return Err(MessageProblem::HttpNoCode { status: status.as_u16(), words: told() }.into());
    };
    if !status.is_client_error() || is_passing(status, &code) {
        return Err(MessageProblem::HttpCode { status: status.as_u16(), code, words: told() }.into());
    }
    let is_signed = match keys.verify(response.headers(), body, now) {
        Ok(()) => true,
        // Somebody other than WeChat Pay wrote this.
        Err(reason @ Unverified::BadSignature(_)) => return Err(reason.into()),
        // Not every front server of WeChat can sign. If our clock or key is wrong, exactly such an answer reports it.
        Err(_) => false,
    };
    Ok(Some(Refusal { status, code, words: told(), is_signed }))
}

/// The content of a success.
pub(crate) fn content(response: &Response<Bytes>) -> Result<Answer, ProviderError> {
    if response.status() == StatusCode::NO_CONTENT {
        let is_empty = response.body().is_empty();
        return if is_empty { Ok(Answer::Empty) } else { Err(ProviderError::from(MessageProblem::Content204)) };
    }
    let text = text(response).ok_or_else(|| ProviderError::from(MessageProblem::UnknownCharset))?;
    let not_json = |reason| ProviderError::from(MessageProblem::NotJson { why: reason });
    Members::parse(&text).map(Answer::Done).map_err(not_json)
}

/// The body as text: UTF-8, or another charset if it is not UTF-8.
fn text(response: &Response<Bytes>) -> Option<Cow<'_, str>> {
    Charset::of_headers(response.headers()).unwrap_or(Charset::Utf8).read(response.body())
}

/// Whether a failure says nothing about the order: too many calls, or WeChat's own fault under another class.
fn is_passing(status: StatusCode, code: &str) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
        || matches!(
            code,
            "SYSTEM_ERROR" | "SYSTEMERROR" | "FREQUENCY_LIMITED" | "FREQUENCY_LIMIT_EXCEED" | "RATELIMIT_EXCEEDED"
        )
}
