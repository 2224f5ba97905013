//! Problems between here and a merchant: lost and doubled messages, and targets that hang, break, answer too much or stay down.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Lane;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    deliveries::time,
    world::{MINUTE_MS, START_MS, World, options},
};

const HOUR_MS: i64 = 60 * MINUTE_MS;

/// A server that runs `serve` on each connection.
async fn server<F: Future<Output = ()> + Send + 'static>(serve: fn(TcpStream) -> F) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection));
        }
    });
    url
}

/// The record of the first attempt of the only delivery, which failed.
async fn first_failure(world: &World, url: &str) -> Value {
    world.webhook_to("", &json!({ "target": { "url": url } })).await;
    world.paid("b-1").await;
    world.advance(0).await;
    let [waiting] = <[Value; 1]>::try_from(world.deliveries("waiting").await).unwrap();
    waiting["attempts"][0].clone()
}

async fn read_request(connection: &mut TcpStream) {
    let mut buffer = vec![0; 16 * 1024];
    let _ = connection.read(&mut buffer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_queue_loses_nothing() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "status": 500 })).await;
    for bill in 0..20 {
        world.paid(&format!("b-{bill}")).await;
    }
    world.purge_queue().await;
    world.advance(150_000).await;
    assert_eq!(world.arrivals("shop").await.len(), 20);
    // Again, while retries are waiting.
    world.receiver("shop", json!({ "status": 200 })).await;
    world.purge_queue().await;
    world.advance(5 * MINUTE_MS).await;
    assert_eq!(world.arrivals("shop").await.len(), 40);
    assert_eq!(world.deliveries("delivered").await.len(), 20);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doubled_and_reordered_messages_change_nothing() {
    let world = World::start_with(local::Options { doubled_messages: true, ..options() }).await;
    world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "status": 500 })).await;
    for bill in 0..5 {
        world.paid(&format!("b-{bill}")).await;
    }
    world.advance(17 * MINUTE_MS).await;
    world.receiver("shop", json!({ "status": 200 })).await;
    world.advance(HOUR_MS).await;
    let mut times: Vec<i64> =
        world.arrivals("shop").await.iter().map(|one| (time(one) - START_MS) / MINUTE_MS).collect();
    times.dedup();
    assert_eq!((times, world.arrivals("shop").await.len()), (vec![0, 1, 6, 16, 46], 25));
    world.end().await;
}

