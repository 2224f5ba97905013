//! A report of a provider about a payment: where it came from, what became of it, and why one was not applied.

use bytes::Bytes;
use domain::{AccountNumber, IncidentKind, Mismatch, Refusal, Sentence, Timestamp};
use http::HeaderMap;

use crate::found::Found;

/// Where a verified report came from: the message that brought it.
#[derive(Clone, Copy, Debug)]
pub struct ReportContext<'a> {
    /// Whether the provider repeats it.
    pub source: ReportSource,
    /// The account that verified it.
    pub account: AccountNumber,
    /// The headers of the message.
    pub headers: &'a HeaderMap,
    /// The body as it arrived.
    pub body: &'a Bytes,
    /// When it arrived.
    pub now: Timestamp,
}

/// How a report came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportSource {
    /// The provider sent it, and repeats it until it is acknowledged.
    Notify,
    /// It is the answer to a question, and comes once.
    Answer,
}

impl ReportSource {
    /// Its name in an incident.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Answer => "answer",
        }
    }
}

/// What became of a verified report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// It is settled, now or before.
    Settled,
    /// It does not match what is known, for this reason, and is kept as an incident.
    Mismatched(Sentence),
    /// The try was charged on this account, and another account verified the report. The right account has to read it again.
    OtherAccount(AccountNumber),
}

/// Why a verified report is not applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotApplied {
    #[error("it was verified by another account than that of the try")]
    OtherAccount(AccountNumber),
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error(transparent)]
    Refusal(#[from] Refusal),
}

impl NotApplied {
    /// The reason, as an incident keeps it.
    pub(crate) fn said(&self) -> Sentence {
        match self {
            Self::OtherAccount(_) => Found::OtherAccount.into(),
            Self::Mismatch(mismatch) => mismatch.sentence(),
            Self::Refusal(refusal) => refusal.sentence(),
        }
    }

    /// The kind of the incident.
    pub(crate) fn kind(&self) -> IncidentKind {
        match self {
            Self::OtherAccount(_) => IncidentKind::Account,
            Self::Mismatch(mismatch) => mismatch_kind(mismatch),
            Self::Refusal(Refusal::AlreadyPaid) => IncidentKind::ClosedAfterPayment,
            Self::Refusal(Refusal::OtherTradeNo) => IncidentKind::PaidAgain,
            Self::Refusal(Refusal::RefundedTooMuch) => IncidentKind::RefundedTooMuch,
        }
    }
}

/// The kind of incident that a mismatch is.
pub(crate) fn mismatch_kind(mismatch: &Mismatch) -> IncidentKind {
    match mismatch {
        Mismatch::Claim { .. } => IncidentKind::Account,
        Mismatch::Order { .. } => IncidentKind::Order,
        Mismatch::Amount { .. } | Mismatch::AmountUnknown { .. } => IncidentKind::Amount,
    }
}
