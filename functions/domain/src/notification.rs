//! What a provider reports about an order, after verification, and the checks that every report needs.

use crate::{Fen, ProviderTradeNo, Transaction};

/// What the provider says has become of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not decided, or not understood.
    Pending,
    /// The money was taken.
    Paid,
    /// Closed without a payment.
    Closed,
    /// Paid, and this much of it went back so far.
    Refunded(Fen),
}

/// Something that a report says about itself. It must be as configured here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The provider's name of the field.
    pub field: &'static str,
    /// What the report says.
    pub said: String,
    /// What the channel's settings say.
    pub configured: String,
}

/// A verified report. Only a provider's `read_notify` and `read_query` make one, after checking the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The order number as the provider has it: our transaction id.
    pub order: String,
    /// The app, the merchant, the currency. All of them must be as configured.
    pub claims: Vec<Claim>,
    /// The order's amount, if the report carries one.
    pub fee: Option<Fen>,
    /// What has become of the order.
    pub outcome: Outcome,
    /// The provider's number of the payment.
    pub trade_no: Option<ProviderTradeNo>,
}

crate::sentences! {
    /// Why a genuine report does not fit its transaction. Such a report settles nothing.
    pub enum Mismatch, MismatchKind {
        // It is about another app, merchant or currency, or about another order than the address that it came to.
        Claim { field: &'static str, said: String, configured: String } = "claim-differs": "{field} is `{said}`, but `{configured}` is configured";
        Order { said: String, expected: String } = "order-differs": "the order is `{said}`, but the address is of `{expected}`";
        // Amounts are in fen.
        AmountUnknown { expected: i64 } = "amount-unknown": "the amount is unknown, but {expected} fen were charged";
        Amount { said: i64, expected: i64 } = "amount-differs": "the amount is {said} fen, but {expected} fen were charged";
    }
}

/// Compares a report with the transaction it came for: app, merchant and currency, then order, then amount.
///
/// # Errors
/// [`Mismatch`], the first that is found.
pub fn check(report: &Notification, transaction: &Transaction) -> Result<(), Mismatch> {
    for Claim { field, said, configured } in &report.claims {
        if said != configured {
            return Err(Mismatch::Claim { field, said: said.clone(), configured: configured.clone() });
        }
    }
    if report.order != transaction.id.as_str() {
        return Err(Mismatch::Order { said: report.order.clone(), expected: transaction.id.to_string() });
    }
    // A report that moves money must tell the amount. A report of a closing may leave it out.
    let amount_needed = matches!(report.outcome, Outcome::Paid | Outcome::Refunded(_));
    let amount_fits = report.fee.map_or(!amount_needed, |fee| fee == transaction.fee);
    if amount_fits {
        return Ok(());
    }
    let expected = transaction.fee.get();
    Err(match report.fee {
        Some(said) => Mismatch::Amount { said: said.get(), expected },
        None => Mismatch::AmountUnknown { expected },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Status,
        transaction::tests::{fen, report, sample},
    };

    #[test]
    fn app_then_order_then_amount_are_compared() {
        let transaction = sample(Status::Created);
        let good = report(Outcome::Paid, "T1");
        assert_eq!(check(&good, &transaction), Ok(()));

        let claim = Claim { field: "app_id", said: "2".to_owned(), configured: "1".to_owned() };
        let foreign = Notification { claims: vec![claim], order: "x".to_owned(), ..good.clone() };
        assert_eq!(check(&foreign, &transaction).unwrap_err().to_string(), "app_id is `2`, but `1` is configured");

        let stray = Notification { order: "x".to_owned(), fee: None, ..good.clone() };
        assert!(matches!(check(&stray, &transaction), Err(Mismatch::Order { .. })));

        let expected = transaction.fee.get();
        let cases = [
            (None, Mismatch::AmountUnknown { expected }),
            (Some(fen(1)), Mismatch::Amount { said: 1, expected }),
            (Some(fen(9901)), Mismatch::Amount { said: 9901, expected }),
        ];
        for (fee, mismatch) in cases {
            assert_eq!(check(&Notification { fee, ..good.clone() }, &transaction), Err(mismatch));
        }
        let closing = Notification { fee: None, outcome: Outcome::Closed, ..good };
        assert_eq!(check(&closing, &transaction), Ok(()));
    }
}
