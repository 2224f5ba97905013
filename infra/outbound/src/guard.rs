//! The address guard. It says which addresses a merchant's URL may lead to.
//!
//! A name is allowed only if all its addresses are allowed. The connection is made to one of these addresses: the name is not looked up a
//! second time.

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// Which addresses are allowed besides the public ones.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allowed: Arc<[IpNet]>,
    own: Option<IpAddr>,
}

/// A text that is not a list of ranges.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("allowed targets must be ranges such as 10.1.0.0/16 or fd00::/8, separated by commas; found `{found}`")]
pub struct InvalidRange {
    found: String,
}

/// An address that must not be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} is not a public address")]
pub struct Forbidden {
    address: IpAddr,
}

impl Forbidden {
    /// The address.
    pub fn address(&self) -> IpAddr {
        self.address
    }
}

/// The ranges that no host in the public internet has.
///
/// # Source
/// IANA's registry of special-purpose IPv4 addresses; RFC 6890, 1112 and 5771.
const CLOSED_V4: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The range of all public IPv6 addresses.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// The ranges within it that are not public: Teredo and similar, documentation, and 6to4, which contains an IPv4 address.
///
/// # Source
/// IANA's registry of special-purpose IPv6 addresses.
const CLOSED_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// The range that NAT64 networks use for public IPv4 addresses. The IPv4 address inside decides.
const NAT64: (Ipv6Addr, u8) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

impl Guard {
    /// Reads ranges as an operator writes them: CIDR, separated by commas. An empty text has no ranges.
    ///
    /// # Errors
    /// [`InvalidRange`].
    pub fn allowing(ranges: &str) -> Result<Self, InvalidRange> {
        let ranges = ranges.split(',').map(str::trim).filter(|range| !range.is_empty());
        let allowed = ranges.map(|range| {
            let address = || range.parse::<IpAddr>().map(IpNet::from);
            IpNet::from_str(range).or_else(|_| address()).map_err(|_| InvalidRange { found: range.to_owned() })
        });
        Ok(Self { allowed: allowed.collect::<Result<_, _>>()?, own: None })
    }

    /// Forbids the machine itself, whatever else is allowed. In Lambda, the loopback has the runtime's own interface, at `runtime`
    /// (`127.0.0.1:9001`).
    #[must_use]
    pub fn without_runtime(self, runtime: &str) -> Self {
        let own = runtime.parse::<SocketAddr>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip());
        Self { own: Some(own), ..self }
    }

    /// Checks a URL whose host is an address. A name is checked when it is looked up, at each connection.
    ///
    /// # Errors
    /// [`Forbidden`] unless it is public or allowed.
    pub fn judge_url(&self, url: &str) -> Result<(), Forbidden> {
        // A text that is not a URL is never called.
        Url::parse(url).map_or(Ok(()), |url| self.judge_written(&url))
    }

    /// `Url` has already read every spelling of an address (`0x7f.1`, `2130706433`) as an address.
    pub(crate) fn judge_written(&self, url: &Url) -> Result<(), Forbidden> {
        let host = url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.map_or(Ok(()), |address| self.judge(address))
    }

    /// # Errors
    /// [`Forbidden`] unless `address` is public or allowed.
    pub fn judge(&self, address: IpAddr) -> Result<(), Forbidden> {
        let plain = match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().or_else(|| nat64(v6)).map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        let is_own = self.own.is_some_and(|own| plain == own || plain.is_loopback() || plain.is_unspecified());
        let is_allowed = self.allowed.iter().any(|range| range.contains(&plain) || range.contains(&address));
        if !is_own && (is_allowed || is_public(plain)) { Ok(()) } else { Err(Forbidden { address }) }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !CLOSED_V4.iter().any(|range| in_v4(v4, *range)),
        IpAddr::V6(v6) => in_v6(v6, GLOBAL_V6) && !CLOSED_V6.iter().any(|range| in_v6(v6, *range)),
    }
}

