//! Permissions: every operation of the code with every kind of credential. The operations come from the code's own tables, so a new
//! one fails here until its entry is stated.

use std::collections::BTreeSet;

use md5::{Digest, Md5};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    checkout::checkout_of,
    console::hire,
    openapi::operations,
    world::{START_MS, World, charge_of, master},
};

/// The credential that an operation requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// Any credential of the app.
    Client,
    /// The app's master key.
    Master,
    /// The app's present master key. A key in its grace period makes nothing new.
    PresentMaster,
    /// The operator token.
    Operator,
    /// No credential: the provider must have signed the message.
    Provider,
}

use Door::{Client, Master, Operator, PresentMaster, Provider};

/// The only list of what each operation requires.
#[rustfmt::skip]
const DOORS: &[(&str, Door)] = &[
    ("POST /2.0/maxpay/bill",                                            Client),
    ("POST /2.0/maxpay/checkout",                                        Client),
    ("POST /2.0/maxpay/records",                                         Client),
    ("GET /2.0/maxpay/records",                                          Client),
    ("POST /2.0/maxpay/sessions",                                        PresentMaster),
    ("POST /2.0/maxpay/sync",                                            Master),
    ("POST /2.0/maxpay/refund",                                          Master),
    ("POST /2.0/maxpay/refunds",                                         Master),
    ("POST /2.0/maxpay/close",                                           Master),
    ("POST /2.0/maxpay/events",                                          Master),
    ("POST /2.0/maxpay/events/ack",                                      Master),
    ("POST /notify/{app}/{mode}/{channel}/{try}/{bill}",                 Provider),
    ("POST /return/{app}/{mode}/{channel}/{try}/{bill}",                 Provider),
    ("POST /admin/v1/apps",                                              Operator),
    ("GET /admin/v1/apps",                                               Operator),
    ("GET /admin/v1/apps/{appId}",                                       Operator),
    ("PATCH /admin/v1/apps/{appId}",                                     Operator),
    ("POST /admin/v1/apps/{appId}/keys/rotate",                          Operator),
    ("POST /admin/v1/apps/{appId}/sessions",                             Operator),
    ("PUT /admin/v1/apps/{appId}/channels/{tab}",                        Operator),
    ("GET /admin/v1/apps/{appId}/channels/{tab}",                        Operator),
    ("DELETE /admin/v1/apps/{appId}/channels/{tab}",                     Operator),
    ("POST /admin/v1/apps/{appId}/channels/{tab}/check",                 Operator),
    ("GET /admin/v1/apps/{appId}/channels/{tab}/accounts",               Operator),
    ("DELETE /admin/v1/apps/{appId}/channels/{tab}/accounts/{account}",  Operator),
    ("POST /admin/v1/apps/{appId}/webhooks",                             Operator),
    ("GET /admin/v1/apps/{appId}/webhooks",                              Operator),
    ("PUT /admin/v1/apps/{appId}/webhooks/{webhookId}",                  Operator),
    ("DELETE /admin/v1/apps/{appId}/webhooks/{webhookId}",               Operator),
    ("PUT /admin/v1/apps/{appId}/webhooks/{webhookId}/mode",             Operator),
    ("POST /admin/v1/apps/{appId}/webhooks/{webhookId}/test",            Operator),
    ("POST /admin/v1/apps/{appId}/webhooks/{webhookId}/replay",          Operator),
    ("POST /admin/v1/apps/{appId}/webhooks/{webhookId}/secret/rotate",    Operator),
    ("GET /admin/v1/apps/{appId}/deliveries",                            Operator),
    ("POST /admin/v1/apps/{appId}/deliveries/{deliveryId}/resend",       Operator),
    ("GET /admin/v1/apps/{appId}/incidents",                             Operator),
    ("GET /admin/v1/apps/{appId}/incidents/{incidentId}",                Operator),
    ("POST /admin/v1/apps/{appId}/incidents/{incidentId}/replay",        Operator),
    ("PUT /admin/v1/apps/{appId}/incidents/{incidentId}/handled",        Operator),
    ("DELETE /admin/v1/apps/{appId}/incidents/{incidentId}/handled",     Operator),
    ("GET /admin/v1/apps/{appId}/reconciliations",                       Operator),
    ("POST /admin/v1/apps/{appId}/reconciliations/{day}/{tab}/{account}/ask", Operator),
    ("PUT /admin/v1/apps/{appId}/reconciliations/{day}/{tab}/{account}/handled", Operator),
    ("DELETE /admin/v1/apps/{appId}/reconciliations/{day}/{tab}/{account}/handled", Operator),
    ("GET /admin/v1/apps/{appId}/find",                                  Operator),
    ("GET /admin/v1/apps/{appId}/transactions",                          Operator),
    ("GET /admin/v1/apps/{appId}/transactions/{id}",                     Operator),
    ("GET /admin/v1/apps/{appId}/refunds",                               Operator),
    ("POST /admin/v1/apps/{appId}/refunds",                              Operator),
    ("GET /admin/v1/apps/{appId}/refunds/proposed",                      Operator),
    ("POST /admin/v1/apps/{appId}/transactions/{id}/approve-refund",     Operator),
    ("POST /admin/v1/apps/{appId}/transactions/{id}/decline-refund",     Operator),
    ("POST /admin/v1/apps/{appId}/transactions/{id}/sync",               Operator),
    ("POST /admin/v1/apps/{appId}/transactions/{id}/close",              Operator),
    ("POST /admin/v1/apps/{appId}/transactions/{id}/refund",             Operator),
    ("POST /admin/v1/apps/{appId}/transactions/{id}/give-up",            Operator),
    ("POST /admin/v1/apps/{appId}/checkouts",                            Operator),
    ("GET /admin/v1/apps/{appId}/checkout",                              Operator),
    ("PUT /admin/v1/apps/{appId}/checkout",                              Operator),
    ("PUT /admin/v1/apps/{appId}/checkout/logo",                         Operator),
    ("DELETE /admin/v1/apps/{appId}/checkout/logo",                      Operator),
    ("GET /admin/v1/verification-files",                                 Operator),
    ("PUT /admin/v1/verification-files/{file}",                          Operator),
    ("DELETE /admin/v1/verification-files/{file}",                       Operator),
    ("GET /admin/v1/dead-letters",                                       Operator),
    ("POST /admin/v1/dead-letters/take-back",                            Operator),
    ("POST /admin/v1/operators",                                         Operator),
    ("GET /admin/v1/operators",                                          Operator),
    ("PATCH /admin/v1/operators/{name}",                                 Operator),
    ("DELETE /admin/v1/operators/{name}/sessions",                       Operator),
    ("PUT /admin/v1/operators/{name}/second-factor",                     Operator),
    ("DELETE /admin/v1/operators/{name}/second-factor",                  Operator),
    ("GET /admin/v1/sign-in",                                            Operator),
    ("PUT /admin/v1/sign-in",                                            Operator),
    ("GET /admin/v1/audit",                                              Operator),
    ("GET /admin/v1/apps/{appId}/alerts",                                Operator),
    ("PUT /admin/v1/apps/{appId}/alerts",                                Operator),
    ("POST /admin/v1/apps/{appId}/alerts/test",                          Operator),
];

