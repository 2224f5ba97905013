//! Who may guess at a password now.
//!
//! Strangers slow themselves, and never the owner of a name. A failure is held against address and name together; a browser in which
//! the operator signed in before is counted for itself, and nobody else can use up its tries. What strangers make the function compute
//! is bounded for all of them together, and what they make it write, too.

use std::{net::IpAddr, time::Duration};

use domain::{OperatorName, Timestamp};
use ring::hmac;
use store::{AuditEntry, AuditId, SignInTry, StoreError, Window};

use super::problem::Problem;
use crate::deps::Deps;

/// What one address may try, whatever the names: a person types less, and the people of one office, who share an address, sign in one by one.
const OF_ONE_ADDRESS: Window = Window { length: Duration::from_secs(60), max: 30 };

/// What all strangers together may try: a password takes some 0.1 s to check, so that they keep one processor busy at the most. Windows are
/// short, so that a newcomer among many gets in within seconds.
const OF_ALL_STRANGERS: Window = Window { length: Duration::from_secs(10), max: 100 };

/// A million codes, of which three are right: who tries so few an hour needs years for an even chance.
const CODES: Window = Window { length: Duration::from_secs(3600), max: 10 };

/// One entry an hour tells of the failed sign-ins of an address and name.
const TOLD_TOGETHER: Duration = Duration::from_secs(3600);

/// And so many of those entries are made in an hour; what comes from still more addresses is told together.
const ENTRIES: Window = Window { length: TOLD_TOGETHER, max: 100 };

/// Who fails under a name that nobody has. The name is not written down: people type their password into the wrong field.
const NOBODY: &str = "unknown name";
const NOWHERE: &str = "unknown address";
const ELSEWHERE: &str = "many addresses";

/// Somebody who wants to say a password.
#[derive(Clone, Debug)]
pub(crate) struct Guess<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) now: Timestamp,
    /// The name as it was typed.
    pub(crate) name: &'a str,
    pub(crate) by: By<'a>,
}

/// Whom a failure is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By<'a> {
    /// Nobody known, at the address that the front door saw.
    Stranger(Option<&'a str>),
    /// A browser in which the operator signed in before, by its id.
    KnownBrowser(&'a str),
    /// Somebody who is signed in, and is asked again.
    Oneself,
}

impl Guess<'_> {
    /// Asks whether a guess may be looked at now, and counts it as a failure until [`Guess::was_right`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn begin(&self) -> Result<SignInTry, StoreError> {
        let By::Stranger(address) = self.by else {
            return self.deps.services.store.begin_sign_in(&self.slot(), self.now).await;
        };
        let store = &self.deps.services.store;
        // First what a single address tries: so it takes hardly any of what all strangers have together.
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

    /// The same for a code, after the right password. Six digits are few: all strangers together have so many tries an hour at the codes of one
    /// operator. Who gets so far knows the password; the operator's own browsers are not held up by it.
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

    /// Forgets the failures of before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn was_right(&self) -> Result<(), StoreError> {
        self.deps.services.store.forget_sign_ins(&self.slot()).await
    }

    /// Writes into the audit log that it was wrong. Several failures of an hour are one entry.
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
            // Another call made the same entry just now.
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

    /// A bucket of 65,536 for a text. Without the console's key nobody finds out which texts share one.
    fn bucket(&self, text: &str) -> String {
        let key = self.deps.services.config.console_key.as_ref().map_or("", |key| key.expose().as_str());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), format!("bucket\n{text}").as_bytes());
        tag.as_ref().iter().take(2).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Writes into the audit log that somebody signed in.
///
/// # Errors
/// The storage failed, and then nobody is let in.
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
        outcome: outcome.to_owned(),
        count: 1,
    }
}

/// A host with one IPv6 address has all 2^64 of its network.
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
