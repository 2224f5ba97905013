//! The schedules of the template that carry a task. A running clock keeps them. While the clock stands, tests start each task themselves: a
//! task that started automatically would query the simulators, and meet faults that are meant for other queries.

use std::sync::Arc;

use sweep::Tick;
use tokio::sync::Mutex;

use crate::template::{Scheduled, Template};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const HOURS_A_DAY: i64 = 24;

/// The tasks, and when they were last looked for. Clones share both.
#[derive(Clone)]
pub(crate) struct Schedule {
    deps: sweep::Deps,
    tasks: Arc<[(Times, Tick)]>,
    looked_ms: Arc<Mutex<i64>>,
}

/// One minute of some hours of each day, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Times {
    minute: i64,
    /// Every hour, if the schedule names none.
    hours: Vec<i64>,
}

impl Schedule {
    pub(crate) fn new(deps: sweep::Deps, template: &Template, now_ms: i64) -> Self {
        let task = |scheduled: &Scheduled| {
            Some((Times::parse(&scheduled.expression)?, serde_json::from_str(&scheduled.input).ok()?))
        };
        let tasks = template.schedules.iter().filter_map(task).collect();
        Self { deps, tasks, looked_ms: Arc::new(Mutex::new(now_ms)) }
    }

    /// Runs each task whose time has come since the last look. A task runs once, even if its time has come several times.
    pub(crate) async fn run_due(&self, now_ms: i64) {
        let mut looked_ms = self.looked_ms.lock().await;
        for (times, tick) in self.tasks.iter() {
            if times.last_ms(now_ms).is_some_and(|last| last > *looked_ms) {
                Box::pin(sweep::run(&self.deps, *tick)).await;
            }
        }
        *looked_ms = now_ms;
    }
}

impl Times {
    /// Reads the form that the template has: `cron(20 2,3,4 * * ? *)`. `None` for any other.
    fn parse(expression: &str) -> Option<Self> {
        let fields: Vec<&str> = expression.strip_prefix("cron(")?.strip_suffix(')')?.split(' ').collect();
        let [minute, hours, "*", "*", "?", "*"] = fields.as_slice() else { return None };
        let hours = match *hours {
            "*" => Vec::new(),
            hours => hours.split(',').map(|hour| hour.parse().ok()).collect::<Option<_>>()?,
        };
        Some(Self { minute: minute.parse().ok()?, hours })
    }

    /// The last such moment up to now.
    fn last_ms(&self, now_ms: i64) -> Option<i64> {
        let this_hour = now_ms.div_euclid(HOUR_MS);
        let fits = |hour: &i64| self.hours.is_empty() || self.hours.contains(&hour.rem_euclid(HOURS_A_DAY));
        let moments = (this_hour - HOURS_A_DAY..=this_hour).rev().filter(fits);
        moments.map(|hour| hour * HOUR_MS + self.minute * MINUTE_MS).find(|moment| *moment <= now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_schedules_are_understood() {
        let template = Template::load().unwrap();
        let mut tasks: Vec<_> = template
            .schedules
            .iter()
            .map(|scheduled| (scheduled.input.clone(), Times::parse(&scheduled.expression)))
            .collect();
        tasks.sort_by_key(|(input, _)| input.clone());
        let times = |minute, hours: &[i64]| Some(Times { minute, hours: hours.to_vec() });
        let expect = [
            (r#"{"task":"reconcile"}"#.to_owned(), times(20, &[2, 3, 4])),
            (r#"{"task":"sums"}"#.to_owned(), times(10, &[])),
        ];
        assert_eq!(tasks, expect);
    }

    #[test]
    #[rustfmt::skip]
    fn the_last_time_is_found() {
        let check = |expression: &str, now: (i64, i64), expect: Option<(i64, i64)>| {
            let at = |(hour, minute): (i64, i64)| hour * HOUR_MS + minute * MINUTE_MS;
            let found = Times::parse(expression).and_then(|times| times.last_ms(at(now)));
            assert_eq!(found, expect.map(at), "{expression} {now:?}");
        };
        check("cron(20 2,3,4 * * ? *)", (50, 19), Some((28, 20)));
        check("cron(20 2,3,4 * * ? *)", (50, 20), Some((50, 20)));
        check("cron(20 2,3,4 * * ? *)", (53, 0),  Some((52, 20)));
        check("cron(10 * * * ? *)",     (50, 9),  Some((49, 10)));
        check("cron(10 * * * ? *)",     (50, 10), Some((50, 10)));
        check("rate(1 minute)",         (50, 0),  None);
        check("cron(x * * * ? *)",      (50, 0),  None);
    }
}
