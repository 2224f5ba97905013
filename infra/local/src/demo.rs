//! The demo app, and the keys and passwords of the stack. The app is made through the operator API like any other app. The keys are kept in
//! `local.json`.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use domain::{App, AppId, KeySet, Tab};
use http::{Method, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Store;
use tokio::sync::Mutex;
use tracing::error;

use crate::{
    error::StartError,
    state::{State, write_stack_keys},
};

/// The keys and passwords of this stack: written to `local.json` and printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackKeys {
    /// The address at which the stack answers.
    pub url: String,
    /// For `/admin/v1`.
    pub operator_token: String,
    /// The owner who signs in at `/console`.
    #[serde(default)]
    pub console_user: String,
    /// The owner's password. Empty in a file of a version without a console.
    #[serde(default)]
    pub console_password: String,
    /// Whether the owner has changed the password, so that this file does not know it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub console_password_changed: bool,
    /// The demo app.
    pub apps: Vec<DemoApp>,
}

/// An app with its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoApp {
    /// Its id.
    pub app_id: String,
    /// Its name.
    pub name: String,
    /// The keys for real payments.
    pub live: KeyPair,
    /// The keys for tests.
    pub test: KeyPair,
}

/// The keys of one mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyPair {
    /// The public one.
    pub client_key: String,
    /// The secret one.
    pub master_key: String,
}

/// The name of the first owner.
const OWNER: &str = "admin";

/// The first owner of the console.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// Makes the first owner of the console.
pub(crate) async fn create_owner(
    admin: &admin::Deps,
    operator_token: &str,
    password: String,
) -> Result<Owner, StartError> {
    let body = json!({ "name": OWNER, "role": "owner", "password": password });
    let made = call(admin, operator_token, Method::POST, "/operators", body).await?;
    // An earlier start was killed before it stored the password: the owner exists, and gets this password.
    let made = if made.status() == StatusCode::CONFLICT {
        let body = json!({ "role": "owner", "state": "enabled", "password": password });
        call(admin, operator_token, Method::PATCH, &format!("/operators/{OWNER}"), body).await?
    } else {
        made
    };
    done("first owner", made)?;
    Ok(Owner { name: OWNER.to_owned(), password })
}

/// Makes the demo app. Its test mode uses the simulators.
pub(crate) async fn create(admin: &admin::Deps, operator_token: &str) -> Result<DemoApp, StartError> {
    let made = call(admin, operator_token, Method::POST, "/apps", json!({ "name": "demo" })).await?;
    let made = done("demo app", made)?;
    let app: DemoApp = serde_json::from_slice(&made).map_err(|error| StartError::part("demo app", error))?;
    for tab in Tab::ALL {
        let channel = format!("/apps/{}/channels/{tab}?mode=test", app.app_id);
        done(
            "demo app",
            call(admin, operator_token, Method::PUT, &channel, json!({ "protocol": "simulator" })).await?,
        )?;
    }
    Ok(app)
}

/// The apps of an earlier start in their present state, if the database still knows them and the sealing key still opens what it stores of
/// them.
pub(crate) async fn known(admin: &admin::Deps, state: &State, apps: Vec<DemoApp>) -> Result<Vec<DemoApp>, StartError> {
    let mut known = Vec::new();
    for app in &apps {
        let found = as_it_is(&admin.services.store, app).await?;
        known.push(found.ok_or_else(|| StartError::DataDirForgot { path: state.folder() })?);
    }
    Ok(known)
}

/// The app with its present name and keys, which may have changed.
async fn as_it_is(store: &Store, app: &DemoApp) -> Result<Option<DemoApp>, StartError> {
    let id = AppId::parse(&app.app_id).map_err(|error| StartError::part("app of local.json", error))?;
    let found = store.find_app(&id).await.map_err(|error| StartError::part("app of local.json", error))?;
    let pair = |keys: &KeySet| KeyPair {
        client_key: keys.client.current.expose().clone(),
        master_key: keys.master.current.expose().clone(),
    };
    let now =
        |app: App| DemoApp { app_id: id.to_string(), name: app.name, live: pair(&app.live), test: pair(&app.test) };
    Ok(found.map(|found| now(found.app)))
}

/// Whether the first owner still has this password.
pub(crate) async fn opens_console(admin: &admin::Deps, name: &str, password: &str) -> Result<bool, StartError> {
    let opens = admin::opens_console(admin, name, password).await;
    opens.map_err(|error| StartError::part("first owner", error))
}

/// Updates `local.json` while the stack runs.
#[derive(Clone)]
pub(crate) struct KeysFile {
    store: Store,
    folder: PathBuf,
    kept: Arc<Mutex<StackKeys>>,
}

impl KeysFile {
    /// `None` if there is no folder.
    pub(crate) fn new(store: &Store, folder: Option<PathBuf>, kept: &StackKeys) -> Option<Self> {
        Some(Self { store: store.clone(), folder: folder?, kept: Arc::new(Mutex::new(kept.clone())) })
    }

    /// Called after every possible change: a rotated key is written to the file.
    pub(crate) async fn refresh(&self) {
        let mut kept = self.kept.lock().await;
        let mut now = kept.clone();
        for app in &mut now.apps {
            match as_it_is(&self.store, app).await {
                Ok(found) => *app = found.unwrap_or_else(|| app.clone()),
                Err(error) => return error!("local.json may hold old keys: {error}"),
            }
        }
        if now == *kept {
            return;
        }
        match write_stack_keys(&self.folder, &now) {
            Ok(()) => *kept = now,
            Err(error) => error!("local.json holds old keys: {error}"),
        }
    }
}

/// One call of the operator API.
async fn call(
    admin: &admin::Deps,
    operator_token: &str,
    method: Method,
    path: &str,
    body: Value,
) -> Result<Response<Bytes>, StartError> {
    let request = Request::builder()
        .method(method)
        .uri(format!("/admin/v1{path}"))
        .header("authorization", format!("Bearer {operator_token}"))
        .header("content-type", "application/json")
        .body(Bytes::from(body.to_string()))
        .map_err(|error| StartError::part("operator api", error))?;
    Ok(admin::handle(admin, request).await)
}

fn done(part: &'static str, reply: Response<Bytes>) -> Result<Bytes, StartError> {
    if reply.status().is_success() {
        return Ok(reply.into_body());
    }
    Err(StartError::part(part, String::from_utf8_lossy(reply.body()).into_owned()))
}
