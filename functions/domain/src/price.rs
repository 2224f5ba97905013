//! Who names the price of a bill.
//!
//! The client key is public: every copy of a shop's app or page contains it. A stranger who has it can charge any bill number at any price.
//! So the server's price decides, and a client's payment at another price never counts as the payment of the bill.

use crate::{
    Author, Checkout, CheckoutState, Event, Fen, Judgement, OccurredEvent, Settlement, Status, Subject, Timestamp,
    Transaction, refundable,
};

/// A bill: its tries, and its checkout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// All its tries.
    pub tries: Vec<Transaction>,
    /// `None` if no checkout was made, or if it is gone already.
    pub checkout: Option<Checkout>,
}

/// What the merchant's server asks for a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerPrice<'a> {
    /// The amount.
    pub fee: Fen,
    /// What is bought.
    pub subject: &'a Subject,
    /// When the server named it.
    pub named_at: Timestamp,
}

impl Bill {
    /// What the server named last: by a charge, in any state, or by its checkout, open or not. A visitor's order names no price, because it
    /// may have been made while the server named another one.
    pub fn server_price(&self) -> Option<ServerPrice<'_>> {
        let of_server = self.tries.iter().filter(|tried| tried.author == Author::Server);
        let charged = of_server.max_by_key(|tried| (tried.created_at, &tried.id));
        let charged =
            charged.map(|tried| ServerPrice { fee: tried.fee, subject: &tried.subject, named_at: tried.created_at });
        let checkout = self.checkout.iter().filter(|checkout| checkout.author == Author::Server);
        let offered = checkout.map(|checkout| ServerPrice {
            fee: checkout.fee,
            subject: &checkout.subject,
            named_at: checkout.named_at,
        });
        charged.into_iter().chain(offered).max_by_key(|price| price.named_at)
    }

    /// The server's price by which payments are judged. If the server's only call was refused because the bill is paid, the payments that it
    /// judged have the price.
    pub fn named_fee(&self) -> Option<Fen> {
        let of_payment = |tried: &Transaction| match tried.judgement {
            Some(Judgement::ByPrice(price)) => Some(price),
            Some(Judgement::WentBack) | None => None,
        };
        self.server_price().map(|price| price.fee).or_else(|| self.tries.iter().find_map(of_payment))
    }

    /// The payments of clients that are not judged yet.
    pub fn unjudged(&self) -> impl Iterator<Item = &Transaction> {
        let is_unjudged = |tried: &&Transaction| {
            tried.author == Author::Client && tried.status.is_paid() && tried.judgement.is_none()
        };
        self.tries.iter().filter(is_unjudged)
    }

    /// Its paid tries, divided by whether they count for it.
    pub fn payments(&self) -> BillPayments<'_> {
        self.payments_at(self.named_fee())
    }

    /// The payment by which the bill is paid for an author who asks for `fee`. The price that the server named before decides, because a new
    /// price must not make a paid bill unpaid. A server that names the first price is not bound by what a client paid at another one.
    pub fn paid_for(&self, author: Author, fee: Fen) -> Option<&Transaction> {
        let price = self.named_fee().or_else(|| (author == Author::Server).then_some(fee));
        self.payments_at(price).counted.first().copied()
    }

    /// Whether the checkout is open and still has the content of this revision.
    pub fn offers(&self, revision: i64, now: Timestamp) -> bool {
        let offered = self.checkout.as_ref().filter(|checkout| checkout.revision == revision);
        offered.is_some_and(|checkout| checkout.state(self, now) == CheckoutState::Open)
    }

    fn payments_at(&self, named: Option<Fen>) -> BillPayments<'_> {
        let mut paid: Vec<&Transaction> = self.tries.iter().filter(|payment| payment.status.is_paid()).collect();
        paid.sort_by_key(|payment| (payment.ended_at, payment.id.clone()));
        let (counted, uncounted) = paid.into_iter().partition(|payment| counts_for_bill(payment, named));
        BillPayments { counted, uncounted }
    }
}

impl Judgement {
    /// The judgement of a payment that was settled before `price` was named.
    pub fn of(payment: &Transaction, price: Fen) -> Self {
        let goes_back = payment.fee == price && refundable(payment).is_none();
        if goes_back { Self::WentBack } else { Self::ByPrice(price) }
    }
}

/// Whether a payment counts as the payment of its bill. It counts if the server or a visitor of its checkout opened it, or if the server has
/// named no price. A client's payment otherwise counts by its judgement. If it has none yet, it is judged by the price that is named now.
fn counts_for_bill(payment: &Transaction, named: Option<Fen>) -> bool {
    match payment.author {
        Author::Server | Author::Visitor => true,
        Author::Client => match payment.judgement.or_else(|| named.map(|price| Judgement::of(payment, price))) {
            None => true,
            Some(Judgement::ByPrice(price)) => price == payment.fee,
            Some(Judgement::WentBack) => false,
        },
    }
}

