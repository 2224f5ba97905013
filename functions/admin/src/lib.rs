//! The merchant's side of the gateway, in three parts: the back office (`POST /2.0/maxpay/refund`, `/refunds`, `/close`, `/events`), the operator API
//! under `/admin/v1`, and the console under `/console`. The console is built on the operator API.

mod api;
mod back_office;
mod console;
mod deps;
mod shown_refund;
mod unread;

use domain::OperatorName;
use http::Method;
use runtime::{Reply, Request};
use store::StoreError;

pub use api::{Operation, operations};
pub use console::problem_codes;
pub use deps::Deps;
use unread::Unread;

/// The methods and paths that `template.yaml` routes to this function.
pub const ROUTES: [(Method, &str); 9] = [
    (Method::GET, "/admin/v1/{proxy+}"),
    (Method::GET, "/console"),
    (Method::GET, "/favicon.ico"),
    (Method::GET, "/console/{proxy+}"),
    (Method::POST, "/2.0/maxpay/refund"),
    (Method::POST, "/2.0/maxpay/refunds"),
    (Method::POST, "/2.0/maxpay/close"),
    (Method::POST, "/2.0/maxpay/events"),
    (Method::POST, "/2.0/maxpay/events/ack"),
];

/// Whether this name and password open the console. The local stack asks this before it prints the password of its first owner. It is not a
/// sign-in, and it is not counted as one.
///
/// # Errors
/// [`StoreError`].
pub async fn opens_console(deps: &Deps, name: &str, password: &str) -> Result<bool, StoreError> {
    let Some(name) = OperatorName::parse(name) else { return Ok(false) };
    let operator = deps.services.store.find_operator(&name).await?;
    Ok(operator.is_some_and(|one| one.enabled && api::password::verify(password, Some(&one.password_hash))))
}

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Reply {
    if let Some(operation) = request.uri().path().strip_prefix("/2.0/maxpay/") {
        return back_office::handle(deps, operation, &request).await;
    }
    let unread = Unread::default();
    let deps = &unread.noting(deps);
    if console::is_console(request.uri().path()) {
        return console::handle(deps, &request, &unread).await;
    }
    unread.named_in(api::answer(deps, &request).await)
}
