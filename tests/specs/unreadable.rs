//! Unreadable items, one of every kind, among good ones: each is skipped and named, and everything else works.

use serde_json::{Value, json};

use crate::{
    console::Visitor,
    logs,
    upgrades::{end, upgraded},
    webhook_functions::function,
    world::{MINUTE_MS, World, charge_of},
};

/// Attributes that find an item, or that a query compares. If they were broken, no list would reach the item.
const FOUND_BY: [&str; 10] =
    ["pk", "sk", "by_time_pk", "by_time_sk", "due_pk", "due_ms", "ttl", "status", "state", "kind"];

/// Every item of the fixture, except the app, the signed-in operator, and items that no list has.
fn broken(item: &mut Value) {
    let (pk, sk) = (item["pk"]["S"].as_str().unwrap().to_owned(), item["sk"]["S"].as_str().unwrap().to_owned());
    if sk == "APP" || sk == "USER#admin" || sk.starts_with("SIGNIN#") || pk.starts_with("REFUND#") {
        return;
    }
    for (name, value) in item.as_object_mut().unwrap() {
        match name.as_str() {
            "sealed" => *value = json!({ "B": "AAAA" }),
            name if FOUND_BY.contains(&name) => {}
            _ => *value = json!({ "L": [] }),
        }
    }
}

fn named(answer: &Value) -> Vec<&str> {
    answer["unreadable"].as_array().into_iter().flatten().map(|one| one["item"].as_str().unwrap()).collect()
}

/// The lists of the operator API, and the keys' beginnings of the items that each of them skips.
async fn lists_name_them(world: &World) {
    let app = &world.app.app_id;
    let of_app = |list: &str| format!("/apps/{app}/{list}");
    let (bills, settings) = (format!("{app}#test#"), format!("APP#{app} / "));
    let lists = [
        ("/apps".to_owned(), format!("APPS / {app}")),
        (of_app("transactions?mode=test"), format!("{bills}paid / TX#")),
        (of_app("incidents?mode=test"), format!("{bills}mismatch / INCIDENT#")),
        (of_app("reconciliations?mode=test"), format!("RECONCILED#{app}#test / 2026-11-23#ali#")),
        (of_app("deliveries?mode=test"), format!("{bills}paid / DELIVERY#")),
        (of_app("webhooks?mode=test"), format!("{settings}WEBHOOK#")),
        (of_app("webhooks?mode=test"), format!("{settings}TARGET#")),
        ("/operators".to_owned(), "ADMIN / USER#accountant".to_owned()),
        ("/audit?month=202611".to_owned(), "AUDIT#202611 / ".to_owned()),
    ];
    for (list, beginning) in lists {
        let answer = world.admin("GET", &list, Value::Null).await.done(200);
        assert!(named(&answer).iter().any(|item| item.starts_with(&beginning)), "{list}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_cannot_be_read_stops_nothing_but_itself() {
    logs::capture();
    let (world, folder) = upgraded(broken).await;
    // Beside broken deliveries, bills and refunds, the sweep still handles everything that is due.
    function(&world, "webhook-good").await;
    let settings = world.merchant("openapi").await;
    world.configure(&world.app, &settings).await;
    let lost = world.charged("a lost notify").await;
    world.play(&lost, "pay", json!({ "notify": false })).await;
    world.paid("good").await;
    world.advance(2 * MINUTE_MS).await;
    assert_eq!(world.record("a lost notify").await["status"], "success");
    let told = world.inbox::<2>("webhook-good").await.map(|told| told["body"].as_str().unwrap().to_owned());
    assert!(told[0].contains(r#""billNum":"good""#) && told[1].contains(r#""billNum":"a lost notify""#), "{told:?}");

    lists_name_them(&world).await;
    let bills = world.records(&json!({ "limit": 100 })).await.ok();
    assert_eq!(bills["results"].as_array().unwrap().len(), 2, "{bills}");
    assert_ne!(world.charge(&charge_of("ali_web", "paid")).await.code(), 0, "what was tried of this bill is not known");
    world.charge(&charge_of("ali_web", "new")).await.ok();

    let owner = Visitor::owner(&world).await;
    let at = |page: &str| format!("/apps/{}/{page}", world.app.app_id);
    for page in ["overview", "transactions", "incidents", "deliveries", "webhooks"] {
        let page = owner.get(&world, &at(page)).await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(page.text().contains(r#"class="notice bad" role="alert""#), "{}", page.text());
    }
    let export = owner.get(&world, &at("export/part")).await.text();
    assert!(export.contains(&format!("{}#test#paid / TX#", world.app.app_id)), "{export}");

    let counted = world.stack.metrics().iter().filter(|line| line.contains(r#""UnreadableItems":1"#)).count();
    assert!(counted > 20, "{counted}");
    let log = logs::captured();
    assert!(log.contains("an item was passed over") && log.contains("USER#accountant"));
    end(world, folder).await;
}

/// The first item of a table whose attribute begins so.
pub(crate) async fn stored(world: &World, table: &str, attribute: &str, begin: &str) -> Value {
    let tables = world.stack.export().await.unwrap();
    let items = tables[table].as_array().unwrap().clone();
    items.into_iter().find(|item| item[attribute]["S"].as_str().is_some_and(|text| text.starts_with(begin))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_a_webhook_cannot_be_read_is_told_once_it_can() {
    let world = World::start().await;
    let hook = world.webhook_to("shop", &json!({})).await["id"].as_str().unwrap().to_owned();
    let good = stored(&world, "ConfigurationTable", "sk", &format!("WEBHOOK#{hook}")).await;
    let put = async |item: &Value| {
        world.stack.import(&json!({ "ConfigurationTable": [item] })).await.unwrap();
        // No function still has what it read before.
        world.advance(6_000).await;
    };
    let spoilt: [&[&str]; 2] = [&["sealed"], &["sealed", "mode", "events"]];
    for (round, attributes) in spoilt.iter().enumerate() {
        let mut broken = good.clone();
        for attribute in *attributes {
            broken[*attribute] = if *attribute == "sealed" { json!({ "B": "AAAA" }) } else { json!({ "L": [] }) };
        }
        put(&broken).await;
        let bill = format!("meanwhile {round}");
        world.paid(&bill).await;
        world.advance(24 * 60 * MINUTE_MS).await;
        assert_eq!(world.record(&bill).await["status"], "success");
        assert_eq!(world.arrivals("shop").await.len(), round);
        let dead = world.admin("GET", "/dead-letters", Value::Null).await.done(200);
        assert_eq!(dead["count"], 0, "it waits in its row, and not in the queue: {dead}");
        put(&good).await;
        world.advance(16 * MINUTE_MS).await;
        let arrived = world.arrivals("shop").await;
        let told: Vec<_> = arrived.iter().map(|one| one["body"].as_str().unwrap().contains(&bill)).collect();
        assert_eq!(told.iter().filter(|is_it| **is_it).count(), 1, "{arrived:?}");
        assert_eq!(arrived.len(), round + 1);
    }
    world.end().await;
}
