//! A shop's page of another origin: it charges and queries with the public client key, and a master key does not leave the browser.

use std::{
    io::{Read, Write},
    net::TcpListener,
};

use serde_json::{Value, json};

use crate::{scene::Scene, world::charge_of};

const PAGE: &str = "<!doctype html><title>Shop</title><p>Tea";

/// Serves the shop's page on its own port while the tests run.
fn shop() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // The request does not matter: there is one page. If the browser closes the connection meanwhile, that does not matter,
            // either.
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n", PAGE.len());
            let _ = write!(stream, "{head}Connection: close\r\n\r\n{PAGE}");
        }
    });
    url
}

/// Calls the API from the page's script. Returns the answer, or `{"blocked": <why>}`.
async fn fetch(scene: &Scene, path: &str, key: (&str, &str), body: &Value) -> Value {
    let script = "const [url, headers, body] = arguments; \
        return fetch(url, { method: 'POST', headers, body }).then((answer) => answer.json(), (why) => ({ blocked: String(why) }))";
    let headers = json!({
        "Content-Type": "application/json", "X-ML-AppId": scene.world.app.app_id, key.0: key.1,
    });
    scene.browser.run(script, json!([format!("{}{path}", scene.world.url), headers, body.to_string()])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_charges_and_asks_and_is_refused_with_a_master_key() {
    let Some(scene) = Scene::set("en").await else { return };
    scene.browser.open(&shop()).await;
    let keys = scene.world.app.test.clone();
    let client = ("X-ML-APIKey", keys.client_key.as_str());
    let charged = fetch(&scene, "/2.0/maxpay/bill", client, &charge_of("ali_web", "from-a-page")).await;
    assert_eq!(charged["code"], 0, "{charged}");
    assert!(charged["ali_web"].is_string(), "{charged}");
    for path in ["/2.0/maxpay/records", "/2.0//maxpay/records"] {
        let found = fetch(&scene, path, client, &json!({ "billNum": "from-a-page" })).await;
        assert_eq!(found["results"][0]["id"], charged["id"], "{found}");
    }
    let older = ("X-LAS-APIKey", keys.client_key.as_str());
    assert_eq!(fetch(&scene, "/2.0/maxpay/bill", older, &json!({})).await["code"], 4);

    let token = format!("Bearer {}", scene.world.operator_token);
    let secrets = [
        ("/2.0/maxpay/bill", ("X-ML-MasterKey", keys.master_key.as_str())),
        ("/2.0/maxpay/records", ("X-LAS-MasterKey", &keys.master_key)),
        ("/admin/v1/apps", ("Authorization", &token)),
    ];
    for (path, secret) in secrets {
        let blocked = fetch(&scene, path, secret, &charge_of("ali_web", "never")).await;
        assert!(blocked["blocked"].as_str().is_some_and(|why| why.contains("Failed to fetch")), "{path}: {blocked}");
    }
    let never = scene.world.records(&json!({ "billNum": "never" })).await.ok();
    assert_eq!(never["results"], json!([]));
    scene.end().await;
}
