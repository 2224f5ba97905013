//! Why a command failed: a code, the field that is wrong, what was expected, and what to do about it.

use std::io;

use serde_json::{Value, json};

use crate::{
    signals::Caught,
    words::{Language, Words, words},
};

/// A failure of a command. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Which failure it is.
    pub(crate) code: Code,
    /// The field that is wrong, if one is.
    pub(crate) field: Option<String>,
    /// What is wrong and what was expected.
    pub(crate) message: Words,
    /// What to do.
    pub(crate) remedy: Option<Words>,
}

/// Who says that it failed, and the code there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// The payment API: its number and its name.
    Payment {
        /// The `code`.
        number: i64,
        /// The `msg`.
        name: Box<str>,
    },
    /// The operator API: the HTTP status and the problem's code.
    Operator {
        /// The HTTP status.
        status: u16,
        /// The problem's code.
        code: Box<str>,
    },
    /// This tool.
    Own(&'static str),
    /// Nobody: a signal ended it.
    Signal(Caught),
}

impl Failure {
    /// A failure of this tool's own.
    pub(crate) fn own(code: &'static str, message: Words) -> Self {
        Self { code: Code::Own(code), field: None, message, remedy: None }
    }

    /// A signal that came before the end.
    pub(crate) fn of_signal(caught: Caught, message: Words) -> Self {
        Self { code: Code::Signal(caught), field: None, message, remedy: None }
    }

    /// Signals cannot be caught, so this command cannot end in order.
    pub(crate) fn of_catching(error: &io::Error) -> Self {
        Self::own("signal", words!("无法接收系统信号：{error}", "signals cannot be caught: {error}"))
    }

    /// With what the tool ends.
    pub(crate) fn exit_code(&self) -> u8 {
        match &self.code {
            Code::Payment { .. } | Code::Operator { .. } | Code::Own(_) => 1,
            Code::Signal(caught) => caught.exit_code(),
        }
    }

    /// Input that is wrong: `field` names it.
    pub(crate) fn of_field(field: &str, message: Words) -> Self {
        Self { field: Some(field.to_owned()), ..Self::own("invalid", message) }
    }

    /// The same with what to do about it.
    pub(crate) fn with_remedy(mut self, remedy: Words) -> Self {
        self.remedy = Some(remedy);
        self
    }

    /// Whether it may be over at the next try: nobody answered, or the gateway had an outage.
    pub(crate) fn may_pass(&self) -> bool {
        match &self.code {
            Code::Own(code) => ["unreachable", "no-gateway"].contains(code),
            Code::Payment { number, .. } => *number == 14,
            Code::Operator { status, .. } => *status >= 500,
            Code::Signal(_) => false,
        }
    }

    /// Reads a failure of the payment API. `None` if the answer says success.
    pub(crate) fn of_payment(answer: &Value) -> Option<Self> {
        let number = answer.get("code").and_then(Value::as_i64)?;
        if number == 0 {
            return None;
        }
        let text = |name| answer.get(name).and_then(Value::as_str).unwrap_or_default();
        let err = text("err");
        let code = Code::Payment { number, name: text("msg").into() };
        Some(Self { code, field: field_of(err), message: Words::alike(err), remedy: payment_remedy(number) })
    }

    /// Reads a problem of the operator API.
    pub(crate) fn of_operator(status: u16, answer: &Value) -> Self {
        let text = |name| answer.get(name).and_then(Value::as_str).unwrap_or_default();
        let detail = if text("detail").is_empty() { text("message") } else { text("detail") };
        let remedy = match status {
            401 => Some(words!(
                "运营令牌不对或已失效：用 maxpay login 重新填写，或设置 MAXPAY_OPERATOR_TOKEN",
                "the operator token is wrong or no longer valid: run maxpay login again, or set MAXPAY_OPERATOR_TOKEN"
            )),
            403 => Some(words!(
                "这个令牌的角色或可见范围不够：换一个权限足够的令牌",
                "the role or the reach of this token does not suffice: use a token that has the right"
            )),
            _ => None,
        };
        let code = Code::Operator { status, code: text("code").into() };
        let field = answer.get("field").and_then(Value::as_str).map(str::to_owned);
        Self { code, field, message: Words::alike(detail), remedy }
    }

