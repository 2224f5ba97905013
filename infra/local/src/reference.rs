//! The API reference at `/docs`: Swagger UI, which a crate brings as an archive, over `docs/openapi.yaml`. Its page may load nothing from
//! another host, and a call that is tried there goes to this stack.
//!
//! It is for development only: a deployed stack has no such page.

use std::{
    borrow::Cow,
    io::{Cursor, Read},
};

use axum::{
    Router,
    http::{HeaderName, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing,
};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

const DOCUMENT: &str = include_str!("../../../docs/openapi.yaml");

const PAGE: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
     <title>MaxPay API</title><link rel=stylesheet href='/docs/swagger-ui.css'><link rel=icon href='/favicon.ico'>\
     <main id=reference></main><script src='/docs/swagger-ui-bundle.js'></script><script src='/docs/start.js'></script></html>";

/// The document names the host of a deployed stack. Here every call goes to the stack that serves the page, whatever its port.
const START: &str = "SwaggerUIBundle({ url: '/docs/openapi.yaml', dom_id: '#reference', deepLinking: true, filter: true, \
     validatorUrl: null, defaultModelsExpandDepth: 0, persistAuthorization: false, requestInterceptor: (request) => { \
     request.url = request.url.replace(/^https?:\\/\\/[^/]+/, location.origin); return request; } });";

/// A page of Swagger UI sets styles from its script; it needs nothing else that a strict policy forbids.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files of the archive that the page loads, which are a megabyte and a half of JavaScript and a style sheet. The longest has this many
/// bytes at the most.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The routes of the reference.
pub(crate) fn router() -> Router {
    let page = async || served("text/html; charset=utf-8", PAGE);
    Router::new()
        .route("/docs", routing::get(page))
        .route("/docs/", routing::get(page))
        .route("/docs/start.js", routing::get(async || served("text/javascript; charset=utf-8", START)))
        .route("/docs/openapi.yaml", routing::get(async || served("application/yaml; charset=utf-8", DOCUMENT)))
        .route("/docs/swagger-ui.css", routing::get(async || unpacked("swagger-ui.css", "text/css; charset=utf-8")))
        .route(
            "/docs/swagger-ui-bundle.js",
            routing::get(async || unpacked("swagger-ui-bundle.js", "text/javascript; charset=utf-8")),
        )
}

fn served(content_type: &'static str, body: impl IntoResponse) -> Response {
    const GUARDS: [(&str, &str); 4] = [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-cache"),
    ];
    let guards = GUARDS.map(|(name, value)| (HeaderName::from_static(name), value));
    (guards, [(CONTENT_TYPE, content_type)], body).into_response()
}

fn unpacked(file: &str, content_type: &'static str) -> Response {
    match unpack(file) {
        Ok(content) => served(content_type, content),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{file}: {error}")).into_response(),
    }
}

/// A file of the folder `dist` of the archive.
fn unpack(file: &str) -> Result<Vec<u8>, zip::result::ZipError> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    // The folder above `dist` is named after the version.
    let is_it = |name: &str| name.split_once('/').is_some_and(|(_, path)| path.strip_prefix("dist/") == Some(file));
    let name = archive.file_names().filter_map(Result::ok).find(|name| is_it(name)).map(Cow::into_owned);
    let packed = archive.by_name(&name.ok_or(zip::result::ZipError::FileNotFound)?)?;
    let mut content = Vec::new();
    packed.take(FILE_BYTES_MAX).read_to_end(&mut content)?;
    Ok(content)
}
