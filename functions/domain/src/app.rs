//! An app and its keys.

use std::time::Duration;

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

use crate::{AppId, ClientBounds, Fen, Mode, Secret, Shards, Timestamp, closed_list};

closed_list! {
    /// Which of an app's keys.
    pub enum KeyKind {
        /// Public: what the SDKs in apps and pages send.
        Client = "client",
        /// Secret: may do everything for its app.
        Master = "master",
    }
}

/// The text of a key: printable ASCII.
pub type Key = Secret<String>;

/// A key that can be replaced without a gap: the key before it stays valid for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotatingKey {
    /// The key from now on.
    pub current: Key,
    /// The key before, and until when it is still taken.
    pub previous: Option<(Key, Timestamp)>,
}

impl RotatingKey {
    /// A key that replaces no other.
    pub fn new(current: Key) -> Self {
        Self { current, previous: None }
    }

    /// The key after a rotation: `next` is current, and the key that was current stays valid for `grace`.
    #[must_use]
    pub fn rotated(self, next: Key, now: Timestamp, grace: Duration) -> Self {
        Self { current: next, previous: (!grace.is_zero()).then(|| (self.current, now.plus(grace))) }
    }

    /// The keys that are valid at `now`, the current one first.
    pub fn valid_at(&self, now: Timestamp) -> impl Iterator<Item = &Key> {
        let previous = self.previous.as_ref().filter(move |(_, until)| now < *until).map(|(key, _)| key);
        std::iter::once(&self.current).chain(previous)
    }

    /// Whether `presented` is the current key. A replaced key does not count, even while it is valid. Compares in constant time.
    pub fn is_current(&self, presented: &str) -> bool {
        same(self.current.expose(), presented)
    }

    /// Whether `presented` is valid at `now`. Compares in constant time.
    pub fn admits(&self, presented: &str, now: Timestamp) -> bool {
        self.valid_at(now).any(|key| same(key.expose(), presented))
    }
}

/// The keys of an app in one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet {
    /// The public one.
    pub client: RotatingKey,
    /// The secret one.
    pub master: RotatingKey,
}

/// An app: a merchant's shop, with keys for real payments and for tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its id.
    pub id: AppId,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its keys for real payments.
    pub live: KeySet,
    /// Its keys for tests.
    pub test: KeySet,
    /// Whether a duplicate payment of a bill is refunded automatically.
    pub refunds_duplicates: bool,
    /// Whether clients may open bills that the server did not open, and so name their prices.
    pub clients_name_prices: bool,
    /// How its transactions are spread.
    pub shards: Shards,
    /// What its public keys may do.
    pub client_bounds: ClientBounds,
    /// How much operators who are no owners may refund together on one day in Beijing, in each mode. `None`: no limit.
    pub operator_refunds_per_day: Option<Fen>,
}

impl App {
    /// The keys of one mode.
    pub fn keys(&self, mode: Mode) -> &KeySet {
        match mode {
            Mode::Live => &self.live,
            Mode::Test => &self.test,
        }
    }

    /// The mode whose keys satisfy `fits`.
    pub fn mode_where(&self, fits: impl Fn(&KeySet) -> bool) -> Option<Mode> {
        // Both modes are always tried, so that the time taken does not reveal which one fits.
        let [live, test] = Mode::ALL.map(|mode| fits(self.keys(mode)).then_some(mode));
        live.or(test)
    }
}

/// How far the time in a signed client key may be off.
const SIGNED_KEY_SKEW_MAX: Duration = Duration::from_secs(15 * 60);

/// Why a signed client key was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignedClientKeyError {
    /// Not `md5hex,timestampMs`.
    #[error("X-ML-Request-Sign must be md5hex(timestampMs + clientKey),timestampMs in lower case")]
    Form,
    /// Too old, or from the future.
    #[error("the timestamp in X-ML-Request-Sign is more than 15 minutes off")]
    Expired,
}

