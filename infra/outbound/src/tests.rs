//! Client certificates, with a real TLS server that demands one, as WeChat Pay v2 does for refunds.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::*;

const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(10), body_bytes_max: 64 * 1024 };

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name`, and its key.
fn issue(authority: &Authority, name: &str) -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    Identity { chain: vec![certificate.der().to_vec()], key: key.serialize_der() }
}

fn roots(authority: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    roots
}

/// A server whose certificate was issued by `of`. It admits clients whose certificates were issued by `lets_in`, and answers with the
/// client's certificate.
async fn serve(of: &Authority, lets_in: &Authority) -> String {
    let ring = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(lets_in)), Arc::clone(&ring));
    let Identity { chain, key } = issue(of, "127.0.0.1");
    let tls = ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            chain.into_iter().map(CertificateDer::from).collect(),
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key)),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/secapi/pay/refund", listener.local_addr().unwrap());
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(answer(acceptor.clone(), connection));
        }
    });
    url
}

/// A client that is not admitted gets only an alert of TLS.
async fn answer(acceptor: TlsAcceptor, connection: TcpStream) {
    let Ok(mut connection) = acceptor.accept(connection).await else { return };
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(connection.read_u8().await.unwrap());
    }
    let peer = connection.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", peer.len());
    connection.write_all(&[head.as_bytes(), &peer].concat()).await.unwrap();
    connection.shutdown().await.unwrap();
}

async fn ask(outbound: Result<Outbound, OutboundError>, url: &str) -> Result<Bytes, OutboundError> {
    let request = http::Request::get(url).body(Bytes::new()).unwrap();
    outbound.unwrap().send(request, BOUNDS).await.map(http::Response::into_body)
}

#[tokio::test]
async fn our_certificate_is_shown_to_who_asks_for_one() {
    let (servers, merchants) = (authority(), authority());
    let url = serve(&servers, &merchants).await;
    let ours = issue(&merchants, "1900000003");
    let certificate = ours.chain[0].clone();
    let shown = ask(Outbound::trusting(roots(&servers), None, Some(ours)), &url).await.unwrap();
    assert_eq!(shown, certificate);
}

#[tokio::test]
async fn who_asks_for_a_certificate_refuses_whoever_has_none_or_another() {
    let (servers, merchants, others) = (authority(), authority(), authority());
    let url = serve(&servers, &merchants).await;
    for identity in [None, Some(issue(&others, "1900000003"))] {
        let refused = ask(Outbound::trusting(roots(&servers), None, identity), &url).await.unwrap_err();
        assert!(matches!(refused, OutboundError::Broken { .. } | OutboundError::Connect { .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn who_has_a_certificate_of_ours_still_needs_one_that_we_trust() {
    let (servers, merchants) = (authority(), authority());
    let url = serve(&servers, &merchants).await;
    let refused = ask(Outbound::new().unwrap().identified(issue(&merchants, "1900000003")), &url).await.unwrap_err();
    assert!(matches!(refused, OutboundError::Connect { .. }), "{refused:?}");
}

#[tokio::test]
async fn nobody_is_taken_for_aws_who_is_not_under_its_roots() {
    let (servers, merchants) = (authority(), authority());
    let url = serve(&servers, &merchants).await;
    let ours = issue(&merchants, "1900000003");
    let refused = ask(Outbound::trusting(aws::roots().unwrap(), None, Some(ours)), &url).await.unwrap_err();
    assert!(matches!(refused, OutboundError::Connect { .. }), "{refused:?}");
}

#[test]
fn a_certificate_and_another_ones_key_are_no_identity() {
    let merchants = authority();
    let (one, other) = (issue(&merchants, "1"), issue(&merchants, "2"));
    assert!(matches!(
        Outbound::new().unwrap().identified(Identity { chain: one.chain, key: other.key }),
        Err(OutboundError::Client { .. })
    ));
}