/// The same attempt runs twice at once, because the delivery is sent again by hand while the target is slow.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_received_is_not_sent_again_though_another_bell_for_it_failed_first() {
    let world = World::start().await;
    let hook = world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "delayMs": 3000 })).await;
    let id = world.paid("b-1").await;
    let name = format!("test\nb-1\n{id}#payment.success#{}", hook["id"].as_str().unwrap());
    let path = format!("/apps/{}/deliveries/{}/resend", world.app.app_id, URL_SAFE_NO_PAD.encode(name));
    let failed_meanwhile = async {
        while world.arrivals("shop").await.is_empty() {}
        world.receiver("shop", json!({ "status": 500 })).await;
        world.admin("POST", &path, Value::Null).await.done(200);
        world.advance(0).await;
    };
    tokio::join!(world.advance(0), failed_meanwhile);
    assert_eq!(world.arrivals("shop").await.len(), 2);
    assert_eq!(world.deliveries("waiting").await, Vec::<Value>::new());
    let [delivered] = <[Value; 1]>::try_from(world.deliveries("delivered").await).unwrap();
    assert_eq!(delivered["attempts"].as_array().unwrap().len(), 2, "{delivered}");
    world.receiver("shop", json!({})).await;
    world.advance(HOUR_MS).await;
    assert_eq!(world.arrivals("shop").await.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_failures_and_then_200_is_received() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "status": 500 })).await;
    world.paid("b-1").await;
    world.advance(32 * HOUR_MS).await;
    assert_eq!(world.arrivals("shop").await.len(), 10);
    world.receiver("shop", json!({ "status": 200 })).await;
    world.advance(48 * HOUR_MS).await;
    assert_eq!(world.arrivals("shop").await.len(), 11);
    let delivered = world.deliveries("delivered").await;
    assert_eq!(delivered[0]["attempts"].as_array().unwrap().len(), 11);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_http_200_is_received() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    for (place, status) in [201, 204, 302, 307, 404, 429, 500].into_iter().enumerate() {
        let headers = json!({ "Location": format!("{}/_local/receiver/elsewhere", world.url) });
        world.receiver("shop", json!({ "status": status, "headers": headers })).await;
        world.paid(&format!("b-{place}")).await;
        world.advance(1).await;
        let waiting = world.deliveries("waiting").await;
        assert_eq!((waiting.len(), &waiting[0]["attempts"][0]["status"]), (place + 1, &json!(status)));
    }
    assert_eq!(world.arrivals("elsewhere").await, Vec::<Value>::new());
    world.inbox::<7>("shop").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_lengthens_a_wait_up_to_the_next_step() {
    #[rustfmt::skip]
    let cases = [
        ("1", 1), ("120", 2), ("99999", 5), ("9223372037", 5), ("18446744073709551615", 5),
        ("99999999999999999999999", 1), ("Fri, 31 Dec 9999 23:59:59 GMT", 1),
    ];
    for (asked, minutes) in cases {
        let world = World::start().await;
        world.webhook_to("shop", &json!({})).await;
        world.receiver("shop", json!({ "status": 503, "headers": { "Retry-After": asked } })).await;
        world.paid("b-1").await;
        world.advance(0).await;
        let waiting = world.deliveries("waiting").await;
        assert_eq!(waiting[0]["nextTime"], START_MS + minutes * MINUTE_MS, "{asked}");
        world.inbox::<1>("shop").await;
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_hangs_is_given_up_on() {
    let world = World::start().await;
    world.webhook_to("fine", &json!({})).await;
    world.webhook_to("slow", &json!({})).await;
    world.receiver("slow", json!({ "delayMs": 60_000 })).await;
    world.paid("b-1").await;
    world.advance(0).await;
    assert_eq!(world.arrivals("fine").await.len(), 1);
    let [waiting] = <[Value; 1]>::try_from(world.deliveries("waiting").await).unwrap();
    assert_eq!(waiting["attempts"][0]["verdict"], "deadline");
    world.inbox::<1>("slow").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_end_is_cut() {
    let url = server(|mut connection| async move {
        read_request(&mut connection).await;
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while connection.write_all(&[b'x'; 8192]).await.is_ok() {}
    })
    .await;
    let world = World::start().await;
    let hook = world.webhook_to("", &json!({ "target": { "url": url } })).await;
    world.paid("b-1").await;
    world.advance(0).await;
    assert_eq!(world.deliveries("waiting").await, Vec::<Value>::new());
    let test = format!("/apps/{}/webhooks/{}/test", world.app.app_id, hook["id"].as_str().unwrap());
    let shown = world.admin("POST", &test, json!({})).await.done(200);
    assert_eq!((&shown["received"], shown["response"]["body"].as_str().unwrap().len()), (&json!(true), 16 * 1024));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_closes_after_reading_has_not_received() {
    let url = server(|mut connection| async move { read_request(&mut connection).await }).await;
    let world = World::start().await;
    assert_eq!(first_failure(&world, &url).await["verdict"], "broken");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_told_apart() {
    let world = World::start().await;
    assert_eq!(first_failure(&world, "http://127.0.0.1:9/hook").await["verdict"], "unreachable");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_not_called_in_any_spelling() {
    let world = World::start().await;
    #[rustfmt::skip]
    let urls = [
        "http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://0xa9fea9fe/", "http://2852039166/",
        "http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a00:1]/", "http://[fe80::1]/", "http://0.0.0.0/",
        "http://[::]/", "http://[2002:7f00:1::]/",
    ];
    let hooks = format!("/apps/{}/webhooks", world.app.app_id);
    for url in urls {
        let made = world.admin("POST", &hooks, json!({ "target": { "url": url }, "mode": "test" })).await.done(201);
        let test = format!("{hooks}/{}/test", made["id"].as_str().unwrap());
        let shown = world.admin("POST", &test, json!({})).await.done(200);
        assert_eq!((&shown["verdict"], &shown["received"]), (&json!("forbidden"), &json!(false)), "{url}: {shown}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_webhooks_one_that_is_down_does_not_hold_up_the_other() {
    let world = World::start().await;
    world.webhook_to("fine", &json!({})).await;
    world.webhook_to("down", &json!({})).await;
    world.receiver("down", json!({ "status": 500 })).await;
    world.paid("b-1").await;
    world.advance(72 * HOUR_MS).await;
    assert_eq!((world.arrivals("fine").await.len(), world.arrivals("down").await.len()), (1, 11));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_stays_down_is_paused_probed_and_released() {
    const BILLS: usize = 25;
    let world = World::start().await;
    world.webhook_to("fine", &json!({})).await;
    world.webhook_to("down", &json!({})).await;
    world.receiver("down", json!({ "status": 500 })).await;
    for bill in 0..BILLS {
        world.paid(&format!("b-{bill}")).await;
    }
    // Five attempts each are 125 failures. The next one comes after an hour and pauses the target.
    world.advance(2 * HOUR_MS).await;
    assert_eq!(world.arrivals("fine").await.len(), BILLS);
    let hooks = format!("/apps/{}/webhooks", world.app.app_id);
    // Both were made at the same moment, so the list may begin with either.
    let health = async |receiver: &str| {
        let listed = world.admin("GET", &hooks, Value::Null).await.done(200)["items"].clone();
        let url = format!("{}/_local/receiver/{receiver}", world.url);
        let of_receiver = listed.as_array().unwrap().iter().find(|hook| hook["target"]["url"] == *url).cloned();
        of_receiver.unwrap().get("health").cloned()
    };
    assert_eq!(health("down").await.unwrap()["pausedSince"], START_MS + 106 * MINUTE_MS);
    assert_eq!(health("fine").await, None);

    // Their seventh attempt would be due after 3 h 46 min. For two hours after that there is only a probe now and then, and no
    // attempt is used up.
    world.advance(2 * HOUR_MS).await;
    let before = world.arrivals("down").await.len();
    world.advance(2 * HOUR_MS).await;
    let probes = world.arrivals("down").await.len() - before;
    assert!((22..=25).contains(&probes), "{probes}");
    let waiting = world.deliveries("waiting").await;
    assert_eq!(waiting.len(), BILLS);
    assert!(waiting.iter().all(|one| one["nextAttempt"].as_i64().unwrap() <= 7), "{waiting:?}");

    // The target works again: the next probe shows it, and everything arrives, at most ten a second.
    world.receiver("down", json!({ "status": 200 })).await;
    let before = world.arrivals("down").await.len();
    world.advance(HOUR_MS).await;
    assert_eq!(world.deliveries("waiting").await, Vec::<Value>::new());
    let arrived = world.arrivals("down").await.split_off(before);
    assert_eq!(arrived.len(), BILLS);
    let times: Vec<i64> = arrived.iter().map(time).collect();
    assert!(times.windows(11).all(|window| window[10] > window[0]), "{times:?}");
    assert_eq!(health("down").await, None);
    world.end().await;
}

/// How many messages the fast lane holds: those that can be received, those that are being worked on, and those that wait.
async fn messages(world: &World) -> usize {
    const COUNTS: [&str; 3] =
        ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"];
    let answer = world.sqs(Lane::Fast, "GetQueueAttributes", json!({ "AttributeNames": COUNTS })).await;
    COUNTS.map(|name| answer["Attributes"][name].as_str().unwrap().parse::<usize>().unwrap()).iter().sum()
}

/// Each message is handed out twice. Of the bells for one delivery, one is left.
#[tokio::test(flavor = "multi_thread")]
async fn doubled_messages_for_a_paused_target_do_not_multiply() {
    const BILLS: usize = 25;
    let world = World::start_with(local::Options { doubled_messages: true, ..options() }).await;
    world.webhook_to("down", &json!({})).await;
    world.receiver("down", json!({ "status": 500 })).await;
    for bill in 0..BILLS {
        world.paid(&format!("b-{bill}")).await;
    }
    // The target is paused after 106 minutes, at the sixth attempts. The seventh are due two hours later, and wait for the probes.
    world.advance(4 * HOUR_MS).await;
    assert_eq!(world.deliveries("waiting").await.len(), BILLS);
    for _ in 0..4 {
        world.advance(5 * MINUTE_MS).await;
    }
    let bells = messages(&world).await;
    assert!((1..=2 * BILLS).contains(&bells), "{bells}");
    // Six attempts of each, and the probes.
    let calls = world.arrivals("down").await.len();
    assert!((6 * BILLS..7 * BILLS).contains(&calls), "{calls}");
    world.end().await;
}

/// A hundred and fifty bills of twenty webhooks; all queue messages are lost. Each shard of what is due has more than one page of them.
#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_waiting_deliveries_are_released_by_sweeps() {
    const BILLS: usize = 150;
    let world = World::start().await;
    for receiver in 0..20 {
        world.webhook_to(&format!("shop-{receiver}"), &json!({})).await;
    }
    for some in 0..BILLS / 10 {
        let paid = (0..10).map(|one| world.paid_as(format!("b-{some}-{one}")));
        join_all(paid).await;
    }
    world.purge_queue().await;
    assert_eq!(world.arrivals("shop-0").await.len(), 0);
    world.advance(10 * MINUTE_MS).await;
    for receiver in 0..20 {
        let arrived = world.arrivals(&format!("shop-{receiver}")).await;
        let mut ids: Vec<_> = arrived.iter().map(|one| one["headers"]["webhook-id"].to_string()).collect();
        ids.sort();
        // A call of the queue that takes more than half a second is made again, and its messages may come twice then.
        assert!(ids.windows(3).all(|three| three[0] != three[2]), "a delivery came three times");
        ids.dedup();
        assert_eq!(ids.len(), BILLS);
        // A lost message is noticed after two minutes, and the sweep runs each minute.
        let window = START_MS + 2 * MINUTE_MS..=START_MS + 3 * MINUTE_MS;
        assert!(arrived.iter().all(|one| window.contains(&time(one))));
    }
    world.end().await;
}
