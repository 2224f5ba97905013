//! The profiles: where a gateway is, and the keys for it. They are in one file that nobody but its owner can read.
//!
//! A value of the environment goes before that of the profile. Where the environment names another address than the profile, the
//! profile's keys are left out: they are secrets of another gateway.

mod file;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use domain::Secret;
use file::{BYTES_MAX, Unread, lock, read_private, write_private};
use toml::{Table, Value};

use crate::{
    failure::Failure,
    words::{Words, words},
};

/// What may be set: the name in the file, and the variable.
pub(crate) const URL: Setting = Setting { name: "url", variable: "MAXPAY_URL" };
pub(crate) const APP_ID: Setting = Setting { name: "app_id", variable: "MAXPAY_APP_ID" };
pub(crate) const CLIENT_KEY: Setting = Setting { name: "client_key", variable: "MAXPAY_CLIENT_KEY" };
pub(crate) const MASTER_KEY: Setting = Setting { name: "master_key", variable: "MAXPAY_MASTER_KEY" };
pub(crate) const OPERATOR_TOKEN: Setting = Setting { name: "operator_token", variable: "MAXPAY_OPERATOR_TOKEN" };
pub(crate) const SETTINGS: [Setting; 5] = [URL, APP_ID, CLIENT_KEY, MASTER_KEY, OPERATOR_TOKEN];

/// One value of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its name in the file.
    pub(crate) name: &'static str,
    /// Its variable in the environment.
    pub(crate) variable: &'static str,
}

/// The values of one profile, by their names. Debug shows no value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile(BTreeMap<&'static str, Secret<String>>);

impl Profile {
    /// A value, if it is set.
    pub(crate) fn value(&self, setting: Setting) -> Option<&str> {
        self.0.get(setting.name).map(|value| value.expose().as_str())
    }

    /// Sets a value without the blanks around it. An empty value removes the setting.
    pub(crate) fn set(&mut self, setting: Setting, value: &str) {
        match value.trim() {
            "" => self.0.remove(setting.name),
            value => self.0.insert(setting.name, Secret::new(value.to_owned())),
        };
    }

    /// This profile under what the environment says.
    pub(crate) fn under(&self, variable: impl Fn(&str) -> Option<String>) -> Self {
        let other_url = variable(URL.variable).is_some_and(|url| self.value(URL) != Some(clean_url(&url)));
        let mut effective = if other_url { Self::default() } else { self.clone() };
        for setting in SETTINGS {
            if let Some(value) = variable(setting.variable) {
                effective.set(setting, if setting == URL { clean_url(&value) } else { &value });
            }
        }
        effective
    }
}

/// An address without the slash at its end.
pub(crate) fn clean_url(url: &str) -> &str {
    url.trim().trim_end_matches('/')
}

/// All profiles, as the file has them.
#[derive(Debug)]
pub(crate) struct Profiles {
    file: PathBuf,
    /// By name.
    pub(crate) all: BTreeMap<String, Profile>,
}

impl Profiles {
    /// Reads the file. If it is absent there are no profiles.
    ///
    /// # Errors
    /// [`Failure`] if others than its owner may read it, or if it is no file of this tool.
    pub(crate) fn load(file: Option<PathBuf>) -> Result<Self, Failure> {
        let file = needed(file)?;
        match read_private(&file) {
            Ok(text) => {
                let all = parse(&text).map_err(|problem| problem.into_failure(&file))?;
                Ok(Self { file, all })
            }
            Err(Unread::Absent) => Ok(Self { file, all: BTreeMap::new() }),
            Err(Unread::NotPlain) => {
                let shown = file.display();
                let message = words!(
                    "{shown} 应为不超过 {BYTES_MAX} 字节的普通文件",
                    "{shown} must be a file of at most {BYTES_MAX} bytes"
                );
                Err(Failure::own("file", message).with_remedy(elsewhere(&file)))
            }
            Err(Unread::Open { mode }) => Err(open_to_others(&file, mode)),
            Err(Unread::Io(error)) => Err(unusable(&file, &error)),
        }
    }

    /// Reads the file, changes the profiles, and writes it in one step, readable by its owner alone. Another `maxpay` that changes it at the
    /// same time waits, so none of the changes is lost.
    ///
    /// # Errors
    /// As [`Profiles::load`], or that of `change`; and [`Failure`] if the file cannot be written.
    pub(crate) fn change(
        file: Option<PathBuf>,
        change: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let file = needed(file)?;
        let _lock = lock(&file).map_err(|error| unusable(&file, &error))?;
        let mut profiles = Self::load(Some(file))?;
        change(&mut profiles)?;
        let file = &profiles.file;
        write_private(file, &render(&profiles.all)).map_err(|error| unusable(file, &error))?;
        Ok(profiles)
    }

