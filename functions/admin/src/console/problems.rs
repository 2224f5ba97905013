//! What the API says is wrong, in the reader's language.
//!
//! The API speaks English. Each of its sentences that an operator can meet here has a row; `{}` stands for anything. A sentence without a
//! row is shown as it is: better in English than not at all.

use super::preferences::Language;
use crate::problem::Problem;

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

/// The row that fits, filled in.
pub(crate) fn translate(text: &str) -> Option<String> {
    ROWS.iter().find_map(|(english, chinese)| {
        let found = fit(english, text)?;
        // What stands in a sentence may be a sentence itself.
        let found: Vec<String> = found.iter().map(|part| translate_whole(part)).collect();
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        Some(super::texts::fill(chinese, &found))
    })
}

fn translate_whole(part: &str) -> String {
    let exact = ROWS.iter().find(|(english, _)| *english == part);
    exact.map_or_else(|| part.to_owned(), |(_, chinese)| (*chinese).to_owned())
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

#[rustfmt::skip]
const ROWS: &[(&str, &str)] = &[
    // Names, people, keys.
    ("must be a string of 1 to {} characters", "须为 1 到 {} 个字符"),
    ("must have {} to {} characters", "须有 {} 到 {} 个字符"),
    ("is taken", "已被使用"),
    ("must be 2 to 32 lower-case letters, digits, dots, dashes and underscores, a letter first", "须为 2 到 32 个小写字母、数字、点、横线或下划线，以字母开头"),
    ("cannot be taken away from oneself; another owner can", "不能取消自己的权限，请由其他所有者操作"),
    ("others are changing the same thing; try again", "有人正在修改同一内容，请重试"),
    // Channel settings in general.
    ("is missing: {}", "缺少此项"),
    ("is empty; leave the member out if it is not wanted", "内容为空"),
    ("is longer than {} bytes", "超过 {} 字节"),
    ("is masked, and nothing was saved before", "此前没有保存过，请填写"),
    ("the simulator takes no real money; it is for test mode", "模拟器只能用于测试模式"),
    ("there is no built-in simulator here for this tab; it is a part of the local stack", "此处没有内置模拟器"),
    ("must be a full URL, like {}", "须为完整地址，例如 {}"),
    ("must start with https://", "须以 https:// 开头"),
    ("must name a host, without user or password", "须包含主机名，且不含用户名和密码"),
    ("must end with its path: no ? and no #", "不能包含 ? 或 #"),
    ("must have no path, or one of letters, digits, - and _", "路径只能包含字母、数字、- 和 _"),
    ("must end before the name of a method, like {}", "不要包含接口名，例如 {}"),
    ("unknown member; protocol {} has {}", "协议 {} 没有这一项，可用的有 {}"),
    // Keys and certificates.
    ("{}, a private key is expected", "{}，此处需要私钥"),
    ("{}, a public key is expected", "{}，此处需要公钥"),
    ("{}, a certificate is expected", "{}，此处需要证书"),
    ("this is a private key", "这是私钥"),
    ("this is a private key of another kind than RSA", "这是非 RSA 的私钥"),
    ("this is an encrypted private key", "这是加密的私钥"),
    ("this is a public key", "这是公钥"),
    ("this is a public key of another kind than RSA", "这是非 RSA 的公钥"),
    ("this is a certificate", "这是证书"),
    ("this is neither a key nor a certificate", "这既不是密钥也不是证书"),
    ("is neither PEM nor base64", "既不是 PEM 也不是 base64"),
    ("is damaged: it does not sign", "已损坏：无法签名"),
    ("is damaged: {}", "已损坏（{}）"),
    ("is cut off: {}", "内容不完整（{}）"),
    ("is encrypted; give the private key without a passphrase", "私钥已加密，请提供没有口令的私钥"),
    ("holds a backslash and an n where a line break belongs", "换行处是反斜杠加 n，请换成真正的换行"),
    ("holds {} PEM blocks, one is expected", "含有 {} 段 PEM，应只有一段"),
    ("the key has {} bits, {} needs at least {}", "密钥只有 {} 位，{} 至少需要 {} 位"),
    ("the key has {} bits, {} at least {}", "密钥只有 {} 位（{} 至少 {} 位）"),
    ("holds no certificate", "没有证书"),
    ("its key cannot be used: {}", "其中的密钥不可用：{}"),
    // Alipay.
    ("this is your own public key, not Alipay's: it is the public half of privateKey", "这是您自己的公钥，不是支付宝公钥：它与应用私钥是一对"),
    ("this is your own certificate, not Alipay's: it belongs to privateKey", "这是您自己的证书，不是支付宝的：它与应用私钥是一对"),
    ("the app certificate does not belong to the private key", "应用公钥证书与应用私钥不匹配"),
    ("stands beside certificates: give either alipayPublicKey, or appCert, alipayCert and alipayRootCert", "支付宝公钥与证书只能二选一"),
    ("must be 1 to {} digits", "须为 1 到 {} 位数字"),
    ("must be an Alipay account number, 2088 and 12 more digits", "须为 2088 开头的 16 位支付宝账号"),
    ("must be the security key: letters, digits and signs without blanks", "须为安全校验码，不含空格"),
    ("is of no use without privateKey: with md5Key alone Alipay signs by md5Key", "没有 RSA 私钥时无需填写"),
    ("holds no certificate that an RSA key signed", "没有 RSA 签名的根证书"),
    // WeChat Pay.
    ("must be the merchant's number, 1 to {} digits", "须为商户号，1 到 {} 位数字"),
    ("must be wx and letters and digits, at most {} of all", "须以 wx 开头，由字母和数字组成，最多 {} 位"),
    ("must be MD5 or HMAC-SHA256", "须为 MD5 或 HMAC-SHA256"),
    ("is PEM; give apiclient_cert.p12 as base64", "这是 PEM，请上传 apiclient_cert.p12"),
    ("is not base64: give apiclient_cert.p12 as base64", "不是 base64，请上传 apiclient_cert.p12"),
    ("is of no use without {}", "没有 {} 时无需填写"),
    // Webhooks.
    ("must be an http or https URL", "须为 http 或 https 地址"),
    ("must be the name or the ARN of a Lambda", "须为 Lambda 的名称或 ARN"),
    ("must be {\"url\",\"headers\"?} or {\"function\"}", "请填写目标"),
    ("must be a list of one or more of {}, found `[]`", "请至少选择一个事件"),
    ("must be an object of at most 20 header names and text values", "最多 20 个请求头，每行一个“名称: 值”"),
    ("`{}` or its value cannot be a header", "“{}”不能作为请求头"),
    ("`{}` is set by us", "“{}”由系统设置"),
    ("`{}` is masked, and nothing was saved before", "“{}”此前没有保存过，请填写"),
    ("an app has at most {} webhooks", "每个应用最多 {} 个 Webhook"),
    // Money.
    ("it is paid; refund it instead", "订单已支付，请改用退款"),
    ("billNum must be of a paid bill, and this one is not paid", "订单未支付，不能退款"),
    ("refundFee must be at most {}, what is left of the payment and of the refunds on their way; found {}", "最多可退 {} 分，填写的是 {} 分"),
    ("the provider refused with {}", "渠道拒绝：{}"),
    ("the provider refused: {}", "渠道拒绝：{}"),
    ("the provider did not answer ({}); nothing is decided, and the same call can be made again", "渠道没有应答，请稍后重试"),
    ("the refund `{}` failed, and needs another refundNum to be tried again: {}", "退款 {} 失败：{}"),
    // UnionPay.
    ("must be {} digits or letters", "须为 {} 位数字或字母"),
    ("its private key is damaged: it does not sign", "其中的私钥已损坏：无法签名"),
    ("this is no authority's certificate: it may issue no others", "这不是 CA 证书，不能签发其他证书"),
    ("issued itself: it belongs into rootCert", "这是自签名证书，应填在根证书中"),
    ("is issued by another: it belongs into middleCert", "这是由其他证书签发的，应填在中级证书中"),
    ("is damaged: its own signature does not fit", "已损坏：自签名不符"),
    ("is not issued by rootCert", "不是由上面的根证书签发的"),
    ("must be the third part of the common name alone, without any @", "只需填写通用名中的第三段，不含 @"),
];

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
        assert_eq!(translate("something new"), None);
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
