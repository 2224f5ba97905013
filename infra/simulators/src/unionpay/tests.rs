//! The simulator under test: a clock moved by hand, a merchant with ordered answers, requests signed with the public keys, and a
//! verifier of UnionPay's messages as a careful merchant would write it.

mod cashier;
mod files;
mod notifies;
mod refunds;
mod strict;
mod vectors;
mod verifier;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

use self::verifier::{accepts, split};
use super::merchants::Registry;
use super::moment::{compact, parse_compact};
use super::signing::{content, digest_text, filtered};
use super::simulator::Simulator;
use crate::kit::crypto::Sha256Signer;
use crate::kit::form::{self, Params};
use crate::kit::owner::SimulatorOptions;
use crate::kit::reply::Reply;
use crate::kit::server::{self, Incoming};

const BASE: &str = "http://sim.test";
const API: &str = "/simulator/unionpay/gateway/api";
const START: &str = "20261123120000";
const BACK_URL: &str = "http://m.test/notify/7";
const FRONT_URL: &str = "https://shop.test/return?order=7&x=a+b";
const MINUTE: i64 = 60_000;
const FORM: &str = "application/x-www-form-urlencoded;charset=UTF-8";
const UNIONPAY: &[&str] = &["中国银联股份有限公司"];

const OLD: &str = "777290000000001";
const NEW: &str = "777290000000002";
const OLD_PRIVATE: &str = include_str!("../../keys/unionpay/merchant_old_private.pem");
const NEW_PRIVATE: &str = include_str!("../../keys/unionpay/merchant_new_private.pem");
const OLD_CERT: &str = include_str!("../../keys/unionpay/merchant_old_cert.cer");
const NEW_CERT: &str = include_str!("../../keys/unionpay/merchant_new_cert.cer");

