//! What a simulator needs from its owner: time, the way out, a place for its state.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::crypto::CryptoError;

/// A future that may be sent between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends a notify and answers status and body.
///
/// It must send headers and body as they are, bound time (WeChat waits 5 s, UnionPay 10 s) and size itself, and follow no redirects. A
/// failed connection is an `Err` with a text to show.
pub type NotifySender =
    Arc<dyn Fn(http::Request<Bytes>) -> BoxFuture<'static, Result<(u16, Vec<u8>), String>> + Send + Sync>;

/// Milliseconds since 1970 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a simulator needs from its owner.
pub struct SimulatorOptions {
    /// Where the router is reached, for example `http://127.0.0.1:8787`. Goes into QR codes, H5 URLs and redirects.
    pub base_url: String,
    /// Where trades survive a restart. `None` keeps them in memory only.
    pub state_file: Option<PathBuf>,
    /// The only source of time.
    pub clock: Clock,
    /// The only way out.
    pub send: NotifySender,
}

/// Why a simulator could not be opened or could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// A key file in the repository is damaged.
    #[error("a built-in key cannot be used")]
    Key(#[from] CryptoError),
    /// The state file exists and cannot be read.
    #[error("cannot read the state file {path}")]
    StateRead {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The state file cannot be written.
    #[error("cannot write the state file {path}")]
    StateWrite {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The state file is not what this version wrote.
    #[error("cannot understand line {line} of the state file {path}, delete it to start afresh")]
    StateParse {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1. The cause knows no other line than this one.
        line: usize,
        /// The cause.
        source: serde_json::Error,
    },
    /// The state file is of another version.
    #[error("the state file {path} has format {found}, delete it to start afresh")]
    StateFormat {
        /// The file.
        path: PathBuf,
        /// The version it names.
        found: u32,
    },
    /// A stored trade belongs to a merchant that is no longer built in.
    #[error("a trade belongs to the unknown merchant {merchant}")]
    UnknownMerchant {
        /// Its `app_id` or `partner`.
        merchant: String,
    },
}
