//! `listen` and `tail`: pages of events, outages, receivers that do not answer, and the end by a signal.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
};

use serde_json::{Value, json};

use super::server::*;

#[test]
fn listen_walks_through_all_pages_and_acknowledges_what_is_accepted() {
    let fake = Fake::start(|call, before| match (call.path.as_str(), call.json()["cursor"].as_str()) {
        ("/2.0/maxpay/sessions", _) => session(),
        ("/2.0/maxpay/events", None) if before < 2 => page(&[event(1), event(2)], Some("next")),
        ("/2.0/maxpay/events", Some("next")) => page(&[event(3)], None),
        // Acknowledged events do not come again, and the refused one does.
        ("/2.0/maxpay/events", _) => page(&[event(2)], None),
        ("/hooks", _) => {
            Answer { status: if call.body.contains("\"2\"") && before < 3 { 500 } else { 200 }, ..answer(&json!({})) }
        }
        _ => answer(&json!({ "code": 0, "msg": "OK", "acknowledged": 1 })),
    });
    let target = format!("{}/hooks", fake.url.trim_start_matches("http://"));
    let lines = listened(fake.command(&["listen", "--forward-to", &target, "--webhook", "w"]).spawn().unwrap(), 4);
    let mut shown: Vec<_> =
        lines.iter().map(|line| json!([line["billNum"], line["status"], line["attempt"], line["again"]])).collect();
    // Those of one page are forwarded side by side, in no order.
    shown.sort_by_key(Value::to_string);
    assert_eq!(
        json!(shown),
        json!([["1", 200, 1, false], ["2", 200, 2, true], ["2", 500, 1, false], ["3", 200, 1, false]])
    );
    let hooks = fake.calls("/hooks");
    // Each byte is as it came.
    let hook = hooks.iter().find(|call| call.body == "{\"billNum\" : \"1\"}").unwrap();
    assert!(hook.head.contains("webhook-id: msg_1") && hook.head.contains("webhook-signature: v1,x"), "{}", hook.head);
    let mut acknowledged: Vec<Value> = fake
        .calls("/2.0/maxpay/events/ack")
        .iter()
        .flat_map(|call| call.json()["ids"].as_array().unwrap().clone())
        .collect();
    // The refused one comes last. Ctrl-C may come while it is acknowledged; then that happens again.
    acknowledged.dedup();
    let last = acknowledged.split_off(2);
    acknowledged.sort_by_key(Value::to_string);
    assert_eq!((acknowledged, last), (vec![json!("1"), json!("3")], vec![json!("2")]));
    assert!(fake.calls("/2.0/maxpay/events").iter().all(|call| call.json()["webhook"] == "w"));
}

#[test]
fn listen_goes_on_after_an_outage_and_ends_at_a_refusal() {
    let fake = Fake::start(|call, before| match (call.path.as_str(), before) {
        ("/2.0/maxpay/sessions", _) => session(),
        ("/2.0/maxpay/events", 0) => Answer { status: 502, ..answer(&json!("a proxy's page")) },
        ("/2.0/maxpay/events", _) => {
            answer(&json!({ "code": 4, "msg": "MISS_PARAM", "err": "webhook is required: there is none" }))
        }
        _ => answer(&Value::Null),
    });
    let done = fake.run(&["listen", "--forward-to", "localhost:1"]);
    let error = &serde_json::from_slice::<Value>(&done.stdout).unwrap()["error"];
    assert_eq!((done.status.code(), &error["field"], &error["code"]), (Some(1), &json!("webhook"), &json!(4)));
    assert!(error["remedy"].as_str().unwrap().contains("operator token"), "{error}");
    assert_eq!(fake.calls("/2.0/maxpay/events").len(), 2);
}

#[test]
fn a_webhook_that_is_chosen_must_get_the_events_that_are_asked_for() {
    let fake = Fake::start(|call, _| match call.path.as_str() {
        "/2.0/maxpay/sessions" => session(),
        path if path.starts_with("/admin/v1/") => {
            let target = json!({ "pull": true });
            answer(
                &json!({ "items": [{ "id": "w", "mode": "test", "target": target, "events": ["payment.success"] }] }),
            )
        }
        _ => answer(&Value::Null),
    });
    let mut command = fake.command(&["listen", "--forward-to", "1", "--webhook", "w", "--events", "refund.success"]);
    let done = command.env("MAXPAY_OPERATOR_TOKEN", "hush").output().unwrap();
    let error = &serde_json::from_slice::<Value>(&done.stdout).unwrap()["error"];
    assert_eq!((done.status.code(), &error["field"]), (Some(1), &json!("events")), "{error}");
    assert!(error["message"].as_str().unwrap().contains("refund.success"), "{error}");
}

#[test]
fn a_webhook_that_listen_made_may_be_unknown_at_first() {
    let fake = Fake::start(|call, before| match (call.path.as_str(), before) {
        ("/2.0/maxpay/sessions", _) => session(),
        (path, _) if path.starts_with("/admin/v1/") && call.head.starts_with("GET") => answer(&json!({ "items": [] })),
        (path, _) if path.starts_with("/admin/v1/") => Answer { status: 201, ..answer(&json!({ "id": "new" })) },
        ("/2.0/maxpay/events", 0) => {
            answer(&json!({ "code": 5, "msg": "PARAM_INVALID", "err": "webhook must be one" }))
        }
        ("/2.0/maxpay/events", _) => page(&[event(1)], None),
        _ => answer(&json!({ "code": 0, "msg": "OK", "acknowledged": 1 })),
    });
    let target = format!("{}/hooks", fake.url);
    let mut command = fake.command(&["listen", "--forward-to", &target]);
    let lines = listened(command.env("MAXPAY_OPERATOR_TOKEN", "hush").spawn().unwrap(), 1);
    assert_eq!(
        (&lines[0]["billNum"], &fake.calls("/2.0/maxpay/events")[1].json()["webhook"]),
        (&json!("1"), &json!("new"))
    );
}

