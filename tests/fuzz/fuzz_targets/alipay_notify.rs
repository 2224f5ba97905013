//! The body of a notify, open platform and partner interface.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use domain::Channel;
use libfuzzer_sys::fuzz_target;
use providers::Account;
use serde_json::{Value, json};

static ACCOUNTS: LazyLock<[Account; 2]> = LazyLock::new(|| {
    [fuzz::account(Value::Object(fuzz::open_platform("sellerId", json!("2088000000000001")))), fuzz::partner()]
});

fuzz_target!(|body: &[u8]| {
    for account in ACCOUNTS.iter() {
        let notify = http::Request::post("/").header("content-type", "application/x-www-form-urlencoded");
        let _ = account.read_notify(Channel::AliApp, &notify.body(Bytes::copy_from_slice(body)).unwrap(), fuzz::now());
    }
});
