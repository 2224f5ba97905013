//! What the merchants registered at WeChat: the domain of the web authorisation, and the directory of the pages that pay by JSAPI. Without
//! them, they are those of this stack.

use serde::Deserialize;

use super::simulator::Simulator;
use crate::kit::reply::Reply;

/// A wrong answer of the authorisation's next exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum OauthFault {
    /// `errcode` -1.
    Busy,
    /// The payer sees a snapshot of the page under a made-up account.
    Snapshot,
    /// A proxy's error page with status 200.
    Garbage,
}

/// The registrations, the same for all merchants.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Registered {
    /// The host to which the web authorisation may send a browser back.
    pub(super) domain: Option<String>,
    /// The host of the pages that go to `h5_url`. If it is given, their Referer must name it; otherwise it is not checked.
    pub(super) h5_domain: Option<String>,
    /// The address of the directory (支付授权目录), with its slash at the end.
    pub(super) directory: Option<String>,
    pub(super) oauth_fault: Option<OauthFault>,
}

/// `POST /_local/simulator/wechat/registered`: replaces all of it.
pub(super) fn change(simulator: &Simulator, body: &[u8]) -> Reply {
    match serde_json::from_slice(body) {
        Ok(registered) => {
            simulator.with(|ledger, _| ledger.registered = registered);
            Reply::json(200, &serde_json::json!({}))
        }
        Err(error) => Reply::json_error(400, error.to_string()),
    }
}

/// Whether a page lies in the registered directory. A directory of one level or more must be the page's own; that of a whole domain has
/// every page of it.
///
/// # Source
/// WeChat Pay's rules of 支付授权目录.
pub(super) fn lies_in(page: &str, directory: &str) -> bool {
    let page = page.split(['?', '#']).next().unwrap_or_default();
    let Some((_, path)) = directory.split_once("://").and_then(|(_, rest)| rest.split_once('/')) else { return false };
    if path.is_empty() {
        return page.starts_with(directory);
    }
    page.rsplit_once('/').is_some_and(|(own, _)| directory.strip_suffix('/') == Some(own))
}

/// The host of an address, without its port.
pub(super) fn host_of(address: &str) -> Option<String> {
    let uri: http::Uri = address.parse().ok()?;
    uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
    uri.host().map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::lies_in;

    #[test]
    #[rustfmt::skip]
    fn a_directory_is_matched_as_a_whole_and_a_domain_by_its_host() {
        for (page, directory, expect) in [
            ("https://m.test/pay/t",        "https://m.test/",      true),
            ("https://m.test/pay/t?a=/b/c", "https://m.test/pay/",  true),
            ("https://m.test/pay/t/wx",     "https://m.test/pay/",  false),
            ("https://m.test/pay",          "https://m.test/pay/",  false),
            ("https://m.test/pay/t",        "https://m.test/pay",   false),
            ("http://m.test/pay/t",         "https://m.test/",      false),
            ("https://a.m.test/pay/t",      "https://m.test/",      false),
        ] {
            assert_eq!(lies_in(page, directory), expect, "{page} {directory}");
        }
    }
}
