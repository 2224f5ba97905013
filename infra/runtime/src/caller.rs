//! Finds the caller: the app, the mode and the role, from the headers of the wire contract.

use std::sync::Arc;

use domain::{
    App, AppId, Key, Mode, SessionToken, SessionTokenError, SignedClientKeyError, Timestamp, verify_signed_client_key,
};
use http::HeaderMap;
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq;

use crate::{ApiError, Apps, Config, ConfiguredApp};

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything for its app.
    Master,
    /// Charge, and query a bill by its number.
    Client,
}

/// A caller whose credentials are right.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The app, with its channels and webhooks.
    pub configured: Arc<ConfiguredApp>,
    /// Real payments, or tests: the key chose it.
    pub mode: Mode,
    /// What it may do.
    pub role: Role,
    key: Standing,
}

/// Whether the credential of a caller is the present master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is the present master key.
    Current,
    /// It is an old master key in its grace period, or not a master key.
    Other,
}

impl Caller {
    /// The app.
    pub fn app(&self) -> &App {
        &self.configured.app
    }

    /// The master key that session tokens are made with, if the caller presented it. A replaced key may have been replaced because it
    /// leaked. In its grace period it may do everything, except make tokens that are valid longer than itself.
    ///
    /// # Errors
    /// [`CredentialsError::MasterNeeded`] or [`CredentialsError::MasterReplaced`].
    pub fn session_key(&self) -> Result<&Key, CredentialsError> {
        match (self.role, self.key) {
            (Role::Client, _) => Err(CredentialsError::MasterNeeded),
            (Role::Master, Standing::Other) => Err(CredentialsError::MasterReplaced),
            (Role::Master, Standing::Current) => Ok(&self.app().keys(self.mode).master.current),
        }
    }
}

/// Why credentials were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// `X-ML-AppId` is missing, or is not an app's id.
    #[error("X-ML-AppId must be the app's id, 24 lower-case hex digits")]
    AppId,
    /// None of the four credentials was sent.
    #[error("one of X-ML-MasterKey, X-ML-Session-Token, X-ML-APIKey and X-ML-Request-Sign is required")]
    Absent,
    /// There is no such app, or the credential is not of this app. Strangers must not learn which of the two it is.
    #[error("there is no such app, or {header} does not fit it")]
    DoesNotFit {
        /// The header that was looked at.
        header: &'static str,
    },
    /// The time in a signed client key is wrong.
    #[error(transparent)]
    SignedClientKey(SignedClientKeyError),
    /// The session token has expired.
    #[error("the session token in X-ML-Session-Token has expired")]
    SessionExpired,
    /// The call needs the master key.
    #[error("this call needs X-ML-MasterKey")]
    MasterNeeded,
    /// The master key was replaced: in its grace period it makes no session tokens.
    #[error("session tokens are made with the present master key; the one in X-ML-MasterKey was replaced")]
    MasterReplaced,
}

/// Finds the caller. Of several credentials only the strongest counts: if the master key is wrong, a right client key does not help. An
/// empty header counts as missing, because the SDKs send it so. The token of another service counts as missing, too, if there is a client
/// key: the Android and iOS SDKs send the token of the user that is signed in.
///
/// # Errors
/// [`ApiError`]: code 1, or code 14 if the store fails.
pub async fn authenticate(headers: &HeaderMap, apps: &Apps, now: Timestamp) -> Result<Caller, ApiError> {
    let id = header(headers, "AppId").and_then(|id| AppId::parse(id).ok()).ok_or(CredentialsError::AppId)?;
    let credential = Credential::find(headers).ok_or(CredentialsError::Absent)?;
    let refused = || CredentialsError::DoesNotFit { header: credential.header() };
    let configured = apps.find(&id, now).await?.ok_or_else(refused)?;
    let mode = credential.mode(&configured.app, now)?.ok_or_else(refused)?;
    let key = credential.standing(&configured.app, mode);
    Ok(Caller { configured, mode, role: credential.role(), key })
}

/// The four kinds of credentials, the strongest first.
#[derive(Clone, Copy)]
enum Credential<'a> {
    MasterKey(&'a str),
    SessionToken(&'a str),
    ClientKey(&'a str),
    SignedClientKey(&'a str),
}

impl<'a> Credential<'a> {
    fn find(headers: &'a HeaderMap) -> Option<Self> {
        let find = |name| header(headers, name);
        let client_key =
            find("APIKey").map(Self::ClientKey).or_else(|| find("Request-Sign").map(Self::SignedClientKey));
        let counts = |token: &&str| client_key.is_none() || SessionToken::has_form(token);
        (find("MasterKey").map(Self::MasterKey))
            .or_else(|| find("Session-Token").filter(counts).map(Self::SessionToken))
            .or(client_key)
    }

    fn header(self) -> &'static str {
        match self {
            Self::MasterKey(_) => "X-ML-MasterKey",
            Self::SessionToken(_) => "X-ML-Session-Token",
            Self::ClientKey(_) => "X-ML-APIKey",
            Self::SignedClientKey(_) => "X-ML-Request-Sign",
        }
    }

    fn role(self) -> Role {
        match self {
            Self::MasterKey(_) => Role::Master,
            Self::SessionToken(_) | Self::ClientKey(_) | Self::SignedClientKey(_) => Role::Client,
        }
    }

    fn standing(self, app: &App, mode: Mode) -> Standing {
        match self {
            Self::MasterKey(key) if app.keys(mode).master.is_current(key) => Standing::Current,
            Self::MasterKey(_) | Self::SessionToken(_) | Self::ClientKey(_) | Self::SignedClientKey(_) => {
                Standing::Other
            }
        }
    }

    /// The mode of the app whose key this is; `None` if it is not a key of the app.
    fn mode(self, app: &App, now: Timestamp) -> Result<Option<Mode>, CredentialsError> {
        match self {
            Self::MasterKey(key) => Ok(app.mode_where(|keys| keys.master.admits(key, now))),
            Self::ClientKey(key) => Ok(app.mode_where(|keys| keys.client.admits(key, now))),
            Self::SignedClientKey(header) => {
                verify_signed_client_key(app, header, now).map_err(CredentialsError::SignedClientKey)
            }
            Self::SessionToken(token) => match SessionToken::verify(token, app, now) {
                Ok(claims) => Ok(Some(claims.mode)),
                Err(SessionTokenError::Expired) => Err(CredentialsError::SessionExpired),
                Err(SessionTokenError::Form | SessionTokenError::OtherApp | SessionTokenError::Signature) => Ok(None),
            },
        }
    }
}

/// Whether `token` is the operator's, in constant time: hashes are compared, so that the length does not show either.
pub fn is_operator_token(config: &Config, token: &str) -> bool {
    let Some(expected) = &config.operator_token else { return false };
    let [expected, found] = [expected.expose().as_str(), token].map(|text| digest(&SHA256, text.as_bytes()));
    found.as_ref().ct_eq(expected.as_ref()).into()
}

/// `X-ML-<name>`, or the same header under its older name `X-LAS-<name>`.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    ["X-ML-", "X-LAS-"].into_iter().find_map(|prefix| {
        let value = headers.get(format!("{prefix}{name}"))?.to_str().ok()?.trim();
        (!value.is_empty()).then_some(value)
    })
}
