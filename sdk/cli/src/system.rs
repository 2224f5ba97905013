//! What the tool asks of the system: its environment, its clock and its folders. No other file asks.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use domain::Timestamp;

/// A variable of the environment, if it is set, readable and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok().filter(|value| !value.is_empty())
}

/// The arguments with the program's name.
pub(crate) fn arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// Now.
#[expect(clippy::disallowed_methods, reason = "a tool on somebody's machine has the clock of that machine")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::clamped(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The file of the profiles. `None` if the environment names no home.
pub(crate) fn profiles_file() -> Option<PathBuf> {
    let folder = match variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute()) {
        Some(folder) => folder,
        None => std::env::home_dir()?.join(".config"),
    };
    Some(folder.join("maxpay").join("config.toml"))
}

/// Finds a program beside this one, or in the folders of `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|own| own.parent().map(Path::to_owned));
    let in_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let folders = beside.into_iter().chain::<Vec<PathBuf>>(in_path);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}
