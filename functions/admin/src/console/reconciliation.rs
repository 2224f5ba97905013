//! Reconciliation: the days with their state, and one day with what differs, on which side, and what to do.

use askama::Template;
use domain::{AccountNumber, Day, Difference, Handled, HandledNote, ListCursor};
use http::Method;
use runtime::query_parameter;
use serde_json::{Value, json};
use store::{OwedDay, Reconciled, ReconciliationEntry, ReconciliationFilter, ReconciliationPage};

use super::{
    Answer, Trouble,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    incident::handled_words,
    incident_words, money, problems, query, redirect,
    texts::{self, Texts},
};

/// The most pages that are read to fill one page of days that need attention, and to find the accounts of one day. A day has at most a
/// thousand differences for each tab.
const PAGES_MAX: usize = 30;

/// How many days that need attention one page shows.
const ATTENTION_MAX: usize = 50;

/// The word in the address for the days that need attention.
pub(crate) const ATTENTION: &str = "attention";

/// A day of an account.
struct Row {
    day: String,
    href: String,
    account: String,
    class: &'static str,
    state: &'static str,
    /// Why it could not be compared, last.
    why: Option<String>,
    lines: String,
    differences: String,
    is_truncated: bool,
    when: String,
    handled: Option<String>,
    note: String,
    /// Whether a person has to look at it.
    needs_attention: bool,
    /// Whether it can be compared now.
    can_ask: bool,
    /// The address of its forms.
    action: String,
    /// The name of its note's field on the page.
    field: String,
}

struct Found {
    channel: &'static str,
    kind: &'static str,
    advice: &'static str,
    /// Where an unreadable line is, and what is wrong with it.
    line: Option<String>,
    excerpt: String,
    /// The bill's number, or the order's at the provider.
    about: String,
    href: Option<String>,
    here: String,
    there: String,
    refund_num: String,
    /// The address of the form that queries the provider.
    ask: Option<String>,
}

#[derive(Template)]
#[template(path = "reconciliation.html")]
struct List {
    f: Frame,
    t: &'static Texts,
    choices: Vec<(&'static str, &'static str, bool)>,
    only_attention: bool,
    rows: Vec<Row>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "reconciliation_day.html")]
struct OneDay {
    f: Frame,
    t: &'static Texts,
    day: String,
    asked: String,
    accounts: Vec<Row>,
    /// Whether all accounts are compared. Before that nobody knows what differs.
    is_compared: bool,
    found: Vec<Found>,
    next: Option<String>,
    note_max: usize,
    /// The form whose note is wrong, and why.
    note_problem: Option<(String, String)>,
}

pub(crate) async fn list(desk: &Desk<'_>) -> Answer {
    let t = desk.t();
    let f = Frame { section: Section::Reconciliation, ..desk.frame(t.reconciliation) };
    let state = query_parameter(desk.request, "state").unwrap_or_default();
    let only_attention = state == ATTENTION;
    let cursor = query_parameter(desk.request, "cursor").and_then(|cursor| ListCursor::parse(&cursor).ok());
    let pages_max = if only_attention { PAGES_MAX } else { 1 };
    let Days { rows, next } = days(desk, &f, only_attention, cursor, pages_max).await?;
    let next = next.map(|next| {
        let asked = query(&[("mode", desk.mode.name()), ("state", &state), ("cursor", next.as_str())]);
        format!("{}?{asked}", f.at("/reconciliation"))
    });
    let choices = vec![("", t.every_day, !only_attention), (ATTENTION, t.attention, only_attention)];
    desk.page(200, &List { choices, only_attention, rows, next, f, t })
}

/// The most pages that are read to count the days that need attention: half a year of five accounts without differences. Each overview
/// counts them.
const COUNTED_PAGES_MAX: usize = 5;

/// How many days need attention, and whether there may be more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AttentionCount {
    pub(crate) days: usize,
    pub(crate) has_more: bool,
}

/// Counts the days that need attention, from the latest on, up to a page of them.
pub(crate) async fn count_attention(desk: &Desk<'_>) -> Result<AttentionCount, Trouble> {
    let Days { rows, next } = days(desk, &desk.frame(""), true, None, COUNTED_PAGES_MAX).await?;
    Ok(AttentionCount { days: rows.len(), has_more: !rows.is_empty() && next.is_some() })
}

/// Days of accounts, the latest first.
struct Days {
    rows: Vec<Row>,
    next: Option<ListCursor>,
}

