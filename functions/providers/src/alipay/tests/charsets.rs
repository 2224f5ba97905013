//! Alipay also uses GBK: for old partners, and sometimes although UTF-8 was requested.

use domain::{Channel, Outcome, Secret};
use encoding_rs::GB18030;
use serde_json::json;

use super::{
    APP_ID, SELLER_ID, account, alipay_sign, certificate_mode, fen, id, key, notify, now, open, placed, response,
};
use crate::{NotifyError, ProviderError, alipay::mapi::md5_sign};

const FORM: &str = "application/x-www-form-urlencoded; text/html; charset=GBK";
const MD5_KEY: &str = "5zmc2pn36i4oy71e57wcxp0ucwwmxtqp";
/// Characters whose second bytes are `\`, `}`, `]`, `{` and `|`, and one of four bytes.
const ODD: &str = "乗亇俔倇倈😀";

fn gbk(text: &str) -> Vec<u8> {
    GB18030.encode(text).0.into_owned()
}

/// The signed content of fields in the given order, which must be that of their names.
fn joined(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    fields.iter().map(|(name, value)| [name.as_bytes(), b"=", value].concat()).collect::<Vec<_>>().join(&b'&')
}

fn form(fields: &[(&str, Vec<u8>)]) -> String {
    let encoded = |bytes: &[u8]| form_urlencoded::byte_serialize(bytes).collect::<String>();
    fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

/// The fields of a payment's notify that names `charset`; these bytes are its subject.
fn paid(charset: &str, subject: Vec<u8>) -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("app_id", text(APP_ID)),
        ("charset", text(charset)),
        ("gmt_payment", text("2026-02-01 10:00:05")),
        ("out_trade_no", text(id().as_str())),
        ("refund_fee", text("0.40")),
        ("seller_id", text(SELLER_ID)),
        ("subject", subject),
        ("total_amount", text("88.88")),
        ("trade_status", text("TRADE_SUCCESS")),
    ]
}

fn signed(fields: &[(&str, Vec<u8>)]) -> String {
    format!(
        "{}&{}",
        form(fields),
        form(&[("sign_type", b"RSA2".to_vec()), ("sign", alipay_sign(joined(fields)).into())])
    )
}

#[test]
fn a_notify_is_verified_over_its_bytes_and_read_by_its_charset() {
    for charset in ["GBK", "gbk", "gb2312", "GB18030", "utf-8", ""] {
        for subject in [gbk("绿茶"), gbk(ODD), "绿茶".into(), b"a\xa3\xa0\x80".to_vec()] {
            let body = signed(&paid(charset, subject));
            let report = account().read_notify(Channel::AliApp, &notify(FORM, body), now()).unwrap();
            assert_eq!(
                (report.order.as_str(), report.outcome),
                (id().as_str(), Outcome::Refunded(fen(40))),
                "{charset}"
            );
        }
    }
    // The same text in other bytes is not what was signed.
    let body =
        signed(&paid("GBK", gbk("绿茶"))).replace(&form(&[("subject", gbk("绿茶"))]), "subject=%E7%BB%BF%E8%8C%B6");
    let forged = account().read_notify(Channel::AliApp, &notify(FORM, body), now());
    assert_eq!(forged.unwrap_err(), NotifyError::BadSignature { field: "alipayPublicKey" });
}

#[test]
fn the_number_of_a_notifys_certificate_may_stand_outside_of_what_is_signed() {
    let account = open(&certificate_mode()).unwrap();
    let number = ("alipay_cert_sn", key("alipay_cert_sn").as_bytes().to_vec());
    let read = |body: String| account.read_notify(Channel::AliApp, &notify(FORM, body), now());
    let within: Vec<_> = [number.clone()].into_iter().chain(paid("utf-8", b"tea".into())).collect();
    let outside = format!("{}&{}", signed(&paid("utf-8", b"tea".into())), form(&[number]));
    assert_eq!(read(signed(&within)).unwrap(), read(outside.clone()).unwrap());
    // No other field may be left out or added.
    for forged in [
        outside.clone() + "&extra=1",
        outside.clone() + "&alipay_root_cert_sn=1",
        outside.replace("88.88", "88.89"),
        outside.replace("&refund_fee=0.40", ""),
        signed(&within).replace(&form(&[("alipay_cert_sn", key("alipay_cert_sn").into())]), "alipay_cert_sn=1"),
    ] {
        assert_eq!(read(forged).unwrap_err(), NotifyError::BadSignature { field: "alipayCert" });
    }
}

