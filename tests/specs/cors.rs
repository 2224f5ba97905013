//! Pages of other origins: the browser sends a preflight, and the API answers as API Gateway does.

use serde_json::json;

use crate::world::{World, charge_of, client, master};

const PAGE: (&str, &str) = ("Origin", "https://shop.example");
const ASKS: (&str, &str) = ("Access-Control-Request-Method", "POST");

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_of_any_path_is_answered_by_the_api() {
    let world = World::start().await;
    for path in
        ["/2.0/maxpay/bill", "/2.0/maxpay/records", "/2.0//maxpay/records", "/console", "/admin/v1/apps", "/none"]
    {
        let answer = world.call("OPTIONS", path, &[PAGE, ASKS], "").await;
        assert_eq!((answer.status, answer.text().as_str()), (204, ""), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-methods"), "GET,POST");
        assert_eq!(answer.header("access-control-max-age"), "86400");
        let headers = answer.header("access-control-allow-headers");
        assert!(headers.contains("x-ml-appid") && headers.contains("x-las-session-token"), "{headers}");
        assert!(!headers.contains("masterkey") && !headers.contains("authorization"), "{headers}");
        assert!(answer.headers.get("access-control-allow-credentials").is_none(), "{path}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_may_read_what_it_is_answered() {
    let world = World::start().await;
    let body = charge_of("ali_web", "1").to_string();
    let headers = [&client(&world.app)[..], &[PAGE]].concat();
    let charged = world.post_as(&headers, "/2.0/maxpay/bill", body.clone()).await;
    charged.ok();
    assert_eq!(charged.header("access-control-allow-origin"), "*");
    assert!(charged.headers.get("access-control-allow-credentials").is_none());
    let refused = world.post_as(&headers, "/2.0/maxpay/bill", "{}").await;
    refused.refused(4, "channel");
    assert_eq!(refused.header("access-control-allow-origin"), "*");
    let same = world.post_as(&client(&world.app), "/2.0/maxpay/bill", body).await;
    assert!(same.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{same:?}");
    world.end().await;
}

/// A server sends no preflight: its calls work whatever the preflight answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_master_key_needs_no_preflight() {
    let world = World::start().await;
    world.post_as(&master(&world.app), "/2.0/maxpay/records", json!({}).to_string()).await.ok();
    let plain = world.call("OPTIONS", "/2.0/maxpay/bill", &[], "").await;
    assert_eq!(plain.status, 204);
    assert!(plain.headers.get("access-control-allow-origin").is_none(), "{plain:?}");
    world.end().await;
}
