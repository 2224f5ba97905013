//! Seals what must not be readable in the tables: AES-256-GCM, bound to the item it belongs to.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::Secret;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use std::sync::Arc;

use crate::StoreError;

/// Seals and opens. A sealed value is a version byte, a random nonce, the ciphertext and its tag.
#[derive(Clone)]
pub struct Sealer {
    key: Arc<LessSafeKey>,
    random: SystemRandom,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(***)")
    }
}

const FORMAT: u8 = 1;

impl Sealer {
    /// Takes 32 bytes in base64.
    ///
    /// # Errors
    /// [`InvalidSealingKey`] for anything else.
    pub fn new(key: &Secret<String>) -> Result<Self, InvalidSealingKey> {
        let bytes = STANDARD.decode(key.expose()).map_err(|_| InvalidSealingKey)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| InvalidSealingKey)?;
        Ok(Self { key: Arc::new(LessSafeKey::new(key)), random: SystemRandom::new() })
    }

    /// Seals `plain` for `owner`; it opens for the same owner only.
    pub(crate) fn seal(&self, owner: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let failed = |_| StoreError::Sealed { owner: owner.to_owned() };
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(failed)?;
        let mut sealed = plain.to_vec();
        let aad = Aad::from(owner.as_bytes());
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).map_err(failed)?;
        Ok([&[FORMAT], nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// Opens what was sealed for `owner`.
    pub(crate) fn open(&self, owner: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, StoreError> {
        let failed = || StoreError::Sealed { owner: owner.to_owned() };
        let rest = sealed.strip_prefix(&[FORMAT]).ok_or_else(failed)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(failed)?;
        let mut buffer = ciphertext.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.key.open_in_place(nonce, Aad::from(owner.as_bytes()), &mut buffer).map_err(|_| failed())?;
        Ok(Secret::new(plain.to_vec()))
    }
}

/// The sealing key is not 32 bytes in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealing key must be 32 bytes in base64")]
pub struct InvalidSealingKey;

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&Secret::new(STANDARD.encode([byte; 32]))).unwrap()
    }

    #[test]
    fn a_sealed_value_opens_for_its_owner_and_key_only() {
        let sealed = sealer(1).seal("app#test#ali", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(sealer(1).open("app#test#ali", &sealed).unwrap().expose(), b"secret");
        assert!(sealer(1).open("app#live#ali", &sealed).is_err());
        assert!(sealer(2).open("app#test#ali", &sealed).is_err());
        for place in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[place] ^= 1;
            assert!(sealer(1).open("app#test#ali", &altered).is_err());
            assert!(sealer(1).open("app#test#ali", &sealed[..place]).is_err());
        }
        assert_ne!(sealer(1).seal("a", b"x").unwrap(), sealer(1).seal("a", b"x").unwrap());
    }

    #[test]
    fn a_key_is_32_bytes() {
        for key in ["", "x", "AAAA", &STANDARD.encode([0; 31])] {
            assert!(Sealer::new(&Secret::new(key.to_owned())).is_err());
        }
    }
}
