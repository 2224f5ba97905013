//! The alerts of an app in one mode: those that were sent, and those that wait. They are one small item. Each run of the
//! sweep reads it. A run that changes it writes it under the condition that no other run wrote it first.
//!
//! An alert is kept before it is sent, and taken out after it arrived. So a stop between the two sends it twice, and none is lost by a stop.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Alert, AlertCause, AlertSettings, AlertTarget, AlertTargetId, Mode, Sentence, Timestamp};

/// The most alerts that wait for one target. Of more, only the number is kept.
const WAITING_MAX: usize = 20;

/// The most messages to one target in an hour. Robots take twenty a minute, and people read fewer. What waits is told together in the first
/// message of the next hour.
const MESSAGES_AN_HOUR: u32 = 10;

/// After each failure it is waited so long, and after the last one the alerts are given up.
const WAITS: [Duration; 4] = [
    Duration::from_secs(2 * 60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(60 * 60),
];

/// How long it is remembered that something was told once. Incidents and days are looked at for less.
const REMEMBERED: Duration = Duration::from_secs(5 * 24 * 3600);

/// The most that is remembered. An entry takes some fifty bytes.
const REMEMBERED_MAX: usize = 400;

/// How far the next look goes back behind this one: the index shows an incident some moments after it was kept.
const OVERLAP: Duration = Duration::from_secs(10 * 60);

/// What a look found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundAlerts {
    /// The alerts, known ones among them.
    pub alerts: Vec<Alert>,
    /// The causes that were looked at completely. An alert of theirs that was told and is not among `alerts` is over.
    pub seen: Vec<AlertCause>,
    /// If there are more incidents than one look takes: the last one's time.
    pub incidents_through: Option<Timestamp>,
}

/// What was told, and what waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertState {
    /// From when on incidents are looked for.
    from_ms: i64,
    /// When each key was told last.
    told: BTreeMap<String, i64>,
    /// What waits, by target.
    boxes: BTreeMap<String, AlertOutbox>,
}

/// What waits for one target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertOutbox {
    waiting: Vec<Alert>,
    /// How many more there are than are kept.
    more: u64,
    tries: usize,
    next_ms: i64,
    /// The hour of the latest message, and how many were sent in it.
    hour: i64,
    sent: u32,
    /// How the latest message was answered.
    pub last: Option<LastAlertAnswer>,
}

/// How a message was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastAlertAnswer {
    /// When.
    pub ms: i64,
    /// Why it did not arrive; `None` if it arrived.
    pub problem: Option<String>,
    /// The code and the parameters of that sentence ([`Sentence::to_json`]).
    said: Option<String>,
}

impl LastAlertAnswer {
    /// Why it did not arrive.
    pub fn sentence(&self) -> Option<Sentence> {
        self.problem.as_ref().map(|text| Sentence::kept(text, self.said.as_deref()))
    }
}

/// What is sent to a target now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedAlerts {
    /// To which target.
    pub target: AlertTarget,
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// How many more there were.
    pub more: u64,
}

impl AlertState {
    /// From when on incidents are looked for; `since` is when alerts were set up.
    pub fn look_from(&self, since: Timestamp) -> Timestamp {
        Timestamp::clamped(self.from_ms).max(since)
    }

    /// Whether it could have changed since an empty state.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What waits for a target, and how its latest message was answered.
    pub fn outbox(&self, target: &AlertTargetId) -> Option<&AlertOutbox> {
        self.boxes.get(target.as_str())
    }

    /// Puts what is new into the boxes of the targets that want to hear of it.
    pub fn raise(&mut self, settings: &AlertSettings, mode: Mode, found: &FoundAlerts, now: Timestamp) {
        let ids: Vec<&str> = settings.hearing(mode).map(|target| target.id.as_str()).collect();
        self.boxes.retain(|id, _| ids.contains(&id.as_str()));
        let is_over = |key: &str| {
            let is_found = found.alerts.iter().any(|alert| alert.key == key);
            let cause = key.split_once('#').and_then(|(cause, _)| AlertCause::find(cause));
            !is_found && cause.is_some_and(|cause| found.seen.contains(&cause) && cause.told_again_after().is_some())
        };
        self.told.retain(|key, _| !is_over(key));
        let mut is_any = false;
        for alert in &found.alerts {
            let again = alert.fact.cause().told_again_after();
            let told = self.told.get(&alert.key).map(|ms| Timestamp::clamped(*ms));
            if told.is_some_and(|told| again.is_none_or(|again| told.until(now) < again)) {
                continue;
            }
            is_any = true;
            self.told.insert(alert.key.clone(), now.ms());
            for target in settings.hearing(mode).filter(|target| target.hears(alert)) {
                self.boxes.entry(target.id.to_string()).or_default().put(alert.clone());
            }
        }
        // A look that found nothing new writes nothing, so that the next one goes back as far. If there were more incidents than it takes, the
        // next one goes on behind them, known or not.
        if is_any || found.incidents_through.is_some() {
            let next_ms = match found.incidents_through {
                Some(last) => last.ms().saturating_add(1),
                None => now.minus(OVERLAP).ms(),
            };
            self.from_ms = self.from_ms.max(next_ms);
            self.forget(now);
        }
    }

