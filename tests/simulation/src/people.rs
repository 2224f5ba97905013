//! Merchants, operators and forgers: they set up the shop, and change it while bills are open.

use std::sync::Arc;

use bytes::Bytes;
use domain::{Channel, Family, Tab};
use local::WorkQueue;
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

/// The events of most webhooks, and of some dead ones.
const MUCH: [&str; 5] = ["payment.success", "payment.closed", "refund.success", "refund.failed", "payment.duplicate"];
const LITTLE: [&str; 2] = ["refund.failed", "payment.duplicate"];

/// How often an operator tries to replace a key. If the answer is lost, the key has been replaced, too.
const REPLACED_MAX: u32 = 40;

/// Longer than the longest grace time, two wrong clocks, and the time that a function remembers an app.
const REVOKED_MS: i64 = 14 * MINUTE_MS;

/// How long a function may use settings that an operator has changed: it remembers an app for five seconds, and its reads may lag.
const BELIEVED_MS: i64 = 40 * SECOND_MS;

/// The largest difference of two clocks: one is fast, the other slow.
pub(crate) const SKEW_MS: i64 = 10 * MINUTE_MS;

/// Calls the operator API. `None` if there was no answer, or if the answer is not a success.
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

/// Makes the app, its channels and its first webhooks, without faults.
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
    for tab in Tab::ALL.map(Tab::name) {
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
    let hook = Hook { id: None, is_dead, hears_payments: false, down_until_ms: 0, made_ms: i64::MAX, gone_ms: None };
    let number = world.ledger().add_hook(hook);
    // A target that fails a hundred times in a row is paused. A webhook with few events is tried until the end.
    let hears_little = is_dead && world.with_faults(|faults| faults.random().bool());
    let body = json!({
        "target": { "url": format!("https://hook{number}.shop.example/told") },
        "mode": "test",
        "events": if hears_little { json!(LITTLE) } else { json!(MUCH) },
    });
    let made = admin(world, "POST", &format!("/apps/{}/webhooks", shop.app), &body).await;
    let Some(made) = made else { return };
    if let Some(secret) = made["secret"].as_str() {
        world.log.must_stay_secret(secret);
    }
    // A webhook that exists before the first charge exists for every payment.
    let is_opening = world.shop().is_none();
    let now_ms = world.time.now_ms();
    if let Some(hook) = world.ledger().hook_mut(number) {
        hook.id = made["id"].as_str().map(str::to_owned);
        hook.made_ms = if is_opening { 0 } else { now_ms + BELIEVED_MS + SKEW_MS };
        hook.hears_payments = !hears_little;
    }
}

/// Runs everybody until all bills are over.
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

/// An operator changes something from time to time.
async fn operate(world: Arc<World>) {
    loop {
        let wait_ms = world.with_faults(|faults| faults.random().i64(20 * SECOND_MS..4 * MINUTE_MS));
        sleep(wait_ms).await;
        let Some(shop) = world.shop() else { continue };
        for queue in WorkQueue::ALL {
            if world.embedded().queued(queue) > 0 && world.draw(Fault::QueuePurged) {
                world.count(Fault::QueuePurged);
                purge(&world, queue).await;
            }
        }
        if world.strike(Fault::SettingsChanged) {
            change_settings(&world, &shop).await;
        }
        if world.strike(Fault::KeyReplaced) {
            replace_key(&world, &shop).await;
        }
        if world.draw(Fault::TargetFlapped) {
            let hooks = world.ledger().hooks().len();
            let now_ms = world.time.now_ms();
            let (number, down_ms) = world.with_faults(|faults| {
                (faults.random().usize(0..hooks), faults.random().i64(MINUTE_MS..20 * MINUTE_MS))
            });
            if let Some(hook) = world.ledger().hook_mut(number) {
                hook.down_until_ms = now_ms + down_ms;
            }
        }
        if world.draw(Fault::BalanceEmpty) {
            empty_a_balance(&world).await;
        }
    }
}

