//! The key that signs a message to the merchant, and the event of the message.

use serde::{Deserialize, Serialize};

use super::merchants::Merchants;
use crate::kit::charset::Charset;

/// The event of a notify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Paid,
    Closed,
    Refunded,
    Finished,
}

/// Which key signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum SignWith {
    #[default]
    Alipay,
    /// A key that belongs to nobody: the merchant must refuse.
    Other,
}

/// The key that signs a message to the merchant, and how it signs.
pub(super) struct Signer<'a> {
    pub(super) merchants: &'a Merchants,
    pub(super) merchant: &'a str,
    pub(super) sign_type: &'a str,
    pub(super) sign_with: SignWith,
    pub(super) charset: Charset,
}
