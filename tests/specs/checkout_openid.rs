//! A checkout inside WeChat: who the payer is, and that an openid of one payer is never used for another.

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    checkout::{WECHAT, attribute, checkout_of, choose, made, offered, records_of, sent_on, state, visit},
    wechat::{save, settings_of},
    world::{MINUTE_MS, World, texts},
};

/// A world whose official account can name payers.
async fn start() -> World {
    let world = World::start().await;
    save(&world, "wx_mp", &settings_of(&world, "v3Both", "wx_mp").await).await.done(200);
    world
}

/// A payer's browser on the way to WeChat and back.
struct Way {
    cookie: String,
    /// Where WeChat sends the browser.
    back: String,
}

/// Chooses WeChat, and goes for a code.
async fn go(world: &World, path: &str, payer: &str) -> Way {
    let chosen = choose(world, path, "wx_jsapi", WECHAT).await;
    let cookie = chosen.header("set-cookie").to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains(&format!("Path={path};"))
    );
    let headers = [("User-Agent", WECHAT), ("Cookie", payer)];
    let back = world.call("GET", &sent_on(&chosen), &headers, "").await.location(302);
    assert!(back.starts_with(&format!("{}{path}/wx?code=", world.url)), "{back}");
    Way { cookie: cookie.split(';').next().unwrap().to_owned(), back }
}

async fn come_back(world: &World, back: &str, cookie: &str) -> Answer {
    world.call("GET", back, &[("User-Agent", WECHAT), ("Cookie", cookie)], "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_wechat_one_click_brings_the_parameters_of_wechats_bridge() {
    let world = start().await;
    let path = made(&world, &checkout_of("1")).await;
    assert_eq!(offered(&visit(&world, &path, WECHAT).await), ["wx_jsapi"]);
    assert_eq!(records_of(&world, "1").await, [Value::Null; 0]);
    let Way { cookie, back } = go(&world, &path, "simulatedPayer=Li").await;
    assert_eq!(records_of(&world, "1").await, [Value::Null; 0], "nobody is known yet");
    let page = come_back(&world, &back, &cookie).await;
    let parameters: Value = serde_json::from_str(&attribute(&page, "data-wechat")).unwrap();
    for name in ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"] {
        assert!(parameters[name].is_string(), "{parameters}");
    }
    assert!(page.header("set-cookie").contains("Max-Age=0"));
    assert!(!page.text().contains("oSimulated"), "the openid stays here");
    let [order] = <[Value; 1]>::try_from(records_of(&world, "1").await).unwrap();
    assert_eq!(order["channel"], "wx_jsapi");
    let pay = format!("/_local/simulator/wechat/trades/{}/pay", order["id"].as_str().unwrap());
    world.post_as(&[], &pay, "{}").await.done(200);
    assert_eq!(state(&world, &path).await["state"], "paid");
    assert_eq!(come_back(&world, &back, &cookie).await.location(303), path);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_taken_once_by_its_browser_for_its_bill_and_not_late() {
    let world = start().await;
    let (path, other) = (made(&world, &checkout_of("1")).await, made(&world, &checkout_of("2")).await);
    let Way { cookie, back } = go(&world, &path, "simulatedPayer=Li").await;
    let Way { cookie: others, back: elsewhere } = go(&world, &other, "simulatedPayer=Wang").await;
    let state_of = |back: &str| back.rsplit_once("&state=").unwrap().1.to_owned();
    let forged = back.replace(&state_of(&back), &state_of(&elsewhere));
    let spoiled = back.replace(&state_of(&back), &"0".repeat(40));
    for (back, cookie) in [
        (back.as_str(), ""),
        (back.as_str(), others.as_str()),
        (forged.as_str(), cookie.as_str()),
        (spoiled.as_str(), cookie.as_str()),
        (back.split("&state=").next().unwrap(), cookie.as_str()),
    ] {
        assert_eq!(come_back(&world, back, cookie).await.location(303), path, "{back} {cookie}");
    }
    assert_eq!(records_of(&world, "1").await, [Value::Null; 0]);
    assert_eq!(come_back(&world, &back, &cookie).await.status, 200);
    // A reload brings the same code, which is spent: the payer may begin again.
    assert_eq!(come_back(&world, &back, &cookie).await.location(303), path);
    world.advance(11 * MINUTE_MS).await;
    assert_eq!(come_back(&world, &elsewhere, &others).await.location(303), other);
    assert_eq!(records_of(&world, "2").await, [Value::Null; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_payer_gets_an_order_of_their_own_in_place_of_the_first() {
    let world = start().await;
    let path = made(&world, &checkout_of("1")).await;
    for payer in ["simulatedPayer=Li", "simulatedPayer=Wang", "simulatedPayer=Wang"] {
        let Way { cookie, back } = go(&world, &path, payer).await;
        attribute(&come_back(&world, &back, &cookie).await, "data-wechat");
    }
    world.advance(2 * MINUTE_MS).await;
    let mut found = texts(&json!(records_of(&world, "1").await), "status");
    found.sort();
    assert_eq!(found, ["closed", "created"]);
    assert_eq!(state(&world, &path).await["state"], "open");
    world.end().await;
}
