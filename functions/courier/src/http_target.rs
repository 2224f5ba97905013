//! To a URL: the contract's POST, with the headers of Standard Webhooks beside the merchant's own.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use domain::{Timestamp, Unanswered, is_reserved_header};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{RETRY_AFTER, USER_AGENT},
};
use outbound::{Bounds, Outbound, OutboundError};

use crate::{
    ANSWER_BYTES_MAX, Answer, AttemptProblem, AttemptResult, DEADLINE, Request, Signed, Verdict, WebhookMessage,
    beginning, signed_headers,
};

const BOUNDS: Bounds = Bounds { deadline: DEADLINE, body_bytes_max: ANSWER_BYTES_MAX };

const MASK: &str = "***";

pub(crate) async fn bring(
    outbound: &Outbound,
    url: &str,
    signed: &Signed<'_>,
    message: &WebhookMessage,
) -> AttemptResult {
    let (headers, shown) = headers(signed, message);
    let told = Request { target: url.to_owned(), headers: shown };
    let mut request = http::Request::new(Bytes::from(message.body.clone()));
    *request.method_mut() = http::Method::POST;
    *request.headers_mut() = headers;
    match url.parse() {
        Ok(uri) => *request.uri_mut() = uri,
        Err(error) => {
            return AttemptResult::failed(told, Verdict::Unreachable, AttemptProblem::Url { why: error.to_string() });
        }
    }
    match outbound.send_and_cut(request, BOUNDS).await {
        Ok(answer) => judge(told, &answer, message.now),
        Err(error) => {
            let (verdict, why) = unanswered(&error);
            AttemptResult::failed(told, verdict, AttemptProblem::Unanswered { why })
        }
    }
}

/// Only HTTP 200 is success.
fn judge(request: Request, answer: &http::Response<Bytes>, now: Timestamp) -> AttemptResult {
    let status = answer.status();
    let (verdict, problem) = match status {
        StatusCode::OK => (Verdict::Received, None),
        _ if status.is_redirection() => (Verdict::Redirect, Some(AttemptProblem::Redirect { status: status.as_u16() })),
        _ => (Verdict::Status, Some(AttemptProblem::Status { status: status.as_u16() })),
    };
    let headers = answer.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let told = Answer { status: Some(status.as_u16()), headers: headers.collect(), body: beginning(answer.body()) };
    AttemptResult { request, answer: told, verdict, problem, retry_after: retry_after(answer.headers(), now) }
}

/// Why there is no answer.
pub(crate) fn why_unanswered(error: &OutboundError) -> Unanswered {
    unanswered(error).1
}

fn unanswered(error: &OutboundError) -> (Verdict, Unanswered) {
    match error {
        OutboundError::Forbidden(forbidden) => {
            (Verdict::Forbidden, Unanswered::Forbidden { address: forbidden.address().to_string() })
        }
        OutboundError::Connect { .. } => (Verdict::Unreachable, Unanswered::Connect),
        OutboundError::Client { .. } => (Verdict::Unreachable, Unanswered::Client),
        OutboundError::Broken { .. } => (Verdict::Broken, Unanswered::Broken),
        OutboundError::TooLong { body_bytes_max } => {
            (Verdict::Broken, Unanswered::TooLong { bytes_max: *body_bytes_max })
        }
        OutboundError::Deadline { deadline } => {
            (Verdict::Deadline, Unanswered::Deadline { seconds: deadline.as_secs() })
        }
    }
}

/// The headers of the request, and the same as they may be shown.
fn headers(signed: &Signed<'_>, message: &WebhookMessage) -> (HeaderMap, Vec<(String, String)>) {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("MaxPay/", env!("CARGO_PKG_VERSION"))));
    let mut shown = Vec::new();
    for (name, value) in signed.headers {
        let parsed = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.expose()));
        if let (Ok(header), Ok(mut value)) = parsed
            && !is_reserved_header(name)
        {
            value.set_sensitive(true);
            headers.insert(header, value);
            shown.push((name.clone(), MASK.to_owned()));
        }
    }
    for (name, text) in signed_headers(signed.secret, message) {
        if let (Ok(header), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&text)) {
            headers.insert(header, value);
            shown.push((name, text));
        }
    }
    (headers, shown)
}

/// Seconds, or the date of an HTTP header.
///
/// # Source
/// RFC 9110, 10.2.3.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let until = i64::try_from(until.as_millis()).ok().and_then(|ms| Timestamp::from_ms(ms).ok())?;
    Some(now.until(until))
}

#[cfg(test)]
mod tests {
    use domain::{RotatingKey, Secret};

    use super::*;

    #[test]
    #[rustfmt::skip]
    fn a_target_asks_for_time_in_seconds_or_by_a_date() {
        let now = Timestamp::from_ms(1_795_444_200_000).unwrap(); // Mon, 23 Nov 2026 14:30:00 GMT
        const CASES: &[(&str, Option<u64>)] = &[
            ("120",                           Some(120)),
            (" 0 ",                           Some(0)),
            ("Mon, 23 Nov 2026 14:32:00 GMT", Some(120)),
            ("Mon, 23 Nov 2026 14:00:00 GMT", Some(0)),
            ("-1",                            None),
            ("1.5",                           None),
            ("soon",                          None),
            ("",                              None),
        ];
        for (text, expect) in CASES {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
            assert_eq!(retry_after(&headers, now), expect.map(Duration::from_secs), "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_merchants_headers_are_sent_and_never_replace_ours() {
        let own = |name: &str| (name.to_owned(), Secret::new("theirs".to_owned()));
        let headers_of_theirs = [
            own("X-Shop"),
            own("User-Agent"),
            own("content-type"),
            own("Webhook-Id"),
            own("Host"),
            own("Content-Length"),
        ];
        let secret = RotatingKey::new(Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()));
        let signed = Signed { secret: &secret, headers: &headers_of_theirs };
        let message = WebhookMessage { id: "msg_1".to_owned(), body: "{}".to_owned(), now: Timestamp::clamped(1999) };
        let (headers, shown) = headers(&signed, &message);
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!((text("x-shop"), text("user-agent")), (Some("theirs"), Some("theirs")));
        assert_eq!((text("content-type"), text("webhook-id")), (Some("application/json"), Some("msg_1")));
        assert_eq!((text("webhook-timestamp"), text("host"), text("content-length")), (Some("1"), None, None));
        assert!(shown.iter().all(|(_, value)| value != "theirs") && shown.len() == 6);
    }
}
