//! The page of a checkout: what it offers where, how it looks, what its headers allow, and whom its token lets in.

use serde_json::{Value, json};

use crate::{
    checkout::{
        ALIPAY, DESKTOP, PHONE, UNIONPAY, WECHAT, checkout_of, choose, made, offered, path_of, records_of, visit,
    },
    world::{MINUTE_MS, World, with},
};

#[tokio::test(flavor = "multi_thread")]
async fn each_place_is_offered_what_works_there() {
    let world = World::start().await;
    let all = ["ali_app", "ali_web", "ali_wap", "wx_native", "wx_h5", "unipay_web"];
    let path = made(&world, &with(checkout_of("1"), &json!({ "channels": all }))).await;
    let cases: [(&str, &[&str]); 4] = [
        (DESKTOP, &["wx_native", "ali_web", "unipay_web"]),
        (PHONE, &["ali_wap", "wx_h5", "unipay_web"]),
        (ALIPAY, &["ali_app"]),
        (UNIONPAY, &["unipay_web"]),
    ];
    for (agent, expect) in cases {
        let page = visit(&world, &path, agent).await;
        assert_eq!(page.status, 200);
        assert_eq!(offered(&page), expect, "{agent}");
        assert_eq!(page.text().contains("<svg"), agent == DESKTOP, "{agent}");
        assert!(page.text().contains("99.00") && page.text().contains("A cup of tea"), "{}", page.text());
    }
    // WeChat's own browser takes no code that is shown in it, and blocks the others' pages.
    let inside = visit(&world, &path, WECHAT).await;
    assert!(!inside.text().contains("<svg") && !inside.text().contains("ali_wap"), "{}", inside.text());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_small_asks_nobody_else_and_speaks_both_languages() {
    let world = World::start().await;
    let path = made(&world, &with(checkout_of("1"), &json!({ "subject": "<b>\"tea\"</b>" }))).await;
    let page = visit(&world, &path, DESKTOP).await;
    let text = page.text();
    assert!(text.len() < 40_000, "{}", text.len());
    assert!(text.contains("lang=\"zh-CN\"") && text.contains("选择支付方式"), "{text}");
    for foreign in ["src=", "<link", "@import", "url(", "<b>"] {
        assert!(!text.contains(foreign), "{foreign}");
    }
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "connect-src 'self'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("referrer-policy"), "strict-origin-when-cross-origin");
    assert_eq!(page.header("cache-control"), "no-store");
    let english = world.call("GET", &path, &[("Accept-Language", "en-GB,en;q=0.8")], "").await.text();
    assert!(english.contains("lang=\"en\"") && english.contains("Back to") || english.contains("go back"), "{english}");
    let path = made(&world, &with(checkout_of("2"), &json!({ "locale": "en" }))).await;
    assert!(visit(&world, &path, PHONE).await.text().contains("lang=\"en\""));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_not_genuine_have_one_answer() {
    let world = World::start().await;
    let path = made(&world, &checkout_of("1")).await;
    let token = path.strip_prefix("/pay/").unwrap();
    let altered = |at: usize| {
        let mut signs: Vec<char> = token.chars().collect();
        signs[at] = if signs[at] == 'A' { 'B' } else { 'A' };
        signs.into_iter().collect::<String>()
    };
    // The mode, the app, the end, the bill and the signature; and texts that were never tokens.
    let last = token.len() - 2;
    let mut wrong: Vec<String> = [0, 5, 18, 23, last].into_iter().map(altered).collect();
    wrong.extend(["A".to_owned(), "A".repeat(71), "A".repeat(2000), "%E8%8C%B6".to_owned()]);
    let other = world.new_app("other").await;
    let refused = visit(&world, &format!("/pay/{}", "A".repeat(71)), PHONE).await;
    assert_eq!(refused.status, 404);
    assert!(!refused.text().contains(&other.app_id) && !refused.text().contains("99.00"), "{}", refused.text());
    for token in wrong {
        let page = visit(&world, &format!("/pay/{token}"), PHONE).await;
        assert_eq!((page.status, page.text()), (404, refused.text()), "{token}");
        assert_eq!(choose(&world, &format!("/pay/{token}"), "ali_wap", PHONE).await.text(), refused.text(), "{token}");
        assert_eq!(world.call("GET", &format!("/pay/{token}/state"), &[], "").await.status, 404, "{token}");
    }
    assert_eq!(records_of(&world, "1").await, [Value::Null; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_keeps_open_checkouts_until_its_grace_is_over() {
    let world = World::start().await;
    let path = made(&world, &checkout_of("1")).await;
    let rotate = format!("/apps/{}/keys/rotate", world.app.app_id);
    let body = json!({ "mode": "test", "key": "master", "graceSeconds": 3600 });
    let next = world.admin("POST", &rotate, body).await.done(200)["masterKey"].as_str().unwrap().to_owned();
    world.must_stay_secret(&next);
    assert_eq!(visit(&world, &path, PHONE).await.status, 200);
    let headers = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-MasterKey", next.as_str())];
    let again = world.post_as(&headers, "/2.0/maxpay/checkout", checkout_of("1").to_string()).await.ok();
    let renewed = path_of(&world, &again);
    world.advance(61 * MINUTE_MS).await;
    assert_eq!(visit(&world, &path, PHONE).await.status, 404);
    assert_eq!(visit(&world, &renewed, PHONE).await.status, 200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_gives_the_page_a_name_a_colour_a_logo_and_frames() {
    let world = World::start().await;
    let look = format!("/apps/{}/checkout", world.app.app_id);
    let path = made(&world, &checkout_of("1")).await;
    let bare = json!({ "name": null, "color": null, "frameOrigins": [], "logo": null });
    assert_eq!(world.admin("GET", &look, Value::Null).await.done(200), bare);
    assert_eq!(visit(&world, &path, PHONE).await.header("x-frame-options"), "DENY");
    let wanted = json!({ "name": "茶馆", "color": "#ffd400", "frameOrigins": ["https://shop.example"] });
    world.admin("PUT", &look, wanted.clone()).await.done(200);
    let bearer = format!("Bearer {}", world.operator_token);
    let put = async |file: &str, kind: &str| {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", kind)];
        world.call("PUT", &format!("/admin/v1{look}/logo"), &headers, file.to_owned()).await
    };
    put("<svg><path/></svg>", "image/svg+xml").await.problem(400, "SVG or a PNG");
    put("GIF89a", "image/png").await.problem(400, "SVG or a PNG");
    let drawing = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script><path d=\"M0 0h1v1z\"/></svg>";
    put(drawing, "image/svg+xml").await.done(200);
    let page = visit(&world, &path, PHONE).await;
    let text = page.text();
    assert!(text.contains("茶馆") && text.contains("--brand:#ffd400;--on-brand:#000"), "{text}");
    assert!(text.contains(&format!("src=\"{path}/logo\"")), "{text}");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("frame-ancestors https://shop.example;"), "{policy}");
    assert!(page.headers.get("x-frame-options").is_none());
    let logo = world.call("GET", &format!("{path}/logo"), &[], "").await;
    assert_eq!((logo.status, logo.header("content-type")), (200, "image/svg+xml"));
    assert!(logo.header("content-security-policy").contains("sandbox"));
    assert!(logo.text().contains("M0 0h1v1z") && !logo.text().contains("alert"), "{}", logo.text());
    assert_eq!(world.call("GET", "/pay/AAAA/logo", &[], "").await.status, 404);
    assert_eq!(
        world.admin("GET", &look, Value::Null).await.done(200),
        with(wanted, &json!({ "logo": "image/svg+xml" }))
    );
    for (field, wrong) in [
        ("name", json!("")),
        ("color", json!("red")),
        ("frameOrigins", json!(["http://shop.example"])),
        ("frameOrigins", json!("https://shop.example")),
    ] {
        world.admin("PUT", &look, json!({ field: wrong })).await.problem(400, field);
    }
    world.admin("DELETE", &format!("{look}/logo"), Value::Null).await.done(200);
    assert_eq!(world.call("GET", &format!("{path}/logo"), &[], "").await.status, 404);
    assert_eq!(world.admin("PUT", &look, json!({})).await.done(200), bare);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_file_is_shown_only_where_an_owner_saved_it() {
    let world = World::start().await;
    let (name, file) = ("MP_verify_AbCdEf0123456789.txt", "/verification-files/MP_verify_AbCdEf0123456789.txt");
    let shown = async || world.call("GET", &format!("/{name}"), &[], "").await;
    assert_eq!(shown().await.status, 404);
    world.admin("PUT", "/verification-files/robots.txt", Value::Null).await.problem(400, "MP_verify_");
    for _ in 0..2 {
        world.admin("PUT", file, Value::Null).await.done(200);
    }
    assert_eq!((shown().await.status, shown().await.text()), (200, "AbCdEf0123456789".to_owned()));
    let listed = world.admin("GET", "/verification-files", Value::Null).await.done(200);
    assert_eq!(listed["items"], json!([{ "name": name }]));
    assert_eq!(world.admin("DELETE", file, Value::Null).await.status, 204);
    assert_eq!(shown().await.status, 404);
    world.admin("DELETE", file, Value::Null).await.problem(404, "file");
    assert_eq!(world.call("GET", "/robots.txt", &[], "").await.status, 404);
    world.end().await;
}
