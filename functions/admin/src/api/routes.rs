//! Who may call which operation, and which path belongs to it.

mod named;

use Effect::{Change, Look};
use OperatorRole::{Operator, Owner, Viewer};
use domain::{AccountNumber, AppId, OperatorName, OperatorRole, Reach, Tab, TransactionId, WebhookId};
use http::{Method, header::AUTHORIZATION};
use runtime::{Request, is_operator_token};

use super::problem::Problem;
use crate::deps::Deps;

use named::Named;
pub(crate) use named::NamedDay;

/// One operation of the API, with what its path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    CreateApp,
    ListApps,
    ShowApp(AppId),
    ChangeApp(AppId),
    RotateKey(AppId),
    CreateSession(AppId),
    PutChannel(AppId, Tab),
    ShowChannel(AppId, Tab),
    DeleteChannel(AppId, Tab),
    CheckChannel(AppId, Tab),
    MakeCheckout(AppId),
    ShowCheckout(AppId),
    ChangeCheckout(AppId),
    SaveLogo(AppId),
    DeleteLogo(AppId),
    ListVerificationFiles,
    SaveVerificationFile(String),
    DeleteVerificationFile(String),
    ListAccounts(AppId, Tab),
    RetireAccount(AppId, Tab, AccountNumber),
    CreateWebhook(AppId),
    ListWebhooks(AppId),
    ChangeWebhook(AppId, WebhookId),
    SwitchWebhook(AppId, WebhookId),
    RotateWebhookSecret(AppId, WebhookId),
    DeleteWebhook(AppId, WebhookId),
    TestWebhook(AppId, WebhookId),
    ListDeliveries(AppId),
    ResendDelivery(AppId, String),
    Replay(AppId, WebhookId),
    ListDeadLetters,
    TakeBackDeadLetters,
    FindPayments(AppId),
    ListTransactions(AppId),
    ShowTransaction(AppId, TransactionId),
    ListRefunds(AppId),
    SyncTransaction(AppId, TransactionId),
    CloseTransaction(AppId, TransactionId),
    RefundTransaction(AppId, TransactionId),
    GiveUpRefund(AppId, TransactionId),
    BeginRefunds(AppId),
    ListProposedRefunds(AppId),
    ApproveRefund(AppId, TransactionId),
    DeclineRefund(AppId, TransactionId),
    ListIncidents(AppId),
    ListReconciliations(AppId),
    AskForDay(AppId, NamedDay),
    HandleDay(AppId, NamedDay),
    ReopenDay(AppId, NamedDay),
    ShowIncident(AppId, String),
    ReplayIncident(AppId, String),
    HandleIncident(AppId, String),
    ReopenIncident(AppId, String),
    CreateOperator,
    ListOperators,
    ChangeOperator(OperatorName),
    EndSessions(OperatorName),
    EnrolSecondFactor(OperatorName),
    ResetSecondFactor(OperatorName),
    ShowSignInRules,
    ChangeSignInRules,
    ListAudit,
    ShowAlerts(AppId),
    ChangeAlerts(AppId),
    TestAlerts(AppId),
}

/// Whether an operation changes something or has an effect outside. Such operations are in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Look,
    Change,
}

/// The operation that shows what another one changes.
#[derive(Debug)]
pub(crate) struct ShownBy {
    pub(crate) route: Route,
    /// Which item of its list; `None` for the whole answer.
    pub(crate) item: Option<String>,
}

