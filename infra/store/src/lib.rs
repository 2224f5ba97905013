//! DynamoDB: the two tables and every conditional write.
//!
//! It knows how things are stored, and decides nothing about them: `settle` calls a decision of `domain`, and writes its result in one
//! transaction. `schema.rs` shows every item on one screen.

mod accounts;
mod alerts;
mod apps;
mod attributes;
mod audit;
mod books;
mod carried;
mod checkout_looks;
mod checkouts;
mod claims;
mod client_charges;
mod conditions;
mod configuration;
mod deliveries;
mod delivery_lists;
mod due;
mod due_rows;
mod handled;
mod hours;
mod incidents;
mod items;
mod judgements;
mod look_up;
mod operators;
mod owed;
mod reach;
mod reconciliations;
mod records;
mod refund_limits;
mod refund_lists;
mod refunds;
mod schema;
mod sealing;
mod sign_ins;
mod stored_key;
mod sums;
mod targets;
mod transactions;
mod unreadable;
mod webhooks;

use std::error::Error;

use aws_sdk_dynamodb::Client;

pub use accounts::{ChannelSettings, CurrentAccount, FormerForm, OldAccount, SavedChannel};
pub use alerts::{AppAlerts, IncidentsSince, KeptAlertState, KeptAlerts};
pub use apps::{AppChange, AppPage, AppSummary, KeyRotation};
pub use audit::{AuditEnd, AuditEntry, AuditFilter, AuditId, AuditPage, AuditResult};
pub use books::{BooksCursor, BooksPage, BooksRange, RecordList};
pub use carried::DueTransaction;
pub use checkout_looks::KeptLook;
pub use client_charges::ClientCharges;
pub use configuration::StoredApp;
pub use deliveries::DeliveryWithTransaction;
pub use delivery_lists::{DeliveryCount, DeliveryList, DeliveryPage};
pub use due::{Due, DueCursor, DuePage, PendingRefunds};
pub use due_rows::DueRow;
pub use handled::DaySeen;
pub use incidents::{
    ForgedHour, ForgedKept, Incident, IncidentFilter, IncidentPage, IncidentSubject, IncidentSummary, KeptIncident,
};
pub use operators::OperatorChange;
pub use owed::{Claim, DayKey, OwedDay, OwedDayEntry};
pub use reach::SignInRules;
pub use reconciliations::{Reconciled, ReconciliationEntry, ReconciliationFilter, ReconciliationPage};
pub use records::{RecordsPage, RecordsPosition, RecordsQuery};
pub use refund_limits::Proposed;
pub use refund_lists::{RefundPosition, RefundSpan, RefundsPage};
pub use refunds::{PlannedRefund, RefundChanged, RefundReservation, RefundTerms, WholeBill};
pub use sealing::{InvalidSealingKey, Sealer};
pub use sign_ins::{SignInTry, Window};
pub use sums::{KeptDay, ListProgress, SumList, SumPage, SumRange, SumRow, Walk};
pub use transactions::{Reserved, Settled, SettlementContext};
pub use unreadable::Unreadable;
pub use webhooks::WEBHOOKS_MAX;

/// The two tables.
#[derive(Clone, Debug)]
pub struct Store {
    dynamo: Client,
    tables: Tables,
    sealer: Sealer,
    on_unreadable: unreadable::Listener,
    claims: claims::Claims,
}

/// The names of the two tables.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Bills, deliveries, incidents.
    pub transactions: String,
    /// Apps, channels, webhooks, operators.
    pub configuration: String,
}

impl Store {
    /// Uses `dynamo` for `tables`, and `sealer` for the values that must not be readable in them.
    pub fn new(dynamo: Client, tables: Tables, sealer: Sealer) -> Self {
        Self { dynamo, tables, sealer, on_unreadable: unreadable::Listener::default(), claims: claims::Claims::new() }
    }
}

/// What went wrong in the storage. None of it is the caller's fault.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB refused or could not be reached.
    #[error("dynamodb failed at {operation}")]
    Dynamo {
        /// What was tried.
        operation: &'static str,
        /// What the client says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// An item does not have the form of this version or of an earlier one.
    #[error("item {key} has a wrong {attribute}")]
    Item {
        /// Partition and sort key.
        key: String,
        /// The attribute.
        attribute: &'static str,
    },
    /// A sealed value was altered, moved, or sealed under another key.
    #[error("a sealed value of {owner} cannot be opened; was the sealing key replaced?")]
    Sealed {
        /// Whose value.
        owner: String,
    },
    /// Others changed the same thing each time.
    #[error("{what} was changed by others {tries} times in a row")]
    Contended {
        /// What was to be changed.
        what: String,
        /// How often it was tried.
        tries: u32,
    },
    /// The change was decided on an old state: meanwhile the thing was made, changed or deleted.
    #[error("{what} is not as it was expected to be")]
    Stale {
        /// What was to be changed.
        what: String,
    },
}

/// What to expect if a call is made again that failed in the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreRetry {
    /// The same result: a person has to look.
    No,
    /// The same call, later, may succeed.
    Later,
    /// The thing has changed: it has to be read again first.
    ReadAgain,
}

impl StoreError {
    /// What to expect from another try. A new error does not compile until this match has it.
    pub fn retryable(&self) -> StoreRetry {
        match self {
            Self::Dynamo { .. } | Self::Contended { .. } => StoreRetry::Later,
            Self::Item { .. } | Self::Sealed { .. } => StoreRetry::No,
            Self::Stale { .. } => StoreRetry::ReadAgain,
        }
    }

    fn dynamo(operation: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Dynamo { operation, source: source.into() }
    }
}
