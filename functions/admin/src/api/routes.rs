//! Who may call, and what a path means.

mod named;

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
    ListTransactions(AppId),
    ShowTransaction(AppId, TransactionId),
    SyncTransaction(AppId, TransactionId),
    CloseTransaction(AppId, TransactionId),
    RefundTransaction(AppId, TransactionId),
    GiveUpRefund(AppId, TransactionId),
    ListIncidents(AppId),
    ListReconciliations(AppId),
    AskForDay(AppId, NamedDay),
    ShowIncident(AppId, String),
    ReplayIncident(AppId, String),
    CreateOperator,
    ListOperators,
    ChangeOperator(OperatorName),
    EndSessions(OperatorName),
    EnrolSecondFactor(OperatorName),
    ResetSecondFactor(OperatorName),
    ShowSignInRules,
    ChangeSignInRules,
    ListAudit,
}

/// Whether an operation changes anything, or does something outside: both are in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Look,
    Change,
}

/// What an operation is called in the audit log, who may, and whether it belongs there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) role: OperatorRole,
    pub(crate) effect: Effect,
}

impl Route {
    /// Everyone may look; the daily work is the operators'; keys, channels and people are the owners'.
    #[rustfmt::skip]
    pub(crate) fn rule(&self) -> Rule {
        use Effect::{Change, Look};
        use OperatorRole::{Operator, Owner, Viewer};
        let (name, role, effect) = match self {
            Self::CreateApp             => ("create app",        Owner,    Change),
            Self::ListApps              => ("list apps",         Viewer,   Look),
            Self::ShowApp(_)            => ("show app",          Viewer,   Look),
            Self::ChangeApp(_)          => ("change app",        Owner,    Change),
            Self::RotateKey(_)          => ("rotate key",        Owner,    Change),
            Self::CreateSession(_)      => ("create session",    Operator, Change),
            Self::PutChannel(..)        => ("save channel",      Owner,    Change),
            Self::ShowChannel(..)       => ("show channel",      Viewer,   Look),
            Self::DeleteChannel(..)     => ("delete channel",    Owner,    Change),
            Self::CheckChannel(..)      => ("check channel",     Owner,    Change),
            Self::ListAccounts(..)      => ("list accounts",     Viewer,   Look),
            Self::RetireAccount(..)     => ("retire account",    Owner,    Change),
            Self::CreateWebhook(_)      => ("create webhook",    Operator, Change),
            Self::ListWebhooks(_)       => ("list webhooks",     Viewer,   Look),
            Self::ChangeWebhook(..)     => ("change webhook",    Operator, Change),
            Self::SwitchWebhook(..)     => ("switch webhook",    Operator, Change),
            // Who may make a webhook, sees its secret once.
            Self::RotateWebhookSecret(..) => ("rotate webhook secret", Operator, Change),
            Self::DeleteWebhook(..)     => ("delete webhook",    Operator, Change),
            Self::TestWebhook(..)       => ("test webhook",      Operator, Change),
            Self::ListDeliveries(_)     => ("list deliveries",   Viewer,   Look),
            Self::ResendDelivery(..)    => ("resend delivery",   Operator, Change),
            Self::Replay(..)            => ("replay webhook",    Operator, Change),
            Self::ListTransactions(_)   => ("list transactions", Viewer,   Look),
            Self::ShowTransaction(..)   => ("show transaction",  Viewer,   Look),
            Self::SyncTransaction(..)   => ("ask provider",      Operator, Change),
            Self::CloseTransaction(..)  => ("close transaction", Operator, Change),
            Self::RefundTransaction(..) => ("refund transaction", Operator, Change),
            Self::GiveUpRefund(..)      => ("give up refund",    Operator, Change),
            Self::ListIncidents(_)      => ("list incidents",    Viewer,   Look),
            Self::ListReconciliations(_) => ("list reconciliations", Viewer, Look),
            Self::AskForDay(..)         => ("ask for a day",     Operator, Change),
            // The body of a message may name the payer.
            Self::ShowIncident(..)      => ("show incident",     Operator, Look),
            Self::ReplayIncident(..)    => ("replay incident",   Operator, Change),
            Self::CreateOperator        => ("create operator",   Owner,    Change),
            Self::ListOperators         => ("list operators",    Owner,    Look),
            Self::ChangeOperator(_)     => ("change operator",   Owner,    Change),
            Self::EndSessions(_)        => ("end sessions",      Owner,    Change),
            Self::EnrolSecondFactor(_)  => ("enrol second factor", Owner,  Change),
            Self::ResetSecondFactor(_)  => ("reset second factor", Owner,  Change),
            Self::ShowSignInRules       => ("show sign-in rules",  Owner,  Look),
            Self::ChangeSignInRules     => ("change sign-in rules", Owner, Change),
            Self::ListAudit             => ("show audit log",    Owner,    Look),
        };
        Rule { name, role, effect }
    }

