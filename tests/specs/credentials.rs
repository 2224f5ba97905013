//! Who may call: four credentials, two spellings of each header, and strangers, who learn nothing.

use md5::{Digest, Md5};
use serde_json::json;

use crate::world::{START_MS, World, charge_of, client, master};

/// `md5hex(timestampMs + clientKey),timestampMs`
pub(crate) fn signed(client_key: &str, timestamp_ms: i64) -> String {
    let digest = Md5::new().chain_update(timestamp_ms.to_string()).chain_update(client_key).finalize();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex},{timestamp_ms}")
}

/// Charges with these headers. Returns the code of the answer.
async fn charge_as(world: &World, headers: &[(&str, &str)]) -> i64 {
    let body = charge_of("ali_web", "1").to_string();
    let answer = world.post_as(headers, "/2.0/maxpay/bill", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_the_four_credentials_may_charge() {
    let world = World::start().await;
    let session = world.session(60).await;
    let sign = signed(&world.app.test.client_key, START_MS);
    let id = ("X-ML-AppId", world.app.app_id.as_str());
    let cases = [
        ("X-ML-MasterKey", world.app.test.master_key.as_str()),
        ("X-ML-APIKey", &world.app.test.client_key),
        ("X-ML-Session-Token", &session),
        ("X-ML-Request-Sign", &sign),
    ];
    for credential in cases {
        assert_eq!(charge_as(&world, &[id, credential]).await, 0, "{}", credential.0);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_is_the_same_in_any_case_and_under_its_older_prefix() {
    let world = World::start().await;
    let session = world.session(60).await;
    let (id, key) = (world.app.app_id.as_str(), world.app.test.client_key.as_str());
    let (master, sign) = (world.app.test.master_key.as_str(), signed(key, START_MS));
    let cases = [
        [("x-ml-appid", id), ("x-ml-apikey", key)],
        [("X-ML-APPID", id), ("X-ML-APIKEY", key)],
        [("X-LAS-AppId", id), ("X-LAS-APIKey", key)],
        [("x-las-appid", id), ("x-las-masterkey", master)],
        [("X-LAS-AppId", id), ("X-LAS-Session-Token", &session)],
        [("X-LAS-AppId", id), ("X-LAS-Request-Sign", &sign)],
        [("X-ML-AppId", id), ("X-LAS-APIKey", key)],
        [("X-LAS-AppId", id), ("X-ML-MasterKey", master)],
    ];
    for headers in cases {
        assert_eq!(charge_as(&world, &headers).await, 0, "{:?}", headers.map(|(name, _)| name));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_header_is_as_good_as_none() {
    let world = World::start().await;
    let id = ("X-ML-AppId", world.app.app_id.as_str());
    let key = ("X-ML-APIKey", world.app.test.client_key.as_str());
    let empty = [("X-ML-MasterKey", ""), ("X-ML-Session-Token", ""), ("X-ML-Request-Sign", " ")];
    assert_eq!(charge_as(&world, &[&[id, key], &empty[..]].concat()).await, 0);
    assert_eq!(charge_as(&world, &[&[id], &empty[..]].concat()).await, 1);
    let older = ("X-LAS-AppId", id.1);
    assert_eq!(charge_as(&world, &[("X-ML-AppId", ""), older, key]).await, 0);
    assert_eq!(charge_as(&world, &[("X-ML-AppId", ""), key]).await, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_fit_the_app_gets_code_1() {
    let world = World::start().await;
    let other = world.new_app("other").await;
    let session = world.session(60).await;
    let (id, key) = (("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-APIKey", world.app.test.client_key.as_str()));
    let upper_case = world.app.app_id.to_uppercase();
    let upper_case_key = world.app.test.client_key.to_uppercase() + "x";
    let foreign_sign = signed(&other.test.client_key, START_MS);
    let upper_case_sign = signed(&world.app.test.client_key, START_MS).to_uppercase();
    let future_sign = signed(&world.app.test.client_key, START_MS + 15 * 60_000 + 1);
    let past_sign = signed(&world.app.test.client_key, START_MS - 15 * 60_000 - 1);
    let altered = format!("{}x", &session);
    let unsigned = session.rsplit_once('.').unwrap().0;
    // Made with a key that is no longer valid: only its MAC shows this.
    let (foreign, revoked) = ("r:b5e3a2f1c0d94e1f8a7b6c5d4e3f2a1b", format!("{unsigned}.{}", "A".repeat(43)));
    let cases: &[&[(&str, &str)]] = &[
        &[],
        &[id],
        &[key],
        &[id, ("X-ML-APIKey", "wrong")],
        &[id, ("X-ML-APIKey", &upper_case_key)],
        &[id, ("X-ML-APIKey", &world.app.test.master_key)],
        &[id, ("X-ML-APIKey", &other.test.client_key)],
        &[id, ("X-ML-MasterKey", "wrong")],
        &[id, ("X-ML-MasterKey", &world.app.test.client_key)],
        &[id, ("X-ML-MasterKey", &other.test.master_key)],
        &[("X-ML-AppId", &other.app_id), key],
        &[("X-ML-AppId", &other.app_id), ("X-ML-Session-Token", &session)],
        &[("X-ML-AppId", "568a12086e912100017722e5"), key],
        &[("X-ML-AppId", "568a"), key],
        &[("X-ML-AppId", &upper_case), key],
        &[("X-ML-AppId", "../../apps"), key],
        &[id, ("X-ML-Session-Token", "wrong")],
        &[id, ("X-ML-Session-Token", &altered)],
        &[id, ("X-ML-Session-Token", unsigned)],
        &[id, ("X-ML-Session-Token", "v1..")],
        &[id, ("X-ML-Request-Sign", "wrong")],
        &[id, ("X-ML-Request-Sign", &foreign_sign)],
        &[id, ("X-ML-Request-Sign", &upper_case_sign)],
        &[id, ("X-ML-Request-Sign", &future_sign)],
        &[id, ("X-ML-Request-Sign", &past_sign)],
        &[id, ("X-ML-MasterKey", "wrong"), key],
        &[id, ("X-ML-Session-Token", foreign), ("X-ML-APIKey", "wrong")],
        &[id, ("X-ML-Session-Token", &revoked), key],
    ];
    for headers in cases {
        let body = charge_of("ali_web", "1").to_string();
        let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        let answer = world.post_as(headers, "/2.0/maxpay/bill", body).await;
        assert_eq!((answer.status, answer.code()), (200, 1), "{names:?} {}", answer.text());
        answer.refused(1, "");
        let answer = world.post_as(headers, "/2.0/maxpay/records", r#"{"billNum":"1"}"#).await;
        assert_eq!((answer.status, answer.code()), (200, 1), "{names:?} {}", answer.text());
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_service_is_as_good_as_none_beside_a_client_key() {
    let world = World::start().await;
    let (id, key) = (("X-ML-AppId", world.app.app_id.as_str()), world.app.test.client_key.as_str());
    let (session, sign) = (world.session(60).await, signed(key, START_MS));
    for token in
        ["r:b5e3a2f1c0d94e1f8a7b6c5d4e3f2a1b", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmVk", "v1.x.y", "v1.."]
    {
        let foreign = ("X-ML-Session-Token", token);
        assert_eq!(charge_as(&world, &[id, foreign, ("X-ML-APIKey", key)]).await, 0, "{token}");
        assert_eq!(charge_as(&world, &[id, foreign, ("X-ML-Request-Sign", &sign)]).await, 0, "{token}");
        assert_eq!(charge_as(&world, &[id, foreign]).await, 1, "{token}");
    }
    let ours = ("X-ML-Session-Token", session.as_str());
    assert_eq!(charge_as(&world, &[id, ours, ("X-ML-APIKey", "wrong")]).await, 0);
    world.advance(60_000).await;
    assert_eq!(charge_as(&world, &[id, ours, ("X-ML-APIKey", key)]).await, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_does_not_learn_whether_an_app_exists() {
    let world = World::start().await;
    let refused = async |id: &str| {
        let headers = [("X-ML-AppId", id), ("X-ML-MasterKey", "wrong")];
        world.post_as(&headers, "/2.0/maxpay/bill", charge_of("ali_web", "1").to_string()).await.text()
    };
    assert_eq!(refused(&world.app.app_id).await, refused("568a12086e912100017722e5").await);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_client_key_is_taken_for_fifteen_minutes() {
    let world = World::start().await;
    let sign = signed(&world.app.test.client_key, START_MS);
    let headers = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-Request-Sign", &sign)];
    world.advance(15 * 60_000).await;
    assert_eq!(charge_as(&world, &headers).await, 0);
    world.advance(1).await;
    assert_eq!(charge_as(&world, &headers).await, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_chooses_the_mode_and_a_mode_without_settings_is_code_2() {
    let world = World::start().await;
    let id = ("X-ML-AppId", world.app.app_id.as_str());
    let sign = signed(&world.app.live.client_key, START_MS);
    let live = [
        ("X-ML-MasterKey", world.app.live.master_key.as_str()),
        ("X-ML-APIKey", &world.app.live.client_key),
        ("X-ML-Request-Sign", &sign),
    ];
    for credential in live {
        let body = charge_of("ali_web", "1").to_string();
        world.post_as(&[id, credential], "/2.0/maxpay/bill", body).await.refused(2, "live");
    }
    let other = world.new_app("nothing configured").await;
    for channel in ["ali_app", "ali_qrcode", "wx_app", "wx_jsapi", "wx_native", "unipay_app", "unipay_web"] {
        let body = charge_of(channel, "1").to_string();
        world.post_as(&client(&other), "/2.0/maxpay/bill", body).await.refused(2, channel);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_master_key_only_the_records_of_one_bill_are_shown() {
    let world = World::start().await;
    for bill in ["1", "2"] {
        world.charge(&charge_of("ali_web", bill)).await.ok();
    }
    let session = world.session(60).await;
    let sign = signed(&world.app.test.client_key, START_MS);
    let id = ("X-ML-AppId", world.app.app_id.as_str());
    let cases = [
        ("X-ML-APIKey", world.app.test.client_key.as_str()),
        ("X-ML-Session-Token", &session),
        ("X-ML-Request-Sign", &sign),
    ];
    for credential in cases {
        let ask = async |body: &str| world.post_as(&[id, credential], "/2.0/maxpay/records", body.to_owned()).await;
        ask("{}").await.refused(4, "billNum");
        ask("").await.refused(4, "billNum");
        ask(r#"{"channel":"ali_web"}"#).await.refused(4, "billNum");
        ask(r#"{"billNum":null}"#).await.refused(4, "billNum");
        let seen = ask(r#"{"billNum":"1"}"#).await.ok();
        assert_eq!(crate::world::texts(&seen["results"], "billNum"), ["1"], "{}", credential.0);
        assert_eq!(ask(r#"{"billNum":"3"}"#).await.ok()["results"], json!([]));
    }
    let all = world.post_as(&master(&world.app), "/2.0/maxpay/records", "{}").await.ok();
    assert_eq!(all["results"].as_array().unwrap().len(), 2);
    world.end().await;
}
