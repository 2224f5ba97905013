//! The address of a payer's device, parsed where it comes in: a charge's `clientIp`, or where the charge itself came from.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// An address as providers take it: IPv4 or IPv6. An IPv4 address in the form of IPv6 becomes plain IPv4.
///
/// A server that listens on both sees an IPv4 caller as `::ffff:203.0.113.8`, and its framework passes that on. WeChat Pay refuses this
/// form, so it is replaced by the IPv4 address. A zone (`fe80::1%eth0`) names a network card of the machine that wrote it. It means nothing
/// to anyone else, and is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayerAddress(IpAddr);

impl PayerAddress {
    pub(crate) const EXPECTED: &'static str = "the payer's IPv4 or IPv6 address";

    /// `None` if it is not a single address.
    pub fn parse(text: &str) -> Option<Self> {
        let address = match text.split_once('%') {
            Some((address, zone)) if !zone.is_empty() => address.parse::<Ipv6Addr>().ok()?.into(),
            Some(_) => return None,
            None => text.parse::<IpAddr>().ok()?,
        };
        Some(Self(address.to_canonical()))
    }
}

impl fmt::Display for PayerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[rustfmt::skip]
    fn an_ipv4_in_another_dress_is_an_ipv4() {
        const CASES: &[(&str, Option<&str>)] = &[
            ("203.0.113.8",                  Some("203.0.113.8")),
            ("::ffff:203.0.113.8",           Some("203.0.113.8")),
            ("::FFFF:203.0.113.8",           Some("203.0.113.8")),
            ("::ffff:cb00:7108",             Some("203.0.113.8")),
            ("::FFFF:CB00:7108",             Some("203.0.113.8")),
            ("0:0:0:0:0:ffff:203.0.113.8",   Some("203.0.113.8")),
            ("0000:0000:0000:0000:0000:ffff:cb00:7108", Some("203.0.113.8")),
            ("::ffff:203.0.113.8%eth0",      Some("203.0.113.8")),
            ("::ffff:0:0",                   Some("0.0.0.0")),
            ("2001:DB8::1",                  Some("2001:db8::1")),
            ("2001:db8::1%1",                Some("2001:db8::1")),
            ("fe80::1%en0",                  Some("fe80::1")),
            ("::1",                          Some("::1")),
            ("64:ff9b::203.0.113.8",         Some("64:ff9b::cb00:7108")),
            ("::fffe:203.0.113.8",           Some("::fffe:cb00:7108")),
            ("203.0.113.8%eth0",             None),
            ("2001:db8::1%",                 None),
            ("%eth0",                        None),
            ("203.0.113.8, 10.0.0.1",        None),
            ("203.0.113.8:443",              None),
            ("[2001:db8::1]",                None),
            ("203.0.113",                    None),
            ("203.0.113.08",                 None),
            (" 203.0.113.8",                 None),
            ("::ffff:203.0.113.256",         None),
            ("",                             None),
        ];
        for (text, expect) in CASES {
            let found = PayerAddress::parse(text).map(|address| address.to_string());
            assert_eq!(found.as_deref(), *expect, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_address_goes_out_as_a_mapped_one(bits: u32, upper: bool) {
            let v4 = std::net::Ipv4Addr::from_bits(bits);
            let mapped = v4.to_ipv6_mapped();
            let hex = format!("::ffff:{:x}:{:x}", mapped.segments()[6], mapped.segments()[7]);
            for text in [mapped.to_string(), hex] {
                let text = if upper { text.to_uppercase() } else { text };
                prop_assert_eq!(PayerAddress::parse(&text).unwrap().to_string(), v4.to_string());
            }
        }

        #[test]
        fn what_goes_out_is_read_again(bits: u128) {
            let address = PayerAddress::parse(&Ipv6Addr::from_bits(bits).to_string()).unwrap();
            prop_assert_eq!(PayerAddress::parse(&address.to_string()), Some(address));
        }
    }
}
