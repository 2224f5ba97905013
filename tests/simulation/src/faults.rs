//! The faults: what breaks, how often, and how many times it did.
//!
//! A fault counts if it changed what a handler saw: a call that failed, a message that came twice, a handler that did not reach its end. A
//! fault that was drawn and changed nothing does not count, for example an index that lags when nothing was written.

use std::collections::BTreeMap;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A handler is killed before a call it makes.
    KilledBeforeCall,
    /// A handler is killed after a call it made. What it wrote stays.
    KilledAfterCall,
    /// A handler is killed at some moment.
    KilledAtAwait,
    /// `deliver` or `ask` is killed while it works on several messages.
    KilledInBatch,
    /// A handler runs until its timeout.
    TimedOut,
    /// A call to AWS fails and has no effect.
    AwsFailedBefore,
    /// A call to AWS takes effect, but its answer is an error.
    AwsFailedAfter,
    /// A call to AWS takes effect, but the connection breaks.
    AwsLostAnswer,
    /// AWS throttles.
    AwsThrottled,
    /// AWS does not answer in time. The call may or may not have taken effect.
    AwsTimedOut,
    /// A call to AWS takes up to 400 ms longer, so that others write in between.
    AwsSlow,
    /// DynamoDB raises `TransactionConflict`.
    TransactionConflict,
    /// An index, or a read that is not strongly consistent, does not show what was just written.
    ReadLagged,
    /// DynamoDB leaves out some keys of a `BatchGetItem`.
    KeysLeftOut,
    /// SQS loses a message.
    MessageLost,
    /// SQS brings a message twice.
    MessageDoubled,
    /// SQS brings a message late.
    MessageLate,
    /// SQS brings a batch in another order.
    MessagesReordered,
    /// An operator purges the queue.
    QueuePurged,
    /// A message comes once more hours later, as if it was taken back from the dead letters.
    MessageRedriven,
    /// A provider cannot be reached.
    ProviderUnreached,
    /// A provider does what it was asked, but its answer is lost.
    ProviderLostAnswer,
    /// A provider does what it was asked, but answers too late.
    ProviderSlow,
    /// A provider does nothing, and its answer is a server error.
    ProviderFailed,
    /// A provider's answer is garbage, cut off, unsigned or signed by someone else.
    ProviderSpoilt,
    /// A provider refuses for the moment, in a signed answer.
    ProviderBusy,
    /// A provider's signed answer to a question is up to two minutes old. It contradicts what the provider did since.
    ProviderContradicted,
    /// A notify is lost.
    NotifyLost,
    /// A notify comes, but its acknowledgement is lost.
    NotifyAnswerLost,
    /// A notify comes again.
    NotifyDoubled,
    /// A notify comes late.
    NotifyLate,
    /// A notify is forged.
    NotifyForged,
    /// A notify that the provider signed contradicts what the provider did.
    NotifyContradicted,
    /// A refund is made in the provider's console.
    PortalRefund,
    /// The payer's bank does not accept a refund. The provider gives it up, or a person has to.
    AbnormalRefund,
    /// The merchant's balance is empty.
    BalanceEmpty,
    /// An order is paid after our side closed it.
    PaidAfterClose,
    /// A bill is paid twice.
    PaidTwice,
    /// A webhook's target fails.
    TargetFailed,
    /// A webhook's target always fails for one transaction.
    TargetChoked,
    /// A webhook's target hangs.
    TargetHung,
    /// A webhook's target takes the message, but its answer is lost.
    TargetLostAnswer,
    /// A webhook's target cannot be reached.
    TargetUnreached,
    /// A webhook's target answers at the last moment.
    TargetLate,
    /// A webhook's target is down for some minutes.
    TargetFlapped,
    /// A function's clock is off by up to five minutes.
    ClockSkewed,
    /// An operator changes settings, accounts, webhooks or keys while bills are open.
    SettingsChanged,
    /// A key of the merchant is replaced. The old key is revoked at once or soon.
    KeyReplaced,
    /// A merchant's call has no answer, and is repeated.
    CallRepeated,
}

