//! Certificates and bundles as an operator pastes them, for each provider: text, or DER from anywhere.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use domain::Tab;
use libfuzzer_sys::fuzz_target;
use providers::{Account, GatewayPolicy};
use serde_json::json;

fuzz_target!(|file: &[u8]| {
    // The last byte selects the field. An account is opened once a run, because that costs more than reading does.
    let Some((kind, file)) = file.split_last() else { return };
    let text = std::str::from_utf8(file).map_or_else(|_| BASE64.encode(file), str::to_owned);
    let fields = ["appCert", "alipayCert", "alipayRootCert"];
    let Some(field) = fields.get(usize::from(kind % 4)) else {
        let mut settings = fuzz::wechat_settings();
        settings.insert("platformCerts".to_owned(), json!([text]));
        let _ = Account::open(Tab::WxMp, &settings, GatewayPolicy::HttpsOnly);
        return;
    };
    let mut settings = fuzz::certificate_mode();
    settings.insert((*field).to_owned(), text.into());
    let _ = Account::open(Tab::Ali, &settings, GatewayPolicy::HttpsOnly);
});
