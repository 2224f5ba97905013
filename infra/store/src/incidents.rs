//! Incidents: verified reports that do not match, messages that could not be verified, and bills that were paid twice. They are kept so
//! that a person can look at them and replay them.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    AppId, BillNum, Delivery, DeliveryId, Handled, HandledState, IncidentKind, ListCursor, Mode, ProviderTradeNo,
    Sentence, Timestamp, TransactionKey,
};
use sha2::{Digest, Sha256};

use crate::{
    DayKey, Store, StoreError,
    attributes::{Attributes, Item, bytes, item, number, text, time},
    conditions::is_written,
    handled::{ItemKey, find_handled},
    items::Written,
    schema::{
        BY_TIME, BY_TIME_PK, BY_TIME_SK, HANDLED, INCIDENT_PREFIX, PK, PROBLEM_SAID, SK, TTL, VERSION_WRITTEN, bill_pk,
        by_time_ms, forged_counts_pk, forged_pk, incidents_pk, parse_transaction_key, reconciliations_pk,
        transaction_pk, transaction_sk,
    },
};

/// How long an incident is kept.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// How many incidents a page has. The index does not have the raw bodies, so a page costs a few units.
const PAGE: i32 = 50;

/// Sorts after every moment.
const NEWEST: &str = "~";

/// How often keeping an incident is tried while other workers keep the same.
const KEEP_TRIES_MAX: u32 = 10;

/// The most forged messages that are kept for an app and a mode in an hour. These are enough to see what is wrong, and strangers cannot
/// fill the table.
const FORGED_KEPT_MAX: i64 = 50;
const HOUR_MS: i64 = 3_600_000;

/// More characters than any kind has.
const KIND_CHARS_MAX: usize = 32;

/// The hours whose counts are shown.
const FORGED_HOURS: i32 = 24;

/// The most pages that a search for one kind reads.
const SEARCHED_PAGES_MAX: u32 = 20;

/// An incident that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The try that it is about.
    pub key: TransactionKey,
    /// When it came first.
    pub seen_at: Timestamp,
    /// The kind; its word is a part of the item's key.
    pub kind: IncidentKind,
    /// What is wrong, for people.
    pub problem: Sentence,
    /// The provider's number of the payment, if the report has one.
    pub trade_no: Option<ProviderTradeNo>,
    /// The source: `notify`, `answer`, or `books` if it was found in our own records.
    pub source: &'static str,
    /// The headers that its verification needs, by their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it arrived, bounded by the caller.
    pub body: Vec<u8>,
}

impl Incident {
    /// Identifies an incident of its transaction: two incidents with one name are the same.
    pub fn name(&self) -> String {
        let trade_no = self.trade_no.as_ref().map(ProviderTradeNo::as_str).unwrap_or_default();
        let what = if self.kind == IncidentKind::Forged {
            (self.seen_at.seconds() / 3600).to_string()
        } else if matches!(self.kind, IncidentKind::Price | IncidentKind::Duplicate) {
            // The server may name several prices after a payment at another one, and another payment may come to be the first of the bill. The
            // merchant learns of the payment once.
            String::new()
        } else {
            self.problem.text.clone()
        };
        let wrong = format!("{}#{trade_no}#{what}", transaction_sk(&self.key));
        URL_SAFE_NO_PAD.encode(Sha256::digest(wrong))
    }

    fn sk(&self) -> String {
        format!("{INCIDENT_PREFIX}{}#{}", self.kind, self.name())
    }

    /// The list that has it.
    fn list(&self) -> String {
        let (app, mode) = (&self.key.app, self.key.mode);
        if self.kind == IncidentKind::Forged { forged_pk(app, mode) } else { incidents_pk(app, mode) }
    }
}

/// What became of a forged message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgedKept {
    /// It is kept.
    Kept,
    /// For this transaction, one of this hour is kept already.
    Known,
    /// This hour has as many as are kept, so it was only counted.
    Counted,
}

/// An hour in which more forged messages came than are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgedHour {
    /// When the hour began.
    pub since: Timestamp,
    /// How many were not kept.
    pub not_kept: i64,
}

/// An incident with the message that brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptIncident {
    /// What it is.
    pub summary: IncidentSummary,
    /// The source: `notify`, `answer` or `books`.
    pub source: String,
    /// The headers that its verification needs.
    pub headers: Vec<(String, String)>,
    /// The body as it arrived.
    pub body: Vec<u8>,
}

/// What an incident is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncidentSubject {
    /// The try that it came for.
    Try(TransactionKey),
    /// A day of an account.
    Day(DayKey),
}

