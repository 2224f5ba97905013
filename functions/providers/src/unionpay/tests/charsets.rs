//! UnionPay's messages name their encoding, and GBK is one of them.

use domain::{Channel, Outcome};
use encoding_rs::GB18030;

use super::{FORM, MER_ID, QUERY_ID, app, fen, id, key, notify_of, now, response, sign_content};
use crate::{NotifyError, Placed};

/// Characters whose second bytes are `{`, `[`, `}` and `]`.
const ODD: &str = "倇俒亇俔";

fn gbk(text: &str) -> Vec<u8> {
    GB18030.encode(text).0.into_owned()
}

/// A paid order's fields in this encoding, signed over its bytes.
fn paid(encoding: &str, more: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let certificate = key("leaf").replace('\n', "\r\n");
    let first = [
        ("bizType", "000201"),
        ("currencyCode", "156"),
        ("encoding", encoding),
        ("merId", MER_ID),
        ("orderId", id().as_str()),
        ("queryId", QUERY_ID),
        ("reqReserved", ODD),
        ("respCode", "00"),
        ("respMsg", "成功[0000000]"),
        ("signMethod", "01"),
        ("signPubKeyCert", certificate.trim_end()),
        ("txnAmt", "8888"),
        ("txnType", "01"),
    ]
    .map(|(name, value)| (name.to_owned(), gbk(value)));
    let more = more.iter().map(|(name, value)| ((*name).to_owned(), gbk(value)));
    let mut fields: Vec<_> = first.into_iter().chain(more).collect();
    fields.sort();
    let signature = sign_content(joined(&fields));
    fields.push(("signature".to_owned(), signature.into_bytes()));
    fields
}

fn joined(fields: &[(String, Vec<u8>)]) -> Vec<u8> {
    fields.iter().map(|(name, value)| [name.as_bytes(), b"=", value].concat()).collect::<Vec<_>>().join(&b'&')
}

fn form(fields: &[(String, Vec<u8>)]) -> String {
    let encoded = |bytes: &[u8]| form_urlencoded::byte_serialize(bytes).collect::<String>();
    fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

#[test]
fn a_notify_and_a_return_in_gbk_are_verified_over_their_bytes() {
    for encoding in ["GBK", "gb2312", "GB18030", "UTF-8"] {
        let fields = paid(encoding, &[]);
        let notify = notify_of(FORM, form(&fields));
        let report = app().read_notify(Channel::UnipayApp, &notify, now()).unwrap();
        assert_eq!((report.fee, report.outcome), (Some(fen(8888)), Outcome::Paid), "{encoding}");
        assert_eq!(app().read_front_return(&notify, now()).unwrap(), id());
        let forged = form(&fields).replace("txnAmt=8888", "txnAmt=8889");
        let refused = app().read_notify(Channel::UnipayApp, &notify_of(FORM, forged), now()).unwrap_err();
        assert_eq!(refused, NotifyError::BadSignature { field: "signPubKeyCert" });
    }
}

#[test]
fn an_answer_in_gbk_is_cut_between_whole_characters() {
    let id = id();
    let placed = Placed { id: &id, created_at: now(), fee: fen(8888), trade_no: None, channel: Channel::UnipayApp };
    for encoding in ["GBK", "UTF-8"] {
        let fields = paid(encoding, &[("origRespCode", "00"), ("origRespMsg", ODD)]);
        let report = app().read_query(&placed, &response(200, joined(&fields)), now()).unwrap();
        assert_eq!((report.fee, report.outcome), (Some(fen(8888)), Outcome::Paid), "{encoding}");
    }
    let unknown = app().read_query(&placed, &response(200, "encoding=BIG5&respCode=00"), now()).unwrap_err();
    assert!(unknown.to_string().contains("encoding must be utf-8, gbk, gb2312 or gb18030, found BIG5"), "{unknown}");
}
