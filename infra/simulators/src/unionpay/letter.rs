//! The content of one notify, stored until it is sent.

use serde::{Deserialize, Serialize};

use super::signing::SignWith;
use crate::kit::form::Params;
use crate::kit::outbox;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Letter {
    pub(super) number: u32,
    pub(super) url: String,
    /// Everything except certificate and signature.
    pub(super) fields: Params,
    pub(super) sign_with: SignWith,
}

pub(crate) type Notify = outbox::Notify<Letter>;
pub(crate) type Notifies = outbox::Notifies<Letter>;
