//! A new version is deployed over the data of an older one, and for some minutes both run side by side.
//!
//! `tests/fixtures/v1` has a data folder's keys and an item of every kind, as version 1 wrote them. It never changes. When a format
//! changes, the next one gets its own fixture:
//!
//!     MAXPAY_WRITE_FIXTURE=tests/fixtures/v2 cargo test -p tests --test specs upgrades::a_fixture_is_written_when_asked_for

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use domain::Timestamp;
use local::{Options, StackClock};
use serde_json::{Value, json};

use crate::{
    notify_message::Message,
    refunds::{of, refund, refunds},
    webhook_functions::{function, register},
    world::{MINUTE_MS, START_MS, World, charge_of, options, texts},
};

const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1")
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A world with the keys and items of the fixture; `change` may change each item.
pub(crate) async fn upgraded(change: impl Fn(&mut Value)) -> (World, PathBuf) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("upgrade-{}", std::process::id()));
    let folder = (0..)
        .map(|n| folder.with_extension(n.to_string()))
        .find(|folder| fs::create_dir_all(folder.parent().unwrap()).is_ok() && fs::create_dir(folder).is_ok())
        .unwrap();
    for file in ["sealing.key", "local.json"] {
        fs::copy(fixture().join(file), folder.join(file)).unwrap();
    }
    let mut tables = read(&fixture().join("items.json"));
    for table in tables.as_object_mut().unwrap().values_mut() {
        table.as_array_mut().unwrap().iter_mut().for_each(&change);
    }
    // The fixture was written within a day of the start.
    let clock = StackClock::standing(Timestamp::from_ms(START_MS + DAY_MS).unwrap());
    let world =
        World::start_with(Options { data_dir: Some(folder.clone()), items: Some(tables), clock, ..options() }).await;
    (world, folder)
}

pub(crate) async fn end(world: World, folder: PathBuf) {
    world.end().await;
    fs::remove_dir_all(folder).unwrap();
}

/// An item of every kind: bills of each course, refunds, a webhook that works and one that does not, the markers of deleted things,
/// people, a day that was compared with the provider's bill.
async fn live(world: &World) {
    let app = format!("/apps/{}", world.app.app_id);
    function(world, "webhook-paid").await;
    let webhook = json!({ "target": { "url": "https://shop.example/paid", "headers": { "X-Shop": "tea" } }, "mode": "test", "events": ["payment.success"] });
    world.admin("POST", &format!("{app}/webhooks"), webhook.clone()).await.done(201);
    let gone = world.admin("POST", &format!("{app}/webhooks"), webhook).await.done(201)["id"].clone();
    world.admin("DELETE", &format!("{app}/webhooks/{}", gone.as_str().unwrap()), Value::Null).await;
    world.admin("DELETE", &format!("{app}/channels/unipay_app?mode=test"), Value::Null).await;
    let accountant = json!({ "name": "accountant", "role": "viewer", "password": "a password of their own" });
    world.admin("POST", "/operators", accountant).await.done(201);
    world.post_form("/console/sign-in", "name=accountant&password=mistyped").await;

    world.paid("paid").await;
    let refunded = world.paid("refunded").await;
    world.play(&refunded, "refund", json!({ "amount": "1.00" })).await;
    world.paid("back").await;
    refund(world, &of("back", "R1", 100)).await.ok();
    let trade = world.trade(&world.charged("mismatch").await).await;
    let path = trade["notifyUrl"].as_str().unwrap().to_owned();
    world.post_form(&path, Message::paid(&trade).with("total_amount", "0.01").signed()).await;

    let planted = json!({ "extra": { "01a208d0524f0f0f0f0f0f0f": 4200 } });
    world.post_as(&[], "/_local/simulator/alipay/bill", planted.to_string()).await.done(200);
    world.advance(DAY_MS).await;
    world.post_as(&[], "/_local/reconcile", "").await.done(200);

    world.paid("going back").await;
    world.faults(&["http500"]).await;
    refund(world, &of("going back", "R2", 100)).await.ok();
    world.charged("open").await;
    world.ignores("webhook-paid");
}

