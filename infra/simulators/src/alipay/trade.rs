//! One trade and the rules of its states. Pure: time is an argument, and the callers translate protocol codes.

use serde::{Deserialize, Serialize};

use super::letter::Notifies;
use super::signer::Event;
use super::yuan::Fen;
use crate::kit::balance::Balance;
use crate::kit::beijing::{DAY_MS, of_day};

/// An opened trade that nobody pays is closed after this time, even if the merchant asked for a longer one.
const OPEN_MS_MAX: i64 = 15 * DAY_MS;
/// The refund window. After it the trade is finished.
pub(super) const REFUND_WINDOW_MS: i64 = 365 * DAY_MS;
/// `alipay.trade.cancel` works for a day after the payment. Later only a refund works.
const CANCEL_WINDOW_MS: i64 = DAY_MS;
/// The most refunds of one trade, so that a loop in a test cannot grow it without end.
const REFUNDS_MAX: usize = 300;

/// Which gateway received the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Protocol {
    Openapi,
    Mapi,
}

/// Alipay's states, and a state for the time before a trade exists at Alipay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    /// The merchant sent an order, but no buyer has opened it: queries answer that there is no such trade.
    #[serde(rename = "NOT_OPENED")]
    Prepared,
    #[serde(rename = "WAIT_BUYER_PAY")]
    WaitBuyerPay,
    #[serde(rename = "TRADE_SUCCESS")]
    Success,
    #[serde(rename = "TRADE_CLOSED")]
    Closed,
    #[serde(rename = "TRADE_FINISHED")]
    Finished,
}

impl Status {
    /// The word on the wire.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Prepared => "NOT_OPENED",
            Self::WaitBuyerPay => "WAIT_BUYER_PAY",
            Self::Success => "TRADE_SUCCESS",
            Self::Closed => "TRADE_CLOSED",
            Self::Finished => "TRADE_FINISHED",
        }
    }
}

/// How long the buyer may take to pay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Patience {
    /// Until the gateway's own limit of 15 days.
    #[default]
    Default,
    /// `time_expire`, milliseconds since 1970.
    Until(i64),
    /// `timeout_express`, milliseconds from the moment the buyer opens the cashier.
    For(i64),
    /// `1c`: until midnight in Beijing.
    Today,
}

/// What the merchant ordered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    pub(super) protocol: Protocol,
    /// `app_id` or `partner`.
    pub(super) merchant: String,
    /// `method` or `service`.
    pub(super) method: String,
    pub(super) seller_id: String,
    pub(super) out_trade_no: String,
    pub(super) subject: String,
    pub(super) body: Option<String>,
    pub(super) total: Fen,
    pub(super) patience: Patience,
    pub(super) notify_url: Option<String>,
    pub(super) return_url: Option<String>,
    pub(super) quit_url: Option<String>,
    pub(super) passback_params: Option<String>,
    /// Notifies of the legacy gateway follow the request's `sign_type`.
    pub(super) sign_type: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refund {
    pub(super) request_no: String,
    pub(super) amount: Fen,
    pub(super) reason: Option<String>,
    pub(super) at: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trade {
    pub(super) trade_no: String,
    pub(super) status: Status,
    pub(super) order: Order,
    pub(super) opened_at: Option<i64>,
    pub(super) expires_at: Option<i64>,
    pub(super) paid_at: Option<i64>,
    pub(super) closed_at: Option<i64>,
    pub(super) refunds: Vec<Refund>,
    /// Counts every notify ever queued, so that ids stay unique after old ones are dropped.
    pub(super) notify_count: u32,
    pub(super) notifies: Notifies,
}

/// Why a trade does not allow an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    NotExist,
    HasSuccess,
    HasClosed,
    HasFinished,
    /// Same `out_trade_no`, but another amount or subject.
    Differs,
    /// The order's `time_expire` had passed before the buyer opened it.
    Expired,
    NotWaiting,
    NotPaid,
    RefundExceeds,
    /// The merchant's balance does not cover the refund.
    BalanceShort,
    /// Same `out_request_no`, but another amount.
    RefundDiffers,
    RequestNoMissing,
    CancelTooLate,
}

/// A requested refund. Without `request_no` it must be of the whole amount.
pub(super) struct RefundRequest {
    pub(super) request_no: Option<String>,
    pub(super) amount: Fen,
    pub(super) reason: Option<String>,
    pub(super) balance: Balance,
}

/// Whether a call moved money, or repeated an earlier call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FundChange {
    Yes,
    No,
}

/// What `alipay.trade.cancel` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CancelAction {
    Close,
    Refund,
    /// Nothing to do: the trade was already closed or fully refunded.
    Nothing,
}

impl Trade {
    /// Accepts a new order under this number, or says why not.
    pub(super) fn reorder(&mut self, order: Order) -> Result<(), Rule> {
        match self.status {
            Status::Prepared => {
                self.order = order;
                Ok(())
            }
            Status::WaitBuyerPay if self.order.total != order.total || self.order.subject != order.subject => {
                Err(Rule::Differs)
            }
            Status::WaitBuyerPay => {
                // The trade keeps the notify address that it was created with. Only this buyer's return address is new.
                self.order.return_url = order.return_url;
                self.order.quit_url = order.quit_url;
                Ok(())
            }
            Status::Success | Status::Finished => Err(Rule::HasSuccess),
            Status::Closed => Err(Rule::HasClosed),
        }
    }

