//! The checkout: one address by which a bill is paid with any wallet.

use std::collections::BTreeMap;

use domain::Lane;
use futures_util::future::join_all;
use local::WorkQueue;
use ring::hmac::{HMAC_SHA256, Key, verify};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    charge::knock,
    unionpay,
    wechat::fault,
    world::{MINUTE_MS, World, charge_of, client, master, texts, with, without},
};

pub(crate) const DESKTOP: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36";
pub(crate) const PHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148";
pub(crate) const WECHAT: &str =
    "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Mobile MicroMessenger/8.0.44 NetType/WIFI";
pub(crate) const ALIPAY: &str =
    "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Mobile AliApp(AP/10.5.80) AlipayClient/10.5.80";
pub(crate) const UNIONPAY: &str = "Mozilla/5.0 (Linux; Android 12) AppleWebKit/537.36 Mobile UnionPay/1.0 CloudPay";

/// The body of a good checkout of 99 yuan.
pub(crate) fn checkout_of(bill: &str) -> Value {
    without(charge_of("ali_wap", bill), "channel")
}

/// A call of the merchant's server.
pub(crate) async fn make(world: &World, body: &Value) -> Answer {
    world.post_as(&master(&world.app), "/2.0/maxpay/checkout", body.to_string()).await
}

/// Makes a checkout. Returns the path of its page.
pub(crate) async fn made(world: &World, body: &Value) -> String {
    path_of(world, &make(world, body).await.ok())
}

pub(crate) fn path_of(world: &World, made: &Value) -> String {
    made["url"].as_str().unwrap().strip_prefix(&world.url).unwrap().to_owned()
}

pub(crate) async fn visit(world: &World, path: &str, agent: &str) -> Answer {
    world.call("GET", path, &[("User-Agent", agent)], "").await
}

pub(crate) async fn choose(world: &World, path: &str, step: &str, agent: &str) -> Answer {
    let headers = [("User-Agent", agent), ("Content-Type", "application/x-www-form-urlencoded")];
    world.call("POST", &format!("{path}/{step}"), &headers, "").await
}

pub(crate) async fn state(world: &World, path: &str) -> Value {
    world.call("GET", &format!("{path}/state"), &[], "").await.done(200)
}

/// An attribute of the page's body, as the browser reads it.
#[track_caller]
pub(crate) fn attribute(page: &Answer, name: &str) -> String {
    let text = page.text();
    let begin = format!(" {name}=\"");
    let value = text.split(&begin).nth(1).unwrap_or_else(|| panic!("no {name} in {text}")).split('"').next().unwrap();
    value.replace("&#38;", "&").replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<")
}

/// The channels that a page offers.
pub(crate) fn offered(page: &Answer) -> Vec<String> {
    let text = page.text();
    let forms = text.split(" action=\"/pay/").skip(1);
    let steps = forms.map(|form| form.split('"').next().unwrap().rsplit('/').next().unwrap().to_owned());
    steps.filter(|step| step != "leave").collect()
}

/// Where a page sends the browser on.
#[track_caller]
pub(crate) fn sent_on(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{}", page.text());
    attribute(page, "data-go")
}

/// The parameters of a result, whose signature must fit.
#[track_caller]
fn result(world: &World, url: &str, begin: &str) -> BTreeMap<String, String> {
    assert!(url.starts_with(begin), "{url}");
    let query = url.split_once('?').unwrap().1;
    let mut parameters: BTreeMap<String, String> =
        form_urlencoded::parse(query.as_bytes()).into_owned().filter(|(name, _)| name.starts_with("maxpay_")).collect();
    let sign = parameters.remove("maxpay_sign").unwrap();
    let lines: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let content = format!("maxpay-checkout-result\n{}", lines.join("\n"));
    let bytes: Vec<u8> =
        (0..sign.len() / 2).map(|at| u8::from_str_radix(&sign[2 * at..2 * at + 2], 16).unwrap()).collect();
    let key = Key::new(HMAC_SHA256, world.app.test.master_key.as_bytes());
    verify(&key, content.as_bytes(), &bytes).unwrap_or_else(|_| panic!("a wrong signature: {url}"));
    parameters
}

pub(crate) async fn records_of(world: &World, bill: &str) -> Vec<Value> {
    world.records(&json!({ "billNum": bill })).await.ok()["results"].as_array().unwrap().clone()
}

