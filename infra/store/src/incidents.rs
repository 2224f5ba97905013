//! Incidents: reports that are genuine and do not fit, messages that could not be verified, and bills that were paid twice, kept for
//! a person to look at and to replay.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{AppId, BillNum, Delivery, Mode, ProviderTradeNo, Timestamp, TransactionKey};
use sha2::{Digest, Sha256};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, bytes, item, number, text, time},
    items::Written,
    schema::{
        BY_TIME, BY_TIME_PK, BY_TIME_SK, INCIDENT_PREFIX, PK, SK, TTL, bill_pk, by_time_ms, incidents_pk,
        parse_transaction_key, transaction_pk, transaction_sk,
    },
};

/// How long an incident is kept.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// The index does not carry the raw body, so that a page costs a few units and not a few hundred.
const PAGE: i32 = 50;

/// Sorts behind every moment.
const NEWEST: &str = "~";

/// How often it is tried to keep one while others keep the same.
const KEEP_TRIES_MAX: u32 = 10;

/// Something that did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The try it came for.
    pub key: TransactionKey,
    /// When it came first.
    pub seen_at: Timestamp,
    /// What kind of misfit, in one word: it is part of the item's key.
    pub kind: &'static str,
    /// What does not fit, for people.
    pub problem: String,
    /// The provider's number of the payment, where the report has one.
    pub trade_no: Option<ProviderTradeNo>,
    /// How it came: `notify`, `answer`, or `books` if it was found in our own.
    pub source: &'static str,
    /// The headers that its verification needs, by their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it arrived, bounded by the caller.
    pub body: Vec<u8>,
}

impl Incident {
    /// The kind of what could not be verified. Anyone can send such messages, so that one an hour is kept for a transaction.
    pub const FORGED: &'static str = "forged";

    /// Tells apart what happens to one transaction: two incidents of one name are the same one.
    pub fn name(&self) -> String {
        let trade_no = self.trade_no.as_ref().map(ProviderTradeNo::as_str).unwrap_or_default();
        let what =
            if self.kind == Self::FORGED { (self.seen_at.seconds() / 3600).to_string() } else { self.problem.clone() };
        let wrong = format!("{}#{trade_no}#{what}", transaction_sk(&self.key));
        URL_SAFE_NO_PAD.encode(Sha256::digest(wrong))
    }

    fn sk(&self) -> String {
        format!("{INCIDENT_PREFIX}{}#{}", self.kind, self.name())
    }
}

/// An incident with the message that brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptIncident {
    /// What it is.
    pub summary: IncidentSummary,
    /// How it came: `notify`, `answer` or `books`.
    pub source: String,
    /// The headers that its verification needs.
    pub headers: Vec<(String, String)>,
    /// The body as it arrived.
    pub body: Vec<u8>,
}

/// An incident without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentSummary {
    /// One word for addresses of the operator API.
    pub id: String,
    /// The try it came for.
    pub key: TransactionKey,
    /// When it came first.
    pub seen_at: Timestamp,
    /// What kind of misfit.
    pub kind: String,
    /// What does not fit.
    pub problem: String,
}

/// A page of incidents, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncidentPage {
    /// Up to 50.
    pub incidents: Vec<IncidentSummary>,
    /// Where the next page begins, if there is one.
    pub cursor: Option<String>,
}

impl Store {
    /// Keeps an incident together with the deliveries that tell of it; `false` if it is kept already. The same one again is kept
    /// once: a provider repeats what was not acknowledged, each time with another time and signature in the body, so that it is
    /// known by what is wrong and not by its bytes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_incident(&self, incident: &Incident, told: &[Delivery]) -> Result<bool, StoreError> {
        for round in 0..KEEP_TRIES_MAX {
            let mut writes = vec![self.put_once(write_incident(incident))?];
            writes.extend(self.put_deliveries(told)?);
            if self.write_all(writes, "keeping an incident").await? == Written::Done {
                return Ok(true);
            }
            if self.get(transaction_pk(&incident.key), incident.sk()).await?.is_some() {
                return Ok(false);
            }
            // Somebody is keeping the same one right now.
            tokio::time::sleep(Duration::from_millis(5) * (round + 1)).await;
        }
        Err(StoreError::Contended { what: incident.sk(), tries: KEEP_TRIES_MAX })
    }

    /// An incident of this app, with its message. `None` if `id` is not one of its.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_incident(&self, app: &AppId, id: &str) -> Result<Option<KeptIncident>, StoreError> {
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

    /// A page of an app's incidents, newest first, from `cursor` on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn incidents(&self, app: &AppId, mode: Mode, cursor: Option<&str>) -> Result<IncidentPage, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .index_name(BY_TIME)
            .key_condition_expression("by_time_pk = :pk AND by_time_sk < :before")
            .expression_attribute_values(":pk", text(incidents_pk(app, mode)))
            .expression_attribute_values(":before", text(cursor.unwrap_or(NEWEST)))
            .scan_index_forward(false)
            .limit(PAGE)
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of incidents", error))?;
        let last = page.last_evaluated_key().and_then(|key| Item(key).find_text(BY_TIME_SK).map(str::to_owned));
        let incidents = page.items().iter().map(read_incident).collect::<Result<_, _>>()?;
        Ok(IncidentPage { incidents, cursor: last })
    }
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
            // The body is not shown and may be long.
            .projection_expression("pk, sk, #transaction, kind, problem, created_ms")
            .expression_attribute_names("#transaction", "transaction")
            .expression_attribute_values(":pk", text(bill_pk(app, mode, bill)))
            .expression_attribute_values(":incident", text(INCIDENT_PREFIX))
            .limit(PAGE)
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of a bill's incidents", error))?;
        page.items().iter().map(read_incident).collect()
    }
}

fn read_incident(attributes: &Attributes) -> Result<IncidentSummary, StoreError> {
    let item = Item(attributes);
    let key = parse_transaction_key(item.text(PK)?, item.text("transaction")?);
    let key = key.ok_or_else(|| item.wrong("transaction"))?;
    Ok(IncidentSummary {
        id: URL_SAFE_NO_PAD.encode(format!("{}\n{}\n{}", key.mode, key.bill, item.text(SK)?)),
        key,
        seen_at: item.time("created_ms")?,
        kind: item.text("kind")?.to_owned(),
        problem: item.text("problem")?.to_owned(),
    })
}

/// Reads what an incident is called in addresses; `None` for anything else.
fn parse_id(id: &str) -> Option<(Mode, BillNum, String)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
    let mut lines = text.splitn(3, '\n');
    let (mode, bill, sk) = (lines.next()?, lines.next()?, lines.next()?);
    let sk = Some(sk).filter(|sk| sk.starts_with(INCIDENT_PREFIX))?;
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
            ("kind", Some(text(incident.kind))),
            ("problem", Some(text(&incident.problem))),
            ("trade_no", incident.trade_no.as_ref().map(|trade_no| text(trade_no.as_str()))),
            ("source", Some(text(incident.source))),
            ("headers", (!incident.headers.is_empty()).then(|| text(headers))),
            ("body", (!incident.body.is_empty()).then(|| bytes(incident.body.clone()))),
            ("created_ms", Some(time(incident.seen_at))),
            (BY_TIME_PK, Some(text(incidents_pk(&key.app, key.mode)))),
            (BY_TIME_SK, Some(text(format!("{}#{sk}", by_time_ms(incident.seen_at))))),
            (TTL, Some(number(incident.seen_at.plus(KEPT).seconds()))),
        ],
    )
}