    /// The buyer reaches the cashier: now the trade exists. Later visits change nothing.
    pub(super) fn open(&mut self, now: i64) -> Result<(), Rule> {
        if self.status != Status::Prepared {
            return Ok(());
        }
        let limit = now.saturating_add(OPEN_MS_MAX);
        let expires_at = match self.order.patience {
            Patience::Default => limit,
            Patience::Until(at) if at <= now => return Err(Rule::Expired),
            Patience::Until(at) => at.min(limit),
            Patience::For(ms) => now.saturating_add(ms).min(limit),
            Patience::Today => now.saturating_add(DAY_MS - of_day(now)),
        };
        self.status = Status::WaitBuyerPay;
        self.opened_at = Some(now);
        self.expires_at = Some(expires_at);
        Ok(())
    }

    /// The buyer pays. Opens the trade first if needed. Queues no notify; the caller chooses one.
    pub(super) fn pay(&mut self, now: i64) -> Result<(), Rule> {
        self.open(now)?;
        match self.status {
            Status::Prepared => Err(Rule::NotExist),
            Status::WaitBuyerPay => {
                self.status = Status::Success;
                self.paid_at = Some(now);
                Ok(())
            }
            Status::Success | Status::Finished => Err(Rule::HasSuccess),
            Status::Closed => Err(Rule::HasClosed),
        }
    }

    /// Closes an unpaid trade, for the merchant, the buyer or the clock.
    pub(super) fn close(&mut self, now: i64) -> Result<(), Rule> {
        match self.status {
            Status::Prepared => Err(Rule::NotExist),
            Status::WaitBuyerPay => {
                self.status = Status::Closed;
                self.closed_at = Some(now);
                self.queue(Event::Closed, now);
                Ok(())
            }
            Status::Success | Status::Closed | Status::Finished => Err(Rule::NotWaiting),
        }
    }

    /// Refunds. A repeat with the same number and amount changes nothing.
    pub(super) fn refund(&mut self, request: RefundRequest, now: i64) -> Result<FundChange, Rule> {
        match self.status {
            Status::Prepared => return Err(Rule::NotExist),
            Status::WaitBuyerPay => return Err(Rule::NotPaid),
            Status::Success | Status::Closed | Status::Finished => {}
        }
        if request.request_no.is_none() && request.amount != self.order.total {
            return Err(if request.amount > self.order.total { Rule::RefundExceeds } else { Rule::RequestNoMissing });
        }
        let request_no = request.request_no.unwrap_or_else(|| self.order.out_trade_no.clone());
        if let Some(known) = self.refund_of(&request_no) {
            return if known.amount == request.amount { Ok(FundChange::No) } else { Err(Rule::RefundDiffers) };
        }
        if self.status == Status::Finished {
            return Err(Rule::HasFinished);
        }
        if self.paid_at.is_none() {
            return Err(Rule::NotPaid);
        }
        if self.refunded().plus(request.amount) > self.order.total || self.refunds.len() >= REFUNDS_MAX {
            return Err(Rule::RefundExceeds);
        }
        if request.balance == Balance::Empty {
            return Err(Rule::BalanceShort);
        }
        self.refunds.push(Refund { request_no, amount: request.amount, reason: request.reason, at: now });
        if self.refunded() == self.order.total {
            self.status = Status::Closed;
            self.closed_at = Some(now);
        }
        self.queue(Event::Refunded, now);
        Ok(FundChange::Yes)
    }

    /// Undoes the trade in any state: closes an unpaid one, and fully refunds a paid one.
    pub(super) fn cancel(&mut self, now: i64) -> Result<CancelAction, Rule> {
        match self.status {
            Status::Prepared => Err(Rule::NotExist),
            Status::WaitBuyerPay => self.close(now).map(|()| CancelAction::Close),
            Status::Closed => Ok(CancelAction::Nothing),
            Status::Finished => Err(Rule::HasFinished),
            Status::Success if self.paid_at.is_some_and(|paid| now.saturating_sub(paid) > CANCEL_WINDOW_MS) => {
                Err(Rule::CancelTooLate)
            }
            Status::Success => {
                let amount = self.order.total.minus(self.refunded());
                // Not the default number: the merchant may have used that for another refund.
                let request_no = Some(format!("{}_CANCEL", self.order.out_trade_no));
                let balance = Balance::Suffices;
                self.refund(RefundRequest { request_no, amount, reason: None, balance }, now)
                    .map(|_| CancelAction::Refund)
            }
        }
    }

    /// The refund window is over.
    pub(super) fn finish(&mut self) -> Result<(), Rule> {
        match self.status {
            Status::Success => {
                self.status = Status::Finished;
                Ok(())
            }
            Status::Prepared => Err(Rule::NotExist),
            Status::WaitBuyerPay => Err(Rule::NotPaid),
            Status::Closed => Err(Rule::HasClosed),
            Status::Finished => Err(Rule::HasFinished),
        }
    }

    /// When the clock alone will change the state.
    pub(super) fn clock_changes_at(&self) -> Option<i64> {
        match self.status {
            Status::WaitBuyerPay => self.expires_at,
            Status::Success => self.paid_at.map(|paid| paid.saturating_add(REFUND_WINDOW_MS)),
            Status::Prepared | Status::Closed | Status::Finished => None,
        }
    }

    pub(super) fn refunded(&self) -> Fen {
        self.refunds.iter().fold(Fen::ZERO, |sum, refund| sum.plus(refund.amount))
    }

    pub(super) fn refund_of(&self, request_no: &str) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.request_no == request_no)
    }

    /// What the merchant received, zero before payment.
    pub(super) fn received(&self) -> Fen {
        if self.paid_at.is_some() { self.order.total } else { Fen::ZERO }
    }
}