impl IncidentSubject {
    /// The mode of the payment, or of the account.
    pub fn mode(&self) -> Mode {
        match self {
            Self::Try(key) => key.mode,
            Self::Day(day) => day.account.mode,
        }
    }
}

/// An incident without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentSummary {
    /// Its name in addresses of the operator API.
    pub id: String,
    /// What it is about.
    pub subject: IncidentSubject,
    /// When it came first.
    pub seen_at: Timestamp,
    /// The word of its kind. It may be a kind that only a later version knows.
    pub kind: String,
    /// What is wrong.
    pub problem: Sentence,
    /// Who dealt with it; `None` if nobody did.
    pub handled: Option<Handled>,
}

/// Which incidents are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncidentFilter {
    /// Those of one kind. Without it, the verified ones of every kind.
    pub kind: Option<IncidentKind>,
    /// Those that somebody dealt with, or the others. Without it, both.
    pub state: Option<HandledState>,
}

/// A page of incidents, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncidentPage {
    /// Up to 50.
    pub incidents: Vec<IncidentSummary>,
    /// Where the next page begins, if there is one.
    pub cursor: Option<ListCursor>,
}

impl Store {
    /// Keeps an incident together with the deliveries that report it; `false` if it is kept already. A provider repeats a message that was
    /// not acknowledged, each time with another time and signature. So an incident is identified by what is wrong, and not by the bytes of
    /// its message.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_incident(&self, incident: &Incident, told: &[Delivery]) -> Result<bool, StoreError> {
        let mut told = told.to_vec();
        for round in 0..KEEP_TRIES_MAX {
            let mut writes = vec![self.put_once(write_incident(incident))?];
            writes.extend(self.put_deliveries(&told)?);
            if self.write_all(writes, "keeping an incident").await? == Written::Done {
                return Ok(true);
            }
            if self.get(transaction_pk(&incident.key), incident.sk()).await?.is_some() {
                return Ok(false);
            }
            // Some webhooks were told under an incident that is gone since, or that an older version named otherwise. If none were, another worker
            // is keeping the same incident just now.
            let ids: Vec<DeliveryId> = told.iter().map(|delivery| delivery.id.clone()).collect();
            let kept = self.find_deliveries(&ids).await?;
            told.retain(|delivery| kept.iter().all(|kept| kept.id != delivery.id));
            tokio::time::sleep(Duration::from_millis(5) * (round + 1)).await;
        }
        Err(StoreError::Contended { what: incident.sk(), tries: KEEP_TRIES_MAX })
    }

    /// An incident of this app, with its message. `None` if `id` is not one of its.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_incident(&self, app: &AppId, id: &str) -> Result<Option<KeptIncident>, StoreError> {
        if let Some(key) = parse_day_id(app, id) {
            return self.find_day_incident(&key).await;
        }
        let Some((mode, bill, sk)) = parse_id(id) else { return Ok(None) };
        let Some(attributes) = self.get(bill_pk(app, mode, &bill), sk).await? else { return Ok(None) };
        let item = Item(&attributes);
        Ok(Some(KeptIncident {
            summary: read_incident(&attributes)?,
            source: item.find_text("source").unwrap_or("notify").to_owned(),
            headers: item.find_text("headers").and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default(),
            body: item.find_bytes("body").unwrap_or_default().to_vec(),
        }))
    }

    /// `None` if the day was compared.
    async fn find_day_incident(&self, key: &DayKey) -> Result<Option<KeptIncident>, StoreError> {
        let Some(attributes) = self.get(key.pk(), key.sk()).await? else { return Ok(None) };
        if !attributes.contains_key(BY_TIME_PK) {
            return Ok(None);
        }
        let summary = read_incident(&attributes)?;
        Ok(Some(KeptIncident { summary, source: "books".to_owned(), headers: Vec::new(), body: Vec::new() }))
    }

    /// A page of an app's incidents, newest first, from `cursor` on. A page that is filtered may be short although another page follows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn incidents(
        &self,
        app: &AppId,
        mode: Mode,
        filter: IncidentFilter,
        cursor: Option<&ListCursor>,
    ) -> Result<IncidentPage, StoreError> {
        let IncidentFilter { kind, state } = filter;
        let is_forged = kind == Some(IncidentKind::Forged);
        let list = if is_forged { forged_pk(app, mode) } else { incidents_pk(app, mode) };
        let mut found = IncidentPage { incidents: Vec::new(), cursor: cursor.cloned() };
        for _ in 0..SEARCHED_PAGES_MAX {
            let before = found.cursor.as_ref().map_or(NEWEST, ListCursor::as_str);
            let mut query = self
                .dynamo
                .query()
                .table_name(&self.tables.transactions)
                .index_name(BY_TIME)
                .key_condition_expression("by_time_pk = :pk AND by_time_sk < :before")
                .expression_attribute_values(":pk", text(&list))
                .expression_attribute_values(":before", text(before))
                .scan_index_forward(false)
                .limit(PAGE);
            let mut conditions = Vec::new();
            if let Some(kind) = kind.filter(|_| !is_forged) {
                conditions.push("kind = :kind");
                query = query.expression_attribute_values(":kind", text(kind.name()));
            }
            if let Some(state) = state {
                conditions.push(match state {
                    HandledState::Open => "attribute_not_exists(#handled)",
                    HandledState::Handled => "attribute_exists(#handled)",
                });
                query = query.expression_attribute_names("#handled", HANDLED);
            }
            if !conditions.is_empty() {
                query = query.filter_expression(conditions.join(" AND "));
            }
            let page = query.send().await.map_err(|error| StoreError::dynamo("query of incidents", error))?;
            found.incidents = self.readable(page.items(), read_incident);
            found.cursor = page.last_evaluated_key().and_then(|key| Item(key).find_cursor(BY_TIME_SK));
            if found.cursor.is_none() || !found.incidents.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// Keeps a message that could not be verified, if its hour has room; otherwise it is only counted. The count is written first, so an
    /// hour never has too many, however many messages come at once. A stop between the two writes costs the hour one place.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_forged(&self, incident: &Incident) -> Result<ForgedKept, StoreError> {
        if self.get(transaction_pk(&incident.key), incident.sk()).await?.is_some() {
            return Ok(ForgedKept::Known);
        }
        let room = "attribute_not_exists(pk) OR kept < :max";
        if self.count_forged(incident, "kept", room).await? {
            let kept =
                self.write_all(vec![self.put_once(write_incident(incident))?], "keeping a forged message").await?;
            return Ok(if kept == Written::Done { ForgedKept::Kept } else { ForgedKept::Known });
        }
        self.count_forged(incident, "not_kept", "kept >= :max").await?;
        Ok(ForgedKept::Counted)
    }

    /// Adds one to a count of an hour. `false` if the condition does not hold.
    async fn count_forged(
        &self,
        incident: &Incident,
        count: &'static str,
        condition: &'static str,
    ) -> Result<bool, StoreError> {
        let (key, hour) = (&incident.key, hour_of(incident.seen_at));
        let update = self
            .dynamo
            .update_item()
            .table_name(&self.tables.transactions)
            .key(PK, text(forged_counts_pk(&key.app, key.mode)))
            .key(SK, text(by_time_ms(hour)))
            .update_expression(format!("SET #ttl = :ttl, v = :v ADD {count} :one"))
            .condition_expression(condition)
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":ttl", number(hour.plus(KEPT).seconds()))
            .expression_attribute_values(":v", number(VERSION_WRITTEN))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":max", number(FORGED_KEPT_MAX));
        is_written(update.send().await, "count of forged messages")
    }

    /// The latest hours in which more forged messages came than are kept, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forged_hours(&self, app: &AppId, mode: Mode) -> Result<Vec<ForgedHour>, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(forged_counts_pk(app, mode)))
            .scan_index_forward(false)
            .limit(FORGED_HOURS)
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of forged messages", error))?;
        let mut hours = self.readable(page.items(), read_forged_hour);
        hours.retain(|hour| hour.not_kept > 0);
        Ok(hours)
    }
}

