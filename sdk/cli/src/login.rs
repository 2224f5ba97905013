//! `login`, `logout` and `profiles`. Secrets come from the terminal without echo, from stdin, from the environment or from a local stack's
//! own file, and never from the command line, which other users can see.

use std::{
    fs,
    io::{ErrorKind, IsTerminal, stdin},
    path::Path,
};

use domain::Mode;
use http::Method;
use serde_json::{Value, json};

use crate::{
    arguments::Login,
    client::{Caller, Gateway},
    failure::{Code, Failure},
    output::Output,
    profiles::{APP_ID, CLIENT_KEY, MASTER_KEY, OPERATOR_TOKEN, Profile, Profiles, SETTINGS, Setting, URL, clean_url},
    signals::{Caught, Signals},
    system::{profiles_file, variable},
    table::{list, table_or, text},
    terminal::{Echo, Terminal, ask, piped},
    words::{mode_in_chinese, words},
};

/// More than all settings need.
const STDIN_BYTES_MAX: u64 = 64 << 10;

/// Logs in, unless a signal comes before. Then nothing is saved, and the terminal is as it was.
pub(crate) async fn login(output: Output, name: &str, of: &Login) -> Result<(), Failure> {
    let mut signals = Signals::catch().map_err(|error| Failure::of_catching(&error))?;
    let terminal = stdin().is_terminal().then(Terminal::look);
    let caught = tokio::select! {
        done = log_in(output, name, of) => match done {
            Err(Failure { code: Code::Signal(caught), .. }) => caught,
            done => return done,
        },
        caught = signals.next() => caught,
    };
    terminal.iter().for_each(Terminal::set_back);
    Err(cancelled(caught))
}

async fn log_in(output: Output, name: &str, of: &Login) -> Result<(), Failure> {
    let before = Profiles::load(profiles_file())?.all.get(name).cloned().unwrap_or_default();
    let profile = match &of.local {
        Some(folder) => of_local_stack(folder)?,
        None if stdin().is_terminal() => asked_for(output, &begun(&before, of, &Profile::default())).await?,
        None => begun(&before, of, &read_stdin().await?),
    };
    let gateway = Gateway::new(profile.clone(), output)?;
    let opened = check(&gateway).await?;
    // Another login may have saved its profile while this one asked.
    let profiles = Profiles::change(profiles_file(), |profiles| {
        profiles.all.insert(name.to_owned(), profile);
        Ok(())
    })?;
    let (file, url) = (profiles.file().display(), gateway.url());
    let document = json!({ "profile": name, "url": url, "file": file.to_string(), "mode": opened.map(Mode::name) });
    let logged_in = match opened {
        None => words!("已登录 {url}", "logged in at {url}"),
        Some(mode) => {
            let chinese = mode_in_chinese(mode);
            words!("已登录 {url}，{chinese}模式", "logged in at {url}, {mode} mode")
        }
    };
    let kept =
        words!("配置 {name} 存在 {file}，仅本人可读", "the profile {name} is in {file}, which nobody else can read");
    output.result(&document, &logged_in.and_below(&kept));
    Ok(())
}

pub(crate) fn logout(output: Output, name: &str) -> Result<(), Failure> {
    Profiles::change(profiles_file(), |profiles| match profiles.all.remove(name) {
        Some(_) => Ok(()),
        None => Err(no_profile(name, profiles)),
    })?;
    output.result(
        &json!({ "profile": name, "deleted": true }),
        &words!("已删除配置 {name} 和其中的密钥", "deleted the profile {name} with its keys"),
    );
    Ok(())
}

pub(crate) fn profiles(output: Output) -> Result<(), Failure> {
    let profiles = Profiles::load(profiles_file())?;
    let has = |profile: &Profile| -> Vec<&'static str> {
        let secrets = [CLIENT_KEY, MASTER_KEY, OPERATOR_TOKEN].into_iter();
        secrets.filter(|setting| profile.value(*setting).is_some()).map(|setting| setting.name).collect()
    };
    let shown: Vec<Value> = profiles
        .all
        .iter()
        .map(|(name, of)| json!({ "profile": name, "url": of.value(URL), "appId": of.value(APP_ID), "has": has(of) }))
        .collect();
    let row = |shown: &Value| {
        let keys: Vec<&str> = list(shown, "has").iter().filter_map(Value::as_str).collect();
        let mut row: Vec<String> = ["profile", "url", "appId"].map(|name| text(shown, name).to_owned()).into();
        row.push(keys.join(","));
        row
    };
    let rows: Vec<_> = shown.iter().map(row).collect();
    let none = words!("还没有配置，先执行 maxpay login", "no profiles yet: run maxpay login");
    output.result(&json!({ "profiles": shown }), &table_or(&rows, none));
    Ok(())
}

