//! The sign-in: strangers slow down only themselves, every sign-in is recorded, and a signed-out session ends.

use std::net::Ipv4Addr;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use crate::{
    answer::Answer,
    console::{FORM, Visitor, form, hire, try_sign_in},
    world::{World, texts},
};

const OWNER: u8 = 2;
const STRANGER: u8 = 66;

/// Posts a form to the console from 127.0.0.`host`: the connection alone shows the caller.
async fn post_from(world: &World, host: u8, page: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into()).unwrap();
    let authority = world.url.strip_prefix("http://").unwrap();
    let mut stream = socket.connect(authority.parse().unwrap()).await.unwrap();
    let body = form(fields);
    let mut request = format!(
        "POST /console{page} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nAccept-Language: en\r\n\
         Content-Type: {}\r\nContent-Length: {}\r\n",
        FORM.1,
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = http::HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    Answer { status, headers, body: Bytes::from(body.to_owned()) }
}

async fn sign_in_from(world: &World, host: u8, password: &str, cookie: &str) -> Answer {
    let fields = [("name", world.owner.0.as_str()), ("password", password)];
    post_from(world, host, "/sign-in", &[("Cookie", cookie), ("X-Forwarded-For", "198.51.100.9")], &fields).await
}

/// The mark that a sign-in stores in the browser.
fn mark(answer: &Answer) -> String {
    let cookies = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let mark = { cookies }.find(|cookie| cookie.contains("_known_")).unwrap();
    assert!(mark.contains("HttpOnly") && mark.contains("Max-Age=34560000") && !mark.contains("admin"), "{mark}");
    mark.split(';').next().unwrap().to_owned()
}

