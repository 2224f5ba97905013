//! Refunds. They are reserved before a provider is called, and changed together with their payment.
//!
//! A refund is in the collection of its bill. Its number is the merchant's and unique in the app: a small item of its own holds the number,
//! and names the bill. Refund, number and payment are written in one transaction.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use domain::{
    AppId, Bill, BillNum, CheckoutKey, Day, Delivery, Mode, ProposedRefund, Refund, RefundContradiction,
    RefundDecision, RefundNum, RefundPause, RefundSending, RefundStatus, RefundWay, Sentence, Timestamp, Transaction,
    TransactionId, TransactionKey, Webhook, deliveries, refundable,
};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, item, number, text, time},
    checkouts::read_checkout,
    items::{Seen, Written},
    schema::{
        BILL_PREFIX, BY_TIME_PK, BY_TIME_SK, CARRIES, CHECKOUT_SK, DUE_MS, DUE_PK, FAILURE_SAID, LOOK_AGAIN, PK,
        REFUND_PREFIX, SK, TX_PREFIX, bill_pk, due_pk, ended_refund_sk, parse_transaction_key, refund_num_pk,
        refund_sk, refunds_pk, transaction_pk, transaction_sk,
    },
    transactions::{Row, SETS_OF_STATUS, read_fee, read_transaction},
};

/// A bill has few tries and refunds, so one page is usual. This only bounds the loop.
const BILL_PAGES_MAX: usize = 16;

/// How often a change is decided again because another worker was first. It is enough for twenty workers that change one payment at once.
const TRIES_MAX: u32 = 40;
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// The sort key of the item of a refund's number.
const NUMBER_SK: &str = "REFUND";

/// A bill and its refunds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WholeBill {
    /// The bill.
    pub bill: Bill,
    /// Its refunds.
    pub refunds: Vec<Refund>,
}

/// A refund that is to be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRefund {
    /// The payment, with the refund in its sums.
    pub payment: Transaction,
    /// The refund.
    pub refund: Refund,
}

/// When the sweep looks at a payment whose refund changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PaymentLook {
    /// Nothing is to be looked at.
    Unneeded,
    /// At this time.
    At(Timestamp),
    /// After the first attempt of the delivery that its entry carries, and not before this time.
    AfterCarried(Timestamp),
}

/// What a refund of an operator changes besides the payment, in the same transaction.
#[derive(Clone, Copy, Debug, Default)]
pub struct RefundTerms<'a> {
    /// The day on which it counts among the refunds of operators.
    pub day: Option<&'a Day>,
    /// The proposal that it carries out, which ends.
    pub proposed: Option<&'a ProposedRefund>,
}

/// The result of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundReservation<E> {
    /// There is no such payment.
    NotFound,
    /// The decision was to refuse it.
    Refused(E),
    /// There is a refund with this number already.
    Taken(Box<Refund>),
    /// It is reserved; the provider may be called.
    New(Box<Transaction>, Box<Refund>),
}

/// The result of a change of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundChanged {
    /// There is no such refund, or no such payment.
    NotFound,
    /// There was nothing to change.
    Unchanged(Box<Refund>),
    /// The statement contradicts the refund.
    Contradicted(Box<Refund>, RefundContradiction),
    /// The refund changed, and these deliveries report it.
    Changed(Box<Refund>, Vec<Delivery>),
}

