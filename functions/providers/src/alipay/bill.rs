//! Alipay's bill of a day: the request for it, and its address.

use bytes::Bytes;
use domain::Timestamp;
use http::{Method, Request, Response};

use super::{
    answer::{Answer, busy},
    open_platform::OpenPlatform,
};
use crate::{BillAnswer, BillDownload, BillPacking, MessageProblem, ProviderError, bill::columns::Columns};

const METHOD: &str = "alipay.data.dataservice.bill.downloadurl.query";
const NOTHING: &str = "bill_not_exist";
/// An address with its token is some hundred characters.
const URL_CHARS_MAX: usize = 2048;

/// The columns of `业务明细`.
pub(crate) const COLUMNS: Columns = Columns {
    order: "商户订单号",
    kind: "业务类型",
    paid_fee: &["订单金额(元)"],
    refund_num: "退款批次号/请求号",
    refund_fee: &["订单金额(元)"],
    refund_state: None,
    app: None,
    paid: "交易",
    refunded: "退款",
};

impl OpenPlatform {
    pub(crate) fn bill(&self, day: &str, now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        self.call(METHOD, serde_json::json!({ "bill_type": "trade", "bill_date": day }).to_string(), now)
    }

    pub(crate) fn read_bill(&self, response: &Response<Bytes>) -> Result<BillAnswer, ProviderError> {
        let url = match self.read(METHOD, response)? {
            Answer::Done(members) => members.filled("bill_download_url"),
            Answer::Refused { code, .. } | Answer::Busy { code, .. } if code.ends_with(NOTHING) => {
                return Ok(BillAnswer::Nothing);
            }
            Answer::Refused { code, words, .. } => return Err(ProviderError::Refused { code, words }),
            Answer::Busy { code, words } => return Err(busy(&code, &words)),
        };
        // The address is signed. Plain http is allowed if the gateway itself has it; that is a simulator.
        let scheme = self.gateway.split_once("://").map_or("https", |(scheme, _)| scheme);
        let is_usable = |url: &String| url.len() <= URL_CHARS_MAX && url.starts_with(&format!("{scheme}://"));
        let url = url
            .filter(is_usable)
            .ok_or_else(|| ProviderError::from(MessageProblem::Unusable { field: "address".to_owned() }))?;
        let request = Request::builder().method(Method::GET).uri(url).body(Bytes::new());
        let request = request.map_err(|_| ProviderError::from(MessageProblem::BillAddress))?;
        Ok(BillAnswer::At(Box::new(BillDownload { request, packing: BillPacking::Zip, sha1: None })))
    }
}
