//! The front before the API, if the stack has one: CloudFront with a firewall.
//!
//! API Gateway also answers strangers that know its own address. With a front, a function takes only requests that carry the front's secret.
//! Only those may state the payer's address in CloudFront's header: anybody can send such a header.

use domain::{PayerAddress, Secret};
use http::HeaderMap;
use ring::digest::{SHA256, digest};
use subtle::{Choice, ConstantTimeEq};

use crate::{ClientIp, Request, config::find_variable};

/// CloudFront replaces this header if a caller sends it (`infra/front.yaml`).
const SECRET: &str = "x-origin-secret";

/// The viewer's address and port: `203.0.113.7:46532`.
const VIEWER: &str = "cloudfront-viewer-address";

/// Whose requests a function takes.
#[derive(Clone, Debug)]
pub(crate) enum Front {
    /// Everybody's. API Gateway states the caller's address.
    Open,
    /// Only those of CloudFront, which sends one of these secrets.
    Closed(Vec<Secret<String>>),
}

impl Front {
    /// `MAXPAY_ORIGIN_SECRET` holds the secrets that are accepted, separated by a space: two while the secret is changed, none without a
    /// front.
    pub(crate) fn from_environment() -> Self {
        Self::new(&find_variable("MAXPAY_ORIGIN_SECRET").unwrap_or_default())
    }

    fn new(secrets: &str) -> Self {
        let secrets: Vec<_> = secrets.split_whitespace().map(|one| Secret::new(one.to_owned())).collect();
        if secrets.is_empty() { Self::Open } else { Self::Closed(secrets) }
    }

    /// The request as the function sees it. `None` if it did not come through the front.
    pub(crate) fn admit(&self, mut request: Request) -> Option<Request> {
        let Self::Closed(secrets) = self else { return Some(request) };
        if !carries_one_of(secrets, request.headers()) {
            return None;
        }
        request.headers_mut().remove(SECRET);
        // API Gateway saw an address of CloudFront's.
        request.extensions_mut().remove::<ClientIp>();
        if let Some(address) = viewer(request.headers()) {
            request.extensions_mut().insert(ClientIp::new(&address.to_string()));
        }
        Some(request)
    }
}

/// Compares in constant time: hashes, so that the length does not show either, and all of them, so that the first that fits does not show.
fn carries_one_of(secrets: &[Secret<String>], headers: &HeaderMap) -> bool {
    let mut sent = headers.get_all(SECRET).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else { return false };
    let found = digest(&SHA256, value.as_bytes());
    let fits = |secret: &Secret<String>| digest(&SHA256, secret.expose().as_bytes()).as_ref().ct_eq(found.as_ref());
    secrets.iter().fold(Choice::from(0), |any, secret| any | fits(secret)).into()
}

/// The address without the port. An IPv6 address may stand in brackets.
fn viewer(headers: &HeaderMap) -> Option<PayerAddress> {
    let (address, port) = headers.get(VIEWER)?.to_str().ok()?.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    PayerAddress::parse(bare.unwrap_or(address))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::client_ip;

    const OURS: &str = "Rj2vK0sWb8nQy5tLx3dCf7hGm1pZa6eUo9iTw4kVr2";
    const EDGE: &str = "192.0.2.1";

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut request = http::Request::builder().uri("/2.0/maxpay/bill");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Bytes::new()).unwrap();
        request.extensions_mut().insert(ClientIp::new(EDGE));
        request
    }

    #[test]
    fn without_a_front_everybody_is_taken_and_no_header_states_an_address() {
        for headers in [&[][..], &[(VIEWER, "203.0.113.7:1")], &[(SECRET, OURS), (VIEWER, "203.0.113.7:1")]] {
            let admitted = Front::new("").admit(request(headers)).unwrap();
            assert_eq!(client_ip(&admitted), Some(EDGE), "{headers:?}");
        }
    }

    #[test]
    fn a_front_is_proved_by_one_of_its_secrets_and_nothing_else() {
        let wrong = OURS.replace('R', "r");
        let (half, both) = (&OURS[1..], format!("{OURS} other"));
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], bool);
        #[rustfmt::skip]
        let cases: &[Case<'_>] = &[
            (OURS,  &[],                                false),
            (OURS,  &[(SECRET, "")],                    false),
            (OURS,  &[(SECRET, &wrong)],                false),
            (OURS,  &[(SECRET, half)],                  false),
            (OURS,  &[(SECRET, OURS), (SECRET, OURS)],  false),
            (OURS,  &[(VIEWER, "203.0.113.7:1")],       false),
            (OURS,  &[(SECRET, OURS)],                  true),
            (&both, &[(SECRET, OURS)],                  true),
            (&both, &[(SECRET, "other")],               true),
            (&both, &[(SECRET, &both)],                 false),
        ];
        for (secrets, headers, expect) in cases {
            assert_eq!(Front::new(secrets).admit(request(headers)).is_some(), *expect, "{secrets} {headers:?}");
        }
    }

    #[test]
    fn the_callers_address_is_the_one_that_the_front_states() {
        #[rustfmt::skip]
        let cases = [
            (Some("203.0.113.7:46532"),         Some("203.0.113.7")),
            (Some("[2001:db8::1]:443"),         Some("2001:db8::1")),
            (Some("2001:db8::1:443"),           Some("2001:db8::1")),
            (Some("::ffff:203.0.113.7:443"),    Some("203.0.113.7")),
            (Some("203.0.113.7"),               None),
            (Some("203.0.113.7:x"),             None),
            (Some("198.51.100.1, 203.0.113.7:1"), None),
            (Some(""),                          None),
            (None,                              None),
        ];
        for (said, expect) in cases {
            let headers = [(SECRET, OURS)].into_iter().chain(said.map(|said| (VIEWER, said))).collect::<Vec<_>>();
            let admitted = Front::new(OURS).admit(request(&headers)).unwrap();
            assert_eq!(client_ip(&admitted), expect, "{said:?}");
            assert!(!admitted.headers().contains_key(SECRET), "the secret goes no further");
        }
    }

    #[test]
    fn the_secret_is_not_printed() {
        assert!(!format!("{:?}", Front::new(OURS)).contains(OURS));
    }
}