/// Reads pages until there are enough days, up to `pages_max`.
async fn days(
    desk: &Desk<'_>,
    f: &Frame,
    only_attention: bool,
    mut cursor: Option<ListCursor>,
    pages_max: usize,
) -> Result<Days, Trouble> {
    let filter = ReconciliationFilter { day: None, days_only: true };
    let mut rows = Vec::new();
    for _ in 0..pages_max {
        let ReconciliationPage { entries, next } = read(desk, &filter, cursor.as_ref()).await?;
        let days = entries.iter().filter_map(|entry| row(desk, f, entry));
        rows.extend(days.filter(|row| !only_attention || row.needs_attention));
        cursor = next;
        if cursor.is_none() || rows.len() >= ATTENTION_MAX {
            break;
        }
    }
    Ok(Days { rows, next: cursor })
}

async fn read(
    desk: &Desk<'_>,
    filter: &ReconciliationFilter,
    cursor: Option<&ListCursor>,
) -> Result<ReconciliationPage, Trouble> {
    let app = &desk.app()?.app.id;
    Ok(desk.deps.services.store.reconciliations(app, desk.mode, filter, cursor).await?)
}

/// `None` for a difference.
fn row(desk: &Desk<'_>, f: &Frame, entry: &ReconciliationEntry) -> Option<Row> {
    let t = desk.t();
    match entry {
        ReconciliationEntry::Day(done, owed, handled) => Some(compared(f, t, done, owed.as_ref(), handled.as_ref())),
        ReconciliationEntry::Owed(key, owed, handled) => {
            let is_missed = key.day.is_given_up(desk.now);
            let (class, state) = match (is_missed, &owed.problem) {
                (true, _) => ("bad", t.day_missed),
                (false, Some(_)) => ("bad", t.day_failing),
                (false, None) => ("created", t.day_owed),
            };
            let place = Place { day: &key.day, tab: key.account.tab, number: key.account.number };
            let tries = (owed.tries > 0).then(|| texts::fill(t.tried_times, &[&owed.tries.to_string()]));
            let tried = owed.tried_at.map(|at| f.moment(at));
            Some(Row {
                class,
                state,
                why: owed.problem.as_ref().map(|why| problems::say_sentence(f.language(), why)),
                when: [tried, tries].into_iter().flatten().collect::<Vec<_>>().join(" · "),
                needs_attention: (is_missed || owed.problem.is_some()) && handled.is_none(),
                can_ask: true,
                ..place.row(f, t, handled.as_ref())
            })
        }
        ReconciliationEntry::Difference(..) => None,
    }
}

fn compared(f: &Frame, t: &'static Texts, done: &Reconciled, owed: Option<&OwedDay>, handled: Option<&Handled>) -> Row {
    let differs = done.differences > 0;
    let place = Place { day: &done.day, tab: done.tab, number: done.account };
    let tries = owed.filter(|owed| owed.tries > 1).map(|owed| texts::fill(t.tried_times, &[&owed.tries.to_string()]));
    Row {
        class: if differs { "bad" } else { "success" },
        state: if differs { t.day_differs } else { t.day_agrees },
        lines: done.lines.to_string(),
        differences: done.differences.to_string(),
        is_truncated: done.is_truncated(),
        when: [Some(f.moment(done.done_at)), tries].into_iter().flatten().collect::<Vec<_>>().join(" · "),
        needs_attention: differs && handled.is_none(),
        ..place.row(f, t, handled)
    }
}

/// Names a day of an account.
struct Place<'a> {
    day: &'a Day,
    tab: domain::Tab,
    number: AccountNumber,
}

impl Place<'_> {
    fn row(&self, f: &Frame, t: &'static Texts, handled: Option<&Handled>) -> Row {
        let Self { day, tab, number } = self;
        let name = t.name_of(*tab);
        let account = match number {
            &AccountNumber::FIRST => name.to_owned(),
            number => format!("{name} · {}", texts::fill(t.which_account, &[&number.to_string()])),
        };
        let base = format!("{}/{day}", f.at("/reconciliation"));
        Row {
            day: day.to_string(),
            href: format!("{base}?{}", query(&[("mode", f.mode.name())])),
            account,
            class: "created",
            state: "",
            why: None,
            lines: "–".to_owned(),
            differences: "–".to_owned(),
            is_truncated: false,
            when: String::new(),
            handled: handled.map(|handled| handled_words(f, t, handled)),
            note: handled.map(|handled| handled.note.as_str().to_owned()).unwrap_or_default(),
            needs_attention: false,
            can_ask: false,
            action: format!("{base}/{tab}/{number}"),
            field: format!("note-{tab}-{number}"),
        }
    }
}

pub(crate) async fn show(desk: &Desk<'_>, day: &str) -> Answer {
    let page = page(desk, day).await?;
    desk.page(200, &page)
}

