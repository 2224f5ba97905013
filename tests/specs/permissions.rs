//! Records the permissions that the functions needed while the specs ran. `tests/permissions.rs` compares them.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use local::Grant;

static KEPT: Mutex<BTreeSet<Grant>> = Mutex::new(BTreeSet::new());

/// Adds new ones to a file of this process.
pub(crate) fn keep(used: BTreeSet<Grant>) {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("permissions");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{}.txt", std::process::id()));
    let mut file = fs::File::options().create(true).append(true).open(file).unwrap();
    for Grant { function, action, resource, keys } in used.difference(&kept.clone()) {
        writeln!(file, "{function}\t{action}\t{resource}\t{keys}").unwrap();
    }
    kept.extend(used);
}
