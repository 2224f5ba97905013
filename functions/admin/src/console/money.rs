//! Amounts for people. They are whole fen, and the console never calculates with them.

use domain::{Fen, Sum, Turnover, grouped};

use super::preferences::Language;

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

/// What came in.
pub(crate) fn came_in(turnover: &Turnover) -> String {
    yuan(&turnover.amount_in_yuan())
}

/// What went back.
pub(crate) fn went_back(turnover: &Turnover) -> String {
    yuan(&turnover.refunded_in_yuan())
}

/// What came in less what went back.
pub(crate) fn net(turnover: &Turnover) -> String {
    yuan(&turnover.net_in_yuan())
}

fn yuan(text: &str) -> String {
    // The blank does not break: a sign alone at the end of a line is no amount.
    format!("¥\u{a0}{text}")
}

/// An amount that is compared or drawn, in fen.
pub(crate) fn of_fen(fen: i64) -> String {
    in_all(Sum { amount: fen, ..Sum::default() })
}

/// A number of something: `1,234`.
pub(crate) fn count(number: i64) -> String {
    grouped(u64::try_from(number).unwrap_or_default())
}

/// An amount within a sentence: `¥0.02`. What is no amount stays in fen.
pub(crate) fn in_sentence(fen: i64, language: Language) -> String {
    match Fen::new(fen) {
        Ok(fee) => format!("¥{}", fee.to_grouped_yuan()),
        Err(_) if fen == 0 => "¥0.00".to_owned(),
        Err(_) => match language {
            Language::Zh => format!("{fen} 分"),
            Language::En => format!("{fen} fen"),
        },
    }
}
