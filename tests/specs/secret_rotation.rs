//! A webhook's signing secret is replaced without a gap: for some time both sign, then the old one expires.

use serde_json::{Value, json};

use crate::{
    console::Visitor,
    world::{START_MS, World},
};

const DAY_SECONDS: i64 = 24 * 3600;

fn path(world: &World, hook: &Value, rest: &str) -> String {
    format!("/apps/{}/webhooks/{}{rest}", world.app.app_id, hook["id"].as_str().unwrap())
}

async fn rotate(world: &World, hook: &Value, body: Value) -> String {
    let rotated = world.admin("POST", &path(world, hook, "/secret/rotate"), body).await.done(200);
    let secret = rotated["secret"].as_str().unwrap().to_owned();
    world.must_stay_secret(&secret);
    secret
}

/// The signatures with which a test of the webhook arrives, and those that these secrets make, with the implementation of the
/// specification's authors.
async fn signatures(world: &World, hook: &Value, secrets: &[&str]) -> (String, String) {
    world.admin("POST", &path(world, hook, "/test"), json!({})).await.done(200);
    let arrived = world.arrivals("shop").await.pop().unwrap();
    let text = |name: &str| arrived["headers"][name].as_str().unwrap().to_owned();
    let sign = |secret: &&str| {
        let signer = standardwebhooks::Webhook::new(secret).unwrap();
        let timestamp = text("webhook-timestamp").parse().unwrap();
        signer.sign(&text("webhook-id"), timestamp, arrived["body"].as_str().unwrap().as_bytes()).unwrap()
    };
    (text("webhook-signature"), secrets.iter().map(sign).collect::<Vec<_>>().join(" "))
}

#[tokio::test(flavor = "multi_thread")]
async fn both_secrets_sign_until_the_grace_is_over() {
    let world = World::start().await;
    let hook = world.webhook_to("shop", &json!({})).await;
    let old = hook["secret"].as_str().unwrap();
    let check = async |secrets: &[&str]| {
        let (found, expected) = signatures(&world, &hook, secrets).await;
        assert_eq!(found, expected);
    };
    check(&[old]).await;
    let rotated = world.admin("POST", &path(&world, &hook, "/secret/rotate"), json!({})).await.done(200);
    assert_eq!((&rotated["id"], &rotated["previousValidUntil"]), (&hook["id"], &json!(START_MS + DAY_SECONDS * 1000)));
    let new = rotated["secret"].as_str().unwrap();
    world.must_stay_secret(new);
    check(&[new, old]).await;
    let listed = world.admin("GET", &format!("/apps/{}/webhooks", world.app.app_id), Value::Null).await;
    assert_eq!(listed.done(200)["items"][0]["previousSecretValidUntil"], START_MS + DAY_SECONDS * 1000);
    assert!(!listed.text().contains(new) && !listed.text().contains(old));
    world.advance(DAY_SECONDS * 1000 - 1).await;
    check(&[new, old]).await;
    world.advance(1).await;
    check(&[new]).await;
    let listed = world.admin("GET", &format!("/apps/{}/webhooks", world.app.app_id), Value::Null).await.done(200);
    assert_eq!(listed["items"][0].get("previousSecretValidUntil"), None);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_grace_the_old_secret_is_dead_and_only_the_last_one_has_grace() {
    let world = World::start().await;
    let hook = world.webhook_to("shop", &json!({})).await;
    let second = rotate(&world, &hook, json!({ "graceSeconds": 0 })).await;
    assert_eq!(signatures(&world, &hook, &[&second]).await.0.split(' ').count(), 1);
    let third = rotate(&world, &hook, json!({ "graceSeconds": 60 })).await;
    let fourth = rotate(&world, &hook, json!({ "graceSeconds": 60 })).await;
    let (found, expected) = signatures(&world, &hook, &[&fourth, &third]).await;
    assert_eq!(found, expected);
    for wrong in [json!(-1), json!(1.5), json!("0"), json!(2_592_001)] {
        let body = json!({ "graceSeconds": wrong });
        world.admin("POST", &path(&world, &hook, "/secret/rotate"), body).await.problem(400, "graceSeconds");
    }
    let nobody = path(&world, &json!({ "id": "0".repeat(24) }), "/secret/rotate");
    world.admin("POST", &nobody, json!({})).await.problem(404, "webhook");
    world.end().await;
}

/// An edit reads the webhook and writes all of it. It must not write back a secret that was replaced in between.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_and_a_rotation_at_once_lose_nothing() {
    let world = World::start().await;
    let hook = world.webhook_to("shop", &json!({})).await;
    for round in 0..10 {
        let url = format!("{}/_local/receiver/shop?round={round}", world.url);
        let edit = json!({ "target": { "url": url }, "mode": "test" });
        let edited_path = path(&world, &hook, "");
        let edited = world.admin("PUT", &edited_path, edit);
        let rotated = rotate(&world, &hook, json!({ "graceSeconds": 0 }));
        let (edited, secret) = tokio::join!(edited, rotated);
        edited.done(200);
        let (found, expected) = signatures(&world, &hook, &[&secret]).await;
        assert_eq!(found, expected, "round {round}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_rotates_a_secret_and_shows_it_once() {
    let world = World::start().await;
    let hook = world.webhook_to("shop", &json!({})).await;
    let owner = Visitor::owner(&world).await;
    let page = path(&world, &hook, "?mode=test");
    assert!(!owner.get(&world, &page).await.text().contains("signs until"));
    let answer = owner.post(&world, &page, &[("do", "rotate"), ("grace", "3600")]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    let secret = text.split_once("whsec_").unwrap().1.split_once('<').unwrap().0;
    let secret = format!("whsec_{}", secret.replace("&#x2F;", "/").replace("&#43;", "+").replace("&#61;", "="));
    world.must_stay_secret(&secret);
    let (found, expected) = signatures(&world, &hook, &[&secret, hook["secret"].as_str().unwrap()]).await;
    assert_eq!(found, expected);
    let again = owner.get(&world, &page).await.text();
    assert!(again.contains("signs until") && !again.contains(&secret), "{again}");
    let log = world.admin("GET", "/audit", Value::Null).await;
    assert!(log.text().contains("rotate webhook secret") && !log.text().contains(&secret));
    world.end().await;
}
