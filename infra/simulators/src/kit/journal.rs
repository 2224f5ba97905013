//! Stores a simulator's orders over a restart: in a file that only its owner may read, as all files of a data folder are, one
//! change a line.
//!
//! A change is appended in one write. So after a kill the file has all of it, or a cut last line, which the next start drops. The
//! file is rewritten to the live orders at each start, and when it has grown to twice its size after the last rewriting: into a new
//! file, which is then renamed over it. It is not synced to disk, so a power cut may lose the last changes.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::owner::SimulatorError;

/// The version of the stored format, for all providers.
const FORMAT: u32 = 2;
/// The previous version: everything in one object.
const FORMAT_WHOLE: u32 = 1;
/// So many bytes may always be appended before the file is rewritten.
#[cfg(not(test))]
const GROWTH_BYTES_MIN: u64 = 1_048_576;
#[cfg(test)]
pub(crate) const GROWTH_BYTES_MIN: u64 = 16 * 1024;

/// One change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change<T> {
    pub(crate) sequence: u64,
    /// New and changed orders, complete.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty", alias = "trades", alias = "transactions")]
    pub(crate) orders: Vec<T>,
    /// The numbers of dropped orders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gone: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
}

#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// The end of the last complete change.
    bytes: u64,
    /// The size after the last rewriting.
    live_bytes: u64,
    /// A write failed; there may be half a change after `bytes`.
    is_torn: bool,
}

/// Gives every complete change of the file to `apply`. A missing file counts as empty.
pub(crate) fn replay<T: DeserializeOwned>(path: &Path, mut apply: impl FnMut(Change<T>)) -> Result<(), SimulatorError> {
    let failed = |source| SimulatorError::StateRead { path: path.to_owned(), source };
    let wrong = |line| move |source| SimulatorError::StateParse { path: path.to_owned(), line, source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).map_err(failed)?;
    match serde_json::from_slice(&line).map_err(wrong(1))? {
        Header { format: FORMAT } => {}
        Header { format: FORMAT_WHOLE } => {
            apply(serde_json::from_slice(&line).map_err(wrong(1))?);
            return Ok(());
        }
        Header { format: found } => return Err(SimulatorError::StateFormat { path: path.to_owned(), found }),
    }
    for number in 2.. {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(failed)? == 0 {
            return Ok(());
        }
        if !line.ends_with(b"\n") {
            tracing::warn!("dropped the cut last change of the state file {}", path.display());
            return Ok(());
        }
        apply(serde_json::from_slice(&line).map_err(wrong(number))?);
    }
    Ok(())
}

impl Journal {
    /// Replaces the journal at `path` with one that has only `live`.
    pub(crate) fn create<T: Serialize>(
        path: &Path,
        live: impl Iterator<Item = Change<T>>,
    ) -> Result<Self, SimulatorError> {
        write_live(path, live).map_err(|source| SimulatorError::StateWrite { path: path.to_owned(), source })
    }

    /// Appends a change. If this fails, nothing of the change is stored.
    pub(crate) fn append<T: Serialize>(&mut self, change: &Change<T>) -> Result<(), SimulatorError> {
        self.write(change).map_err(|source| SimulatorError::StateWrite { path: self.path.clone(), source })
    }

    /// Whether most of it may be outdated.
    pub(crate) fn has_outgrown(&self) -> bool {
        self.bytes > self.live_bytes.saturating_mul(2).saturating_add(GROWTH_BYTES_MIN)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn write<T: Serialize>(&mut self, change: &Change<T>) -> io::Result<()> {
        if self.is_torn {
            self.file.set_len(self.bytes)?;
            self.is_torn = false;
        }
        let mut line = serde_json::to_vec(change)?;
        line.push(b'\n');
        self.is_torn = true;
        self.file.write_all(&line)?;
        self.is_torn = false;
        self.bytes = self.bytes.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

fn write_live<T: Serialize>(path: &Path, live: impl Iterator<Item = Change<T>>) -> io::Result<Journal> {
    let mut beside = path.to_owned().into_os_string();
    beside.push(".new");
    let mut writer = BufWriter::new(open_private(Path::new(&beside))?);
    serde_json::to_writer(&mut writer, &Header { format: FORMAT })?;
    writer.write_all(b"\n")?;
    for change in live {
        serde_json::to_writer(&mut writer, &change)?;
        writer.write_all(b"\n")?;
    }
    let file = writer.into_inner()?;
    let bytes = file.metadata()?.len();
    // The last step. The open file stays the same, so if any step fails, the old journal is still in use.
    fs::rename(&beside, path)?;
    Ok(Journal { path: path.to_owned(), file, bytes, live_bytes: bytes, is_torn: false })
}

/// An empty file to append to. Its mode is given when it is created, so nobody else can read it at any moment.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.append(true).create(true).open(path)?;
    // A draft from a killed process may have another mode, and half a journal.
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.set_len(0)?;
    Ok(file)
}