/// What was saved, with the environment, the options and the lines of stdin before it. Keys stay only with the address and the app that they
/// are of.
fn begun(before: &Profile, of: &Login, piped: &Profile) -> Profile {
    let mut given = Profile::default();
    given.set(URL, clean_url(of.url.as_deref().unwrap_or_default()));
    given.set(APP_ID, of.app_id.as_deref().unwrap_or_default());
    let told = |setting: Setting| {
        let given = piped.value(setting).or_else(|| given.value(setting));
        given.map(str::to_owned).or_else(|| variable(setting.variable))
    };
    let is_other = |setting: Setting| told(setting).is_some_and(|told| before.value(setting) != Some(clean_url(&told)));
    let kept = if is_other(URL) || is_other(APP_ID) { &Profile::default() } else { before };
    kept.under(|name| SETTINGS.into_iter().find(|setting| setting.variable == name).and_then(told))
}

/// The lines of stdin.
async fn read_stdin() -> Result<Profile, Failure> {
    let text = piped(STDIN_BYTES_MAX).await;
    let text = text
        .map_err(|error| Failure::own("stdin", words!("读不了标准输入：{error}", "stdin cannot be read: {error}")))?;
    let mut profile = Profile::default();
    read_lines(&text, &mut profile)?;
    Ok(profile)
}

/// Asks for what the environment and the options did not say.
async fn asked_for(output: Output, begun: &Profile) -> Result<Profile, Failure> {
    let mut profile = begun.clone();
    let questions = [
        (URL, words!("网关网址", "address of the gateway")),
        (APP_ID, words!("应用 ID", "app id")),
        (CLIENT_KEY, words!("客户端密钥（可留空）", "client key (may be empty)")),
        (MASTER_KEY, words!("主密钥（可留空）", "master key (may be empty)")),
        (OPERATOR_TOKEN, words!("运营令牌（可留空）", "operator token (may be empty)")),
    ];
    for (setting, question) in questions {
        if variable(setting.variable).is_some() || ([URL, APP_ID].contains(&setting) && begun.value(setting).is_some())
        {
            continue;
        }
        let prompt = format!("{}: ", question.to(output.language));
        let echo = if [URL, APP_ID].contains(&setting) { Echo::Shown } else { Echo::Hidden };
        let answer = ask(prompt, echo).await.map_err(|error| {
            if error.kind() == ErrorKind::Interrupted {
                return cancelled(Caught::Interrupt);
            }
            Failure::of_field(setting.name, words!("读不了输入：{error}", "cannot be read from the terminal: {error}"))
        })?;
        // An empty answer keeps what was saved.
        if !answer.trim().is_empty() {
            profile.set(setting, if setting == URL { clean_url(&answer) } else { &answer });
        }
    }
    Ok(profile)
}

fn cancelled(caught: Caught) -> Failure {
    Failure::of_signal(caught, words!("已取消，什么都没有保存", "cancelled; nothing was saved"))
}

/// Reads lines as `MAXPAY_MASTER_KEY=...`. What is wrong is named by its line, never quoted.
fn read_lines(text: &str, profile: &mut Profile) -> Result<(), Failure> {
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let found = line.split_once('=').and_then(|(name, value)| {
            let setting = SETTINGS.into_iter().find(|setting| setting.variable == name.trim())?;
            profile.set(setting, if setting == URL { clean_url(value) } else { value });
            Some(())
        });
        let names = SETTINGS.map(|setting| setting.variable).join(", ");
        let field = format!("stdin:{number}");
        found.ok_or_else(|| {
            Failure::of_field(
                &field,
                words!("应为“名称=值”，名称只能是 {names}", "must be NAME=value with one of {names}"),
            )
        })?;
    }
    Ok(())
}

/// The demo app's keys of the test mode, which a local stack keeps in its folder.
fn of_local_stack(folder: &Path) -> Result<Profile, Failure> {
    let file = folder.join("local.json");
    let shown = file.display();
    let read = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let keys = read.ok_or_else(|| {
        let message =
            words!("{shown} 读不了，或不是本地网关的文件", "{shown} cannot be read, or is no file of a local stack");
        Failure::of_field("local", message).with_remedy(words!(
            "先启动 maxpay local，再指向它的 --data-dir（默认 .maxpay）",
            "start maxpay local, and name its --data-dir (.maxpay unless you chose another)"
        ))
    })?;
    let mut profile = Profile::default();
    for (setting, pointer) in [
        (URL, "/url"),
        (APP_ID, "/apps/0/appId"),
        (CLIENT_KEY, "/apps/0/test/clientKey"),
        (MASTER_KEY, "/apps/0/test/masterKey"),
        (OPERATOR_TOKEN, "/operatorToken"),
    ] {
        profile.set(setting, keys.pointer(pointer).and_then(Value::as_str).unwrap_or_default());
    }
    Ok(profile)
}

