//! Incidents and days of the reconciliation as a person works on them: what they read, what a check finds now, and who dealt with it.

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    console::{Visitor, hire},
    duplicates::charged_twice,
    notify_message::Message,
    reconciliation::{DAY_MS, entries, plant, reconcile},
    refunds::{of, refund},
    world::{MINUTE_MS, World, master, texts},
};

fn app_of(world: &World) -> String {
    format!("/apps/{}", world.app.app_id)
}

async fn handle(world: &World, id: &str, note: &str) -> Answer {
    let path = format!("{}/incidents/{id}/handled", app_of(world));
    world.admin("PUT", &path, json!({ "note": note })).await
}

async fn reopen(world: &World, id: &str) -> Answer {
    world.admin("DELETE", &format!("{}/incidents/{id}/handled", app_of(world)), Value::Null).await
}

#[track_caller]
fn refused(answer: &Answer, code: &str) {
    answer.problem(409, "");
    assert_eq!(answer.json()["code"], code);
}

async fn check(world: &World, id: &str) -> Value {
    world.admin("POST", &format!("{}/incidents/{id}/replay", app_of(world)), Value::Null).await.done(200)
}

async fn listed(world: &World, state: &str) -> Vec<Value> {
    let path = format!("{}/incidents?mode=test&state={state}", app_of(world));
    world.admin("GET", &path, Value::Null).await.done(200)["items"].as_array().unwrap().clone()
}

/// A bill whose notify says another amount.
async fn of_another_amount(world: &World, bill: &str, yuan: &str) {
    let trade = world.trade(&world.charged(bill).await).await;
    let url = trade["notifyUrl"].as_str().unwrap().to_owned();
    world.post_form(&url, Message::paid(&trade).with("total_amount", yuan).signed()).await;
}

