//! The checks of every request before its business content is read: names, times, certificates, signature.

use super::super::merchants::{CertificateNumbers, Merchants, OpenApp};
use super::{Code, Refusal, illegal, missing};
use crate::kit::beijing::{MINUTE_MS, parse_seconds};
use crate::kit::form::{self, FormError, Params};

/// How far a `timestamp` may be off. Alipay does not publish its limit; fifteen minutes accepts honest clocks.
const TIMESTAMP_MS_MAX: i64 = 15 * MINUTE_MS;
/// Length of `notify_url` and `return_url`.
const URL_CHARS_MAX: usize = 256;
/// The longest values of the common parameters, as documented.
const LENGTHS: &[(&str, usize)] = &[
    ("app_id", 32),
    ("method", 128),
    ("format", 40),
    ("charset", 10),
    ("sign_type", 10),
    ("sign", 344),
    ("timestamp", 19),
    ("version", 3),
    ("app_auth_token", 40),
];

/// Why a call is refused.
pub(super) struct RefusedCall<'a> {
    /// The app that called, if it is known by then: answers to it are signed even when they refuse.
    pub(super) app: Option<&'a OpenApp>,
    pub(super) refusal: Refusal,
}

impl From<Refusal> for RefusedCall<'_> {
    fn from(refusal: Refusal) -> Self {
        Self { app: None, refusal }
    }
}

/// Who sent `params`, after every common check.
pub(super) fn verify<'a>(merchants: &'a Merchants, params: &Params, now: i64) -> Result<&'a OpenApp, RefusedCall<'a>> {
    if value(params, "method").is_none() {
        return Err(missing("isv.missing-method", "缺少方法名参数").into());
    }
    let Some(app_id) = value(params, "app_id") else {
        return Err(missing("isv.missing-app-id", "缺少appId参数").into());
    };
    let Some(app) = merchants.app(app_id) else {
        return Err(illegal("isv.invalid-app-id", "无效的AppID参数").into());
    };
    verify_of(app, params, now).map_err(|refusal| RefusedCall { app: Some(app), refusal })?;
    Ok(app)
}

/// A form that could not be read.
pub(super) fn unreadable(error: &FormError) -> Refusal {
    illegal("isv.invalid-parameter", format!("参数无效: {error}"))
}

/// A parameter with a value.
pub(super) fn value<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// `notify_url` or `return_url`, checked.
pub(super) fn url(params: &Params, name: &str) -> Result<Option<String>, Refusal> {
    match value(params, name) {
        None => Ok(None),
        Some(url) if is_url(url, URL_CHARS_MAX) => Ok(Some(url.to_owned())),
        Some(_) => Err(illegal(
            "isv.invalid-parameter",
            format!("参数无效: {name} must be an http or https URL of at most {URL_CHARS_MAX} ASCII characters"),
        )),
    }
}

/// An absolute http or https URL of visible ASCII with a host.
pub(in super::super) fn is_url(url: &str, chars_max: usize) -> bool {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    url.len() <= chars_max
        && url.bytes().all(|byte| byte.is_ascii_graphic())
        && host.is_some_and(|rest| rest.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'['))
}

fn verify_of(app: &OpenApp, params: &Params, now: i64) -> Result<(), Refusal> {
    if let Some((name, max)) = LENGTHS.iter().find(|(name, max)| params.get(*name).is_some_and(|v| v.len() > *max)) {
        return Err(illegal("isv.invalid-parameter", format!("参数无效: {name} is longer than {max}")));
    }
    if value(params, "format").is_some_and(|format| !format.eq_ignore_ascii_case("json")) {
        return Err(illegal("isv.invalid-format", "无效的数据格式"));
    }
    if !value(params, "charset").is_some_and(|charset| charset.eq_ignore_ascii_case("utf-8")) {
        return Err(illegal("isv.invalid-charset", "字符集错误: the simulator takes utf-8 only"));
    }
    match value(params, "sign_type") {
        None => return Err(missing("isv.missing-signature-type", "缺少签名类型参数")),
        Some("RSA2") => {}
        Some(_) => {
            return Err(illegal("isv.invalid-signature-type", "无效的签名类型: RSA2 is required"));
        }
    }
    let Some(sign) = value(params, "sign") else {
        return Err(missing("isv.missing-signature", "缺少签名参数"));
    };
    verify_time_and_version(params, now)?;
    if value(params, "app_auth_token").is_some() {
        return Err(Refusal {
            code: Code::Unauthorised,
            sub_code: "aop.invalid-app-auth-token",
            sub_msg: "无效的应用授权令牌: the simulator has no service providers".to_owned(),
        });
    }
    verify_certificates(app.certificates.as_ref(), params)?;
    let content = form::request_content(params);
    if app.app_key.verify(&content, sign) {
        Ok(())
    } else {
        Err(illegal(
            "isv.invalid-signature",
            format!("验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，网关生成的验签字符串为：{content}"),
        ))
    }
}

fn verify_time_and_version(params: &Params, now: i64) -> Result<(), Refusal> {
    let Some(timestamp) = value(params, "timestamp") else {
        return Err(missing("isv.missing-timestamp", "缺少时间戳参数"));
    };
    let near = |at: i64| now.saturating_sub(at).saturating_abs() <= TIMESTAMP_MS_MAX;
    if !parse_seconds(timestamp).is_some_and(near) {
        return Err(illegal(
            "isv.invalid-timestamp",
            "非法的时间戳参数: yyyy-MM-dd HH:mm:ss in Beijing time, within 15 minutes of now",
        ));
    }
    match value(params, "version") {
        None => Err(missing("isv.missing-version", "缺少版本参数")),
        Some("1.0") => Ok(()),
        Some(_) => Err(illegal("isv.invalid-parameter", "参数无效: version must be 1.0")),
    }
}

/// In certificate mode both numbers must be the registered ones. In key mode none may be sent.
fn verify_certificates(registered: Option<&CertificateNumbers>, params: &Params) -> Result<(), Refusal> {
    let app = value(params, "app_cert_sn");
    let root = value(params, "alipay_root_cert_sn");
    let Some(registered) = registered else {
        return match app.or(root) {
            None => Ok(()),
            Some(_) => Err(illegal("isv.app-cert-not-exist", "应用公钥证书不存在: this application is in key mode")),
        };
    };
    // Alipay uses 40002 for these two, although a parameter is missing.
    match (app, root) {
        (None, _) => Err(illegal("isv.missing-app-cert-sn", "缺少应用公钥证书序列号")),
        (_, None) => Err(illegal("isv.missing-alipay-root-cert-sn", "缺少支付宝根证书序列号")),
        (Some(app), _) if app != registered.app => {
            Err(illegal("isv.app-cert-not-exist", "应用公钥证书不存在: app_cert_sn is not the registered one"))
        }
        (_, Some(root)) if root != registered.root => {
            Err(illegal("isv.invalid-alipay-root-cert-sn", "无效的支付宝根证书序列号"))
        }
        (Some(_), Some(_)) => Ok(()),
    }
}
