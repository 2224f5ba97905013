//! The simulator under test: a clock moved by hand, a merchant with ordered answers, requests signed with the public keys.

mod mapi;
mod notifies;
mod openapi;
mod orders;
mod refunds;
mod vectors;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

use super::merchants::Merchants;
use super::simulator::Simulator;
use crate::kit::beijing::{parse_seconds, seconds};
use crate::kit::crypto::{Sha256Signer, Sha256Verifier};
use crate::kit::form::{self, Params, notify_content, request_content};
use crate::kit::owner::SimulatorOptions;
use crate::kit::reply::Reply;
use crate::kit::server::{self, Incoming};

const BASE: &str = "http://sim.test";
const GATEWAY: &str = "/simulator/alipay/gateway.do";
const START: &str = "2026-11-23 12:00:00";
const NOTIFY_URL: &str = "http://m.test/notify?channel=1&x=a+b";
const RETURN_URL: &str = "https://shop.test/return?order=7";

struct Bench {
    simulator: Simulator,
    clock: Arc<AtomicI64>,
    /// Every notify: time, address, body.
    sent: Arc<Mutex<Vec<(i64, String, String)>>>,
    /// The merchant's next answers; `success` if empty.
    answers: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
}

impl Bench {
    fn new() -> Self {
        Self::with(Merchants::built_in().unwrap(), None)
    }

    fn with(merchants: Merchants, state_file: Option<PathBuf>) -> Self {
        let clock = Arc::new(AtomicI64::new(parse_seconds(START).unwrap()));
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
                    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded; charset=utf-8");
                    let url = request.uri().to_string();
                    let body = String::from_utf8(request.into_body().to_vec()).unwrap();
                    sent.lock().unwrap().push((clock.load(Ordering::SeqCst), url, body));
                    let (status, text) = answers.lock().unwrap().pop_front().unwrap_or((200, "success"));
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

    async fn request(&self, method: Method, target: &str, content_type: &str, body: &str) -> Reply {
        let content_type = HeaderValue::from_str(content_type).unwrap();
        let incoming = Incoming {
            method,
            target: target.to_owned(),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, content_type)]),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        server::answer(&self.simulator, &incoming).await.reply
    }

    async fn get(&self, target: &str) -> Reply {
        self.request(Method::GET, target, "", "").await
    }

    async fn post(&self, target: &str, form: &str) -> Reply {
        self.request(Method::POST, target, "application/x-www-form-urlencoded; charset=utf-8", form).await
    }

    async fn door(&self, target: &str, body: Value) -> (u16, Value) {
        let target = format!("/_local/simulator/alipay/{target}");
        let reply = self.request(Method::POST, &target, "application/json", &body.to_string()).await;
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    async fn trade(&self, out_trade_no: &str) -> Value {
        let reply = self.get(&format!("/_local/simulator/alipay/trades/{out_trade_no}")).await;
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// The fields of the last notify, its signature verified.
    fn last_notify(&self) -> Params {
        let sent = self.sent.lock().unwrap();
        let (_, url, body) = sent.last().unwrap();
        assert_eq!(url, NOTIFY_URL);
        let params = form::merge("", body, None).unwrap();
        assert!(alipay_key(&self.simulator).verify(&notify_content(&params), &params["sign"]));
        params
    }

    fn sends(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// A signed request of the key-mode merchant.
    fn signed(&self, method: &str, biz: &Value) -> Params {
        let mut params = self.common("openapi", method);
        params.insert("biz_content".into(), biz.to_string());
        if method.ends_with(".pay") || method.ends_with(".precreate") {
            params.insert("notify_url".into(), NOTIFY_URL.into());
        }
        if method.ends_with("page.pay") || method.ends_with("wap.pay") {
            params.insert("return_url".into(), RETURN_URL.into());
        }
        self.sign("openapi", params)
    }

    fn common(&self, kind: &str, method: &str) -> Params {
        let settings = self.simulator.settings();
        let timestamp = seconds(self.now());
        let common = [
            ("app_id", settings[kind]["appId"].as_str().unwrap()),
            ("method", method),
            ("format", "JSON"),
            ("charset", "utf-8"),
            ("sign_type", "RSA2"),
            ("timestamp", &timestamp),
            ("version", "1.0"),
        ];
        common.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn sign(&self, kind: &str, mut params: Params) -> Params {
        let settings = self.simulator.settings();
        let key = Sha256Signer::from_pem(settings[kind]["privateKey"].as_str().unwrap()).unwrap();
        params.insert("sign".into(), key.sign(request_content(&params)).unwrap());
        params
    }

    /// A server call with all parameters in the body. Returns the node of the answer after verifying its signature.
    async fn call(&self, method: &str, biz: Value) -> Value {
        let reply = self.post(GATEWAY, &encoded(&self.signed(method, &biz))).await;
        assert_eq!((reply.status, reply.content_type), (200, "text/html;charset=utf-8"));
        node(&reply, method, &alipay_key(&self.simulator))
    }

    /// The sub code of a refused server call.
    async fn refused(&self, method: &str, biz: Value) -> String {
        let node = self.call(method, biz).await;
        assert_ne!(node["code"], "10000", "{node}");
        node["sub_code"].as_str().unwrap().to_owned()
    }

    /// Sends the browser with a page payment and returns the path of the cashier.
    async fn cashier(&self, biz: &Value) -> String {
        let target = format!("{GATEWAY}?{}", encoded(&self.signed("alipay.trade.page.pay", biz)));
        let reply = self.get(&target).await;
        assert_eq!(reply.status, 302, "{}", text(&reply));
        reply.location.unwrap().strip_prefix(BASE).unwrap().to_owned()
    }

    /// A page order of 88.88 that the buyer has paid.
    async fn paid(&self, out_trade_no: &str) -> String {
        let cashier = self.cashier(&order(out_trade_no)).await;
        assert_eq!(self.get(&cashier).await.status, 200);
        assert_eq!(self.post(&cashier, "action=pay").await.status, 303);
        cashier
    }
}

fn order(out_trade_no: &str) -> Value {
    json!({
        "out_trade_no": out_trade_no,
        "total_amount": "88.88",
        "subject": "测试 <商品> \"1\"",
        "product_code": "FAST_INSTANT_TRADE_PAY",
    })
}

fn with_fields(mut value: Value, fields: Value) -> Value {
    for (name, field) in fields.as_object().unwrap() {
        value[name] = field.clone();
    }
    value
}

fn encoded(params: &Params) -> String {
    form::encode(params.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.clone()).unwrap()
}

fn alipay_key(simulator: &Simulator) -> Sha256Verifier {
    Sha256Verifier::from_pem(simulator.settings()["openapi"]["alipayPublicKey"].as_str().unwrap()).unwrap()
}

/// Cuts the node out of an answer by its raw bytes and verifies the signature over them.
#[track_caller]
fn node(reply: &Reply, method: &str, key: &Sha256Verifier) -> Value {
    let whole = text(reply);
    let head = format!("{{\"{}_response\":", method.replace('.', "_"));
    let rest = whole.strip_prefix(&head).unwrap();
    let end = rest.find(",\"alipay_cert_sn\"").or_else(|| rest.find(",\"sign\"")).unwrap();
    let parsed: Value = serde_json::from_str(&whole).unwrap();
    assert!(key.verify(&rest[..end], parsed["sign"].as_str().unwrap()), "{whole}");
    serde_json::from_str(&rest[..end]).unwrap()
}
