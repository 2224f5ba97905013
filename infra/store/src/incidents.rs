//! Incidents: reports that are genuine and do not fit, kept for a person to look at.

use std::time::Duration;

use aws_sdk_dynamodb::{error::SdkError, operation::put_item::PutItemError};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{AppId, BillNum, Mode, ProviderTradeNo, Timestamp, TransactionKey};
use sha2::{Digest, Sha256};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, bytes, item, number, text, time},
    schema::{
        BY_TIME, BY_TIME_PK, BY_TIME_SK, PK, TTL, bill_pk, by_time_ms, incidents_pk, parse_transaction_key,
        transaction_pk, transaction_sk,
    },
};

/// How long an incident is kept.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// The index does not carry the raw body, so that a page costs a few units and not a few hundred.
const PAGE: i32 = 50;

const INCIDENT_PREFIX: &str = "INCIDENT#";

/// Sorts behind every moment.
const NEWEST: &str = "~";

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
    /// The body as it arrived, bounded by the caller.
    pub body: Vec<u8>,
}

/// An incident without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentSummary {
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
    /// Keeps an incident. The same one again is kept once: a provider repeats what was not acknowledged, each time with
    /// another time and signature in the body, so that it is known by what is wrong and not by its bytes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_incident(&self, incident: &Incident) -> Result<(), StoreError> {
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.transactions)
            .set_item(Some(write_incident(incident)))
            .condition_expression("attribute_not_exists(pk)");
        match put.send().await {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::dynamo("keeping an incident", error)),
        }
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
    Ok(IncidentSummary {
        key: key.ok_or_else(|| item.wrong("transaction"))?,
        seen_at: item.time("created_ms")?,
        kind: item.text("kind")?.to_owned(),
        problem: item.text("problem")?.to_owned(),
    })
}

fn write_incident(incident: &Incident) -> Attributes {
    let key = &incident.key;
    let trade_no = incident.trade_no.as_ref().map(ProviderTradeNo::as_str);
    let wrong = format!("{}#{}#{}", transaction_sk(key), trade_no.unwrap_or_default(), incident.problem);
    let sk = format!("{INCIDENT_PREFIX}{}#{}", incident.kind, URL_SAFE_NO_PAD.encode(Sha256::digest(wrong)));
    item(
        transaction_pk(key),
        sk.clone(),
        [
            ("transaction", Some(text(transaction_sk(key)))),
            ("kind", Some(text(incident.kind))),
            ("problem", Some(text(&incident.problem))),
            ("trade_no", trade_no.map(text)),
            ("body", Some(bytes(incident.body.clone()))),
            ("created_ms", Some(time(incident.seen_at))),
            (BY_TIME_PK, Some(text(incidents_pk(&key.app, key.mode)))),
            (BY_TIME_SK, Some(text(format!("{}#{sk}", by_time_ms(incident.seen_at))))),
            (TTL, Some(number(incident.seen_at.plus(KEPT).seconds()))),
        ],
    )
}
