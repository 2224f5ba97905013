//! Texts and addresses that every provider refuses. Each field's limit is at that field, from the provider's own documents. Nothing
//! here uses the limits of the product.

use std::net::IpAddr;

/// A character that ends a line, or that is no character in Unicode.
pub(crate) fn odd_sign(text: &str) -> Option<char> {
    text.chars().find(|sign| {
        let code = u32::from(*sign);
        let is_noncharacter = (0xfdd0..=0xfdef).contains(&code) || matches!(code & 0xffff, 0xfffe | 0xffff);
        sign.is_control() || is_noncharacter || matches!(code, 0x2028 | 0x2029)
    })
}

/// The length of a text as Alipay counts: a Chinese character has two bytes, and a character in GB18030's other planes four.
pub(crate) fn gb18030_bytes(text: &str) -> usize {
    encoding_rs::GB18030.encode(text).0.len()
}

/// An IPv4, or a real IPv6: WeChat Pay answers `::ffff:101.226.125.108` with "invalid spbill_create_ip".
///
/// # Source
/// supersheep/wechat-pay, issue 8.
pub(crate) fn is_plain_address(text: &str) -> bool {
    match text.parse() {
        Ok(IpAddr::V4(_)) => true,
        Ok(IpAddr::V6(address)) => address.to_ipv4_mapped().is_none(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_in_another_dress_is_no_address() {
        for good in ["203.0.113.8", "2001:db8::1", "::1", "64:ff9b::cb00:7108"] {
            assert!(is_plain_address(good), "{good}");
        }
        for bad in ["::ffff:203.0.113.8", "::FFFF:CB00:7108", "fe80::1%eth0", "203.0.113.8:1", "1.2.3.4, 5.6.7.8", ""] {
            assert!(!is_plain_address(bad), "{bad}");
        }
    }

    #[test]
    fn odd_signs_and_lengths() {
        for odd in ["a\nb", "\u{7f}", "\u{2028}", "\u{fffe}", "\u{1ffff}", "\u{fdd0}"] {
            assert!(odd_sign(odd).is_some(), "{odd:?}");
        }
        assert_eq!(odd_sign("茶 😀\u{200b}\u{feff}"), None);
        for (text, bytes) in [("a", 1), ("茶", 2), ("＆", 2), ("😀", 4), ("ش", 4)] {
            assert_eq!(gb18030_bytes(text), bytes, "{text}");
        }
    }
}