    /// Forgets what was told once long ago; if too much is left, the oldest.
    fn forget(&mut self, now: Timestamp) {
        let oldest = now.minus(REMEMBERED).ms();
        let lasts = |key: &str| {
            let cause = key.split_once('#').and_then(|(cause, _)| AlertCause::find(cause));
            cause.is_some_and(|cause| cause.told_again_after().is_some())
        };
        self.told.retain(|key, ms| *ms >= oldest || lasts(key));
        let mut times: Vec<i64> = self.told.values().copied().collect();
        if let Some(beyond) = times.len().checked_sub(REMEMBERED_MAX).filter(|beyond| *beyond > 0) {
            times.sort_unstable();
            let from = times.get(beyond).copied().unwrap_or_default();
            self.told.retain(|_, ms| *ms >= from);
        }
    }

    /// What is to be sent now. It stays in its box until [`Self::note`] says that it arrived; until then it is not handed out again before
    /// the wait is over.
    pub fn hand_out(&mut self, settings: &AlertSettings, mode: Mode, now: Timestamp) -> Vec<HandedAlerts> {
        let is_quiet = settings.quiet.is_some_and(|quiet| quiet.include(now));
        let mut handed = Vec::new();
        for target in settings.hearing(mode) {
            let Some(outbox) = self.boxes.get_mut(target.id.as_str()) else { continue };
            let may_tell = |alert: &&Alert| !is_quiet || alert.fact.cause().is_urgent();
            let alerts: Vec<Alert> = outbox.waiting.iter().filter(may_tell).cloned().collect();
            if !alerts.is_empty() && outbox.may_send(now) {
                let more = if is_quiet { 0 } else { outbox.more };
                handed.push(HandedAlerts { target: target.clone(), alerts, more });
            }
        }
        handed
    }

    /// Notes how a message was answered: `problem` says why it did not arrive.
    pub fn note(&mut self, handed: &HandedAlerts, problem: Option<&Sentence>, now: Timestamp) {
        let Some(outbox) = self.boxes.get_mut(handed.target.id.as_str()) else { return };
        let is_over = problem.is_none() || outbox.tries >= WAITS.len();
        outbox.last = Some(LastAlertAnswer {
            ms: now.ms(),
            problem: problem.map(|problem| problem.text.clone()),
            said: problem.map(Sentence::to_json),
        });
        if is_over {
            outbox.waiting.retain(|alert| !handed.alerts.contains(alert));
            outbox.more = outbox.more.saturating_sub(handed.more);
            (outbox.tries, outbox.next_ms) = (0, 0);
        }
    }
}

impl AlertOutbox {
    /// How many alerts wait.
    pub fn waiting(&self) -> u64 {
        u64::try_from(self.waiting.len()).unwrap_or(u64::MAX).saturating_add(self.more)
    }

    fn put(&mut self, alert: Alert) {
        // One that is told again while it still waits is told once.
        self.waiting.retain(|known| known.key != alert.key);
        if self.waiting.len() >= WAITING_MAX {
            self.more = self.more.saturating_add(1);
            // An urgent one takes the place of one that can wait.
            let can_wait = |known: &Alert| !known.fact.cause().is_urgent();
            let place = self.waiting.iter().position(can_wait).filter(|_| alert.fact.cause().is_urgent());
            let Some(place) = place else { return };
            self.waiting.remove(place);
        }
        self.waiting.push(alert);
    }

