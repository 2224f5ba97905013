//! What a webhook is sent: the body of the contract with its `sign`, and the headers of Standard Webhooks.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::{
    App, Delivery, Event, Extras, Key, Mode, RotatingKey, Status, Timestamp, Transaction,
    webhook::{Shown, Telling},
};

/// The prefix of a webhook's secret; what follows is base64.
const SECRET_PREFIX: &str = "whsec_";

/// The headers that are ours. The merchant's own headers may not replace them, and may not speak of the connection.
const RESERVED_HEADERS: [&str; 10] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a header is reserved, so that the merchant cannot set it.
pub fn is_reserved_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED_HEADERS.contains(&name.as_str()) || name.starts_with("webhook-")
}

/// The body for a delivery's transaction, sent at `now`. It says what happened: a payment stays a payment, and a closing a closing, even if
/// the bill changed before the last attempt. Other events show the bill as it is.
///
/// The members are the contract's, in the order of their names. `extras` is exactly what the merchant sent, and `{}` if nothing was sent.
/// `endTime` is absent until the payment ended. Events that the contract does not know also have `event`, and members for what they are
/// about.
///
/// # Source
/// MaxPay manual, webhooks.
pub fn webhook_body(delivery: &Delivery, transaction: &Transaction, app: &App, now: Timestamp) -> String {
    let event = delivery.id.event;
    let (status, ended_at) = match event.telling().bill {
        Shown::Paid => (Status::Success, transaction.ended_at),
        // The closing and its delivery were written at the same moment. By now the row may show a later payment.
        Shown::Closed => (Status::Closed, Some(delivery.created_at)),
        Shown::AsItIs => (transaction.status, transaction.ended_at),
    };
    let told = Transaction { status, ended_at, ..transaction.clone() };
    body(&told, event, &delivery.members, app, now)
}

