//! Questions to providers, which are handed out to `ask`. Each account gets the newest bills first, and only as many as it may be asked in
//! a minute.
//!
//! Nothing is written here. `ask` moves the time at which a row is due; until then each minute brings another message. So a lost message costs
//! a minute, and a message too many costs a look at a row.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{AskedAbout, AskedProvider, Timestamp};
use queue::Question;

use crate::{Deps, run::Run};

/// How many questions an account is asked in a second. WeChat Pay names limits of 1,800 order queries and 300 refund queries a second
/// (<https://pay.weixin.qq.com/doc/global/v2/zh/4013637944>); Alipay and UnionPay name none.
const A_SECOND: usize = 40;

/// So many go out in one run: the next comes in a minute.
const A_MINUTE: usize = 60 * A_SECOND;

/// So many of them are for the oldest, where there are more than that.
const OLDEST: usize = A_MINUTE / 10;

/// So many are sent at once: 16 calls of ten each.
const SENT_AT_ONCE: usize = 160;

/// So often in a row nothing is taken before a run gives up.
const IN_VAIN_MAX: u32 = 3;

/// Whom to ask about what.
#[derive(Debug, Default)]
pub(crate) struct Questions(Mutex<BTreeMap<AskedProvider, Vec<Waiting>>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Waiting {
    about: AskedAbout,
    /// When the bill was charged, or the refund asked for.
    since: Timestamp,
}

/// A question in its turn: how many of the same account go before.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Turn {
    place: usize,
    provider: AskedProvider,
    about: AskedAbout,
}

impl Questions {
    /// Keeps a question in mind; `false` if it is one too many for its account in this run, or makes another one so.
    pub(crate) fn note(&self, provider: AskedProvider, about: AskedAbout, since: Timestamp) -> bool {
        let mut known = self.lock();
        let waiting = known.entry(provider).or_default();
        waiting.push(Waiting { about, since });
        let has_room = waiting.len() <= A_MINUTE;
        // Sorted now and then, so that an account with any number of open bills takes no more memory than two minutes of its questions.
        if waiting.len() >= 2 * A_MINUTE {
            keep_some(waiting);
        }
        has_room
    }

    /// In the order in which they go out: first the newest of each account, then the next of each.
    fn take(&self) -> Vec<Turn> {
        let known = std::mem::take(&mut *self.lock());
        let mut turns = Vec::new();
        for (provider, mut waiting) in known {
            keep_some(&mut waiting);
            let turn = |(place, Waiting { about, .. })| Turn { place, provider: provider.clone(), about };
            turns.extend(waiting.into_iter().enumerate().map(turn));
        }
        turns.sort_by_key(|turn| turn.place);
        turns
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AskedProvider, Vec<Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those that are asked about in this run, the newest first. Where they are too many, a part of the minute belongs to the oldest: a bill's last
/// questions must have their turn however many new bills there are.
fn keep_some(waiting: &mut Vec<Waiting>) {
    waiting.sort_by_key(|waiting| Reverse(waiting.since));
    if waiting.len() > A_MINUTE {
        let oldest = waiting.split_off(waiting.len() - OLDEST);
        waiting.truncate(A_MINUTE - OLDEST);
        waiting.extend(oldest);
    }
}

/// Hands out the questions that were noted, spread over a minute. Returns how many.
pub(crate) async fn hand_out(deps: &Deps, run: &Run) -> usize {
    let (mut handed_out, mut in_vain) = (0, 0);
    for turns in run.questions.take().chunks(SENT_AT_ONCE) {
        if !run.may_hand_out(deps.services.clock.now()) {
            break;
        }
        let questions: Vec<_> = turns.iter().map(in_turn).collect();
        let sent = deps.queue.ask(&questions).await;
        handed_out += sent;
        if sent < questions.len() {
            run.leave();
        }
        in_vain = if sent == 0 { in_vain + 1 } else { 0 };
        if in_vain == IN_VAIN_MAX {
            // The queue takes nothing now, and each call takes its time to find that out.
            break;
        }
    }
    handed_out
}

fn in_turn(turn: &Turn) -> Question<'_> {
    let seconds = u64::try_from(turn.place / A_SECOND).unwrap_or(0);
    Question { about: &turn.about, provider: &turn.provider, delay: Duration::from_secs(seconds) }
}

#[cfg(test)]
mod tests {
    use domain::{AppId, BillNum, Channel, Mode, Tab, TransactionKey, TryNumber};

    use super::*;

    fn provider(tab: Tab) -> AskedProvider {
        AskedProvider { app: AppId::parse("568a12086e912100017722e5").unwrap(), mode: Mode::Test, tab }
    }

    fn about(provider: &AskedProvider, number: i64) -> AskedAbout {
        AskedAbout::Transaction(TransactionKey {
            app: provider.app.clone(),
            mode: provider.mode,
            bill: BillNum::parse(&number.to_string()).unwrap(),
            channel: Channel::AliWeb,
            try_number: TryNumber::FIRST,
        })
    }

    /// Notes bills of these times; how many of them were not one too many.
    fn noted(questions: &Questions, provider: &AskedProvider, times: impl Iterator<Item = i64>) -> usize {
        times.filter(|ms| questions.note(provider.clone(), about(provider, *ms), Timestamp::clamped(*ms))).count()
    }

    #[test]
    fn the_newest_bill_of_each_account_goes_first() {
        let (questions, [ali, wechat]) = (Questions::default(), [Tab::Ali, Tab::WxApp].map(provider));
        assert_eq!(noted(&questions, &ali, [3, 1, 2].into_iter()), 3);
        assert_eq!(noted(&questions, &wechat, [7].into_iter()), 1);
        let turns = questions.take();
        let order: Vec<_> = turns.iter().map(|turn| (turn.provider.tab, turn.about.bill(), turn.place)).collect();
        assert_eq!(order, [(Tab::Ali, "3", 0), (Tab::WxApp, "7", 0), (Tab::Ali, "2", 1), (Tab::Ali, "1", 2)]);
    }

    #[test]
    fn an_account_is_asked_at_its_rate_and_what_exceeds_it_is_left() {
        let (questions, ali) = (Questions::default(), provider(Tab::Ali));
        assert_eq!(noted(&questions, &ali, 0..10_000), A_MINUTE);
        assert!(questions.lock()[&ali].len() < 2 * A_MINUTE);
        let turns = questions.take();
        assert_eq!(turns.len(), A_MINUTE);
        assert_eq!(turns.first().map(|turn| turn.about.bill()), Some("9999"));
        assert_eq!(turns.get(A_MINUTE - OLDEST).map(|turn| turn.about.bill()), Some("239"));
        assert_eq!(turns.last().map(|turn| turn.about.bill()), Some("0"));
        let delays: Vec<u64> = turns.iter().map(|turn| in_turn(turn).delay.as_secs()).collect();
        for second in 0..60 {
            assert_eq!(delays.iter().filter(|delay| **delay == second).count(), A_SECOND, "{second}");
        }
    }
}
