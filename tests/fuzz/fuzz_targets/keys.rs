//! Keys as an operator pastes them: PEM or base64 of anything.
#![no_main]

use domain::Tab;
use libfuzzer_sys::fuzz_target;
use providers::{Account, GatewayPolicy};

fuzz_target!(|text: &str| {
    for field in ["privateKey", "alipayPublicKey"] {
        let settings = fuzz::open_platform(field, text.into());
        let _ = Account::open(Tab::Ali, &settings, GatewayPolicy::HttpsOnly);
    }
});