fn asked_for() -> Option<PathBuf> {
    std::env::var_os("MAXPAY_WRITE_FIXTURE").map(|path| Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixture_is_written_when_asked_for() {
    let Some(target) = asked_for() else { return };
    fs::create_dir_all(&target).unwrap();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fixture");
    let _ = fs::remove_dir_all(&folder);
    let world = World::start_with(Options { data_dir: Some(folder.clone()), ..options() }).await;
    live(&world).await;
    let items = world.stack.export().await.unwrap();
    fs::write(target.join("items.json"), serde_json::to_string_pretty(&items).unwrap()).unwrap();
    for file in ["sealing.key", "local.json"] {
        fs::copy(folder.join(file), target.join(file)).unwrap();
    }
    end(world, folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_version_1_wrote_is_read_and_goes_on() {
    let (world, folder) = upgraded(|_| {}).await;
    assert_eq!(world.record("paid").await["status"], "success");
    assert_eq!(world.record("refunded").await["refundedFee"], 100);
    assert_eq!(world.record("open").await["status"], "created");
    let incidents = world.incidents().await;
    assert_eq!(texts(&json!(incidents), "kind"), ["amount"]);
    // It stored a text without a code.
    assert_eq!((&incidents[0]["code"], &incidents[0]["params"]["words"]), (&json!("words"), &incidents[0]["problem"]));
    let of_app = |path: &str| format!("/apps/{}/{path}", world.app.app_id);
    let webhooks = world.admin("GET", &of_app("webhooks"), Value::Null).await.done(200);
    assert!(webhooks["items"].as_array().unwrap().iter().any(|webhook| webhook["health"].is_object()), "{webhooks}");
    let compared = world.admin("GET", &of_app("reconciliations?mode=test"), Value::Null).await.done(200);
    assert!(texts(&compared["items"], "kind").contains(&"missing-here".to_owned()), "{compared}");
    let people = world.admin("GET", "/operators", Value::Null).await.done(200);
    assert_eq!(texts(&people["items"], "name"), ["accountant", "admin"]);

    // The open bill is still the same bill, and a paid one stays paid.
    let open = world.record("open").await["id"].clone();
    assert_eq!(world.charge(&charge_of("ali_qrcode", "open")).await.ok()["id"], open);
    world.charge(&charge_of("ali_web", "paid")).await.refused(5, "paid");
    world.charge(&charge_of("ali_web", "new")).await.ok();
    assert_eq!(refund(&world, &of("back", "R1", 100)).await.ok()["status"], "success");
    let pending = refunds(&world, &json!({ "refundNum": "R2" })).await.ok()["results"][0].clone();
    assert_eq!(pending["status"], "pending");

    // Waiting deliveries go on, and new payments cause events.
    let attempts = async || {
        let waiting = world.deliveries("waiting").await;
        waiting.iter().map(|delivery| delivery["attempts"].as_array().unwrap().len()).collect::<Vec<_>>()
    };
    // Nine attempts fall into the first day, the tenth into the second.
    assert_eq!(attempts().await, [9, 9, 9]);
    register(&world, "webhook-paid").await;
    world.play(open.as_str().unwrap(), "pay", json!({})).await;
    world.advance(DAY_MS).await;
    assert_eq!(attempts().await, [9, 9, 10, 10, 10]);
    let told = world.inbox::<2>("webhook-paid").await.map(|told| told["body"].as_str().unwrap().to_owned());
    assert!(told[0].contains(r#""billNum":"open""#) && told[1].contains(r#""billNum":"going back""#), "{told:?}");
    // The provider of this world answers that it does not know that payment.
    assert_eq!(refunds(&world, &json!({ "refundNum": "R2" })).await.ok()["results"][0]["status"], "failed");
    end(world, folder).await;
}

/// An older function of the same version must work alongside a newer one that writes more: it does not refuse an item with unknown
/// attributes, and does not drop them when it changes the item.
#[tokio::test(flavor = "multi_thread")]
async fn attributes_of_a_later_version_survive() {
    let (world, folder) = upgraded(|item| item["from_later"] = json!({ "S": "kept" })).await;
    let app = world.app.app_id.clone();
    let trade = world.charge(&charge_of("ali_qrcode", "open")).await.ok()["id"].clone();
    let notify = pay_by_hand(&world, trade.as_str().unwrap()).await;
    assert_eq!(notify, 200);
    assert_eq!(world.record("open").await["status"], "success");
    world.admin("PATCH", &format!("/apps/{app}"), json!({ "name": "renamed" })).await.done(200);
    world
        .admin("POST", &format!("/apps/{app}/keys/rotate"), json!({ "mode": "live", "key": "master" }))
        .await
        .done(200);
    let settings = world.merchant("openapi").await;
    world.configure(&world.app, &settings).await;
    world.admin("DELETE", &format!("/apps/{app}/channels/wx_app?mode=test"), Value::Null).await;
    world.advance(10 * MINUTE_MS).await;

    let [before, after] = [read(&fixture().join("items.json")), world.stack.export().await.unwrap()].map(by_key);
    let lost: Vec<_> =
        before.keys().filter(|key| after.get(*key).is_none_or(|item| item["from_later"]["S"] != "kept")).collect();
    assert!(lost.is_empty(), "lost what a later version wrote: {lost:?}");
    end(world, folder).await;
}

/// An older function knows only the text of an incident. It can read what this version stores, because the text is in the same
/// place. If it overwrites the text, the stored code and parameters are ignored.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_counts_as_long_as_the_text_beside_it_is_its_own() {
    // As the fixture has it, and as this version says it.
    const TEXT: &str = "the amount is 1 fen where 9900 were charged";
    const TEXT_NOW: &str = "the amount is 1 fen, but 9900 fen were charged";
    let params = json!({ "said": 1, "expected": 9900 });
    for (text, code) in [(TEXT, "amount-differs"), ("what stood there before", "words")] {
        let kept = json!({ "text": text, "code": "amount-differs", "params": params }).to_string();
        let (world, folder) = upgraded(|item| {
            if item["problem"]["S"] == TEXT {
                item["extras"] = json!({ "S": kept });
            }
        })
        .await;
        let incidents = world.incidents().await;
        assert_eq!((&incidents[0]["problem"], &incidents[0]["code"]), (&json!(TEXT), &json!(code)));
        end(world, folder).await;
    }

    let world = World::start().await;
    live(&world).await;
    let items = by_key(world.stack.export().await.unwrap());
    let kept: Vec<_> = items.values().filter(|item| item.get("problem").is_some()).collect();
    assert!(kept.iter().any(|item| item["problem"]["S"] == TEXT_NOW), "{kept:?}");
    for item in kept {
        let beside: Value = serde_json::from_str(item["extras"]["S"].as_str().unwrap()).unwrap();
        assert_eq!(beside["text"], item["problem"]["S"], "{item}");
    }
    world.end().await;
}

/// Alipay's notify for a payment of the fixture, which the simulator of this world does not know.
async fn pay_by_hand(world: &World, id: &str) -> u16 {
    let trade = json!({
        "merchant": world.merchant("openapi").await["appId"], "outTradeNo": id, "tradeNo": "2026112322001400000000000099",
        "totalAmount": "99.00", "subject": "A cup of tea",
    });
    let path = format!("/notify/{}/test/ali_qrcode/01/b3Blbg", world.app.app_id);
    world.post_form(&path, Message::paid(&trade).signed()).await.status
}

fn by_key(tables: Value) -> BTreeMap<(String, String), Value> {
    let tables = tables.as_object().unwrap().clone().into_iter();
    let items = tables.flat_map(|(_, items)| items.as_array().unwrap().clone());
    items.map(|item| ((item["pk"]["S"].to_string(), item["sk"]["S"].to_string()), item)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_item_says_its_version() {
    let world = World::start().await;
    live(&world).await;
    let items = by_key(world.stack.export().await.unwrap());
    let without: Vec<_> = items.iter().filter(|(_, item)| item["v"]["N"] != "1").map(|(key, _)| key).collect();
    assert!(without.is_empty(), "not of version 1: {without:?}");
    assert!(items.len() > 12, "{}", items.len());
    world.end().await;
}
