//! Certificates and bundles as an operator pastes them.
#![no_main]

use domain::Tab;
use libfuzzer_sys::fuzz_target;
use providers::{Account, GatewayPolicy};

fuzz_target!(|text: &str| {
    let mut settings = fuzz::open_platform("appCert", text.into());
    settings.remove("alipayPublicKey");
    settings.insert("alipayCert".to_owned(), text.into());
    settings.insert("alipayRootCert".to_owned(), text.into());
    let _ = Account::open(Tab::Ali, &settings, GatewayPolicy::HttpsOnly);
});
