//! Reconciliations: which days were compared with a provider's bill, and what differed.
//!
//! A day's differences are written first and its summary last, so that a day without a summary is compared again.

use std::time::Duration;

use aws_sdk_dynamodb::{error::SdkError, operation::put_item::PutItemError};
use domain::{
    AccountNumber, AppId, BillNum, Day, Difference, DifferenceKind, Fen, ListCursor, Mode, Tab, Timestamp,
    TransactionId, UnreadableLine,
};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, item, number, text, time},
    schema::{SK, TTL, reconciliations_pk},
};

/// How long a reconciliation is kept: longer than a business year.
const KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// A page of the list.
const PAGE: i32 = 200;

/// Sorts behind every day.
const NEWEST: &str = "~";

/// A day of one tab that was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciled {
    /// Which account.
    pub tab: Tab,
    /// Which of the accounts that the tab had.
    pub account: AccountNumber,
    /// Which day.
    pub day: Day,
    /// When it was compared.
    pub done_at: Timestamp,
    /// The payments and refunds of ours that the provider lists.
    pub lines: i64,
    /// How much differs.
    pub differences: i64,
    /// How many of the differences are kept, the others being too many.
    pub kept: i64,
}

impl Reconciled {
    /// Whether more differs than is kept.
    pub fn is_truncated(&self) -> bool {
        self.differences > self.kept
    }
}

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconciliationEntry {
    /// A day.
    Day(Reconciled),
    /// Something that differs.
    Difference(Tab, Day, Difference),
}

impl Store {
    /// Whether a day of an account was compared.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_reconciled(
        &self,
        app: &AppId,
        mode: Mode,
        (whose, day): ((Tab, AccountNumber), &Day),
    ) -> Result<bool, StoreError> {
        Ok(self.get(reconciliations_pk(app, mode), account_day_sk(whose, day)).await?.is_some())
    }

    /// Keeps something of an account that differs; once, however often it is found.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_difference(
        &self,
        (app, mode): (&AppId, Mode),
        (whose, day): ((Tab, AccountNumber), &Day),
        difference: &Difference,
    ) -> Result<(), StoreError> {
        let sk = difference_sk(whose, day, difference);
        let line = difference.line.as_ref();
        let entry = item(
            reconciliations_pk(app, mode),
            sk,
            [
                ("kind", Some(text(difference.kind.name()))),
                ("id", difference.transaction.as_ref().map(|id| text(id.as_str()))),
                ("bill", difference.bill.as_ref().map(|bill| text(bill.as_str()))),
                ("here", difference.here.map(|fee| number(fee.get()))),
                ("there", difference.there.map(|fee| number(fee.get()))),
                ("refund_num", difference.refund_num.as_ref().map(text)),
                ("file", line.map(|line| number(line.file))),
                ("line", line.map(|line| number(line.number))),
                ("problem", line.map(|line| text(&line.problem))),
                ("excerpt", line.map(|line| text(&line.excerpt))),
                (TTL, Some(number(day.end().plus(KEPT).seconds()))),
            ],
        );
        self.put_if_new(entry).await
    }

    /// Says that a day was compared. Its differences are kept before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_reconciled(&self, app: &AppId, mode: Mode, done: &Reconciled) -> Result<(), StoreError> {
        let entry = item(
            reconciliations_pk(app, mode),
            account_day_sk((done.tab, done.account), &done.day),
            [
                ("done_ms", Some(time(done.done_at))),
                ("lines", Some(number(done.lines))),
                ("differences", Some(number(done.differences))),
                ("kept", Some(number(done.kept))),
                (TTL, Some(number(done.day.end().plus(KEPT).seconds()))),
            ],
        );
        self.put_if_new(entry).await
    }

    /// What was compared, newest day first, from `cursor` on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reconciliations(
        &self,
        app: &AppId,
        mode: Mode,
        cursor: Option<&ListCursor>,
    ) -> Result<(Vec<ReconciliationEntry>, Option<ListCursor>), StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .key_condition_expression("pk = :pk AND sk < :before")
            .expression_attribute_values(":pk", text(reconciliations_pk(app, mode)))
            .expression_attribute_values(":before", text(cursor.map_or(NEWEST, ListCursor::as_str)))
            .scan_index_forward(false)
            .limit(PAGE)
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of reconciliations", error))?;
        let last = page.last_evaluated_key().and_then(|key| Item(key).find_cursor(SK));
        let entries = page.items().iter().map(read_entry).collect::<Result<_, _>>()?;
        Ok((entries, last))
    }

    async fn put_if_new(&self, entry: Attributes) -> Result<(), StoreError> {
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.transactions)
            .set_item(Some(entry))
            .condition_expression("attribute_not_exists(pk)");
        match put.send().await {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::dynamo("keeping a reconciliation", error)),
        }
    }
}

fn day_sk(tab: Tab, day: &Day) -> String {
    format!("{day}#{tab}")
}

/// The first account's is that of before accounts were counted. A difference is of the tab: two accounts may find the same one, where their
/// bills are those of one seller.
fn account_day_sk((tab, account): (Tab, AccountNumber), day: &Day) -> String {
    let day = day_sk(tab, day);
    if account == AccountNumber::FIRST { day } else { format!("{day}@{account}") }
}

/// A line is of one account's bill; anything else is kept once for the tab.
fn difference_sk((tab, account): (Tab, AccountNumber), day: &Day, difference: &Difference) -> String {
    let id = difference.transaction.as_ref().map_or("-", TransactionId::as_str);
    let what = match &difference.line {
        Some(line) => format!("{account}.{}.{}", line.file, line.number),
        None => difference.refund_num.clone().unwrap_or_default(),
    };
    format!("{}#{id}#{}#{what}", day_sk(tab, day), difference.kind.name())
}

fn read_entry(attributes: &Attributes) -> Result<ReconciliationEntry, StoreError> {
    let item = Item(attributes);
    let sk = item.text(SK)?;
    let mut parts = sk.splitn(3, '#');
    let day = parts.next().and_then(Day::parse).ok_or_else(|| item.wrong(SK))?;
    let whose = parts.next().ok_or_else(|| item.wrong(SK))?;
    let (tab, account) = match whose.split_once('@') {
        None => (Tab::find(whose), Some(AccountNumber::FIRST)),
        Some((tab, account)) => (Tab::find(tab), AccountNumber::parse(account)),
    };
    let (tab, account) = tab.zip(account).ok_or_else(|| item.wrong(SK))?;
    if parts.next().is_none() {
        let (lines, differences) = (item.number("lines")?, item.number("differences")?);
        let kept = item.find_number("kept")?.unwrap_or(differences);
        let done_at = item.time("done_ms")?;
        return Ok(ReconciliationEntry::Day(Reconciled { tab, account, day, done_at, lines, differences, kept }));
    }
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
        line: read_line(&item)?,
    };
    Ok(ReconciliationEntry::Difference(tab, day, difference))
}

fn read_line(item: &Item<'_>) -> Result<Option<UnreadableLine>, StoreError> {
    let Some(number) = item.find_number("line")? else { return Ok(None) };
    let (file, problem, excerpt) = (item.number("file")?, item.text("problem")?, item.text("excerpt")?);
    Ok(Some(UnreadableLine { file, number, problem: problem.to_owned(), excerpt: excerpt.to_owned() }))
}
