//! Merchants, operators and forgers: who sets the shop up, and who changes it in the middle.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    faults::Fault,
    ledger::{Hook, provider_of},
    outside::door,
    stories,
    time::{MINUTE_MS, SECOND_MS, sleep},
    world::{URL, World},
};

/// A merchant's own keys.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub(crate) app: String,
    pub(crate) client_key: String,
    pub(crate) master_key: String,
}

const TABS: [&str; 5] = ["ali", "wx_app", "wx_mp", "unipay_app", "unipay_web"];

/// How long a function may still believe what an operator changed: it remembers an app for five seconds, and reads it with a lag.
pub(crate) const BELIEVED_MS: i64 = 40 * SECOND_MS;

/// A call of the operator API. `None` if there was no answer, or none that says it is done.
pub(crate) async fn admin(world: &World, method: &str, path: &str, body: &Value) -> Option<Value> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = http::Request::builder()
        .method(method)
        .uri(format!("{URL}/admin/v1{path}"))
        .header("authorization", format!("Bearer {}", world.operator_token()))
        .header("content-type", "application/json")
        .body(Bytes::from(body))
        .ok()?;
    let answer = world.call(request).await?;
    if !answer.status().is_success() {
        let (status, said) = (answer.status(), String::from_utf8_lossy(answer.body()).into_owned());
        world.log.say(|| format!("admin {method} {path}: {status} {said}"));
        return None;
    }
    if answer.body().is_empty() { Some(Value::Null) } else { serde_json::from_slice(answer.body()).ok() }
}

