//! A refund: money on its way back, its states, and the sums that keep it from being more than was paid.
//!
//! A payment has three sums. A provider may report refunds at any time, and in one sum with ours:
//!
//! * `refunded`: what has certainly gone back, by a refund of ours or by one made in the provider's console.
//! * `pending`: the sum of our refunds whose end is not known.
//! * `committed`: what went back, and what may still go back. A new refund is allowed if `committed` + its fee <= what was paid.
//!
//! `committed - pending` is the part that has ended. The sums change so:
//!
//! * A report says how much went back in all, and may include refunds that are pending here. It raises `refunded`. It raises
//!   `committed` only if it is more than `committed`: then somebody refunded in the provider's console.
//! * A pending refund succeeds: its fee leaves `pending`, and `refunded` becomes `committed - pending`. If a report has raised `refunded`
//!   beyond that already, it stays.
//! * A pending refund fails: its fee leaves `pending` and `committed`.
//!
//! Whatever the order of messages, no refund counts twice and no more than the payment is given back. A test plays all orders
//! against a provider's own ledger.
//!
//! The money of a stuck refund has left the merchant and not arrived. It stays in `pending`, so it cannot be refunded again.
//!
//! The merchant gets an event for each refund of ours that succeeds, fails or gets stuck. For a refund made elsewhere the merchant gets an
//! event as soon as we know of it. That is when a report raises `committed`. Or a report counted money that a pending refund of ours could
//! explain, and then that refund fails. Such an event is named after `committed - pending`. This sum is larger for each later one, so no
//! event is written twice.

mod change;
mod choice;
mod failures;
#[cfg(test)]
mod histories;
mod limit;
#[cfg(test)]
pub(crate) mod tests;
mod waiting;

use std::time::Duration;

pub(crate) use self::change::refunded_elsewhere;
pub use self::change::{
    RefundChange, RefundContradiction, RefundContradictionKind, RefundDecision, RefundStatement, RefundVerdict,
    apply_refund_statement, give_up_refund,
};
pub use self::choice::{PaymentChoice, choose_payment, is_same_refund};
pub use self::failures::{FailedForReason, FailedRefunds, OtherFailures, failed_by_reason};
pub use self::limit::{ProposedRefund, RefundAllowance};
pub use self::waiting::{RefundWait, RefundWaiting, refund_waiting};
use crate::{
    AppId, BillNum, Fen, Habit, Mode, RefundSums, Sentence, Timestamp, Transaction, TransactionId, TransactionKey,
    closed_list,
};

/// When the first question about a refund is asked: most refunds are done by then.
const ASKED_AFTER: Duration = Duration::from_secs(60);

/// The longest wait between two questions about a refund.
const ASKED_AGAIN_AFTER_MAX: Duration = Duration::from_secs(6 * 3600);

/// How often a refund that waits for the merchant's balance is sent again: on its first day, and later.
const PAUSED_AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(3600), DAY];

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The merchant's number of a refund, unique in the app: 1 to 32 letters, digits and signs that every provider takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefundNum(String);

impl RefundNum {
    /// WeChat Pay takes 64 characters for the number of the payment and this number after it.
    pub const CHARS_MAX: usize = 32;
    pub(crate) const EXPECTED: &'static str = "a string of 1 to 32 letters, digits and the signs _ - | * @";

