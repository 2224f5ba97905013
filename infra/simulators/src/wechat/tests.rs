//! The simulator under test: a clock moved by hand, a merchant with ordered answers, requests signed with the public keys.

mod notifies;
mod oauth;
mod phone;
mod refunds;
mod state;
mod v2;
mod v3;
mod vectors;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

use super::crypto::GcmKey;
use super::merchants::Merchants;
use super::moment::parse_rfc3339;
use super::simulator::Simulator;
use crate::kit::answer::Answer;
use crate::kit::crypto::{Sha256Signer, Sha256Verifier};
use crate::kit::form;
use crate::kit::owner::SimulatorOptions;
use crate::kit::server::{self, Incoming};

const BASE: &str = "http://sim.test";
const ROOT: &str = "/simulator/wechat";
const START: &str = "2026-11-24T12:00:00+08:00";
const NOTIFY_URL: &str = "https://m.test/notify/wx";
const ACK_V2: &str = "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>";

/// One notify as the merchant received it.
#[derive(Clone)]
struct Sent {
    at: i64,
    url: String,
    headers: HeaderMap,
    body: String,
}

impl Sent {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

struct Bench {
    simulator: Simulator,
    clock: Arc<AtomicI64>,
    sent: Arc<Mutex<Vec<Sent>>>,
    /// The merchant's next answers; 204 or v2's SUCCESS if empty.
    answers: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
}

impl Bench {
    fn new() -> Self {
        Self::with(Merchants::built_in().unwrap(), None)
    }

    fn with(merchants: Merchants, state_file: Option<PathBuf>) -> Self {
        let clock = Arc::new(AtomicI64::new(parse_rfc3339(START).unwrap()));
        let sent = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let options = SimulatorOptions {
            base_url: format!("{BASE}/"),
            state_file,
            clock: {
                let clock = clock.clone();
                Arc::new(move || clock.load(Ordering::SeqCst))
            },
            send: {
                let (clock, sent, answers) = (clock.clone(), sent.clone(), answers.clone());
                Arc::new(move |request: http::Request<Bytes>| {
                    assert_eq!(request.method(), Method::POST);
                    let xml = request.headers()["content-type"] == "text/xml";
                    sent.lock().unwrap().push(Sent {
                        at: clock.load(Ordering::SeqCst),
                        url: request.uri().to_string(),
                        headers: request.headers().clone(),
                        body: String::from_utf8(request.body().to_vec()).unwrap(),
                    });
                    let usual = if xml { (200, ACK_V2) } else { (204, "") };
                    let (status, text) = answers.lock().unwrap().pop_front().unwrap_or(usual);
                    Box::pin(async move { Ok((status, text.as_bytes().to_vec())) })
                })
            },
        };
        let simulator = Simulator::open_with(options, merchants).unwrap();
        Self { simulator, clock, sent, answers }
    }

    fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    fn pass(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    /// A built-in merchant's settings of one tab.
    fn settings(&self, kind: &str, tab: &str) -> Value {
        let settings = self.simulator.settings()[kind][tab].clone();
        assert!(settings.is_object(), "{kind} {tab}");
        settings
    }

    async fn request(&self, request: Call) -> Answer {
        let incoming = Incoming {
            method: request.method,
            target: request.target,
            headers: request.headers,
            body: Bytes::from(request.body),
        };
        server::answer(&self.simulator, &incoming).await
    }

    async fn get(&self, target: &str) -> Answer {
        self.request(Call::new(Method::GET, target, "")).await
    }

    async fn post(&self, target: &str, content_type: &'static str, body: &str) -> Answer {
        let mut call = Call::new(Method::POST, target, body);
        call.set("Content-Type", content_type);
        self.request(call).await
    }

    async fn door(&self, target: &str, body: Value) -> (u16, Value) {
        let target = format!("/_local/simulator/wechat/{target}");
        let answer = self.post(&target, "application/json", &body.to_string()).await;
        (answer.reply.status, serde_json::from_slice(&answer.reply.body).unwrap())
    }

    async fn trade(&self, out_trade_no: &str) -> Value {
        let answer = self.get(&format!("/_local/simulator/wechat/trades/{out_trade_no}")).await;
        serde_json::from_slice(&answer.reply.body).unwrap()
    }

    /// A signed v3 request of a merchant.
    fn signed(&self, kind: &str, method: Method, path: &str, body: &str) -> Call {
        let mut call = Call::new(method, &format!("{ROOT}{path}"), body);
        call.set("Accept", "application/json");
        call.set("User-Agent", "test");
        if call.method == Method::POST {
            call.set("Content-Type", "application/json");
        }
        call.authorize(&self.settings(kind, "wx_app"), self.now());
        call
    }

    /// A v3 call and its answer, the answer's signature verified.
    async fn call(&self, kind: &str, method: Method, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.request(self.signed(kind, method, path, &body)).await;
        self.verified(kind, &answer)
    }

    #[track_caller]
    fn verified(&self, kind: &str, answer: &Answer) -> (u16, Value) {
        let text = String::from_utf8(answer.reply.body.clone()).unwrap();
        let header = |name: &str| {
            let found = answer.headers.iter().find(|(known, _)| *known == name);
            found.unwrap_or_else(|| panic!("no {name} in {text}")).1.as_str()
        };
        let content = format!("{}\n{}\n{text}\n", header("Wechatpay-Timestamp"), header("Wechatpay-Nonce"));
        let key = wechat_key(&self.settings(kind, "wx_app"), header("Wechatpay-Serial"));
        assert!(key.verify(&content, header("Wechatpay-Signature")), "{text}");
        assert_eq!(header("Wechatpay-Timestamp"), (self.now() / 1_000).to_string());
        let value = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        (answer.reply.status, value)
    }

    /// An accepted v3 order.
    async fn order(&self, kind: &str, product: &str, number: &str) -> Value {
        let body = self.order_body(kind, product, number);
        let (status, answer) = self.call(kind, Method::POST, &format!("/v3/pay/transactions/{product}"), body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    fn order_body(&self, kind: &str, product: &str, number: &str) -> Value {
        let tab = if product == "app" { "wx_app" } else { "wx_mp" };
        let settings = self.settings(kind, tab);
        let mut body = json!({
            "appid": settings["appId"],
            "mchid": settings["mchId"],
            "description": "测试 <商品> \"1\"",
            "out_trade_no": number,
            "attach": "50% off & 更多",
            "notify_url": NOTIFY_URL,
            "amount": { "total": 8888, "currency": "CNY" },
        });
        if product == "jsapi" {
            body["payer"] = json!({ "openid": "oUpF8_-x" });
        }
        if product == "h5" {
            body["scene_info"] = json!({ "payer_client_ip": "127.0.0.1", "h5_info": { "type": "Wap" } });
        }
        body
    }

    /// A v3 app order that the buyer has paid.
    async fn paid(&self, kind: &str, number: &str) -> Value {
        self.order(kind, "app", number).await;
        let (status, trade) = self.door(&format!("trades/{number}/pay"), json!({})).await;
        assert_eq!(status, 200, "{trade}");
        trade
    }

    fn sends(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    fn last(&self) -> Sent {
        self.sent.lock().unwrap().last().unwrap().clone()
    }

    /// The last v3 notify, verified and decrypted as a merchant would.
    fn last_v3(&self, kind: &str) -> (Value, Value) {
        self.opened(kind, &self.last()).expect("the notify verifies")
    }

    /// A v3 notify's body and resource, or nothing if it must be refused.
    fn opened(&self, kind: &str, sent: &Sent) -> Option<(Value, Value)> {
        let settings = self.settings(kind, "wx_app");
        let (time, nonce) = (sent.header("Wechatpay-Timestamp"), sent.header("Wechatpay-Nonce"));
        if (time.parse::<i64>().unwrap() - self.now() / 1_000).abs() > 300 {
            return None;
        }
        let key = find_wechat_key(&settings, sent.header("Wechatpay-Serial"))?;
        if !key.verify(&format!("{time}\n{nonce}\n{}\n", sent.body), sent.header("Wechatpay-Signature")) {
            return None;
        }
        let body: Value = serde_json::from_str(&sent.body).unwrap();
        let resource = &body["resource"];
        let key = GcmKey {
            key: settings["apiV3Key"].as_str().unwrap(),
            nonce: resource["nonce"].as_str().unwrap(),
            associated_data: resource["associated_data"].as_str().unwrap(),
        };
        let opened = key.open(resource["ciphertext"].as_str().unwrap()).ok()?;
        Some((body, serde_json::from_str(&opened).unwrap()))
    }
}

/// A request before it is sent.
#[derive(Clone)]
struct Call {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Call {
    fn new(method: Method, target: &str, body: &str) -> Self {
        Self { method, target: target.to_owned(), headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
    }

    fn set(&mut self, name: &'static str, value: &str) {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.insert(name, HeaderValue::from_str(value).unwrap());
    }

    fn authorize(&mut self, settings: &Value, now: i64) {
        let (seconds, nonce) = (now / 1_000, "593BEC0C930BF1AFEB40B4A08C8FB242");
        let body = String::from_utf8(self.body.clone()).unwrap();
        let content = format!("{}\n{}\n{seconds}\n{nonce}\n{body}\n", self.method, self.target);
        let signature = merchant_key(settings).sign(&content).unwrap();
        let value = format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"{}\",nonce_str=\"{nonce}\",signature=\"{signature}\",timestamp=\"{seconds}\",serial_no=\"{}\"",
            settings["mchId"].as_str().unwrap(),
            settings["certSerial"].as_str().unwrap(),
        );
        self.set("Authorization", &value);
    }

    fn authorization(&self) -> String {
        self.headers["Authorization"].to_str().unwrap().to_owned()
    }
}

fn merchant_key(settings: &Value) -> Sha256Signer {
    Sha256Signer::from_pem(settings["privateKey"].as_str().unwrap()).unwrap()
}

/// The merchant's trusted key for a serial. The second platform certificate counts as fetched.
fn find_wechat_key(settings: &Value, serial: &str) -> Option<Sha256Verifier> {
    let built_in = Merchants::built_in().unwrap();
    if settings["publicKeyId"] == serial {
        return Some(Sha256Verifier::from_pem(settings["publicKey"].as_str().unwrap()).unwrap());
    }
    [built_in.current, built_in.next]
        .into_iter()
        .find(|certificate| certificate.facts.serial == serial)
        .map(|certificate| Sha256Verifier::from_certificate(&certificate.pem).unwrap())
}

#[track_caller]
fn wechat_key(settings: &Value, serial: &str) -> Sha256Verifier {
    find_wechat_key(settings, serial).unwrap()
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.reply.body.clone()).unwrap()
}

fn encoded(value: &Value) -> String {
    let pairs = value.as_object().unwrap();
    form::encode(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())))
}

/// The same text with one bit of its byte `at` flipped, still ASCII.
fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}
