//! The commands that end by themselves: strange answers, wrong addresses, and what `doctor` makes of them.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::json;

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

#[test]
fn a_profile_that_is_not_there_is_named_beside_those_that_are() {
    let fake = Fake::start(|_, _| session());
    let error = fake.failed(&["records", "b", "--profile", "shop"]);
    assert_eq!((&error["code"], &error["field"]), (&json!("invalid"), &json!("profile")));
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
