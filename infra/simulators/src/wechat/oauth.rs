//! The web authorisation of service accounts: `open.weixin.qq.com/connect/oauth2/authorize` and
//! `api.weixin.qq.com/sns/oauth2/access_token`.
//!
//! Only the silent kind, `snsapi_base`. The page checks the order of the parameters, as WeChat does, and the host of `redirect_uri`
//! exactly. A code works once, for five minutes, with the right secret.

use serde_json::{Value, json};

use super::crypto::{random_text, same};
use super::page;
use super::payers;
use super::registered::{OauthFault, host_of};
use super::simulator::Simulator;
use crate::kit::beijing::MINUTE_MS;
use crate::kit::crypto::CryptoError;
use crate::kit::form;
use crate::kit::owner::SimulatorError;
use crate::kit::reply::Reply;
use crate::kit::server::Incoming;

/// How long a code works.
const CODE_MS: i64 = 5 * MINUTE_MS;
/// The oldest codes are forgotten beyond this number.
const CODES_MAX: usize = 1_000;
/// `state` has letters and digits.
const STATE_CHARS_MAX: usize = 128;
/// The parameters in the order that WeChat requires.
const ORDER: [&str; 5] = ["appid", "redirect_uri", "response_type", "scope", "state"];
/// The cookie that names the payer of a browser.
const PAYER: &str = "simulatedPayer";

/// A code that was given out.
#[derive(Clone, Debug)]
pub(super) struct OauthCode {
    code: String,
    app_id: String,
    payer: String,
    at: i64,
    used: bool,
}

/// What WeChat's page says instead of sending the browser back.
struct PageRefusal {
    code: &'static str,
    why: String,
}

fn refused<T>(code: &'static str, why: impl Into<String>) -> Result<T, PageRefusal> {
    Err(PageRefusal { code, why: why.into() })
}

/// `GET connect/oauth2/authorize`.
pub(super) fn authorize(simulator: &Simulator, request: &Incoming) -> Result<Reply, SimulatorError> {
    match asked(simulator, request) {
        Ok(asked) => {
            let code = give_out(simulator, &asked.app_id, payer_of(request))?;
            Ok(Reply::redirect(302, with_code(&asked.redirect_uri, &code, &asked.state)))
        }
        Err(PageRefusal { code, why }) => Ok(Reply::html(200, page::refused(code, &why))),
    }
}

struct Authorization {
    app_id: String,
    redirect_uri: String,
    state: String,
}

/// The request, if WeChat would take it.
///
/// # Source
/// The public platform's list of errors of this page: 10003 and 10010 to 10016.
fn asked(simulator: &Simulator, request: &Incoming) -> Result<Authorization, PageRefusal> {
    if !request.header("user-agent").unwrap_or_default().contains("MicroMessenger") {
        return refused("-", "请在微信客户端打开链接: this page opens inside WeChat only");
    }
    let pairs = form::parse(request.query()).or_else(|error| refused("-", error.to_string()))?;
    let value = |name: &str| {
        let found = pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    };
    let Some(app_id) = value("appid") else { return refused("10012", "appid不能为空") };
    let Some(redirect_uri) = value("redirect_uri") else { return refused("10011", "redirect_uri不能为空") };
    let Some(scope) = value("scope") else { return refused("10010", "scope不能为空") };
    let Some(state) = value("state") else { return refused("10013", "state不能为空") };
    if pairs.iter().map(|(name, _)| name.as_str()).ne(ORDER) {
        return refused("-", format!("the parameters must be {}, in this order", ORDER.join(", ")));
    }
    if value("response_type") != Some("code") {
        return refused("-", "response_type must be code");
    }
    if simulator.merchants().of_account(app_id).is_none() {
        return refused("10016", "不支持微信开放平台的Appid，请使用公众号Appid");
    }
    if scope != "snsapi_base" {
        return refused("10005", "此公众号并没有这些scope的权限: this simulator has snsapi_base");
    }
    if state.len() > STATE_CHARS_MAX || !state.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return refused("-", "state must be 1 to 128 letters and digits");
    }
    let registered = simulator.with(|ledger, _| ledger.registered.domain.clone());
    let registered = registered.or_else(|| host_of(&simulator.url(""))).unwrap_or_default();
    if host_of(redirect_uri).as_deref() != Some(registered.as_str()) {
        return refused("10003", format!("redirect_uri域名与后台配置不一致: the registered one is {registered}"));
    }
    Ok(Authorization { app_id: app_id.to_owned(), redirect_uri: redirect_uri.to_owned(), state: state.to_owned() })
}

