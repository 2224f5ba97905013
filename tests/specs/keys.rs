//! The simulator's throwaway keys (`infra/simulators/keys`). With them a spec can sign as Alipay does.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};

const ALIPAY: &str = include_str!("../../infra/simulators/keys/alipay/openapi/alipay_private.pem");
const NOBODY: &str = include_str!("../../infra/simulators/keys/other_private.pem");

/// Which key signs.
#[derive(Clone, Copy)]
pub(crate) enum Signer {
    Alipay,
    Nobody,
}

/// RSA2 in base64.
pub(crate) fn sign(content: &str, signer: Signer) -> String {
    let pem = match signer {
        Signer::Alipay => ALIPAY,
        Signer::Nobody => NOBODY,
    };
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).unwrap()).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), content.as_bytes(), &mut signature).unwrap();
    STANDARD.encode(signature)
}
