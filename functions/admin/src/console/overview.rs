//! The overview: payments by day and by channel, the share of charges that were paid and why others were not, all of it beside the period
//! before, why refunds failed, and the health of the webhooks.

use askama::Template;
use domain::{Day, DeliveryState, HandledState, WebhookId};
use futures_util::future::try_join_all;
use runtime::query_parameter;
use store::{DeliveryCount, DeliveryList, IncidentFilter};

use super::{
    Answer, Trouble, add_cookies, channels,
    comparison::{change, points},
    desk::Desk,
    failed_refunds::{self, Failed},
    figures::{self, Figures, Shares},
    first_steps::{self, Guide},
    frame::{Frame, Section},
    money,
    overview_chart::{self, Takes},
    period::{self, Known, Period, Periods, Takings},
    proportions::{percent, rate},
    query, reconciliation, session, targets,
    texts::{self, Texts},
    webhooks,
};

/// A figure, and how it differs from that of the period before.
struct Tile {
    label: &'static str,
    figure: String,
    /// What the figure is made of.
    more: Option<String>,
    change: Option<String>,
}

/// The health of a webhook.
struct Health {
    target: String,
    href: String,
    is_live: bool,
    is_failing: bool,
    /// Since when it fails.
    failing: Option<String>,
    is_slow: bool,
    paused: Option<String>,
    waiting: String,
    exhausted: String,
    oldest: Option<String>,
}

/// Something that waits for a person, and where.
struct Badge {
    words: String,
    href: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    f: Frame,
    t: &'static Texts,
    periods: Vec<(&'static str, &'static str, bool)>,
    cut: Option<String>,
    ending: Vec<String>,
    badges: Vec<Badge>,
    tiles: Vec<Tile>,
    compared: String,
    failing: usize,
    paused: usize,
    /// Whether nothing was paid in either period.
    is_empty: bool,
    takes: Takes,
    shares: Shares,
    success: Figures,
    unpaid: Figures,
    /// The failed refunds, if there are any.
    failed: Option<Failed>,
    webhooks: Vec<Health>,
    summed: String,
    /// The first steps, while there are any.
    guide: Option<Guide>,
}

pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    let t = desk.t();
    let f = Frame { section: Section::Overview, ..desk.frame(t.overview) };
    let periods = [("1", t.today), ("7", t.days_7), ("30", t.days_30), ("60", t.days_60), ("90", t.days_90_last)];
    let asked = query_parameter(desk.request, "days").unwrap_or_default();
    let word = periods.iter().map(|(days, _)| *days).find(|days| *days == asked).unwrap_or("7");
    let read = period::read(desk, word.parse().unwrap_or(7)).await?;
    let period = &read.now;
    let (total, before) = (period.total(), read.before.as_ref().map(Period::total));
    let (now, earlier) = (Takings::of(&total), before.as_ref().map(Takings::of));
    let webhooks = health(desk, &f).await?;
    let start = period.days.keys().next().map_or(desk.now, Day::start);
    let failed = failed_refunds::read(desk, &f, start).await?;
    let guide = first_steps::open_guide(desk).await?;
    let is_over = guide.as_ref().is_some_and(Guide::is_over);
    let page = Overview {
        periods: periods.map(|(days, label)| (days, label, days == word)).to_vec(),
        cut: cut(t, &f, period),
        ending: channels::ending(desk, None).await?,
        badges: badges(desk, &f).await?,
        tiles: tiles(t, now, earlier),
        compared: compared(t, &f, &read),
        failing: webhooks.iter().filter(|one| one.is_failing).count(),
        paused: webhooks.iter().filter(|one| one.paused.is_some()).count(),
        is_empty: now.paid.count == 0 && earlier.is_none_or(|earlier| earlier.paid.count == 0),
        takes: overview_chart::takes(t, &read, desk.now),
        shares: figures::shares(t, &total),
        success: figures::success(t, &total, before.as_ref()),
        unpaid: figures::unpaid(t, &total, before.as_ref()),
        failed,
        summed: period.summed_at.map(|at| texts::fill(t.overview_summed, &[&f.moment(at)])).unwrap_or_default(),
        webhooks,
        guide: guide.filter(|_| !is_over),
        f,
        t,
    };
    let mut reply = desk.page(200, &page)?;
    if is_over {
        // From now on nothing is read for it.
        let finished = desk.put_away.with(&desk.app()?.app.id);
        add_cookies(&mut reply, &[finished.cookie(session::secure(&desk.deps.services.config))])?;
    }
    Ok(reply)
}

