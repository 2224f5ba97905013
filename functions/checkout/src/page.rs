//! The page: complete when the server sends it, with its style and script inside. It asks nobody else for anything.

use std::sync::OnceLock;

use askama::Template;
use charging::checkout_url;
use domain::{BrandColor, Channel, CheckoutLocale, CheckoutLook, CheckoutState, FrameOrigin, Mode};
use http::{HeaderValue, StatusCode, header};
use runtime::{ApiError, Reply, Request, error_chain};
use tracing::error;

use crate::{
    Deps,
    offers::{Offers, Place, offers},
    qr, replies, result,
    texts::{Texts, texts},
    visit::{Look, Visit, locale_of},
};

const STYLE: &str = include_str!("../assets/checkout.css");
const SCRIPT: &str = include_str!("../assets/checkout.js");

/// How long a payer sees that the bill is paid before the page goes on.
const PAID_SHOWN_MS: u32 = 2000;

/// A button that charges on a channel.
pub(crate) struct Button {
    channel: &'static str,
    family: &'static str,
    label: &'static str,
}

/// What the page of an open checkout shows beside its choices.
#[derive(Default)]
pub(crate) struct Shown {
    /// Something went wrong.
    pub(crate) problem: Option<&'static str>,
    /// A code of WeChat's own.
    pub(crate) native_code: Option<String>,
    /// The parameters with which the script calls the wallet that shows the page.
    pub(crate) call: Option<WalletCall>,
}

/// A call of a wallet's bridge.
pub(crate) enum WalletCall {
    /// `getBrandWCPayRequest` with these parameters, as JSON.
    Wechat(String),
    /// `tradePay` with this order.
    Alipay(String),
}

/// What the script is to do, as attributes of the body. Absent ones are empty.
#[derive(Default)]
struct Orders {
    /// The path that tells the state.
    state: String,
    /// The path of the page itself.
    home: String,
    /// Where to go, and after how many milliseconds.
    go: String,
    wait: u32,
    wechat: String,
    alipay: String,
}

/// The merchant, and what is to be paid.
struct Bill {
    merchant: String,
    amount: String,
    subject: String,
    is_test: bool,
}

#[derive(Template)]
#[template(path = "checkout.html")]
struct Page {
    t: &'static Texts,
    lang: &'static str,
    style: &'static str,
    /// A style with the merchant's colour. Empty without a colour.
    brand: String,
    /// Who may show the page in a frame.
    frames: String,
    /// The path of the logo. Empty without a logo.
    logo: String,
    script: &'static str,
    bill: Option<Bill>,
    heading: &'static str,
    /// `good` or `bad`, if this is the end.
    tone: &'static str,
    notes: Vec<String>,
    problem: Option<&'static str>,
    code: Option<qr::Drawing>,
    code_title: String,
    buttons_title: &'static str,
    buttons: Vec<Button>,
    /// The label of the button that calls the wallet again. Empty without such a button.
    again: &'static str,
    /// The path of the form that goes back to the merchant, and its label. Both are empty without such a form.
    leave: String,
    leave_label: &'static str,
    /// The host to which that form leads.
    host: String,
    /// The address of a link. Empty without a link.
    link: String,
    link_label: &'static str,
    /// What a browser without scripts does: `seconds;url=...`.
    refresh: String,
    orders: Orders,
}

impl Page {
    fn bare(locale: CheckoutLocale, heading: &'static str, note: &'static str) -> Self {
        Self {
            t: texts(locale),
            lang: locale.name(),
            style: STYLE,
            brand: String::new(),
            frames: "'none'".to_owned(),
            logo: String::new(),
            script: SCRIPT,
            bill: None,
            heading,
            tone: "",
            notes: vec![note.to_owned()],
            problem: None,
            code: None,
            code_title: String::new(),
            buttons_title: "",
            buttons: Vec::new(),
            again: "",
            leave: String::new(),
            leave_label: "",
            host: String::new(),
            link: String::new(),
            link_label: "",
            refresh: String::new(),
            orders: Orders::default(),
        }
    }

