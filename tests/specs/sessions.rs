//! Session tokens: the merchant's server gets them; they are short-lived, and end when the master key is replaced.

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    world::{START_MS, World, charge_of, client, master},
};

async fn open_session(world: &World, body: &Value) -> Answer {
    world.post_as(&master(&world.app), "/2.0/maxpay/sessions", body.to_string()).await
}

/// Charges with a token. Returns the code of the answer.
async fn charge_with(world: &World, token: &str) -> i64 {
    let headers = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-Session-Token", token)];
    world.post_as(&headers, "/2.0/maxpay/bill", charge_of("ali_web", "1").to_string()).await.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_to_the_last_millisecond_of_its_time() {
    let world = World::start().await;
    let opened = open_session(&world, &json!({ "ttlSeconds": 60, "userId": "user 7" })).await.ok();
    assert_eq!(opened["expiresAt"], START_MS + 60_000);
    let token = opened["token"].as_str().unwrap();
    world.must_stay_secret(token);
    world.advance(59_999).await;
    assert_eq!(charge_with(&world, token).await, 0);
    world.advance(1).await;
    assert_eq!(charge_with(&world, token).await, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lasts_from_a_second_to_thirty_days() {
    let world = World::start().await;
    let cases = [
        (json!({ "ttlSeconds": 1 }), 0),
        (json!({ "ttlSeconds": 2_592_000 }), 0),
        (json!({ "ttlSeconds": 60, "userId": "茶".repeat(128) }), 0),
        (json!({ "ttlSeconds": 60, "userId": null, "more": 1 }), 0),
        (json!({}), 4),
        (json!({ "ttlSeconds": null }), 4),
        (json!({ "userId": "" }), 4),
        (json!({ "ttlSeconds": 0 }), 5),
        (json!({ "ttlSeconds": -1 }), 5),
        (json!({ "ttlSeconds": 2_592_001 }), 5),
        (json!({ "ttlSeconds": "60" }), 5),
        (json!({ "ttlSeconds": 60.0 }), 5),
        (json!({ "ttlSeconds": 60, "userId": "" }), 5),
        (json!({ "ttlSeconds": 60, "userId": 7 }), 5),
        (json!({ "ttlSeconds": 60, "userId": "x".repeat(129) }), 5),
        (json!({ "ttlSeconds": 60, "userId": "\u{0}" }), 5),
        (json!([]), 5),
    ];
    for (body, expect) in cases {
        let answer = open_session(&world, &body).await;
        assert_eq!((answer.status, answer.code()), (200, expect), "{body} {}", answer.text());
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_longest_user_id_is_taken() {
    let world = World::start().await;
    let opened = open_session(&world, &json!({ "ttlSeconds": 60, "userId": "😀".repeat(128) })).await.ok();
    assert_eq!(charge_with(&world, opened["token"].as_str().unwrap()).await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_master_key_opens_a_session() {
    let world = World::start().await;
    let token = world.session(60).await;
    let body = json!({ "ttlSeconds": 60 }).to_string();
    let by_token = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-Session-Token", &token)];
    for headers in [client(&world.app), by_token] {
        let answer = world.post_as(&headers, "/2.0/maxpay/sessions", body.clone()).await;
        answer.refused(1, "X-ML-MasterKey");
    }
    world.post_as(&[], "/2.0/maxpay/sessions", body).await.refused(1, "X-ML-AppId");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_key_in_its_grace_opens_no_session() {
    let world = World::start().await;
    let rotate = format!("/apps/{}/keys/rotate", world.app.app_id);
    let body = json!({ "mode": "test", "key": "master", "graceSeconds": 3600 });
    let rotated = world.admin("POST", &rotate, body).await.done(200);
    let new = rotated["masterKey"].as_str().unwrap();
    world.must_stay_secret(new);
    let session = json!({ "ttlSeconds": 2_592_000 }).to_string();
    let refused = world.post_as(&master(&world.app), "/2.0/maxpay/sessions", session.clone()).await;
    refused.refused(1, "the present master key");
    world.records(&json!({ "billNum": "1" })).await.ok();
    let by_new = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-MasterKey", new)];
    let opened = world.post_as(&by_new, "/2.0/maxpay/sessions", session).await.ok();
    assert_eq!(charge_with(&world, opened["token"].as_str().unwrap()).await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_works_in_the_mode_of_the_key_that_opened_it() {
    let world = World::start().await;
    let live = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-MasterKey", &world.app.live.master_key)];
    let opened = world.post_as(&live, "/2.0/maxpay/sessions", r#"{"ttlSeconds":60}"#).await.ok();
    assert_eq!(charge_with(&world, opened["token"].as_str().unwrap()).await, 2, "nothing is configured for live");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_master_key_ends_all_sessions_of_its_mode_at_once() {
    let world = World::start().await;
    let token = world.session(3600).await;
    let rotate = format!("/apps/{}/keys/rotate", world.app.app_id);
    world.admin("POST", &rotate, json!({ "mode": "live", "key": "master" })).await.done(200);
    world.admin("POST", &rotate, json!({ "mode": "test", "key": "client" })).await.done(200);
    assert_eq!(charge_with(&world, &token).await, 0, "another key was replaced");
    world.admin("POST", &rotate, json!({ "mode": "test", "key": "master" })).await.done(200);
    assert_eq!(charge_with(&world, &token).await, 1, "grace is for keys, not for sessions");
    world.end().await;
}
