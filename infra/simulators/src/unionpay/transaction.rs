//! One transaction (payment, refund or void), and the rules of its states. Pure: time is an argument.

use serde::{Deserialize, Serialize};

use super::codes::{self, Refusal};
use super::letter::Notifies;
use super::moment::settlement_day;
use super::request::Call;
use crate::kit::beijing::{DAY_MS, HOUR_MS};

/// How long an order without `payTimeout` can be paid. UnionPay's own limit is not documented.
const PATIENCE_MS: i64 = HOUR_MS;
/// "Up to about 330 days."
const REFUND_WINDOW_MS: i64 = 330 * DAY_MS;
/// `N1..12`.
const AMOUNT_DIGITS_MAX: usize = 12;

/// An amount in fen. Sums of refunds may be zero; amounts from outside are at least 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Fen(u64);

impl Fen {
    pub(super) const ZERO: Self = Self(0);

    /// Reads `txnAmt`: 1 to 12 digits that do not begin with 0.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        if !plain || text.len() > AMOUNT_DIGITS_MAX {
            return None;
        }
        text.parse().ok().map(Self)
    }

    /// As in `txnAmt`.
    pub(super) fn digits(self) -> String {
        self.0.to_string()
    }

    /// Two decimals, for people.
    pub(super) fn to_yuan(self) -> String {
        format!("{}.{:02}", self.0 / 100, self.0 % 100)
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// The merchant's order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    pub(super) call: Call,
    pub(super) mer_id: String,
    pub(super) order_id: String,
    pub(super) txn_time: String,
    pub(super) amount: Fen,
    pub(super) back_url: String,
    pub(super) front_url: Option<String>,
    pub(super) front_fail_url: Option<String>,
    pub(super) order_desc: Option<String>,
    pub(super) req_reserved: Option<String>,
    /// The original payment of a refund or void.
    pub(super) orig_qry_id: Option<String>,
    pub(super) pay_timeout: Option<i64>,
}

/// The state of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    /// The payer has not paid: a query finds no such transaction.
    Waiting,
    /// Cancelled by the payer or expired. A query finds no such transaction, either.
    Closed,
    /// 03, 04 or 05.
    Processing,
    /// 00 or A6.
    Done,
    Failed,
}

/// A transaction and its notifies.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transaction {
    /// 21 digits. It identifies the transaction from the start, and is shown after the payer has paid.
    pub(super) query_id: String,
    /// 21 digits. It is also the name of the cashier. Payments only.
    pub(super) tn: Option<String>,
    pub(super) order: Order,
    pub(super) state: State,
    /// `origRespCode` of queries; empty until the result is known.
    pub(super) resp_code: String,
    pub(super) created_at: i64,
    pub(super) expires_at: Option<i64>,
    /// When and how a refund or void in progress ends.
    pub(super) settles: Option<(i64, String)>,
    /// When it ended.
    pub(super) ended_at: Option<i64>,
    /// The sum of this payment's refunds and voids, done or in progress.
    pub(super) returned: Fen,
    pub(super) voided: bool,
    pub(super) notifies: Notifies,
    /// Counts every notify ever queued.
    pub(super) notify_count: u32,
}

/// Whether the payer's payment is in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Punctuality {
    InTime,
    /// The money moves although the order is closed, as when a payment succeeds after the timeout.
    AlsoLate,
}

impl Transaction {
    pub(super) fn new(query_id: String, tn: String, order: Order, now: i64) -> Self {
        let payment = matches!(order.call, Call::Web | Call::App);
        let expires_at = order.pay_timeout.unwrap_or_else(|| now.saturating_add(PATIENCE_MS));
        Self {
            query_id,
            tn: payment.then_some(tn),
            state: if payment { State::Waiting } else { State::Processing },
            resp_code: if payment { String::new() } else { "05".to_owned() },
            order,
            created_at: now,
            expires_at: payment.then_some(expires_at),
            settles: None,
            ended_at: None,
            returned: Fen::ZERO,
            voided: false,
            notifies: Notifies::default(),
            notify_count: 0,
        }
    }