    /// The operation that shows what this one changes, and which item of its list that is.
    pub(crate) fn shown_by(&self) -> Option<(Self, Option<String>)> {
        match self {
            Self::ChangeApp(app) => Some((Self::ShowApp(app.clone()), None)),
            Self::PutChannel(app, tab) | Self::DeleteChannel(app, tab) => {
                Some((Self::ShowChannel(app.clone(), *tab), None))
            }
            Self::RetireAccount(app, tab, number) => {
                Some((Self::ListAccounts(app.clone(), *tab), Some(number.to_string())))
            }
            Self::ChangeWebhook(app, webhook)
            | Self::SwitchWebhook(app, webhook)
            | Self::DeleteWebhook(app, webhook) => Some((Self::ListWebhooks(app.clone()), Some(webhook.to_string()))),
            Self::SyncTransaction(app, id)
            | Self::CloseTransaction(app, id)
            | Self::RefundTransaction(app, id)
            | Self::GiveUpRefund(app, id) => Some((Self::ShowTransaction(app.clone(), id.clone()), None)),
            Self::ChangeOperator(name) | Self::EnrolSecondFactor(name) | Self::ResetSecondFactor(name) => {
                Some((Self::ListOperators, Some(name.to_string())))
            }
            Self::ChangeSignInRules => Some((Self::ShowSignInRules, None)),
            // What is made new has no before, and neither has a key that nobody may see.
            Self::CreateApp
            | Self::RotateKey(_)
            | Self::CreateSession(_)
            | Self::CreateWebhook(_)
            | Self::RotateWebhookSecret(..)
            | Self::CreateOperator
            | Self::EndSessions(_)
            | Self::ReplayIncident(..)
            | Self::AskForDay(..) => None,
            // What is sent leaves its own trace.
            Self::CheckChannel(..) | Self::TestWebhook(..) | Self::ResendDelivery(..) | Self::Replay(..) => None,
            Self::ListApps
            | Self::ShowApp(_)
            | Self::ShowChannel(..)
            | Self::ListAccounts(..)
            | Self::ListWebhooks(_)
            | Self::ListDeliveries(_)
            | Self::ListTransactions(_)
            | Self::ShowTransaction(..)
            | Self::ListIncidents(_)
            | Self::ShowIncident(..)
            | Self::ListReconciliations(_)
            | Self::ListOperators
            | Self::ShowSignInRules
            | Self::ListAudit => None,
        }
    }

    /// The app that this is about. An operator whose rights are limited to some apps is refused by it, so that each new route says here
    /// what it is about.
    pub(crate) fn app(&self) -> Option<&AppId> {
        match self {
            Self::ShowApp(app)
            | Self::ChangeApp(app)
            | Self::RotateKey(app)
            | Self::CreateSession(app)
            | Self::PutChannel(app, _)
            | Self::ShowChannel(app, _)
            | Self::DeleteChannel(app, _)
            | Self::CheckChannel(app, _)
            | Self::ListAccounts(app, _)
            | Self::RetireAccount(app, ..)
            | Self::CreateWebhook(app)
            | Self::ListWebhooks(app)
            | Self::ChangeWebhook(app, _)
            | Self::SwitchWebhook(app, _)
            | Self::DeleteWebhook(app, _)
            | Self::TestWebhook(app, _)
            | Self::ListDeliveries(app)
            | Self::ResendDelivery(app, _)
            | Self::Replay(app, _)
            | Self::RotateWebhookSecret(app, _)
            | Self::ListTransactions(app)
            | Self::ShowTransaction(app, _)
            | Self::SyncTransaction(app, _)
            | Self::CloseTransaction(app, _)
            | Self::RefundTransaction(app, _)
            | Self::GiveUpRefund(app, _)
            | Self::ListIncidents(app)
            | Self::ListReconciliations(app)
            | Self::AskForDay(app, _)
            | Self::ShowIncident(app, _)
            | Self::ReplayIncident(app, _) => Some(app),
            Self::CreateApp
            | Self::ListApps
            | Self::CreateOperator
            | Self::ListOperators
            | Self::ChangeOperator(_)
            | Self::EndSessions(_)
            | Self::EnrolSecondFactor(_)
            | Self::ResetSecondFactor(_)
            | Self::ShowSignInRules
            | Self::ChangeSignInRules
            | Self::ListAudit => None,
        }
    }

