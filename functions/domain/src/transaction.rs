//! A transaction: one try to have a bill paid on one channel, and its state. `settle.rs` says how the state changes.

use std::time::Duration;

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

closed_list! {
    /// Why a transaction was closed unpaid, as far as the transaction itself says.
    pub enum Closing {
        /// Its time was over.
        Expired = "expired",
        /// Before its time was over: by the merchant, an operator or the provider.
        Early = "early",
        /// Another try of the bill took its place on the channel.
        Replaced = "replaced",
        /// The provider never gave out the token without which nobody can pay it.
        NoToken = "no-token",
    }
}

/// A provider closes an order by its own clock, which may be a little ahead of ours.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

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

impl Transaction {
    /// Why it was closed; `None` if it is not closed.
    pub fn closing(&self) -> Option<Closing> {
        let ended_at = self.ended_at.filter(|_| self.status == Status::Closed)?;
        Some(if self.superseded_at.is_some() {
            Closing::Replaced
        } else if self.key.channel.is_paid_by_token() && self.token.is_none() {
            Closing::NoToken
        } else if ended_at.plus(CLOCKS_DIFFER) >= self.expires_at {
            Closing::Expired
        } else {
            Closing::Early
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
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

    #[test]
    #[rustfmt::skip]
    fn a_closed_transaction_says_why_it_was_closed() {
        // Channel, whether it was replaced, its token, seconds from its end to its closing.
        const CASES: &[(Channel, bool, Option<&str>, i64, Closing)] = &[
            (Channel::AliWeb,    false, None,      0,    Closing::Expired),
            (Channel::AliWeb,    false, None,      300,  Closing::Expired),
            (Channel::AliWeb,    false, None,      -60,  Closing::Expired), // the provider's clock is ahead
            (Channel::AliWeb,    false, None,      -61,  Closing::Early),
            (Channel::AliWeb,    true,  None,      300,  Closing::Replaced),
            (Channel::UnipayApp, false, None,      -300, Closing::NoToken),
            (Channel::UnipayApp, false, None,      300,  Closing::NoToken),
            (Channel::UnipayApp, false, Some("t"), -300, Closing::Early),
            (Channel::UnipayApp, true,  None,      -300, Closing::Replaced),
        ];
        for (channel, is_replaced, token, seconds, expect) in CASES {
            let mut closed = sample(Status::Closed);
            closed.key.channel = *channel;
            closed.superseded_at = is_replaced.then_some(closed.created_at);
            closed.token = token.map(str::to_owned);
            closed.ended_at = Some(Timestamp::clamped(closed.expires_at.ms() + seconds * 1000));
            assert_eq!(closed.closing(), Some(*expect), "{channel} {is_replaced} {token:?} {seconds}");
            for status in [Status::Created, Status::Success, Status::Refund] {
                assert_eq!(Transaction { status, ..closed.clone() }.closing(), None);
            }
        }
    }
}
