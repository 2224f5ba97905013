//! WeChat Pay's bill of a day: the request for it, and its address (v3) or the file itself (v2). Both have the same columns.

use bytes::Bytes;
use domain::Channel;
use http::{Method, Request, Response, StatusCode};

use super::{
    answer::{self, Answer},
    fields::Fields,
    v2::V2,
    v3::V3,
};
use crate::{
    BillAnswer, BillDownload, BillPacking, MessageProblem, Moment, ProviderError,
    bill::columns::{Columns, RefundStates},
    error::words,
};

const NOTHING: &str = "NO_STATEMENT_EXIST";
/// v2's `return_msg` for a day without trades. The documentation spells it differently. `Bill Creating` means that the bill is not
/// made yet.
const NOTHING_V2: &str = "No Bill Exist";
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
/// An address with its token is some hundred characters.
const URL_CHARS_MAX: usize = 2048;

/// The columns of the bill `ALL`.
pub(crate) const COLUMNS: Columns = Columns {
    order: "商户订单号",
    kind: "交易状态",
    paid_fee: &["订单金额", "总金额"],
    refund_num: "商户退款单号",
    refund_fee: &["申请退款金额", "退款金额"],
    refund_state: Some(RefundStates { column: "退款状态", done: "SUCCESS", failed: &["FAIL", "REFUNDCLOSE"] }),
    app: Some("公众账号ID"),
    paid: "SUCCESS",
    refunded: "REFUND",
};

impl V3 {
    pub(crate) fn bill(&self, day: &str, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        let path = format!("/v3/bill/tradebill?bill_date={day}&bill_type=ALL&tar_type=GZIP");
        self.request(Method::GET, &path, String::new(), moment)
    }

    /// The file itself is not signed. Its hash is, in this answer.
    pub(crate) fn read_bill(&self, response: &Response<Bytes>, moment: &Moment) -> Result<BillAnswer, ProviderError> {
        let members = match answer::read(response, &self.keys, moment.now)? {
            Answer::Done(members) => members,
            Answer::Empty => return Err(ProviderError::from(MessageProblem::EmptyBill)),
            Answer::Refused(refusal) if refusal.code == NOTHING => return Ok(BillAnswer::Nothing),
            Answer::Refused(refusal) => return Err(refusal.into()),
        };
        if members.filled("hash_type").as_deref() != Some("SHA1") {
            return Err(ProviderError::from(MessageProblem::BillHash));
        }
        let unusable =
            || ProviderError::from(MessageProblem::Unusable { field: "hash_value and download_url".to_owned() });
        let sha1 = members.filled("hash_value").filter(|hash| hash.len() == 40).ok_or_else(unusable)?;
        let url = members.filled("download_url").filter(|url| url.len() <= URL_CHARS_MAX).ok_or_else(unusable)?;
        let scheme = self.gateway.split_once("://").map_or("https", |(scheme, _)| scheme);
        if !url.starts_with(&format!("{scheme}://")) {
            return Err(unusable());
        }
        let request = self.request_to(Method::GET, &url, String::new(), moment)?;
        Ok(BillAnswer::At(Box::new(BillDownload { request, packing: BillPacking::Gzip, sha1: Some(sha1) })))
    }
}

impl V2 {
    /// Asks for the file itself. `day` is `2026-11-23`.
    pub(crate) fn bill(&self, day: &str, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        let fields =
            vec![("bill_date", day.replace('-', "")), ("bill_type", "ALL".to_owned()), ("tar_type", "GZIP".to_owned())];
        // The bill is the merchant's: the app of this tab only names who asks.
        self.request("/pay/downloadbill", Channel::WxJsapi, fields, moment)
    }

    /// The answer is the file, without signature and hash, or XML that says why there is no file.
    ///
    /// # Source
    /// `/pay/downloadbill`. The real values of `return_msg` are from WxJava's list of these answers.
    pub(crate) fn read_bill(response: &Response<Bytes>) -> Result<BillAnswer, ProviderError> {
        if response.status() != StatusCode::OK {
            return Err(ProviderError::from(MessageProblem::Http { status: response.status().as_u16() }));
        }
        let file = response.body().clone();
        if file.starts_with(GZIP_MAGIC) {
            return Ok(BillAnswer::Here { file, packing: BillPacking::Gzip });
        }
        if !file.trim_ascii_start().starts_with(b"<") {
            return Ok(BillAnswer::Here { file, packing: BillPacking::Plain });
        }
        let fields = Fields::parse(&file).map_err(ProviderError::from)?;
        let text = |field| words(fields.filled(field).unwrap_or_default());
        if text("return_msg").eq_ignore_ascii_case(NOTHING_V2) {
            return Ok(BillAnswer::Nothing);
        }
        Err(ProviderError::Refused { code: text("error_code"), words: text("return_msg") })
    }
}