/// The body of a test: a made-up payment of one fen, whose `createdTime` is 0.
pub fn sample_body(event: Event, app: &App, mode: Mode, now: Timestamp) -> String {
    let text = |text: &str| Value::from(text).to_string();
    let Telling { bill, sample } = event.telling();
    let status = match bill {
        Shown::Paid | Shown::AsItIs => Status::Success,
        Shown::Closed => Status::Closed,
    };
    let mut members = vec![
        ("appid".to_owned(), text(app.id.as_str())),
        ("billNum".to_owned(), text("sample")),
        ("channel".to_owned(), text("ali_web")),
        ("createdTime".to_owned(), "0".to_owned()),
        ("currency".to_owned(), text("CNY")),
        ("endTime".to_owned(), "0".to_owned()),
        ("extras".to_owned(), "{}".to_owned()),
        ("id".to_owned(), text("000000000000000000000000")),
        ("sign".to_owned(), text(&sign(app, mode, now))),
        ("status".to_owned(), text(status.name())),
        ("timestamp".to_owned(), now.ms().to_string()),
        ("totalFee".to_owned(), "1".to_owned()),
    ];
    if event != Event::PaymentSuccess {
        members.push(("event".to_owned(), text(event.name())));
    }
    members.extend(sample.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    object(members)
}

fn body(transaction: &Transaction, event: Event, about: &Map<String, Value>, app: &App, now: Timestamp) -> String {
    let key = &transaction.key;
    let text = |text: &str| Value::from(text).to_string();
    let mut members = vec![
        ("appid".to_owned(), text(key.app.as_str())),
        ("billNum".to_owned(), text(key.bill.as_str())),
        ("channel".to_owned(), text(key.channel.name())),
        ("createdTime".to_owned(), transaction.created_at.ms().to_string()),
        ("currency".to_owned(), text("CNY")),
        ("extras".to_owned(), transaction.extras.as_ref().map_or("{}", Extras::as_json).to_owned()),
        ("id".to_owned(), text(transaction.id.as_str())),
        ("sign".to_owned(), text(&sign(app, key.mode, now))),
        ("status".to_owned(), text(transaction.status.name())),
        ("timestamp".to_owned(), now.ms().to_string()),
        ("totalFee".to_owned(), transaction.fee.get().to_string()),
    ];
    members.extend(transaction.ended_at.map(|ended_at| ("endTime".to_owned(), ended_at.ms().to_string())));
    if event != Event::PaymentSuccess {
        members.push(("event".to_owned(), text(event.name())));
    }
    for (name, value) in about {
        if !members.iter().any(|(taken, _)| taken == name) {
            members.push((name.clone(), value.to_string()));
        }
    }
    object(members)
}

/// A JSON object of members whose values are JSON already. `extras` must not go through a parser, which would write it anew.
fn object(mut members: Vec<(String, String)>) -> String {
    members.sort();
    let members: Vec<String> =
        members.into_iter().map(|(name, value)| format!("{}:{value}", Value::from(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// `md5hex(appid + masterKey + timestamp)`, lower case, with the current master key.
fn sign(app: &App, mode: Mode, now: Timestamp) -> String {
    let key: &Key = &app.keys(mode).master.current;
    let digest = Md5::new()
        .chain_update(app.id.as_str())
        .chain_update(key.expose())
        .chain_update(now.ms().to_string())
        .finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `webhook-signature` of Standard Webhooks: one signature for each secret that is valid at `now`, the current one first, separated by
/// blanks. So a receiver can change its secret at any moment of the grace. `None` if no secret has the form of one.
///
/// # Source
/// The Standard Webhooks specification, "Signature scheme": the header is a list, so that secrets can be rotated.
pub fn standard_signatures(secret: &RotatingKey, id: &str, now: Timestamp, body: &str) -> Option<String> {
    let signatures: Vec<String> =
        secret.valid_at(now).filter_map(|secret| standard_signature(secret, id, now, body)).collect();
    (!signatures.is_empty()).then(|| signatures.join(" "))
}

/// `v1,` and the base64 of the HMAC over `<id>.<seconds>.<body>`.
fn standard_signature(secret: &Key, id: &str, now: Timestamp, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.expose().strip_prefix(SECRET_PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{}.{body}", now.seconds()).as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        About, OccurredEvent, Secret, Status, Webhook, WebhookId, WebhookTarget,
        app::tests::{app, at},
        deliveries,
        transaction::tests::sample,
    };

    fn delivery(event: Event, members: Map<String, Value>) -> Delivery {
        let hook = Webhook {
            id: WebhookId::parse("01a208d05240080808080808").unwrap(),
            mode: Mode::Test,
            events: vec![event],
            target: WebhookTarget::Function("f".to_owned()),
            secret: RotatingKey::new(Secret::new(String::new())),
            created_at: Timestamp::clamped(0),
        };
        let about = About { name: String::new(), members };
        let occurred = OccurredEvent { event, about };
        deliveries(&sample(Status::Success), &occurred, &[hook], Timestamp::clamped(0)).remove(0)
    }

    #[test]
    fn the_body_is_the_contracts_to_the_letter() {
        let mut transaction = sample(Status::Success);
        transaction.extras = Extras::parse(r#"{ "b":1.10, "a":12345678901234567890123 }"#);
        let now = Timestamp::clamped(1_795_444_299_999);
        // printf 568a12086e912100017722e5test-master1795444299999 | md5sum
        assert_eq!(
            webhook_body(&delivery(Event::PaymentSuccess, Map::new()), &transaction, &app(), now),
            r#"{"appid":"568a12086e912100017722e5","billNum":"112233","channel":"ali_web","createdTime":1795444200000,"#
                .to_owned()
                + r#""currency":"CNY","endTime":1795444200000,"extras":{ "b":1.10, "a":12345678901234567890123 },"#
                + r#""id":"01a208d05240070707070707","sign":"f15c1971072372a280c7a055beae6df3","status":"success","#
                + r#""timestamp":1795444299999,"totalFee":9900}"#
        );
    }

    #[test]
    fn other_events_say_what_they_are_and_cannot_replace_a_member() {
        let mut transaction = sample(Status::Success);
        transaction.extras = None;
        transaction.ended_at = None;
        let members = serde_json::json!({ "refundNum": "R1", "refundFee": 100, "totalFee": 1, "sign": "x" });
        let delivery = delivery(Event::RefundSuccess, members.as_object().unwrap().clone());
        let body = webhook_body(&delivery, &transaction, &app(), Timestamp::clamped(1));
        let names: Vec<_> =
            body.split('"').skip(1).step_by(2).filter(|word| body.contains(&format!("\"{word}\":"))).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(names, sorted);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (&body["event"], &body["refundNum"], &body["totalFee"]),
            (&"refund.success".into(), &"R1".into(), &9900.into())
        );
        assert_eq!(
            (&body["extras"], body.get("endTime"), body["sign"].as_str().unwrap().len()),
            (&serde_json::json!({}), None, 32)
        );
    }

    #[test]
    fn an_event_tells_what_happened_and_not_what_became_of_it() {
        let told = |event, status| {
            let mut delivery = delivery(event, Map::new());
            delivery.created_at = Timestamp::clamped(77);
            let body = webhook_body(&delivery, &sample(status), &app(), Timestamp::clamped(1));
            let body: Value = serde_json::from_str(&body).unwrap();
            (body["status"].as_str().unwrap().to_owned(), body["endTime"].as_i64())
        };
        let paid = Some(1_795_444_200_000);
        assert_eq!(told(Event::PaymentSuccess, Status::Refund), ("success".to_owned(), paid));
        assert_eq!(told(Event::PaymentClosed, Status::Success), ("closed".to_owned(), Some(77)));
        assert_eq!(told(Event::RefundSuccess, Status::Refund), ("refund".to_owned(), paid));
    }

    #[test]
    fn a_sample_was_made_at_no_time() {
        for event in Event::ALL {
            let body = sample_body(event, &app(), Mode::Live, Timestamp::clamped(7));
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!((body["createdTime"].as_i64(), body["timestamp"].as_i64()), (Some(0), Some(7)));
            let expect = (event != Event::PaymentSuccess).then(|| event.name().into());
            assert_eq!(body.get("event"), expect.as_ref());
        }
    }

    /// # Source
    /// The example of the Standard Webhooks libraries.
    #[test]
    fn the_standard_signature_is_that_of_the_specifications_example() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let signature = standard_signature(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            Timestamp::clamped(1_614_265_330_000),
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        for secret in ["", "MfKQ", "whsec_!"] {
            assert_eq!(standard_signature(&Secret::new(secret.to_owned()), "m", Timestamp::clamped(0), ""), None);
        }
    }

    #[test]
    fn while_the_grace_lasts_both_secrets_sign() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let (old, new) = (secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), secret("whsec_AAAA"));
        let rotated = RotatingKey::new(old.clone()).rotated(new.clone(), at(0), std::time::Duration::from_secs(60));
        let by = |key: &Key, ms| standard_signature(key, "msg_1", at(ms), "{}").unwrap();
        let found = |ms| standard_signatures(&rotated, "msg_1", at(ms), "{}").unwrap();
        assert_eq!(found(59_999), format!("{} {}", by(&new, 59_999), by(&old, 59_999)));
        assert_eq!(found(60_000), by(&new, 60_000));
        assert_eq!(standard_signatures(&RotatingKey::new(secret("none")), "msg_1", at(0), "{}"), None);
    }

    #[test]
    fn our_headers_are_ours() {
        for name in ["Content-Type", "HOST", "content-length", "webhook-id", "Webhook-Anything", "Transfer-Encoding"] {
            assert!(is_reserved_header(name), "{name}");
        }
        for name in ["X-Shop", "Authorization", "User-Agent", "x-webhook-id"] {
            assert!(!is_reserved_header(name), "{name}");
        }
    }
}