    /// Whether a message may be sent now. If it may, this is its claim: another run waits until it was answered.
    fn may_send(&mut self, now: Timestamp) -> bool {
        let hour = now.seconds() / 3600;
        if self.hour != hour {
            (self.hour, self.sent) = (hour, 0);
        }
        if now.ms() < self.next_ms || self.sent >= MESSAGES_AN_HOUR {
            return false;
        }
        let wait = WAITS.get(self.tries.min(WAITS.len() - 1)).copied().unwrap_or_default();
        (self.tries, self.next_ms, self.sent) = (self.tries.saturating_add(1), now.plus(wait).ms(), self.sent + 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AlertAddress, AlertFact, AlertKind, AlertLanguage, QuietHours};

    /// 2026-11-23 22:30 in Beijing.
    const AT: i64 = 1_795_444_200_000;
    const MINUTE: i64 = 60_000;
    const NOTHING: [usize; 0] = [];

    fn at(minutes: i64) -> Timestamp {
        Timestamp::clamped(AT + minutes * MINUTE)
    }

    fn settings() -> AlertSettings {
        let target = AlertTarget {
            id: AlertTargetId::parse("01a208d05240070707070707").unwrap(),
            kind: AlertKind::Sns,
            address: AlertAddress::parse(AlertKind::Sns, "arn:aws:sns:x:123456789012:alerts", None).unwrap(),
            secret: None,
            mode: Mode::Live,
            language: AlertLanguage::Zh,
            causes: AlertCause::ALL.to_vec(),
            since: at(0),
        };
        AlertSettings { since: Some(at(0)), quiet: None, targets: vec![target] }
    }

    fn incident(name: &str) -> Alert {
        Alert::new(AlertFact::Incident { kind: "amount".to_owned(), bill: name.to_owned() }, name, at(0))
    }

    fn letters() -> Alert {
        Alert::new(AlertFact::DeadLetters { count: 1 }, "", at(0))
    }

    fn found(alerts: Vec<Alert>) -> FoundAlerts {
        FoundAlerts { alerts, seen: vec![AlertCause::DeadLetters], incidents_through: None }
    }

    /// Raises, hands out, and notes that all of it arrived. Returns how many alerts each message has.
    fn run(state: &mut AlertState, alerts: Vec<Alert>, minutes: i64) -> Vec<usize> {
        let settings = settings();
        state.raise(&settings, Mode::Live, &found(alerts), at(minutes));
        let handed = state.hand_out(&settings, Mode::Live, at(minutes));
        handed.iter().for_each(|one| state.note(one, None, at(minutes)));
        handed.iter().map(|one| one.alerts.len()).collect()
    }

    #[test]
    fn a_cause_is_told_once_and_again_when_it_came_back_or_lasts() {
        let mut state = AlertState::default();
        assert_eq!(run(&mut state, vec![incident("b-1"), letters()], 0), [2]);
        assert_eq!(run(&mut state, vec![incident("b-1"), letters()], 1), NOTHING);
        assert_eq!(run(&mut state, vec![incident("b-2"), letters()], 2), [1]);
        // It lasts.
        assert_eq!(run(&mut state, vec![letters()], 24 * 60 - 1), NOTHING);
        assert_eq!(run(&mut state, vec![letters()], 24 * 60), [1]);
        // It is over, and comes back.
        assert_eq!(run(&mut state, vec![], 24 * 60 + 1), NOTHING);
        assert_eq!(run(&mut state, vec![letters(), incident("b-1")], 24 * 60 + 2), [1]);
    }

    #[test]
    fn what_was_not_looked_at_is_not_over() {
        let mut state = AlertState::default();
        assert_eq!(run(&mut state, vec![letters()], 0), [1]);
        state.raise(&settings(), Mode::Live, &FoundAlerts::default(), at(1));
        assert_eq!(run(&mut state, vec![letters()], 2), NOTHING);
    }

    #[test]
    fn an_hour_has_ten_messages_and_the_rest_is_told_together() {
        let mut state = AlertState::default();
        let mut told = Vec::new();
        for number in 0..30 {
            told.extend(run(&mut state, vec![incident(&format!("b-{number}"))], 0));
        }
        assert_eq!(told, [1; 10]);
        assert_eq!(run(&mut state, vec![], 29), NOTHING);
        assert_eq!(run(&mut state, vec![], 30), [20]);
    }

    #[test]
    fn what_is_beyond_the_bound_is_counted() {
        let mut state = AlertState::default();
        let many = (0..25).map(|number| incident(&format!("b-{number}"))).collect();
        state.raise(&settings(), Mode::Live, &found(many), at(0));
        let handed = state.hand_out(&settings(), Mode::Live, at(0));
        assert_eq!(handed.iter().map(|one| (one.alerts.len(), one.more)).collect::<Vec<_>>(), [(20, 5)]);
        assert_eq!(state.outbox(&settings().targets[0].id).unwrap().waiting(), 25);
        state.note(&handed[0], None, at(0));
        assert_eq!(state.outbox(&settings().targets[0].id).unwrap().waiting(), 0);
    }

    #[test]
    fn a_failure_is_tried_again_four_times_and_given_up() {
        let (mut state, settings) = (AlertState::default(), settings());
        state.raise(&settings, Mode::Live, &found(vec![incident("b-1")]), at(0));
        let mut tried = Vec::new();
        for minute in 0..200 {
            for handed in state.hand_out(&settings, Mode::Live, at(minute)) {
                // Another run in the same minute finds nothing to do.
                assert_eq!(state.hand_out(&settings, Mode::Live, at(minute)), []);
                tried.push(minute);
                state.note(&handed, Some(&Sentence::as_it_is("no")), at(minute));
            }
        }
        assert_eq!(tried, [0, 2, 7, 22]);
        let outbox = state.outbox(&settings.targets[0].id).unwrap();
        assert_eq!((outbox.waiting(), outbox.last.clone().unwrap().problem), (0, Some("no".to_owned())));
    }

    #[test]
    fn quiet_hours_let_urgent_alerts_through_and_keep_the_rest() {
        let mut settings = settings();
        settings.quiet = QuietHours::new(22, 8);
        let mut state = AlertState::default();
        let urgent = AlertFact::PaymentsStopped { since_ms: 0, paid: 0, usual: 20 };
        let alerts = vec![incident("b-1"), Alert::new(urgent, "", at(0)), incident("b-2")];
        state.raise(&settings, Mode::Live, &found(alerts), at(0));
        let handed = state.hand_out(&settings, Mode::Live, at(0));
        assert_eq!(handed.iter().map(|one| one.alerts.len()).collect::<Vec<_>>(), [1]);
        state.note(&handed[0], None, at(0));
        assert_eq!(state.hand_out(&settings, Mode::Live, at(60)), []);
        // 08:00 in Beijing.
        let handed = state.hand_out(&settings, Mode::Live, at(9 * 60 + 30));
        assert_eq!(handed.iter().map(|one| one.alerts.len()).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn an_urgent_alert_is_told_however_many_others_wait() {
        let mut settings = settings();
        settings.quiet = QuietHours::new(22, 8);
        let mut state = AlertState::default();
        let many = (0..WAITING_MAX + 5).map(|number| incident(&format!("b-{number}")));
        state.raise(&settings, Mode::Live, &found(many.collect()), at(0));
        let urgent = AlertFact::PaymentsStopped { since_ms: 0, paid: 0, usual: 20 };
        state.raise(&settings, Mode::Live, &found(vec![Alert::new(urgent.clone(), "", at(1))]), at(1));
        let handed = state.hand_out(&settings, Mode::Live, at(1));
        let told: Vec<_> = handed.iter().flat_map(|one| &one.alerts).map(|alert| alert.fact.clone()).collect();
        assert_eq!(told, [urgent]);
    }

    #[test]
    fn a_target_hears_of_nothing_from_before_it() {
        let mut settings = settings();
        settings.targets[0].since = at(5);
        let mut state = AlertState::default();
        state.raise(&settings, Mode::Live, &found(vec![incident("b-1")]), at(6));
        assert_eq!(state.hand_out(&settings, Mode::Live, at(6)), []);
        settings.targets[0].since = at(0);
        state.raise(&settings, Mode::Live, &found(vec![incident("b-2")]), at(6));
        assert_eq!(state.hand_out(&settings, Mode::Live, at(6)).len(), 1);
    }

    #[test]
    fn the_state_is_bounded_and_goes_round() {
        let mut state = AlertState::default();
        for number in 0..1000 {
            run(&mut state, vec![incident(&format!("b-{number}"))], number);
        }
        assert!(state.told.len() <= REMEMBERED_MAX, "{}", state.told.len());
        let json = serde_json::to_string(&state).unwrap();
        assert!(json.len() < 40_000, "{}", json.len());
        assert_eq!(serde_json::from_str::<AlertState>(&json).unwrap(), state);
        // A target that is gone has no box.
        state.raise(&AlertSettings::default(), Mode::Live, &FoundAlerts::default(), at(0));
        assert!(state.boxes.is_empty());
    }

    #[test]
    fn the_next_look_goes_back_a_little_or_goes_on_where_there_were_too_many() {
        let mut state = AlertState::default();
        assert_eq!(state.look_from(at(-5)), at(-5));
        run(&mut state, vec![], 20);
        assert_eq!(state.look_from(at(-5)), at(-5));
        run(&mut state, vec![incident("b-1")], 20);
        assert_eq!(state.look_from(at(-5)), at(10));
        let many = FoundAlerts { incidents_through: Some(at(21)), ..found(vec![incident("b-1")]) };
        state.raise(&settings(), Mode::Live, &many, at(30));
        assert_eq!(state.look_from(at(-5)).ms(), at(21).ms() + 1);
        run(&mut state, vec![incident("b-2")], 22);
        assert_eq!(state.look_from(at(-5)).ms(), at(21).ms() + 1);
    }
}
