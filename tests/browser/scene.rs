//! A stack with data to show, and a browser at the console.

use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    driver::{Browser, missing},
    world::{self, MINUTE_MS, World, charge_of, master, with},
};

/// One browser at a time, because two cores are quickly busy.
static TURN: Mutex<()> = Mutex::const_new(());

/// A world, a browser, and the right to use them now.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) browser: Browser,
    _turn: MutexGuard<'static, ()>,
}

impl Scene {
    /// `None`, with a message, if there is no browser.
    #[expect(
        clippy::print_stderr,
        clippy::disallowed_methods,
        reason = "who runs the tests must see that these did not run"
    )]
    pub(crate) async fn set(language: &str) -> Option<Self> {
        let turn = TURN.lock().await;
        if let Some(missing) = missing() {
            let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!in_ci, "the browser tests cannot run: {missing}; run tests/browser/install");
            eprintln!("\n*** SKIPPED: a browser test did not run, because {missing}. Run tests/browser/install. ***\n");
            return None;
        }
        let world = World::start().await;
        let browser = Browser::start(language).await;
        browser.width(1280).await;
        Some(Self { world, browser, _turn: turn })
    }

    /// The address of a page of the console.
    pub(crate) fn at(&self, page: &str) -> String {
        format!("{}/console{page}", self.world.url)
    }

    /// The address of a page of the demo app.
    pub(crate) fn app(&self, page: &str) -> String {
        self.at(&format!("/apps/{}{page}", self.world.app.app_id))
    }

    /// Signs in as the first owner.
    pub(crate) async fn sign_in(&self) {
        self.sign_in_as(&self.world.owner.0, &self.world.owner.1).await;
    }

    pub(crate) async fn sign_in_as(&self, name: &str, password: &str) {
        self.browser.open(&self.at("/sign-in")).await;
        self.browser.fill("#name", name).await;
        self.browser.fill("#password", password).await;
        self.browser.click("form.stack button").await;
    }

    /// Bills of all kinds: paid, unpaid, refunded, closed, on several channels, over some days.
    pub(crate) async fn charge_some(&self) {
        let world = &self.world;
        for number in 0..8 {
            let extras =
                json!({ "extras": { "goods": "茶 <b>tea</b>", "table": number }, "totalFee": 123_456 + number * 1111 });
            let paid = world.charge(&with(charge_of("ali_qrcode", &format!("tea-{number}")), &extras)).await.ok();
            let id = paid["id"].as_str().unwrap().to_owned();
            if number % 4 != 3 {
                world.play(&id, "pay", json!({})).await;
            }
            if number == 2 {
                world.play(&id, "refund", json!({})).await;
            }
            world.charge(&charge_of("wx_native", &format!("cake-{number}"))).await.ok();
            world.advance(97 * MINUTE_MS).await;
        }
    }

    /// A refund that Alipay refuses, because the trade is finished.
    pub(crate) async fn failed_refund(&self) {
        let id = self.world.paid("finished").await;
        self.world.play(&id, "finish", json!({})).await;
        let body = json!({ "billNum": "finished", "refundNum": "R-failed", "refundFee": 1200 });
        let refused = self.world.post_as(&master(&self.world.app), "/2.0/maxpay/refund", body.to_string()).await;
        refused.refused(7, "ACQ.");
    }

    /// Puts `count` paid bills directly into the table, one a second, one in a hundred refunded: through the API, thousands would
    /// take too long. They have the form of a bill that came through the API.
    pub(crate) async fn many(&self, count: u32) {
        let world = &self.world;
        world.paid("model").await;
        let tables = world.stack.export().await.unwrap();
        let items = tables["TransactionsTable"].as_array().unwrap();
        let model = items.iter().find(|item| item["sk"]["S"].as_str().unwrap().starts_with("TX#")).unwrap();
        let copy = |number: u32| {
            let ms = world::START_MS - i64::from(number + 1) * 1000;
            let (id, bill) = (format!("{ms:012x}{number:012x}"), format!("bulk,\"{number}\""));
            let mut item = model.clone();
            let pk = item["pk"]["S"].as_str().unwrap().replace("model", &bill);
            let by_time = item["by_time_pk"]["S"].as_str().unwrap();
            let (status, by_time) = match number % 100 {
                0 => ("refund", by_time.replace("success", "refund")),
                _ => ("success", by_time.to_owned()),
            };
            for (name, text) in [("pk", &pk), ("id", &id), ("by_time_pk", &by_time), ("status", &status.to_owned())] {
                item[name] = json!({ "S": text });
            }
            item["by_time_sk"] = json!({ "S": format!("{ms:015}#{id}") });
            item["created_ms"] = json!({ "N": ms.to_string() });
            item
        };
        let copies: Vec<Value> = (0..count).map(copy).collect();
        world.stack.import(&json!({ "TransactionsTable": copies })).await.unwrap();
    }

    /// A message to a real bill's address that cannot be verified.
    pub(crate) async fn forged(&self) {
        let world = &self.world;
        let trade = world.trade(&world.charged("forged").await).await;
        let path = trade["notifyUrl"].as_str().unwrap();
        let form = "trade_status=TRADE_SUCCESS&total_amount=99.00&sign_type=RSA2&sign=AAAA";
        world.call("POST", path, &[("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")], form).await;
    }

    /// A genuine notify about another amount. Returns the id of its incident.
    pub(crate) async fn of_another_amount(&self) -> String {
        let world = &self.world;
        let id = world.charged("two-prices").await;
        world.play(&id, "misstate", json!({ "totalAmount": "0.02" })).await;
        world.play(&id, "pay", json!({})).await;
        world.incidents_of("amount").await[0]["id"].as_str().unwrap().to_owned()
    }

    /// A day whose bill differs from the books, compared on the next one.
    pub(crate) async fn differences(&self) {
        let world = &self.world;
        let (omitted, altered) = (world.paid("omitted").await, world.paid("altered").await);
        let planted = json!({ "omit": [omitted], "amounts": { altered.as_str(): 1 } }).to_string();
        world.post_as(&[], "/_local/simulator/alipay/bill", planted).await.done(200);
        world.advance(24 * 60 * MINUTE_MS).await;
        world.post_as(&[], "/_local/reconcile", "").await.done(200);
    }

    /// A webhook whose events the merchant fetches.
    pub(crate) async fn pulled_webhook(&self) {
        let body = json!({ "target": { "pull": true }, "mode": "test" });
        let hooks = format!("/apps/{}/webhooks", self.world.app.app_id);
        let made = self.world.admin("POST", &hooks, body).await.done(201);
        self.world.must_stay_secret(made["secret"].as_str().unwrap());
    }

    /// A topic to which alerts go. Returns its id.
    pub(crate) async fn alert_target(&self) -> String {
        let topic = "arn:aws:sns:us-east-1:000000000000:alerts-shop";
        let target = json!({ "kind": "sns", "address": topic, "mode": "test", "causes": ["incident", "refund"] });
        let alerts = format!("/apps/{}/alerts", self.world.app.app_id);
        let saved = self.world.admin("PUT", &alerts, json!({ "targets": [target] })).await.done(200);
        saved["targets"][0]["id"].as_str().unwrap().to_owned()
    }

    /// A webhook whose target answers 500. Returns its id.
    pub(crate) async fn broken_webhook(&self) -> String {
        let world = &self.world;
        let receiver = "/_local/receiver/broken";
        world.call("PUT", receiver, &[("Content-Type", "application/json")], r#"{"status":500}"#).await;
        let target = json!({ "url": format!("{}{receiver}", world.url), "headers": { "X-Shop": "hush" } });
        let body = json!({ "target": target, "mode": "test", "events": ["payment.success"] });
        let made = world.admin("POST", &format!("/apps/{}/webhooks", world.app.app_id), body).await.done(201);
        world.must_stay_secret(made["secret"].as_str().unwrap());
        made["id"].as_str().unwrap().to_owned()
    }

    /// Creates another operator with this role.
    pub(crate) async fn hire(&self, name: &str, role: &str) -> String {
        let password = format!("{name}'s own password");
        let body = json!({ "name": name, "role": role, "password": password });
        self.world.admin("POST", "/operators", body).await.done(201);
        self.world.must_stay_secret(&password);
        password
    }

    pub(crate) async fn transactions(&self) -> Value {
        let path = format!("/apps/{}/transactions?mode=test&limit=100", self.world.app.app_id);
        self.world.admin("GET", &path, Value::Null).await.done(200)["items"].clone()
    }

    pub(crate) async fn end(self) {
        self.browser.end().await;
        // The stories test pages. The specs test the webhook's content.
        self.world.ignores("broken");
        self.world.ignores("shop");
        self.world.end().await;
    }
}
