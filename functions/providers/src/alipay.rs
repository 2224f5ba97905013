//! Alipay: one account, in one of its two protocols.
//!
//! The open platform (`openapi`) is what every new account has. The legacy partner interface (`mapi`) is closed to new merchants
//! and still serves old ones.

mod answer;
pub(crate) mod bill;
mod check;
mod mapi;
mod messages;
mod notify;
mod open_platform;
mod settings;
mod sign;
#[cfg(test)]
mod tests;
mod trade;
#[cfg(test)]
mod vectors;

pub(crate) use settings::{MAPI_PRODUCTION, PRODUCTION};
pub(crate) use sign::joined;

use bytes::Bytes;
use domain::{Channel, Notification, ProviderTradeNo, Timestamp};
use http::{Request, Response};
use serde_json::{Map, Value};

use crate::{
    Acknowledgement, BillAnswer, Charge, CheckReport, Closing, GatewayPolicy, Moment, NotifyError, Order,
    PaymentParameters, Placed, ProviderError, RefundOrder, RefundOutcome, SettingProblem, SettingsError, Unable,
    bill::columns::ColumnsReader, settings::Settings,
};

/// The body must be exactly these seven letters. After any other answer Alipay tries again, eight times within 25 hours.
pub(crate) const ACKNOWLEDGEMENT: Acknowledgement =
    Acknowledgement { content_type: "text/plain", accepted: b"success", refused: b"fail" };

/// An account at Alipay. Its settings and verbs are described at [`crate::Account`].
#[derive(Debug)]
pub struct Account(Protocol);

#[derive(Debug)]
enum Protocol {
    OpenPlatform(Box<open_platform::OpenPlatform>),
    Mapi(Box<mapi::Mapi>),
}

use Protocol::{Mapi, OpenPlatform};

/// One verb, as the account's protocol does it.
macro_rules! with {
    ($account:expr, $protocol:ident => $verb:expr) => {
        match &$account.0 {
            OpenPlatform($protocol) => $verb,
            Mapi($protocol) => $verb,
        }
    };
}

impl Account {
    pub(crate) fn open(settings: &Map<String, Value>, policy: GatewayPolicy) -> Result<Self, SettingsError> {
        let settings = Settings::new(settings);
        match settings.require("protocol", crate::settings::TEXT_BYTES_MAX, "openapi, or mapi for old accounts")? {
            "openapi" => settings::open_platform(settings, policy).map(|account| Self(OpenPlatform(Box::new(account)))),
            "mapi" => settings::mapi(settings, policy).map(|account| Self(Mapi(Box::new(account)))),
            "simulator" => Err(SettingsError::new("protocol", SettingProblem::SimulatorNotHere)),
            _ => Err(SettingsError::new("protocol", SettingProblem::AlipayProtocol)),
        }
    }

    pub(crate) fn charge(&self, order: &Order<'_>, moment: &Moment) -> Result<Charge, ProviderError> {
        with!(self, protocol => protocol.charge(order, moment.now))
    }

    pub(crate) fn read_charge(
        &self,
        channel: Channel,
        response: &Response<Bytes>,
    ) -> Result<PaymentParameters, ProviderError> {
        match (&self.0, channel) {
            (OpenPlatform(protocol), Channel::AliQrcode) => protocol.read_precreate(response),
            (OpenPlatform(_) | Mapi(_), _) => Err(ProviderError::from(Unable::NoCall { channel })),
        }
    }

    pub(crate) fn query(&self, placed: &Placed<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        with!(self, protocol => protocol.query(placed.id, moment.now))
    }

    pub(crate) fn read_query(
        &self,
        placed: &Placed<'_>,
        response: &Response<Bytes>,
    ) -> Result<Notification, ProviderError> {
        with!(self, protocol => protocol.read_query(placed.id, response))
    }

    pub(crate) fn look_up(&self, number: &ProviderTradeNo, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        with!(self, protocol => protocol.look_up(number, moment.now))
    }

    pub(crate) fn read_look_up(
        &self,
        number: &ProviderTradeNo,
        response: &Response<Bytes>,
    ) -> Result<Option<String>, ProviderError> {
        with!(self, protocol => protocol.read_look_up(number, response))
    }