    /// As one JSON document.
    pub(crate) fn to_json(&self, language: Language) -> Value {
        let mut error = match &self.code {
            Code::Payment { number, name } => json!({ "code": number, "name": name }),
            Code::Operator { status, code } => json!({ "code": code, "status": status }),
            Code::Own(code) => json!({ "code": code }),
            Code::Signal(_) => json!({ "code": "cancelled" }),
        };
        if let Some(error) = error.as_object_mut() {
            error.insert("field".to_owned(), json!(self.field));
            error.insert("message".to_owned(), json!(self.message.to(language)));
            error.insert("remedy".to_owned(), json!(self.remedy.as_ref().map(|remedy| remedy.to(language))));
        }
        json!({ "error": error })
    }

    /// For people.
    pub(crate) fn to_words(&self) -> Words {
        let code = match &self.code {
            Code::Payment { number, name } => format!("{number} {name}"),
            Code::Operator { status, code } => format!("{status} {code}"),
            Code::Own(code) => (*code).to_owned(),
            Code::Signal(_) => return self.message.clone(),
        };
        let named = |language| {
            let message = self.message.to(language);
            match &self.field {
                Some(field) if !message.starts_with(field.as_str()) => format!("{field}: {message}"),
                Some(_) | None => message.to_owned(),
            }
        };
        let (zh, en) = (named(Language::Zh), named(Language::En));
        let head = words!("出错了 [{code}] {zh}", "error [{code}] {en}");
        match &self.remedy {
            None => head,
            Some(remedy) => {
                let (zh, en) = (remedy.to(Language::Zh), remedy.to(Language::En));
                head.and_below(&words!("  怎么办：{zh}", "  remedy: {en}"))
            }
        }
    }
}

/// The payment API names the field at the beginning of its sentence.
fn field_of(err: &str) -> Option<String> {
    let first = err.split([' ', ':']).next()?;
    let is_field = |rest: &str| [" must ", " is ", ": "].iter().any(|next| rest.starts_with(next));
    let is_name = !first.is_empty() && first.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-');
    let is_one = is_name && err.strip_prefix(first).is_some_and(is_field);
    (is_one && !["it", "this", "that", "there", "the"].contains(&first)).then(|| first.to_owned())
}

fn payment_remedy(number: i64) -> Option<Words> {
    match number {
        1 => Some(words!(
            "检查应用 ID 和密钥是不是同一个应用、同一种模式的：maxpay doctor 会逐项检查",
            "see whether app id and key belong together: maxpay doctor checks each of them"
        )),
        2 => Some(words!(
            "先在控制台为这个渠道、这种模式填好商户参数",
            "save the settings of this channel and mode in the console first"
        )),
        6 => Some(words!(
            "渠道的密钥或证书用不了，在控制台重新上传；maxpay doctor 会说明是哪一个",
            "upload the channel's key or certificate again in the console; maxpay doctor says which one"
        )),
        7 | 14 => Some(words!(
            "结果未知或暂时失败：用同样的参数再执行一次，不会重复扣款、重复退款",
            "the result may be unknown: run the same command again, which moves no money twice"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn the_field_is_read_from_the_sentence() {
        for (err, expect) in [
            ("totalFee must be an integer from 1 to 10000000000, found `0`", Some("totalFee")),
            ("subject is required: a string",                                Some("subject")),
            ("X-ML-AppId: no such app",                                      Some("X-ML-AppId")),
            ("it is paid",                                                   None),
            ("the provider did not answer",                                  None),
            ("",                                                             None),
        ] {
            assert_eq!(field_of(err).as_deref(), expect, "{err}");
        }
    }

    #[test]
    fn a_failure_of_the_payment_api_keeps_code_field_and_message() {
        let answer = json!({ "code": 5, "msg": "PARAM_INVALID", "err": "totalFee must be more" });
        let failure = Failure::of_payment(&answer).unwrap();
        let error = &failure.to_json(Language::En)["error"];
        assert_eq!(
            (&error["code"], &error["name"], &error["field"]),
            (&json!(5), &json!("PARAM_INVALID"), &json!("totalFee"))
        );
        assert_eq!(failure.to_words().to(Language::En), "error [5 PARAM_INVALID] totalFee must be more");
        assert_eq!(Failure::of_payment(&json!({ "code": 0, "msg": "OK" })), None);
    }

    #[test]
    fn a_problem_of_the_operator_api_names_its_field_once() {
        let problem = json!({ "code": "name", "field": "name", "detail": "name: must be a string", "status": 400 });
        let failure = Failure::of_operator(400, &problem);
        assert_eq!(failure.to_words().to(Language::En), "error [400 name] name: must be a string");
    }
}
