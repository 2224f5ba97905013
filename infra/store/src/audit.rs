//! The audit log: who changed what. Each month is a partition.
//!
//! An entry is written before its change, and completed after it. So there is no change without an entry. If a worker stops in between, the
//! entry stays incomplete, and shows it.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use domain::{AppId, ListCursor, Sentence, Timestamp, closed_list};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, item, number, text, time},
    conditions::is_written,
    schema::{FAILURE_SAID, PK, SK, by_time_ms},
};

/// How many entries a page has. An entry has a few kilobytes at most.
const PAGE: i32 = 50;

/// The most pages that a search reads.
const SEARCHED_PAGES_MAX: u32 = 20;

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
    /// From which address it was done, if that is known. A sign-in has its address as its target.
    pub from: Option<String>,
    /// The members of the request that name amounts and choices, as JSON.
    pub asked: Option<String>,
    /// The result: `done`, `refused`, or `begun` if it is not known.
    pub outcome: String,
    /// Why it was refused or failed.
    pub why: Option<Sentence>,
    /// How often it happened: failed sign-ins share an entry.
    pub count: i64,
}

closed_list! {
    /// What became of a change.
    pub enum AuditResult {
        /// It was made.
        Done = "done",
        /// It was refused.
        Refused = "refused",
        /// It failed.
        Failed = "failed",
        /// It is not known: the function stopped before the entry was completed.
        Begun = "begun",
    }
}

/// Which entries are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those of one operator.
    pub who: Option<String>,
    /// Those of one action, by its name.
    pub action: Option<String>,
    /// Those about one app.
    pub app: Option<AppId>,
    /// Those with one result.
    pub result: Option<AuditResult>,
}

/// How a change ended, as its entry keeps it.
#[derive(Clone, Copy, Debug)]
pub struct AuditEnd<'a> {
    /// The result.
    pub outcome: &'a str,
    /// The target after the change, as JSON without secrets.
    pub after: Option<&'a str>,
    /// Why it was refused or failed.
    pub why: Option<&'a Sentence>,
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
                ("from", entry.from.as_ref().map(text)),
                ("asked", entry.asked.as_ref().map(text)),
                ("outcome", Some(text(&entry.outcome))),
                ("why", entry.why.as_ref().map(|why| text(&why.text))),
                (FAILURE_SAID, entry.why.as_ref().map(|why| text(why.to_json()))),
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
    pub async fn finish_audit(&self, id: &AuditId, end: AuditEnd<'_>) -> Result<(), StoreError> {
        let mut sets = vec!["outcome = :outcome".to_owned()];
        let mut update = self
            .dynamo
            .update_item()
            .table_name(&self.tables.configuration)
            .key(PK, text(month_pk(id.at)))
            .key(SK, text(sk(id)))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":outcome", text(end.outcome));
        if let Some(after) = end.after {
            sets.push("#after = :after".to_owned());
            update =
                update.expression_attribute_names("#after", "after").expression_attribute_values(":after", text(after));
        }
        if let Some(why) = end.why {
            sets.push(format!("why = :why, {FAILURE_SAID} = :said"));
            update = update
                .expression_attribute_values(":why", text(&why.text))
                .expression_attribute_values(":said", text(why.to_json()));
        }
        let update = update.update_expression(format!("SET {}", sets.join(", ")));
        if is_written(update.send().await, "completing an audit entry")? {
            Ok(())
        } else {
            Err(StoreError::Stale { what: format!("{} / {}", month_pk(id.at), sk(id)) })
        }
    }

    /// A page of one month's log (`202611`), newest first, from `cursor` on. A page that is filtered may be short although another page follows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_log(
        &self,
        month: &str,
        filter: &AuditFilter,
        cursor: Option<&ListCursor>,
    ) -> Result<AuditPage, StoreError> {
        let mut found = AuditPage { entries: Vec::new(), cursor: cursor.cloned() };
        for _ in 0..SEARCHED_PAGES_MAX {
            let query = self
                .dynamo
                .query()
                .table_name(&self.tables.configuration)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk < :before")
                .expression_attribute_values(":pk", text(format!("AUDIT#{month}")))
                // `~` sorts after every moment.
                .expression_attribute_values(":before", text(found.cursor.as_ref().map_or("~", ListCursor::as_str)))
                .scan_index_forward(false)
                .limit(PAGE);
            let page = filtered(query, filter)
                .send()
                .await
                .map_err(|error| StoreError::dynamo("query of the audit log", error))?;
            found.entries = self.readable(page.items(), read_entry);
            found.cursor = page.last_evaluated_key().and_then(|key| Item(key).find_cursor(SK));
            if found.cursor.is_none() || !found.entries.is_empty() {
                break;
            }
        }
        Ok(found)
    }
}

fn filtered(mut query: QueryFluentBuilder, filter: &AuditFilter) -> QueryFluentBuilder {
    let AuditFilter { who, action, app, result } = filter;
    let wanted =
        [("who", who.clone()), ("action", action.clone()), ("outcome", result.map(|result| result.name().to_owned()))];
    let mut conditions = Vec::new();
    for (name, value) in wanted.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        conditions.push(format!("#{name} = :{name}"));
        query = query
            .expression_attribute_names(format!("#{name}"), name)
            .expression_attribute_values(format!(":{name}"), text(value));
    }
    if let Some(app) = app {
        conditions.push("begins_with(target, :app)".to_owned());
        query = query.expression_attribute_values(":app", text(format!("apps/{app}")));
    }
    if conditions.is_empty() { query } else { query.filter_expression(conditions.join(" AND ")) }
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
        from: owned("from"),
        asked: owned("asked"),
        outcome: item.text("outcome")?.to_owned(),
        why: item.find_text("why").map(|text| Sentence::kept(text, item.find_text(FAILURE_SAID))),
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
