//! Errors of the API, and stored sentences, in the reader's language.
//!
//! The API speaks English. It gives each sentence with its code and the values in it ([`domain::Sentence`]). [`rows`] has the lists of
//! sentences, each with its Chinese, which `wrong_words.rs`, `setting_words.rs`, `provider_words.rs` and `kept_words.rs` match
//! exhaustively. Two kinds of sentences are shown as they are, in English: those of a later version, and those that an earlier version
//! stored without a code.

use courier::{AlertProblemKind, AttemptProblemKind};
use domain::{
    AsItIsKind, DayProblemKind, MismatchKind, RefundContradictionKind, RefundFailureKind, RefundRefusalKind,
    RefusalKind, Said, Sentence, UnansweredKind, camel_case,
};
use providers::{
    CheckWordsKind, GivenKind, LineProblemKind, MessageProblemKind, NotifyErrorKind, ProviderErrorKind,
    RefundWordsKind, SettingProblemKind, TrustProblemKind, UnableKind,
};
use runtime::{BillErrorKind, FailedKind, KeptBecauseKind};
use serde_json::Value;
use settlement::FoundKind;

use super::{
    channel_fields, kept_words, money, preferences::Language, provider_words, request_words, setting_words, wrong_words,
};
use crate::api::{problem::Problem, wrong::WrongKind};

/// `Some` if the problem is in this field.
pub(crate) fn at(problem: &Problem, field: &str) -> Option<()> {
    (problem.field_name() == Some(field)).then_some(())
}

/// The text of a problem, without the field's name before it.
pub(crate) fn say(language: Language, problem: &Problem) -> String {
    say_sentence(language, problem.said())
}

/// A sentence in the reader's language.
pub(crate) fn say_sentence(language: Language, sentence: &Sentence) -> String {
    match language {
        Language::En => capital(&in_english(&sentence.said).unwrap_or_else(|| sentence.text.clone())),
        Language::Zh => in_chinese(&sentence.said).unwrap_or_else(|| sentence.text.clone()),
    }
}

/// The sentence in this member of an object of the API, with the code beside it. `None` if the member has no text.
pub(crate) fn sentence_in(item: &Value, member: &str) -> Option<Sentence> {
    let text = item.get(member)?.as_str().filter(|text| !text.is_empty())?;
    let said = serde_json::from_value(item.clone()).ok();
    Some(said.map_or_else(|| Sentence::as_it_is(text), |said| Sentence { text: text.to_owned(), said }))
}

/// The same, as a text in the reader's language.
pub(crate) fn say_in(language: Language, item: &Value, member: &str) -> Option<String> {
    sentence_in(item, member).map(|sentence| say_sentence(language, &sentence))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A sentence of a list, in both languages.
struct Row {
    code: &'static str,
    /// As the API says it, with amounts in fen.
    english: &'static str,
    chinese: &'static str,
}

/// Every sentence of a problem, and every sentence that is stored.
#[rustfmt::skip]
fn rows() -> impl Iterator<Item = Row> {
    macro_rules! lists {
        ($($kinds:ty => $chinese:path),+ $(,)?) => {
            std::iter::empty()$(
                .chain(<$kinds>::ALL.iter().map(|kind| {
                    Row { code: kind.code(), english: kind.english(), chinese: $chinese(*kind) }
                }))
            )+
        };
    }
    lists! {
        WrongKind => wrong_words::wrong,
        SettingProblemKind => setting_words::problem,
        GivenKind => setting_words::given,
        ProviderErrorKind => provider_words::error,
        NotifyErrorKind => provider_words::notify,
        MessageProblemKind => provider_words::message,
        TrustProblemKind => provider_words::trust,
        LineProblemKind => provider_words::line,
        RefundWordsKind => provider_words::refund,
        UnableKind => provider_words::unable,
        CheckWordsKind => provider_words::check,
        AsItIsKind => kept_words::as_it_is,
        MismatchKind => kept_words::mismatch,
        RefusalKind => kept_words::refusal,
        RefundContradictionKind => kept_words::contradiction,
        RefundRefusalKind => kept_words::refund_refusal,
        RefundFailureKind => kept_words::refund_failure,
        DayProblemKind => kept_words::day,
        FoundKind => kept_words::found,
        AttemptProblemKind => kept_words::attempt,
        AlertProblemKind => kept_words::alert,
        UnansweredKind => kept_words::unanswered,
        FailedKind => kept_words::failed,
        KeptBecauseKind => kept_words::kept_because,
        BillErrorKind => kept_words::bill,
    }
}

/// The code of every sentence that the API can answer, as `docs/openapi.yaml` lists them.
pub fn problem_codes() -> impl Iterator<Item = &'static str> {
    rows().map(|row| row.code)
}

