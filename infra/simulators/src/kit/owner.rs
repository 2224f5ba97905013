//! What a simulator needs from its owner: the time, a sender, a place for its state.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::crypto::CryptoError;

/// A future that may be sent between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends a notify and returns the status and body of the answer.
///
/// It must send headers and body unchanged, limit time (WeChat waits 5 s, UnionPay 10 s) and size itself, and follow no redirects.
/// A failed connection is an `Err` with a text for people.
pub type NotifySender =
    Arc<dyn Fn(http::Request<Bytes>) -> BoxFuture<'static, Result<(u16, Vec<u8>), String>> + Send + Sync>;

/// Milliseconds since 1970 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a simulator needs from its owner.
pub struct SimulatorOptions {
    /// The address of the router, for example `http://127.0.0.1:8787`. It is used in QR codes, H5 URLs and redirects.
    pub base_url: String,
    /// The file that stores the trades over a restart. `None` keeps them in memory only.
    pub state_file: Option<PathBuf>,
    /// The only source of time.
    pub clock: Clock,
    /// The only way to send.
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
    /// This version did not write the state file.
    #[error("cannot understand line {line} of the state file {path}, delete it to start afresh")]
    StateParse {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1. The cause itself does not have it.
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
