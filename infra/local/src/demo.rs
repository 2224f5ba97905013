//! The demo app, made through the operator API like any other, and the keys to everything, kept in `local.json`.

use bytes::Bytes;
use domain::Tab;
use http::{Method, Request};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::stack::StartError;

/// What opens this stack: written to `local.json` and printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Doorkeys {
    /// Where it answers.
    pub url: String,
    /// For `/admin/v1`.
    pub operator_token: String,
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

/// Makes the demo app, its test mode on the simulators.
pub(crate) async fn create(admin: &admin::Deps, operator_token: &str) -> Result<DemoApp, StartError> {
    let call = async |method: Method, path: &str, body: Value| -> Result<Bytes, StartError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/admin/v1{path}"))
            .header("authorization", format!("Bearer {operator_token}"))
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_string()))
            .map_err(|error| StartError::part("demo app", error))?;
        let reply = admin::handle(admin, request).await;
        if reply.status().is_success() {
            return Ok(reply.into_body());
        }
        Err(StartError::part("demo app", String::from_utf8_lossy(reply.body()).into_owned()))
    };
    let made = call(Method::POST, "/apps", json!({ "name": "demo" })).await?;
    let app: DemoApp = serde_json::from_slice(&made).map_err(|error| StartError::part("demo app", error))?;
    for (tab, _) in Tab::ALL {
        let channel = format!("/apps/{}/channels/{tab}?mode=test", app.app_id);
        call(Method::PUT, &channel, json!({ "protocol": "simulator" })).await?;
    }
    Ok(app)
}
