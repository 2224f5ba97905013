//! The local stack itself: what survives a restart, and how its clock moves.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use local::{Options, Stack, StackClock, StartError};
use serde_json::{Value, json};

use crate::world::{MINUTE_MS, START_MS, World, charge_of, client, options, texts};

/// The test's own folder, deleted at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("maxpay-specs-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It does not exist if the stack never started.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A stack that keeps its state: always on the embedded DynamoDB, because only that is in the folder.
fn kept_in(folder: &Folder) -> Options {
    Options { data_dir: Some(folder.0.clone()), dynamo_endpoint: None, ..options() }
}

fn port(world: &World) -> u16 {
    world.url.rsplit_once(':').unwrap().1.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_outlives_a_restart() {
    let folder = Folder::new();
    let first = World::start_with(kept_in(&folder)).await;
    let (app, token, port) = (first.app.clone(), first.operator_token.clone(), port(&first));
    first.paid("paid").await;
    let open = first.charged("open").await;
    let session = first.session(3600).await;
    let other = first.new_app("other").await;
    let hook = json!({ "mode": "test", "target": { "url": "https://shop.example/" } });
    first.admin("POST", &format!("/apps/{}/webhooks", app.app_id), hook).await.done(201);
    let settings = first.merchant("openapi").await;
    first.configure(&app, &settings).await;
    let before = first.records(&json!({})).await.ok();
    first.end().await;

    let second = World::start_with(Options { port, ..kept_in(&folder) }).await;
    assert_eq!((&second.app, &second.operator_token), (&app, &token));
    assert_eq!(second.records(&json!({})).await.ok(), before);
    second.play(&open, "pay", json!({})).await;
    assert_eq!(second.record("open").await["status"], "success");
    let by_session = [("X-ML-AppId", app.app_id.as_str()), ("X-ML-Session-Token", &session)];
    second.post_as(&by_session, "/2.0/maxpay/bill", charge_of("ali_web", "new").to_string()).await.ok();
    second.post_as(&client(&other), "/2.0/maxpay/bill", charge_of("ali_web", "1").to_string()).await.refused(2, "");
    let apps = second.admin("GET", "/apps", Value::Null).await.done(200);
    let mut names = texts(&apps["items"], "name");
    names.sort();
    assert_eq!(names, ["demo", "other"]);
    let webhooks = second.admin("GET", &format!("/apps/{}/webhooks", app.app_id), Value::Null).await.done(200);
    assert_eq!(webhooks["items"].as_array().unwrap().len(), 1);
    second.end().await;
}

/// The modes of all files in a folder.
#[cfg(unix)]
fn modes(folder: &Folder) -> Vec<(String, u32)> {
    use std::os::unix::fs::PermissionsExt;
    let mode = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().permissions().mode() & 0o777)
    };
    fs::read_dir(&folder.0).unwrap().map(|entry| mode(entry.unwrap())).collect()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_reads_what_a_data_folder_holds() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    // It was made by hand, and everybody can read it.
    fs::create_dir(&folder.0).unwrap();
    fs::write(folder.0.join("notes.txt"), "not ours").unwrap();
    let everybody = fs::Permissions::from_mode(0o644);
    fs::set_permissions(folder.0.join("notes.txt"), everybody.clone()).unwrap();
    for round in 0..2 {
        let world = World::start_with(kept_in(&folder)).await;
        // Each of the simulators stores something.
        for channel in ["ali_qrcode", "wx_native", "unipay_app"] {
            world.charge(&charge_of(channel, &format!("{channel}-{round}"))).await.ok();
        }
        let found = modes(&folder);
        for name in ["dynamodb.sqlite", "sqs.journal", "local.json", "sealing.key", "lock", "simulator.json"] {
            assert!(found.iter().any(|(file, _)| file == name), "{name} is missing: {found:?}");
        }
        for (file, mode) in found.iter().filter(|(file, _)| file != "notes.txt") {
            assert_eq!(*mode, 0o600, "{file}");
        }
        world.end().await;
        // An earlier version left them readable.
        for (file, _) in modes(&folder) {
            fs::set_permissions(folder.0.join(file), everybody.clone()).unwrap();
        }
    }
    assert!(modes(&folder).contains(&("notes.txt".to_owned(), 0o644)), "a file of somebody else's is left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notify_that_was_not_taken_is_sent_again_after_a_restart() {
    let folder = Folder::new();
    let first = World::start_with(kept_in(&folder)).await;
    let port = port(&first);
    let id = first.charged("1").await;
    let path = crate::world::test_channel(&first.app);
    first.admin("DELETE", &path, Value::Null).await.done(204);
    first.play(&id, "pay", json!({})).await;
    first.configure(&first.app, &json!({ "protocol": "simulator" })).await;
    first.end().await;

    let second = World::start_with(Options { port, ..kept_in(&folder) }).await;
    assert_eq!(second.record("1").await["status"], "created");
    second.advance(4 * MINUTE_MS).await;
    assert_eq!(second.record("1").await["status"], "success");
    second.end().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_for_the_eyes_of_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let world = World::start_with(kept_in(&folder)).await;
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.0.clone()), 0o700);
    assert_eq!(mode(folder.0.join("local.json")), 0o600);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn local_json_says_what_opens_the_stack() {
    let folder = Folder::new();
    let world = World::start_with(kept_in(&folder)).await;
    let kept: Value = serde_json::from_str(&fs::read_to_string(folder.0.join("local.json")).unwrap()).unwrap();
    assert_eq!((&kept["url"], &kept["operatorToken"]), (&json!(world.url), &json!(world.operator_token)));
    let keys = |pair: &local::KeyPair| json!({ "clientKey": pair.client_key, "masterKey": pair.master_key });
    let app = &world.app;
    let expect = json!([{ "appId": app.app_id, "name": "demo", "live": keys(&app.live), "test": keys(&app.test) }]);
    assert_eq!(kept["apps"], expect);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_said() {
    let world = World::start().await;
    let port = port(&world);
    let error = Stack::start(Options { port, ..options() }, |_| {}).await.unwrap_err();
    assert!(matches!(error, StartError::PortTaken { port: taken } if taken == port), "{error:?}");
    assert!(error.to_string().contains(&port.to_string()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_that_is_none_is_said() {
    let folder = Folder::new();
    fs::write(&folder.0, "a file").unwrap();
    let error = Stack::start(kept_in(&folder), |_| {}).await.unwrap_err();
    assert!(matches!(&error, StartError::DataDir { path, .. } if path.starts_with(&folder.0)), "{error:?}");
    fs::remove_file(&folder.0).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_or_damaged_in_a_data_folder_is_named_and_nothing_is_made_in_its_place() {
    type Spoil = fn(&Path);
    #[rustfmt::skip]
    let cases: [(&str, Spoil, &str); 7] = [
        ("sealing.key",     |path| fs::remove_file(path).unwrap(),      "sealing.key is missing or empty"),
        ("sealing.key",     |path| fs::write(path, "").unwrap(),        "sealing.key is missing or empty"),
        ("sealing.key",     |path| fs::write(path, OTHER_KEY).unwrap(), "was the sealing key replaced?"),
        ("local.json",      |path| fs::write(path, "").unwrap(),        "local.json is damaged"),
        ("local.json",      |path| fs::write(path, "{\"url\":").unwrap(), "local.json is damaged"),
        ("dynamodb.sqlite", |path| without_database(path, None),        "dynamodb.sqlite is missing or empty"),
        ("dynamodb.sqlite", |path| without_database(path, Some("")),    "dynamodb.sqlite is missing or empty"),
    ];
    for (file, spoil, expect) in cases {
        let folder = Folder::new();
        World::start_with(kept_in(&folder)).await.end().await;
        let path = folder.0.join(file);
        spoil(&path);
        let before = fs::read(&path).ok();
        let error = Stack::start(kept_in(&folder), |_| {}).await.unwrap_err();
        assert!(error_chain(&error).contains(expect), "{file}: {}", error_chain(&error));
        assert_eq!(fs::read(&path).ok(), before, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_belongs_to_other_keys_is_refused() {
    let (folder, other) = (Folder::new(), Folder::new());
    for folder in [&folder, &other] {
        World::start_with(kept_in(folder)).await.end().await;
    }
    for end in ["", "-wal", "-shm"] {
        let from = other.0.join(format!("dynamodb.sqlite{end}"));
        // A closed database is one file.
        let _ = fs::remove_file(folder.0.join(format!("dynamodb.sqlite{end}")));
        let _ = fs::copy(from, folder.0.join(format!("dynamodb.sqlite{end}")));
    }
    let error = Stack::start(kept_in(&folder), |_| {}).await.unwrap_err();
    assert!(matches!(&error, StartError::DataDirForgot { path } if *path == folder.0), "{error:?}");
}

/// The kill leaves a table without its indexes, and no `local.json`.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_killed_within_a_table_begins_anew() {
    let folder = Folder::new();
    World::start_with(kept_in(&folder)).await.end().await;
    fs::remove_file(folder.0.join("local.json")).unwrap();
    fs::write(folder.0.join("starting"), "").unwrap();
    fs::write(folder.0.join("dynamodb.sqlite"), "half a table").unwrap();
    let world = World::start_with(kept_in(&folder)).await;
    world.charge(&charge_of("ali_web", "1")).await.ok();
    world.end().await;
    assert!(!folder.0.join("starting").exists());
    let again = World::start_with(kept_in(&folder)).await;
    again.record("1").await;
    again.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_keys_were_taken_away_is_kept() {
    let folder = Folder::new();
    let first = World::start_with(kept_in(&folder)).await;
    let app = first.app.app_id.clone();
    first.end().await;
    fs::remove_file(folder.0.join("local.json")).unwrap();
    let second = World::start_with(kept_in(&folder)).await;
    second.admin("GET", &format!("/apps/{app}"), Value::Null).await.done(200);
    second.end().await;
}

/// Base64 of 32 bytes, the form of a sealing key.
const OTHER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// SQLite stores the latest changes in another file.
fn without_database(path: &Path, text: Option<&str>) {
    for end in ["", "-wal", "-shm"] {
        // The last two do not exist if the stack closed the database.
        let _ = fs::remove_file(format!("{}{end}", path.display()));
    }
    if let Some(text) = text {
        fs::write(path, text).unwrap();
    }
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_is_one_stacks_at_a_time() {
    let folder = Folder::new();
    let world = World::start_with(kept_in(&folder)).await;
    let error = Stack::start(kept_in(&folder), |_| {}).await.unwrap_err();
    assert!(matches!(&error, StartError::DataDirTaken { path } if *path == folder.0), "{error:?}");
    assert!(error.to_string().contains("--data-dir"));
    world.charge(&charge_of("ali_web", "1")).await.ok();
    world.end().await;
    World::start_with(kept_in(&folder)).await.end().await;
}

/// If somebody deletes the lock file, a second stack on the folder would overwrite the data of the first.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_whose_lock_was_deleted_is_still_one_stacks_at_a_time() {
    let folder = Folder::new();
    let world = World::start_with(kept_in(&folder)).await;
    fs::remove_file(folder.0.join("lock")).unwrap();
    let error = Stack::start(kept_in(&folder), |_| {}).await.unwrap_err();
    assert!(matches!(&error, StartError::DataDirTaken { path } if *path == folder.0), "{error:?}");
    world.end().await;
}

fn local_json(folder: &Folder) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.0.join("local.json")).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn local_json_follows_what_is_changed() {
    let folder = Folder::new();
    let world = World::start_with(kept_in(&folder)).await;
    let path = format!("/apps/{}/keys/rotate", world.app.app_id);
    let rotated = world.admin("POST", &path, json!({ "mode": "test", "key": "client" })).await.done(200);
    let key = rotated["clientKey"].clone();
    assert_eq!(local_json(&folder)["apps"][0]["test"]["clientKey"], key);
    let known = local_json(&folder)["apps"][0]["test"]["masterKey"].clone();
    assert_eq!(known, json!(world.app.test.master_key));
    let theirs = json!({ "password": "a password of their own" });
    world.admin("PATCH", &format!("/operators/{}", world.owner.0), theirs).await.done(200);
    world.must_stay_secret(key.as_str().unwrap());
    world.end().await;

    // Rotated without writing it to the file, as by an earlier version.
    let text = fs::read_to_string(folder.0.join("local.json")).unwrap().replace(key.as_str().unwrap(), "of before");
    fs::write(folder.0.join("local.json"), text).unwrap();
    let again = World::start_with(kept_in(&folder)).await;
    assert_eq!(json!(again.app.test.client_key), key);
    assert_eq!(local_json(&folder)["apps"][0]["test"]["clientKey"], key);
    assert!(again.stack.keys().console_password_changed, "nobody is told a password that opens nothing");
    again.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_moved_stays_moved_over_a_restart() {
    let folder = Folder::new();
    let running = || Options { clock: StackClock::running(), ..kept_in(&folder) };
    let world = World::start_with(running()).await;
    let bill = world.charged("later").await;
    let moved_ms = world.post_as(&[], "/_local/clock", r#"{"advanceMs":86400000}"#).await.done(200)["nowMs"].clone();
    world.end().await;
    let again = World::start_with(running()).await;
    assert!(again.now_ms().await >= moved_ms.as_i64().unwrap());
    assert_eq!(again.record("later").await["id"], json!(bill));
    again.end().await;

    fs::write(folder.0.join("clock.ms"), "x").unwrap();
    let error = Stack::start(running(), |_| {}).await.unwrap_err();
    assert!(matches!(&error, StartError::DataDir { path, .. } if path.ends_with("clock.ms")), "{error:?}");
}

/// Requests whose bodies never come, as many as the stack answers at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_at_once_is_refused_and_let_in_again() {
    use tokio::io::AsyncWriteExt;
    let world = World::start().await;
    let mut waiting = Vec::new();
    for _ in 0..256 {
        let mut caller = tokio::net::TcpStream::connect(("127.0.0.1", port(&world))).await.unwrap();
        caller.write_all(b"POST /2.0/maxpay/bill HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n").await.unwrap();
        waiting.push(caller);
    }
    let status = async || world.call("GET", "/nowhere", &[], "").await.status;
    while status().await != 503 {
        tokio::task::yield_now().await;
    }
    drop(waiting);
    while status().await != 404 {
        tokio::task::yield_now().await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_are_told_as_they_start() {
    let told = std::sync::Mutex::new(Vec::new());
    let stack = Stack::start(options(), |part| told.lock().unwrap().push(part.to_owned())).await.unwrap();
    assert!(told.lock().unwrap().contains(&"sqs".to_owned()));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_moves_forward_and_says_where_it_stands() {
    let world = World::start().await;
    let move_by = async |body: &str| world.post_as(&[], "/_local/clock", body.to_owned()).await;
    assert_eq!(move_by(r#"{"advanceMs":0}"#).await.done(200), json!({ "nowMs": START_MS }));
    assert_eq!(move_by(r#"{"advanceMs":1500}"#).await.done(200), json!({ "nowMs": START_MS + 1500 }));
    assert_eq!(move_by(r#"{"advanceMs":1}"#).await.done(200), json!({ "nowMs": START_MS + 1501 }));
    for wrong in [r#"{"advanceMs":-1}"#, r#"{"advanceMs":99999999999999}"#] {
        move_by(wrong).await.done(400);
    }
    for wrong in [r#"{"advanceMs":1.5}"#, "{}", "x", ""] {
        assert!((400..500).contains(&move_by(wrong).await.status), "{wrong}");
    }
    assert_eq!(move_by(r#"{"advanceMs":0}"#).await.done(200), json!({ "nowMs": START_MS + 1501 }));
    world.end().await;
}

/// When the attempts of a trade's first notify were made, in minutes after the start.
fn minutes(trade: &Value) -> Vec<i64> {
    let attempts = trade["notifies"][0]["attempts"].as_array().unwrap();
    attempts.iter().map(|attempt| (attempt["at"].as_i64().unwrap() - START_MS) / MINUTE_MS).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notify_that_reaches_nobody_is_sent_eight_times_on_the_providers_schedule() {
    let nobody = Options { public_url: Some("http://127.0.0.1:1".to_owned()), ..options() };
    let world = World::start_with(nobody).await;
    let first = world.paid("1").await;
    world.advance(MINUTE_MS).await;
    let second = world.paid("2").await;
    // 4 m, 10 m, 10 m, 1 h, 2 h, 6 h, 15 h, each counted from the one before.
    world.advance(24 * MINUTE_MS).await;
    assert_eq!(minutes(&world.trade(&first).await), [0, 4, 14, 24]);
    assert_eq!(minutes(&world.trade(&second).await), [1, 5, 15, 25]);
    world.advance(48 * 60 * MINUTE_MS).await;
    assert_eq!(minutes(&world.trade(&first).await), [0, 4, 14, 24, 84, 204, 564, 1464]);
    assert_eq!(minutes(&world.trade(&second).await), [1, 5, 15, 25, 85, 205, 565, 1465]);
    assert_eq!(world.record("1").await["status"], "success", "the sweep asked");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_reach_the_stack_under_its_public_url() {
    let public = Options { public_url: Some("https://pay.example.com".to_owned()), ..options() };
    let world = World::start_with(public).await;
    let trade = world.trade(&world.charged("1").await).await;
    assert!(trade["notifyUrl"].as_str().unwrap().starts_with("https://pay.example.com/notify/"), "{trade}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stacks_know_nothing_of_each_other() {
    let (one, other) = (World::start().await, World::start().await);
    one.charge(&charge_of("ali_web", "1")).await.ok();
    assert_eq!(other.records(&json!({})).await.ok()["results"], json!([]));
    let charge = charge_of("ali_web", "1").to_string();
    other.post_as(&client(&one.app), "/2.0/maxpay/bill", charge).await.refused(1, "");
    assert_ne!((&one.app.app_id, &one.operator_token), (&other.app.app_id, &other.operator_token));
    one.end().await;
    other.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_find_a_front_page() {
    let world = World::start().await;
    for path in ["/", "/_local/returned", "/simulator/alipay/app"] {
        let page = world.call("GET", path, &[], "").await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
    }
    world.end().await;
}
