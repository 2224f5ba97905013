//! The in-app browsers of the wallets, for tests and for a person with an ordinary browser.
//!
//! `GET /_local/simulator/<wallet>/browser?url=<address of this stack>&payer=<name>` sets a cookie and goes to the address. From then on, and
//! until `?leave`, the stack treats this browser as the wallet's: its requests have the wallet's user agent, and each page gets the script of
//! the wallet's bridge before its own. As in the real app, that script is not subject to the page's content security policy.

use std::sync::LazyLock;

use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::Next,
    response::{Html, IntoResponse, Response},
    routing,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderValue, StatusCode, Uri,
    header::{CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE, USER_AGENT},
};
use http_body_util::BodyExt;
use ring::digest::{SHA256, digest};
use simulators::Wallet;

use crate::pages;

const WALLET: &str = "simulatedWallet";
const PAYER: &str = "simulatedPayer";
/// The longest page that gets a script.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The operator's own pages, and those of the stack, are never inside a wallet.
const OUTSIDE: [&str; 3] = ["/console", "/admin", "/_local/"];

/// WeChat opens none of Alipay's pages.
const ALIPAYS: &str = "/simulator/alipay/";

/// A script and its hash for a content security policy.
struct Script {
    wallet: Wallet,
    text: String,
    hash: String,
}

static SCRIPTS: LazyLock<[Script; 3]> = LazyLock::new(|| {
    Wallet::ALL.map(|wallet| {
        let text = wallet.script();
        let hash = format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())));
        Script { wallet, text, hash }
    })
});

/// The routes of all browsers. A simulator has its own routes below the same path, so each route names its wallet.
pub(crate) fn router() -> Router {
    Wallet::ALL.into_iter().fold(Router::new(), |router, wallet| {
        let path = format!("/_local/simulator/{}/browser", wallet.name());
        router.route(&path, routing::get(move |request: Request| std::future::ready(enter(wallet, &request))))
    })
}

/// Opens the browser at an address, leaves it, or shows the form for an address.
fn enter(wallet: Wallet, request: &Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let pairs: Vec<(String, String)> = form(query);
    let value = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    if value("leave").is_some() {
        return go("/", [cookie(WALLET, ""), cookie(PAYER, "")]);
    }
    let Some(address) = value("url").filter(|address| !address.is_empty()) else {
        return pages::browser(wallet).into_response();
    };
    let payer = value("payer").unwrap_or_default();
    let is_name = payer.len() <= 32 && payer.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let Some(path) = own_path(address, request.headers()).filter(|_| is_name) else {
        let why = "url must be an address of this stack, and payer a name of letters and digits";
        return (StatusCode::BAD_REQUEST, Html(pages::trouble(why))).into_response();
    };
    go(&path, [cookie(WALLET, wallet.name()), cookie(PAYER, payer)])
}

/// The path and query of an address of this stack.
fn own_path(address: &str, headers: &HeaderMap) -> Option<String> {
    let uri: Uri = address.parse().ok()?;
    let own = headers.get("host").and_then(|host| host.to_str().ok());
    let is_own = match uri.authority() {
        Some(authority) => Some(authority.as_str()) == own,
        None => address.starts_with('/') && !address.starts_with("//"),
    };
    uri.path_and_query().filter(|_| is_own).map(ToString::to_string)
}

fn form(query: &str) -> Vec<(String, String)> {
    let base = format!("http://stack/?{query}");
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&base.parse().unwrap_or_default());
    pairs.map(|axum::extract::Query(pairs)| pairs).unwrap_or_default()
}

/// A cookie of this browser session. An empty value removes it.
fn cookie(name: &str, value: &str) -> String {
    let end = if value.is_empty() { "; Max-Age=0" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{end}")
}

fn go(path: &str, cookies: [String; 2]) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(path) {
        headers.insert(LOCATION, location);
    }
    for cookie in cookies.into_iter().filter_map(|cookie| HeaderValue::from_str(&cookie).ok()) {
        headers.append(SET_COOKIE, cookie);
    }
    response
}

/// Plays the wallet around every request of a browser that has its cookie.
pub(crate) async fn around(mut request: Request, next: Next) -> Response {
    let script = script_of(request.headers()).filter(|_| is_inside(request.uri().path()));
    let Some(script) = script else { return next.run(request).await };
    if script.wallet == Wallet::Wechat && request.uri().path().starts_with(ALIPAYS) {
        return Html(pages::blocked()).into_response();
    }
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(script.wallet.user_agent()));
    let response = next.run(request).await;
    let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page { with_script(response, script).await } else { response }
}

fn is_inside(path: &str) -> bool {
    !OUTSIDE.iter().any(|outside| path.starts_with(outside))
}

