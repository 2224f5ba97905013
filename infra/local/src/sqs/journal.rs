//! The state file: every change of the queues, one JSON record per line.
//!
//! Why a journal: each change is appended with one `write`. So it survives a kill -9 at any point, because what the kernel took no longer
//! needs the process. To rewrite the whole state for each message would cost more with every message that waits. There is no `fsync` per
//! change, because the local stack need not survive a power cut.
//!
//! The last line may be incomplete. Then it is dropped: its caller never got an answer. The file is rewritten to the bare state at open (to
//! a new file, synced, then renamed). It is rewritten again when it has grown by [`GROWTH_BYTES_MAX`] and to twice the state, so it stays
//! within that.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{attributes::QueueAttributes, error::OpenError, message::Message};
use crate::private;

/// How much a journal may hold beyond the state before it is rewritten. This much is read in a fraction of a second.
#[cfg(not(test))]
const GROWTH_BYTES_MAX: u64 = 16 * 1_048_576;
#[cfg(test)]
pub(super) const GROWTH_BYTES_MAX: u64 = 16 * 1_024;

/// One change of the queues. `seq` numbers messages in the order of sending, over all queues.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Record {
    /// A queue is new, or has new attributes.
    Queue { name: String, attributes: QueueAttributes, created_ms: i64 },
    /// A message is there, in any state.
    Message { queue: String, seq: u64, message: Message },
    /// A message was received.
    Lease { queue: String, seq: u64, received_ms: i64, visible_ms: i64 },
    /// A lease became longer or shorter.
    Visibility { queue: String, seq: u64, visible_ms: i64 },
    /// A message went to the dead letter queue.
    Move { from: String, to: String, seq: u64 },
    /// A message was deleted.
    Delete { queue: String, seq: u64 },
    /// All messages of a queue were deleted.
    Purge { queue: String },
}

/// An open state file.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// The end of the last whole record.
    bytes: u64,
    /// The size right after the last rewrite.
    state_bytes: u64,
    /// A write failed, so half a record may follow `bytes`.
    is_torn: bool,
}

/// Calls `apply` with every complete record of the file. A missing file counts as empty.
pub(super) fn replay(path: &Path, mut apply: impl FnMut(Record)) -> Result<(), OpenError> {
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
            break;
        }
        if !bytes.ends_with(b"\n") {
            tracing::warn!("dropped the cut last line {line} of the SQS state file {}", path.display());
            break;
        }
        let record = serde_json::from_slice(&bytes).map_err(|source| OpenError::Corrupt {
            path: path.to_owned(),
            line,
            source,
        })?;
        apply(record);
    }
    Ok(())
}

impl Journal {
    /// Replaces the journal at `path` by one that holds only `state`.
    pub(super) fn create(path: &Path, state: impl Iterator<Item = Record>) -> io::Result<Self> {
        let draft = path.with_added_extension("new");
        let file = private::options().append(true).create(true).open(&draft)?;
        // A killed rewrite may have left half a draft.
        file.set_len(0)?;
        let mut writer = BufWriter::new(file);
        for record in state {
            serde_json::to_writer(&mut writer, &record)?;
            writer.write_all(b"\n")?;
        }
        let file = writer.into_inner()?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        // This is the last step, and the file stays open. If any step fails, the old journal is still in use.
        fs::rename(&draft, path)?;
        Ok(Self { path: path.to_owned(), file, bytes, state_bytes: bytes, is_torn: false })
    }

    /// Appends the records in one write. If it fails, none of them has happened.
    pub(super) fn append(&mut self, records: &[Record]) -> io::Result<()> {
        if self.is_torn {
            self.file.set_len(self.bytes)?;
            self.is_torn = false;
        }
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        self.is_torn = true;
        self.file.write_all(&lines)?;
        self.is_torn = false;
        self.bytes = self.bytes.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Whether the journal has grown enough to be rewritten.
    pub(super) fn is_long(&self) -> bool {
        self.bytes.saturating_sub(self.state_bytes) > GROWTH_BYTES_MAX.max(self.state_bytes)
    }

    /// Rewrites the journal so that it holds only `state`.
    pub(super) fn compact(&mut self, state: impl Iterator<Item = Record>) -> io::Result<()> {
        *self = Self::create(&self.path, state)?;
        Ok(())
    }
}
