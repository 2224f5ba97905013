//! Certificates and bundles as an operator pastes them, for each provider, and as DER from anywhere.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use domain::Tab;
use libfuzzer_sys::fuzz_target;
use providers::{Account, GatewayPolicy};
use serde_json::json;

fuzz_target!(|file: &[u8]| {
    let mut texts = vec![BASE64.encode(file)];
    texts.extend(std::str::from_utf8(file).map(str::to_owned));
    for text in texts {
        for field in ["appCert", "alipayCert", "alipayRootCert"] {
            let mut settings = fuzz::certificate_mode();
            settings.insert(field.to_owned(), text.as_str().into());
            let _ = Account::open(Tab::Ali, &settings, GatewayPolicy::HttpsOnly);
        }
        let mut settings = fuzz::wechat_settings();
        settings.insert("platformCerts".to_owned(), json!([text]));
        let _ = Account::open(Tab::WxMp, &settings, GatewayPolicy::HttpsOnly);
    }
});
