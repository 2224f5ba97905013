//! Invalid charges: each is answered with the code and the field, and stores nothing.

use bytes::Bytes;
use serde_json::json;

use crate::{
    answer::Answer,
    world::{World, charge_of, client},
};

/// The text of a good charge with the JSON text of one member replaced; `""` removes the member.
fn with_text(member: &str, json_text: &str) -> String {
    let base = [
        ("channel", r#""ali_web""#),
        ("billNum", r#""112233""#),
        ("totalFee", "9900"),
        ("subject", r#""tea""#),
        ("returnUrl", r#""https://shop.example/back""#),
    ];
    let rest = base.iter().filter(|(name, _)| *name != member);
    let changed = [(member, json_text)].into_iter().filter(|(_, text)| !text.is_empty());
    let members: Vec<_> = rest.copied().chain(changed).map(|(name, text)| format!("\"{name}\":{text}")).collect();
    format!("{{{}}}", members.join(","))
}

async fn check_nothing_is_left(world: World) {
    assert_eq!(world.records(&json!({})).await.ok()["results"], json!([]));
    world.end().await;
}

#[rustfmt::skip]
const WRONG: &[(&str, &str, i64, &str)] = &[
    // Member, its JSON text, code, and the word in `err`.
    ("channel",     "",                              4, "channel"),
    ("channel",     "null",                          4, "channel"),
    ("channel",     r#""""#,                         4, "AUTOMATIC"),
    ("channel",     r#""paypal""#,                   3, "paypal"),
    ("channel",     r#""ALI_WEB""#,                  3, "channel"),
    ("channel",     r#"" ali_web""#,                 3, "channel"),
    ("channel",     r#""ali""#,                      3, "channel"),
    ("channel",     r#""wx""#,                       3, "channel"),
    ("channel",     r#""unipay""#,                   3, "channel"),
    ("channel",     "7",                             3, "channel"),
    ("channel",     "[]",                            3, "channel"),
    ("channel",     r#""\ud800""#,                   3, "channel"),
    ("channel",     r#""wx_app""#,                   2, "wx_app"),
    ("billNum",     "",                              4, "billNum"),
    ("billNum",     "null",                          4, "billNum"),
    ("billNum",     r#""""#,                         5, "billNum"),
    ("billNum",     "112233",                        5, "billNum"),
    ("billNum",     r#""12345678901234567890123456789012345678901234567890123456789012345""#, 5, "billNum"),
    ("billNum",     r#""a\u0000b""#,                 5, "billNum"),
    ("billNum",     r#""a\nb""#,                     5, "billNum"),
    ("billNum",     r#""\u007f""#,                   5, "billNum"),
    ("billNum",     r#""\ud800""#,                   5, "billNum"),
    ("billNum",     r#""\udc00\ud800""#,             5, "billNum"),
    ("billNum",     r#"["1"]"#,                      5, "billNum"),
    ("billNum",     "true",                          5, "billNum"),
    ("totalFee",    "",                              4, "totalFee"),
    ("totalFee",    "null",                          4, "totalFee"),
    ("totalFee",    "0",                             5, "totalFee"),
    ("totalFee",    "-1",                            5, "`-1`"),
    ("totalFee",    "-0",                            5, "totalFee"),
    ("totalFee",    "0.01",                          5, "`0.01`"),
    ("totalFee",    "1.0",                           5, "`1.0`"),
    ("totalFee",    "1e2",                           5, "`1e2`"),
    ("totalFee",    "1E400",                         5, "totalFee"),
    ("totalFee",    r#""1""#,                        5, "totalFee"),
    ("totalFee",    "true",                          5, "totalFee"),
    ("totalFee",    "[1]",                           5, "totalFee"),
    ("totalFee",    "10000000001",                   5, "totalFee"),
    ("totalFee",    "9223372036854775807",           5, "totalFee"),
    ("totalFee",    "9223372036854775808",           5, "totalFee"),
    ("totalFee",    "-9223372036854775809",          5, "totalFee"),
    ("totalFee",    "18446744073709551617",          5, "totalFee"),
    ("totalFee",    "99999999999999999999999999999999999999999999999999", 5, "totalFee"),
    ("subject",     "",                              4, "subject"),
    ("subject",     "null",                          4, "subject"),
    ("subject",     r#""""#,                         5, "subject"),
    ("subject",     "7",                             5, "subject"),
    ("subject",     "{}",                            5, "subject"),
    ("subject",     r#""\u0000""#,                   5, "subject"),
    ("subject",     r#""\ud83d""#,                   5, "subject"),
    ("subject",     r#""\ud83d tea""#,               5, "subject"),
    ("extras",      "[[]]",                          5, "extras"),
    ("extras",      r#""{}""#,                       5, "extras"),
    ("extras",      "1",                             5, "extras"),
    ("extras",      r#"{"a":"\ud800"}"#,             5, "extras"),
    ("extras",      r#"{"a":[{"b":"\udfff"}]}"#,     5, "extras"),
    ("returnUrl",   "",                              4, "returnUrl"),
    ("returnUrl",   "null",                          4, "returnUrl"),
    ("returnUrl",   r#""""#,                         4, "returnUrl"),
    ("returnUrl",   r#""shop.example""#,             5, "returnUrl"),
    ("returnUrl",   r#""/back""#,                    5, "returnUrl"),
    ("returnUrl",   r#""javascript:alert(1)""#,      5, "returnUrl"),
    ("returnUrl",   r#""https://""#,                 5, "returnUrl"),
    ("returnUrl",   r#""https://a b""#,              5, "returnUrl"),
    ("returnUrl",   r#""https://a\r\nX-Evil: 1""#,   5, "returnUrl"),
    ("returnUrl",   "1",                             5, "returnUrl"),
    ("showUrl",     r#""goods""#,                    5, "showUrl"),
    ("showUrl",     "{}",                            5, "showUrl"),
    ("billTimeout", "359",                           5, "billTimeout"),
    ("billTimeout", "-360",                          5, "billTimeout"),
    ("billTimeout", "360.5",                         5, "billTimeout"),
    ("billTimeout", r#""360""#,                      5, "billTimeout"),
    ("billTimeout", "99999999999999999999",          5, "billTimeout"),
    ("qrPayMode",   "5",                             5, "qrPayMode"),
    ("qrPayMode",   "-1",                            5, "qrPayMode"),
    ("qrPayMode",   r#""x""#,                        5, "qrPayMode"),
    ("qrPayMode",   r#""""#,                         5, "qrPayMode"),
    ("qrPayMode",   "[2]",                           5, "qrPayMode"),
    ("openid",      "7",                             5, "openid"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_field_is_named() {
    let world = World::start().await;
    world.without_wechat().await;
    for (member, text, code, word) in WRONG {
        let answer = world.charge_text(&with_text(member, text)).await;
        assert_eq!((answer.status, answer.code()), (200, *code), "{member}: {text} {}", answer.text());
        answer.refused(*code, word);
    }
    check_nothing_is_left(world).await;
}

#[rustfmt::skip]
const FINE: &[(&str, &str)] = &[
    ("unknown",     r#"{"deeply":[{"nested":["\ud800"]}]}"#),
    ("totalfee",    "-1"),
    ("Channel",     "7"),
    ("",            "0"),
    ("extras",      "null"),
    ("extras",      "{}"),
    ("extras",      "[]"),
    ("extras",      "[ ]"),
    ("showUrl",     "null"),
    ("showUrl",     r#""""#),
    ("clientIp",    r#""""#),
    ("openid",      r#""""#),
    ("showUrl",     r#""http://shop.example:8080/goods?id=1&x=茶#top""#),
    ("billTimeout", "360"),
    ("billTimeout", "1296000"),
    ("qrPayMode",   "0"),
    ("qrPayMode",   r#""4""#),
    ("openid",      r#""o1""#),
    ("openid",      "null"),
];

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_are_ignored_and_optional_ones_may_be_null() {
    let world = World::start().await;
    for (member, text) in FINE {
        let answer = world.charge_text(&with_text(member, text)).await;
        assert_eq!(answer.code(), 0, "{member}: {text} {}", answer.text());
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_field_given_twice_the_last_one_counts() {
    let world = World::start().await;
    let good = with_text("", "");
    world.charge_text(&good.replacen('{', r#"{"totalFee":-1,"channel":"paypal","#, 1)).await.ok();
    world.charge_text(&good.replace("\"tea\"", "\"tea\",\"totalFee\":-1")).await.refused(5, "`-1`");
    assert_eq!(world.record("112233").await["totalFee"], 9900);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_some_channels_need_a_return_url() {
    let world = World::start().await;
    for (channel, code) in [("ali_app", 0), ("ali_wap", 0), ("ali_web", 4), ("ali_qrcode", 4)] {
        let body = json!({ "channel": channel, "billNum": channel, "totalFee": 1, "subject": "x" });
        assert_eq!(world.charge(&body).await.code(), code, "{channel}");
    }
    world.end().await;
}

async fn charge_bytes(world: &World, content_type: &str, body: impl Into<Bytes>) -> Answer {
    let headers = [&client(&world.app)[..], &[("Content-Type", content_type)]].concat();
    world.call("POST", "/2.0/maxpay/bill", &headers, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_object_is_code_5() {
    let world = World::start().await;
    let good = with_text("", "");
    let cut = good.strip_suffix('}').unwrap();
    let bodies: &[&[u8]] = &[
        b"",
        b" ",
        b"null",
        b"[]",
        b"7",
        b"\"{}\"",
        b"{",
        b"{}}",
        b"{'channel':'ali_web'}",
        b"{\"channel\":\"ali_web\",}",
        b"{\"channel\":NaN}",
        b"{\"a\":01}",
        b"{\"a\":\"\n\"}",
        b"{\"a\":\"\\x\"}",
        b"{\"\\ud800\":1}",
        b"channel=ali_web&billNum=1",
        b"<xml/>",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b"{\"subject\":\"\xff\"}",
        b"{\"subject\":\"\xed\xa0\x80\"}",
        b"\x00",
        cut.as_bytes(),
    ];
    for body in bodies {
        let answer = charge_bytes(&world, "application/json", body.to_vec()).await;
        assert_eq!((answer.status, answer.code()), (200, 5), "{body:?} {}", answer.text());
        answer.refused(5, "body");
    }
    let doubled = format!("{good}{good}");
    charge_bytes(&world, "application/json", doubled).await.refused(5, "body");
    check_nothing_is_left(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_object_misses_the_channel() {
    let world = World::start().await;
    world.charge_text("{}").await.refused(4, "channel");
    world.charge_text(" {\n} ").await.refused(4, "channel");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_taken_by_its_content_type() {
    let world = World::start().await;
    let cases = [
        // As the PHP SDK sends it.
        ("application/json;charset=utf-8;", 0),
        ("application/json", 0),
        ("application/json; charset=UTF-8", 0),
        ("APPLICATION/JSON", 0),
        ("", 0),
        ("text/plain", 5),
        ("application/x-www-form-urlencoded", 5),
        ("multipart/form-data; boundary=x", 5),
        ("application/jsonp", 5),
        ("json", 5),
    ];
    for (content_type, code) in cases {
        let answer = charge_bytes(&world, content_type, with_text("", "")).await;
        assert_eq!((answer.status, answer.code()), (200, code), "{content_type} {}", answer.text());
    }
    let none = world.call("POST", "/2.0/maxpay/bill", &client(&world.app), with_text("", "")).await;
    assert_eq!(none.code(), 0, "no content type at all");
    charge_bytes(&world, "text/plain", with_text("", "")).await.refused(5, "Content-Type");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_is_refused_whatever_its_length() {
    let world = World::start().await;
    let of_length = |bytes: usize| with_text("x", &format!("\"{}\"", "x".repeat(bytes - with_text("x", "\"\"").len())));
    world.charge_text(&of_length(64 * 1024)).await.ok();
    for bytes in [64 * 1024 + 1, 1024 * 1024, 10 * 1024 * 1024] {
        world.charge_text(&of_length(bytes)).await.refused(5, "body");
    }
    // Beyond API Gateway's own limit, API Gateway answers.
    assert_eq!(world.charge_text(&of_length(11 * 1024 * 1024)).await.status, 413);
    world.charge(&charge_of("ali_web", "after")).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nesting_has_a_bound_in_extras_and_does_no_harm_elsewhere() {
    let world = World::start().await;
    let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    world.charge_text(&with_text("extras", &nested(32))).await.ok();
    assert!(world.records(&json!({})).await.text().contains(&nested(32)));
    world.charge_text(&with_text("extras", &nested(33))).await.refused(5, "extras");
    world.charge_text(&with_text("extras", &nested(127))).await.refused(5, "extras");
    world.charge_text(&with_text("extras", &nested(1000))).await.refused(5, "extras");
    world.charge_text(&with_text("unknown", &nested(8000))).await.ok();
    let lists = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    world.charge_text(&with_text("unknown", &lists)).await.ok();
    world.charge_text(&with_text("totalFee", &lists)).await.refused(5, "totalFee");
    world.charge_text(&with_text("subject", &nested(5000))).await.refused(5, "subject");
    let unclosed = "[".repeat(60_000);
    world.charge_text(&unclosed).await.refused(5, "body");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn extras_have_a_bound_in_length() {
    let world = World::start().await;
    let of_length = |bytes: usize| with_text("extras", &format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8)));
    world.charge_text(&of_length(8192)).await.ok();
    world.charge_text(&of_length(8193)).await.refused(5, "extras");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bill_numbers_and_subjects_are_counted_in_characters() {
    let world = World::start().await;
    let text = |sign: &str, count: usize| format!("\"{}\"", sign.repeat(count));
    for sign in ["x", "单", "😀"] {
        world.charge_text(&with_text("billNum", &text(sign, 32))).await.ok();
        world.charge_text(&with_text("billNum", &text(sign, 65))).await.refused(5, "1 to 64 characters");
    }
    world.charge_text(&with_text("billNum", &text("x", 64))).await.ok();
    // In a notify address, three bytes need four characters. Providers accept 255 characters.
    for sign in ["单", "😀"] {
        world.charge_text(&with_text("billNum", &text(sign, 64))).await.refused(5, "notify address");
    }
    for sign in ["x", "单", "😀"] {
        let bill = format!("\"{sign}\"");
        let charge = |count: usize| with_text("subject", &text(sign, count)).replace("\"112233\"", &bill);
        world.charge_text(&charge(256)).await.ok();
        world.charge_text(&charge(257)).await.refused(5, "subject");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_value_is_echoed_short() {
    let world = World::start().await;
    let long = format!("\"{}\"", "9".repeat(30_000));
    let answer = world.charge_text(&with_text("totalFee", &long)).await;
    answer.refused(5, "totalFee");
    assert!(answer.body.len() < 500, "{}", answer.body.len());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_errors_at_once_the_first_of_the_list_is_answered() {
    let world = World::start().await;
    world.without_wechat().await;
    let wrong_key = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-APIKey", "wrong")];
    let good_key = client(&world.app);
    #[rustfmt::skip]
    let cases = [
        // Key, body, code: 1 before 2 before 3 before 4 before 5.
        (&wrong_key, r#"{"channel":"wx_app","billNum":""}"#,                                           1),
        (&wrong_key, r#"{"channel":"paypal","billNum":""}"#,                                           1),
        (&wrong_key, r#"{"billNum":""}"#,                                                              1),
        (&wrong_key, r#"{"channel":"ali_app","billNum":"","totalFee":1,"subject":"x"}"#,               1),
        (&wrong_key, "no json",                                                                        1),
        (&good_key,  r#"{"channel":"wx_app","billNum":""}"#,                                           2),
        (&good_key,  r#"{"channel":"wx_app","billNum":"","totalFee":1,"subject":"x"}"#,                2),
        (&good_key,  r#"{"channel":"wx_jsapi"}"#,                                                      2),
        (&good_key,  r#"{"channel":"paypal","totalFee":0}"#,                                           3),
        (&good_key,  r#"{"channel":"ali","billNum":"1","totalFee":0,"subject":"x"}"#,                  3),
        (&good_key,  r#"{"channel":"ali_app","billNum":"","totalFee":0}"#,                             4),
        (&good_key,  r#"{"channel":"ali_web","billNum":"","totalFee":0,"subject":""}"#,                4),
        (&good_key,  r#"{"totalFee":0}"#,                                                              4),
        (&good_key,  r#"{"channel":"ali_app","billNum":"","totalFee":1,"subject":"x"}"#,               5),
    ];
    for (headers, body, code) in cases {
        let answer = world.post_as(headers, "/2.0/maxpay/bill", body).await;
        assert_eq!((answer.status, answer.code()), (200, code), "{body} {}", answer.text());
    }
    check_nothing_is_left(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_field_is_said_before_an_unusable_key_and_that_before_the_provider() {
    let world = World::start().await;
    let without_rsa = ["privateKey", "alipayPublicKey"];
    let settings = world.merchant("mapi").await;
    let settings = without_rsa.iter().fold(settings, |settings, member| crate::world::without(settings, member));
    world.configure(&world.app, &settings).await;
    let charge = charge_of("ali_app", "1");
    world.charge(&crate::world::with(charge.clone(), &json!({ "totalFee": 0 }))).await.refused(5, "totalFee");
    world.charge(&charge).await.refused(6, "privateKey");
    // A paid bill is a wrong field, too.
    let paid = world.charge(&charge_of("ali_web", "1")).await.ok();
    world.call("GET", paid["ali_web"].as_str().unwrap(), &[], "").await.location(302);
    world.play(paid["id"].as_str().unwrap(), "pay", json!({})).await;
    world.charge(&charge).await.refused(5, "billNum");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_or_path_is_not_found() {
    let world = World::start().await;
    let headers = client(&world.app);
    let cases = [
        ("GET", "/2.0/maxpay/bill"),
        ("PUT", "/2.0/maxpay/bill"),
        ("GET", "/2.0/maxpay/sessions"),
        ("POST", "/2.0/maxpay/bill/"),
        ("POST", "/2.0/maxpay/Bill"),
        ("POST", "/2.0/maxpay"),
        ("POST", "/1.0/maxpay/bill"),
        ("DELETE", "/2.0/maxpay/records"),
    ];
    for (method, path) in cases {
        assert_eq!(world.call(method, path, &headers, "{}").await.status, 404, "{method} {path}");
    }
    world.end().await;
}
