//! The style of every page, and the escaping of text. There is no script.

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
