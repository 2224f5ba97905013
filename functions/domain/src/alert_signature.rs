//! The signatures that the robots of DingTalk and Feishu check.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Secret, Timestamp};

/// The HMAC over `<ms>\n<secret>` with the secret as its key, in base64. `None` if the secret cannot be a key.
///
/// # Source
/// <https://open.dingtalk.com/document/robots/customize-robot-security-settings>
pub fn dingtalk_signature(secret: &Secret<String>, now: Timestamp) -> Option<String> {
    let secret = secret.expose();
    sign(secret, &format!("{}\n{secret}", now.ms()))
}

/// The HMAC over nothing with `<seconds>\n<secret>` as its key, in base64. `None` if that cannot be a key.
///
/// # Source
/// <https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>
pub fn feishu_signature(secret: &Secret<String>, now: Timestamp) -> Option<String> {
    sign(&format!("{}\n{}", now.seconds(), secret.expose()), "")
}

fn sign(key: &str, text: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(text.as_bytes());
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the samples in Python of both pages.
    #[test]
    fn signatures_are_those_of_the_services_own_samples() {
        let (secret, now) = (Secret::new("SEC0f1e2d".to_owned()), Timestamp::clamped(1_795_444_200_123));
        assert_eq!(dingtalk_signature(&secret, now).as_deref(), Some("e/dyMfDN7gFZcgTBaJfeGUedex77z3GPsggP/v0Jk7k="));
        assert_eq!(feishu_signature(&secret, now).as_deref(), Some("tQctekATLQoJ4Et73iHz0eIR3bv05QrJNtExtQkpjDc="));
    }
}
