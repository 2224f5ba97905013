//! The HTML. All external text goes through [`escape`].

use super::trade::{Status, Trade};
use crate::kit::beijing::seconds;
use crate::kit::page::{DARK, STYLE, escape, scan, way_back};

/// The order with its buttons, or its result.
pub(super) fn cashier(trade: &Trade, merchant: &str, address: &str) -> String {
    let order = &trade.order;
    let mut rows = vec![
        ("Merchant 商户", merchant.to_owned()),
        ("Order number 订单号", order.out_trade_no.clone()),
        ("Trade number 交易号", trade.trade_no.clone()),
    ];
    if let (Status::WaitBuyerPay, Some(at)) = (trade.status, trade.expires_at) {
        rows.push(("Pay before 有效期至", seconds(at)));
    }
    if let Some(at) = trade.paid_at {
        rows.push(("Paid at 支付时间", seconds(at)));
    }
    if !trade.refunds.is_empty() {
        rows.push(("Refunded 已退款", format!("¥{}", trade.refunded().to_yuan())));
    }
    let rows: String = rows
        .iter()
        .map(|(name, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value)))
        .collect();
    let end = match trade.status {
        Status::Prepared | Status::WaitBuyerPay => {
            "<form method=\"post\"><button name=\"action\" value=\"pay\">Pay 支付</button>\
             <button class=\"plain\" name=\"action\" value=\"cancel\">Cancel 取消</button></form>"
        }
        Status::Success | Status::Finished => "<div class=\"state\" role=\"status\">✓ Paid 支付成功</div>",
        Status::Closed if trade.paid_at.is_some() => {
            "<div class=\"state closed\" role=\"status\">Refunded in full 已全额退款</div>"
        }
        Status::Closed => "<div class=\"state closed\" role=\"status\">Closed, nothing was paid 交易已关闭</div>",
    };
    let qr =
        if matches!(trade.status, Status::Prepared | Status::WaitBuyerPay) { scan(address) } else { String::new() };
    let content = format!(
        "<p class=\"amount\"><i>¥</i>{}</p><p class=\"subject\">{}</p><dl>{rows}</dl>{end}{qr}",
        escape(&order.total.to_yuan()),
        escape(&order.subject),
    );
    frame("Cashier 收银台", &content)
}

/// The page for pasting an order string.
pub(super) fn phone() -> String {
    let content = "<form method=\"post\"><label for=\"order\">Order string 订单字符串</label>\
         <textarea id=\"order\" name=\"order_string\" required spellcheck=\"false\" \
         placeholder=\"app_id=…&amp;method=alipay.trade.app.pay&amp;…&amp;sign=…\"></textarea>\
         <button>Pay as the phone would 模拟手机支付</button></form>";
    frame("Phone 手机", content)
}

/// An error instead of the cashier.
pub(super) fn refused(code: &str, why: &str) -> String {
    let content = format!(
        "<div class=\"state bad\" role=\"alert\">Refused 请求被拒绝<br>{}</div><pre>{}</pre>{}",
        escape(code),
        escape(why),
        way_back("/simulator/alipay/app")
    );
    frame("Error 错误", &content)
}

fn frame(title: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title} · Alipay simulator</title>\
         <style>{STYLE}{DARK}</style></head><body>\
         <div class=\"note\">This is a simulator. No money moves. 这是模拟环境，不会产生真实交易。</div>\
         <main><header>Alipay simulator 支付宝模拟器<small>{title}</small></header><section>{content}</section></main>\
         </body></html>"
    )
}
