//! Translates Alipay's words about a trade into ours. Notifies and queries of both protocols have the same fields.

use domain::{Fen, InvalidFen, Outcome};

/// The facts about a trade in a verified report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trade<'a> {
    /// `trade_status`.
    pub(crate) status: &'a str,
    /// `total_amount`, if it is readable.
    pub(crate) total: Option<Fen>,
    /// `refund_fee`, the total refunded so far, if present.
    pub(crate) refund_fee: Option<&'a str>,
    /// Whether the report shows that the trade was ever paid, as `gmt_payment` does.
    pub(crate) was_paid: bool,
}

/// The outcome of a trade. An unknown status decides nothing. The error names the field that cannot be read.
pub(crate) fn outcome(trade: Trade<'_>) -> Result<Outcome, &'static str> {
    match trade.status {
        "TRADE_SUCCESS" | "TRADE_FINISHED" => Ok(refunded(trade)?.map_or(Outcome::Paid, Outcome::Refunded)),
        // Expired or withdrawn unpaid, or paid and fully refunded: the status is the same.
        "TRADE_CLOSED" => match (refunded(trade)?, trade.was_paid, trade.total) {
            (Some(refunded), _, _) => Ok(Outcome::Refunded(refunded)),
            (None, true, Some(total)) => Ok(Outcome::Refunded(total)),
            (None, true, None) => Err("total_amount"),
            (None, false, _) => Ok(Outcome::Closed),
        },
        _ => Ok(Outcome::Pending),
    }
}

fn refunded(trade: Trade<'_>) -> Result<Option<Fen>, &'static str> {
    match trade.refund_fee {
        None | Some("") => Ok(None),
        Some(text) => amount(text).map_err(|_| "refund_fee"),
    }
}

/// An amount in yuan that may be zero; zero is `None`.
pub(crate) fn amount(text: &str) -> Result<Option<Fen>, InvalidFen> {
    match Fen::from_yuan(text) {
        Ok(fee) => Ok(Some(fee)),
        Err(InvalidFen::Range { found: 0 }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fen(fen: i64) -> Fen {
        Fen::new(fen).unwrap()
    }

    #[test]
    #[rustfmt::skip]
    fn words_become_outcomes() {
        use Outcome::{Closed, Paid, Pending, Refunded};
        let all: Option<Fen> = Some(fen(8888));
        type Row<'a> = (&'a str, Option<Fen>, Option<&'a str>, bool, Result<Outcome, &'a str>);
        let cases: &[Row<'_>] = &[
            ("TRADE_SUCCESS",  all,  None,           true,  Ok(Paid)),
            ("TRADE_FINISHED", all,  None,           true,  Ok(Paid)),
            ("TRADE_SUCCESS",  all,  Some(""),       true,  Ok(Paid)),
            ("TRADE_SUCCESS",  all,  Some("0.00"),   true,  Ok(Paid)),
            ("TRADE_SUCCESS",  all,  Some("0"),      true,  Ok(Paid)),
            ("TRADE_SUCCESS",  None, None,           true,  Ok(Paid)), // The shared check refuses a payment without an amount.
            ("TRADE_SUCCESS",  all,  Some("1.00"),   true,  Ok(Refunded(fen(100)))),
            ("TRADE_FINISHED", all,  Some("1.5"),    true,  Ok(Refunded(fen(150)))),
            ("TRADE_SUCCESS",  all,  Some("-1.00"),  true,  Err("refund_fee")),
            ("TRADE_SUCCESS",  all,  Some("x"),      true,  Err("refund_fee")),
            ("TRADE_CLOSED",   all,  None,           false, Ok(Closed)),
            ("TRADE_CLOSED",   None, Some("0.00"),   false, Ok(Closed)),
            ("TRADE_CLOSED",   all,  None,           true,  Ok(Refunded(fen(8888)))),
            ("TRADE_CLOSED",   all,  Some("88.88"),  false, Ok(Refunded(fen(8888)))),
            ("TRADE_CLOSED",   None, Some("88.88"),  false, Ok(Refunded(fen(8888)))),
            ("TRADE_CLOSED",   None, None,           true,  Err("total_amount")),
            ("TRADE_CLOSED",   all,  Some("x"),      true,  Err("refund_fee")),
            ("WAIT_BUYER_PAY", all,  None,           false, Ok(Pending)),
            ("TRADE_PENDING",  all,  None,           true,  Ok(Pending)),
            ("trade_success",  all,  None,           true,  Ok(Pending)),
            ("",               all,  None,           true,  Ok(Pending)),
        ];
        for (status, total, refund_fee, was_paid, expect) in cases {
            let trade = Trade { status, total: *total, refund_fee: *refund_fee, was_paid: *was_paid };
            assert_eq!(outcome(trade), *expect, "{trade:?}");
        }
    }
}