    /// `None` if it is empty, too long or has other signs.
    pub fn parse(text: &str) -> Option<Self> {
        let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte);
        let fits = (1..=Self::CHARS_MAX).contains(&text.len()) && text.bytes().all(is_taken);
        fits.then(|| Self(text.to_owned()))
    }

    const RESERVED_PREFIX: &str = "twice-";

    /// How many automatic refunds a payment has at the most. It needs a second one if a refund of the merchant's fails after the first.
    pub const SURPLUS_MAX: u8 = 9;

    /// The number of the refund that returns a surplus payment automatically: the bill was paid before, or it has another price. The number
    /// is derived from the payment, so that the refund happens once. `which` is from 1 to [`Self::SURPLUS_MAX`].
    pub fn of_surplus_payment(payment: &TransactionId, which: u8) -> Self {
        let first = format!("{}{payment}", Self::RESERVED_PREFIX);
        Self(if which == 1 { first } else { format!("{first}-{which}") })
    }

    /// The number of a refund that was begun together with others: `<batch>-<id of the payment>`.
    pub fn of_batch(batch: &str, payment: &TransactionId) -> Option<Self> {
        let is_name = batch.len() == Self::BATCH_CHARS && batch.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_name.then(|| Self(format!("{batch}-{payment}")))
    }

    /// Whether it is a number of [`Self::of_batch`].
    pub fn is_of_batch(&self, payment: &TransactionId) -> bool {
        self.0.split_once('-').is_some_and(|(batch, _)| Self::of_batch(batch, payment).as_ref() == Some(self))
    }

    /// The characters of a batch's name.
    pub const BATCH_CHARS: usize = 6;

    /// Whether MaxPay keeps numbers like this one for its automatic refunds. A caller cannot begin a refund with it.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with(Self::RESERVED_PREFIX)
    }

    /// Whether it is a number of [`Self::of_surplus_payment`].
    pub fn is_of_surplus_payment(&self, payment: &TransactionId) -> bool {
        (1..=Self::SURPLUS_MAX).any(|which| *self == Self::of_surplus_payment(payment, which))
    }

    /// The number as the merchant wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RefundNum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

closed_list! {
    /// Where a refund stands. `pending -> success | failed | stuck`, `stuck -> success | failed`. A failed one
    /// changes only by a later verified statement of the provider.
    pub enum RefundStatus {
        /// Requested; its end is not known.
        Pending = "pending",
        /// The money left the merchant, the payer's bank did not take it, and a person must act at the provider.
        Stuck = "stuck",
        /// The money went back.
        Success = "success",
        /// The provider refused, and the money did not move.
        Failed = "failed",
    }
}

impl RefundStatus {
    /// Whether its end is still to come.
    pub fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::Stuck => true,
            Self::Success | Self::Failed => false,
        }
    }
}

/// One sending of a refund to its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundSending {
    /// From 0. UnionPay knows each sending under its own number; the others know all sendings of a refund under one number.
    pub number: u32,
    /// When it was begun.
    pub at: Timestamp,
}

/// A refund that waits until the merchant's balance suffices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundPause {
    /// When the provider first said that the balance does not suffice.
    pub since: Timestamp,
    /// When the provider said so of the latest sending. `None` while the answer to that sending is not known.
    pub refused_at: Option<Timestamp>,
}

closed_list! {
    /// How the money is sent back. It is decided once, because a repeated request must equal the first.
    pub enum RefundWay {
        /// As a refund.
        Refund = "refund",
        /// As a void, as if the payment had never been made, see [`Habit::VoidsOfTheDay`].
        Void = "void",
    }
}

/// Money on its way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The payment that it pays back.
    pub key: TransactionKey,
    /// That payment's id.
    pub transaction: TransactionId,
    /// The merchant's number.
    pub num: RefundNum,
    /// How much goes back.
    pub fee: Fen,
    /// The reason, in words for the payer.
    pub reason: Option<String>,
    /// How it is sent.
    pub way: RefundWay,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Where it stands.
    pub status: RefundStatus,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The provider's words, if it refused the refund or the refund is stuck.
    pub failure: Option<Sentence>,
    /// When to ask the provider about it. `None` once it ended.
    pub due_at: Option<Timestamp>,
    /// The latest sending.
    pub sending: RefundSending,
    /// Whether it waits for the merchant's balance.
    pub pause: Option<RefundPause>,
}

impl Refund {
    /// How long a refund that waits for the merchant's balance is tried again.
    pub const PAUSED_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

    /// After this time every provider knows each refund that it received.
    pub const KNOWN_AFTER: Duration = DAY;

    /// Whether it is certain that the latest sending moved no money. To be asked when the provider does not know the sending: it is certain
    /// then if the provider clearly refused the sending before, or if the provider would know it by now.
    pub fn surely_moved_nothing(&self, now: Timestamp) -> bool {
        let is_refused = self.pause.is_some_and(|pause| pause.refused_at.is_some());
        is_refused || self.sending.at.distance(now) >= Self::KNOWN_AFTER
    }

