//! Invalid queries.

use crate::world::{World, client, master};

#[rustfmt::skip]
const WRONG: &[(&str, i64, &str)] = &[
    // Body, code, and the word in `err`.
    (r#"{"channel":"paypal"}"#,               3, "paypal"),
    (r#"{"channel":" "}"#,                    3, "channel"),
    (r#"{"channel":7}"#,                      3, "channel"),
    (r#"{"channel":"ali*"}"#,                 3, "channel"),
    (r#"{"billNum":""}"#,                     5, "billNum"),
    (r#"{"billNum":7}"#,                      5, "billNum"),
    (r#"{"billNo":7}"#,                       5, "billNo"),
    (r#"{"billNum":"a\u0000"}"#,              5, "billNum"),
    (r#"{"billNum":"\ud800"}"#,               5, "billNum"),
    (r#"{"billNum":"12345678901234567890123456789012345678901234567890123456789012345"}"#, 5, "billNum"),
    (r#"{"status":"paid"}"#,                  5, "status"),
    (r#"{"status":""}"#,                      5, "status"),
    (r#"{"status":"SUCCESS"}"#,               5, "status"),
    (r#"{"status":["success"]}"#,             5, "status"),
    (r#"{"startTime":-1}"#,                   5, "startTime"),
    (r#"{"startTime":"0"}"#,                  5, "startTime"),
    (r#"{"startTime":1.5}"#,                  5, "startTime"),
    (r#"{"startTime":1e3}"#,                  5, "startTime"),
    (r#"{"startTime":253402272000000}"#,      5, "startTime"),
    (r#"{"endTime":-1}"#,                     5, "endTime"),
    (r#"{"endTime":99999999999999999999}"#,   5, "endTime"),
    (r#"{"endTime":true}"#,                   5, "endTime"),
    (r#"{"startTime":2,"endTime":1}"#,        5, "endTime"),
    (r#"{"skip":-1}"#,                        5, "skip"),
    (r#"{"skip":10001}"#,                     5, "skip"),
    (r#"{"skip":"1"}"#,                       5, "skip"),
    (r#"{"skip":1.0}"#,                       5, "skip"),
    (r#"{"limit":0}"#,                        5, "limit"),
    (r#"{"limit":-1}"#,                       5, "limit"),
    (r#"{"limit":101}"#,                      5, "limit"),
    (r#"{"limit":99999999999999999999}"#,     5, "limit"),
    (r#"{"limit":null,"order":"asc"}"#,       5, "order"),
    (r#"{"order":"+createdTime"}"#,           5, "order"),
    (r#"{"order":1}"#,                        5, "order"),
    ("[]",                                    5, "body"),
    ("null",                                  5, "body"),
    ("{",                                     5, "body"),
    ("x",                                     5, "body"),
    // Several errors at once.
    (r#"{"channel":"paypal","limit":0}"#,     3, "paypal"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_field_is_named() {
    let world = World::start().await;
    for (body, code, word) in WRONG {
        let answer = world.post_as(&master(&world.app), "/2.0/maxpay/records", *body).await;
        assert_eq!((answer.status, answer.code()), (200, *code), "{body} {}", answer.text());
        answer.refused(*code, word);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_errors_at_once_the_first_of_the_list_is_answered() {
    let world = World::start().await;
    let wrong_key = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-MasterKey", "wrong")];
    let good_key = client(&world.app);
    #[rustfmt::skip]
    let cases = [
        // Key, body, code: 1 before 3 before 4 before 5. A client key misses billNum.
        (&wrong_key, r#"{"channel":"paypal"}"#,                 1),
        (&wrong_key, "no json",                                 1),
        (&good_key,  r#"{"channel":"paypal","limit":0}"#,       3),
        (&good_key,  r#"{"limit":0}"#,                          4),
        (&good_key,  r#"{"status":"paid","startTime":-1}"#,     4),
        (&good_key,  r#"{"billNum":"1","limit":0}"#,            5),
        (&good_key,  r#"{"billNum":""}"#,                       5),
    ];
    for (headers, body, code) in cases {
        let answer = world.post_as(headers, "/2.0/maxpay/records", body).await;
        assert_eq!((answer.status, answer.code()), (200, code), "{body} {}", answer.text());
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_has_the_bounds_of_a_charge() {
    let world = World::start().await;
    let ask = async |content_type: &str, body: String| {
        let headers = [&master(&world.app)[..], &[("Content-Type", content_type)]].concat();
        world.call("POST", "/2.0/maxpay/records", &headers, body).await
    };
    ask("application/json;charset=utf-8;", "{}".to_owned()).await.ok();
    ask("text/plain", "{}".to_owned()).await.refused(5, "Content-Type");
    ask("application/json", format!("{{\"x\":\"{}\"}}", "x".repeat(64 * 1024))).await.refused(5, "body");
    ask("application/json", format!("{{\"x\":\"{}\"}}", "x".repeat(10_000_000))).await.refused(5, "body");
    ask("application/json", format!("{{\"x\":{}1{}}}", "[".repeat(9000), "]".repeat(9000))).await.ok();
    world.end().await;
}
