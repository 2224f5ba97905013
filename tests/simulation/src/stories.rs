//! The story of one bill: its merchant charges, its payer pays or does not, and money goes back.

use std::sync::Arc;

use bytes::Bytes;
use domain::{Channel, Family};
use serde_json::{Value, json};

use crate::{
    faults::Fault,
    ledger::{Order, provider_of},
    outside::door,
    time::{HOUR_MS, MINUTE_MS, SECOND_MS, sleep},
    world::{URL, World},
};

/// After this many calls without a usable answer a merchant gives up.
const CALLS_MAX: u32 = 8;

/// The behaviour of a payer.
#[derive(Clone, Copy, Debug)]
enum Payer {
    /// Pays in time, and the provider sends a notify.
    Pays,
    /// Pays in time, and the provider never sends a notify.
    PaysSilently,
    /// Pays at the last moment, or after it.
    PaysLate,
    /// Pays after the merchant closed the bill.
    PaysAfterClose,
    /// Pays while the merchant closes the bill.
    PaysWhileClosing,
    /// Pays on two channels.
    PaysTwice,
    /// Never pays.
    Leaves,
}

/// A bill with its own random numbers, so that its story does not depend on the other bills.
struct Bill {
    world: Arc<World>,
    random: fastrand::Rng,
    num: String,
    fee: i64,
    timeout_s: i64,
}

pub(crate) async fn of_bill(world: Arc<World>, number: u32, bills: u32) {
    let mut random = fastrand::Rng::with_seed(world.seed() ^ (u64::from(number) << 20));
    // Spreads the bills, so that some ten are open at any time.
    sleep(random.i64(0..i64::from(bills) * 10 * SECOND_MS)).await;
    let (fee, timeout_s) = (random.i64(100..20_000), random.choice([360, 900, 7_200]).unwrap_or(7_200));
    let mut bill = Bill { num: format!("B{number}"), world, random, fee, timeout_s };
    bill.live().await;
}

impl Bill {
    async fn live(&mut self) {
        let channel = self.random.choice(Channel::ALL).unwrap_or(Channel::AliWeb);
        let Some(id) = self.charge(channel).await else { return };
        let payer = self.payer();
        match payer {
            Payer::Leaves => self.leave(channel).await,
            Payer::Pays | Payer::PaysSilently => {
                let longest = 5 * MINUTE_MS;
                sleep(self.random.i64(SECOND_MS..longest)).await;
                self.pay(&id, matches!(payer, Payer::Pays)).await;
            }
            Payer::PaysLate => {
                sleep(self.timeout_s * SECOND_MS + self.random.i64(-30 * SECOND_MS..2 * MINUTE_MS)).await;
                self.pay(&id, true).await;
            }
            Payer::PaysAfterClose => {
                sleep(self.random.i64(SECOND_MS..MINUTE_MS)).await;
                let body = json!({ "billNum": self.num, "channel": channel.name() });
                self.merchant("/2.0/maxpay/close", &body).await;
                sleep(self.random.i64(0..3 * MINUTE_MS)).await;
                let is_told = self.random.bool();
                if self.pay(&id, is_told).await {
                    self.world.count(Fault::PaidAfterClose);
                }
            }
            Payer::PaysWhileClosing => self.pay_while_closing(&id, channel).await,
            Payer::PaysTwice => self.pay_twice(&id).await,
        }
        self.look().await;
        self.give_back(&id).await;
    }

    fn payer(&mut self) -> Payer {
        if self.world.draw(Fault::PaidTwice) {
            return Payer::PaysTwice;
        }
        match self.random.u32(0..100) {
            0..60 => Payer::Pays,
            60..70 => Payer::PaysSilently,
            70..78 => Payer::PaysLate,
            78..84 if self.world.draw(Fault::PaidAfterClose) => Payer::PaysAfterClose,
            84..90 if self.world.draw(Fault::PaidAfterClose) => Payer::PaysWhileClosing,
            _ => Payer::Leaves,
        }
    }

