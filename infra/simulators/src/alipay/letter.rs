//! The content of one notify, stored until it is sent.

use serde::{Deserialize, Serialize};

use super::signer::SignWith;
use crate::kit::form::Params;
use crate::kit::outbox;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Letter {
    pub(super) notify_id: String,
    pub(super) url: String,
    /// Everything except `notify_time`, `sign` and `sign_type`, which are made at each send.
    pub(super) fields: Params,
    pub(super) sign_with: SignWith,
    pub(super) last_sent_at: Option<i64>,
}

pub(crate) type Notify = outbox::Notify<Letter>;
pub(crate) type Notifies = outbox::Notifies<Letter>;
