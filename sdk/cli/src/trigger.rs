//! `trigger`: makes an event happen on a local stack. Everything is real but the payer and the provider, whom the simulators play.

use domain::{Channel, Event, Family, Mode, Status};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    arguments::Trigger,
    client::{Caller, Gateway},
    failure::Failure,
    output::Output,
    system::now,
    table::{list, text},
    words::words,
};

pub(crate) async fn trigger(gateway: &Gateway, output: Output, of: &Trigger) -> Result<(), Failure> {
    check_simulators(gateway).await?;
    let bill = of.bill_num.clone().unwrap_or_else(|| format!("cli-{}", now().ms()));
    let play = Play { gateway, bill: &bill, fee: of.total_fee };
    let event = of.event;
    let id = match event {
        Event::PaymentSuccess => match play.open_order().await? {
            Some(order) => {
                play.at(order.channel.family(), &order.id, "pay", &json!({})).await?;
                order.id
            }
            None => play.paid(Channel::AliQrcode).await?,
        },
        Event::PaymentClosed => {
            let id = play.charged(Channel::AliQrcode).await?;
            gateway.pay(Caller::Server, "close", &json!({ "billNum": bill })).await?;
            id
        }
        Event::PaymentMismatch => {
            // The provider reports another amount than was charged.
            let id = play.charged(Channel::WxNative).await?;
            play.at(Family::Wx, &id, "pay", &json!({ "amount": of.total_fee.saturating_add(1) })).await?;
            id
        }
        Event::PaymentDuplicate => {
            // Both orders are open before the first is paid.
            let second = play.charged(Channel::WxNative).await?;
            play.paid(Channel::AliQrcode).await?;
            play.at(Family::Wx, &second, "pay", &json!({})).await?;
            second
        }
        Event::RefundSuccess => {
            let id = play.paid(Channel::AliQrcode).await?;
            play.refunded(&id).await?;
            id
        }
        Event::RefundFailed => play.refund_failed().await?,
        Event::RefundStuck => {
            let id = play.paid(Channel::WxNative).await?;
            play.refunded(&id).await?;
            let abnormal = json!({ "outRefundNo": format!("{id}-{}", refund_num(&id)), "status": "ABNORMAL" });
            play.at(Family::Wx, &id, "refund", &abnormal).await?;
            id
        }
    };
    let document = json!({ "event": event.name(), "billNum": bill, "id": id });
    output.result(
        &document,
        &words!("{event} 已触发：订单 {bill}，支付单号 {id}", "{event} happened: bill {bill}, transaction {id}"),
    );
    Ok(())
}

/// A charge at a deployed gateway would be an order that nobody pays. So this is asked first.
async fn check_simulators(gateway: &Gateway) -> Result<(), Failure> {
    let url = gateway.url();
    let answer = gateway.play(Method::GET, "/robots", &Value::Null).await?;
    if answer.status() != StatusCode::OK || !answer.body().is_array() {
        let message = words!(
            "{url} 不是本地网关，没有模拟器，无法代为付款",
            "{url} is no local stack: it has no simulators that could pay"
        );
        return Err(Failure::own("no-simulators", message).with_remedy(words!(
            "用 maxpay local 在本机启动一个，再 maxpay login --local .maxpay；线上只想试 webhook，用 maxpay webhooks test",
            "start one by maxpay local, then maxpay login --local .maxpay; to try a webhook of a deployed gateway, run maxpay webhooks test"
        )));
    }
    match gateway.mode().await? {
        Mode::Test => Ok(()),
        Mode::Live => {
            let message = words!(
                "这是正式模式的主密钥，模拟器只在测试模式下工作",
                "is of live mode, and the simulators are in test mode alone"
            );
            Err(Failure::of_field("master_key", message)
                .with_remedy(words!("改用测试模式的主密钥", "use the master key of test mode")))
        }
    }
}

/// One bill, and who pays it.
struct Play<'a> {
    gateway: &'a Gateway,
    bill: &'a str,
    fee: i64,
}

/// An order that waits for its payer.
struct OpenOrder {
    id: String,
    channel: Channel,
}

impl Play<'_> {
    /// The newest open order of the bill, if it was charged before.
    async fn open_order(&self) -> Result<Option<OpenOrder>, Failure> {
        let found = self.gateway.pay(Caller::Server, "records", &json!({ "billNum": self.bill })).await?;
        let open = list(&found, "results").iter().find(|record| text(record, "status") == Status::Created.name());
        Ok(open.and_then(|record| {
            let channel = Channel::find(text(record, "channel"))?;
            Some(OpenOrder { id: text(record, "id").to_owned(), channel })
        }))
    }

    async fn charged(&self, channel: Channel) -> Result<String, Failure> {
        let mut body = json!({ "channel": channel.name(), "billNum": self.bill, "totalFee": self.fee, "subject": "maxpay trigger" });
        if let (true, Some(members)) = (channel.needs_return_url(), body.as_object_mut()) {
            members.insert("returnUrl".to_owned(), json!(format!("{}/_local/returned", self.gateway.url())));
        }
        let charged = self.gateway.pay(Caller::Server, "bill", &body).await?;
        Ok(text(&charged, "id").to_owned())
    }

    async fn paid(&self, channel: Channel) -> Result<String, Failure> {
        let id = self.charged(channel).await?;
        self.at(channel.family(), &id, "pay", &json!({})).await?;
        Ok(id)
    }

    async fn refunded(&self, id: &str) -> Result<(), Failure> {
        let body = json!({ "billNum": self.bill, "refundNum": refund_num(id), "refundFee": self.fee });
        self.gateway.pay(Caller::Server, "refund", &body).await.map(|_| ())
    }

    /// A refund that the merchant's balance does not cover waits; it fails once an operator gives it up.
    async fn refund_failed(&self) -> Result<String, Failure> {
        let id = self.charged(Channel::WxNative).await?;
        let trade = self.at(Family::Wx, &id, "pay", &json!({})).await?;
        let balance = async |state: Balance| {
            let body = json!({ "merchant": text(&trade, "merchant"), "empty": state == Balance::Empty });
            self.play("/simulator/wechat/balance", &body).await
        };
        balance(Balance::Empty).await?;
        let refunded = self.refunded(&id).await;
        balance(Balance::Suffices).await?;
        refunded?;
        let path = format!("/transactions/{id}/give-up?mode=test");
        let body = json!({ "refundNum": refund_num(&id) });
        self.gateway.operate_app(Method::POST, &path, Some(&body)).await?;
        Ok(id)
    }

    /// What the payer or the provider does with an order. Returns the order there.
    async fn at(&self, family: Family, id: &str, action: &str, body: &Value) -> Result<Value, Failure> {
        let door = match family {
            Family::Ali => "alipay/trades",
            Family::Wx => "wechat/trades",
            Family::Unipay => "unionpay/orders",
        };
        self.play(&format!("/simulator/{door}/{id}/{action}"), body).await
    }

    async fn play(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let answer = self.gateway.play(Method::POST, path, body).await?;
        let (status, why) = (answer.status().as_u16(), text(answer.body(), "message").to_owned());
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        let message = words!("模拟器没有照做（HTTP {status}）{why}", "the simulator refused (HTTP {status}) {why}");
        Err(Failure::own("simulator", message))
    }
}

/// A bill's number may have signs that a refund's may not. The payment's id is unique, and has none of them.
fn refund_num(payment: &str) -> String {
    format!("R{payment}")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Balance {
    Empty,
    Suffices,
}
