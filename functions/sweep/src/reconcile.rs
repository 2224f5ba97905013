//! Once a day, when the providers have made their bills of the day before: fetches them, compares them with our books, and keeps
//! what differs. A day that was not finished is compared again; what was found is kept once.

use std::{collections::HashSet, sync::Arc, time::Duration};

use domain::{
    AppId, Channel, Day, Difference, DifferenceKind, Mode, RecordsFilter, RecordsOrder, RecordsRequest, RefundNum,
    RefundStatus, Status, Tab, Timestamp, TransactionId, Unmatched, is_payment_of, judge_listed,
};
use outbound::Bounds;
use providers::{Account, BillAnswer, BillEvent, BillLine, Moment, ProviderError};
use runtime::{ApiError, ConfiguredApp, error_chain};
use serde::Serialize;
use store::{Reconciled, RecordsQuery, StoreError};
use tracing::{info, warn};

use crate::{Deps, unpack};

/// A packed bill of a million lines.
const BILL_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(120), body_bytes_max: 96 * 1024 * 1024 };
const CALL_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(10), body_bytes_max: 256 * 1024 };

/// The longest `billTimeout` and a day for what was settled late.
const CHARGED_BEFORE: Duration = Duration::from_secs(16 * 24 * 3600);

/// An account of which more differs is configured wrongly, and nobody reads so many lines.
const DIFFERENCES_MAX: usize = 1000;

/// A thousand apps with ten accounts each take hours; by then the next day has come.
const APP_PAGES_MAX: usize = 100;

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The accounts whose day was compared.
    pub accounts: usize,
    /// What differed.
    pub differences: usize,
    /// The accounts whose bill could not be had, or read: they are compared in the next run.
    pub failed: usize,
}

/// Compares `day`, or yesterday, for every account of every app.
pub async fn reconcile(deps: &Deps, day: Option<Day>) -> Compared {
    let now = deps.base.clock.now();
    let day = day.unwrap_or_else(|| Day::of(now).before());
    let mut compared = Compared::default();
    let mut after: Option<AppId> = None;
    for _ in 0..APP_PAGES_MAX {
        let (apps, next) = match deps.base.store.list_apps(after.as_ref()).await {
            Ok(page) => page,
            Err(error) => {
                warn!("a reconciliation stopped: {}", error_chain(&error));
                compared.failed += 1;
                break;
            }
        };
        for app in apps {
            reconcile_app(deps, &app.id, &day, now, &mut compared).await;
        }
        let Some(next) = next else { break };
        after = Some(next);
    }
    let Compared { accounts, differences, failed } = compared;
    info!(accounts, differences, failed, "compared {accounts} accounts of {day}: {differences} differences");
    compared
}

async fn reconcile_app(deps: &Deps, app: &AppId, day: &Day, now: Timestamp, compared: &mut Compared) {
    let configured = match deps.base.apps.find(app, now).await {
        Ok(Some(configured)) => configured,
        Ok(None) => return,
        Err(error) => {
            warn!(app.id = %app, "an app was not compared: {}", error_chain(&error));
            compared.failed += 1;
            return;
        }
    };
    for mode in Mode::ALL {
        for (tab, _) in Tab::ALL {
            let channels: Vec<Channel> =
                configured.channels_ever(mode).into_iter().filter(|channel| channel.tab() == tab).collect();
            let Some(channel) = channels.first().copied() else { continue };
            let books = Books { deps, configured: &configured, mode, tab, channel, channels, day, now };
            match books.compare().await {
                Ok(Some(differences)) => {
                    compared.accounts += 1;
                    compared.differences += differences;
                }
                Ok(None) => {}
                Err(error) => {
                    warn!(app.id = %app, %tab, "{day} was not compared: {}", error_chain(&error));
                    compared.failed += 1;
                }
            }
        }
    }
}

/// The books of one account for one day.
struct Books<'a> {
    deps: &'a Deps,
    configured: &'a Arc<ConfiguredApp>,
    mode: Mode,
    tab: Tab,
    channel: Channel,
    channels: Vec<Channel>,
    day: &'a Day,
    now: Timestamp,
}

/// A refund that the provider lists.
struct ListedRefund {
    transaction: TransactionId,
    num: String,
    fee: domain::Fen,
}

