//! The channels that the page of a checkout can offer, wherever it is opened.

use domain::{Channel, Checkout, Mode};
use providers::Account;
use runtime::{Apps, ConfiguredApp};

use crate::AccountInUse;

/// The channels that a page of a checkout can offer, in the order in which they are shown.
pub const OFFERED: [Channel; 7] = [
    Channel::WxJsapi,
    Channel::AliApp,
    Channel::AliWap,
    Channel::WxH5,
    Channel::AliWeb,
    Channel::UnipayWeb,
    Channel::WxNative,
];

/// Whether the page can offer a channel. For WeChat's own browser, its account must be able to name payers.
pub fn can_offer(apps: &Apps, configured: &ConfiguredApp, mode: Mode, channel: Channel) -> bool {
    let names_payers = |account: &AccountInUse| account.account().and_then(Account::oauth).is_some();
    let found = AccountInUse::find(apps, configured, channel, mode);
    found.is_ok_and(|account| channel != Channel::WxJsapi || names_payers(&account))
}

/// Whether the page can offer any of the allowed channels, wherever it is opened.
pub fn can_offer_anything(apps: &Apps, configured: &ConfiguredApp, mode: Mode, allowed: &[Channel]) -> bool {
    let is_offered =
        |channel: &Channel| Checkout::is_allowed(allowed, *channel) && can_offer(apps, configured, mode, *channel);
    OFFERED.iter().any(is_offered)
}
