//! Answers of the open platform: the reader cuts the signed node out of raw JSON.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use domain::Channel;
use libfuzzer_sys::fuzz_target;
use providers::Account;
use serde_json::{Value, json};

static ACCOUNT: LazyLock<Account> =
    LazyLock::new(|| fuzz::account(Value::Object(fuzz::open_platform("sellerId", json!("2088000000000001")))));

fuzz_target!(|body: &[u8]| {
    let (order, answer) = (fuzz::order(), http::Response::new(Bytes::copy_from_slice(body)));
    let placed = fuzz::placed(&order, Channel::AliQrcode);
    let _ = ACCOUNT.read_query(&placed, &answer, fuzz::now());
    let _ = ACCOUNT.read_close(&placed, &answer, fuzz::now());
    let _ = ACCOUNT.read_charge(Channel::AliQrcode, &answer, &fuzz::moment());
});
