//! Reading cookies.

use http::{HeaderMap, header};

/// Browsers keep at most 4 KiB a cookie. A request with more cookies than this does not come from a browser.
const COOKIES_MAX: usize = 100;

/// The value of the cookie `name`.
pub(crate) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        lines.flat_map(|line| line.split(';')).take(COOKIES_MAX).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}