/// The result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Refused before anything was read: code 1, or 401.
    Refused,
    /// Allowed.
    Taken,
    /// Allowed, but the object does not exist: it belongs to the test mode.
    Absent,
}

use Outcome::{Absent, Refused, Taken};

/// The result of each credential for `Client`, `Master` and `Operator`.
#[rustfmt::skip]
const OUTCOMES: &[(&str, [Outcome; 3])] = &[
    //                                Client   Master   Operator
    ("nothing",                      [Refused, Refused, Refused]),
    ("a wrong client key",           [Refused, Refused, Refused]),
    ("a wrong master key",           [Refused, Refused, Refused]),
    ("a client key as master key",   [Refused, Refused, Refused]),
    ("an old signature",             [Refused, Refused, Refused]),
    ("a wrong operator token",       [Refused, Refused, Refused]),
    ("client key",                   [Taken,   Refused, Refused]),
    ("signed client key",            [Taken,   Refused, Refused]),
    ("session token",                [Taken,   Refused, Refused]),
    ("session of before a rotation", [Refused, Refused, Refused]),
    ("master key",                   [Taken,   Taken,   Refused]),
    ("client key in its grace",      [Taken,   Refused, Refused]),
    ("signed key in its grace",      [Taken,   Refused, Refused]),
    ("master key in its grace",      [Taken,   Taken,   Refused]),
    ("client key of another app",    [Refused, Refused, Refused]),
    ("master key of another app",    [Refused, Refused, Refused]),
    ("session of another app",       [Refused, Refused, Refused]),
    ("client key of live mode",      [Absent,  Refused, Refused]),
    ("master key of live mode",      [Absent,  Absent,  Refused]),
    ("session of live mode",         [Absent,  Refused, Refused]),
    ("operator token",               [Refused, Refused, Taken]),
    ("master key as bearer",         [Refused, Refused, Refused]),
    ("a viewer's console session",   [Refused, Refused, Refused]),
    ("an operator's session",        [Refused, Refused, Refused]),
    ("an owner's session",           [Refused, Refused, Refused]),
];

