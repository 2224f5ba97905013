//! The built program against a small HTTP server, for what no stack does at will: outages, strange answers, pages of events.

#![cfg(test)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

const APP: &str = "568a12086e912100017722e5";

/// A request that came.
#[derive(Clone, Debug)]
struct Call {
    path: String,
    head: String,
    body: String,
}

impl Call {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What is answered.
struct Answer {
    status: u16,
    headers: String,
    body: String,
}

fn answer(body: &Value) -> Answer {
    Answer { status: 200, headers: String::new(), body: body.to_string() }
}

/// A server that answers by a function and remembers what came.
struct Fake {
    url: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Fake {
    fn start(reply: impl Fn(&Call, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (kept, reply) = (Arc::clone(&calls), Arc::new(reply));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, reply) = (Arc::clone(&kept), Arc::clone(&reply));
                thread::spawn(move || serve(stream.unwrap(), &kept, &*reply));
            }
        });
        Self { url, calls }
    }

    fn calls(&self, path: &str) -> Vec<Call> {
        self.calls.lock().unwrap().iter().filter(|call| call.path == path).cloned().collect()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_maxpay"));
        command.env_clear().env("XDG_CONFIG_HOME", "/nowhere").env("MAXPAY_URL", &self.url);
        command.env("MAXPAY_APP_ID", APP).env("MAXPAY_MASTER_KEY", "hush");
        command.arg("--json").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must fail, and returns its error.
    #[track_caller]
    fn failed(&self, arguments: &[&str]) -> Value {
        let done = self.run(arguments);
        let shown = String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{shown}");
        assert!(!shown.contains("hush"), "{shown}");
        serde_json::from_str::<Value>(&shown).unwrap()["error"].clone()
    }
}

/// One answer a connection.
fn serve(stream: TcpStream, calls: &Mutex<Vec<Call>>, reply: &(dyn Fn(&Call, usize) -> Answer + Send + Sync)) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap() == 0 {
            return;
        }
    }
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let call = Call { path, head, body: String::from_utf8(body).unwrap() };
    let before = {
        let mut calls = calls.lock().unwrap();
        calls.push(call.clone());
        calls.iter().filter(|other| other.path == call.path).count() - 1
    };
    let Answer { status, headers, body } = reply(&call, before);
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
    let _ = reader.into_inner().write_all((head + &body).as_bytes());
}

fn session() -> Answer {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"mode":"test"}"#);
    answer(&json!({ "code": 0, "msg": "OK", "token": format!("v1.{claims}.bWFj") }))
}

fn event(number: u32) -> Value {
    let headers = json!({ "content-type": "application/json", "webhook-id": format!("msg_{number}"), "webhook-signature": "v1,x" });
    json!({ "id": number.to_string(), "event": "payment.success", "createdTime": 0, "headers": headers, "body": format!("{{\"billNum\" : \"{number}\"}}") })
}

fn page(events: &[Value], cursor: Option<&str>) -> Answer {
    let headers = format!("Retry-After: {}\r\n", u8::from(cursor.is_none()));
    Answer { headers, ..answer(&json!({ "code": 0, "msg": "OK", "events": events, "cursor": cursor })) }
}

/// Reads as many lines as wanted, ends the program by Ctrl-C, and returns the lines.
fn listened(mut child: Child, wanted: usize) -> Vec<Value> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<Value> = lines.take(wanted).map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    lines
}