    /// The page of a visit, in the merchant's look.
    fn of(visit: &Visit<'_>, heading: &'static str, note: &'static str) -> Self {
        let CheckoutLook { color, frame_origins, logo, .. } = &visit.look;
        let brand =
            |color: &BrandColor| format!(":root{{--brand:{};--on-brand:{}}}", color.as_str(), color.text_on_it());
        let origins: Vec<&str> = frame_origins.iter().map(FrameOrigin::as_str).collect();
        Self {
            brand: color.as_ref().map(brand).unwrap_or_default(),
            frames: if origins.is_empty() { "'none'".to_owned() } else { origins.join(" ") },
            logo: logo.map(|_| format!("{}/logo", visit.home())).unwrap_or_default(),
            bill: bill_of(visit),
            ..Self::bare(visit.locale, heading, note)
        }
    }

    /// Gives the page its button back to the merchant, with the host to which it leads.
    fn lead_to_merchant(&mut self, visit: &Visit<'_>, label: &'static str) {
        let Some(checkout) = &visit.checkout else { return };
        self.leave = format!("{}/leave", visit.home());
        self.leave_label = label;
        self.host = result::host_of(visit, checkout).to_owned();
    }

    fn reply(&self, status: StatusCode) -> Reply {
        let policy = self.policy();
        match self.render() {
            Ok(html) => replies::html(status, html, &policy),
            Err(error) => {
                error!("a page could not be rendered: {error}");
                replies::html(StatusCode::INTERNAL_SERVER_ERROR, self.heading.to_owned(), &policy)
            }
        }
    }

    /// What the page may do: its own style and script, and forms and questions to this API alone.
    fn policy(&self) -> String {
        static HASHES: OnceLock<(String, String)> = OnceLock::new();
        let (style, script) = HASHES.get_or_init(|| (replies::hash(STYLE), replies::hash(SCRIPT)));
        let brand = if self.brand.is_empty() { String::new() } else { format!(" {}", replies::hash(&self.brand)) };
        format!(
            "default-src 'none'; style-src {style}{brand}; script-src {script}; img-src 'self'; connect-src 'self'; \
             form-action 'self'; frame-ancestors {}; base-uri 'none'",
            self.frames
        )
    }
}

/// `GET /pay/{token}`
pub(crate) async fn show(deps: &Deps, request: &Request, token: &str) -> Reply {
    match Visit::open_and_ask(deps, request, token, Look::Glance).await {
        Ok(Some(visit)) if visit.state() == CheckoutState::Open => open(deps, &visit, Shown::default()),
        Ok(Some(visit)) => end(&visit),
        Ok(None) => unknown(locale_of(request)),
        Err(error) => failed(locale_of(request), &error),
    }
}

/// The page of a checkout that can be paid.
pub(crate) fn open(deps: &Deps, visit: &Visit<'_>, shown: Shown) -> Reply {
    let Some(checkout) = &visit.checkout else { return end(visit) };
    let t = texts(visit.locale);
    let Offers { scanned_by, channels } = offers(&deps.services().apps, &visit.configured, checkout, visit.place);
    let mut page = Page::of(visit, t.choose, "");
    page.notes.clear();
    page.problem = shown.problem;
    page.lead_to_merchant(visit, t.leave);
    page.refresh = format!("10;url={}", visit.home());
    page.orders = Orders { state: format!("{}/state", visit.home()), home: visit.home(), ..Orders::default() };
    if let Some(code) = &shown.native_code {
        page.heading = t.wechat_code;
        page.code = qr::draw(code).ok();
        page.notes.push(t.native_hint.to_owned());
        page.refresh.clear();
        page.link = visit.home();
        page.link_label = t.other_way;
        return page.reply(StatusCode::OK);
    }
    if !scanned_by.is_empty() {
        let own = checkout_url(&deps.services().config.public_url, &visit.configured.app, checkout);
        page.code = own.ok().and_then(|url| qr::draw(url.as_str()).ok());
        page.code_title = format!("{}{}", t.scan_with, t.list(&scanned_by));
        page.notes.push(t.scan_hint.to_owned());
    }
    page.buttons_title = if page.code.is_some() { t.or_choose } else { t.choose };
    page.buttons = channels.iter().map(|channel| button(t, *channel)).collect();
    if page.buttons.is_empty() && page.code.is_none() {
        let is_wechat = visit.place == Place::Wechat;
        page.notes.push(if is_wechat { t.nothing_in_wechat } else { t.nothing_here }.to_owned());
    }
    match shown.call {
        Some(WalletCall::Wechat(parameters)) => page.orders.wechat = parameters,
        Some(WalletCall::Alipay(order)) => page.orders.alipay = order,
        None => return page.reply(StatusCode::OK),
    }
    page.again = t.again;
    page.buttons.clear();
    page.buttons_title = "";
    page.refresh.clear();
    page.link = visit.home();
    page.link_label = t.other_way;
    page.reply(StatusCode::OK)
}

