//! Two-step sign-in: a code in addition to the password, recovery codes, and owners who require it.

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    console::{FORM, Visitor, form, hire, try_sign_in},
    world::{START_MS, World},
};

const PAGE: &str = "/account/second-factor";
const STEP_MS: i64 = 30_000;

/// The code of an authenticator app, `after_ms` after the start of the world.
fn code(secret: &str, after_ms: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build_noncompliant();
    totp.generate(u64::try_from((START_MS + after_ms) / 1000).unwrap()).to_string()
}

fn hidden(page: &str, name: &str) -> String {
    let (_, rest) =
        page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name}: {page}"));
    rest.split_once('"').unwrap().0.to_owned()
}

/// Sets up a second factor. Returns the secret, the recovery codes, and the visitor who continues.
async fn enrol(world: &World, visitor: &Visitor, password: &str, after_ms: i64) -> (String, Vec<String>, Visitor) {
    let page = visitor.get(world, PAGE).await.text();
    let secret = hidden(&page, "secret");
    world.must_stay_secret(&secret);
    assert!(page.contains("<svg class=\"qr\"") && page.contains("<path d=\"M4 4h1v1h-1z"), "{page}");
    let code = code(&secret, after_ms);
    let fields = [("do", "enrol"), ("secret", secret.as_str()), ("code", code.as_str()), ("old", password)];
    let answer = visitor.post(world, PAGE, &fields).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    let codes: Vec<String> =
        text.split("data-copy>").skip(1).map(|code| code.split_once('<').unwrap().0.to_owned()).collect();
    assert_eq!(codes.len(), 10);
    for code in &codes {
        assert_eq!(code.len(), 19, "{code}");
        world.must_stay_secret(code);
    }
    (secret, codes, Visitor::let_in(world, &answer).await)
}

/// Sends the password. Returns the ticket for the code.
async fn ticket(world: &World, name: &str, password: &str) -> String {
    let asked = try_sign_in(world, name, password).await;
    assert_eq!((asked.status, asked.headers.get("set-cookie")), (200, None), "{}", asked.text());
    let ticket = hidden(&asked.text(), "ticket");
    world.must_stay_secret(&ticket);
    ticket
}