    /// A charge, repeated as a merchant repeats it. It records what the payer is handed, and returns the transaction's id.
    async fn charge(&mut self, channel: Channel) -> Option<String> {
        let mut body = json!({
            "channel": channel.name(),
            "billNum": self.num,
            "totalFee": self.fee,
            "subject": "A cup of tea",
            "billTimeout": self.timeout_s,
        });
        if channel.needs_return_url() {
            body["returnUrl"] = json!("https://shop.example/back");
        }
        if channel.needs_openid() {
            body["openid"] = json!("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o");
        }
        if channel.needs_client_ip() {
            body["clientIp"] = json!("203.0.113.7");
        }
        for _ in 0..CALLS_MAX {
            let answer = self.call("/2.0/maxpay/bill", &body).await;
            let charged = answer.as_ref().filter(|answer| answer["code"] == 0);
            let Some(id) = charged.and_then(|charged| charged["id"].as_str()) else {
                if let Some(answer) = &answer {
                    self.world.log.say(|| format!("charge {}: {answer}", self.num));
                }
                self.world.count(Fault::CallRepeated);
                sleep(self.random.i64(SECOND_MS..20 * SECOND_MS)).await;
                continue;
            };
            let order = Order { bill: self.num.clone(), channel, fee: self.fee, is_begun: false };
            self.world.ledger().handed(id, order);
            self.world.ledger().tell("charged");
            self.world.embedded().hand_over(body.to_string().as_bytes(), answer.as_ref()?.to_string().as_bytes());
            return Some(id.to_owned());
        }
        self.world.ledger().tell("never charged");
        None
    }

    /// The payer pays at the provider. Returns whether the provider took the money.
    async fn pay(&mut self, id: &str, is_told: bool) -> bool {
        let Some(order) = self.world.ledger().order(id).cloned() else { return false };
        self.world.ledger().begin_to_pay(id);
        let (provider, plural) = provider_of(order.channel);
        let path = format!("/_local/simulator/{provider}/{plural}/{id}/pay");
        self.world.note(|| format!("payer of {id} pays on {}", order.channel.name()));
        let paid = door(&self.world, "POST", &path, &json!({ "notify": is_told })).await.is_some();
        self.world.note(|| format!("payer of {id}: {}", if paid { "paid" } else { "cannot pay" }));
        self.world.ledger().tell(if paid { "payments made" } else { "payments refused" });
        paid
    }

    async fn pay_twice(&mut self, first: &str) {
        let channel = self.random.choice(Channel::ALL).unwrap_or(Channel::AliWap);
        let second = self.charge(channel).await;
        sleep(self.random.i64(SECOND_MS..MINUTE_MS)).await;
        let paid = self.pay(first, true).await;
        let Some(second) = second.filter(|second| second != first) else { return };
        sleep(self.random.i64(0..20 * SECOND_MS)).await;
        if self.pay(&second, true).await && paid {
            self.world.count(Fault::PaidTwice);
        }
    }

    async fn pay_while_closing(&mut self, id: &str, channel: Channel) {
        let (world, seed, num) = (Arc::clone(&self.world), self.random.u64(..), self.num.clone());
        let body = json!({ "billNum": self.num, "channel": channel.name() });
        let closing = tokio::spawn(async move {
            let random = fastrand::Rng::with_seed(seed);
            let mut same = Self { world, random, num, fee: 0, timeout_s: 0 };
            same.merchant("/2.0/maxpay/close", &body).await;
        });
        sleep(self.random.i64(0..SECOND_MS / 2)).await;
        self.pay(id, true).await;
        if let Err(error) = closing.await {
            self.world.accuse("nothing panics", &error.to_string());
        }
    }

    async fn leave(&mut self, channel: Channel) {
        sleep(self.random.i64(0..3 * MINUTE_MS)).await;
        if self.random.u32(0..3) == 0 {
            self.merchant("/2.0/maxpay/close", &json!({ "billNum": self.num, "channel": channel.name() })).await;
        }
    }

    /// The merchant queries the state of the bill.
    async fn look(&mut self) {
        sleep(self.random.i64(0..MINUTE_MS)).await;
        match self.random.u32(0..4) {
            0 => drop(self.merchant("/2.0/maxpay/sync", &json!({ "billNum": self.num })).await),
            1 => drop(self.merchant("/2.0/maxpay/records", &json!({ "billNum": self.num })).await),
            _ => {}
        }
    }