impl Route {
    /// The operation that shows what this one changes.
    pub(crate) fn shown_by(&self) -> Option<ShownBy> {
        let whole = |route| Some(ShownBy { route, item: None });
        let item = |route, id: String| Some(ShownBy { route, item: Some(id) });
        match self {
            Self::ChangeApp(app) => whole(Self::ShowApp(app.clone())),
            Self::PutChannel(app, tab) | Self::DeleteChannel(app, tab) => whole(Self::ShowChannel(app.clone(), *tab)),
            Self::ChangeCheckout(app) | Self::SaveLogo(app) | Self::DeleteLogo(app) => {
                whole(Self::ShowCheckout(app.clone()))
            }
            Self::DeleteVerificationFile(name) => item(Self::ListVerificationFiles, name.clone()),
            Self::RetireAccount(app, tab, number) => item(Self::ListAccounts(app.clone(), *tab), number.to_string()),
            Self::ChangeWebhook(app, webhook)
            | Self::SwitchWebhook(app, webhook)
            | Self::DeleteWebhook(app, webhook) => item(Self::ListWebhooks(app.clone()), webhook.to_string()),
            Self::SyncTransaction(app, id)
            | Self::CloseTransaction(app, id)
            | Self::RefundTransaction(app, id)
            | Self::ApproveRefund(app, id)
            | Self::GiveUpRefund(app, id) => whole(Self::ShowTransaction(app.clone(), id.clone())),
            Self::ChangeOperator(name) | Self::EnrolSecondFactor(name) | Self::ResetSecondFactor(name) => {
                item(Self::ListOperators, name.to_string())
            }
            Self::ChangeSignInRules => whole(Self::ShowSignInRules),
            Self::ChangeAlerts(app) => whole(Self::ShowAlerts(app.clone())),
            // A new thing has no state before, and neither has a key that nobody may see.
            Self::CreateApp
            | Self::RotateKey(_)
            | Self::CreateSession(_)
            | Self::SaveVerificationFile(_)
            | Self::MakeCheckout(_)
            | Self::CreateWebhook(_)
            | Self::RotateWebhookSecret(..)
            | Self::CreateOperator
            | Self::EndSessions(_)
            | Self::ReplayIncident(..)
            | Self::AskForDay(..)
            | Self::BeginRefunds(_)
            | Self::DeclineRefund(..) => None,
            // The answer says who dealt with it. The incident itself has the provider's message, which may identify the payer.
            Self::HandleIncident(..) | Self::ReopenIncident(..) | Self::HandleDay(..) | Self::ReopenDay(..) => None,
            // A message that is sent leaves its own trace.
            Self::CheckChannel(..)
            | Self::TestWebhook(..)
            | Self::TestAlerts(_)
            | Self::ResendDelivery(..)
            | Self::Replay(..)
            | Self::TakeBackDeadLetters => None,
            Self::ListApps
            | Self::ShowApp(_)
            | Self::ShowChannel(..)
            | Self::ShowCheckout(_)
            | Self::ListVerificationFiles
            | Self::ListAccounts(..)
            | Self::ListWebhooks(_)
            | Self::ListDeliveries(_)
            | Self::ListDeadLetters
            | Self::FindPayments(_)
            | Self::ListTransactions(_)
            | Self::ShowTransaction(..)
            | Self::ListRefunds(_)
            | Self::ListProposedRefunds(_)
            | Self::ListIncidents(_)
            | Self::ShowIncident(..)
            | Self::ListReconciliations(_)
            | Self::ListOperators
            | Self::ShowSignInRules
            | Self::ShowAlerts(_)
            | Self::ListAudit => None,
        }
    }
}

/// One row for each operation, with everything about it. A call that no row of `OPERATIONS` matches is not found. `docs/openapi.yaml` has
/// exactly these operations, and tests/specs/who_may.rs has a check for each.
#[derive(Debug)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The path as `docs/openapi.yaml` writes it, with names for the variable segments.
    pub path: &'static str,
    /// Operators of this role and of the roles above it may call it.
    pub role: OperatorRole,
    /// Its name in the audit log.
    pub(crate) name: &'static str,
    /// Whether it belongs into the audit log.
    pub(crate) effect: Effect,
    /// Makes the operation from the names in the path.
    read: fn(&Named<'_>) -> Result<Route, Problem>,
}

/// The operation that a call asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) operation: &'static Operation,
    pub(crate) route: Route,
    /// The app in the path, if the path has one. Rights that are limited to some apps are checked against it.
    app: Option<AppId>,
}

