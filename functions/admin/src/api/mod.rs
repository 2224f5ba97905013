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

use futures_util::future::BoxFuture;
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

type Answered<'a> = BoxFuture<'a, Result<Reply, Problem>>;

fn run<'a>(call: &'a Call<'_>, route: Route) -> Answered<'a> {
    match route {
        Route::CreateApp => made(|| apps::create(call)),
        Route::ListApps => made(|| apps::list(call)),
        Route::ShowApp(app) => made(|| apps::show(call, app)),
        Route::ChangeApp(app) => made(|| apps::change(call, app)),
        Route::RotateKey(app) => made(|| apps::rotate_key(call, app)),
        Route::CreateSession(app) => made(|| apps::create_session(call, app)),
        Route::CheckChannel(app, tab) => made(|| check::check(call, app, tab)),
        Route::PutChannel(app, tab) => made(|| channels::put(call, app, tab)),
        Route::ShowChannel(app, tab) => made(|| channels::show(call, app, tab)),
        Route::DeleteChannel(app, tab) => made(|| channels::delete(call, app, tab)),
        Route::MakeCheckout(app) => made(|| checkout::make(call, app)),
        Route::ShowCheckout(app) => made(|| checkout::show(call, app)),
        Route::ChangeCheckout(app) => made(|| checkout::change(call, app)),
        Route::SaveLogo(app) => made(|| checkout::save_logo(call, app)),
        Route::DeleteLogo(app) => made(|| checkout::delete_logo(call, app)),
        Route::ListVerificationFiles => made(|| checkout::list_files(call)),
        Route::SaveVerificationFile(name) => made(async move || checkout::save_file(call, &name).await),
        Route::DeleteVerificationFile(name) => made(async move || checkout::delete_file(call, &name).await),
        Route::ListAccounts(app, tab) => made(|| old_accounts::list(call, app, tab)),
        Route::RetireAccount(app, tab, number) => made(|| old_accounts::retire(call, app, tab, number)),
        Route::CreateWebhook(app) => made(|| webhooks::create(call, app)),
        Route::ListWebhooks(app) => made(|| webhooks::list(call, app)),
        Route::ChangeWebhook(app, webhook) => made(|| webhooks::change(call, app, webhook)),
        Route::SwitchWebhook(app, webhook) => made(|| webhooks::switch(call, app, webhook)),
        Route::RotateWebhookSecret(app, webhook) => made(|| webhooks::rotate_secret(call, app, webhook)),
        Route::DeleteWebhook(app, webhook) => made(|| webhooks::delete(call, app, webhook)),
        Route::TestWebhook(app, webhook) => made(|| webhook_test::run(call, app, webhook)),
        Route::ListDeliveries(app) => made(|| deliveries::list(call, app)),
        Route::ResendDelivery(app, delivery) => made(async move || deliveries::resend(call, app, &delivery).await),
        Route::Replay(app, webhook) => made(|| replay::replay(call, app, webhook)),
        Route::ListDeadLetters => made(|| dead_letters::list(call)),
        Route::TakeBackDeadLetters => made(|| dead_letters::take_back(call)),
        Route::FindPayments(app) => made(|| find::find(call, app)),
        Route::ListTransactions(app) => made(|| transactions::list(call, app)),
        Route::ListRefunds(app) => made(|| refunds::list(call, app)),
        Route::ShowTransaction(app, id) => made(|| transactions::show(call, app, id)),
        Route::SyncTransaction(app, id) => made(|| transaction_actions::sync(call, app, id)),
        Route::CloseTransaction(app, id) => made(|| transaction_actions::close(call, app, id)),
        Route::RefundTransaction(app, id) => made(|| transaction_actions::refund(call, app, id)),
        Route::BeginRefunds(app) => made(|| several_refunds::begin(call, app)),
        Route::ListProposedRefunds(app) => made(|| proposed_refunds::list(call, app)),
        Route::ApproveRefund(app, id) => made(|| proposed_refunds::approve(call, app, id)),
        Route::DeclineRefund(app, id) => made(|| proposed_refunds::decline(call, app, id)),
        Route::GiveUpRefund(app, id) => made(|| transaction_actions::give_up(call, app, id)),
        Route::ListIncidents(app) => made(|| incidents::list(call, app)),
        Route::ListReconciliations(app) => made(|| reconciliations::list(call, app)),
        Route::AskForDay(app, day) => made(|| reconciliations::ask(call, app, day)),
        Route::HandleDay(app, day) => made(|| reconciliations::handle(call, app, day)),
        Route::ReopenDay(app, day) => made(|| reconciliations::reopen(call, app, day)),
        Route::ShowIncident(app, id) => made(async move || incidents::show(call, app, &id).await),
        Route::ReplayIncident(app, id) => made(async move || incident_check::replay(call, app, &id).await),
        Route::HandleIncident(app, id) => made(async move || incidents::handle(call, app, &id).await),
        Route::ReopenIncident(app, id) => made(async move || incidents::reopen(call, app, &id).await),
        Route::CreateOperator => made(|| operators::create(call)),
        Route::ListOperators => made(|| operators::list(call)),
        Route::ChangeOperator(name) => made(|| operators::change(call, name)),
        Route::EndSessions(name) => made(|| operators::end_sessions(call, name)),
        Route::EnrolSecondFactor(name) => made(|| second_factor::enrol(call, name)),
        Route::ResetSecondFactor(name) => made(|| second_factor::reset(call, name)),
        Route::ShowSignInRules => made(|| sign_in_rules::show(call)),
        Route::ChangeSignInRules => made(|| sign_in_rules::change(call)),
        Route::ListAudit => made(|| audit::list(call)),
        Route::ShowAlerts(app) => made(|| alerts::show(call, app)),
        Route::ChangeAlerts(app) => made(|| alerts::change(call, app)),
        Route::TestAlerts(app) => made(|| alerts::test(call, app)),
    }
}

/// Makes the future of an operation. Its frame ends before the future is awaited. Made side by side in one function, the futures of all
/// operations fill its frame: 800 KB in a debug build, of the 2 MB that a thread has.
fn made<'a, F>(make: impl FnOnce() -> F) -> Answered<'a>
where
    F: Future<Output = Result<Reply, Problem>> + Send + 'a,
{
    Box::pin(make())
}
