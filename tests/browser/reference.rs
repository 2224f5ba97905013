//! The API reference of the local stack: every operation is shown, a call can be tried, and nothing comes from another host.

use serde_json::{Value, json};

use crate::{contract, scene::Scene};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// How many operations the document has: calls, and the messages to webhooks.
fn operations() -> usize {
    let of = |path: &Value| METHODS.iter().filter(|method| path.get(**method).is_some()).count();
    let all = |part: &str| contract::DOCUMENT[part].as_object().unwrap().values().map(of).sum::<usize>();
    all("paths") + all("webhooks")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_reference_shows_every_operation_and_tries_a_call() {
    let Some(scene) = Scene::set("en-US").await else { return };
    let (world, browser) = (&scene.world, &scene.browser);
    browser.open(&format!("{}/docs", world.url)).await;
    browser.until("return document.querySelectorAll('.opblock').length > 0").await;
    assert_eq!(browser.count(".opblock").await, operations());
    browser.picture("reference").await;
    let hosts = "return [...new Set(performance.getEntriesByType('resource').map((one) => new URL(one.name).origin))]";
    assert_eq!(browser.run(hosts, json!([])).await, json!([world.url]), "nothing is loaded from another host");

    // Without credentials the operator API refuses the call. That answer is this stack's, whatever host the document names.
    browser.click("#operations-apps-listApps .opblock-summary-control").await;
    browser.click("#operations-apps-listApps .try-out__btn").await;
    browser.click("#operations-apps-listApps .execute").await;
    browser.until("return !!document.querySelector('.live-responses-table .response-col_status')").await;
    browser.picture("reference-tried").await;
    let tried = browser.text(".live-responses-table").await;
    assert!(tried.contains("401") && tried.contains("unauthorized"), "{tried}");
    scene.end().await;
}