/// What the change of a try means for its bill. A client's payment at another price than the server's is kept, but the webhooks are not told
/// that the bill is paid. The look for other payments reports it. A try that is closed is not told once the bill is paid by another: the
/// merchant would give away again what is sold.
pub fn judge_in_bill(before: &Transaction, settlement: Settlement, bill: &Bill) -> Settlement {
    let Settlement::Changed { mut transaction, mut events } = settlement else { return settlement };
    let named = bill.named_fee();
    if transaction.status.is_paid() && !before.status.is_paid() {
        transaction.judgement = named.filter(|_| transaction.author == Author::Client).map(Judgement::ByPrice);
    }
    let counts = counts_for_bill(&transaction, named);
    // While the server has named no price, a stranger may have paid a fen. That does not silence the end of an honest order.
    let pays_as_much = |paid: &&Transaction| named.is_some() || paid.fee >= transaction.fee;
    let is_bill_paid = bill.payments().counted.iter().any(pays_as_much);
    let is_told = |occurred: &OccurredEvent| match occurred.event {
        Event::PaymentSuccess => counts,
        Event::PaymentClosed => !is_bill_paid,
        Event::PaymentMismatch
        | Event::PaymentDuplicate
        | Event::RefundSuccess
        | Event::RefundFailed
        | Event::RefundStuck => true,
    };
    events.retain(is_told);
    Settlement::Changed { transaction, events }
}

/// The payments of a bill, divided by whether they count for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BillPayments<'a> {
    /// Those that count, the first payment first.
    pub counted: Vec<&'a Transaction>,
    /// Those of clients that do not count: they have another price than the server's, or went back before it was named.
    pub uncounted: Vec<&'a Transaction>,
}