impl Asked {
    /// # Errors
    /// The path is not found, or it does not accept the method.
    pub(crate) fn find(method: &Method, path: &str) -> Result<Self, Problem> {
        let at: Vec<&Operation> = OPERATIONS.iter().filter(|operation| fits(operation.path, path)).collect();
        let Some(operation) = at.iter().find(|operation| operation.method == *method) else {
            let allowed = METHODS.into_iter().filter(|one| at.iter().any(|operation| operation.method == *one));
            let allowed: Vec<String> = allowed.map(|one| one.to_string()).collect();
            return Err(if at.is_empty() { Problem::not_found("path") } else { Problem::method(&allowed.join(", ")) });
        };
        let named = Named { template: operation.path, path };
        let app = if operation.path.contains("{appId}") { Some(named.app()?) } else { None };
        Ok(Self { operation, route: (operation.read)(&named)?, app })
    }

    /// Why an operator who may see only these apps may not do this; `None` if they may. An app that they may not see counts as not found.
    /// Of the operations without an app, they may only list the apps; the list shows theirs.
    pub(crate) fn is_beyond(&self, reach: &Reach) -> Option<Problem> {
        match (reach, &self.app) {
            (Reach::Everything, _) => None,
            (Reach::Apps(_), Some(app)) => (!reach.includes(app)).then(|| Problem::not_found("app")),
            (Reach::Apps(_), None) => (self.route != Route::ListApps).then(|| Problem::forbidden(OperatorRole::Owner)),
        }
    }
}

/// The order in which the allowed methods of a path are listed.
const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