/// `None` if the sentence is of a later version. The recursion is bounded: sentences contain each other a few levels deep, and each inner
/// one is shorter.
pub(crate) fn in_chinese(said: &Said) -> Option<String> {
    let row = rows().find(|row| row.code == said.code)?;
    let mut filled = String::new();
    for (literal, hole) in pieces(row.chinese) {
        push_text(&mut filled, &literal);
        if let Some(hole) = hole {
            let (name, is_amount) = hole.strip_suffix(AMOUNT).map_or((hole, false), |name| (name, true));
            let param = said.params.get(&camel_case(name))?;
            let of_request = match (name, param.as_str()) {
                ("field", Some(field)) => request_words::field(field),
                ("expected", Some(expected)) => request_words::expected(expected),
                _ => None,
            };
            let text = match of_request {
                Some(words) => words.to_owned(),
                None if is_amount => money::in_sentence(param.as_i64()?, Language::Zh),
                None => param_in_chinese(param)?,
            };
            push_text(&mut filled, &text);
        }
    }
    Some(filled)
}

/// The sentence as the API says it, but with amounts in yuan. Its Chinese says which of its values are amounts. `None` if the sentence is of a
/// later version.
fn in_english(said: &Said) -> Option<String> {
    let row = rows().find(|row| row.code == said.code)?;
    let mut filled = String::new();
    let mut was_amount = false;
    for (literal, hole) in pieces(row.english) {
        filled.push_str(if was_amount { literal.strip_prefix(IN_FEN).unwrap_or(&literal) } else { &literal });
        let Some(name) = hole else { break };
        let param = said.params.get(&camel_case(name))?;
        was_amount = row.chinese.contains(&format!("{{{name}{AMOUNT}}}"));
        filled.push_str(&match param {
            Value::Number(fen) if was_amount => money::in_sentence(fen.as_i64()?, Language::En),
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            Value::Object(_) => in_english(&serde_json::from_value(param.clone()).ok()?)?,
            Value::Null | Value::Bool(_) | Value::Array(_) => return None,
        });
    }
    Some(filled)
}

/// After an amount in an English pattern.
const IN_FEN: &str = " fen";

/// After the name of a value in a pattern: the value is an amount in fen, and is shown in yuan.
const AMOUNT: &str = ":yuan";

/// Adds a text. Patterns have spaces around their values, as Latin words and numbers need them. Between two Chinese characters a space is left out.
fn push_text(filled: &mut String, text: &str) {
    if let Some(rest) = text.strip_prefix(' ')
        && filled.ends_with(is_han)
        && rest.starts_with(is_han)
    {
        filled.push_str(rest);
        return;
    }
    if let Some(before) = filled.strip_suffix(' ')
        && before.ends_with(is_han)
        && text.starts_with(is_han)
    {
        filled.pop();
    }
    filled.push_str(text);
}

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

fn param_in_chinese(param: &Value) -> Option<String> {
    match param {
        Value::String(text) => Some(label(text).unwrap_or_else(|| text.clone())),
        Value::Object(_) => in_chinese(&serde_json::from_value(param.clone()).ok()?),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    }
}

fn label(name: &str) -> Option<String> {
    channel_fields::label_of(name, Language::Zh).map(str::to_owned)
}

/// Splits a pattern into pieces: a text, and the name of the value after it. The last piece has no value. `{{` is a brace.
fn pieces(pattern: &str) -> Vec<(String, Option<&str>)> {
    let mut found = Vec::new();
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(place) = rest.find(['{', '}']) {
        text.push_str(rest.get(..place).unwrap_or_default());
        let after_sign = rest.get(place..).and_then(|at| at.get(1..)).unwrap_or_default();
        if let Some(brace) =
            after_sign.chars().next().filter(|sign| rest.get(place..).is_some_and(|at| at.starts_with(*sign)))
        {
            text.push(brace);
            rest = after_sign.get(1..).unwrap_or_default();
            continue;
        }
        let (name, after) = after_sign.split_once('}').unwrap_or((after_sign, ""));
        found.push((std::mem::take(&mut text), Some(name)));
        rest = after;
    }
    text.push_str(rest);
    found.push((text, None));
    found
}

/// Whether the sentence consists only of its values.
#[cfg(test)]
fn is_hole(pattern: &str) -> bool {
    pattern.starts_with('{') && pattern.find('}') == Some(pattern.len() - 1)
}

#[cfg(test)]
mod tests {
    use domain::{Mismatch, RefundRefusal};
    use providers::{Given, MessageProblem, NotifyError, ProviderError, SettingProblem, TrustProblem};
    use serde_json::json;

    use super::*;
    use crate::api::wrong::Wrong;

