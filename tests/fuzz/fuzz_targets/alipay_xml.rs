//! XML answers of the old partner interface.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use domain::Channel;
use libfuzzer_sys::fuzz_target;
use providers::Account;

static ACCOUNT: LazyLock<Account> = LazyLock::new(fuzz::partner);

fuzz_target!(|body: &[u8]| {
    let (order, answer) = (fuzz::order(), http::Response::new(Bytes::copy_from_slice(body)));
    let placed = fuzz::placed(&order, Channel::AliWeb);
    let _ = ACCOUNT.read_query(&placed, &answer, fuzz::now());
    let _ = ACCOUNT.read_close(&placed, &answer, fuzz::now());
});