fn in_v4(address: Ipv4Addr, range: (Ipv4Addr, u8)) -> bool {
    Ipv4Net::new(range.0, range.1).is_ok_and(|range| range.contains(&address))
}

fn in_v6(address: Ipv6Addr, range: (Ipv6Addr, u8)) -> bool {
    Ipv6Net::new(range.0, range.1).is_ok_and(|range| range.contains(&address))
}

fn nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = address.octets();
    in_v6(address, NAT64).then(|| Ipv4Addr::new(a, b, c, d))
}

/// Looks names up. It returns the addresses of a name only if the guard allows all of them.
#[derive(Clone, Debug)]
pub(crate) struct GuardedResolver(pub(crate) Guard);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            for address in &found {
                guard.judge(address.ip())?;
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// The guard's error, if a request failed because of it.
pub(crate) fn forbidden(error: &(dyn Error + 'static)) -> Option<Forbidden> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(forbidden) = error.downcast_ref::<Forbidden>() {
            return Some(*forbidden);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    #[expect(clippy::too_many_lines, reason = "one row for each case")]
    fn every_address_has_its_verdict() {
        const TABLE: &[(&str, bool)] = &[
            // Public.
            ("1.1.1.1",                 true),
            ("9.255.255.255",           true),
            ("11.0.0.0",                true),
            ("100.63.255.255",          true),
            ("100.128.0.0",             true),
            ("126.255.255.255",         true),
            ("128.0.0.0",               true),
            ("169.253.255.255",         true),
            ("169.255.0.0",             true),
            ("172.15.255.255",          true),
            ("172.32.0.0",              true),
            ("192.0.1.0",               true),
            ("192.167.255.255",         true),
            ("192.169.0.0",             true),
            ("198.17.255.255",          true),
            ("198.20.0.0",              true),
            ("223.255.255.255",         true),
            ("2606:4700:4700::1111",    true),
            ("2a00:1450:4001::1",       true),
            ("2400:3200::1",            true),
            // This network, private, shared (CGNAT), loopback, link-local and the metadata of clouds.
            ("0.0.0.0",                 false),
            ("0.1.2.3",                 false),
            ("10.0.0.1",                false),
            ("10.255.255.255",          false),
            ("100.64.0.1",              false),
            ("100.100.100.200",         false),
            ("100.127.255.255",         false),
            ("127.0.0.1",               false),
            ("127.255.255.254",         false),
            ("169.254.0.1",             false),
            ("169.254.169.254",         false),
            ("169.254.170.2",           false),
            ("172.16.0.1",              false),
            ("172.31.255.255",          false),
            ("192.168.0.1",             false),
            ("192.168.255.255",         false),
            // Protocols, documentation, measurements, multicast, reserved, broadcast.
            ("192.0.0.1",               false),
            ("192.0.0.192",             false),
            ("192.0.2.1",               false),
            ("192.88.99.1",             false),
            ("198.18.0.1",              false),
            ("198.19.255.255",          false),
            ("198.51.100.1",            false),
            ("203.0.113.1",             false),
            ("224.0.0.1",               false),
            ("239.255.255.255",         false),
            ("240.0.0.1",               false),
            ("255.255.255.255",         false),
            // IPv6 of its own.
            ("::",                      false),
            ("::1",                     false),
            ("fc00::1",                 false),
            ("fd00:ec2::254",           false),
            ("fdff:ffff::1",            false),
            ("fe80::1",                 false),
            ("febf::1",                 false),
            ("fec0::1",                 false),
            ("ff02::1",                 false),
            ("100::1",                  false),
            ("2001:db8::1",             false),
            ("2001:10::1",              false),
            ("3fff::1",                 false),
            ("4000::1",                 false),
            ("5f00::1",                 false),
            // IPv4 within IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP.
            ("::ffff:127.0.0.1",        false),
            ("::ffff:7f00:1",           false),
            ("::ffff:10.0.0.1",         false),
            ("::ffff:169.254.169.254",  false),
            ("::ffff:0.0.0.0",          false),
            ("::ffff:1.1.1.1",          true),
            ("::127.0.0.1",             false),
            ("::10.0.0.1",              false),
            ("::1.1.1.1",               false),
            ("::ffff:0:127.0.0.1",      false),
            ("64:ff9b::127.0.0.1",      false),
            ("64:ff9b::169.254.169.254", false),
            ("64:ff9b::1.1.1.1",        true),
            ("64:ff9b:1::10.0.0.1",     false),
            ("2002:7f00:1::1",          false),
            ("2002:a9fe:a9fe::1",       false),
            ("2002:101:101::1",         false),
            ("2001:0:7f00:1::1",        false),
            ("2001::f5ff:fffe",         false),
            ("fe80::5efe:10.0.0.1",     false),
        ];
        let guard = Guard::default();
        for (address, is_open) in TABLE {
            assert_eq!(guard.judge(address.parse().unwrap()).is_ok(), *is_open, "{address}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn an_operator_opens_ranges_and_never_the_runtime() {
        let check = |ranges: &str, runtime: Option<&str>, address: &str, expect: bool| {
            let guard = Guard::allowing(ranges).unwrap();
            let guard = runtime.map_or(guard.clone(), |runtime| guard.without_runtime(runtime));
            assert_eq!(guard.judge(address.parse().unwrap()).is_ok(), expect, "{ranges} {address}");
        };
        check("",                      None,                    "10.0.0.1",                false);
        check("10.0.0.0/8",            None,                    "10.0.0.1",                true);
        check("10.0.0.0/8",            None,                    "::ffff:10.0.0.1",         true);
        check("10.0.0.0/8",            None,                    "64:ff9b::10.0.0.1",       true);
        check("10.0.0.0/8",            None,                    "2002:a00:1::",            false);
        check(" 10.1.2.3 , fd00::/8 ", None,                    "fd00::1",                 true);
        check(" 10.1.2.3 , fd00::/8 ", None,                    "10.1.2.3",                true);
        check(" 10.1.2.3 , fd00::/8 ", None,                    "10.1.2.4",                false);
        check("0.0.0.0/0,::/0",        None,                    "127.0.0.1",               true);
        check("0.0.0.0/0,::/0",        Some("127.0.0.1:9001"),  "127.0.0.1",               false);
        check("0.0.0.0/0,::/0",        Some("127.0.0.1:9001"),  "127.8.9.1",               false);
        check("0.0.0.0/0,::/0",        Some("127.0.0.1:9001"),  "::1",                     false);
        check("0.0.0.0/0,::/0",        Some("127.0.0.1:9001"),  "::ffff:127.0.0.1",        false);
        check("0.0.0.0/0,::/0",        Some("127.0.0.1:9001"),  "0.0.0.0",                 false);
        check("0.0.0.0/0,::/0",        Some("169.254.1.1:9001"), "169.254.1.1",            false);
        check("0.0.0.0/0,::/0",        Some("127.0.0.1:9001"),  "10.0.0.1",                true);
        for wrong in ["x", "10.0.0.0/33", "10.0.0.0/8;1.1.1.1"] {
            assert_eq!(Guard::allowing(wrong).unwrap_err(), InvalidRange { found: wrong.to_owned() });
        }
    }

    #[test]
    #[rustfmt::skip]
    fn an_address_is_judged_however_it_is_written() {
        const CASES: &[(&str, bool)] = &[
            ("https://10.0.0.1/gateway.do",     false),
            ("https://0x7f.1/",                 false),
            ("https://2130706433/",             false),
            ("https://[fd00::1]:8443/a",        false),
            ("https://[::ffff:169.254.169.254]/", false),
            ("https://1.1.1.1/",                true),
            ("https://openapi.alipay.com/",     true),
            ("not a url",                       true),
        ];
        for (url, fits) in CASES {
            assert_eq!(Guard::default().judge_url(url).is_ok(), *fits, "{url}");
        }
    }
}
