//! The operator API under `/admin/v1`: apps, their keys, channel settings, webhooks, transactions, incidents, operators and the audit log.
//! [`perform`] is the one entry to every operation. Each file beside it is about one kind of thing.
//!
//! It uses JSON and ordinary HTTP statuses; errors are RFC 9457 problems. Errors in keys and certificates are reported when they are saved.
//! A key is shown when it is made, and never again.

mod accounts;
mod alerts;
pub(crate) mod apps;
mod audit;
pub(crate) mod call;
mod channels;
mod check;
mod checkout;
mod dead_letters;
mod deliveries;
pub(crate) mod destination;
pub(crate) mod doorman;
pub(crate) mod find;
pub(crate) mod find_at_provider;
mod handled;
mod incident_check;
mod incidents;
mod logo;
mod old_accounts;
mod operators;
pub(crate) mod page;
pub(crate) mod password;
pub(crate) mod problem;
pub(crate) mod proposed_refunds;
mod reconciliations;
pub(crate) mod refunds;
mod replay;
pub(crate) mod routes;
pub(crate) mod said;
pub(crate) mod second_factor;
pub(crate) mod several_refunds;
mod sign_in_rules;
mod transaction_actions;
pub(crate) mod transactions;
mod webhook_test;
mod webhooks;
pub(crate) mod wrong;

use runtime::{Reply, Request};

use crate::deps::Deps;
use call::{Call, Who};
use problem::Problem;
use routes::{Asked, Effect, Route, ShownBy};
pub use routes::{Operation, operations};

/// Answers one request of the holder of the operator token.
pub(crate) async fn answer(deps: &Deps, request: &Request) -> Reply {
    let answered = match routes::authorize(deps, request) {
        Ok(()) => perform(deps, Who::token(request), request).await,
        Err(problem) => Err(problem),
    };
    answered.unwrap_or_else(problem::reply)
}

/// The one entry to every operation, for callers of the API and for the console. It refuses callers without the right, and writes changes
/// into the audit log.
pub(crate) async fn perform(deps: &Deps, who: Who, request: &Request) -> Result<Reply, Problem> {
    let call = Call { deps, request, now: deps.services.clock.now(), who };
    let asked = Asked::find(request.method(), request.uri().path())?;
    let needed = asked.operation.role;
    if call.who.role < needed {
        return Err(Problem::forbidden(needed));
    }
    if let Some(problem) = asked.is_beyond(&call.who.reach) {
        return Err(problem);
    }
    match asked.operation.effect {
        Effect::Look => run(&call, asked.route).await,
        Effect::Change => change(&call, asked).await,
    }
}

/// Makes a change, and writes its audit entry.
async fn change(call: &Call<'_>, Asked { operation, route, .. }: Asked) -> Result<Reply, Problem> {
    let before = match route.shown_by() {
        Some(ShownBy { route, item }) => audit::shown(run(call, route).await, item.as_deref()),
        None => None,
    };
    let entry = audit::begin(call, operation, before).await?;
    let answer = run(call, route).await;
    audit::complete(call, &entry, &answer).await;
    answer
}

