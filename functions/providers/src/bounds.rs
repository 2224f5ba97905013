//! What each provider accepts in each field. No other place knows it.
//!
//! A text for people ([`Text`]) is made to fit: forbidden characters are replaced, and a text that is too long is cut between two
//! characters. A value that identifies something ([`Name`], [`Address`]) would identify something else if it were cut. So it is
//! refused before anything is written, with the name of the field and its limit. The simulators of the local stack have these
//! limits from the providers' own documents and not from here.
//! # Source
//! `docs/protocols.md`, section 12: a row for each field with its unit and the source of both.

use crate::{ProviderError, Unable};

/// How a provider counts a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes in UTF-8.
    Utf8,
    /// Bytes in GB18030. A Chinese character has two there: this is how "256, at most 128 Chinese characters" counts.
    Gb18030,
}

impl Unit {
    fn bytes(self, sign: char) -> usize {
        match (self, sign) {
            (Self::Utf8, _) => sign.len_utf8(),
            (Self::Gb18030, '\0'..='\x7f') => 1,
            // The Chinese characters of GBK, and the punctuation between them.
            (Self::Gb18030, '\u{4e00}'..='\u{9fa5}' | '\u{3000}'..='\u{3002}' | '\u{3008}'..='\u{3011}') => 2,
            (Self::Gb18030, '\u{ff01}'..='\u{ff5e}' | '“' | '”' | '‘' | '’' | '—' | '…' | '·') => 2,
            // Some of the others also have two. It does no harm to count such a character as longer than it is.
            (Self::Gb18030, _) => 4,
        }
    }
}

/// A text for people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    max: usize,
    unit: Unit,
    /// Which character replaces a given one.
    instead: fn(char) -> char,
}

/// `subject`, of either interface: "256", in the older one's words "at most 128 Chinese characters".
pub(crate) const ALIPAY_SUBJECT: Text = Text { max: 256, unit: Unit::Gb18030, instead: alipay_sign };
/// `refund_reason`.
pub(crate) const ALIPAY_REFUND_REASON: Text = Text { max: 256, unit: Unit::Gb18030, instead: same };
/// `subject` and `body` of the old interface's app. It has no way to write a quotation mark in a value.
pub(crate) const MAPI_QUOTED: Text = Text { max: 256, unit: Unit::Gb18030, instead: quoted_sign };
/// `description` of v3. WeChat Pay's own refusals count bytes.
pub(crate) const WECHAT_DESCRIPTION: Text = Text { max: 127, unit: Unit::Utf8, instead: same };
/// `body` of v2, counted in the same way.
pub(crate) const WECHAT_V2_BODY: Text = Text { max: 128, unit: Unit::Utf8, instead: same };
/// `reason`, `refund_desc` in v2.
pub(crate) const WECHAT_REASON: Text = Text { max: 80, unit: Unit::Utf8, instead: same };
/// `orderDesc`.
pub(crate) const UNIONPAY_ORDER_DESC: Text = Text { max: 32, unit: Unit::Utf8, instead: unionpay_sign };

impl Text {
    /// The text as the provider accepts it. It is empty if no character is left.
    pub(crate) fn fit(&self, text: &str) -> String {
        self.cut(&self.plain(text))
    }

    /// The text as the provider accepts it, for a required field. If no character is left, the order's number is sent.
    pub(crate) fn fit_or(&self, text: &str, number: &str) -> String {
        let fitted = self.fit(text);
        if fitted.trim().is_empty() { number.to_owned() } else { fitted }
    }

    /// The text in characters that the provider accepts, of any length. Line ends are not among them.
    pub(crate) fn plain(&self, text: &str) -> String {
        let one_line = |sign: char| if ends_line(sign) { ' ' } else { sign };
        text.chars().filter(|sign| !is_noncharacter(*sign)).map(one_line).map(self.instead).collect()
    }

    /// The longest beginning that fits, up to a whole character.
    pub(crate) fn cut(&self, text: &str) -> String {
        let mut left = self.max;
        let fits = |sign: &char| {
            let rest = left.checked_sub(self.unit.bytes(*sign));
            left = rest.unwrap_or_default();
            rest.is_some()
        };
        text.chars().take_while(fits).collect()
    }
}

