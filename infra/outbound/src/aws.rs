//! The way to AWS for the clients of its SDK. It uses the same HTTP client as all other calls, with the roots of AWS's certificates.
//!
//! The SDK's own HTTP client would be a second one in every function. It has HTTP/2, which neither DynamoDB nor SQS uses, and it reads its
//! roots from PEM at each start.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connection::{CaptureSmithyConnection, ConnectionMetadata},
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use rustls::{RootCertStore, pki_types::CertificateDer};
use tracing::warn;

use crate::{Bounds, Outbound, OutboundError};

/// The root certificates of Amazon, Starfield, and DigiCert (for China).
///
/// # Source
/// <https://www.amazontrust.com/repository/>, <https://www.digicert.com/kb/digicert-root-certificates.htm>
const ROOTS: [&[u8]; 7] = [
    include_bytes!("../certificates/amazon-root-ca-1.der"),
    include_bytes!("../certificates/amazon-root-ca-2.der"),
    include_bytes!("../certificates/amazon-root-ca-3.der"),
    include_bytes!("../certificates/amazon-root-ca-4.der"),
    include_bytes!("../certificates/starfield-services-root-g2.der"),
    include_bytes!("../certificates/digicert-global-root-ca.der"),
    include_bytes!("../certificates/digicert-global-root-g2.der"),
];

/// The SDK cancels a call at the caller's own deadline, which is shorter than this. A batch of DynamoDB has 16 MB of values, and more as
/// JSON.
const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(60), body_bytes_max: 48 * 1024 * 1024 };

/// An HTTP client for the clients of AWS's SDK. All clients that are made with it, or with a clone of it, share its connections.
///
/// # Errors
/// [`OutboundError::Client`].
pub fn aws_http_client() -> Result<SharedHttpClient, OutboundError> {
    Ok(SharedHttpClient::new(ToAws::new()?))
}

pub(crate) fn roots() -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    ROOTS.iter().try_for_each(|root| roots.add(CertificateDer::from_slice(root)))?;
    Ok(roots)
}

/// Clones share the connections.
#[derive(Clone, Debug)]
struct ToAws(Arc<Mutex<Connections>>);

/// The pool of connections that is in use. The HTTP client cannot close a single connection. So a broken one is left together with its
/// pool: running requests end there, and the next request begins a new pool.
#[derive(Clone, Debug)]
struct Connections {
    generation: u64,
    outbound: Outbound,
}

impl Connections {
    fn open(generation: u64) -> Result<Self, OutboundError> {
        let roots = roots().map_err(|error| OutboundError::Client { source: error.into() })?;
        Ok(Self { generation, outbound: Outbound::trusting(roots, None, None)? })
    }
}

