//! Accounts: to whom the money of a channel's payments goes. An account is told apart by what the provider knows the merchant by.
//!
//! The settings of a channel may change. If they still name the same app, merchant, seller and gateway, they are of the same account, and
//! the settings that were saved last are used for all its tries. Other names begin another account. Each try belongs to the account that it
//! was charged on, because no other account can be asked about it.

use std::{fmt, time::Duration};

use crate::{AppId, Mode, Tab};

/// Counts the accounts that a channel had, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountNumber(u16);

impl AccountNumber {
    /// The account that was set first. Data from before accounts were counted belongs to it.
    pub const FIRST: Self = Self(1);

    /// Four digits in the sort key.
    const MAX: u16 = 9999;

    /// How long an account that takes no new charges is kept: its last try can be paid for 15 days, that payment can be refunded for one
    /// more year, and a bank may need some weeks for the last refund.
    pub const KEPT: Duration = Duration::from_secs(430 * 24 * 3600);

    /// `None` if it is not in `1..=9999`.
    pub fn new(number: i64) -> Option<Self> {
        u16::try_from(number).ok().filter(|number| (1..=Self::MAX).contains(number)).map(Self)
    }

    /// The number.
    pub fn get(self) -> i64 {
        i64::from(self.0)
    }

    /// The account after this one; `None` after the last.
    pub fn next(self) -> Option<Self> {
        Self::new(self.get() + 1)
    }

    /// Reads digits.
    pub fn parse(text: &str) -> Option<Self> {
        let is_short = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_short).and_then(Self::new)
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How long notifies in the old form are read after an account moved to another protocol (WeChat Pay v2 to v3). WeChat reports an order in
/// the form in which the order was made. An order is open for at most 15 days, and WeChat reports it for one more day.
pub const FORMER_FORM_READ: Duration = Duration::from_secs(16 * 24 * 3600);

/// A tab in one mode: each has settings of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TabMode {
    /// The tab.
    pub tab: Tab,
    /// Real money or not.
    pub mode: Mode,
}

/// Names an account among those of all apps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppAccount {
    /// The app.
    pub app: AppId,
    /// Real money or not.
    pub mode: Mode,
    /// The tab whose settings name the account.
    pub tab: Tab,
    /// Which of the accounts that the tab had.
    pub number: AccountNumber,
}

/// An account of a tab, compared with the one that new settings name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownAccount {
    /// Its number.
    pub number: AccountNumber,
    /// Whether it is the one that the settings name.
    pub sameness: Sameness,
}

/// Whether an account is the one that new settings name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// It is.
    Same,
    /// It is another.
    Other,
}

/// The account that new settings belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// The account in use, or the first account if none is in use.
    Same(AccountNumber),
    /// An account that was in use before. It gets its number back.
    Returning(AccountNumber),
    /// An account that was never in use.
    New(AccountNumber),
}

impl Succession {
    /// The account's number.
    pub fn number(self) -> AccountNumber {
        match self {
            Self::Same(number) | Self::Returning(number) | Self::New(number) => number,
        }
    }
}

/// Numbers the account of settings that are to be saved. `current` is the account in use, `old` are the other known accounts, and `highest`
/// is the highest number that was ever given. `None` if all numbers are used up.
pub fn succeed(
    current: Option<KnownAccount>,
    old: impl IntoIterator<Item = KnownAccount>,
    highest: AccountNumber,
) -> Option<Succession> {
    let Some(current) = current else { return Some(Succession::Same(AccountNumber::FIRST)) };
    if current.sameness == Sameness::Same {
        return Some(Succession::Same(current.number));
    }
    match old.into_iter().find(|old| old.sameness == Sameness::Same) {
        Some(old) => Some(Succession::Returning(old.number)),
        None => highest.next().map(Succession::New),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: i64) -> AccountNumber {
        AccountNumber::new(number).unwrap()
    }

    #[test]
    fn an_account_is_kept_for_430_days_and_its_former_form_is_read_for_16() {
        const DAY_SECONDS: u64 = 86_400;
        assert_eq!(AccountNumber::KEPT.as_secs(), 430 * DAY_SECONDS);
        assert_eq!(FORMER_FORM_READ.as_secs(), 16 * DAY_SECONDS);
    }

    #[test]
    fn a_number_is_from_1_to_9999() {
        for wrong in [i64::MIN, -1, 0, 10_000, i64::MAX] {
            assert_eq!(AccountNumber::new(wrong), None, "{wrong}");
        }
        for wrong in ["", "0", "+1", "-1", "1.0", "00001", "10000", "x"] {
            assert_eq!(AccountNumber::parse(wrong), None, "{wrong}");
        }
        assert_eq!(AccountNumber::parse("0012"), Some(number(12)));
        assert_eq!((number(1), number(9999).next()), (AccountNumber::FIRST, None));
    }

    #[test]
    #[rustfmt::skip]
    fn an_account_keeps_its_number_and_no_number_is_given_twice() {
        use Sameness::{Other, Same};
        let one = number(1);
        type Known = (i64, Sameness);
        let cases: &[(Option<Known>, &[Known], i64, Succession)] = &[
            (None,             &[],                       1, Succession::Same(one)),
            (Some((1, Same)),  &[],                       1, Succession::Same(one)),
            (Some((3, Same)),  &[(1, Same)],              3, Succession::Same(number(3))),
            (Some((1, Other)), &[],                       1, Succession::New(number(2))),
            (Some((2, Other)), &[(1, Other)],             2, Succession::New(number(3))),
            (Some((2, Other)), &[(1, Same)],              2, Succession::Returning(one)),
            // The third was deleted long ago.
            (Some((1, Other)), &[(2, Other)],             3, Succession::New(number(4))),
            (Some((4, Other)), &[(1, Other), (3, Same)],  4, Succession::Returning(number(3))),
        ];
        for (current, old, highest, expect) in cases {
            let known = |(n, sameness): &Known| KnownAccount { number: number(*n), sameness: *sameness };
            let found = succeed(current.as_ref().map(known), old.iter().map(known), number(*highest));
            assert_eq!(found, Some(*expect), "{current:?} {old:?}");
        }
        let current = KnownAccount { number: one, sameness: Other };
        assert_eq!(succeed(Some(current), [], number(9999)), None);
    }
}
