//! Texts that the console gives to browsers and gets back. They are sealed with a key that only this function has, each kind separately.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
};
use runtime::{Config, Services};
use tracing::error;

use crate::api::problem::Problem;

/// The purpose of a sealed text. A text that was sealed for one purpose cannot be opened for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An operator who is signed in.
    Session,
    /// A browser in which an operator signed in before.
    Device,
    /// An operator who gave the right password and is now asked for a code.
    Ticket,
    /// The totals of an export, which each part hands on to the next.
    Totals,
}

impl Purpose {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Session => b"maxpay console session 2",
            Self::Device => b"maxpay console device 1",
            Self::Ticket => b"maxpay console ticket 1",
            Self::Totals => b"maxpay console totals 1",
        }
    }
}

/// Encrypts and authenticates lines of text.
///
/// # Errors
/// The key is missing, or no random numbers are available.
pub(crate) fn seal(services: &Services, purpose: Purpose, lines: &[&str]) -> Result<String, Problem> {
    let Some(key) = key(&services.config, purpose) else {
        error!("the console's key cannot be used: is MAXPAY_CONSOLE_KEY set?");
        return Err(Problem::internal());
    };
    let nonce: [u8; NONCE_LEN] = services.random.bytes()?;
    let mut sealed = lines.join("\n").into_bytes();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose.name()), &mut sealed)
        .map_err(|_| Problem::internal())?;
    Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
}

/// The `N` sealed lines. `None` if they were sealed elsewhere, or for another purpose.
pub(crate) fn open<const N: usize>(config: &Config, purpose: Purpose, sealed: &str) -> Option<[String; N]> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut buffer = ciphertext.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let plain = key(config, purpose)?.open_in_place(nonce, Aad::from(purpose.name()), &mut buffer).ok()?;
    let lines: Vec<String> = std::str::from_utf8(plain).ok()?.split('\n').map(str::to_owned).collect();
    lines.try_into().ok()
}

fn key(config: &Config, purpose: Purpose) -> Option<LessSafeKey> {
    let secret = config.console_key.as_ref()?.expose().as_bytes();
    let secret = Salt::new(HKDF_SHA256, b"maxpay").extract(secret);
    let key: UnboundKey = secret.expand(&[purpose.name()], &AES_256_GCM).ok()?.into();
    Some(LessSafeKey::new(key))
}
