//! Pages of the console over HTTP: lists, hints for browsers, and the actions offered to each role.

use serde_json::json;

use crate::{
    console::{Visitor, hire},
    world::{World, charge_of, with},
};

#[tokio::test(flavor = "multi_thread")]
async fn apps_are_listed_page_by_page_and_found_by_name_or_id() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    for number in 0..120 {
        let made = world.admin("POST", "/apps", json!({ "name": format!("Shop {number:03}") })).await.done(201);
        for mode in ["live", "test"] {
            for key in ["clientKey", "masterKey"] {
                world.must_stay_secret(made[mode][key].as_str().unwrap());
            }
        }
    }
    let mut names = std::collections::BTreeSet::new();
    let (mut page, mut pages) = ("/apps".to_owned(), 0);
    loop {
        let text = owner.get(&world, &page).await.text();
        let rows = text.split("<tbody>").nth(1).unwrap().split("<b>").skip(1);
        names.extend(rows.map(|row| row.split_once("</b>").unwrap().0.to_owned()));
        let switcher = text.split_once("menu-body").unwrap().1.split_once("menu-foot").unwrap().0;
        assert_eq!(switcher.matches("<a ").count(), 20 + 1, "twenty, and the way to all of them");
        pages += 1;
        let Some((_, next)) = text.split_once("rel=\"next\" href=\"/console") else { break };
        page = next.split_once('"').unwrap().0.replace("&amp;", "&").replace("&#38;", "&");
    }
    assert_eq!((pages, names.len()), (3, 121));
    let found = owner.get(&world, "/apps?q=shop+077").await.text();
    assert!(found.contains("Shop 077") && !found.contains("Shop 076</b>"), "{found}");
    let id = &world.app.app_id;
    assert!(owner.get(&world, &format!("/apps?q={id}")).await.text().contains("<b>demo</b>"));
    assert!(owner.get(&world, "/apps?q=nobody").await.text().contains("No app matches"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_get_the_sign_they_ask_for() {
    let world = World::start().await;
    let icon = world.call("GET", "/favicon.ico", &[], "").await;
    assert_eq!((icon.status, icon.header("content-type")), (200, "image/svg+xml"));
    world.end().await;
}

/// The changes that a page offers: the address of each form with a button.
pub(crate) fn offers(page: &str) -> Vec<String> {
    let main = page.split_once("<main").unwrap().1;
    let forms = main.split("<form").skip(1).map(|form| form.split_once("</form>").unwrap().0);
    let posts = forms.filter(|form| form.contains("method=\"post\"") && form.contains("<button"));
    let action = |form: &str| {
        form.split_once("action=\"").map_or("", |(_, action)| action.split_once('"').unwrap().0).to_owned()
    };
    posts.map(action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_offered_what_they_may_not() {
    let world = World::start().await;
    world.receiver("broken", json!({ "status": 500 })).await;
    world.webhook_to("broken", &json!({})).await;
    let id = world.paid("paid").await;
    let open = world.charged("open").await;
    let trade = world.trade(&open).await;
    world.post_form(trade["notifyUrl"].as_str().unwrap(), "sign=AAAA&sign_type=RSA2").await;
    world.advance(1000).await;
    let (viewer, operator) =
        (hire(&world, "viewer.one", "viewer").await, hire(&world, "operator.one", "operator").await);
    let app = format!("/apps/{}", world.app.app_id);
    let pages = [
        "/apps".to_owned(),
        format!("{app}/overview?mode=test"),
        format!("{app}/transactions?mode=test"),
        format!("{app}/refunds?mode=test"),
        format!("{app}/export?mode=test"),
        format!("{app}/statement?mode=test"),
        format!("{app}/transactions/{id}?mode=test"),
        format!("{app}/transactions/{open}?mode=test"),
        format!("{app}/deliveries?mode=test"),
        format!("{app}/incidents?mode=test"),
        format!("{app}/webhooks?mode=test"),
        format!("{app}/channels/ali?mode=test"),
        format!("{app}/checkout?mode=test"),
        format!("{app}/settings?mode=test"),
        format!("{app}/first-steps?mode=test"),
    ];
    let mut offered = 0;
    for page in &pages {
        let (seen, worked) = (viewer.get(&world, page).await, operator.get(&world, page).await);
        assert_eq!((seen.status, worked.status), (200, 200), "{page}");
        let seen = seen.text();
        assert_eq!(offers(&seen), [""; 0], "{page} offers a viewer something");
        for link in ["/apps/new", "/webhooks/new", "/operators\"", "/audit\""] {
            assert!(!seen.contains(link), "{page} leads a viewer to {link}");
        }
        let worked = offers(&worked.text());
        offered += worked.len();
        for owners in ["/name", "/keys", "/channels"] {
            assert!(!worked.iter().any(|action| action.is_empty() || action.ends_with(owners)), "{page}: {worked:?}");
        }
    }
    assert!(offered >= 8, "an operator is offered what they may: {offered}");
    world.ignores("broken");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_says_who_names_prices() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let path = format!("/apps/{}", world.app.app_id);
    let switches = [("clientsNamePrices", "false"), ("refundDuplicates", "true")];
    assert_eq!(owner.post(&world, &format!("{path}/name"), &switches).await.status, 303);
    let shown = world.admin("GET", &path, serde_json::Value::Null).await.done(200);
    assert_eq!((&shown["clientsNamePrices"], &shown["refundDuplicates"]), (&json!(false), &json!(true)));
    let page = owner.get(&world, &format!("{path}/settings")).await.text();
    assert!(page.contains(r#"<option value="false" selected>"#), "{page}");
    world.end().await;
}

/// The address of the link with this relation, if the page has one.
pub(crate) fn link(page: &str, relation: &str) -> Option<String> {
    let (_, link) = page.split_once(&format!("rel=\"{relation}\" href=\"/console"))?;
    Some(link.split_once('"').unwrap().0.replace("&#38;", "&"))
}

/// The bills on a page, and what it says about how many there are.
fn listed(page: &str) -> (Vec<String>, String) {
    let rows = page.split_once("<tbody>").unwrap().1.split("<b>").skip(1);
    let bills = rows.map(|row| row.split_once("</b>").unwrap().0.to_owned()).collect();
    let rows = page.split_once("class=\"rows\">").unwrap().1;
    (bills, rows.split_once('<').unwrap().0.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_goes_on_and_back_and_says_how_many() {
    let world = World::start().await;
    for number in 0..60 {
        world.charge(&charge_of("ali_web", &format!("b-{number:02}"))).await.ok();
        world.advance(1).await;
    }
    let owner = Visitor::owner(&world).await;
    let first = format!("/apps/{}/transactions?mode=test", world.app.app_id);
    let (mut page, mut seen) = (owner.get(&world, &first).await.text(), Vec::new());
    loop {
        seen.push(listed(&page));
        let Some(next) = link(&page, "next") else { break };
        page = owner.get(&world, &next).await.text();
    }
    let said: Vec<&str> = seen.iter().map(|(_, rows)| rows.as_str()).collect();
    assert_eq!(said, ["1–25 of 60", "26–50 of 60", "51–60 of 60"]);
    // A payment that arrives meanwhile moves nothing.
    world.charged("late").await;
    for before in seen.iter().rev().skip(1) {
        page = owner.get(&world, &link(&page, "prev").unwrap()).await.text();
        let bills = listed(&page).0;
        let is_first = before.1.starts_with("1–");
        assert_eq!(&bills[usize::from(is_first)..], &before.0[..25 - usize::from(is_first)], "{}", before.1);
    }
    assert_eq!((link(&page, "prev"), &listed(&page).0[0]), (None, &"late".to_owned()));
    // One page is whole, and says so. What an address makes up costs nothing but a wrong number.
    let few = owner.get(&world, &format!("{first}&status=created&channel=ali_qrcode")).await.text();
    assert_eq!(listed(&few).1, "1–1 of 1");
    let made_up = owner.get(&world, &format!("{first}&row=x&trail=!!::!&cursor=")).await;
    assert_eq!(made_up.status, 200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_counted_to_their_end_although_an_answer_of_the_table_has_a_megabyte() {
    let world = World::start().await;
    let long = json!({ "extras": { "note": "x".repeat(8000) } });
    for number in 0..150 {
        world.charge(&with(charge_of("ali_web", &format!("b-{number:03}")), &long)).await.ok();
        world.advance(1).await;
    }
    let owner = Visitor::owner(&world).await;
    let page = owner.get(&world, &format!("/apps/{}/transactions?mode=test", world.app.app_id)).await.text();
    assert_eq!(listed(&page).1, "1–25 of 150");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_warned_of_when_a_webhook_is_saved() {
    let world = World::start().await;
    let path = format!("/apps/{}/webhooks", world.app.app_id);
    let body = |url: &str| json!({ "target": { "url": url }, "mode": "test", "events": ["payment.success"] });
    let private = world.admin("POST", &path, body("https://10.0.0.7/paid")).await.done(201);
    world.must_stay_secret(private["secret"].as_str().unwrap());
    assert_eq!(
        (&private["warning"], &private["code"], &private["params"]),
        (&json!("10.0.0.7 is not a public address"), &json!("closed-address"), &json!({ "address": "10.0.0.7" }))
    );
    let id = private["id"].as_str().unwrap();
    let public = world.admin("PUT", &format!("{path}/{id}"), body("https://8.8.8.8/paid")).await.done(200);
    assert!(public.get("warning").is_none(), "{public}");
    let owner = Visitor::owner(&world).await;
    let form = |url| [("kind", "url"), ("url", url), ("headers", ""), ("mode", "test"), ("event", "payment.success")];
    let made = owner.post(&world, &path, &form("http://192.168.1.5/hook")).await;
    assert_eq!(made.status, 201);
    let made = made.text();
    assert!(made.contains("192.168.1.5 is not a public address. Nothing is sent there."), "{made}");
    world.must_stay_secret(made.split_once("whsec_").map(|(_, rest)| rest.split_once('<').unwrap().0).unwrap());
    let list = owner.get_in(&world, "zh", &path).await.text();
    assert!(list.contains("192.168.1.5 不是公网地址，通知不会发往那里。"), "{list}");
    assert_eq!(list.matches("不是公网地址").count(), 1);
    world.end().await;
}

/// The page of a refused action shows what the action found out, and the problem at its own field.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_action_shows_the_payment_as_it_is_now() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let id = world.charged("late").await;
    world.play(&id, "pay", json!({ "notify": false })).await;
    let page = |action: &str| format!("/apps/{}/transactions/{id}/{action}?mode=test&bill=late", world.app.app_id);
    let closed = owner.post(&world, &page("close"), &[]).await;
    let shown = closed.text();
    assert!(closed.status == 422 && shown.contains("status success") && !shown.contains("/close?"), "{shown}");

    let long = "x".repeat(81);
    let refused = owner.post(&world, &page("refund"), &[("num", "R1"), ("fee", "1"), ("reason", &long)]).await;
    let shown = refused.text();
    assert!(
        refused.status == 422 && shown.contains("id=\"reason-problem\"") && !shown.contains("id=\"fee-problem\""),
        "{shown}"
    );
    // A cell of a spreadsheet brings its tab along.
    owner.post(&world, &page("refund"), &[("num", "R1"), ("fee", "1"), ("reason", "sold\tout")]).await;
    assert_eq!(crate::refunds::found(&world, "R1").await["reason"], "sold out");
    for (wrong, field) in [
        (json!({ "refundNum": "bad num", "refundFee": 1 }), "refundNum"),
        (json!({ "refundNum": "twice-1", "refundFee": 1 }), "refundNum"),
        (json!({ "refundNum": "R2", "refundFee": 1, "reason": "\t" }), "reason"),
        (json!({ "refundNum": "R2", "refundFee": 0 }), "refundFee"),
        (json!({ "refundNum": "R2", "refundFee": 9900 }), "refundFee"),
    ] {
        let path = format!("/apps/{}/transactions/{id}/refund?mode=test&billNum=late", world.app.app_id);
        world.admin("POST", &path, wrong).await.problem(400, field);
    }
    world.admin("PATCH", &format!("/apps/{}", world.app.app_id), json!({ "operatorRefundsPerDay": -5 })).await;
    let audit = owner.get(&world, "/audit").await.text();
    assert!(audit.contains("-5") && !audit.contains("clientsNamePrices"), "what was not asked for did not change");
    world.end().await;
}
