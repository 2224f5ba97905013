//! The overview: payments by day and by channel, the share of charges that were paid, and the health of the webhooks.

use std::collections::BTreeMap;

use askama::Template;
use domain::{Day, DaySums, DeliveryState, Family, Sum, WebhookId, grouped};
use futures_util::future::try_join_all;
use runtime::query_parameter;
use store::{DeliveryCount, DeliveryList};

use super::{
    Answer, Trouble, channels,
    chart::{self, Part, Place, percent},
    desk::Desk,
    frame::{Frame, Section},
    money,
    period::{self, Known, Period},
    texts::{self, Texts},
    webhooks,
};

struct Bar {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    /// Where the day is written below the bar, if there is room.
    label: Option<(usize, String)>,
    title: String,
}

/// A row of the table of days. An unknown figure is a dash.
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
    /// The name of its provider. The style sheet colours it by that.
    class: &'static str,
    /// Whether it is a provider. If not, it is a channel of one.
    is_family: bool,
    x: usize,
    width: usize,
    paid: String,
    amount: String,
    percent: String,
}

/// The health of a webhook.
struct Health {
    target: String,
    href: String,
    is_live: bool,
    is_failing: bool,
    is_slow: bool,
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
    ending: Vec<String>,
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
        ending: channels::ending(desk, None).await?,
        amount: money::in_all(paid),
        paid: count(paid.count),
        refunded: money::back(paid),
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

/// The notice that figures are not complete; `None` if they are.
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
        amount: say(money::in_all(paid)),
        refunded: say(money::back(paid)),
        rate: if known == Known::NotYet { "–".to_owned() } else { percent(paid.count, charged.count) },
    }
}

/// Every webhook, with its waiting and its exhausted deliveries.
async fn health(desk: &Desk<'_>, f: &Frame) -> Result<Vec<Health>, Trouble> {
    let app = &desk.app()?.app;
    let known = webhooks::rows(desk).await?;
    let sizes = known.iter().map(async |one| {
        let Ok(id) = WebhookId::parse(&one.id) else { return Ok(Default::default()) };
        let of = async |state| {
            desk.deps.services.store.count_deliveries(app, &DeliveryList { webhook: id.clone(), state }).await
        };
        Ok::<_, Trouble>((of(DeliveryState::Waiting).await?, of(DeliveryState::Exhausted).await?))
    });
    let sizes = try_join_all(sizes).await?;
    let shown = |(one, (waiting, exhausted)): (webhooks::Row, (DeliveryCount, DeliveryCount))| Health {
        href: format!("{}?{}", f.at("/deliveries"), super::query(&[("webhook", &one.id)])),
        target: one.target,
        is_live: one.is_live,
        is_failing: one.is_failing,
        is_slow: one.is_slow,
        paused: one.paused,
        waiting: size(waiting),
        exhausted: size(exhausted),
        oldest: waiting.oldest.map(|at| f.moment(at)),
    };
    Ok(known.into_iter().zip(sizes).map(shown).collect())
}

fn size(list: DeliveryCount) -> String {
    format!("{}{}", grouped(u64::try_from(list.count).unwrap_or_default()), if list.more { "+" } else { "" })
}

fn count(number: i64) -> String {
    grouped(u64::try_from(number).unwrap_or_default())
}

fn bars(days: &BTreeMap<Day, (DaySums, Known)>) -> Vec<Bar> {
    let paid: Vec<Sum> = days.values().map(|(sums, _)| sums.paid(|_| true)).collect();
    let places = chart::bars(&paid.iter().map(|sum| sum.amount).collect::<Vec<_>>());
    let bar = |((day, sum), place): ((&Day, Sum), Place)| {
        let Place { x, y, width, height, label } = place;
        let label = label.map(|at| (at, day.as_str().chars().skip(5).collect()));
        Bar { x, y, width, height, label, title: format!("{day} {}", money::in_all(sum)) }
    };
    days.keys().zip(paid).zip(places).map(bar).collect()
}

/// Each provider with its part of the bar, followed by those of its channels that had charges.
fn shares(t: &'static Texts, total: &DaySums) -> Vec<Share> {
    let whole = total.paid(|_| true).amount;
    let families = Family::ALL.map(|family| (family, total.paid(|channel| channel.family() == family)));
    let parts = chart::parts(&families.map(|(_, sum)| sum.amount), whole);
    let mut shares = Vec::new();
    for ((family, sum), part) in families.into_iter().zip(parts) {
        let share = |name, is_family, Part { x, width }: Part, sum: Sum| Share {
            name,
            class: family.name(),
            is_family,
            x,
            width,
            paid: count(sum.count),
            amount: money::in_all(sum),
            percent: percent(sum.amount, whole),
        };
        shares.push(share(t.name_of(family), true, part, sum));
        let own = family.channels().filter(|channel| total.charged(|one| one == *channel).count > 0);
        shares.extend(
            own.map(|one| {
                share(t.name_of(one), false, Part { width: 0, ..part }, total.paid(|channel| channel == one))
            }),
        );
    }
    shares
}
