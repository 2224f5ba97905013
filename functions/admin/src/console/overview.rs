//! The overview: what was paid by day and by channel, how much of what was charged is paid, and how the webhooks do.

use std::collections::BTreeMap;

use askama::Template;
use domain::{Channel, Day, DaySums, DeliveryState, Family, Sum, WebhookId};
use futures_util::future::try_join_all;
use runtime::query_parameter;
use store::DeliveryCount;

use super::{
    Answer, Trouble,
    desk::Desk,
    format,
    frame::{Frame, Section},
    period::{self, Known, Period},
    texts::{self, Texts},
    webhooks,
};

/// The drawing's own measures; it is scaled to the page.
const WIDTH: usize = 900;
const HEIGHT: usize = 200;
const FOOT: usize = 24;

struct Bar {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    /// Where the day is written, for those that have room for it.
    label: Option<(usize, String)>,
    title: String,
}

/// A row of the table of days; what is not known is a dash.
struct Row {
    day: String,
    charged: String,
    paid: String,
    amount: String,
    refunded: String,
    rate: String,
}

struct Share {
    name: &'static str,
    class: &'static str,
    /// Whether it is a provider, and not one of its channels.
    is_family: bool,
    x: usize,
    width: usize,
    paid: String,
    amount: String,
    percent: String,
}

/// How a webhook does.
struct Health {
    target: String,
    href: String,
    is_live: bool,
    is_failing: bool,
    paused: Option<String>,
    waiting: String,
    exhausted: String,
    oldest: Option<String>,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    f: Frame,
    t: &'static Texts,
    periods: Vec<(&'static str, &'static str, bool)>,
    cut: Option<String>,
    amount: String,
    paid: String,
    refunded: String,
    rate: String,
    of_charged: String,
    failing: usize,
    paused: usize,
    is_empty: bool,
    bars: Vec<Bar>,
    days: Vec<Row>,
    shares: Vec<Share>,
    webhooks: Vec<Health>,
    summed: String,
}

pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    let t = desk.t();
    let f = Frame { section: Section::Overview, ..desk.frame(t.overview) };
    let periods = [("1", t.today), ("7", t.days_7), ("30", t.days_30), ("60", t.days_60), ("90", t.days_90_last)];
    let asked = query_parameter(desk.request, "days").unwrap_or_default();
    let word = periods.iter().map(|(days, _)| *days).find(|days| *days == asked).unwrap_or("7");
    let period = period::read(desk, word.parse().unwrap_or(7)).await?;
    let total = period.total();
    let (charged, paid) = (total.charged(|_| true), total.paid(|_| true));
    let webhooks = health(desk, &f).await?;
    let page = Overview {
        periods: periods.map(|(days, label)| (days, label, days == word)).to_vec(),
        cut: cut(t, &f, &period),
        amount: format::money(paid.amount),
        paid: count(paid.count),
        refunded: format::money(paid.refunded),
        rate: percent(paid.count, charged.count),
        of_charged: texts::fill(t.of_charged, &[&count(paid.count), &count(charged.count)]),
        failing: webhooks.iter().filter(|one| one.is_failing).count(),
        paused: webhooks.iter().filter(|one| one.paused.is_some()).count(),
        is_empty: paid.count == 0,
        bars: bars(&period.days),
        days: period.days.iter().rev().map(|(day, (sums, known))| row(day, sums, *known)).collect(),
        shares: shares(t, &total),
        summed: period.summed_at.map(|at| texts::fill(t.overview_summed, &[&f.moment(at)])).unwrap_or_default(),
        webhooks,
        f,
        t,
    };
    desk.page(200, &page)
}

/// What is to be said where figures are not whole.
fn cut(t: &'static Texts, f: &Frame, period: &Period) -> Option<String> {
    let waiting = period.days.values().filter(|(_, known)| *known == Known::NotYet).count();
    match (period.cut, waiting) {
        (None, 0) => None,
        (None, _) => Some(texts::fill(t.overview_not_yet, &[&waiting.to_string()])),
        (Some(at), 0) => Some(texts::fill(t.overview_cut, &[&f.moment(at)])),
        (Some(at), _) => Some(texts::fill(t.overview_cut_and_not_yet, &[&f.moment(at), &waiting.to_string()])),
    }
}

fn row(day: &Day, sums: &DaySums, known: Known) -> Row {
    let (charged, paid) = (sums.charged(|_| true), sums.paid(|_| true));
    let say = |text: String| match known {
        Known::Whole => text,
        Known::Partly => format!("≥ {text}"),
        Known::NotYet => "–".to_owned(),
    };
    Row {
        day: day.to_string(),
        charged: say(count(charged.count)),
        paid: say(count(paid.count)),
        amount: say(format::money(paid.amount)),
        refunded: say(format::money(paid.refunded)),
        rate: if known == Known::NotYet { "–".to_owned() } else { percent(paid.count, charged.count) },
    }
}