async fn page(desk: &Desk<'_>, day: &str) -> Result<OneDay, Trouble> {
    let t = desk.t();
    let day = Day::parse(day).ok_or(Trouble::NotFound)?;
    let f = Frame { section: Section::Reconciliation, ..desk.frame(&format!("{} {day}", t.reconciliation)) };
    let mut accounts = Vec::new();
    let days = ReconciliationFilter { day: Some(day.clone()), days_only: true };
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let ReconciliationPage { entries, next } = read(desk, &days, cursor.as_ref()).await?;
        accounts.extend(entries.iter().filter_map(|entry| row(desk, &f, entry)));
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    if accounts.is_empty() {
        return Err(Trouble::NotFound);
    }
    accounts.reverse();
    let all = ReconciliationFilter { day: Some(day.clone()), days_only: false };
    let cursor = query_parameter(desk.request, "cursor").and_then(|cursor| ListCursor::parse(&cursor).ok());
    let ReconciliationPage { entries, next } = read(desk, &all, cursor.as_ref()).await?;
    let found = entries.iter().filter_map(|entry| found(&f, t, entry)).collect();
    let next = next.map(|next| {
        let asked = query(&[("mode", desk.mode.name()), ("cursor", next.as_str())]);
        format!("{}/{day}?{asked}", f.at("/reconciliation"))
    });
    let asked = query(&[("mode", desk.mode.name())]);
    let (note_max, note_problem) = (HandledNote::CHARS_MAX, None);
    let is_compared = accounts.iter().all(|row| !row.can_ask);
    Ok(OneDay { day: day.to_string(), asked, accounts, is_compared, found, next, note_max, note_problem, f, t })
}

/// `None` for a day.
fn found(f: &Frame, t: &'static Texts, entry: &ReconciliationEntry) -> Option<Found> {
    let ReconciliationEntry::Difference(tab, _, one) = entry else { return None };
    let Difference { kind, transaction, bill, here, there, refund_num, line } = one;
    let known = transaction.as_ref().zip(bill.as_ref());
    let asked = |bill: &str| query(&[("mode", f.mode.name()), ("bill", bill)]);
    let at = |action: &str| {
        known.map(|(id, bill)| format!("{}/{id}{action}?{}", f.at("/transactions"), asked(bill.as_str())))
    };
    let side = |fee: Option<_>| fee.map_or_else(|| t.absent.to_owned(), money::shown);
    let is_line = line.is_some();
    Some(Found {
        channel: t.name_of(*tab),
        kind: t.name_of(*kind),
        advice: t.say(incident_words::about_difference(*kind)),
        line: line.as_ref().map(|line| {
            let why = problems::say_sentence(f.language(), &line.problem);
            texts::fill(t.line_place, &[&line.file.to_string(), &line.number.to_string(), &why])
        }),
        excerpt: line.as_ref().map(|line| line.excerpt.clone()).unwrap_or_default(),
        about: match (bill, transaction) {
            (Some(bill), _) => bill.to_string(),
            (None, Some(id)) => id.to_string(),
            (None, None) => "–".to_owned(),
        },
        href: at(""),
        here: if is_line { "–".to_owned() } else { side(*here) },
        there: if is_line { "–".to_owned() } else { side(*there) },
        refund_num: refund_num.clone().unwrap_or_default(),
        ask: at("/sync"),
    })
}

/// Has a day compared now, marks it as handled, or opens it again.
pub(crate) async fn act(desk: &Desk<'_>, named: &[&str; 3], action: &str, form: &Form) -> Answer {
    let [day, tab, account] = named;
    let asked = query(&[("mode", desk.mode.name())]);
    let base = format!("/apps/{}/reconciliations/{day}/{tab}/{account}", desk.app()?.app.id);
    let (done, answer) = match (action, form.text("do")) {
        ("ask", _) => ("day-asked", desk.api(Method::POST, &format!("{base}/ask?{asked}"), &json!({})).await),
        ("handled", "reopen") => {
            ("reopened", desk.api(Method::DELETE, &format!("{base}/handled?{asked}"), &Value::Null).await)
        }
        ("handled", _) => {
            let seen = Some(form.text("seen")).filter(|seen| !seen.is_empty());
            let note = json!({ "note": form.text("note"), "seen": seen });
            ("handled", desk.api(Method::PUT, &format!("{base}/handled?{asked}"), &note).await)
        }
        _ => return Err(Trouble::NotFound),
    };
    match answer {
        Ok(_) => redirect(&format!("{}/{day}?{asked}&done={done}", desk.frame("").at("/reconciliation")), &[]),
        Err(problem) if problem.field_name() == Some("note") => {
            let said = problems::say(desk.preferences.language, &problem);
            let field = format!("note-{tab}-{account}");
            let page = page(desk, day).await?;
            desk.page(422, &OneDay { note_problem: Some((field, said)), ..page })
        }
        Err(problem) => Err(problem.into()),
    }
}