    /// Where they are kept.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}

/// What is wrong in the file. It never shows a value.
struct Problem {
    field: String,
    message: Words,
}

impl Problem {
    fn into_failure(self, file: &Path) -> Failure {
        let shown = file.display();
        let remedy =
            words!("改正 {shown}，或者删掉它再 maxpay login", "mend {shown}, or delete it and run maxpay login");
        Failure::of_field(&self.field, self.message).with_remedy(remedy)
    }
}

fn parse(text: &str) -> Result<BTreeMap<String, Profile>, Problem> {
    let problem = |field: &str, message| Problem { field: field.to_owned(), message };
    // The parser's own message quotes the line, in which a key may stand.
    let table: Table = text.parse().map_err(|_| {
        problem("config.toml", words!("配置文件不是合法的 TOML", "the file of the settings must be TOML"))
    })?;
    if let Some(other) = table.keys().find(|name| *name != "profiles") {
        return Err(problem(
            other,
            words!("不认识这一项，只能是 profiles", "is unknown; only profiles may stand here"),
        ));
    }
    let mut all = BTreeMap::new();
    let given = table
        .get("profiles")
        .map(|given| given.as_table().ok_or_else(|| problem("profiles", words!("应为一个表", "must be a table"))));
    for (name, members) in given.transpose()?.into_iter().flatten() {
        let field = format!("profiles.{name}");
        let members = members.as_table().ok_or_else(|| problem(&field, words!("应为一个表", "must be a table")))?;
        let mut profile = Profile::default();
        for (key, value) in members {
            let field = format!("{field}.{key}");
            let setting = SETTINGS.into_iter().find(|setting| setting.name == key);
            let names = SETTINGS.map(|setting| setting.name).join(", ");
            let setting = setting.ok_or_else(|| {
                problem(&field, words!("不认识这一项，只能是 {names}", "is unknown; it must be one of {names}"))
            })?;
            let value = value.as_str().ok_or_else(|| problem(&field, words!("应为字符串", "must be a string")))?;
            profile.set(setting, value);
        }
        all.insert(name.clone(), profile);
    }
    Ok(all)
}

fn render(all: &BTreeMap<String, Profile>) -> String {
    let values = |profile: &Profile| -> Table {
        let set = SETTINGS.into_iter().filter_map(|setting| Some((setting.name, profile.value(setting)?)));
        set.map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
    };
    let profiles: Table = all.iter().map(|(name, profile)| (name.clone(), Value::Table(values(profile)))).collect();
    Table::from_iter([("profiles".to_owned(), Value::Table(profiles))]).to_string()
}

fn needed(file: Option<PathBuf>) -> Result<PathBuf, Failure> {
    file.ok_or_else(|| {
        Failure::own("no-home", words!("找不到配置目录", "there is no folder for the settings"))
            .with_remedy(words!("设置 HOME 或 XDG_CONFIG_HOME", "set HOME or XDG_CONFIG_HOME"))
    })
}

fn open_to_others(file: &Path, mode: u32) -> Failure {
    let shown = file.display();
    let message = words!(
        "{shown} 里有密钥，权限却是 {mode:04o}，别的用户也能读写；应为 0600",
        "{shown} has keys and the mode {mode:04o}, which opens it to other users; it must be 0600"
    );
    let remedy = words!(
        "chmod 600 {shown}；如果可能已被别人看到，请更换密钥",
        "chmod 600 {shown}; replace the keys if others may have seen them"
    );
    Failure::own("open-file", message).with_remedy(remedy)
}

fn unusable(file: &Path, error: &io::Error) -> Failure {
    let shown = file.display();
    Failure::own("file", words!("无法读写 {shown}：{error}", "{shown} cannot be read or written: {error}"))
        .with_remedy(elsewhere(file))
}

fn elsewhere(file: &Path) -> Words {
    let shown = file.display();
    words!(
        "把 {shown} 移走后执行 maxpay login，或用 XDG_CONFIG_HOME 换一个配置目录",
        "move {shown} away and run maxpay login, or choose another folder by XDG_CONFIG_HOME"
    )
}

#[cfg(test)]
mod tests;
