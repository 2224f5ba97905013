//! Items that cannot be read. A list passes over them and reports them.
//!
//! An item may be changed by hand, or sealed with another key. It must not hide the other items of its page, or stop the sweep in its
//! shard. What decides about money is not read this way: the tries and refunds of a bill are read completely, or the read fails.

use std::{fmt, sync::Arc};

use tracing::error;

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item},
};

/// An item that was passed over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// Its partition key and its sort key.
    pub item: String,
    /// The attribute that cannot be read.
    pub attribute: &'static str,
}

/// The function that is called with each item that was passed over.
#[derive(Clone)]
pub(crate) struct Listener(Arc<dyn Fn(&Unreadable) + Send + Sync>);

impl Default for Listener {
    fn default() -> Self {
        Self(Arc::new(|_| ()))
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

impl Store {
    /// The same store, which calls `tell` with each item that it passes over.
    #[must_use]
    pub fn with_listener(&self, tell: impl Fn(&Unreadable) + Send + Sync + 'static) -> Self {
        let Listener(before) = self.on_unreadable.clone();
        let both = move |unreadable: &Unreadable| {
            before(unreadable);
            tell(unreadable);
        };
        Self { on_unreadable: Listener(Arc::new(both)), ..self.clone() }
    }

    /// The items of `items` that can be read.
    pub(crate) fn readable<'a, T>(
        &self,
        items: impl IntoIterator<Item = &'a Attributes>,
        read: impl Fn(&Attributes) -> Result<T, StoreError>,
    ) -> Vec<T> {
        items.into_iter().filter_map(|attributes| self.find_readable(attributes, &read)).collect()
    }

    /// One item among others, read by `read`; `None` if it cannot be read.
    pub(crate) fn find_readable<T>(
        &self,
        attributes: &Attributes,
        read: impl Fn(&Attributes) -> Result<T, StoreError>,
    ) -> Option<T> {
        read(attributes).inspect_err(|error| self.pass_over(attributes, error)).ok()
    }

    fn pass_over(&self, attributes: &Attributes, problem: &StoreError) {
        let attribute = match problem {
            StoreError::Item { attribute, .. } => attribute,
            StoreError::Sealed { .. } => "sealed",
            StoreError::Dynamo { .. } | StoreError::Contended { .. } | StoreError::Stale { .. } => "?",
        };
        let unreadable = Unreadable { item: Item(attributes).key(), attribute };
        error!(item.key = unreadable.item, item.attribute = attribute, "an item was passed over: {problem}");
        (self.on_unreadable.0)(&unreadable);
    }
}
