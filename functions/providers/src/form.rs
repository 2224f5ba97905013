//! Forms as Alipay and UnionPay use them: `key=value` joined with `&`. Joins them to sign, writes them and reads them.
//!
//! Nothing here is verified: the caller verifies a form by its provider's own rules.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, header::CONTENT_TYPE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use crate::{Charset, MessageProblem, NotifyError, ProviderError, Unable, error::words};

/// A notify with all its vouchers is some kilobytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// A notify has some thirty fields.
const FIELDS_MAX: usize = 128;
const FORM: &str = "application/x-www-form-urlencoded";

/// The parameters of a request by the provider's names, in byte order. The values are not encoded.
pub(crate) type Parameters<'a> = BTreeMap<&'a str, String>;

/// All that RFC 3986 allows unencoded. A space becomes `%20`, never `+`: both are right, and every receiver understands `%20`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The text that is signed: `key=value` in byte order of the keys, joined with `&`, not encoded.
pub(crate) fn joined<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let sorted: BTreeMap<&str, &str> = pairs.into_iter().collect();
    sorted.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
}

/// `key=value` joined with `&`, the values percent-encoded: the order string, a query string and a form have this format.
pub(crate) fn encoded(parameters: &Parameters<'_>) -> String {
    let pairs = parameters.iter().map(|(key, value)| format!("{key}={}", percent_encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

pub(crate) fn percent_encoded(value: &str) -> String {
    utf8_percent_encode(value, ENCODED).to_string()
}

/// A POST with nothing but its address and its form.
pub(crate) fn post(url: &str, form: String) -> Result<Request<Bytes>, ProviderError> {
    Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded;charset=utf-8")
        .body(Bytes::from(form))
        .map_err(|error| ProviderError::from(Unable::Address { why: error.to_string() }))
}

/// The fields of a notify, decoded once, as bytes. A duplicate name is an error. The address and its query are ignored.
pub(crate) fn parse(notify: &Request<Bytes>) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, NotifyError> {
    let content_type = notify.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(FORM) {
        return Err(NotifyError::from(MessageProblem::ContentType { expected: FORM }));
    }
    let body = notify.body();
    if body.len() > BODY_BYTES_MAX {
        return Err(NotifyError::from(MessageProblem::TooLong { bytes_max: BODY_BYTES_MAX }));
    }
    let mut fields = BTreeMap::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        if fields.len() == FIELDS_MAX {
            return Err(NotifyError::from(MessageProblem::FieldsMax { fields_max: FIELDS_MAX }));
        }
        let mut sides = pair.splitn(2, |byte| *byte == b'=').map(decoded);
        let (name, value) = (sides.next().unwrap_or_default(), sides.next().unwrap_or_default());
        if fields.insert(name, value).is_some() {
            return Err(NotifyError::from(MessageProblem::FieldTwice));
        }
    }
    Ok(fields)
}

/// The fields of a message, both as the signed bytes and as text.
#[derive(Debug)]
pub(crate) struct Fields {
    raw: BTreeMap<Vec<u8>, Vec<u8>>,
    text: BTreeMap<String, String>,
}

impl Fields {
    /// Reads the text of every field: in the charset that the message names, or in the other one if a field is not valid in it.
    pub(crate) fn read(raw: BTreeMap<Vec<u8>, Vec<u8>>, named: Charset) -> Result<Self, MessageProblem> {
        let decoded = |bytes| named.read(bytes).ok_or(MessageProblem::FieldCharset);
        let mut text = BTreeMap::new();
        for (name, value) in &raw {
            // Two byte sequences that decode to one name are one name.
            if text.insert(decoded(name)?.into_owned(), decoded(value)?.into_owned()).is_some() {
                return Err(MessageProblem::FieldTwice);
            }
        }
        Ok(Self { raw, text })
    }

    /// A field, empty or not.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.text.get(name).map(String::as_str)
    }

    /// Every field.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The signed bytes: `key=value` in byte order of the keys, joined with `&`, of the fields that take part.
    pub(crate) fn content(&self, is_signed: impl Fn(&[u8], &[u8]) -> bool) -> Vec<u8> {
        let signed = self.raw.iter().filter(|(name, value)| is_signed(name, value));
        signed.map(|(name, value)| [name.as_slice(), value].join(&b'=')).collect::<Vec<_>>().join(&b'&')
    }
}

/// The charset that a notify names in the first of these fields that has a value; UTF-8 if none has.
pub(crate) fn charset(fields: &BTreeMap<Vec<u8>, Vec<u8>>, names: &[&str]) -> Result<Charset, NotifyError> {
    let value = |name: &&str| fields.get(name.as_bytes()).filter(|value| !value.is_empty());
    let Some((field, found)) = names.iter().find_map(|name| Some((name, value(name)?))) else {
        return Ok(Charset::Utf8);
    };
    let found = String::from_utf8_lossy(found);
    Charset::named(&found).ok_or_else(|| {
        let found = words(&found);
        NotifyError::from(MessageProblem::Charset { field: (*field).to_owned(), found })
    })
}

/// Decodes a form once: a value may contain a percent sign of its own.
fn decoded(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}
