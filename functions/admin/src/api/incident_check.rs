//! Checks an incident again: whether what did not fit fits now, by today's code and settings, and by what the provider says now.

use std::sync::Arc;

use bytes::Bytes;
use domain::{
    AppId, IncidentKind, Refund, RefundFailureKind, RefundNum, RefundStatus, Sentence, Status, Transaction,
    TransactionKey, refundable,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use runtime::{ApiError, ConfiguredApp, Reply, Request, error_chain, json};
use serde_json::{Value, json};
use settlement::{ASKING_BOUNDS, Found, Notify, NotifyOutcome, QueryOutcome, ReportOutcome};
use store::{IncidentSubject, KeptIncident};

use super::{
    call::Call, incidents::load, problem::Problem, reconciliations, said, transaction_actions::refused, wrong::Wrong,
};

/// What a check found.
enum Checked {
    /// It fits now.
    Fits,
    /// It does not fit yet, and there is nothing wrong: the provider has not decided, or the sweep does the rest.
    Pending(Option<Sentence>),
    /// It still does not fit.
    Misfit(Sentence),
    /// The message cannot be verified.
    Refused(Sentence),
    /// The provider could not be queried.
    Unanswered(Sentence),
}

/// `POST /apps/{appId}/incidents/{id}/replay`. A message is read again, verified as of the time it arrived, and settled if it matches now.
/// If the incident came from a question or from our books, the provider is queried now. If it is a day that was not compared, the next sweep
/// compares it.
pub(crate) async fn replay(call: &Call<'_>, app: AppId, id: &str) -> Result<Reply, Problem> {
    let kept = load(call, &app, id).await?;
    let checked = match &kept.summary.subject {
        IncidentSubject::Day(day) => {
            reconciliations::ask_for(call, day).await?;
            Checked::Pending(Some(kept.summary.problem))
        }
        IncidentSubject::Try(key) => {
            let configured = call.deps.services.apps.find(&app, call.now).await?;
            let configured = configured.ok_or_else(|| Problem::not_found("app"))?;
            let check = Check { call, configured: &configured, kept: &kept, key };
            match kept.source.as_str() {
                "notify" => check.message().await?,
                "books" => check.books().await?,
                _ => check.answer().await?,
            }
        }
    };
    let (outcome, problem) = match &checked {
        Checked::Fits => ("settled", None),
        Checked::Pending(why) => ("pending", why.as_ref()),
        Checked::Misfit(why) => ("misfit", Some(why)),
        Checked::Refused(why) => ("refused", Some(why)),
        Checked::Unanswered(why) => ("unanswered", Some(why)),
    };
    Ok(json(StatusCode::OK, &said::with(json!({ "outcome": outcome }), said::text("problem", problem))))
}

/// One incident of a try that is checked.
struct Check<'a> {
    call: &'a Call<'a>,
    configured: &'a Arc<ConfiguredApp>,
    kept: &'a KeptIncident,
    key: &'a TransactionKey,
}