/// The payer of this browser, whom a cookie may name.
pub(super) fn payer_of(request: &Incoming) -> &str {
    let cookies = request.header("cookie").unwrap_or_default().split(';');
    let mut pairs = cookies.filter_map(|pair| pair.trim().split_once('='));
    payers::named(pairs.find(|(name, _)| *name == PAYER).map(|(_, value)| value))
}

fn give_out(simulator: &Simulator, app_id: &str, payer: &str) -> Result<String, CryptoError> {
    let code = random_text::<32>()?;
    simulator.with(|ledger, now| {
        if ledger.codes.len() == CODES_MAX {
            ledger.codes.pop_front();
        }
        ledger.codes.push_back(OauthCode {
            code: code.clone(),
            app_id: app_id.to_owned(),
            payer: payer.to_owned(),
            at: now,
            used: false,
        });
    });
    Ok(code)
}

/// The address with `code` and `state`, before its fragment.
fn with_code(redirect_uri: &str, code: &str, state: &str) -> String {
    let (address, fragment) = redirect_uri.split_once('#').unwrap_or((redirect_uri, ""));
    let joint = if address.contains('?') { '&' } else { '?' };
    let fragment = if fragment.is_empty() { String::new() } else { format!("#{fragment}") };
    format!("{address}{joint}code={code}&state={state}{fragment}")
}

/// `GET sns/oauth2/access_token`. Its answers are JSON under another content type, with status 200 in every case.
pub(super) fn access_token(simulator: &Simulator, request: &Incoming) -> Result<Reply, SimulatorError> {
    let fault = simulator.with(|ledger, _| ledger.registered.oauth_fault.take());
    if fault == Some(OauthFault::Garbage) {
        return Ok(Reply::html(200, "<html>502 Bad Gateway</html>".to_owned()));
    }
    let mut answer = match openid(simulator, request, fault) {
        Ok(openid) => json!({
            "access_token": random_text::<64>()?,
            "expires_in": 7200,
            "refresh_token": random_text::<64>()?,
            "openid": openid,
            "scope": "snsapi_base",
        }),
        Err((code, words)) => {
            let id = random_text::<24>()?.to_ascii_lowercase();
            json!({ "errcode": code, "errmsg": format!("{words}, rid: {id}") })
        }
    };
    if let (Some(OauthFault::Snapshot), Some(members)) = (fault, answer.as_object_mut()) {
        members.insert("is_snapshotuser".to_owned(), Value::from(1));
    }
    Ok(Reply::new(200, "text/plain", answer.to_string()))
}

/// An error code with its words.
type ErrorCode = (i32, &'static str);

fn openid(simulator: &Simulator, request: &Incoming, fault: Option<OauthFault>) -> Result<String, ErrorCode> {
    if request.method != http::Method::GET {
        return Err((43001, "require GET method"));
    }
    if fault == Some(OauthFault::Busy) {
        return Err((-1, "system error"));
    }
    let params = form::merge(request.query(), "", None).map_err(|_| (47001, "data format error"))?;
    let value = |name: &str| params.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let app_id = value("appid").ok_or((41002, "appid missing"))?;
    let secret = value("secret").ok_or((41004, "appsecret missing"))?;
    let code = value("code").ok_or((41008, "missing code"))?;
    if value("grant_type") != Some("authorization_code") {
        return Err((40002, "invalid grant_type"));
    }
    let merchant = simulator.merchants().of_account(app_id).ok_or((40013, "invalid appid"))?;
    if !same(secret, &merchant.app_secret) {
        return Err((40125, "invalid appsecret"));
    }
    simulator.with(|ledger, now| {
        let fits = |known: &&mut OauthCode| known.code == code && known.app_id == app_id;
        let known = ledger.codes.iter_mut().find(fits).ok_or((40029, "invalid code"))?;
        if known.used {
            return Err((40163, "code been used"));
        }
        if now.saturating_sub(known.at) > CODE_MS {
            return Err((40029, "invalid code"));
        }
        known.used = true;
        Ok(payers::openid(&known.payer, app_id))
    })
}
