//! Random bytes for ids, keys and nonces.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use providers::Nonce;
use ring::rand::{SecureRandom, SystemRandom};

/// The system's source of randomness.
#[derive(Clone, Debug)]
pub struct Random(SystemRandom);

/// The system has no randomness to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system's random source failed")]
pub struct RandomError;

impl Random {
    pub(crate) fn new() -> Self {
        Self(SystemRandom::new())
    }

    /// `N` random bytes.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], RandomError> {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes).map_err(|_| RandomError)?;
        Ok(bytes)
    }

    /// A nonce for one verb of a provider's.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn nonce(&self) -> Result<Nonce, RandomError> {
        self.bytes().map(Nonce::from_random)
    }

    /// The text of `N` random bytes in standard base64, padded.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn standard_base64<const N: usize>(&self) -> Result<String, RandomError> {
        Ok(STANDARD.encode(self.bytes::<N>()?))
    }

    /// The text of `N` random bytes in base64url: for keys.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn text<const N: usize>(&self) -> Result<String, RandomError> {
        Ok(URL_SAFE_NO_PAD.encode(self.bytes::<N>()?))
    }
}
