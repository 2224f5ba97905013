//! The arguments and results of the verbs, in our words.

use std::fmt;

use bytes::Bytes;
use domain::{
    Channel, Claim, Fen, PayerAddress, ProviderTradeNo, QrPayMode, RefundSending, Sentence, Subject, Timestamp,
    TransactionId, WebUrl,
};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::cert::hex;

/// The time and the random nonce of one request: the caller has the clock and the randomness.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The time.
    pub now: Timestamp,
    /// Fresh for each call of a verb.
    pub nonce: Nonce,
}

/// A random text of 32 letters and digits that makes a signed message unlike any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// Makes it from 16 random bytes, as lower-case hex.
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(hex(&random))
    }

    /// A nonce that a test vector prescribes.
    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The 32 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is to be paid.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The order number at the provider.
    pub id: &'a TransactionId,
    /// The payment channel.
    pub channel: Channel,
    /// The amount.
    pub fee: Fen,
    /// What is bought.
    pub subject: &'a Subject,
    /// Where the provider reports the payment: at most 255 characters, and no query string, which WeChat Pay refuses.
    pub notify_url: &'a str,
    /// Where the browser goes after the payment.
    pub return_url: Option<&'a WebUrl>,
    /// The page of the goods. Alipay's open platform has no field for it (`goods_detail` would also need ids and prices of the
    /// goods), so only the legacy interface sends it.
    pub show_url: Option<&'a WebUrl>,
    /// How Alipay's PC page shows its QR code.
    pub qr_pay_mode: Option<QrPayMode>,
    /// When the order expires.
    pub expires_at: Timestamp,
    /// The payer within WeChat: needed for `wx_jsapi`.
    pub openid: Option<&'a str>,
    /// The address of the payer's device, if it is known.
    pub client_ip: Option<PayerAddress>,
    /// When it was first charged: a part of the order's identity at UnionPay.
    pub created_at: Timestamp,
}

/// An order that was placed at the provider, as the verbs after the charge need it.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// The order number at the provider.
    pub id: &'a TransactionId,
    /// When it was first charged.
    pub created_at: Timestamp,
    /// The amount that was charged.
    pub fee: Fen,
    /// The provider's number of the payment, if it is paid.
    pub trade_no: Option<&'a ProviderTradeNo>,
    /// The payment channel.
    pub channel: Channel,
}

/// A refund to make.
#[derive(Clone, Copy, Debug)]
pub struct RefundOrder<'a> {
    /// The payment, with its whole amount.
    pub placed: Placed<'a>,
    /// The merchant's number of the refund, unique within the payment: 1 to 64 characters. A repeat with the same number and fee
    /// moves no more money.
    pub refund_num: &'a str,
    /// Which sending of the refund this is, from 0, and when it began. At UnionPay, which accepts a number once, this is the
    /// refund's identity. A repeat of the same sending is byte for byte the same.
    pub sending: RefundSending,
    /// The amount to refund.
    pub refund_fee: Fen,
    /// The reason, in words for the payer.
    pub reason: Option<&'a str>,
    /// Where the provider reports the refund. Alipay has no field for it: it reports to the payment's own address.
    pub notify_url: Option<&'a str>,
}

/// A payment that was started.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made, and never kept")]
pub enum Charge {
    /// No call is needed: these are the parameters for the payer's side.
    Ready(PaymentParameters),
    /// The provider must be called; [`crate::Account::read_charge`] reads its answer.
    Call(http::Request<Bytes>),
}

/// The parameters for the payer's side: the members of the answer besides `code`, `msg` and `id`, for example `ali_app` or
/// `codeUrl`. As JSON it is an object with the members in this order.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentParameters(Vec<(&'static str, String)>);

impl PaymentParameters {
    pub(crate) fn new(members: Vec<(&'static str, String)>) -> Self {
        Self(members)
    }

    /// The parameters of an order whose token was stored.
    pub fn of_token(token: String) -> Self {
        Self(vec![("tn", token)])
    }

    /// The token that the provider gives out only once, so that we must store it: UnionPay's `tn`.
    pub fn token(&self) -> Option<&str> {
        self.find("tn")
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

/// The result of a closing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The order is closed at the provider; its signed answer says this. The order can no longer be paid.
    Closed,
    /// The provider says that the order is closed, but without a signature. Only a query shows whether it can still be paid.
    Unconfirmed,
    /// The provider does not know the order: there is nothing to close. The payer may still open the cashier until the order
    /// expires, so a late payment is possible.
    NotThere,
    /// The provider did not close it, perhaps because it is paid: query it.
    Refused {
        /// The provider's own code.
        code: String,
        /// The provider's own words.
        words: String,
    },
}

/// The result of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The money is on its way back.
    Done,
    /// Not decided, or not known: use the refund's query.
    Pending,
    /// The provider does not know it: the request never arrived, or has not arrived yet.
    NotThere,
    /// The provider does not know it, and it is too late for it to arrive under this number.
    Lost {
        /// The provider's own code.
        code: String,
        /// The provider's own words.
        words: String,
    },
    /// The money left the merchant, the payer's bank did not accept it, and a person must act at the provider.
    Stuck {
        /// The provider's own code.
        code: String,
        /// What the person must do.
        words: Sentence,
    },
    /// The merchant's balance does not suffice: the money did not move, but may when the balance suffices.
    Short {
        /// The provider's own code.
        code: String,
        /// The provider's own words, or ours about its code.
        words: Sentence,
    },
    /// The money did not move.
    Failed {
        /// The provider's own code.
        code: String,
        /// The provider's own words, or ours about its code.
        words: Sentence,
    },
}

/// A verified notify about one refund, from [`crate::Account::read_refund_notify`]. It reports this refund only, not the total
/// refunded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundReport {
    /// The order number at the provider of the payment: our transaction id.
    pub order: String,
    /// The app and the merchant: they must be as configured.
    pub claims: Vec<Claim>,
    /// The merchant's number of the refund.
    pub refund_num: String,
    /// The amount of the refund, if the report has it.
    pub refund_fee: Option<Fen>,
    /// Which sending of it, if the provider knows each one under its own number.
    pub sending: Option<u32>,
    /// The result.
    pub outcome: RefundOutcome,
}

/// The exact bytes with which a provider's notify is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The content type of either body.
    pub content_type: &'static str,
    /// The body that says that the notify was accepted.
    pub accepted: &'static [u8],
    /// The body that makes the provider try again.
    pub refused: &'static [u8],
}