    #[test]
    fn a_sentence_is_said_with_all_that_stands_in_it() {
        let check = |sentence: Sentence, chinese: &str| assert_eq!(say_sentence(Language::Zh, &sentence), chinese);
        check(SettingProblem::DoesNotSign.into(), "已损坏：无法签名");
        check(SettingProblem::AlipayAppId { digits_max: 32 }.into(), "须为 1 到 32 位数字");
        check(
            NotifyError::Untrusted { problem: TrustProblem::CommonNames { count: 2 } }.into(),
            "通知的证书不可信：有 2 个通用名，应只有一个",
        );
        let busy = MessageProblem::AlipayBusy { code: "40004".to_owned(), words: "业务失败".to_owned() };
        check(ProviderError::Unclear { reason: busy }.into(), "渠道的应答不明确：支付宝返回 40004，原文“业务失败”");
        check(Mismatch::Amount { said: 2, expected: 123_456 }.into(), "通知金额 ¥0.02 与订单金额 ¥1,234.56 不一致");
        check(RefundRefusal::TooMuch { left: 0, found: 100 }.into(), "最多可退 ¥0.00，填写的是 ¥1.00");
        check(NotifyError::BadSignature { field: "sign" }.into(), "验签失败：签名与 sign 不匹配");
        check(NotifyError::BadSignature { field: "alipayPublicKey" }.into(), "验签失败：签名与支付宝公钥不匹配");
    }

    #[test]
    fn an_amount_is_said_in_yuan_in_english_too() {
        let check = |sentence: Sentence, english: &str| assert_eq!(say_sentence(Language::En, &sentence), english);
        let differs = Mismatch::Amount { said: 2, expected: 123_456 };
        check(differs.into(), "The amount is ¥0.02, but ¥1,234.56 were charged");
        let much = RefundRefusal::TooMuch { left: 5, found: 100 };
        let words = "RefundFee must be at most ¥0.05: that is left of the payment after the refunds that are done or pending; found ¥1.00";
        check(much.clone().into(), words);
        check(Wrong::Refused { why: much.into() }.into(), words);
        check(Sentence::as_it_is("12 fen"), "12 fen");
    }

    #[test]
    fn what_has_no_code_that_is_known_is_shown_as_it_is() {
        let item = json!({ "problem": "no connection was made" });
        assert_eq!(say_in(Language::Zh, &item, "problem").as_deref(), Some("no connection was made"));
        let item = json!({ "problem": "no connection was made", "code": "unanswered-connect" });
        assert_eq!(say_in(Language::Zh, &item, "problem").as_deref(), Some("无法建立连接"));
        assert_eq!(say_in(Language::En, &item, "problem").as_deref(), Some("No connection was made"));
        let inner =
            json!({ "problem": "it is new", "code": "attempt-unanswered", "params": { "why": { "code": "new" } } });
        assert_eq!(say_in(Language::Zh, &inner, "problem").as_deref(), Some("it is new"));
        assert_eq!(say_in(Language::Zh, &json!({ "problem": null }), "problem"), None);
    }

    #[test]
    fn every_sentence_of_a_problem_has_its_code_and_both_languages() {
        let mut known = std::collections::BTreeSet::new();
        for Row { code, english, chinese } in rows() {
            assert!(known.insert(code), "two sentences have the code {code}");
            assert!(english.is_ascii() && (!chinese.is_ascii() || is_hole(english)), "{code}: {chinese}");
            let names =
                |text| pieces(text).into_iter().filter_map(|(_, name)| name.map(str::to_owned)).collect::<Vec<_>>();
            let (named, mut used) = (names(english), names(chinese));
            used.iter_mut().for_each(|name| *name = name.strip_suffix(AMOUNT).unwrap_or(name).to_owned());
            assert!(used.iter().all(|name| named.contains(name)), "{code} has {named:?}, and its Chinese {used:?}");
        }
    }

    #[test]
    fn a_problem_is_said_in_the_readers_language_with_what_stands_in_it() {
        let check = |problem: Problem, english: &str, chinese: &str| {
            let said = (say(Language::En, &problem), say(Language::Zh, &problem));
            assert_eq!((said.0.as_str(), said.1.as_str()), (english, chinese));
        };
        check(
            Problem::field("name", Wrong::Name { chars_max: 64 }),
            "Must be a string of 1 to 64 characters",
            "须为 1 到 64 个字符",
        );
        let given = SettingProblem::CertificateExpected { given: Given::PublicKey };
        let nested = SettingProblem::PublicKeyAsCertificate { problem: Box::new(given) };
        check(
            Problem::field("platformCerts", nested),
            "This is a public key, a certificate is expected; it goes into publicKey",
            "这是公钥，此处需要证书；请填在“微信支付公钥”中",
        );
        check(
            Problem::field("clientPfxPassword", SettingProblem::UselessWithout { field: "clientPfx" }),
            "Has no use without clientPfx",
            "没有商户证书时无需填写",
        );
        check(
            Problem::conflict(Wrong::Refused {
                why: ProviderError::Refused { code: "X".to_owned(), words: "业务失败".to_owned() }.into(),
            }),
            "The provider refused with X: 业务失败",
            "渠道拒绝（X），原文“业务失败”",
        );
        check(
            Problem::field("target", Wrong::Target),
            "Must be {\"url\", \"headers\"}, {\"function\"} or {\"pull\": true}; headers may be left out",
            "请填写目标",
        );
    }
}