fn script_of(headers: &HeaderMap) -> Option<&'static Script> {
    let cookies =
        headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    let mut pairs = cookies.filter_map(|pair| pair.trim().split_once('='));
    let wallet = pairs.find(|(name, _)| *name == WALLET).and_then(|(_, name)| Wallet::find(name))?;
    SCRIPTS.iter().find(|script| script.wallet == wallet)
}

async fn with_script(response: Response, script: &Script) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(page) = http_body_util::Limited::new(body, PAGE_BYTES_MAX).collect().await else {
        return (StatusCode::BAD_GATEWAY, Html(pages::trouble("the page is cut off or too long"))).into_response();
    };
    let page = String::from_utf8_lossy(&page.to_bytes()).into_owned();
    parts.headers.remove(CONTENT_LENGTH);
    let policies: Vec<HeaderValue> = parts.headers.get_all(CONTENT_SECURITY_POLICY).iter().cloned().collect();
    parts.headers.remove(CONTENT_SECURITY_POLICY);
    for policy in policies {
        let admitted = policy.to_str().ok().and_then(|policy| HeaderValue::from_str(&admit(policy, &script.hash)).ok());
        parts.headers.append(CONTENT_SECURITY_POLICY, admitted.unwrap_or(policy));
    }
    Response::from_parts(parts, Body::from(injected(&page, &script.text)))
}

/// The page with the script before all others.
fn injected(page: &str, script: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let after = |tag: &str| lower.find(tag).and_then(|at| Some(at + lower.get(at..)?.find('>')? + 1));
    let at = after("<head>")
        .or_else(|| after("<head "))
        .or_else(|| after("<html"))
        .or_else(|| after("<!doctype"))
        .unwrap_or(0);
    let (before, rest) = page.split_at_checked(at).unwrap_or(("", page));
    format!("{before}<script>{script}</script>{rest}")
}

/// A policy that lets the script run and call the stack.
fn admit(policy: &str, hash: &str) -> String {
    let mut directives: Vec<(String, String)> = policy
        .split(';')
        .filter_map(|directive| {
            let directive = directive.trim();
            let (name, sources) = directive.split_once(' ').unwrap_or((directive, ""));
            (!name.is_empty()).then(|| (name.to_ascii_lowercase(), sources.trim().to_owned()))
        })
        .collect();
    let usual = directives.iter().find(|(name, _)| name == "default-src").map(|(_, sources)| sources.clone());
    for (name, source) in [("script-src", hash), ("connect-src", "'self'")] {
        if let Some((_, sources)) = directives.iter_mut().find(|(known, _)| known == name) {
            *sources = with_source(sources, source);
            continue;
        }
        // Without either directive, everything is allowed.
        directives.extend(usual.as_deref().map(|usual| (name.to_owned(), with_source(usual, source))));
    }
    directives.into_iter().map(|(name, sources)| format!("{name} {sources}")).collect::<Vec<_>>().join("; ")
}

fn with_source(sources: &str, source: &str) -> String {
    let kept = sources.split_ascii_whitespace().filter(|known| *known != "'none'" && *known != source);
    kept.chain([source]).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn a_policy_admits_the_script_and_nothing_more() {
        for (policy, expect) in [
            ("default-src 'none'; style-src 'self'",         "default-src 'none'; style-src 'self'; script-src H; connect-src 'self'"),
            ("script-src 'sha256-A'; connect-src 'self'",    "script-src 'sha256-A' H; connect-src 'self'"),
            ("default-src 'self'; script-src 'none'",        "default-src 'self'; script-src H; connect-src 'self'"),
            ("frame-ancestors 'none'",                       "frame-ancestors 'none'"),
        ] {
            assert_eq!(admit(policy, "H"), expect);
        }
    }

    #[test]
    fn the_script_comes_before_the_pages_own() {
        for (page, expect) in [
            (
                "<!doctype html><html><head><script>a</script>",
                "<!doctype html><html><head><script>S</script><script>a</script>",
            ),
            (
                "<!doctype html><HTML lang=en><meta charset=utf-8>",
                "<!doctype html><HTML lang=en><script>S</script><meta charset=utf-8>",
            ),
            ("text", "<script>S</script>text"),
        ] {
            assert_eq!(injected(page, "S"), expect);
        }
    }

    #[test]
    fn only_addresses_of_this_stack_are_opened() {
        let headers = HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_static("127.0.0.1:8787"))]);
        for (address, expect) in [
            ("/pay/t?a=b", Some("/pay/t?a=b")),
            ("http://127.0.0.1:8787/pay/t", Some("/pay/t")),
            ("http://127.0.0.1:8788/pay/t", None),
            ("https://evil.example/pay/t", None),
            ("//evil.example/pay/t", None),
            ("javascript:alert(1)", None),
        ] {
            assert_eq!(own_path(address, &headers).as_deref(), expect, "{address}");
        }
    }
}
