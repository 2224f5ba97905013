//! Webhooks and their operators: changed, switched, tested, deleted; deliveries shown and sent again.

use serde_json::{Value, json};

use crate::world::{MINUTE_MS, START_MS, World, texts, with};

const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

fn path(world: &World, hook: &Value, rest: &str) -> String {
    format!("/apps/{}/webhooks/{}{rest}", world.app.app_id, hook["id"].as_str().unwrap())
}

fn resend(world: &World, delivery: &Value) -> String {
    format!("/apps/{}/deliveries/{}/resend", world.app.app_id, delivery["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_applies_to_the_next_attempt() {
    let world = World::start().await;
    let hook = world.webhook_to("old", &json!({})).await;
    world.receiver("old", json!({ "status": 500 })).await;
    world.paid("b-1").await;
    world.advance(0).await;
    let target =
        json!({ "url": format!("{}/_local/receiver/new", world.url), "headers": { "X-Shop": "header-secret" } });
    world.must_stay_secret("header-secret");
    let change = json!({ "target": target, "mode": "test", "events": ["payment.success", "refund.success"] });
    let changed = world.admin("PUT", &path(&world, &hook, ""), change.clone()).await.done(200);
    assert_eq!(changed["events"], json!(["payment.success", "refund.success"]));
    assert_eq!((&changed["id"], &changed["secret"]), (&hook["id"], &json!("***")));
    world.advance(MINUTE_MS).await;
    assert_eq!(world.arrivals("old").await.len(), 1);
    let [arrived] = world.inbox("new").await;
    assert_eq!(arrived["headers"]["x-shop"], "header-secret");

    // A header with the mask keeps its value. A mask without a saved value is refused.
    let masked = with(target, &json!({ "headers": { "x-shop": "***" } }));
    world.admin("PUT", &path(&world, &hook, ""), with(change.clone(), &json!({ "target": masked }))).await.done(200);
    world.paid("b-2").await;
    world.advance(0).await;
    let [_, again] = world.inbox("new").await;
    assert_eq!(again["headers"]["x-shop"], "header-secret");
    let nothing = json!({ "target": { "url": "https://shop.example/", "headers": { "X-Other": "***" } } });
    world.admin("PUT", &path(&world, &hook, ""), with(change, &nothing)).await.problem(400, "target.headers");
    world
        .admin("PUT", &path(&world, &json!({ "id": "0".repeat(24) }), ""), json!({ "mode": "test" }))
        .await
        .problem(404, "webhook");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_headers_cannot_be_set() {
    let world = World::start().await;
    for name in ["Content-Type", "host", "Content-Length", "webhook-id", "Webhook-Signature"] {
        let body = json!({ "target": { "url": "https://shop.example/", "headers": { name: "x" } }, "mode": "test" });
        let hooks = format!("/apps/{}/webhooks", world.app.app_id);
        world.admin("POST", &hooks, body).await.problem(400, "target.headers");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switched_webhook_hears_the_other_mode() {
    let world = World::start().await;
    let hook = world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "status": 500 })).await;
    world.paid("b-1").await;
    world.advance(0).await;
    let switched = world.admin("PUT", &path(&world, &hook, "/mode"), json!({ "mode": "live" })).await.done(200);
    assert_eq!(switched["mode"], "live");
    world.paid("b-2").await;
    world.advance(DAY_MS).await;
    assert_eq!(world.arrivals("shop").await.len(), 1);
    let cancelled = json!(world.deliveries("cancelled").await);
    assert_eq!(texts(&cancelled, "billNum"), ["b-1"]);
    world.admin("POST", &resend(&world, &cancelled[0]), Value::Null).await.problem(409, "webhook");
    for wrong in [json!({}), json!({ "mode": "prod" })] {
        world.admin("PUT", &path(&world, &hook, "/mode"), wrong).await.problem(400, "mode");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_shows_what_went_out_what_came_back_and_the_verdict() {
    let world = World::start().await;
    let target =
        json!({ "url": format!("{}/_local/receiver/shop?k=v", world.url), "headers": { "X-Shop": "header-secret" } });
    let hook = world.webhook_to("", &json!({ "target": target })).await;
    world.must_stay_secret("header-secret");
    let test = async |hook: &Value, body: Value| world.admin("POST", &path(&world, hook, "/test"), body).await;
    let shown = test(&hook, json!({ "event": "payment.success" })).await.done(200);
    assert_eq!((&shown["received"], &shown["response"]["status"]), (&json!(true), &json!(200)));
    assert_eq!(shown["request"]["headers"]["X-Shop"], "***");
    let [arrived] = world.inbox("shop").await;
    assert_eq!((&arrived["body"], &arrived["headers"]["x-shop"]), (&shown["request"]["body"], &json!("header-secret")));
    let body: Value = serde_json::from_str(arrived["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["createdTime"], &body["timestamp"]), (&json!(0), &json!(START_MS)));

    world.receiver("shop", json!({ "status": 404, "body": "nobody here" })).await;
    let shown = test(&hook, json!({})).await.done(200);
    assert_eq!((&shown["received"], &shown["response"]["status"]), (&json!(false), &json!(404)));
    assert_eq!((&shown["verdict"], &shown["response"]["body"]), (&json!("status"), &json!("nobody here")));
    test(&hook, json!({ "event": "payment.gone" })).await.problem(400, "event");

    let function = world.webhook_to("", &json!({ "target": { "function": "webhook-nobody" } })).await;
    let shown = test(&function, json!({})).await.done(200);
    assert_eq!((&shown["received"], &shown["verdict"]), (&json!(false), &json!("function-missing")));
    world.advance(DAY_MS).await;
    assert_eq!(world.arrivals("shop").await.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_arrived_is_listed_with_every_attempt_and_sent_again() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "status": 503, "body": "down" })).await;
    let id = world.paid("b-1").await;
    world.advance(MINUTE_MS).await;
    let waiting = json!(world.deliveries("waiting").await);
    assert_eq!(texts(&waiting, "transaction"), [id.as_str()]);
    assert_eq!((&waiting[0]["nextAttempt"], &waiting[0]["nextTime"]), (&json!(3), &json!(START_MS + 6 * MINUTE_MS)));
    world.advance(3 * DAY_MS).await;
    assert_eq!(world.deliveries("waiting").await, Vec::<Value>::new());
    let exhausted = world.deliveries("exhausted").await;
    let [delivery] = exhausted.as_slice() else { panic!("{exhausted:?}") };
    assert_eq!((&delivery["event"], &delivery["state"]), (&json!("payment.success"), &json!("exhausted")));
    let attempts = delivery["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[10]["status"], &attempts[10]["answer"]), (11, &json!(503), &json!("down")));
    assert_eq!((&attempts[10]["attempt"], &attempts[10]["verdict"]), (&json!(11), &json!("status")));

    // Sent again, it fails once more, and its schedule begins again.
    world.admin("POST", &resend(&world, delivery), Value::Null).await.done(200);
    world.advance(0).await;
    world.receiver("shop", json!({ "status": 200 })).await;
    world.advance(MINUTE_MS).await;
    let arrived = world.arrivals("shop").await;
    assert_eq!(arrived.len(), 13);
    let ids: std::collections::BTreeSet<_> =
        arrived.iter().map(|one| one["headers"]["webhook-id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(world.deliveries("delivered").await.len(), 1);
    for unknown in ["x", "dGVzdAox"] {
        let path = format!("/apps/{}/deliveries/{unknown}/resend", world.app.app_id);
        world.admin("POST", &path, Value::Null).await.problem(404, "delivery");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_sends_again_what_is_in_a_state_since_a_time() {
    let world = World::start().await;
    let hook = world.webhook_to("shop", &json!({})).await;
    for bill in ["b-1", "b-2", "b-3"] {
        world.paid(bill).await;
        world.advance(MINUTE_MS).await;
    }
    world.receiver("shop", json!({ "status": 500 })).await;
    world.paid("b-4").await;
    world.advance(3 * DAY_MS).await;
    assert_eq!(world.arrivals("shop").await.len(), 3 + 11);
    world.receiver("shop", json!({})).await;
    let replay = async |body: Value| world.admin("POST", &path(&world, &hook, "/replay"), body).await;

    assert_eq!(replay(json!({ "since": START_MS })).await.done(200), json!({ "replayed": 1, "cursor": null }));
    world.advance(0).await;
    let delivered = json!({ "since": START_MS + MINUTE_MS, "states": ["delivered"] });
    assert_eq!(replay(delivered).await.done(200)["replayed"], 3);
    world.advance(0).await;
    let arrived = world.arrivals("shop").await;
    let bills = |arrived: &[Value]| -> Vec<String> {
        let bill = |one: &Value| {
            serde_json::from_str::<Value>(one["body"].as_str().unwrap()).unwrap()["billNum"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let mut bills: Vec<_> = arrived.iter().map(bill).collect();
        bills.sort();
        bills
    };
    assert_eq!(bills(&arrived[14..]), ["b-2", "b-3", "b-4", "b-4"]);
    for (wrong, field) in [
        (json!({}), "since"),
        (json!({ "since": "x" }), "since"),
        (json!({ "since": 0, "states": ["gone"] }), "states"),
        (json!({ "since": 0, "states": [] }), "states"),
        (json!({ "since": 0, "cursor": "x" }), "cursor"),
    ] {
        replay(wrong).await.problem(400, field);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_webhook_cancels_what_waits_for_it() {
    let world = World::start().await;
    let hook = world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "status": 500 })).await;
    world.paid("tried").await;
    world.advance(0).await;
    world.paid("new").await;
    world.admin("DELETE", &path(&world, &hook, ""), Value::Null).await.done(204);
    assert_eq!(texts(&json!(world.deliveries("cancelled").await), "billNum"), ["tried"]);
    world.advance(DAY_MS).await;
    assert_eq!(world.arrivals("shop").await.len(), 1);
    let mut cancelled = texts(&json!(world.deliveries("cancelled").await), "billNum");
    cancelled.sort();
    assert_eq!(cancelled, ["new", "tried"]);
    assert_eq!(world.deliveries("waiting").await, Vec::<Value>::new());
    world.admin("DELETE", &path(&world, &hook, ""), Value::Null).await.problem(404, "no such");
    world.end().await;
}
