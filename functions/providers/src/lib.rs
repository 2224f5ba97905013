//! The protocols of the payment providers, as pure functions: they build an `http::Request`, read an `http::Response` or a notify,
//! and give back our own types.
//!
//! Used by the functions that charge, query, settle, close and refund; these do the I/O. Nothing here waits, reads a clock or the
//! environment, or uses randomness: the time and the nonce are arguments ([`Moment`]). A report ([`domain::Notification`]) exists
//! only after [`Account::read_notify`] or [`Account::read_query`] has checked its signature.
//!
//! The providers are a closed enum, and every verb has one arm for each. So a forgotten verb does not compile.

mod account;
pub mod alipay;
mod bill;
mod bounds;
mod cert;
mod charset;
mod check;
mod client_certificate;
mod error;
mod exchange;
mod form;
mod identity;
mod json;
mod keys;
mod look_up;
mod message_problem;
mod pfx;
mod setting_problem;
mod settings;
mod tabs;
mod unable;
pub mod unionpay;
#[cfg(test)]
mod vectors;
pub mod wechat;
mod xml;

use domain::{Channel, Family};

pub use account::Account;
pub use bill::{
    BillAnswer, BillDownload, BillEvent, BillLine, BillPacking, RawLine, Reading, UnreadableText, reader::BillReader,
};
pub use bounds::NOTIFY_URL_BYTES_MAX;
pub use charset::Charset;
pub use check::{CheckReport, CheckWords, CheckWordsKind, CheckedSetting, Proof, Said};
pub use client_certificate::ClientCertificate;
pub use error::{AnswerRetry, NotifyError, NotifyErrorKind, ProviderError, ProviderErrorKind, SettingsError};
pub use exchange::{
    Acknowledgement, Charge, Closing, Moment, Nonce, Order, PaymentParameters, Placed, RefundOrder, RefundOutcome,
    RefundReport,
};
pub use identity::{Identity, former_form};
pub use message_problem::{
    LineProblem, LineProblemKind, MessageProblem, MessageProblemKind, RefundWords, RefundWordsKind, TrustProblem,
    TrustProblemKind,
};
pub use pfx::OpenedCertificate;
pub use setting_problem::{Given, GivenKind, SettingProblem, SettingProblemKind};
pub use settings::GatewayPolicy;
pub use tabs::{MASK, addresses_of, mask, opened_by};
pub use unable::{Unable, UnableKind};

/// The refusal of a message that cannot be verified. It depends only on the channel and on what was sent. So it does not tell a
/// stranger whether there is an account, nor which protocol it uses.
pub fn refusal(channel: Channel, body: &[u8]) -> Acknowledgement {
    match channel.family() {
        Family::Ali => alipay::ACKNOWLEDGEMENT,
        Family::Wx => wechat::refusal(body),
        Family::Unipay => unionpay::ACKNOWLEDGEMENT,
    }
}
