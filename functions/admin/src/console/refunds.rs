//! The list of refunds: what each waits for and until when, and what a person has to do.

use askama::Template;
use domain::{ProposedRefund, RefundStatus, RefundWait, RefundWaiting, refund_waiting};
use runtime::query_parameter;

use super::{
    Answer,
    choices::{Offer, offer},
    desk::Desk,
    frame::{Frame, Section},
    money,
    pages::{Pages, Total},
    query,
    texts::{self, Texts},
    transaction::failure_words,
};
use crate::api::{
    page::{parse_refund_cursor, write_refund_cursor},
    refunds::{RefundFilter, RefundRow, page},
};

struct Row {
    when: String,
    num: String,
    bill: String,
    href: String,
    fee: String,
    /// The amount of the payment, if the refund is a part of it.
    part_of: Option<String>,
    channel: &'static str,
    class: &'static str,
    status: &'static str,
    /// What it waits for, or when it ended.
    waits: Vec<String>,
    failure: Option<String>,
    reason: Option<String>,
}

/// A refund that waits for approval.
pub(crate) struct ProposedRow {
    pub(crate) when: String,
    pub(crate) num: String,
    pub(crate) bill: String,
    pub(crate) href: String,
    pub(crate) fee: String,
    pub(crate) by: String,
    pub(crate) reason: Option<String>,
    /// Where its forms go, before and after the name of the action.
    pub(crate) action: String,
    pub(crate) asked: String,
    /// The words that ask an owner once more, and the amount in them, in yuan.
    pub(crate) really: String,
    pub(crate) seen: String,
    /// Whether the reader may end it.
    pub(crate) can_decline: bool,
}

#[derive(Template)]
#[template(path = "refunds.html")]
struct Refunds {
    f: Frame,
    t: &'static Texts,
    filters: Vec<Offer>,
    proposed: Vec<ProposedRow>,
    rows: Vec<Row>,
    is_filtered: bool,
    pages: Pages,
}

/// `/refunds?status&cursor`
pub(crate) async fn list(desk: &Desk<'_>) -> Answer {
    let t = desk.t();
    let f = Frame { section: Section::Refunds, ..desk.frame(t.refunds) };
    let parameter = |name: &str| query_parameter(desk.request, name).filter(|text| !text.is_empty());
    // An unknown word counts as no filter.
    let filter = parameter("status").and_then(|word| RefundFilter::find(&word));
    let from = parameter("cursor").map(|cursor| parse_refund_cursor(&cursor)).transpose()?;
    let store = &desk.deps.services.store;
    let is_first = filter.is_none() && from.is_none();
    let proposed =
        if is_first { store.proposed_refunds(&desk.app()?.app.id, desk.mode, desk.now).await? } else { Vec::new() };
    let page = page(store, desk.app()?, desk.mode, filter, from).await?;
    let chosen = filter.map(RefundFilter::name).unwrap_or_default();
    let href = |status: &str, more: &[(&str, &str)]| {
        let asked = [("mode", f.mode.name()), ("status", status)];
        let given: Vec<(&str, &str)> =
            asked.iter().chain(more).copied().filter(|(_, value)| !value.is_empty()).collect();
        format!("{}?{}", f.at("/refunds"), query(&given))
    };
    let (now, next) = (href(chosen, &[]), page.next.as_ref().map(write_refund_cursor));
    let filters =
        std::iter::once(("", t.every_refund)).chain(RefundFilter::ALL.map(|one| (one.name(), t.name_of(one))));
    let refunds = Refunds {
        filters: filters.map(|(status, label)| offer(&href(status, &[]), label, &now)).collect(),
        proposed: proposed.iter().map(|one| proposed_row(&f, t, one)).collect(),
        rows: page.rows.iter().map(|one| row(&f, t, one)).collect(),
        is_filtered: filter.is_some(),
        pages: Pages::of(desk, page.rows.len(), Total::Unknown, next.as_deref(), |more| href(chosen, more)),
        t,
        f,
    };
    desk.page(200, &refunds)
}

pub(crate) fn proposed_row(f: &Frame, t: &'static Texts, one: &ProposedRefund) -> ProposedRow {
    let bill = one.key.bill.as_str();
    let asked = query(&[("mode", f.mode.name()), ("bill", bill)]);
    let action = format!("{}/{}", f.at("/transactions"), one.transaction);
    ProposedRow {
        when: f.moment(one.at),
        num: one.num.to_string(),
        bill: bill.to_owned(),
        href: format!("{action}?{asked}"),
        fee: money::shown(one.fee),
        by: one.by.clone(),
        reason: one.reason.clone(),
        really: texts::fill(t.approve_text, &[&money::shown(one.fee)]),
        seen: one.fee.to_yuan(),
        can_decline: f.may_own() || f.operator.as_ref().is_some_and(|(name, _)| *name == one.by),
        action,
        asked,
    }
}

fn row(f: &Frame, t: &'static Texts, RefundRow { refund, payment }: &RefundRow) -> Row {
    let bill = refund.key.bill.as_str();
    let asked = query(&[("mode", f.mode.name()), ("bill", bill)]);
    let (class, status) = match refund.status {
        RefundStatus::Pending if refund.pause.is_some() => ("pending", t.refund_paused),
        RefundStatus::Pending => ("pending", t.refund_pending),
        RefundStatus::Stuck => ("bad", t.name_of(RefundFilter::Stuck)),
        RefundStatus::Success => ("success", t.refund_success),
        RefundStatus::Failed => ("failed", t.refund_failed),
    };
    let waits = match refund_waiting(refund) {
        Some(waiting) => waiting_words(f, t, waiting),
        None => refund.ended_at.map(|at| texts::fill(t.refund_ended, &[&f.moment(at)])).into_iter().collect(),
    };
    Row {
        when: f.moment(refund.requested_at),
        num: refund.num.to_string(),
        bill: bill.to_owned(),
        href: format!("{}/{}?{asked}", f.at("/transactions"), refund.transaction),
        fee: money::shown(refund.fee),
        part_of: (refund.fee < payment.fee).then(|| texts::fill(t.refund_part_of, &[&money::shown(payment.fee)])),
        channel: t.name_of(refund.key.channel),
        class,
        status,
        waits,
        failure: refund.failure.as_ref().map(|failure| failure_words(f, failure)),
        reason: refund.reason.clone(),
    }
}

fn waiting_words(f: &Frame, t: &'static Texts, RefundWaiting { wait, next_at, until }: RefundWaiting) -> Vec<String> {
    let what = match wait {
        RefundWait::Provider => t.waits_provider,
        RefundWait::Balance => t.waits_balance,
        RefundWait::Person => t.waits_person,
    };
    let again = if wait == RefundWait::Balance { t.waits_sent_again } else { t.waits_asked_again };
    let next = next_at.map(|at| texts::fill(again, &[&f.moment(at)]));
    let until = until.map(|at| texts::fill(t.waits_until, &[&f.moment(at)]));
    std::iter::once(what.to_owned()).chain(next).chain(until).collect()
}