/// The open incidents, and the days of the reconciliation that need attention. A count ends with a page: `50+`.
async fn badges(desk: &Desk<'_>, f: &Frame) -> Result<Vec<Badge>, Trouble> {
    let t = desk.t();
    let open = IncidentFilter { kind: None, state: Some(HandledState::Open) };
    let incidents = desk.deps.services.store.incidents(&desk.app()?.app.id, desk.mode, open, None).await?;
    let more = if incidents.cursor.is_some() { "+" } else { "" };
    let mode = ("mode", desk.mode.name());
    let badge = |count: usize, more: &str, words: &str, href: String| {
        (count > 0).then(|| Badge { words: texts::fill(words, &[&format!("{count}{more}")]), href })
    };
    let days = reconciliation::count_attention(desk).await?;
    let more_days = if days.has_more { "+" } else { "" };
    let to_incidents = format!("{}?{}", f.at("/incidents"), query(&[mode]));
    let to_days = format!("{}?{}", f.at("/reconciliation"), query(&[mode, ("state", reconciliation::ATTENTION)]));
    let badges = [
        badge(incidents.incidents.len(), more, t.open_incidents, to_incidents),
        badge(days.days, more_days, t.open_days, to_days),
    ];
    Ok(badges.into_iter().flatten().collect())
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

/// The four figures at the top.
fn tiles(t: &'static Texts, now: Takings, before: Option<Takings>) -> Vec<Tile> {
    let against = |figure: fn(&Takings) -> i64, words: fn(i64) -> String| {
        before.map(|before| change(figure(&now), figure(&before)).words(t, &words(figure(&before))))
    };
    let tile = |label, figure, change| Tile { label, figure, more: None, change };
    let of = |takings: &Takings| rate(takings.paid.count, takings.charged.count);
    let counts = [money::count(now.paid.count), money::count(now.charged.count)];
    vec![
        tile(t.paid_amount, money::in_all(now.paid), against(|of| of.paid.amount, money::of_fen)),
        tile(t.paid_count, money::count(now.paid.count), against(|of| of.paid.count, money::count)),
        Tile {
            more: Some(texts::fill(t.of_charged, &counts.each_ref().map(String::as_str))),
            ..tile(
                t.success_rate,
                percent(now.paid.count, now.charged.count),
                before.and_then(|before| points(t, of(&now), of(&before))),
            )
        },
        tile(t.refunded_amount, money::back(now.paid), against(|of| of.paid.refunded, money::of_fen)),
    ]
}

/// What the figures are compared with, and why there is no comparison.
fn compared(t: &'static Texts, f: &Frame, periods: &Periods) -> String {
    let first = periods.before.as_ref().and_then(|before| before.days.keys().next());
    first.map_or_else(
        || t.no_comparison.to_owned(),
        |first| texts::fill(t.period_between, &[&f.moment(first.start()), &f.moment(periods.before_until)]),
    )
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
        failing: one.failing.map(|failing| texts::fill(desk.t().since, &[&f.moment(failing.since)])),
        is_slow: one.is_slow,
        paused: one.paused,
        waiting: targets::size(waiting),
        exhausted: targets::size(exhausted),
        oldest: waiting.oldest.map(|at| f.moment(at)),
    };
    Ok(known.into_iter().zip(sizes).map(shown).collect())
}
