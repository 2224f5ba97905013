//! Notifies of Alipay's open platform that the simulator would not send, written by hand.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::keys::{Signer, sign};

/// A notify before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Message(BTreeMap<String, String>);

impl Message {
    /// The fields of a newly paid trade.
    pub(crate) fn paid(trade: &Value) -> Self {
        let text = |name: &str| trade[name].as_str().unwrap().to_owned();
        Self(BTreeMap::new())
            .with("notify_type", "trade_status_sync")
            .with("notify_id", "2026112300222000000000000000000001")
            .with("notify_time", "2026-11-23 22:30:00")
            .with("charset", "utf-8")
            .with("version", "1.0")
            .with("app_id", &text("merchant"))
            .with("auth_app_id", &text("merchant"))
            .with("seller_id", "2088000000000001")
            .with("out_trade_no", &text("outTradeNo"))
            .with("trade_no", &text("tradeNo"))
            .with("trade_status", "TRADE_SUCCESS")
            .with("total_amount", &text("totalAmount"))
            .with("receipt_amount", &text("totalAmount"))
            .with("subject", &text("subject"))
            .with("gmt_payment", "2026-11-23 22:30:00")
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// The form that is sent.
    pub(crate) fn signed(self) -> String {
        self.signed_by(Signer::Alipay)
    }

    pub(crate) fn signed_by(self, signer: Signer) -> String {
        let sign = sign(&self.content(), signer);
        self.with("sign", &sign).with("sign_type", "RSA2").form()
    }

    /// The form with its present signature, right or wrong.
    pub(crate) fn form(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    /// By the "V1" rule: without `sign` and `sign_type`, but with empty values.
    fn content(&self) -> String {
        let signed = self.0.iter().filter(|(name, _)| !matches!(name.as_str(), "sign" | "sign_type"));
        signed.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }
}
