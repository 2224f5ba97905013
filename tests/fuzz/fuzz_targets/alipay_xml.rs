//! XML answers of the old partner interface.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use providers::Account;

static ACCOUNT: LazyLock<Account> = LazyLock::new(fuzz::partner);

fuzz_target!(|body: &[u8]| {
    let answer = http::Response::new(Bytes::copy_from_slice(body));
    let _ = ACCOUNT.read_query(&fuzz::order(), &answer);
    let _ = ACCOUNT.read_close(&fuzz::order(), &answer);
});
