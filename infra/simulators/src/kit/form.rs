//! Form-encoded text, parsed strictly, and the strings that signatures cover.
//!
//! A library would decode a broken `%` or a byte that is not UTF-8 to something. Here such a message is refused: a merchant who
//! sends it has a bug that Alipay would show only later, as a failed signature.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The characters that `application/x-www-form-urlencoded` does not encode.
pub(crate) const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b' ');
/// The most parameters in one message: Alipay documents some forty.
const PARAMS_MAX: usize = 200;

/// Parameters in byte order of their names, each given once.
pub(crate) type Params = BTreeMap<String, String>;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum FormError {
    #[error("parameter `{0}` is given twice")]
    Twice(String),
    #[error("`{0}` is not percent-encoded UTF-8")]
    Encoding(String),
    #[error("`{0}` must be name=value")]
    NoEquals(String),
    #[error("more than {PARAMS_MAX} parameters")]
    TooMany,
}

/// Reads `a=b&c=d` with `+` or `%20` for blanks.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, String)>, FormError> {
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| FormError::NoEquals(start_of(pair)))?;
        pairs.push((decode(name)?, decode(value)?));
        if pairs.len() > PARAMS_MAX {
            return Err(FormError::TooMany);
        }
    }
    Ok(pairs)
}

/// One map of the query's and the body's parameters. Only `twice_allowed` may be in both, with the same value.
pub(crate) fn merge(query: &str, body: &str, twice_allowed: Option<&str>) -> Result<Params, FormError> {
    let mut params = Params::new();
    for (name, value) in parse(query)?.into_iter().chain(parse(body)?) {
        match params.get(&name) {
            Some(known) if Some(name.as_str()) == twice_allowed && *known == value => {}
            Some(_) => return Err(FormError::Twice(name)),
            None => {
                params.insert(name, value);
            }
        }
    }
    Ok(params)
}

/// Form-urlencoded, blanks as `+`, as Alipay's notifies are.
pub(crate) fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{}={}", encode_text(name), encode_text(value))).collect();
    pairs.join("&")
}

/// One name or value, form-urlencoded.
pub(crate) fn encode_text(text: &str) -> String {
    utf8_percent_encode(text, FORM).to_string().replace(' ', "+")
}

/// The signed content of a request: everything with a value except `sign`; `sign_type` is included.
pub(crate) fn request_content(params: &Params) -> String {
    join(params.iter().filter(|(name, value)| *name != "sign" && !value.is_empty()))
}

/// The signed content of a notify ("V1"): everything except `sign` and `sign_type`, including empty values.
pub(crate) fn notify_content(params: &Params) -> String {
    join(params.iter().filter(|(name, _)| *name != "sign" && *name != "sign_type"))
}

/// The content of every legacy MAPI signature: without `sign`, `sign_type` and empty values.
pub(crate) fn mapi_content(params: &Params) -> String {
    join(params.iter().filter(|(name, value)| *name != "sign" && *name != "sign_type" && !value.is_empty()))
}

/// Decodes one percent-encoded text; `+` is a blank.
pub(crate) fn decode(text: &str) -> Result<String, FormError> {
    let refuse = || FormError::Encoding(start_of(text));
    for (at, _) in text.match_indices('%') {
        let hex = text.get(at + 1..at + 3).ok_or_else(refuse)?;
        if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(refuse());
        }
    }
    let blanks = text.replace('+', " ");
    percent_decode_str(&blanks).decode_utf8().map(String::from).map_err(|_| refuse())
}

fn join<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// The beginning of a text, enough to recognise it in an error.
pub(crate) fn start_of(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_strictly() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(parse("a=1+2%203&b=").unwrap(), [pair("a", "1 2 3"), pair("b", "")]);
        assert_eq!(parse("a=%E6%94%AF").unwrap(), [pair("a", "支")]);
        assert!(matches!(parse("a=%E6%94"), Err(FormError::Encoding(_))));
        assert!(matches!(parse("a=%2"), Err(FormError::Encoding(_))));
        assert!(matches!(parse("a=%+1"), Err(FormError::Encoding(_))));
        assert!(matches!(parse("a"), Err(FormError::NoEquals(_))));
        assert_eq!(merge("a=1", "a=1", None), Err(FormError::Twice("a".into())));
        assert_eq!(merge("a=1", "a=1", Some("a")).unwrap().len(), 1);
        assert_eq!(merge("a=1", "a=2", Some("a")), Err(FormError::Twice("a".into())));
        assert_eq!(encode([("a", "1 +&=支~")]), "a=1+%2B%26%3D%E6%94%AF%7E");
    }
}
