//! Files that only their owner may read: a data folder holds secrets that may be worth money.
//!
//! The mode is given when a file is made, so others cannot read it at any moment.

use std::{fs, io, path::Path};

/// The files of a data folder. Drafts, and the files that SQLite keeps beside its database, begin with the same names.
const FILES: [&str; 11] = [
    "dynamodb.sqlite",
    "sqs.journal",
    "local.",
    "sealing.",
    "console.",
    "clock.",
    "lock",
    "starting",
    "simulator.json",
    "wechat.json",
    "unionpay.json",
];

/// Opens files. A new file gets the mode 0600.
pub(crate) fn options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = options().write(true).create(true).truncate(true).open(path)?;
    // A killed process may have left a draft with another mode.
    restrict(path)?;
    io::Write::write_all(&mut file, bytes)
}

/// Makes an empty file, if it does not exist. SQLite gives the mode of its database to the files beside it.
pub(crate) fn touch(path: &Path) -> io::Result<()> {
    options().append(true).create(true).open(path).map(drop)
}

/// Makes a folder with the mode 0700, if it does not exist.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    let mut create = fs::DirBuilder::new();
    create.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut create, 0o700);
    create.create(folder)
}

/// Gives our files in an existing folder the mode of new ones. The folder may hold other people's files, which stay as they are.
pub(crate) fn restrict_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_ours = FILES.iter().any(|begin| name.starts_with(begin));
        if is_ours && entry.file_type()?.is_file() {
            restrict(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn restrict(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

#[cfg(not(unix))]
fn restrict(_path: &Path) -> io::Result<()> {
    Ok(())
}
