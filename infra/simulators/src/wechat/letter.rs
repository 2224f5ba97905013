//! The content of one notify, stored until it is sent, and the options for writing it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::crypto::SignType;
use super::merchants::{Merchant, Merchants, Stage};
use super::trade::Version;
use crate::kit::form::Params;
use crate::kit::outbox;

/// Which key signs. v2 knows only the right key and a wrong one, which all words except `wechat` select.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SignWith {
    /// The key that WeChat would use. For a merchant with certificate and public key, both kinds in turn.
    #[default]
    Wechat,
    Certificate,
    NextCertificate,
    PublicKey,
    /// The merchant's own key under WeChat's serial: some gateways verify with the wrong certificate.
    Merchant,
    /// A key that belongs to nobody, under WeChat's serial.
    Other,
    /// A serial that WeChat never had.
    UnknownSerial,
}

/// How a notify differs from a genuine one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Forgery {
    pub(super) sign_with: SignWith,
    /// v3: WeChat's own test of the merchant's checks. Sent once; the merchant should answer 4xx or 5xx.
    pub(super) probe: bool,
    /// v3: added to the header's timestamp. The signature covers the changed timestamp.
    pub(super) skew_seconds: i64,
    /// One byte of the body is changed after signing.
    pub(super) tamper: bool,
    /// v3: encrypted with another APIv3 key, but correctly signed.
    pub(super) wrong_api_key: bool,
}

/// The content of a notify, before encryption and signature.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum Content {
    #[serde(rename_all = "camelCase")]
    V3 { event_type: String, original_type: String, summary: String, resource: Value },
    /// All fields except `nonce_str` and `sign`.
    V2 { fields: Params },
    /// v2 refund notifies are not signed: a sender who can encrypt `req_info` is trusted.
    #[serde(rename_all = "camelCase")]
    V2Refund { fields: Params, req_info: String },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Letter {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) created_at: i64,
    pub(super) content: Content,
    pub(super) forgery: Forgery,
}

pub(crate) type Notify = outbox::Notify<Letter>;
pub(crate) type Notifies = outbox::Notifies<Letter>;
pub(crate) type Job = outbox::Job<Letter, Manner>;

/// The facts of an order and of the simulator that the message needs.
pub(crate) struct Manner {
    pub(super) mch_id: String,
    pub(super) version: Version,
    pub(super) sign_type: SignType,
    pub(super) stage: Stage,
}

/// The keys for writing a message.
pub(super) struct Desk<'a> {
    pub(super) merchants: &'a Merchants,
    pub(super) merchant: &'a Merchant,
}

/// Changes one byte in the middle of a text, so that it stays a text: the attack of a man in the middle.
pub(super) fn tampered(body: &str) -> String {
    let middle = body.len() / 2;
    let at =
        body.char_indices().find(|(at, sign)| *at >= middle && sign.is_ascii_alphanumeric()).map_or(0, |(at, _)| at);
    body.char_indices()
        .map(|(index, sign)| match sign {
            '7' if index == at => '8',
            _ if index == at => '7',
            other => other,
        })
        .collect()
}
