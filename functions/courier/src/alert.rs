//! To the robots of WeCom, DingTalk and Feishu, and to topics of SNS. A robot says in its body whether it took a message: the status is 200
//! either way.

use std::time::Duration;

use bytes::Bytes;
use domain::{AlertKind, AlertTarget, Timestamp, dingtalk_signature, feishu_signature};
use http::{Method, header::CONTENT_TYPE};
use outbound::{Bounds, Outbound, Topics};
use serde_json::{Value, json};

use crate::{AlertProblem, http_target::why_unanswered};

/// A sweep sends its alerts within the minute that it has.
const DEADLINE: Duration = Duration::from_secs(5);

const BOUNDS: Bounds = Bounds { deadline: DEADLINE, body_bytes_max: 16 * 1024 };

/// What is kept of the words of a robot.
const WORDS_CHARS_MAX: usize = 160;

/// A subject must be ASCII.
const SUBJECT: &str = "MaxPay alert";

/// The ways to people. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AlertWays {
    /// To robots, guarded.
    pub outbound: Outbound,
    /// To topics.
    pub topics: Topics,
}

/// Sends a text once.
///
/// # Errors
/// [`AlertProblem`]: it did not arrive, or it is not known.
pub async fn tell(ways: &AlertWays, target: &AlertTarget, text: &str, now: Timestamp) -> Result<(), AlertProblem> {
    if target.kind == AlertKind::Sns {
        let published = ways.topics.publish(target.address.public(), SUBJECT, text, DEADLINE).await;
        return published
            .map_err(|error| error.code.map_or(AlertProblem::NoTopic, |code| AlertProblem::Topic { code }));
    }
    let request = request(target, text, now).ok_or(AlertProblem::Address)?;
    match ways.outbound.send_and_cut(request, BOUNDS).await {
        Ok(answer) => judge(target, &answer),
        Err(error) => Err(AlertProblem::Unanswered { why: why_unanswered(&error) }),
    }
}

/// `None` if the address or the secret cannot be used.
fn request(target: &AlertTarget, text: &str, now: Timestamp) -> Option<http::Request<Bytes>> {
    let mut url = target.address.whole().expose().clone();
    let body = match target.kind {
        AlertKind::Wecom => json!({ "msgtype": "text", "text": { "content": text } }),
        AlertKind::Dingtalk => {
            if let Some(secret) = &target.secret {
                let sign = dingtalk_signature(secret, now)?;
                // In a query, these signs of base64 stand for others.
                let sign = sign.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
                url = format!("{url}&timestamp={}&sign={sign}", now.ms());
            }
            json!({ "msgtype": "text", "text": { "content": text } })
        }
        AlertKind::Feishu => {
            let plain = json!({ "msg_type": "text", "content": { "text": text } });
            match &target.secret {
                Some(secret) => {
                    let sign = feishu_signature(secret, now)?;
                    let signed = [("timestamp", now.seconds().to_string()), ("sign", sign)];
                    let members = signed.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
                    Value::Object(plain.as_object()?.clone().into_iter().chain(members).collect())
                }
                None => plain,
            }
        }
        AlertKind::Sns => return None,
    };
    let request = http::Request::builder().method(Method::POST).uri(url).header(CONTENT_TYPE, "application/json");
    request.body(Bytes::from(body.to_string())).ok()
}

/// WeCom and DingTalk answer `{"errcode":0,"errmsg":"ok"}`, Feishu `{"code":0,"msg":"success"}`.
fn judge(target: &AlertTarget, answer: &http::Response<Bytes>) -> Result<(), AlertProblem> {
    let status = answer.status();
    let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let (code, words) = match target.kind {
        AlertKind::Feishu => ("code", "msg"),
        AlertKind::Wecom | AlertKind::Dingtalk | AlertKind::Sns => ("errcode", "errmsg"),
    };
    match said.get(code).and_then(Value::as_i64) {
        Some(0) if status.is_success() => Ok(()),
        Some(code) => {
            let words = said.get(words).and_then(Value::as_str).unwrap_or_default();
            // What a robot says about an address may repeat it.
            let words = words.replace(target.address.token().expose(), "***");
            let words = words.chars().take(WORDS_CHARS_MAX).collect();
            Err(AlertProblem::Refused { code: code.to_string(), words })
        }
        None if status.is_success() => Err(AlertProblem::Unclear),
        None => Err(AlertProblem::Status { status: status.as_u16() }),
    }
}

