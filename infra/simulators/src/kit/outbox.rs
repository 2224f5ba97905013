//! Notifies that were sent.

use serde::{Deserialize, Serialize};

/// One send.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attempt {
    pub(crate) at: i64,
    /// The form as it was sent.
    pub(crate) sent: String,
    pub(crate) status: Option<u16>,
    pub(crate) answer: String,
    pub(crate) acknowledged: bool,
}