/// The app, its channels and its first webhooks, while nothing breaks.
pub(crate) async fn open_shop(world: &World) {
    world.with_faults(|faults| faults.hold(true));
    let Some(made) = admin(world, "POST", "/apps", &json!({ "name": "shop" })).await else {
        world.accuse("a shop opens", "no app");
        return;
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let test = &made["test"];
    let shop =
        Shop { app: text(&made["appId"]), client_key: text(&test["clientKey"]), master_key: text(&test["masterKey"]) };
    for key in [&shop.master_key, &text(&made["live"]["masterKey"]), &text(&made["live"]["clientKey"])] {
        world.log.must_stay_secret(key);
    }
    for tab in TABS {
        let path = format!("/apps/{}/channels/{tab}?mode=test", shop.app);
        if admin(world, "PUT", &path, &json!({ "protocol": "simulator" })).await.is_none() {
            world.accuse("a shop opens", tab);
        }
    }
    let hooks = world.with_faults(|faults| faults.random().u32(1..4));
    for number in 0..hooks {
        let is_dead = number > 0 && world.with_faults(|faults| faults.random().u32(0..6)) == 0;
        add_hook(world, &shop, is_dead).await;
    }
    world.set_shop(shop);
    world.with_faults(|faults| faults.hold(false));
}

async fn add_hook(world: &World, shop: &Shop, is_dead: bool) {
    let hook = Hook { id: None, is_dead, made_ms: i64::MAX, gone_ms: None };
    let number = world.ledger().add_hook(hook);
    let body = json!({
        "target": { "url": format!("https://hook{number}.shop.example/told") },
        "mode": "test",
        "events": ["payment.success", "payment.closed", "refund.success", "refund.failed", "payment.duplicate"],
    });
    let made = admin(world, "POST", &format!("/apps/{}/webhooks", shop.app), &body).await;
    let Some(made) = made else { return };
    if let Some(secret) = made["secret"].as_str() {
        world.log.must_stay_secret(secret);
    }
    let now_ms = world.time.now_ms();
    if let Some(hook) = world.ledger().hook_mut(number) {
        hook.id = made["id"].as_str().map(str::to_owned);
        hook.made_ms = now_ms + BELIEVED_MS;
    }
}

/// Everybody does what they do, until all bills are over.
pub(crate) async fn live(world: &Arc<World>, bills: u32) {
    let about_shop = [tokio::spawn(operate(Arc::clone(world))), tokio::spawn(forge(Arc::clone(world)))];
    let mut stories = Vec::new();
    for number in 0..bills {
        stories.push(tokio::spawn(stories::of_bill(Arc::clone(world), number, bills)));
    }
    for story in stories {
        if let Err(error) = story.await {
            world.accuse("nothing panics", &error.to_string());
        }
    }
    about_shop.into_iter().for_each(|people| people.abort());
}

/// An operator changes something now and then.
async fn operate(world: Arc<World>) {
    loop {
        let wait_ms = world.with_faults(|faults| faults.random().i64(20 * SECOND_MS..4 * MINUTE_MS));
        sleep(wait_ms).await;
        let Some(shop) = world.shop() else { continue };
        if world.draw(Fault::QueuePurged) && world.embedded().queued() > 0 {
            world.count(Fault::QueuePurged);
            purge(&world).await;
        }
        if world.strike(Fault::SettingsChanged) {
            change_settings(&world, &shop).await;
        }
        if world.draw(Fault::BalanceEmpty) {
            empty_a_balance(&world).await;
        }
    }
}

async fn purge(world: &World) {
    let body = json!({ "QueueUrl": world.embedded().queue_url() }).to_string();
    let call =
        local::AwsCall { service: local::AwsService::Sqs, operation: "PurgeQueue".to_owned(), body: Bytes::from(body) };
    world.embedded().ask(&call, world.time.now_ms()).await;
}

async fn change_settings(world: &World, shop: &Shop) {
    let way = world.with_faults(|faults| faults.random().u32(0..6));
    match way {
        0 => add_hook(world, shop, false).await,
        1 => delete_hook(world, shop).await,
        2 => {
            // The same account again, or another one.
            let kind = world.with_faults(|faults| if faults.random().bool() { "openapi" } else { "openapiCert" });
            let settings = door(world, "GET", "/_local/simulator/alipay/settings", &Value::Null).await;
            let path = format!("/apps/{}/channels/ali?mode=test", shop.app);
            admin(world, "PUT", &path, &settings.unwrap_or_default()[kind]).await;
        }
        3 => {
            let tab = world.with_faults(|faults| faults.random().choice(TABS).unwrap_or("ali"));
            let path = format!("/apps/{}/channels/{tab}?mode=test", shop.app);
            admin(world, "PUT", &path, &json!({ "protocol": "simulator" })).await;
        }
        4 => {
            let hooks = world.ledger().hooks();
            let id = hooks.iter().filter(|hook| hook.gone_ms.is_none()).find_map(|hook| hook.id.clone());
            if let Some(id) = id {
                let path = format!("/apps/{}/webhooks/{id}/rotate-secret", shop.app);
                let rotated = admin(world, "POST", &path, &json!({})).await;
                if let Some(secret) = rotated.as_ref().and_then(|rotated| rotated["secret"].as_str()) {
                    world.log.must_stay_secret(secret);
                }
            }
        }
        _ => {
            let shards = world.with_faults(|faults| faults.random().u32(1..5));
            admin(world, "PATCH", &format!("/apps/{}", shop.app), &json!({ "shards": shards })).await;
        }
    }
}

async fn delete_hook(world: &World, shop: &Shop) {
    let now_ms = world.time.now_ms();
    let found = {
        let mut ledger = world.ledger();
        let hooks = ledger.hooks();
        let live = hooks.iter().filter(|hook| hook.gone_ms.is_none() && hook.id.is_some()).count();
        let last = hooks.iter().rposition(|hook| hook.gone_ms.is_none() && hook.id.is_some());
        // One always stays.
        last.filter(|_| live > 1).and_then(|number| {
            let hook = ledger.hook_mut(number)?;
            hook.gone_ms = Some(now_ms);
            hook.id.clone()
        })
    };
    if let Some(id) = found {
        admin(world, "DELETE", &format!("/apps/{}/webhooks/{id}", shop.app), &Value::Null).await;
    }
}

async fn empty_a_balance(world: &World) {
    let orders = world.ledger().orders();
    let Some((id, order)) = world.with_faults(|faults| faults.random().choice(orders)) else { return };
    let (provider, plural) = provider_of(order.channel);
    let Some(trade) = door(world, "GET", &format!("/_local/simulator/{provider}/{plural}/{id}"), &Value::Null).await
    else {
        return;
    };
    let merchant = trade["merchant"].as_str().or(trade["merId"].as_str()).unwrap_or_default().to_owned();
    world.count(Fault::BalanceEmpty);
    set_balance(world, provider, &merchant, true).await;
    world.ledger().empty.insert((provider.to_owned(), merchant.clone()));
    sleep(3 * MINUTE_MS).await;
    set_balance(world, provider, &merchant, false).await;
}

async fn set_balance(world: &World, provider: &str, merchant: &str, empty: bool) {
    let body = json!({ "merchant": merchant, "empty": empty });
    door(world, "POST", &format!("/_local/simulator/{provider}/balance"), &body).await;
}

/// A forger tells of payments that nobody made.
async fn forge(world: Arc<World>) {
    loop {
        let wait_ms = world.with_faults(|faults| faults.random().i64(5 * SECOND_MS..90 * SECOND_MS));
        sleep(wait_ms).await;
        if !world.draw(Fault::NotifyForged) {
            continue;
        }
        let orders = world.ledger().orders();
        let Some((id, order)) = world.with_faults(|faults| faults.random().choice(orders)) else { continue };
        let (provider, plural) = provider_of(order.channel);
        let lies = match provider {
            "alipay" => vec![
                json!({ "totalAmount": "0.01" }),
                json!({ "sellerId": "2088999999999999" }),
                json!({ "appId": "2021999999999999" }),
                json!({ "signWith": "other" }),
            ],
            "wechat" => vec![
                json!({ "amount": 1 }),
                json!({ "mchid": "1999999999" }),
                json!({ "appid": "wx9999999999999999" }),
                json!({ "currency": "USD" }),
                json!({ "outTradeNo": "0123456789abcdef01234567" }),
                json!({ "signWith": "other" }),
                json!({ "signWith": "merchant" }),
                json!({ "signWith": "unknownSerial" }),
                json!({ "skewSeconds": 3600 }),
                json!({ "tamper": true }),
                json!({ "wrongApiKey": true }),
            ],
            _ => vec![
                json!({ "txnAmt": "1" }),
                json!({ "merId": "999999999999999" }),
                json!({ "orderId": "0123456789abcdef01234567" }),
                json!({ "currencyCode": "840" }),
                json!({ "signWith": "other" }),
                json!({ "signWith": "selfMade" }),
                json!({ "signWith": "fakeIssuer" }),
                json!({ "signWith": "expiredCert" }),
                json!({ "signWith": "foreignCn" }),
            ],
        };
        let mut lie = world.with_faults(|faults| faults.random().choice(lies)).unwrap_or_default();
        lie["pay"] = json!(false);
        lie["notify"] = json!(true);
        let path = format!("/_local/simulator/{provider}/{plural}/{id}/pay");
        if door(&world, "POST", &path, &lie).await.is_some() {
            world.count(Fault::NotifyForged);
        }
    }
}

/// What people do once nothing breaks any more: balances are filled, and banks take what they did not take before.
pub(crate) async fn calm(world: &World) {
    let (empty, abnormal) = {
        let mut ledger = world.ledger();
        (std::mem::take(&mut ledger.empty), std::mem::take(&mut ledger.abnormal))
    };
    for (provider, merchant) in empty {
        set_balance(world, &provider, &merchant, false).await;
    }
    for (id, number) in abnormal {
        let path = format!("/_local/simulator/wechat/trades/{id}/refund");
        door(world, "POST", &path, &json!({ "outRefundNo": number, "status": "SUCCESS" })).await;
    }
}
