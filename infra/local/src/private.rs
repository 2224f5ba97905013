//! Files for the owner's eyes only: what a data folder holds is worth money somewhere.
//!
//! The mode is given when a file is made, so that there is no moment in which others may read it.

use std::{fs, io, path::Path};

/// What stands in a data folder. Drafts and what SQLite keeps beside its file begin so, too.
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

/// Opens files that are made with the mode 0600.
pub(crate) fn options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = options().write(true).create(true).truncate(true).open(path)?;
    // A draft that a killed process left may have another mode.
    restrict(path)?;
    io::Write::write_all(&mut file, bytes)
}

/// Makes an empty file, unless it is there: SQLite gives its own mode to what it keeps beside it.
pub(crate) fn touch(path: &Path) -> io::Result<()> {
    options().append(true).create(true).open(path).map(drop)
}

/// Makes a folder with the mode 0700, unless it is there.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    let mut create = fs::DirBuilder::new();
    create.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut create, 0o700);
    create.create(folder)
}

/// Gives our files of a folder that is there already the mode they would be made with. The folder may hold files of others, and
/// those are left alone.
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