    /// Why somebody who sees these apps alone may not do this; `None` if they may. An app that they do not see is not there. Of what is about
    /// no app they may have the list, which shows theirs.
    pub(crate) fn is_beyond(&self, reach: &Reach) -> Option<Problem> {
        match (reach, self.app()) {
            (Reach::Everything, _) => None,
            (Reach::Apps(_), Some(app)) => (!reach.includes(app)).then(|| Problem::not_found("app")),
            (Reach::Apps(_), None) => (*self != Self::ListApps).then(|| Problem::forbidden(OperatorRole::Owner)),
        }
    }

    /// # Errors
    /// Not found, or a method that the path does not know.
    pub(crate) fn find(method: &Method, path: &str) -> Result<Self, Problem> {
        let at: Vec<&Row> = TABLE.iter().filter(|(_, template, _)| fits(template, path)).collect();
        match at.iter().find(|(known, ..)| known == method) {
            Some((_, template, read)) => read(&Named { template, path }),
            None if at.is_empty() => Err(Problem::not_found("path")),
            None => {
                let allowed = METHODS.into_iter().filter(|one| at.iter().any(|(known, ..)| known == one));
                Err(Problem::method(&allowed.map(|one| one.to_string()).collect::<Vec<_>>().join(", ")))
            }
        }
    }
}

/// A method, a path with names for what differs, and how the operation is made of them.
type Row = (Method, &'static str, fn(&Named<'_>) -> Result<Route, Problem>);

