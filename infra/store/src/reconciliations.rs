//! Reconciliations: the days that were compared with a provider's bill, and their differences.
//!
//! The differences of a day are written first, and its summary last. So if a comparison stops, the day has no summary and is compared
//! again.

use domain::{
    AccountNumber, AppAccount, AppId, BillNum, Day, Difference, DifferenceKind, Fen, Handled, ListCursor, Mode,
    Sentence, Tab, Timestamp, TransactionId, UnreadableLine,
};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, item, number, text, time},
    conditions::is_written,
    handled::find_handled,
    owed::{DayKey, OwedDay, read_owed, ttl},
    schema::{
        BY_TIME_PK, BY_TIME_SK, DUE_MS, DUE_PK, HANDLED, PK, PROBLEM_SAID, SK, TTL, VERSION_WRITTEN, reconciliations_pk,
    },
};

/// A page of the list.
const PAGE: i32 = 200;

/// Sorts after every day, and after everything of a day.
const NEWEST: &str = "~";

/// The most pages that a search for days reads. A day may have many differences.
const SEARCHED_PAGES_MAX: u32 = 20;

/// A day of one tab that was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciled {
    /// Which account.
    pub tab: Tab,
    /// The number of the account.
    pub account: AccountNumber,
    /// Which day.
    pub day: Day,
    /// When it was compared.
    pub done_at: Timestamp,
    /// How many of our payments and refunds the provider lists.
    pub lines: i64,
    /// How many differences there are.
    pub differences: i64,
    /// How many differences are kept. There may be too many to keep all.
    pub kept: i64,
}

impl Reconciled {
    /// Whether there are more differences than are kept.
    pub fn is_truncated(&self) -> bool {
        self.differences > self.kept
    }
}

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconciliationEntry {
    /// A day that was compared, its tries (`None` if an older version compared it), and who dealt with it.
    Day(Reconciled, Option<OwedDay>, Option<Handled>),
    /// A day that was not compared, and who dealt with it.
    Owed(DayKey, OwedDay, Option<Handled>),
    /// A difference.
    Difference(Tab, Day, Difference),
}

/// Which entries are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReconciliationFilter {
    /// Those of one day. Without it, of every day.
    pub day: Option<Day>,
    /// Whether differences are left out.
    pub days_only: bool,
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconciliationPage {
    /// The lines, newest day first.
    pub entries: Vec<ReconciliationEntry>,
    /// Where the next page begins; `None` for the last page.
    pub next: Option<ListCursor>,
}

impl Store {
    /// Keeps a difference of an account, once, however often it is found.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_difference(&self, key: &DayKey, difference: &Difference) -> Result<(), StoreError> {
        let line = difference.line.as_ref();
        let entry = item(
            key.pk(),
            difference_sk(key, difference),
            [
                ("kind", Some(text(difference.kind.name()))),
                ("id", difference.transaction.as_ref().map(|id| text(id.as_str()))),
                ("bill", difference.bill.as_ref().map(|bill| text(bill.as_str()))),
                ("here", difference.here.map(|fee| number(fee.get()))),
                ("there", difference.there.map(|fee| number(fee.get()))),
                ("refund_num", difference.refund_num.as_ref().map(text)),
                ("file", line.map(|line| number(line.file))),
                ("line", line.map(|line| number(line.number))),
                ("problem", line.map(|line| text(&line.problem.text))),
                (PROBLEM_SAID, line.map(|line| text(line.problem.to_json()))),
                ("excerpt", line.map(|line| text(&line.excerpt))),
                (TTL, Some(ttl(&key.day))),
            ],
        );
        self.put_if_new(entry).await
    }

    /// Keeps that a day is compared, once. Its differences are stored first. The day is no longer owed, and no longer an incident. If a person
    /// dealt with the owed day, they did not see its differences, so that this is forgotten.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_reconciled(&self, app: &AppId, mode: Mode, done: &Reconciled) -> Result<(), StoreError> {
        let account = AppAccount { app: app.clone(), mode, tab: done.tab, number: done.account };
        let update = self
            .update_day(&DayKey { account, day: done.day.clone() })
            .update_expression(format!(
                "SET done_ms = :done, #lines = :lines, differences = :differences, kept = :kept, #ttl = :ttl, v = :v \
                 REMOVE claimed_ms, kind, created_ms, #handled, {BY_TIME_PK}, {BY_TIME_SK}, {DUE_PK}, {DUE_MS}"
            ))
            .condition_expression("attribute_not_exists(done_ms)")
            .expression_attribute_names("#handled", HANDLED)
            .expression_attribute_names("#lines", "lines")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":done", time(done.done_at))
            .expression_attribute_values(":lines", number(done.lines))
            .expression_attribute_values(":differences", number(done.differences))
            .expression_attribute_values(":kept", number(done.kept))
            .expression_attribute_values(":ttl", ttl(&done.day))
            .expression_attribute_values(":v", number(VERSION_WRITTEN));
        is_written(update.send().await, "end of a reconciliation").map(|_| ())
    }

    /// What was compared and what is owed, newest day first, from `cursor` on. A page without differences may be short although another page
    /// follows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reconciliations(
        &self,
        app: &AppId,
        mode: Mode,
        filter: &ReconciliationFilter,
        cursor: Option<&ListCursor>,
    ) -> Result<ReconciliationPage, StoreError> {
        let first = filter.day.as_ref().map_or_else(String::new, |day| format!("{day}#"));
        let last = format!("{first}{NEWEST}");
        let mut found = ReconciliationPage { entries: Vec::new(), next: cursor.cloned() };
        for _ in 0..SEARCHED_PAGES_MAX {
            let before = found.next.as_ref().map_or(last.as_str(), ListCursor::as_str).min(&last).to_owned();
            if before < first {
                found.next = None;
                break;
            }
            let mut query = self
                .dynamo
                .query()
                .table_name(&self.tables.transactions)
                .expression_attribute_values(":pk", text(reconciliations_pk(app, mode)))
                .expression_attribute_values(":before", text(&before))
                .scan_index_forward(false)
                .limit(PAGE);
            query = match &filter.day {
                Some(_) => query
                    .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :before")
                    .expression_attribute_values(":first", text(&first)),
                None => query.key_condition_expression("pk = :pk AND sk < :before"),
            };
            if filter.days_only {
                query = query.filter_expression("attribute_exists(done_ms) OR attribute_exists(owed_ms)");
            }
            let page = query.send().await.map_err(|error| StoreError::dynamo("query of reconciliations", error))?;
            // A range includes its ends, and the page before ended there.
            let items = page.items().iter().filter(|item| Item(item).find_text(SK) != Some(&before));
            found.entries = self.readable(items, read_entry);
            found.next = page.last_evaluated_key().and_then(|key| Item(key).find_cursor(SK));
            if found.next.is_none() || !found.entries.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// One day of an account, compared or owed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_day(&self, key: &DayKey) -> Result<Option<ReconciliationEntry>, StoreError> {
        let found = self.get(key.pk(), key.sk()).await?;
        found.map(|attributes| read_day(key.clone(), &attributes)).transpose()
    }

    pub(crate) async fn put_if_new(&self, entry: Attributes) -> Result<(), StoreError> {
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.transactions)
            .set_item(Some(entry))
            .condition_expression("attribute_not_exists(pk)");
        is_written(put.send().await, "keeping a reconciliation").map(|_| ())
    }
}

