//! What the API says is wrong, in the reader's language.
//!
//! The API speaks English. Each of its sentences that an operator can meet here has a row in `problem_words.rs`. A sentence without a row is
//! shown as it is: better in English than not at all.

use super::{channel_fields, preferences::Language, problem_words::ROWS};
use crate::api::problem::Problem;

/// Whether it is this field that is wrong.
pub(crate) fn at(problem: &Problem, field: &str) -> Option<()> {
    (problem.field_name() == Some(field)).then_some(())
}

/// What is wrong, without the field's name before it.
pub(crate) fn say(language: Language, problem: &Problem) -> String {
    let detail = problem.detail();
    let text = problem.field_name().and_then(|field| detail.strip_prefix(field)?.strip_prefix(": ")).unwrap_or(detail);
    say_text(language, text)
}

/// A sentence of the API's, in the reader's language.
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

/// The row that fits, filled in. What stands in a sentence may be a sentence itself.
pub(crate) fn translate(text: &str) -> Option<String> {
    ROWS.iter().find_map(|(english, chinese)| {
        let found = fit(english, text)?;
        let found: Vec<String> = found.iter().map(|part| translate_part(part, text)).collect();
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        Some(super::texts::fill(chinese, &found))
    })
}

/// A part is shorter than its whole, so that this ends.
fn translate_part(part: &str, whole: &str) -> String {
    let label = channel_fields::label_of(part, Language::Zh).map(str::to_owned);
    let shorter = Some(part).filter(|part| part.len() < whole.len());
    label.or_else(|| shorter.and_then(translate)).unwrap_or_else(|| part.to_owned())
}

/// What stands in place of each `{}`.
fn fit<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut found = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let end = if parts.peek().is_none() && part.is_empty() { rest.len() } else { rest.find(part)? };
        found.push(rest.get(..end)?);
        rest = rest.get(end..)?.strip_prefix(part)?;
    }
    rest.is_empty().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_found_whatever_stands_in_it() {
        let check = |english: &str, chinese: &str| assert_eq!(translate(english).as_deref(), Some(chinese));
        check("is taken", "已被使用");
        check("must have 10 to 128 characters", "须有 10 到 128 个字符");
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

    /// Where sentences come from that the console shows: every one of them is known.
    const SOURCES: [&str; 32] = [
        "providers/src/error.rs",
        "providers/src/settings.rs",
        "providers/src/keys.rs",
        "providers/src/cert.rs",
        "providers/src/check.rs",
        "providers/src/alipay/check.rs",
        "providers/src/wechat/check.rs",
        "providers/src/wechat/certificates.rs",
        "providers/src/alipay.rs",
        "providers/src/alipay/settings.rs",
        "providers/src/alipay/answer.rs",
        "providers/src/wechat.rs",
        "providers/src/wechat/settings.rs",
        "providers/src/wechat/verify.rs",
        "providers/src/wechat/seal.rs",
        "providers/src/wechat/trade.rs",
        "providers/src/unionpay/settings.rs",
        "providers/src/unionpay/pfx.rs",
        "providers/src/unionpay/trust.rs",
        "providers/src/unionpay/answer.rs",
        "providers/src/unionpay/notify.rs",
        "courier/src/http_target.rs",
        "courier/src/lambda_target.rs",
        "domain/src/notification.rs",
        "domain/src/settle.rs",
        "domain/src/refund/change.rs",
        "settlement/src/pursuing.rs",
        "admin/src/api/channels.rs",
        "admin/src/api/webhooks.rs",
        "admin/src/api/operators.rs",
        "admin/src/api/second_factor.rs",
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
    const NO_SENTENCES: &[&str] = &[
        "the {mode} settings of {tab} are of another account",
        "the app's number at the open platform",
        "the app's private key",
        "the app's certificate",
        "the APIv3 key",
        "the API key of v2",
        "the merchant's private key, apiclient_key.pem",
        "the merchant's number at WeChat Pay",
        "the app's id, wx and more letters and digits",
        "{what}, {API_KEY_BYTES} signs",
        "the serial number of the merchant's certificate",
        "the merchant's number at UnionPay",
        "the merchant's PFX file in base64",
        "the password of the PFX file",
        "a string of 1 to 256 characters without control characters, not all of them blanks",
        "an http or https URL of at most 256 characters, percent-encoded",
        "saved the {mode} settings of {tab}",
        "deleted the {mode} settings of {tab}",
        "channel configured for this app and mode",
        "made webhook {}",
        "changed webhook {webhook}",
        "rotated the secret of webhook {webhook}",
        "deleted webhook {webhook}",
        "made operator {}",
        "changed operator {name}",
        "ended the sessions of operator {name}",
        "operator {name} set up a second factor",
        "the second factor of operator {name} was reset",
        "a QR code could not be made",
        "must be {}",
        "change of refund {num}",
        "refund {} is in other hands",
        "refund {num} is {status}",
        "refund {num} stays pending: {}",
    ];

    #[test]
    fn every_row_takes_as_many_parts_in_both_languages() {
        for (english, chinese) in ROWS {
            let parts = |text: &str| text.matches("{}").count();
            assert!(parts(chinese) <= parts(english), "{english}");
            assert!(!chinese.is_ascii() && english.is_ascii(), "{english}");
        }
    }
}