    pub(super) fn is_payment(&self) -> bool {
        self.tn.is_some()
    }

    /// The amount that can still be refunded.
    pub(super) fn left(&self) -> Fen {
        self.order.amount.minus(self.returned)
    }

    /// The payer pays, with the result `code`. Queues no notify; the caller chooses one.
    pub(super) fn pay(&mut self, code: &str, punctuality: Punctuality, now: i64) -> Result<(), Refusal> {
        let refuse = |code, why: &str| Err(Refusal::new(code, why));
        match self.state {
            State::Waiting | State::Processing => {}
            State::Closed if punctuality == Punctuality::AlsoLate => {}
            State::Closed => return refuse(codes::OUT_OF_TIME, "the order is cancelled or out of time"),
            State::Done => return refuse(codes::DUPLICATE, "the order is paid already"),
            State::Failed => return refuse(codes::ORIGINAL, "the payment has failed for good"),
        }
        self.end(code, now);
        Ok(())
    }

    /// The payer leaves without paying.
    pub(super) fn cancel(&mut self) -> Result<(), Refusal> {
        if self.state != State::Waiting {
            return Err(Refusal::new(codes::ORIGINAL, "the order does not wait for its payer"));
        }
        self.state = State::Closed;
        Ok(())
    }

    /// Sets the result.
    pub(super) fn end(&mut self, code: &str, now: i64) {
        self.state = if codes::is_success(code) {
            State::Done
        } else if codes::UNKNOWN.contains(&code) {
            State::Processing
        } else {
            State::Failed
        };
        code.clone_into(&mut self.resp_code);
        self.ended_at = (self.state != State::Processing).then_some(now);
        self.settles = None;
    }

    /// When the clock alone will change the state.
    pub(super) fn clock_changes_at(&self) -> Option<i64> {
        match self.state {
            State::Waiting => self.expires_at,
            State::Processing => self.settles.as_ref().map(|(at, _)| *at),
            State::Closed | State::Done | State::Failed => None,
        }
    }

    /// Takes a refund or void from this payment, or says why not.
    pub(super) fn give_back(&mut self, order: &Order, now: i64) -> Result<(), Refusal> {
        let refuse = |code, why: &str| Err(Refusal::new(code, why));
        if !self.is_payment() || self.state != State::Done || self.order.mer_id != order.mer_id {
            return refuse(codes::ORIGINAL, "origQryId is of no successful payment of this merchant");
        }
        if self.voided {
            return refuse(codes::ORIGINAL, "the payment has been voided");
        }
        let paid_at = self.ended_at.unwrap_or(self.created_at);
        if order.call == Call::Void {
            if order.amount != self.order.amount {
                return refuse(codes::DIFFERS, "a void is of the full amount");
            }
            if self.returned != Fen::ZERO {
                return refuse(codes::ORIGINAL, "the payment has been refunded, in part at least");
            }
            if settlement_day(paid_at) != settlement_day(now) {
                return refuse(codes::OUT_OF_TIME, "a void must be of the payment's settlement day");
            }
            self.voided = true;
        } else {
            if order.amount > self.left() {
                return refuse(codes::DIFFERS, "more than was paid cannot be refunded");
            }
            if now.saturating_sub(paid_at) > REFUND_WINDOW_MS {
                return refuse(codes::OUT_OF_TIME, "the payment is older than 330 days");
            }
        }
        self.returned = self.returned.plus(order.amount);
        Ok(())
    }

    /// Undoes [`Self::give_back`] after the refund or void has failed.
    pub(super) fn take_back(&mut self, order: &Order) {
        self.returned = self.returned.minus(order.amount);
        self.voided &= order.call != Call::Void;
    }
}
