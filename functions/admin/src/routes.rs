//! Who may call, and what a path means.

use domain::{AppId, Tab, WebhookId};
use http::{Method, header::AUTHORIZATION};
use runtime::{Request, is_operator_token};

use crate::{Deps, problem::Problem};

/// One operation of the API, with what its path names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    CreateApp,
    ListApps,
    ShowApp(AppId),
    RenameApp(AppId),
    RotateKey(AppId),
    PutChannel(AppId, Tab),
    ShowChannel(AppId, Tab),
    DeleteChannel(AppId, Tab),
    CreateWebhook(AppId),
    ListWebhooks(AppId),
    DeleteWebhook(AppId, WebhookId),
    ListIncidents(AppId),
}

impl Route {
    /// # Errors
    /// Not found, or a method that the path does not know.
    pub(crate) fn find(method: &Method, path: &str) -> Result<Self, Problem> {
        let rest = path.strip_prefix("/admin/v1/").ok_or_else(|| Problem::not_found("path"))?;
        let segments: Vec<&str> = rest.split('/').collect();
        let app = |text: &str| AppId::parse(text).map_err(|_| Problem::not_found("app"));
        let tab = |text: &str| Tab::find(text).ok_or_else(|| Problem::not_found("channel tab"));
        let webhook = |text: &str| WebhookId::parse(text).map_err(|_| Problem::not_found("webhook"));
        match (method.as_str(), segments.as_slice()) {
            ("POST", ["apps"]) => Ok(Self::CreateApp),
            ("GET", ["apps"]) => Ok(Self::ListApps),
            (_, ["apps"]) => Err(Problem::method("GET, POST")),
            ("GET", ["apps", id]) => Ok(Self::ShowApp(app(id)?)),
            ("PATCH", ["apps", id]) => Ok(Self::RenameApp(app(id)?)),
            (_, ["apps", _]) => Err(Problem::method("GET, PATCH")),
            ("POST", ["apps", id, "keys", "rotate"]) => Ok(Self::RotateKey(app(id)?)),
            (_, ["apps", _, "keys", "rotate"]) => Err(Problem::method("POST")),
            ("PUT", ["apps", id, "channels", name]) => Ok(Self::PutChannel(app(id)?, tab(name)?)),
            ("GET", ["apps", id, "channels", name]) => Ok(Self::ShowChannel(app(id)?, tab(name)?)),
            ("DELETE", ["apps", id, "channels", name]) => Ok(Self::DeleteChannel(app(id)?, tab(name)?)),
            (_, ["apps", _, "channels", _]) => Err(Problem::method("GET, PUT, DELETE")),
            ("POST", ["apps", id, "webhooks"]) => Ok(Self::CreateWebhook(app(id)?)),
            ("GET", ["apps", id, "webhooks"]) => Ok(Self::ListWebhooks(app(id)?)),
            (_, ["apps", _, "webhooks"]) => Err(Problem::method("GET, POST")),
            ("DELETE", ["apps", id, "webhooks", hook]) => Ok(Self::DeleteWebhook(app(id)?, webhook(hook)?)),
            (_, ["apps", _, "webhooks", _]) => Err(Problem::method("DELETE")),
            ("GET", ["apps", id, "incidents"]) => Ok(Self::ListIncidents(app(id)?)),
            (_, ["apps", _, "incidents"]) => Err(Problem::method("GET")),
            _ => Err(Problem::not_found("path")),
        }
    }
}

/// Lets an operator in: `Authorization: Bearer <operator token>`.
///
/// # Errors
/// Unauthorized, whatever is wrong.
pub(crate) fn authorize(deps: &Deps, request: &Request) -> Result<(), Problem> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        header.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match token {
        Some((_, token)) if is_operator_token(&deps.base.config, token.trim()) => Ok(()),
        _ => Err(Problem::unauthorized()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_knows_its_methods() {
        let app = "568a12086e912100017722e5";
        let cases: &[(&str, &str, &str)] = &[
            ("POST", "/admin/v1/apps", "CreateApp"),
            ("GET", "/admin/v1/apps", "ListApps"),
            ("DELETE", "/admin/v1/apps", "405"),
            ("GET", "/admin/v1/apps/APP", "ShowApp"),
            ("GET", "/admin/v1/apps/nobody", "404"),
            ("PUT", "/admin/v1/apps/APP/channels/ali", "PutChannel"),
            ("PUT", "/admin/v1/apps/APP/channels/paypal", "404"),
            ("POST", "/admin/v1/apps/APP/channels/ali", "405"),
            ("GET", "/admin/v1/apps/APP/incidents", "ListIncidents"),
            ("GET", "/admin/v1/", "404"),
            ("GET", "/admin/v2/apps", "404"),
            ("GET", "/admin/v1/apps/APP/", "404"),
        ];
        for (method, path, expect) in cases {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let found = match Route::find(&method, &path.replace("APP", app)) {
                Ok(route) => format!("{route:?}"),
                Err(problem) => problem.status.as_u16().to_string(),
            };
            assert!(found.starts_with(expect), "{method} {path}: {found}");
        }
    }
}
