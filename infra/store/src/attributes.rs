//! Typed reading and writing of an item's attributes.

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use domain::{ListCursor, Timestamp};

use crate::{
    StoreError,
    schema::{PK, SK, VERSION, VERSION_WRITTEN},
};

pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// An item that is being read.
pub(crate) struct Item<'a>(pub(crate) &'a Attributes);

impl Item<'_> {
    pub(crate) fn key(&self) -> String {
        let part = |name| self.find_text(name).unwrap_or("?");
        format!("{} / {}", part(PK), part(SK))
    }

    pub(crate) fn wrong(&self, attribute: &'static str) -> StoreError {
        StoreError::Item { key: self.key(), attribute }
    }

    pub(crate) fn find_text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<&str, StoreError> {
        self.find_text(name).ok_or_else(|| self.wrong(name))
    }

    /// The place of the last item of a page.
    pub(crate) fn find_cursor(&self, name: &str) -> Option<ListCursor> {
        ListCursor::parse(self.find_text(name)?).ok()
    }

    pub(crate) fn find_number(&self, name: &'static str) -> Result<Option<i64>, StoreError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.as_n().ok().and_then(|text| text.parse().ok()).map(Some).ok_or_else(|| self.wrong(name))
    }

    pub(crate) fn number(&self, name: &'static str) -> Result<i64, StoreError> {
        self.find_number(name)?.ok_or_else(|| self.wrong(name))
    }

    pub(crate) fn find_time(&self, name: &'static str) -> Result<Option<Timestamp>, StoreError> {
        self.find_number(name)?.map(|ms| Timestamp::from_ms(ms).map_err(|_| self.wrong(name))).transpose()
    }

    pub(crate) fn time(&self, name: &'static str) -> Result<Timestamp, StoreError> {
        self.find_time(name)?.ok_or_else(|| self.wrong(name))
    }

    /// An attribute that is true or false. If it is absent, it is false.
    pub(crate) fn find_bool(&self, name: &str) -> bool {
        self.0.get(name).and_then(|value| value.as_bool().ok()).is_some_and(|yes| *yes)
    }

    pub(crate) fn find_bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).and_then(|value| value.as_b().ok()).map(AsRef::as_ref)
    }

    pub(crate) fn bytes(&self, name: &'static str) -> Result<&[u8], StoreError> {
        self.find_bytes(name).ok_or_else(|| self.wrong(name))
    }

    /// Reads an attribute by a parser of `domain`.
    pub(crate) fn parsed<T>(&self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        parse(self.text(name)?).ok_or_else(|| self.wrong(name))
    }

    /// Reads an attribute that may be absent by a parser of `domain`.
    pub(crate) fn find_parsed<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        self.find_text(name).map(|text| parse(text).ok_or_else(|| self.wrong(name))).transpose()
    }
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn time(value: Timestamp) -> AttributeValue {
    number(value.ms())
}

pub(crate) fn bytes(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// An item with these keys and this version's number, and the attributes of `rest` that are not `None`.
pub(crate) fn item(
    pk: String,
    sk: String,
    rest: impl IntoIterator<Item = (&'static str, Option<AttributeValue>)>,
) -> Attributes {
    let keys = [(PK, Some(text(pk))), (SK, Some(text(sk))), (VERSION, Some(number(VERSION_WRITTEN)))];
    keys.into_iter().chain(rest).filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
