//! WeChat Pay: one account, in one of its two protocols.
//!
//! APIv3 (`v3`) is what every new account has; the legacy `v2` still serves old ones. An account belongs to one tab, because the
//! app of `wx_app` and that of `wx_mp` are not interchangeable.

mod answer;
mod apps;
pub(crate) mod bill;
mod certificates;
mod check;
mod fields;
mod messages;
mod notify;
mod oauth;
mod seal;
mod settings;
mod sign;
#[cfg(test)]
mod tests;
mod trade;
mod v2;
mod v3;
#[cfg(test)]
mod vectors;
mod verify;

pub(crate) use oauth::GATEWAY as OAUTH_GATEWAY;
pub use oauth::{Oauth, Openid};
pub(crate) use settings::PRODUCTION;

use std::sync::Arc;

use bytes::Bytes;
use domain::{Channel, Notification, ProviderTradeNo, Tab, Timestamp};
use http::{Request, Response};
use serde_json::{Map, Value};

use apps::WechatApps;

use crate::{
    Acknowledgement, BillAnswer, Charge, CheckReport, CheckWords, CheckedSetting, ClientCertificate, Closing,
    GatewayPolicy, Moment, NotifyError, Order, PaymentParameters, Placed, ProviderError, RefundOrder, RefundOutcome,
    RefundReport, SettingProblem, SettingsError, Unable, bill::columns::ColumnsReader, settings::Settings,
};

/// A notify that is accepted gets 200, and one that is refused gets 4xx or 5xx. After a refusal WeChat tries again, fifteen times within 24
/// hours.
const ACKNOWLEDGEMENT: Acknowledgement = Acknowledgement {
    content_type: "application/json",
    accepted: r#"{"code":"SUCCESS","message":"成功"}"#.as_bytes(),
    refused: br#"{"code":"FAIL","message":"refused"}"#,
};

/// In the format of the message's protocol: v2 uses XML.
pub(crate) fn refusal(body: &[u8]) -> Acknowledgement {
    if body.trim_ascii_start().starts_with(b"<") { v2::ACKNOWLEDGEMENT } else { ACKNOWLEDGEMENT }
}

/// An account at WeChat Pay. Its settings and verbs are described at [`crate::Account`].
#[derive(Debug)]
pub struct Account {
    protocol: Protocol,
    oauth: Option<Arc<Oauth>>,
}

#[derive(Debug)]
enum Protocol {
    V3(Box<v3::V3>),
    V2(Box<v2::V2>),
}

use Protocol::{V2, V3};

impl Account {
    pub(crate) fn open(tab: Tab, settings: &Map<String, Value>, policy: GatewayPolicy) -> Result<Self, SettingsError> {
        let settings = Settings::new(settings);
        let protocol =
            match settings.require("protocol", crate::settings::TEXT_BYTES_MAX, "v3, or v2 for old accounts")? {
                "v3" => V3(Box::new(settings::v3(tab, settings, policy)?)),
                "v2" => V2(Box::new(settings::v2(tab, settings, policy)?)),
                "simulator" => return Err(SettingsError::new("protocol", SettingProblem::SimulatorNotHere)),
                _ => return Err(SettingsError::new("protocol", SettingProblem::WechatProtocol)),
            };
        let oauth = settings::oauth(tab, settings, policy)?.map(Arc::new);
        Ok(Self { protocol, oauth })
    }

    pub(crate) fn oauth(&self) -> Option<&Oauth> {
        self.oauth.as_deref()
    }

