//! The charset that Alipay and UnionPay use for their merchants: a setting of the app there, independent of what its calls request.
//!
//! `POST /_local/simulator/alipay/charset {"charset": "GBK"}`, and the same for UnionPay, sets it for notifies and for answers.
//! Requests stay UTF-8.

use encoding_rs::GBK;
use percent_encoding::percent_encode;
use serde::Deserialize;

use super::form::FORM;
use super::reply::Reply;

/// How texts are encoded before they are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Charset {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "GBK")]
    Gbk,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordered {
    charset: Charset,
}

/// `POST …/charset`: gives the ordered charset to `set`.
pub(crate) fn order(body: &[u8], set: impl FnOnce(Charset)) -> Reply {
    let ordered: Ordered = match serde_json::from_slice(body) {
        Ok(ordered) => ordered,
        Err(error) => return Reply::json_error(400, error.to_string()),
    };
    set(ordered.charset);
    Reply::json(200, &serde_json::json!({ "charset": ordered.charset.name() }))
}

impl Charset {
    /// Its name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Gbk => "GBK",
        }
    }

    pub(crate) fn bytes(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Gbk => GBK.encode(text).0.into_owned(),
        }
    }

    /// Form-urlencoded, blanks as `+`.
    pub(crate) fn form<'a>(self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let encoded = |text: &str| percent_encode(&self.bytes(text), FORM).to_string().replace(' ', "+");
        let pairs = pairs.into_iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// The content type of a JSON answer.
    pub(crate) fn text_type(self) -> &'static str {
        match self {
            Self::Utf8 => super::reply::TEXT,
            Self::Gbk => "text/html;charset=GBK",
        }
    }

    /// The content type of an XML answer.
    pub(crate) fn xml_type(self) -> &'static str {
        match self {
            Self::Utf8 => super::reply::XML,
            Self::Gbk => "text/xml;charset=GBK",
        }
    }
}
