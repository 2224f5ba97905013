//! A client without a network: the simulation answers each request.
//!
//! Only the feature `simulated` compiles it, and no deployed function is built with that.

use std::{fmt, pin::Pin, sync::Arc};

use bytes::Bytes;

use crate::{Outbound, OutboundError, Overlong, Way};

/// Answers a request. If it never answers, the caller's deadline ends the wait.
pub type Exchange = Arc<
    dyn Fn(http::Request<Bytes>) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, Unanswered>> + Send>>
        + Send
        + Sync,
>;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// No connection was made, and nothing was sent.
    #[error("simulated: nobody was reached")]
    Unconnected,
    /// The connection broke; the request may have been read.
    #[error("simulated: the connection broke")]
    Broken,
}

#[derive(Clone)]
pub(crate) struct Simulated(Exchange);

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Simulated")
    }
}

impl Outbound {
    /// A client whose requests all go to `exchange`.
    pub fn simulated(exchange: Exchange) -> Self {
        Self { way: Way::Simulated(Simulated(exchange)) }
    }
}

impl Simulated {
    pub(crate) async fn exchange(
        &self,
        request: http::Request<Bytes>,
        body_bytes_max: usize,
        overlong: Overlong,
    ) -> Result<http::Response<Bytes>, OutboundError> {
        let answer = (self.0)(request).await.map_err(|unanswered| match unanswered {
            Unanswered::Unconnected => OutboundError::Connect { source: unanswered.into() },
            Unanswered::Broken => OutboundError::Broken { source: unanswered.into() },
        })?;
        if answer.body().len() <= body_bytes_max {
            return Ok(answer);
        }
        match overlong {
            Overlong::Refused => Err(OutboundError::TooLong { body_bytes_max }),
            Overlong::Cut => Ok(answer.map(|body| body.slice(..body_bytes_max))),
        }
    }
}
