//! Who the payer is inside WeChat: the silent authorisation (`snsapi_base`) of an official account. The page brings a code, and the
//! code brings the payer's openid, which belongs to this account alone.
//!
//! # Source
//! `docs/protocols.md`, section 2.9.

use std::fmt;

use bytes::Bytes;
use domain::Secret;
use http::{Method, Request, Response, StatusCode, header::ACCEPT};

use super::v3::ENCODED;
use crate::{
    CheckWords, CheckedSetting, MessageProblem, Moment, ProviderError, SettingProblem, Unable, bounds, error::words,
    json::Members,
};

/// The page to which the payer's browser is sent.
pub(crate) const PAGE: &str = "https://open.weixin.qq.com";
/// The host that exchanges the code.
pub(crate) const GATEWAY: &str = "https://api.weixin.qq.com";
/// An answer has some hundred bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// The code is wrong or older than five minutes, was used before, or is absent.
const SPENT: &[&str] = &["40029", "40163", "41008", "42003"];

/// The openid of a payer within one official account. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Openid(String);

impl Openid {
    /// The openid as WeChat writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Openid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Openid(…)")
    }
}

/// The web authorisation of an official account whose app secret is configured.
#[derive(Debug)]
pub struct Oauth {
    pub(crate) app_id: String,
    pub(crate) app_secret: Secret<String>,
    /// Scheme, host and optionally a prefix of the path, without a slash at the end.
    pub(crate) page: String,
    /// The same for the exchange.
    pub(crate) gateway: String,
}

impl Oauth {
    /// Where the payer's browser goes for a code. WeChat sends it back to `redirect_uri` with `code` and `state`, and asks the payer
    /// nothing. The host of `redirect_uri` must be one that is registered with the account. `state` may have 128 letters and digits.
    pub fn authorize_url(&self, redirect_uri: &str, state: &str) -> String {
        format!(
            "{}/connect/oauth2/authorize?appid={}&redirect_uri={}&response_type=code&scope=snsapi_base&state={}#wechat_redirect",
            self.page,
            self.app_id,
            encoded(redirect_uri),
            encoded(state),
        )
    }

    /// Asks whose code it is. The address of this request contains the app secret, and must not be logged.
    ///
    /// # Errors
    /// [`ProviderError::Unsupported`] if the request cannot be written.
    pub fn exchange(&self, code: &str) -> Result<Request<Bytes>, ProviderError> {
        let url = format!(
            "{}/sns/oauth2/access_token?appid={}&secret={}&code={}&grant_type=authorization_code",
            self.gateway,
            self.app_id,
            encoded(self.app_secret.expose()),
            encoded(code),
        );
        let request = Request::builder().method(Method::GET).uri(url).header(ACCEPT, "application/json");
        // The error does not repeat the address.
        request.body(Bytes::new()).map_err(|error| ProviderError::from(Unable::Request { why: error.to_string() }))
    }

    /// Reads the answer to [`Self::exchange`]. The access token in it is not used.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] if the code brings no openid; [`Self::is_spent`] says whether a new code may. [`ProviderError::Key`]
    /// if WeChat refuses the app secret or the app. [`ProviderError::Unclear`] if WeChat is busy or the answer cannot be read.
    pub fn read_exchange(&self, response: &Response<Bytes>) -> Result<Openid, ProviderError> {
        if response.status() != StatusCode::OK {
            return Err(MessageProblem::Http { status: response.status().as_u16() }.into());
        }
        if response.body().len() > BODY_BYTES_MAX {
            return Err(MessageProblem::TooLong { bytes_max: BODY_BYTES_MAX }.into());
        }
        let text = std::str::from_utf8(response.body()).map_err(|_| ProviderError::from(MessageProblem::NotUtf8))?;
        let members = Members::parse(text).map_err(|why| ProviderError::from(MessageProblem::NotJson { why }))?;
        let code = members.filled("errcode").unwrap_or_default();
        if !matches!(code.as_str(), "" | "0") {
            return Err(refused(words(&code), words(&members.text("errmsg").unwrap_or_default())));
        }
        // Such a visitor sees a snapshot of the page under a made-up account that cannot pay.
        if members.text("is_snapshotuser").is_some_and(|flag| flag != "0") {
            let words = "快照页模式虚拟账号".to_owned();
            return Err(ProviderError::Refused { code: "is_snapshotuser".to_owned(), words });
        }
        let openid = members.filled("openid").ok_or_else(|| ProviderError::missing("openid"))?;
        let unusable = |_| ProviderError::from(MessageProblem::Unusable { field: "openid".to_owned() });
        bounds::WECHAT_OPENID.check(&openid).map_err(unusable)?;
        Ok(Openid(openid))
    }

    /// Whether the error is about the code alone, so that the payer's browser may be sent for another one.
    pub fn is_spent(error: &ProviderError) -> bool {
        matches!(error, ProviderError::Refused { code, .. } if SPENT.contains(&code.as_str()))
    }

    /// The question that checks the app secret: a code that nobody was given. WeChat refuses the code if the secret is right, and the
    /// secret if it is wrong.
    ///
    /// # Errors
    /// As [`Self::exchange`].
    pub fn probe(&self, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        self.exchange(moment.nonce.as_str())
    }

    /// Reads the answer to [`Self::probe`]; `None` if there was no answer.
    pub(crate) fn read_probe(&self, response: Option<&Response<Bytes>>) -> CheckedSetting {
        const FIELD: &str = "appSecret";
        let Some(response) = response else { return CheckedSetting::untestable(FIELD, CheckWords::Silent) };
        match self.read_exchange(response) {
            Err(error) if Self::is_spent(&error) => CheckedSetting::tested(FIELD),
            Err(ProviderError::Key { field, problem }) => CheckedSetting::wrong(field, problem),
            Err(ProviderError::Refused { code, .. }) => {
                CheckedSetting::untestable(FIELD, CheckWords::RefusedBefore { code })
            }
            Ok(_) | Err(_) => CheckedSetting::untestable(FIELD, CheckWords::Unverified),
        }
    }
}

/// What an error code means.
///
/// # Source
/// The list of return codes of WeChat's public platform (全局返回码).
fn refused(code: String, words: String) -> ProviderError {
    match code.as_str() {
        // WeChat is busy, or the account has used up its calls of this day or minute.
        "-1" | "45009" | "45011" | "50001" => MessageProblem::WechatBusy { code, words }.into(),
        "40013" => ProviderError::Key { field: "appId", problem: SettingProblem::WechatRefuses { code, words } },
        // Invalid, absent or frozen.
        "40001" | "40125" | "41004" | "40243" => {
            ProviderError::Key { field: "appSecret", problem: SettingProblem::WechatRefuses { code, words } }
        }
        _ => ProviderError::Refused { code, words },
    }
}

fn encoded(text: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encoding::utf8_percent_encode(text, ENCODED)
}
