//! Reads the XML of the old interfaces: elements and their text, and nothing of what makes XML dangerous.

use quick_xml::{Reader, events::Event};

use crate::error::words;

/// An answer about one trade has some sixty elements.
const EVENTS_MAX: usize = 2048;
/// `alipay/response/trade/body` is four deep.
const DEPTH_MAX: usize = 8;

/// The text of every element that has no elements in it, by its path: `alipay/is_success`.
#[derive(Debug)]
pub(crate) struct Elements(Vec<(String, String)>);

/// The elements that are open, and what was read of the innermost.
#[derive(Default)]
struct Open {
    path: Vec<String>,
    text: String,
    is_leaf: bool,
}

impl Elements {
    /// # Errors
    /// In words, if it is not XML, has a document type or an entity of its own, or is larger or deeper than any answer.
    pub(crate) fn parse(xml: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(xml);
        let mut open = Open::default();
        let mut found = Vec::new();
        for _ in 0..EVENTS_MAX {
            match reader.read_event().map_err(|error| words(&error.to_string()))? {
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
                    open.text.push(sign.ok_or("it has an entity of its own")?);
                }
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::DocType(_) => return Err("it has a document type".to_owned()),
                Event::Eof if open.path.is_empty() && !found.is_empty() => return Ok(Self(found)),
                Event::Eof => return Err("it is cut off".to_owned()),
            }
        }
        Err(format!("it has more than {EVENTS_MAX} parts"))
    }

    /// The text of the one element at `path`, if it has any; of several none can be trusted.
    pub(crate) fn find(&self, path: &str) -> Option<&str> {
        let mut texts = self.0.iter().filter(|(known, _)| known == path).map(|(_, text)| text.as_str());
        match (texts.next(), texts.next()) {
            (Some(text), None) => Some(text).filter(|text| !text.is_empty()),
            (_, _) => None,
        }
    }

    /// The elements right below `path`, by name.
    pub(crate) fn below(&self, path: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |(known, text)| {
            let name = known.strip_prefix(path)?.strip_prefix('/')?;
            (!name.contains('/')).then_some((name, text.as_str()))
        })
    }
}

impl Open {
    fn enter(&mut self, name: &str) -> Result<(), String> {
        if self.path.len() == DEPTH_MAX {
            return Err(format!("it is deeper than {DEPTH_MAX}"));
        }
        self.path.push(name.to_owned());
        self.text.clear();
        self.is_leaf = true;
        Ok(())
    }

    /// The element that ends, if it had none in it.
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
        let elements = Elements::parse(xml).unwrap();
        assert_eq!(elements.find("alipay/is_success"), Some("T"));
        assert_eq!(elements.find("alipay/request/param"), None);
        let trade: Vec<_> = elements.below("alipay/response/trade").collect();
        assert_eq!(trade, [("body", "a & b 中"), ("x", ""), ("c", "<&>")]);
    }

    #[test]
    fn what_makes_xml_dangerous_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(9), "</a>".repeat(9));
        let long = format!("<a>{}</a>", "<b/>".repeat(EVENTS_MAX));
        for xml in
            ["<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "<a>&b;</a>", "<a>", "<a></b>", "", "text", &deep, &long]
        {
            assert!(Elements::parse(xml).is_err(), "{xml}");
        }
    }

    proptest! {
        #[test]
        fn no_xml_makes_it_panic(xml in "(<[a-b/!?]{0,3}>?|&[a-z#0-9]{0,4};|[a-z\\]\\[]|.){0,40}") {
            let _ = Elements::parse(&xml);
        }
    }
}
