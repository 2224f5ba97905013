//! A small HTTP server that answers as a test says, and the built program against it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

pub(crate) const APP: &str = "568a12086e912100017722e5";

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What is answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

pub(crate) fn answer(body: &Value) -> Answer {
    Answer { status: 200, headers: String::new(), body: body.to_string() }
}

/// A server that answers by a function and remembers what came.
pub(crate) struct Fake {
    pub(crate) url: String,
    pub(crate) calls: Arc<Mutex<Vec<Call>>>,
}

impl Fake {
    pub(crate) fn start(reply: impl Fn(&Call, usize) -> Answer + Send + Sync + 'static) -> Self {
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

    pub(crate) fn calls(&self, path: &str) -> Vec<Call> {
        self.calls.lock().unwrap().iter().filter(|call| call.path == path).cloned().collect()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_maxpay"));
        command.env_clear().env("XDG_CONFIG_HOME", "/nowhere").env("MAXPAY_URL", &self.url);
        command.env("MAXPAY_APP_ID", APP).env("MAXPAY_MASTER_KEY", "hush");
        command.arg("--json").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must fail, and returns its error.
    #[track_caller]
    pub(crate) fn failed(&self, arguments: &[&str]) -> Value {
        let done = self.run(arguments);
        let shown = String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{shown}");
        assert!(!shown.contains("hush"), "{shown}");
        serde_json::from_str::<Value>(&shown).unwrap()["error"].clone()
    }
}

/// One answer a connection.
pub(crate) fn serve(
    stream: TcpStream,
    calls: &Mutex<Vec<Call>>,
    reply: &(dyn Fn(&Call, usize) -> Answer + Send + Sync),
) {
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

pub(crate) fn session() -> Answer {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"mode":"test"}"#);
    answer(&json!({ "code": 0, "msg": "OK", "token": format!("v1.{claims}.bWFj") }))
}

pub(crate) fn event(number: u32) -> Value {
    let headers = json!({ "content-type": "application/json", "webhook-id": format!("msg_{number}"), "webhook-signature": "v1,x" });
    json!({ "id": number.to_string(), "event": "payment.success", "createdTime": 0, "headers": headers, "body": format!("{{\"billNum\" : \"{number}\"}}") })
}

pub(crate) fn page(events: &[Value], cursor: Option<&str>) -> Answer {
    let headers = format!("Retry-After: {}\r\n", u8::from(cursor.is_none()));
    Answer { headers, ..answer(&json!({ "code": 0, "msg": "OK", "events": events, "cursor": cursor })) }
}

/// Reads as many lines as wanted, ends the program by Ctrl-C, and returns the lines.
pub(crate) fn listened(mut child: Child, wanted: usize) -> Vec<Value> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<Value> = lines.take(wanted).map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    lines
}
