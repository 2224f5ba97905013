//! Where secrets are sent. A mask keeps the saved secret only if the destination stays the same. Otherwise a person who may change an
//! address, but may not see a secret, could send the secret to an address of their own.

use http::Uri;
use providers::MASK;

/// The server that a URL reaches. Two URLs that differ only in their paths have the same destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    scheme: String,
    host: String,
    port: u16,
}

impl Destination {
    /// `None` if it is not an `http` or `https` URL.
    pub(crate) fn of(url: &str) -> Option<Self> {
        let uri = url.parse::<Uri>().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        Some(Self { scheme, host, port: uri.port_u16().unwrap_or(usual) })
    }
}

/// Whether a URL contains a user name, with or without a password.
pub(crate) fn names_user(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| uri.authority().is_some_and(|authority| authority.as_str().contains('@')))
}

/// A URL as it may be shown. Its query may contain a token, so it is masked. The user name and the part after `#` are left out: they are
/// never sent. Earlier versions accepted both.
pub(crate) fn shown(url: &str) -> String {
    let sent = url.split('#').next().unwrap_or_default();
    let (address, query) = sent.split_once('?').unwrap_or((sent, ""));
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let (authority, path) = rest.find('/').map_or((rest, ""), |place| rest.split_at(place));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let mask = if query.is_empty() { String::new() } else { format!("?{MASK}") };
    format!("{scheme}://{host}{path}{mask}")
}

/// The part of a URL before its masked query. `None` if it has no query, or one that is not the mask.
pub(crate) fn before_mask(url: &str) -> Option<&str> {
    let (address, query) = url.split_once('?')?;
    (query == MASK).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn a_destination_is_scheme_host_and_port() {
        const CASES: &[(&str, &str, bool)] = &[
            ("https://shop.example/a",      "https://shop.example/b?c=d",      true),
            ("https://shop.example",        "HTTPS://SHOP.example:443/",       true),
            ("http://shop.example",         "http://shop.example:80/",         true),
            ("https://shop.example/",       "http://shop.example/",            false),
            ("https://shop.example/",       "https://shop.example:8443/",      false),
            ("https://shop.example/",       "https://shop.example.evil.test/", false),
            ("https://shop.example/",       "https://evil.test/shop.example",  false),
            ("https://shop.example/",       "https://shop.example@evil.test/", false),
            ("https://[::1]/",              "https://[::1]:443/",              true),
        ];
        for (one, other, same) in CASES {
            let (one, other) = (Destination::of(one).unwrap(), Destination::of(other).unwrap());
            assert_eq!(one == other, *same, "{one:?} {other:?}");
        }
        for none in ["", "shop.example", "/a", "ftp://shop.example/", "https://", "https:///a", "https://shop.example\\@evil.test/"] {
            assert_eq!(Destination::of(none), None, "{none}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn a_url_is_shown_without_its_secrets() {
        const CASES: &[(&str, &str)] = &[
            ("https://shop.example/paid",                      "https://shop.example/paid"),
            ("https://shop.example/paid?",                     "https://shop.example/paid"),
            ("https://shop.example/paid?token=hush&a=b?c",     "https://shop.example/paid?***"),
            ("https://shop.example?token=hush",                "https://shop.example?***"),
            ("https://me:hush@shop.example:8443/paid",         "https://shop.example:8443/paid"),
            ("https://me:hush@shop.example?token=hush#hush",   "https://shop.example?***"),
            ("https://shop.example/a@b",                       "https://shop.example/a@b"),
            ("https://shop.example/paid#hush?hush",            "https://shop.example/paid"),
        ];
        for (url, expect) in CASES {
            assert_eq!(shown(url), *expect, "{url}");
        }
        assert!(names_user("https://me@shop.example/") && names_user("https://me:hush@shop.example/"));
        assert!(!names_user("https://shop.example/a@b"));
        assert_eq!(before_mask("https://shop.example/a?***"), Some("https://shop.example/a"));
        assert_eq!((before_mask("https://shop.example/***"), before_mask("https://shop.example/?***&a")), (None, None));
    }
}
