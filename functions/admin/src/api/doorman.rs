//! Who may try a password now.
//!
//! Strangers slow down themselves, and never the owner of a name. A failure is counted for address and name together. A browser in which
//! the operator signed in before has its own count, and nobody else can use up its tries. The total of what strangers can make the function
//! compute is limited, and so is the total of what they can make it write.

use std::{net::IpAddr, time::Duration};

use domain::{OperatorName, Timestamp};
use ring::hmac;
use store::{AuditEntry, AuditId, SignInTry, StoreError, Window};

use super::problem::Problem;
use crate::deps::Deps;

/// How many tries one address has, for all names together. A person types less. The people of one office share an address, but sign in one
/// by one.
const OF_ONE_ADDRESS: Window = Window { length: Duration::from_secs(60), max: 30 };

/// How many tries all strangers have together. A password takes some 0.1 s to check, so they keep at most one processor busy. The windows
/// are short, so that a new person among many gets in within seconds.
const OF_ALL_STRANGERS: Window = Window { length: Duration::from_secs(10), max: 100 };

/// There are a million codes, and three of them are right. With so few tries an hour, an even chance takes years.
const CODES: Window = Window { length: Duration::from_secs(3600), max: 10 };

/// The failed sign-ins of one address and name share one audit entry an hour.
const TOLD_TOGETHER: Duration = Duration::from_secs(3600);

/// At most this many such entries an hour. Failures of further addresses share one more entry.
const ENTRIES: Window = Window { length: TOLD_TOGETHER, max: 100 };

/// Stands for a name that no operator has. The typed name is not stored, because people sometimes type their password into the wrong field.
const NOBODY: &str = "unknown name";
const NOWHERE: &str = "unknown address";
const ELSEWHERE: &str = "many addresses";

/// A try at a password.
#[derive(Clone, Debug)]
pub(crate) struct Guess<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) now: Timestamp,
    /// The name as it was typed.
    pub(crate) name: &'a str,
    pub(crate) by: By<'a>,
}

/// Whose count a failure is added to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By<'a> {
    /// An unknown person, at the address that API Gateway saw.
    Stranger(Option<&'a str>),
    /// A browser in which the operator signed in before, by its id.
    KnownBrowser(&'a str),
    /// An operator who is signed in, and is asked for the password again.
    Oneself,
}

impl Guess<'_> {
    /// Asks whether a try may be checked now. It counts as a failure until [`Guess::was_right`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn begin(&self) -> Result<SignInTry, StoreError> {
        let By::Stranger(address) = self.by else {
            return self.deps.services.store.begin_sign_in(&self.slot(), self.now).await;
        };
        let store = &self.deps.services.store;
        // The limit of one address comes first, so that one address uses hardly any of what all strangers have together.
        let source = format!("address-{}", self.bucket(&source(address)));
        if let Some(until) = store.count_within(&source, OF_ONE_ADDRESS, self.now).await? {
            return Ok(SignInTry::Wait(until));
        }
        let begun = store.begin_sign_in(&self.slot(), self.now).await?;
        if let SignInTry::Counted { .. } = begun
            && let Some(until) = store.count_within("strangers", OF_ALL_STRANGERS, self.now).await?
        {
            return Ok(SignInTry::Wait(until));
        }
        Ok(begun)
    }

    /// The same for a code, after the right password. Codes have only six digits, so all strangers together have few tries an hour at the
    /// codes of one operator. Only a person who knows the password reaches this limit. It does not slow down the operator's own browsers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn begin_code(&self) -> Result<SignInTry, StoreError> {
        let begun = self.begin().await?;
        if let (SignInTry::Counted { .. }, By::Stranger(_)) = (begun, self.by) {
            let slot = format!("codes-{}", self.name);
            if let Some(until) = self.deps.services.store.count_within(&slot, CODES, self.now).await? {
                return Ok(SignInTry::Wait(until));
            }
        }
        Ok(begun)
    }

    /// Forgets the earlier failures.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn was_right(&self) -> Result<(), StoreError> {
        self.deps.services.store.forget_sign_ins(&self.slot()).await
    }

    /// Writes the failure into the audit log. Several failures of an hour share one entry.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn was_wrong(
        &self,
        action: &str,
        who: Option<&OperatorName>,
        address: Option<&str>,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        let store = &self.deps.services.store;
        let hours = since.until(self.now).as_secs() / TOLD_TOGETHER.as_secs();
        let at = since.plus(TOLD_TOGETHER.saturating_mul(u32::try_from(hours).unwrap_or(u32::MAX)));
        let id = AuditId { at, random: format!("{action} {}", self.slot()).replace(' ', "-") };
        if store.count_audit(&id).await? {
            return Ok(());
        }
        if store.count_within("entries", ENTRIES, self.now).await?.is_none() {
            let entry = AuditEntry { at, ..entry(action, who, address, "refused") };
            return self.tell(&id, &entry).await;
        }
        let begin = ENTRIES.begin(self.now);
        let id = AuditId { at: begin, random: format!("{action} {ELSEWHERE}").replace(' ', "-") };
        if store.count_audit(&id).await? {
            return Ok(());
        }
        let entry = AuditEntry { at: begin, target: ELSEWHERE.to_owned(), ..entry(action, None, None, "refused") };
        self.tell(&id, &entry).await
    }

    async fn tell(&self, id: &AuditId, entry: &AuditEntry) -> Result<(), StoreError> {
        match self.deps.services.store.begin_audit(id, entry).await {
            // Another call has just made the same entry.
            Err(StoreError::Stale { .. }) => self.deps.services.store.count_audit(id).await.map(drop),
            told => told,
        }
    }

    fn slot(&self) -> String {
        match self.by {
            By::Stranger(address) => {
                format!("stranger-{}", self.bucket(&format!("{}\n{}", source(address), self.name)))
            }
            By::KnownBrowser(id) => format!("browser-{id}"),
            By::Oneself => format!("oneself-{}", self.name),
        }
    }

    /// Maps a text to one of 65,536 buckets. Without the console's key nobody can find out which texts share a bucket.
    fn bucket(&self, text: &str) -> String {
        let key = self.deps.services.config.console_key.as_ref().map_or("", |key| key.expose().as_str());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), format!("bucket\n{text}").as_bytes());
        tag.as_ref().iter().take(2).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Writes a sign-in into the audit log.
