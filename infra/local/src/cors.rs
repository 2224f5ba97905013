//! Plays the CORS of an HTTP API as API Gateway documents it. The API answers preflights itself. It ignores the CORS headers that a
//! function sends, and adds its own to answers for a browser of another origin.
//!
//! API Gateway documents that it answers a preflight if no route takes OPTIONS. It does not say clearly whether a route with ANY or the
//! default route takes one. Here only a route with OPTIONS in its key does.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    },
};
use serde::Deserialize;

/// `CorsConfiguration` of the template's API. Members that are not listed here are not supported, so they are errors.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Cors {
    /// Who may call: origins, or `*`.
    pub allow_origins: Vec<String>,
    /// With which methods.
    pub allow_methods: Vec<String>,
    /// With which headers, besides those that every page may send.
    pub allow_headers: Vec<String>,
    /// How many seconds a browser may keep the answer to a preflight.
    pub max_age: u32,
}

impl Cors {
    /// The answer to a browser that asks whether a page may call. `None` for any other request.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response<Bytes>> {
        let asks = method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let origin = headers.get(ORIGIN).filter(|_| asks)?;
        let mut reply = Response::new(Bytes::new());
        *reply.status_mut() = StatusCode::NO_CONTENT;
        self.dress(Some(origin), &mut reply);
        if reply.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            put(&mut reply, ACCESS_CONTROL_ALLOW_METHODS, &self.allow_methods.join(","));
            put(&mut reply, ACCESS_CONTROL_ALLOW_HEADERS, &self.allow_headers.join(","));
            put(&mut reply, ACCESS_CONTROL_MAX_AGE, &self.max_age.to_string());
        }
        Some(reply)
    }

    /// Removes a function's own CORS headers, and allows a page of another origin to read the answer.
    pub(crate) fn dress(&self, origin: Option<&HeaderValue>, reply: &mut Response<Bytes>) {
        let own = reply.headers().keys().filter(|name| name.as_str().starts_with("access-control-"));
        for name in own.cloned().collect::<Vec<_>>() {
            reply.headers_mut().remove(name);
        }
        let Some(origin) = origin.and_then(|origin| origin.to_str().ok()) else { return };
        let allowed = self.allow_origins.iter().find(|one| *one == "*" || *one == origin);
        if let Some(allowed) = allowed {
            put(reply, ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        }
    }
}

/// A text of the template that no header can carry is left out.
fn put(reply: &mut Response<Bytes>, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        reply.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origin: &str) -> Cors {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Cors {
            allow_origins: texts(&[origin]),
            allow_methods: texts(&["GET", "POST"]),
            allow_headers: texts(&["content-type", "x-ml-appid"]),
            max_age: 60,
        }
    }

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_preflight_is_answered_and_nothing_else_is() {
        let page = (ORIGIN, "https://shop.example");
        let asked = headers(&[page.clone(), (ACCESS_CONTROL_REQUEST_METHOD, "POST")]);
        let reply = cors("*").preflight(&Method::OPTIONS, &asked).unwrap();
        assert_eq!(reply.status(), StatusCode::NO_CONTENT);
        let found: Vec<_> =
            reply.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let expect = [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", "GET,POST"),
            ("access-control-allow-headers", "content-type,x-ml-appid"),
            ("access-control-max-age", "60"),
        ];
        assert_eq!(found, expect);
        assert!(cors("*").preflight(&Method::POST, &asked).is_none());
        assert!(cors("*").preflight(&Method::OPTIONS, &headers(&[page])).is_none());
        assert!(cors("*").preflight(&Method::OPTIONS, &headers(&[(ACCESS_CONTROL_REQUEST_METHOD, "POST")])).is_none());
    }

    #[test]
    fn an_origin_that_is_not_listed_is_told_nothing() {
        let asked = headers(&[(ORIGIN, "https://shop.example"), (ACCESS_CONTROL_REQUEST_METHOD, "POST")]);
        let listed = cors("https://shop.example").preflight(&Method::OPTIONS, &asked).unwrap();
        assert_eq!(listed.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "https://shop.example");
        let other = cors("https://other.example").preflight(&Method::OPTIONS, &asked).unwrap();
        assert!(other.headers().is_empty(), "{other:?}");
    }

    #[test]
    fn the_headers_of_a_function_are_those_of_the_api() {
        let mut reply = Response::new(Bytes::new());
        reply.headers_mut().insert("access-control-allow-credentials", HeaderValue::from_static("true"));
        reply.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("https://evil.example"));
        let mut silent = reply.clone();
        cors("*").dress(Some(&HeaderValue::from_static("https://shop.example")), &mut reply);
        assert_eq!(reply.headers().len(), 1);
        assert_eq!(reply.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        cors("*").dress(None, &mut silent);
        assert!(silent.headers().is_empty());
    }
}
