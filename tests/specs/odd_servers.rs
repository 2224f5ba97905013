//! Merchants' servers with odd answers: old HTTP versions, headers that are not ASCII, bodies that are not text.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::world::World;

/// A server that answers each call with these bytes and closes. Returns its address.
async fn server(address: &str, answer: Vec<u8>) -> String {
    let listener = TcpListener::bind(address).await.unwrap();
    let url = format!("http://{}/hook?k=%E8%8C%B6&x=a+b", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = vec![0; 16 * 1024];
            let _ = connection.read(&mut request).await;
            let _ = connection.write_all(&answer).await;
            let _ = connection.shutdown().await;
        }
    });
    url
}

/// The tester's report about a server with this answer.
async fn tried(world: &World, address: &str, answer: &[u8]) -> Value {
    let url = server(address, answer.to_vec()).await;
    let hook = world.webhook_to("", &json!({ "target": { "url": url } })).await;
    let path = format!("/apps/{}/webhooks/{}", world.app.app_id, hook["id"].as_str().unwrap());
    let shown = world.admin("POST", &format!("{path}/test"), json!({ "event": "payment.success" })).await.done(200);
    world.admin("DELETE", &path, Value::Null).await.done(204);
    shown
}

#[rustfmt::skip]
const ANSWERS: &[(&str, &[u8], bool)] = &[
    ("HTTP/1.0 without a length",    b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\nsuccess",                                   true),
    ("bare line feeds",              b"HTTP/1.1 200 OK\nContent-Length: 7\n\nsuccess",                                              true),
    ("chunks with a trailer",        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nsuccess\r\n0\r\nX-T: 1\r\n\r\n", true),
    ("an empty 200",                 b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",                                             true),
    ("100 and 103 before the 200",   b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess", true),
    ("a reason in Chinese",          b"HTTP/1.1 200 \xe6\x88\x90\xe5\x8a\x9f\r\nContent-Length: 7\r\n\r\nsuccess",                   true),
    ("a header in GBK",              b"HTTP/1.1 200 OK\r\nX-Shop: \xb2\xe8\xd2\xb6\xb5\xea\r\nContent-Length: 7\r\n\r\nsuccess",      true),
    ("no reason at all",             b"HTTP/1.1 200\r\nContent-Length: 7\r\n\r\nsuccess",                                         true),
    ("a body in GBK with NUL",       b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\xb3\xc9\xb9\xa6\0\0\0\0\0",                     true),
    ("a body that is no gzip",       b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nnotgzip",             true),
    ("204",                          b"HTTP/1.1 204 No Content\r\n\r\n",                                                           false),
    ("302",                          b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",          false),
    ("cut off before its length",    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsuccess",                                    false),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_server_has_received_if_it_says_200() {
    let world = World::start().await;
    for (what, answer, received) in ANSWERS {
        let shown = tried(&world, "127.0.0.1:0", answer).await;
        assert_eq!(shown["received"], *received, "{what}: {shown}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_ipv6_has_received() {
    let world = World::start().await;
    let shown = tried(&world, "[::1]:0", b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess").await;
    assert_eq!(shown["received"], true, "{shown}");
    world.end().await;
}
