//! What charges handed out to payers, for a program that plays one: `pay` at a simulator opens the page itself if nobody did.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value};

/// The oldest are forgotten beyond this.
const PAGES_MAX: usize = 10_000;

/// Clones share everything.
#[derive(Clone, Default)]
pub(crate) struct Handed(Arc<Mutex<VecDeque<Page>>>);

/// Where a payer begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The order's number at the provider.
    pub(crate) id: String,
    /// An address, an order string, or a page of HTML.
    pub(crate) text: String,
}

impl Page {
    /// Of a charge and its answer, where the payer has something to open.
    pub(crate) fn read(asked: &[u8], answered: &[u8]) -> Option<Self> {
        let read = |json: &[u8]| serde_json::from_slice::<Map<String, Value>>(json).ok();
        let (asked, answered) = (read(asked)?, read(answered)?);
        let text = |map: &Map<String, Value>, name: &str| map.get(name)?.as_str().map(str::to_owned);
        let channel = text(&asked, "channel")?;
        let member = if channel == "unipay_web" { "html" } else { &channel };
        Some(Self { id: text(&answered, "id")?, text: text(&answered, member)? })
    }
}

impl Handed {
    pub(crate) fn keep(&self, page: Page) {
        let mut pages = self.pages();
        if pages.len() == PAGES_MAX {
            pages.pop_front();
        }
        pages.push_back(page);
    }

    /// What was handed out last for this order.
    pub(crate) fn find(&self, id: &str) -> Option<Page> {
        self.pages().iter().rev().find(|page| page.id == id).cloned()
    }

    fn pages(&self) -> MutexGuard<'_, VecDeque<Page>> {
        // Each change is one call, so that a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_the_channel_asked_for_answers() {
        let page =
            |asked: &str, answered: &str| Page::read(asked.as_bytes(), answered.as_bytes()).map(|page| page.text);
        let alipay = r#"{"code":0,"id":"1","ali_app":"a","ali_web":"b","ali_wap":"c"}"#;
        assert_eq!(page(r#"{"channel":"ali_web"}"#, alipay).as_deref(), Some("b"));
        assert_eq!(page(r#"{"channel":"ali_app"}"#, alipay).as_deref(), Some("a"));
        assert_eq!(page(r#"{"channel":"unipay_web"}"#, r#"{"id":"1","html":"<form>"}"#).as_deref(), Some("<form>"));
        assert_eq!(page(r#"{"channel":"ali_qrcode"}"#, r#"{"id":"1","codeUrl":"x"}"#), None);
        assert_eq!(page(r#"{"channel":"ali_web"}"#, r#"{"code":5}"#), None);
        assert_eq!(page("x", alipay), None);
    }

    #[test]
    fn the_latest_page_counts_and_the_oldest_are_forgotten() {
        let handed = Handed::default();
        for number in 0..=PAGES_MAX {
            handed.keep(Page { id: number.to_string(), text: "old".to_owned() });
        }
        handed.keep(Page { id: "7".to_owned(), text: "new".to_owned() });
        assert_eq!(handed.find("7").unwrap().text, "new");
        assert_eq!(handed.find("0"), None);
    }
}
