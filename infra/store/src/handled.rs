//! What people noted about incidents and days: who dealt with it, when, and a note.
//!
//! The note is one attribute of the item itself. One read gets both.

use domain::{AppId, Handled, HandledNote, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    DayKey, Store, StoreError,
    attributes::{Item, text},
    conditions::is_written,
    incidents::incident_key,
    schema::{BY_TIME_PK, HANDLED, PK, SK},
};

/// The keys of an item.
pub(crate) struct ItemKey {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

/// What a person saw of a day who marks it as handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaySeen {
    /// It was compared, so its differences are known.
    Compared,
    /// It is still owed, or was missed.
    Owed,
}

/// A note as it is stored, in JSON.
#[derive(Serialize, Deserialize)]
struct StoredNote {
    by: String,
    ms: i64,
    note: String,
}

impl Store {
    /// Notes that a person dealt with an incident. `false` if there is no such incident, or it has such a note already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn handle_incident(&self, app: &AppId, id: &str, handled: &Handled) -> Result<bool, StoreError> {
        match incident_key(app, id) {
            // A day that was compared meanwhile is in the list of incidents no longer.
            Some(key) => self.note_handled(key, Some(handled), &format!("attribute_exists({BY_TIME_PK})")).await,
            None => Ok(false),
        }
    }

    /// Removes the note from an incident. `false` if it has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reopen_incident(&self, app: &AppId, id: &str) -> Result<bool, StoreError> {
        match incident_key(app, id) {
            Some(key) => self.note_handled(key, None, "attribute_exists(pk)").await,
            None => Ok(false),
        }
    }

    /// Notes that a person dealt with a day. `false` if there is no such day, it has such a note already, or it is not as the person saw it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn handle_day(&self, key: &DayKey, seen: Option<DaySeen>, handled: &Handled) -> Result<bool, StoreError> {
        let as_seen = match seen {
            None => "attribute_exists(pk)",
            Some(DaySeen::Compared) => "attribute_exists(done_ms)",
            Some(DaySeen::Owed) => "attribute_not_exists(done_ms)",
        };
        self.note_handled(ItemKey { pk: key.pk(), sk: key.sk() }, Some(handled), as_seen).await
    }

    /// Removes the note from a day. `false` if it has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reopen_day(&self, key: &DayKey) -> Result<bool, StoreError> {
        self.note_handled(ItemKey { pk: key.pk(), sk: key.sk() }, None, "attribute_exists(pk)").await
    }

    async fn note_handled(&self, key: ItemKey, handled: Option<&Handled>, condition: &str) -> Result<bool, StoreError> {
        let update = self
            .dynamo
            .update_item()
            .table_name(&self.tables.transactions)
            .key(PK, text(key.pk))
            .key(SK, text(key.sk))
            .expression_attribute_names("#handled", HANDLED);
        let update = match handled {
            Some(handled) => update
                .update_expression("SET #handled = :handled")
                .condition_expression(format!(
                    "attribute_exists(pk) AND {condition} AND attribute_not_exists(#handled)"
                ))
                .expression_attribute_values(":handled", text(write_note(handled))),
            None => update
                .update_expression("REMOVE #handled")
                .condition_expression(format!("{condition} AND attribute_exists(#handled)")),
        };
        is_written(update.send().await, "note that something was dealt with")
    }
}

fn write_note(handled: &Handled) -> String {
    let note = StoredNote { by: handled.by.clone(), ms: handled.at.ms(), note: handled.note.as_str().to_owned() };
    // Texts and a number can always be written.
    serde_json::to_string(&note).unwrap_or_default()
}

/// The note in an incident or a day; `None` if nobody dealt with it.
pub(crate) fn find_handled(item: &Item<'_>) -> Result<Option<Handled>, StoreError> {
    item.find_parsed(HANDLED, |json| {
        let StoredNote { by, ms, note } = serde_json::from_str(json).ok()?;
        Some(Handled { by, at: Timestamp::from_ms(ms).ok()?, note: HandledNote::parse(&note)? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::item;

    #[test]
    fn a_note_goes_round_and_an_item_of_before_has_none() {
        let note = HandledNote::parse("refunded by hand,\n\"R1\"").unwrap();
        let handled = Handled { by: "admin".to_owned(), at: Timestamp::clamped(7), note };
        let with = item("p".to_owned(), "s".to_owned(), [(HANDLED, Some(text(write_note(&handled))))]);
        assert_eq!(find_handled(&Item(&with)).unwrap(), Some(handled));
        assert_eq!(find_handled(&Item(&item("p".to_owned(), "s".to_owned(), []))).unwrap(), None);
        let wrong = item("p".to_owned(), "s".to_owned(), [(HANDLED, Some(text("created")))]);
        assert!(find_handled(&Item(&wrong)).is_err());
    }
}
