//! Targets of webhooks as operators see them: which one fails, since when and how much waits, what can be sent again, and what a test sends.

use domain::Event;
use serde_json::{Value, json};

use crate::{
    console::{Visitor, hire},
    contract::DOCUMENT,
    world::{MINUTE_MS, World},
};

fn app_of(world: &World) -> String {
    format!("/apps/{}", world.app.app_id)
}

/// The names of the members that a schema documents.
fn documented(schema: &Value) -> Vec<String> {
    if let Some(pointer) = schema["$ref"].as_str() {
        return documented(DOCUMENT.pointer(pointer.trim_start_matches('#')).unwrap());
    }
    let parts = schema["allOf"].as_array().into_iter().flatten().flat_map(documented);
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
    own.chain(parts).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_carries_every_documented_member_of_its_event() {
    let world = World::start().await;
    let hook = world.webhook_to("shop", &json!({})).await;
    let path = format!("{}/webhooks/{}/test", app_of(&world), hook["id"].as_str().unwrap());
    for event in Event::ALL {
        world.admin("POST", &path, json!({ "event": event.name() })).await.done(200);
        let told = world.arrivals("shop").await.pop().unwrap();
        let body: Value = serde_json::from_str(told["body"].as_str().unwrap()).unwrap();
        let pointer = format!("/webhooks/{event}/post/requestBody/content/application~1json/schema");
        for member in documented(DOCUMENT.pointer(&pointer).unwrap()) {
            // The first event of the contract has no `event`.
            let is_absent = event == Event::PaymentSuccess && member == "event";
            assert!(is_absent || body.get(&member).is_some(), "{event} has no {member}: {body}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_target_is_marked_with_what_waits_and_all_of_it_is_sent_again() {
    let world = World::start().await;
    world.receiver("broken", json!({ "status": 500 })).await;
    world.webhook_to("broken", &json!({})).await;
    world.webhook_to("shop", &json!({})).await;
    for number in 0..3 {
        world.paid(&format!("b-{number}")).await;
    }
    world.advance(10 * MINUTE_MS).await;
    world.ignores("shop");
    let operator = hire(&world, "lin", "operator").await;
    for page in ["webhooks", "deliveries"] {
        let text = operator.get(&world, &format!("{}/{page}?mode=test", app_of(&world))).await.text();
        assert_eq!(text.matches("Failing since 2026-11-23").count(), 1, "{page}: {text}");
        assert!(text.contains("; 3 wait, 0 are given up"), "{page}: {text}");
    }
    let overview = operator.get(&world, &format!("{}/overview?mode=test", app_of(&world))).await.text();
    assert!(overview.contains(">Failing<") && overview.contains("Since 2026-11-23"), "{overview}");

    let deliveries = operator.get(&world, &format!("{}/deliveries?mode=test", app_of(&world))).await.text();
    let form = deliveries.split_once("Resend all that failed since").unwrap().0.rsplit_once("<form").unwrap().1;
    let field = |name: &str| {
        let after = form.split_once(&format!("name=\"{name}\" value=\"")).unwrap().1;
        after.split_once('"').unwrap().0.to_owned()
    };
    let (webhook, since) = (field("webhook"), field("since"));
    let before = world.arrivals("broken").await.len();
    world.receiver("broken", json!({ "status": 200 })).await;
    let replay = format!("{}/deliveries/replay", app_of(&world));
    let answer = operator.post(&world, &replay, &[("webhook", &webhook), ("since", &since)]).await;
    assert!(answer.location(303).ends_with("done=replayed"));
    world.advance(0).await;
    assert_eq!(world.arrivals("broken").await.len(), before + 3);
    let text = operator.get(&world, &format!("{}/webhooks?mode=test", app_of(&world))).await.text();
    assert!(!text.contains("Failing since"), "{text}");
    let viewer = hire(&world, "viewer.one", "viewer").await;
    assert_eq!(viewer.post(&world, &replay, &[("webhook", &webhook), ("hours", "1")]).await.status, 403);
    assert_eq!(operator.post(&world, &replay, &[("webhook", &webhook), ("hours", "9999")]).await.status, 400);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_button_names_its_target_and_a_deleted_webhook_has_none() {
    let world = World::start().await;
    world.receiver("broken", json!({ "status": 500 })).await;
    let hook = world.webhook_to("broken", &json!({})).await;
    let id = world.paid("b-1").await;
    world.advance(1000).await;
    world.ignores("broken");
    let owner = Visitor::owner(&world).await;
    let list = format!("{}/deliveries?mode=test", app_of(&world));
    let payment = format!("{}/transactions/{id}?mode=test&bill=b-1", app_of(&world));
    for page in [&list, &payment] {
        let text = owner.get(&world, page).await.text();
        assert!(text.contains("Resend to 127.0.0.1") && text.contains("/_local/receiver/broken"), "{page}: {text}");
    }
    let path = format!("{}/webhooks/{}", app_of(&world), hook["id"].as_str().unwrap());
    world.admin("DELETE", &path, Value::Null).await;
    for page in [&list, &payment] {
        let text = owner.get(&world, page).await.text();
        assert!(text.contains("(a deleted webhook)") && !text.contains("Resend"), "{page}: {text}");
    }
    world.end().await;
}

/// A replay chooses by when a delivery was written, which is before its target failed.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_its_target_failed_is_sent_again_too() {
    let world = World::start().await;
    let answers = async |status: u16| world.receiver("shop", json!({ "status": status })).await;
    world.webhook_to("shop", &json!({})).await;
    answers(500).await;
    world.paid("old").await;
    world.advance(0).await;
    answers(200).await;
    world.paid("good").await;
    world.advance(0).await;
    // The second attempt is the first failure in a row.
    answers(500).await;
    world.advance(2 * MINUTE_MS).await;
    let operator = hire(&world, "lin", "operator").await;
    let page = operator.get(&world, &format!("{}/deliveries?mode=test", app_of(&world))).await.text();
    assert!(page.contains("Failing since 2026-11-23") && page.contains(", 1 times in a row"), "{page}");
    let form = page.split_once("Resend all that failed since").unwrap().0.rsplit_once("<form").unwrap().1;
    let field = |name: &str| {
        let after = form.split_once(&format!("name=\"{name}\" value=\"")).unwrap().1;
        after.split_once('"').unwrap().0.to_owned()
    };
    let (webhook, since) = (field("webhook"), field("since"));
    answers(200).await;
    let before = world.arrivals("shop").await.len();
    let replay = format!("{}/deliveries/replay?mode=test", app_of(&world));
    let answer = operator.post(&world, &replay, &[("webhook", &webhook), ("since", &since)]).await;
    assert!(answer.location(303).ends_with("done=replayed"));
    world.advance(0).await;
    assert_eq!(world.arrivals("shop").await.len(), before + 1);
    let again = operator.post(&world, &replay, &[("webhook", &webhook), ("since", &since)]).await;
    assert!(again.location(303).ends_with("done=replayed-none"));
    world.ignores("shop");
    world.end().await;
}
