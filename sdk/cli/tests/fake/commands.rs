//! The commands that end by themselves: strange answers, wrong addresses, and what `doctor` makes of them.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::server::*;

#[test]
fn a_deployed_gateway_is_not_charged_by_trigger() {
    let fake = Fake::start(|_, _| Answer { status: 404, ..answer(&json!({ "message": "Not Found" })) });
    let error = fake.failed(&["trigger", "payment.success"]);
    assert_eq!(error["code"], "no-simulators");
    assert!(error["remedy"].as_str().unwrap().contains("maxpay local"), "{error}");
    assert!(fake.calls("/2.0/maxpay/bill").is_empty() && fake.calls("/2.0/maxpay/sessions").is_empty());
}

#[test]
fn what_is_no_gateway_is_said_by_its_address() {
    let fake = Fake::start(|_, _| Answer { body: "<html>".to_owned(), status: 404, headers: String::new() });
    let error = fake.failed(&["records", "b"]);
    assert_eq!((&error["code"], &error["field"]), (&json!("no-gateway"), &json!("url")));
    let error = fake.failed(&["webhooks", "list"]);
    assert_eq!((&error["code"], &error["field"]), (&json!("missing"), &json!("operator_token")));
}

#[test]
fn an_answer_that_is_not_of_a_gateway_is_no_success() {
    for body in [json!("<html>"), json!({ "code": "5", "err": "bad" }), json!([1, 2]), json!({})] {
        let fake = Fake::start(move |_, _| answer(&body));
        for arguments in [&["refund", "b", "--refund-fee", "1", "--refund-num", "r"][..], &["close", "b"]] {
            assert_eq!(fake.failed(arguments)["code"], "no-gateway");
        }
    }
}

#[test]
fn an_id_is_one_segment_of_a_path() {
    let fake = Fake::start(|_, _| Answer { status: 404, ..answer(&json!({ "code": "not-found" })) });
    let mut command = fake.command(&["webhooks", "test", "w/secret/rotate?"]);
    command.env("MAXPAY_OPERATOR_TOKEN", "hush").output().unwrap();
    assert_eq!(fake.calls(&format!("/admin/v1/apps/{APP}/webhooks/w%2Fsecret%2Frotate%3F/test")).len(), 1);
}

#[test]
fn keys_that_were_saved_are_not_sent_to_a_gateway_that_stdin_names() {
    let fake = Fake::start(|_, _| session());
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("saved");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let login = |lines: String| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_maxpay"));
        command.env_clear().env("XDG_CONFIG_HOME", &folder).arg("login");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        child.wait().unwrap()
    };
    let known = Fake::start(|_, _| session());
    let saved = format!("MAXPAY_URL={}\nMAXPAY_APP_ID={APP}\nMAXPAY_MASTER_KEY=hush\n", known.url);
    assert!(login(saved).success());
    assert!(!login(format!("MAXPAY_URL={}\nMAXPAY_APP_ID={APP}\n", fake.url)).success());
    assert!(fake.calls.lock().unwrap().iter().all(|call| !call.head.contains("hush")));
}

#[test]
fn an_outage_of_the_gateway_says_that_the_same_command_is_safe() {
    let outage = json!({ "code": 14, "msg": "RUN_TIME_ERROR", "err": "the storage failed" });
    let fake = Fake::start(move |_, _| Answer { status: 503, ..answer(&outage) });
    let error = fake.failed(&["refund", "b", "--refund-fee", "1", "--refund-num", "r"]);
    assert_eq!((&error["code"], &error["message"]), (&json!(14), &json!("the storage failed")));
    assert!(error["remedy"].as_str().unwrap().contains("again"), "{error}");
}

/// A folder of settings of its own, with one profile `shop`.
fn with_profile(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("maxpay")).unwrap();
    let file = folder.join("maxpay").join("config.toml");
    fs::write(&file, "[profiles.shop]\nurl = 'http://127.0.0.1:1'\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

fn error_of(command: &mut Command) -> Value {
    let done = command.output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    serde_json::from_slice::<Value>(&done.stdout).unwrap()["error"].clone()
}

#[test]
fn a_profile_that_is_not_there_is_named_beside_those_that_are() {
    let fake = Fake::start(|_, _| session());
    let folder = with_profile("known");
    let records = |arguments: &[&str]| {
        let mut command = fake.command(&["records", "b"]);
        command.args(arguments).env("XDG_CONFIG_HOME", &folder);
        command
    };
    for arguments in [&["--profile", "other"][..], &["--profile", "default"]] {
        let error = error_of(&mut records(arguments));
        assert_eq!((&error["code"], &error["field"]), (&json!("invalid"), &json!("profile")));
        assert!(error["remedy"].as_str().unwrap().contains("shop"), "{error}");
    }
    // Nobody chose one, and the environment does not say where the gateway is.
    let error = error_of(records(&[]).env_remove("MAXPAY_URL"));
    assert_eq!(error["field"], "profile");
    assert!(error["remedy"].as_str().unwrap().contains("shop"), "{error}");
    let error = error_of(records(&["--profile", "other"]).env("XDG_CONFIG_HOME", "/nowhere"));
    assert!(error["remedy"].as_str().unwrap().contains("maxpay login"), "{error}");
}

#[test]
fn the_environment_alone_needs_no_readable_home() {
    let fake = Fake::start(|_, _| answer(&json!({ "code": 0, "msg": "OK", "results": [] })));
    // Below a file there is no folder.
    let home = env!("CARGO_BIN_EXE_maxpay");
    let records = |arguments: &[&str]| {
        let mut command = fake.command(&["records", "b"]);
        command.args(arguments).env("XDG_CONFIG_HOME", home);
        command
    };
    assert!(records(&[]).output().unwrap().status.success());
    assert_eq!(error_of(&mut records(&["--profile", "shop"]))["code"], "file");
    assert_eq!(error_of(records(&[]).env_remove("MAXPAY_MASTER_KEY"))["code"], "file");
}

#[test]
fn help_is_a_command_too() {
    let fake = Fake::start(|_, _| session());
    let shown = |arguments: &[&str]| String::from_utf8(fake.run(arguments).stdout).unwrap();
    let help = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_maxpay"));
        String::from_utf8(command.env_clear().args(arguments).output().unwrap().stdout).unwrap()
    };
    assert!(shown(&["records", "--help"]).contains("Query records"));
    assert_eq!(help(&["help", "records"]), help(&["records", "--help"]));
}
