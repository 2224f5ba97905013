//! Amounts for people. They are whole fen, and the console never calculates with them.

use domain::{Fen, Sum};

/// `¥ 1,234.56`
pub(crate) fn shown(fee: Fen) -> String {
    yuan(&fee.to_grouped_yuan())
}

/// The total of the transactions in a sum.
pub(crate) fn in_all(sum: Sum) -> String {
    yuan(&sum.amount_in_yuan())
}

/// The refunded part of a sum.
pub(crate) fn back(sum: Sum) -> String {
    yuan(&sum.refunded_in_yuan())
}

fn yuan(text: &str) -> String {
    format!("¥ {text}")
}

/// An amount within a Chinese sentence: `¥0.02`. What is no amount stays in fen.
pub(crate) fn in_chinese(fen: i64) -> String {
    match Fen::new(fen) {
        Ok(fee) => format!("¥{}", fee.to_grouped_yuan()),
        Err(_) if fen == 0 => "¥0.00".to_owned(),
        Err(_) => format!("{fen} 分"),
    }
}