#[test]
fn listen_walks_through_all_pages_and_acknowledges_what_is_accepted() {
    let fake = Fake::start(|call, before| match (call.path.as_str(), call.json()["cursor"].as_str()) {
        ("/2.0/maxpay/sessions", _) => session(),
        ("/2.0/maxpay/events", None) if before < 2 => page(&[event(1), event(2)], Some("next")),
        ("/2.0/maxpay/events", Some("next")) => page(&[event(3)], None),
        // Acknowledged events do not come again, and the refused one does.
        ("/2.0/maxpay/events", _) => page(&[event(2)], None),
        ("/hooks", _) => {
            Answer { status: if call.body.contains("\"2\"") && before < 3 { 500 } else { 200 }, ..answer(&json!({})) }
        }
        _ => answer(&json!({ "code": 0, "msg": "OK", "acknowledged": 1 })),
    });
    let target = format!("{}/hooks", fake.url.trim_start_matches("http://"));
    let lines = listened(fake.command(&["listen", "--forward-to", &target, "--webhook", "w"]).spawn().unwrap(), 4);
    let shown: Vec<_> =
        lines.iter().map(|line| json!([line["billNum"], line["status"], line["attempt"], line["again"]])).collect();
    assert_eq!(
        json!(shown),
        json!([["1", 200, 1, false], ["2", 500, 1, false], ["3", 200, 1, false], ["2", 200, 2, true]])
    );
    let hook = &fake.calls("/hooks")[0];
    assert_eq!(hook.body, "{\"billNum\" : \"1\"}", "each byte is as it came");
    assert!(hook.head.contains("webhook-id: msg_1") && hook.head.contains("webhook-signature: v1,x"), "{}", hook.head);
    let mut acknowledged: Vec<Value> =
        fake.calls("/2.0/maxpay/events/ack").iter().map(|call| call.json()["ids"].clone()).collect();
    // Ctrl-C may come while the last one is acknowledged; then it is acknowledged again.
    acknowledged.dedup();
    assert_eq!(acknowledged, [json!(["1"]), json!(["3"]), json!(["2"])]);
    assert!(fake.calls("/2.0/maxpay/events").iter().all(|call| call.json()["webhook"] == "w"));
}

#[test]
fn listen_goes_on_after_an_outage_and_ends_at_a_refusal() {
    let fake = Fake::start(|call, before| match (call.path.as_str(), before) {
        ("/2.0/maxpay/sessions", _) => session(),
        ("/2.0/maxpay/events", 0) => Answer { status: 502, ..answer(&json!("a proxy's page")) },
        ("/2.0/maxpay/events", _) => {
            answer(&json!({ "code": 4, "msg": "MISS_PARAM", "err": "webhook is required: there is none" }))
        }
        _ => answer(&Value::Null),
    });
    let done = fake.run(&["listen", "--forward-to", "localhost:1"]);
    let error = &serde_json::from_slice::<Value>(&done.stdout).unwrap()["error"];
    assert_eq!((done.status.code(), &error["field"], &error["code"]), (Some(1), &json!("webhook"), &json!(4)));
    assert!(error["remedy"].as_str().unwrap().contains("operator token"), "{error}");
    assert_eq!(fake.calls("/2.0/maxpay/events").len(), 2);
}

#[test]
fn a_webhook_that_listen_made_may_be_unknown_at_first() {
    let fake = Fake::start(|call, before| match (call.path.as_str(), before) {
        ("/2.0/maxpay/sessions", _) => session(),
        (path, _) if path.starts_with("/admin/v1/") && call.head.starts_with("GET") => answer(&json!({ "items": [] })),
        (path, _) if path.starts_with("/admin/v1/") => Answer { status: 201, ..answer(&json!({ "id": "new" })) },
        ("/2.0/maxpay/events", 0) => {
            answer(&json!({ "code": 5, "msg": "PARAM_INVALID", "err": "webhook must be one" }))
        }
        ("/2.0/maxpay/events", _) => page(&[event(1)], None),
        _ => answer(&json!({ "code": 0, "msg": "OK", "acknowledged": 1 })),
    });
    let target = format!("{}/hooks", fake.url);
    let mut command = fake.command(&["listen", "--forward-to", &target]);
    let lines = listened(command.env("MAXPAY_OPERATOR_TOKEN", "hush").spawn().unwrap(), 1);
    assert_eq!(
        (&lines[0]["billNum"], &fake.calls("/2.0/maxpay/events")[1].json()["webhook"]),
        (&json!("1"), &json!("new"))
    );
}

