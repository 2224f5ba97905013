//! The first steps of an app in the console: which are done, the test payment of one click, and who sees them where.

use local::DemoApp;
use serde_json::json;

use crate::{
    answer::Answer,
    charge::knock,
    checkout::{PHONE, choose, sent_on, state},
    console::{Visitor, hire},
    console_pages::offers,
    world::{World, charge_of, master},
};

/// The steps that the page says are done.
fn done(page: &str) -> Vec<&str> {
    let steps = page.split("<li class=\"card done\" id=\"").skip(1);
    steps.map(|step| step.split_once('"').unwrap().0).collect()
}

/// The step that comes next, by the page.
fn next(page: &str) -> Option<&str> {
    Some(page.split_once("<li class=\"card next\" id=\"")?.1.split_once('"').unwrap().0)
}

fn at(app: &DemoApp, page: &str) -> String {
    format!("/apps/{}{page}", app.app_id)
}

/// Presses the button of the test payment. Returns the token of the link.
async fn link(world: &World, visitor: &Visitor, app: &DemoApp) -> String {
    let made = visitor.post(world, &at(app, "/first-steps/pay"), &[]).await;
    assert_eq!(made.status, 303, "{}", made.text());
    let location = made.header("location").to_owned();
    location.split_once("?pay=").unwrap().1.strip_suffix("#payment").unwrap().to_owned()
}

/// Pays a checkout as a payer with a phone does.
async fn pay(world: &World, app: &DemoApp, token: &str) {
    let url = sent_on(&choose(world, &format!("/pay/{token}"), "ali_wap", PHONE).await);
    knock(world, "ali_wap", &json!({ "ali_wap": url })).await.location(302);
    let found = world.post_as(&master(app), "/2.0/maxpay/records", json!({ "channel": "ali_wap" }).to_string()).await;
    let id = found.ok()["results"][0]["id"].as_str().unwrap().to_owned();
    world.play(&id, "pay", json!({})).await;
}

