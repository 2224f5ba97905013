//! How much operators may refund on one day, the owner's approval above it, and the refund of several payments at once.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    console::{Visitor, hire},
    refunds::{found, of, refund, refunds},
    unreadable::stored,
    world::{MINUTE_MS, World, texts},
};

async fn limit(world: &World, fen: Value) -> Answer {
    let path = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &path, json!({ "operatorRefundsPerDay": fen })).await
}

/// A refund by the form of a payment's page.
async fn refund_as(world: &World, who: &Visitor, bill: &str, id: &str, num: &str, yuan: &str) -> Answer {
    act_as(world, who, bill, id, "refund", &[("num", num), ("fee", yuan)]).await
}

async fn act_as(world: &World, who: &Visitor, bill: &str, id: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
    let page = format!("/apps/{}/transactions/{id}/{action}?mode=test&bill={bill}", world.app.app_id);
    who.post(world, &page, fields).await
}

async fn proposed(world: &World) -> Value {
    let path = format!("/apps/{}/refunds/proposed?mode=test", world.app.app_id);
    world.admin("GET", &path, Value::Null).await.done(200)["items"].clone()
}

async fn nums(world: &World, bill: &str) -> Vec<String> {
    let refunds = refunds(world, &json!({ "billNum": bill })).await.ok();
    texts(&refunds["results"], "refundNum")
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_refund_up_to_the_limit_of_the_day_and_an_owner_approves_more() {
    let world = World::start().await;
    let (first, second) = (world.paid("1").await, world.paid("2").await);
    let (operator, owner) = (hire(&world, "mei", "operator").await, Visitor::owner(&world).await);
    limit(&world, json!(10_000)).await.done(200);

    let done = refund_as(&world, &operator, "1", &first, "R1", "99").await;
    assert!(done.header("location").ends_with("done=refunded"), "{}", done.text());
    let done = refund_as(&world, &operator, "2", &second, "R2", "1.01").await;
    assert!(done.header("location").ends_with("done=proposed"), "{}", done.text());
    assert_eq!(nums(&world, "2").await, [""; 0], "nothing is begun");
    let waits = proposed(&world).await;
    assert_eq!(texts(&waits, "refundNum"), ["R2"]);
    assert_eq!((&waits[0]["proposedBy"], &waits[0]["refundFee"]), (&json!("mei"), &json!(101)));
    // What is left of the limit can be refunded, and the same number does not wait twice.
    refund_as(&world, &operator, "2", &second, "R3", "1").await;
    refund_as(&world, &operator, "2", &second, "R2", "1.01").await;
    assert_eq!(nums(&world, "2").await, ["R3"]);
    assert_eq!(texts(&proposed(&world).await, "refundNum"), ["R2"]);
    let other = refund_as(&world, &operator, "2", &second, "R2", "2").await;
    assert!(other.status == 422 && other.text().contains("waiting for approval"), "{}", other.text());

    // An operator cannot approve it, an owner can, and the owner's own refunds have no limit.
    let page = format!("/apps/{}/refunds?mode=test", world.app.app_id);
    assert!(!operator.get(&world, &page).await.text().contains("approve-refund"));
    assert!(owner.get(&world, &page).await.text().contains("approve-refund"));
    let forbidden = act_as(&world, &operator, "2", &second, "approve-refund", &[("num", "R2"), ("seen", "1.01")]).await;
    assert_eq!(forbidden.status, 403);
    for _ in 0..2 {
        let approved = act_as(&world, &owner, "2", &second, "approve-refund", &[("num", "R2"), ("seen", "1.01")]).await;
        assert!(approved.header("location").ends_with("done=approved"), "{}", approved.text());
    }
    assert_eq!(found(&world, "R2").await["status"], "success");
    let late = act_as(&world, &owner, "2", &second, "decline-refund", &[("num", "R2")]).await;
    assert!(late.status == 422 && late.text().contains("was begun already"), "{}", late.text());
    assert_eq!(proposed(&world).await, json!([]));
    refund_as(&world, &owner, "2", &second, "R4", "50").await;
    assert_eq!(found(&world, "R4").await["status"], "success");

    // The next day has a limit of its own, and the app's server has none.
    let operator_again = || Visitor::sign_in(&world, "mei", "mei's own password");
    refund_as(&world, &operator, "2", &second, "R5", "2").await;
    assert_eq!(texts(&proposed(&world).await, "refundNum"), ["R5"]);
    world.advance(24 * 60 * MINUTE_MS).await;
    // The same call again is within the new day's limit, and carries out what was proposed.
    refund_as(&world, &operator_again().await, "2", &second, "R5", "2").await;
    assert_eq!(found(&world, "R5").await["status"], "success");
    assert_eq!(proposed(&world).await, json!([]));
    refund(&world, &of("2", "R6", 4400)).await.ok();
    let log = Visitor::owner(&world).await.get(&world, "/audit").await.text();
    assert!(
        log.contains("proposed a refund of ¥1.01 of 2") && log.contains("approved refund R2 (¥1.01) of 2"),
        "{log}"
    );
    world.end().await;
}

/// An operator chooses the number, and may propose another amount under it.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_approves_the_amount_that_they_saw() {
    let world = World::start().await;
    let id = world.paid("1").await;
    let (mei, lin) = (hire(&world, "mei", "operator").await, hire(&world, "lin", "operator").await);
    let owner = Visitor::owner(&world).await;
    limit(&world, json!(1)).await.done(200);
    refund_as(&world, &mei, "1", &id, "R1", "1").await;
    let foreign = act_as(&world, &lin, "1", &id, "decline-refund", &[("num", "R1")]).await;
    assert_eq!(foreign.status, 403, "who did not propose it cannot withdraw it");
    let page = format!("/apps/{}/refunds?mode=test", world.app.app_id);
    assert!(!lin.get(&world, &page).await.text().contains("decline-refund"));
    let withdrawn = act_as(&world, &mei, "1", &id, "decline-refund", &[("num", "R1")]).await;
    assert!(withdrawn.header("location").ends_with("done=withdrawn"), "{}", withdrawn.text());
    refund_as(&world, &mei, "1", &id, "R1", "99").await;
    let stale = act_as(&world, &owner, "1", &id, "approve-refund", &[("num", "R1"), ("seen", "1.00")]).await;
    assert_eq!(stale.status, 422, "{}", stale.text());
    assert_eq!(nums(&world, "1").await, [""; 0]);
    let approved = act_as(&world, &owner, "1", &id, "approve-refund", &[("num", "R1"), ("seen", "99.00")]).await;
    assert!(approved.header("location").ends_with("done=approved"), "{}", approved.text());
    world.end().await;
}

