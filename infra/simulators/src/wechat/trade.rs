//! One order and the rules of its states. Pure: time is an argument, and the callers translate protocol codes.

use serde::{Deserialize, Serialize};

use super::crypto::SignType;
use super::fen::Fen;
use super::letter::Notifies;
use super::payers;
use crate::kit::balance::Balance;
use crate::kit::beijing::{DAY_MS, HOUR_MS, MINUTE_MS};

/// An order without `time_expire` is closed after this time.
const OPEN_MS_DEFAULT: i64 = 7 * DAY_MS;
/// How long `prepay_id` and `code_url` work.
pub(super) const PREPAY_MS: i64 = 2 * HOUR_MS;
/// How long `h5_url` and `mweb_url` work.
pub(super) const H5_URL_MS: i64 = 5 * MINUTE_MS;
/// Refunds are accepted for a year after the payment.
pub(super) const REFUND_WINDOW_MS: i64 = 365 * DAY_MS;
/// The time from the acceptance of a refund to its result.
pub(super) const REFUND_SETTLE_MS: i64 = 5_000;
/// The most refunds of one order.
pub(super) const REFUNDS_MAX: usize = 50;
/// The most prepay ids and tickets that are kept per order; the oldest is dropped first.
const HANDLES_MAX: usize = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Version {
    V3,
    V2,
}

/// The product of the order. It decides how a buyer may reach the cashier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Product {
    App,
    Jsapi,
    Native,
    H5,
}

impl Product {
    /// `trade_type` on the wire.
    pub(super) fn trade_type(self) -> &'static str {
        match self {
            Self::App => "APP",
            Self::Jsapi => "JSAPI",
            Self::Native => "NATIVE",
            Self::H5 => "MWEB",
        }
    }
}

/// WeChat's `trade_state`, without those that only bar-code payments have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    #[serde(rename = "NOTPAY")]
    NotPay,
    /// A payment failed, for example at the bank. The order is still open: the payer may take another card.
    #[serde(rename = "PAYERROR")]
    PayError,
    #[serde(rename = "SUCCESS")]
    Success,
    #[serde(rename = "REFUND")]
    Refund,
    #[serde(rename = "CLOSED")]
    Closed,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::NotPay => "NOTPAY",
            Self::PayError => "PAYERROR",
            Self::Success => "SUCCESS",
            Self::Refund => "REFUND",
            Self::Closed => "CLOSED",
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NotPay => "订单未支付",
            Self::PayError => "支付失败(其他原因，如银行返回失败)",
            Self::Success => "支付成功",
            Self::Refund => "订单发生过退款",
            Self::Closed => "订单已关闭",
        }
    }
}

/// What the merchant ordered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    pub(super) version: Version,
    pub(super) mch_id: String,
    pub(super) app_id: String,
    pub(super) product: Product,
    pub(super) out_trade_no: String,
    pub(super) description: String,
    pub(super) attach: Option<String>,
    pub(super) total: Fen,
    pub(super) notify_url: String,
    /// JSAPI: who may pay.
    pub(super) openid: Option<String>,
    pub(super) time_expire: Option<i64>,
    /// v2: how the order was signed. The phone and the notify use the same.
    pub(super) sign_type: SignType,
    /// Every parameter that must be equal when the order is sent again.
    pub(super) parameters: String,
}

/// The payment parameters that an order call gives out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Prepay {
    pub(super) id: String,
    /// The secret part of `code_url` or `h5_url`.
    pub(super) code: String,
    pub(super) at: i64,
}

/// A buyer who reached the cashier in a permitted way.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ticket {
    pub(super) id: String,
    /// H5: where the browser goes after the payment.
    pub(super) redirect_url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum RefundStatus {
    Processing,
    Success,
    Closed,
    Abnormal,
}