    /// The code at the beginning of the failure ([`RefundFailure`]), or the whole text if it has none.
    pub fn failure_code(&self) -> Option<&str> {
        let text = &self.failure.as_ref()?.text;
        Some(text.split_once(": ").map_or(text, |(code, _)| code))
    }

    /// Whether it waited for the balance for the longest allowed time.
    pub fn has_waited(&self, now: Timestamp) -> bool {
        self.pause.is_some_and(|pause| pause.since.distance(now) >= Self::PAUSED_MAX)
    }

    /// The refund with one more sending. It is stored before the provider is called. It is no void, because UnionPay voids a payment on the
    /// payment's own day only.
    #[must_use]
    pub fn sent_again(&self, now: Timestamp) -> Self {
        let sending = RefundSending { number: self.sending.number.saturating_add(1), at: now };
        let pause = self.pause.map(|pause| RefundPause { refused_at: None, ..pause });
        let again = Self { sending, pause, way: RefundWay::Refund, ..self.clone() };
        Self { due_at: Some(next_refund_question(&again, now)), ..again }
    }
}

/// Names a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundKey {
    /// The app of the bill.
    pub app: AppId,
    /// The mode of the bill.
    pub mode: Mode,
    /// The bill.
    pub bill: BillNum,
    /// The merchant's number of the refund.
    pub num: RefundNum,
}

/// When to ask next about a refund that is open at `now`. The first question comes after a minute. Each later wait is as long as the time since
/// the request, and six hours at the most. A refund that waits for the merchant's balance is tried again each hour, and after a day each
/// day. A stuck refund is asked about each day, because a person has to end it.
pub fn next_refund_question(refund: &Refund, now: Timestamp) -> Timestamp {
    if let Some(pause) = refund.pause {
        let [at_first, later] = PAUSED_AGAIN_AFTER;
        return now.plus(if pause.since.distance(now) < DAY { at_first } else { later });
    }
    if refund.status == RefundStatus::Stuck {
        return now.plus(DAY);
    }
    let first = refund.requested_at.plus(ASKED_AFTER);
    if first > now { first } else { now.plus(refund.requested_at.distance(now).min(ASKED_AGAIN_AFTER_MAX)) }
}

crate::sentences! {
    /// Why a refund is not begun. Amounts are in fen: what can still go back, and what was asked for.
    pub enum RefundRefusal, RefundRefusalKind {
        NotPaid = "refund-not-paid": "billNum must be of a paid bill; this one is not paid";
        TooMuch { left: i64, found: i64 } = "refund-too-much": "refundFee must be at most {left}: that is left of the payment after the refunds that are done or pending; found {found}";
        // As `TooMuch`, if a part of the payment is held by a stuck refund.
        Stuck { left: i64, found: i64, num: String } = "refund-share-stuck": "refundFee must be at most {left}, because the refund `{num}` is stuck at the provider and keeps its share until a person deals with it in the provider's merchant platform; found {found}";
        // Of an operator who is no owner. What is left of the day's limit.
        AboveLimit { left: i64, found: i64 } = "refund-above-limit": "refundFee must be at most {left}: that is left of what operators may refund today, and an owner has to approve more; found {found}";
        Reserved { num: String } = "refund-num-reserved": "refundNum must not begin with twice-, because MaxPay's automatic refunds have such numbers; found {num}";
    }
}

crate::sentences! {
    /// Why a refund failed, waits or is stuck. The code at the beginning is the provider's, or ours in its place.
    pub enum RefundFailure, RefundFailureKind {
        Refused { code: String, words: Sentence } = "refund-refused": "{code}: {words}";
        Short { code: String, words: Sentence } = "refund-short": "{code}: {words}";
        Stuck { code: String, words: Sentence } = "refund-stuck": "{code}: {words}";
        // It waited for the longest allowed time.
        Waited = "refund-waited": "NOT_ENOUGH: the balance did not suffice for 30 days";
        // A person gave it up.
        GivenUp = "refund-given-up": "GIVEN_UP: it was given up while the balance did not suffice";
    }
}

