//! Reads the open platform's answers: cuts the signed node out of the raw bytes, verifies it, and says what the code means.
//!
//! The node is never written anew: escaped slashes, `\uXXXX` and spacing are part of what was signed.

use std::{collections::BTreeMap, fmt};

use base64::Engine as _;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::open_platform::AlipayKey;
use crate::{ProviderError, error::words, keys::BASE64};

/// A query with all its vouchers is some ten kilobytes.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// More members than any answer has.
const MEMBERS_MAX: usize = 256;

/// The members of one JSON object, each as its raw text. An object with one name twice is none.
#[derive(Debug)]
pub(crate) struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Members<'a> {
    /// Nesting costs no stack: what lies below the members is passed over by a loop, and never read.
    pub(crate) fn parse(json: &'a str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| words(&error.to_string()))
    }

    /// The raw text of a member, exactly as it came.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|raw| raw.get())
    }

    /// A member's string; a number counts as its text, anything else as nothing.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let raw = self.raw(name)?;
        let is_number = raw.bytes().next().is_some_and(|first| first.is_ascii_digit() || first == b'-');
        if is_number { Some(raw.to_owned()) } else { serde_json::from_str(raw).ok() }
    }

    /// A member's string, if it has any letters.
    pub(crate) fn filled(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor).map(Members)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = BTreeMap<String, &'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = entries.next_entry::<String, &RawValue>()? {
            if members.len() == MEMBERS_MAX {
                return Err(A::Error::custom("too many members"));
            }
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is there twice"));
            }
        }
        Ok(members)
    }
}

/// What an answer says.
#[derive(Debug)]
pub(crate) enum Answer<'a> {
    /// Code 10000, signed.
    Done(Members<'a>),
    /// A definite no.
    Refused { code: String, words: String },
    /// Neither: Alipay does not know itself.
    Busy { code: String, words: String },
}

impl<'a> Answer<'a> {
    /// The members of a success; anything else is an error.
    pub(crate) fn done(self) -> Result<Members<'a>, ProviderError> {
        match self {
            Self::Done(members) => Ok(members),
            Self::Refused { code, words } => Err(ProviderError::Refused { code, words }),
            Self::Busy { code, words } => Err(busy(&code, &words)),
        }
    }
}

/// The error for an answer that decides nothing.
pub(crate) fn busy(code: &str, words: &str) -> ProviderError {
    ProviderError::unclear(format!("alipay answered {code}: {words}"))
}

/// Reads the answer to `method`.
pub(crate) fn read<'a>(
    method: &str,
    response: &'a Response<Bytes>,
    alipay: &AlipayKey,
) -> Result<Answer<'a>, ProviderError> {
    if response.status() != StatusCode::OK {
        return Err(ProviderError::unclear(format!("HTTP status {}", response.status().as_u16())));
    }
    let body = response.body();
    if body.len() > BODY_BYTES_MAX {
        return Err(ProviderError::unclear(format!("the body is longer than {BODY_BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(body).map_err(|_| ProviderError::unclear("the body is not UTF-8"))?;
    let not_json = |reason| ProviderError::unclear(format!("the body is not the documented JSON: {reason}"));
    let members = Members::parse(text).map_err(not_json)?;
    let name = node_name(method);
    let node = match (members.raw(&name), members.raw("error_response")) {
        (Some(node), None) | (None, Some(node)) => node,
        (Some(_), Some(_)) => return Err(ProviderError::unclear(format!("both {name} and error_response are there"))),
        (None, None) => return Err(ProviderError::unclear(format!("there is neither {name} nor error_response"))),
    };
    let is_signed = verify(&members, node, alipay)?;
    judge(Members::parse(node).map_err(not_json)?, is_signed)
}

/// `alipay.trade.query` is answered in `alipay_trade_query_response`.
fn node_name(method: &str) -> String {
    format!("{}_response", method.replace('.', "_"))
}

/// Whether the node is signed. A signature that does not fit is an error, whatever the node says.
fn verify(members: &Members<'_>, node: &str, alipay: &AlipayKey) -> Result<bool, ProviderError> {
    let Some(signature) = members.filled("sign") else { return Ok(false) };
    if let (Some(certificates), Some(sn)) = (&alipay.certificates, members.filled("alipay_cert_sn"))
        && certificates.alipay_cert_sn != sn
    {
        // Alipay changed its certificate. Its official SDKs then fetch the new one; here the operator does, who can look at it.
        return Err(ProviderError::unclear(format!(
            "it is signed with Alipay's certificate {}, and alipayCert holds {}: download the new one and configure it",
            words(&sn),
            certificates.alipay_cert_sn
        )));
    }
    let fits =
        BASE64.decode(signature).is_ok_and(|signature| alipay.key.verify_sha256(node.as_bytes(), &signature).is_ok());
    if fits {
        return Ok(true);
    }
    let field = alipay.field();
    Err(ProviderError::unclear(format!(
        "its signature does not fit {field}; is that key really Alipay's, and this app's?"
    )))
}

/// What a code means.
///
/// # Source
/// `docs/protocols.md` 1.5.
fn judge(node: Members<'_>, is_signed: bool) -> Result<Answer<'_>, ProviderError> {
    let code = node.filled("code").ok_or_else(|| ProviderError::unclear("there is no code in it"))?;
    if code == "10000" {
        // An answer without a signature can only be an error: this one claims success.
        return if is_signed {
            Ok(Answer::Done(node))
        } else {
            Err(ProviderError::unclear("a success without a signature"))
        };
    }
    let sub_code = node.filled("sub_code");
    let text = words(&node.filled("sub_msg").or_else(|| node.filled("msg")).unwrap_or_default());
    let told = words(sub_code.as_deref().unwrap_or(&code));
    if code == "10003" || code == "20000" || sub_code.as_deref().is_some_and(is_passing) {
        return Ok(Answer::Busy { code: told, words: text });
    }
    // Alipay's gateway may fail before it knows whose key to sign with; what the business decided is always signed.
    let is_gateway_failure = matches!(code.as_str(), "20001" | "40001" | "40002" | "40003" | "40005" | "40006");
    let is_business_failure = code == "40004" && is_signed;
    if is_gateway_failure || is_business_failure {
        return Ok(Answer::Refused { code: told, words: text });
    }
    let signed = if is_signed { "signed" } else { "unsigned" };
    Err(ProviderError::unclear(format!("{signed} code {}, {told}: {text}", words(&code))))
}

/// Whether a failure says nothing about the order: the platform's own trouble, or too many calls.
fn is_passing(sub_code: &str) -> bool {
    sub_code.ends_with("SYSTEM_ERROR")
        || sub_code.starts_with("isp.")
        || sub_code.starts_with("aop.unknow")
        || sub_code.ends_with("call-limited")
}