    pub(crate) fn charge(&self, order: &Order<'_>, moment: &Moment) -> Result<Charge, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.charge(order, moment),
            V2(protocol) => protocol.charge(order, moment),
        }
    }

    pub(crate) fn read_charge(
        &self,
        channel: Channel,
        response: &Response<Bytes>,
        moment: &Moment,
    ) -> Result<PaymentParameters, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.read_charge(channel, response, moment),
            V2(protocol) => protocol.read_charge(channel, response, moment),
        }
    }

    pub(crate) fn query(&self, placed: &Placed<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.query(placed, moment),
            V2(protocol) => protocol.query(placed, moment),
        }
    }

    pub(crate) fn read_query(
        &self,
        placed: &Placed<'_>,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<Notification, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.read_query(placed, response, now),
            V2(protocol) => protocol.read_query(placed, response),
        }
    }

    pub(crate) fn look_up(&self, number: &ProviderTradeNo, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.look_up(number, moment),
            V2(protocol) => protocol.look_up(number, moment),
        }
    }

    pub(crate) fn read_look_up(
        &self,
        number: &ProviderTradeNo,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<Option<String>, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.read_look_up(number, response, now),
            V2(protocol) => protocol.read_look_up(number, response),
        }
    }

    pub(crate) fn probes(
        &self,
        placed: &Placed<'_>,
        moments: &[Moment; 2],
    ) -> Result<Vec<Request<Bytes>>, ProviderError> {
        let [moment, _] = moments;
        let mut questions = match &self.protocol {
            V3(protocol) => protocol.probes(placed, moments)?,
            V2(protocol) => vec![protocol.query(placed, moment)?],
        };
        if let Some(oauth) = &self.oauth {
            questions.push(oauth.probe(moment)?);
        }
        Ok(questions)
    }

    /// The answer about the app secret is the last one.
    pub(crate) fn read_probes(&self, answers: &[Option<Response<Bytes>>], now: Timestamp) -> CheckReport {
        let mut report = match &self.protocol {
            V3(protocol) => protocol.read_probes(answers, now),
            V2(protocol) => protocol.read_probes(answers),
        };
        if let Some(oauth) = &self.oauth {
            report.put(oauth.read_probe(answers.last().and_then(Option::as_ref)));
        }
        if self.apps().lite().is_some() {
            report.put(CheckedSetting::untestable("liteAppId", CheckWords::OnlyAPaymentShows));
        }
        report
    }

    pub(crate) fn close(&self, placed: &Placed<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.close(placed, moment),
            V2(protocol) => protocol.close(placed, moment),
        }
    }

    /// In both protocols the answer does not name the closed order. Only the connection shows which order it is about.
    pub(crate) fn read_close(
        &self,
        _placed: &Placed<'_>,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<Closing, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.read_close(response, now),
            V2(protocol) => protocol.read_close(response),
        }
    }

    pub(crate) fn refund(&self, refund: &RefundOrder<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.refund(refund, moment),
            V2(protocol) => protocol.refund(refund, moment),
        }
    }

    pub(crate) fn read_refund(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<RefundOutcome, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.read_refund(refund, response, now),
            V2(protocol) => protocol.read_refund(refund, response),
        }
    }

    pub(crate) fn refund_query(
        &self,
        refund: &RefundOrder<'_>,
        moment: &Moment,
    ) -> Result<Request<Bytes>, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.refund_query(refund, moment),
            V2(protocol) => protocol.refund_query(refund, moment),
        }
    }

    pub(crate) fn read_refund_query(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<RefundOutcome, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.read_refund_query(refund, response, now),
            V2(protocol) => protocol.read_refund_query(refund, response),
        }
    }

    pub(crate) fn read_notify(
        &self,
        channel: Channel,
        notify: &Request<Bytes>,
        now: Timestamp,
    ) -> Result<Notification, NotifyError> {
        match &self.protocol {
            V3(protocol) => protocol.read_notify(channel, notify, now),
            V2(protocol) => protocol.read_notify(channel, notify),
        }
    }

    pub(crate) fn read_refund_notify(
        &self,
        channel: Channel,
        notify: &Request<Bytes>,
        now: Timestamp,
    ) -> Result<RefundReport, NotifyError> {
        match &self.protocol {
            V3(protocol) => protocol.read_refund_notify(channel, notify, now),
            V2(protocol) => protocol.read_refund_notify(channel, notify),
        }
    }

    pub(crate) fn certificates_request(&self, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.certificates_request(moment),
            V2(_) => Err(no_certificates()),
        }
    }

    pub(crate) fn with_certificates(&self, response: &Response<Bytes>, now: Timestamp) -> Result<Self, ProviderError> {
        match &self.protocol {
            V3(protocol) => {
                let protocol = V3(Box::new(protocol.with_certificates(response, now)?));
                Ok(Self { protocol, oauth: self.oauth.clone() })
            }
            V2(_) => Err(no_certificates()),
        }
    }

    /// A notify of v2 is XML, and one of v3 is JSON.
    pub(crate) fn is_of_other_form(&self, notify: &Request<Bytes>) -> bool {
        let first = notify.body().iter().find(|byte| !byte.is_ascii_whitespace());
        match &self.protocol {
            V3(_) => first == Some(&b'<'),
            V2(_) => first == Some(&b'{'),
        }
    }

    pub(crate) fn acknowledgement(&self) -> Acknowledgement {
        match &self.protocol {
            V3(_) => ACKNOWLEDGEMENT,
            V2(_) => v2::ACKNOWLEDGEMENT,
        }
    }

    pub(crate) fn bill(&self, day: &str, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.bill(day, moment),
            V2(protocol) => protocol.bill(day, moment),
        }
    }

    pub(crate) fn read_bill(&self, response: &Response<Bytes>, moment: &Moment) -> Result<BillAnswer, ProviderError> {
        match &self.protocol {
            V3(protocol) => protocol.read_bill(response, moment),
            V2(_) => v2::V2::read_bill(response),
        }
    }

    pub(crate) fn columns_reader(&self) -> ColumnsReader {
        let reader = ColumnsReader::new(bill::COLUMNS, &self.apps().all().collect::<Vec<_>>());
        match &self.protocol {
            V3(_) => reader,
            V2(_) => reader.up_to_totals(),
        }
    }

    /// v2's answer contains the file.
    pub(crate) fn brings_bill(&self) -> bool {
        matches!(&self.protocol, V2(_))
    }

    /// The bill is the merchant's, read for the apps of this account.
    pub(crate) fn bill_names(&self) -> Vec<String> {
        let mch_id = self.mch_id();
        self.apps().all().map(|app_id| format!("wechat/{mch_id}/{app_id}")).collect()
    }

    pub(crate) fn bill_merchants(&self) -> Vec<String> {
        vec![format!("wechat/{}", self.mch_id())]
    }

    fn mch_id(&self) -> &str {
        match &self.protocol {
            V3(protocol) => &protocol.mch_id,
            V2(protocol) => &protocol.mch_id,
        }
    }

    fn apps(&self) -> &WechatApps {
        match &self.protocol {
            V3(protocol) => &protocol.apps,
            V2(protocol) => &protocol.apps,
        }
    }

    pub(crate) fn certificates_end_at(&self) -> Option<Timestamp> {
        match &self.protocol {
            V3(protocol) => protocol.keys.end_at(),
            V2(protocol) => protocol.client.as_ref().and_then(ClientCertificate::ends_at),
        }
    }
}

fn no_certificates() -> ProviderError {
    ProviderError::from(Unable::V2Certificates)
}
