//! The v2 signature: sorted parameters and a shared key.

use super::super::crypto::{SignType, same, v2_sign};
use crate::kit::form::Params;

/// The signed text: everything with a value except `sign`, then the key.
pub(in super::super) fn content(params: &Params, key: &str) -> String {
    let mut text = String::new();
    for (name, value) in params.iter().filter(|(name, value)| *name != "sign" && !value.is_empty()) {
        text.push_str(&format!("{name}={value}&"));
    }
    text.push_str("key=");
    text.push_str(key);
    text
}

pub(in super::super) fn sign(params: &Params, key: &str, sign_type: SignType) -> String {
    v2_sign(&content(params, key), key, sign_type)
}

/// True if `params` have the right `sign`; upper case only, as documented.
pub(in super::super) fn verify(params: &Params, key: &str, sign_type: SignType) -> bool {
    params.get("sign").is_some_and(|given| same(&sign(params, key, sign_type), given))
}
