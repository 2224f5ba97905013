//! The `state` that goes to WeChat and comes back with a payer's code. It binds the code to one checkout and to one browser.
//!
//! Eight hex digits of the time in seconds, and the first 16 bytes of an HMAC-SHA256 in hex: WeChat takes letters and digits only. The MAC
//! covers the checkout's token and a nonce that the browser keeps as a cookie. So a code of one payer, or a whole address that somebody
//! passes on, is taken in no other browser and for no other bill.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{App, Key, Mode, Timestamp};

/// WeChat's own code lives for five minutes; the way there and back takes seconds.
const LIVES: Duration = Duration::from_secs(600);
const MAC_BYTES: usize = 16;

/// What a state is bound to.
#[derive(Clone, Copy, Debug)]
pub struct OpenidState<'a> {
    /// The checkout's token.
    pub token: &'a str,
    /// What the browser keeps.
    pub nonce: &'a str,
}

impl OpenidState<'_> {
    /// The state's text.
    pub fn issue(&self, master: &Key, now: Timestamp) -> String {
        let seconds = format!("{:08x}", now.seconds());
        let mac = self.mac(&seconds, master).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
        let mac: String = mac.iter().take(MAC_BYTES).map(|byte| format!("{byte:02x}")).collect();
        format!("{seconds}{mac}")
    }

    /// Whether `state` was issued for this checkout and this browser, not long ago.
    pub fn fits(&self, state: &str, app: &App, mode: Mode, now: Timestamp) -> bool {
        let Some((seconds, mac)) = state.split_at_checked(8) else { return false };
        let issued_at =
            i64::from_str_radix(seconds, 16).map(|seconds| Timestamp::clamped(seconds.saturating_mul(1000)));
        let is_fresh = issued_at.is_ok_and(|issued_at| issued_at <= now && issued_at.plus(LIVES) > now);
        let pairs = (0..MAC_BYTES).map(|at| u8::from_str_radix(mac.get(2 * at..2 * at + 2)?, 16).ok());
        let Some(found) = pairs.collect::<Option<Vec<u8>>>().filter(|_| mac.len() == 2 * MAC_BYTES) else {
            return false;
        };
        let fits =
            |master: &Key| self.mac(seconds, master).is_some_and(|mac| mac.verify_truncated_left(&found).is_ok());
        is_fresh && app.keys(mode).master.valid_at(now).any(fits)
    }

    /// HMAC takes a key of any length, so this is never `None`. The parts are separated by a sign that none of them holds.
    fn mac(&self, seconds: &str, master: &Key) -> Option<Hmac<Sha256>> {
        let mac = Hmac::<Sha256>::new_from_slice(master.expose().as_bytes()).ok()?;
        let Self { token, nonce } = self;
        Some(mac.chain_update("maxpay openid v1.").chain_update(format!("{seconds}.{token}.{nonce}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::{app, at};

    #[test]
    fn a_state_is_bound_to_its_checkout_its_browser_and_its_time() {
        let app = app();
        let bound = OpenidState { token: "token", nonce: "nonce" };
        let issued = at(1_795_444_200_000);
        let state = bound.issue(&app.keys(Mode::Test).master.current, issued);
        assert!(state.len() == 40 && state.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{state}");
        let fits = |bound: OpenidState<'_>, state: &str, mode, now| bound.fits(state, &app, mode, now);
        assert!(fits(bound, &state, Mode::Test, issued.plus(Duration::from_secs(599))));
        assert!(!fits(bound, &state, Mode::Test, issued.plus(LIVES)));
        assert!(!fits(bound, &state, Mode::Test, issued.minus(Duration::from_secs(1))));
        assert!(!fits(bound, &state, Mode::Live, issued));
        assert!(!fits(OpenidState { token: "other", ..bound }, &state, Mode::Test, issued));
        assert!(!fits(OpenidState { nonce: "other", ..bound }, &state, Mode::Test, issued));
        for wrong in ["", "0", &state[..39], &format!("{state}0"), &state.replace(char::is_numeric, "f")] {
            assert!(!fits(bound, wrong, Mode::Test, issued), "{wrong}");
        }
    }
}