/// Goes where the choice of Alipay's page leads, up to the cashier. Returns the transaction's id.
pub(crate) async fn at_alipay(world: &World, path: &str, bill: &str) -> String {
    let url = sent_on(&choose(world, path, "ali_wap", PHONE).await);
    knock(world, "ali_wap", &json!({ "ali_wap": url })).await.location(302);
    let records = records_of(world, bill).await;
    let mine = records.iter().find(|record| record["channel"] == "ali_wap" && record["status"] == "created");
    mine.unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bill_has_the_same_checkout_and_its_code_is_a_picture() {
    let world = World::start().await;
    let first = make(&world, &checkout_of("1")).await.ok();
    assert_eq!(make(&world, &checkout_of("1")).await.ok(), first);
    world.advance(MINUTE_MS).await;
    assert_eq!(make(&world, &with(checkout_of("1"), &json!({ "expiresIn": 300 }))).await.ok(), first);
    let url = first["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/pay/", world.url)) && url.len() < world.url.len() + 60, "{url}");
    assert!(first["qr"].as_str().unwrap().starts_with("<svg xmlns="), "{first}");
    assert_eq!(first["expiresAt"], crate::world::START_MS + 7_200_000);
    assert_ne!(make(&world, &checkout_of("2")).await.ok()["url"], first["url"]);
    assert_eq!(records_of(&world, "1").await, [Value::Null; 0], "nothing is charged before somebody chooses");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_pays_and_goes_back_with_a_signed_result() {
    let world = World::start().await;
    let body = with(checkout_of("1"), &json!({ "extras": { "t": "2" }, "returnUrl": "https://shop.example/back?a=b" }));
    let path = made(&world, &body).await;
    let id = at_alipay(&world, &path, "1").await;
    assert_eq!(state(&world, &path).await, json!({ "state": "open" }));
    world.play(&id, "pay", json!({})).await;
    let told = state(&world, &path).await;
    assert_eq!(told["state"], "paid");
    let found = result(&world, told["next"].as_str().unwrap(), "https://shop.example/back?a=b&maxpay_");
    let expect = json!({
        "maxpay_app": world.app.app_id, "maxpay_mode": "test", "maxpay_bill": "1", "maxpay_status": "success", "maxpay_id": id,
        "maxpay_channel": "ali_wap", "maxpay_fee": "9900", "maxpay_time": world.now_ms().await.to_string(),
    });
    assert_eq!(json!(found), expect);
    assert_eq!(world.record("1").await["extras"], json!({ "t": "2" }));
    // Who opens the code now is told so, on whatever device, and goes on to the merchant.
    for agent in [DESKTOP, WECHAT] {
        let page = visit(&world, &path, agent).await;
        assert!(page.text().contains("支付成功") && page.text().contains("支付方式：支付宝"), "{}", page.text());
        result(&world, &sent_on(&page), "https://shop.example/back?");
    }
    assert_eq!(choose(&world, &path, "wx_h5", PHONE).await.location(303), path);
    assert_eq!(records_of(&world, "1").await.len(), 1);
    make(&world, &body).await.refused(5, "was paid by ali_wap");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_channel_hands_over_in_its_own_way() {
    let world = World::start().await;
    let all = ["ali_app", "ali_web", "ali_wap", "wx_native", "wx_h5", "unipay_web"];
    let path = made(&world, &with(checkout_of("1"), &json!({ "channels": all }))).await;
    // WeChat's page comes back here.
    let h5 = sent_on(&choose(&world, &path, "wx_h5", PHONE).await);
    let back: String = form_urlencoded::byte_serialize(format!("{}{path}", world.url).as_bytes()).collect();
    assert!(h5.ends_with(&format!("&redirect_url={back}")), "{h5}");
    // Alipay's own browser gets the order for its bridge.
    let inside = choose(&world, &path, "ali_app", ALIPAY).await;
    assert!(attribute(&inside, "data-alipay").contains("method=alipay.trade.app.pay"), "{}", inside.text());
    // A desktop without an official account that can name payers shows WeChat's code.
    let native = choose(&world, &path, "wx_native", DESKTOP).await;
    assert!(native.text().contains("<svg") && native.text().contains("微信扫一扫"), "{}", native.text());
    let web = sent_on(&choose(&world, &path, "ali_web", DESKTOP).await);
    knock(&world, "ali_web", &json!({ "ali_web": web })).await.location(302);
    // UnionPay's form is the only one that its page may send.
    let form = choose(&world, &path, "unipay_web", PHONE).await;
    let policy = form.header("content-security-policy").to_owned();
    assert!(policy.contains(&format!("form-action {};", world.url)), "{policy}");
    assert_eq!(form.header("referrer-policy"), "strict-origin-when-cross-origin");
    let cashier = unionpay::open(&world, "unipay_web", &json!({ "html": form.text() })).await;
    assert!(world.call("GET", &cashier, &[], "").await.text().contains("99.00"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_choice_is_the_same_order_however_often_and_at_once() {
    let world = World::start().await;
    let path = made(&world, &checkout_of("1")).await;
    let clicks = (0..8).map(|_| choose(&world, &path, "ali_wap", PHONE));
    for page in join_all(clicks).await {
        sent_on(&page);
    }
    assert_eq!(texts(&json!(records_of(&world, "1").await), "channel"), ["ali_wap"]);
    // Back, reload, and a second person with another wallet: one order for each channel, and no more.
    visit(&world, &path, PHONE).await;
    sent_on(&choose(&world, &path, "wx_h5", PHONE).await);
    sent_on(&choose(&world, &path, "ali_wap", PHONE).await);
    assert_eq!(records_of(&world, "1").await.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_notify_is_found_by_the_page_that_waits_and_before_a_second_order() {
    let world = World::start().await;
    for (bill, step) in [("polled", "state"), ("chosen", "wx_h5")] {
        let path = made(&world, &checkout_of(bill)).await;
        let id = at_alipay(&world, &path, bill).await;
        world.play(&id, "pay", json!({ "notify": false })).await;
        assert_eq!(state(&world, &path).await["state"], "open", "the notify may still come");
        world.advance(16_000).await;
        if step == "state" {
            assert_eq!(state(&world, &path).await["state"], "paid");
        } else {
            assert_eq!(choose(&world, &path, step, PHONE).await.location(303), path);
        }
        assert_eq!(texts(&json!(records_of(&world, bill).await), "channel"), ["ali_wap"], "{bill}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_provider_leaves_the_page_with_a_choice_and_the_bill_with_one_order() {
    let world = World::start().await;
    let path = made(&world, &checkout_of("1")).await;
    for trouble in ["http500", "garbage"] {
        fault(&world, trouble).await;
        let page = choose(&world, &path, "wx_h5", PHONE).await;
        assert!(page.status == 200 && page.text().contains("role=\"alert\""), "{trouble}: {}", page.text());
        assert_eq!(offered(&page), ["ali_wap", "wx_h5", "unipay_web"], "{trouble}");
    }
    sent_on(&choose(&world, &path, "wx_h5", PHONE).await);
    assert_eq!(records_of(&world, "1").await.len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_offered_is_charged() {
    let world = World::start().await;
    let path =
        made(&world, &with(checkout_of("1"), &json!({ "channels": ["ali_wap", "ali_qrcode", "unipay_web"] }))).await;
    assert_eq!(offered(&visit(&world, &path, PHONE).await), ["ali_wap", "unipay_web"]);
    for (step, agent) in [
        ("wx_h5", PHONE),
        ("ali_qrcode", PHONE),
        ("ali_wap", DESKTOP),
        ("ali_wap", WECHAT),
        ("wx_app", PHONE),
        ("nonsense", PHONE),
    ] {
        assert_eq!(choose(&world, &path, step, agent).await.location(303), path, "{step}");
    }
    assert_eq!(records_of(&world, "1").await, [Value::Null; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_is_refused_in_the_order_of_the_codes() {
    let world = World::start().await;
    let check = async |headers: &[(&str, &str)], body: Value, code: i64, word: &str| {
        world.post_as(headers, "/2.0/maxpay/checkout", body.to_string()).await.refused(code, word);
    };
    let (server, bare) = (master(&world.app), without(checkout_of("1"), "subject"));
    let live = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-MasterKey", &world.app.live.master_key)];
    check(&[], json!({}), 1, "X-ML-AppId").await;
    check(&live, bare.clone(), 2, "live mode").await;
    check(&server, with(bare.clone(), &json!({ "channels": ["wx_app"] })), 2, "test mode").await;
    check(&server, with(bare.clone(), &json!({ "channels": ["paypal"] })), 3, "channel").await;
    check(&server, with(bare, &json!({ "totalFee": 0 })), 4, "subject").await;
    check(&server, without(checkout_of("1"), "returnUrl"), 4, "returnUrl").await;
    check(&server, with(checkout_of("1"), &json!({ "totalFee": 0 })), 5, "totalFee").await;
    check(&server, with(checkout_of("1"), &json!({ "expiresIn": 86_401 })), 5, "expiresIn").await;
    check(&server, checkout_of(&"茶".repeat(64)), 5, "billNum must be shorter").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_key_makes_checkouts_only_where_clients_name_prices() {
    let world = World::start().await;
    let by_client =
        async |body: &Value| world.post_as(&client(&world.app), "/2.0/maxpay/checkout", body.to_string()).await;
    let path = path_of(&world, &by_client(&checkout_of("1")).await.ok());
    by_client(&with(checkout_of("1"), &json!({ "totalFee": 1 }))).await.refused(5, "totalFee must be 9900");
    by_client(&with(checkout_of("1"), &json!({ "subject": "x" }))).await.refused(5, "subject");
    // The first addresses stay, and nobody is sent to them without pressing a button.
    let elsewhere = json!({ "returnUrl": "https://evil.example/" });
    by_client(&with(checkout_of("1"), &elsewhere)).await.ok();
    let id = at_alipay(&world, &path, "1").await;
    world.play(&id, "pay", json!({})).await;
    let page = visit(&world, &path, PHONE).await;
    assert!(page.text().contains("shop.example") && !page.text().contains("data-go"), "{}", page.text());
    result(&world, &sent_on(&choose(&world, &path, "leave", PHONE).await), "https://shop.example/back?");
    // The server's checkout binds every client.
    let path = made(&world, &checkout_of("2")).await;
    by_client(&with(checkout_of("2"), &json!({ "totalFee": 1 }))).await.refused(5, "totalFee must be 9900");
    assert_eq!(path_of(&world, &by_client(&with(checkout_of("2"), &elsewhere)).await.ok()), path);
    assert!(!visit(&world, &path, PHONE).await.text().contains("evil"));
    let app = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &app, json!({ "clientsNamePrices": false })).await.done(200);
    by_client(&checkout_of("3")).await.refused(1, "X-ML-MasterKey");
    make(&world, &checkout_of("3")).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_price_of_the_server_takes_the_place_of_the_first_at_the_same_address() {
    let world = World::start().await;
    let path = made(&world, &checkout_of("1")).await;
    let old = at_alipay(&world, &path, "1").await;
    world.advance(1000).await;
    assert_eq!(made(&world, &with(checkout_of("1"), &json!({ "totalFee": 8800 }))).await, path);
    assert!(visit(&world, &path, PHONE).await.text().contains("88.00"));
    let new = at_alipay(&world, &path, "1").await;
    assert_ne!(new, old);
    world.advance(2 * MINUTE_MS).await;
    let status = |records: &[Value], id: &str| {
        let found = records.iter().find(|record| record["id"] == id).unwrap();
        (found["status"].clone(), found["totalFee"].clone())
    };
    let records = records_of(&world, "1").await;
    assert_eq!(status(&records, &old), (json!("closed"), json!(9900)));
    assert_eq!(status(&records, &new), (json!("created"), json!(8800)));
    // A charge at yet another price by the server, past the checkout, closes the page until the server names a price for it again.
    let other = with(charge_of("ali_web", "1"), &json!({ "totalFee": 7700 }));
    world.charge_as_server(&other).await.ok();
    assert_eq!(state(&world, &path).await["state"], "closed");
    assert_eq!(choose(&world, &path, "ali_wap", PHONE).await.location(303), path);
    world.advance(1000).await;
    made(&world, &with(checkout_of("1"), &json!({ "totalFee": 7700 }))).await;
    assert_eq!(state(&world, &path).await["state"], "open");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_bill_is_a_closed_checkout_until_it_is_made_again() {
    let world = World::start().await;
    let path = made(&world, &checkout_of("1")).await;
    at_alipay(&world, &path, "1").await;
    world.advance(1000).await;
    let close = json!({ "billNum": "1", "channel": "ali_wap" }).to_string();
    world.post_as(&master(&world.app), "/2.0/maxpay/close", close).await.ok();
    assert_eq!(state(&world, &path).await, json!({ "state": "closed" }));
    let page = visit(&world, &path, PHONE).await;
    assert!(page.text().contains("订单已关闭") && offered(&page).is_empty(), "{}", page.text());
    assert_eq!(choose(&world, &path, "wx_h5", PHONE).await.location(303), path);
    world.advance(1000).await;
    assert_eq!(made(&world, &checkout_of("1")).await, path);
    assert_eq!(state(&world, &path).await["state"], "open");
    sent_on(&choose(&world, &path, "ali_wap", PHONE).await);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_checkout_charges_nothing_and_a_late_payment_counts() {
    let world = World::start().await;
    let body = with(checkout_of("1"), &json!({ "expiresIn": 300 }));
    let path = made(&world, &body).await;
    let id = at_alipay(&world, &path, "1").await;
    world.advance(5 * MINUTE_MS).await;
    assert_eq!(state(&world, &path).await["state"], "expired");
    let page = visit(&world, &path, PHONE).await;
    assert!(page.text().contains("订单已过期") && offered(&page).is_empty(), "{}", page.text());
    assert_eq!(choose(&world, &path, "wx_h5", PHONE).await.location(303), path);
    world.play(&id, "pay", json!({})).await;
    assert_eq!(state(&world, &path).await["state"], "paid");
    // After its end another one is made, with another address.
    let first = made(&world, &checkout_of("2")).await;
    world.advance(121 * MINUTE_MS).await;
    assert_ne!(made(&world, &checkout_of("2")).await, first);
    assert_eq!(state(&world, &first).await["state"], "expired");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_who_leaves_brings_back_what_is_true() {
    let world = World::start().await;
    let body = with(checkout_of("1"), &json!({ "cancelUrl": "https://shop.example/cart#top" }));
    let path = made(&world, &body).await;
    let left = async |begin: &str| {
        let url = sent_on(&choose(&world, &path, "leave", PHONE).await);
        result(&world, url.split('#').next().unwrap(), begin)["maxpay_status"].clone()
    };
    assert_eq!(left("https://shop.example/cart?").await, "cancel");
    let id = at_alipay(&world, &path, "1").await;
    assert_eq!(left("https://shop.example/cart?").await, "unknown");
    assert_eq!(state(&world, &path).await["state"], "open", "who leaves changes nothing");
    world.play(&id, "pay", json!({})).await;
    assert_eq!(left("https://shop.example/back?").await, "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_are_bounded_as_clients_are() {
    let world = World::start().await;
    let app = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &app, json!({ "clientChargesPerMinute": 2, "clientOpenBills": 2 })).await.done(200);
    for bill in ["1", "2"] {
        sent_on(&choose(&world, &made(&world, &checkout_of(bill)).await, "ali_wap", PHONE).await);
    }
    let path = made(&world, &checkout_of("3")).await;
    let page = choose(&world, &path, "ali_wap", PHONE).await;
    assert!(page.text().contains("操作过于频繁"), "{}", page.text());
    world.advance(MINUTE_MS).await;
    assert!(choose(&world, &path, "ali_wap", PHONE).await.text().contains("操作过于频繁"), "two bills are open");
    assert_eq!(records_of(&world, "3").await, [Value::Null; 0]);
    world.end().await;
}

/// What a provider answers to the page is settled like any other answer: with its deliveries, and with the second payment given back.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_finds_is_told_to_the_merchant_and_a_second_payment_goes_back() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    let app = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &app, json!({ "refundDuplicates": true })).await.done(200);
    let path = made(&world, &checkout_of("1")).await;
    let first = at_alipay(&world, &path, "1").await;
    let inside = choose(&world, &path, "ali_app", ALIPAY).await;
    let order = attribute(&inside, "data-alipay");
    knock(&world, "ali_app", &json!({ "ali_app": order })).await.location(303);
    let records = records_of(&world, "1").await;
    let second = records.iter().find(|record| record["channel"] == "ali_app").unwrap()["id"].as_str().unwrap();
    for id in [first.as_str(), second] {
        world.play(id, "pay", json!({ "notify": false })).await;
    }
    world.advance(16_000).await;
    assert_eq!(state(&world, &path).await["state"], "paid");
    world.advance(5 * MINUTE_MS).await;
    let mut found = texts(&json!(records_of(&world, "1").await), "status");
    found.sort();
    assert_eq!(found, ["refund", "success"]);
    world.ignores("shop");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_finds_is_told_to_a_late_target_through_the_slow_lane() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "delayMs": 3_200 })).await;
    world.paid("late").await;
    world.advance(0).await;
    world.receiver("shop", json!({})).await;
    let path = made(&world, &checkout_of("1")).await;
    let id = at_alipay(&world, &path, "1").await;
    world.play(&id, "pay", json!({ "notify": false })).await;
    world.advance(16_000).await;
    assert_eq!(state(&world, &path).await["state"], "paid");
    assert_eq!(world.queued_at(world.stack.work_url(WorkQueue::Deliveries(Lane::Slow))).await, 1);
    world.advance(0).await;
    assert_eq!(world.arrivals("shop").await.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_asks_the_account_that_the_order_was_charged_on() {
    let world = World::start().await;
    let path = made(&world, &checkout_of("1")).await;
    let id = at_alipay(&world, &path, "1").await;
    world.configure(&world.app, &world.merchant("openapiCert").await).await;
    world.play(&id, "pay", json!({ "notify": false })).await;
    world.advance(16_000).await;
    assert_eq!(state(&world, &path).await["state"], "paid");
    world.end().await;
}