const fn row(
    method: Method,
    path: &'static str,
    name: &'static str,
    role: OperatorRole,
    effect: Effect,
    read: fn(&Named<'_>) -> Result<Route, Problem>,
) -> Operation {
    Operation { method, path, role, name, effect, read }
}

/// The one list of operations. Every role may read. Operators do the daily work. Only owners change keys, channels and people.
#[rustfmt::skip]
pub(crate) static OPERATIONS: &[Operation] = &[
    row(Method::POST,   "/admin/v1/apps",                                                                "create app",              Owner,    Change, |_| Ok(Route::CreateApp)),
    row(Method::GET,    "/admin/v1/apps",                                                                "list apps",               Viewer,   Look,   |_| Ok(Route::ListApps)),
    row(Method::GET,    "/admin/v1/apps/{appId}",                                                        "show app",                Viewer,   Look,   |at| Ok(Route::ShowApp(at.app()?))),
    row(Method::PATCH,  "/admin/v1/apps/{appId}",                                                        "change app",              Owner,    Change, |at| Ok(Route::ChangeApp(at.app()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/keys/rotate",                                            "rotate key",              Owner,    Change, |at| Ok(Route::RotateKey(at.app()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/sessions",                                               "create session",          Operator, Change, |at| Ok(Route::CreateSession(at.app()?))),
    row(Method::PUT,    "/admin/v1/apps/{appId}/channels/{tab}",                                         "save channel",            Owner,    Change, |at| Ok(Route::PutChannel(at.app()?, at.tab()?))),
    row(Method::GET,    "/admin/v1/apps/{appId}/channels/{tab}",                                         "show channel",            Viewer,   Look,   |at| Ok(Route::ShowChannel(at.app()?, at.tab()?))),
    row(Method::DELETE, "/admin/v1/apps/{appId}/channels/{tab}",                                         "delete channel",          Owner,    Change, |at| Ok(Route::DeleteChannel(at.app()?, at.tab()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/channels/{tab}/check",                                   "check channel",           Owner,    Change, |at| Ok(Route::CheckChannel(at.app()?, at.tab()?))),
    row(Method::GET,    "/admin/v1/apps/{appId}/channels/{tab}/accounts",                                "list accounts",           Viewer,   Look,   |at| Ok(Route::ListAccounts(at.app()?, at.tab()?))),
    row(Method::DELETE, "/admin/v1/apps/{appId}/channels/{tab}/accounts/{account}",                      "retire account",          Owner,    Change, |at| Ok(Route::RetireAccount(at.app()?, at.tab()?, at.account()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/checkouts",                                                            "make checkout",           Operator, Change, |at| Ok(Route::MakeCheckout(at.app()?))),
    row(Method::GET,    "/admin/v1/apps/{appId}/checkout",                                                             "show checkout",           Viewer,   Look,   |at| Ok(Route::ShowCheckout(at.app()?))),
    row(Method::PUT,    "/admin/v1/apps/{appId}/checkout",                                                             "change checkout",         Owner,    Change, |at| Ok(Route::ChangeCheckout(at.app()?))),
    row(Method::PUT,    "/admin/v1/apps/{appId}/checkout/logo",                                                        "save logo",               Owner,    Change, |at| Ok(Route::SaveLogo(at.app()?))),
    row(Method::DELETE, "/admin/v1/apps/{appId}/checkout/logo",                                                        "delete logo",             Owner,    Change, |at| Ok(Route::DeleteLogo(at.app()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/webhooks",                                               "create webhook",          Operator, Change, |at| Ok(Route::CreateWebhook(at.app()?))),
    row(Method::GET,    "/admin/v1/apps/{appId}/webhooks",                                               "list webhooks",           Viewer,   Look,   |at| Ok(Route::ListWebhooks(at.app()?))),
    row(Method::PUT,    "/admin/v1/apps/{appId}/webhooks/{webhookId}",                                   "change webhook",          Operator, Change, |at| Ok(Route::ChangeWebhook(at.app()?, at.webhook()?))),
    row(Method::DELETE, "/admin/v1/apps/{appId}/webhooks/{webhookId}",                                   "delete webhook",          Operator, Change, |at| Ok(Route::DeleteWebhook(at.app()?, at.webhook()?))),
    row(Method::PUT,    "/admin/v1/apps/{appId}/webhooks/{webhookId}/mode",                              "switch webhook",          Operator, Change, |at| Ok(Route::SwitchWebhook(at.app()?, at.webhook()?))),
    // A role that may make a webhook may see its secret once.
    row(Method::POST,   "/admin/v1/apps/{appId}/webhooks/{webhookId}/secret/rotate",                     "rotate webhook secret",   Operator, Change, |at| Ok(Route::RotateWebhookSecret(at.app()?, at.webhook()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/webhooks/{webhookId}/test",                              "test webhook",            Operator, Change, |at| Ok(Route::TestWebhook(at.app()?, at.webhook()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/webhooks/{webhookId}/replay",                            "replay webhook",          Operator, Change, |at| Ok(Route::Replay(at.app()?, at.webhook()?))),
    row(Method::GET,    "/admin/v1/apps/{appId}/deliveries",                                             "list deliveries",         Viewer,   Look,   |at| Ok(Route::ListDeliveries(at.app()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/deliveries/{deliveryId}/resend",                         "resend delivery",         Operator, Change, |at| Ok(Route::ResendDelivery(at.app()?, at.text("{deliveryId}")))),
    row(Method::GET,    "/admin/v1/apps/{appId}/incidents",                                              "list incidents",          Viewer,   Look,   |at| Ok(Route::ListIncidents(at.app()?))),
    // The body of a message may identify the payer.
    row(Method::GET,    "/admin/v1/apps/{appId}/incidents/{incidentId}",                                 "show incident",           Operator, Look,   |at| Ok(Route::ShowIncident(at.app()?, at.text("{incidentId}")))),
    row(Method::POST,   "/admin/v1/apps/{appId}/incidents/{incidentId}/replay",                          "replay incident",         Operator, Change, |at| Ok(Route::ReplayIncident(at.app()?, at.text("{incidentId}")))),
    row(Method::PUT,    "/admin/v1/apps/{appId}/incidents/{incidentId}/handled",                         "handle incident",         Operator, Change, |at| Ok(Route::HandleIncident(at.app()?, at.text("{incidentId}")))),
    row(Method::DELETE, "/admin/v1/apps/{appId}/incidents/{incidentId}/handled",                         "reopen incident",         Operator, Change, |at| Ok(Route::ReopenIncident(at.app()?, at.text("{incidentId}")))),
    row(Method::GET,    "/admin/v1/apps/{appId}/reconciliations",                                        "list reconciliations",    Viewer,   Look,   |at| Ok(Route::ListReconciliations(at.app()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/reconciliations/{day}/{tab}/{account}/ask",              "ask for a day",           Operator, Change, |at| Ok(Route::AskForDay(at.app()?, at.day()?))),
    row(Method::PUT,    "/admin/v1/apps/{appId}/reconciliations/{day}/{tab}/{account}/handled",          "handle day",              Operator, Change, |at| Ok(Route::HandleDay(at.app()?, at.day()?))),
    row(Method::DELETE, "/admin/v1/apps/{appId}/reconciliations/{day}/{tab}/{account}/handled",          "reopen day",              Operator, Change, |at| Ok(Route::ReopenDay(at.app()?, at.day()?))),
    // Providers are asked about a number of theirs, and nothing changes there or here.
    row(Method::GET,    "/admin/v1/apps/{appId}/find",                                                   "find payments",           Viewer,   Look,   |at| Ok(Route::FindPayments(at.app()?))),
    row(Method::GET,    "/admin/v1/apps/{appId}/transactions",                                           "list transactions",       Viewer,   Look,   |at| Ok(Route::ListTransactions(at.app()?))),
    row(Method::GET,    "/admin/v1/apps/{appId}/transactions/{id}",                                      "show transaction",        Viewer,   Look,   |at| Ok(Route::ShowTransaction(at.app()?, at.transaction()?))),
    row(Method::GET,    "/admin/v1/apps/{appId}/refunds",                                                "list refunds",            Viewer,   Look,   |at| Ok(Route::ListRefunds(at.app()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/refunds",                                                "refund several",          Operator, Change, |at| Ok(Route::BeginRefunds(at.app()?))),
    row(Method::GET,    "/admin/v1/apps/{appId}/refunds/proposed",                                       "list proposed refunds",   Viewer,   Look,   |at| Ok(Route::ListProposedRefunds(at.app()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/transactions/{id}/approve-refund",                       "approve refund",          Owner,    Change, |at| Ok(Route::ApproveRefund(at.app()?, at.transaction()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/transactions/{id}/decline-refund",                       "decline refund",          Operator, Change, |at| Ok(Route::DeclineRefund(at.app()?, at.transaction()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/transactions/{id}/sync",                                 "ask provider",            Operator, Change, |at| Ok(Route::SyncTransaction(at.app()?, at.transaction()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/transactions/{id}/close",                                "close transaction",       Operator, Change, |at| Ok(Route::CloseTransaction(at.app()?, at.transaction()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/transactions/{id}/refund",                               "refund transaction",      Operator, Change, |at| Ok(Route::RefundTransaction(at.app()?, at.transaction()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/transactions/{id}/give-up",                              "give up refund",          Operator, Change, |at| Ok(Route::GiveUpRefund(at.app()?, at.transaction()?))),
    row(Method::GET,    "/admin/v1/verification-files",                                                                "list verification files", Owner,    Look,   |_| Ok(Route::ListVerificationFiles)),
    row(Method::PUT,    "/admin/v1/verification-files/{file}",                                                         "save verification file",  Owner,    Change, |at| Ok(Route::SaveVerificationFile(at.text("{file}")))),
    row(Method::DELETE, "/admin/v1/verification-files/{file}",                                                         "delete verification file", Owner,    Change, |at| Ok(Route::DeleteVerificationFile(at.text("{file}")))),
    row(Method::GET,    "/admin/v1/dead-letters",                                                        "list dead letters",       Owner,    Look,   |_| Ok(Route::ListDeadLetters)),
    row(Method::POST,   "/admin/v1/dead-letters/take-back",                                              "take back dead letters",  Owner,    Change, |_| Ok(Route::TakeBackDeadLetters)),
    row(Method::POST,   "/admin/v1/operators",                                                           "create operator",         Owner,    Change, |_| Ok(Route::CreateOperator)),
    row(Method::GET,    "/admin/v1/operators",                                                           "list operators",          Owner,    Look,   |_| Ok(Route::ListOperators)),
    row(Method::PATCH,  "/admin/v1/operators/{name}",                                                    "change operator",         Owner,    Change, |at| Ok(Route::ChangeOperator(at.operator()?))),
    row(Method::DELETE, "/admin/v1/operators/{name}/sessions",                                           "end sessions",            Owner,    Change, |at| Ok(Route::EndSessions(at.operator()?))),
    row(Method::PUT,    "/admin/v1/operators/{name}/second-factor",                                      "enrol second factor",     Owner,    Change, |at| Ok(Route::EnrolSecondFactor(at.operator()?))),
    row(Method::DELETE, "/admin/v1/operators/{name}/second-factor",                                      "reset second factor",     Owner,    Change, |at| Ok(Route::ResetSecondFactor(at.operator()?))),
    row(Method::GET,    "/admin/v1/sign-in",                                                             "show sign-in rules",      Owner,    Look,   |_| Ok(Route::ShowSignInRules)),
    row(Method::PUT,    "/admin/v1/sign-in",                                                             "change sign-in rules",    Owner,    Change, |_| Ok(Route::ChangeSignInRules)),
    row(Method::GET,    "/admin/v1/audit",                                                               "show audit log",          Owner,    Look,   |_| Ok(Route::ListAudit)),
    row(Method::GET,    "/admin/v1/apps/{appId}/alerts",                                                 "show alerts",             Viewer,   Look,   |at| Ok(Route::ShowAlerts(at.app()?))),
    row(Method::PUT,    "/admin/v1/apps/{appId}/alerts",                                                 "change alerts",           Operator, Change, |at| Ok(Route::ChangeAlerts(at.app()?))),
    row(Method::POST,   "/admin/v1/apps/{appId}/alerts/test",                                            "test alerts",             Operator, Change, |at| Ok(Route::TestAlerts(at.app()?))),
];

/// Every operation of the API.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter()
}

/// Whether each segment equals the template's, or stands where the template has a name.
fn fits(template: &str, path: &str) -> bool {
    template.split('/').count() == path.split('/').count()
        && template.split('/').zip(path.split('/')).all(|(known, found)| known == found || known.starts_with('{'))
}

/// Checks the operator token: `Authorization: Bearer <operator token>`.
///
/// # Errors
/// Always unauthorized; the answer does not say what is wrong.
pub(crate) fn authorize(deps: &Deps, request: &Request) -> Result<(), Problem> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        header.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match token {
        Some((_, token)) if is_operator_token(&deps.services.config, token.trim()) => Ok(()),
        _ => Err(Problem::unauthorized()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each operation needs. This table is the specification; the table of operations is the code.
    #[rustfmt::skip]
    const ROLES: &[(&str, &str, OperatorRole, Effect)] = &[
        ("POST",   "/apps",                                                       Owner,    Change),
        ("GET",    "/apps",                                                       Viewer,   Look),
        ("GET",    "/apps/{appId}",                                               Viewer,   Look),
        ("PATCH",  "/apps/{appId}",                                               Owner,    Change),
        ("POST",   "/apps/{appId}/keys/rotate",                                   Owner,    Change),
        ("POST",   "/apps/{appId}/sessions",                                      Operator, Change),
        ("PUT",    "/apps/{appId}/channels/{tab}",                                Owner,    Change),
        ("GET",    "/apps/{appId}/channels/{tab}",                                Viewer,   Look),
        ("DELETE", "/apps/{appId}/channels/{tab}",                                Owner,    Change),
        ("POST",   "/apps/{appId}/channels/{tab}/check",                          Owner,    Change),
        ("GET",    "/apps/{appId}/channels/{tab}/accounts",                       Viewer,   Look),
        ("DELETE", "/apps/{appId}/channels/{tab}/accounts/{account}",             Owner,    Change),
        ("POST",   "/apps/{appId}/webhooks",                                      Operator, Change),
        ("GET",    "/apps/{appId}/webhooks",                                      Viewer,   Look),
        ("PUT",    "/apps/{appId}/webhooks/{webhookId}",                          Operator, Change),
        ("DELETE", "/apps/{appId}/webhooks/{webhookId}",                          Operator, Change),
        ("PUT",    "/apps/{appId}/webhooks/{webhookId}/mode",                     Operator, Change),
        ("POST",   "/apps/{appId}/webhooks/{webhookId}/secret/rotate",            Operator, Change),
        ("POST",   "/apps/{appId}/webhooks/{webhookId}/test",                     Operator, Change),
        ("POST",   "/apps/{appId}/webhooks/{webhookId}/replay",                   Operator, Change),
        ("GET",    "/apps/{appId}/deliveries",                                    Viewer,   Look),
        ("POST",   "/apps/{appId}/deliveries/{deliveryId}/resend",                Operator, Change),
        ("GET",    "/apps/{appId}/refunds",                                       Viewer,   Look),
        ("POST",   "/apps/{appId}/refunds",                                       Operator, Change),
        ("GET",    "/apps/{appId}/refunds/proposed",                              Viewer,   Look),
        ("POST",   "/apps/{appId}/transactions/{id}/approve-refund",              Owner,    Change),
        ("POST",   "/apps/{appId}/transactions/{id}/decline-refund",              Operator, Change),
        ("GET",    "/apps/{appId}/incidents",                                     Viewer,   Look),
        ("GET",    "/apps/{appId}/incidents/{incidentId}",                        Operator, Look),
        ("POST",   "/apps/{appId}/incidents/{incidentId}/replay",                 Operator, Change),
        ("PUT",    "/apps/{appId}/incidents/{incidentId}/handled",                Operator, Change),
        ("DELETE", "/apps/{appId}/incidents/{incidentId}/handled",                Operator, Change),
        ("GET",    "/apps/{appId}/reconciliations",                               Viewer,   Look),
        ("POST",   "/apps/{appId}/reconciliations/{day}/{tab}/{account}/ask",     Operator, Change),
        ("PUT",    "/apps/{appId}/reconciliations/{day}/{tab}/{account}/handled", Operator, Change),
        ("DELETE", "/apps/{appId}/reconciliations/{day}/{tab}/{account}/handled", Operator, Change),
        ("GET",    "/apps/{appId}/find",                                          Viewer,   Look),
        ("GET",    "/apps/{appId}/transactions",                                  Viewer,   Look),
        ("GET",    "/apps/{appId}/transactions/{id}",                             Viewer,   Look),
        ("POST",   "/apps/{appId}/transactions/{id}/sync",                        Operator, Change),
        ("POST",   "/apps/{appId}/transactions/{id}/close",                       Operator, Change),
        ("POST",   "/apps/{appId}/transactions/{id}/refund",                      Operator, Change),
        ("POST",   "/apps/{appId}/transactions/{id}/give-up",                     Operator, Change),
        ("POST",   "/apps/{appId}/checkouts",                                     Operator, Change),
        ("GET",    "/apps/{appId}/checkout",                                      Viewer,   Look),
        ("PUT",    "/apps/{appId}/checkout",                                      Owner,    Change),
        ("PUT",    "/apps/{appId}/checkout/logo",                                 Owner,    Change),
        ("DELETE", "/apps/{appId}/checkout/logo",                                 Owner,    Change),
        ("GET",    "/verification-files",                                         Owner,    Look),
        ("PUT",    "/verification-files/{file}",                                  Owner,    Change),
        ("DELETE", "/verification-files/{file}",                                  Owner,    Change),
        ("GET",    "/dead-letters",                                               Owner,    Look),
        ("POST",   "/dead-letters/take-back",                                     Owner,    Change),
        ("POST",   "/operators",                                                  Owner,    Change),
        ("GET",    "/operators",                                                  Owner,    Look),
        ("PATCH",  "/operators/{name}",                                           Owner,    Change),
        ("DELETE", "/operators/{name}/sessions",                                  Owner,    Change),
        ("PUT",    "/operators/{name}/second-factor",                             Owner,    Change),
        ("DELETE", "/operators/{name}/second-factor",                             Owner,    Change),
        ("GET",    "/sign-in",                                                    Owner,    Look),
        ("PUT",    "/sign-in",                                                    Owner,    Change),
        ("GET",    "/audit",                                                      Owner,    Look),
        ("GET",    "/apps/{appId}/alerts",                                        Viewer,   Look),
        ("PUT",    "/apps/{appId}/alerts",                                        Operator, Change),
        ("POST",   "/apps/{appId}/alerts/test",                                   Operator, Change),
    ];

    /// Finds the operation by a path with a value for each name.
    fn find(method: &str, template: &str) -> Asked {
        let id = "568a12086e912100017722e5";
        let names = [("{tab}", "ali"), ("{account}", "1"), ("{day}", "2026-11-23"), ("{name}", "admin")];
        let filled = names.iter().fold(template.to_owned(), |path, (name, word)| path.replace(name, word));
        let segments = filled.split('/').map(|word| if word.starts_with('{') { id } else { word });
        let path = format!("/admin/v1{}", segments.collect::<Vec<_>>().join("/"));
        Asked::find(&Method::from_bytes(method.as_bytes()).unwrap(), &path).unwrap()
    }

    #[test]
    fn each_operation_needs_its_role_and_no_two_share_a_name() {
        let stated = ROLES.iter().map(|(method, path, role, effect)| {
            let (operation, path) = (find(method, path).operation, format!("/admin/v1{path}"));
            assert_eq!((operation.method.as_str(), operation.path), (*method, path.as_str()));
            assert_eq!((operation.role, operation.effect), (*role, *effect), "{method} {path}");
            operation.name
        });
        let stated: std::collections::BTreeSet<_> = stated.collect();
        let forgotten: Vec<_> = operations().filter(|operation| !stated.contains(operation.name)).collect();
        assert!(forgotten.is_empty(), "state the role of {forgotten:?}");
        assert_eq!((stated.len(), ROLES.len()), (OPERATIONS.len(), OPERATIONS.len()));
    }

    #[test]
    fn what_is_about_an_app_is_refused_to_who_does_not_see_it() {
        let mine = AppId::parse("000000000000000000000001").unwrap();
        let limited = Reach::of(vec![mine]).unwrap();
        for (method, path, role, _) in ROLES {
            let asked = find(method, path);
            let refused = asked.is_beyond(&limited).map(|problem| problem.status.as_u16());
            let expect = match (path.starts_with("/apps/"), *role) {
                (true, _) => Some(404),
                (false, OperatorRole::Owner) => Some(403),
                (false, OperatorRole::Viewer | OperatorRole::Operator) => None,
            };
            assert_eq!(refused, expect, "{method} {path}");
            assert!(asked.is_beyond(&Reach::Everything).is_none(), "{method} {path}");
        }
    }

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
            ("GET", "/admin/v1/apps/APP/incidents/x", "ShowIncident"),
            ("POST", "/admin/v1/apps/APP/incidents/x/replay", "ReplayIncident"),
            ("GET", "/admin/v1/apps/APP/incidents/x/replay", "405"),
            ("GET", "/admin/v1/apps/APP/transactions", "ListTransactions"),
            ("GET", "/admin/v1/apps/APP/transactions/APP", "ShowTransaction"),
            ("GET", "/admin/v1/apps/APP/transactions/1", "404"),
            ("PATCH", "/admin/v1/operators/admin", "ChangeOperator"),
            ("PATCH", "/admin/v1/operators/Admin", "404"),
            ("POST", "/admin/v1/audit", "405"),
            ("GET", "/admin/v1/", "404"),
            ("GET", "/admin/v2/apps", "404"),
            ("GET", "/admin/v1/apps/APP/", "404"),
        ];
        for (method, path, expect) in cases {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let found = match Asked::find(&method, &path.replace("APP", app)) {
                Ok(asked) => format!("{:?}", asked.route),
                Err(problem) => problem.status.as_u16().to_string(),
            };
            assert!(found.starts_with(expect), "{method} {path}: {found}");
        }
    }
}