fn button(t: &Texts, channel: Channel) -> Button {
    Button { channel: channel.name(), family: channel.family().name(), label: t.channel(channel) }
}

/// The page of a checkout that cannot be paid now, and why.
pub(crate) fn end(visit: &Visit<'_>) -> Reply {
    let t = texts(visit.locale);
    let (heading, note) = match visit.state() {
        CheckoutState::Paid(_) => (t.paid, t.paid_hint),
        CheckoutState::Closed => (t.closed, t.closed_hint),
        CheckoutState::Expired | CheckoutState::Open => (t.expired, t.expired_hint),
    };
    let mut page = Page::of(visit, heading, note);
    page.tone = "bad";
    page.lead_to_merchant(visit, t.back_to_shop);
    if let CheckoutState::Paid(paid) = visit.state() {
        page.tone = "good";
        page.notes.insert(0, format!("{}{}", t.paid_by, t.family(paid.key.channel.family())));
        if let Some(next) = result::next(visit).filter(|_| visit.is_of_server()) {
            page.refresh = format!("3;url={next}");
            page.orders = Orders { go: next, wait: PAID_SHOWN_MS, ..Orders::default() };
        }
    }
    page.reply(StatusCode::OK)
}

/// A page that goes on to an address. A redirect of a form would need each such address in the policy of the page before.
///
/// Such an address is the merchant's, which is a web address, or a provider's.
pub(crate) fn forward(visit: &Visit<'_>, url: &str) -> Reply {
    let t = texts(visit.locale);
    if !url.starts_with("https://") && !url.starts_with("http://") {
        error!("a visitor is not sent on: the address does not begin with http");
        return home(visit);
    }
    let mut page = Page::bare(visit.locale, t.forward, t.forward_hint);
    page.link = url.to_owned();
    page.link_label = t.go_on;
    page.refresh = format!("0;url={url}");
    page.orders = Orders { go: url.to_owned(), ..Orders::default() };
    page.reply(StatusCode::OK)
}

/// The token is not genuine. All such tokens get this same answer.
pub(crate) fn unknown(locale: CheckoutLocale) -> Reply {
    let t = texts(locale);
    Page { tone: "bad", ..Page::bare(locale, t.unknown, t.unknown_hint) }.reply(StatusCode::NOT_FOUND)
}

/// A fault of ours.
pub(crate) fn failed(locale: CheckoutLocale, error: &ApiError) -> Reply {
    error!("a checkout could not be shown: {}", error_chain(error));
    let t = texts(locale);
    Page { tone: "bad", ..Page::bare(locale, t.busy, t.busy_hint) }.reply(StatusCode::SERVICE_UNAVAILABLE)
}

fn bill_of(visit: &Visit<'_>) -> Option<Bill> {
    let checkout = visit.checkout.as_ref()?;
    Some(Bill {
        merchant: visit.look.name.clone().unwrap_or_else(|| visit.configured.app.name.clone()),
        amount: checkout.fee.to_yuan(),
        subject: checkout.subject.as_str().to_owned(),
        is_test: checkout.key.mode == Mode::Test,
    })
}

/// Back to the page of the checkout, which says where it stands.
pub(crate) fn home(visit: &Visit<'_>) -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = HeaderValue::from_str(&visit.home()) {
        reply.headers_mut().insert(header::LOCATION, location);
    }
    replies::guarded(reply, "default-src 'none'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small_and_its_policy_allows_nothing_foreign() {
        assert!(STYLE.len() + SCRIPT.len() < 20_000, "{} {}", STYLE.len(), SCRIPT.len());
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("http") && !text.contains("</"), "{text}");
        }
        let policy = Page::bare(CheckoutLocale::Zh, "", "").policy();
        for word in ["unsafe", "http", "*", "data:"] {
            assert!(!policy.contains(word), "{policy}");
        }
    }
}