impl RefundRefusal {
    /// Adds the number of the stuck refund, if the payment has one: a person must act on it.
    #[must_use]
    pub fn explained(self, payment: &TransactionId, refunds: &[Refund]) -> Self {
        let is_stuck = |refund: &&Refund| refund.transaction == *payment && refund.status == RefundStatus::Stuck;
        match (self, refunds.iter().find(is_stuck)) {
            (Self::TooMuch { left, found }, Some(stuck)) => Self::Stuck { left, found, num: stuck.num.to_string() },
            (other, _) => other,
        }
    }
}

/// Reserves `fee` for a refund. Returns the payment with the new sums.
///
/// # Errors
/// [`RefundRefusal`].
pub fn reserve_refund(before: &Transaction, fee: Fen) -> Result<Transaction, RefundRefusal> {
    if !before.status.is_paid() {
        return Err(RefundRefusal::NotPaid);
    }
    let committed = committed(before);
    let left = before.fee.get() - committed;
    if fee.get() > left {
        return Err(RefundRefusal::TooMuch { left, found: fee.get() });
    }
    let pending = fen(before.refunds.pending) + fee.get();
    let refunds = RefundSums { pending: amount(pending), committed: amount(committed + fee.get()) };
    Ok(Transaction { refunds, ..before.clone() })
}

/// How much of a payment can still be refunded. `None` if nothing can.
pub fn refundable(payment: &Transaction) -> Option<Fen> {
    if payment.status.is_paid() { amount(payment.fee.get() - committed(payment)) } else { None }
}

/// How much can still be refunded of all these payments together, in fen.
pub fn refundable_in_all(payments: &[Transaction]) -> i64 {
    payments.iter().filter_map(refundable).fold(0, |sum, left| sum.saturating_add(left.get()))
}

/// How much of a payment was refunded elsewhere, usually in the provider's console: `refunded` less our own refunds.
pub fn sent_back_elsewhere(payment: &Transaction, refunds: &[Refund]) -> Option<Fen> {
    let ours = refunds
        .iter()
        .filter(|refund| refund.transaction == payment.id && refund.status == RefundStatus::Success)
        .fold(0_i64, |sum, refund| sum.saturating_add(refund.fee.get()));
    amount(fen(payment.refunded) - ours)
}

/// How the money of a payment is sent back. UnionPay can void a payment on the payment's own day: the whole of it, at once. If the payment has
/// another refund already, it is not voided. The day of the charge is compared: a payment follows its charge, so if the charge is of today,
/// the payment is, too.
pub fn refund_way(payment: &Transaction, others: &[Refund], fee: Fen, now: Timestamp) -> RefundWay {
    let is_whole = fee == payment.fee && payment.refunded.is_none();
    let is_today = settlement_day(payment.created_at) == settlement_day(now);
    let has_others = others.iter().any(|other| other.transaction == payment.id);
    if payment.key.channel.family().has(Habit::VoidsOfTheDay) && is_whole && is_today && !has_others {
        RefundWay::Void
    } else {
        RefundWay::Refund
    }
}

/// UnionPay's settlement day ends at 23:00 in Beijing, an hour before midnight; Beijing is eight hours ahead of UTC.
fn settlement_day(moment: Timestamp) -> i64 {
    const DAY_MS: i64 = 24 * 3600 * 1000;
    const OFFSET_MS: i64 = (8 + 1) * 3600 * 1000;
    (moment.ms() + OFFSET_MS).div_euclid(DAY_MS)
}

/// What went back or may still go back. A report may have raised `refunded` beyond the `committed` that is stored, so the larger one counts.
fn committed(payment: &Transaction) -> i64 {
    fen(payment.refunds.committed).max(fen(payment.refunded))
}

fn fen(amount: Option<Fen>) -> i64 {
    amount.map_or(0, Fen::get)
}

/// `None` for zero. The sums of this module are never negative.
fn amount(fen: i64) -> Option<Fen> {
    Fen::new(fen).ok()
}