#[test]
fn an_old_partners_notify_in_gbk_is_verified_over_its_bytes() {
    let account =
        open(json!({"protocol": "mapi", "partner": SELLER_ID, "md5Key": MD5_KEY}).as_object().unwrap()).unwrap();
    for charset in ["GBK", "gb2312", "utf-8"] {
        let mut fields = paid("", gbk(ODD));
        fields.retain(|(name, _)| !["charset", "app_id", "total_amount"].contains(name));
        fields.insert(0, ("_input_charset", charset.into()));
        fields.extend([("total_fee", b"88.88".to_vec())]);
        fields.sort();
        let sign = md5_sign(joined(&fields), &Secret::new(MD5_KEY.to_owned()));
        let body = format!("{}&sign_type=MD5&sign={sign}", form(&fields));
        let report = account.read_notify(Channel::AliApp, &notify(FORM, body), now()).unwrap();
        assert_eq!((report.fee, report.outcome), (Some(fen(8888)), Outcome::Refunded(fen(40))), "{charset}");
    }
    let refused = account.read_notify(Channel::AliApp, &notify(FORM, "_input_charset=big5&sign=x"), now()).unwrap_err();
    assert!(
        refused.to_string().contains("_input_charset must be utf-8, gbk, gb2312 or gb18030, found big5"),
        "{refused}"
    );
}

/// A signed answer of the open platform in these bytes.
fn answer(node: &[u8], content_type: &str) -> http::Response<bytes::Bytes> {
    let sign = alipay_sign(node);
    let body = [b"{\"alipay_trade_query_response\":", node, b",\"sign\":\"", sign.as_bytes(), b"\"}"].concat();
    let mut answer = response(200, body);
    answer.headers_mut().insert("content-type", content_type.parse().unwrap());
    answer
}

#[test]
fn an_answer_is_cut_and_read_in_gbk() {
    for content_type in ["text/html;charset=GBK", "text/html;charset=utf-8", "text/html", "text/html;charset=latin1"] {
        let read = |node: &str| account().read_query(&placed(&id()), &answer(&gbk(node), content_type), now());
        let refused = read(&format!(
            "{{\"code\":\"40004\",\"msg\":\"Business Failed\",\"sub_code\":\"ACQ.EXIST_FORBIDDEN_WORD\",\"sub_msg\":\"订单信息{ODD}\"}}"
        ));
        let code = "ACQ.EXIST_FORBIDDEN_WORD".to_owned();
        let words = format!("订单信息{ODD}");
        assert_eq!(refused.unwrap_err(), ProviderError::Refused { code, words }, "{content_type}");
        let paid = "\"out_trade_no\":\"N1\",\"total_amount\":\"88.88\",\"trade_status\":\"TRADE_SUCCESS\"";
        let report = read(&format!("{{\"code\":\"10000\",\"subject\":\"{ODD}\",{paid},\"body\":\"{ODD}\"}}")).unwrap();
        assert_eq!((report.order.as_str(), report.outcome), ("N1", Outcome::Paid), "{content_type}");
    }
    let broken = account().read_query(&placed(&id()), &answer(b"{\"code\":\"\xff\"}", "text/html"), now()).unwrap_err();
    assert!(broken.to_string().contains("neither UTF-8 nor GB18030"), "{broken}");
}

#[test]
fn an_old_partners_answer_is_read_by_the_encoding_of_its_xml() {
    let account =
        open(json!({"protocol": "mapi", "partner": SELLER_ID, "md5Key": MD5_KEY}).as_object().unwrap()).unwrap();
    let subjects =
        [(gbk(ODD), gbk(ODD)), (b"a\xa3\xa0&amp;&#x4e2d;".to_vec(), [b"a\xa3\xa0&".to_vec(), gbk("中")].concat())];
    for encoding in ["GBK", "gb2312", "utf-8"] {
        for (written, signed) in &subjects {
            let text = |text: &str| text.as_bytes().to_vec();
            let order = ("out_trade_no", text(id().as_str()));
            let (fee, status) = (("total_fee", text("88.88")), ("trade_status", text("TRADE_SUCCESS")));
            let content = joined(&[order.clone(), ("subject", signed.clone()), fee.clone(), status.clone()]);
            let elements: Vec<u8> = [order, ("subject", written.clone()), fee, status]
                .iter()
                .flat_map(|(name, value)| {
                    [format!("<{name}>").into_bytes(), value.clone(), format!("</{name}>").into()].concat()
                })
                .collect();
            let sign = md5_sign(content, &Secret::new(MD5_KEY.to_owned()));
            let head = format!(
                "<?xml version=\"1.0\" encoding=\"{encoding}\"?><alipay><is_success>T</is_success><response><trade>"
            );
            let tail = format!("</trade></response><sign>{sign}</sign><sign_type>MD5</sign_type></alipay>");
            let body = [head.as_bytes(), &elements, tail.as_bytes()].concat();
            let report = account.read_query(&placed(&id()), &response(200, body), now()).unwrap();
            assert_eq!((report.order.as_str(), report.outcome), (id().as_str(), Outcome::Paid), "{encoding}");
        }
    }
}