/// Whether a try can still be taken up or replaced: it is open, and no other try took its place.
pub fn is_current(transaction: &Transaction) -> bool {
    transaction.status == Status::Created && transaction.superseded_at.is_none()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        checkout::tests::checkout,
        transaction::tests::{fen, sample},
    };

    fn paid(author: Author, fee: i64, seconds: u64) -> Transaction {
        let mut payment = sample(Status::Success);
        payment.created_at = payment.created_at.plus(Duration::from_secs(seconds));
        payment.ended_at = Some(payment.created_at);
        Transaction { author, fee: fen(fee), ..payment }
    }

    #[test]
    fn only_what_a_client_paid_at_another_price_does_not_count() {
        use Author::{Client, Server, Visitor};
        let check_bill = |bill: &Bill, counted: &[i64], uncounted: &[i64]| {
            let payments = bill.payments();
            let fees = |some: &[&Transaction]| some.iter().map(|payment| payment.fee.get()).collect::<Vec<_>>();
            assert_eq!((fees(&payments.counted), fees(&payments.uncounted)), (counted.to_vec(), uncounted.to_vec()));
        };
        let check = |tries: &[Transaction], counted: &[i64], uncounted: &[i64]| {
            check_bill(&Bill { tries: tries.to_vec(), checkout: None }, counted, uncounted);
        };
        let open = |fee, seconds| Transaction { status: Status::Created, ended_at: None, ..paid(Server, fee, seconds) };
        let closed = |fee, seconds| Transaction { status: Status::Closed, ..open(fee, seconds) };
        check(&[paid(Client, 1, 0)], &[1], &[]);
        check(&[paid(Client, 1, 0), open(100, 1)], &[], &[1]);
        check(&[paid(Client, 1, 2), closed(100, 1)], &[], &[1]);
        check(&[paid(Client, 100, 2), closed(100, 1)], &[100], &[]);
        // A payment that the server opened at an older price still counts. A client's payment counts by the price at which it was settled. If
        // none was named then, the price of today decides.
        check(&[paid(Server, 100, 0), open(90, 1)], &[100], &[]);
        check(&[paid(Client, 100, 0), open(90, 1)], &[], &[100]);
        let by_price = |price| Some(Judgement::ByPrice(fen(price)));
        let settled = |price| Transaction { judgement: by_price(price), ..paid(Client, 100, 0) };
        check(&[settled(100), open(90, 1)], &[100], &[]);
        check(&[settled(90), open(100, 1)], &[], &[100]);
        let refunded = Transaction { status: Status::Refund, refunded: Some(fen(100)), ..paid(Client, 100, 0) };
        check(std::slice::from_ref(&refunded), &[100], &[]);
        check(&[refunded.clone(), open(100, 1)], &[], &[100]);
        check(&[Transaction { judgement: by_price(100), ..refunded.clone() }, open(90, 1)], &[100], &[]);
        let mut going_back = paid(Client, 100, 0);
        going_back.refunds.committed = Some(fen(100));
        check(&[going_back.clone(), open(100, 1)], &[], &[100]);
        // What a price judges.
        let judged = |price, tries: &[Transaction]| {
            let bill = Bill { tries: tries.to_vec(), checkout: None };
            bill.unjudged().map(|paid| Some(Judgement::of(paid, fen(price)))).collect::<Vec<_>>()
        };
        assert_eq!(judged(100, &[paid(Client, 100, 0), paid(Client, 1, 0)]), [by_price(100), by_price(100)]);
        assert_eq!(judged(100, &[refunded.clone(), going_back.clone()]), [Some(Judgement::WentBack); 2]);
        assert_eq!(judged(90, &[refunded, going_back]), [by_price(90), by_price(90)]);
        assert_eq!(judged(90, &[settled(90), paid(Visitor, 9, 0), open(90, 1)]), []);
        let gone = Transaction { judgement: Some(Judgement::WentBack), ..paid(Client, 100, 0) };
        check(&[gone, open(100, 1)], &[], &[100]);
        // The server's only call was refused, because the bill is paid.
        check(&[settled(100), paid(Client, 1, 1)], &[100], &[1]);
        check(&[paid(Server, 90, 5), paid(Client, 90, 3), paid(Client, 1, 1)], &[90, 90], &[1]);
        // A checkout of the server names a price, too, and the latest word decides. A client's checkout names none.
        let with = |tries: &[Transaction], author, fee, seconds| {
            let named_at = sample(Status::Created).created_at.plus(Duration::from_secs(seconds));
            Bill { tries: tries.to_vec(), checkout: Some(Checkout { author, fee: fen(fee), named_at, ..checkout() }) }
        };
        check_bill(&with(&[paid(Client, 1, 0)], Server, 100, 1), &[], &[1]);
        check_bill(&with(&[paid(Client, 1, 2)], Server, 100, 1), &[], &[1]);
        check_bill(&with(&[paid(Client, 100, 2)], Server, 100, 1), &[100], &[]);
        check_bill(&with(&[paid(Client, 90, 2), open(90, 2)], Server, 100, 1), &[90], &[]);
        check_bill(&with(&[paid(Client, 90, 2), open(90, 2)], Server, 100, 3), &[], &[90]);
        check_bill(&with(&[paid(Client, 1, 0)], Client, 100, 1), &[1], &[]);
        // An order of the checkout's visitor counts and names no price.
        check_bill(&with(&[paid(Visitor, 90, 2), paid(Client, 90, 2)], Server, 100, 1), &[90], &[90]);
        // A new price does not make a paid bill unpaid. The first price of the server does.
        let is_paid = |bill: &Bill, fee| bill.paid_for(Server, fen(fee)).is_some();
        assert!(is_paid(&with(&[paid(Client, 100, 2)], Server, 100, 1), 90));
        assert!(!is_paid(&with(&[paid(Client, 1, 2)], Server, 100, 1), 1));
        assert!(!is_paid(&Bill { tries: vec![paid(Client, 1, 0)], checkout: None }, 100));
        assert!(is_paid(&Bill { tries: vec![paid(Client, 100, 0)], checkout: None }, 100));
    }

    #[test]
    fn a_change_is_told_as_its_bill_is() {
        use Author::{Client, Server};
        let open = Transaction { status: Status::Created, ended_at: None, ..paid(Client, 100, 0) };
        let after = |status| Box::new(Transaction { status, ..open.clone() });
        let check = |status, event: Event, others: &[Transaction], expect: (Option<i64>, usize)| {
            let settlement = Settlement::Changed { transaction: after(status), events: vec![event.into()] };
            let bill = Bill { tries: others.to_vec(), checkout: None };
            let Settlement::Changed { transaction, events } = judge_in_bill(&open, settlement, &bill) else {
                panic!("nothing changed")
            };
            let judged_by = transaction.judgement.map(|judgement| match judgement {
                Judgement::ByPrice(price) => price.get(),
                Judgement::WentBack => panic!("it did not go back"),
            });
            assert_eq!((judged_by, events.len()), expect, "{status:?} {others:?}");
        };
        let named = |fee| Transaction { status: Status::Closed, ended_at: None, ..paid(Server, fee, 1) };
        check(Status::Success, Event::PaymentSuccess, &[], (None, 1));
        check(Status::Success, Event::PaymentSuccess, &[named(100)], (Some(100), 1));
        check(Status::Success, Event::PaymentSuccess, &[named(90)], (Some(90), 0));
        // Paid and refunded before either was known.
        check(Status::Refund, Event::RefundSuccess, &[named(90)], (Some(90), 1));
        check(Status::Closed, Event::PaymentClosed, &[], (None, 1));
        check(Status::Closed, Event::PaymentClosed, &[named(90)], (None, 1));
        check(Status::Closed, Event::PaymentClosed, &[paid(Server, 90, 1)], (None, 0));
        check(Status::Closed, Event::PaymentClosed, &[paid(Client, 100, 1)], (None, 0));
        check(Status::Closed, Event::PaymentClosed, &[paid(Client, 1, 1)], (None, 1));
        check(Status::Closed, Event::PaymentClosed, &[paid(Client, 1, 0), named(100)], (None, 1));
    }
}