/// Tries each key that is there. Returns the mode, if the master key says it.
async fn check(gateway: &Gateway) -> Result<Option<Mode>, Failure> {
    if [CLIENT_KEY, MASTER_KEY, OPERATOR_TOKEN].iter().all(|setting| gateway.setting(*setting).is_none()) {
        let message = words!(
            "主密钥、客户端密钥、运营令牌一个都没有",
            "neither master key, client key nor operator token is there"
        );
        return Err(Failure::own("missing", message).with_remedy(words!(
            "在终端里执行 maxpay login 逐项填写；脚本里从标准输入给出 MAXPAY_MASTER_KEY=… 这样的行",
            "run maxpay login on a terminal; in a script give lines such as MAXPAY_MASTER_KEY=... on stdin"
        )));
    }
    let mut mode = None;
    if gateway.setting(MASTER_KEY).is_some() {
        mode = Some(gateway.mode().await.map_err(|failure| of(MASTER_KEY, failure))?);
    }
    if gateway.setting(CLIENT_KEY).is_some() {
        let query = json!({ "billNum": "maxpay-login" });
        gateway.pay(Caller::Client, "records", &query).await.map_err(|failure| of(CLIENT_KEY, failure))?;
    }
    if gateway.setting(OPERATOR_TOKEN).is_some() {
        gateway.operate_app(Method::GET, "", None).await.map_err(|failure| of(OPERATOR_TOKEN, failure))?;
    }
    Ok(mode)
}

/// Says which key it was that failed.
fn of(setting: Setting, failure: Failure) -> Failure {
    Failure { field: failure.field.or_else(|| Some(setting.name.to_owned())), ..failure }
}

/// Which profile is used, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// The one of this name, by an option or the environment. It must be there.
    Named(String),
    /// Nobody chose: `default`, if it is there.
    Default,
}

impl Chosen {
    /// What the option says, or else the environment.
    pub(crate) fn of(option: Option<&str>) -> Self {
        option.map(str::to_owned).or_else(|| variable("MAXPAY_PROFILE")).map_or(Self::Default, Self::Named)
    }

    /// The profile's name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::Default => "default",
        }
    }
}

/// The profile's values under those of the environment. What the environment says completely needs neither a home nor a readable file.
pub(crate) fn effective(chosen: &Chosen) -> Result<Profile, Failure> {
    let alone = Profile::default().under(variable);
    let has = |setting: &Setting| alone.value(*setting).is_some();
    let suffices = has(&URL) && has(&APP_ID) && [CLIENT_KEY, MASTER_KEY, OPERATOR_TOKEN].iter().any(has);
    let profiles = match (Profiles::load(profiles_file()), chosen) {
        (Err(Failure { code: Code::Own("no-home" | "file"), .. }), Chosen::Default) if suffices => return Ok(alone),
        (loaded, Chosen::Default | Chosen::Named(_)) => loaded?,
    };
    match (profiles.all.get(chosen.name()), chosen) {
        (Some(profile), _) => Ok(profile.under(variable)),
        (None, Chosen::Default) if profiles.all.is_empty() || has(&URL) => Ok(alone),
        (None, Chosen::Default | Chosen::Named(_)) => Err(no_profile(chosen.name(), &profiles)),
    }
}

fn no_profile(name: &str, profiles: &Profiles) -> Failure {
    let failure = Failure::of_field("profile", words!("没有名为 {name} 的配置", "there is no profile {name}"));
    let known = profiles.all.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    failure.with_remedy(if known.is_empty() {
        words!("还没有任何配置，先执行 maxpay login", "there are none yet: run maxpay login")
    } else {
        words!("已有的配置：{known}；用 --profile 选一个", "there are: {known}; choose one by --profile")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_by_their_names_and_never_quoted() {
        let mut profile = Profile::default();
        read_lines("# keys\n\nMAXPAY_URL=http://127.0.0.1:8787/\nMAXPAY_MASTER_KEY = a=b\n", &mut profile).unwrap();
        assert_eq!((profile.value(URL), profile.value(MASTER_KEY)), (Some("http://127.0.0.1:8787"), Some("a=b")));
        for wrong in ["hush", "KEY=hush"] {
            let failure = read_lines(&format!("\n{wrong}"), &mut Profile::default()).unwrap_err();
            assert_eq!(failure.field.as_deref(), Some("stdin:2"));
            assert!(!format!("{failure:?}").contains("hush"), "{failure:?}");
        }
    }

    #[test]
    fn keys_of_another_app_are_not_kept() {
        let mut before = Profile::default();
        before.set(URL, "http://127.0.0.1:8787");
        before.set(APP_ID, "a");
        before.set(MASTER_KEY, "key");
        let kept = |url: Option<&str>, app: Option<&str>| {
            let of = Login { url: url.map(str::to_owned), app_id: app.map(str::to_owned), local: None };
            begun(&before, &of, &Profile::default()).value(MASTER_KEY).map(str::to_owned)
        };
        assert_eq!(kept(None, None).as_deref(), Some("key"));
        assert_eq!(kept(Some("http://127.0.0.1:8787/"), Some("a")).as_deref(), Some("key"));
        assert_eq!(kept(None, Some("b")), None);
        assert_eq!(kept(Some("http://other"), None), None);
    }
}
