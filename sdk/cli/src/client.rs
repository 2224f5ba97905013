//! Calls of the gateway: the payment API with the app's keys, and the operator API with its token.

use std::{error::Error, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use domain::{ApiCode, AppId, Mode};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use outbound::{Bounds, Outbound, OutboundError};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    output::Output,
    profiles::{APP_ID, CLIENT_KEY, MASTER_KEY, OPERATOR_TOKEN, Profile, Setting, URL, clean_url},
    table::text,
    words::words,
};

/// API Gateway ends each call after 29 seconds. An answer has at most the 6 MB that a Lambda may give.
const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(31), body_bytes_max: 8 << 20 };

/// Which key a call of the payment API takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The master key alone.
    Server,
    /// The client key alone.
    Client,
    /// The master key, or the client key where there is no other.
    Any,
}

/// The gateway of a profile.
#[derive(Debug)]
pub(crate) struct Gateway {
    outbound: Outbound,
    profile: Profile,
    url: String,
    output: Output,
}

impl Gateway {
    /// The gateway of this profile.
    ///
    /// # Errors
    /// [`Failure`] if the profile has no usable address.
    pub(crate) fn new(profile: Profile, output: Output) -> Result<Self, Failure> {
        let url = checked_url(needed(&profile, URL)?)?;
        let outbound = Outbound::new().map_err(|error| {
            let why = chain(&error);
            Failure::own("client", words!("HTTP 客户端无法启动：{why}", "{why}"))
        })?;
        Ok(Self { outbound, profile, url, output })
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A value of its profile.
    pub(crate) fn setting(&self, setting: Setting) -> Option<&str> {
        self.profile.value(setting)
    }

    /// The app.
    ///
    /// # Errors
    /// [`Failure`] if it is absent or no app's id.
    pub(crate) fn app(&self) -> Result<&str, Failure> {
        let app = needed(&self.profile, APP_ID)?;
        AppId::parse(app).map_err(|_| {
            Failure::of_field("app_id", words!("应用 ID 应为 24 位小写十六进制", "must be 24 lower-case hex digits"))
        })?;
        Ok(app)
    }

    /// Calls the payment API.
    ///
    /// # Errors
    /// [`Failure`] if a key is missing, nobody answers, or the answer is a failure.
    pub(crate) async fn pay(&self, caller: Caller, operation: &str, body: &Value) -> Result<Value, Failure> {
        Ok(self.pay_whole(caller, operation, body).await?.into_body())
    }

    /// The same with the headers of the answer.
    ///
    /// # Errors
    /// As [`Gateway::pay`].
    pub(crate) async fn pay_whole(
        &self,
        caller: Caller,
        operation: &str,
        body: &Value,
    ) -> Result<Response<Value>, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert("x-ml-appid", header_value(APP_ID, self.app()?)?);
        let client = match caller {
            Caller::Server => None,
            Caller::Client => Some(needed(&self.profile, CLIENT_KEY)?),
            Caller::Any => self.setting(CLIENT_KEY).filter(|_| self.setting(MASTER_KEY).is_none()),
        };
        match client {
            Some(key) => headers.insert("x-ml-apikey", header_value(CLIENT_KEY, key)?),
            None => headers.insert("x-ml-masterkey", header_value(MASTER_KEY, needed(&self.profile, MASTER_KEY)?)?),
        };
        let path = format!("/2.0/maxpay/{operation}");
        let answer = self.call(Method::POST, &path, headers, Some(body)).await?;
        match Failure::of_payment(answer.body()) {
            Some(failure) => Err(failure),
            None if answer.status().is_success() && answer.body().get("code") == Some(&json!(0)) => Ok(answer),
            None => Err(self.no_gateway(&path, answer.status().as_u16())),
        }
    }

    /// Calls the operator API.
    ///
    /// # Errors
    /// [`Failure`] if the token is missing, nobody answers, or the answer is a problem.
    pub(crate) async fn operate(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let mut headers = HeaderMap::new();
        let token = needed(&self.profile, OPERATOR_TOKEN)?;
        headers.insert(header::AUTHORIZATION, header_value(OPERATOR_TOKEN, &format!("Bearer {token}"))?);
        let path = format!("/admin/v1{path}");
        let answer = self.call(method, &path, headers, body).await?;
        let status = answer.status();
        if status == StatusCode::NO_CONTENT || (status.is_success() && answer.body().is_object()) {
            return Ok(answer.into_body());
        }
        if status.is_success() || text(answer.body(), "code").is_empty() {
            return Err(self.no_gateway(&path, status.as_u16()));
        }
        Err(Failure::of_operator(status.as_u16(), answer.body()))
    }

    /// The same for a path below the app's.
    ///
    /// # Errors
    /// As [`Gateway::operate`].
    pub(crate) async fn operate_app(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.operate(method, &format!("/apps/{}{path}", self.app()?), body).await
    }

    /// Calls what only a local stack has. It takes no key.
    ///
    /// # Errors
    /// [`Failure`] if nobody answers.
    pub(crate) async fn play(&self, method: Method, path: &str, body: &Value) -> Result<Response<Value>, Failure> {
        let body = (method != Method::GET).then_some(body);
        self.call(method, &format!("/_local{path}"), HeaderMap::new(), body).await
    }

