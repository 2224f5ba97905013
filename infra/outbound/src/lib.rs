//! HTTP to the outside and to AWS, bounded in time and size, the invocation of a merchant's own Lambda, and messages to topics of SNS.
//!
//! It knows requests and responses, and nothing of payments. Redirects are never followed: an answer with a redirect counts as no
//! answer.

mod aws;
mod functions;
mod guard;
#[cfg(feature = "simulated")]
mod simulated;
mod topics;

use std::{error::Error, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use guard::GuardedResolver;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};

pub use aws::aws_http_client;
pub use functions::{Functions, InvokeError, Invoked};
pub use guard::{Forbidden, Guard, InvalidRange};
#[cfg(feature = "simulated")]
pub use simulated::{Exchange, Unanswered};
pub use topics::{PublishError, Topics};

/// The longest time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A client that keeps its connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound {
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Network(Network),
    #[cfg(feature = "simulated")]
    Simulated(simulated::Simulated),
}

#[derive(Clone, Debug)]
struct Network {
    client: reqwest::Client,
    guard: Option<Guard>,
}

/// A client certificate, for servers that ask for one. The chain begins with our own certificate. The chain and the private key are DER.
pub struct Identity {
    /// The certificates.
    pub chain: Vec<Vec<u8>>,
    /// The private key.
    pub key: Vec<u8>,
}

/// Shows nothing of the key.
impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({} certificates)", self.chain.len())
    }
}

/// The bounds of one exchange.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From the first byte sent to the last byte read.
    pub deadline: Duration,
    /// The longest answer.
    pub body_bytes_max: usize,
}

impl Outbound {
    /// Builds the client, with TLS by ring. Mozilla's roots are compiled in, because loading the system's roots costs each cold start some
    /// milliseconds.
    ///
    /// # Errors
    /// [`OutboundError::Client`].
    pub fn new() -> Result<Self, OutboundError> {
        Self::build(None, None)
    }

    /// Builds the client for addresses that a merchant or an operator chose. It reaches public addresses, and those that `guard` allows.
    ///
    /// # Errors
    /// [`OutboundError::Client`].
    pub fn guarded(guard: Guard) -> Result<Self, OutboundError> {
        Self::build(Some(guard), None)
    }

    /// Another client with the same guard, and with a client certificate.
    ///
    /// # Errors
    /// [`OutboundError::Client`] if the certificate or the key cannot be used, or they are not a pair.
    pub fn identified(&self, identity: Identity) -> Result<Self, OutboundError> {
        match &self.way {
            Way::Network(network) => Self::build(network.guard.clone(), Some(identity)),
            #[cfg(feature = "simulated")]
            Way::Simulated(_) => Ok(self.clone()),
        }
    }

