//! What the data folder keeps over restarts besides tables and queue: the keys and passwords of the stack.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::rand::{SecureRandom, SystemRandom};

use crate::{
    demo::{DemoApp, Owner, StackKeys},
    error::StartError,
    private,
};

const LOCAL_JSON: &str = "local.json";
const SEALING_KEY: &str = "sealing.key";
const CONSOLE_KEY: &str = "console.key";
const LOCK: &str = "lock";
/// This file exists from the beginning of a folder's first start until the keys are stored.
const STARTING: &str = "starting";
pub(crate) const DATABASE: &str = "dynamodb.sqlite";
pub(crate) const CLOCK: &str = "clock.ms";

/// What the data folder keeps. Without a folder it is made up for one run.
pub(crate) struct State {
    data_dir: Option<PathBuf>,
    /// Held as long as the stack runs. The system releases it when the process ends, in any way.
    pub(crate) lock: Vec<fs::File>,
    pub(crate) sealing_key: String,
    pub(crate) console_key: String,
    pub(crate) operator_token: String,
    pub(crate) apps: Option<Vec<DemoApp>>,
    /// The console's first owner.
    pub(crate) owner: Option<Owner>,
}

impl State {
    pub(crate) fn open(data_dir: Option<PathBuf>) -> Result<Self, StartError> {
        let Some(dir) = data_dir else {
            return Ok(Self {
                data_dir: None,
                lock: Vec::new(),
                sealing_key: random_text()?,
                console_key: random_text()?,
                operator_token: random_text()?,
                apps: None,
                owner: None,
            });
        };
        let failed = |source| StartError::DataDir { path: dir.clone(), source };
        private::create_folder(&dir).map_err(failed)?;
        let lock = lock(&dir)?;
        private::restrict_all(&dir).map_err(failed)?;
        let known: Option<StackKeys> = match read(&dir.join(LOCAL_JSON))? {
            Some(text) => Some(read_stack_keys(&dir, &text)?),
            None => None,
        };
        begin_anew_if_killed(&dir, known.is_some()).map_err(failed)?;
        let sealing_path = dir.join(SEALING_KEY);
        // With another sealing key, nothing that the database holds can be opened.
        if known.is_some() && read_key(&sealing_path)?.is_none() {
            return Err(StartError::DataDirIncomplete { path: sealing_path });
        }
        let sealing_key = kept_key(&sealing_path)?;
        let console_key = kept_key(&dir.join(CONSOLE_KEY))?;
        let (operator_token, apps, owner) = match known {
            Some(known) => {
                let owner = Owner { name: known.console_user, password: known.console_password };
                (known.operator_token, Some(known.apps), Some(owner).filter(|owner| !owner.password.is_empty()))
            }
            None => (random_text()?, None, None),
        };
        Ok(Self { data_dir: Some(dir), lock, sealing_key, console_key, operator_token, apps, owner })
    }

    pub(crate) fn keep(&self, keys: &StackKeys) -> Result<(), StartError> {
        let Some(dir) = &self.data_dir else { return Ok(()) };
        write_stack_keys(dir, keys)?;
        let path = dir.join(STARTING);
        remove(&path).map_err(|source| StartError::DataDir { path, source })
    }

    /// Refuses a folder that has keys and no database: an empty database would answer that nothing was ever charged.
    pub(crate) fn require_database(&self) -> Result<(), StartError> {
        let Some(path) = self.file(DATABASE).filter(|_| self.apps.is_some()) else { return Ok(()) };
        let is_empty = fs::metadata(&path).map_or(true, |file| file.len() == 0);
        if is_empty { Err(StartError::DataDirIncomplete { path }) } else { Ok(()) }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_default()
    }

    pub(crate) fn file(&self, name: &str) -> Option<PathBuf> {
        self.data_dir.as_ref().map(|dir| dir.join(name))
    }
}

/// A first start that was killed may have left half a table. Its keys were never given out, so the table is deleted.
fn begin_anew_if_killed(dir: &Path, has_keys: bool) -> io::Result<()> {
    let starting = dir.join(STARTING);
    let database = dir.join(DATABASE);
    if !has_keys && starting.try_exists()? {
        ["", "-wal", "-shm"].iter().try_for_each(|end| remove(&dir.join(format!("{DATABASE}{end}"))))?;
    }
    if has_keys || database.try_exists()? {
        return remove(&starting);
    }
    private::touch(&starting)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes `local.json`.
pub(crate) fn write_stack_keys(dir: &Path, keys: &StackKeys) -> Result<(), StartError> {
    let json = serde_json::to_string_pretty(keys).map_err(|error| StartError::part(LOCAL_JSON, error))?;
    write(&dir.join(LOCAL_JSON), &json)
}

fn read_stack_keys(dir: &Path, text: &str) -> Result<StackKeys, StartError> {
    serde_json::from_str(text).map_err(|source| StartError::DataDirDamaged { path: dir.join(LOCAL_JSON), source })
}

/// The key in a file. The file is made if it does not exist yet.
fn kept_key(path: &Path) -> Result<String, StartError> {
    if let Some(key) = read_key(path)? {
        return Ok(key);
    }
    let key = random_text()?;
    write(path, &key)?;
    Ok(key)
}

/// The key in a file. An empty file holds no key.
fn read_key(path: &Path) -> Result<Option<String>, StartError> {
    Ok(read(path)?.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()))
}

/// Two stacks on one folder would each overwrite the other's queue. On systems that can do it the folder itself is locked, too, because
/// somebody may delete the file. The file is for older versions, which lock only the file.
fn lock(dir: &Path) -> Result<Vec<fs::File>, StartError> {
    let file = dir.join(LOCK);
    let opened = private::options().write(true).create(true).truncate(true).open(&file);
    let mut locks = vec![take(dir, &file, opened)?];
    if cfg!(unix) {
        locks.push(take(dir, dir, fs::File::open(dir))?);
    }
    Ok(locks)
}

fn take(dir: &Path, path: &Path, opened: io::Result<fs::File>) -> Result<fs::File, StartError> {
    let failed = |source| StartError::DataDir { path: path.to_owned(), source };
    let file = opened.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(StartError::DataDirTaken { path: dir.to_owned() }),
        Err(fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn read(path: &Path) -> Result<Option<String>, StartError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StartError::DataDir { path: path.to_owned(), source }),
    }
}

/// Writes a whole file or nothing. Only its owner may read it, because these files hold keys.
fn write(path: &Path, text: &str) -> Result<(), StartError> {
    let failed = |source| StartError::DataDir { path: path.to_owned(), source };
    let draft = path.with_extension("new");
    private::write(&draft, text.as_bytes()).map_err(failed)?;
    fs::rename(&draft, path).map_err(failed)
}

pub(crate) fn random_text() -> Result<String, StartError> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| StartError::part("random source", "it failed"))?;
    Ok(STANDARD.encode(bytes))
}

/// Twenty letters and digits, so that a person can type them.
pub(crate) fn random_password() -> Result<String, StartError> {
    const CHARS: usize = 20;
    let text = random_text()? + &random_text()?;
    Ok(text.chars().filter(char::is_ascii_alphanumeric).take(CHARS).collect())
}