#[test]
fn a_deployed_gateway_is_not_charged_by_trigger() {
    let fake = Fake::start(|_, _| Answer { status: 404, ..answer(&json!({ "message": "Not Found" })) });
    let error = fake.failed(&["trigger", "payment.success"]);
    assert_eq!(error["code"], "no-simulators");
    assert!(error["remedy"].as_str().unwrap().contains("maxpay local"), "{error}");
    assert!(fake.calls("/2.0/maxpay/bill").is_empty() && fake.calls("/2.0/maxpay/sessions").is_empty());
}

#[test]
fn what_is_no_gateway_is_said_by_its_address() {
    let fake = Fake::start(|_, _| Answer { body: "<html>".to_owned(), status: 404, headers: String::new() });
    let error = fake.failed(&["records", "b"]);
    assert_eq!((&error["code"], &error["field"]), (&json!("no-gateway"), &json!("url")));
    let error = fake.failed(&["webhooks", "list"]);
    assert_eq!((&error["code"], &error["field"]), (&json!("missing"), &json!("operator_token")));
}

#[test]
fn an_answer_that_is_not_of_a_gateway_is_no_success() {
    for body in [json!("<html>"), json!({ "code": "5", "err": "bad" }), json!([1, 2]), json!({})] {
        let fake = Fake::start(move |_, _| answer(&body));
        for arguments in [&["refund", "b", "--refund-fee", "1", "--refund-num", "r"][..], &["close", "b"]] {
            assert_eq!(fake.failed(arguments)["code"], "no-gateway");
        }
    }
}

#[test]
fn an_id_is_one_segment_of_a_path() {
    let fake = Fake::start(|_, _| Answer { status: 404, ..answer(&json!({ "code": "not-found" })) });
    let mut command = fake.command(&["webhooks", "test", "w/secret/rotate?"]);
    command.env("MAXPAY_OPERATOR_TOKEN", "hush").output().unwrap();
    assert_eq!(fake.calls(&format!("/admin/v1/apps/{APP}/webhooks/w%2Fsecret%2Frotate%3F/test")).len(), 1);
}

#[test]
fn keys_that_were_saved_are_not_sent_to_a_gateway_that_stdin_names() {
    let fake = Fake::start(|_, _| session());
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("saved");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let login = |lines: String| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_maxpay"));
        command.env_clear().env("XDG_CONFIG_HOME", &folder).arg("login");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        child.wait().unwrap()
    };
    let known = Fake::start(|_, _| session());
    let saved = format!("MAXPAY_URL={}\nMAXPAY_APP_ID={APP}\nMAXPAY_MASTER_KEY=hush\n", known.url);
    assert!(login(saved).success());
    assert!(!login(format!("MAXPAY_URL={}\nMAXPAY_APP_ID={APP}\n", fake.url)).success());
    assert!(fake.calls.lock().unwrap().iter().all(|call| !call.head.contains("hush")));
}

#[test]
fn an_outage_of_the_gateway_says_that_the_same_command_is_safe() {
    let outage = json!({ "code": 14, "msg": "RUN_TIME_ERROR", "err": "the storage failed" });
    let fake = Fake::start(move |_, _| Answer { status: 503, ..answer(&outage) });
    let error = fake.failed(&["refund", "b", "--refund-fee", "1", "--refund-num", "r"]);
    assert_eq!((&error["code"], &error["message"]), (&json!(14), &json!("the storage failed")));
    assert!(error["remedy"].as_str().unwrap().contains("again"), "{error}");
}

