//! Response codes and their texts.

/// Money moved.
pub(super) const SUCCESS: &str = "00";
/// Money moved, with a defect that UnionPay and the issuer resolve between them.
pub(super) const SUCCESS_WITH_DEFECT: &str = "A6";
/// Not known yet: the merchant must query again.
pub(super) const UNKNOWN: &[&str] = &["03", "04", "05"];

pub(super) const FORMAT: &str = "10";
pub(super) const SIGNATURE: &str = "11";
pub(super) const DUPLICATE: &str = "12";
pub(super) const MISSING: &str = "13";
pub(super) const MERCHANT: &str = "31";
pub(super) const NOT_FOUND: &str = "34";
pub(super) const ORIGINAL: &str = "35";
pub(super) const DIFFERS: &str = "36";
pub(super) const OUT_OF_TIME: &str = "39";
/// There is no file of that day.
pub(super) const NO_FILE: &str = "98";
/// Usually about a payer's card. The code for a merchant's balance is not documented.
pub(super) const BALANCE: &str = "64";

/// Code, text, and the seven digits in brackets after it.
///
/// Of the digits only `0000000` and `9100004` are known from UnionPay; the others are this simulator's own.
const TEXTS: &[(&str, &str, &str)] = &[
    ("00", "成功", "0000000"),
    ("03", "交易通讯超时，请发起查询交易", "6100003"),
    ("04", "交易状态未明，请查询对账结果", "6100004"),
    ("05", "交易已受理，请稍后查询交易结果", "6100005"),
    ("10", "报文格式错误", "6100010"),
    ("11", "Signature verification failed", "9100004"),
    ("12", "重复交易", "6100012"),
    ("13", "报文交易要素缺失", "6100013"),
    ("31", "商户状态不正确", "6100031"),
    ("34", "查无此交易", "6100034"),
    ("35", "原交易不存在或状态不正确", "6100035"),
    ("36", "与原交易信息不符", "6100036"),
    ("39", "交易不在受理时间范围内", "6100039"),
    ("60", "交易失败，详情请咨询您的发卡行", "6100060"),
    ("64", "卡内余额不足", "6100064"),
    ("98", "文件不存在", "6100098"),
    ("A6", "有缺陷的成功", "0000006"),
];

/// Why a message is refused: a code, and an explanation for people that contains nothing of the message itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) why: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, why: impl Into<String>) -> Self {
        Self { code, why: why.into() }
    }

    /// `respMsg` of the refusal.
    pub(super) fn message(&self) -> String {
        let (text, digits) = text_of(self.code);
        if self.why.is_empty() { format!("{text}[{digits}]") } else { format!("{text}: {}[{digits}]", self.why) }
    }
}

/// `respMsg` of a code: a text that ends with seven digits in brackets.
pub(super) fn message(code: &str) -> String {
    let (text, digits) = text_of(code);
    format!("{text}[{digits}]")
}

/// True if money moved.
pub(super) fn is_success(code: &str) -> bool {
    code == SUCCESS || code == SUCCESS_WITH_DEFECT
}

fn text_of(code: &str) -> (&'static str, &'static str) {
    TEXTS
        .iter()
        .find(|(known, _, _)| *known == code)
        .map_or(("交易失败", "6100001"), |(_, text, digits)| (*text, *digits))
}
