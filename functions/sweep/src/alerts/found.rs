//! What there is to be told, from what is kept anyway.

use domain::{
    Alert, AlertCause, AlertFact, AlertState, DeliveryState, FoundAlerts, IncidentKind, TargetHealth, Timestamp,
    Webhook, WebhookTarget,
};
use runtime::error_chain;
use store::{
    DeliveryList, IncidentSubject, IncidentSummary, IncidentsSince, OwedDay, Reconciled, ReconciliationEntry,
    ReconciliationFilter, StoreError,
};
use tracing::warn;

use super::{About, hour};

/// Days that were compared longer ago were told, or are from before alerts were set up.
const DAYS_LOOKED_AT: std::time::Duration = std::time::Duration::from_secs(3 * 24 * 3600);

/// How often a day is tried before people are told. A provider's bill may come late in the morning.
const DAY_TRIES: i64 = 3;

/// Incidents and failing targets.
pub(super) async fn each_minute(about: &About<'_>, state: &AlertState) -> Result<FoundAlerts, StoreError> {
    let mut found = FoundAlerts::default();
    if about.wants(AlertCause::Incident) || about.wants(AlertCause::Refund) {
        add_incidents(about, state, &mut found).await?;
    }
    if about.wants(AlertCause::Target) {
        found.seen.push(AlertCause::Target);
        let webhooks = about.configured.webhooks.iter().filter(|webhook| webhook.mode == about.mode);
        for webhook in webhooks {
            let alert = if webhook.is_pulled() { unfetched(about, webhook).await? } else { failing(about, webhook) };
            found.alerts.extend(alert);
        }
    }
    Ok(found)
}

/// The hour that is over, days, certificates, and dead letters.
pub(super) async fn each_hour(about: &About<'_>) -> Result<FoundAlerts, StoreError> {
    let mut found = days(about).await?;
    if about.wants(AlertCause::PaymentsStopped) || about.wants(AlertCause::SuccessRate) {
        hour::add(about, &mut found).await?;
    }
    if about.wants(AlertCause::Certificate) {
        found.seen.push(AlertCause::Certificate);
        let ending = about.deps.services.apps.certificates_end_soon(about.configured, about.mode, about.now);
        found.alerts.extend(ending.iter().map(|ending| {
            let fact = AlertFact::Certificate { tab: ending.tab.to_string(), ends_ms: ending.ends_at.ms() };
            Alert::new(fact, &format!("{}#{}", ending.tab, ending.ends_at.ms()), about.now)
        }));
    }
    if about.wants(AlertCause::DeadLetters) {
        add_dead_letters(about, &mut found).await;
    }
    Ok(found)
}

/// The days that were compared lately and have differences, and those that could not be compared.
pub(super) async fn days(about: &About<'_>) -> Result<FoundAlerts, StoreError> {
    let mut found = FoundAlerts::default();
    if !about.wants(AlertCause::Reconciliation) {
        return Ok(found);
    }
    let filter = ReconciliationFilter { day: None, days_only: true };
    let (app, mode) = (&about.configured.app.id, about.mode);
    let page = about.deps.services.store.reconciliations(app, mode, &filter, None).await?;
    let oldest = about.since().max(about.now.minus(DAYS_LOOKED_AT));
    found.alerts.extend(page.entries.iter().filter_map(|entry| day(entry, oldest)));
    Ok(found)
}

impl About<'_> {
    fn wants(&self, cause: AlertCause) -> bool {
        self.settings.wants(self.mode, cause)
    }

    fn since(&self) -> Timestamp {
        self.settings.since.unwrap_or(self.now)
    }
}

async fn add_incidents(about: &About<'_>, state: &AlertState, found: &mut FoundAlerts) -> Result<(), StoreError> {
    let from = state.look_from(about.since());
    let (app, mode) = (&about.configured.app.id, about.mode);
    let IncidentsSince { incidents, has_more } = about.deps.services.store.incidents_since(app, mode, from).await?;
    found.incidents_through = incidents.last().filter(|_| has_more).map(|last| last.seen_at);
    found.alerts.extend(incidents.iter().filter_map(incident));
    Ok(())
}

