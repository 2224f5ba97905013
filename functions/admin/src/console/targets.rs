//! Targets of webhooks that fail: since when, and how much waits for them.

use std::time::Duration;

use domain::{DeliveryState, WebhookId};
use store::{DeliveryCount, DeliveryList};

use super::{Trouble, desk::Desk, frame::Frame, texts, webhooks::Row};

/// The longest name of a target on a button.
const SHORT_CHARS_MAX: usize = 48;

/// A replay chooses deliveries by when they were written. One that fails now was written at most this long before: all attempts of a delivery
/// are within 56 hours.
const TRIED_FOR: Duration = Duration::from_secs(56 * 3600);

/// A target whose latest attempts failed.
pub(crate) struct FailingTarget {
    /// The webhook.
    pub(crate) id: String,
    pub(crate) target: String,
    /// Since when, how often, how many wait and how many are given up.
    pub(crate) words: String,
    /// In milliseconds, for the form that sends again all that failed since then.
    pub(crate) since: i64,
    pub(crate) since_words: String,
}

/// The failing ones of an app's webhooks. Healthy ones cost nothing.
pub(crate) async fn failing(desk: &Desk<'_>, f: &Frame, rows: &[Row]) -> Result<Vec<FailingTarget>, Trouble> {
    let (t, app) = (desk.t(), &desk.app()?.app);
    let mut found = Vec::new();
    for row in rows {
        let Some((failing, webhook)) = row.failing.zip(WebhookId::parse(&row.id).ok()) else { continue };
        let count = async |state| {
            let list = DeliveryList { webhook: webhook.clone(), state };
            desk.deps.services.store.count_deliveries(app, &list).await
        };
        let (waiting, exhausted) = (count(DeliveryState::Waiting).await?, count(DeliveryState::Exhausted).await?);
        let since = f.moment(failing.since);
        let numbers = [failing.failures.to_string(), size(waiting), size(exhausted)];
        let [failures, waiting, exhausted] = numbers.each_ref().map(String::as_str);
        found.push(FailingTarget {
            id: row.id.clone(),
            target: row.target.clone(),
            words: texts::fill(t.failing_since, &[&since, failures, waiting, exhausted]),
            since: failing.since.minus(TRIED_FOR).ms(),
            since_words: texts::fill(t.resend_since, &[&since]),
        });
    }
    Ok(found)
}

/// How many, and a plus if there are more than were counted.
pub(crate) fn size(list: DeliveryCount) -> String {
    let count = domain::grouped(u64::try_from(list.count).unwrap_or_default());
    format!("{count}{}", if list.more { "+" } else { "" })
}

/// A target as a button names it: without its scheme, and cut.
pub(crate) fn short(target: &str) -> String {
    let name = target.split_once("://").map_or(target, |(_, name)| name);
    if name.chars().count() <= SHORT_CHARS_MAX {
        return name.to_owned();
    }
    name.chars().take(SHORT_CHARS_MAX).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_button_names_its_target() {
        assert_eq!(short("https://shop.example/paid"), "shop.example/paid");
        assert_eq!(short("arn:aws:lambda:x:1:function:paid"), "arn:aws:lambda:x:1:function:paid");
        assert_eq!(short(&format!("https://shop.example/{}", "x".repeat(60))).chars().count(), 49);
    }
}
