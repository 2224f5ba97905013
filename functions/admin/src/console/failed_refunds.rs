//! The overview's failed refunds by channel and reason.
//!
//! Nothing is kept for it. The lists of failed refunds are by the time of the request, and the index does not have the failures. So the
//! refunds are looked up, within a bound, when somebody opens the page.

use domain::{FailedForReason, FailedRefunds, RefundStatus, TimeSpan, Timestamp, failed_by_reason};
use store::RefundSpan;

use super::{
    Trouble,
    desk::Desk,
    figures::{Figures, Row, bar},
    frame::Frame,
    money,
    proportions::{self, WHOLE, in_percent},
    query,
    texts::{self, Texts},
    transaction::failure_words,
};
use crate::api::{page::channels_ever, refunds::RefundFilter};

/// How many refunds are read: five look-ups of a hundred. A shop with more of them in the period sees the same reasons among the latest.
const READ_MAX: usize = 500;

/// More rows than these are a list, which the page of refunds is.
const ROWS_MAX: usize = 10;

/// The table, and what belongs to it.
pub(crate) struct Failed {
    pub(crate) figures: Figures,
    /// The notice that older ones are not counted.
    pub(crate) cut: Option<String>,
    /// The list of them.
    pub(crate) href: String,
}

/// The refunds that were asked for since `start` and failed; `None` if there are none.
pub(crate) async fn read(desk: &Desk<'_>, f: &Frame, start: Timestamp) -> Result<Option<Failed>, Trouble> {
    let (t, found, store) = (desk.t(), desk.app()?, &desk.deps.services.store);
    let span = TimeSpan { start, end: desk.now };
    let list = |channel| RefundSpan { channel, status: RefundStatus::Failed, span };
    let lists: Vec<RefundSpan> = channels_ever(found, desk.mode).into_iter().map(list).collect();
    let page = store.refunds_page(&found.app.id, desk.mode, &lists, None, READ_MAX).await?;
    let failed = failed_by_reason(&store.find_refunds(&page.keys).await?, ROWS_MAX);
    if failed.total.count == 0 {
        return Ok(None);
    }
    let asked = query(&[("mode", desk.mode.name()), ("status", RefundFilter::Failed.name())]);
    Ok(Some(Failed {
        figures: figures(t, &failed, |one| reason(f, t, one)),
        cut: page.next.map(|_| texts::fill(t.failed_refunds_cut, &[&READ_MAX.to_string()])),
        href: format!("{}?{asked}", f.at("/refunds")),
    }))
}

fn reason(f: &Frame, t: &'static Texts, one: &FailedForReason) -> String {
    one.failure.as_ref().map_or_else(|| t.unpaid_unrecorded.to_owned(), |failure| failure_words(f, failure))
}

/// A row for each channel and reason. The shares are of the counts, and add up to 100%.
fn figures(t: &'static Texts, failed: &FailedRefunds, words: impl Fn(&FailedForReason) -> String) -> Figures {
    let named = failed.reasons.iter().map(|one| {
        let (channel, class) = (one.channel, one.channel.family().name());
        (Row { class, below: Some(t.name_of(channel)), ..Row::of(words(one)) }, one.sum)
    });
    let others = failed
        .others
        .map(|others| (Row::of(texts::fill(t.failed_refunds_others, &[&others.reasons.to_string()])), others.sum));
    let all: Vec<_> = named.chain(others).collect();
    let shares = proportions::shares(&all.iter().map(|(_, sum)| sum.count).collect::<Vec<_>>(), WHOLE);
    let cells = |sum, share| vec![money::in_all(sum), money::count(sum.count), in_percent(share)];
    let rows = all.into_iter().zip(shares);
    let rows = rows.map(|((row, sum), share)| Row { bar: Some(bar(share, WHOLE)), cells: cells(sum, share), ..row });
    Figures {
        heads: vec![t.failed_refunds_reason, t.amount, t.count_word, t.share],
        rows: rows.collect(),
        total: Some(Row { cells: cells(failed.total, WHOLE), ..Row::of(t.total) }),
    }
}

#[cfg(test)]
mod tests {
    use domain::{Channel, OtherFailures, Sentence, Sum};

    use super::{super::preferences::Language, *};

    #[test]
    fn shares_add_up_and_the_others_have_a_row() {
        let sum = |count, amount| Sum { count, amount, refunded: 0 };
        let one = |channel, text: &str, sum| {
            let failure = Some(Sentence::as_it_is(text));
            FailedForReason { channel, failure, sum }
        };
        let failed = FailedRefunds {
            reasons: vec![one(Channel::WxApp, "A", sum(1, 100)), one(Channel::AliWeb, "B", sum(1, 234_567))],
            others: Some(OtherFailures { reasons: 7, sum: sum(1, 1) }),
            total: sum(3, 234_668),
        };
        let words = |one: &FailedForReason| one.failure.as_ref().unwrap().text.clone();
        let figures = figures(texts::of(Language::En), &failed, words);
        let rows = figures.rows.iter().chain(&figures.total);
        let found: Vec<_> = rows.map(|row| (row.name.as_ref(), row.class, row.below, row.cells.join(" "))).collect();
        let expect = [
            ("A", "wx", Some("WeChat in apps"), "¥\u{a0}1.00 1 33.4%"),
            ("B", "ali", Some("Alipay web page"), "¥\u{a0}2,345.67 1 33.3%"),
            ("Other reasons: 7", "", None, "¥\u{a0}0.01 1 33.3%"),
            ("Total", "", None, "¥\u{a0}2,346.68 3 100.0%"),
        ];
        assert_eq!(found, expect.map(|(name, class, below, cells)| (name, class, below, cells.to_owned())));
    }
}
