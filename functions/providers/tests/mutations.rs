//! A seeded generator spoils messages, files and keys; the readers of external input must not panic. `tests/fuzz` does the same for
//! minutes. This does it for some seconds in each test run, without a nightly compiler.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    unreachable_pub,
    dead_code,
    reason = "the accounts are those of the fuzz targets"
)]

#[path = "../../../tests/fuzz/lib.rs"]
mod fuzz;

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use domain::{Channel, Tab};
use providers::{Account, GatewayPolicy, RawLine};

/// The time limit for one reader in a test run, however slow the machine is.
const TEN_SECONDS: Duration = Duration::from_secs(10);

/// A debug build does so many within some seconds.
const ROUNDS: u32 = 3000;

/// Words that the readers look for: changes with these find more than noise does.
const WORDS: [&[u8]; 14] = [
    b"charset=GBK",
    b"\xd6\xa7\xb8\xb6\xb1\xa6",
    b"\x81\x5c",
    b"\x81\x7d",
    b"\x81\x30\x81\x30",
    b"\\\"",
    b"}",
    b"\",\"sign\":\"",
    b"%B6",
    b"\xef\xbb\xbf",
    b"\t`",
    b",,",
    b"\r\n",
    b"-1.005",
];

struct Dice(u64);

impl Dice {
    /// Xorshift: the same numbers in every run.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    /// A seed with up to four changes: a byte, a word, a cut, a repetition.
    fn spoil(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut text = seed.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(text.len());
            match self.below(4) {
                0 if !text.is_empty() => text[at] = self.below(256) as u8,
                1 => drop(text.splice(at..at, WORDS[self.below(WORDS.len())].iter().copied())),
                2 => text.truncate(at),
                _ => text.extend_from_within(at..),
            }
        }
        text
    }
}

/// Reads each seed as it is, and then spoiled ones.
fn read_spoiled(seeds: &[Vec<u8>], mut read: impl FnMut(&[u8])) {
    seeds.iter().for_each(|seed| read(seed));
    let (mut dice, began) = (Dice(0x9e37_79b9_7f4a_7c15), Instant::now());
    for round in 0..ROUNDS {
        if began.elapsed() >= TEN_SECONDS {
            eprintln!("stopped after {round} rounds");
            break;
        }
        let seed = dice.below(seeds.len());
        read(&dice.spoil(&seeds[seed]));
    }
}

fn seeds(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn alipay() -> Account {
    fuzz::account(fuzz::open_platform("appId", "2021000000000001".into()).into())
}

#[test]
fn no_spoiled_notify_stops_a_reader() {
    let [v3, v2] = fuzz::wechat();
    let accounts = [alipay(), fuzz::partner(), fuzz::unionpay(), v3, v2];
    let seeds = seeds(&[
        "charset=GBK&subject=%D6%A7%B8%B6&out_trade_no=1&total_amount=1.00&trade_status=TRADE_SUCCESS&sign_type=RSA2&sign=AAAA",
        "encoding=GBK&orderId=1&txnAmt=1&respCode=00&respMsg=%B3%C9%B9%A6&signature=AAAA&signMethod=01",
        "<xml><return_code><![CDATA[SUCCESS]]></return_code><sign>A</sign></xml>",
    ]);
    read_spoiled(&seeds, |body| {
        for account in &accounts {
            for kind in
                ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=GBK", "text/xml"]
            {
                let notify = http::Request::post("/").header("content-type", kind);
                let _ = account.read_notify(
                    Channel::WxLite,
                    &notify.body(Bytes::copy_from_slice(body)).unwrap(),
                    fuzz::now(),
                );
            }
        }
    });
}

#[test]
fn no_spoiled_answer_stops_a_reader() {
    let [v3, v2] = fuzz::wechat();
    let accounts = [
        (alipay(), Channel::AliQrcode),
        (fuzz::unionpay(), Channel::UnipayApp),
        (v3, Channel::WxNative),
        (v2, Channel::WxNative),
    ];
    let mut seeds = seeds(&[
        r#"{"alipay_trade_query_response":{"code":"10000","msg":"Success","subject":"a\"}b"},"sign":"AAAA"}"#,
        "respCode=00&certId=1&accNo={a={b}}&signature=AAAA",
    ]);
    seeds.push(b"{\"alipay_trade_query_response\":{\"code\":\"40004\",\"sub_msg\":\"\x81\x5c\x81\x7d\x81\x30\x81\x30\"},\"sign\":\"AAAA\"}".to_vec());
    let order = fuzz::order();
    read_spoiled(&seeds, |body| {
        for (account, channel) in &accounts {
            let answer = http::Response::new(Bytes::copy_from_slice(body));
            let _ = account.read_query(&fuzz::placed(&order, *channel), &answer, fuzz::now());
            let _ = account.read_charge(*channel, &answer, &fuzz::moment());
        }
    });
}

#[test]
fn no_spoiled_bill_stops_a_reader() {
    let headings = [
        "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,订单金额（元）,券名称,退款批次号/请求号,服务费（元）,备注\n2026,01a208d05240000000000001,交易,茶,2026-11-23,1.00,,,0.00,a,b",
        "交易时间,公众账号ID,商户订单号,交易状态,商户退款单号,退款状态,商品名称,手续费,费率,订单金额,申请退款金额,费率备注\n`2026,`wx,`01a208d05240000000000001,`SUCCESS,`,`,`茶,`0,`0,`1.00,`0,`",
        "S22 00010000   00010000   000001 1123223000 6222********0000    000000000100 01a208d05240000000000001",
    ];
    let [v3, v2] = fuzz::wechat();
    let accounts = [alipay(), fuzz::unionpay(), v3, v2];
    read_spoiled(&seeds(&headings), |file| {
        for account in &accounts {
            let Some(mut reader) = account.bill_reader() else { continue };
            reader.begin("INN26112388ZM_777290058110048", file);
            for bytes in file.split(|byte| *byte == b'\n') {
                let _ = reader.read(RawLine { bytes, is_cut: bytes.len() > 400 });
            }
            let _ = reader.complete();
        }
    });
}

#[test]
fn no_spoiled_key_file_stops_a_reader() {
    let pem = fuzz::provider_key("alipay", "app_private_pkcs8").into_bytes();
    let pfx = BASE64.decode(fuzz::provider_key("unionpay", "merchant_pfx_base64")).unwrap();
    let root = fuzz::provider_key("unionpay", "root_cert").into_bytes();
    read_spoiled(&[pem, root], |file| {
        let text = String::from_utf8_lossy(file);
        let _ =
            Account::open(Tab::Ali, &fuzz::open_platform("privateKey", text.as_ref().into()), GatewayPolicy::HttpsOnly);
        let _ = Account::open(
            Tab::UnipayApp,
            &fuzz::unionpay_settings("rootCert", text.as_ref().into()),
            GatewayPolicy::HttpsOnly,
        );
    });
    read_spoiled(&[pfx], |file| {
        let settings = fuzz::unionpay_settings("pfx", BASE64.encode(file).into());
        let _ = Account::open(Tab::UnipayApp, &settings, GatewayPolicy::HttpsOnly);
    });
}