    pub(crate) fn probes(&self, placed: &Placed<'_>, moment: &Moment) -> Result<Vec<Request<Bytes>>, ProviderError> {
        match &self.0 {
            OpenPlatform(protocol) => Ok(vec![protocol.query(placed.id, moment.now)?]),
            Mapi(protocol) => protocol.probes(placed.id),
        }
    }

    pub(crate) fn read_probes(&self, answers: &[Option<Response<Bytes>>]) -> CheckReport {
        with!(self, protocol => protocol.read_probes(answers))
    }

    pub(crate) fn close(&self, placed: &Placed<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        with!(self, protocol => protocol.close(placed.id, moment.now))
    }

    pub(crate) fn read_close(&self, placed: &Placed<'_>, response: &Response<Bytes>) -> Result<Closing, ProviderError> {
        with!(self, protocol => protocol.read_close(placed.id, response))
    }

    pub(crate) fn payable_until(&self, expires_at: Timestamp) -> Timestamp {
        with!(self, protocol => protocol.payable_until(expires_at))
    }

    pub(crate) fn refund(&self, refund: &RefundOrder<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match &self.0 {
            OpenPlatform(protocol) => protocol.refund(refund, moment.now),
            Mapi(_) => Err(no_refund()),
        }
    }

    pub(crate) fn read_refund(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
    ) -> Result<RefundOutcome, ProviderError> {
        match &self.0 {
            OpenPlatform(protocol) => protocol.read_refund(refund, response),
            Mapi(_) => Err(no_refund()),
        }
    }

    pub(crate) fn refund_query(
        &self,
        refund: &RefundOrder<'_>,
        moment: &Moment,
    ) -> Result<Request<Bytes>, ProviderError> {
        match &self.0 {
            OpenPlatform(protocol) => protocol.refund_query(refund, moment.now),
            Mapi(_) => Err(no_refund()),
        }
    }

    pub(crate) fn read_refund_query(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
    ) -> Result<RefundOutcome, ProviderError> {
        match &self.0 {
            OpenPlatform(protocol) => protocol.read_refund_query(refund, response),
            Mapi(_) => Err(no_refund()),
        }
    }

    /// A notify of either protocol has no time that can be trusted: re-sends span a day. Replays are harmless because settling is
    /// idempotent.
    pub(crate) fn read_notify(&self, notify: &Request<Bytes>, _now: Timestamp) -> Result<Notification, NotifyError> {
        let form = notify::Form::parse(notify)?;
        with!(self, protocol => protocol.read_notify(&form))
    }

    pub(crate) fn bill(&self, day: &str, now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        match &self.0 {
            OpenPlatform(protocol) => protocol.bill(day, now),
            Mapi(_) => Err(no_bill()),
        }
    }

    pub(crate) fn read_bill(&self, response: &Response<Bytes>) -> Result<BillAnswer, ProviderError> {
        match &self.0 {
            OpenPlatform(protocol) => protocol.read_bill(response),
            Mapi(_) => Err(no_bill()),
        }
    }

    pub(crate) fn columns_reader(&self) -> Option<ColumnsReader> {
        match &self.0 {
            OpenPlatform(_) => Some(ColumnsReader::new(bill::COLUMNS, &[])),
            Mapi(_) => None,
        }
    }

    /// The bill is of the seller, for all of the seller's apps. The settings do not always name the seller, so the app's id is a name, too.
    pub(crate) fn bill_names(&self) -> Vec<String> {
        match &self.0 {
            OpenPlatform(protocol) => {
                let seller = protocol.seller_id.as_ref().map(|seller| format!("alipay/seller/{seller}"));
                [Some(format!("alipay/app/{}", protocol.app_id)), seller].into_iter().flatten().collect()
            }
            Mapi(protocol) => vec![format!("alipay/seller/{}", protocol.seller)],
        }
    }

    pub(crate) fn certificates_end_at(&self) -> Option<Timestamp> {
        match &self.0 {
            OpenPlatform(protocol) => protocol.certificates_end_at(),
            Mapi(_) => None,
        }
    }
}

/// The call `refund_fastpay_by_platform_nopwd` takes batches, and its result comes later, to another address. It was never tried here.
fn no_bill() -> ProviderError {
    ProviderError::from(Unable::MapiBills)
}

fn no_refund() -> ProviderError {
    ProviderError::from(Unable::MapiRefunds)
}
