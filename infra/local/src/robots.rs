//! Plays the robots of WeCom, DingTalk and Feishu, and SNS, as strictly as they are: the form of a message, signatures and their time,
//! keywords, rates and lengths. What arrives is shown at `/_local/robots`.
//!
//! # Source
//! The codes are those of the services' pages about custom robots, which `functions/domain/src/alert.rs` names.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::StackClock;

/// Behind it, each kind has its robots under the path that the service has.
pub(crate) const ROBOTS_PATH: &str = "/_local/robot";

/// Where SNS is.
pub(crate) const SNS_PATH: &str = "/_local/sns";

/// The most messages that are kept. Beyond this, the oldest are dropped.
const MESSAGES_MAX: usize = 10_000;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// So many messages a robot takes in a minute.
const A_MINUTE: usize = 20;

/// Bytes of a text at WeCom, and of a body at the others.
const WECOM_BYTES_MAX: usize = 2048;
const BODY_BYTES_MAX: usize = 20_000;

/// Clones share everything.
#[derive(Clone)]
pub(crate) struct Robots {
    clock: StackClock,
    state: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// By kind and token, as `wecom/abc`.
    robots: HashMap<String, Robot>,
    messages: VecDeque<Arrived>,
}

/// A robot as its owner set it up.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Robot {
    /// It checks signatures.
    secret: Option<String>,
    /// It takes texts with this word alone.
    keyword: Option<String>,
    /// It answers with this HTTP status, whatever comes.
    status: Option<u16>,
}

/// A message that a robot or a topic took.
#[derive(Clone, Serialize)]
struct Arrived {
    kind: &'static str,
    /// The token of the robot, or the ARN of the topic.
    name: String,
    text: String,
    time: i64,
}

