//! The ways from one page of a list to the next and back, and how many rows there are.
//!
//! A list is read by cursors, which lead on only. So the address of a page holds the cursors of the pages before it, as many as fit. From
//! there the first page is one click away.

use runtime::query_parameter;

use super::{
    desk::Desk,
    texts::{self, Texts},
};

/// How much of an address the pages before may take: some ten pages.
const TRAIL_BYTES_MAX: usize = 600;

/// No list is walked further by hand.
const ROW_MAX: usize = 10_000_000;

/// What stands between two pages in the trail, and between the row and the cursor of each. No cursor has these signs.
const BETWEEN_PAGES: char = '!';
const BEHIND_ROW: char = ':';

/// How many rows a list has, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Total {
    /// As many.
    Exactly(usize),
    /// More than these, which is where the counting ended.
    MoreThan(usize),
    /// Nobody counted.
    Unknown,
}

/// Where a page lies in its list.
pub(crate) struct Pages {
    /// `26–50, 400 in all`
    pub(crate) rows: String,
    pub(crate) first: Option<String>,
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
}

/// A page as its address names it.
struct Place {
    cursor: String,
    /// The number of its first row.
    row: usize,
    /// The pages before it, the first one first.
    trail: Vec<String>,
}

impl Place {
    fn of(desk: &Desk<'_>) -> Self {
        let text = |name: &str| query_parameter(desk.request, name).unwrap_or_default().into_owned();
        let row = text("row").parse().ok().filter(|row| (1..=ROW_MAX).contains(row)).unwrap_or(1);
        let trail = text("trail");
        let trail = trail.split(BETWEEN_PAGES).filter(|page| !page.is_empty()).map(str::to_owned).collect();
        Self { cursor: text("cursor"), row, trail }
    }
}

impl Pages {
    /// The ways from this page of `shown` rows. `next` is the cursor of the page behind it, and `href` the address of the list with more
    /// parameters.
    pub(crate) fn of(
        desk: &Desk<'_>,
        shown: usize,
        total: Total,
        next: Option<&str>,
        href: impl Fn(&[(&str, &str)]) -> String,
    ) -> Self {
        let here = Place::of(desk);
        let page = |cursor: &str, row: usize, trail: &[String]| {
            let (row, trail) = (row.to_string(), trail.join(&BETWEEN_PAGES.to_string()));
            let all = [("cursor", cursor), ("row", row.as_str()), ("trail", trail.as_str())];
            let is_first = cursor.is_empty();
            href(&all.into_iter().filter(|(_, value)| !is_first && !value.is_empty()).collect::<Vec<_>>())
        };
        let previous = here.trail.split_last().and_then(|(last, before)| {
            let (row, cursor) = last.split_once(BEHIND_ROW)?;
            Some(page(cursor, row.parse().ok()?, before))
        });
        let next_page = next.map(|next| {
            let mut trail = here.trail.clone();
            trail.push(format!("{}{BEHIND_ROW}{}", here.row, here.cursor));
            while trail.iter().map(|page| page.len() + 1).sum::<usize>() > TRAIL_BYTES_MAX {
                trail.remove(0);
            }
            page(next, here.row.saturating_add(shown), &trail)
        });
        Self {
            rows: rows(desk.t(), here.row, shown, if next.is_none() { Total::Exactly(0) } else { total }),
            first: (!here.cursor.is_empty()).then(|| href(&[])),
            previous,
            next: next_page,
        }
    }
}

/// `26–50, 400 in all`. On the last page, its last row is the number of all.
fn rows(t: &'static Texts, first: usize, shown: usize, total: Total) -> String {
    if shown == 0 {
        return String::new();
    }
    let last = first.saturating_add(shown).saturating_sub(1);
    let span = texts::fill(t.rows_span, &[&first.to_string(), &last.to_string()]);
    match total {
        Total::Exactly(count) => texts::fill(t.rows_of, &[&span, &last.max(count).to_string()]),
        Total::MoreThan(count) => texts::fill(t.rows_of_more, &[&span, &count.to_string()]),
        Total::Unknown => span,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::preferences::Language;

    #[test]
    #[rustfmt::skip]
    fn a_page_says_how_many_there_are_as_far_as_it_knows() {
        const CASES: &[(usize, usize, Total, &str, &str)] = &[
            (1,  25, Total::Unknown,         "第 1–25 条",               "1–25"),
            (26, 25, Total::Exactly(400),    "第 26–50 条，共 400 条",   "26–50 of 400"),
            (26, 25, Total::MoreThan(1000),  "第 26–50 条，超过 1000 条", "26–50 of more than 1000"),
            (1,  0,  Total::Unknown,         "",                         ""),
            // The last page.
            (51, 3,  Total::Exactly(0),      "第 51–53 条，共 53 条",    "51–53 of 53"),
        ];
        for (first, shown, total, zh, en) in CASES {
            assert_eq!(rows(texts::of(Language::Zh), *first, *shown, *total), *zh);
            assert_eq!(rows(texts::of(Language::En), *first, *shown, *total), *en);
        }
    }
}