    /// Refunds the payment: by the merchant's call, by several calls that race, or in the provider's console.
    async fn give_back(&mut self, id: &str) {
        let Some(order) = self.world.ledger().order(id).cloned() else { return };
        if !order.is_begun {
            return;
        }
        sleep(self.random.i64(0..10 * MINUTE_MS)).await;
        let (provider, _) = provider_of(order.channel);
        self.give_back_in_console(id, order.channel).await;
        if self.random.u32(0..3) > 0 {
            return;
        }
        let parts = self.random.i64(1..4);
        let mut running = Vec::new();
        for part in 0..parts {
            let fee = if parts == 1 { self.fee } else { self.fee / parts + self.random.i64(0..3) };
            let body =
                json!({ "billNum": self.num, "refundNum": format!("R{part}{}", self.num), "refundFee": fee, "id": id });
            let (world, wait_ms) = (Arc::clone(&self.world), self.random.i64(0..2 * SECOND_MS));
            let seed = self.random.u64(..);
            running.push(tokio::spawn(async move {
                sleep(wait_ms).await;
                let random = fastrand::Rng::with_seed(seed);
                let mut same = Self { world, random, num: String::new(), fee, timeout_s: 0 };
                same.merchant("/2.0/maxpay/refund", &body).await;
                same.world.ledger().tell("refunds asked for");
            }));
        }
        for refund in running {
            if let Err(error) = refund.await {
                self.world.accuse("nothing panics", &error.to_string());
            }
        }
        if provider == "wechat" && self.world.draw(Fault::AbnormalRefund) {
            self.spoil_refund(id).await;
        }
        sleep(self.random.i64(0..HOUR_MS)).await;
    }

    /// A person at the merchant refunds some fen in the provider's console.
    async fn give_back_in_console(&mut self, id: &str, channel: Channel) {
        let fen = self.random.i64(1..99);
        if !self.world.draw(Fault::PortalRefund) {
            return;
        }
        let (provider, plural) = provider_of(channel);
        let body = match channel.family() {
            Family::Ali => json!({ "amount": format!("0.{fen:02}") }),
            Family::Wx => json!({ "amount": fen }),
            Family::Unipay => json!({ "txnAmt": fen.to_string() }),
        };
        let path = format!("/_local/simulator/{provider}/{plural}/{id}/refund");
        if door(&self.world, "POST", &path, &body).await.is_none() {
            return;
        }
        self.world.count(Fault::PortalRefund);
        let mut ledger = self.world.ledger();
        *ledger.portal.entry(id.to_owned()).or_default() += fen;
        if channel.family() != Family::Ali {
            ledger.untold.insert(id.to_owned());
        }
    }

    /// The payer's bank does not accept a pending refund of WeChat Pay.
    async fn spoil_refund(&mut self, id: &str) {
        let path = format!("/_local/simulator/wechat/trades/{id}");
        let Some(trade) = door(&self.world, "GET", &path, &Value::Null).await else { return };
        let under_way =
            trade["refunds"].as_array().into_iter().flatten().find(|refund| refund["status"] == "PROCESSING");
        let Some(number) = under_way.and_then(|refund| refund["outRefundNo"].as_str()).map(str::to_owned) else {
            return;
        };
        let is_given_up = self.random.bool();
        let status = if is_given_up { "CLOSED" } else { "ABNORMAL" };
        let body = json!({ "outRefundNo": number, "status": status });
        if door(&self.world, "POST", &format!("{path}/refund"), &body).await.is_none() {
            return;
        }
        self.world.count(Fault::AbnormalRefund);
        if !is_given_up {
            self.world.ledger().abnormal.push((id.to_owned(), number));
        }
    }

    /// A call of the merchant's server. It is repeated until an answer comes that is not an outage.
    async fn merchant(&mut self, path: &str, body: &Value) -> Option<Value> {
        for _ in 0..CALLS_MAX {
            // If the key was not valid, nothing was done. The merchant looks its keys up and calls again.
            if let Some(answer) = self.call(path, body).await.filter(|answer| answer["code"] != 1) {
                let (num, code) = (&self.num, &answer["code"]);
                self.world.log.say(|| format!("{path} {num}: {code} {answer}"));
                return Some(answer);
            }
            self.world.count(Fault::CallRepeated);
            sleep(self.random.i64(SECOND_MS..20 * SECOND_MS)).await;
        }
        None
    }

    async fn call(&mut self, path: &str, body: &Value) -> Option<Value> {
        let shop = self.world.shop()?;
        let by_client = path == "/2.0/maxpay/bill" && self.fee % 2 == 0;
        let (header, key) =
            if by_client { ("x-ml-apikey", &shop.client_key) } else { ("x-ml-masterkey", &shop.master_key) };
        let request = http::Request::post(format!("{URL}{path}"))
            .header("content-type", "application/json")
            .header("x-ml-appid", &shop.app)
            .header(header, key)
            .body(Bytes::from(body.to_string()))
            .ok()?;
        let answer = self.world.call(request).await?;
        if answer.status() != 200 {
            return None;
        }
        let answer: Value = serde_json::from_slice(answer.body()).ok()?;
        self.world.note(|| format!("{path} {} {} {}", self.num, answer["code"], answer["id"]));
        Some(answer)
    }
}
