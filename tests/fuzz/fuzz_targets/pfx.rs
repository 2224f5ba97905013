//! PKCS#12 files as an operator uploads them.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use domain::Tab;
use libfuzzer_sys::fuzz_target;
use providers::{Account, GatewayPolicy};

fuzz_target!(|file: &[u8]| {
    let settings = fuzz::unionpay_settings("pfx", BASE64.encode(file).into());
    let _ = Account::open(Tab::UnipayApp, &settings, GatewayPolicy::HttpsOnly);
});
