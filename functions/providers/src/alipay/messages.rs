//! What is put into Alipay's requests, by Alipay's own names.

use serde_json::{Map, Value};

use crate::{Order, RefundOrder, bounds};

/// A product of the open platform. `Precreate` needs a call of ours. For the others we only sign, and the payer's side sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    /// The phone's SDK sends it.
    App,
    /// The browser of a PC sends it.
    Page,
    /// The browser of a phone sends it.
    Wap,
    /// We send it; its answer is drawn as a QR code.
    Precreate,
}

impl Product {
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::App => "alipay.trade.app.pay",
            Self::Page => "alipay.trade.page.pay",
            Self::Wap => "alipay.trade.wap.pay",
            Self::Precreate => "alipay.trade.precreate",
        }
    }

    /// Precreate has none: the right one depends on the contract, and without one Alipay uses the contract's own.
    fn product_code(self) -> Option<&'static str> {
        match self {
            Self::App => Some("QUICK_MSECURITY_PAY"),
            Self::Page => Some("FAST_INSTANT_TRADE_PAY"),
            Self::Wap => Some("QUICK_WAP_WAY"),
            Self::Precreate => None,
        }
    }

    /// Whether the payer's browser comes back to `return_url`.
    pub(crate) fn returns(self) -> bool {
        match self {
            Self::Page | Self::Wap => true,
            Self::App | Self::Precreate => false,
        }
    }
}

pub(crate) const QUERY: &str = "alipay.trade.query";
pub(crate) const CLOSE: &str = "alipay.trade.close";
pub(crate) const REFUND: &str = "alipay.trade.refund";
pub(crate) const REFUND_QUERY: &str = "alipay.trade.fastpay.refund.query";

/// `biz_content` of a payment.
pub(crate) fn payment(product: Product, order: &Order<'_>) -> String {
    let mut members = Members::of(order.id.as_str());
    members.put("total_amount", order.fee.to_yuan());
    members.put("subject", bounds::ALIPAY_SUBJECT.fit_or(order.subject.as_str(), order.id.as_str()));
    // At Alipay the absolute time wins over `timeout_express`, and does not depend on when the payer opens the cashier.
    members.put("time_expire", order.expires_at.to_beijing());
    if let Some(product_code) = product.product_code() {
        members.put("product_code", product_code);
    }
    if let (Product::Page, Some(mode)) = (product, order.qr_pay_mode) {
        members.put("qr_pay_mode", mode.get().to_string());
    }
    // The page for a payer who leaves before the payment. The order has only the page for after the payment, so it is used.
    if let (Product::Wap, Some(url)) = (product, order.return_url) {
        members.put("quit_url", url.as_str());
    }
    members.json()
}

/// `biz_content` of a query or a closing.
pub(crate) fn order_only(out_trade_no: &str) -> String {
    Members::of(out_trade_no).json()
}

/// `biz_content` of a query by Alipay's own number.
pub(crate) fn trade_only(trade_no: &str) -> String {
    let mut members = Members(Map::new());
    members.put("trade_no", trade_no);
    members.json()
}

/// `biz_content` of a refund.
pub(crate) fn refund(refund: &RefundOrder<'_>) -> String {
    let mut members = Members::of(refund.placed.id.as_str());
    members.put("refund_amount", refund.refund_fee.to_yuan());
    // Always given, so that Alipay recognises the repeat of a full refund, too.
    members.put("out_request_no", refund.refund_num);
    if let Some(reason) = refund.reason {
        let reason = bounds::ALIPAY_REFUND_REASON.fit(reason);
        if !reason.trim().is_empty() {
            members.put("refund_reason", reason);
        }
    }
    members.json()
}

/// `biz_content` of a refund's query.
pub(crate) fn refund_query(refund: &RefundOrder<'_>) -> String {
    let mut members = Members::of(refund.placed.id.as_str());
    members.put("out_request_no", refund.refund_num);
    members.json()
}

struct Members(Map<String, Value>);

impl Members {
    fn of(out_trade_no: &str) -> Self {
        let mut members = Self(Map::new());
        members.put("out_trade_no", out_trade_no);
        members
    }

    fn put(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), Value::String(value.into()));
    }

    fn json(self) -> String {
        Value::Object(self.0).to_string()
    }
}