impl ToAws {
    fn new() -> Result<Self, OutboundError> {
        Ok(Self(Arc::new(Mutex::new(Connections::open(0)?))))
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a new pool, if that of this generation is in use. So if many requests fail at once, only one of them begins a new pool.
    fn leave(&self, generation: u64) {
        let mut connections = self.connections();
        if connections.generation == generation {
            match Connections::open(generation.wrapping_add(1)) {
                Ok(new) => *connections = new,
                Err(error) => warn!("a sick connection to AWS stays in use: {error}"),
            }
        }
    }

    /// Gives the SDK a function that leaves the connection of a request. The SDK calls it after a passing failure.
    fn hand_over(&self, capture: &CaptureSmithyConnection, generation: u64) {
        let to_aws = self.clone();
        capture.set_connection_retriever(move || {
            let to_aws = to_aws.clone();
            let leave = move || to_aws.leave(generation);
            Some(ConnectionMetadata::builder().proxied(false).poison_fn(leave).build())
        });
    }
}

/// The settings of a connector are two time limits, and none is used: connecting has the limit of [`Outbound`], and the SDK limits each
/// attempt.
impl HttpClient for ToAws {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for ToAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Connections { generation, outbound } = self.connections().clone();
        let to_aws = self.clone();
        HttpConnectorFuture::new(async move {
            let request = read_request(request).map_err(ConnectorError::user)?;
            if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
                to_aws.hand_over(capture, generation);
            }
            let answer = outbound.send(request, BOUNDS).await.map_err(failed)?;
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Nothing that we send to AWS is streamed.
fn read_request(request: HttpRequest) -> Result<http::Request<Bytes>, BoxError> {
    let request = request.try_into_http1x()?;
    let body = request.body().bytes().map(Bytes::copy_from_slice).ok_or("the body is a stream")?;
    Ok(request.map(|_| body))
}

/// An error as the SDK knows it. The SDK tries again what may be a fault of the connection.
fn failed(error: OutboundError) -> ConnectorError {
    match error {
        OutboundError::Connect { .. } | OutboundError::Broken { .. } => ConnectorError::io(error.into()),
        OutboundError::Deadline { .. } => ConnectorError::timeout(error.into()),
        OutboundError::Client { .. } | OutboundError::Forbidden(_) | OutboundError::TooLong { .. } => {
            ConnectorError::other(error.into(), None)
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    fn to_aws() -> ToAws {
        ToAws::new().unwrap()
    }

    fn request(uri: &str) -> HttpRequest {
        let mut request = HttpRequest::new(SdkBody::from("{}"));
        request.set_uri(uri).unwrap();
        request.set_method("POST").unwrap();
        request.headers_mut().insert("x-amz-target", "DynamoDB_20120810.GetItem");
        request.headers_mut().insert("content-length", "2");
        request
    }

    /// Takes one request, and answers it.
    async fn serve(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut taken = Vec::new();
            while !taken.ends_with(b"\r\n\r\n") {
                taken.push(connection.read_u8().await.unwrap());
            }
            let mut body = [0; 2];
            connection.read_exact(&mut body).await.unwrap();
            taken.extend(body);
            connection.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(taken).unwrap()
        });
        (url, server)
    }

    #[tokio::test]
    async fn what_is_signed_arrives_as_it_is_and_the_answer_comes_back() {
        const ANSWER: &str = "HTTP/1.1 400 Bad Request\r\nx-amzn-requestid: R\r\ncontent-length: 3\r\n\r\n[1]";
        let (url, server) = serve(ANSWER).await;
        let path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A1%3Afunction%3Amaxpay-f/invocations";
        let answer = to_aws().call(request(&format!("{url}{path}"))).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers().get("x-amzn-requestid")), (400, Some("R")));
        assert_eq!(answer.body().bytes(), Some(&b"[1]"[..]));
        let sent = server.await.unwrap();
        assert!(sent.starts_with(&format!("POST {path} HTTP/1.1\r\n")), "{sent}");
        assert!(sent.contains("x-amz-target: DynamoDB_20120810.GetItem\r\n"), "{sent}");
        assert!(sent.contains(&format!("host: {}\r\n", url.trim_start_matches("http://"))), "{sent}");
        assert!(sent.ends_with("\r\n\r\n{}"), "{sent}");
    }

    #[tokio::test]
    async fn the_sdk_tries_again_what_may_have_been_the_connections_fault() {
        let (url, _server) = serve("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[1]").await;
        assert!(to_aws().call(request(&url)).await.unwrap_err().is_io());
        let refused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert!(to_aws().call(request(&format!("http://{refused}"))).await.unwrap_err().is_io());
        assert!(failed(OutboundError::Deadline { deadline: BOUNDS.deadline }).is_timeout());
        let too_long = failed(OutboundError::TooLong { body_bytes_max: BOUNDS.body_bytes_max });
        assert!(!too_long.is_io() && !too_long.is_timeout());
    }

    /// Answers every request on every connection, and counts the connections.
    async fn count_connections() -> (String, Arc<Mutex<usize>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let count = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                *counted.lock().unwrap() += 1;
                tokio::spawn(async move {
                    let mut taken = Vec::new();
                    while let Ok(byte) = connection.read_u8().await {
                        taken.push(byte);
                        if taken.ends_with(b"\r\n\r\n{}") {
                            const ANSWER: &[u8] = b"HTTP/1.1 500 Sick\r\ncontent-length: 2\r\n\r\n{}";
                            connection.write_all(ANSWER).await.unwrap();
                            taken.clear();
                        }
                    }
                });
            }
        });
        (url, count)
    }

    #[tokio::test]
    async fn a_sick_connection_is_not_used_again() {
        let (url, count) = count_connections().await;
        let to_aws = to_aws();
        let ask = async || {
            let capture = CaptureSmithyConnection::new();
            let mut request = request(&url);
            request.add_extension(capture.clone());
            assert_eq!(to_aws.call(request).await.unwrap().status().as_u16(), 500);
            capture.get().unwrap()
        };
        ask().await;
        let first = ask().await;
        assert_eq!(*count.lock().unwrap(), 1);
        first.poison();
        first.poison();
        let second = ask().await;
        assert_eq!(*count.lock().unwrap(), 2);
        // The first pool was left already. Leaving it again changes nothing.
        first.poison();
        ask().await;
        assert_eq!(*count.lock().unwrap(), 2);
        second.poison();
        ask().await;
        assert_eq!(*count.lock().unwrap(), 3);
    }

    #[tokio::test]
    async fn a_stream_is_not_sent() {
        let mut request = request("http://127.0.0.1:9");
        *request.body_mut() = SdkBody::taken();
        assert!(to_aws().call(request).await.unwrap_err().is_user());
    }
}