impl Check<'_> {
    /// Reads the kept message again.
    async fn message(&self) -> Result<Checked, Problem> {
        let message = message(self.kept)?;
        let now = self.call.now;
        let notify = Notify { key: self.key, request: &message, arrived_at: self.kept.summary.seen_at, now };
        match settlement::take_notify(&self.call.deps.settlement(), self.configured, &notify).await {
            Ok(NotifyOutcome::Taken(ReportOutcome::Settled, _)) => Ok(Checked::Fits),
            Ok(NotifyOutcome::Taken(ReportOutcome::Mismatched(why), _)) => Ok(Checked::Misfit(why)),
            Ok(NotifyOutcome::Taken(ReportOutcome::OtherAccount(_), _)) => {
                Ok(Checked::Misfit(Found::OtherAccount.into()))
            }
            Ok(NotifyOutcome::Refused(error) | NotifyOutcome::Late(error)) => Ok(Checked::Refused(error.into())),
            Ok(NotifyOutcome::Unreadable) => Err(Problem::conflict(Wrong::NobodyReads)),
            Err(error) => Err(refused(error)),
        }
    }

    /// Asks the question again whose answer did not fit.
    async fn answer(&self) -> Result<Checked, Problem> {
        let payment = self.payment().await?;
        let asked = settlement::ask(&self.call.deps.settlement(), self.configured, &payment, ASKING_BOUNDS).await;
        Ok(match asked {
            Ok(QueryOutcome::Closed | QueryOutcome::Settled) => Checked::Fits,
            Ok(QueryOutcome::Pending) => Checked::Pending(None),
            Ok(QueryOutcome::Mismatched(why)) => Checked::Misfit(why),
            Err(error) => unanswered(&error),
        })
    }

    /// What was found in our own records. The provider is queried about the refund or the payment, and our records are read again.
    async fn books(&self) -> Result<Checked, Problem> {
        let problem = &self.kept.summary.problem;
        // A refund that the provider tells two stories about stays one for a person, whatever it tells now.
        if self.kept.summary.kind == IncidentKind::RefundContradiction.name() {
            return Ok(Checked::Misfit(problem.clone()));
        }
        // A surplus payment fits once all of it went back. So does a refund that failed, if another one sent the money.
        if self.payment().await?.status == Status::Refund {
            return Ok(Checked::Fits);
        }
        let num = problem.said.params.get("num").and_then(Value::as_str).and_then(RefundNum::parse);
        let checked = match num {
            Some(num) => self.refund(&num).await?,
            None => self.answer().await?,
        };
        if !matches!(checked, Checked::Fits | Checked::Misfit(_)) {
            return Ok(checked);
        }
        let payment = self.payment().await?;
        Ok(match (payment.status, checked) {
            (Status::Refund, _) => Checked::Fits,
            (_, checked @ Checked::Misfit(_)) => checked,
            (_, checked) if is_about_refund(problem) => checked,
            (_, _) if refundable(&payment).is_none() => Checked::Pending(None),
            (_, _) => Checked::Misfit(problem.clone()),
        })
    }

    /// Queries the provider about an open refund, and says how it stands.
    async fn refund(&self, num: &RefundNum) -> Result<Checked, Problem> {
        let refund = self.load_refund(num).await?;
        if refund.status.is_open() {
            let deps = self.call.deps.settlement();
            match settlement::continue_refund(&deps, self.configured, refund, ASKING_BOUNDS).await {
                // The provider said how the refund ended, and that was the question.
                Ok(_) | Err(ApiError::RefundFailed { .. }) => {}
                Err(error) => return Ok(unanswered(&error)),
            }
        }
        let refund = self.load_refund(num).await?;
        let num = refund.num.to_string();
        Ok(match (refund.status, refund.failure) {
            (RefundStatus::Success, _) => Checked::Fits,
            (RefundStatus::Failed, Some(why)) if why.said.code == RefundFailureKind::GivenUp.code() => Checked::Fits,
            (RefundStatus::Failed, Some(failure)) => Checked::Misfit(Found::RefundFailed { num, failure }.into()),
            (RefundStatus::Stuck, Some(failure)) => Checked::Misfit(Found::RefundStuck { num, failure }.into()),
            (RefundStatus::Pending, Some(failure)) if refund.pause.is_some() => {
                Checked::Misfit(Found::RefundPaused { num, failure }.into())
            }
            (RefundStatus::Pending, _) => Checked::Pending(None),
            (RefundStatus::Failed | RefundStatus::Stuck, None) => Checked::Misfit(self.kept.summary.problem.clone()),
        })
    }

    async fn payment(&self) -> Result<Transaction, Problem> {
        let found = self.call.deps.services.store.find_transaction(self.key).await?;
        found.ok_or_else(|| Problem::not_found("transaction"))
    }

    async fn load_refund(&self, num: &RefundNum) -> Result<Refund, Problem> {
        let TransactionKey { app, mode, bill, .. } = self.key;
        let found = self.call.deps.services.store.find_refund(app, *mode, bill, num).await?;
        found.ok_or_else(|| Problem::not_found("refund"))
    }
}

fn is_about_refund(problem: &Sentence) -> bool {
    problem.said.params.contains_key("num")
}

fn unanswered(error: &ApiError) -> Checked {
    Checked::Unanswered(Sentence { text: error_chain(error), ..error.said() })
}

/// The message as it arrived.
fn message(kept: &KeptIncident) -> Result<Request, Problem> {
    let mut message = Request::new(Bytes::copy_from_slice(&kept.body));
    *message.method_mut() = Method::POST;
    let mut headers = HeaderMap::new();
    for (name, value) in &kept.headers {
        let pair = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        let (name, value) = pair.ok_or_else(|| Problem::conflict(Wrong::KeptUnreadable))?;
        headers.insert(name, value);
    }
    *message.headers_mut() = headers;
    Ok(message)
}
