//! What the payment providers speak, as pure functions: an `http::Request` goes out, an `http::Response` or a notify comes
//! in, and our own words come back.
//!
//! Used by the functions that charge, query, settle, close and refund; they do the I/O. Nothing here waits, reads a clock
//! or an environment, or throws dice: the time and the nonce are arguments ([`Moment`]). A report ([`domain::Notification`])
//! exists only after [`Account::read_notify`] or [`Account::read_query`] checked its signature.
//!
//! The providers are a closed enum with one arm each in every verb, so that a forgotten verb does not compile.

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

use std::time::Duration;

use bytes::Bytes;
use domain::{Channel, Family, Notification, RefundNum, Tab, Timestamp, TransactionId};
use http::{Request, Response};
use serde_json::{Map, Value};

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

/// How long before its end the console and the metric report a certificate.
const CERTIFICATES_TOLD_BEFORE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How a message is refused that cannot be verified. It follows from the channel and from what was sent alone, so that it tells a
/// stranger nothing about an account: neither whether there is one nor which protocol it speaks.
pub fn refusal(channel: Channel, body: &[u8]) -> Acknowledgement {
    match channel.family() {
        Family::Ali => alipay::ACKNOWLEDGEMENT,
        Family::Wx => wechat::refusal(body),
        Family::Unipay => unionpay::ACKNOWLEDGEMENT,
    }
}

/// An account at a provider: its settings read once, its keys ready to sign. `Debug` shows no secret.
#[derive(Debug)]
pub enum Account {
    /// Alipay, the open platform or the legacy partner interface.
    Ali(alipay::Account),
    /// WeChat Pay, APIv3 or the legacy v2.
    Wechat(wechat::Account),
    /// UnionPay, ACP 5.1.0.
    Unionpay(unionpay::Account),
}

impl Account {
    /// Reads the settings of one tab, with every key and certificate in them, and makes every check that can be made here.
    /// Unknown members are refused by name.
    ///
    /// # Errors
    /// [`SettingsError`], the first problem found, in words for the operator who typed the settings.
    ///
    /// # Source
    /// `docs/openapi.yaml`, under `PUT /admin/v1/apps/{appId}/channels/{tab}`.
    pub fn open(tab: Tab, settings: &Map<String, Value>, policy: GatewayPolicy) -> Result<Self, SettingsError> {
        match tab {
            Tab::Ali => alipay::Account::open(settings, policy).map(Self::Ali),
            Tab::WxApp | Tab::WxMp => wechat::Account::open(tab, settings, policy).map(Self::Wechat),
            Tab::UnipayApp | Tab::UnipayWeb => unionpay::Account::open(tab, settings, policy).map(Self::Unionpay),
        }
    }