/// A number or a name: it identifies one thing, and a part of it would identify another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    /// What the field is called in the caller's request.
    field: &'static str,
    bytes_max: usize,
    /// Which characters it may contain besides letters and digits; `None` if it is not sent as it is.
    signs: Option<&'static str>,
}

/// `payer.openid`, and `openid` in v2.
pub(crate) const WECHAT_OPENID: Name = Name { field: "openid", bytes_max: 128, signs: Some("_-") };
/// `out_refund_no`: 64 bytes, less the order number of 24 characters and a dash before it.
pub(crate) const WECHAT_REFUND_NUM: Name = Name { field: "refundNum", bytes_max: 64 - 25, signs: Some("_-|*@") };
/// `out_request_no`.
pub(crate) const ALIPAY_REFUND_NUM: Name = Name { field: "refundNum", bytes_max: 64, signs: Some("_-|*@") };
/// A refund's number. It goes into `orderId` as a digest and into `reqReserved` (1024 bytes) as base64.
pub(crate) const UNIONPAY_REFUND_NUM: Name = Name { field: "refundNum", bytes_max: 64, signs: None };

impl Name {
    /// # Errors
    /// [`ProviderError::Param`].
    pub(crate) fn check<'a>(&self, name: &'a str) -> Result<&'a str, ProviderError> {
        let is_taken = |signs: &str| name.chars().all(|sign| sign.is_ascii_alphanumeric() || signs.contains(sign));
        if (1..=self.bytes_max).contains(&name.len()) && self.signs.is_none_or(is_taken) {
            return Ok(name);
        }
        let signs = self.signs.map_or_else(String::new, |signs| {
            let spaced: Vec<String> = signs.chars().map(String::from).collect();
            format!(", letters, digits and the signs {}", spaced.join(" "))
        });
        let expected = format!("a string of 1 to {} bytes{signs} here", self.bytes_max);
        Err(ProviderError::Param { field: self.field, expected })
    }
}

/// An address that the provider or the browser will call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    bytes_max: usize,
    /// Which characters it must not contain.
    never: &'static [char],
}

/// The shortest limit of a notify's address among the present three providers, for a caller who does not know the provider yet.
pub const NOTIFY_URL_BYTES_MAX: usize = WECHAT_NOTIFY_URL.bytes_max;
/// `notify_url`, `return_url` and `quit_url` of the open platform.
pub(crate) const ALIPAY_URL: Address = Address { bytes_max: 256, never: &[] };
/// `notify_url` of the old interface.
pub(crate) const MAPI_NOTIFY_URL: Address = Address { bytes_max: 190, never: &[] };
/// `return_url` and `show_url` of the old interface.
pub(crate) const MAPI_PAGE_URL: Address = Address { bytes_max: 200, never: &[] };
/// `notify_url` in both protocols, by the smaller limit. The forbidden characters are from the expression in WeChat Pay's own
/// refusal.
pub(crate) const WECHAT_NOTIFY_URL: Address = Address { bytes_max: 255, never: &['?', '#', '[', ']', '@'] };
/// `backUrl` and `frontUrl`.
pub(crate) const UNIONPAY_URL: Address = Address { bytes_max: 256, never: &['~'] };

impl Address {
    /// An address that a charge gives in `field`.
    ///
    /// # Errors
    /// [`ProviderError::Param`].
    pub(crate) fn check<'a>(&self, field: &'static str, url: &'a str) -> Result<&'a str, ProviderError> {
        if let Some(sign) = self.unfit(url) {
            return Err(ProviderError::Param { field, expected: format!("without {sign} for this account") });
        }
        if url.len() <= self.bytes_max {
            return Ok(url);
        }
        let expected = format!("at most {} bytes long for this account, found {}", self.bytes_max, url.len());
        Err(ProviderError::Param { field, expected })
    }

