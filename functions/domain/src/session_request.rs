//! `POST /2.0/maxpay/sessions`, parsed at the door.

use std::time::Duration;

use crate::{
    RequestError,
    fields::{Fields, integer, short_text},
};

/// A request for a session token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRequest {
    /// How long the token is valid.
    pub ttl: Duration,
    /// The merchant's own name of the client.
    pub user: Option<String>,
}

/// Thirty days: a token can be revoked only together with the master key.
const TTL_SECONDS_MAX: u64 = 30 * 24 * 3600;
const USER_ID_CHARS_MAX: usize = 128;

impl SessionRequest {
    /// # Errors
    /// [`RequestError`].
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let mut fields = Fields::parse(body)?;
        let expected = "an integer from 1 to 2592000, in seconds";
        let ttl = fields.required("ttlSeconds", expected, |raw| {
            u64::try_from(integer(raw)?).ok().filter(|seconds| (1..=TTL_SECONDS_MAX).contains(seconds))
        });
        let user = fields.optional("userId", "a string of 1 to 128 characters without control characters", |raw| {
            short_text(raw, USER_ID_CHARS_MAX)
        });
        match (fields.problem(), ttl) {
            (None, Some(seconds)) => Ok(Self { ttl: Duration::from_secs(seconds), user }),
            (Some(problem), _) => Err(problem),
            // Cannot happen: a required field that could not be read was noted as a problem before.
            (None, None) => Err(RequestError::Missing { field: "ttlSeconds", expected }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_live_is_required_and_bounded() {
        assert_eq!(SessionRequest::parse(br#"{"ttlSeconds":60}"#).unwrap().ttl, Duration::from_secs(60));
        for body in [
            r#"{"ttlSeconds":0}"#,
            r#"{"ttlSeconds":2592001}"#,
            r#"{"ttlSeconds":"60"}"#,
            r#"{"ttlSeconds":1,"userId":""}"#,
        ] {
            assert!(matches!(SessionRequest::parse(body.as_bytes()), Err(RequestError::Invalid { .. })), "{body}");
        }
        assert!(matches!(SessionRequest::parse(b"{}"), Err(RequestError::Missing { .. })));
    }
}