/// The order in which a path's methods are told.
const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// The one list of operations: what is not here is not answered, and `docs/openapi.yaml` has neither more nor less.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    (Method::POST,   "/admin/v1/apps",                                         |_| Ok(Route::CreateApp)),
    (Method::GET,    "/admin/v1/apps",                                         |_| Ok(Route::ListApps)),
    (Method::GET,    "/admin/v1/apps/{appId}",                                 |at| Ok(Route::ShowApp(at.app()?))),
    (Method::PATCH,  "/admin/v1/apps/{appId}",                                 |at| Ok(Route::ChangeApp(at.app()?))),
    (Method::POST,   "/admin/v1/apps/{appId}/keys/rotate",                     |at| Ok(Route::RotateKey(at.app()?))),
    (Method::POST,   "/admin/v1/apps/{appId}/sessions",                        |at| Ok(Route::CreateSession(at.app()?))),
    (Method::PUT,    "/admin/v1/apps/{appId}/channels/{tab}",                  |at| Ok(Route::PutChannel(at.app()?, at.tab()?))),
    (Method::GET,    "/admin/v1/apps/{appId}/channels/{tab}",                  |at| Ok(Route::ShowChannel(at.app()?, at.tab()?))),
    (Method::DELETE, "/admin/v1/apps/{appId}/channels/{tab}",                  |at| Ok(Route::DeleteChannel(at.app()?, at.tab()?))),
    (Method::POST,   "/admin/v1/apps/{appId}/channels/{tab}/check",            |at| Ok(Route::CheckChannel(at.app()?, at.tab()?))),
    (Method::GET,    "/admin/v1/apps/{appId}/channels/{tab}/accounts",         |at| Ok(Route::ListAccounts(at.app()?, at.tab()?))),
    (Method::DELETE, "/admin/v1/apps/{appId}/channels/{tab}/accounts/{account}", |at| Ok(Route::RetireAccount(at.app()?, at.tab()?, at.account()?))),
    (Method::POST,   "/admin/v1/apps/{appId}/webhooks",                        |at| Ok(Route::CreateWebhook(at.app()?))),
    (Method::GET,    "/admin/v1/apps/{appId}/webhooks",                        |at| Ok(Route::ListWebhooks(at.app()?))),
    (Method::PUT,    "/admin/v1/apps/{appId}/webhooks/{webhookId}",            |at| Ok(Route::ChangeWebhook(at.app()?, at.webhook()?))),
    (Method::DELETE, "/admin/v1/apps/{appId}/webhooks/{webhookId}",            |at| Ok(Route::DeleteWebhook(at.app()?, at.webhook()?))),
    (Method::PUT,    "/admin/v1/apps/{appId}/webhooks/{webhookId}/mode",       |at| Ok(Route::SwitchWebhook(at.app()?, at.webhook()?))),
    (Method::POST,   "/admin/v1/apps/{appId}/webhooks/{webhookId}/secret/rotate", |at| Ok(Route::RotateWebhookSecret(at.app()?, at.webhook()?))),
    (Method::POST,   "/admin/v1/apps/{appId}/webhooks/{webhookId}/test",       |at| Ok(Route::TestWebhook(at.app()?, at.webhook()?))),
    (Method::POST,   "/admin/v1/apps/{appId}/webhooks/{webhookId}/replay",     |at| Ok(Route::Replay(at.app()?, at.webhook()?))),
    (Method::GET,    "/admin/v1/apps/{appId}/deliveries",                      |at| Ok(Route::ListDeliveries(at.app()?))),
    (Method::POST,   "/admin/v1/apps/{appId}/deliveries/{deliveryId}/resend",  |at| Ok(Route::ResendDelivery(at.app()?, at.text("{deliveryId}")))),
    (Method::GET,    "/admin/v1/apps/{appId}/incidents",                       |at| Ok(Route::ListIncidents(at.app()?))),
    (Method::GET,    "/admin/v1/apps/{appId}/incidents/{incidentId}",          |at| Ok(Route::ShowIncident(at.app()?, at.text("{incidentId}")))),
    (Method::POST,   "/admin/v1/apps/{appId}/incidents/{incidentId}/replay",   |at| Ok(Route::ReplayIncident(at.app()?, at.text("{incidentId}")))),
    (Method::GET,    "/admin/v1/apps/{appId}/reconciliations",                 |at| Ok(Route::ListReconciliations(at.app()?))),
    (Method::POST,   "/admin/v1/apps/{appId}/reconciliations/{day}/{tab}/{account}/ask", |at| Ok(Route::AskForDay(at.app()?, at.day()?))),
    (Method::GET,    "/admin/v1/apps/{appId}/transactions",                    |at| Ok(Route::ListTransactions(at.app()?))),
    (Method::GET,    "/admin/v1/apps/{appId}/transactions/{id}",               |at| Ok(Route::ShowTransaction(at.app()?, at.transaction()?))),
    (Method::POST,   "/admin/v1/apps/{appId}/transactions/{id}/sync",          |at| Ok(Route::SyncTransaction(at.app()?, at.transaction()?))),
    (Method::POST,   "/admin/v1/apps/{appId}/transactions/{id}/close",         |at| Ok(Route::CloseTransaction(at.app()?, at.transaction()?))),
    (Method::POST,   "/admin/v1/apps/{appId}/transactions/{id}/refund",        |at| Ok(Route::RefundTransaction(at.app()?, at.transaction()?))),
    (Method::POST,   "/admin/v1/apps/{appId}/transactions/{id}/give-up",       |at| Ok(Route::GiveUpRefund(at.app()?, at.transaction()?))),
    (Method::POST,   "/admin/v1/operators",                                    |_| Ok(Route::CreateOperator)),
    (Method::GET,    "/admin/v1/operators",                                    |_| Ok(Route::ListOperators)),
    (Method::PATCH,  "/admin/v1/operators/{name}",                             |at| Ok(Route::ChangeOperator(at.operator()?))),
    (Method::DELETE, "/admin/v1/operators/{name}/sessions",                    |at| Ok(Route::EndSessions(at.operator()?))),
    (Method::PUT,    "/admin/v1/operators/{name}/second-factor",               |at| Ok(Route::EnrolSecondFactor(at.operator()?))),
    (Method::DELETE, "/admin/v1/operators/{name}/second-factor",               |at| Ok(Route::ResetSecondFactor(at.operator()?))),
    (Method::GET,    "/admin/v1/sign-in",                                      |_| Ok(Route::ShowSignInRules)),
    (Method::PUT,    "/admin/v1/sign-in",                                      |_| Ok(Route::ChangeSignInRules)),
    (Method::GET,    "/admin/v1/audit",                                        |_| Ok(Route::ListAudit)),
];

