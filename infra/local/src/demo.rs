//! The demo app, made through the operator API like any other, and the keys to everything, kept in `local.json`.

use bytes::Bytes;
use domain::{AppId, Tab};
use http::{Method, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{error::StartError, state::State};

/// What opens this stack: written to `local.json` and printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Doorkeys {
    /// Where it answers.
    pub url: String,
    /// For `/admin/v1`.
    pub operator_token: String,
    /// The owner who signs in at `/console`.
    #[serde(default)]
    pub console_user: String,
    /// Their password; empty in a file of a version without a console.
    #[serde(default)]
    pub console_password: String,
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

/// What the first owner is called.
const OWNER: &str = "admin";

/// Makes the first owner of the console; the name and the password.
pub(crate) async fn create_owner(
    admin: &admin::Deps,
    operator_token: &str,
    password: String,
) -> Result<(String, String), StartError> {
    let body = json!({ "name": OWNER, "role": "owner", "password": password });
    let made = call(admin, operator_token, Method::POST, "/operators", body).await?;
    // A start that was killed before it kept the password: the owner is there, and gets this one.
    let made = if made.status() == StatusCode::CONFLICT {
        let body = json!({ "role": "owner", "state": "enabled", "password": password });
        call(admin, operator_token, Method::PATCH, &format!("/operators/{OWNER}"), body).await?
    } else {
        made
    };
    done("first owner", made)?;
    Ok((OWNER.to_owned(), password))
}

/// Makes the demo app, its test mode on the simulators.
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

/// The apps of an earlier start, if the database still knows them and the sealing key still opens what it holds of them.
pub(crate) async fn known(admin: &admin::Deps, state: &State, apps: Vec<DemoApp>) -> Result<Vec<DemoApp>, StartError> {
    for app in &apps {
        let id = AppId::parse(&app.app_id).map_err(|error| StartError::part("app of local.json", error))?;
        let found = admin.base.store.find_app(&id).await;
        if found.map_err(|error| StartError::part("app of local.json", error))?.is_none() {
            return Err(StartError::DataDirForgot { path: state.folder() });
        }
    }
    Ok(apps)
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
