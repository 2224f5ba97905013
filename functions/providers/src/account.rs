//! An account at a provider. Every verb has one arm for each provider.

use std::time::Duration;

use bytes::Bytes;
use domain::{Channel, Notification, ProviderTradeNo, RefundNum, Tab, Timestamp, TransactionId};
use http::{Request, Response};
use serde_json::{Map, Value};

use crate::{
    Acknowledgement, BillAnswer, BillReader, Charge, CheckReport, Closing, GatewayPolicy, MessageProblem, Moment,
    NotifyError, Order, PaymentParameters, Placed, ProviderError, RefundOrder, RefundOutcome, RefundReport,
    SettingsError, Unable, alipay, look_up, unionpay, wechat,
};

/// How long before its expiry the console and the metric report a certificate.
const CERTIFICATES_TOLD_BEFORE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

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
    /// Reads the settings of one tab with every key and certificate in them, and makes every check that needs no call. An unknown
    /// member is an error that names it.
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

    /// Reads the answer to the call that [`Self::charge`] returned.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] if the provider said no, [`ProviderError::Unclear`] if the result is unknown.
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

    /// Tells who the payer inside WeChat is. `None` without an app secret.
    pub fn oauth(&self) -> Option<&wechat::Oauth> {
        if let Self::Wechat(account) = self { account.oauth() } else { None }
    }

    /// Queries an order.
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

    /// Reads the answer to [`Self::query`] about `placed`: a report like a notify. If the provider does not know the order, the
    /// report is [`domain::Outcome::Pending`], because the order may be made there as soon as the buyer opens the cashier. Such an
    /// answer names no order; the report then names the order of the query.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] if the provider did not answer the question, [`ProviderError::Unclear`] if the result is unknown.
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
    /// [`ProviderError::Key`] if the account cannot sign, [`ProviderError::Unsupported`] if the provider cannot close, as UnionPay.
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
    /// [`ProviderError::Unclear`] if it is unknown whether the order was closed.
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

    /// The time until which an order can be paid, if it was not closed at the provider. As a rule this is `expires_at`, which the charge
    /// sent as `time_expire` (Alipay, WeChat Pay) or `payTimeout` (UnionPay). It is later if the provider counts from another moment.
    pub fn payable_until(&self, expires_at: Timestamp) -> Timestamp {
        match self {
            Self::Ali(account) => account.payable_until(expires_at),
            Self::Wechat(_) | Self::Unionpay(_) => expires_at,
        }
    }

    /// Makes a refund. The same refund (its number, fee and time) may be sent again and again; the money moves once. If the
    /// provider requires a client certificate, the request has it as an extension: [`crate::ClientCertificate`].
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
    /// [`ProviderError::Unclear`] if it is unknown whether the money moved: use [`Self::refund_query`], or send it again.
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

    /// Undoes a payment of today in full, if the provider has a faster way than a refund: UnionPay's void, within its settlement
    /// day. [`Self::read_refund`] reads the answer, and [`Self::refund_query`] asks for the result.
    ///
    /// # Errors
    /// As [`Self::refund`]; also [`ProviderError::Unsupported`] if there is no such way, or if only a part is to be refunded.
    pub fn undo(&self, refund: &RefundOrder<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match self {
            Self::Ali(_) => Err(ProviderError::from(Unable::AlipayUndoes)),
            Self::Wechat(_) => Err(ProviderError::from(Unable::WechatUndoes)),
            Self::Unionpay(account) => account.undo(refund, moment),
        }
    }

    /// Queries a refund.
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
    /// [`ProviderError::Refused`] if the provider did not answer the question, [`ProviderError::Unclear`] if the result is unknown.
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

    /// Verifies and reads a notify about an order of `channel`: its headers and raw body as they arrived. Nothing in it is used
    /// before its signature is verified. It must name the app of that channel.
    ///
    /// # Errors
    /// [`NotifyError`]: the notify is to be refused and changes nothing.
    pub fn read_notify(
        &self,
        channel: Channel,
        notify: &Request<Bytes>,
        now: Timestamp,
    ) -> Result<Notification, NotifyError> {
        match self {
            Self::Ali(account) => account.read_notify(notify, now),
            Self::Wechat(account) => account.read_notify(channel, notify, now),
            Self::Unionpay(account) => account.read_notify(notify, now),
        }
    }

    /// Verifies and reads a notify about one refund. [`Self::read_notify`] also accepts it, as [`domain::Outcome::Pending`]: one
    /// refund does not tell the state of the payment.
    ///
    /// # Errors
    /// [`NotifyError`]: the notify is to be refused and changes nothing. [`NotifyError::Malformed`] if it is not about a refund. At
    /// Alipay this is always so: there the payment's own notify reports refunds.
    pub fn read_refund_notify(
        &self,
        channel: Channel,
        notify: &Request<Bytes>,
        now: Timestamp,
    ) -> Result<RefundReport, NotifyError> {
        match self {
            Self::Ali(_) => Err(NotifyError::from(MessageProblem::AlipayRefundNotify)),
            Self::Wechat(account) => account.read_refund_notify(channel, notify, now),
            Self::Unionpay(account) => account.read_refund_notify(notify, now),
        }
    }

    /// Asks where to fetch the bill of a day, `2026-11-23` in Beijing time. Providers make it in the morning of the next day.
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
    /// [`ProviderError::Refused`] if the provider gives none, [`ProviderError::Unclear`] if the result is unknown.
    pub fn read_bill(&self, response: &Response<Bytes>, moment: &Moment) -> Result<BillAnswer, ProviderError> {
        match self {
            Self::Ali(account) => account.read_bill(response),
            Self::Wechat(account) => account.read_bill(response, moment),
            Self::Unionpay(account) => account.read_bill(response, moment.now),
        }
    }

    /// Whether the answer to [`Self::bill`] contains the file itself, and so is long.
    pub fn brings_bill(&self) -> bool {
        match self {
            Self::Ali(_) => false,
            Self::Wechat(account) => account.brings_bill(),
            Self::Unionpay(_) => true,
        }
    }

    /// The reader for the unpacked lines of a bill. `None` if this protocol has no bill.
    pub fn bill_reader(&self) -> Option<BillReader> {
        match self {
            Self::Ali(account) => account.columns_reader().map(BillReader::of_columns),
            Self::Wechat(account) => Some(BillReader::of_columns(account.columns_reader())),
            Self::Unionpay(account) => Some(BillReader::of_unionpay(account.file_reader())),
        }
    }

    /// Whose orders the provider's bill lists: if two accounts share one of these names, each finds the other's orders in it.
    pub fn bill_names(&self) -> Vec<String> {
        match self {
            Self::Ali(account) => account.bill_names(),
            Self::Wechat(account) => account.bill_names(),
            Self::Unionpay(account) => account.bill_names(),
        }
    }

    /// How much earlier than Beijing's day the provider's day begins and ends.
    pub fn bill_ends_early_by(&self) -> Duration {
        match self {
            Self::Ali(_) | Self::Wechat(_) => Duration::ZERO,
            Self::Unionpay(_) => unionpay::DAY_ENDS_EARLY_BY,
        }
    }

    /// Whether a bill lists our refunds under other numbers, which only a comparison recognises: see [`Self::lists_refund_as`].
    pub fn hides_refund_nums(&self) -> bool {
        matches!(self, Self::Unionpay(_))
    }

    /// Whether a bill lists our refund of this number under the number `listed`.
    pub fn lists_refund_as(&self, listed: &str, payment: &TransactionId, num: &RefundNum) -> bool {
        match self {
            Self::Ali(_) | Self::Wechat(_) => listed == num.as_str(),
            Self::Unionpay(_) => unionpay::lists_refund_as(listed, payment, num.as_str()),
        }
    }

    /// Whether public sources do not say for certain how to read a bill. Then the provider is queried about each difference.
    pub fn doubts_bill(&self) -> bool {
        matches!(self, Self::Unionpay(_))
    }

    /// The merchants whose orders the provider's bill lists, including those that are not read for this account: a line that cannot
    /// be read may belong to any account that shares one of these names.
    pub fn bill_merchants(&self) -> Vec<String> {
        match self {
            Self::Ali(account) => account.bill_names(),
            Self::Wechat(account) => account.bill_merchants(),
            Self::Unionpay(account) => account.bill_names(),
        }
    }

    /// Asks for the certificates that the provider signs with now: after [`NotifyError::UnknownKey`] or
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

    /// Reads the answer to [`Self::certificates_request`] and returns the account with the new certificates. The previous account
    /// stays usable, so no error here is fatal: a merchant who has WeChat Pay's public key gets one every time.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] if the provider gives no certificates, [`ProviderError::Unclear`] if its answer is not genuine.
    pub fn with_certificates(&self, response: &Response<Bytes>, now: Timestamp) -> Result<Self, ProviderError> {
        match self {
            Self::Ali(_) => Err(ProviderError::from(Unable::AlipayCertificates)),
            Self::Wechat(account) => account.with_certificates(response, now).map(Self::Wechat),
            Self::Unionpay(_) => Err(ProviderError::from(Unable::UnionpayCertificates)),
        }
    }

    /// Verifies what the payer's browser posts when UnionPay's page sends it back, and returns the order. It settles nothing: only
    /// the notify and the query do.
    ///
    /// # Errors
    /// [`NotifyError`]: it is not from UnionPay, or not about an order of this account. [`NotifyError::Malformed`] for other
    /// providers.
    pub fn read_front_return(&self, returned: &Request<Bytes>, now: Timestamp) -> Result<TransactionId, NotifyError> {
        match self {
            Self::Ali(_) => Err(NotifyError::from(MessageProblem::AlipayReturn)),
            Self::Wechat(_) => Err(NotifyError::from(MessageProblem::WechatReturn)),
            Self::Unionpay(account) => account.read_front_return(returned, now),
        }
    }

    /// Whether a notify has the format of the account's other protocol: WeChat Pay reports an order in the format of the protocol
    /// that created it, even after the account moved to the other.
    pub fn is_of_other_form(&self, notify: &Request<Bytes>) -> bool {
        match self {
            Self::Ali(_) | Self::Unionpay(_) => false,
            Self::Wechat(account) => account.is_of_other_form(notify),
        }
    }

    /// The answer that tells the provider that its notify was accepted, and the answer that makes it try again.
    pub fn acknowledgement(&self) -> Acknowledgement {
        match self {
            Self::Ali(_) => alipay::ACKNOWLEDGEMENT,
            Self::Wechat(account) => account.acknowledgement(),
            Self::Unionpay(_) => unionpay::ACKNOWLEDGEMENT,
        }
    }

    /// When the first of the account's certificates expires, if it has any: to warn in time. [`Self::open`] accepts an expired one,
    /// because it has no clock. The verbs that read do check, if a chain of certificates verifies the message, as at UnionPay.
    pub fn certificates_end_at(&self) -> Option<Timestamp> {
        match self {
            Self::Ali(account) => account.certificates_end_at(),
            Self::Wechat(account) => account.certificates_end_at(),
            Self::Unionpay(account) => account.certificates_end_at(),
        }
    }

    /// When the first certificate expires, if that is within 30 days or in the past. A renewal takes some days.
    pub fn certificates_end_soon(&self, now: Timestamp) -> Option<Timestamp> {
        self.certificates_end_at().filter(|ends_at| ends_at.ms() <= now.plus(CERTIFICATES_TOLD_BEFORE).ms())
    }

    /// The questions that check these settings. None of them changes anything at the provider: they are about its certificates and
    /// about `placed`, an order that never existed.
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

    /// Reads the answers to [`Self::probes`], in their order: `None` for a question without an answer.
    pub fn read_probes(&self, answers: &[Option<Response<Bytes>>], now: Timestamp) -> CheckReport {
        match self {
            Self::Ali(account) => account.read_probes(answers),
            Self::Wechat(account) => account.read_probes(answers, now),
            Self::Unionpay(account) => account.read_probes(answers, now),
        }
    }

    /// Whether the number looks like one that this provider gives. Nobody else need be asked about it.
    pub fn may_know(&self, number: &ProviderTradeNo) -> bool {
        let digits = match self {
            Self::Ali(_) => look_up::ALIPAY_DIGITS,
            Self::Wechat(_) => look_up::WECHAT_DIGITS,
            Self::Unionpay(_) => look_up::UNIONPAY_DIGITS,
        };
        look_up::may_be_of(&digits, number)
    }

    /// Asks for the order with the provider's own number.
    ///
    /// # Errors
    /// [`ProviderError::Key`] if the account cannot sign.
    pub fn look_up(&self, number: &ProviderTradeNo, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match self {
            Self::Ali(account) => account.look_up(number, moment),
            Self::Wechat(account) => account.look_up(number, moment),
            Self::Unionpay(account) => account.look_up(number),
        }
    }

    /// Reads the answer to [`Self::look_up`]: the number of the order at the provider, which is our transaction's id if the order is
    /// ours. `None` if the provider knows no such payment of this merchant.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] if the provider did not answer the question, [`ProviderError::Unclear`] if the answer cannot be
    /// trusted or is about another payment.
    pub fn read_look_up(
        &self,
        number: &ProviderTradeNo,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<Option<String>, ProviderError> {
        match self {
            Self::Ali(account) => account.read_look_up(number, response),
            Self::Wechat(account) => account.read_look_up(number, response, now),
            Self::Unionpay(account) => account.read_look_up(number, response, now),
        }
    }
}