    fn build(guard: Option<Guard>, identity: Option<Identity>) -> Result<Self, OutboundError> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self::trusting(roots, guard, identity)
    }

    /// Private, so that no other crate can trust other roots.
    fn trusting(roots: RootCertStore, guard: Option<Guard>, identity: Option<Identity>) -> Result<Self, OutboundError> {
        let client = |source: Box<dyn Error + Send + Sync>| OutboundError::Client { source };
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| client(error.into()))?
            .with_root_certificates(roots);
        let tls = match identity {
            None => tls.with_no_client_auth(),
            Some(Identity { chain, key }) => {
                let chain = chain.into_iter().map(CertificateDer::from).collect();
                let key = PrivateKeyDer::try_from(key).map_err(|error| client(error.into()))?;
                tls.with_client_auth_cert(chain, key).map_err(|error| client(error.into()))?
            }
        };
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT);
        if let Some(guard) = &guard {
            builder = builder.dns_resolver(GuardedResolver(guard.clone()));
        }
        let built = builder.build().map_err(|error| client(error.into()))?;
        Ok(Self { way: Way::Network(Network { client: built, guard }) })
    }

    /// Sends a request and reads its whole answer, whatever its status.
    ///
    /// # Errors
    /// [`OutboundError`]. Except for [`OutboundError::Connect`], it is not known whether the request was received.
    pub async fn send(
        &self,
        request: http::Request<Bytes>,
        bounds: Bounds,
    ) -> Result<http::Response<Bytes>, OutboundError> {
        self.within(request, bounds, Overlong::Refused).await
    }

    /// Sends a request and reads its answer up to the bound. If the answer is longer, the rest is not read, and the answer counts.
    ///
    /// # Errors
    /// [`OutboundError`], but never [`OutboundError::TooLong`].
    pub async fn send_and_cut(
        &self,
        request: http::Request<Bytes>,
        bounds: Bounds,
    ) -> Result<http::Response<Bytes>, OutboundError> {
        self.within(request, bounds, Overlong::Cut).await
    }

    async fn within(
        &self,
        request: http::Request<Bytes>,
        bounds: Bounds,
        overlong: Overlong,
    ) -> Result<http::Response<Bytes>, OutboundError> {
        let exchange = async {
            match &self.way {
                Way::Network(network) => network.exchange(request, bounds.body_bytes_max, overlong).await,
                #[cfg(feature = "simulated")]
                Way::Simulated(simulated) => simulated.exchange(request, bounds.body_bytes_max, overlong).await,
            }
        };
        tokio::time::timeout(bounds.deadline, exchange)
            .await
            .map_err(|_| OutboundError::Deadline { deadline: bounds.deadline })?
    }
}

impl Network {
    async fn exchange(
        &self,
        request: http::Request<Bytes>,
        body_bytes_max: usize,
        overlong: Overlong,
    ) -> Result<http::Response<Bytes>, OutboundError> {
        let request = reqwest::Request::try_from(request).map_err(broken)?;
        self.judge(&request)?;
        let mut answer = self.client.execute(request).await.map_err(broken)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            let room = body_bytes_max - body.len();
            if let Some(fits) = chunk.get(..room)
                && fits.len() < chunk.len()
            {
                match overlong {
                    Overlong::Refused => return Err(OutboundError::TooLong { body_bytes_max }),
                    Overlong::Cut => body.extend_from_slice(fits),
                }
                break;
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = http::Response::new(body.freeze());
        *response.status_mut() = answer.status();
        std::mem::swap(response.headers_mut(), answer.headers_mut());
        Ok(response)
    }

    /// If the URL's host is an address, no name is looked up, so the address is checked here.
    fn judge(&self, request: &reqwest::Request) -> Result<(), OutboundError> {
        let Some(guard) = &self.guard else { return Ok(()) };
        guard.judge_written(request.url()).map_err(OutboundError::Forbidden)
    }
}

/// What to do with an answer that is longer than the bound.
#[derive(Clone, Copy)]
enum Overlong {
    Refused,
    Cut,
}

/// The URL may have signed parameters, so it is removed from the error.
fn broken(error: reqwest::Error) -> OutboundError {
    let error = error.without_url();
    if let Some(forbidden) = guard::forbidden(&error) {
        return OutboundError::Forbidden(forbidden);
    }
    let is_connect = error.is_connect();
    let source = error.into();
    if is_connect { OutboundError::Connect { source } } else { OutboundError::Broken { source } }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The client could not be built.
    #[error("the http client could not be built")]
    Client {
        /// What the library says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The guard does not allow the address.
    #[error("{0}")]
    Forbidden(Forbidden),
    /// No connection was made, and nothing was sent.
    #[error("no connection was made")]
    Connect {
        /// What the client says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection broke.
    #[error("the connection broke before the answer was complete")]
    Broken {
        /// What the client says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// It took too long.
    #[error("there was no complete answer within {} s", deadline.as_secs())]
    Deadline {
        /// What was allowed.
        deadline: Duration,
    },
    /// The answer is too long.
    #[error("the answer is longer than {body_bytes_max} bytes")]
    TooLong {
        /// What was allowed.
        body_bytes_max: usize,
    },
}

#[cfg(test)]
mod tests;
