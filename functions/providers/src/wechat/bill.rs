//! WeChat Pay's bill of a day (v3): asked for, and where it lies.

use bytes::Bytes;
use http::{Method, Request, Response};

use super::{
    answer::{self, Answer},
    v3::V3,
};
use crate::{
    BillAnswer, BillDownload, BillPacking, Moment, ProviderError,
    bill::{Columns, RefundStates},
};

const NOTHING: &str = "NO_STATEMENT_EXIST";
/// An address with its token is some hundred characters.
const URL_CHARS_MAX: usize = 2048;

/// The columns of the bill `ALL`.
pub(crate) const COLUMNS: Columns = Columns {
    order: "商户订单号",
    kind: "交易状态",
    paid_fee: "订单金额",
    refund_num: "商户退款单号",
    refund_fee: "申请退款金额",
    refund_state: Some(RefundStates { column: "退款状态", done: "SUCCESS", failed: &["FAIL", "REFUNDCLOSE"] }),
    app: Some("公众账号ID"),
    paid: "SUCCESS",
    refunded: "REFUND",
    free: "商品名称",
    separator: ",`",
};

impl V3 {
    pub(crate) fn bill(&self, day: &str, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        let path = format!("/v3/bill/tradebill?bill_date={day}&bill_type=ALL&tar_type=GZIP");
        self.request(Method::GET, &path, String::new(), moment)
    }

    /// The file itself is not signed; its hash is, here.
    pub(crate) fn read_bill(&self, response: &Response<Bytes>, moment: &Moment) -> Result<BillAnswer, ProviderError> {
        let members = match answer::read(response, &self.keys, moment.now)? {
            Answer::Done(members) => members,
            Answer::Empty => return Err(ProviderError::unclear("a bill without content")),
            Answer::Refused(refusal) if refusal.code == NOTHING => return Ok(BillAnswer::Nothing),
            Answer::Refused(refusal) => return Err(refusal.into()),
        };
        if members.filled("hash_type").as_deref() != Some("SHA1") {
            return Err(ProviderError::unclear("hash_type is another than SHA1"));
        }
        let unusable = || ProviderError::unclear("a success without a usable hash_value and download_url");
        let sha1 = members.filled("hash_value").filter(|hash| hash.len() == 40).ok_or_else(unusable)?;
        let url = members.filled("download_url").filter(|url| url.len() <= URL_CHARS_MAX).ok_or_else(unusable)?;
        let scheme = self.gateway.split_once("://").map_or("https", |(scheme, _)| scheme);
        if !url.starts_with(&format!("{scheme}://")) {
            return Err(unusable());
        }
        let request = self.request_to(Method::GET, &url, String::new(), moment)?;
        Ok(BillAnswer::At(Box::new(BillDownload { request, packing: BillPacking::GzipUtf8, sha1: Some(sha1) })))
    }
}
