//! The page of the one search field: what has this number, in both modes, and what else begins with it.

use askama::Template;
use runtime::query_parameter;

use super::{
    Answer,
    choices::Offer,
    desk::Desk,
    frame::{Frame, Section},
    problems, query, redirect,
    texts::{self, Texts},
    transactions::{Filter, Row, row},
};
use crate::api::{
    find::{FoundPayment, Search, SearchResult, search_for},
    find_at_provider::{AskedAccount, ProviderSaid},
    page::{parse_cursor, write_cursor},
};

/// The period of a walk that nobody chose: 30 days.
const USUAL_PERIOD: &str = "30";

struct FoundRow {
    row: Row,
    is_live: bool,
    by: &'static str,
}

#[derive(Template)]
#[template(path = "find.html")]
struct Results {
    f: Frame,
    t: &'static Texts,
    filter: Filter,
    times: Vec<Offer>,
    problem: Option<String>,
    rows: Vec<FoundRow>,
    /// What each provider said that gave no payment of this app.
    asked: Vec<String>,
    /// Where to look for numbers that begin with the text, if this page shows what has exactly this number.
    beginnings: Option<String>,
    /// How far back the walk went, and where it goes on.
    walked: Option<String>,
    next: Option<String>,
}

pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    let mut filter = Filter::read(desk);
    if query_parameter(desk.request, "time").is_none() {
        USUAL_PERIOD.clone_into(&mut filter.time);
    }
    let t = desk.t();
    let title =
        if filter.search.is_empty() { t.find.to_owned() } else { texts::fill(t.find_results, &[&filter.search]) };
    let f = Frame { section: Section::Transactions, searched: filter.search.clone(), ..desk.frame(&title) };
    let (result, problem) = match filter.range(desk, desk.preferences.zone) {
        Err(problem) => (SearchResult::default(), Some(problem)),
        Ok(_) if filter.search.is_empty() => (SearchResult::default(), None),
        Ok(range) => {
            let cursor = query_parameter(desk.request, "cursor").filter(|cursor| !cursor.is_empty());
            let search = Search {
                text: filter.search.clone(),
                only_beginnings: query_parameter(desk.request, "beginnings").is_some(),
                start: range.start,
                end: range.end,
                from: cursor.as_deref().map(parse_cursor).transpose()?,
            };
            let result = Box::pin(search_for(desk.deps, desk.app()?, &search, desk.now)).await?;
            (result, None)
        }
    };
    if let Some(only) = only_one(desk, &result) {
        return redirect(&row(&f, t, &only.record).href, &[]);
    }
    let status = if problem.is_some() { 422 } else { 200 };
    desk.page(status, &results(f, t, filter, &result, problem))
}

/// The one payment that has exactly this number, if it is of the mode that the reader looks at. The page of another mode is a link that
/// says so.
fn only_one<'r>(desk: &Desk<'_>, result: &'r SearchResult) -> Option<&'r FoundPayment> {
    let [only] = result.found.as_slice() else { return None };
    (!result.walked && only.mode == desk.mode).then_some(only)
}

fn results(f: Frame, t: &'static Texts, filter: Filter, result: &SearchResult, problem: Option<String>) -> Results {
    let found_row = |found: &FoundPayment| FoundRow {
        row: row(&Frame { mode: found.mode, ..f.clone() }, t, &found.record),
        is_live: found.mode == domain::Mode::Live,
        by: t.name_of(found.by),
    };
    let href = |more: &[(&str, &str)]| {
        let own = [("q", filter.search.as_str()), ("time", &filter.time), ("from", &filter.from), ("to", &filter.to)];
        format!("{}?{}", f.at("/find"), query(&[own.as_slice(), &[("beginnings", "1")], more].concat()))
    };
    let known = |order: &str| result.found.iter().any(|found| found.record.id.as_str() == order);
    Results {
        times: filter.times(t),
        rows: result.found.iter().map(found_row).collect(),
        asked: result.asked.iter().filter(|one| !one.order().is_some_and(known)).map(|one| said(&f, t, one)).collect(),
        beginnings: (!result.walked && !filter.search.is_empty() && problem.is_none()).then(|| href(&[])),
        walked: result.next.as_ref().map(|next| texts::fill(t.find_walked_to, &[&f.moment(next.created_at)])),
        next: result.next.as_ref().map(|next| href(&[("cursor", &write_cursor(next))])),
        problem,
        filter,
        t,
        f,
    }
}

/// `支付宝（测试环境）：没有这笔交易`
fn said(f: &Frame, t: &'static Texts, asked: &AskedAccount) -> String {
    let mode = if asked.mode == domain::Mode::Live { t.live } else { t.test };
    let who = texts::fill(t.find_account, &[t.name_of(asked.tab), mode]);
    match &asked.answer {
        ProviderSaid::Unknown => texts::fill(t.find_unknown, &[&who]),
        ProviderSaid::Order(order) => texts::fill(t.find_elsewhere, &[&who, order]),
        ProviderSaid::Failed(why) => texts::fill(t.find_failed, &[&who, &problems::say_sentence(f.language(), why)]),
    }
}
