//! The signed content of a request.

use base64::Engine as _;

pub(crate) use crate::form::{Parameters, encoded, joined, percent_encoded};
use crate::{
    ProviderError, SettingProblem,
    keys::{BASE64, SigningKey},
};

/// A request signs every parameter with a value, including `sign_type`, except `sign`.
pub(crate) fn request_content(parameters: &Parameters<'_>) -> String {
    let signed = |(key, value): &(&&str, &String)| **key != "sign" && !value.is_empty();
    joined(parameters.iter().filter(signed).map(|(key, value)| (*key, value.as_str())))
}

/// Adds `sign` by RSA2, and drops the parameters without a value.
pub(crate) fn signed<'a>(mut parameters: Parameters<'a>, key: &SigningKey) -> Result<Parameters<'a>, ProviderError> {
    let content = request_content(&parameters);
    let signature = key.sign_sha256(content.as_bytes());
    let signature = signature.ok_or(ProviderError::Key { field: "privateKey", problem: SettingProblem::SignsNot })?;
    parameters.retain(|_, value| !value.is_empty());
    parameters.insert("sign", BASE64.encode(signature));
    Ok(parameters)
}
