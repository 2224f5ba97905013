//! The state file, and faults of both versions.

use http::Method;
use serde_json::{Value, json};

use super::super::merchants::Merchants;
use super::super::v2::message;
use super::{Bench, text};
use crate::kit::beijing::HOUR_MS;
use crate::kit::owner::SimulatorError;

#[tokio::test]
async fn orders_survive_a_restart() {
    let folder = std::env::temp_dir().join(format!("wechat-simulator-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("state.json");
    let open = || Bench::with(Merchants::built_in().unwrap(), Some(file.clone()));
    let bench = open();
    bench.answers.lock().unwrap().push_back((500, ""));
    bench.paid("v3Both", "S00000001").await;
    bench.order("v3Both", "native", "S00000002").await;
    let before = bench.trade("S00000001").await;
    let bench = open();
    assert_eq!(bench.trade("S00000001").await, before);
    bench.pass(HOUR_MS);
    bench.simulator.run_due().await;
    assert_eq!(bench.sends(), 1, "the retry is not forgotten");
    assert_eq!(bench.last_v3("v3Both").0["id"], before["notifies"][0]["id"]);
    let third = bench.order("v3Both", "app", "S00000003").await;
    assert!(third["prepay_id"].is_string());
    std::fs::write(&file, "{").unwrap();
    let options = super::SimulatorOptions {
        base_url: String::new(),
        state_file: Some(file),
        clock: std::sync::Arc::new(|| 0),
        send: std::sync::Arc::new(|_| Box::pin(async { Err(String::new()) })),
    };
    assert!(matches!(super::Simulator::open(options), Err(SimulatorError::StateParse { .. })));
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn faults_spoil_v3_answers() {
    let bench = Bench::new();
    bench.order("v3Both", "app", "F00000001").await;
    let path = "/v3/pay/transactions/out-trade-no/F00000001?mchid=1900000003";
    let all = ["timeout", "http500", "garbage", "unsigned", "badSignature", "unknownSerial", "stale", "cut"];
    let (status, told) = bench.door("faults", json!({ "next": all })).await;
    assert_eq!((status, &told["waiting"]), (200, &json!(8)));
    for fault in all {
        let answer = bench.request(bench.signed("v3Both", Method::GET, path, "")).await;
        let header =
            |name: &str| answer.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        match fault {
            "timeout" => assert!(answer.reply.hold_ms > 0),
            "http500" => assert_eq!((answer.reply.status, header("Wechatpay-Signature")), (500, None)),
            "garbage" => assert!(text(&answer).contains("504")),
            "unsigned" => assert_eq!(header("Wechatpay-Signature"), None),
            "unknownSerial" => assert!(
                super::find_wechat_key(&bench.settings("v3Both", "wx_app"), header("Wechatpay-Serial").unwrap())
                    .is_none()
            ),
            "stale" => assert_eq!(header("Wechatpay-Timestamp").unwrap(), (bench.now() / 1_000 - 3_600).to_string()),
            "badSignature" | "cut" => {
                let key = super::wechat_key(&bench.settings("v3Both", "wx_app"), header("Wechatpay-Serial").unwrap());
                let content = format!(
                    "{}\n{}\n{}\n",
                    header("Wechatpay-Timestamp").unwrap(),
                    header("Wechatpay-Nonce").unwrap(),
                    text(&answer)
                );
                assert!(!key.verify(&content, header("Wechatpay-Signature").unwrap()), "{fault}");
            }
            other => panic!("{other}"),
        }
    }
    bench.door("faults", json!({ "next": ["systemError", "limited"] })).await;
    let close = "/v3/pay/transactions/out-trade-no/F00000001/close";
    let body = json!({ "mchid": "1900000003" });
    let (status, refused) = bench.call("v3Both", Method::POST, close, body.clone()).await;
    assert_eq!((status, &refused["code"]), (500, &json!("SYSTEM_ERROR")));
    let (status, refused) = bench.call("v3Both", Method::POST, close, body.clone()).await;
    assert_eq!((status, &refused["code"]), (429, &json!("FREQUENCY_LIMITED")));
    assert_eq!(bench.call("v3Both", Method::POST, close, body).await.0, 204, "nothing was done before");
    let (status, _) = bench.door("faults", json!({ "next": ["unheardOf"] })).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn faults_spoil_v2_answers() {
    let bench = Bench::new();
    super::v2::prepay_id(&bench, "v2Md5", "APP", "F00000002").await;
    bench.door("faults", json!({ "next": ["systemError", "unsigned"] })).await;
    let settings = bench.settings("v2Md5", "wx_app");
    let key = settings["apiKey"].as_str().unwrap();
    let mut params = crate::kit::form::Params::new();
    for (name, value) in [("appid", "appId"), ("mch_id", "mchId")] {
        params.insert(name.into(), settings[value].as_str().unwrap().into());
    }
    params.insert("nonce_str".into(), "N".into());
    params.insert("out_trade_no".into(), "F00000002".into());
    let sign = super::super::v2::sign::sign(&params, key, super::super::crypto::SignType::Md5);
    let elements: String = params.iter().map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
    let body = format!("<xml>{elements}<sign>{sign}</sign></xml>");
    let path = "/simulator/wechat/pay/orderquery";
    let busy = message::read(&text(&bench.post(path, "text/xml", &body).await));
    assert_eq!(busy["err_code"], "SYSTEMERROR");
    let unsigned = message::read(&text(&bench.post(path, "text/xml", &body).await));
    assert_eq!((unsigned["trade_state"].as_str(), unsigned.get("sign")), ("NOTPAY", None));
}

#[tokio::test]
async fn the_door_knows_its_orders() {
    let bench = Bench::new();
    assert_eq!(bench.door("trades/NONE/pay", json!({})).await.0, 404);
    bench.order("v3Both", "app", "D00000001").await;
    bench.order("v3Certificate", "app", "D00000001").await;
    let (_, trade) = bench.door("trades/D00000001/close?merchant=1900000003", json!({})).await;
    assert_eq!((&trade["merchant"], &trade["state"]), (&json!("1900000003"), &json!("CLOSED")));
    assert_eq!(bench.trade("D00000001").await["state"], "NOTPAY", "the newest one");
    assert_eq!(bench.door("trades/D00000001/close?merchant=1900000003", json!({})).await.0, 409);
    assert_eq!(bench.door("trades/D00000001/steal", json!({})).await.0, 404);
    let settings = bench.get("/_local/simulator/wechat/settings").await;
    let settings: Value = serde_json::from_slice(&settings.reply.body).unwrap();
    assert_eq!(settings, bench.simulator.settings());
    for (kind, tabs) in settings.as_object().unwrap() {
        for tab in ["wx_app", "wx_mp"] {
            assert_eq!(tabs[tab]["gateway"], "http://sim.test/simulator/wechat", "{kind}");
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_real_connection_reaches_every_part() {
    let bench = Bench::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = bench.simulator.router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let body = bench.order_body("v3Both", "native", "C|000001").to_string();
    let order = bench.signed("v3Both", Method::POST, "/v3/pay/transactions/native", &body);
    let query =
        bench.signed("v3Both", Method::GET, "/v3/pay/transactions/out-trade-no/C%7C000001?mchid=1900000003", "");
    let body = "{\"mchid\":\"1900000003\"}";
    let close = bench.signed("v3Both", Method::POST, "/v3/pay/transactions/out-trade-no/C%7C000001/close", body);
    let page = super::Call::new(Method::GET, "/simulator/wechat/pay", "");
    for (call, expect) in [(order, "200 OK"), (query, "200 OK"), (close, "204 No Content"), (page, "200 OK")] {
        let signed = call.headers.contains_key("Authorization");
        let answer = tokio::task::spawn_blocking(move || exchange(address, &call)).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {expect}")), "{answer}");
        assert_eq!(answer.to_lowercase().contains("wechatpay-signature: "), signed, "{answer}");
    }
    server.abort();
}

fn exchange(address: std::net::SocketAddr, call: &super::Call) -> String {
    use std::io::{Read, Write};
    let mut head = format!("{} {} HTTP/1.1\r\nHost: sim.test\r\nConnection: close\r\n", call.method, call.target);
    for (name, value) in &call.headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", call.body.len()));
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&call.body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