async fn run(call: &Call<'_>, route: Route) -> Result<Reply, Problem> {
    match route {
        Route::CreateApp => apps::create(call).await,
        Route::ListApps => apps::list(call).await,
        Route::ShowApp(app) => apps::show(call, app).await,
        Route::ChangeApp(app) => apps::change(call, app).await,
        Route::RotateKey(app) => apps::rotate_key(call, app).await,
        Route::CreateSession(app) => apps::create_session(call, app).await,
        Route::CheckChannel(app, tab) => check::check(call, app, tab).await,
        Route::PutChannel(app, tab) => channels::put(call, app, tab).await,
        Route::ShowChannel(app, tab) => channels::show(call, app, tab).await,
        Route::DeleteChannel(app, tab) => channels::delete(call, app, tab).await,
        Route::MakeCheckout(app) => Box::pin(checkout::make(call, app)).await,
        Route::ShowCheckout(app) => checkout::show(call, app).await,
        Route::ChangeCheckout(app) => checkout::change(call, app).await,
        Route::SaveLogo(app) => checkout::save_logo(call, app).await,
        Route::DeleteLogo(app) => checkout::delete_logo(call, app).await,
        Route::ListVerificationFiles => checkout::list_files(call).await,
        Route::SaveVerificationFile(name) => checkout::save_file(call, &name).await,
        Route::DeleteVerificationFile(name) => checkout::delete_file(call, &name).await,
        Route::ListAccounts(app, tab) => old_accounts::list(call, app, tab).await,
        Route::RetireAccount(app, tab, number) => old_accounts::retire(call, app, tab, number).await,
        Route::CreateWebhook(app) => webhooks::create(call, app).await,
        Route::ListWebhooks(app) => webhooks::list(call, app).await,
        Route::ChangeWebhook(app, webhook) => webhooks::change(call, app, webhook).await,
        Route::SwitchWebhook(app, webhook) => webhooks::switch(call, app, webhook).await,
        Route::RotateWebhookSecret(app, webhook) => webhooks::rotate_secret(call, app, webhook).await,
        Route::DeleteWebhook(app, webhook) => webhooks::delete(call, app, webhook).await,
        Route::TestWebhook(app, webhook) => webhook_test::run(call, app, webhook).await,
        Route::ListDeliveries(app) => deliveries::list(call, app).await,
        Route::ResendDelivery(app, delivery) => deliveries::resend(call, app, &delivery).await,
        Route::Replay(app, webhook) => replay::replay(call, app, webhook).await,
        Route::ListDeadLetters => dead_letters::list(call).await,
        Route::TakeBackDeadLetters => dead_letters::take_back(call).await,
        Route::FindPayments(app) => Box::pin(find::find(call, app)).await,
        Route::ListTransactions(app) => transactions::list(call, app).await,
        Route::ListRefunds(app) => refunds::list(call, app).await,
        Route::ShowTransaction(app, id) => transactions::show(call, app, id).await,
        // Boxed: the futures of money flows are large, and other calls should not carry their size.
        Route::SyncTransaction(app, id) => Box::pin(transaction_actions::sync(call, app, id)).await,
        Route::CloseTransaction(app, id) => Box::pin(transaction_actions::close(call, app, id)).await,
        Route::RefundTransaction(app, id) => Box::pin(transaction_actions::refund(call, app, id)).await,
        Route::BeginRefunds(app) => Box::pin(several_refunds::begin(call, app)).await,
        Route::ListProposedRefunds(app) => proposed_refunds::list(call, app).await,
        Route::ApproveRefund(app, id) => Box::pin(proposed_refunds::approve(call, app, id)).await,
        Route::DeclineRefund(app, id) => Box::pin(proposed_refunds::decline(call, app, id)).await,
        Route::GiveUpRefund(app, id) => Box::pin(transaction_actions::give_up(call, app, id)).await,
        Route::ListIncidents(app) => incidents::list(call, app).await,
        Route::ListReconciliations(app) => reconciliations::list(call, app).await,
        Route::AskForDay(app, day) => reconciliations::ask(call, app, day).await,
        Route::HandleDay(app, day) => reconciliations::handle(call, app, day).await,
        Route::ReopenDay(app, day) => reconciliations::reopen(call, app, day).await,
        Route::ShowIncident(app, id) => incidents::show(call, app, &id).await,
        Route::ReplayIncident(app, id) => Box::pin(incident_check::replay(call, app, &id)).await,
        Route::HandleIncident(app, id) => incidents::handle(call, app, &id).await,
        Route::ReopenIncident(app, id) => incidents::reopen(call, app, &id).await,
        Route::CreateOperator => operators::create(call).await,
        Route::ListOperators => operators::list(call).await,
        Route::ChangeOperator(name) => operators::change(call, name).await,
        Route::EndSessions(name) => operators::end_sessions(call, name).await,
        Route::EnrolSecondFactor(name) => second_factor::enrol(call, name).await,
        Route::ResetSecondFactor(name) => second_factor::reset(call, name).await,
        Route::ShowSignInRules => sign_in_rules::show(call).await,
        Route::ChangeSignInRules => sign_in_rules::change(call).await,
        Route::ListAudit => audit::list(call).await,
        Route::ShowAlerts(app) => alerts::show(call, app).await,
        Route::ChangeAlerts(app) => Box::pin(alerts::change(call, app)).await,
        Route::TestAlerts(app) => Box::pin(alerts::test(call, app)).await,
    }
}
