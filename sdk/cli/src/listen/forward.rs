//! One event on its way to the server: its address, the request, and how it was answered.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, uri::Authority};
use outbound::{Bounds, Outbound, OutboundError};
use serde_json::Value;

use crate::{
    client::chain,
    failure::Failure,
    table::text,
    words::{Words, words},
};

/// As long as the gateway gives a webhook, and as much of its answer.
const FORWARD_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(10), body_bytes_max: 16 << 10 };

/// How one event was answered.
#[derive(Debug)]
pub(super) struct Forwarded {
    /// The event, as the gateway gave it.
    pub(super) event: Value,
    /// The HTTP status, or why nobody answered.
    pub(super) answer: Result<u16, Words>,
    /// How long that took.
    pub(super) took_ms: u128,
}

/// Where events go. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Forwarder {
    outbound: Outbound,
    target: String,
}

impl Forwarder {
    /// Forwards to this address.
    ///
    /// # Errors
    /// [`Failure`] if the HTTP client cannot be started.
    pub(super) fn new(target: String) -> Result<Self, Failure> {
        let outbound = Outbound::new().map_err(|error| Failure::own("client", Words::alike(chain(&error))))?;
        Ok(Self { outbound, target })
    }

    /// Sends an event as the gateway would send it to a webhook.
    pub(super) async fn forward(self, event: Value) -> Forwarded {
        let started = Instant::now();
        let answer = match request(&self.target, &event) {
            None => Err(words!("事件的请求头无法发送", "the event's headers cannot be sent")),
            Some(request) => {
                let answer = self.outbound.send_and_cut(request, FORWARD_BOUNDS).await;
                answer.map(|answer| answer.status().as_u16()).map_err(|error| unanswered(&error))
            }
        };
        Forwarded { event, answer, took_ms: started.elapsed().as_millis() }
    }
}

/// The server's address, with path and query as they are given. An address that begins with a port is one of this machine: as a host, a number
/// would be an address on the internet. An address without a scheme is of http.
pub(super) fn forward_url(given: &str) -> Result<String, Failure> {
    let has_scheme =
        given.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let (head, path) = given.split_at(given.find(['/', '?']).unwrap_or(given.len()));
    let url = if head.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("http://localhost:{head}{}", if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
    } else if has_scheme {
        given.to_owned()
    } else {
        format!("http://{given}")
    };
    let is_web = url.parse::<Uri>().is_ok_and(|uri| {
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        is_http && uri.authority().is_some_and(is_server)
    });
    if is_web && !url.contains('#') {
        return Ok(url);
    }
    let message = words!(
        "应为网址、主机加端口，或单独一个端口，如 localhost:3000/hooks 或 3000",
        "must be an address, a host with a port, or a port alone, as localhost:3000/hooks or 3000"
    );
    Err(Failure::of_field("forward-to", message))
}

/// Whether it is a host, with a port or without one, and without a user.
fn is_server(authority: &Authority) -> bool {
    let Some(port) = authority.as_str().strip_prefix(authority.host()) else { return false };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    !authority.host().is_empty() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// Why there was no answer, short: it stands in a line for each event.
fn unanswered(error: &OutboundError) -> Words {
    if matches!(error, OutboundError::Connect { .. }) {
        return words!("连不上", "no connection");
    }
    let seconds = FORWARD_BOUNDS.deadline.as_secs();
    if matches!(error, OutboundError::Deadline { .. }) {
        return words!("{seconds} 秒内没有应答", "no answer within {seconds} s");
    }
    let why = chain(error);
    words!("没有应答：{why}", "no answer: {why}")
}

fn request(target: &str, event: &Value) -> Option<Request<Bytes>> {
    // A signature covers each byte of the body: it is sent as it came.
    let mut request = Request::new(Bytes::from(text(event, "body").to_owned()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.parse().ok()?;
    let headers = event.get("headers").and_then(Value::as_object)?.iter();
    // Others, such as `host`, are those of this connection.
    for (name, value) in headers.filter(|(name, _)| *name == "content-type" || name.starts_with("webhook-")) {
        let (name, value) = (HeaderName::try_from(name.as_str()).ok()?, HeaderValue::from_str(value.as_str()?).ok()?);
        request.headers_mut().insert(name, value);
    }
    Some(request)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    #[rustfmt::skip]
    fn an_address_is_taken_as_it_is_and_may_lack_its_scheme_or_its_host() {
        for (given, expect) in [
            ("localhost:3000/hooks",         Some("http://localhost:3000/hooks")),
            ("localhost:3000/hooks/",        Some("http://localhost:3000/hooks/")),
            ("https://127.0.0.1:3000/hooks", Some("https://127.0.0.1:3000/hooks")),
            ("a.test/h?b=1&c=http://d",      Some("http://a.test/h?b=1&c=http://d")),
            ("3000",                         Some("http://localhost:3000/")),
            ("3000/hooks?a=b",               Some("http://localhost:3000/hooks?a=b")),
            ("3000?a=b",                     Some("http://localhost:3000/?a=b")),
            ("/hooks",                       None),
            ("[::1]:3000",                   Some("http://[::1]:3000")),
            ("localhost?a=b",                Some("http://localhost?a=b")),
            (":3000",                        None),
            ("http://:3000",                 None),
            ("localhost:99999",              None),
            ("0",                            None),
            ("99999",                        None),
            ("ftp://localhost",              None),
            ("http://me@localhost",          None),
            ("localhost/#a",                 None),
            ("http://",                      None),
            ("",                             None),
        ] {
            assert_eq!(forward_url(given).ok().as_deref(), expect, "{given}");
        }
    }

    #[test]
    fn an_event_is_sent_with_its_headers_and_each_byte_of_its_body() {
        let body = "{\"a\" : 1,\n\"茶\":2}";
        let event = json!({ "headers": { "webhook-id": "msg_1", "content-type": "application/json", "host": "evil" }, "body": body });
        let request = request("http://localhost:3000/hooks", &event).unwrap();
        assert_eq!((request.method(), request.body().as_ref()), (&Method::POST, body.as_bytes()));
        assert_eq!(
            (&request.headers()["webhook-id"], request.headers().len()),
            (&HeaderValue::from_static("msg_1"), 2)
        );
    }
}
