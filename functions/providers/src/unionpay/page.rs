//! The page that takes the browser to UnionPay: one form that submits itself.

use crate::form::Parameters;

/// A page with one form that is posted to `action` as soon as it is loaded. Without scripts the payer presses its button. Nothing
/// in the form is named `submit`: that would hide the form's own method.
///
/// # Source
/// `protocols.md` 3.7.
pub(crate) fn self_submitting(action: &str, fields: &Parameters<'_>) -> String {
    let field = |(name, value): (&&str, &String)| {
        format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">\n", escaped(name), escaped(value))
    };
    let inputs: String = fields.iter().map(field).collect();
    let action = escaped(action);
    format!(
        "<!DOCTYPE html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"UTF-8\">\n<title>银联支付</title>\n</head>\n\
         <body onload=\"document.forms[0].submit()\">\n\
         <form method=\"post\" action=\"{action}\" accept-charset=\"UTF-8\">\n{inputs}\
         <button type=\"submit\">前往银联支付</button>\n</form>\n</body>\n</html>\n"
    )
}

/// A text for an attribute in double quotes.
fn escaped(text: &str) -> String {
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
