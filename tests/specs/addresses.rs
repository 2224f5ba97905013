//! Whatever is answered with code 0 can be opened and paid: no charge is accepted that the provider later refuses to the payer.

use local::Options;
use serde_json::{Value, json};

use crate::{
    charge::knock,
    world::{World, charge_of, options, with, without},
};

/// Charges, and opens each accepted charge as the payer does. Returns the reason for each one that the provider refused.
async fn refused_to_the_payer(world: &World, charges: &[Value]) -> Vec<String> {
    let mut refused = Vec::new();
    for charge in charges {
        let charged = world.charge(charge).await;
        if charged.code() != 0 {
            continue;
        }
        let answer = knock(world, charge["channel"].as_str().unwrap(), &charged.ok()).await;
        if !(300..400).contains(&answer.status) {
            let page = answer.text();
            refused.push(format!("{charge} {}", page.rsplit("<pre>").next().unwrap_or_default()));
        }
    }
    refused
}

/// A charge for each channel and each change, with the bills `<prefix><number>`.
fn charges(prefix: &str, channels: &[&str], changes: &[Value]) -> Vec<Value> {
    let numbered = changes.iter().enumerate();
    let on_each = |(number, change): (usize, &Value)| {
        let change = change.clone();
        let bill = format!("{prefix}{number}");
        channels.iter().map(move |channel| with(charge_of(channel, &bill), &change)).collect::<Vec<_>>()
    };
    numbered.flat_map(on_each).collect()
}

#[track_caller]
fn check_none(refused: &[String]) {
    assert!(refused.is_empty(), "taken here, and refused to the payer:\n{}", refused.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_url_that_is_taken_opens_the_cashier() {
    let world = World::start().await;
    let longest = format!("https://shop.example/{}", "x".repeat(256 - 21));
    let urls = [
        "https://shop.example/back?a=1&b=%E8%8C%B6#top",
        "http://127.0.0.1:8080",
        "https://user@shop.example/",
        "https://[::1]/",
        "https://shop.example/茶",
        "https://店.example/",
        longest.as_str(),
    ];
    let changes = urls.map(|url| json!({ "returnUrl": url }));
    check_none(&refused_to_the_payer(&world, &charges("", &["ali_web", "ali_wap"], &changes)).await);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_an_old_account_that_is_taken_opens_the_cashier() {
    let world = World::start().await;
    world.configure(&world.app, &world.merchant("mapi").await).await;
    let of_length = |length: usize| format!("https://shop.example/{}", "x".repeat(length - 21));
    let changes = [
        json!({ "returnUrl": of_length(200) }),
        json!({ "showUrl": of_length(200) }),
        json!({ "returnUrl": of_length(201) }),
        json!({ "showUrl": of_length(201) }),
        json!({ "returnUrl": of_length(256) }),
        json!({ "showUrl": of_length(256) }),
        json!({ "returnUrl": "https://shop.example/茶" }),
        json!({ "showUrl": "https://shop.example/茶" }),
    ];
    check_none(&refused_to_the_payer(&world, &charges("", &["ali_web", "ali_wap"], &changes)).await);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_bill_number_that_is_taken_opens_the_cashier_behind_a_long_host() {
    let public_url = Some("https://payments.eu.some-merchant.example.com".to_owned());
    let world = World::start_with(Options { public_url, ..options() }).await;
    for kind in ["openapi", "openapiCert", "mapi"] {
        world.configure(&world.app, &world.merchant(kind).await).await;
        let numbers = [("x", 64), ("单", 32), ("单", 64), ("😀", 32), ("😀", 64)];
        let bills = numbers.map(|(sign, count)| json!({ "billNum": sign.repeat(count), "subject": kind }));
        check_none(&refused_to_the_payer(&world, &charges("", &["ali_app", "ali_web", "ali_wap"], &bills)).await);
        // The next kind charges the same bills again.
        world.advance(2 * 3_600_000).await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_that_is_taken_opens_the_cashier() {
    let world = World::start().await;
    for kind in ["openapi", "mapi"] {
        world.configure(&world.app, &world.merchant(kind).await).await;
        let subjects =
            [" ", "\u{a0}", "\u{3000}", "\u{200b}", "\u{2028}", "\u{fffe}", "\u{feff}tea", "\"", "＂", "茶/茶"];
        let changes = subjects.map(|subject| json!({ "subject": subject }));
        check_none(&refused_to_the_payer(&world, &charges(kind, &["ali_app", "ali_web", "ali_wap"], &changes)).await);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_without_a_return_url_opens_the_cashier() {
    let world = World::start().await;
    for kind in ["openapi", "openapiCert", "mapi"] {
        world.configure(&world.app, &world.merchant(kind).await).await;
        let charges = charges(kind, &["ali_app", "ali_wap"], &[json!({})]).into_iter();
        let charges: Vec<Value> = charges.map(|charge| without(charge, "returnUrl")).collect();
        check_none(&refused_to_the_payer(&world, &charges).await);
    }
    world.end().await;
}