#[cfg(test)]
mod tests {
    use domain::{AlertAddress, AlertLanguage, AlertTargetId, Mode, Secret};

    use super::*;

    fn target(kind: AlertKind, address: &str, secret: Option<&str>) -> AlertTarget {
        AlertTarget {
            id: AlertTargetId::parse("01a208d05240070707070707").unwrap(),
            kind,
            address: AlertAddress::parse(kind, address, None).unwrap(),
            secret: secret.map(|secret| Secret::new(secret.to_owned())),
            mode: Mode::Live,
            language: AlertLanguage::Zh,
            causes: Vec::new(),
            since: Timestamp::clamped(0),
        }
    }

    #[test]
    fn each_robot_gets_its_own_form() {
        let now = Timestamp::clamped(1_795_444_200_123);
        let sent = |target: &AlertTarget| {
            let request = request(target, "茶", now).unwrap();
            (request.uri().to_string(), serde_json::from_slice::<Value>(request.body()).unwrap())
        };
        let wecom = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k";
        let text = json!({ "msgtype": "text", "text": { "content": "茶" } });
        assert_eq!(sent(&target(AlertKind::Wecom, wecom, None)), (wecom.to_owned(), text.clone()));
        let dingtalk = "https://oapi.dingtalk.com/robot/send?access_token=t";
        assert_eq!(sent(&target(AlertKind::Dingtalk, dingtalk, None)), (dingtalk.to_owned(), text.clone()));
        let (url, body) = sent(&target(AlertKind::Dingtalk, dingtalk, Some("SEC0f1e2d")));
        let (before, sign) = url.split_once("&sign=").unwrap();
        assert_eq!((before, body), (format!("{dingtalk}&timestamp=1795444200123").as_str(), text));
        assert!(sign.ends_with("%3D") && !sign.contains(['+', '/', '=']), "{sign}");
        let feishu = "https://open.feishu.cn/open-apis/bot/v2/hook/h";
        let plain = json!({ "msg_type": "text", "content": { "text": "茶" } });
        assert_eq!(sent(&target(AlertKind::Feishu, feishu, None)), (feishu.to_owned(), plain));
        let (_, body) = sent(&target(AlertKind::Feishu, feishu, Some("SEC0f1e2d")));
        assert_eq!((&body["timestamp"], body["sign"].as_str().map(str::len)), (&json!("1795444200"), Some(44)));
    }

    #[test]
    #[rustfmt::skip]
    fn the_body_says_whether_a_robot_took_it() {
        const WECOM: (AlertKind, &str) = (AlertKind::Wecom, "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=kk");
        const FEISHU: (AlertKind, &str) = (AlertKind::Feishu, "https://open.feishu.cn/open-apis/bot/v2/hook/hh");
        const CASES: &[((AlertKind, &str), u16, &str, &str)] = &[
            (WECOM,  200, r#"{"errcode":0,"errmsg":"ok"}"#,                     ""),
            (WECOM,  200, r#"{"errcode":93000,"errmsg":"invalid webhook kk"}"#, "refused with 93000: invalid webhook ***"),
            (WECOM,  200, r#"{"code":0}"#,                                      "the answer is none of a robot"),
            (WECOM,  200, "ok",                                                 "the answer is none of a robot"),
            (WECOM,  502, "bad gateway",                                        "HTTP 502"),
            (FEISHU, 200, r#"{"code":0,"msg":"success","data":{}}"#,            ""),
            (FEISHU, 400, r#"{"code":19021,"msg":"sign match fail"}"#,          "refused with 19021: sign match fail"),
            (FEISHU, 200, r#"{"errcode":0}"#,                                   "the answer is none of a robot"),
        ];
        for ((kind, address), status, body, expect) in CASES {
            let answer = http::Response::builder().status(*status).body(Bytes::from_static(body.as_bytes())).unwrap();
            let judged = judge(&target(*kind, address, None), &answer);
            assert_eq!(judged.err().map(|problem| problem.to_string()).unwrap_or_default(), *expect, "{body}");
        }
    }
}
