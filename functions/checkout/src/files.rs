//! The two kinds of files: a merchant's logo, and what WeChat looks for at the root of the domain.

use bytes::Bytes;
use domain::{Logo, VerificationFile};
use http::{HeaderValue, StatusCode, header};
use runtime::{ApiError, Reply, error_chain, not_found};
use tracing::error;

use crate::{Deps, replies, visit::verify};

/// Who opens a logo by its own address sees a picture that may do nothing.
const LOGO_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

/// `GET /pay/{token}/logo`
pub(crate) async fn logo(deps: &Deps, token: &str) -> Reply {
    match find_logo(deps, token).await {
        Ok(Some(Logo { kind, bytes })) => {
            let mut reply = replies::guarded(file(bytes.into(), kind.name()), LOGO_POLICY);
            reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
            reply
        }
        Ok(None) => not_found(),
        Err(error) => failed(&error),
    }
}

async fn find_logo(deps: &Deps, token: &str) -> Result<Option<Logo>, ApiError> {
    let Some(verified) = verify(deps, token, deps.services().clock.now()).await? else { return Ok(None) };
    Ok(deps.services().store.find_logo(&verified.claims.key.app).await?)
}

/// `GET /MP_verify_<16>.txt`: only what an operator saved. For WeChat, an account whose file is shown here owns the domain.
pub(crate) async fn verification(deps: &Deps, name: &str) -> Reply {
    let Some(wanted) = VerificationFile::parse(name) else { return not_found() };
    match deps.services().store.has_verification_file(&wanted).await {
        Ok(true) => {
            let content = Bytes::copy_from_slice(wanted.content().as_bytes());
            replies::guarded(file(content, "text/plain"), "default-src 'none'; frame-ancestors 'none'")
        }
        Ok(false) => not_found(),
        Err(error) => failed(&error.into()),
    }
}

fn file(content: Bytes, kind: &'static str) -> Reply {
    let mut reply = Reply::new(content);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

fn failed(error: &ApiError) -> Reply {
    error!("a file could not be read: {}", error_chain(error));
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    reply
}
