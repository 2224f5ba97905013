//! Decrypts what WeChat Pay encrypts: AES-256-GCM in v3, AES-256-ECB in the refund notify of v2.

use aes::{
    Aes256,
    cipher::{Array, BlockCipherDecrypt as _, KeyInit as _},
};
use base64::Engine as _;
use domain::Secret;
use md5::{Digest as _, Md5};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::{MessageProblem, cert::hex, json::Members, keys::BASE64};

/// The only algorithm of v3.
const ALGORITHM: &str = "AEAD_AES_256_GCM";
/// A block of AES.
const BLOCK_BYTES: usize = 16;

/// Why it cannot be decrypted. The words contain no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StillSealed {
    /// It does not have the documented form.
    Malformed(MessageProblem),
    /// It was encrypted with another key, or changed in transit.
    WrongKey,
}

/// Decrypts a `resource` or an `encrypt_certificate` with the APIv3 key.
///
/// # Source
/// `docs/protocols.md` 2.6.
pub(crate) fn open(sealed: &Members, key: &Secret<[u8; 32]>) -> Result<String, StillSealed> {
    use StillSealed::{Malformed, WrongKey};
    if sealed.text("algorithm").as_deref() != Some(ALGORITHM) {
        return Err(Malformed(MessageProblem::SealAlgorithm));
    }
    let nonce = sealed.text("nonce").ok_or_else(|| Malformed(missing("nonce")))?;
    let nonce: [u8; NONCE_LEN] = nonce.as_bytes().try_into().map_err(|_| Malformed(MessageProblem::SealNonce))?;
    let associated = match sealed.raw("associated_data") {
        // It may be empty or absent; both mean the same.
        None | Some("null") => String::new(),
        Some(_) => sealed.text("associated_data").ok_or(Malformed(MessageProblem::SealData))?,
    };
    let ciphertext = sealed.text("ciphertext").ok_or_else(|| Malformed(missing("ciphertext")))?;
    let mut bytes = BASE64
        .decode(ciphertext)
        .map_err(|_| Malformed(MessageProblem::NotBase64 { field: "ciphertext".to_owned() }))?;
    let key = UnboundKey::new(&AES_256_GCM, key.expose()).map_err(|_| WrongKey)?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let opened = LessSafeKey::new(key).open_in_place(nonce, Aad::from(associated.as_bytes()), &mut bytes);
    let opened = opened.map_err(|_| WrongKey)?;
    String::from_utf8(opened.to_vec()).map_err(|_| Malformed(MessageProblem::SealNotUtf8))
}

/// Decrypts `req_info` of v2's refund notify. The key is the lower-case hex MD5 of the API key. Only the padding shows whether it
/// is the right key.
///
/// # Source
/// `docs/protocols.md` 2.8.
pub(crate) fn open_v2(req_info: &str, api_key: &Secret<String>) -> Result<String, StillSealed> {
    use StillSealed::{Malformed, WrongKey};
    let bytes =
        BASE64.decode(req_info).map_err(|_| Malformed(MessageProblem::NotBase64 { field: "req_info".to_owned() }))?;
    if bytes.is_empty() || bytes.len() % BLOCK_BYTES != 0 {
        return Err(Malformed(MessageProblem::SealBlocks));
    }
    let key = hex(&Md5::digest(api_key.expose()));
    let cipher = Aes256::new_from_slice(key.as_bytes()).map_err(|_| WrongKey)?;
    let mut opened = Vec::with_capacity(bytes.len());
    for block in bytes.chunks_exact(BLOCK_BYTES) {
        let mut block = Array::try_from(block).map_err(|_| WrongKey)?;
        cipher.decrypt_block(&mut block);
        opened.extend_from_slice(&block);
    }
    let length = unpadded(&opened).ok_or(WrongKey)?;
    opened.truncate(length);
    String::from_utf8(opened).map_err(|_| WrongKey)
}

fn missing(field: &str) -> MessageProblem {
    MessageProblem::Missing { field: field.to_owned() }
}

/// How many bytes come before the padding of PKCS#7, if it is valid.
fn unpadded(bytes: &[u8]) -> Option<usize> {
    let last = *bytes.last()?;
    let count = usize::from(last);
    let length = bytes.len().checked_sub(count)?;
    let padding = bytes.get(length..)?;
    ((1..=BLOCK_BYTES).contains(&count) && padding.iter().all(|byte| *byte == last)).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn padding_is_taken_as_it_must_be() {
        let cases: &[(&[u8], Option<usize>)] = &[
            (&[16; 16],                     Some(0)),
            (&[9, 9, 1],                    Some(2)),
            (&[9, 2, 2],                    Some(1)),
            (&[9, 3, 2],                    None),
            (&[9, 9, 0],                    None),
            (&[3, 3],                       None),
            (&[17; 32],                     None),
            (&[],                           None),
        ];
        for (bytes, expect) in cases {
            assert_eq!(unpadded(bytes), *expect, "{bytes:?}");
        }
    }
}