/// Of an approval and a refusal at the same time one is done, and the other is told so.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_and_a_refusal_at_once_are_never_both_done() {
    let world = World::start().await;
    let mei = hire(&world, "mei", "operator").await;
    limit(&world, json!(1)).await.done(200);
    for number in 0..8 {
        let bill = format!("b{number}");
        let id = world.paid(&bill).await;
        refund_as(&world, &mei, &bill, &id, &bill, "99").await;
        let path =
            |action: &str| format!("/apps/{}/transactions/{id}/{action}?mode=test&billNum={bill}", world.app.app_id);
        let body = json!({ "refundNum": bill, "refundFee": 9900 });
        let (approve, decline) = (path("approve-refund"), path("decline-refund"));
        let approved = world.admin("POST", &approve, body.clone());
        let declined = world.admin("POST", &decline, json!({ "refundNum": bill }));
        let (approved, declined) = join(approved, declined).await;
        assert_ne!(approved.status == 200, declined.status == 200, "{} {}", approved.text(), declined.text());
        let begun = nums(&world, &bill).await;
        assert_eq!(begun.len(), usize::from(approved.status == 200), "{bill}");
    }
    assert_eq!(proposed(&world).await, json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_lapses_after_thirty_days() {
    let world = World::start().await;
    let id = world.paid("1").await;
    let mei = hire(&world, "mei", "operator").await;
    limit(&world, json!(1)).await.done(200);
    refund_as(&world, &mei, "1", &id, "R1", "1").await;
    world.advance(31 * 24 * 60 * MINUTE_MS).await;
    assert_eq!(proposed(&world).await, json!([]));
    let path = format!("/apps/{}/transactions/{id}/approve-refund?mode=test&billNum=1", world.app.app_id);
    world.admin("POST", &path, json!({ "refundNum": "R1", "refundFee": 100 })).await.problem(404, "refund");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_refunds_one_that_the_provider_refuses_is_an_incident() {
    let world = World::start().await;
    let (good, finished) = (world.paid("good").await, world.paid("finished").await);
    world.play(&finished, "finish", json!({})).await;
    let path = format!("/apps/{}/refunds?mode=test", world.app.app_id);
    let each = [("good", &good), ("finished", &finished)];
    let each = each.map(|(bill, id)| json!({ "billNum": bill, "id": id, "refundFee": 9900 }));
    let body = json!({ "batch": "abcdef", "refunds": each });
    let begun = world.admin("POST", &path, body.clone()).await.done(200);
    assert_eq!(texts(&begun["items"], "result"), ["begun", "begun"]);
    world.advance(10 * MINUTE_MS).await;
    assert_eq!(found(&world, &format!("abcdef-{good}")).await["status"], "success");
    assert_eq!(found(&world, &format!("abcdef-{finished}")).await["status"], "failed");
    let incidents = world.incidents().await;
    assert_eq!(texts(&json!(incidents), "kind"), ["refund-failed"]);
    let again = world.admin("POST", &path, body).await.done(200);
    assert_eq!(texts(&again["items"], "status"), ["success", "failed"], "each as it is now");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_refunds_at_once_are_never_above_the_limit() {
    let world = World::start().await;
    let operator = hire(&world, "mei", "operator").await;
    let mut payments = Vec::new();
    for number in 0..12 {
        let bill = format!("b{number}");
        payments.push((world.paid(&bill).await, bill));
    }
    limit(&world, json!(500)).await.done(200);
    let each = payments.iter().map(|(id, bill)| refund_as(&world, &operator, bill, id, bill, "1"));
    let answers: Vec<Answer> = join_all(each.map(Box::pin)).await;
    let count = |word: &str| answers.iter().filter(|answer| answer.header("location").ends_with(word)).count();
    assert_eq!((count("done=refunded"), count("done=proposed")), (5, 7));
    assert_eq!(proposed(&world).await.as_array().unwrap().len(), 7);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposed_refund_is_declined_or_refused_when_the_money_is_gone() {
    let world = World::start().await;
    let id = world.paid("1").await;
    let operator = hire(&world, "mei", "operator").await;
    limit(&world, json!(1)).await.done(200);
    for num in ["R1", "R2"] {
        refund_as(&world, &operator, "1", &id, num, "99").await;
    }
    let declined = act_as(&world, &operator, "1", &id, "decline-refund", &[("num", "R1")]).await;
    assert!(declined.header("location").ends_with("done=withdrawn"), "{}", declined.text());
    assert_eq!(texts(&proposed(&world).await, "refundNum"), ["R2"]);
    refund(&world, &of("1", "R3", 1)).await.ok();
    let path = format!("/apps/{}/transactions/{id}/approve-refund?mode=test&billNum=1", world.app.app_id);
    let refused = world.admin("POST", &path, json!({ "refundNum": "R2", "refundFee": 9900 })).await;
    let why = refused.json()["params"]["why"]["code"].clone();
    assert_eq!((refused.status, why), (400, json!("refund-too-much")), "{}", refused.text());
    world.admin("POST", &path, json!({ "refundNum": "R2" })).await.problem(400, "refundFee");
    assert_eq!(texts(&proposed(&world).await, "refundNum"), ["R2"], "a person declines it");
    for (num, status) in [("R1", 404), ("a b", 400)] {
        let refused = world.admin("POST", &path, json!({ "refundNum": num, "refundFee": 9900 })).await;
        assert_eq!(refused.status, status, "{num}");
    }
    // A limit that is no amount is refused by name, and null removes it.
    for wrong in [json!(0), json!("1"), json!(10_000_000_001_i64)] {
        let refused = limit(&world, wrong).await;
        assert!(refused.status == 400 && refused.text().contains("operatorRefundsPerDay"), "{}", refused.text());
    }
    limit(&world, Value::Null).await.done(200);
    refund_as(&world, &operator, "1", &id, "R4", "98.99").await;
    assert_eq!(found(&world, "R4").await["status"], "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_payments_are_looked_at_and_refunded_once() {
    let world = World::start().await;
    let (whole, part) = (world.paid("whole").await, world.paid("part").await);
    let gone = world.paid("gone").await;
    let open = world.charged("open").await;
    refund(&world, &of("part", "P", 900)).await.ok();
    refund(&world, &of("gone", "G", 9900)).await.ok();
    let operator = hire(&world, "mei", "operator").await;
    let app = format!("/apps/{}", world.app.app_id);
    let list = operator.get(&world, &format!("{app}/transactions?mode=test")).await.text();
    assert_eq!(list.matches("type=\"checkbox\"").count(), 2, "only what is paid can be chosen: {list}");
    let viewer = hire(&world, "lin", "viewer").await;
    assert!(!viewer.get(&world, &format!("{app}/transactions?mode=test")).await.text().contains("checkbox"));

    let picks = [(&whole, "whole"), (&part, "part"), (&gone, "gone"), (&open, "open")];
    let picks: Vec<String> = picks.iter().map(|(id, bill)| format!("&pick={id}~{bill}")).collect();
    let preview = operator.get(&world, &format!("{app}/refunds/new?mode=test{}", picks.concat())).await.text();
    assert!(preview.contains("Refund now: 2 of them, ¥189.00 in all"), "{preview}");
    let value = |name: &str| {
        let after = preview.split_once(&format!("name=\"{name}\" value=\"")).unwrap().1;
        after.split_once('"').unwrap().0.to_owned()
    };
    let batch = value("batch");
    let fields: Vec<(&str, String)> = vec![
        ("batch", batch.clone()),
        ("refund", format!("{whole}~99.00~whole")),
        ("refund", format!("{part}~90.00~part")),
        ("refund", format!("{gone}~0.01~gone")),
    ];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for _ in 0..2 {
        let done = operator.post(&world, &format!("{app}/refunds?mode=test"), &fields).await;
        assert_eq!(done.status, 200, "{}", done.text());
        assert_eq!(done.text().matches(">Begun<").count(), 2, "{}", done.text());
        assert!(done.text().contains("must be at most ¥0.00"), "{}", done.text());
    }
    world.advance(5 * MINUTE_MS).await;
    for (bill, num) in [("whole", format!("{batch}-{whole}")), ("part", format!("{batch}-{part}"))] {
        assert_eq!(found(&world, &num).await["status"], "success", "{bill}");
        assert_eq!(world.record(bill).await["refundedFee"], 9900);
    }
    assert_eq!(nums(&world, "gone").await, ["G"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_refunds_are_read_before_one_is_begun() {
    let world = World::start().await;
    let id = world.paid("1").await;
    let path = format!("/apps/{}/refunds?mode=test", world.app.app_id);
    let good = json!({ "billNum": "1", "id": id, "refundFee": 1 });
    let wrong = [
        (json!({ "refunds": [good] }), "batch"),
        (json!({ "batch": "short", "refunds": [good] }), "batch"),
        (json!({ "batch": "abcdef" }), "refunds"),
        (json!({ "batch": "abcdef", "refunds": [] }), "refunds"),
        (json!({ "batch": "abcdef", "refunds": vec![good.clone(); 21] }), "refunds"),
        (json!({ "batch": "abcdef", "refunds": [good, { "billNum": "1", "refundFee": 1 }] }), "refunds"),
        (json!({ "batch": "abcdef", "refunds": [good, { "billNum": "1", "id": id, "refundFee": 0 }] }), "refundFee"),
        (json!({ "batch": "abcdef", "refunds": [good], "reason": "x".repeat(81) }), "reason"),
    ];
    for (body, field) in wrong {
        let refused = world.admin("POST", &path, body).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(refused.json()["errors"][0]["field"] == field || refused.text().contains(field), "{}", refused.text());
    }
    assert_eq!(nums(&world, "1").await, [""; 0]);
    let begun = world.admin("POST", &path, json!({ "batch": "abcdef", "refunds": [good] })).await.done(200);
    assert_eq!(begun["items"][0]["result"], "begun");
    let other = json!({ "batch": "abcdef", "refunds": [{ "billNum": "1", "id": id, "refundFee": 2 }] });
    let refused = world.admin("POST", &path, other).await.done(200)["items"][0].clone();
    assert_eq!((&refused["result"], &refused["refundFee"]), (&json!("refused"), &json!(2)));
    world.end().await;
}

/// A page that an owner opened before somebody else dealt with the refund.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_click_is_told_that_the_refund_was_dealt_with() {
    let world = World::start().await;
    let id = world.paid("1").await;
    let (mei, owner) = (hire(&world, "mei", "operator").await, Visitor::owner(&world).await);
    limit(&world, json!(1)).await.done(200);
    refund_as(&world, &mei, "1", &id, "R1", "99").await;
    let page = format!("/apps/{}/transactions/{id}?mode=test&bill=1", world.app.app_id);
    let shown = owner.get(&world, &page).await.text();
    assert!(shown.contains("id=\"proposed\"") && shown.contains("<code>R1</code>"), "{shown}");
    act_as(&world, &mei, "1", &id, "decline-refund", &[("num", "R1")]).await;
    for action in ["approve-refund", "decline-refund"] {
        let late = act_as(&world, &owner, "1", &id, action, &[("num", "R1"), ("seen", "99.00")]).await;
        assert!(late.status == 422 && late.text().contains("approved, declined or withdrawn already"), "{action}");
    }
    // What is left is less than what was proposed. The page of the payment says so.
    refund_as(&world, &mei, "1", &id, "R2", "99").await;
    refund(&world, &of("1", "R3", 9900)).await.ok();
    let late = act_as(&world, &owner, "1", &id, "approve-refund", &[("num", "R2"), ("seen", "99.00")]).await;
    let said = late.text();
    assert!(late.status == 422 && said.contains("must be at most ¥0.00") && said.contains("Decline it"), "{said}");
    let log = owner.get(&world, "/audit").await.text();
    assert!(log.contains("withdrew refund R1 (¥99.00) of 1"), "{log}");
    world.end().await;
}

/// The app's own server has no limit, and chooses its numbers itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_whose_number_was_refunded_otherwise_ends_with_the_first_click() {
    let world = World::start().await;
    let (mei, owner) = (hire(&world, "mei", "operator").await, Visitor::owner(&world).await);
    limit(&world, json!(1)).await.done(200);
    for (bill, fee, action) in
        [("1", 9900, "approve-refund"), ("2", 100, "approve-refund"), ("3", 9900, "decline-refund")]
    {
        let id = world.paid(bill).await;
        refund_as(&world, &mei, bill, &id, bill, "99").await;
        refund(&world, &of(bill, bill, fee)).await.ok();
        assert_eq!(texts(&proposed(&world).await, "refundNum"), [bill]);
        let clicked = act_as(&world, &owner, bill, &id, action, &[("num", bill), ("seen", "99.00")]).await;
        assert_eq!(clicked.status, if bill == "1" { 303 } else { 422 }, "{}", clicked.text());
        assert_eq!(proposed(&world).await, json!([]), "{bill}");
        assert_eq!(world.record(bill).await["refundedFee"], fee);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_a_refund_that_failed_says_so_again() {
    let world = World::start().await;
    let id = world.paid("1").await;
    let (mei, owner) = (hire(&world, "mei", "operator").await, Visitor::owner(&world).await);
    limit(&world, json!(1)).await.done(200);
    refund_as(&world, &mei, "1", &id, "R1", "99").await;
    world.play(&id, "finish", json!({})).await;
    for _ in 0..2 {
        let refused = act_as(&world, &owner, "1", &id, "approve-refund", &[("num", "R1"), ("seen", "99.00")]).await;
        assert!(refused.status == 422 && refused.text().contains("TRADE_HAS_FINISHED"), "{}", refused.text());
    }
    assert_eq!(found(&world, "R1").await["status"], "failed");
    world.end().await;
}

/// Lapsed proposals stay in the table for some days.
#[tokio::test(flavor = "multi_thread")]
async fn lapsed_proposals_hide_none_that_wait() {
    let world = World::start().await;
    let id = world.paid("1").await;
    let mei = hire(&world, "mei", "operator").await;
    limit(&world, json!(1)).await.done(200);
    refund_as(&world, &mei, "1", &id, "Z1", "99").await;
    let item = stored(&world, "TransactionsTable", "sk", "PROPOSED#Z1").await;
    let lapsed = (0..200).map(|number| {
        let mut lapsed = item.clone();
        lapsed["sk"] = json!({ "S": format!("PROPOSED#A{number:03}") });
        lapsed["requested_ms"] = json!({ "N": "1" });
        lapsed
    });
    world.stack.import(&json!({ "TransactionsTable": lapsed.collect::<Vec<_>>() })).await.unwrap();
    assert_eq!(texts(&proposed(&world).await, "refundNum"), ["Z1"]);
    world.end().await;
}
