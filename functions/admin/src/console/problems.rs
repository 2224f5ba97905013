//! What the API says is wrong, in the reader's language.
//!
//! The API speaks English, and gives each sentence out with its code and what stands in it ([`domain::Sentence`]). [`rows`] has the lists of
//! them, each with the Chinese that `setting_words.rs` and `wrong_words.rs` match exhaustively.
//!
//! What is kept, such as the reason of an incident, is an English text. Each of those that an operator can meet here has a row in
//! `problem_words.rs`, and a sentence about settings may stand in it. A text without a row is shown as it is: better in English than not at
//! all.

use domain::{Part, Sentence};
use providers::{GivenKind, SettingProblemKind};

use super::{channel_fields, preferences::Language, problem_words::ROWS, setting_words, wrong_words};
use crate::api::{problem::Problem, wrong::WrongKind};

/// Whether it is this field that is wrong.
pub(crate) fn at(problem: &Problem, field: &str) -> Option<()> {
    (problem.field_name() == Some(field)).then_some(())
}

/// What is wrong, without the field's name before it.
pub(crate) fn say(language: Language, problem: &Problem) -> String {
    match language {
        Language::En => capital(&problem.said().text),
        Language::Zh => in_chinese(problem.said()),
    }
}

/// A text that was kept, in the reader's language.
pub(crate) fn say_text(language: Language, text: &str) -> String {
    match language {
        Language::En => capital(text),
        Language::Zh => translate(text).unwrap_or_else(|| text.to_owned()),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A sentence of a list, in both languages.
struct Row {
    code: &'static str,
    english: &'static str,
    chinese: &'static str,
}

/// The sentences about settings: they stand in texts that are kept, too.
fn setting_rows() -> impl Iterator<Item = Row> {
    let problems = SettingProblemKind::ALL.iter().map(|kind| Row {
        code: kind.code(),
        english: kind.english(),
        chinese: setting_words::problem(*kind),
    });
    let given = GivenKind::ALL.iter().map(|kind| Row {
        code: kind.code(),
        english: kind.english(),
        chinese: setting_words::given(*kind),
    });
    problems.chain(given)
}

/// Every sentence that a problem can be.
fn rows() -> impl Iterator<Item = Row> {
    let wrong = WrongKind::ALL.iter().map(|kind| Row {
        code: kind.code(),
        english: kind.english(),
        chinese: wrong_words::wrong(*kind),
    });
    wrong.chain(setting_rows())
}

/// The code of every sentence that a problem can be, as `docs/openapi.yaml` lists them.
pub fn problem_codes() -> impl Iterator<Item = &'static str> {
    rows().map(|row| row.code)
}

/// A sentence is a few deep, and each in it is shorter.
fn in_chinese(said: &Sentence) -> String {
    let parts: Vec<(&str, String)> = said.parts.iter().map(|(name, part)| (*name, part_in_chinese(part))).collect();
    rows().find(|row| row.code == said.code).map_or_else(|| said.text.clone(), |row| fill(row.chinese, &parts))
}

fn part_in_chinese(part: &Part) -> String {
    match part {
        Part::Text(text) => label(text).or_else(|| translate(text)).unwrap_or_else(|| text.clone()),
        Part::Number(number) => number.to_string(),
        Part::Sentence(said) => in_chinese(said),
    }
}

fn label(name: &str) -> Option<String> {
    channel_fields::label_of(name, Language::Zh).map(str::to_owned)
}

/// The row that fits, filled in. What stands in a sentence may be a sentence itself.
pub(crate) fn translate(text: &str) -> Option<String> {
    let of_settings = setting_rows().map(|row| (row.english, row.chinese));
    let mut pairs = of_settings.chain(ROWS.iter().copied()).filter(|(english, _)| !is_hole(english));
    pairs.find_map(|(english, chinese)| {
        let found = fit(english, text)?;
        let found: Vec<(&str, String)> =
            found.into_iter().map(|(name, part)| (name, translate_part(part, text))).collect();
        Some(fill(chinese, &found))
    })
}

/// Whether it is nothing but what stands in it, and so fits everything.
fn is_hole(pattern: &str) -> bool {
    pattern.starts_with('{') && pattern.find('}') == Some(pattern.len() - 1)
}

/// A part is shorter than its whole, so that this ends.
fn translate_part(part: &str, whole: &str) -> String {
    let shorter = Some(part).filter(|part| part.len() < whole.len());
    label(part).or_else(|| shorter.and_then(translate)).unwrap_or_else(|| part.to_owned())
}

/// A piece of a pattern: a text, and the name of what stands behind it; the last has nothing behind it. `{{` is a brace.
fn pieces(pattern: &str) -> Vec<(String, Option<&str>)> {
    let mut found = Vec::new();
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(place) = rest.find(['{', '}']) {
        text.push_str(rest.get(..place).unwrap_or_default());
        let behind = rest.get(place + 1..).unwrap_or_default();
        if let Some(brace) =
            behind.chars().next().filter(|sign| rest.get(place..).is_some_and(|at| at.starts_with(*sign)))
        {
            text.push(brace);
            rest = behind.get(1..).unwrap_or_default();
            continue;
        }
        let (name, after) = behind.split_once('}').unwrap_or((behind, ""));
        found.push((std::mem::take(&mut text), Some(name)));
        rest = after;
    }
    text.push_str(rest);
    found.push((text, None));
    found
}

/// What stands in place of each name.
fn fit<'a, 'b>(pattern: &'a str, text: &'b str) -> Option<Vec<(&'a str, &'b str)>> {
    let pieces = pieces(pattern);
    let mut found = Vec::new();
    let mut rest = text;
    let mut awaited: Option<&str> = None;
    for (at, (literal, name)) in pieces.iter().enumerate() {
        let is_last = at + 1 == pieces.len();
        if let Some(awaited) = awaited {
            let end = if is_last && literal.is_empty() { rest.len() } else { rest.find(literal.as_str())? };
            found.push((awaited, rest.get(..end)?));
            rest = rest.get(end..)?;
        }
        rest = rest.strip_prefix(literal.as_str())?;
        awaited = *name;
    }
    rest.is_empty().then_some(found)
}

/// Puts each part where its name stands; parts without a name go in order.
fn fill(pattern: &str, parts: &[(&str, String)]) -> String {
    let mut in_order = parts.iter();
    let mut filled = String::new();
    for (literal, name) in pieces(pattern) {
        filled.push_str(&literal);
        let part = match name {
            None => None,
            Some("") => in_order.next(),
            Some(name) => parts.iter().find(|(known, _)| *known == name),
        };
        filled.push_str(part.map_or("", |(_, part)| part));
    }
    filled
}

#[cfg(test)]
mod tests {
    use providers::{Given, SettingProblem};

    use super::*;
    use crate::api::wrong::Wrong;

    #[test]
    fn a_sentence_is_found_whatever_stands_in_it() {
        let check = |english: &str, chinese: &str| assert_eq!(translate(english).as_deref(), Some(chinese));
        check("does not sign", "无法签名");
        check("must be 1 to 32 digits", "须为 1 到 32 位数字");
        check("this is a certificate, a private key is expected", "这是证书，此处需要私钥");
        check("is missing: the app's private key", "缺少此项");
        check(
            "the certificate of the notify is not trusted: it is not valid at 2026",
            "通知的证书不可信：在 2026 无效",
        );
        check(
            "the provider's answer is unclear: alipay answered 40004: 业务失败",
            "渠道的应答不明确：支付宝返回 40004，原文“业务失败”",
        );
        check(
            "is missing: Alipay's public key; or give appCert, alipayCert and alipayRootCert",
            "缺少此项；也可改填三个证书",
        );
        check(
            "the signature of the notify does not fit its content and alipayPublicKey",
            "通知的签名与内容和 支付宝公钥 不符",
        );
        assert_eq!(translate("something new"), None);
    }

    /// Where texts come from that are kept and that the console shows: every one of them is known. What a problem says has its list, and
    /// the compiler asks for its Chinese.
    const SOURCES: [&str; 21] = [
        "providers/src/error.rs",
        "providers/src/check.rs",
        "providers/src/alipay/check.rs",
        "providers/src/wechat/check.rs",
        "providers/src/wechat/certificates.rs",
        "providers/src/alipay.rs",
        "providers/src/alipay/answer.rs",
        "providers/src/wechat.rs",
        "providers/src/wechat/verify.rs",
        "providers/src/wechat/seal.rs",
        "providers/src/wechat/trade.rs",
        "providers/src/unionpay/trust.rs",
        "providers/src/unionpay/answer.rs",
        "providers/src/unionpay/notify.rs",
        "courier/src/http_target.rs",
        "courier/src/lambda_target.rs",
        "domain/src/notification.rs",
        "domain/src/settle.rs",
        "domain/src/refund/change.rs",
        "settlement/src/pursuing.rs",
        "../infra/outbound/src/functions.rs",
    ];

    #[test]
    fn every_sentence_that_can_be_met_is_known() {
        let mut unknown = Vec::new();
        for source in SOURCES {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(source);
            let code = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{source}: {error}"));
            let code = code.split("#[cfg(test)]").next().unwrap();
            let sentences = sentences(code).into_iter().filter(|sentence| translate(sentence).is_none());
            unknown.extend(sentences.map(|sentence| format!("{source}: {sentence}")));
        }
        assert!(unknown.is_empty(), "in Chinese these would be English:\n{}", unknown.join("\n"));
    }

    /// The texts of three words and more that begin in lower case, each hole filled in.
    fn sentences(code: &str) -> Vec<String> {
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        let code: String = code.lines().filter(is_code).collect::<Vec<_>>().join("\n").replace("\\\"", "'");
        let is_sentence = |text: &&str| {
            let begins = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '{');
            begins && text.matches(' ').count() >= 2 && !text.contains('\n') && !NO_SENTENCES.contains(text)
        };
        code.split('"').skip(1).step_by(2).filter(is_sentence).map(filled).collect()
    }

    fn filled(text: &str) -> String {
        let mut parts = text.split('{');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |filled, part| filled + "x" + part.split_once('}').map_or(part, |(_, rest)| rest))
    }

    /// What is missing, which the Chinese sentence need not say: the field's name stands above it. And what is said in the log alone.
    const NO_SENTENCES: &[&str] =
        &["refund {} is in other hands", "refund {num} is {status}", "refund {num} stays pending: {}"];

    #[test]
    fn every_sentence_of_a_problem_has_its_code_and_both_languages() {
        let mut known = std::collections::BTreeSet::new();
        for Row { code, english, chinese } in rows() {
            assert!(known.insert(code), "two sentences have the code {code}");
            assert!(english.is_ascii() && (!chinese.is_ascii() || is_hole(english)), "{code}: {chinese}");
            let names =
                |text| pieces(text).into_iter().filter_map(|(_, name)| name.map(str::to_owned)).collect::<Vec<_>>();
            let (named, used) = (names(english), names(chinese));
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
            "Is of no use without clientPfx",
            "没有 商户证书 时无需填写",
        );
        check(
            Problem::conflict(Wrong::Refused { why: "the provider refused with X: 业务失败".to_owned() }),
            "The provider refused with X: 业务失败",
            "渠道拒绝（X），原文“业务失败”",
        );
        check(
            Problem::field("target", Wrong::Target),
            "Must be {\"url\",\"headers\"?} or {\"function\"}",
            "请填写目标",
        );
    }

    #[test]
    fn every_row_takes_as_many_parts_in_both_languages() {
        for (english, chinese) in ROWS {
            let parts = |text: &str| text.matches("{}").count();
            assert!(parts(chinese) <= parts(english), "{english}");
            assert!(!chinese.is_ascii() && english.is_ascii(), "{english}");
        }
    }
}