fn read_forged_hour(attributes: &Attributes) -> Result<ForgedHour, StoreError> {
    let item = Item(attributes);
    let since = item.parsed(SK, |ms| Timestamp::from_ms(ms.parse().ok()?).ok())?;
    Ok(ForgedHour { since, not_kept: item.find_number("not_kept")?.unwrap_or_default() })
}

fn hour_of(moment: Timestamp) -> Timestamp {
    Timestamp::clamped(moment.ms() - moment.ms().rem_euclid(HOUR_MS))
}

impl Store {
    /// The incidents of one bill that are still kept, at most a page of them, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bill_incidents(
        &self,
        app: &AppId,
        mode: Mode,
        bill: &BillNum,
    ) -> Result<Vec<IncidentSummary>, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :incident)")
            // The body is not shown, and may be long.
            .projection_expression("pk, sk, #transaction, kind, problem, extras, created_ms, #handled")
            .expression_attribute_names("#transaction", "transaction")
            .expression_attribute_names("#handled", HANDLED)
            .expression_attribute_values(":pk", text(bill_pk(app, mode, bill)))
            .expression_attribute_values(":incident", text(INCIDENT_PREFIX))
            .limit(PAGE)
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of a bill's incidents", error))?;
        Ok(self.readable(page.items(), read_incident))
    }
}

