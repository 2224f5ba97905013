//! The people who run the gateway: their names, their roles, and how wrong passwords slow them down.

use std::{fmt, time::Duration};

use crate::{AppId, Secret, Timestamp, closed_list};

/// What a person is called at the sign-in: 2 to 32 lower-case letters, digits, dots, dashes and underscores, a letter first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperatorName(String);

impl OperatorName {
    /// The form, for people.
    pub const EXPECTED: &'static str =
        "2 to 32 lower-case letters, digits, dots, dashes and underscores, a letter first";
    const CHARS_MAX: usize = 32;

    /// `None` if it has another form.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
        let fits = (2..=Self::CHARS_MAX).contains(&text.len())
            && text.bytes().all(allowed)
            && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        fits.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

closed_list! {
    /// What an operator may do. Each may do what those before it may.
    pub enum OperatorRole {
        /// Look at everything, change nothing.
        Viewer = "viewer",
        /// The daily work: webhooks, deliveries, refunds, closing, asking the provider.
        Operator = "operator",
        /// Apps, keys, channel settings, operators and the audit log, too.
        Owner = "owner",
    }
}

/// Which apps an operator sees. The role says what the operator may do there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every app, also those of the future.
    Everything,
    /// Only these, in order.
    Apps(Vec<AppId>),
}

impl Reach {
    /// The store finds this many apps in one look-up.
    pub const APPS_MAX: usize = 100;

    /// The reach of these apps. `None` if there is no app, or too many.
    pub fn of(mut apps: Vec<AppId>) -> Option<Self> {
        apps.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        apps.dedup();
        (1..=Self::APPS_MAX).contains(&apps.len()).then_some(Self::Apps(apps))
    }

    /// Whether an app is among them.
    pub fn includes(&self, app: &AppId) -> bool {
        match self {
            Self::Everything => true,
            Self::Apps(apps) => apps.contains(app),
        }
    }
}

/// What an operator's authenticator app and this gateway share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    /// The secret of TOTP (RFC 6238), 20 bytes.
    pub secret: Secret<Vec<u8>>,
    /// SHA-256 hashes of the recovery codes that are not used yet, in hex.
    pub recovery: Vec<String>,
    /// The last time step of which a code was taken. No code of this step or an earlier one is taken again.
    pub last_step: i64,
}

/// Somebody who may sign in to the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Who.
    pub name: OperatorName,
    /// What they may do.
    pub role: OperatorRole,
    /// The argon2id hash of the password, as PHC text.
    pub password_hash: Secret<String>,
    /// What the sign-in asks for beside the password, if anything.
    pub second_factor: Option<SecondFactor>,
    /// The apps they see. Owners see all.
    pub reach: Reach,
    /// Whether they may sign in at all.
    pub enabled: bool,
    /// Grows with every change of password, role or admission. Sessions from before the change end.
    pub epoch: i64,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// How many wrong passwords in a row cost no waiting time.
const FREE_FAILURES: u32 = 4;
/// The longest pause, however many passwords were wrong. A stranger who guesses at a name must not lock its owner out for good.
const PAUSE_SECONDS_MAX: u64 = 60;

/// How long to wait for the next try after this many failures in a row: zero, then 2, 4, 8 ... 60 seconds.
pub fn sign_in_pause(failures: u32) -> Duration {
    let Some(beyond) = failures.checked_sub(FREE_FAILURES).filter(|beyond| *beyond > 0) else { return Duration::ZERO };
    Duration::from_secs(2_u64.saturating_pow(beyond).min(PAUSE_SECONDS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_slow_down_and_never_lock_out() {
        let pauses: Vec<u64> = (0..14).map(|failures| sign_in_pause(failures).as_secs()).collect();
        assert_eq!(pauses, [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        assert_eq!(sign_in_pause(u32::MAX).as_secs(), 60);
    }

    #[test]
    fn a_reach_names_each_app_once_and_not_too_many() {
        let app = |number: usize| AppId::parse(&format!("{number:024x}")).unwrap();
        assert_eq!(Reach::of(vec![app(2), app(1), app(2)]), Some(Reach::Apps(vec![app(1), app(2)])));
        assert_eq!(Reach::of(Vec::new()), None);
        assert!(Reach::of((0..Reach::APPS_MAX).map(app).collect()).is_some());
        assert_eq!(Reach::of((0..=Reach::APPS_MAX).map(app).collect()), None);
        assert!(Reach::Everything.includes(&app(3)) && !Reach::Apps(vec![app(1)]).includes(&app(3)));
    }

    #[test]
    fn names_are_plain() {
        let longest = format!("a{}", "b".repeat(31));
        for name in ["admin", "li.lei", "a1", "han_mei-mei", longest.as_str()] {
            assert_eq!(OperatorName::parse(name).unwrap().as_str(), name);
        }
        let too_long = "a".repeat(33);
        for name in ["", "a", "Admin", "1a", ".a", "a b", "a#b", "李雷", "a\n", too_long.as_str()] {
            assert!(OperatorName::parse(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_role_may_what_those_below_it_may() {
        assert!(OperatorRole::Viewer < OperatorRole::Operator && OperatorRole::Operator < OperatorRole::Owner);
        assert_eq!(OperatorRole::find("root"), None);
    }
}
