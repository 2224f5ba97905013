//! The first steps of an app: keys, a channel, a test payment, a webhook, and real money. Each step is done when the app's own data says
//! so, not when somebody ticks it.
//!
//! Keys, channels and webhooks are known with the app. Payments and deliveries are read, a few queries at the most, and only while the
//! guide is shown: for a reader who put it away, and once all is done, the overview reads nothing.

use askama::Template;
use domain::{
    CheckoutClaims, CheckoutState, CheckoutToken, DeliveryState, Mode, OperatorRole, Record, RecordsFilter,
    RecordsOrder, RecordsRequest, Status, Tab, Timestamp, Webhook, WebhookTarget,
};
use http::{Method, StatusCode};
use runtime::query_parameter;
use serde_json::{Value, json};
use store::{RecordsQuery, StoredApp};

use super::{
    Answer, Trouble, app_pages,
    desk::Desk,
    frame::{Frame, Section},
    money, problems, query, redirect,
    texts::Texts,
};
use crate::api::{
    destination,
    page::channels_ever,
    problem::Problem,
    second_factor::{self, QrCode},
};

/// The page, below that of the app.
pub(crate) const PAGE: &str = "/first-steps";

/// What a test payment costs, in fen.
const TEST_FEE: i64 = 1;

/// The deliveries of so many test payments are looked at, the latest first.
const PAYMENTS_LOOKED_AT: usize = 3;

/// A link lasts so long.
const LINK_SECONDS: u32 = 1800;

/// One step, as the overview lists it.
pub(crate) struct Step {
    /// The name of its part of the page.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) is_done: bool,
    /// Whether it is the first that is not done.
    pub(crate) is_next: bool,
}

/// The steps of an app, and which of them are done.
pub(crate) struct Guide {
    pub(crate) steps: Vec<Step>,
    pub(crate) done: usize,
}

impl Guide {
    /// Whether nothing is left to do. A merchant who takes real money needs no guide, whatever was left out.
    pub(crate) fn is_over(&self) -> bool {
        self.done == self.steps.len() || self.steps.last().is_some_and(|live| live.is_done)
    }
}

/// What is known about an app's beginnings.
struct Known {
    /// The tabs that are configured in test and in live mode.
    test_tabs: Vec<Tab>,
    live_tabs: Vec<Tab>,
    /// The latest payments.
    paid: Vec<Record>,
    live_paid: Option<Record>,
    /// Whether a target answered that it took a message.
    is_told: bool,
}

/// Which steps are done. An app has its keys from the beginning.
#[derive(Clone, Copy)]
struct Done {
    channel: bool,
    payment: bool,
    webhook: bool,
    live: bool,
}

impl Known {
    fn done(&self) -> Done {
        Done {
            channel: !self.test_tabs.is_empty(),
            payment: !self.paid.is_empty(),
            webhook: self.is_told,
            live: self.live_paid.is_some(),
        }
    }
}

/// The guide of the app, as the overview shows it. `None` if it is put away.
pub(crate) async fn open_guide(desk: &Desk<'_>) -> Result<Option<Guide>, Trouble> {
    if desk.put_away.has(&desk.app()?.app.id) {
        return Ok(None);
    }
    Ok(Some(lay_out(desk.t(), know(desk).await?.done())))
}

fn lay_out(t: &'static Texts, done: Done) -> Guide {
    let steps = [
        ("keys", t.step_keys, true),
        ("channel", t.step_channel, done.channel),
        ("payment", t.step_payment, done.payment),
        ("webhook", t.step_webhook, done.webhook),
        ("live", t.step_live, done.live),
    ];
    let next = steps.iter().position(|(_, _, is_done)| !is_done);
    let done = steps.iter().filter(|(_, _, is_done)| *is_done).count();
    let step = |(place, (id, title, is_done))| Step { id, title, is_done, is_next: next == Some(place) };
    Guide { steps: steps.into_iter().enumerate().map(step).collect(), done }
}

async fn know(desk: &Desk<'_>) -> Result<Known, Trouble> {
    let found = desk.app()?;
    let (paid, live_paid) = (latest_paid(desk, Mode::Test).await?, latest_paid(desk, Mode::Live).await?);
    Ok(Known {
        test_tabs: tabs(found, Mode::Test),
        live_tabs: tabs(found, Mode::Live),
        is_told: is_told(desk, found, &paid).await?,
        paid,
        live_paid: live_paid.into_iter().next(),
    })
}

fn tabs(found: &StoredApp, mode: Mode) -> Vec<Tab> {
    let configured = found.channels.iter().filter(|one| one.mode == mode && one.settings.is_some());
    configured.map(|one| one.tab).collect()
}

