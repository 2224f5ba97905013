//! Random bytes for ids, keys and nonces.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use providers::Nonce;
use ring::rand::{SecureRandom, SystemRandom};

/// A source of randomness: the system's.
#[derive(Clone, Debug)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    System(SystemRandom),
    #[cfg(feature = "simulated")]
    Told(std::sync::Arc<Fill>),
}

/// Fills a slice with bytes.
#[cfg(feature = "simulated")]
type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system's random source failed")]
pub struct RandomError;

impl Random {
    pub(crate) fn new() -> Self {
        Self(Source::System(SystemRandom::new()))
    }

    /// Bytes that the simulation draws from its seed. No deployed function is built with it.
    #[cfg(feature = "simulated")]
    pub fn told(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Source::Told(std::sync::Arc::new(fill)))
    }

    /// `N` random bytes.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], RandomError> {
        let mut bytes = [0; N];
        match &self.0 {
            Source::System(system) => system.fill(&mut bytes).map_err(|_| RandomError)?,
            #[cfg(feature = "simulated")]
            Source::Told(fill) => fill(&mut bytes),
        }
        Ok(bytes)
    }

    /// A nonce for one call to a provider.
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