///
/// # Errors
/// The storage failed. The sign-in is then refused.
pub(crate) async fn tell_signed_in(
    deps: &Deps,
    action: &str,
    who: &OperatorName,
    address: Option<&str>,
) -> Result<(), Problem> {
    let now = deps.services.clock.now();
    let random: String = deps.services.random.bytes::<8>()?.iter().map(|byte| format!("{byte:02x}")).collect();
    let entry = AuditEntry { at: now, ..entry(action, Some(who), address, "done") };
    Ok(deps.services.store.begin_audit(&AuditId { at: now, random }, &entry).await?)
}

fn entry(action: &str, who: Option<&OperatorName>, address: Option<&str>, outcome: &str) -> AuditEntry {
    AuditEntry {
        at: Timestamp::clamped(0),
        who: who.map_or_else(|| NOBODY.to_owned(), OperatorName::to_string),
        action: action.to_owned(),
        target: address.unwrap_or(NOWHERE).to_owned(),
        before: None,
        after: None,
        from: None,
        asked: None,
        outcome: outcome.to_owned(),
        why: None,
        count: 1,
    }
}

/// The address to count by. A host with one IPv6 address has all 2^64 addresses of its network, so the network counts.
fn source(address: Option<&str>) -> String {
    let Some(address) = address else { return NOWHERE.to_owned() };
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let network = address.segments().into_iter().take(4);
            network.map(|segment| format!("{segment:x}:")).collect()
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    #[rustfmt::skip]
    fn a_source_is_an_address_or_a_network_of_ipv6() {
        const CASES: &[(Option<&str>, &str)] = &[
            (Some("203.0.113.7"),            "203.0.113.7"),
            (Some("::ffff:203.0.113.7"),     "203.0.113.7"),
            (Some("2001:db8:1:2:3:4:5:6"),   "2001:db8:1:2:"),
            (Some("2001:db8:1:2:ffff::1"),   "2001:db8:1:2:"),
            (Some("2001:db8:1:3::1"),        "2001:db8:1:3:"),
            (Some("no address"),             "no address"),
            (None,                           "unknown address"),
        ];
        for (address, expect) in CASES {
            assert_eq!(source(*address), *expect, "{address:?}");
        }
    }
}