impl Fault {
    /// Each kind with its name and its rate: on how many of 10,000 occasions it is drawn.
    #[rustfmt::skip]
    pub const ALL: [(Self, &'static str, u32); 49] = [
        (Self::KilledBeforeCall,    "killed-before-call",    120),
        (Self::KilledAfterCall,     "killed-after-call",     160),
        (Self::KilledAtAwait,       "killed-at-await",       120),
        (Self::KilledInBatch,       "killed-in-batch",       400),
        (Self::TimedOut,            "timed-out",             10_000),
        (Self::AwsFailedBefore,     "aws-failed-before",     100),
        (Self::AwsFailedAfter,      "aws-failed-after",      100),
        (Self::AwsLostAnswer,       "aws-lost-answer",       80),
        (Self::AwsThrottled,        "aws-throttled",         100),
        (Self::AwsTimedOut,         "aws-timed-out",         40),
        (Self::AwsSlow,             "aws-slow",              300),
        (Self::TransactionConflict, "transaction-conflict",  250),
        (Self::ReadLagged,          "read-lagged",           3_000),
        (Self::KeysLeftOut,         "keys-left-out",         500),
        (Self::MessageLost,         "message-lost",          500),
        (Self::MessageDoubled,      "message-doubled",       1_500),
        (Self::MessageLate,         "message-late",          800),
        (Self::MessagesReordered,   "messages-reordered",    5_000),
        (Self::QueuePurged,         "queue-purged",          3_000),
        (Self::MessageRedriven,     "message-redriven",      200),
        (Self::ProviderUnreached,   "provider-unreached",    250),
        (Self::ProviderLostAnswer,  "provider-lost-answer",  350),
        (Self::ProviderSlow,        "provider-slow",         150),
        (Self::ProviderFailed,      "provider-failed",       250),
        (Self::ProviderSpoilt,      "provider-spoilt",       400),
        (Self::ProviderBusy,        "provider-busy",         250),
        (Self::ProviderContradicted, "provider-contradicted", 1_000),
        (Self::NotifyLost,          "notify-lost",           800),
        (Self::NotifyAnswerLost,    "notify-answer-lost",    800),
        (Self::NotifyDoubled,       "notify-doubled",        1_500),
        (Self::NotifyLate,          "notify-late",           600),
        (Self::NotifyForged,        "notify-forged",         1_500),
        (Self::NotifyContradicted,  "notify-contradicted",   2_000),
        (Self::PortalRefund,        "portal-refund",         1_500),
        (Self::AbnormalRefund,      "abnormal-refund",       4_000),
        (Self::BalanceEmpty,        "balance-empty",         500),
        (Self::PaidAfterClose,      "paid-after-close",      9_000),
        (Self::PaidTwice,           "paid-twice",            500),
        (Self::TargetFailed,        "target-failed",         1_500),
        (Self::TargetChoked,        "target-choked",         100),
        (Self::TargetHung,          "target-hung",           500),
        (Self::TargetLostAnswer,    "target-lost-answer",    500),
        (Self::TargetUnreached,     "target-unreached",      500),
        (Self::TargetLate,          "target-late",           500),
        (Self::TargetFlapped,       "target-flapped",        1_500),
        (Self::ClockSkewed,         "clock-skewed",          1_000),
        (Self::SettingsChanged,     "settings-changed",      5_000),
        (Self::KeyReplaced,         "key-replaced",          1_500),
        (Self::CallRepeated,        "call-repeated",         10_000),
    ];

    /// The name of this kind.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(fault, ..)| *fault == self).map_or("", |(_, name, _)| name)
    }

    /// The kind with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == name).map(|(fault, ..)| *fault)
    }
}

/// The rate of each kind: on how many of 10,000 occasions it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates(BTreeMap<Fault, u32>);

impl Rates {
    /// The rates in [`Fault::ALL`].
    pub fn usual() -> Self {
        Self(Fault::ALL.iter().map(|(fault, _, rate)| (*fault, *rate)).collect())
    }

    /// Nothing breaks.
    pub fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Makes one kind never happen.
    pub fn without(&mut self, fault: Fault) {
        self.0.remove(&fault);
    }

    /// The kinds that can happen.
    pub fn kinds(&self) -> Vec<Fault> {
        self.0.keys().copied().collect()
    }

    fn of(&self, fault: Fault) -> u32 {
        self.0.get(&fault).copied().unwrap_or_default()
    }
}

/// The faults of one world.
#[derive(Debug)]
pub(crate) struct Faults {
    rates: Rates,
    random: fastrand::Rng,
    counts: BTreeMap<Fault, u64>,
    is_held: bool,
}

impl Faults {
    pub(crate) fn new(rates: Rates, seed: u64) -> Self {
        Self { rates, random: fastrand::Rng::with_seed(seed), counts: BTreeMap::new(), is_held: false }
    }

    /// While faults are held back, nothing breaks.
    pub(crate) fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// Whether this fault happens now. A kind with rate zero draws a random number, too, so that switching it off changes little else.
    pub(crate) fn draw(&mut self, fault: Fault) -> bool {
        let is_drawn = self.random.u32(0..10_000) < self.rates.of(fault);
        is_drawn && !self.is_held
    }

    /// Notes that a fault changed what a handler saw.
    pub(crate) fn count(&mut self, fault: Fault) {
        *self.counts.entry(fault).or_default() += 1;
    }

    pub(crate) fn random(&mut self) -> &mut fastrand::Rng {
        &mut self.random
    }

    /// From now on nothing breaks.
    pub(crate) fn calm(&mut self) {
        self.rates = Rates::none();
    }

    pub(crate) fn counts(&self) -> &BTreeMap<Fault, u64> {
        &self.counts
    }
}
