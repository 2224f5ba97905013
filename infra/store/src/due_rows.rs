//! The rows of due bills and refunds, with only what is needed to hand questions out: whom to ask, about what, and in which order. The rows
//! may be some moments old.

use std::collections::HashMap;

use domain::{AskedAbout, AskedProvider, RefundStatus, Status, Timestamp, TransactionKey};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, text},
    look_up::Freshness,
    schema::{PK, SK, bill_pk, parse_refund_key, parse_transaction_key, refund_sk, transaction_pk, transaction_sk},
};

/// A bill or refund that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DueRow {
    /// It is open: its provider has to be queried.
    Open {
        /// The bill or refund.
        about: AskedAbout,
        /// The account at the provider.
        provider: AskedProvider,
        /// When the bill was charged, or the refund was requested.
        since: Timestamp,
    },
    /// It is paid: no provider is queried.
    Paid(TransactionKey),
}

impl Store {
    /// The rows of what is due. The read is eventually consistent and costs half a unit for each row. So a caller must read a row again
    /// before it asks or changes anything. Rows that no longer exist or have ended are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_due_rows(&self, about: &[AskedAbout]) -> Result<Vec<DueRow>, StoreError> {
        let keys = about.iter().map(key).collect();
        let rows = self.look_up(&self.tables.transactions, keys, Freshness::Eventual).await?;
        Ok(self.readable(&rows, read).into_iter().flatten().collect())
    }
}

fn key(about: &AskedAbout) -> Attributes {
    let (pk, sk) = match about {
        AskedAbout::Transaction(key) => (transaction_pk(key), transaction_sk(key)),
        AskedAbout::Refund(key) => (bill_pk(&key.app, key.mode, &key.bill), refund_sk(&key.num)),
    };
    HashMap::from([(PK.to_owned(), text(pk)), (SK.to_owned(), text(sk))])
}

fn read(attributes: &Attributes) -> Result<Option<DueRow>, StoreError> {
    let item = Item(attributes);
    let (pk, sk) = (item.text(PK)?, item.text(SK)?);
    if let Some(key) = parse_transaction_key(pk, sk) {
        if item.parsed("status", Status::find)?.is_paid() {
            return Ok(Some(DueRow::Paid(key)));
        }
        let provider = AskedProvider { app: key.app.clone(), mode: key.mode, tab: key.channel.tab() };
        let since = item.time("created_ms")?;
        return Ok(Some(DueRow::Open { about: AskedAbout::Transaction(key), provider, since }));
    }
    let key = parse_refund_key(pk, sk).ok_or_else(|| item.wrong(SK))?;
    if !item.parsed("status", RefundStatus::find)?.is_open() {
        return Ok(None);
    }
    let payment = item.parsed("transaction", |sk| parse_transaction_key(pk, sk))?;
    let provider = AskedProvider { app: key.app.clone(), mode: key.mode, tab: payment.channel.tab() };
    let (about, since) = (AskedAbout::Refund(key), item.time("requested_ms")?);
    Ok(Some(DueRow::Open { about, provider, since }))
}