/// Every webhook with what waits at it and what was given up.
async fn health(desk: &Desk<'_>, f: &Frame) -> Result<Vec<Health>, Trouble> {
    let app = &desk.app()?.app;
    let known = webhooks::rows(desk).await?;
    let sizes = known.iter().map(async |one| {
        let Ok(id) = WebhookId::parse(&one.id) else { return Ok(Default::default()) };
        let of = async |state| desk.deps.base.store.count_deliveries(app, &(id.clone(), state)).await;
        Ok::<_, Trouble>((of(DeliveryState::Waiting).await?, of(DeliveryState::Exhausted).await?))
    });
    let sizes = try_join_all(sizes).await?;
    let shown = |(one, (waiting, exhausted)): (webhooks::Row, (DeliveryCount, DeliveryCount))| Health {
        href: format!("{}?{}", f.at("/deliveries"), super::query(&[("webhook", &one.id)])),
        target: one.target,
        is_live: one.is_live,
        is_failing: one.is_failing,
        paused: one.paused,
        waiting: size(waiting),
        exhausted: size(exhausted),
        oldest: waiting.oldest.map(|at| f.moment(at)),
    };
    Ok(known.into_iter().zip(sizes).map(shown).collect())
}

fn size(list: DeliveryCount) -> String {
    format!("{}{}", format::grouped(u64::try_from(list.count).unwrap_or_default()), if list.more { "+" } else { "" })
}

fn count(number: i64) -> String {
    format::grouped(u64::try_from(number).unwrap_or_default())
}

/// `62.5%`, by whole numbers; a dash of nothing.
fn percent(part: i64, whole: i64) -> String {
    let Some(thousandths) = (i128::from(part) * 1000).checked_div(i128::from(whole)) else { return "–".to_owned() };
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

/// `length` times part by whole, by whole numbers.
fn scaled(length: usize, part: i64, whole: i64) -> usize {
    let length = i64::try_from(length).unwrap_or_default();
    let scaled = i128::from(length) * i128::from(part) / i128::from(whole.max(1));
    usize::try_from(scaled).unwrap_or_default()
}

fn bars(days: &BTreeMap<Day, (DaySums, Known)>) -> Vec<Bar> {
    /// More labels than this would touch each other.
    const LABELS_MAX: usize = 10;
    let amounts: Vec<(&Day, i64)> = days.iter().map(|(day, (sums, _))| (day, sums.paid(|_| true).amount)).collect();
    let highest = amounts.iter().map(|(_, amount)| *amount).max().unwrap_or_default();
    let slot = WIDTH / amounts.len().max(1);
    let every = amounts.len().max(1).div_ceil(LABELS_MAX);
    let bar = |(place, (day, amount)): (usize, &(&Day, i64))| {
        let height = scaled(HEIGHT - FOOT - 10, *amount, highest);
        let width = (slot * 7 / 10).clamp(1, 80);
        let x = place * slot + (slot - width) / 2;
        let label = (place % every == 0).then(|| (x + width / 2, day.as_str().chars().skip(5).collect()));
        let title = format!("{day} {}", format::money(*amount));
        Bar { x, y: HEIGHT - FOOT - height, width, height, label, title }
    };
    amounts.iter().enumerate().map(bar).collect()
}

/// Each provider with its part of the bar, and behind it those of its channels on which anything was charged.
fn shares(t: &'static Texts, total: &DaySums) -> Vec<Share> {
    let whole = total.paid(|_| true).amount;
    let mut x = 0;
    let mut shares = Vec::new();
    for (family, _) in Family::ALL {
        let class = match family {
            Family::Ali => "ali",
            Family::Wx => "wx",
            Family::Unipay => "unipay",
        };
        let share = |name, is_family, (x, width), Sum { count: paid, amount, .. }| Share {
            name,
            class,
            is_family,
            x,
            width,
            paid: count(paid),
            amount: format::money(amount),
            percent: percent(amount, whole),
        };
        let sum = total.paid(|channel| channel.family() == family);
        let width = scaled(WIDTH, sum.amount, whole);
        shares.push(share(t.family_name(family), true, (x, width), sum));
        let used = |channel: &Channel| channel.family() == family && total.charged(|one| one == *channel).count > 0;
        let own = Channel::all().filter(used);
        shares.extend(own.map(|one| share(t.channel_name(one), false, (x, 0), total.paid(|channel| channel == one))));
        x += width;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_whole_numbers() {
        assert_eq!(
            (percent(5, 8), percent(1, 3), percent(0, 0), percent(8, 8)),
            ("62.5%".into(), "33.3%".into(), "–".into(), "100.0%".into())
        );
        assert_eq!((scaled(900, 1, 3), scaled(900, 0, 0), scaled(900, i64::MAX, i64::MAX)), (300, 0, 900));
    }

    #[test]
    fn bars_stay_within_the_drawing() {
        let mut sums = DaySums::default();
        sums.add(Channel::AliWeb, domain::Status::Success, Sum { count: 1, amount: 100, refunded: 0 });
        for count in [1, 7, 30, 90] {
            let last = Day::parse("2026-11-23").unwrap();
            let days = std::iter::successors(Some(last), |day| Some(day.before())).take(count);
            for bar in bars(&days.map(|day| (day, (sums.clone(), Known::Whole))).collect()) {
                assert!(bar.x + bar.width <= WIDTH && bar.y + bar.height <= HEIGHT && bar.height > 0);
            }
        }
    }
}
