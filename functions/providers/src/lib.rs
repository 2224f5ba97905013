//! What the payment providers speak, as pure functions: an `http::Request` goes out, an `http::Response` or a notify comes
//! in, and our own words come back.
//!
//! Used by the functions that charge, query, settle, close and refund; they do the I/O. Nothing here waits, reads a clock
//! or an environment, or throws dice: the time is an argument. A report ([`domain::Notification`]) exists only after
//! [`Account::read_notify`] or [`Account::read_query`] checked its signature.
//!
//! The providers are a closed enum with one arm each in every verb, so that a forgotten verb does not compile.

pub mod alipay;
mod cert;
mod error;
mod exchange;
mod keys;
mod settings;

use bytes::Bytes;
use domain::{Channel, Notification, Tab, Timestamp, TransactionId};
use http::{Request, Response};
use serde_json::{Map, Value};

pub use error::{NotifyError, ProviderError, SettingsError};
pub use exchange::{Acknowledgement, Charge, Closing, Order, PaymentParameters, RefundOrder, RefundOutcome};
pub use settings::{GatewayPolicy, MASK, mask};

/// An account at a provider: its settings read once, its keys ready to sign. `Debug` shows no secret.
#[derive(Debug)]
pub enum Account {
    /// Alipay, the open platform or the legacy partner interface.
    Ali(alipay::Account),
}

impl Account {
    /// Reads the settings of one tab, with every key and certificate in them, and makes every check that can be made here.
    /// Unknown members are refused by name.
    ///
    /// # Errors
    /// [`SettingsError`], the first problem found, in words for the operator who typed the settings.
    ///
    /// # Source
    /// `docs/openapi.yaml`, schemas `AlipayOpenPlatform` and `AlipayPartner`.
    pub fn open(tab: Tab, settings: &Map<String, Value>, policy: GatewayPolicy) -> Result<Self, SettingsError> {
        match tab {
            Tab::Ali => alipay::Account::open(settings, policy).map(Self::Ali),
            Tab::WxApp | Tab::WxMp | Tab::UnipayApp | Tab::UnipayWeb => Err(SettingsError::new(
                "protocol",
                format!("this version does not speak the provider of tab {tab} yet"),
            )),
        }
    }

    /// Starts a payment: either its parameters are ready, or the provider must be called for them.
    ///
    /// # Errors
    /// [`ProviderError::Unsupported`] if the account cannot serve this channel, [`ProviderError::Key`] if its keys cannot.
    pub fn charge(&self, order: &Order<'_>, now: Timestamp) -> Result<Charge, ProviderError> {
        match self {
            Self::Ali(account) => account.charge(order, now),
        }
    }

    /// Reads the answer to the call that [`Self::charge`] asked for.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] if the provider said no, [`ProviderError::Unclear`] if nobody knows.
    pub fn read_charge(
        &self,
        channel: Channel,
        response: &Response<Bytes>,
    ) -> Result<PaymentParameters, ProviderError> {
        match self {
            Self::Ali(account) => account.read_charge(channel, response),
        }
    }

    /// Asks what has become of an order.
    ///
    /// # Errors
    /// [`ProviderError::Key`] if the account cannot sign.
    pub fn query(&self, id: &TransactionId, now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        match self {
            Self::Ali(account) => account.query(id, now),
        }
    }

    /// Reads the answer to [`Self::query`] about `id`: a report like a notify. An order that the provider does not know is
    /// [`domain::Outcome::Pending`], because it may be made there as soon as the buyer opens the cashier; such an answer names no
    /// order, and the report then names the one that was asked about.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] if the provider did not answer the question, [`ProviderError::Unclear`] if nobody knows.
    pub fn read_query(&self, id: &TransactionId, response: &Response<Bytes>) -> Result<Notification, ProviderError> {
        match self {
            Self::Ali(account) => account.read_query(id, response),
        }
    }

    /// Closes an unpaid order at the provider.
    ///
    /// # Errors
    /// [`ProviderError::Key`] if the account cannot sign.
    pub fn close(&self, id: &TransactionId, now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        match self {
            Self::Ali(account) => account.close(id, now),
        }
    }

    /// Reads the answer to [`Self::close`] about `id`.
    ///
    /// # Errors
    /// [`ProviderError::Unclear`] if nobody knows whether it was closed.
    pub fn read_close(&self, id: &TransactionId, response: &Response<Bytes>) -> Result<Closing, ProviderError> {
        match self {
            Self::Ali(account) => account.read_close(id, response),
        }
    }

    /// Sends money back. The same refund number and fee may be sent again and again; the money moves once.
    ///
    /// # Errors
    /// [`ProviderError::Unsupported`] if this protocol cannot refund, or the refund number does not fit the provider.
    pub fn refund(&self, refund: &RefundOrder<'_>, now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        match self {
            Self::Ali(account) => account.refund(refund, now),
        }
    }

    /// Reads the answer to [`Self::refund`].
    ///
    /// # Errors
    /// [`ProviderError::Unclear`] if nobody knows whether the money moved: ask by [`Self::refund_query`], or send it again.
    pub fn read_refund(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
    ) -> Result<RefundOutcome, ProviderError> {
        match self {
            Self::Ali(account) => account.read_refund(refund, response),
        }
    }

    /// Asks what has become of a refund.
    ///
    /// # Errors
    /// As [`Self::refund`].
    pub fn refund_query(&self, refund: &RefundOrder<'_>, now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        match self {
            Self::Ali(account) => account.refund_query(refund, now),
        }
    }

    /// Reads the answer to [`Self::refund_query`].
    ///
    /// # Errors
    /// [`ProviderError::Refused`] if the provider did not answer the question, [`ProviderError::Unclear`] if nobody knows.
    pub fn read_refund_query(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
    ) -> Result<RefundOutcome, ProviderError> {
        match self {
            Self::Ali(account) => account.read_refund_query(refund, response),
        }
    }

    /// Verifies and reads a notify, its headers and raw body as they arrived. Nothing of it is believed before its signature fits.
    ///
    /// # Errors
    /// [`NotifyError`]: the notify is to be refused and changes nothing.
    pub fn read_notify(&self, notify: &Request<Bytes>, now: Timestamp) -> Result<Notification, NotifyError> {
        match self {
            Self::Ali(account) => account.read_notify(notify, now),
        }
    }

    /// What tells the provider that its notify was taken, and what makes it try again.
    pub fn acknowledgement(&self) -> Acknowledgement {
        match self {
            Self::Ali(_) => alipay::ACKNOWLEDGEMENT,
        }
    }

    /// When the first of the account's certificates ends, if it has any: something to warn of in time. Nothing here refuses an
    /// expired one, because that takes a clock.
    pub fn certificates_end_at(&self) -> Option<Timestamp> {
        match self {
            Self::Ali(account) => account.certificates_end_at(),
        }
    }
}