#[test]
fn one_event_without_an_answer_holds_up_no_other() {
    let fake = Fake::start(|call, before| match call.path.as_str() {
        "/2.0/maxpay/sessions" => session(),
        "/2.0/maxpay/events" if before == 0 => page(&(0..20).map(event).collect::<Vec<_>>(), None),
        "/2.0/maxpay/events" => page(&[], None),
        "/hooks" if call.body.contains("\"0\"") => loop {
            thread::park();
        },
        _ => answer(&json!({ "code": 0, "msg": "OK", "acknowledged": 1 })),
    });
    let target = format!("{}/hooks", fake.url);
    let lines = listened(fake.command(&["listen", "--forward-to", &target, "--webhook", "w"]).spawn().unwrap(), 19);
    assert!(lines.iter().all(|line| line["status"] == 200), "{lines:?}");
    let acknowledged: Vec<Value> =
        fake.calls("/2.0/maxpay/events/ack").iter().map(|call| call.json()["ids"].clone()).collect();
    let ids: usize = acknowledged.iter().map(|ids| ids.as_array().unwrap().len()).sum();
    assert!(acknowledged.len() >= 3 && ids == 19, "{acknowledged:?}");
}

#[test]
fn who_ends_the_program_twice_does_not_wait_for_the_last_acknowledgement() {
    let fake = Fake::start(|call, _| match call.path.as_str() {
        "/2.0/maxpay/sessions" => session(),
        "/2.0/maxpay/events" => page(&[event(1)], None),
        "/2.0/maxpay/events/ack" => loop {
            thread::park();
        },
        _ => answer(&json!({})),
    });
    let target = format!("{}/hooks", fake.url);
    let mut child = fake.command(&["listen", "--forward-to", &target, "--webhook", "w"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let mut signals = 0;
    // The second signal may come before the first was dealt with, so it is repeated.
    while child.try_wait().unwrap().is_none() && signals < 1_000 {
        Command::new("kill").args(["-TERM", &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
        signals += 1;
    }
    let error = serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap()["error"].clone();
    assert_eq!((child.wait().unwrap().code(), &error["code"]), (Some(1), &json!("unacknowledged")), "{error}");
}

#[test]
fn tail_goes_on_after_an_outage() {
    let record = json!({ "id": "1", "billNum": "b", "createdTime": 1, "status": "created" });
    let fake = Fake::start(move |_, before| match before {
        0 => answer(&json!({ "code": 0, "msg": "OK", "results": [] })),
        1 => Answer { status: 502, ..answer(&json!("a proxy's page")) },
        _ => answer(&json!({ "code": 0, "msg": "OK", "results": [record] })),
    });
    let lines = listened(fake.command(&["tail", "--interval", "1"]).spawn().unwrap(), 1);
    assert_eq!(lines[0]["billNum"], "b");
}

#[test]
fn doctor_finds_no_gateway_and_no_key() {
    let fake = Fake::start(|_, _| answer(&json!({ "welcome": "to a router" })));
    let findings = |command: &mut Command| {
        let done = command.output().unwrap();
        assert_eq!(done.status.code(), Some(1));
        serde_json::from_slice::<Value>(&done.stdout).unwrap()["findings"].clone()
    };
    let found = findings(fake.command(&["doctor"]).env_remove("MAXPAY_MASTER_KEY"));
    assert_eq!(
        (&found[0]["verdict"], &found[1]["check"], &found[1]["verdict"]),
        (&json!("wrong"), &json!("reach"), &json!("wrong"))
    );
}

#[test]
fn a_profile_that_is_not_there_is_named_beside_those_that_are() {
    let fake = Fake::start(|_, _| session());
    let error = fake.failed(&["records", "b", "--profile", "shop"]);
    assert_eq!((&error["code"], &error["field"]), (&json!("invalid"), &json!("profile")));
}

#[test]
fn help_is_a_command_too() {
    let fake = Fake::start(|_, _| session());
    let shown = |arguments: &[&str]| String::from_utf8(fake.run(arguments).stdout).unwrap();
    let help = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_maxpay"));
        String::from_utf8(command.env_clear().args(arguments).output().unwrap().stdout).unwrap()
    };
    assert!(shown(&["records", "--help"]).contains("Query records"));
    assert_eq!(help(&["help", "records"]), help(&["records", "--help"]));
}
