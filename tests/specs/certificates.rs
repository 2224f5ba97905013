//! Certificates change and expire: copies of a notify during a roll-over, and warnings in time.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    console::Visitor,
    wechat::{charged, faults, play, save, settings_of, use_merchant},
    world::{MINUTE_MS, World, without},
};

const COPIES: usize = 8;
/// How long the simulator holds an answer that times out.
const HELD: Duration = Duration::from_secs(60);
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const ENDS: &str = "a certificate ends on 2027-01-01";

/// A notify as the simulator sent it.
struct KeptNotify {
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// The notify of a paid bill, signed with a certificate that is no longer stored here.
async fn signed_with_unknown(world: &World) -> KeptNotify {
    use_merchant(world, "v3Certificate").await;
    let id = charged(world, "wx_native", "rolled").await;
    let trade = play(world, &id, "pay", json!({})).await;
    let notify = &trade["notifies"][0];
    let attempt = &notify["attempts"][0];
    let headers = serde_json::from_value(attempt["headers"].clone()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    // With other settings, the fetched certificates of the earlier settings are dropped.
    let settings = without(settings_of(world, "v3Certificate", "wx_mp").await, "platformCerts");
    save(world, "wx_mp", &settings).await.done(200);
    KeptNotify { url: text(&notify["url"]), headers, body: text(&attempt["sent"]) }
}

async fn copies_at_once(world: &World, KeptNotify { url, headers, body }: &KeptNotify) -> Vec<Answer> {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    join_all((0..COPIES).map(|_| world.call("POST", url, &headers, body.clone()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_a_notify_wait_for_the_one_fetch_of_certificates() {
    let world = World::start().await;
    let notify = signed_with_unknown(&world).await;
    for answer in copies_at_once(&world, &notify).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(world.incidents().await, Vec::<Value>::new());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_waited_two_seconds_are_refused_without_an_incident() {
    let world = World::start().await;
    let notify = signed_with_unknown(&world).await;
    // Each copy may have to fetch, if another copy gives up first.
    faults(&world, &["timeout"; COPIES]).await;
    let waiting = copies_at_once(&world, &notify);
    let answers = tokio::time::timeout(HELD / 2, waiting).await.expect("they do not wait until the provider answers");
    for answer in answers {
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    assert_eq!(world.incidents().await, Vec::<Value>::new());
    faults(&world, &[]).await;
    // WeChat Pay sends it again.
    for answer in copies_at_once(&world, &notify).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(world.record("rolled").await["status"], "success");
    world.end().await;
}

/// UnionPay settings whose intermediate certificate ends with the year 2026.
pub(crate) fn ending_settings() -> Value {
    let file: Value =
        serde_json::from_str(include_str!("../../functions/providers/vectors/unionpay-keys.json")).unwrap();
    let key = |name: &str| file["keys"][name].clone();
    json!({
        "merId": "777290058110097", "pfx": key("pfx_modern"), "pfxPassword": "000000", "rootCert": key("root"),
        "middleCert": key("middle_expires_2027"),
    })
}

/// The latest counts: how many, in which mode.
fn counts(world: &World) -> Vec<(i64, String)> {
    let lines = world.stack.metrics();
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let said: Vec<_> = lines
        .filter_map(|line| Some((line["CertificatesEnding"].as_i64()?, line["Mode"].as_str()?.to_owned())))
        .collect();
    said[said.len().saturating_sub(2)..].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_within_thirty_days_is_told() {
    let world = World::start().await;
    world.without_wechat().await;
    save(&world, "unipay_app", &ending_settings()).await.done(200);
    let look = async || {
        world.stack.invoke_event("sweep", r#"{"task":"reconcile"}"#).await.unwrap();
        let owner = Visitor::owner(&world).await;
        let page = |page: &str| format!("/apps/{}/{page}?mode=test", world.app.app_id);
        let overview = owner.get(&world, &page("overview")).await.text().contains(ENDS);
        let channel = owner.get(&world, &page("channels/unipay_app")).await.text().contains(ENDS);
        let told = [overview, channel];
        let mut counts = counts(&world);
        counts.sort();
        (counts, told)
    };
    let none = vec![(0, "live".to_owned()), (0, "test".to_owned())];
    assert_eq!(look().await, (none, [false, false]));
    world.advance(10 * DAY_MS).await;
    let one = vec![(0, "live".to_owned()), (1, "test".to_owned())];
    assert_eq!(look().await, (one, [true, true]));
    world.end().await;
}
