//! The commands on bills: charge, records, refund, close, sync, checkout.

use serde_json::{Map, Value, json};

use crate::{
    arguments::{Bill, Charge, Checkout, Records, Refund},
    client::{Caller, Gateway},
    failure::Failure,
    output::{Form, Output, shows_pictures},
    qr,
    table::{list, moment, record_row, table_or, text, yuan},
    words::{Words, words},
};

/// Members of a charge's answer that a payer can open or scan, in the order of use.
const OPENED: [&str; 7] = ["codeUrl", "ali_web", "ali_wap", "wx_h5", "ali_app", "tn", "html"];

pub(crate) async fn charge(gateway: &Gateway, output: Output, of: &Charge) -> Result<(), Failure> {
    let body = members(&[
        ("channel", json!(of.channel)),
        ("billNum", json!(of.bill_num)),
        ("totalFee", json!(of.total_fee)),
        ("subject", json!(of.subject)),
        ("returnUrl", json!(of.return_url)),
        ("showUrl", json!(of.show_url)),
        ("billTimeout", json!(of.bill_timeout)),
        ("qrPayMode", json!(of.qr_pay_mode)),
        ("openid", json!(of.openid)),
        ("clientIp", json!(of.client_ip)),
        ("extras", extras(of.extras.as_deref())?),
    ]);
    let answer = gateway.pay(Caller::Any, "bill", &body).await?;
    let (id, bill, money) = (text(&answer, "id"), &of.bill_num, yuan(of.total_fee));
    let mut people = words!("已下单 {bill} {money}，支付单号 {id}", "charged {bill} {money}, transaction {id}");
    // Alipay's answers have all three addresses; the one of the channel counts.
    let own = Some(of.channel.as_str()).filter(|channel| !text(&answer, channel).is_empty());
    match own.or_else(|| OPENED.into_iter().find(|name| !text(&answer, name).is_empty())) {
        Some(name) => {
            let value = text(&answer, name);
            people = people.and_below(&Words::alike(format!("{name}: {value}")));
            if name == "codeUrl" {
                people = with_picture(people, value, output.form);
            }
        }
        None => people = people.and_below(&Words::alike(format!("{answer:#}"))),
    }
    output.result(&answer, &people);
    Ok(())
}

pub(crate) async fn records(gateway: &Gateway, output: Output, of: &Records) -> Result<(), Failure> {
    let body = members(&[
        ("billNum", json!(of.bill_num)),
        ("channel", json!(of.channel)),
        ("status", json!(of.status)),
        ("startTime", json!(of.start_time)),
        ("endTime", json!(of.end_time)),
        ("skip", json!(of.skip)),
        ("limit", json!(of.limit)),
    ]);
    let answer = gateway.pay(Caller::Any, "records", &body).await?;
    output.result(&answer, &shown_records(&answer));
    Ok(())
}

pub(crate) async fn refund(gateway: &Gateway, output: Output, of: &Refund) -> Result<(), Failure> {
    let body = members(&[
        ("billNum", json!(of.bill_num)),
        ("refundFee", json!(of.refund_fee)),
        ("refundNum", json!(of.refund_num)),
        ("channel", json!(of.channel)),
        ("id", json!(of.id)),
        ("reason", json!(of.reason)),
    ]);
    let answer = gateway.pay(Caller::Server, "refund", &body).await?;
    let (number, status, money) = (text(&answer, "refundNum"), text(&answer, "status"), yuan(of.refund_fee));
    let people = words!("退款 {number} {money}：{status}", "refund {number} {money}: {status}");
    let people = match text(&answer, "failure") {
        "" => people,
        failure => people.and_below(&Words::alike(failure)),
    };
    output.result(&answer, &people);
    Ok(())
}

pub(crate) async fn close(gateway: &Gateway, output: Output, of: &Bill) -> Result<(), Failure> {
    on_bill(gateway, output, "close", of).await
}

pub(crate) async fn sync(gateway: &Gateway, output: Output, of: &Bill) -> Result<(), Failure> {
    on_bill(gateway, output, "sync", of).await
}

/// Calls an operation that takes a bill and answers its records.
async fn on_bill(gateway: &Gateway, output: Output, operation: &str, of: &Bill) -> Result<(), Failure> {
    let body = members(&[("billNum", json!(of.bill_num)), ("channel", json!(of.channel))]);
    let answer = gateway.pay(Caller::Server, operation, &body).await?;
    output.result(&answer, &shown_records(&answer));
    Ok(())
}

pub(crate) async fn checkout(gateway: &Gateway, output: Output, of: &Checkout) -> Result<(), Failure> {
    let channels = Some(&of.channels).filter(|channels| !channels.is_empty());
    let body = members(&[
        ("billNum", json!(of.bill_num)),
        ("totalFee", json!(of.total_fee)),
        ("subject", json!(of.subject)),
        ("returnUrl", json!(of.return_url)),
        ("cancelUrl", json!(of.cancel_url)),
        ("channels", json!(channels)),
        ("expiresIn", json!(of.expires_in)),
        ("locale", json!(of.locale)),
        ("extras", extras(of.extras.as_deref())?),
    ]);
    let answer = gateway.pay(Caller::Any, "checkout", &body).await?;
    let (url, ends) = (text(&answer, "url"), moment(&answer, "expiresAt"));
    let people = words!("收银台 {url}\n{ends}（北京时间）前有效", "checkout {url}\nuntil {ends} (Beijing time)");
    output.result(&answer, &with_picture(people, url, output.form));
    Ok(())
}

/// An object of those members that were given.
fn members(all: &[(&str, Value)]) -> Value {
    let given = all.iter().filter(|(_, value)| !value.is_null());
    Value::Object(given.map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<Map<_, _>>())
}

fn extras(given: Option<&str>) -> Result<Value, Failure> {
    let Some(given) = given else { return Ok(Value::Null) };
    let parsed: Option<Value> = serde_json::from_str(given).ok();
    parsed.filter(Value::is_object).ok_or_else(|| {
        let message = words!(r#"应为一个 JSON 对象，如 {{"table":7}}"#, r#"must be a JSON object, as {{"table":7}}"#);
        Failure::of_field("extras", message)
    })
}

/// The records of an answer: its `results`, or itself where it is one.
fn shown_records(answer: &Value) -> Words {
    let rows: Vec<Vec<String>> = match answer.get("results") {
        Some(_) => list(answer, "results").iter().map(record_row).collect(),
        None => vec![record_row(answer)],
    };
    table_or(&rows, words!("没有记录", "no records"))
}

fn with_picture(people: Words, content: &str, form: Form) -> Words {
    let picture = qr::picture(content).filter(|_| shows_pictures(form));
    picture.map_or(people.clone(), |picture| people.and_below(&Words::alike(picture)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_is_sent() {
        assert_eq!(members(&[("a", json!(1)), ("b", Value::Null), ("c", json!(None::<i64>))]), json!({ "a": 1 }));
    }

    #[test]
    #[rustfmt::skip]
    fn extras_are_an_object() {
        for (given, expect) in [
            (None,                Some(Value::Null)),
            (Some(r#"{"a":1}"#),  Some(json!({ "a": 1 }))),
            (Some("[1]"),         None),
            (Some("{"),           None),
        ] {
            assert_eq!(extras(given).ok(), expect, "{given:?}");
        }
    }
}