/// Every operation of the API: its method, and its path as `docs/openapi.yaml` writes it.
pub fn operations() -> impl Iterator<Item = (Method, &'static str)> {
    TABLE.iter().map(|(method, path, _)| (method.clone(), *path))
}

/// Whether each segment is the template's, or has a name there.
fn fits(template: &str, path: &str) -> bool {
    template.split('/').count() == path.split('/').count()
        && template.split('/').zip(path.split('/')).all(|(known, found)| known == found || known.starts_with('{'))
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
pub(crate) mod tests {
    use super::*;

    /// What each operation needs, by the call that asks for it. The table is the specification; the one in `rule` is the code.
    #[rustfmt::skip]
    const ROLES: &[(&str, &str, OperatorRole, Effect)] = &[
        ("POST",   "/apps",                        OperatorRole::Owner,    Effect::Change),
        ("GET",    "/apps",                        OperatorRole::Viewer,   Effect::Look),
        ("GET",    "/apps/APP",                    OperatorRole::Viewer,   Effect::Look),
        ("PATCH",  "/apps/APP",                    OperatorRole::Owner,    Effect::Change),
        ("POST",   "/apps/APP/keys/rotate",        OperatorRole::Owner,    Effect::Change),
        ("POST",   "/apps/APP/sessions",           OperatorRole::Operator, Effect::Change),
        ("PUT",    "/apps/APP/channels/ali",       OperatorRole::Owner,    Effect::Change),
        ("GET",    "/apps/APP/channels/ali",       OperatorRole::Viewer,   Effect::Look),
        ("DELETE", "/apps/APP/channels/ali",       OperatorRole::Owner,    Effect::Change),
        ("POST",   "/apps/APP/channels/ali/check", OperatorRole::Owner,    Effect::Change),
        ("POST",   "/apps/APP/webhooks",           OperatorRole::Operator, Effect::Change),
        ("GET",    "/apps/APP/channels/ali/accounts", OperatorRole::Viewer, Effect::Look),
        ("DELETE", "/apps/APP/channels/ali/accounts/1", OperatorRole::Owner, Effect::Change),
        ("GET",    "/apps/APP/webhooks",           OperatorRole::Viewer,   Effect::Look),
        ("DELETE", "/apps/APP/webhooks/APP",       OperatorRole::Operator, Effect::Change),
        ("GET",    "/apps/APP/transactions",       OperatorRole::Viewer,   Effect::Look),
        ("GET",    "/apps/APP/transactions/APP",   OperatorRole::Viewer,   Effect::Look),
        ("GET",    "/apps/APP/incidents",          OperatorRole::Viewer,   Effect::Look),
        ("GET",    "/apps/APP/incidents/x",        OperatorRole::Operator, Effect::Look),
        ("POST",   "/apps/APP/incidents/x/replay", OperatorRole::Operator, Effect::Change),
        ("POST", "/apps/APP/transactions/APP/sync", OperatorRole::Operator, Effect::Change),
        ("POST", "/apps/APP/transactions/APP/close", OperatorRole::Operator, Effect::Change),
        ("POST", "/apps/APP/transactions/APP/refund", OperatorRole::Operator, Effect::Change),
        ("POST", "/apps/APP/transactions/APP/give-up", OperatorRole::Operator, Effect::Change),
        ("PUT", "/apps/APP/webhooks/APP", OperatorRole::Operator, Effect::Change),
        ("PUT", "/apps/APP/webhooks/APP/mode", OperatorRole::Operator, Effect::Change),
        ("POST", "/apps/APP/webhooks/APP/secret/rotate", OperatorRole::Operator, Effect::Change),
        ("POST", "/apps/APP/webhooks/APP/test", OperatorRole::Operator, Effect::Change),
        ("POST", "/apps/APP/webhooks/APP/replay", OperatorRole::Operator, Effect::Change),
        ("POST", "/apps/APP/deliveries/x/resend", OperatorRole::Operator, Effect::Change),
        ("GET", "/apps/APP/deliveries", OperatorRole::Viewer, Effect::Look),
        ("GET", "/apps/APP/reconciliations", OperatorRole::Viewer, Effect::Look),
        ("POST", "/apps/APP/reconciliations/2026-11-23/ali/1/ask", OperatorRole::Operator, Effect::Change),
        ("POST",   "/operators",                   OperatorRole::Owner,    Effect::Change),
        ("GET",    "/operators",                   OperatorRole::Owner,    Effect::Look),
        ("PATCH",  "/operators/admin",             OperatorRole::Owner,    Effect::Change),
        ("DELETE", "/operators/admin/sessions",    OperatorRole::Owner,    Effect::Change),
        ("PUT",    "/operators/admin/second-factor", OperatorRole::Owner,  Effect::Change),
        ("DELETE", "/operators/admin/second-factor", OperatorRole::Owner,  Effect::Change),
        ("GET",    "/sign-in",                     OperatorRole::Owner,    Effect::Look),
        ("PUT",    "/sign-in",                     OperatorRole::Owner,    Effect::Change),
        ("GET",    "/audit",                       OperatorRole::Owner,    Effect::Look),
    ];

    fn find(method: &str, path: &str) -> Route {
        let path = format!("/admin/v1{}", path.replace("APP", "568a12086e912100017722e5"));
        Route::find(&Method::from_bytes(method.as_bytes()).unwrap(), &path).unwrap()
    }

    /// The rules of all operations.
    pub(crate) fn every_rule() -> Vec<Rule> {
        ROLES.iter().map(|(method, path, ..)| find(method, path).rule()).collect()
    }

    #[test]
    fn each_operation_needs_its_role_and_no_two_share_a_name() {
        for (method, path, role, effect) in ROLES {
            let rule = find(method, path).rule();
            assert_eq!((rule.role, rule.effect), (*role, *effect), "{method} {path}");
        }
        let mut names: Vec<_> = every_rule().iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ROLES.len());
    }

    #[test]
    fn no_operation_is_without_a_role_here() {
        let stated = |method: &Method, template: &str| {
            let at = |path: &str| fits(template, &format!("/admin/v1{path}"));
            ROLES.iter().filter(|(known, path, ..)| *known == method.as_str() && at(path)).count()
        };
        for (method, path) in operations() {
            assert_eq!(stated(&method, path), 1, "{method} {path}");
        }
        assert_eq!(operations().count(), ROLES.len());
    }

    #[test]
    fn what_is_about_an_app_is_refused_to_who_does_not_see_it() {
        let mine = AppId::parse("000000000000000000000001").unwrap();
        let limited = Reach::of(vec![mine]).unwrap();
        for (method, path, role, _) in ROLES {
            let route = find(method, path);
            assert_eq!(route.app().is_some(), path.starts_with("/apps/"), "{method} {path}");
            let refused = route.is_beyond(&limited).map(|problem| problem.status.as_u16());
            let expect = match (path.starts_with("/apps/"), *role) {
                (true, _) => Some(404),
                (false, OperatorRole::Owner) => Some(403),
                (false, OperatorRole::Viewer | OperatorRole::Operator) => None,
            };
            assert_eq!(refused, expect, "{method} {path}");
            assert!(route.is_beyond(&Reach::Everything).is_none(), "{method} {path}");
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
            let found = match Route::find(&method, &path.replace("APP", app)) {
                Ok(route) => format!("{route:?}"),
                Err(problem) => problem.status.as_u16().to_string(),
            };
            assert!(found.starts_with(expect), "{method} {path}: {found}");
        }
    }
}
