//! Counters of the sign-in: how many tries failed, and how many were made in a window of time. The caller names a slot, and so decides
//! which tries are counted together.

use std::time::Duration;

use domain::{Timestamp, sign_in_pause};

use crate::{
    Store, StoreError,
    attributes::{Item, item, number, text, time},
    conditions::is_written,
    schema::{ADMIN_PK, PK, SK, TTL},
};

/// How long the failures of a slot count after its last pause.
const FAILURES_KEPT: Duration = Duration::from_secs(3600);

/// How often a count is tried. Of several callers at one moment, one may have to look again.
const COUNT_TRIES_MAX: u32 = 2;

/// How long a caller waits that came at the same moment as another.
const TIE: Duration = Duration::from_secs(1);

/// Whether a password may be tried now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInTry {
    /// It may. It counts as a failure until [`Store::forget_sign_ins`] is called, so that many tries at once count as many.
    Counted {
        /// When the first failure was that counts for the slot.
        since: Timestamp,
    },
    /// Not before this moment.
    Wait(Timestamp),
}

/// A number of tries that is allowed in a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The length of a window. Windows begin at multiples of it.
    pub length: Duration,
    /// How many tries a window allows.
    pub max: i64,
}

impl Window {
    /// The beginning of the window that contains `now`.
    pub fn begin(&self, now: Timestamp) -> Timestamp {
        let length = i64::try_from(self.length.as_millis()).unwrap_or(i64::MAX).max(1);
        Timestamp::clamped(now.ms() - now.ms().rem_euclid(length))
    }
}

impl Store {
    /// Whether a password may be tried now for `slot`. The try is counted first, so that the limit holds for all instances of a function
    /// together. Of several callers at the same moment, one may try.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_sign_in(&self, slot: &str, now: Timestamp) -> Result<SignInTry, StoreError> {
        let found = self.get_configured(ADMIN_PK.to_owned(), sk(slot)).await?;
        let (kept, until, began) = match found.as_ref().map(Item) {
            Some(item) => (item.number("failures")?, item.time("until_ms")?, item.time("since_ms")?),
            None => (0, now, now),
        };
        if now < until {
            return Ok(SignInTry::Wait(until));
        }
        let is_over = now >= until.plus(FAILURES_KEPT);
        let (failures, since) = if is_over { (1, now) } else { (kept.saturating_add(1), began) };
        let until = now.plus(sign_in_pause(u32::try_from(failures).unwrap_or(u32::MAX)));
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.configuration)
            .set_item(Some(item(
                ADMIN_PK.to_owned(),
                sk(slot),
                [
                    ("failures", Some(number(failures))),
                    ("until_ms", Some(time(until))),
                    ("since_ms", Some(time(since))),
                    (TTL, Some(number(until.plus(FAILURES_KEPT).seconds()))),
                ],
            )))
            .condition_expression("attribute_not_exists(pk) OR (failures = :failures AND since_ms = :since)")
            .expression_attribute_values(":failures", number(kept))
            .expression_attribute_values(":since", time(began));
        let is_counted = is_written(put.send().await, "counting a sign-in")?;
        Ok(if is_counted { SignInTry::Counted { since } } else { SignInTry::Wait(now.plus(TIE)) })
    }

    /// Forgets the failures of `slot`, after the right password.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_sign_ins(&self, slot: &str) -> Result<(), StoreError> {
        let delete = self
            .dynamo
            .delete_item()
            .table_name(&self.tables.configuration)
            .key(PK, text(ADMIN_PK))
            .key(SK, text(sk(slot)))
            .condition_expression("attribute_exists(pk)");
        is_written(delete.send().await, "forgetting failed sign-ins")?;
        Ok(())
    }

    /// Counts one more try of `slot` in the present window, if the window allows it. Otherwise nothing is written, and the beginning of the
    /// next window is returned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_within(
        &self,
        slot: &str,
        window: Window,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let begin = window.begin(now);
        for _ in 0..COUNT_TRIES_MAX {
            let found = self.get_configured(ADMIN_PK.to_owned(), sk(slot)).await?;
            let kept = match found.as_ref().map(Item) {
                Some(item) => Some((item.time("window_ms")?, item.number("count")?)),
                None => None,
            };
            let is_counted = match kept.filter(|(kept, _)| *kept >= begin) {
                Some((_, count)) if count >= window.max => return Ok(Some(begin.plus(window.length))),
                Some(_) => self.count_one_more(slot, window, begin).await?,
                None => self.open_window(slot, window, begin).await?,
            };
            if is_counted {
                return Ok(None);
            }
        }
        Ok(Some(now.plus(TIE)))
    }

    /// Whether the try was counted. Another caller may have taken the last place.
    async fn count_one_more(&self, slot: &str, window: Window, begin: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .dynamo
            .update_item()
            .table_name(&self.tables.configuration)
            .key(PK, text(ADMIN_PK))
            .key(SK, text(sk(slot)))
            .update_expression("ADD #count :one")
            .condition_expression("window_ms >= :begin AND #count < :max")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":begin", time(begin))
            .expression_attribute_values(":max", number(window.max));
        is_written(update.send().await, "counting in a window")
    }

    /// Whether the window was begun. Another caller may have been first.
    async fn open_window(&self, slot: &str, window: Window, begin: Timestamp) -> Result<bool, StoreError> {
        let ends_at = begin.plus(window.length);
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.configuration)
            .set_item(Some(item(
                ADMIN_PK.to_owned(),
                sk(slot),
                [
                    ("window_ms", Some(time(begin))),
                    ("count", Some(number(1))),
                    (TTL, Some(number(ends_at.plus(FAILURES_KEPT).seconds()))),
                ],
            )))
            .condition_expression("attribute_not_exists(pk) OR window_ms < :begin")
            .expression_attribute_values(":begin", time(begin));
        is_written(put.send().await, "opening a window")
    }
}

fn sk(slot: &str) -> String {
    format!("SIGNIN#{slot}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_at_multiples_of_their_length() {
        let window = Window { length: Duration::from_secs(10), max: 1 };
        for (now, begin) in [(0, 0), (9_999, 0), (10_000, 10_000), (1_795_444_207_123, 1_795_444_200_000)] {
            assert_eq!(window.begin(Timestamp::from_ms(now).unwrap()).ms(), begin);
        }
    }
}
