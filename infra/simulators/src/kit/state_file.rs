//! Where a simulator's trades survive a restart: a file for the owner's eyes only, as all of a data folder are.
//!
//! It is written whole after each change, to a neighbour that is then renamed over it: a kill leaves the old or the new state, never half
//! of one. It is not synced to disk, so a power cut may lose the last changes.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::owner::SimulatorError;

/// The version of what is stored, of all providers.
const FORMAT: u32 = 1;

/// Without a path, state is kept in memory only.
#[derive(Debug, Default)]
pub(crate) struct StateFile(Option<PathBuf>);

#[derive(Serialize, Deserialize)]
struct Stored<T> {
    format: u32,
    #[serde(flatten)]
    state: T,
}

impl StateFile {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    /// What was written last, if anything was.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, SimulatorError> {
        let Some(path) = self.0.clone() else { return Ok(None) };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(SimulatorError::StateRead { path, source }),
        };
        let stored: Stored<T> = match serde_json::from_slice(&bytes) {
            Ok(stored) => stored,
            Err(source) => return Err(SimulatorError::StateParse { path, source }),
        };
        if stored.format != FORMAT {
            return Err(SimulatorError::StateFormat { path, found: stored.format });
        }
        Ok(Some(stored.state))
    }

    pub(crate) fn write(&self, state: impl Serialize) -> Result<(), SimulatorError> {
        let Some(path) = &self.0 else { return Ok(()) };
        let failed = |source: io::Error| SimulatorError::StateWrite { path: path.clone(), source };
        let bytes = serde_json::to_vec(&Stored { format: FORMAT, state }).map_err(|error| failed(error.into()))?;
        let mut beside = path.clone().into_os_string();
        beside.push(".new");
        write_private(Path::new(&beside), &bytes).map_err(failed)?;
        fs::rename(&beside, path).map_err(failed)
    }
}

/// The mode is given when the file is made, so that there is no moment in which others may read it.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.write(true).create(true).truncate(true).open(path)?;
    // A draft that a killed process left may have another mode.
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    io::Write::write_all(&mut file, bytes)
}
