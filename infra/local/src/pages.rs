//! The two pages of the local stack itself: its front page, and the page that a payer returns to after paying.

use axum::response::Html;
use simulators::Wallet;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;\
     color-scheme:light dark}code{background:#8882;padding:.1em .3em;border-radius:.2em}";

/// `GET /`
pub(crate) async fn front() -> Html<String> {
    page(
        "MaxPay runs",
        "<p>The whole stack is running on this machine, with embedded storage and simulated providers.</p>\
         <ul><li><a href='/console'>The console</a>: sign in with what was printed where the stack was started</li>\
         <li><a href='/docs'>Every call</a> of the API, which you can try there; the <a href='/console/guides'>guides</a>, \
         in Chinese and English</li><li>Charge: <code>POST /2.0/maxpay/bill</code></li><li>Query: <code>POST /2.0/maxpay/records</code></li>\
         <li>Operators: <code>/admin/v1</code></li>\
         <li>Pay as a phone would: <a href='/simulator/alipay/app'>Alipay</a>, \
         <a href='/simulator/wechat/pay'>WeChat Pay</a>, <a href='/simulator/unionpay/app'>UnionPay</a></li>\
         <li>Open a page as inside a wallet: <a href='/_local/simulator/wechat/browser'>WeChat</a>, \
         <a href='/_local/simulator/alipay/browser'>Alipay</a>, <a href='/_local/simulator/unionpay/browser'>UnionPay</a></li></ul>\
         <p>The keys of the demo app were printed where the stack was started, and are in <code>local.json</code>.</p>",
    )
}

/// `GET /_local/returned`: stands for the merchant's own page. What a browser brings back proves nothing, so this page shows nothing of it.
pub(crate) async fn returned() -> Html<String> {
    page(
        "Back at the shop",
        "<p>This page stands in for the merchant's <code>returnUrl</code>. A shop now asks \
         <code>POST /2.0/maxpay/records</code> whether the bill is paid: what a browser says is no proof.</p>",
    )
}

/// The form of a wallet's browser: which page to open, as which payer.
pub(crate) fn browser(wallet: Wallet) -> Html<String> {
    let name = match wallet {
        Wallet::Wechat => "WeChat",
        Wallet::Alipay => "Alipay",
        Wallet::Unionpay => "UnionPay",
    };
    page(
        &format!("Inside {name}"),
        "<p>Opens a page of this stack as the wallet's own browser would: with its user agent and its bridge object. It stays so in this \
         browser until you leave.</p>\
         <form><p><label>Address <input name=url required size=40 placeholder='/pay/...'></label></p>\
         <p><label>Payer <input name=payer pattern='[A-Za-z0-9]{1,32}' placeholder=Buyer></label></p>\
         <p><button>Open</button> <a href='?leave'>Leave the wallet</a></p></form>",
    )
}

/// A page that says what is wrong, with the way back.
pub(crate) fn trouble(why: &str) -> String {
    text("This cannot be opened", &format!("<p>{why}</p><p><a href='/'>Back to the front page</a></p>"))
}

/// What WeChat shows in place of a page of Alipay's.
pub(crate) fn blocked() -> String {
    text(
        "已停止访问该网页",
        "<p>如需浏览，请长按网址复制后使用浏览器访问。WeChat blocks this page: copy the address into another browser.</p>",
    )
}

fn page(title: &str, body: &str) -> Html<String> {
    Html(text(title, body))
}

fn text(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1>{body}</html>"
    )
}
