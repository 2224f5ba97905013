//! Who names the price of a bill.
//!
//! The client key is public: every copy of a shop's app or page contains it. A stranger who has it can charge any bill number at any price.
//! So the server's price decides, and a client's payment at another price never counts as the payment of the bill.

use crate::{Author, Checkout, Fen, Status, Subject, Transaction};

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
}

impl Bill {
    /// What the server named last: by a charge, in any state, or by its checkout, open or not.
    pub fn server_price(&self) -> Option<ServerPrice<'_>> {
        let of_server = self.tries.iter().filter(|tried| tried.author == Author::Server);
        let charged = of_server.max_by_key(|tried| (tried.created_at, &tried.id));
        let charged = charged.map(|tried| (tried.created_at, ServerPrice { fee: tried.fee, subject: &tried.subject }));
        let checkout = self.checkout.iter().filter(|checkout| checkout.author == Author::Server);
        let offered =
            checkout.map(|checkout| (checkout.named_at, ServerPrice { fee: checkout.fee, subject: &checkout.subject }));
        charged.into_iter().chain(offered).max_by_key(|(named_at, _)| *named_at).map(|(_, price)| price)
    }

    /// Its paid tries, divided by whether they count for it.
    pub fn payments(&self) -> BillPayments<'_> {
        let server_price = self.server_price().map(|price| price.fee);
        let mut paid: Vec<&Transaction> = self.tries.iter().filter(|payment| payment.status.is_paid()).collect();
        paid.sort_by_key(|payment| (payment.ended_at, payment.id.clone()));
        let (counted, mispriced) = paid.into_iter().partition(|payment| counts_for_bill(payment, server_price));
        BillPayments { counted, mispriced }
    }
}

/// Whether a payment counts as the payment of its bill. It counts if the server opened it, if it has the server's price, or if the server
/// has named no price.
pub fn counts_for_bill(payment: &Transaction, server_price: Option<Fen>) -> bool {
    match payment.author {
        Author::Server => true,
        Author::Client => server_price.is_none_or(|price| price == payment.fee),
    }
}

/// The payments of a bill, divided by whether they count for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BillPayments<'a> {
    /// Those that count, the first payment first.
    pub counted: Vec<&'a Transaction>,
    /// Those that a client made at another price than the server's.
    pub mispriced: Vec<&'a Transaction>,
}

/// Whether a try can still be taken up or replaced: it is open, and no other try took its place.
pub(crate) fn is_current(transaction: &Transaction) -> bool {
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
        use Author::{Client, Server};
        let check_bill = |bill: &Bill, counted: &[i64], mispriced: &[i64]| {
            let payments = bill.payments();
            let fees = |some: &[&Transaction]| some.iter().map(|payment| payment.fee.get()).collect::<Vec<_>>();
            assert_eq!((fees(&payments.counted), fees(&payments.mispriced)), (counted.to_vec(), mispriced.to_vec()));
        };
        let check = |tries: &[Transaction], counted: &[i64], mispriced: &[i64]| {
            check_bill(&Bill { tries: tries.to_vec(), checkout: None }, counted, mispriced);
        };
        let open = |fee, seconds| Transaction { status: Status::Created, ended_at: None, ..paid(Server, fee, seconds) };
        let closed = |fee, seconds| Transaction { status: Status::Closed, ..open(fee, seconds) };
        check(&[paid(Client, 1, 0)], &[1], &[]);
        check(&[paid(Client, 1, 0), open(100, 1)], &[], &[1]);
        check(&[paid(Client, 1, 2), closed(100, 1)], &[], &[1]);
        check(&[paid(Client, 100, 2), closed(100, 1)], &[100], &[]);
        // A payment that the server opened at an older price still counts. A client's payment at an older price does not.
        check(&[paid(Server, 100, 0), open(90, 1)], &[100], &[]);
        check(&[paid(Client, 100, 0), open(90, 1)], &[], &[100]);
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
    }
}