/// Finds the mode whose client key signed `header`: `md5hex(timestampMs + clientKey),timestampMs`.
///
/// # Errors
/// [`SignedClientKeyError`]. A well-formed header that fits no key is `Ok(None)`.
pub fn verify_signed_client_key(app: &App, header: &str, now: Timestamp) -> Result<Option<Mode>, SignedClientKeyError> {
    let (sign, timestamp) = header.split_once(',').ok_or(SignedClientKeyError::Form)?;
    let is_digits = !timestamp.is_empty() && timestamp.bytes().all(|b| b.is_ascii_digit());
    let ms = timestamp.parse().ok().filter(|_| is_digits).ok_or(SignedClientKeyError::Form)?;
    let signed_at = Timestamp::from_ms(ms).map_err(|_| SignedClientKeyError::Form)?;
    if signed_at.distance(now) > SIGNED_KEY_SKEW_MAX {
        return Err(SignedClientKeyError::Expired);
    }
    let signed_by = |key: &Key| {
        let digest = Md5::new().chain_update(timestamp).chain_update(key.expose()).finalize();
        same(&hex(&digest), sign)
    };
    Ok(app.mode_where(|keys| keys.client.valid_at(now).any(signed_by)))
}

/// Compares two texts. The time taken does not depend on where they differ.
fn same(ours: &str, theirs: &str) -> bool {
    ours.as_bytes().ct_eq(theirs.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms).unwrap()
    }

    pub(crate) fn app() -> App {
        let key = |text: &str| RotatingKey::new(Secret::new(text.to_owned()));
        App {
            id: AppId::parse("568a12086e912100017722e5").unwrap(),
            name: "demo".to_owned(),
            created_at: at(0),
            live: KeySet { client: key("live-client"), master: key("live-master") },
            test: KeySet { client: key("test-client"), master: key("test-master") },
            refunds_duplicates: false,
            clients_name_prices: true,
            shards: Shards::default(),
            client_bounds: ClientBounds::default(),
            operator_refunds_per_day: None,
        }
    }

    #[test]
    fn a_signed_client_key_tells_the_mode() {
        // printf 1795444200000test-client | md5sum
        let header = "325fd501dbaaf32305fa3cbf74f1ba61,1795444200000";
        let signed_at = 1_795_444_200_000;
        let skew = 15 * 60 * 1000;
        let check = |header: &str, now| verify_signed_client_key(&app(), header, at(now));
        assert_eq!(check(header, signed_at), Ok(Some(Mode::Test)));
        assert_eq!(check(header, signed_at + skew), Ok(Some(Mode::Test)));
        assert_eq!(check(header, signed_at - skew), Ok(Some(Mode::Test)));
        assert_eq!(check(header, signed_at + skew + 1), Err(SignedClientKeyError::Expired));
        assert_eq!(check(header, signed_at - skew - 1), Err(SignedClientKeyError::Expired));
        assert_eq!(check(&header.to_uppercase(), signed_at), Ok(None));
        assert_eq!(check(&header.replace("325", "000"), signed_at), Ok(None));
        for text in ["", ",", "abc", "abc,", "abc,-1", "abc,+1", "abc,99999999999999999999"] {
            assert_eq!(check(text, signed_at), Err(SignedClientKeyError::Form), "{text}");
        }
    }

    #[test]
    fn an_old_key_is_taken_until_its_grace_is_over() {
        let key = RotatingKey::new(Secret::new("old".to_owned()));
        let rotated = key.clone().rotated(Secret::new("new".to_owned()), at(1000), Duration::from_secs(1));
        assert!(rotated.admits("new", at(1000)) && rotated.admits("old", at(1999)));
        assert!(rotated.admits("new", at(2000)) && !rotated.admits("old", at(2000)));
        assert!(!rotated.admits("", at(1000)) && !rotated.admits("ne", at(1000)));
        assert!(rotated.is_current("new") && !rotated.is_current("old") && !rotated.is_current(""));
        let at_once = key.rotated(Secret::new("new".to_owned()), at(1000), Duration::ZERO);
        assert!(!at_once.admits("old", at(1000)));
    }
}
