//! Incidents: messages that do not fit or cannot be verified are kept, within limits, shown, and replayed.

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    keys::Signer,
    notify_message::Message,
    wechat,
    world::{MINUTE_MS, START_MS, World, master, texts, with, without},
};

async fn show(world: &World, id: &str) -> Value {
    let path = format!("/apps/{}/incidents/{id}", world.app.app_id);
    world.admin("GET", &path, Value::Null).await.done(200)
}

async fn replay(world: &World, id: &str) -> Value {
    let path = format!("/apps/{}/incidents/{id}/replay", world.app.app_id);
    world.admin("POST", &path, Value::Null).await.done(200)
}

/// The id of the only incident.
async fn only(world: &World) -> String {
    let [one] = <[Value; 1]>::try_from(world.incidents().await).unwrap();
    one["id"].as_str().unwrap().to_owned()
}

async fn charged(world: &World, bill: &str) -> (Value, String) {
    let trade = world.trade(&world.charged(bill).await).await;
    let url = trade["notifyUrl"].as_str().unwrap().to_owned();
    (trade, url)
}

#[track_caller]
fn check_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (400, "fail"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_can_have_one_message_kept_an_hour_for_a_bill() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    let forged = Message::paid(&trade).signed_by(Signer::Nobody);
    for n in 0..20 {
        check_refused(&world.post_form(&url, format!("{forged}&n={n}")).await);
    }
    check_refused(&world.post_form(&url, "x".repeat(50_000)).await);
    let kept = show(&world, &only(&world).await).await;
    assert_eq!((&kept["kind"], &kept["source"], &kept["billNum"]), (&json!("forged"), &json!("notify"), &json!("1")));
    assert_eq!(kept["body"], format!("{forged}&n=0"), "the raw body");
    assert!(kept["problem"].as_str().unwrap().contains("signature"), "{kept}");
    world.advance(60 * MINUTE_MS).await;
    check_refused(&world.post_form(&url, forged).await);
    assert_eq!(texts(&json!(world.incidents().await), "kind"), ["forged", "forged"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_for_a_bill_that_nobody_charged_is_not_kept_unless_it_is_genuine() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    let elsewhere = url.replace("/01/", "/02/");
    check_refused(&world.post_form(&elsewhere, Message::paid(&trade).signed_by(Signer::Nobody)).await);
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_wrong_key_made_unreadable_settles_once_the_key_is_right() {
    let world = World::start().await;
    let good = world.merchant("openapi").await;
    let (trade, url) = charged(&world, "1").await;
    let other = world.merchant("openapiCert").await;
    let wrong = with(good.clone(), &json!({ "alipayPublicKey": wrong_key(&world).await }));
    drop(other);
    world.configure(&world.app, &wrong).await;
    check_refused(&world.post_form(&url, Message::paid(&trade).signed()).await);
    let id = only(&world).await;
    assert_eq!(replay(&world, &id).await["outcome"], "refused", "the key is still wrong");
    assert_eq!(world.record("1").await["status"], "created");
    world.advance(3 * MINUTE_MS).await;
    world.configure(&world.app, &good).await;
    assert_eq!(replay(&world, &id).await, json!({ "outcome": "settled", "problem": null }));
    assert_eq!(world.record("1").await["status"], "success");
    assert_eq!(replay(&world, &id).await["outcome"], "settled", "twice changes nothing");
    world.end().await;
}

/// A key of somebody else.
async fn wrong_key(world: &World) -> String {
    let settings = world.call("GET", "/_local/simulator/wechat/settings", &[], "").await.done(200);
    settings["v3PublicKey"]["wx_app"]["publicKey"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_wechat_is_replayed_after_its_window() {
    let world = World::start().await;
    wechat::use_merchant(&world, "v3PublicKey").await;
    let id = wechat::charged(&world, "wx_app", "1").await;
    wechat::play(&world, &id, "pay", json!({ "amount": 1 })).await;
    let kept = only(&world).await;
    let shown = show(&world, &kept).await;
    assert_eq!(shown["kind"], "amount");
    assert!(shown["headers"]["wechatpay-signature"].is_string(), "{shown}");
    world.advance(10 * MINUTE_MS).await;
    let replayed = replay(&world, &kept).await;
    assert_eq!(replayed["outcome"], "misfit", "it is genuine and does not fit: {replayed}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_fit_is_asked_for_again() {
    let world = World::start().await;
    // The provider knows another seller than the settings name. If the settings name no seller, they still name the same account.
    let no_seller = without(world.merchant("openapi").await, "sellerId");
    world.configure(&world.app, &no_seller).await;
    let id = world.charged("1").await;
    let other_seller = with(no_seller.clone(), &json!({ "sellerId": "2088000000009999" }));
    world.configure(&world.app, &other_seller).await;
    world.play(&id, "pay", json!({})).await;
    let kept = only(&world).await;
    assert_eq!(show(&world, &kept).await["kind"], "account");
    assert_eq!(replay(&world, &kept).await["outcome"], "misfit");
    world.configure(&world.app, &no_seller).await;
    assert_eq!(replay(&world, &kept).await["outcome"], "settled");
    assert_eq!(world.record("1").await["status"], "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_forged_messages_hides_no_incident_and_is_counted() {
    let world = World::start().await;
    // With the public client key anyone can make bills, and so as many addresses to send messages to.
    let mut urls = Vec::new();
    for number in 0..60 {
        urls.push(charged(&world, &format!("flood-{number}")).await.1);
    }
    let (trade, url) = charged(&world, "genuine").await;
    check_refused(&world.post_form(&url, Message::paid(&trade).with("total_amount", "1.00").signed()).await);
    world.stack.take_metrics();
    let forged = Message::paid(&trade).signed_by(Signer::Nobody);
    for _ in 0..2 {
        for url in &urls {
            check_refused(&world.post_form(url, forged.clone()).await);
        }
    }
    assert_eq!(texts(&json!(world.incidents_of("").await), "kind"), ["amount"], "what is genuine stands alone");
    assert_eq!(texts(&json!(world.incidents_of("amount").await), "kind"), ["amount"]);
    assert_eq!(world.incidents_of("order").await, Vec::<Value>::new());
    let path = format!("/apps/{}/incidents?mode=test&kind=forged", world.app.app_id);
    let list = world.admin("GET", &path, Value::Null).await.done(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 50, "an hour keeps so many");
    // Ten bills found no room, twice. Messages that are already kept are not counted.
    assert_eq!(list["notKept"], json!([{ "time": START_MS - START_MS.rem_euclid(60 * MINUTE_MS), "count": 20 }]));
    let said = world.stack.take_metrics().join("\n");
    assert_eq!(said.matches("\"ForgedMessages\":1").count(), 70);
    assert!(!said.contains("\"Incidents\""), "the pager stays silent");
    world.advance(60 * MINUTE_MS).await;
    check_refused(&world.post_form(&urls[59], forged).await);
    let kept = world.admin("GET", &path, Value::Null).await.done(200);
    assert_eq!(kept["items"][0]["billNum"], "flood-59", "the next hour has room");
    let answer = world.admin("GET", &path.replace("forged", "nonsense"), Value::Null).await;
    answer.problem(400, "kind");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_belongs_to_its_app() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    check_refused(&world.post_form(&url, Message::paid(&trade).signed_by(Signer::Nobody)).await);
    let id = only(&world).await;
    let other = world.new_app("other").await;
    for (app, id) in [(&other.app_id, id.as_str()), (&world.app.app_id, "x"), (&world.app.app_id, "AAAA")] {
        world.admin("GET", &format!("/apps/{app}/incidents/{id}"), Value::Null).await.problem(404, "incident");
        world.admin("POST", &format!("/apps/{app}/incidents/{id}/replay"), Value::Null).await.problem(404, "incident");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_another_amount_settles_and_closes_nothing_and_is_kept() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    let id = world.charged("1").await;
    world.play(&id, "pay", json!({ "notify": false })).await;
    world.play(&id, "misstate", json!({ "totalAmount": "0.01" })).await;
    let sync = async || {
        let body = json!({ "billNum": "1" }).to_string();
        let asked = world.post_as(&master(&world.app), "/2.0/maxpay/sync", body).await.ok();
        asked["results"][0]["status"].clone()
    };
    // Queried by the merchant, by a page, by the sweep, and when it expires.
    assert_eq!(sync().await, "created");
    world.advance(30_000).await;
    assert_eq!(world.record("1").await["status"], "created");
    world.advance(3 * 60 * MINUTE_MS).await;
    assert_eq!(world.record("1").await["status"], "created");
    assert_eq!(world.arrivals("shop").await, Vec::<Value>::new());
    let kept = show(&world, &only(&world).await).await;
    assert_eq!((&kept["kind"], &kept["source"]), (&json!("amount"), &json!("answer")));
    assert!(kept["problem"].as_str().unwrap().contains("1 fen, but 9900"), "{kept}");
    assert!(kept["body"].as_str().unwrap().contains(r#""total_amount":"0.01""#), "the raw body: {kept}");
    // When the provider reports the charged amount, it settles.
    world.play(&id, "misstate", json!({ "totalAmount": "99.00" })).await;
    assert_eq!(sync().await, "success");
    world.advance(0).await;
    let [told] = world.inbox("shop").await;
    assert!(told["body"].as_str().unwrap().contains(r#""totalFee":9900"#), "{told}");
    world.end().await;
}
