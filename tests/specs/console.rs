//! The console over HTTP: who may sign in, what a form needs, what each role may do, and what every page contains. The stories of
//! people are in `tests/browser`.

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    world::{World, charge_of},
};

/// A user's browser: a cookie, and the token of its forms.
pub(crate) struct Visitor {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub(crate) const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

pub(crate) async fn try_sign_in(world: &World, name: &str, password: &str) -> Answer {
    world.call("POST", "/console/sign-in", &[FORM], form(&[("name", name), ("password", password)])).await
}

impl Visitor {
    pub(crate) async fn sign_in(world: &World, name: &str, password: &str) -> Self {
        let answer = try_sign_in(world, name, password).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        Self::let_in(world, &answer).await
    }

    /// The user of the session in an answer.
    pub(crate) async fn let_in(world: &World, answer: &Answer) -> Self {
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        world.must_stay_secret(cookie.split_once('=').unwrap().1);
        let mut visitor = Self { cookie, csrf: String::new() };
        let page = visitor.get(world, "/account/second-factor").await.text();
        let csrf = page.split_once("name=\"csrf\" value=\"").unwrap().1;
        visitor.csrf = csrf.split_once('"').unwrap().0.to_owned();
        world.must_stay_secret(&visitor.csrf);
        visitor
    }

    pub(crate) async fn owner(world: &World) -> Self {
        Self::sign_in(world, &world.owner.0, &world.owner.1).await
    }

    pub(crate) async fn get(&self, world: &World, page: &str) -> Answer {
        self.get_in(world, "en", page).await
    }

    pub(crate) async fn get_in(&self, world: &World, language: &str, page: &str) -> Answer {
        let headers = [("Cookie", self.cookie.as_str()), ("Accept-Language", language)];
        world.call("GET", &format!("/console{page}"), &headers, "").await
    }

    /// The same user in another zone, in minutes east of Greenwich.
    pub(crate) fn in_zone(&self, minutes: i32) -> Self {
        let cookie = format!("{}; maxpay_view=en.{minutes}.test", self.cookie);
        Self { cookie, csrf: self.csrf.clone() }
    }