    /// The address of a notify: ours, with the bill's number at its end.
    ///
    /// # Errors
    /// [`ProviderError::Param`] names the bill's number, and [`ProviderError::Unsupported`] the public URL of this stack.
    pub(crate) fn check_notify<'a>(&self, url: &'a str) -> Result<&'a str, ProviderError> {
        if let Some(sign) = self.unfit(url) {
            let what = Unable::NotifySign { sign: sign.to_string() };
            return Err(ProviderError::from(what));
        }
        if url.len() <= self.bytes_max {
            return Ok(url);
        }
        let (bytes, max) = (url.len(), self.bytes_max);
        let expected =
            format!("shorter in UTF-8: its notify address would have {bytes} characters, and this account takes {max}");
        Err(ProviderError::Param { field: "billNum", expected })
    }

    fn unfit(&self, url: &str) -> Option<char> {
        url.chars().find(|sign| self.never.contains(sign))
    }
}

/// `amount.total` and `total_fee`: WeChat Pay's own refusal counts ten digits.
const WECHAT_FEN_MAX: i64 = 9_999_999_999;

/// An amount as WeChat Pay accepts it.
///
/// # Errors
/// [`ProviderError::Param`].
pub(crate) fn wechat_fen(fee: domain::Fen) -> Result<i64, ProviderError> {
    if fee.get() <= WECHAT_FEN_MAX {
        return Ok(fee.get());
    }
    Err(ProviderError::Param { field: "totalFee", expected: format!("at most {WECHAT_FEN_MAX} fen at WeChat Pay") })
}

fn same(sign: char) -> char {
    sign
}

/// Alipay's documents forbid `/`, `=` and `&`, but merchants write them. A refusal would be worse than their full-width forms,
/// which look the same to the payer.
fn alipay_sign(sign: char) -> char {
    match sign {
        '/' => '／',
        '=' => '＝',
        '&' => '＆',
        other => other,
    }
}

fn quoted_sign(sign: char) -> char {
    if sign == '"' { '＂' } else { alipay_sign(sign) }
}

/// UnionPay lists what it accepts: letters, digits, blanks, `-`, `_`, `.`, brackets and the Chinese characters from 4E00 to 9FA5.
fn unionpay_sign(sign: char) -> char {
    match sign {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' | '(' | ')' | '（' | '）' => sign,
        '\u{4e00}'..='\u{9fa5}' => sign,
        _ => ' ',
    }
}

fn ends_line(sign: char) -> bool {
    sign.is_control() || matches!(sign, '\u{2028}' | '\u{2029}')
}

