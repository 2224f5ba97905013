//! Session tokens: what a merchant's server hands to one of its clients.
//!
//! Stateless: `v1.<claims>.<mac>`, both parts base64url, the claims JSON, the MAC HMAC-SHA256 under the app's master key. A token expires,
//! and is valid for one app and one mode. When the master key is rotated, all tokens end at once, even if the old key has a grace: so a
//! merchant can revoke them all.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{App, AppId, Key, Mode, Timestamp};

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionClaims {
    /// Whose client.
    pub app: AppId,
    /// Real money or not.
    pub mode: Mode,
    /// Until when the token is taken.
    pub expires_at: Timestamp,
    /// The merchant's own name of the client.
    pub user: Option<String>,
}

/// A token as it travels in `X-ML-Session-Token`.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

/// Why a token was refused. The caller cannot tell these reasons apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionTokenError {
    /// Not a token of ours.
    #[error("the session token is malformed")]
    Form,
    /// Of another app.
    #[error("the session token belongs to another app")]
    OtherApp,
    /// Altered, or made under a key that was rotated since.
    #[error("the session token's signature is wrong")]
    Signature,
    /// Too old.
    #[error("the session token has expired")]
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    app: String,
    mode: String,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
}

/// Longer than any token that is issued here: a user id of 128 characters takes 512 bytes at the most, 684 in base64.
const TOKEN_BYTES_MAX: usize = 1024;

impl SessionToken {
    /// Issues a token under `master`.
    pub fn issue(claims: &SessionClaims, master: &Key) -> Self {
        let payload = Payload {
            app: claims.app.to_string(),
            mode: claims.mode.name().to_owned(),
            exp: claims.expires_at.ms(),
            user: claims.user.clone(),
        };
        // It holds only strings and an integer, so it can always be written as JSON.
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&payload).unwrap_or_default());
        let mac = mac(&payload, master).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
        Self(format!("v1.{payload}.{}", URL_SAFE_NO_PAD.encode(mac)))
    }

    /// The token's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` has the form of the tokens that are issued here. If not, it can only be another service's token. A token of ours
    /// keeps the form if it has expired, was revoked with its key, or was altered after its claims.
    pub fn has_form(text: &str) -> bool {
        Parts::read(text).is_some()
    }

    /// Reads a token that must be `app`'s own and valid at `now`.
    ///
    /// # Errors
    /// [`SessionTokenError`].
    pub fn verify(text: &str, app: &App, now: Timestamp) -> Result<SessionClaims, SessionTokenError> {
        let Parts { payload, claims, signature } = Parts::read(text).ok_or(SessionTokenError::Form)?;
        if claims.app != app.id {
            return Err(SessionTokenError::OtherApp);
        }
        let mac = mac(payload, &app.keys(claims.mode).master.current).ok_or(SessionTokenError::Form)?;
        mac.verify_slice(&signature).map_err(|_| SessionTokenError::Signature)?;
        if claims.expires_at <= now { Err(SessionTokenError::Expired) } else { Ok(claims) }
    }
}

/// A token divided into its parts. Nothing of it is proven yet.
struct Parts<'a> {
    payload: &'a str,
    claims: SessionClaims,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let token = text.strip_prefix("v1.").filter(|_| text.len() <= TOKEN_BYTES_MAX)?;
        let (payload, signature) = token.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Self { payload, claims: read_claims(payload)?, signature })
    }
}

fn read_claims(payload: &str) -> Option<SessionClaims> {
    let payload: Payload = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    Some(SessionClaims {
        app: AppId::parse(&payload.app).ok()?,
        mode: Mode::find(&payload.mode)?,
        expires_at: Timestamp::from_ms(payload.exp).ok()?,
        user: payload.user,
    })
}

/// HMAC takes a key of any length, so this is never `None`. The type of `new_from_slice` does not say so.
fn mac(payload: &str, master: &Key) -> Option<Hmac<Sha256>> {
    let mac = Hmac::<Sha256>::new_from_slice(master.expose().as_bytes()).ok()?;
    Some(mac.chain_update("maxpay session v1.").chain_update(payload))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Secret,
        app::tests::{app, at},
    };

    fn token(mode: Mode) -> SessionToken {
        let app = app();
        let claims = SessionClaims { app: app.id.clone(), mode, expires_at: at(2000), user: Some("用户".to_owned()) };
        SessionToken::issue(&claims, &app.keys(mode).master.current)
    }

    #[test]
    fn a_token_is_bound_to_its_app_mode_and_time() {
        for mode in Mode::ALL {
            let token = token(mode);
            let claims = SessionToken::verify(token.as_str(), &app(), at(1999)).unwrap();
            assert_eq!((claims.mode, claims.user.as_deref()), (mode, Some("用户")));
            assert_eq!(SessionToken::verify(token.as_str(), &app(), at(2000)), Err(SessionTokenError::Expired));
        }
        let mut other = app();
        other.id = AppId::parse("568a12086e912100017722e6").unwrap();
        assert_eq!(SessionToken::verify(token(Mode::Test).as_str(), &other, at(0)), Err(SessionTokenError::OtherApp));
    }

    #[test]
    fn rotating_the_master_key_revokes_every_token_at_once() {
        let mut app = app();
        let grace = Duration::from_secs(3600);
        app.test.master = app.test.master.rotated(Secret::new("next".to_owned()), at(0), grace);
        assert!(app.test.master.admits("test-master", at(1)));
        assert_eq!(SessionToken::verify(token(Mode::Test).as_str(), &app, at(1)), Err(SessionTokenError::Signature));
        assert!(SessionToken::verify(token(Mode::Live).as_str(), &app, at(1)).is_ok());
    }

    #[test]
    fn the_form_tells_our_tokens_from_those_of_other_services() {
        let token = token(Mode::Test);
        let (claims, _) = token.as_str().rsplit_once('.').unwrap();
        for ours in [token.as_str(), &format!("{claims}.AAAA")] {
            assert!(SessionToken::has_form(ours), "{ours}");
        }
        let foreign = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmVk";
        for text in ["", "r:b5e3a2f1c0d94e1f8a7b6c5d4e3f2a1b", foreign, "v1.eyJ9.AAAA", claims] {
            assert!(!SessionToken::has_form(text), "{text}");
        }
    }

    #[test]
    fn no_changed_byte_is_accepted() {
        let good = token(Mode::Test);
        for place in 0..good.as_str().len() {
            let mut bytes = good.as_str().as_bytes().to_vec();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(bytes).unwrap();
            assert!(SessionToken::verify(&text, &app(), at(0)).is_err(), "{text}");
        }
        for text in ["", "v1.", "v1..", "v2.a.b", &"v1.".repeat(1000)] {
            assert_eq!(SessionToken::verify(text, &app(), at(0)), Err(SessionTokenError::Form));
        }
    }
}
