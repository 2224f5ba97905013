//! `biz_content`, parsed strictly.

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use super::super::yuan::Fen;
use super::common::value;
use super::{Refusal, business, illegal, missing};
use crate::kit::form::Params;
use crate::kit::strict::{gb18030_bytes, odd_sign};

/// `out_trade_no` and `out_request_no`.
const NUMBER_CHARS_MAX: usize = 64;

/// The business parameters: a JSON object, each name once.
pub(super) struct Biz(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Biz {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;
        impl<'de> Visitor<'de> for Once {
            type Value = Biz;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Biz, A::Error> {
                let mut fields: Vec<(String, Value)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format!("`{name}` is given twice")));
                    }
                    fields.push((name, value));
                }
                Ok(Biz(fields))
            }
        }
        deserializer.deserialize_map(Once)
    }
}

/// The length limit of a text field, in bytes of GB18030: the older documents say that 256 are 128 Chinese characters.
#[derive(Clone, Copy)]
pub(super) struct Limit(pub(super) usize);

impl Biz {
    pub(super) fn read(params: &Params) -> Result<Self, Refusal> {
        let Some(content) = value(params, "biz_content") else {
            return Err(missing("isv.missing-biz-content", "缺少业务参数: biz_content"));
        };
        serde_json::from_str(content)
            .map_err(|error| illegal("isv.invalid-parameter", format!("参数无效: biz_content is not JSON: {error}")))
    }

    /// An optional text. Alipay accepts numbers for some fields; here only text is accepted, as documented.
    pub(super) fn text(&self, name: &str, limit: Limit) -> Result<Option<String>, Refusal> {
        match self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if odd_sign(text).is_some() => {
                Err(invalid(name, "is not one line of characters"))
            }
            Some(Value::String(text)) if gb18030_bytes(text) <= limit.0 => Ok(Some(text.clone())),
            Some(Value::String(_)) => Err(invalid(name, &format!("is longer than {} bytes", limit.0))),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(invalid(name, "must be a string"))
            }
        }
    }

    /// An optional text that must not be empty if it is present.
    pub(super) fn filled(&self, name: &str, limit: Limit) -> Result<Option<String>, Refusal> {
        match self.text(name, limit)? {
            Some(text) if text.trim().is_empty() => Err(invalid(name, "is empty")),
            text => Ok(text),
        }
    }

    pub(super) fn required(&self, name: &str, limit: Limit) -> Result<String, Refusal> {
        self.filled(name, limit)?.ok_or_else(|| invalid(name, "is missing"))
    }

    /// The merchant's order number: letters, digits and `_`.
    pub(super) fn out_trade_no(&self) -> Result<Option<String>, Refusal> {
        match self.filled("out_trade_no", Limit(NUMBER_CHARS_MAX))? {
            Some(text) if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
                Err(invalid("out_trade_no", "may hold letters, digits and underscores only"))
            }
            number => Ok(number),
        }
    }

    pub(super) fn out_request_no(&self) -> Result<Option<String>, Refusal> {
        match self.filled("out_request_no", Limit(NUMBER_CHARS_MAX))? {
            Some(text) if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err(invalid("out_request_no", "must be visible ASCII"))
            }
            number => Ok(number),
        }
    }

    pub(super) fn amount(&self, name: &str) -> Result<Fen, Refusal> {
        let text = self.required(name, Limit(20))?;
        Fen::parse_yuan(&text).ok_or_else(|| {
            invalid(name, &format!("must be yuan from 0.01 to 100000000 with at most two decimals, found {text}"))
        })
    }
}

/// `ACQ.INVALID_PARAMETER` with the name of the field.
pub(super) fn invalid(name: &str, why: &str) -> Refusal {
    business("ACQ.INVALID_PARAMETER", format!("参数无效: {name} {why}"))
}