impl Store {
    /// A bill with its refunds, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load_whole_bill(&self, app: &AppId, mode: Mode, bill: &BillNum) -> Result<WholeBill, StoreError> {
        let mut pages = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(bill_pk(app, mode, bill)))
            .expression_attribute_values(":first", text(REFUND_PREFIX))
            .expression_attribute_values(":last", text(format!("{BILL_PREFIX}~")))
            .into_paginator()
            .send();
        let mut whole = WholeBill::default();
        for _ in 0..BILL_PAGES_MAX {
            let Some(page) = pages.next().await else { return Ok(whole) };
            for attributes in page.map_err(|error| StoreError::dynamo("query of a bill", error))?.items() {
                let item = Item(attributes);
                let sk = item.text(SK)?;
                if sk.starts_with(TX_PREFIX) {
                    whole.bill.tries.push(read_transaction(attributes)?);
                } else if sk == CHECKOUT_SK {
                    let key = CheckoutKey { app: app.clone(), mode, bill: bill.clone() };
                    whole.bill.checkout = Some(read_checkout(key, attributes)?);
                } else if sk.starts_with(REFUND_PREFIX) {
                    whole.refunds.push(read_refund(attributes)?);
                }
            }
        }
        Err(StoreError::Item { key: bill_pk(app, mode, bill), attribute: "number of tries and refunds" })
    }

    /// A refund of this bill, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_refund(
        &self,
        app: &AppId,
        mode: Mode,
        bill: &BillNum,
        num: &RefundNum,
    ) -> Result<Option<Refund>, StoreError> {
        let found = self.get(bill_pk(app, mode, bill), refund_sk(num)).await?;
        found.as_ref().map(read_refund).transpose()
    }

    /// The refund with this number, whichever bill it is of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_refund_by_num(
        &self,
        app: &AppId,
        mode: Mode,
        num: &RefundNum,
    ) -> Result<Option<Refund>, StoreError> {
        let Some(number) = self.get(refund_num_pk(app, mode, num), NUMBER_SK.to_owned()).await? else {
            return Ok(None);
        };
        let bill = Item(&number).parsed("bill", |bill| BillNum::parse(bill).ok())?;
        self.find_refund(app, mode, &bill, num).await
    }

    /// Reads a payment, lets `decide` say whether the refund is allowed, and reserves it: the payment's sums, the refund and its number, in
    /// one transaction. `decide` gets what operators refunded on the day of `terms` so far. `decide` may run again if another worker was
    /// first.
    ///
    /// # Errors
    /// [`StoreError`]. [`StoreError::Stale`] if the proposal of `terms` was ended or is another one now.
    pub async fn begin_refund<E>(
        &self,
        key: &TransactionKey,
        num: &RefundNum,
        terms: RefundTerms<'_>,
        decide: impl Fn(&Transaction, i64) -> Result<PlannedRefund, E>,
    ) -> Result<RefundReservation<E>, StoreError> {
        for round in 0..TRIES_MAX {
            let Some(Row { transaction: before, revision, .. }) = self.find_row(Seen::Now, key).await? else {
                return Ok(RefundReservation::NotFound);
            };
            let refunded = match terms.day {
                Some(day) => self.refunded_by_operators(&key.app, key.mode, day).await?,
                None => None,
            };
            let PlannedRefund { payment, refund } = match decide(&before, refunded.unwrap_or_default()) {
                Ok(decided) => decided,
                // The share may be reserved by this very refund, from another call.
                Err(refusal) => {
                    let taken = self.find_begun(key, num).await?;
                    return Ok(taken.map_or(RefundReservation::Refused(refusal), |taken| {
                        RefundReservation::Taken(Box::new(taken))
                    }));
                }
            };
            let mut writes = vec![
                self.update_of_refunded(&payment, revision, PaymentLook::Unneeded)?,
                self.put_once(write_refund(&refund))?,
                self.put_once(write_number(&refund))?,
            ];
            if let Some(day) = terms.day {
                writes.push(self.count_refunded(key, day, refunded, refund.fee)?);
            }
            if let Some(proposed) = terms.proposed {
                writes.push(self.end_with_refund(proposed)?);
            }
            match self.write_all(writes, "reservation of a refund").await? {
                Written::Done => return Ok(RefundReservation::New(Box::new(payment), Box::new(refund))),
                Written::Lost => {
                    if let Some(taken) = self.find_begun(key, num).await? {
                        return Ok(RefundReservation::Taken(Box::new(taken)));
                    }
                    if let Some(proposed) = terms.proposed {
                        self.must_be_proposed(proposed).await?;
                    }
                }
            }
            pause(round).await;
        }
        Err(StoreError::Contended { what: format!("refund {num}"), tries: TRIES_MAX })
    }

    /// The refund that has this number now. Usually it is of the same bill. A look-up by number alone comes second, because not every
    /// function has the right to make it.
    async fn find_begun(&self, key: &TransactionKey, num: &RefundNum) -> Result<Option<Refund>, StoreError> {
        match self.find_refund(&key.app, key.mode, &key.bill, num).await? {
            Some(refund) => Ok(Some(refund)),
            None => self.find_refund_by_num(&key.app, key.mode, num).await,
        }
    }

    /// Reads a refund and its payment, lets `decide` change them, and writes both together with one delivery for each of `webhooks` that
    /// subscribed to an event. `decide` may run again if another worker was first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn change_refund(
        &self,
        key: &TransactionKey,
        num: &RefundNum,
        webhooks: &[Webhook],
        now: Timestamp,
        decide: impl Fn(&Transaction, &Refund) -> RefundDecision,
    ) -> Result<RefundChanged, StoreError> {
        for round in 0..TRIES_MAX {
            let Some(before) = self.find_refund(&key.app, key.mode, &key.bill, num).await? else {
                return Ok(RefundChanged::NotFound);
            };
            let Some(Row { transaction: payment, revision, carries, .. }) = self.find_row(Seen::Now, key).await? else {
                return Ok(RefundChanged::NotFound);
            };
            let change = match decide(&payment, &before) {
                RefundDecision::Unchanged => return Ok(RefundChanged::Unchanged(Box::new(before))),
                RefundDecision::Contradiction(what) => return Ok(RefundChanged::Contradicted(Box::new(before), what)),
                RefundDecision::Changed(change) => *change,
            };
            let of_event = |occurred| deliveries(&change.payment, occurred, webhooks, now);
            let told: Vec<Delivery> = change.events.iter().flat_map(of_event).collect();
            let mut writes = vec![self.update_of_refund(&before, &change.refund)?];
            if change.payment != payment {
                // What does not go back after all may have to be sent back otherwise, see `settlement::look_for_duplicate`.
                let look = match (refundable(&change.payment) > refundable(&payment), carries) {
                    (false, _) => PaymentLook::Unneeded,
                    (true, None) => PaymentLook::At(now),
                    (true, Some(_)) => PaymentLook::AfterCarried(now),
                };
                writes.push(self.update_of_refunded(&change.payment, revision, look)?);
            }
            writes.extend(self.put_deliveries(&told)?);
            match self.write_all(writes, "change of a refund").await? {
                Written::Done => return Ok(RefundChanged::Changed(Box::new(change.refund), told)),
                Written::Lost => pause(round).await,
            }
        }
        Err(StoreError::Contended { what: format!("refund {num}"), tries: TRIES_MAX })
    }

    /// The update of the payment, when its refund changes.
    fn update_of_refunded(
        &self,
        after: &Transaction,
        revision: i64,
        look: PaymentLook,
    ) -> Result<TransactWriteItem, StoreError> {
        let sum = |fee: Option<domain::Fen>| number(fee.map_or(0, domain::Fen::get));
        let mut sets = format!("SET {SETS_OF_STATUS}, refund_pending = :pending, refund_committed = :committed");
        let mut update = self
            .status_update(after, revision)
            .expression_attribute_values(":pending", sum(after.refunds.pending))
            .expression_attribute_values(":committed", sum(after.refunds.committed));
        if let Some(refunded) = after.refunded {
            sets.push_str(", refunded_fee = :refunded");
            update = update.expression_attribute_values(":refunded", number(refunded.get()));
        }
        match look {
            PaymentLook::Unneeded => {}
            PaymentLook::At(due) => {
                sets.push_str(&format!(", {DUE_PK} = :due, {DUE_MS} = :look"));
                update = update
                    .condition_expression(format!("rev = :rev AND attribute_not_exists({CARRIES})"))
                    .expression_attribute_values(":due", text(due_pk(&after.id)))
                    .expression_attribute_values(":look", time(due));
            }
            PaymentLook::AfterCarried(due) => {
                sets.push_str(&format!(", {LOOK_AGAIN} = :look"));
                update = update
                    .condition_expression(format!("rev = :rev AND attribute_exists({CARRIES})"))
                    .expression_attribute_values(":look", time(due));
            }
        }
        let update = update.update_expression(sets).build();
        let update = update.map_err(|error| StoreError::dynamo("building a refund", error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Writes that a refund is sent again. `false` if another worker changed it first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn send_refund_again(&self, before: &Refund, after: &Refund) -> Result<bool, StoreError> {
        let write = self.update_of_refund(before, after)?;
        Ok(self.write_all(vec![write], "sending of a refund").await? == Written::Done)
    }

    /// The update of a refund, under the condition that its status and its sending are still those of `before`.
    fn update_of_refund(&self, before: &Refund, after: &Refund) -> Result<TransactWriteItem, StoreError> {
        let key = &after.key;
        let sent = if before.sending.number == 0 { "attribute_not_exists(sending)" } else { "sending = :sent" };
        let mut update = Update::builder()
            .table_name(&self.tables.transactions)
            .key(PK, text(transaction_pk(key)))
            .key(SK, text(refund_sk(&after.num)))
            .condition_expression(format!("#status = :before AND {sent}"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":before", text(before.status.name()));
        if before.sending.number != 0 {
            update = update.expression_attribute_values(":sent", number(before.sending.number.into()));
        }
        let (mut sets, mut removes) = (vec!["#status = :status".to_owned()], Vec::new());
        update = update.expression_attribute_values(":status", text(after.status.name()));
        for (name, value) in changing(after).into_iter().chain(listed(after)) {
            let Some(value) = value else {
                removes.push(name);
                continue;
            };
            sets.push(format!("{name} = :{name}"));
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        let update = update.update_expression(format!("SET {} REMOVE {}", sets.join(", "), removes.join(", "))).build();
        let update = update.map_err(|error| StoreError::dynamo("building a refund", error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// The place of a refund in the list of its status, for operators and for the comparison with the provider's bill. The index has one
/// attribute for the time at which any item was made.
fn listed(refund: &Refund) -> [(&'static str, Option<AttributeValue>); 3] {
    let key = &refund.key;
    let at = refund.ended_at.filter(|_| refund.status == RefundStatus::Success).unwrap_or(refund.requested_at);
    [
        ("created_ms", Some(time(refund.requested_at))),
        (BY_TIME_PK, Some(text(refunds_pk(&key.app, key.mode, key.channel, refund.status)))),
        (BY_TIME_SK, Some(text(ended_refund_sk(at, &refund.num)))),
    ]
}

/// The attributes of a refund that change after its request, besides the status. If it was sent once, its way and the time of its sending
/// are those of the request.
fn changing(refund: &Refund) -> [(&'static str, Option<AttributeValue>); 10] {
    let RefundSending { number: sending, at } = refund.sending;
    let again = (sending != 0).then_some(());
    [
        ("way", Some(text(refund.way.name()))),
        ("ended_ms", refund.ended_at.map(time)),
        ("failure", refund.failure.as_ref().map(|failure| text(&failure.text))),
        (FAILURE_SAID, refund.failure.as_ref().map(|failure| text(failure.to_json()))),
        ("sending", again.map(|()| number(sending.into()))),
        ("sent_ms", again.map(|()| time(at))),
        ("paused_ms", refund.pause.map(|pause| time(pause.since))),
        ("refused_ms", refund.pause.and_then(|pause| pause.refused_at).map(time)),
        (DUE_PK, refund.due_at.map(|_| text(due_pk(&refund.transaction)))),
        (DUE_MS, refund.due_at.map(time)),
    ]
}

/// The other writer needs a moment to finish.
async fn pause(round: u32) {
    tokio::time::sleep((Duration::from_millis(3) * (round + 1)).min(PAUSE_MAX)).await;
}

fn write_refund(refund: &Refund) -> Attributes {
    item(
        transaction_pk(&refund.key),
        refund_sk(&refund.num),
        [
            ("transaction", Some(text(transaction_sk(&refund.key)))),
            ("id", Some(text(refund.transaction.as_str()))),
            ("fee", Some(number(refund.fee.get()))),
            ("reason", refund.reason.as_ref().map(text)),
            ("requested_ms", Some(time(refund.requested_at))),
            ("status", Some(text(refund.status.name()))),
        ]
        .into_iter()
        .chain(changing(refund))
        .chain(listed(refund)),
    )
}

fn write_number(refund: &Refund) -> Attributes {
    let key = &refund.key;
    let bill: (&str, Option<AttributeValue>) = ("bill", Some(text(key.bill.as_str())));
    item(refund_num_pk(&key.app, key.mode, &refund.num), NUMBER_SK.to_owned(), [bill])
}

pub(crate) fn read_refund(attributes: &Attributes) -> Result<Refund, StoreError> {
    let item = Item(attributes);
    let pk = item.text(PK)?;
    let num = item.parsed(SK, |sk| RefundNum::parse(sk.strip_prefix(REFUND_PREFIX)?))?;
    let requested_at = item.time("requested_ms")?;
    let sending = item.find_number("sending")?.map(|number| u32::try_from(number).map_err(|_| item.wrong("sending")));
    let refused_at = item.find_time("refused_ms")?;
    Ok(Refund {
        key: item.parsed("transaction", |sk| parse_transaction_key(pk, sk))?,
        transaction: item.parsed("id", |id| TransactionId::parse(id).ok())?,
        num,
        fee: read_fee(&item)?,
        reason: item.find_text("reason").map(str::to_owned),
        way: item.parsed("way", RefundWay::find)?,
        requested_at,
        status: item.parsed("status", RefundStatus::find)?,
        ended_at: item.find_time("ended_ms")?,
        failure: item.find_text("failure").map(|text| Sentence::kept(text, item.find_text(FAILURE_SAID))),
        due_at: item.find_time(DUE_MS)?,
        sending: RefundSending {
            number: sending.transpose()?.unwrap_or(0),
            at: item.find_time("sent_ms")?.unwrap_or(requested_at),
        },
        pause: item.find_time("paused_ms")?.map(|since| RefundPause { since, refused_at }),
    })
}
