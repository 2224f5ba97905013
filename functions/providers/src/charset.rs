//! The two ways in which the providers write Chinese: UTF-8 and the GBK family.
//!
//! A signature is made over bytes, so it is verified over the bytes as they came. The signed part may have to be cut out of a
//! longer message first. [`Charset::shield`] makes a text for this, in which no half of a character looks like syntax of JSON, XML
//! or a form.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, GBK, UTF_8};
use http::{HeaderMap, header::CONTENT_TYPE};

/// How a message encodes what is not ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// We request it everywhere.
    Utf8,
    /// GB2312, GBK and GB18030: each contains the one before, so all are read as the last. The second byte of a character may be an
    /// ASCII character, such as `\`, `}`, `]` or `|`.
    Gb18030,
}

/// Where a shielded byte is put: the beginning of the private use area. No character of two bytes decodes to a code point there.
const SHIELD: u32 = 0xE000;

impl Charset {
    /// The charset of that name, in any case: `utf-8`, `gbk`, `gb2312`, `gb18030`. `None` for every other name.
    pub fn named(name: &str) -> Option<Self> {
        let encoding = Encoding::for_label(name.as_bytes())?;
        if encoding == UTF_8 {
            return Some(Self::Utf8);
        }
        (encoding == GBK || encoding == GB18030).then_some(Self::Gb18030)
    }

    /// The charset that a `Content-Type` names, if we know it.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        content_type.split(';').find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let is_charset = name.trim().eq_ignore_ascii_case("charset");
            if is_charset { Self::named(value.trim().trim_matches('"')) } else { None }
        })
    }

    /// The decoder, for files that are read piece by piece.
    pub fn encoding(self) -> &'static Encoding {
        match self {
            Self::Utf8 => UTF_8,
            Self::Gb18030 => GB18030,
        }
    }

    /// The text, if the bytes are valid in this charset.
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        self.encoding().decode_without_bom_handling_and_without_replacement(bytes)
    }

    /// This charset, or the other one if the bytes are not valid in it: a provider does not always send the charset that it names.
    /// `None` if they are valid in neither.
    pub fn fitting(self, bytes: &[u8]) -> Option<Self> {
        let other = match self {
            Self::Utf8 => Self::Gb18030,
            Self::Gb18030 => Self::Utf8,
        };
        [self, other].into_iter().find(|charset| charset.decode(bytes).is_some())
    }

    /// The text in this charset, or in the other one if the bytes are not valid in this.
    pub fn read(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        self.fitting(bytes)?.decode(bytes)
    }

    /// The bytes as a text that can be cut by its brackets, quotes and tags: ASCII stays as it is, and each byte of a longer
    /// character becomes a character of its own, never a bracket, quote or tag. [`Self::unshield`] gives back the exact bytes of a
    /// part.
    pub(crate) fn shield(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        let text = self.decode(bytes)?;
        if self == Self::Utf8 || bytes.is_ascii() {
            return Some(text);
        }
        let mut shielded = String::with_capacity(bytes.len() * 2);
        let mut rest = bytes;
        while let [first, after @ ..] = rest {
            let (character, next) = rest.split_at_checked(width(*first, after.first().copied())).unwrap_or((rest, &[]));
            match character {
                [sign] if sign.is_ascii() => shielded.push(char::from(*sign)),
                longer => shielded.extend(longer.iter().filter_map(|byte| char::from_u32(SHIELD + u32::from(*byte)))),
            }
            rest = next;
        }
        Some(Cow::Owned(shielded))
    }

    /// The original bytes of a part of a shielded text.
    pub(crate) fn unshield(self, part: &str) -> Cow<'_, [u8]> {
        if self == Self::Utf8 || part.is_ascii() {
            return Cow::Borrowed(part.as_bytes());
        }
        let mut bytes = Vec::with_capacity(part.len());
        for sign in part.chars() {
            let shielded = u32::from(sign).checked_sub(SHIELD).and_then(|byte| u8::try_from(byte).ok());
            match shielded {
                Some(byte) => bytes.push(byte),
                // ASCII, and characters that XML wrote as numbers.
                None => bytes.extend_from_slice(&GB18030.encode(sign.encode_utf8(&mut [0; 4])).0),
            }
        }
        Cow::Owned(bytes)
    }
}

