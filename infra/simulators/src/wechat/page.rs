//! The HTML, in WeChat's green. All external text goes through [`escape`].

use super::trade::{State, Trade};
use crate::kit::beijing::seconds;
use crate::kit::page::{DARK, STYLE, escape, scan, way_back};

/// Added to the common style: the colours of the header, the button and the focus ring.
const GREEN: &str = "\
body{background:#ededed}header{background:#087a3e}\
button{border-color:#087a3e;background:#087a3e}button:hover{background:#066532}\
button:focus-visible,textarea:focus-visible,a:focus-visible{outline-color:#95ecb9}\
.amount{font-weight:600}a{color:#576b95}";

/// The order with its buttons, or its result.
pub(super) fn cashier(trade: &Trade, merchant: &str, address: &str) -> String {
    let order = &trade.order;
    let mut rows = vec![
        ("Merchant 商户", merchant.to_owned()),
        ("Order number 订单号", order.out_trade_no.clone()),
        ("Product 产品", order.product.trade_type().to_owned()),
    ];
    if matches!(trade.state, State::NotPay | State::PayError) {
        rows.push(("Pay before 有效期至", seconds(trade.expires_at)));
    }
    if let Some(id) = &trade.transaction_id {
        rows.push(("Transaction 交易单号", id.clone()));
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
    let end = match trade.state {
        State::NotPay | State::PayError => {
            "<form method=\"post\"><button name=\"action\" value=\"pay\">Pay 立即支付</button>\
             <button class=\"plain\" name=\"action\" value=\"cancel\">Cancel 取消</button></form>"
        }
        State::Success => "<div class=\"state\" role=\"status\">✓ Paid 支付成功</div>",
        State::Refund => "<div class=\"state closed\" role=\"status\">Refunded 已转入退款</div>",
        State::Closed => "<div class=\"state closed\" role=\"status\">Closed, nothing was paid 订单已关闭</div>",
    };
    let qr = if matches!(trade.state, State::NotPay | State::PayError) { scan(address) } else { String::new() };
    let content = format!(
        "<p class=\"amount\"><i>¥</i>{}</p><p class=\"subject\">{}</p><dl>{rows}</dl>{end}{qr}",
        escape(&order.total.to_yuan()),
        escape(&order.description),
    );
    frame("Cashier 收银台", &content)
}

/// The page for pasting client parameters or a code.
pub(super) fn phone() -> String {
    let content = "<form method=\"post\"><label for=\"params\">Client parameters or QR code 调起支付参数或二维码内容</label>\
         <textarea id=\"params\" name=\"params\" required spellcheck=\"false\" \
         placeholder=\"{&quot;appid&quot;:&quot;…&quot;,&quot;prepayid&quot;:&quot;…&quot;,…}&#10;or weixin://wxpay/bizpayurl?pr=…\">\
         </textarea><button>Pay as the phone would 模拟手机支付</button></form>";
    frame("Phone 手机", content)
}

/// The page after Cancel, if no return address was given.
pub(super) fn cancelled(cashier: &str) -> String {
    let content = format!(
        "<div class=\"state closed\" role=\"status\">Cancelled, the order is still open 已取消，订单未支付</div>\
         <p class=\"subject\"><a href=\"{}\">Back to the cashier 返回收银台</a></p>",
        escape(cashier)
    );
    frame("Cancelled 已取消", &content)
}

/// An error instead of the cashier.
pub(super) fn refused(code: &str, why: &str) -> String {
    let content = format!(
        "<div class=\"state bad\" role=\"alert\">Refused 请求被拒绝<br>{}</div><pre>{}</pre>{}",
        escape(code),
        escape(why),
        way_back("/simulator/wechat/pay")
    );
    frame("Error 错误", &content)
}

fn frame(title: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title} · WeChat Pay simulator</title>\
         <style>{STYLE}{GREEN}{DARK}</style></head><body>\
         <div class=\"note\">This is a simulator. No money moves. 这是模拟环境，不会产生真实交易。</div>\
         <main><header>WeChat Pay simulator 微信支付模拟器<small>{title}</small></header><section>{content}</section></main>\
         </body></html>"
    )
}
