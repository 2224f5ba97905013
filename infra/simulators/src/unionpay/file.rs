//! The files of a settlement day (`txnType` 76): a ZIP with the trades and the disputes, deflated, in base64.

use std::io::{self, Cursor, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::GBK;
use flate2::{Compression, write::ZlibEncoder};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::codes::{self, Refusal};
use super::gateway::said;
use super::moment::{settle_date, settlement_day};
use super::request::FileCall;
use super::simulator::Simulator;
use crate::kit::bill::Row;
use crate::kit::form::Params;

/// A trade's line has 42 columns with these widths in bytes, and a blank after each.
#[rustfmt::skip]
const WIDTHS: [usize; 42] = [
    3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13, 13, 8, 32, 13,
    13, 12, 2, 1, 32, 98,
];

/// The answer's fields. There is no file for a day that is not over, or that has no trades.
pub(super) fn give(simulator: &Simulator, call: &FileCall, now: i64) -> Result<Params, Refusal> {
    let none = || Refusal::new(codes::NO_FILE, "");
    if settle_date(now) == call.settle_date {
        return Err(none());
    }
    let (plants, rows) = simulator.with(|ledger, now| {
        let of_day = |ended: i64| settle_date(ended) == call.settle_date && settlement_day(ended) < settlement_day(now);
        (ledger.plants.clone(), ledger.file(&call.mer_id, of_day))
    });
    let rows: Vec<Row> = plants.apply(call.mer_id.clone(), rows).collect();
    if rows.is_empty() {
        return Err(none());
    }
    let content = packed(&rows, call).map_err(|error| Refusal::new(codes::FORMAT, error.to_string()))?;
    let mut fields = said(codes::SUCCESS);
    fields.insert("fileName".to_owned(), format!("{}_{}.zip", call.mer_id, call.settle_date));
    fields.insert("fileContent".to_owned(), STANDARD.encode(content));
    fields.insert("settleDate".to_owned(), call.settle_date.clone());
    Ok(fields)
}

fn packed(rows: &[Row], call: &FileCall) -> io::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let name = |kind: &str| format!("INN26{}88{kind}_{}", call.settle_date, call.mer_id);
    zip.start_file(name("ZME"), SimpleFileOptions::default())?;
    zip.start_file(name("ZM"), SimpleFileOptions::default())?;
    for row in rows {
        let line = row.raw.clone().map_or_else(|| line(row, &call.mer_id), String::into_bytes);
        zip.write_all(&line)?;
        zip.write_all(b"\r\n")?;
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(zip.finish()?.get_ref())?;
    encoder.finish()
}

/// `RefundRow::state` is the `txnType` here.
fn line(row: &Row, mer_id: &str) -> Vec<u8> {
    let (order_id, txn_type) = match &row.refund {
        Some(refund) => (refund.num.as_str(), refund.state.as_str()),
        None => (row.order.as_str(), "01"),
    };
    let original = if row.refund.is_some() { row.order.as_str() } else { "" };
    let amount = format!("{:012}", row.fen);
    #[rustfmt::skip]
    let cells = [
        (1, "S22"), (2, "00000001"), (5, "1123100000"), (6, "6216***********0018"), (7, amount.as_str()), (8, "5812"), (9, "07"),
        (10, "202611231000000000001"), (12, order_id), (13, "01"), (18, "0001"), (20, txn_type), (21, "01"), (22, "000201"), (26, "0"),
        (28, mer_id), (31, "二级商户"), (41, original),
    ];
    let mut line = Vec::new();
    for (place, width) in WIDTHS.iter().enumerate() {
        let text = cells.iter().find(|(number, _)| *number == place + 1).map_or("", |(_, text)| text);
        let mut cell = GBK.encode(text).0.into_owned();
        cell.resize(*width, b' ');
        line.extend(cell);
        line.push(b' ');
    }
    line
}
