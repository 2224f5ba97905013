//! Replies in the form of the wire contract.

use bytes::Bytes;
use domain::ApiCode;
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use serde::{Serialize, Serializer, ser::SerializeMap};
use tracing::{error, warn};

use crate::{ApiError, Reply, Retry, error_chain};

/// `{"code":0,"msg":"OK", ...}` with the members of `rest`, which must serialize as a map.
pub fn success(rest: &impl Serialize) -> Reply {
    #[derive(Serialize)]
    struct Success<'a, T> {
        code: u8,
        msg: &'static str,
        #[serde(flatten)]
        rest: &'a T,
    }
    json(StatusCode::OK, &Success { code: ApiCode::Ok.number(), msg: ApiCode::Ok.name(), rest })
}

/// `{"code":N,"msg":"NAME","err":"..."}`. Every documented failure is HTTP 200, because the PHP SDK reads no other body. Only an outage of
/// ours is 500 or 503.
pub fn failure(error: &ApiError) -> Reply {
    let code = error.code();
    log(error, code);
    let status = match error.retryable() {
        Retry::Storage => StatusCode::SERVICE_UNAVAILABLE,
        Retry::No | Retry::Unanswered | Retry::Answered(_) if code == ApiCode::RunTimeError => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        Retry::No | Retry::Unanswered | Retry::Answered(_) => StatusCode::OK,
    };
    json(status, &Failure { code, err: error.to_string() })
}

/// The reply when the function's time is over before its work is done. A call of the merchant's contract may be made again, and goes on
/// where it was. What an operator wanted to make may exist.
pub(crate) fn out_of_time() -> Reply {
    let err = "this took too long; it may have been done all the same".to_owned();
    json(StatusCode::SERVICE_UNAVAILABLE, &Failure { code: ApiCode::RunTimeError, err })
}

struct Failure {
    code: ApiCode,
    err: String,
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("code", &self.code.number())?;
        map.serialize_entry("msg", self.code.name())?;
        map.serialize_entry("err", &self.err)?;
        map.end()
    }
}

/// Our own faults are errors, which wake somebody. Faults of the provider or of a setting are warnings. Bad input is not logged.
fn log(error: &ApiError, code: ApiCode) {
    match code {
        ApiCode::RunTimeError => error!(api.code = code.number(), "{}", error_chain(error)),
        ApiCode::CertFileError | ApiCode::ChannelError => warn!(api.code = code.number(), "{}", error_chain(error)),
        ApiCode::Ok
        | ApiCode::AppInvalid
        | ApiCode::PayFactorNotSet
        | ApiCode::ChannelInvalid
        | ApiCode::MissParam
        | ApiCode::ParamInvalid => {}
    }
}

/// The request did not come through the front. API Gateway answers in these words, too.
pub(crate) fn forbidden() -> Reply {
    json(StatusCode::FORBIDDEN, &serde_json::json!({ "message": "Forbidden" }))
}

/// The reply for a path without an answer. API Gateway sends no such request.
pub fn not_found() -> Reply {
    json(StatusCode::NOT_FOUND, &serde_json::json!({ "message": "Not Found" }))
}

/// A JSON reply.
pub fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    let (status, body) = match serde_json::to_vec(body) {
        Ok(body) => (status, body),
        // A body has only strings, numbers and checked JSON. If it cannot be written all the same, that is a fault of ours.
        Err(error) => {
            error!("a reply could not be written: {error}");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                br#"{"code":14,"msg":"RUN_TIME_ERROR","err":"the reply failed"}"#.to_vec(),
            )
        }
    };
    let mut reply = Reply::new(Bytes::from(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    reply
}
