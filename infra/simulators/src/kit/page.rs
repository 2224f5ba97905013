//! What every page has: the style, light and dark, a way back, and the QR code of a cashier. All external text is escaped.

use super::qr;

pub(crate) const STYLE: &str = "\
:root{color-scheme:light dark}*{box-sizing:border-box}\
body{margin:0;min-height:100vh;background:#eef2f7;color:#1b2733;display:flex;flex-direction:column;align-items:center;\
font:16px/1.5 -apple-system,'Segoe UI','PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif}\
.note{width:100%;padding:8px 16px;background:#fff4d6;color:#6b4e00;text-align:center;font-size:14px}\
main{width:100%;max-width:440px;margin:6vh 16px 24px;background:#fff;border-radius:14px;overflow:hidden;\
box-shadow:0 10px 30px rgba(20,50,90,.12)}\
header{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:2px 12px;\
background:#0958d9;color:#fff;padding:18px 28px;font-weight:600;letter-spacing:.02em}\
header small{font-weight:400;white-space:nowrap}\
section{padding:28px}\
.amount{font-size:42px;font-weight:700;text-align:center;margin:4px 0 2px;font-variant-numeric:tabular-nums}\
.amount i{font-style:normal;font-size:26px;margin-right:4px}\
.subject{text-align:center;color:#51606f;margin:0 0 22px;overflow-wrap:anywhere}\
dl{margin:0 0 24px;border-top:1px solid #e6ebf1}\
dl div{display:flex;justify-content:space-between;gap:24px;padding:10px 0;border-bottom:1px solid #e6ebf1;font-size:14px}\
dt{color:#6a7887;white-space:nowrap}dd{margin:0;text-align:right;overflow-wrap:anywhere}\
button{display:block;width:100%;padding:13px;border-radius:9px;font:inherit;font-weight:600;cursor:pointer;\
border:1px solid #0958d9;background:#0958d9;color:#fff}\
button:hover{background:#003eb3}button:focus-visible,textarea:focus-visible{outline:3px solid #91caff;outline-offset:2px}\
button.plain{margin-top:12px;background:#fff;color:#51606f;border-color:#cdd6e0}button.plain:hover{background:#f4f7fa}\
.state{text-align:center;border-radius:9px;padding:14px;font-weight:600;background:#eaf7ee;color:#137333}\
.state.closed{background:#f1f3f5;color:#51606f}.state.bad{background:#fdecea;color:#a8201a}\
textarea{width:100%;height:180px;margin:6px 0 18px;padding:10px;border:1px solid #cdd6e0;border-radius:9px;\
font:13px/1.5 ui-monospace,Menlo,Consolas,monospace}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px;background:#f4f7fa;padding:12px;border-radius:9px;margin:16px 0 0}\
.back{margin:20px 0 0;text-align:center}.qr{display:none;margin:24px 0 0;text-align:center;color:#51606f;font-size:14px}\
.qr svg{display:block;width:180px;margin:0 auto 8px;border-radius:9px}\
@media (min-width:700px){.qr{display:block}}";

/// The dark colours, after the colours of a provider.
pub(crate) const DARK: &str = "\
@media(prefers-color-scheme:dark){body{background:#11161c;color:#e6ebf1}main{background:#1b232c;box-shadow:none}\
.note{background:#3b2f0b;color:#ffe08a}.subject,.qr{color:#a9b6c4}dl,dl div{border-color:#2c3743}dt{color:#93a2b2}\
button.plain{background:transparent;color:#c4cfda;border-color:#455361}button.plain:hover{background:#25303b}\
.amount{color:#f2f5f8}.state{background:#12331f;color:#7fe0a0}.state.closed{background:#25303b;color:#c4cfda}\
.state.bad{background:#3d1a18;color:#ffaba4}textarea,input.tn{background:#11161c;color:#e6ebf1;border-color:#455361}\
pre{background:#11161c;color:#c4cfda}a{color:#8fb8ff}}";

/// The way back from an error: to the page before, or without scripts and in a fresh window to `page`.
pub(crate) fn way_back(page: &str) -> String {
    format!(
        "<p class=\"back\"><a href=\"{}\" onclick=\"if(history.length>1){{history.back();return false}}\">Back 返回</a></p>",
        escape(page)
    )
}

/// The address of a cashier as a QR code. It is shown on a PC, so that a phone can scan it.
pub(crate) fn scan(address: &str) -> String {
    format!("<div class=\"qr\">{}Scan with a phone 用手机扫码打开</div>", qr::svg(address, "QR code 二维码"))
}

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
