//! Events that the merchant fetches: given until they are acknowledged, with the signatures of those that are sent.

use serde_json::{Value, json};

use crate::{
    deliveries::check_signature,
    unreadable::stored,
    world::{MINUTE_MS, START_MS, World, client, master, texts, with},
};

const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

pub(crate) async fn pulled(world: &World, change: &Value) -> Value {
    let body = with(json!({ "target": { "pull": true }, "mode": "test" }), change);
    world.admin("POST", &format!("/apps/{}/webhooks", world.app.app_id), body).await.done(201)
}

async fn fetch(world: &World, body: Value) -> Value {
    world.post_as(&master(&world.app), "/2.0/maxpay/events", body.to_string()).await.ok()
}

pub(crate) async fn events(world: &World) -> Vec<Value> {
    fetch(world, json!({})).await["events"].as_array().unwrap().clone()
}

pub(crate) async fn acknowledge(world: &World, events: &[Value]) -> Value {
    let ids: Vec<_> = events.iter().map(|event| &event["id"]).collect();
    let body = json!({ "ids": ids }).to_string();
    world.post_as(&master(&world.app), "/2.0/maxpay/events/ack", body).await.ok()["acknowledged"].clone()
}

fn body_of(event: &Value) -> Value {
    serde_json::from_str(event["body"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_given_until_it_is_acknowledged() {
    let world = World::start().await;
    let hook = pulled(&world, &json!({ "events": ["payment.success", "payment.closed"] })).await;
    assert_eq!(hook["target"], json!({ "pull": true }));
    assert!(events(&world).await.is_empty());
    let id = world.paid("b-1").await;
    let given = events(&world).await;
    check_signature(&hook, &given[0]);
    assert_eq!(
        (&given[0]["event"], &given[0]["headers"]["content-type"]),
        (&json!("payment.success"), &json!("application/json"))
    );
    let body = body_of(&given[0]);
    assert_eq!((&body["id"], &body["billNum"], &body["status"]), (&json!(id), &json!("b-1"), &json!("success")));
    let sign = crate::deliveries::md5_hex(&format!("{}{}{START_MS}", world.app.app_id, world.app.test.master_key));
    assert_eq!(body["sign"], sign);

    // Given again, signed anew. The queue has nothing of it.
    world.advance(2 * 60 * MINUTE_MS).await;
    let again = events(&world).await;
    assert_eq!((again.len(), &again[0]["id"]), (1, &given[0]["id"]));
    assert_eq!(again[0]["headers"]["webhook-id"], given[0]["headers"]["webhook-id"]);
    assert_ne!(again[0]["headers"]["webhook-signature"], given[0]["headers"]["webhook-signature"]);
    assert_eq!(world.deliveries("waiting").await[0]["attempts"], json!([]));

    assert_eq!((acknowledge(&world, &given).await, acknowledge(&world, &again).await), (json!(1), json!(0)));
    assert!(events(&world).await.is_empty());
    let delivered = world.deliveries("delivered").await;
    assert_eq!(delivered[0]["attempts"][0]["verdict"], "received");
    world.advance(8 * DAY_MS).await;
    assert_eq!(world.deliveries("delivered").await.len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_fetches_is_given_up_after_a_week_and_can_be_given_again() {
    let world = World::start().await;
    pulled(&world, &json!({})).await;
    world.paid("b-1").await;
    world.advance(7 * DAY_MS - 2 * MINUTE_MS).await;
    assert_eq!(events(&world).await.len(), 1);
    world.advance(4 * MINUTE_MS).await;
    assert!(events(&world).await.is_empty());
    let exhausted = world.deliveries("exhausted").await;
    let attempt = &exhausted[0]["attempts"][0];
    assert_eq!((&attempt["verdict"], &attempt["code"]), (&json!("unfetched"), &json!("attempt-unfetched")));
    let resend = format!("/apps/{}/deliveries/{}/resend", world.app.app_id, exhausted[0]["id"].as_str().unwrap());
    world.admin("POST", &resend, Value::Null).await.done(200);
    let given = events(&world).await;
    assert_eq!(given.len(), 1);
    world.advance(6 * DAY_MS).await;
    assert_eq!(acknowledge(&world, &given).await, 1);
    // An acknowledgement counts however late it is.
    world.paid("b-2").await;
    let late = events(&world).await;
    world.advance(8 * DAY_MS).await;
    assert_eq!(world.deliveries("exhausted").await.len(), 1);
    assert_eq!((acknowledge(&world, &late).await, world.deliveries("exhausted").await.len()), (json!(1), 0));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_ends_and_the_next_one_begins_with_what_is_left() {
    let world = World::start().await;
    world.admin("PATCH", &format!("/apps/{}", world.app.app_id), json!({ "shards": 4 })).await.done(200);
    pulled(&world, &json!({})).await;
    for number in 0..53 {
        world.paid(&format!("b-{number:02}")).await;
    }
    let call = async |body: Value| world.post_as(&master(&world.app), "/2.0/maxpay/events", body.to_string()).await;
    let first = call(json!({})).await;
    assert_eq!(first.header("retry-after"), "0");
    let first = first.ok();
    let first_events = first["events"].as_array().unwrap();
    assert_eq!(first_events.len(), 50);
    assert_eq!(acknowledge(&world, &first_events[1..]).await, 49);
    // The cursor is a place in time: what was acknowledged meanwhile moves nothing.
    let second = call(json!({ "cursor": first["cursor"] })).await;
    assert_eq!(second.header("retry-after"), "2");
    let second = second.ok();
    assert_eq!((second["events"].as_array().unwrap().len(), &second["cursor"]), (3, &Value::Null));
    let mut left = vec![first_events[0].clone()];
    left.extend(second["events"].as_array().unwrap().clone());
    let next = fetch(&world, json!({})).await;
    assert_eq!(texts(&next["events"], "id"), texts(&json!(left), "id"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_gets_the_events_of_its_mode_and_of_its_app() {
    let world = World::start().await;
    let test = pulled(&world, &json!({})).await;
    let live = pulled(&world, &json!({ "mode": "live" })).await;
    world.paid("b-1").await;
    let given = events(&world).await;
    let live_key = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-MasterKey", world.app.live.master_key.as_str())];
    let path = "/2.0/maxpay/events";
    let of_live = async |body: Value| world.post_as(&live_key, path, body.to_string()).await;
    assert_eq!(of_live(json!({})).await.ok()["events"], json!([]));
    assert_eq!(of_live(json!({ "webhook": live["id"] })).await.ok()["events"], json!([]));
    of_live(json!({ "webhook": test["id"] })).await.refused(5, "webhook");
    let ids = json!({ "ids": [given[0]["id"]] }).to_string();
    world.post_as(&live_key, "/2.0/maxpay/events/ack", ids.clone()).await.refused(5, "ids");
    // A webhook that changed its mode keeps what happened before to that mode's keys.
    let switch = format!("/apps/{}/webhooks/{}/mode", world.app.app_id, test["id"].as_str().unwrap());
    world.admin("PUT", &switch, json!({ "mode": "live" })).await.done(200);
    assert_eq!(of_live(json!({ "webhook": test["id"] })).await.ok()["events"], json!([]));
    of_live(json!({})).await.refused(4, "webhook");
    world.admin("PUT", &switch, json!({ "mode": "test" })).await.done(200);

    let other = world.new_app("other").await;
    world.post_as(&master(&other), path, "{}").await.refused(4, "webhook");
    let foreign = world.post_as(&master(&other), "/2.0/maxpay/events/ack", ids).await.ok();
    assert_eq!(foreign["acknowledged"], 0);
    world.post_as(&client(&world.app), path, "{}").await.refused(1, "X-ML-MasterKey");
    assert_eq!(acknowledge(&world, &given).await, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_fetched_or_sent_to_from_the_beginning() {
    let world = World::start().await;
    let hook = pulled(&world, &json!({})).await;
    let path = format!("/apps/{}/webhooks/{}", world.app.app_id, hook["id"].as_str().unwrap());
    let url = json!({ "target": { "url": "https://shop.example/" }, "mode": "test" });
    world.admin("PUT", &path, url.clone()).await.problem(400, "target");
    world.admin("PUT", &path, json!({ "target": { "pull": true }, "mode": "test" })).await.done(200);
    world.admin("POST", &format!("{path}/test"), json!({})).await.problem(409, "fetched");
    let sent = world.admin("POST", &format!("/apps/{}/webhooks", world.app.app_id), url).await.done(201);
    let path = format!("/apps/{}/webhooks/{}", world.app.app_id, sent["id"].as_str().unwrap());
    world.admin("PUT", &path, json!({ "target": { "pull": true }, "mode": "test" })).await.problem(400, "target");
    let hooks = format!("/apps/{}/webhooks", world.app.app_id);
    let headers = json!({ "x-shop": "1" });
    for wrong in [
        json!({ "pull": "yes" }),
        json!({ "pull": false }),
        json!({ "pull": true, "function": "f" }),
        json!({ "pull": true, "headers": headers }),
        json!({ "function": "f", "headers": headers }),
    ] {
        world.admin("POST", &hooks, json!({ "target": wrong, "mode": "test" })).await.problem(400, "target");
    }
    // What is sent is not acknowledged by a call.
    world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "status": 500 })).await;
    world.admin("DELETE", &path, Value::Null).await;
    world.paid("b-1").await;
    world.advance(0).await;
    world.inbox::<1>("shop").await;
    let waiting = world.deliveries("waiting").await;
    let sent = waiting.iter().find(|one| one["webhook"] != hook["id"]).unwrap();
    let ids = json!({ "ids": [sent["id"]] }).to_string();
    world.post_as(&master(&world.app), "/2.0/maxpay/events/ack", ids).await.refused(5, "ids");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_cannot_be_read_holds_up_no_other_event() {
    let world = World::start().await;
    pulled(&world, &json!({})).await;
    let broken = world.paid("broken").await;
    world.paid("b-2").await;
    let mut item = stored(&world, "TransactionsTable", "id", &broken).await;
    item["created_ms"] = json!({ "L": [] });
    world.stack.import(&json!({ "TransactionsTable": [item] })).await.unwrap();
    let given = events(&world).await;
    assert_eq!(given.len(), 1);
    assert_eq!(body_of(&given[0])["billNum"], "b-2");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_cannot_be_read_ends_no_walk() {
    let world = World::start().await;
    pulled(&world, &json!({})).await;
    for number in 0..51 {
        world.paid(&format!("b-{number:02}")).await;
    }
    let mut entry = stored(&world, "TransactionsTable", "sk", "DELIVERY#").await;
    entry["sk"] = json!({ "S": "DELIVERY#broken" });
    entry["by_time_sk"] = json!({ "S": "0" });
    world.stack.import(&json!({ "TransactionsTable": [entry] })).await.unwrap();
    let first = fetch(&world, json!({})).await;
    let second = fetch(&world, json!({ "cursor": first["cursor"] })).await;
    let given = [&first, &second].map(|page| page["events"].as_array().unwrap().len());
    assert_eq!((given, &second["cursor"]), ([50, 1], &Value::Null));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_wrote_that_could_not_read_the_webhook_is_given_all_the_same() {
    let world = World::start().await;
    let hook = pulled(&world, &json!({})).await;
    let key = format!("WEBHOOK#{}", hook["id"].as_str().unwrap());
    let good = stored(&world, "ConfigurationTable", "sk", &key).await;
    let put = async |item: &Value| {
        world.stack.import(&json!({ "ConfigurationTable": [item] })).await.unwrap();
        // No function still has what it read before.
        world.advance(6_000).await;
    };
    let mut older = good.clone();
    older["sealed"] = json!({ "B": "AAAA" });
    put(&older).await;
    world.paid("b-1").await;
    world.advance(MINUTE_MS).await;
    put(&good).await;
    world.advance(16 * MINUTE_MS).await;
    let given = events(&world).await;
    assert_eq!((given.len(), world.deliveries("waiting").await[0]["attempts"].clone()), (1, json!([])));
    world.advance(7 * DAY_MS).await;
    assert_eq!(world.deliveries("exhausted").await.len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_webhook_keeps_no_events() {
    let world = World::start().await;
    let hook = pulled(&world, &json!({})).await;
    world.paid("b-1").await;
    let mut given = events(&world).await;
    let path = format!("/apps/{}/webhooks/{}", world.app.app_id, hook["id"].as_str().unwrap());
    world.admin("DELETE", &path, Value::Null).await;
    assert_eq!(world.deliveries("cancelled").await.len(), 1);
    world.post_as(&master(&world.app), "/2.0/maxpay/events", "{}").await.refused(4, "webhook");
    // Its events hold up no other's acknowledgement.
    pulled(&world, &json!({})).await;
    world.paid("b-2").await;
    given.extend(events(&world).await);
    assert_eq!((given.len(), acknowledge(&world, &given).await), (2, json!(1)));
    assert_eq!(world.deliveries("cancelled").await.len(), 1);
    world.end().await;
}