/// `None` for a day. [`days`] raises its alert, after several tries.
fn incident(summary: &IncidentSummary) -> Option<Alert> {
    let IncidentSubject::Try(key) = &summary.subject else { return None };
    let (kind, bill) = (summary.kind.clone(), key.bill.to_string());
    let is_of_refund = match IncidentKind::find(&summary.kind) {
        Some(IncidentKind::RefundStuck | IncidentKind::RefundPaused | IncidentKind::RefundFailed) => true,
        Some(
            IncidentKind::Account
            | IncidentKind::Amount
            | IncidentKind::ClosedAfterPayment
            | IncidentKind::DayNotCompared
            | IncidentKind::Duplicate
            | IncidentKind::Order
            | IncidentKind::PaidAgain
            | IncidentKind::Price
            | IncidentKind::RefundAmount
            | IncidentKind::RefundContradiction
            | IncidentKind::RefundUnknown
            | IncidentKind::RefundedTooMuch
            | IncidentKind::Unknown
            | IncidentKind::Forged,
        )
        | None => false,
    };
    let fact = if is_of_refund { AlertFact::Refund { kind, bill } } else { AlertFact::Incident { kind, bill } };
    Some(Alert::new(fact, &summary.id, summary.seen_at))
}

/// `None` unless the target fails for an hour.
fn failing(about: &About<'_>, webhook: &Webhook) -> Option<Alert> {
    let TargetHealth { failures, failing_since, .. } = about.configured.targets.get(&webhook.id)?;
    if *failures == 0 || failing_since.until(about.now) < AlertCause::TARGET_FAILS_FOR {
        return None;
    }
    let name = match &webhook.target {
        // The path and the query may be secrets.
        WebhookTarget::Url { url, .. } => url.split('/').nth(2).unwrap_or_default().rsplit('@').next()?.to_owned(),
        WebhookTarget::Function(name) => name.clone(),
        // Nothing is sent to it, so nothing fails.
        WebhookTarget::Pull => return None,
    };
    let fact = AlertFact::Target { name, since_ms: failing_since.ms() };
    Some(Alert::new(fact, &format!("{}#{}", webhook.id, failing_since.ms()), about.now))
}

/// `None` unless an event waits for more than a day.
async fn unfetched(about: &About<'_>, webhook: &Webhook) -> Result<Option<Alert>, StoreError> {
    let list = DeliveryList { webhook: webhook.id.clone(), state: DeliveryState::Waiting };
    let store = &about.deps.services.store;
    let oldest = store.oldest_delivery(&about.configured.app, &list).await?;
    let late = oldest.filter(|oldest| oldest.until(about.now) >= AlertCause::UNFETCHED_FOR);
    Ok(late.map(|oldest| {
        let fact = AlertFact::Unfetched { webhook: webhook.id.to_string(), since_ms: oldest.ms() };
        Alert::new(fact, &format!("{}#unfetched", webhook.id), about.now)
    }))
}

/// A day about which there is something to tell, and with which nobody dealt.
fn day(entry: &ReconciliationEntry, oldest: Timestamp) -> Option<Alert> {
    match entry {
        ReconciliationEntry::Day(done, _, None) if done.differences > 0 && done.done_at >= oldest => {
            let Reconciled { tab, account, day, done_at, differences, .. } = done;
            let differences = Some(*differences);
            let fact = AlertFact::Reconciliation { day: day.to_string(), tab: tab.to_string(), differences };
            Some(Alert::new(fact, &format!("{day}#{tab}#{account}"), *done_at))
        }
        ReconciliationEntry::Owed(key, OwedDay { tries, tried_at: Some(tried_at), problem: Some(_), .. }, None)
            if *tries >= DAY_TRIES && *tried_at >= oldest =>
        {
            let (day, account) = (&key.day, &key.account);
            let fact =
                AlertFact::Reconciliation { day: day.to_string(), tab: account.tab.to_string(), differences: None };
            Some(Alert::new(fact, &format!("{day}#{}#{}#owed", account.tab, account.number), *tried_at))
        }
        ReconciliationEntry::Day(..) | ReconciliationEntry::Owed(..) | ReconciliationEntry::Difference(..) => None,
    }
}

/// They are the deployment's, so that every app that wants to hears of them.
async fn add_dead_letters(about: &About<'_>, found: &mut FoundAlerts) {
    match about.deps.queue.count_dead_letters().await {
        Ok(count) => {
            found.seen.push(AlertCause::DeadLetters);
            if count > 0 {
                let fact = AlertFact::DeadLetters { count: i64::try_from(count).unwrap_or(i64::MAX) };
                found.alerts.push(Alert::new(fact, "", about.now));
            }
        }
        Err(error) => warn!("dead letters were not counted: {}", error_chain(&error)),
    }
}
