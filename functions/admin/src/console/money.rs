//! Money as people read it. It comes in whole fen, and nothing here or elsewhere in the console calculates with it.

use domain::{Fen, Sum};

/// `¥ 1,234.56`
pub(crate) fn shown(fee: Fen) -> String {
    yuan(&fee.to_grouped_yuan())
}

/// What the transactions of a sum are about.
pub(crate) fn in_all(sum: Sum) -> String {
    yuan(&sum.amount_in_yuan())
}

/// What of a sum went back.
pub(crate) fn back(sum: Sum) -> String {
    yuan(&sum.refunded_in_yuan())
}

fn yuan(text: &str) -> String {
    format!("¥ {text}")
}
