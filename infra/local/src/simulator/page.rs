//! The HTML. Everything from outside goes through [`escape`]; there is no script.

use super::beijing::seconds;
use super::trade::{Status, Trade};

pub(crate) const STYLE: &str = "\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;background:#eef2f7;color:#1b2733;display:flex;flex-direction:column;align-items:center;\
font:16px/1.5 -apple-system,'Segoe UI','PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif}\
.note{width:100%;padding:8px 16px;background:#fff4d6;color:#6b4e00;text-align:center;font-size:14px}\
main{width:100%;max-width:440px;margin:6vh 16px 24px;background:#fff;border-radius:14px;overflow:hidden;\
box-shadow:0 10px 30px rgba(20,50,90,.12)}\
header{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:2px 12px;\
background:#1677ff;color:#fff;padding:18px 28px;font-weight:600;letter-spacing:.02em}\
header small{font-weight:400;opacity:.85;white-space:nowrap}\
section{padding:28px}\
.amount{font-size:42px;font-weight:700;text-align:center;margin:4px 0 2px;font-variant-numeric:tabular-nums}\
.amount i{font-style:normal;font-size:26px;margin-right:4px}\
.subject{text-align:center;color:#51606f;margin:0 0 22px;overflow-wrap:anywhere}\
dl{margin:0 0 24px;border-top:1px solid #e6ebf1}\
dl div{display:flex;justify-content:space-between;gap:24px;padding:10px 0;border-bottom:1px solid #e6ebf1;font-size:14px}\
dt{color:#6a7887;white-space:nowrap}dd{margin:0;text-align:right;overflow-wrap:anywhere}\
button{display:block;width:100%;padding:13px;border-radius:9px;font:inherit;font-weight:600;cursor:pointer;\
border:1px solid #1677ff;background:#1677ff;color:#fff}\
button:hover{background:#0958d9}button:focus-visible,textarea:focus-visible{outline:3px solid #91caff;outline-offset:2px}\
button.plain{margin-top:12px;background:#fff;color:#51606f;border-color:#cdd6e0}button.plain:hover{background:#f4f7fa}\
.state{text-align:center;border-radius:9px;padding:14px;font-weight:600;background:#eaf7ee;color:#137333}\
.state.closed{background:#f1f3f5;color:#51606f}.state.bad{background:#fdecea;color:#a8201a}\
textarea{width:100%;height:180px;margin:6px 0 18px;padding:10px;border:1px solid #cdd6e0;border-radius:9px;\
font:13px/1.5 ui-monospace,Menlo,Consolas,monospace}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px;background:#f4f7fa;padding:12px;border-radius:9px;margin:16px 0 0}";

/// Text made safe for HTML and XML, in content and in attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// The order with its buttons, or how it ended.
pub(super) fn cashier(trade: &Trade, merchant: &str) -> String {
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
    let content = format!(
        "<p class=\"amount\"><i>¥</i>{}</p><p class=\"subject\">{}</p><dl>{rows}</dl>{end}",
        escape(&order.total.to_yuan()),
        escape(&order.subject),
    );
    frame("Cashier 收银台", &content)
}

/// Where an order string is pasted.
pub(super) fn phone() -> String {
    let content = "<form method=\"post\"><label for=\"order\">Order string 订单字符串</label>\
         <textarea id=\"order\" name=\"order_string\" required spellcheck=\"false\" \
         placeholder=\"app_id=…&amp;method=alipay.trade.app.pay&amp;…&amp;sign=…\"></textarea>\
         <button>Pay as the phone would 模拟手机支付</button></form>";
    frame("Phone 手机", content)
}

/// An error in place of the cashier.
pub(super) fn refused(code: &str, why: &str) -> String {
    let content = format!(
        "<div class=\"state bad\" role=\"alert\">Refused 请求被拒绝<br>{}</div><pre>{}</pre>",
        escape(code),
        escape(why)
    );
    frame("Error 错误", &content)
}

fn frame(title: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title} · Alipay simulator</title>\
         <style>{STYLE}</style></head><body>\
         <div class=\"note\">This is a simulator. No money moves. 这是模拟环境，不会产生真实交易。</div>\
         <main><header>Alipay simulator 支付宝模拟器<small>{title}</small></header><section>{content}</section></main>\
         </body></html>"
    )
}
