//! Follows the README exactly: its commands, and its table for a program that plays the payer.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    world::{World, charge_of},
};

fn readme() -> String {
    fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap()
}

/// Every text between two markers.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).map(|rest| rest.split(after).next().unwrap()).collect()
}

/// The curl commands of the README that contain `word`, with the keys and the address of this stack.
fn commands(world: &World, word: &str) -> Vec<String> {
    let readme = readme();
    let here = |block: &&str| {
        block
            .replace("http://127.0.0.1:8787", &world.url)
            .replace("<appId>", &world.app.app_id)
            .replace("<test client key>", &world.app.test.client_key)
            .replace("<test master key>", &world.app.test.master_key)
    };
    let blocks = between(&readme, "```sh\ncurl -s ", "```");
    blocks.iter().map(here).filter(|command| command.contains(word)).collect()
}

/// Does what curl would do.
async fn run(world: &World, command: &str) -> Answer {
    let url = command.split_whitespace().next().unwrap();
    let headers: Vec<_> = between(command, "-H '", "'").iter().map(|one| one.split_once(": ").unwrap()).collect();
    let body = between(command, "-d '", "'");
    world.call("POST", url, &headers, body[0].to_owned()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_payment_goes_as_the_readme_says() {
    let world = World::start().await;
    let [charge] = <[String; 1]>::try_from(commands(&world, "/2.0/maxpay/bill")).unwrap();
    let [ask] = <[String; 1]>::try_from(commands(&world, "/2.0/maxpay/records")).unwrap();
    let charged = run(&world, &charge).await.ok();
    let cashier = world.call("GET", charged["ali_web"].as_str().unwrap(), &[], "").await.location(302);
    let back = world.post_form(&cashier, "action=pay").await.location(303);
    assert!(back.starts_with(&format!("{}/_local/returned?", world.url)), "{back}");
    let found = run(&world, &ask).await.ok();
    assert_eq!((&found["results"][0]["id"], &found["results"][0]["status"]), (&charged["id"], &json!("success")));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_plays_the_payer_as_the_readme_says() {
    let world = World::start().await;
    let readme = readme();
    let in_table = |line: &&str| line.starts_with('|') && line.contains("`POST /_local/simulator/");
    let rows: Vec<_> = readme.lines().filter(in_table).collect();
    assert_eq!(rows.len(), 3);
    for (row, channel) in rows.iter().zip(["ali_web", "wx_native", "unipay_web"]) {
        let path = between(row, "`POST ", "`")[0];
        let lie = between(row, "`{", "`")[0];
        for (bill, body, status) in [("true", String::new(), "success"), ("lie", format!("{{{lie}"), "created")] {
            let bill = format!("{channel} {bill}");
            let charged = world.charge(&charge_of(channel, &bill)).await.ok();
            let paid = path.replace("<id>", charged["id"].as_str().unwrap());
            world.call("POST", &paid, &[], body).await.done(200);
            assert_eq!(world.record(&bill).await["status"], status, "{row}");
        }
    }
    assert_eq!(world.incidents().await.len(), 3);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_moved_without_a_content_type_and_the_front_page_leads_to_the_console() {
    let world = World::start().await;
    let clock = async |body: &str| world.call("POST", "/_local/clock", &[], body.to_owned()).await;
    let before = clock(r#"{"advanceMs":0}"#).await.done(200);
    let after = clock(r#"{"advanceMs":3600000}"#).await.done(200);
    assert_eq!(after["nowMs"].as_i64().unwrap() - before["nowMs"].as_i64().unwrap(), 3_600_000);
    assert_eq!(clock("an hour").await.status, 400);
    assert_eq!(clock("{}").await.status, 400);
    let front = world.call("GET", "/", &[], "").await;
    assert!(front.text().contains("<a href='/console'>"), "{}", front.text());
    assert_eq!(world.call("GET", "/_local/nothing", &[], "").await.json()["message"], Value::from("Not Found"));
    world.end().await;
}

#[test]
fn no_line_of_the_readme_is_longer_than_120() {
    let long: Vec<_> = readme().lines().filter(|line| line.chars().count() > 120).map(str::to_owned).collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}