/// The latest payments of a mode, or refunded ones if there are no others.
async fn latest_paid(desk: &Desk<'_>, mode: Mode) -> Result<Vec<Record>, Trouble> {
    let found = desk.app()?;
    for status in [Status::Success, Status::Refund] {
        let request = RecordsRequest {
            filter: RecordsFilter {
                channel: None,
                bill: None,
                status: Some(status),
                only_paid: false,
                start: None,
                end: None,
            },
            order: RecordsOrder::NewestFirst,
            skip: 0,
            limit: PAYMENTS_LOOKED_AT,
        };
        let query = RecordsQuery { app: &found.app, mode, channels: channels_ever(found, mode), request: &request };
        let records = desk.deps.services.store.records_page(&query, None).await?.records;
        if !records.is_empty() {
            return Ok(records);
        }
    }
    Ok(Vec::new())
}

/// Whether a target took a message: that of the tester, or a real one about one of these payments.
async fn is_told(desk: &Desk<'_>, found: &StoredApp, paid: &[Record]) -> Result<bool, Trouble> {
    if found.webhooks.is_empty() || !found.tested_webhooks.is_empty() {
        return Ok(!found.webhooks.is_empty());
    }
    for record in paid {
        let store = &desk.deps.services.store;
        let deliveries = store.load_deliveries(&found.app.id, Mode::Test, &record.bill, &record.id).await?;
        if deliveries.iter().any(|delivery| delivery.state == DeliveryState::Delivered) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A payment link for a test, and where it stands.
struct Made {
    url: String,
    qr: QrCode,
    until: String,
    /// The path that says where it stands.
    state: String,
    /// The page as it is now.
    again: String,
}

/// The test payment that was made last.
struct Paid {
    bill: String,
    amount: String,
    href: String,
}

/// A webhook, and its tester.
struct Target {
    name: String,
    tester: String,
}

#[derive(Template)]
#[template(path = "first_steps.html")]
struct Page {
    f: Frame,
    t: &'static Texts,
    guide: Guide,
    app_id: String,
    test_key: String,
    snippet: String,
    test_tabs: String,
    live_tabs: String,
    has_simulator: bool,
    test_fee: String,
    made: Option<Made>,
    /// Why there is no payment link.
    problem: Option<String>,
    paid: Option<Paid>,
    live_paid: Option<Paid>,
    target: Option<Target>,
    is_away: bool,
}

pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    desk.page(200, &view(desk, None).await?)
}

async fn view(desk: &Desk<'_>, problem: Option<String>) -> Result<Page, Trouble> {
    let (t, found) = (desk.t(), desk.app()?);
    let f = Frame { section: Section::FirstSteps, ..desk.frame(t.first_steps) };
    let mut known = know(desk).await?;
    let link = link(desk).await?;
    if let Some(Standing::Paid(record)) = &link {
        // The list of payments may be a moment behind the bill itself.
        known.paid.insert(0, record.clone());
    }
    let made = match link {
        Some(Standing::Open(made)) => Some(made),
        Some(Standing::Paid(_) | Standing::Over) | None => None,
    };
    let names = |tabs: &[Tab]| tabs.iter().map(|tab| t.name_of(*tab)).collect::<Vec<_>>().join(t.comma);
    let key = found.app.keys(Mode::Test).client.current.expose().clone();
    let paid = |mode: Mode, record: Option<&Record>| {
        record.map(|record| {
            let asked = query(&[("mode", mode.name()), ("bill", record.bill.as_str())]);
            let href = format!("{}/{}?{asked}", f.at("/transactions"), record.id);
            Paid { bill: record.bill.to_string(), amount: money::shown(record.fee), href }
        })
    };
    Ok(Page {
        guide: lay_out(t, known.done()),
        app_id: found.app.id.to_string(),
        snippet: app_pages::snippet(&desk.deps.services.config.public_url, found.app.id.as_str(), &key),
        test_key: key,
        test_tabs: names(&known.test_tabs),
        live_tabs: names(&known.live_tabs),
        has_simulator: desk.deps.services.config.local.is_some(),
        test_fee: domain::Fen::new(TEST_FEE).map(money::shown).unwrap_or_default(),
        made,
        problem,
        paid: paid(Mode::Test, known.paid.first()),
        live_paid: paid(Mode::Live, known.live_paid.as_ref()),
        target: webhook(found).map(|webhook| target(&f, webhook)),
        is_away: desk.put_away.has(&found.app.id),
        t,
        f,
    })
}

/// The webhook to test: one of the test mode, if there is one. One whose events are fetched has no tester.
fn webhook(found: &StoredApp) -> Option<&Webhook> {
    let sent = || found.webhooks.iter().filter(|one| !one.is_pulled());
    sent().find(|one| one.mode == Mode::Test).or_else(|| sent().next())
}

fn target(f: &Frame, webhook: &Webhook) -> Target {
    let name = match &webhook.target {
        WebhookTarget::Url { url, .. } => destination::shown(url),
        WebhookTarget::Function(name) => name.clone(),
        WebhookTarget::Pull => String::new(),
    };
    Target { name, tester: format!("{}/{}/test", f.at("/webhooks"), webhook.id) }
}

/// Where the payment link in the address stands.
enum Standing {
    Open(Made),
    Paid(Record),
    /// It expired, or was closed.
    Over,
}

/// The payment link in the address. Its token proves that it is a test of this app; `None` for any other text.
async fn link(desk: &Desk<'_>) -> Result<Option<Standing>, Trouble> {
    let Some(token) = query_parameter(desk.request, "pay") else { return Ok(None) };
    let app = &desk.app()?.app;
    let Ok(CheckoutClaims { key, expires_at }) = CheckoutToken::verify(&token, app, desk.now) else { return Ok(None) };
    if key.mode != Mode::Test {
        return Ok(None);
    }
    let bill = desk.deps.services.store.load_bill(&app.id, key.mode, &key.bill).await?;
    let Some(checkout) = &bill.checkout else { return Ok(Some(Standing::Over)) };
    Ok(Some(match checkout.state(&bill, desk.now) {
        CheckoutState::Paid(paid) => Standing::Paid(Record::from(paid.clone())),
        CheckoutState::Expired | CheckoutState::Closed => Standing::Over,
        CheckoutState::Open => Standing::Open(draw(desk, &token, expires_at)?),
    }))
}

fn draw(desk: &Desk<'_>, token: &str, until: Timestamp) -> Result<Made, Problem> {
    let url = format!("{}/pay/{token}", desk.deps.services.config.public_url);
    let f = desk.frame("");
    Ok(Made {
        qr: second_factor::draw(&url)?,
        url,
        until: f.moment(until),
        state: format!("/pay/{token}/state"),
        again: format!("{}?{}#payment", f.at(PAGE), query(&[("pay", token)])),
    })
}

/// Makes a payment link for a test, through the operator API, and shows it.
pub(crate) async fn pay(desk: &Desk<'_>) -> Answer {
    desk.need(OperatorRole::Operator)?;
    let f = desk.frame("");
    let body = json!({
        "totalFee": TEST_FEE,
        "subject": desk.t().test_payment,
        "expiresIn": LINK_SECONDS,
        "returnUrl": format!("{}{}", desk.deps.services.config.public_url, f.at(PAGE)),
    });
    let path = format!("/apps/{}/checkouts?mode={}", desk.app()?.app.id, Mode::Test);
    match desk.api(Method::POST, &path, &body).await {
        Ok(made) => {
            let url = made.get("url").and_then(Value::as_str).unwrap_or_default();
            let token = url.rsplit('/').next().unwrap_or_default();
            redirect(&format!("{}?{}#payment", f.at(PAGE), query(&[("pay", token)])), &[])
        }
        Err(problem) if problem.status == StatusCode::CONFLICT => {
            let said = problems::say(desk.preferences.language, &problem);
            desk.page(409, &view(desk, Some(said)).await?)
        }
        Err(problem) => Err(problem.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::{preferences::Language, texts};

    #[test]
    fn the_first_open_step_is_the_next() {
        let none = Done { channel: false, payment: false, webhook: false, live: false };
        let of = |done| {
            let guide = lay_out(texts::of(Language::En), done);
            let next = guide.steps.iter().find(|step| step.is_next).map(|step| step.id);
            (guide.done, next, guide.is_over())
        };
        assert_eq!(of(none), (1, Some("channel"), false));
        assert_eq!(of(Done { channel: true, ..none }), (2, Some("payment"), false));
        // A later step may be done first.
        assert_eq!(of(Done { webhook: true, ..none }), (2, Some("channel"), false));
        assert_eq!(of(Done { channel: true, payment: true, ..none }), (3, Some("webhook"), false));
        // Who takes real money needs no guide.
        assert_eq!(of(Done { live: true, ..none }), (2, Some("channel"), true));
        assert_eq!(of(Done { channel: true, payment: true, webhook: true, live: true }), (5, None, true));
    }
}
