//! The bill of a day: its address, and the file itself.

use std::io::{self, Write};

use serde_json::json;
use sha1::{Digest, Sha1};

use super::super::bill;
use super::super::simulator::Simulator;
use super::{
    Call, Done, Refusal,
    authorization::{self, NotVerified},
};
use crate::kit::answer::Answer;
use crate::kit::bill::{DayBounds, bounds};
use crate::kit::form;
use crate::kit::reply::Reply;
use crate::kit::server::Incoming;

/// `/v3/bill/tradebill?bill_date=…&bill_type=ALL&tar_type=GZIP`
pub(super) fn place(call: &Call<'_>) -> Result<Done, Refusal> {
    let pairs = form::parse(call.request.query()).map_err(|error| Refusal::param("query", error.to_string()))?;
    let find = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    if find("bill_type") != Some("ALL") || find("tar_type") != Some("GZIP") {
        return Err(Refusal::param("bill_type", "must be ALL, with tar_type GZIP"));
    }
    let day = find("bill_date").ok_or_else(|| Refusal::param("bill_date", "is missing"))?;
    let DayBounds { to_ms: end, .. } = bounds(day).ok_or_else(|| Refusal::param("bill_date", "must be yyyy-MM-dd"))?;
    let mch_id = &call.merchant.mch_id;
    let mut rows = bill::rows(call.simulator, mch_id, day).peekable();
    if rows.peek().is_none() || end >= call.now {
        return Err(Refusal::new(400, "NO_STATEMENT_EXIST", "账单文件不存在"));
    }
    let mut digest = Digesting(Sha1::new());
    if let Err(error) = bill::write(rows, mch_id, &mut digest) {
        return Err(Refusal::new(500, "SYSTEM_ERROR", error.to_string()));
    }
    let hash: String = digest.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let url = format!("{}/v3/billdownload/file?token={mch_id}.{day}", call.simulator.url("")).replace("//v3", "/v3");
    Ok(Done::ok(json!({ "hash_type": "SHA1", "hash_value": hash, "download_url": url })))
}

/// `/v3/billdownload/file?token=…`: the request is signed as any call; the answer is not signed.
pub(in super::super) fn download(simulator: &Simulator, request: &Incoming) -> Answer {
    if let Err(NotVerified { refusal, .. }) = authorization::verify(simulator.merchants(), request, simulator.now()) {
        return Reply::json_error(refusal.status, refusal.message).into();
    }
    let token = request.query().strip_prefix("token=").and_then(|token| token.split_once('.'));
    let Some((mch_id, day)) = token.filter(|(_, day)| bounds(day).is_some()) else {
        return Reply::json_error(404, "no such bill").into();
    };
    match bill::packed(bill::rows(simulator, mch_id, day), mch_id) {
        Ok(file) => Reply::new(200, "application/gzip", file).into(),
        Err(error) => Reply::json_error(500, error.to_string()).into(),
    }
}

/// Hashes everything that is written.
struct Digesting(Sha1);

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