#[test]
fn one_event_without_an_answer_holds_up_no_other() {
    let fake = Fake::start(|call, before| match call.path.as_str() {
        "/2.0/maxpay/sessions" => session(),
        "/2.0/maxpay/events" if before == 0 => page(&(0..20).map(event).collect::<Vec<_>>(), None),
        "/2.0/maxpay/events" => page(&[], None),
        "/hooks" if call.body.contains("\"0\"") => loop {
            thread::park();
        },
        _ => answer(&json!({ "code": 0, "msg": "OK", "acknowledged": 1 })),
    });
    let target = format!("{}/hooks", fake.url);
    let lines = listened(fake.command(&["listen", "--forward-to", &target, "--webhook", "w"]).spawn().unwrap(), 19);
    assert!(lines.iter().all(|line| line["status"] == 200), "{lines:?}");
    let acknowledged: Vec<Value> =
        fake.calls("/2.0/maxpay/events/ack").iter().map(|call| call.json()["ids"].clone()).collect();
    // Ctrl-C may come while the last ones are acknowledged; then that happens again.
    let ids: BTreeSet<String> =
        acknowledged.iter().flat_map(|ids| ids.as_array().unwrap()).map(Value::to_string).collect();
    assert!(acknowledged.len() >= 3 && ids.len() == 19, "{acknowledged:?}");
}

#[test]
fn an_event_that_comes_later_does_not_wait_for_one_without_an_answer() {
    let (acknowledged, released) = mpsc::channel();
    let released = Mutex::new(released);
    let fake = Fake::start(move |call, before| match call.path.as_str() {
        "/2.0/maxpay/sessions" => session(),
        "/2.0/maxpay/events" if before == 0 => page(&[event(0)], None),
        "/2.0/maxpay/events" if before == 1 => page(&[event(0), event(1)], None),
        "/2.0/maxpay/events" => page(&[], None),
        // The first event is answered once the second is acknowledged.
        "/hooks" if call.body.contains("\"0\"") => {
            released.lock().unwrap().recv().unwrap();
            answer(&json!({}))
        }
        "/2.0/maxpay/events/ack" => {
            acknowledged.send(()).unwrap();
            answer(&json!({ "code": 0, "msg": "OK", "acknowledged": 1 }))
        }
        _ => answer(&json!({})),
    });
    let target = format!("{}/hooks", fake.url);
    let lines = listened(fake.command(&["listen", "--forward-to", &target, "--webhook", "w"]).spawn().unwrap(), 2);
    let shown: Vec<_> = lines.iter().map(|line| json!([line["billNum"], line["status"], line["attempt"]])).collect();
    assert_eq!(json!(shown), json!([["1", 200, 1], ["0", 200, 1]]));
    assert_eq!(fake.calls("/hooks").len(), 2, "an event in flight is not sent a second time");
}

#[test]
fn what_cannot_be_acknowledged_at_the_end_is_said_once() {
    let fake = Fake::start(|call, _| match call.path.as_str() {
        "/2.0/maxpay/sessions" => session(),
        "/2.0/maxpay/events" => page(&[event(1)], None),
        "/2.0/maxpay/events/ack" => {
            let outage = json!({ "code": 14, "msg": "RUN_TIME_ERROR", "err": "the storage failed" });
            Answer { status: 503, ..answer(&outage) }
        }
        _ => answer(&json!({})),
    });
    let target = format!("{}/hooks", fake.url);
    let mut child = fake.command(&["listen", "--forward-to", &target, "--webhook", "w"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let error = serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap()["error"].clone();
    let message = error["message"].as_str().unwrap();
    assert_eq!((child.wait().unwrap().code(), &error["code"]), (Some(1), &json!(14)), "{error}");
    assert!(message.starts_with("the storage failed\nstopped; 1 "), "{error}");
}

#[test]
fn who_ends_the_program_twice_does_not_wait_for_the_last_acknowledgement() {
    let fake = Fake::start(|call, _| match call.path.as_str() {
        "/2.0/maxpay/sessions" => session(),
        "/2.0/maxpay/events" => page(&[event(1)], None),
        "/2.0/maxpay/events/ack" => loop {
            thread::park();
        },
        _ => answer(&json!({})),
    });
    let target = format!("{}/hooks", fake.url);
    let mut child = fake.command(&["listen", "--forward-to", &target, "--webhook", "w"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let mut signals = 0;
    // The second signal may come before the first was dealt with, so it is repeated.
    while child.try_wait().unwrap().is_none() && signals < 1_000 {
        Command::new("kill").args(["-TERM", &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
        signals += 1;
    }
    let error = serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap()["error"].clone();
    assert_eq!((child.wait().unwrap().code(), &error["code"]), (Some(1), &json!("unacknowledged")), "{error}");
}

#[test]
fn tail_goes_on_after_an_outage() {
    let record = json!({ "id": "1", "billNum": "b", "createdTime": 1, "status": "created" });
    let fake = Fake::start(move |_, before| match before {
        0 => answer(&json!({ "code": 0, "msg": "OK", "results": [] })),
        1 => Answer { status: 502, ..answer(&json!("a proxy's page")) },
        _ => answer(&json!({ "code": 0, "msg": "OK", "results": [record] })),
    });
    let lines = listened(fake.command(&["tail", "--interval", "1"]).spawn().unwrap(), 1);
    assert_eq!(lines[0]["billNum"], "b");
}
