//! The answer to a write is lost, and the AWS client sends the write again.

use local::{LastAnswer, StorageFaults};
use serde_json::{Value, json};

use crate::{
    deliveries::time,
    world::{MINUTE_MS, World, options},
};

/// Writes of a charge, its payment, two attempts at its webhook, and the sweeps of ten minutes.
const LIFE_WRITES_MAX: u32 = 40;

/// The storage's answer is lost. The client sends the write again, and its condition fails: the function must recognise its own
/// write. Nothing is done twice, and nothing waits for the sweep.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_is_lost_once_is_known_again() {
    let faults = StorageFaults::default();
    let world = World::start_with(local::Options { storage_faults: Some(faults.clone()), ..options() }).await;
    let mut runs = 0;
    for writes in 1..=LIFE_WRITES_MAX {
        let (name, bill) = (format!("shop-{writes}"), format!("lost answer {writes}"));
        let hook = world.webhook_to(&name, &json!({})).await["id"].as_str().unwrap().to_owned();
        world.receiver(&name, json!({ "status": 500 })).await;
        faults.arm(writes, LastAnswer::LostOnce);
        // One bill is paid with a notify, and one without.
        let paid = world.paid_as(bill.clone()).await;
        let silent = world.charged(&format!("{bill}, silent")).await;
        world.play(&silent, "pay", json!({ "notify": false })).await;
        world.advance(0).await;
        world.receiver(&name, json!({ "status": 200 })).await;
        let began_ms = world.now_ms().await;
        world.advance(2 * MINUTE_MS).await;
        let fired = faults.disarm();
        let arrived = world.arrivals(&name).await;
        let of = |id: &str| {
            let its = arrived.iter().filter(|one| one["body"].as_str().unwrap().contains(id));
            its.map(|one| (time(one) - began_ms) / 1000).collect::<Vec<_>>()
        };
        assert_eq!((of(&paid), of(&silent)), (vec![0, 60], vec![60]), "the answer to write {writes} was lost");
        world.admin("DELETE", &format!("/apps/{}/webhooks/{hook}", world.app.app_id), Value::Null).await.done(204);
        if !fired {
            break;
        }
        runs += 1;
    }
    assert!((12..LIFE_WRITES_MAX).contains(&runs), "{runs}");
    world.end().await;
}