/// The length in bytes of the character that begins with these, in a text that is known to be GB18030.
fn width(first: u8, second: Option<u8>) -> usize {
    match (first, second) {
        // 0x80 alone is the euro sign of Windows.
        (..=0x80, _) => 1,
        (_, Some(b'0'..=b'9')) => 4,
        (_, _) => 2,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gbk(text: &str) -> Vec<u8> {
        GB18030.encode(text).0.into_owned()
    }

    #[test]
    #[rustfmt::skip]
    fn a_charset_is_known_by_its_names() {
        use Charset::{Gb18030, Utf8};
        const CASES: &[(&str, Option<Charset>)] = &[
            ("utf-8",      Some(Utf8)),
            ("UTF-8",      Some(Utf8)),
            ("utf8",       Some(Utf8)),
            ("GBK",        Some(Gb18030)),
            ("gb2312",     Some(Gb18030)),
            ("GB18030",    Some(Gb18030)),
            ("big5",       None),
            ("iso-8859-1", None),
            ("",           None),
            ("utf-16",     None),
        ];
        for (name, expect) in CASES {
            assert_eq!(Charset::named(name), *expect, "{name}");
        }
        for (header, expect) in [
            ("text/html;charset=GBK", Some(Gb18030)),
            ("text/html; Charset=\"gb2312\"; x=y", Some(Gb18030)),
            ("application/x-www-form-urlencoded; text/html; charset=utf-8", Some(Utf8)),
            ("text/html", None),
            ("text/html; charset=latin1", None),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, header.parse().unwrap())]);
            assert_eq!(Charset::of_headers(&headers), expect, "{header}");
        }
    }

    #[test]
    fn what_does_not_fit_the_named_charset_is_read_as_the_other() {
        for named in [Charset::Utf8, Charset::Gb18030] {
            assert_eq!(named.read("茶叶店".as_bytes()).unwrap(), "茶叶店", "{named:?}");
            assert_eq!(named.read(&gbk("绿茶")).unwrap(), "绿茶", "{named:?}");
        }
        // Valid in both: the named charset decides.
        let both = gbk("联通");
        assert_eq!(Charset::Gb18030.read(&both).unwrap(), "联通");
        assert_eq!(Charset::Utf8.read(b"\xff"), None);
    }

    #[test]
    fn no_half_of_a_character_is_taken_for_a_sign() {
        // Their second bytes are `\`, `}`, `]`, `|`, `{`, `[` and `@`; the last two characters have four bytes.
        let text = "{\"a\":\"乗亇俔倈倇俒侤㐀😀\"}";
        let bytes = gbk(text);
        assert!(bytes.iter().filter(|byte| **byte == b'}').count() > 1 && bytes.contains(&b'\\'));
        let shielded = Charset::Gb18030.shield(&bytes).unwrap();
        assert_eq!(shielded.matches(|sign: char| sign.is_ascii_punctuation()).collect::<String>(), "{\"\":\"\"}");
        assert_eq!(Charset::Gb18030.unshield(&shielded), bytes);
    }

    #[test]
    fn bytes_that_two_spellings_share_come_back_as_they_were() {
        // Every encoder writes the two-byte blank and the euro sign of Windows in another way.
        let bytes = b"a\xa3\xa0\x80b";
        let shielded = Charset::Gb18030.shield(bytes).unwrap();
        assert_eq!(Charset::Gb18030.unshield(&shielded), bytes.as_slice());
        assert_eq!(Charset::Gb18030.decode(bytes).unwrap(), "a\u{3000}€b");
        assert_eq!(Charset::Gb18030.unshield("&中"), gbk("&中"));
    }

    proptest! {
        #[test]
        fn every_text_comes_back_as_the_bytes_that_it_was(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            for charset in [Charset::Utf8, Charset::Gb18030] {
                if let Some(shielded) = charset.shield(&bytes) {
                    prop_assert_eq!(charset.unshield(&shielded), bytes.as_slice());
                }
            }
        }
    }
}