async fn say(world: &World, ticket: &str, code: &str, cookie: &str) -> Answer {
    let fields = form(&[("ticket", ticket), ("code", code), ("next", "/console/apps")]);
    world.call("POST", "/console/sign-in/code", &[FORM, ("Cookie", cookie), ("Accept-Language", "en")], fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_asked_for_beside_the_password_and_counts_once() {
    let world = World::start().await;
    let password = world.owner.1.clone();
    let owner = Visitor::owner(&world).await;
    let (secret, _, fresh) = enrol(&world, &owner, &password, 0).await;
    assert_eq!(owner.get(&world, "/apps").await.status, 303, "sessions of before are over");
    assert_eq!(fresh.get(&world, "/apps").await.status, 200);

    let first = ticket(&world, "admin", &password).await;
    assert_eq!(say(&world, &first, "000000", "").await.status, 422);
    assert_eq!(say(&world, &first, &code(&secret, 0), "").await.status, 422, "the one it was set up with is spent");
    assert_eq!(say(&world, &first, &code(&secret, -STEP_MS), "").await.status, 422, "and so are those before it");
    world.advance(STEP_MS).await;
    let in_time = code(&secret, STEP_MS);
    let answer = say(&world, &first, &format!(" {} {}", &in_time[..3], &in_time[3..]), "").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/console/apps"));
    assert_eq!(say(&world, &first, &in_time, "").await.status, 422, "nobody takes it twice");
    world.advance(60 * STEP_MS).await;
    assert_eq!(say(&world, &first, &code(&secret, 61 * STEP_MS), "").await.status, 403, "a ticket lasts five minutes");
    assert_eq!(say(&world, "forged", &code(&secret, 61 * STEP_MS), "").await.status, 403);
    let second = ticket(&world, "admin", &password).await;
    let at_once = [code(&secret, 61 * STEP_MS), code(&secret, 61 * STEP_MS)];
    let answers = futures_util::future::join_all(at_once.iter().map(|code| say(&world, &second, code, ""))).await;
    assert!(answers.iter().filter(|answer| answer.status == 303).count() <= 1, "of two at once one at the most");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_lets_in_once() {
    let world = World::start().await;
    let password = world.owner.1.clone();
    let (_, codes, _) = enrol(&world, &Visitor::owner(&world).await, &password, 0).await;
    let asked = ticket(&world, "admin", &password).await;
    let answer = say(&world, &asked, &codes[3].to_uppercase(), "").await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(say(&world, &asked, &codes[3], "").await.status, 422);
    assert_eq!(say(&world, &asked, &codes[4].replace('-', ""), "").await.status, 303);
    let log = world.admin("GET", "/audit", Value::Null).await;
    assert!(log.text().contains("sign in by recovery code") && log.text().contains("enter code"));
    for code in &codes {
        assert!(!log.text().contains(code.as_str()));
    }
    let page = Visitor::let_in(&world, &answer).await.get(&world, PAGE).await.text();
    assert!(page.contains("Recovery codes left: 8"), "{page}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_guessed_as_slowly_as_passwords_and_by_all_strangers_together() {
    let world = World::start().await;
    let password = world.owner.1.clone();
    let (secret, _, _) = enrol(&world, &Visitor::owner(&world).await, &password, 0).await;
    world.advance(STEP_MS).await;
    let asked = ticket(&world, "admin", &password).await;
    let let_in = say(&world, &asked, &code(&secret, STEP_MS), "").await;
    let cookies = let_in.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let known = { cookies }.find(|cookie| cookie.contains("_known_")).unwrap().split(';').next().unwrap().to_owned();
    let mut after_ms = STEP_MS;
    let (mut refused, mut asked) = (0, String::new());
    // Repeating the password also counts. Otherwise it would allow unlimited guesses at codes.
    for minute in 0..25 {
        if minute % 5 == 0 {
            asked = ticket(&world, "admin", &password).await;
        } else {
            refused += usize::from(say(&world, &asked, "000000", "").await.text().contains("was already used"));
        }
        world.advance(60_000).await;
        after_ms += 60_000;
    }
    assert!((4..=10).contains(&refused), "ten codes an hour are looked at, at the most: {refused}");
    let again = form(&[("name", "admin"), ("password", &password)]);
    let headers = [FORM, ("Cookie", known.as_str()), ("Accept-Language", "en")];
    let asked = world.call("POST", "/console/sign-in", &headers, again).await;
    let answer = say(&world, &hidden(&asked.text(), "ticket"), &code(&secret, after_ms), &known).await;
    assert_eq!(answer.status, 303, "the owner's own browser is not held up: {}", answer.text());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_it_up_and_switching_it_off_takes_the_present_password() {
    let world = World::start().await;
    let password = world.owner.1.clone();
    let owner = Visitor::owner(&world).await;
    let secret = hidden(&owner.get(&world, PAGE).await.text(), "secret");
    let right = code(&secret, 0);
    let cases = [
        (secret.as_str(), "000000", password.as_str(), "not the code that the authenticator app shows now"),
        (secret.as_str(), right.as_str(), "wrong", "not the current password"),
        ("short", right.as_str(), password.as_str(), "20 bytes in base32"),
    ];
    for (secret, code, old, said) in cases {
        let fields = [("do", "enrol"), ("secret", secret), ("code", code), ("old", old)];
        let answer = owner.post(&world, PAGE, &fields).await;
        assert!(answer.status >= 400 && answer.text().contains(said), "{said}: {}", answer.text());
    }
    let (_, _, owner) = enrol(&world, &owner, &password, 0).await;
    assert!(owner.post(&world, PAGE, &[("do", "off"), ("old", "x")]).await.text().contains("not the current password"));
    assert_eq!(owner.post(&world, "/operators/admin/second-factor", &[]).await.status, 400, "by whatever form");
    let off = owner.post(&world, PAGE, &[("do", "off"), ("old", &password)]).await;
    assert_eq!(off.status, 303, "{}", off.text());
    assert_eq!(try_sign_in(&world, "admin", &password).await.status, 303);
    let path = "/operators/admin/second-factor";
    world.admin("PUT", path, json!({ "secret": secret, "code": right })).await.problem(409, "console");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_demands_it_and_resets_it_for_others() {
    let world = World::start().await;
    let viewer = hire(&world, "viewer.one", "viewer").await;
    let path = "/operators/viewer.one/second-factor";
    assert_eq!(world.admin("GET", "/sign-in", Value::Null).await.done(200)["secondFactor"], "optional");
    world.admin("PUT", "/sign-in", json!({ "secondFactor": "perhaps" })).await.problem(400, "secondFactor");
    assert_eq!(viewer.post(&world, "/sign-in-rules", &[("second_factor", "demanded")]).await.status, 403);
    world.admin("PUT", "/sign-in", json!({ "secondFactor": "demanded" })).await.done(200);
    let app = format!("/apps/{}/transactions", world.app.app_id);
    for page in ["", "/apps", "/account", app.as_str()] {
        let sent = viewer.get(&world, page).await;
        assert_eq!((sent.status, sent.header("location")), (303, "/console/account/second-factor"), "{page}");
    }
    assert_eq!(viewer.post(&world, "/account", &[("old", "x")]).await.status, 403);
    assert!(!viewer.get(&world, PAGE).await.text().contains("demo"), "nothing is shown before");
    let (_, _, viewer) = enrol(&world, &viewer, "viewer.one's own password", 0).await;
    assert_eq!(viewer.get(&world, "/apps").await.status, 200);
    let listed = world.admin("GET", "/operators", Value::Null).await.done(200)["items"].clone();
    assert_eq!((&listed[0]["secondFactor"], &listed[1]["secondFactor"]), (&json!("off"), &json!("on")));
    assert_eq!(world.admin("DELETE", path, Value::Null).await.done(200)["secondFactor"], "off");
    assert_eq!(viewer.get(&world, "/apps").await.status, 303, "the sessions are over");
    world.admin("DELETE", "/operators/nobody/second-factor", Value::Null).await.problem(404, "operator");
    let viewer = Visitor::sign_in(&world, "viewer.one", "viewer.one's own password").await;
    assert_eq!(viewer.post(&world, "/sign-out", &[]).await.status, 303, "signing out is never refused");
    world.end().await;
}