async fn audit(world: &World, action: &str) -> Vec<Value> {
    let log = world.admin("GET", "/audit", Value::Null).await.done(200)["items"].clone();
    log.as_array().unwrap().iter().filter(|item| item["action"] == action).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_hammers_slows_only_themselves() {
    let world = World::start().await;
    let right = world.owner.1.clone();
    for minute in 0..4 {
        for _ in 0..40 {
            assert_eq!(sign_in_from(&world, STRANGER, "wrong password", "").await.status, 422);
        }
        assert!(sign_in_from(&world, STRANGER, &right, "").await.text().contains("Too many tries"), "minute {minute}");
        assert_eq!(sign_in_from(&world, OWNER, &right, "").await.status, 303, "minute {minute}");
        world.advance(60_000).await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_signed_in_before_gets_past_whatever_strangers_do_at_the_same_address() {
    let world = World::start().await;
    let right = world.owner.1.clone();
    let known = mark(&sign_in_from(&world, OWNER, &right, "").await);
    world.must_stay_secret(known.split_once('=').unwrap().1);
    for _ in 0..40 {
        sign_in_from(&world, OWNER, "wrong password", "").await;
    }
    assert!(sign_in_from(&world, OWNER, &right, "").await.text().contains("Too many tries"));
    let forged = format!("{}AA", known);
    assert!(sign_in_from(&world, OWNER, &right, &forged).await.text().contains("Too many tries"));
    let again = sign_in_from(&world, OWNER, &right, &known).await;
    assert_eq!(again.status, 303, "{}", again.text());
    // A stolen mark does not allow faster guesses, and it ends with the password.
    for _ in 0..5 {
        assert!(sign_in_from(&world, STRANGER, "wrong password", &known).await.text().contains("is wrong"));
    }
    assert!(sign_in_from(&world, STRANGER, "wrong password", &known).await.text().contains("Too many tries"));
    world.admin("PATCH", "/operators/admin", json!({ "password": "another password" })).await.done(200);
    let answer = sign_in_from(&world, OWNER, "another password", &known).await;
    assert!(answer.text().contains("Too many tries"), "the mark of before is worth nothing: {}", answer.text());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_tries_few_names_and_all_strangers_together_are_bounded() {
    let world = World::start().await;
    let right = world.owner.1.clone();
    let known = mark(&sign_in_from(&world, OWNER, &right, "").await);
    let guess = async |host: u8, number: usize| {
        let name = format!("nobody{number}");
        let fields = [("name", name.as_str()), ("password", "wrong password")];
        post_from(&world, host, "/sign-in", &[], &fields).await.text().contains("is wrong")
    };
    let mut looked_at = 0;
    for number in 0..40 {
        looked_at += usize::from(guess(STRANGER, number).await);
    }
    assert_eq!(looked_at, 30, "in a minute");
    let mut together = looked_at;
    for number in 0..100 {
        together += usize::from(guess(100 + u8::try_from(number / 20).unwrap(), number).await);
    }
    assert!((90..=100).contains(&together), "in ten seconds: {together}");
    assert_eq!(sign_in_from(&world, STRANGER, &right, &known).await.status, 303, "a known browser gets past");
    world.advance(10_000).await;
    assert_eq!(sign_in_from(&world, 3, &right, "").await.status, 303, "and a new one as soon as there is room");
    let failed = audit(&world, "sign in").await.into_iter().filter(|entry| entry["outcome"] == "refused");
    let failed: Vec<Value> = failed.collect();
    let told: i64 = failed.iter().map(|entry| entry["count"].as_i64().unwrap()).sum();
    assert!(failed.len() <= 50 && told > 0, "a page, and each entry once");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_stand_in_the_audit_log_and_a_flood_in_few_entries() {
    let world = World::start().await;
    let right = world.owner.1.clone();
    for _ in 0..4 {
        sign_in_from(&world, STRANGER, "wrong password", "").await;
        world.advance(1000).await;
    }
    sign_in_from(&world, OWNER, &right, "").await;
    let typed = [("name", "my secret password"), ("password", "wrong password")];
    post_from(&world, STRANGER, "/sign-in", &[], &typed).await;
    let log = audit(&world, "sign in").await;
    let brief: Vec<String> = log
        .iter()
        .map(|entry| format!("{} {} {} {}", entry["who"], entry["target"], entry["outcome"], entry["count"]))
        .collect();
    let expect = [
        r#""unknown name" "127.0.0.66" "refused" 1"#,
        r#""admin" "127.0.0.2" "done" 1"#,
        r#""admin" "127.0.0.66" "refused" 4"#,
    ];
    for line in expect {
        assert!(brief.iter().any(|found| found == line), "{line} is missing: {brief:#?}");
    }
    assert_eq!(brief.len(), 3);
    world.advance(3600 * 1000).await;
    sign_in_from(&world, STRANGER, "wrong password", "").await;
    assert_eq!(audit(&world, "sign in").await.len(), 4, "an hour later it is told anew");
    let owner = Visitor::owner(&world).await;
    let page = owner.get(&world, "/audit").await.text();
    assert!(page.contains("4 times") && page.contains("127.0.0.66") && page.contains("A name that does not exist"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_entries_are_made_than_an_hour_has_room_for() {
    let world = World::start().await;
    for number in 0..130_u8 {
        let fields = [("name", "admin"), ("password", "wrong password")];
        post_from(&world, 100 + number, "/sign-in", &[], &fields).await;
        if number == 64 {
            world.advance(10_000).await;
        }
    }
    let (mut entries, mut count, mut cursor) = (0, 0, String::new());
    for _ in 0..5 {
        let page =
            world.admin("GET", &format!("/audit?cursor={}", cursor.replace('#', "%23")), Value::Null).await.done(200);
        let failed = page["items"].as_array().unwrap().iter().filter(|entry| entry["outcome"] == "refused");
        for entry in failed {
            entries += 1;
            count += entry["count"].as_i64().unwrap();
        }
        let Some(next) = page["cursor"].as_str() else { break };
        cursor = next.to_owned();
    }
    assert_eq!((entries, count), (101, 130), "a hundred, and one for many addresses");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_every_copy_of_the_session() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let copy = Visitor { cookie: owner.cookie.clone(), csrf: owner.csrf.clone() };
    assert_eq!(copy.get(&world, "/apps").await.status, 200);
    let out = owner.post(&world, "/sign-out", &[]).await;
    assert!(out.status == 303 && out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(copy.get(&world, "/apps").await.status, 303, "the copy is worth nothing");
    assert_eq!(audit(&world, "end sessions").await[0]["who"], "admin");
    let viewer = hire(&world, "viewer.one", "viewer").await;
    assert_eq!(viewer.post(&world, "/sign-out", &[]).await.status, 303, "whatever the role");
    assert_eq!(viewer.get(&world, "/apps").await.status, 303);
    let operator = hire(&world, "operator.one", "operator").await;
    assert_eq!(world.admin("DELETE", "/operators/operator.one/sessions", Value::Null).await.status, 204);
    assert_eq!(operator.get(&world, "/apps").await.status, 303, "an owner ends those of others");
    world.admin("DELETE", "/operators/nobody/sessions", Value::Null).await.problem(404, "operator");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_password_takes_the_present_one_by_whatever_form() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let fields = [("role", "owner"), ("state", "enabled"), ("password", "planted password")];
    let refused = owner.post(&world, "/operators/admin", &fields).await;
    assert!(refused.status >= 400 && refused.text().contains("current password"), "{}", refused.text());
    assert_eq!(try_sign_in(&world, "admin", "planted password").await.status, 422);
    assert_eq!(try_sign_in(&world, "admin", &world.owner.1).await.status, 303);
    // Guessing this password is slow, and slows down nobody at the sign-in.
    let guess = [("old", "wrong"), ("password", "planted password"), ("again", "planted password")];
    for _ in 0..4 {
        assert!(owner.post(&world, "/account", &guess).await.text().contains("not the current password"));
    }
    assert!(owner.post(&world, "/account", &guess).await.text().contains("Too many tries"));
    assert_eq!(try_sign_in(&world, "admin", &world.owner.1).await.status, 303);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_origin_is_refused_even_at_the_sign_in() {
    let world = World::start().await;
    let own = world.url.clone();
    let port = own.rsplit(':').next().unwrap();
    let right = [("name", world.owner.0.as_str()), ("password", world.owner.1.as_str())];
    let foreign = [
        "https://evil.example",
        "null",
        "",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        &format!("http://localhost:{port}"),
    ];
    for origin in foreign {
        let refused = post_from(&world, OWNER, "/sign-in", &[("Origin", origin)], &right).await;
        assert_eq!((refused.status, refused.headers.get("set-cookie")), (403, None), "{origin}");
    }
    let twice = [("Origin", own.as_str()), ("Origin", "https://evil.example")];
    assert_eq!(post_from(&world, OWNER, "/sign-in", &twice, &right).await.status, 403);
    let mixed = [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(post_from(&world, OWNER, "/sign-in", &mixed, &right).await.status, 403);
    assert_eq!(post_from(&world, OWNER, "/sign-in", &[("Origin", &own)], &right).await.status, 303);
    assert_eq!(post_from(&world, OWNER, "/sign-in", &[], &right).await.status, 303, "a client without either header");
    let owner = Visitor::owner(&world).await;
    let headers = [("Cookie", owner.cookie.as_str()), ("Origin", "null")];
    let fields = [("csrf", owner.csrf.as_str()), ("name", "planted")];
    assert_eq!(post_from(&world, OWNER, "/apps", &headers, &fields).await.status, 403);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_behind_another_address_takes_forms_of_both() {
    let options = local::Options { public_url: Some("https://pay.example".to_owned()), ..crate::world::options() };
    let world = World::start_with(options).await;
    let right = [("name", world.owner.0.as_str()), ("password", world.owner.1.as_str())];
    let own = world.url.clone();
    for (origin, status) in [("https://pay.example", 303), (own.as_str(), 303), ("http://pay.example", 403)] {
        let answer = post_from(&world, OWNER, "/sign-in", &[("Origin", origin)], &right).await;
        assert_eq!(answer.status, status, "{origin}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_sign_ins_holds_no_password() {
    let world = World::start().await;
    let typed = "correct-horse-battery";
    post_from(&world, STRANGER, "/sign-in", &[], &[("name", typed), ("password", "x")]).await;
    let log = world.admin("GET", "/audit", Value::Null).await;
    assert!(!log.text().contains(typed), "somebody typed their password into the wrong field");
    assert!(texts(&log.done(200)["items"], "who").contains(&"unknown name".to_owned()));
    world.end().await;
}
