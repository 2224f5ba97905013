//! The messages of v2: one flat XML of fields, signed by a shared key.
//!
//! # Source
//! `docs/protocols.md` 2.8.

use std::fmt::Write as _;

use domain::Secret;
use md5::{Digest as _, Md5};
use ring::hmac;
use subtle::ConstantTimeEq as _;

use crate::{MessageProblem, NotifyError, alipay::joined, cert::hex, error::words, form, xml::Elements};

/// The longest message is a query with all its coupons: some kilobytes.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;
/// The root element.
const ROOT: &str = "xml";

/// How the messages of an account are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignType {
    Md5,
    HmacSha256,
}

impl SignType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }

    /// Upper-case hex over the content with the key at its end.
    pub(crate) fn sign(self, content: impl AsRef<[u8]>, key: &Secret<String>) -> String {
        let content = [content.as_ref(), b"&key=", key.expose().as_bytes()].concat();
        let digest = match self {
            Self::Md5 => hex(&Md5::digest(content)),
            Self::HmacSha256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
                hex(hmac::sign(&key, &content).as_ref())
            }
        };
        digest.to_uppercase()
    }
}

/// The fields of a message by WeChat's names. A duplicate name is an error.
#[derive(Debug)]
pub(crate) struct Fields(form::Fields);

impl Fields {
    /// The fields in `<xml>`.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, MessageProblem> {
        if body.len() > BODY_BYTES_MAX {
            return Err(MessageProblem::TooLong { bytes_max: BODY_BYTES_MAX });
        }
        Self::parse_below(body, ROOT)
    }

    /// The fields in another root element.
    pub(crate) fn parse_below(body: &[u8], root: &str) -> Result<Self, MessageProblem> {
        let elements =
            Elements::read(body, None).map_err(|reason| MessageProblem::NotXml { problem: Box::new(reason) })?;
        elements.below(root).map(Self)
    }

    /// A field, if it has a value.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.0.find(name).filter(|value| !value.is_empty())
    }

    /// Whether the key of this account signed all of these fields, including unknown ones.
    pub(crate) fn verify(&self, sign_type: SignType, key: &Secret<String>) -> Result<(), NotifyError> {
        let sign = self.filled("sign").ok_or(NotifyError::Unsigned)?;
        // If we used the algorithm that the message names, anyone could choose the weaker one.
        if let Some(other) = self.filled("sign_type").filter(|name| *name != sign_type.name()) {
            return Err(NotifyError::Algorithm { found: words(other), expected: sign_type.name() });
        }
        let fits = sign_type.sign(self.content(), key).as_bytes().ct_eq(sign.as_bytes());
        if bool::from(fits) { Ok(()) } else { Err(NotifyError::BadSignature { field: "apiKey" }) }
    }

    fn content(&self) -> Vec<u8> {
        self.0.content(|name, value| name != b"sign" && !value.is_empty())
    }
}

/// The signed content of a request: every field with a value except `sign`, in byte order, not encoded. The key is appended to it.
pub(crate) fn content<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    joined(fields.into_iter().filter(|(name, value)| *name != "sign" && !value.is_empty()))
}

/// The fields with their signature, as XML.
pub(crate) fn signed_xml(fields: &[(&'static str, String)], sign_type: SignType, key: &Secret<String>) -> String {
    // Characters that XML cannot contain are removed before signing.
    let fields: Vec<(&str, String)> = fields.iter().map(|(name, value)| (*name, sayable(value))).collect();
    let sign = sign_type.sign(content(fields.iter().map(|(name, value)| (*name, value.as_str()))), key);
    let mut xml = format!("<{ROOT}>");
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()).chain([&("sign", sign)]) {
        // Writing to a `String` cannot fail. If a value contains the end of CDATA, it is split into two CDATA sections.
        let _ = write!(xml, "<{name}><![CDATA[{}]]></{name}>", value.replace("]]>", "]]]]><![CDATA[>"));
    }
    xml.push_str("</xml>");
    xml
}

fn sayable(value: &str) -> String {
    value.chars().filter(|sign| !sign.is_control() && !matches!(sign, '\u{fffe}' | '\u{ffff}')).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> Secret<String> {
        Secret::new("053EFd34f7f6ecc2A6F4C9bd5AbcBB5C".to_owned())
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (body, words) in [
            (b"".as_slice(), "incomplete"),
            (b"<xml>\xff</xml>", "neither UTF-8 nor GB18030"),
            (b"<xml><a>1</a><a>1</a></xml>", "twice"),
            (b"<!DOCTYPE xml><xml><a>1</a></xml>", "document type"),
        ] {
            let error = Fields::parse(body).unwrap_err();
            assert!(error.to_string().contains(words), "expected {words}, found {error}");
        }
        let long = "x".repeat(BODY_BYTES_MAX + 1);
        assert!(Fields::parse(long.as_bytes()).unwrap_err().to_string().contains("longer than 65536"));
        // A nested element, or one under another root, is not a field: it is neither signed nor read.
        let fields = Fields::parse(b"<xml><a>1</a><b><c>2</c></b></xml>").unwrap();
        assert_eq!((fields.filled("a"), fields.filled("b"), fields.filled("c")), (Some("1"), None, None));
        assert_eq!(Fields::parse(b"<root><a>1</a></root>").unwrap().filled("a"), None);
    }

    proptest! {
        #[test]
        fn a_message_goes_round(body in ".{0,40}|(\\]|>|<|&|x){0,8}", sign_type in prop_oneof![Just(SignType::Md5), Just(SignType::HmacSha256)]) {
            let xml = signed_xml(&[("appid", "wx1".to_owned()), ("body", body.clone()), ("attach", String::new())], sign_type, &key());
            let fields = Fields::parse(xml.as_bytes()).unwrap();
            prop_assert_eq!(fields.verify(sign_type, &key()), Ok(()));
            let body = sayable(&body);
            prop_assert_eq!(fields.filled("body"), Some(body.as_str()).filter(|body| !body.is_empty()));
            prop_assert_eq!(fields.filled("attach"), None);
        }

        #[test]
        fn no_message_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Fields::parse(&body);
        }
    }
}
