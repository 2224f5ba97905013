//! The HTML. All external text goes through `escape`; one page sends the buyer's browser back to the shop by a script.

use super::codes;
use super::message::CARD_MASKED;
use super::transaction::{Fen, State, Transaction};
use crate::kit::beijing::seconds;
use crate::kit::form::Params;
use crate::kit::page::{DARK, STYLE, escape, scan, way_back};

/// Added to the common style: the three colours of the card scheme.
const COLOURS: &str = "\
header{background:linear-gradient(105deg,#c8102e 0 34%,#00447c 34% 67%,#00767a 67%)}\
button{background:#00447c;border-color:#00447c}button:hover{background:#00305a}\
button:focus-visible,textarea:focus-visible,input:focus-visible{outline-color:#5bb5b8}\
.amount{color:#c8102e}\
.card{margin:0 0 20px;padding:16px 18px;border-radius:10px;color:#fff;font:600 17px/1.4 ui-monospace,Menlo,Consolas,monospace;\
background:linear-gradient(135deg,#00767a,#00447c)}.card small{display:block;font-weight:400;opacity:.9}\
input.tn{width:100%;margin:6px 0 18px;padding:12px;border:1px solid #cdd6e0;border-radius:9px;font:16px/1.4 ui-monospace,Menlo,monospace}";

/// The order with its buttons, or its result.
pub(super) fn cashier(payment: &Transaction, merchant: &str, address: &str) -> String {
    let order = &payment.order;
    let mut rows = vec![
        ("Merchant 商户", merchant.to_owned()),
        ("Order number 订单号", order.order_id.clone()),
        ("Transaction number 流水号", payment.tn.clone().unwrap_or_default()),
    ];
    if let (State::Waiting, Some(at)) = (payment.state, payment.expires_at) {
        rows.push(("Pay before 有效期至", seconds(at)));
    }
    if let (State::Done, Some(at)) = (payment.state, payment.ended_at) {
        rows.push(("Paid at 支付时间", seconds(at)));
    }
    if payment.returned != Fen::ZERO {
        rows.push(("Refunded 已退款", format!("¥{}", payment.returned.to_yuan())));
    }
    let rows: String = rows
        .iter()
        .map(|(name, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value)))
        .collect();
    let qr = if payment.state == State::Waiting { scan(address) } else { String::new() };
    let content = format!(
        "<p class=\"amount\"><i>¥</i>{}</p><p class=\"subject\">{}</p><dl>{rows}</dl>{}{qr}",
        escape(&order.amount.to_yuan()),
        escape(order.order_desc.as_deref().unwrap_or_default()),
        end(payment),
    );
    frame("Cashier 收银台", "", &content)
}

fn end(payment: &Transaction) -> String {
    let state =
        |class: &str, text: &str| format!("<div class=\"state {class}\" role=\"status\">{}</div>", escape(text));
    match payment.state {
        State::Waiting => format!(
            "<div class=\"card\"><small>Debit card 借记卡</small>{}</div>\
             <form method=\"post\"><button name=\"action\" value=\"pay\">Pay 支付</button>\
             <button class=\"plain\" name=\"action\" value=\"cancel\">Cancel 取消</button></form>",
            escape(CARD_MASKED)
        ),
        State::Done if payment.voided => state("closed", "Voided 交易已撤销"),
        State::Done => state("", "✓ Paid 支付成功"),
        State::Processing => state("closed", "In progress 交易处理中"),
        State::Closed => state("closed", "Closed, nothing was paid 交易已关闭"),
        State::Failed => state("bad", &format!("Failed 交易失败: {}", codes::message(&payment.resp_code))),
    }
}

/// The page for pasting a `tn`.
pub(super) fn phone() -> String {
    let content = "<form method=\"post\"><label for=\"tn\">Transaction number 流水号 (tn)</label>\
         <input class=\"tn\" id=\"tn\" name=\"tn\" required inputmode=\"numeric\" autocomplete=\"off\" spellcheck=\"false\" \
         placeholder=\"21 digits\"><button>Pay as the phone would 模拟手机支付</button></form>";
    frame("Phone 手机", "", content)
}

/// A page that posts `fields` to `action` automatically, or at a click if scripts are off.
pub(super) fn auto_form(action: &str, fields: &Params) -> String {
    let inputs: String = fields
        .iter()
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), line_ends_kept(&escape(value)))
        })
        .collect();
    let content = format!(
        "<div class=\"state\" role=\"status\">✓ Paid 支付成功</div>\
         <form id=\"back\" method=\"post\" accept-charset=\"UTF-8\" action=\"{}\">{inputs}\
         <button class=\"plain\">Back to the shop 返回商户</button></form>",
        escape(action)
    );
    frame("Paid 支付成功", " onload=\"document.getElementById('back').submit()\"", &content)
}

/// An HTML parser turns CR LF into one line feed, also in attributes. Character references are kept.
fn line_ends_kept(text: &str) -> String {
    text.replace('\r', "&#13;").replace('\n', "&#10;")
}

/// An error instead of the cashier.
pub(super) fn refused(code: &str, message: &str) -> String {
    let content = format!(
        "<div class=\"state bad\" role=\"alert\">Refused 请求被拒绝<br>respCode {}</div><pre>{}</pre>{}",
        escape(code),
        escape(message),
        way_back("/simulator/unionpay/app")
    );
    frame("Error 错误", "", &content)
}

fn frame(title: &str, on_body: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title} · UnionPay simulator</title>\
         <style>{STYLE}{COLOURS}{DARK}</style></head><body{on_body}>\
         <div class=\"note\">This is a simulator. No money moves. 这是模拟环境，不会产生真实交易。</div>\
         <main><header>UnionPay simulator 银联模拟器<small>{title}</small></header><section>{content}</section></main>\
         </body></html>"
    )
}

/// What a browser posts for a page's hidden fields, as form text.
pub(super) fn form_of(page: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for input in page.split("<input ").skip(1) {
        if let (Some(name), Some(value)) = (attribute(input, "name"), attribute(input, "value")) {
            form.append_pair(&name, &value);
        }
    }
    form.finish()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (text, _) = rest.split_once('"')?;
    let signs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    Some(signs.iter().fold(text.to_owned(), |text, (written, sign)| text.replace(written, sign)))
}
