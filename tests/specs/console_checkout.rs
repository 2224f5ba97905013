//! Payment links, the look of the checkout's page, and WeChat's verification files, in the console and over the operator API.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    checkout::{PHONE, visit},
    console::{Visitor, hire},
    world::World,
};

/// A text between two others in a page.
fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}")).1.split_once(after).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_makes_a_payment_link_and_a_payer_opens_it() {
    let world = World::start().await;
    let operator = hire(&world, "operator.one", "operator").await;
    let page = format!("/apps/{}/checkout", world.app.app_id);
    let shown = operator.get(&world, &format!("{page}?mode=test")).await.text();
    assert!(shown.contains("New payment link") && !shown.contains("Look of the page"), "{shown}");
    let fields = [
        ("fee", "99.00"),
        ("subject", "A cup of tea"),
        ("expires", "1800"),
        ("billNum", ""),
        ("returnUrl", "https://shop.example/back"),
    ];
    let made = operator.post(&world, &format!("{page}/link?mode=test"), &fields).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let text = made.text();
    let url = between(&text, "id=\"url\" data-copy>", "</code>");
    assert!(text.contains("<svg class=\"qr\"") && text.contains("link-"), "{text}");
    let path = url.strip_prefix(&world.url).unwrap();
    let checkout = visit(&world, path, PHONE).await;
    assert_eq!(checkout.status, 200);
    assert!(checkout.text().contains("99.00") && checkout.text().contains("A cup of tea"), "{}", checkout.text());

    for (field, wrong, said) in [
        ("fee", "much", "An amount such as 12.50"),
        ("returnUrl", "javascript:x", "Must be an http or https URL"),
        ("subject", " ", "required"),
    ] {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| (*name, if *name == field { wrong } else { value })).collect();
        let refused = operator.post(&world, &format!("{page}/link?mode=test"), &fields).await;
        assert_eq!(refused.status, 422, "{field}");
        let text = refused.text();
        assert!(text.contains(&format!("id=\"{field}-problem\"")), "{field}: {text}");
        assert!(text.to_lowercase().contains(&said.to_lowercase()), "{field}: {text}");
    }
    let viewer = hire(&world, "viewer.one", "viewer").await;
    assert!(viewer.get(&world, &page).await.text().contains("Only operators and owners can do this."));
    assert_eq!(viewer.post(&world, &format!("{page}/link?mode=test"), &fields).await.status, 403);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_link_has_a_bill_of_its_own_or_the_one_that_is_named() {
    let world = World::start().await;
    let path = format!("/apps/{}/checkouts?mode=test", world.app.app_id);
    let body = json!({ "totalFee": 9900, "subject": "A cup of tea", "returnUrl": "https://shop.example/back" });
    let make = async |more: Value| {
        let body = crate::world::with(body.clone(), &more);
        world.admin("POST", &path, body).await
    };
    let (one, other) = (make(json!({})).await.done(201), make(json!({})).await.done(201));
    assert_ne!((&one["billNum"], &one["url"]), (&other["billNum"], &other["url"]));
    let named = make(json!({ "billNum": "paid-by-hand" })).await.done(201);
    assert_eq!(named["billNum"], "paid-by-hand");
    assert_eq!(make(json!({ "billNum": "paid-by-hand" })).await.done(201)["url"], named["url"]);
    world.paid("1").await;
    make(json!({ "billNum": "1" })).await.problem(409, "billNum");
    make(json!({ "expiresIn": 1 })).await.problem(400, "expiresIn");
    let bare = world.new_app("bare").await;
    let elsewhere = format!("/apps/{}/checkouts?mode=test", bare.app_id);
    world.admin("POST", &elsewhere, body.clone()).await.problem(409, "channel that a checkout could offer");
    world.admin("POST", &format!("/apps/{}/checkouts", world.app.app_id), body.clone()).await.problem(400, "mode");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_gives_the_page_its_look_and_saves_a_verification_file() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let page = format!("/apps/{}/checkout", world.app.app_id);
    let look = [("name", "茶馆"), ("color", "#1677ff"), ("frameOrigins", "https://shop.example\r\nhttps://a.example")];
    assert_eq!(owner.post(&world, &format!("{page}/look"), &look).await.status, 303);
    let logo = STANDARD.encode("<svg xmlns=\"http://www.w3.org/2000/svg\"><path d=\"M0 0h1v1z\"/></svg>");
    assert_eq!(owner.post(&world, &format!("{page}/logo"), &[("logo", &logo)]).await.status, 303);
    let kept = world.admin("GET", &page, Value::Null).await.done(200);
    assert_eq!(
        kept,
        json!({ "name": "茶馆", "color": "#1677ff", "frameOrigins": ["https://shop.example", "https://a.example"], "logo": "image/svg+xml" })
    );
    let shown = owner.get(&world, &page).await.text();
    assert!(shown.contains("value=\"茶馆\"") && shown.contains("image/svg+xml"), "{shown}");
    for (action, field, wrong, said) in [
        ("look", "color", "red", "#1677ff"),
        ("look", "frameOrigins", "shop.example", "https://shop.example"),
        ("logo", "logo", "GIF89a", "SVG or a PNG"),
        ("file", "file", "robots.txt", "MP_verify_"),
    ] {
        let refused = owner.post(&world, &format!("{page}/{action}"), &[(field, wrong)]).await;
        assert_eq!(refused.status, 422, "{action}");
        let text = refused.text();
        assert!(text.contains(&format!("id=\"{field}-problem\"")) && text.contains(said), "{action}: {text}");
    }
    assert_eq!(owner.post(&world, &format!("{page}/logo"), &[("remove", "1")]).await.status, 303);
    assert_eq!(world.admin("GET", &page, Value::Null).await.done(200)["logo"], Value::Null);

    // The content of the file is a part of its name.
    let file = STANDARD.encode("AbCdEf0123456789");
    assert_eq!(owner.post(&world, &format!("{page}/file"), &[("file", &file)]).await.status, 303);
    let name = "MP_verify_AbCdEf0123456789.txt";
    assert!(owner.get(&world, &page).await.text().contains(name));
    assert_eq!(world.call("GET", &format!("/{name}"), &[], "").await.text(), "AbCdEf0123456789");
    assert_eq!(owner.post(&world, &format!("{page}/remove-file"), &[("file", name)]).await.status, 303);
    assert_eq!(world.call("GET", &format!("/{name}"), &[], "").await.status, 404);
    let operator = hire(&world, "operator.one", "operator").await;
    assert_eq!(operator.post(&world, &format!("{page}/look"), &look).await.status, 403);
    world.end().await;
}