/// The world's data for the callers.
struct Callers {
    app: String,
    headers: Vec<(&'static str, Vec<(&'static str, String)>)>,
}

impl Callers {
    fn headers(&self, credential: &str) -> Vec<(&str, &str)> {
        let found = self.headers.iter().find(|(name, _)| *name == credential);
        let (_, headers) = found.unwrap_or_else(|| panic!("no `{credential}`"));
        headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

fn signed(client_key: &str, timestamp_ms: i64) -> String {
    let digest = Md5::new().chain_update(timestamp_ms.to_string()).chain_update(client_key).finalize();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex},{timestamp_ms}")
}

async fn session_of(world: &World, app: &str, master_key: &str) -> String {
    let headers = [("X-ML-AppId", app), ("X-ML-MasterKey", master_key)];
    let made = world.post_as(&headers, "/2.0/maxpay/sessions", r#"{"ttlSeconds":3600}"#).await.ok();
    made["token"].as_str().unwrap().to_owned()
}

async fn rotated(world: &World, key: &str) -> String {
    let path = format!("/apps/{}/keys/rotate", world.app.app_id);
    let made = world.admin("POST", &path, json!({ "mode": "test", "key": key })).await.done(200);
    let next = made[format!("{key}Key")].as_str().unwrap().to_owned();
    world.must_stay_secret(&next);
    next
}

async fn callers(world: &World) -> Callers {
    let (app, old, live) = (&world.app.app_id, &world.app.test, &world.app.live);
    let other = world.new_app("other").await;
    let old_session = world.session(3600).await;
    let (client_key, master_key) = (rotated(world, "client").await, rotated(world, "master").await);
    let session = session_of(world, app, &master_key).await;
    let live_session = session_of(world, app, &live.master_key).await;
    let foreign_session = session_of(world, &other.app_id, &other.test.master_key).await;
    let cookies = [("viewer.one", "viewer"), ("operator.one", "operator"), ("owner.one", "owner")];
    let mut sessions = Vec::new();
    for (name, role) in cookies {
        sessions.push(hire(world, name, role).await.cookie);
    }
    let [viewer, operator, owner] = <[String; 3]>::try_from(sessions).unwrap();
    let with = |name: &'static str, value: &str| vec![("X-ML-AppId", app.clone()), (name, value.to_owned())];
    let bearer = |token: &str| vec![("Authorization", format!("Bearer {token}"))];
    let too_old = START_MS - 15 * 60_000 - 1;
    let headers = vec![
        ("nothing", vec![("X-ML-AppId", app.clone())]),
        ("a wrong client key", with("X-ML-APIKey", "wrong")),
        ("a wrong master key", with("X-ML-MasterKey", "wrong")),
        ("a client key as master key", with("X-ML-MasterKey", &client_key)),
        ("an old signature", with("X-ML-Request-Sign", &signed(&client_key, too_old))),
        ("a wrong operator token", bearer("wrong")),
        ("client key", with("X-ML-APIKey", &client_key)),
        ("signed client key", with("X-ML-Request-Sign", &signed(&client_key, START_MS))),
        ("session token", with("X-ML-Session-Token", &session)),
        ("session of before a rotation", with("X-ML-Session-Token", &old_session)),
        ("master key", with("X-ML-MasterKey", &master_key)),
        ("client key in its grace", with("X-ML-APIKey", &old.client_key)),
        ("signed key in its grace", with("X-ML-Request-Sign", &signed(&old.client_key, START_MS))),
        ("master key in its grace", with("X-ML-MasterKey", &old.master_key)),
        ("client key of another app", with("X-ML-APIKey", &other.test.client_key)),
        ("master key of another app", with("X-ML-MasterKey", &other.test.master_key)),
        ("session of another app", with("X-ML-Session-Token", &foreign_session)),
        ("client key of live mode", with("X-ML-APIKey", &live.client_key)),
        ("master key of live mode", with("X-ML-MasterKey", &live.master_key)),
        ("session of live mode", with("X-ML-Session-Token", &live_session)),
        ("operator token", bearer(&world.operator_token)),
        ("master key as bearer", bearer(&master_key)),
        ("a viewer's console session", vec![("Cookie", viewer)]),
        ("an operator's session", vec![("Cookie", operator)]),
        ("an owner's session", vec![("Cookie", owner)]),
    ];
    Callers { app: app.clone(), headers }
}

/// A path of the world for a path with placeholders, and a body about the bill `paid`, or about `closed`.
fn call_of(path: &str, app: &str, number: usize) -> (String, String) {
    let filled = path
        .replace("{appId}", app)
        .replace("{app}", app)
        // A tab that nothing else here needs: it is deleted during the test.
        .replace("{tab}", "unipay_web")
        .replace("{mode}", "test")
        .replace("{channel}", "ali_qrcode")
        .replace("{try}", "01")
        .replace("{bill}", "cGFpZA")
        .replace("{name}", "nobody");
    let segments = filled.split('/').map(|word| if word.starts_with('{') { "568a12086e912100017722e5" } else { word });
    let filled = segments.collect::<Vec<_>>().join("/");
    let paid = json!({ "billNum": "paid" });
    let body = match path {
        "/2.0/maxpay/bill" => charge_of("ali_web", &format!("new-{number}")),
        "/2.0/maxpay/checkout" => checkout_of(&format!("new-{number}")),
        "/2.0/maxpay/sessions" => json!({ "ttlSeconds": 60 }),
        "/2.0/maxpay/refund" => json!({ "billNum": "paid", "refundNum": format!("R-{number}"), "refundFee": 1 }),
        "/2.0/maxpay/close" => json!({ "billNum": "closed", "channel": "ali_web" }),
        "/2.0/maxpay/records" | "/2.0/maxpay/sync" | "/2.0/maxpay/refunds" => paid.clone(),
        _ => json!({}),
    };
    let para: String = form_urlencoded::byte_serialize(paid.to_string().as_bytes()).collect();
    let query = if path.starts_with("/2.0/") { format!("para={para}") } else { "mode=test".to_owned() };
    (format!("{filled}?{query}"), body.to_string())
}

fn outcome(path: &str, answer: &Answer) -> Outcome {
    if path.starts_with("/admin/v1/") {
        return if [401, 403].contains(&answer.status) { Refused } else { Taken };
    }
    match (answer.code(), &answer.json()["results"]) {
        (1, _) => Refused,
        (0, results) if *results != json!([]) => Taken,
        (0 | 2 | 5, _) => Absent,
        (code, _) => panic!("{path}: code {code}"),
    }
}

#[test]
fn each_operation_has_its_door() {
    let stated: BTreeSet<String> = DOORS.iter().map(|(operation, _)| (*operation).to_owned()).collect();
    let code = operations();
    let forgotten: Vec<_> = code.difference(&stated).collect();
    let gone: Vec<_> = stated.difference(&code).collect();
    assert!(forgotten.is_empty() && gone.is_empty(), "state the door of {forgotten:?}; gone: {gone:?}");
    assert_eq!(stated.len(), DOORS.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_credential_opens_its_doors_and_no_other() {
    let world = World::start().await;
    world.paid("paid").await;
    world.charge(&charge_of("ali_web", "closed")).await.ok();
    let refund = json!({ "billNum": "paid", "refundNum": "R", "refundFee": 1 }).to_string();
    world.post_as(&master(&world.app), "/2.0/maxpay/refund", refund).await.ok();
    let close = json!({ "billNum": "closed", "channel": "ali_web" }).to_string();
    world.post_as(&master(&world.app), "/2.0/maxpay/close", close).await.ok();
    let hooks = format!("/apps/{}/webhooks", world.app.app_id);
    let pull = json!({ "target": { "pull": true }, "mode": "test" });
    let pull = world.admin("POST", &hooks, pull).await.done(201)["id"].clone();
    world.paid("fetched").await;
    let fetched = world.post_as(&master(&world.app), "/2.0/maxpay/events", "{}").await.ok()["events"][0]["id"].clone();
    let callers = callers(&world).await;
    let mut wrong = Vec::new();
    for (number, (credential, outcomes)) in OUTCOMES.iter().enumerate() {
        let headers = callers.headers(credential);
        for (operation, door) in DOORS {
            let (method, path) = operation.split_once(' ').unwrap();
            let expected = match door {
                Client => outcomes[0],
                PresentMaster if *credential == "master key in its grace" => Refused,
                Master | PresentMaster => outcomes[1],
                Operator => outcomes[2],
                Provider => continue,
            };
            // A token has the mode of the key: nothing of the other mode is requested.
            let is_token = path == "/2.0/maxpay/sessions" && expected == Absent;
            let expected = if is_token { Taken } else { expected };
            let (target, body) = call_of(path, &callers.app, number);
            let body = match path {
                "/2.0/maxpay/events" => json!({ "webhook": pull }).to_string(),
                "/2.0/maxpay/events/ack" => json!({ "ids": [fetched] }).to_string(),
                _ => body,
            };
            let sent = if method == "GET" { String::new() } else { body };
            let json = [("Content-Type", "application/json")];
            let answer = world.call(method, &target, &[&json[..], &headers].concat(), sent).await;
            let found = outcome(path, &answer);
            if found != expected {
                wrong.push(format!("{credential} at {operation}: {found:?}, not {expected:?}: {}", answer.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_stands_for_a_providers_signature() {
    let world = World::start().await;
    let id = world.charged("paid").await;
    let callers = callers(&world).await;
    for (operation, _) in DOORS.iter().filter(|(_, door)| *door == Provider) {
        let (method, path) = operation.split_once(' ').unwrap();
        let (target, _) = call_of(path, &callers.app, 0);
        let form = format!("out_trade_no={id}&trade_status=TRADE_SUCCESS&total_amount=99.00&sign=wrong&sign_type=RSA2");
        for (credential, _) in OUTCOMES {
            let kind = [("Content-Type", "application/x-www-form-urlencoded")];
            let headers = [&kind[..], &callers.headers(credential)].concat();
            let answer = world.call(method, &target, &headers, form.clone()).await;
            assert!([400, 404].contains(&answer.status), "{credential} at {operation}: {}", answer.status);
        }
    }
    let now = callers.headers("master key");
    let found = world.post_as(&now, "/2.0/maxpay/records", json!({ "billNum": "paid" }).to_string()).await.ok();
    assert_eq!(found["results"][0]["status"], Value::from("created"));
    world.end().await;
}
