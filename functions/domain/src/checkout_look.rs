//! How the checkouts of an app look: name, colour, logo, and who may show them in a frame.

use crate::closed_list;

/// What an app says about its checkouts. Nothing is required.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckoutLook {
    /// What payers call the merchant; without it, the app's name.
    pub name: Option<String>,
    /// The colour of the main button.
    pub color: Option<BrandColor>,
    /// The origins whose pages may show a checkout in a frame.
    pub frame_origins: Vec<FrameOrigin>,
    /// The kind of the logo, if there is one. It is kept apart, because it is large.
    pub logo: Option<LogoKind>,
}

impl CheckoutLook {
    /// The longest name.
    pub const NAME_CHARS_MAX: usize = 64;
    /// A shop has few domains, and the origins stand in a header of each page.
    pub const FRAME_ORIGINS_MAX: usize = 10;
}

/// A colour as CSS writes it: `#1677ff`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrandColor(String);

impl BrandColor {
    /// `None` if it is not `#` and six hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let fits = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The text, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The colour of a text that can be read on it: black or white, whichever has the higher contrast. That contrast is at least 4.5 to 1.
    ///
    /// # Source
    /// WCAG 2.2, relative luminance and contrast ratio. Black and white have the same contrast to a luminance of 0.179.
    pub fn text_on_it(&self) -> &'static str {
        let part =
            |at: usize| self.0.get(at..at + 2).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0);
        let luminance = 2126 * linear(part(1)) + 7152 * linear(part(3)) + 722 * linear(part(5));
        if luminance > 179 * 10_000 { "#000" } else { "#fff" }
    }
}

/// The share of light of a colour's part (0 to 255) in thousandths. A polynomial that is within 4 thousandths of the standard's curve.
fn linear(part: u64) -> u64 {
    let x = part * 1000 / 255;
    let curve = 305 * x * x / 1000 * x / 1000 + 682 * x * x / 1000 + 13 * x;
    curve / 1000
}

/// An origin: scheme, host, and a port if it is not the usual one. Plain http is for this machine alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameOrigin(String);

impl FrameOrigin {
    /// `None` if it is not such an origin.
    pub fn parse(text: &str) -> Option<Self> {
        let host = match text.split_once("://")? {
            ("https", host) => host,
            ("http", host) if ["localhost", "127.0.0.1"].contains(&host.split(':').next()?) => host,
            _ => return None,
        };
        let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
            && !name.starts_with('.')
            && !name.ends_with('.');
        let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0));
        (is_name && is_port && text.len() <= 128).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The origin.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

closed_list! {
    /// What a logo is, by the type that browsers know it by.
    pub enum LogoKind {
        /// Drawn.
        Svg = "image/svg+xml",
        /// Made of points.
        Png = "image/png",
    }
}

/// A logo that may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    /// What it is.
    pub kind: LogoKind,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Logo {
    /// The largest file.
    pub const BYTES_MAX: usize = 64 * 1024;
}

/// A file by which WeChat checks that a domain belongs to an official account: `MP_verify_` and sixteen letters and digits. Its content is
/// those sixteen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationFile(String);

impl VerificationFile {
    /// `None` if it is not the name of such a file.
    pub fn parse(name: &str) -> Option<Self> {
        let word = name.strip_prefix("MP_verify_")?.strip_suffix(".txt")?;
        let fits = word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// What the file says.
    pub fn content(&self) -> &str {
        self.0.get(10..26).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_has_a_text_that_can_be_read_on_it() {
        for (text, expect) in [
            ("#1677FF", Some("#000")),
            ("#0958d9", Some("#fff")),
            ("#07c160", Some("#000")),
            ("#ffd400", Some("#000")),
            ("#000000", Some("#fff")),
            ("#ffffff", Some("#000")),
            ("#fff", None),
            ("red", None),
        ] {
            assert_eq!(BrandColor::parse(text).map(|color| color.text_on_it()), expect, "{text}");
        }
        assert_eq!(BrandColor::parse("#1677FF").unwrap().as_str(), "#1677ff");
    }

    #[test]
    #[rustfmt::skip]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for good in ["https://shop.example", "https://a.b-c.example:8443", "http://localhost:3000", "http://127.0.0.1"] {
            assert!(FrameOrigin::parse(good).is_some(), "{good}");
        }
        for bad in ["", "shop.example", "https://", "http://shop.example", "https://a/", "https://a b", "https://*", "https://a;b",
                    "https://a:0", "https://a:x", "https://u@a", "'self'", "https://.a"] {
            assert!(FrameOrigin::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_verification_file_says_what_its_name_says() {
        let file = VerificationFile::parse("MP_verify_AbCdEf0123456789.txt").unwrap();
        assert_eq!(file.content(), "AbCdEf0123456789");
        for bad in ["", "MP_verify_.txt", "MP_verify_AbCdEf012345678.txt", "MP_verify_AbCdEf01234567/9.txt", "x.txt"] {
            assert!(VerificationFile::parse(bad).is_none(), "{bad}");
        }
    }
}
