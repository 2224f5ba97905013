//! Reads the XML of the old interfaces: only elements and their text. The dangerous features of XML are refused.

use std::collections::BTreeMap;

use quick_xml::{Reader, events::Event};

use crate::{Charset, MessageProblem, error::words, form::Fields};

/// An answer about one trade has some sixty elements.
const EVENTS_MAX: usize = 2048;
/// `alipay/response/trade/body` is four deep.
const DEPTH_MAX: usize = 8;

/// How many bytes are searched for the declaration of the encoding.
const DECLARATION_BYTES_MAX: usize = 128;

/// Every element that contains no other elements.
#[derive(Debug)]
pub(crate) struct Elements {
    leaves: Vec<Leaf>,
    charset: Charset,
}

#[derive(Debug)]
struct Leaf {
    /// Its path: `alipay/is_success`.
    path: String,
    text: String,
    /// The text as it is signed.
    raw: Vec<u8>,
}

/// The open elements, and the text read of the innermost one.
#[derive(Default)]
struct Open {
    path: Vec<String>,
    text: String,
    is_leaf: bool,
}

impl Elements {
    /// Reads XML in the charset that it declares, or else in the named one. If it is not valid in that charset, it is read in the
    /// other one.
    ///
    /// # Errors
    /// In words, if it is not XML, has a document type or an entity of its own, or is larger or deeper than any answer.
    pub(crate) fn read(xml: &[u8], named: Option<Charset>) -> Result<Self, MessageProblem> {
        let neither = || MessageProblem::XmlCharset;
        let named = declared(xml).or(named).unwrap_or(Charset::Utf8);
        let charset = named.fitting(xml).ok_or_else(neither)?;
        let shielded = charset.shield(xml).ok_or_else(neither)?;
        let leaf = |(path, shielded): (String, String)| {
            let raw = charset.unshield(&shielded).into_owned();
            let text = charset.decode(&raw).ok_or_else(neither)?.into_owned();
            Ok(Leaf { path, text, raw })
        };
        let leaves = parse(&shielded)?.into_iter().map(leaf).collect::<Result<_, MessageProblem>>()?;
        Ok(Self { leaves, charset })
    }

    /// The text of the only element at `path`, if not empty. If there are several, none can be trusted.
    pub(crate) fn find(&self, path: &str) -> Option<&str> {
        let mut texts = self.leaves.iter().filter(|leaf| leaf.path == path).map(|leaf| leaf.text.as_str());
        match (texts.next(), texts.next()) {
            (Some(text), None) => Some(text).filter(|text| !text.is_empty()),
            (_, _) => None,
        }
    }

    /// The elements directly below `path`, by name. A duplicate name is an error.
    pub(crate) fn below(&self, path: &str) -> Result<Fields, MessageProblem> {
        let mut fields = BTreeMap::new();
        for leaf in &self.leaves {
            let name = leaf.path.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'));
            let Some(name) = name.filter(|name| !name.contains('/')) else { continue };
            if fields.insert(self.charset.unshield(name).into_owned(), leaf.raw.clone()).is_some() {
                return Err(MessageProblem::FieldTwice);
            }
        }
        Fields::read(fields, self.charset)
    }
}

/// The charset in `<?xml version="1.0" encoding="GBK"?>`, if we know it.
fn declared(xml: &[u8]) -> Option<Charset> {
    let begin = xml.get(..DECLARATION_BYTES_MAX).unwrap_or(xml);
    let begin = String::from_utf8_lossy(begin);
    let (declaration, _) = begin.trim_start().strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    Charset::named(value.split(['"', '\'']).nth(1)?)
}

/// The path and the text of every element that contains no other elements.
fn parse(xml: &str) -> Result<Vec<(String, String)>, MessageProblem> {
    let mut reader = Reader::from_str(xml);
    let mut open = Open::default();
    let mut found = Vec::new();
    for _ in 0..EVENTS_MAX {
        match reader.read_event().map_err(|error| MessageProblem::Xml { why: words(&error.to_string()) })? {
            Event::Start(tag) => open.enter(tag.name().as_ref())?,
            Event::End(_) => found.extend(open.leave()),
            Event::Empty(tag) => {
                open.enter(tag.name().as_ref())?;
                found.extend(open.leave());
            }
            Event::Text(text) => open.text.push_str(&text.xml10_content()),
            Event::CData(text) => open.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let sign = match reference.resolve_char_ref() {
                    Ok(Some(sign)) => Some(sign),
                    Ok(None) => predefined(&reference.xml10_content()),
                    Err(_) => None,
                };
                open.text.push(sign.ok_or(MessageProblem::Entity)?);
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::DocType(_) => return Err(MessageProblem::DocumentType),
            Event::Eof if open.path.is_empty() && !found.is_empty() => return Ok(found),
            Event::Eof => return Err(MessageProblem::CutOff),
        }
    }
    Err(MessageProblem::TooManyParts { parts_max: EVENTS_MAX })
}

impl Open {
    fn enter(&mut self, name: &str) -> Result<(), MessageProblem> {
        if self.path.len() == DEPTH_MAX {
            return Err(MessageProblem::TooDeep { depth_max: DEPTH_MAX });
        }
        self.path.push(name.to_owned());
        self.text.clear();
        self.is_leaf = true;
        Ok(())
    }

    /// Closes the innermost element. Returns it if it contains no other elements.
    fn leave(&mut self) -> Option<(String, String)> {
        let leaf = self.is_leaf.then(|| (self.path.join("/"), std::mem::take(&mut self.text)));
        self.path.pop();
        self.is_leaf = false;
        leaf
    }
}

fn predefined(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_are_read_by_their_path() {
        let xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<alipay><is_success>T</is_success><request><param name=\"a\">1</param>\
                   <param name=\"b\">2</param></request><response><trade><body>a &amp; b &#x4e2d;</body><x/>\
                   <c><![CDATA[<&>]]></c></trade></response></alipay>";
        let elements = Elements::read(xml.as_bytes(), None).unwrap();
        assert_eq!(elements.find("alipay/is_success"), Some("T"));
        assert_eq!(elements.find("alipay/request/param"), None);
        let trade = elements.below("alipay/response/trade").unwrap();
        assert_eq!(trade.iter().collect::<Vec<_>>(), [("body", "a & b 中"), ("c", "<&>"), ("x", "")]);
        assert!(elements.below("alipay/request").is_err());
    }

    #[test]
    fn what_makes_xml_dangerous_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(9), "</a>".repeat(9));
        let long = format!("<a>{}</a>", "<b/>".repeat(EVENTS_MAX));
        for xml in
            ["<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "<a>&b;</a>", "<a>", "<a></b>", "", "text", &deep, &long]
        {
            assert!(Elements::read(xml.as_bytes(), None).is_err(), "{xml}");
        }
    }

    proptest! {
        #[test]
        fn no_xml_makes_it_panic(xml in "(<[a-b/!?]{0,3}>?|&[a-z#0-9]{0,4};|[a-z\\]\\[]|.){0,40}") {
            let _ = Elements::read(xml.as_bytes(), Some(Charset::Gb18030));
        }
    }
}
