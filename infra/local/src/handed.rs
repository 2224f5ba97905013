//! Reads what a charge returns for its payer.

use serde_json::{Map, Value};
use simulators::Page;

/// The page of a charge and its answer. `None` if the payer has nothing to open.
pub(crate) fn read_page(asked: &[u8], answered: &[u8]) -> Option<Page> {
    let read = |json: &[u8]| serde_json::from_slice::<Map<String, Value>>(json).ok();
    let (asked, answered) = (read(asked)?, read(answered)?);
    let text = |map: &Map<String, Value>, name: &str| map.get(name)?.as_str().map(str::to_owned);
    let channel = text(&asked, "channel")?;
    let member = if channel == "unipay_web" { "html" } else { &channel };
    Some(Page { id: text(&answered, "id")?, text: text(&answered, member)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_the_channel_asked_for_answers() {
        let page = |asked: &str, answered: &str| read_page(asked.as_bytes(), answered.as_bytes()).map(|page| page.text);
        let alipay = r#"{"code":0,"id":"1","ali_app":"a","ali_web":"b","ali_wap":"c"}"#;
        assert_eq!(page(r#"{"channel":"ali_web"}"#, alipay).as_deref(), Some("b"));
        assert_eq!(page(r#"{"channel":"ali_app"}"#, alipay).as_deref(), Some("a"));
        assert_eq!(page(r#"{"channel":"unipay_web"}"#, r#"{"id":"1","html":"<form>"}"#).as_deref(), Some("<form>"));
        assert_eq!(page(r#"{"channel":"ali_qrcode"}"#, r#"{"id":"1","codeUrl":"x"}"#), None);
        assert_eq!(page(r#"{"channel":"ali_web"}"#, r#"{"code":5}"#), None);
        assert_eq!(page("x", alipay), None);
    }
}