/// Code points that are no character in Unicode, and not allowed in XML.
fn is_noncharacter(sign: char) -> bool {
    matches!(sign, '\u{fdd0}'..='\u{fdef}') || u32::from(sign) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[rustfmt::skip]
    fn a_text_is_cut_between_two_characters() {
        let cases: &[(Text, String, String)] = &[
            (WECHAT_DESCRIPTION,   "茶".repeat(42),             "茶".repeat(42)),
            (WECHAT_DESCRIPTION,   "茶".repeat(43),             "茶".repeat(42)),
            (WECHAT_DESCRIPTION,   "a".repeat(127),             "a".repeat(127)),
            (WECHAT_DESCRIPTION,   "a".repeat(128),             "a".repeat(127)),
            (WECHAT_DESCRIPTION,   "🍵".repeat(40),              "🍵".repeat(31)),
            (WECHAT_DESCRIPTION,   "a".repeat(123) + "🍵",       "a".repeat(123) + "🍵"),
            (WECHAT_DESCRIPTION,   "a".repeat(124) + "🍵",       "a".repeat(124)),
            (WECHAT_DESCRIPTION,   "a".repeat(126) + "茶b",     "a".repeat(126)),
            (WECHAT_V2_BODY,       "茶".repeat(43),             "茶".repeat(42)),
            (WECHAT_V2_BODY,       "🍵".repeat(40),              "🍵".repeat(32)),
            (WECHAT_REASON,        "太".repeat(80),             "太".repeat(26)),
            (ALIPAY_SUBJECT,       "茶".repeat(129),            "茶".repeat(128)),
            (ALIPAY_SUBJECT,       "a".repeat(257),             "a".repeat(256)),
            (ALIPAY_SUBJECT,       "🍵".repeat(65),              "🍵".repeat(64)),
            (ALIPAY_SUBJECT,       "/".repeat(256),             "／".repeat(128)),
            (ALIPAY_REFUND_REASON, "a/b".to_owned(),            "a/b".to_owned()),
            (MAPI_QUOTED,          "\"".repeat(256),            "＂".repeat(128)),
            (UNIONPAY_ORDER_DESC,  "一二三四五六七八九十一".to_owned(), "一二三四五六七八九十".to_owned()),
            (UNIONPAY_ORDER_DESC,  "🍵&茶".to_owned(),           "  茶".to_owned()),
        ];
        for (bound, text, expect) in cases {
            assert_eq!(bound.fit(text), *expect, "{text}");
        }
    }

    #[test]
    fn nothing_ends_a_line_and_nothing_is_left_unsaid() {
        assert_eq!(WECHAT_DESCRIPTION.fit("a\nb\u{2028}c\u{7f}d\u{fffe}\u{1ffff}\u{fdd0}e"), "a b c de");
        assert_eq!(WECHAT_DESCRIPTION.fit_or("\u{fffe}", "568b"), "568b");
        assert_eq!(WECHAT_DESCRIPTION.fit_or("\u{2028}", "568b"), "568b");
        assert_eq!(WECHAT_DESCRIPTION.fit_or("茶", "568b"), "茶");
    }

    #[test]
    #[rustfmt::skip]
    fn what_identifies_is_refused_with_its_field_and_its_bound() {
        let long = "x".repeat(257);
        let cases: &[(Result<&str, ProviderError>, &str)] = &[
            (WECHAT_OPENID.check("o U"),                    "openid must be a string of 1 to 128 bytes, letters, digits and the signs _ - here"),
            (WECHAT_OPENID.check(&long[..129]),             "openid must be a string of 1 to 128 bytes"),
            (WECHAT_OPENID.check("茶"),                      "openid must be"),
            (WECHAT_REFUND_NUM.check(&long[..40]),          "refundNum must be a string of 1 to 39 bytes"),
            (UNIONPAY_REFUND_NUM.check(""),                 "refundNum must be a string of 1 to 64 bytes here"),
            (MAPI_PAGE_URL.check("showUrl", &long[..201]),  "showUrl must be at most 200 bytes long for this account, found 201"),
            (UNIONPAY_URL.check("returnUrl", "https://a/~"), "returnUrl must be without ~ for this account"),
            (MAPI_NOTIFY_URL.check_notify(&long[..191]),    "billNum must be shorter in UTF-8: its notify address would have 191 characters, and this account takes 190"),
            (WECHAT_NOTIFY_URL.check_notify("https://[::1]/n"), "the notify address contains ["),
            (wechat_fen(domain::Fen::new(10_000_000_000).unwrap()).map(|_| ""), "totalFee must be at most 9999999999 fen"),
        ];
        for (found, expect) in cases {
            let found = found.as_ref().unwrap_err().to_string();
            assert!(found.contains(expect), "expected {expect}, found {found}");
        }
        for taken in [WECHAT_OPENID.check("oUpF8uMuAJO_M2pxb1Q9zNjWeS6-"), UNIONPAY_REFUND_NUM.check("退-1"), ALIPAY_URL.check("returnUrl", &long[..256])] {
            taken.unwrap();
        }
    }

    #[test]
    fn no_sign_has_more_bytes_in_gb18030_than_are_counted() {
        for sign in '\0'..=char::MAX {
            let mut utf8 = [0; 4];
            let (bytes, _, unmappable) = encoding_rs::GB18030.encode(sign.encode_utf8(&mut utf8));
            assert!(unmappable || bytes.len() <= Unit::Gb18030.bytes(sign), "{sign:?} has {}", bytes.len());
        }
    }

    proptest! {
        #[test]
        fn every_text_fits_its_bound(text in ".{0,300}|[茶🍵/&\"\\u{fffe}]{0,300}") {
            let all = [ALIPAY_SUBJECT, ALIPAY_REFUND_REASON, MAPI_QUOTED, WECHAT_DESCRIPTION, WECHAT_V2_BODY, WECHAT_REASON, UNIONPAY_ORDER_DESC];
            for bound in all {
                let fitted = bound.fit(&text);
                prop_assert!(fitted.chars().map(|sign| bound.unit.bytes(sign)).sum::<usize>() <= bound.max);
                prop_assert!(bound.plain(&text).starts_with(&fitted));
                prop_assert_eq!(bound.fit(&fitted), fitted);
            }
        }
    }
}
