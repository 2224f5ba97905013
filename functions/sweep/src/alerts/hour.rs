//! The hour that is over, beside what is usual: the same hour of the weeks before, and the success rates of the days before. Nothing is
//! kept for it: the lists of transactions are in the order of time, and are read as far as the rules need.

use std::time::Duration;

use domain::{
    Alert, AlertCause, AlertFact, Channel, Day, FallenRate, FoundAlerts, Rate, Status, SumEntry, TimeSpan, Timestamp,
    USUAL_WEEKS, fallen_rate, stopped_payments,
};
use store::{StoreError, SumList};

use super::About;

const HOUR: Duration = Duration::from_secs(3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Of how many days the usual rate is.
const RATE_DAYS: usize = 7;

/// Payments are counted so far. Of a busier shop it is seen all the same that fewer than a tenth of these are left.
const PAYMENTS_MAX: u16 = 100;

/// Tries are counted so far; if there are more, a shorter time is judged.
const TRIES_MAX: u16 = 1000;

/// The times before the end of the hour that are judged. The last minute of a shop with more than sixteen tries a second is not judged.
const JUDGED: [Duration; 3] = [HOUR, Duration::from_secs(600), Duration::from_secs(60)];

/// Adds what is wrong with the last full hour.
pub(super) async fn add(about: &About<'_>, found: &mut FoundAlerts) -> Result<(), StoreError> {
    let hour_ms = about.now.ms() - about.now.ms().rem_euclid(3_600_000);
    let until = Timestamp::clamped(hour_ms);
    let channels = about.configured.channels_ever(about.mode);
    if about.settings.wants(about.mode, AlertCause::PaymentsStopped) {
        found.seen.push(AlertCause::PaymentsStopped);
        add_stopped(about, &channels, until, found).await?;
    }
    if about.settings.wants(about.mode, AlertCause::SuccessRate) {
        found.seen.push(AlertCause::SuccessRate);
        add_fallen(about, &channels, until, found).await?;
    }
    Ok(())
}

/// The time before a moment. The moment itself is not in it.
fn before(until: Timestamp, length: Duration) -> TimeSpan {
    TimeSpan { start: until.minus(length), end: Timestamp::clamped(until.ms() - 1) }
}

async fn add_stopped(
    about: &About<'_>,
    channels: &[Channel],
    until: Timestamp,
    found: &mut FoundAlerts,
) -> Result<(), StoreError> {
    let paid = payments(about, channels, before(until, HOUR)).await?;
    // Nothing can be ten times as much as this, as far as it is counted.
    if paid.saturating_mul(10) >= i64::from(PAYMENTS_MAX) {
        return Ok(());
    }
    let mut weeks = Vec::new();
    let mut end = until;
    for _ in 0..USUAL_WEEKS {
        end = end.minus(WEEK);
        let span = before(end, HOUR);
        if span.start >= about.configured.app.created_at {
            weeks.push(payments(about, channels, span).await?);
        }
    }
    if let Some(usual) = stopped_payments(paid, &weeks) {
        let fact = AlertFact::PaymentsStopped { since_ms: until.minus(HOUR).ms(), paid, usual };
        found.alerts.push(Alert::new(fact, "", about.now));
    }
    Ok(())
}

/// How many payments were charged in a span of time, up to [`PAYMENTS_MAX`].
async fn payments(about: &About<'_>, channels: &[Channel], span: TimeSpan) -> Result<i64, StoreError> {
    let mut paid = 0;
    for channel in channels {
        for status in Status::ALL.into_iter().filter(|status| status.is_paid()) {
            paid += count(about, SumList { channel: *channel, status }, span, PAYMENTS_MAX).await?;
            if paid >= i64::from(PAYMENTS_MAX) {
                return Ok(i64::from(PAYMENTS_MAX));
            }
        }
    }
    Ok(paid)
}

async fn add_fallen(
    about: &About<'_>,
    channels: &[Channel],
    until: Timestamp,
    found: &mut FoundAlerts,
) -> Result<(), StoreError> {
    // The days before the one of the hour: what is judged is not usual.
    let (app, last) = (&about.configured.app.id, Day::of(Timestamp::clamped(until.ms() - 1)).before());
    let days = std::iter::successors(Some(last.clone()), |day| Some(day.before()));
    let Some(first) = days.take(RATE_DAYS).last() else { return Ok(()) };
    let kept = about.deps.services.store.kept_days(app, about.mode, &first, &last).await?;
    let sums: Vec<_> = kept.iter().filter_map(|day| day.sums.as_ref()).map(|(sums, _)| sums).collect();
    for channel in channels {
        let mut usual = Rate::default();
        let of_channel = sums.iter().flat_map(|sums| sums.iter()).filter(|entry| entry.channel == *channel);
        for SumEntry { status, sum, .. } in of_channel {
            usual.tries = usual.tries.saturating_add(sum.count);
            usual.paid = usual.paid.saturating_add(if status.is_paid() { sum.count } else { 0 });
        }
        let Some(now) = rate(about, *channel, until).await? else { continue };
        if let Some(FallenRate { percent, usual }) = fallen_rate(now, usual) {
            let fact = AlertFact::SuccessRate { channel: channel.to_string(), until_ms: until.ms(), percent, usual };
            found.alerts.push(Alert::new(fact, channel.name(), about.now));
        }
    }
    Ok(())
}

/// The rate of the hour, or of its end if there are too many tries. `None` if there are too many even then.
async fn rate(about: &About<'_>, channel: Channel, until: Timestamp) -> Result<Option<Rate>, StoreError> {
    for length in JUDGED {
        let (mut rate, mut is_whole) = (Rate::default(), true);
        for status in Status::ALL {
            let counted = count(about, SumList { channel, status }, before(until, length), TRIES_MAX).await?;
            is_whole &= counted < i64::from(TRIES_MAX);
            rate.tries += counted;
            rate.paid += if status.is_paid() { counted } else { 0 };
        }
        if is_whole {
            return Ok(Some(rate));
        }
    }
    Ok(None)
}

async fn count(about: &About<'_>, list: SumList, span: TimeSpan, most: u16) -> Result<i64, StoreError> {
    let app = &about.configured.app;
    about.deps.services.store.count_up_to(&app.id, about.mode, &app.shards, list, span, most).await
}