async fn ids(world: &World) -> Vec<String> {
    texts(&json!(world.incidents().await), "id")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_handled_once_with_a_note_and_can_be_opened_again() {
    let world = World::start().await;
    of_another_amount(&world, "1", "1.00").await;
    world.advance(1).await;
    of_another_amount(&world, "2", "1.00").await;
    let [newer, older] = <[String; 2]>::try_from(ids(&world).await).unwrap();
    let at = world.now_ms().await;
    let handled = handle(&world, &older, " refunded by hand ").await.done(200);
    assert_eq!(handled["handled"], json!({ "by": "operator token", "time": at, "note": "refunded by hand" }));
    assert_eq!(texts(&json!(listed(&world, "open").await), "id"), [newer.as_str()]);
    assert_eq!(texts(&json!(listed(&world, "handled").await), "id"), [older.as_str()]);
    assert_eq!(listed(&world, "").await.len(), 2);
    let shown = world.admin("GET", &format!("{}/incidents/{older}", app_of(&world)), Value::Null).await.done(200);
    assert_eq!(shown["handled"], handled["handled"]);

    // Nobody's note is overwritten unseen.
    refused(&handle(&world, &older, "no, I did").await, "handled");
    assert_eq!(reopen(&world, &older).await.done(200)["handled"], Value::Null);
    refused(&reopen(&world, &older).await, "not-handled");
    handle(&world, &older, "").await.done(200);

    handle(&world, &newer, &"x".repeat(501)).await.problem(400, "note");
    world
        .admin("PUT", &format!("{}/incidents/{newer}/handled", app_of(&world)), json!({ "note": 1 }))
        .await
        .problem(400, "note");
    handle(&world, "AAAA", "").await.problem(404, "incident");
    reopen(&world, "AAAA").await.problem(404, "incident");
    let wrong = format!("{}/incidents?mode=test&state=done", app_of(&world));
    world.admin("GET", &wrong, Value::Null).await.problem(400, "state");

    let log = world.admin("GET", "/audit", Value::Null).await.done(200)["items"].clone();
    let asked = json!({ "note": " refunded by hand " });
    let noted = |entry: &&Value| entry["action"] == "handle incident" && entry["asked"] == asked;
    assert_eq!(log.as_array().unwrap().iter().find(noted).unwrap()["outcome"], "done", "{log}");
    assert!(texts(&log, "action").contains(&"reopen incident".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_why_it_still_does_not_fit_and_when_it_does() {
    let world = World::start().await;
    let id = world.charged("1").await;
    world.play(&id, "pay", json!({ "notify": false })).await;
    world.play(&id, "misstate", json!({ "totalAmount": "0.01" })).await;
    let body = json!({ "billNum": "1" }).to_string();
    world.post_as(&master(&world.app), "/2.0/maxpay/sync", body).await.ok();
    let [incident] = <[String; 1]>::try_from(ids(&world).await).unwrap();

    // The reason is that of now, and not that of the day when the incident was kept.
    world.play(&id, "misstate", json!({ "totalAmount": "0.02" })).await;
    let still = check(&world, &incident).await;
    assert_eq!((&still["outcome"], &still["code"]), (&json!("misfit"), &json!("amount-differs")));
    assert_eq!(still["params"], json!({ "said": 2, "expected": 9900 }));

    let operator = hire(&world, "operator.one", "operator").await;
    let page = format!("{}/incidents/{incident}/replay?mode=test", app_of(&world));
    let text = operator.post(&world, &page, &[]).await.text();
    assert!(text.contains("Checked again: still not, because: The amount is ¥0.02, but ¥99.00 were charged"), "{text}");
    world.play(&id, "misstate", json!({ "totalAmount": "99.00" })).await;
    let text = operator.post(&world, &page, &[]).await.text();
    assert!(text.contains("Checked again: it fits now."), "{text}");
    assert_eq!(world.record("1").await["status"], "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_was_paid_twice_fits_once_the_second_payment_went_back() {
    let world = World::start().await;
    let [first, second] = charged_twice(&world, "1").await;
    for id in [&first, &second] {
        world.play(id, "pay", json!({})).await;
        world.advance(1).await;
    }
    let [incident] = <[String; 1]>::try_from(ids(&world).await).unwrap();
    let still = check(&world, &incident).await;
    assert_eq!((&still["outcome"], &still["code"]), (&json!("misfit"), &json!("found-paid-too")), "{still}");
    let mut back = of("1", "R1", 9900);
    back["id"] = json!(second);
    refund(&world, &back).await.ok();
    assert_eq!(check(&world, &incident).await, json!({ "outcome": "settled", "problem": null }));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_says_what_happened_in_yuan_what_to_do_and_what_repeats() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    of_another_amount(&world, "1", "1.00").await;
    world.advance(1).await;
    of_another_amount(&world, "2", "1.00").await;
    let trade = world.trade(&world.charged("3").await).await;
    let url = trade["notifyUrl"].as_str().unwrap().to_owned();
    for yuan in ["1.00", "2.00", "3.00"] {
        world.advance(1).await;
        world.post_form(&url, Message::paid(&trade).with("total_amount", yuan).signed()).await;
    }
    let page = format!("{}/incidents?mode=test", app_of(&world));
    let english = owner.get(&world, &page).await.text();
    assert!(english.contains("Another amount") && english.contains("The amount is ¥3.00, but ¥99.00 were charged"));
    assert!(english.contains("Do not ship yet.") && !english.contains(" fen"), "{english}");
    let rows = english.split_once("<tbody>").unwrap().1.matches("<tr>").count();
    assert_eq!((rows, english.matches("2 more of the same").count()), (3, 1), "{english}");
    let chinese = owner.get_in(&world, "zh", &page).await.text();
    assert!(chinese.contains("金额不符") && chinese.contains("通知金额 ¥3.00 与订单金额 ¥99.00 不一致"), "{chinese}");
    assert!(chinese.contains("先不要发货") && chinese.contains("同类另有 2 条"), "{chinese}");

    let overview = owner.get(&world, &format!("{}/overview?mode=test", app_of(&world))).await.text();
    assert!(overview.contains("Open incidents: 5"), "{overview}");

    // The page of one incident has the provider's words for those who may see them, and takes the note.
    let [newest, ..] = ids(&world).await.try_into().map(|all: [String; 5]| all).unwrap();
    let one = format!("{}/incidents/{newest}?mode=test", app_of(&world));
    let viewer = hire(&world, "viewer.one", "viewer").await;
    let operator = hire(&world, "operator.one", "operator").await;
    let (seen, unseen) = (operator.get(&world, &one).await.text(), viewer.get(&world, &one).await.text());
    assert!(seen.contains("total_amount = 3.00") && seen.contains("Mark as handled"), "{seen}");
    assert!(!unseen.contains("total_amount") && !unseen.contains("<button>Mark"), "{unseen}");
    let form = format!("{}/incidents/{newest}/handled?mode=test", app_of(&world));
    assert_eq!(viewer.post(&world, &form, &[("do", "handle"), ("note", "x")]).await.status, 403);
    let long = "x".repeat(501);
    let refused = operator.post(&world, &form, &[("do", "handle"), ("note", &long)]).await;
    assert_eq!((refused.status, refused.text().contains("at most 500 characters")), (422, true));
    assert_eq!(operator.post(&world, &form, &[("do", "handle"), ("note", "<b>refunded</b>")]).await.status, 303);
    let text = operator.get(&world, &one).await.text();
    assert!(text.contains("operator.one, ") && text.contains("&#60;b&#62;refunded"), "{text}");
    let all = operator.get(&world, &format!("{page}&state=handled")).await.text();
    assert!(all.contains("operator.one, ") && all.contains("&#60;b&#62;refunded"), "{all}");
    assert_eq!(operator.post(&world, &form, &[("do", "reopen")]).await.status, 303);
    assert!(operator.get(&world, &one).await.text().contains("Mark as handled"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_handled_and_open_again_once_its_differences_are_known() {
    let world = World::start().await;
    world.paid("good").await;
    let omitted = world.paid("omitted").await;
    world.advance(DAY_MS).await;
    world.faults(&["http500"; 20]).await;
    reconcile(&world).await;
    let base = format!("{}/reconciliations/2026-11-23/ali/1/handled?mode=test", app_of(&world));
    let at = world.now_ms().await;
    let incident = listed(&world, "open").await[0]["id"].as_str().unwrap().to_owned();
    let day = world.admin("PUT", &base, json!({ "note": "the provider is down", "seen": "owed" })).await.done(200);
    assert_eq!((&day["type"], &day["handled"]["time"]), (&json!("owed-day"), &json!(at)));
    assert_eq!(listed(&world, "open").await, Vec::<Value>::new(), "the incident is the day itself");
    refused(&world.admin("PUT", &base, json!({})).await, "handled");

    world.faults(&[]).await;
    plant(&world, "alipay", json!({ "omit": [omitted] })).await;
    reconcile(&world).await;
    let [day] = <[Value; 1]>::try_from(days_of(&world, "ali").await).unwrap();
    assert_eq!((&day["differences"], &day["handled"]), (&json!(1), &Value::Null), "nobody saw the difference");
    for seen in ["owed", "missed"] {
        let stale = world.admin("PUT", &base, json!({ "note": "the provider is down", "seen": seen })).await;
        refused(&stale, "changed-by-other");
    }
    world.admin("PUT", &base, json!({ "seen": "yesterday" })).await.problem(400, "seen");
    let page = format!("{}/reconciliation/2026-11-23/ali/1/handled?mode=test", app_of(&world));
    let owner = Visitor::owner(&world).await;
    assert_eq!(owner.post(&world, &page, &[("do", "handle"), ("seen", "owed")]).await.status, 409);
    handle(&world, &incident, "the provider is down").await.problem(404, "incident");
    assert_eq!(days_of(&world, "ali").await[0]["handled"], Value::Null);
    world.admin("PUT", &base, json!({ "note": "it is in the next bill", "seen": "compared" })).await.done(200);
    world.admin("DELETE", &base, Value::Null).await.done(200);
    refused(&world.admin("DELETE", &base, Value::Null).await, "not-handled");
    let nowhere = base.replace("2026-11-23", "2026-01-01");
    world.admin("PUT", &nowhere, json!({})).await.problem(404, "day");
    world.admin("DELETE", &nowhere, Value::Null).await.problem(404, "day");
    world.end().await;
}

async fn days_of(world: &World, tab: &str) -> Vec<Value> {
    entries(world, "day").await.into_iter().filter(|entry| entry["tab"] == tab).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn reconciliations_are_listed_by_day_and_without_differences() {
    let world = World::start().await;
    let first = world.paid("first").await;
    plant(&world, "alipay", json!({ "omit": [first] })).await;
    for _ in 0..2 {
        world.advance(DAY_MS).await;
        reconcile(&world).await;
    }
    let read = async |asked: &str| {
        let path = format!("{}/reconciliations?mode=test{asked}", app_of(&world));
        let page = world.admin("GET", &path, Value::Null).await.done(200);
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|item| (item["type"].as_str().unwrap().to_owned(), item["day"].clone())).collect::<Vec<_>>()
    };
    let all = read("").await;
    let of = |kind: &str, day: &str| {
        all.iter().filter(|(found, at)| found == kind && (day.is_empty() || at == day)).cloned().collect::<Vec<_>>()
    };
    assert_eq!((of("difference", "").len(), of("day", "").len()), (1, 10), "five accounts, two days: {all:?}");
    assert_eq!(read("&entries=days").await, of("day", ""));
    assert_eq!(read("&entries=days&day=2026-11-23").await, of("day", "2026-11-23"));
    assert_eq!(read("&day=2026-11-23").await.len(), 6);
    assert_eq!(read("&day=2026-11-23&cursor=2026-11-22%23x").await, []);
    assert_eq!(read("&day=2026-11-23&cursor=2026-11-24%23x").await.len(), 6);
    for (asked, field) in [("&day=today", "day"), ("&entries=some", "entries")] {
        let path = format!("{}/reconciliations?mode=test{asked}", app_of(&world));
        world.admin("GET", &path, Value::Null).await.problem(400, field);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_reconciliation_says_what_differs_and_on_which_side() {
    let world = World::start().await;
    let (omitted, altered) = (world.paid("omitted").await, world.paid("altered").await);
    let planted = json!({
        "omit": [omitted], "amounts": { altered.as_str(): 1 }, "extra": { "01a208d0524f0f0f0f0f0f0f": 4200 },
    });
    plant(&world, "alipay", planted).await;
    world.advance(DAY_MS).await;
    reconcile(&world).await;
    let owner = Visitor::owner(&world).await;
    let page = format!("{}/reconciliation?mode=test", app_of(&world));
    let list = owner.get(&world, &page).await.text();
    assert!(list.contains("2026-11-23") && list.contains("Differs") && list.contains("Agrees"), "{list}");
    let attention = owner.get(&world, &format!("{page}&state=attention")).await.text();
    assert!(attention.contains("Differs") && !attention.contains(">Agrees<"), "{attention}");
    let overview = format!("{}/overview?mode=test", app_of(&world));
    assert!(owner.get(&world, &overview).await.text().contains("Days of the reconciliation that need attention: 1"));

    let day = format!("{}/reconciliation/2026-11-23?mode=test", app_of(&world));
    let text = owner.get(&world, &day).await.text();
    for words in
        ["Only here", "Only at the provider", "Amounts differ", "¥\u{a0}99.00", "¥\u{a0}0.01", "¥\u{a0}42.00", "none"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.contains(&format!("/transactions/{omitted}?mode=test")), "one click to the payment: {text}");
    assert!(text.contains(&format!("/transactions/{omitted}/sync?mode=test")), "{text}");
    let chinese = owner.get_in(&world, "zh", &day).await.text();
    assert!(chinese.contains("本系统有，渠道没有") && chinese.contains("渠道账单"), "{chinese}");

    let form = format!("{}/reconciliation/2026-11-23/ali/1/handled?mode=test", app_of(&world));
    let viewer = hire(&world, "viewer.one", "viewer").await;
    assert!(!viewer.get(&world, &day).await.text().contains("Mark as handled"));
    assert_eq!(viewer.post(&world, &form, &[("do", "handle")]).await.status, 403);
    let long = "x".repeat(501);
    assert_eq!(owner.post(&world, &form, &[("do", "handle"), ("note", &long)]).await.status, 422);
    assert_eq!(owner.post(&world, &form, &[("do", "handle"), ("note", "asked them")]).await.status, 303);
    let text = owner.get(&world, &day).await.text();
    assert!(text.contains("admin, ") && text.contains("asked them") && text.contains("Open it again"), "{text}");
    assert!(!owner.get(&world, &overview).await.text().contains("need attention"));
    assert_eq!(owner.post(&world, &form, &[("do", "reopen")]).await.status, 303);
    assert_eq!(owner.get(&world, &day.replace("11-23", "11-22")).await.status, 404);
    world.advance(MINUTE_MS).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_was_not_compared_is_compared_from_its_page() {
    let world = World::start().await;
    world.paid("1").await;
    world.advance(DAY_MS).await;
    world.faults(&["http500"; 20]).await;
    reconcile(&world).await;
    let owner = Visitor::owner(&world).await;
    world.faults(&[]).await;
    let day = format!("{}/reconciliation/2026-11-23?mode=test", app_of(&world));
    let text = owner.get(&world, &day).await.text();
    assert!(text.contains("Failed, tried again") && text.contains("Compare now"), "{text}");
    let form = format!("{}/reconciliation/2026-11-23/ali/1/ask?mode=test", app_of(&world));
    let asked = owner.post(&world, &form, &[]).await;
    assert!(asked.header("location").ends_with("done=day-asked"), "{}", asked.header("location"));
    world.advance(2 * MINUTE_MS).await;
    let text = owner.get(&world, &day).await.text();
    assert!(!text.contains("Compare now") && text.contains("Agrees"), "{text}");
    world.end().await;
}
