//! Stored items that a request could not read. The answer names them, beside the items that could be read.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use http::{HeaderValue, StatusCode, header::CONTENT_LENGTH};
use runtime::{Reply, json};
use serde_json::{Value, json};
use store::Unreadable;

use crate::deps::Deps;

/// An answer names at most this many. The log has all of them.
const NAMED_MAX: usize = 100;

/// The unreadable items that one request skipped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unread(Arc<Mutex<BTreeSet<Unreadable>>>);

impl Unread {
    /// A copy of `deps` whose store records here what it skips.
    pub(crate) fn noting(&self, deps: &Deps) -> Deps {
        let mut noting = deps.clone();
        let noted = self.clone();
        noting.services.store = deps.services.store.with_listener(move |unreadable| noted.note(unreadable));
        noting
    }

    fn note(&self, unreadable: &Unreadable) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() < NAMED_MAX {
            noted.insert(unreadable.clone());
        }
    }

    /// The items skipped so far, in the order of their keys.
    pub(crate) fn items(&self) -> Vec<Unreadable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Adds the skipped items to an answer of the operator API, if the answer is a list or contains one.
    pub(crate) fn named_in(&self, reply: Reply) -> Reply {
        let items = self.items();
        if items.is_empty() || reply.status() != StatusCode::OK {
            return reply;
        }
        let Ok(Value::Object(mut members)) = serde_json::from_slice(reply.body()) else { return reply };
        let named = |one: &Unreadable| json!({ "item": one.item, "attribute": one.attribute });
        if !["items", "deliveries"].iter().any(|list| members.contains_key(*list)) {
            return reply;
        }
        members.insert("unreadable".to_owned(), items.iter().map(named).collect());
        let (mut parts, _) = reply.into_parts();
        let body = json(StatusCode::OK, &members).into_body();
        if parts.headers.contains_key(CONTENT_LENGTH) {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        Reply::from_parts(parts, body)
    }
}
