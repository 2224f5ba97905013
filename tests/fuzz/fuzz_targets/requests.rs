//! The requests of callers: charges, queries, session requests, notify paths.
#![no_main]

use domain::{Channel, ChargeForm, RecordsRequest, RecordsScope, SessionRequest, TransactionKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let _ = RecordsRequest::parse(body, RecordsScope::Everything);
    let _ = SessionRequest::parse(body);
    if let Ok(form) = ChargeForm::parse(body) {
        let channel = form.channel().unwrap_or(Channel::WxJsapi);
        let _ = form.read(channel);
    }
    if let Ok(text) = std::str::from_utf8(body) {
        if let Some(key) = TransactionKey::from_notify_path(text) {
            assert_eq!(TransactionKey::from_notify_path(&key.notify_path()), Some(key));
        }
    }
});
