//! Seals values that must not be readable in the tables, by AES-256-GCM. A sealed value is bound to its item.

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
    /// The first key seals, and every key opens.
    keys: Arc<[LessSafeKey]>,
    random: SystemRandom,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(***)")
    }
}

const FORMAT: u8 = 1;

impl Sealer {
    /// Takes 32 bytes in base64, or as 64 hex digits. Older keys may follow the present one after spaces. They still open what they sealed,
    /// and seal nothing more.
    ///
    /// # Errors
    /// [`InvalidSealingKey`] for anything else.
    pub fn new(keys: &Secret<String>) -> Result<Self, InvalidSealingKey> {
        let keys: Arc<[_]> = keys.expose().split_whitespace().map(read_key).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(InvalidSealingKey) } else { Ok(Self { keys, random: SystemRandom::new() }) }
    }

    /// Seals `plain` for `owner`. Only the same owner can open it.
    pub(crate) fn seal(&self, owner: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let failed = |_| StoreError::Sealed { owner: owner.to_owned() };
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(failed)?;
        let mut sealed = plain.to_vec();
        let aad = Aad::from(owner.as_bytes());
        let key = self.keys.first().ok_or_else(|| StoreError::Sealed { owner: owner.to_owned() })?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).map_err(failed)?;
        Ok([&[FORMAT], nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// Opens what was sealed for `owner`.
    pub(crate) fn open(&self, owner: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, StoreError> {
        let failed = || StoreError::Sealed { owner: owner.to_owned() };
        let rest = sealed.strip_prefix(&[FORMAT]).ok_or_else(failed)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(failed)?;
        let open = |key: &LessSafeKey| {
            let mut buffer = ciphertext.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let plain = key.open_in_place(nonce, Aad::from(owner.as_bytes()), &mut buffer).ok()?;
            Some(Secret::new(plain.to_vec()))
        };
        self.keys.iter().find_map(open).ok_or_else(failed)
    }
}

fn read_key(text: &str) -> Result<LessSafeKey, InvalidSealingKey> {
    let bytes = if text.len() == HEX_DIGITS { read_hex(text) } else { STANDARD.decode(text).ok() };
    let key = UnboundKey::new(&AES_256_GCM, &bytes.ok_or(InvalidSealingKey)?).map_err(|_| InvalidSealingKey)?;
    Ok(LessSafeKey::new(key))
}

/// 32 bytes. In base64 they take 44 characters.
const HEX_DIGITS: usize = 64;

fn read_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    digits?
        .chunks_exact(2)
        .map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)).ok())
        .collect()
}

/// The sealing key is not 32 bytes, in base64 or in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealing key must be 32 bytes, in base64 or as 64 hex digits")]
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
        let (short, long) = (STANDARD.encode([0; 31]), "0".repeat(66));
        for key in
            ["", " ", "x", "AAAA", &short, &long, &"g".repeat(64), &"é".repeat(32), &format!("{} x", "0".repeat(64))]
        {
            assert!(Sealer::new(&Secret::new(key.to_owned())).is_err(), "{key}");
        }
    }

    #[test]
    fn a_key_in_hex_is_the_key_in_base64() {
        let hex = Sealer::new(&Secret::new("ab".repeat(32))).unwrap();
        assert_eq!(sealer(0xab).open("a", &hex.seal("a", b"x").unwrap()).unwrap().expose(), b"x");
    }

    #[test]
    fn an_older_key_opens_what_it_sealed_and_seals_no_more() {
        let (old, new) = (STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
        let both = Sealer::new(&Secret::new(format!("{new} {old}"))).unwrap();
        assert_eq!(both.open("a", &sealer(1).seal("a", b"x").unwrap()).unwrap().expose(), b"x");
        let sealed = both.seal("a", b"y").unwrap();
        assert!(sealer(1).open("a", &sealed).is_err());
        assert_eq!(sealer(2).open("a", &sealed).unwrap().expose(), b"y");
    }
}
