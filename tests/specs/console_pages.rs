//! Pages of the console over HTTP: lists, hints for browsers, and the actions offered to each role.

use serde_json::json;

use crate::{
    console::{Visitor, hire},
    world::World,
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
fn offers(page: &str) -> Vec<String> {
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
        format!("{app}/export?mode=test"),
        format!("{app}/transactions/{id}?mode=test"),
        format!("{app}/transactions/{open}?mode=test"),
        format!("{app}/deliveries?mode=test"),
        format!("{app}/incidents?mode=test"),
        format!("{app}/webhooks?mode=test"),
        format!("{app}/channels/ali?mode=test"),
        format!("{app}/checkout?mode=test"),
        format!("{app}/settings?mode=test"),
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