    /// Whether a gateway of MaxPay is there: it refuses a call without a key by one of its codes.
    ///
    /// # Errors
    /// [`Failure`] if nobody answers, or something else does.
    pub(crate) async fn check(&self) -> Result<(), Failure> {
        let path = "/2.0/maxpay/records";
        let answer = self.call(Method::POST, path, HeaderMap::new(), Some(&json!({}))).await?;
        // Many servers say `code`. Number and name together are of MaxPay.
        let is_ours = ApiCode::ALL.iter().any(|code| {
            let body = answer.body();
            body.get("code") == Some(&json!(code.number())) && text(body, "msg") == code.name()
        });
        if is_ours { Ok(()) } else { Err(self.no_gateway(path, answer.status().as_u16())) }
    }

    /// The mode of the master key: the gateway says it in the claims of a session token. Nothing is kept for a token.
    ///
    /// # Errors
    /// [`Failure`] if the key does not open the API, or the token cannot be read.
    pub(crate) async fn mode(&self) -> Result<Mode, Failure> {
        let made = self.pay(Caller::Server, "sessions", &json!({ "ttlSeconds": 1 })).await?;
        mode_of_token(text(&made, "token")).ok_or_else(|| {
            let message =
                words!("无法从网关的应答看出密钥的模式", "the gateway's answer does not show the mode of the key");
            Failure::own("unclear", message)
        })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Option<&Value>,
    ) -> Result<Response<Value>, Failure> {
        let mut request = Request::new(body.map(|body| Bytes::from(body.to_string())).unwrap_or_default());
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", self.url)
            .parse()
            .map_err(|_| Failure::of_field("url", words!("不是可用的网址", "must be an address that can be called")))?;
        *request.headers_mut() = headers;
        if body.is_some() {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let what = words!("等待网关应答", "waiting for the gateway");
        let answer = self.output.wait(&what, self.outbound.send(request, BOUNDS)).await;
        let answer = answer.map_err(|error| unreachable_gateway(&self.url, &error))?;
        // What is no JSON is no answer of ours: the status says enough.
        Ok(answer.map(|body| serde_json::from_slice(&body).unwrap_or_default()))
    }

    fn no_gateway(&self, path: &str, status: u16) -> Failure {
        let url = &self.url;
        let message = words!(
            "{url}{path} 应答 HTTP {status}，不像是 MaxPay 的应答",
            "{url}{path} answered HTTP {status}, which is no answer of MaxPay's"
        );
        let remedy = words!(
            "检查网址是否写对，网关的版本是否有这个接口",
            "see whether the address is right, and whether that version of the gateway has this operation"
        );
        Failure { field: Some("url".to_owned()), ..Failure::own("no-gateway", message).with_remedy(remedy) }
    }
}

/// Checks an address before a key is sent to it.
///
/// # Errors
/// [`Failure`] if it is no http or https address.
pub(crate) fn checked_url(url: &str) -> Result<String, Failure> {
    let url = clean_url(url);
    let is_web = ["http://", "https://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme));
    let is_bare = !url.contains(['?', '#', '@', ' ']);
    if is_web && is_bare && url.parse::<http::Uri>().is_ok() {
        return Ok(url.to_owned());
    }
    let message = words!(
        "应为 http:// 或 https:// 开头的网址，不带用户名和参数，如 http://127.0.0.1:8787",
        "must begin with http:// or https:// and have neither a user nor parameters, as http://127.0.0.1:8787"
    );
    Err(Failure::of_field("url", message))
}

/// Reads the mode from a session token: `v1.<claims>.<mac>`.
fn mode_of_token(token: &str) -> Option<Mode> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Mode::find(text(&claims, "mode"))
}

fn needed(profile: &Profile, setting: Setting) -> Result<&str, Failure> {
    profile.value(setting).ok_or_else(|| {
        let Setting { name, variable } = setting;
        Failure { field: Some(name.to_owned()), ..Failure::own("missing", words!("没有设置", "is not set")) }
            .with_remedy(words!("执行 maxpay login，或设置环境变量 {variable}", "run maxpay login, or set {variable}"))
    })
}

fn header_value(setting: Setting, value: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| Failure::of_field(setting.name, words!("含有不可见字符", "must have no control characters")))?;
    value.set_sensitive(true);
    Ok(value)
}

fn unreachable_gateway(url: &str, error: &OutboundError) -> Failure {
    let why = chain(error);
    Failure {
        field: Some("url".to_owned()),
        ..Failure::own("unreachable", words!("连不上 {url}：{why}", "{url} does not answer: {why}"))
    }
    .with_remedy(words!(
        "确认网关在运行、网址和端口没写错；本机可用 maxpay local 启动一个",
        "see whether the gateway runs and the address is right; maxpay local starts one on this machine"
    ))
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn only_a_bare_web_address_is_taken() {
        for (url, expect) in [
            ("http://127.0.0.1:8787",       Some("http://127.0.0.1:8787")),
            (" https://pay.example/prod/ ", Some("https://pay.example/prod")),
            ("127.0.0.1:8787",              None),
            ("ftp://pay.example",           None),
            ("https://",                    None),
            ("https://me@pay.example",      None),
            ("https://pay.example?key=1",   None),
        ] {
            assert_eq!(checked_url(url).ok().as_deref(), expect, "{url}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn a_token_shows_the_mode_of_its_key() {
        let token = |claims: &str| format!("v1.{}.bWFj", URL_SAFE_NO_PAD.encode(claims));
        for (token, expect) in [
            (token(r#"{"mode":"test"}"#), Some(Mode::Test)),
            (token(r#"{"mode":"live"}"#), Some(Mode::Live)),
            (token(r#"{"mode":"none"}"#), None),
            ("v1".to_owned(),             None),
            ("v1.%.x".to_owned(),         None),
        ] {
            assert_eq!(mode_of_token(&token), expect, "{token}");
        }
    }
}
