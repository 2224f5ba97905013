//! Refunds for operators: pages by cursor, with what each open refund waits for. `transaction_actions.rs` begins and gives up refunds.

use std::collections::{HashMap, HashSet};

use domain::{
    AppId, Mode, Refund, RefundStatus, RefundWaiting, TimeSpan, Timestamp, Transaction, TransactionId, TransactionKey,
    refund_waiting,
};
use http::StatusCode;
use runtime::{Reply, json, query_parameter};
use serde_json::{Value, json};
use store::{RefundPosition, RefundSpan, Store, StoredApp};

use super::{
    call::Call,
    page::{channels_ever, parse_refund_cursor, write_refund_cursor},
    problem::Problem,
    said,
    wrong::Wrong,
};

/// Refunds on one page.
const PAGE: usize = 50;

/// Pages of the list that are read for one page of partial refunds.
const STEPS_MAX: usize = 10;

domain::closed_list! {
    /// Which refunds a list has.
    pub(crate) enum RefundFilter {
        Pending = "pending",
        Stuck = "stuck",
        Failed = "failed",
        Success = "success",
        /// Those that went back and are a part of their payment.
        Partial = "partial",
    }
}

impl RefundFilter {
    fn status(self) -> RefundStatus {
        match self {
            Self::Pending => RefundStatus::Pending,
            Self::Stuck => RefundStatus::Stuck,
            Self::Failed => RefundStatus::Failed,
            Self::Success | Self::Partial => RefundStatus::Success,
        }
    }

    fn admits(self, row: &RefundRow) -> bool {
        match self {
            Self::Pending | Self::Stuck | Self::Failed | Self::Success => row.refund.status == self.status(),
            Self::Partial => row.refund.status == RefundStatus::Success && row.refund.fee < row.payment.fee,
        }
    }
}

/// A refund with its payment.
pub(crate) struct RefundRow {
    pub(crate) refund: Refund,
    pub(crate) payment: Transaction,
}

/// A page of refunds, the latest first.
pub(crate) struct RefundPage {
    pub(crate) rows: Vec<RefundRow>,
    pub(crate) next: Option<RefundPosition>,
}

/// `GET /apps/{appId}/refunds?mode&status&cursor`
pub(crate) async fn list(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    let found = call.load_app(&app).await?;
    let parameter = |name: &str| query_parameter(call.request, name).filter(|text| !text.is_empty());
    let filter = parameter("status").map(|word| read_filter(&word)).transpose()?;
    let from = parameter("cursor").map(|cursor| parse_refund_cursor(&cursor)).transpose()?;
    let page = page(&call.deps.services.store, &found, mode, filter, from).await?;
    let items: Vec<Value> = page.rows.iter().map(show).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items, "cursor": page.next.as_ref().map(write_refund_cursor) })))
}

fn read_filter(word: &str) -> Result<RefundFilter, Problem> {
    RefundFilter::find(word).ok_or_else(|| {
        let words = RefundFilter::ALL.map(RefundFilter::name).join(", ");
        Problem::field("status", Wrong::OneOf { words, found: word.to_owned() })
    })
}

/// Reads a page. A refund that changes its status while the page is read may be missing; it is in the list of its new status.
pub(crate) async fn page(
    store: &Store,
    found: &StoredApp,
    mode: Mode,
    filter: Option<RefundFilter>,
    from: Option<RefundPosition>,
) -> Result<RefundPage, Problem> {
    let span = TimeSpan { start: Timestamp::clamped(0), end: Timestamp::clamped(Timestamp::MAX_MS) };
    let statuses = RefundStatus::ALL.into_iter().filter(|status| filter.is_none_or(|one| one.status() == *status));
    let statuses: Vec<RefundStatus> = statuses.collect();
    let of_channel = |channel| statuses.iter().map(move |status| RefundSpan { channel, status: *status, span });
    let lists: Vec<RefundSpan> = channels_ever(found, mode).into_iter().flat_map(of_channel).collect();
    let mut page = RefundPage { rows: Vec::new(), next: from };
    for _ in 0..STEPS_MAX {
        let read = store.refunds_page(&found.app.id, mode, &lists, page.next.as_ref(), PAGE - page.rows.len()).await?;
        let refunds = store.find_refunds(&read.keys).await?;
        let keys: HashSet<TransactionKey> = refunds.iter().map(|refund| refund.key.clone()).collect();
        let payments = store.find_transactions(&keys.into_iter().collect::<Vec<_>>()).await?;
        let payments: HashMap<TransactionId, Transaction> =
            payments.into_iter().map(|one| (one.id.clone(), one)).collect();
        let rows = refunds.into_iter().filter_map(|refund| {
            let payment = payments.get(&refund.transaction)?.clone();
            Some(RefundRow { refund, payment })
        });
        page.rows.extend(rows.filter(|row| filter.is_none_or(|filter| filter.admits(row))));
        page.next = read.next;
        if page.next.is_none() || page.rows.len() >= PAGE {
            break;
        }
    }
    Ok(page)
}

fn show(RefundRow { refund, payment }: &RefundRow) -> Value {
    let waits = refund_waiting(refund);
    let mut shown =
        said::with(said::refund(refund), serde_json::Map::from_iter([("totalFee".to_owned(), json!(payment.fee))]));
    if let (Some(members), Some(RefundWaiting { wait, next_at, until })) = (shown.as_object_mut(), waits) {
        members.insert("waitsFor".to_owned(), wait.name().into());
        for (name, at) in [("nextTime", next_at), ("untilTime", until)] {
            if let Some(at) = at {
                members.insert(name.to_owned(), at.ms().into());
            }
        }
    }
    shown
}