    pub(crate) async fn post(&self, world: &World, page: &str, fields: &[(&str, &str)]) -> Answer {
        let fields = [&[("csrf", self.csrf.as_str())], fields].concat();
        let headers = [("Cookie", self.cookie.as_str()), ("Accept-Language", "en"), FORM];
        world.call("POST", &format!("/console{page}"), &headers, form(&fields)).await
    }
}

pub(crate) async fn hire(world: &World, name: &str, role: &str) -> Visitor {
    let password = format!("{name}'s own password");
    let body = json!({ "name": name, "role": role, "password": password });
    world.admin("POST", "/operators", body).await.done(201);
    Visitor::sign_in(world, name, &password).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_anything_before_signing_in() {
    let world = World::start().await;
    let app = format!("/apps/{}", world.app.app_id);
    for page in ["", "/apps", "/operators", "/audit", "/account", "/nowhere", &app, &format!("{app}/transactions")] {
        let answer = world.call("GET", &format!("/console{page}"), &[], "").await;
        assert_eq!(answer.status, 303, "{page}");
        assert!(answer.header("location").starts_with("/console/sign-in?next="), "{page}");
    }
    for page in ["/apps", "/operators", "/sign-out"] {
        assert_eq!(world.call("POST", &format!("/console{page}"), &[FORM], "name=x").await.status, 403, "{page}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_sealed_and_ends_with_the_day() {
    let world = World::start().await;
    let answer = try_sign_in(&world, &world.owner.0, &world.owner.1).await;
    let cookie = answer.header("set-cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("admin"));
    let owner = Visitor::owner(&world).await;
    assert_eq!(owner.get(&world, "/apps").await.status, 200);
    let (name, value) = owner.cookie.split_once('=').unwrap();
    let turned: String = value.chars().rev().collect();
    for forged in ["", "x", &value[..value.len() - 2], &turned, &format!("{value}AA")] {
        let cookie = format!("{name}={forged}");
        let answer = world.call("GET", "/console/apps", &[("Cookie", cookie.as_str())], "").await;
        assert_eq!(answer.status, 303, "{forged}");
    }
    world.advance(12 * 3600 * 1000 - 1).await;
    assert_eq!(owner.get(&world, "/apps").await.status, 200);
    world.advance(1).await;
    assert_eq!(owner.get(&world, "/apps").await.status, 303);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_needs_its_sessions_token_and_comes_from_here() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let other = Visitor::owner(&world).await;
    let post = async |csrf: &str, site: &str| {
        let headers = [("Cookie", owner.cookie.as_str()), FORM, ("Sec-Fetch-Site", site)];
        world.call("POST", "/console/apps", &headers, form(&[("csrf", csrf), ("name", "planted")])).await.status
    };
    assert_eq!(post("", "same-origin").await, 403);
    assert_eq!(post("x", "same-origin").await, 403);
    assert_eq!(post(&other.csrf, "same-origin").await, 403);
    assert_eq!(post(&owner.csrf, "cross-site").await, 403);
    assert_eq!(post(&owner.csrf, "same-site").await, 403);
    assert_eq!(world.admin("GET", "/apps", Value::Null).await.done(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(post(&owner.csrf, "same-origin").await, 201);
    let planted = [FORM, ("Sec-Fetch-Site", "cross-site")];
    let login = form(&[("name", &world.owner.0), ("password", &world.owner.1)]);
    assert_eq!(world.call("POST", "/console/sign-in", &planted, login).await.status, 403, "no sign-in from elsewhere");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_slow_down_alike_for_who_is_there_and_who_is_not() {
    let world = World::start().await;
    for name in ["admin", "nobody"] {
        for _ in 0..5 {
            let refused = try_sign_in(&world, name, "wrong password").await;
            assert!(refused.status == 422 && refused.text().contains("用户名或密码不正确"), "{}", refused.text());
        }
        // Two seconds, then four, for every password.
        for wait in [2, 4] {
            let refused = try_sign_in(&world, name, &world.owner.1).await.text();
            assert!(refused.contains(&format!("请在 {wait} 秒后再试")), "{name} {wait}: {refused}");
            world.advance(wait * 1000).await;
            assert!(try_sign_in(&world, name, "wrong password").await.text().contains("用户名或密码不正确"));
        }
        world.advance(60_000).await;
    }
    // The right password resets the count.
    Visitor::owner(&world).await;
    assert!(try_sign_in(&world, "admin", "wrong password").await.text().contains("用户名或密码不正确"));
    Visitor::owner(&world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_guesses_at_once_few_are_looked_at() {
    let world = World::start().await;
    let guesses = (0..20).map(|_| try_sign_in(&world, "admin", "wrong password"));
    let answers = futures_util::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.text().contains("不正确")).count();
    assert!((1..=5).contains(&looked_at), "{looked_at}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_its_operator_changes() {
    let world = World::start().await;
    let changes =
        [json!({ "password": "another password" }), json!({ "role": "owner" }), json!({ "state": "disabled" })];
    for (number, change) in changes.into_iter().enumerate() {
        let name = format!("someone{number}");
        let visitor = hire(&world, &name, "viewer").await;
        assert_eq!(visitor.get(&world, "/apps").await.status, 200);
        world.admin("PATCH", &format!("/operators/{name}"), change).await.done(200);
        assert_eq!(visitor.get(&world, "/apps").await.status, 303, "{name}");
    }
    let refused = try_sign_in(&world, "someone2", "someone2's own password").await;
    assert_eq!(refused.status, 422, "who is disabled cannot sign in");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changes_ones_own_password_and_nothing_else() {
    let world = World::start().await;
    let viewer = hire(&world, "viewer.one", "viewer").await;
    let old = "viewer.one's own password";
    let post = async |old: &str, new: &str, again: &str| {
        viewer.post(&world, "/account", &[("old", old), ("password", new), ("again", again), ("role", "owner")]).await
    };
    assert!(post("wrong", "a better password", "a better password").await.text().contains("not the current password"));
    assert!(post(old, "a better password", "another").await.text().contains("not the same"));
    assert!(post(old, "short", "short").await.text().contains("Must have 10 to 128 characters"));
    let changed = post(old, "a better password", "a better password").await;
    assert_eq!(changed.status, 303);
    assert_eq!(viewer.get(&world, "/account").await.status, 303, "the old session is over");
    let fresh =
        Visitor { cookie: changed.header("set-cookie").split(';').next().unwrap().to_owned(), csrf: String::new() };
    assert!(fresh.get(&world, "/account").await.text().contains("Viewer"), "and the role is what it was");
    assert_eq!(try_sign_in(&world, "viewer.one", old).await.status, 422);
    Visitor::sign_in(&world, "viewer.one", "a better password").await;
    world.end().await;
}

/// The address of a form, its fields, and whether a viewer, an operator and an owner may send it.
type Action = (&'static str, &'static [(&'static str, &'static str)], [bool; 3]);

/// What each role may do with forms: 403 is a refusal; any other answer means that the role was allowed.
#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_what_it_may() {
    let world = World::start().await;
    let app = format!("/apps/{}", world.app.app_id);
    let id = world.charged("unpaid").await;
    #[rustfmt::skip]
    let actions: &[Action] = &[
        ("/apps",              &[("name", "x")],                                                     [false, false, true]),
        ("APP/name",           &[("name", "x")],                                                     [false, false, true]),
        ("APP/name",           &[("shards", "4")],                                                   [false, false, true]),
        ("APP/keys",           &[("mode", "test"), ("key", "client"), ("grace", "0")],               [false, false, true]),
        ("APP/sessions",       &[("mode", "test"), ("ttl", "60")],                                   [false, true,  true]),
        ("APP/channels/ali?mode=test", &[("mode", "test"), ("do", "save"), ("protocol", "simulator")],   [false, false, true]),
        ("APP/channels/ali?mode=test", &[("mode", "test"), ("do", "check"), ("protocol", "simulator")],  [false, false, true]),
        ("APP/channels/ali?mode=test", &[("mode", "test"), ("do", "delete")],                            [false, false, true]),
        ("/operators",         &[("name", "new.one"), ("role", "viewer"), ("password", "a password of theirs")], [false, false, true]),
        ("/operators/viewer.one", &[("role", "viewer"), ("state", "enabled")],                       [false, false, true]),
    ];
    let visitors = [
        hire(&world, "viewer.one", "viewer").await,
        hire(&world, "operator.one", "operator").await,
        hire(&world, "owner.one", "owner").await,
    ];
    for (page, fields, expect) in actions {
        for (visitor, may) in visitors.iter().zip(expect) {
            let answer = visitor.post(&world, &page.replace("APP", &app), fields).await;
            assert_eq!(answer.status != 403, *may, "{page} {fields:?}: {} {}", answer.status, answer.text());
            assert!(!may || answer.status < 400, "{page}: {}", answer.text());
        }
    }
    // An allowed role gets another error for these: the bill is not paid, the webhook does not exist.
    let (bill, hook) = (format!("APP/transactions/{id}/"), format!("APP/webhooks/{id}"));
    let actions: [(&str, String); 5] = [
        ("do=sync", format!("{bill}sync?mode=test&bill=unpaid")),
        ("do=refund&fee=1", format!("{bill}refund?mode=test&bill=unpaid")),
        ("do=delete", hook.clone()),
        ("event=payment.success", format!("{hook}/test")),
        ("back=/console", format!("APP/deliveries/{id}")),
    ];
    for (fields, page) in actions {
        let fields: Vec<(&str, &str)> = fields.split('&').filter_map(|pair| pair.split_once('=')).collect();
        for (visitor, may) in visitors.iter().zip([false, true, true]) {
            let answer = visitor.post(&world, &page.replace("APP", &app), &fields).await;
            // What does not exist is not found by any role.
            let refused = answer.status == 403 || (page.contains("/test") && answer.status == 404);
            assert!(may || refused, "{page}: {} {}", answer.status, answer.text());
            assert!(!may || answer.status != 403, "{page}: {} {}", answer.status, answer.text());
        }
    }
    for (page, expect) in [
        ("/operators", [403, 403, 200]),
        ("/audit", [403, 403, 200]),
        ("/dead-letters", [403, 403, 200]),
        ("/apps/new", [403, 403, 200]),
    ] {
        for (visitor, status) in visitors.iter().skip(1).zip(&expect[1..]) {
            assert_eq!(visitor.get(&world, page).await.status, *status, "{page}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_guarded_and_escapes_what_merchants_write() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let bill = "<img src=x onerror=1>";
    let charge = crate::world::with(charge_of("ali_qrcode", bill), &json!({ "subject": "<script>alert(1)</script>" }));
    let id = world.charge(&charge).await.ok()["id"].as_str().unwrap().to_owned();
    let app = format!("/apps/{}", world.app.app_id);
    for page in
        [format!("{app}/transactions?mode=test"), format!("{app}/transactions/{id}?mode=test"), "/nowhere".to_owned()]
    {
        let answer = owner.get(&world, &page).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!((answer.header("x-content-type-options"), answer.header("cache-control")), ("nosniff", "no-store"));
        let text = answer.text();
        for wrong in ["<img", "<script>", " style=", " onclick=", "http://", "https://"] {
            assert!(!text.contains(wrong), "{page} has {wrong}");
        }
    }
    let page = owner.get(&world, "/apps").await.text();
    let style =
        page.split_once("rel=\"stylesheet\" href=\"/console/assets/").unwrap().1.split_once('"').unwrap().0.to_owned();
    let asset = world.call("GET", &format!("/console/assets/{style}"), &[], "").await;
    assert!(
        asset.header("cache-control").contains("immutable") && asset.header("content-type").starts_with("text/css")
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_for_one_mode_does_not_save_in_the_other() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let page = format!("/apps/{}/channels/ali?mode=live", world.app.app_id);
    let answer = owner.post(&world, &page, &[("mode", "test"), ("do", "delete")]).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_comes_in_parts_and_no_cell_is_a_formula() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    for bill in ["=1+1", "plain", "a,\"b\""] {
        world.charge(&charge_of("ali_web", bill)).await.ok();
        world.advance(1000).await;
    }
    let app = format!("/apps/{}", world.app.app_id);
    let part = owner.get(&world, &format!("{app}/export/part?mode=test")).await;
    assert!(part.header("content-type").starts_with("text/csv"));
    assert_eq!((part.header("x-rows"), part.header("x-next-cursor")), ("3", ""));
    let text = part.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].contains("Bill number") && lines[0].contains("UTC+08:00"), "{text}");
    assert!(
        lines[1].contains("\"a,\"\"b\"\"\"") && lines[3].contains("\"'=1+1\"") && lines[2].contains("\"99.00\""),
        "{text}"
    );
    world.end().await;
}

/// Whether Excel, WPS or LibreOffice changes such a cell when the file is opened by a double click.
fn is_changed_by_a_spreadsheet(cell: &str) -> bool {
    let is_number = cell.bytes().all(|byte| byte.is_ascii_digit());
    let is_power = cell.split_once(['E', 'e']).is_some_and(|(base, power)| {
        [base, power].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    });
    is_power || is_number && (cell.len() > 15 || cell.starts_with('0') && cell.len() > 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_order_number_survives_a_spreadsheet() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let bills =
        ["20261128220014990001", "000123456789", "1453966991188", "12E5", "=1+1", "a;=1+1", "20261128220014990002"];
    for bill in bills {
        world.charge(&charge_of("ali_web", bill)).await.ok();
    }
    let part = owner.get(&world, &format!("/apps/{}/export/part?mode=test", world.app.app_id)).await.text();
    assert!(part.starts_with('\u{feff}'), "spreadsheets know UTF-8 by it");
    // No cell of these contains a quote or a comma.
    let cell = |line: &str| line.split(',').nth(1).unwrap().trim_matches('"').to_owned();
    let cells: Vec<String> = part.lines().skip(1).map(cell).collect();
    for bill in bills {
        let number = bill.replace('=', "");
        let cell = cells.iter().find(|cell| cell.replace(['\'', '='], "").trim() == number).unwrap();
        assert!(!is_changed_by_a_spreadsheet(cell), "{bill}: {cell:?}");
    }
    for safe in ["'=1+1", "a;'=1+1", "1453966991188"] {
        assert!(cells.iter().any(|cell| cell == safe), "{safe}: {cells:?}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn extras_of_before_that_are_nested_deep_break_no_page_and_no_action() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let id = world.charged("deep").await;
    // Earlier versions accepted 127 levels.
    let deep = format!("{}1{}", "{\"a\":".repeat(127), "}".repeat(127));
    let mut tables = world.stack.export().await.unwrap();
    let items = tables["TransactionsTable"].as_array_mut().unwrap();
    let row = items.iter_mut().find(|item| item["id"]["S"] == id.as_str()).unwrap();
    row["extras"] = json!({ "S": deep });
    let row = row.clone();
    world.stack.import(&json!({ "TransactionsTable": [row] })).await.unwrap();
    let page = format!("/apps/{}/transactions/{id}", world.app.app_id);
    assert_eq!(owner.get(&world, &format!("{page}?mode=test")).await.status, 200);
    for action in ["sync", "close"] {
        let answer = owner.post(&world, &format!("{page}/{action}?mode=test"), &[]).await;
        assert_eq!(answer.status, 303, "{action}: {}", answer.text());
    }
    // Its records have more levels than a JSON reader accepts.
    let records = world.records(&json!({ "billNum": "deep" })).await.text();
    assert!(records.contains("\"status\":\"closed\""), "{records}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_asks_closes_and_refunds_over_the_api() {
    let world = World::start().await;
    let path = |id: &str, action: &str| format!("/apps/{}/transactions/{id}/{action}?mode=test", world.app.app_id);
    let id = world.paid("paid").await;
    let asked = world.admin("POST", &path(&id, "sync"), json!({})).await.done(200);
    assert_eq!(asked["transaction"]["status"], "success");
    world.admin("POST", &path(&id, "close"), json!({})).await.problem(409, "paid");
    world.admin("POST", &path(&id, "refund"), json!({ "refundFee": 9901 })).await.problem(400, "refundFee");
    let part = json!({ "refundNum": "r-1", "refundFee": 900, "reason": "one cup less" });
    let refunded = world.admin("POST", &path(&id, "refund"), part.clone()).await.done(200);
    assert_eq!((&refunded["refundFee"], &refunded["billNum"]), (&json!(900), &json!("paid")));
    assert_eq!(world.admin("POST", &path(&id, "refund"), part).await.done(200)["refundNum"], "r-1", "twice is once");
    let shown = world.admin("GET", &path(&id, "").replace("/?", "?"), Value::Null).await.done(200);
    assert_eq!((&shown["refundedFee"], shown["refunds"].as_array().unwrap().len()), (&json!(900), 1));
    let open = world.charged("open").await;
    assert_eq!(world.admin("POST", &path(&open, "close"), json!({})).await.done(200)["status"], "closed");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_switch_changes_the_mode_of_every_page_and_an_address_keeps_its_own() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let id = world.charged("one").await;
    let app = format!("/apps/{}", world.app.app_id);
    for page in [
        "/overview?days=7",
        "/find?mode=test&q=on",
        "/export?mode=test",
        "/channels/ali?mode=test",
        "/incidents?mode=test",
        "/settings?mode=test",
        &format!("/transactions/{id}?mode=test&bill=one"),
    ] {
        let shown = owner.get(&world, &format!("{app}{page}")).await;
        if page.contains("mode=test") {
            assert!(shown.header("set-cookie").starts_with("maxpay_view=en.480.test;"), "{page}");
        }
        let text = shown.text();
        let switch = text.split_once("mode=live&#38;back=").or_else(|| text.split_once("mode=live&amp;back="));
        let switch = switch.unwrap_or_else(|| panic!("no switch in {page}: {text}")).1.split_once('"').unwrap().0;
        let switched = owner.get(&world, &format!("/preferences?mode=live&back={switch}")).await;
        let location = switched.header("location").to_owned();
        assert!(location.contains("mode=live") && !location.contains("mode=test"), "{page}: {location}");
        let live = owner.get(&world, location.strip_prefix("/console").unwrap()).await;
        assert_eq!(live.status, 200, "{page}: {location}");
        assert!(live.text().contains("aria-current=\"true\">Live<"), "{page}");
    }
    world.end().await;
}
