//! A transaction: one try to have a bill paid on one channel, and its state. `settle.rs` says how the state changes.

use crate::{
    AccountNumber, Author, Extras, Fen, PayerDigest, ProviderTradeNo, Shard, Subject, Timestamp, TransactionId,
    TransactionKey, WebUrl, closed_list,
};

closed_list! {
    /// Where a transaction stands.
    pub enum Status {
        /// Not paid yet.
        Created = "created",
        /// Paid; some of the money may be back.
        Success = "success",
        /// All money is back.
        Refund = "refund",
        /// Never paid: expired or withdrawn.
        Closed = "closed",
    }
}

impl Status {
    /// Whether money was taken.
    pub fn is_paid(self) -> bool {
        match self {
            Self::Success | Self::Refund => true,
            Self::Created | Self::Closed => false,
        }
    }
}

/// One try to have a bill paid on one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Which try of which bill.
    pub key: TransactionKey,
    /// Its id here, and the order number at the provider.
    pub id: TransactionId,
    /// The shard of its app under which it is listed.
    pub shard: Shard,
    /// The account of its channel that it was charged on. No other account knows it.
    pub account: AccountNumber,
    /// The amount.
    pub fee: Fen,
    /// What is bought.
    pub subject: Subject,
    /// The merchant's own data.
    pub extras: Option<Extras>,
    /// When it was first charged.
    pub created_at: Timestamp,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// Who opened it.
    pub author: Author,
    /// The payer that its order is bound to, if the provider binds one.
    pub payer: Option<PayerDigest>,
    /// When another try took its place. It is closed as soon as its provider closes it.
    pub superseded_at: Option<Timestamp>,
    /// Where the browser is sent on to, if the provider sends it to us instead of the merchant.
    pub return_url: Option<WebUrl>,
    /// What the provider gave out for the order, and gives out only once: UnionPay's `tn`.
    pub token: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// When the payment ended: paid, or closed.
    pub ended_at: Option<Timestamp>,
    /// What a client's payment means for its bill, once the server has named a price. A later price does not change it.
    pub judgement: Option<Judgement>,
    /// The provider's number of the payment.
    pub trade_no: Option<ProviderTradeNo>,
    /// What went back to the payer so far.
    pub refunded: Option<Fen>,
    /// What else is known of its refunds.
    pub refunds: RefundSums,
}

/// What a client's payment means for its bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It counts if it has this price of the server: the one that was in force when it was settled, or the first one that was named after that.
    ByPrice(Fen),
    /// It has the price, and went back in full or was going back when the price was named. It does not count.
    WentBack,
}

/// What is known of the refunds of a payment, besides how much went back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefundSums {
    /// Our refunds whose end is not known.
    pub pending: Option<Fen>,
    /// What went back or may still go back.
    pub committed: Option<Fen>,
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{AppId, BillNum, Channel, Mode, Notification, Outcome, TryNumber};

    pub(crate) fn fen(fen: i64) -> Fen {
        Fen::new(fen).unwrap()
    }

    pub(crate) fn sample(status: Status) -> Transaction {
        let created_at = Timestamp::from_ms(1_795_444_200_000).unwrap();
        Transaction {
            key: TransactionKey {
                app: AppId::parse("568a12086e912100017722e5").unwrap(),
                mode: Mode::Test,
                bill: BillNum::parse("112233").unwrap(),
                channel: Channel::AliWeb,
                try_number: TryNumber::FIRST,
            },
            id: TransactionId::generate(created_at, [7; 6]),
            shard: Shard::FIRST,
            account: AccountNumber::FIRST,
            fee: fen(9900),
            subject: Subject::parse("tea").unwrap(),
            extras: None,
            created_at,
            expires_at: created_at.plus(Duration::from_secs(7200)),
            author: Author::Client,
            payer: None,
            superseded_at: None,
            return_url: None,
            token: None,
            status,
            ended_at: status.is_paid().then_some(created_at),
            judgement: None,
            trade_no: status.is_paid().then(|| ProviderTradeNo::parse("T1").unwrap()),
            refunded: (status == Status::Refund).then(|| fen(9900)),
            refunds: RefundSums::default(),
        }
    }

    pub(crate) fn report(outcome: Outcome, trade_no: &str) -> Notification {
        Notification {
            order: sample(Status::Created).id.to_string(),
            claims: Vec::new(),
            fee: Some(fen(9900)),
            outcome,
            trade_no: ProviderTradeNo::parse(trade_no),
        }
    }
}
