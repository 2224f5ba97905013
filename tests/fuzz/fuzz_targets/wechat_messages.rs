//! Notifies and answers of WeChat Pay: JSON of APIv3, XML of v2.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use domain::Channel;
use libfuzzer_sys::fuzz_target;
use providers::Account;

static ACCOUNTS: LazyLock<[Account; 2]> = LazyLock::new(fuzz::wechat);

fuzz_target!(|body: &[u8]| {
    let (order, bytes) = (fuzz::order(), Bytes::copy_from_slice(body));
    let placed = fuzz::placed(&order, Channel::WxNative);
    for account in ACCOUNTS.iter() {
        let notify = http::Request::post("/").header("content-type", "application/json");
        let notify = notify.header("wechatpay-timestamp", "1795444200").header("wechatpay-nonce", "n");
        let notify = notify.header("wechatpay-signature", "AAAA").header("wechatpay-serial", "PUB_KEY_ID_1");
        let _ = account.read_notify(Channel::WxApp, &notify.body(bytes.clone()).unwrap(), fuzz::now());
        let xml = http::Request::post("/").header("content-type", "text/xml").body(bytes.clone()).unwrap();
        let _ = account.read_notify(Channel::WxApp, &xml, fuzz::now());
        let _ = account.read_refund_notify(Channel::WxApp, &xml, fuzz::now());
        let answer = http::Response::new(bytes.clone());
        let _ = account.read_query(&placed, &answer, fuzz::now());
        let _ = account.read_charge(Channel::WxNative, &answer, &fuzz::moment());
    }
});