/// A webhook of this app to a built-in receiver. Returns its id.
async fn webhook(world: &World, app: &DemoApp, receiver: &str) -> String {
    let target = json!({ "url": format!("{}/_local/receiver/{receiver}", world.url) });
    let made = world.admin("POST", &at(app, "/webhooks"), json!({ "target": target, "mode": "test" })).await.done(201);
    world.must_stay_secret(made["secret"].as_str().unwrap());
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_steps_of_a_new_app_are_ticked_off_one_after_the_other() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let app = world.new_app("bare").await;
    let shown = async || owner.get(&world, &at(&app, "/first-steps?mode=test")).await.text();
    let page = shown().await;
    assert_eq!((done(&page), next(&page)), (vec!["keys"], Some("channel")), "{page}");
    assert!(page.contains("Set up a test channel first.") && page.contains(&app.test.client_key), "{page}");
    assert!(!page.contains(&app.test.master_key) && !page.contains(&app.live.client_key));
    let refused = owner.post(&world, &at(&app, "/first-steps/pay"), &[]).await;
    assert!(refused.status == 409 && refused.text().contains("role=\"alert\""), "{}", refused.text());

    world.configure(&app, &json!({ "protocol": "simulator" })).await;
    let page = shown().await;
    assert_eq!((done(&page), next(&page)), (vec!["keys", "channel"], Some("payment")));
    let token = link(&world, &owner, &app).await;
    let waiting = async || owner.get(&world, &at(&app, &format!("/first-steps?pay={token}"))).await.text();
    let page = waiting().await;
    assert!(
        page.contains(&format!("data-watch=\"/pay/{token}/state\"")) && page.contains("<svg class=\"qr\""),
        "{page}"
    );
    assert_eq!(done(&page).len(), 2);
    pay(&world, &app, &token).await;
    assert_eq!(state(&world, &format!("/pay/{token}")).await["state"], "paid");
    let page = waiting().await;
    assert_eq!((done(&page), next(&page)), (vec!["keys", "channel", "payment"], Some("webhook")), "{page}");
    assert!(!page.contains("data-watch") && page.contains("¥\u{a0}0.01"), "{page}");
    assert_eq!(done(&shown().await).len(), 3, "also without the link");

    let hook = webhook(&world, &app, "shop").await;
    world.receiver("shop", json!({ "status": 500 })).await;
    let test = at(&app, &format!("/webhooks/{hook}/test"));
    owner.post(&world, &test, &[("event", "payment.success")]).await;
    assert_eq!(next(&shown().await), Some("webhook"), "a target that answers 500 took nothing");
    world.receiver("shop", json!({ "status": 200 })).await;
    owner.post(&world, &test, &[("event", "payment.success")]).await;
    assert_eq!(next(&shown().await), Some("live"));
    // Another target has to prove itself.
    let target = json!({ "url": format!("{}/_local/receiver/other", world.url) });
    let changed = json!({ "target": target, "mode": "test" });
    world.admin("PUT", &at(&app, &format!("/webhooks/{hook}")), changed).await.done(200);
    assert_eq!(next(&shown().await), Some("webhook"));
    owner.post(&world, &test, &[("event", "payment.success")]).await;
    assert_eq!(next(&shown().await), Some("live"));

    world.admin("PUT", &at(&app, "/channels/ali?mode=live"), world.merchant("openapi").await).await.done(200);
    assert!(shown().await.contains("Now charge a small bill with the live keys, and pay it."));
    let overview = owner.get(&world, &at(&app, "/overview?mode=test")).await.text();
    assert!(overview.contains("4 of 5 done"), "{overview}");
    let live = [("X-ML-AppId", app.app_id.as_str()), ("X-ML-APIKey", &app.live.client_key)];
    let charged = world.post_as(&live, "/2.0/maxpay/bill", charge_of("ali_qrcode", "real").to_string()).await.ok();
    world.play(charged["id"].as_str().unwrap(), "pay", json!({})).await;
    let page = shown().await;
    assert_eq!((done(&page).len(), next(&page)), (5, None));
    // The overview ends it by itself.
    let overview = owner.get(&world, &at(&app, "/overview")).await;
    assert!(!overview.text().contains("id=\"first-steps\""), "{}", overview.text());
    assert!(overview.header("set-cookie").starts_with(&format!("maxpay_steps={}; Path=/console;", app.app_id)));
    for receiver in ["shop", "other"] {
        world.ignores(receiver);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_delivery_ticks_the_webhook_off() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    webhook(&world, &world.app, "shop").await;
    let shown = async || owner.get(&world, &at(&world.app, "/first-steps")).await.text();
    world.paid("tea").await;
    assert_eq!(next(&shown().await), Some("webhook"));
    world.advance(0).await;
    assert_eq!(next(&shown().await), Some("live"));
    world.inbox::<1>("shop").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_says_nothing_about_an_address_that_was_saved_meanwhile() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let hook = webhook(&world, &world.app, "shop").await;
    world.receiver("shop", json!({ "delayMs": 2_000 })).await;
    let path = at(&world.app, &format!("/webhooks/{hook}"));
    let target = json!({ "url": format!("{}/_local/receiver/other", world.url) });
    let test = async { world.admin("POST", &format!("{path}/test"), json!({})).await.done(200) };
    let change = async {
        while world.arrivals("shop").await.is_empty() {
            tokio::task::yield_now().await;
        }
        world.admin("PUT", &path, json!({ "target": target, "mode": "test" })).await.done(200)
    };
    let (tested, _) = tokio::join!(test, change);
    assert_eq!(tested["received"], true);
    let page = owner.get(&world, &at(&world.app, "/first-steps")).await.text();
    assert!(!done(&page).contains(&"webhook"), "{page}");
    world.end().await;
}

/// A reader who has put the first steps of some apps away, or brought them back.
fn after(visitor: &Visitor, answer: &Answer) -> Visitor {
    let cookies = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let mut kept = cookies.filter(|cookie| cookie.starts_with("maxpay_steps="));
    let kept = kept.next_back().unwrap().split(';').next().unwrap();
    Visitor { cookie: format!("{}; {kept}", visitor.cookie), csrf: visitor.csrf.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_puts_them_away_reads_nothing_for_them_and_finds_them_again() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let other = world.new_app("other").await;
    let reads = || world.stack.metered().iter().map(|metered| metered.calls).sum::<u64>();
    let overview = at(&world.app, "/overview?mode=test");
    reads();
    let open = owner.get(&world, &overview).await.text();
    let with_guide = reads();
    assert!(open.contains("id=\"first-steps\""), "{open}");
    let away = open.split_once("/preferences?first-steps=away").unwrap().1.split_once('"').unwrap().0;
    let away = format!("/preferences?first-steps=away{}", away.replace("&#38;", "&"));
    let answer = owner.get(&world, &away).await;
    assert_eq!(answer.header("location"), format!("/console{}", at(&world.app, "/overview")));
    let reader = after(&owner, &answer);
    reads();
    let closed = reader.get(&world, &overview).await.text();
    let without = reads();
    assert!(!closed.contains("id=\"first-steps\"") && !closed.contains("/first-steps\""), "{closed}");
    assert!(without < with_guide, "{without} {with_guide}");
    // Other apps keep theirs. The settings lead back to it.
    assert!(reader.get(&world, &at(&other, "/overview")).await.text().contains("id=\"first-steps\""));
    assert!(reader.get(&world, &at(&world.app, "/settings")).await.text().contains("/first-steps\""));
    let page = reader.get(&world, &at(&world.app, "/first-steps")).await.text();
    assert!(page.contains("Show it on the overview"), "{page}");
    let shown = format!("/preferences?first-steps=shown&app={}&back=/console", world.app.app_id);
    let reader = after(&owner, &reader.get(&world, &shown).await);
    assert!(reader.get(&world, &overview).await.text().contains("id=\"first-steps\""));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_the_steps_and_presses_nothing() {
    let world = World::start().await;
    let viewer = hire(&world, "viewer.one", "viewer").await;
    let operator = hire(&world, "operator.one", "operator").await;
    let page = at(&world.app, "/first-steps?mode=test");
    let seen = viewer.get(&world, &page).await.text();
    assert_eq!((done(&seen), next(&seen)), (vec!["keys", "channel"], Some("payment")));
    assert_eq!(offers(&seen), [""; 0]);
    for link in ["/webhooks/new", "/channels/ali?mode=test\">"] {
        assert!(!seen.contains(link), "a viewer is led to {link}");
    }
    assert_eq!(viewer.post(&world, &at(&world.app, "/first-steps/pay"), &[]).await.status, 403);
    let worked = operator.get(&world, &page).await.text();
    assert_eq!(offers(&worked).len(), 1, "{:?}", offers(&worked));
    link(&world, &operator, &world.app).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_test_link_of_this_app_is_shown() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let other = world.new_app("other").await;
    let token = link(&world, &owner, &world.app).await;
    let cut = &token[..token.len() - 4];
    for (app, token) in [(&other, token.as_str()), (&world.app, "nonsense"), (&world.app, cut)] {
        let page = owner.get(&world, &at(app, &format!("/first-steps?pay={token}"))).await;
        assert_eq!(page.status, 200);
        assert!(!page.text().contains("class=\"qr\""), "{token}");
    }
    // A link that has ended makes room for another one.
    world.advance(1_800_000).await;
    let page = owner.get(&world, &at(&world.app, &format!("/first-steps?pay={token}"))).await.text();
    assert!(!page.contains("class=\"qr\"") && page.contains("Make a test payment</button>"), "{page}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_nothing_on_it_says_what_would_be_there_and_leads_on() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let app = world.new_app("bare").await;
    #[rustfmt::skip]
    let pages = [
        ("APP/transactions",                "Each charge appears here",             "APP/first-steps"),
        ("APP/refunds",                     "Refunds appear here",                  "APP/transactions?status=success"),
        ("APP/refunds?status=stuck",        "Look at another state.",               "APP/refunds"),
        ("APP/incidents",                   "appear here, for a person",            "APP/reconciliation"),
        ("APP/incidents?state=handled",     "Look at another state or kind.",       "APP/reconciliation"),
        ("APP/deliveries",                  "Messages that wait or failed appear",  "APP/webhooks"),
        ("APP/webhooks",                    "your system is notified",              "APP/webhooks/new"),
        ("APP/reconciliation",              "Once a channel is set up",             "APP/channels/ali?mode=live"),
        ("/audit?who=nobody",               "are listed here",                      "/audit"),
    ];
    for (page, says, leads_to) in pages {
        let of_app = |text: &str| text.replace("APP", &at(&app, ""));
        let text = owner.get(&world, &of_app(page)).await.text();
        let empty = text.split_once("card empty\">").unwrap_or_else(|| panic!("{page} is not empty: {text}")).1;
        let empty = empty.split_once("</section>").unwrap().0;
        assert!(empty.contains(says), "{page}: {empty}");
        assert!(empty.contains(&format!("href=\"/console{}\"", of_app(leads_to))), "{page}: {empty}");
    }
    world.end().await;
}
