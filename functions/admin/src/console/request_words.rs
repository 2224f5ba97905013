//! Fields of requests that the console makes, and what is expected of them, in Chinese. The API says both in English.

/// The name of a field, as the console's pages call it.
pub(crate) fn field(name: &str) -> Option<&'static str> {
    Some(match name {
        "billNum" => "商户订单号",
        "totalFee" => "金额",
        "subject" => "商品",
        "extras" => "自定义内容",
        "returnUrl" => "付款后跳回的网址",
        "cancelUrl" => "取消后跳回的网址",
        "expiresIn" => "有效时间",
        "locale" => "页面语言",
        "channels" | "channel" => "渠道",
        "refundNum" => "退款单号",
        "refundFee" => "退款金额",
        "reason" => "退款原因",
        "id" => "平台交易号",
        _ => return None,
    })
}

/// What a field must be.
pub(crate) fn expected(english: &str) -> Option<&'static str> {
    Some(match english {
        "a string of 1 to 64 characters without control characters" => "1 到 64 个字符，不能有控制字符",
        "a string of 1 to 80 characters without control characters" => "1 到 80 个字符，不能有控制字符",
        "a string of 1 to 32 letters, digits and the signs _ - | * @" => "1 到 32 个字母、数字或 _ - | * @",
        "a string of 1 to 256 characters without control characters, not all of them blanks" => {
            "1 到 256 个字符，不能有控制字符，也不能全是空格"
        }
        "an integer from 1 to 10000000000, in fen" => "1 到 10000000000 的整数，单位分",
        "an integer from 300 to 86400, in seconds" => "300 到 86400 的整数，单位秒",
        "the id of a transaction, 24 hex digits" => "24 位十六进制的平台交易号",
        "an http or https URL of at most 256 characters, percent-encoded" => "不超过 256 个字符的 http 或 https 网址",
        "a JSON object of at most 8192 bytes, nested at most 32 deep, without names that begin with U+0000" => {
            "不超过 8192 字节、最多嵌套 32 层的 JSON 对象"
        }
        "a list of at most 20 names of channels" => "最多 20 个渠道",
        "zh-CN or en" => "zh-CN 或 en",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use domain::RefundRequest;

    use super::super::{preferences::Language, problems};
    use crate::api::problem::Problem;

    /// A field that is new, or other words for what it must be, need their Chinese here.
    #[test]
    fn each_wrong_field_of_a_refund_is_said_in_chinese_alone() {
        let good = r#"{"billNum":"1","refundNum":"R","refundFee":1,"id":"01a208d05240070707070707","reason":"x"}"#;
        assert!(RefundRequest::parse(good.as_bytes()).is_ok());
        for wrong in [
            good.replace("\"1\"", "7"),
            good.replace("\"R\"", "\"茶\""),
            good.replace("\"refundFee\":1", "\"refundFee\":0"),
            good.replace("01a208d05240070707070707", "7"),
            good.replace("\"x\"", "\"\""),
            "{}".to_owned(),
        ] {
            let problem = Problem::from(RefundRequest::parse(wrong.as_bytes()).unwrap_err());
            let said = problems::say(Language::Zh, &problem);
            for english in ["refund", "bill", "reason", "string", "integer", "id"] {
                assert!(!said.contains(english), "{said}");
            }
        }
    }
}
