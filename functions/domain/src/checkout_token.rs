//! The token in a checkout's address: `/pay/<token>`. It is a QR code, so it is as short as can be.
//!
//! Stateless, in base64url: one byte for version and mode, the app's id, the end in seconds, the bill number, and the first 16 bytes of an
//! HMAC-SHA256 under the app's master key. A key that was replaced is taken until its grace is over, so that open checkouts stay open.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{App, AppId, BillNum, CheckoutKey, Key, Mode, Timestamp};

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutClaims {
    /// Whose checkout.
    pub key: CheckoutKey,
    /// Until when it can be paid, in whole seconds.
    pub expires_at: Timestamp,
}

/// A token as it stands in the address.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckoutToken(String);

/// The token is not one of this app's. A visitor learns nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token of the checkout is not genuine")]
pub struct InvalidCheckoutToken;

const LIVE: u8 = 2;
const TEST: u8 = 3;
const APP_BYTES: usize = 12;
const MAC_BYTES: usize = 16;
const HEAD_BYTES: usize = 1 + APP_BYTES + 4;
/// The longest bill number takes four bytes a character.
const BYTES_MAX: usize = HEAD_BYTES + 4 * BillNum::CHARS_MAX + MAC_BYTES;
const CHARS_MAX: usize = BYTES_MAX * 4 / 3 + 1;

impl CheckoutToken {
    /// Issues a token under `master`. The same claims under the same key give the same token.
    pub fn issue(claims: &CheckoutClaims, master: &Key) -> Self {
        let CheckoutClaims { key, expires_at } = claims;
        let mut bytes = vec![if key.mode == Mode::Live { LIVE } else { TEST }];
        bytes.extend(app_bytes(&key.app));
        // Four bytes of seconds last until the year 2106.
        bytes.extend(u32::try_from(expires_at.seconds()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(key.bill.as_str().as_bytes());
        let mac = mac(&bytes, master).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
        bytes.extend(mac.iter().take(MAC_BYTES));
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The token's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The app that a token names. Nothing of it is proven yet.
    pub fn app_named_by(text: &str) -> Option<AppId> {
        Parts::read(text).map(|parts| parts.claims.key.app)
    }

    /// Reads a token that must be `app`'s own. It may have ended: the page of an ended checkout says so.
    ///
    /// # Errors
    /// [`InvalidCheckoutToken`].
    pub fn verify(text: &str, app: &App, now: Timestamp) -> Result<CheckoutClaims, InvalidCheckoutToken> {
        let Parts { signed, mac: found, claims } = Parts::read(text).ok_or(InvalidCheckoutToken)?;
        if claims.key.app != app.id {
            return Err(InvalidCheckoutToken);
        }
        let fits = |master: &Key| mac(&signed, master).is_some_and(|mac| mac.verify_truncated_left(&found).is_ok());
        let is_genuine = app.keys(claims.key.mode).master.valid_at(now).any(fits);
        if is_genuine { Ok(claims) } else { Err(InvalidCheckoutToken) }
    }
}

/// A token divided into its parts. Nothing of it is proven yet.
struct Parts {
    signed: Vec<u8>,
    mac: Vec<u8>,
    claims: CheckoutClaims,
}

impl Parts {
    fn read(text: &str) -> Option<Self> {
        let mut signed = URL_SAFE_NO_PAD.decode(Some(text).filter(|text| text.len() <= CHARS_MAX)?).ok()?;
        let mac = signed.split_off(signed.len().checked_sub(MAC_BYTES)?);
        let (version, rest) = signed.split_first()?;
        let mode = match *version {
            LIVE => Mode::Live,
            TEST => Mode::Test,
            _ => return None,
        };
        let (app, rest) = rest.split_at_checked(APP_BYTES)?;
        let (seconds, bill) = rest.split_first_chunk::<4>()?;
        let app: String = app.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = CheckoutKey {
            app: AppId::parse(&app).ok()?,
            mode,
            bill: BillNum::parse(std::str::from_utf8(bill).ok()?).ok()?,
        };
        let expires_at = Timestamp::from_ms(i64::from(u32::from_be_bytes(*seconds)) * 1000).ok()?;
        Some(Self { mac, claims: CheckoutClaims { key, expires_at }, signed })
    }
}

/// An app's id is 24 hex digits, so that no pair fails to be read.
fn app_bytes(app: &AppId) -> impl Iterator<Item = u8> {
    let digits = app.as_str();
    (0..APP_BYTES)
        .map(|at| digits.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or_default())
}

/// HMAC takes a key of any length, so this is never `None`. The type of `new_from_slice` does not say so.
fn mac(signed: &[u8], master: &Key) -> Option<Hmac<Sha256>> {
    let mac = Hmac::<Sha256>::new_from_slice(master.expose().as_bytes()).ok()?;
    Some(mac.chain_update("maxpay checkout v1.").chain_update(signed))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Secret,
        app::tests::{app, at},
    };

    fn claims(mode: Mode, bill: &str) -> CheckoutClaims {
        let key = CheckoutKey { app: app().id, mode, bill: BillNum::parse(bill).unwrap() };
        CheckoutClaims { key, expires_at: Timestamp::from_ms(1_795_444_207_000).unwrap() }
    }

    fn token(claims: &CheckoutClaims) -> CheckoutToken {
        CheckoutToken::issue(claims, &app().keys(claims.key.mode).master.current)
    }

    #[test]
    fn a_token_says_what_was_issued_and_is_short() {
        for mode in Mode::ALL {
            for bill in ["112233", "a b#c/d?e", &"x".repeat(64), &"😀".repeat(64)] {
                let claims = claims(mode, bill);
                let token = token(&claims);
                assert_eq!(CheckoutToken::verify(token.as_str(), &app(), at(0)), Ok(claims));
                assert_eq!(CheckoutToken::app_named_by(token.as_str()), Some(app().id));
            }
        }
        assert_eq!(token(&claims(Mode::Test, "20261123000001234567")).as_str().len(), 71);
    }

    #[test]
    fn no_changed_byte_no_other_app_and_no_other_mode_is_accepted() {
        let good = token(&claims(Mode::Test, "112233"));
        for place in 0..good.as_str().len() {
            for sign in [b'A', b'B'] {
                let mut bytes = good.as_str().as_bytes().to_vec();
                bytes[place] = sign;
                let text = String::from_utf8(bytes).unwrap();
                let found = CheckoutToken::verify(&text, &app(), at(0));
                assert!(text == good.as_str() || found.is_err(), "{text}");
            }
        }
        let mut other = app();
        other.id = AppId::parse("568a12086e912100017722e6").unwrap();
        assert!(CheckoutToken::verify(good.as_str(), &other, at(0)).is_err());
        let live = CheckoutToken::issue(&claims(Mode::Live, "112233"), &app().keys(Mode::Test).master.current);
        assert!(CheckoutToken::verify(live.as_str(), &app(), at(0)).is_err());
        for text in ["", "A", "wx", &"A".repeat(CHARS_MAX), &"A".repeat(CHARS_MAX + 1)] {
            assert!(CheckoutToken::verify(text, &app(), at(0)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_replaced_key_is_taken_until_its_grace_is_over() {
        let mut app = app();
        let good = token(&claims(Mode::Test, "112233"));
        let next = Secret::new("next".to_owned());
        app.test.master = app.test.master.rotated(next, at(0), Duration::from_secs(3600));
        assert!(CheckoutToken::verify(good.as_str(), &app, at(1)).is_ok());
        assert!(CheckoutToken::verify(good.as_str(), &app, at(0).plus(Duration::from_secs(3600))).is_err());
    }
}