struct Bench {
    simulator: Simulator,
    clock: Arc<AtomicI64>,
    /// Every notify: time, address, body.
    sent: Arc<Mutex<Vec<(i64, String, String)>>>,
    /// The merchant's next answers; 200 if empty.
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Bench {
    fn new() -> Self {
        Self::with(Registry::built_in().unwrap(), None)
    }

    fn with(registry: Registry, state_file: Option<PathBuf>) -> Self {
        let clock = Arc::new(AtomicI64::new(parse_compact(START).unwrap()));
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
                    let status = answers.lock().unwrap().pop_front().unwrap_or(200);
                    Box::pin(async move { Ok((status, b"ok".to_vec())) })
                })
            },
        };
        let simulator = Simulator::open_with(options, registry).unwrap();
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
        self.request(Method::POST, target, FORM, form).await
    }

    async fn door(&self, target: &str, body: Value) -> (u16, Value) {
        let target = format!("/_local/simulator/unionpay/{target}");
        let reply = self.request(Method::POST, &target, "application/json", &body.to_string()).await;
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    async fn order(&self, order_id: &str) -> Value {
        let reply = self.get(&format!("/_local/simulator/unionpay/orders/{order_id}")).await;
        serde_json::from_slice(&reply.body).unwrap()
    }

    fn sends(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// The fields of the last notify, and whether a careful merchant accepts them.
    fn heard(&self) -> (Params, bool) {
        let sent = self.sent.lock().unwrap();
        let (at, url, body) = sent.last().unwrap();
        assert_eq!(url, BACK_URL);
        let params = filtered(form::merge("", body, None).unwrap());
        let accepted = accepts_ours(&params, *at);
        (params, accepted)
    }

    fn last_notify(&self) -> Params {
        let (params, accepted) = self.heard();
        assert!(accepted, "{params:?}");
        params
    }

    /// The fields of a message, changed by `more`. A value of `None` removes a field.
    fn message(&self, kind: &str, more: &[(&str, Option<&str>)]) -> Params {
        let now = compact(self.now());
        let (txn_type, sub_type, channel) = match kind {
            "web" => ("01", "01", Some("07")),
            "app" => ("01", "01", Some("08")),
            "query" => ("00", "00", None),
            "number" => ("00", "02", None),
            "refund" => ("04", "00", Some("07")),
            "void" => ("31", "00", Some("07")),
            other => panic!("{other}"),
        };
        let is_query = ["query", "number"].contains(&kind);
        let order = (!is_query).then_some(());
        let fields = [
            ("version", Some("5.1.0")),
            ("encoding", Some("UTF-8")),
            ("signMethod", Some("01")),
            ("txnType", Some(txn_type)),
            ("txnSubType", Some(sub_type)),
            ("bizType", Some("000201")),
            ("channelType", channel),
            ("accessType", Some("0")),
            ("merId", Some(OLD)),
            ("txnTime", Some(now.as_str())),
            ("txnAmt", order.map(|()| "8888")),
            ("currencyCode", order.map(|()| "156")),
            ("backUrl", order.map(|()| BACK_URL)),
            ("frontUrl", (kind == "web").then_some(FRONT_URL)),
        ];
        fields.iter().chain(more).fold(Params::new(), |mut params, (name, value)| {
            match value {
                Some(value) => params.insert((*name).to_owned(), (*value).to_owned()),
                None => params.remove(*name),
            };
            params
        })
    }

    /// A signed message of `merId`.
    fn signed(&self, kind: &str, more: &[(&str, Option<&str>)]) -> Params {
        sign(self.message(kind, more))
    }

    /// A server call; the fields of its answer, verified.
    async fn call(&self, kind: &str, more: &[(&str, Option<&str>)]) -> Params {
        let reply = self.post(&target(kind), &encoded(&self.signed(kind, more))).await;
        self.answered(&reply)
    }

    #[track_caller]
    fn answered(&self, reply: &Reply) -> Params {
        assert_eq!(reply.status, 200);
        let fields = split(&text(reply));
        assert!(accepts_ours(&fields, self.now()), "{fields:?}");
        assert!(fields["respMsg"].ends_with(']'), "{fields:?}");
        fields
    }

    async fn query(&self, order_id: &str, txn_time: &str) -> Params {
        self.call("query", &[("orderId", Some(order_id)), ("txnTime", Some(txn_time))]).await
    }

    /// Sends the browser with a web payment and returns the path of the cashier.
    async fn cashier(&self, order_id: &str) -> String {
        let form = encoded(&self.signed("web", &[("orderId", Some(order_id))]));
        let reply = self.post(&target("web"), &form).await;
        assert_eq!(reply.status, 302, "{}", text(&reply));
        reply.location.unwrap().strip_prefix(BASE).unwrap().to_owned()
    }

    /// A web order of 88.88 that the payer has paid; its `queryId`.
    async fn paid(&self, order_id: &str) -> String {
        let cashier = self.cashier(order_id).await;
        let reply = self.post(&cashier, "action=pay").await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        self.order(order_id).await["queryId"].as_str().unwrap().to_owned()
    }
}

fn target(kind: &str) -> String {
    let name = match kind {
        "web" => "frontTransReq",
        "app" => "appTransReq",
        "query" | "number" => "queryTrans",
        _ => "backTransReq",
    };
    format!("{API}/{name}.do")
}

fn sign(mut params: Params) -> Params {
    let (private, cert) = match params.get("merId").map(String::as_str) {
        Some(NEW) => (NEW_PRIVATE, NEW_CERT),
        _ => (OLD_PRIVATE, OLD_CERT),
    };
    let cert_id = super::merchants::cert_id_of(cert).unwrap();
    params.entry("certId".into()).or_insert(cert_id);
    let key = Sha256Signer::from_pem(private).unwrap();
    let signature = key.sign(digest_text(content(&filtered(params.clone())))).unwrap();
    params.insert("signature".into(), signature);
    params
}

fn encoded(params: &Params) -> String {
    form::encode(params.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.clone()).unwrap()
}

/// The verdict of a merchant that has pinned the chain of the settings.
fn accepts_ours(params: &Params, now_ms: i64) -> bool {
    let settings = super::merchants::settings(BASE);
    let pinned = |name: &str| settings["unipay_app"][name].as_str().unwrap().to_owned();
    accepts(params, &pinned("rootCert"), &pinned("middleCert"), now_ms / 1_000, UNIONPAY)
}
