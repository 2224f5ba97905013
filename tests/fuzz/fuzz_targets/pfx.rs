//! PKCS#12 files as an operator uploads them.
#![no_main]

use domain::Tab;
use libfuzzer_sys::fuzz_target;
use providers::{Account, GatewayPolicy};

fuzz_target!(|file: &[u8]| {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in file.chunks(3) {
        let block = chunk.iter().fold(0u32, |block, byte| block << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(DIGITS[(block >> (18 - 6 * place) & 63) as usize]));
        }
        text.extend(std::iter::repeat_n('=', 3 - chunk.len()));
    }
    let settings = fuzz::unionpay_settings("pfx", text.into());
    let _ = Account::open(Tab::UnipayApp, &settings, GatewayPolicy::HttpsOnly);
});
