//! Reads the open platform's answers: cuts the signed node out of the raw bytes, verifies it, and interprets its code.
//!
//! The node is never serialised again: escaped slashes, `\uXXXX` and spacing are part of what was signed.

use base64::Engine as _;
use bytes::Bytes;
use http::{Response, StatusCode};

use super::open_platform::AlipayKey;
use crate::{Charset, MessageProblem, ProviderError, error::words, json::Members, keys::BASE64};

/// A query with all its vouchers is some ten kilobytes.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// What an answer says.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Code 10000, signed.
    Done(Members),
    /// A definite no. Without a signature it is what the gateway finds wrong with the call itself.
    Refused { code: String, words: String, is_signed: bool },
    /// Neither a success nor a refusal: Alipay itself does not know the result.
    Busy { code: String, words: String },
}

impl Answer {
    /// The members of a success; anything else is an error.
    pub(crate) fn done(self) -> Result<Members, ProviderError> {
        match self {
            Self::Done(members) => Ok(members),
            Self::Refused { code, words, .. } => Err(ProviderError::Refused { code, words }),
            Self::Busy { code, words } => Err(busy(&code, &words)),
        }
    }
}

/// The error for an answer that decides nothing.
pub(crate) fn busy(code: &str, words: &str) -> ProviderError {
    ProviderError::from(MessageProblem::AlipayBusy { code: code.to_owned(), words: words.to_owned() })
}

/// Reads the answer to `method`.
pub(crate) fn read(method: &str, response: &Response<Bytes>, alipay: &AlipayKey) -> Result<Answer, ProviderError> {
    if response.status() != StatusCode::OK {
        return Err(ProviderError::from(MessageProblem::Http { status: response.status().as_u16() }));
    }
    let body = response.body();
    if body.len() > BODY_BYTES_MAX {
        return Err(ProviderError::from(MessageProblem::TooLong { bytes_max: BODY_BYTES_MAX }));
    }
    let named = Charset::of_headers(response.headers()).unwrap_or(Charset::Utf8);
    let neither = || ProviderError::from(MessageProblem::UnknownCharset);
    let charset = named.fitting(body).ok_or_else(neither)?;
    // The text is shielded first, so that half of a character cannot look like a quote or a brace.
    let text = charset.shield(body).ok_or_else(neither)?;
    let not_json = |reason| ProviderError::from(MessageProblem::NotJson { why: reason });
    let members = Members::parse(&text).map_err(not_json)?;
    let name = node_name(method);
    let node = match (members.raw(&name), members.raw("error_response")) {
        (Some(node), None) | (None, Some(node)) => node,
        (Some(_), Some(_)) => return Err(ProviderError::from(MessageProblem::BothNodes { node: name })),
        (None, None) => return Err(ProviderError::from(MessageProblem::NoNode { node: name })),
    };
    let node = charset.unshield(node);
    let is_signed = verify(&members, &node, alipay)?;
    let node = charset.decode(&node).ok_or_else(neither)?;
    judge(Members::parse(&node).map_err(not_json)?, is_signed)
}

/// The answer to `alipay.trade.query` is in `alipay_trade_query_response`.
fn node_name(method: &str) -> String {
    format!("{}_response", method.replace('.', "_"))
}

/// Whether the node is signed. A wrong signature is an error, whatever the node says.
fn verify(members: &Members, node: &[u8], alipay: &AlipayKey) -> Result<bool, ProviderError> {
    let Some(signature) = members.filled("sign") else { return Ok(false) };
    if let (Some(certificates), Some(sn)) = (&alipay.certificates, members.filled("alipay_cert_sn"))
        && !certificates.alipay_cert_sns.contains(&sn)
    {
        // Alipay has changed its certificate. Here its official SDKs download the new one. We ask the operator instead, who can
        // check it.
        return Err(MessageProblem::AlipayCertificate {
            found: words(&sn),
            held: certificates.alipay_cert_sns.join(", "),
        }
        .into());
    }
    let fits = BASE64.decode(signature).is_ok_and(|signature| alipay.verify(node, &signature).is_ok());
    if fits {
        return Ok(true);
    }
    let field = alipay.field();
    Err(MessageProblem::AlipaySignature { field }.into())
}

/// What a code means.
///
/// # Source
/// `docs/protocols.md` 1.5.
fn judge(node: Members, is_signed: bool) -> Result<Answer, ProviderError> {
    let code = node.filled("code").ok_or_else(|| ProviderError::from(MessageProblem::NoCode))?;
    if code == "10000" {
        // Only an error may have no signature, but this answer claims success.
        return if is_signed {
            Ok(Answer::Done(node))
        } else {
            Err(ProviderError::from(MessageProblem::UnsignedSuccess))
        };
    }
    let sub_code = node.filled("sub_code");
    let text = words(&node.filled("sub_msg").or_else(|| node.filled("msg")).unwrap_or_default());
    let told = words(sub_code.as_deref().unwrap_or(&code));
    if code == "10003" || code == "20000" || sub_code.as_deref().is_some_and(is_passing) {
        return Ok(Answer::Busy { code: told, words: text });
    }
    // Alipay's gateway may fail before it knows which key to sign with. A business decision is always signed.
    let is_gateway_failure = matches!(code.as_str(), "20001" | "40001" | "40002" | "40003" | "40005" | "40006");
    let is_business_failure = code == "40004" && is_signed;
    if is_gateway_failure || is_business_failure {
        return Ok(Answer::Refused { code: told, words: text, is_signed });
    }
    let (code, sub_code, words) = (words(&code), told, text);
    Err(ProviderError::from(if is_signed {
        MessageProblem::SignedCode { code, sub_code, words }
    } else {
        MessageProblem::UnsignedCode { code, sub_code, words }
    }))
}

/// Whether a failure says nothing about the order: a fault of the platform, or too many calls.
fn is_passing(sub_code: &str) -> bool {
    sub_code.ends_with("SYSTEM_ERROR")
        || sub_code.starts_with("isp.")
        || sub_code.starts_with("aop.unknow")
        || sub_code.ends_with("call-limited")
}
