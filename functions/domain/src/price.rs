//! Who names the price of a bill.
//!
//! The client key is public: every copy of a shop's app or page contains it. A stranger who has it can charge any bill number at any price.
//! So the server's price decides, and a client's payment at another price never counts as the payment of the bill.

use crate::{Author, Fen, Status, Transaction};

/// The server's latest try of a bill, in any state. It names the price.
pub fn latest_of_server(tries: &[Transaction]) -> Option<&Transaction> {
    let of_server = tries.iter().filter(|transaction| transaction.author == Author::Server);
    of_server.max_by_key(|transaction| (transaction.created_at, &transaction.id))
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

impl<'a> BillPayments<'a> {
    /// Sorts the paid tries of a bill.
    pub fn of(tries: &'a [Transaction]) -> Self {
        let server_price = latest_of_server(tries).map(|transaction| transaction.fee);
        let mut paid: Vec<&Transaction> = tries.iter().filter(|payment| payment.status.is_paid()).collect();
        paid.sort_by_key(|payment| (payment.ended_at, payment.id.clone()));
        let (counted, mispriced) = paid.into_iter().partition(|payment| counts_for_bill(payment, server_price));
        Self { counted, mispriced }
    }
}

/// Whether a try can still be taken up or replaced: it is open, and no other try took its place.
pub(crate) fn is_current(transaction: &Transaction) -> bool {
    transaction.status == Status::Created && transaction.superseded_at.is_none()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::transaction::tests::{fen, sample};

    fn paid(author: Author, fee: i64, seconds: u64) -> Transaction {
        let mut payment = sample(Status::Success);
        payment.created_at = payment.created_at.plus(Duration::from_secs(seconds));
        payment.ended_at = Some(payment.created_at);
        Transaction { author, fee: fen(fee), ..payment }
    }

    #[test]
    fn only_what_a_client_paid_at_another_price_does_not_count() {
        use Author::{Client, Server};
        let check = |tries: &[Transaction], counted: &[i64], mispriced: &[i64]| {
            let payments = BillPayments::of(tries);
            let fees = |some: &[&Transaction]| some.iter().map(|payment| payment.fee.get()).collect::<Vec<_>>();
            assert_eq!((fees(&payments.counted), fees(&payments.mispriced)), (counted.to_vec(), mispriced.to_vec()));
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
    }
}
