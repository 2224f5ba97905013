//! The audit log: who changed what. Each month is a partition.
//!
//! An entry is written before its change, and completed after it. So there is no change without an entry. If a worker stops in between, the
//! entry stays incomplete, and shows it.

use domain::{ListCursor, Timestamp};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, item, number, text, time},
    conditions::is_written,
    schema::{PK, SK, by_time_ms},
};

/// How many entries a page has. An entry has a few kilobytes at most.
const PAGE: i32 = 50;

/// Names an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditId {
    /// When it was done.
    pub at: Timestamp,
    /// A random text, because one millisecond may have several entries.
    pub random: String,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub who: String,
    /// What was done, in one word.
    pub action: String,
    /// What it was done to: an app, a channel, a webhook.
    pub target: String,
    /// The target before the change, as JSON without secrets.
    pub before: Option<String>,
    /// The target after the change, as JSON without secrets.
    pub after: Option<String>,
    /// The result: `done`, `refused`, or `begun` if it is not known.
    pub outcome: String,
    /// How often it happened: failed sign-ins share an entry.
    pub count: i64,
}

/// A page of the log, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// Up to 50.
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins, if there is one.
    pub cursor: Option<ListCursor>,
}

impl Store {
    /// Writes the entry of a change that is about to be made.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there is such an entry already.
    pub async fn begin_audit(&self, id: &AuditId, entry: &AuditEntry) -> Result<(), StoreError> {
        let attributes = item(
            month_pk(id.at),
            sk(id),
            [
                ("who", Some(text(&entry.who))),
                ("action", Some(text(&entry.action))),
                ("target", Some(text(&entry.target))),
                ("before", entry.before.as_ref().map(text)),
                ("after", entry.after.as_ref().map(text)),
                ("outcome", Some(text(&entry.outcome))),
                ("created_ms", Some(time(id.at))),
                ("count", Some(number(entry.count)).filter(|_| entry.count != 1)),
            ],
        );
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.configuration)
            .set_item(Some(attributes))
            .condition_expression("attribute_not_exists(pk)");
        if is_written(put.send().await, "beginning an audit entry")? {
            Ok(())
        } else {
            Err(StoreError::Stale { what: format!("{} / {}", month_pk(id.at), sk(id)) })
        }
    }

    /// Adds one to the count of an entry. `false` if there is no such entry.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_audit(&self, id: &AuditId) -> Result<bool, StoreError> {
        let update = self
            .dynamo
            .update_item()
            .table_name(&self.tables.configuration)
            .key(PK, text(month_pk(id.at)))
            .key(SK, text(sk(id)))
            .update_expression("SET #count = if_not_exists(#count, :one) + :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":one", number(1));
        is_written(update.send().await, "counting in an audit entry")
    }

    /// Completes an entry with the result.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there is no such entry.
    pub async fn finish_audit(&self, id: &AuditId, outcome: &str, after: Option<&str>) -> Result<(), StoreError> {
        let mut update = self
            .dynamo
            .update_item()
            .table_name(&self.tables.configuration)
            .key(PK, text(month_pk(id.at)))
            .key(SK, text(sk(id)))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":outcome", text(outcome));
        update = match after {
            Some(after) => update
                .update_expression("SET outcome = :outcome, #after = :after")
                .expression_attribute_names("#after", "after")
                .expression_attribute_values(":after", text(after)),
            None => update.update_expression("SET outcome = :outcome"),
        };
        if is_written(update.send().await, "completing an audit entry")? {
            Ok(())
        } else {
            Err(StoreError::Stale { what: format!("{} / {}", month_pk(id.at), sk(id)) })
        }
    }

    /// A page of one month's log (`202611`), newest first, from `cursor` on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_log(&self, month: &str, cursor: Option<&ListCursor>) -> Result<AuditPage, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.configuration)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk < :before")
            .expression_attribute_values(":pk", text(format!("AUDIT#{month}")))
            // `~` sorts after every moment.
            .expression_attribute_values(":before", text(cursor.map_or("~", ListCursor::as_str)))
            .scan_index_forward(false)
            .limit(PAGE)
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of the audit log", error))?;
        let cursor = page.last_evaluated_key().and_then(|key| Item(key).find_cursor(SK));
        Ok(AuditPage { entries: self.readable(page.items(), read_entry), cursor })
    }
}

fn read_entry(attributes: &Attributes) -> Result<AuditEntry, StoreError> {
    let item = Item(attributes);
    let owned = |name| item.find_text(name).map(str::to_owned);
    Ok(AuditEntry {
        at: item.time("created_ms")?,
        who: item.text("who")?.to_owned(),
        action: item.text("action")?.to_owned(),
        target: item.text("target")?.to_owned(),
        before: owned("before"),
        after: owned("after"),
        outcome: item.text("outcome")?.to_owned(),
        count: item.find_number("count")?.unwrap_or(1),
    })
}

/// The month in UTC: `AUDIT#202611`.
fn month_pk(at: Timestamp) -> String {
    let date = at.to_string();
    let (year, month) = (date.get(..4).unwrap_or_default(), date.get(5..7).unwrap_or_default());
    format!("AUDIT#{year}{month}")
}

fn sk(id: &AuditId) -> String {
    format!("{}#{}", by_time_ms(id.at), id.random)
}
