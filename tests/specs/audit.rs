//! The audit log as owners read it: sentences, from where, why something was refused, what changed, filters, and a file.

use serde_json::{Value, json};

use crate::{
    console::{Visitor, hire},
    world::World,
};

fn app_of(world: &World) -> String {
    format!("/apps/{}", world.app.app_id)
}

/// The text of a page without its tags.
fn words(page: &str) -> String {
    let pieces = page.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    pieces.collect::<Vec<_>>().concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_a_sentence_with_its_amount_its_bill_and_its_reason_if_it_was_refused() {
    let world = World::start().await;
    let operator = hire(&world, "lin", "operator").await;
    let id = world.paid("SO-1").await;
    let form = format!("{}/transactions/{id}/refund?mode=test&bill=SO-1", app_of(&world));
    assert_eq!(operator.post(&world, &form, &[("num", "R1"), ("fee", "12.00")]).await.status, 303);
    world.advance(1).await;
    assert_eq!(operator.post(&world, &form, &[("num", "R2"), ("fee", "99.00")]).await.status, 422);

    let log = world.admin("GET", "/audit?action=refund%20transaction", Value::Null).await.done(200);
    let [refused, done] = log["items"].as_array().unwrap().as_slice() else { panic!("{log}") };
    assert_eq!((&done["who"], &done["from"], &done["why"]), (&json!("lin"), &json!("127.0.0.1"), &Value::Null));
    assert_eq!(done["asked"], json!({ "refundFee": 1200, "refundNum": "R1" }));
    assert_eq!((&refused["outcome"], &refused["code"]), (&json!("refused"), &json!("refused")));
    assert!(refused["why"].as_str().unwrap().contains("at most 8700"), "{refused}");

    let owner = Visitor::owner(&world).await;
    let english = words(&owner.get(&world, "/audit").await.text());
    assert!(english.contains("refunded ¥12.00 of SO-1 (demo, test)"), "{english}");
    assert!(english.contains("tried to refund ¥99.00 of SO-1 (demo, test)") && english.contains("from 127.0.0.1"));
    assert!(english.contains("at most ¥87.00"), "{english}");
    let chinese = words(&owner.get_in(&world, "zh", "/audit").await.text());
    assert!(chinese.contains("退款 ¥12.00，订单 SO-1（demo，测试）"), "{chinese}");
    assert!(chinese.contains("尝试退款 ¥99.00") && chinese.contains("最多可退 ¥87.00"), "{chinese}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_is_a_small_table_and_no_secret_is_in_it() {
    let world = World::start().await;
    let settings = world.merchant("openapi").await;
    world.admin("PUT", &crate::world::test_channel(&world.app), settings.clone()).await.done(200);
    world.advance(1).await;
    world.admin("PATCH", &app_of(&world), json!({ "name": "tea house" })).await.done(200);
    let owner = Visitor::owner(&world).await;
    let page = owner.get(&world, "/audit?action=change+app").await.text();
    let table = page.split_once("class=\"changes\"").unwrap().1.split_once("</table>").unwrap().0;
    assert_eq!(table.matches("<tr>").count(), 2, "the heading and the name: {table}");
    let said = words(table);
    assert!(said.contains("name") && said.contains("demo") && said.contains("tea house"), "{said}");
    let page = owner.get(&world, "/audit?action=save+channel").await.text();
    assert!(words(&page).contains("saved the settings of Alipay (tea house, test)"), "{}", words(&page));
    assert!(page.contains("privateKey") && page.contains("***"), "{page}");
    assert!(!page.contains(settings["privateKey"].as_str().unwrap().get(40..80).unwrap()));
    // A misspelled member is refused. It may be a secret, whatever other calls use its name for.
    for name in ["key", "name", "state", "note"] {
        let mut misspelled = settings.clone();
        misspelled[name] = json!("0123456789abcdef-secret");
        world.admin("PUT", &crate::world::test_channel(&world.app), misspelled).await.problem(400, name);
    }
    let log = world.admin("GET", "/audit", Value::Null).await;
    assert!(!log.text().contains("0123456789abcdef"), "{}", log.text());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_filtered_and_exported() {
    let world = World::start().await;
    let other = world.new_app("other").await;
    for number in 0..60 {
        world.admin("PATCH", &app_of(&world), json!({ "name": format!("=tea {number}") })).await.done(200);
        world.advance(1).await;
    }
    world.admin("PATCH", &format!("/apps/{}", other.app_id), json!({ "name": "" })).await.problem(400, "name");
    let count = async |asked: &str| {
        let page = world.admin("GET", &format!("/audit?{asked}"), Value::Null).await.done(200);
        (page["items"].as_array().unwrap().len(), page["cursor"].is_string())
    };
    assert_eq!(count("outcome=refused").await, (1, true), "the other pages may have more");
    assert_eq!(count(&format!("app={}&outcome=refused", other.app_id)).await.0, 1);
    // Found however many entries lie before it.
    assert_eq!(count("action=create%20app").await.0, 2);
    assert_eq!(count("who=nobody").await, (0, false));
    assert_eq!(count("who=operator%20token&action=change%20app").await.0, 50);
    world.admin("GET", "/audit?outcome=maybe", Value::Null).await.problem(400, "outcome");
    world.admin("GET", "/audit?app=x", Value::Null).await.problem(400, "app");

    let owner = Visitor::owner(&world).await;
    let page = owner.get(&world, "/audit?action=change+app&outcome=done").await.text();
    assert!(page.contains("/console/audit/export?month=202611"), "{page}");
    let file = owner.get(&world, "/audit/export?action=change+app&outcome=done").await;
    assert!(file.header("content-disposition").contains("audit-202611.csv"), "{}", file.header("content-disposition"));
    let text = file.text();
    let lines: Vec<&str> = text.trim_end().split("\r\n").collect();
    assert_eq!(lines.len(), 1 + 60, "{}", lines[0]);
    assert!(
        lines[1].contains("changed the app's settings (=tea 59)") && lines[1].contains("name: =tea 58 → =tea 59"),
        "{}",
        lines[1]
    );
    let viewer = hire(&world, "viewer.one", "viewer").await;
    assert_eq!(viewer.get(&world, "/audit/export").await.status, 403);
    world.end().await;
}