async fn purge(world: &World, queue: WorkQueue) {
    let body = json!({ "QueueUrl": world.embedded().queue_url(queue) }).to_string();
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
            // The settings of the same account again, or of another one.
            let kind = world.with_faults(|faults| if faults.random().bool() { "openapi" } else { "openapiCert" });
            let settings = door(world, "GET", "/_local/simulator/alipay/settings", &Value::Null).await;
            let path = format!("/apps/{}/channels/ali?mode=test", shop.app);
            admin(world, "PUT", &path, &settings.unwrap_or_default()[kind]).await;
        }
        3 => {
            let tab = world.with_faults(|faults| faults.random().choice(Tab::ALL)).map_or("ali", Tab::name);
            let path = format!("/apps/{}/channels/{tab}?mode=test", shop.app);
            admin(world, "PUT", &path, &json!({ "protocol": "simulator" })).await;
        }
        4 => {
            let hooks = world.ledger().hooks();
            let id = hooks.iter().filter(|hook| hook.gone_ms.is_none()).find_map(|hook| hook.id.clone());
            if let Some(id) = id {
                let path = format!("/apps/{}/webhooks/{id}/secret/rotate", shop.app);
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

/// Replaces a key. The merchant's servers use the new key as soon as an answer contains it.
async fn replace_key(world: &Arc<World>, shop: &Shop) {
    let (is_master, at_once) = world.with_faults(|faults| (faults.random().bool(), faults.random().bool()));
    let (key, member) = if is_master { ("master", "masterKey") } else { ("client", "clientKey") };
    let body = json!({ "mode": "test", "key": key, "graceSeconds": if at_once { 0 } else { 120 } });
    let path = format!("/apps/{}/keys/rotate", shop.app);
    for _ in 0..REPLACED_MAX {
        let made = admin(world, "POST", &path, &body).await;
        let Some(new) = made.as_ref().and_then(|made| made[member].as_str()) else {
            sleep(2 * SECOND_MS).await;
            continue;
        };
        let mut changed = shop.clone();
        if is_master {
            world.log.must_stay_secret(new);
            new.clone_into(&mut changed.master_key);
        } else {
            new.clone_into(&mut changed.client_key);
        }
        world.set_shop(changed);
        let (header, revoked) = if is_master {
            ("x-ml-masterkey", shop.master_key.clone())
        } else {
            ("x-ml-apikey", shop.client_key.clone())
        };
        tokio::spawn(stays_out(Arc::clone(world), shop.app.clone(), header, revoked));
        return;
    }
    world.accuse("a key can be replaced", key);
}

/// A caller with the old key gets nothing, once every clock says that the key has expired.
async fn stays_out(world: Arc<World>, app: String, header: &'static str, key: String) {
    sleep(REVOKED_MS).await;
    let request = http::Request::post(format!("{URL}/2.0/maxpay/records"))
        .header("content-type", "application/json")
        .header("x-ml-appid", &app)
        .header(header, &key)
        .body(Bytes::from_static(br#"{"billNum":"B0"}"#));
    let Ok(request) = request else { return };
    let answer = world.call(request).await.filter(|answer| answer.status() == 200);
    let answer: Option<Value> = answer.and_then(|answer| serde_json::from_slice(answer.body()).ok());
    if answer.is_some_and(|answer| answer["code"] != 1) {
        world.accuse("a revoked key opens nothing", header);
    }
}

async fn delete_hook(world: &World, shop: &Shop) {
    let now_ms = world.time.now_ms();
    let found = {
        let mut ledger = world.ledger();
        let hooks = ledger.hooks();
        let live = hooks.iter().filter(|hook| hook.gone_ms.is_none() && hook.id.is_some()).count();
        let last = hooks.iter().rposition(|hook| hook.gone_ms.is_none() && hook.id.is_some());
        // The last webhook always stays.
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

/// A forger reports payments that nobody made.
async fn forge(world: Arc<World>) {
    loop {
        let wait_ms = world.with_faults(|faults| faults.random().i64(5 * SECOND_MS..90 * SECOND_MS));
        sleep(wait_ms).await;
        let [forged, contradicted] = [Fault::NotifyForged, Fault::NotifyContradicted].map(|fault| world.draw(fault));
        if !forged && !contradicted {
            continue;
        }
        let orders = world.ledger().orders();
        let Some((id, order)) = world.with_faults(|faults| faults.random().choice(orders)) else { continue };
        if contradicted {
            contradict(&world, &id, order.channel).await;
        }
        if !forged {
            continue;
        }
        let (provider, plural) = provider_of(order.channel);
        let lies = match order.channel.family() {
            Family::Ali => vec![
                json!({ "totalAmount": "0.01" }),
                json!({ "sellerId": "2088999999999999" }),
                json!({ "appId": "2021999999999999" }),
                json!({ "signWith": "other" }),
            ],
            Family::Wx => vec![
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
                json!({ "skewSeconds": -3600 }),
                json!({ "probe": true }),
            ],
            Family::Unipay => vec![
                json!({ "txnAmt": "1" }),
                json!({ "merId": "999999999999999" }),
                json!({ "orderId": "0123456789abcdef01234567" }),
                json!({ "currencyCode": "840" }),
                json!({ "signWith": "other" }),
                json!({ "signWith": "selfMade" }),
                json!({ "signWith": "fakeIssuer" }),
                json!({ "signWith": "expiredCert" }),
                json!({ "signWith": "foreignCn" }),
                json!({ "txnType": "04" }),
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

/// The provider has a payment, but says in a notify of its own that it has none.
async fn contradict(world: &World, id: &str, channel: Channel) {
    let (provider, plural) = provider_of(channel);
    let path = format!("/_local/simulator/{provider}/{plural}/{id}");
    let Some(trade) = door(world, "GET", &path, &Value::Null).await else { return };
    // If nobody paid the order, this notify would be true, and the last about it.
    let is_paid = match channel.family() {
        Family::Ali | Family::Wx => !trade["paidAt"].is_null(),
        Family::Unipay => trade["respCode"] == "00" && !trade["endedAt"].is_null(),
    };
    if !is_paid {
        return;
    }
    let (member, words): (&str, &[&str]) = match channel.family() {
        // No `TRADE_CLOSED` here: Alipay sends it, too, after a full refund of a payment, so it would not be a contradiction.
        Family::Ali => ("tradeStatus", &["WAIT_BUYER_PAY", "NEW"]),
        Family::Wx => ("tradeState", &["NOTPAY", "CLOSED", "PAYERROR", "USERPAYING", "REVOKED"]),
        Family::Unipay => ("respCode", &["05", "34", "77"]),
    };
    let word = world.with_faults(|faults| faults.random().choice(words).copied());
    let body = json!({ "pay": false, "notify": true, member: word });
    if door(world, "POST", &format!("{path}/pay"), &body).await.is_some() {
        world.count(Fault::NotifyContradicted);
    }
}

/// What people do after the last fault: balances are filled, and banks accept the refunds that they refused before.
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

/// Most merchants repair their dead targets.
pub(crate) fn revive_targets(world: &World) {
    let hooks = world.ledger().hooks();
    for number in (0..hooks.len()).filter(|number| hooks.get(*number).is_some_and(|hook| hook.is_dead)) {
        let is_mended = world.with_faults(|faults| faults.random().u32(0..4)) > 0;
        if let Some(hook) = world.ledger().hook_mut(number).filter(|_| is_mended) {
            hook.is_dead = false;
        }
    }
}

/// The other merchants delete their webhooks.
pub(crate) async fn remove_dead_targets(world: &World) {
    let Some(shop) = world.shop() else { return };
    let hooks = world.ledger().hooks();
    for (number, hook) in hooks.iter().enumerate().filter(|(_, hook)| hook.is_dead && hook.gone_ms.is_none()) {
        if let Some(hook) = world.ledger().hook_mut(number) {
            hook.gone_ms = Some(world.time.now_ms());
        }
        let Some(id) = &hook.id else { continue };
        if admin(world, "DELETE", &format!("/apps/{}/webhooks/{id}", shop.app), &Value::Null).await.is_none() {
            world.accuse("a webhook can be taken away", id);
        }
    }
}