    /// Starts a payment: either its parameters are ready, or the provider must be called for them.
    ///
    /// # Errors
    /// [`ProviderError::Unsupported`] if the account cannot serve this channel, [`ProviderError::Key`] if its keys cannot.
    pub fn charge(&self, order: &Order<'_>, moment: &Moment) -> Result<Charge, ProviderError> {
        match self {
            Self::Ali(account) => account.charge(order, moment),
            Self::Wechat(account) => account.charge(order, moment),
            Self::Unionpay(account) => account.charge(order),
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
        moment: &Moment,
    ) -> Result<PaymentParameters, ProviderError> {
        match self {
            Self::Ali(account) => account.read_charge(channel, response),
            Self::Wechat(account) => account.read_charge(channel, response, moment),
            Self::Unionpay(account) => account.read_charge(channel, response, moment.now),
        }
    }

    /// Asks what has become of an order.
    ///
    /// # Errors
    /// [`ProviderError::Key`] if the account cannot sign.
    pub fn query(&self, placed: &Placed<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match self {
            Self::Ali(account) => account.query(placed, moment),
            Self::Wechat(account) => account.query(placed, moment),
            Self::Unionpay(account) => account.query(placed),
        }
    }

    /// Reads the answer to [`Self::query`] about `placed`: a report like a notify. An order that the provider does not know is
    /// [`domain::Outcome::Pending`], because it may be made there as soon as the buyer opens the cashier; such an answer names no
    /// order, and the report then names the one that was asked about.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] if the provider did not answer the question, [`ProviderError::Unclear`] if nobody knows.
    pub fn read_query(
        &self,
        placed: &Placed<'_>,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<Notification, ProviderError> {
        match self {
            Self::Ali(account) => account.read_query(placed, response),
            Self::Wechat(account) => account.read_query(placed, response, now),
            Self::Unionpay(account) => account.read_query(placed, response, now),
        }
    }

    /// Closes an unpaid order at the provider.
    ///
    /// # Errors
    /// [`ProviderError::Key`] if the account cannot sign, [`ProviderError::Unsupported`] if there is no closing, as at UnionPay.
    pub fn close(&self, placed: &Placed<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match self {
            Self::Ali(account) => account.close(placed, moment),
            Self::Wechat(account) => account.close(placed, moment),
            Self::Unionpay(account) => account.close(),
        }
    }

    /// Reads the answer to [`Self::close`] about `placed`.
    ///
    /// # Errors
    /// [`ProviderError::Unclear`] if nobody knows whether it was closed.
    pub fn read_close(
        &self,
        placed: &Placed<'_>,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<Closing, ProviderError> {
        match self {
            Self::Ali(account) => account.read_close(placed, response),
            Self::Wechat(account) => account.read_close(placed, response, now),
            Self::Unionpay(account) => account.read_close(placed, response, now),
        }
    }

    /// Until when an order can be paid at the provider that ends there by itself, because nobody closed it: `expires_at`, which was given
    /// with it as `time_expire` (Alipay, WeChat Pay) or `payTimeout` (UnionPay), and later where the provider counts otherwise.
    pub fn payable_until(&self, expires_at: Timestamp) -> Timestamp {
        match self {
            Self::Ali(account) => account.payable_until(expires_at),
            Self::Wechat(_) | Self::Unionpay(_) => expires_at,
        }
    }

    /// Sends money back. The same refund, with its number, fee and time, may be sent again and again; the money moves once. Where
    /// the provider asks for a client certificate, the request has it as an extension: [`ClientCertificate`].
    ///
    /// # Errors
    /// [`ProviderError::Unsupported`] if this protocol cannot refund, or the refund number does not fit the provider.
    pub fn refund(&self, refund: &RefundOrder<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match self {
            Self::Ali(account) => account.refund(refund, moment),
            Self::Wechat(account) => account.refund(refund, moment),
            Self::Unionpay(account) => account.refund(refund),
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
        now: Timestamp,
    ) -> Result<RefundOutcome, ProviderError> {
        match self {
            Self::Ali(account) => account.read_refund(refund, response),
            Self::Wechat(account) => account.read_refund(refund, response, now),
            Self::Unionpay(account) => account.read_refund(refund, response, now),
        }
    }

    /// Undoes a payment of today in full, where the provider has a way that is quicker than a refund: UnionPay's void, within its
    /// settlement day. [`Self::read_refund`] reads the answer, and [`Self::refund_query`] asks what has become of it.
    ///
    /// # Errors
    /// As [`Self::refund`]; [`ProviderError::Unsupported`], too, if there is no such way, or if only a part is to go back.
    pub fn undo(&self, refund: &RefundOrder<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match self {
            Self::Ali(_) => Err(ProviderError::from(Unable::AlipayUndoes)),
            Self::Wechat(_) => Err(ProviderError::from(Unable::WechatUndoes)),
            Self::Unionpay(account) => account.undo(refund, moment),
        }
    }

    /// Asks what has become of a refund.
    ///
    /// # Errors
    /// As [`Self::refund`].
    pub fn refund_query(&self, refund: &RefundOrder<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match self {
            Self::Ali(account) => account.refund_query(refund, moment),
            Self::Wechat(account) => account.refund_query(refund, moment),
            Self::Unionpay(account) => account.refund_query(refund),
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
        now: Timestamp,
    ) -> Result<RefundOutcome, ProviderError> {
        match self {
            Self::Ali(account) => account.read_refund_query(refund, response),
            Self::Wechat(account) => account.read_refund_query(refund, response, now),
            Self::Unionpay(account) => account.read_refund_query(refund, response, now),
        }
    }

    /// Verifies and reads a notify, its headers and raw body as they arrived. Nothing of it is believed before its signature fits.
    ///
    /// # Errors
    /// [`NotifyError`]: the notify is to be refused and changes nothing.
    pub fn read_notify(&self, notify: &Request<Bytes>, now: Timestamp) -> Result<Notification, NotifyError> {
        match self {
            Self::Ali(account) => account.read_notify(notify, now),
            Self::Wechat(account) => account.read_notify(notify, now),
            Self::Unionpay(account) => account.read_notify(notify, now),
        }
    }

    /// Verifies and reads a notify about one refund. [`Self::read_notify`] takes it, too, as [`domain::Outcome::Pending`]: a refund by
    /// itself does not say what has become of the payment.
    ///
    /// # Errors
    /// [`NotifyError`]: the notify is to be refused and changes nothing. [`NotifyError::Malformed`] if it is about no refund, which
    /// it never is at Alipay: there the payment's own notify tells of refunds.
    pub fn read_refund_notify(&self, notify: &Request<Bytes>, now: Timestamp) -> Result<RefundReport, NotifyError> {
        match self {
            Self::Ali(_) => Err(NotifyError::from(MessageProblem::AlipayRefundNotify)),
            Self::Wechat(account) => account.read_refund_notify(notify, now),
            Self::Unionpay(account) => account.read_refund_notify(notify, now),
        }
    }

    /// Asks where the bill of a day lies, `2026-11-23` by Beijing's time. Providers make it in the morning of the next.
    ///
    /// # Errors
    /// [`ProviderError::Unsupported`] if this protocol has no bill, [`ProviderError::Key`] if the account cannot sign.
    pub fn bill(&self, day: &str, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match self {
            Self::Ali(account) => account.bill(day, moment.now),
            Self::Wechat(account) => account.bill(day, moment),
            Self::Unionpay(account) => account.bill(day, moment.now),
        }
    }

    /// Reads the answer to [`Self::bill`].
    ///
    /// # Errors
    /// [`ProviderError::Refused`] if the provider gives none, [`ProviderError::Unclear`] if nobody knows.
    pub fn read_bill(&self, response: &Response<Bytes>, moment: &Moment) -> Result<BillAnswer, ProviderError> {
        match self {
            Self::Ali(account) => account.read_bill(response),
            Self::Wechat(account) => account.read_bill(response, moment),
            Self::Unionpay(account) => account.read_bill(response, moment.now),
        }
    }

    /// Whether the answer to [`Self::bill`] brings the file itself, and so is long.
    pub fn brings_bill(&self) -> bool {
        match self {
            Self::Ali(_) => false,
            Self::Wechat(account) => account.brings_bill(),
            Self::Unionpay(_) => true,
        }
    }

    /// Reads the lines of a bill, once they are unpacked. `None` if this protocol has no bill.
    pub fn bill_reader(&self) -> Option<BillReader> {
        match self {
            Self::Ali(account) => account.columns_reader().map(BillReader::of_columns),
            Self::Wechat(account) => Some(BillReader::of_columns(account.columns_reader())),
            Self::Unionpay(account) => Some(BillReader::of_unionpay(account.file_reader())),
        }
    }

    /// Whose orders the provider's bill is of: two accounts that have one of these names in common find each other's in it.
    pub fn bill_names(&self) -> Vec<String> {
        match self {
            Self::Ali(account) => account.bill_names(),
            Self::Wechat(account) => account.bill_names(),
            Self::Unionpay(account) => account.bill_names(),
        }
    }

    /// How much earlier than Beijing's the provider's day ends, and so begins.
    pub fn bill_ends_early_by(&self) -> Duration {
        match self {
            Self::Ali(_) | Self::Wechat(_) => Duration::ZERO,
            Self::Unionpay(_) => unionpay::DAY_ENDS_EARLY_BY,
        }
    }

    /// Whether a bill lists refunds under numbers that only a comparison with ours explains: see [`Self::lists_refund_as`].
    pub fn hides_refund_nums(&self) -> bool {
        matches!(self, Self::Unionpay(_))
    }

    /// Whether a bill lists our refund of this number under that one.
    pub fn lists_refund_as(&self, listed: &str, payment: &TransactionId, num: &RefundNum) -> bool {
        match self {
            Self::Ali(_) | Self::Wechat(_) => listed == num.as_str(),
            Self::Unionpay(_) => unionpay::lists_refund_as(listed, payment, num.as_str()),
        }
    }

    /// Whether public sources leave it in doubt how a bill is to be read, so that the provider is asked about what differs.
    pub fn doubts_bill(&self) -> bool {
        matches!(self, Self::Unionpay(_))
    }

    /// The merchants whose orders are in the provider's bill, whichever of them are read for this account: a line that cannot be read may be
    /// anybody's who has one of these names in common.
    pub fn bill_merchants(&self) -> Vec<String> {
        match self {
            Self::Ali(account) => account.bill_names(),
            Self::Wechat(account) => account.bill_merchants(),
            Self::Unionpay(account) => account.bill_names(),
        }
    }

    /// Asks for the certificates that the provider signs with from now on: after [`NotifyError::UnknownKey`] or
    /// [`ProviderError::UnknownKey`], and twice a day.
    ///
    /// # Errors
    /// [`ProviderError::Unsupported`] if this protocol has no such question, [`ProviderError::Key`] if the account cannot sign.
    pub fn certificates_request(&self, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match self {
            Self::Ali(_) => Err(ProviderError::from(Unable::AlipayCertificates)),
            Self::Wechat(account) => account.certificates_request(moment),
            Self::Unionpay(_) => Err(ProviderError::from(Unable::UnionpayCertificates)),
        }
    }

    /// Reads the answer to [`Self::certificates_request`]: the account as it is from now on. The one before stays good, so that no
    /// error here is fatal: a merchant who has WeChat Pay's public key gets one every time.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] if the provider gives no certificates, [`ProviderError::Unclear`] if what it gave is not genuine.
    pub fn with_certificates(&self, response: &Response<Bytes>, now: Timestamp) -> Result<Self, ProviderError> {
        match self {
            Self::Ali(_) => Err(ProviderError::from(Unable::AlipayCertificates)),
            Self::Wechat(account) => account.with_certificates(response, now).map(Self::Wechat),
            Self::Unionpay(_) => Err(ProviderError::from(Unable::UnionpayCertificates)),
        }
    }

    /// The questions that check these settings. None of them changes anything at the provider: they are about `placed`, which never was,
    /// and about its certificates.
    ///
    /// # Errors
    /// [`ProviderError::Key`] if the account cannot sign.
    pub fn probes(&self, placed: &Placed<'_>, moments: &[Moment; 2]) -> Result<Vec<Request<Bytes>>, ProviderError> {
        let [moment, _] = moments;
        match self {
            Self::Ali(account) => account.probes(placed, moment),
            Self::Wechat(account) => account.probes(placed, moments),
            Self::Unionpay(account) => Ok(vec![account.query(placed)?]),
        }
    }

    /// Reads the answers to [`Self::probes`], in their order: nothing for a question that was not answered.
    pub fn read_probes(&self, answers: &[Option<Response<Bytes>>], now: Timestamp) -> CheckReport {
        match self {
            Self::Ali(account) => account.read_probes(answers),
            Self::Wechat(account) => account.read_probes(answers, now),
            Self::Unionpay(account) => account.read_probes(answers, now),
        }
    }

    /// Verifies what the payer's browser posts when UnionPay's page sends it back, and says which order it is about. It settles
    /// nothing: only the notify and the query do.
    ///
    /// # Errors
    /// [`NotifyError`]: it is not UnionPay's, or not about an order of this account. [`NotifyError::Malformed`] elsewhere.
    pub fn read_front_return(&self, returned: &Request<Bytes>, now: Timestamp) -> Result<TransactionId, NotifyError> {
        match self {
            Self::Ali(_) => Err(NotifyError::from(MessageProblem::AlipayReturn)),
            Self::Wechat(_) => Err(NotifyError::from(MessageProblem::WechatReturn)),
            Self::Unionpay(account) => account.read_front_return(returned, now),
        }
    }

    /// Whether a notify has the form of the account's other protocol: WeChat Pay tells of an order in the form it was made in, also after
    /// the account moved on.
    pub fn is_of_other_form(&self, notify: &Request<Bytes>) -> bool {
        match self {
            Self::Ali(_) | Self::Unionpay(_) => false,
            Self::Wechat(account) => account.is_of_other_form(notify),
        }
    }

    /// What tells the provider that its notify was taken, and what makes it try again.
    pub fn acknowledgement(&self) -> Acknowledgement {
        match self {
            Self::Ali(_) => alipay::ACKNOWLEDGEMENT,
            Self::Wechat(account) => account.acknowledgement(),
            Self::Unionpay(_) => unionpay::ACKNOWLEDGEMENT,
        }
    }

    /// When the first of the account's certificates ends, if it has any: something to warn of in time. [`Self::open`] refuses no
    /// expired one, because that takes a clock; the verbs that read do, where a message is verified by a chain, as at UnionPay.
    pub fn certificates_end_at(&self) -> Option<Timestamp> {
        match self {
            Self::Ali(account) => account.certificates_end_at(),
            Self::Wechat(account) => account.certificates_end_at(),
            Self::Unionpay(account) => account.certificates_end_at(),
        }
    }

    /// The same, if that is within 30 days, or was before: who renews a certificate needs some days for it.
    pub fn certificates_end_soon(&self, now: Timestamp) -> Option<Timestamp> {
        self.certificates_end_at().filter(|ends_at| ends_at.ms() <= now.plus(CERTIFICATES_TOLD_BEFORE).ms())
    }
}
