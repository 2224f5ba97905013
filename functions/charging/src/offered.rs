//! The channels that the page of a checkout can offer, wherever it is opened.

use domain::{Channel, Mode};
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

/// Whether any of them has an account.
pub fn can_offer_anything(apps: &Apps, configured: &ConfiguredApp, mode: Mode) -> bool {
    OFFERED.iter().any(|channel| AccountInUse::find(apps, configured, *channel, mode).is_ok())
}
