//! Rows in columns, and what stands in them.

use domain::{Fen, Timestamp};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::words::Words;

/// Puts rows into columns, each as wide as its widest cell. A Chinese sign is as wide as two letters.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let padded =
            |(cell, width): (&String, &usize)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width())));
        let cells: Vec<String> = row.iter().zip(&widths).map(padded).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The rows as a table, or these words if there are none.
pub(crate) fn table_or(rows: &[Vec<String>], none: Words) -> Words {
    if rows.is_empty() { none } else { Words::alike(table(rows)) }
}

/// A member that is a text; empty if it is absent.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A member that is a list; empty if it is absent.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A member that is a moment in ms, as people in China read it; empty if it is absent.
pub(crate) fn moment(value: &Value, name: &str) -> String {
    let ms = value.get(name).and_then(Value::as_i64);
    ms.map(|ms| Timestamp::clamped(ms).to_beijing()).unwrap_or_default()
}

/// A record of a payment as a row: time, bill, channel, amount, status, id.
pub(crate) fn record_row(record: &Value) -> Vec<String> {
    let refunded = record.get("refundedFee").and_then(Value::as_i64);
    let status = text(record, "status");
    let status = refunded.map_or_else(|| status.to_owned(), |fen| format!("{status} (-{})", yuan(fen)));
    let texts = ["billNum", "channel", "money"].map(|name| text(record, name).to_owned());
    let mut row = vec![moment(record, "createdTime")];
    row.extend(texts);
    row.extend([status, text(record, "id").to_owned()]);
    row
}

/// Fen as yuan, as records show money. What is no amount is shown as it is.
pub(crate) fn yuan(fen: i64) -> String {
    Fen::new(fen).map_or_else(|_| fen.to_string(), |fen| fen.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["long".to_owned(), "c".to_owned()]];
        assert_eq!(table(&rows), "a     b\nlong  c");
        let wide = [vec!["茶".to_owned(), "b".to_owned()], vec!["abc".to_owned(), "c".to_owned()]];
        assert_eq!(table(&wide), "茶   b\nabc  c");
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn a_record_shows_what_went_back() {
        let record = json!({ "id": "1", "billNum": "b", "channel": "ali_web", "createdTime": 0, "money": "¥ 1.00", "status": "refund", "refundedFee": 5 });
        assert_eq!(record_row(&record), ["1970-01-01 08:00:00", "b", "ali_web", "¥ 1.00", "refund (-¥ 0.05)", "1"]);
    }
}
