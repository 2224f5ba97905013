//! Details of the charge and of the payment that a transaction keeps. Each is parsed where it comes in.

use std::fmt::Write;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::fields::{JSON_DEPTH_MAX, nests_within};

/// What is bought: 1 to 256 characters without control characters, and not only blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// Alipay's bound, the widest of the three providers'. Each provider gets as much of the text as it takes.
    pub const CHARS_MAX: usize = 256;
    pub(crate) const EXPECTED: &'static str =
        "a string of 1 to 256 characters without control characters, not all of them blanks";

    /// `None` if it is empty, blank or too long, or holds a control character.
    pub fn parse(text: &str) -> Option<Self> {
        let fits =
            !text.trim().is_empty() && text.chars().count() <= Self::CHARS_MAX && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }

    /// The text as the merchant wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An address that a browser can be sent to: http or https, at most 256 characters after percent-encoding. Everything beyond ASCII is
/// percent-encoded, as browsers do it themselves, because providers take only ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebUrl(String);

impl WebUrl {
    /// Alipay's bound of `return_url`.
    pub const CHARS_MAX: usize = 256;
    pub(crate) const EXPECTED: &'static str = "an http or https URL of at most 256 characters, percent-encoded";

    /// `None` if it is not such a URL.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // A host beyond ASCII has its own ASCII form (Punycode). Its owner knows that form.
        let has_host = host.is_ascii() && !host.is_empty() && !host.starts_with(':');
        let clean = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '"' | '<' | '>' | '\\');
        if !has_host || !text.chars().all(clean) {
            return None;
        }
        let mut encoded = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii() { encoded.push(char::from(byte)) } else { encoded.push_str(&format!("%{byte:02X}")) }
        }
        (encoded.len() <= Self::CHARS_MAX).then_some(Self(encoded))
    }

    /// The URL in ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The merchant's own JSON object, kept exactly as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extras(String);

impl Extras {
    /// A page of 100 records stays within a quarter of what Lambda may answer (6 MB).
    pub const BYTES_MAX: usize = 8192;
    pub(crate) const EXPECTED: &'static str =
        "a JSON object of at most 8192 bytes, nested at most 32 deep, without names that begin with U+0000";

    /// Takes the JSON text of an object. `None` if it is not an object, is too long or too deep, holds half a surrogate pair, or has a name
    /// that begins with U+0000. PHP's `json_decode` fails on such a name, so a client key would be enough to stop a merchant's server.
    pub fn parse(json: &str) -> Option<Self> {
        let members = members_of(json)?;
        let fits = nests_within(json, JSON_DEPTH_MAX) && !has_name_with_nul(&members.into());
        fits.then(|| Self(json.to_owned()))
    }

    /// The same for extras that are stored already: earlier versions took any depth that serde reads.
    pub fn parse_kept(json: &str) -> Option<Self> {
        members_of(json).map(|_| Self(json.to_owned()))
    }

    /// The JSON text as it came.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

/// The members of extras; `None` if the text is too long or not an object.
fn members_of(json: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
    if json.len() > Extras::BYTES_MAX {
        return None;
    }
    serde_json::from_str(json).ok()
}

/// Whether an object in it has a name that begins with U+0000. The caller has bounded the depth.
fn has_name_with_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Object(members) => {
            members.iter().any(|(name, value)| name.starts_with('\0') || has_name_with_nul(value))
        }
        serde_json::Value::Array(values) => values.iter().any(has_name_with_nul),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => false,
    }
}

impl serde::Serialize for Extras {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// The provider's own number of a payment (`trade_no`, `transaction_id`, `queryId`): printable ASCII, 1 to 64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderTradeNo(String);

impl ProviderTradeNo {
    /// `None` if it is empty, too long or not printable ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The number as the provider wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A payer within WeChat: the first 16 hex digits of a hash, enough to recognize the same payer. A provider binds an order to its payer.
/// The payer's own id is personal data, and nothing here needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayerDigest(String);

impl PayerDigest {
    const DIGITS: usize = 16;

    /// The digest of an `openid`.
    pub fn of_openid(openid: &str) -> Self {
        let mut digits = String::with_capacity(Self::DIGITS);
        for byte in Sha256::digest(openid.as_bytes()).iter().take(Self::DIGITS / 2) {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        Self(digits)
    }

    /// Reads what [`Self::as_str`] gave; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == Self::DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn an_address_is_one_that_a_browser_can_be_sent_to() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(WebUrl::parse(text).as_ref().map(WebUrl::as_str), expect, "{text}");
        };
        check("https://shop.example",             Some("https://shop.example"));
        check("http://127.0.0.1:8080/a?b=c#d",    Some("http://127.0.0.1:8080/a?b=c#d"));
        check("https://shop.example/茶?q=茶",      Some("https://shop.example/%E8%8C%B6?q=%E8%8C%B6"));
        check("https://店.example/",               None);
        check("https://",                         None);
        check("https:///path",                    None);
        check("https://:80/",                     None);
        check("ftp://shop.example",               None);
        check("javascript:alert(1)",              None);
        check("https://shop.example/a b",         None);
        check("https://shop.example/\"onload",    None);
        let of_length = |length: usize| format!("https://shop.example/{}", "x".repeat(length - 21));
        check(&of_length(256),                    Some(&of_length(256)));
        check(&of_length(257),                    None);
        check(&format!("https://shop.example/{}", "茶".repeat(30)), None);
    }

    #[test]
    fn a_payer_is_known_again_and_not_named() {
        let digest = PayerDigest::of_openid("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o");
        assert_eq!(PayerDigest::parse(digest.as_str()), Some(digest.clone()));
        assert_ne!(digest, PayerDigest::of_openid("oUpF8uMuAJO_M2pxb1Q9zNjWeS6p"));
        for text in ["", "0123", "0123456789ABCDEF", "0123456789abcdef0"] {
            assert_eq!(PayerDigest::parse(text), None, "{text}");
        }
    }
}