pub(crate) fn read_incident(attributes: &Attributes) -> Result<IncidentSummary, StoreError> {
    let item = Item(attributes);
    let sk = item.text(SK)?;
    let (subject, id) = match DayKey::parse(item.text(PK)?, sk) {
        Some(key) => {
            let id = format!("{}\n{DAY_ID}\n{sk}", key.account.mode);
            (IncidentSubject::Day(key), id)
        }
        None => {
            let key = parse_transaction_key(item.text(PK)?, item.text("transaction")?);
            let key = key.ok_or_else(|| item.wrong("transaction"))?;
            let id = format!("{}\n{}\n{sk}", key.mode, key.bill);
            (IncidentSubject::Try(key), id)
        }
    };
    Ok(IncidentSummary {
        id: URL_SAFE_NO_PAD.encode(id),
        subject,
        seen_at: item.time("created_ms")?,
        kind: item.text("kind")?.to_owned(),
        problem: Sentence::kept(item.text("problem")?, item.find_text(PROBLEM_SAID)),
        handled: find_handled(&item)?,
    })
}

/// In the id of a day's incident, this is in the place of the bill's number. No bill's number is empty.
const DAY_ID: &str = "";

/// Reads the id of a day's incident; `None` for any other text.
fn parse_day_id(app: &AppId, id: &str) -> Option<DayKey> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
    let mut lines = text.splitn(3, '\n');
    let (mode, bill, sk) = (Mode::find(lines.next()?)?, lines.next()?, lines.next()?);
    if bill == DAY_ID { DayKey::parse(&reconciliations_pk(app, mode), sk) } else { None }
}

/// The keys of the item that an incident's id names; `None` if `id` is not one of the app's.
pub(crate) fn incident_key(app: &AppId, id: &str) -> Option<ItemKey> {
    if let Some(day) = parse_day_id(app, id) {
        return Some(ItemKey { pk: day.pk(), sk: day.sk() });
    }
    let (mode, bill, sk) = parse_id(id)?;
    Some(ItemKey { pk: bill_pk(app, mode, &bill), sk })
}

/// Reads the id of an incident; `None` for any other text.
fn parse_id(id: &str) -> Option<(Mode, BillNum, String)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
    let mut lines = text.splitn(3, '\n');
    let (mode, bill, sk) = (lines.next()?, lines.next()?, lines.next()?);
    let (kind, name) = sk.strip_prefix(INCIDENT_PREFIX)?.split_once('#')?;
    let is_kind =
        (1..=KIND_CHARS_MAX).contains(&kind.len()) && kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    // SHA-256 in base64.
    let is_name = name.len() == 43 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !is_kind || !is_name {
        return None;
    }
    Some((Mode::find(mode)?, BillNum::parse(bill).ok()?, sk.to_owned()))
}

fn write_incident(incident: &Incident) -> Attributes {
    let (key, sk) = (&incident.key, incident.sk());
    // Pairs of texts can always be written as JSON.
    let headers = serde_json::to_string(&incident.headers).unwrap_or_default();
    item(
        transaction_pk(key),
        sk.clone(),
        [
            ("transaction", Some(text(transaction_sk(key)))),
            ("kind", Some(text(incident.kind.name()))),
            ("problem", Some(text(&incident.problem.text))),
            (PROBLEM_SAID, Some(text(incident.problem.to_json()))),
            ("trade_no", incident.trade_no.as_ref().map(|trade_no| text(trade_no.as_str()))),
            ("source", Some(text(incident.source))),
            ("headers", (!incident.headers.is_empty()).then(|| text(headers))),
            ("body", (!incident.body.is_empty()).then(|| bytes(incident.body.clone()))),
            ("created_ms", Some(time(incident.seen_at))),
            (BY_TIME_PK, Some(text(incident.list()))),
            (BY_TIME_SK, Some(text(format!("{}#{sk}", by_time_ms(incident.seen_at))))),
            (TTL, Some(number(incident.seen_at.plus(KEPT).seconds()))),
        ],
    )
}
