//! `downloadbill`: answers the file, or XML with the reason why there is no file.

use super::super::bill;
use super::{Call, xml};
use crate::kit::bill::{DayBounds, bounds};
use crate::kit::form::Params;
use crate::kit::reply::{Reply, XML};

/// The file as gzip, or unpacked without a `tar_type`. Its errors have no `result_code` and no signature.
pub(super) fn download(call: &Call<'_>) -> Reply {
    if call.value("bill_type") != Some("ALL") {
        return refused("20001", "invalid bill_type");
    }
    let packed = match call.value("tar_type") {
        None => false,
        Some("GZIP") => true,
        Some(_) => return refused("20001", "invalid tar_type"),
    };
    let is_date = |date: &&str| date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    let Some(date) = call.value("bill_date").filter(is_date) else { return refused("20001", "data format error") };
    let day = [date.get(..4), date.get(4..6), date.get(6..)].map(Option::unwrap_or_default).join("-");
    let Some(DayBounds { to_ms: end, .. }) = bounds(&day) else { return refused("20001", "data format error") };
    if end >= call.now {
        return refused("20002", "Bill Creating");
    }
    let mch_id = &call.merchant.mch_id;
    let mut rows = bill::rows(call.simulator, mch_id, &day).peekable();
    if rows.peek().is_none() {
        return refused("20002", "No Bill Exist");
    }
    let mut plain = Vec::new();
    let written =
        if packed { bill::packed(rows, mch_id) } else { bill::write(rows, mch_id, &mut plain).map(|()| plain) };
    match written {
        Ok(file) => Reply::new(200, "text/plain", file),
        Err(error) => Reply::json_error(500, error.to_string()),
    }
}

fn refused(code: &str, message: &str) -> Reply {
    let fields = [("return_code", "FAIL"), ("return_msg", message), ("error_code", code)];
    let fields: Params = fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Reply::new(200, XML, xml::write(&fields))
}
