//! How the file of the profiles is read and written: by its owner alone, whole or not at all, and by one process at a time.

use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// More than a hundred profiles need.
pub(super) const BYTES_MAX: u64 = 1 << 20;

/// As many symbolic links as Linux follows.
const LINKS_MAX: usize = 40;

/// Whoever has the lock reads and writes one small file.
const LOCK_TRIES: usize = 100;
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// Why nothing was read.
#[derive(Debug)]
pub(super) enum Unread {
    /// There is no such file.
    Absent,
    /// It is a pipe or a device, which may never end, or it is too long.
    NotPlain,
    /// Others than its owner may read or write it.
    Open {
        /// The rights.
        mode: u32,
    },
    /// The system says so.
    Io(io::Error),
}

/// Reads it.
pub(super) fn read_private(file: &Path) -> Result<String, Unread> {
    let metadata = fs::metadata(file)
        .map_err(|error| if error.kind() == ErrorKind::NotFound { Unread::Absent } else { Unread::Io(error) })?;
    // Opening a pipe would wait already.
    if !metadata.is_file() || metadata.len() > BYTES_MAX {
        return Err(Unread::NotPlain);
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Unread::Open { mode });
    }
    let mut text = String::new();
    File::open(file).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text)).map_err(Unread::Io)?;
    Ok(text)
}

/// A file of this name is there whole or not at all, and never readable by others, not even for a moment. A symbolic link stays one.
pub(super) fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let file = behind_links(file);
    make_folder(&file)?;
    let beside = file.with_extension(format!("{}.new", std::process::id()));
    let written = (|| {
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        // The umask may have taken rights away, but the owner needs these.
        new.set_permissions(Permissions::from_mode(0o600))?;
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&beside, &file)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Locks the folder of the file, until the answer is dropped. `None` if that file system has no locks.
///
/// # Errors
/// If another process has had the lock for five seconds, or the folder cannot be made.
pub(super) fn lock(file: &Path) -> io::Result<Option<File>> {
    let folder = File::open(make_folder(&behind_links(file))?)?;
    for _ in 0..LOCK_TRIES {
        match folder.try_lock() {
            Ok(()) => return Ok(Some(folder)),
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_WAIT),
        }
    }
    Err(io::Error::new(ErrorKind::WouldBlock, "another maxpay writes it"))
}

fn make_folder(file: &Path) -> io::Result<&Path> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    Ok(folder)
}

/// Where the links lead, also if nothing is there yet.
fn behind_links(file: &Path) -> PathBuf {
    let mut file = file.to_owned();
    for _ in 0..LINKS_MAX {
        match (fs::read_link(&file), file.parent()) {
            (Ok(target), Some(folder)) => file = folder.join(target),
            (Ok(_) | Err(_), _) => break,
        }
    }
    file
}
