//! Owed days: each day of an account must be compared with its provider's bill, from its configuration on, and is owed until then.

use serde_json::{Value, json};

use crate::{
    reconciliation::{DAY_MS, entries, reconcile},
    wechat,
    world::{MINUTE_MS, World, options, test_channel},
};

/// Alipay's entries of one type, newest first.
async fn of_ali(world: &World, kind: &str) -> Vec<Value> {
    entries(world, kind).await.into_iter().filter(|entry| entry["tab"] == "ali").collect()
}

/// The provider gives no bill, for any number of requests.
async fn down(world: &World) {
    world.faults(&["http500"; 20]).await;
}

async fn up(world: &World) {
    world.faults(&[]).await;
}

fn days(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["day"].as_str().unwrap()).collect()
}

async fn ask(world: &World, day: &str) -> crate::answer::Answer {
    let path = format!("/apps/{}/reconciliations/{day}/ali/1/ask?mode=test", world.app.app_id);
    world.admin("POST", &path, Value::Null).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_whose_bill_could_not_be_had_is_asked_for_until_it_is_compared() {
    let world = World::start().await;
    let omitted = world.paid("first day").await;
    world.advance(DAY_MS).await;
    down(&world).await;
    for tries in 1..=3 {
        assert_eq!(reconcile(&world).await["failed"], 1);
        let owed = of_ali(&world, "owed-day").await;
        assert_eq!((days(&owed), &owed[0]["state"]), (vec!["2026-11-23"], &json!("owed")));
        assert_eq!((&owed[0]["tries"], owed[0]["problem"].is_string()), (&json!(tries), true), "{owed:?}");
        // One incident, for any number of tries.
        let incidents = world.incidents().await;
        assert_eq!(incidents.len(), 1, "{incidents:?}");
        let [one] = incidents.as_slice() else { panic!("{incidents:?}") };
        assert_eq!(
            (&one["kind"], &one["day"], &one["tab"]),
            (&json!("day-not-compared"), &json!("2026-11-23"), &json!("ali"))
        );
        assert_eq!(one["problem"], owed[0]["problem"]);
        world.advance(20 * MINUTE_MS).await;
    }
    up(&world).await;
    world.paid("second day").await;
    world.advance(DAY_MS).await;
    let planted = json!({ "omit": [omitted] }).to_string();
    world.post_as(&[], "/_local/simulator/alipay/bill", planted).await.done(200);
    let done = reconcile(&world).await;
    // Yesterday for five accounts, and the day that Alipay's account still owes.
    assert_eq!((&done["accounts"], &done["differences"], &done["failed"]), (&json!(6), &json!(1), &json!(0)));
    let compared = of_ali(&world, "day").await;
    assert_eq!(days(&compared), ["2026-11-24", "2026-11-23"]);
    assert_eq!((&compared[1]["tries"], &compared[1]["state"]), (&json!(4), &json!("compared")));
    assert_eq!((of_ali(&world, "owed-day").await, world.incidents().await), (vec![], vec![]));
    // Another run finds nothing to do. The difference is listed once.
    assert_eq!(reconcile(&world).await["accounts"], 0);
    assert_eq!(of_ali(&world, "difference").await.len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_missed_after_thirty_days_and_compared_when_a_person_asks() {
    let world = World::start().await;
    world.paid("first day").await;
    for _ in 0..31 {
        world.advance(DAY_MS).await;
        down(&world).await;
        reconcile(&world).await;
    }
    up(&world).await;
    let owed = of_ali(&world, "owed-day").await;
    let states: Vec<&Value> = owed.iter().map(|day| &day["state"]).collect();
    assert_eq!((owed.len(), states[30], &owed[30]["day"]), (31, &json!("missed"), &json!("2026-11-23")));
    assert!(states[..30].iter().all(|state| **state == "owed"), "{states:?}");
    // After three failures in a row an account's run ends. No day blocks the others: each was tried.
    assert!(owed.iter().all(|day| day["tries"].as_i64().unwrap() >= 1), "{owed:?}");
    assert_eq!(world.incidents_of("day-not-compared").await.len(), 31);

    assert_eq!(reconcile(&world).await["failed"], 0);
    assert_eq!(days(&of_ali(&world, "owed-day").await), ["2026-11-23"]);
    let incident = world.incidents().await.pop().unwrap();
    let shown = ask(&world, "2026-11-23").await.done(200);
    assert_eq!((&shown["state"], &shown["day"]), (&json!("missed"), &json!("2026-11-23")));
    world.advance(2 * MINUTE_MS).await;
    assert_eq!((of_ali(&world, "owed-day").await, world.incidents().await), (vec![], vec![]));
    assert_eq!(of_ali(&world, "day").await.last().unwrap()["lines"], 1);

    ask(&world, "2026-11-23").await.problem(409, "compared already");
    ask(&world, "2026-11-22").await.problem(404, "day that is owed");
    ask(&world, "2026-11-31").await.problem(404, "day");
    let incident = format!("/apps/{}/incidents/{}", world.app.app_id, incident["id"].as_str().unwrap());
    world.admin("GET", &incident, Value::Null).await.problem(404, "incident");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_of_a_day_is_shown_and_its_replay_asks_again() {
    let world = World::start().await;
    world.paid("1").await;
    world.advance(DAY_MS).await;
    down(&world).await;
    reconcile(&world).await;
    let listed = world.incidents().await.pop().unwrap();
    let path = format!("/apps/{}/incidents/{}", world.app.app_id, listed["id"].as_str().unwrap());
    let shown = world.admin("GET", &path, Value::Null).await.done(200);
    assert_eq!(
        (&shown["source"], &shown["day"], &shown["account"]),
        (&json!("books"), &json!("2026-11-23"), &json!(1))
    );
    // It was requested, and failed again. It stays owed, but is not requested again each minute.
    let replayed = world.admin("POST", &format!("{path}/replay"), Value::Null).await.done(200);
    assert_eq!(replayed["outcome"], "pending");
    world.advance(10 * MINUTE_MS).await;
    assert_eq!(of_ali(&world, "owed-day").await[0]["tries"], 2);
    up(&world).await;
    world.admin("POST", &format!("{path}/replay"), Value::Null).await.done(200);
    world.advance(2 * MINUTE_MS).await;
    assert_eq!((of_ali(&world, "day").await.len(), world.incidents().await), (1, vec![]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_on_which_nothing_ran_are_owed_from_when_the_channel_was_configured() {
    let world = World::start().await;
    for bill in ["day 1", "day 2"] {
        world.paid(bill).await;
        world.advance(DAY_MS).await;
    }
    let other = world.new_app("a shop that opens on the third day").await;
    world.admin("PUT", &test_channel(&other), json!({ "protocol": "simulator" })).await.done(200);
    // Until the first day is over, it is not owed.
    world.paid("day 3").await;
    world.advance(DAY_MS).await;
    assert_eq!(reconcile(&world).await["failed"], 0);
    let compared = of_ali(&world, "day").await;
    assert_eq!(days(&compared), ["2026-11-25", "2026-11-24", "2026-11-23"]);
    assert!(compared.iter().all(|day| day["lines"] == 1 && day["differences"] == 0), "{compared:?}");
    let path = format!("/apps/{}/reconciliations?mode=test", other.app_id);
    let items = world.admin("GET", &path, Value::Null).await.done(200)["items"].clone();
    assert_eq!(days(items.as_array().unwrap()), ["2026-11-25"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_at_once_one_compares_each_day() {
    let world = World::start().await;
    world.paid("ali").await;
    let id = wechat::charged(&world, "wx_native", "wx").await;
    wechat::play(&world, &id, "pay", json!({})).await;
    for _ in 0..3 {
        world.advance(DAY_MS).await;
    }
    let runs = tokio::join!(reconcile(&world), reconcile(&world), reconcile(&world));
    let compared: i64 = [&runs.0, &runs.1, &runs.2].iter().map(|run| run["accounts"].as_i64().unwrap()).sum();
    assert_eq!(compared, 15, "three days of five accounts: {runs:?}");
    let days = entries(&world, "day").await;
    assert_eq!(days.len(), 15);
    assert!(days.iter().all(|day| day["tries"] == 1 && day["differences"] == 0), "{days:?}");
    assert_eq!((entries(&world, "owed-day").await, world.incidents().await), (vec![], vec![]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_fails_and_is_killed_after_any_write_is_one_incident_and_compared_in_the_end() {
    let faults = local::StorageFaults::default();
    let world = World::start_with(local::Options { storage_faults: Some(faults.clone()), ..options() }).await;
    world.with_alipay_alone().await;
    let mut runs = 0;
    for last in [local::LastAnswer::Lost, local::LastAnswer::Given] {
        for writes in 1..=30 {
            world.paid(&format!("{last:?} {writes}")).await;
            // Each round takes exactly a day.
            world.advance(DAY_MS - 40 * MINUTE_MS).await;
            down(&world).await;
            faults.arm(writes, last);
            world.post_as(&[], "/_local/reconcile", "").await;
            let fired = faults.disarm();
            world.advance(20 * MINUTE_MS).await;
            reconcile(&world).await;
            let (owed, incidents) = (of_ali(&world, "owed-day").await, world.incidents_of("").await);
            assert_eq!((owed.len(), incidents.len()), (1, 1), "{last:?} {writes}: {owed:?} {incidents:?}");
            up(&world).await;
            world.advance(20 * MINUTE_MS).await;
            reconcile(&world).await;
            let left = (entries(&world, "owed-day").await, world.incidents_of("").await);
            assert_eq!(left, (vec![], vec![]), "{last:?} {writes}");
            assert_eq!(of_ali(&world, "day").await[0]["differences"], 0);
            if !fired {
                break;
            }
            runs += 1;
        }
    }
    // The writes: the day, how far days are recorded, a claim, and the result. After the last, alerts are looked for.
    assert_eq!(runs, 4 + 4);
    world.end().await;
}
