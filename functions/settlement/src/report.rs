//! A report: how it came, what becomes of it, and why one is not taken.

use bytes::Bytes;
use domain::{AccountNumber, IncidentKind, Mismatch, Refusal, Sentence, Timestamp};
use http::HeaderMap;

use crate::found::Found;

/// The message that brought a report.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// Whether the provider will say it again.
    pub how: How,
    /// The account that verified it.
    pub account: AccountNumber,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body as it arrived.
    pub body: &'a Bytes,
    /// When it arrived.
    pub now: Timestamp,
}

/// How a report came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The provider sent it, and repeats it until it is acknowledged.
    Notify,
    /// It is the answer to a question, and comes once.
    Answer,
}

impl How {
    /// Its name in an incident.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Answer => "answer",
        }
    }
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is settled, now or before.
    Settled,
    /// It does not fit, and is kept as an incident.
    Misfit,
    /// The try belongs to this account of the channel, and another verified the report: it is to be read again by the right one.
    OfAnother(AccountNumber),
}

/// Why a genuine report is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misfit {
    #[error("it was verified by another account than that of the try")]
    OtherAccount(AccountNumber),
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error(transparent)]
    Refusal(#[from] Refusal),
}

impl Misfit {
    /// What does not fit, as it is kept.
    pub(crate) fn said(&self) -> Sentence {
        match self {
            Self::OtherAccount(_) => Found::OtherAccount.into(),
            Self::Mismatch(mismatch) => mismatch.sentence(),
            Self::Refusal(refusal) => refusal.sentence(),
        }
    }

    /// Its name in an incident.
    pub(crate) fn kind(&self) -> IncidentKind {
        match self {
            Self::OtherAccount(_) | Self::Mismatch(Mismatch::Claim { .. }) => IncidentKind::Account,
            Self::Mismatch(Mismatch::Order { .. }) => IncidentKind::Order,
            Self::Mismatch(Mismatch::Amount { .. } | Mismatch::AmountUnknown { .. }) => IncidentKind::Amount,
            Self::Refusal(Refusal::AlreadyPaid) => IncidentKind::ClosedAfterPayment,
            Self::Refusal(Refusal::OtherTradeNo) => IncidentKind::PaidAgain,
            Self::Refusal(Refusal::RefundedTooMuch) => IncidentKind::RefundedTooMuch,
        }
    }
}
