//! Reads JSON objects member by member, each as its raw text: what is signed is never serialised again. A duplicate name is an
//! error.

use std::{collections::BTreeMap, fmt};

use domain::Fen;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::words;

/// A limit that is higher than any message needs.
const MEMBERS_MAX: usize = 256;

/// The members of one JSON object, each as its raw text. An object with a duplicate name is refused.
#[derive(Debug)]
pub(crate) struct Members(BTreeMap<String, Box<RawValue>>);

impl Members {
    /// Nested values use no stack: a loop skips them, and they are never read.
    pub(crate) fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| words(&error.to_string()))
    }

    /// The raw text of a member, exactly as it came.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|raw| raw.get())
    }

    /// A member's string. A number counts as its text; any other type counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let raw = self.raw(name)?;
        let is_number = raw.bytes().next().is_some_and(|first| first.is_ascii_digit() || first == b'-');
        if is_number { Some(raw.to_owned()) } else { serde_json::from_str(raw).ok() }
    }

    /// A member's string, if it is not empty.
    pub(crate) fn filled(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// The object in a member.
    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        Self::parse(self.raw(name)?).ok()
    }

    /// An amount in fen: only a JSON integer counts.
    pub(crate) fn fen(&self, name: &str) -> Option<Fen> {
        let raw = self.raw(name).filter(|raw| raw.bytes().all(|byte| byte.is_ascii_digit()))?;
        Fen::new(raw.parse().ok()?).ok()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor).map(Members)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = BTreeMap<String, Box<RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = entries.next_entry::<String, Box<RawValue>>()? {
            if members.len() == MEMBERS_MAX {
                return Err(A::Error::custom("too many members"));
            }
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member appears twice"));
            }
        }
        Ok(members)
    }
}
