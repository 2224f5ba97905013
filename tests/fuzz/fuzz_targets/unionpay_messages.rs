//! UnionPay's text answers with nested braces, its form notifies, and the certificates inside both.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use domain::Channel;
use libfuzzer_sys::fuzz_target;
use providers::Account;

static ACCOUNT: LazyLock<Account> = LazyLock::new(fuzz::unionpay);

fuzz_target!(|body: &[u8]| {
    let (order, bytes) = (fuzz::order(), Bytes::copy_from_slice(body));
    let placed = fuzz::placed(&order, Channel::UnipayApp);
    let form = http::Request::post("/").header("content-type", "application/x-www-form-urlencoded");
    let form = form.body(bytes.clone()).unwrap();
    let _ = ACCOUNT.read_notify(Channel::UnipayApp, &form, fuzz::now());
    let _ = ACCOUNT.read_refund_notify(Channel::UnipayApp, &form, fuzz::now());
    let _ = ACCOUNT.read_front_return(&form, fuzz::now());
    let answer = http::Response::new(bytes);
    let _ = ACCOUNT.read_query(&placed, &answer, fuzz::now());
    let _ = ACCOUNT.read_charge(Channel::UnipayApp, &answer, &fuzz::moment());
});