impl Books<'_> {
    /// How many differences there are. `None` if there is nothing to compare: the day was compared before, or the account's protocol
    /// has no bill.
    async fn compare(&self) -> Result<Option<usize>, ApiError> {
        let (store, app) = (&self.deps.base.store, &self.configured.app.id);
        let Some(account) = self.deps.base.apps.account(self.configured, self.channel, self.mode) else {
            return Ok(None);
        };
        let account = account?;
        if account.bill_reader().is_none() || store.is_reconciled(app, self.mode, (self.tab, self.day)).await? {
            return Ok(None);
        }
        let mut unmatched = Unmatched::default();
        let mut refunds = Vec::new();
        let mut lines = 0;
        self.read_bill(&account, self.day, |line, transaction| {
            lines += 1;
            match line.event {
                BillEvent::Paid => unmatched.add(transaction, line.fee),
                BillEvent::Refunded(num) => refunds.push(ListedRefund { transaction, num, fee: line.fee }),
            }
        })
        .await?;
        let mut known_before = HashSet::new();
        self.read_bill(&account, &self.day.before(), |line, transaction| {
            if line.event == BillEvent::Paid {
                known_before.insert(transaction);
            }
        })
        .await?;
        let mut found = self.strike(&mut unmatched, &known_before).await?;
        for (transaction, fee) in unmatched.into_rest() {
            if found.len() >= DIFFERENCES_MAX {
                break;
            }
            let record = store.find_record((app, self.mode), &self.channels, &transaction).await?;
            found.extend(judge_listed(transaction, fee, record.as_ref()));
        }
        for refund in refunds {
            if found.len() >= DIFFERENCES_MAX {
                break;
            }
            found.extend(self.judge_refund(refund).await?);
        }
        for difference in &found {
            store.keep_difference((app, self.mode), (self.tab, self.day), difference).await?;
        }
        let differences = i64::try_from(found.len()).unwrap_or(i64::MAX);
        let done = Reconciled { tab: self.tab, day: self.day.clone(), done_at: self.now, lines, differences };
        store.keep_reconciled(app, self.mode, &done).await?;
        Ok(Some(found.len()))
    }

    /// Reads the provider's bill of a day, and hands out what looks like ours.
    async fn read_bill(
        &self,
        account: &Account,
        day: &Day,
        mut each: impl FnMut(BillLine, TransactionId),
    ) -> Result<(), ApiError> {
        let base = &self.deps.base;
        let outbound = &self.deps.settlement.outbound;
        let moment = Moment { now: base.clock.now(), nonce: base.random.nonce()? };
        let call = account.bill(day.as_str(), &moment)?;
        let answer = base.ask_provider(outbound, self.channel, call, CALL_BOUNDS).await?;
        let moment = Moment { now: base.clock.now(), nonce: base.random.nonce()? };
        let download = match account.read_bill(&answer, &moment)? {
            BillAnswer::Nothing => return Ok(()),
            BillAnswer::At(download) => download,
        };
        let packed = outbound.send(download.request, BILL_BOUNDS).await?;
        if packed.status() != http::StatusCode::OK {
            let reason = format!("the bill was answered with HTTP status {}", packed.status().as_u16());
            return Err(ProviderError::Unclear { reason }.into());
        }
        let Some(mut reader) = account.bill_reader() else { return Ok(()) };
        unpack::read_lines(packed.into_body(), download.packing, download.sha1.as_deref(), |line| {
            if let Some(line) = reader.read(line)?
                && let Ok(transaction) = TransactionId::parse(&line.order)
            {
                each(line, transaction);
            }
            Ok(())
        })?;
        if reader.had_heading() {
            return Ok(());
        }
        Err(ProviderError::Unclear { reason: "the bill has no heading".to_owned() }.into())
    }

    /// Goes through our own payments of the day.
    async fn strike(
        &self,
        unmatched: &mut Unmatched,
        known_before: &HashSet<TransactionId>,
    ) -> Result<Vec<Difference>, StoreError> {
        let mut found = Vec::new();
        for status in [Status::Success, Status::Refund] {
            let start = Timestamp::clamped(self.day.start().minus(CHARGED_BEFORE).ms());
            let filter = RecordsFilter {
                channel: None,
                bill: None,
                status: Some(status),
                start: Some(start),
                end: Some(self.day.end()),
            };
            let order = RecordsOrder::NewestFirst;
            let request = RecordsRequest { filter, order, skip: 0, limit: RecordsRequest::LIMIT_MAX };
            let mut from = None;
            loop {
                let query = RecordsQuery {
                    app: &self.configured.app.id,
                    mode: self.mode,
                    channels: self.channels.clone(),
                    request: &request,
                };
                let (records, next) = self.deps.base.store.records_page(&query, from.as_ref()).await?;
                for record in records.iter().filter(|record| is_payment_of(record, self.day)) {
                    if let Some(difference) = unmatched.strike(record, known_before.contains(&record.id))
                        && found.len() < DIFFERENCES_MAX
                    {
                        found.push(difference);
                    }
                }
                // It ends, because each page begins behind the one before.
                let Some(next) = next else { break };
                from = Some(next);
            }
        }
        Ok(found)
    }

    /// A refund that is listed must have succeeded here, under its number, or be a part of what a report told.
    async fn judge_refund(&self, listed: ListedRefund) -> Result<Option<Difference>, StoreError> {
        let ListedRefund { transaction, num, fee } = listed;
        let (store, app) = (&self.deps.base.store, &self.configured.app.id);
        let record = store.find_record((app, self.mode), &self.channels, &transaction).await?;
        let ours = match (&record, RefundNum::parse(&num)) {
            (Some(record), Some(num)) => store.find_refund((app, self.mode, &record.bill), &num).await?,
            _ => None,
        };
        let fits = match (&ours, &record) {
            (Some(refund), _) => refund.status == RefundStatus::Success && refund.fee == fee,
            (None, Some(record)) => record.refunded.is_some_and(|refunded| refunded >= fee),
            (None, None) => false,
        };
        Ok((!fits).then(|| Difference {
            kind: DifferenceKind::RefundDiffers,
            transaction,
            bill: record.map(|record| record.bill),
            here: ours.map(|refund| refund.fee),
            there: Some(fee),
            refund_num: Some(num),
        }))
    }
}
