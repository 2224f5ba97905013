//! The answer to a call, and the checks that specs make on it.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

/// A complete answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The codes of the wire contract, with their names.
const NAMES: [(i64, &str); 9] = [
    (0, "OK"),
    (1, "APP_INVALID"),
    (2, "PAY_FACTOR_NOT_SET"),
    (3, "CHANNEL_INVALID"),
    (4, "MISS_PARAM"),
    (5, "PARAM_INVALID"),
    (6, "CERT_FILE_ERROR"),
    (7, "CHANNEL_ERROR"),
    (14, "RUN_TIME_ERROR"),
];

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }

    /// Any `code`; its name must fit.
    #[track_caller]
    pub(crate) fn code(&self) -> i64 {
        let json = self.json();
        let code = json["code"].as_i64().unwrap_or_else(|| panic!("no code: {json}"));
        let name = NAMES.iter().find(|(known, _)| *known == code).map(|(_, name)| *name);
        assert_eq!(json["msg"].as_str(), name, "{json}");
        code
    }

    /// Success as the wire contract defines it.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!((self.status, self.code()), (200, 0), "{}", self.text());
        assert!(self.header("content-type").starts_with("application/json"), "{self:?}");
        self.json()
    }

    /// Failure as the wire contract defines it: HTTP 200, the code, its name, and an `err` that contains `word`.
    #[track_caller]
    pub(crate) fn refused(&self, code: i64, word: &str) {
        assert_eq!((self.status, self.code()), (200, code), "{}", self.text());
        let json = self.json();
        let err = json["err"].as_str().unwrap_or_default();
        assert!(!err.is_empty() && err.contains(word), "`{word}` is not in: {json}");
        assert!(json.get("id").is_none(), "{json}");
        assert!(self.header("content-type").starts_with("application/json"), "{self:?}");
    }

    /// Success in the operator API.
    #[track_caller]
    pub(crate) fn done(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// Failure in the operator API: RFC 9457, with `word` in the detail.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, word: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let json = self.json();
        assert_eq!(json["status"], status, "{json}");
        assert_eq!(json["type"], "about:blank", "{json}");
        assert!(json["title"].as_str().is_some_and(|title| !title.is_empty()), "{json}");
        assert!(json["detail"].as_str().is_some_and(|detail| detail.contains(word)), "`{word}` is not in: {json}");
    }

    /// The target of a redirect.
    #[track_caller]
    pub(crate) fn location(&self, status: u16) -> String {
        // Of a page only the content after its styles.
        assert_eq!(self.status, status, "{}", self.text().rsplit("</style>").next().unwrap_or_default());
        self.header("location").to_owned()
    }
}
