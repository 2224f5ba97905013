//! The session of somebody who signed in: sealed in a cookie, so that no instance of the function has to remember it.
//!
//! It is encrypted and authenticated with a key of its own, which follows from the sealing key. It ends after twelve hours, and at
//! once when the operator's password, role or admission changes, because each call compares its epoch with the operator's.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{OperatorName, Timestamp};
use http::HeaderMap;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
};
use runtime::{Config, Random};
use subtle::ConstantTimeEq;

use super::cookies;
use crate::problem::Problem;

/// A working day.
const LASTS: Duration = Duration::from_secs(12 * 3600);
const PURPOSE: &[u8] = b"maxpay console session 1";

/// Who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) name: OperatorName,
    /// The operator's epoch at the sign-in.
    pub(crate) epoch: i64,
    /// What every form of this session carries.
    pub(crate) csrf: String,
    pub(crate) ends_at: Timestamp,
}

impl Session {
    pub(crate) fn begin(name: OperatorName, epoch: i64, now: Timestamp, random: &Random) -> Result<Self, Problem> {
        Ok(Self { name, epoch, csrf: random.text::<24>()?, ends_at: now.plus(LASTS) })
    }

    /// The session in the cookie, if it is ours and not over.
    pub(crate) fn read(headers: &HeaderMap, config: &Config, now: Timestamp) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(cookies::find(headers, cookie_name(config))?).ok()?;
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut buffer = ciphertext.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = key(config)?.open_in_place(nonce, Aad::from(PURPOSE), &mut buffer).ok()?;
        let mut parts = std::str::from_utf8(plain).ok()?.split('\n');
        let (name, epoch, csrf, ends_ms) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let session = Self {
            name: OperatorName::parse(name)?,
            epoch: epoch.parse().ok()?,
            csrf: csrf.to_owned(),
            ends_at: Timestamp::from_ms(ends_ms.parse().ok()?).ok()?,
        };
        (now < session.ends_at).then_some(session)
    }

    /// The cookie that carries it.
    pub(crate) fn cookie(&self, config: &Config, random: &Random) -> Result<String, Problem> {
        let plain = format!("{}\n{}\n{}\n{}", self.name, self.epoch, self.csrf, self.ends_at.ms());
        let nonce: [u8; NONCE_LEN] = random.bytes()?;
        let mut sealed = plain.into_bytes();
        let key = key(config).ok_or_else(Problem::internal)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(PURPOSE), &mut sealed)
            .map_err(|_| Problem::internal())?;
        let value = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat());
        let (name, secure, seconds) = (cookie_name(config), secure(config), LASTS.as_secs());
        Ok(format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"))
    }

    /// The cookie that takes it away.
    pub(crate) fn end(config: &Config) -> String {
        let (name, secure) = (cookie_name(config), secure(config));
        format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}")
    }

    /// Whether a form was made for this session, in constant time.
    pub(crate) fn made(&self, csrf: &str) -> bool {
        self.csrf.as_bytes().ct_eq(csrf.as_bytes()).into()
    }
}

/// Behind https no other host, and no page read over http, can plant a cookie of this name.
fn cookie_name(config: &Config) -> &'static str {
    if is_https(config) { "__Host-maxpay" } else { "maxpay_console" }
}

/// The attribute that keeps cookies on https, where that is spoken.
pub(crate) fn secure(config: &Config) -> &'static str {
    if is_https(config) { "; Secure" } else { "" }
}

fn is_https(config: &Config) -> bool {
    config.public_url.starts_with("https://")
}

fn key(config: &Config) -> Option<LessSafeKey> {
    let secret = Salt::new(HKDF_SHA256, b"maxpay").extract(config.sealing_key.expose().as_bytes());
    let key: UnboundKey = secret.expand(&[PURPOSE], &AES_256_GCM).ok()?.into();
    Some(LessSafeKey::new(key))
}
