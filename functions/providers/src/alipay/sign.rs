//! What is signed in a request, and how the signed request is written.

use std::collections::BTreeMap;

use base64::Engine as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    ProviderError,
    keys::{BASE64, SigningKey},
};

/// The parameters of a request by the provider's names, in byte order. The values are not encoded.
pub(crate) type Parameters<'a> = BTreeMap<&'a str, String>;

/// All that RFC 3986 lets stand as it is. A space becomes `%20`, never `+`: both are right, and this one survives everywhere.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The text that is signed: `key=value` in byte order of the keys, joined with `&`, not encoded.
pub(crate) fn joined<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let sorted: BTreeMap<&str, &str> = pairs.into_iter().collect();
    sorted.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
}

/// What a request signs: every parameter with a value, `sign_type` among them, and not `sign`.
pub(crate) fn request_content(parameters: &Parameters<'_>) -> String {
    let signed = |(key, value): &(&&str, &String)| **key != "sign" && !value.is_empty();
    joined(parameters.iter().filter(signed).map(|(key, value)| (*key, value.as_str())))
}

/// Adds `sign` by RSA2, and drops the parameters without a value.
pub(crate) fn signed<'a>(mut parameters: Parameters<'a>, key: &SigningKey) -> Result<Parameters<'a>, ProviderError> {
    let content = request_content(&parameters);
    let signature = key.sign_sha256(content.as_bytes());
    let signature =
        signature.ok_or_else(|| ProviderError::Key { field: "privateKey", problem: "does not sign".to_owned() })?;
    parameters.retain(|_, value| !value.is_empty());
    parameters.insert("sign", BASE64.encode(signature));
    Ok(parameters)
}

/// `key=value` joined with `&`, the values percent-encoded: the order string, a query string and a form are all this.
pub(crate) fn encoded(parameters: &Parameters<'_>) -> String {
    let pairs = parameters.iter().map(|(key, value)| format!("{key}={}", percent_encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

pub(crate) fn percent_encoded(value: &str) -> String {
    utf8_percent_encode(value, ENCODED).to_string()
}
