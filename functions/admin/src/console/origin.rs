//! The origin of a form. Browsers name it in two headers. A request without both does not come from a page in a browser.

use http::{HeaderMap, Uri, header};
use runtime::{Config, Request};

/// Whether a page of another origin sent the request.
pub(crate) fn is_elsewhere(request: &Request, config: &Config) -> bool {
    let site = request.headers().get("sec-fetch-site").map(|site| site.to_str().unwrap_or_default());
    let is_foreign_site = site.is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let host = authority(request);
    let own = |origin: &str| is_own(origin, host, config);
    let mut origins = request.headers().get_all(header::ORIGIN).into_iter();
    is_foreign_site || origins.any(|origin| !origin.to_str().is_ok_and(own))
}

/// Whether the origin is the public address, or the address at which this request arrived: a stack still answers at its old address after
/// it got a domain. Only the local stack is reached without https.
fn is_own(origin: &str, host: Option<&str>, config: &Config) -> bool {
    let Ok(origin) = origin.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (origin.scheme_str(), origin.authority()) else { return false };
    let public = config.public_url.parse::<Uri>().ok();
    let is_public = public.is_some_and(|public| {
        public.scheme_str() == Some(scheme) && public.authority().is_some_and(|own| own.as_str() == authority.as_str())
    });
    let is_spoken = scheme == "https" || (scheme == "http" && config.local.is_some());
    is_public || (is_spoken && host.is_some_and(|host| host.eq_ignore_ascii_case(authority.as_str())))
}

fn authority(request: &Request) -> Option<&str> {
    let headers: &HeaderMap = request.headers();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| request.uri().authority().map(|authority| authority.as_str()))
}
