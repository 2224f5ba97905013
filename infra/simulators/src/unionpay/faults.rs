//! Faults that a test orders for the next server calls.

use serde::Deserialize;

use super::signing::SignWith;
use crate::kit::beijing::MINUTE_MS;
use crate::kit::fault::Fault as Transport;

/// How long a slow refund or void is in progress.
const SLOW_MS: i64 = 5 * MINUTE_MS;

/// How long a late answer is held, in real time: longer than a repeated charge waits for the `tn` of the first one.
const LATE_MS: u64 = 2_000;

/// How a refund or void ends.
#[derive(Clone, Copy)]
pub(super) struct RefundEnd<'a> {
    /// After which pause.
    pub(super) pause_ms: i64,
    /// With which code.
    pub(super) code: &'a str,
}

/// What goes wrong with one server call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Fault {
    /// The operation is done; the answer comes after up to a minute of real time.
    Timeout,
    /// The operation is done; the answer comes after two seconds of real time.
    Late,
    /// HTTP 500, the operation is not done.
    Http500,
    /// The operation is done; the answer is a proxy's error page.
    Garbage,
    /// The operation is done; the answer stops in the middle.
    Cut,
    /// The operation is done; the answer has no `signature`.
    Unsigned,
    /// The operation is done; the answer is signed with somebody else's key.
    BadSignature,
    /// The operation is done; the answer is signed with an expired certificate.
    ExpiredCert,
    /// The operation is done; the answer is signed by another customer of the authority.
    ForeignCn,
    /// The operation is done; the answer is signed with a self-signed certificate.
    SelfMade,
    /// The operation is done; the answer is signed with a certificate of a forged authority.
    FakeIssuer,
    /// A signed 03, the operation is not done.
    #[serde(rename = "03")]
    Lost,
    /// The operation is done; the signed answer has only 05.
    #[serde(rename = "05")]
    Accepted,
    /// A refund or void is accepted and is in progress for five minutes. Other calls work as usual.
    Slow,
    /// A refund or void is accepted and fails at the issuer (60). Other calls work as usual.
    Fails,
}

impl Fault {
    /// The same fault in the common part.
    pub(super) fn transport(self) -> Option<Transport> {
        match self {
            Self::Timeout => Some(Transport::Timeout),
            Self::Http500 => Some(Transport::Http500),
            Self::Garbage => Some(Transport::Garbage),
            Self::Cut => Some(Transport::Cut),
            Self::Unsigned
            | Self::BadSignature
            | Self::ExpiredCert
            | Self::ForeignCn
            | Self::SelfMade
            | Self::FakeIssuer
            | Self::Lost
            | Self::Accepted
            | Self::Late
            | Self::Slow
            | Self::Fails => None,
        }
    }

    /// Which key signs the answer; `None` for [`Self::Unsigned`].
    pub(super) fn sign_with(self) -> Option<SignWith> {
        match self {
            Self::Unsigned => None,
            Self::BadSignature => Some(SignWith::Other),
            Self::ExpiredCert => Some(SignWith::ExpiredCert),
            Self::ForeignCn => Some(SignWith::ForeignCn),
            Self::SelfMade => Some(SignWith::SelfMade),
            Self::FakeIssuer => Some(SignWith::FakeIssuer),
            Self::Timeout
            | Self::Late
            | Self::Http500
            | Self::Garbage
            | Self::Cut
            | Self::Lost
            | Self::Accepted
            | Self::Slow
            | Self::Fails => Some(SignWith::Unionpay),
        }
    }

    /// How long the answer is held, in real time.
    pub(super) fn hold_ms(fault: Option<Self>) -> u64 {
        if fault == Some(Self::Late) { LATE_MS } else { 0 }
    }

    /// After how long and with which code a refund or void ends.
    pub(super) fn end(fault: Option<Self>) -> RefundEnd<'static> {
        match fault {
            Some(Self::Slow) => RefundEnd { pause_ms: SLOW_MS, code: "00" },
            Some(Self::Fails) => RefundEnd { pause_ms: 0, code: "60" },
            Some(_) | None => RefundEnd { pause_ms: 0, code: "00" },
        }
    }
}
