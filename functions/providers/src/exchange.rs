//! What goes into the verbs and what comes out of them, in our words.

use std::fmt;

use bytes::Bytes;
use domain::{Channel, Fen, QrPayMode, Subject, Timestamp, TransactionId, WebUrl};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// What is to be paid.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The order number at the provider.
    pub id: &'a TransactionId,
    /// How it is to be paid.
    pub channel: Channel,
    /// The amount.
    pub fee: Fen,
    /// What is bought.
    pub subject: &'a Subject,
    /// Where the provider reports the payment: at most 256 characters at Alipay.
    pub notify_url: &'a str,
    /// Where the browser goes afterwards.
    pub return_url: Option<&'a WebUrl>,
    /// The page of the goods. Alipay's open platform has no field for it (`goods_detail` would need ids and prices of the
    /// goods, too), so that only the legacy interface sends it.
    pub show_url: Option<&'a WebUrl>,
    /// How Alipay's PC page shows its QR code.
    pub qr_pay_mode: Option<QrPayMode>,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
}

/// What is to be sent back.
#[derive(Clone, Copy, Debug)]
pub struct RefundOrder<'a> {
    /// The order number at the provider of the payment.
    pub id: &'a TransactionId,
    /// The merchant's number of the refund, unique within the payment: 1 to 64 characters. A repeat with the same number
    /// and fee moves no more money.
    pub refund_num: &'a str,
    /// How much goes back.
    pub refund_fee: Fen,
    /// Why, in words for the payer.
    pub reason: Option<&'a str>,
}

/// A payment that was started.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made, and never kept")]
pub enum Charge {
    /// Nobody needs to be called: this is what the payer's side needs.
    Ready(PaymentParameters),
    /// The provider is to be called; [`crate::Account::read_charge`] reads its answer.
    Call(http::Request<Bytes>),
}

/// What the payer's side needs: the members of the answer beside `code`, `msg` and `id`, for example `ali_app` or
/// `codeUrl`. As JSON it is an object with the members in this order.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentParameters(Vec<(&'static str, String)>);

impl PaymentParameters {
    pub(crate) fn new(members: Vec<(&'static str, String)>) -> Self {
        Self(members)
    }

    /// The members, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The value of one member.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

impl Serialize for PaymentParameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Shows the names only: the values are signed orders, and signatures stay out of logs.
impl fmt::Debug for PaymentParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PaymentParameters").field(&self.iter().map(|(name, _)| name).collect::<Vec<_>>()).finish()
    }
}

/// What has become of a closing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    /// It is closed at the provider.
    Closed,
    /// The provider does not know the order: there is nothing to close there. The payer may still open the cashier until the
    /// order's own expiry, so a late payment is possible.
    NotThere,
    /// The provider did not close it, perhaps because it is paid: ask by query.
    Refused {
        /// The provider's own code.
        code: String,
        /// The provider's own words.
        words: String,
    },
}

/// What has become of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The money is on its way back.
    Done,
    /// Not decided, or not known: ask by the refund's query.
    Pending,
    /// The money did not move.
    Failed {
        /// The provider's own code.
        code: String,
        /// The provider's own words.
        words: String,
    },
}

/// How a provider wants its notify answered, byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The content type of either body.
    pub content_type: &'static str,
    /// The body that says that the notify was taken.
    pub accepted: &'static [u8],
    /// The body that makes the provider try again.
    pub refused: &'static [u8],
}