impl RefundStatus {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Closed => "CLOSED",
            Self::Abnormal => "ABNORMAL",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refund {
    pub(super) refund_id: String,
    pub(super) out_refund_no: String,
    pub(super) amount: Fen,
    pub(super) reason: Option<String>,
    pub(super) notify_url: Option<String>,
    pub(super) status: RefundStatus,
    pub(super) created_at: i64,
    pub(super) success_at: Option<i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trade {
    /// Our own number; it is never sent.
    pub(super) number: String,
    pub(super) order: Order,
    pub(super) state: State,
    pub(super) expires_at: i64,
    pub(super) prepays: Vec<Prepay>,
    pub(super) tickets: Vec<Ticket>,
    pub(super) transaction_id: Option<String>,
    pub(super) paid_at: Option<i64>,
    pub(super) closed_at: Option<i64>,
    pub(super) payer_openid: Option<String>,
    /// Lower than the total if WeChat's coupons paid a part.
    pub(super) payer_total: Option<Fen>,
    pub(super) refunds: Vec<Refund>,
    /// Counts every notify ever queued, so that ids stay unique after old ones are dropped.
    pub(super) notify_count: u32,
    pub(super) notifies: Notifies,
}

/// Why an order does not allow an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    NotExist,
    Paid,
    Closed,
    /// Same `out_trade_no`, but other parameters.
    Differs,
    NotPaid,
    /// `amount.total` of a refund is not the order's.
    TotalDiffers,
    RefundExceeds,
    /// The merchant's balance does not cover the refund.
    BalanceShort,
    /// Same `out_refund_no`, but another amount or order.
    RefundDiffers,
    TooManyRefunds,
    RefundTooLate,
    /// The refund already has its result.
    RefundSettled,
}

/// A requested refund.
#[derive(Clone, Debug)]
pub(super) struct RefundRequest {
    pub(super) refund_id: String,
    pub(super) out_refund_no: String,
    pub(super) amount: Fen,
    /// The order's total as the merchant knows it.
    pub(super) total: Fen,
    pub(super) reason: Option<String>,
    pub(super) notify_url: Option<String>,
    pub(super) balance: Balance,
}

/// How the buyer pays.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub(super) transaction_id: String,
    pub(super) payer_total: Option<Fen>,
}

impl Trade {
    pub(super) fn new(number: String, order: Order, now: i64) -> Self {
        let expires_at = order.time_expire.unwrap_or(now.saturating_add(OPEN_MS_DEFAULT));
        Self {
            number,
            order,
            state: State::NotPay,
            expires_at,
            prepays: Vec::new(),
            tickets: Vec::new(),
            transaction_id: None,
            paid_at: None,
            closed_at: None,
            payer_openid: None,
            payer_total: None,
            refunds: Vec::new(),
            notify_count: 0,
            notifies: Notifies::default(),
        }
    }

    /// Whether the same order may be sent again.
    pub(super) fn reorder(&self, order: &Order) -> Result<(), Rule> {
        match self.state {
            State::Success | State::Refund => Err(Rule::Paid),
            State::Closed => Err(Rule::Closed),
            State::NotPay | State::PayError if self.order.parameters != order.parameters => Err(Rule::Differs),
            State::NotPay | State::PayError => Ok(()),
        }
    }

    pub(super) fn hand_out(&mut self, prepay: Prepay) {
        if self.prepays.len() >= HANDLES_MAX {
            self.prepays.remove(0);
        }
        self.prepays.push(prepay);
    }

    pub(super) fn admit(&mut self, ticket: Ticket) {
        if self.tickets.len() >= HANDLES_MAX {
            self.tickets.remove(0);
        }
        self.tickets.push(ticket);
    }

    /// The buyer pays. Queues no notify; the caller chooses one.
    pub(super) fn pay(&mut self, payment: Payment, now: i64) -> Result<(), Rule> {
        match self.state {
            State::NotPay | State::PayError => {
                self.pretend_paid(payment, now);
                Ok(())
            }
            State::Success | State::Refund => Err(Rule::Paid),
            State::Closed => Err(Rule::Closed),
        }
    }

    /// The buyer tries to pay, and the bank refuses. The order stays open, and no notify is sent.
    pub(super) fn fail(&mut self) -> Result<(), Rule> {
        match self.state {
            State::NotPay | State::PayError => {
                self.state = State::PayError;
                Ok(())
            }
            State::Success | State::Refund => Err(Rule::Paid),
            State::Closed => Err(Rule::Closed),
        }
    }