fn day_sk(tab: Tab, day: &Day) -> String {
    format!("{day}#{tab}")
}

/// An unreadable line belongs to one account's bill. Any other difference is kept once for the tab, because two accounts may share one
/// seller's bill and find the same difference.
fn difference_sk(key: &DayKey, difference: &Difference) -> String {
    let DayKey { account: AppAccount { tab, number, .. }, day } = key;
    let id = difference.transaction.as_ref().map_or("-", TransactionId::as_str);
    let what = match &difference.line {
        Some(line) => format!("{number}.{}.{}", line.file, line.number),
        None => difference.refund_num.clone().unwrap_or_default(),
    };
    format!("{}#{id}#{}#{what}", day_sk(*tab, day), difference.kind.name())
}

fn read_entry(attributes: &Attributes) -> Result<ReconciliationEntry, StoreError> {
    let item = Item(attributes);
    match DayKey::parse(item.text(PK)?, item.text(SK)?) {
        Some(key) => read_day(key, attributes),
        None => read_difference(&item),
    }
}

fn read_day(key: DayKey, attributes: &Attributes) -> Result<ReconciliationEntry, StoreError> {
    let (item, owed) = (Item(attributes), read_owed(attributes)?);
    let handled = find_handled(&item)?;
    let Some(done_at) = item.find_time("done_ms")? else {
        let owed = owed.ok_or_else(|| item.wrong("owed_ms"))?;
        return Ok(ReconciliationEntry::Owed(key, owed, handled));
    };
    let (lines, differences) = (item.number("lines")?, item.number("differences")?);
    let kept = item.find_number("kept")?.unwrap_or(differences);
    let DayKey { account: AppAccount { tab, number, .. }, day } = key;
    let done = Reconciled { tab, account: number, day, done_at, lines, differences, kept };
    Ok(ReconciliationEntry::Day(done, owed, handled))
}

fn read_difference(item: &Item<'_>) -> Result<ReconciliationEntry, StoreError> {
    let mut parts = item.text(SK)?.split('#');
    let day = parts.next().and_then(Day::parse).ok_or_else(|| item.wrong(SK))?;
    let tab = parts.next().and_then(Tab::find).ok_or_else(|| item.wrong(SK))?;
    let fee = |name| {
        let fen = item.find_number(name)?;
        fen.map(|fen| Fen::new(fen).map_err(|_| item.wrong(name))).transpose()
    };
    let difference = Difference {
        kind: item.parsed("kind", DifferenceKind::find)?,
        transaction: item.find_parsed("id", |id| TransactionId::parse(id).ok())?,
        bill: item.find_parsed("bill", |bill| BillNum::parse(bill).ok())?,
        here: fee("here")?,
        there: fee("there")?,
        refund_num: item.find_text("refund_num").map(str::to_owned),
        line: read_line(item)?,
    };
    Ok(ReconciliationEntry::Difference(tab, day, difference))
}

fn read_line(item: &Item<'_>) -> Result<Option<UnreadableLine>, StoreError> {
    let Some(number) = item.find_number("line")? else { return Ok(None) };
    let (file, problem, excerpt) = (item.number("file")?, item.text("problem")?, item.text("excerpt")?);
    let problem = Sentence::kept(problem, item.find_text(PROBLEM_SAID));
    Ok(Some(UnreadableLine { file, number, problem, excerpt: excerpt.to_owned() }))
}
