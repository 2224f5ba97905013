//! WeChat's flat XML, parsed strictly and written in CDATA.
//!
//! It accepts no DTD, no processing instruction, no attribute, no nesting, no duplicate element, and no entities except the five of
//! XML itself. So a message cannot make it fetch anything, or expand.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use crate::kit::form::Params;

const BYTES_MAX: usize = 64 * 1024;
/// The most elements of one message; WeChat documents some forty.
const ELEMENTS_MAX: usize = 200;
/// Events of one element: start, texts, references, end.
const EVENTS_MAX: usize = 100_000;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum XmlError {
    #[error("larger than {BYTES_MAX} bytes or {ELEMENTS_MAX} elements")]
    TooLarge,
    #[error("not well-formed: {0}")]
    Syntax(String),
    #[error("{0} is not allowed")]
    Forbidden(&'static str),
    #[error("element `{0}` is given twice")]
    Twice(String),
    #[error("the root must be one `xml` element")]
    Root,
}

/// The reader's place in the document.
enum Place {
    Before,
    Root,
    Element { name: String, text: String },
    After,
}

/// Reads `<xml><name>value</name>…</xml>`.
pub(super) fn read(bytes: &[u8]) -> Result<Params, XmlError> {
    if bytes.len() > BYTES_MAX {
        return Err(XmlError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::Syntax("not UTF-8".to_owned()))?;
    let mut reader = Reader::from_str(text);
    let mut params = Params::new();
    let mut place = Place::Before;
    for _ in 0..EVENTS_MAX {
        let event = reader.read_event().map_err(|error| XmlError::Syntax(error.to_string()))?;
        if matches!(event, Event::Eof) {
            return if matches!(place, Place::After) { Ok(params) } else { Err(XmlError::Root) };
        }
        place = step(place, &event, &mut params)?;
        if params.len() > ELEMENTS_MAX {
            return Err(XmlError::TooLarge);
        }
    }
    Err(XmlError::TooLarge)
}

fn step(place: Place, event: &Event<'_>, params: &mut Params) -> Result<Place, XmlError> {
    match (place, event) {
        (_, Event::DocType(_)) => Err(XmlError::Forbidden("a DTD")),
        (_, Event::PI(_)) => Err(XmlError::Forbidden("a processing instruction")),
        (Place::Before, Event::Decl(_)) => Ok(Place::Before),
        (_, Event::Decl(_)) => Err(XmlError::Forbidden("a second declaration")),
        (place, Event::Comment(_)) => Ok(place),
        (_, Event::Start(start) | Event::Empty(start)) if start.attributes().next().is_some() => {
            Err(XmlError::Forbidden("an attribute"))
        }
        (Place::Before, Event::Start(start)) if start.name().as_ref() == "xml" => Ok(Place::Root),
        (Place::Root, Event::Start(start)) => {
            Ok(Place::Element { name: start.name().as_ref().to_owned(), text: String::new() })
        }
        (Place::Root, Event::Empty(start)) => {
            put(params, start.name().as_ref().to_owned(), String::new())?;
            Ok(Place::Root)
        }
        (Place::Element { .. }, Event::Start(_) | Event::Empty(_)) => Err(XmlError::Forbidden("nesting")),
        (Place::Element { name, mut text }, Event::Text(part)) => {
            text.push_str(part.as_ref());
            Ok(Place::Element { name, text })
        }
        (Place::Element { name, mut text }, Event::CData(part)) => {
            text.push_str(part.as_ref());
            Ok(Place::Element { name, text })
        }
        (Place::Element { name, mut text }, Event::GeneralRef(reference)) => {
            text.push(character(reference)?);
            Ok(Place::Element { name, text })
        }
        (Place::Element { name, text }, Event::End(_)) => {
            put(params, name, text)?;
            Ok(Place::Root)
        }
        (Place::Root, Event::End(_)) => Ok(Place::After),
        (place @ (Place::Before | Place::Root | Place::After), Event::Text(part))
            if part.as_ref().chars().all(|sign| sign.is_ascii_whitespace()) =>
        {
            Ok(place)
        }
        (Place::Before | Place::Root | Place::After, _) | (Place::Element { .. }, Event::Eof) => Err(XmlError::Root),
    }
}

fn put(params: &mut Params, name: String, text: String) -> Result<(), XmlError> {
    if params.contains_key(&name) {
        return Err(XmlError::Twice(name));
    }
    params.insert(name, text);
    Ok(())
}

/// One of the five entities of XML, or a character by its number.
fn character(reference: &BytesRef<'_>) -> Result<char, XmlError> {
    if let Some(sign) = reference.resolve_char_ref().map_err(|error| XmlError::Syntax(error.to_string()))? {
        return Ok(sign);
    }
    match reference.as_ref() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(XmlError::Forbidden("an entity")),
    }
}

/// Writes values in CDATA, as WeChat does.
pub(super) fn write(params: &Params) -> String {
    let mut text = String::from("<xml>");
    for (name, value) in params {
        let value = value.replace("]]>", "]]]]><![CDATA[>");
        text.push_str(&format!("<{name}><![CDATA[{value}]]></{name}>"));
    }
    text.push_str("</xml>");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_goes_round() {
        let params = Params::from([("a".to_owned(), "1 < 2 & ]]> 支".to_owned()), ("b".to_owned(), String::new())]);
        assert_eq!(read(write(&params).as_bytes()), Ok(params));
    }

    #[test]
    fn xml_is_read_strictly() {
        #[rustfmt::skip]
        const CASES: &[(&str, Option<&str>)] = &[
            ("<xml><a>1</a></xml>",                                        Some("1")),
            ("<?xml version=\"1.0\"?>\n<xml>\n <a>1</a>\n</xml>\n",        Some("1")),
            ("<xml><a><![CDATA[<1>&]]></a></xml>",                         Some("<1>&")),
            ("<xml><a>&lt;&#49;&gt;&amp;</a></xml>",                       Some("<1>&")),
            ("<xml><a> 1 </a></xml>",                                      Some(" 1 ")),
            ("<xml><a/></xml>",                                            Some("")),
            ("<xml><a>1</a><a>1</a></xml>",                                None),
            ("<xml><a><b>1</b></a></xml>",                                 None),
            ("<xml><a x=\"1\">1</a></xml>",                                None),
            ("<xml x=\"1\"><a>1</a></xml>",                                None),
            ("<xml><a>&x;</a></xml>",                                      None),
            ("<!DOCTYPE xml [<!ENTITY x \"1\">]><xml><a>&x;</a></xml>",    None),
            ("<!DOCTYPE xml><xml><a>1</a></xml>",                          None),
            ("<xml><?php echo 1?><a>1</a></xml>",                          None),
            ("<xml><a>1</a></xml><xml></xml>",                             None),
            ("<xml><a>1</b></xml>",                                        None),
            ("<xml><a>1</a>",                                              None),
            ("<root><a>1</a></root>",                                      None),
            ("<xml>1<a>1</a></xml>",                                       None),
            ("a=1",                                                        None),
            ("",                                                           None),
        ];
        for (text, expect) in CASES {
            let found = read(text.as_bytes()).ok().map(|params| params["a"].clone());
            assert_eq!(found.as_deref(), *expect, "{text}");
        }
        assert_eq!(read(&vec![b' '; BYTES_MAX + 1]), Err(XmlError::TooLarge));
    }
}