/// Why a robot takes no message, with the code and words of its service.
struct Refusal(i64, &'static str);

impl Robots {
    pub(crate) fn new(clock: StackClock) -> Self {
        Self { clock, state: Arc::default() }
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/_local/robots", routing::get(list).delete(clear))
            .route("/_local/robots/{kind}/{name}", routing::put(set_up).delete(remove))
            .route("/_local/robot/wecom/cgi-bin/webhook/send", routing::post(wecom))
            .route("/_local/robot/dingtalk/robot/send", routing::post(dingtalk))
            .route("/_local/robot/feishu/open-apis/bot/v2/hook/{name}", routing::post(feishu))
            .route(SNS_PATH, routing::post(sns))
            .route("/_local/sns/", routing::post(sns))
            .with_state(self.clone())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a text, if the robot takes it.
    fn take(&self, kind: &'static str, name: &str, text: &str, codes: &Codes) -> Result<(), Refusal> {
        let now = self.clock.now_ms();
        let mut known = self.known();
        let is_own = |one: &&Arrived| one.kind == kind && one.name == name && one.time > now - MINUTE_MS;
        if known.messages.iter().filter(is_own).count() >= A_MINUTE {
            return Err(Refusal(codes.rate, "too many messages in a minute"));
        }
        let keyword = known.robots.get(&format!("{kind}/{name}")).and_then(|robot| robot.keyword.clone());
        if keyword.is_some_and(|keyword| !text.contains(&keyword)) {
            return Err(Refusal(codes.keyword, "keywords not in content"));
        }
        if known.messages.len() >= MESSAGES_MAX {
            known.messages.pop_front();
        }
        known.messages.push_back(Arrived { kind, name: name.to_owned(), text: text.to_owned(), time: now });
        Ok(())
    }

    fn find(&self, kind: &str, name: &str) -> Option<Robot> {
        self.known().robots.get(&format!("{kind}/{name}")).cloned()
    }
}

/// The codes of a service.
struct Codes {
    unknown: i64,
    form: i64,
    length: i64,
    signature: i64,
    keyword: i64,
    rate: i64,
}

const WECOM: Codes = Codes { unknown: 93000, form: 40008, length: 40058, signature: 0, keyword: 0, rate: 45009 };
const DINGTALK: Codes =
    Codes { unknown: 300_005, form: 400_101, length: 460_101, signature: 310_000, keyword: 310_000, rate: 130_101 };
const FEISHU: Codes =
    Codes { unknown: 19001, form: 9499, length: 11_246, signature: 19021, keyword: 19024, rate: 11_232 };

/// `PUT /_local/robots/<kind>/<name> {"secret"?,"keyword"?,"status"?}`: a robot that did not exist before does now.
async fn set_up(State(robots): State<Robots>, Path((kind, name)): Path<(String, String)>, body: Bytes) -> Response {
    match serde_json::from_slice::<Robot>(&body) {
        Ok(robot) => {
            robots.known().robots.insert(format!("{kind}/{name}"), robot.clone());
            Json(robot).into_response()
        }
        Err(error) => {
            let detail = format!("the body must be {{\"secret\",\"keyword\",\"status\"}}: {error}");
            (StatusCode::BAD_REQUEST, Json(json!({ "detail": detail }))).into_response()
        }
    }
}

/// `DELETE /_local/robots/<kind>/<name>`
async fn remove(State(robots): State<Robots>, Path((kind, name)): Path<(String, String)>) -> StatusCode {
    robots.known().robots.remove(&format!("{kind}/{name}"));
    StatusCode::NO_CONTENT
}

/// `GET /_local/robots`: what arrived, oldest first.
async fn list(State(robots): State<Robots>) -> impl IntoResponse {
    Json(robots.known().messages.iter().cloned().collect::<Vec<_>>())
}

/// `DELETE /_local/robots`: forgets what arrived.
async fn clear(State(robots): State<Robots>) -> StatusCode {
    robots.known().messages.clear();
    StatusCode::NO_CONTENT
}

type Asked = Query<BTreeMap<String, String>>;

async fn wecom(State(robots): State<Robots>, Query(asked): Asked, headers: HeaderMap, body: Bytes) -> Response {
    let name = asked.get("key").cloned().unwrap_or_default();
    let Some(robot) = robots.find("wecom", &name) else {
        return said(&Refusal(WECOM.unknown, "invalid webhook url"), "errcode", "errmsg");
    };
    let taken = content(&headers, &body, "msgtype", "/text/content", &WECOM).and_then(|text| {
        if text.len() > WECOM_BYTES_MAX {
            return Err(Refusal(WECOM.length, "content size exceed limit"));
        }
        robots.take("wecom", &name, &text, &WECOM)
    });
    answer(&robot, taken, "errcode", "errmsg")
}

async fn dingtalk(State(robots): State<Robots>, Query(asked): Asked, headers: HeaderMap, body: Bytes) -> Response {
    let name = asked.get("access_token").cloned().unwrap_or_default();
    let Some(robot) = robots.find("dingtalk", &name) else {
        return said(&Refusal(DINGTALK.unknown, "token is not exist"), "errcode", "errmsg");
    };
    let is_signed = robot.secret.as_ref().is_none_or(|secret| {
        let (time, sign) = (asked.get("timestamp").cloned().unwrap_or_default(), asked.get("sign"));
        let is_near = time.parse::<i64>().is_ok_and(|ms| (robots.clock.now_ms() - ms).abs() <= HOUR_MS);
        is_near && sign.is_some_and(|sign| *sign == mac(secret, &format!("{time}\n{secret}")))
    });
    let taken = if is_signed {
        content(&headers, &body, "msgtype", "/text/content", &DINGTALK)
            .and_then(|text| robots.take("dingtalk", &name, &text, &DINGTALK))
    } else {
        Err(Refusal(DINGTALK.signature, "sign not match"))
    };
    answer(&robot, taken, "errcode", "errmsg")
}

async fn feishu(State(robots): State<Robots>, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(robot) = robots.find("feishu", &name) else {
        return said(&Refusal(FEISHU.unknown, "param invalid: incoming webhook access token invalid"), "code", "msg");
    };
    let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
    let is_signed = robot.secret.as_ref().is_none_or(|secret| {
        // The time is a text of seconds.
        let time = sent.get("timestamp").and_then(Value::as_str).unwrap_or_default();
        let is_near = time.parse::<i64>().is_ok_and(|at| (robots.clock.now_ms() - at * 1000).abs() <= HOUR_MS);
        let sign = sent.get("sign").and_then(Value::as_str);
        is_near && sign == Some(&mac(&format!("{time}\n{secret}"), ""))
    });
    let taken = if is_signed {
        content(&headers, &body, "msg_type", "/content/text", &FEISHU)
            .and_then(|text| robots.take("feishu", &name, &text, &FEISHU))
    } else {
        Err(Refusal(FEISHU.signature, "sign match fail or timestamp is not within one hour from current time"))
    };
    answer(&robot, taken, "code", "msg")
}

/// The text of a message.
fn content(headers: &HeaderMap, body: &Bytes, kind: &str, pointer: &str, codes: &Codes) -> Result<String, Refusal> {
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let sent: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = sent.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if !is_json || sent.get(kind).and_then(Value::as_str) != Some("text") || text.is_empty() {
        return Err(Refusal(codes.form, "invalid message"));
    }
    if body.len() > BODY_BYTES_MAX {
        return Err(Refusal(codes.length, "the message is too long"));
    }
    Ok(text.to_owned())
}

/// `POST /` of SNS: `Action=Publish&TopicArn=...`, signed. A topic exists if it was set up as a robot of the kind `sns` with its name.
async fn sns(State(robots): State<Robots>, headers: HeaderMap, body: Bytes) -> Response {
    let form: HashMap<_, _> = form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let arn = field("TopicArn");
    let topic = arn.rsplit(':').next().unwrap_or_default();
    let is_signed =
        headers.get("authorization").is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256 "));
    let (subject, text) = (field("Subject"), field("Message"));
    let has_form = field("Action") == "Publish" && !text.is_empty() && subject.is_ascii() && subject.len() < 100;
    if !is_signed || !has_form {
        return xml(
            StatusCode::BAD_REQUEST,
            "<ErrorResponse><Error><Code>InvalidParameter</Code></Error></ErrorResponse>",
        );
    }
    if robots.find("sns", topic).is_none() {
        return xml(StatusCode::NOT_FOUND, "<ErrorResponse><Error><Code>NotFound</Code></Error></ErrorResponse>");
    }
    if robots.take("sns", &arn, &text, &WECOM).is_err() {
        return xml(StatusCode::BAD_REQUEST, "<ErrorResponse><Error><Code>Throttled</Code></Error></ErrorResponse>");
    }
    xml(
        StatusCode::OK,
        "<PublishResponse xmlns=\"https://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>1</MessageId>\
         </PublishResult></PublishResponse>",
    )
}

fn xml(status: StatusCode, body: &'static str) -> Response {
    (status, [(CONTENT_TYPE, "text/xml")], body).into_response()
}

fn mac(key: &str, text: &str) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), text.as_bytes()))
}

/// A robot answers 200 whether it took a message or not, unless it is told to answer otherwise.
fn answer(robot: &Robot, taken: Result<(), Refusal>, code: &str, words: &str) -> Response {
    if let Some(status) = robot.status {
        return StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY).into_response();
    }
    said(&taken.err().unwrap_or(Refusal(0, "ok")), code, words)
}

fn said(Refusal(number, text): &Refusal, code: &str, words: &str) -> Response {
    Json(json!({ code: number, words: text })).into_response()
}