    /// Pays in any state. On a copy of the order, this is what a forger would claim.
    pub(super) fn pretend_paid(&mut self, payment: Payment, now: i64) {
        let buyer = self.order.openid.clone().unwrap_or_else(|| payers::openid(payers::USUAL, &self.order.app_id));
        self.state = State::Success;
        self.paid_at = Some(now);
        self.transaction_id = Some(payment.transaction_id);
        self.payer_total = Some(payment.payer_total.unwrap_or(self.order.total));
        self.payer_openid = Some(buyer);
    }

    /// Closes an unpaid order, for the merchant or the clock.
    pub(super) fn close(&mut self, now: i64) -> Result<(), Rule> {
        match self.state {
            State::NotPay | State::PayError => {
                self.state = State::Closed;
                self.closed_at = Some(now);
                Ok(())
            }
            State::Success | State::Refund => Err(Rule::Paid),
            State::Closed => Err(Rule::Closed),
        }
    }

    /// Accepts a refund, which settles later. A repeat with the same number and amount changes nothing.
    pub(super) fn refund(&mut self, request: RefundRequest, now: i64) -> Result<(), Rule> {
        if let Some(known) = self.refund_of(&request.out_refund_no) {
            return if known.amount == request.amount && request.total == self.order.total {
                Ok(())
            } else {
                Err(Rule::RefundDiffers)
            };
        }
        let Some(paid_at) = self.paid_at else {
            return Err(Rule::NotPaid);
        };
        if now.saturating_sub(paid_at) > REFUND_WINDOW_MS {
            return Err(Rule::RefundTooLate);
        }
        if request.total != self.order.total {
            return Err(Rule::TotalDiffers);
        }
        if self.refunded().plus(request.amount) > self.order.total {
            return Err(Rule::RefundExceeds);
        }
        if self.refunds.len() >= REFUNDS_MAX {
            return Err(Rule::TooManyRefunds);
        }
        if request.balance == Balance::Empty {
            return Err(Rule::BalanceShort);
        }
        self.refunds.push(Refund {
            refund_id: request.refund_id,
            out_refund_no: request.out_refund_no,
            amount: request.amount,
            reason: request.reason,
            notify_url: request.notify_url,
            status: RefundStatus::Processing,
            created_at: now,
            success_at: None,
        });
        self.state = State::Refund;
        Ok(())
    }

    /// Gives a refund its result. An abnormal one may get another result, as the merchant platform allows.
    pub(super) fn settle(&mut self, out_refund_no: &str, status: RefundStatus, at: i64) -> Result<Refund, Rule> {
        let refund =
            self.refunds.iter_mut().find(|refund| refund.out_refund_no == out_refund_no).ok_or(Rule::NotExist)?;
        if matches!(refund.status, RefundStatus::Success | RefundStatus::Closed) {
            return Err(Rule::RefundSettled);
        }
        refund.status = status;
        refund.success_at = (status == RefundStatus::Success).then_some(at);
        Ok(refund.clone())
    }

    /// When the clock alone will change something.
    pub(super) fn clock_changes_at(&self) -> Option<i64> {
        let closes = matches!(self.state, State::NotPay | State::PayError).then_some(self.expires_at);
        let settles = self.unsettled().map(|refund| refund.created_at.saturating_add(REFUND_SETTLE_MS));
        [closes, settles].into_iter().flatten().min()
    }

    /// The oldest refund in progress.
    pub(super) fn unsettled(&self) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.status == RefundStatus::Processing)
    }

    /// The sum of refunds, done or in progress.
    pub(super) fn refunded(&self) -> Fen {
        self.refunds
            .iter()
            .filter(|refund| refund.status != RefundStatus::Closed)
            .fold(Fen::ZERO, |sum, refund| sum.plus(refund.amount))
    }

    pub(super) fn refund_of(&self, out_refund_no: &str) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.out_refund_no == out_refund_no)
    }

    pub(super) fn payer_total(&self) -> Fen {
        self.payer_total.unwrap_or(self.order.total)
    }
}
