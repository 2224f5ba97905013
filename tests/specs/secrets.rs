//! Secrets stay out of the logs. Each world searches for its own keys at its end; this spec is a run with everything in it.

use md5::{Digest, Md5};
use serde_json::{Value, json};

use crate::{
    logs,
    notify_message::Message,
    world::{START_MS, World, charge_of, test_channel, with},
};

/// The values of these members of signed texts, in every form that a log may have: a signature is worth as much as a key.
fn signatures(order: &str) -> Vec<String> {
    let pairs = form_urlencoded::parse(order.as_bytes());
    pairs.filter(|(name, _)| name == "sign").map(|(_, value)| value.into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_opens_a_door_is_logged() {
    let world = World::start().await;
    let session = world.session(3600).await;
    let extras = json!({ "extras": { "note": "extras-are-nobodys-affair" } });
    world.must_stay_secret("extras-are-nobodys-affair");
    let headers = json!({ "Authorization": "Bearer webhook-header-secret" });
    world.must_stay_secret("webhook-header-secret");
    let hook = json!({ "mode": "test", "target": { "url": "https://shop.example/", "headers": headers } });
    let hooks = format!("/apps/{}/webhooks", world.app.app_id);
    let made = world.admin("POST", &hooks, hook).await.done(201);
    world.must_stay_secret(made["secret"].as_str().unwrap());

    for kind in ["openapi", "openapiCert", "mapi"] {
        let settings = world.merchant(kind).await;
        for member in ["privateKey", "md5Key"] {
            let key = settings[member].as_str().unwrap_or("no such member in any log");
            world.must_stay_secret(key.get(..key.len().min(48)).unwrap());
        }
        world.configure(&world.app, &settings).await;
        let charged = world.charge(&with(charge_of("ali_app", kind), &extras)).await.ok();
        for signature in signatures(charged["ali_app"].as_str().unwrap()) {
            world.must_stay_secret(&signature);
        }
        world.admin("GET", &test_channel(&world.app), Value::Null).await.done(200);
    }

    world.configure(&world.app, &world.merchant("openapi").await).await;
    let faults = ["garbage", "cut", "http500", "badSignature", "unsigned", "20000"];
    world.faults(&faults).await;
    for fault in faults {
        world.charge(&with(charge_of("ali_qrcode", fault), &extras)).await.refused(7, "");
    }
    let trade = world.trade(&world.charged("paid").await).await;
    let url = trade["notifyUrl"].as_str().unwrap();
    let payer = "2088722000000017";
    world.must_stay_secret(payer);
    let paid = Message::paid(&trade).with("buyer_id", payer).with("passback_params", "extras-are-nobodys-affair");
    let lies = [paid.clone().with("total_amount", "0.01"), paid.clone().with("app_id", "1"), paid];
    for notify in lies {
        let form = notify.signed();
        world.must_stay_secret(&signatures(&form).concat());
        world.must_stay_secret(&form);
        world.post_form(url, form.replace("99.00", "99.99")).await;
        world.post_form(url, form).await;
    }
    assert_eq!(world.record("paid").await["status"], "success");

    try_every_door(&world, &session).await;
    for key in ["client", "master"] {
        let rotate = format!("/apps/{}/keys/rotate", world.app.app_id);
        let rotated = world.admin("POST", &rotate, json!({ "mode": "test", "key": key })).await.done(200);
        world.must_stay_secret(rotated[format!("{key}Key")].as_str().unwrap());
    }
    check_something_was_logged(&trade);
    world.end().await;
}

/// Good credentials in wrong places, and wrong credentials: both may be typed by mistake.
async fn try_every_door(world: &World, session: &str) {
    let digest = Md5::new().chain_update(START_MS.to_string()).chain_update(&world.app.test.client_key).finalize();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    world.must_stay_secret(&hex);
    world.must_stay_secret("mistyped-credential");
    let sign = format!("{hex},{START_MS}");
    let values = [session, &sign, &world.app.test.master_key, &world.operator_token, "mistyped-credential"];
    for header in ["X-ML-MasterKey", "X-ML-APIKey", "X-ML-Session-Token", "X-ML-Request-Sign", "X-ML-AppId"] {
        for value in values {
            let headers = [("X-ML-AppId", world.app.app_id.as_str()), (header, value)];
            for path in ["/2.0/maxpay/bill", "/2.0/maxpay/records", "/2.0/maxpay/sessions"] {
                world.post_as(&headers, path, "{}").await;
            }
        }
    }
    for value in values {
        let bearer = format!("Bearer {value}");
        world.call("GET", "/admin/v1/apps", &[("Authorization", &bearer)], "").await;
    }
    let keys = json!({ "protocol": "openapi", "privateKey": "mistyped-credential", "mistyped-credential": 1 });
    world.admin("PUT", &test_channel(&world.app), keys).await.problem(400, "");
}

/// A search in an empty log would find nothing.
#[track_caller]
fn check_something_was_logged(trade: &Value) {
    let captured = logs::captured();
    let id = trade["outTradeNo"].as_str().unwrap();
    assert!(captured.contains("settled bill paid") && captured.contains(id), "{}", captured.len());
}
